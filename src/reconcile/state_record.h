/*
 * state_record - what is on record of an organization, as text; the same in every back end of the state store
 *
 * Pure. The format has a version. Older ones are read, and written as the newest with the next change; a
 * newer one is left alone and reported as such. A new kind of line: a struct in trust/last_applied.h, a case
 * of put_trust() or ts_state_record_format(), one of parse_part() or parse_line(), and
 * ts_last_applied_update() has to carry it over. The first line has the version, the last one a digest, by
 * which damage is detected.
 */
#ifndef TS_RECONCILE_STATE_RECORD_H
#define TS_RECONCILE_STATE_RECORD_H

#include "trust/last_applied.h"
#include "util/buf.h"

void ts_state_record_format(const struct ts_last_applied *m, struct ts_buf *out);

/* 0; -EBADMSG: damaged; -ENOTSUP: of a newer version. */
int ts_state_record_parse(const char *text, size_t len, struct ts_last_applied *m) TS_MUST_CHECK;

#endif
