#include "daemon/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/declarations.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"

/* The loader has the same bounds, and its own words for what is over them. */
#define DEPTH_MAX 32u

struct look {
        struct ts_sha256 *hash;
        size_t n_files, n_bytes;
};

static void put_number(struct look *l, int64_t n)
{
        ts_sha256_put(l->hash, &n, sizeof(n));
}

static void put_name(struct look *l, const char *name)
{
        ts_sha256_put(l->hash, name, strlen(name) + 1);
}

static void look_at_file(struct look *l, int dirfd, const char *path)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_YAML_MAX_BYTES);
        int r;

        if (++l->n_files > TS_YAML_MAX_FILES || l->n_bytes > TS_YAML_MAX_TOTAL_BYTES)
                return;
        r = ts_file_read(dirfd, path, &text, NULL);
        put_number(l, r);
        put_number(l, (int64_t) text.len);
        ts_sha256_put(l->hash, ts_buf_text(&text), text.len);
        l->n_bytes += text.len;
}

static bool has_suffix(const char *s, const char *suffix)
{
        size_t n = strlen(s), k = strlen(suffix);

        return n >= k && strcmp(s + n - k, suffix) == 0;
}

static int is_visible(const struct dirent *e)
{
        return e->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static void look_at_directory(struct look *l, int dirfd, const char *path, unsigned depth)
{
        TS_CLEANUP(ts_closep) int fd = -EBADF;
        struct dirent **entries = NULL;
        int n;

        fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        n = fd < 0 ? -1 : scandirat(fd, ".", &entries, is_visible, by_bytes);
        if (n < 0)
                put_number(l, -errno);
        for (int i = 0; i < n; i++) {
                const char *name = entries[i]->d_name;
                struct stat st;

                if (fstatat(fd, name, &st, 0) < 0) {
                        put_name(l, name);
                        put_number(l, -errno);
                } else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
                        put_name(l, name);
                        look_at_directory(l, fd, name, depth + 1);
                } else if (has_suffix(name, ".yaml") || has_suffix(name, ".yml") ||
                           strcmp(name, "REVISION") == 0) {
                        put_name(l, name);
                        look_at_file(l, fd, name);
                }
        }
        for (int i = 0; i < n; i++)
                free(entries[i]);
        free(entries);
}

/* A commit that changes no declaration is a new revision all the same. */
static void look_at_commit(struct look *l, const char *path)
{
        struct ts_arena arena = TS_ARENA_INIT;
        struct ts_digest none = { { 0 } };

        put_name(l, ts_declarations_revision(path, &none, &arena));
        ts_arena_done(&arena);
}

struct ts_digest ts_tree_look(const char *path)
{
        struct look l = { .hash = ts_sha256_new() };
        struct stat st;

        if (stat(path, &st) < 0) {
                put_number(&l, -errno);
        } else {
                look_at_commit(&l, path);
                if (S_ISDIR(st.st_mode))
                        look_at_directory(&l, AT_FDCWD, path, 0);
                else
                        look_at_file(&l, AT_FDCWD, path);
        }
        return ts_sha256_finish(l.hash);
}

/* ----------------------------------------------------------------------------------------------- git lock */

/* Where the index of a work tree lies: .git itself, or the directory that a file .git names. */
static bool git_directory(const char *root, char ret[PATH_MAX])
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(PATH_MAX);
        char dot_git[PATH_MAX];
        const char *target;
        struct stat st;
        int n;

        n = snprintf(dot_git, sizeof(dot_git), "%s/.git", root);
        if (n < 0 || (size_t) n >= sizeof(dot_git) || stat(dot_git, &st) < 0)
                return false;
        if (S_ISDIR(st.st_mode)) {
                memcpy(ret, dot_git, (size_t) n + 1);
                return true;
        }
        if (ts_file_read(AT_FDCWD, dot_git, &text, NULL) < 0 ||
            strncmp(ts_buf_text(&text), "gitdir: ", 8) != 0)
                return false;
        text.data[strcspn(text.data, "\n")] = '\0';
        target = text.data + 8;
        n = target[0] == '/' ? snprintf(ret, PATH_MAX, "%s", target)
                             : snprintf(ret, PATH_MAX, "%s/%s", root, target);
        return n > 0 && n < PATH_MAX;
}

bool ts_tree_is_locked(const char *path)
{
        char root[PATH_MAX], git[PATH_MAX], lock[PATH_MAX + sizeof("/index.lock")];

        if (!realpath(path, root))
                return false; /* the look says that it is not there */
        for (char *slash; root[0] != '\0'; *slash = '\0') {
                if (git_directory(root, git)) {
                        (void) snprintf(lock, sizeof(lock), "%s/index.lock", git);
                        return access(lock, F_OK) == 0;
                }
                slash = strrchr(root, '/');
                if (!slash)
                        return false;
        }
        return false;
}
