/*
 * state_directory - the state of a single host: a record and a lock an organization, files of a directory
 *
 * The back end of reconcile/state_store.h that is there, and the place of the daemon's own file
 * (daemon/history.h). I/O. A record is a small text file (reconcile/state_record.h), replaced atomically.
 * Files belong to the directory's owner.
 */
#ifndef TS_RECONCILE_STATE_DIRECTORY_H
#define TS_RECONCILE_STATE_DIRECTORY_H

#include "reconcile/state_store.h"
#include "util/buf.h"

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
 * ts_state_directory_load - what is remembered of an organization
 *
 * Always gives a memory: FRESH when there is no record, KNOWN, UNREADABLE (the directory or file may not be
 * read), or DAMAGED, or NEWER. `writable` is true when the directory can be written. The caller owns it,
 * ts_last_applied_free().
 */
struct ts_last_applied *ts_state_directory_load(const struct ts_state_directory *dir,
                                                const struct ts_id *organization) TS_MUST_CHECK
                __attribute__((returns_nonnull));

/* -EBADMSG: @m is of a record that is damaged, or -ENOTSUP: newer; that is left for a person to look at. */
int ts_state_directory_save(const struct ts_state_directory *dir, const struct ts_id *organization,
                            const struct ts_last_applied *m, struct ts_err *err) TS_MUST_CHECK;

/*
 * ts_state_directory_lock - makes us the one writer of an organization, until the descriptor is closed
 * Return: the descriptor; -EBUSY when another process has it (@err names its pid); else what went wrong.
 */
int ts_state_directory_lock(const struct ts_state_directory *dir, const struct ts_id *organization,
                            const char *alias, struct ts_err *err) TS_MUST_CHECK;

/* The directory as a store. @create: as above; it is opened, and stays so, until ts_state_store_free(). */
struct ts_state_store *ts_state_store_open_directory(const char *path, bool create) TS_MUST_CHECK
                __attribute__((returns_nonnull));

#endif
