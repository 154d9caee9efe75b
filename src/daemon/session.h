/*
 * session - what a one-shot run talks to the API with: a loop, signals that stop it, and libcurl
 */
#ifndef TS_DAEMON_SESSION_H
#define TS_DAEMON_SESSION_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "config/settings.h"
#include "daemon/clients.h"
#include "genesys/transport.h"

struct ts_session {
        sd_event *loop;
        struct ts_transport *transport;
        struct ts_clients *clients;
        bool stop; /* SIGINT or SIGTERM came */
};

/* @settings and @credentials_directory (NULL: unset) outlive it. 0; negative: logged. The session must not
 * move: the loop points at it. */
int ts_session_open(struct ts_session *s, const struct ts_settings *settings,
                    const char *credentials_directory) TS_MUST_CHECK;
void ts_session_close(struct ts_session *s); /* also one that was never opened, zeroed */

#endif
