/*
 * notify - status notifications to systemd
 *
 * Sends a datagram to $NOTIFY_SOCKET; without one every call does nothing.
 */
#ifndef TS_DAEMON_NOTIFY_H
#define TS_DAEMON_NOTIFY_H

#include "util/macros.h"

/* Each sets STATUS= too: one line. */
void ts_notify_ready(const char *status);     /* also ends a reload */
void ts_notify_reloading(const char *status); /* with the time, so that systemd can tell two reloads apart */
void ts_notify_stopping(const char *status);
void ts_notify_status(const char *status);

#endif
