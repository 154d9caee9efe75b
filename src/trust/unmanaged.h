/*
 * unmanaged - reports what a change of the declarations takes out of management
 *
 * Pure. Deleting a trust, a collection or the roles of a member from the declarations removes no access: it
 * stays, and is no longer managed. Compares what was last applied (of --base: what it declares) with what is
 * declared now. Cost: linear, and the grants of what is found.
 */
#ifndef TS_TRUST_UNMANAGED_H
#define TS_TRUST_UNMANAGED_H

#include "trust/diff.h"
#include "trust/plan.h"

/* Adds a finding for each of them to the plan that ts_diff() made of @in. */
void ts_unmanaged_note(struct ts_plan *plan, const struct ts_diff_input *in);

#endif
