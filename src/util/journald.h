/*
 * journald - log entries as entries of systemd's journal, with their fields
 */
#ifndef TS_UTIL_JOURNALD_H
#define TS_UTIL_JOURNALD_H

#include <stdbool.h>

#include "util/log.h"

/* Is our stderr connected to the journal? Then entries go there natively. */
bool ts_journald_is_ours(void);

/* A ts_log_sink. */
void ts_journald_sink(const struct ts_log_entry *entry, void *userdata);

#endif
