#include "trust/contention.h"

#include <string.h>

#include "trust/propagation.h"
#include "util/escape.h"

static bool is_current(const struct ts_last_applied_correction *k, int64_t now)
{
        return now - k->last < TS_LAST_APPLIED_DAY_SEC;
}

static const struct ts_last_applied_correction *find_correction(const struct ts_last_applied *m,
                                                                uint64_t object, int64_t now)
{
        for (size_t i = 0; i < m->n_corrections; i++)
                if (m->corrections[i].object == object && is_current(&m->corrections[i], now))
                        return &m->corrections[i];
        return NULL;
}

static void check_change(struct ts_plan *plan, struct ts_change *c, const struct ts_last_applied *m,
                         int64_t now)
{
        const struct ts_last_applied_correction *k = find_correction(m, ts_change_object_key(c), now);
        int64_t next;

        if (!k)
                return;
        c->n_corrected = k->n;
        if (!ts_change_is_fight(c) || !ts_change_only_gives(c))
                return;
        next = k->last +
               ts_propagation_backoff(TS_FIGHT_WAIT_SEC, TS_FIGHT_WAIT_MAX_SEC, k->n - TS_FIGHT_MIN);
        if (now >= next)
                return;
        ts_change_end(c, TS_WAITING,
                      ts_arena_printf(&plan->arena,
                                      "put back %u times since %s and changed again%s%s: other hands want "
                                      "something else; "
                                      "the next time not before %s",
                                      (unsigned) k->n, ts_time_format(k->first).s, c->by ? " by " : "",
                                      c->by ? ts_escape_name_arena(&plan->arena, c->by) : "",
                                      ts_time_format(next).s));
}

void ts_contention_check(struct ts_plan *plan, const struct ts_last_applied *last_applied, int64_t now)
{
        for (size_t i = 0; last_applied && last_applied->n_corrections > 0 && i < plan->n_changes; i++) {
                struct ts_change *c = &plan->changes[i];

                if (ts_change_is_planned(c) && ts_change_is_drift(c) && c->n_unshown == 0)
                        check_change(plan, c, last_applied, now);
        }
}

static void add_correction(struct ts_last_applied *m, uint64_t object, int64_t now)
{
        for (size_t i = 0; i < m->n_corrections; i++) {
                if (m->corrections[i].object != object)
                        continue;
                m->corrections[i].n++;
                m->corrections[i].last = now;
                return;
        }
        if (m->n_corrections == TS_CORRECTIONS_MAX)
                memmove(m->corrections, m->corrections + 1, --m->n_corrections * sizeof(*m->corrections));
        m->corrections[m->n_corrections++] = (struct ts_last_applied_correction){ now, now, 1, object };
}

void ts_contention_record(struct ts_last_applied *new, const struct ts_last_applied *old,
                          const struct ts_plan *plan, int64_t now)
{
        size_t n_max = old->n_corrections + plan->n_changes, first = 0;

        if (n_max > TS_CORRECTIONS_MAX)
                n_max = TS_CORRECTIONS_MAX;
        if (old->n_corrections > n_max)
                first = old->n_corrections - n_max; /* nothing keeps a record from being longer */
        new->corrections = TS_ARENA_ARRAY(&new->arena, struct ts_last_applied_correction, n_max);
        for (size_t i = first; i < old->n_corrections; i++)
                if (is_current(&old->corrections[i], now))
                        new->corrections[new->n_corrections++] = old->corrections[i];
        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];

                if (ts_change_was_written(c) && ts_change_is_drift(c) && c->n_unshown == 0)
                        add_correction(new, ts_change_object_key(c), now);
        }
}
