#include "cli/progress.h"

#include <stdlib.h>

#include "util/log.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define FIRST_USEC (1 * TS_USEC_PER_SEC) /* short runs show nothing */
#define EVERY_USEC (200 * TS_USEC_PER_MSEC)

struct progress {
        struct ts_transport transport;
        struct ts_transport *inner;
        const struct ts_clock *clock;
        uint64_t n_started, began_usec, next_usec;
};

static void progress_start(struct ts_transport *t, const struct ts_request *request,
                           ts_transport_done on_done, void *userdata)
{
        struct progress *p = (struct progress *) t;

        p->n_started++;
        p->inner->start(p->inner, request, on_done, userdata);
}

static int progress_pump(struct ts_transport *t, uint64_t deadline_boottime_usec, struct ts_err *err)
{
        struct progress *p = (struct progress *) t;
        uint64_t now = ts_clock_boottime(p->clock);

        if (p->began_usec == 0) {
                p->began_usec = now;
                p->next_usec = now + FIRST_USEC;
        }
        if (now >= p->next_usec) {
                ts_log_progress("%llu request%s, %s", (unsigned long long) p->n_started, TS_S(p->n_started),
                                ts_span_format((now - p->began_usec) / TS_USEC_PER_SEC * TS_USEC_PER_SEC).s);
                p->next_usec = now + EVERY_USEC;
        }
        return p->inner->pump(p->inner, deadline_boottime_usec, err);
}

static void progress_cancel_all(struct ts_transport *t)
{
        struct progress *p = (struct progress *) t;

        p->inner->cancel_all(p->inner);
}

static void progress_free(struct ts_transport *t)
{
        struct progress *p = (struct progress *) t;

        ts_transport_free(p->inner);
        free(p);
}

struct ts_transport *ts_progress_new(struct ts_transport *inner, const struct ts_clock *clock)
{
        struct progress *p = ts_calloc(1, sizeof(*p));

        p->transport = (struct ts_transport){ progress_start, progress_pump, progress_cancel_all,
                                              progress_free };
        p->inner = inner;
        p->clock = clock;
        return &p->transport;
}
