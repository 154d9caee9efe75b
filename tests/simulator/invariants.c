#include "invariants.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define INVARIANTS_TEXT_MAX_BYTES 400

/* ------------------------------------------------------------------------------------------------ reading */

static int invariants_error(struct ts_err *err, const char *what, const char *name)
{
        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "%s: '%s'", what, name ? name : "");
}

#define INVARIANTS_KEY_BYTES 33

static void invariants_key(uint8_t key[INVARIANTS_KEY_BYTES], const struct ts_id *org,
                           const struct ts_id *other, bool as_trustee)
{
        memcpy(key, org->bytes, 16);
        memcpy(key + 16, other->bytes, 16);
        key[32] = as_trustee;
}

/* An object, or its id or name alone. */
static int invariants_read_member(struct ts_invariants *inv, const struct ts_world_org *org,
                                  enum ts_world_kind kind, const struct ts_json *v, struct ts_inv_member *ret,
                                  struct ts_err *err)
{
        const char *text = v->type == TS_JSON_STRING ? v->string : NULL;
        const struct ts_json *grants = ts_json_get(v, "grants");
        const char *name = text ? text : ts_json_get_string(v, kind == TS_WORLD_GROUP ? "name" : "email");

        *ret = (struct ts_inv_member){ .name = ts_arena_strdup(&inv->arena, name) };
        if (!ts_json_get_id(v, "id", &ret->id) && !ts_id_parse_string(text, &ret->id) && !ret->name)
                return invariants_error(err, "a member needs an id, an email or a name", v->key);
        ret->grants_managed = grants;
        return ts_fixture_read_grants(org, grants, &inv->arena, &ret->grants, err);
}

static int invariants_read_members(struct ts_invariants *inv, const struct ts_world_org *org,
                                   enum ts_world_kind kind, const struct ts_json *list,
                                   struct ts_inv_members *ret, struct ts_err *err)
{
        int r;

        if (!list)
                return 0;
        ret->managed = true;
        ret->items = TS_ARENA_ARRAY(&inv->arena, struct ts_inv_member, list->n);
        TS_JSON_FOREACH (m, list) {
                r = invariants_read_member(inv, org, kind, m, &ret->items[ret->n++], err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int invariants_trust_id(const struct ts_world *w, const struct ts_json *v, struct ts_id *ret,
                               struct ts_err *err)
{
        const char *name = ts_json_get_string(v, "name");
        const struct ts_world_org *trustee;

        if (ts_json_get_id(v, "id", ret))
                return 0;
        trustee = ts_fixture_find_org(w, name);
        if (!trustee)
                return invariants_error(err, "no such trustee organization", name);
        *ret = trustee->id;
        return 0;
}

void ts_invariants_init(struct ts_invariants *inv, size_t n_orgs)
{
        inv->active = true;
        inv->max_removals = inv->max_trust_removals = inv->max_pairings = inv->delete_after_sec = -1;
        inv->orgs = TS_ARENA_ARRAY(&inv->arena, struct ts_inv_org, n_orgs);
}

bool ts_invariants_add_trust(struct ts_invariants *inv, const struct ts_inv_trust *trust)
{
        uint32_t i = (uint32_t) inv->n_trusts;
        uint8_t key[INVARIANTS_KEY_BYTES];

        invariants_key(key, &trust->org->id, &trust->id, trust->as_trustee);
        if (ts_map_add(&inv->index, ts_arena_memdup(&inv->arena, key, sizeof(key)), sizeof(key), i) != i)
                return false;
        TS_GROW(inv->trusts, inv->a_trusts, inv->n_trusts);
        inv->trusts[inv->n_trusts++] = *trust;
        return true;
}

static int invariants_read_trust(struct ts_invariants *inv, const struct ts_world *w,
                                 struct ts_world_org *org, const struct ts_json *v, bool as_trustee,
                                 struct ts_err *err)
{
        struct ts_inv_trust t = { .org = org, .as_trustee = as_trustee, .expires = TS_TIME_UNSET };
        int r;

        r = invariants_trust_id(w, v, &t.id, err);
        if (r < 0)
                return r;
        (void) ts_json_get_bool(v, "absent", &t.absent);
        (void) ts_json_get_bool(v, "create", &t.may_be_created);
        (void) ts_json_get_bool(v, "default_role", &t.may_use_default_role);
        t.enabled_managed = ts_json_get_bool(v, "enabled", &t.enabled);
        if (ts_json_get(v, "expires")) {
                r = ts_fixture_read_time(v, "expires", &t.expires, err);
                if (r < 0)
                        return r;
        }
        r = invariants_read_members(inv, org, TS_WORLD_USER, ts_json_get_array(v, "users"),
                                    &t.members[TS_WORLD_USER], err);
        if (r >= 0)
                r = invariants_read_members(inv, org, TS_WORLD_GROUP, ts_json_get_array(v, "groups"),
                                            &t.members[TS_WORLD_GROUP], err);
        if (r >= 0)
                r = invariants_read_members(inv, org, TS_WORLD_USER, ts_json_get_array(v, "clones"),
                                            &t.clones, err);
        if (r < 0)
                return r;
        if (!ts_invariants_add_trust(inv, &t))
                return invariants_error(err, "the trust is there twice", ts_id_format(&t.id).s);
        return 0;
}

static int invariants_read_org(struct ts_invariants *inv, struct ts_world *w, const struct ts_json *v,
                               struct ts_err *err)
{
        static const char *const keys[] = { "trusts", "trustors" };
        const char *name = ts_json_get_string(v, "organization"),
                   *unlisted = ts_json_get_string(v, "unlisted");
        struct ts_world_org *org = ts_fixture_find_org(w, name);
        int r;

        if (!org)
                return invariants_error(err, "no such organization", name);
        inv->orgs[inv->n_orgs++] = (struct ts_inv_org){
                .org = org,
                .removes_unlisted = unlisted && strcmp(unlisted, "remove") == 0,
        };
        for (size_t i = 0; i < TS_N_ELEMENTS(keys); i++) {
                const struct ts_json *trusts = ts_json_get_array(v, keys[i]);

                for (const struct ts_json *t = trusts ? trusts->first : NULL; t; t = t->next) {
                        r = invariants_read_trust(inv, w, org, t, i == 1, err);
                        if (r < 0)
                                return ts_err_wrap(err, r, "organization '%s'", name);
                }
        }
        return 0;
}

static void invariants_read_list(struct ts_invariants *inv, const struct ts_json *v, const char *key,
                                 struct ts_inv_list *list)
{
        const struct ts_json *items = ts_json_get_array(v, key);

        if (!items)
                return;
        list->items = TS_ARENA_ARRAY(&inv->arena, const char *, items->n);
        TS_JSON_FOREACH (item, items)
                if (item->type == TS_JSON_STRING)
                        list->items[list->n++] = ts_arena_strdup(&inv->arena, item->string);
}

int ts_invariants_read(struct ts_invariants *inv, struct ts_world *w, const struct ts_json *v,
                       struct ts_err *err)
{
        const struct ts_json *orgs = ts_json_get_array(v, "organizations");
        const struct ts_json *protect = ts_json_get_object(v, "protected"),
                             *deny = ts_json_get_object(v, "denied");
        const struct ts_json *limits = ts_json_get_object(v, "limits");
        int r;

        ts_invariants_init(inv, orgs ? orgs->n : 0);
        invariants_read_list(inv, protect, "organizations", &inv->protected_organizations);
        invariants_read_list(inv, protect, "users", &inv->protected_users);
        invariants_read_list(inv, deny, "organizations", &inv->denied_organizations);
        invariants_read_list(inv, deny, "users", &inv->denied_users);
        invariants_read_list(inv, deny, "roles", &inv->denied_roles);
        (void) ts_json_get_int(limits, "removals", &inv->max_removals);
        (void) ts_json_get_int(limits, "trust_removals", &inv->max_trust_removals);
        (void) ts_json_get_int(limits, "pairings", &inv->max_pairings);
        (void) ts_json_get_int(v, "delete_after", &inv->delete_after_sec);
        (void) ts_json_get_int(v, "expires_step", &inv->expires_step);
        for (const struct ts_json *o = orgs ? orgs->first : NULL; o; o = o->next) {
                r = invariants_read_org(inv, w, o, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

void ts_invariants_done(struct ts_invariants *inv)
{
        ts_map_done(&inv->index);
        free(inv->trusts);
        ts_arena_done(&inv->arena);
        *inv = (struct ts_invariants){ 0 };
}

void ts_invariants_reset(struct ts_invariants *inv)
{
        inv->n_removals = 0;
        inv->n_trust_removals = 0;
        inv->n_pairings = 0;
}

/* ---------------------------------------------------------------------------------------------- one write */

struct check {
        struct ts_invariants *inv;
        const struct ts_world_org *org; /* the trustor */
        const struct ts_inv_org *inv_org;
        const struct ts_inv_trust *decl; /* NULL: no declaration of the writer names the trust */
        const struct ts_world_slot *slot;
        const struct ts_world_trust *before, *after;
        const struct ts_world_org *trustee;
        bool by_trustee;                                /* the write */
        bool is_protected, is_protected_org, is_denied; /* the trust */
        int64_t now;
        ts_invariants_report report;
        void *userdata;
};

struct check_name {
        char s[128];
};

static struct check_name check_name(const struct ts_world_org *org)
{
        struct check_name name;

        (void) snprintf(name.s, sizeof(name.s), "%s", org->name ? org->name : ts_id_format(&org->id).s);
        return name;
}

static const struct ts_world_org *check_writer(const struct check *c)
{
        return c->by_trustee ? c->trustee : c->org;
}

static const struct ts_world_org *check_other(const struct check *c)
{
        return c->by_trustee ? c->org : c->trustee;
}

static void check_report(const struct check *c, const char *rule, const char *fmt, ...) TS_PRINTF(3, 4);

static void check_report(const struct check *c, const char *rule, const char *fmt, ...)
{
        char what[INVARIANTS_TEXT_MAX_BYTES], text[2 * INVARIANTS_TEXT_MAX_BYTES];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(what, sizeof(what), fmt, ap);
        va_end(ap);
        (void) snprintf(text, sizeof(text), "%s %s, %s %s: %s", rule, check_name(check_writer(c)).s,
                        c->by_trustee ? "trustor" : "trust", check_name(check_other(c)).s, what);
        c->report(text, c->userdata);
}

static bool list_has(const struct ts_inv_list *list, const struct ts_id *id, const char *name)
{
        struct ts_id item;

        for (size_t i = 0; i < list->n; i++)
                if (ts_id_parse_string(list->items[i], &item) ? ts_id_equal(&item, id)
                                                              : ts_equal_fold(list->items[i], name))
                        return true;
        return false;
}

static bool check_is_protected_party(const struct check *c, const struct ts_world_party *u)
{
        return c->is_protected_org || list_has(&c->inv->protected_users, &u->id, u->email);
}

static bool check_is_denied_party(const struct check *c, const struct ts_world_party *u)
{
        return list_has(&c->inv->denied_users, &u->id, u->email);
}

static bool check_is_denied_role(const struct check *c, uint32_t role)
{
        return list_has(&c->inv->denied_roles, &c->org->roles[role].id, c->org->roles[role].name);
}

static void check_count(const struct check *c, int64_t *n, int64_t max, const char *what)
{
        (*n)++;
        if (max >= 0 && *n > max)
                check_report(c, "I4", "this is %s %lld, at most %lld are allowed", what, (long long) *n,
                             (long long) max);
}

static void check_removal(const struct check *c)
{
        check_count(c, &c->inv->n_removals, c->inv->max_removals, "removal");
}

/* A trust that is disabled, deleted, or past its expiry all of a sudden. */
static void check_trust_removal(const struct check *c)
{
        if (c->is_denied)
                return;
        check_removal(c);
        check_count(c, &c->inv->n_trust_removals, c->inv->max_trust_removals, "trust removal");
}

/* ------------------------------------------------------------------------------------------ users, grants */

struct check_party { /* for sentences */
        char s[160];
};

static struct check_party check_party(const struct ts_world_party *p)
{
        bool is_group = p->kind == TS_WORLD_GROUP;
        const char *name = is_group ? p->name : p->email;
        struct check_party text;

        (void) snprintf(text.s, sizeof(text.s), "%s %s", is_group ? "group" : "user",
                        name ? name : ts_id_format(&p->id).s);
        return text;
}

static const struct ts_inv_member *members_find(const struct ts_inv_members *members,
                                                const struct ts_world_party *p)
{
        bool is_group = p->kind == TS_WORLD_GROUP;

        for (size_t i = 0; i < members->n; i++) {
                const struct ts_inv_member *d = &members->items[i];
                bool same_name = is_group ? d->name && p->name && strcmp(d->name, p->name) == 0
                                          : ts_equal_fold(d->name, p->email);

                if (ts_id_is_nil(&d->id) ? same_name : ts_id_equal(&d->id, &p->id))
                        return d;
        }
        return NULL;
}

static const struct ts_inv_member *check_find(const struct check *c, const struct ts_world_party *p)
{
        return c->decl ? members_find(&c->decl->members[p->kind], p) : NULL;
}

/* All divisions swallow single ones of the same role. */
static bool grants_cover(const struct ts_world_grants *grants, struct ts_world_grant g)
{
        return ts_world_grants_have(grants, g) ||
               ts_world_grants_have(grants, (struct ts_world_grant){ g.role, TS_WORLD_ALL });
}

static bool trust_has(const struct ts_world_trust *t, const struct ts_world_party *p,
                      const struct ts_world_grant *g)
{
        const struct ts_world_member *m = t ? ts_world_find_member(t, p->kind, &p->id) : NULL;

        return m && (!g || grants_cover(&m->grants, *g));
}

/* Live at the start, or by somebody else's hand since. @g NULL: the membership. */
static bool check_was_live(const struct check *c, const struct ts_world_party *p,
                           const struct ts_world_grant *g)
{
        if (trust_has(c->slot->start, p, g))
                return true;
        for (size_t i = 0; i < c->slot->n_edits; i++)
                if (trust_has(c->slot->edits[i], p, g))
                        return true;
        return false;
}

static const char *check_division_name(const struct check *c, uint32_t division)
{
        return division == TS_WORLD_ALL ? "all divisions" : c->org->divisions[division].name;
}

static void check_report_grant(const struct check *c, const char *rule, const struct ts_world_party *p,
                               struct ts_world_grant g, const char *what)
{
        check_report(c, rule, "%s: %s in %s %s", check_party(p).s, c->org->roles[g.role].name,
                     check_division_name(c, g.division), what);
}

static void check_granted(const struct check *c, const struct ts_world_party *p,
                          const struct ts_inv_member *d, struct ts_world_grant g)
{
        if (check_is_denied_role(c, g.role))
                check_report_grant(c, "I1", p, g, "was granted and is denied");
        else if (d && d->grants_managed && grants_cover(&d->grants, g))
                return;
        else if (check_was_live(c, p, &g))
                check_report_grant(c, "I2", p, g, "was granted again and is not declared");
        else
                check_report_grant(c, "I1", p, g, "was granted, was not live and is not declared");
}

static void check_taken(const struct check *c, const struct ts_world_party *p, const struct ts_inv_member *d,
                        struct ts_world_grant g)
{
        bool denied = check_is_denied_role(c, g.role) || check_is_denied_party(c, p);

        if (c->org->roles[g.role].removed)
                return; /* nobody sees it any more */
        if (check_is_protected_party(c, p))
                check_report_grant(c, "I3", p, g,
                                   p->kind == TS_WORLD_GROUP ? "was taken away, and the group is protected"
                                                             : "was taken away, and the user is protected");
        if (!denied && !(d && d->grants_managed))
                check_report_grant(
                                c, "I2", p, g,
                                p->kind == TS_WORLD_GROUP
                                                ? "was taken away, and the group's grants are not declared"
                                                : "was taken away, and the user's grants are not declared");
        if (!denied && d && d->grants_managed && grants_cover(&d->grants, g))
                check_report_grant(c, "I2", p, g, "was taken away and is declared");
        if (!denied)
                check_removal(c);
}

static void check_grants(const struct check *c, const struct ts_world_member *before,
                         const struct ts_world_member *after)
{
        static const struct ts_world_grants none = { 0 };
        const struct ts_world_grants *old = before ? &before->grants : &none;
        const struct ts_inv_member *d = check_find(c, after->party);

        for (size_t i = 0; i < after->grants.n; i++)
                if (!grants_cover(old, after->grants.items[i]))
                        check_granted(c, after->party, d, after->grants.items[i]);
        for (size_t i = 0; i < old->n; i++)
                if (!grants_cover(&after->grants, old->items[i]))
                        check_taken(c, after->party, d, old->items[i]);
}

/* A trust is created in one request: nobody waits for a part of its grants. */
static void check_came_whole(const struct check *c, const struct ts_world_member *m,
                             const struct ts_inv_member *d)
{
        for (size_t i = 0; d && d->grants_managed && i < d->grants.n; i++)
                if (!check_is_denied_role(c, d->grants.items[i].role) &&
                    !grants_cover(&m->grants, d->grants.items[i]))
                        check_report_grant(c, "I1", m->party, d->grants.items[i],
                                           "is declared, and did not come with the new trust");
}

static void check_added(const struct check *c, const struct ts_world_member *m)
{
        const struct ts_inv_member *d = c->decl && !c->decl->absent ? check_find(c, m->party) : NULL;

        if (check_is_denied_party(c, m->party) || c->is_denied)
                check_report(c, "I1", "%s was added and is denied", check_party(m->party).s);
        else if (!d && check_was_live(c, m->party, NULL))
                check_report(c, "I2", "%s was added again and is not declared", check_party(m->party).s);
        else if (!d)
                check_report(c, "I1", "%s was added, was not live and is not declared",
                             check_party(m->party).s);
        if (!c->before)
                check_came_whole(c, m, d);
        check_grants(c, NULL, m);
}

static void check_removed(const struct check *c, const struct ts_world_member *m)
{
        struct check_party name = check_party(m->party);
        bool denied = check_is_denied_party(c, m->party);

        if (check_is_protected_party(c, m->party))
                check_report(c, "I3", "%s was removed and is protected", name.s);
        if (!denied && (!c->decl || c->decl->absent || !c->decl->members[m->party->kind].managed))
                check_report(c, "I2", "%s was removed, and the trust's %s are not declared", name.s,
                             m->party->kind == TS_WORLD_GROUP ? "groups" : "users");
        else if (!denied && check_find(c, m->party))
                check_report(c, "I2", "%s was removed and is declared", name.s);
        if (!denied)
                check_removal(c);
}

static void check_members(const struct check *c, enum ts_world_kind kind)
{
        const struct ts_world_members *after = &c->after->members[kind];

        for (size_t i = 0; i < after->n; i++) {
                const struct ts_world_member *m = &after->items[i];
                const struct ts_world_member *old =
                                c->before ? ts_world_find_member(c->before, kind, &m->party->id) : NULL;

                if (old)
                        check_grants(c, old, m);
                else
                        check_added(c, m);
        }
        for (size_t i = 0; c->before && i < c->before->members[kind].n; i++)
                if (!ts_world_find_member(c->after, kind, &c->before->members[kind].items[i].party->id))
                        check_removed(c, &c->before->members[kind].items[i]);
}

static void check_clone_removed(const struct check *c, const struct ts_world_party *user)
{
        bool denied = check_is_denied_party(c, user);

        if (check_is_protected_party(c, user))
                check_report(c, "I3", "the clone of %s was removed and is protected", check_party(user).s);
        if (!denied && (!c->decl || c->decl->absent || !c->decl->clones.managed))
                check_report(c, "I2", "the clone of %s was removed, and the trust's clones are not declared",
                             check_party(user).s);
        else if (!denied && members_find(&c->decl->clones, user))
                check_report(c, "I2", "the clone of %s was removed and is declared", check_party(user).s);
        if (!denied)
                check_removal(c);
}

static void check_clones(const struct check *c)
{
        for (size_t i = 0; i < c->after->n_clones; i++) {
                const struct ts_world_party *user = c->after->clones[i];

                if (c->before && ts_world_has_clone(c->before, &user->id))
                        continue;
                if (check_is_denied_party(c, user) || c->is_denied)
                        check_report(c, "I1", "%s was cloned and is denied", check_party(user).s);
                else if (!c->decl || c->decl->absent || !members_find(&c->decl->clones, user))
                        check_report(c, "I1", "%s was cloned, and nothing says so", check_party(user).s);
        }
        for (size_t i = 0; c->before && i < c->before->n_clones; i++)
                if (!ts_world_has_clone(c->after, &c->before->clones[i]->id))
                        check_clone_removed(c, c->before->clones[i]);
}

/* --------------------------------------------------------------------------------------- the trust itself */

/* It may be closed: disabled, or deleted in the end. */
static bool check_may_close(const struct check *c)
{
        return c->decl ? c->decl->absent : c->inv_org->removes_unlisted;
}

static void check_deleted(const struct check *c)
{
        int64_t since = c->before->enabled ? c->now : c->before->disabled_since;

        if (c->is_protected)
                check_report(c, "I3", "it was deleted and is protected");
        if (!check_may_close(c))
                check_report(c, "I2", "it was deleted and is not declared absent");
        /* a trustee cannot disable what it leaves */
        if (!c->by_trustee && c->inv->delete_after_sec > 0 &&
            (c->before->enabled || c->now - since < c->inv->delete_after_sec))
                check_report(c, "I4", "it was deleted %lld s after it was disabled, %lld s are asked for",
                             (long long) (c->now - since), (long long) c->inv->delete_after_sec);
        check_trust_removal(c);
}

static void check_disabled(const struct check *c)
{
        bool declared = c->decl && c->decl->enabled_managed && !c->decl->enabled;

        if (c->is_protected)
                check_report(c, "I3", "it was disabled and is protected");
        if (!declared && !c->is_denied && !check_may_close(c))
                check_report(c, "I2", "it was disabled, and nothing says so");
        check_trust_removal(c);
}

/* A trust whose state is not declared is opened again only by who closed it. */
static void check_enabled(const struct check *c)
{
        bool declared = c->decl && !c->decl->absent &&
                        (c->decl->enabled_managed ? c->decl->enabled : !c->slot->disabled_by_others);

        if (c->is_denied)
                check_report(c, "I1", "it was enabled and is denied");
        else if (!declared)
                check_report(c, "I1", "it was enabled, and nothing says so");
}

/* Is this what is declared, or what the platform makes of it? */
static bool check_is_declared_expiry(const struct check *c, int64_t expires)
{
        int64_t declared = c->decl ? c->decl->expires : TS_TIME_UNSET, step = c->inv->expires_step;

        return declared == expires || (step > 0 && declared != TS_TIME_UNSET && declared != TS_TIME_NEVER &&
                                       declared - declared % step == expires);
}

static void check_expiry(const struct check *c)
{
        if (c->is_protected && c->after->expires < c->before->expires)
                check_report(c, "I3", "its expiry was moved from %s to %s, and it is protected",
                             ts_time_format(c->before->expires).s, ts_time_format(c->after->expires).s);
        if (!check_is_declared_expiry(c, c->after->expires))
                check_report(c, c->after->expires > c->before->expires ? "I1" : "I2",
                             "its expiry was moved from %s to %s, and nothing says so",
                             ts_time_format(c->before->expires).s, ts_time_format(c->after->expires).s);
        if (c->after->expires <= c->now && c->before->expires > c->now)
                check_trust_removal(c);
}

static void check_created(const struct check *c)
{
        if (c->is_denied)
                check_report(c, "I1", "it was created and is denied");
        else if (!c->decl || c->decl->absent || !c->decl->may_be_created)
                check_report(c, "I1", "it was created, and nothing says so");
        else if (c->after->enabled && c->decl->enabled_managed && !c->decl->enabled)
                check_report(c, "I1", "it was created enabled and is declared disabled");
        else if (c->decl->expires != TS_TIME_UNSET && !check_is_declared_expiry(c, c->after->expires))
                check_report(c, "I1", "it was created with another expiry than the declared one");
        if (c->after->has_full_access ||
            (c->after->uses_default_role && !(c->decl && c->decl->may_use_default_role)))
                check_report(c, "I1", "it was created with a default role or full access");
}

static void check_attributes(const struct check *c)
{
        if (c->before->enabled && !c->after->enabled)
                check_disabled(c);
        else if (!c->before->enabled && c->after->enabled)
                check_enabled(c);
        if (c->before->expires != c->after->expires)
                check_expiry(c);
}

static bool check_has_protected_member(const struct check *c, const struct ts_world_members *members)
{
        for (size_t i = 0; i < members->n; i++)
                if (check_is_protected_party(c, members->items[i].party))
                        return true;
        return false;
}

/* A trust with a protected member is itself protected. */
static bool check_find_protection(const struct check *c)
{
        if (c->is_protected_org)
                return true;
        return c->before && (check_has_protected_member(c, &c->before->members[TS_WORLD_USER]) ||
                             check_has_protected_member(c, &c->before->members[TS_WORLD_GROUP]));
}

static const struct ts_inv_org *invariants_find_org(const struct ts_invariants *inv,
                                                    const struct ts_world_org *org)
{
        for (size_t i = 0; i < inv->n_orgs; i++)
                if (inv->orgs[i].org == org)
                        return &inv->orgs[i];
        return NULL;
}

static const struct ts_inv_trust *invariants_find_trust(const struct check *c)
{
        uint8_t key[INVARIANTS_KEY_BYTES];
        uint32_t i;

        invariants_key(key, &check_writer(c)->id, &check_other(c)->id, c->by_trustee);
        i = ts_map_get(&c->inv->index, key, sizeof(key));
        return i == TS_MAP_NONE ? NULL : &c->inv->trusts[i];
}

static void check_write(struct check *c)
{
        const struct ts_world_org *other = check_other(c);

        c->decl = invariants_find_trust(c);
        c->slot = &c->org->slots[ts_world_find_slot(c->org, &c->trustee->id)];
        c->is_protected_org = list_has(&c->inv->protected_organizations, &other->id, other->name);
        c->is_protected = check_find_protection(c);
        c->is_denied = list_has(&c->inv->denied_organizations, &other->id, other->name);
        if (!c->after) {
                check_deleted(c);
                return;
        }
        if (c->before)
                check_attributes(c);
        else
                check_created(c);
        check_members(c, TS_WORLD_USER);
        check_members(c, TS_WORLD_GROUP);
        check_clones(c);
}

void ts_invariants_check(struct ts_invariants *inv, const struct ts_world_org *org,
                         const struct ts_world_org *by, const struct ts_world_trust *before,
                         const struct ts_world_trust *after, int64_t now, ts_invariants_report report,
                         void *userdata)
{
        const struct ts_world_trust *any = before ? before : after;
        struct check c = {
                .inv = inv,
                .org = org,
                .before = before,
                .after = after,
                .by_trustee = by != org,
                .now = now,
                .report = report,
                .userdata = userdata,
        };

        if (!inv->active || !any)
                return;
        c.trustee = any->trustee;
        c.inv_org = invariants_find_org(inv, by);
        if (c.inv_org)
                check_write(&c);
        else
                check_report(&c, "I5", "the organization was written to and is not declared");
}

void ts_invariants_check_pairing(struct ts_invariants *inv, const struct ts_world_org *org,
                                 ts_invariants_report report, void *userdata)
{
        char text[INVARIANTS_TEXT_MAX_BYTES];

        if (!inv->active)
                return;
        inv->n_pairings++;
        if (!invariants_find_org(inv, org)) {
                (void) snprintf(text, sizeof(text), "I5 %s: a trust was asked for, and it is not declared",
                                check_name(org).s);
                report(text, userdata);
        }
        if (inv->max_pairings >= 0 && inv->n_pairings > inv->max_pairings) {
                (void) snprintf(text, sizeof(text),
                                "I4 %s: this is pairing request %lld, at most %lld are allowed",
                                check_name(org).s, (long long) inv->n_pairings,
                                (long long) inv->max_pairings);
                report(text, userdata);
        }
}
