#include "config/exported.h"

#include <assert.h>
#include <errno.h>

#include "config/document.h"
#include "config/schema.h"
#include "util/limits.h"
#include "util/mem.h"

#define HOW_TO_EXPORT "`trustsyncd --export` makes one"

struct names {
        struct ts_named *items;
        size_t n;
        bool is_there;
};

/* As it is written. */
struct section {
        bool is_there;
        int64_t time;
        struct ts_id organization;
        struct names roles, divisions, care, users, groups;
};

/* ------------------------------------------------------------------------------------------- the section */

static void read_name(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        const char *text = ts_schema_get_text(y, value);

        (void) key;
        if (text)
                *(const char **) target = ts_arena_strdup(ts_loader_arena(y), text);
}

/* The name is left out where it cannot be written: then nothing can refer to it either. */
static const struct ts_schema_key named_keys[] = {
        { .name = "id",
          .read = ts_schema_read_id,
          .offset = offsetof(struct ts_named, id),
          .required = true },
        { .name = "name", .read = read_name, .offset = offsetof(struct ts_named, name) },
};

static void read_names(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        TS_CLEANUP(ts_map_done) struct ts_map ids = TS_MAP_INIT;
        struct names *names = target;
        const struct ts_yaml_node *e;

        (void) key;
        if (!ts_schema_is_list(y, value, "a list of ids and names"))
                return;
        names->is_there = true;
        names->items = TS_ARENA_ARRAY(ts_loader_arena(y), struct ts_named, value->n);
        for (e = value->items; e; e = e->next) {
                struct ts_named *item = &names->items[names->n];

                ts_schema_read(y, e, named_keys, TS_N_ELEMENTS(named_keys), item);
                if (ts_id_is_nil(&item->id))
                        continue; /* reported */
                if (ts_map_add_id(&ids, &item->id, (uint32_t) names->n) != names->n)
                        ts_yaml_fault(y, e, NULL, "the id %s is listed twice", ts_id_format(&item->id).s);
                else
                        names->n++;
        }
}

static void read_time(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        (void) key;
        (void) ts_schema_get_time(y, value, target); /* false: reported */
}

static const struct ts_schema_key section_keys[] = {
        { .name = "time", .read = read_time, .offset = offsetof(struct section, time), .required = true },
        { .name = "organization",
          .read = ts_schema_read_id,
          .offset = offsetof(struct section, organization),
          .required = true },
        { .name = "roles", .read = read_names, .offset = offsetof(struct section, roles), .required = true },
        { .name = "divisions",
          .read = read_names,
          .offset = offsetof(struct section, divisions),
          .required = true },
        { .name = "customer_care", .read = read_names, .offset = offsetof(struct section, care) },
        { .name = "users", .read = read_names, .offset = offsetof(struct section, users) },
        { .name = "groups", .read = read_names, .offset = offsetof(struct section, groups) },
};

static void read_section(struct ts_yaml *y, const struct ts_yaml_node *value, void *exported)
{
        struct section *section = exported;

        section->is_there = true;
        ts_schema_read(y, value, section_keys, TS_N_ELEMENTS(section_keys), section);
}

static struct ts_exported exported_of(const struct section *s)
{
        return (struct ts_exported){
                .time = s->time,
                .organization = s->organization,
                .roles = s->roles.items,
                .divisions = s->divisions.items,
                .care = s->care.items,
                .users = s->users.items,
                .groups = s->groups.items,
                .n_roles = s->roles.n,
                .n_divisions = s->divisions.n,
                .n_care = s->care.n,
                .n_users = s->users.n,
                .n_groups = s->groups.n,
                .has_users = s->users.is_there,
                .has_groups = s->groups.is_there,
        };
}

/* ---------------------------------------------------------------------------------------------- the file */

static void read_file(struct ts_loader *l, const char *path, struct ts_buf *text)
{
        static const struct ts_yaml_limits limits = {
                TS_EXPORT_MAX_BYTES,
                TS_EXPORT_MAX_NODES,
                "plan with the API instead",
        };
        const struct section *section = l->exported;
        struct ts_source whole = { .file = path };
        size_t n_before = l->faults->n_errors;

        if (ts_yaml_read_file(path, &limits, TS_FAULT_DECLARATIONS, l->faults, text) < 0)
                return;
        ts_document_read(l, path, text, &limits);
        if (!section->is_there && l->faults->n_errors == n_before)
                ts_faults_add(l->faults, TS_FAULT_DECLARATIONS, &whole, NULL, HOW_TO_EXPORT,
                              "this is not an export: it has no 'exported'");
}

int ts_exported_load(const char *path, struct ts_faults *faults, struct ts_declarations **ret,
                     struct ts_exported *ret_exported)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_EXPORT_MAX_BYTES);
        struct section section = { .is_there = false };
        TS_CLEANUP(ts_loader_done)
        struct ts_loader l = {
                .faults = faults,
                .declarations = ts_calloc(1, sizeof(*l.declarations)),
                .texts = &text,
                .read_exported = read_section,
                .exported = &section,
        };
        size_t n_before = faults->n_errors;

        assert(path);
        assert(ret);
        assert(ret_exported);

        *ret = NULL;
        read_file(&l, ts_arena_strdup(&l.declarations->arena, path), &text);
        ts_loader_finish(&l);
        if (faults->n_errors > n_before)
                return -EINVAL;

        l.declarations->n_files = 1;
        l.declarations->revision = ""; /* a live state has none */
        *ret_exported = exported_of(&section);
        *ret = TS_TAKE(l.declarations);
        return 0;
}
