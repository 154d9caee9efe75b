/*
 * result - how the turn of an organization, and a whole cycle, ended
 *
 * Pure. Both are values that are made once, when the turn or the cycle has ended, and are const afterwards:
 * report, journal, status, metrics, history and exit status all read them, so that "refused" or "failed"
 * means the same everywhere. Pointers are borrowed from the cycle.
 */
#ifndef TS_RECONCILE_RESULT_H
#define TS_RECONCILE_RESULT_H

#include "config/declarations.h"
#include "config/settings.h"
#include "genesys/client.h"
#include "reconcile/schedule.h"
#include "report/events.h"
#include "report/report.h"

/* Exit statuses of the process. Where several apply: the first of 64, 78, 65, 75, 3, 1, 4, 2, 0. */
#define TS_EXIT_FAILURE 1
#define TS_EXIT_CHANGES 2
#define TS_EXIT_REFUSED 3
#define TS_EXIT_DRIFT 4
#define TS_EXIT_USAGE 64
#define TS_EXIT_DECLARATIONS 65
#define TS_EXIT_BUSY 75
#define TS_EXIT_SETTINGS 78
int ts_exit_status_worse(int a, int b); /* the one that takes precedence */

struct ts_organization_result {
        const char *alias;
        enum ts_mode mode;
        int exit_status;           /* 0, TS_EXIT_FAILURE, _REFUSED, _BUSY or _SETTINGS */
        enum ts_turn_end turn_end; /* when its next turn is due */
        bool is_refused;           /* by a limit or digest, it or one of its trusts; or no file names it */
        bool has_failed;           /* it, or one of its changes; it may be refused as well */
        bool is_complete;          /* planned, and from a complete view */
        struct ts_plan_summary summary;          /* of the plan; zero without one */
        size_t n_pending;                        /* changes planned and not carried out */
        size_t n_contested;                      /* objects that others change again and again */
        const char *error;                       /* what failed, else the first refusal; NULL */
        const struct ts_err *err;                /* what failed; NULL */
        const struct ts_plan *plan;              /* NULL: it could not be planned */
        const struct ts_decl_organization *decl; /* NULL: no file names it */
        const struct ts_live *live;              /* NULL: nothing was read */
        struct ts_report_organization shown;     /* its part of the report */
};

/* A turn that has ended. */
struct ts_turn_facts {
        const struct ts_settings_organization *settings;
        const struct ts_decl_organization *decl;
        const struct ts_live *live; /* NULL: nothing was read */
        const struct ts_plan *plan; /* NULL: it could not be planned */
        /* What `deny` did; reported where there is no plan. NULL: `deny` asked for nothing. */
        const struct ts_plan *denied;
        const struct ts_err *err; /* cls TS_ERR_NONE: all went well */
        const char *how;          /* the grants were read; NULL */
        bool is_unnamed;          /* no file names it */
        bool is_written;          /* what is planned was to be carried out */
};

struct ts_organization_result ts_organization_result_make(const struct ts_turn_facts *t);

struct ts_cycle_result {
        int exit_status;          /* without, */
        int detailed_exit_status; /* and with --detailed-exitcode */
        struct ts_client_statistics statistics;
        struct ts_plan_summary summary; /* as the report counts */
        struct ts_event_context events; /* its journal entries carry it */
        struct ts_report report; /* verbose, users and messages are left to the caller, who takes a copy */
        const struct ts_organization_result *organizations;
        size_t n_organizations;
};

/* @r->organizations, report and statistics are given; fills in the rest. */
void ts_cycle_result_conclude(struct ts_cycle_result *r);

/* The entry in the journal that a cycle has ended. */
void ts_cycle_result_log(const struct ts_cycle_result *r);

#endif
