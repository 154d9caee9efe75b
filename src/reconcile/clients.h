/*
 * clients - a client for each organization of the settings, for as long as the settings are in force; and
 * one more for each task in which it helps as somebody's partner
 *
 * A client is created on first use, and keeps its token and budget from cycle to cycle. Clients of partners
 * are best-effort (genesys/client.h), so that a failing partner does not delay the organization.
 */
#ifndef TS_RECONCILE_CLIENTS_H
#define TS_RECONCILE_CLIENTS_H

#include "config/settings.h"
#include "genesys/client.h"
#include "util/clock.h"

struct ts_clients;
struct ts_scheduler;

struct ts_clients_options { /* everything is borrowed and outlives the last use of the clients */
        const struct ts_settings *settings;
        const struct ts_clock *clock;
        const char *credentials_directory; /* NULL: $CREDENTIALS_DIRECTORY is not set */
        const bool *stop;                  /* of all of them; NULL: ts_clients_stop() stops each task */
};

struct ts_clients *ts_clients_new(const struct ts_clients_options *options) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_clients_free(struct ts_clients *clients); /* wipes their tokens; NULL is fine */
TS_DEFINE_CLEANUP(struct ts_clients, ts_clients_free)

/* Sets the transport of all clients; no request may be in flight. Borrowed until the next call. */
void ts_clients_use(struct ts_clients *clients, struct ts_transport *transport);
void ts_clients_use_scheduler(struct ts_clients *clients, struct ts_scheduler *scheduler);

/* Call when the turn of an organization begins: clears the reasons for which the clients of its task had
 * stopped. */
void ts_clients_begin(struct ts_clients *clients, const struct ts_settings_organization *task);

/* They send nothing more after the requests in flight, until ts_clients_renew(). Without options.stop. */
void ts_clients_stop(struct ts_clients *clients, const struct ts_settings_organization *task);

struct ts_client *ts_clients_get(struct ts_clients *clients,
                                 const struct ts_settings_organization *organization) TS_MUST_CHECK
                __attribute__((returns_nonnull));

/* That of @partner for the task of another organization. */
struct ts_client *ts_clients_partner(struct ts_clients *clients, const struct ts_settings_organization *task,
                                     const struct ts_settings_organization *partner) TS_MUST_CHECK
                __attribute__((returns_nonnull));

/* Signals that the next cycle is waiting: clients whose requests keep failing then give up
 * (genesys/client.h). Only without options.stop. */
void ts_clients_set_next_cycle_pending(struct ts_clients *clients,
                                       const struct ts_settings_organization *task);
void ts_clients_renew(struct ts_clients *clients, const struct ts_settings_organization *task,
                      bool is_best_effort);

/* Work of several organizations, for 0 .. n-1, side by side (genesys/scheduler.h). Only when nothing else is
 * under way. */
void ts_clients_run(struct ts_clients *clients, size_t n, void (*body)(size_t i, void *userdata),
                    void *userdata);

/* Calls in flight of each task: `http.concurrency`, and no more than an even part of TS_CONNECTIONS_MAX among
 * the organizations that are worked with side by side. */
unsigned ts_clients_concurrency(const struct ts_settings *settings) TS_MUST_CHECK;

/* Of those of a task, since they were made. */
struct ts_client_statistics ts_clients_statistics(const struct ts_clients *clients,
                                                  const struct ts_settings_organization *task) TS_MUST_CHECK;

#endif
