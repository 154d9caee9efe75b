#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "trust/decide.h"
#include "util/mem.h"

enum {
        OPTION_DRY_RUN = 256,
        OPTION_ONCE,
        OPTION_CHECK,
        OPTION_TRUSTS,
        OPTION_TRUST,
        OPTION_USER,
        OPTION_FORMAT,
        OPTION_OUTPUT,
        OPTION_COLOR,
        OPTION_DETAILED_EXITCODE,
        OPTION_PLAN_DIGEST,
        OPTION_EXPORT,
        OPTION_ACCESS_REPORT,
        OPTION_LIVE,
        OPTION_BASE,
        OPTION_AUDIT,
        OPTION_SINCE,
        OPTION_ROLE, /* from here on: of the access report alone */
        OPTION_PRIVILEGED,
        OPTION_UNDECLARED,
        OPTION_EXPIRES_WITHIN,
        OPTION_BY,
};

static const struct option long_options[] = {
        { "dry-run", no_argument, NULL, OPTION_DRY_RUN },
        { "once", no_argument, NULL, OPTION_ONCE },
        { "check", no_argument, NULL, OPTION_CHECK },
        { "config", required_argument, NULL, 'c' },
        { "trusts", required_argument, NULL, OPTION_TRUSTS },
        { "organization", required_argument, NULL, 'o' },
        { "trust", required_argument, NULL, OPTION_TRUST },
        { "user", required_argument, NULL, OPTION_USER },
        { "format", required_argument, NULL, OPTION_FORMAT },
        { "output", required_argument, NULL, OPTION_OUTPUT },
        { "color", required_argument, NULL, OPTION_COLOR },
        { "detailed-exitcode", no_argument, NULL, OPTION_DETAILED_EXITCODE },
        { "plan-digest", required_argument, NULL, OPTION_PLAN_DIGEST },
        { "verbose", no_argument, NULL, 'v' },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { "export", no_argument, NULL, OPTION_EXPORT },
        { "access-report", no_argument, NULL, OPTION_ACCESS_REPORT },
        { "audit", no_argument, NULL, OPTION_AUDIT },
        { "live", required_argument, NULL, OPTION_LIVE },
        { "base", required_argument, NULL, OPTION_BASE },
        { "since", required_argument, NULL, OPTION_SINCE },
        { "role", required_argument, NULL, OPTION_ROLE },
        { "privileged", no_argument, NULL, OPTION_PRIVILEGED },
        { "undeclared", no_argument, NULL, OPTION_UNDECLARED },
        { "expires-within", required_argument, NULL, OPTION_EXPIRES_WITHIN },
        { "by", required_argument, NULL, OPTION_BY },
        { NULL, 0, NULL, 0 },
};

static void texts_add(struct ts_texts_option *o, const char *text)
{
        TS_GROW(o->items, o->n_allocated, o->n);
        o->items[o->n++] = text;
}

static int set_run(struct ts_options *o, enum ts_run run, struct ts_err *err)
{
        if (o->run != TS_RUN_DAEMON && o->run != run)
                return ts_err_set(
                                err, TS_ERR_INPUT, -EINVAL,
                                "only one of --dry-run, --once, --check, --export, --access-report, --audit "
                                "may be given");
        o->run = run;
        return 0;
}

static int set_color(struct ts_options *o, const char *text, struct ts_err *err)
{
        if (strcmp(text, "auto") == 0)
                o->color = TS_COLOR_AUTO;
        else if (strcmp(text, "always") == 0)
                o->color = TS_COLOR_ALWAYS;
        else if (strcmp(text, "never") == 0)
                o->color = TS_COLOR_NEVER;
        else
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--color takes auto, always or never, not '%s'",
                                  text);
        return 0;
}

static bool is_digest(const char *text, size_t len)
{
        static const char prefix[] = "sha256:";
        const size_t n = sizeof(prefix) - 1;

        return len == n + 64 && memcmp(text, prefix, n) == 0 && strspn(text + n, "0123456789abcdef") >= 64;
}

/* Once or several times; each several between spaces or commas. */
static int add_digests(struct ts_options *o, const char *text, struct ts_err *err)
{
        const char *rest = text, *one;
        size_t len, n = strlen(o->plan_digests);
        bool some = false;

        for (; ts_review_next(&rest, &one, &len); some = true) {
                if (!is_digest(one, len))
                        break;
                if (n + len + 2 > sizeof(o->plan_digests))
                        return ts_err_set(err, TS_ERR_INPUT, -E2BIG, "--plan-digest: too many digests");
                n += (size_t) snprintf(o->plan_digests + n, sizeof(o->plan_digests) - n, "%s%.*s",
                                       n > 0 ? " " : "", (int) len, one);
        }
        if (len > 0 || !some)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--plan-digest takes the digest line of a report, sha256: and 64 digits, "
                                  "not '%s'",
                                  text);
        return 0;
}

static int set_since(struct ts_options *o, const char *text, struct ts_err *err)
{
        o->has_since = true;
        o->since = TS_TIME_UNSET;
        if (ts_span_parse(text, strlen(text), &o->since_usec) == 0 && o->since_usec >= TS_USEC_PER_SEC)
                return 0;
        if (ts_time_parse(text, strlen(text), &o->since) == 0)
                return 0;
        return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                          "--since takes a span of at least a second (7d, 12h) or a time "
                          "(2026-11-01T00:00:00Z), not '%s'",
                          text);
}

static int set_expires_within(struct ts_options *o, const char *text, struct ts_err *err)
{
        if (ts_span_parse(text, strlen(text), &o->expires_within_usec) == 0 &&
            o->expires_within_usec >= TS_USEC_PER_SEC)
                return 0;
        return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                          "--expires-within takes a span of at least a second (30d, 12h), not '%s'", text);
}

static int set_by(struct ts_options *o, const char *text, struct ts_err *err)
{
        if (strcmp(text, "user") != 0 && strcmp(text, "trust") != 0)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--by takes trust or user, not '%s'", text);
        o->by_user = text[0] == 'u';
        return 0;
}

static int set_format(struct ts_options *o, const char *text, struct ts_err *err)
{
        o->has_format = true;
        o->format = ts_format_from_string(text);
        if (o->format == TS_FORMAT_INVALID_)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--format takes text, json, markdown, csv or html, not '%s'", text);
        return 0;
}

/* One that is nobody's would show nothing, and nothing would look like "no changes". */
static int add_user(struct ts_options *o, const char *text, struct ts_err *err)
{
        struct ts_id id;

        if (!ts_schema_is_email(text) && !ts_id_parse_string(text, &id))
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--user %s: neither an e-mail address nor an id", text);
        texts_add(&o->users, text);
        return 0;
}

static int add_output(struct ts_options *o, const char *path, struct ts_err *err)
{
        if (ts_format_from_suffix(path) == TS_FORMAT_INVALID_)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--output %s: the format is told by the suffix: .txt, .json, .md, .csv or "
                                  ".html",
                                  path);
        texts_add(&o->outputs, path);
        return 0;
}

/* getopt_long() tells a short option by its character, one that takes no value by its number, and else leaves
 * the word that it could not make sense of behind. */
static int refuse_option(char *argv[], struct ts_err *err)
{
        if (optopt > 0 && optopt < OPTION_DRY_RUN && strncmp(argv[optind - 1], "--", 2) != 0)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "unknown option '-%c'", optopt);
        if (optopt != 0)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "%s: this option takes no value",
                                  argv[optind - 1]);
        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "unknown option '%s'", argv[optind - 1]);
}

/* What the access report is asked for. */
static int parse_question(struct ts_options *o, int c, struct ts_err *err)
{
        o->has_question = true;
        switch (c) {
        case OPTION_ROLE:
                texts_add(&o->roles, optarg);
                return 0;
        case OPTION_PRIVILEGED:
                o->privileged = true;
                return 0;
        case OPTION_UNDECLARED:
                o->undeclared = true;
                return 0;
        case OPTION_EXPIRES_WITHIN:
                return set_expires_within(o, optarg, err);
        default:
                return set_by(o, optarg, err);
        }
}

static int parse_one(struct ts_options *o, int c, char *argv[], struct ts_err *err)
{
        switch (c) {
        case OPTION_DRY_RUN:
                return set_run(o, TS_RUN_DRY_RUN, err);
        case OPTION_ONCE:
                return set_run(o, TS_RUN_ONCE, err);
        case OPTION_CHECK:
                return set_run(o, TS_RUN_CHECK, err);
        case OPTION_EXPORT:
                return set_run(o, TS_RUN_EXPORT, err);
        case OPTION_ACCESS_REPORT:
                return set_run(o, TS_RUN_ACCESS_REPORT, err);
        case OPTION_AUDIT:
                return set_run(o, TS_RUN_AUDIT, err);
        case OPTION_SINCE:
                return set_since(o, optarg, err);
        case OPTION_LIVE:
                o->live = optarg;
                return 0;
        case OPTION_BASE:
                o->base = optarg;
                return 0;
        case 'c':
                o->config = optarg;
                return 0;
        case OPTION_TRUSTS:
                o->trusts = optarg;
                return 0;
        case 'o':
                texts_add(&o->organizations, optarg);
                return 0;
        case OPTION_TRUST:
                texts_add(&o->trust, optarg);
                return 0;
        case OPTION_USER:
                return add_user(o, optarg, err);
        case OPTION_FORMAT:
                return set_format(o, optarg, err);
        case OPTION_OUTPUT:
                return add_output(o, optarg, err);
        case OPTION_COLOR:
                return set_color(o, optarg, err);
        case OPTION_DETAILED_EXITCODE:
                o->detailed_exitcode = true;
                return 0;
        case OPTION_PLAN_DIGEST:
                return add_digests(o, optarg, err);
        case 'v':
                o->verbose = true;
                return 0;
        case 'q':
                o->quiet = true;
                return 0;
        case ':':
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "%s needs a value", argv[optind - 1]);
        default:
                return c >= OPTION_ROLE ? parse_question(o, c, err) : refuse_option(argv, err);
        }
}

static bool has_format(const struct ts_options *o, enum ts_format format)
{
        for (size_t i = 0; i < o->outputs.n; i++)
                if (ts_format_from_suffix(o->outputs.items[i]) == format)
                        return true;
        return o->has_format && o->format == format;
}

/* What goes with some of the runs only. */
static int check_run(const struct ts_options *o, struct ts_err *err)
{
        bool plans = o->run == TS_RUN_DRY_RUN || o->run == TS_RUN_ONCE;

        if (o->run == TS_RUN_DAEMON && (o->trust.n > 0 || o->users.n > 0 || o->outputs.n > 0 ||
                                        o->plan_digests[0] != '\0' || o->detailed_exitcode || o->has_format))
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--trust, --user, --format, --output, --detailed-exitcode and "
                                  "--plan-digest go with --dry-run or --once; the daemon is asked with "
                                  "trustsyncctl");
        if (o->detailed_exitcode && o->run != TS_RUN_DRY_RUN)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--detailed-exitcode goes with --dry-run only");
        if (o->plan_digests[0] != '\0' && !plans)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--plan-digest goes with --once or --dry-run");
        if (o->live && o->run != TS_RUN_DRY_RUN && o->run != TS_RUN_ACCESS_REPORT)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--live goes with --dry-run or --access-report only");
        if (o->base && o->run != TS_RUN_DRY_RUN)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--base goes with --dry-run only");
        if (o->has_question && o->run != TS_RUN_ACCESS_REPORT)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--role, --privileged, --undeclared, --expires-within and --by go with "
                                  "--access-report only");
        if (o->has_since && o->run != TS_RUN_AUDIT)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--since goes with --audit only");
        return 0;
}

static int check_formats(const struct ts_options *o, struct ts_err *err)
{
        if (o->run == TS_RUN_EXPORT && (o->has_format || o->outputs.n > 0))
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--export prints declarations: it has no format");
        if (o->run == TS_RUN_AUDIT && (has_format(o, TS_FORMAT_TEXT) || has_format(o, TS_FORMAT_MARKDOWN) ||
                                       has_format(o, TS_FORMAT_CSV) || has_format(o, TS_FORMAT_HTML)))
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--audit prints JSON: it has no other format");
        if (o->run == TS_RUN_CHECK && (has_format(o, TS_FORMAT_MARKDOWN) || has_format(o, TS_FORMAT_CSV) ||
                                       has_format(o, TS_FORMAT_HTML)))
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--check prints text or JSON: it has no other format");
        if (o->run != TS_RUN_ACCESS_REPORT && has_format(o, TS_FORMAT_CSV))
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "csv goes with --access-report only");
        return 0;
}

static int check_together(const struct ts_options *o, struct ts_err *err)
{
        int r = check_run(o, err);

        if (r >= 0)
                r = check_formats(o, err);
        if (r < 0)
                return r;
        if (o->live && !o->config && !o->trusts)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "--live without --config needs --trusts: where the declarations are");
        if (o->verbose && o->quiet)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--verbose and --quiet exclude each other");
        return 0;
}

int ts_options_parse(int argc, char *argv[], struct ts_options *ret, struct ts_err *err)
{
        TS_CLEANUP(ts_options_done)
        struct ts_options o = { .run = TS_RUN_DAEMON,
                                .since = TS_TIME_UNSET,
                                .since_usec = TS_AUDIT_SINCE_USEC };
        int c, r;

        optind = 0; /* so that it may be called again */
        opterr = 0;
        while ((c = getopt_long(argc, argv, ":c:o:vqhV", long_options, NULL)) != -1) {
                if (c == 'h' || c == 'V') {
                        *ret = (struct ts_options){ .run = c == 'h' ? TS_RUN_HELP : TS_RUN_VERSION };
                        ret->verbose = o.verbose;
                        while ((c = getopt_long(argc, argv, ":c:o:vqhV", long_options, NULL)) != -1)
                                ret->verbose = ret->verbose || c == 'v';
                        return 0;
                }
                r = parse_one(&o, c, argv, err);
                if (r < 0)
                        return r;
        }
        if (optind < argc)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "unexpected argument '%s'", argv[optind]);
        r = check_together(&o, err);
        if (r < 0)
                return r;
        *ret = o;
        o = (struct ts_options){ 0 };
        return 0;
}

void ts_options_done(struct ts_options *o)
{
        free(o->organizations.items);
        free(o->trust.items);
        free(o->users.items);
        free(o->roles.items);
        free(o->outputs.items);
        *o = (struct ts_options){ 0 };
}

static void put_help_of_output(struct ts_buf *out)
{
        ts_buf_puts(out, "\n"
                         "Output:\n"
                         "      --format FORMAT       report as text (default), json, markdown or html, on "
                         "standard output;\n"
                         "                            csv for the access report\n"
                         "      --output FILE         also to a file; the format by its suffix: .txt .json "
                         ".md .csv\n"
                         "                            .html (repeatable)\n"
                         "      --color WHEN          auto (default), always or never\n"
                         "      --detailed-exitcode   with --dry-run: 2 when there are changes, 4 when all "
                         "correct drift\n"
                         "  -v, --verbose             say more: every request, and how the state was read\n"
                         "  -q, --quiet               only warnings and errors\n"
                         "  -h, --help                this text\n"
                         "  -V, --version             the version; with -v how it was built\n"
                         "\n"
                         "Exit status: 0 in sync, applied or planned; 1 run-time failure; 2, 4 see "
                         "--detailed-exitcode;\n"
                         "3 refused by a limit or digest; 64 usage; 65 declarations; 71 out of memory; 75 "
                         "another instance\n"
                         "is writing; 78 settings. See trustsyncd(8), trustsyncd.yaml(5) and "
                         "trustsyncd-trusts(5).\n");
}

void ts_options_help(struct ts_buf *out)
{
        ts_buf_puts(out,
                    "Usage: trustsyncd [--dry-run|--once|--check|--export|--access-report|--audit] "
                    "[OPTION]...\n"
                    "\n"
                    "Keeps the cross-organization access of Genesys Cloud organizations as YAML "
                    "declares it.\n"
                    "\n"
                    "What to do (without one of these: run as the daemon, for systemd):\n"
                    "      --dry-run             read, plan and print the report; never writes\n"
                    "      --once                one cycle that applies, then exit\n"
                    "      --check               validate settings and declarations offline\n"
                    "      --export              print the live state as declarations\n"
                    "      --access-report       who may enter whom, with which roles, until when, "
                    "declared where\n"
                    "      --audit               what the trustees' users did in our organization, and ours "
                    "in theirs,\n"
                    "                            as JSON\n"
                    "\n"
                    "On what:\n"
                    "  -c, --config FILE         settings (default: " TS_SETTINGS_PATH ")\n"
                    "      --trusts PATH         declarations, a file or a directory; overrides the "
                    "settings\n"
                    "  -o, --organization ALIAS  only this organization (repeatable)\n"
                    "      --trust ALIAS|ID      only this trust (repeatable)\n"
                    "      --user EMAIL|ID       report only this user (repeatable); with --audit by its "
                    "id also\n"
                    "                            one that is no member any more\n"
                    "      --since SPAN|TIME     with --audit: how far back (default: 7d)\n"
                    "      --role NAME           with --access-report: only this role, by name or id "
                    "(repeatable)\n"
                    "      --privileged          with --access-report: only privileged roles\n"
                    "      --undeclared          with --access-report: only what is not declared\n"
                    "      --expires-within SPAN with --access-report: only what ends in this time, "
                    "as in 30d\n"
                    "      --by trust|user       with --access-report: sorted by trust (default), or by "
                    "person\n"
                    "      --plan-digest DIGEST  apply exactly what was reviewed, exempt from the "
                    "removal limits\n"
                    "      --live FILE           with --dry-run, --access-report: an earlier export "
                    "instead of the API\n"
                    "      --base PATH           with --dry-run: the declarations before the change; "
                    "what they would\n"
                    "                            do too is reported as drift\n");
        put_help_of_output(out);
}
