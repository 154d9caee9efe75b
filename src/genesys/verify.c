#include "genesys/verify.h"

#include <errno.h>
#include <stdlib.h>

#include "trust/propagation.h"
#include "util/mem.h"

#define VERIFY_BATCH 64u
#define DENIAL_READS 2u /* which show what `deny` has taken away, until it is taken away again */

enum shown {
        SHOWN_AS_DESIRED,
        SHOWN_AS_BEFORE, /* or on the way */
        SHOWN_AGAIN,     /* it was removed, and let in again */
        SHOWN_OTHERWISE,
        SHOWN_ALARM, /* a trust gives more than was asked for */
        SHOWN_NOTHING,
};

struct check {
        const struct ts_change *change;
        enum ts_operation op;
        enum shown shown;
        const char *failure; /* of a read that brought nothing */
};

struct checks {
        struct check *items;
        size_t n, n_allocated;
};

static bool is_removal(const struct ts_change *c)
{
        return c->action == TS_TRUST_DELETE || ts_apply_item_removes_member(c);
}

static enum ts_operation check_op(const struct ts_apply_context *a, const struct ts_change *c)
{
        if (c->action == TS_PAIRING_CREATE)
                return TS_APPLY_NO_OP; /* its answer brought its id */
        if (c->direction == TS_TRUSTOR || !c->grants_managed || ts_apply_item_removes_member(c) ||
            c->kind == TS_KIND_TRUST)
                return ts_apply_item_presence_op(c);
        if (c->n_after > 0 && a->subjects == TS_SUBJECT_READS_PROVEN)
                return TS_OP_GET_SUBJECT;
        return ts_apply_item_member_op(c, TS_MEMBER_GET_ROLES);
}

/* Has the trust got a default role or full access since it was read, though nobody asked for it? */
static bool gives_unasked(const struct ts_apply_context *a, const struct ts_change *c,
                          const struct ts_trust *t)
{
        const struct ts_trust *before = ts_live_find_trust(a->live, c->direction, &c->trust_id);

        if (c->action == TS_CARE_CREATE)
                return t->has_full_access || t->is_trusted_user ||
                       (t->uses_default_role && !c->assign_default_role);
        return (t->uses_default_role && !(before && before->uses_default_role)) ||
               (t->has_full_access && !(before && before->has_full_access)) ||
               (t->is_trusted_user && !(before && before->is_trusted_user));
}

static enum shown check_trust(const struct ts_apply_context *a, const struct ts_change *c,
                              const struct ts_json *json, struct ts_arena *arena, struct ts_err *err)
{
        struct ts_trust_attributes before = ts_apply_item_attributes(c, c->before),
                                   after = ts_apply_item_attributes(c, c->after);
        struct ts_trust t;

        if (c->action == TS_TRUST_DELETE)
                return SHOWN_AS_BEFORE;
        if (ts_read_trust(json, c->direction, arena, &t, err) < 0)
                return SHOWN_NOTHING;
        if (gives_unasked(a, c, &t))
                return SHOWN_ALARM;
        if (c->action == TS_CARE_CREATE)
                return SHOWN_AS_DESIRED;
        if (!ts_id_equal(&t.id, &c->trust_id))
                return SHOWN_OTHERWISE;
        if (ts_apply_item_has_attributes(&t, &after))
                return SHOWN_AS_DESIRED;
        return c->action != TS_TRUST_CREATE && ts_apply_item_has_attributes(&t, &before) ? SHOWN_AS_BEFORE
                                                                                         : SHOWN_OTHERWISE;
}

/* All grants held are either old or desired ones: the change is still propagating. */
static enum shown check_grants(struct ts_apply_context *a, const struct check *k, const struct ts_json *json,
                               struct ts_arena *arena, struct ts_err *err)
{
        const struct ts_change *c = k->change;
        bool roles_only = k->op != TS_OP_GET_SUBJECT;
        struct ts_grant_set before = ts_grant_set_of(c->grants_before, c->n_before, roles_only, arena);
        struct ts_grant_set after = ts_grant_set_of(c->grants_after, c->n_after, roles_only, arena);
        struct ts_grant_set now = { 0 };

        if (ts_apply_item_read_grants(a, c, k->op, json, arena, &now, err) < 0)
                return SHOWN_NOTHING;
        if (ts_grant_set_equal(&now, &after))
                return SHOWN_AS_DESIRED;
        for (size_t i = 0; i < now.n; i++)
                if (!ts_grant_set_has(&before, &now.items[i]) && !ts_grant_set_has(&after, &now.items[i]))
                        return SHOWN_OTHERWISE;
        return SHOWN_AS_BEFORE;
}

/* Its removal was seen in effect, or it is a member since then. */
static bool was_let_in_again(const struct ts_apply_context *a, const struct ts_change *c,
                             const struct ts_json *json)
{
        const struct ts_outcome *o = ts_change_outcome(c);
        int64_t removed = o->sent_at + a->live->clock_skew_sec;

        return ts_apply_item_removes_member(c) && o->sent &&
               (o->was_gone || ts_member_is_newer(ts_read_member_created(json, c->kind), removed));
}

static enum shown evaluate_check(struct ts_apply_context *a, const struct check *k,
                                 const struct ts_call_result *result, struct ts_arena *arena,
                                 struct ts_err *err)
{
        const struct ts_change *c = k->change;
        const struct ts_json *json = result->json;
        bool gone = result->verdict == TS_VERDICT_NOT_FOUND;
        bool removes = is_removal(c);
        bool is_update = c->kind == TS_KIND_TRUST && c->action != TS_TRUST_CREATE &&
                         c->action != TS_CARE_CREATE;

        if (result->verdict != TS_VERDICT_OK && !gone) {
                *err = result->err;
                return SHOWN_NOTHING;
        }
        if (!gone && ts_apply_item_lists_clones(k->op))
                json = ts_apply_item_find_entity(json, &c->subject_id);
        if (gone || !json)
                return removes ? SHOWN_AS_DESIRED : is_update ? SHOWN_OTHERWISE : SHOWN_AS_BEFORE;
        if (c->kind == TS_KIND_TRUST)
                return check_trust(a, c, json, arena, err);
        if (k->op == TS_OP_GET_SUBJECT || k->op == ts_apply_item_member_op(c, TS_MEMBER_GET_ROLES))
                return check_grants(a, k, json, arena, err);
        if (!removes)
                return SHOWN_AS_DESIRED;
        return was_let_in_again(a, c, json) ? SHOWN_AGAIN : SHOWN_AS_BEFORE;
}

struct check_batch {
        struct ts_apply_context *apply;
        size_t n, n_read;
        struct check *checks[VERIFY_BATCH];
        struct ts_call calls[VERIFY_BATCH];
};

static void on_check(size_t i, const struct ts_call_result *result, void *userdata)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct check_batch *b = userdata;
        struct check *k = b->checks[i];
        struct ts_err err = { 0 };

        k->shown = evaluate_check(b->apply, k, result, &arena, &err);
        if (k->shown == SHOWN_NOTHING)
                k->failure = ts_arena_strdup(&b->apply->outcomes->arena, err.msg);
        else
                b->n_read++;
}

static uint64_t now_usec(const struct ts_apply_context *a)
{
        return ts_clock_boottime(a->options->clock);
}

/* Each read is tried once, as the next round asks again: the client's own repetitions know of no end of ours,
 * and may wait for a quarter of an hour. A token that is refused is not renewed for them either, which can
 * wait for the next cycle. */
static struct ts_call check_call(const struct check *k)
{
        struct ts_call call = ts_apply_item_call(k->op, k->change);

        call.is_optional = true;
        return call;
}

static int check_all(struct ts_apply_context *a, struct checks *checks, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct check_batch *b = ts_calloc(1, sizeof(*b));
        struct ts_batch batch = { .calls = b->calls, .on_result = on_check, .userdata = b };

        b->apply = a;
        for (size_t first = 0; first < checks->n; first += b->n) {
                int r;

                if (first > 0 && b->n_read == 0 && now_usec(a) >= a->verify_until_usec)
                        break; /* nobody answers, and the time is over */
                b->n_read = 0;
                for (b->n = 0; b->n < VERIFY_BATCH && first + b->n < checks->n; b->n++) {
                        b->checks[b->n] = &checks->items[first + b->n];
                        b->calls[b->n] = check_call(b->checks[b->n]);
                }
                batch.n = b->n;
                batch.until_usec = a->verify_until_usec;
                r = ts_client_run(a->client, &batch, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What was found gone before its removal was sent, by one answer: whoever is there all the same is not gone,
 * and no time need be given to it. */
static void end_unsent(struct ts_apply_context *a, const struct check *k)
{
        if (k->shown == SHOWN_NOTHING)
                ts_apply_item_end_change(
                                a, k->change, TS_WAITING,
                                TS_APPLY_NOTE(a,
                                              "it was not found before its removal, and nothing was written; "
                                              "that could not be looked at again: %s",
                                              k->failure));
        else
                ts_apply_item_end_change(
                                a, k->change, TS_WAITING,
                                "it was not found before its removal, and is there all the same: nothing "
                                "was written, the next cycle decides");
}

static void end_let_in_again(struct ts_apply_context *a, const struct check *k)
{
        bool is_retried = ts_change_is_denial(k->change) && a->n_deny_retries > 0;
        struct ts_outcome *o = ts_apply_item_outcome(a, k->change);

        o->was_gone = true;
        ts_apply_item_end_change(a, k->change, TS_WAITING,
                                 TS_APPLY_NOTE(a, "it was removed at %s, and let in again%s",
                                               ts_time_format(o->sent_at).s,
                                               is_retried ? "" : ": the next cycle removes it again"));
}

/* Those that are not settled stay. */
static void drop_settled(struct ts_apply_context *a, struct checks *checks)
{
        size_t n = 0;

        for (size_t i = 0; i < checks->n; i++) {
                struct check *k = &checks->items[i];

                if (k->shown == SHOWN_ALARM)
                        ts_apply_item_end_change(
                                        a, k->change, TS_FAILED,
                                        "ALARM: the trust reports a default role, full access or "
                                        "trusted user access that nobody asked for: look at it in the "
                                        "admin screen at once");
                else if (!ts_change_outcome(k->change)->sent &&
                         (k->shown == SHOWN_AS_BEFORE || k->shown == SHOWN_OTHERWISE))
                        end_unsent(a, k);
                else if (k->shown == SHOWN_AGAIN)
                        end_let_in_again(a, k);
                else if (k->shown == SHOWN_AS_DESIRED)
                        ts_apply_item_outcome(a, k->change)->is_verified = true;
                else
                        checks->items[n++] = *k;
        }
        checks->n = n;
}

/* What `deny` takes away waits for nothing: where it shows, it is taken away again. Return: something was
 * dropped. */
static bool drop_denials(struct ts_apply_context *a, struct checks *checks, unsigned n_reads)
{
        bool any = false;
        size_t n = 0;

        for (size_t i = 0; i < checks->n; i++) {
                struct check *k = &checks->items[i];

                if (ts_change_is_denial(k->change) && ts_change_outcome(k->change)->sent &&
                    n_reads >= DENIAL_READS)
                        ts_apply_item_end_change(
                                        a, k->change, TS_WAITING,
                                        "it was accepted and does not show yet: it is carried out again");
                else
                        checks->items[n++] = *k;
        }
        checks->n = n;
        for (size_t i = 0; i < a->plan->n_changes; i++)
                any = any || ts_apply_item_is_dropped_denial(&a->plan->changes[i]);
        return any;
}

static void end_unshown(struct ts_apply_context *a, const struct check *k, const char *note)
{
        ts_apply_item_outcome(a, k->change)->is_unshown = true;
        ts_apply_item_end_change(a, k->change, TS_FAILED, note);
}

static void end_unsettled(struct ts_apply_context *a, const struct checks *checks)
{
        for (size_t i = 0; i < checks->n; i++) {
                const struct check *k = &checks->items[i];

                if (!ts_change_outcome(k->change)->sent)
                        end_unsent(a, k);
                else if (k->shown == SHOWN_AS_BEFORE && k->change->n_unshown > 0)
                        end_unshown(a, k,
                                    "it was sent before, accepted again, and still has no effect: look at "
                                    "it in the admin screen");
                else if (k->shown == SHOWN_AS_BEFORE)
                        ts_apply_item_end_change(a, k->change, TS_WAITING,
                                                 "it was accepted and does not show yet, which may take five "
                                                 "minutes: the next cycle looks again");
                else if (k->shown == SHOWN_OTHERWISE)
                        end_unshown(a, k,
                                    "it was accepted, and something else shows: somebody may have changed it "
                                    "at the same time; the next cycle decides");
                else
                        ts_apply_item_end_change(
                                        a, k->change, TS_WAITING,
                                        TS_APPLY_NOTE(a, "it was accepted, and could not be read back: %s",
                                                      k->failure));
        }
}

static void collect_checks(const struct ts_apply_context *a, struct checks *checks)
{
        for (size_t i = 0; i < a->plan->n_changes; i++) {
                const struct ts_change *c = &a->plan->changes[i];
                const struct ts_outcome *o = &a->outcomes->items[i];
                bool is_checked = o->result == TS_APPLIED && (o->sent || is_removal(c)) && !o->is_verified;
                enum ts_operation op = is_checked ? check_op(a, c) : TS_APPLY_NO_OP;

                if (op == TS_APPLY_NO_OP)
                        continue;
                TS_GROW(checks->items, checks->n_allocated, checks->n);
                checks->items[checks->n++] = (struct check){
                        .change = c,
                        .op = op,
                        .shown = SHOWN_NOTHING,
                        .failure = "the time for it was over",
                };
        }
}

/* Until everything is settled or the time is over. Return: 1: what `deny` takes away is to be carried out
 * again before that; 0; negative when the client can do nothing more. */
static int check_until_settled(struct ts_apply_context *a, struct checks *checks, struct ts_err *err)
{
        uint64_t pause = TS_USEC_PER_SEC, now;

        for (unsigned n_reads = 1; checks->n > 0; n_reads++) {
                int r = check_all(a, checks, err);

                if (r < 0)
                        return r;
                drop_settled(a, checks);
                if (a->n_deny_retries > 0 && drop_denials(a, checks, n_reads))
                        return 1;
                now = now_usec(a);
                if (checks->n == 0 || now >= a->verify_until_usec)
                        break;
                pause = pause < a->verify_until_usec - now ? pause : a->verify_until_usec - now;
                r = ts_client_wait(a->client, pause, err);
                if (r < 0)
                        return r;
                pause *= 2;
        }
        return 0;
}

int ts_verify(struct ts_apply_context *a, struct ts_err *err)
{
        struct checks checks = { 0 };
        int r;

        if (a->verify_until_usec == 0)
                a->verify_until_usec = now_usec(a) + a->options->verify_usec;
        collect_checks(a, &checks);
        r = check_until_settled(a, &checks, err);
        if (r == 0)
                end_unsettled(a, &checks);
        free(checks.items);
        return r == -ECANCELED || r > 0 ? 0 : r; /* stopped: every change has an outcome all the same */
}
