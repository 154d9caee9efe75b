/* decide: which step wins, of a change that several would end */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "trust/contention.h"
#include "trust/decide.h"
#include "trust/propagation.h"
#include "util/macros.h"

#define NOW 1800000000

/* Two trusts of one organization; an index is the trust, then its changes. */
struct world {
        struct ts_live *live;
        struct ts_last_applied *last_applied;
        struct ts_plan *plan;
        struct ts_limits limits;
        struct ts_decide_input in;
        char reviewed[200];
};

static struct ts_change *add(struct world *w, uint8_t trust, enum ts_action action, enum ts_reason reason)
{
        struct ts_change *c = ts_plan_add_change(w->plan);

        c->action = action;
        c->reason = reason;
        c->kind = TS_KIND_USER;
        c->phase = action == TS_USER_REMOVE ? TS_PHASE_REMOVE : TS_PHASE_ADD;
        c->trust_alias = trust == 1 ? "contoso" : "fabrikam";
        c->trust_id.bytes[0] = trust;
        c->subject_id.bytes[0] = (uint8_t) (w->plan->n_changes);
        if (action == TS_USER_REMOVE)
                ts_change_count_removal(c);
        return c;
}

static void world_init(struct world *w)
{
        *w = (struct world){ .live = ts_live_new(),
                             .last_applied = ts_last_applied_new(),
                             .plan = ts_plan_new(),
                             .limits = { 10, 20, 3, 25, 25 } };
        w->plan->organization = "acme";
        w->plan->catalog = &w->live->catalog;
        w->last_applied->path = "/state/x";
        w->in = (struct ts_decide_input){
                .live = w->live,
                .limits = &w->limits,
                .last_applied = w->last_applied,
                .now = NOW,
                .recorded_now = NOW,
        };
}

static void world_done(struct world *w)
{
        ts_plan_free(w->plan);
        ts_last_applied_free(w->last_applied);
        ts_live_free(w->live);
}

/* It was written a minute ago; @put_back: and put back before, again and again. */
static void record_write(struct world *w, const struct ts_change *c, bool put_back)
{
        uint64_t object = ts_change_object_key(c);
        struct ts_digest d = ts_plan_digest_change(w->plan, c);

        w->last_applied->writes = TS_ARENA_NEW(&w->last_applied->arena, struct ts_last_applied_write);
        w->last_applied->writes[w->last_applied->n_writes++] = (struct ts_last_applied_write){
                .when = NOW - 60, .object = object, .change = ts_digest_shorten(&d), .drift = true
        };
        if (!put_back)
                return;
        w->last_applied->corrections =
                        TS_ARENA_NEW(&w->last_applied->arena, struct ts_last_applied_correction);
        w->last_applied->corrections[w->last_applied->n_corrections++] =
                        (struct ts_last_applied_correction){ NOW - 60, NOW - 60, TS_FIGHT_MIN, object };
}

static void require(const struct ts_change *c, enum ts_result result, const char *note)
{
        ck_assert_msg(ts_change_result(c) == result, "%s: %s", ts_result_to_string(ts_change_result(c)),
                      c->note);
        if (note)
                ck_assert_msg(c->note && strstr(c->note, note), "%s", c->note);
}

/* Each row takes one step away: the next one in the table of decide.h has the word. */
static const struct {
        const char *name;
        bool written, fights, lost, over, paused, denied, dry;
        enum ts_result result;
        const char *note;
} order[] = {
        { "propagation comes first", true, true, true, true, true, false, false, TS_WAITING, "five minutes" },
        { "then contention", false, true, true, true, true, false, false, TS_WAITING, "other hands" },
        { "then the pause", false, false, true, true, true, false, false, TS_HELD, "paused by eve" },
        { "then a lost record", false, false, true, true, false, false, false, TS_HELD, "refused" },
        { "then the limits", false, false, false, true, false, false, false, TS_HELD, "refused" },
        { "which a dry run shows as planned", false, false, true, true, false, false, true, TS_PLANNED,
          NULL },
        { "`deny` passes all of them", true, true, true, true, true, true, false, TS_PLANNED, NULL },
        { "nothing holds it", false, false, false, false, false, false, false, TS_PLANNED, NULL },
};

START_TEST(test_order)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_change *c;

        world_init(&w);
        (void) add(&w, 1, TS_USER_ADD, TS_REASON_DRIFT);
        (void) add(&w, 1, TS_USER_REMOVE, TS_REASON_CONFIG);
        c = &w.plan->changes[0];
        if (order[_i].denied)
                c->reason = TS_REASON_DENIED;
        if (order[_i].written || order[_i].fights)
                record_write(&w, c, order[_i].fights);
        if (!order[_i].written)
                w.last_applied->n_writes = 0;
        if (order[_i].lost)
                w.last_applied->status = TS_LAST_APPLIED_DAMAGED;
        if (order[_i].over)
                w.limits.removals_per_cycle = 0;
        w.in.paused = order[_i].paused ? "paused by eve" : NULL;
        w.in.is_dry = order[_i].dry;
        ts_decide(w.plan, &w.in);
        require(c, order[_i].result, order[_i].note);
        ck_assert(w.plan->refused == (order[_i].lost || order[_i].over));
        if (order[_i].lost)
                ck_assert_str_eq(w.plan->refusals[0].limit, "state");
}
END_TEST

/* A review of one trust: its changes by config pass the limits, and what comes from the other side is held.
 */
START_TEST(test_review_of_a_trust)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_change *c;

        world_init(&w);
        w.limits = (struct ts_limits){ 0, 0, 0, 0, 25 };
        (void) add(&w, 1, TS_USER_ADD, TS_REASON_CONFIG);
        (void) add(&w, 1, TS_USER_REMOVE, TS_REASON_DENIED);
        (void) add(&w, 2, TS_USER_REMOVE, TS_REASON_CONFIG);
        (void) add(&w, 2, TS_USER_REMOVE, TS_REASON_EXPIRED);
        (void) add(&w, 2, TS_USER_REMOVE, TS_REASON_DRIFT);
        (void) add(&w, 3, TS_USER_REMOVE, TS_REASON_DRIFT);
        ts_plan_digest_trusts(w.plan);
        ck_assert_uint_eq(w.plan->n_trust_digests, 2);
        ck_assert_uint_eq(w.plan->trust_digests[1].n, 2);
        (void) snprintf(w.reviewed, sizeof(w.reviewed), "sha256:0,%s",
                        ts_digest_format(&w.plan->trust_digests[1].digest).s);
        w.in.reviewed = w.reviewed;
        w.in.unmatched = _i == 0 ? NULL : "sha256:0 covers nothing";
        ts_decide(w.plan, &w.in);
        c = w.plan->changes;
        ck_assert(!w.plan->refused);
        require(&c[0], TS_HELD, "reviewed");
        require(&c[1], TS_PLANNED, NULL);
        require(&c[2], TS_PLANNED, NULL);
        require(&c[3], TS_PLANNED, NULL);
        require(&c[4], TS_HELD, "reviewed");
        require(&c[5], TS_HELD, "reviewed");
        ck_assert_uint_eq(w.plan->n_refusals, (unsigned) _i);
}
END_TEST

/* What another one adds changes no digest but its own. */
START_TEST(test_digest_of_a_trust)
{
        TS_CLEANUP(world_done) struct world one, two;

        world_init(&one);
        (void) add(&one, 2, TS_USER_REMOVE, TS_REASON_CONFIG);
        ts_plan_digest_trusts(one.plan);
        world_init(&two);
        (void) add(&two, 2, TS_USER_REMOVE, TS_REASON_CONFIG);
        (void) add(&two, 2, TS_USER_REMOVE, TS_REASON_DRIFT);
        (void) add(&two, 1, TS_USER_REMOVE, TS_REASON_CONFIG);
        two.plan->changes[2].direction = TS_TRUSTOR;
        (void) add(&two, 1, TS_USER_ADD, TS_REASON_CONFIG);
        ts_change_end(&two.plan->changes[3], TS_WAITING, "later");
        ts_plan_digest_trusts(two.plan);
        ck_assert_uint_eq(one.plan->n_trust_digests, 1);
        ck_assert_uint_eq(two.plan->n_trust_digests, 2);
        ck_assert_mem_eq(&one.plan->trust_digests[0].digest, &two.plan->trust_digests[0].digest,
                         sizeof(struct ts_digest));
}
END_TEST

/* A digest that covers nothing, of the whole run or of any trust: nothing is written. */
START_TEST(test_reviews)
{
        TS_CLEANUP(world_done) struct world none, whole, elsewhere;

        world_init(&none);
        (void) add(&none, 1, TS_USER_ADD, TS_REASON_CONFIG);
        none.in.reviewed = "sha256:0";
        none.in.unmatched = "it covers nothing";
        ts_decide(none.plan, &none.in);
        ck_assert(none.plan->refused);
        require(&none.plan->changes[0], TS_HELD, "refused");

        world_init(&whole);
        whole.limits.removals_per_cycle = 0;
        (void) add(&whole, 1, TS_USER_REMOVE, TS_REASON_DRIFT);
        whole.in.reviewed = "sha256:0";
        whole.in.is_reviewed_whole = true;
        ts_decide(whole.plan, &whole.in);
        require(&whole.plan->changes[0], TS_PLANNED, NULL);

        world_init(&elsewhere); /* it covers something of another organization */
        (void) add(&elsewhere, 1, TS_USER_ADD, TS_REASON_CONFIG);
        elsewhere.in.reviewed = "sha256:0";
        ts_decide(elsewhere.plan, &elsewhere.in);
        ck_assert_uint_eq(elsewhere.plan->n_refusals, 0);
        require(&elsewhere.plan->changes[0], TS_HELD, "reviewed");
}
END_TEST

/* A review does not make a lost record known. */
START_TEST(test_review_and_record)
{
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        (void) add(&w, 1, TS_USER_REMOVE, TS_REASON_CONFIG);
        ts_plan_digest_trusts(w.plan);
        (void) snprintf(w.reviewed, sizeof(w.reviewed), " %s, ",
                        ts_digest_format(&w.plan->trust_digests[0].digest).s);
        w.last_applied->status = TS_LAST_APPLIED_NEWER;
        w.in.reviewed = w.reviewed;
        ts_decide(w.plan, &w.in);
        require(&w.plan->changes[0], TS_HELD, "refused");
}
END_TEST

/* A lost record refuses before the review is looked at; and what stands before the reviewed trust has no
 * digest of its own. */
START_TEST(test_review_behind_others)
{
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        (void) add(&w, 1, TS_USER_REMOVE, TS_REASON_DRIFT);
        (void) add(&w, 2, TS_USER_REMOVE, TS_REASON_CONFIG);
        ts_plan_digest_trusts(w.plan);
        ck_assert_uint_eq(w.plan->n_trust_digests, 1);
        (void) snprintf(w.reviewed, sizeof(w.reviewed), "%s",
                        ts_digest_format(&w.plan->trust_digests[0].digest).s);
        w.in.reviewed = w.reviewed;
        if (_i == 1) {
                w.in.unmatched = "sha256:0 covers nothing";
                w.last_applied->status = TS_LAST_APPLIED_DAMAGED;
        }
        ts_decide(w.plan, &w.in);
        ck_assert(w.plan->refused == (_i == 1));
        require(&w.plan->changes[0], TS_HELD, _i == 1 ? "refused" : "reviewed");
        require(&w.plan->changes[1], _i == 1 ? TS_HELD : TS_PLANNED, NULL);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("decide");
        TCase *tc = tcase_create("decide");

        tcase_add_loop_test(tc, test_order, 0, (int) TS_N_ELEMENTS(order));
        tcase_add_loop_test(tc, test_review_of_a_trust, 0, 2);
        tcase_add_test(tc, test_digest_of_a_trust);
        tcase_add_test(tc, test_reviews);
        tcase_add_test(tc, test_review_and_record);
        tcase_add_loop_test(tc, test_review_behind_others, 0, 2);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
