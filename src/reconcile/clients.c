#include "reconcile/clients.h"

#include <assert.h>
#include <stdlib.h>

#include "genesys/scheduler.h"
#include "util/mem.h"

/* Two searches, and a token before them. */
#define GUESTS_REQUESTS_MIN 6u

struct entry {
        struct ts_client *client;
        const char *spec; /* of its secret */
        const struct ts_clients *clients;
        const struct ts_settings_organization *of, *task; /* which organization's, in whose task */
};

/* Flags that the clients of a task check before each request: see ts_clients_stop(),
 * ts_clients_set_next_cycle_pending(). */
struct flags {
        bool stop, next_cycle_pending;
};

struct ts_clients {
        struct ts_clients_options options;
        struct ts_scheduler *scheduler, *own_scheduler; /* own_scheduler NULL: they are somebody else's */
        struct flags *flags;                            /* of each organization of the settings, as a task */
        struct entry **entries;                         /* their addresses are in the clients */
        size_t n, n_allocated;
};

struct ts_clients *ts_clients_new(const struct ts_clients_options *options)
{
        struct ts_clients *c = ts_calloc(1, sizeof(*c));

        c->options = *options;
        c->flags = ts_calloc(options->settings->n_organizations, sizeof(*c->flags));
        return c;
}

void ts_clients_free(struct ts_clients *c)
{
        if (!c)
                return;
        for (size_t i = 0; i < c->n; i++) {
                ts_client_free(c->entries[i]->client);
                free(c->entries[i]);
        }
        ts_scheduler_free(c->own_scheduler);
        free(c->entries);
        free(c->flags);
        free(c);
}

void ts_clients_use_scheduler(struct ts_clients *c, struct ts_scheduler *scheduler)
{
        c->scheduler = scheduler;
        for (size_t i = 0; i < c->n; i++)
                ts_client_use(c->entries[i]->client, ts_scheduler_transport(c->scheduler));
}

void ts_clients_use(struct ts_clients *c, struct ts_transport *transport)
{
        ts_scheduler_free(c->own_scheduler);
        c->own_scheduler = ts_scheduler_new(transport, c->options.clock);
        ts_clients_use_scheduler(c, c->own_scheduler);
}

static struct flags *flags_of(const struct ts_clients *c, const struct ts_settings_organization *task)
{
        return &c->flags[task - c->options.settings->organizations];
}

void ts_clients_begin(struct ts_clients *c, const struct ts_settings_organization *task)
{
        for (size_t i = 0; i < c->n; i++)
                if (c->entries[i]->task == task)
                        ts_client_begin(c->entries[i]->client);
}

void ts_clients_renew(struct ts_clients *c, const struct ts_settings_organization *task, bool is_best_effort)
{
        *flags_of(c, task) = (struct flags){ .next_cycle_pending = is_best_effort };
}

void ts_clients_stop(struct ts_clients *c, const struct ts_settings_organization *task)
{
        flags_of(c, task)->stop = true;
}

void ts_clients_set_next_cycle_pending(struct ts_clients *c, const struct ts_settings_organization *task)
{
        flags_of(c, task)->next_cycle_pending = true;
}

static int read_secret(struct ts_buf *secret, void *userdata, struct ts_err *err)
{
        const struct entry *e = userdata;

        return ts_secret_load(e->spec, "client secret", e->clients->options.credentials_directory, secret,
                              err);
}

static struct entry *find(const struct ts_clients *c, const struct ts_settings_organization *of,
                          const struct ts_settings_organization *task)
{
        for (size_t i = 0; i < c->n; i++)
                if (c->entries[i]->of == of && c->entries[i]->task == task)
                        return c->entries[i];
        return NULL;
}

/* All clients of an organization together keep to its budget: its own task to nine tenths of it, as soon as
 * there are others, and these to the rest. */
static void share_budget(const struct ts_clients *c, const struct ts_settings_organization *of)
{
        unsigned all = c->options.settings->requests_per_minute, rest = all / 10, n = 0;

        if (rest < GUESTS_REQUESTS_MIN)
                rest = all / 2 < GUESTS_REQUESTS_MIN ? all / 2 : GUESTS_REQUESTS_MIN;
        for (size_t i = 0; i < c->n; i++)
                n += c->entries[i]->of == of && c->entries[i]->task != of;
        for (size_t i = 0; n > 0 && i < c->n; i++)
                if (c->entries[i]->of == of)
                        ts_client_set_budget(c->entries[i]->client,
                                             c->entries[i]->task == of ? all - rest : rest / n);
}

unsigned ts_clients_concurrency(const struct ts_settings *s)
{
        size_t n_tasks = s->n_organizations < TS_TASKS_MAX ? s->n_organizations : TS_TASKS_MAX;
        size_t share = TS_CONNECTIONS_MAX / (n_tasks > 0 ? n_tasks : 1);

        return s->concurrency < share ? s->concurrency : (unsigned) share;
}

static struct ts_client *get(struct ts_clients *c, const struct ts_settings_organization *of,
                             const struct ts_settings_organization *task)
{
        const struct ts_settings *settings = c->options.settings;
        struct entry *e = find(c, of, task);
        struct ts_client_options options = {
                .alias = of->alias,
                .api_url = of->api_url,
                .login_url = of->login_url,
                .client_id = of->client_id,
                .organization_id = of->id,
                .read_secret = read_secret,
                .requests_per_minute = settings->requests_per_minute,
                .concurrency = ts_clients_concurrency(settings),
                .timeout_usec = settings->timeout_usec,
                .is_best_effort = of != task,
        };

        assert(c->scheduler);
        if (e)
                return e->client;
        e = ts_malloc(sizeof(*e));
        *e = (struct entry){ .spec = of->client_secret, .clients = c, .of = of, .task = task };
        options.secret_userdata = e;
        options.stop = c->options.stop ? c->options.stop : &flags_of(c, task)->stop;
        options.next_cycle_pending = &flags_of(c, task)->next_cycle_pending;
        e->client = ts_client_new(&options, ts_scheduler_transport(c->scheduler), c->options.clock);
        TS_GROW(c->entries, c->n_allocated, c->n);
        c->entries[c->n++] = e;
        share_budget(c, of);
        return e->client;
}

struct ts_client *ts_clients_get(struct ts_clients *c, const struct ts_settings_organization *o)
{
        return get(c, o, o);
}

struct ts_client *ts_clients_partner(struct ts_clients *c, const struct ts_settings_organization *task,
                                     const struct ts_settings_organization *partner)
{
        return get(c, partner, task);
}

void ts_clients_run(struct ts_clients *c, size_t n, void (*body)(size_t i, void *userdata), void *userdata)
{
        ts_scheduler_run(c->scheduler, n, body, userdata);
}

struct ts_client_statistics ts_clients_statistics(const struct ts_clients *c,
                                                  const struct ts_settings_organization *task)
{
        struct ts_client_statistics sum = { 0 };

        for (size_t i = 0; i < c->n; i++) {
                const struct ts_client_statistics *s = ts_client_get_statistics(c->entries[i]->client);

                if (c->entries[i]->task != task)
                        continue;
                sum.requests += s->requests;
                sum.writes += s->writes;
                sum.retries += s->retries;
                for (size_t k = 0; k < TS_N_ELEMENTS(sum.by_class); k++)
                        sum.by_class[k] += s->by_class[k];
        }
        return sum;
}
