/*
 * apply_item - one change of a plan while it is carried out: its requests, body and outcome
 *
 * What the steps (apply.h), the fresh reads (precondition.h) and the verification (verify.h) share. Only
 * ts_apply_item_end_change() has effects beyond its arguments: it stores the outcome of the change and calls
 * the callback of ts_apply().
 */
#ifndef TS_GENESYS_APPLY_ITEM_H
#define TS_GENESYS_APPLY_ITEM_H

#include "genesys/apply.h"

/* Objects between whose fresh read and write nothing else is done: as many as are in flight at once. */
#define TS_APPLY_CHUNK 8u

/* The API has no such request, or none is needed. */
#define TS_APPLY_NO_OP TS_OP_MAX_

struct ts_apply_context {
        struct ts_client *client;
        const struct ts_plan *plan;
        struct ts_outcomes *outcomes;
        struct ts_live *live;
        const struct ts_apply_options *options;
        enum ts_subject_reads subjects;
        bool denied[TS_OP_MAX_];    /* a 403 was reported in full */
        bool refuses_all;           /* the platform takes no "*" as a division */
        unsigned n_deny_retries;    /* left */
        uint64_t verify_until_usec; /* nothing is waited for any longer; 0: the verification has not begun */
};

enum ts_apply_item_state {
        TS_APPLY_PRECONDITION, /* to be read before it is written */
        TS_APPLY_WRITE,
        TS_APPLY_ASK,    /* the answer of its POST was lost */
        TS_APPLY_SCREEN, /* it had its effect, and the account may be denied */
        TS_APPLY_ENDED,
};

struct ts_apply_item {
        const struct ts_change *change;
        enum ts_apply_item_state state;
        enum ts_operation op; /* the last call */
        struct ts_buf body;
        unsigned n_repeats; /* after its answer was lost */
        bool keeps_expiry;  /* the server, one that was left out of the last write */
        bool spells_never;  /* so it is sent as null */
        bool sends_roles;   /* sets in all divisions throughout go without divisions: `*` was refused */
        unsigned n_retries;
        bool is_seen;                   /* the address of who was added */
        const struct ts_source *denial; /* and what denies it */
        const char *failure;            /* of the last try */
};

/* --------------------------------------------------------------------------------------------- operations */

enum ts_collection ts_apply_item_collection(const struct ts_change *c);
bool ts_apply_item_adds_member(const struct ts_change *c);
bool ts_apply_item_removes_member(const struct ts_change *c);
bool ts_apply_item_updates_grants(const struct ts_change *c);

/* All of them may be TS_APPLY_NO_OP. */
enum ts_operation ts_apply_item_member_op(const struct ts_change *c, enum ts_member_verb verb);
enum ts_operation ts_apply_item_write_op(const struct ts_change *c);

/* What a change gives, as to divisions. Roles alone stand for all divisions, so that only a set that is
 * declared in all of them throughout may be sent without them. */
enum ts_apply_item_divisions {
        TS_APPLY_NEVER_ALL,
        TS_APPLY_ALL_THROUGHOUT, /* of each member that has one in all divisions */
        TS_APPLY_MIXED,
};
enum ts_apply_item_divisions ts_apply_item_divisions(const struct ts_apply_context *a,
                                                     const struct ts_change *c);
/* The read that tells whether a member, or a trust, is there. */
enum ts_operation ts_apply_item_presence_op(const struct ts_change *c);

struct ts_call ts_apply_item_call(enum ts_operation op, const struct ts_change *c);

/* @planned: what the trust is before or after the change. Of one that `deny` closes the expiry is kept as it
 * was read right before. */
struct ts_trust_attributes ts_apply_item_attributes(const struct ts_change *c,
                                                    struct ts_trust_attributes planned);

/* Appends the body of the request j->op to j->body. */
void ts_apply_item_put_body(const struct ts_apply_context *a, struct ts_apply_item *j);

/* Is it what `deny` takes away, and dropped, or failed for a time? What was refused would be so again. */
bool ts_apply_item_is_dropped_denial(const struct ts_change *c);

/* A trust is created together with its members, which are changes of their own behind it: the next one behind
 * @c that is still planned; NULL: none. */
const struct ts_change *ts_apply_item_next_first_member(const struct ts_apply_context *a,
                                                        const struct ts_change *c,
                                                        const struct ts_change *create);

/* ----------------------------------------------------------------------------------------------- outcomes */

#define TS_APPLY_NOTE(a, ...) ts_arena_printf(&(a)->outcomes->arena, __VA_ARGS__)

#define TS_APPLY_DRIFTED \
        "it was changed by somebody else in the meantime: nothing was written, the next cycle decides"

/* @note: in the arena of the outcomes, or a literal; NULL keeps the plan's own. */
struct ts_outcome *ts_apply_item_outcome(const struct ts_apply_context *a, const struct ts_change *c);
void ts_apply_item_end_change(struct ts_apply_context *a, const struct ts_change *c, enum ts_result result,
                              const char *note);
void ts_apply_item_end(struct ts_apply_context *a, struct ts_apply_item *j, enum ts_result result,
                       const char *note);

/* Why a call failed; a missing permission is explained once. In the arena of the outcomes. */
const char *ts_apply_item_why_failed(struct ts_apply_context *a, enum ts_operation op,
                                     const struct ts_call_result *result);

/* Status and correlation id, into the outcome. */
void ts_apply_item_take_answer(struct ts_apply_context *a, const struct ts_change *c,
                               const struct ts_call_result *result);

/* ------------------------------------------------------------------------------------------------ answers */

struct ts_grant_set { /* normalised */
        struct ts_grant *items;
        size_t n;
};

bool ts_grant_set_equal(const struct ts_grant_set *x, const struct ts_grant_set *y);
bool ts_grant_set_has(const struct ts_grant_set *s, const struct ts_grant *g);

/* A set, or what can be seen of it where an answer has roles only: each role once, in all divisions. */
struct ts_grant_set ts_grant_set_of(const struct ts_grant *grants, size_t n, bool roles_only,
                                    struct ts_arena *arena);

/* From an answer of authorization/subjects/{id}, or of .../roles: then roles only. */
int ts_apply_item_read_grants(struct ts_apply_context *a, const struct ts_change *c, enum ts_operation op,
                              const struct ts_json *json, struct ts_arena *arena, struct ts_grant_set *ret,
                              struct ts_err *err) TS_MUST_CHECK;

bool ts_apply_item_has_attributes(const struct ts_trust *t, const struct ts_trust_attributes *a);

/* A single clone of a trustee cannot be read: the list of all clones is searched. */
bool ts_apply_item_lists_clones(enum ts_operation op);
const struct ts_json *ts_apply_item_find_entity(const struct ts_json *json, const struct ts_id *id);

#endif
