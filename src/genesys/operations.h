/*
 * operations - the table of API requests (operations.def), and the only code that builds their URLs
 *
 * Pure. A URL is a base, literals of the table, and ids: nothing else can get into a path (the API has bulk
 * deletes one path segment away). Permissions are those of the API specification.
 */
#ifndef TS_GENESYS_OPERATIONS_H
#define TS_GENESYS_OPERATIONS_H

#include "genesys/transport.h"
#include "trust/model.h"
#include "util/id.h"

enum ts_operation {
#define OPERATION(name, ...) TS_OP_##name,
#define VARIANT(name, ...) TS_OP_##name,
#include "genesys/operations.def"
        TS_OP_MAX_,
};

struct ts_operation_info {
        enum ts_method method;
        const char *path; /* "{}" stands for an id; the token's path is below the login URL */
        unsigned n_ids;
        bool writes;        /* changes something: refused by a client that may only read */
        bool is_idempotent; /* may be repeated when its answer was lost */
        /* Without it nothing can be planned: a 5xx that stays ends the organization's cycle. Any other 5xx is
         * that of the object that was asked for. */
        bool ends_organization;
        bool is_paged;
        const char *query;      /* fixed part of the query, "" or "userCount=false" */
        const char *permission; /* what a 403 is about; NULL: none needed */
};

const struct ts_operation_info *ts_operation_info(enum ts_operation op);

/* What is done with the members of a trust, whichever they are. */
enum ts_member_verb {
        TS_MEMBERS_LIST,
        TS_MEMBER_GET,
        TS_MEMBER_ADD, /* to a trustee: POST to the collection, with grants; to a trustor: PUT */
        TS_MEMBER_REMOVE,
        TS_MEMBER_GET_ROLES,
        TS_MEMBER_SET_GRANTS,
        TS_MEMBER_SET_ROLES,
        TS_MEMBER_CLEAR_GRANTS,
        TS_MEMBER_VERB_MAX_,
};

/* TS_OP_MAX_: the API has no such operation. */
enum ts_operation ts_operation_of_members(enum ts_direction direction, enum ts_collection collection,
                                          enum ts_member_verb verb);

enum ts_operation ts_operation_create_care(bool assign_default_role, bool auto_expire);

/*
 * ts_operation_url - the URL of a call
 * @base:  "https://api.mypurecloud.de"; without a trailing slash
 * @ids:   as many as the operation's path has {}; nil ids are refused
 * @page_size, @page: for paged operations, both >= 1; else 0
 * @out:   appended to; its maximum should be TS_URL_MAX_BYTES
 *
 * Return: 0; -EINVAL: a nil id, a wrong number of ids or a page where there is none (our own mistake);
 * -EFBIG.
 */
int ts_operation_url(enum ts_operation op, const char *base, const struct ts_id *ids, size_t n_ids,
                     unsigned page_size, unsigned page, struct ts_buf *out) TS_MUST_CHECK;

/* "PUT /api/v2/orgauthorization/trustees/…/users/…/roledivisions": for reports and errors. */
void ts_operation_describe(enum ts_operation op, const struct ts_id *ids, size_t n_ids, struct ts_buf *out);

#endif
