#include "config/exported.h"

#include <assert.h>
#include <errno.h>

#include "config/document.h"
#include "config/schema.h"
#include "util/limits.h"
#include "util/mem.h"

#define HOW_TO_EXPORT "`trustsyncd --export` makes one"

/* A list of it, whatever its entries are. */
struct list {
        void *items;
        size_t n;
        bool is_there;
};

/* As it is written. */
struct section {
        bool is_there;
        int64_t time;
        struct ts_id organization;
        bool names_complete, care_known;
        struct list roles, divisions, trusts, members, users, groups;
};

/* -------------------------------------------------------------------------------------------------- lists */

static void read_text(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        const char *text = ts_schema_get_text(y, value);

        (void) key;
        if (text)
                *(const char **) target = ts_arena_strdup(ts_loader_arena(y), text);
}

static void read_direction(struct ts_yaml *y, const struct ts_yaml_node *value,
                           const struct ts_schema_key *key, void *target)
{
        static const char *const words[] = { "trustee", "trustor", NULL };

        (void) key;
        *(enum ts_direction *) target = ts_schema_get_word(y, value, words) == 1 ? TS_TRUSTOR : TS_TRUSTEE;
}

static void read_expires(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        (void) key;
        (void) ts_schema_get_expiry(y, value, target); /* false: reported */
}

/* @n: so many are in the list. */
static bool is_new(struct ts_yaml *y, const struct ts_yaml_node *entry, struct ts_map *ids,
                   const struct ts_id *id, size_t n)
{
        if (ts_id_is_nil(id))
                return false; /* reported */
        if (ts_map_add_id(ids, ts_arena_memdup(&y->arena, id, sizeof(*id)), (uint32_t) n) == n)
                return true;
        ts_yaml_fault(y, entry, NULL, "the id %s is listed twice", ts_id_format(id).s);
        return false;
}

static void read_ids(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                     void *target)
{
        TS_CLEANUP(ts_map_done) struct ts_map seen = TS_MAP_INIT;
        struct ts_exported_ids *ids = target;

        (void) key;
        if (!ts_schema_is_list(y, value, "a list of ids", HOW_TO_EXPORT))
                return;
        ids->known = true;
        ids->items = TS_ARENA_ARRAY(ts_loader_arena(y), struct ts_id, value->n);
        for (const struct ts_yaml_node *e = value->items; e; e = e->next) {
                struct ts_id id = { { 0 } };

                if (ts_schema_get_id(y, e, &id) && is_new(y, e, &seen, &id, ids->n))
                        ids->items[ids->n++] = id;
        }
}

/* Names are left out where they cannot be written: then nothing can refer to them either. */
static const struct ts_schema_key named_keys[] = {
        { .name = "id",
          .read = ts_schema_read_id,
          .offset = offsetof(struct ts_named, id),
          .required = true },
        { .name = "name", .read = read_text, .offset = offsetof(struct ts_named, name) },
};

static const struct ts_schema_key trust_keys[] = {
        { .name = "id",
          .read = ts_schema_read_id,
          .offset = offsetof(struct ts_exported_trust, id),
          .required = true },
        { .name = "name", .read = read_text, .offset = offsetof(struct ts_exported_trust, name) },
        { .name = "direction",
          .read = read_direction,
          .offset = offsetof(struct ts_exported_trust, direction),
          .required = true },
        { .name = "customer_care",
          .read = ts_schema_read_bool,
          .offset = offsetof(struct ts_exported_trust, customer_care) },
        { .name = "users", .read = read_ids, .offset = offsetof(struct ts_exported_trust, users) },
        { .name = "groups", .read = read_ids, .offset = offsetof(struct ts_exported_trust, groups) },
        { .name = "clones", .read = read_ids, .offset = offsetof(struct ts_exported_trust, clones) },
        { .name = "enabled",
          .read = ts_schema_read_bool,
          .offset = offsetof(struct ts_exported_trust, enabled) },
        { .name = "expires", .read = read_expires, .offset = offsetof(struct ts_exported_trust, expires) },
};

static const struct ts_schema_key member_keys[] = {
        { .name = "id",
          .read = ts_schema_read_id,
          .offset = offsetof(struct ts_exported_member, id),
          .required = true },
        { .name = "email", .read = read_text, .offset = offsetof(struct ts_exported_member, email) },
        { .name = "name", .read = read_text, .offset = offsetof(struct ts_exported_member, name) },
};

static bool open_list(struct ts_yaml *y, const struct ts_yaml_node *value, size_t size, struct list *list)
{
        if (!ts_schema_is_list(y, value, "a list of ids and names", HOW_TO_EXPORT))
                return false;
        *list = (struct list){ ts_arena_array(ts_loader_arena(y), value->n, size, _Alignof(max_align_t)), 0,
                               true };
        return true;
}

static void read_names(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        TS_CLEANUP(ts_map_done) struct ts_map ids = TS_MAP_INIT;
        struct list *list = target;

        (void) key;
        if (!open_list(y, value, sizeof(struct ts_named), list))
                return;
        for (const struct ts_yaml_node *e = value->items; e; e = e->next) {
                struct ts_named item = { .name = NULL };

                ts_schema_read(y, e, named_keys, TS_N_ELEMENTS(named_keys), &item);
                if (is_new(y, e, &ids, &item.id, list->n))
                        ((struct ts_named *) list->items)[list->n++] = item;
        }
}

static void read_members(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        TS_CLEANUP(ts_map_done) struct ts_map ids = TS_MAP_INIT;
        struct list *list = target;

        (void) key;
        if (!open_list(y, value, sizeof(struct ts_exported_member), list))
                return;
        for (const struct ts_yaml_node *e = value->items; e; e = e->next) {
                struct ts_exported_member item = { .name = NULL };

                ts_schema_read(y, e, member_keys, TS_N_ELEMENTS(member_keys), &item);
                if (is_new(y, e, &ids, &item.id, list->n))
                        ((struct ts_exported_member *) list->items)[list->n++] = item;
        }
}

/* An organization may be listed once for each direction. */
static void read_trusts(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                        void *target)
{
        TS_CLEANUP(ts_map_done) struct ts_map trustees = TS_MAP_INIT;
        TS_CLEANUP(ts_map_done) struct ts_map trustors = TS_MAP_INIT;
        struct list *list = target;

        (void) key;
        if (!open_list(y, value, sizeof(struct ts_exported_trust), list))
                return;
        for (const struct ts_yaml_node *e = value->items; e; e = e->next) {
                struct ts_exported_trust item = { .enabled = true, .expires = TS_TIME_NEVER };

                ts_schema_read(y, e, trust_keys, TS_N_ELEMENTS(trust_keys), &item);
                if (is_new(y, e, item.direction == TS_TRUSTEE ? &trustees : &trustors, &item.id, list->n))
                        ((struct ts_exported_trust *) list->items)[list->n++] = item;
        }
}

/* -------------------------------------------------------------------------------------------- the section */

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
        { .name = "names_complete",
          .read = ts_schema_read_bool,
          .offset = offsetof(struct section, names_complete),
          .required = true },
        { .name = "care_known",
          .read = ts_schema_read_bool,
          .offset = offsetof(struct section, care_known),
          .required = true },
        { .name = "roles", .read = read_names, .offset = offsetof(struct section, roles), .required = true },
        { .name = "divisions",
          .read = read_names,
          .offset = offsetof(struct section, divisions),
          .required = true },
        { .name = "trusts",
          .read = read_trusts,
          .offset = offsetof(struct section, trusts),
          .required = true },
        { .name = "members",
          .read = read_members,
          .offset = offsetof(struct section, members),
          .required = true },
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
                .names_complete = s->names_complete,
                .care_known = s->care_known,
                .roles = s->roles.items,
                .divisions = s->divisions.items,
                .trusts = s->trusts.items,
                .members = s->members.items,
                .users = s->users.items,
                .groups = s->groups.items,
                .n_roles = s->roles.n,
                .n_divisions = s->divisions.n,
                .n_trusts = s->trusts.n,
                .n_members = s->members.n,
                .n_users = s->users.n,
                .n_groups = s->groups.n,
                .has_users = s->users.is_there,
                .has_groups = s->groups.is_there,
        };
}

/* ----------------------------------------------------------------------------------------------- the file */

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
        ts_document_read(l, path, false, text, &limits);
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
        l.declarations->revision = l.declarations->revision_text = ""; /* a live state has none */
        *ret_exported = exported_of(&section);
        *ret = TS_TAKE(l.declarations);
        return 0;
}
