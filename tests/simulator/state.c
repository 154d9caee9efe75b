#include <stdlib.h>

#include "internal.h"
#include "util/mem.h"

static void state_put_grants(struct ts_json_writer *w, const struct ts_world_org *org,
                             const struct ts_world_grants *grants)
{
        ts_json_key(w, "grants");
        ts_json_open_array(w);
        for (size_t i = 0; i < grants->n; i++) {
                struct ts_world_grant g = grants->items[i];

                if (org->roles[g.role].removed)
                        continue;
                ts_json_open_array(w);
                ts_json_put_string(w, org->roles[g.role].name);
                ts_json_put_string(w, g.division == TS_WORLD_ALL ? "*" : org->divisions[g.division].name);
                ts_json_close_array(w);
        }
        ts_json_close_array(w);
}

static void state_put_user(struct ts_json_writer *w, const struct ts_world_user *u)
{
        ts_json_add_id(w, "id", &u->id);
        if (u->email)
                ts_json_add_string(w, "email", u->email);
        ts_json_add_string(w, "state", ts_world_user_state_to_string(u->state));
}

static int state_compare_members(const void *a, const void *b)
{
        const struct ts_world_member *const *x = a, *const *y = b;

        return ts_id_compare(&(*x)->user->id, &(*y)->user->id);
}

static void state_put_members(struct ts_json_writer *w, const struct ts_world_org *org,
                              const struct ts_world_trust *t)
{
        const struct ts_world_member **members = ts_calloc(t->n_members, sizeof(*members));

        for (size_t i = 0; i < t->n_members; i++)
                members[i] = &t->members[i];
        qsort(members, t->n_members, sizeof(*members), state_compare_members);
        ts_json_key(w, "users");
        ts_json_open_array(w);
        for (size_t i = 0; i < t->n_members; i++) {
                ts_json_open_object(w);
                state_put_user(w, members[i]->user);
                state_put_grants(w, org, &members[i]->grants);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        free(members);
}

static void state_put_trust(struct ts_json_writer *w, const struct ts_world_org *org,
                            const struct ts_world_trust *t)
{
        ts_json_open_object(w);
        ts_json_add_id(w, "id", &t->trustee->id);
        if (t->trustee->name)
                ts_json_add_string(w, "name", t->trustee->name);
        ts_json_add_bool(w, "enabled", t->enabled);
        if (t->expires != TS_TIME_NEVER)
                ts_json_add_string(w, "expires", ts_time_format(t->expires).s);
        state_put_members(w, org, t);
        ts_json_close_object(w);
}

static int state_compare_slots(const void *a, const void *b)
{
        const struct ts_world_slot *const *x = a, *const *y = b;

        return ts_id_compare(&(*x)->trustee->id, &(*y)->trustee->id);
}

static void state_put_trusts(struct ts_json_writer *w, const struct ts_world_org *org)
{
        const struct ts_world_slot **slots = ts_calloc(org->n_slots, sizeof(*slots));

        for (size_t i = 0; i < org->n_slots; i++)
                slots[i] = &org->slots[i];
        qsort(slots, org->n_slots, sizeof(*slots), state_compare_slots);
        ts_json_key(w, "trustees");
        ts_json_open_array(w);
        for (size_t i = 0; i < org->n_slots; i++)
                if (slots[i]->now)
                        state_put_trust(w, org, slots[i]->now);
        ts_json_close_array(w);
        free(slots);
}

static void state_put_roles(struct ts_json_writer *w, const struct ts_world_org *org)
{
        ts_json_key(w, "roles");
        ts_json_open_array(w);
        for (size_t i = 0; i < org->n_roles; i++) {
                if (org->roles[i].removed)
                        continue;
                ts_json_open_object(w);
                ts_json_add_id(w, "id", &org->roles[i].id);
                ts_json_add_string(w, "name", org->roles[i].name);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
}

static int state_compare_users(const void *a, const void *b)
{
        const struct ts_world_user *const *x = a, *const *y = b;

        return ts_id_compare(&(*x)->id, &(*y)->id);
}

static void state_put_users(struct ts_json_writer *w, const struct ts_world_org *org)
{
        const struct ts_world_user **users = ts_calloc(org->n_users, sizeof(*users));

        for (size_t i = 0; i < org->n_users; i++)
                users[i] = org->users[i];
        qsort(users, org->n_users, sizeof(*users), state_compare_users);
        ts_json_key(w, "users");
        ts_json_open_array(w);
        for (size_t i = 0; i < org->n_users; i++) {
                ts_json_open_object(w);
                state_put_user(w, users[i]);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        free(users);
}

static void state_put_org(struct ts_json_writer *w, const struct ts_world_org *org)
{
        ts_json_open_object(w);
        ts_json_add_id(w, "id", &org->id);
        if (org->name)
                ts_json_add_string(w, "name", org->name);
        state_put_roles(w, org);
        state_put_users(w, org);
        state_put_trusts(w, org);
        ts_json_close_object(w);
}

static int state_compare_orgs(const void *a, const void *b)
{
        const struct ts_world_org *const *x = a, *const *y = b;

        return ts_id_compare(&(*x)->id, &(*y)->id);
}

void ts_simulator_state(struct ts_simulator *sim, struct ts_buf *out)
{
        const struct ts_world *world = sim->world;
        const struct ts_world_org **orgs = ts_calloc(world->n_orgs, sizeof(*orgs));
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, false);
        size_t n = 0;

        for (size_t i = 0; i < world->n_orgs; i++)
                orgs[n++] = world->orgs[i];
        qsort(orgs, n, sizeof(*orgs), state_compare_orgs);
        ts_json_open_object(&w);
        ts_json_key(&w, "organizations");
        ts_json_open_array(&w);
        for (size_t i = 0; i < n; i++)
                state_put_org(&w, orgs[i]);
        ts_json_close_array(&w);
        ts_json_close_object(&w);
        free(orgs);
}
