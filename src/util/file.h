/*
 * file - whole files in, whole files out
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
 * Return: 0; -EFBIG past the maximum; -EINVAL: not a regular file; else open()'s or read()'s errno. Fills no
 * error: the caller knows what the file means.
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
 * ts_file_replace - puts a whole new file in the place of @path, or leaves the old one
 *
 * Writes a temporary file beside it, fsyncs, renames, fsyncs the directory. The file gets @mode whatever
 * the umask, and the owner of the directory when we are root (a one-shot by root must not leave files that
 * the daemon cannot read). A symlink is replaced, not followed. Return: 0, or the errno of the step that
 * failed (the temporary file is removed; being killed leaves a hidden ".new-*.tmp" in the directory).
 */
int ts_file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode) TS_MUST_CHECK;

/* Where 0, 1 or 2 is closed, opens /dev/null, so that no file of ours becomes standard output; to write to
 * one that was closed fails. Call it first of all. */
void ts_file_open_standard(void);

/* Can a report be written there, as far as can be known before? Writes nothing. Return: 0; -EBADF: it is
 * closed or not open for writing; -ENOSPC: the file system, or the device, is full; -EPIPE: nobody reads. */
int ts_file_probe_fd(int fd) TS_MUST_CHECK;

/* When we are root, gives @fd to the owner of the directory @dirfd: what root makes there by hand, the
 * daemon, which is not root, has to be able to open. Return: 0, or fstat()'s or fchown()'s errno. */
int ts_file_give_to_owner(int fd, int dirfd) TS_MUST_CHECK;

#endif
