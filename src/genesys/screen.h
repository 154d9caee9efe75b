/*
 * screen - accounts that turn out to be denied when an answer shows their address are taken back at once
 *
 * I/O through the client. An account that is added by its id, or that comes in with a new trust, has no
 * address before it is a member: for as long as one round trip takes it is in.
 */
#ifndef TS_GENESYS_SCREEN_H
#define TS_GENESYS_SCREEN_H

#include "genesys/apply_item.h"

/* The answer of the write of @j, while it is there: does it show a denied address, or none at all? Then @j is
 * to be screened before it ends. */
void ts_screen_answer(const struct ts_apply_context *a, struct ts_apply_item *j, const struct ts_json *json);

/* After the write of an addition had its effect; true: @j becomes TS_APPLY_SCREEN. */
bool ts_screen_begin(const struct ts_apply_context *a, struct ts_apply_item *j);

/* Ends those of @jobs in state TS_APPLY_SCREEN. 0; negative when the client can do nothing more. */
int ts_screen_items(struct ts_apply_context *a, struct ts_apply_item *items, size_t n,
                    struct ts_err *err) TS_MUST_CHECK;

/* Before trusts are opened: those that this plan has created disabled have their members looked at, and are
 * not opened when that fails. */
int ts_screen_created(struct ts_apply_context *a, struct ts_err *err) TS_MUST_CHECK;

#endif
