/*
 * test_util - time, escaping, maps, ids, buffers, arenas, files, digests and errors
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/escape.h"
#include "util/file.h"
#include "util/id.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/sha256.h"
#include "util/timefmt.h"
#include "util/url.h"
#include "util/sorted.h"

/* As ck_assert_msg(), which is too slow for a million calls: it tells the parent process about each. */
#define REQUIRE(condition, ...) \
        do { \
                if (!(condition)) \
                        ck_abort_msg(__VA_ARGS__); \
        } while (0)

/* A text of bytes, NUL among them, with its length. */
#define TEXT(s) (s), sizeof(s) - 1

/* --------------------------------------------------------------------------------------------------- time */

static const struct {
        const char *text;
        int r;
        const char *formatted; /* NULL: it is refused */
} times[] = {
        { "2027-06-30T00:00:00Z", 0, "2027-06-30T00:00:00Z" },
        { "1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z" },
        { "9999-12-31T23:59:59Z", 0, "9999-12-31T23:59:59Z" },
        { "2027-06-30t01:02:03z", 0, "2027-06-30T01:02:03Z" },
        { "2027-06-30T01:02:03+00:00", 0, "2027-06-30T01:02:03Z" },
        { "2027-06-30T01:02:03-00:00", 0, "2027-06-30T01:02:03Z" },
        { "2027-06-30T01:02:03+02:00", 0, "2027-06-29T23:02:03Z" },
        { "2027-12-31T23:30:00-01:00", 0, "2028-01-01T00:30:00Z" },
        { "2027-06-30T12:00:00+05:45", 0, "2027-06-30T06:15:00Z" },
        { "2027-06-30T12:00:00+23:59", 0, "2027-06-29T12:01:00Z" },
        { "2027-06-30T00:00:00.5Z", 0, "2027-06-30T00:00:00Z" },
        { "2027-06-30T00:00:00.000Z", 0, "2027-06-30T00:00:00Z" },
        { "2027-06-30T23:59:59.999999999Z", 0, "2027-06-30T23:59:59Z" },
        { "2028-02-29T00:00:00Z", 0, "2028-02-29T00:00:00Z" },
        { "2000-02-29T00:00:00Z", 0, "2000-02-29T00:00:00Z" },
        { "2027-01-31T00:00:00Z", 0, "2027-01-31T00:00:00Z" },
        { "1970-01-01T01:00:00+01:00", 0, "1970-01-01T00:00:00Z" },
        { "2027-06-30", -EDOM, NULL },
        { "2027-06-30T00:00:00", -EDOM, NULL },
        { "2027-06-30T00:00:00.5", -EDOM, NULL },
        { "", -EINVAL, NULL },
        { "2027", -EINVAL, NULL },
        { "2027-6-30T00:00:00Z", -EINVAL, NULL },
        { "2027-06-30 00:00:00Z", -EINVAL, NULL },
        { "2027-06-30T00:00Z", -EINVAL, NULL },
        { "2027-06-30T00:00:00 Z", -EINVAL, NULL },
        { "2027-06-30T00:00:00Z ", -EINVAL, NULL },
        { " 2027-06-30T00:00:00Z", -EINVAL, NULL },
        { "2027-06-30T00:00:00ZZ", -EINVAL, NULL },
        { "2027-06-30T00:00:00.Z", -EINVAL, NULL },
        { "2027-06-30T00:00:00,5Z", -EINVAL, NULL },
        { "2027-06-30T00:00:00.1234567890Z", -EINVAL, NULL },
        { "2027-06-30T00:00:60Z", -EINVAL, NULL },
        { "2027-06-30T00:60:00Z", -EINVAL, NULL },
        { "2027-06-30T24:00:00Z", -EINVAL, NULL },
        { "2027-02-29T00:00:00Z", -EINVAL, NULL },
        { "2100-02-29T00:00:00Z", -EINVAL, NULL },
        { "2027-02-30", -EINVAL, NULL },
        { "2027-04-31T00:00:00Z", -EINVAL, NULL },
        { "2027-00-10T00:00:00Z", -EINVAL, NULL },
        { "2027-13-10T00:00:00Z", -EINVAL, NULL },
        { "2027-01-00T00:00:00Z", -EINVAL, NULL },
        { "0000-01-01T00:00:00Z", -EINVAL, NULL },
        { "1969-12-31T23:59:59Z", -EINVAL, NULL },
        { "1970-01-01T00:00:00+00:01", -EINVAL, NULL },
        { "9999-12-31T23:59:59-00:01", -EINVAL, NULL },
        { "10000-01-01T00:00:00Z", -EINVAL, NULL },
        { "2027-06-30T00:00:00+0200", -EINVAL, NULL },
        { "2027-06-30T00:00:00+02", -EINVAL, NULL },
        { "2027-06-30T00:00:00+24:00", -EINVAL, NULL },
        { "2027-06-30T00:00:00+02:60", -EINVAL, NULL },
        { "2027-06-30T00:00:00*02:00", -EINVAL, NULL },
        { "-027-06-30T00:00:00Z", -EINVAL, NULL },
        { "2027-06-30T0a:00:00Z", -EINVAL, NULL },
        { "never", -EINVAL, NULL },
        { "1798761600", -EINVAL, NULL },
};

START_TEST(test_time_parse)
{
        int64_t t = 4711;
        int r = ts_time_parse(times[_i].text, strlen(times[_i].text), &t);

        ck_assert_msg(r == times[_i].r, "'%s': %d", times[_i].text, r);
        if (r < 0)
                ck_assert_int_eq(t, 4711);
        else
                ck_assert_str_eq(ts_time_format(t).s, times[_i].formatted);
}
END_TEST

START_TEST(test_time_is_not_read_past_its_end)
{
        int64_t t;

        ck_assert_int_eq(ts_time_parse("2027-06-30T00:00:00Zjunk", 20, &t), 0);
        ck_assert_int_eq(t, INT64_C(1814313600));
        for (size_t len = 0; len < 20; len++)
                ck_assert_int_lt(ts_time_parse("2027-06-30T00:00:00Z", len, &t), 0);
}
END_TEST

static const struct {
        int64_t t;
        const char *text, *api;
} formatted_times[] = {
        { 0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z" },
        { 951782399, "2000-02-28T23:59:59Z", "2000-02-28T23:59:59.000Z" },
        { 951782400, "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z" },
        { 4107542400, "2100-03-01T00:00:00Z", "2100-03-01T00:00:00.000Z" },
        { 253402300799, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z" },
        { 253402300800, "@253402300800", "@253402300800" },
        { -1, "@-1", "@-1" },
        { INT64_MIN + 1, "@-9223372036854775807", "@-9223372036854775807" },
        { TS_TIME_NEVER, "never", "never" },
        { TS_TIME_UNSET, "unset", "unset" },
};

START_TEST(test_time_format)
{
        ck_assert_str_eq(ts_time_format(formatted_times[_i].t).s, formatted_times[_i].text);
        ck_assert_str_eq(ts_time_format_api(formatted_times[_i].t).s, formatted_times[_i].api);
}
END_TEST

/* Every day from 1970 to 9999, at a time of day of its own. */
START_TEST(test_every_day_there_and_back)
{
        for (int64_t day = 0; day <= 2932896; day++) {
                int64_t t = day * 86400 + day % 86400, back = -1;
                struct ts_time_text text = ts_time_format(t);

                REQUIRE(ts_time_parse(text.s, strlen(text.s), &back) == 0 && back == t, "%s", text.s);
        }
}
END_TEST

static const struct {
        const char *text;
        int64_t t; /* -1: it is refused */
} http_dates[] = {
        { "Tue, 24 Nov 2026 02:13:42 GMT", 1795486422 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
        { "Tue, 29 Feb 2028 00:00:00 GMT", 1835395200 },
        { "Mon, 24 Nov 2026 02:13:42 GMT", -1 },
        { "Tue, 24 Nov 2026 02:13:42 UTC", -1 },
        { "Tue, 24 Nov 2026 02:13:42", -1 },
        { "Tue, 24 Nov 2026 02:13:42 GMT ", -1 },
        { "tue, 24 nov 2026 02:13:42 gmt", -1 },
        { "Tuesday, 24-Nov-26 02:13:42 GMT", -1 },
        { "Tue Nov 24 02:13:42 2026", -1 },
        { "Tue, 4 Nov 2026 02:13:42 GMT", -1 },
        { "Tue, 24 Nov 2026 24:13:42 GMT", -1 },
        { "Tue, 24 Nov 2026 02:13:60 GMT", -1 },
        { "Mon, 30 Feb 2026 00:00:00 GMT", -1 },
        { "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
        { "Tue, 24 Nev 2026 02:13:42 GMT", -1 },
        { "Tue,24 Nov 2026 02:13:42 GMT", -1 },
        { "Tu", -1 },
        { "Tue, 24 No", -1 },
        { "", -1 },
};

START_TEST(test_http_date)
{
        int64_t t = -1;
        bool ok = ts_time_parse_http(http_dates[_i].text, &t);

        ck_assert_msg(ok == (http_dates[_i].t >= 0) && t == http_dates[_i].t, "'%s': %" PRId64,
                      http_dates[_i].text, t);
}
END_TEST

#define S TS_USEC_PER_SEC
#define MINUTE TS_USEC_PER_MINUTE
#define H TS_USEC_PER_HOUR
#define D TS_USEC_PER_DAY

/* The values are those of `systemd-analyze timespan`; what systemd takes and we do not is said. */
static const struct {
        const char *text;
        int r;
        uint64_t usec;
} spans[] = {
        { "0", 0, 0 },
        { "90", 0, 90 * S },
        { "1us", 0, 1 },
        { "1usec", 0, 1 },
        { "2ms", 0, 2000 },
        { "2msec", 0, 2000 },
        { "3s", 0, 3 * S },
        { "3sec", 0, 3 * S },
        { "1second", 0, S },
        { "3seconds", 0, 3 * S },
        { "4m", 0, 4 * MINUTE },
        { "5min", 0, 5 * MINUTE },
        { "1minute", 0, MINUTE },
        { "4minutes", 0, 4 * MINUTE },
        { "5h", 0, 5 * H },
        { "5hr", 0, 5 * H },
        { "1hour", 0, H },
        { "5hours", 0, 5 * H },
        { "6d", 0, 6 * D },
        { "1day", 0, D },
        { "6days", 0, 6 * D },
        { "1w", 0, 7 * D },
        { "1week", 0, 7 * D },
        { "2weeks", 0, 14 * D },
        { "2h 30min", 0, 150 * MINUTE },
        { "2h30min", 0, 150 * MINUTE },
        { "1d12h", 0, 36 * H },
        { "1d 1h 1min 1s 1ms 1us", 0, D + H + MINUTE + S + 1001 },
        { "1s 1s", 0, 2 * S }, /* systemd adds as well */
        { "  5 min  ", 0, 5 * MINUTE },
        { "\t5\tmin\t", 0, 5 * MINUTE },
        { "1.5h", 0, 90 * MINUTE },
        { "0.5", 0, S / 2 },
        { "0.000001s", 0, 1 },
        { "0.0000019s", 0, 1 },
        { "1.25min", 0, 75 * S },
        { "0.5us", 0, 0 },
        { "00005s", 0, 5 * S },
        { "36525d", 0, 36525 * D },
        { "36525d 1us", -ERANGE, 0 },
        { "18446744073709551615us", -ERANGE, 0 },
        { "18446744073709551616us", -ERANGE, 0 },
        { "99999999999999999999999999w", -ERANGE, 0 },
        { "18446744073709551615us 18446744073709551615us 2us", -ERANGE, 0 },
        { "", -EINVAL, 0 },
        { " ", -EINVAL, 0 },
        { "min", -EINVAL, 0 },
        { "5 minutos", -EINVAL, 0 },
        { "5MIN", -EINVAL, 0 },
        { "5minn", -EINVAL, 0 },
        { "-5s", -EINVAL, 0 },
        { "+5s", -EINVAL, 0 }, /* systemd takes it */
        { "1.h", -EINVAL, 0 },
        { ".5h", -EINVAL, 0 }, /* likewise */
        { "1.5.5h", -EINVAL, 0 },
        { "1,5h", -EINVAL, 0 },
        { "5min,", -EINVAL, 0 },
        { "1e3", -EINVAL, 0 },
        { "0x10", -EINVAL, 0 },
        { "5\n", -EINVAL, 0 },
        { "1h 30", -EINVAL, 0 },    /* to systemd 30 s, to its author 30 min */
        { "30 1h", -EINVAL, 0 },    /* likewise */
        { "1 2", -EINVAL, 0 },      /* likewise */
        { "infinity", -EINVAL, 0 }, /* no span of ours may last for ever */
        { "1month", -EINVAL, 0 },   /* 30.44 days to systemd */
        { "1M", -EINVAL, 0 },
        { "1y", -EINVAL, 0 },
        { "5\xc2\xb5s", -EINVAL, 0 },
};

START_TEST(test_span_parse)
{
        uint64_t usec = 4711;
        int r = ts_span_parse(spans[_i].text, strlen(spans[_i].text), &usec);

        ck_assert_msg(r == spans[_i].r, "'%s': %d", spans[_i].text, r);
        ck_assert_msg(usec == (r < 0 ? 4711 : spans[_i].usec), "'%s': %" PRIu64, spans[_i].text, usec);
}
END_TEST

static const struct {
        uint64_t usec;
        const char *text;
} formatted_spans[] = {
        { 0, "0" },
        { 1, "1us" },
        { 1001, "1ms 1us" },
        { 45 * S, "45s" },
        { 90 * S, "1min 30s" },
        { 150 * MINUTE, "2h 30min" },
        { D, "1d" },
        { D + 5 * S, "1d 5s" },
        { D + H + MINUTE, "1d 1h" },
        { 36525 * D, "36525d" },
        { UINT64_MAX, "213503982d 8h" },
};

START_TEST(test_span_format)
{
        ck_assert_str_eq(ts_span_format(formatted_spans[_i].usec).s, formatted_spans[_i].text);
}
END_TEST

#undef S
#undef MINUTE
#undef H
#undef D

/* ----------------------------------------------------------------------------------------------- escaping */

static const struct {
        const char *name, *text;
        size_t len;
        const char *escaped; /* NULL: as it is */
} escapes[] = {
        { "ASCII", TEXT("Jane Doe <jane@contoso.example> 'x' \"y\" {}"), NULL },
        { "a backslash", TEXT("a\\x41"), NULL },
        { "two bytes", TEXT("J\xc3\xa4ne"), NULL },
        { "three bytes", TEXT("\xe2\x82\xac"), NULL },
        { "four bytes", TEXT("\xf0\x9f\x98\x80"), NULL },
        { "the last character", TEXT("\xf4\x8f\xbf\xbf"), NULL },
        { "around the surrogates", TEXT("\xed\x9f\xbf\xee\x80\x80"), NULL },
        { "no-break space, which looks like a space", TEXT("\xc2\xa0"), "\\xc2\\xa0" },
        { "variation selector", TEXT("\xef\xb8\x8f"), "\\xef\\xb8\\x8f" },
        { "Hangul filler", TEXT("\xe3\x85\xa4"), "\\xe3\\x85\\xa4" },
        { "Braille blank", TEXT("\xe2\xa0\x80"), "\\xe2\\xa0\\x80" },
        { "Braille dots", TEXT("\xe2\xa0\x81"), NULL },
        { "nothing", TEXT(""), NULL },
        { "NUL", TEXT("a\0b"), "a\\x00b" },
        { "escape sequence", TEXT("\033[31m"), "\\x1b[31m" },
        { "line feed", TEXT("a\nb"), "a\\x0ab" },
        { "carriage return", TEXT("a\rb"), "a\\x0db" },
        { "tab", TEXT("a\tb"), "a\\x09b" },
        { "DEL", TEXT("\x7f"), "\\x7f" },
        { "C1",
          TEXT("\xc2\x9b"
               "31m"),
          "\\xc2\\x9b31m" },
        { "next line", TEXT("\xc2\x85"), "\\xc2\\x85" },
        { "soft hyphen", TEXT("\xc2\xad"), "\\xc2\\xad" },
        { "Arabic letter mark", TEXT("\xd8\x9c"), "\\xd8\\x9c" },
        { "Mongolian vowel separator", TEXT("\xe1\xa0\x8e"), "\\xe1\\xa0\\x8e" },
        { "zero width space", TEXT("\xe2\x80\x8b"), "\\xe2\\x80\\x8b" },
        { "right-to-left mark", TEXT("\xe2\x80\x8f"), "\\xe2\\x80\\x8f" },
        { "line separator", TEXT("\xe2\x80\xa8"), "\\xe2\\x80\\xa8" },
        { "right-to-left override", TEXT("\xe2\x80\xae"), "\\xe2\\x80\\xae" },
        { "word joiner", TEXT("\xe2\x81\xa0"), "\\xe2\\x81\\xa0" },
        { "isolate", TEXT("\xe2\x81\xa6"), "\\xe2\\x81\\xa6" },
        { "byte order mark", TEXT("\xef\xbb\xbf"), "\\xef\\xbb\\xbf" },
        { "annotation", TEXT("\xef\xbf\xb9"), "\\xef\\xbf\\xb9" },
        { "a tag", TEXT("\xf3\xa0\x81\x81"), "\\xf3\\xa0\\x81\\x81" },
        { "Latin-1", TEXT("caf\xe9"), "caf\\xe9" },
        { "lone continuation", TEXT("\x80"), "\\x80" },
        { "truncated, two", TEXT("\xc3"), "\\xc3" },
        { "truncated, three", TEXT("\xe2\x82"), "\\xe2\\x82" },
        { "truncated, four", TEXT("\xf0\x9f\x98"), "\\xf0\\x9f\\x98" },
        { "truncated by a letter", TEXT("\xe2\x82x"), "\\xe2\\x82x" },
        { "overlong /", TEXT("\xc0\xaf"), "\\xc0\\xaf" },
        { "overlong, three", TEXT("\xe0\x80\xaf"), "\\xe0\\x80\\xaf" },
        { "overlong, four", TEXT("\xf0\x80\x80\xaf"), "\\xf0\\x80\\x80\\xaf" },
        { "the largest overlong", TEXT("\xf0\x8f\xbf\xbf"), "\\xf0\\x8f\\xbf\\xbf" },
        { "a surrogate", TEXT("\xed\xa0\x80"), "\\xed\\xa0\\x80" },
        { "a surrogate pair", TEXT("\xed\xa0\xbd\xed\xb8\x80"), "\\xed\\xa0\\xbd\\xed\\xb8\\x80" },
        { "above U+10FFFF", TEXT("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80" },
        { "five bytes", TEXT("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80" },
        { "no lead byte", TEXT("\xfe\xff"), "\\xfe\\xff" },
};

START_TEST(test_escape)
{
        const char *expected = escapes[_i].escaped ? escapes[_i].escaped : escapes[_i].text;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        bool changed = ts_escape_text(&out, escapes[_i].text, escapes[_i].len);

        ck_assert_msg(strcmp(ts_buf_text(&out), expected) == 0, "%s: %s", escapes[_i].name,
                      ts_buf_text(&out));
        ck_assert_msg(changed == (escapes[_i].escaped != NULL), "%s", escapes[_i].name);
}
END_TEST

START_TEST(test_escape_in_an_arena)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        static const char plain[] = "J\xc3\xa4ne";

        ck_assert_str_eq(ts_escape_arena(&arena, NULL), "");
        ck_assert_ptr_eq(ts_escape_arena(&arena, plain), plain);
        ck_assert_str_eq(ts_escape_arena(&arena, "a\nb"), "a\\x0ab");
}
END_TEST

static bool is_listed(uint32_t c)
{
        static const uint32_t singles[] = { 0xad,   0x34f,  0x61c,  0x115f,  0x1160, 0x1680,
                                            0x17b4, 0x17b5, 0x2800, 0x3000,  0x3164, 0xfeff,
                                            0xffa0, 0xfffe, 0xffff, 0x16fe4, 0x1d159 };

        for (size_t i = 0; i < TS_N_ELEMENTS(singles); i++)
                if (c == singles[i])
                        return true;
        return c < 0x20 || (c >= 0x7f && c <= 0xa0) || (c >= 0x180b && c <= 0x180f) ||
               (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) ||
               (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xfff0 && c <= 0xfffb) ||
               (c >= 0x1bca0 && c <= 0x1bca3) || (c >= 0x1d173 && c <= 0x1d17a) ||
               (c >= 0xe0000 && c <= 0xe0fff);
}

static size_t encode(uint32_t c, char *out)
{
        unsigned char *p = (unsigned char *) out;
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

        if (n == 1) {
                p[0] = (unsigned char) c;
                return n;
        }
        for (size_t i = n; i-- > 1; c >>= 6)
                p[i] = (unsigned char) (0x80 | (c & 0x3f));
        p[0] = (unsigned char) ((0xf00u >> n) | c);
        return n;
}

/* All of Unicode: what is listed is escaped, all else is not, surrogates are broken. */
START_TEST(test_every_character)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(64);

        for (uint32_t c = 0; c <= 0x110000; c++) {
                bool is_character = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
                uint32_t decoded = 0;
                char text[4];
                size_t n = encode(c, text), offset = 4711;

                ts_buf_reset(&out);
                REQUIRE(ts_utf8_decode(text, n, &decoded) == (is_character ? n : 0), "U+%04" PRIX32, c);
                REQUIRE(!is_character || decoded == c, "U+%04" PRIX32, c);
                REQUIRE(ts_utf8_is_valid(text, n) == is_character, "U+%04" PRIX32, c);
                REQUIRE(ts_escape_text(&out, text, n) == (!is_character || is_listed(c)), "U+%04" PRIX32, c);
                REQUIRE(ts_char_is_forbidden(c) == is_listed(c), "U+%04" PRIX32, c);
                if (c != '\t' && c != '\n')
                        REQUIRE(ts_text_has_forbidden(text, n, &offset) == (!is_character || is_listed(c)),
                                "U+%04" PRIX32, c);
        }
}
END_TEST

/* Every text of two bytes, and every three bytes that begin with a lead byte: the output is always clean. */
START_TEST(test_every_short_text)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(64);

        for (unsigned i = 0; i < 0x1000000; i++) {
                const char text[] = { (char) (i >> 16), (char) (i >> 8), (char) i };
                size_t len = i < 0x10000 ? 2 : 3;

                if (len == 3 && (i >> 16) < 0xc0)
                        continue;
                if (len == 3 && (i & 0xff) % 31 != 0) /* the third byte: a sample */
                        continue;
                ts_buf_reset(&out);
                (void) ts_escape_text(&out, text + 3 - len, len);
                REQUIRE(!ts_text_has_forbidden(out.data, out.len, NULL) && !memchr(out.data, '\n', out.len) &&
                                        !memchr(out.data, '\t', out.len),
                        "%06x", i);
        }
}
END_TEST

START_TEST(test_escape_is_cut)
{
        for (size_t max = 0; max < 40; max++) {
                static const char text[] = "\xe2\x82\xac\x01\xff"
                                           "ab\xf0\x9f\x98\x80 and the rest of it";
                TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);

                ck_assert(ts_escape_text_max(&out, text, sizeof(text) - 1, max));
                ck_assert_uint_le(out.len, max);
                ck_assert_msg(ts_utf8_is_valid(ts_buf_text(&out), out.len), "%zu: %s", max,
                              ts_buf_text(&out));
                if (max >= 3 && max < 36)
                        ck_assert_msg(strcmp(ts_buf_text(&out) + out.len - 3, "\xe2\x80\xa6") == 0, "%zu: %s",
                                      max, ts_buf_text(&out));
        }
}
END_TEST

START_TEST(test_escape_at_the_limit)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(8192), out = TS_BUF_INIT(8192);

        while (text.len < TS_TEXT_MAX_BYTES)
                ts_buf_putc(&text, 'x');
        ck_assert(!ts_escape_text(&out, text.data, text.len));
        ck_assert_uint_eq(out.len, TS_TEXT_MAX_BYTES);
        ts_buf_putc(&text, 'x');
        ts_buf_reset(&out);
        ck_assert(ts_escape_text(&out, text.data, text.len));
        ck_assert_uint_eq(out.len, TS_TEXT_MAX_BYTES);
}
END_TEST

static const struct {
        const char *text;
        size_t len;
        bool found;
        size_t offset;
} forbidden[] = {
        { TEXT("plain\ttext\n"), false, 0 },       { TEXT("a\rb"), true, 1 },    { TEXT("ab\0"), true, 2 },
        { TEXT("\xc3\xa4\xe2\x80\xae"), true, 2 }, { TEXT("abc\xff"), true, 3 }, { TEXT(""), false, 0 },
};

START_TEST(test_forbidden)
{
        size_t offset = 0;

        ck_assert(ts_text_has_forbidden(forbidden[_i].text, forbidden[_i].len, &offset) ==
                  forbidden[_i].found);
        ck_assert_uint_eq(offset, forbidden[_i].offset);
        ck_assert(ts_text_has_forbidden(forbidden[_i].text, forbidden[_i].len, NULL) == forbidden[_i].found);
}
END_TEST

START_TEST(test_valid_prefix)
{
        ck_assert_uint_eq(ts_utf8_valid_prefix(TEXT("a\xc3\xa4")), 3);
        ck_assert_uint_eq(ts_utf8_valid_prefix(TEXT("a\xc3")), 1);
        ck_assert_uint_eq(ts_utf8_valid_prefix(TEXT("\x80")), 0);
        ck_assert_uint_eq(ts_utf8_valid_prefix(TEXT("")), 0);
        ck_assert_uint_eq(ts_utf8_valid_prefix("\xc3\xa4", 1), 0);
}
END_TEST

static const struct {
        const char *text, *markdown, *csv;
} marked[] = {
        { "Contoso", "`Contoso`", "Contoso" },
        { "", "`  `", "" },
        { " ", "`   `", "\" \"" },
        { "a b", "`a b`", "a b" },
        { "`", "`` ` ``", "`" },
        { "a`b", "``a`b``", "a`b" },
        { "``", "``` `` ```", "``" },
        { "`a", "`` `a ``", "`a" },
        { "a``b`c", "```a``b`c```", "a``b`c" },
        { "a|b", "`a\\|b`", "a|b" },
        { "a\\|b", "`a\\x5c\\|b`", "a\\|b" },
        { "a\\b", "`a\\b`", "a\\b" },
        { "a\nb", "`a\\x0ab`", "a\\x0ab" },
        { "<b>@all", "`<b>@all`", "<b>@all" },
        { "=1+2", "`=1+2`", "'=1+2" },
        { "+1", "`+1`", "'+1" },
        { "-1", "`-1`", "'-1" },
        { "@SUM(A1)", "`@SUM(A1)`", "'@SUM(A1)" },
        { "a=1", "`a=1`", "a=1" },
        { "\t=1", "`\\x09=1`", "'\\x09=1" },
        { "\r=1", "`\\x0d=1`", "'\\x0d=1" },
        { "\n=1", "`\\x0a=1`", "'\\x0a=1" },
        { "a,b", "`a,b`", "\"a,b\"" },
        { "a;b", "`a;b`", "\"a;b\"" },
        { "say \"hi\"", "`say \"hi\"`", "\"say \"\"hi\"\"\"" },
        { "=HYPERLINK(\"x\",1)", "`=HYPERLINK(\"x\",1)`", "\"'=HYPERLINK(\"\"x\"\",1)\"" },
        { " a", "`  a `", "\" a\"" }, /* one space at each end is the fence's own */
        { "a ", "` a  `", "\"a \"" },
        { "\xe2\x80\xae", "`\\xe2\\x80\\xae`", "\\xe2\\x80\\xae" },
};

START_TEST(test_markdown_and_csv)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf markdown = TS_BUF_INIT(4096), csv = TS_BUF_INIT(4096);

        ts_escape_markdown(&markdown, marked[_i].text);
        ts_escape_csv(&csv, marked[_i].text);
        ck_assert_str_eq(ts_buf_text(&csv), marked[_i].csv);
        ck_assert_str_eq(ts_buf_text(&markdown), marked[_i].markdown);
}
END_TEST

/* ---------------------------------------------------------------------------------------------------- map */

START_TEST(test_map)
{
        TS_CLEANUP(ts_map_done) struct ts_map m = TS_MAP_INIT;

        ck_assert_uint_eq(ts_map_get(&m, "a", 1), TS_MAP_NONE);
        ck_assert_uint_eq(ts_map_add(&m, "a", 1, 7), 7);
        ck_assert_uint_eq(ts_map_add(&m, "a", 1, 8), 7);
        ck_assert_uint_eq(ts_map_add(&m, "A", 1, 9), 9);
        ck_assert_uint_eq(ts_map_add(&m, "", 0, 0), 0);
        ck_assert_uint_eq(ts_map_add(&m, "a\0b", 3, 10), 10);
        ck_assert_uint_eq(ts_map_get(&m, "a", 1), 7);
        ck_assert_uint_eq(ts_map_get(&m, "A", 1), 9);
        ck_assert_uint_eq(ts_map_get(&m, "", 0), 0);
        ck_assert_uint_eq(ts_map_get(&m, "a\0b", 3), 10);
        ck_assert_uint_eq(ts_map_get(&m, "a\0c", 3), TS_MAP_NONE);
        ts_map_set(&m, "a", 1, 11);
        ts_map_set(&m, "new", 3, 12);
        ck_assert_uint_eq(ts_map_get(&m, "a", 1), 11);
        ck_assert_uint_eq(ts_map_get(&m, "new", 3), 12);
        ck_assert_uint_eq(m.n, 5);
        ts_map_done(&m);
        ck_assert_uint_eq(ts_map_get(&m, "a", 1), TS_MAP_NONE);
}
END_TEST

static const struct {
        const char *a, *b;
        bool equal;
} folded[] = {
        { "Jane.Doe@Contoso.Example", "jane.doe@contoso.example", true },
        { "a", "a", true },
        { "", "", true },
        { "a", "b", false },
        { "a", "ab", false },
        { "ab", "a", false },
        { "@", "`", false }, /* 0x40 and 0x60: only letters have a case */
        { "[", "{", false },
        { "Z", "z", true },
        { "\xc3\x84", "\xc3\xa4", false }, /* only ASCII is folded */
        { "\xe2\x84\xaa", "k", false },    /* the Kelvin sign */
        { "TITLE12345678901234567890", "title12345678901234567890", true },
};

START_TEST(test_fold)
{
        const char *a = folded[_i].a, *b = folded[_i].b;
        TS_CLEANUP(ts_map_done) struct ts_map m = TS_MAP_FOLD_INIT;

        ck_assert(ts_equal_fold(a, b) == folded[_i].equal);
        ck_assert(ts_equal_fold(b, a) == folded[_i].equal);
        ck_assert_uint_eq(ts_map_add(&m, a, strlen(a), 1), 1);
        ck_assert_uint_eq(ts_map_add(&m, b, strlen(b), 2), folded[_i].equal ? 1 : 2);
        ck_assert_uint_eq(ts_map_get(&m, b, strlen(b)), folded[_i].equal ? 1 : 2);
}
END_TEST

START_TEST(test_fold_of_nothing)
{
        ck_assert(!ts_equal_fold(NULL, NULL));
        ck_assert(!ts_equal_fold("a", NULL));
        ck_assert(!ts_equal_fold(NULL, "a"));
}
END_TEST

START_TEST(test_map_does_not_hold_the_canary)
{
        TS_CLEANUP(ts_map_done) struct ts_map m = TS_MAP_INIT;
        const unsigned char *bytes = (const unsigned char *) getauxval(AT_RANDOM);

        ts_map_add(&m, "a", 1, 1);
        ck_assert_ptr_nonnull(bytes);
        ck_assert_mem_eq(&m.seed, bytes + 8, 8); /* the first eight are the C library's */
}
END_TEST

START_TEST(test_map_grows)
{
        enum { N = 50000 };
        TS_CLEANUP(ts_map_done) struct ts_map m = TS_MAP_INIT;
        TS_CLEANUP(ts_freep) struct ts_id *ids = ts_calloc(N, sizeof(*ids));

        for (uint32_t i = 0; i < N; i++) {
                memcpy(ids[i].bytes, &i, sizeof(i));
                REQUIRE(ts_map_add_id(&m, &ids[i], i) == i, "%u", i);
        }
        ck_assert_uint_eq(m.n, N);
        for (uint32_t i = 0; i < N; i++)
                REQUIRE(ts_map_get_id(&m, &ids[i]) == i, "%u", i);
}
END_TEST

/* ---------------------------------------------------------------------------------------------------- ids */

static const struct {
        const char *text;
        bool ok;
} ids[] = {
        { "0b6f4c1e-0000-4000-8000-000000000003", true },
        { "0B6F4C1E-0000-4000-8000-00000000000F", true },
        { "00000000-0000-0000-0000-000000000000", true },
        { "", false },
        { "0b6f4c1e-0000-4000-8000-00000000000", false },
        { "0b6f4c1e-0000-4000-8000-0000000000033", false },
        { "0b6f4c1e00004000800000000000000300000", false },
        { "0b6f4c1e00004000-8000-000000000003-00", false },
        { "{0b6f4c1e-0000-4000-8000-00000000003}", false },
        { "0b6f4c1g-0000-4000-8000-000000000003", false },
        { "0b6f4c1e-0000-4000-8000-00000000000 ", false },
        { "0b6f4c1e/0000-4000-8000-000000000003", false },
        { "-b6f4c1e-0000-4000-8000-000000000003", false },
};

START_TEST(test_id)
{
        struct ts_id id = { { 0xaa } };

        ck_assert(ts_id_parse(ids[_i].text, strlen(ids[_i].text), &id) == ids[_i].ok);
        ck_assert(ts_id_parse_string(ids[_i].text, &id) == ids[_i].ok);
        if (ids[_i].ok)
                ck_assert(ts_equal_fold(ts_id_format(&id).s, ids[_i].text));
        else
                ck_assert_uint_eq(id.bytes[0], 0xaa);
        ck_assert(ts_id_is_nil(&id) == (strncmp(ids[_i].text, "00000000-", 9) == 0));
}
END_TEST

START_TEST(test_id_compare)
{
        struct ts_id a, b;

        ck_assert(!ts_id_parse_string(NULL, &a));
        ck_assert(ts_id_parse_string("0b6f4c1e-0000-4000-8000-00000000000a", &a));
        ck_assert(ts_id_parse_string("0B6F4C1E-0000-4000-8000-00000000000A", &b));
        ck_assert(ts_id_equal(&a, &b));
        b.bytes[15]++;
        ck_assert_int_lt(ts_id_compare(&a, &b), 0);
        ck_assert_str_eq(ts_id_format(&b).s, "0b6f4c1e-0000-4000-8000-00000000000b");
}
END_TEST

/* ------------------------------------------------------------------------------------------------ buffers */

/* Letters of a text as an array. */
static const struct {
        const char *text, *unique; /* what is left of it */
        const char *missing;
} sorted[] = {
        { "", "", "abc" },      { "b", "b", "ac" },        { "aa", "a", "b" },
        { "cba", "abc", "d@" }, { "ccbbaa", "abc", "@d" }, { "zacazbca", "abcz", "yd" },
};

static int letter_compare(const void *a, const void *b)
{
        return TS_ORDER(*(const char *) a, *(const char *) b);
}

START_TEST(test_sorted)
{
        char text[16], *items = sorted[_i].text[0] != '\0' ? text : NULL; /* none: NULL */
        size_t n = strlen(sorted[_i].text);

        (void) snprintf(text, sizeof(text), "%s", sorted[_i].text);
        TS_SORT(items, n, letter_compare);
        for (size_t i = 1; i < n; i++)
                ck_assert_int_le(text[i - 1], text[i]);
        n = TS_SORT_UNIQUE(items, n, letter_compare);
        text[n] = '\0';
        ck_assert_str_eq(text, sorted[_i].unique);

        for (const char *p = sorted[_i].unique; *p; p++)
                ck_assert_ptr_eq(TS_FIND_SORTED(p, items, n, letter_compare), strchr(text, *p));
        for (const char *p = sorted[_i].missing; *p; p++)
                ck_assert_ptr_null(TS_FIND_SORTED(p, items, n, letter_compare));
}
END_TEST

START_TEST(test_buf_keeps_its_bound)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf b = TS_BUF_INIT(5);

        ck_assert_str_eq(ts_buf_text(&b), "");
        ck_assert_int_eq(ts_buf_puts(&b, "abc"), 0);
        ck_assert_int_eq(ts_buf_printf(&b, "%d", 42), 0);
        ck_assert_str_eq(ts_buf_text(&b), "abc42");
        ck_assert(!ts_buf_failed(&b));
        ck_assert_int_eq(ts_buf_put(&b, "", 0), 0);
        ck_assert_int_eq(ts_buf_putc(&b, 'x'), -EFBIG);
        ck_assert(ts_buf_failed(&b));
        ck_assert_int_eq(ts_buf_put(&b, "", 0), -EFBIG); /* once failed, always failed */
        ck_assert_int_eq(ts_buf_printf(&b, "%s", ""), -EFBIG);
        ck_assert_int_eq(ts_buf_read_fd(&b, -1), -EFBIG);
        ck_assert_str_eq(ts_buf_text(&b), "abc42");
        ts_buf_reset(&b);
        ck_assert(!ts_buf_failed(&b));
        ck_assert_int_eq(ts_buf_printf(&b, "%s", "123456"), -EFBIG);
        ck_assert_str_eq(ts_buf_text(&b), "");
        ts_buf_done(&b);
        ck_assert_int_eq(ts_buf_puts(&b, "again"), 0);
}
END_TEST

START_TEST(test_buf_holds_anything)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf b = TS_BUF_SECRET_INIT(1000);

        ck_assert_int_eq(ts_buf_put(&b, "a\0b", 3), 0);
        for (int i = 0; i < 200; i++)
                ck_assert_int_eq(ts_buf_putc(&b, (char) i), 0);
        ck_assert_uint_eq(b.len, 203);
        ck_assert_mem_eq(b.data, "a\0b\0\001\002", 6);
        ck_assert_int_eq(b.data[203], 0);
        ts_buf_reset(&b);
        for (int i = 0; i < 203; i++)
                ck_assert_int_eq(b.data[i], 0); /* a secret is wiped, not only forgotten */
}
END_TEST

static const struct {
        size_t n, max;
        int r;
} reads[] = {
        { 0, 0, 0 },
        { 1, 0, -EFBIG },
        { 10, 10, 0 },
        { 11, 10, -EFBIG },
        { 10, 1000, 0 },
        { 65536, 65536, 0 },
        { 65537, 65536, -EFBIG },
        { 200000, 200000, 0 },
        { 200001, 200000, -EFBIG },
};

START_TEST(test_buf_reads_to_the_end)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf b = TS_BUF_INIT(reads[_i].max);
        FILE *file = tmpfile();

        ck_assert_ptr_nonnull(file);
        for (size_t i = 0; i < reads[_i].n; i++)
                (void) putc((int) ('a' + i % 26), file);
        ck_assert_int_eq(fflush(file), 0);
        rewind(file);
        ck_assert_int_eq(ts_buf_read_fd(&b, fileno(file)), reads[_i].r);
        ck_assert_uint_le(b.len, reads[_i].max);
        if (reads[_i].r == 0)
                ck_assert_uint_eq(b.len, reads[_i].n);
        ck_assert_uint_eq(strlen(ts_buf_text(&b)), b.len);
        (void) fclose(file);
}
END_TEST

START_TEST(test_buf_read_fails)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf b = TS_BUF_INIT(100);
        TS_CLEANUP(ts_closep) int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        ck_assert_int_eq(ts_buf_read_fd(&b, -1), -EBADF);
        ck_assert_int_eq(ts_buf_read_fd(&b, fd), -EISDIR);
        ck_assert_str_eq(ts_buf_text(&b), "");
}
END_TEST

/* --------------------------------------------------------------------------------------- arena and memory */

START_TEST(test_arena)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena a = TS_ARENA_INIT;
        unsigned char *pieces[600];
        size_t n = 0;

        for (size_t size = 0; size < 3000; size += 5) {
                pieces[n] = ts_arena_alloc(&a, size);
                ck_assert_uint_eq((uintptr_t) pieces[n] % _Alignof(max_align_t), 0);
                for (size_t i = 0; i < size; i++)
                        REQUIRE(pieces[n][i] == 0, "%zu", size);
                if (size > 0)
                        memset(pieces[n], (int) n & 0xff, size);
                n++;
        }
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < i * 5; k++)
                        REQUIRE(pieces[i][k] == (i & 0xff), "%zu", i);
}
END_TEST

START_TEST(test_arena_copies)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena a = TS_ARENA_INIT;
        uint64_t *number;
        char *large;

        ck_assert_ptr_null(ts_arena_strdup(&a, NULL));
        ck_assert_str_eq(ts_arena_strdup(&a, "text"), "text");
        ck_assert_str_eq(ts_arena_strndup(&a, "text", 2), "te");
        ck_assert_str_eq(ts_arena_strndup(&a, NULL, 0), "");
        ck_assert_str_eq(ts_arena_printf(&a, "%s-%d", "x", 42), "x-42");
        ck_assert_mem_eq(ts_arena_memdup(&a, "a\0b", 3), "a\0b", 3);
        large = ts_arena_alloc(&a, 1000000);
        large[999999] = 'x';
        ck_assert_str_eq(ts_arena_strdup(&a, "after"), "after");
        number = TS_ARENA_NEW(&a, uint64_t); /* behind a text of six bytes */
        ck_assert_uint_eq((uintptr_t) number % _Alignof(uint64_t), 0);
        ck_assert_uint_eq(*number, 0);
        ts_arena_done(&a);
        ck_assert_str_eq(ts_arena_strdup(&a, "again"), "again");
        ts_arena_done(NULL);
}
END_TEST

static void allocate_too_much(int how)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena a = TS_ARENA_INIT;
        size_t n_allocated = SIZE_MAX / 2 + 1;
        struct ts_id *p = NULL;
        void *volatile q = NULL;

        switch (how) {
        case 0:
                q = ts_arena_array(&a, SIZE_MAX / 8, 9, 1);
                break;
        case 1:
                q = ts_arena_alloc(&a, SIZE_MAX - 3);
                break;
        case 2:
                q = ts_reallocarray(NULL, SIZE_MAX / 8, 9);
                break;
        case 3:
                TS_GROW(p, n_allocated, n_allocated);
                break;
        default:
                ts_out_of_memory();
        }
        (void) q;
        _exit(1);
}

/* Whatever would overflow ends the process with the documented status, by no signal. */
START_TEST(test_out_of_memory)
{
        int status = 0;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void) close(STDERR_FILENO);
                allocate_too_much(_i);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), TS_EXIT_MEMORY);
}
END_TEST

START_TEST(test_memory)
{
        TS_CLEANUP(ts_freep) char *a = ts_strdup("text");
        TS_CLEANUP(ts_freep) char *b = ts_strndup("text", 2);
        TS_CLEANUP(ts_freep) char *empty = ts_malloc(0);
        TS_CLEANUP(ts_freep) char *zeroed = ts_calloc(0, 5);
        TS_CLEANUP(ts_freep) uint64_t *grown = NULL;
        size_t n_allocated = 0;

        ck_assert_str_eq(a, "text");
        ck_assert_str_eq(b, "te");
        ck_assert_ptr_nonnull(empty);
        ck_assert_ptr_nonnull(zeroed);
        for (size_t i = 0; i < 100; i++) {
                TS_GROW(grown, n_allocated, i);
                grown[i] = i;
        }
        ck_assert_uint_ge(n_allocated, 100);
        ck_assert_uint_eq(grown[99], 99);
        ts_wipe(a, 4);
        ck_assert_int_eq(a[0] | a[1] | a[2] | a[3], 0);
        ts_wipe(NULL, 0);
}
END_TEST

/* -------------------------------------------------------------------------------------------------- files */

struct place {
        char path[64];
        int fd;
};

static void place_init(struct place *p)
{
        (void) snprintf(p->path, sizeof(p->path), "/tmp/test-util-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(p->path));
        p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(p->fd, 0);
}

/* Removes the place, with everything in it; at most one level of directories. */
static void place_done(struct place *p)
{
        DIR *dir = fdopendir(p->fd);
        struct dirent *e;

        ck_assert_ptr_nonnull(dir);
        rewinddir(dir);
        while ((e = readdir(dir)))
                if (e->d_name[0] != '.' || e->d_name[1] == 'n')
                        if (unlinkat(p->fd, e->d_name, 0) < 0)
                                (void) unlinkat(p->fd, e->d_name, AT_REMOVEDIR);
        (void) closedir(dir);
        ck_assert_int_eq(rmdir(p->path), 0);
}

static size_t count_entries(const struct place *p)
{
        DIR *dir = opendir(p->path);
        struct dirent *e;
        size_t n = 0;

        ck_assert_ptr_nonnull(dir);
        while ((e = readdir(dir)))
                n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
        (void) closedir(dir);
        return n;
}

static void ck_content(const struct place *p, const char *name, const char *expected)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(100000);

        ck_assert_int_eq(ts_file_read(p->fd, name, &text, NULL), 0);
        ck_assert_str_eq(ts_buf_text(&text), expected);
}

START_TEST(test_file_replace)
{
        TS_CLEANUP(place_done) struct place p;
        char path[128];
        struct stat st;
        mode_t mask = umask(0077);

        place_init(&p);
        ck_assert_int_eq(ts_file_replace(p.fd, "a", "one", 3, 0644), 0);
        ck_content(&p, "a", "one");
        ck_assert_int_eq(fstatat(p.fd, "a", &st, 0), 0);
        ck_assert_int_eq(st.st_mode & 07777, 0644); /* whatever the umask */
        ck_assert_int_eq(ts_file_replace(p.fd, "a", "", 0, 0600), 0);
        ck_content(&p, "a", "");
        ck_assert_int_eq(fstatat(p.fd, "a", &st, 0), 0);
        ck_assert_int_eq(st.st_mode & 07777, 0600);
        (void) snprintf(path, sizeof(path), "%s/a", p.path);
        ck_assert_int_eq(ts_file_replace(AT_FDCWD, path, "two", 3, 0600), 0);
        ck_content(&p, "a", "two");
        ck_assert_uint_eq(count_entries(&p), 1);
        (void) umask(mask);
}
END_TEST

START_TEST(test_file_replaces_a_symlink)
{
        TS_CLEANUP(place_done) struct place p;
        struct stat st;

        place_init(&p);
        ck_assert_int_eq(ts_file_replace(p.fd, "target", "untouched", 9, 0600), 0);
        ck_assert_int_eq(symlinkat("target", p.fd, "link"), 0);
        ck_assert_int_eq(ts_file_replace(p.fd, "link", "new", 3, 0600), 0);
        ck_content(&p, "target", "untouched");
        ck_content(&p, "link", "new");
        ck_assert_int_eq(fstatat(p.fd, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
        ck_assert(S_ISREG(st.st_mode));
}
END_TEST

START_TEST(test_file_of_root_goes_to_the_owner)
{
        TS_CLEANUP(place_done) struct place p;
        struct stat st;

        place_init(&p);
        if (geteuid() == 0)
                ck_assert_int_eq(fchown(p.fd, 65534, 65534), 0);
        ck_assert_int_eq(ts_file_replace(p.fd, "a", "x", 1, 0640), 0);
        ck_assert_int_eq(fstatat(p.fd, "a", &st, 0), 0);
        ck_assert_uint_eq(st.st_uid, geteuid() == 0 ? 65534 : geteuid());
        ck_assert_int_eq(st.st_mode & 07777, 0640);
}
END_TEST

static const char long_name[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345"
                                "678901234567890123456789"
                                "0123456789012345678901234567890123456789012345678901234567890123456789012345"
                                "678901234567890123456789"
                                "012345678901234567890123456789012345678901234567890123456789";

static const struct {
        const char *name, *path;
        int r;
} failures[] = {
        { "no such directory", "none/a", -ENOENT },
        { "the parent is a file", "old/a", -ENOTDIR },
        { "no name", "directory/", -EISDIR },
        { "the target is a directory", "directory", -EISDIR },
        { "the name is too long", long_name, -ENAMETOOLONG },
};

START_TEST(test_file_replace_fails)
{
        TS_CLEANUP(place_done) struct place p;

        place_init(&p);
        ck_assert_int_eq(mkdirat(p.fd, "directory", 0700), 0);
        ck_assert_int_eq(ts_file_replace(p.fd, "old", "old", 3, 0600), 0);
        ck_assert_msg(ts_file_replace(p.fd, failures[_i].path, "new", 3, 0600) == failures[_i].r, "%s",
                      failures[_i].name);
        ck_content(&p, "old", "old");
        ck_assert_uint_eq(count_entries(&p), 2); /* nothing temporary is left */
}
END_TEST

/* The disk is full (as far as this process goes): the old file stays, and nothing temporary. */
START_TEST(test_file_replace_runs_out_of_room)
{
        static const struct rlimit small = { 100, 100 };
        TS_CLEANUP(place_done) struct place p;
        char data[200];
        struct rlimit before;

        place_init(&p);
        memset(data, 'x', sizeof(data));
        ck_assert_int_eq(ts_file_replace(p.fd, "a", "old", 3, 0600), 0);
        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
        ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ small.rlim_cur, before.rlim_max }), 0);
        ck_assert_int_eq(ts_file_replace(p.fd, "a", data, sizeof(data), 0600), -EFBIG);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        ck_assert(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
        ck_content(&p, "a", "old");
        ck_assert_uint_eq(count_entries(&p), 1);
}
END_TEST

START_TEST(test_file_replace_without_descriptors)
{
        TS_CLEANUP(place_done) struct place p;
        struct rlimit before;
        int next;

        place_init(&p);
        next = dup(p.fd);
        (void) close(next);
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
        for (rlim_t room = 0; room < 2; room++) { /* none for the directory, none for the file */
                struct rlimit few = { (rlim_t) next + room, before.rlim_max };

                ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
                ck_assert_int_eq(ts_file_replace(p.fd, "a", "x", 1, 0600), -EMFILE);
                ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        }
        ck_assert_int_eq(faccessat(p.fd, "a", F_OK, 0), -1);
}
END_TEST

START_TEST(test_file_read)
{
        TS_CLEANUP(place_done) struct place p;
        TS_CLEANUP(ts_buf_done) struct ts_buf b = TS_BUF_INIT(5);
        struct stat st = { 0 };

        place_init(&p);
        ck_assert_int_eq(ts_file_read(p.fd, "a", &b, NULL), -ENOENT);
        ck_assert_int_eq(mkdirat(p.fd, "directory", 0700), 0);
        ck_assert_int_eq(ts_file_read(p.fd, "directory", &b, NULL), -EINVAL);
        ck_assert_int_eq(mkfifoat(p.fd, "fifo", 0600), 0);
        ck_assert_int_eq(ts_file_read(p.fd, "fifo", &b, NULL), -EINVAL); /* at once, without a writer */
        ck_assert_int_eq(ts_file_read(p.fd, "fifo/a", &b, NULL), -ENOTDIR);
        ck_assert_int_eq(ts_file_replace(p.fd, "a", "12345", 5, 0600), 0);
        ck_assert_int_eq(ts_file_read(p.fd, "a", &b, &st), 0);
        ck_assert_str_eq(ts_buf_text(&b), "12345");
        ck_assert_int_eq(st.st_size, 5);
        ck_assert_int_eq(ts_file_replace(p.fd, "a", "123456", 6, 0600), 0);
        ts_buf_reset(&b);
        ck_assert_int_eq(ts_file_read(p.fd, "a", &b, NULL), -EFBIG);
}
END_TEST

START_TEST(test_close_keeps_errno)
{
        int fd = dup(STDERR_FILENO), none = -EBADF;

        errno = ENOSPC;
        ts_closep(&fd);
        ts_closep(&none);
        ck_assert_int_eq(errno, ENOSPC);
        ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

/* ------------------------------------------------------------------------------------------------ digests */

static const struct {
        const char *text;
        size_t len;
        const char *digest;
} digests[] = {
        /* FIPS 180-2, and with a NUL inside */
        { TEXT(""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { TEXT("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { TEXT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
          "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { TEXT("a\0b"), "sha256:59b271ae1bbcb1d31d41929817f4b16fb439eb4f31520b5ad1d5ce98920a7138" },
};

START_TEST(test_sha256)
{
        struct ts_digest whole = ts_sha256_of(digests[_i].text, digests[_i].len), pieces;
        struct ts_sha256 *h = ts_sha256_new();

        for (size_t i = 0; i < digests[_i].len; i++)
                ts_sha256_put(h, digests[_i].text + i, 1);
        pieces = ts_sha256_finish(h);
        ck_assert_mem_eq(whole.bytes, pieces.bytes, sizeof(whole.bytes));
        ck_assert_str_eq(ts_digest_format(&whole).s, digests[_i].digest);
}
END_TEST

START_TEST(test_sha256_of_a_million)
{
        struct ts_sha256 *h = ts_sha256_new();
        struct ts_digest d;
        char a[1000];

        memset(a, 'a', sizeof(a));
        for (int i = 0; i < 1000; i++)
                ts_sha256_put(h, a, sizeof(a));
        d = ts_sha256_finish(h);
        ck_assert_str_eq(ts_digest_format(&d).s,
                         "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

/* ------------------------------------------------------------------------------------------------- errors */

START_TEST(test_err)
{
        struct ts_err err = { 0 };

        ck_assert_int_eq(ts_err_set(&err, TS_ERR_LOCAL, -ENOENT, "cannot open '%s': %m", "x"), -ENOENT);
        ck_assert_str_eq(err.msg, "cannot open 'x': No such file or directory");
        ck_assert_int_eq(err.cls, TS_ERR_LOCAL);
        ck_assert_int_eq(err.code, -ENOENT);
        ck_assert_int_eq(ts_err_wrap(&err, -ENOENT, "reading %s", "settings"), -ENOENT);
        ck_assert_str_eq(err.msg, "reading settings: cannot open 'x': No such file or directory");
        ck_assert_int_eq(err.cls, TS_ERR_LOCAL);
        ck_assert_int_eq(err.code, -ENOENT);
        ck_assert_int_eq(ts_err_set(NULL, TS_ERR_LOCAL, -EIO, "nobody asks"), -EIO);
        ck_assert_int_eq(ts_err_wrap(NULL, -EIO, "nobody asks"), -EIO);
}
END_TEST

/* Cut at every place of a character, by the message itself and by what is put in front: always whole ones. */
START_TEST(test_err_is_cut_at_a_character)
{
        static const char *const characters[] = { "x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);

        for (size_t c = 0; c < TS_N_ELEMENTS(characters); c++)
                for (size_t lead = 0; lead < 5; lead++) {
                        struct ts_err err = { 0 };

                        ts_buf_reset(&text);
                        ts_buf_printf(&text, "%.*s", (int) lead, "aaaaa");
                        while (text.len < 1000)
                                ts_buf_puts(&text, characters[c]);
                        (void) ts_err_set(&err, TS_ERR_REMOTE, -EIO, "%s", ts_buf_text(&text));
                        ck_assert(ts_utf8_is_valid(err.msg, strlen(err.msg)));
                        ck_assert_uint_ge(strlen(err.msg), sizeof(err.msg) - 4);
                        (void) ts_err_wrap(&err, -EIO, "context");
                        ck_assert(ts_utf8_is_valid(err.msg, strlen(err.msg)));
                        ck_assert_uint_ge(strlen(err.msg), sizeof(err.msg) - 4);
                        (void) ts_err_wrap(&err, -EIO, "%s",
                                           ts_buf_text(&text)); /* no room for what it was */
                        ck_assert(ts_utf8_is_valid(err.msg, strlen(err.msg)));
                }
}
END_TEST

/* ------------------------------------------------------------------------------------------ clock and log */

START_TEST(test_clock)
{
        uint64_t first = ts_clock_boottime(&ts_clock_system), again = ts_clock_boottime(&ts_clock_system);
        bool differs = false;

        ck_assert_uint_ge(again, first);
        ck_assert_int_gt(ts_clock_realtime(&ts_clock_system), 1700000000);
        for (int i = 0; i < 1000; i++)
                ck_assert_uint_lt(ts_clock_random_below(&ts_clock_system, 3), 3);
        for (int i = 0; i < 4 && !differs; i++)
                differs = ts_clock_system.random(NULL) != ts_clock_system.random(NULL);
        ck_assert(differs);
}
END_TEST

struct heard {
        char last[128];
        int n, priority;
};

static void on_entry(const struct ts_log_entry *entry, void *userdata)
{
        struct heard *h = userdata;

        (void) snprintf(h->last, sizeof(h->last), "%s", entry->message);
        h->priority = entry->priority;
        h->n++;
        errno = EPIPE;
}

START_TEST(test_log_levels)
{
        struct heard h = { 0 };
        struct ts_log_entry evidence = { .priority = LOG_INFO, .message_id = "0", .message = "evidence" };

        ts_log_set_sink(on_entry, &h);
        ts_log_set_level(LOG_WARNING);
        ts_log(LOG_INFO, "not heard");
        ck_assert_int_eq(h.n, 0);
        errno = ENOSPC;
        ts_log(LOG_WARNING, "heard %d", 1);
        ck_assert_int_eq(errno, ENOSPC);
        ck_assert_str_eq(h.last, "heard 1");
        ck_assert_int_eq(h.priority, LOG_WARNING);
        ts_log_entry(&evidence);
        ck_assert_str_eq(h.last, "evidence"); /* the journal's evidence is not thinned out by -q */
        ck_assert_int_eq(h.n, 2);
        ts_log_set_sink(NULL, NULL);
        ts_log_set_level(LOG_INFO);
        ck_assert(ts_log_enabled(LOG_INFO));
        ck_assert(!ts_log_enabled(LOG_DEBUG));
}
END_TEST

/* Runs @say with stderr in a file; what it said. */
static void capture_stderr(void (*say)(void), struct ts_buf *out)
{
        FILE *file = tmpfile();
        int saved = dup(STDERR_FILENO);

        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
        say();
        ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
        (void) close(saved);
        rewind(file);
        ck_assert_int_eq(ts_buf_read_fd(out, fileno(file)), 0);
        (void) fclose(file);
}

static void log_something(void)
{
        ts_log_progress("unseen");
        ts_log(LOG_ERR, "%s", "<0>panic\nsecond \033[31mline");
        ts_log_entry(&(struct ts_log_entry){ .priority = LOG_DEBUG, .message_id = "0", .message = "unseen" });
}

static void log_progress(void)
{
        ts_log_set_progress(true);
        ts_log_progress("%s", ""); /* nothing is there to be taken away */
        ts_log_progress("page %d\n", 1);
        ts_log(LOG_ERR, "%s", "between");
        ts_log_progress("page %d", 2);
        ts_log_set_progress(false);
        ts_log_progress("unseen");
}

START_TEST(test_log_on_stderr)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);

        capture_stderr(log_something, &out);
        ck_assert_str_eq(ts_buf_text(&out), "trustsyncd: <0>panic\\x0asecond \\x1b[31mline\n");
        ts_buf_reset(&out);
        capture_stderr(log_progress, &out);
        ck_assert_str_eq(ts_buf_text(&out),
                         "\r\033[Kpage 1\\x0a\r\033[Ktrustsyncd: between\n\r\033[Kpage 2\r\033[K");
}
END_TEST

/* --------------------------------------------------------------------------------------------------- URLs */

static const struct {
        const char *text;
        const char *parts; /* "scheme host rest", with " loopback" when it is; NULL: no URL */
} urls[] = {
        { "https://api.example", "https api.example " },
        { "https://api.example:8443/v2?x", "https api.example:8443 /v2?x" },
        { "http://localhost", "http localhost  loopback" },
        { "http://LOCALHOST:80/", "http LOCALHOST:80 / loopback" },
        { "http://127.255.255.254#x", "http 127.255.255.254 #x loopback" },
        { "http://[::1]:1", "http [::1]:1  loopback" },
        { "http://[0:0:0:0:0:0:0:1]/", "http [0:0:0:0:0:0:0:1] / loopback" },
        { "http://[::2]", "http [::2] " },
        { "http://[::ffff:127.0.0.1]", "http [::ffff:127.0.0.1] " },
        { "http://127.0.0.1.example", "http 127.0.0.1.example " },
        { "http://localhost.", "http localhost. " },
        { "http://a.localhost", "http a.localhost " },
        { "http://10.0.0.1", "http 10.0.0.1 " },
        { "http://127.1", NULL },
        { "http://2130706433", NULL },
        { "http://0x7f000001", NULL },
        { "http://0x7f.0.0.0x1", NULL },
        { "http://0177.0.0.1", NULL },
        { "http://127.0.0.1.", NULL },
        { "http://127.0.0.256", NULL },
        { "http://user@127.0.0.1", NULL },
        { "http://127.0.0.1:0", NULL },
        { "http://127.0.0.1:65536", NULL },
        { "http://127.0.0.1:x", NULL },
        { "http://127.0.0.1:", NULL },
        { "http://[::1", NULL },
        { "http://[::1]x", NULL },
        { "http://[/]", NULL },
        { "http://", NULL },
        { "http:///x", NULL },
        { "http://-x", NULL },
        { "://x", NULL },
        { "x/y://z", NULL },
        { "localhost", NULL },
        { "", NULL },
};

START_TEST(test_url)
{
        struct ts_url u;
        char got[256];

        if (!ts_url_parse(urls[_i].text, &u)) {
                ck_assert_msg(!urls[_i].parts, "%s", urls[_i].text);
                return;
        }
        (void) snprintf(got, sizeof(got), "%.*s %.*s %s%s", (int) u.scheme_len, u.scheme,
                        (int) (u.rest - u.host), u.host, u.rest, ts_url_is_loopback(&u) ? " loopback" : "");
        ck_assert_msg(urls[_i].parts && strcmp(got, urls[_i].parts) == 0, "%s: %s", urls[_i].text, got);
        ck_assert(ts_url_has_scheme(&u, "https") == (strncmp(urls[_i].text, "https:", 6) == 0));
}
END_TEST

static void add_tests(TCase *t)
{
        tcase_add_loop_test(t, test_time_parse, 0, TS_N_ELEMENTS(times));
        tcase_add_test(t, test_time_is_not_read_past_its_end);
        tcase_add_loop_test(t, test_time_format, 0, TS_N_ELEMENTS(formatted_times));
        tcase_add_test(t, test_every_day_there_and_back);
        tcase_add_loop_test(t, test_http_date, 0, TS_N_ELEMENTS(http_dates));
        tcase_add_loop_test(t, test_span_parse, 0, TS_N_ELEMENTS(spans));
        tcase_add_loop_test(t, test_span_format, 0, TS_N_ELEMENTS(formatted_spans));
        tcase_add_loop_test(t, test_escape, 0, TS_N_ELEMENTS(escapes));
        tcase_add_test(t, test_escape_in_an_arena);
        tcase_add_loop_test(t, test_sorted, 0, TS_N_ELEMENTS(sorted));
        tcase_add_loop_test(t, test_url, 0, TS_N_ELEMENTS(urls));
        tcase_add_test(t, test_every_character);
        tcase_add_test(t, test_every_short_text);
        tcase_add_test(t, test_escape_is_cut);
        tcase_add_test(t, test_escape_at_the_limit);
        tcase_add_loop_test(t, test_forbidden, 0, TS_N_ELEMENTS(forbidden));
        tcase_add_test(t, test_valid_prefix);
        tcase_add_loop_test(t, test_markdown_and_csv, 0, TS_N_ELEMENTS(marked));
        tcase_add_test(t, test_map);
        tcase_add_loop_test(t, test_fold, 0, TS_N_ELEMENTS(folded));
        tcase_add_test(t, test_fold_of_nothing);
        tcase_add_test(t, test_map_grows);
        tcase_add_test(t, test_map_does_not_hold_the_canary);
        tcase_add_loop_test(t, test_id, 0, TS_N_ELEMENTS(ids));
        tcase_add_test(t, test_id_compare);
        tcase_add_test(t, test_buf_keeps_its_bound);
        tcase_add_test(t, test_buf_holds_anything);
        tcase_add_loop_test(t, test_buf_reads_to_the_end, 0, TS_N_ELEMENTS(reads));
        tcase_add_test(t, test_buf_read_fails);
        tcase_add_test(t, test_arena);
        tcase_add_test(t, test_arena_copies);
        tcase_add_loop_test(t, test_out_of_memory, 0, 5);
        tcase_add_test(t, test_memory);
        tcase_add_test(t, test_file_replace);
        tcase_add_test(t, test_file_replaces_a_symlink);
        tcase_add_test(t, test_file_of_root_goes_to_the_owner);
        tcase_add_loop_test(t, test_file_replace_fails, 0, TS_N_ELEMENTS(failures));
        tcase_add_test(t, test_file_replace_runs_out_of_room);
        tcase_add_test(t, test_file_replace_without_descriptors);
        tcase_add_test(t, test_file_read);
        tcase_add_test(t, test_close_keeps_errno);
        tcase_add_loop_test(t, test_sha256, 0, TS_N_ELEMENTS(digests));
        tcase_add_test(t, test_sha256_of_a_million);
        tcase_add_test(t, test_err);
        tcase_add_test(t, test_err_is_cut_at_a_character);
        tcase_add_test(t, test_clock);
        tcase_add_test(t, test_log_levels);
        tcase_add_test(t, test_log_on_stderr);
}

int main(void)
{
        Suite *suite = suite_create("util");
        TCase *t = tcase_create("util");

        tcase_set_timeout(t, 120); /* under a sanitizer or valgrind on a slow machine */
        add_tests(t);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
