#include "reconcile/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconcile/state_record.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/sha256.h"

/* ---------------------------------------------------------------------------------------------- directory */

static int make_parents(const char *path)
{
        TS_CLEANUP(ts_freep) char *copy = ts_strdup(path);

        for (char *p = copy + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                if (mkdir(copy, 0755) < 0 && errno != EEXIST)
                        return -errno;
                *p = '/';
        }
        return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

void ts_state_directory_open(struct ts_state_directory *dir, const char *path, bool create)
{
        *dir = (struct ts_state_directory){ .path = path, .fd = -EBADF };
        if (create)
                dir->error = make_parents(path);
        if (dir->error < 0)
                return;
        dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir->fd < 0) {
                dir->error = -errno;
                dir->fd = -EBADF;
        }
}

void ts_state_directory_close(struct ts_state_directory *dir)
{
        if (dir->fd >= 0)
                close(dir->fd);
        dir->fd = -EBADF;
}

int ts_state_directory_check(const struct ts_state_directory *dir, struct ts_err *err)
{
        if (dir->fd >= 0)
                return 0;
        return ts_err_set(err, TS_ERR_LOCAL, dir->error < 0 ? dir->error : -EBADF,
                          "cannot use the state directory %s: %m; set STATE_DIRECTORY to a directory that "
                          "this user may write",
                          dir->path);
}

int ts_state_directory_replace(const struct ts_state_directory *dir, const char *name,
                               const struct ts_buf *text, struct ts_err *err)
{
        int r = ts_state_directory_check(dir, err);

        if (r < 0)
                return r;
        r = ts_buf_failed(text) ? -EFBIG : ts_file_replace(dir->fd, name, text->data, text->len, 0600);
        if (r < 0)
                return ts_err_set(err, TS_ERR_LOCAL, r, "cannot write %s/%s: %m", dir->path, name);
        return 0;
}

/* ----------------------------------------------------------------------------------------- files and lock */

struct name {
        char s[sizeof("organization-") + TS_ID_TEXT_LEN + sizeof(".state")];
};

static struct name record_name(const struct ts_id *organization, const char *suffix)
{
        struct name n;

        (void) snprintf(n.s, sizeof(n.s), "organization-%s.%s", ts_id_format(organization).s, suffix);
        return n;
}

struct ts_last_applied *ts_state_directory_load(const struct ts_state_directory *dir,
                                                const struct ts_id *organization)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_STATE_MAX_BYTES);
        struct name name = record_name(organization, "state");
        struct ts_last_applied *m = ts_last_applied_new();
        struct stat st = { 0 };
        int r;

        m->path = ts_arena_printf(&m->arena, "%s/%s", dir->path, name.s);
        if (dir->fd < 0) {
                m->status = dir->error == -ENOENT ? TS_LAST_APPLIED_FRESH : TS_LAST_APPLIED_UNREADABLE;
                return m;
        }
        m->writable = faccessat(dir->fd, ".", W_OK, AT_EACCESS) == 0;

        r = ts_file_read(dir->fd, name.s, &text, &st);
        m->saved = r >= 0 ? st.st_mtim.tv_sec : 0;
        if (r == -ENOENT)
                m->status = TS_LAST_APPLIED_FRESH;
        else if (r == -EACCES || r == -EPERM)
                m->status = TS_LAST_APPLIED_UNREADABLE;
        else if (r < 0)
                m->status = TS_LAST_APPLIED_DAMAGED;
        else if ((r = ts_state_record_parse(ts_buf_text(&text), text.len, m)) < 0)
                m->status = r == -ENOTSUP ? TS_LAST_APPLIED_NEWER : TS_LAST_APPLIED_DAMAGED;
        else
                m->status = m->n_trusts > 0 || m->care_declared
                                            ? TS_LAST_APPLIED_KNOWN
                                            : TS_LAST_APPLIED_FRESH; /* only removals: a first cycle that died
                                                                      */
        return m;
}

int ts_state_directory_save(const struct ts_state_directory *dir, const struct ts_id *organization,
                            const struct ts_last_applied *m, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_STATE_MAX_BYTES);
        struct name name = record_name(organization, "state");

        if (ts_last_applied_is_lost(m))
                return ts_err_set(
                                err, TS_ERR_LOCAL, m->status == TS_LAST_APPLIED_NEWER ? -ENOTSUP : -EBADMSG,
                                "cannot write %s/%s: the record that is there %s, and it is not overwritten",
                                dir->path, name.s,
                                m->status == TS_LAST_APPLIED_NEWER
                                                ? "was written by a newer version of trustsyncd"
                                                : "is damaged");
        ts_state_record_format(m, &text);
        return ts_state_directory_replace(dir, name.s, &text, err);
}

int ts_state_directory_lock(const struct ts_state_directory *dir, const struct ts_id *organization,
                            const char *alias, struct ts_err *err)
{
        TS_CLEANUP(ts_closep) int fd = -EBADF;
        struct name name = record_name(organization, "lock");
        char text[32] = "";
        ssize_t n;
        int locked, r;

        r = ts_state_directory_check(dir, err);
        if (r < 0)
                return r;
        fd = openat(dir->fd, name.s, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return ts_err_set(err, TS_ERR_LOCAL, -errno, "cannot open the lock %s/%s: %m", dir->path,
                                  name.s);

        r = ts_file_give_to_owner(fd, dir->fd);
        if (r < 0)
                return ts_err_set(err, TS_ERR_LOCAL, r,
                                  "cannot give the lock %s/%s to the directory's owner: %m", dir->path,
                                  name.s);

        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return ts_err_set(err, TS_ERR_LOCAL, -errno, "cannot lock %s/%s: %m", dir->path,
                                          name.s);
                n = pread(fd, text, sizeof(text) - 1, 0);
                text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
                return ts_err_set(err, TS_ERR_LOCAL, -EBUSY,
                                  "%s: another instance (pid %s) is writing to this organization; try again "
                                  "when it has ended",
                                  alias, text[0] ? text : "unknown");
        }

        n = snprintf(text, sizeof(text), "%ld\n", (long) getpid());
        if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t) n, 0) != n)
                return ts_err_set(err, TS_ERR_LOCAL, -EIO, "cannot write the lock %s/%s", dir->path, name.s);
        locked = fd;
        fd = -EBADF; /* the lock lives as long as its descriptor */
        return locked;
}

/* ------------------------------------------------------------------------------------- as a state store */

/* What is known to be on record. */
struct saved {
        struct ts_id organization;
        struct ts_digest digest;
};

struct directory_store {
        struct ts_state_store store;
        struct ts_state_directory dir;
        bool is_written;
        struct saved *saved;
        size_t n_saved, n_allocated;
};

static struct ts_digest digest_of(const struct ts_last_applied *m)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_STATE_MAX_BYTES);

        ts_state_record_format(m, &text);
        return ts_sha256_of(ts_buf_text(&text), text.len);
}

static struct saved *find_saved(struct directory_store *d, const struct ts_id *organization)
{
        for (size_t i = 0; i < d->n_saved; i++)
                if (ts_id_equal(&d->saved[i].organization, organization))
                        return &d->saved[i];
        return NULL;
}

static void note_saved(struct directory_store *d, const struct ts_id *organization,
                       const struct ts_digest *digest)
{
        struct saved *s = find_saved(d, organization);

        if (!s) {
                TS_GROW(d->saved, d->n_allocated, d->n_saved);
                s = &d->saved[d->n_saved++];
        }
        *s = (struct saved){ *organization, *digest };
}

/* What is on record may have changed by other hands since it was saved: a record that is gone has to be
 * written again. */
static struct ts_last_applied *store_load(struct ts_state_store *store, const struct ts_id *organization)
{
        struct directory_store *d = (struct directory_store *) store;
        struct ts_last_applied *m = ts_state_directory_load(&d->dir, organization);
        struct saved *s = find_saved(d, organization);

        if (d->is_written && m->status == TS_LAST_APPLIED_KNOWN) {
                struct ts_digest digest = digest_of(m);

                note_saved(d, organization, &digest);
        } else if (s) {
                *s = d->saved[--d->n_saved];
        }
        return m;
}

static int store_save(struct ts_state_store *store, const struct ts_id *organization,
                      const struct ts_last_applied *m, struct ts_err *err)
{
        struct directory_store *d = (struct directory_store *) store;
        const struct saved *saved = find_saved(d, organization);
        struct ts_digest digest = digest_of(m);
        int r;

        if (saved && memcmp(&saved->digest, &digest, sizeof(digest)) == 0)
                return 0;
        r = ts_state_directory_save(&d->dir, organization, m, err);
        if (r >= 0)
                note_saved(d, organization, &digest);
        return r;
}

static int store_lock(struct ts_state_store *store, const struct ts_id *organization, const char *alias,
                      struct ts_err *err)
{
        return ts_state_directory_lock(&((struct directory_store *) store)->dir, organization, alias, err);
}

static void store_unlock(struct ts_state_store *store, int lock)
{
        (void) store;
        ts_closep(&lock);
}

static void store_free(struct ts_state_store *store)
{
        struct directory_store *d = (struct directory_store *) store;

        ts_state_directory_close(&d->dir);
        free(d->saved);
        free(d);
}

struct ts_state_store *ts_state_store_open_directory(const char *path, bool create)
{
        struct directory_store *d = ts_calloc(1, sizeof(*d));

        /* An atomic replacement of one file is all that a reservation needs. */
        d->store = (struct ts_state_store){ store_load, store_save,   store_save,
                                            store_lock, store_unlock, store_free };
        d->is_written = create;
        ts_state_directory_open(&d->dir, path, create);
        return &d->store;
}
