/*
 * mangle - what a fault makes of an answer
 */
#ifndef TS_SIMULATOR_MANGLE_H
#define TS_SIMULATOR_MANGLE_H

#include "internal.h"

/* Applies c->fault to the finished answer (listings were changed while they were written, see paging.h). */
void ts_sim_mangle(struct ts_sim_call *c);

#endif
