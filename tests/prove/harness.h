/*
 * harness - the life of one daemon, or of two at once, against the simulator, in this process and in
 * virtual time
 *
 * Files (declarations, settings, secret, state) are real ones, in a directory of their own. A cycle is the
 * program's own code from the files to the requests. A kill is a transport and a state directory that accept
 * nothing more: what a dying process would not have written any more is taken back.
 */
#ifndef TS_PROVE_HARNESS_H
#define TS_PROVE_HARNESS_H

#include "reconcile/cycle.h"
#include "scenario.h"
#include "simulator/transport-sim.h"

#define HARNESS_DAEMONS_MAX 2u

struct harness;

/* What the network does to a request: called for each of them. */
typedef void (*harness_hook)(struct harness *h, struct ts_sim_exchange *exchange, void *userdata);

struct daemon {
        struct harness *harness;
        const char *state; /* its directory */
        struct ts_clock clock;
        struct ts_transport *transport;
        size_t n_transport; /* its number in the network */
        struct ts_clients *clients;
        char *kept; /* the state file as it was when it was killed */
        size_t kept_len;
        bool has_kept, was_killed;
        uint64_t n_requests, n_writes; /* so far */
        uint64_t wrote_usec;           /* boottime of the last write */
};

struct harness {
        struct scenario scenario;
        struct ts_virtual_clock clock;
        struct ts_clock server_clock;
        struct ts_simulator *sim;
        struct ts_sim_network *network;
        struct ts_settings *settings;
        struct ts_declarations *declarations;
        struct daemon daemons[HARNESS_DAEMONS_MAX];
        size_t n_daemons;
        harness_hook before;
        void *userdata;
        struct ts_sha256 *trace;     /* of all requests, in their order */
        bool faults;                 /* hooks and scripts are at work */
        bool watches;                /* the hook is called without faults, too */
        uint64_t edited_usec;        /* boottime of the last edit by another hand */
        const struct daemon *asking; /* whose request is carried out */
        unsigned n_violations;       /* but for those that a race explains */
        unsigned n_races;
        struct ts_buf record;           /* what harness_damage_record() has put aside */
        struct harness_change *changes; /* of the last cycle */
        size_t n_changes, a_changes;
};

enum harness_kind {
        HARNESS_ALONE,
        HARNESS_TWO_HOSTS, /* two daemons that do not know of each other */
        HARNESS_ONE_HOST,  /* two daemons with one state directory */
        HARNESS_KIND_MAX_,
};

/* Exits with a message when the texts themselves are at fault. */
void harness_init(struct harness *h, enum harness_kind kind, const struct scenario_options *o);
/* The same over texts that are there already: takes @s over. */
void harness_open(struct harness *h, enum harness_kind kind, struct scenario *s, uint64_t seed);

/* What h->scenario.declarations and its invariants say now is in force. */
void harness_declare(struct harness *h);
void harness_done(struct harness *h);

/* What the wall clock of daemon @i shows differs from the server's from now on. */
void harness_set_clock(struct harness *h, size_t i, int64_t skew_sec);

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
        bool was_killed;
        unsigned planned, applied, failed, held, waiting, skipped;
        unsigned refusals;
        unsigned applied_of[TS_ACTION_MAX_];
        unsigned guards[GUARD_MAX_]; /* changes that one kept back */
        bool complete, refused;      /* refused: the whole organization */
        uint64_t requests, writes;
};

/* What became of one change in the last cycle. */
struct harness_change {
        enum ts_action action;
        enum ts_result result;
        struct ts_id trust, subject;
        char note[512];
};

/* One cycle of daemon @i, and a while. */
struct outcome harness_cycle(struct harness *h, size_t i);

/* @live for each daemon, all at once; harness_cycle() inside it is its own daemon's. */
void harness_run(struct harness *h, void (*live)(size_t i, void *userdata), void *userdata);

/* The digest of all requests so far: which, whose, when, and what became of them. Once. */
struct ts_digest harness_trace(struct harness *h);

/* The record of the first daemon: replaced by @text (NULL: what it was before is back). */
void harness_damage_record(struct harness *h, const char *text, size_t len);
/* Is it still the text that it was replaced by? */
bool harness_record_is(const struct harness *h, const char *text, size_t len);

/* Another hand changes something, if it can be changed. */
bool harness_edit(struct harness *h, const char *text, size_t len);

/*
 * Has the simulator seen nothing that must not be? Without a compare-and-swap in the API, what another hand
 * does between our fresh read and our write is overwritten: a violation within that time of an edit, or of a
 * write by the other daemon, is counted as a race, not as a fault.
 */
bool harness_is_sound(const struct harness *h);

/* Is the plan empty but for what is held, waits, failed for a reason of the declarations, or is only
 * reported? */
bool outcome_is_converged(const struct outcome *o);

/* The directory that all harnesses share: created by the first one, removed by this function. */
void harness_remove_directory(void);

#endif
