/*
 * roles - readers for `roles` of a member and for `role_sets`
 *
 * Readers for tables (config/schema.h), for declarations only (config/loader.h). A role or division keeps
 * the place where it was written.
 */
#ifndef TS_CONFIG_ROLES_H
#define TS_CONFIG_ROLES_H

#include "config/schema.h"

/* A map from role to `all` or a list of divisions; into struct ts_decl_roles. */
void ts_roles_read(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                   void *target);

/* A map from name to roles; into the current organization. */
void ts_roles_read_sets(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                        void *target);

#endif
