/*
 * state_store - the state directory: one record and one lock an organization
 *
 * The format has a version. Older ones are read, and written as the newest with the next change; a newer one
 * is left alone and reported as such. A new kind of line: a struct in trust/last_applied.h, a case of
 * put_trust() or ts_state_store_format(), one of parse_part() or parse_line(), and ts_last_applied_update()
 * has to carry it over.
 *
 * I/O on the directory handed in. A record is a small text file, replaced atomically, with a version in its
 * first line and a digest in its last; modified files are reported as damaged, which differs from absent.
 * Files belong to the directory's owner.
 */
#ifndef TS_RECONCILE_STATE_STORE_H
#define TS_RECONCILE_STATE_STORE_H

#include "trust/last_applied.h"
#include "util/buf.h"
#include "util/err.h"

struct ts_state_directory {
        const char *path;
        int fd;    /* -EBADF: it is not there, or we may not read it */
        int error; /* negative errno of opening it; 0 */
};

/* @create: makes it, with its parents (mode 0700), when it is not there. Never fails: an unusable
 * directory has fd -EBADF. */
void ts_state_directory_open(struct ts_state_directory *dir, const char *path, bool create);
void ts_state_directory_close(struct ts_state_directory *dir);

/* Return: 0; why it is unusable. */
int ts_state_directory_check(const struct ts_state_directory *dir, struct ts_err *err) TS_MUST_CHECK;

/* Puts @text, which may have failed, in the place of one of its files. */
int ts_state_directory_replace(const struct ts_state_directory *dir, const char *name,
                               const struct ts_buf *text, struct ts_err *err) TS_MUST_CHECK;

/*
 * ts_state_store_load - loads the record of an organization
 *
 * Never NULL. Status: FRESH when there is no record, KNOWN, UNREADABLE (the directory or file may not be
 * read), or DAMAGED, or NEWER. `writable` is true when the directory can be written. The caller owns it,
 * ts_last_applied_free().
 */
struct ts_last_applied *ts_state_store_load(const struct ts_state_directory *dir,
                                            const struct ts_id *organization) TS_MUST_CHECK
                __attribute__((returns_nonnull));

/* -EBADMSG: @m is of a record that is damaged, or -ENOTSUP: newer; that is left for an administrator to
 * examine. */
int ts_state_store_save(const struct ts_state_directory *dir, const struct ts_id *organization,
                        const struct ts_last_applied *m, struct ts_err *err) TS_MUST_CHECK;

/* The text of a record and back, for ts_state_store_load() and tests. parse: 0; -EBADMSG: damaged; -ENOTSUP:
 * of a newer version. */
void ts_state_store_format(const struct ts_last_applied *m, struct ts_buf *out);
int ts_state_store_parse(const char *text, size_t len, struct ts_last_applied *m) TS_MUST_CHECK;

/*
 * ts_state_store_lock - makes us the one writer of an organization, until the descriptor is closed
 * Return: the descriptor; -EBUSY when another process has it (@err names its pid); else what went wrong.
 */
int ts_state_store_lock(const struct ts_state_directory *dir, const struct ts_id *organization,
                        const char *alias, struct ts_err *err) TS_MUST_CHECK;

#endif
