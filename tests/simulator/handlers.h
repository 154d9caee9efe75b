/*
 * handlers - one function an operation; each answers its call
 */
#ifndef TS_SIMULATOR_HANDLERS_H
#define TS_SIMULATOR_HANDLERS_H

#include "internal.h"

/* directory.c: organizations, people and groups; the route says which of the two */
void ts_sim_get_organization(struct ts_sim_call *c);
void ts_sim_update_organization(struct ts_sim_call *c); /* a violation */
void ts_sim_list_directory(struct ts_sim_call *c);
void ts_sim_list_group_members(struct ts_sim_call *c);
void ts_sim_search_directory(struct ts_sim_call *c);
void ts_sim_repeat_search(struct ts_sim_call *c);

/* authorization.c: roles, divisions, who holds what */
void ts_sim_list_roles(struct ts_sim_call *c);
void ts_sim_list_divisions(struct ts_sim_call *c);
void ts_sim_get_home_division(struct ts_sim_call *c);
void ts_sim_list_role_subjects(struct ts_sim_call *c);
void ts_sim_get_subject(struct ts_sim_call *c);

/* trusts.c: who may enter us, whom we may enter */
void ts_sim_list_trustees(struct ts_sim_call *c);
void ts_sim_get_trustee(struct ts_sim_call *c);
void ts_sim_create_trustee(struct ts_sim_call *c);
void ts_sim_update_trustee(struct ts_sim_call *c);
void ts_sim_list_care(struct ts_sim_call *c);
void ts_sim_create_care(struct ts_sim_call *c);
void ts_sim_get_default_care(struct ts_sim_call *c);
void ts_sim_create_default_care(struct ts_sim_call *c);
void ts_sim_list_trustors(struct ts_sim_call *c);
void ts_sim_get_trustor(struct ts_sim_call *c);
void ts_sim_delete_trust(struct ts_sim_call *c);  /* from both sides */
void ts_sim_delete_trusts(struct ts_sim_call *c); /* the bulk routes: a violation */

/* pairings.c: requests for a trust */
void ts_sim_create_pairing(struct ts_sim_call *c);
void ts_sim_get_pairing(struct ts_sim_call *c);

/* members.c: users or groups in a trust, as the route says */
void ts_sim_list_members(struct ts_sim_call *c);
void ts_sim_add_member(struct ts_sim_call *c);  /* by the trustor */
void ts_sim_join_member(struct ts_sim_call *c); /* by the trustee */
void ts_sim_get_member(struct ts_sim_call *c);
void ts_sim_remove_member(struct ts_sim_call *c);
void ts_sim_get_member_roles(struct ts_sim_call *c);
void ts_sim_set_member_roles(struct ts_sim_call *c);
void ts_sim_clear_member_roles(struct ts_sim_call *c);
void ts_sim_set_member_grants(struct ts_sim_call *c);

/* clones.c: native copies of trusted users */
void ts_sim_list_clones(struct ts_sim_call *c);
void ts_sim_get_clone(struct ts_sim_call *c);
void ts_sim_add_clone(struct ts_sim_call *c);
void ts_sim_remove_clone(struct ts_sim_call *c);

/* audit.c: what was done, and by whom */
void ts_sim_create_audit_query(struct ts_sim_call *c);
void ts_sim_get_audit_query(struct ts_sim_call *c);
void ts_sim_get_audit_results(struct ts_sim_call *c);
void ts_sim_get_audit_services(struct ts_sim_call *c);
void ts_sim_audit_trustees(struct ts_sim_call *c);
void ts_sim_audit_trustor(struct ts_sim_call *c);

#endif
