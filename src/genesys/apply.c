#include "genesys/apply.h"

#include <errno.h>
#include <string.h>

#include "genesys/apply_item.h"
#include "genesys/precondition.h"
#include "genesys/screen.h"
#include "genesys/verify.h"
#include "util/limits.h"

/* A member that was read just now and is not found by the write: the authorization service has not heard of
 * it yet. And a POST whose answer was lost, once it was seen that it had no effect. */
#define RETRIES_MAX 3u

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

/* ------------------------------------------------------------------------------------------------- writes */

/* Of a trust's creation, its first members share the outcome. */
static void mark_sent(const struct ts_apply_context *a, const struct ts_change *c)
{
        struct ts_outcome *o = ts_apply_item_outcome(a, c);

        o->sent = true;
        o->sent_at = ts_clock_realtime(a->options->clock);
        o->is_verified = o->was_gone = false;
}

static void end_item(struct ts_apply_context *a, struct ts_apply_item *j, enum ts_result result,
                     const char *note)
{
        const struct ts_change *create = j->change, *next;

        ts_apply_item_end(a, j, result, note);
        if (create->action != TS_TRUST_CREATE)
                return;
        for (const struct ts_change *c = ts_apply_item_next_first_member(a, create, create); c; c = next) {
                next = ts_apply_item_next_first_member(a, c, create);
                if (result != TS_APPLIED) {
                        ts_apply_item_end_change(a, c, TS_WAITING, "its trust could not be created");
                        continue;
                }
                mark_sent(a, c);
                ts_apply_item_outcome(a, c)->http_status = ts_apply_item_outcome(a, create)->http_status;
                ts_apply_item_end_change(a, c, TS_APPLIED, NULL);
        }
}

/* What was read a moment ago is there; the service that writes may not have heard of it yet. */
static bool uses_new_objects(const struct ts_change *c)
{
        return ts_apply_item_updates_grants(c) || ts_apply_item_adds_member(c) ||
               c->action == TS_TRUST_CREATE;
}

/* 404 of a write. */
static void take_gone(struct ts_apply_context *a, struct ts_apply_item *j,
                      const struct ts_call_result *result)
{
        const struct ts_change *c = j->change;

        if (ts_operation_info(j->op)->method == TS_DELETE) {
                end_item(a, j, TS_APPLIED, NULL); /* it does not exist: that is the desired result */
        } else if (strcmp(result->code, "trustee.user.not.found") == 0) {
                end_item(a, j, TS_WAITING, "the partner's organization does not know this member (yet)");
        } else if (uses_new_objects(c) && j->n_retries < RETRIES_MAX) {
                j->n_retries++; /* stays to be written */
        } else if (uses_new_objects(c)) {
                end_item(a, j, TS_WAITING,
                         TS_APPLY_NOTE(a,
                                       "%s; a member, role or division that is new may not be known "
                                       "everywhere yet, which may take five minutes: the next cycle tries "
                                       "again",
                                       result->err.msg));
        } else {
                end_item(a, j, TS_FAILED, ts_apply_item_why_failed(a, j->op, result));
        }
}

/* Whether the platform takes `*` for all divisions is not documented. Where it refuses, roles without
 * divisions mean the same, and only that: a set in all divisions throughout is sent so, any other one is not.
 */
static void take_rejected(struct ts_apply_context *a, struct ts_apply_item *j,
                          const struct ts_call_result *result)
{
        enum ts_apply_item_divisions divisions = ts_apply_item_divisions(a, j->change);

        if (divisions == TS_APPLY_ALL_THROUGHOUT && !j->sends_roles) {
                j->sends_roles = true; /* stays to be written */
                ts_buf_reset(&j->body);
        } else if (divisions == TS_APPLY_MIXED) {
                end_item(a, j, TS_FAILED,
                         TS_APPLY_NOTE(a,
                                       "%s; this set has roles in `all` divisions beside roles in single "
                                       "ones, which is sent as the division `*`: if the platform does not "
                                       "take that, only `all` for every role, or divisions for every role, "
                                       "can be written",
                                       ts_apply_item_why_failed(a, j->op, result)));
        } else {
                end_item(a, j, TS_FAILED, ts_apply_item_why_failed(a, j->op, result));
        }
}

/* Call while the response is available. It shows whether the server clears or keeps a date that is left out,
 * which is not documented. */
struct writing {
        const struct ts_apply_context *apply;
        struct ts_apply_item *owners[TS_APPLY_CHUNK];
};

static void on_write(size_t i, const struct ts_call_result *result, void *userdata)
{
        struct writing *w = userdata;
        struct ts_apply_item *j = w->owners[i];

        if (result->verdict == TS_VERDICT_OK)
                ts_screen_answer(w->apply, j, result->json);
        j->keeps_expiry = j->op == TS_OP_UPDATE_TRUSTEE && result->verdict == TS_VERDICT_OK &&
                          ts_apply_item_attributes(j->change, j->change->after).expires == TS_TIME_NEVER &&
                          !j->spells_never && ts_json_get_string(result->json, "dateExpired");
}

static void take_write(struct ts_apply_context *a, struct ts_apply_item *j,
                       const struct ts_call_result *result)
{
        const struct ts_change *c = j->change;

        if (result->verdict == TS_VERDICT_STOPPED)
                return; /* it had no effect */
        mark_sent(a, c);
        ts_apply_item_take_answer(a, c, result);
        switch (result->verdict) {
        case TS_VERDICT_OK:
                if (j->keeps_expiry) {
                        j->spells_never = true; /* stays to be written */
                        ts_buf_reset(&j->body);
                        break;
                }
                a->refuses_all = a->refuses_all || j->sends_roles;
                if (!ts_screen_begin(a, j))
                        end_item(a, j, TS_APPLIED, NULL);
                break;
        case TS_VERDICT_NOT_FOUND:
                j->failure = ts_arena_strdup(&a->outcomes->arena, result->err.msg);
                take_gone(a, j, result);
                break;
        case TS_VERDICT_UNKNOWN:
                j->failure = ts_arena_strdup(&a->outcomes->arena, result->err.msg);
                j->state = TS_APPLY_ASK;
                break;
        case TS_VERDICT_REJECTED:
                if (!result->is_conflict)
                        take_rejected(a, j, result);
                else if (j->n_repeats == 0)
                        end_item(a, j, TS_WAITING, TS_APPLY_DRIFTED);
                else if (!ts_screen_begin(a, j)) /* the first one came through: verified at the end */
                        end_item(a, j, TS_APPLIED, NULL);
                break;
        default:
                end_item(a, j, TS_FAILED, ts_apply_item_why_failed(a, j->op, result));
        }
}

static enum ts_operation write_op(const struct ts_apply_item *j)
{
        if (j->sends_roles && ts_apply_item_updates_grants(j->change))
                return ts_apply_item_member_op(j->change, TS_MEMBER_SET_ROLES);
        return ts_apply_item_write_op(j->change);
}

static int send_writes(struct ts_apply_context *a, struct ts_apply_item *items, size_t n, struct ts_err *err)
{
        struct ts_call calls[TS_APPLY_CHUNK];
        struct ts_call_result results[TS_APPLY_CHUNK];
        struct writing w = { .apply = a };
        struct ts_batch batch = { .calls = calls, .results = results, .on_result = on_write, .userdata = &w };
        int r;

        for (size_t i = 0; i < n; i++) {
                struct ts_apply_item *j = &items[i];

                if (j->state != TS_APPLY_WRITE)
                        continue;
                j->op = write_op(j);
                if (j->body.len == 0)
                        ts_apply_item_put_body(a, j);
                w.owners[batch.n] = j;
                calls[batch.n] = ts_apply_item_call(j->op, j->change);
                calls[batch.n].body = j->body.len > 0 ? ts_buf_text(&j->body) : NULL;
                calls[batch.n++].body_len = j->body.len;
        }
        if (batch.n == 0)
                return 0;
        r = ts_client_run(a->client, &batch, err);
        for (size_t k = 0; k < batch.n; k++)
                take_write(a, w.owners[k], &results[k]);
        return r;
}

/* A POST whose answer was lost: if it had no effect it is sent again, else the verification compares what it
 * did. */
static int ask_for_lost(struct ts_apply_context *a, struct ts_apply_item *items, size_t n, struct ts_err *err)
{
        for (size_t i = 0; i < n; i++) {
                struct ts_apply_item *j = &items[i];
                struct ts_call_result result = { .verdict = TS_VERDICT_STOPPED };
                struct ts_call call;
                struct ts_batch batch = { .calls = &call, .n = 1, .results = &result };
                int r;

                if (j->state != TS_APPLY_ASK)
                        continue;
                j->op = ts_apply_item_presence_op(j->change);
                call = ts_apply_item_call(j->op, j->change);
                r = ts_client_run(a->client, &batch, err);
                if (r < 0)
                        return r;
                if (result.verdict == TS_VERDICT_OK) {
                        if (!ts_screen_begin(a, j))
                                end_item(a, j, TS_APPLIED, NULL);
                } else if (result.verdict == TS_VERDICT_NOT_FOUND && j->n_repeats < RETRIES_MAX) {
                        j->n_repeats++;
                        j->state = TS_APPLY_WRITE;
                } else {
                        end_item(a, j, TS_FAILED,
                                 TS_APPLY_NOTE(a, "its answer was lost, and it does not show: %s",
                                               j->failure));
                }
        }
        return 0;
}

static bool any_in_state(const struct ts_apply_item *items, size_t n, enum ts_apply_item_state state)
{
        for (size_t i = 0; i < n; i++)
                if (items[i].state == state)
                        return true;
        return false;
}

static unsigned larger(unsigned a, unsigned b)
{
        return a > b ? a : b;
}

/* The first repetition need not wait: reading back took its time. */
static unsigned count_retries(const struct ts_apply_item *items, size_t n)
{
        unsigned most = 0;

        for (size_t i = 0; i < n; i++)
                if (items[i].state == TS_APPLY_WRITE)
                        most = larger(most, larger(items[i].n_retries,
                                                   items[i].n_repeats > 0 ? items[i].n_repeats - 1 : 0));
        return most;
}

static int carry_out(struct ts_apply_context *a, struct ts_apply_item *items, size_t n, struct ts_err *err)
{
        int r = ts_precondition_check(a, items, n, err);

        while (r >= 0 && any_in_state(items, n, TS_APPLY_WRITE)) {
                unsigned n_retries = count_retries(items, n);

                if (n_retries > 0)
                        r = ts_client_wait(a->client, TS_USEC_PER_SEC << (n_retries - 1), err);
                if (r >= 0)
                        r = send_writes(a, items, n, err);
                if (r >= 0)
                        r = ask_for_lost(a, items, n, err);
                if (r >= 0)
                        r = ts_screen_items(a, items, n, err);
        }
        /* What was sent is not planned any more, also when nothing more can be done. */
        for (size_t i = 0; i < n; i++)
                if (items[i].state != TS_APPLY_ENDED && ts_change_outcome(items[i].change)->sent)
                        end_item(a, &items[i], TS_FAILED,
                                 TS_APPLY_NOTE(a, "it was sent, and its effect is not known: %s",
                                               items[i].failure));
        return r;
}

/* --------------------------------------------------------------------------------------- pairing requests */

static void take_pairing(struct ts_apply_context *a, struct ts_apply_item *j,
                         const struct ts_call_result *result)
{
        const struct ts_change *c = j->change;
        const struct ts_id *expected = c->direction == TS_TRUSTEE ? &c->trust_id : &a->plan->organization_id;
        const char *created = ts_json_get_string(result->json, "dateCreated");
        struct ts_outcome *o = ts_apply_item_outcome(a, c);
        struct ts_id trustee;

        ts_apply_item_take_answer(a, c, result);
        if (result->verdict != TS_VERDICT_OK) {
                ts_apply_item_end(a, j, TS_FAILED,
                                  ts_apply_item_why_failed(
                                                  a, j->op,
                                                  result)); /* an answer that was lost too: requests lapse */
                return;
        }
        if (!ts_json_get_id(ts_json_get_object(result->json, "trustee"), "id", &trustee) ||
            !ts_id_equal(&trustee, expected)) {
                ts_apply_item_end(a, j, TS_FAILED,
                                  "the pairing request that was made is not of the organization that it "
                                  "should be of");
                return;
        }
        if (!ts_json_get_id(result->json, "id", &o->pairing_id)) {
                ts_apply_item_end(a, j, TS_FAILED, "the pairing request that was made has no id");
                return;
        }
        if (!created || ts_time_parse(created, strlen(created), &o->pairing_created) < 0)
                o->pairing_created = TS_TIME_UNSET;
        ts_apply_item_end(a, j, TS_APPLIED, NULL);
}

/* The trustee asks: that is ourselves, or the partner by its own client. */
static int ask_for_trust(struct ts_apply_context *a, const struct ts_change *c, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_apply_item j = { .change = c,
                                   .op = TS_OP_CREATE_PAIRING,
                                   .body = TS_BUF_INIT(TS_HTTP_REQUEST_MAX_BYTES) };
        bool is_ours = c->direction == TS_TRUSTOR;
        struct ts_client *client = is_ours ? a->client : NULL;
        struct ts_call call = { .op = TS_OP_CREATE_PAIRING };
        struct ts_call_result result = { .verdict = TS_VERDICT_STOPPED };
        struct ts_batch batch = { .calls = &call, .n = 1, .results = &result, .arena = &arena };
        struct ts_err why = { 0 };
        int r;

        if (!is_ours && a->options->partner)
                client = a->options->partner(&c->trust_id, a->options->userdata);
        if (!client) {
                ts_apply_item_end(a, &j, TS_FAILED,
                                  "there is no client of the partner's organization that may write");
                return 0;
        }
        ts_apply_item_put_body(a, &j);
        call.body = ts_buf_text(&j.body);
        call.body_len = j.body.len;
        if (!is_ours)
                ts_client_allow_writes(client, true); /* for this one request */
        r = ts_client_run(client, &batch, &why);
        if (!is_ours)
                ts_client_allow_writes(client, false);
        ts_buf_done(&j.body);
        if (result.verdict != TS_VERDICT_STOPPED) {
                mark_sent(a, c);
                take_pairing(a, &j, &result);
        } else if (!is_ours) {
                ts_apply_item_end(a, &j, TS_FAILED, ts_arena_strdup(&a->outcomes->arena, why.msg));
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
static const struct ts_change *previous_of_trust(const struct ts_apply_context *a, const struct ts_change *c)
{
        size_t i = (size_t) (c - a->plan->changes);

        return i > 0 && ts_change_is_same_trust(&a->plan->changes[i - 1], c) ? &a->plan->changes[i - 1]
                                                                             : NULL;
}

/* Nobody is let into a trust in which somebody still has what was to be taken. */
static bool is_blocked(struct ts_apply_context *a, const struct ts_change *open, const char **ret_note)
{
        for (const struct ts_change *c = previous_of_trust(a, open); c; c = previous_of_trust(a, c)) {
                if (c->phase > TS_PHASE_REDUCE || ts_change_result(c) == TS_APPLIED ||
                    ts_change_result(c) == TS_SKIPPED)
                        continue;
                *ret_note = TS_APPLY_NOTE(
                                a,
                                "the trust is opened only when all is taken away that has to be, and %s of "
                                "%s is %s",
                                ts_action_to_string(c->action),
                                c->subject_name ? c->subject_name : "the trust",
                                ts_result_to_string(ts_change_result(c)));
                return true;
        }
        return false;
}

/* The request that was made for it in this cycle, in front of it in the plan. */
static bool find_pairing(const struct ts_apply_context *a, const struct ts_change *create)
{
        struct ts_outcome *o = ts_apply_item_outcome(a, create);
        const struct ts_change *c = create;

        o->pairing_id = create->pairing_id;
        while (ts_id_is_nil(&o->pairing_id) && (c = previous_of_trust(a, c)))
                if (c->action == TS_PAIRING_CREATE && ts_change_result(c) == TS_APPLIED)
                        o->pairing_id = ts_change_outcome(c)->pairing_id;
        return !ts_id_is_nil(&o->pairing_id);
}

/* What can be said without asking anybody; false: the change has ended. */
static bool item_begin(struct ts_apply_context *a, struct ts_apply_item *j, const struct ts_change *c)
{
        const char *note;

        *j = (struct ts_apply_item){ .change = c,
                                     .op = TS_APPLY_NO_OP,
                                     .body = TS_BUF_INIT(TS_HTTP_REQUEST_MAX_BYTES) };
        j->sends_roles = a->refuses_all && ts_apply_item_divisions(a, c) == TS_APPLY_ALL_THROUGHOUT;
        j->state = ts_precondition_op(a, c) == TS_APPLY_NO_OP ? TS_APPLY_WRITE : TS_APPLY_PRECONDITION;
        if (ts_apply_item_write_op(c) == TS_APPLY_NO_OP)
                end_item(a, j, TS_FAILED, "the API cannot do this from our side");
        else if (c->phase == TS_PHASE_OPEN && is_blocked(a, c, &note))
                end_item(a, j, TS_WAITING, note);
        else if (c->action == TS_TRUST_CREATE && !find_pairing(a, c))
                end_item(a, j, TS_WAITING, "its pairing request could not be made");
        return j->state != TS_APPLY_ENDED;
}

/* While authorization/subjects is being tested, only one member is read. */
static bool has_to_prove(const struct ts_apply_context *a, const struct ts_change *c)
{
        return a->subjects == TS_SUBJECT_READS_UNKNOWN && ts_precondition_op(a, c) == TS_OP_GET_SUBJECT;
}

/* From change *@i on; moves it forward. */
static size_t begin_chunk(struct ts_apply_context *a, enum step step, size_t *i, struct ts_apply_item *items)
{
        size_t n = 0;

        for (; *i < a->plan->n_changes && n < TS_APPLY_CHUNK; (*i)++) {
                const struct ts_change *c = &a->plan->changes[*i];

                if (!ts_change_is_planned(c) || step_of(c) != step)
                        continue;
                n += item_begin(a, &items[n], c);
                if (n > 0 && has_to_prove(a, items[n - 1].change)) {
                        (*i)++;
                        break;
                }
        }
        return n;
}

static int run_step(struct ts_apply_context *a, enum step step, struct ts_err *err)
{
        struct ts_apply_item items[TS_APPLY_CHUNK];
        size_t i = 0, n;
        int r = 0;

        while (r >= 0 && (n = begin_chunk(a, step, &i, items)) > 0) {
                r = carry_out(a, items, n, err);
                for (size_t k = 0; k < n; k++)
                        ts_buf_done(&items[k].body);
        }
        return r;
}

static int ask_for_trusts(struct ts_apply_context *a, struct ts_err *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->plan->n_changes; i++) {
                const struct ts_change *c = &a->plan->changes[i];

                if (ts_change_is_planned(c) && step_of(c) == STEP_ASK)
                        r = ask_for_trust(a, c, err);
        }
        return r;
}

/* What `deny` takes away and was dropped, or failed for a time, is carried out again. A note that it was let
 * in again stays. Return: there is something. */
static bool plan_denials_again(struct ts_apply_context *a)
{
        bool any = false;

        for (size_t i = 0; i < a->plan->n_changes; i++) {
                struct ts_outcome *o = &a->outcomes->items[i];

                if (!ts_apply_item_is_dropped_denial(&a->plan->changes[i]))
                        continue;
                o->result = TS_PLANNED;
                o->note = o->was_gone ? o->note : NULL;
                any = true;
        }
        return any;
}

/* When the client can do nothing more: what was not carried out failed, unless it was stopped on purpose. */
static void give_up(struct ts_apply_context *a, const struct ts_err *err)
{
        if (err->code == -ECANCELED)
                return;
        for (size_t i = 0; i < a->plan->n_changes; i++)
                if (ts_change_is_planned(&a->plan->changes[i]))
                        ts_apply_item_end_change(a, &a->plan->changes[i], TS_FAILED,
                                                 TS_APPLY_NOTE(a, "not tried: %s", err->msg));
}

static int run_steps(struct ts_apply_context *a, struct ts_err *err)
{
        for (enum step step = 0; step < STEP_MAX_; step++) {
                int r = step == STEP_OPEN ? ts_screen_created(a, err) : 0;

                if (r >= 0)
                        r = step == STEP_ASK ? ask_for_trusts(a, err) : run_step(a, step, err);
                if (r < 0) {
                        give_up(a, err);
                        return r;
                }
        }
        return 0;
}

int ts_apply(struct ts_client *client, const struct ts_plan *plan, struct ts_live *live,
             const struct ts_apply_options *options, struct ts_outcomes *outcomes, struct ts_err *err)
{
        struct ts_apply_context a = { .client = client,
                                      .plan = plan,
                                      .outcomes = outcomes,
                                      .live = live,
                                      .options = options,
                                      .subjects = options->subjects,
                                      .n_deny_retries = options->n_deny_retries };

        (void) plan_denials_again(&a);
        for (;;) {
                int r = run_steps(&a, err);

                if (r < 0 || options->is_unverified)
                        return r;
                r = ts_verify(&a, err);
                if (r < 0 || a.n_deny_retries == 0 || !plan_denials_again(&a))
                        return r;
                a.n_deny_retries--;
        }
}

void ts_apply_describe(const struct ts_change *change, struct ts_buf *out)
{
        enum ts_operation op = ts_apply_item_write_op(change);
        struct ts_call call;

        if (op == TS_APPLY_NO_OP)
                return; /* the API cannot do that from our side */
        call = ts_apply_item_call(op, change);
        ts_operation_describe(op, call.ids, ts_operation_info(op)->n_ids, out);
}
