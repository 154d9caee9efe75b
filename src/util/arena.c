#include "util/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define ALIGNMENT (_Alignof(max_align_t))

/* Under AddressSanitizer every piece has its own chunk, so that a step over its end is seen. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHUNK_BYTES ((size_t) 1)
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CHUNK_BYTES ((size_t) 1)
#endif
#ifndef CHUNK_BYTES
#define CHUNK_BYTES ((size_t) 64 * 1024)
#endif

struct ts_arena_chunk {
        struct ts_arena_chunk *next;
        size_t used, size;
        max_align_t data[];
};

static size_t round_up(size_t n, size_t alignment)
{
        return (n + alignment - 1) & ~(alignment - 1);
}

static struct ts_arena_chunk *chunk_new(size_t size)
{
        struct ts_arena_chunk *c = ts_malloc(sizeof(*c) + size);

        c->next = NULL;
        c->used = 0;
        c->size = size;
        return c;
}

/* A new chunk with room for @size bytes. */
static struct ts_arena_chunk *chunk_add(struct ts_arena *a, size_t size)
{
        bool is_large = size > CHUNK_BYTES / 4;
        struct ts_arena_chunk *c = chunk_new(is_large ? size : CHUNK_BYTES);

        a->n_bytes += c->size;
        if (is_large && a->chunks) {
                /* behind the chunk in use, which still has room */
                c->next = a->chunks->next;
                a->chunks->next = c;
        } else {
                c->next = a->chunks;
                a->chunks = c;
        }
        return c;
}

/* Memory with whatever is in it. */
static void *take(struct ts_arena *a, size_t size, size_t alignment)
{
        struct ts_arena_chunk *c = a->chunks;
        size_t start = c ? round_up(c->used, alignment) : 0;

        if (size > SIZE_MAX / 2)
                ts_out_of_memory();
        if (!c || start > c->size || c->size - start < size) {
                c = chunk_add(a, size);
                start = 0;
        }
        c->used = start + size;
        return (unsigned char *) c->data + start;
}

void *ts_arena_alloc(struct ts_arena *a, size_t size)
{
        return memset(take(a, size, ALIGNMENT), 0, size);
}

void *ts_arena_array(struct ts_arena *a, size_t n, size_t size, size_t alignment)
{
        if (size > 0 && n > SIZE_MAX / size)
                ts_out_of_memory();
        return memset(take(a, n * size, alignment), 0, n * size);
}

void *ts_arena_memdup(struct ts_arena *a, const void *p, size_t len)
{
        void *q = take(a, len, ALIGNMENT);

        if (len > 0)
                memcpy(q, p, len);
        return q;
}

char *ts_arena_strndup(struct ts_arena *a, const char *s, size_t len)
{
        char *p;

        if (len > SIZE_MAX / 2)
                ts_out_of_memory();
        p = take(a, len + 1, 1);
        if (len > 0)
                memcpy(p, s, len);
        p[len] = '\0';
        return p;
}

char *ts_arena_strdup(struct ts_arena *a, const char *s)
{
        return s ? ts_arena_strndup(a, s, strlen(s)) : NULL;
}

char *ts_arena_printf(struct ts_arena *a, const char *fmt, ...)
{
        va_list ap;
        char *p;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        assert(n >= 0);

        p = take(a, (size_t) n + 1, 1);
        va_start(ap, fmt);
        (void) vsnprintf(p, (size_t) n + 1, fmt, ap); /* measured above */
        va_end(ap);
        return p;
}

void ts_arena_done(struct ts_arena *a)
{
        struct ts_arena_chunk *c, *next;

        if (!a)
                return;
        for (c = a->chunks; c; c = next) {
                next = c->next;
                free(c);
        }
        *a = (struct ts_arena) TS_ARENA_INIT;
}
