#include "config/folder_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/path_trace.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/sorted.h"

/* A directory that is read. */
struct folder {
        const char *path;   /* as it is shown */
        const char *real;   /* absolute, without links */
        const char *within; /* the directory that links in it must not leave: the root, or what a link out of
                               it led to */
        unsigned depth;
};

/* A link that is followed after everything else was found. */
struct link {
        const char *path; /* as it is shown */
        const char *at;   /* where it is, absolute */
        struct folder folder;
};

struct walker {
        struct ts_config_files *f;
        const struct ts_places *places;
        const char *root;   /* without links */
        const char *shown;  /* f->path without slashes at its end */
        struct ts_map seen; /* "dev:ino" of each directory that was read -> index in folders */
        const char **folders;
        size_t n_folders, n_folders_allocated, n_entries;
        struct link *links;
        size_t n_links, n_links_allocated;
        bool full; /* a limit was reached, and reported */
};

static void fault(const struct walker *w, enum ts_fault_class cls, const char *path, const char *hint,
                  const char *message)
{
        struct ts_source source = { .file = path };

        ts_faults_add(w->f->faults, cls, &source, NULL, hint, "%s", message);
}

static void fault_errno(const struct walker *w, const char *path, const char *what, int error)
{
        struct ts_source source = { .file = path };

        (void) ts_check_memory(-error);
        ts_faults_add(w->f->faults, TS_FAULT_DECLARATIONS, &source, NULL, ts_places_home_hint(path), "%s: %s",
                      what, strerror(error));
}

/* Beyond a limit nothing is read: one fault is reported, and the walk ends. */
static void stop(struct walker *w, const char *path, const char *message)
{
        if (!w->full)
                fault(w, TS_FAULT_DECLARATIONS, path, NULL, message);
        w->full = true;
}

/* -------------------------------------------------------------------------------------------------- names */

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

static const char *relative_of(const struct walker *w, const char *path)
{
        size_t n = strlen(w->shown);

        return path[n] == '/' ? path + n + 1 : path + n;
}

static void add_file(struct walker *w, const char *path, const char *relative, const char *real, bool outside)
{
        struct ts_config_files *f = w->f;

        if (f->n >= TS_YAML_MAX_FILES) {
                stop(w, path, "too many files");
                return;
        }
        TS_GROW(f->items, f->n_allocated, f->n);
        f->items[f->n++] = (struct ts_config_file){ path, relative, real, outside };
}

/* A file by its name: @mode of what is there, links followed. */
static void visit_file(struct walker *w, const char *path, const char *real, mode_t mode, bool outside)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

        if (is_misnamed_yaml(name))
                fault(w, TS_FAULT_DECLARATIONS, path, "rename it; or hide it with a dot in front of its name",
                      "the name of a declaration ends in .yaml");
        else if (is_yaml(name) && !S_ISREG(mode))
                fault(w, TS_FAULT_DECLARATIONS, path, NULL, "this is not a regular file");
        else if (is_yaml(name))
                add_file(w, path, relative_of(w, path), real, outside);
}

/* -------------------------------------------------------------------------------------------- directories */

/* Notes @st as read; the shown path by which it was read before, or NULL. */
static const char *read_before(struct walker *w, const struct stat *st, const char *path)
{
        const char *key = ts_arena_printf(&w->f->arena, "%llu:%llu", (unsigned long long) st->st_dev,
                                          (unsigned long long) st->st_ino);
        uint32_t i = ts_map_add(&w->seen, key, strlen(key), (uint32_t) w->n_folders);

        if (i != w->n_folders)
                return w->folders[i];
        TS_GROW(w->folders, w->n_folders_allocated, w->n_folders);
        w->folders[w->n_folders++] = path;
        return NULL;
}

static void visit_folder(struct walker *w, const struct folder *folder);

static void visit(struct walker *w, const struct folder *folder, int dirfd, const char *name)
{
        const char *path = ts_arena_printf(&w->f->arena, "%s/%s", folder->path, name);
        const char *real = ts_arena_printf(&w->f->arena, "%s/%s",
                                           strcmp(folder->real, "/") == 0 ? "" : folder->real, name);
        struct folder below = { path, real, folder->within, folder->depth + 1 };
        struct stat st;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno != ENOENT) /* gone since the directory was read */
                        fault_errno(w, path, "cannot find out what this is", errno);
        } else if (S_ISDIR(st.st_mode)) {
                visit_folder(w, &below);
        } else if (!S_ISLNK(st.st_mode)) {
                visit_file(w, path, real, st.st_mode, folder->within != w->root);
        } else if (w->n_links >= TS_CONFIG_MAX_LINKS) {
                stop(w, path, "too many symbolic links");
        } else {
                TS_GROW(w->links, w->n_links_allocated, w->n_links);
                w->links[w->n_links++] = (struct link){ path, real, *folder };
        }
}

struct names {
        char **items;
        size_t n, n_allocated;
        bool is_empty; /* nothing at all is there, hidden or not */
};

static void names_done(struct names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->items[i]);
        free(names->items);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The visible names of a directory, sorted. Return: 0, or readdir()'s errno, negative. */
static int read_names(struct walker *w, DIR *dir, const char *path, struct names *ret)
{
        const struct dirent *entry;

        ret->is_empty = true;
        while (errno = 0, entry = readdir(dir)) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                ret->is_empty = false;
                if (++w->n_entries > TS_CONFIG_MAX_ENTRIES) {
                        stop(w, path, "too many files and directories");
                        return 0;
                }
                if (entry->d_name[0] == '.')
                        continue;
                TS_GROW(ret->items, ret->n_allocated, ret->n);
                ret->items[ret->n++] = ts_strdup(entry->d_name);
        }
        if (errno != 0)
                return -errno;
        TS_SORT(ret->items, ret->n, compare_names);
        return 0;
}

static bool is_lost_and_found(const char *path)
{
        const char *slash = strrchr(path, '/');

        return strcmp(slash ? slash + 1 : path, "lost+found") == 0;
}

/* The directory, opened; NULL: reported. */
static DIR *open_folder(struct walker *w, const struct folder *folder)
{
        int fd = strcmp(folder->real, "/") == 0
                                 ? open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                                 : ts_file_open_nofollow(AT_FDCWD, folder->real, O_RDONLY | O_DIRECTORY);
        DIR *dir;

        if (fd == -EACCES && is_lost_and_found(folder->path)) {
                fault(w, TS_FAULT_WARNING, folder->path, NULL,
                      "the file system's own directory; it is left out");
                return NULL;
        }
        if (fd < 0) {
                if (fd != -ENOENT || folder->depth == 0)
                        fault_errno(w, folder->path, "cannot read the directory", -fd);
                return NULL;
        }
        dir = fdopendir(fd);
        if (!dir) {
                fault_errno(w, folder->path, "cannot read the directory", errno);
                ts_closep(&fd);
        }
        return dir;
}

struct submodules {
        struct walker *w;
        const char *top; /* absolute */
};

/* git makes the directory, and leaves it empty until the submodule is checked out. */
static bool is_checked_out(const char *path)
{
        const struct dirent *entry;
        DIR *dir = opendir(path);
        bool found = false;

        while (dir && !found && (entry = readdir(dir)))
                found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                        strcmp(entry->d_name, ".git") != 0;
        if (dir)
                (void) closedir(dir);
        return found;
}

static void check_submodule(const char *path, void *userdata)
{
        const struct submodules *s = userdata;
        struct walker *w = s->w;
        const char *real = ts_arena_printf(&w->f->arena, "%s/%s", s->top, path);

        if (!ts_places_is_within(real, w->root) || strstr(real + strlen(w->root), "/.") ||
            is_checked_out(real))
                return;
        fault(w, TS_FAULT_REFUSAL, ts_arena_printf(&w->f->arena, "%s%s", w->shown, real + strlen(w->root)),
              "run `git submodule update --init`, or remove the submodule from .gitmodules",
              "a git submodule that is not checked out: this looks like a failed checkout, nothing is "
              "changed");
}

static void check_submodules(struct walker *w, const char *top)
{
        struct submodules s = { w, strcmp(top, "/") == 0 ? "" : top };

        ts_work_tree_submodules(top, check_submodule, &s);
}

static void visit_names(struct walker *w, const struct folder *folder, DIR *dir)
{
        TS_CLEANUP(names_done) struct names names = { .n = 0 };
        int r = read_names(w, dir, folder->path, &names);

        if (r < 0)
                fault_errno(w, folder->path, "cannot read the directory", -r);
        if (names.is_empty && folder->depth > 0 && w->f->work_tree.top && !is_lost_and_found(folder->path))
                fault(w, TS_FAULT_WARNING, folder->path,
                      "was something to be checked out or mounted there? else remove it",
                      "an empty directory, and git keeps none");
        for (size_t i = 0; i < names.n && !w->full; i++)
                visit(w, folder, dirfd(dir), names.items[i]);
}

static void visit_folder(struct walker *w, const struct folder *folder)
{
        const char *before;
        struct stat st;
        DIR *dir;

        if (folder->depth > TS_YAML_MAX_FOLDER_DEPTH) {
                fault(w, TS_FAULT_DECLARATIONS, folder->path, NULL, "too many directories inside each other");
                return;
        }
        if (w->n_folders >= TS_CONFIG_MAX_FOLDERS) {
                stop(w, folder->path, "too many directories");
                return;
        }
        if (w->f->on_watch)
                w->f->on_watch(folder->real, NULL, w->f->userdata);
        dir = open_folder(w, folder);
        if (!dir)
                return;
        if (fstat(dirfd(dir), &st) == 0) {
                before = read_before(w, &st, folder->path);
                if (before)
                        fault(w, TS_FAULT_DECLARATIONS, folder->path,
                              "remove the symbolic link, or the mount",
                              ts_arena_printf(&w->f->arena, "this directory is read already, as %s", before));
                else
                        visit_names(w, folder, dir);
        }
        (void) closedir(dir); /* was only read */
        if (strcmp(folder->real, w->f->work_tree.top ? w->f->work_tree.top : "") != 0)
                check_submodules(w, folder->real);
}

/* -------------------------------------------------------------------------------------------------- links */

static void fault_refused(const struct walker *w, const char *path, const char *why)
{
        struct ts_source source = { .file = path };

        ts_faults_add(w->f->faults, TS_FAULT_DECLARATIONS, &source, NULL, "remove the symbolic link",
                      "a link that is not followed: %s", why);
}

static void follow_to_folder(struct walker *w, const struct link *link, const char *real, bool outside)
{
        struct folder folder = { link->path, real, outside ? real : link->folder.within,
                                 link->folder.depth + 1 };

        if (ts_places_is_within(link->folder.real, real))
                fault(w, TS_FAULT_DECLARATIONS, link->path, "remove the symbolic link",
                      "this directory holds itself");
        else if (outside && ts_places_is_within(w->root, real))
                fault_refused(w, link->path, "it leads to a directory that holds this one");
        else
                visit_folder(w, &folder);
}

static void follow(struct walker *w, const struct link *link)
{
        TS_CLEANUP(ts_freep) char *target = NULL;
        const char *real, *why;
        bool inside, outside;
        struct stat st;

        if (w->f->on_watch)
                ts_path_trace(link->at, w->f->on_watch, w->f->userdata);
        target = realpath(link->at, NULL);
        if (!target || stat(target, &st) < 0) {
                fault_errno(w, link->path, "cannot find out what this is", errno);
                return;
        }
        real = ts_arena_strdup(&w->f->arena, target);
        inside = ts_places_is_within(real, w->root);
        outside = !inside && !ts_places_is_within(real, link->folder.within);
        if (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || !is_yaml(link->path))) {
                visit_file(w, link->path, real, st.st_mode, true);
                return;
        }
        why = ts_places_refuse(w->places, real, !inside);
        if (!why && outside && link->folder.within != w->root)
                why = "it leads out of a directory that is reached through a link itself";
        if (why)
                fault_refused(w, link->path, why);
        else if (S_ISDIR(st.st_mode))
                follow_to_folder(w, link, real, outside);
        else
                visit_file(w, link->path, real, st.st_mode, !inside);
}

/* ---------------------------------------------------------------------------------------------- the whole */

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const struct ts_config_file *) a)->relative,
                      ((const struct ts_config_file *) b)->relative);
}

static void refuse(const struct walker *w, const char *message)
{
        struct ts_source source = { .file = w->shown };
        const char *home = ts_places_home_hint(w->shown);

        ts_faults_add(w->f->faults, TS_FAULT_REFUSAL, &source, NULL,
                      home ? home
                           : "put the declarations there; `version: 1` and `trustees: {}` declare that there "
                             "are none",
                      "%s: a failed checkout is not a wish, nothing is changed", message);
}

/* "trusts.d/" and "trusts.d" are one directory. */
static const char *without_slashes(struct ts_arena *arena, const char *path)
{
        size_t len = strlen(path);

        while (len > 1 && path[len - 1] == '/')
                len--;
        return ts_arena_strndup(arena, path, len);
}

static void walk_folder(struct walker *w)
{
        struct folder folder = { w->shown, w->root, w->root, 0 };

        if (w->f->work_tree.top)
                check_submodules(w, w->f->work_tree.top);
        visit_folder(w, &folder);
        for (size_t i = 0; i < w->n_links && !w->full; i++) {
                struct link link = w->links[i]; /* the array grows */

                follow(w, &link);
        }
}

static void walk_file(struct walker *w)
{
        const char *slash = strrchr(w->shown, '/'), *name = slash ? slash + 1 : w->shown;

        if (is_misnamed_yaml(name))
                fault(w, TS_FAULT_DECLARATIONS, w->shown, "rename it",
                      "the name of a declaration ends in .yaml");
        else
                add_file(w, w->shown, name, w->root, false);
}

static void walk(struct walker *w)
{
        TS_CLEANUP(ts_freep) char *real = realpath(w->shown, NULL);
        struct stat st;
        int error = errno;

        if (real && stat(real, &st) == 0) {
                w->root = ts_arena_strdup(&w->f->arena, real);
                if (S_ISDIR(st.st_mode))
                        walk_folder(w);
                else
                        walk_file(w);
                return;
        }
        if (error == ENOENT || error == ENOTDIR)
                refuse(w, "there is no such file or directory");
        else
                fault_errno(w, w->shown, "cannot read it", error);
}

void ts_folder_walk(struct ts_config_files *f, const struct ts_places *places)
{
        struct walker w = { .f = f, .places = places, .shown = without_slashes(&f->arena, f->path) };
        size_t errors_before = f->faults->n_errors;

        walk(&w);
        TS_SORT(f->items, f->n, compare_files);
        if (f->n == 0 && f->faults->n_errors == errors_before)
                refuse(&w, "the directory holds no *.yaml");
        ts_map_done(&w.seen);
        free(w.folders);
        free(w.links);
}
