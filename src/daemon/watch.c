#include "daemon/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"

#define SYMLINKS_MAX 40 /* as the kernel */
#define DEPTH_MAX 32u   /* a directory may be a symlink to its own parent */

#define CHANGES \
        (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | \
         IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD)

/* One name of a directory that matters; name NULL: every visible one does. */
struct target {
        int wd;
        const char *name;
};

struct ts_watch {
        sd_event *loop;
        sd_event_source *source;
        void (*on_change)(void *userdata);
        void *userdata;
        int fd; /* inotify, anew in each ts_watch_set() */
        struct ts_arena arena;
        struct target *targets;
        size_t n, n_allocated;
        int error;
        char error_path[PATH_MAX];
};

struct ts_watch *ts_watch_new(sd_event *loop, void (*on_change)(void *userdata), void *userdata)
{
        struct ts_watch *w = ts_calloc(1, sizeof(*w));

        w->loop = sd_event_ref(loop);
        w->on_change = on_change;
        w->userdata = userdata;
        w->fd = -EBADF;
        return w;
}

static void forget_all(struct ts_watch *w)
{
        w->source = sd_event_source_disable_unref(w->source);
        ts_closep(&w->fd);
        w->fd = -EBADF;
        ts_arena_done(&w->arena);
        w->n = 0;
        w->error = 0;
}

void ts_watch_free(struct ts_watch *w)
{
        if (!w)
                return;
        forget_all(w);
        free(w->targets);
        sd_event_unref(w->loop);
        free(w);
}

/* ------------------------------------------------------------------------------------------------- events */

static bool matters(const struct ts_watch *w, const struct inotify_event *e)
{
        if (e->mask & IN_Q_OVERFLOW)
                return true;
        for (size_t i = 0; i < w->n; i++) {
                if (w->targets[i].wd != e->wd)
                        continue;
                if (e->len == 0) /* the directory itself */
                        return (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)) != 0;
                if (w->targets[i].name ? strcmp(w->targets[i].name, e->name) == 0 : e->name[0] != '.')
                        return true;
        }
        return false;
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        _Alignas(struct inotify_event) char buf[4096];
        struct ts_watch *w = userdata;
        bool changed = false;
        ssize_t n;

        (void) source;
        (void) revents;
        while ((n = read(fd, buf, sizeof(buf))) > 0)
                for (const char *p = buf; p < buf + n;) {
                        const struct inotify_event *e = (const struct inotify_event *) (const void *) p;

                        changed = changed || matters(w, e);
                        p += sizeof(*e) + e->len;
                }
        if (changed)
                w->on_change(w->userdata);
        return 0;
}

/* ------------------------------------------------------------------------------------------------ setting */

static void failed(struct ts_watch *w, const char *path, int error)
{
        if (w->error < 0)
                return;
        w->error = error;
        (void) snprintf(w->error_path, sizeof(w->error_path), "%s", path);
}

/* @name: borrowed until forget_all(); NULL: all. False when there is no such directory, or it cannot be
 * watched. */
static bool watch_directory(struct ts_watch *w, const char *path, const char *name)
{
        int wd;

        if (w->n >= TS_WATCHES_MAX) {
                failed(w, path, -E2BIG);
                return false;
        }
        wd = inotify_add_watch(w->fd, path, CHANGES);
        if (wd < 0) {
                if (errno != ENOENT && errno != ENOTDIR)
                        failed(w, path, -errno);
                return false;
        }
        TS_GROW(w->targets, w->n_allocated, w->n);
        w->targets[w->n++] = (struct target){ wd, name };
        return true;
}

static void watch_below(struct ts_watch *w, const char *path, unsigned depth)
{
        struct dirent *e;
        DIR *d;

        if (depth > DEPTH_MAX || !watch_directory(w, path, NULL))
                return;
        d = opendir(path);
        if (!d) {
                (void) ts_check_memory(-errno);
                return; /* the look says why */
        }
        while ((e = readdir(d))) {
                char child[PATH_MAX];
                struct stat st;
                int n;

                if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0) < 0 || !S_ISDIR(st.st_mode))
                        continue;
                n = snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
                if (n > 0 && (size_t) n < sizeof(child))
                        watch_below(w, child, depth + 1);
        }
        (void) closedir(d);
}

/* A path on the way through its symlinks. */
struct way {
        char done[PATH_MAX]; /* without symlinks; "" is the root */
        char text[PATH_MAX];
        const char *rest; /* of the text: what is still to be walked */
};

static bool way_begin(struct way *way, const char *path)
{
        char cwd[PATH_MAX];
        int n;

        way->done[0] = '\0';
        way->rest = way->text;
        if (path[0] == '/')
                n = snprintf(way->text, sizeof(way->text), "%s", path);
        else
                n = getcwd(cwd, sizeof(cwd)) ? snprintf(way->text, sizeof(way->text), "%s/%s", cwd, path)
                                             : -1;
        return n >= 0 && (size_t) n < sizeof(way->text);
}

/* The next part of the way; false at its end. */
static bool way_next(struct way *way, char part[NAME_MAX + 1])
{
        const char *p = way->rest + strspn(way->rest, "/");
        size_t n = strcspn(p, "/");

        if (n == 0 || n > NAME_MAX)
                return false;
        memcpy(part, p, n);
        part[n] = '\0';
        way->rest = p + n;
        return true;
}

static bool way_is_at_end(const struct way *way)
{
        return way->rest[strspn(way->rest, "/")] == '\0';
}

static bool way_append(struct way *way, const char *part)
{
        size_t len = strlen(way->done);
        char *slash;
        int n;

        if (strcmp(part, ".") == 0)
                return true;
        if (strcmp(part, "..") == 0) {
                slash = strrchr(way->done, '/');
                if (slash)
                        *slash = '\0';
                return true;
        }
        n = snprintf(way->done + len, sizeof(way->done) - len, "/%s", part);
        return n > 0 && (size_t) n < sizeof(way->done) - len;
}

/* Puts the target of a symlink in front of the rest. */
static bool way_follow(struct way *way, const char *target)
{
        char text[PATH_MAX];
        int n;

        n = snprintf(text, sizeof(text), "%s/%s", target, way->rest);
        if (n < 0 || (size_t) n >= sizeof(text))
                return false;
        memcpy(way->text, text, (size_t) n + 1);
        way->rest = way->text;
        if (target[0] == '/')
                way->done[0] = '\0';
        return true;
}

static void watch_path(struct ts_watch *w, const char *path)
{
        char part[NAME_MAX + 1], candidate[PATH_MAX + NAME_MAX + 2], target[PATH_MAX];
        int n_symlinks = 0;
        struct way way;
        struct stat st;

        if (!way_begin(&way, path))
                return;
        while (way_next(&way, part)) {
                ssize_t n = -1;
                bool there;

                (void) snprintf(candidate, sizeof(candidate), "%s/%s", way.done, part);
                there = lstat(candidate, &st) == 0;
                if (!there || S_ISLNK(st.st_mode) || way_is_at_end(&way))
                        (void) watch_directory(w, way.done[0] ? way.done : "/",
                                               ts_arena_strdup(&w->arena, part));
                if (!there)
                        return;
                if (S_ISLNK(st.st_mode))
                        n = readlink(candidate, target, sizeof(target) - 1);
                if (n >= 0) {
                        target[n] = '\0';
                        if (++n_symlinks > SYMLINKS_MAX || !way_follow(&way, target))
                                return;
                } else if (!way_append(&way, part)) {
                        return;
                }
        }
        if (stat(way.done, &st) == 0 && S_ISDIR(st.st_mode))
                watch_below(w, way.done, 0);
}

int ts_watch_set(struct ts_watch *w, const char *const *paths, size_t n, struct ts_err *err)
{
        int r;

        forget_all(w);
        w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (w->fd < 0)
                return ts_err_set(err, TS_ERR_LOCAL, -errno, "cannot watch files for changes: %m");
        r = sd_event_add_io(w->loop, &w->source, w->fd, EPOLLIN, on_events, w);
        if (r < 0)
                return ts_err_set(err, TS_ERR_LOCAL, r, "cannot watch files for changes: %m");

        for (size_t i = 0; i < n; i++)
                watch_path(w, paths[i]);
        if (w->error < 0)
                return ts_err_set(err, TS_ERR_LOCAL, w->error,
                                  "cannot watch %s for changes: %m; they are seen at the next interval%s",
                                  w->error_path,
                                  w->error == -ENOSPC ? " (raise fs.inotify.max_user_watches)" : "");
        return 0;
}
