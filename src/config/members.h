/*
 * members - the collections of a trust: users, groups, clones
 *
 * Readers for tables (config/schema.h), for declarations only (config/loader.h); all into struct
 * ts_decl_members. Duplicate members are faults: two spellings of one e-mail address, or two keys with the
 * same id.
 */
#ifndef TS_CONFIG_MEMBERS_H
#define TS_CONFIG_MEMBERS_H

#include "config/schema.h"
#include "trust/model.h"

/* Maps, whose entries have roles and a window. */
void ts_members_read_users(struct ts_yaml *y, const struct ts_yaml_node *value,
                           const struct ts_schema_key *key, void *target);
void ts_members_read_groups(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_schema_key *key, void *target);

/* Lists of e-mails, names or ids. key->hint is shown when a map is found instead. */
void ts_members_list_users(struct ts_yaml *y, const struct ts_yaml_node *value,
                           const struct ts_schema_key *key, void *target);
void ts_members_list_groups(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_schema_key *key, void *target);
void ts_members_list_clones(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_schema_key *key, void *target);

/*
 * ts_members_peak - the most members at any one time
 * @ret_from:  when they are first so many; TS_TIME_UNSET: from the beginning
 * @ret_until: when they are no longer; TS_TIME_UNSET: without an end
 */
size_t ts_members_peak(const struct ts_decl_members *m, int64_t *ret_from, int64_t *ret_until);

#endif
