/*
 * lanes - straight-line work of several organizations side by side, over one transport
 *
 * Where one waits for an answer, the others go on, so that a sick organization does not hold the rest. Each
 * piece of work (a lane) is a strand that is left when it pumps; there is one place that serves the real
 * transport and goes on with those for whom something has come. Only one of them runs at a time, and they
 * take their turns in a fixed order: over a deterministic transport a run is deterministic.
 *
 * Inside a lane on_done comes from the pump of whoever serves the loop, while its own lane waits.
 */
#ifndef TS_GENESYS_LANES_H
#define TS_GENESYS_LANES_H

#include "genesys/transport.h"
#include "util/clock.h"

#define TS_LANES_MAX 32u /* at a time; the others begin when one has ended */

struct ts_lanes;

/* @transport is borrowed, as @clock, and outlives them. */
struct ts_lanes *ts_lanes_new(struct ts_transport *transport, const struct ts_clock *clock) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_lanes_free(struct ts_lanes *lanes); /* when nothing is under way; NULL is fine */
TS_DEFINE_CLEANUP(struct ts_lanes, ts_lanes_free)

/* What the work talks through; outside of a lane it is @transport itself. The lanes'. */
struct ts_transport *ts_lanes_transport(struct ts_lanes *lanes);

/* Runs @body for 0 .. n-1 and returns when all have ended. One alone, or one for which the system has no
 * thread, runs as if called. */
void ts_lanes_run(struct ts_lanes *lanes, size_t n, void (*body)(size_t i, void *userdata), void *userdata);

#endif
