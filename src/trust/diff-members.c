#include "trust/diff-parts.h"
#include "trust/ends.h"

#include <stdlib.h>
#include <string.h>

/* The same for each kind of member. A clone has no grants of its own, so it is never updated. */
static const struct {
        enum ts_action add, update, remove;
} member_actions[TS_COLLECTIONS] = {
        [TS_USERS] = { TS_USER_ADD, TS_USER_UPDATE, TS_USER_REMOVE },
        [TS_GROUPS] = { TS_GROUP_ADD, TS_GROUP_UPDATE, TS_GROUP_REMOVE },
        [TS_CLONES] = { TS_CLONE_ADD, TS_CLONE_ADD, TS_CLONE_REMOVE },
};

/* ----------------------------------------------------------------------------------------------- a member */

static bool role_is_denied(const struct ts_diffing *d, uint32_t role)
{
        const struct ts_named *r = &d->in->live->catalog.roles[role];
        const struct ts_texts *denied = &d->in->policy->deny_roles;

        for (size_t i = 0; i < denied->n; i++) {
                struct ts_id id;

                if (strcmp(denied->items[i].text, r->name) == 0 ||
                    (ts_id_parse_string(denied->items[i].text, &id) && ts_id_equal(&id, &r->id)))
                        return true;
        }
        return false;
}

static bool member_is_protected(const struct ts_diffing *d, const struct ts_view *v,
                                const struct ts_member *m)
{
        return ts_ids_have(&d->in->policy->protect_organizations, &v->id) ||
               ts_deny_rule_member(d->deny, v->live, m).is_protected;
}

static struct ts_change *member_change(struct ts_diffing *d, const struct ts_view *v, enum ts_action action,
                                       enum ts_phase phase, enum ts_reason reason,
                                       const struct ts_desired_member *w, const struct ts_member *live)
{
        struct ts_change *c = ts_diff_change(d, v, action, phase, reason, w ? &w->decl->source : NULL);
        struct ts_id_text buf;
        struct ts_id key;

        c->labels = w ? w->decl->labels : NULL;
        c->kind = w ? w->decl->kind : live->kind;
        c->subject_id = w ? w->id : live->id;
        if (w && (!live || !ts_id_parse_string(w->decl->key, &key)))
                c->subject_name = w->decl->key;
        else
                c->subject_name = ts_arena_strdup(&d->plan->arena, ts_member_label(live, &buf));
        return c;
}

/* ------------------------------------------------------------------------------------------------- grants */

static int grant_change_compare(const void *a, const void *b, void *userdata)
{
        const struct ts_grant_change *x = a, *y = b;
        const struct ts_catalog *catalog = *(const struct ts_catalog **) userdata;
        int r = strcmp(catalog->roles[x->role].name, catalog->roles[y->role].name);

        if (r == 0)
                r = ts_id_compare(&catalog->roles[x->role].id, &catalog->roles[y->role].id);
        if (r == 0)
                r = strcmp(catalog->divisions[x->division].name, catalog->divisions[y->division].name);
        if (r == 0)
                r = ts_id_compare(&catalog->divisions[x->division].id, &catalog->divisions[y->division].id);
        return r;
}

static void grant_changes_sort(const struct ts_diffing *d, struct ts_grant_changes *g)
{
        const struct ts_catalog *catalog = &d->in->live->catalog;

        if (g->n > 1)
                qsort_r(g->items, g->n, sizeof(*g->items), grant_change_compare, (void *) &catalog);
}

static void grant_changes_add(struct ts_grant_changes *g, const struct ts_grant *grant, enum ts_reason reason,
                              const struct ts_source *source)
{
        g->items[g->n++] = (struct ts_grant_change){ grant->role, grant->division, reason, *source };
}

static enum ts_reason added_grant_reason(const struct ts_diffing *d, const struct ts_last_applied_member *m,
                                         const struct ts_grant *g)
{
        if (!d->was_applied || !m || !m->grants_managed)
                return TS_REASON_CONFIG;
        return ts_last_applied_has_grant(m, ts_last_applied_grant_key(&d->in->live->catalog, g))
                               ? TS_REASON_DRIFT
                               : TS_REASON_CONFIG;
}

static enum ts_reason removed_grant_reason(const struct ts_diffing *d, const struct ts_last_applied_member *m,
                                           const struct ts_grant *g)
{
        if (role_is_denied(d, g->role))
                return TS_REASON_DENIED;
        if (!d->was_applied || !m || !m->grants_managed)
                return TS_REASON_CONFIG;
        return ts_last_applied_has_grant(m, ts_last_applied_grant_key(&d->in->live->catalog, g))
                               ? TS_REASON_CONFIG
                               : TS_REASON_DRIFT;
}

/* Merges two normalised sets into what is to be added and what is to be removed. */
static void compare_grants(struct ts_diffing *d, struct ts_change *c, const struct ts_desired_member *w,
                           const struct ts_last_applied_member *last_applied)
{
        const struct ts_grant *have = c->grants_before, *want = w->grants;
        size_t n_have = c->n_before, n_want = w->n_grants, i = 0, k = 0;

        c->add.items = TS_ARENA_ARRAY(&d->plan->arena, struct ts_grant_change, n_want);
        c->remove.items = TS_ARENA_ARRAY(&d->plan->arena, struct ts_grant_change, n_have);
        while (i < n_have || k < n_want) {
                int r = i == n_have ? 1 : k == n_want ? -1 : ts_grant_compare(&have[i], &want[k]);

                if (r < 0) {
                        grant_changes_add(&c->remove, &have[i],
                                          removed_grant_reason(d, last_applied, &have[i]), &w->decl->source);
                        i++;
                } else if (r > 0) {
                        grant_changes_add(&c->add, &want[k], added_grant_reason(d, last_applied, &want[k]),
                                          want[k].source);
                        k++;
                } else {
                        i++;
                        k++;
                }
        }
        grant_changes_sort(d, &c->add);
        grant_changes_sort(d, &c->remove);
}

static enum ts_reason reason_of_grants(const struct ts_change *c)
{
        bool drift = false;

        for (size_t i = 0; i < c->add.n + c->remove.n; i++) {
                enum ts_reason r =
                                i < c->add.n ? c->add.items[i].reason : c->remove.items[i - c->add.n].reason;

                if (r == TS_REASON_CONFIG)
                        return TS_REASON_CONFIG;
                drift = drift || r == TS_REASON_DRIFT;
        }
        return drift ? TS_REASON_DRIFT : TS_REASON_DENIED;
}

static void count_grant_removals(struct ts_change *c)
{
        c->n_removals = 0;
        for (size_t i = 0; i < c->remove.n; i++)
                if (c->remove.items[i].reason != TS_REASON_DENIED)
                        c->n_removals++;
}

/* A protected member loses nothing: what would be taken is kept and named, what is added is added. */
static void keep_grants_of_protected(struct ts_diffing *d, struct ts_change *c)
{
        struct ts_grant *after = TS_ARENA_ARRAY(&d->plan->arena, struct ts_grant, c->n_before + c->n_after);

        for (size_t i = 0; i < c->n_before; i++)
                after[i] = c->grants_before[i];
        for (size_t i = 0; i < c->n_after; i++)
                after[c->n_before + i] = c->grants_after[i];
        c->n_after = ts_grants_normalise(after, c->n_before + c->n_after);
        c->grants_after = after;

        c->held = c->remove;
        c->remove = (struct ts_grant_changes){ 0 };
        if (ts_grants_equal(c->grants_before, c->n_before, c->grants_after, c->n_after)) {
                c->add.n = 0; /* a single division of a role that is held in all of them */
                ts_change_end(c, TS_HELD, "the member is protected by the settings: it loses nothing");
        } else {
                c->note = "the member is protected by the settings: it only gains";
                c->reason = reason_of_grants(c);
        }
}

static void diff_grants(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                        const struct ts_desired_member *w)
{
        const struct ts_last_applied_member *last_applied =
                        ts_last_applied_find_member(v->last_applied, collection, &w->id);
        const struct ts_member *live = w->live;
        struct ts_change *c;

        if (live->grants_coverage != TS_COVERAGE_COMPLETE) {
                d->plan->complete = false;
                return;
        }
        if (ts_grants_equal(live->grants, live->n_grants, w->grants, w->n_grants))
                return;

        c = member_change(d, v, member_actions[collection].update, TS_PHASE_ADD, TS_REASON_CONFIG, w, live);
        c->grants_managed = true;
        c->grants_before = live->grants;
        c->n_before = live->n_grants;
        c->grants_after = w->grants;
        c->n_after = w->n_grants;
        compare_grants(d, c, w, last_applied);
        c->reason = reason_of_grants(c);
        if (c->remove.n > 0) {
                c->phase = TS_PHASE_REDUCE;
                if (member_is_protected(d, v, live))
                        keep_grants_of_protected(d, c);
        }
        if (c->remove.n == 0)
                c->phase = TS_PHASE_ADD;
        count_grant_removals(c);
        ts_diff_hold(d, v, c);
}

/* --------------------------------------------------------------------------------------- declared members */

#define WINDOW_UNSURE "our clock and the server's differ: no window is acted on"

static bool is_over(const struct ts_diffing *d, const struct ts_decl_member *m)
{
        return m->until != TS_TIME_UNSET && d->in->now >= m->until;
}

/* One that is not resolved is looked for in each cycle: no window of it is worth a cycle of its own. */
static void note_window(struct ts_diffing *d, const struct ts_desired_member *w)
{
        const struct ts_decl_member *m = w->decl;

        if (ts_id_is_nil(&w->id))
                return;
        if (m->from != TS_TIME_UNSET)
                ts_diff_note_boundary(d, m->from);
        if (m->until != TS_TIME_UNSET)
                ts_diff_note_boundary(d, m->until);
}

/* What keeps a member from being added just now. */
static void guard_adding(struct ts_diffing *d, const struct ts_view *v, const struct ts_desired_member *w,
                         struct ts_change *c)
{
        if (w->problem != TS_PLANNED)
                ts_change_end(c, w->problem, w->note);
        else if (!v->live && !v->is_created)
                ts_change_end(c, TS_WAITING, "the trust does not exist yet");
        else if (c->kind == TS_KIND_CLONE && c->direction == TS_TRUSTEE)
                ts_change_end(c, TS_WAITING,
                              "a clone can be made only by the trustee: it is declared there, under "
                              "`trustors`");
        else if (ts_diff_is_window_unsure(d, w->decl))
                ts_change_end(c, TS_WAITING, WINDOW_UNSURE);
        else
                ts_diff_hold(d, v, c);
}

static void add_member(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                       const struct ts_desired_member *w)
{
        const struct ts_last_applied_member *last_applied =
                        ts_last_applied_find_member(v->last_applied, collection, &w->id);
        enum ts_reason reason =
                        w->moved || (d->was_applied && last_applied) ? TS_REASON_DRIFT : TS_REASON_CONFIG;
        struct ts_change *c =
                        member_change(d, v, member_actions[collection].add, TS_PHASE_ADD, reason, w, NULL);

        c->grants_managed = w->decl->grants_managed;
        c->grants_after = w->grants;
        c->n_after = w->n_grants;
        c->add.items = TS_ARENA_ARRAY(&d->plan->arena, struct ts_grant_change, w->n_grants);
        for (size_t i = 0; i < w->n_grants; i++)
                grant_changes_add(&c->add, &w->grants[i], reason, w->grants[i].source);
        grant_changes_sort(d, &c->add);
        guard_adding(d, v, w, c);
}

static bool has_denied_role(const struct ts_diffing *d, const struct ts_member *m)
{
        for (size_t i = 0; i < m->n_grants; i++)
                if (role_is_denied(d, m->grants[i].role))
                        return true;
        return false;
}

/* Its declaration cannot be carried out, so it stays as it is: but for what is denied. @result, @note: of
 * that. */
static void diff_troubled_member(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                                 const struct ts_desired_member *w, enum ts_result result, const char *note)
{
        struct ts_desired_member kept = *w;
        struct ts_change *c;

        if (w->decl->grants_managed && (!w->same || w->same == w) && has_denied_role(d, w->live)) {
                kept.n_grants = 0;
                kept.grants = TS_ARENA_ARRAY(&d->plan->arena, struct ts_grant, w->live->n_grants);
                for (size_t i = 0; i < w->live->n_grants; i++)
                        if (!role_is_denied(d, w->live->grants[i].role))
                                kept.grants[kept.n_grants++] = w->live->grants[i];
                ts_plan_add_message(d->plan, v->alias, &w->decl->source, "%s", note);
                diff_grants(d, v, collection, &kept);
                return;
        }
        c = member_change(d, v, member_actions[collection].update, TS_PHASE_ADD,
                          w->moved ? TS_REASON_DRIFT : TS_REASON_CONFIG, w, w->live);
        ts_change_end(c, result, note);
}

static bool has_excess(const struct ts_desired_member *w)
{
        const struct ts_member *live = w->live;
        size_t k = 0;

        for (size_t i = 0; i < live->n_grants; i++) {
                while (k < w->n_grants && ts_grant_compare(&w->grants[k], &live->grants[i]) < 0)
                        k++;
                if (k == w->n_grants || ts_grant_compare(&w->grants[k], &live->grants[i]) != 0)
                        return true;
        }
        return false;
}

/* Its id decides, and its account is not in use: what it holds beyond its declaration is taken all the same,
 * as the account may come back with it. */
static void diff_inactive_member(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                                 const struct ts_desired_member *w)
{
        const char *note =
                        TS_DIFF_NOTE(d, "its account is %s: it counts as no member until it is active again",
                                     w->live->state);

        if (w->decl->grants_managed && w->live->grants_coverage == TS_COVERAGE_COMPLETE && has_excess(w)) {
                ts_plan_add_message(d->plan, v->alias, &w->decl->source, "%s: %s", w->decl->key, note);
                diff_grants(d, v, collection, w);
                return;
        }
        diff_troubled_member(d, v, collection, w, TS_WAITING, note);
}

/* Is it not known whether it is a member, and would it then get other grants? */
static bool is_unsure(const struct ts_diffing *d, const struct ts_desired_member *w)
{
        const struct ts_member *live = w->live;

        return ts_diff_is_window_unsure(d, w->decl) && w->decl->grants_managed &&
               live->grants_coverage == TS_COVERAGE_COMPLETE &&
               !ts_grants_equal(live->grants, live->n_grants, w->grants, w->n_grants);
}

/* Of our own people in a trustor more is known: they are in our directory. */
static bool is_list_denied(const struct ts_view *v, enum ts_collection collection)
{
        return v->live && v->live->direction == TS_TRUSTEE && v->live->collections[collection].is_denied;
}

/* The end of its window, ahead. */
static void note_end(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                     const struct ts_desired_member *w)
{
        struct ts_end *e;

        if (!d->time_ok || w->decl->until == TS_TIME_UNSET || ts_id_is_nil(&w->id) || w->same)
                return;
        e = ts_plan_add_end(d->plan);
        e->direction = v->decl->direction;
        e->trust = v->alias;
        e->trust_id = v->id;
        e->kind = w->decl->kind;
        e->subject = w->id;
        e->name = w->decl->key;
        e->source = w->decl->source;
        e->when = w->decl->until;
        if (!d->knows_ends || d->in->last_applied->lacks_ends)
                return;
        ts_ends_compare(e, d->in->last_applied,
                        w->live || ts_last_applied_find_member(v->last_applied, collection, &w->id));
        e->is_refused = e->is_new && v->decl->observe;
}

static void diff_desired_member(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                                const struct ts_desired_member *w)
{
        note_window(d, w);
        if (w->denied) {
                if (!w->live)
                        ts_plan_add_message(d->plan, v->alias, &w->decl->source,
                                            "%s is denied by the settings: not added", w->decl->key);
                return; /* a live one has been seen to by ts_deny_plan() */
        }
        if (ts_diff_is_outside(d, w)) {
                if (!w->live && w->decl->until != TS_TIME_UNSET && w->decl->until <= d->in->now)
                        ts_plan_add_message(
                                        d->plan, v->alias, &w->decl->source,
                                        "the window of %s ended at %s: it is no member, and its entry may go",
                                        w->decl->key, ts_time_format(w->decl->until).s);
                return; /* a live one is removed with the unlisted members */
        }
        note_end(d, v, collection, w);
        if (!w->live && is_list_denied(v, collection) && ts_id_is_nil(&w->id)) {
                d->plan->complete = false; /* said once, of the list: nothing is known of this member */
        } else if (!w->live) {
                add_member(d, v, collection, w);
        } else if (w->problem != TS_PLANNED) {
                diff_troubled_member(d, v, collection, w, w->problem, w->note);
        } else if (!ts_member_is_active(w->live)) {
                diff_inactive_member(d, v, collection, w);
        } else if (is_unsure(d, w)) {
                diff_troubled_member(d, v, collection, w, TS_WAITING, WINDOW_UNSURE);
        } else if (w->decl->grants_managed) {
                diff_grants(d, v, collection, w);
        }
}

/* -------------------------------------------------------------------------------- members that have to go */

static enum ts_reason unlisted_reason(const struct ts_diffing *d, const struct ts_view *v,
                                      enum ts_collection collection, const struct ts_id *id)
{
        if (!d->was_applied || !v->last_applied || !v->last_applied->collections[collection].managed)
                return TS_REASON_CONFIG;
        return ts_last_applied_find_member(v->last_applied, collection, id) ? TS_REASON_CONFIG
                                                                            : TS_REASON_DRIFT;
}

static const char *why_not_removed(const struct ts_diffing *d, const struct ts_view *v,
                                   const struct ts_member *m)
{
        struct ts_deny_ruling r = ts_deny_rule_member(d->deny, v->live, m);

        return r.why && strcmp(r.why, TS_DENY_PROTECTED) != 0
                               ? r.why
                               : "the member is protected by the settings: it is not removed";
}

static struct ts_change *remove_member(struct ts_diffing *d, const struct ts_view *v,
                                       enum ts_collection collection, const struct ts_member *m,
                                       enum ts_reason reason, const struct ts_source *source)
{
        struct ts_change *c = member_change(d, v, member_actions[collection].remove, TS_PHASE_REMOVE, reason,
                                            NULL, m);

        c->source = *source;
        if (reason == TS_REASON_DRIFT)
                ts_change_blame(c, m->created_by, m->created);
        ts_change_count_removal(c);
        if (member_is_protected(d, v, m))
                ts_change_end(c, TS_HELD, why_not_removed(d, v, m));
        return c;
}

static const char *find_unresolved_key(const struct ts_diffing *d, const struct ts_desired_members *desired)
{
        for (size_t i = 0; i < desired->n; i++)
                if (ts_id_is_nil(&desired->items[i].id) && !desired->items[i].is_spare &&
                    !ts_diff_is_outside(d, &desired->items[i]))
                        return desired->items[i].decl->key;
        return NULL;
}

/* Rule of every removal: both sides have to be known completely. */
static void hold_if_incomplete(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                               const char *unresolved_key, struct ts_change *c)
{
        if (unresolved_key) {
                d->plan->complete = false;
                ts_change_end(c, TS_HELD,
                              TS_DIFF_NOTE(d,
                                           "it may be %s, whose id is not known: nobody is removed before "
                                           "every key of "
                                           "this collection is resolved",
                                           unresolved_key));
        } else if (v->live->collections[collection].coverage != TS_COVERAGE_COMPLETE) {
                ts_change_end(c, TS_HELD,
                              TS_DIFF_NOTE(d, "the %s of this trust could not be read completely",
                                           ts_collection_to_string(collection)));
        } else {
                ts_diff_hold(d, v, c);
        }
}

static void diff_unlisted_member(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                                 const struct ts_member *m, const char *unresolved_key)
{
        struct ts_change *c = remove_member(d, v, collection, m, unlisted_reason(d, v, collection, &m->id),
                                            &v->decl->collections[collection].source);

        if (ts_change_result(c) == TS_HELD)
                return;
        if (v->decl->report_unlisted)
                ts_change_end(c, TS_SKIPPED, "no declaration lists it (unlisted: report)");
        else
                hold_if_incomplete(d, v, collection, unresolved_key, c);
}

/* A key that meant somebody else finds this account: neither is written. */
static void diff_other_member(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                              const struct ts_member *m, const struct ts_desired_member *w)
{
        struct ts_change *c = remove_member(d, v, collection, m, TS_REASON_DRIFT, &w->decl->source);

        c->labels = w->decl->labels;
        if (ts_change_result(c) == TS_PLANNED)
                ts_change_end(c, TS_WAITING, w->note);
}

/* The end of a window that was accepted is no further removal; its own from the start is none at all. */
static void count_end(const struct ts_diffing *d, const struct ts_view *v, struct ts_change *c,
                      const struct ts_desired_member *w)
{
        const struct ts_last_applied_end *end =
                        ts_ends_find(d->in->last_applied, c->direction, &v->id, c->kind, &c->subject_id);

        c->is_accepted = end && end->when <= w->decl->until;
        if (d->knows_ends && (!c->is_accepted || end->counts))
                c->n_removals = 1;
}

/* Listed, live, and outside its window. Its own key says who it is: it waits for no other key. */
static void diff_outside_member(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection,
                                const struct ts_member *m, const struct ts_desired_member *w)
{
        bool over = is_over(d, w->decl);
        enum ts_reason reason = over ? TS_REASON_EXPIRED : unlisted_reason(d, v, collection, &m->id);
        struct ts_change *c = remove_member(d, v, collection, m, reason, &w->decl->source);

        c->labels = w->decl->labels;
        if (ts_change_result(c) == TS_HELD)
                return;
        if (over)
                count_end(d, v, c, w);
        c->note = over ? TS_DIFF_NOTE(d, "overdue since %s", ts_time_format(w->decl->until).s)
                       : TS_DIFF_NOTE(d, "its window begins at %s", ts_time_format(w->decl->from).s);
        hold_if_incomplete(d, v, collection, NULL, c);
}

/* The accounts that the entries of a collection mean, by id. */
struct listed {
        const struct ts_desired_members *desired; /* NULL: the collection is not managed */
        const char *unresolved_key;
        struct ts_map ids;
        struct ts_map others; /* accounts found by keys that used to mean another account */
};

static void listed_init(struct listed *l, const struct ts_diffing *d,
                        const struct ts_desired_members *desired)
{
        *l = (struct listed){ .desired = desired };
        if (!desired)
                return;
        l->unresolved_key = find_unresolved_key(d, desired);
        for (size_t i = 0; i < desired->n; i++) {
                const struct ts_desired_member *w = &desired->items[i];

                if (!ts_id_is_nil(&w->id))
                        ts_map_add_id(&l->ids, &w->id, (uint32_t) i);
                if (!ts_id_is_nil(&w->other) && !ts_diff_is_outside(d, w))
                        ts_map_add_id(&l->others, &w->other, (uint32_t) i);
        }
}

static void listed_done(struct listed *l)
{
        ts_map_done(&l->ids);
        ts_map_done(&l->others);
}

static const struct ts_desired_member *find_listed(const struct listed *l, const struct ts_map *ids,
                                                   const struct ts_id *id)
{
        uint32_t k = ts_map_get_id(ids, id);

        return k != TS_MAP_NONE ? &l->desired->items[k] : NULL;
}

static void diff_live_members(struct ts_diffing *d, const struct ts_view *v, enum ts_collection collection)
{
        const struct ts_members *live = &v->live->collections[collection];
        const struct ts_desired_members *desired = &v->desired->collections[collection];
        bool managed = !v->decl->absent && desired->managed;
        TS_CLEANUP(listed_done) struct listed listed;

        listed_init(&listed, d, managed ? desired : NULL);
        for (size_t i = 0; i < live->n; i++) {
                const struct ts_member *m = &live->items[i];
                const struct ts_desired_member *w = find_listed(&listed, &listed.ids, &m->id);
                const struct ts_desired_member *other = find_listed(&listed, &listed.others, &m->id);

                if ((w && w->denied) || (v->is_denied && v->live->direction == TS_TRUSTOR) ||
                    ts_deny_rule_member(d->deny, v->live, m).is_denied)
                        ts_deny_remove(d->deny, v->live, v->alias, collection, m, d->plan); /* once */
                else if (w && ts_diff_is_outside(d, w))
                        diff_outside_member(d, v, collection, m, w);
                else if (!w && other)
                        diff_other_member(d, v, collection, m, other);
                else if (managed && !w)
                        diff_unlisted_member(d, v, collection, m, listed.unresolved_key);
        }
}

void ts_diff_members(struct ts_diffing *d, const struct ts_view *v)
{
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                if (!v->decl->absent && v->desired->collections[c].managed) {
                        if (v->live && v->live->collections[c].coverage != TS_COVERAGE_COMPLETE)
                                d->plan->complete = false;
                        for (size_t i = 0; i < v->desired->collections[c].n; i++)
                                diff_desired_member(d, v, c, &v->desired->collections[c].items[i]);
                }
                if (v->live)
                        diff_live_members(d, v, c);
        }
}
