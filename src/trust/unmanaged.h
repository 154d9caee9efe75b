/*
 * unmanaged - what a change of the declarations takes out of management
 *
 * Pure. Who deletes a trust, a collection or the roles of a member from the declarations takes nothing away:
 * the access stays, and from then on nobody looks after it. Compares what was last applied (of --base: what
 * it declares) with what is declared now. Cost: linear, and the grants of what is found.
 */
#ifndef TS_TRUST_UNMANAGED_H
#define TS_TRUST_UNMANAGED_H

#include "trust/diff.h"
#include "trust/plan.h"

/* Adds a finding for each of them to the plan that ts_diff() made of @in. */
void ts_unmanaged_note(struct ts_plan *plan, const struct ts_diff_input *in);

#endif
