/*
 * access-rows - the rows of an access report, and what stands in their columns
 *
 * Pure. Collected, filtered and sorted once; every format writes the same rows. What the rows point to is
 * borrowed from the ts_access they are made of.
 */
#ifndef TS_REPORT_ACCESS_ROWS_H
#define TS_REPORT_ACCESS_ROWS_H

#include "report/access.h"
#include "report/words.h"
#include "util/limits.h"

struct ts_access_row {
        const struct ts_access *in;
        const struct ts_access_organization *organization;
        const struct ts_trust *trust;
        const struct ts_decl_trust *decl; /* NULL: the trust is not declared */
        const struct ts_member *member;   /* NULL: everybody of that organization */
        const struct ts_member *via;      /* the group by which @member comes in; NULL: it is one itself */
        const struct ts_desired_member *desired; /* NULL: the member is not declared */
        const struct ts_grant *grant;            /* NULL: none, or they cannot be seen */
        const struct ts_source *declared;        /* NULL: not declared */
        int64_t until;                           /* TS_TIME_NEVER: no end */
        const char *person;                      /* the first of the names that this id has in the report */
        bool is_outside;      /* declared, but not for now: its window is over or to come */
        bool is_privileged;   /* the role is, or the trust has full access */
        bool is_role_unknown; /* which roles it has, or which others, cannot be seen */
};

struct ts_access_rows {
        const struct ts_access *in;
        struct ts_access_row *items;
        size_t n, n_allocated;
        size_t n_undeclared, n_privileged;
        size_t n_unknown; /* members left out by --role or --privileged whose roles are not known */
};

void ts_access_rows_collect(struct ts_access_rows *r, const struct ts_access *a);
void ts_access_rows_done(struct ts_access_rows *r);

/* Does another trust (or person, with by_user) begin with this row? */
bool ts_access_row_begins(const struct ts_access_rows *r, size_t i);

enum ts_access_column {
        TS_ACCESS_ORGANIZATION,
        TS_ACCESS_DIRECTION,
        TS_ACCESS_TRUST,
        TS_ACCESS_STATE,
        TS_ACCESS_KIND,
        TS_ACCESS_NAME,
        TS_ACCESS_ROLE,
        TS_ACCESS_DIVISION,
        TS_ACCESS_SINCE,
        TS_ACCESS_BY,
        TS_ACCESS_UNTIL,
        TS_ACCESS_DECLARED,
        TS_ACCESS_COLUMNS_SHOWN, /* to people */
        /* Of CSV alone: names are their owners' choice, the ids say who it is. */
        TS_ACCESS_TRUST_ID = TS_ACCESS_COLUMNS_SHOWN,
        TS_ACCESS_ID,
        TS_ACCESS_BY_ID,
        TS_ACCESS_BY_ORGANIZATION,
        TS_ACCESS_ORGANIZATION_ID,
        TS_ACCESS_TRUST_NAME,
        TS_ACCESS_ROLE_ID,
        TS_ACCESS_DIVISION_ID,
        TS_ACCESS_PRIVILEGED,
        TS_ACCESS_VIA,
        TS_ACCESS_VIA_ID,
        TS_ACCESS_LAST_LOGIN,
        TS_ACCESS_FILE,
        TS_ACCESS_LINE,
        TS_ACCESS_OWNER,
        TS_ACCESS_TICKET,
        TS_ACCESS_NOTE,
        TS_ACCESS_REVISION,
        TS_ACCESS_GENERATED_AT,
        TS_ACCESS_COLUMNS,
};

const char *ts_access_title(enum ts_access_column c);

struct ts_access_cell {
        char buf[TS_YAML_SCALAR_MAX_BYTES + 64]; /* a path with its line is the longest */
        const char *text;                        /* in @buf or elsewhere; never NULL */
        bool is_name;                            /* that somebody else chose */
};
void ts_access_cell(const struct ts_access_row *r, enum ts_access_column column, struct ts_access_cell *c);

/* Of a member, or of the trust where that is what gives access. */
enum ts_kind ts_access_kind(const struct ts_access_row *r);
int64_t ts_access_since(const struct ts_access_row *r);
const struct ts_person *ts_access_by(const struct ts_access_row *r); /* NULL: unknown */
struct ts_decl_labels ts_access_labels(const struct ts_access_row *r);
const char *ts_access_state(const struct ts_access_row *r);

/* A cell for people: texts from outside cannot imitate the program's own, and ids identify the people named.
 */
void ts_access_put_cell(const struct ts_access_row *row, enum ts_access_column c, ts_words_put plain,
                        ts_words_put name, struct ts_buf *out);

/* "18 rows, 5 privileged, 11 not declared" */
void ts_access_put_counts(const struct ts_access_rows *r, struct ts_buf *out);

/* "Only privileged roles, only ...": says how the report is filtered. False, and no text: it is not filtered.
 */
bool ts_access_put_questions(const struct ts_access *a, ts_words_put put, struct ts_buf *out);

/* The page; access-html.c. */
void ts_access_html(const struct ts_access_rows *r, struct ts_buf *out);

#endif
