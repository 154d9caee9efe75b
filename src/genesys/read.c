#include "genesys/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/listing.h"
#include "genesys/redact.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/sorted.h"

/* Calls handed to the client at once. */
#define BATCH 256u

/* ----------------------------------------------------------------------------------------- from an answer */

static int unusable(struct ts_err *err, const char *what, const char *field)
{
        return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "%s has no usable '%s'", what, field);
}

const char *ts_read_name(const struct ts_json *json, const char *key, struct ts_arena *arena)
{
        static const char ellipsis[] = "…";
        const char *text = ts_json_get_string(json, key);
        size_t len = text ? strlen(text) : 0, n = TS_NAME_MAX_BYTES - strlen(ellipsis);

        if (len <= TS_NAME_MAX_BYTES)
                return ts_arena_strdup(arena, text);
        while (n > 0 && ((unsigned char) text[n] & 0xc0) == 0x80)
                n--; /* not within a character */
        return ts_arena_printf(arena, "%.*s%s", (int) n, text, ellipsis);
}

/* A text that decides which object is meant, in @ret. 1: it is there and cannot be used, @err says why. */
static int get_key(const struct ts_json *json, const char *what, const char *key, struct ts_arena *arena,
                   const char **ret, struct ts_err *err)
{
        const char *text = ts_json_get_string(json, key), *intact = ts_json_get_intact_string(json, key);
        const char *id = ts_json_get_intact_string(json, "id");

        *ret = NULL;
        if (!text)
                return 0;
        if (intact && strlen(intact) <= TS_NAME_MAX_BYTES) {
                *ret = ts_arena_strdup(arena, intact);
                return 0;
        }
        (void) ts_err_set(err, TS_ERR_REMOTE, -EBADMSG,
                          intact ? "the '%s' of %s %.36s is longer than %u bytes, and is not used"
                          : strcmp(text, TS_REDACTED) == 0
                                          ? "the '%s' of %s %.36s repeats our token, and is not used"
                                          : "the '%s' of %s %.36s is no valid text, and is not used",
                          key, what, id ? id : "?", TS_NAME_MAX_BYTES);
        return 1;
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

/* NULL when nothing identifies the account. */
static const struct ts_person *get_person(const struct ts_json *json, const char *key, struct ts_arena *arena)
{
        static const char *const fields[] = { "email", "name", "id" };
        const struct ts_json *person = ts_json_get_object(json, key);
        struct ts_person p = { 0 };

        for (size_t i = 0; i < TS_N_ELEMENTS(fields); i++) {
                const char *text = ts_read_name(person, fields[i], arena);

                if (!p.name && text && text[0] != '\0')
                        p.name = text;
        }
        if (!p.name)
                return NULL;
        if (!ts_json_get_id(person, "id", &p.id))
                p.id = (struct ts_id){ 0 };
        if (!ts_json_get_id(ts_json_get_object(person, "organization"), "id", &p.organization))
                p.organization = (struct ts_id){ 0 };
        return ts_arena_memdup(arena, &p, sizeof(p));
}

int ts_read_trust(const struct ts_json *json, enum ts_direction direction, struct ts_arena *arena,
                  struct ts_trust *ret, struct ts_err *err)
{
        const struct ts_json *organization = ts_json_get_object(json, "organization");
        struct ts_trust t = { .direction = direction };

        if (!ts_json_get_id(json, "id", &t.id))
                return unusable(err, "a trust", "id");
        if (!ts_json_get_bool(json, "enabled", &t.enabled))
                return unusable(err, "a trust", "enabled");
        if (!get_time(json, "dateExpired", TS_TIME_NEVER, &t.expires))
                return unusable(err, "a trust", "dateExpired");
        (void) ts_json_get_bool(json, "usesDefaultRole", &t.uses_default_role); /* missing: no */
        (void) ts_json_get_bool(json, "hasFullAccess", &t.has_full_access);
        (void) ts_json_get_bool(json, "isTrustedUser", &t.is_trusted_user);
        if (!get_time(json, "dateCreated", TS_TIME_UNSET, &t.created))
                t.created = TS_TIME_UNSET;

        t.name = ts_read_name(organization, "name", arena);
        if (!t.name)
                t.name = ts_read_name(organization, "thirdPartyOrgName", arena);
        t.created_by = get_person(json, "createdBy", arena);
        *ret = t;
        return 0;
}

/* The states that nearly all members are in need no memory each. */
static const char *member_state(const struct ts_json *json, struct ts_arena *arena)
{
        static const char *const known[] = { "active", "inactive", "deleted" };
        const char *state = ts_json_get_string(json, "state");

        for (size_t i = 0; state && i < TS_N_ELEMENTS(known); i++)
                if (strcmp(state, known[i]) == 0)
                        return known[i];
        return ts_read_name(json, "state", arena);
}

/* The time and author of a group's addition are fields of the group itself. */
static const struct ts_json *member_details(const struct ts_json *json, enum ts_kind kind)
{
        return kind == TS_KIND_GROUP ? json : ts_json_get_object(json, "trustUserDetails");
}

int64_t ts_read_member_created(const struct ts_json *json, enum ts_kind kind)
{
        int64_t created;

        return get_time(member_details(json, kind), "dateCreated", TS_TIME_UNSET, &created) ? created
                                                                                            : TS_TIME_UNSET;
}

int ts_read_member(const struct ts_json *json, enum ts_kind kind, struct ts_arena *arena,
                   struct ts_member *ret, struct ts_err *err)
{
        const struct ts_json *details = member_details(json, kind);
        struct ts_member m = { .kind = kind, .created = ts_read_member_created(json, kind) };
        int r;

        if (!ts_json_get_id(json, "id", &m.id))
                return unusable(err, "a member", "id");
        if (kind == TS_KIND_GROUP) {
                r = get_key(json, "group", "name", arena, &m.name, err);
        } else {
                r = get_key(json, ts_kind_to_string(kind), "email", arena, &m.email, err);
                m.name = ts_read_name(json, "name", arena);
        }
        m.state = member_state(json, arena);
        (void) get_time(json, "dateLastLogin", 0, &m.last_login); /* what is no time is not known */
        m.created_by = get_person(details, "createdBy", arena);
        *ret = m;
        return r;
}

/* The name of a role or division; its list reports what is wrong with it. */
static const char *named(const struct ts_json *json, struct ts_arena *arena)
{
        const char *name;

        (void) get_key(json, "", "name", arena, &name, NULL);
        return name;
}

/* A role as {"id", "name"}: its index in the catalogue, which gets it when it is new. */
static int get_role(const struct ts_json *json, struct ts_live *live, uint32_t *ret, struct ts_err *err)
{
        struct ts_id id;

        if (!ts_json_get_id(json, "id", &id) || ts_id_is_nil(&id))
                return unusable(err, "a role", "id");
        *ret = ts_map_get_id(&live->catalog.role_ids, &id);
        if (*ret == TS_MAP_NONE)
                *ret = ts_catalog_add_role(&live->catalog, &id, named(json, &live->arena));
        return 0;
}

int ts_read_division(const struct ts_json *json, struct ts_live *live, uint32_t *ret, struct ts_err *err)
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
                *ret = ts_catalog_add_division(&live->catalog, &id, named(json, &live->arena));
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
        return ts_read_division(ts_json_get_object(json, "division"), live, &ret->division, err);
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
        uint32_t *roles;
        size_t n = 0;

        if (!list)
                return unusable(err, "the answer", "roles");
        roles = TS_ARENA_ARRAY(arena, uint32_t, list->n);
        TS_JSON_FOREACH (v, list) {
                int r = get_role(v, live, &roles[n++], err);

                if (r < 0)
                        return r;
        }
        *ret = roles;
        *ret_n = TS_SORT_UNIQUE(roles, n, index_compare);
        return 0;
}

/* ------------------------------------------------------------------------------- roles, divisions, trusts */

enum { /* the listings of an organization itself */
       LISTING_ROLES,
       LISTING_DIVISIONS,
       LISTING_TRUSTEES,
       LISTING_TRUSTORS,
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
        unsigned lists[LISTING_MAX_]; /* which listing is which */
        size_t n_lists;
        struct named_list named[2]; /* roles, divisions */
        struct ts_trust *trusts;
        size_t n_trusts, n_trusts_allocated;
};

static int named_compare(const void *a, const void *b)
{
        return ts_id_compare(&((const struct ts_named *) a)->id, &((const struct ts_named *) b)->id);
}

static int organization_on_entity(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err)
{
        struct organization *o = userdata;
        unsigned which = o->lists[i];
        struct named_list *list;
        int r;

        if (which >= LISTING_TRUSTEES) {
                TS_GROW(o->trusts, o->n_trusts_allocated, o->n_trusts);
                r = ts_read_trust(entity, which == LISTING_TRUSTEES ? TS_TRUSTEE : TS_TRUSTOR,
                                  &o->live->arena, &o->trusts[o->n_trusts], err);
                o->n_trusts += r >= 0;
                return r;
        }
        list = &o->named[which];
        TS_GROW(list->items, list->n_allocated, list->n);
        (void) ts_json_get_id(entity, "id", &list->items[list->n].id); /* the listing has checked it */
        return get_key(entity, i == LISTING_ROLES ? "role" : "division", "name", &o->live->arena,
                       &list->items[list->n++].name, err);
}

static void organization_on_restart(size_t i, void *userdata)
{
        struct organization *o = userdata;
        unsigned which = o->lists[i];
        enum ts_direction direction = which == LISTING_TRUSTEES ? TS_TRUSTEE : TS_TRUSTOR;
        size_t kept = 0;

        if (which < LISTING_TRUSTEES) {
                o->named[which].n = 0;
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

                TS_SORT(list->items, list->n, named_compare);
                for (size_t i = 0; i < list->n; i++)
                        (void) (k == LISTING_ROLES ? ts_catalog_add_role : ts_catalog_add_division)(
                                        &o->live->catalog, &list->items[i].id, list->items[i].name);
        }
}

static void fill_trusts(struct organization *o)
{
        o->n_trusts = ts_trusts_sort(o->trusts, o->n_trusts);
        o->live->trusts = ts_arena_memdup(&o->live->arena, o->trusts, o->n_trusts * sizeof(*o->trusts));
        o->live->n_trusts = o->n_trusts;
}

static void take_coverage(struct ts_live *live, unsigned which, enum ts_coverage coverage)
{
        bool is_complete = coverage == TS_COVERAGE_COMPLETE;

        if (which == LISTING_TRUSTEES)
                live->trusts_coverage = coverage;
        else if (which == LISTING_TRUSTORS)
                live->trustors_coverage = coverage;
        else
                live->catalog.complete = is_complete && (which == LISTING_ROLES || live->catalog.complete);
}

/* Without page 1 of any of them there is nothing to plan with; behind it, what is missing is said. The
 * trustors are another matter: without them only they are not planned. */
static int take_listings(struct organization *o, const struct ts_listings *l, struct ts_err *err)
{
        for (size_t i = 0; i < l->n; i++) {
                const struct ts_listing *li = &l->items[i];

                if (li->object_err)
                        o->warn(NULL, li->object_err, o->warn_userdata);
                if (li->coverage == TS_COVERAGE_COMPLETE)
                        continue;
                if (o->lists[i] != LISTING_TRUSTORS && (!li->has_first_page || li->is_denied)) {
                        *err = *li->err;
                        return err->code;
                }
                o->warn(NULL, li->err, o->warn_userdata);
        }
        fill_catalog(o);
        fill_trusts(o);
        for (size_t i = 0; i < l->n; i++)
                take_coverage(o->live, o->lists[i], l->items[i].coverage);
        return 0;
}

static int read_listings(struct organization *o, struct ts_err *err)
{
        static const enum ts_operation operations[LISTING_MAX_] = {
                [LISTING_ROLES] = TS_OP_LIST_ROLES,
                [LISTING_DIVISIONS] = TS_OP_LIST_DIVISIONS,
                [LISTING_TRUSTEES] = TS_OP_LIST_TRUSTEES,
                [LISTING_TRUSTORS] = TS_OP_LIST_TRUSTORS,
        };
        TS_CLEANUP(ts_listings_done) struct ts_listings l;
        int r;

        ts_listings_init(&l, o->client, &o->live->arena, o->n_lists, TS_OP_LIST_TRUSTEES);
        for (size_t i = 0; i < o->n_lists; i++)
                l.items[i].op = operations[o->lists[i]];
        l.on_entity = organization_on_entity;
        l.on_restart = organization_on_restart;
        l.userdata = o;

        r = ts_listings_read(&l, err);
        if (r < 0)
                return r;
        return take_listings(o, &l, err);
}

/* ------------------------------------------------------------------------------------------ customer care */

/* Return: true if the organization could be identified. */
static int mark_care(struct ts_live *live, const struct ts_json *json, struct ts_err *err)
{
        struct ts_trust *t;
        struct ts_id id;

        if (!ts_json_get_id(json, "id", &id) || ts_id_is_nil(&id))
                return unusable(err, "customer care", "id");
        t = ts_live_find_trust(live, TS_TRUSTEE, &id);
        if (t)
                t->customer_care = true;
        return 0;
}

/* All that can be identified are marked, even if others cannot. */
static int mark_listed_care(struct ts_live *live, const struct ts_json *json, struct ts_err *err)
{
        const struct ts_json *list = ts_json_get_array(json, "entities");
        int r = 0;

        if (!list)
                return unusable(err, "the list of customer care", "entities");
        TS_JSON_FOREACH (v, list)
                if (mark_care(live, v, err) < 0)
                        r = -EBADMSG;
        return r;
}

/* A response without usable data does not mean that there is nobody. */
static int take_care(struct ts_live *live, const struct ts_call_result *result, bool is_list,
                     struct ts_err *err)
{
        if (result->verdict == TS_VERDICT_NOT_FOUND)
                return 0;
        if (result->verdict == TS_VERDICT_OK)
                return (is_list ? mark_listed_care : mark_care)(live, result->json, err);
        *err = result->err;
        return err->code;
}

/* Known when both ways to identify the vendor's organization were answered. */
static int read_care(struct organization *o, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_call calls[] = { { .op = TS_OP_LIST_CARE }, { .op = TS_OP_GET_CARE_DEFAULT } };
        struct ts_call_result results[TS_N_ELEMENTS(calls)];
        struct ts_batch batch = {
                .calls = calls, .n = TS_N_ELEMENTS(calls), .results = results, .arena = &arena
        };
        int r;

        r = ts_client_run(o->client, &batch, err);
        if (r < 0)
                return r;

        o->live->care_coverage = TS_COVERAGE_COMPLETE;
        for (size_t i = 0; i < TS_N_ELEMENTS(calls); i++) {
                struct ts_err why = { 0 };

                if (take_care(o->live, &results[i], calls[i].op == TS_OP_LIST_CARE, &why) >= 0)
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

/* Moves a list to where it stays. */
static void place_members(struct ts_live *live, const struct place *place, struct member_list *list,
                          enum ts_coverage coverage)
{
        struct ts_members *members = &place->trust->collections[place->collection];

        members->n = ts_members_sort(list->items, list->n);
        members->items = ts_arena_memdup(&live->arena, list->items, members->n * sizeof(*list->items));
        members->coverage = coverage;
        free(list->items);
        *list = (struct member_list){ 0 };
}

static int members_on_entity(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err)
{
        struct members *m = userdata;
        struct member_list *list = &m->lists[i];
        int r;

        TS_GROW(list->items, list->n_allocated, list->n);
        r = ts_read_member(entity, ts_collection_kind(m->places[i].collection), &m->organization->live->arena,
                           &list->items[list->n], err);
        list->n += r >= 0;
        return r;
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
static void note_incomplete(const struct members *m)
{
        const struct organization *o = m->organization;

        for (enum ts_operation op = 0; op < TS_OP_MAX_; op++) {
                const struct ts_err *denied = NULL;
                struct ts_err err;
                size_t n_denied = 0;

                for (size_t i = 0; i < m->listings.n; i++) {
                        const struct ts_listing *li = &m->listings.items[i];

                        if (li->op != op)
                                continue;
                        if (li->object_err)
                                o->warn(m->places[i].trust, li->object_err, o->warn_userdata);
                        if (!li->err)
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
                                   TS_S(n_denied));
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
                            o->live->trusts[i].collections[c].coverage == TS_COVERAGE_NONE &&
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
        m.listings.is_tried_once = scope->is_tried_once;

        r = ts_listings_read(&m.listings, err);
        if (r < 0)
                return r;
        note_incomplete(&m);
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
        struct ts_err why = { 0 };
        int r = 0, faulty = 0;

        if (!entities && !(has_total && total == 0))
                return unusable(err, "the list of clones", "entities");
        if (o->live->arena.n_bytes > TS_LIVE_MAX_BYTES)
                return ts_err_set(err, TS_ERR_REMOTE, -EFBIG,
                                  "the list of clones is not kept: what is kept of this organization is over "
                                  "the limit of %u bytes",
                                  TS_LIVE_MAX_BYTES);
        for (const struct ts_json *v = entities ? entities->first : NULL; v; v = v->next) {
                int k;

                TS_GROW(list.items, list.n_allocated, list.n);
                k = ts_read_member(v, TS_KIND_CLONE, &o->live->arena, &list.items[list.n], &why);
                list.n += k >= 0;
                if (k != 0 && r >= 0 && faulty == 0)
                        *err = why;
                r = k < 0 ? k : r;
                faulty += k > 0;
        }
        place_members(o->live, place, &list, r < 0 ? TS_COVERAGE_PARTIAL : TS_COVERAGE_COMPLETE);
        if (r >= 0 && has_total && total != (int64_t) place->trust->clones.n) {
                place->trust->clones.coverage = TS_COVERAGE_PARTIAL;
                r = ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "the list of clones is not complete");
        }
        return r < 0 ? r : faulty;
}

static void on_clones(size_t i, const struct ts_call_result *result, void *userdata)
{
        struct clones *c = userdata;
        struct organization *o = c->organization;
        const struct place *place = &c->places[i];
        struct ts_err err = result->err;

        if (result->verdict == TS_VERDICT_STOPPED)
                return;
        place->trust->clones.coverage = TS_COVERAGE_PARTIAL;
        if (result->verdict == TS_VERDICT_OK) {
                if (take_clones(o, place, result->json, &err) != 0)
                        o->warn(place->trust, &err, o->warn_userdata);
                return;
        }
        place->trust->clones.is_denied = result->verdict == TS_VERDICT_FORBIDDEN;
        if (!place->trust->clones.is_denied || !c->is_denied)
                o->warn(place->trust->clones.is_denied ? NULL : place->trust, &err, o->warn_userdata);
        c->is_denied = c->is_denied || place->trust->clones.is_denied;
}

static int read_clones(struct organization *o, const struct ts_read_scope *scope, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct place *places = ts_calloc(o->live->n_trusts, sizeof(*places));
        TS_CLEANUP(ts_freep) struct ts_call *calls = NULL;
        size_t n = find_places(o, scope, true, places);
        int r = 0;

        calls = ts_calloc(BATCH, sizeof(*calls));
        for (size_t first = 0; r >= 0 && first < n; first += BATCH) {
                struct clones c = { .organization = o, .places = places + first };
                struct ts_batch batch = { .calls = calls, .on_result = on_clones, .userdata = &c };

                for (batch.n = 0; batch.n < BATCH && first + batch.n < n; batch.n++)
                        calls[batch.n] = (struct ts_call){
                                .op = ts_operation_of_members(c.places[batch.n].trust->direction, TS_CLONES,
                                                              TS_MEMBERS_LIST),
                                .ids = { c.places[batch.n].trust->id },
                                .is_optional = scope->is_tried_once,
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

static void organization_add_list(struct organization *o, unsigned which, enum ts_coverage known)
{
        if (known == TS_COVERAGE_NONE)
                o->lists[o->n_lists++] = which;
}

/* What is known already stays: lists of trusts, and the members in them. */
static void organization_add_trusts(struct organization *o, bool wants_trustors)
{
        struct ts_live *live = o->live;

        organization_add_list(o, LISTING_TRUSTEES, live->trusts_coverage);
        if (wants_trustors)
                organization_add_list(o, LISTING_TRUSTORS, live->trustors_coverage);
        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];

                if (ts_live_coverage(live, t->direction) == TS_COVERAGE_NONE)
                        continue;
                TS_GROW(o->trusts, o->n_trusts_allocated, o->n_trusts);
                o->trusts[o->n_trusts++] = *t;
        }
}

static int read_trusts(struct organization *o, const struct ts_read_scope *scope, struct ts_err *err)
{
        int r = o->n_lists > 0 ? read_listings(o, err) : 0;

        if (r >= 0 && scope->wants_care)
                r = read_care(o, err);
        if (r >= 0)
                r = read_members(o, scope, err);
        if (r >= 0)
                r = read_clones(o, scope, err);
        return r;
}

int ts_read_organization(struct ts_client *client, const struct ts_read_scope *scope, struct ts_live *live,
                         ts_read_warn warn, void *warn_userdata, struct ts_err *err)
{
        TS_CLEANUP(organization_done)
        struct organization o = {
                .client = client, .live = live, .warn = warn, .warn_userdata = warn_userdata
        };

        organization_add_list(&o, LISTING_ROLES, TS_COVERAGE_NONE);
        organization_add_list(&o, LISTING_DIVISIONS, TS_COVERAGE_NONE);
        organization_add_trusts(&o, scope->wants_trustors);
        return read_trusts(&o, scope, err);
}

int ts_read_trusts(struct ts_client *client, const struct ts_read_scope *scope, struct ts_live *live,
                   ts_read_warn warn, void *warn_userdata, struct ts_err *err)
{
        TS_CLEANUP(organization_done)
        struct organization o = {
                .client = client, .live = live, .warn = warn, .warn_userdata = warn_userdata
        };

        organization_add_trusts(&o, scope->wants_trustors);
        return read_trusts(&o, scope, err);
}
