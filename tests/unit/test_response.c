/*
 * test_response - what an answer means, and that no message repeats a part of what was sent to prove who we
 * are
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "genesys/response.h"
#include "json/writer.h"
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
        int family;
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

static struct ts_disposition classify(struct scene *s, long status, const char *body, const char *correlation)
{
        struct ts_answer a = { .effect = TS_EFFECT_ANSWERED,
                               .status = status,
                               .retry_after_sec = -1,
                               .ratelimit_reset_sec = strstr(body, "ratelimit") ? 9 : -1,
                               .family = s->family,
                               .body = TS_BUF_INIT(TS_HTTP_BODY_MAX_BYTES) };
        struct ts_disposition j;

        ts_buf_puts(&a.body, body);
        (void) snprintf(a.correlation, sizeof(a.correlation), "%s", correlation);
        j = ts_response_classify(&s->sent, &a, &s->arena);
        ts_response_log(&s->sent, &a);
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

static void find_parts(const struct ts_log_entry *entry, void *userdata)
{
        *(bool *) userdata = *(bool *) userdata || strstr(entry->message, "sentinel+and") ||
                             strstr(entry->message, "token-of-the");
}

START_TEST(test_echo)
{
        bool is_token = echoes[_i].op == TS_OP_TOKEN, is_reported = false;
        struct scene s;

        ts_log_set_sink(find_parts, &is_reported);
        ts_log_set_level(LOG_DEBUG);
        scene_init(&s, echoes[_i].op, is_token ? BASIC : "Bearer " TOKEN);
        (void) classify(&s, 400, echoes[_i].body, echoes[_i].correlation);
        ts_log_set_sink(NULL, NULL);
        ts_log_set_level(LOG_INFO);
        ck_assert_msg((strstr(s.result.err.msg, HIDDEN) != NULL) == echoes[_i].is_hidden, "%s: %s",
                      echoes[_i].name, s.result.err.msg);
        ck_assert_msg(!is_reported, "%s: logged", echoes[_i].name);
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
        (void) classify(&s, 400, "{\"description\":\"a bad client\"}", "");
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
        const char *flags; /* r: retried, e: may have had its effect, o: outage, t: new token, x: the end,
                            * c: conflict */
        int64_t wait_sec;
} cases[] = {
        { TS_OP_GET_ORGANIZATION, 200, "{}", TS_VERDICT_OK, "", -1 },
        { TS_OP_GET_ORGANIZATION, 200, "", TS_VERDICT_FAILED, "re", -1 },
        { TS_OP_GET_ORGANIZATION, 200, "{", TS_VERDICT_FAILED, "re", -1 },
        { TS_OP_GET_ORGANIZATION, 204, "", TS_VERDICT_OK, "", -1 },
        { TS_OP_GET_ORGANIZATION, 302, "", TS_VERDICT_FAILED, "e", -1 },
        { TS_OP_GET_ORGANIZATION, 401, "{}", TS_VERDICT_STOPPED, "t", -1 },
        { TS_OP_GET_ORGANIZATION, 401, "{\"code\":\"ip.not.authorized\"}", TS_VERDICT_STOPPED, "x", -1 },
        { TS_OP_GET_ORGANIZATION, 403, "{}", TS_VERDICT_FORBIDDEN, "", -1 },
        { TS_OP_GET_ORGANIZATION, 404, "{}", TS_VERDICT_NOT_FOUND, "", -1 },
        { TS_OP_GET_ORGANIZATION, 410, "{}", TS_VERDICT_NOT_FOUND, "", -1 },
        { TS_OP_GET_ORGANIZATION, 409, "{}", TS_VERDICT_REJECTED, "c", -1 },
        { TS_OP_UPDATE_TRUSTEE, 400, "{\"message\":\"The version Does Not match the current version: 3\"}",
          TS_VERDICT_REJECTED, "c", -1 },
        { TS_OP_UPDATE_TRUSTEE, 400, "{\"message\":\"no such version\"}", TS_VERDICT_REJECTED, "", -1 },
        { TS_OP_GET_ORGANIZATION, 403, "{\"code\":\"ip.not.authorized\"}", TS_VERDICT_STOPPED, "x", -1 },
        { TS_OP_TOKEN, 401, "{\"code\":\"ip.not.authorized\"}", TS_VERDICT_STOPPED, "x", -1 },
        { TS_OP_GET_ORGANIZATION, 429, "{\"ratelimit\":9}", TS_VERDICT_FAILED, "r", 10 },
        { TS_OP_GET_ORGANIZATION, 429, "{\"ratelimit\":9,\"message\":\"[42]\"}", TS_VERDICT_FAILED, "r", 42 },
        { TS_OP_GET_ORGANIZATION, 503, "{\"ratelimit\":9}", TS_VERDICT_FAILED, "reo", -1 },
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
        struct ts_disposition j;
        struct scene s;
        char flags[8];

        scene_init(&s, cases[_i].op, "Bearer " TOKEN);
        j = classify(&s, cases[_i].status, cases[_i].body, "");
        (void) snprintf(flags, sizeof(flags), "%s%s%s%s%s%s", j.is_retried ? "r" : "",
                        j.may_have_effect ? "e" : "", j.is_outage ? "o" : "", j.needs_new_token ? "t" : "",
                        j.ends_client ? "x" : "", s.result.is_conflict ? "c" : "");
        ck_assert_str_eq(flags, cases[_i].flags);
        ck_assert_int_eq(j.verdict, cases[_i].verdict);
        ck_assert_int_eq(j.wait_sec, cases[_i].wait_sec);
        ck_assert_int_eq(s.result.err.cls != TS_ERR_NONE, j.verdict != TS_VERDICT_OK);
        ts_arena_done(&s.arena);
}
END_TEST

/* What is claimed of a refusal is what its answer says, and no more. */
static const struct {
        const char *name;
        enum ts_operation op;
        long status;
        const char *body;
        int family;
        const char *unreported;
} meanings[] = {
        { "a permission", TS_OP_UPDATE_TRUSTEE, 403, "{\"code\":\"missing.permissions\"}", 0, "division" },
        { "one of several", TS_OP_UPDATE_TRUSTEE, 403, "{\"code\":\"missing.any.permissions\"}", 0,
          "division" },
        { "a division", TS_OP_UPDATE_TRUSTEE, 403, "{\"code\":\"missing.division.permission\"}", 0,
          "orgTrustee:edit" },
        { "any division", TS_OP_UPDATE_TRUSTEE, 403, "{\"code\":\"missing.any.division.permissions\"}", 0,
          "orgTrustee:edit" },
        { "a policy", TS_OP_UPDATE_TRUSTEE, 403, "{\"code\":\"authz.policy.denied\"}", 0, "orgTrustee:edit" },
        { "the trustor", TS_OP_ADD_TRUSTOR_USER, 403, "{\"code\":\"missing.trustor.permissions\"}", 0,
          "orgTrusteeUser" },
        { "nothing of it", TS_OP_UPDATE_TRUSTEE, 403, "{\"code\":\"not.authorized\",\"message\":\"no\"}", 0,
          "permission" },
        { "a page", TS_OP_UPDATE_TRUSTEE, 403, "\n<!DOCTYPE HTML><html>\xff</html>", 0, "permission" },
        { "a page beside 200", TS_OP_GET_ORGANIZATION, 200, "<html>", 0, "JSON" },
        { "an address, IPv4", TS_OP_TOKEN, 401, "{\"code\":\"ip.not.authorized\"}", AF_INET, "IPv6" },
        { "an address, IPv6", TS_OP_TOKEN, 400, "{\"code\":\"ip.not.authorized\",\"error\":\"x\"}", AF_INET6,
          "client_id" },
        { "an address behind a proxy", TS_OP_GET_ORGANIZATION, 401, "{\"code\":\"ip.not.authorized\"}",
          AF_UNSPEC, "IPv" },
};

START_TEST(test_meaning)
{
        struct scene s;

        scene_init(&s, meanings[_i].op, meanings[_i].op == TS_OP_TOKEN ? BASIC : "Bearer " TOKEN);
        s.family = meanings[_i].family;
        (void) classify(&s, meanings[_i].status, meanings[_i].body, "");
        message_is(meanings[_i].name, s.result.err.msg);
        ck_assert_msg(!strstr(s.result.err.msg, meanings[_i].unreported), "%s: %s", meanings[_i].name,
                      s.result.err.msg);
        ts_arena_done(&s.arena);
}
END_TEST

/* ------------------------------------------------------------------------------- the token in the answers */

#define LONG_TOKEN "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z-_7Q"

static const struct {
        const char *name, *json, *shown; /* NULL: as it was */
} hidden_cases[] = {
        { "nothing of it", "{\"name\":\"Contoso\",\"email\":\"joe@contoso.example\"}", NULL },
        { "as a name", "{\"name\":\"" LONG_TOKEN "\"}", "{\"name\":\"" TS_REDACTED "\"}" },
        { "within an e-mail", "{\"email\":\"m." LONG_TOKEN "@x\"}", "{\"email\":\"" TS_REDACTED "\"}" },
        { "twelve bytes of it", "{\"name\":\"x kLm2nOp5qRs8 y\"}", "{\"name\":\"" TS_REDACTED "\"}" },
        { "eleven bytes of it", "{\"name\":\"x kLm2nOp5qRs y\"}", NULL },
        { "in lower case", "{\"name\":\"ij9klm2nop5qrs8tuv1w\"}", "{\"name\":\"" TS_REDACTED "\"}" },
        { "in escapes of JSON", "{\"name\":\"\\u0041b3dEf6hI\\u006a9kLm2n\"}",
          "{\"name\":\"" TS_REDACTED "\"}" },
        { "backwards", "{\"name\":\"wRq5pOn2mLk9jI\",\"x\":\"sRq5pOn2mLk9jI\"}",
          "{\"name\":\"" TS_REDACTED "\",\"x\":\"" TS_REDACTED "\"}" },
        { "hexadecimal", "{\"name\":\"4162336445663668\"}", "{\"name\":\"" TS_REDACTED "\"}" },
        { "percent", "{\"name\":\"%41%62%33%64%45%66\"}", "{\"name\":\"" TS_REDACTED "\"}" },
        { "base64", "{\"name\":\"QWIzZEVmNmhJajlr\"}", "{\"name\":\"" TS_REDACTED "\"}" },
        { "base64 of Bearer and it", "{\"name\":\"QmVhcmVyIEFiM2RFZjZoSWo5a0xt\"}",
          "{\"name\":\"" TS_REDACTED "\"}" },
        { "deep within", "{\"a\":[{\"b\":[\"" LONG_TOKEN "\",1]}]}",
          "{\"a\":[{\"b\":[\"" TS_REDACTED "\",1]}]}" },
        { "as a key", "{\"" LONG_TOKEN "\":1}", "{\"" TS_REDACTED "\":1}" },
};

START_TEST(test_hidden)
{
        TS_CLEANUP(ts_redactor_freep)
        struct ts_redactor *r = ts_redactor_new(LONG_TOKEN, strlen(LONG_TOKEN));
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&out, false);
        const char *text = hidden_cases[_i].json;
        const struct ts_json *json;

        ck_assert_int_eq(ts_json_parse(text, strlen(text), &arena, &json, NULL), 0);
        ts_redactor_hide(r, (struct ts_json *) (uintptr_t) json);
        ts_json_put_value(&w, json);
        ck_assert_msg(strcmp(ts_buf_text(&out), hidden_cases[_i].shown ? hidden_cases[_i].shown : text) == 0,
                      "%s: %s", hidden_cases[_i].name, ts_buf_text(&out));
}
END_TEST

/* An id in its own field stays, whatever a token looks like; a token that is short hides nothing. */
START_TEST(test_ids_stay)
{
        static const char id[] = "0b6f4c1e-0000-4000-8000-000000000003";
        static const char text[] =
                        "{\"id\":\"0b6f4c1e-0000-4000-8000-000000000003\",\"name\":\"0b6f4c1e-0000-"
                        "4000-8000-000000000003\"}";
        TS_CLEANUP(ts_redactor_freep) struct ts_redactor *r = ts_redactor_new(id, strlen(id));
        TS_CLEANUP(ts_redactor_freep) struct ts_redactor *brief = ts_redactor_new("abc-123", 7);
        TS_CLEANUP(ts_redactor_freep) struct ts_redactor *nine = ts_redactor_new("abc-12345", 9);
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *json;

        ck_assert_int_eq(ts_json_parse(text, strlen(text), &arena, &json, NULL), 0);
        ts_redactor_hide(r, (struct ts_json *) (uintptr_t) json);
        ck_assert_str_eq(ts_json_get_string(json, "id"), id);
        ck_assert_str_eq(ts_json_get_string(json, "name"), TS_REDACTED);
        ck_assert_ptr_null(ts_json_get_intact_string(json, "name"));
        ck_assert(!ts_redactor_finds(brief, "abc-123", 7));
        ck_assert(ts_redactor_finds(nine, "the abc-12345 of", 16));
        ck_assert(!ts_redactor_finds(nine, "the abc-1234 of", 15));
}
END_TEST

int main(void)
{
        Suite *s = suite_create("response");
        TCase *tc = tcase_create("judge");

        tcase_add_loop_test(tc, test_echo, 0, (int) TS_N_ELEMENTS(echoes));
        tcase_add_test(tc, test_short_secret);
        tcase_add_loop_test(tc, test_meaning, 0, (int) TS_N_ELEMENTS(meanings));
        tcase_add_loop_test(tc, test_hidden, 0, (int) TS_N_ELEMENTS(hidden_cases));
        tcase_add_test(tc, test_ids_stay);
        tcase_add_loop_test(tc, test_verdict, 0, (int) TS_N_ELEMENTS(cases));
        suite_add_tcase(s, tc);
        return run_suite(s);
}
