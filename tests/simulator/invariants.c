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

/* ------------------------------------------------------------------------------------------------- reading
 */

static int invariants_error(struct ts_err *err, const char *what, const char *name)
{
        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "%s: '%s'", what, name ? name : "");
}

static void invariants_key(uint8_t key[32], const struct ts_id *org, const struct ts_id *trustee)
{
        memcpy(key, org->bytes, 16);
        memcpy(key + 16, trustee->bytes, 16);
}

static int invariants_read_user(struct ts_invariants *inv, const struct ts_world_org *org,
                                const struct ts_json *v, struct ts_inv_user *ret, struct ts_err *err)
{
        const struct ts_json *grants = ts_json_get(v, "grants");

        *ret = (struct ts_inv_user){ .email = ts_arena_strdup(&inv->arena, ts_json_get_string(v, "email")) };
        if (!ts_json_get_id(v, "id", &ret->id) && !ret->email)
                return invariants_error(err, "a user needs an id or an email", v->key);
        ret->grants_managed = grants;
        return ts_fixture_read_grants(org, grants, &inv->arena, &ret->grants, err);
}

static int invariants_read_users(struct ts_invariants *inv, struct ts_inv_trust *t,
                                 const struct ts_json *list, struct ts_err *err)
{
        int r;

        if (!list)
                return 0;
        t->users_managed = true;
        t->users = TS_ARENA_ARRAY(&inv->arena, struct ts_inv_user, list->n);
        TS_JSON_FOREACH (u, list) {
                r = invariants_read_user(inv, t->org, u, &t->users[t->n_users++], err);
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
        inv->max_removals = inv->max_trust_removals = inv->delete_after_sec = -1;
        inv->orgs = TS_ARENA_ARRAY(&inv->arena, struct ts_inv_org, n_orgs);
}

bool ts_invariants_add_trust(struct ts_invariants *inv, const struct ts_inv_trust *trust)
{
        uint32_t i = (uint32_t) inv->n_trusts;
        uint8_t key[32];

        invariants_key(key, &trust->org->id, &trust->id);
        if (ts_map_add(&inv->index, ts_arena_memdup(&inv->arena, key, sizeof(key)), sizeof(key), i) != i)
                return false;
        TS_GROW(inv->trusts, inv->a_trusts, inv->n_trusts);
        inv->trusts[inv->n_trusts++] = *trust;
        return true;
}

static int invariants_read_trust(struct ts_invariants *inv, const struct ts_world *w,
                                 struct ts_world_org *org, const struct ts_json *v, struct ts_err *err)
{
        struct ts_inv_trust t = { .org = org, .expires = TS_TIME_UNSET };
        int r;

        r = invariants_trust_id(w, v, &t.id, err);
        if (r < 0)
                return r;
        (void) ts_json_get_bool(v, "absent", &t.absent);
        t.enabled_managed = ts_json_get_bool(v, "enabled", &t.enabled);
        if (ts_json_get(v, "expires")) {
                r = ts_fixture_read_time(v, "expires", &t.expires, err);
                if (r < 0)
                        return r;
        }
        r = invariants_read_users(inv, &t, ts_json_get_array(v, "users"), err);
        if (r < 0)
                return r;
        if (!ts_invariants_add_trust(inv, &t))
                return invariants_error(err, "the trust is there twice", ts_id_format(&t.id).s);
        return 0;
}

static int invariants_read_org(struct ts_invariants *inv, struct ts_world *w, const struct ts_json *v,
                               struct ts_err *err)
{
        const char *name = ts_json_get_string(v, "organization"),
                   *unlisted = ts_json_get_string(v, "unlisted");
        const struct ts_json *trusts = ts_json_get_array(v, "trusts");
        struct ts_world_org *org = ts_fixture_find_org(w, name);
        int r;

        if (!org)
                return invariants_error(err, "no such organization", name);
        inv->orgs[inv->n_orgs++] = (struct ts_inv_org){
                .org = org,
                .removes_unlisted = unlisted && strcmp(unlisted, "remove") == 0,
        };
        for (const struct ts_json *t = trusts ? trusts->first : NULL; t; t = t->next) {
                r = invariants_read_trust(inv, w, org, t, err);
                if (r < 0)
                        return ts_err_wrap(err, r, "organization '%s'", name);
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
        (void) ts_json_get_int(v, "delete_after", &inv->delete_after_sec);
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
}

/* ------------------------------------------------------------------------------------------- one write */

struct check {
        struct ts_invariants *inv;
        const struct ts_world_org *org;
        const struct ts_inv_org *inv_org;
        const struct ts_inv_trust *decl; /* NULL: no declaration names the trust */
        const struct ts_world_slot *slot;
        const struct ts_world_trust *before, *after;
        const struct ts_world_org *trustee;
        bool is_protected, is_protected_org, is_denied; /* the trust */
        int64_t now;
        ts_invariants_report report;
        void *userdata;
};

static void check_say(const struct check *c, const char *rule, const char *fmt, ...) TS_PRINTF(3, 4);

static void check_say(const struct check *c, const char *rule, const char *fmt, ...)
{
        char what[INVARIANTS_TEXT_MAX_BYTES], text[2 * INVARIANTS_TEXT_MAX_BYTES];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(what, sizeof(what), fmt, ap);
        va_end(ap);
        (void) snprintf(text, sizeof(text), "%s %s, trust %s: %s", rule, c->org->name ? c->org->name : "?",
                        c->trustee->name ? c->trustee->name : ts_id_format(&c->trustee->id).s, what);
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

static bool check_is_protected_user(const struct check *c, const struct ts_world_user *u)
{
        return c->is_protected_org || list_has(&c->inv->protected_users, &u->id, u->email);
}

static bool check_is_denied_user(const struct check *c, const struct ts_world_user *u)
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
                check_say(c, "I4", "this is %s %lld, at most %lld are allowed", what, (long long) *n,
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

/* ------------------------------------------------------------------------------------------- users, grants
 */

static const struct ts_inv_user *check_find_user(const struct check *c, const struct ts_world_user *u)
{
        for (size_t i = 0; c->decl && i < c->decl->n_users; i++) {
                const struct ts_inv_user *d = &c->decl->users[i];

                if (ts_id_is_nil(&d->id) ? ts_equal_fold(d->email, u->email) : ts_id_equal(&d->id, &u->id))
                        return d;
        }
        return NULL;
}

/* All divisions swallow single ones of the same role. */
static bool grants_cover(const struct ts_world_grants *grants, struct ts_world_grant g)
{
        return ts_world_grants_have(grants, g) ||
               ts_world_grants_have(grants, (struct ts_world_grant){ g.role, TS_WORLD_ALL });
}

static bool trust_has(const struct ts_world_trust *t, const struct ts_id *user,
                      const struct ts_world_grant *g)
{
        const struct ts_world_member *m = t ? ts_world_find_member(t, user) : NULL;

        return m && (!g || grants_cover(&m->grants, *g));
}

/* Live at the start, or by somebody else's hand since. @g NULL: the membership. */
static bool check_was_live(const struct check *c, const struct ts_id *user, const struct ts_world_grant *g)
{
        if (trust_has(c->slot->start, user, g))
                return true;
        for (size_t i = 0; i < c->slot->n_edits; i++)
                if (trust_has(c->slot->edits[i], user, g))
                        return true;
        return false;
}

static const char *check_division_name(const struct check *c, uint32_t division)
{
        return division == TS_WORLD_ALL ? "all divisions" : c->org->divisions[division].name;
}

static void check_say_grant(const struct check *c, const char *rule, const struct ts_world_user *u,
                            struct ts_world_grant g, const char *what)
{
        check_say(c, rule, "user %s: %s in %s %s", u->email ? u->email : ts_id_format(&u->id).s,
                  c->org->roles[g.role].name, check_division_name(c, g.division), what);
}

static void check_granted(const struct check *c, const struct ts_world_user *u, const struct ts_inv_user *d,
                          struct ts_world_grant g)
{
        if (check_is_denied_role(c, g.role))
                check_say_grant(c, "I1", u, g, "was granted and is denied");
        else if (d && d->grants_managed && grants_cover(&d->grants, g))
                return;
        else if (check_was_live(c, &u->id, &g))
                check_say_grant(c, "I2", u, g, "was granted again and is not declared");
        else
                check_say_grant(c, "I1", u, g, "was granted, was not live and is not declared");
}

static void check_taken(const struct check *c, const struct ts_world_user *u, const struct ts_inv_user *d,
                        struct ts_world_grant g)
{
        bool denied = check_is_denied_role(c, g.role) || check_is_denied_user(c, u);

        if (c->org->roles[g.role].removed)
                return; /* nobody sees it any more */
        if (check_is_protected_user(c, u))
                check_say_grant(c, "I3", u, g, "was taken away, and the user is protected");
        if (!denied && !(d && d->grants_managed))
                check_say_grant(c, "I2", u, g, "was taken away, and the user's grants are not declared");
        if (!denied && d && d->grants_managed && grants_cover(&d->grants, g))
                check_say_grant(c, "I2", u, g, "was taken away and is declared");
        if (!denied)
                check_removal(c);
}

static void check_grants(const struct check *c, const struct ts_world_member *before,
                         const struct ts_world_member *after)
{
        static const struct ts_world_grants none = { 0 };
        const struct ts_world_grants *old = before ? &before->grants : &none;
        const struct ts_inv_user *d = check_find_user(c, after->user);

        for (size_t i = 0; i < after->grants.n; i++)
                if (!grants_cover(old, after->grants.items[i]))
                        check_granted(c, after->user, d, after->grants.items[i]);
        for (size_t i = 0; i < old->n; i++)
                if (!grants_cover(&after->grants, old->items[i]))
                        check_taken(c, after->user, d, old->items[i]);
}

static void check_added(const struct check *c, const struct ts_world_member *m)
{
        const char *name = m->user->email ? m->user->email : ts_id_format(&m->user->id).s;

        if (check_is_denied_user(c, m->user) || c->is_denied)
                check_say(c, "I1", "user %s was added and is denied", name);
        else if ((!c->decl || c->decl->absent || !check_find_user(c, m->user)) &&
                 check_was_live(c, &m->user->id, NULL))
                check_say(c, "I2", "user %s was added again and is not declared", name);
        else if (!c->decl || c->decl->absent || !check_find_user(c, m->user))
                check_say(c, "I1", "user %s was added, was not live and is not declared", name);
        check_grants(c, NULL, m);
}

static void check_removed(const struct check *c, const struct ts_world_member *m)
{
        const char *name = m->user->email ? m->user->email : ts_id_format(&m->user->id).s;
        bool denied = check_is_denied_user(c, m->user);

        if (check_is_protected_user(c, m->user))
                check_say(c, "I3", "user %s was removed and is protected", name);
        if (!denied && (!c->decl || c->decl->absent || !c->decl->users_managed))
                check_say(c, "I2", "user %s was removed, and the trust's users are not declared", name);
        else if (!denied && check_find_user(c, m->user))
                check_say(c, "I2", "user %s was removed and is declared", name);
        if (!denied)
                check_removal(c);
}

static void check_members(const struct check *c)
{
        for (size_t i = 0; i < c->after->n_members; i++) {
                const struct ts_world_member *m = &c->after->members[i];
                const struct ts_world_member *old =
                                c->before ? ts_world_find_member(c->before, &m->user->id) : NULL;

                if (old)
                        check_grants(c, old, m);
                else
                        check_added(c, m);
        }
        for (size_t i = 0; c->before && i < c->before->n_members; i++)
                if (!ts_world_find_member(c->after, &c->before->members[i].user->id))
                        check_removed(c, &c->before->members[i]);
}

/* ------------------------------------------------------------------------------------------- the trust
 * itself */

/* It may be closed: disabled, or deleted in the end. */
static bool check_may_close(const struct check *c)
{
        return c->decl ? c->decl->absent : c->inv_org->removes_unlisted;
}

static void check_deleted(const struct check *c)
{
        int64_t since = c->before->enabled ? c->now : c->before->disabled_since;

        if (c->is_protected)
                check_say(c, "I3", "it was deleted and is protected");
        if (!check_may_close(c))
                check_say(c, "I2", "it was deleted and is not declared absent");
        if (c->inv->delete_after_sec > 0 && (c->before->enabled || c->now - since < c->inv->delete_after_sec))
                check_say(c, "I4", "it was deleted %lld s after it was disabled, %lld s are asked for",
                          (long long) (c->now - since), (long long) c->inv->delete_after_sec);
        check_trust_removal(c);
}

static void check_disabled(const struct check *c)
{
        bool declared = c->decl && c->decl->enabled_managed && !c->decl->enabled;

        if (c->is_protected)
                check_say(c, "I3", "it was disabled and is protected");
        if (!declared && !c->is_denied && !check_may_close(c))
                check_say(c, "I2", "it was disabled, and nothing says so");
        check_trust_removal(c);
}

/* A trust whose state is not declared is opened again only by who closed it. */
static void check_enabled(const struct check *c)
{
        bool declared = c->decl && !c->decl->absent &&
                        (c->decl->enabled_managed ? c->decl->enabled : !c->slot->disabled_by_others);

        if (c->is_denied)
                check_say(c, "I1", "it was enabled and is denied");
        else if (!declared)
                check_say(c, "I1", "it was enabled, and nothing says so");
}

static void check_expiry(const struct check *c)
{
        if (c->is_protected && c->after->expires < c->before->expires)
                check_say(c, "I3", "its expiry was moved from %s to %s, and it is protected",
                          ts_time_format(c->before->expires).s, ts_time_format(c->after->expires).s);
        if (!c->decl || c->decl->expires != c->after->expires)
                check_say(c, c->after->expires > c->before->expires ? "I1" : "I2",
                          "its expiry was moved from %s to %s, and nothing says so",
                          ts_time_format(c->before->expires).s, ts_time_format(c->after->expires).s);
        if (c->after->expires <= c->now && c->before->expires > c->now)
                check_trust_removal(c);
}

static void check_created(const struct check *c)
{
        if (c->is_denied)
                check_say(c, "I1", "it was created and is denied");
        else if (!c->decl || c->decl->absent)
                check_say(c, "I1", "it was created and is not declared");
        else if (c->after->enabled && c->decl->enabled_managed && !c->decl->enabled)
                check_say(c, "I1", "it was created enabled and is declared disabled");
        if (c->after->uses_default_role || c->after->has_full_access)
                check_say(c, "I1", "it was created with a default role or full access");
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

/* A trust with a protected member is itself protected. */
static bool check_find_protection(const struct check *c)
{
        if (c->is_protected_org)
                return true;
        for (size_t i = 0; c->before && i < c->before->n_members; i++)
                if (check_is_protected_user(c, c->before->members[i].user))
                        return true;
        return false;
}

static const struct ts_inv_org *invariants_find_org(const struct ts_invariants *inv,
                                                    const struct ts_world_org *org)
{
        for (size_t i = 0; i < inv->n_orgs; i++)
                if (inv->orgs[i].org == org)
                        return &inv->orgs[i];
        return NULL;
}

static const struct ts_inv_trust *invariants_find_trust(const struct ts_invariants *inv,
                                                        const struct ts_world_org *org,
                                                        const struct ts_id *trustee)
{
        uint8_t key[32];
        uint32_t i;

        invariants_key(key, &org->id, trustee);
        i = ts_map_get(&inv->index, key, sizeof(key));
        return i == TS_MAP_NONE ? NULL : &inv->trusts[i];
}

void ts_invariants_check(struct ts_invariants *inv, const struct ts_world_org *org,
                         const struct ts_world_trust *before, const struct ts_world_trust *after, int64_t now,
                         ts_invariants_report report, void *userdata)
{
        const struct ts_world_trust *any = before ? before : after;
        struct check c = {
                .inv = inv,
                .org = org,
                .before = before,
                .after = after,
                .now = now,
                .report = report,
                .userdata = userdata,
        };

        if (!inv->active || !any)
                return;
        c.trustee = any->trustee;
        c.inv_org = invariants_find_org(inv, org);
        if (!c.inv_org) {
                check_say(&c, "I5", "the organization was written to and is not declared");
                return;
        }
        c.decl = invariants_find_trust(inv, org, &c.trustee->id);
        c.slot = &org->slots[ts_world_find_slot(org, &c.trustee->id)];
        c.is_protected_org = list_has(&inv->protected_organizations, &c.trustee->id, c.trustee->name);
        c.is_protected = check_find_protection(&c);
        c.is_denied = list_has(&inv->denied_organizations, &c.trustee->id, c.trustee->name);
        if (!after) {
                check_deleted(&c);
                return;
        }
        if (before)
                check_attributes(&c);
        else
                check_created(&c);
        check_members(&c);
}
