/*
 * fixture - a world from JSON, and the pieces of it that other files read too
 */
#ifndef TS_SIMULATOR_FIXTURE_H
#define TS_SIMULATOR_FIXTURE_H

#include "internal.h"

struct ts_sim_limits ts_fixture_default_limits(void);

/* @err of all: TS_ERR_INPUT, saying where. */
int ts_fixture_read(struct ts_world *w, struct ts_sim_limits *limits, const struct ts_json *v,
                    struct ts_err *err) TS_MUST_CHECK;

/* A grant list in the role and division names of @org; *@ret is in @arena and normalised. NULL is an empty
 * list. */
int ts_fixture_read_grants(const struct ts_world_org *org, const struct ts_json *v, struct ts_arena *arena,
                           struct ts_world_grants *ret, struct ts_err *err) TS_MUST_CHECK;

/* A person, a group (with "members": e-mails or ids) of @home. */
int ts_fixture_read_user(struct ts_world *w, struct ts_world_org *home, const struct ts_json *v,
                         struct ts_world_party **ret, struct ts_err *err) TS_MUST_CHECK;
int ts_fixture_read_group(struct ts_world *w, struct ts_world_org *home, const struct ts_json *v,
                          struct ts_world_party **ret, struct ts_err *err) TS_MUST_CHECK;

/* A member of a trust of @org, added to it. */
int ts_fixture_read_member(struct ts_world *w, const struct ts_world_org *org, struct ts_world_trust *trust,
                           enum ts_world_kind kind, const struct ts_json *v, struct ts_world_member **ret,
                           struct ts_err *err) TS_MUST_CHECK;

/* A pairing request of @trustee. */
int ts_fixture_read_pairing(struct ts_world *w, struct ts_world_org *trustee, const struct ts_json *v,
                            struct ts_err *err) TS_MUST_CHECK;

/* A role: a name, or an object. One that is there already is an error. */
int ts_fixture_read_role(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                         struct ts_err *err) TS_MUST_CHECK;

/* A trust with its members, as "trustees" has it, into a new slot or an old one. */
int ts_fixture_read_trust(struct ts_world *w, struct ts_world_org *org, const struct ts_json *v,
                          size_t *ret_slot, struct ts_world_trust **ret, struct ts_err *err) TS_MUST_CHECK;

/* By name or id; NULL or TS_MAP_NONE. */
struct ts_world_org *ts_fixture_find_org(const struct ts_world *w, const char *name);
struct ts_world_party *ts_fixture_find_party(const struct ts_world *w, const struct ts_world_org *home,
                                             enum ts_world_kind kind, const char *name); /* or e-mail */
uint32_t ts_fixture_find_role(const struct ts_world_org *org, const char *name);
uint32_t ts_fixture_find_division(const struct ts_world_org *org,
                                  const char *name); /* TS_WORLD_ALL: "*", so look for that first */

/* "never", a time, or null/left out (TS_TIME_NEVER). */
int ts_fixture_read_time(const struct ts_json *object, const char *key, int64_t *ret,
                         struct ts_err *err) TS_MUST_CHECK;

#endif
