/*
 * session - what talks to the API: libcurl on an event loop; for a one-shot run also the loop itself, and
 * signals that stop it
 */
#ifndef TS_DAEMON_SESSION_H
#define TS_DAEMON_SESSION_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "config/settings.h"
#include "reconcile/clients.h"
#include "genesys/transport.h"

/* A transport on @loop, as the settings say; the credential of the proxy is read each time. 0; negative, with
 * TS_ERR_SETTINGS where they name a file that is not there. */
int ts_session_new_transport(sd_event *loop, const struct ts_clock *clock, const struct ts_settings *settings,
                             const char *credentials_directory, struct ts_transport **ret,
                             struct ts_err *err) TS_MUST_CHECK;

/* May a transport that was made for @a serve @b? */
bool ts_session_is_alike(const struct ts_settings *a, const struct ts_settings *b);

struct ts_session {
        sd_event *loop;
        struct ts_transport *transport;
        struct ts_clients *clients;
        bool stop; /* SIGINT or SIGTERM came */
};

/* @settings and @credentials_directory (NULL: unset) outlive it. 0; negative as above. The session must not
 * move: the loop points at it. Blocks SIGINT and SIGTERM in the process for good (call it before there is a
 * thread): one that comes when the session is closed is of no effect. */
int ts_session_open(struct ts_session *s, const struct ts_settings *settings,
                    const char *credentials_directory, struct ts_err *err) TS_MUST_CHECK;
void ts_session_close(struct ts_session *s); /* also one that was never opened, zeroed */

#endif
