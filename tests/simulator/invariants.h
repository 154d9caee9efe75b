/*
 * invariants - what must hold after every request, whatever a client does
 *
 * Pure. Configured by what is declared (JSON, the "invariants" of a fixture):
 *
 *   { "organizations": [ { "organization": "<name or id>", "unlisted": "report" | "remove",
 *         "trusts": [ { "id" or "name", "absent": false, "enabled": true, "expires": "<time>" | "never",
 *                       "users": [ { "id" or "email",
 *                                    "grants": [ ["Role", "Division" | "*"] ] } ] } ] } ],
 *     "protected": { "organizations": ["<id or name>"], "users": ["<id or email>"] },
 *     "denied":    { "organizations": [...], "users": [...], "roles": ["<name or id>"] },
 *     "limits":    { "removals": n, "trust_removals": n },   over the whole run
 *     "delete_after": seconds }                              from a trust's disabling to its deletion
 *
 * As in declarations, what is left out is not managed: "enabled", "expires", "users", a user's "grants".
 * Checked on every write:
 *   I1 nothing is granted, nobody is added, nothing is opened that was neither live (at the start, or by an
 *      edit) nor is declared; nothing that is denied, whatever is declared
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

struct ts_inv_user {
        struct ts_id id;
        const char *email; /* NULL: known by id */
        bool grants_managed;
        struct ts_world_grants grants;
};

struct ts_inv_trust {
        struct ts_world_org *org;
        struct ts_id id; /* the trustee's */
        bool absent;
        bool enabled_managed, enabled;
        int64_t expires; /* TS_TIME_UNSET: not managed */
        bool users_managed;
        struct ts_inv_user *users;
        size_t n_users;
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
        struct ts_map index; /* organization id and trustee id -> trust */
        struct ts_inv_list protected_organizations, protected_users;
        struct ts_inv_list denied_organizations, denied_users, denied_roles;
        int64_t max_removals, max_trust_removals, delete_after_sec; /* -1: not checked */
        int64_t n_removals, n_trust_removals;
};

/* Makes an empty @inv active, with room for @n_orgs organizations: nothing is declared, protected, denied or
 * limited yet. */
void ts_invariants_init(struct ts_invariants *inv, size_t n_orgs);
/* Takes a copy of @trust, whose users are in inv->arena; false: these two organizations have one already. */
bool ts_invariants_add_trust(struct ts_invariants *inv, const struct ts_inv_trust *trust);

/* Fills an empty @inv. @err: TS_ERR_INPUT. */
int ts_invariants_read(struct ts_invariants *inv, struct ts_world *w, const struct ts_json *v,
                       struct ts_err *err) TS_MUST_CHECK;
void ts_invariants_done(struct ts_invariants *inv);
void ts_invariants_reset(struct ts_invariants *inv); /* counters to zero */

/* Where violations go: a sentence each. */
typedef void (*ts_invariants_report)(const char *text, void *userdata);

/* One write: the trust of @org before and after it (NULL: no trust), at @now. */
void ts_invariants_check(struct ts_invariants *inv, const struct ts_world_org *org,
                         const struct ts_world_trust *before, const struct ts_world_trust *after, int64_t now,
                         ts_invariants_report report, void *userdata);

#endif
