/*
 * prove - what the suites share: the counts of a run, how one fails, one cycle that is counted and checked
 */
#ifndef TS_PROVE_PROVE_H
#define TS_PROVE_PROVE_H

#include "harness.h"
#include "util/arena.h"

struct prove {
        uint64_t seed, n_runs;
        unsigned stride;
        bool is_verbose;
        const char *suite; /* NULL: all */
        /* what happened, all told */
        uint64_t n_cycles, n_requests, n_writes, n_kills, n_faults[18], n_edits, n_races;
        uint64_t n_applied[TS_ACTION_MAX_], n_guards[GUARD_MAX_];
        uint64_t n_refused, n_held, n_incomplete, n_converged;
        uint64_t n_harnesses[HARNESS_KIND_MAX_], n_busy, n_jumps, n_damaged;
        struct ts_sha256 *trace; /* of the random runs: equal seeds, equal traces */
        const char *running;     /* the suite */
        struct ts_arena arena;
};

/* Says what was broken and how to see it again, and exits. */
_Noreturn void prove_fail(const struct prove *p, uint64_t seed, const char *what);

/* One cycle of @daemon; fails when the simulator's invariants are broken. */
struct outcome prove_cycle(struct prove *p, struct harness *h, size_t daemon, uint64_t seed);

/* adversary.c */
void suite_adversaries(struct prove *p);

#endif
