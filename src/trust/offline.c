#include "trust/offline.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

/* -------------------------------------------------------------------------------------------------- live */

static int member_compare(const void *a, const void *b)
{
        return ts_id_compare(&((const struct ts_member *) a)->id, &((const struct ts_member *) b)->id);
}

static int trust_compare(const void *a, const void *b)
{
        const struct ts_trust *x = a, *y = b;

        if (x->direction != y->direction)
                return x->direction < y->direction ? -1 : 1;
        return ts_id_compare(&x->id, &y->id);
}

static struct ts_member member_of(struct ts_live *live, const struct ts_wanted_member *w)
{
        struct ts_member m = { .kind = w->decl->kind, .id = w->id, .created = TS_TIME_UNSET };
        struct ts_id id;

        if (!ts_id_parse_string(w->decl->key, &id)) {
                if (m.kind == TS_KIND_GROUP)
                        m.name = w->decl->key;
                else
                        m.email = w->decl->key;
        }
        if (w->decl->grants_managed && w->problem == TS_PLANNED) {
                m.grants_coverage = TS_COVERAGE_COMPLETE;
                m.grants = ts_arena_memdup(&live->arena, w->grants, w->n_grants * sizeof(*w->grants));
                m.n_grants = (uint32_t) w->n_grants;
                for (uint32_t i = 0; i < m.n_grants; i++)
                        m.grants[i].source = (struct ts_source){ 0 };
        }
        return m;
}

static void fill_members(struct ts_live *live, const struct ts_wanted_members *wanted, struct ts_members *ret)
{
        if (!wanted->managed)
                return;
        ret->coverage = TS_COVERAGE_COMPLETE;
        ret->items = TS_ARENA_ARRAY(&live->arena, struct ts_member, wanted->n);
        for (size_t i = 0; i < wanted->n; i++) {
                if (ts_id_is_nil(&wanted->items[i].id))
                        ret->coverage = TS_COVERAGE_PARTIAL; /* not as it was exported */
                else
                        ret->items[ret->n++] = member_of(live, &wanted->items[i]);
        }
        qsort(ret->items, ret->n, sizeof(*ret->items), member_compare);
}

static void fill_catalog(struct ts_catalog *c, const struct ts_exported *x)
{
        for (size_t i = 0; i < x->n_roles; i++)
                (void) ts_catalog_add_role(c, &x->roles[i].id, x->roles[i].name);
        for (size_t i = 0; i < x->n_divisions; i++)
                (void) ts_catalog_add_division(c, &x->divisions[i].id, x->divisions[i].name);
        c->complete = true;
}

static void fill_trusts(struct ts_live *live, const struct ts_wanted *wanted, const struct ts_exported *x)
{
        live->trusts = TS_ARENA_ARRAY(&live->arena, struct ts_trust, wanted->n_trusts + x->n_care);
        for (size_t i = 0; i < wanted->n_trusts; i++) {
                const struct ts_wanted_trust *w = &wanted->trusts[i];
                struct ts_trust *t = &live->trusts[live->n_trusts++];

                *t = (struct ts_trust){ .direction = w->decl->direction,
                                        .id = w->decl->id,
                                        .name = w->decl->alias };
                t->enabled = w->decl->enabled != TS_NO;
                t->expires = w->decl->expires == TS_TIME_UNSET ? TS_TIME_NEVER : w->decl->expires;
                t->created = TS_TIME_UNSET;
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        fill_members(live, &w->collections[c], &t->collections[c]);
        }
        for (size_t i = 0; i < x->n_care; i++)
                live->trusts[live->n_trusts++] = (struct ts_trust){
                        .id = x->care[i].id,
                        .name = x->care[i].name,
                        .enabled = true,
                        .customer_care = true,
                        .expires = TS_TIME_NEVER,
                        .created = TS_TIME_UNSET,
                };
        qsort(live->trusts, live->n_trusts, sizeof(*live->trusts), trust_compare);
}

struct ts_live *ts_offline_live(const struct ts_decl_organization *decl, const struct ts_exported *exported)
{
        static const struct ts_policy none = { .remove_unlisted_trusts = false };
        TS_CLEANUP(ts_live_freep) struct ts_live *names = ts_live_new();
        TS_CLEANUP(ts_wanted_freep) struct ts_wanted *wanted = NULL;
        struct ts_live *live = ts_live_new();

        fill_catalog(&names->catalog, exported);
        wanted = ts_resolve_members(decl, names, NULL);
        ts_resolve_grants(wanted, names, &none);

        fill_catalog(&live->catalog, exported); /* in the same order: grants are indices into it */
        live->organization_id = exported->organization;
        live->trusts_coverage = decl->trustees_managed ? TS_COVERAGE_COMPLETE : TS_COVERAGE_NONE;
        live->trustors_coverage = decl->trustors_managed ? TS_COVERAGE_COMPLETE : TS_COVERAGE_NONE;
        live->care_coverage = live->trusts_coverage;
        fill_trusts(live, wanted, exported);
        return live;
}

struct ts_id ts_offline_find(const struct ts_exported *x, enum ts_kind kind, const char *key)
{
        const struct ts_named *items = kind == TS_KIND_GROUP ? x->groups : x->users;
        size_t n = kind == TS_KIND_GROUP ? x->n_groups : x->n_users;
        struct ts_id found = { { 0 } };

        for (size_t i = 0; i < n; i++) {
                bool same = kind == TS_KIND_GROUP ? items[i].name && strcmp(items[i].name, key) == 0
                                                  : ts_equal_fold(items[i].name, key);

                if (!same)
                        continue;
                if (!ts_id_is_nil(&found))
                        return (struct ts_id){ { 0 } };
                found = items[i].id;
        }
        return found;
}

/* ------------------------------------------------------------------------------------------------ memory */

static void remember_members(struct ts_memory *m, const struct ts_wanted_members *wanted,
                             const struct ts_live *live, struct ts_memory_members *ret)
{
        ret->managed = wanted->managed;
        ret->items = TS_ARENA_ARRAY(&m->arena, struct ts_memory_member, wanted->n);
        for (size_t i = 0; i < wanted->n; i++) {
                const struct ts_wanted_member *w = &wanted->items[i];
                struct ts_memory_member *item = &ret->items[ret->n];

                if (ts_id_is_nil(&w->id) || w->problem != TS_PLANNED || w->denied)
                        continue;
                item->id = w->id;
                item->grants_managed = w->decl->grants_managed;
                ts_memory_set_grants(m, item, &live->catalog, w->grants, w->n_grants);
                ret->n++;
        }
}

/* What does not come from declarations. */
static void take_over(struct ts_memory_trust *t, const struct ts_memory *real)
{
        const struct ts_memory_trust *old = ts_memory_find_trust(real, t->direction, &t->id);

        if (!old)
                return;
        t->disabled_at = old->disabled_at;
        t->disabled_by_us = old->disabled_by_us;
        t->pairing = old->pairing;
}

static void add_trust(struct ts_memory *m, const struct ts_wanted_trust *w, const struct ts_live *live,
                      const struct ts_memory *real)
{
        struct ts_memory_trust *t = &m->trusts[m->n_trusts++];

        *t = (struct ts_memory_trust){
                .direction = w->decl->direction,
                .id = w->decl->id,
                .declared = w->live,
                .enabled = w->decl->enabled,
                .expires = w->decl->expires,
        };
        take_over(t, real);
        for (enum ts_collection c = 0; w->live && c < TS_COLLECTIONS; c++)
                remember_members(m, &w->collections[c], live, &t->collections[c]);
}

/* A trust that only the real record knows: when it was disabled is all that counts. */
static void add_others(struct ts_memory *m, const struct ts_wanted *base, const struct ts_memory *real)
{
        for (size_t i = 0; real && real->status == TS_MEMORY_KNOWN && i < real->n_trusts; i++) {
                struct ts_memory_trust *t = &m->trusts[m->n_trusts];
                bool is_declared = false;

                for (size_t k = 0; k < base->n_trusts; k++)
                        is_declared = is_declared ||
                                      (base->trusts[k].decl->direction == real->trusts[i].direction &&
                                       ts_id_equal(&base->trusts[k].decl->id, &real->trusts[i].id));
                if (is_declared)
                        continue;
                *t = (struct ts_memory_trust){ .direction = real->trusts[i].direction,
                                               .id = real->trusts[i].id };
                t->expires = TS_TIME_UNSET;
                take_over(t, real);
                m->n_trusts++;
        }
}

struct ts_memory *ts_offline_memory(const struct ts_wanted *base, const struct ts_live *live,
                                    const struct ts_memory *real)
{
        struct ts_memory *m = ts_memory_new();

        m->status = TS_MEMORY_KNOWN;
        m->writable = real && real->writable;
        m->path = ts_arena_strdup(&m->arena, real ? real->path : NULL);
        m->trusts = TS_ARENA_ARRAY(&m->arena, struct ts_memory_trust,
                                   base->n_trusts + (real ? real->n_trusts : 0));
        for (size_t i = 0; i < base->n_trusts; i++)
                add_trust(m, &base->trusts[i], live, real);
        add_others(m, base, real);
        ts_memory_sort(m);
        return m;
}
