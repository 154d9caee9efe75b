#include "daemon/status.h"

#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "reconcile/cycle.h"
#include "daemon/sources.h"
#include "report/report.h"
#include "report/words.h"
#include "util/mem.h"
#include "util/timefmt.h"

void ts_status_done(struct ts_status *s)
{
        free(s->organizations);
        s->organizations = NULL;
        s->n_organizations = 0;
}

/* ------------------------------------------------------------------------------------------------ filling */

static void put_fault(char *ret, size_t size, const struct ts_fault_lines *f)
{
        ret[0] = '\0';
        if (f->n == 0)
                return;
        ts_record_put_line(ret, size, f->items[0]);
        if (f->total > 1) {
                size_t len = strlen(ret);

                (void) snprintf(ret + len, size - len, " (and %zu more)", f->total - 1);
        }
}

void ts_status_note_sources(struct ts_status *s, const struct ts_sources *sources)
{
        struct ts_digest_text hash;

        ts_record_put_line(s->settings_path, sizeof(s->settings_path), sources->config);
        ts_record_put_line(s->declarations_path, sizeof(s->declarations_path),
                           sources->trusts ? sources->trusts : "");
        put_fault(s->settings_fault, sizeof(s->settings_fault), &sources->settings_faults);
        put_fault(s->declarations_fault, sizeof(s->declarations_fault), &sources->declarations_faults);
        s->has_declarations = sources->declarations != NULL;
        s->revision[0] = s->content_hash[0] = '\0';
        if (!sources->declarations)
                return;
        hash = ts_digest_format(&sources->declarations->content_hash);
        ts_record_put_word(s->revision, sizeof(s->revision), sources->declarations->revision);
        ts_record_put_word(s->content_hash, sizeof(s->content_hash), hash.s);
}

static size_t count_pending(const struct ts_plan *plan)
{
        size_t n = 0;

        for (size_t i = 0; plan && i < plan->n_changes; i++)
                n += plan->changes[i].result == TS_PLANNED;
        return n;
}

static void note_organizations(struct ts_status *s, const struct ts_cycle *c)
{
        ts_status_done(s);
        s->organizations = ts_calloc(c->n_organizations, sizeof(*s->organizations));
        s->n_organizations = c->n_organizations;
        s->pending = 0;
        for (size_t i = 0; i < c->n_organizations; i++) {
                const struct ts_cycle_organization *o = &c->organizations[i];
                struct ts_status_organization *to = &s->organizations[i];

                ts_record_put_word(to->alias, sizeof(to->alias), o->settings->alias);
                to->mode = o->settings->mode;
                to->planned = o->plan != NULL;
                to->pending = count_pending(o->plan);
                s->pending += to->pending;
                if (o->plan)
                        to->summary = ts_plan_summarise(o->plan);
                to->refused = o->unnamed || (o->plan && o->plan->n_refusals > 0);
                if (o->err.cls != TS_ERR_NONE)
                        ts_record_put_line(to->error, sizeof(to->error), o->err.msg);
                else if (o->plan && o->plan->n_refusals > 0)
                        ts_record_put_line(to->error, sizeof(to->error), o->plan->refusals[0].message);
                else if (o->unnamed)
                        ts_record_put_line(to->error, sizeof(to->error),
                                           "no file of the declarations names it");
        }
}

void ts_status_note_cycle(struct ts_status *s, struct ts_cycle *c, const char *trigger, int exit_status)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf outcome = TS_BUF_INIT(4 * TS_TEXT_MAX_BYTES);
        struct ts_report report = ts_cycle_report(c);
        struct ts_digest_text digest = ts_digest_format(&report.digest);

        s->n_ended++;
        s->last = (struct ts_record_cycle){
                .first = c->ended,
                .last = c->ended,
                .exit_status = exit_status,
                .applied = report.applied,
                .summary = ts_report_summarise(&report),
                .requests = report.requests,
                .writes = report.writes,
                .duration_usec = report.duration_usec,
        };
        ts_record_put_word(s->last.id, sizeof(s->last.id), c->id);
        ts_record_put_word(s->last.trigger, sizeof(s->last.trigger), trigger);
        ts_record_put_word(s->last.revision, sizeof(s->last.revision),
                           report.revision ? report.revision : "-");
        ts_record_put_word(s->digest, sizeof(s->digest), digest.s);
        ts_words_outcome(&outcome, ts_words_put_plain, &report);
        ts_record_put_line(s->outcome, sizeof(s->outcome), ts_buf_text(&outcome));
        s->complete = report.complete;
        if (exit_status == 0)
                s->last_success = c->ended;
        note_organizations(s, c);
}

/* ------------------------------------------------------------------------------------------------ looking */

static bool is_faulty(const struct ts_status *s)
{
        return s->declarations_fault[0] != '\0' || s->settings_fault[0] != '\0';
}

bool ts_status_is_in_sync(const struct ts_status *s)
{
        return s->n_ended > 0 && s->last.exit_status == 0 && s->pending == 0 && s->has_declarations &&
               !is_faulty(s) && s->last.summary.held == 0 && s->last.summary.failed == 0;
}

const char *ts_status_word(const struct ts_status *s, int64_t now)
{
        if (is_faulty(s))
                return "faulty";
        if (ts_pause_is_active(&s->pause, now))
                return "paused";
        if (s->n_ended == 0)
                return "starting";
        if (s->last.exit_status == TS_EXIT_REFUSED)
                return "refused";
        if (s->last.exit_status != 0 || s->last.summary.failed > 0)
                return "failed";
        if (s->pending > 0)
                return "changes pending";
        return s->last.summary.held > 0 ? "held" : "in sync";
}

/* ----------------------------------------------------------------------------------------------- one line */

static const struct ts_status_organization *first_error(const struct ts_status *s)
{
        for (size_t i = 0; i < s->n_organizations; i++)
                if (s->organizations[i].error[0] != '\0')
                        return &s->organizations[i];
        return NULL;
}

static void put_what(const struct ts_status *s, int64_t now, struct ts_buf *out)
{
        const struct ts_status_organization *o = first_error(s);

        if (s->settings_fault[0])
                ts_buf_printf(out, "Faulty settings, the old ones are in force: %s", s->settings_fault);
        else if (s->declarations_fault[0] && s->has_declarations)
                ts_buf_printf(out, "Faulty declarations, revision %s stays in force: %s", s->revision,
                              s->declarations_fault);
        else if (s->declarations_fault[0])
                ts_buf_printf(out, "Faulty declarations, none are in force, only deny acts: %s",
                              s->declarations_fault);
        else if (ts_pause_is_active(&s->pause, now))
                ts_buf_printf(out, "Paused by %s until %s: %s", s->pause.by, ts_time_format(s->pause.until).s,
                              s->pause.reason);
        else if (s->n_ended == 0)
                ts_buf_puts(out, "Starting: the first cycle is under way");
        else if (s->last.exit_status != 0 && o)
                ts_buf_printf(out, "%s: %s", s->last.exit_status == TS_EXIT_REFUSED ? "Refused" : "Failed",
                              o->error);
        else if (ts_status_is_in_sync(s))
                ts_buf_printf(out, "In sync. %s", s->outcome);
        else
                ts_buf_puts(out, s->outcome);
}

void ts_status_line(const struct ts_status *s, int64_t now, struct ts_buf *out)
{
        put_what(s, now, out);
        if (s->n_ended > 0)
                ts_buf_printf(out, " (last cycle %s%s)", ts_time_format(s->last.last).s,
                              s->running ? ", the next is under way" : "");
}

/* --------------------------------------------------------------------------------------------------- JSON */

static void add_time(struct ts_json_writer *w, const char *key, int64_t t)
{
        ts_json_add_string(w, key, t > 0 ? ts_time_format(t).s : NULL);
}

static void add_text(struct ts_json_writer *w, const char *key, const char *text)
{
        ts_json_add_string(w, key, text[0] != '\0' ? text : NULL);
}

static void add_last_cycle(struct ts_json_writer *w, const struct ts_status *s)
{
        ts_json_key(w, "last_cycle");
        if (s->n_ended == 0) {
                ts_json_put_null(w);
                return;
        }
        ts_json_open_object(w);
        ts_json_add_int(w, "number", (int64_t) s->n_ended);
        ts_json_add_string(w, "id", s->last.id);
        ts_json_add_string(w, "trigger", s->last.trigger);
        add_time(w, "ended_at", s->last.last);
        ts_json_add_int(w, "duration_ms", (int64_t) (s->last.duration_usec / TS_USEC_PER_MSEC));
        ts_json_add_int(w, "exit_status", s->last.exit_status);
        ts_json_add_bool(w, "complete", s->complete);
        ts_json_add_bool(w, "applied", s->last.applied);
        ts_json_add_string(w, "outcome", s->outcome);
        add_text(w, "digest", s->digest);
        ts_report_add_summary(w, &s->last.summary);
        ts_json_add_int(w, "pending", (int64_t) s->pending);
        ts_json_add_int(w, "requests", (int64_t) s->last.requests);
        ts_json_add_int(w, "writes", (int64_t) s->last.writes);
        ts_json_close_object(w);
}

static void add_pause(struct ts_json_writer *w, const struct ts_status *s, int64_t now)
{
        ts_json_key(w, "pause");
        if (!ts_pause_is_active(&s->pause, now)) {
                ts_json_put_null(w);
                return;
        }
        ts_json_open_object(w);
        add_time(w, "since", s->pause.since);
        add_time(w, "until", s->pause.until);
        ts_json_add_string(w, "by", s->pause.by);
        ts_json_add_string(w, "reason", s->pause.reason);
        ts_json_close_object(w);
}

static void add_files(struct ts_json_writer *w, const struct ts_status *s)
{
        ts_json_key(w, "declarations");
        ts_json_open_object(w);
        ts_json_add_string(w, "path", s->declarations_path);
        ts_json_add_bool(w, "in_force", s->has_declarations);
        add_text(w, "revision", s->revision);
        add_text(w, "content_hash", s->content_hash);
        add_text(w, "fault", s->declarations_fault);
        ts_json_close_object(w);

        ts_json_key(w, "settings");
        ts_json_open_object(w);
        ts_json_add_string(w, "path", s->settings_path);
        add_text(w, "fault", s->settings_fault);
        ts_json_close_object(w);
}

static void add_organizations(struct ts_json_writer *w, const struct ts_status *s)
{
        ts_json_key(w, "organizations");
        ts_json_open_array(w);
        for (size_t i = 0; i < s->n_organizations; i++) {
                const struct ts_status_organization *o = &s->organizations[i];

                ts_json_open_object(w);
                ts_json_add_string(w, "alias", o->alias);
                ts_json_add_string(w, "mode", ts_mode_to_string(o->mode));
                ts_json_add_bool(w, "planned", o->planned);
                ts_json_add_bool(w, "refused", o->refused);
                ts_json_add_int(w, "pending", (int64_t) o->pending);
                ts_report_add_summary(w, &o->summary);
                add_text(w, "error", o->error);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
}

void ts_status_json(const struct ts_status *s, int64_t now, struct ts_buf *out)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, true);
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(4 * TS_TEXT_MAX_BYTES);

        ts_status_line(s, now, &line);
        ts_json_open_object(&w);
        ts_json_add_int(&w, "format_version", 1);
        ts_json_add_string(&w, "version", PACKAGE_VERSION);
        ts_json_add_string(&w, "state", ts_status_word(s, now));
        ts_json_add_bool(&w, "in_sync", ts_status_is_in_sync(s));
        ts_json_add_bool(&w, "running", s->running);
        ts_json_add_string(&w, "status", ts_buf_text(&line));
        add_last_cycle(&w, s);
        add_time(&w, "last_success_at", s->last_success);
        add_time(&w, "next_cycle_at", s->next);
        ts_json_add_int(&w, "failures_in_a_row", s->n_failures);
        add_pause(&w, s, now);
        add_files(&w, s);
        add_organizations(&w, s);
        ts_json_close_object(&w);
        ts_buf_putc(out, '\n');
}
