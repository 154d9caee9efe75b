/*
 * suite - what the unit tests share: their main function, and texts that are compared with files
 *
 * A test asserts what decides: codes, kinds, positions. The sentences stand below tests/fixtures, where
 * `make update-fixtures` replaces them. CK_VERBOSITY and CK_RUN_CASE are heeded.
 */
#ifndef TS_TESTS_SUITE_H
#define TS_TESTS_SUITE_H

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUITE_SKIPPED 77 /* automake's "skipped" */

/* What is different in each run, such as the name of a temporary directory, and what messages have instead.
 */
static struct {
        const char *text, *instead;
} suite_hidden[2];

/* The directory of the sources; absolute, as tests change their directory. */
static char suite_source[PATH_MAX];

/* The messages of all cases so far. The process of each test writes to the same file. */
static int suite_messages = -EBADF;

/*
 * Compares what the file @fd has with tests/fixtures/@file; "some" for @extent: not every case ran. The
 * difference is printed to standard error. Returns 0 when they are the same, or the fixture was replaced.
 */
static inline int suite_compare(const char *file, const char *extent, int fd)
{
        char command[PATH_MAX + sizeof("/tests/lib/fixture")];
        const char *const words[] = { command, file, extent, NULL };
        pid_t pid = fork();
        int status;

        (void) snprintf(command, sizeof(command), "%s/tests/lib/fixture", suite_source);
        if (pid == 0) {
                if (lseek(fd, 0, SEEK_SET) == 0 && dup2(fd, STDIN_FILENO) >= 0 && dup2(2, STDOUT_FILENO) >= 0)
                        (void) execv(command, (char *const *) words);
                perror(command);
                _exit(99);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* @text is the whole file tests/fixtures/@file. */
static inline void fixture_is(const char *file, const char *text)
{
        int fd = memfd_create("text", MFD_CLOEXEC), r;

        ck_assert_int_ge(dprintf(fd, "%s", text), 0);
        r = suite_compare(file, "all", fd);
        (void) close(fd);
        ck_assert_msg(r == 0, "tests/fixtures/%s is different", file);
}

/*
 * The message of a case: @text is what tests/fixtures/messages/PROGRAM.txt has for it. It is compared when
 * all tests have ended. The case is called after the calling test and @name, and no other case is called so.
 */
#define message_is(name, text) suite_message(__func__, name, text)

static inline void suite_write(const char *text, size_t len)
{
        for (size_t h = 0; h < sizeof(suite_hidden) / sizeof(suite_hidden[0]) && suite_hidden[h].text; h++) {
                const char *found = memmem(text, len, suite_hidden[h].text, strlen(suite_hidden[h].text));
                const char *rest = found ? found + strlen(suite_hidden[h].text) : NULL;

                if (found) {
                        suite_write(text, (size_t) (found - text));
                        suite_write(suite_hidden[h].instead, strlen(suite_hidden[h].instead));
                        suite_write(rest, len - (size_t) (rest - text));
                        return;
                }
        }
        ck_assert_int_eq(write(suite_messages, text, len), (ssize_t) len);
}

static inline void suite_message(const char *function, const char *name, const char *text)
{
        size_t len;

        function += strncmp(function, "test_", 5) == 0 ? 5 : 0;
        len = strlen(function);
        len -= len > 3 && strcmp(function + len - 3, "_fn") == 0 ? 3 : 0;
        suite_write(function, len);
        suite_write(": ", 2);
        ck_assert_ptr_null(strchr(name, '\n'));
        suite_write(name, strlen(name));
        suite_write("\n", 1);
        for (const char *next; *text != '\0'; text = next) {
                len = strcspn(text, "\n");
                next = text + len + (text[len] == '\n');
                suite_write("    ", 4);
                suite_write(text, len);
                suite_write("\n", 1);
        }
}

/* Of a test that is started by hand, the directory above, or this one. */
static inline void suite_find_source(void)
{
        const char *const places[] = { getenv("srcdir"), "..", "." };
        char path[PATH_MAX];

        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && suite_source[0] == '\0'; i++) {
                (void) snprintf(path, sizeof(path), "%s/tests/lib/fixture", places[i] ? places[i] : "");
                if (places[i] && access(path, X_OK) == 0 && !realpath(places[i], suite_source))
                        suite_source[0] = '\0';
        }
}

/* Runs @suite, and takes it. Returns what main returns. */
static inline int run_suite(Suite *suite)
{
        SRunner *runner = srunner_create(suite);
        const char *only_case = getenv("CK_RUN_CASE");
        char file[128];
        int n_failed, r;

        suite_find_source();
        suite_messages = memfd_create("messages", 0);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        (void) snprintf(file, sizeof(file), "messages/%s.txt", program_invocation_short_name);
        r = suite_compare(file, n_failed > 0 || only_case ? "some" : "all", suite_messages);
        (void) close(suite_messages);
        if (n_failed > 0 || r != 0)
                return EXIT_FAILURE;
        return getenv("UPDATE_FIXTURES") ? SUITE_SKIPPED : EXIT_SUCCESS; /* nothing was compared */
}

#endif
