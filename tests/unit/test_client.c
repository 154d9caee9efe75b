/*
 * test_client - tokens, retries, budget, gate and verdicts, against a scripted transport on a virtual clock
 */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/client.h"
#include "suite.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/timefmt.h"

/* As ck_assert_msg(), which is too slow for many calls: it tells the parent process about each. */
#define REQUIRE(condition, ...) \
        do { \
                if (!(condition)) \
                        ck_abort_msg(__VA_ARGS__); \
        } while (0)

#define SEC TS_USEC_PER_SEC

#define ORG_TEXT "11111111-0000-4000-8000-000000000001"
#define OTHER_TEXT "22222222-0000-4000-8000-000000000002"
#define TRUST_TEXT "33333333-0000-4000-8000-000000000003"
#define SECRET "s3cr3t-sentinel"
#define PAIR "Y2xpZW50OnMzY3IzdC1zZW50aW5lbA==" /* client:s3cr3t-sentinel */
#define REALTIME 1800000000

/* --------------------------------------------------------------------------------- the scripted transport */

#define IN_FLIGHT_MAX 64u

struct sent {
        uint64_t at_usec;
        enum ts_method method;
        char *url, *authorization, *body;
        const char *content_type;
};

struct in_flight {
        ts_transport_done on_done;
        void *userdata;
        uint64_t due_usec;
        struct ts_request request; /* its strings are borrowed until the answer */
        size_t sent;
        const char *reply; /* a word of a script, see reply_to() */
        size_t reply_len;
        unsigned n_token; /* of a token request */
};

/* Words apart by spaces, one a request; the last one is for all that follow. */
struct script {
        const char *words;
};

struct fake {
        struct ts_transport transport;
        struct ts_clock clock;
        uint64_t now_usec, seed;
        struct script token, organization, others;
        const char *bad; /* what a URL ends in that is always answered 503 */
        uint64_t latency_usec, latency_jitter_usec;
        struct in_flight in_flight[IN_FLIGHT_MAX];
        size_t n_in_flight, n_in_flight_most;
        struct sent *sent;
        size_t n_sent, n_sent_allocated;
        unsigned n_tokens, n_cancels, n_secrets;
        int64_t token_life_sec; /* 0: the answer does not say */
        int64_t skew_sec;
        bool stop;
        size_t stop_after_sent; /* 0: not */
        uint64_t stop_at_usec;  /* a signal; 0: none */
        size_t fail_pump_after; /* requests; 0: not */
        bool fails_once;
        uint64_t timeout_usec;  /* of the last request */
        int64_t allowed, count; /* as headers of each answer */
};

static uint64_t fake_boottime(void *userdata)
{
        return ((struct fake *) userdata)->now_usec;
}

static int64_t fake_realtime(void *userdata)
{
        return REALTIME + (int64_t) (((struct fake *) userdata)->now_usec / SEC);
}

static uint64_t fake_random(void *userdata)
{
        struct fake *f = userdata;

        f->seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = f->seed;
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static const char *next_word(struct script *s, size_t *ret_len)
{
        const char *word = s->words;
        size_t len = strcspn(word, " ");

        if (word[len] == ' ')
                s->words += len + 1;
        *ret_len = len;
        return word;
}

static bool is_to(const struct sent *s, const char *what)
{
        return strstr(s->url, what) != NULL;
}

static void fake_start(struct ts_transport *t, const struct ts_request *request, ts_transport_done on_done,
                       void *userdata)
{
        struct fake *f = (struct fake *) t;
        struct in_flight *i = &f->in_flight[f->n_in_flight++];
        struct sent *s;
        struct script *script;

        f->timeout_usec = request->timeout_usec;
        REQUIRE(f->n_in_flight < IN_FLIGHT_MAX, "too many requests are under way");
        TS_GROW(f->sent, f->n_sent_allocated, f->n_sent);
        s = &f->sent[f->n_sent++];
        *s = (struct sent){ .at_usec = f->now_usec,
                            .method = request->method,
                            .url = ts_strdup(request->url),
                            .authorization = ts_strdup(request->authorization ? request->authorization : ""),
                            .body = request->body ? ts_strndup(request->body, request->body_len) : NULL,
                            .content_type = request->content_type };
        script = is_to(s, "/oauth/token")       ? &f->token
                 : is_to(s, "organizations/me") ? &f->organization
                                                : &f->others;
        if (script == &f->token)
                f->n_tokens++;
        *i = (struct in_flight){ .on_done = on_done,
                                 .userdata = userdata,
                                 .request = *request,
                                 .sent = f->n_sent - 1,
                                 .n_token = f->n_tokens };
        i->reply = next_word(script, &i->reply_len);
        if (f->bad && is_to(s, f->bad)) {
                i->reply = "503";
                i->reply_len = strlen(i->reply);
        }
        i->due_usec = f->now_usec + f->latency_usec;
        if (f->latency_jitter_usec > 0)
                i->due_usec += fake_random(f) % f->latency_jitter_usec;
        if (f->n_in_flight > f->n_in_flight_most)
                f->n_in_flight_most = f->n_in_flight;
        if (f->stop_after_sent > 0 && f->n_sent >= f->stop_after_sent)
                f->stop = true;
}

static bool word_is(const struct in_flight *i, const char *word)
{
        return i->reply_len == strlen(word) && memcmp(i->reply, word, i->reply_len) == 0;
}

static void answer_without(struct ts_answer *a, int r, enum ts_effect effect, bool is_fatal,
                           const char *error)
{
        a->r = r;
        a->effect = effect;
        a->is_fatal = is_fatal;
        (void) snprintf(a->error, sizeof(a->error), "%s", error);
}

static const struct {
        const char *word;
        int r;
        enum ts_effect effect;
        bool is_fatal;
} losses[] = {
        { "refused", -ECONNREFUSED, TS_EFFECT_NONE, false },
        { "reset", -ECONNRESET, TS_EFFECT_POSSIBLE, false },
        { "timeout", -ETIMEDOUT, TS_EFFECT_POSSIBLE, false },
        { "certificate", -EKEYREJECTED, TS_EFFECT_NONE, true },
        { "big", -EFBIG, TS_EFFECT_POSSIBLE, true },
};

/* Bodies that are not those of a status. */
static const struct {
        const char *word;
        long status;
        const char *body;
} bodies[] = {
        { "garbage", 200, "<html>please log in</html>" },
        { "cut", 200, "{\"entities\":[{\"id\":" },
        { "empty", 200, "" },
        { "deep", 200, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]" },
        { "401ip", 401, "{\"code\":\"ip.not.authorized\",\"message\":\"not from there\"}" },
        { "403may", 403, "{\"code\":\"missing.permissions\",\"message\":\"no\"}" },
        { "400rate", 400,
          "{\"error\":\"invalid_request\",\"error_description\":\"rate limit exceeded; slow down\"}" },
        { "400client", 400, "{\"error\":\"invalid_client\",\"description\":\"client not found\"}" },
        { "401client", 401, "{\"error\":\"invalid_client\",\"description\":\"authentication failed\"}" },
        { "400page", 400, "<html>Bad Request</html>" },
        { "400echo", 400, "{\"error\":\"invalid_client\",\"description\":\"not " SECRET ", but\"}" },
        { "400echo64", 400, "{\"error\":\"" PAIR "\",\"description\":\"wrong\"}" },
        { "notoken", 200, "{\"token_type\":\"bearer\"}" },
        { "badtoken", 200, "{\"access_token\":\"a\\nX-Injected: 1\",\"expires_in\":86400}" },
        { "other", 200, "{\"id\":\"" OTHER_TEXT "\",\"name\":\"Else \\u001b[31mInc\"}" },
        { "noid", 200, "{\"name\":\"Acme\"}" },
        { "hostile", 403,
          "{\"code\":\"missing\\u001b[2J\",\"message\":\"line\\none \\u202e two\",\"contextId\":\"c\\r\\nX: "
          "y\"}" },
};

static void answer_status(struct fake *f, struct ts_answer *a, const struct in_flight *i, const char *url)
{
        char word[64];
        char *rest;

        (void) snprintf(word, sizeof(word), "%.*s", (int) i->reply_len, i->reply);
        a->status = strtol(word, &rest, 10);
        if (rest[0] == '+')
                a->retry_after_sec = strtoll(rest + 1, NULL, 10);
        (void) snprintf(a->correlation, sizeof(a->correlation), "corr-%ld", a->status);
        if (a->status == 204)
                return;
        if (a->status >= 300) {
                (void) ts_buf_printf(
                                &a->body,
                                "{\"message\":\"no, not this%s%s\",\"code\":\"code.%ld\",\"status\":%ld}",
                                rest[0] == '[' ? " in " : "", rest[0] == '[' ? rest : "", a->status,
                                a->status);
        } else if (strstr(url, "/oauth/token")) {
                (void) ts_buf_printf(&a->body, "{\"access_token\":\"t%u\",\"token_type\":\"bearer\"",
                                     i->n_token);
                if (f->token_life_sec > 0)
                        (void) ts_buf_printf(&a->body, ",\"expires_in\":%" PRId64, f->token_life_sec);
                (void) ts_buf_putc(&a->body, '}');
        } else if (strstr(url, "organizations/me")) {
                (void) ts_buf_puts(&a->body, "{\"id\":\"" ORG_TEXT "\",\"name\":\"Acme\"}");
        } else {
                (void) ts_buf_printf(&a->body, "{\"url\":\"%s\"}", url);
        }
}

static void reply_to(struct fake *f, const struct in_flight *i, const char *url, struct ts_answer *a)
{
        for (size_t k = 0; k < TS_N_ELEMENTS(losses); k++)
                if (word_is(i, losses[k].word)) {
                        answer_without(a, losses[k].r, losses[k].effect, losses[k].is_fatal, losses[k].word);
                        return;
                }
        a->effect = TS_EFFECT_ANSWERED;
        for (size_t k = 0; k < TS_N_ELEMENTS(bodies); k++)
                if (word_is(i, bodies[k].word)) {
                        a->status = bodies[k].status;
                        (void) ts_buf_puts(&a->body, bodies[k].body);
                        return;
                }
        answer_status(f, a, i, url);
}

static void deliver(struct fake *f, const struct in_flight *i)
{
        struct ts_answer a = { .retry_after_sec = -1,
                               .date = REALTIME + (int64_t) (f->now_usec / SEC) + f->skew_sec,
                               .ratelimit_allowed = f->allowed,
                               .ratelimit_count = f->count,
                               .body = TS_BUF_INIT(TS_HTTP_BODY_MAX_BYTES) };
        const struct sent *s = &f->sent[i->sent];

        ck_assert_str_eq(i->request.url, s->url); /* kept until now */
        ck_assert_str_eq(i->request.authorization, s->authorization);
        reply_to(f, i, s->url, &a);
        i->on_done(&a, i->userdata);
        ts_buf_done(&a.body);
}

static int fake_pump(struct ts_transport *t, uint64_t deadline_usec, struct ts_err *err)
{
        struct fake *f = (struct fake *) t;
        struct in_flight i;
        size_t first = 0;

        if (f->fail_pump_after > 0 && f->n_sent >= f->fail_pump_after) {
                if (f->fails_once)
                        f->fail_pump_after = 0;
                return ts_err_set(err, TS_ERR_LOCAL, -EBADF, "the event loop failed");
        }
        for (size_t k = 1; k < f->n_in_flight; k++)
                if (f->in_flight[k].due_usec < f->in_flight[first].due_usec)
                        first = k;
        if (f->stop_at_usec > 0 && !f->stop && f->stop_at_usec <= deadline_usec &&
            (f->n_in_flight == 0 || f->stop_at_usec <= f->in_flight[first].due_usec)) {
                f->now_usec = f->stop_at_usec > f->now_usec ? f->stop_at_usec : f->now_usec;
                f->stop = true;
                return 0;
        }
        if (f->n_in_flight == 0 || f->in_flight[first].due_usec > deadline_usec) {
                REQUIRE(deadline_usec != UINT64_MAX, "the client waits for ever");
                f->now_usec = deadline_usec > f->now_usec ? deadline_usec : f->now_usec;
                return 0;
        }
        i = f->in_flight[first];
        f->in_flight[first] = f->in_flight[--f->n_in_flight];
        f->now_usec = i.due_usec > f->now_usec ? i.due_usec : f->now_usec;
        deliver(f, &i);
        return 0;
}

static void fake_cancel_all(struct ts_transport *t)
{
        struct fake *f = (struct fake *) t;

        f->n_cancels++;
        f->n_in_flight = 0;
}

static void fake_init(struct fake *f)
{
        *f = (struct fake){
                .transport = { fake_start, fake_pump, fake_cancel_all, NULL },
                .clock = { fake_boottime, fake_realtime, fake_random, f },
                .now_usec = 1000 * SEC,
                .seed = 1,
                .token = { "200" },
                .organization = { "200" },
                .others = { "200" },
                .latency_usec = 10 * TS_USEC_PER_MSEC,
                .token_life_sec = 86400,
        };
}

static void fake_done(struct fake *f)
{
        for (size_t i = 0; i < f->n_sent; i++) {
                free(f->sent[i].url);
                free(f->sent[i].authorization);
                free(f->sent[i].body);
        }
        free(f->sent);
}

/* --------------------------------------------------------------------------------------------- the client */

static int read_secret(struct ts_buf *secret, void *userdata, struct ts_err *err)
{
        struct fake *f = userdata;

        (void) err;
        f->n_secrets++;
        ck_assert(secret->secret);
        return ts_buf_puts(secret, SECRET);
}

static struct ts_id id_of(const char *text)
{
        struct ts_id id;

        ck_assert(ts_id_parse_string(text, &id));
        return id;
}

static struct ts_client_options options_for(struct fake *f)
{
        return (struct ts_client_options){
                .alias = "acme",
                .api_url = "https://api.example",
                .login_url = "https://login.example",
                .client_id = "client",
                .organization_id = id_of(ORG_TEXT),
                .read_secret = read_secret,
                .secret_userdata = f,
                .concurrency = 8,
                .timeout_usec = 30 * SEC,
                .stop = &f->stop,
        };
}

static struct ts_client *client_for(struct fake *f)
{
        struct ts_client_options o = options_for(f);
        struct ts_client *c = ts_client_new(&o, &f->transport, &f->clock);

        ts_client_allow_writes(c, true);
        return c;
}

static struct ts_call call_for(enum ts_operation op)
{
        const struct ts_operation_info *o = ts_operation_info(op);
        struct ts_call call = { .op = op };

        for (size_t i = 0; i < o->n_ids; i++)
                call.ids[i] = id_of(TRUST_TEXT);
        call.page_size = call.page = o->is_paged ? 1 : 0;
        if (o->method == TS_POST || o->method == TS_PUT) {
                call.body = "{}";
                call.body_len = 2;
        }
        return call;
}

/* @n calls of one operation; what is asked for by number where it has pages. */
static int run_many(struct ts_client *c, enum ts_operation op, size_t n, struct ts_call_result *results,
                    struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct ts_call *calls = ts_calloc(n, sizeof(*calls));
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_batch batch = { .calls = calls, .n = n, .results = results, .arena = &arena };
        int r;

        for (size_t i = 0; i < n; i++) {
                calls[i] = call_for(op);
                if (ts_operation_info(op)->is_paged)
                        calls[i].page = (unsigned) i + 1;
        }
        r = ts_client_run(c, &batch, err);
        for (size_t i = 0; i < n; i++)
                results[i].json = NULL; /* of an arena that ends here */
        return r;
}

static size_t count_sent(const struct fake *f, const char *what)
{
        size_t n = 0;

        for (size_t i = 0; i < f->n_sent; i++)
                n += is_to(&f->sent[i], what);
        return n;
}

static size_t count_others(const struct fake *f)
{
        return f->n_sent - count_sent(f, "/oauth/token") - count_sent(f, "organizations/me");
}

/* ----------------------------------------------------------------------------------------------- verdicts */

#define GET TS_OP_GET_TRUSTEE
#define PUT TS_OP_UPDATE_TRUSTEE
#define POST TS_OP_ADD_TRUSTEE_USER
#define DELETE TS_OP_DELETE_TRUSTEE
#define SEARCH TS_OP_SEARCH_USERS

static const struct {
        enum ts_operation op;
        const char *script;
        enum ts_verdict verdict;
        unsigned n_tries;
        long status;
        int r, code; /* what the batch returns; of the result's error */
} verdict_cases[] = {
        { GET, "200", TS_VERDICT_OK, 1, 200, 0, 0 },
        { DELETE, "204", TS_VERDICT_OK, 1, 204, 0, 0 },
        { PUT, "empty", TS_VERDICT_OK, 1, 200, 0, 0 },
        { GET, "404", TS_VERDICT_NOT_FOUND, 1, 404, 0, -ENOENT },
        { DELETE, "404", TS_VERDICT_NOT_FOUND, 1, 404, 0, -ENOENT },
        { GET, "403", TS_VERDICT_FORBIDDEN, 1, 403, 0, -EPERM },
        { GET, "400", TS_VERDICT_REJECTED, 1, 400, 0, -EINVAL },
        { PUT, "409", TS_VERDICT_REJECTED, 1, 409, 0, -EEXIST },
        { POST, "409", TS_VERDICT_REJECTED, 1, 409, 0, -EEXIST },
        { GET, "413", TS_VERDICT_REJECTED, 1, 413, 0, -EINVAL },
        { GET, "400page", TS_VERDICT_REJECTED, 1, 400, 0, -EINVAL },

        /* tried again: what is idempotent, and what surely had no effect */
        { GET, "500 200", TS_VERDICT_OK, 2, 200, 0, 0 },
        { GET, "502 503 504 408 429 200", TS_VERDICT_OK, 6, 200, 0, 0 },
        { GET, "500 500 500 500 500 200", TS_VERDICT_OK, 6, 200, 0, 0 },
        { GET, "500", TS_VERDICT_FAILED, 6, 500, 0, -EREMOTEIO },
        { GET, "408", TS_VERDICT_FAILED, 6, 408, 0, -EREMOTEIO },
        { GET, "429", TS_VERDICT_FAILED, 6, 429, 0, -EAGAIN },
        { GET, "501", TS_VERDICT_FAILED, 1, 501, 0, -EOPNOTSUPP },
        { GET, "refused reset timeout 200", TS_VERDICT_OK, 4, 200, 0, 0 },
        { GET, "refused", TS_VERDICT_FAILED, 6, 0, 0, -ECONNREFUSED },
        { PUT, "reset 200", TS_VERDICT_OK, 2, 200, 0, 0 },
        { DELETE, "timeout 404", TS_VERDICT_NOT_FOUND, 2, 404, 0, -ENOENT },
        { PUT, "503", TS_VERDICT_FAILED, 6, 503, 0, -EREMOTEIO },
        { SEARCH, "reset 503 200", TS_VERDICT_OK, 3, 200, 0, 0 },
        { POST, "refused refused 200", TS_VERDICT_OK, 3, 200, 0, 0 },
        { POST, "429 429 200", TS_VERDICT_OK, 3, 200, 0, 0 },
        { POST, "refused", TS_VERDICT_FAILED, 6, 0, 0, -ECONNREFUSED },
        { POST, "429", TS_VERDICT_FAILED, 6, 429, 0, -EAGAIN },

        /* never tried again: it may have had its effect */
        { POST, "reset", TS_VERDICT_UNKNOWN, 1, 0, 0, -ECONNRESET },
        { POST, "timeout", TS_VERDICT_UNKNOWN, 1, 0, 0, -ETIMEDOUT },
        { POST, "big", TS_VERDICT_UNKNOWN, 1, 0, 0, -EFBIG },
        { POST, "500", TS_VERDICT_UNKNOWN, 1, 500, 0, -EREMOTEIO },
        { POST, "503", TS_VERDICT_UNKNOWN, 1, 503, 0, -EREMOTEIO },
        { POST, "408", TS_VERDICT_UNKNOWN, 1, 408, 0, -EREMOTEIO },
        { POST, "garbage", TS_VERDICT_UNKNOWN, 1, 200, 0, -EBADMSG },
        { POST, "cut", TS_VERDICT_UNKNOWN, 1, 200, 0, -EBADMSG },
        { POST, "303", TS_VERDICT_UNKNOWN, 1, 303, 0, -EBADMSG },
        { POST, "refused reset", TS_VERDICT_UNKNOWN, 2, 0, 0, -ECONNRESET },
        { POST, "501", TS_VERDICT_FAILED, 1, 501, 0, -EOPNOTSUPP },

        /* answers that cannot be used */
        { GET, "garbage 200", TS_VERDICT_OK, 2, 200, 0, 0 },
        { GET, "cut empty 200", TS_VERDICT_OK, 3, 200, 0, 0 },
        { GET, "cut", TS_VERDICT_FAILED, 6, 200, 0, -EBADMSG },
        { GET, "empty", TS_VERDICT_FAILED, 6, 200, 0, -EBADMSG },
        { GET, "deep", TS_VERDICT_FAILED, 1, 200, 0, -EFBIG },
        { GET, "big", TS_VERDICT_FAILED, 1, 0, 0, -EFBIG },
        { GET, "301", TS_VERDICT_FAILED, 1, 301, 0, -EBADMSG },
        { GET, "307", TS_VERDICT_FAILED, 1, 307, 0, -EBADMSG },
        { GET, "600", TS_VERDICT_FAILED, 1, 600, 0, -EBADMSG },
        { GET, "certificate", TS_VERDICT_FAILED, 1, 0, 0, -EKEYREJECTED },
        { POST, "certificate", TS_VERDICT_FAILED, 1, 0, 0, -EKEYREJECTED },

        /* 401: one new token, then the end; a write that was refused for its token may be repeated */
        { GET, "401 200", TS_VERDICT_OK, 2, 200, 0, 0 },
        { POST, "401 200", TS_VERDICT_OK, 2, 200, 0, 0 },
        { GET, "401 503 200", TS_VERDICT_OK, 3, 200, 0, 0 },
        { GET, "401 401 200", TS_VERDICT_STOPPED, 2, 401, -EACCES, -EACCES },
        { GET, "401ip 200", TS_VERDICT_STOPPED, 1, 401, -EACCES, -EACCES },
};

START_TEST(test_verdict)
{
        const char *name = verdict_cases[_i].script;
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        int r;

        fake_init(&f);
        f.others.words = verdict_cases[_i].script;
        c = client_for(&f);
        r = run_many(c, verdict_cases[_i].op, 1, &result, &err);

        ck_assert_msg(r == verdict_cases[_i].r, "%s: returned %d: %s", name, r, err.msg);
        ck_assert_msg(result.verdict == verdict_cases[_i].verdict, "%s: %s: %s", name,
                      ts_verdict_to_string(result.verdict), result.err.msg);
        ck_assert_msg(result.n_tries == verdict_cases[_i].n_tries, "%s: %u tries", name, result.n_tries);
        ck_assert_msg(count_others(&f) == verdict_cases[_i].n_tries, "%s: %zu requests", name,
                      count_others(&f));
        ck_assert_msg(result.status == verdict_cases[_i].status, "%s: status %ld", name, result.status);
        ck_assert_msg(result.err.code == verdict_cases[_i].code, "%s: %d: %s", name, result.err.code,
                      result.err.msg);
        ck_assert_msg((result.err.cls == TS_ERR_NONE) == (result.verdict == TS_VERDICT_OK), "%s: class %d",
                      name, (int) result.err.cls);
        ck_assert_int_eq((int) f.n_in_flight, 0);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* What a message says, in order. */
static const struct {
        enum ts_operation op;
        const char *script;
} message_cases[] = {
        { GET, "404" }, { PUT, "403" },     { PUT, "403may" }, { GET, "hostile" },
        { GET, "301" }, { GET, "refused" }, { PUT, "reset" },  { GET, "garbage" },
        { GET, "cut" }, { GET, "400page" }, { GET, "401ip" },
};

START_TEST(test_message)
{
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        int r;

        fake_init(&f);
        f.others.words = message_cases[_i].script;
        c = client_for(&f);
        r = run_many(c, message_cases[_i].op, 1, &result, &err);
        ck_assert_int_eq(r, result.verdict == TS_VERDICT_STOPPED ? -EACCES : 0);
        message_is(message_cases[_i].script, result.err.msg);
        ck_assert_int_eq(result.err.http_status, result.status);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_result_says_code_and_correlation)
{
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.others.words = "404 hostile 200";
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        ck_assert_str_eq(result.code, "code.404");
        ck_assert_str_eq(result.correlation, "corr-404");
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        ck_assert_str_eq(result.code, "missing\\x1b[2J");
        ck_assert_str_eq(result.correlation, "c\\x0d\\x0aX: y"); /* no header: contextId */
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        ck_assert_str_eq(result.code, "");
        ck_assert_str_eq(result.err.msg, "");
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* ------------------------------------------------------------------------------------------- what is sent */

START_TEST(test_first_the_token_then_the_organization_then_the_rest)
{
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, PUT, 1, &result, &err), 0);
        ck_assert_uint_eq(f.n_sent, 3);

        ck_assert_str_eq(f.sent[0].url, "https://login.example/oauth/token");
        ck_assert_int_eq(f.sent[0].method, TS_POST);
        ck_assert_str_eq(f.sent[0].authorization, "Basic " PAIR);
        ck_assert_str_eq(f.sent[0].body, "grant_type=client_credentials");
        ck_assert_str_eq(f.sent[0].content_type, "application/x-www-form-urlencoded");

        ck_assert_str_eq(f.sent[1].url, "https://api.example/api/v2/organizations/me");
        ck_assert_str_eq(f.sent[1].authorization, "Bearer t1");
        ck_assert_ptr_null(f.sent[1].content_type);

        ck_assert_str_eq(f.sent[2].url, "https://api.example/api/v2/orgauthorization/trustees/" TRUST_TEXT);
        ck_assert_int_eq(f.sent[2].method, TS_PUT);
        ck_assert_str_eq(f.sent[2].authorization, "Bearer t1");
        ck_assert_str_eq(f.sent[2].body, "{}");
        ck_assert_str_eq(f.sent[2].content_type, "application/json");

        /* the token is kept */
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        ck_assert_uint_eq(f.n_sent, 4);
        ck_assert_uint_eq(f.n_secrets, 1);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

struct seen {
        struct fake *fake;
        size_t n;
        unsigned *times; /* by index */
        size_t most_bytes;
};

static void on_result(size_t i, const struct ts_call_result *result, void *userdata)
{
        struct seen *s = userdata;
        char page[32];
        const char *url;

        s->n++;
        s->times[i]++;
        (void) snprintf(page, sizeof(page), "pageNumber=%zu", i + 1);
        url = ts_json_get_string(result->json, "url");
        REQUIRE(url && strcmp(strstr(url, "pageNumber"), page) == 0, "call %zu has the answer of %s", i,
                url ? url : "nothing");
        if (mallinfo2().uordblks > s->most_bytes)
                s->most_bytes = mallinfo2().uordblks;
}

/* Whatever the order of the answers; and nothing of an answer stays behind. */
START_TEST(test_many_calls_by_index)
{
        enum { N = 10000 };
        TS_CLEANUP(ts_freep) struct ts_call *calls = ts_calloc(N, sizeof(*calls));
        TS_CLEANUP(ts_freep) struct ts_call_result *results = ts_calloc(N, sizeof(*results));
        TS_CLEANUP(ts_freep) unsigned *times = ts_calloc(N, sizeof(*times));
        struct seen seen = { .times = times };
        struct ts_batch batch = {
                .calls = calls, .n = N, .results = results, .on_result = on_result, .userdata = &seen
        };
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        size_t before;

        fake_init(&f);
        f.latency_jitter_usec = 100 * TS_USEC_PER_MSEC;
        f.others.words = "200 503 200 429 200";
        c = client_for(&f);
        for (size_t i = 0; i < N; i++)
                calls[i] = (struct ts_call){ .op = TS_OP_LIST_TRUSTEES,
                                             .page_size = 100,
                                             .page = (unsigned) i + 1 };
        f.sent = ts_calloc(2 * N, sizeof(*f.sent)); /* ours, not the client's */
        f.n_sent_allocated = 2 * N;
        before = mallinfo2().uordblks;

        ck_assert_int_eq(ts_client_run(c, &batch, &err), 0);
        ck_assert_uint_eq(seen.n, N);
        for (size_t i = 0; i < N; i++)
                REQUIRE(times[i] == 1 && results[i].verdict == TS_VERDICT_OK && !results[i].json,
                        "call %zu: told %u times, %s", i, times[i], ts_verdict_to_string(results[i].verdict));
        ck_assert_uint_le(f.n_in_flight_most, 8);
        for (size_t i = 0; i < f.n_sent; i++)
                before += malloc_usable_size(f.sent[i].url) + malloc_usable_size(f.sent[i].authorization) +
                          16;
        ck_assert_msg(seen.most_bytes < before + 1024 * 1024, "%zu bytes more", seen.most_bytes - before);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_our_own_mistakes_are_not_sent)
{
        struct ts_call calls[] = {
                { .op = GET }, { .op = TS_OP_LIST_TRUSTEES }, call_for(GET), call_for(PUT)
        };
        struct ts_call_result results[TS_N_ELEMENTS(calls)];
        struct ts_batch batch = { .calls = calls, .n = TS_N_ELEMENTS(calls), .results = results };
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        c = client_for(&f);
        calls[3].body_len = TS_HTTP_REQUEST_MAX_BYTES + 1;
        ck_assert_int_eq(ts_client_run(c, &batch, &err), 0);
        ck_assert_int_eq(results[0].verdict, TS_VERDICT_FAILED); /* a nil id */
        ck_assert_int_eq(results[0].err.cls, TS_ERR_INTERNAL);
        ck_assert_int_eq(results[1].verdict, TS_VERDICT_FAILED); /* no page */
        ck_assert_int_eq(results[2].verdict, TS_VERDICT_OK);
        ck_assert_int_eq(results[3].verdict, TS_VERDICT_FAILED);
        ck_assert_int_eq(results[3].err.code, -EFBIG);
        ck_assert_uint_eq(count_others(&f), 1);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_empty_batch_sends_nothing)
{
        struct ts_batch batch = { 0 };
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        c = client_for(&f);
        ck_assert_int_eq(ts_client_run(c, &batch, &err), 0);
        ck_assert_uint_eq(f.n_sent, 0);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_statistics_and_skew)
{
        const struct ts_client_statistics *s;
        struct ts_call_result results[3];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.others.words = "200 reset 503 404 200";
        f.skew_sec = -400;
        c = client_for(&f);
        s = ts_client_get_statistics(c);
        ck_assert_int_eq(ts_client_get_clock_skew(c), 0);
        ck_assert_int_eq(run_many(c, GET, 1, results, &err), 0);
        ck_assert_int_eq(run_many(c, PUT, 1, results, &err), 0);
        ck_assert_uint_eq(s->requests, 6);
        ck_assert_uint_eq(s->writes, 3);
        ck_assert_uint_eq(s->retries, 2);
        ck_assert_uint_eq(s->by_class[0], 1);
        ck_assert_uint_eq(s->by_class[2], 3);
        ck_assert_uint_eq(s->by_class[4], 1);
        ck_assert_uint_eq(s->by_class[5], 1);
        ck_assert_int_eq(ts_client_get_clock_skew(c), -400);
        ck_assert_str_eq(ts_client_get_alias(c), "acme");
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* ------------------------------------------------------------------------------------------------ retries */

/* Full jitter: anywhere between at once and 1, 2, 4, 8, 16 s, and both ends are come near to. */
START_TEST(test_backoff)
{
        uint64_t least[5] = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, most[5] = { 0 };

        for (uint64_t seed = 1; seed <= 300; seed++) {
                struct ts_call_result result;
                struct ts_err err = { 0 };
                struct ts_client *c;
                struct fake f;

                fake_init(&f);
                f.seed = seed * 1000;
                f.latency_usec = 0;
                f.others.words = "503";
                c = client_for(&f);
                ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
                ck_assert_uint_eq(f.n_sent, 8);
                for (size_t k = 0; k < 5; k++) {
                        uint64_t gap = f.sent[k + 3].at_usec - f.sent[k + 2].at_usec;

                        REQUIRE(gap <= SEC << k, "seed %" PRIu64 ": %" PRIu64 " us before try %zu", seed, gap,
                                k + 2);
                        least[k] = gap < least[k] ? gap : least[k];
                        most[k] = gap > most[k] ? gap : most[k];
                }
                ts_client_free(c);
                fake_done(&f);
        }
        for (size_t k = 0; k < 5; k++)
                ck_assert_msg(least[k] < (SEC << k) / 10 && most[k] > (SEC << k) * 9 / 10,
                              "before try %zu: %" PRIu64 " to %" PRIu64, k + 2, least[k], most[k]);
}
END_TEST

static const struct {
        const char *script;
        uint64_t least_usec, most_usec; /* before the second try */
} retry_after_cases[] = {
        { "429+7 200", 7 * SEC, 8 * SEC },
        { "503+7 200", 7 * SEC, 8 * SEC },
        { "429+1 200", 1 * SEC, 2 * SEC },
        { "429+900 200", 900 * SEC, 901 * SEC },
        { "429+901 200", 900 * SEC, 901 * SEC },
        { "429+9223372036854775807 200", 900 * SEC, 901 * SEC },
        { "429+0 200", 0, 1 * SEC }, /* as if absent */
        { "429+-5 200", 0, 1 * SEC },
        { "429 200", 0, 1 * SEC },
        { "429[42] 200", 42 * SEC, 43 * SEC }, /* in the message */
        { "429[99999999999999999999] 200", 900 * SEC, 901 * SEC },
        { "429[0] 200", 0, 1 * SEC },
        { "429[] 200", 0, 1 * SEC },
        { "429[4x] 200", 0, 1 * SEC },
        { "429[-4] 200", 0, 1 * SEC },
        { "503[42] 200", 0, 1 * SEC }, /* only of a 429 */
};

START_TEST(test_retry_after)
{
        for (uint64_t seed = 1; seed <= 50; seed++) {
                struct ts_call_result result;
                struct ts_err err = { 0 };
                struct ts_client *c;
                struct fake f;
                uint64_t gap;

                fake_init(&f);
                f.seed = seed * 1000;
                f.latency_usec = 0;
                f.others.words = retry_after_cases[_i].script;
                c = client_for(&f);
                ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
                gap = f.sent[3].at_usec - f.sent[2].at_usec;
                ck_assert_msg(gap >= retry_after_cases[_i].least_usec &&
                                              gap <= retry_after_cases[_i].most_usec,
                              "%s: after %" PRIu64 " us", retry_after_cases[_i].script, gap);
                ts_client_free(c);
                fake_done(&f);
        }
}
END_TEST

/* What the platform says of the requests of its minute, beside the answers. */
static const struct {
        const char *name;
        int64_t allowed, count;
        unsigned n_calls;
        size_t n_within_minute;
        int64_t counted, ours;
} rate_cases[] = {
        { "nothing", 0, 0, 100, 60, 0, 0 },          { "more than ours", 300, 0, 100, 60, 0, 0 },
        { "less than ours", 20, 0, 50, 20, 0, 0 },   { "as many as we made", 0, 4, 1, 3, 0, 0 },
        { "more than we made", 0, 90, 1, 3, 90, 2 },
};

START_TEST(test_rate_limit_headers)
{
        TS_CLEANUP(ts_freep) struct ts_call_result *results = ts_calloc(100, sizeof(*results));
        struct ts_client_options options;
        struct ts_err err = { 0 };
        int64_t counted, ours;
        struct ts_client *c;
        size_t n = 0;
        struct fake f;

        fake_init(&f);
        f.allowed = rate_cases[_i].allowed;
        f.count = rate_cases[_i].count;
        options = options_for(&f);
        options.requests_per_minute = 60;
        c = ts_client_new(&options, &f.transport, &f.clock);
        ck_assert_int_eq(run_many(c, GET, rate_cases[_i].n_calls, results, &err), 0);
        while (n < f.n_sent && f.sent[n].at_usec < f.sent[0].at_usec + 60 * SEC)
                n++;
        ck_assert_msg(n == rate_cases[_i].n_within_minute, "%s: %zu", rate_cases[_i].name, n);
        ck_assert_int_eq(ts_client_get_others(c, &counted, &ours), rate_cases[_i].counted > 0);
        ck_assert_int_eq(counted, rate_cases[_i].counted);
        ck_assert_int_eq(ours, rate_cases[_i].ours);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* What is nice to know is tried once, and a 429 of it delays nothing else; of a batch that has an end it is
 * obeyed by all, and what has no time for that fails. */
static const struct {
        uint64_t until_usec, waited_usec;
        enum ts_verdict second;
} optional_cases[] = { { 0, 0, TS_VERDICT_OK },
                       { 40 * SEC, 30 * SEC, TS_VERDICT_OK },
                       { 20 * SEC, 0, TS_VERDICT_FAILED } };

START_TEST(test_429_of_optional_calls)
{
        struct ts_call calls[2] = { call_for(GET), call_for(GET) };
        struct ts_call_result results[2];
        struct ts_batch batch = { .calls = calls, .n = 2, .results = results };
        struct ts_client_options options;
        struct ts_err err = { 0 };
        struct ts_client *c;
        uint64_t began;
        struct fake f;

        fake_init(&f);
        f.others.words = "429+30 200";
        options = options_for(&f);
        options.concurrency = 1;
        c = ts_client_new(&options, &f.transport, &f.clock);
        ck_assert_int_eq(ts_client_connect(c, NULL, NULL, &err), 0);
        calls[0].is_optional = calls[1].is_optional = true;
        began = f.now_usec;
        if (optional_cases[_i].until_usec > 0)
                batch.until_usec = began + optional_cases[_i].until_usec;
        ck_assert_int_eq(ts_client_run(c, &batch, &err), 0);
        ck_assert_int_eq(results[0].verdict, TS_VERDICT_FAILED);
        ck_assert_int_eq(results[1].verdict, optional_cases[_i].second);
        ck_assert_uint_ge(f.now_usec - began, optional_cases[_i].waited_usec);
        ck_assert_uint_lt(f.now_usec - began, optional_cases[_i].waited_usec + 5 * SEC);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_429_pauses_all_calls)
{
        struct ts_call_result results[50];
        struct ts_err err = { 0 };
        struct ts_client *c;
        uint64_t paused_usec = 0;
        struct fake f;

        fake_init(&f);
        f.others.words = "200 200 200 429+30 200";
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, GET, 50, results, &err), 0);
        for (size_t i = 3; i < f.n_sent; i++)
                if (f.sent[i].at_usec - f.sent[i - 1].at_usec >= 30 * SEC)
                        paused_usec = f.sent[i - 1].at_usec;
        ck_assert_uint_ne(paused_usec, 0);
        for (size_t i = 0; i < f.n_sent; i++)
                ck_assert(f.sent[i].at_usec <= paused_usec || f.sent[i].at_usec >= paused_usec + 30 * SEC);
        for (size_t i = 0; i < 50; i++)
                ck_assert_int_eq(results[i].verdict, TS_VERDICT_OK);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* In every 60 seconds, wherever they begin. */
START_TEST(test_budget)
{
        enum { N = 700, PER_MINUTE = 60 };
        TS_CLEANUP(ts_freep) struct ts_call_result *results = ts_calloc(N, sizeof(*results));
        struct ts_client_options o;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.seed = (uint64_t) _i * 7919;
        f.latency_jitter_usec = _i % 2 ? 5 * SEC : 100 * TS_USEC_PER_MSEC;
        f.others.words = _i % 3 ? "200" : "200 503 200 429 401 200 503 200";
        f.token_life_sec = 300;
        o = options_for(&f);
        o.requests_per_minute = PER_MINUTE;
        c = ts_client_new(&o, &f.transport, &f.clock);
        ck_assert_int_eq(run_many(c, GET, N, results, &err), 0);
        for (size_t i = 0; i < N; i++)
                REQUIRE(results[i].verdict == TS_VERDICT_OK, "%s", results[i].err.msg);
        for (size_t i = PER_MINUTE; i < f.n_sent; i++)
                REQUIRE(f.sent[i].at_usec - f.sent[i - PER_MINUTE].at_usec > 60 * SEC,
                        "requests %zu to %zu within %" PRIu64 " us", i - PER_MINUTE, i,
                        f.sent[i].at_usec - f.sent[i - PER_MINUTE].at_usec);
        ck_assert_uint_ge(count_sent(&f, "/oauth/token"), 2); /* they count as well */
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- tokens */

static const struct {
        const char *token, *organization; /* scripts */
        int r;
        enum ts_err_class cls;
        size_t n_sent;
} connect_cases[] = {
        { "200", "200", 0, TS_ERR_NONE, 2 },
        { "400rate 400rate 200", "200", 0, TS_ERR_NONE, 4 },
        { "503 429 refused reset timeout 200", "200", 0, TS_ERR_NONE, 7 },
        { "garbage 200", "200", 0, TS_ERR_NONE, 3 },
        { "200", "503 reset 200", 0, TS_ERR_NONE, 4 },
        { "400rate", "200", -EAGAIN, TS_ERR_TRANSIENT, 6 },
        { "503", "200", -EREMOTEIO, TS_ERR_TRANSIENT, 6 },
        { "refused", "200", -ECONNREFUSED, TS_ERR_TRANSIENT, 6 },
        { "certificate", "200", -EKEYREJECTED, TS_ERR_REMOTE, 1 },
        { "400client", "200", -EACCES, TS_ERR_AUTH, 1 },
        { "401client", "200", -EACCES, TS_ERR_AUTH, 1 },
        { "400page", "200", -EACCES, TS_ERR_AUTH, 1 },
        { "401ip", "200", -EACCES, TS_ERR_AUTH, 1 },
        { "400echo", "200", -EACCES, TS_ERR_AUTH, 1 },
        { "400echo64", "200", -EACCES, TS_ERR_AUTH, 1 },
        { "403", "200", -EACCES, TS_ERR_AUTH, 1 },
        { "404", "200", -EACCES, TS_ERR_AUTH, 1 },
        { "301", "200", -EBADMSG, TS_ERR_REMOTE, 1 },
        { "notoken", "200", -EBADMSG, TS_ERR_REMOTE, 1 },
        { "badtoken", "200", -EBADMSG, TS_ERR_REMOTE, 1 },
        { "200", "401", -EACCES, TS_ERR_AUTH, 2 },
        { "200", "401ip", -EACCES, TS_ERR_AUTH, 2 },
        { "200", "403", -EPERM, TS_ERR_REMOTE, 2 },
        { "200", "noid", -EBADMSG, TS_ERR_REMOTE, 2 },
        { "200", "other", -EACCES, TS_ERR_AUTH, 2 },
};

START_TEST(test_connect)
{
        const char *name = connect_cases[_i].token, *organization_name = NULL;
        char script[64];
        struct ts_call_result result;
        struct ts_id organization;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        int r;

        fake_init(&f);
        f.token.words = connect_cases[_i].token;
        f.organization.words = connect_cases[_i].organization;
        c = client_for(&f);
        r = ts_client_connect(c, &organization, &organization_name, &err);
        ck_assert_msg(r == connect_cases[_i].r && err.code == r, "%s: %d, %d: %s", name, r, err.code,
                      err.msg);
        ck_assert_msg(err.cls == connect_cases[_i].cls, "%s: class %d: %s", name, (int) err.cls, err.msg);
        ck_assert_msg(f.n_sent == connect_cases[_i].n_sent, "%s: %zu requests", name, f.n_sent);
        (void) snprintf(script, sizeof(script), "%s, then %s", name, connect_cases[_i].organization);
        if (r < 0)
                message_is(script, err.msg);
        ck_assert_uint_eq(f.n_secrets, count_sent(&f, "/oauth/token")); /* read anew for each */
        ck_assert_ptr_null(strstr(err.msg, SECRET));

        if (r == 0) {
                struct ts_id expected = id_of(ORG_TEXT);

                ck_assert(ts_id_equal(&organization, &expected));
                ck_assert_str_eq(organization_name, "Acme");
                ck_assert_int_eq(ts_client_connect(c, NULL, NULL, &err), 0);
                ck_assert_uint_eq(f.n_sent, connect_cases[_i].n_sent);
        } else {
                ck_assert_int_lt(run_many(c, GET, 1, &result, &err), 0);
                ck_assert_int_eq(result.verdict, TS_VERDICT_STOPPED);
                ck_assert_uint_eq(count_others(&f), 0);
                ck_assert_uint_eq(f.n_sent,
                                  connect_cases[_i].n_sent); /* nor is it tried again in this cycle */
        }
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* What was refused once is not asked again in this cycle; a new cycle connects anew. */
/* One vain attempt a cycle is not several in a row of one. */
START_TEST(test_each_cycle_says_what_kept_it)
{
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.token.words = "503";
        c = client_for(&f);
        for (unsigned i = 0; i < 5; i++) {
                ck_assert_int_eq(ts_client_connect(c, NULL, NULL, &err), -EREMOTEIO);
                ck_assert_msg(!strstr(err.msg, "in a row"), "cycle %u: %s", i, err.msg);
        }
        ck_assert_int_lt(run_many(c, GET, 1, &result, &err), 0);
        ck_assert_ptr_null(strstr(err.msg, "in a row"));
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_refused_credentials_are_not_tried_again)
{
        struct ts_call_result results[20];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.token.words = "401client 200";
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, GET, 20, results, &err), -EACCES);
        ck_assert_int_eq(run_many(c, GET, 20, results, &err), -EACCES);
        ck_assert_int_eq(err.cls, TS_ERR_AUTH);
        for (size_t i = 0; i < 20; i++) {
                ck_assert_int_eq(results[i].verdict, TS_VERDICT_STOPPED);
                ck_assert_int_eq(results[i].err.cls, TS_ERR_AUTH);
        }
        ck_assert_uint_eq(f.n_sent, 1);
        ck_assert_int_eq(ts_client_connect(c, NULL, NULL, &err), 0);
        ck_assert_int_eq(run_many(c, GET, 20, results, &err), 0);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* Eight calls are refused at once: one new token, and each call once more. */
START_TEST(test_401_gets_one_new_token_for_all)
{
        struct ts_call_result results[8];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.others.words = "401 401 401 401 401 401 401 401 200";
        f.latency_jitter_usec = (uint64_t) _i * 50 * TS_USEC_PER_MSEC;
        f.seed = (uint64_t) _i;
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, PUT, 8, results, &err), 0);
        ck_assert_uint_eq(count_sent(&f, "/oauth/token"), 2);
        ck_assert_uint_eq(count_sent(&f, "organizations/me"), 2);
        ck_assert_uint_eq(count_others(&f), 16);
        for (size_t i = 0; i < 8; i++)
                ck_assert_int_eq(results[i].verdict, TS_VERDICT_OK);
        ck_assert_str_eq(f.sent[f.n_sent - 1].authorization, "Bearer t2");
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_another_organization_after_a_renewal_stops_all)
{
        struct ts_call_result results[30];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        size_t n_before;

        fake_init(&f);
        f.others.words = "200 200 401 200";
        f.organization.words = "200 other";
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, PUT, 30, results, &err), -EACCES);
        ck_assert_int_eq(err.cls, TS_ERR_AUTH);
        for (size_t i = 0; i < f.n_sent; i++)
                ck_assert_str_ne(f.sent[i].authorization, is_to(&f.sent[i], "trustees") ? "Bearer t2" : "");
        n_before = f.n_sent;
        ck_assert_int_eq(run_many(c, PUT, 30, results, &err), -EACCES);
        ck_assert_uint_eq(f.n_sent, n_before);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* At two thirds of the life, 10 % more or less; the life counts from before the request. */
START_TEST(test_renewal)
{
        uint64_t least = UINT64_MAX, most = 0;

        for (uint64_t seed = 1; seed <= 200; seed++) {
                TS_CLEANUP(ts_freep) struct ts_call_result *results = ts_calloc(1000, sizeof(*results));
                struct ts_err err = { 0 };
                uint64_t first = 0, age = 0;
                struct ts_client *c;
                struct fake f;

                fake_init(&f);
                f.seed = seed * 100;
                f.token_life_sec = 1000;
                f.latency_usec = 7 * SEC;
                c = client_for(&f);
                ck_assert_int_eq(run_many(c, GET, 900, results, &err), 0);
                first = f.sent[0].at_usec;
                for (size_t i = 1; i < f.n_sent && age == 0; i++)
                        if (is_to(&f.sent[i], "/oauth/token"))
                                age = f.sent[i].at_usec - first;
                REQUIRE(age >= 600 * SEC && age <= 741 * SEC, "renewed after %" PRIu64 " us", age);
                least = age < least ? age : least;
                most = age > most ? age : most;
                ck_assert_uint_eq(count_sent(&f, "/oauth/token"), 2);
                ts_client_free(c);
                fake_done(&f);
        }
        ck_assert_uint_lt(least, 625 * SEC);
        ck_assert_uint_gt(most, 715 * SEC);
}
END_TEST

static const struct {
        int64_t life_sec;    /* as the server says it */
        uint64_t after_usec; /* then comes another call */
        const char *token;   /* script */
        int r;
        size_t n_tokens;
        const char *authorization; /* of that call; "": none was sent */
} renewal_cases[] = {
        { 1000, 500 * SEC, "200", 0, 1, "Bearer t1" },
        { 1000, 800 * SEC, "200", 0, 2, "Bearer t2" },
        { 1000, 5000 * SEC, "200", 0, 2, "Bearer t2" },
        /* the login host is down: the old token goes on while it lives */
        { 1000, 800 * SEC, "200 refused", 0, 7, "Bearer t1" },
        { 1000, 5000 * SEC, "200 refused", -ECONNREFUSED, 7, "" },
        /* credentials that were taken away count at once */
        { 1000, 800 * SEC, "200 401client", -EACCES, 2, "" },
        { 0, 150 * SEC, "200", 0, 1, "Bearer t1" }, /* not said: five minutes */
        { 0, 250 * SEC, "200", 0, 2, "Bearer t2" },
        { INT64_MAX, 100000 * SEC, "200", 0, 1, "Bearer t1" }, /* not longer than the platform allows */
        { INT64_MAX, 170000 * SEC, "200", 0, 2, "Bearer t2" },
        { 1, 3 * SEC, "200", 0, 2, "Bearer t2" },
};

START_TEST(test_life_of_a_token)
{
        const struct sent *last;
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        size_t n_others;
        int r;

        fake_init(&f);
        f.token_life_sec = renewal_cases[_i].life_sec;
        f.token.words = renewal_cases[_i].token;
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        n_others = count_others(&f);
        ck_assert_int_eq(ts_client_wait(c, renewal_cases[_i].after_usec, &err), 0);
        r = run_many(c, GET, 1, &result, &err);
        ck_assert_msg(r == renewal_cases[_i].r, "%d: %s", r, err.msg);
        ck_assert_uint_eq(count_sent(&f, "/oauth/token"), renewal_cases[_i].n_tokens);
        last = &f.sent[f.n_sent - 1];
        ck_assert_str_eq(count_others(&f) > n_others ? last->authorization : "",
                         renewal_cases[_i].authorization);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

static int read_no_secret(struct ts_buf *secret, void *userdata, struct ts_err *err)
{
        (void) secret;
        (void) userdata;
        return ts_err_set(err, TS_ERR_SETTINGS, -ENOENT, "cannot read the secret");
}

START_TEST(test_no_secret)
{
        struct ts_client_options o;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        o = options_for(&f);
        o.read_secret = read_no_secret;
        c = ts_client_new(&o, &f.transport, &f.clock);
        ck_assert_int_eq(ts_client_connect(c, NULL, NULL, &err), -ENOENT);
        ck_assert_int_eq(err.cls, TS_ERR_SETTINGS);
        message_is("no secret", err.msg);
        ck_assert_uint_eq(f.n_sent, 0);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

static void count_secrets(const struct ts_log_entry *entry, void *userdata)
{
        size_t *n = userdata;

        n[0]++;
        n[1] += strstr(entry->message, SECRET) || strstr(entry->message, PAIR) ||
                strstr(entry->message, "Bearer");
}

START_TEST(test_nothing_that_is_said_holds_a_secret)
{
        size_t said[2] = { 0 };
        struct ts_call_result results[40];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        ts_log_set_sink(count_secrets, said);
        ts_log_set_level(LOG_DEBUG);
        fake_init(&f);
        f.token.words = "503 400rate reset 200";
        f.others.words = "200 404 503 401 reset 400page garbage 403 hostile 200";
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, GET, 40, results, &err), 0);
        ts_log_set_sink(NULL, NULL);
        ts_log_set_level(LOG_INFO);
        ck_assert_uint_eq(said[0], f.n_sent);
        ck_assert_uint_eq(said[1], 0);
        for (size_t i = 0; i < 40; i++) {
                ck_assert_ptr_null(strstr(results[i].err.msg, SECRET));
                ck_assert_ptr_null(strstr(results[i].err.msg, "Bearer"));
        }
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* ---------------------------------------------------------------------------------------- gate, stop, end */

/* Every operation: the gate lets through what reads, and nothing else, whatever the state of the client. */
START_TEST(test_gate)
{
        const struct ts_operation_info *o = ts_operation_info((enum ts_operation) _i);
        struct ts_client_options options;
        struct ts_call_result results[2];
        struct ts_call calls[2] = { call_for(GET), call_for((enum ts_operation) _i) };
        struct ts_batch batch = { .calls = calls, .n = 2, .results = results };
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        if (_i == TS_OP_TOKEN)
                return;
        fake_init(&f);
        options = options_for(&f);
        c = ts_client_new(&options, &f.transport, &f.clock);
        if (_i % 2) {
                ts_client_allow_writes(c, true);
                ts_client_allow_writes(c, false);
        }
        ck_assert_int_eq(ts_client_run(c, &batch, &err), o->writes ? -EROFS : 0);
        if (o->writes) {
                ck_assert_uint_eq(f.n_sent, 0);
                ck_assert_int_eq(results[0].verdict, TS_VERDICT_STOPPED);
                ck_assert_int_eq(results[1].verdict, TS_VERDICT_STOPPED);
                ck_assert_int_eq(results[1].err.code, -EROFS);
        }
        ck_assert_uint_eq(ts_client_get_statistics(c)->writes, 0);

        ts_client_allow_writes(c, true);
        ck_assert_int_eq(ts_client_run(c, &batch, &err), 0);
        ck_assert_int_eq(results[1].verdict, TS_VERDICT_OK);
        ck_assert_uint_eq(ts_client_get_statistics(c)->writes, o->writes);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_without_a_pinned_organization_nothing_is_written)
{
        struct ts_client_options o;
        struct ts_call_result result;
        struct ts_id organization;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.organization.words = "other";
        o = options_for(&f);
        o.organization_id = (struct ts_id){ { 0 } };
        c = ts_client_new(&o, &f.transport, &f.clock);
        ts_client_allow_writes(c, true);
        ck_assert_int_eq(ts_client_connect(c, &organization, NULL, &err), 0);
        ck_assert_str_eq(ts_id_format(&organization).s, OTHER_TEXT);
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        ck_assert_int_eq(run_many(c, PUT, 1, &result, &err), -EROFS);
        ck_assert_uint_eq(count_others(&f), 1);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* Stopped after every number of requests: what was sent is answered, nothing more is sent. */
START_TEST(test_stop)
{
        struct ts_call_result results[20];
        size_t n_verdicts[TS_VERDICT_MAX_] = { 0 };
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        int r;

        fake_init(&f);
        f.stop_after_sent = (size_t) _i;
        f.stop = _i == 0;
        c = client_for(&f);
        r = run_many(c, PUT, 20, results, &err);
        for (size_t i = 0; i < 20; i++)
                n_verdicts[results[i].verdict]++;
        if (_i < 22) {
                /* what was begun in one turn is sent to its end: at most `concurrency` requests */
                ck_assert_int_eq(r, n_verdicts[TS_VERDICT_STOPPED] > 0 ? -ECANCELED : 0);
                ck_assert_uint_le(f.n_sent, (size_t) _i + 8);
        } else {
                ck_assert_int_eq(r, 0);
        }
        ck_assert_uint_eq(n_verdicts[TS_VERDICT_OK] + n_verdicts[TS_VERDICT_STOPPED], 20);
        ck_assert_uint_eq(n_verdicts[TS_VERDICT_OK], count_others(&f));
        ck_assert_uint_eq(f.n_in_flight, 0);
        ck_assert_uint_eq(f.n_cancels, 0);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

static const struct {
        const char *script;
        enum ts_operation op;
        uint64_t at_usec; /* after the beginning */
        enum ts_verdict verdict;
        size_t n_others;
} stop_cases[] = {
        { "429+300", GET, 60 * SEC, TS_VERDICT_STOPPED, 1 },
        { "429+300", POST, 60 * SEC, TS_VERDICT_STOPPED, 1 },
        /* it was sent, and may have had its effect: that is not "not sent" */
        { "503+300", PUT, 60 * SEC, TS_VERDICT_FAILED, 1 },
};

START_TEST(test_stop_ends_a_wait)
{
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        uint64_t began;
        struct fake f;

        fake_init(&f);
        f.others.words = stop_cases[_i].script;
        began = f.now_usec;
        f.stop_at_usec = began + stop_cases[_i].at_usec;
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, stop_cases[_i].op, 1, &result, &err), -ECANCELED);
        ck_assert_int_eq(result.verdict, stop_cases[_i].verdict);
        ck_assert_uint_eq(count_others(&f), stop_cases[_i].n_others);
        ck_assert_uint_eq(f.now_usec, f.stop_at_usec);
        ck_assert_int_eq(ts_client_wait(c, 1000 * SEC, &err), 0);
        ck_assert_uint_eq(f.now_usec, f.stop_at_usec);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_wait)
{
        struct ts_err err = { 0 };
        struct ts_client *c;
        uint64_t began;
        struct fake f;

        fake_init(&f);
        c = client_for(&f);
        began = f.now_usec;
        ck_assert_int_eq(ts_client_wait(c, 30 * SEC, &err), 0);
        ck_assert_uint_eq(f.now_usec, began + 30 * SEC);
        f.stop_at_usec = f.now_usec + 5 * SEC;
        ck_assert_int_eq(ts_client_wait(c, 30 * SEC, &err), 0);
        ck_assert_uint_eq(f.now_usec, began + 35 * SEC);
        ck_assert_uint_eq(f.n_sent, 0);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

#define LIST TS_OP_LIST_TRUSTEES
static const struct {
        const char *script;
        enum ts_operation op;
        size_t n_calls;
        bool ends;
        size_t n_most; /* requests */
} breaker_cases[] = {
        { "503", LIST, 100, true, (8 + 2) * 6 },
        { "refused", GET, 100, true, (8 + 2) * 6 },
        { "certificate", GET, 100, true, (8 + 2) * 6 },
        { "503", LIST, 2, false, 12 },
        { "429", GET, 20, false, 120 }, /* it does answer */
        { "garbage", GET, 20, false, 120 },
        { "404", GET, 100, false, 100 },
        /* That of the objects, at first with all tries. */
        { "503", GET, 2, false, 12 },
        { "503", GET, 100, false, (8 + 7) * 6 + 85 * 2 },
        { "500", PUT, 100, false, (8 + 7) * 6 + 85 * 2 },
        { "503", TS_OP_LIST_TRUSTEE_USERS, 100, false, (8 + 7) * 6 + 85 * 2 },
};

START_TEST(test_giving_up)
{
        TS_CLEANUP(ts_freep) struct ts_call_result *results = ts_calloc(100, sizeof(*results));
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        size_t n_before;
        int r;

        fake_init(&f);
        f.others.words = breaker_cases[_i].script;
        c = client_for(&f);
        r = run_many(c, breaker_cases[_i].op, breaker_cases[_i].n_calls, results, &err);
        ck_assert_int_eq(r < 0, breaker_cases[_i].ends);
        ck_assert_uint_le(count_others(&f), breaker_cases[_i].n_most);
        if (breaker_cases[_i].ends) {
                message_is(breaker_cases[_i].script, err.msg);
                ck_assert_int_eq(results[99].verdict, TS_VERDICT_STOPPED);
                n_before = f.n_sent;
                ck_assert_int_lt(run_many(c, GET, 1, results, &err), 0);
                ck_assert_uint_eq(f.n_sent, n_before);
        }
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* One object that always fails: all the others are served, at the cost of its own retries. */
START_TEST(test_one_bad_object_does_not_stop_the_others)
{
        enum { N = 500 };
        TS_CLEANUP(ts_freep) struct ts_call_result *results = ts_calloc(N, sizeof(*results));
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.bad = "pageNumber=250";
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, TS_OP_LIST_TRUSTEES, N, results, &err), 0);
        for (size_t i = 0; i < N; i++)
                REQUIRE(results[i].verdict == (i == 249 ? TS_VERDICT_FAILED : TS_VERDICT_OK), "call %zu: %s",
                        i, results[i].err.msg);
        ck_assert_uint_eq(count_others(&f), N + 5);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_the_loop_fails)
{
        struct ts_call_result results[20];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.fail_pump_after = 5;
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, _i ? POST : PUT, 20, results, &err), -EBADF);
        message_is(_i ? "POST" : "PUT", err.msg);
        ck_assert_uint_ge(f.n_cancels, 1);
        for (size_t i = 0; i < 20; i++) /* eight were sent */
                ck_assert_int_eq(results[i].verdict, i >= 8 ? TS_VERDICT_STOPPED
                                                     : _i   ? TS_VERDICT_UNKNOWN
                                                            : TS_VERDICT_FAILED);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* Nothing more is sent, and no answer to what was sent is lost: a process that stood still. */
START_TEST(test_the_loop_fails_once)
{
        struct ts_call_result results[20];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        f.fail_pump_after = 5;
        f.fails_once = true;
        c = client_for(&f);
        ck_assert_int_eq(run_many(c, PUT, 20, results, &err), -EBADF);
        ck_assert_uint_eq(f.n_cancels, 0);
        ck_assert_uint_eq(count_others(&f), 8);
        for (size_t i = 0; i < 20; i++)
                ck_assert_int_eq(results[i].verdict, i < 8 ? TS_VERDICT_OK : TS_VERDICT_STOPPED);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* ----------------------------------------------------------------------------------- patience and its end */

static struct ts_client *best_effort_client_for(struct fake *f)
{
        struct ts_client_options o = options_for(f);

        o.is_best_effort = true;
        return ts_client_new(&o, &f->transport, &f->clock);
}

static const struct {
        const char *name, *token, *others;
        size_t n_calls;
        int r;
        size_t n_sent; /* of the first batch, token and organization included */
        uint64_t at_most_sec;
} best_effort_cases[] = {
        { "well", "200", "200", 12, 0, 14, 1 },
        { "one bad answer", "200", "503 200", 1, 0, 4, 2 },
        { "always bad", "200", "503", 1, -EREMOTEIO, 4, 2 },
        { "no token", "503", "200", 1, -EREMOTEIO, 2, 2 },
        { "no connection for the token", "refused", "200", 1, -ECONNREFUSED, 2, 2 },
        { "a pause that is short", "200", "429+5 200", 1, 0, 4, 7 },
        { "a pause that is long", "200", "429+60 200", 1, -EAGAIN, 3, 1 },
        { "a pause for the token", "429+900 200", "200", 1, -EAGAIN, 1, 1 },
        { "a refusal", "200", "404", 1, 0, 3, 1 },
};

/* Somebody else waits for it: it is soon known to be well or not, and asked no more in this cycle. */
START_TEST(test_best_effort)
{
        struct ts_call_result results[12];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        uint64_t began;
        size_t n;
        int r;

        fake_init(&f);
        f.token.words = best_effort_cases[_i].token;
        f.others.words = best_effort_cases[_i].others;
        began = f.now_usec;
        c = best_effort_client_for(&f);
        r = run_many(c, GET, best_effort_cases[_i].n_calls, results, &err);
        ck_assert_msg(r == best_effort_cases[_i].r, "%s: %d %s", best_effort_cases[_i].name, r, err.msg);
        ck_assert_msg(f.n_sent == best_effort_cases[_i].n_sent, "%s: %zu sent", best_effort_cases[_i].name,
                      f.n_sent);
        ck_assert_uint_le(f.now_usec - began, best_effort_cases[_i].at_most_sec * SEC);
        n = f.n_sent;
        if (r < 0) {
                ck_assert_int_lt(run_many(c, GET, 1, results, &err), 0);
                ck_assert_msg(f.n_sent == n, "%s: asked again", best_effort_cases[_i].name);
                ts_client_begin(c);
                f.now_usec += 1000 * SEC;
                (void) run_many(c, GET, 1, results, &err);
                ck_assert_msg(f.n_sent > n, "%s: not asked in the next cycle", best_effort_cases[_i].name);
        }
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_best_effort_waits_are_short)
{
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        c = best_effort_client_for(&f);
        (void) run_many(c, GET, 1, &result, &err);
        ck_assert_uint_eq(f.timeout_usec, 10 * SEC);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

static const struct {
        const char *name, *token, *others;
        bool is_pending;
        int r;
        uint64_t at_least_sec, at_most_sec;
} pending_cases[] = {
        { "it is not due", "200", "429+60 200", false, 0, 60, 63 },
        { "it is well", "200", "200", true, 0, 0, 1 },
        { "one bad answer", "200", "503 200", true, 0, 0, 3 },
        { "a pause that is long", "200", "429+60 200", true, -EAGAIN, 10, 10 },
        { "due from the start", "200", "429+60 200", true, -EAGAIN, 10, 10 },
        { "a pause for the token", "429+60 200", "200", true, -EAGAIN, 10, 10 },
        { "always bad", "200", "503", true, -EREMOTEIO, 10, 90 },
};

static uint64_t become_pending; /* 0: never */

static bool is_pending_now;

static int pending_pump(struct ts_transport *t, uint64_t deadline_usec, struct ts_err *err)
{
        struct fake *f = (struct fake *) t;
        int r = fake_pump(t,
                          become_pending > f->now_usec && become_pending < deadline_usec ? become_pending
                                                                                         : deadline_usec,
                          err);

        is_pending_now = become_pending > 0 && f->now_usec >= become_pending;
        return r;
}

/* Ten seconds of failures are enough when the next cycle waits for this one to end. */
START_TEST(test_the_next_cycle_is_pending)
{
        struct ts_client_options o;
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;
        uint64_t began;
        int r;

        fake_init(&f);
        f.token.words = pending_cases[_i].token;
        f.others.words = pending_cases[_i].others;
        f.transport.pump = pending_pump;
        began = f.now_usec;
        become_pending = pending_cases[_i].is_pending ? began + 10 * SEC + 100 * TS_USEC_PER_MSEC : 0;
        if (strstr(pending_cases[_i].name, "from the start"))
                become_pending = began;
        is_pending_now = false;
        o = options_for(&f);
        o.next_cycle_pending = &is_pending_now;
        c = ts_client_new(&o, &f.transport, &f.clock);
        r = run_many(c, GET, 1, &result, &err);
        ck_assert_msg(r == pending_cases[_i].r, "%s: %d %s", pending_cases[_i].name, r, err.msg);
        ck_assert_msg((f.now_usec - began) / SEC >= pending_cases[_i].at_least_sec &&
                                      (f.now_usec - began) / SEC <= pending_cases[_i].at_most_sec,
                      "%s: after %" PRIu64 " s", pending_cases[_i].name,
                      (uint64_t) ((f.now_usec - began) / SEC));
        if (r < 0)
                message_is(pending_cases[_i].name, err.msg);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

START_TEST(test_part_of_the_budget)
{
        struct ts_client_options o;
        struct ts_call_result results[30];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        o = options_for(&f);
        o.requests_per_minute = 20;
        c = ts_client_new(&o, &f.transport, &f.clock);
        ck_assert_int_eq(run_many(c, GET, 8, results, &err), 0); /* ten, with token and organization */
        ts_client_set_budget(c, 12);
        ck_assert_int_eq(run_many(c, GET, 30, results, &err), 0);
        for (size_t i = 12; i < f.n_sent; i++)
                ck_assert_uint_gt(f.sent[i].at_usec, f.sent[i - 12].at_usec + 60 * SEC);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* How many requests may be sent at once. */
static const struct {
        const char *name;
        unsigned per_minute, set; /* 0: not set */
        int64_t allowed;
        bool has_urgent, is_urgent;
        unsigned n;
} budget_cases[] = {
        { "all", 20, 0, 0, false, false, 20 },
        { "a part", 20, 7, 0, false, false, 7 },
        { "not more than all", 20, 21, 0, false, false, 20 },
        { "what the platform allows", 20, 0, 9, false, false, 9 },
        { "the smaller one", 20, 7, 9, false, false, 7 },
        { "a tenth is kept for urgent ones", 20, 0, 0, true, false, 18 },
        { "which use all", 20, 0, 0, true, true, 20 },
        { "a tenth of a part", 100, 40, 0, true, false, 36 },
        { "a tenth of what the platform allows", 100, 0, 50, true, false, 45 },
        { "at least one is kept", 5, 0, 0, true, false, 4 },
        { "of one none", 1, 0, 0, true, false, 1 },
        { "no budget", 0, 0, 0, true, false, 1000 },
        { "no budget, whatever the platform says", 0, 0, 9, false, false, 1000 },
};

START_TEST(test_budget_at_once)
{
        uint64_t now = 1000 * SEC;
        struct ts_budget b;
        unsigned n = 0;

        ts_budget_init(&b, budget_cases[_i].per_minute);
        if (budget_cases[_i].set > 0)
                ts_budget_set(&b, budget_cases[_i].set);
        ts_budget_note(&b, budget_cases[_i].allowed, 0, now);
        ts_budget_set_urgent(&b, budget_cases[_i].has_urgent, budget_cases[_i].is_urgent);
        for (; n < 1000 && ts_budget_when(&b) <= now; n++)
                ts_budget_take(&b, now);
        ck_assert_msg(n == budget_cases[_i].n, "%s: %u", budget_cases[_i].name, n);
        if (n < 1000)
                ck_assert_uint_eq(ts_budget_when(&b), now + 60 * SEC + 1);
        ts_budget_done(&b);
}
END_TEST

START_TEST(test_budget_of_urgent_calls)
{
        struct ts_client_options o;
        struct ts_call_result results[16];
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        o = options_for(&f);
        o.requests_per_minute = 20;
        c = ts_client_new(&o, &f.transport, &f.clock);
        ts_client_set_urgent(c, true, false);
        ck_assert_int_eq(run_many(c, GET, 16, results, &err), 0); /* 18, with token and organization */
        ts_client_set_urgent(c, true, true);
        ck_assert_int_eq(run_many(c, GET, 2, results, &err), 0);
        ck_assert_uint_eq(f.n_sent, 20);
        ck_assert_uint_lt(f.sent[19].at_usec, f.sent[0].at_usec + 60 * SEC);
        ts_client_set_urgent(c, true, false);
        ck_assert_int_eq(run_many(c, GET, 1, results, &err), 0);
        ck_assert_uint_gt(f.sent[20].at_usec, f.sent[2].at_usec + 60 * SEC);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

/* An answer whose Date is right again does not make good for one that was not. */
START_TEST(test_the_largest_skew_counts)
{
        struct ts_call_result result;
        struct ts_err err = { 0 };
        struct ts_client *c;
        struct fake f;

        fake_init(&f);
        c = client_for(&f);
        f.skew_sec = -7200;
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        f.skew_sec = 3600;
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        f.skew_sec = 0;
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        ck_assert_int_eq(ts_client_get_clock_skew(c), -7200);
        ts_client_begin(c);
        ck_assert_int_eq(run_many(c, GET, 1, &result, &err), 0);
        ck_assert_int_eq(ts_client_get_clock_skew(c), 0);
        ts_client_free(c);
        fake_done(&f);
}
END_TEST

static void add_tests(TCase *t)
{
        tcase_add_test(t, test_the_loop_fails_once);
        tcase_add_loop_test(t, test_best_effort, 0, TS_N_ELEMENTS(best_effort_cases));
        tcase_add_test(t, test_best_effort_waits_are_short);
        tcase_add_loop_test(t, test_the_next_cycle_is_pending, 0, TS_N_ELEMENTS(pending_cases));
        tcase_add_test(t, test_part_of_the_budget);
        tcase_add_loop_test(t, test_budget_at_once, 0, TS_N_ELEMENTS(budget_cases));
        tcase_add_test(t, test_budget_of_urgent_calls);
        tcase_add_test(t, test_the_largest_skew_counts);
        tcase_add_loop_test(t, test_verdict, 0, TS_N_ELEMENTS(verdict_cases));
        tcase_add_loop_test(t, test_message, 0, TS_N_ELEMENTS(message_cases));
        tcase_add_test(t, test_result_says_code_and_correlation);
        tcase_add_test(t, test_first_the_token_then_the_organization_then_the_rest);
        tcase_add_test(t, test_many_calls_by_index);
        tcase_add_test(t, test_our_own_mistakes_are_not_sent);
        tcase_add_test(t, test_empty_batch_sends_nothing);
        tcase_add_test(t, test_statistics_and_skew);
        tcase_add_test(t, test_backoff);
        tcase_add_loop_test(t, test_retry_after, 0, TS_N_ELEMENTS(retry_after_cases));
        tcase_add_loop_test(t, test_rate_limit_headers, 0, TS_N_ELEMENTS(rate_cases));
        tcase_add_loop_test(t, test_429_of_optional_calls, 0, TS_N_ELEMENTS(optional_cases));
        tcase_add_test(t, test_429_pauses_all_calls);
        tcase_add_loop_test(t, test_budget, 0, 12);
        tcase_add_loop_test(t, test_connect, 0, TS_N_ELEMENTS(connect_cases));
        tcase_add_test(t, test_each_cycle_says_what_kept_it);
        tcase_add_test(t, test_refused_credentials_are_not_tried_again);
        tcase_add_loop_test(t, test_401_gets_one_new_token_for_all, 0, 10);
        tcase_add_test(t, test_another_organization_after_a_renewal_stops_all);
        tcase_add_test(t, test_renewal);
        tcase_add_loop_test(t, test_life_of_a_token, 0, TS_N_ELEMENTS(renewal_cases));
        tcase_add_test(t, test_no_secret);
        tcase_add_test(t, test_nothing_that_is_said_holds_a_secret);
        tcase_add_loop_test(t, test_gate, 0, TS_OP_MAX_);
        tcase_add_test(t, test_without_a_pinned_organization_nothing_is_written);
        tcase_add_loop_test(t, test_stop, 0, 25);
        tcase_add_loop_test(t, test_stop_ends_a_wait, 0, TS_N_ELEMENTS(stop_cases));
        tcase_add_test(t, test_wait);
        tcase_add_loop_test(t, test_giving_up, 0, TS_N_ELEMENTS(breaker_cases));
        tcase_add_test(t, test_one_bad_object_does_not_stop_the_others);
        tcase_add_loop_test(t, test_the_loop_fails, 0, 2);
}

int main(void)
{
        Suite *suite = suite_create("client");
        TCase *t = tcase_create("client");

        tcase_set_timeout(t, 120); /* under a sanitizer or valgrind on a slow machine */
        add_tests(t);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
