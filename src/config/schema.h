/*
 * schema - from a YAML tree to values, by tables of keys
 *
 * Pure. A table names the keys of one map; ts_schema_read() walks the map and hands every value to its key's
 * reader. Unknown, missing and misplaced keys are reported here, so a reader sees only its own value.
 * A reader reports an invalid value together with what was expected, and leaves its target unchanged.
 */
#ifndef TS_CONFIG_SCHEMA_H
#define TS_CONFIG_SCHEMA_H

#include "config/yaml.h"
#include "util/id.h"
#include "util/nearest.h"

struct ts_schema_key {
        const char *name;
        /* NULL: known, but not allowed here */
        void (*read)(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                     void *target);
        size_t offset;     /* of the target in the structure that ts_schema_read() is given */
        uint64_t min, max; /* numbers: the range; spans: in microseconds */
        uint64_t initial;  /* the same: the value where the key is absent */
        bool required;
        const char *hint; /* where it may not be written: why; where it is required: what to write */
        bool secret;      /* a line with this key, or with one that may be meant for it, is not shown */
        const struct ts_schema_key *keys; /* of the map that the value is, for ts_schema_read_map() */
        size_t n_keys;
};

void ts_schema_read(struct ts_yaml *y, const struct ts_yaml_node *map, const struct ts_schema_key *keys,
                    size_t n_keys, void *base);

/* Gives the numbers and spans of @keys, and of the maps below them, the values that they have where their
 * keys are absent. */
void ts_schema_set_initial(const struct ts_schema_key *keys, size_t n_keys, void *base);

/* The document's root, which has to be a map with `version: 1`; false: reported. */
bool ts_schema_root(struct ts_yaml *y);

/* Is it one of the keys of the table? */
bool ts_schema_has(const struct ts_schema_key *keys, size_t n_keys, const char *name);

/* The value of a key; NULL when it is not there. */
const struct ts_yaml_node *ts_schema_find(const struct ts_yaml_node *map, const char *key);

/* What a node is called in a message: "'interval'", or "this" for an entry of a list. */
const char *ts_schema_label(const struct ts_yaml_node *node, char buf[static 64]);

/* ---------------------------------------------------------- one value; false or NULL: reported, or FAULTY */

/* @how: the hint where there is no value, or another kind: how it is written; NULL: none */
bool ts_schema_is_map(struct ts_yaml *y, const struct ts_yaml_node *value, const char *how);
bool ts_schema_is_list(struct ts_yaml *y, const struct ts_yaml_node *value, const char *of_what,
                       const char *how);
bool ts_schema_is_text(struct ts_yaml *y, const struct ts_yaml_node *value, const char *what,
                       const char *how);

/* Text that every YAML parser reads as text: quoted, or plain and not a number, boolean, null or
 * date; not empty. Also for keys. Owned by the tree. */
const char *ts_schema_get_text(struct ts_yaml *y, const struct ts_yaml_node *value);
bool ts_schema_get_id(struct ts_yaml *y, const struct ts_yaml_node *value, struct ts_id *ret);
/* Index in @words, which ends with NULL; -1. */
int ts_schema_get_word(struct ts_yaml *y, const struct ts_yaml_node *value, const char *const *words);
bool ts_schema_get_bool(struct ts_yaml *y, const struct ts_yaml_node *value, bool *ret);
bool ts_schema_get_time(struct ts_yaml *y, const struct ts_yaml_node *value, int64_t *ret);
bool ts_schema_get_expiry(struct ts_yaml *y, const struct ts_yaml_node *value, int64_t *ret); /* or `never` */

/* ------------------------------------------------------------------------------------- readers for tables */

void ts_schema_read_id(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target); /* struct ts_id */
void ts_schema_read_bool(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target); /* bool */
void ts_schema_read_count(struct ts_yaml *y, const struct ts_yaml_node *value,
                          const struct ts_schema_key *key, void *target); /* uint32_t */
void ts_schema_read_span(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target); /* uint64_t, microseconds */
void ts_schema_read_map(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                        void *target); /* the structure that the offsets of key->keys are for */
void ts_schema_read_nothing(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_schema_key *key,
                            void *target); /* a key that was read before the others */

/* True, and reported, when @text has a '*' or '?': names are never expanded as patterns. */
bool ts_schema_fault_wildcard(struct ts_yaml *y, const struct ts_yaml_node *node, const char *text);

/* One '@' with something on both sides, printable ASCII without blanks. */
bool ts_schema_is_email(const char *s);

#endif
