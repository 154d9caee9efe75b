#include "handlers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "paging.h"
#include "schema.h"

/* ------------------------------------------------------------------------------------------- finding things
 */

static bool trustees_is_gone(const struct ts_sim_call *c, const struct ts_world_trust *t)
{
        return !t || (c->sim->limits.expired_gone && t->expires <= ts_sim_realtime(c->sim));
}

/* The trust with the organization of the path. NULL: answered already. */
static struct ts_world_trust *trustees_find(struct ts_sim_call *c, size_t *ret_slot)
{
        size_t slot = ts_world_find_slot(c->org, &c->ids[0]);

        if (slot == SIZE_MAX || trustees_is_gone(c, c->org->slots[slot].now)) {
                ts_sim_fail(c, 404, "not.found", "The trustee organization was not found.");
                return NULL;
        }
        *ret_slot = slot;
        return c->org->slots[slot].now;
}

static struct ts_world_member *trustees_find_member(struct ts_sim_call *c, struct ts_world_trust **ret_trust,
                                                    size_t *ret_slot)
{
        struct ts_world_trust *trust = trustees_find(c, ret_slot);
        struct ts_world_member *member;

        if (!trust)
                return NULL;
        member = ts_world_find_member(trust, &c->ids[1]);
        if (!member)
                ts_sim_fail(c, 404, "not.found", "The trustee user was not found.");
        *ret_trust = trust;
        return member;
}

static void trustees_commit(struct ts_sim_call *c, size_t slot, struct ts_world_trust *next)
{
        uint64_t visible_at = 0;

        if (c->fault && c->fault->slow_propagation_ms > 0)
                visible_at = ts_sim_boottime(c->sim) +
                             (uint64_t) c->fault->slow_propagation_ms * TS_USEC_PER_MSEC;
        ts_world_commit(c->sim->world, c->org, slot, next, visible_at);
        c->had_effect = true;
}

/* ------------------------------------------------------------------------------------------------ rendering
 */

static void trustees_add_time(struct ts_json_writer *w, const char *key, int64_t t)
{
        ts_json_add_string(w, key, ts_time_format_api(t).s);
}

static void trustees_put_organization(struct ts_json_writer *w, const struct ts_world_org *org,
                                      const struct ts_id *id)
{
        ts_json_key(w, "organization");
        ts_json_open_object(w);
        ts_json_add_id(w, "id", id);
        ts_json_add_string(w, "name", org->name);
        ts_json_add_string(w, "thirdPartyOrgName", org->name);
        ts_json_add_string(w, "domain", "example.invalid");
        ts_json_add_int(w, "version", 3);
        ts_json_add_string(w, "state", "active");
        ts_json_add_bool(w, "voicemailEnabled", false);
        ts_json_add_string(w, "selfUri", "/api/v2/organizations/me");
        ts_json_close_object(w);
}

static void trustees_put_trust(struct ts_sim_call *c, const struct ts_world_trust *t,
                               const struct ts_id *fake_id)
{
        const struct ts_id *id = fake_id ? fake_id : &t->trustee->id;
        struct ts_json_writer *w = &c->w;
        char uri[128];

        (void) snprintf(uri, sizeof(uri), "/api/v2/orgauthorization/trustees/%s", ts_id_format(id).s);
        ts_json_open_object(w);
        ts_json_add_id(w, "id", id);
        ts_json_add_bool(w, "enabled", t->enabled);
        ts_json_add_bool(w, "usesDefaultRole", t->uses_default_role);
        ts_json_add_bool(w, "hasFullAccess", t->has_full_access);
        ts_json_add_bool(w, "isTrustedUser", false);
        trustees_add_time(w, "dateCreated", t->created);
        if (t->expires != TS_TIME_NEVER)
                trustees_add_time(w, "dateExpired", t->expires);
        trustees_put_organization(w, t->trustee, id);
        ts_json_add_string(w, "selfUri", uri);
        ts_json_close_object(w);
}

static void trustees_put_contact(struct ts_json_writer *w, const struct ts_world_user *u)
{
        ts_json_key(w, "primaryContactInfo");
        ts_json_open_array(w);
        ts_json_open_object(w);
        ts_json_add_string(w, "address", u->email);
        ts_json_add_string(w, "mediaType", "EMAIL");
        ts_json_add_string(w, "type", "PRIMARY");
        ts_json_close_object(w);
        ts_json_close_array(w);
}

static void trustees_put_member(struct ts_sim_call *c, const struct ts_world_member *m,
                                const struct ts_id *fake_id)
{
        const struct ts_world_user *u = m->user;
        const struct ts_id *id = fake_id ? fake_id : &u->id;
        struct ts_json_writer *w = &c->w;
        char uri[64];

        (void) snprintf(uri, sizeof(uri), "/api/v2/users/%s", ts_id_format(id).s);
        ts_json_open_object(w);
        ts_json_add_id(w, "id", id);
        ts_json_add_string(w, "name", u->name);
        ts_json_add_string(w, "email", u->email);
        ts_json_add_string(w, "username", u->email);
        trustees_put_contact(w, u);
        ts_json_add_string(w, "state", ts_world_user_state_to_string(u->state));
        ts_json_add_string(w, "title", "");
        ts_json_add_int(w, "version", 7);
        ts_json_add_bool(w, "acdAutoAnswer", false);
        ts_json_key(w, "trustUserDetails");
        ts_json_open_object(w);
        trustees_add_time(w, "dateCreated", m->created);
        ts_json_close_object(w);
        ts_json_add_string(w, "selfUri", uri);
        ts_json_close_object(w);
}

/* Roles only: the API's answer holds no divisions. */
static void trustees_put_authorization(struct ts_sim_call *c, const struct ts_world_grants *grants)
{
        struct ts_json_writer *w = ts_sim_ok(c);
        uint32_t last = UINT32_MAX;

        ts_json_open_object(w);
        ts_json_key(w, "roles");
        ts_json_open_array(w);
        for (size_t i = 0; i < grants->n; i++) {
                const struct ts_world_role *role = &c->org->roles[grants->items[i].role];

                if (role->removed || grants->items[i].role == last)
                        continue;
                last = grants->items[i].role;
                ts_json_open_object(w);
                ts_json_add_id(w, "id", &role->id);
                ts_json_add_string(w, "name", role->name);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        ts_json_key(w, "unusedRoles");
        ts_json_open_array(w);
        ts_json_close_array(w);
        ts_json_key(w, "permissions");
        ts_json_open_array(w);
        ts_json_put_string(w, "directory:user:view");
        ts_json_close_array(w);
        ts_json_close_object(w);
}

/* -------------------------------------------------------------------------------------------------- trusts
 */

static void trustees_emit_trust(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id,
                                const void *userdata)
{
        const struct ts_world_trust *const *trusts = userdata;

        trustees_put_trust(c, trusts[i], fake_id);
}

void ts_sim_list_trustees(struct ts_sim_call *c)
{
        const struct ts_world_trust **trusts =
                        TS_ARENA_ARRAY(&c->arena, const struct ts_world_trust *, c->org->n_slots);
        size_t n = 0;

        for (size_t i = 0; i < c->org->n_slots; i++)
                if (!trustees_is_gone(c, c->org->slots[i].now))
                        trusts[n++] = c->org->slots[i].now;
        ts_sim_list(c, n, trustees_emit_trust, trusts);
}

void ts_sim_get_trustee(struct ts_sim_call *c)
{
        size_t slot;
        const struct ts_world_trust *trust = trustees_find(c, &slot);

        if (!trust)
                return;
        (void) ts_sim_ok(c);
        trustees_put_trust(c, trust, NULL);
}

/* A date that is left out is cleared: PUT replaces. */
static bool trustees_read_expiry(struct ts_sim_call *c, int64_t *ret)
{
        const char *text = ts_json_get_string(c->body, "dateExpired");

        *ret = TS_TIME_NEVER;
        if (!text || ts_time_parse(text, strlen(text), ret) >= 0)
                return true;
        ts_sim_invalid(c, 400, "invalid.date", "'%s' is not a date.", text);
        return false;
}

static void trustees_set_enabled(const struct ts_sim_call *c, struct ts_world_trust *trust, bool enabled)
{
        if (trust->enabled && !enabled)
                trust->disabled_since = ts_sim_realtime(c->sim);
        if (enabled)
                trust->disabled_since = TS_TIME_UNSET;
        trust->enabled = enabled;
}

void ts_sim_update_trustee(struct ts_sim_call *c)
{
        static const struct ts_sim_field fields[] = {
                { "enabled", TS_JSON_BOOL, true },
                { "dateExpired", TS_JSON_STRING, false },
        };
        struct ts_world_trust *next, *trust;
        bool enabled = false;
        int64_t expires;
        size_t slot;

        if (!ts_sim_check_object(c, c->body, "TrustUpdate", fields, TS_N_ELEMENTS(fields)) ||
            !trustees_read_expiry(c, &expires))
                return;
        trust = trustees_find(c, &slot);
        if (!trust)
                return;
        (void) ts_json_get_bool(c->body, "enabled", &enabled);
        next = ts_world_trust_copy(trust);
        trustees_set_enabled(c, next, enabled);
        next->expires = expires;
        trustees_commit(c, slot, next);
        (void) ts_sim_ok(c);
        trustees_put_trust(c, next, NULL);
}

void ts_sim_delete_trustee(struct ts_sim_call *c)
{
        size_t slot;

        if (!trustees_find(c, &slot))
                return;
        trustees_commit(c, slot, NULL);
        ts_sim_no_content(c);
}

void ts_sim_delete_trustees(struct ts_sim_call *c)
{
        ts_sim_violation(c->sim, "the bulk deletion of trusts was called: %s", c->req->target);
        for (size_t i = 0; i < c->n_params; i++) {
                struct ts_id id;
                size_t slot;

                if (!ts_id_parse_string(c->params[i].value, &id))
                        continue;
                slot = ts_world_find_slot(c->org, &id);
                if (slot != SIZE_MAX && c->org->slots[slot].now)
                        trustees_commit(c, slot, NULL);
        }
        ts_sim_no_content(c);
}

/* ----------------------------------------------------------------------------------------- customer care */

void ts_sim_list_care(struct ts_sim_call *c)
{
        const struct ts_world *world = c->sim->world;
        struct ts_json_writer *w = ts_sim_ok(c);

        ts_json_open_object(w);
        ts_json_key(w, "entities");
        ts_json_open_array(w);
        for (size_t i = 0; i < world->n_care; i++) {
                ts_json_open_object(w);
                ts_json_add_id(w, "id", &world->care[i]);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        ts_json_close_object(w);
}

void ts_sim_get_default_care(struct ts_sim_call *c)
{
        size_t slot = ts_world_find_slot(c->org, &c->org->default_care);

        if (slot == SIZE_MAX || trustees_is_gone(c, c->org->slots[slot].now)) {
                ts_sim_fail(c, 404, "not.found", "There is no default trustee.");
                return;
        }
        (void) ts_sim_ok(c);
        trustees_put_trust(c, c->org->slots[slot].now, NULL);
}

/* --------------------------------------------------------------------------------------------------- members
 */

static void trustees_emit_member(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id,
                                 const void *userdata)
{
        const struct ts_world_trust *trust = userdata;

        trustees_put_member(c, &trust->members[i], fake_id);
}

void ts_sim_list_trustee_users(struct ts_sim_call *c)
{
        size_t slot;
        const struct ts_world_trust *trust = trustees_find(c, &slot);

        if (trust)
                ts_sim_list(c, trust->n_members, trustees_emit_member, trust);
}

void ts_sim_get_trustee_user(struct ts_sim_call *c)
{
        struct ts_world_trust *trust;
        size_t slot;
        const struct ts_world_member *member = trustees_find_member(c, &trust, &slot);

        if (!member)
                return;
        (void) ts_sim_ok(c);
        trustees_put_member(c, member, NULL);
}

void ts_sim_remove_trustee_user(struct ts_sim_call *c)
{
        struct ts_world_trust *trust, *next;
        size_t slot;

        if (!trustees_find_member(c, &trust, &slot))
                return;
        next = ts_world_trust_copy(trust);
        ts_world_trust_remove(next, ts_world_find_member(next, &c->ids[1]));
        trustees_commit(c, slot, next);
        ts_sim_no_content(c);
}

/* ------------------------------------------------------------------------------------------ grants in bodies
 */

static bool trustees_unknown(struct ts_sim_call *c, const char *what, const struct ts_id *id)
{
        int status = (int) c->sim->limits.unknown_grant_status;

        ts_sim_fail(c, status, status == 404 ? "not.found" : "invalid.value", "The %s %s was not found.",
                    what, ts_id_format(id).s);
        return false;
}

static bool trustees_read_role(struct ts_sim_call *c, const struct ts_json *v, uint32_t *ret)
{
        struct ts_id id;

        if (!ts_sim_check_id(c, v, "roleId", &id))
                return false;
        *ret = ts_world_find_role(c->org, &id);
        return *ret != TS_MAP_NONE || trustees_unknown(c, "role", &id);
}

static bool trustees_read_division(struct ts_sim_call *c, const struct ts_json *v, uint32_t *ret)
{
        struct ts_id id;

        *ret = TS_WORLD_ALL;
        if (v->type == TS_JSON_STRING && strcmp(v->string, "*") == 0)
                return true;
        if (!ts_sim_check_id(c, v, "divisionId", &id))
                return false;
        *ret = ts_world_find_division(c->org, &id);
        return *ret != TS_MAP_NONE || trustees_unknown(c, "division", &id);
}

/* RoleDivisionGrants, appended to @grants, which has room. */
static bool trustees_read_pairs(struct ts_sim_call *c, const struct ts_json *list,
                                struct ts_world_grants *grants)
{
        static const struct ts_sim_field fields[] = {
                { "roleId", TS_JSON_STRING, true },
                { "divisionId", TS_JSON_STRING, true },
        };

        TS_JSON_FOREACH (pair, list) {
                struct ts_world_grant *g = &grants->items[grants->n];

                if (!ts_sim_check_object(c, pair, "RoleDivisionPair", fields, TS_N_ELEMENTS(fields)) ||
                    !trustees_read_role(c, ts_json_get(pair, "roleId"), &g->role) ||
                    !trustees_read_division(c, ts_json_get(pair, "divisionId"), &g->division))
                        return false;
                grants->n++;
        }
        return true;
}

/* A list of role ids: each in all divisions. */
static bool trustees_read_roles(struct ts_sim_call *c, const struct ts_json *list,
                                struct ts_world_grants *grants)
{
        if (!ts_sim_check_strings(c, list, "roleIds"))
                return false;
        TS_JSON_FOREACH (id, list) {
                struct ts_world_grant *g = &grants->items[grants->n];

                g->division = TS_WORLD_ALL;
                if (!trustees_read_role(c, id, &g->role))
                        return false;
                grants->n++;
        }
        return true;
}

static bool trustees_check_grants(struct ts_sim_call *c, const struct ts_json *v)
{
        static const struct ts_sim_field fields[] = { { "grants", TS_JSON_ARRAY, true } };

        return ts_sim_check_object(c, v, "RoleDivisionGrants", fields, TS_N_ELEMENTS(fields));
}

/* ------------------------------------------------------------------------------------------ changing members
 */

/* The user may come: it exists in the trustee organization and is not deleted. */
static struct ts_world_user *trustees_find_candidate(struct ts_sim_call *c,
                                                     const struct ts_world_trust *trust,
                                                     const struct ts_id *id)
{
        struct ts_world_user *user = ts_world_find_user(c->sim->world, id);

        if (user && user->home == trust->trustee && user->state != TS_WORLD_DELETED)
                return user;
        ts_sim_fail(c, 404, "trustee.user.not.found",
                    "The user %s was not found in the trustee organization.", ts_id_format(id).s);
        return NULL;
}

static bool trustees_read_member(struct ts_sim_call *c, struct ts_id *ret_id,
                                 struct ts_world_grants *ret_grants)
{
        static const struct ts_sim_field fields[] = {
                { "id", TS_JSON_STRING, true },
                { "roleIds", TS_JSON_ARRAY, false },
                { "roleDivisions", TS_JSON_OBJECT, false },
        };
        const struct ts_json *roles, *pairs;

        if (!ts_sim_check_object(c, c->body, "TrustMemberCreate", fields, TS_N_ELEMENTS(fields)) ||
            !ts_sim_check_id(c, ts_json_get(c->body, "id"), "id", ret_id))
                return false;
        roles = ts_json_get(c->body, "roleIds");
        pairs = ts_json_get(c->body, "roleDivisions");
        if (pairs && !trustees_check_grants(c, pairs))
                return false;
        pairs = ts_json_get_array(pairs, "grants");
        ret_grants->items = TS_ARENA_ARRAY(&c->arena, struct ts_world_grant,
                                           (roles ? roles->n : 0) + (pairs ? pairs->n : 0));
        return (!roles || trustees_read_roles(c, roles, ret_grants)) &&
               (!pairs || trustees_read_pairs(c, pairs, ret_grants));
}

/* Room for one more, or the member is there already and will be replaced. False: answered already. */
static bool trustees_can_add(struct ts_sim_call *c, const struct ts_world_trust *trust,
                             const struct ts_id *user)
{
        if (ts_world_find_member(trust, user)) {
                if (c->sim->limits.add_overwrites)
                        return true;
                ts_sim_fail(c, 409, "request.conflict", "The user is a trustee user already.");
                return false;
        }
        if ((int64_t) trust->n_members < c->sim->limits.users_per_trust)
                return true;
        ts_sim_fail(c, 400, "constraint.validation", "A trust has at most %lld users.",
                    (long long) c->sim->limits.users_per_trust);
        return false;
}

void ts_sim_add_trustee_user(struct ts_sim_call *c)
{
        struct ts_world_grants grants = { 0 };
        struct ts_world_trust *trust, *next;
        struct ts_world_member *member;
        struct ts_world_user *user;
        struct ts_id id;
        size_t slot;

        if (!trustees_read_member(c, &id, &grants))
                return;
        trust = trustees_find(c, &slot);
        user = trust ? trustees_find_candidate(c, trust, &id) : NULL;
        if (!user || !trustees_can_add(c, trust, &id))
                return;
        next = ts_world_trust_copy(trust);
        member = ts_world_find_member(next, &id);
        if (member)
                ts_world_member_set(member, &grants);
        else
                member = ts_world_trust_add(next, user, &grants);
        member->created = ts_sim_realtime(c->sim);
        trustees_commit(c, slot, next);
        (void) ts_sim_ok(c);
        trustees_put_member(c, member, NULL);
}

/* The one way grants change: all of them at once. NULL: answered already. */
static const struct ts_world_grants *trustees_replace(struct ts_sim_call *c,
                                                      const struct ts_world_grants *grants)
{
        struct ts_world_trust *trust, *next;
        struct ts_world_member *member;
        size_t slot;

        if (!trustees_find_member(c, &trust, &slot))
                return NULL;
        next = ts_world_trust_copy(trust);
        member = ts_world_find_member(next, &c->ids[1]);
        assert(member); /* it is a copy of the trust in which it was found */
        ts_world_member_set(member, grants);
        trustees_commit(c, slot, next);
        return &member->grants;
}

void ts_sim_get_trustee_user_roles(struct ts_sim_call *c)
{
        struct ts_world_trust *trust;
        size_t slot;
        const struct ts_world_member *member = trustees_find_member(c, &trust, &slot);

        if (member)
                trustees_put_authorization(c, &member->grants);
}

static void trustees_answer_replace(struct ts_sim_call *c, const struct ts_world_grants *grants)
{
        const struct ts_world_grants *now = trustees_replace(c, grants);

        if (now)
                trustees_put_authorization(c, now);
}

void ts_sim_set_trustee_user_roles(struct ts_sim_call *c)
{
        struct ts_world_grants grants = { 0 };

        grants.items = TS_ARENA_ARRAY(&c->arena, struct ts_world_grant, c->body->n);
        if (trustees_read_roles(c, c->body, &grants))
                trustees_answer_replace(c, &grants);
}

void ts_sim_set_trustee_user_grants(struct ts_sim_call *c)
{
        struct ts_world_grants grants = { 0 };
        const struct ts_json *pairs;

        if (!trustees_check_grants(c, c->body))
                return;
        pairs = ts_json_get_array(c->body, "grants");
        grants.items = TS_ARENA_ARRAY(&c->arena, struct ts_world_grant, pairs->n);
        if (trustees_read_pairs(c, pairs, &grants))
                trustees_answer_replace(c, &grants);
}

void ts_sim_clear_trustee_user_roles(struct ts_sim_call *c)
{
        static const struct ts_world_grants none = { 0 };
        struct ts_world_trust *trust;
        size_t slot;
        const struct ts_world_member *member = trustees_find_member(c, &trust, &slot);

        if (!member)
                return;
        if (member->grants.n == 0 && c->sim->limits.delete_empty_grants_status == 404)
                ts_sim_fail(c, 404, "not.found", "The trustee user has no roles.");
        else if (trustees_replace(c, &none))
                ts_sim_no_content(c);
}
