#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/mem.h"

void ts_closep(int *fd)
{
        int saved = errno;

        if (*fd >= 0)
                (void) close(*fd); /* whoever writes has called fsync() and seen its errors */
        errno = saved;
}

static int read_regular(int fd, struct ts_buf *buf, struct stat *ret_st)
{
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        ts_buf_reserve(buf, (size_t) st.st_size + 1); /* one more, to see its end */
        r = ts_buf_read_fd(buf, fd);
        if (r < 0)
                return r;
        if (ret_st)
                *ret_st = st;
        return 0;
}

int ts_file_read(int dirfd, const char *path, struct ts_buf *buf, struct stat *ret_st)
{
        TS_CLEANUP(ts_closep) int fd = -EBADF;

        /* O_NONBLOCK: opening a FIFO must not wait for a writer */
        fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        return read_regular(fd, buf, ret_st);
}

int ts_file_open_nofollow(int dirfd, const char *path, int flags)
{
        TS_CLEANUP(ts_closep) int parent = -EBADF;
        char part[NAME_MAX + 1];

        if (path[0] == '/')
                dirfd = parent = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (;;) {
                const char *end = path + strspn(path, "/");
                size_t n = strcspn(end, "/");
                bool is_last = end[n + strspn(end + n, "/")] == '\0';
                int fd;

                if (n == 0 || n > NAME_MAX || (n <= 2 && strncmp(end, "..", n) == 0))
                        return n > NAME_MAX ? -ENAMETOOLONG : -EINVAL;
                memcpy(part, end, n);
                part[n] = '\0';
                fd = openat(dirfd, part,
                            O_NOFOLLOW | O_CLOEXEC |
                                            (is_last ? flags | O_NOCTTY | O_NONBLOCK : O_PATH | O_DIRECTORY));
                if (fd < 0)
                        return -errno;
                if (is_last)
                        return fd;
                ts_closep(&parent);
                dirfd = parent = fd;
                path = end + n;
        }
}

int ts_file_read_nofollow(int dirfd, const char *path, struct ts_buf *buf, struct stat *ret_st)
{
        TS_CLEANUP(ts_closep) int fd = ts_file_open_nofollow(dirfd, path, O_RDONLY);

        return fd < 0 ? fd : read_regular(fd, buf, ret_st);
}

static int write_all(int fd, const char *data, size_t len)
{
        while (len > 0) {
                ssize_t n = write(fd, data, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                data += n;
                len -= (size_t) n;
        }
        return 0;
}

/* The directory that @path is in, opened; *@ret_name: the last part of @path. */
static int open_parent(int dirfd, const char *path, const char **ret_name)
{
        TS_CLEANUP(ts_freep) char *parent = NULL;
        const char *slash = strrchr(path, '/');
        int fd;

        if (!slash)
                parent = ts_strdup(".");
        else
                parent = ts_strndup(path, slash == path ? 1 : (size_t) (slash - path));
        *ret_name = slash ? slash + 1 : path;
        if (**ret_name == '\0')
                return -EISDIR;

        fd = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int ts_file_give_to_owner(int fd, int dirfd)
{
        struct stat st;

        if (geteuid() != 0)
                return 0;
        if (fstat(dirfd, &st) < 0)
                return -errno;
        return fchown(fd, st.st_uid, st.st_gid) < 0 ? -errno : 0;
}

static int fill_file(int fd, int parent, const void *data, size_t len, mode_t mode)
{
        int r;

        r = write_all(fd, data, len);
        if (r < 0)
                return r;
        r = ts_file_give_to_owner(fd, parent);
        if (r < 0)
                return r;
        if (fchmod(fd, mode) < 0) /* after the change of owner, which clears bits */
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

static int sync_directory(int fd)
{
        /* EINVAL: this file system cannot do it for directories, and orders renames by itself */
        return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

int ts_file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode)
{
        TS_CLEANUP(ts_closep) int parent = -EBADF;
        TS_CLEANUP(ts_closep) int fd = -EBADF;
        char temporary[40];
        const char *name;
        int r;

        parent = open_parent(dirfd, path, &name);
        if (parent < 0)
                return parent;

        /* 64 random bits: the name is free; O_EXCL: if not, nothing is overwritten */
        (void) snprintf(temporary, sizeof(temporary), ".new-%016llx.tmp",
                        (unsigned long long) ts_clock_system.random(NULL));
        fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;

        r = fill_file(fd, parent, data, len, mode);
        if (r == 0 && renameat(parent, temporary, parent, name) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(parent, temporary, 0); /* the first failure is the one to tell */
                return r;
        }
        return sync_directory(parent);
}

void ts_file_open_standard(void)
{
        static const int flags[] = { O_RDONLY, O_RDONLY, O_WRONLY };

        for (int fd = 0; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        (void) open("/dev/null", flags[fd]); /* gets the lowest number, which is this one */
}

static int probe_space(int fd)
{
        struct statvfs fs;

        if (fstatvfs(fd, &fs) < 0 || fs.f_blocks == 0) /* nothing is known */
                return 0;
        return (geteuid() == 0 ? fs.f_bfree : fs.f_bavail) == 0 ? -ENOSPC : 0;
}

int ts_file_probe_fd(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        int flags = fcntl(fd, F_GETFL);
        struct stat st;

        if (flags < 0 || fstat(fd, &st) < 0)
                return -errno;
        if ((flags & O_ACCMODE) == O_RDONLY)
                return -EBADF;
        if (S_ISREG(st.st_mode))
                return probe_space(fd);
        if (S_ISCHR(st.st_mode) && write(fd, "", 0) < 0) /* /dev/full says so also to nothing */
                return -errno;
        if (S_ISFIFO(st.st_mode) && poll(&p, 1, 0) > 0 && (p.revents & POLLERR))
                return -EPIPE; /* nobody reads */
        return 0;
}
