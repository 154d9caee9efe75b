#include "ctl/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "util/mem.h"

#define NAME "org.trustsyncd.Manager1"
#define PATH "/org/trustsyncd/Manager1"
#define INTERFACE NAME

struct ts_ctl {
        sd_bus *bus;
        uint64_t expected; /* the cycle whose end is waited for */
        bool has_ended;
        int exit_status;
        char *outcome;
        bool gone; /* the daemon */
};

int ts_ctl_connect(struct ts_ctl **ret, struct ts_err *err)
{
        TS_CLEANUP(ts_ctl_freep) struct ts_ctl *c = ts_calloc(1, sizeof(*c));
        int r;

        r = sd_bus_open_system(&c->bus);
        if (r < 0)
                return ts_err_set(err, TS_ERR_LOCAL, r,
                                  "cannot reach the daemon over the system bus: %m; is this the host it runs "
                                  "on? see "
                                  "'systemctl status dbus trustsyncd'");
        *ret = TS_TAKE(c);
        return 0;
}

void ts_ctl_free(struct ts_ctl *c)
{
        if (!c)
                return;
        sd_bus_flush_close_unref(c->bus);
        free(c->outcome);
        free(c);
}

/* What a refused call means to a person. */
static int failed(struct ts_err *err, const char *what, int r, const sd_bus_error *error)
{
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return ts_err_set(err, TS_ERR_LOCAL, r,
                                  "%s: the daemon does not run; start it with 'systemctl start trustsyncd', "
                                  "and see 'journalctl -u trustsyncd' for why it ended",
                                  what);
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED))
                return ts_err_set(err, TS_ERR_LOCAL, r,
                                  "%s: only root and members of the group trustsyncd may do that", what);
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT))
                return ts_err_set(err, TS_ERR_LOCAL, r,
                                  "%s: the daemon does not answer; see 'systemctl status trustsyncd'", what);
        return ts_err_set(err, TS_ERR_LOCAL, r, "%s: %s", what,
                          error->message ? error->message : strerror(-r));
}

static int call(struct ts_ctl *c, const char *what, const char *member, sd_bus_message **ret,
                struct ts_err *err, const char *types, ...)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list ap;
        int r;

        va_start(ap, types);
        r = sd_bus_call_methodv(c->bus, NAME, PATH, INTERFACE, member, &error, ret, types, ap);
        va_end(ap);
        if (r < 0)
                r = failed(err, what, r, &error);
        sd_bus_error_free(&error);
        return r;
}

static int take_text(sd_bus_message *m, const char *what, char **ret, struct ts_err *err)
{
        const char *text;
        int r;

        r = sd_bus_message_read(m, "s", &text);
        if (r < 0)
                return ts_err_set(err, TS_ERR_LOCAL, r, "%s: the daemon's answer cannot be read: %m", what);
        *ret = ts_strdup(text);
        return 0;
}

int ts_ctl_status(struct ts_ctl *c, char **ret, struct ts_err *err)
{
        TS_CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = call(c, "status", "Status", &m, err, "");

        return r < 0 ? r : take_text(m, "status", ret, err);
}

int ts_ctl_history(struct ts_ctl *c, uint32_t n, char **ret, struct ts_err *err)
{
        TS_CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = call(c, "history", "History", &m, err, "u", n);

        return r < 0 ? r : take_text(m, "history", ret, err);
}

int ts_ctl_pause(struct ts_ctl *c, uint64_t usec, const char *by, const char *reason, int64_t *ret_until,
                 struct ts_err *err)
{
        TS_CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = call(c, "pause", "Pause", &m, err, "tss", usec, by, reason);

        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "x", ret_until);
        if (r < 0)
                return ts_err_set(err, TS_ERR_LOCAL, r, "pause: the daemon's answer cannot be read: %m");
        return 0;
}

int ts_ctl_resume(struct ts_ctl *c, const char *by, struct ts_err *err)
{
        TS_CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = call(c, "resume", "Resume", &m, err, "s", by);

        return r < 0 ? r : 0;
}

/* --------------------------------------------------------------------------------------------------- sync */

static int on_cycle_ended(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct ts_ctl *c = userdata;
        const char *outcome;
        uint64_t number;
        int exit_status;

        (void) error;
        if (sd_bus_message_read(m, "tis", &number, &exit_status, &outcome) < 0)
                return 0; /* of a daemon that we do not know; the loss of the name ends the wait */
        if (number != c->expected)
                return 0; /* cycles run side by side */
        c->has_ended = true;
        c->exit_status = exit_status;
        free(c->outcome);
        c->outcome = ts_strdup(outcome);
        return 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct ts_ctl *c = userdata;
        const char *name, *from, *to;

        (void) error;
        if (sd_bus_message_read(m, "sss", &name, &from, &to) >= 0 && strcmp(name, NAME) == 0)
                c->gone = true;
        return 0;
}

/* Before the call, so that a short cycle's end is not missed. */
static int subscribe(struct ts_ctl *c, struct ts_err *err)
{
        int r;

        r = sd_bus_match_signal(c->bus, NULL, NAME, PATH, INTERFACE, "CycleEnded", on_cycle_ended, c);
        if (r >= 0)
                r = sd_bus_match_signal(c->bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "NameOwnerChanged", on_owner_changed, c);
        return r < 0 ? ts_err_set(err, TS_ERR_LOCAL, r, "sync: cannot listen for the end of the cycle: %m")
                     : 0;
}

static int wait_for_end(struct ts_ctl *c, struct ts_err *err)
{
        while (!c->has_ended) {
                int r = sd_bus_process(c->bus, NULL);

                if (r == 0)
                        r = sd_bus_wait(c->bus, UINT64_MAX);
                if (r == -EINTR)
                        continue;
                if (r < 0)
                        return ts_err_set(err, TS_ERR_LOCAL, r, "sync: lost the system bus: %m");
                if (c->gone)
                        return ts_err_set(err, TS_ERR_LOCAL, -ECONNRESET,
                                          "sync: the daemon ended before the cycle did; see 'journalctl -u "
                                          "trustsyncd'");
        }
        return 0;
}

int ts_ctl_sync(struct ts_ctl *c, const char *digest, int *ret_exit_status, char **ret_outcome,
                struct ts_err *err)
{
        TS_CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = subscribe(c, err);
        if (r < 0)
                return r;
        r = call(c, "sync", "Sync", &m, err, "s", digest);
        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "t", &c->expected);
        if (r < 0)
                return ts_err_set(err, TS_ERR_LOCAL, r, "sync: the daemon's answer cannot be read: %m");
        r = wait_for_end(c, err);
        if (r < 0)
                return r;
        *ret_exit_status = c->exit_status;
        *ret_outcome = TS_TAKE(c->outcome);
        return 0;
}
