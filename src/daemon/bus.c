#include "daemon/bus.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "config.h"

#if TS_ENABLE_BUS

#include <systemd/sd-bus.h>

#include "util/mem.h"

#define HISTORY_MAX_BYTES (1024u * 1024u)

struct ts_bus {
        sd_bus *bus;
        sd_bus_slot *object;
        const struct ts_bus_host *host;
        void *userdata;
};

/* ------------------------------------------------------------------------------------------------ methods */

static int refuse(sd_bus_error *error, const struct ts_err *err)
{
        return sd_bus_error_setf(error,
                                 err->code == -EBUSY ? TS_BUS_INTERFACE ".Busy" : TS_BUS_INTERFACE ".Failed",
                                 "%s", err->msg);
}

static int on_status(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(HISTORY_MAX_BYTES);
        const struct ts_bus *b = userdata;

        (void) error;
        ts_status_json(b->host->status(b->userdata), b->host->now(b->userdata), &out);
        return sd_bus_reply_method_return(m, "s", ts_buf_text(&out));
}

static int on_history(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(HISTORY_MAX_BYTES);
        const struct ts_bus *b = userdata;
        uint32_t n;
        int r;

        (void) error;
        r = sd_bus_message_read(m, "u", &n);
        if (r < 0)
                return r;
        b->host->history(n, &out, b->userdata);
        return sd_bus_reply_method_return(m, "s", ts_buf_text(&out));
}

static int on_sync(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const struct ts_bus *b = userdata;
        struct ts_err err = { 0 };
        const char *digest;
        uint64_t number;
        int r;

        r = sd_bus_message_read(m, "s", &digest);
        if (r < 0)
                return r;
        r = b->host->sync(digest, &number, &err, b->userdata);
        if (r < 0)
                return refuse(error, &err);
        return sd_bus_reply_method_return(m, "t", number);
}

static int on_reload(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const struct ts_bus *b = userdata;

        (void) error;
        return sd_bus_reply_method_return(m, "t", b->host->reload(b->userdata));
}

static int on_pause(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const struct ts_bus *b = userdata;
        struct ts_err err = { 0 };
        const char *by, *reason;
        uint64_t usec;
        int64_t until;
        int r;

        r = sd_bus_message_read(m, "tss", &usec, &by, &reason);
        if (r < 0)
                return r;
        r = b->host->pause(usec, by, reason, &until, &err, b->userdata);
        if (r < 0)
                return refuse(error, &err);
        return sd_bus_reply_method_return(m, "x", until);
}

static int on_resume(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const struct ts_bus *b = userdata;
        struct ts_err err = { 0 };
        const char *by;
        int r;

        r = sd_bus_message_read(m, "s", &by);
        if (r < 0)
                return r;
        r = b->host->resume(by, &err, b->userdata);
        if (r < 0)
                return refuse(error, &err);
        return sd_bus_reply_method_return(m, "");
}

/* --------------------------------------------------------------------------------------------- properties */

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const struct ts_bus *b = userdata;
        const struct ts_status *s = b->host->status(b->userdata);
        int64_t now = b->host->now(b->userdata);

        (void) bus;
        (void) path;
        (void) interface;
        (void) error;
        switch (property[0]) { /* they begin with different letters */
        case 'V':
                return sd_bus_message_append(reply, "s", PACKAGE_VERSION);
        case 'S':
                return sd_bus_message_append(reply, "s", ts_status_word(s, now));
        case 'I':
                return sd_bus_message_append(reply, "b", ts_status_is_in_sync(s) ? 1 : 0);
        case 'L':
                return sd_bus_message_append(reply, "t", s->last_number);
        case 'E':
                return sd_bus_message_append(reply, "i", s->last_number > 0 ? ts_status_exit_status(s) : -1);
        case 'N':
                return sd_bus_message_append(reply, "x", s->next);
        case 'R':
                return sd_bus_message_append(reply, "s", s->revision);
        case 'P':
                return sd_bus_message_append(reply, "x",
                                             ts_pause_is_active(&s->pause, now) ? s->pause.until : 0);
        default:
                return -ENOENT;
        }
}

/* Access is controlled by the policy file; by default sd-bus would only allow root. */
#define ANYBODY SD_BUS_VTABLE_UNPRIVILEGED
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Status", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), on_status, ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("History", SD_BUS_ARGS("u", count), SD_BUS_RESULT("s", json), on_history,
                                ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Sync", SD_BUS_ARGS("s", plan_digest), SD_BUS_RESULT("t", cycle), on_sync,
                                ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", cycle), on_reload, ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Pause", SD_BUS_ARGS("t", usec, "s", by, "s", reason),
                                SD_BUS_RESULT("x", until), on_pause, ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Resume", SD_BUS_ARGS("s", by), SD_BUS_NO_RESULT, on_resume, ANYBODY),
        SD_BUS_SIGNAL_WITH_ARGS("CycleEnded", SD_BUS_ARGS("t", cycle, "i", exit_status, "s", outcome), 0),
        SD_BUS_PROPERTY("Version", "s", get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("InSync", "b", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("LastCycle", "t", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("ExitStatus", "i", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("NextCycleTime", "x", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Revision", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("PausedUntil", "x", get_property, 0, CHANGES),
        SD_BUS_VTABLE_END,
};

/* --------------------------------------------------------------------------------------------- connection */

static int open_bus(struct ts_bus *b, sd_event *loop)
{
        int r;

        r = sd_bus_open_system(&b->bus);
        if (r >= 0)
                r = sd_bus_attach_event(b->bus, loop, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_add_object_vtable(b->bus, &b->object, TS_BUS_PATH, TS_BUS_INTERFACE, vtable, b);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(b->bus, 5 * TS_USEC_PER_SEC);
        if (r >= 0) /* once, at the start: after READY=1 the name is ours */
                r = sd_bus_request_name(b->bus, TS_BUS_NAME, 0);
        return r;
}

int ts_bus_new(sd_event *loop, const struct ts_bus_host *host, void *userdata, struct ts_bus **ret,
               struct ts_err *err)
{
        TS_CLEANUP(ts_bus_freep) struct ts_bus *b = ts_calloc(1, sizeof(*b));
        int r;

        b->host = host;
        b->userdata = userdata;
        r = open_bus(b, loop);
        if (r < 0)
                return ts_err_set(err, TS_ERR_LOCAL, r,
                                  "cannot be " TS_BUS_NAME
                                  " on the system bus: %m; trustsyncctl will not work%s",
                                  r == -EACCES   ? " (is the bus policy of trustsyncd installed, and are we "
                                                   "its user?)"
                                  : r == -EEXIST ? " (another instance is)"
                                                 : "");
        *ret = TS_TAKE(b);
        return 0;
}

void ts_bus_free(struct ts_bus *b)
{
        if (!b)
                return;
        sd_bus_slot_unref(b->object);
        sd_bus_flush_close_unref(b->bus);
        free(b);
}

bool ts_bus_is_connected(const struct ts_bus *b)
{
        return b && sd_bus_is_open(b->bus) > 0;
}

void ts_bus_emit_status(struct ts_bus *b)
{
        if (ts_bus_is_connected(b))
                (void) sd_bus_emit_properties_changed(b->bus, TS_BUS_PATH, TS_BUS_INTERFACE, "State",
                                                      "InSync", "LastCycle", "ExitStatus", "NextCycleTime",
                                                      "Revision", "PausedUntil",
                                                      NULL); /* a bus that went away asks nothing */
}

void ts_bus_emit_cycle(struct ts_bus *b, uint64_t number, int exit_status, const char *outcome)
{
        if (ts_bus_is_connected(b))
                (void) sd_bus_emit_signal(b->bus, TS_BUS_PATH, TS_BUS_INTERFACE, "CycleEnded", "tis", number,
                                          exit_status, outcome);
}

#else

int ts_bus_new(sd_event *loop, const struct ts_bus_host *host, void *userdata, struct ts_bus **ret,
               struct ts_err *err)
{
        (void) loop;
        (void) host;
        (void) userdata;
        (void) ret;
        return ts_err_set(err, TS_ERR_LOCAL, -EOPNOTSUPP, "built without D-Bus: there is no trustsyncctl");
}

void ts_bus_free(struct ts_bus *bus)
{
        (void) bus;
}

bool ts_bus_is_connected(const struct ts_bus *bus)
{
        (void) bus;
        return true; /* there is nothing to connect to */
}

void ts_bus_emit_status(struct ts_bus *bus)
{
        (void) bus;
}

void ts_bus_emit_cycle(struct ts_bus *bus, uint64_t number, int exit_status, const char *outcome)
{
        (void) bus;
        (void) number;
        (void) exit_status;
        (void) outcome;
}

#endif
