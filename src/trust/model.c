#include "trust/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/sorted.h"

const char *ts_direction_to_string(enum ts_direction d)
{
        return d == TS_TRUSTEE ? "trustee" : "trustor";
}

const char *ts_kind_to_string(enum ts_kind k)
{
        static const char *const names[] = {
                [TS_KIND_TRUST] = "trust", [TS_KIND_USER] = "user",       [TS_KIND_GROUP] = "group",
                [TS_KIND_CLONE] = "clone", [TS_KIND_PAIRING] = "pairing",
        };

        return names[k];
}

enum ts_kind ts_collection_kind(enum ts_collection c)
{
        static const enum ts_kind kinds[] = {
                [TS_USERS] = TS_KIND_USER,
                [TS_GROUPS] = TS_KIND_GROUP,
                [TS_CLONES] = TS_KIND_CLONE,
        };

        return kinds[c];
}

const char *ts_collection_to_string(enum ts_collection c)
{
        static const char *const names[] = {
                [TS_USERS] = "users",
                [TS_GROUPS] = "groups",
                [TS_CLONES] = "clones",
        };

        return names[c];
}

bool ts_decl_member_is_outside(const struct ts_decl_member *m, int64_t now)
{
        return (m->from != TS_TIME_UNSET && now < m->from) || (m->until != TS_TIME_UNSET && now >= m->until);
}

struct ts_declarations *ts_declarations_ref(struct ts_declarations *d)
{
        d->n_others++;
        return d;
}

void ts_declarations_free(struct ts_declarations *d)
{
        if (!d)
                return;
        if (d->n_others > 0) {
                d->n_others--;
                return;
        }
        ts_arena_done(&d->arena);
        free(d);
}

const struct ts_decl_organization *ts_declarations_find(const struct ts_declarations *d, const char *alias)
{
        for (size_t i = 0; i < d->n_organizations; i++)
                if (strcmp(d->organizations[i].alias, alias) == 0)
                        return &d->organizations[i];
        return NULL;
}

void ts_catalog_init(struct ts_catalog *c)
{
        *c = (struct ts_catalog){ 0 };
        TS_GROW(c->divisions, c->n_divisions_allocated, 0);
        c->divisions[TS_DIVISION_ALL] = (struct ts_named){ .name = "all" };
        c->n_divisions = 1;
}

void ts_catalog_done(struct ts_catalog *c)
{
        free(c->roles);
        free(c->divisions);
        ts_map_done(&c->role_ids);
        ts_map_done(&c->division_ids);
        ts_arena_done(&c->keys);
        *c = (struct ts_catalog){ 0 };
}

static uint32_t named_add(struct ts_catalog *c, struct ts_named **items, size_t *n, size_t *n_allocated,
                          struct ts_map *ids, const struct ts_id *id, const char *name)
{
        uint32_t i = ts_map_get_id(ids, id);

        if (i != TS_MAP_NONE)
                return i;

        if (!name)
                name = ts_arena_strdup(&c->keys, ts_id_format(id).s);
        assert(*n < TS_MAP_NONE);
        ts_grow((void **) items, n_allocated, *n, sizeof(**items));
        i = (uint32_t) (*n)++;
        (*items)[i] = (struct ts_named){ .id = *id, .name = name };
        ts_map_add_id(ids, ts_arena_memdup(&c->keys, id, sizeof(*id)), i);
        return i;
}

uint32_t ts_catalog_add_role(struct ts_catalog *c, const struct ts_id *id, const char *name)
{
        return named_add(c, &c->roles, &c->n_roles, &c->n_roles_allocated, &c->role_ids, id, name);
}

uint32_t ts_catalog_add_division(struct ts_catalog *c, const struct ts_id *id, const char *name)
{
        return named_add(c, &c->divisions, &c->n_divisions, &c->n_divisions_allocated, &c->division_ids, id,
                         name);
}

int ts_grant_compare(const struct ts_grant *a, const struct ts_grant *b)
{
        if (a->role != b->role)
                return a->role < b->role ? -1 : 1;
        if (a->division != b->division)
                return a->division < b->division ? -1 : 1;
        return 0;
}

static int grant_compare_void(const void *a, const void *b)
{
        return ts_grant_compare(a, b);
}

static void grants_sort(struct ts_grant *grants, size_t n)
{
        /* nearly all members hold a handful of grants: sorting in place, stable, without a call per
         * comparison */
        if (n > 32) {
                qsort(grants, n, sizeof(*grants), grant_compare_void);
                return;
        }
        for (size_t i = 1; i < n; i++) {
                struct ts_grant g = grants[i];
                size_t k = i;

                for (; k > 0 && ts_grant_compare(&grants[k - 1], &g) > 0; k--)
                        grants[k] = grants[k - 1];
                grants[k] = g;
        }
}

bool ts_grants_equal(const struct ts_grant *a, size_t n_a, const struct ts_grant *b, size_t n_b)
{
        if (n_a != n_b)
                return false;
        for (size_t i = 0; i < n_a; i++)
                if (ts_grant_compare(&a[i], &b[i]) != 0)
                        return false;
        return true;
}

size_t ts_grants_normalise(struct ts_grant *grants, size_t n)
{
        size_t kept = 0;

        grants_sort(grants, n);
        for (size_t i = 0; i < n; i++) {
                const struct ts_grant *last = kept > 0 ? &grants[kept - 1] : NULL;

                /* "all" sorts first within its role, so it is the last one kept while its role lasts */
                if (last && last->role == grants[i].role &&
                    (last->division == TS_DIVISION_ALL || last->division == grants[i].division))
                        continue;
                grants[kept++] = grants[i];
        }
        return kept;
}

struct ts_live *ts_live_new(void)
{
        struct ts_live *live = ts_calloc(1, sizeof(*live));

        ts_catalog_init(&live->catalog);
        return live;
}

void ts_live_free(struct ts_live *live)
{
        if (!live)
                return;
        ts_catalog_done(&live->catalog);
        ts_arena_done(&live->arena);
        free(live);
}

static int trust_compare(const void *a, const void *b)
{
        const struct ts_trust *x = a, *y = b;
        int r = TS_ORDER(x->direction, y->direction);

        return r != 0 ? r : ts_id_compare(&x->id, &y->id);
}

struct ts_trust *ts_live_find_trust(const struct ts_live *live, enum ts_direction d, const struct ts_id *id)
{
        const struct ts_trust key = { .direction = d, .id = *id };

        return TS_FIND_SORTED(&key, live->trusts, live->n_trusts, trust_compare);
}

const struct ts_trust *ts_live_find_care(const struct ts_live *live)
{
        for (size_t i = 0; i < live->n_trusts; i++)
                if (live->trusts[i].customer_care && live->trusts[i].direction == TS_TRUSTEE)
                        return &live->trusts[i];
        return NULL;
}

size_t ts_trusts_sort(struct ts_trust *trusts, size_t n)
{
        return TS_SORT_UNIQUE(trusts, n, trust_compare);
}

static int member_compare(const void *a, const void *b)
{
        return ts_id_compare(&((const struct ts_member *) a)->id, &((const struct ts_member *) b)->id);
}

size_t ts_members_sort(struct ts_member *members, size_t n)
{
        return TS_SORT_UNIQUE(members, n, member_compare);
}

struct ts_member *ts_members_find(const struct ts_members *m, const struct ts_id *id)
{
        const struct ts_member key = { .id = *id };

        return TS_FIND_SORTED(&key, m->items, m->n, member_compare);
}

const struct ts_pairing *ts_live_find_pairing(const struct ts_live *live, const struct ts_id *id)
{
        for (size_t i = 0; i < live->n_pairings; i++)
                if (ts_id_equal(&live->pairings[i].id, id))
                        return &live->pairings[i];
        return NULL;
}

enum ts_coverage ts_live_coverage(const struct ts_live *live, enum ts_direction d)
{
        return d == TS_TRUSTEE ? live->trusts_coverage : live->trustors_coverage;
}

bool ts_member_is_active(const struct ts_member *m)
{
        return !m->state || ts_equal_fold(m->state, "active");
}

bool ts_expiry_is_same(int64_t desired, int64_t live)
{
        if (desired == live)
                return true;
        if (desired == TS_TIME_NEVER || live == TS_TIME_NEVER || live % 60 != 0)
                return false;
        return desired > live ? desired - live < 60 : live - desired < 60;
}

const char *ts_member_label(const struct ts_member *m, struct ts_id_text *buf)
{
        if (m->email && m->email[0] != '\0')
                return m->email;
        if (m->name && m->name[0] != '\0')
                return m->name;
        *buf = ts_id_format(&m->id);
        return buf->s;
}
