/*
 * answers - the objects that several answers hold: people, groups, organizations, trusts
 */
#ifndef TS_SIMULATOR_ANSWERS_H
#define TS_SIMULATOR_ANSWERS_H

#include "internal.h"

void ts_sim_put_time(struct ts_json_writer *w, const char *key, int64_t t);

/* As Organization has it. @id: what it shows as its id. */
void ts_sim_put_organization(struct ts_json_writer *w, const char *key, const struct ts_world_org *org,
                             const struct ts_id *id);

/* A user or a group, its members only: the caller opens and closes the object, and may add more. @id: what it
 * shows as its id; NULL: its own. */
void ts_sim_put_party(struct ts_json_writer *w, const struct ts_world_party *p, const struct ts_id *id);

/* "createdBy", as OrgUser has it; nothing when it is not known. */
void ts_sim_put_creator(struct ts_json_writer *w, const struct ts_world_party *creator);

/* Trustee: the trust as its trustor sees it. */
void ts_sim_put_trust(struct ts_sim_call *c, const struct ts_world_trust *t, const struct ts_id *fake_id);
/* Trustor: the same one as its trustee sees it. */
void ts_sim_put_trustor(struct ts_sim_call *c, const struct ts_world_org *trustor,
                        const struct ts_world_trust *t, const struct ts_id *fake_id);

#endif
