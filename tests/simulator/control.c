#include "control.h"

#include <errno.h>
#include <string.h>

#include "fixture.h"

#define CONTROL_PREFIX "/__sim/"

/* -------------------------------------------------------------------------------------------------- edits */

/* One change by somebody else. */
struct edit {
        struct ts_simulator *sim;
        struct ts_world *w;
        struct ts_world_org *org;
        const struct ts_json *v;
        /* of the changes to a trust */
        struct ts_world_trust *next; /* a copy, to be changed */
        struct ts_world_member *member;
        const struct ts_world_party *by; /* NULL: nobody knows */
};

static int edit_error(struct ts_err *err, const char *what, const char *name)
{
        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "%s: '%s'", what, name ? name : "");
}

/* Whom the edit is about: what is named "user", or "group". NULL: neither. */
static const struct ts_json *edit_subject(const struct edit *e, enum ts_world_kind *ret_kind)
{
        const struct ts_json *user = ts_json_get(e->v, "user");

        *ret_kind = user ? TS_WORLD_USER : TS_WORLD_GROUP;
        return user ? user : ts_json_get(e->v, "group");
}

static const char *edit_subject_name(const struct edit *e, enum ts_world_kind *ret_kind)
{
        const struct ts_json *v = edit_subject(e, ret_kind);

        return v && v->type == TS_JSON_STRING ? v->string : NULL;
}

static int edit_find_member(struct edit *e, struct ts_err *err)
{
        enum ts_world_kind kind;
        const char *name = edit_subject_name(e, &kind);
        const struct ts_world_party *party = ts_fixture_find_party(e->w, e->next->trustee, kind, name);

        e->member = party ? ts_world_find_member(e->next, kind, &party->id) : NULL;
        return e->member ? 0 : edit_error(err, "no such member", name);
}

static int edit_add_member(struct edit *e, struct ts_err *err)
{
        enum ts_world_kind kind;
        const struct ts_json *v = edit_subject(e, &kind);
        struct ts_world_member *member;
        int r;

        if (!v || v->type != TS_JSON_OBJECT)
                return edit_error(err, "add_member: must be an object",
                                  kind == TS_WORLD_USER || !v ? "user" : "group");
        r = ts_fixture_read_member(e->w, e->org, e->next, kind, v, &member, err);
        if (r < 0)
                return r;
        if (!ts_json_get(v, "created"))
                member->created = ts_sim_realtime(e->sim);
        if (!member->created_by)
                member->created_by = e->by;
        return 0;
}

static int edit_remove_member(struct edit *e, struct ts_err *err)
{
        int r = edit_find_member(e, err);

        if (r >= 0)
                ts_world_trust_remove(e->next, e->member);
        return r;
}

static int edit_read_grants(struct edit *e, struct ts_arena *arena, struct ts_world_grants *ret,
                            struct ts_err *err)
{
        int r = edit_find_member(e, err);

        return r < 0 ? r : ts_fixture_read_grants(e->org, ts_json_get(e->v, "grants"), arena, ret, err);
}

static int edit_set_grants(struct edit *e, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_world_grants grants;
        int r = edit_read_grants(e, &arena, &grants, err);

        if (r >= 0)
                ts_world_member_set(e->member, &grants);
        return r;
}

/* The member's grants but those of @without, and those of @with (either may be NULL). */
static void edit_combine(struct edit *e, const struct ts_world_grants *without,
                         const struct ts_world_grants *with)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_world_grants *now = &e->member->grants;
        struct ts_world_grants grants = { 0 };

        grants.items = TS_ARENA_ARRAY(&arena, struct ts_world_grant, now->n + (with ? with->n : 0));
        for (size_t i = 0; i < now->n; i++)
                if (!without || !ts_world_grants_have(without, now->items[i]))
                        grants.items[grants.n++] = now->items[i];
        for (size_t i = 0; with && i < with->n; i++)
                grants.items[grants.n++] = with->items[i];
        ts_world_member_set(e->member, &grants);
}

static int edit_add_grants(struct edit *e, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_world_grants grants;
        int r = edit_read_grants(e, &arena, &grants, err);

        if (r >= 0)
                edit_combine(e, NULL, &grants);
        return r;
}

static int edit_remove_grants(struct edit *e, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_world_grants grants;
        int r = edit_read_grants(e, &arena, &grants, err);

        if (r >= 0)
                edit_combine(e, &grants, NULL);
        return r;
}

static int edit_set_trust(struct edit *e, struct ts_err *err)
{
        bool enabled = e->next->enabled;
        int r;

        if (ts_json_get(e->v, "expires")) {
                r = ts_fixture_read_time(e->v, "expires", &e->next->expires, err);
                if (r < 0)
                        return r;
        }
        (void) ts_json_get_bool(e->v, "enabled", &enabled);
        if (e->next->enabled && !enabled)
                e->next->disabled_since = ts_sim_realtime(e->sim);
        else if (enabled)
                e->next->disabled_since = TS_TIME_UNSET;
        e->next->enabled = enabled;
        return 0;
}

static int edit_remove_trust(struct edit *e, struct ts_err *err)
{
        (void) err;
        ts_world_trust_unref(e->next);
        e->next = NULL;
        return 0;
}

static int edit_add_trust(struct edit *e, struct ts_err *err)
{
        const struct ts_json *v = ts_json_get_object(e->v, "trust");
        struct ts_world_trust *trust;
        size_t slot;
        int r;

        if (!v)
                return edit_error(err, "add_trust: must be an object", "trust");
        r = ts_fixture_read_trust(e->w, e->org, v, &slot, &trust, err);
        if (r < 0)
                return r;
        if (!ts_json_get(v, "created"))
                trust->created = ts_sim_realtime(e->sim);
        if (!trust->created_by)
                trust->created_by = e->by;
        ts_world_commit_edit(e->w, e->org, slot, trust);
        return 0;
}

static int edit_find_role(struct edit *e, uint32_t *ret, struct ts_err *err)
{
        const char *name = ts_json_get_string(e->v, "role");

        *ret = ts_fixture_find_role(e->org, name);
        return *ret == TS_MAP_NONE ? edit_error(err, "no such role", name) : 0;
}

static int edit_add_role(struct edit *e, struct ts_err *err)
{
        const struct ts_json *v = ts_json_get(e->v, "role");

        return v ? ts_fixture_read_role(e->w, e->org, v, err)
                 : edit_error(err, "add_role: is missing", "role");
}

static int edit_remove_role(struct edit *e, struct ts_err *err)
{
        uint32_t role;
        int r = edit_find_role(e, &role, err);

        if (r >= 0)
                ts_world_remove_role(e->org, role);
        return r;
}

static int edit_rename_role(struct edit *e, struct ts_err *err)
{
        const char *to = ts_json_get_string(e->v, "to");
        uint32_t role;
        int r = edit_find_role(e, &role, err);

        if (r >= 0 && !to)
                r = edit_error(err, "rename_role: is missing", "to");
        if (r >= 0)
                ts_world_rename_role(e->w, e->org, role, to);
        return r;
}

static int edit_add_user(struct edit *e, struct ts_err *err)
{
        const struct ts_json *v = ts_json_get_object(e->v, "user");
        struct ts_world_party *user;

        return v ? ts_fixture_read_user(e->w, e->org, v, &user, err)
                 : edit_error(err, "add_user: must be an object", "user");
}

static int edit_set_user(struct edit *e, struct ts_err *err)
{
        const char *name = ts_json_get_string(e->v, "user"), *email = ts_json_get_string(e->v, "email");
        const char *state = ts_json_get_string(e->v, "state");
        struct ts_world_party *user = ts_fixture_find_party(e->w, e->org, TS_WORLD_USER, name);

        if (!user)
                return edit_error(err, "no such user of the organization", name);
        if (state && !ts_world_state_from_string(state, &user->state))
                return edit_error(err, "no such user state", state);
        if (email)
                user->email = ts_arena_strdup(&e->w->arena, email);
        return 0;
}

static int edit_add_group(struct edit *e, struct ts_err *err)
{
        const struct ts_json *v = ts_json_get_object(e->v, "group");
        struct ts_world_party *group;

        return v ? ts_fixture_read_group(e->w, e->org, v, &group, err)
                 : edit_error(err, "add_group: must be an object", "group");
}

/* The user of the trustee that is named. NULL: there is none, and the error says so. */
static struct ts_world_party *edit_find_user(struct edit *e, struct ts_err *err)
{
        const char *name = ts_json_get_string(e->v, "user");
        struct ts_world_party *user = ts_fixture_find_party(e->w, e->next->trustee, TS_WORLD_USER, name);

        if (!user)
                (void) edit_error(err, "no such user of the trustee", name);
        return user;
}

static int edit_add_clone(struct edit *e, struct ts_err *err)
{
        struct ts_world_party *user = edit_find_user(e, err);

        if (!user)
                return -EINVAL;
        if (ts_world_has_clone(e->next, &user->id))
                return edit_error(err, "a clone already", user->email);
        ts_world_trust_add_clone(e->next, user);
        return 0;
}

static int edit_remove_clone(struct edit *e, struct ts_err *err)
{
        const struct ts_world_party *user = edit_find_user(e, err);

        if (!user)
                return -EINVAL;
        if (!ts_world_has_clone(e->next, &user->id))
                return edit_error(err, "no such clone", user->email);
        ts_world_trust_remove_clone(e->next, &user->id);
        return 0;
}

static int edit_add_pairing(struct edit *e, struct ts_err *err)
{
        const struct ts_json *v = ts_json_get_object(e->v, "pairing");
        struct ts_world_pairing *p;
        int r;

        if (!v)
                return edit_error(err, "add_pairing: must be an object", "pairing");
        r = ts_fixture_read_pairing(e->w, e->org, v, err);
        if (r < 0)
                return r;
        p = e->w->pairings[e->w->n_pairings - 1];
        if (p->created == TS_TIME_NEVER)
                p->created = ts_sim_realtime(e->sim);
        return 0;
}

static const struct edit_kind {
        const char *name;
        bool on_trust; /* it changes e->next, which is committed then */
        int (*run)(struct edit *e, struct ts_err *err);
} edit_kinds[] = {
        { "add_member", true, edit_add_member },       { "remove_member", true, edit_remove_member },
        { "set_grants", true, edit_set_grants },       { "add_grants", true, edit_add_grants },
        { "remove_grants", true, edit_remove_grants }, { "set_trust", true, edit_set_trust },
        { "remove_trust", true, edit_remove_trust },   { "add_trust", false, edit_add_trust },
        { "add_role", false, edit_add_role },          { "remove_role", false, edit_remove_role },
        { "rename_role", false, edit_rename_role },    { "add_user", false, edit_add_user },
        { "set_user", false, edit_set_user },          { "add_group", false, edit_add_group },
        { "add_clone", true, edit_add_clone },         { "remove_clone", true, edit_remove_clone },
        { "add_pairing", false, edit_add_pairing },
};

static const struct edit_kind *edit_find_kind(const char *name)
{
        for (size_t i = 0; name && i < TS_N_ELEMENTS(edit_kinds); i++)
                if (strcmp(edit_kinds[i].name, name) == 0)
                        return &edit_kinds[i];
        return NULL;
}

static int edit_trust(struct edit *e, const struct edit_kind *kind, struct ts_err *err)
{
        const char *name = ts_json_get_string(e->v, "trust");
        const struct ts_world_org *trustee = ts_fixture_find_org(e->w, name);
        size_t slot = trustee ? ts_world_find_slot(e->org, &trustee->id) : SIZE_MAX;
        int r;

        if (slot == SIZE_MAX || !e->org->slots[slot].now)
                return edit_error(err, "no such trust", name);
        e->next = ts_world_trust_copy(e->org->slots[slot].now);
        r = kind->run(e, err);
        if (r < 0)
                ts_world_trust_unref(e->next);
        else
                ts_world_commit_edit(e->w, e->org, slot, e->next);
        return r;
}

/* A user of the organization, or of any other one. */
static int edit_find_by(struct edit *e, struct ts_err *err)
{
        const char *name = ts_json_get_string(e->v, "by");

        if (!name)
                return 0;
        e->by = ts_fixture_find_party(e->w, e->org, TS_WORLD_USER, name);
        for (size_t i = 0; !e->by && i < e->w->n_orgs; i++)
                e->by = ts_fixture_find_party(e->w, e->w->orgs[i], TS_WORLD_USER, name);
        return e->by ? 0 : edit_error(err, "no such user", name);
}

static int edit_one(struct ts_simulator *sim, const struct ts_json *v, struct ts_err *err)
{
        const char *name = ts_json_get_string(v, "organization"), *what = ts_json_get_string(v, "do");
        struct edit e = { .sim = sim, .w = sim->world, .v = v };
        const struct edit_kind *kind = edit_find_kind(what);
        int r;

        e.org = ts_fixture_find_org(sim->world, name);
        if (!e.org)
                return edit_error(err, "no such organization", name);
        if (!kind)
                return edit_error(err, "nothing is done by", what);
        r = edit_find_by(&e, err);
        if (r < 0)
                return r;
        sim->editor = e.by;
        r = kind->on_trust ? edit_trust(&e, kind, err) : kind->run(&e, err);
        sim->editor = NULL;
        return r;
}

int ts_sim_edit(struct ts_simulator *sim, const struct ts_json *v, struct ts_err *err)
{
        int r;

        if (v->type != TS_JSON_ARRAY)
                return edit_one(sim, v, err);
        TS_JSON_FOREACH (child, v) {
                r = edit_one(sim, child, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------ under /__sim/ */

struct control {
        struct ts_simulator *sim;
        const struct ts_sim_request *req;
        struct ts_sim_response *resp;
        struct ts_json_writer w;
};

static void control_get_log(struct control *c)
{
        const struct ts_buf *log = ts_simulator_log(c->sim);

        c->resp->content_type = "application/x-ndjson";
        ts_buf_put(&c->resp->body, ts_buf_text(log), log->len);
}

static void control_get_violations(struct control *c)
{
        ts_json_open_object(&c->w);
        ts_json_key(&c->w, "violations");
        ts_json_open_array(&c->w);
        for (size_t i = 0; i < ts_simulator_n_violations(c->sim); i++)
                ts_json_put_string(&c->w, ts_simulator_violation(c->sim, i));
        ts_json_close_array(&c->w);
        ts_json_close_object(&c->w);
}

static void control_get_state(struct control *c)
{
        ts_simulator_state(c->sim, &c->resp->body);
}

static void control_get_requests(struct control *c)
{
        ts_json_open_object(&c->w);
        ts_json_add_int(&c->w, "requests", (int64_t) ts_simulator_n_requests(c->sim));
        ts_json_close_object(&c->w);
}

static int control_set_faults(struct control *c, struct ts_err *err)
{
        return ts_simulator_set_faults(c->sim, c->req->body, c->req->body_len, err);
}

static int control_set_invariants(struct control *c, struct ts_err *err)
{
        return ts_simulator_set_invariants(c->sim, c->req->body, c->req->body_len, err);
}

static int control_edit(struct control *c, struct ts_err *err)
{
        return ts_simulator_edit(c->sim, c->req->body, c->req->body_len, err);
}

static int control_advance(struct control *c, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *v;
        int64_t seconds;
        int r;

        r = ts_json_parse(c->req->body, c->req->body_len, &arena, &v, err);
        if (r < 0)
                return r;
        if (!ts_json_get_int(v, "advance", &seconds) || seconds < 0)
                return edit_error(err, "time only goes forward, by a number of seconds", "advance");
        ts_simulator_advance(c->sim, (uint64_t) seconds);
        return 0;
}

static int control_reset(struct control *c, struct ts_err *err)
{
        (void) err;
        ts_simulator_reset(c->sim);
        return 0;
}

static const struct control_verb {
        const char *method, *name;
        void (*get)(struct control *c);
        int (*post)(struct control *c, struct ts_err *err);
} control_verbs[] = {
        { "GET", "log", control_get_log, NULL },
        { "GET", "violations", control_get_violations, NULL },
        { "GET", "state", control_get_state, NULL },
        { "GET", "requests", control_get_requests, NULL },
        { "POST", "faults", NULL, control_set_faults },
        { "POST", "invariants", NULL, control_set_invariants },
        { "POST", "edit", NULL, control_edit },
        { "POST", "time", NULL, control_advance },
        { "POST", "reset", NULL, control_reset },
};

bool ts_sim_control_is(const char *target)
{
        return strncmp(target, CONTROL_PREFIX, strlen(CONTROL_PREFIX)) == 0;
}

static const struct control_verb *control_find(const struct ts_sim_request *req)
{
        for (size_t i = 0; i < TS_N_ELEMENTS(control_verbs); i++)
                if (strcmp(control_verbs[i].method, req->method) == 0 &&
                    strcmp(control_verbs[i].name, req->target + strlen(CONTROL_PREFIX)) == 0)
                        return &control_verbs[i];
        return NULL;
}

static void control_answer(struct control *c, int status, const char *message)
{
        c->resp->status = status;
        ts_json_open_object(&c->w);
        ts_json_add_string(&c->w, "message", message);
        ts_json_close_object(&c->w);
}

/* With the number of requests before it: where an edit lies among them is what a later question cannot tell.
 */
static void control_answer_edit(struct control *c)
{
        ts_json_open_object(&c->w);
        ts_json_add_string(&c->w, "message", "done");
        ts_json_add_int(&c->w, "requests", (int64_t) ts_simulator_n_requests(c->sim));
        ts_json_close_object(&c->w);
}

void ts_sim_control_handle(struct ts_simulator *sim, const struct ts_sim_request *req,
                           struct ts_sim_response *resp)
{
        const struct control_verb *verb = control_find(req);
        struct control c = {
                .sim = sim,
                .req = req,
                .resp = resp,
                .w = TS_JSON_WRITER_INIT(&resp->body, false),
        };
        struct ts_err err = { 0 };

        resp->status = 200;
        resp->content_type = "application/json";
        if (!verb)
                control_answer(&c, 404, "there is no such control");
        else if (verb->get)
                verb->get(&c);
        else if (verb->post(&c, &err) < 0)
                control_answer(&c, 400, err.msg);
        else if (verb->post == control_edit)
                control_answer_edit(&c);
        else
                control_answer(&c, 200, "done");
}
