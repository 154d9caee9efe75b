#include "report/metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "trust/contention.h"
#include "util/escape.h"

/* A label's value: backslash, quote and newline are escaped; what has no place on a terminal too. */
static void put_label(struct ts_buf *out, const char *name, const char *value)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(8192);

        (void) ts_escape_text(&text, value, strlen(value));
        ts_buf_printf(out, "%s=\"", name);
        for (const char *p = ts_buf_text(&text); *p; p++) {
                if (*p == '\\' || *p == '"')
                        ts_buf_putc(out, '\\');
                ts_buf_putc(out, *p);
        }
        ts_buf_putc(out, '"');
}

static void put_head(struct ts_buf *out, const char *name, const char *type, const char *help)
{
        ts_buf_printf(out, "# HELP trustsyncd_%s %s\n# TYPE trustsyncd_%s %s\n", name, help, name, type);
}

static void put_gauge(struct ts_buf *out, const char *name, const char *help, int64_t value)
{
        put_head(out, name, "gauge", help);
        ts_buf_printf(out, "trustsyncd_%s %" PRId64 "\n", name, value);
}

static void put_counter(struct ts_buf *out, const char *name, const char *help, uint64_t value)
{
        put_head(out, name, "counter", help);
        ts_buf_printf(out, "trustsyncd_%s %" PRIu64 "\n", name, value);
}

static void put_info(struct ts_buf *out, const struct ts_metrics *m)
{
        put_head(out, "build_info", "gauge", "The version that runs.");
        ts_buf_puts(out, "trustsyncd_build_info{");
        put_label(out, "version", m->version);
        ts_buf_puts(out, "} 1\n");
        if (!m->revision)
                return;
        put_head(out, "declarations_info", "gauge", "The revision of the declarations in force.");
        ts_buf_puts(out, "trustsyncd_declarations_info{");
        put_label(out, "revision", m->revision);
        ts_buf_puts(out, "} 1\n");
}

static void put_times(struct ts_buf *out, const struct ts_metrics *m)
{
        put_gauge(out, "start_timestamp_seconds", "When the daemon started.", m->started);
        put_gauge(out, "last_attempt_timestamp_seconds",
                  "When the last cycle ended, however it ended; 0: none yet.", m->last_attempt);
        put_gauge(out, "last_success_timestamp_seconds",
                  "When the last cycle ended without a failure or a refusal; 0: none yet.", m->last_success);
        put_head(out, "last_cycle_duration_seconds", "gauge", "How long the last cycle took.");
        ts_buf_printf(out, "trustsyncd_last_cycle_duration_seconds %" PRIu64 ".%06" PRIu64 "\n",
                      (uint64_t) (m->last_duration_usec / TS_USEC_PER_SEC),
                      (uint64_t) (m->last_duration_usec % TS_USEC_PER_SEC));
}

static void put_cycles(struct ts_buf *out, const struct ts_metrics *m)
{
        static const char *const ends[] = { "ok", "refused", "failed" };

        put_head(out, "cycles_total", "counter", "Cycles since the start, by how they ended.");
        for (size_t i = 0; i < TS_METRICS_END_MAX_; i++)
                ts_buf_printf(out, "trustsyncd_cycles_total{result=\"%s\"} %" PRIu64 "\n", ends[i],
                              m->cycles[i]);
}

static void put_changes(struct ts_buf *out, const struct ts_metrics *m)
{
        put_head(out, "changes_total", "counter", "Changes carried out, or tried, since the start.");
        for (enum ts_action a = 0; a < TS_ACTION_MAX_; a++) {
                const char *name = ts_action_to_string(a);

                ts_buf_printf(out, "trustsyncd_changes_total{action=\"%s\",result=\"applied\"} %" PRIu64 "\n",
                              name, m->applied[a]);
                ts_buf_printf(out, "trustsyncd_changes_total{action=\"%s\",result=\"failed\"} %" PRIu64 "\n",
                              name, m->failed[a]);
        }
}

static void put_requests(struct ts_buf *out, const struct ts_metrics *m)
{
        static const char *const classes[] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };

        put_head(out, "requests_total", "counter",
                 "Requests to the API since the start, by the answer's status.");
        for (size_t i = 0; i < 6; i++)
                ts_buf_printf(out, "trustsyncd_requests_total{status=\"%s\"} %" PRIu64 "\n", classes[i],
                              m->requests[i]);
        put_counter(out, "writes_total", "Requests to the API that write, since the start.", m->writes);
        put_counter(out, "retries_total", "Requests to the API that were sent again, since the start.",
                    m->retries);
}

/* One figure of each organization; @kind NULL: no second label. */
static void put_figures(struct ts_buf *out, const struct ts_metrics *m, const char *name, const char *kind,
                        size_t offset)
{
        for (size_t i = 0; i < m->n_organizations; i++) {
                const struct ts_metrics_organization *o = &m->organizations[i];
                uint64_t value;

                memcpy(&value, (const char *) o + offset, sizeof(value));
                ts_buf_printf(out, "trustsyncd_%s{", name);
                put_label(out, "organization", o->alias);
                if (kind)
                        ts_buf_printf(out, ",kind=\"%s\"", kind);
                ts_buf_printf(out, "} %" PRIu64 "\n", value);
        }
}

#define FIGURE(member) offsetof(struct ts_metrics_organization, member)

static void put_organizations(struct ts_buf *out, const struct ts_metrics *m)
{
        static const struct {
                const char *name, *help;
                size_t offset;
        } figures[] = {
                { "held_changes", "Changes that are kept back.", FIGURE(held) },
                { "waiting_changes", "Changes that wait for somebody or something else.", FIGURE(waiting) },
                { "failed_changes", "Changes that could not be carried out in the last cycle.",
                  FIGURE(failed) },
                { "unlisted_objects", "Live objects that no declaration names, and that are only reported.",
                  FIGURE(skipped) },
                { "drift_changes", "Differences that other hands made, in the last cycle.", FIGURE(drift) },
                { "overdue_members", "Members past the end of their window.", FIGURE(overdue) },
                { "fights", "Objects that other hands change again and again.", FIGURE(fights) },
                { "organization_last_success_timestamp_seconds",
                  "When the last turn of the organization ended without a failure or a refusal; 0: none yet.",
                  FIGURE(last_success) },
                { "organization_next_attempt_timestamp_seconds",
                  "When the next turn of the organization begins; 0: it is under way.",
                  FIGURE(next_attempt) },
                { "expiring_soon", "Trusts and windows that end within seven days.", FIGURE(expiring_soon) },
        };

        put_head(out, "pending_changes", "gauge", "Changes still to be carried out.");
        put_figures(out, m, "pending_changes", "add", FIGURE(add));
        put_figures(out, m, "pending_changes", "change", FIGURE(change));
        put_figures(out, m, "pending_changes", "remove", FIGURE(remove));
        for (size_t i = 0; i < TS_N_ELEMENTS(figures); i++) {
                put_head(out, figures[i].name, "gauge", figures[i].help);
                put_figures(out, m, figures[i].name, NULL, figures[i].offset);
        }
}

static void put_flags(struct ts_buf *out, const struct ts_metrics *m, const char *name, const char *help,
                      size_t offset)
{
        put_head(out, name, "gauge", help);
        for (size_t i = 0; i < m->n_organizations; i++) {
                const struct ts_metrics_organization *o = &m->organizations[i];
                bool value;

                memcpy(&value, (const char *) o + offset, sizeof(value));
                ts_buf_printf(out, "trustsyncd_%s{", name);
                put_label(out, "organization", o->alias);
                ts_buf_printf(out, "} %d\n", value);
        }
}

void ts_metrics_format(const struct ts_metrics *m, struct ts_buf *out)
{
        put_info(out, m);
        put_times(out, m);
        put_cycles(out, m);
        put_changes(out, m);
        put_requests(out, m);
        put_gauge(out, "paused", "1 while somebody has paused the daemon.", m->paused);
        put_gauge(out, "declarations_valid",
                  "0 while the declarations on disk are faulty and older ones are in force.",
                  m->declarations_valid);
        put_gauge(out, "settings_valid",
                  "0 while the settings on disk are faulty and older ones are in force.", m->settings_valid);
        put_gauge(out, "not_in_force_since_timestamp_seconds",
                  "Since when settings or declarations on disk are not in force; 0: they are.",
                  m->not_in_force_since);
        if (m->n_organizations == 0)
                return; /* a metric without a sample would be a fault */
        put_flags(out, m, "organization_ok",
                  "1 when the organization was read and nothing of it failed or was refused.", FIGURE(ok));
        put_flags(out, m, "organization_enforced", "1 in mode enforce, 0 in mode observe.", FIGURE(enforce));
        put_flags(out, m, "organization_refused",
                  "1 when a limit or digest refused the organization or a trust.", FIGURE(refused));
        put_organizations(out, m);
}

/* ----------------------------------------------------------------------------------------------- counting */

static void count_change(struct ts_metrics_organization *o, const struct ts_change *c)
{
        o->drift += ts_change_is_drift(c) && ts_change_result(c) != TS_SKIPPED;
        o->overdue += c->reason == TS_REASON_EXPIRED && ts_change_result(c) != TS_APPLIED &&
                      c->kind != TS_KIND_TRUST;
        o->fights += ts_change_is_fight(c);
        o->held += ts_change_result(c) == TS_HELD;
        o->waiting += ts_change_result(c) == TS_WAITING;
        o->failed += ts_change_result(c) == TS_FAILED;
        o->skipped += ts_change_result(c) == TS_SKIPPED;
        if (ts_change_result(c) != TS_PLANNED)
                return;
        o->add += ts_action_count(c->action) == TS_COUNT_ADD;
        o->change += ts_action_count(c->action) == TS_COUNT_CHANGE;
        o->remove += ts_action_count(c->action) == TS_COUNT_REMOVE;
}

static bool is_soon(int64_t t, int64_t now)
{
        return t != TS_TIME_UNSET && t != TS_TIME_NEVER && t > now && t - now <= TS_METRICS_SOON_SEC;
}

static uint64_t count_windows(const struct ts_decl_trust *t, int64_t now)
{
        uint64_t n = 0;

        for (size_t k = 0; k < TS_COLLECTIONS; k++)
                for (size_t i = 0; i < t->collections[k].n; i++)
                        n += is_soon(t->collections[k].items[i].until, now);
        return n;
}

void ts_metrics_count(struct ts_metrics_organization *o, const struct ts_plan *plan,
                      const struct ts_decl_organization *decl, const struct ts_live *live, int64_t now)
{
        for (size_t i = 0; plan && i < plan->n_changes; i++)
                count_change(o, &plan->changes[i]);
        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                o->expiring_soon += count_windows(&decl->trusts[i], now);
        for (size_t i = 0; live && i < live->n_trusts; i++)
                o->expiring_soon += live->trusts[i].enabled && is_soon(live->trusts[i].expires, now);
}
