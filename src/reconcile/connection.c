#include "reconcile/connection.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "genesys/scheduler.h"
#include "reconcile/clients.h"
#include "util/limits.h"

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

int ts_connection_open(sd_event *loop, const struct ts_clock *clock, const struct ts_settings *settings,
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

bool ts_connection_is_alike(const struct ts_settings *a, const struct ts_settings *b)
{
        return a == b || (is_same(a->ca_file, b->ca_file) && is_same(a->proxy, b->proxy) &&
                          is_same(a->proxy_credential, b->proxy_credential));
}
