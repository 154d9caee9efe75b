/*
 * simulator - the slice of the platform's API that is used, as a library: request in, response out
 *
 * A pure state machine on a clock that is handed in: no sockets, no files, no sleeping. It knows nothing of
 * src/genesys, so that client and server do not share mistakes. Requests are checked against the API's
 * specification; after each one the safety invariants are checked (invariants.h); faults come from a script
 * (faultscript.h).
 *
 * Fixture (JSON; ids may be left out wherever a name is given, and are then derived from it):
 *
 *   { "limits": { "page_size": 100, "users_per_trust": 25, "clones": 5, "pairing_ttl": 172800,
 *                 "audit_polls": 1,
 *                 "requests_per_minute": 0, "token_ttl": 86400,
 *                 "token_requests_per_minute": 0, "expired_trusts": "listed" | "gone",
 *                 "add_existing": "conflict" | "overwrite", "unknown_grant_status": 400,
 *                 "all_divisions_status": 0 (for "*" in roledivisions; 0: it is taken),
 *                 "search_empty_status": 200, "delete_empty_grants_status": 204 },
 *     "care": ["<organization id>" or { "id", "name" }],
 *     "organizations": [ { "id", "name", "default_care": "<id>",
 *         "clients":   [ { "id", "secret", "permissions": ["authorization:*"], "token_ttl", "grants",
 *                          "trustor_members": false (may manage members from the trustee's side) } ],
 *         "roles":     [ "Admin", { "id", "name" } ],
 *         "divisions": [ "Home", { "id", "name", "home": true } ],
 *         "users":     [ { "id", "email", "name", "state", "lastLogin",
 *                          "grants": [ ["Admin", "*"], { "role", "division" } ] } ],
 *         "groups":    [ { "id", "name", "grants", "members": ["<email or id>"] } ],
 *         "pairings":  [ { "id", "users": ["<email or id>"], "groups": ["<name or id>"], "created",
 *                          "used" } ],    requests for trusts with it as trustee
 *         "trustees":  [ { "id", "name", "enabled", "expires", "created", "created_by": "<email or id>",
 *                          "uses_default_role", "has_full_access", "is_trusted_user", "clones": ["<email or
 * id>"], "users": [ as above, "created", "created_by" ], "groups": [ likewise ] } ], "acts":      [ {
 * "trust", "user", "time", "action", "entity" } ] } ],   by people of a trustee "faults": [ ... ],
 * "invariants": { ... } }
 *
 * A role or division is named by name or id, "*" is every division. A trust is one object: its trustee's
 * clients see it as a trustor. Instead of "organizations", "generate":
 * { "trusts": 1000, "users": 25, "roles_per_user": 3, "seed": 1, "drift_percent": 0 } makes a large one
 * (generate.h); what that declares is the invariants, unless there are others.
 */
#ifndef TS_SIMULATOR_SIMULATOR_H
#define TS_SIMULATOR_SIMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/id.h"
#include "util/macros.h"

struct ts_simulator;
struct ts_world;

struct ts_sim_request {
        const char *method;        /* "GET" */
        const char *target;        /* "/api/v2/...?pageSize=100": path and query as on the wire */
        const char *authorization; /* the header's value; NULL: none */
        const char *content_type;  /* NULL: none */
        const char *body;
        size_t body_len;
};

/* What becomes of the connection. */
enum ts_sim_fate {
        TS_SIM_ANSWER,
        TS_SIM_RESET, /* a reset instead of an answer; whether the request had its effect is the fault's
                         affair */
        TS_SIM_CLOSE, /* an orderly end instead of an answer */
        TS_SIM_HANG,  /* nothing, ever */
};

struct ts_sim_response {
        enum ts_sim_fate fate;
        int status;
        struct ts_buf body;
        const char *content_type; /* NULL: no body; borrowed until the next fault script */
        char retry_after[64];     /* "": no such header */
        struct ts_id_text correlation;
        int64_t date;
        size_t truncate_at;  /* body bytes sent before the connection closes; SIZE_MAX: all of them */
        uint64_t delay_usec; /* before the answer */
        uint64_t drip_usec;  /* between any two bytes of the body */
};

/* @err: TS_ERR_INPUT; says where in the fixture. */
int ts_simulator_new(const char *fixture, size_t len, const struct ts_clock *clock, struct ts_simulator **ret,
                     struct ts_err *err) TS_MUST_CHECK;
/* The same over a world that was made otherwise; takes it over. */
struct ts_simulator *ts_simulator_new_world(struct ts_world *world,
                                            const struct ts_clock *clock) TS_MUST_CHECK;
void ts_simulator_free(struct ts_simulator *sim); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_simulator, ts_simulator_free)

/* @resp is overwritten; the caller frees it with ts_sim_response_done(). */
void ts_simulator_handle(struct ts_simulator *sim, const struct ts_sim_request *req,
                         struct ts_sim_response *resp);
void ts_sim_response_done(struct ts_sim_response *resp);

/* A JSON text each; the new one replaces the old one. */
int ts_simulator_set_faults(struct ts_simulator *sim, const char *text, size_t len,
                            struct ts_err *err) TS_MUST_CHECK;
int ts_simulator_set_invariants(struct ts_simulator *sim, const char *text, size_t len,
                                struct ts_err *err) TS_MUST_CHECK;
/* Every write is refused and recorded as a violation. */
void ts_simulator_set_read_only(struct ts_simulator *sim, bool read_only);

/* A change by somebody else, as in the admin screen: not a request, not a violation (control.h has the
 * format). */
int ts_simulator_edit(struct ts_simulator *sim, const char *text, size_t len,
                      struct ts_err *err) TS_MUST_CHECK;
void ts_simulator_advance(struct ts_simulator *sim,
                          uint64_t seconds);       /* on top of the clock that was handed in */
void ts_simulator_reset(struct ts_simulator *sim); /* state, log, violations, counters as at the start */

/* The whole state as JSON, everything sorted, so that two states can be compared as texts. */
void ts_simulator_state(struct ts_simulator *sim, struct ts_buf *out);

size_t ts_simulator_n_requests(const struct ts_simulator *sim);
/* JSON lines; borrowed. At most 64 MiB are kept, the first ones. */
const struct ts_buf *ts_simulator_log(const struct ts_simulator *sim);
void ts_simulator_keep_log(struct ts_simulator *sim, bool keep); /* kept at first; listeners get every line */
size_t ts_simulator_n_violations(const struct ts_simulator *sim);
const char *ts_simulator_violation(const struct ts_simulator *sim, size_t i); /* one line; borrowed */

/* Called with each new line of the log and with each violation; either may be NULL. */
struct ts_sim_listener {
        void (*on_log)(const char *line, size_t len, void *userdata);
        void (*on_violation)(const char *text, void *userdata);
        void *userdata;
};
void ts_simulator_set_listener(struct ts_simulator *sim, const struct ts_sim_listener *listener);

#endif
