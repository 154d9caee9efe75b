/*
 * limits - how much may be taken away at once
 *
 * Pure. Over a limit nothing of the organization is written but what `deny` asks. When the removals of drift
 * alone are too many (a partner may add its own users), only the trusts concerned are held.
 */
#ifndef TS_TRUST_LIMITS_H
#define TS_TRUST_LIMITS_H

#include "trust/memory.h"
#include "trust/plan.h"

/* Adds refusals to @plan and holds changes. @memory NULL, or unreadable: the limits of the day are not
 * checked, and a message says so. @now: our clock; @live has by how much the server's differs. */
void ts_limits_check(struct ts_plan *plan, const struct ts_live *live, const struct ts_limits *limits,
                     const struct ts_memory *memory, int64_t now);

/* Comes first, and no digest lifts it: while the record cannot be read, or is of a newer version, what counts
 * as a removal is refused. */
void ts_limits_check_record(struct ts_plan *plan, const struct ts_memory *memory);

/* Refuses the whole plan for a reason of its own ("plan_digest", "state"). */
void ts_limits_refuse(struct ts_plan *plan, const char *limit, const char *message);

/* After the last check, before the first write: what a refusal keeps back becomes TS_HELD with a note. */
void ts_limits_hold_refused(struct ts_plan *plan);

/* Removals that the plan would make, as the limits count them; for the record of the day. */
uint32_t ts_limits_count_removals(const struct ts_plan *plan, uint32_t *ret_trusts);

#endif
