/*
 * attribution - finds the author of drift: matches entries of the platform's audit with the changes of a plan
 *
 * Pure. Listings show who added an object; only the audit shows who removed or changed one. An
 * entry belongs to a change when it names the change's object by its id; its action is used only to exclude
 * entries that cannot explain the difference (an addition where something is missing). Cost: changes times
 * entries.
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

/* A cached result for a change, so that lasting drift does not cause a query in every cycle. */
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

/* Copies cached authors into the plan. Return: true if a query is worthwhile: some drift that will be
 * corrected has no known author and was not queried recently. @m NULL: nothing is cached. */
bool ts_attribution_recall(struct ts_plan *plan, const struct ts_attribution_cache *m, int64_t now);

/*
 * ts_attribution_assign - sets `by` and `by_when` of each drift without a known author, from the newest entry
 * about it
 *
 * An entry by our own client names no author. If it is newer than our record, another writer uses our client,
 * and a message is added to the plan.
 * @entries: in any order, copied where needed; empty when the audit could not be queried
 * @client:  our own OAuth client
 * @saved:   when our record of what we wrote was last saved; 0: not known
 * @m:       caches results, also negative ones; NULL: nothing is cached
 */
void ts_attribution_assign(struct ts_plan *plan, const struct ts_audit_entries *entries, const char *client,
                           int64_t saved, struct ts_attribution_cache *m, int64_t now);

#endif
