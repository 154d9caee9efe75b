/*
 * transport - one HTTP exchange at a time, many at once
 *
 * An interface with two makers: curl multi on an sd-event loop (transport-curl.h), and the simulator
 * in-process (tests). Exactly one on_done per started request, from pump() only, never from inside start().
 */
#ifndef TS_GENESYS_TRANSPORT_H
#define TS_GENESYS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/macros.h"

enum ts_method {
        TS_GET,
        TS_POST,
        TS_PUT,
        TS_DELETE,
};
const char *ts_method_to_string(enum ts_method m);

struct ts_request {
        enum ts_method method;
        const char *url; /* borrowed until on_done */
        /* whole header value ("Bearer ...", "Basic ..."), borrowed until on_done; secret; NULL: none */
        const char *authorization;
        const char *content_type; /* NULL: no body */
        const char *body;         /* borrowed until on_done */
        size_t body_len;
        uint64_t timeout_usec; /* of the whole exchange */
        bool writes;           /* when the process ends, its answer is waited for a little */
};

/* What a failed exchange says of its effect on the server. */
enum ts_effect {
        TS_EFFECT_NONE,     /* it surely never arrived: no connection, TLS refused */
        TS_EFFECT_POSSIBLE, /* sent, or partly sent, and no whole answer came back */
        TS_EFFECT_ANSWERED, /* a whole answer is there: look at its status */
};

/* Borrowed by on_done for its duration, except the body, which on_done may take over: TS_TAKE(body.data). */
struct ts_answer {
        int r; /* 0: answered; negative errno: not (see effect and error) */
        enum ts_effect effect;
        bool is_fatal; /* not worth a retry: bad certificate, protocol not allowed, answer over its cap */
        long status;
        struct ts_buf body;      /* at most TS_HTTP_BODY_MAX_BYTES */
        int64_t retry_after_sec; /* as sent, not clamped; -1: absent or not a number */
        int64_t date;            /* Date header; TS_TIME_UNSET when absent */
        char correlation[128];   /* ININ-Correlation-Id; "" when absent */
        /* inin-ratelimit-count, -allowed, -reset: requests of this client in the platform's current minute,
         * how many it may make, seconds until the next one; not positive: absent. */
        int64_t ratelimit_count, ratelimit_allowed, ratelimit_reset_sec;
        int family;      /* AF_INET or AF_INET6, of the address that it came from; AF_UNSPEC: not known */
        char error[256]; /* for people, when r < 0 */
};

typedef void (*ts_transport_done)(struct ts_answer *answer, void *userdata);

struct ts_transport {
        /* @request's borrowed fields outlive the exchange. @userdata goes to @on_done. */
        void (*start)(struct ts_transport *t, const struct ts_request *request, ts_transport_done on_done,
                      void *userdata);
        /* Serves the loop until at least one on_done was called, @deadline_boottime_usec passed (UINT64_MAX:
         * none), or an event of somebody else was served (a signal's handler may have set a flag that the
         * caller has to look at). Return: 0, or negative errno when the loop itself failed. */
        int (*pump)(struct ts_transport *t, uint64_t deadline_boottime_usec, struct ts_err *err);
        /* Cancels all started requests without calling their on_done. */
        void (*cancel_all)(struct ts_transport *t);
        void (*free)(struct ts_transport *t);
};

void ts_transport_free(struct ts_transport *t); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_transport, ts_transport_free)

#endif
