/*
 * decide - what becomes of each change, before anything is sent
 *
 * Pure. No other code decides this. The diff has already ended the changes that may never be
 * written: protected, of a collection that is not known completely, of a trust in mode observe, without what
 * they need. Of the rest, in this order (what an earlier step ended, no later one plans again):
 *
 *   step          ends a change                                                          as
 *   propagation   that was written and does not show yet / never showed                  waiting / failed
 *   contention    that only gives, to an object that is put back again and again         waiting
 *   record        every one, when removals would be made and the record is lost          held, refused
 *   review        every one that no digest given covers; a digest that covers nothing    held / refused
 *   limits        of a trust over its own limit / every one over the organization's      held, refused
 *   pause         every one                                                              held
 *   refusal       every one of a refused organization                                    held
 *
 * Digests are made before: what only waits is in them, so that they stay the same while nothing else changes.
 * A change of a reviewed plan passes the limits, and nothing else. What `deny` asks for passes every step:
 * the denied part of an update goes on alone. Only protection comes before `deny`.
 */
#ifndef TS_TRUST_DECIDE_H
#define TS_TRUST_DECIDE_H

#include "trust/last_applied.h"
#include "trust/plan.h"

struct ts_decide_input {
        const struct ts_live *live;
        const struct ts_limits *limits;
        const struct ts_last_applied *last_applied; /* NULL: nothing is known */
        int64_t now;                                /* our clock, for the limits */
        int64_t recorded_now;                       /* in the time in which writes are recorded */
        const char *reviewed;   /* digests between spaces or commas; NULL: the limits hold */
        bool is_reviewed_whole; /* the digest of the run is one of them */
        const char *unmatched;  /* why one of them covers nothing of the run; NULL: each covers something */
        const char *paused;     /* why nothing is written; NULL: it is */
        bool is_dry;            /* what a refusal keeps back stays planned, as it is to be shown */
};

void ts_decide(struct ts_plan *plan, const struct ts_decide_input *in);

/* Is @digest one of @reviewed? */
bool ts_review_has(const char *reviewed, const struct ts_digest *digest);

/* Cuts the next digest off @reviewed; false at its end. */
bool ts_review_next(const char **reviewed, const char **ret, size_t *ret_len);

#endif
