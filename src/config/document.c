#include "config/document.h"

#include <stdio.h>
#include <string.h>

#include "config/roles.h"
#include "config/trusts.h"
#include "util/mem.h"

/* What an export says besides is no wish: it matters only where that is asked for. */
static void read_exported(struct ts_yaml *y, const struct ts_yaml_node *value,
                          const struct ts_schema_key *key, void *target)
{
        struct ts_loader *l = ts_loader_of(y);

        (void) key;
        (void) target;
        if (l->read_exported)
                l->read_exported(y, value, l->exported);
}

static const struct ts_schema_key root_keys[] = {
        { .name = "version", .read = ts_schema_read_nothing },
        { .name = "organization", .read = ts_schema_read_nothing },
        { .name = "role_sets", .read = ts_roles_read_sets },
        { .name = "trustees", .read = ts_trusts_read_trustees },
        { .name = "trustors", .read = ts_trusts_read_trustors },
        { .name = "customer_care", .read = ts_trusts_read_care },
        { .name = "exported", .read = read_exported },
};

/* Returns the organization that is probably meant, so that the rest can be checked; or NULL. */
static const char *fault_unknown_organization(struct ts_yaml *y, const struct ts_yaml_node *value)
{
        const struct ts_settings *s = ts_loader_of(y)->settings;
        struct ts_nearest nearest = { .word = value->text };
        char hint[160];
        size_t i;

        for (i = 0; i < s->n_organizations && !ts_faults_are_full(y->faults); i++)
                ts_nearest_try(&nearest, s->organizations[i].alias);
        ts_yaml_fault(y, value, ts_nearest_hint(&nearest, hint), "%s defines no organization '%s'", s->path,
                      value->text);
        return nearest.best;
}

/* The alias that a file is about; NULL: reported. */
static const char *organization_of(struct ts_yaml *y)
{
        const struct ts_settings *s = ts_loader_of(y)->settings;
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
        struct ts_loader *l = ts_loader_of(y);
        const struct ts_yaml_node *named = ts_schema_find(y->root, "organization");

        l->current = ts_map_get(&l->organization_index, alias, strlen(alias));
        if (l->current != TS_MAP_NONE)
                return;
        l->current = (uint32_t) l->n_organizations;
        alias = ts_arena_strdup(ts_loader_arena(y), alias);
        (void) ts_map_add(&l->organization_index, alias, strlen(alias), l->current);
        TS_GROW(l->organizations, l->n_organizations_allocated, l->n_organizations);
        l->organizations[l->n_organizations++] = (struct ts_loader_organization){
                .alias = alias,
                .source = ts_yaml_source(y, named ? named->key : y->root),
                .settings = l->settings ? ts_settings_find(l->settings, alias) : NULL,
        };
}

/* What an organization's files say, as a chain: each file adds its name and its bytes. */
static void hash_text(struct ts_loader_organization *o, const char *path, const struct ts_buf *text)
{
        struct ts_sha256 *hash = ts_sha256_new();

        ts_sha256_put(hash, &o->content_hash, sizeof(o->content_hash));
        ts_sha256_put(hash, path, strlen(path) + 1);
        ts_sha256_put(hash, ts_buf_text(text), text->len);
        o->content_hash = ts_sha256_finish(hash);
}

void ts_document_read(struct ts_loader *l, const char *path, bool outside, const struct ts_buf *text,
                      const struct ts_yaml_limits *limits)
{
        TS_CLEANUP(ts_yaml_done)
        struct ts_yaml y = {
                .file = path,
                .cls = TS_FAULT_DECLARATIONS,
                .faults = l->faults,
                .outside = outside,
                .text = ts_buf_text(text),
                .len = text->len,
                .limits = limits,
                .userdata = l,
        };
        const char *alias;

        if (ts_yaml_parse(&y) < 0 || !ts_schema_root(&y))
                return;
        alias = organization_of(&y);
        if (!alias)
                return;
        enter_organization(&y, alias);
        hash_text(&l->organizations[l->current], path, text);
        ts_schema_read(&y, y.root, root_keys, TS_N_ELEMENTS(root_keys), l);
}
