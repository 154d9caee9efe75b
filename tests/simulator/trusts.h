/*
 * trusts - the trust that a request is about, from whichever side, and changing it
 */
#ifndef TS_SIMULATOR_TRUSTS_H
#define TS_SIMULATOR_TRUSTS_H

#include "internal.h"

struct ts_sim_trust {
        struct ts_world_org *trustor;
        size_t slot; /* in the trustor's */
        struct ts_world_trust *now;
};

/* The trust between the token's organization and the one of the path: the former is the trustor, unless the
 * route says TS_SIM_AS_TRUSTEE. False: answered already. */
bool ts_sim_find_trust(struct ts_sim_call *c, struct ts_sim_trust *ret);
/* There is none, or it does not show any more. */
bool ts_sim_trust_is_gone(const struct ts_sim_call *c, const struct ts_world_trust *t);

/* Takes @next over; NULL: the trust goes. */
void ts_sim_commit(struct ts_sim_call *c, const struct ts_sim_trust *trust, struct ts_world_trust *next);

/* TrustMemberCreate: who (a @kind of the organization @home), and with which grants (in the call's arena).
 * NULL: answered already. */
struct ts_world_party *ts_sim_read_member(struct ts_sim_call *c, const struct ts_json *v,
                                          enum ts_world_kind kind, const struct ts_world_org *home,
                                          struct ts_world_grants *ret);

/* There is room for @n users. False: answered already. */
bool ts_sim_has_room(struct ts_sim_call *c, size_t n);

/* Not used, not lapsed. */
bool ts_sim_pairing_is_open(const struct ts_simulator *sim, const struct ts_world_pairing *p);
/* An open pairing request. NULL: answered already. */
struct ts_world_pairing *ts_sim_find_pairing(struct ts_sim_call *c, const struct ts_id *id);

/* "dateExpired" of a body; left out: TS_TIME_NEVER. False: answered already. */
bool ts_sim_read_expiry(struct ts_sim_call *c, int64_t *ret);

#endif
