/*
 * writer - writes JSON into a buffer
 *
 * Commas, indentation and escaping are done here; the caller opens and closes in the right order (asserted).
 * Strings: any bytes; broken UTF-8 becomes U+FFFD, so that the output is always valid JSON, and characters
 * that have no place on a terminal (util/escape.h) are written as \u escapes, which is lossless. No newline
 * at the end. Check ts_buf_failed() once at the end.
 */
#ifndef TS_JSON_WRITER_H
#define TS_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/reader.h"
#include "util/buf.h"
#include "util/id.h"

#define TS_JSON_WRITER_MAX_DEPTH 40u /* deeper than anything that we write */

struct ts_json_writer {
        struct ts_buf *out; /* borrowed */
        bool pretty;        /* two spaces a level, one member a line */
        bool after_key;
        bool is_done; /* the one value has been written */
        unsigned depth;
        /* of the open containers; [0] is not used */
        char closers[TS_JSON_WRITER_MAX_DEPTH + 1]; /* '}' or ']' */
        bool has_items[TS_JSON_WRITER_MAX_DEPTH + 1];
};

#define TS_JSON_WRITER_INIT(buf, is_pretty) \
        { \
                .out = (buf), .pretty = (is_pretty) \
        }

void ts_json_open_object(struct ts_json_writer *w);
void ts_json_close_object(struct ts_json_writer *w);
void ts_json_open_array(struct ts_json_writer *w);
void ts_json_close_array(struct ts_json_writer *w);
void ts_json_key(struct ts_json_writer *w, const char *key);

void ts_json_put_string(struct ts_json_writer *w, const char *s); /* NULL: null */
void ts_json_put_int(struct ts_json_writer *w, int64_t v);
void ts_json_put_bool(struct ts_json_writer *w, bool v);
void ts_json_put_null(struct ts_json_writer *w);
void ts_json_put_id(struct ts_json_writer *w, const struct ts_id *id); /* nil: null */
/* A value as it was read, whatever it is; a number that no int64_t holds has a double's precision. */
/* A value that was written before, as text. */
void ts_json_put_text(struct ts_json_writer *w, const char *json);
void ts_json_put_value(struct ts_json_writer *w, const struct ts_json *value);

/* key and value in one */
void ts_json_add_string(struct ts_json_writer *w, const char *key, const char *s);
void ts_json_add_int(struct ts_json_writer *w, const char *key, int64_t v);
void ts_json_add_bool(struct ts_json_writer *w, const char *key, bool v);
void ts_json_add_id(struct ts_json_writer *w, const char *key, const struct ts_id *id);

#endif
