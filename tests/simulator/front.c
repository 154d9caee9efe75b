#include "front.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define FRONT_BODY_MAX_BYTES \
        (64u * 1024u * 1024u) /* control texts are large; the API's own limit is the simulator's */
#define FRONT_CONNECTIONS_MAX 10000u
#define FRONT_BLOCK_BYTES 4096u

/* A request, from its first line to the end of its answer. */
struct exchange {
        struct ts_sim_front *front;
        struct exchange *previous, *next; /* all of the front's */
        struct MHD_Connection *connection;
        char *target;
        struct ts_buf body;
        bool begun, handled, is_suspended;
        struct ts_sim_response response;
        uint64_t due_usec;       /* boottime: when it goes on */
        uint64_t next_byte_usec; /* the same, of an answer that drips */
};

struct ts_sim_front {
        struct ts_simulator *sim;
        struct MHD_Daemon *daemon;
        int epoll, timer;
        uint64_t latency_usec;
        bool stops;
        char url[80];
        struct exchange *exchanges;
        struct exchange **waiting; /* a heap by due_usec */
        size_t n_waiting, a_waiting;
};

/* -------------------------------------------------------------------------------------- waiting exchanges */

static uint64_t front_now(void)
{
        return ts_clock_boottime(&ts_clock_system);
}

static void waiting_swap(struct ts_sim_front *f, size_t a, size_t b)
{
        struct exchange *e = f->waiting[a];

        f->waiting[a] = f->waiting[b];
        f->waiting[b] = e;
}

static void waiting_push(struct ts_sim_front *f, struct exchange *e)
{
        size_t i = f->n_waiting++;

        TS_GROW(f->waiting, f->a_waiting, i);
        f->waiting[i] = e;
        for (; i > 0 && f->waiting[i]->due_usec < f->waiting[(i - 1) / 2]->due_usec; i = (i - 1) / 2)
                waiting_swap(f, i, (i - 1) / 2);
}

static struct exchange *waiting_pop(struct ts_sim_front *f)
{
        struct exchange *first = f->waiting[0];
        size_t i = 0;

        f->waiting[0] = f->waiting[--f->n_waiting];
        for (size_t child; (child = 2 * i + 1) < f->n_waiting; i = child) {
                if (child + 1 < f->n_waiting && f->waiting[child + 1]->due_usec < f->waiting[child]->due_usec)
                        child++;
                if (f->waiting[i]->due_usec <= f->waiting[child]->due_usec)
                        break;
                waiting_swap(f, i, child);
        }
        return first;
}

/* The connection rests, others go on. */
static void exchange_suspend(struct exchange *e)
{
        e->is_suspended = true;
        MHD_suspend_connection(e->connection);
}

static void exchange_resume(struct exchange *e)
{
        e->is_suspended = false;
        MHD_resume_connection(e->connection);
}

static void exchange_wait(struct exchange *e, uint64_t usec)
{
        e->due_usec = front_now() + usec;
        waiting_push(e->front, e);
        exchange_suspend(e);
}

static void front_resume_due(struct ts_sim_front *f)
{
        uint64_t now = front_now();

        while (f->n_waiting > 0 && f->waiting[0]->due_usec <= now)
                exchange_resume(waiting_pop(f));
}

/* ------------------------------------------------------------------------------------------------ answers */

/* The kernel sends a reset at once; closing alone would be an orderly end, because the library shuts down
 * before. */
static void exchange_reset(struct exchange *e)
{
        const union MHD_ConnectionInfo *info =
                        MHD_get_connection_info(e->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
        static const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

        (void) setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        (void) connect(info->connect_fd, &nowhere, sizeof(nowhere));
}

/* Of answers that are cut off, or come byte by byte. */
static ssize_t exchange_on_read(void *userdata, uint64_t pos, char *out, size_t max)
{
        struct exchange *e = userdata;
        const struct ts_sim_response *resp = &e->response;
        size_t end = resp->truncate_at < resp->body.len ? resp->truncate_at : resp->body.len;
        size_t n = end > pos ? end - (size_t) pos : 0;

        if (n == 0 || e->front->stops)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (resp->drip_usec > 0) {
                uint64_t now = front_now();

                if (now < e->next_byte_usec) {
                        exchange_wait(e, e->next_byte_usec - now);
                        return 0;
                }
                e->next_byte_usec = now + resp->drip_usec;
                n = 1;
        }
        n = n < max ? n : max;
        memcpy(out, resp->body.data + pos, n);
        return (ssize_t) n;
}

static struct MHD_Response *exchange_make_response(struct exchange *e)
{
        struct ts_buf *body = &e->response.body;
        struct MHD_Response *r;

        if (e->response.truncate_at < body->len || e->response.drip_usec > 0)
                return MHD_create_response_from_callback(body->len, FRONT_BLOCK_BYTES, exchange_on_read, e,
                                                         NULL);
        r = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
        if (r)
                *body = (struct ts_buf) TS_BUF_INIT(0);
        return r;
}

static void response_add(struct MHD_Response *r, const char *name, const char *value)
{
        (void) MHD_add_response_header(r, name,
                                       value); /* a value that is no header is the fault script's affair */
}

static void exchange_add_headers(const struct exchange *e, struct MHD_Response *r)
{
        const struct ts_sim_response *resp = &e->response;
        time_t date = (time_t) resp->date;
        struct tm tm;
        char text[64];

        if (gmtime_r(&date, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
                response_add(r, "Date", text);
        if (resp->content_type)
                response_add(r, "Content-Type", resp->content_type);
        if (resp->retry_after[0])
                response_add(r, "Retry-After", resp->retry_after);
        response_add(r, "ININ-Correlation-Id", resp->correlation.s);
}

static enum MHD_Result exchange_answer(struct exchange *e)
{
        struct MHD_Response *r;
        enum MHD_Result result;

        r = exchange_make_response(e);
        if (!r)
                return MHD_NO;
        exchange_add_headers(e, r);
        result = MHD_queue_response(e->connection, (unsigned) e->response.status, r);
        MHD_destroy_response(r);
        return result;
}

static enum MHD_Result exchange_end(struct exchange *e)
{
        if (e->front->stops)
                return MHD_NO;
        switch (e->response.fate) {
        case TS_SIM_RESET:
                exchange_reset(e);
                return MHD_NO;
        case TS_SIM_CLOSE:
                return MHD_NO;
        case TS_SIM_HANG:
                exchange_suspend(e);
                return MHD_YES;
        case TS_SIM_ANSWER:
                break;
        }
        return exchange_answer(e);
}

/* ----------------------------------------------------------------------------------------------- requests */

static void *front_on_uri(void *userdata, const char *uri, struct MHD_Connection *connection)
{
        struct ts_sim_front *f = userdata;
        struct exchange *e = ts_calloc(1, sizeof(*e));

        *e = (struct exchange){
                .front = f,
                .next = f->exchanges,
                .connection = connection,
                .target = ts_strdup(uri),
                .body = TS_BUF_INIT(FRONT_BODY_MAX_BYTES),
        };
        if (f->exchanges)
                f->exchanges->previous = e;
        f->exchanges = e;
        return e;
}

static void exchange_free(struct exchange *e)
{
        if (e->previous)
                e->previous->next = e->next;
        else
                e->front->exchanges = e->next;
        if (e->next)
                e->next->previous = e->previous;
        ts_sim_response_done(&e->response);
        ts_buf_done(&e->body);
        free(e->target);
        free(e);
}

static void front_on_completed(void *userdata, struct MHD_Connection *connection, void **exchange,
                               enum MHD_RequestTerminationCode code)
{
        (void) userdata;
        (void) connection;
        (void) code;
        if (*exchange)
                exchange_free(*exchange);
        *exchange = NULL;
}

static void exchange_handle(struct exchange *e, const char *method)
{
        const struct ts_sim_request req = {
                .method = method,
                .target = e->target,
                .authorization = MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, "Authorization"),
                .content_type = MHD_lookup_connection_value(e->connection, MHD_HEADER_KIND, "Content-Type"),
                .body = ts_buf_text(&e->body),
                .body_len = e->body.len,
        };

        ts_simulator_handle(e->front->sim, &req, &e->response);
        e->handled = true;
}

/* Called with the headers, with each piece of the body, at its end, and again after each wait. */
static enum MHD_Result front_on_request(void *userdata, struct MHD_Connection *connection, const char *url,
                                        const char *method, const char *version, const char *data,
                                        size_t *len, void **exchange)
{
        struct exchange *e = *exchange;
        uint64_t delay;

        (void) userdata;
        (void) connection;
        (void) url;
        (void) version;
        if (!e->begun) {
                e->begun = true;
                return MHD_YES;
        }
        if (*len > 0) {
                (void) ts_buf_put(&e->body, data, *len); /* too long shows: it does not parse */
                *len = 0;
                return MHD_YES;
        }
        if (e->handled)
                return exchange_end(e);
        exchange_handle(e, method);
        delay = e->front->latency_usec + e->response.delay_usec;
        if (delay == 0)
                return exchange_end(e);
        exchange_wait(e, delay);
        return MHD_YES;
}

/* ----------------------------------------------------------------------------------------- life and death */

static int front_parse_address(const char *text, struct sockaddr_storage *ret, struct ts_err *err)
{
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) ret;
        struct sockaddr_in *in = (struct sockaddr_in *) ret;
        const char *colon = strrchr(text, ':');
        char host[64], *end;
        unsigned long port;
        size_t len;

        *ret = (struct sockaddr_storage){ 0 };
        len = colon ? (size_t) (colon - text) : 0;
        port = colon ? strtoul(colon + 1, &end, 10) : 0;
        if (len == 0 || len >= sizeof(host) || colon[1] < '0' || colon[1] > '9' || *end || port > 65535)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "'%s' is not ADDRESS:PORT", text);
        memcpy(host, text, len);
        host[len] = '\0';
        if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
                in->sin_family = AF_INET;
                in->sin_port = htons((uint16_t) port);
                return 0;
        }
        host[len - 1] = '\0'; /* the closing bracket */
        if (host[0] != '[' || text[len - 1] != ']' || inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "'%s' does not begin with a numeric address",
                                  text);
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t) port);
        return 0;
}

static void front_format_url(struct ts_sim_front *f, const struct ts_sim_front_options *o)
{
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(f->daemon, MHD_DAEMON_INFO_BIND_PORT);

        (void) snprintf(f->url, sizeof(f->url), "http%s://%.*s:%u", o->cert ? "s" : "",
                        (int) (strrchr(o->listen, ':') - o->listen), o->listen, (unsigned) info->port);
}

static int front_start(struct ts_sim_front *f, const struct ts_sim_front_options *o, struct ts_err *err)
{
        struct sockaddr_storage address;
        struct MHD_OptionItem options[] = {
                { MHD_OPTION_SOCK_ADDR, 0, &address },
                { MHD_OPTION_LISTENING_ADDRESS_REUSE, 1, NULL },
                { MHD_OPTION_CONNECTION_LIMIT, FRONT_CONNECTIONS_MAX, NULL },
                { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t) front_on_uri, f },
                { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t) front_on_completed, f },
                { o->cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, o->cert },
                { MHD_OPTION_HTTPS_MEM_KEY, 0, o->key },
                { MHD_OPTION_END, 0, NULL },
        };
        unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
        int r;

        r = front_parse_address(o->listen, &address, err);
        if (r < 0)
                return r;
        if (o->cert)
                flags |= MHD_USE_TLS;
        if (address.ss_family == AF_INET6)
                flags |= MHD_USE_IPv6;
        errno = 0;
        f->daemon = MHD_start_daemon(flags, 0, NULL, NULL, front_on_request, f, MHD_OPTION_ARRAY, options,
                                     MHD_OPTION_END);
        if (!f->daemon)
                return ts_err_set(err, TS_ERR_LOCAL, errno > 0 ? -errno : -EIO, "cannot listen on %s%s",
                                  o->listen, o->cert ? " with that certificate and key" : "");
        front_format_url(f, o);
        return 0;
}

static int front_watch(const struct ts_sim_front *f, int fd)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

        return epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int front_make_loop(struct ts_sim_front *f)
{
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(f->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        int r;

        f->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (f->epoll < 0)
                return -errno;
        f->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (f->timer < 0)
                return -errno;
        r = front_watch(f, f->timer);
        return r < 0 ? r : front_watch(f, info->epoll_fd);
}

int ts_sim_front_new(struct ts_simulator *sim, const struct ts_sim_front_options *options,
                     struct ts_sim_front **ret, struct ts_err *err)
{
        TS_CLEANUP(ts_sim_front_freep) struct ts_sim_front *f = ts_calloc(1, sizeof(*f));
        int r;

        f->sim = sim;
        f->epoll = f->timer = -EBADF;
        f->latency_usec = options->latency_usec;
        r = front_start(f, options, err);
        if (r < 0)
                return r;
        r = front_make_loop(f);
        if (r < 0)
                return ts_err_set(err, TS_ERR_LOCAL, r, "cannot make an event loop: %m");
        *ret = TS_TAKE(f);
        return 0;
}

/* A suspended connection would keep the library from stopping. */
static void front_stop(struct ts_sim_front *f)
{
        f->stops = true;
        for (struct exchange *e = f->exchanges; e; e = e->next)
                if (e->is_suspended)
                        exchange_resume(e);
        f->n_waiting = 0;
        (void) MHD_run(f->daemon);
        MHD_stop_daemon(f->daemon);
}

void ts_sim_front_free(struct ts_sim_front *f)
{
        if (!f)
                return;
        if (f->daemon)
                front_stop(f);
        while (f->exchanges) /* requests that ended before their headers did */
                exchange_free(f->exchanges);
        ts_closep(&f->timer);
        ts_closep(&f->epoll);
        free(f->waiting);
        free(f);
}

const char *ts_sim_front_url(const struct ts_sim_front *f)
{
        return f->url;
}

/* ----------------------------------------------------------------------------------------------- the loop */

static void front_arm_timer(const struct ts_sim_front *f)
{
        uint64_t due = f->n_waiting > 0 ? f->waiting[0]->due_usec : 0;
        const struct itimerspec at = {
                .it_value.tv_sec = (time_t) (due / TS_USEC_PER_SEC),
                .it_value.tv_nsec = (long) (due % TS_USEC_PER_SEC * 1000),
        };

        (void) timerfd_settime(f->timer, TFD_TIMER_ABSTIME, &at,
                               NULL); /* fails on no valid arguments of ours */
}

static int front_timeout_msec(const struct ts_sim_front *f)
{
        unsigned long long msec;

        if (MHD_get_timeout(f->daemon, &msec) != MHD_YES)
                return -1;
        return msec < 60000 ? (int) msec : 60000;
}

int ts_sim_front_run(struct ts_sim_front *f, int fd, struct ts_err *err)
{
        int r = front_watch(f, fd);

        while (r >= 0) {
                struct epoll_event events[4];
                int n;

                front_arm_timer(f);
                n = epoll_wait(f->epoll, events, TS_N_ELEMENTS(events), front_timeout_msec(f));
                if (n < 0 && errno != EINTR)
                        r = -errno;
                for (int i = 0; i < n; i++)
                        if (events[i].data.fd == fd)
                                return 0;
                front_resume_due(f);
                (void) MHD_run(f->daemon);
        }
        return ts_err_set(err, TS_ERR_LOCAL, r, "the event loop failed: %m");
}
