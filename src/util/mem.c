#include "util/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void ts_out_of_memory(void)
{
        static const char text[] =
                        "trustsyncd: out of memory; nothing more is sent, the next cycle goes on\n";
        ssize_t r;

        r = write(STDERR_FILENO, text, sizeof(text) - 1);
        (void) r; /* nothing is left to be done when stderr is gone as well */
        _exit(TS_EXIT_MEMORY);
}

int ts_check_memory(int r)
{
        if (r == -ENOMEM)
                ts_out_of_memory();
        return r;
}

void *ts_malloc(size_t size)
{
        void *p = malloc(size > 0 ? size : 1);

        if (!p)
                ts_out_of_memory();
        return p;
}

void *ts_calloc(size_t n, size_t size)
{
        void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

        if (!p)
                ts_out_of_memory();
        return p;
}

void *ts_realloc(void *p, size_t size)
{
        void *q = realloc(p, size > 0 ? size : 1);

        if (!q)
                ts_out_of_memory();
        return q;
}

void *ts_reallocarray(void *p, size_t n, size_t size)
{
        if (size > 0 && n > SIZE_MAX / size)
                ts_out_of_memory();
        return ts_realloc(p, n * size);
}

char *ts_strndup(const char *s, size_t n)
{
        size_t len = strnlen(s, n);
        char *p = ts_malloc(len + 1);

        memcpy(p, s, len);
        p[len] = '\0';
        return p;
}

char *ts_strdup(const char *s)
{
        return ts_strndup(s, strlen(s));
}

void ts_grow(void **p, size_t *n_allocated, size_t n_used, size_t size)
{
        size_t n;
        void *q;

        if (n_used < *n_allocated)
                return;
        if (*n_allocated > SIZE_MAX / 2)
                ts_out_of_memory();
        n = *n_allocated > 0 ? *n_allocated * 2 : 8;

        /* the caller's pointer has another type than void *: only its bytes may be touched */
        memcpy(&q, p, sizeof(q));
        q = ts_reallocarray(q, n, size);
        memcpy(p, &q, sizeof(q));
        *n_allocated = n;
}

void ts_wipe(void *p, size_t n)
{
        if (p)
                explicit_bzero(p, n);
}

void ts_freep(void *pp)
{
        void *p;

        memcpy(&p, pp, sizeof(p)); /* whatever type it points at */
        free(p);
}
