/* schedule: when does the next cycle begin? */
#include <check.h>
#include <stdlib.h>

#include "daemon/schedule.h"
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

#define U TS_TIME_UNSET

static const struct {
        const char *name;
        int64_t from[2], until[2], now, next;
} boundary_cases[] = {
        { "no window", { U, U }, { U, U }, 100, TS_TIME_NEVER },
        { "one begins", { 200, U }, { U, U }, 100, 200 },
        { "one ends", { 50, U }, { 150, U }, 100, 150 },
        { "the first of several", { 200, 180 }, { 300, 190 }, 100, 180 },
        { "what is past is past", { 50, 60 }, { 70, 100 }, 100, TS_TIME_NEVER },
};

START_TEST(test_boundary)
{
        struct ts_decl_member members[2] = {
                { .from = boundary_cases[_i].from[0], .until = boundary_cases[_i].until[0] },
                { .from = boundary_cases[_i].from[1], .until = boundary_cases[_i].until[1] },
        };
        struct ts_decl_trust trust = { .users = { .items = &members[0], .n = 1 },
                                       .groups = { .items = &members[1], .n = 1 } };
        struct ts_decl_organization organization = { .trusts = &trust, .n_trusts = 1 };
        struct ts_declarations d = { .organizations = &organization, .n_organizations = 1 };

        ck_assert_msg(ts_schedule_boundary(&d, boundary_cases[_i].now) == boundary_cases[_i].next, "%s",
                      boundary_cases[_i].name);
        ck_assert(ts_schedule_boundary(NULL, boundary_cases[_i].now) == TS_TIME_NEVER);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("schedule");
        TCase *tc = tcase_create("schedule");
        SRunner *sr;
        int n_failed;

        tcase_add_loop_test(tc, test_wait, 0, (int) TS_N_ELEMENTS(wait_cases));
        tcase_add_loop_test(tc, test_boundary, 0, (int) TS_N_ELEMENTS(boundary_cases));
        suite_add_tcase(s, tc);
        sr = srunner_create(s);
        srunner_run_all(sr, CK_NORMAL);
        n_failed = srunner_ntests_failed(sr);
        srunner_free(sr);
        return n_failed > 0;
}
