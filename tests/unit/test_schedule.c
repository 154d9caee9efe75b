/* schedule: when does the next cycle begin? */
#include <check.h>
#include <stdlib.h>

#include "reconcile/schedule.h"
#include "suite.h"
#include "util/macros.h"

#define MINUTE TS_USEC_PER_MINUTE
#define SECOND TS_USEC_PER_SEC

static const struct {
        const char *name;
        enum ts_outcome outcome;
        unsigned n_failures;
        uint64_t interval, jitter, random;
        uint64_t from, to; /* seconds */
} wait_cases[] = {
        { "the interval", TS_OUTCOME_GOOD, 0, 5 * MINUTE, 0, 12345, 300, 300 },
        { "no more than the jitter", TS_OUTCOME_GOOD, 0, 5 * MINUTE, 30 * SECOND, UINT64_MAX, 300, 330 },
        { "all of the jitter", TS_OUTCOME_GOOD, 0, 5 * MINUTE, 30 * SECOND, 30 * SECOND, 330, 330 },
        { "a first failure is tried again soon", TS_OUTCOME_FAILED, 1, 5 * MINUTE, 30 * SECOND, 0, 30, 36 },
        { "a second one later", TS_OUTCOME_FAILED, 2, 5 * MINUTE, 30 * SECOND, UINT64_MAX, 60, 72 },
        { "up to a quarter of an hour", TS_OUTCOME_FAILED, 9, 5 * MINUTE, 0, 0, 900, 900 },
        { "for ever", TS_OUTCOME_FAILED, UINT32_MAX, 5 * MINUTE, 0, UINT64_MAX, 900, 1080 },
        { "a short interval is not made longer at once", TS_OUTCOME_FAILED, 1, SECOND, 0, 0, 1, 1 },
        { "a long interval is not made shorter for ever", TS_OUTCOME_FAILED, 99, 120 * MINUTE, 0, 0, 7200,
          7200 },
        { "credentials are not tried sooner", TS_OUTCOME_DENIED, 1, 5 * MINUTE, 0, 0, 300, 300 },
        { "but slower and slower", TS_OUTCOME_DENIED, 3, 5 * MINUTE, 0, 0, 1200, 1200 },
        { "up to an hour", TS_OUTCOME_DENIED, 99, 5 * MINUTE, 0, 0, 3600, 3600 },
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

int main(void)
{
        Suite *s = suite_create("schedule");
        TCase *tc = tcase_create("schedule");

        tcase_add_loop_test(tc, test_wait, 0, (int) TS_N_ELEMENTS(wait_cases));
        suite_add_tcase(s, tc);
        return run_suite(s);
}
