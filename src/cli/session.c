#include "cli/session.h"

#include <signal.h>
#include <string.h>

#include "cli/progress.h"
#include "reconcile/connection.h"
#include "util/log.h"
#include "util/mem.h"

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        struct ts_session *s = userdata;

        (void) source;
        ts_log(LOG_WARNING, "%s: stopping after the request in flight", strsignal((int) si->ssi_signo));
        s->stop = true;
        if (s->curl)
                ts_transport_curl_stop(s->curl);
        return 0;
}

/* The signals stay blocked to the end of the process: what is pending when the loop is freed is nobody's any
 * more, and must not take the place of the exit status. */
static int open_loop(struct ts_session *s, struct ts_err *err)
{
        static const int signals[] = { SIGINT, SIGTERM };
        sigset_t set;
        int r;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < TS_N_ELEMENTS(signals); i++)
                (void) sigaddset(&set, signals[i]);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        r = sd_event_new(&s->loop);
        for (size_t i = 0; r >= 0 && i < TS_N_ELEMENTS(signals); i++)
                r = sd_event_add_signal(s->loop, NULL, signals[i], on_signal, s);
        if (ts_check_memory(r) < 0)
                return ts_err_set(err, TS_ERR_INTERNAL, r, "cannot set up the event loop: %s", strerror(-r));
        return 0;
}

int ts_session_open(struct ts_session *s, const struct ts_settings *settings,
                    const char *credentials_directory, struct ts_err *err)
{
        int r;

        r = open_loop(s, err);
        if (r >= 0)
                r = ts_connection_open(s->loop, &ts_clock_system, settings, credentials_directory, &s->curl,
                                       err);
        if (r < 0)
                return r;
        s->transport = ts_progress_new(s->curl, &ts_clock_system);
        s->clients = ts_clients_new(&(struct ts_clients_options){
                        .settings = settings,
                        .clock = &ts_clock_system,
                        .credentials_directory = credentials_directory,
                        .stop = &s->stop,
        });
        ts_clients_use(s->clients, s->transport);
        return 0;
}

void ts_session_close(struct ts_session *s)
{
        ts_clients_free(s->clients);
        ts_transport_free(s->transport);
        sd_event_unref(s->loop);
        *s = (struct ts_session){ 0 };
}
