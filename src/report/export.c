#include "report/export.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report/names.h"
#include "report/scalar.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/mem.h"

struct exporter {
        const struct ts_export *in;
        struct ts_buf *out;
        struct ts_arena arena;
        struct ts_names names;
        const struct ts_member **unnamed; /* members whose key does not identify them */
        size_t n_unnamed, n_unnamed_allocated;
        struct ts_map unnamed_ids;
};

/* -------------------------------------------------------------------------------------------------- roles */

static void put_named(struct ts_buf *out, const struct ts_named *n, bool by_name)
{
        if (by_name)
                ts_scalar_put(out, n->name);
        else
                ts_scalar_put_id(out, &n->id);
}

static void put_escaped(struct ts_buf *out, const char *s)
{
        (void) ts_escape_text(out, s, strlen(s));
}

/* What stands there in ids, in names. */
static void put_role_comment(struct exporter *e, const struct ts_grant *grants, uint32_t n)
{
        const struct ts_catalog *catalog = &e->in->live->catalog;
        bool needed = !ts_names_distinguish_role(&e->names, grants[0].role);

        for (uint32_t i = 0; i < n; i++)
                needed = needed || !ts_names_distinguish_division(&e->names, grants[i].division);
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
        put_named(e->out, &catalog->roles[grants[0].role],
                  ts_names_distinguish_role(&e->names, grants[0].role));
        if (grants[0].division == TS_DIVISION_ALL) {
                ts_buf_puts(e->out, ": all");
        } else {
                for (uint32_t i = 0; i < n; i++) {
                        ts_buf_puts(e->out, i == 0 ? ": [" : ", ");
                        put_named(e->out, &catalog->divisions[grants[i].division],
                                  ts_names_distinguish_division(&e->names, grants[i].division));
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

/* ---------------------------------------------------------------------------------------------- role sets */

static int set_compare(const void *a, const void *b)
{
        const struct ts_names_set *x = a, *y = b;

        if (!x->name || !y->name)
                return (x->name == NULL) - (y->name == NULL);
        return strcmp(x->name, y->name);
}

static void put_sets(struct exporter *e)
{
        size_t n = e->names.n_sets;
        struct ts_names_set *sorted = ts_arena_memdup(&e->arena, e->names.sets, n * sizeof(*sorted));

        qsort(sorted, n, sizeof(*sorted), set_compare);
        for (size_t i = 0; i < n && sorted[i].name; i++) {
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
        bool usable = m->kind == TS_KIND_GROUP ? ts_scalar_is_name(key) : ts_scalar_is_email(key);

        return usable && ts_names_is_unique(keys, key) ? key : NULL;
}

static void count_keys(const struct ts_members *members, enum ts_kind kind, struct ts_map *keys)
{
        keys->fold_ascii = kind != TS_KIND_GROUP;
        for (size_t i = 0; i < members->n; i++) {
                const char *key = kind == TS_KIND_GROUP ? members->items[i].name : members->items[i].email;

                if (key)
                        ts_names_count(keys, key);
        }
}

static void put_grants(struct exporter *e, const struct ts_member *m)
{
        const struct ts_names_set *set = ts_names_find_set(&e->names, m);

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

        if ((!ts_scalar_is_text(m->email) && !ts_scalar_is_text(m->name)) ||
            ts_map_add_id(&e->unnamed_ids, &m->id, i) != i)
                return;
        TS_GROW(e->unnamed, e->n_unnamed_allocated, e->n_unnamed);
        e->unnamed[e->n_unnamed++] = m;
}

static void put_member(struct exporter *e, const struct ts_member *m, const struct ts_map *keys)
{
        const char *key = key_of(m, keys);

        ts_buf_puts(e->out, "      ");
        if (key)
                ts_scalar_put(e->out, key);
        else
                ts_scalar_put_id(e->out, &m->id);
        ts_buf_puts(e->out, key || m->grants_coverage == TS_COVERAGE_COMPLETE ? ":" : ": {}");
        put_member_comment(e, m, key);
        ts_buf_putc(e->out, '\n');
        if (key) {
                ts_buf_puts(e->out, "        id: ");
                ts_scalar_put_id(e->out, &m->id);
                ts_buf_putc(e->out, '\n');
        } else {
                add_unnamed(e, m);
        }
        put_grants(e, m);
}

static void put_list_item(struct exporter *e, const struct ts_member *m, const char *indent)
{
        ts_buf_printf(e->out, "%s- ", indent);
        ts_scalar_put_id(e->out, &m->id);
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

static void put_trust(struct exporter *e, const struct ts_names_trust *entry)
{
        const struct ts_trust *t = entry->trust;
        bool is_trustee = t->direction == TS_TRUSTEE;

        ts_buf_puts(e->out, "  ");
        ts_scalar_put(e->out, entry->alias);
        ts_buf_putc(e->out, ':');
        if (t->name && t->name[0]) {
                ts_buf_puts(e->out, " # ");
                put_escaped(e->out, t->name);
        }
        ts_buf_puts(e->out, "\n    id: ");
        ts_scalar_put_id(e->out, &t->id);
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
        for (size_t i = 0; i < e->names.n_trusts; i++) {
                if (e->names.trusts[i].trust->direction != d)
                        continue;
                if (n++ == 0)
                        ts_buf_printf(e->out, "\n%s:\n", key);
                put_trust(e, &e->names.trusts[i]);
        }
        if (n == 0)
                ts_buf_printf(e->out, "\n%s: {}\n", key);
}

static void put_care(struct exporter *e)
{
        const struct ts_live *live = e->in->live;

        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];

                if (!ts_names_is_care(t))
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
        ts_scalar_put_id(e->out, id);
        ts_buf_putc(e->out, '\n');
}

static void put_exported_text(struct exporter *e, const char *key, const char *text)
{
        if (!text || !text[0])
                return;
        ts_buf_printf(e->out, ts_scalar_is_text(text) ? "      %s: " : "      # %s: ", key);
        if (ts_scalar_is_text(text))
                ts_scalar_put(e->out, text);
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
        if (ts_names_is_care(t) || t->direction == TS_TRUSTOR)
                ts_buf_printf(e->out, "      enabled: %s\n      expires: %s\n", t->enabled ? "true" : "false",
                              ts_time_format(t->expires).s);
        if (ts_names_is_care(t))
                put_exported_care(e, t);
}

static void put_exported_trusts(struct exporter *e)
{
        const struct ts_live *live = e->in->live;
        size_t n_care = 0;

        for (size_t i = 0; i < live->n_trusts; i++)
                n_care += ts_names_is_care(&live->trusts[i]);
        put_exported_key(e, "trusts", e->names.n_trusts + n_care);
        for (size_t i = 0; i < e->names.n_trusts; i++)
                put_exported_trust(e, e->names.trusts[i].trust);
        for (size_t i = 0; i < live->n_trusts; i++)
                if (ts_names_is_care(&live->trusts[i]))
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
                const struct ts_member *user = &m->items[i];

                put_exported_id(e, &user->id);
                put_exported_text(e, "name", user->kind == TS_KIND_GROUP ? user->name : user->email);
        }
}

static void put_exported(struct exporter *e)
{
        const struct ts_live *live = e->in->live;

        ts_buf_printf(e->out,
                      "\n# What the names above stand for; planning with --live reads it.\nexported:\n  "
                      "time: %s\n  organization: ",
                      ts_time_format(e->in->now).s);
        ts_scalar_put_id(e->out, &live->organization_id);
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

static void exporter_done(struct exporter *e)
{
        ts_names_done(&e->names);
        ts_map_done(&e->unnamed_ids);
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
        ts_scalar_put(e->out, in->organization);
        ts_buf_putc(e->out, '\n');
}

void ts_export_write(const struct ts_export *in, struct ts_buf *out)
{
        TS_CLEANUP(exporter_done) struct exporter e = { .in = in, .out = out };

        ts_names_find(&e.names, in->live, in->decl);
        put_head(&e);
        put_sets(&e);
        put_trusts(&e, TS_TRUSTEE);
        put_trusts(&e, TS_TRUSTOR);
        put_care(&e);
        put_exported(&e);
}
