/*
 * snapshot - everything known about one organization before planning: read, search, resolve
 *
 * Straight-line code that blocks only in the transport's pump. The notes say what makes the snapshot
 * incomplete. Nothing is written.
 */
#ifndef TS_RECONCILE_SNAPSHOT_H
#define TS_RECONCILE_SNAPSHOT_H

#include "config/settings.h"
#include "reconcile/clients.h"
#include "genesys/apply.h"
#include "genesys/client.h"
#include "genesys/read.h"
#include "trust/diff.h"
#include "trust/offline.h"

enum ts_snapshot_scope {
        TS_SNAPSHOT_MANAGED,    /* what declarations manage: to change it */
        TS_SNAPSHOT_EVERYTHING, /* also what none does: to show it */
        TS_SNAPSHOT_USERS,      /* all trusts and their users, without grants: to ask about them */
};

struct ts_snapshot_options {                /* everything is borrowed and outlives the snapshot */
        const struct ts_settings *settings; /* also for the clients of partners */
        struct ts_clients *clients;
        const struct ts_trust_filter *filter;
        enum ts_snapshot_scope scope;
};

struct ts_snapshot {
        struct ts_arena arena;
        const struct ts_snapshot_options *options;
        const struct ts_settings_organization *settings;
        const struct ts_decl_organization *decl;
        const struct ts_decl_organization *base; /* --base: what it manages is read too; NULL */
        const struct ts_policy *policy;
        const struct ts_last_applied *last_applied; /* NULL: none; for pairing requests of ours */

        struct ts_deny deny;    /* whom `deny` and `protect` name */
        struct ts_plan *denied; /* what `deny` takes away */
        struct ts_outcomes denied_outcomes;
        struct ts_apply_screen screen; /* for ts_apply() */
        bool has_searched_own;         /* our own directory, for those whom `deny` names by e-mail */
        struct ts_client *client;      /* of the options' clients */
        struct ts_live *live;
        struct ts_desired *desired;
        struct ts_plan *notes; /* messages, and whether the view is complete: for the plan made next */
        const char *how;       /* the grants were read; in live's arena */
        enum ts_subject_reads subjects;
};

/*
 * ts_snapshot_take - fills @g, whose first six members are given
 *
 * Return: 0; negative when nothing can be planned. Call ts_snapshot_done() in both cases.
 */
int ts_snapshot_take(struct ts_snapshot *g, struct ts_err *err) TS_MUST_CHECK;

/* The same from an export: no client is made, nothing is asked. @options needs only its filter. */
void ts_snapshot_offline(struct ts_snapshot *g, const struct ts_decl_organization *live,
                         const struct ts_exported *exported);
void ts_snapshot_done(struct ts_snapshot *g);

/* Prepares client, live state and deny lists before the first request. ts_snapshot_take() calls it if
 * necessary.
 * @now: our clock; 0: nothing of it is recorded. */
void ts_snapshot_begin(struct ts_snapshot *g, int64_t now);

/* Token and check of the organization, once. */
int ts_snapshot_connect(struct ts_snapshot *g, struct ts_err *err) TS_MUST_CHECK;

/* The declaration's name of a live trust; NULL: it has none. */
const char *ts_snapshot_alias(const struct ts_snapshot *g, const struct ts_trust *t);

/* The client of another organization of the settings; NULL: they hold none. */
struct ts_client *ts_snapshot_partner(const struct ts_snapshot *g, const struct ts_id *organization);

#endif
