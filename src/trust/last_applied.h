/*
 * last_applied - what past cycles recorded of one organization
 *
 * A value, stored in the state directory. It is used to distinguish drift from changed declarations, to count
 * the removals of the last 24 hours, and to know when a trust that will be deleted was disabled. Losing it
 * causes less precise reasons and delays, never removals.
 */
#ifndef TS_TRUST_LAST_APPLIED_H
#define TS_TRUST_LAST_APPLIED_H

#include "trust/model.h"

/* One member as it was when it last was what its declaration asked for. */
struct ts_last_applied_member {
        struct ts_id id;
        bool grants_managed;
        uint64_t *grants; /* ts_last_applied_grant_key() of each, sorted */
        size_t n_grants;
};

/* The id that a key of a declaration meant when it was last applied. */
struct ts_last_applied_key {
        const char *key; /* as declared; of users and clones in lower case (ASCII) */
        struct ts_id id;
};

struct ts_last_applied_members {
        bool managed;                         /* they were managed, and nobody unlisted was left */
        struct ts_last_applied_member *items; /* sorted by id */
        size_t n;
        struct ts_last_applied_key *keys; /* sorted by key, unique */
        size_t n_keys;
};

/* A pairing request that we made, and whose trust is not there yet. */
struct ts_last_applied_pairing {
        struct ts_id id; /* nil: none */
        int64_t created;
        uint32_t n_created; /* how often one was made since the trust was declared */
};

struct ts_last_applied_trust {
        enum ts_direction direction;
        struct ts_id id;
        bool declared; /* it was declared and live; false: recorded only because of its deletion or pairing */
        enum ts_tristate enabled; /* as declared when it was last in force */
        int64_t expires;
        TS_COLLECTIONS_OF(struct ts_last_applied_members);
        int64_t disabled_at; /* since when it is known to be disabled (a trustor: to be absent) and to be
                                deleted; 0: not */
        bool disabled_by_us;
        bool modes_known;              /* the next two are on record; an older record lacks them */
        bool observe, report_unlisted; /* as declared: `mode: observe`, `unlisted: report` */
        struct ts_last_applied_pairing pairing;
};

struct ts_last_applied_removals {
        int64_t when;
        uint32_t n, n_trusts; /* n counts the trusts too */
};

/* Removals of what others had added to a trust: they count for that trust alone. */
struct ts_last_applied_drift {
        int64_t when;
        uint32_t n, n_trusts;
        enum ts_direction direction;
        struct ts_id trust;
};

/* An end of access that is in force: `until` of a member; `expires` of a trust, whose subject is nil. */
struct ts_last_applied_end {
        int64_t when;
        enum ts_direction direction;
        enum ts_kind kind;
        bool counts; /* it was put on access that was there: a removal of the 24 hours that it falls into */
        struct ts_id trust, subject;
};

/* What was written a moment ago: the API may still show the old state. */
struct ts_last_applied_write {
        int64_t when;
        uint64_t object, change; /* trust/propagation.h makes them */
        bool drift;              /* why: to put back what others had changed */
        uint32_t n_unshown;      /* times that the same write before it had no effect */
        bool was_seen;           /* it was read back in effect */
        bool was_missing;        /* what it needs was not known yet (404): it is tried again meanwhile */
};

/* An object that was put back. */
struct ts_last_applied_correction {
        int64_t first, last;
        uint32_t n;
        uint64_t object;
};

/* An account that was seen under an entry of `deny.users` or `protect.users` (trust/deny.h). */
struct ts_last_applied_account {
        uint64_t entry;            /* ts_last_applied_text_key() of the entry */
        struct ts_id organization; /* the directory that the account is in */
        struct ts_id id;
        int64_t when; /* first seen */
        bool counts;  /* its removal counts for the limits: too many accounts had the address within a day */
};

struct ts_last_applied_accounts {
        struct ts_last_applied_account *items; /* in the order in which they were seen */
        size_t n;
};

enum ts_last_applied_status {
        TS_LAST_APPLIED_FRESH, /* nothing was ever recorded: every reason is config */
        TS_LAST_APPLIED_KNOWN,
        TS_LAST_APPLIED_UNREADABLE, /* owned by another user: every reason is config, the daily limits are not
                                       checked */
        TS_LAST_APPLIED_DAMAGED,    /* it should be readable and is not: removals are refused */
        TS_LAST_APPLIED_NEWER,      /* a newer version of the program wrote it: removals are refused */
};

struct ts_last_applied {
        struct ts_arena arena; /* owns everything below */
        enum ts_last_applied_status status;
        bool writable; /* false: no trust is ever deleted, as the time of its disabling cannot be recorded */
        const char *path; /* for messages; never NULL in one that could not be read */
        int64_t saved;    /* when the record was last written, seconds since 1970; 0: not known */
        struct ts_last_applied_trust *trusts; /* sorted by direction, then id */
        size_t n_trusts;
        struct ts_last_applied_removals *removals; /* in the order in which they were entered */
        size_t n_removals;
        struct ts_last_applied_drift *drift; /* in the order in which they were entered */
        size_t n_drift;
        struct ts_last_applied_end
                        *ends; /* sorted by ts_last_applied_end_compare() of trust/ends.h, unique */
        size_t n_ends;
        bool lacks_ends; /* an older version wrote it: ends that are declared count as accepted before */
        struct ts_last_applied_write *writes; /* oldest first */
        size_t n_writes;
        struct ts_last_applied_correction *corrections;
        size_t n_corrections;
        bool care_declared; /* customer care was declared present, and was there */
        struct ts_last_applied_accounts denied, pinned;
};

#define TS_LAST_APPLIED_DAY_SEC (24 * 60 * 60)

/* A record exists but cannot be used: nothing is removed, and it is not overwritten. */
static inline bool ts_last_applied_is_lost(const struct ts_last_applied *m)
{
        return m->status == TS_LAST_APPLIED_DAMAGED || m->status == TS_LAST_APPLIED_NEWER;
}

struct ts_last_applied *ts_last_applied_new(void) TS_MUST_CHECK
                __attribute__((returns_nonnull));     /* status FRESH */
void ts_last_applied_free(struct ts_last_applied *m); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_last_applied, ts_last_applied_free)

/* NULL when there is no record of it, when @m is NULL, or when its status is not KNOWN. */
const struct ts_last_applied_trust *ts_last_applied_find_trust(const struct ts_last_applied *m,
                                                               enum ts_direction d, const struct ts_id *id);
const struct ts_last_applied_member *ts_last_applied_find_member(const struct ts_last_applied_trust *t,
                                                                 enum ts_collection c,
                                                                 const struct ts_id *id);

/* Keys of users and clones are compared in any ASCII case. NULL: that key was never applied. */
const struct ts_last_applied_key *ts_last_applied_find_key(const struct ts_last_applied_trust *t,
                                                           enum ts_collection c, const char *key);

/* An e-mail or id as the settings have it, in 64 bits, the same in every run and in any ASCII case. */
uint64_t ts_last_applied_text_key(const char *text);

/* A grant in 64 bits, the same in every run: from the ids of role and division. */
uint64_t ts_last_applied_grant_key(const struct ts_catalog *catalog, const struct ts_grant *grant);
/* What a member holds, in @m's arena. */
void ts_last_applied_set_grants(struct ts_last_applied *m, struct ts_last_applied_member *member,
                                const struct ts_catalog *catalog, const struct ts_grant *grants, size_t n);
/* Adds a key (copied) to @to, which has room for it; the order is that of ts_last_applied_sort(). */
void ts_last_applied_put_key(struct ts_last_applied *m, struct ts_last_applied_members *to,
                             enum ts_collection c, const char *key, const struct ts_id *id);
/* Puts trusts, members and keys in their order; of equal keys one stays. */
void ts_last_applied_sort(struct ts_last_applied *m);
bool ts_last_applied_has_grant(const struct ts_last_applied_member *m, uint64_t key);

/*
 * The removals of the last 24 hours. A wrong clock, ours or the server's, must not make an entry expire
 * early: it is stamped with the later of the two times and expires by the earlier one. So it may count too
 * long by their difference, never too short. Entries from the future count.
 * @now: our clock; @skew_sec: the server's minus ours
 */
uint32_t ts_last_applied_removals_of_day(const struct ts_last_applied *m, int64_t now, int64_t skew_sec,
                                         uint32_t *ret_trusts);

/* Adds an entry and drops expired ones. n == 0: makes none. Where the clocks agree
 * (TS_CLOCK_SKEW_MAX_SEC), an entry from the future, by more than that, becomes one of now: it counts for one
 * more day, and not until then. */
void ts_last_applied_add_removals(struct ts_last_applied *m, int64_t now, int64_t skew_sec, uint32_t n,
                                  uint32_t n_trusts);

/* The same of the drift of one trust; n_trusts is of all trusts. */
uint32_t ts_last_applied_drift_of_day(const struct ts_last_applied *m, enum ts_direction direction,
                                      const struct ts_id *trust, int64_t now, int64_t skew_sec);
uint32_t ts_last_applied_drift_trusts_of_day(const struct ts_last_applied *m, int64_t now, int64_t skew_sec);
void ts_last_applied_add_drift(struct ts_last_applied *m, int64_t now, int64_t skew_sec,
                               const struct ts_last_applied_drift *d, size_t n);

#endif
