/*
 * resolve - resolves the names of a declaration to ids of the live state
 *
 * Pure. Four steps, because a search in a partner's directory may need requests in between:
 *   ts_resolve_members()  matches trusts and members by id and by live e-mail;
 *   ts_resolve_found()    gives a member the id that a search in the trustee's directory found;
 *   ts_resolve_identity() compares with the ids that the keys meant when they were last applied;
 *   ts_resolve_grants()   resolves roles and divisions, leaves denied roles out, finds keys that mean the
 * same member. A name that cannot be resolved affects only the objects that use it: they get a problem and
 * are left unchanged. Cost: linear, through hash maps.
 */
#ifndef TS_TRUST_RESOLVE_H
#define TS_TRUST_RESOLVE_H

#include "trust/last_applied.h"
#include "trust/model.h"
#include "trust/plan.h"

struct ts_desired_member {
        const struct ts_decl_member *decl;
        struct ts_id id;    /* nil: the key is not resolved (yet). A key that was applied before and now finds
                               another account keeps the recorded id */
        struct ts_id other; /* the account that such a key finds now; nil: none. It is not written either */
        struct ts_member *live;  /* NULL: not a member now */
        struct ts_grant *grants; /* normalised; in the arena of struct ts_desired */
        uint32_t n_grants;
        bool denied;                /* deny.users: never a member */
        enum ts_result problem : 8; /* TS_PLANNED: none; TS_FAILED or TS_WAITING: it stays as it is */
        const char *note;           /* what the problem is, and what to do */
        bool moved;    /* it finds another account than recorded, none, or one that is not active: drift */
        bool is_spare; /* without an id because another key means the account that it was recorded for */
        const struct ts_desired_member *same; /* the first key that means this member; NULL: no other does, or
                                                this one decides */
};

struct ts_desired_members {
        bool managed;
        struct ts_desired_member *items; /* in the order of the file; none when not managed */
        size_t n;
};

struct ts_desired_trust {
        const struct ts_decl_trust *decl;
        struct ts_trust *live;            /* NULL: there is no such trust now */
        const struct ts_pairing *pairing; /* the declared request; NULL: none, or it was not asked for */
        bool holds_partner; /* the settings hold a client of the other organization: set by the caller */
        const char *partner_note; /* why that client may not write now; NULL: it may */
        TS_COLLECTIONS_OF(struct ts_desired_members);
        struct ts_desired_members request_users, request_groups; /* of a trustor's `request` */
};

struct ts_desired {
        struct ts_arena arena;
        const struct ts_decl_organization *decl;
        struct ts_desired_trust *trusts; /* the declared ones in scope, in the order of the declarations */
        size_t n_trusts;
        struct ts_message *messages;
        size_t n_messages, n_messages_allocated;
};

/* Which trusts a run is about: --trust ALIAS|ID. */
struct ts_trust_filter {
        const char *const *items; /* aliases or ids; n == 0: all */
        size_t n;
};
bool ts_trust_filter_has(const struct ts_trust_filter *f, const char *alias, const struct ts_id *id);

/* Does @text (an e-mail or an id, from protect or deny) name this member? Ids as ids, e-mails in any ASCII
 * case. */
bool ts_texts_name_member(const struct ts_texts *texts, const struct ts_id *id, const char *email);
/* The same of --user: e-mails or ids; @n == 0: all. */
bool ts_member_is_chosen(const char *const *users, size_t n, const struct ts_member *m);
bool ts_ids_have(const struct ts_ids *ids, const struct ts_id *id);

/*
 * ts_resolve_pairings - the pairing requests that have to be asked for: declared, or remembered, and of a
 * trust that is not live
 * @ret: in @arena, unique
 */
void ts_resolve_pairings(const struct ts_decl_organization *decl, const struct ts_live *live,
                         const struct ts_last_applied *last_applied, const struct ts_trust_filter *filter,
                         struct ts_arena *arena, struct ts_ids *ret);

/* @decl and @live are borrowed and outlive the result. */
struct ts_desired *ts_resolve_members(const struct ts_decl_organization *decl, const struct ts_live *live,
                                      const struct ts_trust_filter *filter) TS_MUST_CHECK
                __attribute__((returns_nonnull));

/*
 * ts_resolve_unresolved - lists the members without an id, which a search has to find
 *
 * They are in the directory of the trustee: the partner's for a trust of direction trustee, our own for
 * trustor.
 * @kind: TS_KIND_USER (clones are users too) or TS_KIND_GROUP
 */
/* Returns how many; @ret (may be NULL) gets them, in order. */
size_t ts_resolve_unresolved(struct ts_desired_trust *trust, enum ts_kind kind,
                             struct ts_desired_member **ret);

void ts_resolve_found(const struct ts_desired_trust *trust, struct ts_desired_member *member,
                      const struct ts_id *id);

/*
 * ts_resolve_identity - a key without `id:` means the account that it meant when it was last applied
 *
 * Following an address that was reassigned would give access to the wrong person: a key that finds another
 * account, none, or one that is not active is waiting (or failed: our own people), and keeps its recorded id.
 * Of two keys that mean one id the one with `id:` decides, else the recorded one; the other is unresolved.
 * Comes after the searches. @last_applied: NULL, or not known: nothing is recorded.
 */
void ts_resolve_identity(struct ts_desired *desired, const struct ts_last_applied *last_applied);

void ts_resolve_grants(struct ts_desired *desired, const struct ts_live *live,
                       const struct ts_policy *policy);

void ts_desired_free(struct ts_desired *desired); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_desired, ts_desired_free)

/* Members whose grants a plan needs to know: declared, live, grants managed. Those with a problem too: what
 * is denied is taken from them all the same. */
bool ts_desired_member_needs_grants(const struct ts_desired_member *m);

#endif
