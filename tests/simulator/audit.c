#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "handlers.h"
#include "paging.h"
#include "schema.h"
#include "util/mem.h"

#define AUDIT_EVENTS_MAX 65536u
#define AUDIT_QUERY_MAX_SEC (30 * 86400)
#define AUDIT_PAGE_MAX 500
#define AUDIT_SERVICE "PeoplePermissions"
#define AUDIT_TRUST "OrganizationAuthorizationTrust"
#define AUDIT_MEMBER "OrganizationAuthorizationUserTrust"

/* For requests, and for what is done in the admin screen. */
#define AUDIT_CLIENT_ADDRESS "203.0.113.10"
#define AUDIT_ADMIN_ADDRESS "198.51.100.7"

static void audit_forget(struct ts_sim_audit *a, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(a->events[i].changes);
        a->n_events -= n;
        if (a->n_events > 0)
                memmove(a->events, a->events + n, a->n_events * sizeof(*a->events));
}

void ts_sim_audit_reset(struct ts_sim_audit *a)
{
        audit_forget(a, a->n_events);
        for (size_t i = 0; i < a->n_queries; i++)
                free(a->queries[i].request);
        a->n_queries = 0;
}

void ts_sim_audit_done(struct ts_sim_audit *a)
{
        ts_sim_audit_reset(a);
        free(a->events);
        free(a->queries);
}

/* --------------------------------------------------------------------------------------- what is recorded */

/* A change in progress, and what is said of its properties. */
struct recording {
        struct ts_simulator *sim;
        const struct ts_world_org *org;
        struct ts_buf changes;
        struct ts_json_writer w;
};

static void recording_begin(struct recording *r)
{
        ts_buf_reset(&r->changes);
        r->w = (struct ts_json_writer) TS_JSON_WRITER_INIT(&r->changes, false);
        ts_json_open_array(&r->w);
}

static void recording_end(struct recording *r, const char *action, const char *entity_type,
                          const struct ts_id *entity, const char *entity_name)
{
        struct ts_sim_audit *a = &r->sim->audit;
        char key[48];

        ts_json_close_array(&r->w);
        if (a->n_events >= AUDIT_EVENTS_MAX)
                audit_forget(a, AUDIT_EVENTS_MAX / 2);
        (void) snprintf(key, sizeof(key), "%zu", a->n_events);
        TS_GROW(a->events, a->a_events, a->n_events);
        a->events[a->n_events++] = (struct ts_sim_event){
                .id = ts_world_derive_id("event", ts_id_format(entity).s, key),
                .time = ts_sim_realtime(r->sim),
                .org = r->org,
                .client = r->sim->writer_client,
                .user = r->sim->editor,
                .action = action,
                .entity_type = entity_type,
                .entity = *entity,
                .entity_name = entity_name,
                .changes = ts_strdup(ts_buf_text(&r->changes)),
        };
}

static void recording_put_values(struct recording *r, const char *key, const char *value)
{
        ts_json_key(&r->w, key);
        ts_json_open_array(&r->w);
        if (value)
                ts_json_put_string(&r->w, value);
        ts_json_close_array(&r->w);
}

static void recording_add(struct recording *r, const char *property, const char *old, const char *new)
{
        ts_json_open_object(&r->w);
        ts_json_add_string(&r->w, "property", property);
        recording_put_values(r, "oldValues", old);
        recording_put_values(r, "newValues", new);
        ts_json_close_object(&r->w);
}

static const char *audit_bool(bool b)
{
        return b ? "true" : "false";
}

static void audit_record_trust(struct recording *r, const struct ts_world_trust *before,
                               const struct ts_world_trust *after)
{
        const struct ts_world_org *trustee = before ? before->trustee : after->trustee;
        const char *action = !before ? "Create" : !after ? "Delete" : "Update";

        recording_begin(r);
        if (before && after) {
                if (before->enabled == after->enabled && before->expires == after->expires)
                        return;
                if (before->enabled != after->enabled)
                        recording_add(r, "enabled", audit_bool(before->enabled), audit_bool(after->enabled));
                if (before->expires != after->expires)
                        recording_add(r, "dateExpired",
                                      before->expires == TS_TIME_NEVER
                                                      ? NULL
                                                      : ts_time_format_api(before->expires).s,
                                      after->expires == TS_TIME_NEVER ? NULL
                                                                      : ts_time_format_api(after->expires).s);
        }
        recording_end(r, action, AUDIT_TRUST, &trustee->id, trustee->name);
}

static void audit_record_grants(struct recording *r, const struct ts_world_grants *old,
                                const struct ts_world_grants *new)
{
        const struct ts_world_org *org = r->org;

        for (size_t i = 0; i < new->n; i++)
                if (!ts_world_grants_have(old, new->items[i]))
                        recording_add(r, "role", NULL, org->roles[new->items[i].role].name);
        for (size_t i = 0; i < old->n; i++)
                if (!ts_world_grants_have(new, old->items[i]))
                        recording_add(r, "role", org->roles[old->items[i].role].name, NULL);
}

static bool audit_same_grants(const struct ts_world_grants *a, const struct ts_world_grants *b)
{
        return a->n == b->n && (a->n == 0 || memcmp(a->items, b->items, a->n * sizeof(*a->items)) == 0);
}

/* @before or @after NULL: the member came, or went. */
static void audit_record_member(struct recording *r, const struct ts_world_member *before,
                                const struct ts_world_member *after)
{
        static const struct ts_world_grants none = { 0 };
        const struct ts_world_party *party = before ? before->party : after->party;
        const struct ts_world_grants *old = before ? &before->grants : &none,
                                     *new = after ? &after->grants : &none;

        if (before && after && audit_same_grants(old, new))
                return;
        recording_begin(r);
        audit_record_grants(r, old, new);
        recording_end(r,
                      !before  ? "Create"
                      : !after ? "Delete"
                               : "Update",
                      AUDIT_MEMBER, &party->id, party->name);
}

static void audit_record_members(struct recording *r, enum ts_world_kind kind,
                                 const struct ts_world_trust *before, const struct ts_world_trust *after)
{
        for (size_t i = 0; i < after->members[kind].n; i++) {
                const struct ts_world_member *m = &after->members[kind].items[i];

                audit_record_member(r, before ? ts_world_find_member(before, kind, &m->party->id) : NULL, m);
        }
        for (size_t i = 0; before && i < before->members[kind].n; i++) {
                const struct ts_world_member *m = &before->members[kind].items[i];

                if (!ts_world_find_member(after, kind, &m->party->id))
                        audit_record_member(r, m, NULL);
        }
}

void ts_sim_audit_commit(struct ts_simulator *sim, const struct ts_world_org *org,
                         const struct ts_world_trust *before, const struct ts_world_trust *after)
{
        struct recording r = { .sim = sim, .org = org, .changes = TS_BUF_INIT(TS_SIM_BODY_MAX_BYTES) };

        if (before || after)
                audit_record_trust(&r, before, after);
        if (after) {
                audit_record_members(&r, TS_WORLD_USER, before, after);
                audit_record_members(&r, TS_WORLD_GROUP, before, after);
        }
        ts_buf_done(&r.changes);
}

/* ---------------------------------------------------------------------------------------------- questions */

/* "<from>/<to>". False: answered already. */
static bool audit_read_interval(struct ts_sim_call *c, const struct ts_json *request, int64_t *from,
                                int64_t *to)
{
        const char *text = ts_json_get_string(request, "interval");
        const char *slash = strchr(text, '/');

        if (!slash || ts_time_parse(text, (size_t) (slash - text), from) < 0 ||
            ts_time_parse(slash + 1, strlen(slash + 1), to) < 0 || *from >= *to)
                ts_sim_invalid(c, 400, "invalid.date", "'%s' is not an interval.", text);
        else if (*to - *from > AUDIT_QUERY_MAX_SEC)
                ts_sim_invalid(c, 400, "constraint.validation", "An interval has at most 30 days.");
        else
                return true;
        return false;
}

static const struct ts_json *audit_find_filter(const struct ts_json *filters, const char *property)
{
        for (const struct ts_json *f = filters ? filters->first : NULL; f; f = f->next)
                if (strcmp(ts_json_get_string(f, "property"), property) == 0)
                        return f;
        return NULL;
}

static bool audit_check_filter(struct ts_sim_call *c, const struct ts_json *filter)
{
        static const struct ts_sim_field fields[] = { { "property", TS_JSON_STRING, true },
                                                      { "value", TS_JSON_STRING, true } };

        return ts_sim_check_object(c, filter, "AuditQueryFilter", fields, TS_N_ELEMENTS(fields)) &&
               ts_sim_one_of(c, filter, "property",
                             "UserId TrusteeOrganizationId ClientId Action EntityType EntityId");
}

static bool audit_check_sort(struct ts_sim_call *c, const struct ts_json *sort)
{
        static const struct ts_sim_field fields[] = { { "name", TS_JSON_STRING, true },
                                                      { "sortOrder", TS_JSON_STRING, true } };

        return ts_sim_check_object(c, sort, "AuditQuerySort", fields, TS_N_ELEMENTS(fields)) &&
               ts_sim_one_of(c, sort, "name", "Timestamp") &&
               ts_sim_one_of(c, sort, "sortOrder", "ascending descending");
}

static bool audit_check_query(struct ts_sim_call *c)
{
        static const struct ts_sim_field fields[] = {
                { "interval", TS_JSON_STRING, true },
                { "serviceName", TS_JSON_STRING, false },
                { "filters", TS_JSON_ARRAY, false },
                { "sort", TS_JSON_ARRAY, false },
        };
        const struct ts_json *filters, *sort;
        int64_t from, to;

        if (!ts_sim_check_object(c, c->body, "AuditQueryRequest", fields, TS_N_ELEMENTS(fields)) ||
            !audit_read_interval(c, c->body, &from, &to))
                return false;
        filters = ts_json_get_array(c->body, "filters");
        sort = ts_json_get_array(c->body, "sort");
        for (const struct ts_json *f = filters ? filters->first : NULL; f; f = f->next)
                if (!audit_check_filter(c, f))
                        return false;
        for (const struct ts_json *s = sort ? sort->first : NULL; s; s = s->next)
                if (!audit_check_sort(c, s))
                        return false;
        if ((audit_find_filter(filters, "Action") || audit_find_filter(filters, "EntityId")) &&
            !audit_find_filter(filters, "EntityType")) {
                ts_sim_invalid(c, 400, "constraint.validation", "Action and EntityId need EntityType.");
                return false;
        }
        return true;
}

static void audit_put_query(struct ts_sim_call *c, const struct ts_sim_audit_query *q, const char *state)
{
        struct ts_json_writer *w = ts_sim_ok(c);
        const struct ts_json *request;
        struct ts_err err = { 0 };

        ts_json_open_object(w);
        ts_json_add_id(w, "id", &q->id);
        ts_json_add_string(w, "state", state);
        ts_sim_put_time(w, "startDate", q->started);
        if (ts_json_parse(q->request, strlen(q->request), &c->arena, &request, &err) >= 0)
                TS_JSON_FOREACH (v, request) {
                        ts_json_key(w, v->key);
                        ts_sim_put_json(w, v);
                }
        ts_json_close_object(w);
        if (strcmp(state, "Succeeded") != 0)
                c->resp->status = 202;
}

void ts_sim_create_audit_query(struct ts_sim_call *c)
{
        struct ts_sim_audit *a = &c->sim->audit;
        TS_CLEANUP(ts_buf_done) struct ts_buf request = TS_BUF_INIT(TS_SIM_BODY_MAX_BYTES);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&request, false);
        struct ts_sim_audit_query *q;

        if (!audit_check_query(c))
                return;
        ts_sim_put_json(&w, c->body);
        TS_GROW(a->queries, a->a_queries, a->n_queries);
        q = &a->queries[a->n_queries++];
        *q = (struct ts_sim_audit_query){
                .id = ts_sim_random_id(c->sim),
                .org = c->org,
                .request = ts_strdup(ts_buf_text(&request)),
                .started = ts_sim_realtime(c->sim),
                .polls = c->sim->limits.audit_polls,
        };
        audit_put_query(c, q, "Queued");
}

static struct ts_sim_audit_query *audit_find_query(struct ts_sim_call *c)
{
        struct ts_sim_audit *a = &c->sim->audit;

        for (size_t i = 0; i < a->n_queries; i++)
                if (a->queries[i].org == c->org && ts_id_equal(&a->queries[i].id, &c->ids[0]))
                        return &a->queries[i];
        ts_sim_fail(c, 404, "not.found", "The audit query was not found.");
        return NULL;
}

void ts_sim_get_audit_query(struct ts_sim_call *c)
{
        struct ts_sim_audit_query *q = audit_find_query(c);

        if (!q)
                return;
        audit_put_query(c, q, q->polls > 0 ? "Running" : "Succeeded");
        if (q->polls > 0)
                q->polls--;
}

/* ------------------------------------------------------------------------------------------------ answers */

static const struct ts_world_org *event_home(const struct ts_sim_event *e)
{
        return e->user ? e->user->home : e->client ? e->client->org : NULL;
}

static bool event_has(const struct ts_sim_event *e, const char *property, const char *value)
{
        const struct ts_world_org *home = event_home(e);
        struct ts_id id;
        bool is_id = ts_id_parse_string(value, &id);

        if (strcmp(property, "Action") == 0)
                return strcmp(value, e->action) == 0;
        if (strcmp(property, "EntityType") == 0)
                return strcmp(value, e->entity_type) == 0;
        if (strcmp(property, "ClientId") == 0)
                return e->client && strcmp(value, e->client->id) == 0;
        if (strcmp(property, "EntityId") == 0)
                return is_id && ts_id_equal(&id, &e->entity);
        if (strcmp(property, "UserId") == 0)
                return is_id && e->user && ts_id_equal(&id, &e->user->id);
        return is_id && home && home != e->org && ts_id_equal(&id, &home->id); /* TrusteeOrganizationId */
}

static bool audit_matches(const struct ts_sim_audit_query *q, const struct ts_json *request, int64_t from,
                          int64_t to, const struct ts_sim_event *e)
{
        const char *service = ts_json_get_string(request, "serviceName");
        const struct ts_json *filters = ts_json_get_array(request, "filters");

        if (e->org != q->org || e->time < from || e->time >= to ||
            (service && strcmp(service, AUDIT_SERVICE) != 0))
                return false;
        for (const struct ts_json *f = filters ? filters->first : NULL; f; f = f->next)
                if (!event_has(e, ts_json_get_string(f, "property"), ts_json_get_string(f, "value")))
                        return false;
        return true;
}

static void audit_put_ref(struct ts_json_writer *w, const char *key, const char *id, const char *name)
{
        ts_json_key(w, key);
        ts_json_open_object(w);
        ts_json_add_string(w, "id", id);
        if (name)
                ts_json_add_string(w, "name", name);
        ts_json_close_object(w);
}

static void audit_put_changes(struct ts_sim_call *c, const struct ts_sim_event *e)
{
        const struct ts_json *changes;
        struct ts_err err = { 0 };

        ts_json_key(&c->w, "propertyChanges");
        if (ts_json_parse(e->changes, strlen(e->changes), &c->arena, &changes, &err) >= 0)
                ts_sim_put_json(&c->w, changes);
        else
                ts_json_put_null(&c->w);
}

/* As AuditLogMessage. */
static void audit_put_event(struct ts_sim_call *c, const struct ts_sim_event *e)
{
        const struct ts_world_org *home = event_home(e);
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        ts_json_add_id(w, "id", &e->id);
        if (home)
                ts_json_add_id(w, "userHomeOrgId", &home->id);
        if (e->user)
                audit_put_ref(w, "user", ts_id_format(&e->user->id).s, ts_world_name(e->user));
        if (e->client)
                audit_put_ref(w, "client", e->client->id, NULL);
        ts_json_key(w, "remoteIp");
        ts_json_open_array(w);
        ts_json_put_string(w, e->client ? AUDIT_CLIENT_ADDRESS : AUDIT_ADMIN_ADDRESS);
        ts_json_close_array(w);
        ts_json_add_string(w, "serviceName", AUDIT_SERVICE);
        ts_json_add_string(w, "level", "USER");
        ts_sim_put_time(w, "eventDate", e->time);
        ts_json_add_string(w, "action", e->action);
        audit_put_ref(w, "entity", ts_id_format(&e->entity).s, e->entity_name);
        ts_json_add_string(w, "entityType", e->entity_type);
        ts_json_add_string(w, "status", "SUCCESS");
        audit_put_changes(c, e);
        ts_json_close_object(w);
}

static bool audit_is_descending(const struct ts_json *request)
{
        const struct ts_json *sort = ts_json_get_array(request, "sort");
        const char *order = sort && sort->first ? ts_json_get_string(sort->first, "sortOrder") : NULL;

        return order && strcmp(order, "descending") == 0;
}

/* The cursor counts what was answered before. */
static void audit_put_results(struct ts_sim_call *c, const struct ts_sim_audit_query *q,
                              const struct ts_sim_event *const *found, size_t n)
{
        const char *size_text = ts_sim_param(c, "pageSize"), *cursor = ts_sim_param(c, "cursor");
        size_t size = size_text ? strtoul(size_text, NULL, 10) : 25;
        size_t first = cursor ? strtoul(cursor, NULL, 10) : 0;
        struct ts_json_writer *w = ts_sim_ok(c);
        char next[32];

        if (size > AUDIT_PAGE_MAX)
                size = AUDIT_PAGE_MAX;
        ts_json_open_object(w);
        ts_json_add_id(w, "id", &q->id);
        ts_json_add_int(w, "pageSize", (int64_t) size);
        if (first < n && n - first > size) {
                (void) snprintf(next, sizeof(next), "%zu", first + size);
                ts_json_add_string(w, "cursor", next);
        }
        ts_json_key(w, "entities");
        ts_json_open_array(w);
        for (size_t i = first; i < n && i - first < size; i++)
                audit_put_event(c, found[i]);
        ts_json_close_array(w);
        ts_json_close_object(w);
}

void ts_sim_get_audit_results(struct ts_sim_call *c)
{
        const struct ts_sim_audit *a = &c->sim->audit;
        const struct ts_sim_audit_query *q = audit_find_query(c);
        const struct ts_sim_event **found;
        const struct ts_json *request;
        struct ts_err err = { 0 };
        int64_t from, to;
        size_t n = 0;

        if (!q)
                return;
        if (q->polls > 0) {
                ts_sim_fail(c, 404, "not.found", "The audit query has no results yet.");
                return;
        }
        if (ts_json_parse(q->request, strlen(q->request), &c->arena, &request, &err) < 0 ||
            !audit_read_interval(c, request, &from, &to)) /* it was read before */
                return;
        found = TS_ARENA_ARRAY(&c->arena, const struct ts_sim_event *, a->n_events);
        for (size_t i = 0; i < a->n_events; i++) {
                const struct ts_sim_event *e =
                                &a->events[audit_is_descending(request) ? a->n_events - 1 - i : i];

                if (audit_matches(q, request, from, to, e))
                        found[n++] = e;
        }
        audit_put_results(c, q, found, n);
}

void ts_sim_get_audit_services(struct ts_sim_call *c)
{
        static const char *const entities[] = { AUDIT_TRUST, AUDIT_MEMBER };
        static const char *const actions[] = { "Create", "Update", "Delete" };
        struct ts_json_writer *w = ts_sim_ok(c);

        ts_json_open_object(w);
        ts_json_key(w, "services");
        ts_json_open_array(w);
        ts_json_open_object(w);
        ts_json_add_string(w, "name", AUDIT_SERVICE);
        ts_json_key(w, "entities");
        ts_json_open_array(w);
        for (size_t i = 0; i < TS_N_ELEMENTS(entities); i++) {
                ts_json_open_object(w);
                ts_json_add_string(w, "name", entities[i]);
                ts_json_key(w, "actions");
                ts_json_open_array(w);
                for (size_t k = 0; k < TS_N_ELEMENTS(actions); k++)
                        ts_json_put_string(w, actions[k]);
                ts_json_close_array(w);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
        ts_json_close_object(w);
        ts_json_close_array(w);
        ts_json_close_object(w);
}

/* ------------------------------------------------------------------------------- what trustees' users did */

struct acts {
        const struct ts_world_act **items;
        size_t n;
};

/* Their shape is documented nowhere: this one is as good as any. */
static void audit_emit_act(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id, const void *userdata)
{
        const struct acts *acts = userdata;
        const struct ts_world_act *act = acts->items[i];
        struct ts_id id = ts_world_derive_id("act", act->action, ts_time_format(act->time).s);
        struct ts_json_writer *w = &c->w;

        ts_json_open_object(w);
        ts_json_add_id(w, "id", fake_id ? fake_id : &id);
        ts_sim_put_time(w, "timestamp", act->time);
        audit_put_ref(w, "user", ts_id_format(&act->user->id).s, act->user->email);
        ts_sim_put_organization(w, "organization", act->user->home, &act->user->home->id);
        ts_json_add_string(w, "action", act->action);
        ts_json_add_string(w, "entityType", act->entity);
        ts_json_close_object(w);
}

static bool audit_has_id(const struct ts_json *list, const struct ts_id *id)
{
        struct ts_id item;

        TS_JSON_FOREACH (v, list)
                if (ts_id_parse_string(v->string, &item) && ts_id_equal(&item, id))
                        return true;
        return false;
}

/* Left out: *ret stays. False: answered already. */
static bool audit_read_date(struct ts_sim_call *c, const char *key, int64_t *ret)
{
        const char *text = ts_json_get_string(c->body, key);

        if (!text || ts_time_parse(text, strlen(text), ret) >= 0)
                return true;
        ts_sim_invalid(c, 400, "invalid.date", "'%s' is not a date.", text);
        return false;
}

static bool audit_is_descending_call(const struct ts_sim_call *c)
{
        const char *order = ts_sim_param(c, "sortOrder");

        return !order || strcmp(order, "descending") == 0;
}

/* Acts in @org by people of one of @trustees, or of @trustee. */
static void audit_list_acts(struct ts_sim_call *c, const struct ts_world_org *org,
                            const struct ts_json *trustees, const struct ts_world_org *trustee)
{
        const struct ts_json *users = ts_json_get_array(c->body, "trusteeUserIds");
        struct acts acts = { .items = TS_ARENA_ARRAY(&c->arena, const struct ts_world_act *, org->n_acts) };
        int64_t from = INT64_MIN, to = INT64_MAX;

        if (!audit_read_date(c, "startDate", &from) || !audit_read_date(c, "endDate", &to))
                return;
        for (size_t i = 0; i < org->n_acts; i++) {
                const struct ts_world_act *act =
                                &org->acts[audit_is_descending_call(c) ? org->n_acts - 1 - i : i];

                if (act->time < from || act->time >= to ||
                    (trustee ? act->user->home != trustee : !audit_has_id(trustees, &act->user->home->id)) ||
                    (users->n > 0 && !audit_has_id(users, &act->user->id)))
                        continue;
                acts.items[acts.n++] = act;
        }
        ts_sim_list(c, acts.n, audit_emit_act, &acts);
}

#define AUDIT_FIELDS \
        { "trusteeUserIds", TS_JSON_ARRAY, true }, { "startDate", TS_JSON_STRING, false }, \
                        { "endDate", TS_JSON_STRING, false }, { "queryPhrase", TS_JSON_STRING, false }, \
                        { "facets", TS_JSON_ARRAY, false }, \
        { \
                "filters", TS_JSON_ARRAY, false \
        }

void ts_sim_audit_trustees(struct ts_sim_call *c)
{
        static const struct ts_sim_field fields[] = { { "trusteeOrganizationIds", TS_JSON_ARRAY, true },
                                                      AUDIT_FIELDS };

        if (ts_sim_check_object(c, c->body, "TrusteeAuditQueryRequest", fields, TS_N_ELEMENTS(fields)) &&
            ts_sim_check_strings(c, ts_json_get(c->body, "trusteeOrganizationIds"),
                                 "trusteeOrganizationIds") &&
            ts_sim_check_strings(c, ts_json_get(c->body, "trusteeUserIds"), "trusteeUserIds"))
                audit_list_acts(c, c->org, ts_json_get(c->body, "trusteeOrganizationIds"), NULL);
}

void ts_sim_audit_trustor(struct ts_sim_call *c)
{
        static const struct ts_sim_field fields[] = { { "trustorOrganizationId", TS_JSON_STRING, true },
                                                      AUDIT_FIELDS };
        const struct ts_world_org *trustor;
        struct ts_id id;

        if (!ts_sim_check_object(c, c->body, "TrustorAuditQueryRequest", fields, TS_N_ELEMENTS(fields)) ||
            !ts_sim_check_id(c, ts_json_get(c->body, "trustorOrganizationId"), "trustorOrganizationId",
                             &id) ||
            !ts_sim_check_strings(c, ts_json_get(c->body, "trusteeUserIds"), "trusteeUserIds"))
                return;
        trustor = ts_world_find_org(c->sim->world, &id);
        if (trustor && ts_world_find_trust(trustor, &c->org->id))
                audit_list_acts(c, trustor, NULL, c->org);
        else
                ts_sim_fail(c, 404, "not.found", "The trustor organization was not found.");
}
