/*
 * session - API access of a one-shot run: an event loop, a transport with progress display, clients, and
 * signals that stop it
 */
#ifndef TS_CLI_SESSION_H
#define TS_CLI_SESSION_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "config/settings.h"
#include "genesys/transport.h"
#include "reconcile/clients.h"

struct ts_session {
        sd_event *loop;
        struct ts_transport *transport; /* shows its progress, and owns: */
        struct ts_transport *curl;
        struct ts_clients *clients;
        bool stop; /* SIGINT or SIGTERM came */
};

/* @settings and @credentials_directory (NULL: unset) outlive it. 0; negative, with TS_ERR_SETTINGS
 * where the settings name a file that is not there. The session must not
 * move: the loop points at it. Blocks SIGINT and SIGTERM in the process permanently (call it before creating
 * threads): a signal that arrives after the session is closed has no effect. */
int ts_session_open(struct ts_session *s, const struct ts_settings *settings,
                    const char *credentials_directory, struct ts_err *err) TS_MUST_CHECK;
void ts_session_close(struct ts_session *s); /* also one that was never opened, zeroed */

#endif
