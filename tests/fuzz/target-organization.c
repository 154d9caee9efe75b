/*
 * A whole reading of an organization: the bytes are what a server answers, one answer a line
 *
 * "404 {...}": a status and a body. Without one a line is the body of a 200. When there are no more lines,
 * they are gone through again. The token and the organization are answered properly, or nothing else would
 * be asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/read.h"
#include "targets.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define REQUESTS_MAX 1000000u /* it comes to an end: a server that lies about its lists can make them long */
#define ORGANIZATION "1f2e3d4c-0000-4000-8000-000000000001"

struct asked {
        struct ts_request request;
        ts_transport_done on_done;
        void *userdata;
};

struct server {
        struct ts_transport transport;
        const char *data, *next, *end;
        struct asked queue[16];
        size_t n_queue, n_requests;
        uint64_t now_usec;
};

static uint64_t server_boottime(void *userdata)
{
        return ((const struct server *) userdata)->now_usec;
}

static int64_t server_realtime(void *userdata)
{
        return 1800000000 + (int64_t) (((const struct server *) userdata)->now_usec / TS_USEC_PER_SEC);
}

static uint64_t server_random(void *userdata)
{
        return ((const struct server *) userdata)->n_requests * 0x9e3779b97f4a7c15u;
}

static void server_start(struct ts_transport *transport, const struct ts_request *request,
                         ts_transport_done on_done, void *userdata)
{
        struct server *s = (struct server *) transport;

        must(s->n_queue < TS_N_ELEMENTS(s->queue));
        must(request->method == TS_GET || strstr(request->url, "/oauth/token"));
        must(++s->n_requests < REQUESTS_MAX);
        s->queue[s->n_queue++] = (struct asked){ *request, on_done, userdata };
}

static void answer_line(struct server *s, struct ts_answer *a)
{
        const char *line = s->next, *newline;
        size_t len;

        if (line == s->end)
                line = s->data;
        newline = memchr(line, '\n', (size_t) (s->end - line));
        len = (size_t) ((newline ? newline : s->end) - line);
        s->next = newline ? newline + 1 : s->end;

        a->status = 200;
        if (len > 4 && line[3] == ' ' && line[0] >= '1' && line[0] <= '9') {
                a->status = (line[0] - '0') * 100 + (line[1] & 1) * 4 + (line[2] & 7);
                line += 4;
                len -= 4;
        }
        (void) ts_buf_put(&a->body, line, len);
}

static void answer(struct server *s, const struct asked *asked)
{
        struct ts_answer a = { .effect = TS_EFFECT_ANSWERED, .retry_after_sec = -1, .date = TS_TIME_UNSET };

        a.body = (struct ts_buf) TS_BUF_INIT(TS_HTTP_BODY_MAX_BYTES);
        if (strstr(asked->request.url, "/oauth/token")) {
                a.status = 200;
                (void) ts_buf_puts(&a.body, "{\"access_token\":\"t\",\"expires_in\":86400}");
        } else if (strstr(asked->request.url, "/organizations/me")) {
                a.status = 200;
                (void) ts_buf_puts(&a.body, "{\"id\":\"" ORGANIZATION "\",\"name\":\"Acme\"}");
        } else {
                answer_line(s, &a);
        }
        asked->on_done(&a, asked->userdata);
        ts_buf_done(&a.body);
}

static int server_pump(struct ts_transport *transport, uint64_t deadline_usec, struct ts_err *err)
{
        struct server *s = (struct server *) transport;
        struct asked asked = s->queue[0];

        (void) err;
        if (s->n_queue == 0) {
                must(deadline_usec != UINT64_MAX);
                s->now_usec = s->now_usec < deadline_usec ? deadline_usec : s->now_usec + 1;
                return 0;
        }
        s->n_queue--;
        memmove(s->queue, s->queue + 1, s->n_queue * sizeof(*s->queue));
        s->now_usec += 1000;
        answer(s, &asked);
        return 0;
}

static void server_cancel_all(struct ts_transport *transport)
{
        ((struct server *) transport)->n_queue = 0;
}

static int read_secret(struct ts_buf *secret, void *userdata, struct ts_err *err)
{
        (void) userdata;
        (void) err;
        return ts_buf_puts(secret, "secret");
}

static bool wants(const struct ts_trust *trust, enum ts_collection collection, void *userdata)
{
        (void) trust;
        (void) userdata;
        return collection != TS_CLONES;
}

static void warn(const struct ts_trust *trust, const struct ts_err *err, void *userdata)
{
        (void) trust;
        ts_fuzz_check_error(err->code, err);
        must(err->code < 0);
        ++*(size_t *) userdata;
}

/* What was read is in order, each once, and what is called complete was not warned of. */
static void check_live(const struct ts_live *live)
{
        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];

                must(!ts_id_is_nil(&t->id));
                must(ts_live_find_trust(live, t->direction, &t->id) == t);
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                        const struct ts_members *m = &t->collections[c];

                        for (size_t k = 0; k < m->n; k++) {
                                must(!ts_id_is_nil(&m->items[k].id));
                                must(k == 0 || ts_id_compare(&m->items[k - 1].id, &m->items[k].id) < 0);
                                must(ts_members_find(m, &m->items[k].id) == &m->items[k]);
                        }
                }
        }
}

static void check_grants(const struct ts_live *live, const struct ts_read_target *targets, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct ts_member *m = targets[i].member;

                for (size_t k = 0; k < m->n_grants; k++) {
                        must(m->grants[k].role < live->catalog.n_roles);
                        must(m->grants[k].division < live->catalog.n_divisions);
                        must(k == 0 || ts_grant_compare(&m->grants[k - 1], &m->grants[k]) < 0);
                }
        }
}

static void read_grants(struct ts_client *client, struct ts_live *live, size_t *n_warned)
{
        enum ts_subject_reads subjects = TS_SUBJECT_READS_UNKNOWN;
        struct ts_read_target *targets = NULL;
        size_t n = 0, allocated = 0;
        const char *how = NULL;
        struct ts_err err = { 0 };
        int r;

        for (size_t i = 0; i < live->n_trusts; i++) {
                struct ts_members *users = &live->trusts[i].collections[TS_USERS];

                for (size_t k = 0; live->trusts[i].direction == TS_TRUSTEE && k < users->n; k++) {
                        TS_GROW(targets, allocated, n);
                        targets[n++] = (struct ts_read_target){ &live->trusts[i], &users->items[k] };
                }
        }
        r = ts_read_grants(client, live, targets, n, &subjects, &how, warn, n_warned, &err);
        ts_fuzz_check_error(r, &err);
        must(r < 0 || n == 0 || how);
        check_grants(live, targets, n);
        free(targets);
}

void ts_fuzz_organization(const char *data, size_t len)
{
        struct server s = { { server_start, server_pump, server_cancel_all, NULL }, data, data, data + len };
        struct ts_clock clock = { server_boottime, server_realtime, server_random, &s };
        struct ts_client_options options = {
                .alias = "acme",
                .api_url = "https://api.example",
                .login_url = "https://login.example",
                .client_id = "client",
                .read_secret = read_secret,
                .concurrency = 4,
                .timeout_usec = TS_USEC_PER_SEC,
        };
        struct ts_read_scope scope = { .wants = wants, .wants_trustors = true, .wants_care = true };
        TS_CLEANUP(ts_client_freep) struct ts_client *client = NULL;
        TS_CLEANUP(ts_live_freep) struct ts_live *live = ts_live_new();
        struct ts_err err = { 0 };
        size_t n_warned = 0;
        int r;

        if (len == 0 || len > 65536)
                return;
        must(ts_id_parse_string(ORGANIZATION, &options.organization_id));
        client = ts_client_new(&options, &s.transport, &clock);
        r = ts_read_organization(client, &scope, live, warn, &n_warned, &err);
        ts_fuzz_check_error(r, &err);
        if (r < 0)
                return;
        check_live(live);
        must(n_warned > 0 || live->trusts_coverage == TS_COVERAGE_COMPLETE);
        read_grants(client, live, &n_warned);
}
