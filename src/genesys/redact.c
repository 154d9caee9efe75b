#include "genesys/redact.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define WINDOW 8u /* bytes that are looked up; what is found is compared to its ends */
/* Any part of TS_REDACT_PART_BYTES has a window that begins at a multiple of it. */
#define STRIDE (TS_REDACT_PART_BYTES - WINDOW)
#define FORMS_MAX_BYTES (256u * 1024u)

struct ts_redactor {
        struct ts_buf forms; /* secret: the token in each of its forms, NUL between them; normalised */
        uint32_t *slots;     /* of windows: 1 + where each begins in `forms`; 0: free */
        size_t n_slots;      /* a power of two */
        size_t stride;       /* of the windows of a text */
};

/* Without case, and base64url is base64. */
static char normal(char c)
{
        if (c >= 'A' && c <= 'Z')
                return (char) (c - 'A' + 'a');
        return c == '-' ? '+' : c == '_' ? '/' : c;
}

/* ------------------------------------------------------------------------------------------------- forms */

static void put_plain(struct ts_buf *out, const char *s, size_t len, bool backwards)
{
        for (size_t i = 0; i < len; i++)
                (void) ts_buf_putc(out, normal(s[backwards ? len - 1 - i : i]));
        (void) ts_buf_putc(out, '\0');
}

static void put_hexadecimal(struct ts_buf *out, const char *s, size_t len, const char *before)
{
        for (size_t i = 0; i < len; i++)
                (void) ts_buf_printf(out, "%s%02x", before, (unsigned char) s[i]);
        (void) ts_buf_putc(out, '\0');
}

/* As it stands in the base64 of a longer text in which @skip bytes of a group of three are before it. */
static void put_base64(struct ts_buf *out, const char *s, size_t len, size_t skip)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        for (size_t i = (3 - skip) % 3; i + 3 <= len; i += 3) {
                unsigned v = (unsigned) (unsigned char) s[i] << 16 |
                             (unsigned) (unsigned char) s[i + 1] << 8 | (unsigned char) s[i + 2];

                for (unsigned shift = 24; shift > 0; shift -= 6)
                        (void) ts_buf_putc(out, normal(digits[v >> (shift - 6) & 0x3f]));
        }
        (void) ts_buf_putc(out, '\0');
}

/* ----------------------------------------------------------------------------------------------- windows */

static size_t slot_of(const struct ts_redactor *r, const char *window)
{
        uint64_t v;

        memcpy(&v, window, sizeof(v));
        return (size_t) (v * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (r->n_slots - 1);
}

/* Windows that span two forms are there too, and no text without NUL has them. */
static void index_windows(struct ts_redactor *r)
{
        size_t n = r->forms.len;

        for (r->n_slots = 64; r->n_slots < 2 * n;)
                r->n_slots *= 2;
        r->slots = ts_calloc(r->n_slots, sizeof(*r->slots));
        for (size_t i = 0; i + WINDOW <= n; i++) {
                size_t slot = slot_of(r, r->forms.data + i);

                while (r->slots[slot] != 0)
                        slot = (slot + 1) & (r->n_slots - 1);
                r->slots[slot] = (uint32_t) (i + 1);
        }
}

struct ts_redactor *ts_redactor_new(const char *token, size_t len)
{
        struct ts_redactor *r = ts_calloc(1, sizeof(*r));

        r->forms = (struct ts_buf) TS_BUF_SECRET_INIT(FORMS_MAX_BYTES);
        if (len < TS_REDACT_MIN_BYTES)
                return r;
        put_plain(&r->forms, token, len, false);
        put_plain(&r->forms, token, len, true);
        put_hexadecimal(&r->forms, token, len, "");
        put_hexadecimal(&r->forms, token, len, "%");
        for (size_t skip = 0; skip < 3; skip++)
                put_base64(&r->forms, token, len, skip);
        index_windows(r);
        r->stride = len < TS_REDACT_PART_BYTES ? 1 : STRIDE;
        return r;
}

void ts_redactor_free(struct ts_redactor *r)
{
        if (!r)
                return;
        ts_buf_done(&r->forms); /* wiped */
        free(r->slots);
        free(r);
}

/* --------------------------------------------------------------------------------------------- searching */

/* The text at @at and the form at @i have a window in common: is it a part of the token? */
static bool is_part(const struct ts_redactor *r, const char *text, size_t len, size_t at, size_t i)
{
        const char *forms = r->forms.data;
        size_t before = 0, after = WINDOW;

        while (before < at && before < i && forms[i - before - 1] != '\0' &&
               normal(text[at - before - 1]) == forms[i - before - 1])
                before++;
        while (at + after < len && forms[i + after] != '\0' && normal(text[at + after]) == forms[i + after])
                after++;
        return before + after >= TS_REDACT_PART_BYTES ||
               ((before == i || forms[i - before - 1] == '\0') && forms[i + after] == '\0');
}

static bool finds_at(const struct ts_redactor *r, const char *text, size_t len, size_t at)
{
        char window[WINDOW];
        size_t slot;

        for (size_t k = 0; k < WINDOW; k++)
                window[k] = normal(text[at + k]);
        for (slot = slot_of(r, window); r->slots[slot] != 0; slot = (slot + 1) & (r->n_slots - 1)) {
                size_t i = r->slots[slot] - 1;

                if (memcmp(r->forms.data + i, window, WINDOW) == 0 && is_part(r, text, len, at, i))
                        return true;
        }
        return false;
}

bool ts_redactor_finds(const struct ts_redactor *r, const char *text, size_t len)
{
        if (r->n_slots == 0 || memchr(text, '\0', len))
                return false;
        for (size_t at = 0; at + WINDOW <= len; at += r->stride)
                if (finds_at(r, text, len, at))
                        return true;
        return false;
}

/* ------------------------------------------------------------------------------------------------ hiding */

static bool is_id(const struct ts_json *v)
{
        size_t len = v->key ? strlen(v->key) : 0;
        struct ts_id id;

        return len >= 2 && (strcmp(v->key, "id") == 0 || strcmp(v->key + len - 2, "Id") == 0) &&
               ts_id_parse(v->string, v->n, &id);
}

static void hide_one(const struct ts_redactor *r, struct ts_json *v)
{
        if (v->key && ts_redactor_finds(r, v->key, strlen(v->key)))
                v->key = TS_REDACTED;
        if (v->type != TS_JSON_STRING || !ts_redactor_finds(r, v->string, v->n) || is_id(v))
                return;
        v->string = TS_REDACTED;
        v->n = (uint32_t) strlen(TS_REDACTED);
        v->is_altered = true;
}

/* The reader bounds the depth. */
void ts_redactor_hide(const struct ts_redactor *r, struct ts_json *json)
{
        hide_one(r, json);
        if (json->type != TS_JSON_ARRAY && json->type != TS_JSON_OBJECT)
                return;
        TS_JSON_FOREACH (child, json)
                ts_redactor_hide(r, (struct ts_json *) (uintptr_t) child);
}
