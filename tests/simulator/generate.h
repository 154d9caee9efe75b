/*
 * generate - a large organization and the declarations that go with it, from a few numbers
 *
 * Pure. Equal numbers give equal worlds, declarations and invariants. Every trust has as many declared users,
 * every user as many roles, each in all divisions, in one or in two of them. Without drift what is live is
 * what is declared; with it, so many of a hundred users differ: missing, replaced by a stranger, with a grant
 * too many or too few, or in another division.
 */
#ifndef TS_SIMULATOR_GENERATE_H
#define TS_SIMULATOR_GENERATE_H

#include <stddef.h>
#include <stdint.h>

#include "internal.h"

#define TS_GENERATE_ORGANIZATION "bench"
#define TS_GENERATE_ORGANIZATION_ID "be9c0000-0000-4000-8000-000000000001"
#define TS_GENERATE_CLIENT_ID "be9c0000-0000-4000-8000-000000000002"
#define TS_GENERATE_CLIENT_SECRET "generated-and-no-secret"

struct ts_generate {
        int64_t trusts, users, roles_per_user, seed;
        int64_t drift_percent;
};

/* The numbers as a fixture has them, under "generate". @err: TS_ERR_INPUT: one of them is out of bounds. */
int ts_generate_read(const struct ts_json *v, struct ts_generate *ret, struct ts_err *err) TS_MUST_CHECK;
int ts_generate_check(const struct ts_generate *g, struct ts_err *err) TS_MUST_CHECK;

/* A fixture that says no more than the numbers. */
void ts_generate_fixture(const struct ts_generate *g, struct ts_buf *out);

void ts_generate_world(const struct ts_generate *g, struct ts_world *w);
/* What is declared, of that world; nothing is protected, nothing limited. @inv is empty. */
void ts_generate_invariants(const struct ts_generate *g, const struct ts_world *w, struct ts_invariants *inv);

/* One file of declarations, beginning with trust number @first (0 at first), of as many as fit into
 * @max_bytes, one at least. Returns the number that the next file begins with; g->trusts: that was all. */
int64_t ts_generate_declarations(const struct ts_generate *g, int64_t first, size_t max_bytes,
                                 struct ts_buf *out);

#endif
