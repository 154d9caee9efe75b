#include "report/export.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/escape.h"
#include "util/limits.h"
#include "util/map.h"
#include "util/mem.h"

#define SLUG_MAX_BYTES 40u

struct exporter {
        const struct ts_export *in;
        struct ts_buf *out;
        struct ts_arena arena;
        struct ts_map role_names, division_names; /* -> 1 once, 2 more than once */
        struct ts_map sets;                       /* bytes of grants -> index */
        struct set *set_items;
        size_t n_sets, n_sets_allocated;
        struct ts_map set_names; /* what is taken */
};

/* Grants that several members hold. */
struct set {
        const struct ts_member *first;
        size_t n_members;
        const char *name; /* NULL: it is not worth one */
};

/* ----------------------------------------------------------------------------------------------- scalars */

static bool is_word_of_yaml(const char *s)
{
        static const char *const words[] = { "yes",  "no", "on", "off", "true", "false",
                                             "null", "y",  "n",  "all", "never" };

        for (size_t i = 0; i < TS_N_ELEMENTS(words); i++)
                if (strcasecmp(s, words[i]) == 0)
                        return true;
        return false;
}

static bool is_plain(const char *s)
{
        size_t len = strlen(s);

        if (len == 0 || !((s[0] >= 'A' && s[0] <= 'Z') || (s[0] >= 'a' && s[0] <= 'z')) || s[len - 1] == ' ')
                return false;
        for (size_t i = 0; i < len; i++) {
                char c = s[i];
                bool alnum = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

                if (!alnum && !strchr(" _-.@+", c))
                        return false;
        }
        return !is_word_of_yaml(s);
}

/* Text that holds nothing forbidden. */
static void put_scalar(struct ts_buf *out, const char *s)
{
        if (is_plain(s)) {
                ts_buf_puts(out, s);
                return;
        }
        ts_buf_putc(out, '"');
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        ts_buf_putc(out, '\\');
                ts_buf_putc(out, *s);
        }
        ts_buf_putc(out, '"');
}

static void put_id(struct ts_buf *out, const struct ts_id *id)
{
        ts_buf_printf(out, "\"%s\"", ts_id_format(id).s);
}

static void put_comment(struct ts_buf *out, const char *s)
{
        ts_buf_puts(out, " # ");
        (void) ts_escape_text(out, s, strlen(s));
}

/* Can it be written so that its reader sees what it is, and be read as the name it is? */
static bool is_writable(const char *name)
{
        struct ts_id id;
        size_t len = name ? strlen(name) : 0;

        return len > 0 && len < TS_TEXT_MAX_BYTES && name[0] != ' ' && name[len - 1] != ' ' &&
               !ts_text_has_forbidden(name, len, NULL) && !strchr(name, '\n') && !strchr(name, '\t') &&
               !ts_id_parse_string(name, &id);
}

static bool is_email(const char *s)
{
        const char *at = s ? strchr(s, '@') : NULL;

        if (!at || at == s || at[1] == '\0' || strchr(at + 1, '@'))
                return false;
        for (; *s; s++)
                if (*s <= ' ' || *s > '~')
                        return false;
        return true;
}

/* ------------------------------------------------------------------------------------------------- names */

static void count_name(struct ts_map *names, const char *name)
{
        size_t len = strlen(name);

        if (ts_map_get(names, name, len) != TS_MAP_NONE)
                ts_map_set(names, name, len, 2);
        else
                ts_map_add(names, name, len, 1);
}

static bool is_unique(const struct ts_map *names, const char *name)
{
        return name && ts_map_get(names, name, strlen(name)) == 1;
}

/* "North Wind GmbH" -> "north-wind-gmbh"; "" when nothing is left. */
static void slug(const char *name, char buf[static SLUG_MAX_BYTES + 1])
{
        size_t n = 0;

        for (; name && *name && n < SLUG_MAX_BYTES; name++) {
                char c = *name;

                if (c >= 'A' && c <= 'Z')
                        c = (char) (c - 'A' + 'a');
                if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9' && n > 0))
                        buf[n++] = c;
                else if (n > 0 && buf[n - 1] != '-')
                        buf[n++] = '-';
        }
        while (n > 0 && buf[n - 1] == '-')
                n--;
        buf[n] = '\0';
}

/* The slug of @name, or @otherwise, with a number when it is taken. */
static const char *name_uniquely(struct exporter *e, struct ts_map *taken, const char *name,
                                 const char *otherwise)
{
        char base[SLUG_MAX_BYTES + 1];
        const char *s;

        slug(name, base);
        s = ts_arena_strdup(&e->arena, base[0] && !is_word_of_yaml(base) ? base : otherwise);
        for (unsigned i = 2; ts_map_add(taken, s, strlen(s), i) != i; i++)
                s = ts_arena_printf(&e->arena, "%s-%u", base[0] && !is_word_of_yaml(base) ? base : otherwise,
                                    i);
        return s;
}

/* ------------------------------------------------------------------------------------------------- roles */

static void put_name_or_id(struct exporter *e, const struct ts_named *n, const struct ts_map *names,
                           bool is_division)
{
        if (is_writable(n->name) && is_unique(names, n->name) &&
            !(is_division && strcmp(n->name, "all") == 0))
                put_scalar(e->out, n->name);
        else
                put_id(e->out, &n->id);
}

static bool needs_comment(const struct ts_named *n, const struct ts_map *names)
{
        return !is_writable(n->name) || !is_unique(names, n->name);
}

/* The role whose grants begin at @i, as one line. Returns the index behind them. */
static uint32_t put_role(struct exporter *e, const struct ts_member *m, uint32_t i, const char *indent)
{
        const struct ts_catalog *catalog = &e->in->live->catalog;
        const struct ts_named *role = &catalog->roles[m->grants[i].role];
        uint32_t first = i;

        ts_buf_puts(e->out, indent);
        put_name_or_id(e, role, &e->role_names, false);
        ts_buf_puts(e->out, ": ");
        if (m->grants[i].division == TS_DIVISION_ALL) {
                ts_buf_puts(e->out, "all");
                i++;
        } else {
                ts_buf_putc(e->out, '[');
                for (; i < m->n_grants && m->grants[i].role == m->grants[first].role; i++) {
                        if (i > first)
                                ts_buf_puts(e->out, ", ");
                        put_name_or_id(e, &catalog->divisions[m->grants[i].division], &e->division_names,
                                       true);
                }
                ts_buf_putc(e->out, ']');
        }
        if (needs_comment(role, &e->role_names))
                put_comment(e->out, role->name);
        ts_buf_putc(e->out, '\n');
        return i;
}

static void put_roles(struct exporter *e, const struct ts_member *m, const char *indent)
{
        for (uint32_t i = 0; i < m->n_grants;)
                i = put_role(e, m, i, indent);
}

/* --------------------------------------------------------------------------------------------- role sets */

static const void *grants_key(struct exporter *e, const struct ts_member *m, size_t *ret_len)
{
        uint32_t *key = TS_ARENA_ARRAY(&e->arena, uint32_t, 2 * (size_t) m->n_grants);

        for (uint32_t i = 0; i < m->n_grants; i++) {
                key[2 * i] = m->grants[i].role;
                key[2 * i + 1] = m->grants[i].division;
        }
        *ret_len = 2 * sizeof(*key) * m->n_grants;
        return key;
}

static void count_grants(struct exporter *e, const struct ts_member *m)
{
        size_t len;
        const void *key;
        uint32_t i;

        if (m->n_grants < 2 || m->grants_coverage != TS_COVERAGE_COMPLETE)
                return; /* one line is shorter than a set */
        key = grants_key(e, m, &len);
        i = ts_map_add(&e->sets, key, len, (uint32_t) e->n_sets);
        if (i == e->n_sets) {
                TS_GROW(e->set_items, e->n_sets_allocated, e->n_sets);
                e->set_items[e->n_sets++] = (struct set){ .first = m };
        }
        e->set_items[i].n_members++;
}

static const struct set *find_set(struct exporter *e, const struct ts_member *m)
{
        size_t len;
        const void *key;
        uint32_t i;

        if (m->n_grants < 2)
                return NULL;
        key = grants_key(e, m, &len);
        i = ts_map_get(&e->sets, key, len);
        return i == TS_MAP_NONE || !e->set_items[i].name ? NULL : &e->set_items[i];
}

static void find_sets(struct exporter *e)
{
        const struct ts_live *live = e->in->live;

        for (size_t i = 0; i < live->n_trusts; i++)
                for (enum ts_collection c = TS_USERS;
                     c <= TS_GROUPS && live->trusts[i].direction == TS_TRUSTEE; c++)
                        for (size_t k = 0; k < live->trusts[i].collections[c].n; k++)
                                count_grants(e, &live->trusts[i].collections[c].items[k]);
        for (size_t i = 0; i < e->n_sets; i++) {
                struct set *s = &e->set_items[i];

                if (s->n_members > 1)
                        s->name = name_uniquely(e, &e->set_names,
                                                live->catalog.roles[s->first->grants[0].role].name, "set");
        }
}

static void put_sets(struct exporter *e)
{
        bool is_first = true;

        for (size_t i = 0; i < e->n_sets; i++) {
                const struct set *s = &e->set_items[i];

                if (!s->name)
                        continue;
                if (is_first)
                        ts_buf_puts(e->out, "\nrole_sets:\n");
                is_first = false;
                ts_buf_printf(e->out, "  %s: # %zu members\n", s->name, s->n_members);
                put_roles(e, s->first, "    ");
        }
}

/* ----------------------------------------------------------------------------------------------- members */

/* A key that means this member and no other of its collection. */
static const char *key_of(const struct ts_member *m, const struct ts_map *keys)
{
        const char *key = m->kind == TS_KIND_GROUP ? m->name : m->email;
        bool usable = m->kind == TS_KIND_GROUP ? is_writable(key) : is_email(key);

        return usable && is_unique(keys, key) ? key : NULL;
}

static void count_keys(const struct ts_members *members, enum ts_kind kind, struct ts_map *keys)
{
        keys->fold_ascii = kind != TS_KIND_GROUP;
        for (size_t i = 0; i < members->n; i++) {
                const char *key = kind == TS_KIND_GROUP ? members->items[i].name : members->items[i].email;

                if (key)
                        count_name(keys, key);
        }
}

static void put_grants(struct exporter *e, const struct ts_member *m)
{
        const struct set *set = find_set(e, m);

        if (m->grants_coverage != TS_COVERAGE_COMPLETE) {
                ts_buf_puts(e->out, "        # roles: could not be read, and are not managed\n");
        } else if (set) {
                ts_buf_printf(e->out, "        role_sets: [%s]\n", set->name);
        } else if (m->n_grants == 0) {
                ts_buf_puts(e->out, "        roles: {}\n");
        } else {
                ts_buf_puts(e->out, "        roles:\n");
                put_roles(e, m, "          ");
        }
}

static const char *label_of(const struct ts_member *m)
{
        return m->name && m->name[0] ? m->name : m->email && m->email[0] ? m->email : NULL;
}

static void put_member(struct exporter *e, const struct ts_member *m, const struct ts_map *keys)
{
        const char *key = key_of(m, keys), *label = label_of(m);

        ts_buf_puts(e->out, "      ");
        if (key)
                put_scalar(e->out, key);
        else
                put_id(e->out, &m->id);
        ts_buf_putc(e->out, ':');
        if (label && (!key || strcmp(label, key) != 0))
                put_comment(e->out, label);
        ts_buf_putc(e->out, '\n');
        if (key) {
                ts_buf_puts(e->out, "        id: ");
                put_id(e->out, &m->id);
                ts_buf_putc(e->out, '\n');
        }
        put_grants(e, m);
}

static void put_collection(struct exporter *e, const struct ts_members *m, enum ts_collection c,
                           bool with_grants)
{
        TS_CLEANUP(ts_map_done) struct ts_map keys = TS_MAP_INIT;
        const char *name = ts_collection_to_string(c);

        if (m->coverage != TS_COVERAGE_COMPLETE) {
                ts_buf_printf(e->out, "    # %s: could not be read completely, and are not managed\n", name);
                return;
        }
        if (m->n == 0) {
                ts_buf_printf(e->out, "    %s: %s\n", name, with_grants ? "{}" : "[]");
                return;
        }
        ts_buf_printf(e->out, "    %s:\n", name);
        count_keys(m, ts_collection_kind(c), &keys);
        for (size_t i = 0; i < m->n; i++) {
                if (with_grants) {
                        put_member(e, &m->items[i], &keys);
                        continue;
                }
                ts_buf_puts(e->out, "      - ");
                put_id(e->out, &m->items[i].id);
                if (label_of(&m->items[i]))
                        put_comment(e->out, label_of(&m->items[i]));
                ts_buf_putc(e->out, '\n');
        }
}

/* ------------------------------------------------------------------------------------------------ trusts */

static const char *alias_of(struct exporter *e, const struct ts_trust *t, struct ts_map *taken)
{
        const struct ts_decl_organization *decl = e->in->decl;

        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                if (decl->trusts[i].direction == t->direction && ts_id_equal(&decl->trusts[i].id, &t->id))
                        return decl->trusts[i].alias;
        return name_uniquely(e, taken, t->name, "organization");
}

static void put_trust(struct exporter *e, const struct ts_trust *t, const char *alias)
{
        bool trustee = t->direction == TS_TRUSTEE;

        ts_buf_puts(e->out, "  ");
        put_scalar(e->out, alias);
        ts_buf_putc(e->out, ':');
        if (t->name)
                put_comment(e->out, t->name);
        ts_buf_puts(e->out, "\n    id: ");
        put_id(e->out, &t->id);
        ts_buf_putc(e->out, '\n');
        if (trustee)
                ts_buf_printf(e->out, "    enabled: %s\n    expires: %s\n", t->enabled ? "true" : "false",
                              ts_time_format(t->expires).s);
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                put_collection(e, &t->collections[c], c, trustee && c != TS_CLONES);
}

/* Aliases of declarations come first: a made one must not take the name of one that is not looked at yet. */
static void take_declared_aliases(const struct exporter *e, enum ts_direction d, struct ts_map *taken)
{
        const struct ts_decl_organization *decl = e->in->decl;

        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                if (decl->trusts[i].direction == d)
                        ts_map_add(taken, decl->trusts[i].alias, strlen(decl->trusts[i].alias), 1);
}

static void put_trusts(struct exporter *e, enum ts_direction d)
{
        TS_CLEANUP(ts_map_done) struct ts_map taken = TS_MAP_INIT;
        const struct ts_live *live = e->in->live;
        const char *key = d == TS_TRUSTEE ? "trustees" : "trustors";
        size_t n = 0;

        if (ts_live_coverage(live, d) != TS_COVERAGE_COMPLETE) {
                ts_buf_printf(e->out, "\n# %s: the list could not be read completely, and is not managed\n",
                              key);
                return;
        }
        take_declared_aliases(e, d, &taken);
        for (size_t i = 0; i < live->n_trusts; i++) {
                if (live->trusts[i].direction != d || live->trusts[i].customer_care)
                        continue;
                if (n++ == 0)
                        ts_buf_printf(e->out, "\n%s:\n", key);
                put_trust(e, &live->trusts[i], alias_of(e, &live->trusts[i], &taken));
        }
        if (n == 0)
                ts_buf_printf(e->out, "\n%s: {}\n", key);
}

static void put_care(struct exporter *e)
{
        const struct ts_live *live = e->in->live;

        for (size_t i = 0; i < live->n_trusts; i++)
                if (live->trusts[i].customer_care) {
                        ts_buf_puts(e->out, "\ncustomer_care:\n  state: present");
                        put_comment(e->out, live->trusts[i].name ? live->trusts[i].name
                                                                 : ts_id_format(&live->trusts[i].id).s);
                        ts_buf_putc(e->out, '\n');
                        return;
                }
}

/* ---------------------------------------------------------------------------------------------- exported */

static void put_exported_name(struct exporter *e, const struct ts_id *id, const char *name)
{
        ts_buf_puts(e->out, "    - id: ");
        put_id(e->out, id);
        if (is_writable(name)) {
                ts_buf_puts(e->out, "\n      name: ");
                put_scalar(e->out, name);
        } else if (name) {
                put_comment(e->out, name);
        }
        ts_buf_putc(e->out, '\n');
}

static void put_exported_list(struct exporter *e, const char *key, const struct ts_named *items, size_t first,
                              size_t n)
{
        ts_buf_printf(e->out, n > first ? "  %s:\n" : "  %s: []\n", key);
        for (size_t i = first; i < n; i++)
                put_exported_name(e, &items[i].id, items[i].name);
}

static void put_exported_people(struct exporter *e, const char *key, const struct ts_members *m)
{
        if (!m)
                return;
        ts_buf_printf(e->out, m->n > 0 ? "  %s:\n" : "  %s: []\n", key);
        for (size_t i = 0; i < m->n; i++)
                put_exported_name(e, &m->items[i].id,
                                  m->items[i].kind == TS_KIND_GROUP ? m->items[i].name : m->items[i].email);
}

static void put_exported_care(struct exporter *e)
{
        const struct ts_live *live = e->in->live;
        bool has_care = false;

        for (size_t i = 0; i < live->n_trusts; i++) {
                if (!live->trusts[i].customer_care)
                        continue;
                if (!has_care)
                        ts_buf_puts(e->out, "  customer_care:\n");
                has_care = true;
                put_exported_name(e, &live->trusts[i].id, live->trusts[i].name);
        }
}

static void put_exported(struct exporter *e)
{
        const struct ts_live *live = e->in->live;

        ts_buf_printf(e->out,
                      "\n# What the names above stand for; planning with --live reads it.\nexported:\n  "
                      "time: %s\n",
                      ts_time_format(e->in->now).s);
        ts_buf_puts(e->out, "  organization: ");
        put_id(e->out, &live->organization_id);
        ts_buf_putc(e->out, '\n');
        put_exported_list(e, "roles", live->catalog.roles, 0, live->catalog.n_roles);
        put_exported_list(e, "divisions", live->catalog.divisions, TS_DIVISION_ALL + 1,
                          live->catalog.n_divisions);
        put_exported_care(e);
        put_exported_people(e, "users", e->in->users);
        put_exported_people(e, "groups", e->in->groups);
}

/* ------------------------------------------------------------------------------------------------ export */

static void exporter_init(struct exporter *e, const struct ts_export *in, struct ts_buf *out)
{
        const struct ts_catalog *c = &in->live->catalog;

        *e = (struct exporter){ .in = in, .out = out };
        for (size_t i = 0; i < c->n_roles; i++)
                count_name(&e->role_names, c->roles[i].name);
        for (size_t i = TS_DIVISION_ALL + 1; i < c->n_divisions; i++)
                count_name(&e->division_names, c->divisions[i].name);
}

static void exporter_done(struct exporter *e)
{
        ts_map_done(&e->role_names);
        ts_map_done(&e->division_names);
        ts_map_done(&e->sets);
        ts_map_done(&e->set_names);
        free(e->set_items);
        ts_arena_done(&e->arena);
}

void ts_export_write(const struct ts_export *in, struct ts_buf *out)
{
        TS_CLEANUP(exporter_done) struct exporter e;

        exporter_init(&e, in, out);
        ts_buf_printf(out, "# The live state of %s", in->organization);
        if (in->live->organization_name) {
                ts_buf_puts(out, " (");
                (void) ts_escape_text(out, in->live->organization_name, strlen(in->live->organization_name));
                ts_buf_putc(out, ')');
        }
        ts_buf_printf(out, " at %s\nversion: 1\norganization: ", ts_time_format(in->now).s);
        put_scalar(out, in->organization);
        ts_buf_putc(out, '\n');

        find_sets(&e);
        put_sets(&e);
        put_trusts(&e, TS_TRUSTEE);
        if (in->live->trustors_coverage != TS_COVERAGE_NONE)
                put_trusts(&e, TS_TRUSTOR);
        put_care(&e);
        put_exported(&e);
}
