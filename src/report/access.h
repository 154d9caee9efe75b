/*
 * access - the access report: who has access to which organization, with which roles and divisions, since and
 * until when, and where it is declared
 *
 * Pure. One row for each grant of a person or group, one for a member without any; of a trustor, whose grants
 * cannot be seen from our side, one a member; one for a trust that gives access to everybody there. A member
 * outside its window counts as not declared. The people of a group have rows of their own, with what the
 * group has. Order: organization, trust, direction, name, kind, role, division; or by person first. Text from
 * outside is escaped as in report/report.h; CSV is RFC 4180, with formulas disarmed.
 */
#ifndef TS_REPORT_ACCESS_H
#define TS_REPORT_ACCESS_H

#include "report/report.h"
#include "trust/resolve.h"

/* The people of a group, where they could be asked for. */
struct ts_access_group {
        const struct ts_member *group; /* in @live */
        struct ts_members people;
};

struct ts_access_organization {
        const char *alias;
        const struct ts_live *live;       /* NULL: it could not be read, @error says why */
        const struct ts_desired *desired; /* resolved against @live */
        const char *error;                /* also when only a part could not be read; NULL */
        const struct ts_access_group *groups;
        size_t n_groups;
};

struct ts_access {
        const struct ts_access_organization *organizations;
        size_t n_organizations;
        const struct ts_trust_filter *filter; /* NULL: all */
        const char *const *users;             /* only these: e-mail or id; n_users == 0: all */
        size_t n_users;
        struct ts_texts roles;      /* --role: only these, names or ids; none: all */
        struct ts_texts privileged; /* the privileged roles, names or ids */
        bool only_privileged;       /* --privileged */
        bool only_undeclared;       /* --undeclared */
        int64_t expires_before;     /* --expires-within: what ends by then; TS_TIME_UNSET: all */
        bool by_user;               /* --by user */
        bool verbose;               /* ids, since when and by whom in text */
        int64_t generated_at;
        int64_t live_at; /* the live state is an export of then; 0: it was read */
        const char *revision;
};

/* In any of the formats, TS_FORMAT_CSV too. Check ts_buf_failed() once. */
void ts_access_write(const struct ts_access *a, enum ts_format format, struct ts_buf *out);

/* The role of --role that no organization has, where that is known of all; NULL: each is there. @hint: as of
 * ts_nearest_hint(), "" for none. */
const char *ts_access_find_unknown_role(const struct ts_access *a, char hint[static 160]);

#endif
