#include "config/loader.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

struct ts_loader *ts_loader_of(const struct ts_yaml *y)
{
        return y->userdata;
}

struct ts_arena *ts_loader_arena(const struct ts_yaml *y)
{
        return &ts_loader_of(y)->declarations->arena;
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
