#include "trust/unmanaged.h"

#include <string.h>

#include "trust/ends.h"
#include "trust/last_applied.h"
#include "trust/resolve.h"
#include "util/map.h"

/* Roles that open everything, as the platform calls them. */
static const char *const admin_roles[] = { "Admin", "Master Admin" };

struct noting {
        struct ts_plan *plan;
        const struct ts_diff_input *in;
};

/* ----------------------------------------------------------------------------------------- who keeps what */

struct kept {
        size_t n_members, n_grants, n_admins;
};

static bool is_admin_role(const char *name)
{
        for (size_t i = 0; i < TS_N_ELEMENTS(admin_roles); i++)
                if (strcmp(name, admin_roles[i]) == 0)
                        return true;
        return false;
}

static bool is_admin(const struct ts_catalog *catalog, const struct ts_last_applied_member *m)
{
        for (uint32_t r = 0; m->n_grants > 0 && r < catalog->n_roles; r++) {
                if (!catalog->roles[r].name || !is_admin_role(catalog->roles[r].name))
                        continue;
                for (uint32_t d = 0; d < catalog->n_divisions; d++)
                        if (ts_last_applied_has_grant(
                                            m,
                                            ts_last_applied_grant_key(catalog, &(struct ts_grant){ r, d })))
                                return true;
        }
        return false;
}

static void keep(const struct noting *t, const struct ts_last_applied_member *m, struct kept *k)
{
        k->n_members++;
        k->n_grants += m->n_grants;
        k->n_admins += is_admin(&t->in->live->catalog, m);
}

static void keep_all(const struct noting *t, const struct ts_last_applied_members *members, struct kept *k)
{
        for (size_t i = 0; i < members->n; i++)
                keep(t, &members->items[i], k);
}

/* "3 members keep their access (5 grants, 1 with an admin role)"; without grants where none are known */
static const char *kept_text(struct ts_plan *plan, const struct kept *k)
{
        const char *grants = "",
                   *admins = k->n_admins == 0 ? ""
                                              : ts_arena_printf(&plan->arena, ", %zu with an admin role",
                                                                k->n_admins);

        if (k->n_grants > 0)
                grants = ts_arena_printf(&plan->arena, " (%zu grant%s%s)", k->n_grants, TS_S(k->n_grants),
                                         admins);
        return ts_arena_printf(&plan->arena, "%zu member%s keep%s their access%s", k->n_members,
                               TS_S(k->n_members), k->n_members == 1 ? "s" : "", grants);
}

/* --------------------------------------------------------------------------------------- what is declared */

/* Otherwise it was reported when it was removed: the record only says that the trust was declared once. */
static bool was_managed(const struct ts_last_applied_trust *m)
{
        bool any = m->expires != TS_TIME_UNSET || m->enabled != TS_UNSET;

        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                any |= m->collections[c].managed;
        return any;
}

static void note_undeclared(const struct noting *t, const struct ts_last_applied_trust *m)
{
        struct ts_id_text id = ts_id_format(&m->id);
        struct kept k = { 0 };

        if (!m->declared || !was_managed(m) || t->in->policy->remove_unlisted_trusts ||
            !ts_live_find_trust(t->in->live, m->direction, &m->id) ||
            !ts_trust_filter_has(t->in->filter, NULL, &m->id))
                return;
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                keep_all(t, &m->collections[c], &k);
        ts_plan_add_finding(t->plan, TS_MESSAGE_UNDECLARED, id.s, NULL, k.n_members,
                            "this %s was declared and is not any more: it stays, and %s; to end it, declare "
                            "it with `state: absent`",
                            ts_direction_to_string(m->direction), kept_text(t->plan, &k));
}

static void note_collection(const struct noting *t, const struct ts_last_applied_trust *m,
                            const struct ts_decl_trust *decl, enum ts_collection c)
{
        static const char *const names[TS_COLLECTIONS] = {
                [TS_USERS] = "users", [TS_GROUPS] = "groups", [TS_CLONES] = "clones"
        };
        struct kept k = { 0 };

        if (!m->collections[c].managed || decl->collections[c].managed)
                return;
        keep_all(t, &m->collections[c], &k);
        ts_plan_add_finding(t->plan, TS_MESSAGE_UNMANAGED, decl->alias, &decl->source, k.n_members,
                            "`%s` is not declared any more: %s, and what other hands change there is not "
                            "seen; to end it, declare `%s: {}`",
                            names[c], kept_text(t->plan, &k), names[c]);
}

/* Members that are still declared, and whose roles are not. */
static void note_roles(const struct noting *t, const struct ts_last_applied_trust *m,
                       const struct ts_desired_trust *w)
{
        struct kept k = { 0 };

        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                for (size_t i = 0; i < w->collections[c].n; i++) {
                        const struct ts_desired_member *member = &w->collections[c].items[i];
                        const struct ts_last_applied_member *old =
                                        ts_last_applied_find_member(m, c, &member->id);

                        if (old && old->grants_managed && !member->decl->grants_managed)
                                keep(t, old, &k);
                }
        if (k.n_members > 0)
                ts_plan_add_finding(
                                t->plan, TS_MESSAGE_UNMANAGED, w->decl->alias, &w->decl->source, k.n_members,
                                "`roles` are not declared any more: %s; to take them, declare `roles: {}`",
                                kept_text(t->plan, &k));
}

/* Members that are still declared, and whose end is not. */
static void note_ends(const struct noting *t, const struct ts_desired_trust *w)
{
        const struct ts_decl_trust *decl = w->decl;
        size_t n = 0;

        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                for (size_t i = 0; i < w->collections[c].n; i++) {
                        const struct ts_desired_member *member = &w->collections[c].items[i];

                        n += member->live && member->decl->until == TS_TIME_UNSET &&
                             ts_ends_find(t->in->last_applied, decl->direction, &decl->id, member->decl->kind,
                                          &member->id);
                }
        if (n > 0)
                ts_plan_add_finding(t->plan, TS_MESSAGE_UNMANAGED, decl->alias, &decl->source, n,
                                    "`until` is not declared any more: %zu member%s keep%s their access "
                                    "without an end",
                                    n, TS_S(n), n == 1 ? "s" : "");
}

/* What the declaration asks to leave alone from now on. */
static void note_modes(const struct noting *t, const struct ts_last_applied_trust *m,
                       const struct ts_decl_trust *decl)
{
        struct kept k = { 0 };

        if (!m->modes_known)
                return;
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                keep_all(t, &m->collections[c], &k);
        if (decl->observe && !m->observe)
                ts_plan_add_finding(t->plan, TS_MESSAGE_UNMANAGED, decl->alias, &decl->source, k.n_members,
                                    "`mode: observe` is new: %s, and what differs is reported and not "
                                    "changed",
                                    kept_text(t->plan, &k));
        if (decl->report_unlisted && !m->report_unlisted)
                ts_plan_add_finding(t->plan, TS_MESSAGE_UNMANAGED, decl->alias, &decl->source, k.n_members,
                                    "`unlisted: report` is new: members that no declaration lists are "
                                    "reported and not removed");
}

static void note_declared(const struct noting *t, const struct ts_last_applied_trust *m,
                          const struct ts_desired_trust *w)
{
        const struct ts_decl_trust *decl = w->decl;

        if (!m->declared || decl->absent)
                return;
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                note_collection(t, m, decl, c);
        note_roles(t, m, w);
        note_ends(t, w);
        note_modes(t, m, decl);
        if (m->expires != TS_TIME_UNSET && decl->expires == TS_TIME_UNSET)
                ts_plan_add_finding(t->plan, TS_MESSAGE_UNMANAGED, decl->alias, &decl->source, 0,
                                    "`expires` is not declared any more: the trust keeps the end that it has "
                                    "(%s was declared), and nobody sees it changed",
                                    ts_time_format(m->expires).s);
        if (m->enabled != TS_UNSET && decl->enabled == TS_UNSET)
                ts_plan_add_finding(
                                t->plan, TS_MESSAGE_UNMANAGED, decl->alias, &decl->source, 0,
                                "`enabled` is not declared any more: the trust stays as it is, and nobody "
                                "sees it changed");
}

static void index_desired(const struct ts_desired *w, enum ts_direction direction, struct ts_map *map)
{
        for (size_t i = 0; i < w->n_trusts; i++)
                if (w->trusts[i].decl->direction == direction)
                        ts_map_add_id(map, &w->trusts[i].decl->id, (uint32_t) i);
}

static void note_direction(const struct noting *t, enum ts_direction direction)
{
        TS_CLEANUP(ts_map_done) struct ts_map declared = TS_MAP_INIT;
        TS_CLEANUP(ts_map_done) struct ts_map desired = TS_MAP_INIT;
        const struct ts_last_applied *last_applied = t->in->last_applied;

        ts_diff_index(t->in->desired->decl, direction, &declared);
        index_desired(t->in->desired, direction, &desired); /* without those that --trust leaves out */
        for (size_t i = 0; i < last_applied->n_trusts; i++) {
                const struct ts_last_applied_trust *m = &last_applied->trusts[i];
                uint32_t k = ts_map_get_id(&desired, &m->id);

                if (m->direction != direction)
                        continue;
                if (k != TS_MAP_NONE)
                        note_declared(t, m, &t->in->desired->trusts[k]);
                else if (ts_map_get_id(&declared, &m->id) == TS_MAP_NONE)
                        note_undeclared(t, m);
        }
}

void ts_unmanaged_note(struct ts_plan *plan, const struct ts_diff_input *in)
{
        struct noting t = { .plan = plan, .in = in };

        if (!in->last_applied || in->last_applied->status != TS_LAST_APPLIED_KNOWN)
                return;
        note_direction(&t, TS_TRUSTEE);
        note_direction(&t, TS_TRUSTOR);
}
