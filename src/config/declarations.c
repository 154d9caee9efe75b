#include "config/declarations.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_files.h"
#include "config/document.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/revision.h"

static void read_file(const struct ts_config_files *f, size_t i, struct ts_buf *text, void *userdata)
{
        const struct ts_config_file *file = &f->items[i];
        struct ts_loader *l = userdata;
        size_t references_before = l->n_references;

        if (l->full)
                return;
        if (!l->texts)
                l->texts = ts_calloc(f->n, sizeof(*l->texts));
        l->file = (uint32_t) i;
        ts_document_read(l, ts_arena_strdup(&l->declarations->arena, file->path), file->outside, text, NULL);
        if (file->outside || l->n_references == references_before)
                return; /* no line of it is shown any more */
        l->texts[i] = *text;
        *text = (struct ts_buf) TS_BUF_INIT(text->max);
}

static void texts_free(struct ts_buf *texts, size_t n)
{
        size_t i;

        for (i = 0; texts && i < n; i++)
                ts_buf_done(&texts[i]);
        free(texts);
}

static void set_revision(struct ts_declarations *d, const struct ts_config_files *f)
{
        struct ts_digest_text digest = ts_digest_format(&f->content_hash);

        d->content_hash = f->content_hash;
        d->n_files = f->n;
        d->revision = ts_arena_strdup(&d->arena, f->revision);
        d->revision_text = ts_arena_strdup(&d->arena, ts_revision_format(f->revision, digest.s).s);
}

int ts_declarations_load_fingerprint(const char *path, const struct ts_settings *settings,
                                     const struct ts_config_places *places, struct ts_faults *faults,
                                     struct ts_digest *ret_fingerprint, struct ts_declarations **ret)
{
        TS_CLEANUP(ts_loader_done)
        struct ts_loader l = {
                .settings = settings,
                .faults = faults,
                .declarations = ts_calloc(1, sizeof(*l.declarations)),
        };
        TS_CLEANUP(ts_config_files_done)
        struct ts_config_files f = {
                .path = path,
                .places = places,
                .settings = settings,
                .faults = faults,
                .on_file = read_file,
                .userdata = &l,
        };
        size_t n_before = faults->n_errors;
        int r;

        assert(path);
        assert(ret);

        *ret = NULL;
        r = ts_config_files_read(&f);
        *ret_fingerprint = f.fingerprint;
        ts_loader_finish(&l);
        texts_free(l.texts, f.n);
        if (r == -ENOENT)
                return r;
        if (faults->n_errors > n_before)
                return -EINVAL;
        set_revision(l.declarations, &f);
        *ret = TS_TAKE(l.declarations);
        return 0;
}

int ts_declarations_load(const char *path, const struct ts_settings *settings,
                         const struct ts_config_places *places, struct ts_faults *faults,
                         struct ts_declarations **ret)
{
        struct ts_digest fingerprint;

        return ts_declarations_load_fingerprint(path, settings, places, faults, &fingerprint, ret);
}
