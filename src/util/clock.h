/*
 * clock - time and random numbers, passed in by the caller
 *
 * No code below main reads them from the system, so that a simulation can pass in a virtual clock.
 */
#ifndef TS_UTIL_CLOCK_H
#define TS_UTIL_CLOCK_H

#include <stdint.h>

struct ts_clock {
        /* monotonic, counts during suspend: timers, token lifetime, budget */
        uint64_t (*boottime_usec)(void *userdata);
        /* seconds since 1970: windows, deletion, the rolling day */
        int64_t (*realtime)(void *userdata);
        /* 64 random bits: jitter */
        uint64_t (*random)(void *userdata);
        void *userdata;
};

/* The system's: CLOCK_BOOTTIME, CLOCK_REALTIME, getrandom(). */
extern const struct ts_clock ts_clock_system;

static inline uint64_t ts_clock_boottime(const struct ts_clock *c)
{
        return c->boottime_usec(c->userdata);
}

static inline int64_t ts_clock_realtime(const struct ts_clock *c)
{
        return c->realtime(c->userdata);
}

/* Evenly in [0, n); n > 0. */
static inline uint64_t ts_clock_random_below(const struct ts_clock *c, uint64_t n)
{
        return c->random(c->userdata) % n;
}

#endif
