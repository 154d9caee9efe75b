#include "trust/last_applied_update.h"

#include <stdlib.h>
#include <string.h>

#include "trust/diff.h"
#include "trust/ends.h"
#include "util/mem.h"
#include "util/sorted.h"

struct update {
        const struct ts_last_applied_update_input *in;
        struct ts_last_applied *new;
        struct ts_map changes; /* direction, trust id, subject id -> index of the change */
        struct ts_arena keys;
        size_t n_allocated;
};

struct change_key {
        uint8_t direction, kind; /* kind: a clone has the id of its user, a request none */
        struct ts_id trust, subject;
};

static struct change_key key_of(enum ts_direction direction, enum ts_kind kind, const struct ts_id *trust,
                                const struct ts_id *subject)
{
        struct change_key k;

        memset(&k, 0, sizeof(k));
        k.direction = (uint8_t) direction;
        k.kind = (uint8_t) kind;
        k.trust = *trust;
        if (subject)
                k.subject = *subject;
        return k;
}

static void index_changes(struct update *r)
{
        const struct ts_plan *plan = r->in->plan;

        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];
                struct change_key key = key_of(c->direction, c->kind, &c->trust_id, &c->subject_id);

                if (c->kind != TS_KIND_TRUST && c->kind != TS_KIND_PAIRING && ts_id_is_nil(&c->subject_id))
                        continue; /* no account to record */
                ts_map_add(&r->changes, ts_arena_memdup(&r->keys, &key, sizeof(key)), sizeof(key),
                           (uint32_t) i);
        }
}

/* The change of an object (subject NULL: of the trust itself, or its request); NULL when nothing had to
 * change. */
static const struct ts_change *find_change(const struct update *r, enum ts_direction direction,
                                           enum ts_kind kind, const struct ts_id *trust,
                                           const struct ts_id *subject)
{
        struct change_key key = key_of(direction, kind, trust, subject);
        uint32_t i = ts_map_get(&r->changes, &key, sizeof(key));

        return i == TS_MAP_NONE ? NULL : &r->in->plan->changes[i];
}

static bool was_applied(const struct ts_change *c)
{
        return c && ts_change_result(c) == TS_APPLIED;
}

static bool is_done(const struct ts_change *c)
{
        return !c || was_applied(c);
}

static bool is_applied(const struct ts_change *c, enum ts_action action)
{
        return was_applied(c) && c->action == action;
}

static struct ts_last_applied_trust *add_trust(struct update *r)
{
        TS_GROW(r->new->trusts, r->n_allocated, r->new->n_trusts);
        return &r->new->trusts[r->new->n_trusts++];
}

/* The old last_applied goes after this one is made: everything is copied. */
static struct ts_last_applied_member copy_member(struct update *r, const struct ts_last_applied_member *old)
{
        struct ts_last_applied_member m = *old;

        m.grants = ts_arena_memdup(&r->new->arena, old->grants, old->n_grants * sizeof(*old->grants));
        return m;
}

static void copy_trust(struct update *r, const struct ts_last_applied_trust *old)
{
        struct ts_last_applied_trust *t = add_trust(r);

        *t = *old;
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                struct ts_last_applied_members *m = &t->collections[c];

                m->items = TS_ARENA_ARRAY(&r->new->arena, struct ts_last_applied_member, m->n);
                for (size_t i = 0; i < m->n; i++)
                        m->items[i] = copy_member(r, &old->collections[c].items[i]);
                m->keys = TS_ARENA_ARRAY(&r->new->arena, struct ts_last_applied_key, m->n_keys);
                m->n_keys = 0;
                for (size_t i = 0; i < old->collections[c].n_keys; i++)
                        ts_last_applied_put_key(r->new, m, c, old->collections[c].keys[i].key,
                                                &old->collections[c].keys[i].id);
        }
}

static struct ts_last_applied_member member_as_declared(struct update *r, const struct ts_desired_member *w)
{
        struct ts_last_applied_member m = { .id = w->id, .grants_managed = w->decl->grants_managed };

        ts_last_applied_set_grants(r->new, &m, &r->in->live->catalog, w->grants, w->n_grants);
        return m;
}

/* One collection of a trust that is there. */
struct collection {
        struct update *r;
        const struct ts_decl_trust *decl;
        const struct ts_desired_members *desired;
        const struct ts_members *live; /* as it was read: empty when the trust was only made now */
        const struct ts_last_applied_trust *old;
        enum ts_collection index;
};

static const struct ts_change *find_member_change(const struct collection *c, const struct ts_id *id)
{
        return find_change(c->r, c->decl->direction, ts_collection_kind(c->index), &c->decl->id, id);
}

static bool member_is_in_force(const struct collection *c, const struct ts_desired_member *m)
{
        const struct ts_change *change;

        if (m->problem != TS_PLANNED || m->denied)
                return false;
        change = find_member_change(c, &m->id);
        if (!is_done(change))
                return false;
        if (change && ts_action_count(change->action) == TS_COUNT_REMOVE)
                return false; /* outside its window */
        if (m->live && m->decl->grants_managed && m->live->grants_coverage != TS_COVERAGE_COMPLETE)
                return false;
        return m->live || change;
}

/* Whoever is not in the list is no member. */
static bool is_listed_completely(const struct collection *c)
{
        return c->live->coverage == TS_COVERAGE_COMPLETE;
}

/* A removal that was sent and shows. Where none was sent, because one answer said that the member was gone,
 * it is the next complete list that proves it. */
static bool was_removed(const struct ts_change *c)
{
        return was_applied(c) && ts_change_outcome(c)->sent;
}

/* Its window is over and it is no member any more: should it be declared again, that is no drift. */
static bool has_left(const struct collection *c, const struct ts_desired_member *m)
{
        const struct ts_change *change = find_member_change(c, &m->id);

        return ts_diff_knows_time(c->r->in->live) && ts_decl_member_is_outside(m->decl, c->r->in->now) &&
               (m->live ? was_removed(change) : is_listed_completely(c));
}

/* Members that should have been removed and still exist: they stay recorded as declared, so that their
 * removal does not count as drift. */
static bool keep_outstanding(const struct collection *c, const struct ts_map *kept,
                             struct ts_last_applied_members *ret)
{
        bool outstanding = false;

        for (size_t i = 0; i < c->live->n; i++) {
                const struct ts_id *id = &c->live->items[i].id;
                const struct ts_change *change = find_member_change(c, id);
                const struct ts_last_applied_member *m = ts_last_applied_find_member(c->old, c->index, id);

                if (!change || ts_action_count(change->action) != TS_COUNT_REMOVE || was_removed(change))
                        continue;
                if (change->reason == TS_REASON_CONFIG)
                        outstanding = true;
                if (m && ts_map_get_id(kept, id) == TS_MAP_NONE)
                        ret->items[ret->n++] = copy_member(c->r, m);
        }
        return outstanding;
}

/* Members on record whom an incomplete list does not show may be there: they stay on record, so that their
 * later removal is no drift. */
static void keep_unseen(const struct collection *c, const struct ts_map *kept,
                        struct ts_last_applied_members *ret)
{
        if (!c->old || is_listed_completely(c))
                return;
        for (size_t i = 0; i < c->old->collections[c->index].n; i++) {
                const struct ts_last_applied_member *m = &c->old->collections[c->index].items[i];

                if (ts_map_get_id(kept, &m->id) == TS_MAP_NONE && !ts_members_find(c->live, &m->id))
                        ret->items[ret->n++] = copy_member(c->r, m);
        }
}

/* What a key means stays on record for as long as it is declared; it changes only with what is in force. */
static void update_key(const struct collection *c, const struct ts_desired_member *m, bool in_force,
                       struct ts_last_applied_members *ret)
{
        const struct ts_last_applied_key *old = ts_last_applied_find_key(c->old, c->index, m->decl->key);

        if (in_force || old)
                ts_last_applied_put_key(c->r->new, ret, c->index, m->decl->key, in_force ? &m->id : &old->id);
}

static void update_collection(const struct collection *c, struct ts_last_applied_members *ret)
{
        TS_CLEANUP(ts_map_done) struct ts_map kept = TS_MAP_INIT;
        size_t n_before = c->old ? c->old->collections[c->index].n : 0;
        bool was_managed = c->old && c->old->collections[c->index].managed;

        ret->items = TS_ARENA_ARRAY(&c->r->new->arena, struct ts_last_applied_member,
                                    c->desired->n + c->live->n + n_before);
        ret->keys = TS_ARENA_ARRAY(&c->r->new->arena, struct ts_last_applied_key, c->desired->n);
        for (size_t i = 0; i < c->desired->n; i++) {
                const struct ts_desired_member *m = &c->desired->items[i];
                const struct ts_last_applied_member *before =
                                ts_last_applied_find_member(c->old, c->index, &m->id);
                bool in_force = !ts_id_is_nil(&m->id) && member_is_in_force(c, m);

                update_key(c, m, in_force, ret);
                if (ts_id_is_nil(&m->id) || ts_map_get_id(&kept, &m->id) != TS_MAP_NONE)
                        continue;
                if (in_force)
                        ret->items[ret->n++] = member_as_declared(c->r, m);
                else if (before && !m->denied && !has_left(c, m))
                        ret->items[ret->n++] = copy_member(c->r, before);
                else
                        continue;
                ts_map_add_id(&kept, &m->id, 0);
        }
        keep_unseen(c, &kept, ret);
        ret->managed = (!keep_outstanding(c, &kept, ret) && is_listed_completely(c)) || was_managed;
}

static void update_collections(struct update *r, const struct ts_desired_trust *w,
                               const struct ts_last_applied_trust *old, struct ts_last_applied_trust *t)
{
        static const struct ts_members nobody = { .coverage = TS_COVERAGE_COMPLETE };

        if (w->decl->absent)
                return;
        for (enum ts_collection i = 0; i < TS_COLLECTIONS; i++) {
                struct collection c = {
                        r, w->decl, &w->collections[i], w->live ? &w->live->collections[i] : &nobody, old, i
                };

                if (w->collections[i].managed)
                        update_collection(&c, &t->collections[i]);
        }
}

/* Since when a trust that is to go has been disabled; a trustor cannot be: since when it is to be left. A
 * time by a clock that cannot be trusted is not recorded: the next cycle does it. */
static void update_disabling(const struct update *r, const struct ts_trust *live, const struct ts_change *c,
                             const struct ts_last_applied_trust *old, struct ts_last_applied_trust *t)
{
        int64_t now = ts_diff_knows_time(r->in->live) ? r->in->now : 0;

        if (!live->enabled || live->direction == TS_TRUSTOR) {
                t->disabled_at = old && old->disabled_at > 0 ? old->disabled_at : now;
                t->disabled_by_us = old && old->disabled_by_us;
        } else if (is_applied(c, TS_TRUST_DISABLE)) {
                t->disabled_at = now;
                t->disabled_by_us = true;
        }
}

/* A request of ours stays known until its trust is there. */
static void update_pairing(struct update *r, const struct ts_decl_trust *decl,
                           const struct ts_last_applied_trust *old, struct ts_last_applied_trust *t)
{
        const struct ts_change *c = find_change(r, decl->direction, TS_KIND_PAIRING, &decl->id, NULL);

        if (old)
                t->pairing = old->pairing;
        if (is_applied(c, TS_PAIRING_CREATE)) {
                const struct ts_outcome *made = ts_change_outcome(c);

                if (!ts_id_equal(&t->pairing.id, &made->pairing_id))
                        t->pairing.n_created++; /* else it is on record already */
                t->pairing.id = made->pairing_id;
                t->pairing.created = made->pairing_created;
        }
}

static void update_missing(struct update *r, const struct ts_decl_trust *decl,
                           const struct ts_last_applied_trust *old)
{
        struct ts_last_applied_trust t = { .direction = decl->direction,
                                           .id = decl->id,
                                           .expires = TS_TIME_UNSET };

        if (decl->absent)
                return;
        if (old && old->declared) {
                copy_trust(r, old); /* it was there and is gone: held until its declaration changes */
                return;
        }
        if (!decl->pairing.automatic && !decl->request.source.file)
                return;
        update_pairing(r, decl, old, &t);
        if (!ts_id_is_nil(&t.pairing.id))
                *add_trust(r) = t;
}

/* Is it on or off as declared? A denied organization stays off, whatever is declared. */
static bool enabled_is_in_force(const struct ts_desired_trust *w, const struct ts_change *c)
{
        bool enabled = c ? c->after.enabled : w->live->enabled; /* what is not there was made by @c */

        return enabled == (w->decl->enabled == TS_YES);
}

/* What opens a trust that was created disabled, behind @create in the plan; NULL: nothing. */
static const struct ts_change *find_opening(const struct ts_plan *plan, const struct ts_change *create)
{
        const struct ts_change *end = plan->changes + plan->n_changes;

        for (const struct ts_change *c = create + 1; c < end && ts_id_equal(&c->trust_id, &create->trust_id);
             c++)
                if (c->action == TS_TRUST_ENABLE)
                        return c;
        return NULL;
}

static void update_attributes(const struct ts_desired_trust *w, const struct ts_change *c,
                              const struct ts_last_applied_trust *old, struct ts_last_applied_trust *t)
{
        const struct ts_decl_trust *decl = w->decl;

        t->expires = TS_TIME_UNSET;
        if (is_done(c)) {
                t->enabled = enabled_is_in_force(w, c) ? decl->enabled : TS_UNSET;
                t->expires = decl->expires;
        } else if (old) {
                t->enabled = old->enabled;
                t->expires = old->expires;
        }
}

static void update_declared(struct update *r, const struct ts_desired_trust *w)
{
        const struct ts_decl_trust *decl = w->decl;
        const struct ts_last_applied_trust *old =
                        ts_last_applied_find_trust(r->in->old, decl->direction, &decl->id);
        const struct ts_change *c = find_change(r, decl->direction, TS_KIND_TRUST, &decl->id, NULL);
        struct ts_last_applied_trust *t;

        if (!w->live && !is_applied(c, TS_TRUST_CREATE)) {
                update_missing(r, decl, old);
                return;
        }
        if (is_applied(c, TS_TRUST_DELETE))
                return;

        t = add_trust(r);
        *t = (struct ts_last_applied_trust){ .direction = decl->direction,
                                             .id = decl->id,
                                             .declared = true,
                                             .modes_known = true,
                                             .observe = decl->observe,
                                             .report_unlisted = decl->report_unlisted };
        if (is_applied(c, TS_TRUST_CREATE)) {
                const struct ts_change *opening = find_opening(r->in->plan, c);

                t->disabled_by_us = opening && ts_change_result(opening) != TS_APPLIED;
                c = opening && ts_change_result(opening) == TS_APPLIED ? opening : c;
        }
        update_attributes(w, c, old, t);
        if (decl->pairing.source.file && !decl->pairing.automatic)
                t->pairing.id = decl->pairing.id; /* another one would be another declaration */
        if (decl->absent) {
                update_disabling(r, w->live, c, old, t);
        } else if (old && old->disabled_by_us && w->live && !w->live->enabled && decl->enabled == TS_UNSET &&
                   !is_applied(c, TS_TRUST_ENABLE)) {
                /* still to be enabled again; should it have to go after all, its time begins anew */
                t->disabled_by_us = true;
        }
        update_collections(r, w, old, t);
}

/* A trust that no declaration names: only the time of its disabling, and that it was declared once. */
static void update_undeclared(struct update *r, const struct ts_trust *live)
{
        const struct ts_last_applied_trust *old =
                        ts_last_applied_find_trust(r->in->old, live->direction, &live->id);
        const struct ts_change *c = find_change(r, live->direction, TS_KIND_TRUST, &live->id, NULL);
        struct ts_last_applied_trust *t;

        if (!c || is_applied(c, TS_TRUST_DELETE) || (ts_change_result(c) == TS_SKIPPED && !old))
                return;
        t = add_trust(r);
        *t = (struct ts_last_applied_trust){ .direction = live->direction,
                                             .id = live->id,
                                             .expires = TS_TIME_UNSET };
        t->declared = old && old->declared;
        if (ts_change_result(c) != TS_SKIPPED && c->reason != TS_REASON_DENIED)
                update_disabling(r, live, c, old, t);
}

static bool is_in_scope(const struct update *r, const struct ts_last_applied_trust *t)
{
        const struct ts_desired *w = r->in->desired;

        for (size_t i = 0; i < w->n_trusts; i++)
                if (w->trusts[i].decl->direction == t->direction &&
                    ts_id_equal(&w->trusts[i].decl->id, &t->id))
                        return true;
        return ts_trust_filter_has(r->in->filter, NULL, &t->id);
}

/* Customer care that was let in and is gone does not come back by itself. */
static bool update_care(const struct ts_last_applied_update_input *in)
{
        const struct ts_decl_care *care = &in->desired->decl->care;
        bool was_declared = in->old->status == TS_LAST_APPLIED_KNOWN && in->old->care_declared;

        if (in->filter && in->filter->n > 0)
                return was_declared;
        if (!care->source.file || care->absent)
                return false;
        if (ts_live_find_care(in->live))
                return true;
        for (size_t i = 0; i < in->plan->n_changes; i++)
                if (is_applied(&in->plan->changes[i], TS_CARE_CREATE))
                        return true;
        return was_declared;
}

static void update_trusts(struct update *r)
{
        const struct ts_last_applied_update_input *in = r->in;
        TS_CLEANUP(ts_map_done) struct ts_map trustees = TS_MAP_INIT;
        TS_CLEANUP(ts_map_done) struct ts_map trustors = TS_MAP_INIT;

        for (size_t i = 0; i < in->desired->n_trusts; i++) {
                const struct ts_decl_trust *decl = in->desired->trusts[i].decl;

                ts_map_add_id(decl->direction == TS_TRUSTEE ? &trustees : &trustors, &decl->id, (uint32_t) i);
                update_declared(r, &in->desired->trusts[i]);
        }
        for (size_t i = 0; i < in->live->n_trusts; i++) {
                const struct ts_trust *t = &in->live->trusts[i];

                if (ts_map_get_id(t->direction == TS_TRUSTEE ? &trustees : &trustors, &t->id) ==
                                    TS_MAP_NONE &&
                    ts_trust_filter_has(in->filter, NULL, &t->id))
                        update_undeclared(r, t);
        }
        if (in->filter && in->filter->n > 0 && in->old->status == TS_LAST_APPLIED_KNOWN)
                for (size_t i = 0; i < in->old->n_trusts; i++)
                        if (!is_in_scope(r, &in->old->trusts[i]))
                                copy_trust(r, &in->old->trusts[i]);
}

/* trust/deny.h makes them; here they are only carried over. */
static void copy_accounts(struct ts_last_applied *m, struct ts_last_applied_accounts *to,
                          const struct ts_last_applied_accounts *from)
{
        to->items = ts_arena_memdup(&m->arena, from->items, from->n * sizeof(*from->items));
        to->n = from->n;
}

/* --------------------------------------------------------------------------------------------------- ends */

/* Does an end that the plan does not name stay on record? */
static bool keeps_end(const struct update *r, const struct ts_last_applied_end *e)
{
        const struct ts_last_applied_update_input *in = r->in;
        const struct ts_change *c;

        if ((in->filter && in->filter->n > 0) || !in->plan->complete || !ts_diff_knows_time(in->live))
                return true; /* it was not read */
        if (e->kind == TS_KIND_TRUST)
                return e->when <= in->now &&
                       in->now - e->when < TS_LAST_APPLIED_DAY_SEC; /* it counts for a day */
        c = find_change(r, e->direction, e->kind, &e->trust, &e->subject);
        return c && !was_removed(c);
}

/* Is a declared end in force? Nothing new that was refused, or whose write was not applied. One that was sent
 * and does not show may be in force all the same: it is, unless @before comes earlier. */
static bool is_end_in_force(const struct update *r, const struct ts_end *e,
                            const struct ts_last_applied_end *before)
{
        const struct ts_change *c;

        if (e->is_refused)
                return false;
        c = e->kind == TS_KIND_TRUST && e->is_new
                            ? find_change(r, e->direction, TS_KIND_TRUST, &e->trust_id, NULL)
                            : NULL;
        return is_done(c) || (ts_change_outcome(c)->sent && (!before || e->when < before->when));
}

static int end_compare(const void *a, const void *b)
{
        return ts_last_applied_end_compare(a, b);
}

/* A trust that ended at the time set by us was closed, even if it has another end now, or none. */
static void keep_closings(struct update *r)
{
        const struct ts_last_applied *old = r->in->old;
        struct ts_last_applied *new = r->new;

        for (size_t i = 0; i < old->n_ends; i++) {
                const struct ts_last_applied_end *e = &old->ends[i], *now;

                if (e->kind != TS_KIND_TRUST || !e->counts || e->when > r->in->now)
                        continue;
                now = ts_ends_find(new, e->direction, &e->trust, e->kind, &e->subject);
                if (!now || now->when != e->when)
                        new->removals[new->n_removals++] = (struct ts_last_applied_removals){ .when = e->when,
                                                                                              .n = 1,
                                                                                              .n_trusts = 1 };
        }
}

static void update_removals(struct update *r)
{
        const struct ts_last_applied *old = r->in->old;
        struct ts_last_applied *new = r->new;

        new->removals = TS_ARENA_ARRAY(&new->arena, struct ts_last_applied_removals,
                                       old->n_removals + old->n_ends);
        for (size_t i = 0; i < old->n_removals; i++)
                new->removals[i] = old->removals[i];
        new->n_removals = old->n_removals;
        keep_closings(r);
}

static void update_ends(struct update *r)
{
        const struct ts_plan *plan = r->in->plan;
        const struct ts_last_applied *old = r->in->old;
        struct ts_last_applied *new = r->new;
        size_t n_declared;

        new->ends = TS_ARENA_ARRAY(&new->arena, struct ts_last_applied_end, plan->n_ends + old->n_ends);
        for (size_t i = 0; i < plan->n_ends; i++) {
                const struct ts_end *e = &plan->ends[i];
                const struct ts_last_applied_end *before =
                                ts_ends_find(old, e->direction, &e->trust_id, e->kind, &e->subject);
                struct ts_last_applied_end *to = &new->ends[new->n_ends];

                if (is_end_in_force(r, e, before))
                        *to = (struct ts_last_applied_end){ e->when,   e->direction, e->kind,
                                                            e->counts, e->trust_id,  e->subject };
                else if (before)
                        *to = *before;
                else
                        continue;
                new->n_ends++;
        }
        n_declared = TS_SORT_UNIQUE(new->ends, new->n_ends, end_compare); /* one id may have two keys */
        new->n_ends = n_declared;
        for (size_t i = 0; i < old->n_ends; i++)
                if (!TS_FIND_SORTED(&old->ends[i], new->ends, n_declared, end_compare) &&
                    keeps_end(r, &old->ends[i]))
                        new->ends[new->n_ends++] = old->ends[i];
        TS_SORT(new->ends, new->n_ends, end_compare);
}

struct ts_last_applied *ts_last_applied_update(const struct ts_last_applied_update_input *in)
{
        struct update r = { .in = in, .new = ts_last_applied_new() };
        struct ts_last_applied_trust *grown;

        r.new->status = TS_LAST_APPLIED_KNOWN;
        r.new->writable = in->old->writable;
        r.new->path = ts_arena_strdup(&r.new->arena, in->old->path);
        r.new->care_declared = update_care(in);
        index_changes(&r);
        update_trusts(&r);

        grown = r.new->trusts;
        r.new->trusts = ts_arena_memdup(&r.new->arena, grown, r.new->n_trusts * sizeof(*grown));
        free(grown);
        ts_last_applied_sort(r.new);

        copy_accounts(r.new, &r.new->denied, &in->old->denied);
        copy_accounts(r.new, &r.new->pinned, &in->old->pinned);
        r.new->drift = ts_arena_memdup(&r.new->arena, in->old->drift,
                                       in->old->n_drift * sizeof(*in->old->drift));
        r.new->n_drift = in->old->n_drift;
        update_ends(&r);
        update_removals(&r);
        ts_map_done(&r.changes);
        ts_arena_done(&r.keys);
        return r.new;
}

/* The record of a change's trust, made where there is none; ts_last_applied_sort() comes afterwards. */
static struct ts_last_applied_trust *get_record(struct ts_last_applied *m, const struct ts_change *c)
{
        const struct ts_last_applied_trust *old = ts_last_applied_find_trust(m, c->direction, &c->trust_id);
        struct ts_last_applied_trust *items;

        if (m->status == TS_LAST_APPLIED_FRESH)
                m->status = TS_LAST_APPLIED_KNOWN;
        if (old)
                return &m->trusts[old - m->trusts];
        items = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_trust, m->n_trusts + 1);
        if (m->n_trusts > 0)
                memcpy(items, m->trusts, m->n_trusts * sizeof(*items));
        m->trusts = items;
        items[m->n_trusts] = (struct ts_last_applied_trust){ .direction = c->direction,
                                                             .id = c->trust_id,
                                                             .expires = TS_TIME_UNSET };
        return &items[m->n_trusts++];
}

void ts_last_applied_update_pairing(struct ts_last_applied *m, const struct ts_change *made)
{
        struct ts_last_applied_trust *t = get_record(m, made);

        t->pairing.id = ts_change_outcome(made)->pairing_id;
        t->pairing.created = ts_change_outcome(made)->pairing_created;
        t->pairing.n_created++;
        ts_last_applied_sort(m);
}

bool ts_last_applied_update_openings(struct ts_last_applied *m, const struct ts_plan *plan)
{
        bool any = false;

        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];

                if (c->action != TS_TRUST_CREATE || !ts_change_is_planned(c) || c->after.enabled ||
                    !find_opening(plan, c))
                        continue;
                get_record(m, c)->disabled_by_us = true;
                ts_last_applied_sort(m);
                any = true;
        }
        return any;
}
