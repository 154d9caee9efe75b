/*
 * schedule - determines when each organization has its next turn
 *
 * Pure: time and random numbers are passed in. Times in usec are those of the clock that goes on in suspend
 * and does not jump (boottime); boundaries are points of the calendar, in seconds. Entries are sorted by
 * alias. Cost: linear in the organizations, each time.
 */
#ifndef TS_RECONCILE_SCHEDULE_H
#define TS_RECONCILE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/id.h"
#include "util/sha256.h"
#include "util/timefmt.h"

enum ts_turn_end {
        TS_TURN_GOOD,    /* the interval */
        TS_TURN_REFUSED, /* the same; it is no success */
        TS_TURN_PARTLY,  /* single objects failed: sooner, then up to the interval */
        TS_TURN_FAILED,  /* network, 5xx: sooner than the interval, then later and later */
        TS_TURN_DENIED,  /* rejected credentials: increasing waits, so that the client is not locked out */
};

/* After this many failures in a row the wait no longer grows. */
#define TS_FAILED_WAIT_MAX_USEC (15 * TS_USEC_PER_MINUTE)
#define TS_DENIED_WAIT_MAX_USEC TS_USEC_PER_HOUR

/* Between two turns of an organization that boundaries ask for: a list of windows a second apart is no reason
 * for a turn in every second. */
#define TS_BOUNDARY_GAP_USEC TS_USEC_PER_MINUTE

/*
 * ts_schedule_wait - from the end of a turn to the next one
 * @n_failures: turns in a row that did not end well, this one counted
 * @random:     64 random bits, for the jitter: up to @jitter_usec, after a failure up to a fifth of the wait
 */
uint64_t ts_schedule_wait(enum ts_turn_end outcome, unsigned n_failures, uint64_t interval_usec,
                          uint64_t jitter_usec, uint64_t random);

struct ts_schedule_entry {
        char *alias;
        struct ts_id id;
        struct ts_digest inputs; /* of its settings and declarations: another one is a reason for a turn */
        bool is_asked;           /* due, whatever the time */
        bool is_under_way;
        bool is_outdated; /* the turn under way began with other inputs */
        bool is_cut;      /* the turn under way was asked to stop */
        bool was_cut;     /* so was the last one: this one is not, or none would ever end */
        bool is_gone;     /* no longer of the settings; kept while it is under way */
        bool is_boundary; /* a boundary has passed */
        enum ts_turn_end outcome;
        unsigned n_failures;             /* in a row */
        uint64_t next_usec;              /* the next turn, unless it is asked for sooner */
        uint64_t boundary_turn_usec;     /* when the last turn began that a boundary asked for; 0: none */
        int64_t boundary;                /* the next one; TS_TIME_NEVER: none */
        int64_t last_attempt, last_good; /* realtime, when they ended; 0: none yet */
};

struct ts_schedule {
        struct ts_schedule_entry *items;
        size_t n;
};

struct ts_schedule_key {
        const char *alias; /* borrowed for the call */
        struct ts_id id;
        struct ts_digest inputs;
};

void ts_schedule_done(struct ts_schedule *s);

/* Sets the organizations (sorted by alias). The state of an organization is kept unless its id changed; new
 * organizations and those with changed inputs are due. */
void ts_schedule_set(struct ts_schedule *s, const struct ts_schedule_key *keys, size_t n);

/* NULL: there is none. */
struct ts_schedule_entry *ts_schedule_find(const struct ts_schedule *s, const char *alias);

void ts_schedule_ask_all(struct ts_schedule *s);

/* Their boundaries have come: makes those entries due, at the earliest TS_BOUNDARY_GAP_USEC after the last
 * time. */
void ts_schedule_pass_boundaries(struct ts_schedule *s, int64_t now, uint64_t now_usec);

/* @slack_usec: those that are due so soon are taken along. */
bool ts_schedule_is_due(const struct ts_schedule_entry *e, uint64_t now_usec, uint64_t slack_usec);

/* Organizations that failed as a whole the last time may hang again (genesys/scheduler.h). */
bool ts_schedule_is_suspect(const struct ts_schedule_entry *e);

void ts_schedule_begin(struct ts_schedule_entry *e, uint64_t now_usec);

/* @wait_usec: ts_schedule_wait(); @boundary: of its plan; TS_TIME_UNSET: there was no plan, what is known
 * stays. */
void ts_schedule_note(struct ts_schedule_entry *e, enum ts_turn_end outcome, int64_t now, uint64_t now_usec,
                      uint64_t wait_usec, int64_t boundary);

/* The turn ended, noted or not: one that was cut short is due at once. */
void ts_schedule_end(struct ts_schedule_entry *e);

size_t ts_schedule_count_suspects(const struct ts_schedule *s); /* that are under way */

/* UINT64_MAX, TS_TIME_NEVER: none. @with_suspects: false: only those suspects count that were asked for. */
uint64_t ts_schedule_next_usec(const struct ts_schedule *s, bool with_suspects);
int64_t ts_schedule_next_boundary(const struct ts_schedule *s);

#endif
