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
        const struct ts_wanted_trust *wanted;  /* NULL: no declaration names it */
        const struct ts_decl_trust *decl;      /* NULL likewise */
        const struct ts_trust *live;           /* NULL: it is not there */
        const struct ts_memory_trust *memory;  /* NULL: not remembered */
        struct ts_id id;
        const char *alias;
        bool is_denied;
};

/* ------------------------------------------------------------------------------------------------- scope */

void ts_diff_index(const struct ts_decl_organization *decl, struct ts_map *map)
{
        for (size_t i = 0; i < decl->n_trusts; i++)
                if (decl->trusts[i].direction == TS_TRUSTEE)
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

bool ts_diff_wants_users(const struct ts_decl_trust *decl, const struct ts_policy *policy,
                         const struct ts_trust_filter *filter, const struct ts_trust *trust)
{
        if (!ts_trust_filter_has(filter, decl ? decl->alias : NULL, &trust->id))
                return false;
        if (policy->deny_users.n > 0)
                return true;
        if (decl && !decl->absent && decl->users.managed)
                return true;
        return policy->protect_users.n > 0 &&
               (may_be_closed(decl, policy) || ts_ids_have(&policy->deny_organizations, &trust->id));
}

bool ts_diff_wants_care(const struct ts_policy *policy)
{
        return policy->remove_unlisted_trusts;
}

/* ----------------------------------------------------------------------------------------------- changes */

static struct ts_change *change_new(struct diff *d, const struct view *v, enum ts_action action, enum ts_phase phase,
                                    enum ts_reason reason, const struct ts_source *source)
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

/* The last word on a change that would be written: what keeps back the whole trust. */
static void hold_if_observed(struct diff *d, const struct view *v, struct ts_change *c)
{
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
                        return NOTE(d, "its member %s is protected by the settings", ts_member_label(m, &buf));
        }
        if (v->live->users.coverage != TS_COVERAGE_COMPLETE)
                return "its members could not be read completely, and one of them may be protected";
        return NULL;
}

/* What holds a change that closes a trust (disables, deletes, shortens it). */
static void guard_closing(struct diff *d, const struct view *v, struct ts_change *c)
{
        const char *why = why_protected(d, v);

        if (why) {
                change_end(c, TS_HELD, why);
        } else if (d->in->live->trusts_coverage != TS_COVERAGE_COMPLETE && c->reason != TS_REASON_DENIED) {
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
        struct ts_change *c = change_new(d, v, action, action == TS_TRUST_DELETE ? TS_PHASE_REMOVE : TS_PHASE_CLOSE,
                                         reason, source);

        c->before = (struct ts_trust_attributes){ v->live->enabled, v->live->expires };
        c->after = (struct ts_trust_attributes){ false, v->live->expires };
        c->changes_enabled = v->live->enabled;
        count_as_removal(c);
        return c;
}

static void delete_when_due(struct diff *d, const struct view *v, struct ts_change *c)
{
        int64_t after = (int64_t) (d->in->policy->delete_after_usec / TS_USEC_PER_SEC), due;

        if (!d->in->memory || !d->in->memory->writable) {
                change_end(c, TS_WAITING, "it is disabled; its deletion needs a state directory that can be written");
                return;
        }
        if (!d->time_ok) {
                change_end(c, TS_WAITING, "our clock and the server's differ: no time is acted on");
                return;
        }
        if (!v->memory || v->memory->disabled_at == 0) {
                change_end(c, TS_WAITING,
                           NOTE(d, "it is disabled; it is deleted %s after this is first recorded",
                                ts_span_format(d->in->policy->delete_after_usec).s));
                return;
        }
        due = v->memory->disabled_at + after;
        if (d->in->now < due)
                change_end(c, TS_WAITING, NOTE(d, "it is disabled; it is deleted after %s", ts_time_format(due).s));
        else
                c->note = "we cannot undo this: a new trust needs a new pairing request from the partner";
}

/* A trust that is to go: disabled first, deleted after a while. */
static void diff_closing(struct diff *d, const struct view *v, enum ts_reason reason, const struct ts_source *source)
{
        struct ts_change *c;

        if (d->in->policy->delete_after_usec == 0) {
                c = close_change(d, v, TS_TRUST_DELETE, reason, source);
                c->note = "we cannot undo this: a new trust needs a new pairing request from the partner";
        } else if (v->live->enabled) {
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
        struct ts_change *c;

        if (!v->live->enabled)
                return;
        c = close_change(d, v, TS_TRUST_DISABLE, TS_REASON_DENIED, &d->in->policy->deny_source);
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

        if (c->changes_expires && !d->time_ok)
                return "our clock and the server's differ: no expiry is acted on";
        if (opens && c->after.expires <= d->in->now)
                return "it is past its expiry: held until its declaration changes";
        if (opens && c->reason == TS_REASON_DRIFT && v->live->expires <= d->in->now)
                return "it had expired and its declaration is still the same: held until that changes";
        return NULL;
}

static void diff_attributes(struct diff *d, const struct view *v)
{
        const struct ts_decl_trust *decl = v->decl;
        struct ts_trust_attributes before = { v->live->enabled, v->live->expires }, after = before;
        bool reopened = decl->enabled == TS_UNSET && v->memory && v->memory->disabled_by_us && !before.enabled;
        struct ts_change *c;
        const char *why;

        if (decl->enabled != TS_UNSET)
                after.enabled = decl->enabled == TS_YES;
        else if (reopened)
                after.enabled = true;
        if (decl->expires != TS_TIME_UNSET)
                after.expires = decl->expires;
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
               ts_texts_name_member(&p->protect_users, &m->id, m->email);
}

static struct ts_change *member_change(struct diff *d, const struct view *v, enum ts_action action, enum ts_phase phase,
                                       enum ts_reason reason, const struct ts_wanted_member *w,
                                       const struct ts_member *live)
{
        struct ts_change *c = change_new(d, v, action, phase, reason, w ? &w->decl->source : NULL);
        struct ts_id_text buf;

        c->kind = TS_KIND_USER;
        c->subject_id = w ? w->id : live->id;
        if (w && (!live || strchr(w->decl->key, '@')))
                c->subject_name = w->decl->key;
        else
                c->subject_name = ts_arena_strdup(&d->plan->arena, ts_member_label(live, &buf));
        return c;
}

static int grant_change_compare(const void *a, const void *b, void *userdata)
{
        const struct ts_grant_change *x = a, *y = b;
        const struct ts_catalog *catalog = userdata;
        int r = strcmp(catalog->roles[x->role].name, catalog->roles[y->role].name);

        if (r == 0)
                r = ts_id_compare(&catalog->roles[x->role].id, &catalog->roles[y->role].id);
        if (r == 0 && x->division != y->division &&
            (x->division == TS_DIVISION_ALL || y->division == TS_DIVISION_ALL))
                return x->division == TS_DIVISION_ALL ? -1 : 1;
        if (r == 0)
                r = strcmp(catalog->divisions[x->division].name, catalog->divisions[y->division].name);
        if (r == 0)
                r = ts_id_compare(&catalog->divisions[x->division].id, &catalog->divisions[y->division].id);
        return r;
}

static void grant_changes_sort(const struct diff *d, struct ts_grant_changes *g)
{
        if (g->n > 1)
                qsort_r(g->items, g->n, sizeof(*g->items), grant_change_compare, (void *) &d->in->live->catalog);
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
                                          &want[k].source);
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
                enum ts_reason r = i < c->add.n ? c->add.items[i].reason : c->remove.items[i - c->add.n].reason;

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
                if (c->remove.items[i].reason != TS_REASON_DENIED && c->remove.items[i].reason != TS_REASON_EXPIRED)
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

static void diff_grants(struct diff *d, const struct view *v, const struct ts_wanted_member *w)
{
        const struct ts_memory_member *memory = ts_memory_find_user(v->memory, &w->id);
        const struct ts_member *live = w->live;
        struct ts_change *c;

        if (live->grants_coverage != TS_COVERAGE_COMPLETE) {
                d->plan->complete = false;
                return;
        }
        if (grants_equal(live->grants, live->n_grants, w->grants, w->n_grants))
                return;

        c = member_change(d, v, TS_USER_UPDATE, TS_PHASE_ADD, TS_REASON_CONFIG, w, live);
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

static void add_member(struct diff *d, const struct view *v, const struct ts_wanted_member *w)
{
        const struct ts_memory_member *memory = ts_memory_find_user(v->memory, &w->id);
        enum ts_reason reason = d->is_remembered && memory ? TS_REASON_DRIFT : TS_REASON_CONFIG;
        struct ts_change *c = member_change(d, v, TS_USER_ADD, TS_PHASE_ADD, reason, w, NULL);

        c->grants_managed = w->decl->grants_managed;
        c->grants_after = w->grants;
        c->n_after = w->n_grants;
        c->add.items = TS_ARENA_ARRAY(&d->plan->arena, struct ts_grant_change, w->n_grants);
        for (size_t i = 0; i < w->n_grants; i++)
                grant_changes_add(&c->add, &w->grants[i], reason, &w->grants[i].source);
        grant_changes_sort(d, &c->add);

        if (w->problem != TS_PLANNED)
                change_end(c, w->problem, w->note);
        else if (!v->live)
                change_end(c, TS_WAITING, "the trust does not exist yet");
        else
                hold_if_observed(d, v, c);
}

static void diff_wanted_member(struct diff *d, const struct view *v, const struct ts_wanted_member *w)
{
        struct ts_change *c;

        if (w->denied) {
                if (!w->live)
                        ts_plan_add_message(d->plan, v->alias, &w->decl->source,
                                            "%s is denied by the settings: not added", w->decl->key);
                return; /* a live one is removed with the denied members */
        }
        if (!w->live) {
                add_member(d, v, w);
        } else if (w->problem != TS_PLANNED) {
                c = member_change(d, v, TS_USER_UPDATE, TS_PHASE_ADD, TS_REASON_CONFIG, w, w->live);
                change_end(c, w->problem, w->note);
        } else if (w->decl->grants_managed) {
                diff_grants(d, v, w);
        }
}

static enum ts_reason unlisted_reason(const struct diff *d, const struct view *v, const struct ts_id *id)
{
        if (!d->is_remembered || !v->memory || !v->memory->users_managed)
                return TS_REASON_CONFIG;
        return ts_memory_find_user(v->memory, id) ? TS_REASON_CONFIG : TS_REASON_DRIFT;
}

static struct ts_change *remove_member(struct diff *d, const struct view *v, const struct ts_member *m,
                                       enum ts_reason reason, const struct ts_source *source)
{
        struct ts_change *c = member_change(d, v, TS_USER_REMOVE, TS_PHASE_REMOVE, reason, NULL, m);

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

static void diff_unlisted_member(struct diff *d, const struct view *v, const struct ts_member *m)
{
        struct ts_change *c = remove_member(d, v, m, unlisted_reason(d, v, &m->id), &v->decl->users.source);

        if (c->result == TS_HELD)
                return;
        if (v->decl->report_unlisted) {
                change_end(c, TS_SKIPPED, "no declaration lists it (unlisted: report)");
        } else if (v->live->users.coverage != TS_COVERAGE_COMPLETE) {
                d->plan->complete = false;
                change_end(c, TS_HELD, "the members of this trust could not be read completely");
        } else if (!v->wanted->users_resolved) {
                d->plan->complete = false;
                change_end(c, TS_HELD,
                           NOTE(d, "it may be %s, whose id is not known: nobody is removed before every key of "
                                   "this collection is resolved",
                                v->wanted->unresolved_key));
        } else {
                hold_if_observed(d, v, c);
        }
}

static void diff_live_members(struct diff *d, const struct view *v)
{
        const struct ts_members *live = &v->live->users;
        bool managed = v->decl && !v->decl->absent && v->decl->users.managed;
        TS_CLEANUP(ts_map_done) struct ts_map listed = TS_MAP_INIT;

        for (size_t i = 0; managed && i < v->wanted->n_users; i++)
                if (!ts_id_is_nil(&v->wanted->users[i].id))
                        ts_map_add_id(&listed, &v->wanted->users[i].id, (uint32_t) i);

        for (size_t i = 0; i < live->n; i++) {
                const struct ts_member *m = &live->items[i];
                uint32_t k = managed ? ts_map_get_id(&listed, &m->id) : TS_MAP_NONE;

                if (ts_texts_name_member(&d->in->policy->deny_users, &m->id, m->email) ||
                    (k != TS_MAP_NONE && v->wanted->users[k].denied))
                        (void) remove_member(d, v, m, TS_REASON_DENIED, &d->in->policy->deny_source);
                else if (managed && k == TS_MAP_NONE)
                        diff_unlisted_member(d, v, m);
        }
}

static void diff_members(struct diff *d, const struct view *v)
{
        if (v->decl && !v->decl->absent && v->decl->users.managed) {
                if (v->live && v->live->users.coverage != TS_COVERAGE_COMPLETE)
                        d->plan->complete = false;
                for (size_t i = 0; i < v->wanted->n_users; i++)
                        diff_wanted_member(d, v, &v->wanted->users[i]);
        }
        if (v->live)
                diff_live_members(d, v);
}

/* ------------------------------------------------------------------------------------------------- trusts */

static void diff_missing(struct diff *d, const struct view *v)
{
        struct ts_change *c = change_new(d, v, TS_TRUST_CREATE, TS_PHASE_ADD, TS_REASON_CONFIG, &v->decl->source);

        c->after = (struct ts_trust_attributes){ v->decl->enabled != TS_NO, v->decl->expires };
        if (v->decl->expires == TS_TIME_UNSET)
                c->after.expires = TS_TIME_NEVER;
        if (d->in->live->trusts_coverage != TS_COVERAGE_COMPLETE) {
                d->plan->complete = false;
                change_end(c, TS_HELD, "the list of trusts could not be read completely: it may be there");
        } else if (v->memory && v->memory->declared) {
                c->reason = TS_REASON_DRIFT;
                change_end(c, TS_HELD,
                           "it was there and is gone: it is never created again by itself; pair anew with the partner, "
                           "or declare `state: absent`");
        } else {
                change_end(c, TS_WAITING,
                           "there is no such trust yet: the partner has to create a pairing request, and it has to "
                           "be accepted here");
        }
}

static void diff_declared(struct diff *d, const struct view *v)
{
        if (!v->live) {
                if (v->decl->absent)
                        return;
                diff_missing(d, v);
        } else if (v->is_denied && v->live->enabled) {
                diff_denied_trust(d, v);
        } else if (v->decl->absent) {
                bool was_reopened = v->live->enabled && v->memory && v->memory->disabled_at > 0;

                diff_closing(d, v, was_reopened ? TS_REASON_DRIFT : TS_REASON_CONFIG, &v->decl->state_source);
        } else if (!v->is_denied) {
                diff_attributes(d, v);
        } else if (v->decl->enabled == TS_YES) {
                ts_plan_add_message(d->plan, v->alias, &v->decl->enabled_source,
                                    "the organization is denied by the settings: its trust stays disabled");
        }
        diff_members(d, v);
}

static void diff_undeclared(struct diff *d, const struct view *v)
{
        enum ts_reason reason = TS_REASON_CONFIG;
        struct ts_change *c;

        if (d->is_remembered && !(v->memory && v->memory->declared))
                reason = TS_REASON_DRIFT;

        if (v->is_denied) {
                diff_denied_trust(d, v);
        } else if (d->in->policy->remove_unlisted_trusts && !v->live->customer_care) {
                diff_closing(d, v, reason, &d->in->policy->unlisted_source);
        } else {
                c = close_change(d, v, TS_TRUST_DELETE, reason, &d->in->policy->unlisted_source);
                change_end(c, TS_SKIPPED,
                           v->live->customer_care ? "customer care: never removed unless it is declared"
                                                  : "no declaration names it (unlisted_trusts: report)");
        }
        diff_members(d, v);
}

static int change_compare(const void *a, const void *b)
{
        const struct ts_change *x = a, *y = b;
        int r;

        if (x->phase != y->phase)
                return x->phase < y->phase ? -1 : 1;
        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        r = strcmp(x->subject_name ? x->subject_name : "", y->subject_name ? y->subject_name : "");
        return r != 0 ? r : ts_id_compare(&x->subject_id, &y->subject_id);
}

static void diff_view(struct diff *d, const struct view *v)
{
        size_t first = d->plan->n_changes;

        if (v->decl)
                diff_declared(d, v);
        else
                diff_undeclared(d, v);
        if (d->plan->n_changes - first > 1)
                qsort(d->plan->changes + first, d->plan->n_changes - first, sizeof(*d->plan->changes),
                      change_compare);
}

static void view_init(struct view *v, const struct diff *d, const struct ts_wanted_trust *w, const struct ts_trust *live)
{
        *v = (struct view){ .wanted = w, .decl = w ? w->decl : NULL, .live = live };
        v->id = v->decl ? v->decl->id : live->id;
        v->alias = v->decl ? v->decl->alias : NOTE(d, "%s", ts_id_format(&v->id).s);
        v->memory = ts_memory_find_trust(d->in->memory, v->decl ? v->decl->direction : live->direction, &v->id);
        v->is_denied = ts_ids_have(&d->in->policy->deny_organizations, &v->id);
}

/* The live trusts that no declaration names; sorted by id, as live->trusts is. */
static void diff_undeclared_trusts(struct diff *d)
{
        const struct ts_live *live = d->in->live;
        TS_CLEANUP(ts_map_done) struct ts_map declared = TS_MAP_INIT;

        ts_diff_index(d->in->wanted->decl, &declared);
        for (size_t i = 0; i < live->n_trusts; i++) {
                struct view v;

                if (live->trusts[i].direction != TS_TRUSTEE ||
                    ts_map_get_id(&declared, &live->trusts[i].id) != TS_MAP_NONE ||
                    !ts_trust_filter_has(d->in->filter, NULL, &live->trusts[i].id))
                        continue;
                view_init(&v, d, NULL, &live->trusts[i]);
                diff_view(d, &v);
        }
}

static void put_messages(struct diff *d)
{
        const struct ts_wanted *w = d->in->wanted;

        for (size_t i = 0; i < w->n_messages; i++)
                ts_plan_add_message(d->plan, w->messages[i].trust, &w->messages[i].source, "%s", w->messages[i].text);
        if (!d->time_ok)
                ts_plan_add_message(d->plan, NULL, NULL,
                                    "the server's clock is %lld seconds %s ours: no expiry and no deletion is acted on "
                                    "in this cycle; check the time of this host",
                                    (long long) llabs(d->in->live->clock_skew_sec),
                                    d->in->live->clock_skew_sec > 0 ? "ahead of" : "behind");
}

struct ts_plan *ts_diff(const struct ts_diff_input *in)
{
        struct diff d = { .in = in, .plan = ts_plan_new() };

        d.is_remembered = in->memory && in->memory->status == TS_MEMORY_KNOWN;
        d.time_ok = llabs(in->live->clock_skew_sec) <= TS_CLOCK_SKEW_MAX_SEC;
        d.plan->organization = in->organization;
        d.plan->organization_id = in->live->organization_id;
        d.plan->catalog = &in->live->catalog;
        d.plan->all_drift_known = !in->memory || in->memory->status != TS_MEMORY_UNREADABLE;
        if (in->live->trusts_coverage != TS_COVERAGE_COMPLETE || !in->live->catalog.complete)
                d.plan->complete = false;

        for (size_t i = 0; i < in->wanted->n_trusts; i++) {
                struct view v;

                view_init(&v, &d, &in->wanted->trusts[i], in->wanted->trusts[i].live);
                diff_view(&d, &v);
        }
        diff_undeclared_trusts(&d);
        put_messages(&d);
        return d.plan;
}
