/*
 * invariants - what must hold after every request, whatever a client does
 *
 * Pure. Configured by what is declared (JSON, the "invariants" of a fixture):
 *
 *   { "organizations": [ { "organization": "<name or id>", "unlisted": "report" | "remove",
 *         "trusts": [ { "id" or "name", "absent": false, "enabled": true, "expires": "<time>" | "never",
 *                       "create": false, "default_role": false,   it may be created; with a default role
 *                       "users":  [ { "id" or "email", "grants": [ ["Role", "Division" | "*"] ] } ],
 *                       "groups": [ { "id" or "name", "grants": [ ... ] } ],
 *                       "clones": [ "<id or email>" ] } ],
 *         "trustors": [ { "id" or "name", "absent": false,        whom it may enter
 *                         "users": [ "<id or email>" ], "groups": [ "<id or name>" ],
 *                         "clones": [ "<id or email>" ] } ] } ],
 *     "protected": { "organizations": ["<id or name>"], "users": ["<id or email>"] },
 *     "denied":    { "organizations": [...], "users": [...], "roles": ["<name or id>"] },
 *     "limits":    { "removals": n, "trust_removals": n, "pairings": n },   over the whole run
 *     "delete_after": seconds,                               from a trust's disabling to its deletion
 *     "expires_step": seconds }                              the platform rounds expiries down to a multiple
 *
 * As in declarations, what is left out is not managed: "enabled", "expires", "users", "groups", "clones", a
 * member's "grants". A write is judged by what the organization whose token made it declares.
 * Checked on every write:
 *   I1 nothing is granted, nobody is added, nothing is opened or created that was neither live (at the start,
 *      or by an edit) nor is declared; nothing that is denied, whatever is declared; whoever comes with a new
 *      trust has all that is declared at once
 *   I2 nothing outside what is declared changes, except for what is denied; what is declared and live stays
 *   I3 nothing protected is removed, disabled or reduced
 *   I4 the limits hold; what is denied does not count
 *   I5 only organizations that are named are written to
 */
#ifndef TS_SIMULATOR_INVARIANTS_H
#define TS_SIMULATOR_INVARIANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/reader.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/macros.h"
#include "util/map.h"
#include "world.h"

struct ts_inv_member {
        struct ts_id id;
        const char *name; /* an e-mail, or a group's name; NULL: known by id */
        bool grants_managed;
        struct ts_world_grants grants;
};

struct ts_inv_members {
        bool managed;
        struct ts_inv_member *items;
        size_t n;
};

struct ts_inv_trust {
        struct ts_world_org *org; /* that declares it */
        struct ts_id id;          /* the other one's */
        bool as_trustee;
        bool absent, may_be_created, may_use_default_role;
        bool enabled_managed, enabled;
        int64_t expires; /* TS_TIME_UNSET: not managed */
        struct ts_inv_members members[TS_WORLD_KINDS], clones;
};

struct ts_inv_org {
        const struct ts_world_org *org;
        bool removes_unlisted;
};

struct ts_inv_list { /* ids and texts */
        const char **items;
        size_t n;
};

struct ts_invariants {
        struct ts_arena arena;
        bool active;
        struct ts_inv_org *orgs;
        size_t n_orgs;
        struct ts_inv_trust *trusts;
        size_t n_trusts, a_trusts;
        struct ts_map index; /* the two ids and the direction -> trust */
        struct ts_inv_list protected_organizations, protected_users;
        struct ts_inv_list denied_organizations, denied_users, denied_roles;
        int64_t max_removals, max_trust_removals, max_pairings, delete_after_sec; /* -1: not checked */
        int64_t expires_step;
        int64_t n_removals, n_trust_removals, n_pairings;
};

/* Makes an empty @inv active, with room for @n_orgs organizations: nothing is declared, protected, denied or
 * limited yet. */
void ts_invariants_init(struct ts_invariants *inv, size_t n_orgs);
/* Takes a copy of @trust, whose members are in inv->arena; false: these two organizations have one
 * already. */
bool ts_invariants_add_trust(struct ts_invariants *inv, const struct ts_inv_trust *trust);

/* Fills an empty @inv. @err: TS_ERR_INPUT. */
int ts_invariants_read(struct ts_invariants *inv, struct ts_world *w, const struct ts_json *v,
                       struct ts_err *err) TS_MUST_CHECK;
void ts_invariants_done(struct ts_invariants *inv);
void ts_invariants_reset(struct ts_invariants *inv); /* counters to zero */

/* Where violations go: a sentence each. */
typedef void (*ts_invariants_report)(const char *text, void *userdata);

/* One write by @by, the trustor or the trustee: the trust of the trustor @org before and after it (NULL: no
 * trust), at @now. */
void ts_invariants_check(struct ts_invariants *inv, const struct ts_world_org *org,
                         const struct ts_world_org *by, const struct ts_world_trust *before,
                         const struct ts_world_trust *after, int64_t now, ts_invariants_report report,
                         void *userdata);

/* @org asked for a trust. */
void ts_invariants_check_pairing(struct ts_invariants *inv, const struct ts_world_org *org,
                                 ts_invariants_report report, void *userdata);

#endif
