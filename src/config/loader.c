#include "config/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "util/limits.h"
#include "util/mem.h"

struct ts_loader *ts_loader_of(const struct ts_yaml *y)
{
        return y->userdata;
}

struct ts_arena *ts_loader_arena(const struct ts_yaml *y)
{
        return &ts_loader_of(y)->declarations->arena;
}

void ts_loader_read_label(struct ts_yaml *y, const struct ts_yaml_node *value,
                          const struct ts_schema_key *key, void *target)
{
        const char *text = ts_schema_get_text(y, value);
        struct ts_decl_labels **labels = target;

        if (!text)
                return;
        if (!*labels)
                *labels = TS_ARENA_NEW(ts_loader_arena(y), struct ts_decl_labels);
        text = ts_arena_strdup(ts_loader_arena(y), text);
        if (strcmp(key->name, "owner") == 0)
                (*labels)->owner = text;
        else if (strcmp(key->name, "ticket") == 0)
                (*labels)->ticket = text;
        else
                (*labels)->note = text;
}

struct ts_loader_organization *ts_loader_organization(const struct ts_yaml *y)
{
        struct ts_loader *l = ts_loader_of(y);

        return &l->organizations[l->current];
}

static void organization_done(struct ts_loader_organization *o)
{
        free(o->role_sets);
        free(o->trusts);
        ts_map_done(&o->role_set_names);
        for (size_t i = 0; i < TS_DIRECTIONS; i++) {
                ts_map_done(&o->trust_aliases[i]);
                ts_map_done(&o->trust_ids[i]);
        }
        ts_map_done(&o->pairings);
}

void ts_loader_done(struct ts_loader *l)
{
        size_t i;

        for (i = 0; i < l->n_organizations; i++)
                organization_done(&l->organizations[i]);
        free(l->organizations);
        free(l->references);
        free(l->words);
        ts_map_done(&l->word_index);
        ts_map_done(&l->organization_index);
        ts_declarations_free(l->declarations);
}

const char *ts_loader_intern(struct ts_loader *l, const char *text)
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

bool ts_loader_count(struct ts_yaml *y, const struct ts_yaml_node *node, enum ts_counted what, size_t n)
{
        static const struct {
                size_t max;
                const char *of;
        } limits[] = {
                [TS_COUNTED_OBJECTS] = { TS_DECLARED_OBJECTS_MAX, "trusts, members and role sets" },
                [TS_COUNTED_GRANTS] = { TS_DECLARED_GRANTS_MAX, "roles, divisions and role sets of members" },
        };
        struct ts_loader *l = ts_loader_of(y);

        if (l->full)
                return false;
        l->n_counted[what] += n;
        if (l->n_counted[what] <= limits[what].max)
                return true;
        l->full = true;
        ts_yaml_fault(y, node, "run several daemons, each with a part of the organizations",
                      "more than %zu %s in all files", limits[what].max, limits[what].of);
        return false;
}

void ts_loader_fault_twice(struct ts_yaml *y, const struct ts_yaml_node *node, const struct ts_source *other,
                           const char *what, const char *name)
{
        ts_yaml_fault(y, node, "keep one of them", "%s '%s' is declared twice: also at %s:%u", what, name,
                      other->file, other->line);
}

void ts_loader_add_reference(struct ts_yaml *y, const struct ts_yaml_node *node, const char *name,
                             const struct ts_decl_role_set **target)
{
        struct ts_loader *l = ts_loader_of(y);

        TS_GROW(l->references, l->n_references_allocated, l->n_references);
        l->references[l->n_references++] = (struct ts_loader_reference){
                .name = ts_loader_intern(l, name),
                .source = ts_yaml_source(y, node),
                .file = l->file,
                .organization = l->current,
                .target = target,
        };
}

/* --------------------------------------------------------------------------------------------- afterwards */

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

static struct ts_decl_organization finish_organization(struct ts_arena *arena,
                                                       const struct ts_loader_organization *o)
{
        struct ts_decl_organization r = {
                .alias = o->alias,
                .source = o->source,
                .content_hash = o->content_hash,
                .role_sets = ts_arena_memdup(arena, o->role_sets, o->n_role_sets * sizeof(*o->role_sets)),
                .n_role_sets = o->n_role_sets,
                .trusts = ts_arena_memdup(arena, o->trusts, o->n_trusts * sizeof(*o->trusts)),
                .n_trusts = o->n_trusts,
                .trustees_managed = o->list_sources[TS_TRUSTEE].file != NULL,
                .trustors_managed = o->list_sources[TS_TRUSTOR].file != NULL,
                .trustees_source = o->list_sources[TS_TRUSTEE],
                .trustors_source = o->list_sources[TS_TRUSTOR],
                .care = o->care,
        };

        qsort(r.trusts, r.n_trusts, sizeof(*r.trusts), compare_trusts);
        return r;
}

static void fault_unknown_role_set(struct ts_loader *l, const struct ts_loader_reference *ref)
{
        const struct ts_loader_organization *o = &l->organizations[ref->organization];
        struct ts_nearest nearest = { .word = ref->name };
        char hint[160];
        size_t i;

        for (i = 0; i < o->n_role_sets && !ts_faults_are_full(l->faults); i++)
                ts_nearest_try(&nearest, o->role_sets[i].name);
        ts_faults_add(l->faults, TS_FAULT_DECLARATIONS, &ref->source,
                      ts_faults_are_full(l->faults) || l->texts[ref->file].len == 0
                                      ? NULL
                                      : ts_yaml_find_line(ts_buf_text(&l->texts[ref->file]),
                                                          ref->source.line),
                      ts_nearest_hint(&nearest, hint), "no file of '%s' has a role set '%s'", o->alias,
                      ref->name);
}

/* The sets are where they stay by now. */
static void resolve_references(struct ts_loader *l)
{
        const struct ts_declarations *d = l->declarations;
        size_t i;

        for (i = 0; i < l->n_references; i++) {
                const struct ts_loader_reference *ref = &l->references[i];
                uint32_t set = ts_map_get(&l->organizations[ref->organization].role_set_names, ref->name,
                                          strlen(ref->name));

                if (set == TS_MAP_NONE)
                        fault_unknown_role_set(l, ref);
                else
                        *ref->target = &d->organizations[ref->organization].role_sets[set];
        }
}

void ts_loader_finish(struct ts_loader *l)
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
