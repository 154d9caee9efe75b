/*
 * scheduler - runs the work of several organizations concurrently over one transport
 *
 * Each piece of work is a task, which runs as a coroutine. A task is suspended when it pumps the transport,
 * and resumed when one of its responses has arrived, its deadline has passed, or a handler of the event loop
 * has run. Only one runs at a time, in a fixed order: over a deterministic transport a run is deterministic.
 *
 * Work can be added at any time; it begins in that order, as soon as one of TS_TASKS_MAX tasks is free.
 * Suspects (organizations that failed in the last cycle, and may occupy a task until their requests time out)
 * get at most TS_TASKS_SUSPECTS_MAX tasks, so that the others always get one.
 *
 * on_done callbacks of a task run inside ts_scheduler_step(), while the task is suspended.
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

/* The transport that the work uses; outside of a task it behaves as the real one. Owned by the scheduler. */
struct ts_transport *ts_scheduler_transport(struct ts_scheduler *scheduler);

/* @body runs from ts_scheduler_step(), once, in a task of its own. */
void ts_scheduler_add(struct ts_scheduler *scheduler, void (*body)(void *userdata), void *userdata,
                      bool is_suspect);

bool ts_scheduler_is_idle(const struct ts_scheduler *scheduler); /* all that was added has ended */

/* Starts waiting work, resumes the tasks whose responses have arrived, and otherwise serves the transport
 * once (blocks in its pump()). Returns soon after an unrelated event. Does nothing when idle. When no thread
 * can be created, work starts later, or runs on the caller's stack if no task is active. */
void ts_scheduler_step(struct ts_scheduler *scheduler);

/* Resumes all tasks once, because a condition that they check has changed. */
void ts_scheduler_wake(struct ts_scheduler *scheduler);

/* Runs @body for 0 .. n-1 and returns when all have ended; one alone as if called. Only when idle. */
void ts_scheduler_run(struct ts_scheduler *scheduler, size_t n, void (*body)(size_t i, void *userdata),
                      void *userdata);

#endif
