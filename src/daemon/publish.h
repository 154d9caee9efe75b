/*
 * publish - the files of the runtime directory: metrics.prom, plan.json, plan.txt
 *
 * Each is replaced as a whole, and shows all organizations: those that were not part of the last cycle as
 * they were after theirs. Figures are for everybody; plans name people, so they are for root and the
 * service's group. A runtime directory that is missing or cannot be written is logged once.
 */
#ifndef TS_DAEMON_PUBLISH_H
#define TS_DAEMON_PUBLISH_H

#include "reconcile/result.h"
#include "daemon/status.h"
#include "report/metrics.h"

/* What is kept of an organization's last turn. */
struct ts_publish_organization {
        char *alias, *json, *text; /* text NULL: there is nothing to say */
        struct ts_plan_summary summary;
        int64_t as_of;
        struct ts_metrics_organization metrics;
};

struct ts_publish {
        int fd; /* -EBADF: there is no such directory */
        const char *path;
        bool failed;                                   /* logged */
        struct ts_metrics metrics;                     /* the counters go on from cycle to cycle */
        struct ts_publish_organization *organizations; /* sorted by alias */
        size_t n_organizations, n_allocated;
};

void ts_publish_init(struct ts_publish *p, const char *path, int64_t now); /* @path is borrowed */
void ts_publish_done(struct ts_publish *p);

/* After a turn, with the report of it alone: nothing is written yet. */
void ts_publish_turn(struct ts_publish *p, const struct ts_organization_result *result,
                     const struct ts_report *report, int64_t now);

/* After a cycle. @status is already that of after it. */
void ts_publish_cycle(struct ts_publish *p, const struct ts_cycle_result *result,
                      const struct ts_status *status, int64_t now);

#endif
