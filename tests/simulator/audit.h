/*
 * audit - what the platform remembers of who did what
 *
 * Every change of a trust becomes an event, whoever made it; the newest are kept. They are asked for by
 * audits/query. What trustees' users did in an organization is not seen here: the fixture tells it ("acts").
 */
#ifndef TS_SIMULATOR_AUDIT_H
#define TS_SIMULATOR_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "world.h"

struct ts_simulator;

struct ts_sim_event {
        struct ts_id id;
        int64_t time;
        const struct ts_world_org *org; /* in whose audit it stands */
        const struct ts_world_client *client;
        const struct ts_world_party *user; /* neither of them: by a hand that nobody knows */
        const char *action, *entity_type;
        struct ts_id entity;
        const char *entity_name; /* NULL: it has none */
        char *changes;           /* a JSON array; owned */
};

struct ts_sim_audit_query {
        struct ts_id id;
        const struct ts_world_org *org;
        char *request; /* as JSON; owned */
        int64_t started;
        int64_t polls; /* until it has succeeded */
};

struct ts_sim_audit {
        struct ts_sim_event *events;
        struct ts_sim_audit_query *queries;
        size_t n_events, n_queries;
        size_t a_events, a_queries;
};

void ts_sim_audit_reset(struct ts_sim_audit *a);
void ts_sim_audit_done(struct ts_sim_audit *a);

/* One commit; who made it stands in the simulator. */
void ts_sim_audit_commit(struct ts_simulator *sim, const struct ts_world_org *org,
                         const struct ts_world_trust *before, const struct ts_world_trust *after);

#endif
