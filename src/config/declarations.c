#include "config/declarations.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "config/walk.h"
#include "config/yaml.h"
#include "util/limits.h"
#include "util/map.h"
#include "util/mem.h"

#define USERS_PER_TRUST_DEFAULT 25u

/* An organization while files add to it. */
struct organization {
        const char *alias;
        struct ts_source source;
        const struct ts_settings_organization *settings; /* NULL: unknown */
        struct ts_decl_role_set *role_sets;
        size_t n_role_sets, n_role_sets_allocated;
        struct ts_decl_trust *trusts;
        size_t n_trusts, n_trusts_allocated;
        struct ts_source trustees_source;       /* file NULL: no file has the key */
        struct ts_map role_set_names;           /* -> index */
        struct ts_map trust_aliases, trust_ids; /* -> index */
};

/* A member names a role set that may stand in a file not read yet. */
struct reference {
        const char *name;
        struct ts_source source;
        uint32_t file, organization;
        const struct ts_decl_role_set **target;
};

struct loader {
        const struct ts_settings *settings;
        struct ts_faults *faults;
        struct ts_declarations *declarations;
        struct ts_buf *texts; /* of the files: faults show their lines to the end */
        uint32_t file;        /* the current one */
        uint32_t current;     /* organization */
        struct organization *organizations;
        size_t n_organizations, n_organizations_allocated;
        struct reference *references;
        size_t n_references, n_references_allocated;
        const char **words; /* roles and divisions: few, and named by every member */
        size_t n_words, n_words_allocated;
        struct ts_map word_index;
};

static struct loader *loader_of(const struct ts_yaml *y)
{
        return y->userdata;
}

static struct ts_arena *arena_of(const struct ts_yaml *y)
{
        return &loader_of(y)->declarations->arena;
}

static struct organization *current_organization(struct loader *l)
{
        return &l->organizations[l->current];
}

static void organization_done(struct organization *o)
{
        free(o->role_sets);
        free(o->trusts);
        ts_map_done(&o->role_set_names);
        ts_map_done(&o->trust_aliases);
        ts_map_done(&o->trust_ids);
}

static void loader_done(struct loader *l)
{
        size_t i;

        for (i = 0; i < l->n_organizations; i++)
                organization_done(&l->organizations[i]);
        free(l->organizations);
        free(l->references);
        free(l->words);
        ts_map_done(&l->word_index);
        ts_declarations_free(l->declarations);
}

/* One copy of each text. */
static const char *intern(struct loader *l, const char *text)
{
        size_t len = strlen(text);
        uint32_t i = ts_map_get(&l->word_index, text, len);
        const char *copy;

        if (i != TS_MAP_NONE)
                return l->words[i];
        copy = ts_arena_strndup(&l->declarations->arena, text, len);
        TS_GROW(l->words, l->n_words_allocated, l->n_words);
        l->words[l->n_words] = copy;
        (void) ts_map_add(&l->word_index, copy, len, (uint32_t) l->n_words++);
        return copy;
}

/* "also at trusts.d/contoso.yaml:12" is where @other is. */
static void fault_twice(struct ts_yaml *y, const struct ts_yaml_node *node, const struct ts_source *other,
                        const char *what, const char *name)
{
        ts_yaml_fault(y, node, "keep one of them", "%s '%s' is declared twice: also at %s:%u", what, name,
                      other->file, other->line);
}

/* ------------------------------------------------------------------------------------------------- roles */

static void fault_not_all(struct ts_yaml *y, const struct ts_yaml_node *value)
{
        char label[64], hint[160];

        (void) snprintf(hint, sizeof(hint), "write `all`, or a list: [%.100s]", value->text);
        ts_yaml_fault(y, value, hint, "%s has to be `all` or a list of divisions, not '%s'",
                      ts_schema_label(value, label), value->text);
}

static bool is_listed(const struct ts_decl_text *items, size_t n, const char *text)
{
        size_t i;

        for (i = 0; i < n; i++)
                if (strcmp(items[i].text, text) == 0)
                        return true;
        return false;
}

static void read_division(struct ts_yaml *y, const struct ts_yaml_node *value, struct ts_decl_role *role)
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
        if (is_listed(role->divisions, role->n_divisions, text)) {
                ts_yaml_fault(y, value, NULL, "the division '%s' is listed twice", text);
                return;
        }
        role->divisions[role->n_divisions++] = (struct ts_decl_text){
                .text = intern(loader_of(y), text),
                .source = ts_yaml_source(y, value),
        };
}

static void read_divisions(struct ts_yaml *y, const struct ts_yaml_node *value, struct ts_decl_role *role)
{
        const struct ts_yaml_node *e;

        if (value->kind == TS_YAML_TEXT) {
                role->all = strcmp(value->text, "all") == 0;
                if (!role->all)
                        fault_not_all(y, value);
                return;
        }
        if (!ts_schema_is_list(y, value, "`all` or a list of divisions"))
                return;
        role->divisions = TS_ARENA_ARRAY(arena_of(y), struct ts_decl_text, value->n);
        for (e = value->items; e; e = e->next)
                read_division(y, e, role);
}

static void read_roles(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        const struct ts_yaml_node *e;
        struct ts_decl_roles *roles = target;

        (void) key;
        if (!ts_schema_is_map(y, value))
                return;
        roles->items = TS_ARENA_ARRAY(arena_of(y), struct ts_decl_role, value->n);
        for (e = value->items; e; e = e->next) {
                const char *name = e->key->kind == TS_YAML_TEXT ? ts_schema_get_text(y, e->key) : NULL;
                struct ts_decl_role *role = &roles->items[roles->n];

                if (!name)
                        continue;
                *role = (struct ts_decl_role){ .role = intern(loader_of(y), name),
                                               .source = ts_yaml_source(y, e->key) };
                read_divisions(y, e, role);
                roles->n++;
        }
}

/* --------------------------------------------------------------------------------------------- role sets */

static void add_role_set(struct ts_yaml *y, const struct ts_yaml_node *value, const char *name)
{
        struct organization *o = current_organization(loader_of(y));
        struct ts_decl_role_set *set;
        uint32_t i;

        TS_GROW(o->role_sets, o->n_role_sets_allocated, o->n_role_sets);
        set = &o->role_sets[o->n_role_sets];
        *set = (struct ts_decl_role_set){
                .name = ts_arena_strdup(arena_of(y), name),
                .source = ts_yaml_source(y, value->key),
        };
        i = ts_map_add(&o->role_set_names, set->name, strlen(set->name), (uint32_t) o->n_role_sets);
        if (i != o->n_role_sets) {
                fault_twice(y, value->key, &o->role_sets[i].source, "the role set", name);
                return;
        }
        read_roles(y, value, NULL, &set->roles);
        o->n_role_sets++;
}

static void read_role_sets(struct ts_yaml *y, const struct ts_yaml_node *value,
                           const struct ts_schema_key *key, void *target)
{
        const struct ts_yaml_node *e;

        (void) key;
        (void) target;
        if (!ts_schema_is_map(y, value))
                return;
        for (e = value->items; e; e = e->next) {
                const char *name = e->key->kind == TS_YAML_TEXT ? ts_schema_get_text(y, e->key) : NULL;

                if (name)
                        add_role_set(y, e, name);
        }
}

/* ----------------------------------------------------------------------------------------------- members */

static void add_reference(struct ts_yaml *y, const struct ts_yaml_node *node, const char *name,
                          const struct ts_decl_role_set **target)
{
        struct loader *l = loader_of(y);

        TS_GROW(l->references, l->n_references_allocated, l->n_references);
        l->references[l->n_references++] = (struct reference){
                .name = intern(l, name),
                .source = ts_yaml_source(y, node),
                .file = l->file,
                .organization = l->current,
                .target = target,
        };
}

static void read_member_role_sets(struct ts_yaml *y, const struct ts_yaml_node *value,
                                  const struct ts_schema_key *key, void *target)
{
        struct ts_decl_member *m = target;
        const struct ts_yaml_node *e, *p;

        (void) key;
        m->grants_managed = true;
        if (!ts_schema_is_list(y, value, "a list of role sets"))
                return;
        m->role_sets = TS_ARENA_ARRAY(arena_of(y), const struct ts_decl_role_set *, value->n);
        for (e = value->items; e; e = e->next) {
                const char *name = ts_schema_get_text(y, e);

                for (p = value->items; name && p != e; p = p->next)
                        if (p->kind == TS_YAML_TEXT && strcmp(p->text, name) == 0)
                                break;
                if (name && p != e)
                        ts_yaml_fault(y, e, NULL, "the role set '%s' is listed twice", name);
                else if (name)
                        add_reference(y, e, name, &m->role_sets[m->n_role_sets++]);
        }
}

static void read_member_roles(struct ts_yaml *y, const struct ts_yaml_node *value,
                              const struct ts_schema_key *key, void *target)
{
        struct ts_decl_member *m = target;

        m->grants_managed = true;
        read_roles(y, value, key, &m->roles);
}

static const struct ts_schema_key member_keys[] = {
        { .name = "id", .read = ts_schema_read_id, .offset = offsetof(struct ts_decl_member, id) },
        { .name = "role_sets", .read = read_member_role_sets },
        { .name = "roles", .read = read_member_roles },
        { .name = "from" },
        { .name = "until" },
};

/* The key names the user; where that is an id, it decides already. */
static bool check_user_key(struct ts_yaml *y, const struct ts_yaml_node *key, struct ts_decl_member *m)
{
        struct ts_id id;

        if (!ts_id_parse_string(m->key, &id)) {
                if (ts_schema_is_email(m->key))
                        return true;
                ts_yaml_fault(y, key, "a user is named by e-mail address or id",
                              "'%s' is neither an e-mail address nor an id", m->key);
                return false;
        }
        if (!ts_schema_get_id(y, key, &id))
                return false;
        if (!ts_id_is_nil(&m->id) && !ts_id_equal(&m->id, &id)) {
                ts_yaml_fault(y, key, "leave 'id' out", "the user has another id in its key than in 'id'");
                return false;
        }
        m->id = id;
        return true;
}

struct users {
        struct ts_decl_members *members;
        struct ts_map keys, ids; /* -> index */
};

static void users_done(struct users *u)
{
        ts_map_done(&u->keys);
        ts_map_done(&u->ids);
}

/* One user under two keys, or in two ways of writing an address, would have two sets of roles. */
static bool is_second(struct ts_yaml *y, const struct ts_yaml_node *key, struct users *u,
                      const struct ts_decl_member *m)
{
        struct ts_decl_members *all = u->members;
        uint32_t index = (uint32_t) all->n, first;

        first = ts_map_add(&u->keys, m->key, strlen(m->key), index);
        if (first == index && !ts_id_is_nil(&m->id))
                first = ts_map_add_id(&u->ids, &m->id, index);
        if (first == index)
                return false;
        fault_twice(y, key, &all->items[first].source, "the user", m->key);
        return true;
}

static void read_user(struct ts_yaml *y, const struct ts_yaml_node *value, struct users *u)
{
        struct ts_decl_member *m = &u->members->items[u->members->n];
        const char *name = value->key->kind == TS_YAML_TEXT ? ts_schema_get_text(y, value->key) : NULL;

        if (!name)
                return;
        *m = (struct ts_decl_member){
                .kind = TS_KIND_USER,
                .key = ts_arena_strdup(arena_of(y), name),
                .source = ts_yaml_source(y, value->key),
                .from = TS_TIME_UNSET,
                .until = TS_TIME_UNSET,
        };
        ts_schema_read(y, value, member_keys, TS_N_ELEMENTS(member_keys), m);
        if (check_user_key(y, value->key, m) && !is_second(y, value->key, u, m))
                u->members->n++;
}

static void read_users(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        TS_CLEANUP(users_done) struct users u = { .members = target, .keys = TS_MAP_FOLD_INIT };
        const struct ts_yaml_node *e;

        (void) key;
        if (!ts_schema_is_map(y, value))
                return;
        u.members->managed = true;
        u.members->source = ts_yaml_source(y, value->key);
        u.members->items = TS_ARENA_ARRAY(arena_of(y), struct ts_decl_member, value->n);
        for (e = value->items; e; e = e->next)
                read_user(y, e, &u);
}

/* ------------------------------------------------------------------------------------------------ trusts */

static void read_state(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        static const char *const words[] = { "present", "absent", NULL };
        struct ts_decl_trust *t = target;

        (void) key;
        t->absent = ts_schema_get_word(y, value, words) == 1;
        t->state_source = ts_yaml_source(y, value->key);
}

static void read_mode(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        static const char *const words[] = { "observe", NULL };
        struct ts_decl_trust *t = target;

        (void) key;
        if (value->kind == TS_YAML_TEXT && strcmp(value->text, "enforce") == 0)
                ts_yaml_fault(y, value,
                              "leave 'mode' out: whether changes are applied is a matter of the settings",
                              "a declaration can only say 'observe'");
        else
                t->observe = ts_schema_get_word(y, value, words) == 0;
}

static void read_enabled(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        struct ts_decl_trust *t = target;
        bool enabled;

        (void) key;
        if (!ts_schema_get_bool(y, value, &enabled))
                return;
        t->enabled = enabled ? TS_YES : TS_NO;
        t->enabled_source = ts_yaml_source(y, value->key);
}

static void read_expires(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        struct ts_decl_trust *t = target;

        (void) key;
        if (ts_schema_get_time(y, value, &t->expires))
                t->expires_source = ts_yaml_source(y, value->key);
}

static void read_unlisted(struct ts_yaml *y, const struct ts_yaml_node *value,
                          const struct ts_schema_key *key, void *target)
{
        static const char *const words[] = { "remove", "report", NULL };

        (void) key;
        *(bool *) target = ts_schema_get_word(y, value, words) == 1;
}

static const struct ts_schema_key trustee_keys[] = {
        { .name = "id",
          .read = ts_schema_read_id,
          .offset = offsetof(struct ts_decl_trust, id),
          .required = true },
        { .name = "state", .read = read_state },
        { .name = "mode", .read = read_mode },
        { .name = "enabled", .read = read_enabled },
        { .name = "expires", .read = read_expires },
        { .name = "pairing" },
        { .name = "unlisted",
          .read = read_unlisted,
          .offset = offsetof(struct ts_decl_trust, report_unlisted) },
        { .name = "users", .read = read_users, .offset = offsetof(struct ts_decl_trust, users) },
        { .name = "groups" },
        { .name = "clones" },
};

static const struct ts_yaml_node *id_node(const struct ts_yaml_node *trust)
{
        const struct ts_yaml_node *id = ts_schema_find(trust, "id");

        return id ? id : trust->key;
}

static void check_number_of_users(struct ts_yaml *y, const struct ts_yaml_node *value,
                                  const struct ts_decl_trust *t)
{
        const struct ts_settings_organization *s = current_organization(loader_of(y))->settings;
        size_t allowed = s ? s->policy.limits.users_per_trust : USERS_PER_TRUST_DEFAULT;
        const struct ts_yaml_node *users = ts_schema_find(value, "users");

        if (users && !t->absent && t->users.n > allowed)
                ts_yaml_fault(y, users->key,
                              "it is the platform's own limit; raise it in the settings only when yours is "
                              "higher",
                              "%zu users in the trust '%s', and %zu are allowed (users_per_trust)",
                              t->users.n, t->alias, allowed);
}

/* What only looks at the trust itself. */
static void check_trust(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_decl_trust *t)
{
        const struct organization *o = current_organization(loader_of(y));
        struct ts_id id;

        if (!ts_id_is_nil(&t->id) && ts_id_parse_string(t->alias, &id) && !ts_id_equal(&id, &t->id))
                ts_yaml_fault(y, value->key, "give it a name of your own",
                              "'%s' is another id than the trust's", t->alias);
        if (!ts_id_is_nil(&t->id) && o->settings && ts_id_equal(&t->id, &o->settings->id))
                ts_yaml_fault(y, id_node(value), NULL,
                              "this is the id of '%s' itself: no organization trusts itself", o->alias);
        check_number_of_users(y, value, t);
}

/* The alias is what people call it, the id is what it is: neither may stand for two. */
static bool is_second_trust(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_decl_trust *t)
{
        struct organization *o = current_organization(loader_of(y));
        uint32_t index = (uint32_t) o->n_trusts, first;

        first = ts_map_add(&o->trust_aliases, t->alias, strlen(t->alias), index);
        if (first != index) {
                fault_twice(y, value->key, &o->trusts[first].source, "the trust", t->alias);
                return true;
        }
        if (ts_id_is_nil(&t->id))
                return false;
        first = ts_map_add_id(&o->trust_ids, ts_arena_memdup(arena_of(y), &t->id, sizeof(t->id)), index);
        if (first == index)
                return false;
        fault_twice(y, id_node(value), &o->trusts[first].source, "the organization", ts_id_format(&t->id).s);
        return true;
}

static void read_trustee(struct ts_yaml *y, const struct ts_yaml_node *value)
{
        const char *alias = value->key->kind == TS_YAML_TEXT ? ts_schema_get_text(y, value->key) : NULL;
        struct organization *o = current_organization(loader_of(y));
        struct ts_decl_trust t;

        if (!alias)
                return;
        t = (struct ts_decl_trust){
                .direction = TS_TRUSTEE,
                .alias = ts_arena_strdup(arena_of(y), alias),
                .source = ts_yaml_source(y, value->key),
                .expires = TS_TIME_UNSET,
        };
        ts_schema_read(y, value, trustee_keys, TS_N_ELEMENTS(trustee_keys), &t);
        check_trust(y, value, &t);
        TS_GROW(o->trusts, o->n_trusts_allocated, o->n_trusts);
        o->trusts[o->n_trusts] =
                        t; /* in place for the maps to find, also when it turns out to be a second one */
        if (!is_second_trust(y, value, &t))
                o->n_trusts++;
}

static void read_trustees(struct ts_yaml *y, const struct ts_yaml_node *value,
                          const struct ts_schema_key *key, void *target)
{
        struct organization *o = current_organization(loader_of(y));
        const struct ts_yaml_node *e;

        (void) key;
        (void) target;
        if (!ts_schema_is_map(y, value))
                return;
        if (!o->trustees_source.file)
                o->trustees_source = ts_yaml_source(y, value->key);
        for (e = value->items; e; e = e->next)
                read_trustee(y, e);
}

/* ------------------------------------------------------------------------------------------------- files */

static const struct ts_schema_key root_keys[] = {
        { .name = "version", .read = ts_schema_read_nothing },
        { .name = "organization", .read = ts_schema_read_nothing },
        { .name = "role_sets", .read = read_role_sets },
        { .name = "trustees", .read = read_trustees },
        { .name = "trustors" },
        { .name = "customer_care" },
};

/* Returns the one that is probably meant, under which the rest is looked through; or NULL. */
static const char *fault_unknown_organization(struct ts_yaml *y, const struct ts_yaml_node *value)
{
        const struct ts_settings *s = loader_of(y)->settings;
        struct ts_nearest nearest = { .word = value->text };
        char hint[160];
        size_t i;

        for (i = 0; i < s->n_organizations; i++)
                ts_nearest_try(&nearest, s->organizations[i].alias);
        ts_yaml_fault(y, value, ts_nearest_hint(&nearest, hint), "%s defines no organization '%s'", s->path,
                      value->text);
        return nearest.best;
}

/* The alias that a file is about; NULL: reported. */
static const char *organization_of(struct ts_yaml *y)
{
        const struct ts_settings *s = loader_of(y)->settings;
        const struct ts_yaml_node *value = ts_schema_find(y->root, "organization");
        const char *alias;

        if (!value && s && s->n_organizations == 1)
                return s->organizations[0].alias;
        if (!value) {
                ts_yaml_fault(y, y->root, "for example `organization: acme`",
                              "the file has no 'organization'%s",
                              s ? ", and the settings define several" : "");
                return NULL;
        }
        alias = ts_schema_get_text(y, value);
        if (!alias || !s || ts_settings_find(s, alias))
                return alias;
        return fault_unknown_organization(y, value);
}

static void enter_organization(struct ts_yaml *y, const char *alias)
{
        struct loader *l = loader_of(y);
        const struct ts_yaml_node *named = ts_schema_find(y->root, "organization");

        for (l->current = 0; l->current < l->n_organizations; l->current++)
                if (strcmp(l->organizations[l->current].alias, alias) == 0)
                        return;
        TS_GROW(l->organizations, l->n_organizations_allocated, l->n_organizations);
        l->organizations[l->n_organizations++] = (struct organization){
                .alias = ts_arena_strdup(arena_of(y), alias),
                .source = ts_yaml_source(y, named ? named->key : y->root),
                .settings = l->settings ? ts_settings_find(l->settings, alias) : NULL,
        };
}

static void read_file(struct loader *l, const char *path)
{
        struct ts_buf *text = &l->texts[l->file];
        TS_CLEANUP(ts_yaml_done)
        struct ts_yaml y = {
                .file = path,
                .cls = TS_FAULT_DECLARATIONS,
                .faults = l->faults,
                .text = ts_buf_text(text),
                .len = text->len,
                .userdata = l,
        };
        const char *alias;

        if (ts_yaml_parse(&y) < 0 || !ts_schema_root(&y))
                return;
        alias = organization_of(&y);
        if (!alias)
                return;
        enter_organization(&y, alias);
        ts_schema_read(&y, y.root, root_keys, TS_N_ELEMENTS(root_keys), NULL);
}

static void hash_file(struct ts_sha256 *hash, const struct ts_walk_file *file, const struct ts_buf *text)
{
        char len[32];
        int n = snprintf(len, sizeof(len), "%zu", text->len);

        ts_sha256_put(hash, file->relative, strlen(file->relative) + 1); /* the NUL ends it */
        ts_sha256_put(hash, len, (size_t) n + 1);
        ts_sha256_put(hash, ts_buf_text(text), text->len);
}

static void read_files(struct loader *l, const struct ts_walk *walk)
{
        struct ts_sha256 *hash = ts_sha256_new();
        size_t total = 0, i;

        for (i = 0; i < walk->n && total <= TS_YAML_MAX_TOTAL_BYTES; i++) {
                struct ts_source whole = { .file = walk->items[i].path };
                struct ts_buf *text = &l->texts[i];

                l->file = (uint32_t) i;
                *text = (struct ts_buf) TS_BUF_INIT(TS_YAML_MAX_BYTES);
                if (ts_yaml_read_file(whole.file, TS_FAULT_DECLARATIONS, l->faults, text) < 0)
                        continue;
                total += text->len;
                if (total > TS_YAML_MAX_TOTAL_BYTES)
                        ts_faults_add(l->faults, TS_FAULT_DECLARATIONS, &whole, NULL, NULL,
                                      "all files together are larger than 64 MiB");
                hash_file(hash, &walk->items[i], text);
                read_file(l, whole.file);
        }
        l->declarations->content_hash = ts_sha256_finish(hash);
        l->declarations->n_files = walk->n;
}

/* -------------------------------------------------------------------------------------------- afterwards */

static int compare_trusts(const void *pa, const void *pb)
{
        const struct ts_decl_trust *a = pa, *b = pb;

        if (a->direction != b->direction)
                return a->direction < b->direction ? -1 : 1;
        return strcmp(a->alias, b->alias);
}

static int compare_organizations(const void *a, const void *b)
{
        return strcmp(((const struct ts_decl_organization *) a)->alias,
                      ((const struct ts_decl_organization *) b)->alias);
}

static struct ts_decl_organization finish_organization(struct ts_arena *arena, const struct organization *o)
{
        struct ts_decl_organization r = {
                .alias = o->alias,
                .source = o->source,
                .role_sets = ts_arena_memdup(arena, o->role_sets, o->n_role_sets * sizeof(*o->role_sets)),
                .n_role_sets = o->n_role_sets,
                .trusts = ts_arena_memdup(arena, o->trusts, o->n_trusts * sizeof(*o->trusts)),
                .n_trusts = o->n_trusts,
                .trustees_managed = o->trustees_source.file != NULL,
                .trustees_source = o->trustees_source,
        };

        qsort(r.trusts, r.n_trusts, sizeof(*r.trusts), compare_trusts);
        return r;
}

static void fault_unknown_role_set(struct loader *l, const struct reference *ref)
{
        const struct organization *o = &l->organizations[ref->organization];
        struct ts_nearest nearest = { .word = ref->name };
        char hint[160];
        size_t i;

        for (i = 0; i < o->n_role_sets; i++)
                ts_nearest_try(&nearest, o->role_sets[i].name);
        ts_faults_add(l->faults, TS_FAULT_DECLARATIONS, &ref->source,
                      ts_yaml_find_line(ts_buf_text(&l->texts[ref->file]), ref->source.line),
                      ts_nearest_hint(&nearest, hint), "no file of '%s' has a role set '%s'", o->alias,
                      ref->name);
}

/* The sets are where they stay by now. */
static void resolve_references(struct loader *l)
{
        const struct ts_declarations *d = l->declarations;
        size_t i;

        for (i = 0; i < l->n_references; i++) {
                const struct reference *ref = &l->references[i];
                uint32_t set = ts_map_get(&l->organizations[ref->organization].role_set_names, ref->name,
                                          strlen(ref->name));

                if (set == TS_MAP_NONE)
                        fault_unknown_role_set(l, ref);
                else
                        *ref->target = &d->organizations[ref->organization].role_sets[set];
        }
}

static void finish(struct loader *l)
{
        struct ts_declarations *d = l->declarations;
        size_t i;

        d->organizations = TS_ARENA_ARRAY(&d->arena, struct ts_decl_organization, l->n_organizations);
        d->n_organizations = l->n_organizations;
        for (i = 0; i < l->n_organizations; i++)
                d->organizations[i] = finish_organization(&d->arena, &l->organizations[i]);
        resolve_references(l);
        qsort(d->organizations, d->n_organizations, sizeof(*d->organizations), compare_organizations);
}

static void texts_free(struct ts_buf *texts, size_t n)
{
        size_t i;

        for (i = 0; texts && i < n; i++)
                ts_buf_done(&texts[i]);
        free(texts);
}

int ts_declarations_load(const char *path, const struct ts_settings *settings, struct ts_faults *faults,
                         struct ts_declarations **ret)
{
        TS_CLEANUP(ts_walk_done) struct ts_walk walk = { .items = NULL };
        TS_CLEANUP(loader_done)
        struct loader l = {
                .settings = settings,
                .faults = faults,
                .declarations = ts_calloc(1, sizeof(*l.declarations)),
        };
        size_t n_before = faults->n_errors;
        int r;

        assert(path);
        assert(ret);

        *ret = NULL;
        r = ts_walk_find(path, faults, &l.declarations->arena, &walk);
        if (r == -ENOENT)
                return r;
        l.texts = ts_calloc(walk.n, sizeof(*l.texts));
        read_files(&l, &walk);
        finish(&l);
        texts_free(l.texts, walk.n);
        if (faults->n_errors > n_before)
                return -EINVAL;

        l.declarations->revision =
                        ts_declarations_revision(path, &l.declarations->content_hash, &l.declarations->arena);
        *ret = TS_TAKE(l.declarations);
        return 0;
}
