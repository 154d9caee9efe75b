/*
 * runner - runs cycles concurrently, each organization on its own schedule
 *
 * A cycle is begun over those organizations that are due; others may be under way, and no organization is in
 * two at a time. The turns of all of them share the places and connections of one transport
 * (genesys/scheduler.h), which lives as long as a cycle is under way. Settings and declarations may be
 * replaced meanwhile: a running turn finishes with those that it started with. Blocks in ts_runner_step()
 * only, which serves the event loop.
 */
#ifndef TS_DAEMON_RUNNER_H
#define TS_DAEMON_RUNNER_H

#include <systemd/sd-event.h>

#include "reconcile/cycle.h"
#include "reconcile/schedule.h"

struct ts_runner;

struct ts_runner_host { /* called from ts_runner_step(), never from inside a turn */
        /* A turn is about to begin, or has ended by itself. @report: of it alone. */
        void (*on_turn_begin)(const char *alias, void *userdata);
        void (*on_turn)(const struct ts_organization_result *result, const struct ts_report *report,
                        void *userdata);
        /* All turns of cycle @number have ended; @is_cut: at least one was asked to stop. */
        void (*on_end)(const struct ts_cycle_result *result, uint64_t number, const char *trigger,
                       bool is_cut, void *userdata);
};

struct ts_runner_options { /* everything is borrowed and outlives the runner */
        sd_event *event;
        const struct ts_clock *clock;
        const char *credentials_directory; /* NULL: none */
        const char *state_path;
        const char *const *organizations; /* -o; n_organizations == 0: all */
        size_t n_organizations;
        struct ts_runner_host host;
        void *userdata;
};

struct ts_runner *ts_runner_new(const struct ts_runner_options *options) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_runner_free(struct ts_runner *r); /* when it is idle; NULL is fine */
TS_DEFINE_CLEANUP(struct ts_runner, ts_runner_free)

/*
 * ts_runner_set - these are in force from now on
 * @settings:     the same object as before: clients keep their tokens
 * @has_changed:  the settings say something else, also when it is the same object: it concerns all
 * @declarations: NULL: none, only `deny` acts
 * A reference of each is taken. Organizations that it concerns are due.
 */
void ts_runner_set(struct ts_runner *r, struct ts_settings *settings, struct ts_declarations *declarations,
                   bool has_changed);

/* Turns under way that began with what is no longer in force stop after their requests in flight, and are due
 * at once; not those that were cut short the last time, so that each one ends in the end. */
void ts_runner_cut(struct ts_runner *r);

const struct ts_schedule *ts_runner_get_schedule(const struct ts_runner *r);
void ts_runner_ask_all(struct ts_runner *r); /* all are due; those under way once more when they have ended */
void ts_runner_ask_failed(struct ts_runner *r);

/* Boundaries that have come make their organizations due. Return: some have. */
bool ts_runner_pass_boundaries(struct ts_runner *r);

bool ts_runner_is_idle(const struct ts_runner *r);

/*
 * ts_runner_begin - begins a cycle over those that are due
 * @digest: "": within the limits; else a cycle over all, only when idle
 * Return: 1: it was begun; 0: none is due, or what has to end first is under way; negative: it could not
 * begin.
 */
int ts_runner_begin(struct ts_runner *r, uint64_t number, const char *trigger, const char *digest,
                    struct ts_err *err) TS_MUST_CHECK;

/* Once, as far as it goes without waiting longer than for one event. */
void ts_runner_step(struct ts_runner *r);

/* Signals that the next cycle is waiting: turns whose requests keep failing give up. */
void ts_runner_signal_next_cycle(struct ts_runner *r);

/* Nothing is written any more but what `deny` asks; NULL: the end of it. @why outlives the pause. */
void ts_runner_pause(struct ts_runner *r, const char *why);

void ts_runner_stop(struct ts_runner *r); /* permanent: all turns end after their requests in flight */

/* Of the boottime clock: when ts_runner_begin() or ts_runner_signal_next_cycle() has something to do;
 * UINT64_MAX: never.
 */
uint64_t ts_runner_next_usec(const struct ts_runner *r);

#endif
