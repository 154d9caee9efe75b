/* show: does a person see what the daemon says, and no more than text? */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/show.h"
#include "suite.h"
#include "util/macros.h"

#define NOW 1795559400 /* 2026-11-24T22:30:00Z */

static const struct {
        const char *name, *json, *shown[4]; /* lines; NULL ends */
} status_cases[] = {
        { "a daemon that has just started",
          "{\"state\": \"starting\", \"in_sync\": false, \"status\": \"Starting\", \"last_cycle\": null}",
          { "        State: starting\n", "   Last cycle: none yet\n",
            "     Revision: none in force: only deny acts\n" } },
        { "in sync",
          "{\"state\": \"in sync\", \"in_sync\": true, \"last_cycle\": {\"ended_at\": "
          "\"2026-11-24T22:26:00Z\"}, "
          "\"next_cycle_at\": \"2026-11-24T22:31:00Z\", \"declarations\": {\"in_force\": true, \"revision\": "
          "\"1a2b3c4\"}}",
          { "      In sync: yes\n", "   Last cycle: 2026-11-24T22:26:00Z, 4min ago\n",
            "   Next cycle: 2026-11-24T22:31:00Z, in 1min\n", "     Revision: 1a2b3c4\n" } },
        { "paused",
          "{\"pause\": {\"until\": \"2026-11-25T02:30:00Z\", \"by\": \"alice\", \"reason\": \"vendor\"}}",
          { " Paused until: 2026-11-25T02:30:00Z, in 4h\n", "           by: alice\n",
            "      because: vendor\n" } },
        { "faulty",
          "{\"declarations\": {\"fault\": \"a.yaml:1:1: no\"}, \"settings\": {\"fault\": \"s.yaml:2:2: "
          "no\"}}",
          { "       FAULTY: a.yaml:1:1: no\n", "       FAULTY: s.yaml:2:2: no\n" } },
        { "a cycle is under way",
          "{\"running\": true, \"failures_in_a_row\": 3}",
          { "   Next cycle: under way\n", "     Failures: 3 in a row\n" } },
        { "an organization that was refused",
          "{\"organizations\": [{\"alias\": \"acme\", \"mode\": \"enforce\", \"refused\": true, \"pending\": "
          "2, "
          "\"error\": \"too many\", \"summary\": {\"remove\": 12}}]}",
          { " Organization: acme, enforce, 2 pending; 0 add, 0 change, 12 remove, 0 held, 0 waiting, 0 "
            "failed\n",
            "      refused: too many\n" } },
        { "the worst first",
          "{\"totals\": {\"organizations\": 4, \"failed\": 1, \"held\": 1}, \"organizations\": ["
          "{\"alias\": \"a\"}, {\"alias\": \"b\", \"summary\": {\"held\": 1}}, "
          "{\"alias\": \"c\", \"failed\": true, \"error\": \"timeout\"}, {\"alias\": \"d\"}]}",
          { "Organizations: 4, 1 failed, 1 held\n Organization: c, -",
            "        error: timeout\n Organization: b, -",
            "       Others: 2 organizations with nothing to do\n" } },
        { "not in force",
          "{\"not_in_force\": [{\"text\": \"declarations not in force: /x/.git/index.lock\", \"since\": "
          "\"2026-11-24T22:26:00Z\"}], \"unwatched\": \"/x is polled\"}",
          { "        STALE: declarations not in force: /x/.git/index.lock\n",
            "        since: 2026-11-24T22:26:00Z, 4min ago\n", "    Unwatched: /x is polled\n" } },
        { "control characters", "{\"status\": \"a\\u001b[31mb\"}", { "       Status: a\\x1b[31mb\n" } },
};

START_TEST(test_status)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(65536);
        struct ts_err err = { 0 };

        ck_assert_msg(ts_show_status(status_cases[_i].json, NOW, &out, &err) == 0, "%s: %s",
                      status_cases[_i].name, err.msg);
        for (size_t i = 0; i < 4 && status_cases[_i].shown[i]; i++)
                ck_assert_msg(strstr(ts_buf_text(&out), status_cases[_i].shown[i]) != NULL,
                              "%s: wanted\n%sin\n%s", status_cases[_i].name, status_cases[_i].shown[i],
                              ts_buf_text(&out));
}
END_TEST

START_TEST(test_exit)
{
        ck_assert_int_eq(ts_show_status_exit("{\"not_in_force\": []}"), 0);
        ck_assert_int_eq(ts_show_status_exit("{\"not_in_force\": [{}]}"), 1);
        ck_assert_int_eq(
                        ts_show_status_exit("{\"not_in_force\": [{}], \"declarations\": {\"fault\": \"x\"}}"),
                        65);
        ck_assert_int_eq(ts_show_status_exit("{\"not_in_force\": [{}], \"settings\": {\"fault\": \"x\"}}"),
                         78);
        ck_assert_int_eq(ts_show_status_exit("{"), 1);
}
END_TEST

START_TEST(test_history)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(65536);
        struct ts_err err = { 0 };

        ck_assert_int_eq(ts_show_history("{\"cycles\": [{\"first\": \"A\", \"last\": \"B\", \"cycles\": 3, "
                                         "\"trigger\": "
                                         "\"timer\", \"exit_status\": 3, \"applied\": true, \"revision\": "
                                         "\"r\", "
                                         "\"summary\": {\"held\": 12}}]}",
                                         &out, &err),
                         0);
        ck_assert_str_eq(ts_buf_text(&out),
                         "B  timer  refused  done: 0 add, 0 change, 0 remove, 12 held, 0 waiting, 0 "
                         "failed, revision r (3 cycles alike since A)\n");
        ts_buf_reset(&out);
        ck_assert_int_eq(ts_show_history("{\"cycles\": []}", &out, &err), 0);
        ck_assert_str_eq(ts_buf_text(&out), "No cycle has ended yet.\n");
}
END_TEST

START_TEST(test_garbage)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(65536);
        struct ts_err err = { 0 };

        ck_assert_int_lt(ts_show_status("no json", NOW, &out, &err), 0);
        message_is("no JSON", err.msg);
        ck_assert_int_lt(ts_show_history("{", &out, &err), 0);
        ck_assert_uint_eq(out.len, 0);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("show");
        TCase *tc = tcase_create("show");

        tcase_add_loop_test(tc, test_status, 0, (int) TS_N_ELEMENTS(status_cases));
        tcase_add_test(tc, test_exit);
        tcase_add_test(tc, test_history);
        tcase_add_test(tc, test_garbage);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
