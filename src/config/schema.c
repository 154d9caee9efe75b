#include "config/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/timefmt.h"

/* ---------------------------------------------------------------------------------------------- the table */

const struct ts_yaml_node *ts_schema_find(const struct ts_yaml_node *map, const char *key)
{
        const struct ts_yaml_node *e;

        if (map->kind != TS_YAML_MAP)
                return NULL;
        for (e = map->items; e; e = e->next)
                if (e->key->kind == TS_YAML_TEXT && strcmp(e->key->text, key) == 0)
                        return e;
        return NULL;
}

const char *ts_schema_label(const struct ts_yaml_node *node, char buf[static 64])
{
        if (!node->key || node->key->kind != TS_YAML_TEXT)
                return "this";
        (void) snprintf(buf, 64, "'%s'", node->key->text); /* cut when it is long */
        return buf;
}

/* Whether a misspelt key may stand for one whose value is not to be shown: in doubt it does. */
static bool may_be_secret(const char *name, const struct ts_schema_key *keys, size_t n_keys)
{
        size_t i;

        for (i = 0; i < n_keys; i++)
                if (keys[i].secret && ts_edit_distance(name, keys[i].name) <= strlen(keys[i].name) / 2)
                        return true;
        return false;
}

static const struct ts_schema_key *find_in_table(const struct ts_schema_key *keys, size_t n_keys,
                                                 const char *name)
{
        size_t i;

        for (i = 0; i < n_keys; i++)
                if (strcmp(keys[i].name, name) == 0)
                        return &keys[i];
        return NULL;
}

bool ts_schema_has(const struct ts_schema_key *keys, size_t n_keys, const char *name)
{
        return find_in_table(keys, n_keys, name) != NULL;
}

static void fault_unknown_key(struct ts_yaml *y, const struct ts_yaml_node *key,
                              const struct ts_schema_key *keys, size_t n_keys)
{
        struct ts_nearest nearest = { .word = key->text };
        char hint[160];
        size_t i;

        if (ts_faults_are_full(y->faults)) {
                ts_yaml_fault_hidden(y, key, NULL, "unknown key");
                return;
        }
        for (i = 0; i < n_keys; i++)
                if (keys[i].read)
                        ts_nearest_try(&nearest, keys[i].name);
        if (may_be_secret(key->text, keys, n_keys))
                ts_yaml_fault_hidden(y, key, ts_nearest_hint(&nearest, hint), "unknown key '%s'", key->text);
        else
                ts_yaml_fault(y, key, ts_nearest_hint(&nearest, hint), "unknown key '%s'", key->text);
}

static void read_entry(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *keys,
                       size_t n_keys, void *base)
{
        const struct ts_schema_key *key;

        if (value->key->kind != TS_YAML_TEXT)
                return;
        key = find_in_table(keys, n_keys, value->key->text);
        if (!key)
                fault_unknown_key(y, value->key, keys, n_keys);
        else if (!key->read)
                ts_yaml_fault(y, value->key, key->hint, "'%s' cannot be declared here", key->name);
        else if (value->kind != TS_YAML_FAULTY)
                key->read(y, value, key, (char *) base + key->offset);
}

/* How a map of these keys is written: where it is empty, they are often only not indented. */
static const char *how_to_write(const struct ts_schema_key *keys, size_t n_keys)
{
        for (size_t i = 0; i < n_keys; i++)
                if (keys[i].required)
                        return "write its keys on the lines below it, indented more";
        return "write its keys on the lines below it, indented more; or {} for none of them";
}

void ts_schema_read(struct ts_yaml *y, const struct ts_yaml_node *map, const struct ts_schema_key *keys,
                    size_t n_keys, void *base)
{
        const struct ts_yaml_node *e, *at = map->key ? map->key : map;
        char label[64];
        size_t i;

        if (!ts_schema_is_map(y, map, how_to_write(keys, n_keys)))
                return;
        for (e = map->items; e; e = e->next)
                read_entry(y, e, keys, n_keys, base);
        for (i = 0; i < n_keys; i++)
                if (keys[i].required && !ts_schema_find(map, keys[i].name))
                        ts_yaml_fault(y, at, keys[i].hint, "%s has no '%s'",
                                      map == y->root ? "the file" : ts_schema_label(map, label),
                                      keys[i].name);
}

void ts_schema_set_initial(const struct ts_schema_key *keys, size_t n_keys, void *base)
{
        for (size_t i = 0; i < n_keys; i++) {
                void *target = (char *) base + keys[i].offset;

                if (keys[i].keys)
                        ts_schema_set_initial(keys[i].keys, keys[i].n_keys, target);
                else if (keys[i].read == ts_schema_read_count)
                        *(uint32_t *) target = (uint32_t) keys[i].initial;
                else if (keys[i].read == ts_schema_read_span)
                        *(uint64_t *) target = keys[i].initial;
        }
}

bool ts_schema_root(struct ts_yaml *y)
{
        const struct ts_yaml_node *version;

        if (!ts_schema_is_map(y, y->root, NULL))
                return false;
        version = ts_schema_find(y->root, "version");
        if (!version) {
                ts_yaml_fault(y, y->root, "begin the file with `version: 1`", "the file has no 'version'");
                return false;
        }
        if (version->kind == TS_YAML_FAULTY)
                return false;
        if (version->kind == TS_YAML_TEXT && version->plain && strcmp(version->text, "1") == 0) {
                y->is_ours = true;
                return true;
        }
        ts_yaml_fault(y, version, "write `version: 1`", "this program reads version 1");
        return false;
}

/* ---------------------------------------------------------------------------------------------- one value */

static const char *kind_name(const struct ts_yaml_node *node)
{
        switch ((enum ts_yaml_kind) node->kind) {
        case TS_YAML_TEXT:
                return "text";
        case TS_YAML_MAP:
                return "a map";
        case TS_YAML_LIST:
                return "a list";
        case TS_YAML_NOTHING:
        case TS_YAML_FAULTY:
                break;
        }
        return "nothing";
}

/* An empty value has no place of its own: its key is shown. */
static const struct ts_yaml_node *place_of(const struct ts_yaml_node *value)
{
        return value->kind == TS_YAML_NOTHING && value->key ? value->key : value;
}

/* @how: to write it; NULL: @what says it. */
static bool expect(struct ts_yaml *y, const struct ts_yaml_node *value, enum ts_yaml_kind kind,
                   const char *what, const char *how)
{
        char label[64];

        if (value->kind == (uint8_t) kind)
                return true;
        if (value->kind == TS_YAML_NOTHING)
                ts_yaml_fault(y, place_of(value), how, "%s has no value: %s is expected",
                              ts_schema_label(value, label), what);
        else if (value->kind != TS_YAML_FAULTY)
                ts_yaml_fault(y, value, how, "%s has to be %s, not %s", ts_schema_label(value, label), what,
                              kind_name(value));
        return false;
}

bool ts_schema_is_map(struct ts_yaml *y, const struct ts_yaml_node *value, const char *how)
{
        return expect(y, value, TS_YAML_MAP, "a map (`key: value`)", how);
}

bool ts_schema_is_list(struct ts_yaml *y, const struct ts_yaml_node *value, const char *of_what,
                       const char *how)
{
        return expect(y, value, TS_YAML_LIST, of_what, how);
}

bool ts_schema_is_text(struct ts_yaml *y, const struct ts_yaml_node *value, const char *what, const char *how)
{
        return expect(y, value, TS_YAML_TEXT, what, how);
}

static size_t span_of(const char *s, const char *accept)
{
        return strspn(s, accept);
}

static const char *skip_sign(const char *s)
{
        return *s == '+' || *s == '-' ? s + 1 : s;
}

static bool is_word_of(const char *s, const char *const *words, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++)
                if (strcasecmp(s, words[i]) == 0)
                        return true;
        return false;
}

/* 0x1f, 0o17, 0b101 */
static bool is_based_number(const char *s)
{
        static const char *const digits[] = { "xX0123456789abcdefABCDEF_", "oO01234567_", "bB01_" };
        size_t i;

        s = skip_sign(s);
        if (s[0] != '0' || s[1] == '\0' || s[2] == '\0')
                return false;
        for (i = 0; i < TS_N_ELEMENTS(digits); i++)
                if ((s[1] == digits[i][0] || s[1] == digits[i][1]) &&
                    s[2 + span_of(s + 2, digits[i] + 2)] == '\0')
                        return true;
        return false;
}

/* 7, 007, 1_000, 1.10, .5, 1e3 */
static bool is_decimal_number(const char *s)
{
        size_t whole, fraction = 0;

        s = skip_sign(s);
        whole = span_of(s, "0123456789_");
        s += whole;
        if (*s == '.') {
                fraction = span_of(s + 1, "0123456789_");
                s += 1 + fraction;
        }
        if (whole + fraction == 0)
                return false;
        if (*s == 'e' || *s == 'E') {
                s = skip_sign(s + 1);
                if (span_of(s, "0123456789") == 0)
                        return false;
                s += span_of(s, "0123456789");
        }
        return *s == '\0';
}

/* 12:30:00, which older readers take for a number to the base of 60 */
static bool is_sexagesimal(const char *s)
{
        size_t n;

        s = skip_sign(s);
        n = span_of(s, "0123456789_");
        if (n == 0 || s[n] != ':')
                return false;
        for (s += n; *s == ':'; s += n) {
                s++;
                n = span_of(s, "0123456789");
                if (n < 1 || n > 2)
                        return false;
        }
        if (*s == '.')
                s += 1 + span_of(s + 1, "0123456789_");
        return *s == '\0';
}

static bool is_date(const char *s)
{
        return span_of(s, "0123456789") == 4 && s[4] == '-' && span_of(s + 5, "0123456789") >= 1 &&
               span_of(s + 5, "0123456789") <= 2 && s[5 + span_of(s + 5, "0123456789")] == '-' &&
               span_of(s, "0123456789-:+.TtZz ") == strlen(s);
}

/* What some reader of YAML makes of a plain scalar besides text; NULL: text to all of them. */
static const char *plain_type(const char *s)
{
        static const char *const booleans[] = { "true", "false", "yes", "no", "on", "off", "y", "n" };
        static const char *const nulls[] = { "null", "~" };
        static const char *const floats[] = { ".inf", ".nan" };
        bool is_short = strnlen(s, 6) < 6; /* as all these words are */

        if (is_short && is_word_of(s, booleans, TS_N_ELEMENTS(booleans)))
                return "a boolean";
        if (is_short && is_word_of(s, nulls, TS_N_ELEMENTS(nulls)))
                return "null";
        if (is_decimal_number(s) || is_based_number(s) || is_sexagesimal(s) ||
            (is_short && is_word_of(skip_sign(s), floats, TS_N_ELEMENTS(floats))))
                return "a number";
        if (is_date(s))
                return "a date";
        if (strcmp(s, "=") == 0 || strcmp(s, "<<") == 0)
                return "a special word";
        return NULL;
}

const char *ts_schema_get_text(struct ts_yaml *y, const struct ts_yaml_node *value)
{
        const char *type;
        char label[64], hint[160];

        if (!expect(y, value, TS_YAML_TEXT, "text", NULL))
                return NULL;
        if (value->n == 0) {
                ts_yaml_fault(y, value, NULL, "%s is empty", ts_schema_label(value, label));
                return NULL;
        }
        type = value->plain ? plain_type(value->text) : NULL;
        if (!type)
                return value->text;
        (void) snprintf(hint, sizeof(hint), "write it in quotes: \"%.100s\"", value->text);
        ts_yaml_fault(y, value, hint, "%s without quotes is %s in YAML, where text is due", value->text,
                      type);
        return NULL;
}

bool ts_schema_get_id(struct ts_yaml *y, const struct ts_yaml_node *value, struct ts_id *ret)
{
        static const char hint[] = "an id looks like 1f2e3d4c-0000-4000-8000-000000000001";
        const char *text = NULL;
        struct ts_id id;

        if (expect(y, value, TS_YAML_TEXT, "an id", hint))
                text = ts_schema_get_text(y, value);
        if (!text)
                return false;
        if (!ts_id_parse_string(text, &id)) {
                ts_yaml_fault(y, value, hint, "'%s' is not an id", text);
                return false;
        }
        if (ts_id_is_nil(&id)) {
                ts_yaml_fault(y, value, NULL, "the id of all zeros names nothing");
                return false;
        }
        *ret = id;
        return true;
}

int ts_schema_get_word(struct ts_yaml *y, const struct ts_yaml_node *value, const char *const *words)
{
        struct ts_nearest nearest;
        char list[256] = "", hint[160], label[64];
        size_t used = 0;
        int i;

        for (i = 0; words[i]; i++)
                used += (size_t) snprintf(list + used, sizeof(list) - used, "%s'%s'", i > 0 ? " or " : "",
                                          words[i]);
        if (!expect(y, value, TS_YAML_TEXT, list, NULL))
                return -1;
        nearest = (struct ts_nearest){ .word = value->text };
        for (i = 0; words[i]; i++) {
                if (strcmp(value->text, words[i]) == 0)
                        return i;
                ts_nearest_try(&nearest, words[i]);
        }
        ts_yaml_fault(y, value, ts_nearest_hint(&nearest, hint), "%s has to be %s, not '%s'",
                      ts_schema_label(value, label), list, value->text);
        return -1;
}

bool ts_schema_get_bool(struct ts_yaml *y, const struct ts_yaml_node *value, bool *ret)
{
        char label[64];

        if (!expect(y, value, TS_YAML_TEXT, "true or false", NULL))
                return false;
        if (value->plain && (strcmp(value->text, "true") == 0 || strcmp(value->text, "false") == 0)) {
                *ret = value->text[0] == 't';
                return true;
        }
        ts_yaml_fault(y, value, "write true or false, without quotes", "%s has to be true or false, not '%s'",
                      ts_schema_label(value, label), value->text);
        return false;
}

static bool get_time(struct ts_yaml *y, const struct ts_yaml_node *value, const char *hint, int64_t *ret)
{
        char label[64];
        int r;

        if (!expect(y, value, TS_YAML_TEXT, "a time", hint))
                return false;
        r = ts_time_parse(value->text, value->n, ret);
        if (r == -EDOM)
                ts_yaml_fault(y, value, "write the time of day and the zone too, as in 2027-06-30T00:00:00Z",
                              "%s has to be a whole time, not '%s'", ts_schema_label(value, label),
                              value->text);
        else if (r < 0)
                ts_yaml_fault(y, value, hint, "'%s' is not a time", value->text);
        return r >= 0;
}

#define TIME_HINT "write it as in 2027-06-30T00:00:00Z"

bool ts_schema_get_time(struct ts_yaml *y, const struct ts_yaml_node *value, int64_t *ret)
{
        return get_time(y, value, TIME_HINT ", or leave the key out", ret);
}

bool ts_schema_get_expiry(struct ts_yaml *y, const struct ts_yaml_node *value, int64_t *ret)
{
        if (value->kind != TS_YAML_TEXT || strcmp(value->text, "never") != 0)
                return get_time(y, value, TIME_HINT ", or `never`", ret);
        *ret = TS_TIME_NEVER;
        return true;
}

/* ------------------------------------------------------------------------------------- readers for tables */

void ts_schema_read_id(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        (void) key;
        (void) ts_schema_get_id(y, value, target); /* false: reported */
}

void ts_schema_read_bool(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        (void) key;
        (void) ts_schema_get_bool(y, value, target); /* false: reported */
}

/* Digits only: no sign, no leading zero, no underscores. */
static bool parse_count(const struct ts_yaml_node *value, uint64_t *ret)
{
        const char *s = value->text;
        uint64_t n = 0;

        if (!value->plain || value->n == 0 || value->n > 10 || (s[0] == '0' && value->n > 1))
                return false;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return false;
                n = n * 10 + (uint64_t) (*s - '0');
        }
        *ret = n;
        return true;
}

void ts_schema_read_count(struct ts_yaml *y, const struct ts_yaml_node *value,
                          const struct ts_schema_key *key, void *target)
{
        uint64_t n;

        if (!expect(y, value, TS_YAML_TEXT, "a number", NULL))
                return;
        if (!parse_count(value, &n) || n < key->min || n > key->max) {
                ts_yaml_fault(y, value, NULL, "'%s' has to be a whole number from %llu to %llu, not '%s'",
                              key->name, (unsigned long long) key->min, (unsigned long long) key->max,
                              value->text);
                return;
        }
        *(uint32_t *) target = (uint32_t) n;
}

void ts_schema_read_span(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        static const char hint[] = "write it as in 30s, 5min, 2h 30min or 7d";
        uint64_t usec;

        if (!expect(y, value, TS_YAML_TEXT, "a time span", hint))
                return;
        if (value->n == 0 || ts_span_parse(value->text, value->n, &usec) < 0) {
                ts_yaml_fault(y, value, hint, "'%s' has to be a time span, not '%s'", key->name, value->text);
                return;
        }
        if (usec < key->min || usec > key->max) {
                ts_yaml_fault(y, value, NULL, "'%s' has to be from %s to %s, not '%s'", key->name,
                              ts_span_format(key->min).s, ts_span_format(key->max).s, value->text);
                return;
        }
        *(uint64_t *) target = usec;
}

void ts_schema_read_map(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                        void *target)
{
        ts_schema_read(y, value, key->keys, key->n_keys, target);
}

void ts_schema_read_nothing(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_schema_key *key, void *target)
{
        (void) y;
        (void) value;
        (void) key;
        (void) target;
}

bool ts_schema_fault_wildcard(struct ts_yaml *y, const struct ts_yaml_node *node, const char *text)
{
        if (!strpbrk(text, "*?"))
                return false;
        ts_yaml_fault(y, node, "name each one", "'%s' has a wildcard, and wildcards are not expanded", text);
        return true;
}

bool ts_schema_is_email(const char *s)
{
        const char *at = strchr(s, '@');

        if (!at || at == s || at[1] == '\0' || strchr(at + 1, '@'))
                return false;
        for (; *s; s++)
                if (*s <= ' ' || *s > '~')
                        return false;
        return true;
}
