#include "answers.h"

#include <stdio.h>

#include "util/timefmt.h"

void ts_sim_put_time(struct ts_json_writer *w, const char *key, int64_t t)
{
        ts_json_add_string(w, key, ts_time_format_api(t).s);
}

static void answers_self_uri(struct ts_json_writer *w, const char *folder, const struct ts_id *id)
{
        char uri[128];

        (void) snprintf(uri, sizeof(uri), "/api/v2/%s/%s", folder, ts_id_format(id).s);
        ts_json_add_string(w, "selfUri", uri);
}

void ts_sim_put_organization(struct ts_json_writer *w, const char *key, const struct ts_world_org *org,
                             const struct ts_id *id)
{
        ts_json_key(w, key);
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

static void answers_put_contact(struct ts_json_writer *w, const struct ts_world_party *u)
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

static void answers_put_user(struct ts_json_writer *w, const struct ts_world_party *u)
{
        ts_json_add_string(w, "email", u->email);
        ts_json_add_string(w, "username", u->email);
        answers_put_contact(w, u);
        ts_json_add_string(w, "state", ts_world_state_to_string(u->state));
        if (u->last_login)
                ts_json_add_string(w, "dateLastLogin", u->last_login);
        ts_json_add_string(w, "title", "");
        ts_json_add_int(w, "version", 7);
        ts_json_add_bool(w, "acdAutoAnswer", false);
}

static void answers_put_group(struct ts_json_writer *w, const struct ts_world_party *g)
{
        ts_json_add_string(w, "description", "");
        ts_json_add_int(w, "memberCount", (int64_t) g->n_people);
        ts_json_add_string(w, "state", ts_world_state_to_string(g->state));
        ts_json_add_int(w, "version", 2);
        ts_json_add_string(w, "type", "official");
        ts_json_add_bool(w, "rulesVisible", true);
        ts_json_add_string(w, "visibility", "public");
        ts_json_add_bool(w, "rolesEnabled", true);
        ts_json_add_bool(w, "includeOwners", false);
        ts_json_add_bool(w, "callsEnabled", false);
}

void ts_sim_put_party(struct ts_json_writer *w, const struct ts_world_party *p, const struct ts_id *id)
{
        bool is_group = p->kind == TS_WORLD_GROUP;

        ts_json_add_id(w, "id", id ? id : &p->id);
        ts_json_add_string(w, "name", ts_world_name(p));
        (is_group ? answers_put_group : answers_put_user)(w, p);
        answers_self_uri(w, is_group ? "groups" : "users", id ? id : &p->id);
}

void ts_sim_put_creator(struct ts_json_writer *w, const struct ts_world_party *creator)
{
        if (!creator)
                return;
        ts_json_key(w, "createdBy");
        ts_json_open_object(w);
        ts_sim_put_party(w, creator, NULL);
        ts_sim_put_organization(w, "organization", creator->home, &creator->home->id);
        ts_json_close_object(w);
}

void ts_sim_put_trust(struct ts_sim_call *c, const struct ts_world_trust *t, const struct ts_id *fake_id)
{
        const struct ts_id *id = fake_id ? fake_id : &t->trustee->id;
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        ts_json_add_id(w, "id", id);
        ts_json_add_bool(w, "enabled", t->enabled);
        ts_json_add_bool(w, "usesDefaultRole", t->uses_default_role);
        ts_json_add_bool(w, "hasFullAccess", t->has_full_access);
        ts_json_add_bool(w, "isTrustedUser", t->is_trusted_user);
        ts_sim_put_time(w, "dateCreated", t->created);
        if (t->expires != TS_TIME_NEVER)
                ts_sim_put_time(w, "dateExpired", t->expires);
        ts_sim_put_creator(w, t->created_by);
        ts_sim_put_organization(w, "organization", t->trustee, id);
        answers_self_uri(w, "orgauthorization/trustees", id);
        ts_json_close_object(w);
}

void ts_sim_put_trustor(struct ts_sim_call *c, const struct ts_world_org *trustor,
                        const struct ts_world_trust *t, const struct ts_id *fake_id)
{
        const struct ts_id *id = fake_id ? fake_id : &trustor->id;
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        ts_json_add_id(w, "id", id);
        ts_json_add_bool(w, "enabled", t->enabled);
        ts_sim_put_time(w, "dateCreated", t->created);
        ts_sim_put_creator(w, t->created_by);
        ts_sim_put_organization(w, "organization", trustor, id);
        ts_json_key(w, "authorization");
        ts_json_open_object(w);
        ts_json_key(w, "permissions");
        ts_json_open_array(w);
        ts_json_close_array(w);
        ts_json_close_object(w);
        answers_self_uri(w, "orgauthorization/trustors", id);
        ts_json_close_object(w);
}
