#include "genesys/lanes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "util/mem.h"
#include "util/strand.h"

/* Work that waits for a place, oldest first. */
struct work {
        void (*body)(void *userdata);
        void *userdata;
        struct work *next;
};

struct lane {
        struct ts_lanes *lanes;
        struct ts_strand *strand; /* NULL: the place is free */
        struct work work;
        bool is_suspect;
        bool is_ready;     /* to go on */
        bool is_cancelled; /* another one forgot what was under way: only cancel_all() helps */
        size_t n_under_way;
        uint64_t deadline_usec;
        int r; /* what its pump() returns */
        struct ts_err err;
};

/* A request of a lane: whose it is. */
struct ticket {
        struct lane *lane;
        ts_transport_done on_done;
        void *userdata;
        struct ticket *next, *previous;
};

struct ts_lanes {
        struct ts_transport base;
        struct ts_transport *real;
        const struct ts_clock *clock;
        struct lane lanes[TS_LANES_MAX];
        struct lane *current; /* that runs; NULL: none */
        struct ticket *tickets;
        struct work *first[2], **last[2]; /* [1]: of suspects */
        size_t n_open, n_suspects;        /* lanes in use; of them, by suspects */
        bool has_answer;                  /* the last pump brought one */
};

/* --------------------------------------------------------------------------------------- what a lane sees */

static void drop(struct ts_lanes *l, struct ticket *ticket)
{
        if (ticket->next)
                ticket->next->previous = ticket->previous;
        if (ticket->previous)
                ticket->previous->next = ticket->next;
        else
                l->tickets = ticket->next;
        ticket->lane->n_under_way--;
        free(ticket);
}

static void on_done(struct ts_answer *answer, void *userdata)
{
        struct ticket ticket = *(struct ticket *) userdata;
        struct ts_lanes *l = ticket.lane->lanes;

        drop(l, userdata);
        ticket.lane->is_ready = true;
        l->has_answer = true;
        ticket.on_done(answer, ticket.userdata);
}

static void lanes_start(struct ts_transport *base, const struct ts_request *request, ts_transport_done done,
                        void *userdata)
{
        struct ts_lanes *l = (struct ts_lanes *) base;
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

static int lanes_pump(struct ts_transport *base, uint64_t deadline_boottime_usec, struct ts_err *err)
{
        struct ts_lanes *l = (struct ts_lanes *) base;
        struct lane *lane = l->current;

        if (!lane)
                return l->real->pump(l->real, deadline_boottime_usec, err);
        if (lane->is_cancelled)
                return cancelled(err);
        lane->deadline_usec = deadline_boottime_usec;
        ts_strand_suspend(lane->strand);
        if (lane->r < 0 && err)
                *err = lane->err;
        return lane->r;
}

static void lanes_cancel_all(struct ts_transport *base)
{
        struct ts_lanes *l = (struct ts_lanes *) base;

        l->real->cancel_all(l->real);
        for (size_t i = 0; i < TS_LANES_MAX; i++) {
                struct lane *lane = &l->lanes[i];

                if (lane == l->current || lane->n_under_way == 0)
                        continue;
                lane->is_ready = lane->is_cancelled = true;
                lane->r = cancelled(&lane->err);
        }
        if (l->current)
                l->current->is_cancelled = false;
        while (l->tickets)
                drop(l, l->tickets);
}

static void lanes_free(struct ts_transport *base)
{
        assert(ts_lanes_is_idle((struct ts_lanes *) base));
        free(base);
}

/* --------------------------------------------------------------------------------------- who serves them */

static void run_lane(void *userdata)
{
        struct lane *lane = userdata;

        lane->work.body(lane->work.userdata);
}

static struct work *take_work(struct ts_lanes *l, bool is_suspect)
{
        struct work *work = l->first[is_suspect];

        l->first[is_suspect] = work->next;
        if (!work->next)
                l->last[is_suspect] = &l->first[is_suspect];
        return work;
}

/* Suspects leave most places to the others. */
static bool has_place(const struct ts_lanes *l, bool is_suspect)
{
        return l->n_open < TS_LANES_MAX && (!is_suspect || l->n_suspects < TS_LANES_SUSPECTS_MAX);
}

static struct lane *find_free(struct ts_lanes *l)
{
        size_t i = 0;

        while (l->lanes[i].strand)
                i++;
        assert(i < TS_LANES_MAX);
        return &l->lanes[i];
}

/* Return: false: the system has no thread for it, and it still waits. */
static bool begin(struct ts_lanes *l, bool is_suspect)
{
        struct lane *lane = find_free(l);

        *lane = (struct lane){
                .lanes = l, .work = *l->first[is_suspect], .is_suspect = is_suspect, .is_ready = true
        };
        lane->strand = ts_strand_new(run_lane, lane);
        if (!lane->strand)
                return false;
        free(take_work(l, is_suspect));
        l->n_open++;
        l->n_suspects += is_suspect;
        return true;
}

static void go_on(struct ts_lanes *l, struct lane *lane)
{
        bool goes_on;

        lane->is_ready = false;
        l->current = lane;
        goes_on = ts_strand_resume(lane->strand);
        l->current = NULL;
        lane->r = 0;
        if (goes_on)
                return;
        ts_strand_free(TS_TAKE(lane->strand));
        l->n_open--;
        l->n_suspects -= lane->is_suspect;
}

/* Return: some went on. */
static bool go_on_with_ready(struct ts_lanes *l)
{
        bool any = false;

        for (size_t i = 0; i < TS_LANES_MAX; i++) {
                if (!l->lanes[i].strand || !l->lanes[i].is_ready)
                        continue;
                go_on(l, &l->lanes[i]);
                any = true;
        }
        return any;
}

/* All wait, for their answers or their deadlines. */
static void serve(struct ts_lanes *l)
{
        uint64_t deadline = UINT64_MAX, now;
        struct ts_err err = { 0 };
        int r;

        for (size_t i = 0; i < TS_LANES_MAX; i++)
                if (l->lanes[i].strand && l->lanes[i].deadline_usec < deadline)
                        deadline = l->lanes[i].deadline_usec;
        l->has_answer = false;
        r = l->real->pump(l->real, deadline, &err);
        now = ts_clock_boottime(l->clock);
        for (size_t i = 0; i < TS_LANES_MAX; i++) {
                struct lane *lane = &l->lanes[i];

                if (r >= 0 && l->has_answer && lane->deadline_usec > now)
                        continue; /* it is ready if an answer was its own */
                lane->is_ready = true;
                lane->r = r;
                lane->err = err;
        }
}

/* Gives the free places to what waits longest. Return: false: the system has no thread for it. */
static bool begin_next(struct ts_lanes *l)
{
        bool ok = true;

        for (int is_suspect = 0; is_suspect < 2; is_suspect++)
                while (ok && l->first[is_suspect] && has_place(l, is_suspect))
                        ok = begin(l, is_suspect);
        return ok;
}

/* As if called: nothing else goes on meanwhile. */
static void run_alone(struct ts_lanes *l)
{
        TS_CLEANUP(ts_freep) struct work *work = take_work(l, !l->first[0]);

        work->body(work->userdata);
}

void ts_lanes_add(struct ts_lanes *l, void (*body)(void *userdata), void *userdata, bool is_suspect)
{
        struct work *work = ts_malloc(sizeof(*work));

        *work = (struct work){ .body = body, .userdata = userdata };
        *l->last[is_suspect] = work;
        l->last[is_suspect] = &work->next;
}

bool ts_lanes_is_idle(const struct ts_lanes *l)
{
        return l->n_open == 0 && !l->first[0] && !l->first[1];
}

void ts_lanes_wake(struct ts_lanes *l)
{
        for (size_t i = 0; i < TS_LANES_MAX; i++)
                l->lanes[i].is_ready = true;
}

void ts_lanes_step(struct ts_lanes *l)
{
        bool has_thread;

        assert(!l->current);
        has_thread = begin_next(l);
        if (l->n_open == 0 && !has_thread)
                run_alone(l);
        else if (l->n_open > 0 && !go_on_with_ready(l))
                serve(l);
}

/* One of the pieces that ts_lanes_run() was given. */
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

void ts_lanes_run(struct ts_lanes *l, size_t n, void (*body)(size_t i, void *userdata), void *userdata)
{
        TS_CLEANUP(ts_freep) struct piece *pieces = ts_calloc(n, sizeof(*pieces));

        assert(ts_lanes_is_idle(l));
        if (n == 1) {
                body(0, userdata);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                pieces[i] = (struct piece){ body, userdata, i };
                ts_lanes_add(l, run_piece, &pieces[i], false);
        }
        while (!ts_lanes_is_idle(l))
                ts_lanes_step(l);
}

struct ts_transport *ts_lanes_transport(struct ts_lanes *l)
{
        return &l->base;
}

struct ts_lanes *ts_lanes_new(struct ts_transport *transport, const struct ts_clock *clock)
{
        struct ts_lanes *l = ts_calloc(1, sizeof(*l));

        *l = (struct ts_lanes){
                .base = { lanes_start, lanes_pump, lanes_cancel_all, lanes_free },
                .real = transport,
                .clock = clock,
                .last = { &l->first[0], &l->first[1] },
        };
        return l;
}

void ts_lanes_free(struct ts_lanes *l)
{
        if (l)
                ts_transport_free(&l->base);
}
