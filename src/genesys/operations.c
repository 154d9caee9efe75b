#include "genesys/operations.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* The flags of operations.def. */
#define READS 0u
#define WRITES 1u
#define PAGED 2u
#define ESSENTIAL 4u

static const struct ts_operation_info operations[TS_OP_MAX_] = {
#define VARIANT(name, method_, path_, n_ids_, query_, flags, permission_) \
        [TS_OP_##name] = { \
                .method = TS_##method_, \
                .path = (path_), \
                .n_ids = (n_ids_), \
                .writes = (WRITES & (flags)) != 0, \
                .is_idempotent = (WRITES & (flags)) == 0 || TS_##method_ != TS_POST, \
                .ends_organization = (ESSENTIAL & (flags)) != 0, \
                .is_paged = (PAGED & (flags)) != 0, \
                .query = (query_), \
                .permission = (permission_), \
        },
#define OPERATION(name, method, path, n_ids, query, flags, permission, ...) \
        VARIANT(name, method, path, n_ids, query, flags, permission)
#include "genesys/operations.def"
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

/* The path with the ids in their places. The caller checks ts_buf_failed(). */
static void put_path(const char *path, const struct ts_id *ids, struct ts_buf *out)
{
        const char *place;

        for (; (place = strstr(path, "{}")); path = place + 2) {
                (void) ts_buf_put(out, path, (size_t) (place - path));
                (void) ts_buf_put(out, ts_id_format(ids++).s, TS_ID_TEXT_LEN);
        }
        (void) ts_buf_puts(out, path);
}

/* The caller checks ts_buf_failed(). */
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
