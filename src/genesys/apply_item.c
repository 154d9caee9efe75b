#include "genesys/apply_item.h"

#include <stdlib.h>

#include "genesys/response.h"
#include "json/writer.h"
#include "util/sorted.h"

/* --------------------------------------------------------------------------------------------- operations */

enum ts_collection ts_apply_item_collection(const struct ts_change *c)
{
        return c->kind == TS_KIND_GROUP ? TS_GROUPS : c->kind == TS_KIND_CLONE ? TS_CLONES : TS_USERS;
}

enum ts_operation ts_apply_item_member_op(const struct ts_change *c, enum ts_member_verb verb)
{
        return ts_operation_of_members(c->direction, ts_apply_item_collection(c), verb);
}

enum ts_operation ts_apply_item_write_op(const struct ts_change *c)
{
        switch (c->action) {
        case TS_TRUST_CREATE:
                return c->direction == TS_TRUSTEE ? TS_OP_CREATE_TRUSTEE : TS_APPLY_NO_OP;
        case TS_TRUST_UPDATE:
        case TS_TRUST_ENABLE:
        case TS_TRUST_DISABLE:
                return c->direction == TS_TRUSTEE ? TS_OP_UPDATE_TRUSTEE : TS_APPLY_NO_OP;
        case TS_TRUST_DELETE:
                return c->direction == TS_TRUSTEE ? TS_OP_DELETE_TRUSTEE : TS_OP_LEAVE_TRUSTOR;
        case TS_USER_ADD:
        case TS_GROUP_ADD:
        case TS_CLONE_ADD:
                return ts_apply_item_member_op(c, TS_MEMBER_ADD);
        case TS_USER_UPDATE:
        case TS_GROUP_UPDATE:
                return ts_apply_item_member_op(c, c->n_after > 0 ? TS_MEMBER_SET_GRANTS
                                                                 : TS_MEMBER_CLEAR_GRANTS);
        case TS_USER_REMOVE:
        case TS_GROUP_REMOVE:
        case TS_CLONE_REMOVE:
                return ts_apply_item_member_op(c, TS_MEMBER_REMOVE);
        case TS_PAIRING_CREATE:
                return TS_OP_CREATE_PAIRING;
        case TS_CARE_CREATE:
                return ts_operation_create_care(c->assign_default_role, c->auto_expire);
        case TS_ACTION_MAX_:
                break;
        }
        return TS_APPLY_NO_OP;
}

static enum ts_apply_item_divisions divisions_of(const struct ts_change *c)
{
        size_t n_all = 0;

        for (size_t i = 0; i < c->n_after; i++)
                n_all += c->grants_after[i].division == TS_DIVISION_ALL;
        return n_all == 0            ? TS_APPLY_NEVER_ALL
               : n_all == c->n_after ? TS_APPLY_ALL_THROUGHOUT
                                     : TS_APPLY_MIXED;
}

enum ts_apply_item_divisions ts_apply_item_divisions(const struct ts_apply_context *a,
                                                     const struct ts_change *c)
{
        enum ts_apply_item_divisions most = divisions_of(c), of_member;

        if (c->action != TS_TRUST_CREATE)
                return most;
        for (const struct ts_change *m = ts_apply_item_next_first_member(a, c, c); m;
             m = ts_apply_item_next_first_member(a, m, c)) {
                of_member = divisions_of(m);
                most = of_member > most ? of_member : most;
        }
        return most;
}

bool ts_apply_item_adds_member(const struct ts_change *c)
{
        return c->action == TS_USER_ADD || c->action == TS_GROUP_ADD || c->action == TS_CLONE_ADD;
}

bool ts_apply_item_removes_member(const struct ts_change *c)
{
        return c->action == TS_USER_REMOVE || c->action == TS_GROUP_REMOVE || c->action == TS_CLONE_REMOVE;
}

bool ts_apply_item_updates_grants(const struct ts_change *c)
{
        return c->action == TS_USER_UPDATE || c->action == TS_GROUP_UPDATE;
}

/* The operation that shows whether a member, or a trust, exists. */
enum ts_operation ts_apply_item_presence_op(const struct ts_change *c)
{
        enum ts_operation op;

        if (c->action == TS_CARE_CREATE)
                return TS_OP_GET_CARE_DEFAULT;
        if (c->kind == TS_KIND_TRUST)
                return c->direction == TS_TRUSTEE ? TS_OP_GET_TRUSTEE : TS_OP_GET_TRUSTOR;
        op = ts_apply_item_member_op(c, TS_MEMBER_GET);
        return op == TS_APPLY_NO_OP ? ts_apply_item_member_op(c, TS_MEMBERS_LIST)
                                    : op; /* a trustee's clones */
}

struct ts_call ts_apply_item_call(enum ts_operation op, const struct ts_change *c)
{
        struct ts_call call = { .op = op, .ids = { c->trust_id, c->subject_id } };

        if (op == TS_OP_GET_SUBJECT)
                call.ids[0] = c->subject_id;
        return call;
}

/* ------------------------------------------------------------------------------------------------- bodies */

struct ts_trust_attributes ts_apply_item_attributes(const struct ts_change *c,
                                                    struct ts_trust_attributes planned)
{
        const struct ts_outcome *o = ts_change_outcome(c);

        if (o->keeps_expiry)
                planned.expires = o->expires;
        return planned;
}

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

static void put_roles(struct ts_json_writer *w, const struct ts_catalog *catalog, const struct ts_change *c)
{
        ts_json_open_array(w);
        for (size_t i = 0; i < c->n_after; i++)
                ts_json_put_id(w, &catalog->roles[c->grants_after[i].role].id);
        ts_json_close_array(w);
}

static void put_member(struct ts_json_writer *w, const struct ts_catalog *catalog, const struct ts_change *c,
                       bool sends_roles)
{
        ts_json_open_object(w);
        ts_json_add_id(w, "id", &c->subject_id);
        if (sends_roles && divisions_of(c) == TS_APPLY_ALL_THROUGHOUT) {
                ts_json_key(w, "roleIds");
                put_roles(w, catalog, c);
        } else if (c->n_after > 0) {
                ts_json_key(w, "roleDivisions");
                put_grants(w, catalog, c->grants_after, c->n_after);
        }
        ts_json_close_object(w);
}

/* Both members always, as one that is left out is cleared. The specification has no null: that is for a
 * server that keeps the date instead. */
static void add_attributes(struct ts_json_writer *w, const struct ts_trust_attributes *a, bool spells_never)
{
        ts_json_add_bool(w, "enabled", a->enabled);
        if (a->expires != TS_TIME_NEVER)
                ts_json_add_string(w, "dateExpired", ts_time_format_api(a->expires).s);
        else if (spells_never)
                ts_json_add_string(w, "dateExpired", NULL);
}

static void add_ids(struct ts_json_writer *w, const char *key, const struct ts_id *ids, size_t n)
{
        ts_json_key(w, key);
        ts_json_open_array(w);
        for (size_t i = 0; i < n; i++)
                ts_json_put_id(w, &ids[i]);
        ts_json_close_array(w);
}

bool ts_apply_item_is_dropped_denial(const struct ts_change *c)
{
        const struct ts_outcome *o = ts_change_outcome(c);
        bool was_refused = o->http_status >= 400 && o->http_status < 500;

        return ts_change_is_denial(c) &&
               (o->result == TS_WAITING || (o->result == TS_FAILED && !was_refused));
}

/* A trust is created together with its members, which are changes of their own behind it. */
const struct ts_change *ts_apply_item_next_first_member(const struct ts_apply_context *a,
                                                        const struct ts_change *c,
                                                        const struct ts_change *create)
{
        const struct ts_change *end = a->plan->changes + a->plan->n_changes;

        for (c++; c < end && ts_change_is_same_trust(c, create); c++)
                if (ts_apply_item_adds_member(c) && ts_change_is_planned(c))
                        return c;
        return NULL;
}

static void add_first_members(struct ts_json_writer *w, const struct ts_apply_context *a, const char *key,
                              const struct ts_apply_item *j, enum ts_action action)
{
        const struct ts_change *create = j->change;

        ts_json_key(w, key);
        ts_json_open_array(w);
        for (const struct ts_change *c = ts_apply_item_next_first_member(a, create, create); c;
             c = ts_apply_item_next_first_member(a, c, create))
                if (c->action == action)
                        put_member(w, &a->live->catalog, c, j->sends_roles);
        ts_json_close_array(w);
}

void ts_apply_item_put_body(const struct ts_apply_context *a, struct ts_apply_item *j)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&j->body, false);
        const struct ts_change *c = j->change;
        struct ts_trust_attributes after = ts_apply_item_attributes(c, c->after);

        if (ts_apply_item_adds_member(c) && c->direction == TS_TRUSTEE) {
                put_member(&w, &a->live->catalog, c, j->sends_roles);
        } else if (ts_apply_item_updates_grants(c) && c->n_after > 0 && j->sends_roles) {
                put_roles(&w, &a->live->catalog, c);
        } else if (ts_apply_item_updates_grants(c) && c->n_after > 0) {
                put_grants(&w, &a->live->catalog, c->grants_after, c->n_after);
        } else if (j->op == TS_OP_UPDATE_TRUSTEE) {
                ts_json_open_object(&w);
                add_attributes(&w, &after, j->spells_never);
                ts_json_close_object(&w);
        } else if (j->op == TS_OP_CREATE_TRUSTEE) {
                ts_json_open_object(&w);
                ts_json_add_id(&w, "pairingId", &ts_change_outcome(c)->pairing_id);
                add_attributes(&w, &after, false);
                add_first_members(&w, a, "users", j, TS_USER_ADD);
                add_first_members(&w, a, "groups", j, TS_GROUP_ADD);
                ts_json_close_object(&w);
        } else if (j->op == TS_OP_CREATE_PAIRING) {
                ts_json_open_object(&w);
                add_ids(&w, "userIds", c->pairing_users, c->n_pairing_users);
                add_ids(&w, "groupIds", c->pairing_groups, c->n_pairing_groups);
                ts_json_close_object(&w);
        }
}

/* ----------------------------------------------------------------------------------------------- outcomes */

struct ts_outcome *ts_apply_item_outcome(const struct ts_apply_context *a, const struct ts_change *c)
{
        return &a->outcomes->items[c - a->plan->changes];
}

void ts_apply_item_end_change(struct ts_apply_context *a, const struct ts_change *c, enum ts_result result,
                              const char *note)
{
        struct ts_outcome *o = ts_apply_item_outcome(a, c);

        o->result = result;
        if (note)
                o->note = note;
        a->options->on_change(a->plan, c, a->options->userdata);
}

void ts_apply_item_end(struct ts_apply_context *a, struct ts_apply_item *j, enum ts_result result,
                       const char *note)
{
        j->state = TS_APPLY_ENDED;
        ts_apply_item_end_change(a, j->change, result, note);
}

/* Why a call failed; a missing permission is explained once. */
const char *ts_apply_item_why_failed(struct ts_apply_context *a, enum ts_operation op,
                                     const struct ts_call_result *result)
{
        const char *permission = ts_operation_info(op)->permission;

        if (result->verdict == TS_VERDICT_FORBIDDEN) {
                if (a->denied[op] && permission && ts_response_lacks_permission(result))
                        return TS_APPLY_NOTE(a, "refused as well (403): the client needs the permission %s",
                                             permission);
                a->denied[op] = true;
        }
        return ts_arena_strdup(&a->outcomes->arena, result->err.msg);
}

void ts_apply_item_take_answer(struct ts_apply_context *a, const struct ts_change *c,
                               const struct ts_call_result *result)
{
        struct ts_outcome *o = ts_apply_item_outcome(a, c);

        o->http_status = result->status;
        if (result->verdict != TS_VERDICT_OK && result->correlation[0] != '\0')
                o->correlation = ts_arena_strdup(&a->outcomes->arena, result->correlation);
}

/* ----------------------------------------------------------------------------------------- sets of grants */

bool ts_grant_set_equal(const struct ts_grant_set *x, const struct ts_grant_set *y)
{
        return ts_grants_equal(x->items, x->n, y->items, y->n);
}

static int grant_compare_void(const void *x, const void *y)
{
        return ts_grant_compare(x, y);
}

bool ts_grant_set_has(const struct ts_grant_set *s, const struct ts_grant *g)
{
        return TS_FIND_SORTED(g, s->items, s->n, grant_compare_void);
}

/* A set, or what can be seen of it where an answer has roles only: each role once. */
struct ts_grant_set ts_grant_set_of(const struct ts_grant *grants, size_t n, bool roles_only,
                                    struct ts_arena *arena)
{
        struct ts_grant_set s = { ts_arena_memdup(arena, grants, n * sizeof(*grants)), n };

        for (size_t i = 0; roles_only && i < n; i++)
                s.items[i].division = TS_DIVISION_ALL;
        s.n = ts_grants_normalise(s.items, n);
        return s;
}

int ts_apply_item_read_grants(struct ts_apply_context *a, const struct ts_change *c, enum ts_operation op,
                              const struct ts_json *json, struct ts_arena *arena, struct ts_grant_set *ret,
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

/* ------------------------------------------------------------------------------------------------ answers */

bool ts_apply_item_has_attributes(const struct ts_trust *t, const struct ts_trust_attributes *a)
{
        return t->enabled == a->enabled && ts_expiry_is_same(a->expires, t->expires);
}

const struct ts_json *ts_apply_item_find_entity(const struct ts_json *json, const struct ts_id *id)
{
        const struct ts_json *list = ts_json_get_array(json, "entities");
        struct ts_id found;

        for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next)
                if (ts_json_get_id(v, "id", &found) && ts_id_equal(&found, id))
                        return v;
        return NULL;
}

bool ts_apply_item_lists_clones(enum ts_operation op)
{
        return op == TS_OP_LIST_TRUSTEE_CLONES;
}
