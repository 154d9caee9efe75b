#include "daemon/publish.h"

#include <errno.h>
#include <fcntl.h>
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

void ts_publish_done(struct ts_publish *p)
{
        if (p->path)
                ts_closep(&p->fd);
        *p = (struct ts_publish){ .path = NULL };
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

static void count_requests(struct ts_metrics *m, const struct ts_cycle *c)
{
        for (size_t k = 0; k < TS_N_ELEMENTS(m->requests); k++)
                m->requests[k] += c->statistics.by_class[k];
        m->writes += c->statistics.writes;
        m->retries += c->statistics.retries;
}

static void count_changes(struct ts_metrics *m, const struct ts_plan *plan)
{
        for (size_t i = 0; plan && i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];

                m->applied[c->action] += c->result == TS_APPLIED;
                m->failed[c->action] += c->result == TS_FAILED && c->sent;
        }
}

static void count_end(struct ts_metrics *m, int exit_status)
{
        m->cycles[exit_status == 0                 ? TS_METRICS_OK
                  : exit_status == TS_EXIT_REFUSED ? TS_METRICS_REFUSED
                                                   : TS_METRICS_FAILED]++;
}

static void put_metrics(struct ts_publish *p, const struct ts_status *status, int64_t now)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(METRICS_MAX_BYTES);
        struct ts_metrics *m = &p->metrics;

        m->revision = status->revision[0] != '\0' ? status->revision : NULL;
        m->last_attempt = status->n_ended > 0 ? status->last.last : 0;
        m->last_success = status->last_success;
        m->last_duration_usec = status->last.duration_usec;
        m->paused = ts_pause_is_active(&status->pause, now);
        m->declarations_valid = status->has_declarations && status->declarations_fault[0] == '\0';
        m->settings_valid = status->settings_fault[0] == '\0';
        ts_metrics_format(m, &out);
        put_file(p, "metrics.prom", &out, 0644);
}

static void put_plans(struct ts_publish *p, struct ts_cycle *c)
{
        struct ts_report report = ts_cycle_report(c);
        TS_CLEANUP(ts_buf_done) struct ts_buf json = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        ts_report_json(&report, &json);
        put_file(p, "plan.json", &json, 0640);
        ts_report_text(&report, false, &text);
        put_file(p, "plan.txt", &text, 0640);
}

void ts_publish_cycle(struct ts_publish *p, struct ts_cycle *c, const struct ts_status *status, int64_t now)
{
        TS_CLEANUP(ts_freep)
        struct ts_metrics_organization *organizations = ts_calloc(c->n_organizations, sizeof(*organizations));
        struct ts_metrics *m = &p->metrics;

        for (size_t i = 0; i < c->n_organizations; i++) {
                const struct ts_cycle_organization *o = &c->organizations[i];
                struct ts_metrics_organization *to = &organizations[i];

                to->alias = o->settings->alias;
                to->enforce = o->settings->mode == TS_MODE_ENFORCE;
                to->refused = o->unnamed || (o->plan && o->plan->n_refusals > 0);
                ts_metrics_count(to, o->plan, o->decl, o->gathered.live, now);
                to->ok = o->plan && o->plan->complete && o->err.cls == TS_ERR_NONE && !to->refused &&
                         to->failed == 0;
                count_changes(m, o->plan);
        }
        count_requests(m, c);
        count_end(m, status->last.exit_status);
        m->organizations = organizations;
        m->n_organizations = c->n_organizations;
        put_metrics(p, status, now);
        m->organizations = NULL;
        m->n_organizations = 0;
        put_plans(p, c);
}
