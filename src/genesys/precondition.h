/*
 * precondition - re-reads an object right before it is written
 *
 * I/O through the client. The API has no compare-and-swap: this shortens the window in which another writer
 * can interfere unnoticed to one round trip. One request for each object: a trust, a member that is removed
 * (its id and membership count, nothing that the partner can set), the grants that are replaced. Grants are
 * read from authorization/subjects/{id} where that is known to be reliable. While that is not known, it is
 * tested here, one member at a time: its answer must match the plan, or agree with the roles. Where it is
 * unreliable, only roles are compared, and a changed division is not detected.
 */
#ifndef TS_GENESYS_PRECONDITION_H
#define TS_GENESYS_PRECONDITION_H

#include "genesys/apply_item.h"

/* The operation that reads an object before it is written; TS_APPLY_NO_OP: none is needed. */
enum ts_operation ts_precondition_op(const struct ts_apply_context *a, const struct ts_change *c);

/*
 * ts_precondition_check - reads the objects of those @items that are in state TS_APPLY_PRECONDITION
 *
 * An item whose object is unchanged since planning becomes TS_APPLY_WRITE. Any other item ends: applied when
 * another writer has made the same change, waiting when the object differs otherwise, failed when it could
 * not be read.
 * @n: at most TS_APPLY_CHUNK; one, while authorization/subjects is being tested
 *
 * Return: 0; negative when the client can do nothing more.
 */
int ts_precondition_check(struct ts_apply_context *a, struct ts_apply_item *items, size_t n,
                          struct ts_err *err) TS_MUST_CHECK;

#endif
