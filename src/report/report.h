/*
 * report - the report of a cycle, for people and programs
 *
 * Pure and deterministic. Planned and applied changes are described with the same words. All text from the
 * API or from files is escaped (util/escape.h); in JSON it is a JSON string. Cost: linear.
 */
#ifndef TS_REPORT_REPORT_H
#define TS_REPORT_REPORT_H

#include "json/writer.h"
#include "trust/plan.h"
#include "util/buf.h"
#include "util/sha256.h"

enum ts_format {
        TS_FORMAT_TEXT,
        TS_FORMAT_JSON,
        TS_FORMAT_MARKDOWN,
        TS_FORMAT_CSV, /* of the access report alone */
        TS_FORMAT_HTML,
        TS_FORMAT_MAX_,
        TS_FORMAT_INVALID_ = -1,
};
enum ts_format ts_format_from_string(const char *s);    /* "text", "json", "markdown", "csv", "html" */
enum ts_format ts_format_from_suffix(const char *path); /* .txt .text .json .md .markdown .csv .html */

struct ts_report_organization {
        const char *alias;
        struct ts_id id;            /* nil: not known */
        const struct ts_plan *plan; /* NULL: it was not planned: @err or a refusal says why */
        const struct ts_err *err;   /* what went wrong, before the plan or half-way; NULL */
        const char *how;            /* how the grants were read; NULL; shown when verbose */
        int64_t as_of;              /* when its turn ended; 0: not shown */
};

/* An organization that was not part of this cycle, as it was reported after its last one. In JSON only. */
struct ts_report_kept {
        const char *alias;
        const char *json; /* ts_report_json_organization() */
        struct ts_plan_summary summary;
};

struct ts_report {
        bool applied; /* Done: ..., instead of Plan: ... */
        bool verbose; /* request lines under each change; how the grants were read */
        int64_t generated_at;
        int64_t live_at; /* the live state is an export of then; 0: it was read */
        uint64_t duration_usec;
        uint64_t requests, writes;
        const char *revision;                 /* NULL: unknown */
        const struct ts_digest *content_hash; /* NULL: unknown */
        struct ts_digest digest;              /* of all plans; look at ts_report_has_digest() */
        bool partial; /* only some organizations were due: there is no digest of the run */
        bool complete;
        bool deny_only;     /* no declarations were in force: only `deny` was carried out */
        const char *paused; /* why nothing else was written; NULL: it was */
        /* Settings or declarations on disk that are not in force: since when, and why. */
        const char *const *not_in_force;
        size_t n_not_in_force;
        const struct ts_report_organization *organizations; /* in the order shown */
        size_t n_organizations;
        const struct ts_report_kept *kept; /* sorted by alias, as are @organizations when there are any */
        size_t n_kept;
        const struct ts_refusal *refusals; /* of no single organization's plan (offline ones); organization in
                                              @trust */
        size_t n_refusals;
        struct ts_texts privileged;  /* the privileged roles, names or ids */
        const char *const *messages; /* of no single organization */
        size_t n_messages;
        const char *const *users; /* --user: only changes of these subjects are shown (e-mail or id); counts
                                     stay whole */
        size_t n_users;
        /* The request a change is, e.g. "PUT /api/v2/…"; given by the caller: only genesys knows it. NULL:
         * unknown. */
        void (*describe_request)(const struct ts_change *change, struct ts_buf *out);
};

#define TS_REPORT_MAX_BYTES (256u * 1024u * 1024u)
#define TS_REPORT_MARKDOWN_MAX_CHARACTERS 60000u /* code points; a comment on a pull request holds 65,536 */

/*
 * Over all organizations. Once applied, a change that is still planned (its organization only observes, or
 * the cycle was stopped) is no addition, change or removal any more: ts_report_count_left() tells how many of
 * those there are. An organization that failed counts as one that failed.
 */
struct ts_plan_summary ts_report_summarise(const struct ts_report *r);
struct ts_plan_summary ts_report_summarise_organization(const struct ts_report *r,
                                                        const struct ts_report_organization *o);
size_t ts_report_count_left(const struct ts_report *r); /* 0 unless @r->applied */
size_t ts_report_count_refusals(const struct ts_report *r);
size_t ts_report_count_unplanned(const struct ts_report *r); /* organizations that could not be planned */

/* Did something fail, or could something not be read? */
bool ts_report_has_failed(const struct ts_report *r);

/* The digest says what --plan-digest would carry out; where an organization could not be read, nothing does.
 */
bool ts_report_has_digest(const struct ts_report *r);

/* Check ts_buf_failed(@out) once at the end. TS_REPORT_MAX_BYTES is
 * enough. */
void ts_report_text(const struct ts_report *r, bool color, struct ts_buf *out);
void ts_report_json(const struct ts_report *r, struct ts_buf *out);
void ts_report_json_organization(const struct ts_report *r, size_t i,
                                 struct ts_buf *out); /* its part of that */
/* Members of an object that is open. A time that is not known is null; one without an end is "never". */
void ts_report_add_time(struct ts_json_writer *w, const char *key, int64_t t);
void ts_report_add_summary(struct ts_json_writer *w, const struct ts_plan_summary *s);
void ts_report_markdown(const struct ts_report *r, struct ts_buf *out);
void ts_report_html(const struct ts_report *r, struct ts_buf *out); /* privileged changes first */
/* @format: not TS_FORMAT_CSV. */
void ts_report_write(const struct ts_report *r, enum ts_format format, bool color, struct ts_buf *out);

#endif
