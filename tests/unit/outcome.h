/*
 * outcome - what came of a change, as a test writes it down without carrying anything out
 */
#ifndef TS_TESTS_OUTCOME_H
#define TS_TESTS_OUTCOME_H

#include "trust/plan.h"

/* Lives as long as @plan; again for the same change: what it holds already stays. */
static inline struct ts_outcome *outcome_of(struct ts_plan *plan, struct ts_change *c)
{
        struct ts_outcome *o = TS_ARENA_NEW(&plan->arena, struct ts_outcome);

        *o = *ts_change_outcome(c);
        c->outcome = o;
        return o;
}

#endif
