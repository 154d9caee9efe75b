#include "report/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/scalar.h"
#include "util/mem.h"

#define SLUG_MAX_BYTES 40u

/* -------------------------------------------------------------------------------------------------- names */

void ts_names_count(struct ts_map *counts, const char *name)
{
        size_t len = strlen(name);

        if (ts_map_get(counts, name, len) != TS_MAP_NONE)
                ts_map_set(counts, name, len, 2);
        else
                ts_map_add(counts, name, len, 1);
}

bool ts_names_is_unique(const struct ts_map *counts, const char *name)
{
        return name && ts_map_get(counts, name, strlen(name)) == 1;
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
static const char *name_uniquely(struct ts_names *names, struct ts_map *taken, const char *name,
                                 const char *otherwise)
{
        char base[SLUG_MAX_BYTES + 1];
        struct ts_id id;
        const char *s;

        slug(name, base);
        if (base[0] == '\0' || ts_scalar_is_word(base) || ts_id_parse_string(base, &id))
                (void) snprintf(base, sizeof(base), "%s", otherwise);
        s = ts_arena_strdup(&names->arena, base);
        for (unsigned i = 2; ts_map_get(taken, s, strlen(s)) != TS_MAP_NONE; i++)
                s = ts_arena_printf(&names->arena, "%s-%u", base, i);
        ts_map_add(taken, s, strlen(s), 1);
        return s;
}

/* Does the name alone say which one it is? Not, while there may be others that are not known. */
static bool is_distinctive(const struct ts_names *names, const struct ts_named *n,
                           const struct ts_map *counts)
{
        return names->live->catalog.complete && ts_scalar_is_name(n->name) &&
               ts_names_is_unique(counts, n->name);
}

bool ts_names_distinguish_role(const struct ts_names *names, uint32_t role)
{
        return is_distinctive(names, &names->live->catalog.roles[role], &names->role_names);
}

/* `all` is no name of a division. */
bool ts_names_distinguish_division(const struct ts_names *names, uint32_t division)
{
        const struct ts_named *d = &names->live->catalog.divisions[division];

        return division == TS_DIVISION_ALL ||
               (is_distinctive(names, d, &names->division_names) && strcmp(d->name, "all") != 0);
}

/* ------------------------------------------------------------------------------------------- which trusts */

static const struct ts_decl_trust *find_declared(const struct ts_names *names, enum ts_direction d,
                                                 const struct ts_id *id)
{
        const struct ts_decl_organization *decl = names->decl;

        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                if (decl->trusts[i].direction == d && ts_id_equal(&decl->trusts[i].id, id))
                        return &decl->trusts[i];
        return NULL;
}

static bool alias_is_declared(const struct ts_names *names, enum ts_direction d, const char *alias)
{
        const struct ts_decl_organization *decl = names->decl;

        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                if (decl->trusts[i].direction == d && strcmp(decl->trusts[i].alias, alias) == 0)
                        return true;
        return false;
}

/* What the same organization is called where the trust goes the other way; NULL. */
static const char *find_alias_of_other(const struct ts_names *names, const struct ts_trust *t)
{
        enum ts_direction other = t->direction == TS_TRUSTEE ? TS_TRUSTOR : TS_TRUSTEE;
        const struct ts_decl_trust *declared = find_declared(names, other, &t->id);

        if (declared)
                return declared->alias;
        for (size_t i = 0; i < names->n_trusts; i++)
                if (names->trusts[i].trust->direction == other &&
                    ts_id_equal(&names->trusts[i].trust->id, &t->id))
                        return names->trusts[i].alias;
        return NULL;
}

static const char *alias_of(struct ts_names *names, const struct ts_trust *t)
{
        const struct ts_decl_trust *declared = find_declared(names, t->direction, &t->id);
        const char *alias;

        if (declared)
                return declared->alias;
        alias = find_alias_of_other(names, t);
        if (alias && !alias_is_declared(names, t->direction, alias))
                return alias;
        return name_uniquely(names, &names->aliases, t->name, "organization");
}

static int trust_compare(const void *pa, const void *pb)
{
        const struct ts_names_trust *a = pa, *b = pb;

        if (a->trust->direction != b->trust->direction)
                return a->trust->direction < b->trust->direction ? -1 : 1;
        return strcmp(a->alias, b->alias);
}

/* Aliases of declarations come first, so that a generated alias never takes a declared one. */
static void choose_trusts(struct ts_names *names)
{
        const struct ts_decl_organization *decl = names->decl;
        const struct ts_live *live = names->live;

        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                ts_map_add(&names->aliases, decl->trusts[i].alias, strlen(decl->trusts[i].alias), 1);
        names->trusts = TS_ARENA_ARRAY(&names->arena, struct ts_names_trust, live->n_trusts);
        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];

                if (ts_names_is_care(t) || ts_live_coverage(live, t->direction) != TS_COVERAGE_COMPLETE)
                        continue;
                names->trusts[names->n_trusts] = (struct ts_names_trust){ t, alias_of(names, t) };
                names->n_trusts++;
        }
        qsort(names->trusts, names->n_trusts, sizeof(*names->trusts), trust_compare);
}

/* ---------------------------------------------------------------------------------------------- role sets */

static const void *grants_key(struct ts_names *names, const struct ts_member *m, size_t *ret_len)
{
        uint32_t *key = TS_ARENA_ARRAY(&names->arena, uint32_t, 2 * (size_t) m->n_grants);

        for (uint32_t i = 0; i < m->n_grants; i++) {
                key[2 * i] = m->grants[i].role;
                key[2 * i + 1] = m->grants[i].division;
        }
        *ret_len = 2 * sizeof(*key) * m->n_grants;
        return key;
}

static void count_grants(struct ts_names *names, const struct ts_member *m)
{
        size_t len;
        const void *key;
        uint32_t i;

        if (m->n_grants < 2 || m->grants_coverage != TS_COVERAGE_COMPLETE)
                return; /* one line is shorter than a set */
        key = grants_key(names, m, &len);
        i = ts_map_add(&names->set_indices, key, len, (uint32_t) names->n_sets);
        if (i == names->n_sets) {
                TS_GROW(names->sets, names->n_sets_allocated, names->n_sets);
                names->sets[names->n_sets++] = (struct ts_names_set){ .first = m };
        }
        names->sets[i].n_members++;
}

const struct ts_names_set *ts_names_find_set(struct ts_names *names, const struct ts_member *m)
{
        size_t len;
        const void *key;
        uint32_t i;

        if (m->n_grants < 2)
                return NULL;
        key = grants_key(names, m, &len);
        i = ts_map_get(&names->set_indices, key, len);
        return i == TS_MAP_NONE || !names->sets[i].name ? NULL : &names->sets[i];
}

/* In how many sets each role is. */
static uint32_t *count_sets_of_roles(struct ts_names *names)
{
        uint32_t *n = TS_ARENA_ARRAY(&names->arena, uint32_t, names->live->catalog.n_roles);

        for (size_t i = 0; i < names->n_sets; i++) {
                const struct ts_member *m = names->sets[i].first;

                for (uint32_t k = 0; names->sets[i].n_members > 1 && k < m->n_grants; k++)
                        if (k == 0 || m->grants[k].role != m->grants[k - 1].role)
                                n[m->grants[k].role]++;
        }
        return n;
}

/* A set is distinguished by the role that the fewest sets contain. */
static uint32_t most_distinctive_role(const struct ts_names *names, const struct ts_member *m,
                                      const uint32_t *n_sets)
{
        const struct ts_named *roles = names->live->catalog.roles;
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
static const char *name_of_set(struct ts_names *names, const struct ts_names_set *set, bool role_is_shared)
{
        const struct ts_catalog *catalog = &names->live->catalog;
        const char *role = catalog->roles[set->role].name, *division;
        uint32_t i = 0;

        if (!role_is_shared)
                return name_uniquely(names, &names->set_names, role, "set");
        while (set->first->grants[i].role != set->role)
                i++;
        division = catalog->divisions[set->first->grants[i].division].name;
        return name_uniquely(names, &names->set_names,
                             ts_arena_printf(&names->arena, "%s %s", role, division), "set");
}

static void name_sets(struct ts_names *names)
{
        const uint32_t *n_sets = count_sets_of_roles(names);
        uint32_t *n_named = TS_ARENA_ARRAY(&names->arena, uint32_t, names->live->catalog.n_roles);

        for (size_t i = 0; i < names->n_sets; i++) {
                struct ts_names_set *s = &names->sets[i];

                s->role = most_distinctive_role(names, s->first, n_sets);
                n_named[s->role] += s->n_members > 1;
        }
        for (size_t i = 0; i < names->n_sets; i++) {
                struct ts_names_set *s = &names->sets[i];

                if (s->n_members > 1)
                        s->name = name_of_set(names, s, n_named[s->role] > 1);
        }
}

/* Of the members that are written, in the order of the live state. */
static void find_sets(struct ts_names *names)
{
        for (size_t i = 0; i < names->n_trusts; i++)
                for (enum ts_collection c = TS_USERS; c <= TS_GROUPS; c++) {
                        const struct ts_members *m = &names->trusts[i].trust->collections[c];

                        for (size_t k = 0; names->trusts[i].trust->direction == TS_TRUSTEE &&
                                           m->coverage == TS_COVERAGE_COMPLETE && k < m->n;
                             k++)
                                count_grants(names, &m->items[k]);
                }
        name_sets(names);
}

/* ---------------------------------------------------------------------------------------------- the whole */

void ts_names_find(struct ts_names *names, const struct ts_live *live,
                   const struct ts_decl_organization *decl)
{
        const struct ts_catalog *c = &live->catalog;

        *names = (struct ts_names){ .live = live, .decl = decl };
        for (size_t i = 0; i < c->n_roles; i++)
                ts_names_count(&names->role_names, c->roles[i].name);
        for (size_t i = TS_DIVISION_ALL + 1; i < c->n_divisions; i++)
                ts_names_count(&names->division_names, c->divisions[i].name);
        choose_trusts(names);
        find_sets(names);
}

void ts_names_done(struct ts_names *names)
{
        ts_map_done(&names->role_names);
        ts_map_done(&names->division_names);
        ts_map_done(&names->aliases);
        ts_map_done(&names->set_indices);
        ts_map_done(&names->set_names);
        free(names->sets);
        ts_arena_done(&names->arena);
}
