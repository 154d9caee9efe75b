#include "fixture.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "generate.h"
#include "util/err.h"

/* TS_MAP_NONE and TS_WORLD_ALL are the same number, so "*" is told apart before a division is looked for. */
static_assert(TS_MAP_NONE == TS_WORLD_ALL, "callers rely on it");

struct ts_sim_limits ts_fixture_default_limits(void)
{
        return (struct ts_sim_limits){
                .page_size = 100,
                .users_per_trust = 25,
                .clones = 5,
                .audit_polls = 1,
                .pairing_ttl_sec = 48 * 3600,
                .token_ttl_sec = 86400,
                .unknown_grant_status = 400,
                .search_empty_status = 200,
                .delete_empty_grants_status = 204,
        };
}

static int fixture_error(struct ts_err *err, const char *what, const char *name)
{
        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "%s: '%s'", what, name ? name : "");
}

static const char *fixture_text(const struct ts_json *v)
{
        return v->type == TS_JSON_STRING ? v->string : NULL;
}

/* The id that is given, or one derived from the name. */
static int fixture_id(const struct ts_json *v, const char *kind, const char *parent, const char *name,
                      struct ts_id *ret, struct ts_err *err)
{
        const char *text = ts_json_get_string(v, "id");

        if (!text && !name)
                return fixture_error(err, "neither id nor name", kind);
        if (!text) {
                *ret = ts_world_derive_id(kind, parent, name);
                return 0;
        }
        return ts_id_parse_string(text, ret) ? 0 : fixture_error(err, "not an id", text);
}

/* -------------------------------------------------------------------------------------------------- names */

struct ts_world_org *ts_fixture_find_org(const struct ts_world *w, const char *name)
{
        struct ts_id id;

        if (ts_id_parse_string(name, &id))
                return ts_world_find_org(w, &id);
        for (size_t i = 0; name && i < w->n_orgs; i++)
                if (w->orgs[i]->name && strcmp(w->orgs[i]->name, name) == 0)
                        return w->orgs[i];
        return NULL;
}

uint32_t ts_fixture_find_role(const struct ts_world_org *org, const char *name)
{
        struct ts_id id;

        if (ts_id_parse_string(name, &id))
                return ts_world_find_role(org, &id);
        for (size_t i = 0; name && i < org->n_roles; i++)
                if (!org->roles[i].removed && strcmp(org->roles[i].name, name) == 0)
                        return (uint32_t) i;
        return TS_MAP_NONE;
}

uint32_t ts_fixture_find_division(const struct ts_world_org *org, const char *name)
{
        struct ts_id id;

        if (ts_id_parse_string(name, &id))
                return ts_world_find_division(org, &id);
        for (size_t i = 0; name && i < org->n_divisions; i++)
                if (strcmp(org->divisions[i].name, name) == 0)
                        return (uint32_t) i;
        return TS_MAP_NONE;
}

int ts_fixture_read_time(const struct ts_json *object, const char *key, int64_t *ret, struct ts_err *err)
{
        const char *text = ts_json_get_string(object, key);

        *ret = TS_TIME_NEVER;
        if (!text || strcmp(text, "never") == 0)
                return 0;
        if (ts_time_parse(text, strlen(text), ret) < 0)
                return fixture_error(err, "not a time", text);
        return 0;
}

static void fixture_add_bool(const struct ts_json *v, const char *key, bool *flag)
{
        bool value;

        if (ts_json_get_bool(v, key, &value))
                *flag = value;
}

/* ------------------------------------------------------------------------------------------------- grants */

static int fixture_grant(const struct ts_world_org *org, const struct ts_json *v, struct ts_world_grant *ret,
                         struct ts_err *err)
{
        const char *role = NULL, *division = NULL;

        if (v->type == TS_JSON_OBJECT) {
                role = ts_json_get_string(v, "role");
                division = ts_json_get_string(v, "division");
        } else if (v->type == TS_JSON_ARRAY && v->n == 2) {
                role = fixture_text(v->first);
                division = fixture_text(v->first->next);
        }
        if (!role || !division)
                return fixture_error(err, "a grant is [role, division]", role);

        ret->role = ts_fixture_find_role(org, role);
        if (ret->role == TS_MAP_NONE)
                return fixture_error(err, "no such role", role);
        ret->division = ts_fixture_find_division(org, division);
        if (ret->division == TS_MAP_NONE && strcmp(division, "*") != 0)
                return fixture_error(err, "no such division", division);
        return 0;
}

int ts_fixture_read_grants(const struct ts_world_org *org, const struct ts_json *v, struct ts_arena *arena,
                           struct ts_world_grants *ret, struct ts_err *err)
{
        struct ts_world_grants grants = { 0 };
        int r;

        if (v && v->type != TS_JSON_ARRAY)
                return fixture_error(err, "grants are a list", v->key);
        grants.items = TS_ARENA_ARRAY(arena, struct ts_world_grant, v ? v->n : 0);
        for (const struct ts_json *g = v ? v->first : NULL; g; g = g->next) {
                r = fixture_grant(org, g, &grants.items[grants.n++], err);
                if (r < 0)
                        return r;
        }
        ts_world_grants_normalise(&grants);
        *ret = grants;
        return 0;
}

/* -------------------------------------------------------------------------------- people and their trusts */

static int fixture_state(const struct ts_json *v, enum ts_world_state *state, struct ts_err *err)
{
        const char *text = ts_json_get_string(v, "state");

        if (!text || ts_world_state_from_string(text, state))
                return 0;
        return fixture_error(err, "no such user state", text);
}

/* People may be named by e-mail alone where they are known. */
static struct ts_world_party *fixture_known(const struct ts_world_org *home, const char *email)
{
        const struct ts_world_directory *users = &home->directory[TS_WORLD_USER];

        for (size_t i = 0; email && i < users->n; i++)
                if (ts_equal_fold(users->items[i]->email, email))
                        return users->items[i];
        return NULL;
}

static struct ts_world_party *fixture_known_group(const struct ts_world_org *home, const char *name)
{
        const struct ts_world_directory *groups = &home->directory[TS_WORLD_GROUP];

        for (size_t i = 0; name && i < groups->n; i++)
                if (groups->items[i]->name && strcmp(groups->items[i]->name, name) == 0)
                        return groups->items[i];
        return NULL;
}

struct ts_world_party *ts_fixture_find_party(const struct ts_world *w, const struct ts_world_org *home,
                                             enum ts_world_kind kind, const char *name)
{
        struct ts_world_party *party;
        struct ts_id id;

        if (ts_id_parse_string(name, &id)) {
                party = ts_world_find_party(w, kind, &id);
                return party && party->home == home ? party : NULL;
        }
        return kind == TS_WORLD_GROUP ? fixture_known_group(home, name) : fixture_known(home, name);
}

int ts_fixture_read_user(struct ts_world *w, struct ts_world_org *home, const struct ts_json *v,
                         struct ts_world_party **ret, struct ts_err *err)
{
        const char *email = ts_json_get_string(v, "email"), *name = ts_json_get_string(v, "name");
        struct ts_world_party *user = ts_json_get(v, "id") ? NULL : fixture_known(home, email);
        struct ts_id id;
        int r;

        if (!user) {
                r = fixture_id(v, "user", home->name ? home->name : "", email ? email : name, &id, err);
                if (r < 0)
                        return r;
                user = ts_world_add_user(w, home, &id, email, name);
        } else if (!user->at_start && user->state == TS_WORLD_DELETED) {
                user->state = TS_WORLD_ACTIVE; /* a reset took them away, and here they come again */
        }
        if (ts_json_get_string(v, "lastLogin"))
                user->last_login = ts_arena_strdup(&w->arena, ts_json_get_string(v, "lastLogin"));
        r = fixture_state(v, &user->state, err);
        if (r < 0)
                return r;
        *ret = user;
        return 0;
}

/* People of a group, by e-mail or id. */
static int fixture_people(struct ts_world *w, struct ts_world_party *group, const struct ts_json *list,
                          struct ts_err *err)
{
        if (!list)
                return 0;
        group->people = TS_ARENA_ARRAY(&w->arena, struct ts_world_party *, list->n);
        group->n_people = 0;
        TS_JSON_FOREACH (v, list) {
                struct ts_world_party *user =
                                ts_fixture_find_party(w, group->home, TS_WORLD_USER, fixture_text(v));

                if (!user)
                        return fixture_error(err, "no such member of the group", fixture_text(v));
                group->people[group->n_people++] = user;
        }
        return 0;
}

int ts_fixture_read_group(struct ts_world *w, struct ts_world_org *home, const struct ts_json *v,
                          struct ts_world_party **ret, struct ts_err *err)
{
        const char *name = ts_json_get_string(v, "name");
        struct ts_world_party *group = ts_json_get(v, "id") ? NULL : fixture_known_group(home, name);
        struct ts_id id;
        int r;

        if (!group) {
                r = fixture_id(v, "group", home->name ? home->name : "", name, &id, err);
                if (r < 0)
                        return r;
                group = ts_world_add_group(w, home, &id, name);
        }
        r = fixture_state(v, &group->state, err);
        if (r >= 0)
                r = fixture_people(w, group, ts_json_get_array(v, "members"), err);
        if (r < 0)
                return r;
        *ret = group;
        return 0;
}

/* Who made it: a user of the trustor, or of the trustee, that the fixture has. */
static int fixture_creator(const struct ts_world *w, const struct ts_world_org *org,
                           const struct ts_world_org *trustee, const struct ts_json *v,
                           const struct ts_world_party **ret, struct ts_err *err)
{
        const char *name = ts_json_get_string(v, "created_by");

        *ret = NULL;
        if (!name)
                return 0;
        *ret = ts_fixture_find_party(w, org, TS_WORLD_USER, name);
        if (!*ret)
                *ret = ts_fixture_find_party(w, trustee, TS_WORLD_USER, name);
        return *ret ? 0 : fixture_error(err, "no such user", name);
}

int ts_fixture_read_member(struct ts_world *w, const struct ts_world_org *org, struct ts_world_trust *trust,
                           enum ts_world_kind kind, const struct ts_json *v, struct ts_world_member **ret,
                           struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_world_grants grants;
        struct ts_world_member *member;
        struct ts_world_party *party;
        int64_t created;
        int r;

        r = (kind == TS_WORLD_GROUP ? ts_fixture_read_group : ts_fixture_read_user)(w, trust->trustee, v,
                                                                                    &party, err);
        if (r < 0)
                return r;
        r = ts_fixture_read_grants(org, ts_json_get(v, "grants"), &arena, &grants, err);
        if (r < 0)
                return ts_err_wrap(err, r, "'%s'", ts_world_name(party));
        if (ts_world_find_member(trust, kind, &party->id))
                return fixture_error(err, "a member already", ts_world_name(party));
        r = ts_fixture_read_time(v, "created", &created, err);
        if (r < 0)
                return r;
        member = ts_world_trust_add(trust, party, &grants);
        if (created != TS_TIME_NEVER)
                member->created = created;
        *ret = member;
        return fixture_creator(w, org, trust->trustee, v, &member->created_by, err);
}

static int fixture_members(struct ts_world *w, const struct ts_world_org *org, struct ts_world_trust *trust,
                           enum ts_world_kind kind, const struct ts_json *list, struct ts_err *err)
{
        struct ts_world_member *member;
        int r;

        for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next) {
                r = ts_fixture_read_member(w, org, trust, kind, v, &member, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* By e-mail or id. */
static int fixture_clones(const struct ts_world *w, struct ts_world_trust *trust, const struct ts_json *list,
                          struct ts_err *err)
{
        for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next) {
                struct ts_world_party *user =
                                ts_fixture_find_party(w, trust->trustee, TS_WORLD_USER, fixture_text(v));

                if (!user)
                        return fixture_error(err, "no such user to be cloned", fixture_text(v));
                ts_world_trust_add_clone(trust, user);
        }
        return 0;
}

static int fixture_trust(struct ts_world *w, struct ts_world_org *org, struct ts_world_trust *trust,
                         const struct ts_json *v, struct ts_err *err)
{
        int r;

        fixture_add_bool(v, "enabled", &trust->enabled);
        fixture_add_bool(v, "uses_default_role", &trust->uses_default_role);
        fixture_add_bool(v, "has_full_access", &trust->has_full_access);
        fixture_add_bool(v, "is_trusted_user", &trust->is_trusted_user);
        r = ts_fixture_read_time(v, "expires", &trust->expires, err);
        if (r < 0)
                return r;
        r = ts_fixture_read_time(v, "created", &trust->created, err);
        if (r < 0)
                return r;
        if (trust->created == TS_TIME_NEVER)
                trust->created = 1700000000;
        if (!trust->enabled)
                trust->disabled_since = trust->created;
        r = fixture_creator(w, org, trust->trustee, v, &trust->created_by, err);
        if (r >= 0)
                r = fixture_members(w, org, trust, TS_WORLD_USER, ts_json_get_array(v, "users"), err);
        if (r >= 0)
                r = fixture_members(w, org, trust, TS_WORLD_GROUP, ts_json_get_array(v, "groups"), err);
        if (r >= 0)
                r = fixture_clones(w, trust, ts_json_get_array(v, "clones"), err);
        return r;
}

int ts_fixture_read_trust(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                          size_t *ret_slot, struct ts_world_trust **ret, struct ts_err *err)
{
        const char *name = ts_json_get_string(v, "name");
        struct ts_world_org *trustee = ts_json_get(v, "id") ? NULL : ts_fixture_find_org(w, name);
        struct ts_world_trust *trust;
        struct ts_id id;
        int r;

        if (!trustee) {
                r = fixture_id(v, "organization", "", name, &id, err);
                if (r < 0)
                        return r;
                trustee = ts_world_add_org(w, &id, name);
        }
        if (trustee == org)
                return fixture_error(err, "an organization does not trust itself", name);
        trust = ts_world_trust_new(trustee);
        r = fixture_trust(w, org, trust, v, err);
        if (r < 0) {
                ts_world_trust_unref(trust);
                return ts_err_wrap(err, r, "trust '%s'", name ? name : "");
        }
        *ret_slot = ts_world_slot(w, org, trustee);
        *ret = trust;
        return 0;
}

/* ------------------------------------------------------------------------------------------ organizations */

/* A role or division is a name, or an object. */
static int fixture_named(const struct ts_json *v, const char *kind, const struct ts_world_org *org,
                         struct ts_id *ret_id, const char **ret_name, struct ts_err *err)
{
        *ret_name = v->type == TS_JSON_STRING ? v->string : ts_json_get_string(v, "name");
        if (!*ret_name)
                return fixture_error(err, "without a name", kind);
        return fixture_id(v, kind, org->name ? org->name : "", *ret_name, ret_id, err);
}

int ts_fixture_read_role(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                         struct ts_err *err)
{
        const char *name;
        struct ts_id id;
        int r;

        r = fixture_named(v, "role", org, &id, &name, err);
        if (r < 0)
                return r;
        if (ts_world_find_role(org, &id) != TS_MAP_NONE)
                return fixture_error(err, "the role is there twice", name);
        (void) ts_world_add_role(w, org, &id, name);
        return 0;
}

/* The first division is the home one, unless another says so. */
static int fixture_division(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                            struct ts_err *err)
{
        const char *name;
        struct ts_id id;
        bool home = false;
        int r;

        r = fixture_named(v, "division", org, &id, &name, err);
        if (r < 0)
                return r;
        if (ts_world_find_division(org, &id) != TS_MAP_NONE)
                return fixture_error(err, "the division is there twice", name);
        fixture_add_bool(v, "home", &home);
        if (home && org->n_divisions > 0)
                org->divisions[0].home = false;
        (void) ts_world_add_division(w, org, &id, name, home || org->n_divisions == 0);
        return 0;
}

static int fixture_subject(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                           const struct ts_id *id, const char *name, const char *type, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_world_grants grants;
        int r;

        r = ts_fixture_read_grants(org, ts_json_get(v, "grants"), &arena, &grants, err);
        if (r < 0)
                return ts_err_wrap(err, r, "'%s'", name);
        ts_world_add_subject(w, org, id, name, type, &grants);
        return 0;
}

static int fixture_employee(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                            struct ts_err *err)
{
        struct ts_world_party *user;
        int r;

        r = ts_fixture_read_user(w, org, v, &user, err);
        if (r < 0)
                return r;
        return fixture_subject(w, org, v, &user->id, user->name ? user->name : "", "PC_USER", err);
}

static int fixture_group(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                         struct ts_err *err)
{
        struct ts_world_party *group;
        int r;

        r = ts_fixture_read_group(w, org, v, &group, err);
        if (r < 0)
                return r;
        return fixture_subject(w, org, v, &group->id, group->name ? group->name : "", "PC_GROUP", err);
}

int ts_fixture_read_pairing(struct ts_world *w, struct ts_world_org *trustee, const struct ts_json *v,
                            struct ts_err *err)
{
        static const char *const keys[] = { [TS_WORLD_USER] = "users", [TS_WORLD_GROUP] = "groups" };
        const struct ts_json *lists[TS_WORLD_KINDS];
        struct ts_world_pairing *p;
        struct ts_id id;
        int64_t created;
        size_t n = 0;
        int r;

        r = fixture_id(v, "pairing", trustee->name ? trustee->name : "", ts_json_get_string(v, "name"), &id,
                       err);
        if (r >= 0)
                r = ts_fixture_read_time(v, "created", &created, err);
        if (r < 0)
                return r;
        if (ts_world_find_pairing(w, &id))
                return fixture_error(err, "the pairing request is there twice", ts_id_format(&id).s);
        for (enum ts_world_kind kind = 0; kind < TS_WORLD_KINDS; kind++) {
                lists[kind] = ts_json_get_array(v, keys[kind]);
                n += lists[kind] ? lists[kind]->n : 0;
        }
        p = ts_world_add_pairing(w, trustee, &id, n);
        p->created = created;
        fixture_add_bool(v, "used", &p->used);
        for (enum ts_world_kind kind = 0; kind < TS_WORLD_KINDS; kind++)
                for (const struct ts_json *m = lists[kind] ? lists[kind]->first : NULL; m; m = m->next) {
                        p->parties[p->n_parties] = ts_fixture_find_party(w, trustee, kind, fixture_text(m));
                        if (!p->parties[p->n_parties++])
                                return fixture_error(err, "no such user or group to be paired",
                                                     fixture_text(m));
                }
        return 0;
}

static void fixture_permissions(struct ts_world *w, struct ts_world_client *client,
                                const struct ts_json *list)
{
        client->all_permissions = !list;
        if (!list)
                return;
        client->permissions = TS_ARENA_ARRAY(&w->arena, const char *, list->n);
        TS_JSON_FOREACH (p, list)
                if (p->type == TS_JSON_STRING)
                        client->permissions[client->n_permissions++] = ts_arena_strdup(&w->arena, p->string);
}

static int fixture_client(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                          struct ts_err *err)
{
        const char *text = ts_json_get_string(v, "id"), *secret = ts_json_get_string(v, "secret");
        struct ts_world_client *client;
        struct ts_id id;

        if (!text || !secret)
                return fixture_error(err, "a client needs an id and a secret", text);
        if (ts_world_find_client(w, text, strlen(text)))
                return fixture_error(err, "the client is there twice", text);
        client = ts_world_add_client(w, org, text, secret);
        fixture_permissions(w, client, ts_json_get_array(v, "permissions"));
        (void) ts_json_get_int(v, "token_ttl", &client->token_ttl_sec);
        fixture_add_bool(v, "trustor_members", &client->trustor_members);
        if (!ts_id_parse_string(text, &id))
                return 0; /* any text identifies a client here, but only an id can stand among the subjects */
        return fixture_subject(w, org, v, &id, text, "PC_OAUTH_CLIENT", err);
}

typedef int (*fixture_reader)(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                              struct ts_err *err);

static int fixture_each(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                        const char *key, fixture_reader read, struct ts_err *err)
{
        const struct ts_json *list = ts_json_get(v, key);
        int r;

        if (!list)
                return 0;
        if (list->type != TS_JSON_ARRAY)
                return fixture_error(err, "must be a list", key);
        TS_JSON_FOREACH (item, list) {
                r = read(w, org, item, err);
                if (r < 0)
                        return ts_err_wrap(err, r, "%s", key);
        }
        return 0;
}

static int fixture_trustee(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                           struct ts_err *err)
{
        struct ts_world_trust *trust;
        size_t slot;
        int r;

        r = ts_fixture_read_trust(w, org, v, &slot, &trust, err);
        if (r < 0)
                return r;
        if (org->slots[slot].now) {
                ts_world_trust_unref(trust);
                return fixture_error(err, "the trust is there twice", ts_json_get_string(v, "name"));
        }
        org->slots[slot].now = trust;
        return 0;
}

static int fixture_act(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                       struct ts_err *err)
{
        const struct ts_world_org *trustee = ts_fixture_find_org(w, ts_json_get_string(v, "trust"));
        const char *user = ts_json_get_string(v, "user");
        struct ts_world_act act = {
                .action = ts_json_get_string(v, "action"),
                .entity = ts_json_get_string(v, "entity"),
        };
        int r;

        act.user = trustee ? ts_fixture_find_party(w, trustee, TS_WORLD_USER, user) : NULL;
        if (!act.user || !act.action || !act.entity)
                return fixture_error(err, "an act needs a trust, its user, an action and an entity", user);
        r = ts_fixture_read_time(v, "time", &act.time, err);
        if (r >= 0)
                ts_world_add_act(w, org, &act);
        return r;
}

static int fixture_make_org(struct ts_world *w, const struct ts_json *v, struct ts_err *err)
{
        const char *name = ts_json_get_string(v, "name");
        struct ts_id id;
        int r;

        r = fixture_id(v, "organization", "", name, &id, err);
        if (r < 0)
                return r;
        if (ts_world_find_org(w, &id))
                return fixture_error(err, "the organization is there twice", name);
        (void) ts_world_add_org(w, &id, name);
        return 0;
}

/* Trusts come last, when every organization and its people are known. */
static int fixture_org(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v, bool trusts,
                       struct ts_err *err)
{
        static const struct {
                const char *key;
                fixture_reader read;
                bool trusts;
        } parts[] = {
                { "roles", ts_fixture_read_role, false }, { "divisions", fixture_division, false },
                { "users", fixture_employee, false },     { "groups", fixture_group, false },
                { "clients", fixture_client, false },     { "pairings", ts_fixture_read_pairing, false },
                { "trustees", fixture_trustee, true },    { "acts", fixture_act, true },
        };
        int r;

        (void) ts_json_get_id(v, "default_care", &org->default_care);
        for (size_t i = 0; i < TS_N_ELEMENTS(parts); i++) {
                if (parts[i].trusts != trusts)
                        continue;
                r = fixture_each(w, org, v, parts[i].key, parts[i].read, err);
                if (r < 0)
                        return ts_err_wrap(err, r, "organization '%s'", org->name ? org->name : "");
        }
        return 0;
}

static bool fixture_is(const struct ts_json *v, const char *key, const char *word)
{
        const char *text = ts_json_get_string(v, key);

        return text && strcmp(text, word) == 0;
}

static void fixture_limits(struct ts_sim_limits *l, const struct ts_json *v)
{
        (void) ts_json_get_int(v, "page_size", &l->page_size);
        (void) ts_json_get_int(v, "users_per_trust", &l->users_per_trust);
        (void) ts_json_get_int(v, "clones", &l->clones);
        (void) ts_json_get_int(v, "audit_polls", &l->audit_polls);
        (void) ts_json_get_int(v, "pairing_ttl", &l->pairing_ttl_sec);
        (void) ts_json_get_int(v, "requests_per_minute", &l->requests_per_minute);
        (void) ts_json_get_int(v, "token_requests_per_minute", &l->token_requests_per_minute);
        (void) ts_json_get_int(v, "token_ttl", &l->token_ttl_sec);
        (void) ts_json_get_int(v, "unknown_grant_status", &l->unknown_grant_status);
        (void) ts_json_get_int(v, "all_divisions_status", &l->all_divisions_status);
        (void) ts_json_get_int(v, "search_empty_status", &l->search_empty_status);
        (void) ts_json_get_int(v, "delete_empty_grants_status", &l->delete_empty_grants_status);
        l->expired_gone = fixture_is(v, "expired_trusts", "gone");
        l->add_overwrites = fixture_is(v, "add_existing", "overwrite");
}

/* An id, or an object. They are organizations, if only by name. */
static int fixture_care(struct ts_world *w, const struct ts_json *list, struct ts_err *err)
{
        struct ts_id id;

        for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next) {
                const char *text = v->type == TS_JSON_OBJECT ? ts_json_get_string(v, "id") : fixture_text(v);
                const char *name = ts_json_get_string(v, "name");

                if (!ts_id_parse_string(text, &id))
                        return fixture_error(err, "care: not an id", text);
                ts_world_add_care(w, &id);
                (void) ts_world_add_org(w, &id, name ? name : "Customer Care");
        }
        return 0;
}

static int fixture_generate(struct ts_world *w, const struct ts_json *v, struct ts_err *err)
{
        struct ts_generate g;
        int r = ts_generate_read(v, &g, err);

        if (r < 0)
                return ts_err_wrap(err, r, "generate");
        ts_generate_world(&g, w);
        return 0;
}

static int fixture_orgs(struct ts_world *w, const struct ts_json *orgs, struct ts_err *err)
{
        int r;

        if (!orgs)
                return fixture_error(err, "a fixture needs a list of", "organizations");
        TS_JSON_FOREACH (o, orgs) {
                r = fixture_make_org(w, o, err);
                if (r < 0)
                        return r;
        }
        for (int pass = 0; pass < 2; pass++) {
                size_t i = 0;

                TS_JSON_FOREACH (o, orgs) {
                        r = fixture_org(w, w->orgs[i++], o, pass == 1, err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int ts_fixture_read(struct ts_world *w, struct ts_sim_limits *limits, const struct ts_json *v,
                    struct ts_err *err)
{
        const struct ts_json *generate = ts_json_get(v, "generate");
        int r;

        *limits = ts_fixture_default_limits();
        fixture_limits(limits, ts_json_get_object(v, "limits"));
        if (limits->page_size < 1)
                return fixture_error(err, "must be at least 1", "page_size");
        r = generate ? fixture_generate(w, generate, err)
                     : fixture_orgs(w, ts_json_get_array(v, "organizations"), err);
        if (r >= 0)
                r = fixture_care(w, ts_json_get_array(v, "care"), err);
        if (r < 0)
                return r;
        ts_world_mark_start(w);
        return 0;
}
