#include "config/work_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"

#define LINE_MAX_BYTES 4096u
#define PACKED_REFS_MAX_BYTES (16u * 1024u * 1024u)
#define GITMODULES_MAX_BYTES (1024u * 1024u)
#define REFERENCES_MAX 5u /* HEAD -> refs/heads/main -> ...: as deep as git itself follows */

/* The first line of a regular file below @dir that is reached without links; false: there is none. */
static bool read_line(const char *dir, const char *name, struct ts_buf *out)
{
        TS_CLEANUP(ts_closep) int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        size_t len;

        ts_buf_reset(out);
        if (fd < 0 || ts_file_read_nofollow(fd, name, out, NULL) < 0)
                return false;
        len = strcspn(ts_buf_text(out), "\n");
        while (len > 0 && strchr(" \t\r", out->data[len - 1]))
                len--;
        if (len == 0)
                return false;
        out->data[len] = '\0';
        out->len = len;
        return true;
}

/* @path below @dir, as an absolute path without links; NULL: it is not there. */
static const char *resolve(const char *dir, const char *path, struct ts_arena *arena)
{
        const char *whole = path[0] == '/' ? path : ts_arena_printf(arena, "%s/%s", dir, path);
        TS_CLEANUP(ts_freep) char *real = realpath(whole, NULL);

        if (!real)
                (void) ts_check_memory(-errno);
        return ts_arena_strdup(arena, real);
}

/* A linked work tree and a submodule have a file .git: "gitdir: PATH". */
static const char *follow_git_file(const char *top, struct ts_arena *arena)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(LINE_MAX_BYTES);
        const char *text;

        if (!read_line(top, ".git", &line) || strncmp(ts_buf_text(&line), "gitdir:", 7) != 0)
                return NULL;
        text = ts_buf_text(&line) + 7;
        return resolve(top, text + strspn(text, " \t"), arena);
}

void ts_work_tree_find(const char *folder, struct ts_arena *arena, struct ts_work_tree *ret)
{
        char *top = ts_arena_strdup(arena, folder);
        struct stat st;

        *ret = (struct ts_work_tree){ NULL, NULL, NULL };
        for (;;) {
                const char *git = ts_arena_printf(arena, "%s/.git", strcmp(top, "/") == 0 ? "" : top);
                char *slash = strrchr(top, '/');

                if (lstat(git, &st) == 0) {
                        ret->top = top[0] != '\0' ? top : "/";
                        ret->git = S_ISDIR(st.st_mode) ? git : follow_git_file(ret->top, arena);
                        if (ret->git || S_ISLNK(st.st_mode)) /* only the existence of a lock is checked */
                                ret->lock = ts_arena_printf(arena, "%s/index.lock",
                                                            ret->git ? ret->git : git);
                        return;
                }
                if (!slash || top[0] == '\0')
                        return;
                *slash = '\0'; /* "" is the root */
        }
}

void ts_work_tree_find_file(const char *path, struct ts_arena *arena, struct ts_work_tree *ret)
{
        TS_CLEANUP(ts_freep) char *real = realpath(path, NULL);
        char *slash;

        *ret = (struct ts_work_tree){ NULL, NULL, NULL };
        if (!real) {
                (void) ts_check_memory(-errno);
                return;
        }
        slash = strrchr(real, '/');
        slash[slash == real] = '\0';
        ts_work_tree_find(real, arena, ret);
}

bool ts_work_tree_is_locked(const struct ts_work_tree *w, int64_t *ret_since)
{
        struct stat st;

        if (!w->lock || lstat(w->lock, &st) < 0)
                return false;
        if (ret_since)
                *ret_since = (int64_t) st.st_mtim.tv_sec;
        return true;
}

/* ------------------------------------------------------------------------------------------------- commit */

/* A commit's name: 40 or, with SHA-256, 64 digits. */
static bool is_commit(const char *s)
{
        size_t n = strspn(s, "0123456789abcdef");

        return (n == 40 || n == 64) && s[n] == '\0';
}

/* The name comes from a file: it must not lead out of the repository. */
static bool is_reference(const char *s)
{
        return strncmp(s, "refs/", 5) == 0 && !strstr(s, "..");
}

/* "COMMIT NAME" lines, sorted or not; comments and peeled tags have other shapes. */
static const char *find_packed(const char *common, const char *name, struct ts_arena *arena)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(PACKED_REFS_MAX_BYTES);
        TS_CLEANUP(ts_closep) int fd = open(common, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *line, *end;
        size_t n, len = strlen(name);

        if (fd < 0 || ts_file_read_nofollow(fd, "packed-refs", &text, NULL) < 0)
                return NULL;
        for (line = ts_buf_text(&text); *line; line = *end ? end + 1 : end) {
                end = line + strcspn(line, "\n");
                n = strcspn(line, " \n");
                if (line[n] == ' ' && (size_t) (end - line) - n - 1 == len &&
                    strncmp(line + n + 1, name, len) == 0) {
                        const char *commit = ts_arena_strndup(arena, line, n);

                        return is_commit(commit) ? commit : NULL;
                }
        }
        return NULL;
}

const char *ts_work_tree_commit(const struct ts_work_tree *w, struct ts_arena *arena)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(LINE_MAX_BYTES);
        const char *name = "HEAD", *common = w->git;

        if (!w->git)
                return NULL;
        if (read_line(w->git, "commondir", &line))
                common = resolve(w->git, ts_buf_text(&line), arena);
        for (unsigned i = 0; common && i < REFERENCES_MAX; i++) {
                const char *text;

                if (!read_line(w->git, name, &line) && !read_line(common, name, &line))
                        return find_packed(common, name, arena);
                text = ts_buf_text(&line);
                if (is_commit(text))
                        return ts_arena_strdup(arena, text);
                if (strncmp(text, "ref:", 4) != 0)
                        return NULL;
                text += 4;
                name = ts_arena_strdup(arena, text + strspn(text, " \t"));
                if (!is_reference(name))
                        return NULL;
        }
        return NULL;
}

/* --------------------------------------------------------------------------------------------- submodules */

/* The value of `path = VALUE`, quoted or not, in place; NULL: the line says something else. */
static const char *path_of_line(char *line)
{
        char *p = line + strspn(line, " \t"), *to, *start;
        bool quoted = false;

        if (strncasecmp(p, "path", 4) != 0)
                return NULL;
        p += 4 + strspn(p + 4, " \t");
        if (*p != '=')
                return NULL;
        p += 1 + strspn(p + 1, " \t");
        for (start = to = p; *p && (quoted || !strchr("#;", *p)); p++) {
                if (*p == '"')
                        quoted = !quoted;
                else if (*p == '\\' && p[1])
                        *to++ = *++p;
                else
                        *to++ = *p;
        }
        while (to > start && strchr(" \t\r/", to[-1]))
                to--;
        *to = '\0';
        return *start != '\0' && *start != '/' && !strstr(start, "..") ? start : NULL;
}

void ts_work_tree_submodules(const char *top, void (*on_path)(const char *path, void *userdata),
                             void *userdata)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(GITMODULES_MAX_BYTES);
        TS_CLEANUP(ts_closep) int fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
        unsigned n = 0;
        char *next;

        if (fd < 0 || ts_file_read_nofollow(fd, ".gitmodules", &text, NULL) < 0)
                return;
        for (char *line = text.data; line && n < TS_CONFIG_SUBMODULES_MAX; line = next) {
                const char *path;

                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                path = path_of_line(line);
                if (!path)
                        continue;
                n++;
                on_path(path, userdata);
        }
}
