#include "reconcile/deny.h"

#include "trust/limits.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/log.h"

#define ROUNDS 2u /* in which a change that was dropped is planned again */

/* ------------------------------------------------------------------------------------------------ reading */

static bool wants(const struct ts_trust *t, enum ts_collection c, void *userdata)
{
        const struct ts_snapshot *g = userdata;

        return ts_trust_filter_has(g->options->filter, ts_snapshot_alias(g, t), &t->id) &&
               ts_deny_wants(g->policy, t, c);
}

static void note(struct ts_snapshot *g, const struct ts_trust *t, const struct ts_err *err)
{
        const char *alias = t ? ts_snapshot_alias(g, t) : NULL;

        ts_plan_add_finding(g->notes, TS_MESSAGE_UNREAD, !t || alias ? alias : ts_id_format(&t->id).s, NULL,
                            0, "%s", err->msg);
}

/* It is read again in the second round. */
static void ignore_warning(const struct ts_trust *t, const struct ts_err *err, void *userdata)
{
        (void) t;
        (void) err;
        (void) userdata;
}

static void on_warning(const struct ts_trust *t, const struct ts_err *err, void *userdata)
{
        struct ts_snapshot *g = userdata;

        note(g, t, err);
        if (err->http_status != 403)
                g->notes->complete = false;
}

static int read_lists(struct ts_snapshot *g, bool is_first, struct ts_err *err)
{
        struct ts_read_scope scope = {
                .wants = wants,
                .wants_trustors = !is_first && ts_deny_wants_trustors(g->policy),
                .is_tried_once = is_first,
                .userdata = g,
        };

        return ts_read_trusts(g->client, &scope, g->live, is_first ? ignore_warning : on_warning, g, err);
}

/* What was asked for once and is not complete is read again. */
static void forget_incomplete(struct ts_live *live)
{
        for (size_t i = 0; i < live->n_trusts; i++)
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        if (live->trusts[i].collections[c].coverage == TS_COVERAGE_PARTIAL)
                                live->trusts[i].collections[c].coverage = TS_COVERAGE_NONE;
}

/* The ids that `deny` knows in our own directory: a list that we may not read is asked for them one by one.
 */
static void find_known(const struct ts_deny *d, struct ts_arena *arena, struct ts_ids *ret)
{
        const struct ts_texts *entries = d->denied.entries;

        *ret = (struct ts_ids){ TS_ARENA_ARRAY(arena, struct ts_id, entries->n + d->denied.n_accounts), 0 };
        for (size_t i = 0; i < entries->n; i++)
                if (ts_id_parse_string(entries->items[i].text, &ret->items[ret->n]) &&
                    !ts_id_is_nil(&ret->items[ret->n]))
                        ret->n++;
        for (size_t i = 0; i < d->denied.n_accounts; i++)
                if (ts_id_equal(&d->denied.accounts[i].record.organization, &d->own) &&
                    !ts_ids_have(ret, &d->denied.accounts[i].record.id))
                        ret->items[ret->n++] = d->denied.accounts[i].record.id;
}

static int read_presence(struct ts_snapshot *g, struct ts_err *err)
{
        struct ts_ids known;
        int r = 0;

        find_known(&g->deny, &g->arena, &known);
        for (size_t i = 0; r >= 0 && known.n > 0 && i < g->live->n_trusts; i++) {
                struct ts_trust *t = &g->live->trusts[i];

                for (enum ts_collection c = 0; r >= 0 && c < TS_COLLECTIONS; c++)
                        if (t->direction == TS_TRUSTOR && c != TS_GROUPS && t->collections[c].is_denied)
                                r = ts_read_presence(g->client, g->live, t, c, &known, on_warning, g, err);
        }
        return r;
}

/*
 * What nobody may be missing from. A list of our own people in another organization may be closed to every
 * client of ours: that is a warning, unless the organization is denied.
 */
static bool is_known(const struct ts_snapshot *g)
{
        const struct ts_policy *p = g->policy;
        const struct ts_live *live = g->live;

        if (live->trusts_coverage != TS_COVERAGE_COMPLETE ||
            (p->deny_organizations.n > 0 && live->trustors_coverage != TS_COVERAGE_COMPLETE))
                return false;
        for (size_t i = 0; i < live->n_trusts; i++) {
                const struct ts_trust *t = &live->trusts[i];
                bool is_denied = ts_ids_have(&p->deny_organizations, &t->id);

                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                        if (wants(t, c, (void *) g) && t->collections[c].coverage != TS_COVERAGE_COMPLETE &&
                            !(t->direction == TS_TRUSTOR && !is_denied && t->collections[c].is_denied))
                                return false;
        }
        return true;
}

/* ------------------------------------------------------------------------------------------- carrying out */

static void save(const struct ts_deny_pass *x)
{
        struct ts_snapshot *g = x->snapshot;
        struct ts_err err = { 0 };

        ts_deny_record(&g->deny, x->last_applied);
        if (!x->save || x->save(x->userdata, &err) >= 0)
                return;
        g->notes->complete = false; /* it is carried out all the same */
        ts_plan_add_message(g->notes, NULL, NULL, "%s", err.msg);
}

/* Removals that count are on record before they are sent. */
static void enter_removals(const struct ts_deny_pass *x)
{
        struct ts_snapshot *g = x->snapshot;
        TS_CLEANUP(ts_removals_done) struct ts_removals r = ts_limits_count_planned(g->denied);

        if (r.n == 0)
                return;
        ts_last_applied_add_removals(x->last_applied, ts_clock_realtime(x->clock),
                                     ts_client_get_clock_skew(g->client), r.n, r.n_trusts);
        g->deny.is_changed = true;
}

static void drop_members(struct ts_members *m, const struct ts_change *c)
{
        size_t kept = 0;

        for (size_t i = 0; i < m->n; i++)
                if (!ts_id_equal(&m->items[i].id, &c->subject_id))
                        m->items[kept++] = m->items[i];
        m->n = kept;
}

/* The live state is what is left. */
static void take_outcome(struct ts_snapshot *g)
{
        for (size_t i = 0; i < g->denied->n_changes; i++) {
                const struct ts_change *c = &g->denied->changes[i];
                struct ts_trust *t = ts_live_find_trust(g->live, c->direction, &c->trust_id);

                if (!t || ts_change_result(c) != TS_APPLIED)
                        continue;
                if (c->kind == TS_KIND_TRUST)
                        t->enabled = false;
                for (enum ts_collection k = 0; k < TS_COLLECTIONS; k++)
                        if (ts_collection_kind(k) == c->kind)
                                drop_members(&t->collections[k], c);
        }
}

static int carry_out(const struct ts_deny_pass *x, struct ts_err *err)
{
        struct ts_snapshot *g = x->snapshot;
        struct ts_apply_options options = {
                .clock = x->clock,
                .is_unverified = true,
                .screen = &g->screen,
                .on_change = x->on_change,
                .userdata = x->userdata,
        };
        int r;

        ts_deny_see_live(&g->deny, g->live);
        ts_deny_learn(&g->deny);
        ts_deny_plan(&g->deny, g->live, g->decl, g->options->filter, g->denied);
        ts_deny_check_limits(g->denied, g->live, &g->policy->limits, x->last_applied,
                             ts_clock_realtime(x->clock));
        if (x->writes)
                enter_removals(x);
        if (g->deny.is_changed)
                save(x);
        if (!x->writes)
                return 0;
        ts_client_allow_writes(g->client, true);
        ts_outcomes_begin(&g->denied_outcomes, g->denied);
        r = ts_apply(g->client, g->denied, g->live, &options, &g->denied_outcomes, err);
        ts_client_allow_writes(g->client, false);
        take_outcome(g);
        return r;
}

static int run(const struct ts_deny_pass *x, struct ts_err *err)
{
        struct ts_snapshot *g = x->snapshot;
        int r = ts_snapshot_connect(g, err);

        for (unsigned round = 0; r >= 0 && round < ROUNDS; round++) {
                r = read_lists(g, round == 0, err);
                if (r >= 0 && round > 0)
                        r = read_presence(g, err);
                if (r < 0)
                        break;
                r = carry_out(x, err);
                if (round == 0)
                        forget_incomplete(g->live);
        }
        if (r >= 0 && !is_known(g))
                g->notes->complete = false;
        return r;
}

int ts_deny_run(const struct ts_deny_pass *x, struct ts_err *err)
{
        struct ts_snapshot *g = x->snapshot;
        int r;

        ts_client_set_urgent(g->client, ts_deny_is_needed(g->policy), true);
        r = ts_deny_is_needed(g->policy) ? run(x, err) : 0;
        ts_client_set_urgent(g->client, ts_deny_is_needed(g->policy), false);
        return r;
}

/* ------------------------------------------------------------------------------------------------- groups */

static bool wants_groups(const struct ts_trust *t, enum ts_collection c, void *userdata)
{
        const struct ts_snapshot *g = userdata;

        return c == TS_GROUPS && t->direction == TS_TRUSTEE && t->enabled &&
               ts_trust_filter_has(g->options->filter, ts_snapshot_alias(g, t), &t->id);
}

/* Nobody is removed by it: what is not known of groups is a warning. */
static void on_groups_warning(const struct ts_trust *t, const struct ts_err *err, void *userdata)
{
        note(userdata, t, err);
}

static void report_unknown(struct ts_snapshot *g, const struct ts_trust *t, const char *group,
                           const char *why)
{
        const char *alias = ts_snapshot_alias(g, t);

        ts_plan_add_message(g->notes, alias ? alias : ts_id_format(&t->id).s, &g->policy->deny_source,
                            "whether somebody whom `deny` names is in by %s cannot be known: %s", group, why);
}

static void report_members(struct ts_snapshot *g, const struct ts_trust *t, const struct ts_member *group,
                           const struct ts_members *people)
{
        const char *alias = ts_snapshot_alias(g, t);
        struct ts_id_text buf, group_buf;

        for (size_t i = 0; i < people->n; i++)
                ts_deny_see(&g->deny, &t->id, &people->items[i].id, people->items[i].email);
        ts_deny_learn(&g->deny);
        for (size_t i = 0; i < people->n; i++) {
                const struct ts_member *m = &people->items[i];
                struct ts_deny_ruling r = ts_deny_rule(&g->deny, &t->id, &m->id, m->email);

                if (!r.is_denied || r.is_protected)
                        continue;
                g->notes->complete = false;
                ts_plan_add_message(g->notes, alias ? alias : ts_id_format(&t->id).s, r.source,
                                    "%s (%s), whom `deny` names, is in by the group %s (%s): take the user "
                                    "out of "
                                    "the group in the partner's organization, or the group out of this trust",
                                    ts_escape_name_arena(&g->arena, ts_member_label(m, &buf)),
                                    ts_id_format(&m->id).s,
                                    ts_escape_name_arena(&g->arena, ts_member_label(group, &group_buf)),
                                    ts_id_format(&group->id).s);
        }
}

static const char *group_name(struct ts_snapshot *g, const struct ts_member *group)
{
        struct ts_id_text buf;

        return ts_arena_printf(&g->arena, "the group %s (%s)",
                               ts_escape_name_arena(&g->arena, ts_member_label(group, &buf)),
                               ts_id_format(&group->id).s);
}

static void read_group(struct ts_snapshot *g, const struct ts_trust *t, const struct ts_member *group,
                       size_t *n_asked)
{
        struct ts_client *partner = ts_snapshot_partner(g, &t->id);
        struct ts_members people = { 0 };
        struct ts_err err = { 0 };

        if ((*n_asked)++ >= TS_DENY_GROUPS_MAX)
                report_unknown(g, t, group_name(g, group), "there are too many groups to look through");
        else if (ts_read_group_members(partner, g->live, &group->id, &people, &err) < 0)
                report_unknown(g, t, group_name(g, group), err.msg);
        else
                report_members(g, t, group, &people);
}

static void search_groups(struct ts_snapshot *g, const struct ts_trust *t, size_t *n_asked)
{
        if (!ts_snapshot_partner(g, &t->id)) {
                report_unknown(g, t,
                               ts_arena_printf(&g->arena, "the %zu group%s of this trust", t->groups.n,
                                               TS_S(t->groups.n)),
                               "the settings hold no client of the partner's organization, and without one "
                               "the "
                               "members of its groups are not shown");
                return;
        }
        for (size_t i = 0; i < t->groups.n; i++)
                read_group(g, t, &t->groups.items[i], n_asked);
}

int ts_deny_read_groups(struct ts_snapshot *g, struct ts_err *err)
{
        struct ts_read_scope scope = { .wants = wants_groups, .userdata = g };
        size_t n_asked = 0;
        int r;

        if (g->policy->deny_users.n == 0)
                return 0;
        r = ts_read_trusts(g->client, &scope, g->live, on_groups_warning, g, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < g->live->n_trusts; i++)
                if (wants_groups(&g->live->trusts[i], TS_GROUPS, g) && g->live->trusts[i].groups.n > 0)
                        search_groups(g, &g->live->trusts[i], &n_asked);
        return 0;
}
