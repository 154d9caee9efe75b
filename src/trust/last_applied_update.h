/*
 * last_applied_update - computes the record for the next cycle
 *
 * Pure: combines the old last_applied, the desired state, the live state and the outcomes into a new
 * last_applied. An object is recorded as declared only if it is as declared; one whose change failed, waits
 * or is held keeps its old record, so that its reason stays what it was.
 */
#ifndef TS_TRUST_LAST_APPLIED_UPDATE_H
#define TS_TRUST_LAST_APPLIED_UPDATE_H

#include "trust/last_applied.h"
#include "trust/plan.h"
#include "trust/resolve.h"

struct ts_last_applied_update_input {
        const struct ts_last_applied
                        *old; /* its records of removals and of trusts out of scope are carried over */
        const struct ts_desired *desired;
        const struct ts_live *live;           /* as it was read, before the changes */
        const struct ts_plan *plan;           /* with the outcome in each change */
        const struct ts_trust_filter *filter; /* what is out of scope keeps its record; NULL: nothing is */
        int64_t now;
};

/* Adds a pairing request just made to the old last_applied: it must be saved before its trust is created. */
void ts_last_applied_update_pairing(struct ts_last_applied *m, const struct ts_change *made);

/* Trusts that the plan creates disabled and then enables are on record before the first write: killed in
 * between, the next cycle enables them. Return: there are some. */
bool ts_last_applied_update_openings(struct ts_last_applied *m, const struct ts_plan *plan);

/* The caller owns the result, ts_last_applied_free(). */
struct ts_last_applied *ts_last_applied_update(const struct ts_last_applied_update_input *in) TS_MUST_CHECK
                __attribute__((returns_nonnull));

#endif
