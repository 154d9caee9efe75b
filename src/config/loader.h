/*
 * loader - state shared by the readers of declarations
 *
 * Only for src/config/. Each reader gets a struct ts_yaml whose userdata is the loader, and finds here the
 * organization that the file is about, the arena of the result, and what was declared before, for "declared
 * twice" to name both places.
 */
#ifndef TS_CONFIG_LOADER_H
#define TS_CONFIG_LOADER_H

#include "config/schema.h"
#include "config/settings.h"
#include "config/yaml.h"
#include "util/map.h"

#define TS_DIRECTIONS 2u

/* An organization while files add to it. */
struct ts_loader_organization {
        const char *alias;
        struct ts_source source;
        struct ts_digest content_hash;                   /* of the files so far that name it */
        const struct ts_settings_organization *settings; /* NULL: unknown */
        struct ts_decl_role_set *role_sets;
        size_t n_role_sets, n_role_sets_allocated;
        struct ts_decl_trust *trusts;
        size_t n_trusts, n_trusts_allocated;
        struct ts_source list_sources[TS_DIRECTIONS]; /* file NULL: no file has the key */
        struct ts_decl_care care;
        struct ts_map role_set_names;                                         /* -> index */
        struct ts_map trust_aliases[TS_DIRECTIONS], trust_ids[TS_DIRECTIONS]; /* -> index */
        struct ts_map pairings;                                               /* id -> index of the trust */
};

/* A reference of a member to a role set, which may be defined in a file not read yet. */
struct ts_loader_reference {
        const char *name;
        struct ts_source source;
        uint32_t file, organization;
        const struct ts_decl_role_set **target;
};

/* Numbers of declared objects over all files. */
enum ts_counted {
        TS_COUNTED_OBJECTS, /* trusts, members, role sets: at most TS_DECLARED_OBJECTS_MAX */
        TS_COUNTED_GRANTS,  /* roles, divisions, references to role sets: at most TS_DECLARED_GRANTS_MAX */
        TS_COUNTED_MAX_,
};

struct ts_loader {
        const struct ts_settings *settings;
        struct ts_faults *faults;
        struct ts_declarations *declarations;
        struct ts_buf *texts; /* of files with references: faults show their lines to the end; else empty */
        uint32_t file;        /* the current one */
        uint32_t current;     /* organization */
        struct ts_loader_organization *organizations;
        size_t n_organizations, n_organizations_allocated;
        struct ts_loader_reference *references;
        size_t n_references, n_references_allocated;
        struct ts_map organization_index;  /* alias -> index */
        size_t n_counted[TS_COUNTED_MAX_]; /* in all files */
        bool full;                         /* a limit of these was reached: no file is read any more */
        const char **words;                /* roles and divisions: few, and named by every member */
        size_t n_words, n_words_allocated;
        struct ts_map word_index;
        /* When the file is an export: reads what it says under `exported`. NULL: that is passed over. */
        void (*read_exported)(struct ts_yaml *y, const struct ts_yaml_node *value, void *exported);
        void *exported;
};

/* The whole of what was read becomes l->declarations. Reports what only now can be known. */
void ts_loader_finish(struct ts_loader *l);
void ts_loader_done(struct ts_loader *l);

/* The keys `owner`, `ticket` and `note` of a thing of this type, which has labels. */
#define TS_LABEL_KEY(key_name, type) \
        { \
                .name = (key_name), .read = ts_loader_read_label, .offset = offsetof(type, labels) \
        }
#define TS_LABEL_KEYS(type) \
        TS_LABEL_KEY("owner", type), TS_LABEL_KEY("ticket", type), TS_LABEL_KEY("note", type)
void ts_loader_read_label(struct ts_yaml *y, const struct ts_yaml_node *value,
                          const struct ts_schema_key *key, void *target);

struct ts_loader *ts_loader_of(const struct ts_yaml *y);
struct ts_arena *ts_loader_arena(const struct ts_yaml *y);
/* The one that the current file is about. Moves when organizations are added, so not while a file is read. */
struct ts_loader_organization *ts_loader_organization(const struct ts_yaml *y);

/* One copy of each text. */
const char *ts_loader_intern(struct ts_loader *l, const char *text);

/* @n more are going to be kept; false: that is too many, reported once. To be asked before memory is taken
 * for them. */
bool ts_loader_count(struct ts_yaml *y, const struct ts_yaml_node *node, enum ts_counted what, size_t n);

/* "also at trusts.d/contoso.yaml:12" is where @other is. */
void ts_loader_fault_twice(struct ts_yaml *y, const struct ts_yaml_node *node, const struct ts_source *other,
                           const char *what, const char *name);

/* *@target becomes the role set of that name when all files are read. */
void ts_loader_add_reference(struct ts_yaml *y, const struct ts_yaml_node *node, const char *name,
                             const struct ts_decl_role_set **target);

#endif
