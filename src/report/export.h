/*
 * export - a live state as declarations
 *
 * Pure. Read back and planned against the same live state, what is written here changes nothing: what could not be read completely is
 * left out and named in a comment, which leaves it unmanaged. Names are written where they are unambiguous and a reader can see
 * them, ids else. Members that hold the same grants share a role set. At the end stands `exported:` with the ids of all names, for planning
 * without the API. Equal states give equal bytes. Cost: linear, and one sort.
 */
#ifndef TS_REPORT_EXPORT_H
#define TS_REPORT_EXPORT_H

#include "trust/model.h"
#include "util/buf.h"

struct ts_export {
        const char *organization; /* alias */
        const struct ts_live *live;
        const struct ts_decl_organization
                        *decl; /* for the names of trusts; NULL: named after the organizations */
        const struct ts_members *users, *groups; /* of our own organization; NULL: were not asked for */
        int64_t now;
};

/* Look at ts_buf_failed() once; TS_REPORT_MAX_BYTES is enough. */
void ts_export_write(const struct ts_export *e, struct ts_buf *out);

#endif
