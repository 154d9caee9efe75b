/*
 * escape - text from the API or from files, made fit for a terminal, a report or the journal
 *
 * Pure. Input may be any bytes; output is always valid UTF-8 without control characters (C0, C1, DEL),
 * bidi controls (U+061C, U+200E/F, U+202A..E, U+2066..9), line and paragraph separators (U+2028/9), zero width
 * and invisible characters (U+200B..D, U+2060, U+FEFF), or broken UTF-8; each of these bytes appears as \xNN. A backslash
 * stays as it is. Longer than TS_TEXT_MAX_BYTES is cut at a character and ends in "…".
 */
#ifndef TS_UTIL_ESCAPE_H
#define TS_UTIL_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/buf.h"

/* Appends @s to @out; false when nothing had to be changed. */
bool ts_escape_text(struct ts_buf *out, const char *s, size_t len);

/* The same in an arena; NULL becomes "". Returns @s itself when it needs no change. */
const char *ts_escape_arena(struct ts_arena *a, const char *s);

/* A Markdown code span: fenced by more backticks than @s holds in a row, `|` escaped for tables, never empty. */
void ts_escape_markdown(struct ts_buf *out, const char *s);

/* An RFC 4180 cell: quoted when needed, and `'` put in front of = + - @ TAB CR so that no spreadsheet runs it. */
void ts_escape_csv(struct ts_buf *out, const char *s);

/* True for well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool ts_utf8_is_valid(const char *s, size_t len);

/* True when @s holds a control (C0 other than TAB and LF, C1, DEL), bidi or other character of the list above.
 * *@ret_offset: the first one's byte offset (may be NULL). @s is valid UTF-8. */
bool ts_text_has_forbidden(const char *s, size_t len, size_t *ret_offset);

#endif
