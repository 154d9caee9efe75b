/* propagation, contention: is a write given time to show, one that never shows reported, a fight slowed down?
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"
#include "suite.h"
#include "trust/contention.h"
#include "trust/propagation.h"
#include "util/macros.h"

#define START 1000000

struct step {
        int64_t after; /* seconds since the step before */
        enum ts_action action;
        enum ts_reason reason;
        bool other_state; /* the API shows something else than in the first step */
        enum ts_result expected;
        enum ts_reason expected_reason;
};

#define ADD TS_USER_ADD
#define REMOVE TS_USER_REMOVE
#define ENABLE TS_TRUST_ENABLE
#define CONFIG TS_REASON_CONFIG
#define DRIFT TS_REASON_DRIFT

static const struct {
        const char *name;
        struct step steps[9]; /* after 0 and the action of a trust's creation end: n says how many */
        size_t n;
} cases[] = {
        { "written once", { { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG } }, 1 },
        { "not written again before it shows",
          { { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG }, { 299, ADD, DRIFT, false, TS_WAITING, CONFIG } },
          2 },
        { "after five minutes it is drift",
          { { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG }, { 300, ADD, DRIFT, false, TS_PLANNED, DRIFT } },
          2 },
        { "another difference is written, and is no drift",
          { { 0, ENABLE, CONFIG, false, TS_PLANNED, CONFIG },
            { 60, ENABLE, DRIFT, true, TS_PLANNED, CONFIG } },
          2 },
        { "a correction that does not show yet is still drift",
          { { 0, REMOVE, DRIFT, false, TS_PLANNED, DRIFT }, { 60, REMOVE, DRIFT, false, TS_WAITING, DRIFT } },
          2 },
        { "the clock was set back",
          { { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG }, { -3600, ADD, DRIFT, false, TS_PLANNED, DRIFT } },
          2 },
        { "what is given slows down at the fourth time",
          { { 0, ADD, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, ADD, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, ADD, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, ADD, DRIFT, false, TS_WAITING, DRIFT },
            { 299, ADD, DRIFT, false, TS_WAITING, DRIFT },
            { 1, ADD, DRIFT, false, TS_PLANNED, DRIFT },
            { 1799, ADD, DRIFT, false, TS_WAITING, DRIFT },
            { 1, ADD, DRIFT, false, TS_PLANNED, DRIFT } },
          8 },
        { "what is taken never does",
          { { 0, REMOVE, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, REMOVE, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, REMOVE, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, REMOVE, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, REMOVE, DRIFT, false, TS_PLANNED, DRIFT } },
          5 },
        { "a declaration is no fight",
          { { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG },
            { 600, ADD, CONFIG, false, TS_PLANNED, CONFIG },
            { 600, ADD, CONFIG, false, TS_PLANNED, CONFIG },
            { 600, ADD, CONFIG, false, TS_PLANNED, CONFIG } },
          4 },
        { "a day of peace ends it",
          { { 0, ADD, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, ADD, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, ADD, DRIFT, false, TS_PLANNED, DRIFT },
            { 86400, ADD, DRIFT, false, TS_PLANNED, DRIFT },
            { 600, ADD, DRIFT, false, TS_PLANNED, DRIFT } },
          5 },
};

static void check(struct ts_plan *plan, const struct ts_last_applied *last_applied, int64_t now)
{
        ts_propagation_check(plan, NULL, last_applied, now);
        ts_contention_check(plan, last_applied, now);
}

static void note_written(struct ts_last_applied *new, const struct ts_last_applied *old,
                         const struct ts_plan *plan, int64_t now)
{
        ts_propagation_record(new, old, plan, NULL, true, now);
        ts_contention_record(new, old, plan, now);
}

static struct ts_plan *plan_of(const struct step *s)
{
        struct ts_plan *plan = ts_plan_new();
        struct ts_change *c = ts_plan_add_change(plan);

        plan->organization = "acme";
        c->action = s->action;
        c->phase = s->action == REMOVE ? TS_PHASE_REMOVE : TS_PHASE_ADD;
        c->reason = s->reason;
        c->kind = s->action == ENABLE ? TS_KIND_TRUST : TS_KIND_USER;
        c->trust_id.bytes[0] = 1;
        c->subject_id.bytes[0] = s->action == ENABLE ? 0 : 2;
        c->subject_name = "jane";
        c->before.expires = s->other_state ? 12345 : TS_TIME_NEVER;
        return plan;
}

START_TEST(test_steps)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        int64_t now = START;

        for (size_t i = 0; i < cases[_i].n; i++) {
                const struct step *s = &cases[_i].steps[i];
                TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(s);
                struct ts_last_applied *new = ts_last_applied_new();
                struct ts_change *c = &plan->changes[0];

                now += s->after;
                check(plan, last_applied, now);
                ck_assert_msg(ts_change_result(c) == s->expected, "%s: step %zu: %s", cases[_i].name, i + 1,
                              ts_result_to_string(ts_change_result(c)));
                ck_assert_msg(c->reason == s->expected_reason, "%s: step %zu: %s", cases[_i].name, i + 1,
                              ts_reason_to_string(c->reason));
                ck_assert_msg((c->note != NULL) == (ts_change_result(c) == TS_WAITING), "%s: step %zu",
                              cases[_i].name, i + 1);
                outcome_of(plan, c)->sent = ts_change_result(c) == TS_PLANNED;
                c->decision = ts_change_outcome(c)->sent ? TS_APPLIED : ts_change_result(c);
                note_written(new, last_applied, plan, now);
                ts_last_applied_free(last_applied);
                last_applied = new;
        }
}
END_TEST

START_TEST(test_other_objects)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        struct step s = { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        TS_CLEANUP(ts_plan_freep) struct ts_plan *next = plan_of(&s);

        outcome_of(plan, &plan->changes[0])->sent = true;
        plan->changes[0].decision = TS_APPLIED;
        note_written(last_applied, old, plan, START);
        next->changes[0].subject_id.bytes[0] = 3;
        check(next, last_applied, START + 1);
        ck_assert_int_eq(ts_change_result(&next->changes[0]), TS_PLANNED);

        plan->changes[0].decision = TS_FAILED; /* nothing is known of its effect: it is tried again */
        ts_last_applied_free(last_applied);
        last_applied = ts_last_applied_new();
        note_written(last_applied, old, plan, START);
        ck_assert_uint_eq(last_applied->n_writes, 0);

        plan->changes[0].decision = TS_WAITING; /* not allowed */
        outcome_of(plan, &plan->changes[0])->http_status = 403;
        ts_last_applied_free(last_applied);
        last_applied = ts_last_applied_new();
        note_written(last_applied, old, plan, START);
        ck_assert_uint_eq(last_applied->n_writes, 0);

        check(next, NULL, START);
        ck_assert_int_eq(ts_change_result(&next->changes[0]), TS_PLANNED);

        plan->changes[0].action = TS_PAIRING_CREATE; /* another one is another request */
        plan->changes[0].decision = TS_APPLIED;
        ts_last_applied_free(last_applied);
        last_applied = ts_last_applied_new();
        note_written(last_applied, old, plan, START);
        ck_assert_uint_eq(last_applied->n_writes, 0);
}
END_TEST

/* What the API did not refuse may have had its effect, also when it said that something went wrong. */
START_TEST(test_written_perhaps)
{
        static const long statuses[] = { 200, 399, 400, 429, 499, 500, 503 };
        struct step s = { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG };

        for (size_t i = 0; i < TS_N_ELEMENTS(statuses); i++) {
                TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
                TS_CLEANUP(ts_last_applied_freep)
                struct ts_last_applied *last_applied = ts_last_applied_new();
                TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);

                outcome_of(plan, &plan->changes[0])->sent = true;
                plan->changes[0].decision = TS_WAITING;
                outcome_of(plan, &plan->changes[0])->http_status = statuses[i];
                note_written(last_applied, old, plan, START);
                ck_assert_msg(last_applied->n_writes == (statuses[i] < 400 || statuses[i] >= 500), "%ld",
                              statuses[i]);
        }
}
END_TEST

/* What we have just written is no drift, of single grants neither. */
START_TEST(test_grants_of_a_write)
{
        struct ts_grant_change added[] = { { 0, 0, DRIFT, { 0 } }, { 0, 1, CONFIG, { 0 } } };
        struct ts_grant_change removed[] = { { 1, 0, TS_REASON_DENIED, { 0 } }, { 1, 1, DRIFT, { 0 } } };
        struct step s = { 0, TS_TRUST_UPDATE, CONFIG, false, TS_PLANNED, CONFIG };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        struct ts_change *c = &plan->changes[0];

        outcome_of(plan, c)->sent = true;
        c->decision = TS_APPLIED;
        note_written(last_applied, old, plan, START);
        c->decision = TS_PLANNED;
        c->before.expires = 12345; /* it shows something else: not the same write again */
        c->add = (struct ts_grant_changes){ added, 2 };
        c->remove = (struct ts_grant_changes){ removed, 2 };
        check(plan, last_applied, START + 60);
        ck_assert_int_eq(ts_change_result(c), TS_PLANNED);
        ck_assert_int_eq(c->reason, CONFIG);
        ck_assert(added[0].reason == CONFIG && added[1].reason == CONFIG);
        ck_assert(removed[0].reason == TS_REASON_DENIED && removed[1].reason == CONFIG);
}
END_TEST

/* What is not going to be written anyway keeps its result and note; one object says nothing of another. */
START_TEST(test_not_planned)
{
        struct step s = { 0, ADD, DRIFT, false, TS_PLANNED, DRIFT };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        TS_CLEANUP(ts_plan_freep) struct ts_plan *other = plan_of(&s);

        outcome_of(plan, &plan->changes[0])->sent = true;
        plan->changes[0].decision = TS_APPLIED;
        note_written(last_applied, old, plan, START);
        last_applied->corrections[0].n = TS_FIGHT_MIN;
        ts_change_end(&plan->changes[0], TS_HELD, "held");
        check(plan, last_applied, START + 60);
        ck_assert_int_eq(ts_change_result(&plan->changes[0]), TS_HELD);
        ck_assert_str_eq(plan->changes[0].note, "held");
        ck_assert_uint_eq(plan->changes[0].n_corrected, 0);

        other->changes[0].subject_id.bytes[0] = 3;
        check(other, last_applied, START + 600);
        ck_assert_int_eq(ts_change_result(&other->changes[0]), TS_PLANNED);
        ck_assert_uint_eq(other->changes[0].n_corrected, 0);
}
END_TEST

/* One object, put back again and again by @action at the earliest time that is allowed. */
struct fight {
        struct ts_last_applied *last_applied;
        enum ts_action action;
        enum ts_phase phase;
        const char *by;
        char note[256];
};

static enum ts_result round_of(struct fight *f, int64_t now)
{
        struct step s = { 0, f->action, DRIFT, false, TS_PLANNED, DRIFT };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        struct ts_change *c = &plan->changes[0];
        struct ts_last_applied *new = ts_last_applied_new();
        enum ts_result result;

        c->phase = f->phase;
        c->by = f->by;
        check(plan, f->last_applied, now);
        result = ts_change_result(c);
        (void) snprintf(f->note, sizeof(f->note), "%s", c->note ? c->note : "");
        outcome_of(plan, c)->sent = ts_change_result(c) == TS_PLANNED;
        c->decision = ts_change_outcome(c)->sent ? TS_APPLIED : ts_change_result(c);
        note_written(new, f->last_applied, plan, now);
        ts_last_applied_free(f->last_applied);
        f->last_applied = new;
        return result;
}

/* The time between two corrections doubles, up to six hours, and then stays. */
START_TEST(test_longest_wait)
{
        static const int64_t minutes[] = { 15, 30, 60, 120, 240, 360, 360, 360 };
        struct fight f = { ts_last_applied_new(), ADD, TS_PHASE_ADD, NULL, "" };
        int64_t now = START;

        for (unsigned i = 0; i < TS_FIGHT_MIN; i++, now += 600)
                ck_assert_int_eq(round_of(&f, now), TS_PLANNED);
        now -= 600;
        for (size_t i = 0; i < TS_N_ELEMENTS(minutes); i++) {
                ck_assert_msg(round_of(&f, now + minutes[i] * 60 - 1) == TS_WAITING, "not after %d minutes",
                              (int) minutes[i]);
                now += minutes[i] * 60;
                ck_assert_msg(round_of(&f, now) == TS_PLANNED, "after %d minutes", (int) minutes[i]);
        }
        ts_last_applied_free(f.last_applied);
}
END_TEST

/* What slows down: what gives. Of an update, only that which takes nothing. */
static const struct {
        enum ts_action action;
        enum ts_phase phase;
        enum ts_result result; /* at the fourth time */
} fights[] = {
        { TS_USER_ADD, TS_PHASE_ADD, TS_WAITING },       { TS_USER_UPDATE, TS_PHASE_ADD, TS_WAITING },
        { TS_USER_UPDATE, TS_PHASE_REDUCE, TS_PLANNED }, { TS_USER_REMOVE, TS_PHASE_REMOVE, TS_PLANNED },
        { TS_TRUST_ENABLE, TS_PHASE_OPEN, TS_WAITING },  { TS_TRUST_UPDATE, TS_PHASE_OPEN, TS_WAITING },
        { TS_TRUST_UPDATE, TS_PHASE_CLOSE, TS_PLANNED }, { TS_TRUST_DISABLE, TS_PHASE_CLOSE, TS_PLANNED },
};

START_TEST(test_what_slows_down)
{
        struct fight f = { ts_last_applied_new(), fights[_i].action, fights[_i].phase, NULL, "" };

        for (unsigned i = 0; i < TS_FIGHT_MIN; i++)
                ck_assert_int_eq(round_of(&f, START + 600 * (int64_t) i), TS_PLANNED);
        ck_assert_msg(round_of(&f, START + 600 * (int64_t) TS_FIGHT_MIN) == fights[_i].result, "%s",
                      ts_action_to_string(fights[_i].action));
        ts_last_applied_free(f.last_applied);
}
END_TEST

START_TEST(test_who_fights)
{
        static const char *const by[] = { NULL, "eve@acme.example" };
        struct fight f = { ts_last_applied_new(), ADD, TS_PHASE_ADD, by[_i], "" };

        for (unsigned i = 0; i < TS_FIGHT_MIN; i++)
                (void) round_of(&f, START + 600 * (int64_t) i);
        (void) round_of(&f, START + 600 * (int64_t) TS_FIGHT_MIN);
        ck_assert_ptr_nonnull(f.note);
        message_is(by[_i] ? "somebody known" : "somebody unknown", f.note);
        ts_last_applied_free(f.last_applied);
}
END_TEST

/* A record that is longer than ours ever are: its oldest are forgotten, not its newest. */
START_TEST(test_longer_record)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *new = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *nothing = ts_plan_new();
        const size_t n = TS_CORRECTIONS_MAX + 5;

        old->corrections = TS_ARENA_ARRAY(&old->arena, struct ts_last_applied_correction, n);
        old->n_corrections = n;
        for (size_t i = 0; i < n; i++)
                old->corrections[i] = (struct ts_last_applied_correction){ START, START, 1, i };
        note_written(new, old, nothing, START);
        ck_assert_uint_eq(new->n_corrections, TS_CORRECTIONS_MAX);
        ck_assert_uint_eq(new->corrections[0].object, 5);
        ck_assert_uint_eq(new->corrections[TS_CORRECTIONS_MAX - 1].object, n - 1);
}
END_TEST

START_TEST(test_bounded)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        struct step s = { 0, REMOVE, DRIFT, false, TS_PLANNED, DRIFT };

        for (unsigned round = 0; round < 3; round++) {
                TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
                struct ts_last_applied *new = ts_last_applied_new();

                for (unsigned i = 0; i < TS_CORRECTIONS_MAX / 2 + 1; i++) {
                        TS_CLEANUP(ts_plan_freep) struct ts_plan *one = plan_of(&s);
                        struct ts_change *c = ts_plan_add_change(plan);

                        *c = one->changes[0];
                        memcpy(c->subject_id.bytes, &(unsigned[]){ round, i }, 2 * sizeof(unsigned));
                        outcome_of(plan, c)->sent = true;
                        c->decision = TS_APPLIED;
                }
                note_written(new, last_applied, plan, START + 1000 * (int64_t) round);
                ts_last_applied_free(last_applied);
                last_applied = new;
        }
        ck_assert_uint_eq(last_applied->n_corrections, TS_CORRECTIONS_MAX);
        ck_assert_uint_eq(last_applied->n_writes, TS_CORRECTIONS_MAX / 2 + 1);
}
END_TEST

/* ------------------------------------------------------------------------------------- what never shows */

struct attempt {
        int64_t after; /* seconds since the one before */
        enum ts_result expected;
        uint32_t n_unshown;
};

/* Accepted, and the old state shows for ever. */
static const struct {
        const char *name;
        enum ts_action action;
        enum ts_phase phase;
        bool enables, expires;
        struct attempt attempts[12];
        size_t n;
} ignored[] = {
        { "a removal is tried every quarter of an hour",
          REMOVE,
          TS_PHASE_REMOVE,
          false,
          false,
          { { 0, TS_PLANNED, 0 },
            { 299, TS_WAITING, 0 },
            { 1, TS_FAILED, 1 },
            { 599, TS_FAILED, 1 },
            { 1, TS_PLANNED, 1 },
            { 299, TS_WAITING, 0 },
            { 1, TS_FAILED, 2 },
            { 599, TS_FAILED, 2 },
            { 1, TS_PLANNED, 2 } },
          9 },
        { "what is given slows down",
          TS_USER_UPDATE,
          TS_PHASE_ADD,
          false,
          false,
          { { 0, TS_PLANNED, 0 },
            { 300, TS_FAILED, 1 },
            { 600, TS_PLANNED, 1 },
            { 1799, TS_FAILED, 2 },
            { 1, TS_PLANNED, 2 },
            { 3599, TS_FAILED, 3 } },
          6 },
        { "an end",
          TS_TRUST_UPDATE,
          TS_PHASE_CLOSE,
          false,
          true,
          { { 0, TS_PLANNED, 0 }, { 300, TS_FAILED, 1 } },
          2 },
        { "a trust that stays off",
          TS_TRUST_ENABLE,
          TS_PHASE_OPEN,
          true,
          false,
          { { 0, TS_PLANNED, 0 }, { 300, TS_FAILED, 1 } },
          2 },
        { "both",
          TS_TRUST_DISABLE,
          TS_PHASE_CLOSE,
          true,
          true,
          { { 0, TS_PLANNED, 0 }, { 300, TS_FAILED, 1 } },
          2 },
};

START_TEST(test_ignored)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        struct step s = { 0, ignored[_i].action, DRIFT, false, TS_PLANNED, DRIFT };
        bool told = false;
        int64_t now = START;

        for (size_t i = 0; i < ignored[_i].n; i++) {
                const struct attempt *a = &ignored[_i].attempts[i];
                TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
                struct ts_last_applied *new = ts_last_applied_new();
                struct ts_change *c = &plan->changes[0];

                now += a->after;
                c->phase = ignored[_i].phase;
                c->changes_enabled = ignored[_i].enables;
                c->changes_expires = ignored[_i].expires;
                check(plan, last_applied, now);
                ck_assert_msg(ts_change_result(c) == a->expected && c->n_unshown == a->n_unshown,
                              "%s: %zu: %s, %u", ignored[_i].name, i + 1,
                              ts_result_to_string(ts_change_result(c)), c->n_unshown);
                if (ts_change_result(c) == TS_FAILED && !told)
                        message_is(ignored[_i].name, c->note);
                told = told || ts_change_result(c) == TS_FAILED;
                outcome_of(plan, c)->sent = ts_change_result(c) == TS_PLANNED;
                if (ts_change_outcome(c)->sent) { /* read back, and not seen */
                        outcome_of(plan, c)->sent_at = now;
                        c->decision = c->n_unshown > 0 ? TS_FAILED : TS_WAITING;
                        outcome_of(plan, c)->is_unshown = c->n_unshown > 0;
                }
                note_written(new, last_applied, plan, now + 30);
                ck_assert_uint_eq(new->n_writes, 1);
                ck_assert_uint_eq(new->n_corrections, 1); /* nobody puts it back */
                ts_last_applied_free(last_applied);
                last_applied = new;
        }
}
END_TEST

/* Once it shows, it is forgotten; where not everything was looked at, after a day. */
START_TEST(test_until_it_shows)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *nothing = ts_plan_new();
        static const struct {
                int64_t age;
                bool sees_all;
                size_t n;
        } views[] = {
                { 10, true, 0 }, { 10, false, 1 }, { 86399, false, 1 }, { 86400, false, 0 }, { -10, false, 0 }
        };

        old->writes = TS_ARENA_NEW(&old->arena, struct ts_last_applied_write);
        old->writes[old->n_writes++] =
                        (struct ts_last_applied_write){ .when = START, .object = 1, .change = 2 };
        for (size_t i = 0; i < TS_N_ELEMENTS(views); i++) {
                TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *new = ts_last_applied_new();

                ts_propagation_record(new, old, nothing, NULL, views[i].sees_all, START + views[i].age);
                ck_assert_msg(new->n_writes == views[i].n, "%zu", i);
        }
}
END_TEST

/* What is not known yet is tried again at once, for five minutes from the first attempt. */
START_TEST(test_missing)
{
        static const struct {
                int64_t after;
                long status;
                enum ts_result expected;
        } attempts[] = {
                { 0, 404, TS_PLANNED },  { 100, 410, TS_PLANNED }, { 199, 404, TS_PLANNED },
                { 1, 404, TS_FAILED },   { 599, 404, TS_FAILED },  { 1, 404, TS_PLANNED },
                { 10, 404, TS_PLANNED }, { 400, 200, TS_FAILED },
        };
        struct step s = { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        int64_t now = START;

        for (size_t i = 0; i < TS_N_ELEMENTS(attempts); i++) {
                TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
                struct ts_last_applied *new = ts_last_applied_new();
                struct ts_change *c = &plan->changes[0];

                now += attempts[i].after;
                check(plan, last_applied, now);
                ck_assert_msg(ts_change_result(c) == attempts[i].expected, "%zu: %s", i,
                              ts_result_to_string(ts_change_result(c)));
                outcome_of(plan, c)->sent = ts_change_result(c) == TS_PLANNED;
                outcome_of(plan, c)->sent_at = now;
                if (ts_change_outcome(c)->sent) {
                        c->decision = TS_WAITING;
                        outcome_of(plan, c)->http_status = attempts[i].status;
                }
                note_written(new, last_applied, plan, now);
                ck_assert_uint_eq(new->n_writes, 1);
                ts_last_applied_free(last_applied);
                last_applied = new;
        }
}
END_TEST

/* Since when something has been missing: since the first attempt at the same change that found it so. */
static const struct {
        bool was_missing, is_other_change;
        int64_t when;
} first_attempts[] = {
        { true, false, START },
        { false, false, START + 60 },
        { true, true, START + 60 },
};

START_TEST(test_first_attempt)
{
        struct step s = { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *first = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *second = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        struct ts_change *c = &plan->changes[0];

        outcome_of(plan, c)->sent = true;
        outcome_of(plan, c)->sent_at = START;
        c->decision = TS_WAITING;
        outcome_of(plan, c)->http_status = first_attempts[_i].was_missing ? 404 : 200;
        note_written(first, old, plan, START);
        outcome_of(plan, c)->sent_at = START + 60;
        outcome_of(plan, c)->http_status = 404;
        if (first_attempts[_i].is_other_change)
                c->action = REMOVE;
        note_written(second, first, plan, START + 60);
        ck_assert_uint_eq(second->n_writes, 1);
        ck_assert_int_eq(second->writes[0].when, first_attempts[_i].when);
}
END_TEST

/* A clock that was set back says nothing of a write that never showed. */
START_TEST(test_written_in_the_future)
{
        struct step s = { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        struct ts_change *c = &plan->changes[0];

        outcome_of(plan, c)->sent = true;
        c->decision = TS_WAITING;
        note_written(last_applied, old, plan, START);
        c->decision = TS_PLANNED;
        check(plan, last_applied, START - 3600);
        ck_assert_int_eq(ts_change_result(c), TS_PLANNED);
        ck_assert_uint_eq(c->n_unshown, 0);
}
END_TEST

/* A removal by the declarations: whoever is let in again is drift; whoever still shows is not. */
START_TEST(test_let_in_again_after_a_declared_removal)
{
        struct step s = { 0, REMOVE, CONFIG, false, TS_PLANNED, CONFIG };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        TS_CLEANUP(ts_live_freep) struct ts_live *live = ts_live_new();
        struct ts_member member = { .id = { { 2 } }, .created = START + (_i == 0 ? 5 : -5) };
        struct ts_trust trust = { .id = { { 1 } }, .users = { .items = &member, .n = 1 } };
        struct ts_change *c = &plan->changes[0];

        live->trusts = &trust;
        live->n_trusts = 1;
        outcome_of(plan, c)->sent = true;
        c->decision = TS_WAITING; /* it was not seen to be gone */
        note_written(last_applied, old, plan, START);
        c->decision = TS_PLANNED;
        c->reason = DRIFT;
        ts_propagation_check(plan, live, last_applied, START + 60);
        ck_assert_int_eq(c->reason, _i == 0 ? DRIFT : CONFIG);
}
END_TEST

/* `deny` waits for nothing. */
START_TEST(test_denied_does_not_wait)
{
        struct step s = { 0, REMOVE, TS_REASON_DENIED, false, TS_PLANNED, DRIFT };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);

        outcome_of(plan, &plan->changes[0])->sent = true;
        plan->changes[0].decision = TS_WAITING;
        note_written(last_applied, old, plan, START);
        plan->changes[0].decision = TS_PLANNED;
        check(plan, last_applied, START + 1);
        ck_assert_int_eq(ts_change_result(&plan->changes[0]), TS_PLANNED);
}
END_TEST

/* Who is there again since our removal was let in by somebody. */
static const struct {
        enum ts_action action;
        enum ts_kind kind;
        int64_t created; /* after the removal; 0: not known */
        int64_t skew;
        bool is_there, is_known; /* the member; its trust */
        enum ts_result result;
        bool was_seen; /* it was read back, and gone */
} returns[] = {
        { REMOVE, TS_KIND_USER, 5, 0, true, true, TS_PLANNED },
        { REMOVE, TS_KIND_USER, -2, 0, true, true, TS_PLANNED },
        { REMOVE, TS_KIND_USER, -3, 0, true, true, TS_WAITING },
        { REMOVE, TS_KIND_USER, 5, 60, true, true, TS_WAITING },
        { REMOVE, TS_KIND_USER, 58, 60, true, true, TS_PLANNED },
        { REMOVE, TS_KIND_USER, 5, 3600, true, true, TS_PLANNED }, /* written down in the server's time */
        { REMOVE, TS_KIND_USER, 0, 0, true, true, TS_WAITING },
        { REMOVE, TS_KIND_USER, 0, 0, true, true, TS_PLANNED, true },
        { REMOVE, TS_KIND_USER, -3, 0, true, true, TS_PLANNED, true },
        { TS_CLONE_REMOVE, TS_KIND_CLONE, 0, 0, true, true, TS_PLANNED, true },
        { TS_CLONE_REMOVE, TS_KIND_CLONE, 0, 0, true, true, TS_WAITING },
        { REMOVE, TS_KIND_USER, 0, 0, false, true, TS_WAITING, true },
        { REMOVE, TS_KIND_USER, 5, 0, false, true, TS_WAITING },
        { REMOVE, TS_KIND_USER, 5, 0, true, false, TS_WAITING },
        { TS_GROUP_REMOVE, TS_KIND_GROUP, 5, 0, true, true, TS_PLANNED },
        { TS_CLONE_REMOVE, TS_KIND_CLONE, 5, 0, true, true, TS_PLANNED },
        { ADD, TS_KIND_USER, 5, 0, true, true, TS_WAITING },
        { TS_TRUST_DISABLE, TS_KIND_TRUST, 5, 0, true, true, TS_WAITING },
};

START_TEST(test_let_in_again)
{
        struct step s = { 0, returns[_i].action, DRIFT, false, TS_PLANNED, DRIFT };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        TS_CLEANUP(ts_live_freep) struct ts_live *live = ts_live_new();
        struct ts_member member = { .id = { { 2 } }, .created = TS_TIME_UNSET };
        struct ts_trust trust = { .id = { { 1 } } };
        struct ts_change *c = &plan->changes[0];

        if (returns[_i].created != 0)
                member.created = START + returns[_i].created;
        for (enum ts_collection i = 0; i < TS_COLLECTIONS; i++)
                trust.collections[i] = (struct ts_members){ .items = &member, .n = returns[_i].is_there };
        live->trusts = &trust;
        live->n_trusts = returns[_i].is_known;
        live->clock_skew_sec = returns[_i].skew;

        c->kind = returns[_i].kind;
        c->subject_id.bytes[0] = 2;
        outcome_of(plan, c)->sent = true;
        outcome_of(plan, c)->sent_at = START - (returns[_i].skew > 300 ? returns[_i].skew : 0);
        c->decision = returns[_i].was_seen && _i % 2 > 0 ? TS_APPLIED : TS_WAITING;
        outcome_of(plan, c)->was_gone = returns[_i].was_seen && ts_change_result(c) == TS_WAITING;
        ts_propagation_record(last_applied, old, plan, live, true, START + 30);
        ck_assert_int_eq(last_applied->writes[0].when, START);
        c->decision = TS_PLANNED;
        ts_propagation_check(plan, live, last_applied, START + 60);
        ck_assert_int_eq(ts_change_result(c), returns[_i].result);
        ck_assert_int_eq(c->reason, DRIFT);
        ck_assert_ptr_nonnull(
                        returns[_i].action == ADD || returns[_i].result == TS_WAITING ? c : (void *) c->note);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("propagation");
        TCase *tc = tcase_create("propagation");

        tcase_add_loop_test(tc, test_steps, 0, (int) TS_N_ELEMENTS(cases));
        tcase_add_test(tc, test_other_objects);
        tcase_add_test(tc, test_written_perhaps);
        tcase_add_test(tc, test_grants_of_a_write);
        tcase_add_test(tc, test_not_planned);
        tcase_add_test(tc, test_longest_wait);
        tcase_add_loop_test(tc, test_what_slows_down, 0, (int) TS_N_ELEMENTS(fights));
        tcase_add_loop_test(tc, test_who_fights, 0, 2);
        tcase_add_test(tc, test_longer_record);
        tcase_add_test(tc, test_bounded);
        tcase_add_loop_test(tc, test_ignored, 0, (int) TS_N_ELEMENTS(ignored));
        tcase_add_test(tc, test_until_it_shows);
        tcase_add_test(tc, test_missing);
        tcase_add_loop_test(tc, test_first_attempt, 0, (int) TS_N_ELEMENTS(first_attempts));
        tcase_add_test(tc, test_written_in_the_future);
        tcase_add_loop_test(tc, test_let_in_again_after_a_declared_removal, 0, 2);
        tcase_add_test(tc, test_denied_does_not_wait);
        tcase_add_loop_test(tc, test_let_in_again, 0, (int) TS_N_ELEMENTS(returns));
        suite_add_tcase(s, tc);
        return run_suite(s);
}
