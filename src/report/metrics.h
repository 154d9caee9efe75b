/*
 * metrics - figures of the daemon as a Prometheus text file
 *
 * Pure. Every metric is present from the first cycle on, with zeros, so that an alert can distinguish zero
 * from missing.
 */
#ifndef TS_REPORT_METRICS_H
#define TS_REPORT_METRICS_H

#include "trust/plan.h"
#include "util/buf.h"

/* The figures of one organization in one cycle. */
struct ts_metrics_organization {
        const char *alias;
        bool ok;      /* it was read and planned, and nothing of it failed */
        bool enforce; /* its mode */
        bool refused;
        uint64_t add, change, remove; /* still to be done */
        uint64_t held, waiting, failed, skipped;
        uint64_t drift;         /* differences made by others */
        uint64_t overdue;       /* members past their window */
        uint64_t fights;        /* objects corrected again and again */
        uint64_t expiring_soon; /* trusts and windows that end within TS_METRICS_SOON_SEC */
        uint64_t last_success;  /* realtime of its last turn without a failure or refusal; 0: none yet */
        uint64_t next_attempt;  /* realtime of its next turn; 0: it is under way */
};

#define TS_METRICS_SOON_SEC (7 * 24 * 60 * 60)

enum ts_metrics_end { /* how a cycle ended */
                      TS_METRICS_OK,
                      TS_METRICS_REFUSED,
                      TS_METRICS_FAILED,
                      TS_METRICS_END_MAX_,
};

struct ts_metrics {                                  /* counters are those of the process */
        const char *version, *revision;              /* revision NULL: none in force */
        int64_t started, last_attempt, last_success; /* realtime; 0: not yet */
        uint64_t last_duration_usec;
        uint64_t cycles[TS_METRICS_END_MAX_];
        uint64_t applied[TS_ACTION_MAX_], failed[TS_ACTION_MAX_];
        uint64_t requests[6]; /* by status / 100; [0]: no answer */
        uint64_t writes, retries;
        bool paused, declarations_valid, settings_valid;
        int64_t not_in_force_since; /* what is on disk is not in force since; 0: it is */
        const struct ts_metrics_organization *organizations;
        size_t n_organizations;
};

void ts_metrics_format(const struct ts_metrics *m, struct ts_buf *out);

/* Counts a plan's changes into @o, which has its alias. @now: for what ends soon. @plan, @decl, @live NULL:
 * not known. */
void ts_metrics_count(struct ts_metrics_organization *o, const struct ts_plan *plan,
                      const struct ts_decl_organization *decl, const struct ts_live *live, int64_t now);

#endif
