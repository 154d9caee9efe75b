/*
 * measure - runs a command and says what it cost
 *
 * measure FILE COMMAND...: appends "WALL CPU PEAK" (seconds, seconds, KiB) to FILE; its status is the
 * command's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_CANNOT_RUN 126

static double seconds_of(const struct timeval *t)
{
        return (double) t->tv_sec + (double) t->tv_usec / 1e6;
}

static double now(void)
{
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static int append(const char *path, double wall, const struct rusage *usage)
{
        FILE *f = fopen(path, "ae");
        int r;

        if (!f) {
                (void) fprintf(stderr, "measure: cannot open '%s': %s\n", path, strerror(errno));
                return -1;
        }
        r = fprintf(f, "%.4f %.4f %ld\n", wall, seconds_of(&usage->ru_utime) + seconds_of(&usage->ru_stime),
                    usage->ru_maxrss);
        return fclose(f) != 0 || r < 0 ? -1 : 0;
}

int main(int argc, char *argv[])
{
        struct rusage usage;
        double start = now();
        int status;
        pid_t pid;

        if (argc < 3) {
                (void) fprintf(stderr, "usage: measure FILE COMMAND...\n");
                return 64;
        }
        pid = fork();
        if (pid == 0) {
                (void) execv(argv[2], argv + 2);
                (void) fprintf(stderr, "measure: cannot run '%s': %s\n", argv[2], strerror(errno));
                _exit(EXIT_CANNOT_RUN);
        }
        if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
                (void) fprintf(stderr, "measure: %s\n", strerror(errno));
                return EXIT_CANNOT_RUN;
        }
        if (append(argv[1], now() - start, &usage) < 0)
                return EXIT_CANNOT_RUN;
        return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_CANNOT_RUN;
}
