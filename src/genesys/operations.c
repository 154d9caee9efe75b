#include "genesys/operations.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define AUTHORIZATION "/api/v2/authorization"
#define TRUSTEES "/api/v2/orgauthorization/trustees"

#define TRUSTEE_VIEW "authorization:orgTrustee:view"
#define USER_VIEW "authorization:orgTrusteeUser:view"

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

static const struct ts_operation_info operations[TS_OP_MAX_] = {
        [TS_OP_TOKEN] = READ(TS_POST, "/oauth/token", 0, NULL),
        [TS_OP_GET_ORGANIZATION] = READ(TS_GET, "/api/v2/organizations/me", 0, NULL),
        [TS_OP_LIST_ROLES] = LIST(AUTHORIZATION "/roles", 0, "userCount=false", "authorization:role:view"),
        [TS_OP_LIST_DIVISIONS] = LIST(AUTHORIZATION "/divisions", 0, "", NULL),
        [TS_OP_LIST_ROLE_SUBJECTS] =
                        LIST(AUTHORIZATION "/roles/{}/subjectgrants", 1, "", "authorization:role:view"),
        [TS_OP_GET_SUBJECT] = { .method = TS_GET,
                                .path = AUTHORIZATION "/subjects/{}",
                                .n_ids = 1,
                                .is_idempotent = true,
                                .query = "includeDuplicates=true",
                                .permission = "authorization:grant:view" },
        [TS_OP_SEARCH_USERS] = READ(TS_POST, "/api/v2/users/search", 0, "directory:user:view"),
        [TS_OP_LIST_TRUSTEES] = LIST(TRUSTEES, 0, "", TRUSTEE_VIEW),
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
};

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
