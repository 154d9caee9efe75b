/*
 * announce - logs which settings and declarations came into force, and which did not
 */
#ifndef TS_DAEMON_ANNOUNCE_H
#define TS_DAEMON_ANNOUNCE_H

#include <stdbool.h>

#include "daemon/active_config.h"

/* Logs all faults and everything not in force. Call it in each cycle: the journal suppresses repetitions. */
void ts_announce_faults(const struct ts_active_config *s);

/* What is odd in what has just come into force: @did of ts_active_config_refresh(). */
void ts_announce_warnings(const struct ts_active_config *s, unsigned did);

void ts_announce_settings(const struct ts_settings *s);

/* @as_before: they were in force when the daemon last ran, or before they became faulty. */
void ts_announce_declarations(const struct ts_declarations *d, bool as_before);

#endif
