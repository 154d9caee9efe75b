#include "report/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/escape.h"
#include "util/limits.h"
#include "util/map.h"
#include "util/mem.h"

#define SLUG_MAX_BYTES 40u

/* A trust as it is written. */
struct entry {
        const struct ts_trust *trust;
        const char *alias;
};

/* Grants that several members hold. */
struct set {
        const struct ts_member *first;
        size_t n_members;
        uint32_t role;    /* after which it is named */
        const char *name; /* NULL: it is not worth one */
};

struct exporter {
        const struct ts_export *in;
        struct ts_buf *out;
        struct ts_arena arena;
        struct ts_map role_names, division_names; /* -> 1 once, 2 more than once */
        struct entry *entries;                    /* sorted by direction, then alias */
        size_t n_entries;
        struct ts_map aliases; /* what is taken */
        struct ts_map sets;    /* bytes of grants -> index */
        struct set *set_items;
        size_t n_sets, n_sets_allocated;
        struct ts_map set_names;          /* what is taken */
        const struct ts_member **unnamed; /* members whose key does not tell who they are */
        size_t n_unnamed, n_unnamed_allocated;
        struct ts_map unnamed_ids;
};

/* ------------------------------------------------------------------------------------------------ scalars */

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

                if (!alnum && !strchr(" _-.@+'", c))
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

/* Can it be written and read back? What is hostile to the eye stands in comments only, escaped. */
static bool is_text(const char *s)
{
        size_t len = s ? strlen(s) : 0;

        return len > 0 && len <= TS_YAML_SCALAR_MAX_BYTES && !ts_text_has_forbidden(s, len, NULL) &&
               !strchr(s, '\n') && !strchr(s, '\t');
}

/* Can it be written so that its reader sees what it is, and be read as the name it is? */
static bool is_name(const char *s)
{
        struct ts_id id;

        return is_text(s) && strlen(s) < TS_TEXT_MAX_BYTES && s[0] != ' ' && s[strlen(s) - 1] != ' ' &&
               !ts_id_parse_string(s, &id);
}

static bool is_email(const char *s)
{
        const char *at = s ? strchr(s, '@') : NULL;

        if (!at || strlen(s) > TS_TEXT_MAX_BYTES || at == s || at[1] == '\0' || strchr(at + 1, '@'))
                return false;
        for (; *s; s++)
                if (*s <= ' ' || *s > '~')
                        return false;
        return true;
}

/* -------------------------------------------------------------------------------------------------- names */

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
        struct ts_id id;
        const char *s;

        slug(name, base);
        if (base[0] == '\0' || is_word_of_yaml(base) || ts_id_parse_string(base, &id))
                (void) snprintf(base, sizeof(base), "%s", otherwise);
        s = ts_arena_strdup(&e->arena, base);
        for (unsigned i = 2; ts_map_get(taken, s, strlen(s)) != TS_MAP_NONE; i++)
                s = ts_arena_printf(&e->arena, "%s-%u", base, i);
        ts_map_add(taken, s, strlen(s), 1);
        return s;
}

/* -------------------------------------------------------------------------------------------------- roles */

/* Does the name alone say which one it is? Not, while there may be others that are not known. */
static bool is_telling(const struct exporter *e, const struct ts_named *n, const struct ts_map *names)
{
        return e->in->live->catalog.complete && is_name(n->name) && is_unique(names, n->name);
}

static bool role_is_telling(const struct exporter *e, uint32_t role)
{
        return is_telling(e, &e->in->live->catalog.roles[role], &e->role_names);
}

/* `all` is no name of a division. */
static bool division_is_telling(const struct exporter *e, uint32_t division)
{
        const struct ts_named *d = &e->in->live->catalog.divisions[division];

        return division == TS_DIVISION_ALL ||
               (is_telling(e, d, &e->division_names) && strcmp(d->name, "all") != 0);
}

static void put_named(struct ts_buf *out, const struct ts_named *n, bool by_name)
{
        if (by_name)
                put_scalar(out, n->name);
        else
                put_id(out, &n->id);
}

static void put_escaped(struct ts_buf *out, const char *s)
{
        (void) ts_escape_text(out, s, strlen(s));
}

/* What stands there in ids, in names. */
static void put_role_comment(struct exporter *e, const struct ts_grant *grants, uint32_t n)
{
        const struct ts_catalog *catalog = &e->in->live->catalog;
        bool needed = !role_is_telling(e, grants[0].role);

        for (uint32_t i = 0; i < n; i++)
                needed = needed || !division_is_telling(e, grants[i].division);
        if (!needed)
                return;
        ts_buf_puts(e->out, " # ");
        put_escaped(e->out, catalog->roles[grants[0].role].name);
        for (uint32_t i = 0; i < n; i++) {
                ts_buf_puts(e->out, i == 0 ? ": " : ", ");
                put_escaped(e->out, grants[i].division == TS_DIVISION_ALL
                                                    ? "all"
                                                    : catalog->divisions[grants[i].division].name);
        }
}

static uint32_t count_grants_of_role(const struct ts_grant *grants, uint32_t n)
{
        uint32_t i = 1;

        while (i < n && grants[i].role == grants[0].role)
                i++;
        return i;
}

/* The @n grants are of one role: one line. */
static void put_role(struct exporter *e, const struct ts_grant *grants, uint32_t n, const char *indent)
{
        const struct ts_catalog *catalog = &e->in->live->catalog;

        ts_buf_puts(e->out, indent);
        put_named(e->out, &catalog->roles[grants[0].role], role_is_telling(e, grants[0].role));
        if (grants[0].division == TS_DIVISION_ALL) {
                ts_buf_puts(e->out, ": all");
        } else {
                for (uint32_t i = 0; i < n; i++) {
                        ts_buf_puts(e->out, i == 0 ? ": [" : ", ");
                        put_named(e->out, &catalog->divisions[grants[i].division],
                                  division_is_telling(e, grants[i].division));
                }
                ts_buf_putc(e->out, ']');
        }
        put_role_comment(e, grants, n);
        ts_buf_putc(e->out, '\n');
}

static void put_roles(struct exporter *e, const struct ts_member *m, const char *indent)
{
        for (uint32_t i = 0, n; i < m->n_grants; i += n) {
                n = count_grants_of_role(&m->grants[i], m->n_grants - i);
                put_role(e, &m->grants[i], n, indent);
        }
}

/* ------------------------------------------------------------------------------------------- which trusts */

static bool is_care(const struct ts_trust *t)
{
        return t->customer_care && t->direction == TS_TRUSTEE;
}

static const struct ts_decl_trust *find_declared(const struct exporter *e, enum ts_direction d,
                                                 const struct ts_id *id)
{
        const struct ts_decl_organization *decl = e->in->decl;

        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                if (decl->trusts[i].direction == d && ts_id_equal(&decl->trusts[i].id, id))
                        return &decl->trusts[i];
        return NULL;
}

static bool alias_is_declared(const struct exporter *e, enum ts_direction d, const char *alias)
{
        const struct ts_decl_organization *decl = e->in->decl;

        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                if (decl->trusts[i].direction == d && strcmp(decl->trusts[i].alias, alias) == 0)
                        return true;
        return false;
}

/* What the same organization is called where the trust goes the other way; NULL. */
static const char *find_alias_of_other(const struct exporter *e, const struct ts_trust *t)
{
        enum ts_direction other = t->direction == TS_TRUSTEE ? TS_TRUSTOR : TS_TRUSTEE;
        const struct ts_decl_trust *declared = find_declared(e, other, &t->id);

        if (declared)
                return declared->alias;
        for (size_t i = 0; i < e->n_entries; i++)
                if (e->entries[i].trust->direction == other && ts_id_equal(&e->entries[i].trust->id, &t->id))
                        return e->entries[i].alias;
        return NULL;
}

static const char *alias_of(struct exporter *e, const struct ts_trust *t)
{
        const struct ts_decl_trust *declared = find_declared(e, t->direction, &t->id);
        const char *alias;

        if (declared)
                return declared->alias;
        alias = find_alias_of_other(e, t);
        if (alias && !alias_is_declared(e, t->direction, alias))
                return alias;
        return name_uniquely(e, &e->aliases, t->name, "organization");
}

static int entry_compare(const void *pa, const void *pb)
{
        const struct entry *a = pa, *b = pb;

        if (a->trust->direction != b->trust->direction)
                return a->trust->direction < b->trust->direction ? -1 : 1;
        return strcmp(a->alias, b->alias);
}

/* Aliases of declarations come first: a made one must not take the name of one that is not looked at yet. */
static void choose_trusts(struct exporter *e)
{
        const struct ts_decl_organization *decl = e->in->decl;
        const struct ts_live *live = e->in->live;

        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                ts_map_add(&e->aliases, decl->trusts[i].alias, strlen(decl->trusts[i].alias), 1);
        e->entries = TS_ARENA_ARRAY(&e->arena, struct entry, live->n_trusts);
        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];

                if (is_care(t) || ts_live_coverage(live, t->direction) != TS_COVERAGE_COMPLETE)
                        continue;
                e->entries[e->n_entries] = (struct entry){ t, alias_of(e, t) };
                e->n_entries++;
        }
        qsort(e->entries, e->n_entries, sizeof(*e->entries), entry_compare);
}

/* ---------------------------------------------------------------------------------------------- role sets */

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

/* In how many sets each role is. */
static uint32_t *count_sets_of_roles(struct exporter *e)
{
        uint32_t *n = TS_ARENA_ARRAY(&e->arena, uint32_t, e->in->live->catalog.n_roles);

        for (size_t i = 0; i < e->n_sets; i++) {
                const struct ts_member *m = e->set_items[i].first;

                for (uint32_t k = 0; e->set_items[i].n_members > 1 && k < m->n_grants; k++)
                        if (k == 0 || m->grants[k].role != m->grants[k - 1].role)
                                n[m->grants[k].role]++;
        }
        return n;
}

/* What tells a set from the others is the role that the fewest of them have. */
static uint32_t most_telling_role(const struct exporter *e, const struct ts_member *m, const uint32_t *n_sets)
{
        const struct ts_named *roles = e->in->live->catalog.roles;
        uint32_t best = m->grants[0].role;

        for (uint32_t i = 1; i < m->n_grants; i++) {
                uint32_t role = m->grants[i].role;

                if (n_sets[role] < n_sets[best] ||
                    (n_sets[role] == n_sets[best] && strcmp(roles[role].name, roles[best].name) < 0))
                        best = role;
        }
        return best;
}

/* After its role; after its division too, where several sets have that role. */
static const char *name_of_set(struct exporter *e, const struct set *set, bool role_is_shared)
{
        const struct ts_catalog *catalog = &e->in->live->catalog;
        const char *role = catalog->roles[set->role].name, *division;
        uint32_t i = 0;

        if (!role_is_shared)
                return name_uniquely(e, &e->set_names, role, "set");
        while (set->first->grants[i].role != set->role)
                i++;
        division = catalog->divisions[set->first->grants[i].division].name;
        return name_uniquely(e, &e->set_names, ts_arena_printf(&e->arena, "%s %s", role, division), "set");
}

static int set_compare(const void *a, const void *b)
{
        const struct set *x = a, *y = b;

        if (!x->name || !y->name)
                return (x->name == NULL) - (y->name == NULL);
        return strcmp(x->name, y->name);
}

static void name_sets(struct exporter *e)
{
        const uint32_t *n_sets = count_sets_of_roles(e);
        uint32_t *n_named = TS_ARENA_ARRAY(&e->arena, uint32_t, e->in->live->catalog.n_roles);

        for (size_t i = 0; i < e->n_sets; i++) {
                struct set *s = &e->set_items[i];

                s->role = most_telling_role(e, s->first, n_sets);
                n_named[s->role] += s->n_members > 1;
        }
        for (size_t i = 0; i < e->n_sets; i++) {
                struct set *s = &e->set_items[i];

                if (s->n_members > 1)
                        s->name = name_of_set(e, s, n_named[s->role] > 1);
        }
}

/* Of the members that are written, in the order of the live state. */
static void find_sets(struct exporter *e)
{
        for (size_t i = 0; i < e->n_entries; i++)
                for (enum ts_collection c = TS_USERS; c <= TS_GROUPS; c++) {
                        const struct ts_members *m = &e->entries[i].trust->collections[c];

                        for (size_t k = 0; e->entries[i].trust->direction == TS_TRUSTEE &&
                                           m->coverage == TS_COVERAGE_COMPLETE && k < m->n;
                             k++)
                                count_grants(e, &m->items[k]);
                }
        name_sets(e);
}

static void put_sets(struct exporter *e)
{
        struct set *sorted = ts_arena_memdup(&e->arena, e->set_items, e->n_sets * sizeof(*sorted));

        qsort(sorted, e->n_sets, sizeof(*sorted), set_compare);
        for (size_t i = 0; i < e->n_sets && sorted[i].name; i++) {
                if (i == 0)
                        ts_buf_puts(e->out, "\nrole_sets:\n");
                ts_buf_printf(e->out, "  %s: # %zu members\n", sorted[i].name, sorted[i].n_members);
                put_roles(e, sorted[i].first, "    ");
        }
}

/* ------------------------------------------------------------------------------------------------ members */

/* A key that means this member and no other of its collection. */
static const char *key_of(const struct ts_member *m, const struct ts_map *keys)
{
        const char *key = m->kind == TS_KIND_GROUP ? m->name : m->email;
        bool usable = m->kind == TS_KIND_GROUP ? is_name(key) : is_email(key);

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

/* Who it is, besides what @key says (NULL: nothing): name and e-mail. */
static void put_member_comment(struct exporter *e, const struct ts_member *m, const char *key)
{
        bool has_name = m->name && m->name[0] && !(key && strcmp(key, m->name) == 0);
        bool has_email = m->email && m->email[0] && !key;

        if (!has_name && !has_email)
                return;
        ts_buf_puts(e->out, " # ");
        if (has_name)
                put_escaped(e->out, m->name);
        if (has_name && has_email)
                ts_buf_puts(e->out, ", ");
        if (has_email)
                put_escaped(e->out, m->email);
}

/* Plans, `protect` and `deny` call members by name: what the key does not say stands under `exported`. */
static void add_unnamed(struct exporter *e, const struct ts_member *m)
{
        uint32_t i = (uint32_t) e->n_unnamed;

        if ((!is_text(m->email) && !is_text(m->name)) || ts_map_add_id(&e->unnamed_ids, &m->id, i) != i)
                return;
        TS_GROW(e->unnamed, e->n_unnamed_allocated, e->n_unnamed);
        e->unnamed[e->n_unnamed++] = m;
}

static void put_member(struct exporter *e, const struct ts_member *m, const struct ts_map *keys)
{
        const char *key = key_of(m, keys);

        ts_buf_puts(e->out, "      ");
        if (key)
                put_scalar(e->out, key);
        else
                put_id(e->out, &m->id);
        ts_buf_puts(e->out, key || m->grants_coverage == TS_COVERAGE_COMPLETE ? ":" : ": {}");
        put_member_comment(e, m, key);
        ts_buf_putc(e->out, '\n');
        if (key) {
                ts_buf_puts(e->out, "        id: ");
                put_id(e->out, &m->id);
                ts_buf_putc(e->out, '\n');
        } else {
                add_unnamed(e, m);
        }
        put_grants(e, m);
}

static void put_list_item(struct exporter *e, const struct ts_member *m, const char *indent)
{
        ts_buf_printf(e->out, "%s- ", indent);
        put_id(e->out, &m->id);
        put_member_comment(e, m, NULL);
        ts_buf_putc(e->out, '\n');
        add_unnamed(e, m);
}

static int member_compare(const void *a, const void *b)
{
        const struct ts_member *x = *(const struct ts_member *const *) a;
        const struct ts_member *y = *(const struct ts_member *const *) b;
        struct ts_id_text buf_x, buf_y;
        int r = strcasecmp(ts_member_label(x, &buf_x), ts_member_label(y, &buf_y));

        return r != 0 ? r : ts_id_compare(&x->id, &y->id);
}

/* By what people call them. */
static const struct ts_member **sort_members(struct exporter *e, const struct ts_members *m)
{
        const struct ts_member **sorted = TS_ARENA_ARRAY(&e->arena, const struct ts_member *, m->n);

        for (size_t i = 0; i < m->n; i++)
                sorted[i] = &m->items[i];
        qsort(sorted, m->n, sizeof(const struct ts_member *), member_compare);
        return sorted;
}

static void put_collection(struct exporter *e, const struct ts_members *m, enum ts_collection c, bool is_map)
{
        TS_CLEANUP(ts_map_done) struct ts_map keys = TS_MAP_INIT;
        const char *name = ts_collection_to_string(c);
        const struct ts_member **sorted;

        if (m->coverage != TS_COVERAGE_COMPLETE) {
                ts_buf_printf(e->out, "    # %s: could not be read completely, and are not managed\n", name);
                return;
        }
        ts_buf_printf(e->out, "    %s:%s\n", name, m->n > 0 ? "" : is_map ? " {}" : " []");
        count_keys(m, ts_collection_kind(c), &keys);
        sorted = sort_members(e, m);
        for (size_t i = 0; i < m->n; i++) {
                if (is_map)
                        put_member(e, sorted[i], &keys);
                else
                        put_list_item(e, sorted[i], "      ");
        }
}

/* ------------------------------------------------------------------------------------------------- trusts */

static void put_trust(struct exporter *e, const struct entry *entry)
{
        const struct ts_trust *t = entry->trust;
        bool is_trustee = t->direction == TS_TRUSTEE;

        ts_buf_puts(e->out, "  ");
        put_scalar(e->out, entry->alias);
        ts_buf_putc(e->out, ':');
        if (t->name && t->name[0]) {
                ts_buf_puts(e->out, " # ");
                put_escaped(e->out, t->name);
        }
        ts_buf_puts(e->out, "\n    id: ");
        put_id(e->out, &t->id);
        ts_buf_putc(e->out, '\n');
        if (is_trustee)
                ts_buf_printf(e->out, "    enabled: %s\n    expires: %s\n", t->enabled ? "true" : "false",
                              ts_time_format(t->expires).s);
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                put_collection(e, &t->collections[c], c, is_trustee && c != TS_CLONES);
}

static void put_trusts(struct exporter *e, enum ts_direction d)
{
        const char *key = d == TS_TRUSTEE ? "trustees" : "trustors";
        size_t n = 0;

        if (ts_live_coverage(e->in->live, d) != TS_COVERAGE_COMPLETE) {
                ts_buf_printf(e->out, "\n# %s: the list could not be read completely, and is not managed\n",
                              key);
                return;
        }
        for (size_t i = 0; i < e->n_entries; i++) {
                if (e->entries[i].trust->direction != d)
                        continue;
                if (n++ == 0)
                        ts_buf_printf(e->out, "\n%s:\n", key);
                put_trust(e, &e->entries[i]);
        }
        if (n == 0)
                ts_buf_printf(e->out, "\n%s: {}\n", key);
}

static void put_care(struct exporter *e)
{
        const struct ts_live *live = e->in->live;

        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];

                if (!is_care(t))
                        continue;
                ts_buf_puts(e->out, "\ncustomer_care:\n  state: present # ");
                put_escaped(e->out, t->name && t->name[0] ? t->name : ts_id_format(&t->id).s);
                ts_buf_printf(e->out, "\n  assign_default_role: %s\n  auto_expire: %s\n",
                              t->uses_default_role ? "true" : "false",
                              t->expires != TS_TIME_NEVER ? "true" : "false");
                return;
        }
}

/* ----------------------------------------------------------------------------------------------- exported */

static void put_exported_id(struct exporter *e, const struct ts_id *id)
{
        ts_buf_puts(e->out, "    - id: ");
        put_id(e->out, id);
        ts_buf_putc(e->out, '\n');
}

static void put_exported_text(struct exporter *e, const char *key, const char *text)
{
        if (!text || !text[0])
                return;
        ts_buf_printf(e->out, is_text(text) ? "      %s: " : "      # %s: ", key);
        if (is_text(text))
                put_scalar(e->out, text);
        else
                put_escaped(e->out, text);
        ts_buf_putc(e->out, '\n');
}

static void put_exported_key(struct exporter *e, const char *key, size_t n)
{
        ts_buf_printf(e->out, n > 0 ? "  %s:\n" : "  %s: []\n", key);
}

static void put_exported_names(struct exporter *e, const char *key, const struct ts_named *items,
                               size_t first, size_t n)
{
        put_exported_key(e, key, n - first);
        for (size_t i = first; i < n; i++) {
                put_exported_id(e, &items[i].id);
                put_exported_text(e, "name", items[i].name);
        }
}

/* No declaration lists the members of customer care. */
static void put_exported_care(struct exporter *e, const struct ts_trust *t)
{
        ts_buf_puts(e->out, "      customer_care: true\n");
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                const struct ts_members *m = &t->collections[c];

                if (m->coverage != TS_COVERAGE_COMPLETE)
                        continue;
                ts_buf_printf(e->out, "      %s:%s\n", ts_collection_to_string(c), m->n > 0 ? "" : " []");
                for (size_t i = 0; i < m->n; i++)
                        put_list_item(e, &m->items[i], "        ");
        }
}

/* What `trustees` and `trustors` do not say of them. */
static void put_exported_trust(struct exporter *e, const struct ts_trust *t)
{
        put_exported_id(e, &t->id);
        put_exported_text(e, "name", t->name);
        ts_buf_printf(e->out, "      direction: %s\n", ts_direction_to_string(t->direction));
        if (is_care(t) || t->direction == TS_TRUSTOR)
                ts_buf_printf(e->out, "      enabled: %s\n      expires: %s\n", t->enabled ? "true" : "false",
                              ts_time_format(t->expires).s);
        if (is_care(t))
                put_exported_care(e, t);
}

static void put_exported_trusts(struct exporter *e)
{
        const struct ts_live *live = e->in->live;
        size_t n_care = 0;

        for (size_t i = 0; i < live->n_trusts; i++)
                n_care += is_care(&live->trusts[i]);
        put_exported_key(e, "trusts", e->n_entries + n_care);
        for (size_t i = 0; i < e->n_entries; i++)
                put_exported_trust(e, e->entries[i].trust);
        for (size_t i = 0; i < live->n_trusts; i++)
                if (is_care(&live->trusts[i]))
                        put_exported_trust(e, &live->trusts[i]);
}

static void put_exported_member(struct exporter *e, const struct ts_member *m)
{
        put_exported_id(e, &m->id);
        put_exported_text(e, "email", m->email);
        put_exported_text(e, "name", m->name);
}

static void put_exported_members(struct exporter *e)
{
        put_exported_key(e, "members", e->n_unnamed);
        for (size_t i = 0; i < e->n_unnamed; i++)
                put_exported_member(e, e->unnamed[i]);
}

static void put_exported_people(struct exporter *e, const char *key, const struct ts_members *m)
{
        if (!m)
                return;
        put_exported_key(e, key, m->n);
        for (size_t i = 0; i < m->n; i++) {
                const struct ts_member *who = &m->items[i];

                put_exported_id(e, &who->id);
                put_exported_text(e, "name", who->kind == TS_KIND_GROUP ? who->name : who->email);
        }
}

static void put_exported(struct exporter *e)
{
        const struct ts_live *live = e->in->live;

        ts_buf_printf(e->out,
                      "\n# What the names above stand for; planning with --live reads it.\nexported:\n  "
                      "time: %s\n  organization: ",
                      ts_time_format(e->in->now).s);
        put_id(e->out, &live->organization_id);
        ts_buf_printf(e->out, "\n  names_complete: %s # the lists of roles and divisions\n",
                      live->catalog.complete ? "true" : "false");
        ts_buf_printf(e->out, "  care_known: %s # which trusts are customer care\n",
                      live->care_coverage == TS_COVERAGE_COMPLETE ? "true" : "false");
        put_exported_names(e, "roles", live->catalog.roles, 0, live->catalog.n_roles);
        put_exported_names(e, "divisions", live->catalog.divisions, TS_DIVISION_ALL + 1,
                           live->catalog.n_divisions);
        put_exported_trusts(e);
        put_exported_members(e);
        put_exported_people(e, "users", e->in->users);
        put_exported_people(e, "groups", e->in->groups);
}

/* ------------------------------------------------------------------------------------------------- export */

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
        ts_map_done(&e->aliases);
        ts_map_done(&e->unnamed_ids);
        free(e->set_items);
        free(e->unnamed);
        ts_arena_done(&e->arena);
}

static void put_head(struct exporter *e)
{
        const struct ts_export *in = e->in;

        ts_buf_puts(e->out, "# The live state of ");
        put_escaped(e->out, in->organization);
        if (in->live->organization_name && in->live->organization_name[0]) {
                ts_buf_puts(e->out, " (");
                put_escaped(e->out, in->live->organization_name);
                ts_buf_putc(e->out, ')');
        }
        ts_buf_printf(e->out, " at %s\nversion: 1\norganization: ", ts_time_format(in->now).s);
        put_scalar(e->out, in->organization);
        ts_buf_putc(e->out, '\n');
}

void ts_export_write(const struct ts_export *in, struct ts_buf *out)
{
        TS_CLEANUP(exporter_done) struct exporter e;

        exporter_init(&e, in, out);
        choose_trusts(&e);
        find_sets(&e);
        put_head(&e);
        put_sets(&e);
        put_trusts(&e, TS_TRUSTEE);
        put_trusts(&e, TS_TRUSTOR);
        put_care(&e);
        put_exported(&e);
}
