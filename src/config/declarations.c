#include "config/declarations.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/loader.h"
#include "config/roles.h"
#include "config/trusts.h"
#include "config/walk.h"
#include "util/limits.h"
#include "util/mem.h"

/* ------------------------------------------------------------------------------------------------- files */

static const struct ts_schema_key root_keys[] = {
        { .name = "version", .read = ts_schema_read_nothing },
        { .name = "organization", .read = ts_schema_read_nothing },
        { .name = "role_sets", .read = ts_roles_read_sets },
        { .name = "trustees", .read = ts_trusts_read_trustees },
        { .name = "trustors", .read = ts_trusts_read_trustors },
        { .name = "customer_care", .read = ts_trusts_read_care },
        { .name = "exported", .read = ts_schema_read_nothing }, /* what it says is no wish */
};

/* Returns the one that is probably meant, under which the rest is looked through; or NULL. */
static const char *fault_unknown_organization(struct ts_yaml *y, const struct ts_yaml_node *value)
{
        const struct ts_settings *s = ts_loader_of(y)->settings;
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

        for (l->current = 0; l->current < l->n_organizations; l->current++)
                if (strcmp(l->organizations[l->current].alias, alias) == 0)
                        return;
        TS_GROW(l->organizations, l->n_organizations_allocated, l->n_organizations);
        l->organizations[l->n_organizations++] = (struct ts_loader_organization){
                .alias = ts_arena_strdup(ts_loader_arena(y), alias),
                .source = ts_yaml_source(y, named ? named->key : y->root),
                .settings = l->settings ? ts_settings_find(l->settings, alias) : NULL,
        };
}

static void read_file(struct ts_loader *l, const char *path)
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

static void read_files(struct ts_loader *l, const struct ts_walk *walk)
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

static struct ts_decl_organization finish_organization(struct ts_arena *arena,
                                                       const struct ts_loader_organization *o)
{
        struct ts_decl_organization r = {
                .alias = o->alias,
                .source = o->source,
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

        for (i = 0; i < o->n_role_sets; i++)
                ts_nearest_try(&nearest, o->role_sets[i].name);
        ts_faults_add(l->faults, TS_FAULT_DECLARATIONS, &ref->source,
                      ts_yaml_find_line(ts_buf_text(&l->texts[ref->file]), ref->source.line),
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

static void finish(struct ts_loader *l)
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
        TS_CLEANUP(ts_loader_done)
        struct ts_loader l = {
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
