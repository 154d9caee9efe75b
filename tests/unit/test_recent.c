/* recent: is a write given time to show, and a fight told and slowed down? */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "trust/recent.h"
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

START_TEST(test_recent)
{
        TS_CLEANUP(ts_memory_freep) struct ts_memory *memory = ts_memory_new();
        int64_t now = START;

        for (size_t i = 0; i < cases[_i].n; i++) {
                const struct step *s = &cases[_i].steps[i];
                TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(s);
                struct ts_memory *new = ts_memory_new();
                struct ts_change *c = &plan->changes[0];

                now += s->after;
                ts_recent_check(plan, memory, now);
                ck_assert_msg(c->result == s->expected, "%s: step %zu: %s", cases[_i].name, i + 1,
                              ts_result_to_string(c->result));
                ck_assert_msg(c->reason == s->expected_reason, "%s: step %zu: %s", cases[_i].name, i + 1,
                              ts_reason_to_string(c->reason));
                ck_assert_msg((c->note != NULL) == (c->result == TS_WAITING), "%s: step %zu", cases[_i].name,
                              i + 1);
                c->sent = c->result == TS_PLANNED;
                c->result = c->sent ? TS_APPLIED : c->result;
                ts_recent_remember(new, memory, plan, now);
                ts_memory_free(memory);
                memory = new;
        }
}
END_TEST

START_TEST(test_other_objects)
{
        TS_CLEANUP(ts_memory_freep) struct ts_memory *old = ts_memory_new();
        TS_CLEANUP(ts_memory_freep) struct ts_memory *memory = ts_memory_new();
        struct step s = { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        TS_CLEANUP(ts_plan_freep) struct ts_plan *next = plan_of(&s);

        plan->changes[0].sent = true;
        plan->changes[0].result = TS_APPLIED;
        ts_recent_remember(memory, old, plan, START);
        next->changes[0].subject_id.bytes[0] = 3;
        ts_recent_check(next, memory, START + 1);
        ck_assert_int_eq(next->changes[0].result, TS_PLANNED);

        plan->changes[0].result = TS_FAILED; /* nothing is known of its effect: it is tried again */
        ts_memory_free(memory);
        memory = ts_memory_new();
        ts_recent_remember(memory, old, plan, START);
        ck_assert_uint_eq(memory->n_writes, 0);

        plan->changes[0].result = TS_WAITING; /* the API does not know the user yet */
        plan->changes[0].http_status = 404;
        ts_memory_free(memory);
        memory = ts_memory_new();
        ts_recent_remember(memory, old, plan, START);
        ck_assert_uint_eq(memory->n_writes, 0);

        ts_recent_check(next, NULL, START);
        ck_assert_int_eq(next->changes[0].result, TS_PLANNED);

        plan->changes[0].action = TS_PAIRING_CREATE; /* another one is another request */
        plan->changes[0].result = TS_APPLIED;
        ts_memory_free(memory);
        memory = ts_memory_new();
        ts_recent_remember(memory, old, plan, START);
        ck_assert_uint_eq(memory->n_writes, 0);
}
END_TEST

/* What the API did not refuse may have had its effect, also when it said that something went wrong. */
START_TEST(test_written_perhaps)
{
        static const long statuses[] = { 200, 399, 400, 429, 499, 500, 503 };
        struct step s = { 0, ADD, CONFIG, false, TS_PLANNED, CONFIG };

        for (size_t i = 0; i < TS_N_ELEMENTS(statuses); i++) {
                TS_CLEANUP(ts_memory_freep) struct ts_memory *old = ts_memory_new();
                TS_CLEANUP(ts_memory_freep) struct ts_memory *memory = ts_memory_new();
                TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);

                plan->changes[0].sent = true;
                plan->changes[0].result = TS_WAITING;
                plan->changes[0].http_status = statuses[i];
                ts_recent_remember(memory, old, plan, START);
                ck_assert_msg(memory->n_writes == (statuses[i] < 400 || statuses[i] >= 500), "%ld",
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
        TS_CLEANUP(ts_memory_freep) struct ts_memory *old = ts_memory_new();
        TS_CLEANUP(ts_memory_freep) struct ts_memory *memory = ts_memory_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        struct ts_change *c = &plan->changes[0];

        c->sent = true;
        c->result = TS_APPLIED;
        ts_recent_remember(memory, old, plan, START);
        c->result = TS_PLANNED;
        c->before.expires = 12345; /* it shows something else: not the same write again */
        c->add = (struct ts_grant_changes){ added, 2 };
        c->remove = (struct ts_grant_changes){ removed, 2 };
        ts_recent_check(plan, memory, START + 60);
        ck_assert_int_eq(c->result, TS_PLANNED);
        ck_assert_int_eq(c->reason, CONFIG);
        ck_assert(added[0].reason == CONFIG && added[1].reason == CONFIG);
        ck_assert(removed[0].reason == TS_REASON_DENIED && removed[1].reason == CONFIG);
}
END_TEST

/* What is not going to be written anyway keeps its result and note; one object says nothing of another. */
START_TEST(test_not_planned)
{
        struct step s = { 0, ADD, DRIFT, false, TS_PLANNED, DRIFT };
        TS_CLEANUP(ts_memory_freep) struct ts_memory *old = ts_memory_new();
        TS_CLEANUP(ts_memory_freep) struct ts_memory *memory = ts_memory_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&s);
        TS_CLEANUP(ts_plan_freep) struct ts_plan *other = plan_of(&s);

        plan->changes[0].sent = true;
        plan->changes[0].result = TS_APPLIED;
        ts_recent_remember(memory, old, plan, START);
        memory->corrections[0].n = TS_FIGHT_MIN;
        ts_change_end(&plan->changes[0], TS_HELD, "held");
        ts_recent_check(plan, memory, START + 60);
        ck_assert_int_eq(plan->changes[0].result, TS_HELD);
        ck_assert_str_eq(plan->changes[0].note, "held");
        ck_assert_uint_eq(plan->changes[0].n_corrected, 0);

        other->changes[0].subject_id.bytes[0] = 3;
        ts_recent_check(other, memory, START + 600);
        ck_assert_int_eq(other->changes[0].result, TS_PLANNED);
        ck_assert_uint_eq(other->changes[0].n_corrected, 0);
}
END_TEST

/* One object, put back again and again by @action at the earliest time that is allowed. */
struct fight {
        struct ts_memory *memory;
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
        struct ts_memory *new = ts_memory_new();
        enum ts_result result;

        c->phase = f->phase;
        c->by = f->by;
        ts_recent_check(plan, f->memory, now);
        result = c->result;
        (void) snprintf(f->note, sizeof(f->note), "%s", c->note ? c->note : "");
        c->sent = c->result == TS_PLANNED;
        c->result = c->sent ? TS_APPLIED : c->result;
        ts_recent_remember(new, f->memory, plan, now);
        ts_memory_free(f->memory);
        f->memory = new;
        return result;
}

/* The time between two corrections doubles, up to six hours, and then stays. */
START_TEST(test_longest_wait)
{
        static const int64_t minutes[] = { 15, 30, 60, 120, 240, 360, 360, 360 };
        struct fight f = { ts_memory_new(), ADD, TS_PHASE_ADD, NULL, "" };
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
        ts_memory_free(f.memory);
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
        struct fight f = { ts_memory_new(), fights[_i].action, fights[_i].phase, NULL, "" };

        for (unsigned i = 0; i < TS_FIGHT_MIN; i++)
                ck_assert_int_eq(round_of(&f, START + 600 * (int64_t) i), TS_PLANNED);
        ck_assert_msg(round_of(&f, START + 600 * (int64_t) TS_FIGHT_MIN) == fights[_i].result, "%s",
                      ts_action_to_string(fights[_i].action));
        ts_memory_free(f.memory);
}
END_TEST

START_TEST(test_who_fights)
{
        static const char *const by[] = { NULL, "eve@acme.example" };
        static const char *const notes[] = {
                "put back 3 times since 1970-01-12T13:46:40Z and changed again: other hands want something "
                "else; the next time not before 1970-01-12T14:21:40Z",
                "put back 3 times since 1970-01-12T13:46:40Z and changed again by eve@acme.example: other "
                "hands want something else; the next time not before 1970-01-12T14:21:40Z",
        };
        struct fight f = { ts_memory_new(), ADD, TS_PHASE_ADD, by[_i], "" };

        for (unsigned i = 0; i < TS_FIGHT_MIN; i++)
                (void) round_of(&f, START + 600 * (int64_t) i);
        (void) round_of(&f, START + 600 * (int64_t) TS_FIGHT_MIN);
        ck_assert_str_eq(f.note, notes[_i]);
        ts_memory_free(f.memory);
}
END_TEST

/* A record that is longer than ours ever are: its oldest are forgotten, not its newest. */
START_TEST(test_longer_record)
{
        TS_CLEANUP(ts_memory_freep) struct ts_memory *old = ts_memory_new();
        TS_CLEANUP(ts_memory_freep) struct ts_memory *new = ts_memory_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *nothing = ts_plan_new();
        const size_t n = TS_CORRECTIONS_MAX + 5;

        old->corrections = TS_ARENA_ARRAY(&old->arena, struct ts_memory_correction, n);
        old->n_corrections = n;
        for (size_t i = 0; i < n; i++)
                old->corrections[i] = (struct ts_memory_correction){ START, START, 1, i };
        ts_recent_remember(new, old, nothing, START);
        ck_assert_uint_eq(new->n_corrections, TS_CORRECTIONS_MAX);
        ck_assert_uint_eq(new->corrections[0].object, 5);
        ck_assert_uint_eq(new->corrections[TS_CORRECTIONS_MAX - 1].object, n - 1);
}
END_TEST

START_TEST(test_bounded)
{
        TS_CLEANUP(ts_memory_freep) struct ts_memory *memory = ts_memory_new();
        struct step s = { 0, REMOVE, DRIFT, false, TS_PLANNED, DRIFT };

        for (unsigned round = 0; round < 3; round++) {
                TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
                struct ts_memory *new = ts_memory_new();

                for (unsigned i = 0; i < TS_CORRECTIONS_MAX / 2 + 1; i++) {
                        TS_CLEANUP(ts_plan_freep) struct ts_plan *one = plan_of(&s);
                        struct ts_change *c = ts_plan_add_change(plan);

                        *c = one->changes[0];
                        memcpy(c->subject_id.bytes, &(unsigned[]){ round, i }, 2 * sizeof(unsigned));
                        c->sent = true;
                        c->result = TS_APPLIED;
                }
                ts_recent_remember(new, memory, plan, START + 1000 * (int64_t) round);
                ts_memory_free(memory);
                memory = new;
        }
        ck_assert_uint_eq(memory->n_corrections, TS_CORRECTIONS_MAX);
        ck_assert_uint_eq(memory->n_writes, TS_CORRECTIONS_MAX / 2 + 1);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("recent");
        TCase *tc = tcase_create("recent");

        tcase_add_loop_test(tc, test_recent, 0, (int) TS_N_ELEMENTS(cases));
        tcase_add_test(tc, test_other_objects);
        tcase_add_test(tc, test_written_perhaps);
        tcase_add_test(tc, test_grants_of_a_write);
        tcase_add_test(tc, test_not_planned);
        tcase_add_test(tc, test_longest_wait);
        tcase_add_loop_test(tc, test_what_slows_down, 0, (int) TS_N_ELEMENTS(fights));
        tcase_add_loop_test(tc, test_who_fights, 0, 2);
        tcase_add_test(tc, test_longer_record);
        tcase_add_test(tc, test_bounded);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
