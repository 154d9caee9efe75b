/*
 * schedule - when the next cycle begins
 *
 * Pure: time and chance are handed in.
 */
#ifndef TS_RECONCILE_SCHEDULE_H
#define TS_RECONCILE_SCHEDULE_H

#include <stdint.h>

#include "util/timefmt.h"

enum ts_outcome {
        TS_OUTCOME_GOOD,   /* the interval */
        TS_OUTCOME_FAILED, /* network, 5xx, a single change: sooner than the interval, then later and later */
        TS_OUTCOME_DENIED, /* credentials: later and later, so that nobody's client is locked out */
};

/* After this many failures in a row the wait no longer grows. */
#define TS_FAILED_WAIT_MAX_USEC (15 * TS_USEC_PER_MINUTE)
#define TS_DENIED_WAIT_MAX_USEC TS_USEC_PER_HOUR

/*
 * ts_schedule_wait - from the end of a cycle to the next one
 * @n_failures: cycles in a row that did not end well, this one counted
 * @random:     64 random bits, for the jitter: up to @jitter_usec, after a failure up to a fifth of the wait
 */
uint64_t ts_schedule_wait(enum ts_outcome outcome, unsigned n_failures, uint64_t interval_usec,
                          uint64_t jitter_usec, uint64_t random);

#endif
