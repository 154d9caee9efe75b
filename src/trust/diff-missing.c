#include "trust/diff-parts.h"

#include <stdlib.h>

/* --------------------------------------------------------------------------------------- pairing requests */

static int id_compare(const void *a, const void *b)
{
        return ts_id_compare(a, b);
}

/* The people who ask to come in, sorted. */
static size_t put_people(struct ts_diffing *d, const struct ts_desired_members *m, struct ts_id **ret)
{
        size_t n = 0;

        *ret = TS_ARENA_ARRAY(&d->plan->arena, struct ts_id, m->n);
        for (size_t i = 0; i < m->n; i++)
                if (m->items[i].problem == TS_PLANNED && !m->items[i].denied &&
                    !ts_diff_is_outside(d, &m->items[i]))
                        (*ret)[n++] = m->items[i].id;
        qsort(*ret, n, sizeof(**ret), id_compare);
        return n;
}

static struct ts_change *pairing_change(struct ts_diffing *d, const struct ts_view *v,
                                        const struct ts_source *source,
                                        const struct ts_desired_members *users,
                                        const struct ts_desired_members *groups)
{
        struct ts_change *c = ts_diff_change(d, v, TS_PAIRING_CREATE, TS_PHASE_ADD, TS_REASON_CONFIG, source);

        c->kind = TS_KIND_PAIRING;
        c->n_pairing_users = put_people(d, users, &c->pairing_users);
        c->n_pairing_groups = put_people(d, groups, &c->pairing_groups);
        return c;
}

/* Our own recorded request, if it can still be used. */
static const struct ts_pairing *find_open_pairing(const struct ts_diffing *d, const struct ts_view *v)
{
        const struct ts_pairing *p;

        if (!v->last_applied || ts_id_is_nil(&v->last_applied->pairing.id))
                return NULL;
        p = ts_live_find_pairing(d->in->live, &v->last_applied->pairing.id);
        return p && p->state == TS_PAIRING_OPEN ? p : NULL;
}

static bool pairing_is_unread(const struct ts_diffing *d, const struct ts_view *v)
{
        const struct ts_pairing *p =
                        v->last_applied ? ts_live_find_pairing(d->in->live, &v->last_applied->pairing.id)
                                        : NULL;

        return p && p->state == TS_PAIRING_UNREAD;
}

/* ----------------------------------------------------------------------------------------------- trustees */

/* How many would be members from the start: a trust without any is refused. */
static size_t count_first_members(const struct ts_diffing *d, const struct ts_view *v)
{
        size_t n = 0;

        for (enum ts_collection c = TS_USERS; c <= TS_GROUPS; c++)
                for (size_t i = 0; i < v->desired->collections[c].n; i++) {
                        const struct ts_desired_member *w = &v->desired->collections[c].items[i];

                        n += w->problem == TS_PLANNED && !w->denied && !ts_diff_is_outside(d, w) &&
                             !ts_diff_is_window_unsure(d, w->decl);
                }
        return n;
}

/* Rule of all trusts that were there once: they do not come back by themselves. */
static bool was_there(const struct ts_view *v)
{
        const struct ts_decl_pairing *p = &v->decl->pairing;

        if (!v->last_applied || !v->last_applied->declared)
                return false;
        return !p->source.file || p->automatic || ts_id_equal(&p->id, &v->last_applied->pairing.id);
}

static const char *why_request_unusable(struct ts_diffing *d, const struct ts_view *v, enum ts_result *ret)
{
        const struct ts_pairing *p = v->desired->pairing;

        if (!p && d->in->live->is_offline)
                return NULL;
        *ret = TS_FAILED;
        if (!p || p->state == TS_PAIRING_UNREAD)
                return "its pairing request could not be read";
        if (p->state == TS_PAIRING_OPEN && !ts_id_equal(&p->trustee, &v->id))
                return TS_DIFF_NOTE(
                                d,
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
static const char *why_not_created(struct ts_diffing *d, const struct ts_view *v, enum ts_result *ret)
{
        const struct ts_decl_trust *decl = v->decl;

        *ret = TS_HELD;
        if (d->in->live->trusts_coverage != TS_COVERAGE_COMPLETE)
                return "the list of trusts could not be read completely: it may be there";
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
        if (!v->desired->holds_partner)
                return "`pairing: auto` needs a client of the partner's organization in the settings";
        if (pairing_is_unread(d, v))
                return "the pairing request that we made could not be read";
        *ret = TS_HELD;
        return v->desired->partner_note;
}

/* Addresses are visible only inside a trust: it stays disabled until all members were screened. */
static void open_later(struct ts_diffing *d, const struct ts_view *v, struct ts_change *create)
{
        enum ts_reason reason = create->reason;
        struct ts_trust_attributes after = create->after;
        struct ts_change *c;

        create->after.enabled = false;
        create->note = "created disabled: it is enabled when its members were read, as `deny` names an "
                       "e-mail";
        c = ts_diff_change(d, v, TS_TRUST_ENABLE, TS_PHASE_OPEN, reason, &v->decl->source);
        c->before = (struct ts_trust_attributes){ false, after.expires };
        c->after = after;
        c->changes_enabled = true;
        ts_diff_hold(d, v, c);
}

bool ts_diff_missing_trustee(struct ts_diffing *d, const struct ts_view *v)
{
        const struct ts_decl_trust *decl = v->decl;
        const struct ts_pairing *open = find_open_pairing(d, v);
        enum ts_result result;
        const char *why = why_not_created(d, v, &result);
        struct ts_change *c;

        if (!why && decl->pairing.automatic && !open) {
                c = pairing_change(d, v, &decl->pairing.source, &v->desired->users, &v->desired->groups);
                c->note = "made in the partner's organization, by its client in the settings";
                ts_diff_hold(d, v, c);
        }
        c = ts_diff_change(d, v, TS_TRUST_CREATE, TS_PHASE_ADD, TS_REASON_CONFIG, &decl->source);
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
                ts_change_end(c, result, why);
        else
                ts_diff_hold(d, v, c);
        if (!why && c->after.enabled && ts_deny_has_emails(d->in->policy))
                open_later(d, v, c);
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

static const struct ts_desired_member *find_problem(const struct ts_desired_members *m)
{
        for (size_t i = 0; i < m->n; i++)
                if (m->items[i].problem != TS_PLANNED && !m->items[i].denied)
                        return &m->items[i];
        return NULL;
}

/* Nobody is left to ask for, because of `deny`. */
static bool is_emptied_by_deny(const struct ts_change *c, const struct ts_desired_members *users)
{
        bool any = false;

        for (size_t i = 0; i < users->n; i++)
                any = any || users->items[i].denied;
        return any && c->n_pairing_users + c->n_pairing_groups == 0;
}

/* A pairing request of ours is kept open until the partner has used it. */
static void diff_request(struct ts_diffing *d, const struct ts_view *v)
{
        const struct ts_desired_trust *w = v->desired;
        struct ts_change *c =
                        pairing_change(d, v, &v->decl->request.source, &w->request_users, &w->request_groups);
        const struct ts_desired_member *problem = find_problem(&w->request_users);
        const struct ts_pairing *open = find_open_pairing(d, v);
        uint32_t n_created = v->last_applied ? v->last_applied->pairing.n_created : 0;
        bool is_same = open && has_people(&open->users, c->pairing_users, c->n_pairing_users) &&
                       has_people(&open->groups, c->pairing_groups, c->n_pairing_groups);

        if (!problem)
                problem = find_problem(&w->request_groups);
        if (v->is_denied)
                ts_change_end(c, TS_HELD,
                              "the organization is denied by the settings: nothing is asked of it");
        else if (is_emptied_by_deny(c, &w->request_users))
                ts_change_end(c, TS_HELD, "everybody it would name is denied by the settings");
        else if (problem)
                ts_change_end(c, TS_FAILED, problem->note);
        else if (pairing_is_unread(d, v))
                ts_change_end(c, TS_FAILED, "the pairing request that we made could not be read");
        else if (is_same)
                ts_change_end(c, TS_WAITING,
                              TS_DIFF_NOTE(d,
                                           "pairing request %s is open: the partner creates the trust with "
                                           "it before %s",
                                           ts_id_format(&open->id).s,
                                           open->created == TS_TIME_UNSET
                                                           ? "it lapses"
                                                           : ts_time_format(open->created +
                                                                            TS_PAIRING_LIFE_SEC)
                                                                             .s));
        else if (n_created > TS_PAIRING_RENEWALS_MAX)
                ts_change_end(c, TS_WAITING,
                              TS_DIFF_NOTE(d,
                                           "our pairing request was renewed %u times and never used: ask the "
                                           "partner, "
                                           "then remove `request` for one cycle to begin anew",
                                           TS_PAIRING_RENEWALS_MAX));
        else if (!d->in->last_applied || !d->in->last_applied->writable)
                ts_change_end(c, TS_WAITING,
                              "a pairing request is made only where the state directory can keep its id");
        else
                ts_diff_hold(d, v, c);
        if (is_same)
                c->pairing_id = open->id;
        else if (n_created > 0 && ts_change_result(c) == TS_PLANNED)
                c->note = TS_DIFF_NOTE(d, "renewal %u of %u", (unsigned) n_created, TS_PAIRING_RENEWALS_MAX);
}

void ts_diff_missing_trustor(struct ts_diffing *d, const struct ts_view *v)
{
        struct ts_change *c;

        if (ts_live_coverage(d->in->live, TS_TRUSTOR) == TS_COVERAGE_COMPLETE &&
            !(v->last_applied && v->last_applied->declared) && v->decl->request.source.file) {
                diff_request(d, v);
                return;
        }
        c = ts_diff_change(d, v, TS_TRUST_CREATE, TS_PHASE_ADD, TS_REASON_CONFIG, &v->decl->source);
        c->after = (struct ts_trust_attributes){ true, TS_TIME_NEVER };
        if (ts_live_coverage(d->in->live, TS_TRUSTOR) != TS_COVERAGE_COMPLETE) {
                ts_change_end(c, TS_HELD,
                              "the list of trustors could not be read completely: it may be there");
        } else if (v->last_applied && v->last_applied->declared) {
                c->reason = TS_REASON_DRIFT;
                ts_change_end(c, TS_HELD,
                              "it was there and is gone: nothing is asked of the partner by itself; pair "
                              "anew, "
                              "or declare `state: absent`");
        } else {
                ts_change_end(c, TS_WAITING,
                              "there is no such trust: only the partner can create it, with a pairing "
                              "request "
                              "of ours (declare `request`)");
        }
}
