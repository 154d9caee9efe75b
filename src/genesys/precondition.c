#include "genesys/precondition.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/listing.h"
#include "util/mem.h"

enum seen {
        SEEN_SAME,    /* as the plan was made from */
        SEEN_DONE,    /* as it should become */
        SEEN_ANOTHER, /* neither */
        SEEN_NOTHING, /* the read failed */
};

static bool same_time(int64_t a, int64_t b)
{
        return a == b || a == TS_TIME_UNSET || b == TS_TIME_UNSET;
}

/* What `deny` takes away is taken whatever else has changed: of a trust its expiry is kept as it is now. */
static enum seen check_denied_trust(struct ts_outcome *o, const struct ts_trust *t)
{
        o->keeps_expiry = true;
        o->expires = t->expires;
        return t->enabled ? SEEN_SAME : SEEN_DONE;
}

static enum seen check_trust(struct ts_apply_context *a, const struct ts_change *c,
                             const struct ts_json *json, struct ts_arena *arena, struct ts_err *err)
{
        const struct ts_trust *planned = ts_live_find_trust(a->live, c->direction, &c->trust_id);
        struct ts_trust t;

        if (ts_read_trust(json, c->direction, arena, &t, err) < 0)
                return SEEN_NOTHING;
        if (ts_change_is_denial(c) && ts_id_equal(&t.id, &c->trust_id))
                return check_denied_trust(ts_apply_item_outcome(a, c), &t);
        if (!ts_id_equal(&t.id, &c->trust_id) || (planned && !same_time(t.created, planned->created)))
                return SEEN_ANOTHER;
        if (ts_apply_item_has_attributes(&t, &c->before))
                return SEEN_SAME;
        return c->action != TS_TRUST_DELETE && ts_apply_item_has_attributes(&t, &c->after) ? SEEN_DONE
                                                                                           : SEEN_ANOTHER;
}

/* Only id and membership count. What the partner sets at will (e-mail, name, state, and the date, by leaving
 * and joining again) would let it delay a removal for ever. */
static enum seen check_member(const struct ts_change *c, const struct ts_json *json, struct ts_err *err)
{
        struct ts_id id;

        if (!ts_json_get_id(json, "id", &id)) {
                (void) ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "a member has no usable 'id'");
                return SEEN_NOTHING;
        }
        return ts_id_equal(&id, &c->subject_id) ? SEEN_SAME : SEEN_ANOTHER;
}

static enum seen check_grants(struct ts_apply_context *a, const struct ts_change *c, enum ts_operation op,
                              const struct ts_json *json, struct ts_arena *arena, struct ts_err *err)
{
        bool roles_only = op != TS_OP_GET_SUBJECT;
        struct ts_grant_set before = ts_grant_set_of(c->grants_before, c->n_before, roles_only, arena);
        struct ts_grant_set after = ts_grant_set_of(c->grants_after, c->n_after, false, arena);
        struct ts_grant_set now = { 0 };

        if (json && ts_apply_item_read_grants(a, c, op, json, arena, &now, err) < 0)
                return SEEN_NOTHING;
        if (ts_grant_set_equal(&now, &before))
                return SEEN_SAME;
        return !roles_only && ts_grant_set_equal(&now, &after) ? SEEN_DONE : SEEN_ANOTHER;
}

/* Who is to hold nothing so far is asked by its roles, because no roles are no grants in any case. */
enum ts_operation ts_precondition_op(const struct ts_apply_context *a, const struct ts_change *c)
{
        if (ts_apply_item_adds_member(c) || c->action == TS_TRUST_CREATE || c->action == TS_CARE_CREATE)
                return TS_APPLY_NO_OP;
        if (!ts_apply_item_updates_grants(c))
                return ts_apply_item_presence_op(c);
        if (c->n_before == 0 || a->subjects == TS_SUBJECT_READS_UNUSABLE)
                return ts_apply_item_member_op(c, TS_MEMBER_GET_ROLES);
        return TS_OP_GET_SUBJECT;
}

static void item_seen(struct ts_apply_context *a, struct ts_apply_item *j, enum seen seen,
                      const struct ts_err *err)
{
        struct ts_outcome *o = ts_apply_item_outcome(a, j->change);

        if (ts_change_is_denial(j->change) && seen != SEEN_DONE)
                seen = SEEN_SAME; /* a read that fails or misleads is no reason either */
        switch (seen) {
        case SEEN_SAME:
                j->state = TS_APPLY_WRITE;
                break;
        case SEEN_DONE:
                o->was_gone = o->sent;
                ts_apply_item_end(a, j, TS_APPLIED,
                                  o->sent ? NULL : "somebody else has done it already: nothing was written");
                break;
        case SEEN_ANOTHER:
                ts_apply_item_end(a, j, TS_WAITING, TS_APPLY_DRIFTED);
                break;
        case SEEN_NOTHING:
                ts_apply_item_end(a, j, TS_FAILED,
                                  TS_APPLY_NOTE(a, "it could not be read again before the change: %s",
                                                err->msg));
                break;
        }
}

static enum seen evaluate_read(struct ts_apply_context *a, const struct ts_apply_item *j,
                               const struct ts_call_result *result, struct ts_arena *arena,
                               struct ts_err *err)
{
        const struct ts_change *c = j->change;
        const struct ts_json *json = result->json;
        bool gone = result->verdict == TS_VERDICT_NOT_FOUND;

        if (result->verdict != TS_VERDICT_OK && !gone) {
                (void) ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "%s",
                                  ts_apply_item_why_failed(a, j->op, result));
                return SEEN_NOTHING;
        }
        if (ts_apply_item_updates_grants(c)) {
                if (gone && j->op != TS_OP_GET_SUBJECT)
                        return SEEN_ANOTHER; /* no member any more */
                return check_grants(a, c, j->op, gone ? NULL : json, arena, err);
        }
        if (ts_apply_item_lists_clones(j->op) && !gone) {
                if (!ts_json_get_array(json, "entities")) {
                        (void) ts_err_set(err, TS_ERR_REMOTE, -EBADMSG,
                                          "the list of clones has no 'entities'");
                        return SEEN_NOTHING;
                }
                json = ts_apply_item_find_entity(json, &c->subject_id);
                gone = !json;
        }
        if (gone)
                return c->action == TS_TRUST_DELETE || ts_apply_item_removes_member(c) ? SEEN_DONE
                                                                                       : SEEN_ANOTHER;
        return c->kind == TS_KIND_TRUST ? check_trust(a, c, json, arena, err) : check_member(c, json, err);
}

/*
 * authorization/subjects was not tested in this cycle (the grants were swept by role), and it differs from
 * the sweep: either the grants have changed, or it is unreliable for members of trusts. The roles decide.
 */
static int evaluate_by_roles(struct ts_apply_context *a, struct ts_apply_item *j,
                             const struct ts_call_result *subject, struct ts_arena *arena, enum seen *seen,
                             struct ts_err *why, struct ts_err *err)
{
        const struct ts_change *c = j->change;
        struct ts_grant_set by_subject = { 0 }, by_roles = { 0 };
        struct ts_call_result result = { .verdict = TS_VERDICT_STOPPED };
        struct ts_err ignored = { 0 };
        struct ts_call call;
        struct ts_batch batch = { .calls = &call, .n = 1, .results = &result, .arena = arena };
        int r;

        j->op = ts_apply_item_member_op(c, TS_MEMBER_GET_ROLES);
        call = ts_apply_item_call(j->op, c);
        r = ts_client_run(a->client, &batch, err);
        if (r < 0)
                return r;

        if (result.verdict == TS_VERDICT_OK && subject->verdict == TS_VERDICT_OK &&
            ts_apply_item_read_grants(a, c, j->op, result.json, arena, &by_roles, &ignored) >= 0 &&
            ts_apply_item_read_grants(a, c, TS_OP_GET_SUBJECT, subject->json, arena, &by_subject, &ignored) >=
                            0) {
                by_subject = ts_grant_set_of(by_subject.items, by_subject.n, true, arena);
                if (by_roles.n > 0 && ts_grant_set_equal(&by_roles, &by_subject)) {
                        a->subjects = TS_SUBJECT_READS_PROVEN;
                        return 0; /* as the subject says */
                }
        }
        a->subjects = TS_SUBJECT_READS_UNUSABLE;
        *seen = evaluate_read(a, j, &result, arena, why);
        return 0;
}

static int take_reading(struct ts_apply_context *a, struct ts_apply_item *j,
                        const struct ts_call_result *result, struct ts_arena *arena, struct ts_err *err)
{
        struct ts_err why = { 0 };
        enum seen seen;
        int r;

        ts_apply_item_take_answer(a, j->change, result);
        seen = evaluate_read(a, j, result, arena, &why);
        if (j->op == TS_OP_GET_SUBJECT && a->subjects == TS_SUBJECT_READS_UNKNOWN) {
                if (seen == SEEN_SAME) {
                        a->subjects = TS_SUBJECT_READS_PROVEN;
                } else {
                        r = evaluate_by_roles(a, j, result, arena, &seen, &why, err);
                        if (r < 0)
                                return r;
                }
        }
        item_seen(a, j, seen, &why);
        return 0;
}

/* ------------------------------------------------------------------ the members of a trust that is closed */

struct members_check {
        const struct ts_apply_context *apply;
        const struct ts_change *change;
        const struct ts_members *planned;
        bool *is_there; /* one for each of the planned */
        bool has_protected;
        size_t n_known, n_unknown; /* of those that are there now */
};

static bool is_protected(const struct members_check *m, const struct ts_id *id, const char *email)
{
        const struct ts_apply_screen *s = m->apply->options->screen;

        return s && s->is_protected(m->change, id, email, s->userdata);
}

static int on_member(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err)
{
        struct members_check *m = userdata;
        const struct ts_member *known;
        bool *is_there;
        struct ts_id id;

        (void) i;
        (void) err;
        (void) ts_json_get_id(entity, "id", &id); /* the listing has checked it */
        m->has_protected = m->has_protected || is_protected(m, &id, ts_json_get_string(entity, "email"));
        known = ts_members_find(m->planned, &id);
        if (!known) {
                m->n_unknown++;
                return 0;
        }
        is_there = &m->is_there[known - m->planned->items];
        m->n_known += !*is_there; /* a page that shifts shows one twice */
        *is_there = true;
        return 0;
}

static void on_restart(size_t i, void *userdata)
{
        struct members_check *m = userdata;

        (void) i;
        m->n_known = m->n_unknown = 0;
        m->has_protected = false;
        memset(m->is_there, 0, m->planned->n * sizeof(*m->is_there));
}

/* Nobody protected was in it when it was planned. That list is read once more, whole: one that came empty, or
 * somebody who came in since, is no reason to close it. */
static int check_members(struct ts_apply_context *a, struct ts_apply_item *j, struct ts_err *err)
{
        const struct ts_trust *trust =
                        ts_live_find_trust(a->live, j->change->direction, &j->change->trust_id);
        TS_CLEANUP(ts_listings_done) struct ts_listings l;
        TS_CLEANUP(ts_freep) bool *is_there = ts_calloc(trust->users.n, sizeof(*is_there));
        struct members_check m = {
                .planned = &trust->users, .is_there = is_there, .apply = a, .change = j->change
        };
        int r;

        ts_listings_init(&l, a->client, &a->outcomes->arena, 1,
                         ts_operation_of_members(j->change->direction, TS_USERS, TS_MEMBERS_LIST));
        l.items[0].id = j->change->trust_id;
        l.on_entity = on_member;
        l.on_restart = on_restart;
        l.userdata = &m;
        l.is_tried_once = ts_change_is_denial(j->change); /* nothing delays it */
        r = ts_listings_read(&l, err);
        if (r < 0)
                return r;
        if (ts_change_is_denial(j->change)) {
                if (m.has_protected) /* strangers who join are no reason to wait */
                        ts_apply_item_end(a, j, TS_HELD,
                                          "a member that came in is protected by the settings");
                return 0;
        }
        if (l.items[0].coverage != TS_COVERAGE_COMPLETE)
                ts_apply_item_end(a, j, TS_FAILED,
                                  TS_APPLY_NOTE(a,
                                                "its members could not be read again before the change: %s",
                                                l.items[0].err->msg));
        else if (m.n_unknown > 0 || m.n_known != trust->users.n)
                ts_apply_item_end(a, j, TS_WAITING, TS_APPLY_DRIFTED);
        return 0;
}

int ts_precondition_check(struct ts_apply_context *a, struct ts_apply_item *items, size_t n,
                          struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_call calls[TS_APPLY_CHUNK];
        struct ts_call_result results[TS_APPLY_CHUNK] = { 0 };
        struct ts_apply_item *owners[TS_APPLY_CHUNK] = { NULL };
        struct ts_batch batch = { .calls = calls, .results = results, .arena = &arena };
        int r;

        for (size_t i = 0; i < n; i++) {
                if (items[i].state != TS_APPLY_PRECONDITION)
                        continue;
                items[i].op = ts_precondition_op(a, items[i].change);
                owners[batch.n] = &items[i];
                calls[batch.n] = ts_apply_item_call(items[i].op, items[i].change);
                calls[batch.n++].is_optional = ts_change_is_denial(items[i].change); /* nothing delays it */
        }
        if (batch.n == 0)
                return 0;
        r = ts_client_run(a->client, &batch, err);
        for (size_t k = 0; r >= 0 && k < batch.n; k++)
                r = take_reading(a, owners[k], &results[k], &arena, err);
        for (size_t k = 0; r >= 0 && k < batch.n; k++)
                if (owners[k]->state == TS_APPLY_WRITE && owners[k]->change->guards_members)
                        r = check_members(a, owners[k], err);
        return r;
}
