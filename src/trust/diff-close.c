#include "trust/diff-parts.h"

/* The vendor's support organization is not known, and no declaration says that it is another one. */
static bool may_be_care(const struct ts_diffing *d, const struct ts_view *v)
{
        return !v->decl && v->live->direction == TS_TRUSTEE && !v->live->customer_care &&
               d->in->live->care_coverage == TS_COVERAGE_PARTIAL;
}

/* What holds a change that closes a trust (disables, deletes, shortens it). */
void ts_diff_guard_closing(struct ts_diffing *d, const struct ts_view *v, struct ts_change *c)
{
        const char *why = ts_deny_why_kept(d->deny, v->live, &d->plan->arena);

        c->guards_members = d->in->policy->protect_users.n > 0;
        if (why) {
                ts_change_end(c, TS_HELD, why);
        } else if (may_be_care(d, v)) {
                d->plan->complete = false;
                ts_change_end(c, TS_HELD,
                              "it may be customer care, which could not be told from other trusts");
        } else if (ts_live_coverage(d->in->live, v->live->direction) != TS_COVERAGE_COMPLETE) {
                ts_change_end(c, TS_HELD, "the list of trusts could not be read completely");
        } else {
                ts_diff_hold(d, v, c);
        }
}

struct ts_change *ts_diff_close_change(struct ts_diffing *d, const struct ts_view *v, enum ts_action action,
                                       enum ts_reason reason, const struct ts_source *source)
{
        struct ts_change *c = ts_diff_change(d, v, action,
                                             action == TS_TRUST_DELETE ? TS_PHASE_REMOVE : TS_PHASE_CLOSE,
                                             reason, source);

        c->before = (struct ts_trust_attributes){ v->live->enabled, v->live->expires };
        c->after = (struct ts_trust_attributes){ false, v->live->expires };
        c->changes_enabled = v->live->enabled;
        if (reason == TS_REASON_DRIFT && !v->last_applied) /* it is new, and that is the drift */
                ts_change_blame(c, v->live->created_by, v->live->created);
        ts_change_count_removal(c);
        return c;
}

/* What a trust is until it is deleted, and what its deletion is. */
static const char *limbo_of(const struct ts_view *v)
{
        return v->live->direction == TS_TRUSTEE ? "it is disabled; it is deleted"
                                                : "it is to be left; it is left";
}

#define NOT_REVERSIBLE "we cannot undo this: a new trust needs a new pairing request from the trustee"

static void delete_when_due(struct ts_diffing *d, const struct ts_view *v, struct ts_change *c)
{
        int64_t after = (int64_t) (d->in->policy->delete_after_usec / TS_USEC_PER_SEC), due;

        if (!d->in->last_applied || !d->in->last_applied->writable) {
                ts_change_end(c, TS_WAITING,
                              TS_DIFF_NOTE(d, "%s only where the state directory can be written",
                                           limbo_of(v)));
                return;
        }
        if (!d->time_ok) {
                ts_change_end(c, TS_WAITING, "our clock and the server's differ: no time is acted on");
                return;
        }
        if (!v->last_applied || v->last_applied->disabled_at == 0) {
                ts_change_end(c, TS_WAITING,
                              TS_DIFF_NOTE(d, "%s %s after this is first recorded", limbo_of(v),
                                           ts_span_format(d->in->policy->delete_after_usec).s));
                return;
        }
        due = v->last_applied->disabled_at + after;
        ts_diff_note_boundary(d, due);
        if (d->in->now < due)
                ts_change_end(c, TS_WAITING,
                              TS_DIFF_NOTE(d, "%s after %s", limbo_of(v), ts_time_format(due).s));
        else
                c->note = NOT_REVERSIBLE;
}

/* A trust that is to go: disabled first (from the trustee's side that is not possible), deleted after a
 * while. */
void ts_diff_close(struct ts_diffing *d, const struct ts_view *v, enum ts_reason reason,
                   const struct ts_source *source)
{
        struct ts_change *c;

        if (d->in->policy->delete_after_usec == 0) {
                c = ts_diff_close_change(d, v, TS_TRUST_DELETE, reason, source);
                c->note = NOT_REVERSIBLE;
        } else if (v->live->enabled && v->live->direction == TS_TRUSTEE) {
                c = ts_diff_close_change(d, v, TS_TRUST_DISABLE, reason, source);
                c->note = TS_DIFF_NOTE(d, "it is deleted %s later, which we cannot undo",
                                       ts_span_format(d->in->policy->delete_after_usec).s);
        } else {
                c = ts_diff_close_change(d, v, TS_TRUST_DELETE, reason, source);
                delete_when_due(d, v, c);
        }
        if (ts_change_result(c) == TS_PLANNED)
                ts_diff_guard_closing(d, v, c);
}
