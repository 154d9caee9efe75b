/*
 * offline - planning against an export, and as if earlier declarations had been in force
 *
 * Pure. An export is a live state written as declarations, with the ids of all names (report/export.h);
 * here it becomes a live state again, the same as it was exported from as far as a plan can see: what is
 * planned against it is what would have been planned then.
 */
#ifndef TS_TRUST_OFFLINE_H
#define TS_TRUST_OFFLINE_H

#include "trust/last_applied.h"
#include "trust/resolve.h"

struct ts_exported_ids {
        bool known;
        struct ts_id *items;
        size_t n;
};

/* What an export says of a trust besides its declaration. */
struct ts_exported_trust {
        enum ts_direction direction;
        struct ts_id id;
        const char *name; /* NULL: not known */
        bool enabled;     /* this and the next: of trustors and customer care; a trustee's are declared */
        int64_t expires;
        bool customer_care;
        TS_COLLECTIONS_OF(struct ts_exported_ids); /* of customer care, whose members are declared nowhere */
};

/* A member that its declaration names by id. */
struct ts_exported_member {
        struct ts_id id;
        const char *email, *name; /* NULL: not known */
};

/* The `exported:` section. Every list is without duplicates. */
struct ts_exported {
        int64_t time;
        struct ts_id organization;
        bool names_complete; /* the lists of roles and divisions are */
        bool care_known;     /* which trusts are customer care, and whether there is one */
        struct ts_named *roles, *divisions;
        struct ts_exported_trust *trusts;
        struct ts_exported_member *members;
        struct ts_named *users, *groups; /* of our own organization: by e-mail, by name */
        size_t n_roles, n_divisions, n_trusts, n_members, n_users, n_groups;
        bool has_users, has_groups; /* they were asked for */
};

/*
 * ts_offline_live - @decl, which is an export, as live state
 *
 * Borrows the texts of both. The caller owns the result, ts_live_free(). Collections and lists that the
 * export leaves out are not known (TS_COVERAGE_NONE), and so are grants that it does not manage.
 */
struct ts_live *ts_offline_live(const struct ts_decl_organization *decl,
                                const struct ts_exported *exported) TS_MUST_CHECK
                __attribute__((returns_nonnull));

/* The id of one of our own users (by e-mail) or groups (by name); nil when it is not exactly one. */
struct ts_id ts_offline_find(const struct ts_exported *exported, enum ts_kind kind, const char *key);

/*
 * ts_offline_take_found - copies search results of the newer declarations to the earlier ones
 * @base:  after ts_resolve_members(), before ts_resolve_grants()
 * @newer: with the members that a search found, and what the caller knows of partners
 */
void ts_offline_take_found(struct ts_desired *base, const struct ts_desired *newer);

/*
 * ts_offline_last_applied - as if everything that @base asks for had been in force
 * @base: the earlier declarations, resolved against @live
 * @real: the actual record: pairing requests, disabled trusts and the like are copied; NULL: none
 *
 * With it a plan of newer declarations tells what they change (config) from what the earlier ones would
 * have changed too (drift), of all that is there. Nothing in it counts as removed. The caller owns the
 * result.
 */
struct ts_last_applied *ts_offline_last_applied(const struct ts_desired *base, const struct ts_live *live,
                                                const struct ts_last_applied *real, int64_t now) TS_MUST_CHECK
                __attribute__((returns_nonnull));

/*
 * ts_offline_mark - marks changes that @base would make too as drift
 * @base: the plan of the earlier declarations
 *
 * For changes where last_applied cannot distinguish the two: creation and deletion of trusts.
 */
void ts_offline_mark(struct ts_plan *plan, const struct ts_plan *base);

#endif
