#include "simulator.h"

#include <assert.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "fixture.h"
#include "generate.h"
#include "internal.h"
#include "mangle.h"
#include "routes.h"
#include "token.h"
#include "util/mem.h"

#define SIMULATOR_LOG_MAX_BYTES (64u * 1024u * 1024u)

uint64_t ts_sim_boottime(const struct ts_simulator *sim)
{
        return ts_clock_boottime(sim->clock) + sim->offset_sec * TS_USEC_PER_SEC;
}

int64_t ts_sim_realtime(const struct ts_simulator *sim)
{
        return ts_clock_realtime(sim->clock) + (int64_t) sim->offset_sec;
}

struct ts_id ts_sim_random_id(const struct ts_simulator *sim)
{
        uint64_t random[2];
        struct ts_id id;

        random[0] = sim->clock->random(sim->clock->userdata);
        random[1] = sim->clock->random(sim->clock->userdata);
        memcpy(id.bytes, random, sizeof(id.bytes));
        return id;
}

void ts_sim_violation(struct ts_simulator *sim, const char *fmt, ...)
{
        char text[512];
        va_list ap;
        int n;

        n = snprintf(text, sizeof(text), "request %zu: ", sim->n_requests);
        va_start(ap, fmt);
        (void) vsnprintf(text + n, sizeof(text) - (size_t) n, fmt, ap); /* cut is good enough for people */
        va_end(ap);

        TS_GROW(sim->violations, sim->a_violations, sim->n_violations);
        sim->violations[sim->n_violations++] = ts_strdup(text);
        if (sim->listener.on_violation)
                sim->listener.on_violation(text, sim->listener.userdata);
}

/* ----------------------------------------------------------------------------------------- life and death */

static void simulator_report(const char *text, void *userdata)
{
        ts_sim_violation(userdata, "%s", text);
}

void ts_sim_note_pairing(struct ts_simulator *sim, const struct ts_world_org *org)
{
        ts_invariants_check_pairing(&sim->invariants, org, simulator_report, sim);
}

static void simulator_on_commit(struct ts_world_org *org, const struct ts_world_trust *before,
                                const struct ts_world_trust *after, void *userdata)
{
        struct ts_simulator *sim = userdata;

        ts_sim_audit_commit(sim, org, before, after);
        if (sim->writer_client)
                ts_invariants_check(&sim->invariants, org, sim->writer_client->org, before, after,
                                    ts_sim_realtime(sim), simulator_report, sim);
}

struct ts_simulator *ts_simulator_new_world(struct ts_world *world, const struct ts_clock *clock)
{
        struct ts_simulator *sim = ts_calloc(1, sizeof(*sim));

        sim->clock = clock;
        sim->world = world;
        sim->limits = ts_fixture_default_limits();
        sim->line = (struct ts_buf) TS_BUF_INIT(SIMULATOR_LOG_MAX_BYTES);
        sim->log = (struct ts_buf) TS_BUF_INIT(SIMULATOR_LOG_MAX_BYTES);
        world->on_commit = simulator_on_commit;
        world->userdata = sim;
        return sim;
}

/* What is generated is declared as well. */
static int simulator_generate_invariants(struct ts_simulator *sim, const struct ts_json *v,
                                         struct ts_err *err)
{
        struct ts_generate g;
        int r = ts_generate_read(v, &g, err);

        if (r >= 0)
                ts_generate_invariants(&g, sim->world, &sim->invariants);
        return r;
}

static int simulator_read(struct ts_simulator *sim, const struct ts_json *v, struct ts_err *err)
{
        const struct ts_json *faults = ts_json_get(v, "faults"), *invariants = ts_json_get(v, "invariants");
        const struct ts_json *generated = ts_json_get(v, "generate");
        int r;

        r = ts_fixture_read(sim->world, &sim->limits, v, err);
        for (size_t i = 0; r >= 0 && i < sim->world->n_pairings; i++)
                if (sim->world->pairings[i]->created == TS_TIME_NEVER)
                        sim->world->pairings[i]->created = ts_sim_realtime(sim);
        if (r >= 0 && faults)
                r = ts_fault_script_parse(faults, &sim->script, err);
        if (r >= 0 && invariants)
                r = ts_invariants_read(&sim->invariants, sim->world, invariants, err);
        else if (r >= 0 && generated)
                r = simulator_generate_invariants(sim, generated, err);
        return r;
}

int ts_simulator_new(const char *fixture, size_t len, const struct ts_clock *clock, struct ts_simulator **ret,
                     struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_simulator_freep) struct ts_simulator *sim = NULL;
        const struct ts_json *v;
        int r;

        r = ts_json_parse(fixture, len, &arena, &v, err);
        if (r < 0)
                return ts_err_wrap(err, r, "fixture");
        sim = ts_simulator_new_world(ts_world_new(), clock);
        r = simulator_read(sim, v, err);
        if (r < 0)
                return ts_err_wrap(err, r, "fixture");
        *ret = TS_TAKE(sim);
        return 0;
}

static void simulator_forget(struct ts_simulator *sim)
{
        for (size_t i = 0; i < sim->n_violations; i++)
                free(sim->violations[i]);
        sim->n_violations = 0;
        ts_sim_audit_reset(&sim->audit);
        sim->n_tokens = 0;
        sim->n_requests = 0;
        sim->token_window = (struct ts_sim_window){ 0 };
        ts_buf_reset(&sim->log);
}

void ts_simulator_free(struct ts_simulator *sim)
{
        if (!sim)
                return;
        simulator_forget(sim);
        free(sim->violations);
        free(sim->tokens);
        ts_fault_script_free(sim->script);
        ts_invariants_done(&sim->invariants);
        ts_sim_audit_done(&sim->audit);
        ts_world_free(sim->world);
        ts_buf_done(&sim->line);
        ts_buf_done(&sim->log);
        free(sim);
}

int ts_simulator_set_faults(struct ts_simulator *sim, const char *text, size_t len, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_fault_script *script;
        const struct ts_json *v;
        int r;

        r = ts_json_parse(text, len, &arena, &v, err);
        if (r >= 0)
                r = ts_fault_script_parse(v, &script, err);
        if (r < 0)
                return ts_err_wrap(err, r, "faults");
        ts_fault_script_free(sim->script);
        sim->script = script;
        return 0;
}

int ts_simulator_set_invariants(struct ts_simulator *sim, const char *text, size_t len, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_invariants inv = { 0 };
        const struct ts_json *v;
        int r;

        r = ts_json_parse(text, len, &arena, &v, err);
        if (r >= 0)
                r = ts_invariants_read(&inv, sim->world, v, err);
        if (r < 0) {
                ts_invariants_done(&inv);
                return ts_err_wrap(err, r, "invariants");
        }
        ts_invariants_done(&sim->invariants);
        sim->invariants = inv;
        return 0;
}

void ts_simulator_set_read_only(struct ts_simulator *sim, bool read_only)
{
        sim->read_only = read_only;
}

int ts_simulator_edit(struct ts_simulator *sim, const char *text, size_t len, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *v;
        int r;

        r = ts_json_parse(text, len, &arena, &v, err);
        if (r >= 0)
                r = ts_sim_edit(sim, v, err);
        return r < 0 ? ts_err_wrap(err, r, "edit") : 0;
}

void ts_simulator_advance(struct ts_simulator *sim, uint64_t seconds)
{
        sim->offset_sec += seconds;
}

void ts_simulator_reset(struct ts_simulator *sim)
{
        ts_world_reset(sim->world);
        ts_invariants_reset(&sim->invariants);
        if (sim->script)
                ts_fault_script_reset(sim->script);
        simulator_forget(sim);
        sim->offset_sec = 0;
}

size_t ts_simulator_n_requests(const struct ts_simulator *sim)
{
        return sim->n_requests;
}

const struct ts_buf *ts_simulator_log(const struct ts_simulator *sim)
{
        return &sim->log;
}

void ts_simulator_keep_log(struct ts_simulator *sim, bool keep)
{
        sim->forgets_log = !keep;
}

size_t ts_simulator_n_violations(const struct ts_simulator *sim)
{
        return sim->n_violations;
}

const char *ts_simulator_violation(const struct ts_simulator *sim, size_t i)
{
        assert(i < sim->n_violations);
        return sim->violations[i];
}

void ts_simulator_set_listener(struct ts_simulator *sim, const struct ts_sim_listener *listener)
{
        sim->listener = *listener;
}

void ts_sim_response_done(struct ts_sim_response *resp)
{
        ts_buf_done(&resp->body);
}

/* ------------------------------------------------------------------------------------------------ answers */

/* As ErrorBody of the specification. */
static void simulator_error_body(struct ts_sim_call *c, int status, const char *code, const char *message)
{
        struct ts_json_writer *w = ts_sim_ok(c);

        c->resp->status = status;
        ts_json_open_object(w);
        ts_json_add_string(w, "message", message);
        ts_json_add_string(w, "code", code);
        ts_json_add_int(w, "status", status);
        ts_json_add_string(w, "messageWithParams", message);
        ts_json_key(w, "messageParams");
        ts_json_open_object(w);
        ts_json_close_object(w);
        ts_json_add_string(w, "contextId", c->resp->correlation.s);
        ts_json_key(w, "details");
        ts_json_open_array(w);
        ts_json_close_array(w);
        ts_json_key(w, "errors");
        ts_json_open_array(w);
        ts_json_close_array(w);
        ts_json_close_object(w);
}

void ts_sim_fail(struct ts_sim_call *c, int status, const char *code, const char *fmt, ...)
{
        char message[512];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(message, sizeof(message), fmt, ap);
        va_end(ap);
        simulator_error_body(c, status, code, message);
}

void ts_sim_invalid(struct ts_sim_call *c, int status, const char *code, const char *fmt, ...)
{
        char message[512];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(message, sizeof(message), fmt, ap);
        va_end(ap);
        ts_sim_violation(c->sim, "not as the specification has it: %s %s: %s", c->req->method, c->req->target,
                         message);
        simulator_error_body(c, status, code, message);
}

struct ts_json_writer *ts_sim_ok(struct ts_sim_call *c)
{
        c->resp->status = 200;
        c->resp->content_type = "application/json";
        ts_buf_reset(&c->resp->body);
        c->w = (struct ts_json_writer) TS_JSON_WRITER_INIT(&c->resp->body, false);
        return &c->w;
}

void ts_sim_no_content(struct ts_sim_call *c)
{
        ts_buf_reset(&c->resp->body);
        c->resp->status = 204;
        c->resp->content_type = NULL;
}

const char *ts_sim_param(const struct ts_sim_call *c, const char *name)
{
        for (size_t i = 0; i < c->n_params; i++)
                if (strcmp(c->params[i].name, name) == 0)
                        return c->params[i].value;
        return NULL;
}

static void simulator_put_scalar(struct ts_json_writer *w, const struct ts_json *v)
{
        switch (v->type) {
        case TS_JSON_BOOL:
                ts_json_put_bool(w, v->boolean);
                break;
        case TS_JSON_INT:
                ts_json_put_int(w, v->integer);
                break;
        case TS_JSON_REAL:
                ts_json_put_int(w, (int64_t) v->real); /* no field of ours is real: for the log it will do */
                break;
        case TS_JSON_STRING:
                ts_json_put_string(w, v->string);
                break;
        case TS_JSON_NULL:
        case TS_JSON_ARRAY:
        case TS_JSON_OBJECT:
                ts_json_put_null(w);
                break;
        }
}

void ts_sim_put_json(struct ts_json_writer *w, const struct ts_json *v)
{
        bool is_object = v->type == TS_JSON_OBJECT;

        if (!is_object && v->type != TS_JSON_ARRAY) {
                simulator_put_scalar(w, v);
                return;
        }
        (is_object ? ts_json_open_object : ts_json_open_array)(w);
        TS_JSON_FOREACH (child, v) {
                if (is_object)
                        ts_json_key(w, child->key);
                ts_sim_put_json(w, child);
        }
        (is_object ? ts_json_close_object : ts_json_close_array)(w);
}

/* ----------------------------------------------------------------------------------------------- one call */

static int simulator_hex(char ch)
{
        if (ch >= '0' && ch <= '9')
                return ch - '0';
        ch = (char) (ch | 0x20);
        return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static const char *simulator_unescape(struct ts_arena *arena, const char *s, size_t len)
{
        char *text = ts_arena_strndup(arena, s, len), *out = text;

        for (const char *in = text; *in; in++) {
                if (*in == '%' && simulator_hex(in[1]) >= 0 && simulator_hex(in[2]) >= 0) {
                        *out++ = (char) (simulator_hex(in[1]) * 16 + simulator_hex(in[2]));
                        in += 2;
                } else {
                        *out++ = *in == '+' ? ' ' : *in;
                }
        }
        *out = '\0';
        return text;
}

static void simulator_split_target(struct ts_sim_call *c)
{
        const char *query = strchrnul(c->req->target, '?');
        size_t n = 1;

        c->path = ts_arena_strndup(&c->arena, c->req->target, (size_t) (query - c->req->target));
        if (!*query)
                return;
        for (const char *p = ++query; *p; p++)
                n += *p == '&';
        c->params = TS_ARENA_ARRAY(&c->arena, struct ts_sim_param, n);
        for (const char *p = query, *end; *p; p = *end ? end + 1 : end) {
                const char *equals;

                end = strchrnul(p, '&');
                equals = memchr(p, '=', (size_t) (end - p));
                c->params[c->n_params].name =
                                simulator_unescape(&c->arena, p, (size_t) ((equals ? equals : end) - p));
                c->params[c->n_params++].value = equals ? simulator_unescape(&c->arena, equals + 1,
                                                                             (size_t) (end - equals - 1))
                                                        : "";
        }
}

static bool simulator_has(const struct ts_world_client *client, const char *permission, size_t len)
{
        char name[128];

        if (client->all_permissions)
                return true;
        (void) snprintf(name, sizeof(name), "%.*s", (int) len, permission);
        for (size_t i = 0; i < client->n_permissions; i++)
                if (fnmatch(client->permissions[i], name, 0) == 0)
                        return true;
        return false;
}

/* "a|b" any, "a&b" all; a single permission is the case of both with one. */
static bool simulator_permits(struct ts_sim_call *c)
{
        const char *list = c->route->permission;
        bool any = list && strchr(list, '|');
        bool permitted = !any;

        if (!list)
                return true;
        for (const char *p = list, *end; *p; p = *end ? end + 1 : end) {
                bool has;

                end = p + strcspn(p, "|&");
                has = simulator_has(c->client, p, (size_t) (end - p));
                permitted = any ? permitted || has : permitted && has;
        }
        if (!permitted)
                ts_sim_fail(c, 403, any ? "missing.any.permissions" : "missing.permissions",
                            "Unable to perform the requested action. You are missing %s permission(s): %s",
                            any ? "at least one of the following" : "the following", list);
        return permitted;
}

/* Members of a trust are the trustor's affair: what the trustee's client may at home does not help there. */
static bool simulator_permits_in_trustor(struct ts_sim_call *c)
{
        if (!(c->route->flags & TS_SIM_IN_TRUSTOR) || c->client->trustor_members)
                return true;
        ts_sim_fail(c, 403, "missing.trustor.permissions",
                    "Unable to perform the requested action. You are missing the following permission(s) in "
                    "the "
                    "trustor organization: %s",
                    c->route->permission);
        return false;
}

static bool simulator_read_body(struct ts_sim_call *c)
{
        struct ts_err err = { 0 };
        size_t n = strcspn(c->req->content_type ? c->req->content_type : "", ";");

        if (!(c->route->flags & TS_SIM_HAS_BODY)) {
                if (c->req->body_len == 0)
                        return true;
                ts_sim_invalid(c, 400, "bad.request", "%s %s has no body.", c->req->method, c->path);
                return false;
        }
        if (n != strlen("application/json") ||
            strncasecmp(c->req->content_type, "application/json", n) != 0) {
                ts_sim_invalid(c, 415, "unsupported.media.type",
                               "The content type must be application/json.");
                return false;
        }
        if (c->req->body_len > TS_SIM_REQUEST_MAX_BYTES) {
                ts_sim_invalid(c, 413, "request.entity.too.large", "The request is over %u bytes.",
                               TS_SIM_REQUEST_MAX_BYTES);
                return false;
        }
        if (ts_json_parse(c->req->body, c->req->body_len, &c->arena, &c->body, &err) < 0) {
                ts_sim_invalid(c, 400, "bad.request", "The request could not be understood: %s", err.msg);
                return false;
        }
        return true;
}

static bool simulator_may_write(struct ts_sim_call *c)
{
        if (!(c->route->flags & TS_SIM_WRITES) || !c->sim->read_only)
                return true;
        ts_sim_violation(c->sim, "a write while nothing may be written: %s %s", c->req->method,
                         c->req->target);
        ts_sim_fail(c, 403, "not.authorized", "This simulator is read-only.");
        return false;
}

/* The read sees the past when a fault wants it so; a write is always about the present. */
static void simulator_carry_out(struct ts_sim_call *c)
{
        struct ts_world *w = c->sim->world;
        size_t n_back = c->fault && c->fault->stale > 0 ? (size_t) c->fault->stale : 0;

        if (!(c->route->flags & TS_SIM_WRITES))
                ts_world_rewind(w, n_back, ts_sim_boottime(c->sim));
        c->sim->writer_client = c->client;
        c->route->handle(c);
        c->sim->writer_client = NULL;
        ts_world_undo_rewind(w);
}

static void simulator_serve(struct ts_sim_call *c)
{
        if (!ts_sim_route_find(c) || !ts_sim_token_permits_rate(c) || !simulator_permits(c) ||
            !simulator_permits_in_trustor(c) || !ts_sim_route_check_query(c) || !simulator_read_body(c) ||
            !simulator_may_write(c))
                return;
        simulator_carry_out(c);
}

static const struct ts_fault *simulator_fault(struct ts_sim_call *c)
{
        const char *query = strchr(c->req->target, '?');
        struct ts_id_text id = { "" };
        struct ts_fault_request req = {
                .method = c->req->method,
                .path = c->path,
                .query = query ? query + 1 : "",
                .now_usec = ts_sim_boottime(c->sim),
        };

        if (!c->sim->script)
                return NULL;
        if (c->org) {
                id = ts_id_format(&c->org->id);
                req.organization_id = id.s;
                req.organization = c->org->name;
        }
        return ts_fault_script_next(c->sim->script, &req);
}

static void simulator_answer(struct ts_sim_call *c)
{
        bool is_token = ts_sim_token_is_request(c);
        bool authorized = !is_token && ts_sim_token_find(c);

        c->fault = simulator_fault(c);
        if (c->fault && c->fault->expire_token)
                ts_sim_token_expire(c);
        if (c->fault && ts_fault_prevents(c->fault))
                return;
        if (is_token)
                ts_sim_token_issue(c);
        else if (authorized && !(c->fault && c->fault->expire_token))
                simulator_serve(c);
        else
                ts_sim_token_refuse(c);
}

/* ---------------------------------------------------------------------------------------------------- log */

static void simulator_log_body(struct ts_sim_call *c, struct ts_json_writer *w)
{
        if (c->body) {
                ts_json_key(w, "body");
                ts_sim_put_json(w, c->body);
        } else if (c->req->body_len > 0 &&
                   !ts_sim_token_is_request(c)) { /* a token's body may hold a secret */
                ts_json_key(w, "body");
                ts_json_put_string(w, ts_arena_strndup(&c->arena, c->req->body, c->req->body_len));
        }
}

static void simulator_log(struct ts_sim_call *c)
{
        struct ts_simulator *sim = c->sim;
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&sim->line, false);
        const char *query = strchr(c->req->target, '?');

        if (sim->forgets_log && !sim->listener.on_log)
                return;
        ts_buf_reset(&sim->line);
        ts_json_open_object(&w);
        ts_json_add_int(&w, "n", (int64_t) sim->n_requests);
        ts_json_add_string(&w, "time", ts_time_format(c->resp->date).s);
        if (c->org)
                ts_json_add_string(&w, "organization", c->org->name);
        if (c->client)
                ts_json_add_string(&w, "client", c->client->id);
        ts_json_add_string(&w, "method", c->req->method);
        ts_json_add_string(&w, "path", c->path);
        if (query)
                ts_json_add_string(&w, "query", query + 1);
        simulator_log_body(c, &w);
        ts_json_add_int(&w, "status", c->resp->fate == TS_SIM_ANSWER ? c->resp->status : 0);
        if (c->fault)
                ts_json_add_string(&w, "fault", c->fault->label);
        ts_json_add_bool(&w, "writes", c->route && c->route->flags & TS_SIM_WRITES);
        ts_json_add_bool(&w, "effect", c->had_effect);
        ts_json_close_object(&w);
        ts_buf_putc(&sim->line, '\n');
        if (!sim->forgets_log && sim->log.len + sim->line.len < SIMULATOR_LOG_MAX_BYTES)
                ts_buf_put(&sim->log, sim->line.data, sim->line.len);
        if (sim->listener.on_log)
                sim->listener.on_log(ts_buf_text(&sim->line), sim->line.len, sim->listener.userdata);
}

void ts_simulator_handle(struct ts_simulator *sim, const struct ts_sim_request *req,
                         struct ts_sim_response *resp)
{
        struct ts_sim_call c = { .sim = sim, .req = req, .resp = resp };
        struct ts_id correlation = ts_sim_random_id(sim);

        *resp = (struct ts_sim_response){
                .body = TS_BUF_INIT(TS_SIM_BODY_MAX_BYTES),
                .correlation = ts_id_format(&correlation),
                .date = ts_sim_realtime(sim),
                .truncate_at = SIZE_MAX,
        };
        if (ts_sim_control_is(req->target)) {
                ts_sim_control_handle(sim, req, resp);
                return;
        }
        sim->n_requests++;
        simulator_split_target(&c);
        simulator_answer(&c);
        if (c.fault)
                ts_sim_mangle(&c);
        simulator_log(&c);
        while (c.n_ignored > 0)
                ts_world_trust_unref(c.ignored[--c.n_ignored]);
        free(c.ignored);
        ts_arena_done(&c.arena);
}
