#include "genesys/read.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/listing.h"
#include "json/writer.h"
#include "util/limits.h"
#include "util/mem.h"

/* Members whose first reads may turn out to be in vain: as many as are in flight at once anyway. */
#define PROBE 8u
/* Roles that are looked at before it is asked again which way is the cheaper one. */
#define LOOK 16u
/* Calls handed to the client at once. */
#define BATCH 256u

/* ----------------------------------------------------------------------------------------- from an answer */

static int unusable(struct ts_err *err, const char *what, const char *field)
{
        return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "%s has no usable '%s'", what, field);
}

/* @preset when the member is missing; false when it is something else than a time. */
static bool get_time(const struct ts_json *json, const char *key, int64_t preset, int64_t *ret)
{
        const struct ts_json *v = ts_json_get(json, key);

        if (v)
                return v->type == TS_JSON_STRING && ts_time_parse(v->string, v->n, ret) >= 0;
        *ret = preset;
        return true;
}

static const char *get_person(const struct ts_json *json, const char *key, struct ts_arena *arena)
{
        static const char *const fields[] = { "email", "name", "id" };
        const struct ts_json *person = ts_json_get_object(json, key);

        for (size_t i = 0; i < TS_N_ELEMENTS(fields); i++) {
                const char *text = ts_json_get_string(person, fields[i]);

                if (text && text[0] != '\0')
                        return ts_arena_strdup(arena, text);
        }
        return NULL;
}

int ts_read_trust(const struct ts_json *json, enum ts_direction direction, struct ts_arena *arena,
                  struct ts_trust *ret, struct ts_err *err)
{
        const struct ts_json *organization = ts_json_get_object(json, "organization");
        const char *name = ts_json_get_string(organization, "name");
        struct ts_trust t = { .direction = direction };

        if (!ts_json_get_id(json, "id", &t.id))
                return unusable(err, "a trust", "id");
        if (!ts_json_get_bool(json, "enabled", &t.enabled))
                return unusable(err, "a trust", "enabled");
        if (!get_time(json, "dateExpired", TS_TIME_NEVER, &t.expires))
                return unusable(err, "a trust", "dateExpired");
        (void) ts_json_get_bool(json, "usesDefaultRole", &t.uses_default_role); /* missing: no */
        (void) ts_json_get_bool(json, "hasFullAccess", &t.has_full_access);
        if (!get_time(json, "dateCreated", TS_TIME_UNSET, &t.created))
                t.created = TS_TIME_UNSET;

        t.name = ts_arena_strdup(arena, name ? name : ts_json_get_string(organization, "thirdPartyOrgName"));
        t.created_by = get_person(json, "createdBy", arena);
        *ret = t;
        return 0;
}

/* The states that nearly all members are in need no memory each. */
static const char *member_state(const char *state, struct ts_arena *arena)
{
        static const char *const known[] = { "active", "inactive", "deleted" };

        for (size_t i = 0; state && i < TS_N_ELEMENTS(known); i++)
                if (strcmp(state, known[i]) == 0)
                        return known[i];
        return ts_arena_strdup(arena, state);
}

/* When a group was added, and by whom, is said in the group itself. */
int ts_read_member(const struct ts_json *json, enum ts_kind kind, struct ts_arena *arena,
                   struct ts_member *ret, struct ts_err *err)
{
        const struct ts_json *details =
                        kind == TS_KIND_GROUP ? json : ts_json_get_object(json, "trustUserDetails");
        struct ts_member m = { .kind = kind };

        if (!ts_json_get_id(json, "id", &m.id))
                return unusable(err, "a member", "id");
        if (!get_time(details, "dateCreated", TS_TIME_UNSET, &m.created))
                m.created = TS_TIME_UNSET;

        if (kind != TS_KIND_GROUP)
                m.email = ts_arena_strdup(arena, ts_json_get_string(json, "email"));
        m.name = ts_arena_strdup(arena, ts_json_get_string(json, "name"));
        m.state = member_state(ts_json_get_string(json, "state"), arena);
        m.created_by = get_person(details, "createdBy", arena);
        *ret = m;
        return 0;
}

/* A role as {"id", "name"}: its index in the catalogue, which gets it when it is new. */
static int get_role(const struct ts_json *json, struct ts_live *live, uint32_t *ret, struct ts_err *err)
{
        struct ts_id id;

        if (!ts_json_get_id(json, "id", &id) || ts_id_is_nil(&id))
                return unusable(err, "a role", "id");
        *ret = ts_map_get_id(&live->catalog.role_ids, &id);
        if (*ret == TS_MAP_NONE)
                *ret = ts_catalog_add_role(&live->catalog, &id,
                                           ts_arena_strdup(&live->arena, ts_json_get_string(json, "name")));
        return 0;
}

static int get_division(const struct ts_json *json, struct ts_live *live, uint32_t *ret, struct ts_err *err)
{
        const char *text = ts_json_get_string(json, "id");
        struct ts_id id;

        *ret = TS_DIVISION_ALL;
        if (text && strcmp(text, "*") == 0)
                return 0;
        if (!ts_id_parse_string(text, &id) || ts_id_is_nil(&id))
                return unusable(err, "a division", "id");
        *ret = ts_map_get_id(&live->catalog.division_ids, &id);
        if (*ret == TS_MAP_NONE)
                *ret = ts_catalog_add_division(
                                &live->catalog, &id,
                                ts_arena_strdup(&live->arena, ts_json_get_string(json, "name")));
        return 0;
}

static int get_grant(const struct ts_json *json, struct ts_live *live, struct ts_grant *ret,
                     struct ts_err *err)
{
        int r;

        *ret = (struct ts_grant){ 0 };
        r = get_role(ts_json_get_object(json, "role"), live, &ret->role, err);
        if (r < 0)
                return r;
        return get_division(ts_json_get_object(json, "division"), live, &ret->division, err);
}

int ts_read_subject(const struct ts_json *json, const struct ts_id *member, struct ts_live *live,
                    struct ts_arena *arena, struct ts_grant **ret, size_t *ret_n, struct ts_err *err)
{
        const struct ts_json *list = ts_json_get_array(json, "grants");
        struct ts_grant *grants;
        struct ts_id id;
        size_t n = 0;

        if (!ts_json_get_id(json, "id", &id) || !ts_id_equal(&id, member))
                return unusable(err, "the subject", "id");
        if (!list)
                return unusable(err, "the subject", "grants");

        TS_JSON_FOREACH (v, list) {
                if (!ts_json_get_id(v, "subjectId", &id))
                        return unusable(err, "a grant", "subjectId");
                n += ts_id_equal(&id, member);
        }
        grants = TS_ARENA_ARRAY(arena, struct ts_grant, n);
        n = 0;
        TS_JSON_FOREACH (v, list) {
                int r;

                (void) ts_json_get_id(v, "subjectId", &id); /* checked above */
                if (!ts_id_equal(&id, member))
                        continue; /* inherited from a group */
                r = get_grant(v, live, &grants[n++], err);
                if (r < 0)
                        return r;
        }
        *ret_n = ts_grants_normalise(grants, n);
        *ret = grants;
        return 0;
}

static int index_compare(const void *a, const void *b)
{
        const uint32_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

int ts_read_roles(const struct ts_json *json, struct ts_live *live, struct ts_arena *arena, uint32_t **ret,
                  size_t *ret_n, struct ts_err *err)
{
        const struct ts_json *list = ts_json_get_array(json, "roles");
        size_t n = 0, n_unique = 0;
        uint32_t *roles;

        if (!list)
                return unusable(err, "the answer", "roles");
        roles = TS_ARENA_ARRAY(arena, uint32_t, list->n);
        TS_JSON_FOREACH (v, list) {
                int r = get_role(v, live, &roles[n++], err);

                if (r < 0)
                        return r;
        }
        qsort(roles, n, sizeof(*roles), index_compare);
        for (size_t i = 0; i < n; i++)
                if (n_unique == 0 || roles[n_unique - 1] != roles[i])
                        roles[n_unique++] = roles[i];
        *ret = roles;
        *ret_n = n_unique;
        return 0;
}

/* ------------------------------------------------------------------------------- roles, divisions, trusts */

enum { /* the listings of an organization itself */
       LISTING_ROLES,
       LISTING_DIVISIONS,
       LISTING_TRUSTEES,
       LISTING_TRUSTORS, /* only where they are wanted */
       LISTING_MAX_,
};

struct named_list {
        struct ts_named *items;
        size_t n, n_allocated;
};

struct organization {
        struct ts_client *client;
        struct ts_live *live;
        ts_read_warn warn;
        void *warn_userdata;
        struct named_list named[2]; /* roles, divisions */
        struct ts_trust *trusts;
        size_t n_trusts, n_trusts_allocated;
};

/* Sorted items without those that are equal to the one before them. */
static size_t drop_equal(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
        char *p = items;
        size_t kept = 0;

        for (size_t i = 0; i < n; i++) {
                if (kept > 0 && compare(p + (kept - 1) * size, p + i * size) == 0)
                        continue;
                if (kept != i)
                        memcpy(p + kept * size, p + i * size, size);
                kept++;
        }
        return kept;
}

static size_t sort_unique(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
        if (n > 1)
                qsort(items, n, size, compare);
        return drop_equal(items, n, size, compare);
}

static int named_compare(const void *a, const void *b)
{
        return ts_id_compare(&((const struct ts_named *) a)->id, &((const struct ts_named *) b)->id);
}

static int trust_compare(const void *a, const void *b)
{
        const struct ts_trust *x = a, *y = b;

        if (x->direction != y->direction)
                return x->direction < y->direction ? -1 : 1;
        return ts_id_compare(&x->id, &y->id);
}

static int organization_on_entity(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err)
{
        struct organization *o = userdata;
        struct named_list *list;

        if (i >= LISTING_TRUSTEES) {
                TS_GROW(o->trusts, o->n_trusts_allocated, o->n_trusts);
                return ts_read_trust(entity, i == LISTING_TRUSTEES ? TS_TRUSTEE : TS_TRUSTOR, &o->live->arena,
                                     &o->trusts[o->n_trusts++], err);
        }
        list = &o->named[i];
        TS_GROW(list->items, list->n_allocated, list->n);
        (void) ts_json_get_id(entity, "id", &list->items[list->n].id); /* the listing has looked at it */
        list->items[list->n++].name = ts_arena_strdup(&o->live->arena, ts_json_get_string(entity, "name"));
        return 0;
}

static void organization_on_restart(size_t i, void *userdata)
{
        struct organization *o = userdata;
        enum ts_direction direction = i == LISTING_TRUSTEES ? TS_TRUSTEE : TS_TRUSTOR;
        size_t kept = 0;

        if (i < LISTING_TRUSTEES) {
                o->named[i].n = 0;
                return;
        }
        for (size_t k = 0; k < o->n_trusts; k++)
                if (o->trusts[k].direction != direction)
                        o->trusts[kept++] = o->trusts[k];
        o->n_trusts = kept;
}

/* By id, so that indices do not depend on the order in which pages arrive. */
static void fill_catalog(struct organization *o)
{
        for (size_t k = 0; k < 2; k++) {
                struct named_list *list = &o->named[k];

                list->n = sort_unique(list->items, list->n, sizeof(*list->items), named_compare);
                for (size_t i = 0; i < list->n; i++)
                        (void) (k == LISTING_ROLES ? ts_catalog_add_role : ts_catalog_add_division)(
                                        &o->live->catalog, &list->items[i].id, list->items[i].name);
        }
}

static void fill_trusts(struct organization *o)
{
        o->n_trusts = sort_unique(o->trusts, o->n_trusts, sizeof(*o->trusts), trust_compare);
        o->live->trusts = ts_arena_memdup(&o->live->arena, o->trusts, o->n_trusts * sizeof(*o->trusts));
        o->live->n_trusts = o->n_trusts;
}

/* Without page 1 of any of them there is nothing to plan with; behind it, what is missing is said. The trustors
 * are another matter: without them only they are not planned. */
static int take_listings(struct organization *o, const struct ts_listings *l, struct ts_err *err)
{
        for (size_t i = 0; i < l->n; i++) {
                const struct ts_listing *li = &l->items[i];

                if (li->coverage == TS_COVERAGE_COMPLETE)
                        continue;
                if (i != LISTING_TRUSTORS && (!li->has_first_page || li->is_denied)) {
                        *err = *li->err;
                        return err->code;
                }
                o->warn(NULL, li->err, o->warn_userdata);
        }
        fill_catalog(o);
        fill_trusts(o);
        o->live->catalog.complete = l->items[LISTING_ROLES].coverage == TS_COVERAGE_COMPLETE &&
                                    l->items[LISTING_DIVISIONS].coverage == TS_COVERAGE_COMPLETE;
        o->live->trusts_coverage = l->items[LISTING_TRUSTEES].coverage;
        if (l->n > LISTING_TRUSTORS)
                o->live->trustors_coverage = l->items[LISTING_TRUSTORS].coverage;
        return 0;
}

static int read_listings(struct organization *o, bool wants_trustors, struct ts_err *err)
{
        TS_CLEANUP(ts_listings_done) struct ts_listings l;
        int r;

        ts_listings_init(&l, o->client, &o->live->arena, wants_trustors ? LISTING_MAX_ : LISTING_TRUSTORS,
                         TS_OP_LIST_TRUSTEES);
        l.items[LISTING_ROLES].op = TS_OP_LIST_ROLES;
        l.items[LISTING_DIVISIONS].op = TS_OP_LIST_DIVISIONS;
        if (wants_trustors)
                l.items[LISTING_TRUSTORS].op = TS_OP_LIST_TRUSTORS;
        l.on_entity = organization_on_entity;
        l.on_restart = organization_on_restart;
        l.userdata = o;

        r = ts_listings_read(&l, err);
        if (r < 0)
                return r;
        return take_listings(o, &l, err);
}

/* ------------------------------------------------------------------------------------------ customer care */

static void mark_care(struct ts_live *live, const struct ts_json *json)
{
        struct ts_trust *t;
        struct ts_id id;

        if (!ts_json_get_id(json, "id", &id))
                return;
        t = ts_live_find_trust(live, TS_TRUSTEE, &id);
        if (t)
                t->customer_care = true;
}

/* Known when both ways to tell the vendor's organization were answered. */
static int read_care(struct organization *o, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_call calls[] = { { .op = TS_OP_LIST_CARE }, { .op = TS_OP_GET_CARE_DEFAULT } };
        struct ts_call_result results[TS_N_ELEMENTS(calls)];
        struct ts_batch batch = {
                .calls = calls, .n = TS_N_ELEMENTS(calls), .results = results, .arena = &arena
        };
        const struct ts_json *list;
        int r;

        r = ts_client_run(o->client, &batch, err);
        if (r < 0)
                return r;

        list = results[0].verdict == TS_VERDICT_OK ? ts_json_get_array(results[0].json, "entities") : NULL;
        for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next)
                mark_care(o->live, v);
        if (results[1].verdict == TS_VERDICT_OK)
                mark_care(o->live, results[1].json);

        o->live->care_coverage = TS_COVERAGE_COMPLETE;
        for (size_t i = 0; i < TS_N_ELEMENTS(calls); i++) {
                struct ts_err why = results[i].err;

                if (results[i].verdict == TS_VERDICT_OK || results[i].verdict == TS_VERDICT_GONE)
                        continue;
                (void) ts_err_wrap(&why, why.code, "customer care cannot be told from other trusts");
                o->warn(NULL, &why, o->warn_userdata);
                o->live->care_coverage = TS_COVERAGE_PARTIAL;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------ members */

struct member_list {
        struct ts_member *items;
        size_t n, n_allocated;
};

/* One collection of one trust that is to be read. */
struct place {
        struct ts_trust *trust;
        enum ts_collection collection;
};

struct members {
        struct organization *organization;
        struct ts_listings listings;
        struct place *places; /* of each listing */
        struct member_list *lists;
};

static int member_compare(const void *a, const void *b)
{
        return ts_id_compare(&((const struct ts_member *) a)->id, &((const struct ts_member *) b)->id);
}

/* Moves a list to where it stays. */
static void place_members(struct ts_live *live, const struct place *place, struct member_list *list,
                          enum ts_coverage coverage)
{
        struct ts_members *members = &place->trust->collections[place->collection];

        members->n = sort_unique(list->items, list->n, sizeof(*list->items), member_compare);
        members->items = ts_arena_memdup(&live->arena, list->items, members->n * sizeof(*list->items));
        members->coverage = coverage;
        free(list->items);
        *list = (struct member_list){ 0 };
}

static int members_on_entity(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err)
{
        struct members *m = userdata;
        struct member_list *list = &m->lists[i];

        TS_GROW(list->items, list->n_allocated, list->n);
        return ts_read_member(entity, ts_collection_kind(m->places[i].collection),
                              &m->organization->live->arena, &list->items[list->n++], err);
}

static void members_on_restart(size_t i, void *userdata)
{
        ((struct members *) userdata)->lists[i].n = 0;
}

static void members_on_end(size_t i, void *userdata)
{
        struct members *m = userdata;

        place_members(m->organization->live, &m->places[i], &m->lists[i], m->listings.items[i].coverage);
        m->places[i].trust->collections[m->places[i].collection].is_denied = m->listings.items[i].is_denied;
}

/* One sentence for each trust, but a missing permission is one for all of them. */
static void tell_incomplete(const struct members *m)
{
        const struct organization *o = m->organization;

        for (enum ts_operation op = 0; op < TS_OP_MAX_; op++) {
                const struct ts_err *denied = NULL;
                struct ts_err err;
                size_t n_denied = 0;

                for (size_t i = 0; i < m->listings.n; i++) {
                        const struct ts_listing *li = &m->listings.items[i];

                        if (li->op != op || !li->err)
                                continue;
                        if (!li->is_denied)
                                o->warn(m->places[i].trust, li->err, o->warn_userdata);
                        else if (n_denied++ == 0)
                                denied = li->err;
                }
                if (n_denied == 0)
                        continue;
                err = *denied;
                (void) ts_err_wrap(&err, err.code, "the members of %zu trust%s could not be read", n_denied,
                                   n_denied == 1 ? "" : "s");
                o->warn(NULL, &err, o->warn_userdata);
        }
}

static void members_done(struct members *m)
{
        for (size_t i = 0; i < m->listings.n; i++)
                free(m->lists[i].items);
        ts_listings_done(&m->listings);
        free(m->places);
        free(m->lists);
}

static size_t find_places(const struct organization *o, const struct ts_read_scope *scope, bool clones,
                          struct place *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < o->live->n_trusts; i++)
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        if ((c == TS_CLONES) == clones &&
                            scope->wants(&o->live->trusts[i], c, scope->userdata))
                                ret[n++] = (struct place){ &o->live->trusts[i], c };
        return n;
}

static int read_members(struct organization *o, const struct ts_read_scope *scope, struct ts_err *err)
{
        TS_CLEANUP(members_done) struct members m = { .organization = o };
        size_t n;
        int r;

        m.places = ts_calloc(2 * o->live->n_trusts, sizeof(*m.places));
        n = find_places(o, scope, false, m.places);
        m.lists = ts_calloc(n, sizeof(*m.lists));

        ts_listings_init(&m.listings, o->client, &o->live->arena, n, TS_OP_LIST_TRUSTEE_USERS);
        for (size_t i = 0; i < n; i++) {
                m.listings.items[i].op = ts_operation_of_members(m.places[i].trust->direction,
                                                                 m.places[i].collection, TS_MEMBERS_LIST);
                m.listings.items[i].id = m.places[i].trust->id;
        }
        m.listings.on_entity = members_on_entity;
        m.listings.on_restart = members_on_restart;
        m.listings.on_end = members_on_end;
        m.listings.userdata = &m;

        r = ts_listings_read(&m.listings, err);
        if (r < 0)
                return r;
        tell_incomplete(&m);
        return 0;
}

/* ------------------------------------------------------------------------------------------------- clones */

/* Their lists have no pages. */
struct clones {
        struct organization *organization;
        const struct place *places;
        bool is_denied; /* was said */
};

static int take_clones(struct organization *o, const struct place *place, const struct ts_json *json,
                       struct ts_err *err)
{
        const struct ts_json *entities = ts_json_get_array(json, "entities");
        struct member_list list = { 0 };
        int64_t total = 0;
        bool has_total = ts_json_get_int(json, "total", &total);
        int r = 0;

        if (!entities && !(has_total && total == 0))
                return unusable(err, "the list of clones", "entities");
        for (const struct ts_json *v = entities ? entities->first : NULL; v && r >= 0; v = v->next) {
                TS_GROW(list.items, list.n_allocated, list.n);
                r = ts_read_member(v, TS_KIND_CLONE, &o->live->arena, &list.items[list.n], err);
                list.n += r >= 0;
        }
        place_members(o->live, place, &list, r < 0 ? TS_COVERAGE_PARTIAL : TS_COVERAGE_COMPLETE);
        if (r >= 0 && has_total && total != (int64_t) place->trust->clones.n) {
                place->trust->clones.coverage = TS_COVERAGE_PARTIAL;
                r = ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "the list of clones is not complete");
        }
        return r;
}

static void on_clones(size_t i, const struct ts_call_result *result, void *userdata)
{
        struct clones *c = userdata;
        struct organization *o = c->organization;
        const struct place *place = &c->places[i];
        struct ts_err err = result->err;

        if (result->verdict == TS_VERDICT_STOPPED)
                return;
        if (result->verdict == TS_VERDICT_OK) {
                if (take_clones(o, place, result->json, &err) < 0)
                        o->warn(place->trust, &err, o->warn_userdata);
                return;
        }
        place->trust->clones.coverage = TS_COVERAGE_PARTIAL;
        place->trust->clones.is_denied = result->verdict == TS_VERDICT_DENIED;
        if (!place->trust->clones.is_denied || !c->is_denied)
                o->warn(place->trust->clones.is_denied ? NULL : place->trust, &err, o->warn_userdata);
        c->is_denied = c->is_denied || place->trust->clones.is_denied;
}

static int read_clones(struct organization *o, const struct ts_read_scope *scope, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct place *places = ts_calloc(o->live->n_trusts, sizeof(*places));
        TS_CLEANUP(ts_freep) struct ts_call *calls = NULL;
        TS_CLEANUP(ts_freep) struct ts_call_result *results = NULL;
        size_t n = find_places(o, scope, true, places);
        int r = 0;

        calls = ts_calloc(BATCH, sizeof(*calls));
        results = ts_calloc(BATCH, sizeof(*results));
        for (size_t first = 0; r >= 0 && first < n; first += BATCH) {
                struct clones c = { .organization = o, .places = places + first };
                struct ts_batch batch = {
                        .calls = calls, .results = results, .on_result = on_clones, .userdata = &c
                };

                for (batch.n = 0; batch.n < BATCH && first + batch.n < n; batch.n++)
                        calls[batch.n] = (struct ts_call){
                                .op = ts_operation_of_members(c.places[batch.n].trust->direction, TS_CLONES,
                                                              TS_MEMBERS_LIST),
                                .ids = { c.places[batch.n].trust->id },
                        };
                r = ts_client_run(o->client, &batch, err);
        }
        return r;
}

static void organization_done(struct organization *o)
{
        free(o->named[LISTING_ROLES].items);
        free(o->named[LISTING_DIVISIONS].items);
        free(o->trusts);
}

int ts_read_organization(struct ts_client *client, const struct ts_read_scope *scope, struct ts_live *live,
                         ts_read_warn warn, void *warn_userdata, struct ts_err *err)
{
        TS_CLEANUP(organization_done)
        struct organization o = {
                .client = client, .live = live, .warn = warn, .warn_userdata = warn_userdata
        };
        int r;

        r = read_listings(&o, scope->wants_trustors, err);
        if (r >= 0 && scope->wants_care)
                r = read_care(&o, err);
        if (r >= 0)
                r = read_members(&o, scope, err);
        if (r >= 0)
                r = read_clones(&o, scope, err);
        return r;
}

/* ------------------------------------------------------------------------------- grants: member by member */

enum member_state {
        MEMBER_UNREAD,
        MEMBER_HAS_GRANTS, /* as authorization/subjects/{id} says */
        MEMBER_NO_GRANTS,  /* likewise */
        MEMBER_NO_SUBJECT, /* 404: it may be that it holds nothing */
        MEMBER_EMPTY,      /* .../users/{id}/roles lists no role */
        MEMBER_UNREADABLE,
};

struct swept {
        uint32_t target, role, division;
};

struct grants {
        struct ts_client *client;
        struct ts_live *live;
        const struct ts_read_target *targets;
        size_t n;
        ts_read_warn warn;
        void *warn_userdata;

        enum ts_subject_reads subjects;
        uint8_t *states; /* enum member_state, by target */
        const char *why; /* subjects are not used */
        uint64_t n_requests;

        struct ts_map ids; /* of the members -> index of the first target with it */
        struct ts_listings sweep;
        struct swept *found;
        size_t n_found, n_found_allocated;
};

/* One batch of reads of members, by target. */
struct member_reads {
        struct grants *g;
        size_t n;
        uint32_t targets[BATCH];
        struct ts_call calls[BATCH];
        struct ts_call_result results[BATCH];
};

static void warn_member(const struct grants *g, size_t i, const struct ts_err *err)
{
        g->warn(g->targets[i].trust, err, g->warn_userdata);
}

static void subjects_are_unusable(struct grants *g, const char *why)
{
        g->subjects = TS_SUBJECT_READS_UNUSABLE;
        g->why = why;
}

static void member_is_unreadable(struct grants *g, size_t i, const struct ts_err *err)
{
        g->states[i] = MEMBER_UNREADABLE;
        warn_member(g, i, err);
}

/* What cannot be used: proof that the endpoint itself cannot be, as long as it has not proved itself. */
static void subject_failed(struct grants *g, size_t i, const struct ts_call_result *result,
                           const struct ts_err *err)
{
        if (g->subjects == TS_SUBJECT_READS_PROVEN)
                member_is_unreadable(g, i, err);
        else if (result->verdict == TS_VERDICT_DENIED)
                subjects_are_unusable(g, "single members may not be read (authorization:grant:view)");
        else
                subjects_are_unusable(g,
                                      "authorization/subjects gives no usable answer for members of trusts");
}

static void on_subject(size_t k, const struct ts_call_result *result, void *userdata)
{
        struct member_reads *b = userdata;
        struct grants *g = b->g;
        size_t i = b->targets[k], n;
        struct ts_member *m = g->targets[i].member;
        struct ts_err err = { 0 };

        switch (result->verdict) {
        case TS_VERDICT_STOPPED:
                return;
        case TS_VERDICT_GONE:
                g->states[i] = MEMBER_NO_SUBJECT;
                return;
        case TS_VERDICT_OK:
                if (ts_read_subject(result->json, &m->id, g->live, &g->live->arena, &m->grants, &n, &err) <
                    0) {
                        subject_failed(g, i, result, &err);
                        return;
                }
                m->n_grants = (uint32_t) n;
                g->states[i] = n > 0 ? MEMBER_HAS_GRANTS : MEMBER_NO_GRANTS;
                return;
        default:
                subject_failed(g, i, result, &result->err);
        }
}

static int member_reads_run(struct member_reads *b,
                            void (*on_result)(size_t, const struct ts_call_result *, void *),
                            struct ts_err *err)
{
        struct ts_batch batch = {
                .calls = b->calls, .n = b->n, .results = b->results, .on_result = on_result, .userdata = b
        };

        b->g->n_requests += b->n;
        return b->n > 0 ? ts_client_run(b->g->client, &batch, err) : 0;
}

/* Targets from @first up to @end. */
static int read_subjects(struct grants *g, size_t first, size_t end, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct member_reads *b = ts_calloc(1, sizeof(*b));
        int r;

        b->g = g;
        for (size_t i = first; i < end; i += b->n) {
                b->n = 0;
                while (b->n < BATCH && i + b->n < end) {
                        b->targets[b->n] = (uint32_t) (i + b->n);
                        b->calls[b->n] = (struct ts_call){ .op = TS_OP_GET_SUBJECT,
                                                           .ids = { g->targets[i + b->n].member->id } };
                        b->n++;
                }
                r = member_reads_run(b, on_subject, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* -------------------------------------------------------------------------- grants: the proof of subjects */

static bool has_roles_of(const struct ts_member *m, const uint32_t *roles, size_t n)
{
        size_t k = 0;

        for (uint32_t i = 0; i < m->n_grants; i++) {
                if (i > 0 && m->grants[i].role == m->grants[i - 1].role)
                        continue;
                if (k == n || roles[k++] != m->grants[i].role)
                        return false;
        }
        return k == n;
}

/* The roles that the trust knows of a member, against what was read of it before. */
static void on_roles(size_t k, const struct ts_call_result *result, void *userdata)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct member_reads *b = userdata;
        struct grants *g = b->g;
        size_t i = b->targets[k], n;
        struct ts_err err = result->err;
        uint32_t *roles;

        if (result->verdict == TS_VERDICT_STOPPED)
                return;
        if (result->verdict != TS_VERDICT_OK ||
            ts_read_roles(result->json, g->live, &arena, &roles, &n, &err) < 0) {
                if (g->subjects == TS_SUBJECT_READS_PROVEN)
                        member_is_unreadable(g, i, &err);
                else
                        subjects_are_unusable(g, "authorization/subjects could not be compared with the "
                                                 "roles of a member");
                return;
        }
        if (g->states[i] != MEMBER_HAS_GRANTS && n == 0) {
                g->states[i] = MEMBER_EMPTY;
        } else if (g->states[i] == MEMBER_HAS_GRANTS && has_roles_of(g->targets[i].member, roles, n)) {
                if (g->subjects == TS_SUBJECT_READS_UNKNOWN)
                        g->subjects = TS_SUBJECT_READS_PROVEN;
        } else if (g->subjects == TS_SUBJECT_READS_PROVEN) {
                (void) ts_err_set(&err, TS_ERR_REMOTE, -EBADMSG, "a member without a subject has %zu roles",
                                  n);
                member_is_unreadable(g, i, &err);
        } else {
                subjects_are_unusable(
                                g,
                                "authorization/subjects does not know the roles that members of trusts hold");
        }
}

/* Asks for the roles of the targets from @first up to @end (at most BATCH) that are in @state; @max of them.
 */
static int read_roles_of(struct grants *g, size_t first, size_t end, enum member_state state, size_t max,
                         struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct member_reads *b = ts_calloc(1, sizeof(*b));

        b->g = g;
        for (size_t i = first; i < end && b->n < max; i++) {
                if (g->states[i] != state)
                        continue;
                b->targets[b->n] = (uint32_t) i;
                b->calls[b->n++] = (struct ts_call){ .op = TS_OP_GET_TRUSTEE_USER_ROLES,
                                                     .ids = { g->targets[i].trust->id,
                                                              g->targets[i].member->id } };
        }
        return member_reads_run(b, on_roles, err);
}

/* What the subjects of @first to @end say is compared with their roles: one that has grants proves the
 * endpoint; until there is one, those who seem to have none have to show that they have no roles either. */
static int prove(struct grants *g, size_t first, size_t end, struct ts_err *err)
{
        int r;

        for (size_t i = first; i < end; i++)
                if (g->states[i] == MEMBER_HAS_GRANTS)
                        return read_roles_of(g, i, i + 1, MEMBER_HAS_GRANTS, 1, err);
        r = read_roles_of(g, first, end, MEMBER_NO_GRANTS, PROBE, err);
        if (r < 0 || g->subjects == TS_SUBJECT_READS_UNUSABLE)
                return r;
        return read_roles_of(g, first, end, MEMBER_NO_SUBJECT, PROBE, err);
}

/* 404 of a member: it holds nothing if the trust knows no role of it. */
static int check_missing_subjects(struct grants *g, struct ts_err *err)
{
        int r;

        for (size_t i = 0; i < g->n; i += BATCH) {
                r = read_roles_of(g, i, i + BATCH < g->n ? i + BATCH : g->n, MEMBER_NO_SUBJECT, BATCH, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Leaves subjects UNUSABLE when it cannot be done that way. */
static int read_member_by_member(struct grants *g, struct ts_err *err)
{
        size_t n_read = 0;
        int r;

        while (n_read < g->n && g->subjects == TS_SUBJECT_READS_UNKNOWN) {
                size_t end = g->n - n_read < PROBE ? g->n : n_read + PROBE;

                r = read_subjects(g, n_read, end, err);
                if (r >= 0 && g->subjects == TS_SUBJECT_READS_UNKNOWN)
                        r = prove(g, n_read, end, err);
                if (r < 0)
                        return r;
                n_read = end;
        }
        if (g->subjects != TS_SUBJECT_READS_PROVEN)
                return 0;
        r = read_subjects(g, n_read, g->n, err);
        if (r < 0)
                return r;
        return check_missing_subjects(g, err);
}

static void settle_members(struct grants *g)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->states[i] != MEMBER_UNREADABLE)
                        g->targets[i].member->grants_coverage = TS_COVERAGE_COMPLETE;
}

/* -------------------------------------------------------------------------------------- grants: the sweep */

static int sweep_on_entity(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err)
{
        struct grants *g = userdata;
        const struct ts_json *divisions;
        struct ts_id id = { 0 };
        uint32_t target;

        (void) ts_json_get_id(entity, "id", &id); /* the listing has looked at it */
        target = ts_map_get_id(&g->ids, &id);
        if (target == TS_MAP_NONE)
                return 0; /* one of the organization's own, or a member that no declaration lists */

        divisions = ts_json_get_array(entity, "divisions");
        if (!divisions || divisions->n == 0)
                return unusable(err, "a member's grant", "divisions");
        TS_JSON_FOREACH (v, divisions) {
                struct swept *s;
                int r;

                TS_GROW(g->found, g->n_found_allocated, g->n_found);
                s = &g->found[g->n_found];
                *s = (struct swept){ .target = target, .role = (uint32_t) i };
                r = get_division(v, g->live, &s->division, err);
                if (r < 0)
                        return r;
                g->n_found++;
        }
        return 0;
}

static void sweep_on_restart(size_t i, void *userdata)
{
        struct grants *g = userdata;
        size_t n = 0;

        for (size_t k = 0; k < g->n_found; k++)
                if (g->found[k].role != i)
                        g->found[n++] = g->found[k];
        g->n_found = n;
}

/* One listing a role, by the catalogue's indices. */
static void sweep_init(struct grants *g)
{
        if (g->sweep.items)
                return;
        ts_listings_init(&g->sweep, g->client, &g->live->arena, g->live->catalog.n_roles,
                         TS_OP_LIST_ROLE_SUBJECTS);
        for (size_t i = 0; i < g->sweep.n; i++)
                g->sweep.items[i].id = g->live->catalog.roles[i].id;
        g->sweep.on_entity = sweep_on_entity;
        g->sweep.on_restart = sweep_on_restart;
        g->sweep.userdata = g;
        for (size_t i = 0; i < g->n; i++)
                (void) ts_map_add_id(&g->ids, &g->targets[i].member->id, (uint32_t) i);
}

/* Page 1 of role after role, until it is known whether the sweep or reading each member costs less from here
 * on. */
static int look_at_sweep(struct grants *g, bool *ret_sweep, struct ts_err *err)
{
        uint64_t per_member = (uint64_t) g->n + 1;
        int r;

        sweep_init(g);
        while (g->sweep.n_looked < g->sweep.n &&
               g->sweep.n_requests + ts_listings_count_left(&g->sweep) <= per_member) {
                r = ts_listings_look(&g->sweep, LOOK, err);
                if (r < 0)
                        return r;
        }
        *ret_sweep = ts_listings_count_left(&g->sweep) <= per_member;
        return 0;
}

/* A page that is missing may hold a grant of any member: then nobody's grants are certain. */
static bool sweep_is_complete(const struct grants *g)
{
        const struct ts_err *first = NULL;
        struct ts_err err = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < g->sweep.n; i++) {
                if (g->sweep.items[i].coverage == TS_COVERAGE_COMPLETE)
                        continue;
                if (n++ == 0)
                        first = g->sweep.items[i].err;
        }
        if (n == 0 && g->live->catalog.n_roles == g->sweep.n)
                return true;
        if (first)
                err = *first;
        else
                (void) ts_err_set(&err, TS_ERR_REMOTE, -EBADMSG,
                                  "members hold roles that the list of roles has not");
        (void) ts_err_wrap(&err, err.code,
                           "the grants of %zu members are not certain, because %zu of %zu roles could "
                           "not be read completely",
                           g->n, n, g->sweep.n);
        g->warn(NULL, &err, g->warn_userdata);
        return false;
}

/* Sorts what was found by member, in one piece of memory. */
static void distribute(struct grants *g)
{
        TS_CLEANUP(ts_freep) size_t *ends = ts_calloc(g->n + 1, sizeof(*ends)); /* [i + 1]: of target i */
        struct ts_grant *all = TS_ARENA_ARRAY(&g->live->arena, struct ts_grant, g->n_found);

        for (size_t k = 0; k < g->n_found; k++)
                ends[g->found[k].target + 1]++;
        for (size_t i = 0; i < g->n; i++) {
                g->targets[i].member->grants = all + ends[i];
                g->targets[i].member->n_grants = (uint32_t) ends[i + 1];
                ends[i + 1] += ends[i];
        }
        for (size_t k = 0; k < g->n_found; k++) {
                const struct swept *s = &g->found[k];

                all[ends[s->target]++] = (struct ts_grant){ .role = s->role, .division = s->division };
        }
}

static void settle_sweep(struct grants *g)
{
        bool complete = sweep_is_complete(g);

        distribute(g);
        for (size_t i = 0; i < g->n; i++) {
                struct ts_member *m = g->targets[i].member;
                uint32_t first = ts_map_get_id(&g->ids, &m->id);

                m->n_grants = (uint32_t) ts_grants_normalise(m->grants, m->n_grants);
                if (first != i) { /* the same user in two trusts: its grants are those of the subject */
                        m->grants = g->targets[first].member->grants;
                        m->n_grants = g->targets[first].member->n_grants;
                }
                m->grants_coverage = complete ? TS_COVERAGE_COMPLETE : TS_COVERAGE_PARTIAL;
        }
}

static int read_sweep(struct grants *g, struct ts_err *err)
{
        int r;

        sweep_init(g);
        r = ts_listings_read(&g->sweep, err);
        if (r < 0)
                return r;
        settle_sweep(g);
        return 0;
}

/* -------------------------------------------------------------------------------------- grants: which way */

static const char *how_by_member(const struct grants *g, const char *why)
{
        const char *proof = g->subjects == TS_SUBJECT_READS_PROVEN
                                            ? "which the roles of one of them confirmed"
                                            : "none of whom has a role";

        return ts_arena_printf(&g->live->arena, "the grants of %zu members were read one by one, %s: %s",
                               g->n, proof, why);
}

static const char *how_by_sweep(const struct grants *g, const char *why)
{
        return ts_arena_printf(&g->live->arena,
                               "the grants of %zu members were read by role, in %llu pages of %zu roles: %s",
                               g->n, (unsigned long long) g->sweep.n_requests, g->sweep.n, why);
}

/* The list of roles is not whole: a sweep would prove nothing. */
static void give_up(struct grants *g, const char **ret_how)
{
        struct ts_err err = { 0 };

        (void) ts_err_set(&err, TS_ERR_REMOTE, -EBADMSG,
                          "the grants of %zu members cannot be known, because the list of roles or divisions "
                          "could not be "
                          "read completely",
                          g->n);
        g->warn(NULL, &err, g->warn_userdata);
        for (size_t i = 0; i < g->n; i++)
                g->targets[i].member->grants_coverage = TS_COVERAGE_PARTIAL;
        *ret_how = "no grants were read: the list of roles is not complete";
}

static int read_cheapest(struct grants *g, const char **ret_how, struct ts_err *err)
{
        size_t n_roles = g->live->catalog.n_roles;
        bool few = g->n + 1 <= n_roles, sweep = false;
        const char *why = few ? "there are more roles than members"
                              : "the roles have more pages than there are members";
        int r;

        if (!few && g->live->catalog.complete) {
                r = look_at_sweep(g, &sweep, err);
                if (r < 0)
                        return r;
                g->why = "that costs no more than one request a member";
        }
        if (!sweep && (few || g->live->catalog.complete)) {
                r = read_member_by_member(g, err);
                if (r < 0)
                        return r;
                if (g->subjects != TS_SUBJECT_READS_UNUSABLE) {
                        settle_members(g);
                        *ret_how = how_by_member(g, why);
                        return 0;
                }
        }
        if (!g->live->catalog.complete) {
                give_up(g, ret_how);
                return 0;
        }
        r = read_sweep(g, err);
        if (r < 0)
                return r;
        *ret_how = how_by_sweep(g, g->why);
        return 0;
}

static void grants_done(struct grants *g)
{
        ts_listings_done(&g->sweep);
        ts_map_done(&g->ids);
        free(g->states);
        free(g->found);
}

int ts_read_grants(struct ts_client *client, struct ts_live *live, const struct ts_read_target *targets,
                   size_t n, enum ts_subject_reads *ret_subjects, const char **ret_how, ts_read_warn warn,
                   void *warn_userdata, struct ts_err *err)
{
        TS_CLEANUP(grants_done)
        struct grants g = {
                .client = client,
                .live = live,
                .targets = targets,
                .n = n,
                .warn = warn,
                .warn_userdata = warn_userdata,
        };
        const char *how = "no grants had to be read";
        int r;

        g.states = ts_calloc(n, sizeof(*g.states));
        if (n > 0) {
                r = read_cheapest(&g, &how, err);
                if (r < 0)
                        return r;
        }
        *ret_subjects = g.subjects;
        *ret_how = how;
        return 0;
}
