/*
 * test_options - the command line: what is taken, what is refused together, what help and man page say of it
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "suite.h"
#include "util/file.h"
#include "util/mem.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define AN_ID "9d1c0000-0000-4000-8000-000000000007"
#define WORDS_MAX 32

/* "trustsyncd" and the words of @text, which '_' may stand in for a space in. */
static int split(char *text, char *argv[WORDS_MAX])
{
        static char program[] = "trustsyncd";
        char *rest = NULL;
        int argc = 0;

        argv[argc++] = program;
        for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                for (char *p = word; *p != '\0'; p++)
                        if (*p == '_')
                                *p = ' ';
                argv[argc++] = word;
        }
        argv[argc] = NULL;
        return argc;
}

static void put_texts(struct ts_buf *out, const char *name, const struct ts_texts_option *o)
{
        for (size_t i = 0; i < o->n; i++)
                ts_buf_printf(out, " %s=%s", name, o->items[i]);
}

static void put_text(struct ts_buf *out, const char *name, const char *text)
{
        if (text)
                ts_buf_printf(out, " %s=%s", name, text);
}

/* What differs from the defaults. */
static void put_options(struct ts_buf *out, const struct ts_options *o)
{
        static const char *const runs[] = { "daemon",        "dry-run", "once", "check",  "export",
                                            "access-report", "audit",   "help", "version" };
        static const char *const formats[] = { "text", "json", "markdown", "csv", "html" };

        ts_buf_puts(out, runs[o->run]);
        put_text(out, "config", o->config);
        put_text(out, "trusts", o->trusts);
        put_text(out, "live", o->live);
        put_text(out, "base", o->base);
        put_text(out, "digest", o->plan_digests[0] != '\0' ? o->plan_digests : NULL);
        put_texts(out, "organization", &o->organizations);
        put_texts(out, "trust", &o->trust);
        put_texts(out, "user", &o->users);
        put_texts(out, "output", &o->outputs);
        put_texts(out, "role", &o->roles);
        ts_buf_puts(out, o->privileged ? " privileged" : "");
        ts_buf_puts(out, o->undeclared ? " undeclared" : "");
        if (o->expires_within_usec > 0)
                put_text(out, "expires-within", ts_span_format(o->expires_within_usec).s);
        ts_buf_puts(out, o->by_user ? " by-user" : "");
        if (o->has_format)
                put_text(out, "format", formats[o->format]);
        if (o->color != TS_COLOR_AUTO)
                put_text(out, "color", o->color == TS_COLOR_ALWAYS ? "always" : "never");
        if (o->has_since && o->since != TS_TIME_UNSET)
                put_text(out, "since", ts_time_format(o->since).s);
        else if (o->has_since)
                put_text(out, "since", ts_span_format(o->since_usec).s);
        ts_buf_puts(out, o->detailed_exitcode ? " detailed" : "");
        ts_buf_puts(out, o->verbose ? " verbose" : "");
        ts_buf_puts(out, o->quiet ? " quiet" : "");
}

/* What is made of a command line: the options, or "!". */
static const struct {
        const char *line, *result;
} cases[] = {
        { "", "daemon" },
        { "-v", "daemon verbose" },
        { "-q", "daemon quiet" },
        { "-c a.yaml --trusts b -o acme -o beta",
          "daemon config=a.yaml trusts=b organization=acme organization=beta" },
        { "--config=a.yaml --organization=acme", "daemon config=a.yaml organization=acme" },
        { "-ca.yaml -oacme", "daemon config=a.yaml organization=acme" },
        { "-c a -c b", "daemon config=b" },

        { "--dry-run", "dry-run" },
        { "--dry-run --dry-run", "dry-run" },
        { "--once", "once" },
        { "--check", "check" },
        { "--check -o acme --trust contoso -q", "check organization=acme trust=contoso quiet" },
        { "--export", "export" },
        { "--export --trust contoso -o acme", "export organization=acme trust=contoso" },
        { "--access-report", "access-report" },
        { "--audit", "audit" },
        { "--dry-run --trust a --trust b --user c@d.e --user " AN_ID,
          "dry-run trust=a trust=b user=c@d.e user=" AN_ID },
        { "--access-report --trust a --user b@c", "access-report trust=a user=b@c" },
        { "--dry-run --format text", "dry-run format=text" },
        { "--dry-run --format json", "dry-run format=json" },
        { "--once --format markdown", "once format=markdown" },
        { "--access-report --format csv", "access-report format=csv" },
        { "--dry-run --output a.txt --output b.json --output c.md",
          "dry-run output=a.txt output=b.json output=c.md" },
        { "--access-report --format html", "access-report format=html" },
        { "--dry-run --output a.html", "dry-run output=a.html" },
        { "--audit --format html", "!" },
        { "--check --output a.html", "!" },
        { "--access-report --output a.csv", "access-report output=a.csv" },
        { "--dry-run --color always", "dry-run color=always" },
        { "--dry-run --color never", "dry-run color=never" },
        { "--dry-run --color always --color auto", "dry-run" },
        { "--dry-run --detailed-exitcode", "dry-run detailed" },
        { "--once --plan-digest " DIGEST, "once digest=" DIGEST },
        { "--dry-run --plan-digest " DIGEST, "dry-run digest=" DIGEST },
        { "--once --plan-digest " DIGEST "," DIGEST " --plan-digest " DIGEST,
          "once digest=" DIGEST " " DIGEST " " DIGEST },
        { "--dry-run --live a.yaml --trusts b", "dry-run trusts=b live=a.yaml" },
        { "--dry-run --live a.yaml -c c.yaml", "dry-run config=c.yaml live=a.yaml" },
        { "--dry-run --base a", "dry-run base=a" },
        { "--dry-run --live a.yaml --base b --trusts c", "dry-run trusts=c live=a.yaml base=b" },
        { "--audit --since 7d", "audit since=7d" },
        { "--audit --since 1d_12h", "audit since=1d 12h" },
        { "--audit --since 2026-11-01T00:00:00Z", "audit since=2026-11-01T00:00:00Z" },
        { "--since 2026-11-01T00:00:00Z --since 1h --audit", "audit since=1h" },
        { "--since 1h --since 2026-11-01T00:00:00+01:00 --audit", "audit since=2026-10-31T23:00:00Z" },
        { "--audit --format json --output a.json --trust b --user c@d -o d",
          "audit organization=d trust=b user=c@d output=a.json format=json" },

        { "-h", "help" },
        { "--help --nonsense", "help" },
        { "--dry-run --export --help", "!" },
        { "--check --help -v", "help verbose" },
        { "-V", "version" },
        { "-vV", "version verbose" },
        { "-V --verbose", "version verbose" },

        { "--check --once", "!" },
        { "--audit --dry-run", "!" },
        { "contoso", "!" },
        { "--dry-run -- contoso", "!" },
        { "--dryrun", "!" },
        { "-x", "!" },
        { "-qxv", "!" },
        { "-xv", "!" },
        { "--check=yes", "!" },
        { "--verbose=yes", "!" },
        { "-c", "!" },
        { "--dry-run --trust", "!" },
        { "--audit --since", "!" },
        { "--verbose --quiet", "!" },
        { "--dry-run --color blue", "!" },
        { "--dry-run --format yaml", "!" },
        { "--dry-run --user nope", "!" },
        { "--access-report --user Jane_Doe", "!" },
        { "--audit --user jane@", "!" },
        { "--dry-run --user " AN_ID "0", "!" },
        { "--dry-run --output plan", "!" },
        { "--dry-run --output plan.yaml", "!" },

        { "--trust a", "!" },
        { "--user a@b", "!" },
        { "--format text", "!" },
        { "--output a.json", "!" },
        { "--detailed-exitcode", "!" },
        { "--plan-digest " DIGEST, "!" },
        { "--once --detailed-exitcode", "!" },
        { "--check --detailed-exitcode", "!" },
        { "--export --detailed-exitcode", "!" },
        { "--access-report --detailed-exitcode", "!" },
        { "--audit --detailed-exitcode", "!" },
        { "--check --plan-digest " DIGEST, "!" },
        { "--export --plan-digest " DIGEST, "!" },
        { "--access-report --plan-digest " DIGEST, "!" },
        { "--audit --plan-digest " DIGEST, "!" },
        { "--live a --trusts b", "!" },
        { "--once --live a --trusts b", "!" },
        { "--check --base a", "!" },
        { "--export --live a", "!" },
        { "--access-report --base a", "!" },
        { "--audit --live a", "!" },
        { "--access-report --live a --trusts b", "access-report trusts=b live=a" },
        { "--access-report --live a", "!" },
        { "--access-report --role Admin --role Master_Admin --privileged --undeclared",
          "access-report role=Admin role=Master Admin privileged undeclared" },
        { "--access-report --expires-within 30d --by user", "access-report expires-within=30d by-user" },
        { "--access-report --by user --by trust", "access-report" },
        { "--dry-run --role Admin", "!" },
        { "--privileged", "!" },
        { "--once --undeclared", "!" },
        { "--audit --expires-within 1d", "!" },
        { "--export --by trust", "!" },
        { "--access-report --by name", "!" },
        { "--access-report --expires-within soon", "!" },
        { "--access-report --expires-within 0", "!" },
        { "--dry-run --live a", "!" },
        { "--since 7d", "!" },
        { "--dry-run --since 7d", "!" },
        { "--access-report --since 7d", "!" },
        { "--export --format text", "!" },
        { "--export --output a.txt", "!" },
        { "--audit --format text", "!" },
        { "--audit --format csv", "!" },
        { "--audit --output a.json --output a.md", "!" },
        { "--audit --output a.csv", "!" },
        { "--dry-run --format csv", "!" },
        { "--once --output a.json --output a.csv", "!" },

        { "--once --plan-digest sha256:0123", "!" },
        { "--once --plan-digest " DIGEST "0", "!" },
        { "--once --plan-digest 0123", "!" },
        { "--once --plan-digest "
          "sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
          "!" },
        { "--audit --since yesterday", "!" },
        { "--audit --since -7d", "!" },
        { "--audit --since 0", "!" },
        { "--audit --since 2026-11-01", "!" },
        { "--audit --since=", "!" },
};

START_TEST(test_line)
{
        TS_CLEANUP(ts_freep) char *line = ts_strdup(cases[_i].line);
        TS_CLEANUP(ts_options_done) struct ts_options o = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(4096);
        char *argv[WORDS_MAX];
        struct ts_err err = { 0 };
        int argc = split(line, argv), r;

        r = ts_options_parse(argc, argv, &o, &err);
        if (r < 0)
                ts_buf_puts(&got, "!");
        else
                put_options(&got, &o);
        ck_assert_msg(strcmp(ts_buf_text(&got), cases[_i].result) == 0, "%s:\n%s\n%s", cases[_i].line,
                      ts_buf_text(&got), cases[_i].result);
        ck_assert(r == 0 || (r == -EINVAL && err.cls == TS_ERR_INPUT)); /* status 64 */
        if (r < 0)
                message_is(cases[_i].line, err.msg);
}
END_TEST

START_TEST(test_default_of_since)
{
        TS_CLEANUP(ts_options_done) struct ts_options o = { 0 };
        char line[] = "--audit", *argv[WORDS_MAX];
        struct ts_err err = { 0 };
        int argc = split(line, argv);

        ck_assert_int_eq(ts_options_parse(argc, argv, &o, &err), 0);
        ck_assert_int_eq(o.since, TS_TIME_UNSET);
        ck_assert_uint_eq(o.since_usec, 7 * TS_USEC_PER_DAY);
}
END_TEST

/* -------------------------------------------------------------------------------------- help and man page */

static bool is_taken(const char *option)
{
        TS_CLEANUP(ts_options_done) struct ts_options o = { 0 };
        static char program[] = "trustsyncd";
        char *word = ts_strdup(option), *argv[] = { program, word, NULL };
        struct ts_err err = { 0 };
        bool is_unknown;

        is_unknown = ts_options_parse(2, argv, &o, &err) < 0 && strstr(err.msg, "unknown option") != NULL;
        free(word);
        return !is_unknown;
}

/* One option a word, sorted, each once. */
static void add_word(struct ts_buf *words, const char *word, size_t len)
{
        char name[64];

        ck_assert_uint_lt(len, sizeof(name) - 2);
        (void) snprintf(name, sizeof(name), "%.*s ", (int) len, word);
        if (!strstr(ts_buf_text(words), name))
                ts_buf_puts(words, name);
}

static size_t option_length(const char *s)
{
        return strspn(s, "-abcdefghijklmnopqrstuvwxyz");
}

/* The long options that begin a line of the help, after a short one or none. */
static void options_of_help(struct ts_buf *words)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf help = TS_BUF_INIT(65536);

        ts_options_help(&help);
        for (const char *line = ts_buf_text(&help); line; line = strchr(line, '\n')) {
                const char *option;

                line += *line == '\n';
                option = strncmp(line, "      --", 8) == 0 || (strncmp(line, "  -", 3) == 0 && line[4] == ',')
                                         ? line + 6
                                         : NULL;
                if (option)
                        add_word(words, option, option_length(option));
        }
}

/* Those of the page: "Fl -" begins a long one. */
static void options_of_page(struct ts_buf *words)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf page = TS_BUF_INIT(1024 * 1024);

        ck_assert_int_eq(ts_file_read(-1, TS_MAN_PAGE, &page, NULL), 0);
        for (const char *line = ts_buf_text(&page); line; line = strchr(line, '\n')) {
                const char *option;
                char word[64];

                line += *line == '\n';
                option = strncmp(line, ".It Fl ", 7) == 0 ? strstr(line, "Fl -") : NULL;
                if (!option)
                        continue;
                (void) snprintf(word, sizeof(word), "-%.*s", (int) option_length(option + 3), option + 3);
                add_word(words, word, strlen(word));
        }
}

static size_t count_words(const char *s)
{
        size_t n = 0;

        for (; *s != '\0'; s++)
                n += *s == ' ';
        return n;
}

/* Each of @words is in @others and is taken. */
static void all_known(const char *words, const char *others, const char *where)
{
        for (const char *word = words; *word != '\0'; word = strchr(word, ' ') + 1) {
                char name[64];

                (void) snprintf(name, sizeof(name), "%.*s", (int) (strchr(word, ' ') - word), word);
                ck_assert_msg(is_taken(name), "%s is said to be an option, and is none", name);
                (void) snprintf(name, sizeof(name), "%.*s", (int) (strchr(word, ' ') - word + 1), word);
                ck_assert_msg(strstr(others, name) != NULL, "%sis not in %s", name, where);
        }
}

START_TEST(test_documents)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf help = TS_BUF_INIT(65536);
        TS_CLEANUP(ts_buf_done) struct ts_buf page = TS_BUF_INIT(65536);
        TS_CLEANUP(ts_buf_done) struct ts_buf used = TS_BUF_INIT(65536);

        options_of_help(&help);
        options_of_page(&page);
        all_known(ts_buf_text(&help), ts_buf_text(&page), "the man page");
        all_known(ts_buf_text(&page), ts_buf_text(&help), "the help");

        /* The table of cases names every option, so none is taken that neither text explains. */
        for (size_t i = 0; i < TS_N_ELEMENTS(cases); i++)
                for (const char *s = cases[i].line; (s = strstr(s, "--")) != NULL; s += 2)
                        if (s[2] >= 'a' && cases[i].result[0] != '!')
                                add_word(&used, s, option_length(s));
        ck_assert_uint_eq(count_words(ts_buf_text(&help)), 28);
        for (const char *word = ts_buf_text(&used); *word != '\0'; word = strchr(word, ' ') + 1) {
                char name[64];

                (void) snprintf(name, sizeof(name), "%.*s", (int) (strchr(word, ' ') - word + 1), word);
                if (strcmp(name, "--nonsense ") != 0) /* after --help */
                        ck_assert_msg(strstr(ts_buf_text(&help), name) != NULL, "%s", name);
        }
}
END_TEST

static Suite *suite(void)
{
        Suite *s = suite_create("options");
        TCase *tc = tcase_create("options");

        tcase_add_loop_test(tc, test_line, 0, TS_N_ELEMENTS(cases));
        tcase_add_test(tc, test_default_of_since);
        tcase_add_test(tc, test_documents);
        suite_add_tcase(s, tc);
        return s;
}

int main(void)
{
        return run_suite(suite());
}
