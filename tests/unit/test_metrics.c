/* metrics: is it what a Prometheus server takes, and does it count right? */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/metrics.h"
#include "suite.h"
#include "util/macros.h"

static const struct ts_metrics_organization organizations[] = {
        { .alias = "acme", .ok = true, .enforce = true, .add = 3, .held = 1, .overdue = 2 },
        { .alias = "we\"ird\\alias", .refused = true, .remove = 7, .expiring_soon = 1 },
};

static void format(struct ts_buf *out, size_t n_organizations)
{
        struct ts_metrics m = {
                .version = "1.0.0",
                .revision = "1a2b3c4",
                .started = 1000,
                .last_attempt = 2000,
                .last_duration_usec = 1500000,
                .declarations_valid = true,
                .organizations = organizations,
                .n_organizations = n_organizations,
        };

        m.cycles[TS_METRICS_REFUSED] = 4;
        m.applied[TS_USER_ADD] = 5;
        m.failed[TS_USER_ADD] = 6;
        m.requests[2] = 41;
        m.requests[0] = 1;
        ts_metrics_format(&m, out);
        ck_assert(!ts_buf_failed(out));
}

static const char *const lines[] = {
        "trustsyncd_build_info{version=\"1.0.0\"} 1",
        "trustsyncd_declarations_info{revision=\"1a2b3c4\"} 1",
        "trustsyncd_last_attempt_timestamp_seconds 2000",
        "trustsyncd_last_success_timestamp_seconds 0",
        "trustsyncd_last_cycle_duration_seconds 1.500000",
        "trustsyncd_cycles_total{result=\"refused\"} 4",
        "trustsyncd_cycles_total{result=\"ok\"} 0",
        "trustsyncd_changes_total{action=\"user.add\",result=\"applied\"} 5",
        "trustsyncd_changes_total{action=\"user.add\",result=\"failed\"} 6",
        "trustsyncd_changes_total{action=\"care.create\",result=\"failed\"} 0",
        "trustsyncd_requests_total{status=\"2xx\"} 41",
        "trustsyncd_requests_total{status=\"none\"} 1",
        "trustsyncd_paused 0",
        "trustsyncd_declarations_valid 1",
        "trustsyncd_settings_valid 0",
        "trustsyncd_organization_ok{organization=\"acme\"} 1",
        "trustsyncd_organization_enforced{organization=\"acme\"} 1",
        "trustsyncd_organization_refused{organization=\"we\\\"ird\\\\alias\"} 1",
        "trustsyncd_pending_changes{organization=\"acme\",kind=\"add\"} 3",
        "trustsyncd_pending_changes{organization=\"we\\\"ird\\\\alias\",kind=\"remove\"} 7",
        "trustsyncd_held_changes{organization=\"acme\"} 1",
        "trustsyncd_overdue_members{organization=\"acme\"} 2",
        "trustsyncd_expiring_soon{organization=\"acme\"} 0",
};

START_TEST(test_lines)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(65536);
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(1024);

        format(&out, TS_N_ELEMENTS(organizations));
        ts_buf_printf(&line, "\n%s\n", lines[_i]);
        ck_assert_msg(strstr(ts_buf_text(&out), ts_buf_text(&line)) != NULL, "%s is not in\n%s", lines[_i],
                      ts_buf_text(&out));
}
END_TEST

/* What promtool asks for: a HELP and a TYPE before the samples of each metric, once; every metric has a
 * sample. */
START_TEST(test_shape)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(65536);
        char metric[128] = "", name[128], seen[4096] = " ";
        bool has_sample = true;

        format(&out, (size_t) _i);
        for (char *next = out.data, *line; (line = strsep(&next, "\n")) && *line;) {
                if (sscanf(line, "# HELP %127s", name) == 1) {
                        ck_assert_msg(has_sample, "%s has no sample", metric);
                        (void) snprintf(metric, sizeof(metric), "%s", name);
                        ck_assert_msg(strstr(seen, name) == NULL || strstr(seen, name)[strlen(name)] != ' ',
                                      "%s twice", name);
                        (void) snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s ", name);
                        has_sample = false;
                } else if (sscanf(line, "# TYPE %127s", name) == 1) {
                        const char *total = strstr(line, "_total ");

                        ck_assert_str_eq(name, metric);
                        ck_assert_msg((total != NULL) == (strstr(line, " counter") != NULL), "%s", line);
                } else {
                        ck_assert_int_eq(sscanf(line, "%127[a-z_]", name), 1);
                        ck_assert_str_eq(name, metric);
                        has_sample = true;
                }
        }
        ck_assert(has_sample);
}
END_TEST

/* What a Prometheus server itself says, where its tool is installed. */
START_TEST(test_promtool)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(65536);
        FILE *p;

        if (system("command -v promtool >/dev/null 2>&1") != 0)
                return;
        format(&out, TS_N_ELEMENTS(organizations));
        p = popen("promtool check metrics", "we");
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq(fwrite(ts_buf_text(&out), 1, out.len, p), out.len);
        ck_assert_int_eq(pclose(p), 0);
}
END_TEST

START_TEST(test_count)
{
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
        static const struct {
                enum ts_action action;
                enum ts_result result;
                enum ts_reason reason;
        } changes[] = {
                { TS_USER_ADD, TS_PLANNED, TS_REASON_CONFIG },
                { TS_USER_UPDATE, TS_PLANNED, TS_REASON_DRIFT },
                { TS_USER_REMOVE, TS_HELD, TS_REASON_EXPIRED },
                { TS_USER_REMOVE, TS_APPLIED, TS_REASON_EXPIRED },
                { TS_USER_REMOVE, TS_SKIPPED, TS_REASON_DRIFT },
                { TS_USER_ADD, TS_WAITING, TS_REASON_CONFIG },
                { TS_TRUST_DISABLE, TS_FAILED, TS_REASON_CONFIG },
        };
        struct ts_trust trusts[] = {
                { .enabled = true, .expires = 1000 },
                { .enabled = false, .expires = 1000 },
                { .enabled = true, .expires = TS_TIME_NEVER },
                { .enabled = true, .expires = 999 + TS_METRICS_SOON_SEC + 1 },
        };
        struct ts_decl_member members[] = { { .from = 1500, .until = 2000 }, { .until = TS_TIME_UNSET } };
        struct ts_decl_trust declared = { .users = { .items = members, .n = TS_N_ELEMENTS(members) } };
        struct ts_decl_organization decl = { .trusts = &declared, .n_trusts = 1 };
        struct ts_live live = { .trusts = trusts, .n_trusts = TS_N_ELEMENTS(trusts) };
        struct ts_metrics_organization o = { .alias = "acme" };

        for (size_t i = 0; i < TS_N_ELEMENTS(changes); i++) {
                struct ts_change *c = ts_plan_add_change(plan);

                c->action = changes[i].action;
                c->kind = changes[i].action == TS_TRUST_DISABLE ? TS_KIND_TRUST : TS_KIND_USER;
                c->decision = changes[i].result;
                c->reason = changes[i].reason;
        }
        ts_metrics_count(&o, plan, &decl, &live, 999);
        ck_assert_uint_eq(o.add, 1);
        ck_assert_uint_eq(o.change, 1);
        ck_assert_uint_eq(o.remove, 0);
        ck_assert_uint_eq(o.held, 1);
        ck_assert_uint_eq(o.waiting, 1);
        ck_assert_uint_eq(o.failed, 1);
        ck_assert_uint_eq(o.skipped, 1);
        ck_assert_uint_eq(o.drift, 1);
        ck_assert_uint_eq(o.overdue, 1);
        ck_assert_uint_eq(o.expiring_soon, 2);
        ts_metrics_count(&o, NULL, NULL, NULL, 999);
        ck_assert_uint_eq(o.expiring_soon, 2);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("metrics");
        TCase *tc = tcase_create("metrics");

        tcase_add_loop_test(tc, test_lines, 0, (int) TS_N_ELEMENTS(lines));
        tcase_add_loop_test(tc, test_shape, 0, (int) TS_N_ELEMENTS(organizations) + 1);
        tcase_add_test(tc, test_promtool);
        tcase_add_test(tc, test_count);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
