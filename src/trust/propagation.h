/*
 * propagation - writes that do not show yet, and those that never do
 *
 * Pure. The API shows a write up to five minutes late: an object that was written and still shows its old
 * state waits, is not written again and is not called drift. A write that does not show after that time was
 * accepted and ignored: it fails, and is sent again after a time that grows (for what takes access away it
 * stays at a quarter of an hour). A member who was let in again after our removal is no such write: that is
 * new drift, and removed at once.
 */
#ifndef TS_TRUST_PROPAGATION_H
#define TS_TRUST_PROPAGATION_H

#include "trust/last_applied.h"
#include "trust/plan.h"

#define TS_PROPAGATION_SEC (5 * 60)
#define TS_UNSHOWN_WAIT_SEC (15 * 60) /* until an ignored write is sent again; doubled each time */
#define TS_UNSHOWN_WAIT_MAX_SEC (6 * 60 * 60)

/* Call before all other decisions. @live: what the plan was made from. @last_applied NULL: nothing is known.
 */
void ts_propagation_check(struct ts_plan *plan, const struct ts_live *live,
                          const struct ts_last_applied *last_applied, int64_t now);

/* Call after the plan was carried out: updates @new from @old and from what was sent. @sees_all: an object
 * without a change is known to show what was written; false: some objects were not read. */
void ts_propagation_record(struct ts_last_applied *new, const struct ts_last_applied *old,
                           const struct ts_plan *plan, const struct ts_live *live, bool sees_all,
                           int64_t now);

/* Did a membership begin after a removal? Then the member was added again. Both in the server's time.
 * @created: TS_TIME_UNSET: not known, and it did not. */
bool ts_member_is_newer(int64_t created, int64_t removed);

/* Takes nothing from anybody. */
bool ts_change_only_gives(const struct ts_change *c);

/* Was it sent, and may it have had an effect? What the API understood and refused had none. */
bool ts_change_was_written(const struct ts_change *c);

/* The first attempt's wait, doubled up to @max. */
int64_t ts_propagation_backoff(int64_t first, int64_t max, uint32_t n_doubled);

#endif
