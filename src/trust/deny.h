/*
 * deny - resolves `deny` and `protect` for one organization, and plans what `deny` removes
 *
 * Pure. An entry of deny.users or protect.users is an id or an e-mail. An e-mail stands for accounts. For
 * `deny`, every account ever seen with it is recorded, even if its address changes later. For `protect`, only
 * the first one of each partner's directory is recorded: an account that gets the address later is not
 * protected. An id counts only in the directory where it was seen. Two accounts of one directory with the
 * same address at the same time are not recorded.
 *
 * ts_deny_see() collects accounts from listings, pairing requests, searches and responses; ts_deny_learn()
 * updates the recorded accounts; then ts_deny_rule() classifies an account, and ts_deny_plan() plans
 * removals. Both may be called again when more accounts were seen. Cost: linear, through hash maps.
 */
#ifndef TS_TRUST_DENY_H
#define TS_TRUST_DENY_H

#include "trust/last_applied.h"
#include "trust/plan.h"
#include "trust/resolve.h"

/* Accounts that may be recorded for one e-mail of `deny` within 24 hours before their removals count for the
 * limits. */
#define TS_DENY_LEARNED_PER_DAY 3u

/* An account recorded for an entry. */
struct ts_deny_account {
        struct ts_last_applied_account record;
        uint32_t entry;
};

/* Whom an entry names by e-mail in one directory, as it was seen in this cycle. */
struct ts_deny_holder {
        uint32_t entry;
        struct ts_id organization, id; /* the first one */
        bool is_ambiguous;             /* there is another one at the same time */
};

/* deny.users or protect.users. */
struct ts_deny_list {
        const struct ts_texts *entries;
        struct ts_map emails, ids; /* of the entries -> index */
        bool *is_matched;          /* one an entry: somebody is, or was, it */
        struct ts_deny_account *accounts;
        size_t n_accounts, n_accounts_allocated;
        struct ts_map by_account; /* directory and id -> index of the first account */
        struct ts_map by_entry;   /* entry and directory -> index of the first account */
        struct ts_map records;    /* entry, directory and id -> index of the account */
        struct ts_deny_holder *holders;
        size_t n_holders, n_holders_allocated;
        struct ts_map by_holder; /* entry and directory -> index of the holder */
};

struct ts_deny {
        struct ts_arena arena; /* the maps' keys */
        const struct ts_policy *policy;
        struct ts_id own; /* our own directory */
        int64_t now;
        struct ts_deny_list denied, protected;
        /* One an entry of deny.organizations, protect.organizations, deny.roles: it matches something. */
        bool *organization_is_denied, *organization_is_protected, *role_is_matched;
        bool is_whole;   /* everything was read that an entry could match */
        bool is_changed; /* there are accounts to record that last_applied lacks */
};

/* @policy and @last_applied (NULL: nothing is recorded) outlive it. */
void ts_deny_begin(struct ts_deny *d, const struct ts_policy *policy,
                   const struct ts_last_applied *last_applied, const struct ts_id *own, int64_t now);
void ts_deny_done(struct ts_deny *d); /* a zeroed one is fine */

/* An account of the directory of @organization; @email NULL: not shown. */
void ts_deny_see(struct ts_deny *d, const struct ts_id *organization, const struct ts_id *id,
                 const char *email);
/* Everybody in the collections and pairing requests that were read. */
void ts_deny_see_live(struct ts_deny *d, const struct ts_live *live);
void ts_deny_learn(struct ts_deny *d);

/* Stores the accounts in last_applied, which is saved as the organization's record. */
void ts_deny_record(const struct ts_deny *d, struct ts_last_applied *m);

#define TS_DENY_PROTECTED "it is protected by the settings"

struct ts_deny_ruling {
        bool is_denied;    /* `deny` names it */
        bool is_protected; /* `protect` names it, and `deny` not more exactly: it loses nothing */
        bool counts;       /* its removal counts for the limits */
        const char *why;   /* it is protected */
        const struct ts_source *source; /* of the entry of `deny` */
};

struct ts_deny_ruling ts_deny_rule(const struct ts_deny *d, const struct ts_id *organization,
                                   const struct ts_id *id, const char *email);
/* For a live member of a trust. Members of groups are not visible and have no rule. A clone whose user is
 * unknown is protected while an entry of protect.users is an e-mail that was never seen. */
struct ts_deny_ruling ts_deny_rule_member(const struct ts_deny *d, const struct ts_trust *t,
                                          const struct ts_member *m);
/* In whose directory the members of a trust are. */
const struct ts_id *ts_deny_directory(const struct ts_deny *d, enum ts_direction direction,
                                      const struct ts_id *trust);

/* Is there an entry of deny.users that is an e-mail? Then an account may turn out to be denied by its
 * address. */
bool ts_deny_has_emails(const struct ts_policy *policy);
/* Can `deny` or `protect` name anybody at all? */
bool ts_deny_is_needed(const struct ts_policy *policy);

/* Which collections of a live trust `deny` has to know. */
bool ts_deny_wants(const struct ts_policy *policy, const struct ts_trust *t, enum ts_collection c);
/* Does it have to know the trusts of others that we are in? */
bool ts_deny_wants_trustors(const struct ts_policy *policy);

/* Marks declared members that resolve to denied accounts: they are never added. */
void ts_deny_mark(const struct ts_deny *d, struct ts_desired *desired);

/*
 * ts_deny_plan - adds to @plan what `deny` removes; existing changes are left unchanged
 *
 * Trusts of denied organizations are disabled, our people leave denied organizations one by one, denied users
 * and their clones are removed. What is protected is held.
 * @decl: for the aliases; NULL: ids stand for them
 */
void ts_deny_plan(const struct ts_deny *d, const struct ts_live *live,
                  const struct ts_decl_organization *decl, const struct ts_trust_filter *filter,
                  struct ts_plan *plan);
/* One member of it, whatever names him. @alias NULL: as above. */
void ts_deny_remove(const struct ts_deny *d, const struct ts_trust *t, const char *alias,
                    enum ts_collection collection, const struct ts_member *m, struct ts_plan *plan);
/* The change of @plan that `deny` asks for; @subject NULL: any of that kind. NULL: there is none. */
const struct ts_change *ts_deny_find(const struct ts_plan *plan, const struct ts_trust *t, enum ts_kind kind,
                                     const struct ts_id *subject);
/* Why `protect` forbids closing a trust; NULL: it does not. The text is a literal or in @arena. */
const char *ts_deny_why_kept(const struct ts_deny *d, const struct ts_trust *t, struct ts_arena *arena);

/* Over a limit, the removals that count are held and the refusals are in @plan. */
void ts_deny_check_limits(struct ts_plan *plan, const struct ts_live *live, const struct ts_limits *limits,
                          const struct ts_last_applied *last_applied, int64_t now);

/* An address of an entry on two accounts at once, or on another account than the pinned one. After the former
 * the plan is incomplete. @decl NULL: as above. */
void ts_deny_report(const struct ts_deny *d, const struct ts_live *live,
                    const struct ts_decl_organization *decl, const struct ts_trust_filter *filter,
                    struct ts_plan *plan);

/* Which entries match something that is live or declared; for ts_deny_report_unmatched(). */
void ts_deny_match(struct ts_deny *d, const struct ts_live *live, const struct ts_decl_organization *decl,
                   const struct ts_trust_filter *filter);

/*
 * ts_deny_report_unmatched - entries that match nothing in any organization of the settings
 * @denies: of all of them, after ts_deny_match(); nothing is said when one of them is not whole
 * @decls:  for the nearest declared key; each may be NULL
 * @plan:   gets the messages
 */
void ts_deny_report_unmatched(const struct ts_deny *const *denies,
                              const struct ts_decl_organization *const *decls, size_t n,
                              struct ts_plan *plan);

#endif
