/*
 * state_file - format of the text files in the state directory: lines of words, and a digest at the end
 *
 * Pure. The first line holds the version, the last line the SHA-256 of everything before it, so that any
 * modification is detected. The lines between hold words separated by single spaces.
 */
#ifndef TS_RECONCILE_STATE_FILE_H
#define TS_RECONCILE_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/id.h"

/* The rest of a line. Every ts_state_file_*() consumes the next word; if it is not of the requested type, the
 * line is left unchanged. */
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
