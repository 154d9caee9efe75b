#include <stdlib.h>

#include "internal.h"
#include "trusts.h"
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

static void state_put_party(struct ts_json_writer *w, const struct ts_world_party *u)
{
        ts_json_add_id(w, "id", &u->id);
        if (u->email)
                ts_json_add_string(w, "email", u->email);
        if (u->kind == TS_WORLD_GROUP && u->name)
                ts_json_add_string(w, "name", u->name);
        ts_json_add_string(w, "state", ts_world_state_to_string(u->state));
}

static int state_compare_members(const void *a, const void *b)
{
        const struct ts_world_member *const *x = a, *const *y = b;

        return ts_id_compare(&(*x)->party->id, &(*y)->party->id);
}

static void state_put_members(struct ts_json_writer *w, const char *key, const struct ts_world_org *org,
                              const struct ts_world_members *all)
{
        const struct ts_world_member **members = ts_calloc(all->n, sizeof(*members));

        for (size_t i = 0; i < all->n; i++)
                members[i] = &all->items[i];
        qsort(members, all->n, sizeof(*members), state_compare_members);
        ts_json_key(w, key);
        ts_json_open_array(w);
        for (size_t i = 0; i < all->n; i++) {
                ts_json_open_object(w);
                state_put_party(w, members[i]->party);
                state_put_grants(w, org, &members[i]->grants);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        free(members);
}

static int state_compare_parties(const void *a, const void *b)
{
        const struct ts_world_party *const *x = a, *const *y = b;

        return ts_id_compare(&(*x)->id, &(*y)->id);
}

static void state_put_parties(struct ts_json_writer *w, const char *key,
                              struct ts_world_party *const *parties, size_t n)
{
        const struct ts_world_party **sorted = ts_calloc(n, sizeof(*sorted));

        for (size_t i = 0; i < n; i++)
                sorted[i] = parties[i];
        qsort(sorted, n, sizeof(*sorted), state_compare_parties);
        ts_json_key(w, key);
        ts_json_open_array(w);
        for (size_t i = 0; i < n; i++) {
                ts_json_open_object(w);
                state_put_party(w, sorted[i]);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        free(sorted);
}

/* What most trusts do not have is said only where it is so. */
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
        if (t->uses_default_role)
                ts_json_add_bool(w, "uses_default_role", true);
        if (t->has_full_access)
                ts_json_add_bool(w, "has_full_access", true);
        if (t->is_trusted_user)
                ts_json_add_bool(w, "is_trusted_user", true);
        state_put_members(w, "users", org, &t->members[TS_WORLD_USER]);
        if (t->members[TS_WORLD_GROUP].n > 0)
                state_put_members(w, "groups", org, &t->members[TS_WORLD_GROUP]);
        if (t->n_clones > 0)
                state_put_parties(w, "clones", t->clones, t->n_clones);
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

/* Without their ids, which are drawn by chance. */
static void state_put_pairings(const struct ts_simulator *sim, struct ts_json_writer *w,
                               const struct ts_world_org *org)
{
        const struct ts_world *world = sim->world;

        ts_json_key(w, "pairings");
        ts_json_open_array(w);
        for (size_t i = 0; i < world->n_pairings; i++) {
                const struct ts_world_pairing *p = world->pairings[i];

                if (p->trustee != org)
                        continue;
                ts_json_open_object(w);
                ts_json_add_string(w, "state",
                                   p->used                          ? "used"
                                   : ts_sim_pairing_is_open(sim, p) ? "open"
                                                                    : "lapsed");
                state_put_parties(w, "members", p->parties, p->n_parties);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
}

static bool state_has_pairings(const struct ts_world *world, const struct ts_world_org *org)
{
        for (size_t i = 0; i < world->n_pairings; i++)
                if (world->pairings[i]->trustee == org)
                        return true;
        return false;
}

static void state_put_org(const struct ts_simulator *sim, struct ts_json_writer *w,
                          const struct ts_world_org *org)
{
        const struct ts_world_directory *users = &org->directory[TS_WORLD_USER],
                                        *groups = &org->directory[TS_WORLD_GROUP];

        ts_json_open_object(w);
        ts_json_add_id(w, "id", &org->id);
        if (org->name)
                ts_json_add_string(w, "name", org->name);
        state_put_roles(w, org);
        state_put_parties(w, "users", users->items, users->n);
        if (groups->n > 0)
                state_put_parties(w, "groups", groups->items, groups->n);
        state_put_trusts(w, org);
        if (state_has_pairings(sim->world, org))
                state_put_pairings(sim, w, org);
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
                state_put_org(sim, &w, orgs[i]);
        ts_json_close_array(&w);
        ts_json_close_object(&w);
        free(orgs);
}
