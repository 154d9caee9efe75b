#include "routes.h"

#include <string.h>

#include "handlers.h"

#define PAGED "pageSize:int pageNumber:int"
#define LISTED PAGED " sortBy:text expand:text* nextPage:text previousPage:text"
#define READS 0u
#define WRITES TS_SIM_WRITES
#define BODY TS_SIM_HAS_BODY
#define TRUSTEES "/api/v2/orgauthorization/trustees"

/* Literal segments come before "{}" in their place. */
static const struct ts_sim_route routes[] = {
        { "GET", "/api/v2/organizations/me", "", NULL, READS, ts_sim_get_organization },
        { "POST", "/api/v2/users/search", "", "directory:user:view", READS | BODY, ts_sim_search_users },
        { "GET", "/api/v2/authorization/roles",
          LISTED " name:text permission:text* defaultRoleId:text* userCount:bool id:text*",
          "authorization:role:view", READS, ts_sim_list_roles },
        { "GET", "/api/v2/authorization/roles/{}/subjectgrants", LISTED, "authorization:role:view", READS,
          ts_sim_list_role_subjects },
        { "GET", "/api/v2/authorization/divisions", LISTED " objectCount:bool id:text* name:text", NULL,
          READS, ts_sim_list_divisions },
        { "GET", "/api/v2/authorization/divisions/home", "", NULL, READS, ts_sim_get_home_division },
        { "GET", "/api/v2/authorization/subjects/{}", "includeDuplicates:bool", "authorization:grant:view",
          READS, ts_sim_get_subject },
        { "GET", TRUSTEES, PAGED, "authorization:orgTrustee:view", READS, ts_sim_list_trustees },
        { "DELETE", TRUSTEES, "id:text*", "authorization:orgTrustee:delete", WRITES, ts_sim_delete_trustees },
        { "GET", TRUSTEES "/care", "", "authorization:orgTrustee:view|authorization:orgTrusteeUser:view",
          READS, ts_sim_list_care },
        { "GET", TRUSTEES "/default", "", "authorization:orgTrustee:view|authorization:orgTrusteeUser:view",
          READS, ts_sim_get_default_care },
        { "GET", TRUSTEES "/{}", "", "authorization:orgTrustee:view", READS, ts_sim_get_trustee },
        { "PUT", TRUSTEES "/{}", "", "authorization:orgTrustee:edit", WRITES | BODY, ts_sim_update_trustee },
        { "DELETE", TRUSTEES "/{}", "", "authorization:orgTrustee:delete", WRITES, ts_sim_delete_trustee },
        { "GET", TRUSTEES "/{}/users", PAGED, "authorization:orgTrusteeUser:view", READS,
          ts_sim_list_trustee_users },
        { "POST", TRUSTEES "/{}/users", "", "authorization:orgTrusteeUser:add", WRITES | BODY,
          ts_sim_add_trustee_user },
        { "GET", TRUSTEES "/{}/users/{}", "", "authorization:orgTrusteeUser:view", READS,
          ts_sim_get_trustee_user },
        { "DELETE", TRUSTEES "/{}/users/{}", "", "authorization:orgTrusteeUser:delete", WRITES,
          ts_sim_remove_trustee_user },
        { "GET", TRUSTEES "/{}/users/{}/roles", "", "authorization:orgTrusteeUser:view", READS,
          ts_sim_get_trustee_user_roles },
        { "PUT", TRUSTEES "/{}/users/{}/roles", "", "authorization:orgTrusteeUser:edit", WRITES | BODY,
          ts_sim_set_trustee_user_roles },
        { "DELETE", TRUSTEES "/{}/users/{}/roles", "", "authorization:orgTrusteeUser:delete", WRITES,
          ts_sim_clear_trustee_user_roles },
        { "PUT", TRUSTEES "/{}/users/{}/roledivisions", "", "authorization:orgTrusteeUser:edit",
          WRITES | BODY, ts_sim_set_trustee_user_grants },
};

/* -------------------------------------------------------------------------------------------------- paths */

struct routes_segment {
        const char *text;
        size_t len;
};

static bool routes_is_id_place(const char *pattern)
{
        return strncmp(pattern, "{}", 2) == 0 && (pattern[2] == '/' || pattern[2] == '\0');
}

/* The segments that stand for ids go to @ids. */
static bool routes_match(const char *pattern, const char *path, struct routes_segment ids[2], size_t *ret_n)
{
        *ret_n = 0;
        while (*pattern) {
                if (routes_is_id_place(pattern)) {
                        ids[*ret_n] = (struct routes_segment){ path, strcspn(path, "/") };
                        path += ids[*ret_n].len;
                        pattern += 2;
                        (*ret_n)++;
                } else if (*pattern++ != *path++) {
                        return false;
                }
        }
        return *path == '\0';
}

static bool routes_parse_ids(struct ts_sim_call *c, const struct routes_segment *ids, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!ts_id_parse(ids[i].text, ids[i].len, &c->ids[i])) {
                        ts_sim_invalid(c, 400, "invalid.value", "'%.*s' in the path is not an id.",
                                       (int) ids[i].len, ids[i].text);
                        return false;
                }
        return true;
}

bool ts_sim_route_find(struct ts_sim_call *c)
{
        struct routes_segment ids[2];
        bool path_known = false;
        size_t n;

        for (size_t i = 0; i < TS_N_ELEMENTS(routes); i++) {
                if (!routes_match(routes[i].path, c->path, ids, &n))
                        continue;
                path_known = true;
                if (strcmp(routes[i].method, c->req->method) != 0)
                        continue;
                c->route = &routes[i];
                return routes_parse_ids(c, ids, n);
        }
        if (path_known)
                ts_sim_invalid(c, 405, "method.not.allowed", "%s is not possible here.", c->req->method);
        else
                ts_sim_invalid(c, 404, "not.found", "There is no such resource.");
        return false;
}

/* -------------------------------------------------------------------------------------------------- queries
 */

struct routes_param {
        const char *type;
        size_t type_len;
        bool repeatable;
};

static bool routes_find_param(const char *list, const char *name, struct routes_param *ret)
{
        size_t name_len = strlen(name);

        while (*list) {
                size_t len = strcspn(list, " ");
                const char *colon = memchr(list, ':', len);

                if ((size_t) (colon - list) == name_len && memcmp(list, name, name_len) == 0) {
                        ret->repeatable = list[len - 1] == '*';
                        ret->type = colon + 1;
                        ret->type_len = len - name_len - 1 - ret->repeatable;
                        return true;
                }
                list += len + (list[len] == ' ');
        }
        return false;
}

static bool routes_is_positive(const char *s)
{
        size_t n = strspn(s, "0123456789");

        return n > 0 && n < 10 && s[n] == '\0' && strspn(s, "0") < n;
}

static bool routes_is_of_type(const char *value, const struct routes_param *p)
{
        switch (p->type[0]) {
        case 'i': /* every integer of ours counts pages, or entries of one */
                return routes_is_positive(value);
        case 'b':
                return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
        default:
                return true;
        }
}

static bool routes_is_repeated(const struct ts_sim_call *c, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (strcmp(c->params[k].name, c->params[i].name) == 0)
                        return true;
        return false;
}

bool ts_sim_route_check_query(struct ts_sim_call *c)
{
        for (size_t i = 0; i < c->n_params; i++) {
                struct routes_param p;

                if (!routes_find_param(c->route->query, c->params[i].name, &p)) {
                        ts_sim_invalid(c, 400, "invalid.query.param.value", "Unknown query parameter '%s'.",
                                       c->params[i].name);
                        return false;
                }
                if (!routes_is_of_type(c->params[i].value, &p) ||
                    (!p.repeatable && routes_is_repeated(c, i))) {
                        ts_sim_invalid(c, 400, "invalid.query.param.value", "Invalid value '%s' of '%s'.",
                                       c->params[i].value, c->params[i].name);
                        return false;
                }
        }
        return true;
}
