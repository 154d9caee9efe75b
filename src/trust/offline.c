#include "trust/offline.h"

#include <stdlib.h>
#include <string.h>

#include "trust/diff.h"
#include "trust/ends.h"
#include "util/mem.h"
#include "util/sorted.h"

/* --------------------------------------------------------------------------------------------------- live */

/* What is looked up in the export. */
struct names {
        const struct ts_exported *exported;
        struct ts_map trusts[2], members; /* id -> index; trusts by direction */
};

static void names_init(struct names *n, const struct ts_exported *x)
{
        *n = (struct names){ .exported = x };
        for (size_t i = 0; i < x->n_trusts; i++)
                ts_map_add_id(&n->trusts[x->trusts[i].direction], &x->trusts[i].id, (uint32_t) i);
        for (size_t i = 0; i < x->n_members; i++)
                ts_map_add_id(&n->members, &x->members[i].id, (uint32_t) i);
}

static void names_done(struct names *n)
{
        ts_map_done(&n->trusts[TS_TRUSTEE]);
        ts_map_done(&n->trusts[TS_TRUSTOR]);
        ts_map_done(&n->members);
}

static struct ts_member member_of(const struct names *names, enum ts_kind kind, const struct ts_id *id)
{
        struct ts_member m = { .kind = kind, .id = *id, .created = TS_TIME_UNSET };
        uint32_t i = ts_map_get_id(&names->members, id);

        if (i != TS_MAP_NONE) {
                m.email = names->exported->members[i].email;
                m.name = names->exported->members[i].name;
        }
        return m;
}

/* What the key tells. */
static void name_member(const char *key, struct ts_member *m)
{
        struct ts_id id;

        if (ts_id_parse_string(key, &id))
                return;
        if (m->kind == TS_KIND_GROUP)
                m->name = key;
        else
                m->email = key;
}

static void fill_grants(struct ts_live *live, const struct ts_desired_member *w, struct ts_member *m)
{
        m->grants_coverage = TS_COVERAGE_COMPLETE;
        m->grants = ts_arena_memdup(&live->arena, w->grants, w->n_grants * sizeof(*w->grants));
        m->n_grants = w->n_grants;
        for (uint32_t i = 0; i < m->n_grants; i++)
                m->grants[i].source = NULL;
}

static void fill_members(struct ts_live *live, const struct names *names,
                         const struct ts_desired_members *desired, struct ts_members *ret)
{
        if (!desired->managed)
                return;
        ret->coverage = TS_COVERAGE_COMPLETE;
        ret->items = TS_ARENA_ARRAY(&live->arena, struct ts_member, desired->n);
        for (size_t i = 0; i < desired->n; i++) {
                const struct ts_desired_member *w = &desired->items[i];
                struct ts_member *m = &ret->items[ret->n];

                if (ts_id_is_nil(&w->id)) {
                        ret->coverage = TS_COVERAGE_PARTIAL; /* not as it was exported */
                        continue;
                }
                *m = member_of(names, w->decl->kind, &w->id);
                name_member(w->decl->key, m);
                if (w->decl->grants_managed && w->problem == TS_PLANNED)
                        fill_grants(live, w, m);
                ret->n++;
        }
        ret->n = ts_members_sort(ret->items, ret->n);
}

static void fill_catalog(struct ts_catalog *c, const struct ts_exported *x)
{
        for (size_t i = 0; i < x->n_roles; i++)
                (void) ts_catalog_add_role(c, &x->roles[i].id, x->roles[i].name);
        for (size_t i = 0; i < x->n_divisions; i++)
                (void) ts_catalog_add_division(c, &x->divisions[i].id, x->divisions[i].name);
        c->complete = x->names_complete;
}

static void fill_trust(struct ts_live *live, const struct names *names, const struct ts_desired_trust *w)
{
        const struct ts_decl_trust *decl = w->decl;
        uint32_t i = ts_map_get_id(&names->trusts[decl->direction], &decl->id);
        const struct ts_exported_trust *x = i == TS_MAP_NONE ? NULL : &names->exported->trusts[i];
        struct ts_trust *t = &live->trusts[live->n_trusts++];

        *t = (struct ts_trust){
                .direction = decl->direction,
                .id = decl->id,
                .name = x ? x->name : NULL,
                .enabled = decl->direction == TS_TRUSTOR && x ? x->enabled : decl->enabled != TS_NO,
                .expires = decl->direction == TS_TRUSTOR && x ? x->expires : decl->expires,
                .created = TS_TIME_UNSET,
        };
        if (t->expires == TS_TIME_UNSET)
                t->expires = TS_TIME_NEVER;
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                fill_members(live, names, &w->collections[c], &t->collections[c]);
}

static void fill_care(struct ts_live *live, const struct names *names, const struct ts_exported_trust *x)
{
        struct ts_trust *t = &live->trusts[live->n_trusts++];

        *t = (struct ts_trust){
                .direction = x->direction,
                .id = x->id,
                .name = x->name,
                .enabled = x->enabled,
                .customer_care = true,
                .expires = x->expires,
                .created = TS_TIME_UNSET,
        };
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                const struct ts_exported_ids *ids = &x->collections[c];
                struct ts_members *m = &t->collections[c];

                m->coverage = ids->known ? TS_COVERAGE_COMPLETE : TS_COVERAGE_NONE;
                m->items = TS_ARENA_ARRAY(&live->arena, struct ts_member, ids->n);
                for (; m->n < ids->n; m->n++)
                        m->items[m->n] = member_of(names, ts_collection_kind(c), &ids->items[m->n]);
                m->n = ts_members_sort(m->items, m->n);
        }
}

static void fill_trusts(struct ts_live *live, const struct ts_desired *desired, const struct ts_exported *x)
{
        TS_CLEANUP(names_done) struct names names;

        names_init(&names, x);
        live->trusts = TS_ARENA_ARRAY(&live->arena, struct ts_trust, desired->n_trusts + x->n_trusts);
        for (size_t i = 0; i < desired->n_trusts; i++)
                fill_trust(live, &names, &desired->trusts[i]);
        for (size_t i = 0; i < x->n_trusts; i++)
                if (x->trusts[i].customer_care)
                        fill_care(live, &names, &x->trusts[i]);
        live->n_trusts = ts_trusts_sort(live->trusts, live->n_trusts);
}

struct ts_live *ts_offline_live(const struct ts_decl_organization *decl, const struct ts_exported *exported)
{
        static const struct ts_policy none = { .remove_unlisted_trusts = false };
        TS_CLEANUP(ts_live_freep) struct ts_live *names = ts_live_new();
        TS_CLEANUP(ts_desired_freep) struct ts_desired *desired = NULL;
        struct ts_live *live = ts_live_new();

        fill_catalog(&names->catalog, exported);
        desired = ts_resolve_members(decl, names, NULL);
        ts_resolve_grants(desired, names, &none);

        fill_catalog(&live->catalog, exported); /* in the same order: grants are indices into it */
        live->is_offline = true;
        live->organization_id = exported->organization;
        live->trusts_coverage = decl->trustees_managed ? TS_COVERAGE_COMPLETE : TS_COVERAGE_NONE;
        live->trustors_coverage = decl->trustors_managed ? TS_COVERAGE_COMPLETE : TS_COVERAGE_NONE;
        live->care_coverage = exported->care_known ? TS_COVERAGE_COMPLETE : TS_COVERAGE_NONE;
        fill_trusts(live, desired, exported);
        return live;
}

struct ts_id ts_offline_find(const struct ts_exported *exported, enum ts_kind kind, const char *key)
{
        const struct ts_named *items = kind == TS_KIND_GROUP ? exported->groups : exported->users;
        size_t n = kind == TS_KIND_GROUP ? exported->n_groups : exported->n_users;
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

/* ------------------------------------------------------------------------------------------- found before */

static const struct ts_desired_trust *find_trust(const struct ts_desired *w, const struct ts_decl_trust *decl)
{
        for (size_t i = 0; i < w->n_trusts; i++)
                if (w->trusts[i].decl->direction == decl->direction &&
                    ts_id_equal(&w->trusts[i].decl->id, &decl->id))
                        return &w->trusts[i];
        return NULL;
}

static void take_members(const struct ts_desired_trust *trust, struct ts_desired_members *base,
                         const struct ts_desired_members *newer)
{
        for (size_t i = 0; i < base->n; i++)
                for (size_t k = 0; ts_id_is_nil(&base->items[i].id) && k < newer->n; k++)
                        if (!ts_id_is_nil(&newer->items[k].id) &&
                            strcmp(base->items[i].decl->key, newer->items[k].decl->key) == 0)
                                ts_resolve_found(trust, &base->items[i], &newer->items[k].id);
}

void ts_offline_take_found(struct ts_desired *base, const struct ts_desired *newer)
{
        for (size_t i = 0; i < base->n_trusts; i++) {
                struct ts_desired_trust *t = &base->trusts[i];
                const struct ts_desired_trust *found = find_trust(newer, t->decl);

                if (!found)
                        continue;
                t->holds_partner = found->holds_partner;
                t->partner_note = found->partner_note;
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        take_members(t, &t->collections[c], &found->collections[c]);
                take_members(t, &t->request_users, &found->request_users);
                take_members(t, &t->request_groups, &found->request_groups);
        }
}

/* ------------------------------------------------------------------------------------------------- memory */

static void record_members(struct ts_last_applied *m, const struct ts_desired_members *desired,
                           const struct ts_live *live, int64_t now, struct ts_last_applied_members *ret)
{
        bool knows_time = ts_diff_knows_time(live);

        ret->managed = desired->managed;
        ret->items = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_member, desired->n);
        for (size_t i = 0; i < desired->n; i++) {
                const struct ts_desired_member *w = &desired->items[i];
                struct ts_last_applied_member *item = &ret->items[ret->n];

                if (ts_id_is_nil(&w->id) || w->problem != TS_PLANNED || w->denied ||
                    (knows_time && ts_decl_member_is_outside(w->decl, now)))
                        continue;
                item->id = w->id;
                item->grants_managed = w->decl->grants_managed;
                ts_last_applied_set_grants(m, item, &live->catalog, w->grants, w->n_grants);
                ret->n++;
        }
}

/* What does not come from declarations. */
static void take_over(struct ts_last_applied_trust *t, const struct ts_last_applied *real)
{
        const struct ts_last_applied_trust *old = ts_last_applied_find_trust(real, t->direction, &t->id);

        if (!old)
                return;
        t->disabled_at = old->disabled_at;
        t->disabled_by_us = old->disabled_by_us;
        t->pairing = old->pairing;
}

static void add_trust(struct ts_last_applied *m, const struct ts_desired_trust *w, const struct ts_live *live,
                      const struct ts_last_applied *real, int64_t now)
{
        bool is_in_force = w->live && !w->decl->absent;
        struct ts_last_applied_trust *t = &m->trusts[m->n_trusts++];

        *t = (struct ts_last_applied_trust){
                .direction = w->decl->direction,
                .id = w->decl->id,
                .declared = is_in_force,
                .enabled = w->decl->enabled,
                .expires = w->decl->expires,
                .modes_known = true,
                .observe = w->decl->observe,
                .report_unlisted = w->decl->report_unlisted,
        };
        take_over(t, real);
        for (enum ts_collection c = 0; is_in_force && c < TS_COLLECTIONS; c++)
                record_members(m, &w->collections[c], live, now, &t->collections[c]);
}

static size_t count_ends(const struct ts_desired *base)
{
        size_t n = 0;

        for (size_t i = 0; i < base->n_trusts; i++)
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        n += base->trusts[i].collections[c].n;
        return n;
}

static int end_compare(const void *a, const void *b)
{
        return ts_last_applied_end_compare(a, b);
}

/* Until when members have their access: what the earlier declarations say is no new end. */
static void add_ends(struct ts_last_applied *m, const struct ts_desired *base,
                     const struct ts_last_applied *real)
{
        m->ends = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_end, count_ends(base));
        for (size_t i = 0; i < base->n_trusts; i++)
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        for (size_t k = 0; k < base->trusts[i].collections[c].n; k++) {
                                const struct ts_desired_member *w = &base->trusts[i].collections[c].items[k];
                                const struct ts_decl_trust *decl = base->trusts[i].decl;
                                const struct ts_last_applied_end *old;

                                if (!w->live || w->same || w->decl->until == TS_TIME_UNSET)
                                        continue;
                                old = ts_ends_find(real, decl->direction, &decl->id, w->decl->kind, &w->id);
                                m->ends[m->n_ends++] = (struct ts_last_applied_end){
                                        .when = w->decl->until,
                                        .direction = decl->direction,
                                        .kind = w->decl->kind,
                                        .counts = old && old->counts,
                                        .trust = decl->id,
                                        .subject = w->id,
                                };
                        }
        TS_SORT(m->ends, m->n_ends, end_compare);
}

/* A trust that only the real record knows: when it was disabled is all that counts. */
static void add_others(struct ts_last_applied *m, const struct ts_desired *base,
                       const struct ts_last_applied *real)
{
        for (size_t i = 0; real && real->status == TS_LAST_APPLIED_KNOWN && i < real->n_trusts; i++) {
                struct ts_last_applied_trust *t = &m->trusts[m->n_trusts];
                bool is_declared = false;

                for (size_t k = 0; k < base->n_trusts; k++)
                        is_declared = is_declared ||
                                      (base->trusts[k].decl->direction == real->trusts[i].direction &&
                                       ts_id_equal(&base->trusts[k].decl->id, &real->trusts[i].id));
                if (is_declared)
                        continue;
                *t = (struct ts_last_applied_trust){ .direction = real->trusts[i].direction,
                                                     .id = real->trusts[i].id };
                t->expires = TS_TIME_UNSET;
                take_over(t, real);
                m->n_trusts++;
        }
}

struct ts_last_applied *ts_offline_last_applied(const struct ts_desired *base, const struct ts_live *live,
                                                const struct ts_last_applied *real, int64_t now)
{
        struct ts_last_applied *m = ts_last_applied_new();

        m->status = TS_LAST_APPLIED_KNOWN;
        m->writable = real && real->writable;
        m->path = ts_arena_strdup(&m->arena, real ? real->path : NULL);
        m->trusts = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_trust,
                                   base->n_trusts + (real ? real->n_trusts : 0));
        for (size_t i = 0; i < base->n_trusts; i++)
                add_trust(m, &base->trusts[i], live, real, now);
        add_others(m, base, real);
        add_ends(m, base, real);
        m->care_declared =
                        base->decl->care.source.file && !base->decl->care.absent && ts_live_find_care(live);
        ts_last_applied_sort(m);
        return m;
}

void ts_offline_mark(struct ts_plan *plan, const struct ts_plan *base)
{
        TS_CLEANUP(ts_map_done) struct ts_map lines = TS_MAP_INIT;
        TS_CLEANUP(ts_freep) struct ts_digest *digests = ts_calloc(base->n_changes, sizeof(*digests));

        for (size_t i = 0; i < base->n_changes; i++) {
                digests[i] = ts_plan_digest_change(base, &base->changes[i]);
                ts_map_add(&lines, &digests[i], sizeof(digests[i]), ts_change_result(&base->changes[i]));
        }
        for (size_t i = 0; i < plan->n_changes; i++) {
                struct ts_change *c = &plan->changes[i];
                struct ts_digest digest = ts_plan_digest_change(plan, c);

                if (c->reason == TS_REASON_CONFIG &&
                    ts_map_get(&lines, &digest, sizeof(digest)) == (uint32_t) ts_change_result(c))
                        c->reason = TS_REASON_DRIFT;
        }
}
