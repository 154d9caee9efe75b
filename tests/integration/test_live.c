/* Read, plan and apply against the simulator: every request failing in every way, dying, and with other
 * hands at work. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/apply.h"
#include "genesys/read.h"
#include "simulator/simulator.h"
#include "simulator/transport-sim.h"
#include "trust/diff.h"
#include "unit/suite.h"
#include "util/mem.h"

#define ACME "1f2e3d4c-0000-4000-8000-000000000001"
#define CONTOSO "0b6f4c1e-0000-4000-8000-000000000002"
#define FABRIKAM "0b6f4c1e-0000-4000-8000-000000000003"
#define GLOBEX "0b6f4c1e-0000-4000-8000-000000000004"
#define INITECH "0b6f4c1e-0000-4000-8000-000000000005"
#define STARTED 1790000000 /* 2026-09-21 */
#define LATENCY_USEC 20000u
#define JITTER_USEC 5000u

/* ------------------------------------------------------------------------------------------ what there is */

static const char fixture[] =
                "{\"limits\":{\"page_size\":3},\"organizations\":[{\"id\":\"" ACME "\",\"name\":\"acme\","
                "\"clients\":[{\"id\":\"client\",\"secret\":\"secret\",\"permissions\":[\"authorization:*\"]}"
                "],"
                "\"roles\":[\"Admin\",\"User\",\"Supervisor\",\"Audit\"],"
                "\"divisions\":[{\"name\":\"Home\",\"home\":true},\"Sales\"],"
                "\"users\":[{\"email\":\"own@acme.example\",\"grants\":[[\"Admin\",\"*\"]]}],"
                "\"trustees\":[{\"id\":\"" CONTOSO "\",\"users\":["
                "{\"email\":\"ann@contoso.example\",\"grants\":[[\"Admin\",\"*\"]]},"
                "{\"email\":\"bob@contoso.example\",\"grants\":[[\"User\",\"Home\"]]},"
                "{\"email\":\"carl@contoso.example\",\"grants\":[[\"User\",\"Home\"],[\"Audit\",\"*\"]]},"
                "{\"email\":\"dave@contoso.example\"},"
                "{\"email\":\"zoe@contoso.example\",\"grants\":[[\"User\",\"*\"]]}]},"
                "{\"id\":\"" FABRIKAM "\",\"enabled\":false,\"users\":["
                "{\"email\":\"eve@fabrikam.example\",\"grants\":[[\"Supervisor\",\"Sales\"]]},"
                "{\"email\":\"frank@fabrikam.example\",\"grants\":[[\"User\",\"*\"]]}]},"
                "{\"id\":\"" GLOBEX "\"},{\"id\":\"" INITECH "\"}]},"
                "{\"id\":\"" CONTOSO "\",\"name\":\"contoso\",\"users\":[{\"email\":\"ann@contoso.example\"},"
                "{\"email\":\"bob@contoso.example\"},{\"email\":\"carl@contoso.example\"},{\"email\":\"dave@"
                "contoso.example\"},"
                "{\"email\":\"zoe@contoso.example\"},{\"email\":\"hank@contoso.example\"},"
                "{\"id\":\"9d1c0000-0000-4000-8000-000000000007\",\"email\":\"gina@contoso.example\"}]},"
                "{\"id\":\"" FABRIKAM
                "\",\"name\":\"fabrikam\",\"users\":[{\"email\":\"eve@fabrikam.example\"},"
                "{\"email\":\"frank@fabrikam.example\"}]},"
                "{\"id\":\"" GLOBEX "\",\"name\":\"globex\"},{\"id\":\"" INITECH "\",\"name\":\"initech\"}]}";

static const char invariants[] = "{\"organizations\":[{\"organization\":\"acme\",\"trusts\":["
                                 "{\"id\":\"" CONTOSO "\",\"enabled\":true,\"users\":["
                                 "{\"email\":\"ann@contoso.example\",\"grants\":[[\"Admin\",\"Home\"]]},"
                                 "{\"email\":\"carl@contoso.example\",\"grants\":[[\"User\",\"Home\"],["
                                 "\"Supervisor\",\"Sales\"]]},"
                                 "{\"email\":\"dave@contoso.example\",\"grants\":[[\"User\",\"Home\"]]},"
                                 "{\"email\":\"zoe@contoso.example\",\"grants\":[[\"User\",\"*\"]]},"
                                 "{\"id\":\"9d1c0000-0000-4000-8000-000000000007\",\"grants\":[[\"User\","
                                 "\"Sales\"],[\"Audit\",\"*\"]]}]},"
                                 "{\"id\":\"" FABRIKAM "\",\"enabled\":true,\"users\":["
                                 "{\"email\":\"eve@fabrikam.example\",\"grants\":[[\"Supervisor\",\"Sales\"],"
                                 "[\"User\",\"Home\"]]}]},"
                                 "{\"id\":\"" GLOBEX "\",\"expires\":\"2027-06-30T00:00:00Z\"},"
                                 "{\"id\":\"" INITECH "\",\"absent\":true}]}],\"delete_after\":86400}";

/* --------------------------------------------------------------------------------------- what is declared */

static const struct {
        const char *trust, *key, *id, *roles; /* "Admin/Home User/all" */
} declared_users[] = {
        { CONTOSO, "ann@contoso.example", NULL, "Admin/Home" },
        { CONTOSO, "carl@contoso.example", NULL, "User/Home Supervisor/Sales" },
        { CONTOSO, "dave@contoso.example", NULL, "User/Home" },
        { CONTOSO, "zoe@contoso.example", NULL, "User/all" },
        { CONTOSO, "gina@contoso.example", "9d1c0000-0000-4000-8000-000000000007", "User/Sales Audit/all" },
        { FABRIKAM, "eve@fabrikam.example", NULL, "Supervisor/Sales User/Home" },
};

static void declare_roles(struct ts_arena *a, const char *text, struct ts_decl_roles *ret)
{
        char role[32], division[32];
        int n;

        ret->items = TS_ARENA_ARRAY(a, struct ts_decl_role, 4);
        for (; sscanf(text, " %31[^/]/%31s%n", role, division, &n) == 2; text += n) {
                struct ts_decl_role *r = &ret->items[ret->n++];

                *r = (struct ts_decl_role){ .role = ts_arena_strdup(a, role),
                                            .all = strcmp(division, "all") == 0 };
                if (r->all)
                        continue;
                r->divisions = TS_ARENA_NEW(a, struct ts_decl_text);
                r->divisions[0].text = ts_arena_strdup(a, division);
                r->n_divisions = 1;
        }
}

static void declare_users(struct ts_arena *a, struct ts_decl_trust *t, const char *trust)
{
        t->users.managed = true;
        t->users.items = TS_ARENA_ARRAY(a, struct ts_decl_member, TS_N_ELEMENTS(declared_users));
        for (size_t i = 0; i < TS_N_ELEMENTS(declared_users); i++) {
                struct ts_decl_member *m = &t->users.items[t->users.n];

                if (strcmp(declared_users[i].trust, trust) != 0)
                        continue;
                *m = (struct ts_decl_member){ .kind = TS_KIND_USER,
                                              .key = declared_users[i].key,
                                              .grants_managed = true,
                                              .from = TS_TIME_UNSET,
                                              .until = TS_TIME_UNSET };
                (void) ts_id_parse_string(declared_users[i].id, &m->id); /* NULL is none */
                declare_roles(a, declared_users[i].roles, &m->roles);
                t->users.n++;
        }
}

static const struct ts_decl_organization *declare(struct ts_arena *a)
{
        static const struct {
                const char *alias, *id;
                bool users, absent;
                enum ts_tristate enabled;
        } trusts[] = {
                { "contoso", CONTOSO, true, false, TS_YES },
                { "fabrikam", FABRIKAM, true, false, TS_YES },
                { "globex", GLOBEX, false, false, TS_UNSET },
                { "initech", INITECH, false, true, TS_UNSET },
        };
        struct ts_decl_organization *o = TS_ARENA_NEW(a, struct ts_decl_organization);

        o->alias = "acme";
        o->trustees_managed = true;
        o->n_trusts = TS_N_ELEMENTS(trusts);
        o->trusts = TS_ARENA_ARRAY(a, struct ts_decl_trust, o->n_trusts);
        for (size_t i = 0; i < o->n_trusts; i++) {
                struct ts_decl_trust *t = &o->trusts[i];

                *t = (struct ts_decl_trust){ .alias = trusts[i].alias,
                                             .absent = trusts[i].absent,
                                             .enabled = trusts[i].enabled,
                                             .expires = TS_TIME_UNSET };
                ck_assert(ts_id_parse_string(trusts[i].id, &t->id));
                if (strcmp(t->alias, "globex") == 0)
                        ck_assert_int_eq(ts_time_parse("2027-06-30T00:00:00Z", 20, &t->expires), 0);
                if (trusts[i].users)
                        declare_users(a, t, trusts[i].id);
        }
        return o;
}

/* ------------------------------------------------------------------------------------------------ a cycle */

struct scene {
        struct ts_arena arena;
        const struct ts_decl_organization *decl;
        struct ts_virtual_clock clock;
        struct ts_clock sim_clock;
        struct ts_simulator *sim;
        struct ts_sim_network *network;
        const char *name; /* of the fault */

        /* what happens at request `at` of the network, and, with `for_ever`, at those behind it */
        enum ts_sim_action action;
        const char *edit;
        size_t at;
        bool for_ever;
        uint64_t arrived_usec[256]; /* of each request */
        size_t edited;              /* before which request; 0: not yet */
};

static bool is_hit(const struct scene *s, size_t n)
{
        return s->at > 0 && (n == s->at || (s->for_ever && n > s->at));
}

static void on_before(struct ts_sim_exchange *x, void *userdata)
{
        struct scene *s = userdata;
        struct ts_err err = { 0 };

        if (x->n < TS_N_ELEMENTS(s->arrived_usec))
                s->arrived_usec[x->n] = s->clock.boottime_usec;
        if (!is_hit(s, x->n))
                return;
        x->action = s->action;
        if (!s->edit || x->n != s->at)
                return;
        if (ts_simulator_edit(s->sim, s->edit, strlen(s->edit), &err) == 0)
                s->edited = x->n;
        else /* what it is about came or went through ourselves */
                ck_assert_msg(strstr(err.msg, "already") || strstr(err.msg, "no such"), "%s: %s", s->edit,
                              err.msg);
}

static void scene_init(struct scene *s)
{
        struct ts_sim_network_options options = { .latency_usec = LATENCY_USEC,
                                                  .jitter_usec = JITTER_USEC,
                                                  .on_before = on_before,
                                                  .userdata = s };
        struct ts_err err = { 0 };

        *s = (struct scene){ .action = TS_SIM_PASS };
        s->decl = declare(&s->arena);
        ts_virtual_clock_init(&s->clock, 1, STARTED);
        s->sim_clock = ts_virtual_clock_get(&s->clock, 0);
        ck_assert_msg(ts_simulator_new(fixture, strlen(fixture), &s->sim_clock, &s->sim, &err) == 0, "%s",
                      err.msg);
        ck_assert_msg(ts_simulator_set_invariants(s->sim, invariants, strlen(invariants), &err) == 0, "%s",
                      err.msg);
        options.sim = s->sim;
        options.clock = &s->clock;
        s->network = ts_sim_network_new(&options);
}

static void scene_done(struct scene *s)
{
        ts_sim_network_free(s->network);
        ts_simulator_free(s->sim);
        ts_arena_done(&s->arena);
}

static int read_secret(struct ts_buf *secret, void *userdata, struct ts_err *err)
{
        (void) userdata;
        (void) err;
        return ts_buf_puts(secret, "secret");
}

static bool wants(const struct ts_trust *trust, enum ts_collection collection, void *userdata)
{
        const struct scene *s = userdata;

        for (size_t i = 0; i < s->decl->n_trusts; i++)
                if (ts_id_equal(&s->decl->trusts[i].id, &trust->id))
                        return s->decl->trusts[i].collections[collection].managed;
        return false;
}

static void on_warning(const struct ts_trust *trust, const struct ts_err *err, void *userdata)
{
        (void) trust;
        (void) userdata;
        ck_assert(err->msg[0] != '\0');
}

static void on_change(const struct ts_plan *plan, const struct ts_change *change, void *userdata)
{
        (void) plan;
        (void) userdata;
        ck_assert_int_ne(ts_change_result(change), TS_PLANNED);
}

/* What came of one cycle. */
struct outcome {
        int r;
        size_t n_planned, n_requests, n_writes;
        bool complete;
};

static int read_grants(struct ts_client *client, struct ts_live *live, struct ts_desired *desired,
                       enum ts_subject_reads *subjects, struct scene *s, struct ts_err *err)
{
        struct ts_read_target targets[TS_N_ELEMENTS(declared_users)];
        const char *how;
        size_t n = 0;

        for (size_t i = 0; i < desired->n_trusts; i++)
                for (size_t k = 0; k < desired->trusts[i].users.n; k++)
                        if (ts_desired_member_needs_grants(&desired->trusts[i].users.items[k]))
                                targets[n++] = (struct ts_read_target){
                                        desired->trusts[i].live, desired->trusts[i].users.items[k].live
                                };
        return ts_read_grants(client, live, targets, n, subjects, &how, on_warning, s, err);
}

static int plan_and_apply(struct scene *s, struct ts_client *client, struct outcome *ret, struct ts_err *err)
{
        static const struct ts_policy policy = { .delete_after_usec = TS_USEC_PER_DAY };
        struct ts_read_scope scope = { .wants = wants, .userdata = s };
        TS_CLEANUP(ts_live_freep) struct ts_live *live = ts_live_new();
        TS_CLEANUP(ts_desired_freep) struct ts_desired *desired = NULL;
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = NULL;
        TS_CLEANUP(ts_outcomes_done) struct ts_outcomes outcomes = { 0 };
        struct ts_clock clock = ts_virtual_clock_get(&s->clock, 2);
        struct ts_apply_options options = {
                .clock = &clock, .verify_usec = 30 * TS_USEC_PER_SEC, .on_change = on_change, .userdata = s
        };
        int r;

        r = ts_read_organization(client, &scope, live, on_warning, s, err);
        if (r < 0)
                return r;
        desired = ts_resolve_members(s->decl, live, NULL);
        ts_resolve_grants(desired, live, &policy);
        r = read_grants(client, live, desired, &options.subjects, s, err);
        if (r < 0)
                return r;
        plan = ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                                .live = live,
                                                .desired = desired,
                                                .policy = &policy,
                                                .now = ts_clock_realtime(&clock) });
        for (size_t i = 0; i < plan->n_changes; i++)
                ret->n_planned += ts_change_is_planned(&plan->changes[i]);
        ret->complete = plan->complete;
        ts_outcomes_begin(&outcomes, plan);
        r = ts_apply(client, plan, live, &options, &outcomes, err);
        for (size_t i = 0; i < plan->n_changes && r >= 0; i++)
                ck_assert_msg(!ts_change_is_planned(&plan->changes[i]),
                              "%s at %zu: change %zu has no outcome", s->name, s->at, i);
        return r;
}

/* None; but between the last look at an object and the write of it, a round trip remains for others. */
static void check_violations(const struct scene *s)
{
        for (size_t i = 0; i < ts_simulator_n_violations(s->sim); i++) {
                const char *text = ts_simulator_violation(s->sim, i);
                size_t n = 0;

                if (s->edited > 0 && sscanf(text, "request %zu:", &n) == 1 &&
                    n < TS_N_ELEMENTS(s->arrived_usec) &&
                    s->arrived_usec[n] - s->arrived_usec[s->edited] <= LATENCY_USEC + 2 * JITTER_USEC)
                        continue;
                ck_abort_msg("%s at %zu: %s", s->name, s->at, text);
        }
}

static struct outcome run_cycle(struct scene *s)
{
        struct ts_transport *transport = ts_transport_sim_new(s->network);
        struct ts_clock clock = ts_virtual_clock_get(&s->clock, 2);
        struct ts_client_options options = { .alias = "acme",
                                             .api_url = "https://api.example",
                                             .login_url = "https://login.example",
                                             .client_id = "client",
                                             .read_secret = read_secret,
                                             .concurrency = 8,
                                             .timeout_usec = 30 * TS_USEC_PER_SEC };
        struct outcome o = { 0 };
        struct ts_client *client;
        struct ts_err err = { 0 };

        ck_assert(ts_id_parse_string(ACME, &options.organization_id));
        client = ts_client_new(&options, transport, &clock);
        ts_client_allow_writes(client, true);
        o.r = plan_and_apply(s, client, &o, &err);
        ck_assert_msg((o.r < 0) == (err.cls != TS_ERR_NONE), "%d %s", o.r, err.msg);
        o.n_requests = (size_t) ts_client_get_statistics(client)->requests;
        o.n_writes = (size_t) ts_client_get_statistics(client)->writes;
        ts_client_free(client);
        ts_transport_free(transport);
        check_violations(s);
        return o;
}

/* Once the fault is over, two cycles do what there is to do, and the next one has nothing to do. */
static void check_convergence(struct scene *s)
{
        struct outcome o;

        s->at = 0;
        for (size_t i = 0; i < 2; i++) {
                o = run_cycle(s);
                ck_assert_msg(o.r == 0, "%s: cycle %zu failed", s->name, i);
        }
        o = run_cycle(s);
        ck_assert_msg(o.r == 0 && o.complete, "%s: does not come to rest", s->name);
        ck_assert_msg(o.n_planned == 0 && o.n_writes == 0, "%s: %zu planned, %zu written in the end", s->name,
                      o.n_planned, o.n_writes);
}

static size_t count_requests(void)
{
        TS_CLEANUP(scene_done) struct scene s;

        scene_init(&s);
        return run_cycle(&s).n_requests;
}

/* -------------------------------------------------------------------------------------------------- tests */

START_TEST(test_no_fault)
{
        TS_CLEANUP(scene_done) struct scene s;
        struct outcome o;

        scene_init(&s);
        s.name = "no fault";
        o = run_cycle(&s);
        ck_assert_int_eq(o.r, 0);
        ck_assert_uint_eq(o.n_planned, 10);
        ck_assert_uint_eq(o.n_writes, 10);
        /* Token, organization; in pages of 3: roles, divisions, trusts, users of contoso, of fabrikam, and
         * four roles, one of which has two pages, for the grants of 5 members; three a change, and two for
         * the member that is added. */
        ck_assert_uint_eq(o.n_requests, 2 + 2 + 1 + 2 + 2 + 1 + 5 + 9 * 3 + 2);
        o = run_cycle(&s);
        ck_assert_uint_eq(o.n_planned, 0);
        ck_assert_uint_eq(o.n_writes, 0);
}
END_TEST

static const struct {
        const char *name;
        enum ts_sim_action action;
} actions[] = {
        { "no connection", TS_SIM_REFUSE },         { "no connection for TLS", TS_SIM_REFUSE_TLS },
        { "lost on its way", TS_SIM_LOSE_BEFORE },  { "its answer lost", TS_SIM_LOSE_AFTER },
        { "killed before it", TS_SIM_KILL_BEFORE }, { "killed after it", TS_SIM_KILL_AFTER },
};

START_TEST(test_action)
{
        size_t n = count_requests();

        for (size_t at = 1; at <= n; at++)
                for (unsigned for_ever = 0; for_ever < 2; for_ever++) {
                        TS_CLEANUP(scene_done) struct scene s;

                        scene_init(&s);
                        s.name = actions[_i].name;
                        s.action = actions[_i].action;
                        s.at = at;
                        s.for_ever = for_ever > 0;
                        (void) run_cycle(&s);
                        check_convergence(&s);
                }
}
END_TEST

static const char *const answers[] = {
        "\"status\":503",
        "\"status\":500,\"effect\":true",
        "\"status\":429,\"retry_after\":\"7\"",
        "\"status\":401,\"code\":\"bad.credentials\"",
        "\"status\":403,\"code\":\"missing.permissions\"",
        "\"status\":404,\"code\":\"not.found\"",
        "\"status\":404,\"code\":\"not.found\",\"effect\":true",
        "\"status\":409,\"code\":\"request.conflict\"",
        "\"status\":400,\"code\":\"response.entity.too.large\"",
        "\"status\":302",
        "\"status\":200,\"body\":\"{}\"",
        "\"status\":200,\"body\":\"[]\"",
        "\"reset_after\":true",
        "\"hang\":true",
        "\"hang\":true,\"effect\":true",
        "\"garbage\":true",
        "\"empty_body\":true",
        "\"truncate\":20",
        "\"duplicate_keys\":true",
        "\"expire_token\":true",
        "\"stale\":1",
        "\"stale\":3",
        "\"slow_propagation_ms\":10000",
        "\"slow_propagation_ms\":100000",
        "\"wrong_total\":1",
        "\"wrong_total\":-1",
        "\"page_count\":1",
        "\"shift_page\":1",
        "\"shift_page\":-1",
        "\"drop_page\":true",
        "\"repeat_page\":true",
        "\"duplicate\":true",
        "\"swap_id\":true",
        "\"empty_list\":true",
};

static void set_fault(struct scene *s, const char *what, size_t at, bool for_ever)
{
        struct ts_err err = { 0 };
        char script[256];

        if (at == 0)
                (void) snprintf(script, sizeof(script), "[]");
        else if (for_ever)
                (void) snprintf(script, sizeof(script), "[{\"match\":{},\"after\":%zu,%s}]", at - 1, what);
        else
                (void) snprintf(script, sizeof(script), "[{\"match\":{},\"nth\":%zu,%s}]", at, what);
        ck_assert_msg(ts_simulator_set_faults(s->sim, script, strlen(script), &err) == 0, "%s: %s", script,
                      err.msg);
}

START_TEST(test_answer)
{
        size_t n = count_requests();

        for (size_t at = 1; at <= n; at++)
                for (unsigned for_ever = 0; for_ever < 2; for_ever++) {
                        TS_CLEANUP(scene_done) struct scene s;

                        scene_init(&s);
                        s.name = answers[_i];
                        set_fault(&s, answers[_i], at, for_ever > 0);
                        s.at = 0;
                        (void) run_cycle(&s);
                        set_fault(&s, NULL, 0, false);
                        ts_simulator_advance(s.sim, 300); /* what was slow shows by then */
                        ts_virtual_clock_advance_to(&s.clock, s.clock.boottime_usec + 300 * TS_USEC_PER_SEC);
                        check_convergence(&s);
                }
}
END_TEST

#define EDIT(trust, what) "{\"organization\":\"acme\",\"trust\":\"" trust "\"," what "}"

static const char *const edits[] = {
        EDIT("contoso",
             "\"do\":\"add_grants\",\"user\":\"ann@contoso.example\",\"grants\":[[\"Audit\",\"*\"]]"),
        EDIT("contoso",
             "\"do\":\"set_grants\",\"user\":\"carl@contoso.example\",\"grants\":[[\"Admin\",\"Home\"]]"),
        EDIT("contoso",
             "\"do\":\"set_grants\",\"user\":\"dave@contoso.example\",\"grants\":[[\"Admin\",\"*\"]]"),
        EDIT("contoso", "\"do\":\"add_member\",\"user\":{\"email\":\"hank@contoso.example\",\"grants\":[["
                        "\"User\",\"*\"]]}"),
        EDIT("contoso", "\"do\":\"add_member\",\"user\":{\"email\":\"gina@contoso.example\",\"grants\":[["
                        "\"Admin\",\"*\"]]}"),
        EDIT("contoso", "\"do\":\"set_grants\",\"user\":\"zoe@contoso.example\",\"grants\":[]"),
        EDIT("fabrikam", "\"do\":\"set_trust\",\"enabled\":true"),
        EDIT("fabrikam", "\"do\":\"set_trust\",\"expires\":\"2028-01-01T00:00:00Z\""),
        EDIT("fabrikam",
             "\"do\":\"add_grants\",\"user\":\"eve@fabrikam.example\",\"grants\":[[\"Admin\",\"*\"]]"),
        EDIT("globex", "\"do\":\"set_trust\",\"enabled\":false"),
        EDIT("globex", "\"do\":\"remove_trust\""),
        EDIT("initech", "\"do\":\"set_trust\",\"expires\":\"2028-01-01T00:00:00Z\""),
        EDIT("initech", "\"do\":\"remove_trust\""),
};

/* Another hand does something right before any request. Where it undoes what is being read, more cycles
 * may be needed. */
START_TEST(test_edit)
{
        size_t n = count_requests();

        for (size_t at = 1; at <= n; at++) {
                TS_CLEANUP(scene_done) struct scene s;

                scene_init(&s);
                s.name = edits[_i];
                s.edit = edits[_i];
                s.at = at;
                (void) run_cycle(&s);
                check_convergence(&s);
        }
}
END_TEST

static Suite *suite(void)
{
        Suite *s = suite_create("live");
        TCase *tc = tcase_create("live");

        tcase_set_timeout(tc, 300);
        tcase_add_test(tc, test_no_fault);
        tcase_add_loop_test(tc, test_action, 0, TS_N_ELEMENTS(actions));
        tcase_add_loop_test(tc, test_answer, 0, TS_N_ELEMENTS(answers));
        tcase_add_loop_test(tc, test_edit, 0, TS_N_ELEMENTS(edits));
        suite_add_tcase(s, tc);
        return s;
}

int main(void)
{
        return run_suite(suite());
}
