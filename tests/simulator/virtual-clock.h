/*
 * virtual-clock - time that passes only when it is told to, and chance from a seed
 *
 * Pure. Client and server read the same time but draw from streams of their own, so that one more draw on one
 * side does not change the other's luck.
 */
#ifndef TS_SIMULATOR_VIRTUAL_CLOCK_H
#define TS_SIMULATOR_VIRTUAL_CLOCK_H

#include <stdint.h>

#include "util/clock.h"

#define TS_VIRTUAL_CLOCK_STREAMS 4u

struct ts_virtual_clock;

struct ts_virtual_stream {
        struct ts_virtual_clock *clock;
        uint64_t state;
        int64_t skew_sec; /* of the wall clock that this side sees */
};

struct ts_virtual_clock {
        uint64_t boottime_usec;
        int64_t started; /* the wall clock at boottime 0 */
        struct ts_virtual_stream streams[TS_VIRTUAL_CLOCK_STREAMS];
};

/* Not to be moved afterwards: what ts_virtual_clock_get() returns points into it. */
void ts_virtual_clock_init(struct ts_virtual_clock *c, uint64_t seed, int64_t started);

/* Stream 0 is for the simulator, 1 for its network, the others for clients. */
struct ts_clock ts_virtual_clock_get(struct ts_virtual_clock *c, unsigned stream);

uint64_t ts_virtual_clock_random(struct ts_virtual_clock *c, unsigned stream);
void ts_virtual_clock_advance_to(struct ts_virtual_clock *c, uint64_t boottime_usec); /* never backwards */

#endif
