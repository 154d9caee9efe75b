#include "config/places.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/mem.h"
#include "util/sorted.h"

#define FILE_PREFIX "file:"

struct ts_place_file {
        dev_t dev;
        ino_t ino;
};

static int compare_files(const void *pa, const void *pb)
{
        const struct ts_place_file *a = pa, *b = pb;

        return a->dev != b->dev ? TS_ORDER(a->dev, b->dev) : TS_ORDER(a->ino, b->ino);
}

static void add_directory(struct ts_places *p, const char *path)
{
        TS_CLEANUP(ts_freep) char *real = path ? realpath(path, NULL) : NULL;

        if (path && !real)
                (void) ts_check_memory(-errno);
        if (real)
                p->directories[p->n++] = ts_arena_strdup(&p->arena, real);
}

static void add_secret(struct ts_places *p, const char *spec)
{
        struct stat st;

        if (spec && strncmp(spec, FILE_PREFIX, strlen(FILE_PREFIX)) == 0 &&
            stat(spec + strlen(FILE_PREFIX), &st) == 0)
                p->files[p->n_files++] = (struct ts_place_file){ st.st_dev, st.st_ino };
}

void ts_places_init(struct ts_places *p, const struct ts_config_places *places,
                    const struct ts_settings *settings)
{
        *p = (struct ts_places){ .n = 0 };
        add_directory(p, "/run/credentials"); /* of all units */
        if (places) {
                add_directory(p, places->credentials);
                add_directory(p, places->state);
        }
        if (!settings)
                return;
        p->files = TS_ARENA_ARRAY(&p->arena, struct ts_place_file, settings->n_organizations + 1);
        for (size_t i = 0; i < settings->n_organizations; i++)
                add_secret(p, settings->organizations[i].client_secret);
        add_secret(p, settings->proxy_credential);
        TS_SORT(p->files, p->n_files, compare_files);
}

void ts_places_done(struct ts_places *p)
{
        ts_arena_done(&p->arena);
        *p = (struct ts_places){ .n = 0 };
}

bool ts_places_is_within(const char *path, const char *directory)
{
        size_t n = strlen(directory);

        if (strcmp(directory, "/") == 0)
                return true;
        return strncmp(path, directory, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* A file there may have another content at each read, or none that ends. */
static bool is_of_the_kernel(const char *path)
{
        static const long types[] = {
                PROC_SUPER_MAGIC,   SYSFS_MAGIC,        DEBUGFS_MAGIC,       TRACEFS_MAGIC,
                SECURITYFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,
                DEVPTS_SUPER_MAGIC, EFIVARFS_MAGIC,     PSTOREFS_MAGIC,      SELINUX_MAGIC,
        };
        struct statfs fs;

        if (ts_places_is_within(path, "/dev") || ts_places_is_within(path, "/proc") ||
            ts_places_is_within(path, "/sys"))
                return true;
        if (statfs(path, &fs) < 0)
                return false;
        for (size_t i = 0; i < TS_N_ELEMENTS(types); i++)
                if ((long) fs.f_type == types[i])
                        return true;
        return false;
}

static bool is_in_git(const char *path)
{
        const char *at = strstr(path, "/.git");

        for (; at; at = strstr(at + 1, "/.git"))
                if (at[5] == '/' || at[5] == '\0')
                        return true;
        return false;
}

bool ts_places_holds(const struct ts_places *p, const char *real)
{
        for (size_t i = 0; i < p->n; i++)
                if (ts_places_is_within(real, p->directories[i]) ||
                    ts_places_is_within(p->directories[i], real))
                        return true;
        return false;
}

const char *ts_places_refuse(const struct ts_places *p, const char *real, bool outside)
{
        struct ts_place_file key;
        struct stat st;

        if (ts_places_holds(p, real))
                return "credentials or the daemon's state are there";
        if (stat(real, &st) == 0) {
                key = (struct ts_place_file){ st.st_dev, st.st_ino };
                if (TS_FIND_SORTED(&key, p->files, p->n_files, compare_files))
                        return "it is a secret of the settings";
        }
        if (is_in_git(real))
                return "it is git's own";
        return outside && is_of_the_kernel(real) ? "it is in a file system of the kernel" : NULL;
}

/* ProtectHome=yes puts a directory without any access there. */
static bool is_hidden_home(const char *path)
{
        static const char *const homes[] = { "/home", "/root", "/run/user" };
        struct stat st;

        for (size_t i = 0; i < TS_N_ELEMENTS(homes); i++)
                if (ts_places_is_within(path, homes[i]) && stat(homes[i], &st) == 0 &&
                    (st.st_mode & 07777) == 0)
                        return true;
        return false;
}

const char *ts_places_home_hint(const char *path)
{
        char target[PATH_MAX];
        ssize_t n = readlink(path, target, sizeof(target) - 1);

        target[n > 0 ? n : 0] = '\0';
        return is_hidden_home(path) || is_hidden_home(target) ? "ProtectHome= of the unit hides the home "
                                                                "directories from it: put the files below "
                                                                "/etc or /srv"
                                                              : NULL;
}
