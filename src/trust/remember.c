#include "trust/remember.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

struct remember {
        const struct ts_remember_input *in;
        struct ts_memory *new;
        struct ts_map changes; /* direction, trust id, subject id -> index of the change */
        struct ts_arena keys;
        size_t n_allocated;
};

struct change_key {
        uint8_t direction;
        struct ts_id trust, subject;
};

static struct change_key key_of(enum ts_direction direction, const struct ts_id *trust, const struct ts_id *subject)
{
        struct change_key k;

        memset(&k, 0, sizeof(k));
        k.direction = (uint8_t) direction;
        k.trust = *trust;
        if (subject)
                k.subject = *subject;
        return k;
}

static void index_changes(struct remember *r)
{
        const struct ts_plan *plan = r->in->plan;

        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];
                struct change_key key = key_of(c->direction, &c->trust_id, &c->subject_id);

                if (c->kind != TS_KIND_TRUST && ts_id_is_nil(&c->subject_id))
                        continue; /* nobody who could be remembered */
                ts_map_add(&r->changes, ts_arena_memdup(&r->keys, &key, sizeof(key)), sizeof(key), (uint32_t) i);
        }
}

/* The change of an object (subject NULL: of the trust itself); NULL when nothing had to change. */
static const struct ts_change *find_change(const struct remember *r, const struct ts_trust *t,
                                           const struct ts_id *subject)
{
        struct change_key key = key_of(t->direction, &t->id, subject);
        uint32_t i = ts_map_get(&r->changes, &key, sizeof(key));

        return i == TS_MAP_NONE ? NULL : &r->in->plan->changes[i];
}

static bool is_done(const struct ts_change *c)
{
        return !c || c->result == TS_APPLIED;
}

static bool is_applied(const struct ts_change *c, enum ts_action action)
{
        return c && c->action == action && c->result == TS_APPLIED;
}

static struct ts_memory_trust *add_trust(struct remember *r)
{
        TS_GROW(r->new->trusts, r->n_allocated, r->new->n_trusts);
        return &r->new->trusts[r->new->n_trusts++];
}

/* The old memory goes after this one is made: everything is copied. */
static struct ts_memory_member copy_member(struct remember *r, const struct ts_memory_member *old)
{
        struct ts_memory_member m = *old;

        m.grants = ts_arena_memdup(&r->new->arena, old->grants, old->n_grants * sizeof(*old->grants));
        return m;
}

static void copy_trust(struct remember *r, const struct ts_memory_trust *old)
{
        struct ts_memory_trust *t = add_trust(r);

        *t = *old;
        t->users = TS_ARENA_ARRAY(&r->new->arena, struct ts_memory_member, old->n_users);
        for (size_t i = 0; i < old->n_users; i++)
                t->users[i] = copy_member(r, &old->users[i]);
}

static int key_compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static struct ts_memory_member member_as_declared(struct remember *r, const struct ts_wanted_member *w)
{
        struct ts_memory_member m = { .id = w->id, .grants_managed = w->decl->grants_managed };

        m.n_grants = w->n_grants;
        m.grants = TS_ARENA_ARRAY(&r->new->arena, uint64_t, w->n_grants);
        for (size_t i = 0; i < w->n_grants; i++)
                m.grants[i] = ts_memory_grant_key(&r->in->live->catalog, &w->grants[i]);
        qsort(m.grants, m.n_grants, sizeof(*m.grants), key_compare);
        return m;
}

static int member_compare(const void *a, const void *b)
{
        return ts_id_compare(&((const struct ts_memory_member *) a)->id, &((const struct ts_memory_member *) b)->id);
}

static bool member_is_in_force(const struct remember *r, const struct ts_wanted_trust *w,
                               const struct ts_wanted_member *m)
{
        const struct ts_change *c;

        if (m->problem != TS_PLANNED || m->denied)
                return false;
        c = find_change(r, w->live, &m->id);
        if (!is_done(c))
                return false;
        if (m->live && m->decl->grants_managed && m->live->grants_coverage != TS_COVERAGE_COMPLETE)
                return false;
        return m->live || c;
}

/* Those who were to be removed and are still there: as long as they are remembered as declared once, their
 * removal is no drift. */
static bool keep_outstanding(struct remember *r, const struct ts_wanted_trust *w, const struct ts_memory_trust *old,
                             struct ts_memory_trust *t)
{
        bool outstanding = false;

        for (size_t i = 0; i < w->live->users.n; i++) {
                const struct ts_id *id = &w->live->users.items[i].id;
                const struct ts_change *c = find_change(r, w->live, id);
                const struct ts_memory_member *m = ts_memory_find_user(old, id);

                if (!c || c->action != TS_USER_REMOVE || c->result == TS_APPLIED)
                        continue;
                if (c->reason == TS_REASON_CONFIG)
                        outstanding = true;
                if (m)
                        t->users[t->n_users++] = copy_member(r, m);
        }
        return outstanding;
}

static void remember_users(struct remember *r, const struct ts_wanted_trust *w, const struct ts_memory_trust *old,
                           struct ts_memory_trust *t)
{
        t->users = TS_ARENA_ARRAY(&r->new->arena, struct ts_memory_member, w->n_users + w->live->users.n);
        for (size_t i = 0; i < w->n_users; i++) {
                const struct ts_wanted_member *m = &w->users[i];
                const struct ts_memory_member *before = ts_memory_find_user(old, &m->id);

                if (ts_id_is_nil(&m->id))
                        continue;
                if (member_is_in_force(r, w, m))
                        t->users[t->n_users++] = member_as_declared(r, m);
                else if (before && !m->denied)
                        t->users[t->n_users++] = copy_member(r, before);
        }
        t->users_managed = !keep_outstanding(r, w, old, t) || (old && old->users_managed);
        qsort(t->users, t->n_users, sizeof(*t->users), member_compare);
}

/* Since when a trust that is to go has been disabled. */
static void remember_disabling(const struct remember *r, const struct ts_trust *live, const struct ts_change *c,
                               const struct ts_memory_trust *old, struct ts_memory_trust *t)
{
        if (!live->enabled) {
                t->disabled_at = old && old->disabled_at > 0 ? old->disabled_at : r->in->now;
                t->disabled_by_us = old && old->disabled_by_us;
        } else if (is_applied(c, TS_TRUST_DISABLE)) {
                t->disabled_at = r->in->now;
                t->disabled_by_us = true;
        }
}

static void remember_declared(struct remember *r, const struct ts_wanted_trust *w)
{
        const struct ts_decl_trust *decl = w->decl;
        const struct ts_memory_trust *old = ts_memory_find_trust(r->in->old, decl->direction, &decl->id);
        const struct ts_change *c;
        struct ts_memory_trust *t;

        if (!w->live) {
                if (old && old->declared && !decl->absent)
                        copy_trust(r, old); /* it was there and is gone: held until its declaration changes */
                return;
        }
        c = find_change(r, w->live, NULL);
        if (is_applied(c, TS_TRUST_DELETE))
                return;

        t = add_trust(r);
        *t = (struct ts_memory_trust){ .direction = decl->direction, .id = decl->id, .declared = true };
        t->expires = TS_TIME_UNSET;
        if (is_done(c)) {
                t->enabled = decl->enabled;
                t->expires = decl->expires;
        } else if (old) {
                t->enabled = old->enabled;
                t->expires = old->expires;
        }
        if (decl->absent) {
                remember_disabling(r, w->live, c, old, t);
        } else if (old && old->disabled_by_us && !w->live->enabled && !is_applied(c, TS_TRUST_ENABLE)) {
                t->disabled_at = old->disabled_at;
                t->disabled_by_us = true;
        }
        if (decl->users.managed && !decl->absent)
                remember_users(r, w, old, t);
}

/* A trust that no declaration names: only the time of its disabling, and that it was declared once. */
static void remember_undeclared(struct remember *r, const struct ts_trust *live)
{
        const struct ts_memory_trust *old = ts_memory_find_trust(r->in->old, live->direction, &live->id);
        const struct ts_change *c = find_change(r, live, NULL);
        struct ts_memory_trust *t;

        if (!c || is_applied(c, TS_TRUST_DELETE) || (c->result == TS_SKIPPED && !old))
                return;
        t = add_trust(r);
        *t = (struct ts_memory_trust){ .direction = live->direction, .id = live->id, .expires = TS_TIME_UNSET };
        t->declared = old && old->declared;
        if (c->result != TS_SKIPPED && c->reason != TS_REASON_DENIED)
                remember_disabling(r, live, c, old, t);
}

static bool is_in_scope(const struct remember *r, const struct ts_memory_trust *t)
{
        const struct ts_wanted *w = r->in->wanted;

        for (size_t i = 0; i < w->n_trusts; i++)
                if (w->trusts[i].decl->direction == t->direction && ts_id_equal(&w->trusts[i].decl->id, &t->id))
                        return true;
        return ts_trust_filter_has(r->in->filter, NULL, &t->id);
}

static int trust_compare(const void *a, const void *b)
{
        const struct ts_memory_trust *x = a, *y = b;

        if (x->direction != y->direction)
                return x->direction < y->direction ? -1 : 1;
        return ts_id_compare(&x->id, &y->id);
}

struct ts_memory *ts_remember(const struct ts_remember_input *in)
{
        struct remember r = { .in = in, .new = ts_memory_new() };
        TS_CLEANUP(ts_map_done) struct ts_map declared = TS_MAP_INIT;
        struct ts_memory_trust *grown;

        r.new->status = TS_MEMORY_KNOWN;
        r.new->writable = in->old->writable;
        r.new->path = ts_arena_strdup(&r.new->arena, in->old->path);
        index_changes(&r);

        for (size_t i = 0; i < in->wanted->n_trusts; i++) {
                ts_map_add_id(&declared, &in->wanted->trusts[i].decl->id, (uint32_t) i);
                remember_declared(&r, &in->wanted->trusts[i]);
        }
        for (size_t i = 0; i < in->live->n_trusts; i++)
                if (ts_map_get_id(&declared, &in->live->trusts[i].id) == TS_MAP_NONE &&
                    ts_trust_filter_has(in->filter, NULL, &in->live->trusts[i].id))
                        remember_undeclared(&r, &in->live->trusts[i]);
        if (in->filter && in->filter->n > 0 && in->old->status == TS_MEMORY_KNOWN)
                for (size_t i = 0; i < in->old->n_trusts; i++)
                        if (!is_in_scope(&r, &in->old->trusts[i]))
                                copy_trust(&r, &in->old->trusts[i]);

        grown = r.new->trusts;
        r.new->trusts = ts_arena_memdup(&r.new->arena, grown, r.new->n_trusts * sizeof(*grown));
        free(grown);
        qsort(r.new->trusts, r.new->n_trusts, sizeof(*r.new->trusts), trust_compare);

        r.new->removals = ts_arena_memdup(&r.new->arena, in->old->removals,
                                          in->old->n_removals * sizeof(*in->old->removals));
        r.new->n_removals = in->old->n_removals;
        ts_map_done(&r.changes);
        ts_arena_done(&r.keys);
        return r.new;
}
