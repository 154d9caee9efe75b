/*
 * coroutine - a function that can be suspended and resumed
 *
 * Only one of a coroutine and its resumer runs at a time, so they share data without locks. A coroutine may
 * resume others. Each one has a thread, used only for its stack.
 */
#ifndef TS_UTIL_COROUTINE_H
#define TS_UTIL_COROUTINE_H

#include <stdbool.h>

#include "util/macros.h"

struct ts_coroutine;

/* @body starts with the first resume. NULL: the system allows no more threads. */
struct ts_coroutine *ts_coroutine_new(void (*body)(void *userdata), void *userdata) TS_MUST_CHECK;

/* Runs it until it suspends itself (true) or has ended (false). */
bool ts_coroutine_resume(struct ts_coroutine *coroutine);

/* Called inside a coroutine: returns control to its resumer. */
void ts_coroutine_suspend(struct ts_coroutine *coroutine);

void ts_coroutine_free(struct ts_coroutine *coroutine); /* one that has ended; NULL is fine */

#endif
