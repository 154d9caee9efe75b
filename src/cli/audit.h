/*
 * audit - the document of --audit: what trustee users did in our organizations, and ours in others
 *
 * Written while it is read, so that an answer is in memory once; JSON, at most TS_AUDIT_MAX_BYTES and one
 * answer more. Failed queries appear in it as errors, and are logged.
 */
#ifndef TS_CLI_AUDIT_H
#define TS_CLI_AUDIT_H

#include "reconcile/snapshot.h"
#include "json/writer.h"

struct ts_audit_document {
        struct ts_buf *out;       /* borrowed, as all that follows */
        const char *const *users; /* --user: e-mails of members, or ids; n_users == 0: all members */
        size_t n_users;
        int64_t since, until; /* seconds since 1970 */
        struct ts_json_writer writer;
        bool complete; /* outcome: everything was asked and read to its end */
};

/* Begin once, an organization each, end once. */
void ts_audit_begin(struct ts_audit_document *d);
/* @g: taken with TS_SNAPSHOT_USERS, successfully or not; @error: what is missing in it, NULL: nothing.
 * Queries each live trust that the filter of its options selects. */
void ts_audit_organization(struct ts_audit_document *d, struct ts_snapshot *g, const char *error);
void ts_audit_end(struct ts_audit_document *d);

#endif
