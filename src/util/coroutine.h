/*
 * coroutine - straight-line work that can be left in the middle and gone on with later
 *
 * A coroutine: of a coroutine and who resumes it exactly one runs at a time, so they share their data without
 * locks. A coroutine may resume others. It has a thread of its own for its stack, and for nothing else.
 */
#ifndef TS_UTIL_COROUTINE_H
#define TS_UTIL_COROUTINE_H

#include <stdbool.h>

#include "util/macros.h"

struct ts_coroutine;

/* Nothing of @body runs before it is resumed. NULL: the system gives no more threads. */
struct ts_coroutine *ts_coroutine_new(void (*body)(void *userdata), void *userdata) TS_MUST_CHECK;

/* Runs it until it suspends itself (true) or has ended (false). */
bool ts_coroutine_resume(struct ts_coroutine *coroutine);

/* From inside it: back to who resumed it. */
void ts_coroutine_suspend(struct ts_coroutine *coroutine);

void ts_coroutine_free(struct ts_coroutine *coroutine); /* one that has ended; NULL is fine */

#endif
