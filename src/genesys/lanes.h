/*
 * lanes - straight-line work of several organizations side by side, over one transport
 *
 * Each piece of work is a strand with a place (a lane). It is left when it pumps, and resumed when one of its
 * answers has arrived, its deadline has passed, or a handler of the event loop has run. Only one runs at a
 * time, in a fixed order: over a deterministic transport a run is deterministic.
 *
 * Work is added at any time and begins when a place is free, in the order in which it was added. Suspects
 * (organizations that failed the last time, and may hold a place until their requests time out) have at most
 * TS_LANES_SUSPECTS_MAX places, so that the others always find one.
 *
 * Inside a lane on_done comes from the pump of ts_lanes_step(), while its own lane waits.
 */
#ifndef TS_GENESYS_LANES_H
#define TS_GENESYS_LANES_H

#include "genesys/transport.h"
#include "util/clock.h"
#include "util/limits.h"

struct ts_lanes;

/* @transport is borrowed, as @clock, and outlives them. */
struct ts_lanes *ts_lanes_new(struct ts_transport *transport, const struct ts_clock *clock) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_lanes_free(struct ts_lanes *lanes); /* when it is idle; NULL is fine */
TS_DEFINE_CLEANUP(struct ts_lanes, ts_lanes_free)

/* What the work talks through; outside of a lane it is @transport itself. The lanes'. */
struct ts_transport *ts_lanes_transport(struct ts_lanes *lanes);

/* @body runs from ts_lanes_step(), once, in a lane of its own. */
void ts_lanes_add(struct ts_lanes *lanes, void (*body)(void *userdata), void *userdata, bool is_suspect);

bool ts_lanes_is_idle(const struct ts_lanes *lanes); /* all that was added has ended */

/* Begins what has a place, resumes what is ready; where nothing is, serves the transport once (blocks in its
 * pump()). Returns soon after an event of somebody else. Does nothing when idle. Work for which the system
 * has no thread begins later; when nothing else is under way it runs as if called. */
void ts_lanes_step(struct ts_lanes *lanes);

/* All are resumed once, because what they look at has changed. */
void ts_lanes_wake(struct ts_lanes *lanes);

/* Runs @body for 0 .. n-1 and returns when all have ended; one alone as if called. Only when idle. */
void ts_lanes_run(struct ts_lanes *lanes, size_t n, void (*body)(size_t i, void *userdata), void *userdata);

#endif
