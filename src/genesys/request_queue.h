/*
 * request_queue - sends batches of calls to the API, with retries, and determines a verdict for each
 *
 * The caller hands in a batch and gets a verdict for each call, in the order of the batch; the order in which
 * answers arrive cannot be seen. Blocks only in transport->pump(), which serves the loop. Logs at LOG_DEBUG
 * only.
 *
 * Gate: a batch with an operation that `writes` is refused whole with -EROFS, and nothing of it reaches the
 * transport, unless writes are allowed.
 *
 * Budget: see budget.h; token requests count.
 *
 * Retries: connection failures, 408, 429, 5xx other than 501, broken or truncated answers: at most 6 tries a
 * call, exponential from 1 s (full jitter) up to 60 s; Retry-After instead when it says more, clamped to
 * 1 s to 15 min (0, negative, garbage: absent; then the "[42]" in the message of a 429). A 429 pauses all
 * calls of this queue. A call whose effect is possible and that is not idempotent is never repeated: its
 * verdict is TS_VERDICT_UNKNOWN.
 *
 * End: three consecutive calls of a batch that give up without a connection, or after 5xx of operations
 * without which nothing can be planned, end the queue (TS_VERDICT_STOPPED for the rest), as do refused
 * credentials, until ts_request_queue_begin(). Any other 5xx is that of the object: its call fails alone;
 * after eight of them, further ones get two tries only, so that the budget is not spent on them.
 *
 * Waits: a best-effort queue makes two attempts of at most 10 s, waits for nothing longer, and the first call
 * that gives up ends it. Once the next cycle is due, a queue with nothing but failures for 10 s ends.
 *
 * No text of an answer repeats the token (redact.h).
 */
#ifndef TS_GENESYS_REQUEST_QUEUE_H
#define TS_GENESYS_REQUEST_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "genesys/budget.h"
#include "genesys/operations.h"
#include "genesys/transport.h"
#include "json/reader.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/id.h"

#define TS_TOKEN_MAX_BYTES 16384u

enum ts_verdict {
        TS_VERDICT_OK,        /* 2xx; json is the body (NULL for 204) */
        TS_VERDICT_NOT_FOUND, /* 404, 410 */
        TS_VERDICT_FORBIDDEN, /* 403 */
        TS_VERDICT_REJECTED,  /* 400, 409, other 4xx: the API understood and refused */
        TS_VERDICT_UNKNOWN,   /* a POST that may have had its effect, its answer lost: read back, decide */
        TS_VERDICT_FAILED,    /* failed after all retries, or the response cannot be used */
        TS_VERDICT_STOPPED,   /* without effect: stop asked for, no token, or one of another organization */
        TS_VERDICT_MAX_,
};

struct ts_call {
        enum ts_operation op;
        struct ts_id ids[2];      /* as many as the operation has */
        unsigned page_size, page; /* paged operations: page >= 1 */
        bool is_optional; /* optional: one attempt; its failure neither stops nor delays other calls, except a
                             429 when the batch has a deadline (until_usec) */
        const char *body; /* JSON; borrowed for the batch; NULL: none */
        size_t body_len;
};

struct ts_call_result {
        enum ts_verdict verdict;
        long status;                /* of the last answer; 0: none */
        const struct ts_json *json; /* see ts_batch.arena; NULL when there was no body */
        bool is_conflict;           /* of a rejection: somebody else has changed the object meanwhile */
        bool is_html;               /* the answer is a page for people */
        char code[64];              /* ErrorBody's code: "not.found"; "" when absent */
        char correlation[128];      /* ININ-Correlation-Id, else contextId; "" when absent */
        /* Set unless the verdict is OK: "acme: GET /api/v2/...: 403 missing.permissions, a role of the client
         * needs the permission 'authorization:orgTrustee:view': ... (correlation id ...)". */
        struct ts_err err;
        unsigned n_tries;
};

struct ts_client_statistics {
        uint64_t requests, writes, retries; /* requests: every exchange started, token included */
        uint64_t by_class[6];               /* answers by status / 100; [0]: no answer */
};

/* A batch of calls. Answers come in any order; what is seen of them is by index. */
struct ts_batch {
        const struct ts_call *calls;
        size_t n;
        struct ts_call_result *results; /* the caller's, n, all of them written; NULL: on_result sees all */
        struct ts_arena *arena; /* gets the JSON of the answers; NULL: json is valid only inside on_result */
        /* Optional: called once a call, as soon as it has its verdict, so that a long batch need not hold
         * every answer. It only stores results, by @i, and must not run calls itself. */
        void (*on_result)(size_t i, const struct ts_call_result *result, void *userdata);
        void *userdata;
        /* boottime: what cannot be sent before it (a 429 asked for a pause) fails unsent; 0: it waits */
        uint64_t until_usec;
};

/* What calls are sent with. */
struct ts_token {
        struct ts_buf header; /* "Bearer ...", secret; empty: none */
        uint64_t number;      /* counts the tokens; 0: none yet */
        bool is_refused;      /* the platform answered 401 to it: set by the queue */
};

struct ts_request_queue_options { /* strings are borrowed */
        const char *alias;        /* for messages */
        const char *client_id;    /* the same */
        const char *api_url;      /* without a trailing slash */
        const char *login_url;
        struct ts_token *token; /* borrowed */
        /* Called before calls are sent: sees to it that @token is one that may be used now. */
        int (*ensure_token)(void *userdata, struct ts_err *err);
        void *token_userdata;
        unsigned requests_per_minute;   /* 0: no budget */
        unsigned concurrency;           /* calls in flight */
        uint64_t timeout_usec;          /* of one exchange */
        const bool *stop;               /* looked at before every request and wait; NULL: never */
        const bool *next_cycle_pending; /* the next cycle is; NULL: it never is */
        bool is_best_effort;            /* see above */
};

struct ts_request_queue;

/* @transport is borrowed and outlives the queue, as @clock. @options is copied. */
struct ts_request_queue *ts_request_queue_new(const struct ts_request_queue_options *options,
                                              struct ts_transport *transport,
                                              const struct ts_clock *clock) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_request_queue_free(struct ts_request_queue *queue); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_request_queue, ts_request_queue_free)

/* Another transport from now on; nothing may be under way. */
void ts_request_queue_use(struct ts_request_queue *queue, struct ts_transport *transport);

void ts_request_queue_allow_writes(struct ts_request_queue *queue, bool allow); /* at first: not */

/* Begins a cycle: clears the reason for which the queue had ended. */
void ts_request_queue_begin(struct ts_request_queue *queue);

/* Nothing more is sent in this cycle, and @err is why. */
void ts_request_queue_end(struct ts_request_queue *queue, const struct ts_err *err);
bool ts_request_queue_is_ended(const struct ts_request_queue *queue);

/* May anything more be sent? Return: 0; -ECANCELED: stop is asked for; else why the queue ended. */
int ts_request_queue_check(const struct ts_request_queue *queue, struct ts_err *err) TS_MUST_CHECK;

/*
 * ts_request_queue_run - runs a batch, at most `concurrency` calls at a time
 *
 * Return: 0 when every call has a verdict (whatever it is); negative when the queue cannot be used any more
 * in this cycle (authentication, wrong organization, stopped, the loop failed): the calls without an answer
 * have TS_VERDICT_STOPPED, and @err says why.
 */
int ts_request_queue_run(struct ts_request_queue *queue, const struct ts_batch *batch,
                         struct ts_err *err) TS_MUST_CHECK;

/*
 * ts_request_queue_run_first - runs one call before all others; of them only those that were sent already
 * are answered meanwhile. May be called from ensure_token().
 * @put_header: the value of its Authorization header, for each try
 * @ret_json:   the answer, in @arena
 *
 * Return: 0: the verdict is TS_VERDICT_OK; else why not.
 */
int ts_request_queue_run_first(struct ts_request_queue *queue, const struct ts_call *call,
                               int (*put_header)(struct ts_buf *header, const void *userdata,
                                                 struct ts_err *err),
                               const void *userdata, struct ts_arena *arena, const struct ts_json **ret_json,
                               struct ts_err *err) TS_MUST_CHECK;

/* Waits (serving the loop) until @usec have passed or stop is asked for. */
int ts_request_queue_wait(struct ts_request_queue *queue, uint64_t usec, struct ts_err *err) TS_MUST_CHECK;

struct ts_budget *ts_request_queue_get_budget(struct ts_request_queue *queue);
const struct ts_client_statistics *ts_request_queue_get_statistics(const struct ts_request_queue *queue);

/* Server's Date minus our clock, in seconds: the largest difference of this cycle; 0 when no answer had
 * one. */
int64_t ts_request_queue_get_clock_skew(const struct ts_request_queue *queue);

const char *ts_verdict_to_string(enum ts_verdict v);

#endif
