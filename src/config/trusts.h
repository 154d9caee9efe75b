/*
 * trusts - `trustees`, `trustors` and `customer_care`
 *
 * Readers for the table of a file's keys (config/schema.h), for declarations only (config/loader.h); all
 * into the current organization.
 */
#ifndef TS_CONFIG_TRUSTS_H
#define TS_CONFIG_TRUSTS_H

#include "config/schema.h"

void ts_trusts_read_trustees(struct ts_yaml *y, const struct ts_yaml_node *value,
                             const struct ts_schema_key *key, void *target);
void ts_trusts_read_trustors(struct ts_yaml *y, const struct ts_yaml_node *value,
                             const struct ts_schema_key *key, void *target);
void ts_trusts_read_care(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target);

#endif
