/*
 * routes - the table of what is served: method, path, query parameters, permission, handler
 */
#ifndef TS_SIMULATOR_ROUTES_H
#define TS_SIMULATOR_ROUTES_H

#include "internal.h"

enum {
        TS_SIM_WRITES = 1 << 0,
        TS_SIM_HAS_BODY = 1 << 1,   /* of JSON, and required */
        TS_SIM_AS_TRUSTEE = 1 << 2, /* the organization of the path is the trustor */
        TS_SIM_IN_TRUSTOR = 1 << 3, /* the permission is looked for in the trustor as well */
};

struct ts_sim_route {
        const char *method;
        const char *path;       /* "{}" stands for an id */
        const char *query;      /* "name:type ..."; type int, bool or text; "*" behind it: may be repeated */
        const char *permission; /* NULL: none; "a|b" any of them, "a&b" all */
        unsigned flags;
        enum ts_world_kind kind; /* of the members, people or groups that it is about */
        void (*handle)(struct ts_sim_call *c);
};

/* Finds the route of c->req->method and c->path, and the ids in it. False: answered already (404, 405, bad
 * id). */
bool ts_sim_route_find(struct ts_sim_call *c);

/* The query is as the specification has it. False: answered already. */
bool ts_sim_route_check_query(struct ts_sim_call *c);

#endif
