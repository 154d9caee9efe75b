/* schedule: when does the next cycle begin? */
#include <check.h>
#include <stdlib.h>

#include "reconcile/schedule.h"
#include "suite.h"
#include "util/buf.h"
#include "util/macros.h"

#define MINUTE TS_USEC_PER_MINUTE
#define SECOND TS_USEC_PER_SEC

static const struct {
        const char *name;
        enum ts_turn_end outcome;
        unsigned n_failures;
        uint64_t interval, jitter, random;
        uint64_t from, to; /* seconds */
} wait_cases[] = {
        { "the interval", TS_TURN_GOOD, 0, 5 * MINUTE, 0, 12345, 300, 300 },
        { "no more than the jitter", TS_TURN_GOOD, 0, 5 * MINUTE, 30 * SECOND, UINT64_MAX, 300, 330 },
        { "all of the jitter", TS_TURN_GOOD, 0, 5 * MINUTE, 30 * SECOND, 30 * SECOND, 330, 330 },
        { "a first failure is tried again soon", TS_TURN_FAILED, 1, 5 * MINUTE, 30 * SECOND, 0, 30, 36 },
        { "a second one later", TS_TURN_FAILED, 2, 5 * MINUTE, 30 * SECOND, UINT64_MAX, 60, 72 },
        { "up to a quarter of an hour", TS_TURN_FAILED, 9, 5 * MINUTE, 0, 0, 900, 900 },
        { "for ever", TS_TURN_FAILED, UINT32_MAX, 5 * MINUTE, 0, UINT64_MAX, 900, 1080 },
        { "what is refused is looked at as often", TS_TURN_REFUSED, 5, 5 * MINUTE, 0, 0, 300, 300 },
        { "single objects are tried again soon", TS_TURN_PARTLY, 1, 5 * MINUTE, 0, 0, 30, 30 },
        { "and then at the interval", TS_TURN_PARTLY, 99, 5 * MINUTE, 0, 0, 300, 300 },
        { "a short interval is not made longer at once", TS_TURN_FAILED, 1, SECOND, 0, 0, 1, 1 },
        { "a long interval is not made shorter for ever", TS_TURN_FAILED, 99, 120 * MINUTE, 0, 0, 7200,
          7200 },
        { "credentials are not tried sooner", TS_TURN_DENIED, 1, 5 * MINUTE, 0, 0, 300, 300 },
        { "but slower and slower", TS_TURN_DENIED, 3, 5 * MINUTE, 0, 0, 1200, 1200 },
        { "up to an hour", TS_TURN_DENIED, 99, 5 * MINUTE, 0, 0, 3600, 3600 },
};

START_TEST(test_wait)
{
        uint64_t wait = ts_schedule_wait(wait_cases[_i].outcome, wait_cases[_i].n_failures,
                                         wait_cases[_i].interval, wait_cases[_i].jitter,
                                         wait_cases[_i].random);

        ck_assert_msg(wait >= wait_cases[_i].from * SECOND && wait <= wait_cases[_i].to * SECOND,
                      "%s: %llu us", wait_cases[_i].name, (unsigned long long) wait);
}
END_TEST

/* ------------------------------------------------------------------------------------------------ entries */

static const struct ts_schedule_key keys[] = {
        { .alias = "acme", .id = { { 1 } } },
        { .alias = "globex", .id = { { 2 } } },
        { .alias = "initech", .id = { { 3 } } },
};

/* "acme* globex- initech+10": due; under way; due in so many seconds. */
static void put_state(const struct ts_schedule *s, uint64_t now_usec, struct ts_buf *out)
{
        ts_buf_reset(out);
        for (size_t i = 0; i < s->n; i++) {
                const struct ts_schedule_entry *e = &s->items[i];

                ts_buf_printf(out, "%s%s%s", i > 0 ? " " : "", e->alias, e->is_gone ? "!" : "");
                if (e->is_under_way)
                        ts_buf_puts(out, "-");
                else if (ts_schedule_is_due(e, now_usec, 0))
                        ts_buf_puts(out, "*");
                else
                        ts_buf_printf(out, "+%llu",
                                      (unsigned long long) ((e->next_usec - now_usec) / SECOND));
        }
}

static void check(const struct ts_schedule *s, uint64_t now_usec, const char *expected)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(4096);

        put_state(s, now_usec, &got);
        ck_assert_str_eq(ts_buf_text(&got), expected);
}

static void turn(struct ts_schedule *s, const char *alias, enum ts_turn_end outcome, uint64_t wait_sec)
{
        struct ts_schedule_entry *e = ts_schedule_find(s, alias);

        ts_schedule_begin(e, 0);
        ts_schedule_note(e, outcome, 1000, 0, wait_sec * SECOND, TS_TIME_NEVER);
        ts_schedule_end(e);
}

START_TEST(test_each_has_its_own)
{
        struct ts_schedule s = { .n = 0 };

        ck_assert_uint_eq(ts_schedule_next_usec(&s, true), UINT64_MAX);
        ts_schedule_set(&s, keys, 3);
        check(&s, 0, "acme* globex* initech*");
        ck_assert_uint_eq(ts_schedule_next_usec(&s, true), 0);
        ts_schedule_begin(ts_schedule_find(&s, "globex"), 0);
        turn(&s, "acme", TS_TURN_GOOD, 10);
        turn(&s, "initech", TS_TURN_DENIED, 60);
        check(&s, 0, "acme+10 globex- initech+60");
        ck_assert_uint_eq(ts_schedule_next_usec(&s, true), 10 * SECOND);
        ck_assert(ts_schedule_is_due(ts_schedule_find(&s, "acme"), 9 * SECOND, SECOND));
        ck_assert(ts_schedule_is_suspect(ts_schedule_find(&s, "initech")));
        turn(&s, "acme", TS_TURN_GOOD, 90);
        ck_assert_uint_eq(ts_schedule_next_usec(&s, true), 60 * SECOND);
        ck_assert_uint_eq(ts_schedule_next_usec(&s, false), 90 * SECOND);
        turn(&s, "acme", TS_TURN_GOOD, 10);
        ck_assert_uint_eq(ts_schedule_count_suspects(&s), 0);
        ck_assert(!ts_schedule_is_suspect(ts_schedule_find(&s, "acme")));
        ck_assert_int_eq(ts_schedule_find(&s, "acme")->last_good, 1000);
        ck_assert_int_eq(ts_schedule_find(&s, "initech")->last_good, 0);
        turn(&s, "initech", TS_TURN_PARTLY, 60);
        ck_assert(!ts_schedule_is_suspect(ts_schedule_find(&s, "initech")));
        ck_assert_uint_eq(ts_schedule_find(&s, "initech")->n_failures, 2);
        ts_schedule_ask_all(&s);
        check(&s, 0, "acme* globex- initech*");
        ck_assert_ptr_null(ts_schedule_find(&s, "umbrella"));
        ts_schedule_done(&s);
}
END_TEST

START_TEST(test_kept_over_a_reload)
{
        struct ts_schedule_key others[] = { keys[0], keys[1], keys[2] };
        struct ts_schedule s = { .n = 0 };

        ts_schedule_set(&s, keys, 3);
        turn(&s, "acme", TS_TURN_FAILED, 10);
        turn(&s, "globex", TS_TURN_DENIED, 20);
        turn(&s, "initech", TS_TURN_FAILED, 30);
        ts_schedule_set(&s, keys, 3);
        check(&s, 0, "acme+10 globex+20 initech+30");
        others[1].inputs.bytes[0] = 1;
        others[2].id.bytes[0] = 9;
        ts_schedule_set(&s, others, 3);
        check(&s, 0, "acme+10 globex* initech*");
        ck_assert_uint_eq(ts_schedule_find(&s, "globex")->n_failures, 1);
        ck_assert_uint_eq(ts_schedule_find(&s, "initech")->n_failures, 0);
        ts_schedule_done(&s);
}
END_TEST

/* An organization that is gone is not begun again, and when it is back while its old turn is under way, not
 * twice. */
START_TEST(test_gone_and_back)
{
        struct ts_schedule s = { .n = 0 };

        ts_schedule_set(&s, keys, 3);
        turn(&s, "globex", TS_TURN_GOOD, 20);
        ts_schedule_begin(ts_schedule_find(&s, "initech"), 0);
        ts_schedule_set(&s, keys, 1);
        check(&s, 0, "acme* initech!-");
        ts_schedule_set(&s, keys, 3);
        check(&s, 0, "acme* globex* initech-");
        ts_schedule_end(ts_schedule_find(&s, "initech"));
        check(&s, 0, "acme* globex* initech*");
        ts_schedule_begin(ts_schedule_find(&s, "initech"), 0);
        ts_schedule_set(&s, keys, 1);
        ts_schedule_end(ts_schedule_find(&s, "initech"));
        ck_assert(!ts_schedule_is_due(ts_schedule_find(&s, "initech"), UINT64_MAX / 2, 0));
        ts_schedule_set(&s, keys, 1);
        check(&s, 0, "acme*");
        ts_schedule_done(&s);
}
END_TEST

START_TEST(test_cut_short)
{
        struct ts_schedule s = { .n = 0 };
        struct ts_schedule_entry *e;

        ts_schedule_set(&s, keys, 1);
        e = ts_schedule_find(&s, "acme");
        ts_schedule_begin(e, 0);
        e->is_cut = true;
        ts_schedule_end(e);
        check(&s, 0, "acme*");
        ck_assert(e->was_cut);
        ts_schedule_begin(e, 0);
        ts_schedule_end(e);
        ck_assert(!e->was_cut);
        ts_schedule_done(&s);
}
END_TEST

/* Windows a second apart: a turn at the first one, then one a minute. */
START_TEST(test_boundaries)
{
        struct ts_schedule s = { .n = 0 };
        struct ts_schedule_entry *e;
        unsigned n = 0;

        ts_schedule_set(&s, keys, 1);
        e = ts_schedule_find(&s, "acme");
        ck_assert_int_eq(ts_schedule_next_boundary(&s), TS_TIME_NEVER);
        turn(&s, "acme", TS_TURN_GOOD, 3600);
        e->boundary = 1001;
        ck_assert_int_eq(ts_schedule_next_boundary(&s), 1001);
        for (unsigned t = 1; t <= 200; t++) {
                ts_schedule_pass_boundaries(&s, 1000 + t, t * SECOND);
                if (!ts_schedule_is_due(e, t * SECOND, 0))
                        continue;
                n++;
                ts_schedule_begin(e, t * SECOND);
                ts_schedule_note(e, TS_TURN_GOOD, 1000 + t, t * SECOND, 3600 * SECOND, 1000 + t + 1);
                ts_schedule_end(e);
        }
        ck_assert_uint_eq(n, 4);
        e->boundary = 5000;
        ts_schedule_note(e, TS_TURN_FAILED, 1200, 200 * SECOND, 5 * SECOND, TS_TIME_UNSET);
        ck_assert_int_eq(e->boundary, 5000);
        ts_schedule_done(&s);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("schedule");
        TCase *tc = tcase_create("schedule");

        tcase_add_loop_test(tc, test_wait, 0, (int) TS_N_ELEMENTS(wait_cases));
        tcase_add_test(tc, test_each_has_its_own);
        tcase_add_test(tc, test_kept_over_a_reload);
        tcase_add_test(tc, test_gone_and_back);
        tcase_add_test(tc, test_cut_short);
        tcase_add_test(tc, test_boundaries);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
