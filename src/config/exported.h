/*
 * exported - an export (report/export.h), for planning without the API
 *
 * Reads one file. It is read as declarations are, and its section `exported` besides. It describes the live
 * state, so the limits on users and clones of a trust are not checked, and no settings are needed. Limits:
 * TS_EXPORT_MAX_BYTES, TS_EXPORT_MAX_NODES.
 */
#ifndef TS_CONFIG_EXPORTED_H
#define TS_CONFIG_EXPORTED_H

#include "config/faults.h"
#include "trust/offline.h"

/*
 * ts_exported_load - an export, whatever the name of the file
 * @ret:          of exactly one organization; the caller owns it
 * @ret_exported: its texts and lists live in the arena of *@ret
 *
 * Return: 0; -EINVAL when @faults got at least one (class declarations): also when the file cannot be read,
 * or is not an export.
 */
int ts_exported_load(const char *path, struct ts_faults *faults, struct ts_declarations **ret,
                     struct ts_exported *ret_exported) TS_MUST_CHECK;

#endif
