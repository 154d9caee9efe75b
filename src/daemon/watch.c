#include "daemon/watch.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/sorted.h"

#define CHANGES \
        (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | \
         IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD)

/* Other hosts change what is there, and inotify does not see it. Not all are in linux/magic.h. */
#define CEPH_MAGIC 0x00c36400L
#define FUSE_MAGIC 0x65735546L
#define CIFS_MAGIC 0xff534d42L
#define SMB2_MAGIC 0xfe534d42L

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
        int fd; /* inotify, a new one for each ts_watch_begin() */
        struct ts_arena arena;
        struct target *targets; /* sorted by wd after ts_watch_end() */
        size_t n, n_allocated;
        int n_directories; /* the highest wd */
        int error;         /* the first one; negative errno */
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
        w->n_directories = 0;
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

static int compare_targets(const void *pa, const void *pb)
{
        const struct target *a = pa, *b = pb;

        return TS_ORDER(a->wd, b->wd);
}

/* Does a name that changed in the directory @e->wd matter? */
static bool matters(const struct ts_watch *w, const struct inotify_event *e)
{
        const struct target key = { e->wd, NULL }, *t;

        if (e->mask & IN_Q_OVERFLOW)
                return true;
        t = TS_FIND_SORTED(&key, w->targets, w->n, compare_targets);
        if (!t)
                return false;
        if (e->len == 0) /* the directory itself */
                return (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)) != 0;
        while (t > w->targets && t[-1].wd == e->wd)
                t--;
        for (; t < w->targets + w->n && t->wd == e->wd; t++)
                if (t->name ? strcmp(t->name, e->name) == 0 : e->name[0] != '.')
                        return true;
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

static bool is_remote(const char *path)
{
        static const long types[] = { NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  CIFS_MAGIC,
                                      SMB2_MAGIC,      V9FS_MAGIC,       AFS_SUPER_MAGIC,
                                      CEPH_MAGIC,      CODA_SUPER_MAGIC, FUSE_MAGIC };
        struct statfs fs;

        if (statfs(path, &fs) < 0)
                return false;
        for (size_t i = 0; i < TS_N_ELEMENTS(types); i++)
                if ((long) fs.f_type == types[i])
                        return true;
        return false;
}

void ts_watch_begin(struct ts_watch *w)
{
        int r;

        forget_all(w);
        w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (w->fd < 0) {
                failed(w, "", -errno);
                return;
        }
        r = sd_event_add_io(w->loop, &w->source, w->fd, EPOLLIN, on_events, w);
        if (r < 0)
                failed(w, "", ts_check_memory(r));
}

void ts_watch_add(struct ts_watch *w, const char *directory, const char *name)
{
        int wd;

        if (w->fd < 0)
                return;
        if (w->n_directories >= (int) TS_WATCHES_MAX || w->n >= TS_WATCHED_NAMES_MAX) {
                failed(w, directory, -E2BIG);
                return;
        }
        wd = inotify_add_watch(w->fd, directory, CHANGES);
        if (wd < 0) {
                if (errno != ENOENT && errno != ENOTDIR)
                        failed(w, directory, -errno);
                return;
        }
        if (wd > w->n_directories) {
                w->n_directories = wd;
                if (is_remote(directory))
                        failed(w, directory, -EREMOTE);
        }
        TS_GROW(w->targets, w->n_allocated, w->n);
        w->targets[w->n++] = (struct target){ wd, ts_arena_strdup(&w->arena, name) };
}

/* What keeps the kernel or us from watching, and what to do about it. */
static const char *reason_of(int error)
{
        switch (error) {
        case -ENOSPC:
                return "the kernel has no inotify watch left for this user (raise "
                       "fs.inotify.max_user_watches)";
        case -EMFILE:
                return "this user has too many inotify instances (raise fs.inotify.max_user_instances), or "
                       "the "
                       "process too many open files";
        case -E2BIG:
                return "there are too many directories and links to watch";
        case -EREMOTE:
                return "it is in a file system that other hosts can change";
        default:
                return strerror(-error);
        }
}

int ts_watch_end(struct ts_watch *w, struct ts_err *err)
{
        TS_SORT(w->targets, w->n, compare_targets);
        if (w->error == 0)
                return 0;
        return ts_err_set(err, TS_ERR_LOCAL, w->error,
                          "cannot watch %s for changes: %s; it is read from time to time",
                          w->error_path[0] != '\0' ? w->error_path : "settings and declarations",
                          reason_of(w->error));
}
