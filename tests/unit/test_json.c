/*
 * test_json - what the reader takes and refuses, byte by byte, and that the writer is always read again
 */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/reader.h"
#include "json/writer.h"
#include "suite.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/mem.h"

/* A text of bytes, NUL among them, with its length. */
#define TEXT(s) (s), sizeof(s) - 1

/* As ck_assert_msg(), which is too slow for a million calls. */
#define REQUIRE(condition, ...) \
        do { \
                if (!(condition)) \
                        ck_abort_msg(__VA_ARGS__); \
        } while (0)

/* Keeps the contract of ts_json_parse() in view, whatever the outcome. */
static int parse(const char *text, size_t len, struct ts_arena *arena, const struct ts_json **ret,
                 struct ts_err *err)
{
        static const struct ts_json untouched;
        int r;

        *ret = &untouched;
        *err = (struct ts_err){ 0 };
        r = ts_json_parse(text, len, arena, ret, err);
        REQUIRE(r == 0 || r == -EBADMSG || r == -EFBIG, "%d", r);
        REQUIRE((*ret == &untouched) == (r < 0), "the result of %d", r);
        if (r < 0)
                REQUIRE(err->code == r && err->cls == TS_ERR_REMOTE && err->msg[0] != '\0' &&
                                        !strchr(err->msg, '\n'),
                        "%s", err->msg);
        else
                REQUIRE(err->cls == TS_ERR_NONE, "%s", err->msg);
        return r;
}

/* ------------------------------------------------------------------------------------------ what is taken */

static const struct {
        const char *text;
        const char *dump;
} accepted[] = {
        { "null", "null" },
        { "true", "true" },
        { "false", "false" },
        { " \t\r\n null \n", "null" },
        { "0", "0" },
        { "-0", "0" },
        { "42", "42" },
        { "-42", "-42" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "9223372036854775808", "r9.2233720368547758e+18" },
        { "-9223372036854775809", "r-9.2233720368547758e+18" },
        { "1.5", "r1.5" },
        { "-1.5e3", "r-1500" },
        { "1E2", "r100" },
        { "1e+2", "r100" },
        { "1e-2", "r0.01" },
        { "0.0", "r0" },
        { "1.7976931348623157e308", "r1.7976931348623157e+308" },
        { "1e-999", "r0" },
        { "\"\"", "\"\"" },
        { "\"text\"", "\"text\"" },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\"\\/\b\f\n\r\t\"" },
        { "\"\\u0041\\u00e4\\u20AC\"", "\"A\xc3\xa4\xe2\x82\xac\"" },
        { "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
        { "\"\\uDBFF\\uDFFF\"", "\"\xf4\x8f\xbf\xbf\"" },
        { "\"\\ud7ff\\ue000\\uffff\"", "\"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"" },
        { "\"\\u0001\\u001f\\u007f\"", "\"\x01\x1f\x7f\"" },
        { "\"\\\\u0000\"", "\"\\u0000\"" }, /* a backslash and letters, no escape */
        { "\"\\\\\\u0041\"", "\"\\A\"" },
        { "\"\\ufeff\"", "\"\xef\xbb\xbf\"" },
        { "\"\x7f\"", "\"\x7f\"" },
        { "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\"",
          "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\"" },
        { "[]", "[]" },
        { "{}", "{}" },
        { "[ ]", "[]" },
        { "[1,2,[3],{}]", "[1,2,[3],{}]" },
        { "{\"a\":1,\"b\":[null],\"\":\"\"}", "{a:1,b:[null],:\"\"}" },
        { "{\"a\":{\"a\":{\"a\":1}}}", "{a:{a:{a:1}}}" },
        { "{\"a\":1,\"A\":2}", "{a:1,A:2}" },
        { "[{\"a\":1},{\"a\":1}]", "[{a:1},{a:1}]" },
};

static void dump(const struct ts_json *v, struct ts_buf *out)
{
        uint32_t n = 0;

        switch (v->type) {
        case TS_JSON_NULL:
                ts_buf_puts(out, "null");
                break;
        case TS_JSON_BOOL:
                ts_buf_puts(out, v->boolean ? "true" : "false");
                break;
        case TS_JSON_INT:
                ts_buf_printf(out, "%" PRId64, v->integer);
                break;
        case TS_JSON_REAL:
                ts_buf_printf(out, "r%.17g", v->real == 0 ? 0 : v->real);
                break;
        case TS_JSON_STRING:
                ck_assert_uint_eq(v->n, strlen(v->string));
                ts_buf_printf(out, "\"%s\"", v->string);
                break;
        case TS_JSON_ARRAY:
        case TS_JSON_OBJECT:
                ts_buf_putc(out, v->type == TS_JSON_ARRAY ? '[' : '{');
                TS_JSON_FOREACH (child, v) {
                        if (n++ > 0)
                                ts_buf_putc(out, ',');
                        if (child->key)
                                ts_buf_printf(out, "%s:", child->key);
                        ck_assert((child->key != NULL) == (v->type == TS_JSON_OBJECT));
                        dump(child, out);
                }
                ck_assert_uint_eq(n, v->n);
                ts_buf_putc(out, v->type == TS_JSON_ARRAY ? ']' : '}');
                break;
        }
}

START_TEST(test_accepted)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        const char *text = accepted[_i].text;
        const struct ts_json *json;
        struct ts_err err;

        ck_assert_msg(parse(text, strlen(text), &arena, &json, &err) == 0, "%s: %s", text, err.msg);
        dump(json, &out);
        ck_assert_str_eq(ts_buf_text(&out), accepted[_i].dump);
}
END_TEST

/* Nothing points into the text, and nothing is read behind its end. */
START_TEST(test_text_may_go)
{
        static const char text[] = "{\"key\":[\"value\",12]}345";
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        const struct ts_json *json;
        struct ts_err err;
        char *copy = ts_malloc(20);

        memcpy(copy, text, 20);
        ck_assert_int_eq(parse(copy, 20, &arena, &json, &err), 0);
        memset(copy, 'x', 20);
        free(copy);
        dump(json, &out);
        ck_assert_str_eq(ts_buf_text(&out), "{key:[\"value\",12]}");
}
END_TEST

/* ---------------------------------------------------------------------------------------- what is refused */

static const struct {
        const char *name, *text;
        size_t len;
        size_t byte; /* where, from 1; 0: it does not matter */
} refused[] = {
        { "nothing", TEXT(""), 1 },
        { "white space only", TEXT(" \n"), 0 },
        { "two values", TEXT("1 2"), 0 },
        { "two objects", TEXT("{}{}"), 0 },
        { "a trailing comma", TEXT("[1,]"), 0 },
        { "a leading comma", TEXT("[,1]"), 0 },
        { "no comma", TEXT("[1 2]"), 0 },
        { "a comma at the end", TEXT("{\"a\":1,}"), 0 },
        { "no colon", TEXT("{\"a\" 1}"), 0 },
        { "no key", TEXT("{1:1}"), 0 },
        { "a key without quotes", TEXT("{a:1}"), 0 },
        { "single quotes", TEXT("['a']"), 0 },
        { "not closed", TEXT("[1"), 0 },
        { "not closed, object", TEXT("{\"a\":1"), 0 },
        { "closed by the other", TEXT("[1}"), 0 },
        { "closed too often", TEXT("[1]]"), 0 },
        { "a string without end", TEXT("\"abc"), 0 },
        { "an escape without end", TEXT("\"abc\\"), 0 },
        { "half a \\u", TEXT("\"\\u00"), 0 },
        { "half a \\u, closed", TEXT("\"\\u00\""), 0 },
        { "no hexadecimal digit", TEXT("\"\\u00zz\""), 0 },
        { "an unknown escape", TEXT("\"\\x41\""), 0 },
        { "a capital escape", TEXT("\"\\N\""), 0 },
        { "a comment", TEXT("/* x */ 1"), 0 },
        { "a line comment", TEXT("// x\n1"), 0 },
        { "a hash comment", TEXT("# x\n1"), 0 },
        { "a capital word", TEXT("True"), 0 },
        { "half a word", TEXT("nul"), 0 },
        { "a long word", TEXT("nulll"), 0 },
        { "NaN", TEXT("NaN"), 0 },
        { "Infinity", TEXT("Infinity"), 0 },
        { "-Infinity", TEXT("-Infinity"), 0 },
        { "a plus", TEXT("+1"), 0 },
        { "a leading zero", TEXT("01"), 0 },
        { "a leading zero, negative", TEXT("-01"), 0 },
        { "no digit before the point", TEXT(".5"), 0 },
        { "no digit behind the point", TEXT("1."), 0 },
        { "no exponent", TEXT("1e"), 0 },
        { "no exponent, signed", TEXT("1e+"), 0 },
        { "only a minus", TEXT("-"), 0 },
        { "hexadecimal", TEXT("0x10"), 0 },
        { "out of range", TEXT("1e999"), 0 },
        { "out of range, negative", TEXT("[-1e999]"), 0 },
        { "NUL behind", TEXT("1\0"), 0 },
        { "NUL in front", TEXT("\0001"), 0 },
        { "a duplicate key", TEXT("{\"a\":1,\"a\":1}"), 10 },
        { "a duplicate key, escaped", TEXT("{\"a\":1,\"\\u0061\":2}"), 15 },
        { "a duplicate key, inside", TEXT("[{\"b\":{\"a\":1,\"c\":2,\"a\":3}}]"), 0 },
        { "a duplicate empty key", TEXT("{\"\":1,\"\":1}"), 0 },
        { "form feed", TEXT("\f1"), 1 },
        { "form feed behind", TEXT("[1,\f2]"), 4 },
        { "vertical tab", TEXT("\v1"), 1 },
        { "vertical tab behind", TEXT("1\v"), 2 },
        { "no-break space",
          TEXT("\xc2\xa0"
               "1"),
          0 },
        { "byte order mark", TEXT("\xef\xbb\xbf{}"), 1 },
        { "byte order mark only", TEXT("\xef\xbb\xbf"), 1 },
        { "UTF-16LE with a mark", TEXT("\xff\xfe[\0]\0"), 1 },
        { "UTF-16BE with a mark", TEXT("\xfe\xff\0[\0]"), 1 },
        { "UTF-16LE", TEXT("[\0]\0"), 0 },
        { "UTF-16BE", TEXT("\0[\0]"), 0 },
        { "UTF-32LE", TEXT("[\0\0\0]\0\0\0"), 0 },
        { "high half, and half of the next", TEXT("\"\\ud83d\\ude\""), 0 },
        { "truncated at the end", TEXT("\"\xe2\x82"), 0 },
        { "broken outside of strings", TEXT("[1\xff]"), 3 },
        { "form feed, beside a text that can be mended", TEXT("[\"a\xff\",\f1]"), 0 },
        { "vertical tab, beside a text that can be mended", TEXT("[\"a\xff\",1\v]"), 0 },
        { "broken outside of strings, too", TEXT("[\"a\xff\",1\xff]"), 0 },
        { "an HTML page", TEXT("<html><body>502</body></html>"), 0 },
};

START_TEST(test_refused)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *json;
        struct ts_err err;
        char where[32];

        ck_assert_msg(parse(refused[_i].text, refused[_i].len, &arena, &json, &err) == -EBADMSG, "%s: %s",
                      refused[_i].name, err.msg);
        (void) snprintf(where, sizeof(where), "at byte %zu:", refused[_i].byte);
        ck_assert_msg(refused[_i].byte == 0 || strstr(err.msg, where), "%s: %s", refused[_i].name, err.msg);
}
END_TEST

/* ----------------------------------------------------------------------------------------- what is mended */

#define R "\xef\xbf\xbd"

static const struct {
        const char *name, *text;
        size_t len;
        const char *dump;
} mended[] = {
        { "a line feed in a string", TEXT("\"a\nb\""), "\"a" R "b\"" },
        { "a tab in a string", TEXT("\"a\tb\""), "\"a" R "b\"" },
        { "NUL in a string", TEXT("\"a\0b\""), "\"a" R "b\"" },
        { "U+0000 as an escape", TEXT("\"a\\u0000b\""), "\"a" R "b\"" },
        { "U+0000 in a key", TEXT("{\"\\u0000\":1}"), "{" R ":1}" },
        { "U+0000 behind a backslash", TEXT("\"\\\\\\u0000\""), "\"\\" R "\"" },
        { "high half alone", TEXT("\"\\ud800\""), "\"" R "\"" },
        { "low half alone", TEXT("\"\\udc00\""), "\"" R "\"" },
        { "halves the wrong way round", TEXT("\"\\udc00\\ud800\""), "\"" R "" R "\"" },
        { "two high halves", TEXT("\"\\ud800\\ud800\""), "\"" R "" R "\"" },
        { "high half and a letter", TEXT("\"\\ud800a\""), "\"" R "a\"" },
        { "high half and another escape", TEXT("\"\\ud800\\n\""), "\"" R "\n\"" },
        { "the last high half", TEXT("\"ab\\uDBFF\""), "\"ab" R "\"" },
        { "the last low half", TEXT("\"\\uDFFF\""), "\"" R "\"" },
        { "high half in a key", TEXT("{\"\\ud800\":1}"), "{" R ":1}" },
        { "Latin-1", TEXT("\"caf\xe9\""), "\"caf" R "\"" },
        { "lone continuation", TEXT("\"\x80\""), "\"" R "\"" },
        { "the last continuation", TEXT("\"\xbf\""), "\"" R "\"" },
        { "two continuations", TEXT("\"a\x80\xbf\""), "\"a" R "" R "\"" },
        { "one too many", TEXT("\"\xc3\xa4\xa4\""), "\"\xc3\xa4" R "\"" },
        { "truncated, two bytes", TEXT("\"\xc3\""), "\"" R "\"" },
        { "truncated, three bytes", TEXT("\"\xe2\x82\""), "\"" R "" R "\"" },
        { "truncated, four bytes", TEXT("\"\xf0\x9f\x98\""), "\"" R "" R "" R "\"" },
        { "truncated in a key", TEXT("{\"\xe2\x82\":1}"), "{" R "" R ":1}" },
        { "overlong slash", TEXT("\"\xc0\xaf\""), "\"" R "" R "\"" },
        { "overlong slash, three", TEXT("\"\xe0\x80\xaf\""), "\"" R "" R "" R "\"" },
        { "overlong slash, four", TEXT("\"\xf0\x80\x80\xaf\""), "\"" R "" R "" R "" R "\"" },
        { "overlong NUL", TEXT("\"\xc0\x80\""), "\"" R "" R "\"" },
        { "overlong quote", TEXT("\"\xc0\xa2\""), "\"" R "" R "\"" },
        { "the largest overlong, two", TEXT("\"\xc1\xbf\""), "\"" R "" R "\"" },
        { "the largest overlong, three", TEXT("\"\xe0\x9f\xbf\""), "\"" R "" R "" R "\"" },
        { "the largest overlong, four", TEXT("\"\xf0\x8f\xbf\xbf\""), "\"" R "" R "" R "" R "\"" },
        { "a surrogate in bytes", TEXT("\"\xed\xa0\x80\""), "\"" R "" R "" R "\"" },
        { "the last surrogate in bytes", TEXT("\"\xed\xbf\xbf\""), "\"" R "" R "" R "\"" },
        { "a pair in bytes", TEXT("\"\xed\xa0\xbd\xed\xb8\x80\""), "\"" R "" R "" R "" R "" R "" R "\"" },
        { "U+110000", TEXT("\"\xf4\x90\x80\x80\""), "\"" R "" R "" R "" R "\"" },
        { "U+1FFFFF", TEXT("\"\xf7\xbf\xbf\xbf\""), "\"" R "" R "" R "" R "\"" },
        { "five bytes", TEXT("\"\xf8\x88\x80\x80\x80\""), "\"" R "" R "" R "" R "" R "\"" },
        { "six bytes", TEXT("\"\xfc\x84\x80\x80\x80\x80\""), "\"" R "" R "" R "" R "" R "" R "\"" },
        { "FE", TEXT("\"\xfe\""), "\"" R "\"" },
        { "FF", TEXT("\"\xff\""), "\"" R "\"" },
        { "several of one list", TEXT("[{\"n\":\"Joe \\ud83d\"},{\"n\":\"Ann\"},{\"n\":\"\\u0000\"}]"),
          "[{n:\"Joe " R "\"},{n:\"Ann\"},{n:\"" R "\"}]" },
        { "beside an escaped quote", TEXT("[\"a\\\"\\ud83d\",\"b\"]"), "[\"a\"" R "\",\"b\"]" },
        { "beside a form feed that is escaped", TEXT("\"\\f\\ud83d\""), "\"\f" R "\"" },
};

static bool has_altered(const struct ts_json *v)
{
        if (v->type != TS_JSON_ARRAY && v->type != TS_JSON_OBJECT)
                return v->is_altered;
        TS_JSON_FOREACH (child, v)
                if (has_altered(child) || (child->key && strstr(child->key, R)))
                        return true;
        return false;
}

/* What is no text is replaced, and marked: the other values of the same answer are as they were sent. */
START_TEST(test_mended)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        const struct ts_json *json;
        struct ts_err err;

        ck_assert_msg(parse(mended[_i].text, mended[_i].len, &arena, &json, &err) == 0, "%s: %s",
                      mended[_i].name, err.msg);
        dump(json, &out);
        ck_assert_msg(strcmp(ts_buf_text(&out), mended[_i].dump) == 0, "%s: %s", mended[_i].name,
                      ts_buf_text(&out));
        ck_assert_msg(has_altered(json), "%s is not marked", mended[_i].name);
}
END_TEST

START_TEST(test_altered_is_not_intact)
{
        static const char text[] = "{\"a\":\"x\\ud83d\",\"b\":\"\xef\xbf\xbd\"}";
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *json;
        struct ts_err err;

        ck_assert_int_eq(parse(text, sizeof(text) - 1, &arena, &json, &err), 0);
        ck_assert_str_eq(ts_json_get_string(json, "a"), "x" R);
        ck_assert_ptr_null(ts_json_get_intact_string(json, "a"));
        ck_assert_str_eq(ts_json_get_intact_string(json, "b"), R); /* sent like that */
        ck_assert_ptr_null(ts_json_get_intact_string(json, "c"));
}
END_TEST

/* Of characters of three bytes, so that the limit is in the midst of one. */
START_TEST(test_long_string_is_cut)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(2 * TS_JSON_MAX_BYTES);
        const struct ts_json *json;
        struct ts_err err;

        ts_buf_puts(&text, "[\"");
        for (size_t i = 0; i < TS_JSON_STRING_MAX_BYTES; i++)
                ts_buf_puts(&text, "\xe2\x82\xac");
        ts_buf_puts(&text, "\",\"b\"]");
        ck_assert_int_eq(parse(text.data, text.len, &arena, &json, &err), 0);
        ck_assert_uint_eq(json->n, 2);
        ck_assert(json->first->is_altered && !json->first->next->is_altered);
        ck_assert_uint_eq(json->first->n, TS_JSON_STRING_MAX_BYTES / 3 * 3);
        ck_assert(ts_utf8_is_valid(json->first->string, json->first->n));
}
END_TEST

/* ------------------------------------------------------------------------------------------------- limits */

enum what {
        DEPTH_ARRAYS,
        DEPTH_OBJECTS,
        VALUES,
        KEYS,
        KEY_TEXT,
        NUMBER,
        BYTES,
};

static const struct {
        const char *name;
        enum what what;
        size_t max;
} limits[] = {
        { "depth of arrays", DEPTH_ARRAYS, TS_JSON_MAX_DEPTH },
        { "depth of objects", DEPTH_OBJECTS, TS_JSON_MAX_DEPTH },
        { "values", VALUES, TS_JSON_MAX_VALUES },
        { "keys of an object", KEYS, TS_JSON_MAX_KEYS },
        { "bytes of a key", KEY_TEXT, TS_JSON_STRING_MAX_BYTES },
        { "bytes of a number", NUMBER, TS_JSON_NUMBER_MAX_BYTES },
        { "bytes", BYTES, TS_JSON_MAX_BYTES },
};

static void put_many(struct ts_buf *out, const char *s, size_t n)
{
        for (; n > 0; n--)
                ts_buf_puts(out, s);
}

/* A text that has exactly @n of it. */
static void compose(enum what what, size_t n, struct ts_buf *out)
{
        switch (what) {
        case DEPTH_ARRAYS:
                put_many(out, "[", n);
                put_many(out, "]", n);
                break;
        case DEPTH_OBJECTS:
                put_many(out, "{\"a\":", n - 1);
                ts_buf_puts(out, "{}");
                put_many(out, "}", n - 1);
                break;
        case VALUES: /* the array is one of them */
                ts_buf_puts(out, "[1");
                put_many(out, ",1", n - 2);
                ts_buf_puts(out, "]");
                break;
        case KEYS:
                for (size_t i = 0; i < n; i++)
                        ts_buf_printf(out, "%c\"k%zu\":%zu", i == 0 ? '{' : ',', i, i);
                ts_buf_puts(out, "}");
                break;
        case KEY_TEXT:
                ts_buf_puts(out, "{\"");
                put_many(out, "x", n);
                ts_buf_puts(out, "\":1}");
                break;
        case NUMBER:
                ts_buf_puts(out, "0.");
                put_many(out, "1", n - 2);
                break;
        case BYTES:
                ts_buf_puts(out, "1");
                put_many(out, " ", n - 1);
                break;
        }
}

START_TEST(test_limits)
{
        for (int over = -1; over <= 1; over++) {
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(2 * TS_JSON_MAX_BYTES);
                const struct ts_json *json;
                struct ts_err err;
                int r;

                compose(limits[_i].what, limits[_i].max + (size_t) (over + 1) - 1, &text);
                ck_assert(!ts_buf_failed(&text));
                r = parse(text.data, text.len, &arena, &json, &err);
                ck_assert_msg(r == (over <= 0 ? 0 : -EFBIG), "%s, %+d: %s", limits[_i].name, over, err.msg);
        }
}
END_TEST

/* Duplicates are seen on both sides of the number of keys from which on they are hashed. */
START_TEST(test_duplicates_among_many)
{
        for (size_t n = 1; n < 40; n++)
                for (size_t same = 0; same < n; same++) {
                        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
                        const struct ts_json *json;
                        struct ts_err err;

                        for (size_t i = 0; i < n; i++)
                                ts_buf_printf(&text, "%c\"k%zu\":0", i == 0 ? '{' : ',', i);
                        ts_buf_printf(&text, ",\"k%zu\":0}", same);
                        REQUIRE(parse(text.data, text.len, &arena, &json, &err) == -EBADMSG, "%zu of %zu",
                                same, n);
                }
}
END_TEST

START_TEST(test_deep_nesting_is_cheap)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_JSON_MAX_BYTES);
        const struct ts_json *json;
        struct ts_err err;

        put_many(&text, "[", TS_JSON_MAX_BYTES);
        ck_assert_int_eq(parse(text.data, text.len, &arena, &json, &err), -EFBIG);
        ck_assert_ptr_nonnull(strstr(err.msg, "byte 33:"));
}
END_TEST

/* -------------------------------------------------------------------------------------- bytes of any kind */

/* Every text of one, two and (a sample of) three bytes inside of a string: marked unless it is as sent. */
START_TEST(test_every_short_string)
{
        for (unsigned i = 0; i < 0x1000000; i += i < 0x10100 ? 1 : 251) {
                const char bytes[] = { (char) i, (char) (i >> 8), (char) (i >> 16) };
                size_t n = i < 0x100 ? 1 : i < 0x10000 ? 2 : 3;
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                const struct ts_json *json;
                struct ts_err err;
                bool is_intact = ts_utf8_is_valid(bytes, n);
                char text[5] = "\"";

                for (size_t k = 0; k < n; k++)
                        is_intact = is_intact && (unsigned char) bytes[k] >= 0x20;
                memcpy(text + 1, bytes, n);
                text[n + 1] = '"';
                if (memchr(bytes, '"', n) || memchr(bytes, '\\', n)) {
                        (void) parse(text, n + 2, &arena, &json,
                                     &err); /* escapes: it must only keep the contract */
                        continue;
                }
                REQUIRE(parse(text, n + 2, &arena, &json, &err) == 0, "%06x", i);
                REQUIRE(json->is_altered == !is_intact && ts_utf8_is_valid(json->string, json->n), "%06x", i);
                REQUIRE(!is_intact || memcmp(json->string, bytes, n) == 0, "%06x", i);
        }
}
END_TEST

static const char sample[] =
                "{\"entities\":[{\"id\":\"0b6f4c1e-0000-4000-8000-000000000003\",\"name\":\"J\xc3\xa4ne "
                "\\ud83d\\ude00\",\"n\":-12.5e1,\"on\":true,\"off\":null}],\"total\":1,\"e\":{}}";

START_TEST(test_cut_at_every_byte)
{
        for (size_t len = 0; len < sizeof(sample) - 1; len++) {
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                const struct ts_json *json;
                struct ts_err err;

                REQUIRE(parse(sample, len, &arena, &json, &err) < 0, "taken when cut at %zu", len);
        }
}
END_TEST

/* One byte changed to each other one: refused, or a whole tree of valid strings. */
START_TEST(test_every_byte_changed)
{
        for (size_t i = 0; i < sizeof(sample) - 1; i++)
                for (unsigned c = 0; c < 256; c++) {
                        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
                        const struct ts_json *json;
                        struct ts_err err;
                        char text[sizeof(sample)];

                        memcpy(text, sample, sizeof(sample));
                        text[i] = (char) c;
                        if (parse(text, sizeof(sample) - 1, &arena, &json, &err) < 0)
                                continue;
                        dump(json, &out);
                        REQUIRE(out.len > 0 && !ts_buf_failed(&out), "byte %zu is %u", i, c);
                        REQUIRE(ts_utf8_is_valid(out.data, out.len), "byte %zu is %u", i, c);
                }
}
END_TEST

/* ----------------------------------------------------------------------------------------------- look-ups */

static const char members[] =
                "{\"s\":\"text\",\"i\":7,\"r\":1.5,\"t\":true,\"f\":false,\"n\":null,\"a\":[1],\"o\":{},"
                "\"id\":\"0B6F4C1E-0000-4000-8000-00000000000A\",\"big\":18446744073709551615}";

START_TEST(test_members)
{
        static const char *const keys[] = { "s", "i", "r", "t", "f", "n", "a", "o", "id", "big", "none", "" };
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *json;
        struct ts_err err;

        ck_assert_int_eq(parse(members, sizeof(members) - 1, &arena, &json, &err), 0);
        for (size_t i = 0; i < TS_N_ELEMENTS(keys); i++) {
                const char *key = keys[i], *s = ts_json_get_string(json, key);
                bool b = false, is_missing = strchr("n", key[0]) != NULL; /* "n", "none" and "" */
                struct ts_id id = { { 0 } };
                int64_t v = 0;

                ck_assert_msg((ts_json_get(json, key) == NULL) == is_missing, "%s", key);
                ck_assert_msg((s != NULL) == (key[0] == 's' || strcmp(key, "id") == 0), "%s", key);
                ck_assert_msg(ts_json_get_int(json, key, &v) == (strcmp(key, "i") == 0), "%s", key);
                ck_assert_int_eq(v, strcmp(key, "i") == 0 ? 7 : 0);
                ck_assert_msg(ts_json_get_bool(json, key, &b) == (key[0] == 't' || key[0] == 'f'), "%s", key);
                ck_assert(b == (key[0] == 't'));
                ck_assert_msg(ts_json_get_id(json, key, &id) == (strcmp(key, "id") == 0), "%s", key);
                ck_assert_msg((ts_json_get_array(json, key) != NULL) == (key[0] == 'a'), "%s", key);
                ck_assert_msg((ts_json_get_object(json, key) != NULL) == (key[0] == 'o'), "%s", key);
        }
        ck_assert_ptr_null(ts_json_get(NULL, "s"));
        ck_assert_ptr_null(ts_json_get(ts_json_get(json, "a"), "s"));
        ck_assert_ptr_null(ts_json_get(ts_json_get(json, "s"), "s"));
        ck_assert_ptr_null(ts_json_get_string(NULL, "s"));
}
END_TEST

/* ------------------------------------------------------------------------------------------------- writer */

static void write_sample(struct ts_json_writer *w)
{
        struct ts_id id = { { 0x0b, 0x6f } }, nil = { { 0 } };

        ts_json_open_object(w);
        ts_json_add_string(w, "text", "a\"b\\c\n\t\r");
        ts_json_add_string(w, "none", NULL);
        ts_json_add_int(w, "least", INT64_MIN);
        ts_json_add_bool(w, "yes", true);
        ts_json_add_bool(w, "no", false);
        ts_json_add_id(w, "id", &id);
        ts_json_add_id(w, "nil", &nil);
        ts_json_key(w, "empty");
        ts_json_open_array(w);
        ts_json_close_array(w);
        ts_json_key(w, "nothing");
        ts_json_open_object(w);
        ts_json_close_object(w);
        ts_json_key(w, "list");
        ts_json_open_array(w);
        ts_json_put_null(w);
        ts_json_put_int(w, 1);
        ts_json_open_object(w);
        ts_json_add_int(w, "k\"", 2);
        ts_json_close_object(w);
        ts_json_close_array(w);
        ts_json_close_object(w);
}

START_TEST(test_writer)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&out, false);

        write_sample(&w);
        ck_assert_str_eq(ts_buf_text(&out),
                         "{\"text\":\"a\\\"b\\\\c\\n\\t\\r\",\"none\":null,\"least\":-9223372036854775808,"
                         "\"yes\":true,\"no\":false,\"id\":\"0b6f0000-0000-0000-0000-000000000000\",\"nil\":"
                         "null,"
                         "\"empty\":[],\"nothing\":{},\"list\":[null,1,{\"k\\\"\":2}]}");
}
END_TEST

START_TEST(test_pretty_writer)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&out, true);

        ts_json_open_object(&w);
        ts_json_add_int(&w, "a", 1);
        ts_json_key(&w, "b");
        ts_json_open_array(&w);
        ts_json_put_bool(&w, true);
        ts_json_open_object(&w);
        ts_json_close_object(&w);
        ts_json_close_array(&w);
        ts_json_close_object(&w);
        ck_assert_str_eq(ts_buf_text(&out), "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    {}\n  ]\n}");
}
END_TEST

/* Plain or pretty, the reader sees the same. */
START_TEST(test_both_ways_say_the_same)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf first = TS_BUF_INIT(4096), second = TS_BUF_INIT(4096);

        for (int pretty = 0; pretty < 2; pretty++) {
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
                struct ts_json_writer w = TS_JSON_WRITER_INIT(&out, pretty != 0);
                const struct ts_json *json;
                struct ts_err err;

                write_sample(&w);
                ck_assert_msg(parse(out.data, out.len, &arena, &json, &err) == 0, "%s", err.msg);
                dump(json, pretty ? &second : &first);
        }
        ck_assert_str_eq(ts_buf_text(&first), ts_buf_text(&second));
}
END_TEST

static const struct {
        const char *text, *written, *read_again; /* NULL: as it was */
} strings[] = {
        { "", "\"\"", NULL },
        { "J\xc3\xa4ne", "\"J\xc3\xa4ne\"", NULL },
        { "/", "\"/\"", NULL },
        { "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"", NULL },
        { "\xc2\x9b", "\"\\u009b\"", NULL },
        { "\xe2\x80\xae", "\"\\u202e\"", NULL },
        { "\xef\xbb\xbf", "\"\\ufeff\"", NULL },
        { "\xf3\xa0\x81\x81", "\"\\udb40\\udc41\"", NULL },
        { "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"", NULL },
        { "\xff", "\"\xef\xbf\xbd\"", "\xef\xbf\xbd" },
        { "a\xe2\x82z", "\"a\xef\xbf\xbd\xef\xbf\xbdz\"", "a\xef\xbf\xbd\xef\xbf\xbdz" },
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\xef\xbf\xbd\xef\xbf\xbd" },
};

static void read_again(const char *s, struct ts_arena *arena, struct ts_buf *out, const char **ret)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, false);
        const struct ts_json *json;
        struct ts_err err;

        ts_json_put_string(&w, s);
        REQUIRE(parse(out->data, out->len, arena, &json, &err) == 0, "%s: %s", ts_buf_text(out), err.msg);
        REQUIRE(!ts_text_has_forbidden(out->data, out->len, NULL), "%s", ts_buf_text(out));
        *ret = json->string;
}

START_TEST(test_strings)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        const char *again;

        read_again(strings[_i].text, &arena, &out, &again);
        ck_assert_str_eq(ts_buf_text(&out), strings[_i].written);
        ck_assert_str_eq(again, strings[_i].read_again ? strings[_i].read_again : strings[_i].text);
}
END_TEST

/* Whatever three bytes make a string: it is written as JSON, and a clean one comes back as it was. */
START_TEST(test_writer_is_always_valid)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);

        for (unsigned i = 0; i < 0x1000000; i += i < 0x10000 ? 1 : 241) {
                const char text[] = { (char) i, (char) (i >> 8), (char) (i >> 16), '\0' };
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                const char *again;

                ts_buf_reset(&out);
                read_again(text, &arena, &out, &again);
                REQUIRE(!ts_utf8_is_valid(text, strlen(text)) || strcmp(again, text) == 0, "%06x", i);
        }
}
END_TEST

START_TEST(test_every_character_is_written)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);

        for (uint32_t c = 1; c <= 0x10ffff; c++) {
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                const unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
                const char *again;
                char text[5] = "";

                if (c >= 0xd800 && c <= 0xdfff)
                        continue;
                for (uint32_t i = n, rest = c; i-- > 0; rest >>= 6)
                        text[i] = (char) (i > 0    ? 0x80 | (rest & 0x3f)
                                          : n == 1 ? rest
                                                   : (0xf00u >> n) | rest);
                ts_buf_reset(&out);
                read_again(text, &arena, &out, &again);
                REQUIRE(strcmp(again, text) == 0, "U+%04" PRIX32, c);
        }
}
END_TEST

START_TEST(test_writer_into_a_small_buffer)
{
        for (size_t max = 0; max < 300; max++) {
                TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(max), whole = TS_BUF_INIT(4096);
                struct ts_json_writer w = TS_JSON_WRITER_INIT(&out, true),
                                      full = TS_JSON_WRITER_INIT(&whole, true);

                write_sample(&w);
                write_sample(&full);
                ck_assert(ts_buf_failed(&out) == (whole.len > max));
                ck_assert_uint_le(out.len, max);
        }
}
END_TEST

START_TEST(test_writer_to_its_depth)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&out, false);

        for (unsigned i = 0; i < TS_JSON_WRITER_MAX_DEPTH; i++)
                ts_json_open_array(&w);
        ck_assert(!w.is_done);
        for (unsigned i = 0; i < TS_JSON_WRITER_MAX_DEPTH; i++)
                ts_json_close_array(&w);
        ck_assert(w.is_done);
        ck_assert_uint_eq(out.len, 2 * TS_JSON_WRITER_MAX_DEPTH);
}
END_TEST

/* What is read and written again; NULL: the same text. */
static const struct {
        const char *text, *written;
} rewritten[] = {
        { "null", NULL },
        { "true", NULL },
        { "-9223372036854775808", NULL },
        { "9223372036854775808", "9.223372036854776e+18" },
        { "0.1", NULL },
        { "2.5e-300", NULL },
        { "0.30000000000000004", NULL },
        { "1.0", "1" },
        { "1e5", "100000" },
        { "\"\\u0001\\n\\\"\"", NULL },
        { "[]", NULL },
        { "{}", NULL },
        { "[[],{},[null,{\"a\":[1,\"b\"],\"c\":{}}]]", NULL },
        { " { \"a\" : [ 1 , 2 ] } ", "{\"a\":[1,2]}" },
};

START_TEST(test_rewritten)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&out, false);
        const char *text = rewritten[_i].text, *expected = rewritten[_i].written;
        const struct ts_json *json;
        struct ts_err err = { 0 };

        ck_assert_msg(ts_json_parse(text, strlen(text), &arena, &json, &err) == 0, "%s: %s", text, err.msg);
        ts_json_put_value(&w, json);
        ck_assert_str_eq(ts_buf_text(&out), expected ? expected : text);
}
END_TEST

static void add_tests(TCase *t)
{
        tcase_add_loop_test(t, test_accepted, 0, TS_N_ELEMENTS(accepted));
        tcase_add_test(t, test_text_may_go);
        tcase_add_loop_test(t, test_refused, 0, TS_N_ELEMENTS(refused));
        tcase_add_loop_test(t, test_mended, 0, TS_N_ELEMENTS(mended));
        tcase_add_test(t, test_altered_is_not_intact);
        tcase_add_test(t, test_long_string_is_cut);
        tcase_add_loop_test(t, test_limits, 0, TS_N_ELEMENTS(limits));
        tcase_add_test(t, test_duplicates_among_many);
        tcase_add_test(t, test_deep_nesting_is_cheap);
        tcase_add_test(t, test_every_short_string);
        tcase_add_test(t, test_cut_at_every_byte);
        tcase_add_test(t, test_every_byte_changed);
        tcase_add_test(t, test_members);
        tcase_add_test(t, test_writer);
        tcase_add_test(t, test_pretty_writer);
        tcase_add_test(t, test_both_ways_say_the_same);
        tcase_add_loop_test(t, test_strings, 0, TS_N_ELEMENTS(strings));
        tcase_add_test(t, test_writer_is_always_valid);
        tcase_add_test(t, test_every_character_is_written);
        tcase_add_test(t, test_writer_into_a_small_buffer);
        tcase_add_test(t, test_writer_to_its_depth);
        tcase_add_loop_test(t, test_rewritten, 0, TS_N_ELEMENTS(rewritten));
}

int main(void)
{
        Suite *suite = suite_create("json");
        TCase *t = tcase_create("json");

        tcase_set_timeout(t, 120); /* under a sanitizer or valgrind on a slow machine */
        add_tests(t);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
