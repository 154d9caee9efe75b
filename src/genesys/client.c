#include "genesys/client.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/response.h"
#include "genesys/redact.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define TRIES_MAX 6u    /* of one call */
#define GIVEN_UP_MAX 3u /* calls in a row */

/* Of single objects that answer 5xx: how many calls of a cycle get all tries, and how many the others get. */
#define OBJECTS_GIVEN_UP_MAX 8u
#define OBJECT_TRIES_MIN 2u

/* Of a client best-effort. */
#define BEST_EFFORT_TRIES_MAX 2u
#define BEST_EFFORT_GIVEN_UP_MAX 1u
#define BEST_EFFORT_USEC (10 * TS_USEC_PER_SEC)

/* So long nothing but failures, and the next cycle is due: it is not waited any more. */
#define FAILING_USEC (10 * TS_USEC_PER_SEC)

#define BACKOFF_FIRST_USEC (1 * TS_USEC_PER_SEC)
#define BACKOFF_MAX_USEC (60 * TS_USEC_PER_SEC)
#define RETRY_AFTER_MAX_SEC (15 * 60)
#define RETRY_AFTER_JITTER_USEC (1 * TS_USEC_PER_SEC)

#define URGENT_PART 10u /* of the budget */
#define BUDGET_WINDOW_USEC (60 * TS_USEC_PER_SEC)

/* The platform's minute begins when it likes, and an answer takes its time: so far back our requests are
 * counted, and so many more are no sign of another program. */
#define OWN_WINDOW_USEC (75 * TS_USEC_PER_SEC)
#define OTHERS_MIN 5

#define TOKEN_BODY "grant_type=client_credentials"
#define TOKEN_TYPE "application/x-www-form-urlencoded"
#define TOKEN_LIFE_DEFAULT_SEC 300 /* the shortest that the platform lets a client be set to */
#define TOKEN_LIFE_MAX_SEC 172800  /* and the longest */
#define TOKEN_RENEW_MIN_USEC (5 * TS_USEC_PER_SEC)
#define TOKEN_RENEW_AGAIN_USEC \
        (60 * TS_USEC_PER_SEC) /* after a renewal that failed while the old token is good */

enum exchange_state {
        EXCHANGE_FREE,
        EXCHANGE_WAITING, /* for its turn, or for its next try */
        EXCHANGE_SENT,
};

/* A call on its way to its verdict. There are `concurrency` of them, and one for tokens. */
struct exchange {
        struct ts_client *client;
        enum exchange_state state;
        const struct ts_batch *batch;
        size_t index;                 /* in the batch */
        struct ts_call_result result; /* of a batch that keeps none */
        uint64_t not_before_usec;
        uint64_t generation;  /* of the token it was sent with */
        bool has_new_token;   /* see struct ts_sent */
        bool may_have_effect; /* of a try whose answer was lost */
        struct ts_buf url;
        struct ts_buf authorization; /* secret */
};

struct token {
        struct ts_buf authorization; /* "Bearer ...", secret; empty: none */
        uint64_t renew_usec, expires_usec;
        bool is_refused; /* 401 */
};

struct ts_client {
        struct ts_client_options options;
        struct ts_transport *transport;
        const struct ts_clock *clock;
        bool may_write;
        struct ts_err dead; /* why nothing more is sent; class TS_ERR_NONE: it is */

        struct token token, new_token; /* the new one: not known yet to be of the right organization */
        uint64_t generation;           /* counts tokens; 0: none yet */
        struct ts_id organization;     /* as organizations/me says */
        char *organization_name;

        uint64_t *budget;                         /* a ring: when the last n_budget requests were sent */
        size_t n_budget, budget_next, budget_max; /* budget_max: of them may be within a minute */
        bool has_urgent, is_urgent;               /* a part of it is kept for urgent calls; this is one */
        uint64_t paused_until_usec;               /* 429 */
        unsigned tries_max, given_up_max;         /* of a call; calls in a row */
        unsigned n_given_up;                      /* in a row */
        unsigned n_objects_given_up;              /* in this cycle */
        size_t allowed;                      /* requests a minute, as the platform says; 0: it does not */
        int64_t others_counted, others_ours; /* see ts_client_get_others() */
        struct ts_redactor *redactor;        /* of a token, while something is asked */
        uint64_t redactor_generation;
        uint64_t failing_since_usec; /* nothing but failures since then; 0: the last answer was good */

        struct ts_client_statistics statistics;
        int64_t clock_skew_sec;
        struct exchange *exchanges;
        size_t n_exchanges;
        struct exchange alone; /* tokens, and what is asked before anything else */
};

/* ---------------------------------------------------------------------------------------- birth and death */

static uint64_t later(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

static void token_reset(struct token *t)
{
        ts_buf_done(&t->authorization); /* wiped */
        *t = (struct token){ .authorization = TS_BUF_SECRET_INIT(TS_TOKEN_MAX_BYTES) };
}

static void exchange_init(struct exchange *x, struct ts_client *c)
{
        x->client = c;
        x->url = (struct ts_buf) TS_BUF_INIT(TS_URL_MAX_BYTES);
        x->authorization = (struct ts_buf) TS_BUF_SECRET_INIT(2 * TS_TOKEN_MAX_BYTES);
}

static void exchange_done(struct exchange *x)
{
        ts_buf_done(&x->url);
        ts_buf_done(&x->authorization);
}

struct ts_client *ts_client_new(const struct ts_client_options *options, struct ts_transport *transport,
                                const struct ts_clock *clock)
{
        struct ts_client *c = ts_calloc(1, sizeof(*c));

        c->options = *options;
        if (options->is_best_effort)
                c->options.timeout_usec = sooner(options->timeout_usec, BEST_EFFORT_USEC);
        c->tries_max = options->is_best_effort ? BEST_EFFORT_TRIES_MAX : TRIES_MAX;
        c->given_up_max = options->is_best_effort ? BEST_EFFORT_GIVEN_UP_MAX : GIVEN_UP_MAX;
        c->transport = transport;
        c->clock = clock;
        token_reset(&c->token);
        token_reset(&c->new_token);
        c->n_budget = c->budget_max = options->requests_per_minute;
        c->budget = ts_calloc(c->n_budget, sizeof(*c->budget));
        c->n_exchanges = options->concurrency > 0 ? options->concurrency : 1;
        c->exchanges = ts_calloc(c->n_exchanges, sizeof(*c->exchanges));
        for (size_t i = 0; i < c->n_exchanges; i++)
                exchange_init(&c->exchanges[i], c);
        exchange_init(&c->alone, c);
        return c;
}

void ts_client_use(struct ts_client *c, struct ts_transport *transport)
{
        c->transport = transport;
}

void ts_client_free(struct ts_client *c)
{
        if (!c)
                return;
        for (size_t i = 0; i < c->n_exchanges; i++)
                exchange_done(&c->exchanges[i]);
        exchange_done(&c->alone);
        token_reset(&c->token);
        token_reset(&c->new_token);
        ts_redactor_free(c->redactor);
        free(c->organization_name);
        free(c->exchanges);
        free(c->budget);
        free(c);
}

void ts_client_allow_writes(struct ts_client *c, bool allow)
{
        c->may_write = allow && !ts_id_is_nil(&c->options.organization_id);
}

const struct ts_client_statistics *ts_client_get_statistics(const struct ts_client *c)
{
        return &c->statistics;
}

const char *ts_client_get_alias(const struct ts_client *c)
{
        return c->options.alias;
}

int64_t ts_client_get_clock_skew(const struct ts_client *c)
{
        return c->clock_skew_sec;
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

/* ------------------------------------------------------------------------------------------- time, budget */

static uint64_t now_usec(const struct ts_client *c)
{
        return ts_clock_boottime(c->clock);
}

static bool is_stopped(const struct ts_client *c)
{
        return c->options.stop && *c->options.stop;
}

/* The earliest time at which one more request stays within the budget: the ring's oldest has left the
 * window. */
static uint64_t budget_when(const struct ts_client *c)
{
        size_t max = c->allowed > 0 && c->allowed < c->budget_max ? c->allowed : c->budget_max;

        if (c->has_urgent && !c->is_urgent && max > 1)
                max -= max / URGENT_PART > 0 ? max / URGENT_PART : 1;
        if (c->n_budget == 0 || c->statistics.requests < max)
                return 0;
        return c->budget[(c->budget_next + c->n_budget - max) % c->n_budget] + BUDGET_WINDOW_USEC + 1;
}

void ts_client_set_urgent(struct ts_client *c, bool has_urgent, bool is_urgent)
{
        c->has_urgent = has_urgent;
        c->is_urgent = is_urgent;
}

void ts_client_set_budget(struct ts_client *c, unsigned requests_per_minute)
{
        if (c->n_budget > 0)
                c->budget_max = requests_per_minute < 1             ? 1
                                : requests_per_minute < c->n_budget ? requests_per_minute
                                                                    : c->n_budget;
}

static void budget_take(struct ts_client *c, uint64_t now)
{
        if (c->n_budget == 0)
                return;
        c->budget[c->budget_next] = now;
        c->budget_next = (c->budget_next + 1) % c->n_budget;
}

static uint64_t exchange_when(const struct exchange *x)
{
        const struct ts_client *c = x->client;

        return later(later(x->not_before_usec, c->paused_until_usec), budget_when(c));
}

/* Full jitter: anywhere between now and the exponential bound, so that clients that failed together do not
 * come back together. What the server asks for counts when it is longer. */
static uint64_t retry_delay(struct ts_client *c, unsigned n_tries, int64_t retry_after_sec)
{
        uint64_t bound = BACKOFF_FIRST_USEC << (n_tries - 1), delay, asked;

        if (bound > BACKOFF_MAX_USEC)
                bound = BACKOFF_MAX_USEC;
        delay = ts_clock_random_below(c->clock, bound + 1);
        if (retry_after_sec <= 0)
                return delay;
        if (retry_after_sec > RETRY_AFTER_MAX_SEC)
                retry_after_sec = RETRY_AFTER_MAX_SEC;
        asked = (uint64_t) retry_after_sec * TS_USEC_PER_SEC;
        if (delay < asked)
                delay = asked + ts_clock_random_below(c->clock, RETRY_AFTER_JITTER_USEC);
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

/* Made when it is first needed; that of a token which is not used yet, each time. */
static const struct ts_redactor *redactor_of(struct exchange *x)
{
        struct ts_client *c = x->client;
        const char *value = strchr(ts_buf_text(&x->authorization), ' ');

        if (is_token(x) || !value)
                return NULL;
        if (!c->redactor || x == &c->alone || c->redactor_generation != x->generation) {
                ts_redactor_free(c->redactor);
                c->redactor = ts_redactor_new(value + 1, strlen(value + 1));
                c->redactor_generation = x == &c->alone ? 0 : x->generation;
        }
        return c->redactor;
}

static struct ts_sent sent_of(struct exchange *x)
{
        const struct ts_client_options *options = &x->client->options;

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
        struct ts_client *c = x->client;
        const struct ts_call_result *result = result_of(x);

        x->not_before_usec = now_usec(c) + retry_delay(c, result->n_tries, wait_sec);
        if (result->status == 429)
                c->paused_until_usec = later(c->paused_until_usec, x->not_before_usec);
}

/* Is it the trouble of the organization, and not of the one object that was asked for? */
static bool is_outage(struct exchange *x, const struct ts_disposition *j)
{
        return j->is_outage && (result_of(x)->status == 0 || info_of(x)->ends_organization ||
                                x->client->options.is_best_effort);
}

static unsigned tries_of(struct exchange *x, const struct ts_disposition *j)
{
        const struct ts_client *c = x->client;

        if (!j->is_outage || is_outage(x, j) || c->n_objects_given_up < OBJECTS_GIVEN_UP_MAX)
                return c->tries_max;
        return OBJECT_TRIES_MIN;
}

/* Calls that give up one after the other mean that the organization cannot be worked with now. */
static void count_given_up(struct exchange *x, const struct ts_disposition *j)
{
        struct ts_client *c = x->client;

        if (!is_outage(x, j)) {
                c->n_objects_given_up += j->is_outage;
                c->n_given_up = 0;
                return;
        }
        if (++c->n_given_up < c->given_up_max || c->dead.cls != TS_ERR_NONE)
                return;
        c->dead = result_of(x)->err;
        (void) ts_err_wrap(&c->dead, c->dead.code,
                           "%s: %u call%s in a row came to nothing, no more are made in this cycle",
                           c->options.alias, c->n_given_up, TS_S(c->n_given_up));
}

static void exchange_settle(struct exchange *x, const struct ts_disposition *j)
{
        struct ts_client *c = x->client;

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
                if (x->generation == c->generation)
                        c->token.is_refused = true;
                return;
        }
        if (j->is_retried && result_of(x)->n_tries < tries_of(x, j)) {
                exchange_retry(x, j->wait_sec);
                return;
        }
        if (j->ends_client && c->dead.cls == TS_ERR_NONE)
                c->dead = result_of(x)->err;
        if (j->verdict != TS_VERDICT_UNKNOWN)
                count_given_up(x, j);
        exchange_finish(x, j->verdict);
}

/* The largest difference of a cycle counts: one that comes and goes is none to rely on. */
static void note_date(struct ts_client *c, int64_t date)
{
        int64_t skew_sec = date - ts_clock_realtime(c->clock);

        if (llabs(skew_sec) >= llabs(c->clock_skew_sec))
                c->clock_skew_sec = skew_sec;
}

/* Of what we sent, as far as the budget remembers it: it never allows more within a minute. */
static int64_t count_own(const struct ts_client *c)
{
        uint64_t now = now_usec(c);
        int64_t n = 0;

        for (size_t i = 0; i < c->n_budget; i++)
                n += c->budget[i] > 0 && now - c->budget[i] < OWN_WINDOW_USEC;
        return n;
}

/* What the platform says of the requests of this minute. */
static void note_rate(struct ts_client *c, const struct ts_answer *a)
{
        int64_t ours;

        if (a->r < 0 || c->n_budget == 0)
                return;
        if (a->ratelimit_allowed > 0)
                c->allowed = a->ratelimit_allowed < (int64_t) c->n_budget ? (size_t) a->ratelimit_allowed : 0;
        if (a->ratelimit_count < OTHERS_MIN)
                return;
        ours = count_own(c);
        if (a->ratelimit_count - ours < OTHERS_MIN ||
            a->ratelimit_count - ours <= c->others_counted - c->others_ours)
                return;
        c->others_counted = a->ratelimit_count;
        c->others_ours = ours;
}

bool ts_client_get_others(const struct ts_client *c, int64_t *ret_counted, int64_t *ret_ours)
{
        *ret_counted = c->others_counted;
        *ret_ours = c->others_ours;
        return c->others_counted > 0;
}

static void note_answer(struct ts_client *c, const struct ts_answer *a)
{
        size_t class = a->r < 0 || a->status < 100 || a->status > 599 ? 0 : (size_t) a->status / 100;

        c->statistics.by_class[class]++;
        if (a->r >= 0 && a->date != TS_TIME_UNSET)
                note_date(c, a->date);
        if (class != 0 && class != 5 && a->status != 429)
                c->failing_since_usec = 0;
        else if (c->failing_since_usec == 0)
                c->failing_since_usec = now_usec(c);
}

static void on_done(struct ts_answer *a, void *userdata)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena scratch = TS_ARENA_INIT;
        struct exchange *x = userdata;
        struct ts_arena *arena = x->batch->arena ? x->batch->arena : &scratch;
        struct ts_sent sent = sent_of(x);
        struct ts_disposition j;

        note_answer(x->client, a);
        if (!is_token(x))
                note_rate(x->client, a);
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
        const struct ts_client_options *options = &x->client->options;
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
        struct ts_client *c = x->client;
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
                .timeout_usec = c->options.timeout_usec,
        };

        assert(!o->writes || c->may_write);
        result->n_tries++;
        c->statistics.retries += result->n_tries > 1;
        c->statistics.requests++;
        c->statistics.writes += o->writes;
        budget_take(c, now);
        x->state = EXCHANGE_SENT;
        c->transport->start(c->transport, &request, on_done, x);
}

/* -------------------------------------------------------------------------------------------- credentials */

/* "Basic ..." of the client, from the secret as it is now. */
static int put_basic(struct ts_client *c, struct ts_buf *out, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf secret = TS_BUF_SECRET_INIT(TS_SECRET_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf pair = TS_BUF_SECRET_INIT(2 * TS_SECRET_MAX_BYTES);
        unsigned char block[4 + 1];
        int r;

        r = c->options.read_secret(&secret, c->options.secret_userdata, err);
        if (r < 0)
                return ts_err_wrap(err, r, "%s", c->options.alias);

        (void) ts_buf_printf(&pair, "%s:", c->options.client_id);
        (void) ts_buf_put(&pair, ts_buf_text(&secret), secret.len);
        ts_buf_reset(out);
        (void) ts_buf_puts(out, "Basic ");
        for (size_t i = 0; i < pair.len; i += 3) {
                size_t n = pair.len - i < 3 ? pair.len - i : 3;

                (void) EVP_EncodeBlock(block, (const unsigned char *) pair.data + i, (int) n);
                (void) ts_buf_put(out, block, 4);
        }
        ts_wipe(block, sizeof(block));
        if (ts_buf_failed(&pair) || ts_buf_failed(out))
                return ts_err_set(err, TS_ERR_SETTINGS, -EFBIG,
                                  "%s: client_id and client_secret are too long", c->options.alias);
        return 0;
}

static void copy_secret(struct ts_buf *to, const struct ts_buf *from)
{
        ts_buf_reset(to);
        (void) ts_buf_put(to, ts_buf_text(from), from->len); /* both have the same maximum, or a larger one */
}

/* Puts the right header value in its place. It is a copy: the token may be replaced while the request is
 * under way. */
static int exchange_authorize(struct exchange *x, struct ts_err *err)
{
        struct ts_client *c = x->client;

        if (is_token(x))
                return put_basic(c, &x->authorization, err);
        if (x == &c->alone) {
                copy_secret(&x->authorization, &c->new_token.authorization);
        } else if (x->generation != c->generation) {
                copy_secret(&x->authorization, &c->token.authorization);
                x->generation = c->generation;
        }
        return 0;
}

/* --------------------------------------------------------------------------------------- sending, waiting */

static int stopped(const struct ts_client *c, struct ts_err *err)
{
        return ts_err_set(err, TS_ERR_LOCAL, -ECANCELED, "%s: stopped, as asked for", c->options.alias);
}

/* When to look again whether it is still waited for; UINT64_MAX: an event tells that the next cycle is
 * due. */
static uint64_t wait_limit_end(const struct ts_client *c, uint64_t now)
{
        uint64_t at = c->failing_since_usec + FAILING_USEC;

        return c->options.next_cycle_pending && c->failing_since_usec > 0 && at > now ? at : UINT64_MAX;
}

/* Why what waits until @wake_usec is not worth waiting for; NULL: it is. */
static const char *why_not_wait(const struct ts_client *c, uint64_t wake_usec)
{
        uint64_t now = now_usec(c);

        if (c->options.is_best_effort && wake_usec != UINT64_MAX && wake_usec > now + BEST_EFFORT_USEC)
                return "not within the time that others can wait";
        if (c->options.next_cycle_pending && *c->options.next_cycle_pending && c->failing_since_usec > 0 &&
            now - c->failing_since_usec >= FAILING_USEC)
                return "nothing but failures for a while, and the next cycle is due";
        return NULL;
}

/* @x: one that waits; NULL: none does. */
static int check_wait_limit(struct ts_client *c, struct exchange *x, uint64_t wake_usec, struct ts_err *err)
{
        const char *why = x ? why_not_wait(c, wake_usec) : NULL;

        if (!why)
                return 0;
        *err = result_of(x)->err;
        if (err->cls == TS_ERR_NONE)
                return ts_err_set(err, TS_ERR_TRANSIENT, -EAGAIN, "%s: %s", c->options.alias, why);
        return ts_err_wrap(err, err->code, "%s: %s", c->options.alias, why);
}

static int pump(struct ts_client *c, uint64_t deadline_usec, struct ts_err *err)
{
        int r = c->transport->pump(c->transport, deadline_usec, err);

        return r < 0 ? ts_err_wrap(err, r, "%s", c->options.alias) : 0;
}

static bool is_any_sent(const struct exchange *exchanges, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (exchanges[i].state == EXCHANGE_SENT)
                        return true;
        return false;
}

/* Sends what may be sent by now, then serves the loop until something has happened. */
static int serve(struct ts_client *c, struct exchange *exchanges, size_t n, struct ts_err *err)
{
        uint64_t now = now_usec(c), wake = UINT64_MAX;
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
                r = check_wait_limit(c, waiting, wake, err);
        return r < 0 ? r : pump(c, sooner(wake, wait_limit_end(c, now)), err);
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
static void drain(struct ts_client *c, struct exchange *exchanges, size_t n)
{
        struct ts_err err = { 0 };

        while (is_any_sent(exchanges, n)) {
                if (pump(c, UINT64_MAX, &err) >= 0)
                        continue;
                c->transport->cancel_all(c->transport);
                for (size_t i = 0; i < c->n_exchanges; i++)
                        cancel(&c->exchanges[i], &err);
                cancel(&c->alone, &err);
        }
}

/* One call of ours before anything else; only those that were sent already get their answers meanwhile. */
static int call_alone(struct ts_client *c, const struct ts_call *call, struct ts_call_result *result,
                      struct ts_arena *arena, struct ts_err *err)
{
        struct ts_batch batch = { .calls = call, .n = 1, .results = result, .arena = arena };
        struct exchange *x = &c->alone;
        int r = 0;

        exchange_take(x, &batch, 0);
        x->has_new_token = true; /* it is the new one */
        while (r >= 0 && x->state != EXCHANGE_FREE) {
                if (is_stopped(c) && x->state == EXCHANGE_WAITING)
                        r = stopped(c, err);
                else
                        r = serve(c, x, 1, err);
        }
        drain(c, x, 1);
        x->state = EXCHANGE_FREE;
        ts_buf_reset(&x->authorization); /* wiped */
        if (r < 0)
                return r;
        if (result->verdict != TS_VERDICT_OK) {
                *err = result->err;
                return err->code;
        }
        return 0;
}

/* -------------------------------------------------------------------------------------------------- token */

/* It goes into a header: nothing but printable characters, and some of them. */
static bool is_token_text(const char *s)
{
        size_t n = 0;

        if (!s)
                return false;
        while (s[n] > 0x20 && s[n] < 0x7f)
                n++;
        return n > 0 && s[n] == '\0' && n < TS_TOKEN_MAX_BYTES / 2;
}

static int take_token(struct ts_client *c, const struct ts_json *json, uint64_t asked_usec,
                      struct ts_err *err)
{
        const char *text = ts_json_get_string(json, "access_token");
        struct token *t = &c->new_token;
        uint64_t life_usec, renew_usec;
        int64_t life_sec;

        if (!is_token_text(text))
                return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG,
                                  "%s: the answer to the token request has no usable token",
                                  c->options.alias);
        token_reset(t);
        (void) ts_buf_printf(&t->authorization, "Bearer %s", text);

        if (!ts_json_get_int(json, "expires_in", &life_sec) || life_sec <= 0)
                life_sec = TOKEN_LIFE_DEFAULT_SEC;
        if (life_sec > TOKEN_LIFE_MAX_SEC)
                life_sec = TOKEN_LIFE_MAX_SEC;
        life_usec = (uint64_t) life_sec * TS_USEC_PER_SEC;
        renew_usec = life_usec / 1000 *
                     (600 + ts_clock_random_below(c->clock, 134)); /* two thirds, 10 % more or less */
        t->expires_usec = asked_usec + life_usec;
        t->renew_usec = asked_usec + later(renew_usec, TOKEN_RENEW_MIN_USEC);
        return 0;
}

static int fetch_token(struct ts_client *c, struct ts_err *err)
{
        static const struct ts_call call = { .op = TS_OP_TOKEN,
                                             .body = TOKEN_BODY,
                                             .body_len = sizeof(TOKEN_BODY) - 1 };
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_call_result result;
        uint64_t asked_usec = now_usec(c);
        const char *text;
        int r;

        r = call_alone(c, &call, &result, &arena, err);
        if (r < 0)
                return r;
        r = take_token(c, result.json, asked_usec, err);
        text = ts_json_get_string(result.json, "access_token");
        if (text)
                ts_wipe((char *) (uintptr_t) text, strlen(text)); /* in our own arena */
        return r;
}

/* No request but this one goes out with a token until it is known whose it is. */
static int check_organization(struct ts_client *c, struct ts_err *err)
{
        static const struct ts_call call = { .op = TS_OP_GET_ORGANIZATION };
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_id *expected = &c->options.organization_id;
        struct ts_call_result result;
        struct ts_id id;
        const char *name;
        int r;

        r = call_alone(c, &call, &result, &arena, err);
        if (r < 0)
                return r;
        if (!ts_json_get_id(result.json, "id", &id))
                return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "%s: organizations/me answers without an id",
                                  c->options.alias);
        name = ts_escape_arena(&arena, ts_json_get_string(result.json, "name"));
        if (!ts_id_is_nil(expected) && !ts_id_equal(expected, &id)) {
                r = ts_err_set(err, TS_ERR_AUTH, -EACCES,
                               "%s: the credentials are those of organization %s ('%.80s'), the settings say "
                               "%s: nothing is sent; check client_id and id of this organization in the "
                               "settings",
                               c->options.alias, ts_id_format(&id).s, name, ts_id_format(expected).s);
                c->dead = *err;
                return r;
        }
        c->organization = id;
        free(c->organization_name);
        c->organization_name = ts_strdup(name);
        return 0;
}

static bool has_token(const struct ts_client *c)
{
        return c->token.authorization.len > 0 && !c->token.is_refused && now_usec(c) < c->token.expires_usec;
}

static bool needs_token(const struct ts_client *c)
{
        return !has_token(c) || now_usec(c) >= c->token.renew_usec;
}

/* A new token, checked. A renewal that fails because of an outage is put off while the old token is good. */
static int authenticate(struct ts_client *c, struct ts_err *err)
{
        int r;

        r = fetch_token(c, err);
        if (r >= 0)
                r = check_organization(c, err);
        if (r < 0) {
                token_reset(&c->new_token);
                if (c->dead.cls == TS_ERR_NONE && err->cls == TS_ERR_TRANSIENT && has_token(c)) {
                        c->token.renew_usec = now_usec(c) + TOKEN_RENEW_AGAIN_USEC;
                        return 0;
                }
                if (c->dead.cls == TS_ERR_NONE && err->code != -ECANCELED)
                        c->dead = *err; /* whoever asks again in this cycle is told the same at once */
                return r;
        }
        token_reset(&c->token);
        c->token = c->new_token;
        c->new_token = (struct token){ .authorization = TS_BUF_SECRET_INIT(TS_TOKEN_MAX_BYTES) };
        c->generation++;
        return 0;
}

void ts_client_begin(struct ts_client *c)
{
        c->dead = (struct ts_err){ 0 }; /* a new cycle, a new chance */
        c->n_given_up = c->n_objects_given_up = 0;
        c->others_counted = c->others_ours = 0;
        c->failing_since_usec = 0;
        c->clock_skew_sec = 0;
}

int ts_client_connect(struct ts_client *c, struct ts_id *ret_organization, const char **ret_name,
                      struct ts_err *err)
{
        struct ts_err ignored = { 0 };
        int r;

        if (!err)
                err = &ignored;
        ts_client_begin(c);
        if (is_stopped(c))
                return stopped(c, err);
        if (needs_token(c)) {
                r = authenticate(c, err);
                if (r < 0)
                        return r;
        }
        if (ret_organization)
                *ret_organization = c->organization;
        if (ret_name)
                *ret_name = c->organization_name;
        return 0;
}

/* ------------------------------------------------------------------------------------------------ batches */

struct run {
        struct ts_client *client;
        const struct ts_batch *batch;
        size_t n_taken; /* calls; those behind were not looked at yet */
};

static int check_batch(const struct ts_client *c, const struct ts_batch *batch, struct ts_err *err)
{
        for (size_t i = 0; i < batch->n; i++) {
                const struct ts_operation_info *o = ts_operation_info(batch->calls[i].op);

                assert(batch->calls[i].op != TS_OP_TOKEN);
                if (o->writes && !c->may_write)
                        return ts_err_set(err, TS_ERR_INTERNAL, -EROFS,
                                          "%s: %s %s is refused: this client may only read", c->options.alias,
                                          ts_method_to_string(o->method), o->path);
        }
        return 0;
}

static bool run_take_calls(struct run *run)
{
        struct ts_client *c = run->client;
        bool has_open = false;

        for (size_t i = 0; i < c->n_exchanges; i++) {
                struct exchange *x = &c->exchanges[i];

                while (x->state == EXCHANGE_FREE && run->n_taken < run->batch->n)
                        exchange_take(x, run->batch, run->n_taken++);
                has_open = has_open || x->state != EXCHANGE_FREE;
        }
        return has_open;
}

static bool run_has_unsent(const struct run *run)
{
        const struct ts_client *c = run->client;

        for (size_t i = 0; i < c->n_exchanges; i++)
                if (c->exchanges[i].state == EXCHANGE_WAITING)
                        return true;
        return false;
}

static int dead(const struct ts_client *c, struct ts_err *err)
{
        if (c->dead.cls == TS_ERR_NONE)
                return 0;
        *err = c->dead;
        return err->code;
}

/* May anything more be sent? Sees to it that there is a token. */
static int prepare_to_send(struct ts_client *c, struct ts_err *err)
{
        int r;

        r = dead(c, err);
        if (r < 0)
                return r;
        if (is_stopped(c))
                return stopped(c, err);
        if (!needs_token(c))
                return 0;
        r = authenticate(c, err);
        return r < 0 ? r : dead(c, err);
}

static int run_calls(struct run *run, struct ts_err *err)
{
        struct ts_client *c = run->client;
        int r;

        while (run_take_calls(run)) {
                if (run_has_unsent(run)) {
                        r = prepare_to_send(c, err);
                        if (r < 0)
                                return r;
                }
                r = serve(c, c->exchanges, c->n_exchanges, err);
                if (r < 0)
                        return r;
        }
        return dead(c, err);
}

/* The calls that were taken on and have no verdict get theirs. One that was sent and may have had its
 * effect is not called unsent. */
static void abandon_taken(struct ts_client *c, const struct ts_err *err)
{
        for (size_t i = 0; i < c->n_exchanges; i++) {
                struct exchange *x = &c->exchanges[i];

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
static void wipe_copies(struct ts_client *c)
{
        for (size_t i = 0; i < c->n_exchanges; i++) {
                ts_buf_reset(&c->exchanges[i].authorization);
                c->exchanges[i].generation = 0;
        }
        ts_redactor_free(c->redactor);
        c->redactor = NULL;
}

int ts_client_run(struct ts_client *c, const struct ts_batch *batch, struct ts_err *err)
{
        struct run run = { .client = c, .batch = batch };
        struct ts_err why = { 0 };
        int r;

        c->n_given_up = 0;
        r = check_batch(c, batch, &why);
        if (r >= 0)
                r = run_calls(&run, &why);
        if (r < 0) {
                drain(c, c->exchanges, c->n_exchanges);
                abandon_taken(c, &why);
                abandon_rest(&run, &why);
                if (err)
                        *err = why;
        }
        wipe_copies(c);
        return r;
}

int ts_client_wait(struct ts_client *c, uint64_t usec, struct ts_err *err)
{
        uint64_t until = now_usec(c) + usec;
        int r;

        while (!is_stopped(c) && now_usec(c) < until) {
                r = pump(c, until, err);
                if (r < 0)
                        return r;
        }
        return 0;
}
