#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/sha256.h"
#include "util/timefmt.h"

#define WORLD_VERSIONS_MAX 8192u

static const char *const world_states[] = { "active", "inactive", "deleted" };

const char *ts_world_state_to_string(enum ts_world_state s)
{
        assert(s < TS_WORLD_STATE_MAX_);
        return world_states[s];
}

bool ts_world_state_from_string(const char *s, enum ts_world_state *ret)
{
        for (unsigned i = 0; i < TS_WORLD_STATE_MAX_; i++)
                if (strcmp(s, world_states[i]) == 0) {
                        *ret = (enum ts_world_state) i;
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
        for (size_t i = 0; i < TS_WORLD_KINDS; i++)
                free(org->directory[i].items);
        free(org->subjects);
        free(org->slots);
        free(org->acts);
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
        free(w->parties);
        free(w->pairings);
        free(w->care);
        free(w->versions);
        free(w->rewound);
        ts_map_done(&w->org_ids);
        ts_map_done(&w->client_ids);
        ts_map_done(&w->party_ids);
        ts_arena_done(&w->arena);
        free(w);
}

/* ------------------------------------------------------------------------------------------------- adding */

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

static struct ts_world_party *world_add_party(struct ts_world *w, struct ts_world_org *home,
                                              enum ts_world_kind kind, const struct ts_id *id)
{
        struct ts_world_directory *d = &home->directory[kind];
        struct ts_world_party *p = TS_ARENA_NEW(&w->arena, struct ts_world_party);

        *p = (struct ts_world_party){ .kind = kind, .id = *id, .home = home };
        TS_GROW(w->parties, w->a_parties, w->n_parties);
        w->parties[w->n_parties] = p;
        (void) ts_map_add_id(&w->party_ids, &p->id, (uint32_t) w->n_parties++);
        TS_GROW(d->items, d->a, d->n);
        d->items[d->n++] = p;
        return p;
}

struct ts_world_party *ts_world_add_user(struct ts_world *w, struct ts_world_org *home,
                                         const struct ts_id *id, const char *email, const char *name)
{
        struct ts_world_party *u = ts_world_find_party(w, TS_WORLD_USER, id);

        if (!u)
                u = world_add_party(w, home, TS_WORLD_USER, id);
        if (!u->email && email)
                u->email = ts_arena_strdup(&w->arena, email);
        if (!u->name && name)
                u->name = ts_arena_strdup(&w->arena, name);
        return u;
}

struct ts_world_party *ts_world_add_group(struct ts_world *w, struct ts_world_org *home,
                                          const struct ts_id *id, const char *name)
{
        struct ts_world_party *g = ts_world_find_party(w, TS_WORLD_GROUP, id);

        if (!g)
                g = world_add_party(w, home, TS_WORLD_GROUP, id);
        if (!g->name && name)
                g->name = ts_arena_strdup(&w->arena, name);
        return g;
}

struct ts_world_pairing *ts_world_add_pairing(struct ts_world *w, struct ts_world_org *trustee,
                                              const struct ts_id *id, size_t n_parties)
{
        struct ts_world_pairing *p = TS_ARENA_NEW(&w->arena, struct ts_world_pairing);

        *p = (struct ts_world_pairing){
                .id = *id,
                .trustee = trustee,
                .parties = TS_ARENA_ARRAY(&w->arena, struct ts_world_party *, n_parties),
        };
        TS_GROW(w->pairings, w->a_pairings, w->n_pairings);
        w->pairings[w->n_pairings++] = p;
        return p;
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

void ts_world_add_act(struct ts_world *w, struct ts_world_org *org, const struct ts_world_act *act)
{
        size_t i = org->n_acts;

        TS_GROW(org->acts, org->a_acts, org->n_acts);
        for (; i > 0 && org->acts[i - 1].time > act->time; i--)
                org->acts[i] = org->acts[i - 1];
        org->acts[i] = (struct ts_world_act){
                .user = act->user,
                .time = act->time,
                .action = ts_arena_strdup(&w->arena, act->action),
                .entity = ts_arena_strdup(&w->arena, act->entity),
        };
        org->n_acts++;
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

/* --------------------------------------------------------------------------------------------- looking up */

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

struct ts_world_party *ts_world_find_party(const struct ts_world *w, enum ts_world_kind kind,
                                           const struct ts_id *id)
{
        uint32_t i = ts_map_get_id(&w->party_ids, id);

        return i == TS_MAP_NONE || w->parties[i]->kind != kind ? NULL : w->parties[i];
}

struct ts_world_pairing *ts_world_find_pairing(const struct ts_world *w, const struct ts_id *id)
{
        for (size_t i = 0; i < w->n_pairings; i++)
                if (ts_id_equal(&w->pairings[i]->id, id))
                        return w->pairings[i];
        return NULL;
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

struct ts_world_trust *ts_world_find_trust(const struct ts_world_org *org, const struct ts_id *trustee)
{
        size_t slot = ts_world_find_slot(org, trustee);

        return slot == SIZE_MAX ? NULL : org->slots[slot].now;
}

struct ts_world_member *ts_world_find_member(const struct ts_world_trust *trust, enum ts_world_kind kind,
                                             const struct ts_id *id)
{
        const struct ts_world_members *m = &trust->members[kind];

        for (size_t i = 0; i < m->n; i++)
                if (ts_id_equal(&m->items[i].party->id, id))
                        return &m->items[i];
        return NULL;
}

const char *ts_world_name(const struct ts_world_party *p)
{
        return p->name ? p->name : p->email;
}

bool ts_world_has_clone(const struct ts_world_trust *trust, const struct ts_id *user)
{
        for (size_t i = 0; i < trust->n_clones; i++)
                if (ts_id_equal(&trust->clones[i]->id, user))
                        return true;
        return false;
}

bool ts_world_is_in_group(const struct ts_world_party *group, const struct ts_id *user)
{
        for (size_t i = 0; i < group->n_people; i++)
                if (ts_id_equal(&group->people[i]->id, user))
                        return true;
        return false;
}

/* ------------------------------------------------------------------------------------------------- trusts */

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

static void world_copy_members(struct ts_world_members *m)
{
        m->items = world_dup(m->items, m->n, sizeof(*m->items));
        for (size_t i = 0; i < m->n; i++)
                m->items[i].grants.items = world_dup(m->items[i].grants.items, m->items[i].grants.n,
                                                     sizeof(struct ts_world_grant));
}

struct ts_world_trust *ts_world_trust_copy(const struct ts_world_trust *trust)
{
        struct ts_world_trust *t = world_dup(trust, 1, sizeof(*trust));

        t->refs = 1;
        for (size_t i = 0; i < TS_WORLD_KINDS; i++)
                world_copy_members(&t->members[i]);
        t->clones = world_dup(trust->clones, trust->n_clones, sizeof(*trust->clones));
        return t;
}

struct ts_world_trust *ts_world_trust_ref(struct ts_world_trust *trust)
{
        if (trust)
                trust->refs++;
        return trust;
}

static void world_free_members(struct ts_world_members *m)
{
        for (size_t i = 0; i < m->n; i++)
                free(m->items[i].grants.items);
        free(m->items);
}

void ts_world_trust_unref(struct ts_world_trust *trust)
{
        if (!trust || --trust->refs > 0)
                return;
        for (size_t i = 0; i < TS_WORLD_KINDS; i++)
                world_free_members(&trust->members[i]);
        free(trust->clones);
        free(trust);
}

struct ts_world_member *ts_world_trust_add(struct ts_world_trust *trust, struct ts_world_party *party,
                                           const struct ts_world_grants *grants)
{
        struct ts_world_members *all = &trust->members[party->kind];
        struct ts_world_member *m;

        all->items = ts_reallocarray(all->items, all->n + 1, sizeof(*all->items));
        m = &all->items[all->n++];
        *m = (struct ts_world_member){ .party = party, .created = trust->created };
        ts_world_member_set(m, grants);
        return m;
}

void ts_world_trust_remove(struct ts_world_trust *trust, struct ts_world_member *member)
{
        struct ts_world_members *all = &trust->members[member->party->kind];
        size_t i = (size_t) (member - all->items);

        free(member->grants.items);
        all->n--;
        memmove(member, member + 1, (all->n - i) * sizeof(*member));
}

void ts_world_trust_add_clone(struct ts_world_trust *trust, struct ts_world_party *user)
{
        trust->clones = ts_reallocarray(trust->clones, trust->n_clones + 1, sizeof(struct ts_world_party *));
        trust->clones[trust->n_clones++] = user;
}

void ts_world_trust_remove_clone(struct ts_world_trust *trust, const struct ts_id *user)
{
        size_t n = 0;

        for (size_t i = 0; i < trust->n_clones; i++)
                if (!ts_id_equal(&trust->clones[i]->id, user))
                        trust->clones[n++] = trust->clones[i];
        trust->n_clones = n;
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

/* ---------------------------------------------------------------------------------------------- the start */

static void world_mark_org(struct ts_world_org *org)
{
        org->start_default_care = org->default_care;
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
        for (size_t i = 0; i < w->n_parties; i++) {
                w->parties[i]->at_start = true;
                w->parties[i]->start_email = w->parties[i]->email;
                w->parties[i]->start_state = w->parties[i]->state;
        }
        for (size_t i = 0; i < w->n_pairings; i++)
                w->pairings[i]->start_used = w->pairings[i]->used;
        w->n_start_pairings = w->n_pairings;
        world_forget_versions(w, w->n_versions);
        w->settled_at = 0;
}

static void world_reset_org(struct ts_world_org *org)
{
        org->default_care = org->start_default_care;
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
        for (size_t i = 0; i < w->n_parties; i++) {
                struct ts_world_party *u = w->parties[i];

                u->state = u->at_start ? u->start_state : TS_WORLD_DELETED;
                u->email = u->at_start ? u->start_email : u->email;
        }
        w->n_pairings = w->n_start_pairings;
        for (size_t i = 0; i < w->n_pairings; i++)
                w->pairings[i]->used = w->pairings[i]->start_used;
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

/* ------------------------------------------------------------------------------------------------- grants */

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

static void world_hold_members(const struct ts_world_members *m, const char *type, size_t *at,
                               struct ts_world_holder *holders)
{
        for (size_t i = 0; i < m->n; i++) {
                const struct ts_world_party *p = m->items[i].party;

                world_hold(&m->items[i].grants,
                           (struct ts_world_holder){ &p->id, ts_world_name(p), type, NULL, 0 }, at, holders);
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

                if (!t)
                        continue;
                world_hold_members(&t->members[TS_WORLD_USER], "PC_TRUSTEE_USER", at, holders);
                world_hold_members(&t->members[TS_WORLD_GROUP], "PC_TRUSTEE_GROUP", at, holders);
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
