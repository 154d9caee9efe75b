/*
 * screen - removes added accounts at once when a response shows that their address is denied
 *
 * I/O through the client. An account that is added by its id, or that comes in with a new trust, shows its
 * address only once it is a member: it has access for one round trip.
 */
#ifndef TS_GENESYS_SCREEN_H
#define TS_GENESYS_SCREEN_H

#include "genesys/apply_item.h"

/* Examines the response to the write of @j. If it shows a denied address, or none, @j is screened before it
 * ends. */
void ts_screen_answer(const struct ts_apply_context *a, struct ts_apply_item *j, const struct ts_json *json);

/* After the write of an addition had its effect; true: @j becomes TS_APPLY_SCREEN. */
bool ts_screen_begin(const struct ts_apply_context *a, struct ts_apply_item *j);

/* Ends those of @items in state TS_APPLY_SCREEN. 0; negative when the client cannot send any more. */
int ts_screen_items(struct ts_apply_context *a, struct ts_apply_item *items, size_t n,
                    struct ts_err *err) TS_MUST_CHECK;

/* Call before trusts are enabled: screens the members of trusts that this plan created disabled; a trust is
 * not enabled when that fails. */
int ts_screen_created(struct ts_apply_context *a, struct ts_err *err) TS_MUST_CHECK;

#endif
