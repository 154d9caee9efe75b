#include "config/path_trace.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMLINKS_MAX 40 /* as the kernel */

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

void ts_path_trace(const char *path, void (*on_name)(const char *directory, const char *name, void *userdata),
                   void *userdata)
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
                        on_name(way.done[0] ? way.done : "/", part, userdata);
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
}
