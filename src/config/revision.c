/* Which version of the declarations this is: told by files, git is not run. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/declarations.h"
#include "util/escape.h"
#include "util/file.h"
#include "util/mem.h"

#define REVISION_MAX_BYTES 128u
#define SMALL_FILE_MAX_BYTES 4096u
#define PACKED_REFS_MAX_BYTES (16u * 1024u * 1024u)
#define LINKS_MAX 5u /* HEAD -> refs/heads/main -> ...: as deep as git itself follows */
#define HASH_DIGITS_SHOWN 12u

/* The first line of a file, in @out; false when there is none that can be shown. */
static bool read_line(const char *path, struct ts_buf *out)
{
        size_t len;

        ts_buf_reset(out);
        if (ts_file_read(AT_FDCWD, path, out, NULL) < 0)
                return false;
        len = strcspn(ts_buf_text(out), "\n");
        while (len > 0 && strchr(" \t\r", out->data[len - 1]))
                len--;
        if (len == 0 || ts_text_has_forbidden(out->data, len, NULL))
                return false;
        out->data[len] = '\0';
        out->len = len;
        return true;
}

/* @dir/@name, in @arena */
static const char *join(struct ts_arena *arena, const char *dir, const char *name)
{
        return name[0] == '/' ? name : ts_arena_printf(arena, "%s/%s", dir, name);
}

/* The absolute directory that the declarations are in; NULL. */
static const char *folder_of(const char *path, struct ts_arena *arena)
{
        TS_CLEANUP(ts_freep) char *real = realpath(path, NULL);
        struct stat st;
        char *slash;

        if (!real)
                (void) ts_check_memory(-errno);
        if (!real || stat(real, &st) < 0)
                return NULL;
        slash = strrchr(real, '/');
        if (!S_ISDIR(st.st_mode))
                *(slash == real ? slash + 1 : slash) = '\0';
        return ts_arena_strdup(arena, real);
}

/* ---------------------------------------------------------------------------------------------------- git */

struct repository {
        struct ts_arena *arena;
        const char *dir;    /* .git, or what a linked work tree has instead */
        const char *common; /* where the branches are */
};

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
static const char *find_packed(const struct repository *r, const char *name)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(PACKED_REFS_MAX_BYTES);
        const char *line, *end;
        size_t n, len = strlen(name);

        if (ts_file_read(AT_FDCWD, join(r->arena, r->common, "packed-refs"), &text, NULL) < 0)
                return NULL;
        for (line = ts_buf_text(&text); *line; line = *end ? end + 1 : end) {
                end = line + strcspn(line, "\n");
                n = strcspn(line, " \n");
                if (line[n] == ' ' && (size_t) (end - line) - n - 1 == len &&
                    strncmp(line + n + 1, name, len) == 0) {
                        const char *commit = ts_arena_strndup(r->arena, line, n);

                        return is_commit(commit) ? commit : NULL;
                }
        }
        return NULL;
}

static bool read_reference(const struct repository *r, const char *name, struct ts_buf *out)
{
        return read_line(join(r->arena, r->dir, name), out) ||
               read_line(join(r->arena, r->common, name), out);
}

static const char *find_commit(const struct repository *r)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(SMALL_FILE_MAX_BYTES);
        const char *name = "HEAD";
        unsigned i;

        for (i = 0; i < LINKS_MAX; i++) {
                const char *text;

                if (!read_reference(r, name, &line))
                        return find_packed(r, name);
                text = ts_buf_text(&line);
                if (is_commit(text))
                        return ts_arena_strdup(r->arena, text);
                if (strncmp(text, "ref:", 4) != 0)
                        return NULL;
                text += 4;
                name = ts_arena_strdup(r->arena, text + strspn(text, " \t"));
                if (!is_reference(name))
                        return NULL;
        }
        return NULL;
}

/* A linked work tree and a submodule have a file there: "gitdir: PATH". */
static const char *follow_git_file(struct ts_arena *arena, const char *dir, const char *git)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(SMALL_FILE_MAX_BYTES);
        const char *text;

        if (!read_line(git, &line) || strncmp(ts_buf_text(&line), "gitdir:", 7) != 0)
                return NULL;
        text = ts_buf_text(&line) + 7;
        return join(arena, dir, ts_arena_strdup(arena, text + strspn(text, " \t")));
}

static const char *commit_of(struct ts_arena *arena, const char *dir, const char *git, bool is_file)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(SMALL_FILE_MAX_BYTES);
        struct repository r = { arena, is_file ? follow_git_file(arena, dir, git) : git, NULL };

        if (!r.dir)
                return NULL;
        r.common = r.dir;
        if (read_line(join(arena, r.dir, "commondir"), &line))
                r.common = join(arena, r.dir, ts_arena_strdup(arena, ts_buf_text(&line)));
        return find_commit(&r);
}

/* The work tree that @folder lies in: the nearest directory above it that has a .git. */
static const char *git_revision(const char *folder, struct ts_arena *arena)
{
        char *dir = ts_arena_strdup(arena, folder);
        struct stat st;

        for (;;) {
                const char *git = ts_arena_printf(arena, "%s/.git", dir);
                char *slash = strrchr(dir, '/');

                if (stat(git, &st) == 0)
                        return commit_of(arena, dir, git, !S_ISDIR(st.st_mode));
                if (!slash || dir[0] == '\0')
                        return NULL;
                *slash = '\0'; /* "" is the root */
        }
}

/* -------------------------------------------------------------------------------------------------------- */

/* Among the files, or beside the directory that holds them. */
static bool read_revision_file(struct ts_arena *arena, const char *folder, struct ts_buf *line)
{
        return (read_line(join(arena, folder, "REVISION"), line) ||
                read_line(join(arena, folder, "../REVISION"), line)) &&
               line->len <= REVISION_MAX_BYTES;
}

const char *ts_declarations_revision(const char *path, const struct ts_digest *content_hash,
                                     struct ts_arena *arena)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena scratch = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(SMALL_FILE_MAX_BYTES);
        const char *folder = folder_of(path, &scratch), *commit;
        struct ts_digest_text digest;

        if (folder && read_revision_file(&scratch, folder, &line))
                return ts_arena_strdup(arena, ts_buf_text(&line));
        commit = folder ? git_revision(folder, &scratch) : NULL;
        if (commit)
                return ts_arena_strdup(arena, commit);
        digest = ts_digest_format(content_hash);
        return ts_arena_strndup(arena, digest.s + strlen("sha256:"), HASH_DIGITS_SHOWN);
}
