#include "reconcile/result.h"

#include <errno.h>

#include "trust/contention.h"
#include "util/macros.h"

/* ---------------------------------------------------------------------------------------- exit statuses */

static size_t rank_of(int status)
{
        static const int ranked[] = {
                TS_EXIT_USAGE,   TS_EXIT_SETTINGS, TS_EXIT_DECLARATIONS, TS_EXIT_BUSY,
                TS_EXIT_REFUSED, TS_EXIT_FAILURE,  TS_EXIT_DRIFT,        TS_EXIT_CHANGES
        };
        size_t i = 0;

        while (i < TS_N_ELEMENTS(ranked) && ranked[i] != status)
                i++;
        return i;
}

int ts_exit_status_worse(int a, int b)
{
        return rank_of(a) <= rank_of(b) ? a : b;
}

/* ------------------------------------------------------------------------------------ of an organization */

/* A denied account is known to be still present. */
static bool is_denied_left(const struct ts_change *c)
{
        return c->reason == TS_REASON_DENIED && ts_change_result(c) == TS_WAITING;
}

static size_t count(const struct ts_plan *plan, bool (*is_counted)(const struct ts_change *c))
{
        size_t n = 0;

        for (size_t i = 0; plan && i < plan->n_changes; i++)
                n += is_counted(&plan->changes[i]);
        return n;
}

static int exit_status_of(const struct ts_turn_facts *t, const struct ts_organization_result *r)
{
        if (t->err->cls == TS_ERR_SETTINGS)
                return TS_EXIT_SETTINGS;
        if (t->err->cls == TS_ERR_LOCAL && t->err->code == -EBUSY)
                return TS_EXIT_BUSY;
        if (r->is_refused)
                return TS_EXIT_REFUSED;
        if (r->err || !r->is_complete || r->summary.failed > 0 || count(t->plan, is_denied_left) > 0 ||
            (t->is_written && r->n_pending > 0))
                return TS_EXIT_FAILURE;
        return 0;
}

static enum ts_turn_end turn_end_of(const struct ts_organization_result *r)
{
        switch (r->exit_status) {
        case 0:
                return TS_TURN_GOOD;
        case TS_EXIT_REFUSED:
                return TS_TURN_REFUSED;
        case TS_EXIT_SETTINGS:
                return TS_TURN_PARTLY;
        default:
                if (r->err && r->err->cls == TS_ERR_AUTH)
                        return TS_TURN_DENIED;
                return r->plan && !r->err ? TS_TURN_PARTLY : TS_TURN_FAILED;
        }
}

static const char *error_of(const struct ts_turn_facts *t)
{
        if (t->err->cls != TS_ERR_NONE)
                return t->err->msg;
        if (t->plan && t->plan->n_refusals > 0)
                return t->plan->refusals[0].message;
        return t->is_unnamed ? "no file of the declarations names it" : NULL;
}

static struct ts_report_organization shown_of(const struct ts_turn_facts *t)
{
        bool shows_denied = !t->plan && t->denied && t->denied->n_changes > 0;

        return (struct ts_report_organization){
                .alias = t->settings->alias,
                .id = t->live ? t->live->organization_id : t->settings->id,
                .plan = shows_denied ? t->denied : t->plan,
                .err = t->err->cls != TS_ERR_NONE ? t->err : NULL,
                .how = t->how,
        };
}

struct ts_organization_result ts_organization_result_make(const struct ts_turn_facts *t)
{
        struct ts_organization_result r = {
                .alias = t->settings->alias,
                .mode = t->settings->mode,
                .is_refused = t->is_unnamed || (t->plan && t->plan->n_refusals > 0),
                .is_complete = t->plan && t->plan->complete,
                .summary = t->plan ? ts_plan_summarise(t->plan) : (struct ts_plan_summary){ 0 },
                .n_pending = count(t->plan, ts_change_is_planned),
                .n_contested = count(t->plan, ts_change_is_fight),
                .error = error_of(t),
                .err = t->err->cls != TS_ERR_NONE ? t->err : NULL,
                .plan = t->plan,
                .decl = t->decl,
                .live = t->live,
                .shown = shown_of(t),
        };

        r.exit_status = exit_status_of(t, &r);
        r.turn_end = turn_end_of(&r);
        r.has_failed = (r.exit_status != 0 && r.exit_status != TS_EXIT_REFUSED) || r.summary.failed > 0;
        return r;
}

/* ------------------------------------------------------------------------------------------- of a cycle */

/* 0, or what planned changes make of it: TS_EXIT_CHANGES, and TS_EXIT_DRIFT when all of them are drift. */
static int status_of_changes(const struct ts_cycle_result *r)
{
        bool changes = false, all_drift = true;

        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_plan *plan = r->organizations[i].plan;

                for (size_t k = 0; plan && k < plan->n_changes; k++) {
                        if (!ts_change_is_planned(&plan->changes[k]))
                                continue;
                        changes = true;
                        all_drift = all_drift && plan->changes[k].reason == TS_REASON_DRIFT;
                }
        }
        return !changes ? 0 : all_drift ? TS_EXIT_DRIFT : TS_EXIT_CHANGES;
}

void ts_cycle_result_conclude(struct ts_cycle_result *r)
{
        r->exit_status = 0;
        for (size_t i = 0; i < r->n_organizations; i++)
                r->exit_status = ts_exit_status_worse(r->exit_status, r->organizations[i].exit_status);
        r->detailed_exit_status = ts_exit_status_worse(r->exit_status, status_of_changes(r));
        r->summary = ts_report_summarise(&r->report);
}

void ts_cycle_result_log(const struct ts_cycle_result *r)
{
        ts_event_cycle_end(&r->events, &r->report);
}
