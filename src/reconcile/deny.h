/*
 * deny - carries out `deny` for one organization before anything else of its turn
 *
 * I/O through the client. Needs the token, the check of the organization, the list of trusts, and their
 * members and clones; nothing of declarations (their aliases are shown where there are any), pairing
 * requests, directories, grants or other organizations. It has its own part of the request budget.
 *
 * Two rounds: the first requests each list of members once and acts on the results, so that a failing list
 * does not delay other removals; the second reads the remaining lists, and the trusts of others in which we
 * are trustee. What was read stays in the live state, and is not read again in this cycle.
 */
#ifndef TS_RECONCILE_DENY_H
#define TS_RECONCILE_DENY_H

#include "reconcile/snapshot.h"

struct ts_deny_pass {                 /* everything is borrowed */
        struct ts_snapshot *snapshot; /* after ts_snapshot_begin() */
        struct ts_last_applied *last_applied;
        const struct ts_clock *clock;
        bool writes; /* false: it is planned only */
        /* Saves the changed last_applied before the first write. NULL: nothing is recorded. */
        int (*save)(void *userdata, struct ts_err *err);
        void (*on_change)(const struct ts_plan *plan, const struct ts_change *change, void *userdata);
        void *userdata;
};

/*
 * ts_deny_run - plans into snapshot->denied and, where it writes, carries that out
 *
 * The changes have their results, but were not read back: ts_apply() does that for the plan that takes them
 * over. What could not be read is in snapshot->notes, which are then incomplete. Return: 0; negative when
 * nothing more can be asked of this organization.
 */
int ts_deny_run(const struct ts_deny_pass *pass, struct ts_err *err) TS_MUST_CHECK;

/* Adds notes about denied users who have access through a group, as far as the settings have clients of the
 * partners. 0; negative as above. */
int ts_deny_read_groups(struct ts_snapshot *g, struct ts_err *err) TS_MUST_CHECK;

#endif
