/*
 * attribution - who made the drift: entries of the platform's audit, put to the changes of a plan
 *
 * Pure. The listings tell who added what is there; who removed or changed something only an audit does. An
 * entry belongs to a change when it names the change's object by its id; what it did is only looked at to
 * leave out what cannot have made the difference (an addition where something is missing). Cost: changes
 * times entries.
 */
#ifndef TS_TRUST_ATTRIBUTION_H
#define TS_TRUST_ATTRIBUTION_H

#include "trust/plan.h"

struct ts_audit_entry {
        struct ts_person by;              /* e-mail, name or id, or the OAuth client; name NULL: not said */
        const char *client;               /* id of the OAuth client it was done with; NULL: not said */
        const char *action, *entity_type; /* NULL: not said */
        bool failed;
        int64_t when;            /* TS_TIME_UNSET: not said */
        struct ts_id entity;     /* nil: not said */
        struct ts_ids mentioned; /* every id in what it is about, the entity's among them */
};

struct ts_audit_entries {
        struct ts_audit_entry *items;
        size_t n;
};

/* What was told of a change, so that a drift that stands is not asked about in every cycle. */
struct ts_attribution_known {
        uint64_t change; /* from ts_plan_digest_change() */
        char *by;        /* owned; NULL: nobody was found */
        struct ts_id by_id, by_organization;
        int64_t by_when, asked;
};

struct ts_attribution_cache {               /* zeroed: empty */
        struct ts_attribution_known *items; /* oldest first; at most TS_ATTRIBUTION_KNOWN_MAX */
        size_t n, n_allocated;
};
void ts_attribution_cache_done(struct ts_attribution_cache *m);

#define TS_ATTRIBUTION_KNOWN_MAX 1000u
#define TS_ATTRIBUTION_AGAIN_SEC (60 * 60)      /* nobody was found: asked again after this time */
#define TS_ATTRIBUTION_KNOWN_SEC (24 * 60 * 60) /* somebody was */

/* What is known already goes into the plan. Return: is there a drift of which nobody is known, that is
 * more than reported, and that was not asked about a moment ago? @m NULL: nothing is known. */
bool ts_attribution_recall(struct ts_plan *plan, const struct ts_attribution_cache *m, int64_t now);

/*
 * ts_attribution_assign - into `by` and `by_when` of each drift of which nobody is known, from the newest
 * entry about it
 *
 * When that entry is by our own client, nobody is named; when it is younger than our own record, another
 * writer uses our client, and a message of the plan says so.
 * @entries: in any order, copied where needed; none when the audit could not be asked
 * @client:  our own OAuth client
 * @saved:   when our record of what we wrote was last saved; 0: not known
 * @m:       gets what is found and what is not; NULL: nothing is remembered
 */
void ts_attribution_assign(struct ts_plan *plan, const struct ts_audit_entries *entries, const char *client,
                           int64_t saved, struct ts_attribution_cache *m, int64_t now);

#endif
