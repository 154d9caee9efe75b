#include "config/declarations.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/document.h"
#include "config/walk.h"
#include "util/limits.h"
#include "util/mem.h"

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
                if (ts_yaml_read_file(whole.file, NULL, TS_FAULT_DECLARATIONS, l->faults, text) < 0)
                        continue;
                total += text->len;
                if (total > TS_YAML_MAX_TOTAL_BYTES)
                        ts_faults_add(l->faults, TS_FAULT_DECLARATIONS, &whole, NULL, NULL,
                                      "all files together are larger than 64 MiB");
                hash_file(hash, &walk->items[i], text);
                ts_document_read(l, whole.file, text, NULL);
        }
        l->declarations->content_hash = ts_sha256_finish(hash);
        l->declarations->n_files = walk->n;
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
        ts_loader_finish(&l);
        texts_free(l.texts, walk.n);
        if (faults->n_errors > n_before)
                return -EINVAL;

        l.declarations->revision =
                        ts_declarations_revision(path, &l.declarations->content_hash, &l.declarations->arena);
        *ret = TS_TAKE(l.declarations);
        return 0;
}
