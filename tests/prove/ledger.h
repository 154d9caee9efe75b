/*
 * ledger - who is inside since when, and what was taken away, as an onlooker of the world sees it
 *
 * Independent of the program's records and of the simulator's invariants: it compares the world with what it
 * was before, and knows only whose hand was at work in between. Time is counted in cycles that nothing
 * hindered.
 */
#ifndef TS_PROVE_LEDGER_H
#define TS_PROVE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/simulator.h"
#include "simulator/world.h"

enum ledger_kind {
        LEDGER_USER,
        LEDGER_GROUP,
        LEDGER_CLONE,
};

enum ledger_hand {
        LEDGER_CLIENT, /* the program */
        LEDGER_OTHER,
};

/* What is declared of somebody now. */
struct ledger_wish {
        bool managed;  /* the collection is declared, and unlisted members are to be removed */
        bool declared; /* and his window is open */
        bool denied, is_protected;
        int64_t until; /* 0: without an end */
};

struct ledger_entry {
        size_t slot; /* of the organization */
        enum ledger_kind kind;
        const struct ts_world_party *party;
        bool is_in, is_seen;
        bool was_declared; /* at some time of this stay */
        int64_t until;     /* the end that was declared when the stay began; 0: none */
        unsigned since;    /* the cycle in which the stay began, or its declaration was taken back */
        unsigned allowed;  /* roles that were declared for him at some time of this stay, as bits */
        unsigned roles;    /* held now, as bits of the organization's roles */
};

struct ledger_trust {
        bool is_there, enabled, is_over;
        int64_t expires;
        bool ours; /* its end was set by the program, on a trust that was in force */
};

struct ledger_effect {
        int64_t at;
        bool is_trust;
};

/* The declared one, from whoever keeps the declarations. @ret_roles: as bits. */
typedef struct ledger_wish (*ledger_wish_of)(size_t slot, enum ledger_kind kind,
                                             const struct ts_world_party *party, unsigned *ret_roles,
                                             void *userdata);

struct ledger {
        const struct ts_world *world;
        const struct ts_world_org *org;
        ledger_wish_of wish_of;
        void *userdata;
        unsigned cycle; /* the one that runs, or is next */
        int64_t max_removals, max_trust_removals;
        struct ledger_entry *entries;
        struct ledger_trust *trusts; /* by slot */
        struct ledger_effect *effects;
        size_t n_entries, a_entries, n_trusts, n_effects, a_effects;
        uint64_t n_removals, n_drift; /* what the program took: counted by the limits, and not */
        char broken[256];             /* "": nothing */
};

/* @sim is borrowed; @org: the organization's name. Whoever is in now came before the first cycle. */
void ledger_init(struct ledger *l, const struct ts_simulator *sim, const char *org, ledger_wish_of wish_of,
                 void *userdata, int64_t now);
void ledger_done(struct ledger *l);

/* What changed since the last look is the doing of @hand. */
void ledger_scan(struct ledger *l, enum ledger_hand hand, int64_t now);

/* The declarations are others from now on. */
void ledger_redeclare(struct ledger *l);

/* A cycle has ended. @deny_hindered, @hindered: something kept the program from seeing or removing those who
 * are denied, or anybody; nobody's time counts then. */
void ledger_end_cycle(struct ledger *l, bool deny_hindered, bool hindered);

/* Somebody who is in and may not be, for longer than is allowed: @denied: over one whole cycle; else two.
 * NULL: nobody. Look before ledger_end_cycle(). */
const struct ledger_entry *ledger_find_overdue(const struct ledger *l, bool denied);

/* Is @e as declared: in with the declared roles, or out, where members are declared? NULL, or what he is
 * instead; of the entries 0 to l->n_entries - 1. */
const char *ledger_differs(const struct ledger *l, const struct ledger_entry *e);

#endif
