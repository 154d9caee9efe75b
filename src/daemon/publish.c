#include "daemon/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "report/report.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"

#define METRICS_MAX_BYTES (4u * 1024u * 1024u)

void ts_publish_init(struct ts_publish *p, const char *path, int64_t now)
{
        *p = (struct ts_publish){ .path = path, .metrics = { .version = PACKAGE_VERSION, .started = now } };
        (void) mkdir(path, 0755); /* systemd makes it; by hand, /run may be ours */
        p->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (p->fd >= 0)
                return;
        ts_log(LOG_INFO, "there will be no metrics, and no plan for trustsyncctl: cannot open %s: %s", path,
               strerror(errno));
        p->fd = -EBADF;
}

static void put_file(struct ts_publish *p, const char *name, const struct ts_buf *text, mode_t mode)
{
        int r;

        if (p->fd < 0)
                return;
        r = ts_buf_failed(text) ? -EFBIG : ts_file_replace(p->fd, name, ts_buf_text(text), text->len, mode);
        if (r < 0 && !p->failed)
                ts_log(LOG_WARNING, "cannot write %s/%s: %s", p->path, name, strerror(-r));
        p->failed = r < 0;
}

static void count_requests(struct ts_metrics *m, const struct ts_client_statistics *s)
{
        for (size_t k = 0; k < TS_N_ELEMENTS(m->requests); k++)
                m->requests[k] += s->by_class[k];
        m->writes += s->writes;
        m->retries += s->retries;
}

static void count_changes(struct ts_metrics *m, const struct ts_plan *plan)
{
        for (size_t i = 0; plan && i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];

                m->applied[c->action] += ts_change_result(c) == TS_APPLIED;
                m->failed[c->action] += ts_change_result(c) == TS_FAILED && ts_change_outcome(c)->sent;
        }
}

static void count_end(struct ts_metrics *m, int exit_status)
{
        m->cycles[exit_status == 0                 ? TS_METRICS_OK
                  : exit_status == TS_EXIT_REFUSED ? TS_METRICS_REFUSED
                                                   : TS_METRICS_FAILED]++;
}

static struct ts_publish_organization *find(const struct ts_publish *p, const char *alias)
{
        for (size_t i = 0; i < p->n_organizations; i++)
                if (strcmp(p->organizations[i].alias, alias) == 0)
                        return &p->organizations[i];
        return NULL;
}

static int compare(const void *a, const void *b)
{
        return strcmp(((const struct ts_publish_organization *) a)->alias,
                      ((const struct ts_publish_organization *) b)->alias);
}

static struct ts_publish_organization *find_or_add(struct ts_publish *p, const char *alias)
{
        struct ts_publish_organization *o = find(p, alias);

        if (o)
                return o;
        TS_GROW(p->organizations, p->n_allocated, p->n_organizations);
        p->organizations[p->n_organizations++] =
                        (struct ts_publish_organization){ .alias = ts_strdup(alias) };
        qsort(p->organizations, p->n_organizations, sizeof(*p->organizations), compare);
        return find(p, alias);
}

static void organization_done(struct ts_publish_organization *o)
{
        free(o->alias);
        free(o->json);
        free(o->text);
}

static char *take_text(struct ts_buf *b)
{
        return ts_buf_failed(b) ? NULL : ts_strdup(ts_buf_text(b));
}

static bool has_something(const struct ts_plan_summary *s)
{
        return s->add + s->change + s->remove + s->held + s->waiting + s->failed + s->skipped > 0;
}

/* A report of this organization alone, kept until its next turn. */
static void keep_report(struct ts_publish_organization *o, const struct ts_report *report, int64_t now)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf json = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_report_organization shown = report->organizations[0];
        struct ts_report r = *report;

        shown.as_of = now;
        r.organizations = &shown;
        o->summary = ts_report_summarise(&r);
        o->as_of = now;
        ts_report_json_organization(&r, 0, &json);
        free(o->json);
        o->json = take_text(&json);
        free(o->text);
        o->text = NULL;
        if (!has_something(&o->summary))
                return;
        ts_report_text(&r, false, &text);
        o->text = take_text(&text);
}

void ts_publish_turn(struct ts_publish *p, const struct ts_organization_result *result,
                     const struct ts_report *report, int64_t now)
{
        struct ts_publish_organization *kept = find_or_add(p, result->alias);
        struct ts_metrics_organization *to = &kept->metrics;

        *to = (struct ts_metrics_organization){
                .alias = kept->alias,
                .ok = result->exit_status == 0,
                .enforce = result->mode == TS_MODE_ENFORCE,
                .refused = result->is_refused,
        };
        ts_metrics_count(to, result->plan, result->decl, result->live, now);
        count_changes(&p->metrics, result->plan);
        keep_report(kept, report, now);
}

static const struct ts_status_organization *find_status(const struct ts_status *s, const char *alias)
{
        for (size_t i = 0; i < s->n_organizations; i++)
                if (strcmp(s->organizations[i].alias, alias) == 0)
                        return &s->organizations[i];
        return NULL;
}

/* Organizations that are no longer of the settings. */
static void forget_others(struct ts_publish *p, const struct ts_status *status)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_organizations; i++) {
                if (find_status(status, p->organizations[i].alias))
                        p->organizations[n++] = p->organizations[i];
                else
                        organization_done(&p->organizations[i]);
        }
        p->n_organizations = n;
}

static void put_metrics(struct ts_publish *p, const struct ts_status *status, int64_t now)
{
        TS_CLEANUP(ts_freep)
        struct ts_metrics_organization *organizations = ts_calloc(p->n_organizations, sizeof(*organizations));
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(METRICS_MAX_BYTES);
        struct ts_metrics *m = &p->metrics;

        for (size_t i = 0; i < p->n_organizations; i++) {
                const struct ts_status_organization *s = find_status(status, p->organizations[i].alias);

                organizations[i] = p->organizations[i].metrics;
                organizations[i].last_success = s ? (uint64_t) s->last_success : 0;
                organizations[i].next_attempt = s ? (uint64_t) s->next : 0;
        }
        m->organizations = organizations;
        m->n_organizations = p->n_organizations;
        m->revision = status->revision[0] != '\0' ? status->revision : NULL;
        m->last_attempt = status->last.last;
        m->last_success = status->last_success;
        m->last_duration_usec = status->last.duration_usec;
        m->paused = ts_pause_is_active(&status->pause, now);
        m->declarations_valid = status->has_declarations && status->declarations_fault[0] == '\0';
        m->settings_valid = status->settings_fault[0] == '\0';
        m->not_in_force_since = status->n_not_in_force > 0 ? status->not_in_force[0].since : 0;
        ts_metrics_format(m, &out);
        put_file(p, "metrics.prom", &out, 0644);
        m->organizations = NULL;
        m->n_organizations = 0;
}

static bool is_of(const struct ts_cycle_result *c, const char *alias)
{
        for (size_t i = 0; i < c->n_organizations; i++)
                if (strcmp(c->organizations[i].alias, alias) == 0)
                        return true;
        return false;
}

/* Of the others, as their last turns ended. */
static size_t collect_kept(const struct ts_publish *p, const struct ts_cycle_result *c,
                           struct ts_report_kept *kept)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_organizations; i++) {
                const struct ts_publish_organization *o = &p->organizations[i];

                if (o->json && !is_of(c, o->alias))
                        kept[n++] = (struct ts_report_kept){ o->alias, o->json, o->summary };
        }
        return n;
}

static void put_plans(struct ts_publish *p, const struct ts_cycle_result *c, const struct ts_status *status)
{
        TS_CLEANUP(ts_freep)
        struct ts_report_organization *shown = ts_calloc(c->n_organizations, sizeof(*shown));
        TS_CLEANUP(ts_freep) struct ts_report_kept *kept = ts_calloc(p->n_organizations, sizeof(*kept));
        TS_CLEANUP(ts_buf_done) struct ts_buf json = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        const char *not_in_force[TS_STATUS_NOT_IN_FORCE_MAX];
        struct ts_report report = c->report;

        for (size_t i = 0; i < status->n_not_in_force; i++)
                not_in_force[i] = status->not_in_force[i].text;
        report.not_in_force = not_in_force;
        report.n_not_in_force = status->n_not_in_force;
        ts_report_text(&report, false, &text);
        for (size_t i = 0; i < p->n_organizations; i++) {
                const struct ts_publish_organization *o = &p->organizations[i];

                if (o->text && !is_of(c, o->alias))
                        ts_buf_printf(&text, "\n%s, not part of this cycle, as of %s:\n%s", o->alias,
                                      ts_time_format(o->as_of).s, o->text);
        }
        for (size_t i = 0; i < c->n_organizations; i++) {
                const struct ts_publish_organization *o = find(p, c->organizations[i].alias);

                shown[i] = c->report.organizations[i];
                shown[i].as_of = o ? o->as_of : 0;
        }
        report.organizations = shown;
        report.kept = kept;
        report.n_kept = collect_kept(p, c, kept);
        ts_report_json(&report, &json);
        put_file(p, "plan.json", &json, 0640);
        put_file(p, "plan.txt", &text, 0640);
}

void ts_publish_cycle(struct ts_publish *p, const struct ts_cycle_result *result,
                      const struct ts_status *status, int64_t now)
{
        forget_others(p, status);
        count_requests(&p->metrics, &result->statistics);
        count_end(&p->metrics, status->last.exit_status);
        put_metrics(p, status, now);
        put_plans(p, result, status);
}

void ts_publish_done(struct ts_publish *p)
{
        if (p->path)
                ts_closep(&p->fd);
        for (size_t i = 0; i < p->n_organizations; i++)
                organization_done(&p->organizations[i]);
        free(p->organizations);
        *p = (struct ts_publish){ .path = NULL };
}
