/*
 * mem - allocation that never returns NULL
 *
 * Out of memory ends the process with status 71 (EX_OSERR) after one line on stderr: nothing is sent
 * after it, systemd restarts the daemon, and the next cycle finishes the work. No caller has an
 * out-of-memory path. The raw functions have the shapes that libcurl, OpenSSL and yajl want, so that
 * the same rule holds inside them.
 */
#ifndef TS_UTIL_MEM_H
#define TS_UTIL_MEM_H

#include <stddef.h>

#include "util/macros.h"

#define TS_EXIT_MEMORY 71

/* The caller frees with free(). A size of 0 gives a valid, unique pointer. */
void *ts_malloc(size_t size) TS_MUST_CHECK __attribute__((malloc, returns_nonnull));
void *ts_calloc(size_t n, size_t size) TS_MUST_CHECK __attribute__((malloc, returns_nonnull));
void *ts_realloc(void *p, size_t size) TS_MUST_CHECK __attribute__((returns_nonnull));
void *ts_reallocarray(void *p, size_t n, size_t size) TS_MUST_CHECK __attribute__((returns_nonnull));
char *ts_strdup(const char *s) TS_MUST_CHECK __attribute__((malloc, returns_nonnull));
char *ts_strndup(const char *s, size_t n) TS_MUST_CHECK __attribute__((malloc, returns_nonnull));

/* Makes room for one more element in a growing array: *p holds *n_allocated elements of @size bytes. */
void ts_grow(void **p, size_t *n_allocated, size_t n_used, size_t size);
#define TS_GROW(p, n_allocated, n_used) ts_grow((void **) &(p), &(n_allocated), (n_used), sizeof(*(p)))

/* Ends the process with TS_EXIT_MEMORY. */
_Noreturn void ts_out_of_memory(void);

/* The same when @r, what a library or the system returned, is -ENOMEM; else gives it back. */
int ts_check_memory(int r);

/* Overwrites memory that held a secret; not optimised away. */
void ts_wipe(void *p, size_t n);

/* TS_CLEANUP(ts_freep) char *text = NULL; */
void ts_freep(void *pp);

#endif
