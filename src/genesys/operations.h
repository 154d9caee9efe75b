/*
 * operations - the one table of what may be asked of the API, and the one maker of URLs
 *
 * Pure. A URL is a base, literals of this table, and ids: nothing else can get into a path (the API has bulk
 * deletes one path segment away). Permissions are those of the API specification.
 */
#ifndef TS_GENESYS_OPERATIONS_H
#define TS_GENESYS_OPERATIONS_H

#include "genesys/transport.h"
#include "trust/model.h"
#include "util/id.h"

enum ts_operation {
        TS_OP_TOKEN,                     /* POST login/oauth/token */
        TS_OP_GET_ORGANIZATION,          /* GET  organizations/me */
        TS_OP_LIST_ROLES,                /* GET  authorization/roles */
        TS_OP_LIST_DIVISIONS,            /* GET  authorization/divisions */
        TS_OP_LIST_ROLE_SUBJECTS,        /* GET  authorization/roles/{role}/subjectgrants */
        TS_OP_GET_SUBJECT,               /* GET  authorization/subjects/{member}?includeDuplicates=true */
        TS_OP_GET_SUBJECT_MERGED,        /* the same with =false: for a subject whose answer is too large */
        TS_OP_SEARCH_USERS,              /* POST users/search (reads) */
        TS_OP_SEARCH_GROUPS,             /* POST groups/search (reads) */
        TS_OP_LIST_TRUSTEES,             /* GET  orgauthorization/trustees */
        TS_OP_LIST_CARE,                 /* GET  orgauthorization/trustees/care */
        TS_OP_GET_CARE_DEFAULT,          /* GET  orgauthorization/trustees/default */
        TS_OP_GET_TRUSTEE,               /* GET  orgauthorization/trustees/{org} */
        TS_OP_UPDATE_TRUSTEE,            /* PUT  orgauthorization/trustees/{org} */
        TS_OP_DELETE_TRUSTEE,            /* DELETE orgauthorization/trustees/{org} */
        TS_OP_LIST_TRUSTEE_USERS,        /* GET  .../users */
        TS_OP_ADD_TRUSTEE_USER,          /* POST .../users */
        TS_OP_GET_TRUSTEE_USER,          /* GET  .../users/{user} */
        TS_OP_REMOVE_TRUSTEE_USER,       /* DELETE .../users/{user} */
        TS_OP_GET_TRUSTEE_USER_ROLES,    /* GET  .../users/{user}/roles */
        TS_OP_SET_TRUSTEE_USER_GRANTS,   /* PUT  .../users/{user}/roledivisions */
        TS_OP_CLEAR_TRUSTEE_USER_GRANTS, /* DELETE .../users/{user}/roles */
        TS_OP_SET_TRUSTEE_USER_ROLES,    /* PUT  .../users/{user}/roles: all divisions */
        TS_OP_CREATE_TRUSTEE,            /* POST orgauthorization/trustees */
        TS_OP_CREATE_CARE,               /* POST orgauthorization/trustees/default (the next three too) */
        TS_OP_CREATE_CARE_DEFAULT_ROLE,
        TS_OP_CREATE_CARE_EXPIRE,
        TS_OP_CREATE_CARE_DEFAULT_ROLE_EXPIRE,
        TS_OP_LIST_TRUSTEE_GROUPS, /* the same for groups */
        TS_OP_ADD_TRUSTEE_GROUP,
        TS_OP_GET_TRUSTEE_GROUP,
        TS_OP_REMOVE_TRUSTEE_GROUP,
        TS_OP_GET_TRUSTEE_GROUP_ROLES,
        TS_OP_SET_TRUSTEE_GROUP_GRANTS,
        TS_OP_CLEAR_TRUSTEE_GROUP_GRANTS,
        TS_OP_SET_TRUSTEE_GROUP_ROLES,
        TS_OP_LIST_TRUSTEE_CLONES,  /* GET  .../clonedusers: not paged */
        TS_OP_REMOVE_TRUSTEE_CLONE, /* DELETE .../clonedusers/{user} */
        TS_OP_CREATE_PAIRING,       /* POST orgauthorization/pairings, as trustee */
        TS_OP_GET_PAIRING,          /* GET  orgauthorization/pairings/{request}, from both sides */
        TS_OP_LIST_TRUSTORS,        /* GET  orgauthorization/trustors: whom we may enter */
        TS_OP_GET_TRUSTOR,          /* GET  orgauthorization/trustors/{org} */
        TS_OP_LEAVE_TRUSTOR,        /* DELETE orgauthorization/trustors/{org} */
        TS_OP_LIST_TRUSTOR_USERS,   /* GET  .../users */
        TS_OP_GET_TRUSTOR_USER,     /* GET  .../users/{user} */
        TS_OP_ADD_TRUSTOR_USER,     /* PUT  .../users/{user} */
        TS_OP_REMOVE_TRUSTOR_USER,  /* DELETE .../users/{user} */
        TS_OP_LIST_TRUSTOR_GROUPS,
        TS_OP_GET_TRUSTOR_GROUP,
        TS_OP_ADD_TRUSTOR_GROUP,
        TS_OP_REMOVE_TRUSTOR_GROUP,
        TS_OP_LIST_TRUSTOR_CLONES, /* GET  .../clonedusers: not paged */
        TS_OP_GET_TRUSTOR_CLONE,
        TS_OP_ADD_TRUSTOR_CLONE, /* PUT  .../clonedusers/{user} */
        TS_OP_REMOVE_TRUSTOR_CLONE,
        TS_OP_AUDIT_TRUSTEES,     /* POST orgauthorization/trustees/audits (reads) */
        TS_OP_AUDIT_TRUSTOR,      /* POST orgauthorization/trustor/audits (reads) */
        TS_OP_CREATE_AUDIT_QUERY, /* POST audits/query (reads) */
        TS_OP_GET_AUDIT_QUERY,    /* GET  audits/query/{query} */
        TS_OP_LIST_USERS,         /* GET  users: of our own organization */
        TS_OP_LIST_GROUPS,        /* GET  groups */
        TS_OP_LIST_GROUP_MEMBERS, /* GET  groups/{group}/members: of our own organization */
        TS_OP_GET_AUDIT_RESULTS,  /* GET  audits/query/{query}/results: the first 500 */
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
