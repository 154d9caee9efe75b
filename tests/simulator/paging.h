/*
 * paging - a listing, one page of it, in the API's envelope
 */
#ifndef TS_SIMULATOR_PAGING_H
#define TS_SIMULATOR_PAGING_H

#include "internal.h"

/* Writes entity @i of the listing. @fake_id: it has to show this id instead of its own; NULL mostly. */
typedef void (*ts_sim_emit)(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id,
                            const void *userdata);

/* Answers with the page of @total entities that the query asks for. pageSize is clamped to the platform's
 * cap. */
void ts_sim_list(struct ts_sim_call *c, size_t total, ts_sim_emit emit, const void *userdata);

#endif
