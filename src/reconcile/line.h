/*
 * line - the small text files of the state directory: words of a line, and the digest in the last one
 *
 * Pure. A file is a first line that tells its version, lines of words between single spaces, and a last line
 * with the SHA-256 of everything before it: anything else than what was written is told from it.
 */
#ifndef TS_RECONCILE_LINE_H
#define TS_RECONCILE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/id.h"

/* What is left of a line. Every ts_line_*() takes the next word, and leaves the line as it was when that is
 * not what was asked for. */
struct ts_line {
        const char *next, *end;
};

bool ts_line_word(struct ts_line *l, const char **ret, size_t *ret_len);
bool ts_line_is(struct ts_line *l, const char *text);
bool ts_line_int(struct ts_line *l, int64_t *ret);
bool ts_line_count(struct ts_line *l, uint32_t *ret);
bool ts_line_flag(struct ts_line *l, bool *ret); /* 0 or 1 */
bool ts_line_id(struct ts_line *l, struct ts_id *ret);
bool ts_line_key(struct ts_line *l, uint64_t *ret); /* 16 hexadecimal digits, lower case */

/* Appends the digest of what is in @out. */
void ts_line_seal(struct ts_buf *out);

/*
 * ts_line_open - the lines between the first and the digest
 * @first: what the first line has to be
 * Return: false when the digest or the first line is not right; @ret then holds nothing.
 */
bool ts_line_open(const char *text, size_t len, const char *first, struct ts_line *ret);

/* Cuts the next line off @text. False at its end. */
bool ts_line_next(struct ts_line *text, struct ts_line *ret);

#endif
