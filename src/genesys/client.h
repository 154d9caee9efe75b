/*
 * client - one organization's API
 *
 * Joins the request queue, through which everything is sent (request_queue.h: the gate that keeps a dry run
 * from writing, budget, retries, what an answer means), and the authorization that its calls are sent with
 * (authorization.h: token, organization). Each task (scheduler.h) has clients of its own; a client that it
 * borrows for requests to another organization is best-effort.
 */
#ifndef TS_GENESYS_CLIENT_H
#define TS_GENESYS_CLIENT_H

#include "genesys/authorization.h"
#include "genesys/request_queue.h"

#define TS_CLIENT_PAGE_SIZE 100u

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
        const bool *stop;               /* checked before every request and wait; NULL: never */
        const bool *next_cycle_pending; /* true when the next cycle is waiting; NULL: never */
        bool is_best_effort;            /* see request_queue.h */
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

/* Begins a cycle: clears the reason for which the client had stopped. */
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

/* ts_request_queue_run() */
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

#endif
