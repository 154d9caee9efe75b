/*
 * status - what the daemon is doing, and how its last cycle ended
 *
 * A value: D-Bus, STATUS= and the metrics only read it. The loop updates it between cycles, so that it is
 * available while one runs.
 */
#ifndef TS_DAEMON_STATUS_H
#define TS_DAEMON_STATUS_H

#include "config/settings.h"
#include "daemon/history.h"
#include "util/buf.h"

/* How the last turn of an organization ended, and when its next one is. */
struct ts_status_organization {
        char alias[TS_HISTORY_WORD_BYTES];
        enum ts_mode mode;
        bool has_ended; /* a turn; false: nothing is known yet */
        int exit_status;
        bool planned; /* false: it could not be read; error says why */
        bool complete;
        bool refused;
        bool failed;
        bool running;
        size_t pending;   /* planned, and not carried out */
        size_t contested; /* objects corrected again and again */
        struct ts_plan_summary summary;
        char error[640];                          /* what went wrong, or the first refusal; "" */
        int64_t last_attempt, last_success, next; /* realtime; 0: none yet, not known */
        unsigned n_failures;                      /* in a row */
};

#define TS_STATUS_NOT_IN_FORCE_MAX 2u

/* A copy of struct ts_not_in_force. */
struct ts_status_not_in_force {
        char what[16], reason[16];
        int64_t since;
        char path[TS_TEXT_MAX_BYTES];
        char text[2 * TS_TEXT_MAX_BYTES];
};

struct ts_status {
        size_t n_running;             /* cycles under way */
        uint64_t n_begun, n_ended;    /* cycles since the start */
        uint64_t last_number;         /* of the last one that ended, and was not cut short */
        struct ts_history_cycle last; /* last_number > 0 */
        char digest[TS_HISTORY_WORD_BYTES];
        char outcome[TS_TEXT_MAX_BYTES]; /* the last line of its report */
        bool complete;
        int64_t last_success;  /* realtime, when all was well; 0: not yet */
        int64_t next;          /* realtime of the next turn; 0: not known */
        unsigned n_failures;   /* cycles in a row */
        struct ts_pause pause; /* until 0: not paused */

        bool has_declarations; /* false: none in force, only `deny` acts */
        char declarations_path[TS_TEXT_MAX_BYTES];
        char declarations_fault[TS_TEXT_MAX_BYTES]; /* why those on disk are not in force; "" */
        char revision[TS_HISTORY_WORD_BYTES];
        char content_hash[TS_HISTORY_WORD_BYTES];
        char settings_path[TS_TEXT_MAX_BYTES];
        char settings_fault[TS_TEXT_MAX_BYTES];

        struct ts_status_not_in_force not_in_force[TS_STATUS_NOT_IN_FORCE_MAX];
        size_t n_not_in_force;
        char unwatched[TS_TEXT_MAX_BYTES]; /* what has to be polled, and why; "" */

        struct ts_status_organization *organizations; /* sorted by alias */
        size_t n_organizations;
};

/* Over all organizations, as their last turns ended. */
struct ts_status_totals {
        size_t n_failed, n_refused, n_contested, n_held, n_waiting, n_pending; /* organizations */
        size_t n_unknown;                                                      /* without a turn that ended */
        size_t pending;                                                        /* changes */
        size_t failed, held;                                                   /* changes */
};
struct ts_status_totals ts_status_total(const struct ts_status *s);

struct ts_cycle_result;
struct ts_organization_result;
struct ts_schedule;
struct ts_active_config;

void ts_status_done(struct ts_status *s);

/* What is in force, and what is faulty on disk. */
void ts_status_note_active_config(struct ts_status *s, const struct ts_active_config *active_config);

/* Which organizations there are, and when their next turns are. */
void ts_status_note_schedule(struct ts_status *s, const struct ts_schedule *schedule, int64_t now,
                             uint64_t now_usec);

/* How a turn ended. */
void ts_status_note_turn(struct ts_status *s, const struct ts_organization_result *r);

/* How a cycle ended. @exit_status: ts_status_exit_status(). */
void ts_status_note_cycle(struct ts_status *s, const struct ts_cycle_result *r, uint64_t number,
                          const char *trigger, int exit_status);

/* What `trustsyncctl sync` ends with: the first of 78, 65, 75, 3, 1, 0 that applies; what is on disk and not
 * in force counts, and so do organizations that were not part of the last cycle. */
int ts_status_exit_status(const struct ts_status *s);

/* Nothing to do, nothing failed, nothing refused, nothing faulty. */
bool ts_status_is_in_sync(const struct ts_status *s);

/* "starting", "in sync", "changes pending", "held", "refused", "failed", "paused", "stale" (what is on disk
 * is not in force), "faulty": the one that matters most. */
const char *ts_status_word(const struct ts_status *s, int64_t now);

/* One line for STATUS=. */
void ts_status_line(const struct ts_status *s, int64_t now, struct ts_buf *out);

/* {"format_version": 1, ...} */
void ts_status_json(const struct ts_status *s, int64_t now, struct ts_buf *out);

#endif
