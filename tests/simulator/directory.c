#include "handlers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "answers.h"
#include "paging.h"
#include "routes.h"
#include "schema.h"
#include "token.h"

#define DIRECTORY_CRITERIA_MAX 25u
#define DIRECTORY_VALUES_MAX 100u
#define DIRECTORY_PAGE_MAX 100

void ts_sim_get_organization(struct ts_sim_call *c)
{
        struct ts_json_writer *w = ts_sim_ok(c);

        ts_json_open_object(w);
        ts_json_add_id(w, "id", &c->org->id);
        ts_json_add_string(w, "name", c->org->name);
        ts_json_add_string(w, "defaultLanguage", "en-us");
        ts_json_add_string(w, "defaultCountryCode", "DE");
        ts_json_add_string(w, "thirdPartyOrgName", c->org->name);
        ts_json_add_string(w, "domain", "example.invalid");
        ts_json_add_int(w, "version", 12);
        ts_json_add_string(w, "state", "active");
        ts_json_add_bool(w, "voicemailEnabled", false);
        ts_json_add_string(w, "productPlatform", "GenesysCloud");
        ts_json_key(w, "features");
        ts_json_open_object(w);
        ts_json_add_bool(w, "directory", true);
        ts_json_close_object(w);
        ts_json_add_string(w, "selfUri", "/api/v2/organizations/me");
        ts_json_close_object(w);
}

/* The specification has it; nobody of ours has any business with it. */
void ts_sim_update_organization(struct ts_sim_call *c)
{
        ts_sim_violation(c->sim, "the organization itself was to be changed");
        ts_sim_fail(c, 403, "not.authorized", "Organizations are not changed here.");
}

/* ---------------------------------------------------------------------------------------------- everybody */

struct directory_pick {
        const struct ts_world_party **items;
        size_t n;
};

static bool directory_is_requested(const struct ts_sim_call *c, const struct ts_world_party *p)
{
        const char *state = ts_sim_param(c, "state");
        bool by_id = false, found = false;
        struct ts_id id;

        for (size_t i = 0; i < c->n_params; i++) {
                if (strcmp(c->params[i].name, "id") != 0)
                        continue;
                by_id = true;
                found = found || (ts_id_parse_string(c->params[i].value, &id) && ts_id_equal(&id, &p->id));
        }
        if (by_id && !found)
                return false;
        if (p->kind == TS_WORLD_GROUP)
                return p->state != TS_WORLD_DELETED;
        return state && strcmp(state, "any") == 0
                               ? true
                               : strcmp(state ? state : "active", ts_world_state_to_string(p->state)) == 0;
}

static void directory_emit(struct ts_sim_call *c, size_t i, const struct ts_id *fake_id, const void *userdata)
{
        const struct directory_pick *pick = userdata;

        ts_json_open_object(&c->w);
        ts_sim_put_party(&c->w, pick->items[i], fake_id);
        ts_json_close_object(&c->w);
}

void ts_sim_list_directory(struct ts_sim_call *c)
{
        const struct ts_world_directory *d = &c->org->directory[c->route->kind];
        struct directory_pick pick = { .items = TS_ARENA_ARRAY(&c->arena, const struct ts_world_party *,
                                                               d->n) };

        for (size_t i = 0; i < d->n; i++)
                if (directory_is_requested(c, d->items[i]))
                        pick.items[pick.n++] = d->items[i];
        ts_sim_list(c, pick.n, directory_emit, &pick);
}

void ts_sim_list_group_members(struct ts_sim_call *c)
{
        const struct ts_world_party *group = ts_world_find_party(c->sim->world, TS_WORLD_GROUP, &c->ids[0]);
        struct directory_pick pick = { 0 };

        if (!group || group->home != c->org) {
                ts_sim_fail(c, 404, "not.found", "The group was not found.");
                return;
        }
        pick.items = TS_ARENA_ARRAY(&c->arena, const struct ts_world_party *, group->n_people);
        for (size_t i = 0; i < group->n_people; i++)
                pick.items[pick.n++] = group->people[i];
        ts_sim_list(c, pick.n, directory_emit, &pick);
}

/* --------------------------------------------------------------------------------------------- the search */

static const char *directory_field(const struct ts_world_party *u, const char *field, struct ts_id_text *id)
{
        if (strcmp(field, "email") == 0 || strcmp(field, "username") == 0)
                return u->email;
        if (strcmp(field, "name") == 0)
                return u->name;
        if (strcmp(field, "state") == 0)
                return ts_world_state_to_string(u->state);
        *id = ts_id_format(&u->id);
        return id->s;
}

static bool directory_compare(const char *type, const char *text, const char *value)
{
        if (!text)
                return false;
        if (strcmp(type, "STARTS_WITH") == 0)
                return strncasecmp(text, value, strlen(value)) == 0;
        if (strcmp(type, "CONTAINS") == 0)
                return strcasestr(text, value);
        return strcasecmp(text, value) == 0; /* EXACT, TERM, TERMS: the index folds case */
}

static bool directory_has_value(const struct ts_json *criterion, const char *text)
{
        const char *type = ts_json_get_string(criterion, "type"),
                   *value = ts_json_get_string(criterion, "value");
        const struct ts_json *values = ts_json_get_array(criterion, "values");

        if (value && directory_compare(type, text, value))
                return true;
        for (const struct ts_json *v = values ? values->first : NULL; v; v = v->next)
                if (directory_compare(type, text, v->string))
                        return true;
        return false;
}

static bool directory_matches(const struct ts_json *query, const struct ts_world_party *u);

static bool directory_criterion(const struct ts_json *criterion, const struct ts_world_party *u)
{
        const struct ts_json *group = ts_json_get_array(criterion, "group");
        const struct ts_json *fields = ts_json_get_array(criterion, "fields");
        struct ts_id_text id;

        if (group && group->n > 0)
                return directory_matches(group, u);
        if (strcmp(ts_json_get_string(criterion, "type"), "MATCH_ALL") == 0)
                return true;
        for (const struct ts_json *f = fields ? fields->first : NULL; f; f = f->next)
                if (directory_has_value(criterion, directory_field(u, f->string, &id)))
                        return true;
        return false;
}

/* All of AND (the preset), none of NOT, and one of OR when there is an OR. */
static bool directory_matches(const struct ts_json *query, const struct ts_world_party *u)
{
        bool has_or = false, or_met = false;

        TS_JSON_FOREACH (criterion, query) {
                const char *op = ts_json_get_string(criterion, "operator");
                bool met = directory_criterion(criterion, u);

                if (op && strcmp(op, "OR") == 0) {
                        has_or = true;
                        or_met = or_met || met;
                } else if (met == (op && strcmp(op, "NOT") == 0)) {
                        return false;
                }
        }
        return or_met || !has_or;
}

/* ---------------------------------------------------------------------------------------- what it accepts */

static bool directory_check_query(struct ts_sim_call *c, const struct ts_json *query, unsigned depth);

/* Of those that the specification lists, the ones that are understood here. */
static bool directory_check_criterion(struct ts_sim_call *c, const struct ts_json *v, unsigned depth)
{
        static const struct ts_sim_field fields[] = {
                { "endValue", TS_JSON_STRING, false },   { "values", TS_JSON_ARRAY, false },
                { "startValue", TS_JSON_STRING, false }, { "value", TS_JSON_STRING, false },
                { "operator", TS_JSON_STRING, false },   { "group", TS_JSON_ARRAY, false },
                { "dateFormat", TS_JSON_STRING, false }, { "fields", TS_JSON_ARRAY, false },
                { "type", TS_JSON_STRING, true },
        };
        const struct ts_json *values, *names, *group;

        if (!ts_sim_check_object(c, v, "search criteria", fields, TS_N_ELEMENTS(fields)) ||
            !ts_sim_one_of(c, v, "operator", "AND OR NOT") ||
            !ts_sim_one_of(c, v, "type", "EXACT STARTS_WITH CONTAINS TERM TERMS MATCH_ALL"))
                return false;
        values = ts_json_get(v, "values");
        names = ts_json_get(v, "fields");
        group = ts_json_get(v, "group");
        if ((values && !ts_sim_check_strings(c, values, "values")) ||
            (names && !ts_sim_check_strings(c, names, "fields")))
                return false;
        if (values && values->n > DIRECTORY_VALUES_MAX) {
                ts_sim_invalid(c, 400, "search.criteria.values.exceed.limit", "At most %u values.",
                               DIRECTORY_VALUES_MAX);
                return false;
        }
        return !group || directory_check_query(c, group, depth + 1);
}

static bool directory_check_query(struct ts_sim_call *c, const struct ts_json *query, unsigned depth)
{
        if (query->n > DIRECTORY_CRITERIA_MAX || depth > 2) {
                ts_sim_invalid(c, 400, "too.many.search.criteria", "At most %u criteria.",
                               DIRECTORY_CRITERIA_MAX);
                return false;
        }
        TS_JSON_FOREACH (criterion, query)
                if (!directory_check_criterion(c, criterion, depth))
                        return false;
        return true;
}

static bool directory_check_request(struct ts_sim_call *c, const struct ts_json *request)
{
        static const struct ts_sim_field fields[] = {
                { "sortOrder", TS_JSON_STRING, false },
                { "sortBy", TS_JSON_STRING, false },
                { "pageSize", TS_JSON_INT, false },
                { "pageNumber", TS_JSON_INT, false },
                { "sort", TS_JSON_ARRAY, false },
                { "query", TS_JSON_ARRAY, false },
                /* of users only */
                { "expand", TS_JSON_ARRAY, false },
                { "integrationPresenceSource", TS_JSON_STRING, false },
                { "enforcePermissions", TS_JSON_BOOL, false },
        };
        bool groups = c->route->kind == TS_WORLD_GROUP;
        const struct ts_json *query;

        if (!ts_sim_check_object(c, request, groups ? "GroupSearchRequest" : "UserSearchRequest", fields,
                                 groups ? TS_N_ELEMENTS(fields) - 3 : TS_N_ELEMENTS(fields)) ||
            !ts_sim_one_of(c, request, "sortOrder", "ASC DESC SCORE"))
                return false;
        query = ts_json_get(request, "query");
        return !query || directory_check_query(c, query, 0);
}

/* --------------------------------------------------------------------------------------------- its answer */

struct directory_page {
        int64_t size, number, total;
};

static bool directory_read_page(struct ts_sim_call *c, const struct ts_json *request,
                                struct directory_page *p)
{
        *p = (struct directory_page){ .size = 25, .number = 1 };
        (void) ts_json_get_int(request, "pageSize", &p->size);
        (void) ts_json_get_int(request, "pageNumber", &p->number);
        if (p->size < 1 || p->number < 1) {
                ts_sim_invalid(c, 400, "invalid.value", "pageSize and pageNumber are at least 1.");
                return false;
        }
        if (p->size > DIRECTORY_PAGE_MAX)
                p->size = DIRECTORY_PAGE_MAX;
        return true;
}

static void directory_put_results(struct ts_sim_call *c, const struct ts_json *request,
                                  struct directory_page *p)
{
        const struct ts_world_directory *d = &c->org->directory[c->route->kind];
        const struct ts_json *query = ts_json_get_array(request, "query");

        ts_json_key(&c->w, "results");
        ts_json_open_array(&c->w);
        for (size_t i = 0; i < d->n; i++) {
                if (d->items[i]->state == TS_WORLD_DELETED ||
                    (query && !directory_matches(query, d->items[i])))
                        continue;
                if (p->total / p->size == p->number - 1) {
                        ts_json_open_object(&c->w);
                        ts_sim_put_party(&c->w, d->items[i], NULL);
                        ts_json_close_object(&c->w);
                }
                p->total++;
        }
        ts_json_close_array(&c->w);
}

static void directory_search(struct ts_sim_call *c, const struct ts_json *request)
{
        struct directory_page p;
        struct ts_json_writer *w;

        if (!directory_check_request(c, request) || !directory_read_page(c, request, &p))
                return;
        w = ts_sim_ok(c);
        ts_json_open_object(w);
        directory_put_results(c, request, &p);
        if (p.total == 0 && c->sim->limits.search_empty_status == 404) {
                ts_sim_fail(c, 404, "resource.not.found", "Nothing was found.");
                return;
        }
        ts_json_add_int(w, "total", p.total);
        ts_json_add_int(w, "pageCount", (p.total + p.size - 1) / p.size);
        ts_json_add_int(w, "pageSize", p.size);
        ts_json_add_int(w, "pageNumber", p.number);
        ts_json_key(w, "types");
        ts_json_open_array(w);
        ts_json_put_string(w, c->route->kind == TS_WORLD_GROUP ? "groups" : "users");
        ts_json_close_array(w);
        ts_json_close_object(w);
}

void ts_sim_search_directory(struct ts_sim_call *c)
{
        directory_search(c, c->body);
}

/* The request in base64, as the links of an answer have it. */
void ts_sim_repeat_search(struct ts_sim_call *c)
{
        const char *encoded = ts_sim_param(c, "q64"), *text;
        const struct ts_json *request;
        struct ts_err err = { 0 };

        if (!encoded) {
                ts_sim_invalid(c, 400, "constraint.validation", "'q64' is required.");
                return;
        }
        text = ts_sim_base64_decode(&c->arena, encoded);
        if (ts_json_parse(text, strlen(text), &c->arena, &request, &err) < 0)
                ts_sim_invalid(c, 400, "invalid.value", "q64 could not be understood: %s", err.msg);
        else
                directory_search(c, request);
}
