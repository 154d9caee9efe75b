/*
 * limits - bounds the removals of a cycle and of a day
 *
 * Pure. Over a limit of the organization nothing of it is written but what `deny` asks; a percentage of a
 * trust holds that trust. Drift is counted for each trust by itself, and holds what is drift in it: a partner
 * that adds its own users cannot block removals in other trusts. A future end counts in the 24 hours that
 * contain it.
 */
#ifndef TS_TRUST_LIMITS_H
#define TS_TRUST_LIMITS_H

#include "trust/last_applied.h"
#include "trust/plan.h"

/* Adds refusals to @plan and holds changes. @last_applied NULL, or unreadable: the limits of the day are not
 * checked, and a message says so. @now: our clock; @live has by how much the server's differs. */
void ts_limits_check(struct ts_plan *plan, const struct ts_live *live, const struct ts_limits *limits,
                     const struct ts_last_applied *last_applied, int64_t now);

/* Call it first; no digest overrides it. While the record is damaged or of a newer version, everything that
 * counts as a removal is refused. */
void ts_limits_check_record(struct ts_plan *plan, const struct ts_last_applied *last_applied);

/* Refuses the whole plan for a reason of its own ("plan_digest", "state"). */
void ts_limits_refuse(struct ts_plan *plan, const char *limit, const char *message);

/* After the last check, before the first write: what a refusal keeps back becomes TS_HELD with a note. */
void ts_limits_hold_refused(struct ts_plan *plan);

/* Removals as the limits count them; for the record of the day. */
struct ts_removals {
        uint32_t n, n_trusts;                /* of the organization */
        struct ts_last_applied_drift *drift; /* of each trust; when is not set */
        size_t n_drift;
};
struct ts_removals ts_limits_count_planned(const struct ts_plan *plan); /* ts_removals_done() */
struct ts_removals ts_limits_count_sent(const struct ts_plan *plan);
void ts_removals_done(struct ts_removals *r);

#endif
