/*
 * contention - objects that another writer changes again and again
 *
 * Pure. An object that is put back three times in a day is reported as contended; additions to it back off,
 * removals never do.
 */
#ifndef TS_TRUST_CONTENTION_H
#define TS_TRUST_CONTENTION_H

#include "trust/last_applied.h"
#include "trust/plan.h"

#define TS_FIGHT_MIN 3u             /* corrections within a day, from which on it is a fight */
#define TS_FIGHT_WAIT_SEC (15 * 60) /* after the first of them; doubled with each further one */
#define TS_FIGHT_WAIT_MAX_SEC (6 * 60 * 60)
#define TS_CORRECTIONS_MAX 10000u /* remembered; the oldest are forgotten first */

/* After ts_propagation_check(). @last_applied NULL: nothing is known. */
void ts_contention_check(struct ts_plan *plan, const struct ts_last_applied *last_applied, int64_t now);

/* Call after the plan was carried out: updates @new from @old (without expired entries) and from what was
 * sent. */
void ts_contention_record(struct ts_last_applied *new, const struct ts_last_applied *old,
                          const struct ts_plan *plan, int64_t now);

static inline bool ts_change_is_fight(const struct ts_change *c)
{
        return c->n_corrected >= TS_FIGHT_MIN;
}

#endif
