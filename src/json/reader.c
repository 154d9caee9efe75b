#include "json/reader.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "util/escape.h"
#include "util/limits.h"
#include "util/map.h"
#include "util/mem.h"

/* Stands for what is no text until the string is copied; never a byte of UTF-8. */
#define NO_TEXT '\xff'
#define REPLACEMENT "\xef\xbf\xbd"
#define UNIT_BYTES 6u /* of \uNNNN */

#define FEW_KEYS 16u  /* up to here keys are compared one by one */
#define KEY_SLOTS 64u /* as many as there are bits to tell keys apart */

/* A key that was copied already: the objects of a list have the same ones. */
struct key {
        const char *text; /* NULL: none */
        size_t len;
};

/* A container that is not closed yet. */
struct level {
        struct ts_json *container;
        struct ts_json *last; /* its newest child */
        const char *key;      /* in an object: of the child that comes next */
        uint64_t seen;        /* in an object: a bit for each key that it has, by key_slot() */
        struct ts_map keys;   /* of an object with more than a few: seen already */
};

struct parse {
        struct ts_arena *arena;
        struct ts_err *err;
        yajl_handle yajl;
        struct ts_json *root;
        size_t n_values;
        size_t n_before; /* bytes that yajl has seen in calls before this one */
        unsigned depth;
        bool is_mended;             /* the text: it may have NO_TEXT */
        int result;                 /* why a callback stopped yajl; else 0 */
        struct key keys[KEY_SLOTS]; /* by key_slot(): the newest of each */
        struct level levels[TS_JSON_MAX_DEPTH];
};

static int refuse(struct ts_err *err, size_t byte, const char *what)
{
        return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "no valid JSON at byte %zu: %s", byte, what);
}

/* Where yajl is: the last byte of the token that it has taken, counted from 1. */
static size_t byte_now(const struct parse *p)
{
        size_t byte = p->n_before + yajl_get_bytes_consumed(p->yajl);

        return byte > 0 ? byte : 1;
}

/* Ends the parsing from within a callback: returns yajl's word for it. */
static int stop(struct parse *p, int code, const char *what)
{
        size_t byte = byte_now(p);

        if (code == -EFBIG)
                p->result = ts_err_set(p->err, TS_ERR_REMOTE, code, "JSON at byte %zu: %s", byte, what);
        else
                p->result = refuse(p->err, byte, what);
        return 0;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

/* The code unit of a \uNNNN at @s; -1 when there is none. */
static int code_unit(const char *s, size_t len)
{
        size_t i;
        int v = 0;

        if (len < 6 || s[0] != '\\' || s[1] != 'u')
                return -1;
        for (i = 2; i < 6; i++) {
                int digit = hex_digit(s[i]);

                if (digit < 0)
                        return -1;
                v = v * 16 + digit;
        }
        return v;
}

/* The length of the escape at @s; 0 when it is one that yajl would let pass and we do not. */
static size_t escape_length(const char *s, size_t len)
{
        int unit = code_unit(s, len), low;

        if (unit < 0)
                return len < 2 ? len : 2; /* of one character, or broken: yajl sees it */
        if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
                return 0;
        if (unit < 0xd800 || unit > 0xdbff)
                return 6;
        low = code_unit(s + 6, len - 6);
        return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/* Nearly no answer has one of the characters that check_text() has to look at. */
static bool is_harmless(const char *s, size_t len)
{
        return !memchr(s, '\\', len) && !memchr(s, '\f', len) && !memchr(s, '\v', len);
}

/* What yajl lets pass and is not taken as it is. In a text that is broken otherwise, the string boundaries
 * seen here may be wrong; yajl refuses it. */
static int check_text(const char *s, size_t len, struct ts_err *err)
{
        bool in_string = false;
        size_t i, n = ts_utf8_valid_prefix(s, len);

        if (len == 0)
                return refuse(err, 1, "the text is empty");
        if (n < len)
                return refuse(err, n + 1, "broken UTF-8");
        if (len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
                return refuse(err, 1, "a byte order mark");
        if (is_harmless(s, len))
                return 0;

        for (i = 0; i < len; i++) {
                while (in_string && i < len && s[i] != '"' && s[i] != '\\')
                        i++;
                if (i == len)
                        break;
                if (s[i] == '"') {
                        in_string = !in_string;
                } else if (in_string) {
                        n = escape_length(s + i, len - i);
                        if (n == 0)
                                return refuse(err, i + 1, "an escape for U+0000 or half a surrogate pair");
                        i += n - 1;
                } else if (s[i] == '\f' || s[i] == '\v') {
                        return refuse(err, i + 1, "a form feed or vertical tab outside of strings");
                }
        }
        return 0;
}

/* Adds a value where it belongs; NULL when there are too many. */
static struct ts_json *add_value(struct parse *p, enum ts_json_type type)
{
        struct level *level = p->depth > 0 ? &p->levels[p->depth - 1] : NULL;
        struct ts_json *v;

        if (p->n_values == TS_JSON_MAX_VALUES) {
                (void) stop(p, -EFBIG, "too many values"); /* the caller returns it */
                return NULL;
        }
        p->n_values++;

        v = TS_ARENA_NEW(p->arena, struct ts_json);
        v->type = type;
        if (!level) {
                p->root = v;
                return v;
        }
        v->key = level->key;
        level->key = NULL;
        if (level->last)
                level->last->next = v;
        else
                level->container->first = v;
        level->last = v;
        level->container->n++;
        return v;
}

static int on_null(void *userdata)
{
        return add_value(userdata, TS_JSON_NULL) ? 1 : 0;
}

static int on_boolean(void *userdata, int value)
{
        struct ts_json *v = add_value(userdata, TS_JSON_BOOL);

        if (!v)
                return 0;
        v->boolean = value != 0;
        return 1;
}

static int on_number(void *userdata, const char *s, size_t len)
{
        struct parse *p = userdata;
        struct ts_json *v;
        char text[TS_JSON_NUMBER_MAX_BYTES + 1];

        if (len > TS_JSON_NUMBER_MAX_BYTES)
                return stop(p, -EFBIG, "the number is too long");
        v = add_value(p, TS_JSON_REAL);
        if (!v)
                return 0;

        memcpy(text, s, len);
        text[len] = '\0';
        if (!strpbrk(text, ".eE")) {
                errno = 0;
                v->integer = strtoll(text, NULL, 10);
                if (errno == 0) {
                        v->type = TS_JSON_INT;
                        return 1;
                }
        }
        v->real = strtod(text, NULL);
        if (!isfinite(v->real))
                return stop(p, -EBADMSG, "the number is out of range");
        return 1;
}

/* At most @max bytes of @s, cut at a character. */
static size_t cut_length(const char *s, size_t len, size_t max)
{
        if (len <= max)
                return len;
        while (max > 0 && ((unsigned char) s[max] & 0xc0) == 0x80)
                max--;
        return max;
}

/* Each NO_TEXT becomes U+FFFD. */
static const char *copy_mended(struct parse *p, const char *s, size_t len, size_t *ret_len)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_JSON_STRING_MAX_BYTES * 3 + 1);
        size_t n = cut_length(s, len, TS_JSON_STRING_MAX_BYTES);

        for (size_t i = 0; i < n; i++)
                if (s[i] == NO_TEXT)
                        (void) ts_buf_puts(&text, REPLACEMENT);
                else
                        (void) ts_buf_putc(&text, s[i]);
        *ret_len = cut_length(ts_buf_text(&text), text.len, TS_JSON_STRING_MAX_BYTES);
        return ts_arena_strndup(p->arena, ts_buf_text(&text), *ret_len);
}

static int on_string(void *userdata, const unsigned char *bytes, size_t len)
{
        const char *s = (const char *) bytes;
        struct parse *p = userdata;
        struct ts_json *v = add_value(p, TS_JSON_STRING);
        size_t n = len;

        if (!v)
                return 0;
        v->is_altered = len > TS_JSON_STRING_MAX_BYTES ||
                        (p->is_mended && memchr(s, (unsigned char) NO_TEXT, len));
        v->string = v->is_altered ? copy_mended(p, s, len, &n) : ts_arena_strndup(p->arena, s, len);
        v->n = (uint32_t) n;
        return 1;
}

static int open_container(struct parse *p, enum ts_json_type type)
{
        struct ts_json *v;

        if (p->depth == TS_JSON_MAX_DEPTH)
                return stop(p, -EFBIG, "nested too deeply");
        v = add_value(p, type);
        if (!v)
                return 0;
        p->levels[p->depth++] = (struct level){ .container = v };
        return 1;
}

static int close_container(struct parse *p)
{
        assert(p->depth > 0);
        p->depth--;
        ts_map_done(&p->levels[p->depth].keys);
        return 1;
}

static int on_start_object(void *userdata)
{
        return open_container(userdata, TS_JSON_OBJECT);
}

static int on_start_array(void *userdata)
{
        return open_container(userdata, TS_JSON_ARRAY);
}

static int on_end(void *userdata)
{
        return close_container(userdata);
}

/* Keys with different slots are different. */
static size_t key_slot(const char *key, size_t len)
{
        size_t ends = len > 0 ? (unsigned char) key[0] + (size_t) (unsigned char) key[len - 1] : 0;

        return (len * 7 + ends) % KEY_SLOTS;
}

/* A copy of the key in the arena, or the one that is there already; NULL when it is too long. */
static const char *copy_key(struct parse *p, const char *s, size_t len, size_t slot)
{
        struct key *known = &p->keys[slot];
        size_t n;

        if (known->text && known->len == len && memcmp(known->text, s, len) == 0)
                return known->text;
        if (len > TS_JSON_STRING_MAX_BYTES) {
                (void) stop(p, -EFBIG, "the key is too long"); /* the caller returns it */
                return NULL;
        }
        known->text = p->is_mended ? copy_mended(p, s, len, &n) : ts_arena_strndup(p->arena, s, len);
        known->len = len;
        return known->text;
}

/* Has the object a key like that? */
static bool has_key(const struct ts_json *object, const char *key)
{
        TS_JSON_FOREACH (member, object)
                if (member->key == key || strcmp(member->key, key) == 0)
                        return true;
        return false;
}

/* Remembers the key that an object gets; false when it has it already. */
static bool note_key(struct level *level, const char *key, size_t len, size_t slot)
{
        const struct ts_json *object = level->container;
        uint64_t bit = UINT64_C(1) << slot;
        uint32_t n = object->n;

        if (n < FEW_KEYS) {
                bool is_new = !(level->seen & bit) || !has_key(object, key);

                level->seen |= bit;
                return is_new;
        }
        if (n == FEW_KEYS)
                TS_JSON_FOREACH (member, object)
                        ts_map_set(&level->keys, member->key, strlen(member->key), 0);
        return ts_map_add(&level->keys, key, len, n) == n;
}

static int on_key(void *userdata, const unsigned char *s, size_t len)
{
        struct parse *p = userdata;
        struct level *level = &p->levels[p->depth - 1];
        size_t slot = key_slot((const char *) s, len);

        if (level->container->n == TS_JSON_MAX_KEYS)
                return stop(p, -EFBIG, "too many keys in an object");
        level->key = copy_key(p, (const char *) s, len, slot);
        if (!level->key)
                return 0;
        if (!note_key(level, level->key, len, slot))
                return stop(p, -EBADMSG, "a key that the object has already");
        return 1;
}

static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_start_object,
        .yajl_map_key = on_key,
        .yajl_end_map = on_end,
        .yajl_start_array = on_start_array,
        .yajl_end_array = on_end,
};

static void *yajl_on_malloc(void *userdata, size_t size)
{
        (void) userdata;
        return ts_malloc(size);
}

static void *yajl_on_realloc(void *userdata, void *p, size_t size)
{
        (void) userdata;
        return ts_realloc(p, size);
}

static void yajl_on_free(void *userdata, void *p)
{
        (void) userdata;
        free(p);
}

/* Turns yajl's own complaint into ours. Its texts are fixed ones, with a newline at the end. */
static int refuse_for_yajl(struct parse *p)
{
        unsigned char *text = yajl_get_error(p->yajl, 0, NULL, 0);
        int r;

        text[strcspn((char *) text, "\n")] = '\0';
        r = refuse(p->err, byte_now(p), (char *) text);
        yajl_free_error(p->yajl, text);
        return r;
}

static int run_yajl(struct parse *p, const char *text, size_t len)
{
        yajl_status status;

        status = yajl_parse(p->yajl, (const unsigned char *) text, len);
        if (status == yajl_status_ok) {
                p->n_before = len;
                status = yajl_complete_parse(p->yajl);
        }
        if (status == yajl_status_error)
                return refuse_for_yajl(p);
        return status == yajl_status_ok ? 0 : p->result;
}

static int parse_text(const char *text, size_t len, bool is_mended, struct ts_arena *arena,
                      const struct ts_json **ret, struct ts_err *err)
{
        yajl_alloc_funcs allocators = { yajl_on_malloc, yajl_on_realloc, yajl_on_free, NULL };
        struct parse p = { .arena = arena, .err = err, .is_mended = is_mended };
        int r;

        p.yajl = yajl_alloc(&callbacks, &allocators, &p);
        (void) yajl_config(p.yajl, yajl_dont_validate_strings, 1); /* done before, and more strictly */
        r = run_yajl(&p, text, len);
        while (p.depth > 0)
                (void) close_container(&p);
        yajl_free(p.yajl);
        if (r < 0)
                return r;

        assert(p.root);
        *ret = p.root;
        return 0;
}

/* ------------------------------------------------------------------------------- what is mended in a text */

/* One character of a string at @s, or what stands in its place; @ret: how many bytes that are. */
static bool is_text(const char *s, size_t len, size_t *ret)
{
        uint32_t c;

        if (s[0] == '\\') {
                *ret = escape_length(s, len);
                if (*ret > 0)
                        return true;
                *ret = UNIT_BYTES;
                return false;
        }
        *ret = ts_utf8_decode(s, len, &c);
        if (*ret > 0 && c >= 0x20)
                return true;
        *ret = *ret > 0 ? *ret : 1;
        return false;
}

/* A copy in which NO_TEXT stands for what is no text inside of a string; false: there is nothing of that, or
 * something else is broken too. */
static bool mend(const char *s, size_t len, struct ts_buf *out)
{
        bool in_string = false, is_mended = false;

        ts_buf_reserve(out, len);
        for (size_t i = 0, n; i < len; i += n) {
                n = 1;
                if (s[i] == '"') {
                        in_string = !in_string;
                } else if (in_string && !is_text(s + i, len - i, &n)) {
                        (void) ts_buf_putc(out, NO_TEXT);
                        is_mended = true;
                        continue;
                } else if (!in_string && ((unsigned char) s[i] >= 0x80 || s[i] == '\f' || s[i] == '\v')) {
                        return false;
                }
                (void) ts_buf_put(out, s + i, n);
        }
        return is_mended;
}

int ts_json_parse(const char *text, size_t len, struct ts_arena *arena, const struct ts_json **ret,
                  struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf mended = TS_BUF_SECRET_INIT(TS_JSON_MAX_BYTES);
        struct ts_err why = { 0 };
        int r;

        if (len > TS_JSON_MAX_BYTES)
                return ts_err_set(err, TS_ERR_REMOTE, -EFBIG,
                                  "the JSON text has %zu bytes, over the limit of %u", len,
                                  TS_JSON_MAX_BYTES);
        r = check_text(text, len, &why);
        if (r >= 0)
                r = parse_text(text, len, false, arena, ret, &why);
        if (r == -EBADMSG && mend(text, len, &mended)) {
                why = (struct ts_err){ 0 };
                r = parse_text(ts_buf_text(&mended), mended.len, true, arena, ret, &why);
        }
        if (r < 0 && err)
                *err = why;
        return r;
}

const struct ts_json *ts_json_get(const struct ts_json *object, const char *key)
{
        if (!object || object->type != TS_JSON_OBJECT)
                return NULL;
        TS_JSON_FOREACH (member, object)
                if (strcmp(member->key, key) == 0)
                        return member->type == TS_JSON_NULL ? NULL : member;
        return NULL;
}

static const struct ts_json *get_of_type(const struct ts_json *object, const char *key,
                                         enum ts_json_type type)
{
        const struct ts_json *v = ts_json_get(object, key);

        return v && v->type == type ? v : NULL;
}

const struct ts_json *ts_json_get_object(const struct ts_json *object, const char *key)
{
        return get_of_type(object, key, TS_JSON_OBJECT);
}

const struct ts_json *ts_json_get_array(const struct ts_json *object, const char *key)
{
        return get_of_type(object, key, TS_JSON_ARRAY);
}

const char *ts_json_get_string(const struct ts_json *object, const char *key)
{
        const struct ts_json *v = get_of_type(object, key, TS_JSON_STRING);

        return v ? v->string : NULL;
}

const char *ts_json_get_intact_string(const struct ts_json *object, const char *key)
{
        const struct ts_json *v = get_of_type(object, key, TS_JSON_STRING);

        return v && !v->is_altered ? v->string : NULL;
}

bool ts_json_get_int(const struct ts_json *object, const char *key, int64_t *ret)
{
        const struct ts_json *v = get_of_type(object, key, TS_JSON_INT);

        if (!v)
                return false;
        *ret = v->integer;
        return true;
}

bool ts_json_get_bool(const struct ts_json *object, const char *key, bool *ret)
{
        const struct ts_json *v = get_of_type(object, key, TS_JSON_BOOL);

        if (!v)
                return false;
        *ret = v->boolean;
        return true;
}

bool ts_json_get_id(const struct ts_json *object, const char *key, struct ts_id *ret)
{
        return ts_id_parse_string(ts_json_get_string(object, key), ret);
}
