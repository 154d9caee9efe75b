/*
 * plan - the changes that close the difference between declared and live, as a value
 *
 * Made by trust/diff.h, decided by trust/decide.h, carried out by genesys/apply.h, which fills the outcomes
 * beside it, and shown by report. Order: trusts by direction, alias, id; inside a trust the order
 * in which they are applied. Everything lives in the plan's arena or, where said, in the ts_live and
 * ts_declarations it was made from, which have to outlive it.
 */
#ifndef TS_TRUST_PLAN_H
#define TS_TRUST_PLAN_H

#include <stdarg.h>

#include "trust/model.h"
#include "util/err.h"

enum ts_action {
        TS_TRUST_CREATE,
        TS_TRUST_UPDATE,
        TS_TRUST_ENABLE,
        TS_TRUST_DISABLE,
        TS_TRUST_DELETE,
        TS_USER_ADD,
        TS_USER_UPDATE,
        TS_USER_REMOVE,
        TS_GROUP_ADD,
        TS_GROUP_UPDATE,
        TS_GROUP_REMOVE,
        TS_CLONE_ADD,
        TS_CLONE_REMOVE,
        TS_PAIRING_CREATE, /* a pairing request; of a trustee: in the partner's organization, by the partner's
                              client */
        TS_CARE_CREATE,
        TS_ACTION_MAX_,
};
const char *ts_action_to_string(enum ts_action a); /* "trust.create", "user.add", ... */

/* How an action counts in the summary: enabling a trust adds access, disabling it removes. */
enum ts_count {
        TS_COUNT_ADD,
        TS_COUNT_CHANGE,
        TS_COUNT_REMOVE,
};
enum ts_count ts_action_count(enum ts_action a);

enum ts_result {
        TS_PLANNED,
        TS_APPLIED,
        TS_FAILED,  /* tried and refused, or it needs a name that does not exist */
        TS_HELD,    /* kept back: protection, a trust in observe mode, a limit, an incomplete view */
        TS_WAITING, /* for somebody or something else: the partner, a deletion's time, propagation */
        TS_SKIPPED, /* unlisted and only reported */
};
const char *ts_result_to_string(enum ts_result r); /* "planned", ... */

enum ts_reason {
        TS_REASON_CONFIG,  /* the declarations changed */
        TS_REASON_DRIFT,   /* the live state changed by others */
        TS_REASON_EXPIRED, /* its window ended */
        TS_REASON_DENIED,  /* `deny` in the settings */
};
const char *ts_reason_to_string(enum ts_reason r);

/* The order inside a trust: access shrinks before it grows, and it is opened only if all that takes was
 * applied. */
enum ts_phase {
        TS_PHASE_CLOSE,  /* disable, shorten */
        TS_PHASE_REMOVE, /* members removed, the trust deleted */
        TS_PHASE_REDUCE, /* grants replaced and some taken */
        TS_PHASE_ADD,    /* pairing requests and trusts made, members and grants added */
        TS_PHASE_OPEN,   /* enable, lengthen; only if every removal and reduction of the trust was applied */
        TS_PHASE_MAX_,
};

struct ts_grant_change {
        uint32_t role, division; /* of the catalogue */
        enum ts_reason reason;
        struct ts_source source; /* of the declaration that asks for it, or that stopped asking: the member */
};

struct ts_grant_changes {
        struct ts_grant_change *items; /* sorted by role name, then division name */
        size_t n;
};

/* What the API knows of a trust and we may change. */
struct ts_trust_attributes {
        bool enabled;
        int64_t expires; /* TS_TIME_NEVER: no end */
};

/*
 * What came of a change that was carried out: only genesys/apply.h writes it. It stands in an array beside
 * the plan, and everybody else reads it through the change.
 */
struct ts_outcome {
        enum ts_result result; /* TS_PLANNED: nothing came of it yet, and the decision holds */
        const char *note;      /* NULL: that of the change holds */

        bool sent;               /* a write was sent for it */
        int64_t sent_at;         /* our clock; 0: not known */
        long http_status;        /* of the last answer; 0: none */
        const char *correlation; /* ININ-Correlation-Id of the last failure; NULL */
        bool is_unshown;         /* it failed because what it wrote does not show */
        bool is_verified;        /* it was read back in effect */
        bool was_gone;           /* a removal: its object was seen gone, or in again, since it was sent */

        struct ts_id pairing_id; /* pairing.create: the request that was made */
        int64_t pairing_created;
        bool keeps_expiry; /* of a trust that `deny` closes: as it was read right before */
        int64_t expires;
};

struct ts_outcomes {
        struct ts_arena arena; /* of the notes */
        struct ts_outcome *items;
        size_t n;
};

/* What is to be done, and the decision whether it is: made by the diff and by trust/decide.h, and the same
 * from then on. */
struct ts_change {
        enum ts_action action;
        enum ts_phase phase;
        enum ts_result decision;
        enum ts_reason reason;
        enum ts_direction direction;

        const char *trust_alias; /* the declaration's name; the id's text for an undeclared trust */
        const char *trust_name;  /* live name; NULL when not known */
        struct ts_id trust_id;

        enum ts_kind kind;        /* of the subject */
        struct ts_id subject_id;  /* nil: the trust itself, or not known yet */
        const char *subject_name; /* e-mail or name as declared, else as live; NULL for the trust itself */

        struct ts_source source; /* what asks for it: the member, the trust, a line of the settings; may be
                                    empty */
        const struct ts_decl_labels *labels, *trust_labels; /* of the member, of the trust; NULL: none */
        const char *note; /* why it is held, waiting, failed or skipped, and what to do; NULL */
        const struct ts_outcome *outcome;    /* NULL: it was not carried out */
        const char *by;                      /* who made the drift; NULL when not known */
        struct ts_id by_id, by_organization; /* nil: not told */
        int64_t by_when;                     /* TS_TIME_UNSET when not known */

        /* trust.*: */
        bool changes_enabled, changes_expires;
        struct ts_trust_attributes before, after;
        bool guards_members; /* closes a trust whose list of users named nobody that is protected */

        /* *.add and *.update: */
        bool grants_managed;
        struct ts_grant_changes add, remove;
        struct ts_grant_changes held; /* grants that would be taken and are kept back (protected member) */
        struct ts_grant *grants_before, *grants_after; /* whole sets, normalised; `after` is what is sent */
        size_t n_before, n_after;

        /* pairing.create: who asks to come in; trust.create: the request it is made from */
        struct ts_id pairing_id; /* nil: not known yet (made in the same cycle) */
        struct ts_id *pairing_users, *pairing_groups;
        size_t n_pairing_users, n_pairing_groups;

        /* care.create: */
        bool assign_default_role, auto_expire;

        bool counts_as_removal; /* for the limits: a trust closed or a member removed, and not by until or
                                   deny */
        bool is_accepted;       /* its end was accepted before: it counts, and is never refused */
        int64_t falls_at;       /* when it takes access away: an end ahead; 0: when it is written */
        uint32_t n_removals; /* for the limits: 1 for such an object, else the grants taken; 0 when exempt */

        uint32_t n_corrected; /* times that it was put back within a day, by trust/contention.h */
        uint32_t n_unshown;   /* times that it was sent and accepted, and never showed; by trust/propagation.h
                               */
};

/* A limit or a digest said no. */
struct ts_refusal {
        const char *trust; /* alias; NULL: the whole organization */
        const char *limit; /* "removals_per_cycle", ..., "plan_digest", "unnamed_organization", "state" */
        int64_t value, allowed;
        const char *message; /* which limit, by how much, how to go on */
};

enum ts_message_kind {
        TS_MESSAGE_WARNING,
        TS_MESSAGE_NOTE,       /* of no concern to the journal */
        TS_MESSAGE_UNREAD,     /* a list or a member's grants that could not be read (completely) */
        TS_MESSAGE_UNMANAGED,  /* the declarations changed: this was managed, and is not any more */
        TS_MESSAGE_UNDECLARED, /* the declarations changed: this trust was declared, and is not any more */
        TS_MESSAGE_ENDS,       /* access that exists ends within a day */
        TS_MESSAGE_KIND_MAX_,
};
const char *ts_message_kind_to_string(enum ts_message_kind k); /* "warning", "unread", ... */

/* Something to know that is no change. */
struct ts_message {
        const char *trust; /* alias or NULL */
        struct ts_source source;
        const char *text;
        enum ts_message_kind kind;
        size_t n_members; /* whom it is about; 0: not counted */
};

/* All of it in @arena. @source may be NULL; a text of more than TS_TEXT_MAX_BYTES is cut. */
struct ts_message ts_message_make(struct ts_arena *arena, const char *trust, const struct ts_source *source,
                                  const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

/* What a review of one trust covers: its changes by config and by windows that are over. Changes caused by
 * the partner are excluded, because they would invalidate every review. */
struct ts_trust_digest {
        const char *trust; /* alias */
        enum ts_direction direction;
        struct ts_id id;
        size_t first, end; /* the trust's changes in the plan */
        size_t n;          /* how many of them it covers */
        struct ts_digest digest;
};

/* An end of access that is declared: of a member (`until`), or of a trust (`expires`; its subject is nil). */
struct ts_end {
        enum ts_direction direction;
        const char *trust; /* alias */
        struct ts_id trust_id;
        enum ts_kind kind;
        struct ts_id subject;
        const char *name; /* of the subject; NULL: a trust */
        struct ts_source source;
        int64_t when, before; /* before: what is in force; TS_TIME_NEVER: nothing */
        bool is_new;          /* it is put on access that is there, and is not in force yet */
        bool counts;          /* it is a removal of the 24 hours that it falls into */
        bool is_refused;      /* it is new, and does not come into force */
};

struct ts_plan_summary {
        size_t add, change, remove, held, waiting, failed, skipped;
        size_t grants_add, grants_remove; /* of the changes counted under `change` */
        size_t organizations_failed;      /* of a report: counted under `failed` too */
};

struct ts_plan {
        struct ts_arena arena;
        const char *organization; /* alias */
        struct ts_id organization_id;
        const struct ts_catalog *catalog; /* borrowed from the live state */

        struct ts_change *changes;
        size_t n_changes, n_changes_allocated;
        struct ts_refusal *refusals;
        size_t n_refusals, n_refusals_allocated;
        struct ts_message *messages;
        size_t n_messages, n_messages_allocated;

        struct ts_end *ends; /* those ahead */
        size_t n_ends, n_ends_allocated;
        struct ts_trust_digest *trust_digests; /* of trusts with changes to review, in plan order */
        size_t n_trust_digests, n_trust_digests_allocated;

        bool complete;         /* false: a listing was incomplete or unobservable; exit 1 */
        bool refused;          /* nothing of this organization is written */
        int64_t next_boundary; /* the next `from`, `until` or deletion that is due; TS_TIME_NEVER: none */
        bool all_drift_known;  /* the record was readable: reasons distinguish drift from config */
};

struct ts_plan *ts_plan_new(void) TS_MUST_CHECK __attribute__((returns_nonnull));
void ts_plan_free(struct ts_plan *plan); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_plan, ts_plan_free)

struct ts_change *ts_plan_add_change(struct ts_plan *plan); /* zeroed, at the end */
struct ts_end *ts_plan_add_end(struct ts_plan *plan);       /* zeroed, at the end */
void ts_plan_add_refusal(struct ts_plan *plan, const char *trust, const char *limit, int64_t value,
                         int64_t allowed, const char *message);
void ts_plan_add_message(struct ts_plan *plan, const char *trust, const struct ts_source *source,
                         const char *fmt, ...) TS_PRINTF(4, 5);
/* The same for another kind than a warning. @n_members: 0 where they are not counted. */
void ts_plan_add_finding(struct ts_plan *plan, enum ts_message_kind kind, const char *trust,
                         const struct ts_source *source, size_t n_members, const char *fmt, ...)
                TS_PRINTF(6, 7);
void ts_plan_add_messages(struct ts_plan *plan, const struct ts_message *messages, size_t n); /* copies */

/* Did others make this difference, or a part of it? */
bool ts_change_is_drift(const struct ts_change *c);

/* Does `deny` take the object away, whatever is reviewed? (A denied role that is taken is a part of its
 * member.) */
bool ts_change_is_denial(const struct ts_change *c);

/*
 * ts_outcomes_begin - gives each change of a finished plan its outcome
 *
 * A change that was taken over from another plan begins with what came of it there. Once more for the same
 * plan when changes were added. @outcomes: zeroed before the first time, and outlives the plan.
 */
void ts_outcomes_begin(struct ts_outcomes *outcomes, struct ts_plan *plan);
void ts_outcomes_done(struct ts_outcomes *outcomes);

const struct ts_outcome *ts_change_outcome(const struct ts_change *c); /* of nothing when there is none */
enum ts_result ts_change_result(const struct ts_change *c); /* what came of it, else what was decided */
const char *ts_change_note(const struct ts_change *c);      /* why; NULL */

/* Would this change be written, unless its plan is refused? */
bool ts_change_is_planned(const struct ts_change *c);

/* Holds a planned change: TS_HELD with @note (copied). What `deny` requires is not held: a
 * denied change stays planned, and of an update that takes denied grants among others, those alone stay. */
void ts_plan_hold(struct ts_plan *plan, struct ts_change *c, const char *note);

/* Who made the drift, and when. @who NULL: not known. */
void ts_change_blame(struct ts_change *c, const struct ts_person *person, int64_t when);

/* The same of what is drift in it: grants that the declarations change go on. */
void ts_plan_hold_drift(struct ts_plan *plan, struct ts_change *c, const char *note);

/* Not to be written: @result, and @note why, which lives as long as the plan. */
void ts_change_end(struct ts_change *c, enum ts_result result, const char *note);

/* One removal for the limits, unless `deny` or the end of a window asks for it. */
void ts_change_count_removal(struct ts_change *c);

/* Counts every change once: under its count when planned or applied, else under its result. */
struct ts_plan_summary ts_plan_summarise(const struct ts_plan *plan);

/* Adds one plan's digest lines to a running hash that began with "trustsyncd-plan 1\n": for each planned
 * change, in plan order, its action, direction, organization id, trust id, subject id, before and after, with
 * "-" for an id that is not known yet. What `deny` takes away comes before any review, and is not in
 * it. No names, reasons, sources or times: two hosts agree. A refused plan
 * still has its digest: --plan-digest may permit it. */
void ts_plan_digest(const struct ts_plan *plan, struct ts_sha256 *hash);

/* Fills in trust_digests: each a SHA-256 over "trustsyncd-plan-trust 1\n" and the lines of the planned
 * changes that ts_change_is_reviewable(). */
void ts_plan_digest_trusts(struct ts_plan *plan);
bool ts_change_is_reviewable(const struct ts_change *c);

const struct ts_trust_digest *ts_plan_find_trust_digest(const struct ts_plan *plan,
                                                        enum ts_direction direction,
                                                        const struct ts_id *trust); /* NULL: it has none */

bool ts_change_is_same_trust(const struct ts_change *a, const struct ts_change *b);

/* Trusts are contiguous in a plan. Returns the index behind the trust that begins at @first. */
size_t ts_plan_trust_end(const struct ts_plan *plan, size_t first);

/* The digest of one such line: equal when the same object is to go from the same state to the same state. */
struct ts_digest ts_plan_digest_change(const struct ts_plan *plan, const struct ts_change *c);

/* The object that it changes, in 64 bits: the same in every run, for the record. */
uint64_t ts_change_object_key(const struct ts_change *c);
uint64_t ts_digest_shorten(const struct ts_digest *d);

/* The role's name; "all", or the division's name. For an id without a name, the id (in the catalogue). */
const char *ts_plan_role_name(const struct ts_plan *plan, uint32_t role);
const char *ts_plan_division_name(const struct ts_plan *plan, uint32_t division);

#endif
