#include "reconcile/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/sorted.h"

#define FIRST_RETRY_USEC (30 * TS_USEC_PER_SEC)

/* @first doubled for each failure after the first one, up to @max. */
static uint64_t doubled(uint64_t first, unsigned n_failures, uint64_t max)
{
        uint64_t wait = first;

        for (unsigned i = 1; i < n_failures && wait < max; i++)
                wait *= 2;
        return wait < max ? wait : max;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

uint64_t ts_schedule_wait(enum ts_turn_end outcome, unsigned n_failures, uint64_t interval_usec,
                          uint64_t jitter_usec, uint64_t random)
{
        uint64_t wait, first = interval_usec < FIRST_RETRY_USEC ? interval_usec : FIRST_RETRY_USEC;

        switch (outcome) {
        case TS_TURN_FAILED:
                wait = doubled(first, n_failures, larger(TS_FAILED_WAIT_MAX_USEC, interval_usec));
                break;
        case TS_TURN_PARTLY:
                wait = doubled(first, n_failures, interval_usec);
                break;
        case TS_TURN_DENIED:
                wait = doubled(interval_usec, n_failures, larger(TS_DENIED_WAIT_MAX_USEC, interval_usec));
                break;
        case TS_TURN_GOOD:
        case TS_TURN_REFUSED:
        default:
                return interval_usec + (jitter_usec > 0 ? random % (jitter_usec + 1) : 0);
        }
        return wait + random % (wait / 5 + 1);
}

/* ------------------------------------------------------------------------------------------------ entries */

void ts_schedule_done(struct ts_schedule *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->items[i].alias);
        free(s->items);
        *s = (struct ts_schedule){ .n = 0 };
}

static int compare(const void *alias, const void *entry)
{
        return strcmp(alias, ((const struct ts_schedule_entry *) entry)->alias);
}

static int compare_entries(const void *a, const void *b)
{
        return compare(((const struct ts_schedule_entry *) a)->alias, b);
}

struct ts_schedule_entry *ts_schedule_find(const struct ts_schedule *s, const char *alias)
{
        return TS_FIND_SORTED(alias, s->items, s->n, compare);
}

static struct ts_schedule_entry entry_of(const struct ts_schedule_key *key,
                                         const struct ts_schedule_entry *known)
{
        struct ts_schedule_entry e = { .id = key->id, .boundary = TS_TIME_NEVER, .is_asked = true };

        if (known) {
                bool is_other = known->is_gone || !ts_id_equal(&known->id, &key->id) ||
                                memcmp(&known->inputs, &key->inputs, sizeof(key->inputs)) != 0;

                e = *known;
                e.is_asked = e.is_asked || is_other;
                e.is_outdated = e.is_outdated || is_other;
        }
        if (!ts_id_equal(&e.id, &key->id))
                e.n_failures = 0;
        e.alias = ts_strdup(key->alias);
        e.id = key->id;
        e.inputs = key->inputs;
        e.is_gone = false;
        return e;
}

void ts_schedule_set(struct ts_schedule *s, const struct ts_schedule_key *keys, size_t n)
{
        struct ts_schedule new = { .items = ts_calloc(n + s->n, sizeof(*new.items)), .n = n };

        for (size_t i = 0; i < n; i++)
                new.items[i] = entry_of(&keys[i], ts_schedule_find(s, keys[i].alias));
        for (size_t i = 0; i < s->n; i++) {
                const struct ts_schedule_entry *e = &s->items[i];

                if (!e->is_under_way || TS_FIND_SORTED(e->alias, new.items, n, compare))
                        continue;
                new.items[new.n] = *e;
                new.items[new.n].alias = ts_strdup(e->alias);
                new.items[new.n++].is_gone = true;
        }
        ts_schedule_done(s);
        TS_SORT(new.items, new.n, compare_entries);
        *s = new;
}

void ts_schedule_ask_all(struct ts_schedule *s)
{
        for (size_t i = 0; i < s->n; i++)
                s->items[i].is_asked = true;
}

/* -------------------------------------------------------------------------------------------------- turns */

void ts_schedule_pass_boundaries(struct ts_schedule *s, int64_t now, uint64_t now_usec)
{
        for (size_t i = 0; i < s->n; i++) {
                struct ts_schedule_entry *e = &s->items[i];
                uint64_t at = e->boundary_turn_usec > 0 ? e->boundary_turn_usec + TS_BOUNDARY_GAP_USEC : 0;

                if (e->boundary > now)
                        continue;
                e->boundary = TS_TIME_NEVER;
                e->is_boundary = true;
                at = larger(at, now_usec);
                if (at < e->next_usec)
                        e->next_usec = at;
        }
}

static bool is_idle(const struct ts_schedule_entry *e)
{
        return !e->is_under_way && !e->is_gone;
}

bool ts_schedule_is_due(const struct ts_schedule_entry *e, uint64_t now_usec, uint64_t slack_usec)
{
        return is_idle(e) && (e->is_asked || e->next_usec <= now_usec + slack_usec);
}

bool ts_schedule_is_suspect(const struct ts_schedule_entry *e)
{
        return e->n_failures > 0 && e->outcome != TS_TURN_PARTLY;
}

void ts_schedule_begin(struct ts_schedule_entry *e, uint64_t now_usec)
{
        if (e->is_boundary)
                e->boundary_turn_usec = now_usec;
        e->is_under_way = true;
        e->is_asked = e->is_boundary = e->is_outdated = false;
}

void ts_schedule_note(struct ts_schedule_entry *e, enum ts_turn_end outcome, int64_t now, uint64_t now_usec,
                      uint64_t wait_usec, int64_t boundary)
{
        e->outcome = outcome;
        e->n_failures = outcome <= TS_TURN_REFUSED ? 0 : e->n_failures + (e->n_failures < UINT32_MAX);
        e->last_attempt = now;
        if (outcome == TS_TURN_GOOD)
                e->last_good = now;
        e->next_usec = now_usec + wait_usec;
        if (boundary != TS_TIME_UNSET)
                e->boundary = boundary;
}

void ts_schedule_end(struct ts_schedule_entry *e)
{
        e->was_cut = e->is_cut;
        e->is_asked = e->is_asked || e->is_cut;
        e->is_under_way = e->is_cut = false;
}

size_t ts_schedule_count_suspects(const struct ts_schedule *s)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n; i++)
                n += s->items[i].is_under_way && ts_schedule_is_suspect(&s->items[i]);
        return n;
}

uint64_t ts_schedule_next_usec(const struct ts_schedule *s, bool with_suspects)
{
        uint64_t next = UINT64_MAX;

        for (size_t i = 0; i < s->n; i++) {
                const struct ts_schedule_entry *e = &s->items[i];
                uint64_t at = e->is_asked ? 0 : e->next_usec;

                if (is_idle(e) && at < next && (e->is_asked || with_suspects || !ts_schedule_is_suspect(e)))
                        next = at;
        }
        return next;
}

int64_t ts_schedule_next_boundary(const struct ts_schedule *s)
{
        int64_t next = TS_TIME_NEVER;

        for (size_t i = 0; i < s->n; i++)
                if (is_idle(&s->items[i]) && s->items[i].boundary < next)
                        next = s->items[i].boundary;
        return next;
}
