#include "config/config_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/folder_walk.h"
#include "config/path_trace.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"

#define REVISION_MAX_BYTES 128u
#define HASH_DIGITS_SHOWN 12u

/* ------------------------------------------------------------------------------------------------ reading */

struct reading {
        struct ts_config_files *f;
        struct ts_sha256 *content, *fingerprint;
        size_t n_bytes;
};

static void put_text(struct ts_sha256 *hash, const char *s)
{
        ts_sha256_put(hash, s, strlen(s) + 1); /* the NUL ends it */
}

static void put_number(struct ts_sha256 *hash, int64_t n)
{
        char text[32];

        (void) snprintf(text, sizeof(text), "%lld", (long long) n);
        put_text(hash, text);
}

static void put_file(struct ts_sha256 *hash, const struct ts_config_file *file, const struct ts_buf *text)
{
        put_text(hash, file->relative);
        put_number(hash, (int64_t) text->len);
        ts_sha256_put(hash, ts_buf_text(text), text->len);
}

static void fault_file(struct ts_config_files *f, const char *path, int r)
{
        struct ts_source source = { .file = path };

        if (r == -EFBIG)
                ts_faults_add(f->faults, TS_FAULT_DECLARATIONS, &source, NULL, "use several files",
                              "the file is larger than %u MiB", TS_YAML_MAX_BYTES >> 20);
        else if (r == -EINVAL)
                ts_faults_add(f->faults, TS_FAULT_DECLARATIONS, &source, NULL, NULL,
                              "this is not a regular file");
        else
                ts_faults_add(f->faults, TS_FAULT_DECLARATIONS, &source, NULL, ts_places_home_hint(path),
                              "cannot read it: %s", strerror(-r));
}

static bool read_one(struct reading *rd, size_t i)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_YAML_MAX_BYTES);
        const struct ts_config_file *file = &rd->f->items[i];
        int r;

        r = ts_file_read_nofollow(AT_FDCWD, file->real, &text, NULL);
        if (ts_check_memory(r) < 0) {
                put_text(rd->fingerprint, file->relative);
                put_number(rd->fingerprint, r);
                fault_file(rd->f, file->path, r);
                return true;
        }
        rd->n_bytes += text.len;
        if (rd->n_bytes > TS_YAML_MAX_TOTAL_BYTES) {
                struct ts_source source = { .file = file->path };

                ts_faults_add(rd->f->faults, TS_FAULT_DECLARATIONS, &source, NULL, NULL,
                              "all files together are larger than %u MiB", TS_YAML_MAX_TOTAL_BYTES >> 20);
                return false;
        }
        put_file(rd->content, file, &text);
        put_file(rd->fingerprint, file, &text);
        if (rd->f->on_file)
                rd->f->on_file(rd->f, i, &text, rd->f->userdata);
        return true;
}

/* ----------------------------------------------------------------------------------------------- revision */

/* Narrow, so that nobody takes it for something else in a report. */
static bool is_revision(const char *s)
{
        return s[0] != '\0' && strlen(s) <= REVISION_MAX_BYTES &&
               strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-/:@~^") ==
                               strlen(s);
}

/* The first line of the regular file REVISION in @folder, in f->arena; NULL: there is none. */
static const char *read_revision(struct ts_config_files *f, const char *folder)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
        const char *path = ts_arena_printf(&f->arena, "%s/REVISION", folder);
        size_t len;

        if (f->on_watch)
                f->on_watch(folder, "REVISION", f->userdata);
        if (ts_file_read_nofollow(AT_FDCWD, path, &text, NULL) < 0)
                return NULL;
        len = strcspn(ts_buf_text(&text), "\n");
        while (len > 0 && strchr(" \t\r", text.data[len - 1]))
                len--;
        path = ts_arena_strndup(&f->arena, ts_buf_text(&text), len);
        return is_revision(path) ? path : NULL;
}

/* Among the files, or beside the directory that holds them. */
static const char *find_revision(struct ts_config_files *f, const char *folder)
{
        const char *slash = strrchr(folder, '/'), *r = read_revision(f, folder);

        if (r || slash == folder)
                return r;
        return read_revision(f, ts_arena_strndup(&f->arena, folder, (size_t) (slash - folder)));
}

static void set_revision(struct ts_config_files *f, const char *folder)
{
        struct ts_digest_text digest = ts_digest_format(&f->content_hash);

        f->revision = folder ? find_revision(f, folder) : NULL;
        if (!f->revision)
                f->revision = f->commit;
        if (!f->revision)
                f->revision = ts_arena_strndup(&f->arena, digest.s + strlen("sha256:"), HASH_DIGITS_SHOWN);
}

/* --------------------------------------------------------------------------------------------- everything */

/* The directory that the files are in, without links; NULL. */
static const char *folder_of(struct ts_config_files *f)
{
        TS_CLEANUP(ts_freep) char *real = realpath(f->path, NULL);
        struct stat st;
        char *slash;

        if (!real)
                (void) ts_check_memory(-errno);
        if (!real || stat(real, &st) < 0)
                return NULL;
        slash = strrchr(real, '/');
        if (!S_ISDIR(st.st_mode))
                *(slash == real ? slash + 1 : slash) = '\0';
        return ts_arena_strdup(&f->arena, real);
}

static void find_work_tree(struct ts_config_files *f, const struct ts_places *places, const char *folder)
{
        f->work_tree = (struct ts_work_tree){ NULL, NULL, NULL };
        if (folder)
                ts_work_tree_find(folder, &f->arena, &f->work_tree);
        if (f->on_watch && ts_work_tree_is_locked(&f->work_tree, NULL))
                ts_path_trace(f->work_tree.lock, f->on_watch, f->userdata);
        f->commit = f->work_tree.git && !ts_places_holds(places, f->work_tree.git)
                                    ? ts_work_tree_commit(&f->work_tree, &f->arena)
                                    : NULL;
}

static void put_faults(struct ts_sha256 *hash, const struct ts_faults *faults, size_t first)
{
        for (size_t i = first; i < faults->n; i++) {
                put_text(hash, faults->items[i].source.file);
                put_text(hash, faults->items[i].message);
        }
}

int ts_config_files_read(struct ts_config_files *f)
{
        size_t errors_before = f->faults->n_errors, first = f->faults->n;
        size_t refusals_before = f->faults->n_of[TS_FAULT_REFUSAL];
        struct reading rd = { f, ts_sha256_new(), ts_sha256_new(), 0 };
        TS_CLEANUP(ts_places_done) struct ts_places places;
        const char *folder;

        ts_places_init(&places, f->places, f->settings);
        if (f->on_watch)
                ts_path_trace(f->path, f->on_watch, f->userdata);
        folder = folder_of(f);
        find_work_tree(f, &places, folder);
        ts_folder_walk(f, &places);
        put_faults(rd.fingerprint, f->faults, first); /* those of texts come from bytes that are in it */
        for (size_t i = 0; i < f->n && read_one(&rd, i);)
                i++;
        f->content_hash = ts_sha256_finish(rd.content);
        set_revision(f, folder);
        put_text(rd.fingerprint, f->revision);
        put_text(rd.fingerprint, f->commit ? f->commit : "");
        f->fingerprint = ts_sha256_finish(rd.fingerprint);
        if (f->faults->n_of[TS_FAULT_REFUSAL] > refusals_before)
                return -ENOENT;
        return f->faults->n_errors > errors_before ? -EINVAL : 0;
}

void ts_config_files_done(struct ts_config_files *f)
{
        free(f->items);
        ts_arena_done(&f->arena);
        f->items = NULL;
        f->n = f->n_allocated = 0;
}
