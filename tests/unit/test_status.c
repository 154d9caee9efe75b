/* status: is the most important thing said first? */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/status.h"
#include "json/reader.h"
#include "suite.h"
#include "util/macros.h"

#define NOW 1000

struct variant {
        const char *name;
        uint64_t n_ended;
        int exit_status;
        size_t pending, held, failed;
        const char *fault, *settings_fault, *error;
        bool none_in_force, paused;
        const char *word;
        bool in_sync;
};

static const struct variant variants[] = {
        { .name = "just started", .word = "starting" },
        { .name = "all well", .n_ended = 1, .word = "in sync", .in_sync = true },
        { .name = "observed", .n_ended = 1, .pending = 3, .word = "changes pending" },
        { .name = "held", .n_ended = 1, .held = 1, .word = "held" },
        { .name = "refused", .n_ended = 1, .exit_status = 3, .error = "too many", .word = "refused" },
        { .name = "failed", .n_ended = 1, .exit_status = 1, .error = "acme: timeout", .word = "failed" },
        { .name = "one change failed", .n_ended = 1, .failed = 1, .word = "failed" },
        { .name = "paused", .n_ended = 1, .paused = true, .held = 2, .word = "paused" },
        { .name = "a pause before a failure",
          .n_ended = 1,
          .exit_status = 1,
          .paused = true,
          .word = "paused" },
        { .name = "a fault before a pause",
          .n_ended = 1,
          .paused = true,
          .fault = "a.yaml:1:1: no",
          .word = "faulty" },
        { .name = "a fault and nothing in force",
          .fault = "a.yaml:1:1: no",
          .none_in_force = true,
          .word = "faulty" },
        { .name = "faulty settings", .n_ended = 1, .settings_fault = "s.yaml:1:1: no", .word = "faulty" },
};

static void fill(struct ts_status *s, struct ts_status_organization *o, const struct variant *v)
{
        s->n_ended = s->last_number = v->n_ended;
        o->has_ended = v->n_ended > 0;
        o->exit_status = v->exit_status;
        o->refused = v->exit_status == 3;
        o->failed = v->exit_status == 1 || v->failed > 0;
        o->summary.held = v->held;
        o->summary.failed = v->failed;
        o->pending = v->pending;
        s->has_declarations = !v->none_in_force;
        (void) snprintf(s->revision, sizeof(s->revision), "%s", v->none_in_force ? "" : "r1");
        (void) snprintf(s->outcome, sizeof(s->outcome), "Done.");
        (void) snprintf(s->declarations_fault, sizeof(s->declarations_fault), "%s", v->fault ? v->fault : "");
        (void) snprintf(s->settings_fault, sizeof(s->settings_fault), "%s",
                        v->settings_fault ? v->settings_fault : "");
        if (v->paused)
                s->pause = (struct ts_pause){ .since = 1, .until = 2000, .by = "alice", .reason = "vendor" };
        (void) snprintf(o->alias, sizeof(o->alias), "acme");
        (void) snprintf(o->error, sizeof(o->error), "%s", v->error ? v->error : "");
        s->organizations = o;
        s->n_organizations = 1;
}

START_TEST(test_words)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(8192);
        struct ts_status_organization o = { .mode = TS_MODE_ENFORCE };
        struct ts_status s = { 0 };

        fill(&s, &o, &variants[_i]);
        ts_status_line(&s, NOW, &line);
        ck_assert_msg(strcmp(ts_status_word(&s, NOW), variants[_i].word) == 0, "%s: %s", variants[_i].name,
                      ts_status_word(&s, NOW));
        message_is(variants[_i].name, ts_buf_text(&line));
        ck_assert_msg(ts_status_is_in_sync(&s) == variants[_i].in_sync, "%s", variants[_i].name);
        ck_assert_msg(strchr(ts_buf_text(&line), '\n') == NULL, "%s", variants[_i].name);
}
END_TEST

START_TEST(test_json)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(65536);
        struct ts_status_organization o = { .mode = TS_MODE_ENFORCE };
        struct ts_status s = { 0 };
        const struct ts_json *json;
        struct ts_err err = { 0 };
        bool in_sync;

        fill(&s, &o, &variants[_i]);
        ts_status_json(&s, NOW, &out);
        ck_assert_msg(ts_json_parse(out.data, out.len, &arena, &json, &err) == 0, "%s: %s", variants[_i].name,
                      err.msg);
        ck_assert_str_eq(ts_json_get_string(json, "state"), variants[_i].word);
        ck_assert(ts_json_get_bool(json, "in_sync", &in_sync));
        ck_assert(in_sync == variants[_i].in_sync);
        ck_assert((ts_json_get_object(json, "pause") != NULL) == variants[_i].paused);
        ck_assert((ts_json_get_object(json, "last_cycle") != NULL) == (variants[_i].n_ended > 0));
        ck_assert_str_eq(ts_json_get_string(ts_json_get_array(json, "organizations")->first, "mode"),
                         "enforce");
}
END_TEST

int main(void)
{
        Suite *s = suite_create("status");
        TCase *tc = tcase_create("status");

        tcase_add_loop_test(tc, test_words, 0, (int) TS_N_ELEMENTS(variants));
        tcase_add_loop_test(tc, test_json, 0, (int) TS_N_ELEMENTS(variants));
        suite_add_tcase(s, tc);
        return run_suite(s);
}
