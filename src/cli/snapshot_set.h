/*
 * snapshot_set - everything that can be seen of the selected organizations, for export, access report and
 * audit
 *
 * Reads one organization after the other, or an export in place of one; a failure of one does not affect the
 * others. Nothing is planned or written.
 */
#ifndef TS_CLI_SNAPSHOT_SET_H
#define TS_CLI_SNAPSHOT_SET_H

#include "reconcile/snapshot.h"
#include "report/access.h"
#include "cli/cli_inputs.h"

struct ts_snapshot_set { /* must not move: the snapshots point into it */
        struct ts_arena arena;
        struct ts_snapshot_options snapshot_options;
        struct ts_trust_filter filter;
        const struct ts_declarations *export; /* --live: it is read instead of the API; NULL */
        const struct ts_exported *exported;   /* of it */
        struct ts_snapshot *items;       /* of each selected organization, in the order of the settings */
        struct ts_access_group **groups; /* of each, with n_groups: whose people could be asked for */
        size_t *n_groups;
        struct ts_err *errs;                        /* of each; cls TS_ERR_NONE: it could be read */
        const struct ts_decl_organization *nothing; /* declared of an organization that no file names */
        size_t n;
        bool wants_people; /* of the groups, for an access report */
        bool complete;     /* all of them could be read, and completely */
};

/* @in and @clients (NULL with an export) are borrowed as long as the set exists; free it with
 * ts_snapshot_set_done(). */
void ts_snapshot_set_take(const struct ts_cli_inputs *in, struct ts_clients *clients,
                          enum ts_snapshot_scope scope, struct ts_snapshot_set *inv);
void ts_snapshot_set_done(struct ts_snapshot_set *inv); /* zeroed is fine */

/* Why one organization's snapshot is incomplete, in one line owned by the set; NULL: it is complete. */
const char *ts_snapshot_set_error(struct ts_snapshot_set *inv, size_t i);

#endif
