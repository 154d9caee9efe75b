/*
 * trustsyncctl - asks the running daemon, and tells it what to do
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "ctl/client.h"
#include "ctl/show.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define EXIT_USAGE 64
#define TEXT_MAX_BYTES (4u * 1024u * 1024u)
#define PLAN_MAX_BYTES (256u * 1024u * 1024u) /* as the daemon writes it */
#define HISTORY_DEFAULT 20u

struct arguments {
        const char *verb;
        bool json;
        uint64_t pause_usec;
        const char *reason;
        const char *digest; /* NULL, or in digests */
        char digests[TS_PLAN_DIGESTS_MAX_BYTES];
        uint32_t n;
};

static int complain(const struct ts_err *err, int status)
{
        (void) fprintf(stderr, "trustsyncctl: %s\n", err->msg);
        return status;
}

static int put_out(const struct ts_buf *b)
{
        struct ts_err err = { 0 };

        if (fwrite(ts_buf_text(b), 1, b->len, stdout) == b->len && fflush(stdout) == 0)
                return 0;
        ts_err_set(&err, TS_ERR_LOCAL, -errno, "cannot write to standard output: %m");
        return complain(&err, EXIT_FAILURE);
}

TS_PRINTF(1, 2)
static int print(const char *fmt, ...)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TEXT_MAX_BYTES);
        TS_CLEANUP(ts_freep) char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0)
                ts_out_of_memory();
        ts_buf_puts(&out, text);
        return put_out(&out);
}

/* The caller's name for the journal: with sudo, the person and not root. */
static const char *caller(void)
{
        const char *sudo = getenv("SUDO_USER");
        const struct passwd *pw;

        if (sudo && sudo[0] != '\0' && getuid() == 0)
                return sudo;
        pw = getpwuid(getuid());
        return pw ? pw->pw_name : "unknown";
}

/* -------------------------------------------------------------------------------------------------- verbs */

static int show(const struct arguments *a, const char *json,
                int (*as_text)(const char *json, struct ts_buf *out, struct ts_err *err))
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TEXT_MAX_BYTES);
        struct ts_err err = { 0 };

        if (a->json)
                ts_buf_puts(&out, json);
        else if (as_text(json, &out, &err) < 0)
                return complain(&err, EXIT_FAILURE);
        return put_out(&out);
}

static int status_as_text(const char *json, struct ts_buf *out, struct ts_err *err)
{
        return ts_show_status(json, (int64_t) time(NULL), out, err);
}

static int run_status(struct ts_ctl *c, const struct arguments *a)
{
        TS_CLEANUP(ts_freep) char *json = NULL;
        struct ts_err err = { 0 };
        int status;

        if (ts_ctl_status(c, &json, &err) < 0)
                return complain(&err, EXIT_FAILURE);
        status = show(a, json, status_as_text);
        return status != 0 ? status : ts_show_status_exit(json);
}

static int run_history(struct ts_ctl *c, const struct arguments *a)
{
        TS_CLEANUP(ts_freep) char *json = NULL;
        struct ts_err err = { 0 };

        if (ts_ctl_history(c, a->n, &json, &err) < 0)
                return complain(&err, EXIT_FAILURE);
        return show(a, json, ts_show_history);
}

/* The report of the last cycle, as the daemon left it. */
static int run_plan(const struct arguments *a)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(PLAN_MAX_BYTES);
        const char *path = a->json ? TS_RUNTIME_PATH "/plan.json" : TS_RUNTIME_PATH "/plan.txt";
        struct ts_err err = { 0 };
        int r;

        r = ts_file_read(AT_FDCWD, path, &text, NULL);
        if (r == -ENOENT) {
                ts_err_set(&err, TS_ERR_LOCAL, r,
                           "plan: there is no %s: the daemon does not run, or its first cycle has not ended; "
                           "see 'trustsyncctl status'",
                           path);
                return complain(&err, EXIT_FAILURE);
        }
        if (r < 0) {
                ts_err_set(&err, TS_ERR_LOCAL, r, "plan: cannot read %s: %m%s", path,
                           r == -EACCES ? "; only root and members of the group trustsyncd may" : "");
                return complain(&err, EXIT_FAILURE);
        }
        return put_out(&text);
}

static int run_sync(struct ts_ctl *c, const struct arguments *a)
{
        TS_CLEANUP(ts_freep) char *outcome = NULL;
        struct ts_err err = { 0 };
        int exit_status;

        if (ts_ctl_sync(c, a->digest ? a->digest : "", &exit_status, &outcome, &err) < 0)
                return complain(&err, EXIT_FAILURE);
        if (run_plan(a) != 0 && print("%s\n", outcome) != 0 && exit_status == 0) /* worth telling without */
                return EXIT_FAILURE;
        return exit_status;
}

static int run_pause(struct ts_ctl *c, const struct arguments *a)
{
        struct ts_err err = { 0 };
        int64_t until;

        if (ts_ctl_pause(c, a->pause_usec, caller(), a->reason, &until, &err) < 0)
                return complain(&err, EXIT_FAILURE);
        if (a->json)
                return print("{\"until\": \"%s\"}\n", ts_time_format(until).s);
        return print("Paused until %s: nothing is written but what deny asks. 'trustsyncctl resume' ends "
                     "it.\n",
                     ts_time_format(until).s);
}

static int run_resume(struct ts_ctl *c)
{
        struct ts_err err = { 0 };

        return ts_ctl_resume(c, caller(), &err) < 0 ? complain(&err, EXIT_FAILURE) : 0;
}

static int run(const struct arguments *a)
{
        TS_CLEANUP(ts_ctl_freep) struct ts_ctl *c = NULL;
        struct ts_err err = { 0 };
        int r;

        assert(a->verb);
        r = ts_file_probe_fd(STDOUT_FILENO); /* before anything is asked for */
        if (r < 0) {
                ts_err_set(&err, TS_ERR_LOCAL, r, "cannot write to standard output: %m");
                return complain(&err, EXIT_FAILURE);
        }
        if (strcmp(a->verb, "plan") == 0)
                return run_plan(a);
        if (ts_ctl_connect(&c, &err) < 0)
                return complain(&err, EXIT_FAILURE);
        if (strcmp(a->verb, "status") == 0)
                return run_status(c, a);
        if (strcmp(a->verb, "history") == 0)
                return run_history(c, a);
        if (strcmp(a->verb, "sync") == 0)
                return run_sync(c, a);
        return strcmp(a->verb, "pause") == 0 ? run_pause(c, a) : run_resume(c);
}

/* ------------------------------------------------------------------------------------------- command line */

static int help(void)
{
        return print("%s",
                     "Usage: trustsyncctl VERB [OPTION]...\n"
                     "\n"
                     "Asks the running trustsyncd, and tells it what to do.\n"
                     "\n"
                     "  status                 state, last and next cycle, revision, faults, pause\n"
                     "  plan                   the report of the last cycle\n"
                     "  history                the past cycles, newest first\n"
                     "  sync                   a cycle now; waits for it, and ends as trustsyncd --once "
                     "would\n"
                     "  pause                  write nothing but what deny asks, for a time\n"
                     "  resume                 end the pause\n"
                     "\n"
                     "      --format FORMAT    text (default) or json\n"
                     "      --for SPAN         pause: how long, e.g. 4h or 30min (up to 30 days)\n"
                     "      --reason TEXT      pause: why; for those who find it paused\n"
                     "      --plan-digest DIGEST\n"
                     "                         sync: carry out exactly the reviewed plan, exempt from the "
                     "removal\n"
                     "                         limits\n"
                     "  -n, --lines N          history: how many (default 20)\n"
                     "  -h, --help             this text\n"
                     "  -V, --version          the version\n"
                     "\n"
                     "Status, plan and history are for everybody who may read them; the rest is for root and "
                     "the\n"
                     "group trustsyncd. See trustsyncctl(1).\n");
}

enum {
        OPTION_FORMAT = 256,
        OPTION_FOR,
        OPTION_REASON,
        OPTION_PLAN_DIGEST,
};

static const struct option long_options[] = {
        { "format", required_argument, NULL, OPTION_FORMAT },
        { "for", required_argument, NULL, OPTION_FOR },
        { "reason", required_argument, NULL, OPTION_REASON },
        { "plan-digest", required_argument, NULL, OPTION_PLAN_DIGEST },
        { "lines", required_argument, NULL, 'n' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
};

static int parse_lines(const char *text, uint32_t *ret, struct ts_err *err)
{
        char *end;
        unsigned long n;

        errno = 0;
        n = strtoul(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || n == 0 || n > TS_HISTORY_MAX)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "-n takes a number from 1 to %u, not '%s'",
                                  TS_HISTORY_MAX, text);
        *ret = (uint32_t) n;
        return 0;
}

/* Once or several times; the daemon takes them in one text. */
static int add_digest(struct arguments *a, const char *text, struct ts_err *err)
{
        size_t n = strlen(a->digests), len = strlen(text);

        if (n + len + 2 > sizeof(a->digests))
                return ts_err_set(err, TS_ERR_INPUT, -E2BIG, "--plan-digest: too many digests");
        (void) snprintf(a->digests + n, sizeof(a->digests) - n, "%s%s", n > 0 ? " " : "", text);
        a->digest = a->digests;
        return 0;
}

static int parse_one(int c, struct arguments *a, char *argv[], struct ts_err *err)
{
        switch (c) {
        case OPTION_FORMAT:
                a->json = strcmp(optarg, "json") == 0;
                if (!a->json && strcmp(optarg, "text") != 0)
                        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--format takes text or json, not '%s'",
                                          optarg);
                return 0;
        case OPTION_FOR:
                if (ts_span_parse(optarg, strlen(optarg), &a->pause_usec) < 0 ||
                    a->pause_usec < TS_USEC_PER_SEC || a->pause_usec > TS_PAUSE_MAX_DAYS * TS_USEC_PER_DAY)
                        return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                          "--for takes a time from 1s to %ud, such as 4h or 30min, not '%s'",
                                          TS_PAUSE_MAX_DAYS, optarg);
                return 0;
        case OPTION_REASON:
                a->reason = optarg;
                return 0;
        case OPTION_PLAN_DIGEST:
                return add_digest(a, optarg, err);
        case 'n':
                return parse_lines(optarg, &a->n, err);
        case ':':
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "%s needs a value", argv[optind - 1]);
        default:
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "unknown option '%s'", argv[optind - 1]);
        }
}

static int check(const struct arguments *a, struct ts_err *err)
{
        static const char *const verbs[] = { "status", "plan", "history", "sync", "pause", "resume" };
        bool is_known = false, is_pause = a->verb && strcmp(a->verb, "pause") == 0;

        for (size_t i = 0; a->verb && i < TS_N_ELEMENTS(verbs); i++)
                is_known = is_known || strcmp(a->verb, verbs[i]) == 0;
        if (!is_known)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "say what to do: status, plan, history, sync, pause or resume%s%s",
                                  a->verb ? ", not " : "", a->verb ? a->verb : "");
        if (is_pause && (a->pause_usec == 0 || !a->reason || a->reason[0] == '\0'))
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL,
                                  "pause needs --for and --reason: pause --for 4h --reason 'vendor at work'");
        if (!is_pause && (a->pause_usec > 0 || a->reason))
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--for and --reason go with pause");
        if (a->digest && strcmp(a->verb, "sync") != 0)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "--plan-digest goes with sync");
        return 0;
}

/* Return: 0; 1: --help or --version was answered, with *@ret_status; negative: @err. */
static int parse(int argc, char *argv[], struct arguments *a, int *ret_status, struct ts_err *err)
{
        int c, r;

        opterr = 0;
        while ((c = getopt_long(argc, argv, ":n:hV", long_options, NULL)) != -1) {
                if (c == 'h' || c == 'V') {
                        *ret_status = c == 'h' ? help() : print("%s", "trustsyncctl " PACKAGE_VERSION "\n");
                        return 1;
                }
                r = parse_one(c, a, argv, err);
                if (r < 0)
                        return r;
        }
        a->verb = optind < argc ? argv[optind++] : NULL;
        if (optind < argc)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "unexpected argument '%s'", argv[optind]);
        return check(a, err);
}

int main(int argc, char *argv[])
{
        struct arguments a = { .n = HISTORY_DEFAULT };
        struct ts_err err = { 0 };
        int r, status = 0;

        ts_file_open_standard();
        (void) signal(SIGPIPE,
                      SIG_IGN); /* a closed pipe, or a file that may not grow, is an error of write() */
        (void) signal(SIGXFSZ, SIG_IGN);
        r = parse(argc, argv, &a, &status, &err);
        if (r < 0) {
                (void) fprintf(stderr, "trustsyncctl: %s; try --help\n", err.msg);
                return EXIT_USAGE;
        }
        return r > 0 ? status : run(&a);
}
