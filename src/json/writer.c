#include "json/writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/escape.h"

static bool is_in_object(const struct ts_json_writer *w)
{
        return w->depth > 0 && w->closers[w->depth] == '}';
}

static void new_line(struct ts_json_writer *w)
{
        unsigned i;

        if (!w->pretty)
                return;
        (void) ts_buf_putc(w->out, '\n'); /* here as below: the caller checks ts_buf_failed() */
        for (i = 0; i < w->depth; i++)
                (void) ts_buf_puts(w->out, "  ");
}

/* What comes in front of a key, or of a value that has no key. */
static void begin_item(struct ts_json_writer *w)
{
        if (w->depth == 0)
                return;
        if (w->has_items[w->depth])
                (void) ts_buf_putc(w->out, ',');
        w->has_items[w->depth] = true;
        new_line(w);
}

static void begin_value(struct ts_json_writer *w)
{
        assert(!w->is_done);
        assert(w->after_key == is_in_object(w));

        if (!w->after_key)
                begin_item(w);
        w->after_key = false;
        w->is_done = w->depth == 0;
}

static void put_literal(struct ts_json_writer *w, const char *text)
{
        begin_value(w);
        (void) ts_buf_puts(w->out, text);
}

void ts_json_put_text(struct ts_json_writer *w, const char *json)
{
        put_literal(w, json);
}

static void put_escape(struct ts_buf *out, uint32_t c)
{
        switch (c) {
        case '"':
        case '\\':
                (void) ts_buf_printf(out, "\\%c", (int) c);
                return;
        case '\n':
                (void) ts_buf_puts(out, "\\n");
                return;
        case '\t':
                (void) ts_buf_puts(out, "\\t");
                return;
        case '\r':
                (void) ts_buf_puts(out, "\\r");
                return;
        default:
                break;
        }
        if (c > 0xffff) {
                c -= 0x10000;
                (void) ts_buf_printf(out, "\\u%04" PRIx32, 0xd800 + (c >> 10));
                c = 0xdc00 + (c & 0x3ff);
        }
        (void) ts_buf_printf(out, "\\u%04" PRIx32, c);
}

static void put_quoted(struct ts_buf *out, const char *s)
{
        size_t i, n, plain = 0, len = strlen(s);

        (void) ts_buf_putc(out, '"');
        for (i = 0; i < len; i += n) {
                uint32_t c = 0;
                bool is_broken;

                n = ts_utf8_decode(s + i, len - i, &c);
                is_broken = n == 0;
                if (is_broken)
                        n = 1;
                if (!is_broken && c != '"' && c != '\\' && !ts_char_is_forbidden(c))
                        continue;

                (void) ts_buf_put(out, s + plain, i - plain);
                plain = i + n;
                if (is_broken)
                        (void) ts_buf_puts(out, "\xef\xbf\xbd"); /* U+FFFD */
                else
                        put_escape(out, c);
        }
        (void) ts_buf_put(out, s + plain, len - plain);
        (void) ts_buf_putc(out, '"');
}

static void open_container(struct ts_json_writer *w, char opener, char closer)
{
        begin_value(w);
        w->is_done = false; /* not before it is closed */
        assert(w->depth < TS_JSON_WRITER_MAX_DEPTH);
        w->depth++;
        w->closers[w->depth] = closer;
        w->has_items[w->depth] = false;
        (void) ts_buf_putc(w->out, opener);
}

static void close_container(struct ts_json_writer *w, char closer)
{
        bool had_items = w->has_items[w->depth];

        assert(w->depth > 0);
        assert(w->closers[w->depth] == closer);
        assert(!w->after_key);
        w->depth--;
        w->is_done = w->depth == 0;
        if (had_items)
                new_line(w);
        (void) ts_buf_putc(w->out, closer);
}

void ts_json_open_object(struct ts_json_writer *w)
{
        open_container(w, '{', '}');
}

void ts_json_close_object(struct ts_json_writer *w)
{
        close_container(w, '}');
}

void ts_json_open_array(struct ts_json_writer *w)
{
        open_container(w, '[', ']');
}

void ts_json_close_array(struct ts_json_writer *w)
{
        close_container(w, ']');
}

void ts_json_key(struct ts_json_writer *w, const char *key)
{
        assert(is_in_object(w));
        assert(!w->after_key);

        begin_item(w);
        put_quoted(w->out, key);
        (void) ts_buf_puts(w->out, w->pretty ? ": " : ":");
        w->after_key = true;
}

void ts_json_put_string(struct ts_json_writer *w, const char *s)
{
        if (!s) {
                ts_json_put_null(w);
                return;
        }
        begin_value(w);
        put_quoted(w->out, s);
}

void ts_json_put_int(struct ts_json_writer *w, int64_t v)
{
        begin_value(w);
        (void) ts_buf_printf(w->out, "%" PRId64, v);
}

void ts_json_put_bool(struct ts_json_writer *w, bool v)
{
        put_literal(w, v ? "true" : "false");
}

void ts_json_put_null(struct ts_json_writer *w)
{
        put_literal(w, "null");
}

void ts_json_put_id(struct ts_json_writer *w, const struct ts_id *id)
{
        ts_json_put_string(w, ts_id_is_nil(id) ? NULL : ts_id_format(id).s);
}

/* The shortest text that is read as the same number again. */
static void put_real(struct ts_json_writer *w, double v)
{
        char text[32];

        for (int digits = 15; digits <= 17; digits++) {
                (void) snprintf(text, sizeof(text), "%.*g", digits, v); /* at most 24 */
                if (strtod(text, NULL) >= v && strtod(text, NULL) <= v)
                        break;
        }
        put_literal(w, text);
}

static void put_children(struct ts_json_writer *w, const struct ts_json *parent)
{
        TS_JSON_FOREACH (child, parent) {
                if (parent->type == TS_JSON_OBJECT)
                        ts_json_key(w, child->key);
                ts_json_put_value(w, child);
        }
}

void ts_json_put_value(struct ts_json_writer *w, const struct ts_json *value)
{
        switch (value->type) {
        case TS_JSON_NULL:
                ts_json_put_null(w);
                break;
        case TS_JSON_BOOL:
                ts_json_put_bool(w, value->boolean);
                break;
        case TS_JSON_INT:
                ts_json_put_int(w, value->integer);
                break;
        case TS_JSON_REAL:
                put_real(w, value->real);
                break;
        case TS_JSON_STRING:
                ts_json_put_string(w, value->string);
                break;
        case TS_JSON_ARRAY:
                ts_json_open_array(w);
                put_children(w, value);
                ts_json_close_array(w);
                break;
        case TS_JSON_OBJECT:
                ts_json_open_object(w);
                put_children(w, value);
                ts_json_close_object(w);
                break;
        }
}

void ts_json_add_string(struct ts_json_writer *w, const char *key, const char *s)
{
        ts_json_key(w, key);
        ts_json_put_string(w, s);
}

void ts_json_add_int(struct ts_json_writer *w, const char *key, int64_t v)
{
        ts_json_key(w, key);
        ts_json_put_int(w, v);
}

void ts_json_add_bool(struct ts_json_writer *w, const char *key, bool v)
{
        ts_json_key(w, key);
        ts_json_put_bool(w, v);
}

void ts_json_add_id(struct ts_json_writer *w, const char *key, const struct ts_id *id)
{
        ts_json_key(w, key);
        ts_json_put_id(w, id);
}
