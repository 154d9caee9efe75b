/*
 * scenario - an invented organization, what is declared of it, and settings, from a seed
 *
 * Pure. What is live is the declaration with mutations: unrelated random states meet no interesting case.
 * Four texts: the simulator's fixture, the declarations, the settings, and the invariants that say the same
 * to the simulator. Equal seeds give equal texts.
 */
#ifndef TS_PROVE_SCENARIO_H
#define TS_PROVE_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

#define PROVE_ORGANIZATION_ID "ac3e0000-0000-4000-8000-000000000001"
#define PROVE_STARTED 1798761600 /* 2027-01-01 */

struct scenario_options {
        uint64_t seed;
        unsigned max_trusts, max_users; /* of a trust */
        unsigned drift_percent;         /* of the members and grants */
        bool is_exact;                  /* so many trusts, not up to so many */
        bool other_hands;               /* they edit: what is drift then counts for no limit */
        bool wide_limits;               /* no limit refuses anything, nobody is protected or denied */
};

struct scenario {
        struct ts_buf fixture, declarations, settings, invariants;
        const char *globex; /* the declarations of a second organization; NULL: there is none */
        bool removes_unlisted, has_policy; /* has_policy: somebody is protected or denied */
        unsigned n_trusts;                 /* live ones */
};

void scenario_init(struct scenario *s, const struct scenario_options *o);
void scenario_done(struct scenario *s);

/* An edit by another hand (simulator's control format), or an empty text. */
void scenario_edit(uint64_t *random, const struct scenario *s, struct ts_buf *out);

/* The next of a stream of chance. */
uint64_t scenario_random(uint64_t *state);
bool scenario_chance(uint64_t *state, unsigned percent);

#endif
