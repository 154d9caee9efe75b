/*
 * bus - org.trustsyncd.Manager1 on the system bus
 *
 * Served by the daemon's loop, also while a cycle runs. Properties come from the status value; methods only
 * set flags through the host's functions, which return at once. The policy file of the bus controls access.
 * Without D-Bus at build time, or without a bus, all functions do nothing.
 */
#ifndef TS_DAEMON_BUS_H
#define TS_DAEMON_BUS_H

#include <systemd/sd-event.h>

#include "daemon/status.h"

#define TS_BUS_NAME "org.trustsyncd.Manager1"
#define TS_BUS_PATH "/org/trustsyncd/Manager1"
#define TS_BUS_INTERFACE "org.trustsyncd.Manager1"

struct ts_bus_host { /* none of these blocks; errors are for people */
        const struct ts_status *(*status)(void *userdata);
        int64_t (*now)(void *userdata);
        void (*history)(size_t n, struct ts_buf *out, void *userdata);
        /* The number of the cycle that will do it. @digest "": within the limits. -EBUSY: another digest
         * waits. */
        int (*sync)(const char *digest, uint64_t *ret_number, struct ts_err *err, void *userdata);
        uint64_t (*reload)(void *userdata);
        int (*pause)(uint64_t usec, const char *by, const char *reason, int64_t *ret_until,
                     struct ts_err *err, void *userdata);
        int (*resume)(const char *by, struct ts_err *err, void *userdata);
};

struct ts_bus;

/* Return: 0; else why there is no bus. @host and @userdata outlive it. */
int ts_bus_new(sd_event *loop, const struct ts_bus_host *host, void *userdata, struct ts_bus **ret,
               struct ts_err *err) TS_MUST_CHECK;
void ts_bus_free(struct ts_bus *bus); /* NULL is fine, here and below */
TS_DEFINE_CLEANUP(struct ts_bus, ts_bus_free)

bool ts_bus_is_connected(const struct ts_bus *bus);
void ts_bus_emit_status(struct ts_bus *bus); /* the properties may have changed */
void ts_bus_emit_cycle(struct ts_bus *bus, uint64_t number, int exit_status, const char *outcome);

#endif
