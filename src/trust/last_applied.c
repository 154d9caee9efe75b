#include "trust/last_applied.h"

#include <stdlib.h>
#include <string.h>

#include "trust/diff.h"
#include "util/mem.h"
#include "util/sorted.h"

struct ts_last_applied *ts_last_applied_new(void)
{
        return ts_calloc(1, sizeof(struct ts_last_applied));
}

void ts_last_applied_free(struct ts_last_applied *m)
{
        if (!m)
                return;
        ts_arena_done(&m->arena);
        free(m);
}

static int trust_compare(const void *a, const void *b)
{
        const struct ts_last_applied_trust *x = a, *y = b;
        int r = TS_ORDER(x->direction, y->direction);

        return r != 0 ? r : ts_id_compare(&x->id, &y->id);
}

const struct ts_last_applied_trust *ts_last_applied_find_trust(const struct ts_last_applied *m,
                                                               enum ts_direction d, const struct ts_id *id)
{
        const struct ts_last_applied_trust key = { .direction = d, .id = *id };

        if (!m || m->status != TS_LAST_APPLIED_KNOWN)
                return NULL;
        return TS_FIND_SORTED(&key, m->trusts, m->n_trusts, trust_compare);
}

static int member_compare(const void *a, const void *b)
{
        return ts_id_compare(&((const struct ts_last_applied_member *) a)->id,
                             &((const struct ts_last_applied_member *) b)->id);
}

const struct ts_last_applied_member *ts_last_applied_find_member(const struct ts_last_applied_trust *t,
                                                                 enum ts_collection c, const struct ts_id *id)
{
        const struct ts_last_applied_member key = { .id = *id };

        return t ? TS_FIND_SORTED(&key, t->collections[c].items, t->collections[c].n, member_compare) : NULL;
}

static unsigned char fold(char c)
{
        return (unsigned char) (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool folds(enum ts_collection c)
{
        return ts_collection_kind(c) != TS_KIND_GROUP;
}

/* Search key; the keys on record are folded already where that applies. */
struct lookup_key {
        const char *key;
        bool is_folded;
};

static int compare_lookup_key(const void *a, const void *b)
{
        const struct lookup_key *lookup = a;
        const char *key = lookup->key, *recorded = ((const struct ts_last_applied_key *) b)->key;

        for (;; key++, recorded++) {
                unsigned char x = lookup->is_folded ? fold(*key) : (unsigned char) *key;
                unsigned char y = (unsigned char) *recorded;

                if (x != y)
                        return x < y ? -1 : 1;
                if (x == '\0')
                        return 0;
        }
}

const struct ts_last_applied_key *ts_last_applied_find_key(const struct ts_last_applied_trust *t,
                                                           enum ts_collection c, const char *key)
{
        const struct lookup_key lookup = { key, folds(c) };

        return t ? TS_FIND_SORTED(&lookup, t->collections[c].keys, t->collections[c].n_keys,
                                  compare_lookup_key)
                 : NULL;
}

void ts_last_applied_put_key(struct ts_last_applied *m, struct ts_last_applied_members *to,
                             enum ts_collection c, const char *key, const struct ts_id *id)
{
        char *copy = ts_arena_memdup(&m->arena, key, strlen(key) + 1);

        for (char *p = copy; folds(c) && *p; p++)
                *p = (char) fold(*p);
        to->keys[to->n_keys++] = (struct ts_last_applied_key){ copy, *id };
}

/* FNV-1a and a final mix: written to disk, so it must never change. */
static uint64_t key_of(const uint8_t *bytes, size_t n)
{
        uint64_t h = 0xcbf29ce484222325u;

        for (size_t i = 0; i < n; i++) {
                h ^= bytes[i];
                h *= 0x100000001b3u;
        }
        h ^= h >> 32;
        h *= 0x9e3779b97f4a7c15u;
        return h ^ h >> 29;
}

uint64_t ts_last_applied_grant_key(const struct ts_catalog *catalog, const struct ts_grant *grant)
{
        uint8_t bytes[32];

        memcpy(bytes, catalog->roles[grant->role].id.bytes, 16);
        memcpy(bytes + 16, catalog->divisions[grant->division].id.bytes, 16);
        return key_of(bytes, sizeof(bytes));
}

uint64_t ts_last_applied_text_key(const char *text)
{
        TS_CLEANUP(ts_freep) char *folded = ts_strdup(text);

        for (char *p = folded; *p; p++)
                if (*p >= 'A' && *p <= 'Z')
                        *p = (char) (*p - 'A' + 'a');
        return key_of((const uint8_t *) folded, strlen(folded));
}

static int key_compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return TS_ORDER(*x, *y);
}

void ts_last_applied_set_grants(struct ts_last_applied *m, struct ts_last_applied_member *member,
                                const struct ts_catalog *catalog, const struct ts_grant *grants, size_t n)
{
        member->n_grants = n;
        member->grants = TS_ARENA_ARRAY(&m->arena, uint64_t, n);
        for (size_t i = 0; i < n; i++)
                member->grants[i] = ts_last_applied_grant_key(catalog, &grants[i]);
        qsort(member->grants, n, sizeof(*member->grants), key_compare);
}

static int recorded_key_compare(const void *a, const void *b)
{
        const struct ts_last_applied_key *x = a, *y = b;
        int r = strcmp(x->key, y->key);

        return r != 0 ? r : ts_id_compare(&x->id, &y->id);
}

static void sort_keys(struct ts_last_applied_members *m)
{
        size_t n = 0;

        TS_SORT(m->keys, m->n_keys, recorded_key_compare);
        for (size_t i = 0; i < m->n_keys; i++)
                if (n == 0 || strcmp(m->keys[n - 1].key, m->keys[i].key) != 0)
                        m->keys[n++] = m->keys[i];
        m->n_keys = n;
}

void ts_last_applied_sort(struct ts_last_applied *m)
{
        for (size_t i = 0; i < m->n_trusts; i++)
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                        struct ts_last_applied_members *members = &m->trusts[i].collections[c];

                        TS_SORT(members->items, members->n, member_compare);
                        sort_keys(members);
                }
        TS_SORT(m->trusts, m->n_trusts, trust_compare);
}

bool ts_last_applied_has_grant(const struct ts_last_applied_member *m, uint64_t key)
{
        return m && TS_FIND_SORTED(&key, m->grants, m->n_grants, key_compare);
}

/* Our clock and the server's; which of them is right, if any, nobody knows. */
static int64_t earlier_of(int64_t now, int64_t skew_sec)
{
        return skew_sec < 0 ? now + skew_sec : now;
}

static int64_t later_of(int64_t now, int64_t skew_sec)
{
        return skew_sec > 0 ? now + skew_sec : now;
}

static bool is_of_day(int64_t when, int64_t now, int64_t skew_sec)
{
        return earlier_of(now, skew_sec) - when < TS_LAST_APPLIED_DAY_SEC;
}

uint32_t ts_last_applied_removals_of_day(const struct ts_last_applied *m, int64_t now, int64_t skew_sec,
                                         uint32_t *ret_trusts)
{
        uint64_t n = 0, n_trusts = 0;

        for (size_t i = 0; m && i < m->n_removals; i++) {
                if (!is_of_day(m->removals[i].when, now, skew_sec))
                        continue;
                n += m->removals[i].n;
                n_trusts += m->removals[i].n_trusts;
        }
        *ret_trusts = n_trusts < UINT32_MAX ? (uint32_t) n_trusts : UINT32_MAX;
        return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}

/* One of the clocks was wrong, and is right again. */
static int64_t settled(int64_t when, int64_t later, bool agree)
{
        return agree && when - later > TS_CLOCK_SKEW_MAX_SEC ? later : when;
}

void ts_last_applied_add_removals(struct ts_last_applied *m, int64_t now, int64_t skew_sec, uint32_t n,
                                  uint32_t n_trusts)
{
        struct ts_last_applied_removals *items =
                        TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_removals, m->n_removals + 1);
        int64_t later = later_of(now, skew_sec);
        bool agree = llabs(skew_sec) <= TS_CLOCK_SKEW_MAX_SEC;
        size_t kept = 0;

        for (size_t i = 0; i < m->n_removals; i++) {
                struct ts_last_applied_removals r = m->removals[i];

                if (!is_of_day(r.when, now, skew_sec))
                        continue;
                r.when = settled(r.when, later, agree);
                items[kept++] = r;
        }
        if (n > 0)
                items[kept++] = (struct ts_last_applied_removals){ later, n, n_trusts };
        m->removals = items;
        m->n_removals = kept;
}

uint32_t ts_last_applied_drift_of_day(const struct ts_last_applied *m, enum ts_direction direction,
                                      const struct ts_id *trust, int64_t now, int64_t skew_sec)
{
        uint64_t n = 0;

        for (size_t i = 0; i < m->n_drift; i++)
                if (m->drift[i].direction == direction && ts_id_equal(&m->drift[i].trust, trust) &&
                    is_of_day(m->drift[i].when, now, skew_sec))
                        n += m->drift[i].n;
        return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}

uint32_t ts_last_applied_drift_trusts_of_day(const struct ts_last_applied *m, int64_t now, int64_t skew_sec)
{
        uint64_t n = 0;

        for (size_t i = 0; i < m->n_drift; i++)
                if (is_of_day(m->drift[i].when, now, skew_sec))
                        n += m->drift[i].n_trusts;
        return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}

void ts_last_applied_add_drift(struct ts_last_applied *m, int64_t now, int64_t skew_sec,
                               const struct ts_last_applied_drift *d, size_t n)
{
        struct ts_last_applied_drift *items =
                        TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_drift, m->n_drift + n);
        bool agree = llabs(skew_sec) <= TS_CLOCK_SKEW_MAX_SEC;
        int64_t later = later_of(now, skew_sec);
        size_t kept = 0;

        for (size_t i = 0; i < m->n_drift; i++) {
                items[kept] = m->drift[i];
                items[kept].when = settled(items[kept].when, later, agree);
                kept += is_of_day(m->drift[i].when, now, skew_sec);
        }
        for (size_t i = 0; i < n; i++) {
                items[kept] = d[i];
                items[kept++].when = later;
        }
        m->drift = items;
        m->n_drift = kept;
}
