/*
 * publish - the files of the runtime directory: metrics.prom, plan.json, plan.txt
 *
 * Each is replaced as a whole. Figures are for everybody; plans name people, so they are for root and the
 * service's group. A runtime directory that is not there, or cannot be written, is told once.
 */
#ifndef TS_DAEMON_PUBLISH_H
#define TS_DAEMON_PUBLISH_H

#include "reconcile/cycle.h"
#include "daemon/status.h"
#include "report/metrics.h"

struct ts_publish {
        int fd; /* -EBADF: there is no such directory */
        const char *path;
        bool failed;               /* told */
        struct ts_metrics metrics; /* the counters go on from cycle to cycle */
};

void ts_publish_init(struct ts_publish *p, const char *path, int64_t now); /* @path is borrowed */
void ts_publish_done(struct ts_publish *p);

/* After a cycle. @status is already that of after it. */
void ts_publish_cycle(struct ts_publish *p, struct ts_cycle *c, const struct ts_status *status, int64_t now);

#endif
