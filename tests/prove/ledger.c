#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include "simulator/fixture.h"
#include "util/mem.h"
#include "util/timefmt.h"

/* What was planned within the day may show a little later than a removal of the next one was planned. */
#define DAY_SEC (86400 - 900)

static void ledger_break(struct ledger *l, const char *what, const struct ledger_entry *e)
{
        if (!l->broken[0])
                (void) snprintf(l->broken, sizeof(l->broken), "%s%s%s", what, e ? ": " : "",
                                e ? ts_id_format(&e->party->id).s : "");
}

static struct ledger_wish wish(const struct ledger *l, const struct ledger_entry *e, unsigned *ret_roles)
{
        return l->wish_of(e->slot, e->kind, e->party, ret_roles, l->userdata);
}

/* ------------------------------------------------------------------------------------------------- limits */

static void count_effect(struct ledger *l, bool is_trust, int64_t now)
{
        int64_t n = 0, n_trusts = 0;

        TS_GROW(l->effects, l->a_effects, l->n_effects);
        l->effects[l->n_effects++] = (struct ledger_effect){ .at = now, .is_trust = is_trust };
        for (size_t i = 0; i < l->n_effects; i++) {
                bool recent = l->effects[i].at > now - DAY_SEC;

                n += recent;
                n_trusts += recent && l->effects[i].is_trust;
        }
        l->n_removals++;
        if (n > l->max_removals)
                ledger_break(l, "more removals within 24 h than the limit allows", NULL);
        if (n_trusts > l->max_trust_removals)
                ledger_break(l, "more trusts closed within 24 h than the limit allows", NULL);
}

/* The end of a window counts only where it came after the access that it ends. One that somebody came in with
 * may become later: he was never to stay. */
static bool is_own_end(const struct ledger_entry *e, const struct ledger_wish *w, int64_t now)
{
        return e->until > 0 && w->until <= now && w->until >= e->until;
}

static void count_removal(struct ledger *l, const struct ledger_entry *e, int64_t now)
{
        struct ledger_wish w = wish(l, e, NULL);

        if (w.is_protected)
                ledger_break(l, "somebody protected was removed", e);
        if (w.denied || is_own_end(e, &w, now))
                return;
        if (e->was_declared)
                count_effect(l, false, now);
        else
                l->n_drift++;
}

/* ------------------------------------------------------------------------------------------------ looking */

static struct ledger_entry *find(struct ledger *l, size_t slot, enum ledger_kind kind,
                                 const struct ts_world_party *party)
{
        for (size_t i = 0; i < l->n_entries; i++)
                if (l->entries[i].slot == slot && l->entries[i].kind == kind && l->entries[i].party == party)
                        return &l->entries[i];
        TS_GROW(l->entries, l->a_entries, l->n_entries);
        l->entries[l->n_entries] = (struct ledger_entry){ .slot = slot, .kind = kind, .party = party };
        return &l->entries[l->n_entries++];
}

static unsigned roles_of(const struct ts_world_grants *grants)
{
        unsigned roles = 0;

        for (size_t i = 0; grants && i < grants->n; i++)
                roles |= 1u << grants->items[i].role;
        return roles;
}

static void see(struct ledger *l, size_t slot, enum ledger_kind kind, const struct ts_world_party *party,
                const struct ts_world_grants *grants, enum ledger_hand hand, int64_t now)
{
        struct ledger_entry *e = find(l, slot, kind, party);
        unsigned roles = roles_of(grants), declared = 0;
        struct ledger_wish w = wish(l, e, &declared);

        e->is_seen = true;
        if (!e->is_in) {
                e->is_in = true;
                e->since = l->cycle;
                e->was_declared = w.declared;
                e->until = w.declared ? w.until : 0;
                e->allowed = 0;
                e->roles = roles;
        }
        if (w.declared)
                e->allowed |= declared;
        for (unsigned lost = e->roles & ~roles; hand == LEDGER_CLIENT && lost; lost &= lost - 1)
                if (lost & -lost & e->allowed)
                        count_effect(l, false, now);
        e->roles = roles;
}

static void see_trust(struct ledger *l, size_t slot, enum ledger_hand hand, int64_t now)
{
        const struct ts_world_trust *t = l->org->slots[slot].now;
        struct ledger_trust *seen = &l->trusts[slot];
        bool is_over = t && t->expires != TS_TIME_NEVER && t->expires <= now;

        /* one that had ended before lets nobody in */
        if (seen->is_there && seen->enabled && !seen->is_over && (!t || !t->enabled) && hand == LEDGER_CLIENT)
                count_effect(l, true, now);
        if (t && seen->is_there && t->expires != seen->expires)
                seen->ours = hand == LEDGER_CLIENT && !seen->is_over;
        if (is_over && !seen->is_over && seen->ours && t->enabled)
                count_effect(l, true, t->expires != seen->expires ? now : t->expires);
        *seen = (struct ledger_trust){ .is_there = t,
                                       .enabled = t && t->enabled,
                                       .is_over = is_over,
                                       .expires = t ? t->expires : 0,
                                       .ours = seen->ours };
}

void ledger_scan(struct ledger *l, enum ledger_hand hand, int64_t now)
{
        for (size_t i = 0; i < l->n_entries; i++)
                l->entries[i].is_seen = false;
        for (size_t slot = 0; slot < l->n_trusts; slot++) {
                const struct ts_world_trust *t = l->org->slots[slot].now;

                see_trust(l, slot, hand, now);
                for (enum ts_world_kind kind = 0; t && kind < TS_WORLD_KINDS; kind++)
                        for (size_t i = 0; i < t->members[kind].n; i++)
                                see(l, slot, kind == TS_WORLD_USER ? LEDGER_USER : LEDGER_GROUP,
                                    t->members[kind].items[i].party, &t->members[kind].items[i].grants, hand,
                                    now);
                for (size_t i = 0; t && i < t->n_clones; i++)
                        see(l, slot, LEDGER_CLONE, t->clones[i], NULL, hand, now);
        }
        for (size_t i = 0; i < l->n_entries; i++) {
                struct ledger_entry *e = &l->entries[i];

                if (!e->is_in || e->is_seen)
                        continue;
                e->is_in = false;
                if (hand == LEDGER_CLIENT && l->trusts[e->slot].is_there)
                        count_removal(l, e, now);
        }
}

void ledger_init(struct ledger *l, const struct ts_simulator *sim, const char *org, ledger_wish_of wish_of,
                 void *userdata, int64_t now)
{
        *l = (struct ledger){ .world = sim->world, .wish_of = wish_of, .userdata = userdata };
        l->org = ts_fixture_find_org(sim->world, org);
        l->n_trusts = l->org->n_slots;
        l->max_removals = l->max_trust_removals = INT64_MAX;
        l->trusts = ts_calloc(l->n_trusts + 1, sizeof(*l->trusts));
        ledger_scan(l, LEDGER_OTHER, now);
        l->cycle = 1;
}

void ledger_done(struct ledger *l)
{
        free(l->entries);
        free(l->trusts);
        free(l->effects);
}

void ledger_redeclare(struct ledger *l)
{
        for (size_t i = 0; i < l->n_entries; i++) {
                struct ledger_entry *e = &l->entries[i];
                unsigned roles = 0;
                struct ledger_wish w;

                if (!e->is_in)
                        continue;
                w = wish(l, e, &roles);
                if (w.declared)
                        e->allowed |= roles;
                if (w.declared || !w.managed)
                        e->since = l->cycle;
                e->was_declared |= w.declared;
        }
}

/* ----------------------------------------------------------------------------------------------- judging */

void ledger_end_cycle(struct ledger *l, bool deny_hindered, bool hindered)
{
        l->cycle++;
        for (size_t i = 0; i < l->n_entries; i++) {
                struct ledger_wish w = wish(l, &l->entries[i], NULL);

                if (w.denied ? deny_hindered : hindered || !w.managed || w.declared)
                        l->entries[i].since = l->cycle - 1;
        }
}

const struct ledger_entry *ledger_find_overdue(const struct ledger *l, bool denied)
{
        for (size_t i = 0; i < l->n_entries; i++) {
                const struct ledger_entry *e = &l->entries[i];
                struct ledger_wish w;

                if (!e->is_in || l->cycle - e->since < (denied ? 1 : 2))
                        continue;
                w = wish(l, e, NULL);
                if (!w.is_protected && (denied ? w.denied : !w.denied && w.managed && !w.declared))
                        return e;
        }
        return NULL;
}

const char *ledger_differs(const struct ledger *l, const struct ledger_entry *e)
{
        unsigned roles = 0;
        struct ledger_wish w = wish(l, e, &roles);

        if (!l->trusts[e->slot].is_there || !w.managed || w.is_protected)
                return NULL;
        if (e->is_in && (!w.declared || w.denied))
                return "is in and not declared";
        if (!e->is_in && w.declared && !w.denied)
                return "is declared and not in";
        return e->is_in && e->kind != LEDGER_CLONE && e->roles != roles ? "has other roles than declared"
                                                                        : NULL;
}
