#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/sha256.h"
#include "util/timefmt.h"

#define WORLD_VERSIONS_MAX 8192u

static const char *const world_user_states[] = { "active", "inactive", "deleted" };

const char *ts_world_user_state_to_string(enum ts_world_user_state s)
{
        assert(s < TS_WORLD_USER_STATE_MAX_);
        return world_user_states[s];
}

bool ts_world_user_state_from_string(const char *s, enum ts_world_user_state *ret)
{
        for (unsigned i = 0; i < TS_WORLD_USER_STATE_MAX_; i++)
                if (strcmp(s, world_user_states[i]) == 0) {
                        *ret = (enum ts_world_user_state) i;
                        return true;
                }
        return false;
}

struct ts_world *ts_world_new(void)
{
        return ts_calloc(1, sizeof(struct ts_world));
}

static void world_forget_edits(struct ts_world_slot *s)
{
        for (size_t i = 0; i < s->n_edits; i++)
                ts_world_trust_unref(s->edits[i]);
        s->n_edits = 0;
}

static void world_org_done(struct ts_world_org *org)
{
        for (size_t i = 0; i < org->n_slots; i++) {
                world_forget_edits(&org->slots[i]);
                free(org->slots[i].edits);
                ts_world_trust_unref(org->slots[i].now);
                ts_world_trust_unref(org->slots[i].start);
        }
        free(org->roles);
        free(org->divisions);
        free(org->users);
        free(org->subjects);
        free(org->slots);
        free(org->holders);
        free(org->starts);
        ts_map_done(&org->role_ids);
        ts_map_done(&org->division_ids);
        ts_map_done(&org->slot_ids);
        ts_map_done(&org->subject_ids);
}

static void world_forget_versions(struct ts_world *w, size_t n)
{
        for (size_t i = 0; i < n; i++)
                ts_world_trust_unref(w->versions[i].before);
        w->n_versions -= n;
        if (w->n_versions > 0)
                memmove(w->versions, w->versions + n, w->n_versions * sizeof(*w->versions));
}

void ts_world_free(struct ts_world *w)
{
        if (!w)
                return;
        world_forget_versions(w, w->n_versions);
        for (size_t i = 0; i < w->n_orgs; i++)
                world_org_done(w->orgs[i]);
        free(w->orgs);
        free(w->clients);
        free(w->users);
        free(w->care);
        free(w->versions);
        free(w->rewound);
        ts_map_done(&w->org_ids);
        ts_map_done(&w->client_ids);
        ts_map_done(&w->user_ids);
        ts_arena_done(&w->arena);
        free(w);
}

/* -------------------------------------------------------------------------------------------------- adding
 */

struct ts_id ts_world_derive_id(const char *kind, const char *parent, const char *name)
{
        struct ts_sha256 *h = ts_sha256_new();
        struct ts_digest digest;
        struct ts_id id;

        ts_sha256_put(h, kind, strlen(kind) + 1);
        ts_sha256_put(h, parent, strlen(parent) + 1);
        ts_sha256_put(h, name, strlen(name));
        digest = ts_sha256_finish(h);
        memcpy(id.bytes, digest.bytes, sizeof(id.bytes));
        id.bytes[6] = (uint8_t) ((id.bytes[6] & 0x0f) | 0x40); /* the shape of a random UUID */
        id.bytes[8] = (uint8_t) ((id.bytes[8] & 0x3f) | 0x80);
        return id;
}

struct ts_world_org *ts_world_add_org(struct ts_world *w, const struct ts_id *id, const char *name)
{
        struct ts_world_org *org = ts_world_find_org(w, id);

        if (!org) {
                org = TS_ARENA_NEW(&w->arena, struct ts_world_org);
                org->id = *id;
                org->index = (uint32_t) w->n_orgs;
                TS_GROW(w->orgs, w->a_orgs, w->n_orgs);
                w->orgs[w->n_orgs++] = org;
                (void) ts_map_add_id(&w->org_ids, &org->id, org->index);
        }
        if (!org->name && name)
                org->name = ts_arena_strdup(&w->arena, name);
        return org;
}

struct ts_world_client *ts_world_add_client(struct ts_world *w, struct ts_world_org *org, const char *id,
                                            const char *secret)
{
        struct ts_world_client *c = TS_ARENA_NEW(&w->arena, struct ts_world_client);

        *c = (struct ts_world_client){
                .id = ts_arena_strdup(&w->arena, id),
                .secret = ts_arena_strdup(&w->arena, secret),
                .name = ts_arena_strdup(&w->arena, id),
                .all_permissions = true,
                .org = org,
        };
        TS_GROW(w->clients, w->a_clients, w->n_clients);
        w->clients[w->n_clients] = c;
        (void) ts_map_add(&w->client_ids, c->id, strlen(c->id), (uint32_t) w->n_clients++);
        return c;
}

struct ts_world_user *ts_world_add_user(struct ts_world *w, struct ts_world_org *home, const struct ts_id *id,
                                        const char *email, const char *name)
{
        struct ts_world_user *u = ts_world_find_user(w, id);

        if (!u) {
                u = TS_ARENA_NEW(&w->arena, struct ts_world_user);
                u->id = *id;
                u->home = home;
                TS_GROW(w->users, w->a_users, w->n_users);
                w->users[w->n_users] = u;
                (void) ts_map_add_id(&w->user_ids, &u->id, (uint32_t) w->n_users++);
                TS_GROW(home->users, home->a_users, home->n_users);
                home->users[home->n_users++] = u;
        }
        if (!u->email && email)
                u->email = ts_arena_strdup(&w->arena, email);
        if (!u->name && name)
                u->name = ts_arena_strdup(&w->arena, name);
        return u;
}

uint32_t ts_world_add_role(struct ts_world *w, struct ts_world_org *org, const struct ts_id *id,
                           const char *name)
{
        struct ts_id *key; /* the array moves, a map's keys must not */
        uint32_t known = ts_map_get_id(&org->role_ids, id);

        if (known != TS_MAP_NONE) {
                org->roles[known].removed = false;
                ts_world_rename_role(w, org, known, name);
                return known;
        }
        key = ts_arena_memdup(&w->arena, id, sizeof(*id));
        TS_GROW(org->roles, org->a_roles, org->n_roles);
        org->roles[org->n_roles] =
                        (struct ts_world_role){ .id = *id, .name = ts_arena_strdup(&w->arena, name) };
        (void) ts_map_add_id(&org->role_ids, key, (uint32_t) org->n_roles);
        org->holders_valid = false;
        return (uint32_t) org->n_roles++;
}

uint32_t ts_world_add_division(struct ts_world *w, struct ts_world_org *org, const struct ts_id *id,
                               const char *name, bool home)
{
        struct ts_id *key = ts_arena_memdup(&w->arena, id, sizeof(*id));

        TS_GROW(org->divisions, org->a_divisions, org->n_divisions);
        org->divisions[org->n_divisions] = (struct ts_world_division){
                .id = *id, .name = ts_arena_strdup(&w->arena, name), .home = home
        };
        (void) ts_map_add_id(&org->division_ids, key, (uint32_t) org->n_divisions);
        return (uint32_t) org->n_divisions++;
}

void ts_world_add_subject(struct ts_world *w, struct ts_world_org *org, const struct ts_id *id,
                          const char *name, const char *type, const struct ts_world_grants *grants)
{
        struct ts_id *key = ts_arena_memdup(&w->arena, id, sizeof(*id));
        struct ts_world_grants own = { .n = grants->n };

        own.items = TS_ARENA_ARRAY(&w->arena, struct ts_world_grant, grants->n);
        if (grants->n > 0)
                memcpy(own.items, grants->items, grants->n * sizeof(*own.items));
        ts_world_grants_normalise(&own);
        TS_GROW(org->subjects, org->a_subjects, org->n_subjects);
        org->subjects[org->n_subjects] = (struct ts_world_subject){
                .id = *id,
                .name = ts_arena_strdup(&w->arena, name),
                .type = type,
                .grants = own,
        };
        (void) ts_map_add_id(&org->subject_ids, key, (uint32_t) org->n_subjects++);
        org->holders_valid = false;
}

void ts_world_add_care(struct ts_world *w, const struct ts_id *id)
{
        TS_GROW(w->care, w->a_care, w->n_care);
        w->care[w->n_care++] = *id;
}

void ts_world_rename_role(struct ts_world *w, struct ts_world_org *org, uint32_t role, const char *name)
{
        org->roles[role].name = ts_arena_strdup(&w->arena, name);
}

void ts_world_remove_role(struct ts_world_org *org, uint32_t role)
{
        org->roles[role].removed = true;
        org->holders_valid = false;
}

/* ----------------------------------------------------------------------------------------------- looking up
 */

struct ts_world_org *ts_world_find_org(const struct ts_world *w, const struct ts_id *id)
{
        uint32_t i = ts_map_get_id(&w->org_ids, id);

        return i == TS_MAP_NONE ? NULL : w->orgs[i];
}

struct ts_world_client *ts_world_find_client(const struct ts_world *w, const char *id, size_t len)
{
        uint32_t i = ts_map_get(&w->client_ids, id, len);

        return i == TS_MAP_NONE ? NULL : w->clients[i];
}

struct ts_world_user *ts_world_find_user(const struct ts_world *w, const struct ts_id *id)
{
        uint32_t i = ts_map_get_id(&w->user_ids, id);

        return i == TS_MAP_NONE ? NULL : w->users[i];
}

uint32_t ts_world_find_role(const struct ts_world_org *org, const struct ts_id *id)
{
        uint32_t i = ts_map_get_id(&org->role_ids, id);

        return i != TS_MAP_NONE && org->roles[i].removed ? TS_MAP_NONE : i;
}

uint32_t ts_world_find_division(const struct ts_world_org *org, const struct ts_id *id)
{
        return ts_map_get_id(&org->division_ids, id);
}

size_t ts_world_find_slot(const struct ts_world_org *org, const struct ts_id *trustee)
{
        uint32_t i = ts_map_get_id(&org->slot_ids, trustee);

        return i == TS_MAP_NONE ? SIZE_MAX : i;
}

struct ts_world_member *ts_world_find_member(const struct ts_world_trust *trust, const struct ts_id *user)
{
        for (size_t i = 0; i < trust->n_members; i++)
                if (ts_id_equal(&trust->members[i].user->id, user))
                        return &trust->members[i];
        return NULL;
}

/* -------------------------------------------------------------------------------------------------- trusts
 */

struct ts_world_trust *ts_world_trust_new(struct ts_world_org *trustee)
{
        struct ts_world_trust *t = ts_calloc(1, sizeof(*t));

        *t = (struct ts_world_trust){
                .refs = 1,
                .trustee = trustee,
                .enabled = true,
                .expires = TS_TIME_NEVER,
                .disabled_since = TS_TIME_UNSET,
        };
        return t;
}

static void *world_dup(const void *p, size_t n, size_t size)
{
        void *q = ts_calloc(n, size);

        if (n > 0)
                memcpy(q, p, n * size);
        return q;
}

struct ts_world_trust *ts_world_trust_copy(const struct ts_world_trust *trust)
{
        struct ts_world_trust *t = world_dup(trust, 1, sizeof(*trust));

        t->refs = 1;
        t->members = world_dup(trust->members, trust->n_members, sizeof(*trust->members));
        for (size_t i = 0; i < t->n_members; i++)
                t->members[i].grants.items = world_dup(t->members[i].grants.items, t->members[i].grants.n,
                                                       sizeof(struct ts_world_grant));
        return t;
}

struct ts_world_trust *ts_world_trust_ref(struct ts_world_trust *trust)
{
        if (trust)
                trust->refs++;
        return trust;
}

void ts_world_trust_unref(struct ts_world_trust *trust)
{
        if (!trust || --trust->refs > 0)
                return;
        for (size_t i = 0; i < trust->n_members; i++)
                free(trust->members[i].grants.items);
        free(trust->members);
        free(trust);
}

struct ts_world_member *ts_world_trust_add(struct ts_world_trust *trust, struct ts_world_user *user,
                                           const struct ts_world_grants *grants)
{
        struct ts_world_member *m;

        trust->members = ts_reallocarray(trust->members, trust->n_members + 1, sizeof(*trust->members));
        m = &trust->members[trust->n_members++];
        *m = (struct ts_world_member){ .user = user, .created = trust->created };
        ts_world_member_set(m, grants);
        return m;
}

void ts_world_trust_remove(struct ts_world_trust *trust, struct ts_world_member *member)
{
        size_t i = (size_t) (member - trust->members);

        free(member->grants.items);
        trust->n_members--;
        memmove(member, member + 1, (trust->n_members - i) * sizeof(*member));
}

void ts_world_member_set(struct ts_world_member *member, const struct ts_world_grants *grants)
{
        struct ts_world_grant *items = world_dup(grants->items, grants->n, sizeof(*items));

        free(member->grants.items);
        member->grants = (struct ts_world_grants){ .items = items, .n = grants->n };
        ts_world_grants_normalise(&member->grants);
}

size_t ts_world_slot(struct ts_world *w, struct ts_world_org *org, struct ts_world_org *trustee)
{
        size_t i = ts_world_find_slot(org, &trustee->id);

        (void) w;
        if (i != SIZE_MAX)
                return i;
        TS_GROW(org->slots, org->a_slots, org->n_slots);
        org->slots[org->n_slots] = (struct ts_world_slot){ .trustee = trustee };
        (void) ts_map_add_id(&org->slot_ids, &trustee->id, (uint32_t) org->n_slots);
        return org->n_slots++;
}

void ts_world_commit(struct ts_world *w, struct ts_world_org *org, size_t slot, struct ts_world_trust *next,
                     uint64_t visible_at)
{
        struct ts_world_slot *s = &org->slots[slot];

        assert(w->n_rewound == 0);

        if (w->n_versions >= WORLD_VERSIONS_MAX)
                world_forget_versions(w, WORLD_VERSIONS_MAX / 2);
        TS_GROW(w->versions, w->a_versions, w->n_versions);
        w->versions[w->n_versions++] = (struct ts_world_version){
                .org = org,
                .slot = slot,
                .before = s->now,
                .visible_at = visible_at,
        };
        if (w->settled_at < visible_at)
                w->settled_at = visible_at;
        if (w->on_commit)
                w->on_commit(org, s->now, next, w->userdata);
        s->now = next;
        if (next && next->enabled)
                s->disabled_by_others = false;
        org->holders_valid = false;
}

void ts_world_commit_edit(struct ts_world *w, struct ts_world_org *org, size_t slot,
                          struct ts_world_trust *next)
{
        struct ts_world_slot *s = &org->slots[slot];
        bool disabled = next && !next->enabled && (!s->now || s->now->enabled);

        ts_world_commit(w, org, slot, next, 0);
        if (!next)
                return;
        s->disabled_by_others = s->disabled_by_others || disabled;
        TS_GROW(s->edits, s->a_edits, s->n_edits);
        s->edits[s->n_edits++] = ts_world_trust_ref(next);
}

/* -------------------------------------------------------------------------------------------- the start */

static void world_mark_org(struct ts_world_org *org)
{
        for (size_t i = 0; i < org->n_roles; i++)
                org->roles[i].start_name = org->roles[i].name;
        for (size_t i = 0; i < org->n_slots; i++) {
                struct ts_world_slot *s = &org->slots[i];

                world_forget_edits(s);
                ts_world_trust_unref(s->start);
                s->start = ts_world_trust_ref(s->now);
                s->disabled_by_others = s->now && !s->now->enabled;
        }
}

void ts_world_mark_start(struct ts_world *w)
{
        for (size_t i = 0; i < w->n_orgs; i++)
                world_mark_org(w->orgs[i]);
        for (size_t i = 0; i < w->n_users; i++) {
                w->users[i]->at_start = true;
                w->users[i]->start_email = w->users[i]->email;
                w->users[i]->start_state = w->users[i]->state;
        }
        world_forget_versions(w, w->n_versions);
        w->settled_at = 0;
}

static void world_reset_org(struct ts_world_org *org)
{
        for (size_t i = 0; i < org->n_roles; i++) {
                org->roles[i].removed = !org->roles[i].start_name;
                if (org->roles[i].start_name)
                        org->roles[i].name = org->roles[i].start_name;
        }
        for (size_t i = 0; i < org->n_slots; i++) {
                struct ts_world_slot *s = &org->slots[i];

                world_forget_edits(s);
                ts_world_trust_unref(s->now);
                s->now = ts_world_trust_ref(s->start);
                s->disabled_by_others = s->now && !s->now->enabled;
        }
        org->holders_valid = false;
}

void ts_world_reset(struct ts_world *w)
{
        for (size_t i = 0; i < w->n_orgs; i++)
                world_reset_org(w->orgs[i]);
        for (size_t i = 0; i < w->n_users; i++) {
                struct ts_world_user *u = w->users[i];

                u->state = u->at_start ? u->start_state : TS_WORLD_DELETED;
                u->email = u->at_start ? u->start_email : u->email;
        }
        world_forget_versions(w, w->n_versions);
        w->settled_at = 0;
}

void ts_world_rewind(struct ts_world *w, size_t n_back, uint64_t now)
{
        if (n_back == 0 && w->settled_at <= now)
                return;
        for (size_t i = w->n_versions; i-- > 0;) {
                struct ts_world_version *v = &w->versions[i];
                struct ts_world_slot *s = &v->org->slots[v->slot];

                if (w->n_versions - i > n_back && v->visible_at <= now)
                        continue;
                TS_GROW(w->rewound, w->a_rewound, w->n_rewound);
                w->rewound[w->n_rewound++] =
                                (struct ts_world_version){ .org = v->org, .slot = v->slot, .before = s->now };
                s->now = v->before;
                v->org->holders_valid = false;
        }
}

void ts_world_undo_rewind(struct ts_world *w)
{
        while (w->n_rewound > 0) {
                struct ts_world_version *v = &w->rewound[--w->n_rewound];

                v->org->slots[v->slot].now = v->before;
                v->org->holders_valid = false;
        }
}

/* -------------------------------------------------------------------------------------------------- grants
 */

static int world_grant_compare(const void *a, const void *b)
{
        const struct ts_world_grant *x = a, *y = b;

        if (x->role != y->role)
                return x->role < y->role ? -1 : 1;
        return (x->division > y->division) - (x->division < y->division);
}

void ts_world_grants_normalise(struct ts_world_grants *grants)
{
        size_t n = 0;

        if (grants->n == 0)
                return;
        qsort(grants->items, grants->n, sizeof(*grants->items), world_grant_compare);
        for (size_t i = 0; i < grants->n; i++)
                if (n == 0 || world_grant_compare(&grants->items[n - 1], &grants->items[i]) != 0)
                        grants->items[n++] = grants->items[i];
        grants->n = n;
}

bool ts_world_grants_have(const struct ts_world_grants *grants, struct ts_world_grant g)
{
        for (size_t i = 0; i < grants->n; i++)
                if (grants->items[i].role == g.role && grants->items[i].division == g.division)
                        return true;
        return false;
}

/* One pass counts (@holders NULL), the second one fills; @at has a place for each role. */
static void world_hold(const struct ts_world_grants *grants, struct ts_world_holder holder, size_t *at,
                       struct ts_world_holder *holders)
{
        for (size_t i = 0, k; i < grants->n; i = k) {
                uint32_t role = grants->items[i].role;

                for (k = i + 1; k < grants->n && grants->items[k].role == role; k++)
                        ;
                holder.grants = grants->items + i;
                holder.n_grants = k - i;
                if (holders)
                        holders[at[role]] = holder;
                at[role]++;
        }
}

static void world_hold_all(const struct ts_world_org *org, size_t *at, struct ts_world_holder *holders)
{
        for (size_t i = 0; i < org->n_subjects; i++) {
                const struct ts_world_subject *s = &org->subjects[i];

                world_hold(&s->grants,
                           (struct ts_world_holder){ .id = &s->id, .name = s->name, .type = s->type }, at,
                           holders);
        }
        for (size_t i = 0; i < org->n_slots; i++) {
                const struct ts_world_trust *t = org->slots[i].now;

                for (size_t k = 0; t && k < t->n_members; k++) {
                        const struct ts_world_user *u = t->members[k].user;

                        world_hold(&t->members[k].grants,
                                   (struct ts_world_holder){ &u->id, u->name, "PC_TRUSTEE_USER", NULL, 0 },
                                   at, holders);
                }
        }
}

static void world_index_holders(struct ts_world_org *org)
{
        size_t *at = ts_calloc(org->n_roles + 1, sizeof(*at));
        size_t n = 0;

        world_hold_all(org, at, NULL);
        free(org->starts);
        org->starts = ts_calloc(org->n_roles + 1, sizeof(*org->starts));
        for (size_t i = 0; i < org->n_roles; i++) {
                org->starts[i] = n;
                n += at[i];
        }
        org->starts[org->n_roles] = n;
        memcpy(at, org->starts, (org->n_roles + 1) * sizeof(*at));
        free(org->holders);
        org->holders = ts_calloc(n, sizeof(*org->holders));
        world_hold_all(org, at, org->holders);
        free(at);
        org->holders_valid = true;
}

const struct ts_world_holder *ts_world_holders(struct ts_world_org *org, uint32_t role, size_t *ret_n)
{
        if (!org->holders_valid)
                world_index_holders(org);
        *ret_n = org->starts[role + 1] - org->starts[role];
        return org->holders + org->starts[role];
}
