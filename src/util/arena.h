/*
 * arena - memory that is freed all at once
 *
 * Pure memory: no I/O. A cycle, a parsed answer or a set of declarations owns one arena; everything in
 * it lives as long as the arena. Single pieces cannot be freed. Cost: one allocation per chunk of
 * 64 KiB; a piece larger than that gets a chunk of its own.
 */
#ifndef TS_UTIL_ARENA_H
#define TS_UTIL_ARENA_H

#include <stddef.h>

#include "util/macros.h"

struct ts_arena {
        struct ts_arena_chunk *chunks; /* newest first */
        size_t n_bytes;                /* of all chunks */
};

#define TS_ARENA_INIT \
        { \
                NULL, 0 \
        }

/* Zeroed memory, aligned for any type; never NULL. */
void *ts_arena_alloc(struct ts_arena *a, size_t size) TS_MUST_CHECK __attribute__((returns_nonnull));
/* Likewise, but aligned to @alignment, a power of two. */
void *ts_arena_array(struct ts_arena *a, size_t n, size_t size, size_t alignment) TS_MUST_CHECK
                __attribute__((returns_nonnull));
#define TS_ARENA_NEW(a, type) TS_ARENA_ARRAY((a), type, 1)
#define TS_ARENA_ARRAY(a, type, n) ((type *) ts_arena_array((a), (n), sizeof(type), _Alignof(type)))

/* Copies; the result is NUL-terminated. ts_arena_strdup(a, NULL) is NULL. */
char *ts_arena_strdup(struct ts_arena *a, const char *s) TS_MUST_CHECK;
char *ts_arena_strndup(struct ts_arena *a, const char *s, size_t len) TS_MUST_CHECK
                __attribute__((returns_nonnull));
char *ts_arena_printf(struct ts_arena *a, const char *fmt, ...) TS_PRINTF(2, 3) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void *ts_arena_memdup(struct ts_arena *a, const void *p, size_t len) TS_MUST_CHECK
                __attribute__((returns_nonnull));

void ts_arena_done(struct ts_arena *a); /* leaves an empty arena that can be used again */

#endif
