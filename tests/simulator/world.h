/*
 * world - what the simulated platform knows: organizations, their people and groups, and who may enter whom
 *
 * Pure. Everything but the trusts is only added to, and lives in the world's arena. A trust belongs to the
 * trustor; its trustee sees the same one. It is a value: a
 * write makes a changed copy and commits it in the place of the old one, so that earlier versions stay
 * readable (stale answers, slow propagation, what was live at the start). Grants are sorted by role, then
 * division, without duplicates.
 */
#ifndef TS_SIMULATOR_WORLD_H
#define TS_SIMULATOR_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/id.h"
#include "util/macros.h"
#include "util/map.h"

#define TS_WORLD_ALL UINT32_MAX /* a grant's division: all of them, "*" in the API */

/* Who can be a member of a trust. */
enum ts_world_kind {
        TS_WORLD_USER,
        TS_WORLD_GROUP,
        TS_WORLD_KINDS,
};

enum ts_world_state {
        TS_WORLD_ACTIVE,
        TS_WORLD_INACTIVE,
        TS_WORLD_DELETED,
        TS_WORLD_STATE_MAX_,
};
const char *ts_world_state_to_string(enum ts_world_state s);
bool ts_world_state_from_string(const char *s, enum ts_world_state *ret);

struct ts_world_grant {
        uint32_t role, division; /* indices into the organization's */
};

struct ts_world_grants {
        struct ts_world_grant *items;
        size_t n;
};

struct ts_world_role {
        struct ts_id id;
        const char *name;
        bool removed;           /* keeps its index, is not there any more */
        const char *start_name; /* what the fixture said; NULL: nothing, it came later */
};

struct ts_world_division {
        struct ts_id id;
        const char *name;
        bool home;
};

/* A user or a group. */
struct ts_world_party {
        enum ts_world_kind kind;
        struct ts_id id;
        const char *name, *email; /* a group has no e-mail */
        const char *last_login;   /* NULL: not told */
        enum ts_world_state state;
        struct ts_world_org *home;
        struct ts_world_party **people; /* in the group */
        size_t n_people;
        /* what the fixture said */
        bool at_start;
        const char *start_email;
        enum ts_world_state start_state;
};

/* Somebody of the organization itself who holds roles in it. */
struct ts_world_subject {
        struct ts_id id;
        const char *name;
        const char *type; /* "PC_USER", "PC_GROUP", "PC_OAUTH_CLIENT" */
        struct ts_world_grants grants;
};

struct ts_world_member {
        struct ts_world_party *party;
        int64_t created;
        const struct ts_world_party *created_by; /* NULL: a client, or nobody knows */
        struct ts_world_grants grants;           /* owned by the trust */
};

struct ts_world_members {
        struct ts_world_member *items;
        size_t n;
};

struct ts_world_trust {
        unsigned refs;
        struct ts_world_org *trustee;
        bool enabled, uses_default_role, has_full_access, is_trusted_user;
        int64_t created;
        const struct ts_world_party *created_by; /* as a member's */
        int64_t expires;                         /* TS_TIME_NEVER: no end */
        int64_t disabled_since;                  /* TS_TIME_UNSET while enabled */
        struct ts_world_members members[TS_WORLD_KINDS];
        struct ts_world_party **clones; /* users of the trustee with a native copy in the trustor */
        size_t n_clones;
};

/* What a trustee asks for, and a trustor makes a trust of. */
struct ts_world_pairing {
        struct ts_id id;
        struct ts_world_org *trustee;
        struct ts_world_party **parties; /* users and groups */
        size_t n_parties;
        int64_t created;
        bool used;
        bool start_used; /* what the fixture said */
};

/* The place of a trust; stays when the trust goes. */
struct ts_world_slot {
        struct ts_world_org *trustee;
        struct ts_world_trust *now;   /* NULL: no trust */
        struct ts_world_trust *start; /* what the fixture said */
        /* what other hands made of it since: not everything that is live came by requests */
        struct ts_world_trust **edits;
        size_t n_edits, a_edits;
        bool disabled_by_others;
};

/* What somebody of a trustee did in the organization. */
struct ts_world_act {
        const struct ts_world_party *user;
        int64_t time;
        const char *action, *entity;
};

struct ts_world_client {
        const char *id, *secret, *name;
        const char **permissions; /* patterns; n == 0 with all_permissions: everything */
        size_t n_permissions;
        bool all_permissions;
        bool trustor_members; /* has rights in the trustors too: may manage members there */
        int64_t token_ttl_sec;
        struct ts_world_org *org;
};

/* One holder of a role, for the listing of a role's subjects. */
struct ts_world_holder {
        const struct ts_id *id;
        const char *name, *type;
        const struct ts_world_grant *grants; /* those of this role */
        size_t n_grants;
};

struct ts_world_org {
        uint32_t index;
        struct ts_id id;
        const char *name;
        struct ts_world_role *roles;
        struct ts_world_division *divisions;
        struct ts_world_directory {
                struct ts_world_party **items;
                size_t n, a;
        } directory[TS_WORLD_KINDS];
        struct ts_world_subject *subjects;
        struct ts_world_slot *slots;
        struct ts_world_act *acts; /* by time */
        size_t n_roles, n_divisions, n_subjects, n_slots, n_acts;
        size_t a_roles, a_divisions, a_subjects, a_slots, a_acts; /* allocated */
        struct ts_map role_ids, division_ids, slot_ids, subject_ids;
        struct ts_id default_care; /* nil: no default care trust */
        struct ts_id start_default_care;
        /* the holders of role r: holders[starts[r]] .. holders[starts[r + 1]] */
        struct ts_world_holder *holders;
        size_t *starts;
        bool holders_valid;
};

struct ts_world_version { /* one commit */
        struct ts_world_org *org;
        size_t slot;
        struct ts_world_trust *before;
        uint64_t visible_at; /* boottime; until then reads see @before */
};

typedef void (*ts_world_on_commit)(struct ts_world_org *org, const struct ts_world_trust *before,
                                   const struct ts_world_trust *after, void *userdata);

struct ts_world {
        struct ts_arena arena;
        struct ts_world_org **orgs;
        struct ts_world_client **clients;
        struct ts_world_party **parties;
        struct ts_world_pairing **pairings; /* oldest first */
        struct ts_id *care;                 /* the vendor's care organizations of the region */
        size_t n_orgs, n_clients, n_parties, n_pairings, n_care;
        size_t a_orgs, a_clients, a_parties, a_pairings, a_care;
        size_t n_start_pairings;
        struct ts_map org_ids, client_ids, party_ids;
        struct ts_world_version *versions; /* oldest first; the oldest are forgotten past a bound */
        size_t n_versions, a_versions;
        uint64_t settled_at;              /* from then on every version is visible */
        struct ts_world_version *rewound; /* what ts_world_rewind() took away, newest first */
        size_t n_rewound, a_rewound;
        ts_world_on_commit on_commit; /* may be NULL */
        void *userdata;
};

struct ts_world *ts_world_new(void) TS_MUST_CHECK;
void ts_world_free(struct ts_world *w); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_world, ts_world_free)

/* An id made from words, for fixtures that leave ids out: the same words give the same id. */
struct ts_id ts_world_derive_id(const char *kind, const char *parent, const char *name);

/* Adding. Texts are copied. An organization, user or group that is there already is returned as it is, its
 * missing texts filled in; a role that was removed comes back. */
struct ts_world_org *ts_world_add_org(struct ts_world *w, const struct ts_id *id, const char *name);
struct ts_world_client *ts_world_add_client(struct ts_world *w, struct ts_world_org *org, const char *id,
                                            const char *secret);
struct ts_world_party *ts_world_add_user(struct ts_world *w, struct ts_world_org *home,
                                         const struct ts_id *id, const char *email, const char *name);
struct ts_world_party *ts_world_add_group(struct ts_world *w, struct ts_world_org *home,
                                          const struct ts_id *id, const char *name);
/* Room for @n_parties, which the caller fills in. */
struct ts_world_pairing *ts_world_add_pairing(struct ts_world *w, struct ts_world_org *trustee,
                                              const struct ts_id *id, size_t n_parties);
uint32_t ts_world_add_role(struct ts_world *w, struct ts_world_org *org, const struct ts_id *id,
                           const char *name);
uint32_t ts_world_add_division(struct ts_world *w, struct ts_world_org *org, const struct ts_id *id,
                               const char *name, bool home);
void ts_world_add_subject(struct ts_world *w, struct ts_world_org *org, const struct ts_id *id,
                          const char *name, const char *type, const struct ts_world_grants *grants);
void ts_world_add_act(struct ts_world *w, struct ts_world_org *org, const struct ts_world_act *act);
void ts_world_add_care(struct ts_world *w, const struct ts_id *id);
void ts_world_rename_role(struct ts_world *w, struct ts_world_org *org, uint32_t role, const char *name);
void ts_world_remove_role(struct ts_world_org *org, uint32_t role); /* its grants are not seen any more */

/* Looking up; NULL or TS_MAP_NONE when it is not there. */
struct ts_world_org *ts_world_find_org(const struct ts_world *w, const struct ts_id *id);
struct ts_world_client *ts_world_find_client(const struct ts_world *w, const char *id, size_t len);
struct ts_world_party *ts_world_find_party(const struct ts_world *w, enum ts_world_kind kind,
                                           const struct ts_id *id);
struct ts_world_pairing *ts_world_find_pairing(const struct ts_world *w, const struct ts_id *id);
uint32_t ts_world_find_role(const struct ts_world_org *org, const struct ts_id *id);
uint32_t ts_world_find_division(const struct ts_world_org *org, const struct ts_id *id);
size_t ts_world_find_slot(const struct ts_world_org *org, const struct ts_id *trustee); /* SIZE_MAX: none */
struct ts_world_trust *ts_world_find_trust(const struct ts_world_org *org,
                                           const struct ts_id *trustee); /* NULL: none now */
struct ts_world_member *ts_world_find_member(const struct ts_world_trust *trust, enum ts_world_kind kind,
                                             const struct ts_id *id);
const char *ts_world_name(const struct ts_world_party *p); /* or else its e-mail */
bool ts_world_has_clone(const struct ts_world_trust *trust, const struct ts_id *user);
bool ts_world_is_in_group(const struct ts_world_party *group, const struct ts_id *user);

/* Trusts: work on a copy, then commit it. */
struct ts_world_trust *ts_world_trust_new(struct ts_world_org *trustee) TS_MUST_CHECK;
struct ts_world_trust *ts_world_trust_copy(const struct ts_world_trust *trust) TS_MUST_CHECK;
struct ts_world_trust *ts_world_trust_ref(struct ts_world_trust *trust);
void ts_world_trust_unref(struct ts_world_trust *trust); /* NULL is fine */
/* @grants are copied; the member is new. */
struct ts_world_member *ts_world_trust_add(struct ts_world_trust *trust, struct ts_world_party *party,
                                           const struct ts_world_grants *grants);
void ts_world_trust_remove(struct ts_world_trust *trust, struct ts_world_member *member);
void ts_world_trust_add_clone(struct ts_world_trust *trust, struct ts_world_party *user);
void ts_world_trust_remove_clone(struct ts_world_trust *trust, const struct ts_id *user);
void ts_world_member_set(struct ts_world_member *member, const struct ts_world_grants *grants); /* copied */

size_t ts_world_slot(struct ts_world *w, struct ts_world_org *org,
                     struct ts_world_org *trustee); /* made when missing */
/* Takes @next over; NULL: the trust goes. @visible_at: 0 at once. */
void ts_world_commit(struct ts_world *w, struct ts_world_org *org, size_t slot, struct ts_world_trust *next,
                     uint64_t visible_at);
/* The same by other hands than a client's. */
void ts_world_commit_edit(struct ts_world *w, struct ts_world_org *org, size_t slot,
                          struct ts_world_trust *next);
void ts_world_mark_start(struct ts_world *w); /* what is there now is the start */
void ts_world_reset(struct ts_world *w);      /* back to the start; history is forgotten */

/* Shows the trusts as they were @n_back commits ago, and without commits that are not visible at @now. Undo
 * before the next write. */
void ts_world_rewind(struct ts_world *w, size_t n_back, uint64_t now);
void ts_world_undo_rewind(struct ts_world *w);

/* The holders of a role: employees first, then the trusts' members. Valid until the next change. Cost: linear
 * once after a change. */
const struct ts_world_holder *ts_world_holders(struct ts_world_org *org, uint32_t role, size_t *ret_n);

/* Sorts and drops duplicates. */
void ts_world_grants_normalise(struct ts_world_grants *grants);
bool ts_world_grants_have(const struct ts_world_grants *grants, struct ts_world_grant g);

#endif
