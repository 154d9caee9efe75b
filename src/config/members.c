#include "config/members.h"

#include <stdlib.h>
#include <string.h>

#include "config/loader.h"
#include "config/roles.h"
#include "util/mem.h"

#define OR_NOBODY " for nobody; where the key is left out they are not managed"

static void read_member_role_sets(struct ts_yaml *y, const struct ts_yaml_node *value,
                                  const struct ts_schema_key *key, void *target)
{
        TS_CLEANUP(ts_map_done) struct ts_map seen = TS_MAP_INIT;
        struct ts_decl_member *m = target;
        const struct ts_yaml_node *e;

        (void) key;
        m->grants_managed = true;
        if (!ts_schema_is_list(y, value, "a list of role sets",
                               "write their names in brackets, as in [tier1]; [] for none"))
                return;
        if (!ts_loader_count(y, value->key, TS_COUNTED_GRANTS, value->n))
                return;
        m->role_sets = TS_ARENA_ARRAY(ts_loader_arena(y), const struct ts_decl_role_set *, value->n);
        for (e = value->items; e; e = e->next) {
                const char *name = ts_schema_get_text(y, e);

                if (!name)
                        continue;
                if (ts_map_add(&seen, name, strlen(name), (uint32_t) m->n_role_sets) != m->n_role_sets)
                        ts_yaml_fault(y, e, NULL, "the role set '%s' is listed twice", name);
                else
                        ts_loader_add_reference(y, e, name, &m->role_sets[m->n_role_sets++]);
        }
}

static void read_member_roles(struct ts_yaml *y, const struct ts_yaml_node *value,
                              const struct ts_schema_key *key, void *target)
{
        struct ts_decl_member *m = target;

        m->grants_managed = true;
        ts_roles_read(y, value, key, &m->roles);
}

/* A window is open where nothing is written. */
static void read_time(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        (void) key;
        (void) ts_schema_get_time(y, value, target); /* false: reported */
}

static const struct ts_schema_key member_keys[] = {
        { .name = "id", .read = ts_schema_read_id, .offset = offsetof(struct ts_decl_member, id) },
        { .name = "role_sets", .read = read_member_role_sets },
        { .name = "roles", .read = read_member_roles },
        { .name = "from", .read = read_time, .offset = offsetof(struct ts_decl_member, from) },
        { .name = "until", .read = read_time, .offset = offsetof(struct ts_decl_member, until) },
        TS_LABEL_KEYS(struct ts_decl_member),
};

/* A collection while it is read. */
struct members {
        struct ts_decl_members *list;
        enum ts_kind kind;
        struct ts_map keys, ids; /* -> index */
};

static bool members_init(struct ts_yaml *y, struct members *m, const struct ts_yaml_node *value,
                         enum ts_kind kind, struct ts_decl_members *target)
{
        *m = (struct members){ .list = target,
                               .kind = kind,
                               .keys = { .fold_ascii = kind != TS_KIND_GROUP } };
        target->managed = true;
        target->source = ts_yaml_source(y, value->key);
        if (!ts_loader_count(y, value->key, TS_COUNTED_OBJECTS, value->n))
                return false;
        target->items = TS_ARENA_ARRAY(ts_loader_arena(y), struct ts_decl_member, value->n);
        return true;
}

static void members_done(struct members *m)
{
        ts_map_done(&m->keys);
        ts_map_done(&m->ids);
}

/* The key names the member; where that is an id, it decides already. */
static bool check_key(struct ts_yaml *y, const struct ts_yaml_node *key, struct ts_decl_member *m)
{
        struct ts_id id;

        if (!ts_id_parse_string(m->key, &id)) {
                if (m->kind == TS_KIND_GROUP && (!strchr(m->key, '*') || !ts_id_is_nil(&m->id)))
                        return true;
                if (ts_schema_fault_wildcard(y, key, m->key))
                        return false;
                if (ts_schema_is_email(m->key))
                        return true;
                ts_yaml_fault(y, key,
                              ts_schema_has(member_keys, TS_N_ELEMENTS(member_keys), m->key)
                                              ? "indent it more, when it belongs to the user above"
                                              : "a user is named by e-mail address or id",
                              "'%s' is neither an e-mail address nor an id", m->key);
                return false;
        }
        if (!ts_schema_get_id(y, key, &id))
                return false;
        if (!ts_id_is_nil(&m->id) && !ts_id_equal(&m->id, &id)) {
                ts_yaml_fault(y, key, "leave 'id' out", "the %s has another id in its key than in 'id'",
                              ts_kind_to_string(m->kind));
                return false;
        }
        m->id = id;
        return true;
}

static void check_window(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_decl_member *m)
{
        if (m->from != TS_TIME_UNSET && m->until != TS_TIME_UNSET && m->from >= m->until)
                ts_yaml_fault(y, ts_schema_find(value, "until"),
                              "'from' is inside the window, 'until' is not",
                              "the window of %s ends before it begins: from %s until %s", m->key,
                              ts_time_format(m->from).s, ts_time_format(m->until).s);
}

/* One member under two keys, or in two ways of writing an address, would have two sets of roles. */
static bool is_second(struct ts_yaml *y, const struct ts_yaml_node *key, struct members *all,
                      const struct ts_decl_member *m)
{
        static const char *const names[] = {
                [TS_KIND_USER] = "the user",
                [TS_KIND_GROUP] = "the group",
                [TS_KIND_CLONE] = "the clone",
        };
        uint32_t index = (uint32_t) all->list->n, first;

        first = ts_map_add(&all->keys, m->key, strlen(m->key), index);
        if (first == index && !ts_id_is_nil(&m->id))
                first = ts_map_add_id(&all->ids, &m->id, index);
        if (first == index)
                return false;
        ts_loader_fault_twice(y, key, &all->list->items[first].source, names[m->kind], m->key);
        return true;
}

/* @value: the map of a member whose key is @key; NULL for an entry of a list. */
static void read_member(struct ts_yaml *y, const struct ts_yaml_node *key, const struct ts_yaml_node *value,
                        struct members *all)
{
        struct ts_decl_member *m = &all->list->items[all->list->n];
        const char *name = key->kind == TS_YAML_FAULTY ? NULL : ts_schema_get_text(y, key);

        if (!name)
                return;
        *m = (struct ts_decl_member){
                .kind = all->kind,
                .key = ts_arena_strdup(ts_loader_arena(y), name),
                .source = ts_yaml_source(y, key),
                .from = TS_TIME_UNSET,
                .until = TS_TIME_UNSET,
        };
        if (value && ts_schema_is_map(y, value,
                                      "write its roles below it, indented more: `roles: {ROLE: all}`; or {} "
                                      "for a member whose grants are not managed")) {
                ts_schema_read(y, value, member_keys, TS_N_ELEMENTS(member_keys), m);
                check_window(y, value, m);
        }
        if (check_key(y, key, m) && !is_second(y, key, all, m))
                all->list->n++;
}

static void read_map(struct ts_yaml *y, const struct ts_yaml_node *value, enum ts_kind kind,
                     struct ts_decl_members *target)
{
        TS_CLEANUP(members_done) struct members m = { 0 };
        const struct ts_yaml_node *e;

        if (!ts_schema_is_map(y, value, "name each on a line below it, indented more; {}" OR_NOBODY))
                return;
        if (!members_init(y, &m, value, kind, target))
                return;
        for (e = value->items; e; e = e->next)
                read_member(y, e->key, e, &m);
}

void ts_members_read_users(struct ts_yaml *y, const struct ts_yaml_node *value,
                           const struct ts_schema_key *key, void *target)
{
        (void) key;
        read_map(y, value, TS_KIND_USER, target);
}

void ts_members_read_groups(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_schema_key *key, void *target)
{
        (void) key;
        read_map(y, value, TS_KIND_GROUP, target);
}

static void read_list(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      enum ts_kind kind, struct ts_decl_members *target)
{
        const char *what = kind == TS_KIND_GROUP ? "a list of groups" : "a list of users";
        TS_CLEANUP(members_done) struct members m = { 0 };
        const struct ts_yaml_node *e;

        if (value->kind == TS_YAML_MAP) {
                ts_yaml_fault(y, value, key->hint, "'%s' has to be %s, not a map", key->name, what);
                return;
        }
        if (!ts_schema_is_list(y, value, what, "write each on a line below it, behind '- '; []" OR_NOBODY))
                return;
        if (!members_init(y, &m, value, kind, target))
                return;
        for (e = value->items; e; e = e->next)
                read_member(y, e, NULL, &m);
}

void ts_members_list_users(struct ts_yaml *y, const struct ts_yaml_node *value,
                           const struct ts_schema_key *key, void *target)
{
        read_list(y, value, key, TS_KIND_USER, target);
}

void ts_members_list_groups(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_schema_key *key, void *target)
{
        read_list(y, value, key, TS_KIND_GROUP, target);
}

void ts_members_list_clones(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_schema_key *key, void *target)
{
        read_list(y, value, key, TS_KIND_CLONE, target);
}

/* ------------------------------------------------------------------------------------------ at one moment */

struct edge {
        int64_t when; /* TS_TIME_UNSET comes before all times */
        int step;     /* 1: somebody comes in, -1: somebody leaves */
};

/* Who leaves makes room for who comes in at the same moment. */
static int edge_compare(const void *pa, const void *pb)
{
        const struct edge *a = pa, *b = pb;

        if (a->when != b->when)
                return a->when < b->when ? -1 : 1;
        return (a->step > b->step) - (a->step < b->step);
}

static size_t put_edges(const struct ts_decl_members *m, struct edge *edges)
{
        size_t n = 0;

        for (size_t i = 0; i < m->n; i++) {
                edges[n++] = (struct edge){ m->items[i].from, 1 };
                if (m->items[i].until != TS_TIME_UNSET)
                        edges[n++] = (struct edge){ m->items[i].until, -1 };
        }
        qsort(edges, n, sizeof(*edges), edge_compare);
        return n;
}

size_t ts_members_peak(const struct ts_decl_members *m, int64_t *ret_from, int64_t *ret_until)
{
        TS_CLEANUP(ts_freep) struct edge *edges = ts_calloc(2 * m->n, sizeof(*edges));
        size_t n = put_edges(m, edges), now = 0, peak = 0;

        *ret_from = *ret_until = TS_TIME_UNSET;
        for (size_t i = 0; i < n; i++) {
                if (edges[i].step < 0) {
                        if (now-- == peak && *ret_until == TS_TIME_UNSET)
                                *ret_until = edges[i].when;
                } else if (++now > peak) {
                        peak = now;
                        *ret_from = edges[i].when;
                        *ret_until = TS_TIME_UNSET;
                }
        }
        return peak;
}
