#include "trust/limits.h"

#include <stdlib.h>
#include <string.h>

#include "trust/ends.h"
#include "util/mem.h"
#include "util/sorted.h"

#define PERCENT_MIN_POPULATION 10u
#define CYCLE_SEC 60 /* ends so near to each other come in one cycle */

/* Removals. */
struct tally {
        uint32_t n, n_trusts;
};

/* Which removals are meant. */
enum part {
        REVIEWED, /* by config, by windows that are over */
        DRIFT,    /* of what others added */
        ACCEPTED, /* of an end that was accepted before */
};

static bool closes_trust(const struct ts_change *c)
{
        return c->counts_as_removal && c->kind == TS_KIND_TRUST;
}

static uint32_t count_drift(const struct ts_change *c)
{
        uint32_t n = 0;

        if (c->remove.n == 0)
                return c->reason == TS_REASON_DRIFT ? c->n_removals : 0;
        for (size_t i = 0; i < c->remove.n; i++)
                n += c->remove.items[i].reason == TS_REASON_DRIFT;
        return n;
}

static uint32_t count_part(const struct ts_change *c, enum part part)
{
        if (c->is_accepted)
                return part == ACCEPTED ? c->n_removals : 0;
        if (part == ACCEPTED || c->n_removals == 0)
                return 0;
        return part == DRIFT ? count_drift(c) : c->n_removals - count_drift(c);
}

static uint32_t removals_of(const struct ts_change *c, enum part part)
{
        return ts_change_result(c) == TS_PLANNED ? count_part(c, part) : 0;
}

static struct tally count_removals(const struct ts_plan *plan, size_t first, size_t end, enum part part)
{
        struct tally t = { 0 };

        for (size_t i = first; i < end; i++) {
                const struct ts_change *c = &plan->changes[i];
                uint32_t n = c->falls_at > 0 ? 0 : removals_of(c, part);

                t.n += n;
                if (n > 0 && closes_trust(c))
                        t.n_trusts++;
        }
        return t;
}

/* ----------------------------------------------------------------------------------------- for the record */

static struct ts_removals total_of(const struct ts_plan *plan, bool (*takes_part)(const struct ts_change *c))
{
        struct ts_removals r = { 0 };

        r.drift = ts_calloc(plan->n_changes, sizeof(*r.drift));
        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];
                struct ts_last_applied_drift *d = r.n_drift > 0 ? &r.drift[r.n_drift - 1] : NULL;
                uint32_t drift = count_part(c, DRIFT);

                if (!takes_part(c) || c->falls_at > 0)
                        continue;
                r.n += c->n_removals - drift;
                r.n_trusts += closes_trust(c) && c->n_removals > drift;
                if (drift == 0)
                        continue;
                if (!d || d->direction != c->direction || !ts_id_equal(&d->trust, &c->trust_id)) {
                        d = &r.drift[r.n_drift++];
                        d->direction = c->direction;
                        d->trust = c->trust_id;
                }
                d->n += drift;
                d->n_trusts += closes_trust(c);
        }
        return r;
}

static bool is_planned(const struct ts_change *c)
{
        return ts_change_is_planned(c);
}

static bool is_sent(const struct ts_change *c)
{
        return ts_change_outcome(c)->sent;
}

struct ts_removals ts_limits_count_planned(const struct ts_plan *plan)
{
        return total_of(plan, is_planned);
}

struct ts_removals ts_limits_count_sent(const struct ts_plan *plan)
{
        return total_of(plan, is_sent);
}

void ts_removals_done(struct ts_removals *r)
{
        free(r->drift);
}

/* ----------------------------------------------------------------------------------------------- excesses */

/* How much there would be, and how much may be. */
struct excess {
        const char *limit; /* NULL: none is exceeded */
        int64_t value, allowed;
        const char *one, *many; /* what there would be of it */
};

static int64_t sum(uint32_t a, uint32_t b)
{
        return (int64_t) a + b;
}

/* Rounded up, so that it is over the limit that it is over. */
static int64_t percent_of(uint32_t n, size_t all)
{
        return (int64_t) (((uint64_t) n * 100 + all - 1) / all);
}

static struct excess cycle_excess(uint32_t n, const struct ts_limits *limits)
{
        if (n <= limits->removals_per_cycle)
                return (struct excess){ 0 };
        return (struct excess){ "removals_per_cycle", n, limits->removals_per_cycle, "removal in one cycle",
                                "removals in one cycle" };
}

static struct excess day_excess(int64_t n, const struct ts_limits *limits)
{
        if (n <= limits->removals_per_day)
                return (struct excess){ 0 };
        return (struct excess){ "removals_per_day", n, limits->removals_per_day, "removal within 24 hours",
                                "removals within 24 hours" };
}

static struct excess trusts_excess(int64_t n, const struct ts_limits *limits)
{
        if (n <= limits->trust_removals_per_day)
                return (struct excess){ 0 };
        return (struct excess){ "trust_removals_per_day", n, limits->trust_removals_per_day,
                                "trust disabled, deleted or expired within 24 hours",
                                "trusts disabled, deleted or expired within 24 hours" };
}

static struct excess percent_excess(uint32_t n, size_t all, const struct ts_limits *limits, const char *what)
{
        if (all < PERCENT_MIN_POPULATION || (uint64_t) n * 100 <= (uint64_t) limits->removals_percent * all)
                return (struct excess){ 0 };
        return (struct excess){ "removals_percent", percent_of(n, all), limits->removals_percent, what,
                                what };
}

#define PERCENT_OF_TRUSTS "percent of all trusts removed at once"
#define PERCENT_OF_MEMBERS "percent of the members removed at once"

static void refuse(struct ts_plan *plan, const char *trust, const struct excess *e)
{
        const char *message = ts_arena_printf(
                        &plan->arena,
                        "%lld %s%s%s; %lld %s allowed (limits.%s). Review the removals; if they are meant, "
                        "apply exactly this plan with --plan-digest, or raise the limit in the settings",
                        (long long) e->value, e->value == 1 ? e->one : e->many, trust ? " in " : "",
                        trust ? trust : "", (long long) e->allowed, e->allowed == 1 ? "is" : "are", e->limit);

        ts_plan_add_refusal(plan, trust, e->limit, e->value, e->allowed, message);
}

/* What is checked, and against what. */
struct check {
        struct ts_plan *plan;
        const struct ts_live *live;
        const struct ts_limits *limits;
        const struct ts_last_applied *last_applied; /* NULL: the removals of the day are not known */
        int64_t now;
};

/* ----------------------------------------------------------------------------------- removals ahead of us */

/* Removals at one time: of now, or of an end ahead. */
struct event {
        int64_t when;
        uint32_t n_trusts;
        bool is_new;
};

static int event_compare(const void *a, const void *b)
{
        const struct event *x = a, *y = b;

        return TS_ORDER(x->when, y->when);
}

struct events {
        struct event *items;
        size_t n;
};

static void events_add(struct events *e, int64_t when, bool is_trust, bool is_new)
{
        e->items[e->n++] = (struct event){ when, is_trust, is_new };
}

/* Of one trust, or of all; of members only, or with the trusts. Sorted. */
static struct events collect_events(const struct check *k, const struct ts_change *of,
                                    const enum ts_kind *kind)
{
        const struct ts_plan *plan = k->plan;
        struct events e = { 0 };

        e.items = ts_calloc(plan->n_ends, sizeof(*e.items));
        for (size_t i = 0; i < plan->n_ends; i++) {
                const struct ts_end *end = &plan->ends[i];

                if (!end->counts || end->is_refused || (kind && end->kind != *kind) ||
                    (of && (of->direction != end->direction || !ts_id_equal(&of->trust_id, &end->trust_id))))
                        continue;
                events_add(&e, end->when, end->kind == TS_KIND_TRUST, end->is_new);
        }
        TS_SORT(e.items, e.n, event_compare);
        return e;
}

/* The past part of the 24 hours before @when: our removals, and trusts that ended at the time set by us. */
static void add_past(const struct check *k, int64_t when, struct tally *t)
{
        uint32_t n_trusts;

        t->n += ts_last_applied_removals_of_day(k->last_applied, when, k->live->clock_skew_sec, &n_trusts);
        t->n_trusts += n_trusts;
        for (size_t i = 0; i < k->last_applied->n_ends; i++) {
                const struct ts_last_applied_end *e = &k->last_applied->ends[i];
                bool is_of_day = e->when <= k->now && when - e->when < TS_LAST_APPLIED_DAY_SEC;

                if (!is_of_day || !e->counts || e->kind != TS_KIND_TRUST)
                        continue;
                t->n++;
                t->n_trusts++;
        }
}

/* The removals that are past, or of now, in the 24 hours before @when. */
static struct tally past_of(const struct check *k, const struct tally *now, int64_t when)
{
        struct tally t = *now;

        if (when - k->now >= TS_LAST_APPLIED_DAY_SEC)
                return (struct tally){ 0 };
        if (k->last_applied)
                add_past(k, when, &t);
        return t;
}

/* In the window that ends with each event, with @now as removals of now. */
static struct excess events_excess(const struct check *k, const struct events *e, const struct tally *now)
{
        size_t day = 0, cycle = 0;
        struct tally in_day = { 0 };
        size_t n_new = 0;

        for (size_t i = 0; i < e->n; i++) {
                const struct event *last = &e->items[i];
                struct tally past = past_of(k, now, last->when);
                struct excess x;

                in_day.n++;
                in_day.n_trusts += last->n_trusts;
                n_new += last->is_new;
                for (; last->when - e->items[day].when >= TS_LAST_APPLIED_DAY_SEC; day++) {
                        in_day.n--;
                        in_day.n_trusts -= e->items[day].n_trusts;
                        n_new -= e->items[day].is_new;
                }
                while (last->when - e->items[cycle].when >= CYCLE_SEC)
                        cycle++;
                if (n_new == 0 && (now->n == 0 || last->when - k->now >= TS_LAST_APPLIED_DAY_SEC))
                        continue; /* nothing of this plan is in it */
                x = n_new > 0 ? cycle_excess((uint32_t) (i - cycle + 1), k->limits) : (struct excess){ 0 };
                if (!x.limit)
                        x = day_excess(sum(in_day.n, past.n), k->limits);
                if (!x.limit)
                        x = trusts_excess(sum(in_day.n_trusts, past.n_trusts), k->limits);
                if (!x.limit)
                        x = percent_excess(in_day.n_trusts, k->live->n_trusts, k->limits, PERCENT_OF_TRUSTS);
                if (x.limit)
                        return x;
        }
        return (struct excess){ 0 };
}

/* --------------------------------------------------------------------------------------- drift, per trust */

static bool is_drift(const struct ts_change *c)
{
        return count_drift(c) > 0 || c->reason == TS_REASON_DRIFT;
}

static void hold_drift(const struct check *k, size_t first, size_t end, const struct excess *e)
{
        struct ts_plan *plan = k->plan;
        const char *note = ts_arena_printf(&plan->arena,
                                           "too many removals by drift in this trust (limits.%s)", e->limit);

        refuse(plan, plan->changes[first].trust_alias, e);
        for (size_t i = first; i < end; i++)
                if (is_drift(&plan->changes[i]))
                        ts_plan_hold_drift(plan, &plan->changes[i], note);
}

/* Those who were members when the trust was last as declared; before there are any, those who are. */
static size_t population(const struct check *k, const struct ts_change *of, enum ts_collection c)
{
        const struct ts_last_applied_trust *m =
                        ts_last_applied_find_trust(k->last_applied, of->direction, &of->trust_id);
        const struct ts_trust *t = ts_live_find_trust(k->live, of->direction, &of->trust_id);

        if (m && m->collections[c].managed && m->collections[c].n > 0)
                return m->collections[c].n; /* else a plan that was refused left only those who stay */
        return t ? t->collections[c].n : 0;
}

static struct excess members_excess(const struct check *k, const struct ts_change *of, size_t first,
                                    size_t end, enum part part)
{
        const struct ts_change *changes = k->plan->changes;
        struct excess e = { 0 };

        for (enum ts_collection c = 0; !e.limit && c < TS_COLLECTIONS; c++) {
                enum ts_kind kind = ts_collection_kind(c);
                uint32_t n = 0;

                for (size_t i = first; i < end; i++)
                        if (changes[i].kind == kind && ts_action_count(changes[i].action) == TS_COUNT_REMOVE)
                                n += removals_of(&changes[i], part);
                if (n > 0)
                        e = percent_excess(n, population(k, of, c), k->limits, PERCENT_OF_MEMBERS);
        }
        return e;
}

static struct excess drift_excess(const struct check *k, size_t first, size_t end)
{
        struct tally t = count_removals(k->plan, first, end, DRIFT);
        const struct ts_change *of = &k->plan->changes[first];
        struct excess e = cycle_excess(t.n, k->limits);

        if (!e.limit && k->last_applied && t.n > 0)
                e = day_excess(sum(t.n,
                                   ts_last_applied_drift_of_day(k->last_applied, of->direction, &of->trust_id,
                                                                k->now, k->live->clock_skew_sec)),
                               k->limits);
        return e.limit ? e : members_excess(k, of, first, end, DRIFT);
}

/* Trusts that others opened again or made: those are ours, not the partner's, and are counted together. */
static struct excess closings_excess(const struct check *k)
{
        struct tally t = count_removals(k->plan, 0, k->plan->n_changes, DRIFT);
        struct excess e = { 0 };

        if (t.n_trusts == 0)
                return e;
        if (k->last_applied)
                e = trusts_excess(
                                sum(t.n_trusts, ts_last_applied_drift_trusts_of_day(k->last_applied, k->now,
                                                                                    k->live->clock_skew_sec)),
                                k->limits);
        return e.limit ? e : percent_excess(t.n_trusts, k->live->n_trusts, k->limits, PERCENT_OF_TRUSTS);
}

static void check_drift(const struct check *k)
{
        struct excess closings = closings_excess(k);

        for (size_t first = 0, end; first < k->plan->n_changes; first = end) {
                struct excess e;

                end = ts_plan_trust_end(k->plan, first);
                e = drift_excess(k, first, end);
                if (!e.limit && count_removals(k->plan, first, end, DRIFT).n_trusts > 0)
                        e = closings;
                if (e.limit)
                        hold_drift(k, first, end, &e);
        }
}

/* ---------------------------------------------------------------------------------- percent of a trust */

/* Members that go now, and those whose new end falls into one day. */
static struct excess share_excess(const struct check *k, const struct ts_change *of, size_t first, size_t end)
{
        struct excess e = members_excess(k, of, first, end, REVIEWED);

        for (enum ts_collection c = 0; !e.limit && c < TS_COLLECTIONS; c++) {
                enum ts_kind kind = ts_collection_kind(c);
                struct events events = collect_events(k, of, &kind);
                size_t day = 0, n_new = 0;

                for (size_t i = 0; i < events.n && !e.limit; i++) {
                        n_new += events.items[i].is_new;
                        for (; events.items[i].when - events.items[day].when >= TS_LAST_APPLIED_DAY_SEC;
                             day++)
                                n_new -= events.items[day].is_new;
                        if (n_new > 0)
                                e = percent_excess((uint32_t) (i - day + 1), population(k, of, c), k->limits,
                                                   PERCENT_OF_MEMBERS);
                }
                free(events.items);
        }
        return e;
}

static void hold_share(const struct check *k, const struct ts_change *of, size_t first, size_t end,
                       const struct excess *e)
{
        refuse(k->plan, of->trust_alias, e);
        for (size_t i = first; i < end; i++)
                ts_plan_hold(k->plan, &k->plan->changes[i],
                             "too many members removed (limits.removals_percent)");
        ts_ends_refuse(k->plan, of->direction, &of->trust_id);
}

static void check_share(const struct check *k, const struct ts_change *of, size_t first, size_t end)
{
        struct excess e = share_excess(k, of, first, end);

        if (e.limit)
                hold_share(k, of, first, end, &e);
}

static bool is_in_plan(const struct ts_plan *plan, const struct ts_end *e)
{
        for (size_t first = 0; first < plan->n_changes; first = ts_plan_trust_end(plan, first))
                if (plan->changes[first].direction == e->direction &&
                    ts_id_equal(&plan->changes[first].trust_id, &e->trust_id))
                        return true;
        return false;
}

static void check_shares(const struct check *k)
{
        struct ts_plan *plan = k->plan;

        for (size_t first = 0, end; first < plan->n_changes; first = end) {
                end = ts_plan_trust_end(plan, first);
                check_share(k, &plan->changes[first], first, end);
        }
        for (size_t i = 0; i < plan->n_ends; i++) { /* trusts in which nothing else changes */
                const struct ts_end *e = &plan->ends[i];
                const struct ts_change of = { .direction = e->direction,
                                              .trust_id = e->trust_id,
                                              .trust_alias = e->trust };

                if (e->is_new && !e->is_refused && !is_in_plan(plan, e))
                        check_share(k, &of, 0, 0);
        }
}

/* --------------------------------------------------------------------------------------------- all limits */

/* The removals of the day: ours, and trusts that ended at the time set by us. */
static struct tally tally_of_day(const struct check *k)
{
        struct tally day = { 0 };

        if (k->last_applied)
                add_past(k, k->now, &day);
        return day;
}

static struct excess now_excess(const struct check *k, const struct tally *now)
{
        struct tally day = tally_of_day(k);
        struct excess e = cycle_excess(now->n, k->limits);

        if (!e.limit && k->last_applied)
                e = day_excess(sum(day.n, now->n), k->limits);
        if (!e.limit && k->last_applied && now->n_trusts > 0)
                e = trusts_excess(sum(day.n_trusts, now->n_trusts), k->limits);
        return e.limit ? e : percent_excess(now->n_trusts, k->live->n_trusts, k->limits, PERCENT_OF_TRUSTS);
}

void ts_limits_check_record(struct ts_plan *plan, const struct ts_last_applied *last_applied)
{
        bool is_newer = last_applied && last_applied->status == TS_LAST_APPLIED_NEWER;
        struct tally reviewed, drift;
        bool has_new = false;

        if (!last_applied || !ts_last_applied_is_lost(last_applied))
                return;
        ts_plan_add_message(plan, NULL, NULL,
                            "the record %s %s: every reason is shown as config, and it is not overwritten",
                            last_applied->path,
                            is_newer ? "was written by a newer version of trustsyncd" : "is damaged");
        reviewed = count_removals(plan, 0, plan->n_changes, REVIEWED);
        drift = count_removals(plan, 0, plan->n_changes, DRIFT);
        for (size_t i = 0; i < plan->n_ends; i++)
                has_new = has_new || plan->ends[i].is_new;
        if (reviewed.n + drift.n > 0 || has_new)
                ts_limits_refuse(plan, "state",
                                 ts_arena_printf(&plan->arena,
                                                 "the removals of the last 24 hours are not known, because "
                                                 "%s %s; %s, or remove it to begin a new record",
                                                 last_applied->path,
                                                 is_newer ? "was written by a newer version of trustsyncd"
                                                          : "cannot be read",
                                                 is_newer ? "install that version again" : "repair it"));
}

void ts_limits_check(struct ts_plan *plan, const struct ts_live *live, const struct ts_limits *limits,
                     const struct ts_last_applied *last_applied, int64_t now)
{
        struct check k = { plan, live, limits, last_applied, now };
        struct tally t, accepted;
        struct events ahead;
        struct excess e = { 0 };
        bool plans_some;

        if (!last_applied || last_applied->status == TS_LAST_APPLIED_UNREADABLE) {
                ts_plan_add_message(plan, NULL, NULL,
                                    "the state directory cannot be read%s%s: every reason is shown as "
                                    "config, and the limits of the day are not checked",
                                    last_applied ? ": " : "", last_applied ? last_applied->path : "");
                k.last_applied = NULL;
        }
        check_drift(&k);
        check_shares(&k);

        t = count_removals(plan, 0, plan->n_changes, REVIEWED);
        accepted = count_removals(plan, 0, plan->n_changes, ACCEPTED);
        plans_some = t.n > 0;
        t.n += accepted.n;
        t.n_trusts += accepted.n_trusts;
        if (plans_some)
                e = now_excess(&k, &t);
        ahead = collect_events(&k, NULL, NULL);
        if (!e.limit) {
                if (!plans_some)
                        t = (struct tally){ 0 };
                e = events_excess(&k, &ahead, &t);
        }
        free(ahead.items);
        if (e.limit) {
                refuse(plan, NULL, &e);
                plan->refused = true;
        }
}

void ts_limits_refuse(struct ts_plan *plan, const char *limit, const char *message)
{
        ts_plan_add_refusal(plan, NULL, limit, 0, 0, message);
        plan->refused = true;
}

void ts_limits_hold_refused(struct ts_plan *plan)
{
        if (!plan->refused)
                return;
        for (size_t i = 0; i < plan->n_changes; i++)
                ts_plan_hold(plan, &plan->changes[i], "refused: nothing of this organization is written");
}
