#include "virtual-clock.h"

#include <assert.h>

#include "util/timefmt.h"

#define VIRTUAL_CLOCK_BOOT_USEC (100 * TS_USEC_PER_SEC) /* zero would hide mistakes */

static uint64_t virtual_boottime(void *userdata)
{
        const struct ts_virtual_stream *s = userdata;

        return s->clock->boottime_usec;
}

static int64_t virtual_realtime(void *userdata)
{
        const struct ts_virtual_stream *s = userdata;

        return s->clock->started + (int64_t) (s->clock->boottime_usec / TS_USEC_PER_SEC) + s->skew_sec;
}

/* SplitMix64. */
static uint64_t virtual_random(void *userdata)
{
        struct ts_virtual_stream *s = userdata;
        uint64_t z = s->state += 0x9e3779b97f4a7c15u;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

void ts_virtual_clock_init(struct ts_virtual_clock *c, uint64_t seed, int64_t started)
{
        struct ts_virtual_stream seeds = { .state = seed };

        *c = (struct ts_virtual_clock){ .boottime_usec = VIRTUAL_CLOCK_BOOT_USEC, .started = started };
        for (unsigned i = 0; i < TS_VIRTUAL_CLOCK_STREAMS; i++)
                c->streams[i] = (struct ts_virtual_stream){ .clock = c, .state = virtual_random(&seeds) };
}

struct ts_clock ts_virtual_clock_get(struct ts_virtual_clock *c, unsigned stream)
{
        assert(stream < TS_VIRTUAL_CLOCK_STREAMS);
        return (struct ts_clock){
                .boottime_usec = virtual_boottime,
                .realtime = virtual_realtime,
                .random = virtual_random,
                .userdata = &c->streams[stream],
        };
}

uint64_t ts_virtual_clock_random(struct ts_virtual_clock *c, unsigned stream)
{
        assert(stream < TS_VIRTUAL_CLOCK_STREAMS);
        return virtual_random(&c->streams[stream]);
}

void ts_virtual_clock_advance_to(struct ts_virtual_clock *c, uint64_t boottime_usec)
{
        if (boottime_usec > c->boottime_usec)
                c->boottime_usec = boottime_usec;
}
