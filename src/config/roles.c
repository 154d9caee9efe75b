#include "config/roles.h"

#include <stdio.h>
#include <string.h>

#include "config/loader.h"
#include "util/mem.h"

static void fault_not_all(struct ts_yaml *y, const struct ts_yaml_node *value)
{
        char label[64], hint[160];

        (void) snprintf(hint, sizeof(hint), "write `all`, or a list: [%.100s]", value->text);
        ts_yaml_fault(y, value, hint, "%s has to be `all` or a list of divisions, not '%s'",
                      ts_schema_label(value, label), value->text);
}

static void read_division(struct ts_yaml *y, const struct ts_yaml_node *value, struct ts_map *seen,
                          struct ts_decl_role *role)
{
        const char *text = ts_schema_get_text(y, value);

        if (!text)
                return;
        if (strcmp(text, "all") == 0) {
                ts_yaml_fault(y, value,
                              "for all divisions write `all` instead of the list; name the division by its "
                              "id",
                              "a division called 'all' cannot be named");
                return;
        }
        if (strcmp(text, "*") == 0) {
                ts_yaml_fault(y, value, "for all divisions write `all` instead of the list",
                              "wildcards are not expanded");
                return;
        }
        if (ts_map_add(seen, text, strlen(text), role->n_divisions) != role->n_divisions) {
                ts_yaml_fault(y, value, NULL, "the division '%s' is listed twice", text);
                return;
        }
        role->divisions[role->n_divisions++] = (struct ts_decl_text){
                .text = ts_loader_intern(ts_loader_of(y), text),
                .source = ts_yaml_source(y, value),
        };
}

static void read_divisions(struct ts_yaml *y, const struct ts_yaml_node *value, struct ts_decl_role *role)
{
        TS_CLEANUP(ts_map_done) struct ts_map seen = TS_MAP_INIT;
        const struct ts_yaml_node *e;

        if (value->kind == TS_YAML_TEXT) {
                role->all = strcmp(value->text, "all") == 0;
                if (!role->all)
                        fault_not_all(y, value);
                return;
        }
        if (!ts_schema_is_list(y, value, "`all` or a list of divisions",
                               "write `all`, or a list of divisions: [Home]"))
                return;
        if (!ts_loader_count(y, value->key, TS_COUNTED_GRANTS, value->n))
                return;
        role->divisions = TS_ARENA_ARRAY(ts_loader_arena(y), struct ts_decl_text, value->n);
        for (e = value->items; e; e = e->next)
                read_division(y, e, &seen, role);
}

void ts_roles_read(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                   void *target)
{
        const struct ts_yaml_node *e;
        struct ts_decl_roles *roles = target;

        (void) key;
        if (!ts_schema_is_map(y, value,
                              "write `ROLE: all` or `ROLE: [DIVISION]` on the lines below it, indented more; "
                              "{} for no role"))
                return;
        if (!ts_loader_count(y, value->key ? value->key : value, TS_COUNTED_GRANTS, value->n))
                return;
        roles->items = TS_ARENA_ARRAY(ts_loader_arena(y), struct ts_decl_role, value->n);
        for (e = value->items; e; e = e->next) {
                const char *name = e->key->kind == TS_YAML_TEXT ? ts_schema_get_text(y, e->key) : NULL;
                struct ts_decl_role *role = &roles->items[roles->n];

                if (!name || ts_schema_fault_wildcard(y, e->key, strcmp(name, "*") == 0 ? name : ""))
                        continue;
                *role = (struct ts_decl_role){ .role = ts_loader_intern(ts_loader_of(y), name),
                                               .source = ts_yaml_source(y, e->key) };
                read_divisions(y, e, role);
                roles->n++;
        }
}

/* ---------------------------------------------------------------------------------------------- role sets */

static void add_role_set(struct ts_yaml *y, const struct ts_yaml_node *value, const char *name)
{
        struct ts_loader_organization *o = ts_loader_organization(y);
        struct ts_decl_role_set *set;
        uint32_t i;

        if (!ts_loader_count(y, value->key, TS_COUNTED_OBJECTS, 1))
                return;
        TS_GROW(o->role_sets, o->n_role_sets_allocated, o->n_role_sets);
        set = &o->role_sets[o->n_role_sets];
        *set = (struct ts_decl_role_set){
                .name = ts_arena_strdup(ts_loader_arena(y), name),
                .source = ts_yaml_source(y, value->key),
        };
        i = ts_map_add(&o->role_set_names, set->name, strlen(set->name), (uint32_t) o->n_role_sets);
        if (i != o->n_role_sets) {
                ts_loader_fault_twice(y, value->key, &o->role_sets[i].source, "the role set", name);
                return;
        }
        ts_roles_read(y, value, NULL, &set->roles);
        o->n_role_sets++;
}

void ts_roles_read_sets(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                        void *target)
{
        const struct ts_yaml_node *e;

        (void) key;
        (void) target;
        if (!ts_schema_is_map(y, value, "name each set on a line below it, indented more; {} for none"))
                return;
        for (e = value->items; e; e = e->next) {
                const char *name = e->key->kind == TS_YAML_TEXT ? ts_schema_get_text(y, e->key) : NULL;

                if (name)
                        add_role_set(y, e, name);
        }
}
