/*
 * status - what the daemon is doing, and how its last cycle ended
 *
 * A value: D-Bus, STATUS= and the metrics only look at it. The loop fills it in between cycles, so that it
 * can be asked for while one runs.
 */
#ifndef TS_DAEMON_STATUS_H
#define TS_DAEMON_STATUS_H

#include "config/settings.h"
#include "daemon/record.h"
#include "util/buf.h"

struct ts_status_organization {
        char alias[TS_RECORD_WORD_BYTES];
        enum ts_mode mode;
        bool planned; /* false: it could not be read; error says why */
        bool refused;
        size_t pending; /* planned, and not carried out */
        struct ts_plan_summary summary;
        char error[640]; /* what went wrong, or the first refusal; "" */
};

struct ts_status {
        bool running;                /* a cycle is under way */
        uint64_t n_begun, n_ended;   /* cycles since the start */
        struct ts_record_cycle last; /* n_ended > 0 */
        char digest[TS_RECORD_WORD_BYTES];
        char outcome[TS_TEXT_MAX_BYTES]; /* the last line of its report */
        bool complete;
        size_t pending;
        int64_t last_success;  /* realtime; 0: none yet */
        int64_t next;          /* realtime of the next cycle; 0: not known */
        unsigned n_failures;   /* cycles in a row */
        struct ts_pause pause; /* until 0: not paused */

        bool has_declarations; /* false: none in force, only `deny` acts */
        char declarations_path[TS_TEXT_MAX_BYTES];
        char declarations_fault[TS_TEXT_MAX_BYTES]; /* why those on disk are not in force; "" */
        char revision[TS_RECORD_WORD_BYTES];
        char content_hash[TS_RECORD_WORD_BYTES];
        char settings_path[TS_TEXT_MAX_BYTES];
        char settings_fault[TS_TEXT_MAX_BYTES];

        struct ts_status_organization *organizations;
        size_t n_organizations;
};

struct ts_cycle;
struct ts_sources;

void ts_status_done(struct ts_status *s);

/* What is in force, and what is faulty on disk. */
void ts_status_note_sources(struct ts_status *s, const struct ts_sources *sources);

/* How a cycle ended. @exit_status: also for what is faulty on disk. */
void ts_status_note_cycle(struct ts_status *s, struct ts_cycle *c, const char *trigger, int exit_status);

/* Nothing to do, nothing failed, nothing refused, nothing faulty. */
bool ts_status_is_in_sync(const struct ts_status *s);

/* "starting", "in sync", "changes pending", "held", "refused", "failed", "paused", "faulty": the one
 * that matters most. */
const char *ts_status_word(const struct ts_status *s, int64_t now);

/* One line for STATUS=. */
void ts_status_line(const struct ts_status *s, int64_t now, struct ts_buf *out);

/* {"format_version": 1, ...} */
void ts_status_json(const struct ts_status *s, int64_t now, struct ts_buf *out);

#endif
