/*
 * transport-sim - a transport (genesys/transport.h) whose other end is the simulator, in the same process, in
 * virtual time
 *
 * A network joins one simulator, one virtual clock and any number of transports (one a daemon). A request
 * arrives half its latency after it was started, has its effect then, and its answer is there the other half,
 * plus the answer's own delay, later. pump() advances the clock to the next of these events or to its
 * deadline; several transports see each other's effects in the order of time. Equal seeds and equal calls
 * give equal runs. Several daemons can live at once (ts_sim_network_run): each goes on when something has
 * come for it, so that their requests interleave as time has it.
 *
 * What happens on the way maps to what curl sees of it: no connection is TS_EFFECT_NONE; a reset, an end, a
 * cut or a missing answer after the request was sent is TS_EFFECT_POSSIBLE, whether or not it had its effect.
 */
#ifndef TS_SIMULATOR_TRANSPORT_SIM_H
#define TS_SIMULATOR_TRANSPORT_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "genesys/transport.h"
#include "simulator.h"
#include "virtual-clock.h"

struct ts_sim_network;

/* What becomes of one request, beside what the simulator's fault script says. */
enum ts_sim_action {
        TS_SIM_PASS,
        TS_SIM_REFUSE,      /* no connection: surely no effect */
        TS_SIM_REFUSE_TLS,  /* the same for a reason that no retry helps: fatal */
        TS_SIM_LOSE_BEFORE, /* sent and lost: no effect, but nobody can know */
        TS_SIM_LOSE_AFTER,  /* it has its effect, and the answer is lost */
        TS_SIM_KILL_BEFORE, /* the asking process dies before the effect: its transport accepts and answers
                               nothing more */
        TS_SIM_KILL_AFTER,  /* the same after the effect */
};

/* One request on its way; valid during the hook. */
struct ts_sim_exchange {
        size_t n;         /* of the network: 1, 2, ... in the order of arrival */
        size_t transport; /* which one: 0, 1, ... in the order of their making */
        const struct ts_request *request;
        const char *target;                     /* path and query */
        const struct ts_sim_response *response; /* on_after only */
        enum ts_sim_action action;              /* on_before may set it */
        uint64_t answer_delay_usec;             /* on_before may raise it: on top of the latency */
};

struct ts_sim_network_options {
        struct ts_simulator *sim;       /* borrowed; made with the clock's stream 0 */
        struct ts_virtual_clock *clock; /* borrowed */
        uint64_t latency_usec;          /* of an exchange there and back */
        uint64_t jitter_usec;           /* up to so much more, at random: answers overtake each other */
        /* May edit the simulator as another hand; neither may start requests. on_after is not called when
         * there was no effect to look at. */
        void (*on_before)(struct ts_sim_exchange *exchange, void *userdata);
        void (*on_after)(struct ts_sim_exchange *exchange, void *userdata);
        void *userdata;
};

/* @options is copied. */
struct ts_sim_network *ts_sim_network_new(const struct ts_sim_network_options *options) TS_MUST_CHECK;
void ts_sim_network_free(struct ts_sim_network *net); /* after its transports; NULL is fine */
TS_DEFINE_CLEANUP(struct ts_sim_network, ts_sim_network_free)

size_t ts_sim_network_n_transports(const struct ts_sim_network *net); /* made so far: the next one's number */
size_t ts_sim_network_n_requests(const struct ts_sim_network *net);   /* that arrived, or were refused */

/* Runs @body for 0 .. n-1, n <= TS_SIM_PEERS_MAX, all at once: each a life of its own with transports of
 * its own, left when it pumps one. Returns when all have ended. */
#define TS_SIM_PEERS_MAX 4u
void ts_sim_network_run(struct ts_sim_network *net, size_t n, void (*body)(size_t i, void *userdata),
                        void *userdata);

/* One more client's end. What is cancelled on its way never arrives. pump() returns -ESHUTDOWN once it was
 * killed, and -EDEADLK when there is nothing to wait for. */
struct ts_transport *ts_transport_sim_new(struct ts_sim_network *net) TS_MUST_CHECK;

void ts_transport_sim_kill(struct ts_transport *t); /* at once, between two requests */
bool ts_transport_sim_is_killed(const struct ts_transport *t);

#endif
