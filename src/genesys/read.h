/*
 * read - reads the live state of one organization with few requests, and proves that it is complete
 *
 * I/O through the client only. Fills a ts_live (trust/model.h). Lists are read page 1 first, the other pages
 * in parallel; a list is complete when every page arrived and the number of distinct ids equals `total`; one
 * that is not is read once more. Nothing outside the scope is read.
 *
 * Requests: those of "REQUESTS" in trustsyncd(8), which tests/integration/requests.test counts. To choose how
 * grants are read, page 1 of some roles may be read without being used; never when there are fewer members
 * than roles.
 */
#ifndef TS_GENESYS_READ_H
#define TS_GENESYS_READ_H

#include "genesys/client.h"
#include "trust/model.h"

/* Selects the trusts whose members are read; called once per live trust after the list of trusts was read. */
struct ts_read_scope {
        bool (*wants)(const struct ts_trust *trust, enum ts_collection collection, void *userdata);
        bool wants_trustors; /* the list of trustors */
        bool wants_care;     /* customer care must be distinguished from other trusts: +2 requests */
        bool is_tried_once;  /* lists of members whose first attempt fails are left for a later call */
        void *userdata;
};

/*
 * ts_read_organization - roles, divisions, trusts, and the members of the trusts in scope (without their
 * grants)
 * @live: filled; what could not be read completely has less than TS_COVERAGE_COMPLETE and a message in @warn
 * @warn: called for each thing that makes the view incomplete, with a sentence for people
 *
 * Return: 0 also when a single listing of members was incomplete; negative when nothing can be planned (no
 * token, wrong organization, no list of roles, divisions or trusts).
 */
typedef void (*ts_read_warn)(const struct ts_trust *trust, const struct ts_err *err, void *userdata);

int ts_read_organization(struct ts_client *client, const struct ts_read_scope *scope, struct ts_live *live,
                         ts_read_warn warn, void *warn_userdata, struct ts_err *err) TS_MUST_CHECK;

/* The same without roles and divisions: what `deny` has to know. Both leave alone what @live has. */
int ts_read_trusts(struct ts_client *client, const struct ts_read_scope *scope, struct ts_live *live,
                   ts_read_warn warn, void *warn_userdata, struct ts_err *err) TS_MUST_CHECK;

struct ts_read_target {
        struct ts_trust *trust;
        struct ts_member *member;
};

/* Is authorization/subjects/{id} reliable for members of this organization? */
enum ts_subject_reads {
        TS_SUBJECT_READS_UNKNOWN,
        TS_SUBJECT_READS_PROVEN,
        TS_SUBJECT_READS_UNUSABLE,
};

/*
 * ts_read_grants - the grants of @n members, into members[i]->grants
 *
 * Chooses between one read per member and the sweep over all roles, by cost; says in @ret_how (arena of
 * @live) what was chosen and why. A member whose grants could not be proved complete keeps grants_coverage
 * below TS_COVERAGE_COMPLETE. Return: 0; negative when the client can do nothing more.
 */
int ts_read_grants(struct ts_client *client, struct ts_live *live, const struct ts_read_target *targets,
                   size_t n, enum ts_subject_reads *ret_subjects, const char **ret_how, ts_read_warn warn,
                   void *warn_userdata, struct ts_err *err) TS_MUST_CHECK;

/*
 * ts_read_search - active users or groups of the client's own organization, in batches
 * @kind:  TS_KIND_USER: by e-mail; TS_KIND_GROUP: by name
 * @ret:   @n ids; nil where nobody, or more than one, is called that
 * Return: 0; -EACCES: the client may not (403); else what went wrong.
 */
int ts_read_search(struct ts_client *client, enum ts_kind kind, const char *const *keys, size_t n,
                   struct ts_id *ret, struct ts_err *err) TS_MUST_CHECK;

/* Pairing requests by their ids, into live->pairings; one that cannot be read is TS_PAIRING_UNREAD and
 * said in @warn. 0; negative when the client can do nothing more. */
int ts_read_pairings(struct ts_client *client, struct ts_live *live, const struct ts_ids *ids,
                     ts_read_warn warn, void *warn_userdata, struct ts_err *err) TS_MUST_CHECK;

/* Who of @ids is in a collection whose list is denied to us, asked one by one: they become its items. The
 * coverage stays as it is: nothing is known of others. 0; negative when the client can do nothing more. */
int ts_read_presence(struct ts_client *client, struct ts_live *live, struct ts_trust *trust,
                     enum ts_collection c, const struct ts_ids *ids, ts_read_warn warn, void *warn_userdata,
                     struct ts_err *err) TS_MUST_CHECK;

/*
 * ts_read_directory - all active users, or all groups, of the client's own organization
 * @live: its arena gets them
 * @ret:  by id; set on success only
 * Return: 0; -ENODATA: the list could not be read completely; else what went wrong.
 */
int ts_read_directory(struct ts_client *client, struct ts_live *live, enum ts_kind kind,
                      struct ts_members *ret, struct ts_err *err) TS_MUST_CHECK;

/* A text that decides nothing: cut after TS_NAME_MAX_BYTES, with U+FFFD in place of what is no text. */
const char *ts_read_name(const struct ts_json *json, const char *key, struct ts_arena *arena);

/* The same of all users in a group, active or not. */
int ts_read_group_members(struct ts_client *client, struct ts_live *live, const struct ts_id *group,
                          struct ts_members *ret, struct ts_err *err) TS_MUST_CHECK;

/* One answer of the API -> domain. Shared with apply's fresh reads. Return: 0; 1: the object is there, but a
 * text that decides what is meant (an e-mail, the name of a group) cannot be used and is NULL, @err says why;
 * -EBADMSG: a required field is missing. */
int ts_read_trust(const struct ts_json *json, enum ts_direction direction, struct ts_arena *arena,
                  struct ts_trust *ret, struct ts_err *err) TS_MUST_CHECK;
int ts_read_pairing(const struct ts_json *json, struct ts_arena *arena, struct ts_pairing *ret,
                    struct ts_err *err) TS_MUST_CHECK;
/* When it became a member; TS_TIME_UNSET: the answer does not say it (that of a clone never does). */
int64_t ts_read_member_created(const struct ts_json *json, enum ts_kind kind);

/* @kind: TS_KIND_USER, TS_KIND_GROUP or TS_KIND_CLONE */
int ts_read_member(const struct ts_json *json, enum ts_kind kind, struct ts_arena *arena,
                   struct ts_member *ret, struct ts_err *err) TS_MUST_CHECK;
/* Grants of @member in an answer of authorization/subjects/{id}; normalised, in @arena; new roles and
 * divisions go to the catalogue. */
int ts_read_subject(const struct ts_json *json, const struct ts_id *member, struct ts_live *live,
                    struct ts_arena *arena, struct ts_grant **ret, size_t *ret_n,
                    struct ts_err *err) TS_MUST_CHECK;
/* A division as {"id", "name"}, "*" for all: its index in the catalogue, which gets it when it is new. */
int ts_read_division(const struct ts_json *json, struct ts_live *live, uint32_t *ret,
                     struct ts_err *err) TS_MUST_CHECK;
/* The roles of an answer of .../users/{id}/roles, sorted and unique; catalogue indices. */
int ts_read_roles(const struct ts_json *json, struct ts_live *live, struct ts_arena *arena, uint32_t **ret,
                  size_t *ret_n, struct ts_err *err) TS_MUST_CHECK;

#endif
