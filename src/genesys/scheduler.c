#include "genesys/scheduler.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "util/mem.h"
#include "util/coroutine.h"

/* Work that waits for a place, oldest first. */
struct work {
        void (*body)(void *userdata);
        void *userdata;
        struct work *next;
};

struct task {
        struct ts_scheduler *scheduler;
        struct ts_coroutine *coroutine; /* NULL: the place is free */
        struct work work;
        bool is_suspect;
        bool is_ready;     /* to go on */
        bool is_cancelled; /* another one forgot what was under way: only cancel_all() helps */
        size_t n_under_way;
        uint64_t deadline_usec;
        int r; /* what its pump() returns */
        struct ts_err err;
};

/* A request of a task: whose it is. */
struct ticket {
        struct task *task;
        ts_transport_done on_done;
        void *userdata;
        struct ticket *next, *previous;
};

struct ts_scheduler {
        struct ts_transport base;
        struct ts_transport *real;
        const struct ts_clock *clock;
        struct task tasks[TS_TASKS_MAX];
        struct task *current; /* that runs; NULL: none */
        struct ticket *tickets;
        struct work *first[2], **last[2]; /* [1]: of suspects */
        size_t n_open, n_suspects;        /* tasks in use; of them, by suspects */
        bool has_answer;                  /* the last pump brought one */
};

/* --------------------------------------------------------------------------------------- what a task sees */

static void drop(struct ts_scheduler *l, struct ticket *ticket)
{
        if (ticket->next)
                ticket->next->previous = ticket->previous;
        if (ticket->previous)
                ticket->previous->next = ticket->next;
        else
                l->tickets = ticket->next;
        ticket->task->n_under_way--;
        free(ticket);
}

static void on_done(struct ts_answer *answer, void *userdata)
{
        struct ticket ticket = *(struct ticket *) userdata;
        struct ts_scheduler *l = ticket.task->scheduler;

        drop(l, userdata);
        ticket.task->is_ready = true;
        l->has_answer = true;
        ticket.on_done(answer, ticket.userdata);
}

static void scheduler_start(struct ts_transport *base, const struct ts_request *request,
                            ts_transport_done done, void *userdata)
{
        struct ts_scheduler *l = (struct ts_scheduler *) base;
        struct ticket *ticket;

        if (!l->current) {
                l->real->start(l->real, request, done, userdata);
                return;
        }
        ticket = ts_malloc(sizeof(*ticket));
        *ticket = (struct ticket){ l->current, done, userdata, l->tickets, NULL };
        if (ticket->next)
                ticket->next->previous = ticket;
        l->tickets = ticket;
        l->current->n_under_way++;
        l->real->start(l->real, request, on_done, ticket);
}

static int cancelled(struct ts_err *err)
{
        return ts_err_set(err, TS_ERR_LOCAL, -EIO, "the event loop failed, and the answer is lost");
}

static int scheduler_pump(struct ts_transport *base, uint64_t deadline_boottime_usec, struct ts_err *err)
{
        struct ts_scheduler *l = (struct ts_scheduler *) base;
        struct task *task = l->current;

        if (!task)
                return l->real->pump(l->real, deadline_boottime_usec, err);
        if (task->is_cancelled)
                return cancelled(err);
        task->deadline_usec = deadline_boottime_usec;
        ts_coroutine_suspend(task->coroutine);
        if (task->r < 0 && err)
                *err = task->err;
        return task->r;
}

static void scheduler_cancel_all(struct ts_transport *base)
{
        struct ts_scheduler *l = (struct ts_scheduler *) base;

        l->real->cancel_all(l->real);
        for (size_t i = 0; i < TS_TASKS_MAX; i++) {
                struct task *task = &l->tasks[i];

                if (task == l->current || task->n_under_way == 0)
                        continue;
                task->is_ready = task->is_cancelled = true;
                task->r = cancelled(&task->err);
        }
        if (l->current)
                l->current->is_cancelled = false;
        while (l->tickets)
                drop(l, l->tickets);
}

static void scheduler_free(struct ts_transport *base)
{
        assert(ts_scheduler_is_idle((struct ts_scheduler *) base));
        free(base);
}

/* --------------------------------------------------------------------------------------- who serves them */

static void run_task(void *userdata)
{
        struct task *task = userdata;

        task->work.body(task->work.userdata);
}

static struct work *take_work(struct ts_scheduler *l, bool is_suspect)
{
        struct work *work = l->first[is_suspect];

        l->first[is_suspect] = work->next;
        if (!work->next)
                l->last[is_suspect] = &l->first[is_suspect];
        return work;
}

/* Suspects leave most places to the others. */
static bool has_place(const struct ts_scheduler *l, bool is_suspect)
{
        return l->n_open < TS_TASKS_MAX && (!is_suspect || l->n_suspects < TS_TASKS_SUSPECTS_MAX);
}

static struct task *find_free(struct ts_scheduler *l)
{
        size_t i = 0;

        while (l->tasks[i].coroutine)
                i++;
        assert(i < TS_TASKS_MAX);
        return &l->tasks[i];
}

/* Return: false: the system has no thread for it, and it still waits. */
static bool begin(struct ts_scheduler *l, bool is_suspect)
{
        struct task *task = find_free(l);

        *task = (struct task){
                .scheduler = l, .work = *l->first[is_suspect], .is_suspect = is_suspect, .is_ready = true
        };
        task->coroutine = ts_coroutine_new(run_task, task);
        if (!task->coroutine)
                return false;
        free(take_work(l, is_suspect));
        l->n_open++;
        l->n_suspects += is_suspect;
        return true;
}

static void go_on(struct ts_scheduler *l, struct task *task)
{
        bool goes_on;

        task->is_ready = false;
        l->current = task;
        goes_on = ts_coroutine_resume(task->coroutine);
        l->current = NULL;
        task->r = 0;
        if (goes_on)
                return;
        ts_coroutine_free(TS_TAKE(task->coroutine));
        l->n_open--;
        l->n_suspects -= task->is_suspect;
}

/* Return: some went on. */
static bool go_on_with_ready(struct ts_scheduler *l)
{
        bool any = false;

        for (size_t i = 0; i < TS_TASKS_MAX; i++) {
                if (!l->tasks[i].coroutine || !l->tasks[i].is_ready)
                        continue;
                go_on(l, &l->tasks[i]);
                any = true;
        }
        return any;
}

/* All wait, for their answers or their deadlines. */
static void serve(struct ts_scheduler *l)
{
        uint64_t deadline = UINT64_MAX, now;
        struct ts_err err = { 0 };
        int r;

        for (size_t i = 0; i < TS_TASKS_MAX; i++)
                if (l->tasks[i].coroutine && l->tasks[i].deadline_usec < deadline)
                        deadline = l->tasks[i].deadline_usec;
        l->has_answer = false;
        r = l->real->pump(l->real, deadline, &err);
        now = ts_clock_boottime(l->clock);
        for (size_t i = 0; i < TS_TASKS_MAX; i++) {
                struct task *task = &l->tasks[i];

                if (r >= 0 && l->has_answer && task->deadline_usec > now)
                        continue; /* it is ready if an answer was its own */
                task->is_ready = true;
                task->r = r;
                task->err = err;
        }
}

/* Gives the free places to what waits longest. Return: false: the system has no thread for it. */
static bool begin_next(struct ts_scheduler *l)
{
        bool ok = true;

        for (int is_suspect = 0; is_suspect < 2; is_suspect++)
                while (ok && l->first[is_suspect] && has_place(l, is_suspect))
                        ok = begin(l, is_suspect);
        return ok;
}

/* On the caller's stack: no other task runs meanwhile. */
static void run_alone(struct ts_scheduler *l)
{
        TS_CLEANUP(ts_freep) struct work *work = take_work(l, !l->first[0]);

        work->body(work->userdata);
}

void ts_scheduler_add(struct ts_scheduler *l, void (*body)(void *userdata), void *userdata, bool is_suspect)
{
        struct work *work = ts_malloc(sizeof(*work));

        *work = (struct work){ .body = body, .userdata = userdata };
        *l->last[is_suspect] = work;
        l->last[is_suspect] = &work->next;
}

bool ts_scheduler_is_idle(const struct ts_scheduler *l)
{
        return l->n_open == 0 && !l->first[0] && !l->first[1];
}

void ts_scheduler_wake(struct ts_scheduler *l)
{
        for (size_t i = 0; i < TS_TASKS_MAX; i++)
                l->tasks[i].is_ready = true;
}

void ts_scheduler_step(struct ts_scheduler *l)
{
        bool has_thread;

        assert(!l->current);
        has_thread = begin_next(l);
        if (l->n_open == 0 && !has_thread)
                run_alone(l);
        else if (l->n_open > 0 && !go_on_with_ready(l))
                serve(l);
}

/* One of the pieces that ts_scheduler_run() was given. */
struct piece {
        void (*body)(size_t i, void *userdata);
        void *userdata;
        size_t i;
};

static void run_piece(void *userdata)
{
        struct piece *p = userdata;

        p->body(p->i, p->userdata);
}

void ts_scheduler_run(struct ts_scheduler *l, size_t n, void (*body)(size_t i, void *userdata),
                      void *userdata)
{
        TS_CLEANUP(ts_freep) struct piece *pieces = ts_calloc(n, sizeof(*pieces));

        assert(ts_scheduler_is_idle(l));
        if (n == 1) {
                body(0, userdata);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                pieces[i] = (struct piece){ body, userdata, i };
                ts_scheduler_add(l, run_piece, &pieces[i], false);
        }
        while (!ts_scheduler_is_idle(l))
                ts_scheduler_step(l);
}

struct ts_transport *ts_scheduler_transport(struct ts_scheduler *l)
{
        return &l->base;
}

struct ts_scheduler *ts_scheduler_new(struct ts_transport *transport, const struct ts_clock *clock)
{
        struct ts_scheduler *l = ts_calloc(1, sizeof(*l));

        *l = (struct ts_scheduler){
                .base = { scheduler_start, scheduler_pump, scheduler_cancel_all, scheduler_free },
                .real = transport,
                .clock = clock,
                .last = { &l->first[0], &l->first[1] },
        };
        return l;
}

void ts_scheduler_free(struct ts_scheduler *l)
{
        if (l)
                ts_transport_free(&l->base);
}
