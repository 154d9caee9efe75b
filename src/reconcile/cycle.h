/*
 * cycle - read, plan, check, apply, read back: one run over some organizations
 *
 * Straight-line code: each organization has its turn, in which it is gathered (read, resolve, search),
 * compared (diff), checked against its limits, applied, verified and remembered. Turns run side by side, and
 * no organization waits for another one, unless the digest of all plans decides: then each turn has two
 * parts. Blocks only in the transport's pump.
 */
#ifndef TS_RECONCILE_CYCLE_H
#define TS_RECONCILE_CYCLE_H

#include "config/declarations.h"
#include "config/settings.h"
#include "reconcile/snapshot.h"
#include "reconcile/state_store.h"
#include "genesys/apply.h"
#include "genesys/client.h"
#include "genesys/read.h"
#include "report/events.h"
#include "report/report.h"
#include "trust/diff.h"
#include "trust/limits.h"
#include "trust/attribution.h"

enum ts_cycle_mode {
        TS_CYCLE_PLAN,    /* no lock is taken, nothing is written anywhere */
        TS_CYCLE_APPLY,   /* every organization is written to */
        TS_CYCLE_BY_MODE, /* the daemon: an organization in mode observe is planned and remembered only */
};

struct ts_cycle_options { /* everything is borrowed and outlives the cycle */
        const struct ts_settings *settings;
        const struct ts_declarations *declarations; /* NULL with deny_only */
        struct ts_clients *clients; /* that talk through a transport; NULL when nothing is asked of the API */
        const struct ts_clock *clock;
        const char *state_path;
        enum ts_cycle_mode mode;
        /* The declarations before a change: what they would do too is drift; NULL. */
        const struct ts_declarations *base;
        /* An export: planned against it, nothing is asked of the API; NULL. */
        const struct ts_declarations *export;
        const struct ts_exported *exported; /* its section of names */
        bool deny_only; /* there are no declarations in force: nothing is done but what `deny` asks */
        /* Why nothing is written but what `deny` asks; NULL: it is. Looked at when a plan is about to be
         * carried out. */
        const char *paused;
        const char *const *organizations; /* -o; n_organizations == 0: all */
        size_t n_organizations;
        struct ts_trust_filter filter;            /* --trust */
        const char *plan_digest;                  /* NULL: the limits hold */
        struct ts_attribution_cache *attribution; /* who made which drift, from cycle to cycle; NULL: each is
                                                     asked about */
};

/* One organization's part of a cycle. */
struct ts_cycle_organization {
        const struct ts_settings_organization *settings;
        const struct ts_decl_organization *decl; /* NULL: no file names it, and it is left alone */
        bool unnamed;                            /* no file names it, which is refused */
        bool deny_only; /* decl is empty: nothing is done but what `deny` asks, and nothing remembered */
        struct ts_policy policy;
        int lock;        /* descriptor, during its turn; else -EBADF */
        bool is_writing; /* ts_apply() is under way */
        struct ts_last_applied *last_applied;
        size_t n_entered, n_drift_entered; /* entries of this cycle's removals, made before the first write */
        struct ts_snapshot snapshot;       /* client, live, wanted */
        struct ts_plan *plan;              /* NULL when it could not be planned; err says why */
        struct ts_digest digest;           /* of the plan */
        struct ts_err err;                 /* cls TS_ERR_NONE: all went well */
};

struct ts_cycle {
        struct ts_arena arena;
        const struct ts_cycle_options *options;
        struct ts_snapshot_options snapshot_options;
        struct ts_client_statistics statistics;      /* of this cycle, all organizations */
        struct ts_cycle_organization *organizations; /* those of the settings that -o lets through */
        size_t n_organizations;
        bool is_partial; /* the caller's: others were not due; there is no digest of the run */
        struct ts_state_directory state;
        struct ts_refusal *refusals; /* offline: an organization that no file names */
        size_t n_refusals;
        struct ts_digest digest; /* of the plans before the limits: what --plan-digest takes */
        char id[17];             /* TRUSTSYNC_CYCLE */
        uint64_t began_boottime_usec;
        uint64_t duration_usec;
        int64_t ended;                                       /* realtime */
        struct ts_report_organization *report_organizations; /* for ts_cycle_report() */
};

enum ts_cycle_part {
        TS_CYCLE_WHOLE,
        TS_CYCLE_PLAN_PART, /* then, for all of them: ts_cycle_digest(), and the rest */
        TS_CYCLE_FINISH_PART,
};

/*
 * Runs it. Never fails as a whole: what went wrong is in each organization. The caller owns the result,
 * ts_cycle_free(). The same in steps, for a caller that has more than one cycle under way: the turns of all
 * organizations lie between ts_cycle_begin() and ts_cycle_end(), side by side where each has a task
 * (genesys/scheduler.h); an organization is in one cycle at a time. A turn holds the organization's lock.
 */
struct ts_cycle *ts_cycle_run(const struct ts_cycle_options *options) TS_MUST_CHECK
                __attribute__((returns_nonnull));
struct ts_cycle *ts_cycle_begin(const struct ts_cycle_options *options) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_cycle_turn(struct ts_cycle *cycle, size_t i, enum ts_cycle_part part);
void ts_cycle_digest(
                struct ts_cycle *cycle); /* of all plans, before options.plan_digest is compared with it */
void ts_cycle_end(struct ts_cycle *cycle);
void ts_cycle_free(struct ts_cycle *cycle);
TS_DEFINE_CLEANUP(struct ts_cycle, ts_cycle_free)

/* The report borrows from @cycle. verbose, users are left to the caller. */
struct ts_report ts_cycle_report(struct ts_cycle *cycle);

/* The entry in the journal that a cycle has ended. */
void ts_cycle_log_end(struct ts_cycle *cycle);

/* Exit statuses: the first of 78, 75, 3, 1, 4, 2, 0 that applies. */
#define TS_EXIT_FAILURE 1
#define TS_EXIT_CHANGES 2
#define TS_EXIT_REFUSED 3
#define TS_EXIT_DRIFT 4
#define TS_EXIT_USAGE 64
#define TS_EXIT_DECLARATIONS 65
#define TS_EXIT_BUSY 75
#define TS_EXIT_SETTINGS 78
int ts_cycle_exit_status(const struct ts_cycle *cycle, bool detailed);
int ts_cycle_organization_status(const struct ts_cycle *cycle,
                                 size_t i); /* of one; 0 when nothing went wrong */

#endif
