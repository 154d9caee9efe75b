#include "reconcile/schedule.h"

#define FIRST_RETRY_USEC (30 * TS_USEC_PER_SEC)

/* @first doubled for each failure after the first one, up to @max. */
static uint64_t doubled(uint64_t first, unsigned n_failures, uint64_t max)
{
        uint64_t wait = first;

        for (unsigned i = 1; i < n_failures && wait < max; i++)
                wait *= 2;
        return wait < max ? wait : max;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

uint64_t ts_schedule_wait(enum ts_outcome outcome, unsigned n_failures, uint64_t interval_usec,
                          uint64_t jitter_usec, uint64_t random)
{
        uint64_t wait, first = interval_usec < FIRST_RETRY_USEC ? interval_usec : FIRST_RETRY_USEC;

        switch (outcome) {
        case TS_OUTCOME_FAILED:
                wait = doubled(first, n_failures, larger(TS_FAILED_WAIT_MAX_USEC, interval_usec));
                break;
        case TS_OUTCOME_DENIED:
                wait = doubled(interval_usec, n_failures, larger(TS_DENIED_WAIT_MAX_USEC, interval_usec));
                break;
        case TS_OUTCOME_GOOD:
        default:
                return interval_usec + (jitter_usec > 0 ? random % (jitter_usec + 1) : 0);
        }
        return wait + random % (wait / 5 + 1);
}
