#include "trust/limits.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define PERCENT_MIN_POPULATION 10u

/* Removals of one kind of reason, or of all. */
struct tally {
        uint32_t n, n_trusts;
};

static bool counts(const struct ts_change *c)
{
        return c->result == TS_PLANNED && c->n_removals > 0;
}

static bool closes_trust(const struct ts_change *c)
{
        return c->counts_as_removal && c->kind == TS_KIND_TRUST;
}

static uint32_t removals_of(const struct ts_change *c, bool drift_only)
{
        uint32_t n = 0;

        if (!counts(c))
                return 0;
        if (!drift_only)
                return c->n_removals;
        if (c->remove.n == 0)
                return c->reason == TS_REASON_DRIFT ? c->n_removals : 0;
        for (size_t i = 0; i < c->remove.n; i++)
                n += c->remove.items[i].reason == TS_REASON_DRIFT;
        return n;
}

static struct tally count_removals(const struct ts_plan *plan, bool drift_only)
{
        struct tally t = { 0 };

        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];
                uint32_t n = removals_of(c, drift_only);

                t.n += n;
                if (n > 0 && closes_trust(c))
                        t.n_trusts++;
        }
        return t;
}

uint32_t ts_limits_count_removals(const struct ts_plan *plan, uint32_t *ret_trusts)
{
        struct tally t = count_removals(plan, false);

        *ret_trusts = t.n_trusts;
        return t.n;
}

/* One limit over the whole organization: how much there would be, and how much may be. */
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

static struct excess find_excess(const struct tally *t, const struct ts_live *live,
                                 const struct ts_limits *limits, const struct tally *day)
{
        if (t->n > limits->removals_per_cycle)
                return (struct excess){ "removals_per_cycle", t->n, limits->removals_per_cycle,
                                        "removal in one cycle", "removals in one cycle" };
        if (day && t->n > 0 && sum(day->n, t->n) > limits->removals_per_day)
                return (struct excess){ "removals_per_day", sum(day->n, t->n), limits->removals_per_day,
                                        "removal within 24 hours", "removals within 24 hours" };
        if (day && t->n_trusts > 0 && sum(day->n_trusts, t->n_trusts) > limits->trust_removals_per_day)
                return (struct excess){ "trust_removals_per_day", sum(day->n_trusts, t->n_trusts),
                                        limits->trust_removals_per_day,
                                        "trust disabled, deleted or expired within 24 hours",
                                        "trusts disabled, deleted or expired within 24 hours" };
        if (live->n_trusts >= PERCENT_MIN_POPULATION &&
            (uint64_t) t->n_trusts * 100 > (uint64_t) limits->removals_percent * live->n_trusts)
                return (struct excess){ "removals_percent", percent_of(t->n_trusts, live->n_trusts),
                                        limits->removals_percent, "percent of all trusts removed at once",
                                        "percent of all trusts removed at once" };
        return (struct excess){ 0 };
}

static void hold_trust(struct ts_plan *plan, size_t first, size_t end, const char *note)
{
        for (size_t i = first; i < end; i++)
                ts_plan_hold(plan, &plan->changes[i], note);
}

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

/* Holds every change of the trusts that lose something by drift. */
static void hold_drifted_trusts(struct ts_plan *plan, const struct excess *e)
{
        const char *note = ts_arena_printf(&plan->arena, "too many removals by drift (limits.%s)", e->limit);

        for (size_t first = 0, end; first < plan->n_changes; first = end) {
                uint32_t n = 0;

                end = ts_plan_trust_end(plan, first);
                for (size_t i = first; i < end; i++)
                        n += removals_of(&plan->changes[i], true);
                if (n == 0)
                        continue;
                refuse(plan, plan->changes[first].trust_alias, e);
                hold_trust(plan, first, end, note);
        }
}

/* --------------------------------------------------------------------------- percent of a trust's members */

static struct excess collection_excess(const struct ts_plan *plan, size_t first, size_t end,
                                       const struct ts_members *live, enum ts_kind kind,
                                       const struct ts_limits *limits, bool drift_only)
{
        uint32_t n = 0;

        if (live->n < PERCENT_MIN_POPULATION)
                return (struct excess){ 0 };
        for (size_t i = first; i < end; i++)
                if (plan->changes[i].kind == kind &&
                    ts_action_count(plan->changes[i].action) == TS_COUNT_REMOVE)
                        n += removals_of(&plan->changes[i], drift_only);
        if ((uint64_t) n * 100 <= (uint64_t) limits->removals_percent * live->n)
                return (struct excess){ 0 };
        return (struct excess){ "removals_percent", percent_of(n, live->n), limits->removals_percent,
                                "percent of the members removed at once",
                                "percent of the members removed at once" };
}

static struct excess members_excess(const struct ts_plan *plan, size_t first, size_t end,
                                    const struct ts_live *live, const struct ts_limits *limits,
                                    bool drift_only)
{
        const struct ts_trust *t = ts_live_find_trust(live, plan->changes[first].direction,
                                                      &plan->changes[first].trust_id);
        struct excess e = { 0 };

        for (enum ts_collection c = 0; t && !e.limit && c < TS_COLLECTIONS; c++)
                e = collection_excess(plan, first, end, &t->collections[c], ts_collection_kind(c), limits,
                                      drift_only);
        return e;
}

static void check_members(struct ts_plan *plan, const struct ts_live *live, const struct ts_limits *limits,
                          bool *refused)
{
        for (size_t first = 0, end; first < plan->n_changes; first = end) {
                struct excess e;

                end = ts_plan_trust_end(plan, first);
                e = members_excess(plan, first, end, live, limits, true);
                if (e.limit) {
                        refuse(plan, plan->changes[first].trust_alias, &e);
                        hold_trust(plan, first, end,
                                   "too many members removed by drift (limits.removals_percent)");
                }
                e = members_excess(plan, first, end, live, limits, false);
                if (e.limit) {
                        refuse(plan, plan->changes[first].trust_alias, &e);
                        *refused = true;
                }
        }
}

/* --------------------------------------------------------------------------------------------- all limits */

static const struct tally *tally_of_day(struct ts_plan *plan, const struct ts_live *live,
                                        const struct ts_memory *memory, int64_t now, struct tally *day)
{
        if (!memory || memory->status == TS_MEMORY_UNREADABLE) {
                ts_plan_add_message(plan, NULL, NULL,
                                    "the state directory cannot be read%s%s: every reason is shown as "
                                    "config, and the limits of the day are not checked",
                                    memory ? ": " : "", memory ? memory->path : "");
                return NULL;
        }
        day->n = ts_memory_removals_of_day(memory, now, live->clock_skew_sec, &day->n_trusts);
        return day;
}

void ts_limits_check_record(struct ts_plan *plan, const struct ts_memory *memory)
{
        bool is_newer = memory && memory->status == TS_MEMORY_NEWER;

        if (!memory || !ts_memory_is_lost(memory))
                return;
        ts_plan_add_message(plan, NULL, NULL,
                            "the record %s %s: every reason is shown as config, and it is not overwritten",
                            memory->path,
                            is_newer ? "was written by a newer version of trustsyncd" : "is damaged");
        if (count_removals(plan, false).n > 0)
                ts_limits_refuse(plan, "state",
                                 ts_arena_printf(&plan->arena,
                                                 "the removals of the last 24 hours are not known, because "
                                                 "%s %s; %s, or remove it to begin a new record",
                                                 memory->path,
                                                 is_newer ? "was written by a newer version of trustsyncd"
                                                          : "cannot be read",
                                                 is_newer ? "install that version again" : "repair it"));
}

void ts_limits_check(struct ts_plan *plan, const struct ts_live *live, const struct ts_limits *limits,
                     const struct ts_memory *memory, int64_t now)
{
        struct tally day_tally = { 0 }, t;
        const struct tally *day = tally_of_day(plan, live, memory, now, &day_tally);
        struct excess e;

        t = count_removals(plan, true);
        e = find_excess(&t, live, limits, day);
        if (e.limit)
                hold_drifted_trusts(plan, &e);

        check_members(plan, live, limits, &plan->refused);
        t = count_removals(plan, false);
        e = find_excess(&t, live, limits, day);
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
