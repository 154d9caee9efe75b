/*
 * test_operations_table - tests/operations.md has every operation, and only tests that are there
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "genesys/operations.h"
#include "suite.h"

#define ROWS_MAX 128u

/* A row in the words of the table. */
struct row {
        char request[128], permission[128], why[512], tests[256];
};

static struct row rows[ROWS_MAX];
static size_t n_rows;

static const char *source_directory(void)
{
        const char *directory = getenv("srcdir");

        return directory ? directory : ".";
}

/* | `GET /path` | name | permission | why | tests | */
static void read_row(const char *line)
{
        struct row row;

        if (sscanf(line, "| `%127[^`]` | %*[^|]| %127[^|]| %511[^|]| %255[^|]|", row.request, row.permission,
                   row.why, row.tests) != 4)
                return;
        ck_assert_uint_lt(n_rows, ROWS_MAX);
        rows[n_rows++] = row;
}

static void read_table(void)
{
        char path[4096], line[2048];
        FILE *file;

        (void) snprintf(path, sizeof(path), "%s/tests/operations.md", source_directory());
        file = fopen(path, "re");
        ck_assert_msg(file != NULL, "%s cannot be read; srcdir is the directory of the sources", path);
        n_rows = 0;
        while (fgets(line, sizeof(line), file))
                read_row(line);
        ck_assert_int_eq(fclose(file), 0);
}

static const struct row *find_row(const char *request)
{
        for (size_t i = 0; i < n_rows; i++)
                if (strcmp(rows[i].request, request) == 0)
                        return &rows[i];
        return NULL;
}

static bool begins(const char *text, const char *beginning)
{
        return strncmp(text, beginning, strlen(beginning)) == 0;
}

START_TEST(test_every_operation_has_a_row)
{
        const struct ts_operation_info *o = ts_operation_info((enum ts_operation) _i);
        const char *permission = o->permission ? o->permission : "none";
        const struct row *row;
        char request[256];

        read_table();
        (void) snprintf(request, sizeof(request), "%s %s", ts_method_to_string(o->method), o->path);
        row = find_row(request);
        ck_assert_msg(row != NULL, "tests/operations.md has no row for %s", request);
        ck_assert_msg(begins(row->permission, permission) && row->permission[strlen(permission)] == ' ',
                      "%s: the program says '%s', the table says '%s'", request, permission, row->permission);
}
END_TEST

static bool is_operation(const char *request)
{
        for (unsigned i = 0; i < TS_OP_MAX_; i++) {
                const struct ts_operation_info *o = ts_operation_info((enum ts_operation) i);
                const char *method = ts_method_to_string(o->method);

                if (begins(request, method) && strcmp(request + strlen(method) + 1, o->path) == 0)
                        return true;
        }
        return false;
}

START_TEST(test_every_row_is_an_operation)
{
        read_table();
        ck_assert_uint_ge(n_rows, 60);
        for (size_t i = 0; i < n_rows; i++) {
                ck_assert_msg(find_row(rows[i].request) == &rows[i], "%s is there twice", rows[i].request);
                ck_assert_msg(is_operation(rows[i].request) || begins(rows[i].why, "not called: "),
                              "%s is no operation of the program, and the table does not say that it is not "
                              "called",
                              rows[i].request);
        }
}
END_TEST

static bool is_test(const char *name)
{
        static const char *const folders[] = { "integration", "unit", "simulator", "sdk" };
        char path[4096];

        for (size_t i = 0; i < TS_N_ELEMENTS(folders); i++) {
                (void) snprintf(path, sizeof(path), "%s/tests/%s/%s", source_directory(), folders[i], name);
                if (access(path, R_OK) == 0)
                        return true;
        }
        return false;
}

START_TEST(test_every_test_is_there)
{
        read_table();
        for (size_t i = 0; i < n_rows; i++) {
                size_t n = 0;
                char name[64];
                int len;

                for (const char *p = rows[i].tests; sscanf(p, " %63[^ ,]%n", name, &len) == 1; n++) {
                        ck_assert_msg(is_test(name), "%s: there is no test %s", rows[i].request, name);
                        p += len;
                        p += strspn(p, ", ");
                }
                ck_assert_msg(n > 0, "%s: no test shows it", rows[i].request);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("operations_table");
        TCase *tests = tcase_create("table");

        tcase_add_loop_test(tests, test_every_operation_has_a_row, 0, TS_OP_MAX_);
        tcase_add_test(tests, test_every_row_is_an_operation);
        tcase_add_test(tests, test_every_test_is_there);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
