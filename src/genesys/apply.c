#include "genesys/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json/writer.h"
#include "util/limits.h"
#include "util/mem.h"

/* Objects between whose fresh read and write nothing else is done: as many as are in flight at once. */
#define CHUNK 8u
/* A member that was read just now and is not found by the write: the authorization service has not heard of
 * it yet. */
#define RETRIES_MAX 3u
#define VERIFY_BATCH 64u

#define NO_OP TS_OP_MAX_

/* The order of everything, over all trusts. */
enum step {
        STEP_CLOSE,
        STEP_REMOVE,
        STEP_REDUCE,
        STEP_ASK, /* pairing requests */
        STEP_CREATE,
        STEP_ADD,
        STEP_OPEN,
        STEP_MAX_,
};

struct apply {
        struct ts_client *client;
        struct ts_plan *plan;
        struct ts_live *live;
        const struct ts_apply_options *options;
        enum ts_subject_reads subjects;
        bool denied[TS_OP_MAX_]; /* a 403 was reported in full */
};

enum job_state {
        JOB_LOOK, /* to be read before it is written */
        JOB_WRITE,
        JOB_ASK, /* the answer of its POST was lost */
        JOB_ENDED,
};

/* One change on its way. */
struct job {
        struct ts_change *change;
        enum job_state state;
        enum ts_operation op; /* the last call */
        struct ts_buf body;
        bool is_repeated; /* after its answer was lost */
        unsigned n_retries;
        const char *failure; /* of the last try */
};

/* --------------------------------------------------------------------------------------------- operations */

static enum ts_collection collection_of(const struct ts_change *c)
{
        return c->kind == TS_KIND_GROUP ? TS_GROUPS : c->kind == TS_KIND_CLONE ? TS_CLONES : TS_USERS;
}

static enum ts_operation member_op(const struct ts_change *c, enum ts_member_verb verb)
{
        return ts_operation_of_members(c->direction, collection_of(c), verb);
}

static enum ts_operation write_op(const struct ts_change *c)
{
        switch (c->action) {
        case TS_TRUST_CREATE:
                return c->direction == TS_TRUSTEE ? TS_OP_CREATE_TRUSTEE : NO_OP;
        case TS_TRUST_UPDATE:
        case TS_TRUST_ENABLE:
        case TS_TRUST_DISABLE:
                return c->direction == TS_TRUSTEE ? TS_OP_UPDATE_TRUSTEE : NO_OP;
        case TS_TRUST_DELETE:
                return c->direction == TS_TRUSTEE ? TS_OP_DELETE_TRUSTEE : TS_OP_LEAVE_TRUSTOR;
        case TS_USER_ADD:
        case TS_GROUP_ADD:
        case TS_CLONE_ADD:
                return member_op(c, TS_MEMBER_ADD);
        case TS_USER_UPDATE:
        case TS_GROUP_UPDATE:
                return member_op(c, c->n_after > 0 ? TS_MEMBER_SET_GRANTS : TS_MEMBER_CLEAR_GRANTS);
        case TS_USER_REMOVE:
        case TS_GROUP_REMOVE:
        case TS_CLONE_REMOVE:
                return member_op(c, TS_MEMBER_REMOVE);
        case TS_PAIRING_CREATE:
                return TS_OP_CREATE_PAIRING;
        case TS_CARE_CREATE:
                return ts_operation_create_care(c->assign_default_role, c->auto_expire);
        case TS_ACTION_MAX_:
                break;
        }
        return NO_OP;
}

static bool is_member_add(const struct ts_change *c)
{
        return c->action == TS_USER_ADD || c->action == TS_GROUP_ADD || c->action == TS_CLONE_ADD;
}

static bool is_member_remove(const struct ts_change *c)
{
        return c->action == TS_USER_REMOVE || c->action == TS_GROUP_REMOVE || c->action == TS_CLONE_REMOVE;
}

static bool is_grants_update(const struct ts_change *c)
{
        return c->action == TS_USER_UPDATE || c->action == TS_GROUP_UPDATE;
}

/* The read that tells whether a member, or a trust, is there. */
static enum ts_operation presence_op(const struct ts_change *c)
{
        enum ts_operation op;

        if (c->action == TS_CARE_CREATE)
                return TS_OP_GET_CARE_DEFAULT;
        if (c->kind == TS_KIND_TRUST)
                return c->direction == TS_TRUSTEE ? TS_OP_GET_TRUSTEE : TS_OP_GET_TRUSTOR;
        op = member_op(c, TS_MEMBER_GET);
        return op == NO_OP ? member_op(c, TS_MEMBERS_LIST) : op; /* a trustee's clones */
}

static struct ts_call call_of(enum ts_operation op, const struct ts_change *c)
{
        struct ts_call call = { .op = op, .ids = { c->trust_id, c->subject_id } };

        if (op == TS_OP_GET_SUBJECT)
                call.ids[0] = c->subject_id;
        return call;
}

void ts_apply_describe(const struct ts_change *change, struct ts_buf *out)
{
        enum ts_operation op = write_op(change);
        struct ts_call call;

        if (op == NO_OP)
                return; /* the API cannot do that from our side */
        call = call_of(op, change);
        ts_operation_describe(op, call.ids, ts_operation_info(op)->n_ids, out);
}

/* ------------------------------------------------------------------------------------------------- bodies */

static void put_grants(struct ts_json_writer *w, const struct ts_catalog *catalog,
                       const struct ts_grant *grants, size_t n)
{
        ts_json_open_object(w);
        ts_json_key(w, "grants");
        ts_json_open_array(w);
        for (size_t i = 0; i < n; i++) {
                ts_json_open_object(w);
                ts_json_add_id(w, "roleId", &catalog->roles[grants[i].role].id);
                if (grants[i].division == TS_DIVISION_ALL)
                        ts_json_add_string(w, "divisionId", "*");
                else
                        ts_json_add_id(w, "divisionId", &catalog->divisions[grants[i].division].id);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        ts_json_close_object(w);
}

static void put_member(struct ts_json_writer *w, const struct ts_catalog *catalog, const struct ts_change *c)
{
        ts_json_open_object(w);
        ts_json_add_id(w, "id", &c->subject_id);
        if (c->n_after > 0) {
                ts_json_key(w, "roleDivisions");
                put_grants(w, catalog, c->grants_after, c->n_after);
        }
        ts_json_close_object(w);
}

/* Both members always: what is left out may be cleared. */
static void add_attributes(struct ts_json_writer *w, const struct ts_trust_attributes *a)
{
        ts_json_add_bool(w, "enabled", a->enabled);
        ts_json_add_string(w, "dateExpired",
                           a->expires == TS_TIME_NEVER ? NULL : ts_time_format_api(a->expires).s);
}

static void add_ids(struct ts_json_writer *w, const char *key, const struct ts_id *ids, size_t n)
{
        ts_json_key(w, key);
        ts_json_open_array(w);
        for (size_t i = 0; i < n; i++)
                ts_json_put_id(w, &ids[i]);
        ts_json_close_array(w);
}

/* Trusts are contiguous in a plan. */
static bool is_of_same_trust(const struct ts_change *a, const struct ts_change *b)
{
        return a->direction == b->direction && ts_id_equal(&a->trust_id, &b->trust_id);
}

/* A trust is created together with its members, which are changes of their own behind it. */
static struct ts_change *next_first_member(const struct apply *a, struct ts_change *c,
                                           const struct ts_change *create)
{
        const struct ts_change *end = a->plan->changes + a->plan->n_changes;

        for (c++; c < end && is_of_same_trust(c, create); c++)
                if (is_member_add(c) && ts_change_is_planned(c))
                        return c;
        return NULL;
}

static void add_first_members(struct ts_json_writer *w, const struct apply *a, const char *key,
                              struct ts_change *create, enum ts_action action)
{
        ts_json_key(w, key);
        ts_json_open_array(w);
        for (struct ts_change *c = next_first_member(a, create, create); c;
             c = next_first_member(a, c, create))
                if (c->action == action)
                        put_member(w, &a->live->catalog, c);
        ts_json_close_array(w);
}

static void put_body(const struct apply *a, struct job *j)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&j->body, false);
        struct ts_change *c = j->change;

        if (is_member_add(c) && c->direction == TS_TRUSTEE) {
                put_member(&w, &a->live->catalog, c);
        } else if (is_grants_update(c) && c->n_after > 0) {
                put_grants(&w, &a->live->catalog, c->grants_after, c->n_after);
        } else if (j->op == TS_OP_UPDATE_TRUSTEE) {
                ts_json_open_object(&w);
                add_attributes(&w, &c->after);
                ts_json_close_object(&w);
        } else if (j->op == TS_OP_CREATE_TRUSTEE) {
                ts_json_open_object(&w);
                ts_json_add_id(&w, "pairingId", &c->pairing_id);
                add_attributes(&w, &c->after);
                add_first_members(&w, a, "users", c, TS_USER_ADD);
                add_first_members(&w, a, "groups", c, TS_GROUP_ADD);
                ts_json_close_object(&w);
        } else if (j->op == TS_OP_CREATE_PAIRING) {
                ts_json_open_object(&w);
                add_ids(&w, "userIds", c->pairing_users, c->n_pairing_users);
                add_ids(&w, "groupIds", c->pairing_groups, c->n_pairing_groups);
                ts_json_close_object(&w);
        }
}

/* ----------------------------------------------------------------------------------------------- outcomes */

#define NOTE(a, ...) ts_arena_printf(&(a)->plan->arena, __VA_ARGS__)

static void change_end(struct apply *a, struct ts_change *c, enum ts_result result, const char *note)
{
        c->result = result;
        if (note)
                c->note = note;
        a->options->on_change(a->plan, c, a->options->userdata);
}

static void job_end(struct apply *a, struct job *j, enum ts_result result, const char *note)
{
        j->state = JOB_ENDED;
        change_end(a, j->change, result, note);
}

/* Why a call failed; a missing permission is explained once. */
static const char *why_failed(struct apply *a, enum ts_operation op, const struct ts_call_result *result)
{
        const char *permission = ts_operation_info(op)->permission;

        if (result->verdict == TS_VERDICT_DENIED) {
                if (a->denied[op] && permission)
                        return NOTE(a, "refused as well (403): the client needs the permission %s",
                                    permission);
                a->denied[op] = true;
        }
        return ts_arena_strdup(&a->plan->arena, result->err.msg);
}

static void take_answer(struct apply *a, struct ts_change *c, const struct ts_call_result *result)
{
        c->http_status = result->status;
        if (result->verdict != TS_VERDICT_OK && result->correlation[0] != '\0')
                c->correlation = ts_arena_strdup(&a->plan->arena, result->correlation);
}

/* ----------------------------------------------------------------------------------------- sets of grants */

struct grant_set {
        struct ts_grant *items;
        size_t n;
};

static bool sets_equal(const struct grant_set *x, const struct grant_set *y)
{
        if (x->n != y->n)
                return false;
        for (size_t i = 0; i < x->n; i++)
                if (ts_grant_compare(&x->items[i], &y->items[i]) != 0)
                        return false;
        return true;
}

static int grant_compare_void(const void *x, const void *y)
{
        return ts_grant_compare(x, y);
}

static bool set_has(const struct grant_set *s, const struct ts_grant *g)
{
        return s->n > 0 && bsearch(g, s->items, s->n, sizeof(*g), grant_compare_void);
}

/* A set, or what can be seen of it where an answer has roles only: each role once. */
static struct grant_set set_of(const struct ts_grant *grants, size_t n, bool roles_only,
                               struct ts_arena *arena)
{
        struct grant_set s = { ts_arena_memdup(arena, grants, n * sizeof(*grants)), n };

        for (size_t i = 0; roles_only && i < n; i++)
                s.items[i].division = TS_DIVISION_ALL;
        s.n = ts_grants_normalise(s.items, n);
        return s;
}

static int read_set(struct apply *a, const struct ts_change *c, enum ts_operation op,
                    const struct ts_json *json, struct ts_arena *arena, struct grant_set *ret,
                    struct ts_err *err)
{
        uint32_t *roles;
        int r;

        if (op == TS_OP_GET_SUBJECT)
                return ts_read_subject(json, &c->subject_id, a->live, arena, &ret->items, &ret->n, err);
        r = ts_read_roles(json, a->live, arena, &roles, &ret->n, err);
        if (r < 0)
                return r;
        ret->items = TS_ARENA_ARRAY(arena, struct ts_grant, ret->n);
        for (size_t i = 0; i < ret->n; i++)
                ret->items[i].role = roles[i];
        return 0;
}

/* --------------------------------------------------------------------------- fresh reads: is it the same? */

enum seen {
        SEEN_SAME,    /* as the plan was made from */
        SEEN_DONE,    /* as it should become */
        SEEN_ANOTHER, /* neither */
        SEEN_NOTHING, /* the read failed */
};

static const char drifted[] = "it was changed by somebody else in the meantime: nothing was written, the "
                              "next cycle decides";

static bool same_time(int64_t a, int64_t b)
{
        return a == b || a == TS_TIME_UNSET || b == TS_TIME_UNSET;
}

static bool has_attributes(const struct ts_trust *t, const struct ts_trust_attributes *a)
{
        return t->enabled == a->enabled && t->expires == a->expires;
}

static enum seen look_at_trust(struct apply *a, const struct ts_change *c, const struct ts_json *json,
                               struct ts_arena *arena, struct ts_err *err)
{
        const struct ts_trust *planned = ts_live_find_trust(a->live, c->direction, &c->trust_id);
        struct ts_trust t;

        if (ts_read_trust(json, c->direction, arena, &t, err) < 0)
                return SEEN_NOTHING;
        if (!ts_id_equal(&t.id, &c->trust_id) || (planned && !same_time(t.created, planned->created)))
                return SEEN_ANOTHER;
        if (has_attributes(&t, &c->before))
                return SEEN_SAME;
        return c->action != TS_TRUST_DELETE && has_attributes(&t, &c->after) ? SEEN_DONE : SEEN_ANOTHER;
}

static const struct ts_json *find_entity(const struct ts_json *json, const struct ts_id *id)
{
        const struct ts_json *list = ts_json_get_array(json, "entities");
        struct ts_id found;

        for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next)
                if (ts_json_get_id(v, "id", &found) && ts_id_equal(&found, id))
                        return v;
        return NULL;
}

static bool is_clone_list(enum ts_operation op)
{
        return op == TS_OP_LIST_TRUSTEE_CLONES;
}

/* A member that was removed and added again since is another one, and so is one with another address. */
static enum seen look_at_member(struct apply *a, const struct ts_change *c, const struct ts_json *json,
                                struct ts_arena *arena, struct ts_err *err)
{
        const struct ts_trust *trust = ts_live_find_trust(a->live, c->direction, &c->trust_id);
        const struct ts_member *planned =
                        trust ? ts_members_find(&trust->collections[collection_of(c)], &c->subject_id) : NULL;
        struct ts_member m;

        if (ts_read_member(json, c->kind, arena, &m, err) < 0)
                return SEEN_NOTHING;
        if (!ts_id_equal(&m.id, &c->subject_id) || !planned || !same_time(m.created, planned->created))
                return SEEN_ANOTHER;
        if ((m.email || planned->email) && !ts_equal_fold(m.email, planned->email))
                return SEEN_ANOTHER;
        return SEEN_SAME;
}

static enum seen look_at_grants(struct apply *a, const struct ts_change *c, enum ts_operation op,
                                const struct ts_json *json, struct ts_arena *arena, struct ts_err *err)
{
        bool roles_only = op != TS_OP_GET_SUBJECT;
        struct grant_set before = set_of(c->grants_before, c->n_before, roles_only, arena);
        struct grant_set after = set_of(c->grants_after, c->n_after, false, arena);
        struct grant_set now = { 0 };

        if (json && read_set(a, c, op, json, arena, &now, err) < 0)
                return SEEN_NOTHING;
        if (sets_equal(&now, &before))
                return SEEN_SAME;
        return !roles_only && sets_equal(&now, &after) ? SEEN_DONE : SEEN_ANOTHER;
}

/* How an object is read before it is written; NO_OP: it need not be. Who is to hold nothing so far is asked
 * by its roles, because no roles are no grants in any case. */
static enum ts_operation look_op(const struct apply *a, const struct ts_change *c)
{
        if (is_member_add(c) || c->action == TS_TRUST_CREATE || c->action == TS_CARE_CREATE)
                return NO_OP;
        if (!is_grants_update(c))
                return presence_op(c);
        if (c->n_before == 0 || a->subjects == TS_SUBJECT_READS_UNUSABLE)
                return member_op(c, TS_MEMBER_GET_ROLES);
        return TS_OP_GET_SUBJECT;
}

static void job_seen(struct apply *a, struct job *j, enum seen seen, const struct ts_err *err)
{
        switch (seen) {
        case SEEN_SAME:
                j->state = JOB_WRITE;
                break;
        case SEEN_DONE:
                job_end(a, j, TS_APPLIED, "somebody else has done it already: nothing was written");
                break;
        case SEEN_ANOTHER:
                job_end(a, j, TS_WAITING, drifted);
                break;
        case SEEN_NOTHING:
                job_end(a, j, TS_FAILED,
                        NOTE(a, "it could not be read again before the change: %s", err->msg));
                break;
        }
}

static enum seen judge_look(struct apply *a, const struct job *j, const struct ts_call_result *result,
                            struct ts_arena *arena, struct ts_err *err)
{
        const struct ts_change *c = j->change;
        const struct ts_json *json = result->json;
        bool gone = result->verdict == TS_VERDICT_GONE;

        if (result->verdict != TS_VERDICT_OK && !gone) {
                (void) ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "%s", why_failed(a, j->op, result));
                return SEEN_NOTHING;
        }
        if (is_grants_update(c)) {
                if (gone && j->op != TS_OP_GET_SUBJECT)
                        return SEEN_ANOTHER; /* no member any more */
                return look_at_grants(a, c, j->op, gone ? NULL : json, arena, err);
        }
        if (is_clone_list(j->op) && !gone) {
                if (!ts_json_get_array(json, "entities")) {
                        (void) ts_err_set(err, TS_ERR_REMOTE, -EBADMSG,
                                          "the list of clones has no 'entities'");
                        return SEEN_NOTHING;
                }
                json = find_entity(json, &c->subject_id);
                gone = !json;
        }
        if (gone)
                return c->action == TS_TRUST_DELETE || is_member_remove(c) ? SEEN_DONE : SEEN_ANOTHER;
        return c->kind == TS_KIND_TRUST ? look_at_trust(a, c, json, arena, err)
                                        : look_at_member(a, c, json, arena, err);
}

/*
 * authorization/subjects has not proved itself in this cycle (the grants were swept by role), and it says
 * something else than the sweep: either the grants have changed, or it cannot be believed for members of
 * trusts. The roles tell.
 */
static int judge_by_roles(struct apply *a, struct job *j, const struct ts_call_result *subject,
                          struct ts_arena *arena, enum seen *seen, struct ts_err *why, struct ts_err *err)
{
        const struct ts_change *c = j->change;
        struct grant_set by_subject = { 0 }, by_roles = { 0 };
        struct ts_call_result result;
        struct ts_err ignored = { 0 };
        struct ts_call call;
        struct ts_batch batch = { .calls = &call, .n = 1, .results = &result, .arena = arena };
        int r;

        j->op = member_op(c, TS_MEMBER_GET_ROLES);
        call = call_of(j->op, c);
        r = ts_client_run(a->client, &batch, err);
        if (r < 0)
                return r;

        if (result.verdict == TS_VERDICT_OK && subject->verdict == TS_VERDICT_OK &&
            read_set(a, c, j->op, result.json, arena, &by_roles, &ignored) >= 0 &&
            read_set(a, c, TS_OP_GET_SUBJECT, subject->json, arena, &by_subject, &ignored) >= 0) {
                by_subject = set_of(by_subject.items, by_subject.n, true, arena);
                if (by_roles.n > 0 && sets_equal(&by_roles, &by_subject)) {
                        a->subjects = TS_SUBJECT_READS_PROVEN;
                        return 0; /* as the subject says */
                }
        }
        a->subjects = TS_SUBJECT_READS_UNUSABLE;
        *seen = judge_look(a, j, &result, arena, why);
        return 0;
}

static int take_look(struct apply *a, struct job *j, const struct ts_call_result *result,
                     struct ts_arena *arena, struct ts_err *err)
{
        struct ts_err why = { 0 };
        enum seen seen;
        int r;

        take_answer(a, j->change, result);
        seen = judge_look(a, j, result, arena, &why);
        if (j->op == TS_OP_GET_SUBJECT && a->subjects == TS_SUBJECT_READS_UNKNOWN) {
                if (seen == SEEN_SAME) {
                        a->subjects = TS_SUBJECT_READS_PROVEN;
                } else {
                        r = judge_by_roles(a, j, result, arena, &seen, &why, err);
                        if (r < 0)
                                return r;
                }
        }
        job_seen(a, j, seen, &why);
        return 0;
}

static int look(struct apply *a, struct job *jobs, size_t n, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_call calls[CHUNK];
        struct ts_call_result results[CHUNK];
        struct job *owners[CHUNK];
        struct ts_batch batch = { .calls = calls, .results = results, .arena = &arena };
        int r;

        for (size_t i = 0; i < n; i++) {
                if (jobs[i].state != JOB_LOOK)
                        continue;
                jobs[i].op = look_op(a, jobs[i].change);
                owners[batch.n] = &jobs[i];
                calls[batch.n++] = call_of(jobs[i].op, jobs[i].change);
        }
        if (batch.n == 0)
                return 0;
        r = ts_client_run(a->client, &batch, err);
        for (size_t k = 0; r >= 0 && k < batch.n; k++)
                r = take_look(a, owners[k], &results[k], &arena, err);
        return r;
}

/* ------------------------------------------------------------------------------------------------- writes */

static void job_applied(struct apply *a, struct job *j)
{
        struct ts_change *create = j->change, *next;

        job_end(a, j, TS_APPLIED, NULL);
        if (create->action != TS_TRUST_CREATE)
                return;
        for (struct ts_change *c = next_first_member(a, create, create); c; c = next) {
                next = next_first_member(a, c, create);
                c->sent = true;
                c->http_status = create->http_status;
                change_end(a, c, TS_APPLIED, NULL);
        }
}

static void job_not_applied(struct apply *a, struct job *j, enum ts_result result, const char *note)
{
        struct ts_change *create = j->change, *next;

        job_end(a, j, result, note);
        if (create->action != TS_TRUST_CREATE)
                return;
        for (struct ts_change *c = next_first_member(a, create, create); c; c = next) {
                next = next_first_member(a, c, create);
                change_end(a, c, TS_WAITING, "its trust could not be created");
        }
}

/* 404 of a write. */
static void take_gone(struct apply *a, struct job *j, const struct ts_call_result *result)
{
        const struct ts_change *c = j->change;

        if (ts_operation_info(j->op)->method == TS_DELETE) {
                job_applied(a, j); /* it is not there: that is what was wanted */
        } else if (is_grants_update(c) && j->n_retries < RETRIES_MAX) {
                j->n_retries++; /* stays to be written */
        } else if (strcmp(result->code, "trustee.user.not.found") == 0) {
                job_not_applied(a, j, TS_WAITING,
                                "the partner's organization does not know this member (yet)");
        } else {
                job_not_applied(a, j, TS_FAILED, why_failed(a, j->op, result));
        }
}

static void take_write(struct apply *a, struct job *j, const struct ts_call_result *result)
{
        struct ts_change *c = j->change;

        if (result->verdict == TS_VERDICT_STOPPED)
                return; /* it had no effect */
        c->sent = true;
        take_answer(a, c, result);
        switch (result->verdict) {
        case TS_VERDICT_OK:
                job_applied(a, j);
                break;
        case TS_VERDICT_GONE:
                j->failure = ts_arena_strdup(&a->plan->arena, result->err.msg);
                take_gone(a, j, result);
                break;
        case TS_VERDICT_UNKNOWN:
                j->failure = ts_arena_strdup(&a->plan->arena, result->err.msg);
                j->state = JOB_ASK;
                break;
        case TS_VERDICT_REJECTED:
                if (result->status == 409 && j->is_repeated)
                        job_applied(a,
                                    j); /* the first one came through; what it did is verified at the end */
                else if (result->status == 409)
                        job_not_applied(a, j, TS_WAITING, drifted);
                else
                        job_not_applied(a, j, TS_FAILED, why_failed(a, j->op, result));
                break;
        default:
                job_not_applied(a, j, TS_FAILED, why_failed(a, j->op, result));
        }
}

static int send_writes(struct apply *a, struct job *jobs, size_t n, struct ts_err *err)
{
        struct ts_call calls[CHUNK];
        struct ts_call_result results[CHUNK];
        struct job *owners[CHUNK];
        struct ts_batch batch = { .calls = calls, .results = results };
        int r;

        for (size_t i = 0; i < n; i++) {
                struct job *j = &jobs[i];

                if (j->state != JOB_WRITE)
                        continue;
                j->op = write_op(j->change);
                if (j->body.len == 0)
                        put_body(a, j);
                owners[batch.n] = j;
                calls[batch.n] = call_of(j->op, j->change);
                calls[batch.n].body = j->body.len > 0 ? ts_buf_text(&j->body) : NULL;
                calls[batch.n++].body_len = j->body.len;
        }
        if (batch.n == 0)
                return 0;
        r = ts_client_run(a->client, &batch, err);
        for (size_t k = 0; k < batch.n; k++)
                take_write(a, owners[k], &results[k]);
        return r;
}

/* A POST whose answer was lost: if it had no effect it is sent once more, else the verification compares what
 * it did. */
static int ask_for_lost(struct apply *a, struct job *jobs, size_t n, struct ts_err *err)
{
        for (size_t i = 0; i < n; i++) {
                struct job *j = &jobs[i];
                struct ts_call_result result;
                struct ts_call call;
                struct ts_batch batch = { .calls = &call, .n = 1, .results = &result };
                int r;

                if (j->state != JOB_ASK)
                        continue;
                j->op = presence_op(j->change);
                call = call_of(j->op, j->change);
                r = ts_client_run(a->client, &batch, err);
                if (r < 0)
                        return r;
                if (result.verdict == TS_VERDICT_OK) {
                        job_applied(a, j);
                } else if (result.verdict == TS_VERDICT_GONE && !j->is_repeated) {
                        j->is_repeated = true;
                        j->state = JOB_WRITE;
                } else {
                        job_not_applied(a, j, TS_FAILED,
                                        NOTE(a, "its answer was lost, and it does not show: %s", j->failure));
                }
        }
        return 0;
}

static bool any_in_state(const struct job *jobs, size_t n, enum job_state state)
{
        for (size_t i = 0; i < n; i++)
                if (jobs[i].state == state)
                        return true;
        return false;
}

static unsigned count_retries(const struct job *jobs, size_t n)
{
        unsigned most = 0;

        for (size_t i = 0; i < n; i++)
                if (jobs[i].state == JOB_WRITE && jobs[i].n_retries > most)
                        most = jobs[i].n_retries;
        return most;
}

static int carry_out(struct apply *a, struct job *jobs, size_t n, struct ts_err *err)
{
        int r = look(a, jobs, n, err);

        while (r >= 0 && any_in_state(jobs, n, JOB_WRITE)) {
                unsigned n_retries = count_retries(jobs, n);

                if (n_retries > 0)
                        r = ts_client_wait(a->client, TS_USEC_PER_SEC << (n_retries - 1), err);
                if (r >= 0)
                        r = send_writes(a, jobs, n, err);
                if (r >= 0)
                        r = ask_for_lost(a, jobs, n, err);
        }
        /* What was sent is not planned any more, also when nothing more can be done. */
        for (size_t i = 0; i < n; i++)
                if (jobs[i].state != JOB_ENDED && jobs[i].change->sent)
                        job_not_applied(a, &jobs[i], TS_FAILED,
                                        NOTE(a, "it was sent, and its effect is not known: %s",
                                             jobs[i].failure));
        return r;
}

/* --------------------------------------------------------------------------------------- pairing requests */

static void take_pairing(struct apply *a, struct job *j, const struct ts_call_result *result)
{
        struct ts_change *c = j->change;
        const struct ts_id *expected = c->direction == TS_TRUSTEE ? &c->trust_id : &a->plan->organization_id;
        const char *created = ts_json_get_string(result->json, "dateCreated");
        struct ts_id trustee;

        take_answer(a, c, result);
        if (result->verdict != TS_VERDICT_OK) {
                job_end(a, j, TS_FAILED,
                        why_failed(a, j->op, result)); /* an answer that was lost too: requests lapse */
                return;
        }
        if (!ts_json_get_id(ts_json_get_object(result->json, "trustee"), "id", &trustee) ||
            !ts_id_equal(&trustee, expected)) {
                job_end(a, j, TS_FAILED,
                        "the pairing request that was made is not of the organization that it should be of");
                return;
        }
        if (!ts_json_get_id(result->json, "id", &c->pairing_id)) {
                job_end(a, j, TS_FAILED, "the pairing request that was made has no id");
                return;
        }
        if (!created || ts_time_parse(created, strlen(created), &c->pairing_created) < 0)
                c->pairing_created = TS_TIME_UNSET;
        job_end(a, j, TS_APPLIED, NULL);
}

/* The trustee asks: that is ourselves, or the partner by its own client. */
static int ask_for_trust(struct apply *a, struct ts_change *c, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct job j = { .change = c,
                         .op = TS_OP_CREATE_PAIRING,
                         .body = TS_BUF_INIT(TS_HTTP_REQUEST_MAX_BYTES) };
        bool is_ours = c->direction == TS_TRUSTOR;
        struct ts_client *client = is_ours ? a->client : NULL;
        struct ts_call call = { .op = TS_OP_CREATE_PAIRING };
        struct ts_call_result result;
        struct ts_batch batch = { .calls = &call, .n = 1, .results = &result, .arena = &arena };
        struct ts_err why = { 0 };
        int r;

        if (!is_ours && a->options->partner)
                client = a->options->partner(&c->trust_id, a->options->userdata);
        if (!client) {
                job_end(a, &j, TS_FAILED, "there is no client of the partner's organization that may write");
                return 0;
        }
        put_body(a, &j);
        call.body = ts_buf_text(&j.body);
        call.body_len = j.body.len;
        r = ts_client_run(client, &batch, &why);
        ts_buf_done(&j.body);
        if (result.verdict != TS_VERDICT_STOPPED) {
                c->sent = true;
                take_pairing(a, &j, &result);
        } else if (!is_ours) {
                job_end(a, &j, TS_FAILED, ts_arena_strdup(&a->plan->arena, why.msg));
        }
        if (r < 0 && is_ours) {
                *err = why;
                return r;
        }
        return 0;
}

/* -------------------------------------------------------------------------------------------------- steps */

static enum step step_of(const struct ts_change *c)
{
        switch (c->phase) {
        case TS_PHASE_CLOSE:
                return STEP_CLOSE;
        case TS_PHASE_REMOVE:
                return STEP_REMOVE;
        case TS_PHASE_REDUCE:
                return STEP_REDUCE;
        case TS_PHASE_OPEN:
                return STEP_OPEN;
        default:
                break;
        }
        if (c->action == TS_PAIRING_CREATE)
                return STEP_ASK;
        return c->action == TS_TRUST_CREATE || c->action == TS_CARE_CREATE ? STEP_CREATE : STEP_ADD;
}

/* The change in front of @c, when it is of the same trust. */
static struct ts_change *previous_of_trust(const struct apply *a, const struct ts_change *c)
{
        size_t i = (size_t) (c - a->plan->changes);

        return i > 0 && is_of_same_trust(&a->plan->changes[i - 1], c) ? &a->plan->changes[i - 1] : NULL;
}

/* Nobody is let into a trust in which somebody still has what was to be taken. */
static bool is_blocked(struct apply *a, const struct ts_change *open, const char **ret_note)
{
        for (const struct ts_change *c = previous_of_trust(a, open); c; c = previous_of_trust(a, c)) {
                if (c->phase > TS_PHASE_REDUCE || c->result == TS_APPLIED || c->result == TS_SKIPPED)
                        continue;
                *ret_note = NOTE(a,
                                 "the trust is opened only when all is taken away that has to be, and %s of "
                                 "%s is %s",
                                 ts_action_to_string(c->action),
                                 c->subject_name ? c->subject_name : "the trust",
                                 ts_result_to_string(c->result));
                return true;
        }
        return false;
}

/* The request that was made for it in this cycle, in front of it in the plan. */
static bool find_pairing(const struct apply *a, struct ts_change *create)
{
        const struct ts_change *c = create;

        if (!ts_id_is_nil(&create->pairing_id))
                return true;
        while ((c = previous_of_trust(a, c)))
                if (c->action == TS_PAIRING_CREATE && c->result == TS_APPLIED)
                        create->pairing_id = c->pairing_id;
        return !ts_id_is_nil(&create->pairing_id);
}

/* What can be said without asking anybody; false: the change has ended. */
static bool job_begin(struct apply *a, struct job *j, struct ts_change *c)
{
        const char *note;

        *j = (struct job){ .change = c, .op = NO_OP, .body = TS_BUF_INIT(TS_HTTP_REQUEST_MAX_BYTES) };
        j->state = look_op(a, c) == NO_OP ? JOB_WRITE : JOB_LOOK;
        if (write_op(c) == NO_OP)
                job_not_applied(a, j, TS_FAILED, "the API cannot do this from our side");
        else if (c->phase == TS_PHASE_OPEN && is_blocked(a, c, &note))
                job_not_applied(a, j, TS_WAITING, note);
        else if (c->action == TS_TRUST_CREATE && !find_pairing(a, c))
                job_not_applied(a, j, TS_WAITING, "its pairing request could not be made");
        return j->state != JOB_ENDED;
}

/* As long as authorization/subjects has to prove itself, it is asked about one member only. */
static bool has_to_prove(const struct apply *a, const struct ts_change *c)
{
        return a->subjects == TS_SUBJECT_READS_UNKNOWN && look_op(a, c) == TS_OP_GET_SUBJECT;
}

/* From change *@i on; moves it forward. */
static size_t begin_chunk(struct apply *a, enum step step, size_t *i, struct job *jobs)
{
        size_t n = 0;

        for (; *i < a->plan->n_changes && n < CHUNK; (*i)++) {
                struct ts_change *c = &a->plan->changes[*i];

                if (!ts_change_is_planned(c) || step_of(c) != step)
                        continue;
                n += job_begin(a, &jobs[n], c);
                if (n > 0 && has_to_prove(a, jobs[n - 1].change)) {
                        (*i)++;
                        break;
                }
        }
        return n;
}

static int run_step(struct apply *a, enum step step, struct ts_err *err)
{
        struct job jobs[CHUNK];
        size_t i = 0, n;
        int r = 0;

        while (r >= 0 && (n = begin_chunk(a, step, &i, jobs)) > 0) {
                r = carry_out(a, jobs, n, err);
                for (size_t k = 0; k < n; k++)
                        ts_buf_done(&jobs[k].body);
        }
        return r;
}

static int ask_for_trusts(struct apply *a, struct ts_err *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->plan->n_changes; i++) {
                struct ts_change *c = &a->plan->changes[i];

                if (ts_change_is_planned(c) && step_of(c) == STEP_ASK)
                        r = ask_for_trust(a, c, err);
        }
        return r;
}

/* When the client can do nothing more: what was not carried out failed, unless it was stopped on purpose. */
static void give_up(struct apply *a, const struct ts_err *err)
{
        if (err->code == -ECANCELED)
                return;
        for (size_t i = 0; i < a->plan->n_changes; i++)
                if (ts_change_is_planned(&a->plan->changes[i]))
                        change_end(a, &a->plan->changes[i], TS_FAILED, NOTE(a, "not tried: %s", err->msg));
}

/* ------------------------------------------------------------------------------------------- verification */

enum shown {
        SHOWN_AS_WANTED,
        SHOWN_AS_BEFORE, /* or on the way */
        SHOWN_OTHERWISE,
        SHOWN_ALARM, /* a trust gives more than was asked for */
        SHOWN_NOTHING,
};

struct check {
        struct ts_change *change;
        enum ts_operation op;
        enum shown shown;
        const char *failure; /* of a read that brought nothing */
};

struct checks {
        struct check *items;
        size_t n, n_allocated;
};

static enum ts_operation check_op(const struct apply *a, const struct ts_change *c)
{
        if (c->action == TS_PAIRING_CREATE)
                return NO_OP; /* its answer brought its id */
        if (c->direction == TS_TRUSTOR || !c->grants_managed || is_member_remove(c) ||
            c->kind == TS_KIND_TRUST)
                return presence_op(c);
        if (c->n_after > 0 && a->subjects == TS_SUBJECT_READS_PROVEN)
                return TS_OP_GET_SUBJECT;
        return member_op(c, TS_MEMBER_GET_ROLES);
}

/* Has the trust got a default role or full access since it was read, though nobody asked for it? */
static bool gives_unasked(const struct apply *a, const struct ts_change *c, const struct ts_trust *t)
{
        const struct ts_trust *before = ts_live_find_trust(a->live, c->direction, &c->trust_id);

        if (c->action == TS_CARE_CREATE)
                return t->has_full_access || (t->uses_default_role && !c->assign_default_role);
        return (t->uses_default_role && !(before && before->uses_default_role)) ||
               (t->has_full_access && !(before && before->has_full_access));
}

static enum shown check_trust(const struct apply *a, const struct ts_change *c, const struct ts_json *json,
                              struct ts_arena *arena, struct ts_err *err)
{
        struct ts_trust t;

        if (c->action == TS_TRUST_DELETE)
                return SHOWN_AS_BEFORE;
        if (ts_read_trust(json, c->direction, arena, &t, err) < 0)
                return SHOWN_NOTHING;
        if (gives_unasked(a, c, &t))
                return SHOWN_ALARM;
        if (c->action == TS_CARE_CREATE)
                return SHOWN_AS_WANTED;
        if (!ts_id_equal(&t.id, &c->trust_id))
                return SHOWN_OTHERWISE;
        if (has_attributes(&t, &c->after))
                return SHOWN_AS_WANTED;
        return c->action != TS_TRUST_CREATE && has_attributes(&t, &c->before) ? SHOWN_AS_BEFORE
                                                                              : SHOWN_OTHERWISE;
}

/* Whatever is held is either held from before or wanted: it is on the way. */
static enum shown check_grants(struct apply *a, const struct check *k, const struct ts_json *json,
                               struct ts_arena *arena, struct ts_err *err)
{
        const struct ts_change *c = k->change;
        bool roles_only = k->op != TS_OP_GET_SUBJECT;
        struct grant_set before = set_of(c->grants_before, c->n_before, roles_only, arena);
        struct grant_set after = set_of(c->grants_after, c->n_after, roles_only, arena);
        struct grant_set now = { 0 };

        if (read_set(a, c, k->op, json, arena, &now, err) < 0)
                return SHOWN_NOTHING;
        if (sets_equal(&now, &after))
                return SHOWN_AS_WANTED;
        for (size_t i = 0; i < now.n; i++)
                if (!set_has(&before, &now.items[i]) && !set_has(&after, &now.items[i]))
                        return SHOWN_OTHERWISE;
        return SHOWN_AS_BEFORE;
}

static enum shown judge_check(struct apply *a, const struct check *k, const struct ts_call_result *result,
                              struct ts_arena *arena, struct ts_err *err)
{
        const struct ts_change *c = k->change;
        bool gone = result->verdict == TS_VERDICT_GONE;
        bool is_removal = c->action == TS_TRUST_DELETE || is_member_remove(c);
        bool is_update = c->kind == TS_KIND_TRUST && c->action != TS_TRUST_CREATE &&
                         c->action != TS_CARE_CREATE;

        if (result->verdict != TS_VERDICT_OK && !gone) {
                *err = result->err;
                return SHOWN_NOTHING;
        }
        if (!gone && is_clone_list(k->op))
                gone = !find_entity(result->json, &c->subject_id);
        if (gone)
                return is_removal ? SHOWN_AS_WANTED : is_update ? SHOWN_OTHERWISE : SHOWN_AS_BEFORE;
        if (c->kind == TS_KIND_TRUST)
                return check_trust(a, c, result->json, arena, err);
        if (k->op == TS_OP_GET_SUBJECT || k->op == member_op(c, TS_MEMBER_GET_ROLES))
                return check_grants(a, k, result->json, arena, err);
        return is_removal ? SHOWN_AS_BEFORE : SHOWN_AS_WANTED;
}

struct check_batch {
        struct apply *apply;
        size_t n;
        struct check *checks[VERIFY_BATCH];
        struct ts_call calls[VERIFY_BATCH];
        struct ts_call_result results[VERIFY_BATCH];
};

static void on_check(size_t i, const struct ts_call_result *result, void *userdata)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct check_batch *b = userdata;
        struct check *k = b->checks[i];
        struct ts_err err = { 0 };

        if (result->verdict == TS_VERDICT_STOPPED)
                return;
        k->shown = judge_check(b->apply, k, result, &arena, &err);
        if (k->shown == SHOWN_NOTHING)
                k->failure = ts_arena_strdup(&b->apply->plan->arena, err.msg);
}

static int check_all(struct apply *a, struct checks *checks, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct check_batch *b = ts_calloc(1, sizeof(*b));
        struct ts_batch batch = {
                .calls = b->calls, .results = b->results, .on_result = on_check, .userdata = b
        };

        b->apply = a;
        for (size_t first = 0; first < checks->n; first += b->n) {
                int r;

                for (b->n = 0; b->n < VERIFY_BATCH && first + b->n < checks->n; b->n++) {
                        b->checks[b->n] = &checks->items[first + b->n];
                        b->calls[b->n] = call_of(b->checks[b->n]->op, b->checks[b->n]->change);
                }
                batch.n = b->n;
                r = ts_client_run(a->client, &batch, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Those that are not settled stay. */
static void drop_settled(struct apply *a, struct checks *checks)
{
        size_t n = 0;

        for (size_t i = 0; i < checks->n; i++) {
                struct check *k = &checks->items[i];

                if (k->shown == SHOWN_ALARM)
                        change_end(a, k->change, TS_FAILED,
                                   "ALARM: the trust reports a default role or full access that nobody asked "
                                   "for: look at "
                                   "it in the admin screen at once");
                else if (k->shown != SHOWN_AS_WANTED)
                        checks->items[n++] = *k;
        }
        checks->n = n;
}

static void end_unsettled(struct apply *a, const struct checks *checks)
{
        for (size_t i = 0; i < checks->n; i++) {
                const struct check *k = &checks->items[i];

                if (k->shown == SHOWN_AS_BEFORE)
                        change_end(a, k->change, TS_WAITING,
                                   "it was accepted and does not show yet, which may take five minutes: the "
                                   "next cycle looks "
                                   "again");
                else if (k->shown == SHOWN_OTHERWISE)
                        change_end(a, k->change, TS_FAILED,
                                   "it was accepted, and something else shows: somebody may have changed it "
                                   "at the same time; "
                                   "the next cycle decides");
                else
                        change_end(a, k->change, TS_WAITING,
                                   NOTE(a, "it was accepted, and could not be read back: %s", k->failure));
        }
}

static void collect_checks(const struct apply *a, struct checks *checks)
{
        for (size_t i = 0; i < a->plan->n_changes; i++) {
                struct ts_change *c = &a->plan->changes[i];
                enum ts_operation op = c->sent && c->result == TS_APPLIED ? check_op(a, c) : NO_OP;

                if (op == NO_OP)
                        continue;
                TS_GROW(checks->items, checks->n_allocated, checks->n);
                checks->items[checks->n++] = (struct check){ .change = c, .op = op };
        }
}

static int verify(struct apply *a, struct ts_err *err)
{
        struct checks checks = { 0 };
        uint64_t left = a->options->verify_usec, pause = TS_USEC_PER_SEC;
        int r = 0;

        collect_checks(a, &checks);
        while (checks.n > 0) {
                r = check_all(a, &checks, err);
                if (r < 0)
                        break;
                drop_settled(a, &checks);
                if (checks.n == 0 || left == 0)
                        break;
                pause = pause < left ? pause : left;
                r = ts_client_wait(a->client, pause, err);
                if (r < 0)
                        break;
                left -= pause;
                pause *= 2;
        }
        if (r >= 0)
                end_unsettled(a, &checks);
        free(checks.items);
        return r == -ECANCELED ? 0 : r; /* stopped: every change has an outcome all the same */
}

int ts_apply(struct ts_client *client, struct ts_plan *plan, struct ts_live *live,
             const struct ts_apply_options *options, struct ts_err *err)
{
        struct apply a = { .client = client,
                           .plan = plan,
                           .live = live,
                           .options = options,
                           .subjects = options->subjects };

        for (enum step step = 0; step < STEP_MAX_; step++) {
                int r = step == STEP_ASK ? ask_for_trusts(&a, err) : run_step(&a, step, err);

                if (r < 0) {
                        give_up(&a, err);
                        return r;
                }
        }
        return verify(&a, err);
}
