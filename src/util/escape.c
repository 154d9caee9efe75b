#include "util/escape.h"

#include <string.h>

#include "util/limits.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define ELLIPSIS_BYTES (sizeof(ELLIPSIS) - 1)

static bool is_continuation(unsigned char c)
{
        return (c & 0xc0) == 0x80;
}

size_t ts_utf8_decode(const char *s, size_t len, uint32_t *ret)
{
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800,
                                             0x10000 }; /* by length: below it is overlong */
        const unsigned char *p = (const unsigned char *) s;
        size_t i, n;
        uint32_t c;

        if (len == 0)
                return 0;
        if (p[0] < 0x80) {
                *ret = p[0];
                return 1;
        }
        if (p[0] < 0xc2 || p[0] > 0xf4)
                return 0;

        n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (len < n)
                return 0;
        c = p[0] & (0x7fu >> n);
        for (i = 1; i < n; i++) {
                if (!is_continuation(p[i]))
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        *ret = c;
        return n;
}

/* A number of bytes at the start that are ASCII, eight at a time: nearly all that arrives is. */
static size_t ascii_prefix(const char *s, size_t len)
{
        uint64_t eight;
        size_t i;

        for (i = 0; len - i >= sizeof(eight); i += sizeof(eight)) {
                memcpy(&eight, s + i, sizeof(eight));
                if (eight & UINT64_C(0x8080808080808080))
                        break;
        }
        return i;
}

size_t ts_utf8_valid_prefix(const char *s, size_t len)
{
        size_t i = ascii_prefix(s, len);

        while (i < len) {
                uint32_t c;
                size_t n = ts_utf8_decode(s + i, len - i, &c);

                if (n == 0)
                        break;
                i += n;
                if (n > 1)
                        i += ascii_prefix(s + i, len - i);
        }
        return i;
}

bool ts_is_ascii(const char *s, size_t len)
{
        size_t i = ascii_prefix(s, len);

        while (i < len && (unsigned char) s[i] < 0x80)
                i++;
        return i == len;
}

bool ts_utf8_is_valid(const char *s, size_t len)
{
        return ts_utf8_valid_prefix(s, len) == len;
}

bool ts_char_is_forbidden(uint32_t c)
{
        static const struct {
                uint32_t first, last;
        } ranges[] = {
                { 0x00, 0x1f },       /* C0 */
                { 0x7f, 0xa0 },       /* DEL, C1, no-break space */
                { 0xad, 0xad },       /* soft hyphen */
                { 0x34f, 0x34f },     /* combining grapheme joiner */
                { 0x61c, 0x61c },     /* Arabic letter mark */
                { 0x115f, 0x1160 },   /* Hangul fillers */
                { 0x1680, 0x1680 },   /* Ogham space */
                { 0x17b4, 0x17b5 },   /* Khmer inherent vowels */
                { 0x180b, 0x180f },   /* Mongolian variation selectors and vowel separator */
                { 0x2000, 0x200f },   /* spaces, zero width, left-to-right and right-to-left marks */
                { 0x2028, 0x202f },   /* line and paragraph separator, bidi embedding and override, a space */
                { 0x205f, 0x206f },   /* a space, word joiner, invisible operators, bidi isolates */
                { 0x2800, 0x2800 },   /* Braille blank */
                { 0x3000, 0x3000 },   /* ideographic space */
                { 0x3164, 0x3164 },   /* Hangul filler */
                { 0xfe00, 0xfe0f },   /* variation selectors */
                { 0xfeff, 0xfeff },   /* byte order mark */
                { 0xffa0, 0xffa0 },   /* Hangul filler, half width */
                { 0xfff0, 0xfffb },   /* ignorable, interlinear annotation */
                { 0xfffe, 0xffff },   /* no characters; YAML has no place for them */
                { 0x16fe4, 0x16fe4 }, /* Khitan filler */
                { 0x1bca0, 0x1bca3 }, /* shorthand format controls */
                { 0x1d159, 0x1d159 }, /* a note without a head */
                { 0x1d173, 0x1d17a }, /* musical format controls */
                { 0xe0000, 0xe0fff }, /* tags, more variation selectors */
        };
        size_t i;

        if (c >= 0x20 && c < 0x7f)
                return false;
        for (i = 0; i < TS_N_ELEMENTS(ranges); i++)
                if (c <= ranges[i].last)
                        return c >= ranges[i].first;
        return false;
}

/* What stands at the start of @s: a character, or one byte that is none. */
struct piece {
        size_t in, out; /* bytes read, bytes written */
        bool is_escaped;
};

static struct piece piece_at(const char *s, size_t len)
{
        uint32_t c = 0;
        size_t n = ts_utf8_decode(s, len, &c);
        bool is_escaped = n == 0 || ts_char_is_forbidden(c);

        if (n == 0)
                n = 1;
        return (struct piece){ .in = n, .out = is_escaped ? 4 * n : n, .is_escaped = is_escaped };
}

/* How much of a text can be shown. */
struct extent {
        size_t in;   /* bytes of the text that are shown */
        bool is_cut; /* and then comes an ellipsis */
        bool has_escapes;
};

static struct extent measure(const char *s, size_t len, size_t max_bytes)
{
        struct extent e = { 0 };
        size_t i = 0, out = 0;

        while (i < len) {
                struct piece p = piece_at(s + i, len - i);

                if (p.out > max_bytes - out) {
                        e.is_cut = true;
                        return e; /* e.in: what leaves room for the ellipsis */
                }
                i += p.in;
                out += p.out;
                e.has_escapes = e.has_escapes || p.is_escaped;
                if (out + ELLIPSIS_BYTES <= max_bytes)
                        e.in = i;
        }
        e.in = len;
        return e;
}

static void put_byte(struct ts_buf *out, unsigned char c)
{
        static const char digits[] = "0123456789abcdef";
        const char text[] = { '\\', 'x', digits[c >> 4], digits[c & 15] };

        (void) ts_buf_put(out, text, sizeof(text)); /* the caller checks ts_buf_failed() */
}

bool ts_escape_text_max(struct ts_buf *out, const char *s, size_t len, size_t max_bytes)
{
        struct extent e = measure(s, len, max_bytes);
        struct piece p;
        size_t i, k;

        if (!e.has_escapes && !e.is_cut) {
                (void) ts_buf_put(out, s, len);
                return false;
        }
        for (i = 0; i < e.in; i += p.in) {
                p = piece_at(s + i, e.in - i);
                if (!p.is_escaped)
                        (void) ts_buf_put(out, s + i, p.in);
                for (k = 0; p.is_escaped && k < p.in; k++)
                        put_byte(out, (unsigned char) s[i + k]);
        }
        if (e.is_cut && max_bytes >= ELLIPSIS_BYTES)
                (void) ts_buf_puts(out, ELLIPSIS);
        return true;
}

bool ts_escape_text(struct ts_buf *out, const char *s, size_t len)
{
        return ts_escape_text_max(out, s, len, TS_TEXT_MAX_BYTES);
}

const char *ts_escape_arena(struct ts_arena *a, const char *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_TEXT_MAX_BYTES);

        if (!s)
                return "";
        if (!ts_escape_text(&text, s, strlen(s)))
                return s;
        return ts_arena_strndup(a, ts_buf_text(&text), text.len);
}

static bool is_address(const char *s)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+'-";
        size_t local = strspn(s, letters), domain;

        if (local == 0 || s[local] != '@')
                return false;
        domain = strspn(s + local + 1, letters);
        return domain > 0 && s[local + 1 + domain] == '\0' && local + domain < TS_TEXT_MAX_BYTES;
}

void ts_escape_name(struct ts_buf *out, const char *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_TEXT_MAX_BYTES);

        if (is_address(s)) {
                (void) ts_buf_puts(out, s); /* the caller checks ts_buf_failed() */
                return;
        }
        (void) ts_escape_text(&text, s, strlen(s));
        (void) ts_buf_putc(out, '"');
        for (s = ts_buf_text(&text); *s != '\0'; s++) {
                if (*s == '"')
                        put_byte(out, '"');
                else
                        (void) ts_buf_putc(out, *s);
        }
        (void) ts_buf_putc(out, '"');
}

const char *ts_escape_name_arena(struct ts_arena *a, const char *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4 * TS_TEXT_MAX_BYTES + 2);

        ts_escape_name(&text, s);
        return ts_arena_strndup(a, ts_buf_text(&text), text.len);
}

static size_t longest_run(const char *s, char c)
{
        size_t longest = 0, n = 0;

        for (; *s != '\0'; s++) {
                n = *s == c ? n + 1 : 0;
                if (n > longest)
                        longest = n;
        }
        return longest;
}

static bool is_space_or_backtick(char c)
{
        return c == ' ' || c == '`';
}

void ts_escape_markdown(struct ts_buf *out, const char *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_TEXT_MAX_BYTES);
        size_t i, fence;
        bool is_padded;

        (void) ts_escape_text(&text, s, strlen(s));
        s = ts_buf_text(&text);

        /* one space at each end is taken away by the reader, and keeps backticks apart from the fence */
        is_padded = text.len == 0 || is_space_or_backtick(s[0]) || is_space_or_backtick(s[text.len - 1]);
        fence = longest_run(s, '`') + 1;

        for (i = 0; i < fence; i++)
                (void) ts_buf_putc(out, '`');
        if (is_padded)
                (void) ts_buf_putc(out, ' ');
        for (; *s != '\0'; s++) {
                if (s[0] == '\\' && s[1] == '|')
                        put_byte(out, '\\'); /* as it is, it would take the effect from the next one */
                else if (*s == '|')
                        (void) ts_buf_puts(out, "\\|");
                else
                        (void) ts_buf_putc(out, *s);
        }
        if (is_padded)
                (void) ts_buf_putc(out, ' ');
        for (i = 0; i < fence; i++)
                (void) ts_buf_putc(out, '`');
}

void ts_escape_csv(struct ts_buf *out, const char *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_TEXT_MAX_BYTES);
        bool is_formula = s[0] != '\0' && strchr("=+-@\t\r\n", s[0]);
        bool is_quoted;

        (void) ts_escape_text(&text, s, strlen(s));
        s = ts_buf_text(&text);
        is_quoted = s[strcspn(s, ",\";")] != '\0' || s[0] == ' ' || (text.len > 0 && s[text.len - 1] == ' ');

        if (is_quoted)
                (void) ts_buf_putc(out, '"');
        if (is_formula)
                (void) ts_buf_putc(out, '\'');
        for (; *s != '\0'; s++) {
                if (*s == '"')
                        (void) ts_buf_putc(out, '"');
                (void) ts_buf_putc(out, *s);
        }
        if (is_quoted)
                (void) ts_buf_putc(out, '"');
}

bool ts_text_has_forbidden(const char *s, size_t len, size_t *ret_offset)
{
        size_t i;
        struct piece p;

        for (i = 0; i < len; i += p.in) {
                p = piece_at(s + i, len - i);
                if (!p.is_escaped || s[i] == '\t' || s[i] == '\n')
                        continue;
                if (ret_offset)
                        *ret_offset = i;
                return true;
        }
        return false;
}
