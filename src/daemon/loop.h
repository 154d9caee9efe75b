/*
 * loop - the daemon's main loop: wait for a trigger, run a cycle, report the result
 *
 * Blocks until a signal ends it. All handlers (signals, timers, inotify, D-Bus) only set flags; cycles are
 * run from the main loop, and the same event loop serves the handlers while one runs. SIGTERM and SIGINT
 * end it after the request in flight, SIGHUP reloads settings and declarations and starts a cycle,
 * SIGUSR1 starts one.
 */
#ifndef TS_DAEMON_LOOP_H
#define TS_DAEMON_LOOP_H

#include <stdbool.h>
#include <stddef.h>

#include "util/clock.h"
#include "util/macros.h"

struct ts_daemon_options { /* strings are borrowed */
        const char *config;
        const char *trusts; /* NULL: as the settings say */
        const char *const *organizations;
        size_t n_organizations; /* 0: all */
        const char *state_path, *runtime_path;
        const char *credentials_directory; /* NULL: none */
        const struct ts_clock *clock;
};

/* Return: an exit status: 0 after SIGTERM or SIGINT, 64 for an unknown organization, 78 for faulty
 * settings, else 1. */
int ts_daemon_run(const struct ts_daemon_options *options) TS_MUST_CHECK;

#endif
