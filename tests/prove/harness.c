#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconcile/state_directory.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

#define STATE_FILE "organization-" PROVE_ORGANIZATION_ID ".state"
#define TRUSTS_DIRECTORY "trusts"
#define SKIPPED_CYCLE_SEC 60u /* between two cycles */
#define LATENCY_USEC (20 * TS_USEC_PER_MSEC)
#define JITTER_USEC (10 * TS_USEC_PER_MSEC)
/* A fresh read and the write after it: two exchanges, and one of somebody else in the same chunk. */
#define RACE_USEC (3 * (LATENCY_USEC + JITTER_USEC))

static const char *const state_directories[] = { "state", "state-of-another-host" };
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
        for (size_t i = 0; i < TS_N_ELEMENTS(state_directories); i++)
                if (mkdir(path_of(state_directories[i], buf), 0700) < 0)
                        fail(buf, strerror(errno));
        if (mkdir(path_of(TRUSTS_DIRECTORY, buf), 0700) < 0)
                fail(buf, strerror(errno));
}

static const char *state_path(const char *state, const char *name, char buf[static 256])
{
        (void) snprintf(buf, 256, "%s/%s/%s", directory, state, name);
        return buf;
}

/* All files of a directory of ours, and the directory. */
static void remove_files(const char *path, bool itself)
{
        struct dirent *e;
        DIR *d = opendir(path);

        if (!d)
                return;
        while ((e = readdir(d)))
                if (e->d_name[0] != '.')
                        (void) unlinkat(dirfd(d), e->d_name, 0);
        (void) closedir(d);
        if (itself)
                (void) rmdir(path);
}

static void forget_state(void)
{
        char buf[256];

        for (size_t i = 0; i < TS_N_ELEMENTS(state_directories); i++)
                remove_files(path_of(state_directories[i], buf), false);
}

void harness_remove_directory(void)
{
        char buf[256];

        if (!has_directory)
                return;
        for (size_t i = 0; i < TS_N_ELEMENTS(state_directories); i++)
                remove_files(path_of(state_directories[i], buf), true);
        remove_files(path_of(TRUSTS_DIRECTORY, buf), true);
        remove_files(directory, true);
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

static void keep_state(struct daemon *d)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_STATE_MAX_BYTES);
        char buf[256];

        d->was_killed = true;
        d->has_kept = ts_file_read(AT_FDCWD, state_path(d->state, STATE_FILE, buf), &text, NULL) >= 0;
        free(d->kept);
        d->kept = ts_strndup(ts_buf_text(&text), text.len);
        d->kept_len = text.len;
}

static void bring_back_state(struct daemon *d)
{
        char buf[256], name[256];

        if (d->has_kept) {
                (void) snprintf(name, sizeof(name), "%s/%s", d->state, STATE_FILE);
                put_file(name, d->kept, d->kept_len);
        } else {
                (void) unlink(state_path(d->state, STATE_FILE, buf));
        }
}

static bool writes(const struct ts_sim_exchange *e)
{
        return e->request->method != TS_GET && !strstr(e->target, "/oauth/token") &&
               !strstr(e->target, "/search") && !strstr(e->target, "/audits");
}

static struct daemon *daemon_of(struct harness *h, size_t n_transport)
{
        for (size_t i = 0; i < h->n_daemons; i++)
                if (h->daemons[i].n_transport == n_transport)
                        return &h->daemons[i];
        fail("a request of no daemon", "it has another transport");
}

static void trace(struct harness *h, const struct daemon *d, const struct ts_sim_exchange *e)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(TS_HTTP_REQUEST_MAX_BYTES + 8192);

        ts_buf_printf(&line, "%zu %" PRIu64 " %d %s %s %d ", (size_t) (d - h->daemons),
                      h->clock.boottime_usec, (int) e->request->method, e->target,
                      e->request->body ? e->request->body : "", (int) e->action);
        ts_sha256_put(h->trace, ts_buf_text(&line), line.len);
}

struct ts_digest harness_trace(struct harness *h)
{
        return ts_sha256_finish(TS_TAKE(h->trace));
}

static void on_before(struct ts_sim_exchange *e, void *userdata)
{
        struct harness *h = userdata;
        struct daemon *d = daemon_of(h, e->transport);

        if (h->before && (h->faults || h->watches))
                h->before(h, e, h->userdata);
        d->n_requests++;
        d->n_writes += writes(e);
        h->asking = d;
        if (writes(e))
                d->wrote_usec = h->clock.boottime_usec;
        trace(h, d, e);
        if (e->action == TS_SIM_KILL_BEFORE || e->action == TS_SIM_KILL_AFTER)
                keep_state(d);
}

/* --------------------------------------------------------------------------------------------- its record */

void harness_damage_record(struct harness *h, const char *text, size_t len)
{
        char name[64], buf[256];

        (void) snprintf(name, sizeof(name), "%s/%s", h->daemons[0].state, STATE_FILE);
        if (text) {
                h->record = (struct ts_buf) TS_BUF_INIT(TS_STATE_MAX_BYTES);
                if (ts_file_read(AT_FDCWD, path_of(name, buf), &h->record, NULL) < 0)
                        fail(buf, "there is no record to damage");
                put_file(name, text, len);
        } else {
                put_file(name, ts_buf_text(&h->record), h->record.len);
                ts_buf_done(&h->record);
        }
}

bool harness_record_is(const struct harness *h, const char *text, size_t len)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf now = TS_BUF_INIT(TS_STATE_MAX_BYTES);
        char buf[256];

        return ts_file_read(AT_FDCWD, state_path(h->daemons[0].state, STATE_FILE, buf), &now, NULL) >= 0 &&
               now.len == len && memcmp(ts_buf_text(&now), text, len) == 0;
}

/* ---------------------------------------------------------------------------------------------- a harness */

static void load_files(struct harness *h)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(1024 * 1024);
        char settings[256], trusts[256];

        put_file("acme", "no-secret\n", strlen("no-secret\n"));
        put_file("settings.yaml", h->scenario.settings.data, h->scenario.settings.len);
        put_file(TRUSTS_DIRECTORY "/acme.yaml", h->scenario.declarations.data, h->scenario.declarations.len);
        (void) unlink(path_of(TRUSTS_DIRECTORY "/globex.yaml", trusts)); /* of the harness before */
        if (h->scenario.globex)
                put_file(TRUSTS_DIRECTORY "/globex.yaml", h->scenario.globex, strlen(h->scenario.globex));
        if (ts_settings_load(path_of("settings.yaml", settings), &faults, &h->settings) >= 0 &&
            ts_declarations_load(path_of(TRUSTS_DIRECTORY, trusts), h->settings, NULL, &faults,
                                 &h->declarations) >= 0)
                return;
        ts_faults_print(&faults, false, &text);
        fail("the scenario's own files", ts_buf_text(&text));
}

static bool is_recent(const struct harness *h, uint64_t usec)
{
        return usec > 0 && h->clock.boottime_usec - usec <= RACE_USEC;
}

/* Somebody else changed something within one round trip. */
static bool is_race(const struct harness *h)
{
        bool is_race = is_recent(h, h->edited_usec);

        for (size_t i = 0; i < h->n_daemons; i++)
                is_race = is_race || (&h->daemons[i] != h->asking && is_recent(h, h->daemons[i].wrote_usec));
        return is_race;
}

static void on_violation(const char *text, void *userdata)
{
        struct harness *h = userdata;

        if (is_race(h)) {
                h->n_races++;
                return;
        }
        h->n_violations++;
        fprintf(stderr, "prove: violation: %s\n", text);
}

bool harness_edit(struct harness *h, const char *text, size_t len)
{
        struct ts_err err = { 0 };

        if (ts_simulator_edit(h->sim, text, len, &err) < 0)
                return false;
        h->edited_usec = h->clock.boottime_usec;
        return true;
}

static void make_simulator(struct harness *h)
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

/* Every cycle is one: a new connection, a new token. */
static void new_process(struct daemon *d)
{
        ts_clients_free(d->clients);
        ts_transport_free(d->transport);
        d->n_transport = ts_sim_network_n_transports(d->harness->network);
        d->transport = ts_transport_sim_new(d->harness->network);
        d->clients = ts_clients_new(&(struct ts_clients_options){ .settings = d->harness->settings,
                                                                  .clock = &d->clock,
                                                                  .credentials_directory = directory });
        ts_clients_use(d->clients, d->transport);
        d->was_killed = false;
}

static void make_daemons(struct harness *h, enum harness_kind kind)
{
        h->n_daemons = kind == HARNESS_ALONE ? 1 : 2;
        for (size_t i = 0; i < h->n_daemons; i++) {
                struct daemon *d = &h->daemons[i];

                d->harness = h;
                d->state = state_directories[kind == HARNESS_TWO_HOSTS ? i : 0];
                d->clock = ts_virtual_clock_get(&h->clock, 2 + (unsigned) i);
                new_process(d);
        }
}

void harness_declare(struct harness *h)
{
        struct ts_err err = { 0 };

        ts_declarations_free(TS_TAKE(h->declarations));
        ts_settings_free(TS_TAKE(h->settings));
        load_files(h);
        for (size_t i = 0; i < h->n_daemons; i++)
                new_process(&h->daemons[i]);
        if (ts_simulator_set_invariants(h->sim, h->scenario.invariants.data, h->scenario.invariants.len,
                                        &err) < 0)
                fail("the scenario's invariants", err.msg);
}

void harness_set_clock(struct harness *h, size_t i, int64_t skew_sec)
{
        h->clock.streams[2 + i].skew_sec = skew_sec;
}

void harness_init(struct harness *h, enum harness_kind kind, const struct scenario_options *o)
{
        struct scenario s;

        scenario_init(&s, o);
        harness_open(h, kind, &s, o->seed);
}

void harness_open(struct harness *h, enum harness_kind kind, struct scenario *s, uint64_t seed)
{
        *h = (struct harness){ .faults = true, .trace = ts_sha256_new(), .scenario = *s };
        make_directory();
        forget_state(); /* of the harness before */
        ts_virtual_clock_init(&h->clock, seed, PROVE_STARTED);
        h->server_clock = ts_virtual_clock_get(&h->clock, 0);
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
        make_daemons(h, kind);
}

void harness_done(struct harness *h)
{
        if (h->trace)
                (void) harness_trace(h);
        for (size_t i = 0; i < h->n_daemons; i++) {
                ts_clients_free(h->daemons[i].clients);
                ts_transport_free(h->daemons[i].transport);
                free(h->daemons[i].kept);
        }
        ts_sim_network_free(h->network);
        ts_simulator_free(h->sim);
        ts_declarations_free(h->declarations);
        ts_settings_free(h->settings);
        scenario_done(&h->scenario);
        free(h->changes);
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
        for (enum guard g = 0; ts_change_note(c) && ts_change_result(c) != TS_APPLIED && g < GUARD_MAX_; g++)
                o->guards[g] += strstr(ts_change_note(c), guard_words[g]) != NULL;
}

static void keep_change(struct harness *h, const struct ts_change *c)
{
        struct harness_change *kept;

        TS_GROW(h->changes, h->a_changes, h->n_changes);
        kept = &h->changes[h->n_changes++];
        *kept = (struct harness_change){ .action = c->action, .result = ts_change_result(c) };
        kept->trust = c->trust_id;
        kept->subject = c->subject_id;
        (void) snprintf(kept->note, sizeof(kept->note), "%s", ts_change_note(c) ? ts_change_note(c) : "");
}

static void count_changes(const struct ts_plan *plan, struct outcome *o)
{
        for (size_t i = 0; i < plan->n_changes; i++) {
                count_guards(&plan->changes[i], o);
                switch (ts_change_result(&plan->changes[i])) {
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

static void wait_for_next(struct daemon *d)
{
        struct ts_virtual_clock *clock = &d->harness->clock;
        uint64_t until = clock->boottime_usec + SKIPPED_CYCLE_SEC * TS_USEC_PER_SEC;
        struct ts_err err = { 0 };

        while (clock->boottime_usec < until)
                if (d->transport->pump(d->transport, until, &err) < 0)
                        fail("between two cycles", err.msg);
}

struct outcome harness_cycle(struct harness *h, size_t i)
{
        TS_CLEANUP(ts_state_store_freep) struct ts_state_store *store = NULL;
        TS_CLEANUP(ts_cycle_freep) struct ts_cycle *cycle = NULL;
        struct daemon *d = &h->daemons[i];
        struct outcome o = { .requests = -d->n_requests, .writes = -d->n_writes };
        const struct ts_plan *plan;
        char state[256];
        struct ts_cycle_options options = {
                .settings = h->settings,
                .declarations = h->declarations,
                .clients = d->clients,
                .clock = &d->clock,
                .mode = TS_CYCLE_APPLY,
        };

        options.state = store = ts_state_store_open_directory(path_of(d->state, state), true);
        cycle = ts_cycle_run(&options);
        h->n_changes = 0;
        plan = ts_cycle_get_result(cycle)->organizations[0].plan;
        for (size_t n = 0; plan && n < plan->n_changes; n++)
                keep_change(h, &plan->changes[n]);
        if (plan)
                count_changes(plan, &o);
        o.status = ts_cycle_get_result(cycle)->exit_status;
        ts_cycle_free(TS_TAKE(cycle));
        o.was_killed = d->was_killed;
        if (o.was_killed)
                bring_back_state(d);
        o.requests += d->n_requests;
        o.writes += d->n_writes;
        new_process(d);
        wait_for_next(d);
        return o;
}

void harness_run(struct harness *h, void (*live)(size_t i, void *userdata), void *userdata)
{
        ts_sim_network_run(h->network, h->n_daemons, live, userdata);
}

bool outcome_is_converged(const struct outcome *o)
{
        return o->planned == 0 && o->writes == 0;
}

bool harness_is_sound(const struct harness *h)
{
        return h->n_violations == 0;
}
