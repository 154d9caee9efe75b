/*
 * ask-simulator - a simulator on a virtual clock, and the words in which tests ask it
 *
 * JSON is written with ' for ". What goes wrong on the way fails the test.
 */
#ifndef TS_UNIT_ASK_SIMULATOR_H
#define TS_UNIT_ASK_SIMULATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "simulator/simulator.h"
#include "simulator/virtual-clock.h"
#include "util/arena.h"

#define STARTED 1800000000 /* 2027-01-15T08:00:00Z */
#define FORM "application/x-www-form-urlencoded"

struct setup {
        struct ts_virtual_clock time;
        struct ts_clock clock;
        struct ts_simulator *sim;
        char authorization[128]; /* "": none */
        struct ts_sim_response answer;
};

/* The caller frees it. */
char *quoted(const char *s);

void start_with(struct setup *s, const char *fixture, uint64_t seed);
void stop(struct setup *s);

/* The answer's status; the answer stays until the next question. */
int ask_as(struct setup *s, const char *authorization, const char *content_type, const char *method,
           const char *target, const char *body);
int ask(struct setup *s, const char *method, const char *target, const char *body);
const char *answer_text(const struct setup *s);
bool answer_has(const struct setup *s, const char *part);
const char *answer_get(const struct setup *s, struct ts_arena *arena,
                       const char *key); /* a string member; "" when there is none */

int ask_for_token(struct setup *s, const char *basic);
void log_in_with(struct setup *s, const char *basic);

void set_faults(struct setup *s, const char *script);
int try_edit(struct setup *s, const char *edit, struct ts_err *err);
void edit(struct setup *s, const char *change);

void get_state(struct setup *s, struct ts_buf *out); /* the caller frees it */
bool state_has(struct setup *s, const char *part);
const char *first_violation(const struct setup *s);

#endif
