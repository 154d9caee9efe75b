/*
 * connection - creates the transport as configured: proxy, certificates, number of connections
 */
#ifndef TS_RECONCILE_CONNECTION_H
#define TS_RECONCILE_CONNECTION_H

#include "config/settings.h"
#include "genesys/transport-curl.h"
#include "util/clock.h"

/* A transport on @loop; the credential of the proxy is read each time. 0; negative, with TS_ERR_SETTINGS
 * where the settings name a file that is not there. */
int ts_connection_open(sd_event *loop, const struct ts_clock *clock, const struct ts_settings *settings,
                       const char *credentials_directory, struct ts_transport **ret,
                       struct ts_err *err) TS_MUST_CHECK;

/* May a transport that was made for @a serve @b? */
bool ts_connection_is_alike(const struct ts_settings *a, const struct ts_settings *b);

#endif
