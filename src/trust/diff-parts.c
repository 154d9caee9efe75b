#include "trust/diff-parts.h"

struct ts_change *ts_diff_change(struct ts_diffing *d, const struct ts_view *v, enum ts_action action,
                                 enum ts_phase phase, enum ts_reason reason, const struct ts_source *source)
{
        struct ts_change *c = ts_plan_add_change(d->plan);

        c->action = action;
        c->phase = phase;
        c->reason = reason;
        c->direction = v->decl ? v->decl->direction : v->live->direction;
        c->trust_alias = v->alias;
        c->trust_name = v->live ? v->live->name : NULL;
        c->trust_id = v->id;
        c->trust_labels = v->decl ? v->decl->labels : NULL;
        c->kind = TS_KIND_TRUST;
        if (source)
                c->source = *source;
        return c;
}

static bool is_observed(const struct ts_view *v)
{
        return v->decl && v->decl->observe;
}

static bool is_addition(const struct ts_change *c)
{
        return c->kind != TS_KIND_TRUST && ts_action_count(c->action) == TS_COUNT_ADD;
}

/* The last word on a change that would be written: what keeps back the whole trust. */
void ts_diff_hold(struct ts_diffing *d, const struct ts_view *v, struct ts_change *c)
{
        if (v->is_denied && c->add.n + is_addition(c) > 0)
                ts_plan_hold(d->plan, c,
                             "the organization is denied by the settings: nobody and nothing is added");
        if (is_observed(v))
                ts_plan_hold(d->plan, c, "the trust is in mode observe: planned, not applied");
}

void ts_diff_note_boundary(struct ts_diffing *d, int64_t when)
{
        if (when > d->in->now && when < d->plan->next_boundary)
                d->plan->next_boundary = when;
}

/* While the clocks disagree no window is acted on. */
bool ts_diff_is_window_unsure(const struct ts_diffing *d, const struct ts_decl_member *m)
{
        return !d->time_ok && (m->from != TS_TIME_UNSET || m->until != TS_TIME_UNSET);
}

/* Outside its window a member is not declared; with two keys for one member it is not known which of them
 * counts. */
bool ts_diff_is_outside(const struct ts_diffing *d, const struct ts_desired_member *w)
{
        return d->time_ok && !w->same && ts_decl_member_is_outside(w->decl, d->in->now);
}
