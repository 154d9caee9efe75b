/*
 * Whole cycles as the daemon, `--once` and a dry run make them, against the simulator and in virtual time.
 *
 * Live: the trust contoso with ann, bob and eve, and fabrikam with fay. Declared: contoso with ann only,
 * unless a case says otherwise.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconcile/cycle.h"
#include "reconcile/state_directory.h"
#include "simulator/transport-sim.h"
#include "suite.h"
#include "trust/last_applied.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

#define STARTED 1798761600 /* 2027-01-01 */
#define ACME "a0000000-0000-4000-8000-000000000001"
#define CONTOSO "b0000000-0000-4000-8000-000000000001"
#define FABRIKAM "b0000000-0000-4000-8000-000000000002"
#define STATE "state/organization-" ACME ".state"
#define LOCK "state/organization-" ACME ".lock"
#define STATE_OF_NOBODY "state/organization-00000000-0000-0000-0000-000000000000.state"

static const char fixture[] =
                "{'organizations':["
                "{'id':'" ACME "','name':'Acme','clients':[{'id':'5b6c7d8e-0000-4000-8000-000000000001',"
                "'secret':'no-secret'}],'roles':['Admin','User'],'divisions':['Home'],'trustees':["
                "{'id':'" CONTOSO "','name':'Contoso','users':[{'email':'ann@contoso.example'},"
                "{'email':'bob@contoso.example'},{'email':'eve@contoso.example'}]},"
                "{'id':'" FABRIKAM "','name':'Fabrikam','users':[{'email':'fay@fabrikam.example'}]}]},"
                "{'id':'" CONTOSO "','name':'Contoso','users':["
                "{'id':'c0000000-0000-4000-8000-000000000001','email':'ann@contoso.example','name':'Ann'},"
                "{'id':'c0000000-0000-4000-8000-000000000002','email':'bob@contoso.example','name':'Bob'},"
                "{'id':'c0000000-0000-4000-8000-000000000003','email':'eve@contoso.example','name':'Eve'}]},"
                "{'id':'" FABRIKAM
                "','name':'Fabrikam','users':[{'id':'c0000000-0000-4000-8000-000000000004',"
                "'email':'fay@fabrikam.example','name':'Fay'}]}]}";

static const char only_ann[] = "version: 1\n"
                               "organization: acme\n"
                               "trustees:\n"
                               "  contoso:\n"
                               "    id: " CONTOSO "\n"
                               "    users: { ann@contoso.example: {} }\n"
                               "  fabrikam: { id: " FABRIKAM " }\n";
static const char nobody[] = "version: 1\n"
                             "organization: acme\n"
                             "trustees:\n"
                             "  contoso: { id: " CONTOSO ", users: {} }\n"
                             "  fabrikam: { id: " FABRIKAM " }\n";
static const char no_fabrikam[] = "version: 1\n"
                                  "organization: acme\n"
                                  "trustees:\n"
                                  "  contoso: { id: " CONTOSO " }\n";

/* -------------------------------------------------------------------------------------------------- world */

struct world {
        char directory[32];
        struct ts_virtual_clock time;
        struct ts_clock server_clock, clock;
        struct ts_simulator *sim;
        struct ts_sim_network *network;
        struct ts_transport *transport;
        struct ts_clients *clients;
        struct ts_settings *settings;
        struct ts_declarations *declarations;
        size_t n_writes;
        void (*observe)(struct ts_sim_exchange *exchange, void *userdata);
        const char *put_back; /* the edit that undoes a DELETE, in front of the next GET */
        size_t n_put_back;    /* how often it still comes */
        bool is_removed;
        char note[256]; /* of the first change of the last cycle; empty: none */
};

static const char *path_of(const struct world *w, const char *name, char buf[static 128])
{
        (void) snprintf(buf, 128, "%s/%s", w->directory, name);
        return buf;
}

static void put_file(const struct world *w, const char *name, const char *text)
{
        char path[128];
        TS_CLEANUP(ts_closep) int fd = open(path_of(w, name, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
}

static bool has_file(const struct world *w, const char *name)
{
        char path[128];

        return access(path_of(w, name, path), F_OK) == 0;
}

static void on_before(struct ts_sim_exchange *e, void *userdata)
{
        struct world *w = userdata;

        w->n_writes += e->request->method != TS_GET && !strstr(e->target, "/oauth/token") &&
                       !strstr(e->target, "/search") && !strstr(e->target, "/audits");
}

static void on_exchange(struct ts_sim_exchange *e, void *userdata)
{
        struct world *w = userdata;

        w->observe(e, userdata);
}

static void load_settings(struct world *w, const char *settings)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(1024 * 1024);
        char path[128];
        int r;

        put_file(w, "acme", "no-secret");
        put_file(w, "settings.yaml", settings);
        r = ts_settings_load(path_of(w, "settings.yaml", path), &faults, &w->settings);
        ts_faults_print(&faults, false, &text);
        ck_assert_msg(r >= 0, "%s", ts_buf_text(&text));
}

/* In the place of those that there were. */
static void load_declarations(struct world *w, const char *declarations)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(1024 * 1024);
        char path[128];
        int r;

        ts_declarations_free(w->declarations);
        w->declarations = NULL;
        put_file(w, "trusts.yaml", declarations);
        r = ts_declarations_load(path_of(w, "trusts.yaml", path), w->settings, NULL, &faults,
                                 &w->declarations);
        ts_faults_print(&faults, false, &text);
        ck_assert_msg(r >= 0, "%s", ts_buf_text(&text));
}

static void make_simulator(struct world *w)
{
        TS_CLEANUP(ts_freep) char *json = ts_strdup(fixture);
        struct ts_err err = { 0 };

        for (char *p = json; *p != '\0'; p++)
                if (*p == '\'')
                        *p = '"';
        ts_virtual_clock_init(&w->time, 1, STARTED);
        w->server_clock = ts_virtual_clock_get(&w->time, 0);
        w->clock = ts_virtual_clock_get(&w->time, 2);
        ck_assert_msg(ts_simulator_new(json, strlen(json), &w->server_clock, &w->sim, &err) >= 0, "%s",
                      err.msg);
        w->network = ts_sim_network_new(&(struct ts_sim_network_options){ .sim = w->sim,
                                                                          .clock = &w->time,
                                                                          .latency_usec = 20000,
                                                                          .on_before = on_exchange,
                                                                          .userdata = w });
}

/* @more: what stands in the organization's settings, @settings: behind it. */
static void world_init(struct world *w, bool has_id, const char *more, const char *settings,
                       const char *declarations)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(65536);
        char path[128];

        *w = (struct world){ .directory = "/tmp/test_cycle.XXXXXX", .observe = on_before };
        ck_assert_ptr_nonnull(mkdtemp(w->directory));
        ck_assert_int_eq(mkdir(path_of(w, "state", path), 0700), 0);
        make_simulator(w);
        ts_buf_printf(&text,
                      "version: 1\n"
                      "organizations:\n"
                      "  acme:\n"
                      "    api_url: http://127.0.0.1:1\n"
                      "    login_url: http://127.0.0.1:1\n"
                      "    client_id: 5b6c7d8e-0000-4000-8000-000000000001\n"
                      "    client_secret: credential:acme\n"
                      "%s%s"
                      "trusts: trusts.yaml\n"
                      "%s",
                      has_id ? "    id: " ACME "\n" : "", more, settings);
        load_settings(w, ts_buf_text(&text));
        if (declarations)
                load_declarations(w, declarations);
        w->transport = ts_transport_sim_new(w->network);
        w->clients = ts_clients_new(&(struct ts_clients_options){
                        .settings = w->settings, .clock = &w->clock, .credentials_directory = w->directory });
        ts_clients_use(w->clients, w->transport);
}

static void world_done(struct world *w)
{
        static const char *const names[] = { STATE, LOCK, "settings.yaml", "trusts.yaml", "acme" };
        char path[128];

        ts_clients_free(w->clients);
        ts_transport_free(w->transport);
        ts_sim_network_free(w->network);
        ts_simulator_free(w->sim);
        ts_declarations_free(w->declarations);
        ts_settings_free(w->settings);
        for (size_t i = 0; i < TS_N_ELEMENTS(names); i++)
                (void) unlink(path_of(w, names[i], path)); /* some are not there */
        (void) rmdir(path_of(w, "state", path));
        (void) rmdir(w->directory);
}

/* "held user.remove bob" and so on, by line; then what was refused, and "incomplete". */
static void put_plan(const struct ts_cycle_result *c, struct ts_buf *out)
{
        const struct ts_plan *plan = c->n_organizations > 0 ? c->organizations[0].plan : NULL;

        for (size_t i = 0; i < c->report.n_refusals; i++)
                ts_buf_printf(out, "refused %s\n", c->report.refusals[i].limit);
        for (size_t i = 0; plan && i < plan->n_changes; i++) {
                const struct ts_change *change = &plan->changes[i];
                const char *name = change->subject_name ? change->subject_name : change->trust_name;

                ts_buf_printf(out, "%s %s %.*s\n", ts_result_to_string(ts_change_result(change)),
                              ts_action_to_string(change->action), (int) strcspn(name, "@"), name);
        }
        for (size_t i = 0; plan && i < plan->n_refusals; i++)
                ts_buf_printf(out, "refused %s\n", plan->refusals[i].limit);
        if (plan && !plan->complete)
                ts_buf_puts(out, "incomplete\n");
}

static void note_first(struct world *w, const struct ts_cycle_result *c)
{
        const struct ts_plan *plan = c->n_organizations > 0 ? c->organizations[0].plan : NULL;
        const char *note = plan && plan->n_changes > 0 ? ts_change_note(&plan->changes[0]) : NULL;

        (void) snprintf(w->note, sizeof(w->note), "%s", note ? note : "");
}

/* Returns the exit status. */
static int run(struct world *w, struct ts_cycle_options options, struct ts_buf *plan,
               struct ts_digest_text *ret_digest)
{
        TS_CLEANUP(ts_state_store_freep) struct ts_state_store *state = NULL;
        TS_CLEANUP(ts_cycle_freep) struct ts_cycle *cycle = NULL;
        const struct ts_cycle_result *result;
        char path[128];

        options.settings = w->settings;
        options.declarations = w->declarations;
        options.clients = w->clients;
        options.clock = &w->clock;
        state = ts_state_store_open_directory(path_of(w, "state", path), options.mode != TS_CYCLE_PLAN);
        options.state = state;
        w->n_writes = 0;
        cycle = ts_cycle_run(&options);
        ts_buf_reset(plan);
        result = ts_cycle_get_result(cycle);
        put_plan(result, plan);
        note_first(w, result);
        if (ret_digest)
                *ret_digest = ts_digest_format(&result->report.digest);
        return result->exit_status;
}

/* The removals on record; -1: there is no record. */
static int removals_on_record(const struct world *w, uint32_t *ret_trusts)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = NULL;
        struct ts_state_directory state;
        struct ts_id id;
        char path[128];
        int n;

        if (!has_file(w, STATE))
                return -1;
        ck_assert(ts_id_parse_string(ACME, &id));
        ts_state_directory_open(&state, path_of(w, "state", path), false);
        m = ts_state_directory_load(&state, &id);
        ck_assert(m->status == TS_LAST_APPLIED_KNOWN || m->status == TS_LAST_APPLIED_FRESH);
        n = (int) ts_last_applied_removals_of_day(m, ts_clock_realtime(&w->clock), 0, ret_trusts);
        ts_state_directory_close(&state);
        return n;
}

static void be_silent(const struct ts_log_entry *entry, void *userdata)
{
        (void) entry;
        (void) userdata;
}

/* ------------------------------------------------------------------------------------------------- cases */

#define OBSERVE "    mode: observe\n"
#define ENFORCE "    mode: enforce\n"
#define PLANNED "planned user.remove bob\nplanned user.remove eve\n"
#define APPLIED "applied user.remove bob\napplied user.remove eve\n"

static const struct {
        const char *name;
        enum ts_cycle_mode mode;
        const char *more, *settings, *declarations;
        const char *paused, *digest;
        bool has_no_id, deny_only;
        const char *plan;
        int status;
        unsigned n_writes;
        int on_record; /* removals; -1: no record is made */
        unsigned trusts_on_record;
} cases[] = {
        { .name = "the daemon observes", .mode = TS_CYCLE_BY_MODE, .more = OBSERVE, .plan = PLANNED },
        { .name = "by itself", .mode = TS_CYCLE_BY_MODE, .more = "", .plan = PLANNED },
        { .name = "the daemon enforces",
          .mode = TS_CYCLE_BY_MODE,
          .more = ENFORCE,
          .plan = APPLIED,
          .n_writes = 2,
          .on_record = 2 },
        { .name = "a dry run where the daemon enforces",
          .mode = TS_CYCLE_PLAN,
          .more = ENFORCE,
          .plan = PLANNED,
          .on_record = -1 },
        { .name = "once where the daemon observes",
          .mode = TS_CYCLE_APPLY,
          .more = OBSERVE,
          .plan = APPLIED,
          .n_writes = 2,
          .on_record = 2 },
        { .name = "without an id nothing is written",
          .mode = TS_CYCLE_APPLY,
          .more = "",
          .has_no_id = true,
          .plan = "",
          .status = TS_EXIT_SETTINGS,
          .on_record = -1 },
        { .name = "nor by the daemon",
          .mode = TS_CYCLE_BY_MODE,
          .more = ENFORCE,
          .has_no_id = true,
          .plan = "",
          .status = TS_EXIT_SETTINGS,
          .on_record = -1 },
        { .name = "without an id the daemon observes, and remembers nothing",
          .mode = TS_CYCLE_BY_MODE,
          .more = OBSERVE,
          .has_no_id = true,
          .plan = PLANNED,
          .on_record = -1 },
        { .name = "paused",
          .mode = TS_CYCLE_BY_MODE,
          .more = ENFORCE,
          .settings = "deny: { users: [eve@contoso.example] }\n",
          .paused = "paused by somebody",
          .plan = "held user.remove bob\napplied user.remove eve\n",
          .n_writes = 1 },
        { .name = "over a limit",
          .mode = TS_CYCLE_BY_MODE,
          .more = ENFORCE,
          .settings = "limits: { removals_per_cycle: 1 }\ndeny: { users: [fay@fabrikam.example] }\n",
          .plan = "held user.remove bob\nheld user.remove eve\napplied user.remove fay\n"
                  "refused removals_per_cycle\n",
          .status = TS_EXIT_REFUSED,
          .n_writes = 1 },
        { .name = "another plan than the reviewed one",
          .mode = TS_CYCLE_APPLY,
          .more = "",
          .digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000",
          .plan = "held user.remove bob\nheld user.remove eve\nrefused plan_digest\n",
          .status = TS_EXIT_REFUSED },
        { .name = "no declarations are in force",
          .mode = TS_CYCLE_BY_MODE,
          .more = ENFORCE,
          .settings = "deny: { users: [eve@contoso.example] }\nunlisted_trusts: remove\n",
          .deny_only = true,
          .plan = "applied user.remove eve\n",
          .n_writes = 1,
          .on_record = 0 }, /* the account that was denied is */
        { .name = "and the daemon observes",
          .mode = TS_CYCLE_BY_MODE,
          .more = OBSERVE,
          .settings = "deny: { users: [eve@contoso.example] }\nunlisted_trusts: remove\n",
          .deny_only = true,
          .plan = "planned user.remove eve\n",
          .on_record = 0 },
        { .name = "a trust is removed by being disabled",
          .mode = TS_CYCLE_APPLY,
          .more = "",
          .settings = "unlisted_trusts: remove\n",
          .declarations = no_fabrikam,
          .plan = "applied trust.disable Fabrikam\n",
          .n_writes = 1,
          .on_record = 1,
          .trusts_on_record = 1 },
        { .name = "what is denied is not on record",
          .mode = TS_CYCLE_APPLY,
          .more = "",
          .settings = "deny: { organizations: [" FABRIKAM "] }\n",
          .declarations = no_fabrikam,
          .plan = "applied trust.disable Fabrikam\n",
          .n_writes = 1 },
};

START_TEST(test_cycle)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        uint32_t n_trusts = 0;
        int status, on_record;

        world_init(&w, !cases[_i].has_no_id, cases[_i].more, cases[_i].settings ? cases[_i].settings : "",
                   cases[_i].deny_only      ? NULL
                   : cases[_i].declarations ? cases[_i].declarations
                                            : only_ann);
        status = run(&w,
                     (struct ts_cycle_options){ .mode = cases[_i].mode,
                                                .deny_only = cases[_i].deny_only,
                                                .paused = cases[_i].paused,
                                                .plan_digest = cases[_i].digest },
                     &plan, NULL);
        ck_assert_msg(strcmp(ts_buf_text(&plan), cases[_i].plan) == 0, "%s:\nwanted\n%sgot\n%s",
                      cases[_i].name, cases[_i].plan, ts_buf_text(&plan));
        ck_assert_msg(status == cases[_i].status, "%s: status %d", cases[_i].name, status);
        ck_assert_msg(w.n_writes == cases[_i].n_writes, "%s: %zu writes", cases[_i].name, w.n_writes);
        on_record = removals_on_record(&w, &n_trusts);
        ck_assert_msg(on_record == cases[_i].on_record, "%s: %d on record", cases[_i].name, on_record);
        ck_assert_uint_eq(n_trusts, cases[_i].trusts_on_record);
        ck_assert(!has_file(&w, STATE_OF_NOBODY));
        if (cases[_i].mode == TS_CYCLE_PLAN)
                ck_assert(!has_file(&w, LOCK));
}
END_TEST

/* The digest of a dry run applies what a limit refuses, and only that. */
START_TEST(test_digest_of_the_reviewed_plan)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        struct ts_digest_text digest, other;

        world_init(&w, true, "", "limits: { removals_per_cycle: 0 }\n", only_ann);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_PLAN }, &plan, &digest),
                         TS_EXIT_REFUSED);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, &other),
                         TS_EXIT_REFUSED);
        ck_assert_str_eq(digest.s, other.s);
        ck_assert_uint_eq(w.n_writes, 0);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY, .plan_digest = digest.s },
                             &plan, NULL),
                         0);
        ck_assert_str_eq(ts_buf_text(&plan), APPLIED);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY, .plan_digest = digest.s },
                             &plan, &other),
                         TS_EXIT_REFUSED);
        ck_assert_str_ne(digest.s, other.s);
}
END_TEST

/* What the record says was removed today counts, and what was planned and not sent does not. */
START_TEST(test_removals_of_the_day)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        uint32_t n_trusts;
        static const char gone[] = "[{\"match\":{\"method\":\"GET\",\"path\":\"/api/v2/orgauthorization/"
                                   "trustees/" CONTOSO "/users/c0000000-0000-4000-8000-000000000002\"},"
                                   "\"status\":403}]";
        struct ts_err err = { 0 };

        world_init(&w, true, "", "limits: { removals_per_day: 2 }\n", only_ann);
        ck_assert_msg(ts_simulator_set_faults(w.sim, gone, strlen(gone), &err) >= 0, "%s", err.msg);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                         TS_EXIT_FAILURE);
        ck_assert_str_eq(ts_buf_text(&plan), "failed user.remove bob\napplied user.remove eve\n");
        ck_assert_int_eq(removals_on_record(&w, &n_trusts), 1);

        ck_assert_int_ge(ts_simulator_set_faults(w.sim, "[]", 2, &err), 0);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&plan), "applied user.remove bob\n");
        ck_assert_int_eq(removals_on_record(&w, &n_trusts), 2);
}
END_TEST

/* A record that cannot be believed: nothing is removed, and it is left as it is. */
static const char *const lost[] = { "no record of ours\n", "trustsyncd-state 3\n" };

START_TEST(test_damaged_record)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536), text = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        char path[128];

        world_init(&w, true, "", "", only_ann);
        put_file(&w, STATE, lost[_i]);
        for (int i = 0; i < 3; i++) {
                struct ts_digest_text digest;
                struct ts_cycle_options options = { .mode = TS_CYCLE_APPLY };

                if (i == 2) { /* a digest lifts limits, and this is none */
                        (void) run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_PLAN }, &plan, &digest);
                        options.plan_digest = digest.s;
                }
                ck_assert_int_eq(run(&w, options, &plan, NULL), TS_EXIT_REFUSED);
                ck_assert_str_eq(ts_buf_text(&plan),
                                 "held user.remove bob\nheld user.remove eve\nrefused state\n");
                ck_assert_uint_eq(w.n_writes, 0);
        }
        ck_assert_int_ge(ts_file_read(AT_FDCWD, path_of(&w, STATE, path), &text, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&text), lost[_i]);
}
END_TEST

/* What was left out with -o is not even looked at. */
START_TEST(test_left_out)
{
        static const char *const others[] = { "globex" };
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;

        world_init(&w, true, "", "", only_ann);
        ck_assert_int_eq(run(&w,
                             (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY,
                                                        .organizations = others,
                                                        .n_organizations = 1 },
                             &plan, NULL),
                         0);
        ck_assert_str_eq(ts_buf_text(&plan), "");
        ck_assert_uint_eq(ts_sim_network_n_requests(w.network), 0);
}
END_TEST

/* A dry run makes nothing, not even a directory. */
START_TEST(test_state_directory)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        char path[128];

        world_init(&w, true, "", "", only_ann);
        ck_assert_int_eq(rmdir(path_of(&w, "state", path)), 0);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_PLAN }, &plan, NULL), 0);
        ck_assert(!has_file(&w, "state"));
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert(has_file(&w, STATE));
}
END_TEST

/* Where the record is no file nothing is removed; a dry run plans, and says that it knows of no limit. */
START_TEST(test_record_that_cannot_be_read)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        char path[128];

        world_init(&w, true, "", "", only_ann);
        ck_assert_int_eq(mkdir(path_of(&w, STATE, path), 0700), 0);
        (void) run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL);
        ck_assert_str_eq(ts_buf_text(&plan), "held user.remove bob\nheld user.remove eve\nrefused state\n");
        ck_assert_uint_eq(w.n_writes, 0);
        (void) rmdir(path_of(&w, STATE, path));
}
END_TEST

#define DAYS(n) ((n) *24 * 3600L)

/* The limit of the day is used up, and used up it stays, whatever a clock says when they were removed, or
 * when the next one is to be: only a day later, by clocks that are right, there may be more. */
static const struct {
        unsigned stream; /* 0: the server's clock is wrong; 2: ours */
        int64_t first_sec, then_sec;
} jumps[] = {
        { 0, 0, DAYS(2) },  { 0, 0, -DAYS(2) },  { 0, DAYS(2), 0 },         { 0, -DAYS(2), 0 },
        { 0, 0, DAYS(30) }, { 0, -DAYS(30), 0 }, { 0, DAYS(2), -DAYS(2) },  { 0, -DAYS(2), DAYS(2) },
        { 2, 0, DAYS(2) },  { 2, 0, -DAYS(2) },  { 2, DAYS(2), 0 },         { 2, -DAYS(2), 0 },
        { 2, 0, DAYS(30) }, { 2, -DAYS(30), 0 }, { 2, DAYS(30), -DAYS(2) }, { 2, -DAYS(2), DAYS(2) },
};

START_TEST(test_removals_of_the_day_by_two_clocks)
{
        static const char refused[] = "held user.remove ann\nrefused removals_per_day\n";
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        const struct ts_cycle_options apply = { .mode = TS_CYCLE_APPLY };
        const int64_t skews[] = { jumps[_i].then_sec, jumps[_i].then_sec, 0 };

        world_init(&w, true, "", "limits: { removals_per_day: 2 }\n", only_ann);
        w.time.streams[jumps[_i].stream].skew_sec = jumps[_i].first_sec;
        ck_assert_int_eq(run(&w, apply, &plan, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&plan), APPLIED);
        load_declarations(&w, nobody);
        for (size_t i = 0; i < TS_N_ELEMENTS(skews); i++) {
                w.time.streams[jumps[_i].stream].skew_sec = skews[i];
                ck_assert_int_eq(run(&w, apply, &plan, NULL), TS_EXIT_REFUSED);
                ck_assert_str_eq(ts_buf_text(&plan), refused);
                ck_assert_uint_eq(w.n_writes, 0);
        }
        ts_virtual_clock_advance_to(&w.time, w.time.boottime_usec + DAYS(1) * TS_USEC_PER_SEC);
        ck_assert_int_eq(run(&w, apply, &plan, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&plan), "applied user.remove ann\n");
}
END_TEST

/* Removals are on record in the server's time, however wrong our clock is. */
START_TEST(test_clock_that_is_wrong)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = NULL;
        TS_CLEANUP(world_done) struct world w;
        struct ts_state_directory state;
        struct ts_id id;
        char path[128];

        world_init(&w, true, "", "", only_ann);
        w.time.streams[2].skew_sec = -3L * 24 * 3600;
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert(ts_id_parse_string(ACME, &id));
        ts_state_directory_open(&state, path_of(&w, "state", path), false);
        m = ts_state_directory_load(&state, &id);
        ts_state_directory_close(&state);
        ck_assert_uint_eq(m->n_removals, 1);
        ck_assert_uint_eq(m->removals[0].n, 2);
        ck_assert_int_lt(llabs(m->removals[0].when - ts_clock_realtime(&w.server_clock)), 60);
}
END_TEST

static void set_clock_back_at_a_write(struct ts_sim_exchange *e, void *userdata)
{
        struct world *w = userdata;

        on_before(e, userdata);
        if (w->n_writes > 0)
                w->time.streams[2].skew_sec = -10L * 24 * 3600;
}

/* A trust that is disabled while somebody sets the clock is not deleted by what that clock said. */
START_TEST(test_clock_that_is_set_meanwhile)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;

        world_init(&w, true, "", "unlisted_trusts: remove\ndelete_after: 24h\n", no_fabrikam);
        w.observe = set_clock_back_at_a_write;
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&plan), "applied trust.disable Fabrikam\n");
        w.observe = on_before;
        w.time.streams[2].skew_sec = 0;
        for (unsigned i = 0; i < 2; i++) {
                ts_virtual_clock_advance_to(&w.time, w.time.boottime_usec + 600 * UINT64_C(1000000));
                ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                                 0);
                ck_assert_str_eq(ts_buf_text(&plan), "waiting trust.delete Fabrikam\n");
        }
}
END_TEST

/* A list that was not read to its end: nothing is removed, and it is a failure. */
START_TEST(test_incomplete)
{
        static const char denied[] = "[{\"match\":{\"method\":\"GET\",\"path\":\"/api/v2/orgauthorization/"
                                     "trustees/" CONTOSO "/users\"},\"status\":403}]";
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        struct ts_err err = { 0 };

        world_init(&w, true, "", "", only_ann);
        ck_assert_msg(ts_simulator_set_faults(w.sim, denied, strlen(denied), &err) >= 0, "%s", err.msg);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                         TS_EXIT_FAILURE);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&plan), "incomplete\n"));
        ck_assert_ptr_null(strstr(ts_buf_text(&plan), "applied"));
        ck_assert_uint_eq(w.n_writes, 0);
}
END_TEST

/* The same where nothing but `deny` is done: whether the denied one is in is not known. */
START_TEST(test_list_that_deny_cannot_read)
{
        static const char denied[] = "[{\"match\":{\"method\":\"GET\",\"path\":\"/api/v2/orgauthorization/"
                                     "trustees/" CONTOSO "/users\"},\"status\":403}]";
        const struct ts_cycle_options options = { .mode = TS_CYCLE_BY_MODE, .deny_only = true };
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        struct ts_err err = { 0 };

        world_init(&w, true, ENFORCE, "deny: { users: [mallory@contoso.example] }\n", NULL);
        ck_assert_int_eq(run(&w, options, &plan, NULL), 0);
        ck_assert_msg(ts_simulator_set_faults(w.sim, denied, strlen(denied), &err) >= 0, "%s", err.msg);
        ck_assert_int_eq(run(&w, options, &plan, NULL), TS_EXIT_FAILURE);
        ck_assert_uint_eq(w.n_writes, 0);
}
END_TEST

/* What could not be read is a failure, too, where no change depends on it. */
START_TEST(test_care_that_cannot_be_read)
{
        static const char denied[] = "[{\"match\":{\"path\":\"/api/v2/orgauthorization/trustees/default\"},"
                                     "\"status\":403}]";
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        struct ts_err err = { 0 };

        world_init(&w, true, "", "unlisted_trusts: remove\n",
                   "version: 1\n"
                   "organization: acme\n"
                   "trustees: { contoso: { id: " CONTOSO " }, fabrikam: { id: " FABRIKAM " } }\n");
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&plan), "");
        ck_assert_msg(ts_simulator_set_faults(w.sim, denied, strlen(denied), &err) >= 0, "%s", err.msg);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                         TS_EXIT_FAILURE);
        ck_assert_str_eq(ts_buf_text(&plan), "incomplete\n");
}
END_TEST

/* What was written and does not show yet is not written again. */
START_TEST(test_propagation)
{
        static const char slow[] = "[{\"match\":{\"method\":\"DELETE\"},\"slow_propagation_ms\":120000}]";
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        struct ts_err err = { 0 };

        world_init(&w, true, "", "", only_ann);
        ck_assert_msg(ts_simulator_set_faults(w.sim, slow, strlen(slow), &err) >= 0, "%s", err.msg);
        for (unsigned i = 0; i < 2; i++) {
                ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                                 0);
                ck_assert_str_eq(ts_buf_text(&plan), "waiting user.remove bob\nwaiting user.remove eve\n");
                ck_assert_uint_eq(w.n_writes, i == 0 ? 2 : 0);
        }
        ts_virtual_clock_advance_to(&w.time, w.time.boottime_usec + 120 * TS_USEC_PER_SEC);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&plan), "");
}
END_TEST

/* The planned removals are on record before the first of them is sent. */
static void check_last_applied(struct ts_sim_exchange *e, void *userdata)
{
        struct world *w = userdata;
        uint32_t n_trusts;

        on_before(e, w);
        if (e->request->method == TS_DELETE)
                ck_assert_int_eq(removals_on_record(w, &n_trusts), 2);
}

START_TEST(test_record_comes_first)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;

        world_init(&w, true, "", "", only_ann);
        w.observe = check_last_applied;
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert_uint_eq(w.n_writes, 2);
}
END_TEST

/* Where they cannot be put on record, none is sent. */
static void block_record(struct ts_sim_exchange *e, void *userdata)
{
        struct world *w = userdata;
        char path[128];

        on_before(e, w);
        (void) mkdir(path_of(w, STATE, path), 0700); /* a file cannot be put in its place */
}

START_TEST(test_record_that_cannot_be_written)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        char path[128];

        world_init(&w, true, "", "", only_ann);
        w.observe = block_record;
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                         TS_EXIT_FAILURE);
        ck_assert_str_eq(ts_buf_text(&plan), PLANNED);
        ck_assert_uint_eq(w.n_writes, 0);
        ck_assert_int_eq(rmdir(path_of(&w, STATE, path)), 0);
}
END_TEST

/* A cycle that finds nothing to do does not touch the record, and leaves no client that may write. */
START_TEST(test_second_cycle)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        struct ts_call call = { .op = TS_OP_DELETE_TRUSTEE };
        struct ts_batch batch = { .calls = &call, .n = 1 };
        struct ts_err err = { 0 };
        struct stat first, second;
        char path[128];

        world_init(&w, true, "", "", only_ann);
        ck_assert(ts_id_parse_string(FABRIKAM, &call.ids[0]));
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert_int_eq(
                        ts_client_run(ts_clients_get(w.clients, &w.settings->organizations[0]), &batch, &err),
                        -EROFS);
        for (int i = 0; i < 2; i++) { /* the first of them records that everything shows */
                ck_assert_int_eq(stat(path_of(&w, STATE, path), &first), 0);
                ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                                 0);
                ck_assert_str_eq(ts_buf_text(&plan), "");
                ck_assert_uint_eq(w.n_writes, 0);
        }
        ck_assert_int_eq(stat(path, &second), 0);
        ck_assert_uint_eq(first.st_ino, second.st_ino);
}
END_TEST

START_TEST(test_one_writer)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        struct ts_state_directory state;
        struct ts_err err = { 0 };
        struct ts_id id;
        char path[128];
        int lock;

        world_init(&w, true, OBSERVE, "", only_ann);
        ck_assert(ts_id_parse_string(ACME, &id));
        ts_state_directory_open(&state, path_of(&w, "state", path), true);
        lock = ts_state_directory_lock(&state, &id, "acme", &err);
        ck_assert_int_ge(lock, 0);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                         TS_EXIT_BUSY);
        ck_assert_str_eq(ts_buf_text(&plan), "");
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_BY_MODE }, &plan, NULL),
                         TS_EXIT_BUSY);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_PLAN }, &plan, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&plan), PLANNED);
        close(lock);
        ts_state_directory_close(&state);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&plan), "");
}
END_TEST

/* -------------------------------------------------------------------- who is let in again within the turn */

#define EVE "c0000000-0000-4000-8000-000000000003"
#define CLONE_EVE \
        "{\"organization\":\"Acme\",\"do\":\"add_clone\",\"trust\":\"" CONTOSO "\",\"user\":\"" EVE "\"}"
#define ADD_EVE \
        "{\"organization\":\"Acme\",\"do\":\"add_member\",\"trust\":\"" CONTOSO "\",\"user\":{\"id\":\"" EVE \
        "\"}}"

static void put_back(struct ts_sim_exchange *e, void *userdata)
{
        struct world *w = userdata;
        struct ts_err err = { 0 };

        if (e->request->method == TS_GET && w->is_removed && w->n_put_back > 0) {
                ck_assert_msg(ts_simulator_edit(w->sim, w->put_back, strlen(w->put_back), &err) >= 0, "%s",
                              err.msg);
                w->n_put_back--;
                w->is_removed = false;
        }
        w->is_removed = w->is_removed || e->request->method == TS_DELETE;
        on_before(e, w);
}

/* All waiting for writes to show, of `deny` and of everything else, takes at most 30 s of a turn. */
#define TURN_MAX_SEC 31

static const struct {
        const char *name, *edit, *faults;
        size_t n; /* how often she is let in again */
        const char *plan;
        int status;
        unsigned max_sec, n_writes;
} put_backs[] = {
        { "a denied member", ADD_EVE, NULL, 1, "applied user.remove eve\n", 0, 1, 2 },
        { "a denied member, again and again", ADD_EVE, NULL, 100, "waiting user.remove eve\n",
          TS_EXIT_FAILURE, 1, 3 },
        { "a denied clone", CLONE_EVE, NULL, 1, "applied clone.remove Eve\n", 0, 3, 2 },
        { "a denied clone, again and again", CLONE_EVE, NULL, 100, "waiting clone.remove Eve\n",
          TS_EXIT_FAILURE, TURN_MAX_SEC, 3 },
        { "a denied clone, whose list lags", CLONE_EVE,
          "[{\"match\":{\"method\":\"DELETE\"},\"slow_propagation_ms\":120000}]", 0,
          "waiting clone.remove Eve\n", TS_EXIT_FAILURE, TURN_MAX_SEC, 3 },
        { "a denied clone that cannot be read back", CLONE_EVE,
          "[{\"match\":{\"method\":\"GET\",\"path\":\"*/clonedusers\"},\"after\":2,\"status\":503}]", 0,
          "waiting clone.remove Eve\n", TS_EXIT_FAILURE, TURN_MAX_SEC, 3 },
};

static bool is_clone(const char *edit)
{
        return strstr(edit, "add_clone") != NULL;
}

/* She is in once: as a member, or as a clone of somebody who is none. */
static void world_of_eve(struct world *w, const char *edit, const char *settings, const char *declarations)
{
        static const char remove[] =
                        "{\"organization\":\"Acme\",\"do\":\"remove_member\",\"trust\":\"" CONTOSO
                        "\",\"user\":\"" EVE "\"}";
        struct ts_err err = { 0 };

        world_init(w, true, "", settings, declarations);
        if (!is_clone(edit))
                return;
        ck_assert_int_ge(ts_simulator_edit(w->sim, edit, strlen(edit), &err), 0);
        ck_assert_int_ge(ts_simulator_edit(w->sim, remove, strlen(remove), &err), 0);
}

START_TEST(test_put_back)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        struct ts_err err = { 0 };
        uint64_t began;
        int status;

        world_of_eve(&w, put_backs[_i].edit, "deny: { users: [" EVE "] }\n",
                     "version: 1\norganization: acme\ntrustees:\n  contoso: { id: " CONTOSO " }\n"
                     "  fabrikam: { id: " FABRIKAM " }\n");
        if (put_backs[_i].faults)
                ck_assert_int_ge(ts_simulator_set_faults(w.sim, put_backs[_i].faults,
                                                         strlen(put_backs[_i].faults), &err),
                                 0);
        w.observe = put_back;
        w.put_back = put_backs[_i].edit;
        w.n_put_back = put_backs[_i].n;
        began = w.time.boottime_usec;
        status = run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL);
        ck_assert_msg(strcmp(ts_buf_text(&plan), put_backs[_i].plan) == 0, "%s: %s", put_backs[_i].name,
                      ts_buf_text(&plan));
        ck_assert_msg(status == put_backs[_i].status, "%s: status %d", put_backs[_i].name, status);
        ck_assert_msg(w.n_writes == put_backs[_i].n_writes, "%s: %zu writes", put_backs[_i].name, w.n_writes);
        ck_assert_msg(w.time.boottime_usec - began <= put_backs[_i].max_sec * TS_USEC_PER_SEC, "%s: %llu us",
                      put_backs[_i].name, (unsigned long long) (w.time.boottime_usec - began));
        if (w.note[0] != '\0')
                message_is(put_backs[_i].name, w.note);
}
END_TEST

/* What was seen gone and is there again was let in by somebody, also where no date tells: it is removed again
 * at once, as drift. */
START_TEST(test_put_back_between_cycles)
{
        static const char *const edits[] = { ADD_EVE, CLONE_EVE };
        static const char *const plans[] = { "applied user.remove eve\n", "applied clone.remove Eve\n" };
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;
        struct ts_err err = { 0 };

        world_of_eve(&w, edits[_i], "",
                     "version: 1\norganization: acme\ntrustees:\n"
                     "  contoso: { id: " CONTOSO ", clones: [], users: { ann@contoso.example: {}, "
                     "bob@contoso.example: {} } }\n"
                     "  fabrikam: { id: " FABRIKAM " }\n");
        for (int i = 0; i < 3; i++) {
                ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                                 0);
                ck_assert_str_eq(ts_buf_text(&plan), plans[_i]);
                ck_assert_msg((i > 0) == (strstr(w.note, "and let in again") != NULL), "%d: %s", i, w.note);
                ck_assert_int_ge(ts_simulator_edit(w.sim, edits[_i], strlen(edits[_i]), &err), 0);
        }
}
END_TEST

/* Declarations that name another organization are a checkout that failed. */
START_TEST(test_unnamed)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(65536);
        TS_CLEANUP(world_done) struct world w;

        world_init(&w, true, ENFORCE, "deny: { users: [eve@contoso.example] }\nunlisted_trusts: remove\n",
                   only_ann);
        w.declarations->organizations[0].alias = "globex";
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_APPLY }, &plan, NULL),
                         TS_EXIT_REFUSED);
        ck_assert_str_eq(ts_buf_text(&plan), "refused unnamed_organization\n");
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_PLAN }, &plan, NULL),
                         TS_EXIT_REFUSED);
        ck_assert_int_eq(run(&w, (struct ts_cycle_options){ .mode = TS_CYCLE_BY_MODE }, &plan, NULL),
                         TS_EXIT_REFUSED);
        ck_assert_str_eq(ts_buf_text(&plan), "refused unnamed_organization\napplied user.remove eve\n");
        ck_assert_uint_eq(w.n_writes, 1);
        ck_assert(has_file(&w, STATE)); /* the account that was denied */
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("cycle");
        TCase *t = tcase_create("cycle");

        ts_log_set_sink(be_silent, NULL);
        tcase_set_timeout(t, 60);
        tcase_add_loop_test(t, test_cycle, 0, TS_N_ELEMENTS(cases));
        tcase_add_test(t, test_digest_of_the_reviewed_plan);
        tcase_add_test(t, test_removals_of_the_day);
        tcase_add_test(t, test_clock_that_is_set_meanwhile);
        tcase_add_loop_test(t, test_removals_of_the_day_by_two_clocks, 0, TS_N_ELEMENTS(jumps));
        tcase_add_loop_test(t, test_damaged_record, 0, TS_N_ELEMENTS(lost));
        tcase_add_test(t, test_left_out);
        tcase_add_test(t, test_state_directory);
        tcase_add_test(t, test_record_that_cannot_be_read);
        tcase_add_test(t, test_clock_that_is_wrong);
        tcase_add_test(t, test_incomplete);
        tcase_add_test(t, test_list_that_deny_cannot_read);
        tcase_add_test(t, test_care_that_cannot_be_read);
        tcase_add_test(t, test_propagation);
        tcase_add_test(t, test_record_comes_first);
        tcase_add_test(t, test_record_that_cannot_be_written);
        tcase_add_test(t, test_second_cycle);
        tcase_add_test(t, test_one_writer);
        tcase_add_loop_test(t, test_put_back, 0, TS_N_ELEMENTS(put_backs));
        tcase_add_loop_test(t, test_put_back_between_cycles, 0, 2);
        tcase_add_test(t, test_unnamed);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
