#include "genesys/scheduler.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/coroutine.h"

/* ---------------------------------------------------------------------------------------------- coroutine */

struct steps {
        struct ts_coroutine *self, *other;
        struct ts_buf log;
};

static void other_body(void *userdata)
{
        struct steps *s = userdata;

        ts_buf_puts(&s->log, "c");
        ts_coroutine_suspend(s->other);
        ts_buf_puts(&s->log, "e");
}

static void self_body(void *userdata)
{
        struct steps *s = userdata;

        ts_buf_puts(&s->log, "b");
        ck_assert(ts_coroutine_resume(s->other));
        ts_coroutine_suspend(s->self);
        ck_assert(!ts_coroutine_resume(s->other));
        ts_buf_puts(&s->log, "f");
}

START_TEST(test_coroutines_take_turns)
{
        struct steps s = { .log = TS_BUF_INIT(100) };

        s.self = ts_coroutine_new(self_body, &s);
        s.other = ts_coroutine_new(other_body, &s);
        ck_assert(s.self && s.other);
        ts_buf_puts(&s.log, "a");
        ck_assert(ts_coroutine_resume(s.self));
        ts_buf_puts(&s.log, "d");
        ck_assert(!ts_coroutine_resume(s.self));
        ck_assert_str_eq(ts_buf_text(&s.log), "abcdef");
        ts_coroutine_free(s.self);
        ts_coroutine_free(s.other);
        ts_buf_done(&s.log);
}
END_TEST

/* -------------------------------------------------------------- a transport whose answers take their time */

#define MSEC 1000u

/* A request's url is the time that its answer takes, in milliseconds. */
struct exchange {
        uint64_t at_usec;
        ts_transport_done on_done;
        void *userdata;
};

struct world {
        struct ts_transport base;
        struct ts_clock clock;
        struct ts_scheduler *scheduler;
        uint64_t now_usec;
        struct exchange queue[128];
        size_t n_queue, n_pumps;
        int fails; /* what pump returns; 0: it works */
        uint64_t interrupt_usec;
        struct ts_buf log;
};

static uint64_t world_now(void *userdata)
{
        return ((struct world *) userdata)->now_usec;
}

static void world_start(struct ts_transport *t, const struct ts_request *request, ts_transport_done on_done,
                        void *userdata)
{
        struct world *w = (struct world *) t;

        ck_assert_uint_lt(w->n_queue, TS_N_ELEMENTS(w->queue));
        w->queue[w->n_queue++] = (struct exchange){ w->now_usec + strtoul(request->url, NULL, 10) * MSEC,
                                                    on_done, userdata };
}

static int world_pump(struct ts_transport *t, uint64_t deadline, struct ts_err *err)
{
        struct world *w = (struct world *) t;
        struct ts_answer answer = { 0 };
        size_t first = 0;
        struct exchange x;

        ck_assert_uint_lt(++w->n_pumps, 1000);
        if (w->fails < 0)
                return ts_err_set(err, TS_ERR_LOCAL, w->fails, "broken");
        for (size_t i = 1; i < w->n_queue; i++)
                if (w->queue[i].at_usec < w->queue[first].at_usec)
                        first = i;
        if (w->interrupt_usec > 0 && w->interrupt_usec < deadline) {
                w->now_usec = w->interrupt_usec;
                w->interrupt_usec = 0;
                return 0;
        }
        if (w->n_queue == 0 || w->queue[first].at_usec > deadline) {
                ck_assert_uint_ne(deadline, UINT64_MAX);
                w->now_usec = deadline;
                return 0;
        }
        x = w->queue[first];
        w->queue[first] = w->queue[--w->n_queue];
        w->now_usec = x.at_usec;
        x.on_done(&answer, x.userdata);
        return 0;
}

static void world_cancel_all(struct ts_transport *t)
{
        ((struct world *) t)->n_queue = 0;
}

static void world_init(struct world *w)
{
        *w = (struct world){ .base = { world_start, world_pump, world_cancel_all, NULL },
                             .now_usec = 1,
                             .log = TS_BUF_INIT(4096) };
        w->clock = (struct ts_clock){ .boottime_usec = world_now, .userdata = w };
        w->scheduler = ts_scheduler_new(&w->base, &w->clock);
}

static void world_done(struct world *w)
{
        ts_scheduler_free(w->scheduler);
        ts_buf_done(&w->log);
}

static void note(struct world *w, size_t i, const char *what)
{
        ts_buf_printf(&w->log, "%zu%s ", i, what);
}

static void count(struct ts_answer *answer, void *userdata)
{
        (void) answer;
        ++*(unsigned *) userdata;
}

static int ask(struct world *w, const char *url)
{
        struct ts_transport *t = ts_scheduler_transport(w->scheduler);
        struct ts_request request = { .url = url };
        struct ts_err err = { 0 };
        unsigned n_done = 0;

        t->start(t, &request, count, &n_done);
        while (n_done == 0) {
                int r = t->pump(t, UINT64_MAX, &err);

                if (r < 0) {
                        t->cancel_all(t);
                        return r;
                }
        }
        return 0;
}

/* -------------------------------------------------------------------------------------------------- tasks */

static void slow_and_quick(size_t i, void *userdata)
{
        struct world *w = userdata;

        for (unsigned k = 0; k < 2; k++) {
                ck_assert_int_eq(ask(w, i == 0 ? "100" : "10"), 0);
                note(w, i, k == 0 ? "a" : "b");
        }
}

START_TEST(test_a_slow_one_does_not_hold_the_others)
{
        struct world w;

        world_init(&w);
        ts_scheduler_run(w.scheduler, 3, slow_and_quick, &w);
        ck_assert_str_eq(ts_buf_text(&w.log), "1a 2a 1b 2b 0a 0b ");
        ck_assert_uint_eq(w.now_usec, 1 + 200 * MSEC);
        world_done(&w);
}
END_TEST

static void once(size_t i, void *userdata)
{
        struct world *w = userdata;
        char url[8];

        note(w, i, "<");
        (void) snprintf(url, sizeof(url), "%zu", 1 + i);
        ck_assert_int_eq(ask(w, url), 0);
        note(w, i, ">");
}

START_TEST(test_more_than_there_are_places)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf expected = TS_BUF_INIT(4096);
        struct world w;

        world_init(&w);
        ts_scheduler_run(w.scheduler, TS_TASKS_MAX + 2, once, &w);
        for (unsigned i = 0; i < TS_TASKS_MAX; i++)
                ts_buf_printf(&expected, "%u< ", i);
        for (unsigned i = 0; i < TS_TASKS_MAX + 2; i++) {
                ts_buf_printf(&expected, "%u> ", i);
                if (i < 2)
                        ts_buf_printf(&expected, "%u< ", TS_TASKS_MAX + i);
        }
        ck_assert_str_eq(ts_buf_text(&w.log), ts_buf_text(&expected));
        world_done(&w);
}
END_TEST

/* Suspects that hang leave places to the others, also to those that are added later. */
static void hang(void *userdata)
{
        struct world *w = userdata;

        ck_assert_int_eq(ask(w, "1000"), 0);
        ts_buf_puts(&w->log, "s");
}

static void be_quick(void *userdata)
{
        struct world *w = userdata;

        ck_assert_int_eq(ask(w, "1"), 0);
        ts_buf_puts(&w->log, "q");
}

START_TEST(test_suspects_do_not_fill_the_places)
{
        struct world w;

        world_init(&w);
        for (unsigned i = 0; i < TS_TASKS_MAX; i++)
                ts_scheduler_add(w.scheduler, hang, &w, true);
        ts_scheduler_step(w.scheduler);
        ck_assert_uint_eq(w.n_queue, TS_TASKS_SUSPECTS_MAX);
        ts_scheduler_add(w.scheduler, be_quick, &w, false);
        while (w.log.len == 0)
                ts_scheduler_step(w.scheduler);
        ck_assert_str_eq(ts_buf_text(&w.log), "q");
        ck_assert_uint_eq(w.n_queue, TS_TASKS_SUSPECTS_MAX);
        while (!ts_scheduler_is_idle(w.scheduler))
                ts_scheduler_step(w.scheduler);
        ck_assert_uint_eq(w.log.len, 1 + TS_TASKS_MAX);
        ts_scheduler_step(w.scheduler); /* nothing to do */
        world_done(&w);
}
END_TEST

START_TEST(test_none_and_one)
{
        struct world w;

        world_init(&w);
        ts_scheduler_run(w.scheduler, 0, once, &w);
        ck_assert_str_eq(ts_buf_text(&w.log), "");
        ts_scheduler_run(w.scheduler, 1, once, &w);
        ts_scheduler_run(w.scheduler, 2, once, &w); /* and once more */
        ck_assert_str_eq(ts_buf_text(&w.log), "0< 0> 0< 1< 0> 1> ");
        world_done(&w);
}
END_TEST

static void wait_or_ask(size_t i, void *userdata)
{
        struct world *w = userdata;
        struct ts_transport *t = ts_scheduler_transport(w->scheduler);
        struct ts_err err = { 0 };

        if (i == 0) {
                uint64_t until = w->now_usec + 15 * MSEC;

                while (w->now_usec < until)
                        ck_assert_int_eq(t->pump(t, until, &err), 0);
        } else {
                ck_assert_int_eq(ask(w, "10"), 0);
                note(w, i, "a");
                ck_assert_int_eq(ask(w, "10"), 0);
        }
        note(w, i, "z");
}

START_TEST(test_deadlines)
{
        struct world w;

        world_init(&w);
        ts_scheduler_run(w.scheduler, 2, wait_or_ask, &w);
        ck_assert_str_eq(ts_buf_text(&w.log), "1a 0z 1z ");
        ck_assert_uint_eq(w.now_usec, 1 + 20 * MSEC);
        world_done(&w);
}
END_TEST

static void check_events(size_t i, void *userdata)
{
        struct world *w = userdata;
        struct ts_transport *t = ts_scheduler_transport(w->scheduler);
        struct ts_err err = { 0 };

        ck_assert_int_eq(t->pump(t, 1 + 1000 * MSEC, &err), 0);
        note(w, i, w->now_usec == 1 + 5 * MSEC ? "early" : "late");
}

/* A signal's handler set a flag: each has to look. */
START_TEST(test_an_event_of_somebody_else_is_for_all)
{
        struct world w;

        world_init(&w);
        w.interrupt_usec = 1 + 5 * MSEC;
        ts_scheduler_run(w.scheduler, 2, check_events, &w);
        ck_assert_str_eq(ts_buf_text(&w.log), "0early 1early ");
        world_done(&w);
}
END_TEST

static void fail_with_it(size_t i, void *userdata)
{
        struct world *w = userdata;

        if (i == 0) {
                ck_assert_int_eq(ask(w, "5"), 0);
                w->fails = -EIO;
        }
        ck_assert_int_lt(ask(w, "100"), 0);
        note(w, i, "failed");
        w->fails = 0; /* what the others had under way is gone all the same */
}

START_TEST(test_a_loop_that_fails_fails_for_all)
{
        struct world w;

        world_init(&w);
        ts_scheduler_run(w.scheduler, 3, fail_with_it, &w);
        ck_assert_str_eq(ts_buf_text(&w.log), "0failed 1failed 2failed ");
        ck_assert_uint_eq(w.n_queue, 0);
        ts_scheduler_run(w.scheduler, 2, once, &w);
        world_done(&w);
}
END_TEST

static void cancel_others(size_t i, void *userdata)
{
        struct world *w = userdata;
        struct ts_transport *t = ts_scheduler_transport(w->scheduler);

        if (i == 0) {
                ck_assert_int_eq(ask(w, "5"), 0);
                t->cancel_all(t);
                note(w, i, "cancels");
                return;
        }
        ck_assert_int_eq(ask(w, i == 1 ? "100" : "1"), i == 1 ? -EIO : 0);
        note(w, i, "ends");
        ck_assert_int_eq(ask(w, "1"), 0);
}

/* Who had something under way is told; nobody waits for ever for an answer that was forgotten. */
START_TEST(test_what_another_one_cancels)
{
        struct world w;

        world_init(&w);
        ts_scheduler_run(w.scheduler, 3, cancel_others, &w);
        ck_assert_str_eq(ts_buf_text(&w.log), "2ends 0cancels 1ends ");
        world_done(&w);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("scheduler");
        TCase *tc = tcase_create("scheduler");

        tcase_add_test(tc, test_coroutines_take_turns);
        tcase_add_test(tc, test_a_slow_one_does_not_hold_the_others);
        tcase_add_test(tc, test_more_than_there_are_places);
        tcase_add_test(tc, test_suspects_do_not_fill_the_places);
        tcase_add_test(tc, test_none_and_one);
        tcase_add_test(tc, test_deadlines);
        tcase_add_test(tc, test_an_event_of_somebody_else_is_for_all);
        tcase_add_test(tc, test_a_loop_that_fails_fails_for_all);
        tcase_add_test(tc, test_what_another_one_cancels);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
