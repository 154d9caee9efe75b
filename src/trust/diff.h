/*
 * diff - computes the changes that turn the live state into the declared one
 *
 * Pure: no I/O, no clock, no logging, no globals. Equal inputs give an equal plan, whatever the order of the
 * listings. Respects protection, completeness of lists and last_applied, and never adds denied accounts;
 * removals by `deny` are planned in trust/deny.h. The limits come afterwards (trust/limits.h). Cost: linear
 * in members and grants, plus one sort of the changes.
 */
#ifndef TS_TRUST_DIFF_H
#define TS_TRUST_DIFF_H

#include "trust/deny.h"
#include "trust/last_applied.h"
#include "trust/plan.h"
#include "trust/resolve.h"

struct ts_diff_input {
        const char *organization;         /* alias */
        const struct ts_live *live;       /* outlives the plan */
        const struct ts_desired *desired; /* after ts_resolve_grants(); outlives the plan */
        const struct ts_policy *policy;
        const struct ts_last_applied *last_applied; /* NULL: as a fresh one */
        const struct ts_trust_filter *filter;       /* NULL: all */
        int64_t now;                                /* seconds since 1970 */
        /* Whom `deny` and `protect` name, and what `deny` takes away (ts_deny_plan(), with the outcome where
         * it was carried out already): its changes are put among the others. Both NULL: made from what is
         * above. */
        const struct ts_deny *deny;
        const struct ts_plan *denied;
};

/* Our clock and the server's may differ this much; beyond, no time is acted on. */
#define TS_CLOCK_SKEW_MAX_SEC (5 * 60)
bool ts_diff_knows_time(const struct ts_live *live);

struct ts_plan *ts_diff(const struct ts_diff_input *in) TS_MUST_CHECK __attribute__((returns_nonnull));

/* Declared trusts of a direction by id: into decl->trusts. @map is initialised empty; ts_map_done() when it
 * is no longer needed. */
void ts_diff_index(const struct ts_decl_organization *decl, enum ts_direction direction, struct ts_map *map);

/*
 * Is this collection of a live trust needed? When its declaration manages it, and when `deny` has to know it
 * (trust/deny.h). The users also when the trust may be closed while somebody is protected, because a trust
 * with a protected member is protected itself, and when clones are managed, which are told by their users.
 * @decl: its declaration; NULL when there is none
 */
bool ts_diff_wants(const struct ts_decl_trust *decl, const struct ts_policy *policy,
                   const struct ts_trust_filter *filter, const struct ts_trust *trust,
                   enum ts_collection collection);

/* Must customer care be distinguished from other trusts? Yes if it is declared, or if undeclared trusts would
 * be removed. */
bool ts_diff_wants_care(const struct ts_decl_organization *decl, const struct ts_policy *policy);

/* A request of ours to a trustor is renewed so often. */
#define TS_PAIRING_RENEWALS_MAX 5u

#endif
