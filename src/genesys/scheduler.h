/*
 * scheduler - straight-line work of several organizations side by side, over one transport
 *
 * Each piece of work is a coroutine with a place (a task). It is left when it pumps, and resumed when one of
 * its answers has arrived, its deadline has passed, or a handler of the event loop has run. Only one runs at
 * a time, in a fixed order: over a deterministic transport a run is deterministic.
 *
 * Work is added at any time and begins when a place is free, in the order in which it was added. Suspects
 * (organizations that failed the last time, and may hold a place until their requests time out) have at most
 * TS_TASKS_SUSPECTS_MAX places, so that the others always find one.
 *
 * Inside a task on_done comes from the pump of ts_scheduler_step(), while its own task waits.
 */
#ifndef TS_GENESYS_SCHEDULER_H
#define TS_GENESYS_SCHEDULER_H

#include "genesys/transport.h"
#include "util/clock.h"
#include "util/limits.h"

struct ts_scheduler;

/* @transport is borrowed, as @clock, and outlives them. */
struct ts_scheduler *ts_scheduler_new(struct ts_transport *transport,
                                      const struct ts_clock *clock) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_scheduler_free(struct ts_scheduler *scheduler); /* when it is idle; NULL is fine */
TS_DEFINE_CLEANUP(struct ts_scheduler, ts_scheduler_free)

/* What the work talks through; outside of a task it is @transport itself. The tasks'. */
struct ts_transport *ts_scheduler_transport(struct ts_scheduler *scheduler);

/* @body runs from ts_scheduler_step(), once, in a task of its own. */
void ts_scheduler_add(struct ts_scheduler *scheduler, void (*body)(void *userdata), void *userdata,
                      bool is_suspect);

bool ts_scheduler_is_idle(const struct ts_scheduler *scheduler); /* all that was added has ended */

/* Begins what has a place, resumes what is ready; where nothing is, serves the transport once (blocks in its
 * pump()). Returns soon after an event of somebody else. Does nothing when idle. Work for which the system
 * has no thread begins later; when nothing else is under way it runs as if called. */
void ts_scheduler_step(struct ts_scheduler *scheduler);

/* All are resumed once, because what they look at has changed. */
void ts_scheduler_wake(struct ts_scheduler *scheduler);

/* Runs @body for 0 .. n-1 and returns when all have ended; one alone as if called. Only when idle. */
void ts_scheduler_run(struct ts_scheduler *scheduler, size_t n, void (*body)(size_t i, void *userdata),
                      void *userdata);

#endif
