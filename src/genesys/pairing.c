#include "genesys/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

struct pairings {
        struct ts_live *live;
        ts_read_warn warn;
        void *warn_userdata;
};

static int read_people(const struct ts_json *list, enum ts_kind kind, struct ts_arena *arena,
                       struct ts_members *ret, struct ts_err *err)
{
        struct ts_members m = { .coverage = TS_COVERAGE_COMPLETE };
        int faulty = 0;

        m.items = TS_ARENA_ARRAY(arena, struct ts_member, list ? list->n : 0);
        for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next) {
                int r = ts_read_member(v, kind, arena, &m.items[m.n++], err);

                if (r < 0)
                        return r;
                faulty = r > 0 ? r : faulty;
        }
        m.n = ts_members_sort(m.items, m.n);
        *ret = m;
        return faulty;
}

int ts_read_pairing(const struct ts_json *json, struct ts_arena *arena, struct ts_pairing *ret,
                    struct ts_err *err)
{
        const struct ts_json *trustee = ts_json_get_object(json, "trustee"), *created;
        struct ts_pairing p = { .state = TS_PAIRING_OPEN, .created = TS_TIME_UNSET };
        int r, faulty;

        if (!ts_json_get_id(json, "id", &p.id) || !ts_json_get_id(trustee, "id", &p.trustee))
                return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "a pairing request has no usable '%s'",
                                  ts_json_get_id(json, "id", &p.id) ? "trustee" : "id");
        p.trustee_name = ts_read_name(trustee, "name", arena);
        created = ts_json_get(json, "dateCreated");
        if (created && created->type == TS_JSON_STRING &&
            ts_time_parse(created->string, created->n, &p.created) < 0)
                p.created = TS_TIME_UNSET;
        r = faulty = read_people(ts_json_get_array(json, "users"), TS_KIND_USER, arena, &p.users, err);
        if (r >= 0)
                r = read_people(ts_json_get_array(json, "groups"), TS_KIND_GROUP, arena, &p.groups, err);
        if (r < 0)
                return r;
        *ret = p;
        return faulty > 0 ? faulty : r;
}

static void on_pairing(size_t i, const struct ts_call_result *result, void *userdata)
{
        struct pairings *p = userdata;
        struct ts_pairing *pairing = &p->live->pairings[i], read;
        struct ts_err err = result->err;

        if (result->verdict == TS_VERDICT_NOT_FOUND) {
                pairing->state = TS_PAIRING_GONE;
        } else if (result->verdict == TS_VERDICT_OK &&
                   ts_read_pairing(result->json, &p->live->arena, &read, &err) >= 0 &&
                   ts_id_equal(&read.id, &pairing->id)) {
                *pairing = read;
                if (err.cls != TS_ERR_NONE)
                        p->warn(NULL, &err,
                                p->warn_userdata); /* some account in it cannot be identified by e-mail */
        } else if (result->verdict != TS_VERDICT_STOPPED) {
                if (err.cls == TS_ERR_NONE)
                        (void) ts_err_set(&err, TS_ERR_REMOTE, -EBADMSG,
                                          "the answer is another pairing request");
                (void) ts_err_wrap(&err, err.code, "pairing request %s", ts_id_format(&pairing->id).s);
                p->warn(NULL, &err, p->warn_userdata);
        }
}

int ts_read_pairings(struct ts_client *client, struct ts_live *live, const struct ts_ids *ids,
                     ts_read_warn warn, void *warn_userdata, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct ts_call *calls = ts_calloc(ids->n, sizeof(*calls));
        struct pairings p = { live, warn, warn_userdata };
        struct ts_batch batch = { .calls = calls, .n = ids->n, .on_result = on_pairing, .userdata = &p };

        live->pairings = TS_ARENA_ARRAY(&live->arena, struct ts_pairing, ids->n);
        live->n_pairings = ids->n;
        for (size_t i = 0; i < ids->n; i++) {
                live->pairings[i] = (struct ts_pairing){ .id = ids->items[i], .created = TS_TIME_UNSET };
                calls[i] = (struct ts_call){ .op = TS_OP_GET_PAIRING, .ids = { ids->items[i] } };
        }
        return ids->n > 0 ? ts_client_run(client, &batch, err) : 0;
}

/* ------------------------------------------------------------------------------------ who is in a trustor */

struct presence {
        struct ts_live *live;
        struct ts_members *members;
        enum ts_kind kind;
        const struct ts_id *ids;
        struct ts_err err; /* the first that is more than absence */
};

static void on_presence(size_t i, const struct ts_call_result *result, void *userdata)
{
        struct presence *p = userdata;
        struct ts_member m;
        struct ts_err err = result->err;

        if (result->verdict == TS_VERDICT_NOT_FOUND || result->verdict == TS_VERDICT_STOPPED)
                return;
        if (result->verdict == TS_VERDICT_OK &&
            ts_read_member(result->json, p->kind, &p->live->arena, &m, &err) >= 0 &&
            ts_id_equal(&m.id, &p->ids[i])) {
                p->members->items[p->members->n++] = m;
                if (err.cls == TS_ERR_NONE)
                        return;
        }
        if (p->err.cls == TS_ERR_NONE)
                p->err = err;
}

int ts_read_presence(struct ts_client *client, struct ts_live *live, struct ts_trust *trust,
                     enum ts_collection c, const struct ts_ids *ids, ts_read_warn warn, void *warn_userdata,
                     struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct ts_call *calls = ts_calloc(ids->n, sizeof(*calls));
        struct presence p = { .live = live,
                              .members = &trust->collections[c],
                              .kind = ts_collection_kind(c),
                              .ids = ids->items };
        struct ts_batch batch = { .calls = calls, .n = ids->n, .on_result = on_presence, .userdata = &p };
        int r = 0;

        p.members->n = 0;
        p.members->items = TS_ARENA_ARRAY(&live->arena, struct ts_member, ids->n);
        for (size_t i = 0; i < ids->n; i++)
                calls[i] = (struct ts_call){
                        .op = ts_operation_of_members(trust->direction, c, TS_MEMBER_GET),
                        .ids = { trust->id, ids->items[i] },
                };
        if (ids->n > 0)
                r = ts_client_run(client, &batch, err);
        p.members->n = ts_members_sort(p.members->items, p.members->n);
        if (r >= 0 && p.err.cls != TS_ERR_NONE)
                warn(trust, &p.err, warn_userdata);
        return r;
}
