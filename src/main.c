/*
 * main - argv -> what to run
 */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "config.h"
#include "reconcile/cycle.h"
#include "daemon/loop.h"
#include "cli/oneshot.h"
#include "cli/options.h"
#include "cli/output.h"
#include "genesys/transport-curl.h"
#include "util/file.h"
#include "util/journald.h"
#include "util/log.h"

/* ------------------------------------------------------------------------------------------------- daemon */

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
                .state_path = ts_oneshot_state_path(),
                .runtime_path = runtime_path(),
                .credentials_directory = getenv("CREDENTIALS_DIRECTORY"),
                .clock = &ts_clock_system,
        };

        return ts_daemon_run(&options);
}

/* --------------------------------------------------------------------------------------------------- main */

static int run_help(const struct ts_options *o)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        if (o->run == TS_RUN_HELP)
                ts_options_help(&out);
        else
                ts_buf_printf(&out, "%s %s\n%s", PACKAGE_NAME, PACKAGE_VERSION,
                              o->verbose ? TS_BUILD_SUMMARY : "");
        return ts_output_print(&out) < 0 ? TS_EXIT_FAILURE : 0;
}

/* The signals for reload and for starting a cycle must not kill a one-shot run, which may be applying
 * changes. In the daemon they stay blocked until its loop handles them. */
static void set_signals(const struct ts_options *o)
{
        static const int signals[] = { SIGHUP, SIGUSR1 };
        sigset_t set;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < TS_N_ELEMENTS(signals); i++) {
                (void) sigaddset(&set, signals[i]);
                if (o->run != TS_RUN_DAEMON)
                        (void) signal(signals[i], SIG_IGN);
        }
        if (o->run == TS_RUN_DAEMON)
                (void) sigprocmask(SIG_BLOCK, &set, NULL);
}

static int run(const struct ts_options *o)
{
        struct ts_err err = { 0 };
        int status;

        if (o->run == TS_RUN_HELP || o->run == TS_RUN_VERSION)
                return run_help(o);

        ts_log_set_level(o->verbose ? LOG_DEBUG : o->quiet ? LOG_WARNING : LOG_INFO);
        ts_log_set_progress(isatty(STDERR_FILENO) && !ts_output_is_plain() && !o->quiet && !o->verbose);
        set_signals(o);
        /* before loading, which takes digests: OpenSSL's allocators cannot be set once it is in use */
        if (ts_transport_curl_global_init(&err) < 0) {
                ts_log(LOG_ERR, "%s", err.msg);
                return TS_EXIT_FAILURE;
        }
        if (ts_journald_is_ours())
                ts_log_set_sink(ts_journald_sink, NULL);
        status = o->run == TS_RUN_DAEMON ? run_daemon(o) : ts_oneshot_run(o);
        ts_transport_curl_global_done();
        return status;
}

int main(int argc, char *argv[])
{
        TS_CLEANUP(ts_options_done) struct ts_options options = { .run = TS_RUN_DAEMON };
        struct ts_err err = { 0 };

        ts_file_open_standard();
        (void) prctl(PR_SET_DUMPABLE, 0); /* secrets pass through here: no core, no ptrace by equals */
        (void) signal(SIGPIPE, SIG_IGN);  /* a closed pipe is an error of write() */
        (void) signal(SIGXFSZ, SIG_IGN);  /* so is a file that may not grow */
        (void) mallopt(M_ARENA_MAX, 1);   /* threads take turns here: memory that one frees serves the next */
        if (ts_options_parse(argc, argv, &options, &err) < 0) {
                ts_log(LOG_ERR, "%s; try --help", err.msg);
                return TS_EXIT_USAGE;
        }
        return run(&options);
}
