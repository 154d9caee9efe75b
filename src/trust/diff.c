#include "trust/diff.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

struct diff {
        const struct ts_diff_input *in;
        struct ts_plan *plan;
        bool is_remembered; /* reasons can be told apart */
        bool time_ok;
};

/* One trust, seen from all sides. */
struct view {
        const struct ts_wanted_trust *wanted; /* NULL: no declaration names it */
        const struct ts_decl_trust *decl;     /* NULL likewise */
        const struct ts_trust *live;          /* NULL: it is not there */
        const struct ts_memory_trust *memory; /* NULL: not remembered */
        struct ts_id id;
        const char *alias;
        bool is_denied;
        bool is_created; /* it is not there, and this plan makes it */
};

/* The same for each kind of member. A clone has no grants of its own, so it is never updated. */
static const struct {
        enum ts_action add, update, remove;
} member_actions[TS_COLLECTIONS] = {
        [TS_USERS] = { TS_USER_ADD, TS_USER_UPDATE, TS_USER_REMOVE },
        [TS_GROUPS] = { TS_GROUP_ADD, TS_GROUP_UPDATE, TS_GROUP_REMOVE },
        [TS_CLONES] = { TS_CLONE_ADD, TS_CLONE_ADD, TS_CLONE_REMOVE },
};

/* -------------------------------------------------------------------------------------------------- scope */

void ts_diff_index(const struct ts_decl_organization *decl, enum ts_direction direction, struct ts_map *map)
{
        for (size_t i = 0; i < decl->n_trusts; i++)
                if (decl->trusts[i].direction == direction)
                        ts_map_add_id(map, &decl->trusts[i].id, (uint32_t) i);
}

/* May this trust be disabled, deleted or expired by us? Then a protected member of it has to be known. */
static bool may_be_closed(const struct ts_decl_trust *decl, const struct ts_policy *policy)
{
        if (!decl)
                return policy->remove_unlisted_trusts;
        return decl->absent || decl->enabled == TS_NO ||
               (decl->expires != TS_TIME_UNSET && decl->expires != TS_TIME_NEVER);
}

static bool wants_users(const struct ts_decl_trust *decl, const struct ts_policy *policy,
                        const struct ts_trust *trust)
{
        if (policy->deny_users.n > 0 && trust->direction == TS_TRUSTEE)
                return true;
        if (decl && !decl->absent && (decl->users.managed || decl->clones.n > 0))
                return true; /* clones are known by the users' e-mails */
        return policy->protect_users.n > 0 &&
               (may_be_closed(decl, policy) || ts_ids_have(&policy->deny_organizations, &trust->id));
}

bool ts_diff_wants(const struct ts_decl_trust *decl, const struct ts_policy *policy,
                   const struct ts_trust_filter *filter, const struct ts_trust *trust,
                   enum ts_collection collection)
{
        if (!ts_trust_filter_has(filter, decl ? decl->alias : NULL, &trust->id))
                return false;
        if (collection == TS_USERS)
                return wants_users(decl, policy, trust);
        return decl && !decl->absent && decl->collections[collection].managed;
}

bool ts_diff_wants_care(const struct ts_decl_organization *decl, const struct ts_policy *policy)
{
        return policy->remove_unlisted_trusts || decl->care.source.file;
}

bool ts_diff_knows_time(const struct ts_live *live)
{
        return llabs(live->clock_skew_sec) <= TS_CLOCK_SKEW_MAX_SEC;
}

/* ------------------------------------------------------------------------------------------------ changes */

static struct ts_change *change_new(struct diff *d, const struct view *v, enum ts_action action,
                                    enum ts_phase phase, enum ts_reason reason,
                                    const struct ts_source *source)
{
        struct ts_change *c = ts_plan_add_change(d->plan);

        c->action = action;
        c->phase = phase;
        c->reason = reason;
        c->direction = v->decl ? v->decl->direction : v->live->direction;
        c->trust_alias = v->alias;
        c->trust_name = v->live ? v->live->name : NULL;
        c->trust_id = v->id;
        c->kind = TS_KIND_TRUST;
        if (source)
                c->source = *source;
        return c;
}

#define NOTE(d, ...) ts_arena_printf(&(d)->plan->arena, __VA_ARGS__)

static void change_end(struct ts_change *c, enum ts_result result, const char *note)
{
        c->result = result;
        c->note = note;
}

static bool is_observed(const struct view *v)
{
        return v->decl && v->decl->observe;
}

static bool is_addition(const struct ts_change *c)
{
        return c->kind != TS_KIND_TRUST && ts_action_count(c->action) == TS_COUNT_ADD;
}

/* The last word on a change that would be written: what keeps back the whole trust. */
static void hold_if_observed(struct diff *d, const struct view *v, struct ts_change *c)
{
        if (v->is_denied && c->direction == TS_TRUSTEE && c->add.n + is_addition(c) > 0)
                ts_plan_hold(d->plan, c,
                             "the organization is denied by the settings: nobody and nothing is added");
        if (is_observed(v))
                ts_plan_hold(d->plan, c, "the trust is in mode observe: planned, not applied");
}

/* ------------------------------------------------------------------------------------------- trust itself */

static const char *why_protected(const struct diff *d, const struct view *v)
{
        const struct ts_policy *p = d->in->policy;

        if (ts_ids_have(&p->protect_organizations, &v->id))
                return "the organization is protected by the settings";
        if (p->protect_users.n == 0)
                return NULL;
        for (size_t i = 0; i < v->live->users.n; i++) {
                const struct ts_member *m = &v->live->users.items[i];
                struct ts_id_text buf;

                if (ts_texts_name_member(&p->protect_users, &m->id, m->email))
                        return NOTE(d, "its member %s is protected by the settings",
                                    ts_member_label(m, &buf));
        }
        if (v->live->users.coverage != TS_COVERAGE_COMPLETE)
                return "its members could not be read completely, and one of them may be protected";
        return NULL;
}

/* The vendor's support organization is not known, and no declaration says that it is another one. */
static bool may_be_care(const struct diff *d, const struct view *v)
{
        return !v->decl && v->live->direction == TS_TRUSTEE && !v->live->customer_care &&
               d->in->live->care_coverage == TS_COVERAGE_PARTIAL;
}

/* What holds a change that closes a trust (disables, deletes, shortens it). */
static void guard_closing(struct diff *d, const struct view *v, struct ts_change *c)
{
        const char *why = why_protected(d, v);

        c->guards_members = d->in->policy->protect_users.n > 0;
        if (why) {
                change_end(c, TS_HELD, why);
        } else if (may_be_care(d, v) && c->reason != TS_REASON_DENIED) {
                d->plan->complete = false;
                change_end(c, TS_HELD, "it may be customer care, which could not be told from other trusts");
        } else if (ts_live_coverage(d->in->live, v->live->direction) != TS_COVERAGE_COMPLETE &&
                   c->reason != TS_REASON_DENIED) {
                d->plan->complete = false;
                change_end(c, TS_HELD, "the list of trusts could not be read completely");
        } else {
                hold_if_observed(d, v, c);
        }
}

static void count_as_removal(struct ts_change *c)
{
        c->counts_as_removal = true;
        c->n_removals = c->reason == TS_REASON_DENIED || c->reason == TS_REASON_EXPIRED ? 0 : 1;
}

static struct ts_change *close_change(struct diff *d, const struct view *v, enum ts_action action,
                                      enum ts_reason reason, const struct ts_source *source)
{
        struct ts_change *c =
                        change_new(d, v, action, action == TS_TRUST_DELETE ? TS_PHASE_REMOVE : TS_PHASE_CLOSE,
                                   reason, source);

        c->before = (struct ts_trust_attributes){ v->live->enabled, v->live->expires };
        c->after = (struct ts_trust_attributes){ false, v->live->expires };
        c->changes_enabled = v->live->enabled;
        if (reason == TS_REASON_DRIFT && !v->memory) { /* it is new, and that is the drift */
                c->by = v->live->created_by;
                c->by_when = v->live->created;
        }
        count_as_removal(c);
        return c;
}

static void note_boundary(struct diff *d, int64_t when)
{
        if (when > d->in->now && when < d->plan->next_boundary)
                d->plan->next_boundary = when;
}

/* What a trust is until it is deleted, and what its deletion is. */
static const char *limbo_of(const struct view *v)
{
        return v->live->direction == TS_TRUSTEE ? "it is disabled; it is deleted"
                                                : "it is to be left; it is left";
}

#define NOT_REVERSIBLE "we cannot undo this: a new trust needs a new pairing request from the trustee"

static void delete_when_due(struct diff *d, const struct view *v, struct ts_change *c)
{
        int64_t after = (int64_t) (d->in->policy->delete_after_usec / TS_USEC_PER_SEC), due;

        if (!d->in->memory || !d->in->memory->writable) {
                change_end(c, TS_WAITING,
                           NOTE(d, "%s only where the state directory can be written", limbo_of(v)));
                return;
        }
        if (!d->time_ok) {
                change_end(c, TS_WAITING, "our clock and the server's differ: no time is acted on");
                return;
        }
        if (!v->memory || v->memory->disabled_at == 0) {
                change_end(c, TS_WAITING,
                           NOTE(d, "%s %s after this is first recorded", limbo_of(v),
                                ts_span_format(d->in->policy->delete_after_usec).s));
                return;
        }
        due = v->memory->disabled_at + after;
        note_boundary(d, due);
        if (d->in->now < due)
                change_end(c, TS_WAITING, NOTE(d, "%s after %s", limbo_of(v), ts_time_format(due).s));
        else
                c->note = NOT_REVERSIBLE;
}

/* A trust that is to go: disabled first (from the trustee's side that is not possible), deleted after a
 * while. */
static void diff_closing(struct diff *d, const struct view *v, enum ts_reason reason,
                         const struct ts_source *source)
{
        struct ts_change *c;

        if (d->in->policy->delete_after_usec == 0) {
                c = close_change(d, v, TS_TRUST_DELETE, reason, source);
                c->note = NOT_REVERSIBLE;
        } else if (v->live->enabled && v->live->direction == TS_TRUSTEE) {
                c = close_change(d, v, TS_TRUST_DISABLE, reason, source);
                c->note = NOTE(d, "it is deleted %s later, which we cannot undo",
                               ts_span_format(d->in->policy->delete_after_usec).s);
        } else {
                c = close_change(d, v, TS_TRUST_DELETE, reason, source);
                delete_when_due(d, v, c);
        }
        if (c->result == TS_PLANNED)
                guard_closing(d, v, c);
}

static void diff_denied_trust(struct diff *d, const struct view *v)
{
        struct ts_change *c =
                        close_change(d, v, TS_TRUST_DISABLE, TS_REASON_DENIED, &d->in->policy->deny_source);

        guard_closing(d, v, c);
}

/* Did somebody else change what the declaration has been saying all along? */
static enum ts_reason attribute_reason(const struct diff *d, const struct view *v, const struct ts_change *c)
{
        const struct ts_memory_trust *m = v->memory;

        if (!d->is_remembered || !m || !m->declared)
                return TS_REASON_CONFIG;
        if (c->changes_enabled && (m->enabled != v->decl->enabled || m->enabled == TS_UNSET))
                return TS_REASON_CONFIG;
        if (c->changes_expires && m->expires != v->decl->expires)
                return TS_REASON_CONFIG;
        return TS_REASON_DRIFT;
}

static const char *why_not_opened(const struct diff *d, const struct view *v, const struct ts_change *c)
{
        bool opens = (c->changes_enabled && c->after.enabled) || c->after.expires > c->before.expires;
        bool had_expired = opens && v->live->expires <= d->in->now;

        if (!d->time_ok && (c->changes_expires || (opens && c->after.expires != TS_TIME_NEVER)))
                return "our clock and the server's differ: no expiry is acted on";
        if (opens && c->after.expires <= d->in->now)
                return "it is past its expiry: held until its declaration changes";
        if (had_expired && c->reason == TS_REASON_DRIFT)
                return "it had expired and its declaration is still the same: held until that changes";
        if (had_expired && d->in->memory && d->in->memory->status == TS_MEMORY_DAMAGED)
                return "it had expired, and the record that tells whether its declaration has changed is "
                       "damaged";
        return NULL;
}

static void diff_attributes(struct diff *d, const struct view *v)
{
        const struct ts_decl_trust *decl = v->decl;
        struct ts_trust_attributes before = { v->live->enabled, v->live->expires }, after = before;
        bool reopened = decl->enabled == TS_UNSET && v->memory && v->memory->disabled_by_us &&
                        !before.enabled;
        struct ts_change *c;
        const char *why;

        if (decl->enabled != TS_UNSET)
                after.enabled = decl->enabled == TS_YES;
        else if (reopened)
                after.enabled = true;
        if (decl->expires != TS_TIME_UNSET)
                after.expires = decl->expires;
        if (!d->time_ok && before.enabled && !after.enabled)
                after.expires = before.expires; /* what is disabled does not wait for the clocks to agree */
        if (after.enabled == before.enabled && after.expires == before.expires)
                return;

        c = change_new(d, v, TS_TRUST_UPDATE, TS_PHASE_OPEN, TS_REASON_CONFIG, NULL);
        c->before = before;
        c->after = after;
        c->changes_enabled = after.enabled != before.enabled;
        c->changes_expires = after.expires != before.expires;
        if (c->changes_enabled)
                c->action = after.enabled ? TS_TRUST_ENABLE : TS_TRUST_DISABLE;
        c->source = c->changes_expires ? decl->expires_source : decl->enabled_source;
        if (c->changes_enabled)
                c->source = decl->enabled == TS_UNSET ? decl->source : decl->enabled_source;
        c->reason = attribute_reason(d, v, c);
        if (reopened)
                c->note = "it was disabled to be deleted, and is declared again";

        if (c->action == TS_TRUST_DISABLE || (c->action == TS_TRUST_UPDATE && after.expires < before.expires))
                c->phase = TS_PHASE_CLOSE;
        if (c->action == TS_TRUST_DISABLE || (after.expires <= d->in->now && before.expires > d->in->now))
                count_as_removal(c);

        why = why_not_opened(d, v, c);
        if (why)
                change_end(c, TS_HELD, why);
        else if (c->action == TS_TRUST_DISABLE || after.expires < before.expires)
                guard_closing(d, v, c);
        else
                hold_if_observed(d, v, c);
}

/* ------------------------------------------------------------------------------------------------ members */

static bool role_is_denied(const struct diff *d, uint32_t role)
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

static bool member_is_protected(const struct diff *d, const struct view *v, const struct ts_member *m)
{
        const struct ts_policy *p = d->in->policy;

        return ts_ids_have(&p->protect_organizations, &v->id) ||
               (m->kind != TS_KIND_GROUP && ts_texts_name_member(&p->protect_users, &m->id, m->email));
}

static struct ts_change *member_change(struct diff *d, const struct view *v, enum ts_action action,
                                       enum ts_phase phase, enum ts_reason reason,
                                       const struct ts_wanted_member *w, const struct ts_member *live)
{
        struct ts_change *c = change_new(d, v, action, phase, reason, w ? &w->decl->source : NULL);
        struct ts_id_text buf;
        struct ts_id key;

        c->kind = w ? w->decl->kind : live->kind;
        c->subject_id = w ? w->id : live->id;
        if (w && (!live || !ts_id_parse_string(w->decl->key, &key)))
                c->subject_name = w->decl->key;
        else
                c->subject_name = ts_arena_strdup(&d->plan->arena, ts_member_label(live, &buf));
        return c;
}

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

static void grant_changes_sort(const struct diff *d, struct ts_grant_changes *g)
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

static enum ts_reason added_grant_reason(const struct diff *d, const struct ts_memory_member *m,
                                         const struct ts_grant *g)
{
        if (!d->is_remembered || !m || !m->grants_managed)
                return TS_REASON_CONFIG;
        return ts_memory_has_grant(m, ts_memory_grant_key(&d->in->live->catalog, g)) ? TS_REASON_DRIFT
                                                                                     : TS_REASON_CONFIG;
}

static enum ts_reason removed_grant_reason(const struct diff *d, const struct ts_memory_member *m,
                                           const struct ts_grant *g)
{
        if (role_is_denied(d, g->role))
                return TS_REASON_DENIED;
        if (!d->is_remembered || !m || !m->grants_managed)
                return TS_REASON_CONFIG;
        return ts_memory_has_grant(m, ts_memory_grant_key(&d->in->live->catalog, g)) ? TS_REASON_CONFIG
                                                                                     : TS_REASON_DRIFT;
}

static bool grants_equal(const struct ts_grant *a, size_t n_a, const struct ts_grant *b, size_t n_b)
{
        if (n_a != n_b)
                return false;
        for (size_t i = 0; i < n_a; i++)
                if (ts_grant_compare(&a[i], &b[i]) != 0)
                        return false;
        return true;
}

/* Merges two normalised sets into what is to be added and what is to be removed. */
static void compare_grants(struct diff *d, struct ts_change *c, const struct ts_wanted_member *w,
                           const struct ts_memory_member *memory)
{
        const struct ts_grant *have = c->grants_before, *want = w->grants;
        size_t n_have = c->n_before, n_want = w->n_grants, i = 0, k = 0;

        c->add.items = TS_ARENA_ARRAY(&d->plan->arena, struct ts_grant_change, n_want);
        c->remove.items = TS_ARENA_ARRAY(&d->plan->arena, struct ts_grant_change, n_have);
        while (i < n_have || k < n_want) {
                int r = i == n_have ? 1 : k == n_want ? -1 : ts_grant_compare(&have[i], &want[k]);

                if (r < 0) {
                        grant_changes_add(&c->remove, &have[i], removed_grant_reason(d, memory, &have[i]),
                                          &w->decl->source);
                        i++;
                } else if (r > 0) {
                        grant_changes_add(&c->add, &want[k], added_grant_reason(d, memory, &want[k]),
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
static void keep_grants_of_protected(struct diff *d, struct ts_change *c)
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
        if (grants_equal(c->grants_before, c->n_before, c->grants_after, c->n_after)) {
                c->add.n = 0; /* a single division of a role that is held in all of them */
                change_end(c, TS_HELD, "the member is protected by the settings: it loses nothing");
        } else {
                c->note = "the member is protected by the settings: it only gains";
                c->reason = reason_of_grants(c);
        }
}

static void diff_grants(struct diff *d, const struct view *v, enum ts_collection collection,
                        const struct ts_wanted_member *w)
{
        const struct ts_memory_member *memory = ts_memory_find_member(v->memory, collection, &w->id);
        const struct ts_member *live = w->live;
        struct ts_change *c;

        if (live->grants_coverage != TS_COVERAGE_COMPLETE) {
                d->plan->complete = false;
                return;
        }
        if (grants_equal(live->grants, live->n_grants, w->grants, w->n_grants))
                return;

        c = member_change(d, v, member_actions[collection].update, TS_PHASE_ADD, TS_REASON_CONFIG, w, live);
        c->grants_managed = true;
        c->grants_before = live->grants;
        c->n_before = live->n_grants;
        c->grants_after = w->grants;
        c->n_after = w->n_grants;
        compare_grants(d, c, w, memory);
        c->reason = reason_of_grants(c);
        if (c->remove.n > 0) {
                c->phase = TS_PHASE_REDUCE;
                if (member_is_protected(d, v, live))
                        keep_grants_of_protected(d, c);
        }
        if (c->remove.n == 0)
                c->phase = TS_PHASE_ADD;
        count_grant_removals(c);
        hold_if_observed(d, v, c);
}

/* ------------------------------------------------------------------------------------------------ windows */

/* While the clocks disagree no window is acted on. */
static bool is_window_unsure(const struct diff *d, const struct ts_decl_member *m)
{
        return !d->time_ok && (m->from != TS_TIME_UNSET || m->until != TS_TIME_UNSET);
}

/* Outside its window a member is not declared; with two keys for one member it is not known which of them
 * counts. */
static bool is_outside(const struct diff *d, const struct ts_wanted_member *w)
{
        return d->time_ok && !w->same && ts_decl_member_is_outside(w->decl, d->in->now);
}

static bool is_over(const struct diff *d, const struct ts_decl_member *m)
{
        return m->until != TS_TIME_UNSET && d->in->now >= m->until;
}

static void note_window(struct diff *d, const struct ts_decl_member *m)
{
        if (m->from != TS_TIME_UNSET)
                note_boundary(d, m->from);
        if (m->until != TS_TIME_UNSET)
                note_boundary(d, m->until);
}

/* --------------------------------------------------------------------------------------- declared members */

/* What keeps a member from being added just now. */
static void guard_adding(struct diff *d, const struct view *v, const struct ts_wanted_member *w,
                         struct ts_change *c)
{
        if (w->problem != TS_PLANNED)
                change_end(c, w->problem, w->note);
        else if (!v->live && !v->is_created)
                change_end(c, TS_WAITING, "the trust does not exist yet");
        else if (c->kind == TS_KIND_CLONE && c->direction == TS_TRUSTEE)
                change_end(c, TS_WAITING,
                           "a clone can be made only by the trustee: it is declared there, under `trustors`");
        else if (is_window_unsure(d, w->decl))
                change_end(c, TS_WAITING, "our clock and the server's differ: no window is acted on");
        else
                hold_if_observed(d, v, c);
}

static void add_member(struct diff *d, const struct view *v, enum ts_collection collection,
                       const struct ts_wanted_member *w)
{
        const struct ts_memory_member *memory = ts_memory_find_member(v->memory, collection, &w->id);
        enum ts_reason reason = d->is_remembered && memory ? TS_REASON_DRIFT : TS_REASON_CONFIG;
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

static bool has_denied_role(const struct diff *d, const struct ts_member *m)
{
        for (size_t i = 0; i < m->n_grants; i++)
                if (role_is_denied(d, m->grants[i].role))
                        return true;
        return false;
}

/* Its declaration cannot be carried out, so it stays as it is: but for what is denied. */
static void diff_troubled_member(struct diff *d, const struct view *v, enum ts_collection collection,
                                 const struct ts_wanted_member *w)
{
        struct ts_wanted_member kept = *w;
        struct ts_change *c;

        if (w->decl->grants_managed && (!w->same || w->same == w) && has_denied_role(d, w->live)) {
                kept.n_grants = 0;
                kept.grants = TS_ARENA_ARRAY(&d->plan->arena, struct ts_grant, w->live->n_grants);
                for (size_t i = 0; i < w->live->n_grants; i++)
                        if (!role_is_denied(d, w->live->grants[i].role))
                                kept.grants[kept.n_grants++] = w->live->grants[i];
                ts_plan_add_message(d->plan, v->alias, &w->decl->source, "%s", w->note);
                diff_grants(d, v, collection, &kept);
                return;
        }
        c = member_change(d, v, member_actions[collection].update, TS_PHASE_ADD, TS_REASON_CONFIG, w,
                          w->live);
        change_end(c, w->problem, w->note);
}

static void diff_wanted_member(struct diff *d, const struct view *v, enum ts_collection collection,
                               const struct ts_wanted_member *w)
{
        note_window(d, w->decl);
        if (w->denied) {
                if (!w->live)
                        ts_plan_add_message(d->plan, v->alias, &w->decl->source,
                                            "%s is denied by the settings: not added", w->decl->key);
                return; /* a live one is removed with the denied members */
        }
        if (is_outside(d, w))
                return; /* a live one is removed with the unlisted members */
        if (!w->live) {
                add_member(d, v, collection, w);
        } else if (w->problem != TS_PLANNED) {
                diff_troubled_member(d, v, collection, w);
        } else if (w->decl->grants_managed) {
                diff_grants(d, v, collection, w);
        }
}

/* -------------------------------------------------------------------------------- members that have to go */

static enum ts_reason unlisted_reason(const struct diff *d, const struct view *v,
                                      enum ts_collection collection, const struct ts_id *id)
{
        if (!d->is_remembered || !v->memory || !v->memory->collections[collection].managed)
                return TS_REASON_CONFIG;
        return ts_memory_find_member(v->memory, collection, id) ? TS_REASON_CONFIG : TS_REASON_DRIFT;
}

static struct ts_change *remove_member(struct diff *d, const struct view *v, enum ts_collection collection,
                                       const struct ts_member *m, enum ts_reason reason,
                                       const struct ts_source *source)
{
        struct ts_change *c = member_change(d, v, member_actions[collection].remove, TS_PHASE_REMOVE, reason,
                                            NULL, m);

        c->source = *source;
        if (reason == TS_REASON_DRIFT) {
                c->by = m->created_by;
                c->by_when = m->created;
        }
        count_as_removal(c);
        if (member_is_protected(d, v, m))
                change_end(c, TS_HELD, "the member is protected by the settings: it is not removed");
        return c;
}

static const char *find_unresolved_key(const struct diff *d, const struct ts_wanted_members *wanted)
{
        for (size_t i = 0; i < wanted->n; i++)
                if (ts_id_is_nil(&wanted->items[i].id) && !is_outside(d, &wanted->items[i]))
                        return wanted->items[i].decl->key;
        return NULL;
}

/* Rule of every removal: both sides have to be known completely. */
static void hold_if_incomplete(struct diff *d, const struct view *v, enum ts_collection collection,
                               const char *unresolved_key, struct ts_change *c)
{
        if (unresolved_key) {
                d->plan->complete = false;
                change_end(c, TS_HELD,
                           NOTE(d,
                                "it may be %s, whose id is not known: nobody is removed before every key of "
                                "this collection is resolved",
                                unresolved_key));
        } else if (v->live->collections[collection].coverage != TS_COVERAGE_COMPLETE) {
                d->plan->complete = false;
                change_end(c, TS_HELD,
                           NOTE(d, "the %s of this trust could not be read completely",
                                ts_collection_to_string(collection)));
        } else {
                hold_if_observed(d, v, c);
        }
}

static void diff_unlisted_member(struct diff *d, const struct view *v, enum ts_collection collection,
                                 const struct ts_member *m, const char *unresolved_key)
{
        struct ts_change *c = remove_member(d, v, collection, m, unlisted_reason(d, v, collection, &m->id),
                                            &v->decl->collections[collection].source);

        if (c->result == TS_HELD)
                return;
        if (v->decl->report_unlisted)
                change_end(c, TS_SKIPPED, "no declaration lists it (unlisted: report)");
        else
                hold_if_incomplete(d, v, collection, unresolved_key, c);
}

/* Listed, live, and outside its window. */
static void diff_outside_member(struct diff *d, const struct view *v, enum ts_collection collection,
                                const struct ts_member *m, const struct ts_wanted_member *w,
                                const char *unresolved_key)
{
        bool over = is_over(d, w->decl);
        enum ts_reason reason = over ? TS_REASON_EXPIRED : unlisted_reason(d, v, collection, &m->id);
        struct ts_change *c = remove_member(d, v, collection, m, reason, &w->decl->source);

        if (c->result == TS_HELD)
                return;
        c->note = over ? NOTE(d, "overdue since %s", ts_time_format(w->decl->until).s)
                       : NOTE(d, "its window begins at %s", ts_time_format(w->decl->from).s);
        hold_if_incomplete(d, v, collection, unresolved_key, c);
}

static void diff_live_members(struct diff *d, const struct view *v, enum ts_collection collection)
{
        const struct ts_members *live = &v->live->collections[collection];
        const struct ts_wanted_members *wanted = v->wanted ? &v->wanted->collections[collection] : NULL;
        bool managed = v->decl && !v->decl->absent && wanted->managed;
        const char *unresolved_key = managed ? find_unresolved_key(d, wanted) : NULL;
        TS_CLEANUP(ts_map_done) struct ts_map listed = TS_MAP_INIT;

        for (size_t i = 0; managed && i < wanted->n; i++)
                if (!ts_id_is_nil(&wanted->items[i].id))
                        ts_map_add_id(&listed, &wanted->items[i].id, (uint32_t) i);

        for (size_t i = 0; i < live->n; i++) {
                const struct ts_member *m = &live->items[i];
                uint32_t k = managed ? ts_map_get_id(&listed, &m->id) : TS_MAP_NONE;
                const struct ts_wanted_member *w = k != TS_MAP_NONE ? &wanted->items[k] : NULL;

                if ((w && w->denied) || (m->kind != TS_KIND_GROUP && v->live->direction == TS_TRUSTEE &&
                                         ts_texts_name_member(&d->in->policy->deny_users, &m->id, m->email)))
                        (void) remove_member(d, v, collection, m, TS_REASON_DENIED,
                                             &d->in->policy->deny_source);
                else if (w && is_outside(d, w))
                        diff_outside_member(d, v, collection, m, w, unresolved_key);
                else if (managed && !w)
                        diff_unlisted_member(d, v, collection, m, unresolved_key);
        }
}

static void diff_members(struct diff *d, const struct view *v)
{
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                if (v->decl && !v->decl->absent && v->wanted->collections[c].managed) {
                        if (v->live && v->live->collections[c].coverage != TS_COVERAGE_COMPLETE)
                                d->plan->complete = false;
                        for (size_t i = 0; i < v->wanted->collections[c].n; i++)
                                diff_wanted_member(d, v, c, &v->wanted->collections[c].items[i]);
                }
                if (v->live)
                        diff_live_members(d, v, c);
        }
}

/* ------------------------------------------------------------------------------------------------- trusts */

/* How many would be members from the start: a trust without any is refused. */
static size_t count_first_members(const struct diff *d, const struct view *v)
{
        size_t n = 0;

        for (enum ts_collection c = TS_USERS; c <= TS_GROUPS; c++)
                for (size_t i = 0; i < v->wanted->collections[c].n; i++) {
                        const struct ts_wanted_member *w = &v->wanted->collections[c].items[i];

                        n += w->problem == TS_PLANNED && !w->denied && !is_outside(d, w) &&
                             !is_window_unsure(d, w->decl);
                }
        return n;
}

/* Rule of all trusts that were there once: they do not come back by themselves. */
static bool was_there(const struct view *v)
{
        const struct ts_decl_pairing *p = &v->decl->pairing;

        if (!v->memory || !v->memory->declared)
                return false;
        return !p->source.file || p->automatic || ts_id_equal(&p->id, &v->memory->pairing.id);
}

static int id_compare(const void *a, const void *b)
{
        return ts_id_compare(a, b);
}

/* The people who ask to come in, sorted. */
static size_t put_people(struct diff *d, const struct ts_wanted_members *m, struct ts_id **ret)
{
        size_t n = 0;

        *ret = TS_ARENA_ARRAY(&d->plan->arena, struct ts_id, m->n);
        for (size_t i = 0; i < m->n; i++)
                if (m->items[i].problem == TS_PLANNED && !m->items[i].denied && !is_outside(d, &m->items[i]))
                        (*ret)[n++] = m->items[i].id;
        qsort(*ret, n, sizeof(**ret), id_compare);
        return n;
}

static struct ts_change *pairing_change(struct diff *d, const struct view *v, const struct ts_source *source,
                                        const struct ts_wanted_members *users,
                                        const struct ts_wanted_members *groups)
{
        struct ts_change *c = change_new(d, v, TS_PAIRING_CREATE, TS_PHASE_ADD, TS_REASON_CONFIG, source);

        c->kind = TS_KIND_PAIRING;
        c->n_pairing_users = put_people(d, users, &c->pairing_users);
        c->n_pairing_groups = put_people(d, groups, &c->pairing_groups);
        return c;
}

/* Our own request that is remembered, when it can still be used. */
static const struct ts_pairing *find_open_pairing(const struct diff *d, const struct view *v)
{
        const struct ts_pairing *p;

        if (!v->memory || ts_id_is_nil(&v->memory->pairing.id))
                return NULL;
        p = ts_live_find_pairing(d->in->live, &v->memory->pairing.id);
        return p && p->state == TS_PAIRING_OPEN ? p : NULL;
}

static bool pairing_is_unread(const struct diff *d, const struct view *v)
{
        const struct ts_pairing *p =
                        v->memory ? ts_live_find_pairing(d->in->live, &v->memory->pairing.id) : NULL;

        return p && p->state == TS_PAIRING_UNREAD;
}

static const char *why_request_unusable(struct diff *d, const struct view *v, enum ts_result *ret)
{
        const struct ts_pairing *p = v->wanted->pairing;

        if (!p && d->in->live->is_offline)
                return NULL;
        *ret = TS_FAILED;
        if (!p || p->state == TS_PAIRING_UNREAD)
                return "its pairing request could not be read";
        if (p->state == TS_PAIRING_OPEN && !ts_id_equal(&p->trustee, &v->id))
                return NOTE(d,
                            "its pairing request is of organization %s (%s), not of the declared one: "
                            "nothing is created",
                            ts_id_format(&p->trustee).s, p->trustee_name ? p->trustee_name : "no name");
        *ret = TS_WAITING;
        return p->state == TS_PAIRING_GONE
                               ? "its pairing request was used or has expired: ask the partner for a new one "
                                 "and write its id under `pairing`"
                               : NULL;
}

/* Everything that keeps a trust from being created; NULL: nothing does. */
static const char *why_not_created(struct diff *d, const struct view *v, enum ts_result *ret)
{
        const struct ts_decl_trust *decl = v->decl;

        *ret = TS_HELD;
        if (d->in->live->trusts_coverage != TS_COVERAGE_COMPLETE) {
                d->plan->complete = false;
                return "the list of trusts could not be read completely: it may be there";
        }
        if (was_there(v))
                return "it was there and is gone: it is never created again by itself; pair anew with the "
                       "partner, or declare `state: absent`";
        if (v->is_denied)
                return "the organization is denied by the settings";
        if (!d->time_ok && decl->expires != TS_TIME_UNSET && decl->expires != TS_TIME_NEVER)
                return "our clock and the server's differ: no expiry is acted on";
        if (decl->expires != TS_TIME_UNSET && decl->expires <= d->in->now)
                return "it would be past its expiry: held until its declaration changes";
        *ret = TS_WAITING;
        if (!decl->pairing.source.file)
                return "there is no such trust yet: the partner has to create a pairing request; write its "
                       "id under `pairing`";
        if (!decl->pairing.automatic) {
                const char *why = why_request_unusable(d, v, ret);

                if (why)
                        return why;
        }
        *ret = TS_WAITING;
        if (count_first_members(d, v) == 0)
                return "a trust cannot be created without a member, and none of the declared ones is known";
        if (!decl->pairing.automatic)
                return NULL;
        *ret = TS_FAILED;
        if (!v->wanted->holds_partner)
                return "`pairing: auto` needs a client of the partner's organization in the settings";
        if (pairing_is_unread(d, v))
                return "the pairing request that we made could not be read";
        *ret = TS_HELD;
        return v->wanted->partner_note;
}

static bool diff_missing(struct diff *d, const struct view *v)
{
        const struct ts_decl_trust *decl = v->decl;
        const struct ts_pairing *open = find_open_pairing(d, v);
        enum ts_result result;
        const char *why = why_not_created(d, v, &result);
        struct ts_change *c;

        if (!why && decl->pairing.automatic && !open) {
                c = pairing_change(d, v, &decl->pairing.source, &v->wanted->users, &v->wanted->groups);
                c->note = "made in the partner's organization, by its client in the settings";
                hold_if_observed(d, v, c);
        }
        c = change_new(d, v, TS_TRUST_CREATE, TS_PHASE_ADD, TS_REASON_CONFIG, &decl->source);
        c->after = (struct ts_trust_attributes){ decl->enabled != TS_NO, decl->expires };
        if (decl->expires == TS_TIME_UNSET)
                c->after.expires = TS_TIME_NEVER;
        if (decl->pairing.source.file && !decl->pairing.automatic)
                c->pairing_id = decl->pairing.id;
        else if (open)
                c->pairing_id = open->id;
        if (d->in->live->is_offline && !decl->pairing.automatic)
                c->note = "whether its pairing request is good shows only online";
        if (was_there(v))
                c->reason = TS_REASON_DRIFT;
        if (why)
                change_end(c, result, why);
        else
                hold_if_observed(d, v, c);
        return !why;
}

/* ----------------------------------------------------------------------------------------------- trustors */

static bool has_people(const struct ts_members *m, const struct ts_id *ids, size_t n)
{
        if (m->n != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!ts_members_find(m, &ids[i]))
                        return false;
        return true;
}

static const struct ts_wanted_member *find_problem(const struct ts_wanted_members *m)
{
        for (size_t i = 0; i < m->n; i++)
                if (m->items[i].problem != TS_PLANNED)
                        return &m->items[i];
        return NULL;
}

/* A pairing request of ours is kept open until the partner has used it. */
static void diff_request(struct diff *d, const struct view *v)
{
        const struct ts_wanted_trust *w = v->wanted;
        struct ts_change *c =
                        pairing_change(d, v, &v->decl->request.source, &w->request_users, &w->request_groups);
        const struct ts_wanted_member *problem = find_problem(&w->request_users);
        const struct ts_pairing *open = find_open_pairing(d, v);
        uint32_t n_created = v->memory ? v->memory->pairing.n_created : 0;
        bool is_same = open && has_people(&open->users, c->pairing_users, c->n_pairing_users) &&
                       has_people(&open->groups, c->pairing_groups, c->n_pairing_groups);

        if (!problem)
                problem = find_problem(&w->request_groups);
        if (problem)
                change_end(c, TS_FAILED, problem->note);
        else if (pairing_is_unread(d, v))
                change_end(c, TS_FAILED, "the pairing request that we made could not be read");
        else if (is_same)
                change_end(c, TS_WAITING,
                           NOTE(d,
                                "pairing request %s is open: the partner creates the trust with it before %s",
                                ts_id_format(&open->id).s,
                                open->created == TS_TIME_UNSET
                                                ? "it lapses"
                                                : ts_time_format(open->created + TS_PAIRING_LIFE_SEC).s));
        else if (n_created > TS_PAIRING_RENEWALS_MAX)
                change_end(c, TS_WAITING,
                           NOTE(d,
                                "our pairing request was renewed %u times and never used: ask the partner, "
                                "then remove `request` for one cycle to begin anew",
                                TS_PAIRING_RENEWALS_MAX));
        else if (!d->in->memory || !d->in->memory->writable)
                change_end(c, TS_WAITING,
                           "a pairing request is made only where the state directory can keep its id");
        else
                hold_if_observed(d, v, c);
        if (is_same)
                c->pairing_id = open->id;
        else if (n_created > 0 && c->result == TS_PLANNED)
                c->note = NOTE(d, "renewal %u of %u", (unsigned) n_created, TS_PAIRING_RENEWALS_MAX);
}

static void diff_missing_trustor(struct diff *d, const struct view *v)
{
        struct ts_change *c;

        if (ts_live_coverage(d->in->live, TS_TRUSTOR) == TS_COVERAGE_COMPLETE &&
            !(v->memory && v->memory->declared) && v->decl->request.source.file) {
                diff_request(d, v);
                return;
        }
        c = change_new(d, v, TS_TRUST_CREATE, TS_PHASE_ADD, TS_REASON_CONFIG, &v->decl->source);
        c->after = (struct ts_trust_attributes){ true, TS_TIME_NEVER };
        if (ts_live_coverage(d->in->live, TS_TRUSTOR) != TS_COVERAGE_COMPLETE) {
                d->plan->complete = false;
                change_end(c, TS_HELD, "the list of trustors could not be read completely: it may be there");
        } else if (v->memory && v->memory->declared) {
                c->reason = TS_REASON_DRIFT;
                change_end(c, TS_HELD,
                           "it was there and is gone: nothing is asked of the partner by itself; pair anew, "
                           "or declare `state: absent`");
        } else {
                change_end(c, TS_WAITING,
                           "there is no such trust: only the partner can create it, with a pairing request "
                           "of ours (declare `request`)");
        }
}

/* Roles that nobody declared and that no list of grants shows. */
static void warn_of_unasked(struct diff *d, const struct view *v)
{
        if (v->live->uses_default_role && !v->live->customer_care)
                ts_plan_add_message(d->plan, v->alias, &v->decl->source,
                                    "ALARM: the trust reports a default role that nobody declared: its users "
                                    "may hold more than what is shown; look at it in the admin screen");
        if (v->live->has_full_access && !v->live->customer_care)
                ts_plan_add_message(d->plan, v->alias, &v->decl->source,
                                    "ALARM: the trust reports full access, which nobody declared; look at it "
                                    "in the admin screen");
}

static void diff_declared(struct diff *d, struct view *v)
{
        bool was_reopened = v->live && v->live->enabled && v->memory && v->memory->disabled_at > 0;

        if (!v->live) {
                if (v->decl->absent)
                        return;
                if (v->decl->direction == TS_TRUSTOR)
                        diff_missing_trustor(d, v);
                else
                        v->is_created = diff_missing(d, v);
        } else if (v->decl->direction == TS_TRUSTOR) {
                if (v->decl->absent)
                        diff_closing(d, v, TS_REASON_CONFIG, &v->decl->state_source);
        } else if (v->is_denied && v->live->enabled) {
                diff_denied_trust(d, v);
        } else if (v->decl->absent) {
                diff_closing(d, v, was_reopened ? TS_REASON_DRIFT : TS_REASON_CONFIG, &v->decl->state_source);
        } else if (!v->is_denied) {
                diff_attributes(d, v);
        } else if (v->decl->enabled == TS_YES) {
                ts_plan_add_message(d->plan, v->alias, &v->decl->enabled_source,
                                    "the organization is denied by the settings: its trust stays disabled");
        }
        if (v->live && v->decl->direction == TS_TRUSTEE)
                warn_of_unasked(d, v);
        diff_members(d, v);
}

static bool care_is_managed(const struct diff *d, const struct ts_trust *t)
{
        return t->customer_care && d->in->wanted->decl->care.source.file;
}

static void diff_undeclared(struct diff *d, const struct view *v)
{
        const struct ts_decl_care *care = &d->in->wanted->decl->care;
        bool is_managed = v->live->direction == TS_TRUSTEE ? d->in->wanted->decl->trustees_managed
                                                           : d->in->wanted->decl->trustors_managed;
        enum ts_reason reason = TS_REASON_CONFIG;
        struct ts_change *c;

        if (d->is_remembered && !(v->memory && v->memory->declared) &&
            !(v->live->customer_care && d->in->memory->care_declared))
                reason = TS_REASON_DRIFT;

        if (v->is_denied && v->live->enabled && v->live->direction == TS_TRUSTEE) {
                diff_denied_trust(d, v);
        } else if (care_is_managed(d, v->live)) {
                if (care->absent)
                        diff_closing(d, v, reason, &care->source);
        } else if (is_managed && d->in->policy->remove_unlisted_trusts && !v->live->customer_care) {
                diff_closing(d, v, reason, &d->in->policy->unlisted_source);
        } else if (is_managed) {
                c = close_change(d, v, TS_TRUST_DELETE, reason, &d->in->policy->unlisted_source);
                change_end(c, TS_SKIPPED,
                           v->live->customer_care ? "customer care: never removed unless it is declared"
                                                  : "no declaration names it (unlisted_trusts: report)");
        }
        diff_members(d, v);
}

/* ------------------------------------------------------------------------------------------ customer care */

static const struct ts_trust *find_care(const struct ts_live *live)
{
        for (size_t i = 0; i < live->n_trusts; i++)
                if (live->trusts[i].customer_care && live->trusts[i].direction == TS_TRUSTEE)
                        return &live->trusts[i];
        return NULL;
}

/* The options apply when it is created; the API has no way to change them later. */
static void compare_care(struct diff *d, const struct ts_trust *t)
{
        const struct ts_decl_care *care = &d->in->wanted->decl->care;
        bool expires = t->expires != TS_TIME_NEVER;

        if (t->uses_default_role != care->assign_default_role)
                ts_plan_add_message(d->plan, "customer_care", &care->source,
                                    "customer care has %s default role, which cannot be changed any more",
                                    t->uses_default_role ? "the" : "no");
        if (expires != care->auto_expire)
                ts_plan_add_message(d->plan, "customer_care", &care->source,
                                    "customer care %s, which cannot be changed any more",
                                    expires ? "expires by itself" : "does not expire by itself");
}

static void diff_care(struct diff *d)
{
        const struct ts_decl_care *care = &d->in->wanted->decl->care;
        struct ts_change *c;

        if (!care->source.file || (d->in->filter && d->in->filter->n > 0))
                return;
        if (d->in->live->care_coverage != TS_COVERAGE_COMPLETE)
                d->plan->complete = false;
        if (!care->absent && find_care(d->in->live))
                compare_care(d, find_care(d->in->live));
        if (care->absent || find_care(d->in->live))
                return;

        c = ts_plan_add_change(d->plan);
        c->action = TS_CARE_CREATE;
        c->phase = TS_PHASE_ADD;
        c->trust_alias = "customer_care";
        c->source = care->source;
        c->after = (struct ts_trust_attributes){ true, TS_TIME_NEVER };
        c->assign_default_role = care->assign_default_role;
        c->auto_expire = care->auto_expire;
        if (d->in->live->care_coverage != TS_COVERAGE_COMPLETE ||
            d->in->live->trusts_coverage != TS_COVERAGE_COMPLETE) {
                change_end(c, TS_HELD, "it could not be read whether customer care is there");
        } else if (d->is_remembered && d->in->memory->care_declared) {
                c->reason = TS_REASON_DRIFT;
                change_end(c, TS_HELD,
                           "it was there and is gone: it is never let in again by itself; remove "
                           "`customer_care` for one cycle to begin anew");
        }
}

/* Could there be a removal or reduction that this plan does not know? */
static bool is_partly_unknown(const struct view *v)
{
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                const struct ts_wanted_members *wanted = &v->wanted->collections[c];

                if (!wanted->managed)
                        continue;
                if (v->live->collections[c].coverage != TS_COVERAGE_COMPLETE)
                        return true;
                for (size_t i = 0; i < wanted->n; i++)
                        if (ts_wanted_member_needs_grants(&wanted->items[i]) &&
                            wanted->items[i].problem == TS_PLANNED &&
                            wanted->items[i].live->grants_coverage != TS_COVERAGE_COMPLETE)
                                return true;
        }
        return false;
}

static bool keeps_something(const struct ts_change *c)
{
        return c->held.n > 0 ||
               (c->result == TS_HELD && (c->phase == TS_PHASE_REMOVE || c->phase == TS_PHASE_REDUCE));
}

/* A trust is opened only when nobody is left in it who should not be: the removals that are not going to be
 * made count. */
static void hold_opening(struct diff *d, const struct view *v, size_t first)
{
        const char *note = NULL;
        size_t i;

        for (i = first; i < d->plan->n_changes && d->plan->changes[i].phase != TS_PHASE_OPEN; i++)
                ;
        if (i == d->plan->n_changes)
                return;
        if (is_partly_unknown(v))
                note = "it is opened only when its members are known completely";
        for (size_t k = first; k < d->plan->n_changes && !note; k++)
                if (keeps_something(&d->plan->changes[k]))
                        note = "it is opened only after every removal and reduction in it, and one of them "
                               "is held";
        if (note)
                ts_plan_hold(d->plan, &d->plan->changes[i], note);
}

static int change_compare(const void *a, const void *b)
{
        const struct ts_change *x = a, *y = b;
        int r;

        if (x->phase != y->phase)
                return x->phase < y->phase ? -1 : 1;
        if ((x->kind == TS_KIND_PAIRING) != (y->kind == TS_KIND_PAIRING))
                return x->kind == TS_KIND_PAIRING ? -1 : 1; /* the trust is made from it */
        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        r = strcmp(x->subject_name ? x->subject_name : "", y->subject_name ? y->subject_name : "");
        return r != 0 ? r : ts_id_compare(&x->subject_id, &y->subject_id);
}

static void diff_view(struct diff *d, struct view *v)
{
        size_t first = d->plan->n_changes;

        if (v->decl)
                diff_declared(d, v);
        else
                diff_undeclared(d, v);
        hold_opening(d, v, first);
        if (d->plan->n_changes - first > 1)
                qsort(d->plan->changes + first, d->plan->n_changes - first, sizeof(*d->plan->changes),
                      change_compare);
}

static void view_init(struct view *v, const struct diff *d, const struct ts_wanted_trust *w,
                      const struct ts_trust *live)
{
        *v = (struct view){ .wanted = w, .decl = w ? w->decl : NULL, .live = live };
        v->id = v->decl ? v->decl->id : live->id;
        v->alias = v->decl ? v->decl->alias : NOTE(d, "%s", ts_id_format(&v->id).s);
        v->memory = ts_memory_find_trust(d->in->memory, v->decl ? v->decl->direction : live->direction,
                                         &v->id);
        v->is_denied = ts_ids_have(&d->in->policy->deny_organizations, &v->id);
}

/* A list of trusts that no declaration manages is left alone; what `deny` asks for goes on all the same. */
static bool is_of_interest(const struct diff *d, const struct ts_trust *t)
{
        const struct ts_decl_organization *decl = d->in->wanted->decl;

        if (t->direction == TS_TRUSTOR)
                return decl->trustors_managed;
        return decl->trustees_managed || care_is_managed(d, t) || d->in->policy->deny_users.n > 0 ||
               ts_ids_have(&d->in->policy->deny_organizations, &t->id);
}

/* The live trusts that no declaration names; sorted by direction, then id, as live->trusts is. */
static void diff_undeclared_trusts(struct diff *d)
{
        const struct ts_live *live = d->in->live;
        TS_CLEANUP(ts_map_done) struct ts_map trustees = TS_MAP_INIT;
        TS_CLEANUP(ts_map_done) struct ts_map trustors = TS_MAP_INIT;

        ts_diff_index(d->in->wanted->decl, TS_TRUSTEE, &trustees);
        ts_diff_index(d->in->wanted->decl, TS_TRUSTOR, &trustors);
        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];
                const struct ts_map *declared = t->direction == TS_TRUSTEE ? &trustees : &trustors;
                struct view v;

                if (ts_map_get_id(declared, &t->id) != TS_MAP_NONE ||
                    !ts_trust_filter_has(d->in->filter, NULL, &t->id) || !is_of_interest(d, t))
                        continue;
                view_init(&v, d, NULL, t);
                diff_view(d, &v);
        }
}

static void put_messages(struct diff *d)
{
        const struct ts_wanted *w = d->in->wanted;

        if (d->plan->next_boundary != TS_TIME_NEVER)
                ts_plan_add_message(d->plan, NULL, NULL,
                                    "the next window begins or ends, or deletion is due, at %s",
                                    ts_time_format(d->plan->next_boundary).s);
        ts_plan_add_messages(d->plan, w->messages, w->n_messages);
        if (!d->time_ok)
                ts_plan_add_message(d->plan, NULL, NULL,
                                    "the server's clock is %lld seconds %s ours: no window, no expiry and no "
                                    "deletion is acted on in this cycle; check the time of this host",
                                    (long long) llabs(d->in->live->clock_skew_sec),
                                    d->in->live->clock_skew_sec > 0 ? "ahead of" : "behind");
}

struct ts_plan *ts_diff(const struct ts_diff_input *in)
{
        struct diff d = { .in = in, .plan = ts_plan_new() };

        d.is_remembered = in->memory && in->memory->status == TS_MEMORY_KNOWN;
        d.time_ok = ts_diff_knows_time(in->live);
        d.plan->organization = in->organization;
        d.plan->organization_id = in->live->organization_id;
        d.plan->catalog = &in->live->catalog;
        d.plan->all_drift_known = !in->memory || in->memory->status != TS_MEMORY_UNREADABLE;
        if (in->live->trusts_coverage != TS_COVERAGE_COMPLETE || !in->live->catalog.complete ||
            (in->wanted->decl->trustors_managed && in->live->trustors_coverage != TS_COVERAGE_COMPLETE))
                d.plan->complete = false;

        for (size_t i = 0; i < in->wanted->n_trusts; i++) {
                struct view v;

                view_init(&v, &d, &in->wanted->trusts[i], in->wanted->trusts[i].live);
                diff_view(&d, &v);
        }
        diff_undeclared_trusts(&d);
        diff_care(&d);
        put_messages(&d);
        return d.plan;
}
