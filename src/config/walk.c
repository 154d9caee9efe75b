#include "config/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"

/* The directories that lead to the current one. */
struct folder {
        const struct folder *above;
        const char *path;
        unsigned depth;
        dev_t dev;
        ino_t ino;
};

struct walker {
        struct ts_faults *faults;
        struct ts_arena *arena;
        struct ts_walk *walk;
        size_t root_len; /* of the path in front of what is relative, with its slash */
};

static void fault(const struct walker *w, const char *path, const char *hint, const char *message)
{
        struct ts_source source = { .file = path };

        ts_faults_add(w->faults, TS_FAULT_DECLARATIONS, &source, NULL, hint, "%s", message);
}

static void fault_errno(const struct walker *w, const char *path, const char *what, int error)
{
        struct ts_source source = { .file = path };

        (void) ts_check_memory(-error);
        ts_faults_add(w->faults, TS_FAULT_DECLARATIONS, &source, NULL, NULL, "%s: %s", what, strerror(error));
}

static bool has_suffix(const char *name, const char *suffix)
{
        size_t len = strlen(name), n = strlen(suffix);

        return len > n && strcasecmp(name + len - n, suffix) == 0;
}

static bool is_yaml(const char *name)
{
        return has_suffix(name, ".yaml") && strcmp(name + strlen(name) - 5, ".yaml") == 0;
}

static bool is_misnamed_yaml(const char *name)
{
        return !is_yaml(name) && (has_suffix(name, ".yml") || has_suffix(name, ".yaml"));
}

static void add_file(struct walker *w, const char *path)
{
        struct ts_walk *walk = w->walk;

        TS_GROW(walk->items, walk->n_allocated, walk->n);
        walk->items[walk->n++] = (struct ts_walk_file){ .path = path, .relative = path + w->root_len };
}

static bool leads_to_itself(const struct folder *folder, const struct stat *st)
{
        for (; folder; folder = folder->above)
                if (folder->dev == st->st_dev && folder->ino == st->st_ino)
                        return true;
        return false;
}

static void visit_folder(struct walker *w, const struct folder *above, const char *path,
                         const struct stat *st);

static void visit(struct walker *w, const struct folder *folder, int dirfd, const char *name)
{
        const char *path;
        struct stat st;

        if (name[0] == '.' || w->walk->n > TS_YAML_MAX_FILES)
                return;
        path = ts_arena_printf(w->arena, "%s/%s", folder->path, name);
        if (fstatat(dirfd, name, &st, 0) < 0) {
                int error = errno;

                /* gone since the directory was read, or a link to nowhere? */
                if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        fault_errno(w, path, "cannot find out what this is", error);
        } else if (S_ISDIR(st.st_mode)) {
                visit_folder(w, folder, path, &st);
        } else if (is_misnamed_yaml(name)) {
                fault(w, path, "rename it; or hide it with a dot in front of its name",
                      "the name of a declaration ends in .yaml");
        } else if (is_yaml(name)) {
                add_file(w, path);
        }
}

static void visit_folder(struct walker *w, const struct folder *above, const char *path,
                         const struct stat *st)
{
        struct folder folder = { above, path, above ? above->depth + 1 : 0, st->st_dev, st->st_ino };
        const struct dirent *entry;
        DIR *dir;

        if (leads_to_itself(above, st)) {
                fault(w, path, "remove the symbolic link", "this directory holds itself");
                return;
        }
        if (folder.depth > TS_YAML_MAX_FOLDER_DEPTH) {
                fault(w, path, NULL, "too many directories inside each other");
                return;
        }
        dir = opendir(path);
        if (!dir) {
                fault_errno(w, path, "cannot read the directory", errno);
                return;
        }
        for (;;) {
                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        break;
                visit(w, &folder, dirfd(dir), entry->d_name);
        }
        if (errno != 0)
                fault_errno(w, path, "cannot read the directory", errno);
        (void) closedir(dir); /* was only read */
}

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const struct ts_walk_file *) a)->relative,
                      ((const struct ts_walk_file *) b)->relative);
}

static int refuse(const struct walker *w, const char *path, const char *message)
{
        struct ts_source source = { .file = path };

        ts_faults_add(w->faults, TS_FAULT_REFUSAL, &source, NULL,
                      "put the declarations there; `version: 1` and `trustees: {}` declare that there are "
                      "none",
                      "%s: a failed checkout is not a wish, nothing is changed", message);
        return -ENOENT;
}

/* "trusts.d/" and "trusts.d" are one directory. */
static const char *without_slashes(struct ts_arena *arena, const char *path)
{
        size_t len = strlen(path);

        while (len > 1 && path[len - 1] == '/')
                len--;
        return ts_arena_strndup(arena, path, len);
}

static void find_below(struct walker *w, const char *path, const struct stat *st)
{
        const char *slash = strrchr(path, '/');

        if (S_ISDIR(st->st_mode)) {
                w->root_len = strlen(path) + 1;
                visit_folder(w, NULL, path, st);
        } else if (is_misnamed_yaml(path)) {
                fault(w, path, "rename it", "the name of a declaration ends in .yaml");
        } else {
                w->root_len = slash ? (size_t) (slash - path) + 1 : 0;
                add_file(w, path);
        }
}

int ts_walk_find(const char *path, struct ts_faults *faults, struct ts_arena *arena, struct ts_walk *ret)
{
        struct walker w = { .faults = faults, .arena = arena, .walk = ret };
        size_t n_before = faults->n_errors;
        struct stat st;

        path = without_slashes(arena, path);
        if (stat(path, &st) == 0)
                find_below(&w, path, &st);
        else if (errno == ENOENT || errno == ENOTDIR)
                return refuse(&w, path, "there is no such file or directory");
        else
                fault_errno(&w, path, "cannot read it", errno);

        if (ret->n > TS_YAML_MAX_FILES)
                fault(&w, path, NULL, "too many files");
        if (ret->n > 0)
                qsort(ret->items, ret->n, sizeof(*ret->items), compare_files);
        if (faults->n_errors > n_before)
                return -EINVAL;
        return ret->n > 0 ? 0 : refuse(&w, path, "the directory holds no *.yaml");
}

void ts_walk_done(struct ts_walk *w)
{
        if (!w)
                return;
        free(w->items);
        *w = (struct ts_walk){ .items = NULL };
}
