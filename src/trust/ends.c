#include "trust/ends.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/sorted.h"

#define DAYS_TOLD 31

int ts_last_applied_end_compare(const struct ts_last_applied_end *a, const struct ts_last_applied_end *b)
{
        int r = TS_ORDER(a->direction, b->direction);

        if (r == 0)
                r = ts_id_compare(&a->trust, &b->trust);
        if (r == 0)
                r = TS_ORDER(a->kind, b->kind);
        return r != 0 ? r : ts_id_compare(&a->subject, &b->subject);
}

static int compare(const void *a, const void *b)
{
        return ts_last_applied_end_compare(a, b);
}

const struct ts_last_applied_end *ts_ends_find(const struct ts_last_applied *m, enum ts_direction direction,
                                               const struct ts_id *trust, enum ts_kind kind,
                                               const struct ts_id *subject)
{
        struct ts_last_applied_end key = {
                .direction = direction, .kind = kind, .trust = *trust, .subject = *subject
        };

        return m ? TS_FIND_SORTED(&key, m->ends, m->n_ends, compare) : NULL;
}

void ts_ends_compare(struct ts_end *e, const struct ts_last_applied *last_applied, bool exists)
{
        const struct ts_last_applied_end *old =
                        ts_ends_find(last_applied, e->direction, &e->trust_id, e->kind, &e->subject);

        e->before = old ? old->when : TS_TIME_NEVER;
        e->counts = old && old->counts;
        if (old && (old->when == e->when || (old->when < e->when && !old->counts)))
                return; /* as it was, or a longer window of its own */
        if (!old && !exists)
                return; /* it begins with its end */
        e->is_new = e->counts = true;
}

void ts_ends_refuse(struct ts_plan *plan, enum ts_direction direction, const struct ts_id *trust)
{
        for (size_t i = 0; i < plan->n_ends; i++) {
                struct ts_end *e = &plan->ends[i];

                if (e->is_new && (!trust || (e->direction == direction && ts_id_equal(&e->trust_id, trust))))
                        e->is_refused = true;
        }
}

/* ----------------------------------------------------------------------------------------------- messages */

static int64_t day_of(int64_t t)
{
        return t / TS_LAST_APPLIED_DAY_SEC;
}

/* By trust, as in the plan, then by time. */
static int order(const void *a, const void *b)
{
        const struct ts_end *x = a, *y = b;
        int r = TS_ORDER(x->direction, y->direction);

        if (r == 0)
                r = ts_id_compare(&x->trust_id, &y->trust_id);
        return r != 0 ? r : TS_ORDER(x->when, y->when);
}

static bool is_same_line(const struct ts_end *a, const struct ts_end *b)
{
        return a->direction == b->direction && ts_id_equal(&a->trust_id, &b->trust_id) &&
               a->kind == b->kind && day_of(a->when) == day_of(b->when) && a->is_refused == b->is_refused;
}

static void note_line(struct ts_plan *plan, const struct ts_end *first, size_t n, int64_t now)
{
        int64_t days = day_of(first->when) - day_of(now);
        struct ts_time_text at = ts_time_format(first->when);
        const char *when = days == 0 ? "today" : days == 1 ? "tomorrow" : NULL;
        const char *refused = first->is_refused ? "; that is new, refused, and not in force" : "";

        if (!when)
                when = ts_arena_printf(&plan->arena, "on %.10s", at.s);
        if (first->kind == TS_KIND_TRUST)
                ts_plan_add_message(plan, first->trust, &first->source, "the trust ends %s, at %s%s", when,
                                    at.s, refused);
        else
                ts_plan_add_message(plan, first->trust, &first->source,
                                    "the access of %zu %s%s ends %s, the first at %s%s", n,
                                    ts_kind_to_string(first->kind), n == 1 ? "" : "s", when, at.s, refused);
}

void ts_ends_note(struct ts_plan *plan, int64_t now)
{
        size_t n_later = 0;

        TS_SORT(plan->ends, plan->n_ends, order);
        for (size_t first = 0, end; first < plan->n_ends; first = end) {
                for (end = first + 1;
                     end < plan->n_ends && is_same_line(&plan->ends[first], &plan->ends[end]);)
                        end++;
                if (day_of(plan->ends[first].when) - day_of(now) <= DAYS_TOLD)
                        note_line(plan, &plan->ends[first], end - first, now);
                else
                        n_later += end - first;
        }
        if (n_later > 0)
                ts_plan_add_finding(plan, TS_MESSAGE_NOTE, NULL, NULL, 0,
                                    "declared ends of access more than %d days ahead: %zu", DAYS_TOLD,
                                    n_later);
}
