/* session: a signal stops a run, and never decides how the process ends */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/session.h"
#include "suite.h"
#include "util/log.h"
#include "util/macros.h"

#define STATUS 42 /* what the run has to tell */

static const int signals[] = { SIGINT, SIGTERM };

static void be_silent(const struct ts_log_entry *entry, void *userdata)
{
        (void) entry;
        (void) userdata;
}

/* As a run does it. 1, 2: something else went wrong. */
static int live_through(int number, bool is_heard)
{
        struct ts_settings settings = { .concurrency = 1 };
        struct ts_session session = { 0 };
        struct ts_err err = { 0 };

        (void) signal(number, SIG_DFL); /* as a process begins */
        if (ts_session_open(&session, &settings, NULL, &err) < 0)
                return 1;
        (void) raise(number);
        if (is_heard && (sd_event_run(session.loop, UINT64_MAX) < 0 || !session.stop))
                return 2;
        ts_session_close(&session);
        (void) raise(number);
        return STATUS;
}

static int status_of(int number, bool is_heard)
{
        int status;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(live_through(number, is_heard));
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status), "it died of signal %d", WTERMSIG(status));
        return WEXITSTATUS(status);
}

START_TEST(test_signal_that_is_heard)
{
        ck_assert_int_eq(status_of(signals[_i], true), STATUS);
}
END_TEST

/* The loop has turned for the last time: what is pending must not end the process. */
START_TEST(test_signal_at_the_very_end)
{
        ck_assert_int_eq(status_of(signals[_i], false), STATUS);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("session");
        TCase *tc = tcase_create("session");

        ts_log_set_sink(be_silent, NULL);
        tcase_add_loop_test(tc, test_signal_that_is_heard, 0, TS_N_ELEMENTS(signals));
        tcase_add_loop_test(tc, test_signal_at_the_very_end, 0, TS_N_ELEMENTS(signals));
        suite_add_tcase(s, tc);
        return run_suite(s);
}
