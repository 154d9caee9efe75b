#include <stdio.h>

#include "handlers.h"
#include "trusts.h"

/*
 * A clone has the id of the user it was made of: what the paths of both sides call it.
 */
static void clones_put(struct ts_json_writer *w, const struct ts_world_org *trustor,
                       const struct ts_world_party *user)
{
        char uri[64];

        (void) snprintf(uri, sizeof(uri), "/api/v2/users/%s", ts_id_format(&user->id).s);
        ts_json_open_object(w);
        ts_json_add_id(w, "id", &user->id);
        ts_json_add_string(w, "name", ts_world_name(user));
        ts_json_key(w, "trustor");
        ts_json_open_object(w);
        ts_json_add_id(w, "id", &trustor->id);
        ts_json_add_string(w, "name", trustor->name);
        ts_json_close_object(w);
        ts_json_add_string(w, "selfUri", uri);
        ts_json_close_object(w);
}

/* Not paged. */
void ts_sim_list_clones(struct ts_sim_call *c)
{
        const struct ts_fault *f = c->fault;
        struct ts_sim_trust trust;
        struct ts_json_writer *w;
        size_t n;

        if (!ts_sim_find_trust(c, &trust))
                return;
        n = f && f->empty_list ? 0 : trust.now->n_clones;
        w = ts_sim_ok(c);
        ts_json_open_object(w);
        ts_json_add_int(w, "total", (int64_t) n + (f ? f->wrong_total : 0));
        ts_json_key(w, "entities");
        ts_json_open_array(w);
        for (size_t i = 0; i < n && !(f && f->drop_page); i++)
                clones_put(w, trust.trustor, trust.now->clones[i]);
        ts_json_close_array(w);
        ts_json_add_string(w, "selfUri", c->path);
        ts_json_close_object(w);
}

/* The clone of the path. False: answered already. */
static bool clones_find(struct ts_sim_call *c, struct ts_sim_trust *ret)
{
        if (!ts_sim_find_trust(c, ret))
                return false;
        if (ts_world_has_clone(ret->now, &c->ids[1]))
                return true;
        ts_sim_fail(c, 404, "not.found", "The cloned user was not found.");
        return false;
}

static void clones_answer(struct ts_sim_call *c, const struct ts_sim_trust *trust)
{
        clones_put(ts_sim_ok(c), trust->trustor,
                   ts_world_find_party(c->sim->world, TS_WORLD_USER, &c->ids[1]));
}

void ts_sim_get_clone(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;

        if (clones_find(c, &trust))
                clones_answer(c, &trust);
}

void ts_sim_remove_clone(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;
        struct ts_world_trust *next;

        if (!clones_find(c, &trust))
                return;
        next = ts_world_trust_copy(trust.now);
        ts_world_trust_remove_clone(next, &c->ids[1]);
        ts_sim_commit(c, &trust, next);
        ts_sim_no_content(c);
}

/* A user of the trustee that the trust has, itself or through one of its groups. NULL: answered already. */
static struct ts_world_party *clones_find_original(struct ts_sim_call *c, const struct ts_world_trust *trust)
{
        struct ts_world_party *user = ts_world_find_party(c->sim->world, TS_WORLD_USER, &c->ids[1]);
        const struct ts_world_members *groups = &trust->members[TS_WORLD_GROUP];
        bool is_member = ts_world_find_member(trust, TS_WORLD_USER, &c->ids[1]);

        for (size_t i = 0; i < groups->n && !is_member; i++)
                is_member = ts_world_is_in_group(groups->items[i].party, &c->ids[1]);
        if (user && is_member && user->home == c->org && user->state != TS_WORLD_DELETED)
                return user;
        ts_sim_fail(c, 404, "not.found", "The trustee user was not found.");
        return NULL;
}

static bool clones_have_room(struct ts_sim_call *c, const struct ts_world_org *trustor)
{
        int64_t n = 0;

        for (size_t i = 0; i < trustor->n_slots; i++)
                n += trustor->slots[i].now ? (int64_t) trustor->slots[i].now->n_clones : 0;
        if (n < c->sim->limits.clones)
                return true;
        ts_sim_fail(c, 400, "constraint.validation", "An organization has at most %lld cloned users.",
                    (long long) c->sim->limits.clones);
        return false;
}

void ts_sim_add_clone(struct ts_sim_call *c)
{
        struct ts_sim_trust trust;
        struct ts_world_party *user;
        struct ts_world_trust *next;

        if (!ts_sim_find_trust(c, &trust))
                return;
        user = clones_find_original(c, trust.now);
        if (!user)
                return;
        if (!ts_world_has_clone(trust.now, &user->id)) {
                if (!clones_have_room(c, trust.trustor))
                        return;
                next = ts_world_trust_copy(trust.now);
                ts_world_trust_add_clone(next, user);
                ts_sim_commit(c, &trust, next);
        }
        clones_answer(c, &trust);
}
