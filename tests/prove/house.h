/*
 * house - one daemon's life against the simulator, in this process and in virtual time
 *
 * Files (declarations, settings, secret, state) are real ones, in a directory of their own. A cycle is the
 * program's own code from the files to the requests. A kill is a transport and a state directory that accept
 * nothing more: what a dying process would not have written any more is taken back.
 */
#ifndef TS_PROVE_HOUSE_H
#define TS_PROVE_HOUSE_H

#include "daemon/cycle.h"
#include "scenario.h"
#include "simulator/transport-sim.h"

struct house;

/* What the network does to a request: called for each of them. */
typedef void (*house_hook)(struct house *h, struct ts_sim_exchange *exchange, void *userdata);

struct house {
        struct scenario scenario;
        struct ts_virtual_clock clock;
        struct ts_clock server_clock, client_clock;
        struct ts_simulator *sim;
        struct ts_sim_network *network;
        struct ts_transport *transport;
        struct ts_clients *clients;
        struct ts_settings *settings;
        struct ts_declarations *declarations;
        house_hook before;
        void *userdata;
        char *kept; /* the state file as it was when we were killed */
        size_t kept_len;
        bool has_kept, was_killed;
        bool faults;           /* hooks and scripts are at work */
        uint64_t n_writes;     /* requests that write, so far */
        uint64_t edited_usec;  /* boottime of the last edit by another hand */
        unsigned n_violations; /* but for those that a race explains */
        unsigned n_races;
};

/* @directory: of the process, reused. Exits with a message when the texts themselves are at fault. */
void house_init(struct house *h, const struct scenario_options *o);
void house_done(struct house *h);

/* What keeps changes back, as their notes say it. */
enum guard {
        GUARD_PROTECTED,
        GUARD_DENIED,
        GUARD_RE_READ,    /* somebody else was quicker */
        GUARD_INCOMPLETE, /* a list was not read to its end */
        GUARD_UNRESOLVED, /* a key of the collection has no id */
        GUARD_LIMIT,
        GUARD_DELETION, /* its time has not come */
        GUARD_MAX_,
};
extern const char *const guard_words[GUARD_MAX_];

/* What one cycle came to. */
struct outcome {
        int status; /* exit status */
        unsigned planned, applied, failed, held, waiting, skipped;
        unsigned refusals;
        unsigned applied_of[TS_ACTION_MAX_];
        unsigned guards[GUARD_MAX_]; /* changes that one kept back */
        bool complete, refused;      /* refused: the whole organization */
        uint64_t requests, writes;
};

struct outcome house_cycle(struct house *h, enum ts_cycle_mode mode);

/* Another hand changes something, if it can be changed. */
bool house_edit(struct house *h, const char *text, size_t len);

/*
 * Has the simulator seen nothing that must not be? Without a compare-and-swap in the API, what another hand
 * does between our fresh read and our write is overwritten: a violation within that time of an edit is
 * counted as a race, not as a fault.
 */
bool house_is_sound(const struct house *h);

/* Is the plan empty but for what is held, waits, failed for a reason of the declarations, or is only
 * reported? */
bool outcome_is_converged(const struct outcome *o);

/* The directory that all houses share: made at the first house, removed by this. */
void house_remove_directory(void);

#endif
