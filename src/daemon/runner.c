#include "daemon/runner.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/history.h"
#include "reconcile/connection.h"
#include "reconcile/state_directory.h"
#include "genesys/scheduler.h"
#include "util/mem.h"

/* Organizations that are due soon after the first one are taken along: fewer cycles, and fewer wake-ups. */
#define SLACK_PART 20u
#define SLACK_MAX_USEC (5 * TS_USEC_PER_SEC)

/* One set of clients, with the settings that they borrow from. */
struct generation {
        unsigned n_holders;
        struct ts_settings *settings;
        struct ts_clients *clients;
};

struct turn {
        struct run *run;
        size_t i;
        uint64_t began_usec;
        bool has_ended, is_reaped;
};

/* A cycle that is under way. */
struct run {
        struct ts_runner *runner;
        struct generation *generation;
        struct ts_declarations *declarations;
        struct ts_cycle_options options;
        struct ts_state_store *state;
        struct ts_cycle *cycle;
        enum ts_cycle_part part;
        struct turn *turns; /* as many as the cycle has organizations */
        const char **aliases;
        size_t n_open; /* turns */
        uint64_t number, began_usec, random;
        bool is_cut, is_best_effort;
        char trigger[16], digest[TS_PLAN_DIGESTS_MAX_BYTES];
        struct run *next;
};

struct ts_runner {
        struct ts_runner_options options;
        struct generation *generation; /* in force; NULL: not yet */
        struct ts_declarations *declarations;
        uint64_t n_settings; /* how often they were others */
        struct ts_schedule schedule;
        struct ts_transport *transport;
        struct ts_scheduler *scheduler; /* NULL: nothing is under way */
        struct ts_attribution_cache attribution;
        struct run *runs; /* newest first */
        const char *paused;
        bool is_stopped;
};

/* --------------------------------------------------------------------------------------- what is in force */

static struct generation *generation_new(struct ts_runner *r, struct ts_settings *settings)
{
        struct generation *g = ts_calloc(1, sizeof(*g));

        g->n_holders = 1;
        g->settings = ts_settings_ref(settings);
        g->clients = ts_clients_new(&(struct ts_clients_options){
                        .settings = g->settings,
                        .clock = r->options.clock,
                        .credentials_directory = r->options.credentials_directory,
        });
        if (r->scheduler)
                ts_clients_use_scheduler(g->clients, r->scheduler);
        return g;
}

static void generation_release(struct generation *g)
{
        if (!g || --g->n_holders > 0)
                return;
        ts_clients_free(g->clients);
        ts_settings_free(g->settings);
        free(g);
}

/* What an organization is kept by. */
static struct ts_digest inputs_of(const struct ts_runner *r, const char *alias)
{
        const struct ts_decl_organization *decl =
                        r->declarations ? ts_declarations_find(r->declarations, alias) : NULL;
        struct ts_sha256 *hash = ts_sha256_new();

        ts_sha256_put(hash, &r->n_settings, sizeof(r->n_settings));
        ts_sha256_put(hash, r->declarations ? "1" : "0", 1);
        if (decl)
                ts_sha256_put(hash, &decl->content_hash, sizeof(decl->content_hash));
        return ts_sha256_finish(hash);
}

static void cut_turn(struct run *run, const char *alias)
{
        const struct ts_settings_organization *o = ts_settings_find(run->generation->settings, alias);

        if (o)
                ts_clients_stop(run->generation->clients, o);
        if (run->runner->scheduler)
                ts_scheduler_wake(run->runner->scheduler);
}

/* In whichever cycle it is under way. */
static void cut(struct ts_runner *r, struct ts_schedule_entry *e)
{
        e->is_cut = true;
        for (struct run *run = r->runs; run; run = run->next)
                for (size_t i = 0; i < ts_cycle_count(run->cycle); i++)
                        if (!run->turns[i].has_ended && strcmp(run->aliases[i], e->alias) == 0)
                                cut_turn(run, e->alias);
}

void ts_runner_cut(struct ts_runner *r)
{
        for (size_t i = 0; i < r->schedule.n; i++) {
                struct ts_schedule_entry *e = &r->schedule.items[i];

                if (e->is_under_way && !e->is_cut && !e->was_cut && (e->is_outdated || e->is_gone))
                        cut(r, e);
        }
}

static void set_schedule(struct ts_runner *r)
{
        const struct ts_settings *s = r->generation->settings;
        TS_CLEANUP(ts_freep) struct ts_schedule_key *keys = ts_calloc(s->n_organizations, sizeof(*keys));
        size_t n = 0;

        for (size_t i = 0; i < s->n_organizations; i++) {
                const struct ts_settings_organization *o = &s->organizations[i];

                if (ts_settings_is_chosen(r->options.organizations, r->options.n_organizations, o->alias))
                        keys[n++] = (struct ts_schedule_key){ o->alias, o->id, inputs_of(r, o->alias) };
        }
        ts_schedule_set(&r->schedule, keys, n);
}

void ts_runner_set(struct ts_runner *r, struct ts_settings *settings, struct ts_declarations *declarations,
                   bool has_changed)
{
        r->n_settings += has_changed;
        if (!r->generation || r->generation->settings != settings) {
                generation_release(r->generation);
                r->generation = generation_new(r, settings);
        }
        if (r->declarations != declarations) {
                ts_declarations_free(r->declarations);
                r->declarations = declarations ? ts_declarations_ref(declarations) : NULL;
        }
        set_schedule(r);
}

const struct ts_schedule *ts_runner_get_schedule(const struct ts_runner *r)
{
        return &r->schedule;
}

void ts_runner_ask_all(struct ts_runner *r)
{
        ts_schedule_ask_all(&r->schedule);
}

void ts_runner_ask_failed(struct ts_runner *r)
{
        for (size_t i = 0; i < r->schedule.n; i++)
                r->schedule.items[i].is_asked =
                                r->schedule.items[i].is_asked || r->schedule.items[i].n_failures > 0;
}

/* ---------------------------------------------------------------------------------------------- beginning */

static void run_free(struct run *run)
{
        ts_cycle_free(run->cycle);
        ts_state_store_free(run->state);
        ts_declarations_free(run->declarations);
        generation_release(run->generation);
        free(run->turns);
        free(run->aliases);
        free(run);
}

static int open_transport(struct ts_runner *r, struct ts_err *err)
{
        int k;

        if (r->scheduler)
                return 0;
        k = ts_connection_open(r->options.event, r->options.clock, r->generation->settings,
                               r->options.credentials_directory, &r->transport, err);
        if (k < 0)
                return k;
        r->scheduler = ts_scheduler_new(r->transport, r->options.clock);
        ts_clients_use_scheduler(r->generation->clients, r->scheduler);
        return 0;
}

static void close_transport(struct ts_runner *r)
{
        ts_scheduler_free(TS_TAKE(r->scheduler));
        ts_transport_free(TS_TAKE(r->transport));
}

static uint64_t slack_of(const struct ts_runner *r)
{
        uint64_t slack = r->generation->settings->interval_usec / SLACK_PART;

        return slack < SLACK_MAX_USEC ? slack : SLACK_MAX_USEC;
}

/* Return: how many of them. With a digest it is all. */
static size_t collect_due(struct ts_runner *r, struct run *run)
{
        size_t n = 0, n_suspects = ts_schedule_count_suspects(&r->schedule);

        for (size_t i = 0; i < r->schedule.n; i++) {
                struct ts_schedule_entry *e = &r->schedule.items[i];
                bool is_suspect = ts_schedule_is_suspect(e);

                if (run->digest[0] == '\0' && !ts_schedule_is_due(e, run->began_usec, slack_of(r)))
                        continue;
                if (is_suspect && !e->is_asked && n_suspects >= TS_TASKS_SUSPECTS_MAX)
                        continue;
                n_suspects += is_suspect;
                run->aliases[n++] = e->alias;
        }
        return n;
}

/* Without a transport nothing can be asked: they all failed. */
static void fail_due(struct ts_runner *r, const struct run *run, size_t n)
{
        const struct ts_settings *s = r->generation->settings;

        for (size_t i = 0; i < n; i++) {
                struct ts_schedule_entry *e = ts_schedule_find(&r->schedule, run->aliases[i]);

                ts_schedule_begin(e, run->began_usec);
                ts_schedule_note(e, TS_TURN_FAILED, ts_clock_realtime(r->options.clock), run->began_usec,
                                 ts_schedule_wait(TS_TURN_FAILED, e->n_failures + 1, s->interval_usec,
                                                  s->jitter_usec, run->random),
                                 TS_TIME_UNSET);
                ts_schedule_end(e);
        }
}

/* A changed proxy or CA applies to new connections only: the old connections are closed first. */
static bool is_settings_busy(const struct ts_runner *r)
{
        for (const struct run *run = r->runs; run; run = run->next)
                if (!ts_connection_is_alike(run->generation->settings, r->generation->settings) ||
                    run->part != TS_CYCLE_WHOLE)
                        return true;
        return false;
}

static void turn_body(void *userdata)
{
        struct turn *t = userdata;
        struct run *run = t->run;
        const struct ts_schedule_entry *e = ts_schedule_find(&run->runner->schedule, run->aliases[t->i]);

        assert(e); /* one that is under way is kept */
        if (t->began_usec == 0)
                t->began_usec = ts_clock_boottime(run->runner->options.clock);
        if (run->runner->is_stopped || e->is_cut) {
                ts_cycle_skip_turn(run->cycle, t->i);
        } else {
                ts_clients_renew(run->generation->clients, ts_cycle_get_settings(run->cycle, t->i),
                                 run->is_best_effort);
                ts_cycle_turn(run->cycle, t->i, run->part);
        }
        t->has_ended = true;
}

static void add_turns(struct run *run)
{
        struct ts_runner *r = run->runner;

        run->n_open = ts_cycle_count(run->cycle);
        for (size_t i = 0; i < run->n_open; i++) {
                run->turns[i] = (struct turn){ .run = run, .i = i };
                ts_scheduler_add(r->scheduler, turn_body, &run->turns[i],
                                 ts_schedule_is_suspect(ts_schedule_find(&r->schedule, run->aliases[i])));
        }
}

/* The aliases outlive the schedule's own. */
static void keep_aliases(struct run *run)
{
        for (size_t i = 0; i < ts_cycle_count(run->cycle); i++)
                run->aliases[i] = ts_cycle_get_settings(run->cycle, i)->alias;
}

static void begin(struct ts_runner *r, struct run *run, size_t n)
{
        run->generation = r->generation;
        run->generation->n_holders++;
        run->declarations = r->declarations ? ts_declarations_ref(r->declarations) : NULL;
        run->state = ts_state_store_open_directory(r->options.state_path, true);
        run->part = run->digest[0] != '\0' ? TS_CYCLE_PLAN_PART : TS_CYCLE_WHOLE;
        run->options = (struct ts_cycle_options){
                .settings = run->generation->settings,
                .declarations = run->declarations,
                .clients = run->generation->clients,
                .clock = r->options.clock,
                .state = run->state,
                .mode = TS_CYCLE_BY_MODE,
                .deny_only = !run->declarations,
                .organizations = run->aliases,
                .n_organizations = n,
                .plan_digest = run->digest[0] != '\0' ? run->digest : NULL,
                .paused = r->paused,
                .is_partial = n < r->schedule.n,
                .attribution = &r->attribution,
        };
        for (size_t i = 0; i < n; i++)
                r->options.host.on_turn_begin(run->aliases[i], r->options.userdata);
        run->cycle = ts_cycle_begin(&run->options);
        assert(ts_cycle_count(run->cycle) == n);
        keep_aliases(run);
        run->turns = ts_calloc(n, sizeof(*run->turns));
        run->next = r->runs;
        r->runs = run;
        for (size_t i = 0; i < n; i++)
                ts_schedule_begin(ts_schedule_find(&r->schedule, run->aliases[i]), run->began_usec);
        add_turns(run);
}

static void signal_next_cycle(struct run *run)
{
        run->is_best_effort = true;
        for (size_t i = 0; i < ts_cycle_count(run->cycle); i++)
                if (!run->turns[i].has_ended)
                        ts_clients_set_next_cycle_pending(run->generation->clients,
                                                          ts_cycle_get_settings(run->cycle, i));
        ts_scheduler_wake(run->runner->scheduler);
}

static uint64_t overdue_usec(const struct run *run)
{
        return run->is_best_effort ? UINT64_MAX : run->began_usec + run->generation->settings->interval_usec;
}

/* It has lasted as long as the interval. */
static void signal_overdue(struct ts_runner *r)
{
        uint64_t now = ts_clock_boottime(r->options.clock);

        for (struct run *run = r->runs; run; run = run->next)
                if (overdue_usec(run) <= now)
                        signal_next_cycle(run);
}

bool ts_runner_pass_boundaries(struct ts_runner *r)
{
        int64_t now = ts_clock_realtime(r->options.clock);
        bool is_due = ts_schedule_next_boundary(&r->schedule) <= now;

        if (is_due)
                ts_schedule_pass_boundaries(&r->schedule, now, ts_clock_boottime(r->options.clock));
        return is_due;
}

int ts_runner_begin(struct ts_runner *r, uint64_t number, const char *trigger, const char *digest,
                    struct ts_err *err)
{
        struct run *run;
        size_t n;
        int k;

        signal_overdue(r);
        if (!r->generation || r->is_stopped || (digest[0] != '\0' && r->runs) || is_settings_busy(r))
                return 0;
        run = ts_calloc(1, sizeof(*run));
        run->runner = r;
        run->number = number;
        run->began_usec = ts_clock_boottime(r->options.clock);
        run->random = r->options.clock->random(r->options.clock->userdata);
        (void) snprintf(run->trigger, sizeof(run->trigger), "%s", trigger);
        (void) snprintf(run->digest, sizeof(run->digest), "%s", digest);
        run->aliases = ts_calloc(r->schedule.n, sizeof(*run->aliases));
        n = collect_due(r, run);
        k = n > 0 ? open_transport(r, err) : 0;
        if (k < 0)
                fail_due(r, run, n);
        if (n == 0 || k < 0) {
                run_free(run);
                return k;
        }
        ts_runner_signal_next_cycle(r);
        begin(r, run, n);
        return 1;
}

/* ------------------------------------------------------------------------------------------------- ending */

/* Turns begin an interval after each other, and at least half of it lies between two of them. */
static uint64_t wait_of(const struct turn *t, enum ts_turn_end outcome, unsigned n_failures, uint64_t now)
{
        const struct ts_settings *s = t->run->runner->generation->settings;
        uint64_t wait = ts_schedule_wait(outcome, n_failures, s->interval_usec, s->jitter_usec,
                                         t->run->random);
        uint64_t took = now - t->began_usec;

        if (outcome == TS_TURN_FAILED || outcome == TS_TURN_DENIED)
                return wait;
        return took < wait / 2 ? wait - took : wait / 2;
}

static void note_turn(const struct turn *t, struct ts_schedule_entry *e)
{
        const struct ts_runner *r = t->run->runner;
        const struct ts_organization_result *result = ts_cycle_get_turn_result(t->run->cycle, t->i);
        uint64_t now = ts_clock_boottime(r->options.clock);

        ts_schedule_note(e, result->turn_end, ts_clock_realtime(r->options.clock), now,
                         wait_of(t, result->turn_end, e->n_failures + 1, now),
                         result->plan ? result->plan->next_boundary : TS_TIME_UNSET);
}

static void report_turn(const struct turn *t)
{
        const struct ts_runner_options *o = &t->run->runner->options;
        struct ts_report report = ts_cycle_report_turn(t->run->cycle, t->i);

        o->host.on_turn(ts_cycle_get_turn_result(t->run->cycle, t->i), &report, o->userdata);
}

static void reap_turn(struct run *run, struct turn *t)
{
        struct ts_runner *r = run->runner;
        struct ts_schedule_entry *e = ts_schedule_find(&r->schedule, run->aliases[t->i]);
        bool was_stopped = e->is_cut || r->is_stopped;

        t->is_reaped = true;
        run->n_open--;
        if (run->part == TS_CYCLE_PLAN_PART && !was_stopped)
                return; /* the rest of it comes when the others have been planned, too */
        run->is_cut = run->is_cut || was_stopped;
        if (!was_stopped)
                note_turn(t, e);
        ts_schedule_end(e);
        if (!was_stopped)
                report_turn(t);
}

/* All are planned: does the digest agree? A turn that was stopped has its place in it without a plan. */
static void begin_second_part(struct run *run)
{
        struct ts_runner *r = run->runner;

        ts_cycle_digest(run->cycle);
        run->part = TS_CYCLE_FINISH_PART;
        for (size_t i = 0; i < ts_cycle_count(run->cycle); i++) {
                struct ts_schedule_entry *e = ts_schedule_find(&r->schedule, run->aliases[i]);

                if (e && !e->is_under_way)
                        ts_schedule_begin(e, run->began_usec);
        }
        add_turns(run);
}

static void end_run(struct run *run)
{
        struct ts_runner *r = run->runner;

        ts_cycle_end(run->cycle);
        r->options.host.on_end(ts_cycle_get_result(run->cycle), run->number, run->trigger, run->is_cut,
                               r->options.userdata);
        run_free(run);
}

static void reap(struct ts_runner *r)
{
        struct run **link = &r->runs;

        while (*link) {
                struct run *run = *link;

                for (size_t i = 0; i < ts_cycle_count(run->cycle); i++)
                        if (run->turns[i].has_ended && !run->turns[i].is_reaped)
                                reap_turn(run, &run->turns[i]);
                if (run->n_open == 0 && run->part == TS_CYCLE_PLAN_PART)
                        begin_second_part(run);
                if (run->n_open > 0) {
                        link = &run->next;
                        continue;
                }
                *link = run->next;
                end_run(run);
        }
}

void ts_runner_step(struct ts_runner *r)
{
        if (!r->scheduler)
                return;
        ts_scheduler_step(r->scheduler);
        reap(r);
        if (!r->runs)
                close_transport(r);
}

bool ts_runner_is_idle(const struct ts_runner *r)
{
        return !r->runs;
}

/* ----------------------------------------------------------------------------------------- while they run */

void ts_runner_signal_next_cycle(struct ts_runner *r)
{
        for (struct run *run = r->runs; run; run = run->next)
                if (!run->is_best_effort)
                        signal_next_cycle(run);
}

void ts_runner_pause(struct ts_runner *r, const char *why)
{
        r->paused = why;
        for (struct run *run = r->runs; run; run = run->next) {
                run->options.paused = why;
                for (size_t i = 0; why && i < ts_cycle_count(run->cycle); i++) {
                        struct ts_schedule_entry *e = ts_schedule_find(&r->schedule, run->aliases[i]);

                        if (!run->turns[i].has_ended && ts_cycle_is_writing(run->cycle, i) && !e->is_cut)
                                cut(r, e);
                }
        }
}

void ts_runner_stop(struct ts_runner *r)
{
        if (r->is_stopped)
                return;
        r->is_stopped = true;
        for (struct run *run = r->runs; run; run = run->next)
                for (size_t i = 0; i < ts_cycle_count(run->cycle); i++)
                        cut_turn(run, run->aliases[i]);
        if (r->transport)
                ts_transport_curl_stop(r->transport);
}

uint64_t ts_runner_next_usec(const struct ts_runner *r)
{
        bool with_suspects = ts_schedule_count_suspects(&r->schedule) < TS_TASKS_SUSPECTS_MAX;
        uint64_t next = ts_schedule_next_usec(&r->schedule, with_suspects);

        for (const struct run *run = r->runs; run; run = run->next) {
                if (overdue_usec(run) < next)
                        next = overdue_usec(run);
        }
        return next;
}

/* --------------------------------------------------------------------------------------- creation and end */

struct ts_runner *ts_runner_new(const struct ts_runner_options *options)
{
        struct ts_runner *r = ts_calloc(1, sizeof(*r));

        r->options = *options;
        return r;
}

void ts_runner_free(struct ts_runner *r)
{
        if (!r)
                return;
        assert(!r->runs);
        close_transport(r);
        generation_release(r->generation);
        ts_declarations_free(r->declarations);
        ts_schedule_done(&r->schedule);
        ts_attribution_cache_done(&r->attribution);
        free(r);
}
