/*
 * cycle - read, plan, check, apply, read back: one run over some organizations
 *
 * Each organization has a turn of straight-line code: snapshot (read, resolve, search), diff, limits, apply,
 * verify, update of last_applied. Turns run concurrently and do not wait for each other, except when one
 * digest covers all plans: then each turn has two parts. Blocks only in the transport's pump.
 */
#ifndef TS_RECONCILE_CYCLE_H
#define TS_RECONCILE_CYCLE_H

#include "config/declarations.h"
#include "config/settings.h"
#include "reconcile/clients.h"
#include "reconcile/result.h"
#include "reconcile/state_store.h"
#include "trust/resolve.h"
#include "trust/attribution.h"
#include "util/clock.h"

enum ts_cycle_mode {
        TS_CYCLE_PLAN,    /* no lock is taken, nothing is written anywhere */
        TS_CYCLE_APPLY,   /* every organization is written to */
        TS_CYCLE_BY_MODE, /* the daemon: an organization in mode observe is only planned and recorded */
};

struct ts_cycle_options { /* everything is borrowed and outlives the cycle */
        const struct ts_settings *settings;
        const struct ts_declarations *declarations; /* NULL with deny_only */
        struct ts_clients *clients; /* that talk through a transport; NULL when nothing is asked of the API */
        const struct ts_clock *clock;
        struct ts_state_store *state;
        enum ts_cycle_mode mode;
        /* The declarations before a change: what they would do too is drift; NULL. */
        const struct ts_declarations *base;
        /* An export: planned against it, nothing is asked of the API; NULL. */
        const struct ts_declarations *export;
        const struct ts_exported *exported; /* its section of names */
        bool deny_only; /* there are no declarations in force: nothing is done but what `deny` asks */
        /* Why only `deny` is carried out; NULL: everything is. Checked just before a plan is carried out. */
        const char *paused;
        const char *const *organizations; /* -o; n_organizations == 0: all */
        size_t n_organizations;
        struct ts_trust_filter filter;            /* --trust */
        const char *plan_digest;                  /* NULL: the limits hold */
        bool is_partial;                          /* others were not due: there is no digest of the run */
        struct ts_attribution_cache *attribution; /* known authors of drift, kept from cycle to cycle; NULL:
                                                     nothing is cached */
};

struct ts_cycle;

enum ts_cycle_part {
        TS_CYCLE_WHOLE,
        TS_CYCLE_PLAN_PART, /* then, for all of them: ts_cycle_digest(), and the rest */
        TS_CYCLE_FINISH_PART,
};

/*
 * Runs it. Never fails as a whole: what went wrong is in each organization's result. The caller owns it,
 * ts_cycle_free(). The same in steps, for a caller that has more than one cycle under way: the turns of all
 * organizations lie between ts_cycle_begin() and ts_cycle_end(), side by side where each has a task
 * (genesys/scheduler.h); an organization is in one cycle at a time. A turn holds the organization's lock.
 */
struct ts_cycle *ts_cycle_run(const struct ts_cycle_options *options) TS_MUST_CHECK
                __attribute__((returns_nonnull));
struct ts_cycle *ts_cycle_begin(const struct ts_cycle_options *options) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_cycle_turn(struct ts_cycle *cycle, size_t i, enum ts_cycle_part part);
/* Instead of its turn, or the rest of it: the process ends, or the organization's inputs have changed. */
void ts_cycle_skip_turn(struct ts_cycle *cycle, size_t i);
/* Of all plans, before options.plan_digest is compared with it. */
void ts_cycle_digest(struct ts_cycle *cycle);
void ts_cycle_end(struct ts_cycle *cycle);
void ts_cycle_free(struct ts_cycle *cycle);
TS_DEFINE_CLEANUP(struct ts_cycle, ts_cycle_free)

/* The organizations of the settings that options.organizations lets through, in that order. */
size_t ts_cycle_count(const struct ts_cycle *cycle);
const struct ts_settings_organization *ts_cycle_get_settings(const struct ts_cycle *cycle, size_t i);
bool ts_cycle_is_writing(const struct ts_cycle *cycle, size_t i); /* its plan is being carried out */

/* Of a turn that has ended; and of all of them, after ts_cycle_end(). Both live as long as the cycle. */
const struct ts_organization_result *ts_cycle_get_turn_result(const struct ts_cycle *cycle, size_t i);
const struct ts_cycle_result *ts_cycle_get_result(const struct ts_cycle *cycle);

/* The report of one turn that has ended, while others are under way: of that organization alone. */
struct ts_report ts_cycle_report_turn(const struct ts_cycle *cycle, size_t i);

#endif
