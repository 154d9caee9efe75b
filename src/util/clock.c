#include "util/clock.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "util/timefmt.h"

static uint64_t system_boottime_usec(void *userdata)
{
        struct timespec ts = { 0 };
        int r;

        (void) userdata;
        r = clock_gettime(CLOCK_BOOTTIME, &ts);
        assert(r == 0);
        (void) r;
        return (uint64_t) ts.tv_sec * TS_USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

static int64_t system_realtime(void *userdata)
{
        (void) userdata;
        return (int64_t) time(NULL);
}

static uint64_t system_random(void *userdata)
{
        uint64_t v = 0;

        /* Cannot fail but for a signal before the kernel has entropy. Jitter is no secret: if it does, time
         * will do. */
        while (getrandom(&v, sizeof(v), 0) != sizeof(v))
                if (errno != EINTR)
                        return system_boottime_usec(userdata) * UINT64_C(0x9e3779b97f4a7c15);
        return v;
}

const struct ts_clock ts_clock_system = {
        .boottime_usec = system_boottime_usec,
        .realtime = system_realtime,
        .random = system_random,
};
