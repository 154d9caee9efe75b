#include "daemon/clients.h"

#include <assert.h>
#include <stdlib.h>

#include "genesys/lanes.h"
#include "util/mem.h"

struct entry {
        struct ts_client *client; /* NULL: not asked for yet */
        const char *spec;         /* of its secret */
        const struct ts_clients *clients;
};

struct ts_clients {
        struct ts_clients_options options;
        struct ts_lanes *lanes;
        struct entry *entries;
        size_t n; /* organizations of the settings, which may be gone when the clients go */
};

struct ts_clients *ts_clients_new(const struct ts_clients_options *options)
{
        struct ts_clients *c = ts_calloc(1, sizeof(*c));

        c->options = *options;
        c->n = options->settings->n_organizations;
        c->entries = ts_calloc(c->n, sizeof(*c->entries));
        return c;
}

void ts_clients_free(struct ts_clients *c)
{
        if (!c)
                return;
        for (size_t i = 0; i < c->n; i++)
                ts_client_free(c->entries[i].client);
        ts_lanes_free(c->lanes);
        free(c->entries);
        free(c);
}

void ts_clients_use(struct ts_clients *c, struct ts_transport *transport)
{
        ts_lanes_free(c->lanes);
        c->lanes = ts_lanes_new(transport, c->options.clock);
        for (size_t i = 0; i < c->n; i++)
                if (c->entries[i].client)
                        ts_client_use(c->entries[i].client, ts_lanes_transport(c->lanes));
}

static int read_secret(struct ts_buf *secret, void *userdata, struct ts_err *err)
{
        const struct entry *e = userdata;

        return ts_secret_load(e->spec, e->clients->options.credentials_directory, secret, err);
}

struct ts_client *ts_clients_get(struct ts_clients *c, const struct ts_settings_organization *o)
{
        const struct ts_settings *settings = c->options.settings;
        struct entry *e = &c->entries[o - settings->organizations];
        struct ts_client_options options = {
                .alias = o->alias,
                .api_url = o->api_url,
                .login_url = o->login_url,
                .client_id = o->client_id,
                .organization_id = o->id,
                .read_secret = read_secret,
                .secret_userdata = e,
                .requests_per_minute = settings->requests_per_minute,
                .concurrency = settings->concurrency,
                .timeout_usec = settings->timeout_usec,
                .stop = c->options.stop,
        };

        assert(c->lanes);
        if (e->client)
                return e->client;
        *e = (struct entry){ .spec = o->client_secret, .clients = c };
        e->client = ts_client_new(&options, ts_lanes_transport(c->lanes), c->options.clock);
        return e->client;
}

void ts_clients_run(struct ts_clients *c, size_t n, void (*body)(size_t i, void *userdata), void *userdata)
{
        ts_lanes_run(c->lanes, n, body, userdata);
}

struct ts_client_statistics ts_clients_statistics(const struct ts_clients *c)
{
        struct ts_client_statistics sum = { 0 };

        for (size_t i = 0; i < c->n; i++) {
                const struct ts_client_statistics *s;

                if (!c->entries[i].client)
                        continue;
                s = ts_client_get_statistics(c->entries[i].client);
                sum.requests += s->requests;
                sum.writes += s->writes;
                sum.retries += s->retries;
                for (size_t k = 0; k < TS_N_ELEMENTS(sum.by_class); k++)
                        sum.by_class[k] += s->by_class[k];
        }
        return sum;
}
