#include "house.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

#define STATE_FILE "state/organization-" PROVE_ORGANIZATION_ID ".state"
#define SKIPPED_CYCLE_SEC 60u /* between two cycles */
#define LATENCY_USEC (20 * TS_USEC_PER_MSEC)
#define JITTER_USEC (10 * TS_USEC_PER_MSEC)
/* A fresh read and the write after it: two exchanges, and one of somebody else in the same chunk. */
#define RACE_USEC (3 * (LATENCY_USEC + JITTER_USEC))

static char directory[] = "/dev/shm/trustsyncd-prove.XXXXXX";
static bool has_directory;

static _Noreturn void fail(const char *what, const char *why)
{
        fprintf(stderr, "prove: %s: %s\n", what, why);
        exit(99);
}

static const char *path_of(const char *name, char buf[static 256])
{
        (void) snprintf(buf, 256, "%s/%s", directory, name);
        return buf;
}

static void make_directory(void)
{
        char buf[256];

        if (has_directory)
                return;
        if (!mkdtemp(directory)) {
                memcpy(directory, "/tmp/trustsyncd-pro.XXXXXX", sizeof("/tmp/trustsyncd-pro.XXXXXX"));
                if (!mkdtemp(directory))
                        fail("cannot make a directory", strerror(errno));
        }
        has_directory = true;
        if (mkdir(path_of("state", buf), 0700) < 0)
                fail(buf, strerror(errno));
}

void house_remove_directory(void)
{
        static const char *const names[] = { STATE_FILE, "state/organization-" PROVE_ORGANIZATION_ID ".lock",
                                             "settings.yaml", "trusts.yaml", "acme" };
        char buf[256];

        if (!has_directory)
                return;
        for (size_t i = 0; i < TS_N_ELEMENTS(names); i++)
                (void) unlink(path_of(names[i], buf)); /* some are not there */
        (void) rmdir(path_of("state", buf));
        (void) rmdir(directory);
        has_directory = false;
}

static void put_file(const char *name, const char *text, size_t len)
{
        char buf[256];
        TS_CLEANUP(ts_closep)
        int fd = open(path_of(name, buf), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, text, len) != (ssize_t) len)
                fail(buf, strerror(errno));
}

/* ------------------------------------------------------------------------------------------- being killed */

static void keep_state(struct house *h)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_STATE_MAX_BYTES);
        char buf[256];

        h->was_killed = true;
        h->has_kept = ts_file_read(AT_FDCWD, path_of(STATE_FILE, buf), &text, NULL) >= 0;
        free(h->kept);
        h->kept = ts_strndup(ts_buf_text(&text), text.len);
        h->kept_len = text.len;
}

static void bring_back_state(struct house *h)
{
        char buf[256];

        if (h->has_kept)
                put_file(STATE_FILE, h->kept, h->kept_len);
        else
                (void) unlink(path_of(STATE_FILE, buf));
}

static bool writes(const struct ts_sim_exchange *e)
{
        return e->request->method != TS_GET && !strstr(e->target, "/oauth/token") &&
               !strstr(e->target, "/search") && !strstr(e->target, "/audits");
}

static void on_before(struct ts_sim_exchange *e, void *userdata)
{
        struct house *h = userdata;

        if (h->before && h->faults)
                h->before(h, e, h->userdata);
        h->n_writes += writes(e);
        if (e->action == TS_SIM_KILL_BEFORE || e->action == TS_SIM_KILL_AFTER)
                keep_state(h);
}

/* ------------------------------------------------------------------------------------------------ a house */

static void load_files(struct house *h)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(1024 * 1024);
        char settings[256], trusts[256];

        put_file("acme", "no-secret\n", strlen("no-secret\n"));
        put_file("settings.yaml", h->scenario.settings.data, h->scenario.settings.len);
        put_file("trusts.yaml", h->scenario.declarations.data, h->scenario.declarations.len);
        if (ts_settings_load(path_of("settings.yaml", settings), &faults, &h->settings) >= 0 &&
            ts_declarations_load(path_of("trusts.yaml", trusts), h->settings, &faults, &h->declarations) >= 0)
                return;
        ts_faults_print(&faults, false, &text);
        fail("the scenario's own files", ts_buf_text(&text));
}

static void on_violation(const char *text, void *userdata)
{
        struct house *h = userdata;

        if (h->edited_usec > 0 && h->clock.boottime_usec - h->edited_usec <= RACE_USEC) {
                h->n_races++;
                return;
        }
        h->n_violations++;
        fprintf(stderr, "prove: violation: %s\n", text);
}

bool house_edit(struct house *h, const char *text, size_t len)
{
        struct ts_err err = { 0 };

        if (ts_simulator_edit(h->sim, text, len, &err) < 0)
                return false;
        h->edited_usec = h->clock.boottime_usec;
        return true;
}

static void make_simulator(struct house *h)
{
        struct ts_sim_listener listener = { .on_violation = on_violation, .userdata = h };
        struct ts_err err = { 0 };

        if (ts_simulator_new(h->scenario.fixture.data, h->scenario.fixture.len, &h->server_clock, &h->sim,
                             &err) < 0 ||
            ts_simulator_set_invariants(h->sim, h->scenario.invariants.data, h->scenario.invariants.len,
                                        &err) < 0)
                fail("the scenario's fixture", err.msg);
        ts_simulator_set_listener(h->sim, &listener);
}

void house_init(struct house *h, const struct scenario_options *o)
{
        char buf[256];

        *h = (struct house){ .faults = true };
        make_directory();
        (void) unlink(path_of(STATE_FILE, buf)); /* of the house before */
        scenario_init(&h->scenario, o);
        ts_virtual_clock_init(&h->clock, o->seed, PROVE_STARTED);
        h->server_clock = ts_virtual_clock_get(&h->clock, 0);
        h->client_clock = ts_virtual_clock_get(&h->clock, 2);
        make_simulator(h);
        h->network = ts_sim_network_new(&(struct ts_sim_network_options){
                        .sim = h->sim,
                        .clock = &h->clock,
                        .latency_usec = LATENCY_USEC,
                        .jitter_usec = JITTER_USEC,
                        .on_before = on_before,
                        .userdata = h,
        });
        load_files(h);
}

void house_done(struct house *h)
{
        ts_clients_free(h->clients);
        ts_transport_free(h->transport);
        ts_sim_network_free(h->network);
        ts_simulator_free(h->sim);
        ts_declarations_free(h->declarations);
        ts_settings_free(h->settings);
        scenario_done(&h->scenario);
        free(h->kept);
}

/* ------------------------------------------------------------------------------------------------ a cycle */

const char *const guard_words[GUARD_MAX_] = {
        [GUARD_PROTECTED] = "protected by the settings",
        [GUARD_DENIED] = "denied by the settings",
        [GUARD_RE_READ] = "changed by somebody else in the meantime",
        [GUARD_INCOMPLETE] = "could not be read completely",
        [GUARD_UNRESOLVED] = "whose id is not known",
        [GUARD_LIMIT] = "limits.",
        [GUARD_DELETION] = "it is deleted",
};

static void count_guards(const struct ts_change *c, struct outcome *o)
{
        for (enum guard g = 0; c->note && c->result != TS_APPLIED && g < GUARD_MAX_; g++)
                o->guards[g] += strstr(c->note, guard_words[g]) != NULL;
}

static void count_changes(const struct ts_plan *plan, struct outcome *o)
{
        for (size_t i = 0; i < plan->n_changes; i++) {
                count_guards(&plan->changes[i], o);
                switch (plan->changes[i].result) {
                case TS_PLANNED:
                        o->planned++;
                        break;
                case TS_APPLIED:
                        o->applied++;
                        o->applied_of[plan->changes[i].action]++;
                        break;
                case TS_FAILED:
                        o->failed++;
                        break;
                case TS_HELD:
                        o->held++;
                        break;
                case TS_WAITING:
                        o->waiting++;
                        break;
                case TS_SKIPPED:
                        o->skipped++;
                        break;
                }
        }
        o->refusals += (unsigned) plan->n_refusals;
        o->complete = plan->complete;
        o->refused = plan->refused;
}

/* Every cycle is one: a new connection, a new token. */
static void new_process(struct house *h)
{
        ts_clients_free(h->clients);
        ts_transport_free(h->transport);
        h->transport = ts_transport_sim_new(h->network);
        h->clients = ts_clients_new(&(struct ts_clients_options){ .settings = h->settings,
                                                                  .clock = &h->client_clock,
                                                                  .credentials_directory = directory });
        ts_clients_use(h->clients, h->transport);
}

struct outcome house_cycle(struct house *h, enum ts_cycle_mode mode)
{
        TS_CLEANUP(ts_cycle_freep) struct ts_cycle *cycle = NULL;
        struct outcome o = { 0 };
        char state[256];
        struct ts_cycle_options options = {
                .settings = h->settings,
                .declarations = h->declarations,
                .clock = &h->client_clock,
                .state_path = path_of("state", state),
                .mode = mode,
        };
        uint64_t n_requests = ts_sim_network_n_requests(h->network), n_writes = h->n_writes;

        new_process(h);
        options.clients = h->clients;
        h->was_killed = false;
        cycle = ts_cycle_run(&options);
        if (cycle->organizations[0].plan)
                count_changes(cycle->organizations[0].plan, &o);
        o.status = ts_cycle_exit_status(cycle, false);
        ts_cycle_free(TS_TAKE(cycle));
        if (h->was_killed)
                bring_back_state(h);
        o.requests = ts_sim_network_n_requests(h->network) - n_requests;
        o.writes = h->n_writes - n_writes;
        ts_virtual_clock_advance_to(&h->clock, h->clock.boottime_usec + SKIPPED_CYCLE_SEC * TS_USEC_PER_SEC);
        return o;
}

bool outcome_is_converged(const struct outcome *o)
{
        return o->planned == 0 && o->writes == 0;
}

bool house_is_sound(const struct house *h)
{
        return h->n_violations == 0;
}
