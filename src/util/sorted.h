/*
 * sorted - arrays in the order of a comparison: sort, drop what is there twice, find
 *
 * Pure. As qsort() and bsearch(), except that an empty array may be NULL. Of elements that compare equal any
 * may come first, be kept or be found.
 */
#ifndef TS_UTIL_SORTED_H
#define TS_UTIL_SORTED_H

#include <stddef.h>
#include <stdlib.h>

typedef int (*ts_compare)(const void *a, const void *b);

static inline void ts_sort(void *items, size_t n, size_t size, ts_compare compare)
{
        if (n > 1)
                qsort(items, n, size, compare);
}

/* Return: how many are left. */
size_t ts_sort_unique(void *items, size_t n, size_t size, ts_compare compare);

/* @compare is given @key first. NULL: there is none. */
static inline void *ts_find_sorted(const void *key, const void *items, size_t n, size_t size,
                                   ts_compare compare)
{
        return n > 0 ? bsearch(key, items, n, size, compare) : NULL;
}

#define TS_SORT(items, n, compare) ts_sort((items), (n), sizeof(*(items)), (compare))
#define TS_SORT_UNIQUE(items, n, compare) ts_sort_unique((items), (n), sizeof(*(items)), (compare))
#define TS_FIND_SORTED(key, items, n, compare) \
        ts_find_sorted((key), (items), (n), sizeof(*(items)), (compare))

#endif
