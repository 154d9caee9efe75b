/*
 * show - the daemon's JSON as text for people
 *
 * Pure. Texts from the daemon are escaped already, and are once more.
 */
#ifndef TS_CTL_SHOW_H
#define TS_CTL_SHOW_H

#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

/* @now: seconds since 1970, for "in 4min". */
int ts_show_status(const char *json, int64_t now, struct ts_buf *out, struct ts_err *err) TS_MUST_CHECK;
/* What `trustsyncctl status` ends with: 78, 65: what is on disk is faulty, 1: it is not in force for another
 * reason; else 0. */
int ts_show_status_exit(const char *json) TS_MUST_CHECK;
int ts_show_history(const char *json, struct ts_buf *out, struct ts_err *err) TS_MUST_CHECK;

#endif
