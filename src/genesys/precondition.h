/*
 * precondition - an object is read again right before it is written
 *
 * I/O through the client. The API has no compare-and-swap: this narrows what another hand can do unseen to
 * one round trip. One request for each object: a trust, a member that is removed (its id and membership
 * count, nothing that the partner can set), the grants that are replaced. Grants are read from
 * authorization/subjects/{id} where that has proved itself; while that is not known, it proves itself here
 * (an answer that is what the plan says, or a comparison with the roles), one member at a time; where it
 * cannot be believed, roles are compared, and a division that changed is not seen.
 */
#ifndef TS_GENESYS_PRECONDITION_H
#define TS_GENESYS_PRECONDITION_H

#include "genesys/apply_item.h"

/* How an object is read before it is written; TS_APPLY_NO_OP: it need not be. */
enum ts_operation ts_precondition_op(const struct ts_apply_context *a, const struct ts_change *c);

/*
 * ts_precondition_check - reads the objects of those @jobs that are in state TS_APPLY_PRECONDITION
 *
 * One that is as the plan was made from becomes TS_APPLY_WRITE; any other one ends: applied when somebody
 * else has done the same, waiting when it is something else, failed when it could not be read.
 * @n: at most TS_APPLY_CHUNK; one, while authorization/subjects has to prove itself with it
 *
 * Return: 0; negative when the client can do nothing more.
 */
int ts_precondition_check(struct ts_apply_context *a, struct ts_apply_item *items, size_t n,
                          struct ts_err *err) TS_MUST_CHECK;

#endif
