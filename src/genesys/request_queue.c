#include "genesys/request_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/response.h"
#include "genesys/redact.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define TRIES_MAX 6u    /* of one call */
#define GIVEN_UP_MAX 3u /* consecutive calls */

/* Of single objects that answer 5xx: how many calls of a cycle get all tries, and how many the others get. */
#define OBJECTS_GIVEN_UP_MAX 8u
#define OBJECT_TRIES_MIN 2u

/* Limits of a best-effort client. */
#define BEST_EFFORT_TRIES_MAX 2u
#define BEST_EFFORT_GIVEN_UP_MAX 1u
#define BEST_EFFORT_USEC (10 * TS_USEC_PER_SEC)

/* When the next cycle is pending, requests may keep failing for this long before the queue ends. */
#define FAILING_USEC (10 * TS_USEC_PER_SEC)

#define BACKOFF_FIRST_USEC (1 * TS_USEC_PER_SEC)
#define BACKOFF_MAX_USEC (60 * TS_USEC_PER_SEC)
#define RETRY_AFTER_MAX_SEC (15 * 60)
#define RETRY_AFTER_JITTER_USEC (1 * TS_USEC_PER_SEC)

#define TOKEN_TYPE "application/x-www-form-urlencoded"

enum exchange_state {
        EXCHANGE_FREE,
        EXCHANGE_WAITING, /* for its turn, or for its next try */
        EXCHANGE_SENT,
};

/* A call in progress. There are `concurrency` of them, and one for the call that precedes all others. */
struct exchange {
        struct ts_request_queue *queue;
        enum exchange_state state;
        const struct ts_batch *batch;
        size_t index;                 /* in the batch */
        struct ts_call_result result; /* of a batch that keeps none */
        uint64_t not_before_usec;
        uint64_t token_number; /* of the token it was sent with; 0: another header */
        bool has_new_token;    /* see struct ts_sent */
        bool may_have_effect;  /* of a try whose answer was lost */
        struct ts_buf url;
        struct ts_buf authorization; /* secret */
};

struct ts_request_queue {
        struct ts_request_queue_options options;
        struct ts_transport *transport;
        const struct ts_clock *clock;
        bool may_write;
        struct ts_err ended; /* why nothing more is sent; class TS_ERR_NONE: it is */

        struct ts_budget budget;
        uint64_t paused_until_usec;       /* 429 */
        unsigned tries_max, given_up_max; /* of a call; consecutive calls */
        unsigned n_given_up;              /* consecutive */
        unsigned n_objects_given_up;      /* in this cycle */
        uint64_t failing_since_usec;      /* nothing but failures since then; 0: the last answer was good */

        struct ts_redactor *redactor; /* of the token with this number, while something is asked */
        uint64_t redactor_number;
        struct ts_client_statistics statistics;
        int64_t clock_skew_sec;

        struct exchange *exchanges;
        size_t n_exchanges;
        struct exchange first; /* see ts_request_queue_run_first() */
        int (*put_header)(struct ts_buf *header, const void *userdata, struct ts_err *err);
        const void *header_userdata;
};

/* --------------------------------------------------------------------------------------- creation and end */

static uint64_t later(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

static void exchange_init(struct exchange *x, struct ts_request_queue *q)
{
        x->queue = q;
        x->url = (struct ts_buf) TS_BUF_INIT(TS_URL_MAX_BYTES);
        x->authorization = (struct ts_buf) TS_BUF_SECRET_INIT(2 * TS_TOKEN_MAX_BYTES);
}

static void exchange_done(struct exchange *x)
{
        ts_buf_done(&x->url);
        ts_buf_done(&x->authorization);
}

struct ts_request_queue *ts_request_queue_new(const struct ts_request_queue_options *options,
                                              struct ts_transport *transport, const struct ts_clock *clock)
{
        struct ts_request_queue *q = ts_calloc(1, sizeof(*q));

        q->options = *options;
        if (options->is_best_effort)
                q->options.timeout_usec = sooner(options->timeout_usec, BEST_EFFORT_USEC);
        q->tries_max = options->is_best_effort ? BEST_EFFORT_TRIES_MAX : TRIES_MAX;
        q->given_up_max = options->is_best_effort ? BEST_EFFORT_GIVEN_UP_MAX : GIVEN_UP_MAX;
        q->transport = transport;
        q->clock = clock;
        ts_budget_init(&q->budget, options->requests_per_minute);
        q->n_exchanges = options->concurrency > 0 ? options->concurrency : 1;
        q->exchanges = ts_calloc(q->n_exchanges, sizeof(*q->exchanges));
        for (size_t i = 0; i < q->n_exchanges; i++)
                exchange_init(&q->exchanges[i], q);
        exchange_init(&q->first, q);
        return q;
}

void ts_request_queue_free(struct ts_request_queue *q)
{
        if (!q)
                return;
        for (size_t i = 0; i < q->n_exchanges; i++)
                exchange_done(&q->exchanges[i]);
        exchange_done(&q->first);
        ts_redactor_free(q->redactor);
        ts_budget_done(&q->budget);
        free(q->exchanges);
        free(q);
}

void ts_request_queue_use(struct ts_request_queue *q, struct ts_transport *transport)
{
        q->transport = transport;
}

void ts_request_queue_allow_writes(struct ts_request_queue *q, bool allow)
{
        q->may_write = allow;
}

struct ts_budget *ts_request_queue_get_budget(struct ts_request_queue *q)
{
        return &q->budget;
}

const struct ts_client_statistics *ts_request_queue_get_statistics(const struct ts_request_queue *q)
{
        return &q->statistics;
}

int64_t ts_request_queue_get_clock_skew(const struct ts_request_queue *q)
{
        return q->clock_skew_sec;
}

const char *ts_verdict_to_string(enum ts_verdict v)
{
        static const char *const names[] = {
                [TS_VERDICT_OK] = "ok",
                [TS_VERDICT_NOT_FOUND] = "gone",
                [TS_VERDICT_FORBIDDEN] = "denied",
                [TS_VERDICT_REJECTED] = "rejected",
                [TS_VERDICT_UNKNOWN] = "unknown",
                [TS_VERDICT_FAILED] = "failed",
                [TS_VERDICT_STOPPED] = "stopped",
        };

        assert((unsigned) v < TS_N_ELEMENTS(names));
        return names[v];
}

/* --------------------------------------------------------------------------------------------- time, end */

static uint64_t now_usec(const struct ts_request_queue *q)
{
        return ts_clock_boottime(q->clock);
}

static bool is_stopped(const struct ts_request_queue *q)
{
        return q->options.stop && *q->options.stop;
}

void ts_request_queue_begin(struct ts_request_queue *q)
{
        q->ended = (struct ts_err){ 0 };
        q->n_given_up = q->n_objects_given_up = 0;
        ts_budget_forget_others(&q->budget);
        q->failing_since_usec = 0;
        q->clock_skew_sec = 0;
}

void ts_request_queue_end(struct ts_request_queue *q, const struct ts_err *err)
{
        q->ended = *err;
}

bool ts_request_queue_is_ended(const struct ts_request_queue *q)
{
        return q->ended.cls != TS_ERR_NONE;
}

static int ended(const struct ts_request_queue *q, struct ts_err *err)
{
        if (!ts_request_queue_is_ended(q))
                return 0;
        *err = q->ended;
        return err->code;
}

static int stopped(const struct ts_request_queue *q, struct ts_err *err)
{
        return ts_err_set(err, TS_ERR_LOCAL, -ECANCELED, "%s: stopped, as asked for", q->options.alias);
}

int ts_request_queue_check(const struct ts_request_queue *q, struct ts_err *err)
{
        int r = ended(q, err);

        if (r < 0)
                return r;
        return is_stopped(q) ? stopped(q, err) : 0;
}

static uint64_t exchange_when(const struct exchange *x)
{
        const struct ts_request_queue *q = x->queue;

        return later(later(x->not_before_usec, q->paused_until_usec), ts_budget_when(&q->budget));
}

/* Full jitter: anywhere between now and the exponential bound, so that clients that failed together do not
 * come back together. What the server asks for counts when it is longer. */
static uint64_t retry_delay(struct ts_request_queue *q, unsigned n_tries, int64_t retry_after_sec)
{
        uint64_t bound = BACKOFF_FIRST_USEC << (n_tries - 1), delay, asked;

        if (bound > BACKOFF_MAX_USEC)
                bound = BACKOFF_MAX_USEC;
        delay = ts_clock_random_below(q->clock, bound + 1);
        if (retry_after_sec <= 0)
                return delay;
        if (retry_after_sec > RETRY_AFTER_MAX_SEC)
                retry_after_sec = RETRY_AFTER_MAX_SEC;
        asked = (uint64_t) retry_after_sec * TS_USEC_PER_SEC;
        if (delay < asked)
                delay = asked + ts_clock_random_below(q->clock, RETRY_AFTER_JITTER_USEC);
        return delay;
}

/* ---------------------------------------------------------------------------------------------- exchanges */

static const struct ts_call *call_of(const struct exchange *x)
{
        return &x->batch->calls[x->index];
}

static struct ts_call_result *result_of(struct exchange *x)
{
        return x->batch->results ? &x->batch->results[x->index] : &x->result;
}

static const struct ts_operation_info *info_of(const struct exchange *x)
{
        return ts_operation_info(call_of(x)->op);
}

static bool is_token(const struct exchange *x)
{
        return call_of(x)->op == TS_OP_TOKEN;
}

/* Made when it is first needed; that of a header which is not the token's, each time. */
static const struct ts_redactor *redactor_of(struct exchange *x)
{
        struct ts_request_queue *q = x->queue;
        const char *value = strchr(ts_buf_text(&x->authorization), ' ');

        if (is_token(x) || !value)
                return NULL;
        if (!q->redactor || x == &q->first || q->redactor_number != x->token_number) {
                ts_redactor_free(q->redactor);
                q->redactor = ts_redactor_new(value + 1, strlen(value + 1));
                q->redactor_number = x == &q->first ? 0 : x->token_number;
        }
        return q->redactor;
}

static struct ts_sent sent_of(struct exchange *x)
{
        const struct ts_request_queue_options *options = &x->queue->options;

        return (struct ts_sent){
                .alias = options->alias,
                .client_id = options->client_id,
                .call = call_of(x),
                .authorization = ts_buf_text(&x->authorization),
                .redactor = redactor_of(x),
                .has_new_token = x->has_new_token,
                .result = result_of(x),
        };
}

/* "acme: GET /api/v2/...: @detail" into the result. */
static void fail(struct exchange *x, enum ts_err_class cls, int code, const char *detail)
{
        struct ts_sent sent = sent_of(x);

        ts_response_fail(&sent, cls, code, detail);
}

static void exchange_finish(struct exchange *x, enum ts_verdict verdict)
{
        const struct ts_batch *batch = x->batch;
        struct ts_call_result *result = result_of(x);

        x->state = EXCHANGE_FREE;
        result->verdict = verdict;
        if (verdict == TS_VERDICT_OK && result->err.cls != TS_ERR_NONE)
                result->err = (struct ts_err){ 0 }; /* of a try before */
        if (batch->on_result)
                batch->on_result(x->index, result, batch->userdata);
}

/* A 429 is meant for all calls of this client, also when its own is not repeated. */
static void exchange_retry(struct exchange *x, int64_t wait_sec)
{
        struct ts_request_queue *q = x->queue;
        const struct ts_call_result *result = result_of(x);

        x->not_before_usec = now_usec(q) + retry_delay(q, result->n_tries, wait_sec);
        if (result->status == 429)
                q->paused_until_usec = later(q->paused_until_usec, x->not_before_usec);
}

/* Is it the trouble of the organization, and not of the one object that was asked for? */
static bool is_outage(struct exchange *x, const struct ts_disposition *j)
{
        return j->is_outage && (result_of(x)->status == 0 || info_of(x)->ends_organization ||
                                x->queue->options.is_best_effort);
}

static unsigned tries_of(struct exchange *x, const struct ts_disposition *j)
{
        const struct ts_request_queue *q = x->queue;

        if (!j->is_outage || is_outage(x, j) || q->n_objects_given_up < OBJECTS_GIVEN_UP_MAX)
                return q->tries_max;
        return OBJECT_TRIES_MIN;
}

/* Consecutive calls that give up mean that the organization cannot be worked with now. */
static void count_given_up(struct exchange *x, const struct ts_disposition *j)
{
        struct ts_request_queue *q = x->queue;

        if (!is_outage(x, j)) {
                q->n_objects_given_up += j->is_outage;
                q->n_given_up = 0;
                return;
        }
        if (++q->n_given_up < q->given_up_max || ts_request_queue_is_ended(q))
                return;
        q->ended = result_of(x)->err;
        (void) ts_err_wrap(&q->ended, q->ended.code,
                           "%s: %u call%s in a row came to nothing, no more are made in this cycle",
                           q->options.alias, q->n_given_up, TS_S(q->n_given_up));
}

static void exchange_settle(struct exchange *x, const struct ts_disposition *j)
{
        struct ts_request_queue *q = x->queue;

        x->may_have_effect = x->may_have_effect || j->may_have_effect;
        if (call_of(x)->is_optional) {
                if (result_of(x)->status == 429 && x->batch->until_usec > 0)
                        exchange_retry(x, j->wait_sec);
                exchange_finish(x, j->verdict);
                return;
        }
        x->state = EXCHANGE_WAITING;
        if (j->needs_new_token) {
                x->has_new_token = true;
                if (x->token_number == q->options.token->number)
                        q->options.token->is_refused = true;
                return;
        }
        if (j->is_retried && result_of(x)->n_tries < tries_of(x, j)) {
                exchange_retry(x, j->wait_sec);
                return;
        }
        if (j->ends_client && !ts_request_queue_is_ended(q))
                q->ended = result_of(x)->err;
        if (j->verdict != TS_VERDICT_UNKNOWN)
                count_given_up(x, j);
        exchange_finish(x, j->verdict);
}

/* The largest difference of a cycle counts: a clock that is right at times cannot be relied on. */
static void note_date(struct ts_request_queue *q, int64_t date)
{
        int64_t skew_sec = date - ts_clock_realtime(q->clock);

        if (llabs(skew_sec) >= llabs(q->clock_skew_sec))
                q->clock_skew_sec = skew_sec;
}

static void note_answer(struct ts_request_queue *q, const struct ts_answer *a)
{
        size_t class = a->r < 0 || a->status < 100 || a->status > 599 ? 0 : (size_t) a->status / 100;

        q->statistics.by_class[class]++;
        if (a->r >= 0 && a->date != TS_TIME_UNSET)
                note_date(q, a->date);
        if (class != 0 && class != 5 && a->status != 429)
                q->failing_since_usec = 0;
        else if (q->failing_since_usec == 0)
                q->failing_since_usec = now_usec(q);
}

/* The process ends: it is as if it had not been sent, unless it may have had an effect. */
static void unsend(struct exchange *x, const struct ts_answer *a)
{
        x->state = EXCHANGE_WAITING;
        x->may_have_effect = x->may_have_effect || (a->effect != TS_EFFECT_NONE && info_of(x)->writes);
        fail(x, TS_ERR_LOCAL, a->r, a->error);
}

static void on_done(struct ts_answer *a, void *userdata)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena scratch = TS_ARENA_INIT;
        struct exchange *x = userdata;
        struct ts_request_queue *q = x->queue;
        struct ts_arena *arena = x->batch->arena ? x->batch->arena : &scratch;
        struct ts_sent sent = sent_of(x);
        struct ts_disposition j;

        if (a->r == -ECANCELED && is_stopped(q)) {
                unsend(x, a);
                return;
        }
        note_answer(q, a);
        if (!is_token(x) && a->r >= 0)
                ts_budget_note(&q->budget, a->ratelimit_allowed, a->ratelimit_count, now_usec(q));
        if (ts_log_enabled(LOG_DEBUG))
                ts_response_log(&sent, a);
        j = ts_response_classify(&sent, a, arena);
        exchange_settle(x, &j);
        if (arena == &scratch)
                sent.result->json = NULL;
}

/* Takes on call @i of @batch. One that cannot be sent (our own mistake) has its verdict at once. */
static void exchange_take(struct exchange *x, const struct ts_batch *batch, size_t i)
{
        const struct ts_call *call = &batch->calls[i];
        const struct ts_operation_info *o = ts_operation_info(call->op);
        const struct ts_request_queue_options *options = &x->queue->options;
        const char *base = call->op == TS_OP_TOKEN ? options->login_url : options->api_url;
        int r;

        x->state = EXCHANGE_WAITING;
        x->batch = batch;
        x->index = i;
        x->not_before_usec = 0;
        x->has_new_token = x->may_have_effect = false;
        *result_of(x) = (struct ts_call_result){ 0 };

        ts_buf_reset(&x->url);
        r = ts_operation_url(call->op, base, call->ids, o->n_ids, call->page_size, call->page, &x->url);
        if (r >= 0 && call->body_len > TS_HTTP_REQUEST_MAX_BYTES)
                r = -EFBIG;
        if (r < 0) {
                fail(x, TS_ERR_INTERNAL, r,
                     r == -EFBIG ? "the request is over the platform's limit"
                                 : "no address can be made of these ids");
                exchange_finish(x, TS_VERDICT_FAILED);
        }
}

static void exchange_send(struct exchange *x, uint64_t now)
{
        struct ts_request_queue *q = x->queue;
        const struct ts_call *call = call_of(x);
        const struct ts_operation_info *o = info_of(x);
        struct ts_call_result *result = result_of(x);
        struct ts_request request = {
                .method = o->method,
                .url = ts_buf_text(&x->url),
                .authorization = ts_buf_text(&x->authorization),
                .content_type = !call->body   ? NULL
                                : is_token(x) ? TOKEN_TYPE
                                              : "application/json",
                .body = call->body,
                .body_len = call->body_len,
                .timeout_usec = q->options.timeout_usec,
                .writes = o->writes,
        };

        assert(!o->writes || q->may_write);
        result->n_tries++;
        q->statistics.retries += result->n_tries > 1;
        q->statistics.requests++;
        q->statistics.writes += o->writes;
        ts_budget_take(&q->budget, now);
        x->state = EXCHANGE_SENT;
        q->transport->start(q->transport, &request, on_done, x);
}

/* Puts the right header value in its place. It is a copy: the token may be replaced while the request is
 * under way. */
static int exchange_authorize(struct exchange *x, struct ts_err *err)
{
        const struct ts_request_queue *q = x->queue;
        const struct ts_token *token = q->options.token;

        if (x == &q->first) {
                ts_buf_reset(&x->authorization); /* wiped */
                return q->put_header(&x->authorization, q->header_userdata, err);
        }
        if (x->token_number != token->number) {
                ts_buf_reset(&x->authorization); /* wiped */
                (void) ts_buf_put(&x->authorization, ts_buf_text(&token->header), token->header.len);
                x->token_number = token->number;
        }
        return 0;
}

/* --------------------------------------------------------------------------------------- sending, waiting */

/* When to check the wait limit again; UINT64_MAX: the next cycle wakes the loop. */
static uint64_t wait_limit_end(const struct ts_request_queue *q, uint64_t now)
{
        uint64_t at = q->failing_since_usec + FAILING_USEC;

        return q->options.next_cycle_pending && q->failing_since_usec > 0 && at > now ? at : UINT64_MAX;
}

/* Why what waits until @wake_usec is not worth waiting for; NULL: it is. */
static const char *why_not_wait(const struct ts_request_queue *q, uint64_t wake_usec)
{
        uint64_t now = now_usec(q);

        if (q->options.is_best_effort && wake_usec != UINT64_MAX && wake_usec > now + BEST_EFFORT_USEC)
                return "not within the time that others can wait";
        if (q->options.next_cycle_pending && *q->options.next_cycle_pending && q->failing_since_usec > 0 &&
            now - q->failing_since_usec >= FAILING_USEC)
                return "nothing but failures for a while, and the next cycle is due";
        return NULL;
}

/* @x: one that waits; NULL: none does. */
static int check_wait_limit(struct ts_request_queue *q, struct exchange *x, uint64_t wake_usec,
                            struct ts_err *err)
{
        const char *why = x ? why_not_wait(q, wake_usec) : NULL;

        if (!why)
                return 0;
        *err = result_of(x)->err;
        if (err->cls == TS_ERR_NONE)
                return ts_err_set(err, TS_ERR_TRANSIENT, -EAGAIN, "%s: %s", q->options.alias, why);
        return ts_err_wrap(err, err->code, "%s: %s", q->options.alias, why);
}

static int pump(struct ts_request_queue *q, uint64_t deadline_usec, struct ts_err *err)
{
        int r = q->transport->pump(q->transport, deadline_usec, err);

        return r < 0 ? ts_err_wrap(err, r, "%s", q->options.alias) : 0;
}

static bool is_any_sent(const struct exchange *exchanges, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (exchanges[i].state == EXCHANGE_SENT)
                        return true;
        return false;
}

/* Sends what may be sent by now, then serves the loop until something has happened. */
static int serve(struct ts_request_queue *q, struct exchange *exchanges, size_t n, struct ts_err *err)
{
        uint64_t now = now_usec(q), wake = UINT64_MAX;
        struct exchange *waiting = NULL;
        bool has_ended = false;
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                struct exchange *x = &exchanges[i];
                uint64_t when;

                if (x->state != EXCHANGE_WAITING)
                        continue;
                when = exchange_when(x);
                if (when > now && x->batch->until_usec > 0 && when > x->batch->until_usec) {
                        fail(x, TS_ERR_TRANSIENT, -EAGAIN,
                             "not sent: the platform asked for a pause that is longer than the time for it");
                        exchange_finish(x, TS_VERDICT_FAILED);
                        has_ended = true;
                        continue;
                }
                if (when > now) {
                        if (when < wake) {
                                waiting = x;
                                wake = when;
                        }
                        continue;
                }
                r = exchange_authorize(x, err);
                if (r < 0)
                        return r;
                exchange_send(x, now);
        }
        if (has_ended)
                return 0; /* there may be nothing left to wait for */
        if (!is_any_sent(exchanges, n))
                r = check_wait_limit(q, waiting, wake, err);
        return r < 0 ? r : pump(q, sooner(wake, wait_limit_end(q, now)), err);
}

/* The loop is gone, and with it the answers. */
static void cancel(struct exchange *x, const struct ts_err *err)
{
        if (x->state != EXCHANGE_SENT)
                return;
        x->state = EXCHANGE_WAITING;
        x->may_have_effect = true;
        fail(x, TS_ERR_LOCAL, err->code, err->msg);
}

/* Waits for the answers that are still to come; none is thrown away. */
static void drain(struct ts_request_queue *q, struct exchange *exchanges, size_t n)
{
        struct ts_err err = { 0 };

        while (is_any_sent(exchanges, n)) {
                if (pump(q, UINT64_MAX, &err) >= 0)
                        continue;
                q->transport->cancel_all(q->transport);
                for (size_t i = 0; i < q->n_exchanges; i++)
                        cancel(&q->exchanges[i], &err);
                cancel(&q->first, &err);
        }
}

int ts_request_queue_run_first(struct ts_request_queue *q, const struct ts_call *call,
                               int (*put_header)(struct ts_buf *header, const void *userdata,
                                                 struct ts_err *err),
                               const void *userdata, struct ts_arena *arena, const struct ts_json **ret_json,
                               struct ts_err *err)
{
        struct ts_call_result result = { 0 };
        struct ts_batch batch = { .calls = call, .n = 1, .results = &result, .arena = arena };
        struct exchange *x = &q->first;
        int r = 0;

        q->put_header = put_header;
        q->header_userdata = userdata;
        exchange_take(x, &batch, 0);
        x->has_new_token = true; /* it is the new one */
        while (r >= 0 && x->state != EXCHANGE_FREE) {
                if (is_stopped(q) && x->state == EXCHANGE_WAITING)
                        r = stopped(q, err);
                else
                        r = serve(q, x, 1, err);
        }
        drain(q, x, 1);
        x->state = EXCHANGE_FREE;
        ts_buf_reset(&x->authorization); /* wiped */
        if (r < 0)
                return r;
        if (result.verdict != TS_VERDICT_OK) {
                *err = result.err;
                return err->code;
        }
        *ret_json = result.json;
        return 0;
}

/* ------------------------------------------------------------------------------------------------ batches */

struct run {
        struct ts_request_queue *queue;
        const struct ts_batch *batch;
        size_t n_taken; /* calls; those behind were not looked at yet */
};

static int check_batch(const struct ts_request_queue *q, const struct ts_batch *batch, struct ts_err *err)
{
        for (size_t i = 0; i < batch->n; i++) {
                const struct ts_operation_info *o = ts_operation_info(batch->calls[i].op);

                assert(batch->calls[i].op != TS_OP_TOKEN);
                if (o->writes && !q->may_write)
                        return ts_err_set(err, TS_ERR_INTERNAL, -EROFS,
                                          "%s: %s %s is refused: this client may only read", q->options.alias,
                                          ts_method_to_string(o->method), o->path);
        }
        return 0;
}

static bool run_take_calls(struct run *run)
{
        struct ts_request_queue *q = run->queue;
        bool has_open = false;

        for (size_t i = 0; i < q->n_exchanges; i++) {
                struct exchange *x = &q->exchanges[i];

                while (x->state == EXCHANGE_FREE && run->n_taken < run->batch->n)
                        exchange_take(x, run->batch, run->n_taken++);
                has_open = has_open || x->state != EXCHANGE_FREE;
        }
        return has_open;
}

static bool run_has_unsent(const struct run *run)
{
        const struct ts_request_queue *q = run->queue;

        for (size_t i = 0; i < q->n_exchanges; i++)
                if (q->exchanges[i].state == EXCHANGE_WAITING)
                        return true;
        return false;
}

/* May anything more be sent? Sees to it that there is a token. */
static int prepare_to_send(struct ts_request_queue *q, struct ts_err *err)
{
        int r;

        r = ts_request_queue_check(q, err);
        if (r < 0)
                return r;
        r = q->options.ensure_token(q->options.token_userdata, err);
        return r < 0 ? r : ended(q, err);
}

static int run_calls(struct run *run, struct ts_err *err)
{
        struct ts_request_queue *q = run->queue;
        int r;

        while (run_take_calls(run)) {
                if (run_has_unsent(run)) {
                        r = prepare_to_send(q, err);
                        if (r < 0)
                                return r;
                }
                r = serve(q, q->exchanges, q->n_exchanges, err);
                if (r < 0)
                        return r;
        }
        return ended(q, err);
}

/* The calls that were taken on and have no verdict get theirs. One that was sent and may have had its
 * effect is not called unsent. */
static void abandon_taken(struct ts_request_queue *q, const struct ts_err *err)
{
        for (size_t i = 0; i < q->n_exchanges; i++) {
                struct exchange *x = &q->exchanges[i];

                if (x->state == EXCHANGE_FREE)
                        continue;
                if (x->may_have_effect && !info_of(x)->is_idempotent) {
                        exchange_finish(x, TS_VERDICT_UNKNOWN);
                } else if (x->may_have_effect) {
                        exchange_finish(x, TS_VERDICT_FAILED);
                } else {
                        result_of(x)->err = *err;
                        exchange_finish(x, TS_VERDICT_STOPPED);
                }
        }
}

static void abandon_rest(const struct run *run, const struct ts_err *err)
{
        for (size_t i = run->n_taken; i < run->batch->n; i++) {
                struct ts_call_result result = { .verdict = TS_VERDICT_STOPPED, .err = *err };

                if (run->batch->results)
                        run->batch->results[i] = result;
                if (run->batch->on_result)
                        run->batch->on_result(i, &result, run->batch->userdata);
        }
}

/* Of the token there is one copy as long as nothing is asked. */
static void wipe_copies(struct ts_request_queue *q)
{
        for (size_t i = 0; i < q->n_exchanges; i++) {
                ts_buf_reset(&q->exchanges[i].authorization);
                q->exchanges[i].token_number = 0;
        }
        ts_redactor_free(q->redactor);
        q->redactor = NULL;
}

int ts_request_queue_run(struct ts_request_queue *q, const struct ts_batch *batch, struct ts_err *err)
{
        struct run run = { .queue = q, .batch = batch };
        struct ts_err why = { 0 };
        int r;

        q->n_given_up = 0;
        r = check_batch(q, batch, &why);
        if (r >= 0)
                r = run_calls(&run, &why);
        if (r < 0) {
                drain(q, q->exchanges, q->n_exchanges);
                abandon_taken(q, &why);
                abandon_rest(&run, &why);
                if (err)
                        *err = why;
        }
        wipe_copies(q);
        return r;
}

int ts_request_queue_wait(struct ts_request_queue *q, uint64_t usec, struct ts_err *err)
{
        uint64_t until = now_usec(q) + usec;
        int r;

        while (!is_stopped(q) && now_usec(q) < until) {
                r = pump(q, until, err);
                if (r < 0)
                        return r;
        }
        return 0;
}
