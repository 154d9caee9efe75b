#include "trusts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "answers.h"
#include "handlers.h"
#include "paging.h"
#include "routes.h"
#include "schema.h"

static const char *const members_words[] = { [TS_WORLD_USER] = "user", [TS_WORLD_GROUP] = "group" };

static struct ts_world_member *members_find(struct ts_sim_call *c, struct ts_sim_trust *ret)
{
        enum ts_world_kind kind = c->route->kind;
        struct ts_world_member *member;

        if (!ts_sim_find_trust(c, ret))
                return NULL;
        member = ts_world_find_member(ret->now, kind, &c->ids[1]);
        if (!member)
                ts_sim_fail(c, 404, "not.found", "The trustee %s was not found.", members_words[kind]);
        return member;
}

/* ---------------------------------------------------------------------------------------------- rendering */

static void members_put_creation(struct ts_json_writer *w, const struct ts_world_member *m)
{
        ts_sim_put_time(w, "dateCreated", m->created);
        ts_sim_put_creator(w, m->created_by);
}

static void members_put(struct ts_sim_call *c, const struct ts_world_member *m, const struct ts_id *fake_id)
{
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        ts_sim_put_party(w, m->party, fake_id);
        if (m->party->kind == TS_WORLD_GROUP) {
                members_put_creation(w, m);
        } else {
                ts_json_key(w, "trustUserDetails");
                ts_json_open_object(w);
                members_put_creation(w, m);
                ts_json_close_object(w);
        }
        ts_json_close_object(w);
}

/* Roles only: the API's answer holds no divisions. */
static void members_put_authorization(struct ts_sim_call *c, const struct ts_world_grants *grants)
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

/* ---------------------------------------------------------------------------------------- from both sides */

static void members_emit(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id, const void *userdata)
{
        const struct ts_world_members *members = userdata;

        members_put(c, &members->items[i], fake_id);
}

void ts_sim_list_members(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;
        const struct ts_world_members *members;

        if (!ts_sim_find_trust(c, &trust))
                return;
        members = &trust.now->members[c->route->kind];
        ts_sim_list(c, members->n, members_emit, members);
}

void ts_sim_get_member(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;
        const struct ts_world_member *member = members_find(c, &trust);

        if (!member)
                return;
        (void) ts_sim_ok(c);
        members_put(c, member, NULL);
}

void ts_sim_remove_member(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;
        struct ts_world_trust *next;

        if (!members_find(c, &trust))
                return;
        next = ts_world_trust_copy(trust.now);
        ts_world_trust_remove(next, ts_world_find_member(next, c->route->kind, &c->ids[1]));
        ts_sim_commit(c, &trust, next);
        ts_sim_no_content(c);
}

/* --------------------------------------------------------------------------------------- grants in bodies */

static bool members_unknown(struct ts_sim_call *c, const char *what, const struct ts_id *id)
{
        int status = (int) c->sim->limits.unknown_grant_status;

        ts_sim_fail(c, status, status == 404 ? "not.found" : "invalid.value", "The %s %s was not found.",
                    what, ts_id_format(id).s);
        return false;
}

static bool members_read_role(struct ts_sim_call *c, const struct ts_json *v, uint32_t *ret)
{
        struct ts_id id;

        if (!ts_sim_check_id(c, v, "roleId", &id))
                return false;
        *ret = ts_world_find_role(c->org, &id);
        return *ret != TS_MAP_NONE || members_unknown(c, "role", &id);
}

static bool members_read_division(struct ts_sim_call *c, const struct ts_json *v, uint32_t *ret)
{
        struct ts_id id;

        *ret = TS_WORLD_ALL;
        if (v->type == TS_JSON_STRING && strcmp(v->string, "*") == 0) {
                if (c->sim->limits.all_divisions_status == 0)
                        return true;
                ts_sim_fail(c, (int) c->sim->limits.all_divisions_status, "invalid.value",
                            "The division * is not valid.");
                return false;
        }
        if (!ts_sim_check_id(c, v, "divisionId", &id))
                return false;
        *ret = ts_world_find_division(c->org, &id);
        return *ret != TS_MAP_NONE || members_unknown(c, "division", &id);
}

/* RoleDivisionGrants, appended to @grants, which has room. */
static bool members_read_pairs(struct ts_sim_call *c, const struct ts_json *list,
                               struct ts_world_grants *grants)
{
        static const struct ts_sim_field fields[] = {
                { "roleId", TS_JSON_STRING, true },
                { "divisionId", TS_JSON_STRING, true },
        };

        TS_JSON_FOREACH (pair, list) {
                struct ts_world_grant *g = &grants->items[grants->n];

                if (!ts_sim_check_object(c, pair, "RoleDivisionPair", fields, TS_N_ELEMENTS(fields)) ||
                    !members_read_role(c, ts_json_get(pair, "roleId"), &g->role) ||
                    !members_read_division(c, ts_json_get(pair, "divisionId"), &g->division))
                        return false;
                grants->n++;
        }
        return true;
}

/* A list of role ids: each in all divisions. */
static bool members_read_roles(struct ts_sim_call *c, const struct ts_json *list,
                               struct ts_world_grants *grants)
{
        if (!ts_sim_check_strings(c, list, "roleIds"))
                return false;
        TS_JSON_FOREACH (id, list) {
                struct ts_world_grant *g = &grants->items[grants->n];

                g->division = TS_WORLD_ALL;
                if (!members_read_role(c, id, &g->role))
                        return false;
                grants->n++;
        }
        return true;
}

static bool members_check_grants(struct ts_sim_call *c, const struct ts_json *v)
{
        static const struct ts_sim_field fields[] = { { "grants", TS_JSON_ARRAY, true } };

        return ts_sim_check_object(c, v, "RoleDivisionGrants", fields, TS_N_ELEMENTS(fields));
}

/* --------------------------------------------------------------------------------------- changing members */

/* Who may come: it exists in the trustee organization and is not deleted. */
static struct ts_world_party *members_find_candidate(struct ts_sim_call *c, enum ts_world_kind kind,
                                                     const struct ts_world_org *home, const struct ts_id *id)
{
        struct ts_world_party *party = ts_world_find_party(c->sim->world, kind, id);

        if (party && party->home == home && party->state != TS_WORLD_DELETED)
                return party;
        ts_sim_fail(c, 404, kind == TS_WORLD_USER ? "trustee.user.not.found" : "not.found",
                    "The %s %s was not found in the trustee organization.", members_words[kind],
                    ts_id_format(id).s);
        return NULL;
}

struct ts_world_party *ts_sim_read_member(struct ts_sim_call *c, const struct ts_json *v,
                                          enum ts_world_kind kind, const struct ts_world_org *home,
                                          struct ts_world_grants *ret)
{
        static const struct ts_sim_field fields[] = {
                { "id", TS_JSON_STRING, true },
                { "roleIds", TS_JSON_ARRAY, false },
                { "roleDivisions", TS_JSON_OBJECT, false },
        };
        const struct ts_json *roles, *pairs;
        struct ts_id id;

        if (!ts_sim_check_object(c, v, "TrustMemberCreate", fields, TS_N_ELEMENTS(fields)) ||
            !ts_sim_check_id(c, ts_json_get(v, "id"), "id", &id))
                return NULL;
        roles = ts_json_get(v, "roleIds");
        pairs = ts_json_get(v, "roleDivisions");
        if (pairs && !members_check_grants(c, pairs))
                return NULL;
        pairs = ts_json_get_array(pairs, "grants");
        ret->items = TS_ARENA_ARRAY(&c->arena, struct ts_world_grant,
                                    (roles ? roles->n : 0) + (pairs ? pairs->n : 0));
        if ((roles && !members_read_roles(c, roles, ret)) || (pairs && !members_read_pairs(c, pairs, ret)))
                return NULL;
        return members_find_candidate(c, kind, home, &id);
}

bool ts_sim_has_room(struct ts_sim_call *c, size_t n)
{
        if ((int64_t) n <= c->sim->limits.users_per_trust)
                return true;
        ts_sim_fail(c, 400, "constraint.validation", "A trust has at most %lld users.",
                    (long long) c->sim->limits.users_per_trust);
        return false;
}

/* Room for one more, or the member is there already and will be replaced. False: answered already. */
static bool members_can_add(struct ts_sim_call *c, const struct ts_world_trust *trust,
                            const struct ts_world_party *party)
{
        if (!ts_world_find_member(trust, party->kind, &party->id))
                return party->kind != TS_WORLD_USER ||
                       ts_sim_has_room(c, trust->members[TS_WORLD_USER].n + 1);
        if (c->sim->limits.add_overwrites)
                return true;
        ts_sim_fail(c, 409, "request.conflict", "The %s is a trustee %s already.", members_words[party->kind],
                    members_words[party->kind]);
        return false;
}

static void members_add(struct ts_sim_call *c, const struct ts_sim_trust *trust, struct ts_world_party *party,
                        const struct ts_world_grants *grants)
{
        struct ts_world_trust *next = ts_world_trust_copy(trust->now);
        struct ts_world_member *member = ts_world_find_member(next, party->kind, &party->id);

        if (member)
                ts_world_member_set(member, grants);
        else
                member = ts_world_trust_add(next, party, grants);
        member->created = ts_sim_realtime(c->sim);
        member->created_by = NULL; /* a client has no name that could be told */
        ts_sim_commit(c, trust, next);
        (void) ts_sim_ok(c);
        members_put(c, member, NULL);
}

/* By the trustor, with grants. */
void ts_sim_add_member(struct ts_sim_call *c)
{
        struct ts_world_grants grants = { 0 };
        struct ts_world_party *party;
        struct ts_sim_trust trust;

        if (!ts_sim_find_trust(c, &trust))
                return;
        party = ts_sim_read_member(c, c->body, c->route->kind, trust.now->trustee, &grants);
        if (party && members_can_add(c, trust.now, party))
                members_add(c, &trust, party, &grants);
}

/* By the trustee, without grants; who is there already stays as it is. */
void ts_sim_join_member(struct ts_sim_call *c)
{
        static const struct ts_world_grants none = { 0 };
        const struct ts_world_member *member;
        struct ts_world_party *party;
        struct ts_sim_trust trust;

        if (!ts_sim_find_trust(c, &trust))
                return;
        party = members_find_candidate(c, c->route->kind, c->org, &c->ids[1]);
        if (!party)
                return;
        member = ts_world_find_member(trust.now, party->kind, &party->id);
        if (!member) {
                if (members_can_add(c, trust.now, party))
                        members_add(c, &trust, party, &none);
                return;
        }
        (void) ts_sim_ok(c);
        members_put(c, member, NULL);
}

/* The one way grants change: all of them at once. NULL: answered already. */
static const struct ts_world_grants *members_replace(struct ts_sim_call *c,
                                                     const struct ts_world_grants *grants)
{
        struct ts_world_member *member;
        struct ts_world_trust *next;
        struct ts_sim_trust trust;

        if (!members_find(c, &trust))
                return NULL;
        next = ts_world_trust_copy(trust.now);
        member = ts_world_find_member(next, c->route->kind, &c->ids[1]);
        assert(member); /* it is a copy of the trust in which it was found */
        ts_world_member_set(member, grants);
        ts_sim_commit(c, &trust, next);
        return &member->grants;
}

void ts_sim_get_member_roles(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;
        const struct ts_world_member *member = members_find(c, &trust);

        if (member)
                members_put_authorization(c, &member->grants);
}

static void members_answer_replace(struct ts_sim_call *c, const struct ts_world_grants *grants)
{
        const struct ts_world_grants *now = members_replace(c, grants);

        if (now)
                members_put_authorization(c, now);
}

void ts_sim_set_member_roles(struct ts_sim_call *c)
{
        struct ts_world_grants grants = { 0 };

        grants.items = TS_ARENA_ARRAY(&c->arena, struct ts_world_grant, c->body->n);
        if (members_read_roles(c, c->body, &grants))
                members_answer_replace(c, &grants);
}

void ts_sim_set_member_grants(struct ts_sim_call *c)
{
        struct ts_world_grants grants = { 0 };
        const struct ts_json *pairs;

        if (!members_check_grants(c, c->body))
                return;
        pairs = ts_json_get_array(c->body, "grants");
        grants.items = TS_ARENA_ARRAY(&c->arena, struct ts_world_grant, pairs->n);
        if (members_read_pairs(c, pairs, &grants))
                members_answer_replace(c, &grants);
}

void ts_sim_clear_member_roles(struct ts_sim_call *c)
{
        static const struct ts_world_grants none = { 0 };
        struct ts_sim_trust trust;
        const struct ts_world_member *member = members_find(c, &trust);

        if (!member)
                return;
        if (member->grants.n == 0 && c->sim->limits.delete_empty_grants_status == 404)
                ts_sim_fail(c, 404, "not.found", "The trustee %s has no roles.",
                            members_words[c->route->kind]);
        else if (members_replace(c, &none))
                ts_sim_no_content(c);
}
