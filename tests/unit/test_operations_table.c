/*
 * test_operations_table - what operations.def says, in tests/operations.md and in the manual page
 *
 * make update-fixtures writes both anew.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "genesys/operations.h"
#include "suite.h"
#include "util/buf.h"
#include "util/file.h"

#define TEXT_MAX_BYTES (1u << 20)

struct row {
        const char *section; /* a heading; else a request */
        const char *method, *path, *permission, *name, *purpose, *tests;
        bool is_called;
};

static const struct row rows[] = {
#define SECTION(title) { .section = (title) },
#define OPERATION(op, m, p, n_ids, query, flags, perm, api_name, why, shown_by) \
        { .method = #m, \
          .path = (p), \
          .permission = (perm), \
          .name = (api_name), \
          .purpose = (why), \
          .tests = (shown_by), \
          .is_called = true },
#define NOT_CALLED(m, p, api_name, why, shown_by) \
        { .method = #m, .path = (p), .name = (api_name), .purpose = (why), .tests = (shown_by) },
#include "genesys/operations.def"
};

static const char *source_directory(void)
{
        const char *directory = getenv("srcdir");

        return directory ? directory : ".";
}

static void write_markdown(struct ts_buf *to)
{
        for (size_t i = 0; i < TS_N_ELEMENTS(rows); i++) {
                const struct row *row = &rows[i];

                if (row->section)
                        (void) ts_buf_printf(
                                        to,
                                        "%s## %s\n\n"
                                        "| request | operation | permission | what asks it | shown by |\n"
                                        "|---|---|---|---|---|\n",
                                        i > 0 ? "\n" : "", row->section);
                else
                        (void) ts_buf_printf(to, "| `%s %s` | %s | %s | %s%s | %s |\n", row->method,
                                             row->path, row->name,
                                             row->permission  ? row->permission
                                             : row->is_called ? "none"
                                                              : "-",
                                             row->is_called ? "" : "not called: ", row->purpose, row->tests);
        }
}

static const char *permission_of(size_t i)
{
        return rows[i].permission ? rows[i].permission : "none";
}

static bool is_first_of_its_permission(size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (rows[k].is_called && strcmp(permission_of(k), permission_of(i)) == 0)
                        return false;
        return rows[i].is_called;
}

static void write_manual(struct ts_buf *to)
{
        (void) ts_buf_puts(to, ".Bd -literal -offset indent\n");
        for (size_t i = 0; i < TS_N_ELEMENTS(rows); i++) {
                if (!is_first_of_its_permission(i))
                        continue;
                (void) ts_buf_printf(to, "%s\n", permission_of(i));
                for (size_t k = i; k < TS_N_ELEMENTS(rows); k++)
                        if (rows[k].is_called && strcmp(permission_of(k), permission_of(i)) == 0)
                                (void) ts_buf_printf(to, "    %-6s %s\n", rows[k].method, rows[k].path);
        }
        (void) ts_buf_puts(to, ".Ed\n");
}

/* Parts of files that are written from the table: from the line @begin up to @end. */
static const struct part {
        const char *file, *begin, *end; /* NULL: up to the end of the file */
        void (*write)(struct ts_buf *to);
} parts[] = {
        { "tests/operations.md", "## ", NULL, write_markdown },
        { "man/trustsyncd.8.in", ".\\\" The requests of each permission", ".Sh ", write_manual },
};

/* Where a line of @text begins so. */
static const char *find_line(const char *text, const char *beginning)
{
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, beginning, strlen(beginning)) == 0)
                        return line;
        }
        ck_abort_msg("there is no line that begins with '%s'", beginning);
}

START_TEST(test_file_is_written_from_the_table)
{
        const struct part *w = &parts[_i];
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TEXT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf expected = TS_BUF_INIT(TEXT_MAX_BYTES);
        const char *begin, *end;
        char path[4096];

        (void) snprintf(path, sizeof(path), "%s/%s", source_directory(), w->file);
        ck_assert_msg(ts_file_read(AT_FDCWD, path, &text, NULL) == 0,
                      "%s cannot be read; srcdir is the directory of the sources", path);
        begin = find_line(ts_buf_text(&text), w->begin);
        if (begin[0] == '.')
                begin = strchr(begin, '\n') + 1;
        end = w->end ? find_line(begin, w->end) : ts_buf_text(&text) + text.len;

        (void) ts_buf_put(&expected, ts_buf_text(&text), (size_t) (begin - ts_buf_text(&text)));
        w->write(&expected);
        (void) ts_buf_puts(&expected, end);
        if (getenv("UPDATE_FIXTURES"))
                ck_assert_int_eq(ts_file_replace(AT_FDCWD, path, expected.data, expected.len, 0644), 0);
        else
                ck_assert_msg(strcmp(ts_buf_text(&expected), ts_buf_text(&text)) == 0,
                              "%s is not what operations.def says: make update-fixtures writes it", w->file);
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
        for (size_t i = 0; i < TS_N_ELEMENTS(rows); i++) {
                size_t n = 0;
                char name[64];
                int len;

                if (rows[i].section)
                        continue;
                for (const char *p = rows[i].tests; sscanf(p, "%63[^ ,]%n", name, &len) == 1; n++) {
                        ck_assert_msg(is_test(name), "%s %s: there is no test %s", rows[i].method,
                                      rows[i].path, name);
                        p += len;
                        p += strspn(p, ", ");
                }
                ck_assert_msg(n > 0, "%s %s: no test shows it", rows[i].method, rows[i].path);
        }
}
END_TEST

START_TEST(test_request_stands_once)
{
        ck_assert_uint_ge(TS_N_ELEMENTS(rows), 70);
        for (size_t i = 0; i < TS_N_ELEMENTS(rows); i++)
                for (size_t k = 0; k < i && rows[i].method; k++)
                        ck_assert_msg(!rows[k].method || strcmp(rows[i].method, rows[k].method) != 0 ||
                                                      strcmp(rows[i].path, rows[k].path) != 0,
                                      "%s %s stands twice", rows[i].method, rows[i].path);
}
END_TEST

/* A variant is the operation before it, but for the query. */
START_TEST(test_variant)
{
        static const struct {
                const char *request, *permission;
                size_t n_ids;
                bool is_variant;
        } operations[] = {
#define VARIANT(op, m, p, n_ids, query, flags, perm) { #m " " p " " #flags, perm, n_ids, true },
#define OPERATION(op, m, p, n_ids, query, flags, perm, ...) { #m " " p " " #flags, perm, n_ids, false },
#include "genesys/operations.def"
        };
        size_t n = 0;

        ck_assert_uint_eq(TS_N_ELEMENTS(operations), TS_OP_MAX_);
        for (size_t i = 0; i < TS_N_ELEMENTS(operations); i++) {
                if (!operations[i].is_variant)
                        continue;
                ck_assert_str_eq(operations[i].request, operations[i - 1].request);
                ck_assert_str_eq(operations[i].permission, operations[i - 1].permission);
                ck_assert_uint_eq(operations[i].n_ids, operations[i - 1].n_ids);
                n++;
        }
        ck_assert_uint_ge(n, 4);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("operations_table");
        TCase *tests = tcase_create("table");

        tcase_add_loop_test(tests, test_file_is_written_from_the_table, 0, TS_N_ELEMENTS(parts));
        tcase_add_test(tests, test_every_test_is_there);
        tcase_add_test(tests, test_request_stands_once);
        tcase_add_test(tests, test_variant);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
