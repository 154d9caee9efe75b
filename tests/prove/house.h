/*
 * house - the life of one daemon, or of two at once, against the simulator, in this process and in
 * virtual time
 *
 * Files (declarations, settings, secret, state) are real ones, in a directory of their own. A cycle is the
 * program's own code from the files to the requests. A kill is a transport and a state directory that accept
 * nothing more: what a dying process would not have written any more is taken back.
 */
#ifndef TS_PROVE_HOUSE_H
#define TS_PROVE_HOUSE_H

#include "reconcile/cycle.h"
#include "scenario.h"
#include "simulator/transport-sim.h"

#define HOUSE_DAEMONS_MAX 2u

struct house;

/* What the network does to a request: called for each of them. */
typedef void (*house_hook)(struct house *h, struct ts_sim_exchange *exchange, void *userdata);

struct daemon {
        struct house *house;
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

struct house {
        struct scenario scenario;
        struct ts_virtual_clock clock;
        struct ts_clock server_clock;
        struct ts_simulator *sim;
        struct ts_sim_network *network;
        struct ts_settings *settings;
        struct ts_declarations *declarations;
        struct daemon daemons[HOUSE_DAEMONS_MAX];
        size_t n_daemons;
        house_hook before;
        void *userdata;
        struct ts_sha256 *trace;     /* of all requests, in their order */
        bool faults;                 /* hooks and scripts are at work */
        bool watches;                /* the hook is called without faults, too */
        uint64_t edited_usec;        /* boottime of the last edit by another hand */
        const struct daemon *asking; /* whose request is carried out */
        unsigned n_violations;       /* but for those that a race explains */
        unsigned n_races;
        struct ts_buf record;         /* what house_damage_record() has put aside */
        struct house_change *changes; /* of the last cycle */
        size_t n_changes, a_changes;
};

enum house_kind {
        HOUSE_ALONE,
        HOUSE_TWO_HOSTS, /* two daemons that do not know of each other */
        HOUSE_ONE_HOST,  /* two daemons with one state directory */
        HOUSE_KIND_MAX_,
};

/* Exits with a message when the texts themselves are at fault. */
void house_init(struct house *h, enum house_kind kind, const struct scenario_options *o);
/* The same over texts that are there already: takes @s over. */
void house_open(struct house *h, enum house_kind kind, struct scenario *s, uint64_t seed);

/* What h->scenario.declarations and its invariants say now is in force. */
void house_declare(struct house *h);
void house_done(struct house *h);

/* What the wall clock of daemon @i shows differs from the server's from now on. */
void house_set_clock(struct house *h, size_t i, int64_t skew_sec);

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
struct house_change {
        enum ts_action action;
        enum ts_result result;
        struct ts_id trust, subject;
        char note[512];
};

/* One cycle of daemon @i, and a while. */
struct outcome house_cycle(struct house *h, size_t i);

/* @live for each daemon, all at once; house_cycle() inside it is its own daemon's. */
void house_run(struct house *h, void (*live)(size_t i, void *userdata), void *userdata);

/* The digest of all requests so far: which, whose, when, and what became of them. Once. */
struct ts_digest house_trace(struct house *h);

/* The record of the first daemon: replaced by @text (NULL: what it was before is back). */
void house_damage_record(struct house *h, const char *text, size_t len);
/* Is it still the text that it was replaced by? */
bool house_record_is(const struct house *h, const char *text, size_t len);

/* Another hand changes something, if it can be changed. */
bool house_edit(struct house *h, const char *text, size_t len);

/*
 * Has the simulator seen nothing that must not be? Without a compare-and-swap in the API, what another hand
 * does between our fresh read and our write is overwritten: a violation within that time of an edit, or of a
 * write by the other daemon, is counted as a race, not as a fault.
 */
bool house_is_sound(const struct house *h);

/* Is the plan empty but for what is held, waits, failed for a reason of the declarations, or is only
 * reported? */
bool outcome_is_converged(const struct outcome *o);

/* The directory that all houses share: made at the first house, removed by this. */
void house_remove_directory(void);

#endif
