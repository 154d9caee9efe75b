/*
 * log - the single interface for all messages at run time
 *
 * The only global state of the program. Messages go to a sink: stderr by default, the journal when main
 * installs one. Levels are syslog's (LOG_ERR .. LOG_DEBUG). Callers must escape text from outside
 * (util/escape.h); the stderr sink escapes newlines and control characters once more, and its "trustsyncd: "
 * keeps a `<N>` in front of a message from being taken for a priority. trust, config, json never log; genesys
 * logs at LOG_DEBUG only; daemon logs each failure once.
 */
#ifndef TS_UTIL_LOG_H
#define TS_UTIL_LOG_H

#include <stddef.h>
#include <stdbool.h>
#include <syslog.h>

#include "util/macros.h"

/* A structured entry: fields are "NAME=value" pairs besides MESSAGE and PRIORITY. */
struct ts_log_field {
        const char *name;  /* "TRUSTSYNC_TRUST" */
        const char *value; /* NULL: the field is left out */
};

struct ts_log_entry {
        int priority;
        const char *message_id; /* 32 hexadecimal digits; NULL for a plain message */
        const char *message;    /* one sentence */
        const struct ts_log_field *fields;
        size_t n_fields;
};

typedef void (*ts_log_sink)(const struct ts_log_entry *entry, void *userdata);

void ts_log_set_sink(ts_log_sink sink, void *userdata); /* NULL: stderr again. The sink must not log. */
void ts_log_set_level(int max_priority); /* LOG_INFO at first; LOG_DEBUG with -v, LOG_WARNING with -q */
bool ts_log_enabled(int priority);

/* An entry with a message id always reaches an installed sink, whatever the level: -q must not remove audit
 * records from the journal. errno is kept. */
void ts_log_entry(const struct ts_log_entry *entry);
void ts_log(int priority, const char *fmt, ...) TS_PRINTF(2, 3);

/* Writes one line to stderr regardless of the level; for sinks that cannot deliver a message. */
void ts_log_stderr(const struct ts_log_entry *entry);

/* A line of progress on a terminal's stderr, overwritten by the next one; "" takes it away. Not a log
 * message. */
void ts_log_progress(const char *fmt, ...) TS_PRINTF(1, 2);
void ts_log_set_progress(bool on);

#endif
