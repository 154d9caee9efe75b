#include <stdio.h>
#include <string.h>

#include "answers.h"
#include "handlers.h"
#include "schema.h"
#include "trusts.h"

bool ts_sim_pairing_is_open(const struct ts_simulator *sim, const struct ts_world_pairing *p)
{
        return !p->used && ts_sim_realtime(sim) < p->created + sim->limits.pairing_ttl_sec;
}

struct ts_world_pairing *ts_sim_find_pairing(struct ts_sim_call *c, const struct ts_id *id)
{
        struct ts_world_pairing *p = ts_world_find_pairing(c->sim->world, id);

        if (p && ts_sim_pairing_is_open(c->sim, p))
                return p;
        ts_sim_fail(c, 404, "not.found", "The pairing request was not found.");
        return NULL;
}

static void pairings_put_parties(struct ts_sim_call *c, const struct ts_world_pairing *p,
                                 enum ts_world_kind kind)
{
        struct ts_json_writer *w = &c->w;

        ts_json_key(w, kind == TS_WORLD_GROUP ? "groups" : "users");
        ts_json_open_array(w);
        for (size_t i = 0; i < p->n_parties; i++) {
                if (p->parties[i]->kind != kind)
                        continue;
                ts_json_open_object(w);
                ts_sim_put_party(w, p->parties[i], NULL);
                if (kind == TS_WORLD_USER)
                        ts_sim_put_organization(w, "organization", p->trustee, &p->trustee->id);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
}

/* As TrustRequest; who asked for it was a client, which has no name that could be told. */
static void pairings_put(struct ts_sim_call *c, const struct ts_world_pairing *p)
{
        struct ts_json_writer *w = ts_sim_ok(c);
        char uri[128];

        (void) snprintf(uri, sizeof(uri), "/api/v2/orgauthorization/pairings/%s", ts_id_format(&p->id).s);
        ts_json_open_object(w);
        ts_json_add_id(w, "id", &p->id);
        ts_sim_put_time(w, "dateCreated", p->created);
        ts_sim_put_organization(w, "trustee", p->trustee, &p->trustee->id);
        pairings_put_parties(c, p, TS_WORLD_USER);
        pairings_put_parties(c, p, TS_WORLD_GROUP);
        ts_json_add_string(w, "selfUri", uri);
        ts_json_close_object(w);
}

/* From both sides: whoever was given the id may read it. */
void ts_sim_get_pairing(struct ts_sim_call *c)
{
        const struct ts_world_pairing *p = ts_sim_find_pairing(c, &c->ids[0]);

        if (p)
                pairings_put(c, p);
}

/* Ids of people or groups of our own, appended to @parties. False: answered already. */
static bool pairings_read(struct ts_sim_call *c, const char *key, enum ts_world_kind kind,
                          struct ts_world_party **parties, size_t *n)
{
        const struct ts_json *list = ts_json_get_array(c->body, key);

        if (list && !ts_sim_check_strings(c, list, key))
                return false;
        for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next) {
                struct ts_world_party *party;
                struct ts_id id;

                if (!ts_sim_check_id(c, v, key, &id))
                        return false;
                party = ts_world_find_party(c->sim->world, kind, &id);
                if (!party || party->home != c->org || party->state == TS_WORLD_DELETED) {
                        ts_sim_fail(c, 404, "not.found", "%s: %s was not found.", key, ts_id_format(&id).s);
                        return false;
                }
                parties[(*n)++] = party;
        }
        return true;
}

void ts_sim_create_pairing(struct ts_sim_call *c)
{
        static const struct ts_sim_field fields[] = {
                { "userIds", TS_JSON_ARRAY, false },
                { "groupIds", TS_JSON_ARRAY, false },
        };
        struct ts_world_party **parties;
        struct ts_world_pairing *p;
        struct ts_id id;
        size_t n = 0;

        if (!ts_sim_check_object(c, c->body, "TrustRequestCreate", fields, TS_N_ELEMENTS(fields)))
                return;
        for (const struct ts_json *v = c->body->first; v; v = v->next)
                n += v->n;
        parties = TS_ARENA_ARRAY(&c->arena, struct ts_world_party *, n);
        n = 0;
        if (!pairings_read(c, "userIds", TS_WORLD_USER, parties, &n) ||
            !pairings_read(c, "groupIds", TS_WORLD_GROUP, parties, &n))
                return;
        if (n == 0) {
                ts_sim_invalid(c, 400, "constraint.validation", "At least one user or group is required.");
                return;
        }
        id = ts_sim_random_id(c->sim);
        p = ts_world_add_pairing(c->sim->world, c->org, &id, n);
        memcpy(p->parties, parties, n * sizeof(struct ts_world_party *));
        p->n_parties = n;
        p->created = ts_sim_realtime(c->sim);
        c->had_effect = true;
        ts_sim_note_pairing(c->sim, c->org);
        pairings_put(c, p);
}
