#include "handlers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "paging.h"

#define AUTHORIZATION_IDS_MAX 100u /* of one listing by id */

/* --------------------------------------------------------------------------------------- roles, divisions */

/* Those of the listing, by index. */
struct authorization_pick {
        const struct ts_world_org *org;
        uint32_t *items;
        size_t n;
};

/* A filter by name is a search: it finds more than the name itself, so that clients have to compare. */
static bool authorization_is_requested(const struct ts_sim_call *c, const struct ts_id *id, const char *name)
{
        const char *pattern = ts_sim_param(c, "name");
        bool by_id = false, found = false;
        struct ts_id expected;

        if (pattern && !strcasestr(name, pattern))
                return false;
        for (size_t i = 0; i < c->n_params; i++) {
                if (strcmp(c->params[i].name, "id") != 0)
                        continue;
                by_id = true;
                found = found ||
                        (ts_id_parse_string(c->params[i].value, &expected) && ts_id_equal(&expected, id));
        }
        return found || !by_id;
}

static bool authorization_too_many_ids(struct ts_sim_call *c)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n_params; i++)
                n += strcmp(c->params[i].name, "id") == 0;
        if (n <= AUTHORIZATION_IDS_MAX)
                return false;
        ts_sim_invalid(c, 400, "max.role.ids", "Only %u ids are allowed.", AUTHORIZATION_IDS_MAX);
        return true;
}

static void authorization_self_uri(struct ts_sim_call *c, const char *folder, const struct ts_id *id)
{
        char uri[128];

        (void) snprintf(uri, sizeof(uri), "/api/v2/authorization/%s/%s", folder, ts_id_format(id).s);
        ts_json_add_string(&c->w, "selfUri", uri);
}

static void authorization_empty_list(struct ts_json_writer *w, const char *key)
{
        ts_json_key(w, key);
        ts_json_open_array(w);
        ts_json_close_array(w);
}

static void authorization_put_role(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id,
                                   const void *userdata)
{
        const struct authorization_pick *pick = userdata;
        const struct ts_world_role *role = &pick->org->roles[pick->items[i]];
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        ts_json_add_id(w, "id", fake_id ? fake_id : &role->id);
        ts_json_add_string(w, "name", role->name);
        ts_json_add_string(w, "description", "");
        authorization_empty_list(w, "permissions");
        authorization_empty_list(w, "permissionPolicies");
        ts_json_add_bool(w, "roleNeedsUpdate", false);
        ts_json_add_bool(w, "base", false);
        ts_json_add_bool(w, "default", false);
        authorization_self_uri(c, "roles", &role->id);
        ts_json_close_object(w);
}

void ts_sim_list_roles(struct ts_sim_call *c)
{
        struct authorization_pick pick = { .org = c->org };

        if (authorization_too_many_ids(c))
                return;
        pick.items = TS_ARENA_ARRAY(&c->arena, uint32_t, c->org->n_roles);
        for (size_t i = 0; i < c->org->n_roles; i++)
                if (!c->org->roles[i].removed &&
                    authorization_is_requested(c, &c->org->roles[i].id, c->org->roles[i].name))
                        pick.items[pick.n++] = (uint32_t) i;
        ts_sim_list(c, pick.n, authorization_put_role, &pick);
}

static void authorization_put_division(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id,
                                       const void *userdata)
{
        const struct authorization_pick *pick = userdata;
        const struct ts_world_division *division = &pick->org->divisions[pick->items[i]];
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        ts_json_add_id(w, "id", fake_id ? fake_id : &division->id);
        ts_json_add_string(w, "name", division->name);
        ts_json_add_string(w, "description", "");
        ts_json_add_bool(w, "homeDivision", division->home);
        authorization_self_uri(c, "divisions", &division->id);
        ts_json_close_object(w);
}

void ts_sim_list_divisions(struct ts_sim_call *c)
{
        struct authorization_pick pick = { .org = c->org };

        if (authorization_too_many_ids(c))
                return;
        pick.items = TS_ARENA_ARRAY(&c->arena, uint32_t, c->org->n_divisions);
        for (size_t i = 0; i < c->org->n_divisions; i++)
                if (authorization_is_requested(c, &c->org->divisions[i].id, c->org->divisions[i].name))
                        pick.items[pick.n++] = (uint32_t) i;
        ts_sim_list(c, pick.n, authorization_put_division, &pick);
}

void ts_sim_get_home_division(struct ts_sim_call *c)
{
        for (uint32_t i = 0; i < c->org->n_divisions; i++)
                if (c->org->divisions[i].home) {
                        struct authorization_pick pick = { .org = c->org, .items = &i, .n = 1 };

                        (void) ts_sim_ok(c);
                        authorization_put_division(c, 0, NULL, &pick);
                        return;
                }
        ts_sim_fail(c, 404, "not.found", "There is no home division.");
}

/* ----------------------------------------------------------------------------------------- who holds what */

static void authorization_put_grant_division(struct ts_sim_call *c, uint32_t division)
{
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        if (division == TS_WORLD_ALL) {
                ts_json_add_string(w, "id", "*");
                ts_json_add_string(w, "name", "*");
                ts_json_add_string(w, "selfUri", "/api/v2/authorization/divisions/*");
        } else {
                ts_json_add_id(w, "id", &c->org->divisions[division].id);
                ts_json_add_string(w, "name", c->org->divisions[division].name);
                authorization_self_uri(c, "divisions", &c->org->divisions[division].id);
        }
        ts_json_close_object(w);
}

static void authorization_put_holder(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id,
                                     const void *userdata)
{
        const struct ts_world_holder *holder = (const struct ts_world_holder *) userdata + i;
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        ts_json_add_id(w, "id", fake_id ? fake_id : holder->id);
        ts_json_add_string(w, "name", holder->name);
        ts_json_key(w, "divisions");
        ts_json_open_array(w);
        for (size_t k = 0; k < holder->n_grants; k++)
                authorization_put_grant_division(c, holder->grants[k].division);
        ts_json_close_array(w);
        ts_json_add_string(w, "type", holder->type);
        authorization_self_uri(c, "subjects", holder->id);
        ts_json_close_object(w);
}

void ts_sim_list_role_subjects(struct ts_sim_call *c)
{
        uint32_t role = ts_world_find_role(c->org, &c->ids[0]);
        const struct ts_world_holder *holders;
        size_t n;

        if (role == TS_MAP_NONE) {
                ts_sim_fail(c, 404, "not.found", "The role was not found.");
                return;
        }
        holders = ts_world_holders(c->org, role, &n);
        ts_sim_list(c, n, authorization_put_holder, holders);
}

static void authorization_put_grant(struct ts_sim_call *c, const struct ts_id *subject,
                                    struct ts_world_grant g)
{
        const struct ts_world_role *role = &c->org->roles[g.role];
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        ts_json_add_id(w, "subjectId", subject);
        ts_json_key(w, "division");
        authorization_put_grant_division(c, g.division);
        ts_json_key(w, "role");
        ts_json_open_object(w);
        ts_json_add_id(w, "id", &role->id);
        ts_json_add_string(w, "name", role->name);
        ts_json_add_string(w, "description", "");
        authorization_empty_list(w, "policies");
        ts_json_add_bool(w, "default", false);
        authorization_self_uri(c, "roles", &role->id);
        ts_json_close_object(w);
        ts_json_add_string(w, "grantMadeAt", "2025-01-15T08:00:00.000Z");
        ts_json_close_object(w);
}

/* What a subject holds: its own grants, and those of the groups it is in. */
struct authorization_source {
        const struct ts_id *id;
        const struct ts_world_grants *grants;
};

struct authorization_subject {
        const struct ts_id *id;
        const char *name;
        struct authorization_source *sources;
        size_t n;
};

static void authorization_add_source(struct authorization_subject *s, const struct ts_id *id,
                                     const struct ts_world_grants *grants)
{
        s->sources[s->n++] = (struct authorization_source){ id, grants };
}

static bool authorization_was_put(const struct authorization_subject *s, size_t n, struct ts_world_grant g)
{
        for (size_t i = 0; i < n; i++)
                if (ts_world_grants_have(s->sources[i].grants, g))
                        return true;
        return false;
}

static void authorization_put_grants(struct ts_sim_call *c, const struct authorization_subject *s)
{
        const char *duplicates = ts_sim_param(c, "includeDuplicates");
        bool all = duplicates && strcmp(duplicates, "true") == 0;

        for (size_t i = 0; i < s->n; i++)
                for (size_t k = 0; k < s->sources[i].grants->n; k++) {
                        struct ts_world_grant g = s->sources[i].grants->items[k];

                        if (!c->org->roles[g.role].removed && (all || !authorization_was_put(s, i, g)))
                                authorization_put_grant(c, s->sources[i].id, g);
                }
}

static void authorization_put_subject(struct ts_sim_call *c, const struct authorization_subject *s)
{
        struct ts_json_writer *w = ts_sim_ok(c);

        ts_json_open_object(w);
        ts_json_add_id(w, "id", s->id);
        ts_json_add_string(w, "name", s->name);
        ts_json_key(w, "grants");
        ts_json_open_array(w);
        authorization_put_grants(c, s);
        ts_json_close_array(w);
        ts_json_add_int(w, "version", 1);
        authorization_self_uri(c, "subjects", s->id);
        ts_json_close_object(w);
}

static bool authorization_find_own(struct ts_sim_call *c, struct authorization_subject *s)
{
        const struct ts_world_org *org = c->org;
        uint32_t own = ts_map_get_id(&org->subject_ids, &c->ids[0]);

        if (own == TS_MAP_NONE)
                return false;
        s->id = &org->subjects[own].id;
        s->name = org->subjects[own].name;
        s->sources = TS_ARENA_ARRAY(&c->arena, struct authorization_source, org->n_subjects + 1);
        authorization_add_source(s, s->id, &org->subjects[own].grants);
        for (size_t i = 0; i < org->n_subjects; i++) {
                const struct ts_world_party *group =
                                ts_world_find_party(c->sim->world, TS_WORLD_GROUP, &org->subjects[i].id);

                if (group && ts_world_is_in_group(group, s->id))
                        authorization_add_source(s, &group->id, &org->subjects[i].grants);
        }
        return true;
}

/* A trusted user or group is a subject as long as it is a member, and whoever is in a trusted group is. */
static bool authorization_find_trusted(struct ts_sim_call *c, struct authorization_subject *s)
{
        const struct ts_world *world = c->sim->world;
        const struct ts_world_party *user = ts_world_find_party(world, TS_WORLD_USER, &c->ids[0]),
                                    *group = ts_world_find_party(world, TS_WORLD_GROUP, &c->ids[0]),
                                    *party = user ? user : group;
        const struct ts_world_trust *trust = party ? ts_world_find_trust(c->org, &party->home->id) : NULL;
        const struct ts_world_member *member;
        const struct ts_world_members *groups;

        if (!trust)
                return false;
        s->id = &party->id;
        s->name = ts_world_name(party);
        groups = &trust->members[TS_WORLD_GROUP];
        s->sources = TS_ARENA_ARRAY(&c->arena, struct authorization_source, groups->n + 1);
        member = ts_world_find_member(trust, party->kind, &party->id);
        if (member)
                authorization_add_source(s, s->id, &member->grants);
        for (size_t i = 0; user && i < groups->n; i++)
                if (ts_world_is_in_group(groups->items[i].party, &user->id))
                        authorization_add_source(s, &groups->items[i].party->id, &groups->items[i].grants);
        return s->n > 0;
}

void ts_sim_get_subject(struct ts_sim_call *c)
{
        struct authorization_subject s = { 0 };

        if (authorization_find_own(c, &s) || authorization_find_trusted(c, &s))
                authorization_put_subject(c, &s);
        else
                ts_sim_fail(c, 404, "not.found", "The subject was not found.");
}
