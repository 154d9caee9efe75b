#include "util/sorted.h"

#include <string.h>

size_t ts_sort_unique(void *items, size_t n, size_t size, ts_compare compare)
{
        char *p = items;
        size_t kept = 0;

        ts_sort(items, n, size, compare);
        for (size_t i = 0; i < n; i++) {
                if (kept > 0 && compare(p + (kept - 1) * size, p + i * size) == 0)
                        continue;
                if (kept != i)
                        memcpy(p + kept * size, p + i * size, size);
                kept++;
        }
        return kept;
}
