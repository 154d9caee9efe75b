/*
 * fail - preloaded into the program: lets the n-th call of a kind fail, and notes what is sent after that
 *
 * Counting begins with main() of a program of the name trustsyncd. From the environment:
 *   TORTURE_KIND   allocation, read, write, fsync, rename, open, lock, mkdir
 *   TORTURE_AT     the call that fails, from 1; 0: none
 *   TORTURE_ERROR  the error: a number; 0: read() and write() do only half of it
 *   TORTURE_LOG    gets a line when the call fails, "failed KIND N SENT WHERE" (SENT: how often something was
 *                  sent through a socket until then), one when an allocation has failed and something is
 *                  sent after it, "sent", and one at the end, "calls N"
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

enum kind {
        KIND_ALLOCATION,
        KIND_READ,
        KIND_WRITE,
        KIND_FSYNC,
        KIND_RENAME,
        KIND_OPEN,
        KIND_LOCK,
        KIND_MKDIR,
        KIND_MAX_,
};

static const char *const kinds[] = {
        "allocation", "read", "write", "fsync", "rename", "open", "lock", "mkdir"
};

static struct {
        bool is_counting, has_failed;
        enum kind kind;
        unsigned long at, n, n_sent;
        int error, log;
} state = { .log = -1 };

/* What glibc calls its own. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

typedef int (*main_function)(int, char **, char **);

EXPORTED int __libc_start_main(main_function function, int argc, char **argv, void (*init)(void),
                               void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

/* ------------------------------------------------------------------------------------------------ the log */

static void note(const char *text)
{
        long r = syscall(SYS_write, state.log, text, strlen(text));

        (void) r; /* a note that is missing makes the test fail */
}

static const char *where(const void *address)
{
        Dl_info info;
        const char *slash;

        if (!dladdr(address, &info) || !info.dli_fname)
                return "?";
        slash = strrchr(info.dli_fname, '/');
        return slash ? slash + 1 : info.dli_fname;
}

static void note_failure(const void *caller)
{
        char line[256];

        (void) snprintf(line, sizeof(line), "failed %s %lu %lu %s\n", kinds[state.kind], state.n,
                        state.n_sent, where(caller));
        note(line);
}

static void note_end(void)
{
        char line[64];

        state.is_counting = false;
        (void) snprintf(line, sizeof(line), "calls %lu\n", state.n);
        note(line);
}

/* True when this call has to fail. */
static bool fails(enum kind kind, const void *caller)
{
        if (!state.is_counting || kind != state.kind || ++state.n != state.at)
                return false;
        state.has_failed = true;
        state.is_counting = false;
        note_failure(caller);
        state.is_counting = true;
        return true;
}

#define FAILS(kind) fails((kind), __builtin_return_address(0))

static int error(void)
{
        errno = state.error;
        return -1;
}

/* ------------------------------------------------------------------------------------------ the beginning */

static unsigned long number(const char *name)
{
        const char *text = getenv(name);

        return text ? strtoul(text, NULL, 10) : 0;
}

static main_function real_main;

static int counted_main(int argc, char **argv, char **envp)
{
        const char *kind = getenv("TORTURE_KIND"), *log = getenv("TORTURE_LOG");

        if (!kind || !log || strcmp(program_invocation_short_name, "trustsyncd") != 0)
                return real_main(argc, argv, envp);
        while (state.kind < KIND_MAX_ && strcmp(kinds[state.kind], kind) != 0)
                state.kind++;
        state.at = number("TORTURE_AT");
        state.error = (int) number("TORTURE_ERROR");
        state.log = (int) syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (state.kind == KIND_MAX_ || state.log < 0 || atexit(note_end) != 0)
                abort();
        state.is_counting = true;
        return real_main(argc, argv, envp);
}

int __libc_start_main(main_function function, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
        int (*next)(main_function, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
        void *symbol = dlsym(RTLD_NEXT, "__libc_start_main");

        memcpy(&next, &symbol, sizeof(next));
        real_main = function;
        return next(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}

/* -------------------------------------------------------------------------------------------- allocations */

EXPORTED void *malloc(size_t size)
{
        if (FAILS(KIND_ALLOCATION)) {
                errno = ENOMEM;
                return NULL;
        }
        return __libc_malloc(size);
}

EXPORTED void *calloc(size_t n, size_t size)
{
        if (FAILS(KIND_ALLOCATION)) {
                errno = ENOMEM;
                return NULL;
        }
        return __libc_calloc(n, size);
}

EXPORTED void *realloc(void *p, size_t size)
{
        if (FAILS(KIND_ALLOCATION)) {
                errno = ENOMEM;
                return NULL;
        }
        return __libc_realloc(p, size);
}

EXPORTED void *memalign(size_t alignment, size_t size)
{
        if (FAILS(KIND_ALLOCATION)) {
                errno = ENOMEM;
                return NULL;
        }
        return __libc_memalign(alignment, size);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size)
{
        return memalign(alignment, size);
}

EXPORTED int posix_memalign(void **ret, size_t alignment, size_t size)
{
        void *p = memalign(alignment, size);

        if (!p)
                return ENOMEM;
        *ret = p;
        return 0;
}

/* -------------------------------------------------------------------------------------------------- files */

static ssize_t half(size_t n)
{
        return n > 1 ? (ssize_t) (n / 2) : (ssize_t) n;
}

EXPORTED ssize_t read(int fd, void *data, size_t n)
{
        if (!FAILS(KIND_READ))
                return syscall(SYS_read, fd, data, n);
        return state.error != 0 ? error() : syscall(SYS_read, fd, data, half(n));
}

EXPORTED ssize_t __read_chk(int fd, void *data, size_t n, size_t size);
ssize_t __read_chk(int fd, void *data, size_t n, size_t size)
{
        if (n > size)
                abort();
        return read(fd, data, n);
}

EXPORTED int openat(int dirfd, const char *path, int flags, ...)
{
        mode_t mode = 0;
        va_list ap;

        if (flags & (O_CREAT | O_TMPFILE)) {
                va_start(ap, flags);
                mode = va_arg(ap, mode_t);
                va_end(ap);
        }
        if (FAILS(KIND_OPEN))
                return error();
        return (int) syscall(SYS_openat, dirfd, path, flags, mode);
}

EXPORTED int open(const char *path, int flags, ...)
{
        mode_t mode = 0;
        va_list ap;

        if (flags & (O_CREAT | O_TMPFILE)) {
                va_start(ap, flags);
                mode = va_arg(ap, mode_t);
                va_end(ap);
        }
        return openat(AT_FDCWD, path, flags, mode);
}

/* The names that they have where files are large, or where calls are checked. */
EXPORTED int open64(const char *path, int flags, ...) __attribute__((alias("open")));
EXPORTED int openat64(int dirfd, const char *path, int flags, ...) __attribute__((alias("openat")));
EXPORTED int __open_2(const char *path, int flags);
EXPORTED int __openat_2(int dirfd, const char *path, int flags);
EXPORTED int __open64_2(const char *path, int flags) __attribute__((alias("__open_2")));
EXPORTED int __openat64_2(int dirfd, const char *path, int flags) __attribute__((alias("__openat_2")));

int __open_2(const char *path, int flags)
{
        return openat(AT_FDCWD, path, flags, 0);
}

int __openat_2(int dirfd, const char *path, int flags)
{
        return openat(dirfd, path, flags, 0);
}

EXPORTED int fsync(int fd)
{
        return FAILS(KIND_FSYNC) ? error() : (int) syscall(SYS_fsync, fd);
}

EXPORTED int renameat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path)
{
        if (FAILS(KIND_RENAME))
                return error();
        return (int) syscall(SYS_renameat2, old_dirfd, old_path, new_dirfd, new_path, 0);
}

EXPORTED int rename(const char *old_path, const char *new_path)
{
        return renameat(AT_FDCWD, old_path, AT_FDCWD, new_path);
}

EXPORTED int flock(int fd, int operation)
{
        return FAILS(KIND_LOCK) ? error() : (int) syscall(SYS_flock, fd, operation);
}

EXPORTED int mkdirat(int dirfd, const char *path, mode_t mode)
{
        return FAILS(KIND_MKDIR) ? error() : (int) syscall(SYS_mkdirat, dirfd, path, mode);
}

EXPORTED int mkdir(const char *path, mode_t mode)
{
        return mkdirat(AT_FDCWD, path, mode);
}

/* ------------------------------------------------------------------------------------------- what is sent */

static void note_sent(int fd)
{
        int domain = 0;
        socklen_t size = sizeof(domain);

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
            (domain != AF_INET && domain != AF_INET6))
                return;
        state.n_sent++;
        if (state.has_failed && state.kind == KIND_ALLOCATION)
                note("sent\n");
}

EXPORTED ssize_t write(int fd, const void *data, size_t n)
{
        if (state.is_counting)
                note_sent(fd);
        if (!FAILS(KIND_WRITE))
                return syscall(SYS_write, fd, data, n);
        return state.error != 0 ? error() : syscall(SYS_write, fd, data, half(n));
}

EXPORTED ssize_t writev(int fd, const struct iovec *parts, int n)
{
        if (state.is_counting)
                note_sent(fd);
        return syscall(SYS_writev, fd, parts, n);
}

EXPORTED ssize_t sendto(int fd, const void *data, size_t n, int flags, const struct sockaddr *to,
                        socklen_t size)
{
        if (state.is_counting)
                note_sent(fd);
        return syscall(SYS_sendto, fd, data, n, flags, to, size);
}

EXPORTED ssize_t send(int fd, const void *data, size_t n, int flags)
{
        return sendto(fd, data, n, flags, NULL, 0);
}

EXPORTED ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
        if (state.is_counting)
                note_sent(fd);
        return syscall(SYS_sendmsg, fd, message, flags);
}
