/*
 * test_transport - curl on the event loop, against small servers on loopback
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "genesys/transport-curl.h"
#include "suite.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define MSEC TS_USEC_PER_MSEC
#define LONG_USEC (60 * TS_USEC_PER_SEC) /* for what does not happen, even on a slow machine */
#define SHORT_USEC (300 * MSEC)          /* for what does */
#define AUTHORIZATION "Bearer sentinel-token"

/* ------------------------------------------------------------------------------------------- certificates */

struct identity {
        EVP_PKEY *key;
        X509 *certificate;
};

struct identity_form {
        const char *name;      /* of the subject */
        const char *san;       /* "IP:127.0.0.1"; NULL: none */
        const char *usage;     /* "serverAuth" */
        long from_sec, to_sec; /* from now */
        bool is_ca, is_weak;
};

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
        X509_EXTENSION *extension;
        X509V3_CTX ctx;

        X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
        ck_assert_ptr_nonnull(extension);
        ck_assert_int_eq(X509_add_ext(x, extension, -1), 1);
        X509_EXTENSION_free(extension);
}

/* @issuer NULL: signed by itself. */
static struct identity identity_new(const struct identity_form *form, const struct identity *issuer)
{
        static long serial = 1;
        struct identity i = { form->is_weak ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256"), X509_new() };
        X509_NAME *name = X509_NAME_new();

        ck_assert_ptr_nonnull(i.key);
        ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                    (const unsigned char *) form->name, -1, -1, 0),
                         1);
        ck_assert_int_eq(X509_set_version(i.certificate, X509_VERSION_3), 1);
        ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(i.certificate), serial++), 1);
        ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(i.certificate), form->from_sec));
        ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(i.certificate), form->to_sec));
        ck_assert_int_eq(X509_set_subject_name(i.certificate, name), 1);
        ck_assert_int_eq(X509_set_issuer_name(i.certificate,
                                              issuer ? X509_get_subject_name(issuer->certificate) : name),
                         1);
        ck_assert_int_eq(X509_set_pubkey(i.certificate, i.key), 1);
        add_extension(i.certificate, issuer ? issuer->certificate : i.certificate, NID_basic_constraints,
                      form->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
        if (form->san)
                add_extension(i.certificate, i.certificate, NID_subject_alt_name, form->san);
        if (form->usage)
                add_extension(i.certificate, i.certificate, NID_ext_key_usage, form->usage);
        ck_assert_int_gt(X509_sign(i.certificate, issuer ? issuer->key : i.key, EVP_sha256()), 0);
        X509_NAME_free(name);
        return i;
}

static void identity_done(struct identity *i)
{
        EVP_PKEY_free(i->key);
        X509_free(i->certificate);
}

/* ------------------------------------------------------------------------------------------------- server */

enum end {
        KEEP,  /* the connection */
        CLOSE, /* in order */
        RESET,
        HANG, /* nothing more, until the other side goes */
        DRIP, /* a byte now and then */
        FLOOD_BODY,
        FLOOD_HEADERS,
        FLOOD_CONTINUES,
};

/* What a path gets. */
struct canned {
        const char *path, *answer;
        enum end end;
};

struct server {
        const struct canned *canned;
        size_t n_canned;
        SSL_CTX *tls; /* NULL: plain */
        bool closes;  /* every connection at once */
        int fd, port;
        pthread_t thread, connections[128];
        _Atomic size_t n_connections, n_requests;
        _Atomic size_t n_bytes; /* of requests, decrypted */
        pthread_mutex_t lock;
        char last[4096]; /* request */
};

struct connection {
        struct server *server;
        int fd;
        SSL *tls;
        char in[8192];
        size_t n_in;
};

static bool put(struct connection *c, const char *data, size_t len)
{
        while (len > 0) {
                ssize_t n = c->tls ? SSL_write(c->tls, data, (int) len)
                                   : send(c->fd, data, len, MSG_NOSIGNAL);

                if (n <= 0)
                        return false;
                data += n;
                len -= (size_t) n;
        }
        return true;
}

static bool get_more(struct connection *c)
{
        size_t room = sizeof(c->in) - 1 - c->n_in;
        ssize_t n = c->tls ? SSL_read(c->tls, c->in + c->n_in, (int) room)
                           : recv(c->fd, c->in + c->n_in, room, 0);

        if (n <= 0)
                return false;
        c->n_in += (size_t) n;
        c->in[c->n_in] = '\0';
        c->server->n_bytes += (size_t) n;
        return true;
}

/* One whole request into server->last; its length is then taken off the input. */
static bool get_request(struct connection *c, char path[256])
{
        const char *end, *length;
        size_t len;

        while (!(end = c->n_in > 0 ? strstr(c->in, "\r\n\r\n") : NULL))
                if (!get_more(c))
                        return false;
        length = strcasestr(c->in, "\r\nContent-Length: ");
        len = (size_t) (end - c->in) + 4;
        if (length && length < end)
                len += strtoul(length + 18, NULL, 10);
        while (c->n_in < len)
                if (!get_more(c))
                        return false;

        if (sscanf(c->in, "%*s %255s", path) != 1)
                return false;
        (void) pthread_mutex_lock(&c->server->lock);
        (void) snprintf(c->server->last, sizeof(c->server->last), "%.*s", (int) len, c->in);
        (void) pthread_mutex_unlock(&c->server->lock);
        c->server->n_requests++;
        c->n_in -= len;
        memmove(c->in, c->in + len, c->n_in + 1);
        return true;
}

static void flood(struct connection *c, const char *piece, size_t n_bytes)
{
        for (size_t sent = 0; sent < n_bytes; sent += strlen(piece))
                if (!put(c, piece, strlen(piece)))
                        return;
}

static void flood_body(struct connection *c)
{
        char piece[4096 + 16];

        (void) snprintf(piece, sizeof(piece), "1000\r\n%4096s\r\n", "x");
        flood(c, piece, TS_HTTP_BODY_MAX_BYTES + 1024 * 1024);
}

/* A byte every 20 ms, until the other side goes. */
static void drip(struct connection *c)
{
        struct pollfd p = { .fd = c->fd, .events = POLLRDHUP };

        while (put(c, "x", 1) && poll(&p, 1, 20) == 0)
                ;
}

/* Ends only when the other side does. */
static void hang(struct connection *c)
{
        while (get_more(c))
                c->n_in = 0;
}

static bool end_answer(struct connection *c, enum end end)
{
        struct linger linger = { 1, 0 };

        switch (end) {
        case KEEP:
                return true;
        case CLOSE:
                return false;
        case RESET:
                ck_assert_int_eq(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
                return false;
        case HANG:
                hang(c);
                return false;
        case DRIP:
                drip(c);
                return false;
        case FLOOD_BODY:
                flood_body(c);
                return false;
        case FLOOD_HEADERS:
                flood(c, "X-Padding: 0123456789012345678901234567890123456789\r\n",
                      2 * TS_HTTP_HEADERS_MAX_BYTES);
                return false;
        case FLOOD_CONTINUES:
                flood(c, "HTTP/1.1 100 Continue\r\n\r\n", 64 * TS_HTTP_HEADERS_MAX_BYTES);
                return false;
        }
        return false;
}

static bool answer(struct connection *c, const char *path)
{
        const struct server *s = c->server;

        for (size_t i = 0; i < s->n_canned; i++)
                if (strcmp(s->canned[i].path, path) == 0)
                        return put(c, s->canned[i].answer, strlen(s->canned[i].answer)) &&
                               end_answer(c, s->canned[i].end);
        return put(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 45);
}

static void *connection_run(void *userdata)
{
        struct connection *c = userdata;
        char path[256];

        if (c->server->tls) {
                c->tls = SSL_new(c->server->tls);
                (void) SSL_set_fd(c->tls, c->fd);
        }
        if (!c->tls || SSL_accept(c->tls) == 1)
                while (get_request(c, path) && answer(c, path))
                        ;
        (void) SSL_free(c->tls);
        (void) close(c->fd);
        free(c);
        return NULL;
}

static void reset(int fd)
{
        struct linger linger = { 1, 0 };

        (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        (void) close(fd);
}

static void *server_run(void *userdata)
{
        struct server *s = userdata;
        size_t n = 0;
        int fd;

        while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
                struct connection *c = ts_calloc(1, sizeof(*c));

                s->n_connections++;
                if (s->closes) {
                        reset(fd);
                        free(c);
                        continue;
                }
                *c = (struct connection){ .server = s, .fd = fd };
                ck_assert_uint_lt(n, TS_N_ELEMENTS(s->connections));
                ck_assert_int_eq(pthread_create(&s->connections[n++], NULL, connection_run, c), 0);
        }
        for (size_t i = 0; i < n; i++)
                (void) pthread_join(s->connections[i], NULL);
        return NULL;
}

/* @s has its canned answers. */
static void server_start(struct server *s)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof(a);

        (void) pthread_mutex_init(&s->lock, NULL);
        s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(s->fd, 0);
        ck_assert_int_eq(bind(s->fd, (struct sockaddr *) &a, sizeof(a)), 0);
        ck_assert_int_eq(listen(s->fd, 64), 0);
        ck_assert_int_eq(getsockname(s->fd, (struct sockaddr *) &a, &len), 0);
        s->port = ntohs(a.sin_port);
        ck_assert_int_eq(pthread_create(&s->thread, NULL, server_run, s), 0);
}

/* The client has gone: its connections are closed. */
static void server_stop(struct server *s)
{
        (void) shutdown(s->fd, SHUT_RDWR);
        (void) pthread_join(s->thread, NULL);
        (void) close(s->fd);
        SSL_CTX_free(s->tls);
        s->tls = NULL;
}

static char *url_of(const struct server *s, const char *scheme, const char *host, const char *path)
{
        char url[512];

        (void) snprintf(url, sizeof(url), "%s://%s:%d%s", scheme, host, s->port, path);
        return ts_strdup(url);
}

/* --------------------------------------------------------------------------------------------- the client */

struct client {
        sd_event *loop;
        struct ts_transport *transport;
};

static uint64_t later_boottime(void *userdata)
{
        return ts_clock_boottime(&ts_clock_system) + *(const uint64_t *) userdata;
}

static struct client client_new_at(const struct ts_clock *clock,
                                   const struct ts_transport_curl_options *options)
{
        struct client c = { 0 };
        struct ts_err err = { 0 };
        int r;

        ck_assert_int_ge(sd_event_new(&c.loop), 0);
        r = ts_transport_curl_new(c.loop, clock, options, &c.transport, &err);
        ck_assert_msg(r == 0, "%s", err.msg);
        return c;
}

static struct client client_new(const struct ts_transport_curl_options *options)
{
        return client_new_at(&ts_clock_system, options);
}

static void client_done(struct client *c)
{
        ts_transport_free(c->transport);
        sd_event_unref(c->loop);
}

struct exchange {
        unsigned n_done;
        bool is_starting;
        struct ts_answer answer; /* with a body of its own */
};

static void on_done(struct ts_answer *a, void *userdata)
{
        struct exchange *x = userdata;

        ck_assert(!x->is_starting);
        x->n_done++;
        x->answer = *a;
        x->answer.body = (struct ts_buf) TS_BUF_INIT(TS_HTTP_BODY_MAX_BYTES);
        (void) ts_buf_put(&x->answer.body, ts_buf_text(&a->body), a->body.len);
}

static void start(struct client *c, const struct ts_request *request, struct exchange *x)
{
        x->is_starting = true;
        c->transport->start(c->transport, request, on_done, x);
        x->is_starting = false;
}

static void pump(struct client *c, uint64_t deadline_usec)
{
        struct ts_err err = { 0 };
        int r = c->transport->pump(c->transport, deadline_usec, &err);

        ck_assert_msg(r == 0, "%s", err.msg);
}

static struct exchange run(struct client *c, const struct ts_request *request)
{
        struct exchange x = { 0 };

        start(c, request, &x);
        while (x.n_done == 0)
                pump(c, UINT64_MAX);
        ck_assert_uint_eq(x.n_done, 1);
        return x;
}

static void exchange_done(struct exchange *x)
{
        ts_buf_done(&x->answer.body);
}

static const struct ts_transport_curl_options plain_options = { .concurrency = 4,
                                                                .user_agent = "trustsyncd/test" };

/* ------------------------------------------------------------------------------------------------ answers */

#define OK "HTTP/1.1 200 OK\r\n"
#define EMPTY "Content-Length: 0\r\n\r\n"

static const struct {
        const char *answer;
        enum end end;
        int r;
        enum ts_effect effect;
        bool is_fatal;
        long status;
        const char *body; /* or what is in the error */
} answer_cases[] = {
        { OK "Content-Length: 2\r\n\r\n{}", KEEP, 0, TS_EFFECT_ANSWERED, false, 200, "{}" },
        { OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", KEEP, 0, TS_EFFECT_ANSWERED, false,
          200, "{}" },
        { OK "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n", KEEP, 0,
          TS_EFFECT_ANSWERED, false, 200, "{}" },
        { "HTTP/1.1 204 No Content\r\n\r\n", KEEP, 0, TS_EFFECT_ANSWERED, false, 204, "" },
        { "HTTP/1.1 503 Gone Fishing\r\nContent-Length: 2\r\n\r\nno", KEEP, 0, TS_EFFECT_ANSWERED, false, 503,
          "no" },
        { "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n" EMPTY, KEEP, 0, TS_EFFECT_ANSWERED,
          false, 401, "" },
        { OK "\r\n{}", CLOSE, 0, TS_EFFECT_ANSWERED, false, 200, "{}" },
        { "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 2\r\n\r\n{}", KEEP, 0, TS_EFFECT_ANSWERED,
          false, 200, "{}" },

        /* no whole answer */
        { "", CLOSE, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0, "" },
        { "", RESET, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0, "" },
        { OK, CLOSE, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0, "" },
        { OK "Content-Type: text/plain\r\n", CLOSE, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0, "" },
        { OK "Content-Length: 10\r\n\r\n{}", CLOSE, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0,
          "8 bytes remaining" },
        { OK "Content-Length: 10\r\n\r\n{}", RESET, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0, "" },
        { OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", CLOSE, -ECONNRESET, TS_EFFECT_POSSIBLE, false,
          0, "" },
        { OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n", CLOSE, -ECONNRESET,
          TS_EFFECT_POSSIBLE, false, 0, "" },
        { "", HANG, -ETIMEDOUT, TS_EFFECT_POSSIBLE, false, 0, "" },
        { OK "Content-Length: 10\r\n\r\n{}", HANG, -ETIMEDOUT, TS_EFFECT_POSSIBLE, false, 0, "" },
        { OK "Content-Length: 1000\r\n\r\n", DRIP, -ETIMEDOUT, TS_EFFECT_POSSIBLE, false, 0, "" },
        { "hello, this is not HTTP\r\n\r\n", CLOSE, -EBADMSG, TS_EFFECT_POSSIBLE, false, 0, "" },

        /* too much */
        { OK "Transfer-Encoding: chunked\r\n\r\n", FLOOD_BODY, -EFBIG, TS_EFFECT_POSSIBLE, true, 0,
          "contents of the answer are over the limit of 8388608 bytes" },
        { OK "Content-Length: 9000000\r\n\r\n", FLOOD_BODY, -EFBIG, TS_EFFECT_POSSIBLE, true, 0,
          "over the limit" },
        { OK, FLOOD_HEADERS, -EFBIG, TS_EFFECT_POSSIBLE, true, 0,
          "headers of the answer are over the limit of 65536 bytes" },
        { "", FLOOD_CONTINUES, -EFBIG, TS_EFFECT_POSSIBLE, true, 0, "over the limit" },
};

START_TEST(test_answer)
{
        const struct canned canned = { "/x", answer_cases[_i].answer, answer_cases[_i].end };
        struct server s = { .canned = &canned, .n_canned = 1 };
        struct client c = client_new(&plain_options);
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct exchange x;

        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/x");
        x = run(&c, &(struct ts_request){
                                    .url = url,
                                    .authorization = AUTHORIZATION,
                                    .timeout_usec = answer_cases[_i].r == -ETIMEDOUT ? SHORT_USEC : LONG_USEC,
                    });
        ck_assert_msg(x.answer.r == answer_cases[_i].r, "%d: %s", x.answer.r, x.answer.error);
        ck_assert_int_eq(x.answer.effect, answer_cases[_i].effect);
        ck_assert_int_eq(x.answer.is_fatal, answer_cases[_i].is_fatal);
        ck_assert_int_eq(x.answer.status, answer_cases[_i].status);
        if (x.answer.r == 0)
                ck_assert_str_eq(ts_buf_text(&x.answer.body), answer_cases[_i].body);
        else
                ck_assert_msg(strstr(x.answer.error, answer_cases[_i].body), "%s", x.answer.error);
        ck_assert_uint_eq(s.n_requests, 1);
        exchange_done(&x);
        client_done(&c);
        server_stop(&s);
}
END_TEST

static const struct {
        const char *headers;
        int64_t retry_after_sec, date;
        const char *correlation;
} header_cases[] = {
        { "", -1, TS_TIME_UNSET, "" },
        { "Retry-After: 42\r\n", 42, TS_TIME_UNSET, "" },
        { "retry-after:42\r\n", 42, TS_TIME_UNSET, "" },
        { "RETRY-AFTER: \t 42 \t\r\n", 42, TS_TIME_UNSET, "" },
        { "Retry-After: 0\r\n", 0, TS_TIME_UNSET, "" },
        { "Retry-After: -5\r\n", -1, TS_TIME_UNSET, "" },
        { "Retry-After: \r\n", -1, TS_TIME_UNSET, "" },
        { "Retry-After: 1.5\r\n", -1, TS_TIME_UNSET, "" },
        { "Retry-After: 1e3\r\n", -1, TS_TIME_UNSET, "" },
        { "Retry-After: soon\r\n", -1, TS_TIME_UNSET, "" },
        { "Retry-After: 1, 2\r\n", -1, TS_TIME_UNSET, "" },
        { "Retry-After: Fri, 31 Dec 2099 23:59:59 GMT\r\n", -1, TS_TIME_UNSET, "" },
        { "Retry-After: 99999999999999999999\r\n", INT64_MAX / 10, TS_TIME_UNSET, "" },
        { "Retry-After: 3\r\nRetry-After: 7\r\nRetry-After: 5\r\n", 7, TS_TIME_UNSET, "" },
        { "X-Retry-After: 42\r\nRetry-After2: 42\r\n", -1, TS_TIME_UNSET, "" },
        { "Date: Thu, 01 Jan 1970 00:01:40 GMT\r\n", -1, 100, "" },
        { "Date: yesterday\r\n", -1, TS_TIME_UNSET, "" },
        { "ININ-Correlation-Id: 1-2-3\r\n", -1, TS_TIME_UNSET, "1-2-3" },
        { "inin-correlation-id:  a b \r\n", -1, TS_TIME_UNSET, "a b" },
};

START_TEST(test_header)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
        struct canned canned = { "/x", NULL, KEEP };
        struct server s = { .canned = &canned, .n_canned = 1 };
        struct client c = client_new(&plain_options);
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct exchange x;

        /* what an interim answer says does not count */
        (void) ts_buf_printf(&text,
                             "HTTP/1.1 100 Continue\r\nRetry-After: 99\r\nININ-Correlation-Id: no\r\n\r\n" OK
                             "%s" EMPTY,
                             header_cases[_i].headers);
        canned.answer = ts_buf_text(&text);
        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/x");
        x = run(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC });
        ck_assert_int_eq(x.answer.retry_after_sec, header_cases[_i].retry_after_sec);
        ck_assert_int_eq(x.answer.date, header_cases[_i].date);
        ck_assert_str_eq(x.answer.correlation, header_cases[_i].correlation);
        exchange_done(&x);
        client_done(&c);
        server_stop(&s);
}
END_TEST

START_TEST(test_long_correlation_is_cut)
{
        char text[600];
        struct canned canned = { "/x", text, KEEP };
        struct server s = { .canned = &canned, .n_canned = 1 };
        struct client c = client_new(&plain_options);
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct exchange x;

        (void) snprintf(text, sizeof(text), OK "ININ-Correlation-Id: %0400d\r\n" EMPTY, 1);
        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/x");
        x = run(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC });
        ck_assert_uint_eq(strlen(x.answer.correlation), sizeof(x.answer.correlation) - 1);
        exchange_done(&x);
        client_done(&c);
        server_stop(&s);
}
END_TEST

static void on_done_take(struct ts_answer *a, void *userdata)
{
        char **taken = userdata;

        *taken = TS_TAKE(a->body.data);
}

/* A body that was taken over stays as it is, whatever comes after it. */
START_TEST(test_body_is_taken_over)
{
        static const struct canned canned = { "/x", OK "Content-Length: 7\r\n\r\n{\"a\":1}", KEEP };
        struct ts_transport_curl_options options = plain_options;
        struct server s = { .canned = &canned, .n_canned = 1 };
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct client c;

        options.concurrency = 1;
        c = client_new(&options);
        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/x");
        for (unsigned i = 0; i < 3; i++) {
                TS_CLEANUP(ts_freep) char *taken = NULL;
                struct exchange x;

                c.transport->start(c.transport, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC },
                                   on_done_take, &taken);
                while (!taken)
                        pump(&c, UINT64_MAX);
                x = run(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC });
                ck_assert_str_eq(taken, "{\"a\":1}");
                ck_assert_str_eq(ts_buf_text(&x.answer.body), "{\"a\":1}");
                exchange_done(&x);
        }
        client_done(&c);
        server_stop(&s);
}
END_TEST

/* ------------------------------------------------------------------------------------------- what is sent */

static const struct {
        enum ts_method method;
        const char *content_type, *body;
        const char *request; /* "%d": the port */
} request_cases[] = {
        { TS_GET, NULL, NULL,
          "GET /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: trustsyncd/test\r\nAccept: "
          "application/json\r\n"
          "Authorization: " AUTHORIZATION "\r\n\r\n" },
        { TS_DELETE, NULL, NULL,
          "DELETE /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: trustsyncd/test\r\nAccept: "
          "application/json\r\n"
          "Authorization: " AUTHORIZATION "\r\n\r\n" },
        { TS_PUT, "application/json", "{\"a\":1}",
          "PUT /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: trustsyncd/test\r\nAccept: "
          "application/json\r\n"
          "Content-Type: application/json\r\nAuthorization: " AUTHORIZATION
          "\r\nContent-Length: 7\r\n\r\n{\"a\":1}" },
        { TS_POST, "application/x-www-form-urlencoded", "a=b",
          "POST /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: trustsyncd/test\r\nAccept: "
          "application/json\r\n"
          "Content-Type: application/x-www-form-urlencoded\r\nAuthorization: " AUTHORIZATION
          "\r\nContent-Length: 3\r\n\r\na=b" },
        { TS_PUT, NULL, NULL,
          "PUT /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: trustsyncd/test\r\nAccept: "
          "application/json\r\n"
          "Authorization: " AUTHORIZATION "\r\nContent-Length: 0\r\n\r\n" },
};

/* Every method after every other, on the same handles: nothing of one request is left in the next. */
START_TEST(test_request)
{
        static const struct canned canned = { "/x", OK EMPTY, KEEP };
        struct ts_transport_curl_options options = plain_options;
        struct server s = { .canned = &canned, .n_canned = 1 };
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct client c;

        options.concurrency = 1;
        c = client_new(&options);
        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/x");
        for (size_t i = 0; i < TS_N_ELEMENTS(request_cases); i++)
                for (size_t k = 0; k < 2 * TS_N_ELEMENTS(request_cases); k++) {
                        size_t m = k % 2 ? i : k / 2;
                        const char *body = request_cases[m].body;
                        char expected[1024], *port = strstr(request_cases[m].request, "%d");
                        struct exchange x;

                        x = run(&c, &(struct ts_request){ .method = request_cases[m].method,
                                                          .url = url,
                                                          .authorization = AUTHORIZATION,
                                                          .content_type = request_cases[m].content_type,
                                                          .body = body,
                                                          .body_len = body ? strlen(body) : 0,
                                                          .timeout_usec = LONG_USEC });
                        ck_assert_int_eq(x.answer.r, 0);
                        (void) snprintf(expected, sizeof(expected), "%.*s%d%s",
                                        (int) (port - request_cases[m].request), request_cases[m].request,
                                        s.port, port + 2);
                        ck_assert_str_eq(s.last, expected);
                        exchange_done(&x);
                }
        client_done(&c);
        server_stop(&s);
}
END_TEST

START_TEST(test_no_authorization_is_left_over)
{
        static const struct canned canned = { "/x", OK EMPTY, KEEP };
        struct ts_transport_curl_options options = plain_options;
        struct server s = { .canned = &canned, .n_canned = 1 };
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct exchange x;
        struct client c;

        options.concurrency = 1;
        c = client_new(&options);
        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/x");
        x = run(&c, &(struct ts_request){
                                    .url = url, .authorization = AUTHORIZATION, .timeout_usec = LONG_USEC });
        exchange_done(&x);
        x = run(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC });
        ck_assert_ptr_null(strstr(s.last, "Authorization"));
        exchange_done(&x);
        client_done(&c);
        server_stop(&s);
}
END_TEST

/* Nothing is connected to. */
static const struct {
        const char *url;
        bool is_allowed; /* then there is nobody at the port */
} url_cases[] = {
        { "http://127.0.0.1:1/x", true },
        { "http://127.1.2.3:1/x", true },
        { "http://localhost:1/x", true },
        { "http://[::1]:1/x", true },
        { "http://LOCALHOST:1/x", true },
        { "http://[0:0:0:0:0:0:0:1]:1/x", true },
        { "https://127.0.0.1:1/x", true },
        { "http://127.1:1/x", false },
        { "http://2130706433:1/x", false },
        { "http://0x7f.1:1/x", false },
        { "http://localhost.:1/x", false },
        { "http://192.0.2.1/x", false },
        { "http://api.example/x", false },
        { "http://127.0.0.1.example/x", false },
        { "http://127.0.0.1@192.0.2.1/x", false },
        { "http://localhost@192.0.2.1/x", false },
        { "http://localhost.example/x", false },
        { "http://[::2]/x", false },
        { "http://[::ffff:192.0.2.1]/x", false },
        { "http://0.0.0.0/x", false },
        { "http:///x", false },
        { "http://", false },
        { "HTTP://192.0.2.1/x", false },
        { "ftp://127.0.0.1/x", false },
        { "file:///etc/passwd", false },
        { "127.0.0.1/x", false },
        { "", false },
};

START_TEST(test_url)
{
        struct client c = client_new(&plain_options);
        struct exchange x;

        x = run(&c, &(struct ts_request){ .url = url_cases[_i].url,
                                          .authorization = AUTHORIZATION,
                                          .timeout_usec = LONG_USEC });
        ck_assert_int_eq(x.answer.r, url_cases[_i].is_allowed ? -ECONNREFUSED : -EPROTONOSUPPORT);
        ck_assert_int_eq(x.answer.effect, TS_EFFECT_NONE);
        ck_assert_int_eq(x.answer.is_fatal, !url_cases[_i].is_allowed);
        ck_assert_str_ne(x.answer.error, "");
        exchange_done(&x);
        client_done(&c);
}
END_TEST

/* -------------------------------------------------------------------------------------------- connections */

START_TEST(test_connections_are_kept)
{
        static const struct canned canned = { "/x", OK "Content-Length: 2\r\n\r\n{}", KEEP };
        struct server s = { .canned = &canned, .n_canned = 1 };
        struct client c = client_new(&plain_options);
        TS_CLEANUP(ts_freep) char *url = NULL;

        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/x");
        for (unsigned i = 0; i < 20; i++) {
                struct exchange x = run(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC });

                ck_assert_int_eq(x.answer.r, 0);
                exchange_done(&x);
        }
        ck_assert_uint_eq(s.n_requests, 20);
        ck_assert_uint_eq(s.n_connections, 1);
        client_done(&c);
        server_stop(&s);
}
END_TEST

/* More requests than connections: they wait inside, and each is answered once. */
START_TEST(test_many_at_once)
{
        enum { N = 300 };
        static const struct canned canned = { "/x", OK "Content-Length: 2\r\n\r\n{}", KEEP };
        TS_CLEANUP(ts_freep) struct exchange *x = ts_calloc(N, sizeof(*x));
        struct server s = { .canned = &canned, .n_canned = 1 };
        struct client c = client_new(&plain_options);
        TS_CLEANUP(ts_freep) char *url = NULL;
        size_t n_done = 0;

        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/x");
        for (size_t i = 0; i < N; i++)
                start(&c,
                      &(struct ts_request){ .url = i % 10 == 3 ? "http://192.0.2.1/" : url,
                                            .timeout_usec = LONG_USEC },
                      &x[i]);
        while (n_done < N) {
                n_done = 0;
                pump(&c, UINT64_MAX);
                for (size_t i = 0; i < N; i++)
                        n_done += x[i].n_done;
        }
        for (size_t i = 0; i < N; i++) {
                ck_assert_uint_eq(x[i].n_done, 1);
                ck_assert_int_eq(x[i].answer.r, i % 10 == 3 ? -EPROTONOSUPPORT : 0);
                exchange_done(&x[i]);
        }
        ck_assert_uint_eq(s.n_requests, N - N / 10);
        ck_assert_uint_le(s.n_connections, plain_options.concurrency);
        client_done(&c);
        server_stop(&s);
}
END_TEST

/* A kept connection that dies under a request: curl sends what is idempotent once more, a POST never. */
static const struct {
        enum ts_method method;
        const char *body;
        size_t n_lost; /* how often the server saw the request */
} lost_cases[] = {
        { TS_GET, NULL, 2 },
        { TS_PUT, "{}", 2 },
        { TS_POST, "{}", 1 },
};

START_TEST(test_kept_connection_dies)
{
        static const struct canned canned[] = { { "/ok", OK EMPTY, KEEP }, { "/lost", "", RESET } };
        struct ts_transport_curl_options options = plain_options;
        struct server s = { .canned = canned, .n_canned = TS_N_ELEMENTS(canned) };
        TS_CLEANUP(ts_freep) char *ok = NULL, *lost = NULL;
        const char *body = lost_cases[_i].body;
        struct exchange x;
        struct client c;

        options.concurrency = 1;
        c = client_new(&options);
        server_start(&s);
        ok = url_of(&s, "http", "127.0.0.1", "/ok");
        lost = url_of(&s, "http", "127.0.0.1", "/lost");
        x = run(&c, &(struct ts_request){ .url = ok, .timeout_usec = LONG_USEC });
        exchange_done(&x);
        x = run(&c, &(struct ts_request){ .method = lost_cases[_i].method,
                                          .url = lost,
                                          .body = body,
                                          .body_len = body ? strlen(body) : 0,
                                          .timeout_usec = LONG_USEC });
        ck_assert_int_eq(x.answer.r, -ECONNRESET);
        ck_assert_int_eq(x.answer.effect, TS_EFFECT_POSSIBLE);
        ck_assert_uint_eq(s.n_requests, 1 + lost_cases[_i].n_lost);
        exchange_done(&x);
        client_done(&c);
        server_stop(&s);
}
END_TEST

START_TEST(test_server_closes_at_once)
{
        struct server s = { .closes = true };
        struct client c = client_new(&plain_options);
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct exchange x;

        server_start(&s);
        url = url_of(&s, _i ? "https" : "http", "127.0.0.1", "/x");
        x = run(&c, &(struct ts_request){
                                    .url = url, .authorization = AUTHORIZATION, .timeout_usec = LONG_USEC });
        /* the reset may come before curl has looked whether it is connected */
        ck_assert_msg(x.answer.r == -ECONNRESET || x.answer.r == -ECONNREFUSED, "%d: %s", x.answer.r,
                      x.answer.error);
        ck_assert(!x.answer.is_fatal);
        if (_i) /* the handshake did not get through: no request can have */
                ck_assert_int_eq(x.answer.effect, TS_EFFECT_NONE);
        exchange_done(&x);
        client_done(&c);
        server_stop(&s);
}
END_TEST

START_TEST(test_cancel)
{
        enum { N = 10 };
        static const struct canned canned[] = { { "/hang", "", HANG }, { "/ok", OK EMPTY, KEEP } };
        struct server s = { .canned = canned, .n_canned = TS_N_ELEMENTS(canned) };
        struct client c = client_new(&plain_options);
        TS_CLEANUP(ts_freep) char *hang_url = NULL, *ok_url = NULL;
        struct exchange x[N] = { 0 }, last;

        server_start(&s);
        hang_url = url_of(&s, "http", "127.0.0.1", "/hang");
        ok_url = url_of(&s, "http", "127.0.0.1", "/ok");
        for (size_t i = 0; i < N; i++)
                start(&c,
                      &(struct ts_request){ .url = i == 2 ? "http://192.0.2.1/" : hang_url,
                                            .timeout_usec = LONG_USEC },
                      &x[i]);
        if (_i)
                while (s.n_requests < 3) /* they are under way */
                        pump(&c, ts_clock_boottime(&ts_clock_system) + MSEC);
        c.transport->cancel_all(c.transport);
        last = run(&c, &(struct ts_request){ .url = ok_url, .timeout_usec = LONG_USEC });
        ck_assert_int_eq(last.answer.status, 200);
        for (size_t i = 0; i < N; i++) {
                ck_assert_uint_eq(x[i].n_done, _i && i == 2);
                exchange_done(&x[i]);
        }
        exchange_done(&last);
        client_done(&c);
        server_stop(&s);
}
END_TEST

/* Told to stop: what only reads, and what was not sent, ends at once; a write has a time of its own. */
START_TEST(test_stop)
{
        static const struct canned canned[] = { { "/hang", "", HANG } };
        struct server s = { .canned = canned, .n_canned = TS_N_ELEMENTS(canned) };
        uint64_t pause_usec = 0;
        struct ts_clock clock = { .boottime_usec = later_boottime, .userdata = &pause_usec };
        struct client c = client_new_at(
                        &clock, &(struct ts_transport_curl_options){ .concurrency = 2,
                                                                     .user_agent = "trustsyncd/test" });
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct exchange read = { 0 }, write = { 0 }, queued = { 0 }, late = { 0 };

        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/hang");
        start(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC }, &read);
        start(&c,
              &(struct ts_request){
                              .method = TS_DELETE, .url = url, .timeout_usec = LONG_USEC, .writes = true },
              &write);
        start(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC, .writes = true }, &queued);
        while (s.n_requests < 2)
                pump(&c, ts_clock_boottime(&clock) + MSEC);
        ts_transport_curl_stop(c.transport);
        start(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC, .writes = true }, &late);
        while (read.n_done + queued.n_done + late.n_done < 3)
                pump(&c, UINT64_MAX);
        ck_assert_uint_eq(write.n_done, 0);
        ck_assert_int_eq(read.answer.r, -ECANCELED);
        ck_assert_int_eq(read.answer.effect, TS_EFFECT_POSSIBLE);
        ck_assert_int_eq(queued.answer.r, -ECANCELED);
        ck_assert_int_eq(queued.answer.effect, TS_EFFECT_NONE);
        ck_assert_int_eq(late.answer.r, -ECANCELED);
        pump(&c, ts_clock_boottime(&clock) + MSEC);
        ck_assert_uint_eq(write.n_done, 0);
        pause_usec = TS_STOP_WRITES_USEC;
        ts_transport_curl_stop(c.transport); /* once more gives no more time */
        pump(&c, UINT64_MAX);
        ck_assert_uint_eq(write.n_done, 1);
        ck_assert_int_eq(write.answer.r, -ECANCELED);
        ck_assert_int_eq(write.answer.effect, TS_EFFECT_POSSIBLE);
        ck_assert_uint_eq(s.n_requests, 2);
        exchange_done(&read);
        exchange_done(&write);
        exchange_done(&queued);
        exchange_done(&late);
        client_done(&c);
        server_stop(&s);
}
END_TEST

/* A request that is under way when the transport goes: nothing is called any more. */
START_TEST(test_free_while_under_way)
{
        static const struct canned canned = { "/hang", "", HANG };
        struct server s = { .canned = &canned, .n_canned = 1 };
        struct client c = client_new(&plain_options);
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct exchange x = { 0 };

        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/hang");
        start(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC }, &x);
        while (s.n_requests < 1)
                pump(&c, ts_clock_boottime(&ts_clock_system) + MSEC);
        client_done(&c);
        ck_assert_uint_eq(x.n_done, 0);
        server_stop(&s);
}
END_TEST

/* ----------------------------------------------------------------------------------------------- the loop */

START_TEST(test_pump_ends_at_its_deadline)
{
        struct client c = client_new(&plain_options);
        uint64_t deadline = ts_clock_boottime(&ts_clock_system) + 30 * MSEC;

        pump(&c, deadline);
        ck_assert_uint_ge(ts_clock_boottime(&ts_clock_system), deadline);
        pump(&c, 0);
        client_done(&c);
}
END_TEST

static int on_event(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        bool *stop = userdata;
        uint64_t n;

        (void) source;
        (void) revents;
        ck_assert_int_eq((int) read(fd, &n, sizeof(n)), (int) sizeof(n));
        *stop = true;
        return 0;
}

/* A handler of somebody else's event may have set a flag: the one who pumps gets to look at it. */
START_TEST(test_pump_ends_after_a_foreign_event)
{
        static const struct canned canned = { "/hang", "", HANG };
        struct server s = { .canned = &canned, .n_canned = 1 };
        struct client c = client_new(&plain_options);
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct exchange x = { 0 };
        bool stop = false;
        uint64_t one = 1;
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        ck_assert_int_ge(sd_event_add_io(c.loop, NULL, fd, EPOLLIN, on_event, &stop), 0);
        server_start(&s);
        url = url_of(&s, "http", "127.0.0.1", "/hang");
        start(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC }, &x);
        while (s.n_requests < 1)
                pump(&c, ts_clock_boottime(&ts_clock_system) + MSEC);
        ck_assert_int_eq((int) write(fd, &one, sizeof(one)), (int) sizeof(one));
        while (!stop)
                pump(&c, UINT64_MAX);
        ck_assert_uint_eq(x.n_done, 0);
        client_done(&c);
        server_stop(&s);
        (void) close(fd);
}
END_TEST

static const struct {
        uint64_t minutes;
        int r;
} pauses[] = { { 0, 0 }, { 4, 0 }, { 6, -ESTALE }, { 60 * 24 * 365, -ESTALE } };

/* What was read before the host was suspended is out of date; the answers that come all the same are told. */
START_TEST(test_a_process_that_stood_still)
{
        static const struct canned canned[] = { { "/hang", "", HANG }, { "/ok", OK EMPTY, KEEP } };
        struct server s = { .canned = canned, .n_canned = 2 };
        uint64_t pause_usec = 0;
        struct ts_clock clock = { .boottime_usec = later_boottime, .userdata = &pause_usec };
        struct client c = client_new_at(&clock, &plain_options);
        TS_CLEANUP(ts_freep) char *hang = NULL;
        TS_CLEANUP(ts_freep) char *ok = NULL;
        struct exchange x = { 0 }, y;
        struct ts_err err = { 0 };

        server_start(&s);
        hang = url_of(&s, "http", "127.0.0.1", "/hang");
        ok = url_of(&s, "http", "127.0.0.1", "/ok");
        start(&c, &(struct ts_request){ .url = hang, .timeout_usec = LONG_USEC }, &x);
        while (s.n_requests < 1)
                pump(&c, ts_clock_boottime(&clock) + MSEC);
        pause_usec = pauses[_i].minutes * 60 * 1000 * MSEC;
        ck_assert_int_eq(c.transport->pump(c.transport, ts_clock_boottime(&clock) + MSEC, &err),
                         pauses[_i].r);
        if (pauses[_i].r < 0)
                ck_assert_int_eq(err.cls, TS_ERR_TRANSIENT);
        y = run(&c, &(struct ts_request){ .url = ok, .timeout_usec = LONG_USEC }); /* once is enough */
        ck_assert_int_eq(y.answer.r, 0);
        exchange_done(&y);
        client_done(&c);
        server_stop(&s);
}
END_TEST

START_TEST(test_no_ca_file)
{
        struct ts_transport_curl_options options = plain_options;
        TS_CLEANUP(sd_event_unrefp) sd_event *loop = NULL;
        struct ts_transport *t = NULL;
        struct ts_err err = { 0 };

        options.ca_file = "/nonexistent/ca.pem";
        ck_assert_int_ge(sd_event_new(&loop), 0);
        ck_assert_int_eq(ts_transport_curl_new(loop, &ts_clock_system, &options, &t, &err), -ENOENT);
        ck_assert_int_eq(err.cls, TS_ERR_SETTINGS);
        ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent/ca.pem"));
        ck_assert_ptr_null(t);
}
END_TEST

/* ---------------------------------------------------------------------------------------------------- TLS */

#define YEAR (365L * 86400)

static const struct identity_form ca_form = {
        .name = "Test CA", .from_sec = -YEAR, .to_sec = YEAR, .is_ca = true
};
static const struct identity_form other_ca_form = {
        .name = "Other CA", .from_sec = -YEAR, .to_sec = YEAR, .is_ca = true
};
static const struct identity_form good_form = {
        "good", "IP:127.0.0.1,IP:0.0.0.0", "serverAuth", -YEAR, YEAR, false, false
};

enum signer {
        BY_CA,
        BY_OTHER_CA,
        BY_FORGED_CA, /* of the same name */
        BY_ITSELF,
};

static const struct {
        const char *name;
        struct identity_form form;
        enum signer signer;
        int max_version; /* 0: any */
        int r;           /* 0: it is answered */
} tls_cases[] = {
        { "good", { "x", "IP:127.0.0.1", "serverAuth", -YEAR, YEAR, false, false }, BY_CA, 0, 0 },
        { "TLS 1.2", { "x", "IP:127.0.0.1", NULL, -YEAR, YEAR, false, false }, BY_CA, TLS1_2_VERSION, 0 },
        { "signed by itself",
          { "x", "IP:127.0.0.1", NULL, -YEAR, YEAR, false, false },
          BY_ITSELF,
          0,
          -EKEYREJECTED },
        { "unknown authority",
          { "x", "IP:127.0.0.1", NULL, -YEAR, YEAR, false, false },
          BY_OTHER_CA,
          0,
          -EKEYREJECTED },
        { "forged authority",
          { "x", "IP:127.0.0.1", NULL, -YEAR, YEAR, false, false },
          BY_FORGED_CA,
          0,
          -EPROTO },
        { "expired", { "x", "IP:127.0.0.1", NULL, -YEAR, -60, false, false }, BY_CA, 0, -EKEYREJECTED },
        { "not yet valid", { "x", "IP:127.0.0.1", NULL, 3600, YEAR, false, false }, BY_CA, 0, -EKEYREJECTED },
        { "other address",
          { "x", "IP:127.0.0.2", NULL, -YEAR, YEAR, false, false },
          BY_CA,
          0,
          -EKEYREJECTED },
        { "other name",
          { "x", "DNS:api.example", NULL, -YEAR, YEAR, false, false },
          BY_CA,
          0,
          -EKEYREJECTED },
        { "for clients",
          { "x", "IP:127.0.0.1", "clientAuth", -YEAR, YEAR, false, false },
          BY_CA,
          0,
          -EKEYREJECTED },
        { "weak key", { "x", "IP:127.0.0.1", NULL, -YEAR, YEAR, false, true }, BY_CA, 0, -EKEYREJECTED },
        { "TLS 1.1",
          { "x", "IP:127.0.0.1", NULL, -YEAR, YEAR, false, false },
          BY_CA,
          TLS1_1_VERSION,
          -EPROTO },
        { "TLS 1.0", { "x", "IP:127.0.0.1", NULL, -YEAR, YEAR, false, false }, BY_CA, TLS1_VERSION, -EPROTO },
};

static SSL_CTX *tls_new(const struct identity *i, int max_version)
{
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

        ck_assert_ptr_nonnull(tls);
        SSL_CTX_set_security_level(tls, 0); /* weak keys and old versions as well */
        ck_assert_int_eq(SSL_CTX_set_cipher_list(tls, "ALL:@SECLEVEL=0"), 1);
        ck_assert_int_eq((int) SSL_CTX_set_min_proto_version(tls, TLS1_VERSION), 1);
        ck_assert_int_eq((int) SSL_CTX_set_max_proto_version(tls, max_version), 1);
        ck_assert_int_eq(SSL_CTX_use_certificate(tls, i->certificate), 1);
        ck_assert_int_eq(SSL_CTX_use_PrivateKey(tls, i->key), 1);
        return tls;
}

/* The certificate into a file; the caller unlinks it. */
static void write_ca(const struct identity *ca, char path[])
{
        int fd = mkstemp(path);
        FILE *f = fdopen(fd, "w");

        ck_assert_ptr_nonnull(f);
        ck_assert_int_eq(PEM_write_X509(f, ca->certificate), 1);
        ck_assert_int_eq(fclose(f), 0);
}

START_TEST(test_tls)
{
        static const struct canned canned = { "/x", OK "Content-Length: 2\r\n\r\n{}", KEEP };
        struct identity ca = identity_new(&ca_form, NULL), other_ca = identity_new(&other_ca_form, NULL),
                        forged_ca = identity_new(&ca_form, NULL), i;
        const struct identity *const signers[] = { &ca, &other_ca, &forged_ca, NULL };
        struct server s = { .canned = &canned, .n_canned = 1 };
        struct ts_transport_curl_options options = plain_options;
        TS_CLEANUP(ts_freep) char *url = NULL;
        char path[] = "/tmp/test_transport.XXXXXX";
        struct exchange x;
        struct client c;

        write_ca(&ca, path);
        options.ca_file = path;
        i = identity_new(&tls_cases[_i].form, signers[tls_cases[_i].signer]);
        s.tls = tls_new(&i, tls_cases[_i].max_version);
        server_start(&s);
        c = client_new(&options);
        url = url_of(&s, "https", "127.0.0.1", "/x");
        for (unsigned k = 0; k < 3; k++) {
                x = run(&c, &(struct ts_request){ .method = TS_PUT,
                                                  .url = url,
                                                  .authorization = AUTHORIZATION,
                                                  .timeout_usec = LONG_USEC });
                ck_assert_msg(x.answer.r == tls_cases[_i].r, "%s: %d: %s", tls_cases[_i].name, x.answer.r,
                              x.answer.error);
                ck_assert_int_eq(x.answer.is_fatal, x.answer.r < 0);
                ck_assert_int_eq(x.answer.effect, x.answer.r < 0 ? TS_EFFECT_NONE : TS_EFFECT_ANSWERED);
                exchange_done(&x);
        }
        client_done(&c);
        server_stop(&s);
        if (tls_cases[_i].r < 0)
                ck_assert_uint_eq(s.n_bytes, 0);
        else
                ck_assert_uint_eq(s.n_connections, 1);
        (void) unlink(path);
        identity_done(&i);
        identity_done(&ca);
        identity_done(&other_ca);
        identity_done(&forged_ca);
}
END_TEST

/* @target with the port in the place of its %d. */
static char *place_of(const char *target, int port)
{
        const char *hole = strstr(target, "%d");
        char *place = NULL;

        if (!hole)
                return ts_strdup(target);
        ck_assert_int_gt(asprintf(&place, "%.*s%d%s", (int) (hole - target), target, port, hole + 2), 0);
        return place;
}

static const int redirect_statuses[] = { 300, 301, 302, 303, 307, 308 };
static const char *const redirect_targets[] = {
        "http://127.0.0.1:%d/y",     "https://127.0.0.1:%d/y", "//127.0.0.1:%d/y",   "/y", "?y",
        "http://a:b@127.0.0.1:%d/y", "ftp://127.0.0.1:%d/y",   "file:///etc/passwd",
};
#define N_REDIRECTS (2 * TS_N_ELEMENTS(redirect_statuses) * TS_N_ELEMENTS(redirect_targets))

/* Not to another place, not to this one, and not from a server that proved who it is either. */
START_TEST(test_redirects_are_not_followed)
{
        size_t n = (size_t) _i / 2;
        int status = redirect_statuses[n % TS_N_ELEMENTS(redirect_statuses)];
        const char *target = redirect_targets[n / TS_N_ELEMENTS(redirect_statuses)];
        struct identity ca = identity_new(&ca_form, NULL), i = identity_new(&good_form, &ca);
        struct server other = { 0 };
        char text[512], path[] = "/tmp/test_transport.XXXXXX";
        struct canned canned = { "/x", text, KEEP };
        struct server s = { .canned = &canned, .n_canned = 1, .tls = _i % 2 ? tls_new(&i, 0) : NULL };
        struct ts_transport_curl_options options = plain_options;
        TS_CLEANUP(ts_freep) char *url = NULL;
        TS_CLEANUP(ts_freep) char *location = NULL;
        struct exchange x;
        struct client c;

        write_ca(&ca, path);
        options.ca_file = path;
        server_start(&other);
        server_start(&s);
        location = place_of(target, other.port);
        (void) snprintf(text, sizeof(text), "HTTP/1.1 %d Moved\r\nLocation: %s\r\n" EMPTY, status, location);
        url = url_of(&s, _i % 2 ? "https" : "http", "127.0.0.1", "/x");
        c = client_new(&options);
        x = run(&c, &(struct ts_request){
                                    .url = url, .authorization = AUTHORIZATION, .timeout_usec = LONG_USEC });
        ck_assert_msg(x.answer.r == 0, "%d to %s: %s", status, location, x.answer.error);
        ck_assert_int_eq(x.answer.status, status);
        ck_assert_uint_eq(other.n_connections, 0);
        ck_assert_uint_eq(s.n_requests, 1);
        exchange_done(&x);
        client_done(&c);
        server_stop(&s);
        server_stop(&other);
        (void) unlink(path);
        identity_done(&i);
        identity_done(&ca);
}
END_TEST

/* What is cut off inside TLS, without its proper end, is no answer either. */
START_TEST(test_tls_is_cut_off)
{
        static const struct canned canned = { "/x", OK "Content-Length: 10\r\n\r\n{}", CLOSE };
        struct identity ca = identity_new(&ca_form, NULL), i = identity_new(&good_form, &ca);
        struct server s = { .canned = &canned, .n_canned = 1, .tls = tls_new(&i, 0) };
        struct ts_transport_curl_options options = plain_options;
        TS_CLEANUP(ts_freep) char *url = NULL;
        char path[] = "/tmp/test_transport.XXXXXX";
        struct exchange x;
        struct client c;

        write_ca(&ca, path);
        options.ca_file = path;
        server_start(&s);
        c = client_new(&options);
        url = url_of(&s, "https", "127.0.0.1", "/x");
        x = run(&c, &(struct ts_request){ .url = url, .timeout_usec = LONG_USEC });
        ck_assert_msg(x.answer.r == -ECONNRESET, "%d: %s", x.answer.r, x.answer.error);
        ck_assert_int_eq(x.answer.effect, TS_EFFECT_POSSIBLE);
        ck_assert(!x.answer.is_fatal);
        exchange_done(&x);
        client_done(&c);
        server_stop(&s);
        (void) unlink(path);
        identity_done(&i);
        identity_done(&ca);
}
END_TEST

/* -------------------------------------------------------------------------------------------------- proxy */

static const struct {
        const char *proxy, *environment; /* "%d": the port of the proxy; NULL: not set */
        bool is_asked;                   /* the proxy */
} proxy_cases[] = {
        { NULL, "http://127.0.0.1:%d", false },
        { "", "http://127.0.0.1:%d", false },
        { "http://127.0.0.1:%d", NULL, true },
        { "http://127.0.0.1:%d", "http://127.0.0.1:1", true },
};

/* 0.0.0.0 is this host, but no loopback address. */
START_TEST(test_proxy)
{
        static const struct canned canned = { "/x", OK EMPTY, KEEP };
        struct identity ca = identity_new(&ca_form, NULL), i = identity_new(&good_form, &ca);
        struct server s = { .canned = &canned, .n_canned = 1, .tls = tls_new(&i, 0) }, proxy = { 0 };
        struct ts_transport_curl_options options = plain_options;
        TS_CLEANUP(ts_freep) char *url = NULL;
        char path[] = "/tmp/test_transport.XXXXXX", text[64], environment[64];
        struct exchange x;
        struct client c;

        write_ca(&ca, path);
        server_start(&s);
        server_start(&proxy);
        (void) snprintf(text, sizeof(text), "http://127.0.0.1:%d", proxy.port);
        (void) snprintf(environment, sizeof(environment), "%s", _i == 3 ? proxy_cases[_i].environment : text);
        if (proxy_cases[_i].environment) {
                ck_assert_int_eq(setenv("https_proxy", environment, 1), 0);
                ck_assert_int_eq(setenv("ALL_PROXY", environment, 1), 0);
        }
        options.ca_file = path;
        options.proxy = !proxy_cases[_i].proxy || !proxy_cases[_i].proxy[0] ? proxy_cases[_i].proxy : text;
        c = client_new(&options);
        url = url_of(&s, "https", "0.0.0.0", "/x");
        x = run(&c, &(struct ts_request){
                                    .url = url, .authorization = AUTHORIZATION, .timeout_usec = LONG_USEC });
        if (proxy_cases[_i].is_asked) {
                ck_assert_int_lt(x.answer.r, 0);
                ck_assert_ptr_eq(strstr(proxy.last, "CONNECT 0.0.0.0:"), proxy.last);
                ck_assert_ptr_null(strstr(proxy.last, "sentinel"));
                ck_assert_uint_eq(s.n_connections, 0);
        } else {
                ck_assert_msg(x.answer.r == 0, "%s", x.answer.error);
                ck_assert_uint_eq(proxy.n_connections, 0);
        }
        (void) unsetenv("https_proxy");
        (void) unsetenv("ALL_PROXY");
        exchange_done(&x);
        client_done(&c);
        server_stop(&s);
        server_stop(&proxy);
        (void) unlink(path);
        identity_done(&i);
        identity_done(&ca);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- memory */

#define SECRET_BYTES 40u
#define LARGEST_MAP_BYTES (1024ul * 1024 * 1024)

/* A secret that is nowhere in our memory but where it is put: it is kept with its bits turned over. */
static void put_secret(struct ts_buf *out, const unsigned char turned[SECRET_BYTES])
{
        for (size_t i = 0; i < SECRET_BYTES; i++)
                (void) ts_buf_putc(out, (char) (unsigned char) ~turned[i]);
}

static size_t count_in(const unsigned char *data, size_t len, const unsigned char turned[SECRET_BYTES])
{
        const unsigned char *p = data, *end = data + len;
        size_t n = 0;

        while (p + SECRET_BYTES <= end &&
               (p = memchr(p, turned[0] ^ 0xff, (size_t) (end - p) - SECRET_BYTES + 1))) {
                size_t k = 0;

                while (k < SECRET_BYTES && (p[k] ^ turned[k]) == 0xff)
                        k++;
                n += k == SECRET_BYTES;
                p++;
        }
        return n;
}

/* Copies in all memory of this process that can be written to. */
static size_t count_copies(const unsigned char turned[SECRET_BYTES])
{
        enum { PIECE = 1024 * 1024 };
        unsigned char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        FILE *maps = fopen("/proc/self/maps", "re");
        int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
        char line[512];
        size_t n = 0;

        ck_assert_ptr_ne(piece, MAP_FAILED);
        ck_assert_ptr_nonnull(maps);
        ck_assert_int_ge(fd, 0);
        while (fgets(line, sizeof(line), maps)) {
                uintptr_t from, to;
                char mode[8];

                /* what is larger than this is a sanitizer's shadow */
                if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &from, &to, mode) != 3 || mode[1] != 'w' ||
                    (from <= (uintptr_t) piece && (uintptr_t) piece < to) || to - from > LARGEST_MAP_BYTES)
                        continue;
                for (; from < to; from += PIECE - SECRET_BYTES) {
                        size_t want = to - from < PIECE ? to - from : PIECE;
                        ssize_t got = pread(fd, piece, want, (off_t) from);

                        n += got > 0 ? count_in(piece, (size_t) got, turned) : 0;
                }
        }
        (void) fclose(maps);
        (void) close(fd);
        (void) munmap(piece, PIECE);
        return n;
}

/* The server in a process of its own: it has the secret in its memory. */
static pid_t server_start_apart(struct server *s)
{
        int fds[2];
        pid_t pid;

        ck_assert_int_eq(pipe(fds), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                server_start(s);
                ck_assert_int_eq((int) write(fds[1], &s->port, sizeof(s->port)), (int) sizeof(s->port));
                for (;;)
                        (void) pause();
        }
        ck_assert_int_eq((int) read(fds[0], &s->port, sizeof(s->port)), (int) sizeof(s->port));
        (void) close(fds[0]);
        (void) close(fds[1]);
        return pid;
}

/* After an exchange no copy of the credentials that were sent is left, nor of the token that came back. */
START_TEST(test_nothing_is_left_in_memory)
{
        struct identity ca = identity_new(&ca_form, NULL), i = identity_new(&good_form, &ca);
        unsigned char sent[SECRET_BYTES], received[SECRET_BYTES];
        struct ts_buf authorization = TS_BUF_SECRET_INIT(256), text = TS_BUF_SECRET_INIT(1024);
        struct canned canned = { "/x", NULL, _i < 2 ? KEEP : RESET };
        struct server s = { .canned = &canned, .n_canned = 1, .tls = _i % 2 ? tls_new(&i, 0) : NULL };
        struct ts_transport_curl_options options = plain_options;
        char path[] = "/tmp/test_transport.XXXXXX";
        TS_CLEANUP(ts_freep) char *url = NULL;
        struct client c;
        pid_t pid;

        for (size_t k = 0; k < SECRET_BYTES; k++) {
                sent[k] = (unsigned char) ~(unsigned char) ('a' +
                                                            ts_clock_random_below(&ts_clock_system, 26));
                received[k] = (unsigned char) ~(unsigned char) ('a' +
                                                                ts_clock_random_below(&ts_clock_system, 26));
        }
        (void) ts_buf_printf(&text, OK "Content-Length: %u\r\n\r\n", SECRET_BYTES);
        put_secret(&text, received);
        canned.answer = ts_buf_text(&text);
        write_ca(&ca, path);
        options.ca_file = path;
        pid = server_start_apart(&s);
        ck_assert_uint_eq(count_copies(received), 1); /* it is found where it is */
        ts_buf_done(&text);
        url = url_of(&s, _i % 2 ? "https" : "http", "127.0.0.1", "/x");

        c = client_new(&options);
        for (unsigned k = 0; k < 3; k++) {
                struct exchange x;

                put_secret(&authorization, sent);
                x = run(&c, &(struct ts_request){ .method = TS_POST,
                                                  .url = url,
                                                  .authorization = ts_buf_text(&authorization),
                                                  .body = ts_buf_text(&authorization),
                                                  .body_len = authorization.len,
                                                  .timeout_usec = LONG_USEC });
                ts_wipe(x.answer.body.data, x.answer.body.allocated);
                exchange_done(&x);
                ts_buf_done(&authorization);
        }
        ck_assert_uint_eq(count_copies(sent), 0);
        ck_assert_uint_eq(count_copies(received), 0);
        client_done(&c);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        SSL_CTX_free(s.tls);
        (void) unlink(path);
        identity_done(&i);
        identity_done(&ca);
}
END_TEST

static void add_tests(TCase *t)
{
        tcase_add_loop_test(t, test_answer, 0, TS_N_ELEMENTS(answer_cases));
        tcase_add_loop_test(t, test_header, 0, TS_N_ELEMENTS(header_cases));
        tcase_add_test(t, test_long_correlation_is_cut);
        tcase_add_test(t, test_body_is_taken_over);
        tcase_add_test(t, test_request);
        tcase_add_test(t, test_no_authorization_is_left_over);
        tcase_add_loop_test(t, test_redirects_are_not_followed, 0, (int) N_REDIRECTS);
        tcase_add_loop_test(t, test_url, 0, TS_N_ELEMENTS(url_cases));
        tcase_add_test(t, test_connections_are_kept);
        tcase_add_test(t, test_many_at_once);
        tcase_add_loop_test(t, test_kept_connection_dies, 0, TS_N_ELEMENTS(lost_cases));
        tcase_add_loop_test(t, test_server_closes_at_once, 0, 2);
        tcase_add_loop_test(t, test_cancel, 0, 2);
        tcase_add_test(t, test_stop);
        tcase_add_test(t, test_free_while_under_way);
        tcase_add_test(t, test_pump_ends_at_its_deadline);
        tcase_add_test(t, test_pump_ends_after_a_foreign_event);
        tcase_add_loop_test(t, test_a_process_that_stood_still, 0, TS_N_ELEMENTS(pauses));
        tcase_add_test(t, test_no_ca_file);
        tcase_add_loop_test(t, test_tls, 0, TS_N_ELEMENTS(tls_cases));
        tcase_add_test(t, test_tls_is_cut_off);
        tcase_add_loop_test(t, test_nothing_is_left_in_memory, 0, 4);
        tcase_add_loop_test(t, test_proxy, 0, TS_N_ELEMENTS(proxy_cases));
}

int main(void)
{
        Suite *suite = suite_create("transport");
        TCase *t = tcase_create("transport");
        struct ts_err err = { 0 };
        int status;

        (void) signal(SIGPIPE, SIG_IGN);
        if (ts_transport_curl_global_init(&err) < 0) {
                (void) fprintf(stderr, "%s\n", err.msg);
                return EXIT_FAILURE;
        }
        tcase_set_timeout(t, 120); /* under a sanitizer or valgrind on a slow machine */
        add_tests(t);
        suite_add_tcase(suite, t);
        status = run_suite(suite);
        ts_transport_curl_global_done();
        return status;
}
