#include "util/nearest.h"

#include <stdio.h>
#include <string.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
        unsigned m = a < b ? a : b;

        return m < c ? m : c;
}

static char fold(char c)
{
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

unsigned ts_edit_distance(const char *a, const char *b)
{
        size_t n = strlen(b), i, j;
        unsigned row[TS_NEAREST_WORD_MAX + 1];

        for (j = 0; j <= n; j++)
                row[j] = (unsigned) j;
        for (i = 0; a[i]; i++) {
                unsigned diagonal = row[0];

                row[0] = (unsigned) i + 1;
                for (j = 0; j < n; j++) {
                        unsigned above = row[j + 1];

                        row[j + 1] = min3(above + 1, row[j] + 1, diagonal + (fold(a[i]) != fold(b[j])));
                        diagonal = above;
                }
        }
        return row[n];
}

void ts_nearest_try(struct ts_nearest *n, const char *candidate)
{
        size_t len = strlen(n->word);
        unsigned distance, near = len <= 3 ? 1 : len <= 6 ? 2 : 3;

        if (len > TS_NEAREST_WORD_MAX || strlen(candidate) > TS_NEAREST_WORD_MAX)
                return;
        distance = ts_edit_distance(n->word, candidate);
        if (distance > near || (n->best && distance >= n->distance))
                return;
        n->best = candidate;
        n->distance = distance;
}

const char *ts_nearest_hint(const struct ts_nearest *n, char buf[static 160])
{
        if (!n->best)
                return NULL;
        (void) snprintf(buf, 160, "did you mean '%s'?", n->best); /* both are short */
        return buf;
}
