/*
 * test_judge - what an answer means, and that no message repeats a part of what was sent to prove who we are
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "genesys/judge.h"
#include "suite.h"
#include "util/limits.h"
#include "util/log.h"

#define SECRET "s3cr3t-sentinel+and/more"
#define BASIC "Basic Y2xpZW50OnMzY3IzdC1zZW50aW5lbCthbmQvbW9yZQ==" /* client:SECRET */
#define TOKEN "eyJhbGciOi-token-of-the-day"
#define HIDDEN "(not shown: it repeats the credentials)"

struct scene {
        struct ts_call call;
        struct ts_call_result result;
        struct ts_sent sent;
        struct ts_arena arena;
};

static void scene_init(struct scene *s, enum ts_operation op, const char *authorization)
{
        *s = (struct scene){ .call = { .op = op, .page_size = 100, .page = 1 } };
        s->sent = (struct ts_sent){ .alias = "acme",
                                    .client_id = "client",
                                    .call = &s->call,
                                    .authorization = authorization,
                                    .result = &s->result };
}

static struct ts_judgement judge(struct scene *s, long status, const char *body, const char *correlation)
{
        struct ts_answer a = { .effect = TS_EFFECT_ANSWERED,
                               .status = status,
                               .retry_after_sec = -1,
                               .body = TS_BUF_INIT(TS_HTTP_BODY_MAX_BYTES) };
        struct ts_judgement j;

        ts_buf_puts(&a.body, body);
        (void) snprintf(a.correlation, sizeof(a.correlation), "%s", correlation);
        j = ts_judge(&s->sent, &a, &s->arena);
        ts_judge_log(&s->sent, &a);
        ts_buf_done(&a.body);
        return j;
}

/* -------------------------------------------------------------------------------------------- credentials */

static const struct {
        const char *name;
        enum ts_operation op;
        const char *body, *correlation;
        bool is_hidden;
} echoes[] = {
        { "the secret", TS_OP_TOKEN, "{\"description\":\"not " SECRET "\"}", "", true },
        { "its beginning", TS_OP_TOKEN, "{\"description\":\"not s3cr3t-senti\"}", "", true },
        { "its middle", TS_OP_TOKEN, "{\"description\":\"not -sentinel+and\"}", "", true },
        { "its end", TS_OP_TOKEN, "{\"description\":\"sentinel+and/more\"}", "", true },
        { "the pair", TS_OP_TOKEN, "{\"error\":\"Y2xpZW50OnMzY3IzdC1zZW50aW5lbCthbmQvbW9yZQ==\"}", "", true },
        { "a part of the pair", TS_OP_TOKEN, "{\"error\":\"OnMzY3IzdC1zZW50\"}", "", true },
        { "in the correlation id", TS_OP_TOKEN, "{}", SECRET, true },
        { "the client, which is no secret", TS_OP_TOKEN, "{\"description\":\"no such client\"}", "", false },
        { "a word of it", TS_OP_TOKEN, "{\"description\":\"a sentinel\"}", "", false },
        { "the token", TS_OP_GET_ORGANIZATION, "{\"message\":\"bad " TOKEN "\"}", "", true },
        { "a part of the token", TS_OP_GET_ORGANIZATION, "{\"message\":\"Oi-token-of-t\"}", "", true },
        { "the token as a code", TS_OP_GET_ORGANIZATION, "{\"code\":\"" TOKEN "\"}", "", true },
        { "the token as the context", TS_OP_GET_ORGANIZATION, "{\"contextId\":\"" TOKEN "\"}", "", true },
        { "the token in the correlation id", TS_OP_GET_ORGANIZATION, "{}", TOKEN, true },
        { "nothing of it", TS_OP_GET_ORGANIZATION, "{\"message\":\"the day\"}", "c-1", false },
};

static void look_for_parts(const struct ts_log_entry *entry, void *userdata)
{
        *(bool *) userdata = *(bool *) userdata || strstr(entry->message, "sentinel+and") ||
                             strstr(entry->message, "token-of-the");
}

START_TEST(test_echo)
{
        bool is_token = echoes[_i].op == TS_OP_TOKEN, is_said = false;
        struct scene s;

        ts_log_set_sink(look_for_parts, &is_said);
        ts_log_set_level(LOG_DEBUG);
        scene_init(&s, echoes[_i].op, is_token ? BASIC : "Bearer " TOKEN);
        (void) judge(&s, 400, echoes[_i].body, echoes[_i].correlation);
        ts_log_set_sink(NULL, NULL);
        ts_log_set_level(LOG_INFO);
        ck_assert_msg((strstr(s.result.err.msg, HIDDEN) != NULL) == echoes[_i].is_hidden, "%s: %s",
                      echoes[_i].name, s.result.err.msg);
        ck_assert_msg(!is_said, "%s: logged", echoes[_i].name);
        ck_assert_ptr_null(strstr(s.result.code, TOKEN));
        ck_assert_ptr_null(strstr(s.result.correlation, TOKEN));
        ts_arena_done(&s.arena);
}
END_TEST

/* What is shorter than any secret that is one would hide half of all messages. */
START_TEST(test_short_secret)
{
        struct scene s;

        scene_init(&s, TS_OP_TOKEN, "Basic Y2xpZW50OmJhZA=="); /* client:bad */
        (void) judge(&s, 400, "{\"description\":\"a bad client\"}", "");
        ck_assert_ptr_nonnull(strstr(s.result.err.msg, "a bad client"));
        ts_arena_done(&s.arena);
}
END_TEST

/* ----------------------------------------------------------------------------------------------- verdicts */

static const struct {
        enum ts_operation op;
        long status;
        const char *body;
        enum ts_verdict verdict;
        const char *flags; /* r: retried, e: may have had its effect, o: outage, t: new token, x: the end */
        int64_t wait_sec;
} cases[] = {
        { TS_OP_GET_ORGANIZATION, 200, "{}", TS_VERDICT_OK, "", -1 },
        { TS_OP_GET_ORGANIZATION, 200, "", TS_VERDICT_FAILED, "re", -1 },
        { TS_OP_GET_ORGANIZATION, 200, "{", TS_VERDICT_FAILED, "re", -1 },
        { TS_OP_GET_ORGANIZATION, 204, "", TS_VERDICT_OK, "", -1 },
        { TS_OP_GET_ORGANIZATION, 302, "", TS_VERDICT_FAILED, "e", -1 },
        { TS_OP_GET_ORGANIZATION, 401, "{}", TS_VERDICT_STOPPED, "t", -1 },
        { TS_OP_GET_ORGANIZATION, 401, "{\"code\":\"ip.not.authorized\"}", TS_VERDICT_STOPPED, "x", -1 },
        { TS_OP_GET_ORGANIZATION, 403, "{}", TS_VERDICT_DENIED, "", -1 },
        { TS_OP_GET_ORGANIZATION, 404, "{}", TS_VERDICT_GONE, "", -1 },
        { TS_OP_GET_ORGANIZATION, 409, "{}", TS_VERDICT_REJECTED, "", -1 },
        { TS_OP_GET_ORGANIZATION, 418, "{}", TS_VERDICT_REJECTED, "", -1 },
        { TS_OP_GET_ORGANIZATION, 429, "{}", TS_VERDICT_FAILED, "r", -1 },
        { TS_OP_GET_ORGANIZATION, 429, "{\"message\":\"retry in [42] seconds\"}", TS_VERDICT_FAILED, "r",
          42 },
        { TS_OP_GET_ORGANIZATION, 503, "{\"message\":\"retry in [42] seconds\"}", TS_VERDICT_FAILED, "reo",
          -1 },
        { TS_OP_GET_ORGANIZATION, 501, "", TS_VERDICT_FAILED, "", -1 },
        { TS_OP_GET_ORGANIZATION, 999, "", TS_VERDICT_FAILED, "e", -1 },
        { TS_OP_CREATE_PAIRING, 500, "", TS_VERDICT_UNKNOWN, "e", -1 },
        { TS_OP_CREATE_PAIRING, 429, "", TS_VERDICT_FAILED, "r", -1 },
        { TS_OP_CREATE_PAIRING, 200, "{", TS_VERDICT_UNKNOWN, "e", -1 },
        { TS_OP_TOKEN, 400, "{\"error_description\":\"rate limit exceeded\"}", TS_VERDICT_FAILED, "r", -1 },
        { TS_OP_TOKEN, 400, "{\"error\":\"invalid_client\"}", TS_VERDICT_STOPPED, "x", -1 },
};

START_TEST(test_verdict)
{
        struct ts_judgement j;
        struct scene s;
        char flags[8];

        scene_init(&s, cases[_i].op, "Bearer " TOKEN);
        j = judge(&s, cases[_i].status, cases[_i].body, "");
        (void) snprintf(flags, sizeof(flags), "%s%s%s%s%s", j.is_retried ? "r" : "",
                        j.may_have_effect ? "e" : "", j.is_outage ? "o" : "", j.needs_new_token ? "t" : "",
                        j.ends_client ? "x" : "");
        ck_assert_str_eq(flags, cases[_i].flags);
        ck_assert_int_eq(j.verdict, cases[_i].verdict);
        ck_assert_int_eq(j.wait_sec, cases[_i].wait_sec);
        ck_assert_int_eq(s.result.err.cls != TS_ERR_NONE, j.verdict != TS_VERDICT_OK);
        ts_arena_done(&s.arena);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("judge");
        TCase *tc = tcase_create("judge");

        tcase_add_loop_test(tc, test_echo, 0, (int) TS_N_ELEMENTS(echoes));
        tcase_add_test(tc, test_short_secret);
        tcase_add_loop_test(tc, test_verdict, 0, (int) TS_N_ELEMENTS(cases));
        suite_add_tcase(s, tc);
        return run_suite(s);
}
