#include "genesys/transport-curl.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/url.h"
#include "util/timefmt.h"

#define CONNECT_TIMEOUT_USEC (10 * TS_USEC_PER_SEC)
#define STOOD_STILL_USEC (5 * TS_USEC_PER_MINUTE)
#define SEND_BYTES (16L * 1024)              /* curl wipes such a buffer after every request over TLS */
#define BODY_RESERVE_MAX_BYTES (1024 * 1024) /* of an announced length: no answer that we ask for is longer */
#define NO_PROXY "localhost,127.0.0.0/8,::1" /* what http:// may reach does not leave the host */
#define CONTENT_TYPE_MAX_BYTES 128u

/* Why a transfer was aborted. */
enum overflow {
        OVERFLOW_NONE,
        OVERFLOW_BODY,
        OVERFLOW_HEADERS,
};

/* curl gives each resolution a thread, which lives as long as the resolver takes: so one request resolves a
 * name, those that need the same name wait for it, and few names are resolved at a time. It is known for a
 * time that is shorter than curl keeps it. */
#define NAME_KNOWN_USEC (85 * TS_USEC_PER_SEC)
#define NAME_CACHE_SEC 100L
#define NAME_CHECK_USEC TS_USEC_PER_SEC
#define NO_NAME SIZE_MAX

struct name {
        char *host;   /* of the server, or of the proxy */
        char *forget; /* "-host:port", for curl's own cache */
        bool is_pending, has_failed;
        uint64_t known_until_usec;
        uint64_t n_failures; /* so often */
        char error[200];
};

/* A place for one exchange; there are `concurrency` of them, and their handles are used again and again. */
struct slot {
        struct transport_curl *owner;
        CURL *easy;
        bool is_taken;
        const char *refusal; /* it was never handed to curl: why */
        bool is_refusal_fatal;
        bool writes;
        size_t name; /* that it resolves; NO_NAME: none */
        struct curl_slist forget;
        ts_transport_done on_done;
        void *userdata;
        struct ts_answer answer;
        enum overflow overflow;
        size_t header_bytes;
        bool has_all_headers;
        struct curl_slist headers[3]; /* curl only reads them */
        struct ts_buf authorization;  /* secret: the whole header line */
        char content_type[CONTENT_TYPE_MAX_BYTES];
        char error[CURL_ERROR_SIZE];
};

struct waiting {
        struct ts_request request;
        size_t name;         /* that it needs; NO_NAME: none */
        uint64_t n_failures; /* of that name, when it began to wait */
        uint64_t since_usec;
        bool resolves; /* that name, for the others */
        ts_transport_done on_done;
        void *userdata;
};

struct transport_curl {
        struct ts_transport transport;
        const struct ts_clock *clock;
        sd_event *loop;
        CURLM *multi;
        struct ts_transport_curl_options options; /* its strings are ours */
        struct ts_buf proxy_user, proxy_password; /* secrets; those of the options */
        struct slot *slots;
        size_t n_slots, n_taken;
        size_t n_refused; /* slots with a refusal that was not reported yet */
        struct name *names;
        size_t n_names, n_names_allocated;
        size_t n_resolving;    /* names */
        struct waiting *queue; /* a ring, oldest first */
        size_t queue_first, n_queue, n_queue_allocated;
        uint64_t n_done;
        bool is_ours;   /* the event just served was one of curl's */
        int loop_error; /* a socket could not be watched */
        bool has_proxy;
        uint64_t stop_usec;     /* what writes is no longer waited for then; 0: nothing has to end */
        uint64_t expected_usec; /* boottime at which we look at the clock again, at the latest */
};

/* --------------------------------------------------------------------------------------------- allocators */

/* What is freed may have held a secret: curl and OpenSSL copy headers and keys around. */
static void wiping_free(void *p)
{
        if (!p)
                return;
        ts_wipe(p, malloc_usable_size(p));
        free(p);
}

static void *wiping_realloc(void *p, size_t size)
{
        size_t old = p ? malloc_usable_size(p) : 0;
        void *q;

        if (p && size > 0 && size <= old)
                return p;
        q = ts_malloc(size);
        if (p)
                memcpy(q, p, old < size ? old : size);
        wiping_free(p);
        return q;
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
        (void) file;
        (void) line;
        return ts_malloc(size);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
        (void) file;
        (void) line;
        if (size > 0)
                return wiping_realloc(p, size);
        wiping_free(p);
        return NULL;
}

static void crypto_free(void *p, const char *file, int line)
{
        (void) file;
        (void) line;
        wiping_free(p);
}

int ts_transport_curl_global_init(struct ts_err *err)
{
        CURLcode rc;

        if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
                return ts_err_set(err, TS_ERR_INTERNAL, -EIO,
                                  "cannot set up OpenSSL: it has been used before its allocators were set");
        rc = curl_global_init_mem(CURL_GLOBAL_DEFAULT, ts_malloc, wiping_free, wiping_realloc, ts_strdup,
                                  ts_calloc);
        if (rc != CURLE_OK)
                return ts_err_set(err, TS_ERR_INTERNAL, -EIO, "cannot set up libcurl: %s",
                                  curl_easy_strerror(rc));
        return 0;
}

void ts_transport_curl_global_done(void)
{
        curl_global_cleanup();
}

/* --------------------------------------------------------------------------------------------------- URLs */

/* NULL when the URL may be asked for; else why not. */
static const char *refuse_url(const char *url)
{
        struct ts_url parts;

        if (!ts_url_parse(url, &parts))
                return "the address is not https://HOST";
        if (ts_url_has_scheme(&parts, "https"))
                return NULL;
        if (!ts_url_has_scheme(&parts, "http"))
                return "the address does not begin with https://";
        return ts_url_is_loopback(&parts) ? NULL : "http:// is for loopback addresses only: use https://";
}

/* ------------------------------------------------------------------------------------------- what arrives */

/* Allocates the whole body at once if its announced length is plausible. */
static void reserve_body(struct slot *s)
{
        curl_off_t len = -1;

        (void) curl_easy_getinfo(s->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &len); /* -1: it is not */
        if (len > 0 && len <= BODY_RESERVE_MAX_BYTES)
                ts_buf_reserve(&s->answer.body, (size_t) len);
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
        struct slot *s = userdata;

        if (s->answer.body.len == 0)
                reserve_body(s);
        if (ts_buf_put(&s->answer.body, data, size * n) >= 0)
                return size * n;
        s->overflow = OVERFLOW_BODY;
        return 0;
}

/* The value of the header @name, when it is that one: without the white space around it. */
static bool header_is(const char *line, size_t len, const char *name, const char **ret, size_t *ret_len)
{
        size_t name_len = strlen(name);

        if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
                return false;
        line += name_len + 1;
        len -= name_len + 1;
        while (len > 0 && (line[0] == ' ' || line[0] == '\t')) {
                line++;
                len--;
        }
        while (len > 0 && strchr("\r\n\t ", line[len - 1]))
                len--;
        *ret = line;
        *ret_len = len;
        return true;
}

/* Digits only; a number that is too large is a very large one. */
static int64_t parse_count(const char *s, size_t len)
{
        int64_t n = 0;

        for (size_t i = 0; i < len; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return -1;
                n = n > INT64_MAX / 10 - 1 ? INT64_MAX / 10 : n * 10 + (s[i] - '0');
        }
        return len > 0 ? n : -1;
}

static void copy_text(char *out, size_t size, const char *s, size_t len)
{
        if (len >= size)
                len = size - 1;
        memcpy(out, s, len);
        out[len] = '\0';
}

static void forget_headers(struct ts_answer *a)
{
        a->retry_after_sec = -1;
        a->date = TS_TIME_UNSET;
        a->correlation[0] = '\0';
        a->ratelimit_count = a->ratelimit_allowed = a->ratelimit_reset_sec = -1;
}

static bool begins_headers(const char *line, size_t len)
{
        return len > 5 && memcmp(line, "HTTP/", 5) == 0;
}

static void take_header(struct ts_answer *a, const char *line, size_t len)
{
        const char *value;
        size_t n;

        if (begins_headers(line, len)) {
                forget_headers(a); /* those so far were of a 100 Continue */
        } else if (header_is(line, len, "Retry-After", &value, &n)) {
                int64_t seconds = parse_count(value, n);

                if (seconds > a->retry_after_sec)
                        a->retry_after_sec = seconds;
        } else if (header_is(line, len, "inin-ratelimit-count", &value, &n)) {
                a->ratelimit_count = parse_count(value, n);
        } else if (header_is(line, len, "inin-ratelimit-allowed", &value, &n)) {
                a->ratelimit_allowed = parse_count(value, n);
        } else if (header_is(line, len, "inin-ratelimit-reset", &value, &n)) {
                a->ratelimit_reset_sec = parse_count(value, n);
        } else if (header_is(line, len, "ININ-Correlation-Id", &value, &n)) {
                copy_text(a->correlation, sizeof(a->correlation), value, n);
        } else if (header_is(line, len, "Date", &value, &n)) {
                char date[64];

                copy_text(date, sizeof(date), value, n);
                if (!ts_time_parse_http(date, &a->date))
                        a->date = TS_TIME_UNSET;
        }
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata)
{
        struct slot *s = userdata;

        s->header_bytes += size * n;
        if (s->header_bytes > TS_HTTP_HEADERS_MAX_BYTES) {
                s->overflow = OVERFLOW_HEADERS;
                return 0;
        }
        if (begins_headers(data, size * n))
                s->has_all_headers = false;
        if (s->has_all_headers)
                return size * n; /* behind a chunked body: no header */
        s->has_all_headers = n > 0 && (data[0] == '\r' || data[0] == '\n');
        take_header(&s->answer, data, size * n);
        return size * n;
}

/* ------------------------------------------------------------------------------------------- what is sent */

static CURLcode set_method(CURL *easy, const struct ts_request *q)
{
        static const char *const custom[] = { [TS_PUT] = "PUT", [TS_DELETE] = "DELETE" };
        bool has_body = q->method == TS_POST || q->method == TS_PUT;
        CURLcode rc;

        rc = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
        if (rc == CURLE_OK)
                rc = curl_easy_setopt(easy, has_body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
        if (rc == CURLE_OK && has_body)
                rc = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) q->body_len);
        if (rc == CURLE_OK && has_body)
                rc = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, q->body ? q->body : "");
        if (rc == CURLE_OK && (q->method == TS_PUT || q->method == TS_DELETE))
                rc = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, custom[q->method]);
        return rc;
}

static void put_authorization(struct ts_buf *out, const char *value)
{
        (void) ts_buf_puts(out, "Authorization: ");
        (void) ts_buf_puts(out, value); /* the caller checks ts_buf_failed() */
}

static CURLcode set_headers(struct slot *s, const struct ts_request *q)
{
        static char accept[] = "Accept: application/json";
        int n;

        /* "Content-Type:" takes away the one that curl makes up */
        n = snprintf(s->content_type, sizeof(s->content_type), "Content-Type:%s%s",
                     q->content_type ? " " : "", q->content_type ? q->content_type : "");
        if (n < 0 || (size_t) n >= sizeof(s->content_type))
                return CURLE_BAD_FUNCTION_ARGUMENT;
        if (q->authorization)
                put_authorization(&s->authorization, q->authorization);
        if (ts_buf_failed(&s->authorization))
                return CURLE_BAD_FUNCTION_ARGUMENT;

        s->headers[0] = (struct curl_slist){ accept, &s->headers[1] };
        s->headers[1] = (struct curl_slist){ s->content_type, q->authorization ? &s->headers[2] : NULL };
        s->headers[2] = (struct curl_slist){ s->authorization.data, NULL };
        return curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
}

static long to_msec(uint64_t usec)
{
        uint64_t msec = (usec + TS_USEC_PER_MSEC - 1) / TS_USEC_PER_MSEC;

        return msec > INT32_MAX ? INT32_MAX : (long) msec;
}

static CURLcode set_request(struct slot *s, const struct ts_request *q)
{
        uint64_t connect_usec =
                        q->timeout_usec < CONNECT_TIMEOUT_USEC ? q->timeout_usec : CONNECT_TIMEOUT_USEC;
        CURLcode rc;

        rc = curl_easy_setopt(s->easy, CURLOPT_URL, q->url);
        if (rc == CURLE_OK)
                rc = set_method(s->easy, q);
        if (rc == CURLE_OK)
                rc = set_headers(s, q);
        if (rc == CURLE_OK)
                rc = curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, to_msec(q->timeout_usec));
        if (rc == CURLE_OK)
                rc = curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT_MS, to_msec(connect_usec));
        /* When a connection that was used before dies, curl sends the request once more on a new one. A POST
         * may have had its effect by then: it gets a connection of its own, where curl does not do that. */
        if (rc == CURLE_OK)
                rc = curl_easy_setopt(s->easy, CURLOPT_FRESH_CONNECT,
                                      q->method == TS_POST || s->name != NO_NAME ? 1L : 0L);
        if (rc == CURLE_OK)
                rc = curl_easy_setopt(s->easy, CURLOPT_RESOLVE, s->name != NO_NAME ? &s->forget : NULL);
        return rc;
}

static void slot_refuse(struct slot *s, const char *why)
{
        s->refusal = why;
        s->is_refusal_fatal = true;
        s->owner->n_refused++;
}

static CURLcode slot_init(struct slot *s); /* with the constants, below */

/* Others may resolve a name now. @error: NULL: this one is known. */
static void name_settle(struct slot *s, const char *error)
{
        struct transport_curl *t = s->owner;
        struct name *n;

        if (s->name == NO_NAME)
                return;
        n = &t->names[s->name];
        s->name = NO_NAME;
        n->is_pending = false;
        t->n_resolving--;
        n->has_failed = error != NULL;
        n->known_until_usec = error ? 0 : ts_clock_boottime(t->clock) + NAME_KNOWN_USEC;
        if (!error)
                return;
        n->n_failures++;
        (void) snprintf(n->error, sizeof(n->error), "%.*s", (int) sizeof(n->error) - 1, error);
}

/* The name is resolved: there is an address to connect to. */
static curl_socket_t on_open_socket(void *userdata, curlsocktype purpose, struct curl_sockaddr *address)
{
        (void) purpose;
        name_settle(userdata, NULL);
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void slot_start(struct slot *s, const struct waiting *w)
{
        const char *refusal = refuse_url(w->request.url);
        CURLcode rc = slot_init(s);
        CURLMcode mc = CURLM_OK;

        s->is_taken = true;
        s->owner->n_taken++;
        s->on_done = w->on_done;
        s->userdata = w->userdata;
        s->writes = w->request.writes;
        s->overflow = OVERFLOW_NONE;
        s->header_bytes = 0;
        s->has_all_headers = false;
        s->error[0] = '\0';
        s->answer.status = 0;
        s->answer.error[0] = '\0';
        forget_headers(&s->answer);
        s->name = NO_NAME;
        if (w->resolves) {
                s->name = w->name;
                s->forget = (struct curl_slist){ s->owner->names[w->name].forget, NULL };
        }

        if (!refusal && rc == CURLE_OK)
                rc = set_request(s, &w->request);
        if (!refusal && rc == CURLE_OK)
                mc = curl_multi_add_handle(s->owner->multi, s->easy);
        if (refusal)
                slot_refuse(s, refusal);
        else if (rc != CURLE_OK)
                slot_refuse(s, curl_easy_strerror(rc));
        else if (mc != CURLM_OK)
                slot_refuse(s, curl_multi_strerror(mc));
}

static void slot_release(struct slot *s)
{
        ts_buf_reset(&s->authorization); /* wiped */
        ts_buf_done(&s->answer.body);    /* wiped, unless it was taken over */
        name_settle(s, "the request was given up");
        s->refusal = NULL;
        s->is_taken = false;
        s->owner->n_taken--;
}

/* ---------------------------------------------------------------------------------------- what came of it */

/* An interrupted handshake is a lost connection, not a problem of certificate or protocol. The last of these
 * codes means that it was lost before curl checked it. */
static bool is_broken_handshake(const char *error)
{
        static const char *const signs[] = { "SSL_ERROR_SYSCALL", "Connection reset", "Broken pipe",
                                             "unexpected eof", "getpeername() failed" };

        for (size_t i = 0; i < TS_N_ELEMENTS(signs); i++)
                if (strstr(error, signs[i]))
                        return true;
        return false;
}

static const struct outcome {
        CURLcode code;
        int r;
        bool is_fatal;
} outcomes[] = {
        { CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, false },
        { CURLE_COULDNT_CONNECT, -ECONNREFUSED, false },
        { CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH, false },
        { CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH, false },
        { CURLE_GOT_NOTHING, -ECONNRESET, false },
        { CURLE_SEND_ERROR, -ECONNRESET, false },
        { CURLE_RECV_ERROR, -ECONNRESET, false },
        { CURLE_PARTIAL_FILE, -ECONNRESET, false },
        { CURLE_URL_MALFORMAT, -EINVAL, true },
        { CURLE_SSL_CONNECT_ERROR, -EPROTO, true },
        { CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED, true },
        { CURLE_SSL_CERTPROBLEM, -EKEYREJECTED, true },
        { CURLE_SSL_CIPHER, -EPROTO, true },
        { CURLE_SSL_CACERT_BADFILE, -EKEYREJECTED, true },
        { CURLE_SSL_ISSUER_ERROR, -EKEYREJECTED, true },
        { CURLE_SSL_INVALIDCERTSTATUS, -EKEYREJECTED, true },
};

static struct outcome outcome_of(CURLcode code, const char *error, bool was_sent)
{
        if (code == CURLE_SSL_CONNECT_ERROR && is_broken_handshake(error))
                return (struct outcome){ code, -ECONNRESET, false };
        if (code == CURLE_UNSUPPORTED_PROTOCOL) /* also: an answer that is not HTTP */
                return (struct outcome){ code, was_sent ? -EBADMSG : -EPROTONOSUPPORT, !was_sent };
        for (size_t i = 0; i < TS_N_ELEMENTS(outcomes); i++)
                if (outcomes[i].code == code)
                        return outcomes[i];
        return (struct outcome){ code, -EIO, false };
}

/* Of "https://host:port" at the start of a URL; a very long one is cut. */
static size_t authority_length(const char *url)
{
        const char *host = strstr(url, "://");
        size_t len = host ? (size_t) (host - url) + 3 : 0;

        len += strcspn(url + len, "/");
        return len < 80 ? len : 80;
}

static void answer_overflow(struct ts_answer *a, enum overflow overflow)
{
        bool is_body = overflow == OVERFLOW_BODY;

        a->r = -EFBIG;
        a->is_fatal = true;
        (void) snprintf(a->error, sizeof(a->error), "the %s of the answer are over the limit of %u bytes",
                        is_body ? "contents" : "headers",
                        is_body ? TS_HTTP_BODY_MAX_BYTES : TS_HTTP_HEADERS_MAX_BYTES);
}

/* curl does not name the server whose certificate it refuses. */
static void slot_put_error(struct slot *s, CURLcode code, bool is_certificate)
{
        const char *text = s->error[0] ? s->error : curl_easy_strerror(code);
        char *url = NULL;

        if (is_certificate && curl_easy_getinfo(s->easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url)
                (void) snprintf(s->answer.error, sizeof(s->answer.error),
                                "%.*s: %.120s (http.ca_file says which authorities are trusted)",
                                (int) authority_length(url), url, text);
        else
                (void) snprintf(s->answer.error, sizeof(s->answer.error), "%.180s", text);
}

/* Behind a proxy the platform sees the proxy's address, of which nothing is known here. */
static int family_of(const struct slot *s)
{
        char *address = NULL;

        if (s->owner->has_proxy || curl_easy_getinfo(s->easy, CURLINFO_PRIMARY_IP, &address) != CURLE_OK ||
            !address || address[0] == '\0')
                return AF_UNSPEC;
        return strchr(address, ':') ? AF_INET6 : AF_INET;
}

static void slot_fill_answer(struct slot *s, CURLcode code)
{
        struct ts_answer *a = &s->answer;
        struct outcome o;
        long sent = 0;

        if (code == CURLE_OK && !s->has_all_headers)
                code = CURLE_PARTIAL_FILE; /* an end within the headers does not disturb curl */

        a->r = 0;
        a->is_fatal = false;
        a->effect = TS_EFFECT_ANSWERED;
        if (code == CURLE_OK) {
                (void) curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE,
                                         &a->status); /* stays 0, then refused */
                a->family = family_of(s);
                return;
        }

        /* bytes of requests handed to the kernel or to TLS; with a proxy also those that asked it for a
         * tunnel */
        (void) curl_easy_getinfo(s->easy, CURLINFO_REQUEST_SIZE, &sent);
        a->effect = sent > 0 ? TS_EFFECT_POSSIBLE : TS_EFFECT_NONE;
        if (s->overflow != OVERFLOW_NONE) {
                answer_overflow(a, s->overflow);
                return;
        }
        o = outcome_of(code, s->error, sent > 0);
        a->r = o.r;
        a->is_fatal = o.is_fatal;
        slot_put_error(s, code, o.r == -EKEYREJECTED);
}

static void slot_fill_refusal(struct slot *s)
{
        struct ts_answer *a = &s->answer;

        a->r = s->is_refusal_fatal ? -EPROTONOSUPPORT : -EHOSTUNREACH;
        a->is_fatal = s->is_refusal_fatal;
        a->effect = TS_EFFECT_NONE;
        (void) snprintf(a->error, sizeof(a->error), "%s", s->refusal);
}

/* -------------------------------------------------------------------------------------------------- queue */

static void queue_put(struct transport_curl *t, const struct waiting *w)
{
        if (t->n_queue == t->n_queue_allocated) {
                size_t n = t->n_queue_allocated > 0 ? 2 * t->n_queue_allocated : 16;
                struct waiting *queue = ts_reallocarray(NULL, n, sizeof(*queue));

                for (size_t i = 0; i < t->n_queue; i++)
                        queue[i] = t->queue[(t->queue_first + i) % t->n_queue_allocated];
                free(t->queue);
                t->queue = queue;
                t->queue_first = 0;
                t->n_queue_allocated = n;
        }
        t->queue[(t->queue_first + t->n_queue++) % t->n_queue_allocated] = *w;
}

static struct waiting queue_take(struct transport_curl *t)
{
        struct waiting w = t->queue[t->queue_first];

        t->queue_first = (t->queue_first + 1) % t->n_queue_allocated;
        t->n_queue--;
        return w;
}

/* --------------------------------------------------------------------------------------- names of servers */

static bool is_address(const char *host, size_t len)
{
        char text[INET_ADDRSTRLEN];
        struct in_addr address;

        if (host[0] == '[' || len >= sizeof(text))
                return host[0] == '[';
        memcpy(text, host, len);
        text[len] = '\0';
        return inet_pton(AF_INET, text, &address) == 1;
}

/* host:port of what curl connects to; false: an address, or nothing that it will connect to. */
static bool find_place(const struct transport_curl *t, const char *url, const char **ret_host,
                       size_t *ret_len, const char **ret_port)
{
        const char *proxy = t->options.proxy, *at;
        struct ts_url parts;

        if (!ts_url_parse(url, &parts) || ts_url_is_loopback(&parts))
                return false;
        *ret_host = parts.host;
        *ret_len = (size_t) (parts.rest - parts.host);
        *ret_port = ts_url_has_scheme(&parts, "https") ? "443" : "80";
        if (proxy && proxy[0] != '\0') {
                *ret_host = strstr(proxy, "://") ? strstr(proxy, "://") + 3 : proxy;
                *ret_len = strcspn(*ret_host, "/");
                at = memchr(*ret_host, '@', *ret_len);
                if (at) {
                        *ret_len -= (size_t) (at + 1 - *ret_host);
                        *ret_host = at + 1;
                }
                *ret_port = strncmp(proxy, "https://", 8) == 0 ? "443" : "1080"; /* as curl has it */
        }
        return !is_address(*ret_host, strcspn(*ret_host, ":/"));
}

/* Return: its index; NO_NAME: there is nothing to resolve. */
static size_t name_of(struct transport_curl *t, const char *url)
{
        const char *host, *port;
        size_t len;

        if (!find_place(t, url, &host, &len, &port))
                return NO_NAME;
        for (size_t i = 0; i < t->n_names; i++)
                if (strlen(t->names[i].host) == len && memcmp(t->names[i].host, host, len) == 0)
                        return i;
        TS_GROW(t->names, t->n_names_allocated, t->n_names);
        t->names[t->n_names] = (struct name){ .host = ts_strndup(host, len) };
        if (asprintf(&t->names[t->n_names].forget, memchr(host, ':', len) ? "-%.*s" : "-%.*s:%s", (int) len,
                     host, port) < 0)
                ts_out_of_memory();
        return t->n_names++;
}

/* Names that failed the last time leave half of the places to the others. */
static bool may_start(struct transport_curl *t, struct waiting *w)
{
        struct name *n;

        if (w->name == NO_NAME)
                return true;
        n = &t->names[w->name];
        if (n->n_failures != w->n_failures || ts_clock_boottime(t->clock) < n->known_until_usec)
                return true;
        if (n->is_pending || t->n_resolving >= TS_RESOLVERS_MAX / (n->has_failed ? 2 : 1))
                return false;
        n->is_pending = w->resolves = true;
        t->n_resolving++;
        return true;
}

static struct slot *find_slot(struct transport_curl *t)
{
        size_t i = 0;

        while (t->slots[i].is_taken)
                i++;
        return &t->slots[i];
}

/* What it waited for has failed, or did not come: so has it. */
static void start_failed(struct slot *s, const struct waiting *w, const char *why)
{
        s->is_taken = true;
        s->owner->n_taken++;
        s->on_done = w->on_done;
        s->userdata = w->userdata;
        s->name = NO_NAME;
        s->answer.status = 0;
        forget_headers(&s->answer);
        slot_refuse(s, why);
        s->is_refusal_fatal = false;
}

/* Why it fails without having been sent; NULL: it does not. */
static const char *why_failed(const struct transport_curl *t, const struct waiting *w, uint64_t now)
{
        const struct name *n = w->name != NO_NAME ? &t->names[w->name] : NULL;

        if (!n || w->resolves || now < n->known_until_usec)
                return NULL;
        if (n->n_failures != w->n_failures)
                return n->error;
        return now - w->since_usec < CONNECT_TIMEOUT_USEC ? NULL
                                                          : "the server's name could not be looked up in "
                                                            "time: too many others are being "
                                                            "looked up, or this one without an answer";
}

static void queue_start(struct transport_curl *t)
{
        uint64_t now = ts_clock_boottime(t->clock);

        for (size_t n = t->n_queue; n > 0 && t->n_taken < t->n_slots; n--) {
                struct waiting w = queue_take(t);
                bool is_ready = may_start(t, &w);
                const char *why = why_failed(t, &w, now);

                if (why)
                        start_failed(find_slot(t), &w, why);
                else if (is_ready)
                        slot_start(find_slot(t), &w);
                else
                        queue_put(t, &w);
        }
}

static void curl_start(struct ts_transport *transport, const struct ts_request *request,
                       ts_transport_done on_done, void *userdata)
{
        struct transport_curl *t = (struct transport_curl *) transport;
        struct waiting w = { .request = *request,
                             .on_done = on_done,
                             .userdata = userdata,
                             .name = name_of(t, request->url) };

        if (w.name != NO_NAME) {
                w.n_failures = t->names[w.name].n_failures;
                w.since_usec = ts_clock_boottime(t->clock);
        }
        queue_put(t, &w);
        if (t->n_taken < t->n_slots && t->stop_usec == 0)
                queue_start(t);
}

/* ----------------------------------------------------------------------------------------- the event loop */

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct transport_curl *t = userdata;
        int mask = 0, n;

        (void) source;
        t->is_ours = true;
        if (revents & (EPOLLIN | EPOLLHUP))
                mask |= CURL_CSELECT_IN;
        if (revents & EPOLLOUT)
                mask |= CURL_CSELECT_OUT;
        if (revents & EPOLLERR)
                mask |= CURL_CSELECT_ERR;
        (void) curl_multi_socket_action(t->multi, fd, mask,
                                        &n); /* what failed is told exchange by exchange */
        return 0;
}

/* Called by curl, also from within the handlers above: calls nothing of curl but curl_multi_assign(). */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_userdata)
{
        struct transport_curl *t = userdata;
        sd_event_source *source = socket_userdata;
        uint32_t events = 0;
        int r;

        (void) easy;
        if (what == CURL_POLL_REMOVE) {
                (void) sd_event_source_disable_unref(source);
                return 0;
        }
        if (what & CURL_POLL_IN)
                events |= EPOLLIN;
        if (what & CURL_POLL_OUT)
                events |= EPOLLOUT;
        if (source)
                r = sd_event_source_set_io_events(source, events);
        else
                r = sd_event_add_io(t->loop, &source, fd, events, on_io, t);
        if (r >= 0 && !socket_userdata)
                (void) curl_multi_assign(t->multi, fd,
                                         source); /* the socket is known: this call is about it */
        if (ts_check_memory(r) < 0)
                t->loop_error = r;
        return r < 0 ? -1 : 0;
}

static void slot_emit(struct slot *s)
{
        s->owner->n_done++;
        s->on_done(&s->answer, s->userdata);
        slot_release(s);
}

static void emit_refused(struct transport_curl *t)
{
        for (size_t i = 0; i < t->n_slots && t->n_refused > 0; i++) {
                struct slot *s = &t->slots[i];

                if (!s->is_taken || !s->refusal)
                        continue;
                t->n_refused--;
                slot_fill_refusal(s);
                slot_emit(s);
        }
}

static void answer_stopped(struct ts_answer *a, enum ts_effect effect)
{
        a->r = -ECANCELED;
        a->is_fatal = true;
        a->effect = effect;
        (void) snprintf(a->error, sizeof(a->error), "the process is about to end");
}

/* Its answer is not waited for. */
static void abandon(struct slot *s)
{
        long sent = 0;

        (void) curl_easy_getinfo(s->easy, CURLINFO_REQUEST_SIZE, &sent);
        (void) curl_easy_setopt(s->easy, CURLOPT_QUICK_EXIT, 1L);  /* nor a name that is being looked up */
        (void) curl_multi_remove_handle(s->owner->multi, s->easy); /* closes its connection */
        answer_stopped(&s->answer, sent > 0 ? TS_EFFECT_POSSIBLE : TS_EFFECT_NONE);
        slot_emit(s);
}

static void emit_stopped(struct transport_curl *t)
{
        bool is_over = ts_clock_boottime(t->clock) >= t->stop_usec;

        while (t->n_queue > 0) {
                struct waiting w = queue_take(t);
                struct ts_answer a = { 0 };

                forget_headers(&a);
                answer_stopped(&a, TS_EFFECT_NONE);
                t->n_done++;
                w.on_done(&a, w.userdata);
        }
        for (size_t i = 0; i < t->n_slots; i++)
                if (t->slots[i].is_taken && !t->slots[i].refusal && (is_over || !t->slots[i].writes))
                        abandon(&t->slots[i]);
}

static void emit_done(struct transport_curl *t)
{
        CURLMsg *m;
        int left;

        while ((m = curl_multi_info_read(t->multi, &left))) {
                CURLcode code = m->data.result;
                CURL *easy = m->easy_handle;
                char *private = NULL;

                if (m->msg != CURLMSG_DONE)
                        continue;
                (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private); /* set once, at birth */
                (void) curl_multi_remove_handle(t->multi, easy);            /* frees the message */
                slot_fill_answer((struct slot *) (void *) private, code);
                name_settle((struct slot *) (void *) private,
                            code == CURLE_OK ? NULL : ((struct slot *) (void *) private)->answer.error);
                slot_emit((struct slot *) (void *) private);
        }
}

/* What time is it? @ret_stood_still: much later than it was to be when this is asked again. */
static uint64_t read_clock(struct transport_curl *t, bool *ret_stood_still)
{
        uint64_t now = ts_clock_boottime(t->clock);

        *ret_stood_still = now > t->expected_usec && now - t->expected_usec > STOOD_STILL_USEC;
        t->expected_usec = now;
        return now;
}

/* Serves one event, or what curl has to do by now. Returns 1 when it was an event of somebody else. */
static int serve(struct transport_curl *t, uint64_t deadline_usec, uint64_t now_usec)
{
        uint64_t wait_usec = deadline_usec == UINT64_MAX ? UINT64_MAX : deadline_usec - now_usec;
        long msec = -1;
        int r, n;

        /* Queried each time, so that no timer of the loop has to be armed for each request. */
        (void) curl_multi_timeout(t->multi, &msec);
        if (msec == 0) {
                (void) curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &n);
                return 0;
        }
        if (msec > 0 && (uint64_t) msec * TS_USEC_PER_MSEC < wait_usec)
                wait_usec = (uint64_t) msec * TS_USEC_PER_MSEC;
        if (t->n_queue > 0 && t->n_names > 0 && wait_usec > NAME_CHECK_USEC)
                wait_usec = NAME_CHECK_USEC; /* some may have waited long enough for a name */
        t->is_ours = false;
        t->expected_usec = wait_usec < UINT64_MAX - now_usec ? now_usec + wait_usec : UINT64_MAX;
        r = sd_event_run(t->loop, wait_usec);
        if (r <= 0)
                return r;
        return t->is_ours ? 0 : 1;
}

static uint64_t wake_of(const struct transport_curl *t, uint64_t deadline_usec, uint64_t now_usec)
{
        return t->stop_usec > now_usec && t->stop_usec < deadline_usec ? t->stop_usec : deadline_usec;
}

static int curl_pump(struct ts_transport *transport, uint64_t deadline_boottime_usec, struct ts_err *err)
{
        struct transport_curl *t = (struct transport_curl *) transport;
        uint64_t n_before = t->n_done;
        int r = 0;

        for (;;) {
                bool stood_still;
                uint64_t now;

                emit_refused(t);
                emit_done(t);
                if (t->stop_usec > 0)
                        emit_stopped(t);
                if (t->n_queue > 0)
                        queue_start(t);
                now = read_clock(t, &stood_still);
                if (stood_still)
                        return ts_err_set(
                                        err, TS_ERR_TRANSIENT, -ESTALE,
                                        "this process stood still for minutes (was the host suspended?), and "
                                        "what it had read is out of date; the next cycle looks anew");
                if (r > 0 || t->n_done != n_before || now >= deadline_boottime_usec)
                        return 0;

                r = serve(t, wake_of(t, deadline_boottime_usec, now), now);
                if (r >= 0 && t->loop_error < 0)
                        r = t->loop_error;
                if (ts_check_memory(r) < 0)
                        return ts_err_set(err, TS_ERR_LOCAL, r, "the event loop failed: %m");
        }
}

void ts_transport_curl_stop(struct ts_transport *transport)
{
        struct transport_curl *t = (struct transport_curl *) transport;

        if (t->stop_usec == 0)
                t->stop_usec = ts_clock_boottime(t->clock) + TS_STOP_WRITES_USEC;
}

static void curl_cancel_all(struct ts_transport *transport)
{
        struct transport_curl *t = (struct transport_curl *) transport;

        for (size_t i = 0; i < t->n_slots; i++) {
                struct slot *s = &t->slots[i];

                if (!s->is_taken)
                        continue;
                if (!s->refusal)
                        (void) curl_multi_remove_handle(t->multi, s->easy); /* closes its connection */
                slot_release(s);
        }
        t->n_refused = 0;
        t->n_queue = 0;
}

/* --------------------------------------------------------------------------------------- creation and end */

/* NULL: libcurl knows none either. */
static const char *default_ca_file(void)
{
        return TS_CA_BUNDLE[0] != '\0' ? TS_CA_BUNDLE : curl_version_info(CURLVERSION_NOW)->cainfo;
}

/* The options that are the same for every request. Stops at the first one that is refused. */
static CURLcode set_constants(struct slot *s, const struct ts_transport_curl_options *o)
{
        const char *ca_file = o->ca_file ? o->ca_file : default_ca_file();
        CURL *e = s->easy;
        CURLcode rc = CURLE_OK;

#define SET(option, value) rc = rc == CURLE_OK ? curl_easy_setopt(e, (option), (value)) : rc
        SET(CURLOPT_PRIVATE, (void *) s);
        SET(CURLOPT_ERRORBUFFER, s->error);
        SET(CURLOPT_WRITEFUNCTION, on_body);
        SET(CURLOPT_WRITEDATA, s);
        SET(CURLOPT_HEADERFUNCTION, on_header);
        SET(CURLOPT_HEADERDATA, s);
        SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        SET(CURLOPT_USERAGENT, o->user_agent);
        SET(CURLOPT_NOSIGNAL, 1L);
        SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        SET(CURLOPT_OPENSOCKETDATA, (void *) s);
        SET(CURLOPT_DNS_CACHE_TIMEOUT, NAME_CACHE_SEC);
        SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
        SET(CURLOPT_PROTOCOLS_STR, "https,http"); /* which http: refuse_url() */
        SET(CURLOPT_FOLLOWLOCATION, 0L);
        SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
        SET(CURLOPT_PROXY, o->proxy ? o->proxy : ""); /* "": none, whatever the environment says */
        SET(CURLOPT_NOPROXY, NO_PROXY);
        if (o->proxy_user) {
                SET(CURLOPT_PROXYUSERNAME, o->proxy_user);
                SET(CURLOPT_PROXYPASSWORD, o->proxy_password);
        }
        SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2); /* or newer */
        SET(CURLOPT_SSL_VERIFYPEER, 1L);
        SET(CURLOPT_SSL_VERIFYHOST, 2L);
        SET(CURLOPT_PROXY_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        if (ca_file) {
                /* With a directory of certificates curl reads the file again for every connection. */
                SET(CURLOPT_CAPATH, NULL);
                SET(CURLOPT_CAINFO, ca_file);
                SET(CURLOPT_PROXY_CAPATH, NULL);
                SET(CURLOPT_PROXY_CAINFO, ca_file);
        }
        SET(CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES);
#undef SET
        return rc;
}

/* A handle is made when it is first needed: most daemons never need all of them. */
static CURLcode slot_init(struct slot *s)
{
        CURLcode rc;

        if (s->easy)
                return CURLE_OK;
        s->easy = curl_easy_init();
        if (!s->easy)
                return CURLE_FAILED_INIT;
        rc = set_constants(s, &s->owner->options);
        if (rc != CURLE_OK) {
                curl_easy_cleanup(s->easy);
                s->easy = NULL;
        }
        return rc;
}

static char *copy_text_or_null(const char *s)
{
        return s ? ts_strdup(s) : NULL;
}

static void curl_free_transport(struct ts_transport *transport)
{
        struct transport_curl *t = (struct transport_curl *) transport;

        curl_cancel_all(transport);
        for (size_t i = 0; i < t->n_slots; i++) {
                curl_easy_cleanup(t->slots[i].easy);
                ts_buf_done(&t->slots[i].authorization);
                ts_buf_done(&t->slots[i].answer.body);
        }
        (void) curl_multi_cleanup(t->multi); /* takes its sockets out of the loop */
        sd_event_unref(t->loop);
        free((char *) (uintptr_t) t->options.ca_file);
        free((char *) (uintptr_t) t->options.proxy);
        free((char *) (uintptr_t) t->options.user_agent);
        ts_buf_done(&t->proxy_user); /* wiped */
        ts_buf_done(&t->proxy_password);
        for (size_t i = 0; i < t->n_names; i++) {
                free(t->names[i].host);
                free(t->names[i].forget);
        }
        free(t->names);
        free(t->slots);
        free(t->queue);
        free(t);
}

/* For the handles that are made later. */
static void copy_proxy_credential(struct transport_curl *t, const struct ts_transport_curl_options *options)
{
        t->proxy_user = (struct ts_buf) TS_BUF_SECRET_INIT(TS_SECRET_MAX_BYTES);
        t->proxy_password = (struct ts_buf) TS_BUF_SECRET_INIT(TS_SECRET_MAX_BYTES);
        if (!options->proxy_user)
                return;
        (void) ts_buf_puts(&t->proxy_user, options->proxy_user);
        (void) ts_buf_puts(&t->proxy_password, options->proxy_password); /* both are parts of a secret */
        t->options.proxy_user = ts_buf_text(&t->proxy_user);
        t->options.proxy_password = ts_buf_text(&t->proxy_password);
}

static CURLMcode multi_init(struct transport_curl *t)
{
        long n = (long) t->n_slots, n_kept = t->options.n_kept > 0 ? (long) t->options.n_kept : n;
        CURLMcode mc;

        mc = curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        if (mc == CURLM_OK)
                mc = curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
        if (mc == CURLM_OK)
                mc = curl_multi_setopt(t->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING);
        if (mc == CURLM_OK)
                mc = curl_multi_setopt(t->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, n);
        if (mc == CURLM_OK)
                mc = curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, n_kept);
        return mc;
}

int ts_transport_curl_new(sd_event *loop, const struct ts_clock *clock,
                          const struct ts_transport_curl_options *options, struct ts_transport **ret,
                          struct ts_err *err)
{
        TS_CLEANUP(ts_transport_freep) struct ts_transport *owned = NULL;
        struct transport_curl *t;
        CURLcode rc;

        if (options->ca_file && access(options->ca_file, R_OK) < 0)
                return ts_err_set(err, TS_ERR_SETTINGS, -errno,
                                  "cannot read '%s', which http.ca_file of the settings names: %m",
                                  options->ca_file);

        t = ts_calloc(1, sizeof(*t));
        t->transport = (struct ts_transport){ curl_start, curl_pump, curl_cancel_all, curl_free_transport };
        t->clock = clock;
        t->expected_usec = ts_clock_boottime(clock);
        t->loop = sd_event_ref(loop);
        t->has_proxy = options->proxy && options->proxy[0] != '\0';
        t->multi = curl_multi_init();
        t->options = *options;
        t->options.ca_file = copy_text_or_null(options->ca_file);
        t->options.proxy = copy_text_or_null(options->proxy);
        t->options.user_agent = copy_text_or_null(options->user_agent);
        copy_proxy_credential(t, options);
        t->n_slots = options->concurrency > 0 ? options->concurrency : 1;
        t->slots = ts_calloc(t->n_slots, sizeof(*t->slots));
        for (size_t i = 0; i < t->n_slots; i++) {
                struct slot *s = &t->slots[i];

                s->owner = t;
                s->name = NO_NAME;
                s->authorization = (struct ts_buf) TS_BUF_SECRET_INIT(TS_HTTP_HEADERS_MAX_BYTES);
                s->answer.body = (struct ts_buf) TS_BUF_SECRET_INIT(
                                TS_HTTP_BODY_MAX_BYTES); /* tokens, names of people */
        }
        owned = &t->transport;
        if (!t->multi || multi_init(t) != CURLM_OK)
                return ts_err_set(err, TS_ERR_INTERNAL, -EIO, "cannot set up libcurl");
        rc = slot_init(&t->slots[0]); /* what is wrong with the settings is wrong with the first one */
        if (rc != CURLE_OK)
                return ts_err_set(err, TS_ERR_SETTINGS, -EINVAL, "cannot set up libcurl: %s",
                                  curl_easy_strerror(rc));
        *ret = TS_TAKE(owned);
        return 0;
}
