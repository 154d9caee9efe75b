#include "daemon/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "daemon/active_config.h"
#include "reconcile/result.h"
#include "reconcile/schedule.h"
#include "report/report.h"
#include "report/words.h"
#include "util/mem.h"
#include "util/revision.h"
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
        ts_history_put_line(ret, size, f->items[0]);
        if (f->total > 1) {
                size_t len = strlen(ret);

                (void) snprintf(ret + len, size - len, " (and %zu more)", f->total - 1);
        }
}

static void put_not_in_force(struct ts_status *s, const struct ts_active_config *active_config)
{
        s->n_not_in_force = 0;
        for (size_t i = 0; i < active_config->n_not_in_force && i < TS_STATUS_NOT_IN_FORCE_MAX; i++) {
                const struct ts_not_in_force *from = &active_config->not_in_force[i];
                struct ts_status_not_in_force *to = &s->not_in_force[s->n_not_in_force++];

                ts_history_put_word(to->what, sizeof(to->what), from->what);
                ts_history_put_word(to->reason, sizeof(to->reason),
                                    ts_not_in_force_reason_to_string(from->reason));
                ts_history_put_line(to->path, sizeof(to->path), from->path);
                ts_history_put_line(to->text, sizeof(to->text), from->text);
                to->since = from->since;
        }
}

void ts_status_note_active_config(struct ts_status *s, const struct ts_active_config *active_config)
{
        struct ts_digest_text hash;

        ts_history_put_line(s->settings_path, sizeof(s->settings_path), active_config->config);
        ts_history_put_line(s->declarations_path, sizeof(s->declarations_path),
                            active_config->trusts ? active_config->trusts : "");
        put_fault(s->settings_fault, sizeof(s->settings_fault), &active_config->settings_faults);
        put_fault(s->declarations_fault, sizeof(s->declarations_fault), &active_config->declarations_faults);
        put_not_in_force(s, active_config);
        ts_history_put_line(s->unwatched, sizeof(s->unwatched),
                            active_config->unwatched ? active_config->unwatched : "");
        s->has_declarations = active_config->declarations != NULL;
        s->revision[0] = s->content_hash[0] = '\0';
        if (!active_config->declarations)
                return;
        hash = ts_digest_format(&active_config->declarations->content_hash);
        ts_history_put_word(s->revision, sizeof(s->revision), active_config->declarations->revision);
        ts_history_put_word(s->content_hash, sizeof(s->content_hash), hash.s);
}

static struct ts_status_organization *find(struct ts_status_organization *items, size_t n, const char *alias)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(items[i].alias, alias) == 0)
                        return &items[i];
        return NULL;
}

static int64_t next_of(const struct ts_schedule_entry *e, int64_t now, uint64_t now_usec)
{
        int64_t next = now;

        if (!e->is_asked && e->next_usec > now_usec)
                next += (int64_t) ((e->next_usec - now_usec) / TS_USEC_PER_SEC);
        return e->boundary < next && e->boundary > now ? e->boundary : next;
}

/* Those that are known keep what is known of them. Both are sorted alike. */
static void set_organizations(struct ts_status *s, const struct ts_schedule *schedule)
{
        struct ts_status_organization *new = ts_calloc(schedule->n, sizeof(*new));
        size_t n = 0;

        for (size_t i = 0; i < schedule->n; i++) {
                const struct ts_schedule_entry *e = &schedule->items[i];
                struct ts_status_organization *to = &new[n];
                const struct ts_status_organization *known;

                if (e->is_gone)
                        continue;
                ts_history_put_word(to->alias, sizeof(to->alias), e->alias);
                known = find(s->organizations, s->n_organizations, to->alias);
                if (known)
                        *to = *known;
                n++;
        }
        ts_status_done(s);
        s->organizations = new;
        s->n_organizations = n;
}

static bool has_same_organizations(const struct ts_status *s, const struct ts_schedule *schedule)
{
        size_t n = 0;

        for (size_t i = 0; i < schedule->n; i++) {
                if (schedule->items[i].is_gone)
                        continue;
                if (n >= s->n_organizations ||
                    strcmp(s->organizations[n].alias, schedule->items[i].alias) != 0)
                        return false;
                n++;
        }
        return n == s->n_organizations;
}

void ts_status_note_schedule(struct ts_status *s, const struct ts_schedule *schedule, int64_t now,
                             uint64_t now_usec)
{
        size_t k = 0;

        if (!has_same_organizations(s, schedule))
                set_organizations(s, schedule);
        s->next = 0;
        for (size_t i = 0; i < schedule->n; i++) {
                const struct ts_schedule_entry *e = &schedule->items[i];
                struct ts_status_organization *to;

                if (e->is_gone)
                        continue;
                to = &s->organizations[k++];
                to->running = e->is_under_way;
                to->last_attempt = e->last_attempt;
                to->last_success = e->last_good;
                to->n_failures = e->n_failures;
                to->next = e->is_under_way ? 0 : next_of(e, now, now_usec);
                if (to->next > 0 && (s->next == 0 || to->next < s->next))
                        s->next = to->next;
        }
}

void ts_status_note_turn(struct ts_status *s, const struct ts_organization_result *r)
{
        struct ts_status_organization *to = find(s->organizations, s->n_organizations, r->alias);

        if (!to)
                return; /* no longer of the settings */
        to->mode = r->mode;
        to->has_ended = true;
        to->exit_status = r->exit_status;
        to->planned = r->plan != NULL;
        to->complete = r->is_complete;
        to->pending = r->n_pending;
        to->contested = r->n_contested;
        to->summary = r->summary;
        to->refused = r->is_refused;
        to->failed = r->has_failed;
        ts_history_put_line(to->error, sizeof(to->error), r->error ? r->error : "");
}

void ts_status_note_cycle(struct ts_status *s, const struct ts_cycle_result *r, uint64_t number,
                          const char *trigger, int exit_status)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf outcome = TS_BUF_INIT(4 * TS_TEXT_MAX_BYTES);
        const struct ts_report *report = &r->report;
        struct ts_digest_text digest = ts_digest_format(&report->digest);

        s->n_ended++;
        s->last_number = number;
        s->last = (struct ts_history_cycle){
                .first = report->generated_at,
                .last = report->generated_at,
                .exit_status = exit_status,
                .applied = report->applied,
                .summary = r->summary,
                .requests = report->requests,
                .writes = report->writes,
                .duration_usec = report->duration_usec,
        };
        ts_history_put_word(s->last.id, sizeof(s->last.id), r->events.cycle);
        ts_history_put_word(s->last.trigger, sizeof(s->last.trigger), trigger);
        ts_history_put_word(s->last.revision, sizeof(s->last.revision),
                            report->revision ? report->revision : "-");
        ts_history_put_word(s->digest, sizeof(s->digest), ts_report_has_digest(report) ? digest.s : "");
        ts_words_outcome(&outcome, ts_words_put_plain, report);
        ts_history_put_line(s->outcome, sizeof(s->outcome), ts_buf_text(&outcome));
        s->complete = report->complete;
        s->n_failures = exit_status == 0 ? 0 : s->n_failures + 1;
        if (exit_status == 0)
                s->last_success = report->generated_at;
}

/* ------------------------------------------------------------------------------------------------ looking */

static bool is_faulty(const struct ts_status *s)
{
        return s->declarations_fault[0] != '\0' || s->settings_fault[0] != '\0';
}

struct ts_status_totals ts_status_total(const struct ts_status *s)
{
        struct ts_status_totals t = { 0 };

        for (size_t i = 0; i < s->n_organizations; i++) {
                const struct ts_status_organization *o = &s->organizations[i];

                t.n_failed += o->failed;
                t.n_refused += o->refused;
                t.n_contested += o->contested > 0;
                t.n_held += o->summary.held > 0;
                t.n_waiting += o->summary.waiting > 0;
                t.n_pending += o->pending > 0;
                t.n_unknown += !o->has_ended;
                t.pending += o->pending;
                t.failed += o->summary.failed;
                t.held += o->summary.held;
        }
        return t;
}

bool ts_status_is_in_sync(const struct ts_status *s)
{
        struct ts_status_totals t = ts_status_total(s);

        return s->n_organizations > 0 && t.n_unknown == 0 && ts_status_exit_status(s) == 0 &&
               t.pending == 0 && s->has_declarations && t.held == 0 && t.failed == 0;
}

int ts_status_exit_status(const struct ts_status *s)
{
        int status = s->n_not_in_force > 0 ? TS_EXIT_FAILURE : 0;

        if (s->settings_fault[0] != '\0')
                status = ts_exit_status_worse(status, TS_EXIT_SETTINGS);
        if (s->declarations_fault[0] != '\0')
                status = ts_exit_status_worse(status, TS_EXIT_DECLARATIONS);
        for (size_t i = 0; i < s->n_organizations; i++)
                status = ts_exit_status_worse(status, s->organizations[i].exit_status);
        return status;
}

const char *ts_status_word(const struct ts_status *s, int64_t now)
{
        struct ts_status_totals t = ts_status_total(s);

        if (is_faulty(s))
                return "faulty";
        if (s->n_not_in_force > 0)
                return "stale";
        if (ts_pause_is_active(&s->pause, now))
                return "paused";
        if (t.n_failed > 0)
                return "failed";
        if (t.n_refused > 0)
                return "refused";
        if (t.n_unknown > 0 || s->n_organizations == 0)
                return "starting";
        if (t.pending > 0)
                return "changes pending";
        return t.held > 0 ? "held" : "in sync";
}

/* ----------------------------------------------------------------------------------------------- one line */

/* What needs somebody most: one that failed, else one that was refused. */
static const struct ts_status_organization *first_error(const struct ts_status *s)
{
        const struct ts_status_organization *refused = NULL;

        for (size_t i = 0; i < s->n_organizations; i++) {
                const struct ts_status_organization *o = &s->organizations[i];

                if (o->error[0] == '\0')
                        continue;
                if (o->failed)
                        return o;
                refused = refused ? refused : o;
        }
        return refused;
}

static void put_count(struct ts_buf *out, const char **separator, size_t n, const char *what)
{
        if (n == 0)
                return;
        ts_buf_printf(out, "%s%zu %s", *separator, n, what);
        *separator = ", ";
}

/* "Failed: 20 of 200 organizations failed, 1 refused; globex: ..." */
static void put_worst(const struct ts_status *s, const struct ts_status_totals *t, struct ts_buf *out)
{
        const struct ts_status_organization *o = first_error(s);
        const char *separator = "";

        ts_buf_puts(out, t->n_failed > 0 ? "Failed: " : "Refused: ");
        if (s->n_organizations > 1) {
                ts_buf_printf(out, "of %zu organizations ", s->n_organizations);
                put_count(out, &separator, t->n_failed, "failed");
                put_count(out, &separator, t->n_refused, "refused");
                put_count(out, &separator, t->n_contested, "contested");
                put_count(out, &separator, t->n_held, "held");
                put_count(out, &separator, t->n_pending, "pending");
                ts_buf_puts(out, o ? "; " : "");
        }
        ts_buf_puts(out, o ? o->error : s->n_organizations > 1 ? "" : s->outcome);
}

static void put_what(const struct ts_status *s, int64_t now, struct ts_buf *out)
{
        struct ts_status_totals t = ts_status_total(s);

        if (s->settings_fault[0])
                ts_buf_printf(out, "Faulty settings, the old ones are in force: %s", s->settings_fault);
        else if (s->declarations_fault[0] && s->has_declarations)
                ts_buf_printf(out, "Faulty declarations, revision %s stays in force: %s",
                              ts_revision_format(s->revision, s->content_hash).s, s->declarations_fault);
        else if (s->declarations_fault[0])
                ts_buf_printf(out, "Faulty declarations, none are in force, only deny acts: %s",
                              s->declarations_fault);
        else if (s->n_not_in_force > 0)
                ts_buf_printf(out, "Stale since %s: %s", ts_time_format(s->not_in_force[0].since).s,
                              s->not_in_force[0].text);
        else if (ts_pause_is_active(&s->pause, now))
                ts_buf_printf(out, "Paused by %s until %s: %s", s->pause.by, ts_pause_end(&s->pause).s,
                              s->pause.reason);
        else if (t.n_failed + t.n_refused > 0)
                put_worst(s, &t, out);
        else if (t.n_unknown > 0 || s->n_organizations == 0)
                ts_buf_puts(out, "Starting: the first cycle is under way");
        else if (ts_status_is_in_sync(s))
                ts_buf_printf(out, "In sync. %s", s->outcome);
        else
                ts_buf_puts(out, s->outcome);
        if (s->unwatched[0])
                ts_buf_printf(out, "; %s", s->unwatched);
}

void ts_status_line(const struct ts_status *s, int64_t now, struct ts_buf *out)
{
        put_what(s, now, out);
        if (s->last_number > 0)
                ts_buf_printf(out, " (last cycle %s%s)", ts_time_format(s->last.last).s,
                              s->n_running > 0 ? ", the next is under way" : "");
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
        if (s->last_number == 0) {
                ts_json_put_null(w);
                return;
        }
        ts_json_open_object(w);
        ts_json_add_int(w, "number", (int64_t) s->last_number);
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
        ts_json_add_int(w, "pending", (int64_t) ts_status_total(s).pending);
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
        add_time(w, "until",
                 s->pause.until == TS_TIME_NEVER ? 0 : s->pause.until); /* null: until somebody resumes */
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

static void add_not_in_force(struct ts_json_writer *w, const struct ts_status *s)
{
        ts_json_key(w, "not_in_force");
        ts_json_open_array(w);
        for (size_t i = 0; i < s->n_not_in_force; i++) {
                const struct ts_status_not_in_force *n = &s->not_in_force[i];

                ts_json_open_object(w);
                ts_json_add_string(w, "what", n->what);
                ts_json_add_string(w, "reason", n->reason);
                add_time(w, "since", n->since);
                ts_json_add_string(w, "path", n->path);
                ts_json_add_string(w, "text", n->text);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        add_text(w, "unwatched", s->unwatched);
}

static void add_totals(struct ts_json_writer *w, const struct ts_status *s)
{
        struct ts_status_totals t = ts_status_total(s);

        ts_json_key(w, "totals");
        ts_json_open_object(w);
        ts_json_add_int(w, "organizations", (int64_t) s->n_organizations);
        ts_json_add_int(w, "failed", (int64_t) t.n_failed);
        ts_json_add_int(w, "refused", (int64_t) t.n_refused);
        ts_json_add_int(w, "contested", (int64_t) t.n_contested);
        ts_json_add_int(w, "held", (int64_t) t.n_held);
        ts_json_add_int(w, "pending", (int64_t) t.n_pending);
        ts_json_add_int(w, "waiting", (int64_t) t.n_waiting);
        ts_json_add_int(w, "unknown", (int64_t) t.n_unknown);
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
                ts_json_key(w, "exit_status");
                if (o->has_ended)
                        ts_json_put_int(w, o->exit_status);
                else
                        ts_json_put_null(w);
                ts_json_add_bool(w, "failed", o->failed);
                ts_json_add_int(w, "contested", (int64_t) o->contested);
                ts_json_add_bool(w, "running", o->running);
                add_time(w, "last_attempt_at", o->last_attempt);
                add_time(w, "last_success_at", o->last_success);
                add_time(w, "next_attempt_at", o->next);
                ts_json_add_int(w, "failures_in_a_row", o->n_failures);
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
        ts_json_add_bool(&w, "running", s->n_running > 0);
        ts_json_add_string(&w, "status", ts_buf_text(&line));
        add_last_cycle(&w, s);
        add_time(&w, "last_success_at", s->last_success);
        add_time(&w, "next_cycle_at", s->next);
        ts_json_add_int(&w, "failures_in_a_row", s->n_failures);
        add_pause(&w, s, now);
        add_files(&w, s);
        add_not_in_force(&w, s);
        add_totals(&w, s);
        add_organizations(&w, s);
        ts_json_close_object(&w);
        ts_buf_putc(out, '\n');
}
