#include "routes.h"

#include <string.h>

#include "handlers.h"

#define PAGED "pageSize:int pageNumber:int"
#define LISTED PAGED " sortBy:text expand:text* nextPage:text previousPage:text"
#define PEOPLE PAGED " id:text* jabberId:text* sortOrder:text"
#define ACTS PAGED " sortBy:text sortOrder:text"
#define CARE_FLAGS "assignDefaultRole:bool autoExpire:bool"

#define READS 0u
#define WRITES TS_SIM_WRITES
#define BODY TS_SIM_HAS_BODY
#define OURS TS_SIM_AS_TRUSTEE
#define THEIRS (TS_SIM_AS_TRUSTEE | TS_SIM_IN_TRUSTOR)

#define AUTHORIZATION "/api/v2/authorization"
#define TRUSTEES "/api/v2/orgauthorization/trustees"
#define TRUSTORS "/api/v2/orgauthorization/trustors"
#define PAIRINGS "/api/v2/orgauthorization/pairings"

#define HERE TRUSTEES "/{}/"
#define THERE TRUSTORS "/{}/"
#define AUDITS "/api/v2/audits/query"

#define CREATES "authorization:orgTrustee:add&authorization:orgTrusteeUser:add"
#define SEES_CARE "authorization:orgTrustee:view|authorization:orgTrusteeUser:view"
#define SEES_PAIRINGS "authorization:orgTrustee:view|authorization:orgTrustor:view"
#define TRUSTEE "authorization:orgTrustee:"
#define TRUSTOR "authorization:orgTrustor:"
#define USER "authorization:orgTrusteeUser:"
#define GROUP "authorization:orgTrusteeGroup:"

/* Literal segments come before "{}" in their place. */
static const struct ts_sim_route routes[] = {
        { "GET", "/api/v2/organizations/me", "", NULL, READS, 0, ts_sim_get_organization },
        { "PUT", "/api/v2/organizations/me", "", "directory:organization:admin", WRITES | BODY, 0,
          ts_sim_update_organization },
        { "GET", "/api/v2/users",
          PEOPLE " expand:text* integrationPresenceSource:text userCustomAttributeSchemaIds:text* state:text",
          NULL, READS, TS_WORLD_USER, ts_sim_list_directory },
        { "GET", "/api/v2/groups", PEOPLE, NULL, READS, TS_WORLD_GROUP, ts_sim_list_directory },
        { "GET", "/api/v2/groups/{}/members", PAGED " sortOrder:text expand:text*", NULL, READS,
          TS_WORLD_GROUP, ts_sim_list_group_members },
        { "POST", "/api/v2/users/search", "", "directory:user:view", READS | BODY, TS_WORLD_USER,
          ts_sim_search_directory },
        { "GET", "/api/v2/users/search", "q64:text expand:text* integrationPresenceSource:text",
          "directory:user:view", READS, TS_WORLD_USER, ts_sim_repeat_search },
        { "POST", "/api/v2/groups/search", "", NULL, READS | BODY, TS_WORLD_GROUP, ts_sim_search_directory },
        { "GET", "/api/v2/groups/search", "q64:text expand:text*", NULL, READS, TS_WORLD_GROUP,
          ts_sim_repeat_search },

        { "GET", AUTHORIZATION "/roles",
          LISTED " name:text permission:text* defaultRoleId:text* userCount:bool id:text*",
          "authorization:role:view", READS, 0, ts_sim_list_roles },
        { "GET", AUTHORIZATION "/roles/{}/subjectgrants", LISTED, "authorization:role:view", READS, 0,
          ts_sim_list_role_subjects },
        { "GET", AUTHORIZATION "/divisions", LISTED " objectCount:bool id:text* name:text", NULL, READS, 0,
          ts_sim_list_divisions },
        { "GET", AUTHORIZATION "/divisions/home", "", NULL, READS, 0, ts_sim_get_home_division },
        { "GET", AUTHORIZATION "/subjects/{}", "includeDuplicates:bool", "authorization:grant:view", READS, 0,
          ts_sim_get_subject },

        { "POST", PAIRINGS, "", TRUSTEE "add", WRITES | BODY, 0, ts_sim_create_pairing },
        { "GET", PAIRINGS "/{}", "", SEES_PAIRINGS, READS, 0, ts_sim_get_pairing },

        { "POST", AUDITS, "", "audits:audit:view", READS | BODY, 0, ts_sim_create_audit_query },
        { "GET", AUDITS "/servicemapping", "", "audits:audit:view", READS, 0, ts_sim_get_audit_services },
        { "GET", AUDITS "/{}", "", "audits:audit:view", READS, 0, ts_sim_get_audit_query },
        { "GET", AUDITS "/{}/results", "cursor:text pageSize:int expand:text* allowRedirect:bool",
          "audits:audit:view", READS, 0, ts_sim_get_audit_results },
        { "POST", TRUSTEES "/audits", ACTS, "authorization:audit:view", READS | BODY, 0,
          ts_sim_audit_trustees },
        { "POST", "/api/v2/orgauthorization/trustor/audits", ACTS, "authorization:audit:view", READS | BODY,
          0, ts_sim_audit_trustor },

        { "GET", TRUSTEES, PAGED, TRUSTEE "view", READS, 0, ts_sim_list_trustees },
        { "POST", TRUSTEES, "", CREATES, WRITES | BODY, 0, ts_sim_create_trustee },
        { "DELETE", TRUSTEES, "id:text*", TRUSTEE "delete", WRITES, 0, ts_sim_delete_trusts },
        { "GET", TRUSTEES "/care", "", SEES_CARE, READS, 0, ts_sim_list_care },
        { "POST", TRUSTEES "/care", CARE_FLAGS " assignFullAccess:bool allowTrustedUserAccess:bool", CREATES,
          WRITES, 0, ts_sim_create_care },
        { "GET", TRUSTEES "/default", "", SEES_CARE, READS, 0, ts_sim_get_default_care },
        { "POST", TRUSTEES "/default", CARE_FLAGS, CREATES, WRITES, 0, ts_sim_create_default_care },
        { "GET", TRUSTEES "/{}", "", TRUSTEE "view", READS, 0, ts_sim_get_trustee },
        { "PUT", TRUSTEES "/{}", "", TRUSTEE "edit", WRITES | BODY, 0, ts_sim_update_trustee },
        { "DELETE", TRUSTEES "/{}", "", TRUSTEE "delete", WRITES, 0, ts_sim_delete_trust },

        { "GET", HERE "users", PAGED, USER "view", READS, TS_WORLD_USER, ts_sim_list_members },
        { "POST", HERE "users", "", USER "add", WRITES | BODY, TS_WORLD_USER, ts_sim_add_member },
        { "GET", HERE "users/{}", "", USER "view", READS, TS_WORLD_USER, ts_sim_get_member },
        { "DELETE", HERE "users/{}", "", USER "delete", WRITES, TS_WORLD_USER, ts_sim_remove_member },
        { "GET", HERE "users/{}/roles", "", USER "view", READS, TS_WORLD_USER, ts_sim_get_member_roles },
        { "PUT", HERE "users/{}/roles", "", USER "edit", WRITES | BODY, TS_WORLD_USER,
          ts_sim_set_member_roles },
        { "DELETE", HERE "users/{}/roles", "", USER "delete", WRITES, TS_WORLD_USER,
          ts_sim_clear_member_roles },
        { "PUT", HERE "users/{}/roledivisions", "", USER "edit", WRITES | BODY, TS_WORLD_USER,
          ts_sim_set_member_grants },

        { "GET", HERE "groups", PAGED, GROUP "view", READS, TS_WORLD_GROUP, ts_sim_list_members },
        { "POST", HERE "groups", "", GROUP "add", WRITES | BODY, TS_WORLD_GROUP, ts_sim_add_member },
        { "GET", HERE "groups/{}", "", GROUP "view", READS, TS_WORLD_GROUP, ts_sim_get_member },
        { "DELETE", HERE "groups/{}", "", GROUP "delete", WRITES, TS_WORLD_GROUP, ts_sim_remove_member },
        { "GET", HERE "groups/{}/roles", "", GROUP "view", READS, TS_WORLD_GROUP, ts_sim_get_member_roles },
        { "PUT", HERE "groups/{}/roles", "", GROUP "edit", WRITES | BODY, TS_WORLD_GROUP,
          ts_sim_set_member_roles },
        { "DELETE", HERE "groups/{}/roles", "", GROUP "delete", WRITES, TS_WORLD_GROUP,
          ts_sim_clear_member_roles },
        { "PUT", HERE "groups/{}/roledivisions", "", GROUP "edit", WRITES | BODY, TS_WORLD_GROUP,
          ts_sim_set_member_grants },

        { "GET", HERE "clonedusers", "", "directory:user:view", READS, 0, ts_sim_list_clones },
        { "DELETE", HERE "clonedusers/{}", "", "directory:user:delete", WRITES, 0, ts_sim_remove_clone },

        { "GET", TRUSTORS, PAGED, TRUSTOR "view", OURS, 0, ts_sim_list_trustors },
        { "DELETE", TRUSTORS, "id:text*", TRUSTOR "delete", WRITES | OURS, 0, ts_sim_delete_trusts },
        { "GET", TRUSTORS "/{}", "", TRUSTOR "view", OURS, 0, ts_sim_get_trustor },
        { "DELETE", TRUSTORS "/{}", "", TRUSTOR "delete", WRITES | OURS, 0, ts_sim_delete_trust },
        { "GET", THERE "users", PAGED, USER "view", THEIRS, TS_WORLD_USER, ts_sim_list_members },
        { "GET", THERE "users/{}", "", USER "view", OURS, TS_WORLD_USER, ts_sim_get_member },
        { "PUT", THERE "users/{}", "", USER "add", WRITES | THEIRS, TS_WORLD_USER, ts_sim_join_member },
        { "DELETE", THERE "users/{}", "", USER "delete", WRITES | THEIRS, TS_WORLD_USER,
          ts_sim_remove_member },
        { "GET", THERE "groups", PAGED, GROUP "view", THEIRS, TS_WORLD_GROUP, ts_sim_list_members },
        { "GET", THERE "groups/{}", "", GROUP "view", OURS, TS_WORLD_GROUP, ts_sim_get_member },
        { "PUT", THERE "groups/{}", "", GROUP "add", WRITES | THEIRS, TS_WORLD_GROUP, ts_sim_join_member },
        { "DELETE", THERE "groups/{}", "", GROUP "delete", WRITES | THEIRS, TS_WORLD_GROUP,
          ts_sim_remove_member },
        { "GET", THERE "clonedusers", "", USER "view", THEIRS, 0, ts_sim_list_clones },
        { "GET", THERE "clonedusers/{}", "", USER "view", OURS, 0, ts_sim_get_clone },
        { "PUT", THERE "clonedusers/{}", "", USER "add", WRITES | THEIRS, 0, ts_sim_add_clone },
        { "DELETE", THERE "clonedusers/{}", "", USER "delete", WRITES | THEIRS, 0, ts_sim_remove_clone },
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

/* ------------------------------------------------------------------------------------------------ queries */

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
