#include "trust/resolve.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/mem.h"

#define AMBIGUOUS (TS_MAP_NONE - 1)

bool ts_trust_filter_has(const struct ts_trust_filter *f, const char *alias, const struct ts_id *id)
{
        struct ts_id wanted;

        if (!f || f->n == 0)
                return true;
        for (size_t i = 0; i < f->n; i++) {
                if (alias && strcmp(f->items[i], alias) == 0)
                        return true;
                if (ts_id_parse_string(f->items[i], &wanted) && ts_id_equal(&wanted, id))
                        return true;
        }
        return false;
}

bool ts_texts_name_member(const struct ts_texts *texts, const struct ts_id *id, const char *email)
{
        for (size_t i = 0; i < texts->n; i++) {
                struct ts_id text_id;

                if (ts_equal_fold(texts->items[i].text, email))
                        return true;
                if (ts_id_parse_string(texts->items[i].text, &text_id) && !ts_id_is_nil(id) &&
                    ts_id_equal(&text_id, id))
                        return true;
        }
        return false;
}

bool ts_ids_have(const struct ts_ids *ids, const struct ts_id *id)
{
        for (size_t i = 0; i < ids->n; i++)
                if (ts_id_equal(&ids->items[i], id))
                        return true;
        return false;
}

TS_PRINTF(4, 5)
static void wanted_message(struct ts_wanted *w, const char *trust, const struct ts_source *source, const char *fmt,
                           ...)
{
        char text[TS_TEXT_MAX_BYTES];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap); /* longer ones are cut */
        va_end(ap);

        TS_GROW(w->messages, w->n_messages_allocated, w->n_messages);
        w->messages[w->n_messages++] = (struct ts_wanted_message){
                .trust = trust,
                .source = *source,
                .text = ts_arena_strdup(&w->arena, text),
        };
}

static bool is_email(const char *text)
{
        return strchr(text, '@') != NULL;
}

/* ------------------------------------------------------------------------------------------------ members */

/* E-mail -> index of the live member, or AMBIGUOUS. */
static void index_emails(const struct ts_members *live, struct ts_map *emails)
{
        for (size_t i = 0; i < live->n; i++) {
                const char *email = live->items[i].email;

                if (!email || email[0] == '\0')
                        continue;
                if (ts_map_add(emails, email, strlen(email), (uint32_t) i) != i)
                        ts_map_set(emails, email, strlen(email), AMBIGUOUS);
        }
}

static void member_unresolved(struct ts_wanted *w, const struct ts_wanted_trust *t, struct ts_wanted_member *m)
{
        m->problem = TS_WAITING;
        m->note = ts_arena_printf(&w->arena,
                                  "%s is not a member of this trust, and an e-mail of another organization can be "
                                  "found only there: add `id:` to the user, or let the settings hold a client of "
                                  "organization %s",
                                  m->decl->key, ts_id_format(&t->decl->id).s);
}

static void resolve_member(struct ts_wanted *w, const struct ts_wanted_trust *t, const struct ts_map *emails,
                           struct ts_wanted_member *m)
{
        uint32_t i;

        m->id = m->decl->id;
        if (!ts_id_is_nil(&m->id)) {
                m->live = t->live ? ts_members_find(&t->live->users, &m->id) : NULL;
                if (m->live && m->live->email && is_email(m->decl->key) &&
                    !ts_equal_fold(m->live->email, m->decl->key))
                        wanted_message(w, t->decl->alias, &m->decl->source,
                                       "%s is now called %s; its id decides", m->decl->key, m->live->email);
                return;
        }

        i = ts_map_get(emails, m->decl->key, strlen(m->decl->key));
        if (i == TS_MAP_NONE) {
                member_unresolved(w, t, m);
        } else if (i == AMBIGUOUS) {
                m->problem = TS_FAILED;
                m->note = ts_arena_printf(&w->arena,
                                          "more than one member of this trust has the e-mail %s: add `id:` to say "
                                          "which one is meant",
                                          m->decl->key);
        } else {
                m->live = &t->live->users.items[i];
                m->id = m->live->id;
        }
}

static void resolve_trust(struct ts_wanted *w, const struct ts_decl_trust *decl, const struct ts_live *live,
                          struct ts_wanted_trust *t)
{
        TS_CLEANUP(ts_map_done) struct ts_map emails = TS_MAP_FOLD_INIT;

        t->decl = decl;
        t->live = ts_live_find_trust(live, decl->direction, &decl->id);
        t->n_users = decl->users.managed ? decl->users.n : 0;
        t->users = TS_ARENA_ARRAY(&w->arena, struct ts_wanted_member, t->n_users);
        if (t->live && t->n_users > 0)
                index_emails(&t->live->users, &emails);

        for (size_t i = 0; i < t->n_users; i++) {
                t->users[i].decl = &decl->users.items[i];
                t->users[i].problem = TS_PLANNED;
                resolve_member(w, t, &emails, &t->users[i]);
        }
}

struct ts_wanted *ts_resolve_members(const struct ts_decl_organization *decl, const struct ts_live *live,
                                     const struct ts_trust_filter *filter)
{
        struct ts_wanted *w = ts_calloc(1, sizeof(*w));

        w->decl = decl;
        w->trusts = TS_ARENA_ARRAY(&w->arena, struct ts_wanted_trust, decl->n_trusts);
        for (size_t i = 0; i < decl->n_trusts; i++)
                if (ts_trust_filter_has(filter, decl->trusts[i].alias, &decl->trusts[i].id))
                        resolve_trust(w, &decl->trusts[i], live, &w->trusts[w->n_trusts++]);
        return w;
}

void ts_resolve_found(const struct ts_wanted_trust *trust, struct ts_wanted_member *member, const struct ts_id *id)
{
        assert(!ts_id_is_nil(id));
        member->id = *id;
        member->problem = TS_PLANNED;
        member->note = NULL;
        member->live = trust->live ? ts_members_find(&trust->live->users, id) : NULL;
}

/* ------------------------------------------------------------------------------------------------- grants */

struct names {
        struct ts_map roles, divisions; /* name -> index, or AMBIGUOUS */
        bool *role_is_denied;           /* one a role */
        size_t n_roles;
        uint32_t *said_denied;          /* one a role: 1 + the trust for which it was already said */
};

static void index_names(const struct ts_named *items, size_t first, size_t n, struct ts_map *map)
{
        for (size_t i = first; i < n; i++)
                if (ts_map_add(map, items[i].name, strlen(items[i].name), (uint32_t) i) != i)
                        ts_map_set(map, items[i].name, strlen(items[i].name), AMBIGUOUS);
}

static uint32_t look_up(const struct ts_map *names, const struct ts_map *ids, const char *text)
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
        n->said_denied = ts_calloc(n->n_roles, sizeof(uint32_t));

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
        free(n->said_denied);
}

static void member_fail_name(struct ts_wanted *w, struct ts_wanted_member *m, const char *what, const char *text,
                             const struct ts_source *source, uint32_t found, bool complete)
{
        const char *why = found == AMBIGUOUS ? "is the name of more than one: write its id"
                          : complete         ? "does not exist: was it renamed or removed?"
                                             : "was not found, and the listing was not complete";

        m->problem = TS_FAILED;
        m->note = ts_arena_printf(&w->arena, "%s '%s' (%s:%u) %s; this member stays as it is", what, text,
                                  source->file, (unsigned) source->line, why);
}

struct grants_builder {
        struct ts_wanted *wanted;
        const struct ts_wanted_trust *trust;
        uint32_t trust_number;
        struct ts_wanted_member *member;
        const struct ts_catalog *catalog;
        struct names *names;
        struct ts_grant *items;
        size_t n;
};

static bool builder_is_denied(struct grants_builder *b, uint32_t role, const struct ts_decl_role *decl)
{
        if (!b->names->role_is_denied[role])
                return false;
        if (b->names->said_denied[role] != b->trust_number + 1) {
                b->names->said_denied[role] = b->trust_number + 1;
                wanted_message(b->wanted, b->trust->decl->alias, &decl->source,
                               "role '%s' is denied by the settings: it is granted to nobody of this trust",
                               decl->role);
        }
        return true;
}

/* False when a name does not resolve; the member has its problem then. */
static bool builder_add_role(struct grants_builder *b, const struct ts_decl_role *decl)
{
        uint32_t role, division;

        role = look_up(&b->names->roles, &b->catalog->role_ids, decl->role);
        if (role >= AMBIGUOUS) {
                member_fail_name(b->wanted, b->member, "role", decl->role, &decl->source, role, b->catalog->complete);
                return false;
        }
        if (builder_is_denied(b, role, decl))
                return true;
        if (decl->all) {
                b->items[b->n++] = (struct ts_grant){ role, TS_DIVISION_ALL, decl->source };
                return true;
        }

        for (size_t i = 0; i < decl->n_divisions; i++) {
                const struct ts_decl_text *d = &decl->divisions[i];

                division = look_up(&b->names->divisions, &b->catalog->division_ids, d->text);
                if (division >= AMBIGUOUS) {
                        member_fail_name(b->wanted, b->member, "division", d->text, &d->source, division,
                                         b->catalog->complete);
                        return false;
                }
                b->items[b->n++] = (struct ts_grant){ role, division, d->source };
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
        struct ts_wanted_member *m = b->member;
        const struct ts_decl_member *decl = m->decl;
        size_t n = roles_count(&decl->roles);

        for (size_t i = 0; i < decl->n_role_sets; i++)
                n += roles_count(&decl->role_sets[i]->roles);
        b->items = TS_ARENA_ARRAY(&b->wanted->arena, struct ts_grant, n);
        b->n = 0;

        /* the member's own lines first: where a set asks for the same grant, they are the ones to name */
        if (!builder_add_roles(b, &decl->roles))
                return;
        for (size_t i = 0; i < decl->n_role_sets; i++)
                if (!builder_add_roles(b, &decl->role_sets[i]->roles))
                        return;
        m->grants = b->items;
        m->n_grants = ts_grants_normalise(b->items, b->n);
}

/* Two keys that mean the same member: neither says more than the other, so it is left alone. */
static void find_same(struct ts_wanted *w, struct ts_wanted_trust *t)
{
        TS_CLEANUP(ts_map_done) struct ts_map ids = TS_MAP_INIT;

        for (size_t i = 0; i < t->n_users; i++) {
                struct ts_wanted_member *m = &t->users[i], *first;
                uint32_t k;

                if (ts_id_is_nil(&m->id))
                        continue;
                k = ts_map_add_id(&ids, &m->id, (uint32_t) i);
                if (k == i)
                        continue;
                first = &t->users[k];
                m->problem = first->problem = TS_FAILED;
                m->note = first->note = ts_arena_printf(
                                &w->arena, "%s (%s:%u) and %s (%s:%u) are the same user %s: keep one of them",
                                first->decl->key, first->decl->source.file, (unsigned) first->decl->source.line,
                                m->decl->key, m->decl->source.file, (unsigned) m->decl->source.line,
                                ts_id_format(&m->id).s);
        }
}

static void resolve_trust_grants(struct ts_wanted *w, struct ts_wanted_trust *t, const struct ts_live *live,
                                 const struct ts_policy *policy, struct names *names, uint32_t number)
{
        t->users_resolved = true;
        for (size_t i = 0; i < t->n_users; i++) {
                struct ts_wanted_member *m = &t->users[i];
                struct grants_builder b = { w, t, number, m, &live->catalog, names, NULL, 0 };

                m->denied = ts_texts_name_member(&policy->deny_users, &m->id, m->decl->key) ||
                            (m->live && ts_texts_name_member(&policy->deny_users, &m->id, m->live->email));
                if (ts_id_is_nil(&m->id) && t->users_resolved) {
                        t->users_resolved = false;
                        t->unresolved_key = m->decl->key;
                }
                if (m->decl->grants_managed && m->problem != TS_FAILED)
                        builder_run(&b);
        }
        find_same(w, t);
}

void ts_resolve_grants(struct ts_wanted *wanted, const struct ts_live *live, const struct ts_policy *policy)
{
        TS_CLEANUP(names_done) struct names names;

        names_init(&names, &live->catalog, policy);
        for (size_t i = 0; i < wanted->n_trusts; i++)
                resolve_trust_grants(wanted, &wanted->trusts[i], live, policy, &names, (uint32_t) i);
}

void ts_wanted_free(struct ts_wanted *wanted)
{
        if (!wanted)
                return;
        free(wanted->messages);
        ts_arena_done(&wanted->arena);
        free(wanted);
}

bool ts_wanted_member_needs_grants(const struct ts_wanted_member *m)
{
        return m->live && m->decl->grants_managed && m->problem == TS_PLANNED && !m->denied;
}
