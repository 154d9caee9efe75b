/*
 * ends - access that ends by itself: `until` of members, `expires` of trusts
 *
 * Pure. An end that is put on access that already exists is a removal of the 24 hours that it falls into, and
 * is in force once it was accepted by the limits or by a review. A window with which a member was added does
 * not count.
 */
#ifndef TS_TRUST_ENDS_H
#define TS_TRUST_ENDS_H

#include "trust/last_applied.h"
#include "trust/plan.h"

/* What is in force for an object; NULL: nothing. */
const struct ts_last_applied_end *ts_ends_find(const struct ts_last_applied *m, enum ts_direction direction,
                                               const struct ts_id *trust, enum ts_kind kind,
                                               const struct ts_id *subject);

/* Fills in whether @e is new and whether it counts. @exists: there is access now. @last_applied may be NULL.
 */
void ts_ends_compare(struct ts_end *e, const struct ts_last_applied *last_applied, bool exists);

/* The new ends of a trust, or of all with @trust NULL, are not in force. */
void ts_ends_refuse(struct ts_plan *plan, enum ts_direction direction, const struct ts_id *trust);

/* "24 members end tomorrow", as messages of the plan: a line a trust and day. */
void ts_ends_note(struct ts_plan *plan, int64_t now);

int ts_last_applied_end_compare(const struct ts_last_applied_end *a, const struct ts_last_applied_end *b);

#endif
