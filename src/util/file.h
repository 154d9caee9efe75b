/*
 * file - reads and replaces whole files
 */
#ifndef TS_UTIL_FILE_H
#define TS_UTIL_FILE_H

#include <stddef.h>
#include <sys/stat.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/macros.h"

void ts_closep(int *fd); /* TS_CLEANUP(ts_closep) int fd = -EBADF; */

/*
 * ts_file_read - a regular file, whole
 * @dirfd:   AT_FDCWD or a directory
 * @buf:     gets the bytes; its maximum is the limit
 * @ret_st:  the file's metadata as it was read; may be NULL
 *
 * Return: 0; -EFBIG past the maximum; -EINVAL: not a regular file; else open()'s or read()'s errno. No struct
 * ts_err: only the caller knows the purpose of the file.
 */
int ts_file_read(int dirfd, const char *path, struct ts_buf *buf, struct stat *ret_st) TS_MUST_CHECK;

/*
 * ts_file_open_nofollow - opens a path of which no part is a symbolic link, "." or ".."
 * @dirfd: a directory; AT_FDCWD
 * @flags: of open(); O_CLOEXEC, O_NOCTTY and O_NONBLOCK are added
 *
 * Return: the descriptor; -ELOOP or -ENOTDIR: a part is a link; -EINVAL: it is "..", or empty; else open()'s
 * errno.
 */
int ts_file_open_nofollow(int dirfd, const char *path, int flags) TS_MUST_CHECK;

/* ts_file_read() of such a path. */
int ts_file_read_nofollow(int dirfd, const char *path, struct ts_buf *buf, struct stat *ret_st) TS_MUST_CHECK;

/*
 * ts_file_replace - replaces @path atomically, or leaves the old file unchanged
 *
 * Writes a temporary file beside it, fsyncs, renames, fsyncs the directory. The file gets @mode whatever
 * the umask, and the owner of the directory when we are root (a one-shot by root must not leave files that
 * the daemon cannot read). A symlink is replaced, not followed. Return: 0, or the errno of the step that
 * failed (the temporary file is removed; being killed leaves a hidden ".new-*.tmp" in the directory).
 */
int ts_file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode) TS_MUST_CHECK;

/* Opens /dev/null for each of the descriptors 0, 1 and 2 that is closed, so that no other file gets that
 * number. Writing to such a descriptor fails. Call this first in main(). */
void ts_file_open_standard(void);

/* Checks whether a report can probably be written to the descriptor; writes nothing. Return: 0; -EBADF: it is
 * closed or not open for writing; -ENOSPC: the file system, or the device, is full; -EPIPE: nobody reads. */
int ts_file_probe_fd(int fd) TS_MUST_CHECK;

/* When run as root, changes the owner of @fd to that of the directory @dirfd, so that the unprivileged daemon
 * can open files that root created. Return: 0, or fstat()'s or fchown()'s errno. */
int ts_file_give_to_owner(int fd, int dirfd) TS_MUST_CHECK;

#endif
