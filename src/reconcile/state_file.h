/*
 * state_file - the small text files of the state directory: words of a line, and the digest in the last one
 *
 * Pure. A file is a first line that tells its version, lines of words between single spaces, and a last line
 * with the SHA-256 of everything before it: anything else than what was written is told from it.
 */
#ifndef TS_RECONCILE_STATE_FILE_H
#define TS_RECONCILE_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/id.h"

/* What is left of a line. Every ts_state_file_*() takes the next word, and leaves the line as it was when
 * that is not what was asked for. */
struct ts_state_file_line {
        const char *next, *end;
};

bool ts_state_file_word(struct ts_state_file_line *l, const char **ret, size_t *ret_len);
bool ts_state_file_is(struct ts_state_file_line *l, const char *text);
bool ts_state_file_int(struct ts_state_file_line *l, int64_t *ret);
bool ts_state_file_count(struct ts_state_file_line *l, uint32_t *ret);
bool ts_state_file_flag(struct ts_state_file_line *l, bool *ret); /* 0 or 1 */
bool ts_state_file_id(struct ts_state_file_line *l, struct ts_id *ret);
bool ts_state_file_key(struct ts_state_file_line *l, uint64_t *ret); /* 16 hexadecimal digits, lower case */

/* Appends the digest of what is in @out. */
void ts_state_file_seal(struct ts_buf *out);

/*
 * ts_state_file_open - the lines between the first and the digest
 * @first: what the first line has to be
 * Return: false when the digest or the first line is not right; @ret then holds nothing.
 */
bool ts_state_file_open(const char *text, size_t len, const char *first, struct ts_state_file_line *ret);

/* Cuts the next line off @text. False at its end. */
bool ts_state_file_next_line(struct ts_state_file_line *text, struct ts_state_file_line *ret);

#endif
