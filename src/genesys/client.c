#include "genesys/client.h"

#include <stdlib.h>

#include "util/mem.h"

struct ts_client {
        struct ts_client_options options;
        struct ts_authorization authorization;
        struct ts_request_queue *queue;
};

static int ensure_token(void *userdata, struct ts_err *err)
{
        struct ts_client *c = userdata;

        return ts_authorization_ensure(&c->authorization, err);
}

struct ts_client *ts_client_new(const struct ts_client_options *o, struct ts_transport *transport,
                                const struct ts_clock *clock)
{
        struct ts_client *c = ts_calloc(1, sizeof(*c));
        const struct ts_request_queue_options queue = {
                .alias = o->alias,
                .client_id = o->client_id,
                .api_url = o->api_url,
                .login_url = o->login_url,
                .token = &c->authorization.token,
                .ensure_token = ensure_token,
                .token_userdata = c,
                .requests_per_minute = o->requests_per_minute,
                .concurrency = o->concurrency,
                .timeout_usec = o->timeout_usec,
                .stop = o->stop,
                .next_cycle_pending = o->next_cycle_pending,
                .is_best_effort = o->is_best_effort,
        };
        const struct ts_authorization_options authorization = {
                .alias = o->alias,
                .client_id = o->client_id,
                .organization_id = o->organization_id,
                .read_secret = o->read_secret,
                .secret_userdata = o->secret_userdata,
        };

        c->options = *o;
        c->queue = ts_request_queue_new(&queue, transport, clock);
        ts_authorization_init(&c->authorization, &authorization, c->queue, clock);
        return c;
}

void ts_client_use(struct ts_client *c, struct ts_transport *transport)
{
        ts_request_queue_use(c->queue, transport);
}

void ts_client_free(struct ts_client *c)
{
        if (!c)
                return;
        ts_authorization_done(&c->authorization);
        ts_request_queue_free(c->queue);
        free(c);
}

void ts_client_allow_writes(struct ts_client *c, bool allow)
{
        ts_request_queue_allow_writes(c->queue, allow && !ts_id_is_nil(&c->options.organization_id));
}

void ts_client_begin(struct ts_client *c)
{
        ts_request_queue_begin(c->queue);
}

void ts_client_set_urgent(struct ts_client *c, bool has_urgent, bool is_urgent)
{
        ts_budget_set_urgent(ts_request_queue_get_budget(c->queue), has_urgent, is_urgent);
}

void ts_client_set_budget(struct ts_client *c, unsigned requests_per_minute)
{
        ts_budget_set(ts_request_queue_get_budget(c->queue), requests_per_minute);
}

int ts_client_connect(struct ts_client *c, struct ts_id *ret_organization, const char **ret_name,
                      struct ts_err *err)
{
        struct ts_err ignored = { 0 };
        int r;

        if (!err)
                err = &ignored;
        ts_request_queue_begin(c->queue);
        r = ts_request_queue_check(c->queue, err);
        if (r >= 0)
                r = ts_authorization_ensure(&c->authorization, err);
        if (r < 0)
                return r;
        if (ret_organization)
                *ret_organization = c->authorization.organization;
        if (ret_name)
                *ret_name = c->authorization.organization_name;
        return 0;
}

int ts_client_run(struct ts_client *c, const struct ts_batch *batch, struct ts_err *err)
{
        return ts_request_queue_run(c->queue, batch, err);
}

int ts_client_wait(struct ts_client *c, uint64_t usec, struct ts_err *err)
{
        return ts_request_queue_wait(c->queue, usec, err);
}

const struct ts_client_statistics *ts_client_get_statistics(const struct ts_client *c)
{
        return ts_request_queue_get_statistics(c->queue);
}

const char *ts_client_get_alias(const struct ts_client *c)
{
        return c->options.alias;
}

int64_t ts_client_get_clock_skew(const struct ts_client *c)
{
        return ts_request_queue_get_clock_skew(c->queue);
}

bool ts_client_get_others(const struct ts_client *c, int64_t *ret_counted, int64_t *ret_ours)
{
        return ts_budget_get_others(ts_request_queue_get_budget(c->queue), ret_counted, ret_ours);
}
