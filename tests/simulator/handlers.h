/*
 * handlers - one function an operation; each answers its call
 */
#ifndef TS_SIMULATOR_HANDLERS_H
#define TS_SIMULATOR_HANDLERS_H

#include "internal.h"

/* directory.c: organizations and people */
void ts_sim_get_organization(struct ts_sim_call *c);
void ts_sim_search_users(struct ts_sim_call *c);

/* authorization.c: roles, divisions, who holds what */
void ts_sim_list_roles(struct ts_sim_call *c);
void ts_sim_list_divisions(struct ts_sim_call *c);
void ts_sim_get_home_division(struct ts_sim_call *c);
void ts_sim_list_role_subjects(struct ts_sim_call *c);
void ts_sim_get_subject(struct ts_sim_call *c);

/* trustees.c: trusts and their members */
void ts_sim_list_trustees(struct ts_sim_call *c);
void ts_sim_get_trustee(struct ts_sim_call *c);
void ts_sim_update_trustee(struct ts_sim_call *c);
void ts_sim_delete_trustee(struct ts_sim_call *c);
void ts_sim_delete_trustees(struct ts_sim_call *c); /* the bulk route */
void ts_sim_list_care(struct ts_sim_call *c);
void ts_sim_get_default_care(struct ts_sim_call *c);
void ts_sim_list_trustee_users(struct ts_sim_call *c);
void ts_sim_add_trustee_user(struct ts_sim_call *c);
void ts_sim_get_trustee_user(struct ts_sim_call *c);
void ts_sim_remove_trustee_user(struct ts_sim_call *c);
void ts_sim_get_trustee_user_roles(struct ts_sim_call *c);
void ts_sim_set_trustee_user_roles(struct ts_sim_call *c);
void ts_sim_clear_trustee_user_roles(struct ts_sim_call *c);
void ts_sim_set_trustee_user_grants(struct ts_sim_call *c);

#endif
