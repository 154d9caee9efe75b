/*
 * token - who asks: client credentials, bearer tokens, rate limits
 */
#ifndef TS_SIMULATOR_TOKEN_H
#define TS_SIMULATOR_TOKEN_H

#include "internal.h"

bool ts_sim_token_is_request(const struct ts_sim_call *c); /* it asks for a token */
void ts_sim_token_issue(struct ts_sim_call *c);            /* answers that, with a token or an error */

bool ts_sim_token_find(struct ts_sim_call *c);   /* fills client and organization; false: no valid token */
void ts_sim_token_refuse(struct ts_sim_call *c); /* 401, as the platform words it */
void ts_sim_token_expire(struct ts_sim_call *c); /* the request's token is good for nothing any more */

char *ts_sim_base64_decode(struct ts_arena *arena, const char *s); /* up to the first other character */

/* Counts the request. False: answered already, with a 429. */
bool ts_sim_token_permits_rate(struct ts_sim_call *c);

#endif
