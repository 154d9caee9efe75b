/*
 * reader - parses a JSON text into a tree of values
 *
 * Pure. One call, the whole text (yajl stays behind this header). Refused: anything but one value, depth over
 * TS_JSON_MAX_DEPTH, more than TS_JSON_MAX_VALUES values, more than TS_JSON_MAX_KEYS keys in an object, a
 * key over TS_JSON_STRING_MAX_BYTES, a number over TS_JSON_NUMBER_MAX_BYTES or too large for a double,
 * duplicate keys in an object, broken UTF-8 outside of strings, a byte order mark, form feed and vertical tab
 * as white space. Everything lives in the arena handed in, and nothing points into the text. Cost: linear.
 *
 * Mended, and marked `is_altered`: what is no text inside of a string (broken UTF-8, half a surrogate pair,
 * U+0000, a control character that is not escaped) becomes U+FFFD, and a string over TS_JSON_STRING_MAX_BYTES
 * is cut at a character. One name in a list must not make the whole list unreadable.
 */
#ifndef TS_JSON_READER_H
#define TS_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/id.h"

enum ts_json_type {
        TS_JSON_NULL,
        TS_JSON_BOOL,
        TS_JSON_INT,    /* an integer within int64_t */
        TS_JSON_REAL,   /* any other number */
        TS_JSON_STRING, /* valid UTF-8, no NUL inside, NUL-terminated */
        TS_JSON_ARRAY,
        TS_JSON_OBJECT,
};

struct ts_json {
        enum ts_json_type type : 8;
        bool is_altered : 1;        /* a string that is not what was sent: mended, or hidden by its reader */
        uint32_t n;                 /* children of an array or object, bytes of a string */
        const char *key;            /* inside an object; else NULL */
        const struct ts_json *next; /* the next child of the same parent */
        union {
                bool boolean;
                int64_t integer;
                double real;
                const char *string;
                const struct ts_json *first; /* child of an array or object */
        };
};

/* @parent is an array or an object. */
#define TS_JSON_FOREACH(child, parent) \
        for (const struct ts_json *child = (parent)->first; child; child = child->next)

/*
 * ts_json_parse - @len bytes at @text
 * @err: class TS_ERR_REMOTE, code -EBADMSG (no JSON, or one we refuse) or -EFBIG (over a limit); says what,
 * and at which byte (the first one is byte 1)
 */
int ts_json_parse(const char *text, size_t len, struct ts_arena *arena, const struct ts_json **ret,
                  struct ts_err *err) TS_MUST_CHECK;

/* Members of an object. The API means the same by a missing member and by null: both are NULL here, and so is
 * the member of anything but an object, NULL included. */
const struct ts_json *ts_json_get(const struct ts_json *object, const char *key);

/* The same; NULL or false also when it is of another type. An id is a string that is a UUID. An intact string
 * is not altered: for a text that decides something. */
const struct ts_json *ts_json_get_object(const struct ts_json *object, const char *key);
const struct ts_json *ts_json_get_array(const struct ts_json *object, const char *key);
const char *ts_json_get_string(const struct ts_json *object, const char *key);
const char *ts_json_get_intact_string(const struct ts_json *object, const char *key);
bool ts_json_get_int(const struct ts_json *object, const char *key, int64_t *ret);
bool ts_json_get_bool(const struct ts_json *object, const char *key, bool *ret);
bool ts_json_get_id(const struct ts_json *object, const char *key, struct ts_id *ret);

#endif
