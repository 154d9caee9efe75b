/*
 * nearest - the candidate that is nearest to a misspelt word, if it is near enough
 *
 * Pure. Edit distance without regard to ASCII case: at most 1 for words of up to three characters, 2 for up
 * to six, else 3. Words of more than 40 characters have no nearest one.
 */
#ifndef TS_UTIL_NEAREST_H
#define TS_UTIL_NEAREST_H

#define TS_NEAREST_WORD_MAX 40u

/* Levenshtein, without regard to ASCII case; @b has at most TS_NEAREST_WORD_MAX characters. */
unsigned ts_edit_distance(const char *a, const char *b);

struct ts_nearest {
        const char *word;
        const char *best; /* NULL: none; borrowed */
        unsigned distance;
};

void ts_nearest_try(struct ts_nearest *n, const char *candidate);
/* "did you mean 'roles'?" in @buf; NULL when there is none. */
const char *ts_nearest_hint(const struct ts_nearest *n, char buf[static 160]);

#endif
