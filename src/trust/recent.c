#include "trust/recent.h"
#include "util/escape.h"

#include <string.h>

/* The first 64 bits of a digest. */
static uint64_t shorten(const struct ts_digest *d)
{
        uint64_t key = 0;

        for (size_t i = 0; i < 8; i++)
                key = key << 8 | d->bytes[i];
        return key;
}

static uint64_t object_key(const struct ts_change *c)
{
        uint8_t bytes[2 + 2 * sizeof(struct ts_id)];
        struct ts_digest d;

        bytes[0] = (uint8_t) c->direction;
        bytes[1] = (uint8_t) c->kind;
        memcpy(bytes + 2, c->trust_id.bytes, sizeof(c->trust_id.bytes));
        memcpy(bytes + 2 + sizeof(struct ts_id), c->subject_id.bytes, sizeof(c->subject_id.bytes));
        d = ts_sha256_of(bytes, sizeof(bytes));
        return shorten(&d);
}

static uint64_t change_key(const struct ts_plan *plan, const struct ts_change *c)
{
        struct ts_digest d = ts_plan_digest_change(plan, c);

        return shorten(&d);
}

/* -------------------------------------------------------------------------------------------- propagation */

static bool is_fresh(const struct ts_memory_write *w, int64_t now)
{
        return w->when <= now && now - w->when < TS_PROPAGATION_SEC;
}

/* The last write to this object within the time that the API may take to show it. */
static const struct ts_memory_write *find_write(const struct ts_memory *m, uint64_t object, int64_t now)
{
        for (size_t i = m->n_writes; i > 0; i--)
                if (m->writes[i - 1].object == object && is_fresh(&m->writes[i - 1], now))
                        return &m->writes[i - 1];
        return NULL;
}

static void undrift(struct ts_grant_changes *g)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->items[i].reason == TS_REASON_DRIFT)
                        g->items[i].reason = TS_REASON_CONFIG;
}

static bool check_write(struct ts_plan *plan, struct ts_change *c, const struct ts_memory *m, uint64_t object,
                        int64_t now)
{
        const struct ts_memory_write *w = find_write(m, object, now);

        if (!w)
                return false;
        if (!w->drift) {
                if (c->reason == TS_REASON_DRIFT)
                        c->reason = TS_REASON_CONFIG;
                undrift(&c->add);
                undrift(&c->remove);
        }
        if (w->change != change_key(plan, c))
                return false;
        c->result = TS_WAITING;
        c->note = ts_arena_printf(
                        &plan->arena,
                        "written at %s; the API still shows the old state, which it may do for five minutes",
                        ts_time_format(w->when).s);
        return true;
}

/* ------------------------------------------------------------------------------------------------- fights */

static bool is_remembered(const struct ts_memory_correction *k, int64_t now)
{
        return now - k->last < TS_MEMORY_DAY_SEC;
}

static const struct ts_memory_correction *find_correction(const struct ts_memory *m, uint64_t object,
                                                          int64_t now)
{
        for (size_t i = 0; i < m->n_corrections; i++)
                if (m->corrections[i].object == object && is_remembered(&m->corrections[i], now))
                        return &m->corrections[i];
        return NULL;
}

static int64_t wait_of(uint32_t n)
{
        int64_t wait = TS_FIGHT_WAIT_SEC;

        for (uint32_t i = TS_FIGHT_MIN; i < n && wait < TS_FIGHT_WAIT_MAX_SEC; i++)
                wait *= 2;
        return wait < TS_FIGHT_WAIT_MAX_SEC ? wait : TS_FIGHT_WAIT_MAX_SEC;
}

/* Takes nothing from anybody. */
static bool only_gives(const struct ts_change *c)
{
        switch (ts_action_count(c->action)) {
        case TS_COUNT_ADD:
                return true;
        case TS_COUNT_CHANGE:
                return c->phase == TS_PHASE_ADD || c->phase == TS_PHASE_OPEN;
        case TS_COUNT_REMOVE:
        default:
                return false;
        }
}

static void check_fight(struct ts_plan *plan, struct ts_change *c, const struct ts_memory *m, uint64_t object,
                        int64_t now)
{
        const struct ts_memory_correction *k = ts_change_is_drift(c) ? find_correction(m, object, now) : NULL;
        int64_t next;

        if (!k)
                return;
        c->n_corrected = k->n;
        next = k->last + wait_of(k->n);
        if (!ts_change_is_fight(c) || !only_gives(c) || now >= next)
                return;
        c->result = TS_WAITING;
        c->note = ts_arena_printf(
                        &plan->arena,
                        "put back %u times since %s and changed again%s%s: other hands want something else; "
                        "the next time not before %s",
                        (unsigned) k->n, ts_time_format(k->first).s, c->by ? " by " : "",
                        c->by ? ts_escape_name_arena(&plan->arena, c->by) : "", ts_time_format(next).s);
}

void ts_recent_check(struct ts_plan *plan, const struct ts_memory *memory, int64_t now)
{
        if (!memory || (memory->n_writes == 0 && memory->n_corrections == 0))
                return;
        for (size_t i = 0; i < plan->n_changes; i++) {
                struct ts_change *c = &plan->changes[i];
                uint64_t object;

                if (!ts_change_is_planned(c))
                        continue;
                object = object_key(c);
                if (!check_write(plan, c, memory, object, now))
                        check_fight(plan, c, memory, object, now);
        }
}

/* -------------------------------------------------------------------------------------------- remembering */

/* What the API understood and refused had no effect, also when the change waits for another time. */
static bool was_written(const struct ts_change *c)
{
        bool refused = c->http_status >= 400 && c->http_status < 500;

        if (c->action == TS_PAIRING_CREATE)
                return false; /* its own id tells whether it is there */
        return c->sent && (c->result == TS_APPLIED || (c->result == TS_WAITING && !refused));
}

static void remember_writes(struct ts_memory *new, const struct ts_memory *old, const struct ts_plan *plan,
                            int64_t now)
{
        new->writes = TS_ARENA_ARRAY(&new->arena, struct ts_memory_write, old->n_writes + plan->n_changes);
        for (size_t i = 0; i < old->n_writes; i++)
                if (is_fresh(&old->writes[i], now))
                        new->writes[new->n_writes++] = old->writes[i];
        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];

                if (was_written(c))
                        new->writes[new->n_writes++] = (struct ts_memory_write){
                                .when = now,
                                .object = object_key(c),
                                .change = change_key(plan, c),
                                .drift = ts_change_is_drift(c),
                        };
        }
}

static void add_correction(struct ts_memory *m, uint64_t object, int64_t now)
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
        m->corrections[m->n_corrections++] = (struct ts_memory_correction){ now, now, 1, object };
}

void ts_recent_remember(struct ts_memory *new, const struct ts_memory *old, const struct ts_plan *plan,
                        int64_t now)
{
        size_t n_max = old->n_corrections + plan->n_changes, first = 0;

        remember_writes(new, old, plan, now);
        if (n_max > TS_CORRECTIONS_MAX)
                n_max = TS_CORRECTIONS_MAX;
        if (old->n_corrections > n_max)
                first = old->n_corrections - n_max; /* nothing keeps a record from being longer */
        new->corrections = TS_ARENA_ARRAY(&new->arena, struct ts_memory_correction, n_max);
        for (size_t i = first; i < old->n_corrections; i++)
                if (is_remembered(&old->corrections[i], now))
                        new->corrections[new->n_corrections++] = old->corrections[i];
        for (size_t i = 0; i < plan->n_changes; i++)
                if (was_written(&plan->changes[i]) && ts_change_is_drift(&plan->changes[i]))
                        add_correction(new, object_key(&plan->changes[i]), now);
}
