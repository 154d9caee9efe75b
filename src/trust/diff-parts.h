/*
 * diff-parts - internal interface of the diff*.c files
 *
 * diff.c compares trusts and their attributes, diff-close.c closes trusts, diff-missing.c creates missing
 * ones, diff-members.c compares their members. Each adds changes to the plan; a change that may not be
 * written gets its result at once.
 */
#ifndef TS_TRUST_DIFF_PARTS_H
#define TS_TRUST_DIFF_PARTS_H

#include "trust/diff.h"

struct ts_diffing {
        const struct ts_diff_input *in;
        struct ts_plan *plan;
        const struct ts_deny *deny;
        const struct ts_plan *denied;
        bool was_applied; /* reasons are known */
        bool time_ok;     /* our clock and the server's agree */
        bool knows_ends;  /* which ends are in force is on record, or that none is */
};

/* One trust, seen from all sides. */
struct ts_view {
        const struct ts_desired_trust *desired;           /* NULL: no declaration names it */
        const struct ts_decl_trust *decl;                 /* NULL likewise */
        const struct ts_trust *live;                      /* NULL: it is not there */
        const struct ts_last_applied_trust *last_applied; /* NULL: not recorded */
        struct ts_id id;
        const char *alias;
        bool is_denied;
        bool is_closed_by_deny; /* there is a change for that */
        bool is_created;        /* it is not there, and this plan makes it */
};

/* A text in the plan's arena. */
#define TS_DIFF_NOTE(d, ...) ts_arena_printf(&(d)->plan->arena, __VA_ARGS__)

/* A change of the trust itself, planned. @source: what asks for it; NULL: filled in later. */
struct ts_change *ts_diff_change(struct ts_diffing *d, const struct ts_view *v, enum ts_action action,
                                 enum ts_phase phase, enum ts_reason reason, const struct ts_source *source);

/* Applied last to a change that would be written: whatever holds the whole trust holds it too. */
void ts_diff_hold(struct ts_diffing *d, const struct ts_view *v, struct ts_change *c);

/* Something is due at @when: the next cycle is not later. */
void ts_diff_note_boundary(struct ts_diffing *d, int64_t when);

/* Outside its window a member is not declared; with two keys for one member it is not known which of them
 * counts. While the clocks disagree no window is acted on. */
bool ts_diff_is_outside(const struct ts_diffing *d, const struct ts_desired_member *w);
bool ts_diff_is_window_unsure(const struct ts_diffing *d, const struct ts_decl_member *m);

/* --------------------------------------------------------------------------------- trusts that have to go */

/* Disabled first (from the trustee's side that is not possible), deleted after a while. */
void ts_diff_close(struct ts_diffing *d, const struct ts_view *v, enum ts_reason reason,
                   const struct ts_source *source);

/* A change that closes a trust (disables, deletes, shortens it), and what holds it. */
struct ts_change *ts_diff_close_change(struct ts_diffing *d, const struct ts_view *v, enum ts_action action,
                                       enum ts_reason reason, const struct ts_source *source);
void ts_diff_guard_closing(struct ts_diffing *d, const struct ts_view *v, struct ts_change *c);

/* ------------------------------------------------------------------------------ trusts that are not there */

/* Return: it is created by this plan. */
bool ts_diff_missing_trustee(struct ts_diffing *d, const struct ts_view *v);
void ts_diff_missing_trustor(struct ts_diffing *d, const struct ts_view *v);

/* ------------------------------------------------------------------------------------------------ members */

/* Of all collections of a declared trust, also of one that is not there. */
void ts_diff_members(struct ts_diffing *d, const struct ts_view *v);

#endif
