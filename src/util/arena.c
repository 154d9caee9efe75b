#include "util/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define CHUNK_BYTES ((size_t) 64 * 1024)
#define ALIGNMENT (sizeof(max_align_t))

struct ts_arena_chunk {
        struct ts_arena_chunk *next;
        size_t used, size;
        max_align_t data[];
};

static struct ts_arena_chunk *chunk_new(size_t size)
{
        struct ts_arena_chunk *c = ts_malloc(sizeof(*c) + size);

        c->next = NULL;
        c->used = 0;
        c->size = size;
        return c;
}

void *ts_arena_alloc(struct ts_arena *a, size_t size)
{
        struct ts_arena_chunk *c;
        unsigned char *p;

        assert(a);
        if (size > SIZE_MAX / 2)
                ts_out_of_memory();
        size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

        c = a->chunks;
        if (!c || c->size - c->used < size) {
                c = chunk_new(size > CHUNK_BYTES / 4 ? size : CHUNK_BYTES);
                if (size > CHUNK_BYTES / 4 && a->chunks) {
                        /* a large piece goes behind the chunk in use, which still has room */
                        c->next = a->chunks->next;
                        a->chunks->next = c;
                } else {
                        c->next = a->chunks;
                        a->chunks = c;
                }
        }

        p = (unsigned char *) c->data + c->used;
        c->used += size;
        memset(p, 0, size);
        return p;
}

void *ts_arena_array(struct ts_arena *a, size_t n, size_t size)
{
        if (size > 0 && n > SIZE_MAX / size)
                ts_out_of_memory();
        return ts_arena_alloc(a, n * size);
}

void *ts_arena_memdup(struct ts_arena *a, const void *p, size_t len)
{
        void *q = ts_arena_alloc(a, len);

        if (len > 0)
                memcpy(q, p, len);
        return q;
}

char *ts_arena_strndup(struct ts_arena *a, const char *s, size_t len)
{
        char *p = ts_arena_alloc(a, len + 1);

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

        p = ts_arena_alloc(a, (size_t) n + 1);
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
        a->chunks = NULL;
}
