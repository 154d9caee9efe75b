#include "trust/resolve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/mem.h"
#include "util/escape.h"

#define AMBIGUOUS (TS_MAP_NONE - 1)

bool ts_trust_filter_has(const struct ts_trust_filter *f, const char *alias, const struct ts_id *id)
{
        struct ts_id parsed;

        if (!f || f->n == 0)
                return true;
        for (size_t i = 0; i < f->n; i++) {
                if (alias && strcmp(f->items[i], alias) == 0)
                        return true;
                if (ts_id_parse_string(f->items[i], &parsed) && ts_id_equal(&parsed, id))
                        return true;
        }
        return false;
}

static bool text_names_member(const char *text, const struct ts_id *id, const char *email)
{
        struct ts_id text_id;

        if (ts_equal_fold(text, email))
                return true;
        return ts_id_parse_string(text, &text_id) && !ts_id_is_nil(id) && ts_id_equal(&text_id, id);
}

bool ts_texts_name_member(const struct ts_texts *texts, const struct ts_id *id, const char *email)
{
        for (size_t i = 0; i < texts->n; i++)
                if (text_names_member(texts->items[i].text, id, email))
                        return true;
        return false;
}

bool ts_member_is_chosen(const char *const *users, size_t n, const struct ts_member *m)
{
        for (size_t i = 0; i < n; i++)
                if (text_names_member(users[i], &m->id, m->email))
                        return true;
        return n == 0;
}

bool ts_ids_have(const struct ts_ids *ids, const struct ts_id *id)
{
        for (size_t i = 0; i < ids->n; i++)
                if (ts_id_equal(&ids->items[i], id))
                        return true;
        return false;
}

TS_PRINTF(4, 5)
static void desired_message(struct ts_desired *w, const char *trust, const struct ts_source *source,
                            const char *fmt, ...)
{
        va_list ap;

        TS_GROW(w->messages, w->n_messages_allocated, w->n_messages);
        va_start(ap, fmt);
        w->messages[w->n_messages++] = ts_message_make(&w->arena, trust, source, fmt, ap);
        va_end(ap);
}

/* ------------------------------------------------------------------------------------------------ members */

/* What a member's key is compared with: e-mails in any ASCII case, names of groups exactly. */
static const char *key_of_live(const struct ts_member *m)
{
        return m->kind == TS_KIND_GROUP ? m->name : m->email;
}

/* Key -> index of the live member, or AMBIGUOUS. */
static void index_keys(const struct ts_members *live, struct ts_map *keys)
{
        for (size_t i = 0; i < live->n; i++) {
                const char *key = key_of_live(&live->items[i]);

                if (!key || key[0] == '\0' || !ts_member_is_active(&live->items[i]))
                        continue; /* the address of a deleted account may be somebody else's by now */
                if (ts_map_add(keys, key, strlen(key), (uint32_t) i) != i)
                        ts_map_set(keys, key, strlen(key), AMBIGUOUS);
        }
}

/* The accounts that a collection's keys can mean without a search. @known: people with ids, members or not.
 */
struct people {
        const struct ts_members *known;
        struct ts_map keys;
};

static void people_init(struct people *p, const struct ts_members *known, enum ts_kind kind)
{
        *p = (struct people){ .known = known };
        p->keys.fold_ascii = kind != TS_KIND_GROUP;
        if (known)
                index_keys(known, &p->keys);
}

static void people_done(struct people *p)
{
        ts_map_done(&p->keys);
}

static void member_unresolved(struct ts_desired *w, const struct ts_desired_trust *t,
                              struct ts_desired_member *m)
{
        const char *what = m->decl->kind == TS_KIND_GROUP ? "a group" : "an e-mail";

        if (t->decl->direction == TS_TRUSTOR) {
                m->problem = TS_FAILED;
                m->note = ts_arena_printf(&w->arena,
                                          "%s is not the %s of exactly one active %s of our organization: "
                                          "correct it, or write the id",
                                          m->decl->key, m->decl->kind == TS_KIND_GROUP ? "name" : "e-mail",
                                          m->decl->kind == TS_KIND_GROUP ? "group" : "user");
                return;
        }
        m->problem = TS_WAITING;
        m->note = ts_arena_printf(
                        &w->arena,
                        "%s is not a member of this trust, and %s of another organization can be found only "
                        "there: add `id:`, or let the settings hold a client of organization %s",
                        m->decl->key, what, ts_id_format(&t->decl->id).s);
}

static void member_found(struct ts_desired_member *m, const struct ts_members *live, const struct ts_id *id)
{
        m->id = *id;
        m->live = live ? ts_members_find(live, id) : NULL;
        m->problem = TS_PLANNED;
        m->note = NULL;
}

static void warn_if_renamed(struct ts_desired *w, const struct ts_desired_trust *t,
                            const struct ts_desired_member *m)
{
        const char *now = m->live ? key_of_live(m->live) : NULL;
        struct ts_id id;
        bool same;

        if (!now || ts_id_parse_string(m->decl->key, &id))
                return;
        same = m->decl->kind == TS_KIND_GROUP ? strcmp(now, m->decl->key) == 0
                                              : ts_equal_fold(now, m->decl->key);
        if (!same)
                desired_message(w, t->decl->alias, &m->decl->source, "%s is now called %s; its id decides",
                                m->decl->key, ts_escape_name_arena(&w->arena, now));
}

static void resolve_member(struct ts_desired *w, const struct ts_desired_trust *t,
                           const struct ts_members *live, const struct people *people, size_t n_people,
                           struct ts_desired_member *m)
{
        if (!ts_id_is_nil(&m->decl->id)) {
                member_found(m, live, &m->decl->id);
                warn_if_renamed(w, t, m);
                return;
        }
        member_unresolved(w, t, m);
        for (size_t i = 0; i < n_people && ts_id_is_nil(&m->id); i++) {
                uint32_t k = ts_map_get(&people[i].keys, m->decl->key, strlen(m->decl->key));

                if (k == AMBIGUOUS) {
                        m->problem = TS_FAILED;
                        m->note = ts_arena_printf(&w->arena,
                                                  "more than one member of this trust is called %s: add "
                                                  "`id:` to say which one is meant",
                                                  m->decl->key);
                        return;
                }
                if (k != TS_MAP_NONE)
                        member_found(m, live, &people[i].known->items[k].id);
        }
}

/*
 * One collection. @live: who is in it now (NULL: nobody). @people: who else has an id; a clone is a user, so
 * clones are searched among the users.
 */
static void resolve_collection(struct ts_desired *w, const struct ts_desired_trust *t,
                               const struct ts_decl_members *decl, enum ts_kind kind,
                               const struct ts_members *live, const struct ts_members *others,
                               struct ts_desired_members *ret)
{
        struct people people[2];

        ret->managed = decl->managed;
        ret->n = decl->managed ? decl->n : 0;
        ret->items = TS_ARENA_ARRAY(&w->arena, struct ts_desired_member, ret->n);
        if (ret->n == 0)
                return;

        people_init(&people[0], live, kind);
        people_init(&people[1], others, kind);
        for (size_t i = 0; i < ret->n; i++) {
                ret->items[i].decl = &decl->items[i];
                ret->items[i].problem = TS_PLANNED;
                resolve_member(w, t, live, people, TS_N_ELEMENTS(people), &ret->items[i]);
        }
        people_done(&people[0]);
        people_done(&people[1]);
}

static const struct ts_pairing *find_pairing(const struct ts_decl_trust *decl, const struct ts_live *live)
{
        if (!decl->pairing.source.file || decl->pairing.automatic)
                return NULL;
        return ts_live_find_pairing(live, &decl->pairing.id);
}

/* A request of another organization than the declared one says nothing of the trustee's people. */
static const struct ts_members *people_of_pairing(const struct ts_desired_trust *t, enum ts_kind kind)
{
        const struct ts_pairing *p = t->pairing;

        if (t->live || !p || p->state != TS_PAIRING_OPEN || !ts_id_equal(&p->trustee, &t->decl->id))
                return NULL;
        return kind == TS_KIND_GROUP ? &p->groups : &p->users;
}

static void resolve_trust(struct ts_desired *w, const struct ts_decl_trust *decl, const struct ts_live *live,
                          struct ts_desired_trust *t)
{
        const struct ts_members *users;

        t->decl = decl;
        t->live = ts_live_find_trust(live, decl->direction, &decl->id);
        t->pairing = find_pairing(decl, live);
        users = t->live ? &t->live->users : NULL;

        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                enum ts_kind kind = ts_collection_kind(c);

                resolve_collection(w, t, &decl->collections[c], kind,
                                   t->live ? &t->live->collections[c] : NULL,
                                   c == TS_CLONES ? users : people_of_pairing(t, kind), &t->collections[c]);
        }
        if (decl->request.source.file && !t->live) {
                resolve_collection(w, t, &decl->request.users, TS_KIND_USER, NULL, NULL, &t->request_users);
                resolve_collection(w, t, &decl->request.groups, TS_KIND_GROUP, NULL, NULL,
                                   &t->request_groups);
        }
}

struct ts_desired *ts_resolve_members(const struct ts_decl_organization *decl, const struct ts_live *live,
                                      const struct ts_trust_filter *filter)
{
        struct ts_desired *w = ts_calloc(1, sizeof(*w));

        w->decl = decl;
        w->trusts = TS_ARENA_ARRAY(&w->arena, struct ts_desired_trust, decl->n_trusts);
        for (size_t i = 0; i < decl->n_trusts; i++)
                if (ts_trust_filter_has(filter, decl->trusts[i].alias, &decl->trusts[i].id))
                        resolve_trust(w, &decl->trusts[i], live, &w->trusts[w->n_trusts++]);
        return w;
}

/* ------------------------------------------------------------------------------ what a search has to find */

static void add_pairing(struct ts_ids *ids, const struct ts_id *id)
{
        if (!ts_id_is_nil(id) && !ts_ids_have(ids, id))
                ids->items[ids->n++] = *id;
}

void ts_resolve_pairings(const struct ts_decl_organization *decl, const struct ts_live *live,
                         const struct ts_last_applied *last_applied, const struct ts_trust_filter *filter,
                         struct ts_arena *arena, struct ts_ids *ret)
{
        struct ts_ids ids = { TS_ARENA_ARRAY(arena, struct ts_id, 2 * decl->n_trusts), 0 };

        for (size_t i = 0; i < decl->n_trusts; i++) {
                const struct ts_decl_trust *t = &decl->trusts[i];
                const struct ts_last_applied_trust *m;

                if (t->absent || !ts_trust_filter_has(filter, t->alias, &t->id) ||
                    ts_live_find_trust(live, t->direction, &t->id))
                        continue;
                if (t->pairing.source.file && !t->pairing.automatic)
                        add_pairing(&ids, &t->pairing.id);
                m = ts_last_applied_find_trust(last_applied, t->direction, &t->id);
                if (m && (t->pairing.automatic || t->request.source.file))
                        add_pairing(&ids, &m->pairing.id);
        }
        *ret = ids;
}

static size_t put_unresolved(const struct ts_desired_members *m, size_t n, struct ts_desired_member **ret)
{
        for (size_t i = 0; i < m->n; i++) {
                if (!ts_id_is_nil(&m->items[i].id))
                        continue;
                if (ret)
                        ret[n] = &m->items[i];
                n++;
        }
        return n;
}

size_t ts_resolve_unresolved(struct ts_desired_trust *trust, enum ts_kind kind,
                             struct ts_desired_member **ret)
{
        size_t n;

        if (kind == TS_KIND_GROUP) {
                n = put_unresolved(&trust->groups, 0, ret);
                return put_unresolved(&trust->request_groups, n, ret);
        }
        n = put_unresolved(&trust->users, 0, ret);
        n = put_unresolved(&trust->clones, n, ret);
        return put_unresolved(&trust->request_users, n, ret);
}

static enum ts_collection collection_of(enum ts_kind kind)
{
        return kind == TS_KIND_GROUP ? TS_GROUPS : kind == TS_KIND_CLONE ? TS_CLONES : TS_USERS;
}

void ts_resolve_found(const struct ts_desired_trust *trust, struct ts_desired_member *member,
                      const struct ts_id *id)
{
        assert(!ts_id_is_nil(id));
        member_found(member,
                     trust->live ? &trust->live->collections[collection_of(member->decl->kind)] : NULL, id);
}

/* ----------------------------------------------------------------------------------------------- identity */

static bool is_key_of(const struct ts_member *live, const struct ts_decl_member *decl)
{
        const char *key = key_of_live(live);

        if (decl->kind == TS_KIND_GROUP)
                return key && strcmp(key, decl->key) == 0;
        return ts_equal_fold(key, decl->key);
}

/* What became of the account that the key meant. */
static const char *fate_of(struct ts_desired *w, const struct ts_desired_member *m)
{
        const char *key = m->live ? key_of_live(m->live) : NULL;

        if (!m->live)
                return "which is no member now";
        if (!ts_member_is_active(m->live))
                return ts_arena_printf(&w->arena, "whose account is %s", m->live->state);
        return ts_arena_printf(&w->arena, "which is now called %s", key ? key : "by no name");
}

/* An entry with `id:` means that account, whatever becomes of its name. */
#define CHOOSE_ID "write under `id:` which one is meant"

/* The recorded id stays; neither it nor the account that the key finds now is written. */
static void keep_recorded(struct ts_desired *w, const struct ts_members *live, const struct ts_id *recorded,
                          struct ts_desired_member *m)
{
        const char *kind = ts_kind_to_string(m->decl->kind);
        bool is_same = ts_id_equal(&m->id, recorded);
        bool finds_nobody = ts_id_is_nil(&m->id);

        if (!finds_nobody && !is_same) {
                m->other = m->id;
                m->problem = TS_WAITING;
        } else if (is_same) {
                m->problem = TS_WAITING;
        }
        m->moved = true;
        m->id = *recorded;
        m->live = live ? ts_members_find(live, recorded) : NULL;
        if (!ts_id_is_nil(&m->other))
                m->note = ts_arena_printf(
                                &w->arena,
                                "%s was %s %s, %s, and now finds %s: neither is written; " CHOOSE_ID,
                                m->decl->key, kind, ts_id_format(recorded).s, fate_of(w, m),
                                ts_id_format(&m->other).s);
        else
                m->note = ts_arena_printf(&w->arena, "%s was %s %s, %s%s: it is not written; " CHOOSE_ID,
                                          m->decl->key, kind, ts_id_format(recorded).s, fate_of(w, m),
                                          is_same ? "" : ", and now finds nobody");
}

/* A key that was never applied, and whose only account is not in use. */
static void find_inactive(struct ts_desired *w, const struct ts_members *live, struct ts_desired_member *m)
{
        for (size_t i = 0; i < live->n; i++) {
                struct ts_member *found = &live->items[i];

                if (ts_member_is_active(found) || !is_key_of(found, m->decl))
                        continue;
                m->id = found->id;
                m->live = found;
                m->moved = true;
                m->note = ts_arena_printf(&w->arena, "the account of %s is %s: it is not written; " CHOOSE_ID,
                                          m->decl->key, found->state);
                return;
        }
}

static void identify_member(struct ts_desired *w, const struct ts_members *live,
                            const struct ts_last_applied_key *recorded, struct ts_desired_member *m)
{
        if (!ts_id_is_nil(&m->decl->id))
                return;
        if (!recorded) {
                if (ts_id_is_nil(&m->id) && live)
                        find_inactive(w, live, m);
                return;
        }
        if (!ts_id_equal(&m->id, &recorded->id) || (m->live && !ts_member_is_active(m->live)))
                keep_recorded(w, live, &recorded->id, m);
}

/* 2: it has the id in its declaration; 1: it is recorded for it; 0: it only finds it. */
static int claim_of(const struct ts_desired_member *m, const struct ts_last_applied_key *recorded)
{
        if (!ts_id_is_nil(&m->decl->id))
                return 2;
        assert(!recorded || ts_id_equal(&recorded->id, &m->id)); /* identify_member() has been before */
        return recorded ? 1 : 0;
}

/* Neither says more than the other, so the member is left alone. */
static void tie(struct ts_desired *w, struct ts_desired_member *first, struct ts_desired_member *m)
{
        m->same = first->same = first;
        m->problem = first->problem = TS_FAILED;
        m->note = first->note = ts_arena_printf(
                        &w->arena, "%s (%s:%u) and %s (%s:%u) are the same %s %s: keep one of them",
                        first->decl->key, first->decl->source.file, (unsigned) first->decl->source.line,
                        m->decl->key, m->decl->source.file, (unsigned) m->decl->source.line,
                        ts_kind_to_string(m->decl->kind), ts_id_format(&m->id).s);
}

static void lose(struct ts_desired *w, struct ts_desired_member *m, int claim,
                 const struct ts_desired_member *winner)
{
        m->is_spare = claim > 0;
        m->note = ts_arena_printf(
                        &w->arena,
                        "%s finds %s %s, which %s (%s:%u) means: that entry decides, and nobody else "
                        "is known by this key; " CHOOSE_ID,
                        m->decl->key, ts_kind_to_string(m->decl->kind), ts_id_format(&m->id).s,
                        winner->decl->key, winner->decl->source.file, (unsigned) winner->decl->source.line);
        m->problem = TS_WAITING;
        m->id = (struct ts_id){ { 0 } };
        m->live = NULL;
}

/* Two keys that mean the same member. */
static void find_same(struct ts_desired *w, const struct ts_last_applied_trust *last_applied,
                      enum ts_collection c, struct ts_desired_members *members)
{
        TS_CLEANUP(ts_map_done) struct ts_map ids = TS_MAP_INIT;

        for (size_t i = 0; i < members->n; i++) {
                struct ts_desired_member *m = &members->items[i], *first;
                int claim, other;
                uint32_t k;

                if (ts_id_is_nil(&m->id))
                        continue;
                k = ts_map_add_id(&ids, ts_arena_memdup(&w->arena, &m->id, sizeof(m->id)), (uint32_t) i);
                if (k == i) /* the copy outlives the id of one that loses it */
                        continue;
                first = &members->items[k];
                claim = claim_of(m, ts_last_applied_find_key(last_applied, c, m->decl->key));
                other = claim_of(first, ts_last_applied_find_key(last_applied, c, first->decl->key));
                if (claim == other) {
                        tie(w, first, m);
                } else if (claim < other) {
                        lose(w, m, claim, first);
                } else {
                        ts_map_set(&ids, m->id.bytes, sizeof(m->id.bytes), (uint32_t) i);
                        lose(w, first, other, m);
                }
        }
}

void ts_resolve_identity(struct ts_desired *desired, const struct ts_last_applied *last_applied)
{
        for (size_t i = 0; i < desired->n_trusts; i++) {
                struct ts_desired_trust *t = &desired->trusts[i];
                const struct ts_last_applied_trust *m =
                                ts_last_applied_find_trust(last_applied, t->decl->direction, &t->decl->id);

                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                        struct ts_desired_members *members = &t->collections[c];

                        for (size_t k = 0; k < members->n; k++)
                                identify_member(desired, t->live ? &t->live->collections[c] : NULL,
                                                ts_last_applied_find_key(m, c, members->items[k].decl->key),
                                                &members->items[k]);
                        find_same(desired, m, c, members);
                }
        }
}

/* ------------------------------------------------------------------------------------------------- grants */

struct names {
        struct ts_map roles, divisions; /* name -> index, or AMBIGUOUS */
        bool *role_is_denied;           /* one a role */
        size_t n_roles;
        uint32_t *noted_denied; /* one a role: 1 + the trust for which it was already said */
};

static void index_names(const struct ts_named *items, size_t first, size_t n, struct ts_map *map)
{
        for (size_t i = first; i < n; i++)
                if (ts_map_add(map, items[i].name, strlen(items[i].name), (uint32_t) i) != i)
                        ts_map_set(map, items[i].name, strlen(items[i].name), AMBIGUOUS);
}

static uint32_t lookup(const struct ts_map *names, const struct ts_map *ids, const char *text)
{
        struct ts_id id;

        if (ts_id_parse_string(text, &id))
                return ts_map_get_id(ids, &id);
        return ts_map_get(names, text, strlen(text));
}

static void names_init(struct names *n, const struct ts_catalog *catalog, const struct ts_policy *policy)
{
        *n = (struct names){ .n_roles = catalog->n_roles };
        index_names(catalog->roles, 0, catalog->n_roles, &n->roles);
        index_names(catalog->divisions, TS_DIVISION_ALL + 1, catalog->n_divisions, &n->divisions);
        n->role_is_denied = ts_calloc(n->n_roles, sizeof(bool));
        n->noted_denied = ts_calloc(n->n_roles, sizeof(uint32_t));

        for (size_t i = 0; i < policy->deny_roles.n; i++) {
                const char *text = policy->deny_roles.items[i].text;
                struct ts_id id;

                /* an ambiguous name denies all roles that have it: denying too much is the safe mistake */
                for (size_t k = 0; k < catalog->n_roles; k++)
                        if (strcmp(catalog->roles[k].name, text) == 0 ||
                            (ts_id_parse_string(text, &id) && ts_id_equal(&catalog->roles[k].id, &id)))
                                n->role_is_denied[k] = true;
        }
}

static void names_done(struct names *n)
{
        ts_map_done(&n->roles);
        ts_map_done(&n->divisions);
        free(n->role_is_denied);
        free(n->noted_denied);
}

static void member_fail_name(struct ts_desired *w, struct ts_desired_member *m, const char *what,
                             const char *text, const struct ts_source *source, uint32_t found, bool complete)
{
        const char *why = found == AMBIGUOUS ? "is the name of more than one: write its id"
                          : complete         ? "does not exist (renamed or removed?)"
                                             : "was not found, and the listing was not complete";

        m->problem = TS_FAILED;
        m->note = ts_arena_printf(&w->arena, "%s '%s' (%s:%u) %s; this member stays as it is", what, text,
                                  source->file, (unsigned) source->line, why);
}

struct grants_builder {
        struct ts_desired *desired;
        const struct ts_desired_trust *trust;
        uint32_t trust_number;
        struct ts_desired_member *member;
        const struct ts_catalog *catalog;
        struct names *names;
        struct ts_grant *items;
        size_t n;
};

static bool builder_is_denied(struct grants_builder *b, uint32_t role, const struct ts_decl_role *decl)
{
        if (!b->names->role_is_denied[role])
                return false;
        if (b->names->noted_denied[role] != b->trust_number + 1) {
                b->names->noted_denied[role] = b->trust_number + 1;
                desired_message(b->desired, b->trust->decl->alias, &decl->source,
                                "role '%s' is denied by the settings: it is granted to nobody of this trust",
                                decl->role);
        }
        return true;
}

/* False when a name does not resolve; the member has its problem then. */
static bool builder_add_role(struct grants_builder *b, const struct ts_decl_role *decl)
{
        uint32_t role, division;

        role = lookup(&b->names->roles, &b->catalog->role_ids, decl->role);
        if (role >= AMBIGUOUS) {
                member_fail_name(b->desired, b->member, "role", decl->role, &decl->source, role,
                                 b->catalog->complete);
                return false;
        }
        if (builder_is_denied(b, role, decl))
                return true;
        if (decl->all) {
                b->items[b->n++] = (struct ts_grant){ role, TS_DIVISION_ALL, &decl->source };
                return true;
        }

        for (size_t i = 0; i < decl->n_divisions; i++) {
                const struct ts_decl_text *d = &decl->divisions[i];

                division = lookup(&b->names->divisions, &b->catalog->division_ids, d->text);
                if (division >= AMBIGUOUS) {
                        member_fail_name(b->desired, b->member, "division", d->text, &d->source, division,
                                         b->catalog->complete);
                        return false;
                }
                b->items[b->n++] = (struct ts_grant){ role, division, &d->source };
        }
        return true;
}

static size_t roles_count(const struct ts_decl_roles *roles)
{
        size_t n = 0;

        for (size_t i = 0; i < roles->n; i++)
                n += roles->items[i].all ? 1 : roles->items[i].n_divisions;
        return n;
}

static bool builder_add_roles(struct grants_builder *b, const struct ts_decl_roles *roles)
{
        for (size_t i = 0; i < roles->n; i++)
                if (!builder_add_role(b, &roles->items[i]))
                        return false;
        return true;
}

static void builder_run(struct grants_builder *b)
{
        struct ts_desired_member *m = b->member;
        const struct ts_decl_member *decl = m->decl;
        size_t n = roles_count(&decl->roles);

        for (size_t i = 0; i < decl->n_role_sets; i++)
                n += roles_count(&decl->role_sets[i]->roles);
        b->items = TS_ARENA_ARRAY(&b->desired->arena, struct ts_grant, n);
        b->n = 0;

        /* the member's own lines first: where a set asks for the same grant, they are the ones to name */
        if (!builder_add_roles(b, &decl->roles))
                return;
        for (size_t i = 0; i < decl->n_role_sets; i++)
                if (!builder_add_roles(b, &decl->role_sets[i]->roles))
                        return;
        m->grants = b->items;
        m->n_grants = (uint32_t) ts_grants_normalise(b->items, b->n);
}

/* `deny.users` names people: a group is denied nowhere, and its role is another matter. */
static bool member_is_denied(const struct ts_desired_member *m, const struct ts_policy *policy)
{
        if (m->decl->kind == TS_KIND_GROUP)
                return false;
        return ts_texts_name_member(&policy->deny_users, &m->id, m->decl->key) ||
               (m->live && ts_texts_name_member(&policy->deny_users, &m->id, m->live->email));
}

/* Nobody denied is in a request of ours. */
static void mark_denied(struct ts_desired_members *members, const struct ts_policy *policy)
{
        for (size_t i = 0; i < members->n; i++)
                members->items[i].denied = member_is_denied(&members->items[i], policy);
}

static void resolve_trust_grants(struct ts_desired *w, struct ts_desired_trust *t, const struct ts_live *live,
                                 const struct ts_policy *policy, struct names *names, uint32_t number)
{
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                struct ts_desired_members *members = &t->collections[c];

                for (size_t i = 0; i < members->n; i++) {
                        struct ts_desired_member *m = &members->items[i];
                        struct grants_builder b = { w, t, number, m, &live->catalog, names, NULL, 0 };

                        m->denied = member_is_denied(m, policy);
                        if (m->decl->grants_managed && m->problem != TS_FAILED)
                                builder_run(&b);
                }
                find_same(w, NULL, c, members); /* where nothing was recorded */
        }
}

void ts_resolve_grants(struct ts_desired *desired, const struct ts_live *live, const struct ts_policy *policy)
{
        TS_CLEANUP(names_done) struct names names;

        names_init(&names, &live->catalog, policy);
        for (size_t i = 0; i < desired->n_trusts; i++) {
                resolve_trust_grants(desired, &desired->trusts[i], live, policy, &names, (uint32_t) i);
                mark_denied(&desired->trusts[i].request_users, policy);
        }
}

void ts_desired_free(struct ts_desired *desired)
{
        if (!desired)
                return;
        free(desired->messages);
        ts_arena_done(&desired->arena);
        free(desired);
}

bool ts_desired_member_needs_grants(const struct ts_desired_member *m)
{
        return m->live && m->decl->grants_managed && !m->denied;
}
