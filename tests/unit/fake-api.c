#include "fake-api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define API "http://127.0.0.1:1"
#define PREFIX API "/api/v2"

struct scripted {
        char *request, *body;
        long status;
        bool is_used;
};

struct pending {
        struct ts_request request;
        ts_transport_done on_done;
        void *userdata;
};

struct fake_api {
        struct ts_transport transport;
        struct ts_clock clock;
        struct ts_client *client;
        fake_handler handler;
        void *userdata;
        struct scripted *scripted;
        size_t n_scripted, n_scripted_allocated;
        struct pending *pending;
        size_t n_pending, n_pending_allocated;
        struct ts_buf log;
        size_t n_requests, stop_after;
        bool newest_first, stop;
        uint64_t now_usec;
};

struct ts_id_text fake_id_text(unsigned n)
{
        struct ts_id_text text;

        (void) snprintf(text.s, sizeof(text.s), "00000000-0000-4000-8000-0000%08x", n);
        return text;
}

struct ts_id fake_id(unsigned n)
{
        struct ts_id id = { { 0 } };

        (void) ts_id_parse_string(fake_id_text(n).s, &id); /* it is one */
        return id;
}

unsigned fake_id_number(const char *text)
{
        static const char prefix[] = "00000000-0000-4000-8000-0000";

        if (strncmp(text, prefix, strlen(prefix)) != 0)
                return 0;
        return (unsigned) strtoul(text + strlen(prefix), NULL, 16);
}

/* -------------------------------------------------------------------------------------------------- clock */

static uint64_t fake_boottime(void *userdata)
{
        return ((struct fake_api *) userdata)->now_usec;
}

static int64_t fake_realtime(void *userdata)
{
        return 1800000000 + (int64_t) (((struct fake_api *) userdata)->now_usec / 1000000);
}

static uint64_t fake_random(void *userdata)
{
        (void) userdata;
        return 7;
}

/* ------------------------------------------------------------------------------------------------ answers */

static const struct scripted *find_scripted(struct fake_api *api, const char *request)
{
        struct scripted *last = NULL;

        for (size_t i = 0; i < api->n_scripted; i++) {
                struct scripted *s = &api->scripted[i];

                if (strcmp(s->request, request) != 0)
                        continue;
                last = s;
                if (!s->is_used)
                        break;
        }
        if (last)
                last->is_used = true;
        return last;
}

static long own_answer(const struct ts_request *r, struct ts_buf *body)
{
        if (strcmp(r->url, API "/oauth/token") == 0) {
                ts_buf_puts(body, "{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":86400}");
                return 200;
        }
        if (strcmp(r->url, PREFIX "/organizations/me") == 0) {
                ts_buf_printf(body, "{\"id\":\"%s\",\"name\":\"Acme\"}", fake_id_text(FAKE_ORGANIZATION).s);
                return 200;
        }
        return -1;
}

static long find_answer(struct fake_api *api, const struct ts_request *r, struct ts_buf *body)
{
        const struct scripted *s;
        char request[2048];

        if (strncmp(r->url, PREFIX, strlen(PREFIX)) != 0)
                return 404;
        (void) snprintf(request, sizeof(request), "%s %s", ts_method_to_string(r->method),
                        r->url + strlen(PREFIX));
        s = find_scripted(api, request);
        if (s) {
                ts_buf_puts(body, s->body);
                return s->status;
        }
        return api->handler ? api->handler(api, request, r->body ? r->body : "", body) : 404;
}

static void answer_one(struct fake_api *api, size_t i)
{
        struct pending p = api->pending[i];
        struct ts_answer a = { .effect = TS_EFFECT_ANSWERED,
                               .retry_after_sec = -1,
                               .date = TS_TIME_UNSET,
                               .body = TS_BUF_INIT(TS_HTTP_BODY_MAX_BYTES) };

        api->n_pending--;
        memmove(api->pending + i, api->pending + i + 1, (api->n_pending - i) * sizeof(*api->pending));
        a.status = own_answer(&p.request, &a.body);
        if (a.status < 0)
                a.status = find_answer(api, &p.request, &a.body);
        if (a.status == 0) {
                a.r = -ECONNRESET;
                a.effect = TS_EFFECT_POSSIBLE;
                (void) snprintf(a.error, sizeof(a.error), "the connection was reset");
        }
        p.on_done(&a, p.userdata);
        ts_buf_done(&a.body);
}

/* ---------------------------------------------------------------------------------------------- transport */

static struct fake_api *api_of(struct ts_transport *t)
{
        return (struct fake_api *) (void *) ((char *) t - offsetof(struct fake_api, transport));
}

static void log_request(struct fake_api *api, const struct ts_request *r)
{
        if (strncmp(r->url, PREFIX, strlen(PREFIX)) != 0 || strcmp(r->url, PREFIX "/organizations/me") == 0)
                return;
        api->n_requests++;
        if (api->stop_after > 0 && api->n_requests >= api->stop_after)
                api->stop = true;
        ts_buf_printf(&api->log, "%s %s", ts_method_to_string(r->method), r->url + strlen(PREFIX));
        if (r->body)
                ts_buf_printf(&api->log, " %s", r->body);
        ts_buf_putc(&api->log, '\n');
}

static void fake_start(struct ts_transport *t, const struct ts_request *request, ts_transport_done on_done,
                       void *userdata)
{
        struct fake_api *api = api_of(t);

        log_request(api, request);
        TS_GROW(api->pending, api->n_pending_allocated, api->n_pending);
        api->pending[api->n_pending++] = (struct pending){ *request, on_done, userdata };
}

static int fake_pump(struct ts_transport *t, uint64_t deadline_usec, struct ts_err *err)
{
        struct fake_api *api = api_of(t);

        if (api->n_pending > 0)
                answer_one(api, api->newest_first ? api->n_pending - 1 : 0);
        else if (deadline_usec != UINT64_MAX)
                api->now_usec = deadline_usec > api->now_usec ? deadline_usec : api->now_usec;
        else
                return ts_err_set(err, TS_ERR_INTERNAL, -EDEADLK, "nothing to wait for");
        return 0;
}

static void fake_cancel_all(struct ts_transport *t)
{
        api_of(t)->n_pending = 0;
}

static int read_secret(struct ts_buf *secret, void *userdata, struct ts_err *err)
{
        (void) userdata;
        (void) err;
        return ts_buf_puts(secret, "secret");
}

/* ---------------------------------------------------------------------------------------------- interface */

struct fake_api *fake_api_new(fake_handler handler, void *userdata)
{
        struct fake_api *api = ts_calloc(1, sizeof(*api));
        struct ts_client_options options = {
                .alias = "acme",
                .api_url = API,
                .login_url = API,
                .client_id = "client",
                .organization_id = fake_id(FAKE_ORGANIZATION),
                .read_secret = read_secret,
                .concurrency = 8,
                .timeout_usec = 30000000,
                .stop = &api->stop,
        };

        api->transport = (struct ts_transport){ .start = fake_start,
                                                .pump = fake_pump,
                                                .cancel_all = fake_cancel_all };
        api->clock = (struct ts_clock){ fake_boottime, fake_realtime, fake_random, api };
        api->handler = handler;
        api->userdata = userdata;
        api->log = (struct ts_buf) TS_BUF_INIT(64 * 1024 * 1024);
        api->client = ts_client_new(&options, &api->transport, &api->clock);
        ts_client_allow_writes(api->client, true);
        return api;
}

void fake_api_free(struct fake_api *api)
{
        if (!api)
                return;
        ts_client_free(api->client);
        for (size_t i = 0; i < api->n_scripted; i++) {
                free(api->scripted[i].request);
                free(api->scripted[i].body);
        }
        free(api->scripted);
        free(api->pending);
        ts_buf_done(&api->log);
        free(api);
}

void *fake_api_userdata(const struct fake_api *api)
{
        return api->userdata;
}

struct ts_client *fake_api_client(const struct fake_api *api)
{
        return api->client;
}

void fake_api_answer(struct fake_api *api, const char *request, long status, const char *json)
{
        struct scripted *s;

        TS_GROW(api->scripted, api->n_scripted_allocated, api->n_scripted);
        s = &api->scripted[api->n_scripted++];
        *s = (struct scripted){ .request = ts_strdup(request),
                                .body = ts_strdup(json ? json : ""),
                                .status = status };
        for (char *p = s->body; *p != '\0'; p++)
                if (*p == '\'')
                        *p = '"';
}

const char *fake_api_log(const struct fake_api *api)
{
        return ts_buf_text(&api->log);
}

void fake_api_forget_log(struct fake_api *api)
{
        ts_buf_reset(&api->log);
        api->n_requests = 0;
}

size_t fake_api_count(const struct fake_api *api)
{
        return api->n_requests;
}

void fake_api_set_newest_first(struct fake_api *api, bool on)
{
        api->newest_first = on;
}

void fake_api_stop_after(struct fake_api *api, size_t n)
{
        api->stop_after = n;
}

const struct ts_clock *fake_api_clock(const struct fake_api *api)
{
        return &api->clock;
}

uint64_t fake_api_waited_usec(const struct fake_api *api)
{
        return api->now_usec;
}
