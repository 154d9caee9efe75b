/*
 * client - one organization's API: token, budget, retries, and the gate that keeps a dry run from writing
 *
 * Straight-line callers hand in a batch of calls and get a verdict for each, in the order of the batch; the
 * order in which answers arrive cannot be seen. Blocks only in transport->pump(), which serves the loop. Logs
 * at LOG_DEBUG only.
 *
 * Token: client credentials with Basic authentication. Fetched when first needed, renewed at two thirds of
 * its life (a renewal that fails because of an outage is put off while the old token lives), once anew after
 * a 401 (not for `ip.not.authorized`); after every new token GET organizations/me must answer the settings'
 * organization id before anything else is sent. The secret is read anew for every token and wiped at once.
 *
 * Retries: connection failures, 408, 429, 5xx other than 501, broken or truncated answers: at most 6 tries a
 * call, exponential from 1 s (full jitter) up to 60 s; Retry-After instead when it says more, clamped to
 * 1 s to 15 min (0, negative, garbage: absent; then the "[42]" in the message of a 429). A 429 pauses all
 * calls of this client. A call whose effect is possible and that is not idempotent is never repeated: its
 * verdict is TS_VERDICT_UNKNOWN. Three calls in a row of a batch that give up without a connection, or after
 * 5xx of operations without which nothing can be planned, stop the client (TS_VERDICT_STOPPED for the rest),
 * as do refused credentials, until ts_client_connect(). Any other 5xx is that of the object: its call fails
 * alone; after eight of them in a cycle, further ones get two tries only, so that the budget is not spent on
 * them.
 *
 * Budget: at most requests_per_minute starts in any 60 s, token requests included; fewer where the platform
 * says that it allows fewer (inin-ratelimit-allowed).
 *
 * No text of an answer repeats the token (redact.h).
 *
 * Of several tasks (scheduler.h) each has clients of its own. One that asks for another organization's task
 * is best-effort: two tries of at most 10 s, nothing is waited for longer, and the first call that gives
 * up stops it. Once the next cycle is due, what has done nothing but fail for 10 s is not waited for any
 * more.
 */
#ifndef TS_GENESYS_CLIENT_H
#define TS_GENESYS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "genesys/operations.h"
#include "genesys/transport.h"
#include "json/reader.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/id.h"

#define TS_CLIENT_PAGE_SIZE 100u

/* Reads the client secret into @secret (a secret buffer). The daemon's knows `credential:` and `file:`. */
typedef int (*ts_secret_reader)(struct ts_buf *secret, void *userdata, struct ts_err *err);

struct ts_client_options {   /* strings are borrowed and outlive the client */
        const char *alias;   /* for messages */
        const char *api_url; /* without a trailing slash */
        const char *login_url;
        const char *client_id;
        struct ts_id organization_id; /* nil: not pinned; then nothing may be written */
        ts_secret_reader read_secret;
        void *secret_userdata;
        unsigned requests_per_minute;   /* 0: no budget */
        unsigned concurrency;           /* calls in flight */
        uint64_t timeout_usec;          /* of one exchange */
        const bool *stop;               /* looked at before every request and wait; NULL: never */
        const bool *next_cycle_pending; /* the next cycle is; NULL: it never is */
        bool is_best_effort;            /* see above */
};

enum ts_verdict {
        TS_VERDICT_OK,        /* 2xx; json is the body (NULL for 204) */
        TS_VERDICT_NOT_FOUND, /* 404, 410 */
        TS_VERDICT_FORBIDDEN, /* 403 */
        TS_VERDICT_REJECTED,  /* 400, 409, other 4xx: the API understood and refused */
        TS_VERDICT_UNKNOWN,   /* a POST that may have had its effect, its answer lost: read back, decide */
        TS_VERDICT_FAILED,    /* given up after the retries, or an answer that cannot be used */
        TS_VERDICT_STOPPED,   /* without effect: stop asked for, no token, or one of another organization */
        TS_VERDICT_MAX_,
};

struct ts_call {
        enum ts_operation op;
        struct ts_id ids[2];      /* as many as the operation has */
        unsigned page_size, page; /* paged operations: page >= 1 */
        bool is_optional; /* nice to know: one try, and whatever comes of it stops or delays no other call,
                           * but a 429 where the batch has an end (until_usec) */
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

struct ts_client;

/* @transport is borrowed (shared by the clients of a cycle) and outlives the client, as @clock. @options is
 * copied. */
struct ts_client *ts_client_new(const struct ts_client_options *options, struct ts_transport *transport,
                                const struct ts_clock *clock) TS_MUST_CHECK __attribute__((returns_nonnull));
/* Another transport from now on; nothing may be under way. */
void ts_client_use(struct ts_client *client, struct ts_transport *transport);
void ts_client_free(struct ts_client *client); /* wipes the token; NULL is fine */
TS_DEFINE_CLEANUP(struct ts_client, ts_client_free)

/* Off at birth: a batch with an operation that `writes` is refused whole with -EROFS, and nothing of it
 * reaches the transport. Needs a pinned organization. */
void ts_client_allow_writes(struct ts_client *client, bool allow);

/* Begins a cycle: what stopped the client before is forgotten. */
void ts_client_begin(struct ts_client *client);

/* A tenth of the budget is kept for `deny`: it is used by what is asked while @is_urgent. @has_urgent: there
 * is such a part. */
void ts_client_set_urgent(struct ts_client *client, bool has_urgent, bool is_urgent);

/* How much of the budget may be used from now on, at most all of it. */
void ts_client_set_budget(struct ts_client *client, unsigned requests_per_minute);

/* The same as ts_client_begin(), and gets a token if there is none and checks the organization. Return:
 * 0; -EACCES (TS_ERR_AUTH): credentials refused, or the token is of another organization; else what kept
 * it from answering. @ret_name: in the client, until the next token; may be NULL. */
int ts_client_connect(struct ts_client *client, struct ts_id *ret_organization, const char **ret_name,
                      struct ts_err *err) TS_MUST_CHECK;

/*
 * A batch of calls. Answers come in any order; what is seen of them is by index.
 */
struct ts_batch {
        const struct ts_call *calls;
        size_t n;
        struct ts_call_result *results; /* the caller's, n, all of them written; NULL: on_result sees all */
        struct ts_arena *arena; /* gets the JSON of the answers; NULL: json is valid only inside on_result */
        /* Optional: called once a call, as soon as it has its verdict, so that a long batch need not hold
         * every answer. Must only put away what it finds by @i; runs no calls itself. */
        void (*on_result)(size_t i, const struct ts_call_result *result, void *userdata);
        void *userdata;
        /* boottime: what cannot be sent before it (a 429 asked for a pause) fails unsent; 0: it waits */
        uint64_t until_usec;
};

/*
 * ts_client_run - runs a batch, at most `concurrency` calls at a time
 *
 * Return: 0 when every call has a verdict (whatever it is); negative when nothing more can be done with this
 * client in this cycle (authentication, wrong organization, stopped, the loop failed): the calls without an
 * answer have TS_VERDICT_STOPPED, and @err says why.
 */
int ts_client_run(struct ts_client *client, const struct ts_batch *batch, struct ts_err *err) TS_MUST_CHECK;

/* Waits (serving the loop) until @usec have passed or stop is asked for. */
int ts_client_wait(struct ts_client *client, uint64_t usec, struct ts_err *err) TS_MUST_CHECK;

const struct ts_client_statistics *ts_client_get_statistics(const struct ts_client *client);
const char *ts_client_get_alias(const struct ts_client *client);

/* Server's Date minus our clock, in seconds: the largest difference of this cycle; 0 when no answer had
 * one. */
int64_t ts_client_get_clock_skew(const struct ts_client *client);

/* The most requests that the platform counted within one of its minutes beyond our own, and ours then; false:
 * not more than ours. */
bool ts_client_get_others(const struct ts_client *client, int64_t *ret_counted, int64_t *ret_ours);

const char *ts_verdict_to_string(enum ts_verdict v);

#endif
