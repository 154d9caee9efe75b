/*
 * scan - how often texts stand in the memory of another process
 *
 * scan PID < NEEDLES: a line of NEEDLES is "name text"; the text "<token>" stands for any token of the
 * simulator (16, 16 and 8 hexadecimal digits). Prints "name count" for each. All that can be read is looked
 * at, stacks and files that are mapped among it. The process is stopped while that is done. Only root may do
 * this.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define NEEDLES_MAX 32
#define TEXT_MAX_BYTES 256
#define PIECE_BYTES ((size_t) 1024 * 1024)

struct needle {
        char name[64], text[TEXT_MAX_BYTES];
        size_t len, n;
};

static struct needle needles[NEEDLES_MAX];
static size_t n_needles;

static bool read_needles(void)
{
        while (n_needles < NEEDLES_MAX) {
                struct needle *needle = &needles[n_needles];
                char line[sizeof(needle->name) + TEXT_MAX_BYTES], *space;

                if (!fgets(line, sizeof(line), stdin))
                        return n_needles > 0;
                line[strcspn(line, "\n")] = '\0';
                space = strchr(line, ' ');
                if (!space || (size_t) (space - line) >= sizeof(needle->name) || strlen(space + 1) < 7 ||
                    strlen(space + 1) >= TEXT_MAX_BYTES)
                        return false;
                *space = '\0';
                memcpy(needle->name, line, strlen(line) + 1);
                needle->len = strlen(space + 1);
                memcpy(needle->text, space + 1, needle->len + 1);
                n_needles++;
        }
        return false;
}

static bool are_digits(const char *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
                        return false;
        return true;
}

static size_t count_tokens(const char *data, size_t len)
{
        static const size_t first = 16, second = 16, third = 8, whole = 42;
        const char *p = data, *end = data + len;
        size_t n = 0;

        while (p + whole <= end && (p = memchr(p + first, '-', (size_t) (end - p) - whole + 1))) {
                const char *start = p - first;

                n += are_digits(start, first) && are_digits(p + 1, second) && p[1 + second] == '-' &&
                     are_digits(p + 2 + second, third);
                p = start + 1;
        }
        return n;
}

static size_t count_text(const char *data, size_t len, const struct needle *needle)
{
        const char *p = data;
        size_t n = 0;

        while ((p = memmem(p, len - (size_t) (p - data), needle->text, needle->len))) {
                n++;
                p++;
        }
        return n;
}

static void count_in(const char *data, size_t len)
{
        for (size_t i = 0; i < n_needles; i++)
                needles[i].n += strcmp(needles[i].text, "<token>") == 0 ? count_tokens(data, len)
                                                                        : count_text(data, len, &needles[i]);
}

/* Pieces overlap: a text at their border is found, perhaps twice. */
static void scan_map(int fd, uint64_t from, uint64_t to, char *piece)
{
        while (from < to) {
                size_t want = to - from < PIECE_BYTES ? (size_t) (to - from) : PIECE_BYTES;
                ssize_t got = pread(fd, piece, want, (off_t) from);

                if (got <= 0)
                        return; /* what the kernel does not show, [vvar] */
                count_in(piece, (size_t) got);
                if ((size_t) got < want || want < PIECE_BYTES)
                        return;
                from += PIECE_BYTES - TEXT_MAX_BYTES;
        }
}

static bool scan(const char *pid)
{
        char path[64], line[512], *piece = malloc(PIECE_BYTES);
        FILE *maps;
        int fd;

        (void) snprintf(path, sizeof(path), "/proc/%.20s/mem", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        (void) snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
        maps = fopen(path, "re");
        if (fd < 0 || !maps || !piece) {
                fprintf(stderr, "scan: %s: %s\n", path, strerror(errno));
                return false;
        }
        while (fgets(line, sizeof(line), maps)) {
                uint64_t from, to;
                char mode[8];

                if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, mode) == 3 && mode[0] == 'r')
                        scan_map(fd, from, to, piece);
        }
        (void) fclose(maps);
        (void) close(fd);
        free(piece);
        return true;
}

int main(int argc, char *argv[])
{
        long pid = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
        bool done;

        if (pid <= 0 || !read_needles()) {
                fprintf(stderr,
                        "usage: scan PID < NEEDLES; a needle is \"name text\", of at least 7 bytes\n");
                return 64;
        }
        if (kill((pid_t) pid, SIGSTOP) < 0) {
                fprintf(stderr, "scan: cannot stop %ld: %s\n", pid, strerror(errno));
                return 1;
        }
        done = scan(argv[1]);
        (void) kill((pid_t) pid, SIGCONT);
        for (size_t i = 0; done && i < n_needles; i++)
                printf("%s %zu\n", needles[i].name, needles[i].n);
        return done ? 0 : 1;
}
