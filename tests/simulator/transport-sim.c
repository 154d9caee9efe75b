#include "transport-sim.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/mem.h"
#include "util/coroutine.h"
#include "util/timefmt.h"

#define NETWORK_STREAM 1u

struct transport_sim {
        struct ts_transport base;
        struct ts_sim_network *net;
        size_t number;
        bool killed;
};

/* A request before it arrives, then its answer before that arrives. */
struct event {
        uint64_t at_usec, seq;
        struct transport_sim *t;
        bool is_answer;
        struct ts_request request;
        ts_transport_done on_done;
        void *userdata;
        uint64_t started_usec, back_usec; /* back: how long the answer travels */
        struct ts_answer answer;
};

/* One of several lives, see ts_sim_network_run(). */
struct peer {
        struct ts_sim_network *net;
        struct ts_coroutine *coroutine; /* NULL: it has ended */
        size_t i;
        const struct transport_sim *pumped; /* what it waits for */
        uint64_t deadline_usec;
        bool is_ready;
        int r;
};

struct ts_sim_network {
        struct ts_sim_network_options options;
        struct event **queue; /* latest first: the next one is at the end */
        size_t n_queued, a_queued;
        uint64_t seq;
        size_t n_requests, n_transports;
        struct peer peers[TS_SIM_PEERS_MAX];
        struct peer *current; /* NULL: the only one there is */
        void (*body)(size_t i, void *userdata);
        void *userdata;
};

/* ---------------------------------------------------------------------------------------------- the queue */

static void event_free(struct event *e)
{
        ts_buf_done(&e->answer.body);
        free(e);
}

static bool event_is_later(const struct event *a, const struct event *b)
{
        return a->at_usec != b->at_usec ? a->at_usec > b->at_usec : a->seq > b->seq;
}

/* Few are under way at once, so that shifting them costs less than a tree. */
static void network_queue(struct ts_sim_network *net, struct event *e)
{
        size_t i;

        e->seq = net->seq++;
        TS_GROW(net->queue, net->a_queued, net->n_queued);
        for (i = net->n_queued++; i > 0 && !event_is_later(net->queue[i - 1], e); i--)
                net->queue[i] = net->queue[i - 1];
        net->queue[i] = e;
}

static void network_forget(struct ts_sim_network *net, const struct transport_sim *t)
{
        size_t n = 0;

        for (size_t i = 0; i < net->n_queued; i++) {
                if (net->queue[i]->t == t)
                        event_free(net->queue[i]);
                else
                        net->queue[n++] = net->queue[i];
        }
        net->n_queued = n;
}

static uint64_t network_latency(struct ts_sim_network *net)
{
        uint64_t jitter = net->options.jitter_usec;

        if (jitter == 0)
                return net->options.latency_usec;
        return net->options.latency_usec +
               ts_virtual_clock_random(net->options.clock, NETWORK_STREAM) % (jitter + 1);
}

/* ------------------------------------------------------------------------------------------------ answers */

static void answer_fail(struct ts_answer *a, int r, enum ts_effect effect, bool is_fatal, const char *text)
{
        ts_buf_done(&a->body);
        *a = (struct ts_answer){
                .r = r,
                .effect = effect,
                .is_fatal = is_fatal,
                .body = TS_BUF_INIT(TS_HTTP_BODY_MAX_BYTES),
                .retry_after_sec = -1,
                .date = TS_TIME_UNSET,
        };
        (void) snprintf(a->error, sizeof(a->error), "%s", text);
}

/* As curl's transport reads the header: whole seconds, or nothing. */
static int64_t answer_retry_after(const char *text)
{
        size_t n = strspn(text, "0123456789");

        return n > 0 && n < 18 && text[n] == '\0' ? strtoll(text, NULL, 10) : -1;
}

static void answer_fill(struct ts_answer *a, struct ts_sim_response *resp)
{
        *a = (struct ts_answer){
                .effect = TS_EFFECT_ANSWERED,
                .status = resp->status,
                .body = resp->body,
                .retry_after_sec = answer_retry_after(resp->retry_after),
                .date = resp->date,
        };
        a->body.max = TS_HTTP_BODY_MAX_BYTES;
        resp->body = (struct ts_buf) TS_BUF_INIT(0);
        (void) snprintf(a->correlation, sizeof(a->correlation), "%s", resp->correlation.s);
}

static void answer_take(struct ts_answer *a, struct ts_sim_response *resp)
{
        switch (resp->fate) {
        case TS_SIM_RESET:
                answer_fail(a, -ECONNRESET, TS_EFFECT_POSSIBLE, false, "the connection was reset");
                return;
        case TS_SIM_CLOSE:
                answer_fail(a, -ECONNRESET, TS_EFFECT_POSSIBLE, false,
                            "the server closed the connection without an answer");
                return;
        case TS_SIM_HANG:
                answer_fail(a, -ETIMEDOUT, TS_EFFECT_POSSIBLE, false, "no answer in time");
                return;
        case TS_SIM_ANSWER:
                break;
        }
        if (resp->truncate_at < resp->body.len)
                answer_fail(a, -EIO, TS_EFFECT_POSSIBLE, false,
                            "the answer ended before its announced length");
        else if (resp->body.len > TS_HTTP_BODY_MAX_BYTES)
                answer_fail(a, -EFBIG, TS_EFFECT_POSSIBLE, true, "the answer is larger than allowed");
        else
                answer_fill(a, resp);
}

/* When the answer is there; not later than the request's timeout, which it then does not keep. */
static void event_schedule_answer(struct event *e, const struct ts_sim_response *resp, uint64_t delay_usec)
{
        uint64_t now = e->at_usec, deadline = e->started_usec + e->request.timeout_usec;
        bool hangs = resp && resp->fate == TS_SIM_HANG;

        e->is_answer = true;
        e->at_usec = now + e->back_usec + delay_usec;
        if (resp)
                e->at_usec += resp->delay_usec + resp->drip_usec * e->answer.body.len;
        if (e->request.timeout_usec == 0 || (!hangs && e->at_usec <= deadline))
                return;
        e->at_usec = deadline > now ? deadline : now;
        answer_fail(&e->answer, -ETIMEDOUT, TS_EFFECT_POSSIBLE, false, "no answer in time");
}

/* ------------------------------------------------------------------------------------------------ arrival */

static const char *request_target(const struct ts_request *request)
{
        const char *host = strstr(request->url, "://"), *path = host ? strchr(host + 3, '/') : NULL;

        return path ? path : "/";
}

static void event_handle(struct event *e, struct ts_sim_exchange *x, struct ts_sim_response *resp)
{
        static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
        const struct ts_sim_network_options *o = &e->t->net->options;
        const struct ts_sim_request req = {
                .method = methods[e->request.method],
                .target = x->target,
                .authorization = e->request.authorization,
                .content_type = e->request.content_type,
                .body = e->request.body,
                .body_len = e->request.body ? e->request.body_len : 0,
        };

        ts_simulator_handle(o->sim, &req, resp);
        x->response = resp;
        if (o->on_after)
                o->on_after(x, o->userdata);
}

static void event_answer(struct event *e, const struct ts_sim_exchange *x, struct ts_sim_response *resp)
{
        switch (x->action) {
        case TS_SIM_REFUSE:
                answer_fail(&e->answer, -ECONNREFUSED, TS_EFFECT_NONE, false, "the connection was refused");
                break;
        case TS_SIM_REFUSE_TLS:
                answer_fail(&e->answer, -EPROTO, TS_EFFECT_NONE, true,
                            "the server's certificate is not trusted");
                break;
        case TS_SIM_LOSE_BEFORE:
        case TS_SIM_LOSE_AFTER:
                answer_fail(&e->answer, -ECONNRESET, TS_EFFECT_POSSIBLE, false, "the connection was lost");
                break;
        case TS_SIM_PASS:
        case TS_SIM_KILL_BEFORE:
        case TS_SIM_KILL_AFTER:
                answer_take(&e->answer, resp);
                break;
        }
}

static bool action_has_effect(enum ts_sim_action action)
{
        return action == TS_SIM_PASS || action == TS_SIM_LOSE_AFTER || action == TS_SIM_KILL_AFTER;
}

/* A request reaches the simulator, or does not. */
static void event_arrive(struct event *e)
{
        struct ts_sim_network *net = e->t->net;
        struct ts_sim_exchange x = {
                .n = ++net->n_requests,
                .transport = e->t->number,
                .request = &e->request,
                .target = request_target(&e->request),
        };
        struct ts_sim_response resp = { 0 };
        bool handled;

        if (net->options.on_before)
                net->options.on_before(&x, net->options.userdata);
        handled = action_has_effect(x.action);
        if (handled)
                event_handle(e, &x, &resp);
        if (x.action == TS_SIM_KILL_BEFORE || x.action == TS_SIM_KILL_AFTER)
                ts_transport_sim_kill(&e->t->base);
        if (e->t->killed) { /* its other events are gone already; this one was not in the queue */
                event_free(e);
        } else {
                event_answer(e, &x, &resp);
                event_schedule_answer(e, handled ? &resp : NULL, x.answer_delay_usec);
                network_queue(net, e);
        }
        ts_sim_response_done(&resp);
}

/* ------------------------------------------------------------------------------------------ the transport */

static void transport_sim_start(struct ts_transport *base, const struct ts_request *request,
                                ts_transport_done on_done, void *userdata)
{
        struct transport_sim *t = (struct transport_sim *) base;
        uint64_t latency;
        struct event *e;

        if (t->killed)
                return;
        latency = network_latency(t->net);
        e = ts_calloc(1, sizeof(*e));
        *e = (struct event){
                .t = t,
                .request = *request,
                .on_done = on_done,
                .userdata = userdata,
                .started_usec = t->net->options.clock->boottime_usec,
                .back_usec = latency / 2,
        };
        e->at_usec = e->started_usec + (latency - latency / 2);
        network_queue(t->net, e);
}

static void event_finish(struct event *e)
{
        e->on_done(&e->answer, e->userdata);
        event_free(e);
}

/* True when it was an answer. */
static bool network_step(struct ts_sim_network *net, struct event *e)
{
        bool is_answer = e->is_answer;

        ts_virtual_clock_advance_to(net->options.clock, e->at_usec);
        if (is_answer)
                event_finish(e);
        else
                event_arrive(e);
        return is_answer;
}

/* The next arrival of anybody or answer to @t, taken out of the queue; NULL: none until @deadline. The
 * answers to others wait for their own transport to be pumped. */
static struct event *network_next(struct ts_sim_network *net, const struct transport_sim *t,
                                  uint64_t deadline)
{
        for (size_t i = net->n_queued; i-- > 0;) {
                struct event *e = net->queue[i];

                if (e->is_answer && e->t != t)
                        continue;
                if (e->at_usec > deadline)
                        return NULL;
                memmove(net->queue + i, net->queue + i + 1, (net->n_queued - i - 1) * sizeof(struct event *));
                net->n_queued--;
                return e;
        }
        return NULL;
}

static int pump_alone(struct transport_sim *t, uint64_t deadline)
{
        struct ts_sim_network *net = t->net;
        bool done = false;

        while (!done && !t->killed) {
                struct event *e = network_next(net, t, deadline);

                if (!e && deadline == UINT64_MAX)
                        return -EDEADLK;
                if (!e) {
                        ts_virtual_clock_advance_to(net->options.clock, deadline);
                        return 0;
                }
                done = network_step(net, e);
        }
        return 0;
}

static int transport_sim_pump(struct ts_transport *base, uint64_t deadline_boottime_usec, struct ts_err *err)
{
        struct transport_sim *t = (struct transport_sim *) base;
        struct peer *peer = t->net->current;
        int r;

        if (peer && !t->killed) {
                peer->pumped = t;
                peer->deadline_usec = deadline_boottime_usec;
                ts_coroutine_suspend(peer->coroutine);
                r = peer->r;
        } else {
                r = pump_alone(t, deadline_boottime_usec);
        }
        if (t->killed)
                return ts_err_set(err, TS_ERR_INTERNAL, -ESHUTDOWN, "this process was killed");
        if (r < 0)
                return ts_err_set(err, TS_ERR_INTERNAL, r, "waiting without end, and nothing is under way");
        return 0;
}

/* ---------------------------------------------------------------------------------------- several at once */

static void run_peer(void *userdata)
{
        struct peer *peer = userdata;

        peer->net->body(peer->i, peer->net->userdata);
}

/* Return: how many have not ended. */
static size_t go_on_with_ready(struct ts_sim_network *net)
{
        size_t n_open = 0;

        for (size_t i = 0; i < TS_SIM_PEERS_MAX; i++) {
                struct peer *peer = &net->peers[i];

                if (peer->coroutine && peer->is_ready) {
                        peer->is_ready = false;
                        net->current = peer;
                        if (!ts_coroutine_resume(peer->coroutine))
                                ts_coroutine_free(TS_TAKE(peer->coroutine));
                        net->current = NULL;
                }
                n_open += peer->coroutine != NULL;
        }
        return n_open;
}

/* Those who pump @t (NULL: anything) until @deadline at the latest. */
static void make_ready(struct ts_sim_network *net, const struct transport_sim *t, uint64_t deadline, int r)
{
        for (size_t i = 0; i < TS_SIM_PEERS_MAX; i++) {
                struct peer *peer = &net->peers[i];

                if ((t && peer->pumped != t) || peer->deadline_usec > deadline)
                        continue;
                peer->is_ready = true;
                peer->r = r;
        }
}

static void serve_peers(struct ts_sim_network *net)
{
        struct event *e = net->n_queued > 0 ? net->queue[net->n_queued - 1] : NULL;
        uint64_t deadline = UINT64_MAX;

        for (size_t i = 0; i < TS_SIM_PEERS_MAX; i++)
                if (net->peers[i].coroutine && net->peers[i].deadline_usec < deadline)
                        deadline = net->peers[i].deadline_usec;
        if (e && e->at_usec <= deadline) {
                const struct transport_sim *t = e->t;

                net->n_queued--;
                if (network_step(net, e) || t->killed)
                        make_ready(net, t, UINT64_MAX, 0);
        } else if (deadline == UINT64_MAX) {
                make_ready(net, NULL, UINT64_MAX, -EDEADLK);
        } else {
                ts_virtual_clock_advance_to(net->options.clock, deadline);
                make_ready(net, NULL, deadline, 0);
        }
}

void ts_sim_network_run(struct ts_sim_network *net, size_t n, void (*body)(size_t i, void *userdata),
                        void *userdata)
{
        assert(n <= TS_SIM_PEERS_MAX && !net->current);
        net->body = body;
        net->userdata = userdata;
        for (size_t i = 0; i < n; i++) {
                net->peers[i] = (struct peer){ .net = net, .i = i, .is_ready = true };
                net->peers[i].coroutine = ts_coroutine_new(run_peer, &net->peers[i]);
                if (!net->peers[i].coroutine)
                        ts_out_of_memory();
        }
        while (go_on_with_ready(net) > 0)
                serve_peers(net);
}

static void transport_sim_cancel_all(struct ts_transport *base)
{
        struct transport_sim *t = (struct transport_sim *) base;

        network_forget(t->net, t);
}

static void transport_sim_free(struct ts_transport *base)
{
        struct transport_sim *t = (struct transport_sim *) base;

        network_forget(t->net, t);
        free(t);
}

struct ts_transport *ts_transport_sim_new(struct ts_sim_network *net)
{
        struct transport_sim *t = ts_calloc(1, sizeof(*t));

        *t = (struct transport_sim){
                .base = {
                        .start = transport_sim_start,
                        .pump = transport_sim_pump,
                        .cancel_all = transport_sim_cancel_all,
                        .free = transport_sim_free,
                },
                .net = net,
                .number = net->n_transports++,
        };
        return &t->base;
}

void ts_transport_sim_kill(struct ts_transport *base)
{
        struct transport_sim *t = (struct transport_sim *) base;

        t->killed = true;
        network_forget(t->net, t);
}

bool ts_transport_sim_is_killed(const struct ts_transport *base)
{
        return ((const struct transport_sim *) base)->killed;
}

struct ts_sim_network *ts_sim_network_new(const struct ts_sim_network_options *options)
{
        struct ts_sim_network *net = ts_calloc(1, sizeof(*net));

        net->options = *options;
        return net;
}

void ts_sim_network_free(struct ts_sim_network *net)
{
        if (!net)
                return;
        assert(net->n_queued == 0);
        free(net->queue);
        free(net);
}

size_t ts_sim_network_n_transports(const struct ts_sim_network *net)
{
        return net->n_transports;
}

size_t ts_sim_network_n_requests(const struct ts_sim_network *net)
{
        return net->n_requests;
}
