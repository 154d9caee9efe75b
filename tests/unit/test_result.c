/* result: what does a turn come to, and what does the cycle end with? */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "reconcile/result.h"
#include "suite.h"
#include "util/buf.h"

static const struct {
        int a, b, worse;
} worse_cases[] = {
        { 0, 0, 0 },
        { 0, TS_EXIT_CHANGES, TS_EXIT_CHANGES },
        { TS_EXIT_CHANGES, TS_EXIT_DRIFT, TS_EXIT_DRIFT },
        { TS_EXIT_DRIFT, TS_EXIT_FAILURE, TS_EXIT_FAILURE },
        { TS_EXIT_FAILURE, TS_EXIT_REFUSED, TS_EXIT_REFUSED },
        { TS_EXIT_REFUSED, TS_EXIT_BUSY, TS_EXIT_BUSY },
        { TS_EXIT_BUSY, TS_EXIT_DECLARATIONS, TS_EXIT_DECLARATIONS },
        { TS_EXIT_DECLARATIONS, TS_EXIT_SETTINGS, TS_EXIT_SETTINGS },
        { TS_EXIT_SETTINGS, TS_EXIT_USAGE, TS_EXIT_USAGE },
};

START_TEST(test_worse)
{
        int a = worse_cases[_i].a, b = worse_cases[_i].b;

        ck_assert_int_eq(ts_exit_status_worse(a, b), worse_cases[_i].worse);
        ck_assert_int_eq(ts_exit_status_worse(b, a), worse_cases[_i].worse);
}
END_TEST

/* Changes, a letter each: p planned, d planned because of drift, a applied, h held, w waiting, D waiting of
 * `deny`, f failed, F contested; then ! refused, ? from an incomplete view. NULL: there is no plan. */
static struct ts_plan *plan_from(const char *text)
{
        static const char letters[] = "pdahwDfF";
        static const enum ts_result results[] = { TS_PLANNED, TS_PLANNED, TS_APPLIED, TS_HELD,
                                                  TS_WAITING, TS_WAITING, TS_FAILED,  TS_APPLIED };
        struct ts_plan *plan = text ? ts_plan_new() : NULL;

        if (!plan)
                return NULL;
        plan->complete = true;
        for (const char *p = text; *p; p++) {
                const char *letter = strchr(letters, *p);
                struct ts_change *c;

                if (*p == '!')
                        ts_plan_add_refusal(plan, NULL, "removals_per_cycle", 12, 10, "too many");
                else if (*p == '?')
                        plan->complete = false;
                if (!letter)
                        continue;
                c = ts_plan_add_change(plan);
                c->action = TS_USER_REMOVE;
                c->decision = results[letter - letters];
                c->reason = *p == 'd' ? TS_REASON_DRIFT : *p == 'D' ? TS_REASON_DENIED : TS_REASON_CONFIG;
                c->n_corrected = *p == 'F' ? 1000 : 0;
        }
        return plan;
}

static const struct {
        const char *name, *plan;
        enum ts_err_class cls;
        int code;
        bool is_unnamed, is_written;
        int exit_status;
        enum ts_turn_end turn_end;
        const char *facts; /* "refused failed complete", pending, contested, and the error */
} turn_cases[] = {
        { "nothing to do", "", TS_ERR_NONE, 0, false, true, 0, TS_TURN_GOOD, "complete 0 0" },
        { "all is applied", "aah", TS_ERR_NONE, 0, false, true, 0, TS_TURN_GOOD, "complete 0 0" },
        { "what is only planned is no failure", "pp", TS_ERR_NONE, 0, false, false, 0, TS_TURN_GOOD,
          "complete 2 0" },
        { "what was to be applied and was not is one", "ap", TS_ERR_NONE, 0, false, true, TS_EXIT_FAILURE,
          TS_TURN_PARTLY, "failed complete 1 0" },
        { "one object failed", "af", TS_ERR_NONE, 0, false, true, TS_EXIT_FAILURE, TS_TURN_PARTLY,
          "failed complete 0 0" },
        { "waiting is no failure", "w", TS_ERR_NONE, 0, false, true, 0, TS_TURN_GOOD, "complete 0 0" },
        { "unless somebody denied is still in", "D", TS_ERR_NONE, 0, false, true, TS_EXIT_FAILURE,
          TS_TURN_PARTLY, "failed complete 0 0" },
        { "corrected again and again", "aF", TS_ERR_NONE, 0, false, true, 0, TS_TURN_GOOD, "complete 0 1" },
        { "an incomplete view", "?", TS_ERR_NONE, 0, false, true, TS_EXIT_FAILURE, TS_TURN_PARTLY,
          "failed 0 0" },
        { "refused", "h!", TS_ERR_NONE, 0, false, true, TS_EXIT_REFUSED, TS_TURN_REFUSED,
          "refused complete 0 0 too many" },
        { "refused, and one object failed", "f!", TS_ERR_NONE, 0, false, true, TS_EXIT_REFUSED,
          TS_TURN_REFUSED, "refused failed complete 0 0 too many" },
        { "no file names it", NULL, TS_ERR_NONE, 0, true, false, TS_EXIT_REFUSED, TS_TURN_REFUSED,
          "refused 0 0 no file of the declarations names it" },
        { "not planned", NULL, TS_ERR_TRANSIENT, -ETIMEDOUT, false, true, TS_EXIT_FAILURE, TS_TURN_FAILED,
          "failed 0 0 broken" },
        { "planned, then it failed", "a", TS_ERR_TRANSIENT, -ETIMEDOUT, false, true, TS_EXIT_FAILURE,
          TS_TURN_FAILED, "failed complete 0 0 broken" },
        { "credentials", NULL, TS_ERR_AUTH, -EACCES, false, true, TS_EXIT_FAILURE, TS_TURN_DENIED,
          "failed 0 0 broken" },
        { "settings", NULL, TS_ERR_SETTINGS, -EINVAL, false, true, TS_EXIT_SETTINGS, TS_TURN_PARTLY,
          "failed 0 0 broken" },
        { "another instance writes", NULL, TS_ERR_LOCAL, -EBUSY, false, true, TS_EXIT_BUSY, TS_TURN_FAILED,
          "failed 0 0 broken" },
        { "another local failure", NULL, TS_ERR_LOCAL, -EIO, false, true, TS_EXIT_FAILURE, TS_TURN_FAILED,
          "failed 0 0 broken" },
};

static const struct ts_settings_organization acme = { .alias = "acme", .mode = TS_MODE_ENFORCE };

START_TEST(test_turn)
{
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_from(turn_cases[_i].plan);
        TS_CLEANUP(ts_buf_done) struct ts_buf facts = TS_BUF_INIT(1024);
        struct ts_err err = { .cls = turn_cases[_i].cls, .code = turn_cases[_i].code, .msg = "broken" };
        struct ts_organization_result r = ts_organization_result_make(&(struct ts_turn_facts){
                        .settings = &acme,
                        .plan = plan,
                        .err = &err,
                        .is_unnamed = turn_cases[_i].is_unnamed,
                        .is_written = turn_cases[_i].is_written,
        });

        ts_buf_printf(&facts, "%s%s%s%zu %zu%s%s", r.is_refused ? "refused " : "",
                      r.has_failed ? "failed " : "", r.is_complete ? "complete " : "", r.n_pending,
                      r.n_contested, r.error ? " " : "", r.error ? r.error : "");
        ck_assert_msg(strcmp(ts_buf_text(&facts), turn_cases[_i].facts) == 0, "%s: '%s', not '%s'",
                      turn_cases[_i].name, ts_buf_text(&facts), turn_cases[_i].facts);
        ck_assert_msg(r.exit_status == turn_cases[_i].exit_status, "%s: %d", turn_cases[_i].name,
                      r.exit_status);
        ck_assert_msg(r.turn_end == turn_cases[_i].turn_end, "%s: %d", turn_cases[_i].name, (int) r.turn_end);
        ck_assert_str_eq(r.alias, "acme");
        ck_assert_ptr_eq(r.shown.plan, plan);
        ck_assert(!r.shown.err == (err.cls == TS_ERR_NONE));
}
END_TEST

/* What `deny` did is reported where nothing else could be planned; when it did something. */
START_TEST(test_denied_is_shown)
{
        TS_CLEANUP(ts_plan_freep)
        struct ts_plan *nothing = plan_from(""), *some = plan_from("a"), *plan = plan_from("");
        struct ts_err err = { .cls = TS_ERR_TRANSIENT, .msg = "broken" };
        struct ts_turn_facts t = { .settings = &acme, .err = &err, .denied = nothing };

        ck_assert_ptr_null(ts_organization_result_make(&t).shown.plan);
        t.denied = some;
        ck_assert_ptr_eq(ts_organization_result_make(&t).shown.plan, some);
        ck_assert_ptr_null(ts_organization_result_make(&t).plan);
        t.plan = plan;
        ck_assert_ptr_eq(ts_organization_result_make(&t).shown.plan, plan);
}
END_TEST

/* Of two organizations: the exit status without and with --detailed-exitcode. */
static const struct {
        const char *name, *a, *b;
        bool is_written;
        int exit_status, detailed;
        size_t n_removed;
} cycle_cases[] = {
        { "in sync", "", "", false, 0, 0, 0 },
        { "changes", "p", "d", false, 0, TS_EXIT_CHANGES, 2 },
        { "drift alone", "d", "d", false, 0, TS_EXIT_DRIFT, 2 },
        { "one of them could not be planned", "p", NULL, false, TS_EXIT_FAILURE, TS_EXIT_FAILURE, 1 },
        { "one of them is refused, the other failed", "f", "!", true, TS_EXIT_REFUSED, TS_EXIT_REFUSED, 0 },
        { "applied, and one left", "a", "p", true, TS_EXIT_FAILURE, TS_EXIT_FAILURE, 1 },
};

START_TEST(test_cycle)
{
        TS_CLEANUP(ts_plan_freep)
        struct ts_plan *a = plan_from(cycle_cases[_i].a), *b = plan_from(cycle_cases[_i].b);
        const struct ts_plan *plans[] = { a, b };
        struct ts_organization_result results[2];
        struct ts_report_organization shown[2];
        struct ts_err none = { 0 };
        struct ts_cycle_result r = { .organizations = results, .n_organizations = 2 };

        for (size_t i = 0; i < 2; i++) {
                results[i] = ts_organization_result_make(&(struct ts_turn_facts){
                                .settings = &acme,
                                .plan = plans[i],
                                .err = &none,
                                .is_written = cycle_cases[_i].is_written,
                });
                shown[i] = results[i].shown;
        }
        r.report = (struct ts_report){ .applied = cycle_cases[_i].is_written,
                                       .organizations = shown,
                                       .n_organizations = 2 };
        ts_cycle_result_conclude(&r);
        ck_assert_msg(r.exit_status == cycle_cases[_i].exit_status, "%s: %d", cycle_cases[_i].name,
                      r.exit_status);
        ck_assert_msg(r.detailed_exit_status == cycle_cases[_i].detailed, "%s: %d", cycle_cases[_i].name,
                      r.detailed_exit_status);
        ck_assert_uint_eq(r.summary.remove, cycle_cases[_i].n_removed);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("result");
        TCase *tc = tcase_create("result");

        tcase_add_loop_test(tc, test_worse, 0, (int) TS_N_ELEMENTS(worse_cases));
        tcase_add_loop_test(tc, test_turn, 0, (int) TS_N_ELEMENTS(turn_cases));
        tcase_add_test(tc, test_denied_is_shown);
        tcase_add_loop_test(tc, test_cycle, 0, (int) TS_N_ELEMENTS(cycle_cases));
        suite_add_tcase(s, tc);
        return run_suite(s);
}
