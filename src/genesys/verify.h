/*
 * verify - reads back everything that was written until it shows
 *
 * I/O through the client. One request for each change, tried once; what does not show or could not be read is
 * asked for again after 1, 2, 4 ... seconds, for at most options->verify_usec from the first call for a plan
 * on. Each call asks for everything once, however long that takes, as long as there are answers. What then
 * still is as before, on the way, or could not be read, is waiting; what is something else has failed; a
 * trust that gives a default role or full access that nobody asked for has failed as an alarm. A member that
 * was removed and let in again is not waited for. What `deny` takes away is not waited for either while it
 * may be carried out again (a->n_deny_retries). Grants are compared with divisions where
 * authorization/subjects has proved itself, else by role.
 */
#ifndef TS_GENESYS_VERIFY_H
#define TS_GENESYS_VERIFY_H

#include "genesys/apply_item.h"

/* Of all changes that were sent and are applied, and of removals that one answer called done already, as far
 * as they were not read back before. 0, also when stop was asked for, or something that `deny` takes away was
 * dropped: then what does not show yet stays applied for the next call; negative when the client can do
 * nothing more. */
int ts_verify(struct ts_apply_context *a, struct ts_err *err) TS_MUST_CHECK;

#endif
