/*
 * internal - what the simulator's own files share: the simulator itself and one call in progress
 */
#ifndef TS_SIMULATOR_INTERNAL_H
#define TS_SIMULATOR_INTERNAL_H

#include "audit.h"
#include "faultscript.h"
#include "invariants.h"
#include "json/reader.h"
#include "json/writer.h"
#include "simulator.h"
#include "util/timefmt.h"
#include "world.h"

#define TS_SIM_BODY_MAX_BYTES (256u * 1024u * 1024u) /* of an answer; a whole state is large */
#define TS_SIM_REQUEST_MAX_BYTES 512000u             /* the platform's limit */

struct ts_sim_limits {
        int64_t page_size, users_per_trust;
        int64_t clones; /* of one trustor */
        int64_t pairing_ttl_sec;
        int64_t audit_polls;                                    /* that an audit query is not done yet */
        int64_t requests_per_minute, token_requests_per_minute; /* 0: no limit */
        int64_t token_ttl_sec;
        int64_t all_divisions_status; /* "*" as a division of roledivisions; 0: it is taken */
        int64_t unknown_grant_status; /* a PUT or POST that names a role or division that is not there: 400 or
                                         404 */
        int64_t search_empty_status;  /* a search without a hit: 200 or 404 */
        int64_t delete_empty_grants_status; /* DELETE of the roles of a member without any: 204 or 404 */
        bool expired_gone;                  /* trusts past their expiry are not there any more */
        bool add_overwrites;                /* POST of a member that is there replaces it instead of 409 */
};

struct ts_sim_window { /* a minute of requests */
        uint64_t start_usec;
        int64_t n;
};

struct ts_sim_token {
        char text[64];
        struct ts_world_client *client;
        uint64_t expires_usec;
        struct ts_sim_window window;
};

struct ts_simulator {
        const struct ts_clock *clock;
        uint64_t offset_sec; /* by ts_simulator_advance() */
        struct ts_world *world;
        struct ts_sim_limits limits;
        struct ts_sim_token *tokens;
        size_t n_tokens, a_tokens;
        struct ts_sim_window token_window;
        struct ts_fault_script *script; /* NULL: none */
        struct ts_invariants invariants;
        bool read_only;
        /* who makes the commit in progress: a client, or somebody by an edit (NULL: nobody knows) */
        const struct ts_world_client *writer_client;
        const struct ts_world_party *editor;
        struct ts_sim_audit audit;
        size_t n_requests;
        struct ts_buf line; /* the newest one of the log */
        struct ts_buf log;
        bool forgets_log;
        char **violations;
        size_t n_violations, a_violations;
        struct ts_sim_listener listener;
};

struct ts_sim_param {
        const char *name, *value;
};

/* One request on its way. */
struct ts_sim_call {
        struct ts_simulator *sim;
        const struct ts_sim_request *req;
        struct ts_sim_response *resp;
        struct ts_arena arena;
        const char *path;
        struct ts_sim_param *params;
        size_t n_params;
        const struct ts_fault *fault; /* NULL: none fired */
        struct ts_world_client *client;
        struct ts_world_org *org; /* the token's organization */
        const struct ts_sim_route *route;
        struct ts_id ids[2]; /* of the path */
        const struct ts_json *body;
        struct ts_json_writer w; /* into the response's body */
        bool had_effect;
        struct ts_world_trust **ignored; /* what a fault kept from being committed */
        size_t n_ignored, a_ignored;
};

uint64_t ts_sim_boottime(const struct ts_simulator *sim);
int64_t ts_sim_realtime(const struct ts_simulator *sim);
struct ts_id ts_sim_random_id(const struct ts_simulator *sim);

/* Records something that must not happen. */
void ts_sim_violation(struct ts_simulator *sim, const char *fmt, ...) TS_PRINTF(2, 3);

/* A trust was asked for: that is a write, too. */
void ts_sim_note_pairing(struct ts_simulator *sim, const struct ts_world_org *org);

/* Answers. fail: an ErrorBody; invalid: the same, and a violation, because the request is not as the
 * specification has it. */
void ts_sim_fail(struct ts_sim_call *c, int status, const char *code, const char *fmt, ...) TS_PRINTF(4, 5);
void ts_sim_invalid(struct ts_sim_call *c, int status, const char *code, const char *fmt, ...)
                TS_PRINTF(4, 5);
/* Begins a 200 with a JSON body, to be written through c->w. */
struct ts_json_writer *ts_sim_ok(struct ts_sim_call *c);
void ts_sim_no_content(struct ts_sim_call *c);

const char *ts_sim_param(const struct ts_sim_call *c, const char *name); /* the first; NULL: not given */

/* Writes a value that was read. */
void ts_sim_put_json(struct ts_json_writer *w, const struct ts_json *v);

#endif
