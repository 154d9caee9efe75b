/*
 * front - the simulator behind a socket: HTTP/1.1, plain or over TLS
 *
 * One thread, one loop, any number of connections: an answer that is slow, dripping or never comes holds
 * nobody else. Resets are real ones.
 */
#ifndef TS_SIMULATOR_FRONT_H
#define TS_SIMULATOR_FRONT_H

#include <stdint.h>

#include "simulator.h"

struct ts_sim_front;

struct ts_sim_front_options {
        const char *listen;    /* "127.0.0.1:0", "[::1]:8080": a numeric address */
        char *cert, *key;      /* PEM texts; NULL: no TLS */
        uint64_t latency_usec; /* before every answer */
};

/* @sim is borrowed. @err: TS_ERR_LOCAL or TS_ERR_INPUT. */
int ts_sim_front_new(struct ts_simulator *sim, const struct ts_sim_front_options *options,
                     struct ts_sim_front **ret, struct ts_err *err) TS_MUST_CHECK;
void ts_sim_front_free(struct ts_sim_front *f); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_sim_front, ts_sim_front_free)

const char *ts_sim_front_url(const struct ts_sim_front *f); /* "http://127.0.0.1:40123"; borrowed */

/* Serves until @fd is readable. 0, or the errno of the loop. */
int ts_sim_front_run(struct ts_sim_front *f, int fd, struct ts_err *err) TS_MUST_CHECK;

#endif
