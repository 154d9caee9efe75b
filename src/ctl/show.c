#include "ctl/show.h"

#include <inttypes.h>
#include <string.h>

#include "json/reader.h"
#include "util/escape.h"
#include "util/timefmt.h"
#include "util/revision.h"

static void put_text(struct ts_buf *out, const char *text)
{
        (void) ts_escape_text(out, text ? text : "-", strlen(text ? text : "-"));
}

static void put_row(struct ts_buf *out, const char *name, const char *text)
{
        ts_buf_printf(out, "%13s: ", name);
        put_text(out, text);
        ts_buf_putc(out, '\n');
}

static int64_t get_int(const struct ts_json *object, const char *key)
{
        int64_t v = 0;

        (void) ts_json_get_int(object, key, &v); /* 0 when it is not there */
        return v;
}

static bool get_bool(const struct ts_json *object, const char *key)
{
        bool v = false;

        (void) ts_json_get_bool(object, key, &v); /* false when it is not there */
        return v;
}

/* "2026-11-24T02:13:42Z, 4min ago" */
static void put_time(struct ts_buf *out, const char *name, const char *text, int64_t now,
                     const char *otherwise)
{
        int64_t t;

        ts_buf_printf(out, "%13s: ", name);
        put_text(out, text ? text : otherwise);
        if (text && ts_time_parse(text, strlen(text), &t) == 0) {
                uint64_t distance = (uint64_t) (t < now ? now - t : t - now) * TS_USEC_PER_SEC;
                struct ts_time_text span = ts_span_format(distance);

                ts_buf_printf(out, t < now ? ", %s ago" : ", in %s", distance > 0 ? span.s : "0s");
        }
        ts_buf_putc(out, '\n');
}

static void put_counts(struct ts_buf *out, const struct ts_json *s)
{
        ts_buf_printf(out, "%" PRId64 " add, %" PRId64 " change, %" PRId64 " remove", get_int(s, "add"),
                      get_int(s, "change"), get_int(s, "remove"));
        ts_buf_printf(out, ", %" PRId64 " held, %" PRId64 " waiting, %" PRId64 " failed", get_int(s, "held"),
                      get_int(s, "waiting"), get_int(s, "failed"));
}

static void put_pause(struct ts_buf *out, const struct ts_json *pause, int64_t now)
{
        if (!pause)
                return;
        put_time(out, "Paused until", ts_json_get_string(pause, "until"), now, "somebody resumes");
        put_row(out, "by", ts_json_get_string(pause, "by"));
        put_row(out, "because", ts_json_get_string(pause, "reason"));
}

static void put_organization(struct ts_buf *out, const struct ts_json *o)
{
        const char *error = ts_json_get_string(o, "error"), *mode = ts_json_get_string(o, "mode");

        ts_buf_puts(out, " Organization: ");
        put_text(out, ts_json_get_string(o, "alias"));
        ts_buf_puts(out, ", ");
        put_text(out, mode);
        ts_buf_printf(out, ", %" PRId64 " pending; ", get_int(o, "pending"));
        put_counts(out, ts_json_get_object(o, "summary"));
        ts_buf_putc(out, '\n');
        if (error)
                put_row(out, get_bool(o, "refused") ? "refused" : "error", error);
}

/* What needs somebody, worst first. */
enum need {
        NEED_FAILED,
        NEED_REFUSED,
        NEED_CONTESTED,
        NEED_HELD,
        NEED_PENDING,
        NEED_WAITING,
        NEED_NOBODY,
};

static enum need need_of(const struct ts_json *o)
{
        const struct ts_json *s = ts_json_get_object(o, "summary");

        if (get_bool(o, "failed"))
                return NEED_FAILED;
        if (get_bool(o, "refused") || ts_json_get_string(o, "error"))
                return NEED_REFUSED;
        if (get_int(o, "contested") > 0)
                return NEED_CONTESTED;
        if (get_int(s, "held") > 0)
                return NEED_HELD;
        if (get_int(o, "pending") > 0)
                return NEED_PENDING;
        return get_int(s, "waiting") > 0 ? NEED_WAITING : NEED_NOBODY;
}

static void put_organizations(struct ts_buf *out, const struct ts_json *organizations)
{
        size_t n_fine = 0;

        for (enum need need = NEED_FAILED; need <= NEED_NOBODY; need++)
                TS_JSON_FOREACH (o, organizations) {
                        if (need_of(o) != need)
                                continue;
                        if (need == NEED_NOBODY && organizations->n > 1)
                                n_fine++;
                        else
                                put_organization(out, o);
                }
        if (n_fine > 0)
                ts_buf_printf(out, "       Others: %zu organization%s with nothing to do\n", n_fine,
                              TS_S(n_fine));
}

static void put_totals(struct ts_buf *out, const struct ts_json *t)
{
        static const char *const names[] = { "failed",  "refused", "contested", "held",
                                             "pending", "waiting", "unknown" };
        const char *separator = "";

        if (!t || get_int(t, "organizations") < 2)
                return;
        ts_buf_printf(out, "Organizations: %" PRId64, get_int(t, "organizations"));
        for (size_t i = 0; i < TS_N_ELEMENTS(names); i++) {
                if (get_int(t, names[i]) == 0)
                        continue;
                ts_buf_printf(out, "%s %" PRId64 " %s", i == 0 || separator[0] == '\0' ? "," : separator,
                              get_int(t, names[i]), names[i]);
                separator = ",";
        }
        ts_buf_putc(out, '\n');
}

static void put_not_in_force(struct ts_buf *out, const struct ts_json *status, int64_t now)
{
        const struct ts_json *list = ts_json_get_array(status, "not_in_force");

        if (list)
                TS_JSON_FOREACH (n, list) {
                        put_row(out, "STALE", ts_json_get_string(n, "text"));
                        put_time(out, "since", ts_json_get_string(n, "since"), now, "-");
                }
        if (ts_json_get_string(status, "unwatched"))
                put_row(out, "Unwatched", ts_json_get_string(status, "unwatched"));
}

static void put_files(struct ts_buf *out, const struct ts_json *status)
{
        const struct ts_json *d = ts_json_get_object(status, "declarations"),
                             *s = ts_json_get_object(status, "settings");

        if (get_bool(d, "in_force"))
                put_row(out, "Revision",
                        ts_revision_format(ts_json_get_string(d, "revision"),
                                           ts_json_get_string(d, "content_hash"))
                                        .s);
        else
                put_row(out, "Revision", "none in force: only deny acts");
        put_row(out, "Declarations", ts_json_get_string(d, "path"));
        if (ts_json_get_string(d, "fault"))
                put_row(out, "FAULTY", ts_json_get_string(d, "fault"));
        put_row(out, "Settings", ts_json_get_string(s, "path"));
        if (ts_json_get_string(s, "fault"))
                put_row(out, "FAULTY", ts_json_get_string(s, "fault"));
}

static int parse(const char *json, struct ts_arena *arena, const struct ts_json **ret, struct ts_err *err)
{
        int r = ts_json_parse(json, strlen(json), arena, ret, err);

        return r < 0 ? ts_err_wrap(err, r, "the daemon's answer cannot be read") : 0;
}

int ts_show_status(const char *json, int64_t now, struct ts_buf *out, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *s, *last, *organizations;
        int r;

        r = parse(json, &arena, &s, err);
        if (r < 0)
                return r;
        last = ts_json_get_object(s, "last_cycle");
        organizations = ts_json_get_array(s, "organizations");

        put_row(out, "State", ts_json_get_string(s, "state"));
        put_row(out, "In sync", get_bool(s, "in_sync") ? "yes" : "no");
        put_row(out, "Status", ts_json_get_string(s, "status"));
        put_pause(out, ts_json_get_object(s, "pause"), now);
        put_time(out, "Last cycle", ts_json_get_string(last, "ended_at"), now, "none yet");
        put_time(out, "Last success", ts_json_get_string(s, "last_success_at"), now, "none yet");
        if (get_bool(s, "running"))
                put_row(out, "Next cycle", "under way");
        else
                put_time(out, "Next cycle", ts_json_get_string(s, "next_cycle_at"), now, "not known");
        if (get_int(s, "failures_in_a_row") > 0)
                ts_buf_printf(out, "     Failures: %" PRId64 " in a row\n", get_int(s, "failures_in_a_row"));
        put_files(out, s);
        put_not_in_force(out, s, now);
        put_totals(out, ts_json_get_object(s, "totals"));
        if (organizations)
                put_organizations(out, organizations);
        return 0;
}

int ts_show_status_exit(const char *json)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *s, *list;
        struct ts_err err = { 0 };

        if (parse(json, &arena, &s, &err) < 0)
                return 1;
        list = ts_json_get_array(s, "not_in_force");
        if (ts_json_get_string(ts_json_get_object(s, "settings"), "fault"))
                return 78;
        if (ts_json_get_string(ts_json_get_object(s, "declarations"), "fault"))
                return 65;
        return list && list->n > 0 ? 1 : 0;
}

/* ------------------------------------------------------------------------------------------------ history */

static const char *what_happened(int64_t exit_status)
{
        switch (exit_status) {
        case 0:
                return "ok";
        case 3:
                return "refused";
        case 65:
                return "faulty declarations";
        case 75:
                return "another instance was writing";
        case 78:
                return "faulty settings";
        default:
                return "failed";
        }
}

static void put_cycle(struct ts_buf *out, const struct ts_json *c)
{
        int64_t n = get_int(c, "cycles");

        put_text(out, ts_json_get_string(c, "last"));
        ts_buf_puts(out, "  ");
        put_text(out, ts_json_get_string(c, "trigger"));
        ts_buf_printf(out, "  %s  %s: ", what_happened(get_int(c, "exit_status")),
                      get_bool(c, "applied") ? "done" : "planned");
        put_counts(out, ts_json_get_object(c, "summary"));
        ts_buf_puts(out, ", revision ");
        put_text(out, ts_json_get_string(c, "revision"));
        if (n > 1) {
                ts_buf_printf(out, " (%" PRId64 " cycles alike since ", n);
                put_text(out, ts_json_get_string(c, "first"));
                ts_buf_putc(out, ')');
        }
        ts_buf_putc(out, '\n');
}

int ts_show_history(const char *json, struct ts_buf *out, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *h, *cycles;
        int r;

        r = parse(json, &arena, &h, err);
        if (r < 0)
                return r;
        cycles = ts_json_get_array(h, "cycles");
        if (!cycles || cycles->n == 0)
                ts_buf_puts(out, "No cycle has ended yet.\n");
        else
                TS_JSON_FOREACH (c, cycles)
                        put_cycle(out, c);
        return 0;
}
