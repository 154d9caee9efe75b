#include "genesys/operations.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define AUTHORIZATION "/api/v2/authorization"
#define TRUSTEES "/api/v2/orgauthorization/trustees"

#define TRUSTEE_VIEW "authorization:orgTrustee:view"
#define TRUSTORS "/api/v2/orgauthorization/trustors"
#define PAIRINGS "/api/v2/orgauthorization/pairings"
#define AUDITS "/api/v2/audits/query"

#define USER "authorization:orgTrusteeUser:"
#define USER_VIEW USER "view"
#define GROUP "authorization:orgTrusteeGroup:"
#define AUDIT_VIEW "audits:audit:view"
#define CREATE_TRUST "authorization:orgTrustee:add and authorization:orgTrusteeUser:add"
/* The API looks for these in the trustor, where an OAuth client of ours cannot have any. */
#define IN_TRUSTOR(perm) perm " (in the trustor organization)"

#define READ(m, p, n, perm) \
        { \
                .method = (m), .path = (p), .n_ids = (n), .is_idempotent = true, .query = "", \
                .permission = (perm) \
        }
#define LIST(p, n, q, perm) \
        { \
                .method = TS_GET, .path = (p), .n_ids = (n), .is_idempotent = true, .is_paged = true, \
                .query = (q), .permission = (perm) \
        }
#define WRITE(m, p, n, perm) \
        { \
                .method = (m), .path = (p), .n_ids = (n), .writes = true, .is_idempotent = (m) != TS_POST, \
                .query = "", .permission = (perm) \
        }

#define READ_FIRST(m, p) \
        { \
                .method = (m), .path = (p), .is_idempotent = true, .ends_organization = true, .query = "" \
        }
#define LIST_FIRST(p, q, perm) \
        { \
                .method = TS_GET, .path = (p), .is_idempotent = true, .ends_organization = true, \
                .is_paged = true, .query = (q), .permission = (perm) \
        }

#define CARE(q) \
        { \
                .method = TS_POST, .path = TRUSTEES "/default", .writes = true, .query = (q), \
                .permission = CREATE_TRUST \
        }
#define AUDIT(p) \
        { \
                .method = TS_POST, .path = (p), .is_idempotent = true, .is_paged = true, .query = "", \
                .permission = "authorization:audit:view" \
        }

static const struct ts_operation_info operations[TS_OP_MAX_] = {
        [TS_OP_TOKEN] = READ_FIRST(TS_POST, "/oauth/token"),
        [TS_OP_GET_ORGANIZATION] = READ_FIRST(TS_GET, "/api/v2/organizations/me"),
        [TS_OP_LIST_ROLES] = LIST_FIRST(AUTHORIZATION "/roles", "userCount=false", "authorization:role:view"),
        [TS_OP_LIST_DIVISIONS] = LIST_FIRST(AUTHORIZATION "/divisions", "", NULL),
        [TS_OP_LIST_ROLE_SUBJECTS] =
                        LIST(AUTHORIZATION "/roles/{}/subjectgrants", 1, "", "authorization:role:view"),
        [TS_OP_GET_SUBJECT] = { .method = TS_GET,
                                .path = AUTHORIZATION "/subjects/{}",
                                .n_ids = 1,
                                .is_idempotent = true,
                                .query = "includeDuplicates=true",
                                .permission = "authorization:grant:view" },
        [TS_OP_GET_SUBJECT_MERGED] = { .method = TS_GET,
                                       .path = AUTHORIZATION "/subjects/{}",
                                       .n_ids = 1,
                                       .is_idempotent = true,
                                       .query = "includeDuplicates=false",
                                       .permission = "authorization:grant:view" },
        [TS_OP_SEARCH_USERS] = READ(TS_POST, "/api/v2/users/search", 0, "directory:user:view"),
        [TS_OP_LIST_TRUSTEES] = LIST_FIRST(TRUSTEES, "", TRUSTEE_VIEW),
        [TS_OP_LIST_CARE] = READ(TS_GET, TRUSTEES "/care", 0, TRUSTEE_VIEW),
        [TS_OP_GET_CARE_DEFAULT] = READ(TS_GET, TRUSTEES "/default", 0, TRUSTEE_VIEW),
        [TS_OP_GET_TRUSTEE] = READ(TS_GET, TRUSTEES "/{}", 1, TRUSTEE_VIEW),
        [TS_OP_UPDATE_TRUSTEE] = WRITE(TS_PUT, TRUSTEES "/{}", 1, "authorization:orgTrustee:edit"),
        [TS_OP_DELETE_TRUSTEE] = WRITE(TS_DELETE, TRUSTEES "/{}", 1, "authorization:orgTrustee:delete"),
        [TS_OP_LIST_TRUSTEE_USERS] = LIST(TRUSTEES "/{}/users", 1, "", USER_VIEW),
        [TS_OP_ADD_TRUSTEE_USER] =
                        WRITE(TS_POST, TRUSTEES "/{}/users", 1, "authorization:orgTrusteeUser:add"),
        [TS_OP_GET_TRUSTEE_USER] = READ(TS_GET, TRUSTEES "/{}/users/{}", 2, USER_VIEW),
        [TS_OP_REMOVE_TRUSTEE_USER] =
                        WRITE(TS_DELETE, TRUSTEES "/{}/users/{}", 2, "authorization:orgTrusteeUser:delete"),
        [TS_OP_GET_TRUSTEE_USER_ROLES] = READ(TS_GET, TRUSTEES "/{}/users/{}/roles", 2, USER_VIEW),
        [TS_OP_SET_TRUSTEE_USER_GRANTS] = WRITE(TS_PUT, TRUSTEES "/{}/users/{}/roledivisions", 2,
                                                "authorization:orgTrusteeUser:edit"),
        [TS_OP_CLEAR_TRUSTEE_USER_GRANTS] = WRITE(TS_DELETE, TRUSTEES "/{}/users/{}/roles", 2,
                                                  "authorization:orgTrusteeUser:delete"),
        [TS_OP_SET_TRUSTEE_USER_ROLES] =
                        WRITE(TS_PUT, TRUSTEES "/{}/users/{}/roles", 2, "authorization:orgTrusteeUser:edit"),
        [TS_OP_SEARCH_GROUPS] = READ(TS_POST, "/api/v2/groups/search", 0, NULL),
        [TS_OP_CREATE_TRUSTEE] = WRITE(TS_POST, TRUSTEES, 0, CREATE_TRUST),
        [TS_OP_CREATE_CARE] = CARE("assignDefaultRole=false&autoExpire=false"),
        [TS_OP_CREATE_CARE_DEFAULT_ROLE] = CARE("assignDefaultRole=true&autoExpire=false"),
        [TS_OP_CREATE_CARE_EXPIRE] = CARE("assignDefaultRole=false&autoExpire=true"),
        [TS_OP_CREATE_CARE_DEFAULT_ROLE_EXPIRE] = CARE("assignDefaultRole=true&autoExpire=true"),

        [TS_OP_LIST_TRUSTEE_GROUPS] = LIST(TRUSTEES "/{}/groups", 1, "", GROUP "view"),
        [TS_OP_ADD_TRUSTEE_GROUP] = WRITE(TS_POST, TRUSTEES "/{}/groups", 1, GROUP "add"),
        [TS_OP_GET_TRUSTEE_GROUP] = READ(TS_GET, TRUSTEES "/{}/groups/{}", 2, GROUP "view"),
        [TS_OP_REMOVE_TRUSTEE_GROUP] = WRITE(TS_DELETE, TRUSTEES "/{}/groups/{}", 2, GROUP "delete"),
        [TS_OP_GET_TRUSTEE_GROUP_ROLES] = READ(TS_GET, TRUSTEES "/{}/groups/{}/roles", 2, GROUP "view"),
        [TS_OP_SET_TRUSTEE_GROUP_GRANTS] =
                        WRITE(TS_PUT, TRUSTEES "/{}/groups/{}/roledivisions", 2, GROUP "edit"),
        [TS_OP_CLEAR_TRUSTEE_GROUP_GRANTS] =
                        WRITE(TS_DELETE, TRUSTEES "/{}/groups/{}/roles", 2, GROUP "delete"),
        [TS_OP_SET_TRUSTEE_GROUP_ROLES] = WRITE(TS_PUT, TRUSTEES "/{}/groups/{}/roles", 2, GROUP "edit"),
        [TS_OP_LIST_TRUSTEE_CLONES] = READ(TS_GET, TRUSTEES "/{}/clonedusers", 1, "directory:user:view"),
        [TS_OP_REMOVE_TRUSTEE_CLONE] =
                        WRITE(TS_DELETE, TRUSTEES "/{}/clonedusers/{}", 2, "directory:user:delete"),

        [TS_OP_CREATE_PAIRING] = WRITE(TS_POST, PAIRINGS, 0, "authorization:orgTrustee:add"),
        [TS_OP_GET_PAIRING] = READ(TS_GET, PAIRINGS "/{}", 1,
                                   "authorization:orgTrustee:view or authorization:orgTrustor:view"),
        [TS_OP_LIST_TRUSTORS] = LIST_FIRST(TRUSTORS, "", "authorization:orgTrustor:view"),
        [TS_OP_GET_TRUSTOR] = READ(TS_GET, TRUSTORS "/{}", 1, "authorization:orgTrustor:view"),
        [TS_OP_LEAVE_TRUSTOR] = WRITE(TS_DELETE, TRUSTORS "/{}", 1, "authorization:orgTrustor:delete"),
        [TS_OP_LIST_TRUSTOR_USERS] = LIST(TRUSTORS "/{}/users", 1, "", IN_TRUSTOR(USER_VIEW)),
        [TS_OP_GET_TRUSTOR_USER] = READ(TS_GET, TRUSTORS "/{}/users/{}", 2, USER_VIEW),
        [TS_OP_ADD_TRUSTOR_USER] = WRITE(TS_PUT, TRUSTORS "/{}/users/{}", 2, IN_TRUSTOR(USER "add")),
        [TS_OP_REMOVE_TRUSTOR_USER] = WRITE(TS_DELETE, TRUSTORS "/{}/users/{}", 2, IN_TRUSTOR(USER "delete")),
        [TS_OP_LIST_TRUSTOR_GROUPS] = LIST(TRUSTORS "/{}/groups", 1, "", IN_TRUSTOR(GROUP "view")),
        [TS_OP_GET_TRUSTOR_GROUP] = READ(TS_GET, TRUSTORS "/{}/groups/{}", 2, GROUP "view"),
        [TS_OP_ADD_TRUSTOR_GROUP] = WRITE(TS_PUT, TRUSTORS "/{}/groups/{}", 2, IN_TRUSTOR(GROUP "add")),
        [TS_OP_REMOVE_TRUSTOR_GROUP] =
                        WRITE(TS_DELETE, TRUSTORS "/{}/groups/{}", 2, IN_TRUSTOR(GROUP "delete")),
        [TS_OP_LIST_TRUSTOR_CLONES] = READ(TS_GET, TRUSTORS "/{}/clonedusers", 1, IN_TRUSTOR(USER_VIEW)),
        [TS_OP_GET_TRUSTOR_CLONE] = READ(TS_GET, TRUSTORS "/{}/clonedusers/{}", 2, USER_VIEW),
        [TS_OP_ADD_TRUSTOR_CLONE] = WRITE(TS_PUT, TRUSTORS "/{}/clonedusers/{}", 2, IN_TRUSTOR(USER "add")),
        [TS_OP_REMOVE_TRUSTOR_CLONE] =
                        WRITE(TS_DELETE, TRUSTORS "/{}/clonedusers/{}", 2, IN_TRUSTOR(USER "delete")),

        [TS_OP_AUDIT_TRUSTEES] = AUDIT(TRUSTEES "/audits"),
        [TS_OP_AUDIT_TRUSTOR] = AUDIT("/api/v2/orgauthorization/trustor/audits"),
        [TS_OP_CREATE_AUDIT_QUERY] = READ(TS_POST, AUDITS, 0, AUDIT_VIEW),
        [TS_OP_GET_AUDIT_QUERY] = READ(TS_GET, AUDITS "/{}", 1, AUDIT_VIEW),
        [TS_OP_LIST_USERS] = LIST("/api/v2/users", 0, "", "directory:user:view"),
        [TS_OP_LIST_GROUPS] = LIST("/api/v2/groups", 0, "", NULL),
        [TS_OP_LIST_GROUP_MEMBERS] = LIST("/api/v2/groups/{}/members", 1, "", "directory:user:view"),
        [TS_OP_GET_AUDIT_RESULTS] = { .method = TS_GET,
                                      .path = AUDITS "/{}/results",
                                      .n_ids = 1,
                                      .is_idempotent = true,
                                      .query = "pageSize=500&expand=user",
                                      .permission = AUDIT_VIEW },
};

#define NO_OP TS_OP_MAX_
static const enum ts_operation member_operations[2][TS_COLLECTIONS][TS_MEMBER_VERB_MAX_] = {
        [TS_TRUSTEE] = {
                [TS_USERS] = { TS_OP_LIST_TRUSTEE_USERS, TS_OP_GET_TRUSTEE_USER, TS_OP_ADD_TRUSTEE_USER,
                               TS_OP_REMOVE_TRUSTEE_USER, TS_OP_GET_TRUSTEE_USER_ROLES,
                               TS_OP_SET_TRUSTEE_USER_GRANTS, TS_OP_SET_TRUSTEE_USER_ROLES,
                               TS_OP_CLEAR_TRUSTEE_USER_GRANTS },
                [TS_GROUPS] = { TS_OP_LIST_TRUSTEE_GROUPS, TS_OP_GET_TRUSTEE_GROUP, TS_OP_ADD_TRUSTEE_GROUP,
                                TS_OP_REMOVE_TRUSTEE_GROUP, TS_OP_GET_TRUSTEE_GROUP_ROLES,
                                TS_OP_SET_TRUSTEE_GROUP_GRANTS, TS_OP_SET_TRUSTEE_GROUP_ROLES,
                                TS_OP_CLEAR_TRUSTEE_GROUP_GRANTS },
                [TS_CLONES] = { TS_OP_LIST_TRUSTEE_CLONES, NO_OP, NO_OP, TS_OP_REMOVE_TRUSTEE_CLONE, NO_OP,
                                NO_OP, NO_OP, NO_OP },
        },
        [TS_TRUSTOR] = {
                [TS_USERS] = { TS_OP_LIST_TRUSTOR_USERS, TS_OP_GET_TRUSTOR_USER, TS_OP_ADD_TRUSTOR_USER,
                               TS_OP_REMOVE_TRUSTOR_USER, NO_OP, NO_OP, NO_OP, NO_OP },
                [TS_GROUPS] = { TS_OP_LIST_TRUSTOR_GROUPS, TS_OP_GET_TRUSTOR_GROUP, TS_OP_ADD_TRUSTOR_GROUP,
                                TS_OP_REMOVE_TRUSTOR_GROUP, NO_OP, NO_OP, NO_OP, NO_OP },
                [TS_CLONES] = { TS_OP_LIST_TRUSTOR_CLONES, TS_OP_GET_TRUSTOR_CLONE, TS_OP_ADD_TRUSTOR_CLONE,
                                TS_OP_REMOVE_TRUSTOR_CLONE, NO_OP, NO_OP, NO_OP, NO_OP },
        },
};

enum ts_operation ts_operation_of_members(enum ts_direction direction, enum ts_collection collection,
                                          enum ts_member_verb verb)
{
        return member_operations[direction][collection][verb];
}

enum ts_operation ts_operation_create_care(bool assign_default_role, bool auto_expire)
{
        if (auto_expire)
                return assign_default_role ? TS_OP_CREATE_CARE_DEFAULT_ROLE_EXPIRE : TS_OP_CREATE_CARE_EXPIRE;
        return assign_default_role ? TS_OP_CREATE_CARE_DEFAULT_ROLE : TS_OP_CREATE_CARE;
}

const struct ts_operation_info *ts_operation_info(enum ts_operation op)
{
        assert((unsigned) op < TS_OP_MAX_);
        return &operations[op];
}

/* The path with the ids in their places. The caller looks at ts_buf_failed(). */
static void put_path(const char *path, const struct ts_id *ids, struct ts_buf *out)
{
        const char *place;

        for (; (place = strstr(path, "{}")); path = place + 2) {
                (void) ts_buf_put(out, path, (size_t) (place - path));
                (void) ts_buf_put(out, ts_id_format(ids++).s, TS_ID_TEXT_LEN);
        }
        (void) ts_buf_puts(out, path);
}

/* The caller looks at ts_buf_failed(). */
static void put_query(const struct ts_operation_info *o, unsigned page_size, unsigned page,
                      struct ts_buf *out)
{
        if (o->query[0] != '\0')
                (void) ts_buf_printf(out, "?%s", o->query);
        if (o->is_paged)
                (void) ts_buf_printf(out, "%cpageSize=%u&pageNumber=%u", o->query[0] != '\0' ? '&' : '?',
                                     page_size, page);
}

int ts_operation_url(enum ts_operation op, const char *base, const struct ts_id *ids, size_t n_ids,
                     unsigned page_size, unsigned page, struct ts_buf *out)
{
        const struct ts_operation_info *o;
        size_t i;

        if ((unsigned) op >= TS_OP_MAX_)
                return -EINVAL;
        o = &operations[op];
        if (n_ids != o->n_ids || (page_size > 0) != o->is_paged || (page > 0) != o->is_paged)
                return -EINVAL;
        for (i = 0; i < n_ids; i++)
                if (ts_id_is_nil(&ids[i]))
                        return -EINVAL;
        if (base[0] == '\0' || base[strlen(base) - 1] == '/')
                return -EINVAL;

        (void) ts_buf_puts(out, base);
        put_path(o->path, ids, out);
        put_query(o, page_size, page, out);
        return ts_buf_failed(out) ? -EFBIG : 0;
}

void ts_operation_describe(enum ts_operation op, const struct ts_id *ids, size_t n_ids, struct ts_buf *out)
{
        const struct ts_operation_info *o = ts_operation_info(op);

        assert(n_ids == o->n_ids);
        (void) n_ids;
        (void) ts_buf_printf(out, "%s ", ts_method_to_string(o->method));
        put_path(o->path, ids, out);
}
