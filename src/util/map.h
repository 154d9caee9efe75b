/*
 * map - hash map from bytes to 32-bit numbers, for lookups of ids and names
 *
 * Open addressing; keys are borrowed and must outlive the map. The hash is seeded, because keys may come from
 * an attacker. Cost: one probe, 24 bytes an entry at most three quarters full.
 */
#ifndef TS_UTIL_MAP_H
#define TS_UTIL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/id.h"

#define TS_MAP_NONE UINT32_MAX

struct ts_map {
        struct ts_map_entry *entries;
        size_t n, allocated;
        bool fold_ascii; /* keys that differ only in ASCII case are equal (e-mails) */
        uint64_t seed;
};

#define TS_MAP_INIT \
        { \
                0 \
        }
#define TS_MAP_FOLD_INIT \
        { \
                .fold_ascii = true \
        }

/* @value is not TS_MAP_NONE, @key not NULL. */

/* Adds a key; when it is there already, nothing changes. Returns the value the key has now: @value when it
 * was added. */
uint32_t ts_map_add(struct ts_map *m, const void *key, size_t len, uint32_t value);
uint32_t ts_map_get(const struct ts_map *m, const void *key, size_t len);       /* TS_MAP_NONE: not there */
void ts_map_set(struct ts_map *m, const void *key, size_t len, uint32_t value); /* adds or overwrites */

static inline uint32_t ts_map_get_id(const struct ts_map *m, const struct ts_id *id)
{
        return ts_map_get(m, id->bytes, sizeof(id->bytes));
}

static inline uint32_t ts_map_add_id(struct ts_map *m, const struct ts_id *id, uint32_t value)
{
        return ts_map_add(m, id->bytes, sizeof(id->bytes), value);
}

void ts_map_done(struct ts_map *m);

/* ASCII case folding, for e-mails: equal when only A-Z/a-z differ. Both NULL-safe: NULL equals nothing. */
bool ts_equal_fold(const char *a, const char *b);

#endif
