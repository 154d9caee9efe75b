/*
 * main - argv -> what to run
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "config.h"
#include "daemon/cycle.h"
#include "daemon/journal.h"
#include "daemon/loop.h"
#include "daemon/options.h"
#include "daemon/progress.h"
#include "genesys/transport-curl.h"
#include "util/escape.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"

struct program {
        struct ts_options options;
        struct ts_settings *settings;
        struct ts_declarations *declarations;
        bool stop;
};

static int write_all(int fd, const char *data, size_t len)
{
        while (len > 0) {
                ssize_t n = write(fd, data, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                len -= (size_t) n;
        }
        return 0;
}

static bool wants_color(const struct ts_options *o, int fd)
{
        if (o->color != TS_COLOR_AUTO)
                return o->color == TS_COLOR_ALWAYS;
        return isatty(fd) && !getenv("NO_COLOR");
}

/* ------------------------------------------------------------------------------------------------- loading */

static int status_of_faults(const struct ts_faults *f)
{
        if (ts_faults_has(f, TS_FAULT_SETTINGS))
                return TS_EXIT_SETTINGS;
        if (ts_faults_has(f, TS_FAULT_DECLARATIONS))
                return TS_EXIT_DECLARATIONS;
        return ts_faults_has(f, TS_FAULT_REFUSAL) ? TS_EXIT_REFUSED : 0;
}

static void print_faults(const struct ts_options *o, struct ts_faults *f)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        if (f->n == 0)
                return;
        ts_faults_print(f, wants_color(o, STDERR_FILENO), &out);
        (void) write_all(STDERR_FILENO, ts_buf_text(&out), out.len); /* nowhere else to say it */
}

/* An alias that nothing has is a mistake of the command line, not an empty selection. */
static int check_selection(const struct program *p)
{
        const struct ts_options *o = &p->options;

        for (size_t i = 0; i < o->organizations.n; i++)
                if (!ts_settings_find(p->settings, o->organizations.items[i])) {
                        ts_log(LOG_ERR, "--organization %s: %s defines no such organization",
                               o->organizations.items[i], p->settings->path);
                        return TS_EXIT_USAGE;
                }
        for (size_t i = 0; i < o->trust.n; i++) {
                struct ts_id id;
                bool found = ts_id_parse_string(o->trust.items[i], &id);

                for (size_t k = 0; k < p->declarations->n_organizations; k++)
                        for (size_t t = 0; t < p->declarations->organizations[k].n_trusts; t++)
                                found = found || strcmp(p->declarations->organizations[k].trusts[t].alias,
                                                        o->trust.items[i]) == 0;
                if (!found) {
                        ts_log(LOG_ERR, "--trust %s: no declaration has a trust of that name",
                               o->trust.items[i]);
                        return TS_EXIT_USAGE;
                }
        }
        return 0;
}

/* Loads both files, prints every fault. Return: an exit status, 0 when both are good. */
static int load(struct program *p)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        const char *config = p->options.config ? p->options.config : TS_SETTINGS_PATH;
        int r, status;

        r = ts_settings_load(config, &faults, &p->settings);
        if (r >= 0)
                r = ts_declarations_load(p->options.trusts ? p->options.trusts : p->settings->trusts,
                                         p->settings, &faults, &p->declarations);
        print_faults(&p->options, &faults);
        status = status_of_faults(&faults);
        if (status == 0 && r < 0)
                status = TS_EXIT_FAILURE;
        return status != 0 ? status : check_selection(p);
}

static bool is_selected(const struct ts_options *o, const char *alias)
{
        for (size_t i = 0; i < o->organizations.n; i++)
                if (strcmp(o->organizations.items[i], alias) == 0)
                        return true;
        return o->organizations.n == 0;
}

static int run_check(struct program *p)
{
        size_t n_trusts = 0, n_users = 0;
        int status = 0;

        for (size_t i = 0; i < p->settings->n_organizations; i++) {
                const char *alias = p->settings->organizations[i].alias;

                if (!is_selected(&p->options, alias) || ts_declarations_find(p->declarations, alias))
                        continue;
                ts_log(LOG_ERR,
                       "no file of the declarations names the organization %s of the settings: refused; "
                       "declare it "
                       "(`trustees: {}` for none), or leave it out with -o",
                       alias);
                status = TS_EXIT_REFUSED;
        }
        for (size_t i = 0; i < p->declarations->n_organizations; i++)
                for (size_t t = 0; t < p->declarations->organizations[i].n_trusts; t++) {
                        n_trusts++;
                        n_users += p->declarations->organizations[i].trusts[t].users.n;
                }
        if (status == 0 && !p->options.quiet)
                printf("Valid: %zu organizations, %zu files, %zu trusts, %zu users, revision %s.\n",
                       p->settings->n_organizations, p->declarations->n_files, n_trusts, n_users,
                       p->declarations->revision);
        return status;
}

/* ------------------------------------------------------------------------------------------------- reports */

static int write_output(const char *path, const struct ts_report *report)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_closep) int fd = -EBADF;
        int r;

        ts_report_write(report, ts_format_from_suffix(path), false, &out);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
        r = fd < 0 ? -errno : ts_buf_failed(&out) ? -EFBIG : write_all(fd, ts_buf_text(&out), out.len);
        if (r < 0)
                ts_log(LOG_ERR, "cannot write the report to %s: %s", path, strerror(-r));
        return r;
}

static int write_reports(const struct ts_options *o, const struct ts_report *report)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        int r, worst = 0;

        ts_report_write(report, o->format, wants_color(o, STDOUT_FILENO), &out);
        r = ts_buf_failed(&out) ? -EFBIG : write_all(STDOUT_FILENO, ts_buf_text(&out), out.len);
        if (r < 0) {
                ts_log(LOG_ERR, "cannot write the report to standard output: %s", strerror(-r));
                worst = r;
        }
        for (size_t i = 0; i < o->outputs.n; i++) {
                r = write_output(o->outputs.items[i], report);
                worst = r < 0 ? r : worst;
        }
        return worst;
}

/* --------------------------------------------------------------------------------------------------- cycle */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        struct program *p = userdata;

        (void) source;
        ts_log(LOG_WARNING, "%s: stopping after the request in flight", strsignal((int) si->ssi_signo));
        p->stop = true;
        return 0;
}

static int loop_new(struct program *p, sd_event **ret)
{
        TS_CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
        static const int signals[] = { SIGINT, SIGTERM };
        int r;

        r = sd_event_new(&loop);
        for (size_t i = 0; r >= 0 && i < TS_N_ELEMENTS(signals); i++)
                r = sd_event_add_signal(loop, NULL, signals[i] | SD_EVENT_SIGNAL_PROCMASK, on_signal, p);
        if (r < 0) {
                ts_log(LOG_ERR, "cannot set up the event loop: %s", strerror(-r));
                return r;
        }
        *ret = TS_TAKE(loop);
        return 0;
}

static const char *state_path(void)
{
        const char *path = getenv("STATE_DIRECTORY");

        return path && path[0] != '\0' ? path : TS_STATE_PATH;
}

static int run_cycle(struct program *p)
{
        TS_CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
        TS_CLEANUP(ts_transport_freep) struct ts_transport *transport = NULL;
        TS_CLEANUP(ts_cycle_freep) struct ts_cycle *cycle = NULL;
        const struct ts_options *o = &p->options;
        struct ts_cycle_options options = {
                .settings = p->settings,
                .declarations = p->declarations,
                .clock = &ts_clock_system,
                .state_path = state_path(),
                .credentials_directory = getenv("CREDENTIALS_DIRECTORY"),
                .mode = o->run == TS_RUN_ONCE ? TS_CYCLE_APPLY : TS_CYCLE_PLAN,
                .organizations = o->organizations.items,
                .n_organizations = o->organizations.n,
                .filter = { o->trust.items, o->trust.n },
                .plan_digest = o->plan_digest,
                .stop = &p->stop,
        };
        struct ts_transport_curl_options curl = {
                .concurrency = p->settings->concurrency,
                .ca_file = p->settings->ca_file,
                .proxy = p->settings->proxy,
                .user_agent = PACKAGE_NAME "/" PACKAGE_VERSION,
        };
        struct ts_err err = { 0 };
        struct ts_report report;
        int status;

        if (loop_new(p, &loop) < 0)
                return TS_EXIT_FAILURE;
        if (ts_transport_curl_new(loop, options.clock, &curl, &transport, &err) < 0) {
                ts_log(LOG_ERR, "%s", err.msg);
                return TS_EXIT_FAILURE;
        }
        transport = ts_progress_new(transport, options.clock);
        options.transport = transport;

        cycle = ts_cycle_run(&options);
        ts_log_progress("%s", "");
        if (o->run == TS_RUN_ONCE)
                ts_cycle_tell_end(cycle);
        report = ts_cycle_report(cycle);
        report.verbose = o->verbose;
        report.users = o->users.items;
        report.n_users = o->users.n;
        status = ts_cycle_exit_status(cycle, o->detailed_exitcode);
        if (write_reports(o, &report) < 0 &&
            (status == 0 || status == TS_EXIT_CHANGES || status == TS_EXIT_DRIFT))
                status = TS_EXIT_FAILURE;
        return status;
}

/* -------------------------------------------------------------------------------------------------- daemon
 */

static const char *runtime_path(void)
{
        const char *path = getenv("RUNTIME_DIRECTORY");

        return path && path[0] != '\0' ? path : TS_RUNTIME_PATH;
}

static int run_daemon(const struct ts_options *o)
{
        struct ts_daemon_options options = {
                .config = o->config ? o->config : TS_SETTINGS_PATH,
                .trusts = o->trusts,
                .organizations = o->organizations.items,
                .n_organizations = o->organizations.n,
                .state_path = state_path(),
                .runtime_path = runtime_path(),
                .credentials_directory = getenv("CREDENTIALS_DIRECTORY"),
                .clock = &ts_clock_system,
        };

        return ts_daemon_run(&options);
}

/* ---------------------------------------------------------------------------------------------------- main */

static int run_help(const struct ts_options *o)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        if (o->run == TS_RUN_HELP)
                ts_options_help(&out);
        else
                ts_buf_printf(&out, "%s %s\n%s", PACKAGE_NAME, PACKAGE_VERSION,
                              o->verbose ? TS_BUILD_SUMMARY : "");
        return write_all(STDOUT_FILENO, ts_buf_text(&out), out.len) < 0 ? TS_EXIT_FAILURE : 0;
}

static int run_loaded(struct program *p)
{
        int status = load(p);

        if (status != 0)
                return status;
        return p->options.run == TS_RUN_CHECK ? run_check(p) : run_cycle(p);
}

static int run(struct program *p)
{
        struct ts_err err = { 0 };
        int status;

        if (p->options.run == TS_RUN_HELP || p->options.run == TS_RUN_VERSION)
                return run_help(&p->options);

        ts_log_set_level(p->options.verbose ? LOG_DEBUG : p->options.quiet ? LOG_WARNING : LOG_INFO);
        ts_log_set_progress(isatty(STDERR_FILENO) && !p->options.quiet && !p->options.verbose);
        /* before loading, which takes digests: OpenSSL's allocators cannot be set once it is in use */
        if (ts_transport_curl_global_init(&err) < 0) {
                ts_log(LOG_ERR, "%s", err.msg);
                return TS_EXIT_FAILURE;
        }
        if (ts_journal_is_ours())
                ts_log_set_sink(ts_journal_sink, NULL);
        status = p->options.run == TS_RUN_DAEMON ? run_daemon(&p->options) : run_loaded(p);
        ts_transport_curl_global_done();
        return status;
}

int main(int argc, char *argv[])
{
        struct program p = { 0 };
        struct ts_err err = { 0 };
        int status;

        (void) prctl(PR_SET_DUMPABLE,
                     0);                 /* secrets pass through this process: no core, no ptrace by equals */
        (void) signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write() */
        if (ts_options_parse(argc, argv, &p.options, &err) < 0) {
                ts_log(LOG_ERR, "%s; try --help", err.msg);
                return TS_EXIT_USAGE;
        }
        status = run(&p);
        ts_declarations_free(p.declarations);
        ts_settings_free(p.settings);
        ts_options_done(&p.options);
        return status;
}
