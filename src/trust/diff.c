#include "trust/diff.h"

#include <stdlib.h>
#include <string.h>

#include "trust/diff-parts.h"
#include "trust/ends.h"
#include "util/sorted.h"

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

static bool wants_users(const struct ts_decl_trust *decl, const struct ts_policy *policy)
{
        if (decl && !decl->absent &&
            (decl->users.managed || decl->clones.n > 0 ||
             (decl->clones.managed && policy->protect_users.n > 0)))
                return true; /* clones are known by the users' e-mails */
        return policy->protect_users.n > 0 && may_be_closed(decl, policy);
}

bool ts_diff_wants(const struct ts_decl_trust *decl, const struct ts_policy *policy,
                   const struct ts_trust_filter *filter, const struct ts_trust *trust,
                   enum ts_collection collection)
{
        if (!ts_trust_filter_has(filter, decl ? decl->alias : NULL, &trust->id))
                return false;
        if (ts_deny_wants(policy, trust, collection))
                return true;
        if (collection == TS_USERS)
                return wants_users(decl, policy);
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

/* --------------------------------------------------------------------------------------------- attributes */

/* Did somebody else change what the declaration has been saying all along? */
static enum ts_reason attribute_reason(const struct ts_diffing *d, const struct ts_view *v,
                                       const struct ts_change *c)
{
        const struct ts_last_applied_trust *m = v->last_applied;

        if (!d->was_applied || !m || !m->declared)
                return TS_REASON_CONFIG;
        if (c->changes_enabled && (m->enabled != v->decl->enabled || m->enabled == TS_UNSET))
                return TS_REASON_CONFIG;
        if (c->changes_expires && m->expires != v->decl->expires)
                return TS_REASON_CONFIG;
        return TS_REASON_DRIFT;
}

static const char *why_not_opened(const struct ts_diffing *d, const struct ts_view *v,
                                  const struct ts_change *c)
{
        bool opens = (c->changes_enabled && c->after.enabled) || c->after.expires > c->before.expires;
        bool had_expired = opens && v->live->expires <= d->in->now;

        if (!d->time_ok && (c->changes_expires || (opens && c->after.expires != TS_TIME_NEVER)))
                return "our clock and the server's differ: no expiry is acted on";
        if (opens && c->after.expires <= d->in->now)
                return "it is past its expiry: held until its declaration changes";
        if (had_expired && c->reason == TS_REASON_DRIFT)
                return "it had expired and its declaration is still the same: held until that changes";
        if (had_expired && d->in->last_applied && ts_last_applied_is_lost(d->in->last_applied))
                return "it had expired, and the record that tells whether its declaration has changed cannot "
                       "be read";
        return NULL;
}

static const struct ts_id nobody;

/* An end is put on a trust that is there: also one that ended, by us, at another time. */
static bool ends_access(const struct ts_diffing *d, const struct ts_view *v, const struct ts_change *c)
{
        const struct ts_last_applied_end *old;

        if (!c->changes_expires || c->after.expires == TS_TIME_NEVER || c->before.expires <= d->in->now)
                return false;
        old = ts_ends_find(d->in->last_applied, v->decl->direction, &v->id, TS_KIND_TRUST, &nobody);
        return c->after.expires < c->before.expires || (old && old->counts);
}

/* The end of a trust, when it is ahead. @c: the change that makes it; NULL: it is there. */
static void note_trust_end(struct ts_diffing *d, const struct ts_view *v, const struct ts_change *c)
{
        int64_t when = c ? c->after.expires : v->live->expires;
        const struct ts_last_applied_end *old;
        struct ts_end *e;

        if (!d->time_ok || when == TS_TIME_NEVER || when <= d->in->now)
                return;
        old = ts_ends_find(d->in->last_applied, v->decl->direction, &v->id, TS_KIND_TRUST, &nobody);
        e = ts_plan_add_end(d->plan);
        e->direction = v->decl->direction;
        e->trust = v->alias;
        e->trust_id = v->id;
        e->kind = TS_KIND_TRUST;
        e->source = v->decl->expires_source;
        e->when = when;
        e->before = v->live->expires;
        e->is_new = c && c->falls_at > 0 && c->reason != TS_REASON_DRIFT;
        e->counts = e->is_new || (old && old->counts);
}

static void diff_attributes(struct ts_diffing *d, const struct ts_view *v)
{
        const struct ts_decl_trust *decl = v->decl;
        struct ts_trust_attributes before = { v->live->enabled, v->live->expires }, after = before;
        bool reopened = decl->enabled == TS_UNSET && v->last_applied && v->last_applied->disabled_by_us &&
                        !before.enabled;
        struct ts_change *c;
        const char *why;

        if (decl->enabled != TS_UNSET)
                after.enabled = decl->enabled == TS_YES;
        else if (reopened)
                after.enabled = true;
        if (decl->expires != TS_TIME_UNSET && !ts_expiry_is_same(decl->expires, before.expires))
                after.expires = decl->expires;
        if (!d->time_ok && before.enabled && !after.enabled)
                after.expires = before.expires; /* what is disabled does not wait for the clocks to agree */
        if (after.enabled == before.enabled && after.expires == before.expires) {
                note_trust_end(d, v, NULL);
                return;
        }

        c = ts_diff_change(d, v, TS_TRUST_UPDATE, TS_PHASE_OPEN, TS_REASON_CONFIG, NULL);
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
        if (c->action == TS_TRUST_DISABLE || ends_access(d, v, c)) {
                ts_change_count_removal(c);
                if (c->action != TS_TRUST_DISABLE && after.expires > d->in->now)
                        c->falls_at = after.expires;
        }

        why = why_not_opened(d, v, c);
        if (why)
                ts_change_end(c, TS_HELD, why);
        else if (c->action == TS_TRUST_DISABLE || after.expires < before.expires)
                ts_diff_guard_closing(d, v, c);
        else
                ts_diff_hold(d, v, c);
        note_trust_end(d, v, ts_change_result(c) == TS_PLANNED ? c : NULL);
}

/* ------------------------------------------------------------------------------------------------- trusts */

/* Roles that nobody declared and that no list of grants shows. */
static void warn_of_unasked(struct ts_diffing *d, const struct ts_view *v)
{
        if (v->live->uses_default_role && !v->live->customer_care)
                ts_plan_add_message(d->plan, v->alias, &v->decl->source,
                                    "ALARM: the trust reports a default role that nobody declared: its users "
                                    "may hold more than what is shown; look at it in the admin screen");
        if (v->live->has_full_access && !v->live->customer_care)
                ts_plan_add_message(d->plan, v->alias, &v->decl->source,
                                    "ALARM: the trust reports full access, which nobody declared; look at it "
                                    "in the admin screen");
        if (v->live->is_trusted_user && !v->live->customer_care)
                ts_plan_add_message(
                                d->plan, v->alias, &v->decl->source,
                                "ALARM: the trust reports trusted user access, which nobody declared: its "
                                "users may hold more than what is shown; look at it in the admin screen");
}

static void diff_declared(struct ts_diffing *d, struct ts_view *v)
{
        bool was_reopened =
                        v->live && v->live->enabled && v->last_applied && v->last_applied->disabled_at > 0;

        if (!v->live) {
                if (v->decl->absent)
                        return;
                if (v->decl->direction == TS_TRUSTOR)
                        ts_diff_missing_trustor(d, v);
                else
                        v->is_created = ts_diff_missing_trustee(d, v);
        } else if (v->decl->direction == TS_TRUSTOR) {
                if (v->decl->absent)
                        ts_diff_close(d, v, TS_REASON_CONFIG, &v->decl->state_source);
        } else if (v->is_closed_by_deny) {
                ; /* the next cycle sees to the rest */
        } else if (v->decl->absent) {
                ts_diff_close(d, v, was_reopened ? TS_REASON_DRIFT : TS_REASON_CONFIG,
                              &v->decl->state_source);
        } else if (!v->is_denied) {
                diff_attributes(d, v);
        } else if (v->decl->enabled == TS_YES) {
                ts_plan_add_message(d->plan, v->alias, &v->decl->enabled_source,
                                    "the organization is denied by the settings: its trust stays disabled");
        }
        if (v->live && v->decl->direction == TS_TRUSTEE)
                warn_of_unasked(d, v);
        ts_diff_members(d, v);
}

static bool care_is_managed(const struct ts_diffing *d, const struct ts_trust *t)
{
        return t->customer_care && d->in->desired->decl->care.source.file;
}

static void diff_undeclared(struct ts_diffing *d, const struct ts_view *v)
{
        const struct ts_decl_care *care = &d->in->desired->decl->care;
        bool is_managed = v->live->direction == TS_TRUSTEE ? d->in->desired->decl->trustees_managed
                                                           : d->in->desired->decl->trustors_managed;
        enum ts_reason reason = TS_REASON_CONFIG;
        struct ts_change *c;

        if (d->was_applied && !(v->last_applied && v->last_applied->declared) &&
            !(v->live->customer_care && d->in->last_applied->care_declared))
                reason = TS_REASON_DRIFT;

        if (v->is_closed_by_deny)
                return;
        if (care_is_managed(d, v->live)) {
                if (care->absent)
                        ts_diff_close(d, v, reason, &care->source);
        } else if (is_managed && d->in->policy->remove_unlisted_trusts && !v->live->customer_care) {
                ts_diff_close(d, v, reason, &d->in->policy->unlisted_source);
        } else if (is_managed) {
                c = ts_diff_close_change(d, v, TS_TRUST_DELETE, reason, &d->in->policy->unlisted_source);
                ts_change_end(c, TS_SKIPPED,
                              v->live->customer_care ? "customer care: never removed unless it is declared"
                                                     : "no declaration names it (unlisted_trusts: report)");
        }
}

/* -------------------------------------------------------------------------------------------------- order */

/* Could there be a removal or reduction that this plan does not know? */
static bool is_partly_unknown(const struct ts_view *v)
{
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                const struct ts_desired_members *desired = &v->desired->collections[c];

                if (!desired->managed)
                        continue;
                if (v->live->collections[c].coverage != TS_COVERAGE_COMPLETE)
                        return true;
                for (size_t i = 0; i < desired->n; i++)
                        if (ts_desired_member_needs_grants(&desired->items[i]) &&
                            desired->items[i].problem == TS_PLANNED &&
                            desired->items[i].live->grants_coverage != TS_COVERAGE_COMPLETE)
                                return true;
        }
        return false;
}

static bool keeps_something(const struct ts_change *c)
{
        return c->held.n > 0 || (ts_change_result(c) == TS_HELD &&
                                 (c->phase == TS_PHASE_REMOVE || c->phase == TS_PHASE_REDUCE));
}

/* A trust is opened only when nobody is left in it who should not be: the removals that are not going to be
 * made count. */
static void hold_opening(struct ts_diffing *d, const struct ts_view *v, size_t first)
{
        const char *note = NULL;
        size_t i;

        for (i = first; i < d->plan->n_changes && d->plan->changes[i].phase != TS_PHASE_OPEN; i++)
                ;
        if (i == d->plan->n_changes)
                return;
        if (v->live && is_partly_unknown(v))
                note = "it is opened only when its members are known completely";
        for (size_t k = first; k < d->plan->n_changes && !note; k++)
                if (keeps_something(&d->plan->changes[k]))
                        note = "it is opened only after every removal and reduction in it, and one of them "
                               "is held";
        if (note)
                ts_plan_hold(d->plan, &d->plan->changes[i], note);
}

/* A request comes first: its trust is made from it. */
static int rank_of(const struct ts_change *c)
{
        return c->kind == TS_KIND_PAIRING ? -1 : (int) c->kind;
}

static const char *name_of(const struct ts_change *c)
{
        return c->subject_name ? c->subject_name : "";
}

static int change_compare(const void *a, const void *b)
{
        const struct ts_change *x = a, *y = b;
        int x_rank = rank_of(x), y_rank = rank_of(y), by_name = strcmp(name_of(x), name_of(y));
        int r = TS_ORDER(x->phase, y->phase);

        if (r == 0)
                r = TS_ORDER(x_rank, y_rank);
        if (r == 0)
                r = by_name;
        return r != 0 ? r : ts_id_compare(&x->subject_id, &y->subject_id);
}

/* ------------------------------------------------------------------------------------------ customer care */

/* The options apply when it is created; the API has no way to change them later. */
static void compare_care(struct ts_diffing *d, const struct ts_trust *t)
{
        const struct ts_decl_care *care = &d->in->desired->decl->care;
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

/* Which organization customer care is shows only once it is there: a denied one that is known to be none is
 * one whose trust is there and is another. */
static bool may_be_denied_care(const struct ts_diffing *d)
{
        const struct ts_ids *denied = &d->in->policy->deny_organizations;

        for (size_t i = 0; i < denied->n; i++)
                if (!ts_live_find_trust(d->in->live, TS_TRUSTEE, &denied->items[i]))
                        return true;
        return false;
}

static void diff_care(struct ts_diffing *d)
{
        const struct ts_decl_care *care = &d->in->desired->decl->care;
        const struct ts_trust *there = ts_live_find_care(d->in->live);
        struct ts_change *c;

        if (!care->source.file || (d->in->filter && d->in->filter->n > 0))
                return;
        if (d->in->live->care_coverage != TS_COVERAGE_COMPLETE)
                d->plan->complete = false;
        if (!care->absent && there)
                compare_care(d, there);
        if (care->absent || there)
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
                ts_change_end(c, TS_HELD, "it could not be read whether customer care is there");
        } else if (may_be_denied_care(d)) {
                ts_change_end(c, TS_HELD,
                              "`deny` names an organization that may be customer care: that shows only after "
                              "it "
                              "was let in");
        } else if (d->was_applied && d->in->last_applied->care_declared) {
                c->reason = TS_REASON_DRIFT;
                ts_change_end(c, TS_HELD,
                              "it was there and is gone: it is never let in again by itself; remove "
                              "`customer_care` for one cycle to begin anew");
        }
}

/* --------------------------------------------------------------------------------------------------- diff */

static void view_init(struct ts_view *v, const struct ts_diffing *d, const struct ts_desired_trust *w,
                      const struct ts_trust *live)
{
        *v = (struct ts_view){ .desired = w, .decl = w ? w->decl : NULL, .live = live };
        v->id = v->decl ? v->decl->id : live->id;
        v->alias = v->decl ? v->decl->alias : TS_DIFF_NOTE(d, "%s", ts_id_format(&v->id).s);
        v->last_applied = ts_last_applied_find_trust(d->in->last_applied,
                                                     v->decl ? v->decl->direction : live->direction, &v->id);
        v->is_denied = ts_ids_have(&d->in->policy->deny_organizations, &v->id);
}

/* What `deny` does to a trust stands among the other changes of it. */
static void copy_denied(struct ts_diffing *d, struct ts_view *v)
{
        for (size_t i = 0; i < d->denied->n_changes && v->live; i++) {
                const struct ts_change *c = &d->denied->changes[i];
                struct ts_change *copy;

                if (c->direction != v->live->direction || !ts_id_equal(&c->trust_id, &v->id))
                        continue;
                copy = ts_plan_add_change(d->plan);
                *copy = *c;
                copy->trust_alias = v->alias;
                copy->subject_name = ts_arena_strdup(&d->plan->arena, c->subject_name);
                copy->note = ts_arena_strdup(&d->plan->arena, c->note);
                if (ts_change_outcome(c)->sent)
                        copy->n_removals = 0; /* on record */
                v->is_closed_by_deny = v->is_closed_by_deny || c->kind == TS_KIND_TRUST;
        }
}

static void diff_view(struct ts_diffing *d, struct ts_view *v)
{
        size_t first = d->plan->n_changes;

        copy_denied(d, v);
        if (v->decl)
                diff_declared(d, v);
        else
                diff_undeclared(d, v);
        hold_opening(d, v, first);
        TS_SORT(d->plan->changes + first, d->plan->n_changes - first, change_compare);
}

/* A list of trusts that no declaration manages is left alone; what `deny` asks for goes on all the same. */
static bool is_of_interest(const struct ts_diffing *d, const struct ts_trust *t)
{
        const struct ts_decl_organization *decl = d->in->desired->decl;

        for (size_t i = 0; i < d->denied->n_changes; i++)
                if (d->denied->changes[i].direction == t->direction &&
                    ts_id_equal(&d->denied->changes[i].trust_id, &t->id))
                        return true;
        if (t->direction == TS_TRUSTOR)
                return decl->trustors_managed;
        return decl->trustees_managed || care_is_managed(d, t);
}

/* The live trusts that no declaration names; sorted by direction, then id, as live->trusts is. */
static void diff_undeclared_trusts(struct ts_diffing *d)
{
        const struct ts_live *live = d->in->live;
        TS_CLEANUP(ts_map_done) struct ts_map trustees = TS_MAP_INIT;
        TS_CLEANUP(ts_map_done) struct ts_map trustors = TS_MAP_INIT;

        ts_diff_index(d->in->desired->decl, TS_TRUSTEE, &trustees);
        ts_diff_index(d->in->desired->decl, TS_TRUSTOR, &trustors);
        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];
                const struct ts_map *declared = t->direction == TS_TRUSTEE ? &trustees : &trustors;
                struct ts_view v;

                if (ts_map_get_id(declared, &t->id) != TS_MAP_NONE ||
                    !ts_trust_filter_has(d->in->filter, NULL, &t->id) || !is_of_interest(d, t))
                        continue;
                view_init(&v, d, NULL, t);
                diff_view(d, &v);
        }
}

static void put_messages(struct ts_diffing *d)
{
        const struct ts_desired *w = d->in->desired;

        if (d->plan->next_boundary != TS_TIME_NEVER)
                ts_plan_add_finding(d->plan, TS_MESSAGE_NOTE, NULL, NULL, 0,
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

static struct ts_plan *diff(struct ts_diffing d)
{
        const struct ts_diff_input *in = d.in;

        d.was_applied = in->last_applied && in->last_applied->status == TS_LAST_APPLIED_KNOWN;
        d.time_ok = ts_diff_knows_time(in->live);
        d.knows_ends = in->last_applied && in->last_applied->status != TS_LAST_APPLIED_UNREADABLE;
        d.plan->organization = in->organization;
        d.plan->organization_id = in->live->organization_id;
        d.plan->catalog = &in->live->catalog;
        d.plan->all_drift_known = !in->last_applied || in->last_applied->status != TS_LAST_APPLIED_UNREADABLE;
        /* Whatever is held because of a list of trusts is of a plan that says so here. */
        if (in->live->trusts_coverage != TS_COVERAGE_COMPLETE || !in->live->catalog.complete ||
            (in->desired->decl->trustors_managed && in->live->trustors_coverage != TS_COVERAGE_COMPLETE))
                d.plan->complete = false;

        for (size_t i = 0; i < in->desired->n_trusts; i++) {
                struct ts_view v;

                view_init(&v, &d, &in->desired->trusts[i], in->desired->trusts[i].live);
                diff_view(&d, &v);
        }
        diff_undeclared_trusts(&d);
        diff_care(&d);
        put_messages(&d);
        return d.plan;
}

struct ts_plan *ts_diff(const struct ts_diff_input *in)
{
        TS_CLEANUP(ts_deny_done) struct ts_deny deny = { 0 };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *denied = NULL;

        if (in->deny)
                return diff((struct ts_diffing){
                                .in = in, .plan = ts_plan_new(), .deny = in->deny, .denied = in->denied });
        ts_deny_begin(&deny, in->policy, in->last_applied, &in->live->organization_id, in->now);
        ts_deny_see_live(&deny, in->live);
        ts_deny_learn(&deny);
        denied = ts_plan_new();
        ts_deny_plan(&deny, in->live, in->desired->decl, in->filter, denied);
        return diff((struct ts_diffing){ .in = in, .plan = ts_plan_new(), .deny = &deny, .denied = denied });
}
