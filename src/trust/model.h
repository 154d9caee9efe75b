/*
 * model - organizations, trusts, members and grants
 *
 * Types shared by config, genesys and report. Plain values; the only functions are lookups. Three shapes:
 * *declared* (texts and positions, as the YAML has them), *live* (ids, as the API reports them) and, between
 * the two, what trust/resolve.h makes of a declaration: ids again.
 *
 * Strings are borrowed from the arena of the structure that holds them. Text is unescaped; code that displays
 * it must escape it.
 */
#ifndef TS_TRUST_MODEL_H
#define TS_TRUST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/id.h"
#include "util/map.h"
#include "util/sha256.h"
#include "util/timefmt.h"

/* -------------------------------------------------------------------------------------------------- words */

enum ts_direction {
        TS_TRUSTEE, /* the other organization enters ours */
        TS_TRUSTOR, /* we enter theirs */
};
const char *ts_direction_to_string(enum ts_direction d); /* "trustee", "trustor" */

enum ts_kind {
        TS_KIND_TRUST, /* the subject of a change is the trust itself */
        TS_KIND_USER,
        TS_KIND_GROUP,
        TS_KIND_CLONE,
        TS_KIND_PAIRING, /* a pairing request: how a trust begins */
};
const char *ts_kind_to_string(enum ts_kind k); /* "trust", "user", "group", "clone", "pairing" */

/* What a trust is made of. */
enum ts_collection {
        TS_USERS,
        TS_GROUPS,
        TS_CLONES, /* native copies of users in the trustor, at most TS_CLONES_MAX */
        TS_COLLECTIONS,
};
enum ts_kind ts_collection_kind(enum ts_collection c);
const char *ts_collection_to_string(
                enum ts_collection c); /* "users", "groups", "clones": the key of the declaration */

#define TS_CLONES_MAX 5u

/* The same three as an array and by name. */
#define TS_COLLECTIONS_OF(type) \
        union { \
                type collections[TS_COLLECTIONS]; \
                struct { \
                        type users, groups, clones; \
                }; \
        }

enum ts_tristate {
        TS_UNSET, /* not declared: not managed */
        TS_NO,
        TS_YES,
};

/* Where something was written. file NULL: nowhere (it is only live). */
struct ts_source {
        const char *file; /* as the user would type it, relative to the working directory of the settings */
        uint32_t line;    /* 1-based */
        uint32_t column;  /* 1-based, in characters */
};

/* ----------------------------------------------------------------------------- declared: as it is written */

struct ts_decl_text {
        const char *text;
        struct ts_source source;
};

/* `owner`, `ticket`, `note`: free text for people. Decides nothing, and is in no digest. */
struct ts_decl_labels {
        const char *owner, *ticket, *note; /* NULL: left out */
};

/* One role with its divisions: `Supervisor: [Sales, Support]`, or `Supervisor: all`. */
struct ts_decl_role {
        const char *role; /* name or id */
        struct ts_source source;
        struct ts_decl_text *divisions; /* names or ids */
        uint32_t n_divisions;
        bool all; /* then divisions is empty */
};

struct ts_decl_roles {
        struct ts_decl_role *items;
        size_t n;
};

struct ts_decl_role_set {
        const char *name;
        struct ts_source source;
        struct ts_decl_roles roles;
};

struct ts_decl_member {
        enum ts_kind kind : 8;
        bool grants_managed; /* `roles` or `role_sets` is there */
        uint32_t n_role_sets;
        const struct ts_decl_role_set *
                        *role_sets; /* resolved by config; the sets live in the same ts_declarations */
        struct ts_decl_roles roles;
        const char *key; /* e-mail or id (users); name or id (groups) */
        struct ts_source source;
        struct ts_id id; /* from `id:`, or the key itself when that is a UUID; nil: the key has to be resolved
                          */
        int64_t from, until; /* [from, until): outside it, it is not declared; TS_TIME_UNSET: open */
        struct ts_decl_labels *labels; /* NULL: none */
};

/* Outside its window [from, until). */
bool ts_decl_member_is_outside(const struct ts_decl_member *m, int64_t now);

/* A collection of members. managed false: left out, not managed; managed with n == 0: nobody. */
struct ts_decl_members {
        bool managed;
        struct ts_source source;
        struct ts_decl_member *items; /* in the order of the file */
        size_t n;
};

/* `pairing:` of a trustee: the request from which its trust is created. */
struct ts_decl_pairing {
        struct ts_source source; /* file NULL: left out */
        bool automatic;          /* `auto`: we make the request ourselves, with the partner's client */
        struct ts_id id;         /* else */
};

/* `request:` of a trustor: a pairing request of ours is kept open until the trust exists. */
struct ts_decl_request {
        struct ts_source source; /* file NULL: left out */
        struct ts_decl_members users, groups;
};

struct ts_decl_trust {
        enum ts_direction direction;
        const char *alias;
        struct ts_source source;
        struct ts_id id;               /* the other organization's */
        bool absent;                   /* state: absent */
        struct ts_source state_source; /* of `state`, when written */
        bool observe;                  /* mode: observe */
        bool report_unlisted;          /* unlisted: report */
        enum ts_tristate enabled;
        struct ts_source enabled_source;
        int64_t expires; /* TS_TIME_UNSET, TS_TIME_NEVER or a time */
        struct ts_source expires_source;
        TS_COLLECTIONS_OF(struct ts_decl_members);
        struct ts_decl_pairing pairing;
        struct ts_decl_request request;
        struct ts_decl_labels *labels; /* NULL: none */
};

/* `customer_care:`, the vendor's own support organization. */
struct ts_decl_care {
        struct ts_source source; /* file NULL: left out, not managed */
        bool absent;
        bool assign_default_role, auto_expire; /* apply when it is created */
};

struct ts_decl_organization {
        const char *alias;             /* an organization of the settings */
        struct ts_source source;       /* of the first file that names it */
        struct ts_digest content_hash; /* of the files that name it, in sorted order */
        struct ts_decl_role_set *role_sets;
        size_t n_role_sets;
        struct ts_decl_trust *trusts; /* sorted by direction, then alias */
        size_t n_trusts;
        bool trustees_managed, trustors_managed; /* the key is there: the list is complete */
        struct ts_source trustees_source, trustors_source;
        struct ts_decl_care care;
};

struct ts_declarations {
        struct ts_arena arena;                      /* owns everything below */
        struct ts_decl_organization *organizations; /* sorted by alias; only those that a file names */
        size_t n_organizations;
        size_t n_files;
        struct ts_digest content_hash; /* over the files in sorted order: path relative to `trusts`, length,
                                          bytes */
        const char *revision; /* of a REVISION file, else the commit, else content_hash's first 12 digits */
        const char *revision_text; /* for people: util/revision.h */
        unsigned n_others;         /* holders besides the first one */
};

/* One more holder: each calls ts_declarations_free(). Return: @d. */
struct ts_declarations *ts_declarations_ref(struct ts_declarations *d);

void ts_declarations_free(struct ts_declarations *d); /* allocated by ts_calloc(); NULL is fine */
TS_DEFINE_CLEANUP(struct ts_declarations, ts_declarations_free)

const struct ts_decl_organization *ts_declarations_find(const struct ts_declarations *d, const char *alias);

/* ------------------------------------------------------------------------------ policy: from the settings */

struct ts_limits {
        uint32_t removals_per_cycle;
        uint32_t removals_per_day;
        uint32_t trust_removals_per_day;
        uint32_t removals_percent;
        uint32_t users_per_trust;
};

struct ts_texts {
        struct ts_decl_text *items;
        size_t n;
};

struct ts_ids {
        struct ts_id *items;
        size_t n;
};

struct ts_policy {
        struct ts_limits limits;
        bool remove_unlisted_trusts;
        struct ts_source unlisted_source; /* of `unlisted_trusts` in the settings */
        uint64_t delete_after_usec;
        struct ts_ids protect_organizations;
        struct ts_texts protect_users; /* e-mail or id */
        struct ts_ids deny_organizations;
        struct ts_texts deny_users;       /* e-mail or id */
        struct ts_texts deny_roles;       /* name or id */
        struct ts_source deny_source;     /* of `deny` in the settings */
        struct ts_texts privileged_roles; /* name or id: trust/privileged.h; without a source: the default */
};

/* -------------------------------------------------------------------------------- live: as the API has it */

/* Roles and divisions of one organization. Index 0 of divisions is always "all divisions" (the API's "*"). */
#define TS_DIVISION_ALL 0u

struct ts_named {
        struct ts_id id; /* nil for TS_DIVISION_ALL */
        const char *name;
};

struct ts_catalog {
        struct ts_named *roles, *divisions;
        size_t n_roles, n_divisions;
        size_t n_roles_allocated, n_divisions_allocated;
        struct ts_map role_ids, division_ids; /* id -> index */
        struct ts_arena keys;                 /* the maps' keys: the tables move when they grow */
        bool complete; /* both listings were read to their end; false: a name that is missing proves nothing
                        */
};

void ts_catalog_init(struct ts_catalog *c); /* with TS_DIVISION_ALL in place */
void ts_catalog_done(struct ts_catalog *c);
/* Adds it when the id is new; @name is borrowed (NULL: the id's text is shown). Returns its index. */
uint32_t ts_catalog_add_role(struct ts_catalog *c, const struct ts_id *id, const char *name);
uint32_t ts_catalog_add_division(struct ts_catalog *c, const struct ts_id *id, const char *name);

/* One role in one division. Indices into the catalogue of the member's trustor. */
struct ts_grant {
        uint32_t role, division;
        const struct ts_source *source; /* of the declaration that asks for it; NULL in live state */
};

/* Orders by role, then division (indices). */
int ts_grant_compare(const struct ts_grant *a, const struct ts_grant *b);

/* Are two normalised sets the same? */
bool ts_grants_equal(const struct ts_grant *a, size_t n_a, const struct ts_grant *b, size_t n_b);

/* Sorts, drops duplicates (the first source wins), and lets "all" swallow single divisions of its role.
 * Returns the new number. */
size_t ts_grants_normalise(struct ts_grant *grants, size_t n);

enum ts_coverage {
        TS_COVERAGE_NONE,     /* not read: nothing needed it */
        TS_COVERAGE_PARTIAL,  /* some pages are missing, or the numbers do not agree: proves presence, never
                                 absence */
        TS_COVERAGE_COMPLETE, /* every page arrived and distinct ids equal `total` */
};

/* A person as reported by the platform. The name is chosen by that person; only the ids identify them. */
struct ts_person {
        const char *name;              /* e-mail, name or the id's text */
        struct ts_id id, organization; /* nil: unknown */
};

struct ts_member {
        enum ts_kind kind : 8;
        enum ts_coverage grants_coverage : 8;
        uint32_t n_grants;
        struct ts_grant *grants; /* normalised */
        struct ts_id id;
        const char *email;  /* users; NULL when the API gave none */
        const char *name;   /* display name, or the group's name; NULL when the API gave none */
        const char *state;  /* "active", ...; NULL when the API gave none */
        int64_t created;    /* TS_TIME_UNSET when the API gave none */
        int64_t last_login; /* 0 when the API gave none, which is not "never" */
        const struct ts_person *created_by; /* who added it; NULL when the API gave none */
};

struct ts_members {
        enum ts_coverage coverage;
        bool is_denied; /* our client may not list them; presence was asked one by one, which proves nothing
                           of others */
        struct ts_member *items; /* sorted by id, unique */
        size_t n;
};

struct ts_trust {
        enum ts_direction direction;
        struct ts_id id;  /* the other organization's */
        const char *name; /* NULL when the API gave none */
        bool enabled;
        bool uses_default_role, has_full_access, is_trusted_user;
        bool customer_care; /* the vendor's support organization */
        int64_t expires;    /* TS_TIME_NEVER when there is no end */
        int64_t created;
        const struct ts_person *created_by;
        TS_COLLECTIONS_OF(struct ts_members);
};

/* A pairing request that was asked for by its id. */
enum ts_pairing_state {
        TS_PAIRING_UNREAD, /* could not be read: nothing is known of it */
        TS_PAIRING_OPEN,
        TS_PAIRING_GONE, /* used, expired, or never there */
};

struct ts_pairing {
        struct ts_id id;
        enum ts_pairing_state state;
        struct ts_id trustee;     /* whose people want to come in */
        const char *trustee_name; /* NULL when the API gave none */
        int64_t created;          /* TS_TIME_UNSET when the API gave none */
        struct ts_members users, groups;
};

/* A request is good for this long (the API's schema; its help pages promise more), once. */
#define TS_PAIRING_LIFE_SEC (48 * 60 * 60)

/* What was read of one organization in one cycle. */
struct ts_live {
        struct ts_arena arena; /* owns everything below but the catalogue's and map's tables */
        struct ts_id organization_id;
        const char *organization_name;
        struct ts_catalog catalog;
        enum ts_coverage trusts_coverage;
        struct ts_trust *trusts; /* sorted by direction, then id; unique */
        size_t n_trusts;
        enum ts_coverage trustors_coverage; /* trusts_coverage is of the trustees */
        enum ts_coverage care_coverage; /* COMPLETE: it is known which trusts are customer care, and whether
                                           there is one */
        struct ts_pairing *pairings;
        size_t n_pairings;
        bool is_offline;         /* from an export: what is not in it cannot be asked for */
        int64_t clock_skew_sec;  /* server's Date minus our clock, at the newest answer; 0 when unknown */
        const char *grants_note; /* the holders of roles changed while they were read, and what was done; NULL
                                  */
};

struct ts_live *ts_live_new(void) TS_MUST_CHECK __attribute__((returns_nonnull));
void ts_live_free(struct ts_live *live); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_live, ts_live_free)

struct ts_trust *ts_live_find_trust(const struct ts_live *live, enum ts_direction d, const struct ts_id *id);
/* The vendor's support organization; NULL: it is not there, or not known. */
const struct ts_trust *ts_live_find_care(const struct ts_live *live);
/* Put in their order, each id once. Return the new number. */
size_t ts_trusts_sort(struct ts_trust *trusts, size_t n);
size_t ts_members_sort(struct ts_member *members, size_t n);

struct ts_member *ts_members_find(const struct ts_members *m, const struct ts_id *id);
const struct ts_pairing *ts_live_find_pairing(const struct ts_live *live,
                                              const struct ts_id *id); /* NULL: not asked for */

/* The coverage of the list of trusts in that direction. */
enum ts_coverage ts_live_coverage(const struct ts_live *live, enum ts_direction d);

/* Is its account in use? A deleted or inactive one is listed as a member and cannot sign in. True where the
 * API gave no state. */
bool ts_member_is_active(const struct ts_member *m);

/* Does @live equal @desired? Ends are compared as the platform rounds them, to whole minutes. */
bool ts_expiry_is_same(int64_t desired, int64_t live);

/* Display name: e-mail, else name, else the id's text (in @buf). Never NULL. */
const char *ts_member_label(const struct ts_member *m, struct ts_id_text *buf);

#endif
