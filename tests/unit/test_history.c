/* record: is it read back as it was written, and does it stay small? */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/history.h"
#include "suite.h"
#include "util/file.h"
#include "util/macros.h"

static struct ts_history_cycle cycle_at(int64_t when, int exit_status, uint64_t writes)
{
        struct ts_history_cycle c = {
                .last = when,
                .id = "0123456789abcdef",
                .trigger = "timer",
                .revision = "1a2b3c4",
                .exit_status = exit_status,
                .applied = true,
                .summary = { .add = 1, .held = 2, .grants_remove = 3 },
                .requests = 41,
                .writes = writes,
                .duration_usec = 1200000,
        };

        return c;
}

START_TEST(test_history)
{
        TS_CLEANUP(ts_history_freep) struct ts_history *r = ts_history_new();
        struct ts_history_cycle c = cycle_at(100, 0, 0);

        ts_history_add_cycle(r, &c);
        c.last = 400;
        ts_history_add_cycle(r, &c);
        c = cycle_at(700, 0, 5);
        ts_history_add_cycle(r, &c);
        c.last = 800;
        ts_history_add_cycle(r, &c); /* alike, but something was written each time */
        c = cycle_at(900, 1, 0);
        ts_history_add_cycle(r, &c);

        ck_assert_uint_eq(r->n_cycles, 4);
        ck_assert_uint_eq(r->cycles[0].n, 2);
        ck_assert_int_eq(r->cycles[0].first, 100);
        ck_assert_int_eq(r->cycles[0].last, 400);
        ck_assert_uint_eq(r->cycles[2].n, 1);
        ck_assert_int_eq(r->cycles[3].exit_status, 1);
}
END_TEST

START_TEST(test_bounded)
{
        TS_CLEANUP(ts_history_freep) struct ts_history *r = ts_history_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_HISTORY_MAX_BYTES);

        for (int i = 0; i < 3 * (int) TS_HISTORY_MAX; i++) {
                struct ts_history_cycle c = cycle_at(INT64_MAX - 1, i % 255, UINT64_MAX / 2);

                memset(c.revision, 'r', sizeof(c.revision) - 1);
                memset(c.trigger, 't', sizeof(c.trigger) - 1);
                c.summary = (struct ts_plan_summary){ INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX,
                                                      INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX };
                ts_history_add_cycle(r, &c);
        }
        ck_assert_uint_eq(r->n_cycles, TS_HISTORY_MAX);
        ts_history_format(r, &text);
        ck_assert(!ts_buf_failed(&text));
}
END_TEST

static void fill(struct ts_history *r)
{
        struct ts_history_cycle c = cycle_at(100, 3, 0);

        ts_history_add_cycle(r, &c);
        r->pause.since = 50;
        r->pause.until = 4000;
        ts_history_put_word(r->pause.by, sizeof(r->pause.by), "alice\tof ops");
        ts_history_put_line(r->pause.reason, sizeof(r->pause.reason), "vendor works on it\n<3>until noon");
        r->declarations.since = 77;
        r->declarations.hash = ts_sha256_of("x", 1);
        ts_history_put_word(r->declarations.revision, sizeof(r->declarations.revision), "1a2b3c4");
}

START_TEST(test_round_trip)
{
        TS_CLEANUP(ts_history_freep) struct ts_history *a = ts_history_new();
        TS_CLEANUP(ts_history_freep) struct ts_history *b = ts_history_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_HISTORY_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf again = TS_BUF_INIT(TS_HISTORY_MAX_BYTES);

        if (_i > 0)
                fill(a);
        ts_history_format(a, &text);
        ck_assert_int_eq(ts_history_parse(ts_buf_text(&text), text.len, b), 0);
        ts_history_format(b, &again);
        ck_assert_str_eq(ts_buf_text(&text), ts_buf_text(&again));
        ck_assert_str_eq(b->pause.by, _i > 0 ? "alice\\x09of_ops" : "");
        ck_assert_str_eq(b->pause.reason, _i > 0 ? "vendor works on it\\x0a<3>until noon" : "");
}
END_TEST

START_TEST(test_damage)
{
        TS_CLEANUP(ts_history_freep) struct ts_history *r = ts_history_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_HISTORY_MAX_BYTES);

        fill(r);
        ts_history_format(r, &text);
        for (size_t i = 0; i < text.len; i++) {
                TS_CLEANUP(ts_history_freep) struct ts_history *cut = ts_history_new();
                TS_CLEANUP(ts_history_freep) struct ts_history *flipped = ts_history_new();

                ck_assert_msg(ts_history_parse(text.data, i, cut) == -EBADMSG, "cut at %zu", i);
                ck_assert_uint_eq(cut->n_cycles, 0);
                text.data[i] ^= 1;
                ck_assert_msg(ts_history_parse(text.data, text.len, flipped) == -EBADMSG, "flipped at %zu",
                              i);
                ck_assert_int_eq(flipped->pause.until, 0);
                text.data[i] ^= 1;
        }
}
END_TEST

START_TEST(test_files)
{
        TS_CLEANUP(ts_history_freep) struct ts_history *a = ts_history_new();
        TS_CLEANUP(ts_history_freep) struct ts_history *b = ts_history_new();
        TS_CLEANUP(ts_history_freep) struct ts_history *c = ts_history_new();
        char root[] = "/tmp/record.XXXXXX", path[64];
        struct ts_state_directory dir;
        struct ts_err err = { 0 };

        ck_assert_ptr_nonnull(mkdtemp(root));
        ts_state_directory_open(&dir, root, false);
        ck_assert_int_eq(ts_history_load(&dir, b, 500, &err), 0); /* none yet */
        fill(a);
        ck_assert_int_eq(ts_history_save(&dir, a, &err), 0);
        ck_assert_int_eq(ts_history_load(&dir, b, 500, &err), 0);
        ck_assert(ts_pause_is_active(&b->pause, 3999));
        ck_assert(!ts_pause_is_active(&b->pause, 4000));

        (void) snprintf(path, sizeof(path), "%s/daemon.state", root);
        ck_assert_int_eq(truncate(path, 40), 0);
        ck_assert_int_eq(ts_history_load(&dir, b, 500, &err), -EBADMSG);
        suite_hidden[0].text = root;
        suite_hidden[0].instead = "$T";
        message_is("damaged", err.msg);
        suite_hidden[0].text = NULL;
        ck_assert_int_eq(b->pause.until, TS_TIME_NEVER); /* it may have held one */
        ck_assert_int_eq(b->pause.since, 500);
        ck_assert(ts_pause_is_active(&b->pause, INT64_MAX - 1));
        ck_assert_str_eq(ts_pause_end(&b->pause).s, "somebody resumes");
        ck_assert_int_eq(unlink(path), -1); /* it is kept under another name */
        ck_assert_int_eq(ts_history_save(&dir, b, &err), 0);
        *c = (struct ts_history){ .n_cycles = 0 };
        ck_assert_int_eq(ts_history_load(&dir, c, 600, &err), 0); /* and goes on over a restart */
        ck_assert_int_eq(c->pause.until, TS_TIME_NEVER);
        ck_assert_int_eq(c->pause.since, 500);
        ck_assert_int_eq(unlink(path), 0);
        (void) snprintf(path, sizeof(path), "%s/daemon.state.damaged", root);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(rmdir(root), 0);
        ts_state_directory_close(&dir);
        ck_assert_int_lt(ts_history_save(&dir, a, &err), 0);
}
END_TEST

/* A downgrade: nobody knows what it says, and it is not lost. */
START_TEST(test_newer)
{
        static const char newer[] = "trustsyncd-daemon 2\nsomething else\n";
        TS_CLEANUP(ts_history_freep) struct ts_history *r = ts_history_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_HISTORY_MAX_BYTES);
        char root[] = "/tmp/record.XXXXXX", path[64];
        struct ts_state_directory dir;
        struct ts_err err = { 0 };

        ck_assert_ptr_nonnull(mkdtemp(root));
        (void) snprintf(path, sizeof(path), "%s/daemon.state", root);
        ts_state_directory_open(&dir, root, false);
        ck_assert_int_eq(ts_file_replace(dir.fd, "daemon.state", newer, strlen(newer), 0600), 0);
        ck_assert_int_eq(ts_history_load(&dir, r, 500, &err), -ENOTSUP);
        suite_hidden[0].text = root;
        suite_hidden[0].instead = "$T";
        message_is("newer", err.msg);
        suite_hidden[0].text = NULL;
        ck_assert_int_eq(r->pause.until, TS_TIME_NEVER);
        ck_assert_int_eq(ts_history_save(&dir, r, &err), 0);
        ck_assert_int_eq(ts_file_read(dir.fd, "daemon.state", &text, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&text), newer);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(rmdir(root), 0);
        ts_state_directory_close(&dir);
}
END_TEST

START_TEST(test_json)
{
        TS_CLEANUP(ts_history_freep) struct ts_history *r = ts_history_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(65536);
        struct ts_history_cycle c = cycle_at(100, 0, 0);

        ts_history_add_cycle(r, &c);
        c.exit_status = 3;
        c.last = 200;
        ts_history_add_cycle(r, &c);
        ts_history_json(r, 1, &out);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), "\"format_version\": 1"));
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), "\"last\": \"1970-01-01T00:03:20Z\""));
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), "\"exit_status\": 3"));
        ck_assert_ptr_null(strstr(ts_buf_text(&out), "\"exit_status\": 0"));
}
END_TEST

int main(void)
{
        Suite *s = suite_create("history");
        TCase *tc = tcase_create("record");

        tcase_add_test(tc, test_history);
        tcase_add_test(tc, test_bounded);
        tcase_add_loop_test(tc, test_round_trip, 0, 2);
        tcase_add_test(tc, test_damage);
        tcase_add_test(tc, test_files);
        tcase_add_test(tc, test_newer);
        tcase_add_test(tc, test_json);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
