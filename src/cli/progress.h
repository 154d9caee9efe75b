/*
 * progress - a transport wrapper that shows progress on a terminal
 *
 * Passes everything through; several times a second it hands the number of answers to ts_log_progress(),
 * which shows it on a terminal only.
 */
#ifndef TS_CLI_PROGRESS_H
#define TS_CLI_PROGRESS_H

#include "genesys/transport.h"
#include "util/clock.h"

/* Takes over @inner. */
struct ts_transport *ts_progress_new(struct ts_transport *inner, const struct ts_clock *clock) TS_MUST_CHECK
                __attribute__((returns_nonnull));

#endif
