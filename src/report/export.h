/*
 * export - a live state as declarations
 *
 * Pure. Planning an export against the same live state yields no changes. What could not be read completely
 * is left out, so that it is not managed, and named in a comment. Names are written where they are
 * unambiguous and a reader can see them, else ids with the names in a comment. Members that hold the same
 * grants share a role set, named after the role that tells it from the others.
 *
 * At the end stands `exported:` with what declarations do not say, for planning without the API
 * (trust/offline.h): the time, the organization's id, the ids of all roles and divisions (`names_complete`:
 * the lists are), of our own users and groups; of each trust its name, whether it is customer care
 * (`care_known`: that could be read), and what only the partner may change; of members that are written by
 * their id, e-mail and name.
 *
 * Equal states give equal bytes. Cost: linear, and sorts.
 */
#ifndef TS_REPORT_EXPORT_H
#define TS_REPORT_EXPORT_H

#include "trust/model.h"
#include "util/buf.h"

struct ts_export {
        const char *organization; /* alias */
        const struct ts_live *live;
        const struct ts_decl_organization *decl; /* has the trusts' aliases; NULL: as the organizations */
        const struct ts_members *users, *groups; /* of our own organization; NULL: were not asked for */
        int64_t now;
};

/* Check ts_buf_failed() once; TS_REPORT_MAX_BYTES is enough. */
void ts_export_write(const struct ts_export *in, struct ts_buf *out);

#endif
