/*
 * control - the other hand on the simulator: what tests ask and tell it, under /__sim/
 *
 * GET  /__sim/log            the request log, JSON lines
 * GET  /__sim/violations     {"violations": ["..."]}
 * GET  /__sim/state          the whole state, sorted
 * GET  /__sim/requests       {"requests": n}
 * POST /__sim/faults         a fault script; [] ends all faults
 * POST /__sim/invariants     what is declared
 * POST /__sim/time           {"advance": seconds}
 * POST /__sim/reset          back to the start
 * POST /__sim/edit           one change or a list of them, as somebody makes them in the admin screen; the
 * answer has "requests", how many came before it:
 *
 *   { "organization": "<name or id>", "do": "...", "trust": "<trustee's name or id>",
 *     "user": "<e-mail or id>" or "group": "<name or id>", "by": "<e-mail or id>", ... }
 *
 *   do           further members
 *   add_member   "user" or "group": an object as in the fixture, with "grants"
 *   remove_member, set_grants ("grants"), add_grants ("grants"), remove_grants ("grants")
 *   set_trust    "enabled", "expires"
 *   add_trust    "trust": an object as in the fixture
 *   remove_trust
 *   add_role     "role": name or object          remove_role, rename_role ("role", "to")
 *   add_user     "user": an object               set_user ("state", "email")
 *   add_group    "group": an object, of the organization's directory
 *   add_clone, remove_clone ("user")
 *   add_pairing  "pairing": an object as in the fixture, by the organization as trustee
 */
#ifndef TS_SIMULATOR_CONTROL_H
#define TS_SIMULATOR_CONTROL_H

#include "internal.h"

bool ts_sim_control_is(const char *target);
void ts_sim_control_handle(struct ts_simulator *sim, const struct ts_sim_request *req,
                           struct ts_sim_response *resp);

/* One change or a list of them. @err: TS_ERR_INPUT. */
int ts_sim_edit(struct ts_simulator *sim, const struct ts_json *v, struct ts_err *err) TS_MUST_CHECK;

#endif
