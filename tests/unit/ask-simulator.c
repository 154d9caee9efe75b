#include "ask-simulator.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "json/reader.h"
#include "util/limits.h"
#include "util/mem.h"

/* JSON with ' for "; the caller frees it. */
char *quoted(const char *s)
{
        char *text = ts_strdup(s);

        for (char *p = text; *p; p++)
                if (*p == '\'')
                        *p = '"';
        return text;
}

void start_with(struct setup *s, const char *fixture, uint64_t seed)
{
        TS_CLEANUP(ts_freep) char *text = quoted(fixture);
        struct ts_err err = { 0 };
        int r;

        *s = (struct setup){ 0 };
        ts_virtual_clock_init(&s->time, seed, STARTED);
        s->clock = ts_virtual_clock_get(&s->time, 0);
        r = ts_simulator_new(text, strlen(text), &s->clock, &s->sim, &err);
        ck_assert_msg(r == 0, "%s", err.msg);
}

void stop(struct setup *s)
{
        ts_sim_response_done(&s->answer);
        ts_simulator_free(s->sim);
}

int ask_as(struct setup *s, const char *authorization, const char *content_type, const char *method,
           const char *target, const char *body)
{
        TS_CLEANUP(ts_freep) char *text = body ? quoted(body) : NULL;
        const struct ts_sim_request req = {
                .method = method,
                .target = target,
                .authorization = authorization && authorization[0] ? authorization : NULL,
                .content_type = content_type,
                .body = text,
                .body_len = text ? strlen(text) : 0,
        };

        ts_sim_response_done(&s->answer);
        ts_simulator_handle(s->sim, &req, &s->answer);
        return s->answer.status;
}

int ask(struct setup *s, const char *method, const char *target, const char *body)
{
        return ask_as(s, s->authorization, body ? "application/json" : NULL, method, target, body);
}

const char *answer_text(const struct setup *s)
{
        return ts_buf_text(&s->answer.body);
}

bool answer_has(const struct setup *s, const char *part)
{
        TS_CLEANUP(ts_freep) char *text = quoted(part);

        return strstr(answer_text(s), text) != NULL;
}

/* A string member of the answer; "" when there is none. */
const char *answer_get(const struct setup *s, struct ts_arena *arena, const char *key)
{
        const struct ts_json *v;
        struct ts_err err = { 0 };
        const char *text;

        if (ts_json_parse(answer_text(s), s->answer.body.len, arena, &v, &err) < 0)
                return "";
        text = ts_json_get_string(v, key);
        return text ? text : "";
}

int ask_for_token(struct setup *s, const char *basic)
{
        return ask_as(s, basic, FORM, "POST", "/oauth/token", "grant_type=client_credentials");
}

void log_in_with(struct setup *s, const char *basic)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;

        ck_assert_int_eq(ask_for_token(s, basic), 200);
        (void) snprintf(s->authorization, sizeof(s->authorization), "Bearer %s",
                        answer_get(s, &arena, "access_token"));
}

void set_faults(struct setup *s, const char *script)
{
        TS_CLEANUP(ts_freep) char *text = quoted(script);
        struct ts_err err = { 0 };

        ck_assert_msg(ts_simulator_set_faults(s->sim, text, strlen(text), &err) == 0, "%s", err.msg);
}

int try_edit(struct setup *s, const char *edit, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) char *text = quoted(edit);

        return ts_simulator_edit(s->sim, text, strlen(text), err);
}

void edit(struct setup *s, const char *change)
{
        struct ts_err err = { 0 };

        ck_assert_msg(try_edit(s, change, &err) == 0, "%s: %s", change, err.msg);
}

void get_state(struct setup *s, struct ts_buf *out)
{
        *out = (struct ts_buf) TS_BUF_INIT(TS_JSON_MAX_BYTES);
        ts_simulator_state(s->sim, out);
}

bool state_has(struct setup *s, const char *part)
{
        TS_CLEANUP(ts_freep) char *text = quoted(part);
        TS_CLEANUP(ts_buf_done) struct ts_buf state;

        get_state(s, &state);
        return strstr(ts_buf_text(&state), text) != NULL;
}

const char *first_violation(const struct setup *s)
{
        return ts_simulator_n_violations(s->sim) > 0 ? ts_simulator_violation(s->sim, 0) : "none";
}
