/*
 * recent - what was written a moment ago, and what is put back again and again
 *
 * Pure. The API shows a write up to five minutes late: an object that was written and still shows its old
 * state waits, is not written again and is not called drift. An object that other hands change again and
 * again is told, and what is given to it slows down; what is taken from it never does.
 */
#ifndef TS_TRUST_RECENT_H
#define TS_TRUST_RECENT_H

#include "trust/memory.h"
#include "trust/plan.h"

#define TS_PROPAGATION_SEC (5 * 60)
#define TS_FIGHT_MIN 3u             /* corrections within a day, from which on it is a fight */
#define TS_FIGHT_WAIT_SEC (15 * 60) /* after the first of them; doubled with each further one */
#define TS_FIGHT_WAIT_MAX_SEC (6 * 60 * 60)
#define TS_CORRECTIONS_MAX 10000u /* remembered; the oldest are forgotten first */

/* After the diff, before the digest and the limits. @memory NULL: nothing is known. */
void ts_recent_check(struct ts_plan *plan, const struct ts_memory *memory, int64_t now);

/* After the plan was carried out: into @new, from @old (what is too old is left out) and from what was
 * sent. */
void ts_recent_remember(struct ts_memory *new, const struct ts_memory *old, const struct ts_plan *plan,
                        int64_t now);

static inline bool ts_change_is_fight(const struct ts_change *c)
{
        return c->n_corrected >= TS_FIGHT_MIN;
}

#endif
