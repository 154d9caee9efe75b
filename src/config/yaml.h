/*
 * yaml - parses a strict, unambiguous subset of YAML into a tree
 *
 * Pure, apart from ts_yaml_read_file(). Built on libyaml's events; libyaml stays here. Every fault is
 * reported with its place. Deliberately not supported: aliases, anchors, tags, directives, merge keys, a
 * second document, keys written with `?`, text over several lines, tabs outside of comments, and any
 * character that a reviewer cannot see. The type of a plain scalar is not guessed: it is text, and
 * config/schema.h converts it.
 *
 * Limits: TS_YAML_MAX_BYTES (checked before libyaml sees anything), TS_YAML_MAX_DEPTH,
 * TS_YAML_SCALAR_MAX_BYTES, TS_YAML_MAX_NODES. Cost: linear; about 60 bytes a node, all in one arena.
 */
#ifndef TS_CONFIG_YAML_H
#define TS_CONFIG_YAML_H

#include "config/faults.h"
#include "util/arena.h"
#include "util/buf.h"

enum ts_yaml_kind {
        TS_YAML_NOTHING, /* no value is written */
        TS_YAML_TEXT,
        TS_YAML_MAP,
        TS_YAML_LIST,
        TS_YAML_FAULTY, /* already reported: ignored */
};

struct ts_yaml_node {
        struct ts_yaml_node *next; /* in the map or list it stands in */
        struct ts_yaml_node *key;  /* a map's entry: its key, always TEXT or FAULTY; else NULL */
        uint32_t line, column;     /* 1-based; column in characters */
        uint32_t n;                /* TEXT: bytes; MAP, LIST: entries */
        uint8_t kind;              /* enum ts_yaml_kind */
        bool plain;                /* TEXT: written without quotes */
        union {
                const char *text;           /* TEXT: NUL-terminated, holds no control characters */
                struct ts_yaml_node *items; /* MAP, LIST: the first entry */
        };
};

/* How large a file may be. */
struct ts_yaml_limits {
        size_t bytes;     /* in whole MiB */
        size_t values;    /* with keys, maps and lists */
        const char *hint; /* hint shown when a file is larger */
};

/* One file. The caller fills in the first group and owns it; ts_yaml_done() frees the rest. */
struct ts_yaml {
        const char *file;        /* as it is shown */
        enum ts_fault_class cls; /* of its faults */
        struct ts_faults *faults;
        const char *text; /* followed by a NUL */
        size_t len;
        void *userdata;                      /* for readers of the tree */
        const struct ts_yaml_limits *limits; /* NULL: those of a file that people write */
        bool outside; /* reached through a link out of the directory: no line of it is shown, and nothing at
                         all until it proves to be one of our files, as it may be a secret */
        bool is_ours; /* it begins with our `version`; set by ts_schema_root() */

        struct ts_arena arena;
        struct ts_yaml_node *root;
};

/*
 * ts_yaml_parse - sets y->root
 *
 * Return: 0; -EINVAL when the text could not be read to its end (reported). After 0, too, faults may have
 * been reported: what they concern is FAULTY or left out of the tree.
 */
int ts_yaml_parse(struct ts_yaml *y) TS_MUST_CHECK;
void ts_yaml_done(struct ts_yaml *y);

/* Reads @path into @text, whose maximum is that of @limits. 0, or negative errno with a fault of class
 * @cls. */
int ts_yaml_read_file(const char *path, const struct ts_yaml_limits *limits, enum ts_fault_class cls,
                      struct ts_faults *faults, struct ts_buf *text) TS_MUST_CHECK;

struct ts_source ts_yaml_source(const struct ts_yaml *y, const struct ts_yaml_node *node);

/* A fault of the file's class at @node, with the source line; @hint may be NULL. */
void ts_yaml_fault(const struct ts_yaml *y, const struct ts_yaml_node *node, const char *hint,
                   const char *fmt, ...) TS_PRINTF(4, 5);

/* The same without the source line: where it may hold a secret. */
void ts_yaml_fault_hidden(const struct ts_yaml *y, const struct ts_yaml_node *node, const char *hint,
                          const char *fmt, ...) TS_PRINTF(4, 5);

/* Where line @line of @text begins; NULL when it is not there. */
const char *ts_yaml_find_line(const char *text, uint32_t line);

#endif
