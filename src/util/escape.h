/*
 * escape - makes text from the API or from files safe for a terminal, a report or the journal
 *
 * Pure. Input may be any bytes; output is always valid UTF-8 without control characters (C0, C1, DEL), bidi
 * controls, line and paragraph separators, characters that show nothing (Unicode's
 * Default_Ignorable_Code_Point: zero width, variation selectors, fillers, tags), blanks other than U+0020
 * (no-break space, U+2000..A, U+2800, U+3000), U+FFFE/F, or broken UTF-8; each of these bytes appears as
 * \xNN. A backslash stays as it is. An output that would be longer than TS_TEXT_MAX_BYTES is cut at a
 * character and ends in "…".
 */
#ifndef TS_UTIL_ESCAPE_H
#define TS_UTIL_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/buf.h"

/* Appends @s to @out; false when nothing had to be changed. TAB and LF are \xNN as well. */
bool ts_escape_text(struct ts_buf *out, const char *s, size_t len);

/* The same with another maximum of the bytes appended. */
bool ts_escape_text_max(struct ts_buf *out, const char *s, size_t len, size_t max_bytes);

/* The same in an arena; NULL becomes "". Returns @s itself when it needs no change. */
const char *ts_escape_arena(struct ts_arena *a, const char *s);

/* A name chosen by others, for use inside our messages: an e-mail address (ASCII letters, digits and
 * ._%+'- around one @) as it is, anything else escaped as above and in double quotes, one inside as \x22. */
void ts_escape_name(struct ts_buf *out, const char *s);
const char *ts_escape_name_arena(struct ts_arena *a, const char *s);

/* A Markdown code span: fenced by more backticks than @s holds in a row, `|` escaped for tables, never empty.
 * The text is escaped as above first, and so it is in CSV. */
void ts_escape_markdown(struct ts_buf *out, const char *s);

/* An RFC 4180 cell: quoted when needed, `'` prefixed to = + - @ TAB CR LF, so that no spreadsheet evaluates
 * it. */
void ts_escape_csv(struct ts_buf *out, const char *s);

/* The character at the start of @s: 1 to 4, its length; 0 when there is none. Well-formed means: no overlong
 * forms, no surrogates, nothing above U+10FFFF. U+0000 is a character. */
size_t ts_utf8_decode(const char *s, size_t len, uint32_t *ret);

/* The number of bytes before the first one that is not well-formed; @len if there is none. */
size_t ts_utf8_valid_prefix(const char *s, size_t len);
bool ts_utf8_is_valid(const char *s, size_t len);

bool ts_is_ascii(const char *s, size_t len);

/* True for the characters that are listed above, TAB and LF among them. */
bool ts_char_is_forbidden(uint32_t c);

/* True when @s holds a control (C0 other than TAB and LF, C1, DEL), bidi or other character of the list
 * above, or broken UTF-8. *@ret_offset: the first one's byte offset (may be NULL). */
bool ts_text_has_forbidden(const char *s, size_t len, size_t *ret_offset);

#endif
