#include "genesys/lanes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "util/mem.h"
#include "util/strand.h"

struct lane {
        struct ts_lanes *lanes;
        struct ts_strand *strand; /* NULL: the place is free */
        size_t i;
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
        void (*body)(size_t i, void *userdata);
        void *userdata;
        bool has_answer; /* the last pump brought one */
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
        assert(!((struct ts_lanes *) base)->tickets);
        free(base);
}

/* --------------------------------------------------------------------------------------- who serves them */

static void run_lane(void *userdata)
{
        struct lane *lane = userdata;

        lane->lanes->body(lane->i, lane->lanes->userdata);
}

/* Return: the system had a thread for it. */
static bool begin(struct ts_lanes *l, struct lane *lane, size_t i)
{
        *lane = (struct lane){ .lanes = l, .i = i, .is_ready = true };
        lane->strand = ts_strand_new(run_lane, lane);
        return lane->strand != NULL;
}

static void go_on(struct ts_lanes *l, struct lane *lane)
{
        bool goes_on;

        lane->is_ready = false;
        l->current = lane;
        goes_on = ts_strand_resume(lane->strand);
        l->current = NULL;
        lane->r = 0;
        if (!goes_on)
                ts_strand_free(TS_TAKE(lane->strand));
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

/* Gives the free places to the next ones. Return: how many are taken. */
static size_t begin_next(struct ts_lanes *l, size_t n, size_t *next)
{
        size_t n_open = 0;

        for (size_t i = 0; i < TS_LANES_MAX; i++) {
                struct lane *lane = &l->lanes[i];

                if (!lane->strand && *next < n && begin(l, lane, *next))
                        (*next)++;
                n_open += lane->strand != NULL;
        }
        return n_open;
}

void ts_lanes_run(struct ts_lanes *l, size_t n, void (*body)(size_t i, void *userdata), void *userdata)
{
        size_t next = 0;

        assert(!l->current);
        l->body = body;
        l->userdata = userdata;
        while (next < n) {
                if (n == 1 || begin_next(l, n, &next) == 0)
                        body(next++, userdata);
                while (begin_next(l, n, &next) > 0)
                        if (!go_on_with_ready(l))
                                serve(l);
        }
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
        };
        return l;
}

void ts_lanes_free(struct ts_lanes *l)
{
        if (l)
                ts_transport_free(&l->base);
}
