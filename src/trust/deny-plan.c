#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/deny.h"
#include "trust/limits.h"
#include "util/escape.h"
#include "util/nearest.h"

/* ----------------------------------------------------------------------------------------- what has to go */

static const enum ts_action removals[TS_COLLECTIONS] = {
        [TS_USERS] = TS_USER_REMOVE,
        [TS_GROUPS] = TS_GROUP_REMOVE,
        [TS_CLONES] = TS_CLONE_REMOVE,
};

static const char *alias_of(const struct ts_decl_organization *decl, const struct ts_trust *t)
{
        for (size_t i = 0; decl && i < decl->n_trusts; i++)
                if (decl->trusts[i].direction == t->direction && ts_id_equal(&decl->trusts[i].id, &t->id))
                        return decl->trusts[i].alias;
        return NULL;
}

const struct ts_change *ts_deny_find(const struct ts_plan *plan, const struct ts_trust *t, enum ts_kind kind,
                                     const struct ts_id *subject)
{
        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];

                if (c->reason == TS_REASON_DENIED && c->kind == kind && c->direction == t->direction &&
                    ts_id_equal(&c->trust_id, &t->id) && (!subject || ts_id_equal(&c->subject_id, subject)))
                        return c;
        }
        return NULL;
}

static struct ts_change *add(struct ts_plan *plan, const struct ts_trust *t, const char *alias,
                             enum ts_action action, const struct ts_source *source)
{
        struct ts_change *c = ts_plan_add_change(plan);

        c->action = action;
        c->reason = TS_REASON_DENIED;
        c->direction = t->direction;
        c->trust_id = t->id;
        c->trust_name = t->name;
        c->trust_alias = ts_arena_strdup(&plan->arena, alias ? alias : ts_id_format(&t->id).s);
        c->source = *source;
        return c;
}

void ts_deny_remove(const struct ts_deny *d, const struct ts_trust *t, const char *alias,
                    enum ts_collection collection, const struct ts_member *m, struct ts_plan *plan)
{
        struct ts_deny_ruling r = ts_deny_rule_member(d, t, m);
        struct ts_id_text buf;
        struct ts_change *c;

        if (ts_deny_find(plan, t, m->kind, &m->id))
                return;
        c = add(plan, t, alias, removals[collection], r.is_denied ? r.source : &d->policy->deny_source);
        c->phase = TS_PHASE_REMOVE;
        c->kind = m->kind;
        c->subject_id = m->id;
        c->subject_name = ts_arena_strdup(&plan->arena, ts_member_label(m, &buf));
        ts_change_count_removal(c);
        c->n_removals = r.counts;
        if (ts_ids_have(&d->policy->protect_organizations, &t->id))
                ts_change_end(c, TS_HELD, "the organization is protected by the settings");
        else if (r.is_protected)
                ts_change_end(c, TS_HELD, "the member is protected by the settings: it is not removed");
}

/* What keeps a trust from being closed; NULL: nothing does. */
const char *ts_deny_why_kept(const struct ts_deny *d, const struct ts_trust *t, struct ts_arena *arena)
{
        struct ts_id_text buf;

        if (ts_ids_have(&d->policy->protect_organizations, &t->id))
                return "the organization is protected by the settings";
        for (size_t i = 0; i < t->users.n; i++)
                if (ts_deny_rule_member(d, t, &t->users.items[i]).is_protected)
                        return ts_arena_printf(arena, "its member %s is protected by the settings",
                                               ts_escape_name_arena(arena, ts_member_label(&t->users.items[i],
                                                                                           &buf)));
        if (d->policy->protect_users.n > 0 && t->users.coverage != TS_COVERAGE_COMPLETE)
                return "its members could not be read completely, and one of them may be protected";
        return NULL;
}

static void disable(const struct ts_deny *d, const struct ts_trust *t, const char *alias,
                    struct ts_plan *plan)
{
        struct ts_change *c;
        const char *why;

        if (!t->enabled || ts_deny_find(plan, t, TS_KIND_TRUST, NULL))
                return;
        c = add(plan, t, alias, TS_TRUST_DISABLE, &d->policy->deny_source);
        c->phase = TS_PHASE_CLOSE;
        c->kind = TS_KIND_TRUST;
        c->before = (struct ts_trust_attributes){ true, t->expires };
        c->after = (struct ts_trust_attributes){ false, t->expires };
        c->changes_enabled = true;
        c->guards_members = d->policy->protect_users.n > 0;
        ts_change_count_removal(c);
        why = ts_deny_why_kept(d, t, &plan->arena);
        if (why)
                ts_change_end(c, TS_HELD, why);
}

void ts_deny_plan(const struct ts_deny *d, const struct ts_live *live,
                  const struct ts_decl_organization *decl, const struct ts_trust_filter *filter,
                  struct ts_plan *plan)
{
        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];
                const char *alias = alias_of(decl, t);
                bool is_denied = ts_ids_have(&d->policy->deny_organizations, &t->id);

                if (!ts_trust_filter_has(filter, alias, &t->id))
                        continue;
                if (is_denied && t->direction == TS_TRUSTEE)
                        disable(d, t, alias, plan);
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        for (size_t k = 0; k < t->collections[c].n; k++)
                                if ((is_denied && t->direction == TS_TRUSTOR) ||
                                    ts_deny_rule_member(d, t, &t->collections[c].items[k]).is_denied)
                                        ts_deny_remove(d, t, alias, c, &t->collections[c].items[k], plan);
        }
}

void ts_deny_check_limits(struct ts_plan *plan, const struct ts_live *live, const struct ts_limits *limits,
                          const struct ts_last_applied *last_applied, int64_t now)
{
        TS_CLEANUP(ts_removals_done) struct ts_removals r = ts_limits_count_planned(plan);

        if (r.n == 0)
                return;
        ts_limits_check(plan, live, limits, last_applied, now);
        for (size_t i = 0; i < plan->n_changes && plan->n_refusals > 0; i++)
                if (ts_change_is_planned(&plan->changes[i]) && plan->changes[i].n_removals > 0)
                        ts_change_end(&plan->changes[i], TS_HELD,
                                      "an address that `deny` names was on too many accounts within a day: "
                                      "the "
                                      "removals beyond the third count for the limits, and are over one");
        plan->refused = false; /* everything else that `deny` requires is carried out */
}

/* --------------------------------------------------------------------------------------- what is reported */

/* The address of a live account in a list, where it does not stand for the account. */
static void report_account(const struct ts_deny *d, const struct ts_trust *t, const char *alias,
                           const struct ts_member *m, struct ts_plan *plan)
{
        const struct ts_id *organization = ts_deny_directory(d, t->direction, &t->id);
        const struct ts_deny_list *l = &d->protected;
        uint32_t entry = m->email ? ts_map_get(&l->emails, m->email, strlen(m->email)) : TS_MAP_NONE;
        struct ts_deny_ruling r;

        if (entry == TS_MAP_NONE)
                return;
        r = ts_deny_rule_member(d, t, m);
        if (!r.is_protected)
                ts_plan_add_message(
                                plan, alias, &l->entries->items[entry].source,
                                "%s (%s) has an address that `protect` names and is not protected: the entry "
                                "stands for another account of organization %s; to protect this one, name "
                                "its "
                                "id",
                                ts_escape_name_arena(&plan->arena, m->email), ts_id_format(&m->id).s,
                                ts_id_format(organization).s);
}

/* Two accounts at once. */
static void report_holders(const struct ts_deny *d, const struct ts_deny_list *l, struct ts_plan *plan)
{
        bool is_deny = l == &d->denied;

        for (size_t i = 0; i < l->n_holders; i++) {
                const struct ts_deny_holder *h = &l->holders[i];

                if (!h->is_ambiguous)
                        continue;
                if (is_deny)
                        plan->complete = false;
                ts_plan_add_message(
                                plan, NULL, &l->entries->items[h->entry].source,
                                "%s is the address of more than one account of organization %s: %s; name the "
                                "id that is meant",
                                l->entries->items[h->entry].text, ts_id_format(&h->organization).s,
                                is_deny ? "all of them are denied now, and none of them is remembered"
                                        : "none that is not pinned becomes protected by it");
        }
}

void ts_deny_report(const struct ts_deny *d, const struct ts_live *live,
                    const struct ts_decl_organization *decl, const struct ts_trust_filter *filter,
                    struct ts_plan *plan)
{
        report_holders(d, &d->denied, plan);
        report_holders(d, &d->protected, plan);
        for (size_t i = 0; i < live->n_trusts && d->protected.entries->n > 0; i++) {
                const struct ts_trust *t = &live->trusts[i];
                const char *alias = alias_of(decl, t);

                for (size_t k = 0; k < t->users.n && ts_trust_filter_has(filter, alias, &t->id); k++)
                        report_account(d, t, alias, &t->users.items[k], plan);
        }
}

/* ----------------------------------------------------------------------------- entries that match nothing */

/* Every text of the declarations that could stand for one of an entry's kind. */
enum needed {
        NEEDED_USERS,
        NEEDED_ROLES,
        NEEDED_ORGANIZATIONS,
};

typedef void (*on_text)(const char *text, void *userdata);

static void each_role(const struct ts_decl_roles *roles, on_text on, void *userdata)
{
        for (size_t i = 0; i < roles->n; i++)
                on(roles->items[i].role, userdata);
}

static void each_member(const struct ts_decl_members *m, enum needed needed, on_text on, void *userdata)
{
        for (size_t i = 0; i < m->n; i++) {
                if (needed == NEEDED_ROLES) {
                        each_role(&m->items[i].roles, on, userdata);
                } else if (m->items[i].kind != TS_KIND_GROUP) {
                        on(m->items[i].key, userdata);
                        if (!ts_id_is_nil(&m->items[i].id))
                                on(ts_id_format(&m->items[i].id).s, userdata);
                }
        }
}

static void each_text(const struct ts_decl_organization *decl, enum needed needed, on_text on, void *userdata)
{
        for (size_t i = 0; decl && needed == NEEDED_ROLES && i < decl->n_role_sets; i++)
                each_role(&decl->role_sets[i].roles, on, userdata);
        for (size_t i = 0; decl && i < decl->n_trusts; i++) {
                const struct ts_decl_trust *t = &decl->trusts[i];

                if (needed == NEEDED_ORGANIZATIONS) {
                        on(ts_id_format(&t->id).s, userdata);
                        continue;
                }
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        each_member(&t->collections[c], needed, on, userdata);
                each_member(&t->request.users, needed, on, userdata);
        }
}

static void match_user(const char *text, void *userdata)
{
        struct ts_deny_list *l = userdata;
        uint32_t by_email = ts_map_get(&l->emails, text, strlen(text)), by_id = TS_MAP_NONE;
        struct ts_id id;

        if (ts_id_parse_string(text, &id))
                by_id = ts_map_get_id(&l->ids, &id);
        if (by_email != TS_MAP_NONE)
                l->is_matched[by_email] = true;
        if (by_id != TS_MAP_NONE)
                l->is_matched[by_id] = true;
}

static void match_organizations(const struct ts_ids *ids, const struct ts_live *live,
                                const struct ts_decl_organization *decl, bool *ret)
{
        for (size_t i = 0; i < ids->n; i++) {
                for (size_t k = 0; k < live->n_trusts; k++)
                        ret[i] = ret[i] || ts_id_equal(&ids->items[i], &live->trusts[k].id);
                for (size_t k = 0; decl && k < decl->n_trusts; k++)
                        ret[i] = ret[i] || ts_id_equal(&ids->items[i], &decl->trusts[k].id);
        }
}

static void match_roles(struct ts_deny *d, const struct ts_catalog *catalog)
{
        for (size_t i = 0; i < d->policy->deny_roles.n; i++) {
                const char *text = d->policy->deny_roles.items[i].text;
                struct ts_id id;

                if (ts_id_parse_string(text, &id))
                        d->role_is_matched[i] = ts_map_get_id(&catalog->role_ids, &id) != TS_MAP_NONE;
                for (size_t k = 0; k < catalog->n_roles; k++)
                        if (strcmp(catalog->roles[k].name, text) == 0)
                                d->role_is_matched[i] = true;
        }
}

/* Were all lists read in which an entry could be found? */
static bool is_whole(const struct ts_live *live, const struct ts_trust_filter *filter)
{
        if (!live->catalog.complete || live->trusts_coverage != TS_COVERAGE_COMPLETE ||
            (filter && filter->n > 0))
                return false;
        for (size_t i = 0; i < live->n_trusts; i++)
                if (live->trusts[i].direction == TS_TRUSTEE &&
                    live->trusts[i].users.coverage != TS_COVERAGE_COMPLETE)
                        return false;
        return true;
}

void ts_deny_match(struct ts_deny *d, const struct ts_live *live, const struct ts_decl_organization *decl,
                   const struct ts_trust_filter *filter)
{
        each_text(decl, NEEDED_USERS, match_user, &d->denied);
        each_text(decl, NEEDED_USERS, match_user, &d->protected);
        match_organizations(&d->policy->deny_organizations, live, decl, d->organization_is_denied);
        match_organizations(&d->policy->protect_organizations, live, decl, d->organization_is_protected);
        match_roles(d, &live->catalog);
        d->is_whole = is_whole(live, filter);
}

struct unmatched {
        const struct ts_deny *const *denies;
        const struct ts_decl_organization *const *decls;
        size_t n;
        struct ts_plan *plan;
};

struct nearest {
        struct ts_nearest found;
        char best[TS_NEAREST_WORD_MAX + 1]; /* the texts do not last */
};

static void try_text(const char *text, void *userdata)
{
        struct nearest *n = userdata;
        const char *before = n->found.best;

        ts_nearest_try(&n->found, text);
        if (n->found.best == before)
                return;
        (void) snprintf(n->best, sizeof(n->best), "%s", n->found.best);
        n->found.best = n->best;
}

enum list {
        DENY_USERS,
        DENY_ROLES,
        DENY_ORGANIZATIONS,
        PROTECT_USERS,
        PROTECT_ORGANIZATIONS,
};

static const struct {
        const char *name;
        enum needed needed;
} lists[] = {
        [DENY_USERS] = { "deny.users", NEEDED_USERS },
        [DENY_ROLES] = { "deny.roles", NEEDED_ROLES },
        [DENY_ORGANIZATIONS] = { "deny.organizations", NEEDED_ORGANIZATIONS },
        [PROTECT_USERS] = { "protect.users", NEEDED_USERS },
        [PROTECT_ORGANIZATIONS] = { "protect.organizations", NEEDED_ORGANIZATIONS },
};

static const bool *matches_of(const struct ts_deny *d, enum list list)
{
        const bool *const matches[] = {
                [DENY_USERS] = d->denied.is_matched,
                [DENY_ROLES] = d->role_is_matched,
                [DENY_ORGANIZATIONS] = d->organization_is_denied,
                [PROTECT_USERS] = d->protected.is_matched,
                [PROTECT_ORGANIZATIONS] = d->organization_is_protected,
        };

        return matches[list];
}

static void report_entry(const struct unmatched *u, enum list list, size_t entry, const char *text,
                         const struct ts_source *source)
{
        struct nearest nearest = { .found.word = text };
        char hint[160];

        for (size_t i = 0; i < u->n; i++)
                if (matches_of(u->denies[i], list)[entry])
                        return;
        for (size_t i = 0; i < u->n; i++)
                each_text(u->decls[i], lists[list].needed, try_text, &nearest);
        ts_plan_add_message(u->plan, NULL, source, "%s names %s, which matches nothing%s%s", lists[list].name,
                            text, nearest.found.best ? ": " : "",
                            nearest.found.best ? ts_nearest_hint(&nearest.found, hint) : "");
}

static void report_texts(const struct unmatched *u, enum list list, const struct ts_texts *texts)
{
        for (size_t i = 0; i < texts->n; i++)
                report_entry(u, list, i, texts->items[i].text, &texts->items[i].source);
}

static void report_ids(const struct unmatched *u, enum list list, const struct ts_ids *ids,
                       const struct ts_source *source)
{
        for (size_t i = 0; i < ids->n; i++)
                report_entry(u, list, i, ts_id_format(&ids->items[i]).s, source);
}

void ts_deny_report_unmatched(const struct ts_deny *const *denies,
                              const struct ts_decl_organization *const *decls, size_t n, struct ts_plan *plan)
{
        struct unmatched u = { denies, decls, n, plan };
        const struct ts_policy *p = n > 0 ? denies[0]->policy : NULL;

        for (size_t i = 0; i < n; i++)
                if (!denies[i]->is_whole)
                        return;
        if (!p)
                return;
        report_texts(&u, DENY_USERS, &p->deny_users);
        report_texts(&u, DENY_ROLES, &p->deny_roles);
        report_ids(&u, DENY_ORGANIZATIONS, &p->deny_organizations, &p->deny_source);
        report_texts(&u, PROTECT_USERS, &p->protect_users);
        report_ids(&u, PROTECT_ORGANIZATIONS, &p->protect_organizations, NULL);
}
