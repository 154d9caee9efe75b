#include "daemon/session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "config.h"
#include "daemon/progress.h"
#include "genesys/scheduler.h"
#include "genesys/transport-curl.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        struct ts_session *s = userdata;

        (void) source;
        ts_log(LOG_WARNING, "%s: stopping after the request in flight", strsignal((int) si->ssi_signo));
        s->stop = true;
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

/* "USER:PASSWORD" in @secret, cut in two; *ret_user stays NULL when the settings name none. */
static int read_proxy_credential(const struct ts_settings *settings, const char *credentials_directory,
                                 struct ts_buf *secret, const char **ret_user, const char **ret_password,
                                 struct ts_err *err)
{
        const char *spec = settings->proxy ? settings->proxy_credential : NULL;
        char *colon;
        int r;

        if (!spec)
                return 0;
        r = ts_secret_load(spec, "proxy credential", credentials_directory, secret, err);
        if (r < 0)
                return r;
        colon = strchr(secret->data, ':');
        if (!colon || colon == secret->data)
                return ts_err_set(err, TS_ERR_SETTINGS, -EINVAL,
                                  "cannot use the proxy credential of http.proxy_credential (%s): it is not "
                                  "USER:PASSWORD in one line",
                                  spec);
        *colon = '\0';
        *ret_user = secret->data;
        *ret_password = colon + 1;
        return 0;
}

int ts_session_new_transport(sd_event *loop, const struct ts_clock *clock, const struct ts_settings *settings,
                             const char *credentials_directory, struct ts_transport **ret, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf secret = TS_BUF_SECRET_INIT(TS_SECRET_MAX_BYTES);
        size_t n = settings->n_organizations < TS_TASKS_MAX ? settings->n_organizations : TS_TASKS_MAX;
        struct ts_transport_curl_options curl = {
                .concurrency = TS_CONNECTIONS_MAX,
                .n_kept = ts_clients_concurrency(settings) * (unsigned) n,
                .ca_file = settings->ca_file,
                .proxy = settings->proxy,
                .user_agent = PACKAGE_NAME "/" PACKAGE_VERSION,
        };

        int r = read_proxy_credential(settings, credentials_directory, &secret, &curl.proxy_user,
                                      &curl.proxy_password, err);

        return r < 0 ? r : ts_transport_curl_new(loop, clock, &curl, ret, err);
}

static bool is_same(const char *a, const char *b)
{
        return strcmp(a ? a : "", b ? b : "") == 0;
}

bool ts_session_is_alike(const struct ts_settings *a, const struct ts_settings *b)
{
        return a == b || (is_same(a->ca_file, b->ca_file) && is_same(a->proxy, b->proxy));
}

int ts_session_open(struct ts_session *s, const struct ts_settings *settings,
                    const char *credentials_directory, struct ts_err *err)
{
        int r;

        r = open_loop(s, err);
        if (r >= 0)
                r = ts_session_new_transport(s->loop, &ts_clock_system, settings, credentials_directory,
                                             &s->transport, err);
        if (r < 0)
                return r;
        s->transport = ts_progress_new(s->transport, &ts_clock_system);
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
