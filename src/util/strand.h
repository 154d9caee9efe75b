/*
 * strand - straight-line work that can be left in the middle and gone on with later
 *
 * A coroutine: of a strand and who resumes it exactly one runs at a time, so they share their data without
 * locks. A strand may resume others. It has a thread of its own for its stack, and for nothing else.
 */
#ifndef TS_UTIL_STRAND_H
#define TS_UTIL_STRAND_H

#include <stdbool.h>

#include "util/macros.h"

struct ts_strand;

/* Nothing of @body runs before it is resumed. NULL: the system gives no more threads. */
struct ts_strand *ts_strand_new(void (*body)(void *userdata), void *userdata) TS_MUST_CHECK;

/* Runs it until it suspends itself (true) or has ended (false). */
bool ts_strand_resume(struct ts_strand *strand);

/* From inside it: back to who resumed it. */
void ts_strand_suspend(struct ts_strand *strand);

void ts_strand_free(struct ts_strand *strand); /* one that has ended; NULL is fine */

#endif
