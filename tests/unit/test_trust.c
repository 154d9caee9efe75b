/*
 * test_trust - the domain: resolve, diff, limits, digest and memory
 *
 * Text in, text out. A world is a few lines:
 *   trust contoso [enabled|disabled] [expires=+1|-1] [partial] [no-list]   (+1: a day from now, -1: a day
 * ago) user jane Admin/Home User/all                                (live: her grants; "?": they are not
 * known) and in a declaration trust contoso [absent] [observe] [report] [enabled=yes|no]
 * [expires=+1|-1|never] [users] user jane Admin/Home [id]                                    ("-": grants not
 * managed, ".": none; id: by id) Besides users there are `group tier2 Admin/Home` and `clone jane`; `trustor
 * fabrikam` is a trust in the other direction; a member's window is from=+1 or until=-1. `pairing p1
 * [gone|unread|undated] [of=evil] [named=Evil]` is a request, and `asks jane` (`asks-group tier2`) who is in
 * it; declared: pairing=p1 or pairing=auto, `partner` when its client is at hand, `request` with its `asks
 * jane`. Customer care is `care [absent|default-role|stays]` (stays: it does not expire by itself);
 * `no-trustees`: they are not listed. A plan is one line a change: result, action, trust, subject, grants,
 * reason.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"
#include "suite.h"
#include "trust/diff.h"
#include "trust/limits.h"
#include "trust/last_applied_update.h"
#include "util/buf.h"
#include "util/mem.h"

#define NOW 1800000000
#define DAY 86400

static const char *const role_names[] = { "Admin", "User", "Supervisor" };
static const char *const division_names[] = { "Home", "Sales", "Support" };

/* An id that is the name itself, so that failures can be read. */
static struct ts_id id_of(const char *name)
{
        struct ts_id id = { { 0 } };
        size_t len = strlen(name);

        memcpy(id.bytes, name, len < sizeof(id.bytes) ? len : sizeof(id.bytes));
        return id;
}

/* -------------------------------------------------------------------------------------------------- words */

struct line {
        char text[512];
        char *words[64];
        size_t n;
};

/* Cuts the next line into words; false at the end. */
static bool next_line(const char **text, struct line *l)
{
        size_t len = strcspn(*text, "\n");
        char *save = NULL;

        if (**text == '\0')
                return false;
        ck_assert_uint_lt(len, sizeof(l->text));
        memcpy(l->text, *text, len);
        l->text[len] = '\0';
        *text += len + ((*text)[len] == '\n');
        l->n = 0;
        for (char *w = strtok_r(l->text, " ", &save); w; w = strtok_r(NULL, " ", &save))
                l->words[l->n++] = w;
        return true;
}

static uint32_t number(const char *word)
{
        return (uint32_t) strtoul(word, NULL, 10);
}

static bool has_word(const struct line *l, const char *word)
{
        for (size_t i = 2; i < l->n; i++)
                if (strcmp(l->words[i], word) == 0)
                        return true;
        return false;
}

/* The value of "key=..."; NULL. */
static const char *value_of(const struct line *l, const char *key)
{
        size_t len = strlen(key);

        for (size_t i = 2; i < l->n; i++)
                if (strncmp(l->words[i], key, len) == 0 && l->words[i][len] == '=')
                        return l->words[i] + len + 1;
        return NULL;
}

/* "+1": a day from now; "+1s20": and 20 seconds. */
static int64_t time_of(const struct line *l, const char *key, int64_t otherwise)
{
        const char *value = value_of(l, key), *seconds;

        if (!value)
                return otherwise;
        seconds = strchr(value, 's');
        return strcmp(value, "never") == 0 ? TS_TIME_NEVER
                                           : NOW + strtoll(value, NULL, 10) * DAY +
                                                             (seconds ? strtoll(seconds + 1, NULL, 10) : 0);
}

static bool is_kind(const struct line *l, enum ts_collection *ret)
{
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                if (strcmp(l->words[0], ts_kind_to_string(ts_collection_kind(c))) == 0) {
                        *ret = c;
                        return true;
                }
        return false;
}

/* --------------------------------------------------------------------------------------------------- live */

static uint32_t index_of(const char *const *names, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return (uint32_t) i;
        ck_abort_msg("no such name: %s", name);
}

static struct ts_grant grant_of(char *word)
{
        char *slash = strchr(word, '/');
        struct ts_grant g = { 0 };

        ck_assert_ptr_nonnull(slash);
        *slash = '\0';
        g.role = index_of(role_names, TS_N_ELEMENTS(role_names), word);
        if (strcmp(slash + 1, "all") != 0)
                g.division = 1 + index_of(division_names, TS_N_ELEMENTS(division_names), slash + 1);
        *slash = '/';
        return g;
}

static int by_id(const void *a, const void *b)
{
        return ts_id_compare(&((const struct ts_member *) a)->id, &((const struct ts_member *) b)->id);
}

static int trust_by_id(const void *a, const void *b)
{
        const struct ts_trust *x = a, *y = b;

        return x->direction != y->direction ? (int) x->direction - (int) y->direction
                                            : ts_id_compare(&x->id, &y->id);
}

static struct ts_live *empty_live(void)
{
        struct ts_live *live = ts_live_new();

        live->organization_id = id_of("acme");
        live->trusts_coverage = TS_COVERAGE_COMPLETE;
        live->catalog.complete = true;
        for (size_t i = 0; i < TS_N_ELEMENTS(role_names); i++) {
                struct ts_id id = id_of(role_names[i]);

                ck_assert_uint_eq(ts_catalog_add_role(&live->catalog, &id, role_names[i]), i);
        }
        for (size_t i = 0; i < TS_N_ELEMENTS(division_names); i++) {
                struct ts_id id = id_of(division_names[i]);

                ck_assert_uint_eq(ts_catalog_add_division(&live->catalog, &id, division_names[i]), i + 1);
        }
        live->trusts = TS_ARENA_ARRAY(&live->arena, struct ts_trust, 64);
        live->pairings = TS_ARENA_ARRAY(&live->arena, struct ts_pairing, 8);
        return live;
}

static void live_member(struct ts_live *live, struct ts_members *members, enum ts_collection c,
                        struct line *l)
{
        struct ts_member *m = &members->items[members->n++];

        *m = (struct ts_member){ .kind = ts_collection_kind(c),
                                 .id = id_of(l->words[1]),
                                 .created = TS_TIME_UNSET };
        m->name = ts_arena_strdup(&live->arena, l->words[1]);
        if (c == TS_USERS)
                m->email = ts_arena_printf(&live->arena, "%s@x.example", l->words[1]);
        m->grants_coverage = TS_COVERAGE_COMPLETE;
        m->grants = TS_ARENA_ARRAY(&live->arena, struct ts_grant, l->n);
        if (value_of(l, "email"))
                m->email = ts_arena_strdup(&live->arena, value_of(l, "email"));
        if (value_of(l, "name"))
                m->name = ts_arena_strdup(&live->arena, value_of(l, "name"));
        if (has_word(l, "nameless"))
                m->name = NULL;
        if (value_of(l, "created"))
                m->created = NOW + strtoll(value_of(l, "created"), NULL, 10);
        m->state = has_word(l, "inactive")  ? "inactive"
                   : has_word(l, "deleted") ? "deleted"
                   : has_word(l, "active")  ? "active"
                                            : NULL;
        for (size_t i = 2; i < l->n; i++) {
                if (!strchr(l->words[i], '/') && strcmp(l->words[i], "?") != 0)
                        continue;
                if (strcmp(l->words[i], "?") == 0)
                        m->grants_coverage = TS_COVERAGE_PARTIAL;
                else
                        m->grants[m->n_grants++] = grant_of(l->words[i]);
        }
        m->n_grants = (uint32_t) ts_grants_normalise(m->grants, m->n_grants);
}

static void members_init(struct ts_live *live, struct ts_members *m, enum ts_coverage coverage)
{
        m->coverage = coverage;
        m->items = TS_ARENA_ARRAY(&live->arena, struct ts_member, 64);
}

static struct ts_trust *live_trust(struct ts_live *live, const struct line *l)
{
        enum ts_coverage coverage = has_word(l, "partial") ? TS_COVERAGE_PARTIAL : TS_COVERAGE_COMPLETE;
        struct ts_trust *t = &live->trusts[live->n_trusts++];

        *t = (struct ts_trust){ .id = id_of(l->words[1]), .enabled = !has_word(l, "disabled") };
        t->direction = strcmp(l->words[0], "trustor") == 0 ? TS_TRUSTOR : TS_TRUSTEE;
        t->name = ts_arena_strdup(&live->arena, l->words[1]);
        t->expires = time_of(l, "expires", TS_TIME_NEVER);
        t->customer_care = has_word(l, "care");
        t->uses_default_role = has_word(l, "default-role");
        t->has_full_access = has_word(l, "full-access");
        t->is_trusted_user = has_word(l, "trusted-user");
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                members_init(live, &t->collections[c], coverage);
        t->users.is_denied = has_word(l, "no-list");
        return t;
}

static struct ts_pairing *live_pairing(struct ts_live *live, const struct line *l)
{
        struct ts_pairing *p = &live->pairings[live->n_pairings++];

        *p = (struct ts_pairing){ .id = id_of(l->words[1]), .state = TS_PAIRING_OPEN, .created = NOW - DAY };
        if (has_word(l, "gone"))
                p->state = TS_PAIRING_GONE;
        if (has_word(l, "unread"))
                p->state = TS_PAIRING_UNREAD;
        if (has_word(l, "undated"))
                p->created = TS_TIME_UNSET;
        p->trustee_name = ts_arena_strdup(&live->arena, value_of(l, "named"));
        p->trustee = id_of(value_of(l, "of") ? value_of(l, "of") : "contoso");
        members_init(live, &p->users, TS_COVERAGE_COMPLETE);
        members_init(live, &p->groups, TS_COVERAGE_COMPLETE);
        return p;
}

static void live_sort(struct ts_live *live)
{
        for (size_t i = 0; i < live->n_trusts; i++)
                for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                        struct ts_members *m = &live->trusts[i].collections[c];

                        qsort(m->items, m->n, sizeof(*m->items), by_id);
                }
        qsort(live->trusts, live->n_trusts, sizeof(struct ts_trust), trust_by_id);
}

static struct ts_live *live_from(const char *text)
{
        struct ts_live *live = empty_live();
        struct ts_pairing *pairing = NULL;
        struct ts_trust *t = NULL;
        enum ts_collection c;
        struct line l;

        live->trustors_coverage = live->care_coverage = TS_COVERAGE_COMPLETE;
        while (next_line(&text, &l)) {
                if (strcmp(l.words[0], "partial") == 0)
                        live->trusts_coverage = live->trustors_coverage = live->care_coverage =
                                        TS_COVERAGE_PARTIAL;
                else if (strcmp(l.words[0], "trusts-unknown") == 0)
                        live->trusts_coverage = TS_COVERAGE_PARTIAL;
                else if (strcmp(l.words[0], "care-unknown") == 0)
                        live->care_coverage = TS_COVERAGE_PARTIAL;
                else if (strcmp(l.words[0], "skew") == 0)
                        live->clock_skew_sec = 3600;
                else if (strcmp(l.words[0], "offline") == 0)
                        live->is_offline = true;
                else if (strcmp(l.words[0], "pairing") == 0)
                        pairing = live_pairing(live, &l);
                else if (strcmp(l.words[0], "asks") == 0)
                        live_member(live, &pairing->users, TS_USERS, &l);
                else if (strcmp(l.words[0], "asks-group") == 0)
                        live_member(live, &pairing->groups, TS_GROUPS, &l);
                else if (is_kind(&l, &c))
                        live_member(live, &t->collections[c], c, &l);
                else
                        t = live_trust(live, &l);
        }
        live_sort(live);
        return live;
}

/* ----------------------------------------------------------------------------------------------- declared */

static struct ts_source at(unsigned line)
{
        return (struct ts_source){ "t.yaml", line, 1 };
}

static void decl_roles(struct ts_arena *a, struct ts_decl_member *m, struct line *l, unsigned number)
{
        m->roles.items = TS_ARENA_ARRAY(a, struct ts_decl_role, l->n);
        for (size_t i = 2; i < l->n; i++) {
                struct ts_decl_role *r = &m->roles.items[m->roles.n];
                char *slash = strchr(l->words[i], '/');

                if (!slash)
                        continue;
                *slash = '\0';
                *r = (struct ts_decl_role){ ts_arena_strdup(a, l->words[i]), at(number), NULL, 1, false };
                r->divisions = TS_ARENA_NEW(a, struct ts_decl_text);
                r->divisions[0] = (struct ts_decl_text){ ts_arena_strdup(a, slash + 1), at(number) };
                r->all = strcmp(slash + 1, "all") == 0;
                r->n_divisions = !r->all;
                m->roles.n++;
        }
}

static void decl_member(struct ts_arena *a, struct ts_decl_members *members, enum ts_collection c,
                        struct line *l, unsigned number)
{
        struct ts_decl_member *m = &members->items[members->n++];

        members->managed = true;
        *m = (struct ts_decl_member){ .kind = ts_collection_kind(c), .source = at(number) };
        m->grants_managed = c != TS_CLONES && !has_word(l, "-");
        m->from = time_of(l, "from", TS_TIME_UNSET);
        m->until = time_of(l, "until", TS_TIME_UNSET);
        if (c == TS_GROUPS || strchr(l->words[1], '@'))
                m->key = ts_arena_strdup(a, l->words[1]);
        else
                m->key = ts_arena_printf(a, "%s@x.example", l->words[1]);
        if (has_word(l, "id"))
                m->id = id_of(l->words[1]);
        if (value_of(l, "id"))
                m->id = id_of(value_of(l, "id"));
        decl_roles(a, m, l, number);
}

static void decl_options(struct ts_decl_trust *t, const struct line *l, unsigned number)
{
        const char *pairing = value_of(l, "pairing");

        t->source = t->state_source = t->enabled_source = t->expires_source = at(number);
        t->absent = has_word(l, "absent");
        t->observe = has_word(l, "observe");
        t->report_unlisted = has_word(l, "report");
        t->enabled = has_word(l, "enabled=yes") ? TS_YES : has_word(l, "enabled=no") ? TS_NO : TS_UNSET;
        t->expires = time_of(l, "expires", TS_TIME_UNSET);
        if (pairing) {
                t->pairing.source = at(number);
                t->pairing.automatic = strcmp(pairing, "auto") == 0;
                t->pairing.id = id_of(t->pairing.automatic ? "" : pairing);
        }
        if (has_word(l, "request"))
                t->request.source = at(number);
}

static struct ts_decl_trust *decl_trust(struct ts_arena *a, struct ts_decl_organization *o,
                                        const struct line *l, unsigned number)
{
        struct ts_decl_trust *t = &o->trusts[o->n_trusts++];

        *t = (struct ts_decl_trust){ .alias = ts_arena_strdup(a, l->words[1]), .id = id_of(l->words[1]) };
        if (strcmp(l->words[0], "trustor") == 0) {
                t->direction = TS_TRUSTOR;
                o->trustors_managed = true;
        }
        decl_options(t, l, number);
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                t->collections[c].source = at(number);
                t->collections[c].managed = has_word(l, ts_collection_to_string(c));
                t->collections[c].items = TS_ARENA_ARRAY(a, struct ts_decl_member, 64);
        }
        t->request.users.items = TS_ARENA_ARRAY(a, struct ts_decl_member, 64);
        t->request.groups.items = TS_ARENA_ARRAY(a, struct ts_decl_member, 64);
        return t;
}

static bool is_care(const struct line *l, const char *word)
{
        return l->n > 1 && strcmp(l->words[1], word) == 0;
}

static struct ts_decl_organization *decl_from(struct ts_arena *a, const char *text)
{
        struct ts_decl_organization *o = TS_ARENA_NEW(a, struct ts_decl_organization);
        struct ts_decl_trust *t = NULL;
        enum ts_collection c;
        unsigned number = 0;
        struct line l;

        o->alias = "acme";
        o->trusts = TS_ARENA_ARRAY(a, struct ts_decl_trust, 64);
        o->trustees_managed = true;
        while (next_line(&text, &l)) {
                number++;
                if (strcmp(l.words[0], "no-trustees") == 0)
                        o->trustees_managed = false;
                else if (strcmp(l.words[0], "care") == 0)
                        o->care = (struct ts_decl_care){ at(number), is_care(&l, "absent"),
                                                         is_care(&l, "default-role"), !is_care(&l, "stays") };
                else if (strcmp(l.words[0], "asks") == 0)
                        decl_member(a, &t->request.users, TS_USERS, &l, number);
                else if (strcmp(l.words[0], "asks-group") == 0)
                        decl_member(a, &t->request.groups, TS_GROUPS, &l, number);
                else if (is_kind(&l, &c))
                        decl_member(a, &t->collections[c], c, &l, number);
                else
                        t = decl_trust(a, o, &l, number);
        }
        return o;
}

/* ------------------------------------------------------------------------------------------------- policy */

static void texts_add(struct ts_arena *a, struct ts_texts *t, const char *text)
{
        struct ts_decl_text *items = TS_ARENA_ARRAY(a, struct ts_decl_text, t->n + 1);

        if (t->n > 0)
                memcpy(items, t->items, t->n * sizeof(*items));
        items[t->n] = (struct ts_decl_text){ ts_arena_strdup(a, text), at(1) };
        t->items = items;
        t->n++;
}

static void ids_add(struct ts_arena *a, struct ts_ids *t, const char *name)
{
        struct ts_id *items = TS_ARENA_ARRAY(a, struct ts_id, t->n + 1);

        if (t->n > 0)
                memcpy(items, t->items, t->n * sizeof(*items));
        items[t->n++] = id_of(name);
        t->items = items;
}

static struct ts_policy policy_from(struct ts_arena *a, const char *text)
{
        struct ts_policy p = { .limits = { 10, 20, 3, 25, 25 }, .delete_after_usec = TS_USEC_PER_DAY };
        struct line l;

        p.unlisted_source = p.deny_source = (struct ts_source){ "settings.yaml", 9, 1 };
        while (text && next_line(&text, &l)) {
                if (strcmp(l.words[0], "protect") == 0 && strchr(l.words[1], '@'))
                        texts_add(a, &p.protect_users, l.words[1]);
                else if (strcmp(l.words[0], "protect") == 0)
                        ids_add(a, &p.protect_organizations, l.words[1]);
                else if (strcmp(l.words[0], "deny-role") == 0)
                        texts_add(a, &p.deny_roles, l.words[1]);
                else if (strcmp(l.words[0], "deny") == 0 && strchr(l.words[1], '@'))
                        texts_add(a, &p.deny_users, l.words[1]);
                else if (strcmp(l.words[0], "deny") == 0)
                        ids_add(a, &p.deny_organizations, l.words[1]);
                else if (strcmp(l.words[0], "protect-user") == 0)
                        texts_add(a, &p.protect_users, l.words[1]);
                else if (strcmp(l.words[0], "deny-user") == 0)
                        texts_add(a, &p.deny_users, l.words[1]);
                else if (strcmp(l.words[0], "unlisted") == 0)
                        p.remove_unlisted_trusts = true;
                else if (strcmp(l.words[0], "at-once") == 0)
                        p.delete_after_usec = 0;
                else if (strcmp(l.words[0], "limits") == 0)
                        p.limits = (struct ts_limits){ number(l.words[1]), number(l.words[2]),
                                                       number(l.words[3]), number(l.words[4]), 25 };
                else
                        ck_abort_msg("policy: %s", l.words[0]);
        }
        return p;
}

/* -------------------------------------------------------------------------------------------------- a run */

struct run {
        struct ts_arena arena;
        struct ts_decl_organization *decl;
        struct ts_policy policy;
        struct ts_live *live;
        struct ts_desired *desired;
        struct ts_plan *plan;
        int64_t now;
};

static void run_plan(struct run *r, const char *declared, const char *live, const char *policy,
                     const struct ts_last_applied *last_applied)
{
        int64_t now;

        r->decl = decl_from(&r->arena, declared);
        r->policy = policy_from(&r->arena, policy);
        r->now = now = NOW + (strncmp(live, "now=+", 5) == 0 ? strtoll(live + 5, NULL, 10) * DAY : 0);
        r->live = live_from(live + (now != NOW ? strcspn(live, "\n") + 1 : 0));
        r->desired = ts_resolve_members(r->decl, r->live, NULL);
        for (size_t i = 0; i < r->desired->n_trusts; i++)
                r->desired->trusts[i].holds_partner = strstr(declared, "partner") != NULL;
        ts_resolve_identity(r->desired, last_applied);
        ts_resolve_grants(r->desired, r->live, &r->policy);
        r->plan = ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                                   .live = r->live,
                                                   .desired = r->desired,
                                                   .policy = &r->policy,
                                                   .last_applied = last_applied,
                                                   .now = now });
}

static void run_done(struct run *r)
{
        ts_plan_free(r->plan);
        ts_desired_free(r->desired);
        ts_live_free(r->live);
        ts_arena_done(&r->arena);
}

/* The memory after a cycle that found @live as @declared says; all planned changes count as @outcome. */
static struct ts_last_applied *update_last_applied(const char *declared, const char *live, const char *policy,
                                                   const struct ts_last_applied *old, enum ts_result outcome,
                                                   int64_t now)
{
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *fresh = ts_last_applied_new();

        fresh->writable = true;
        run_plan(&r, declared, live, policy, old);
        for (size_t i = 0; i < r.plan->n_changes; i++)
                if (ts_change_result(&r.plan->changes[i]) == TS_PLANNED) {
                        r.plan->changes[i].decision = outcome;
                        outcome_of(r.plan, &r.plan->changes[i])->sent = outcome == TS_APPLIED;
                }
        return ts_last_applied_update(&(struct ts_last_applied_update_input){ .old = old ? old : fresh,
                                                                              .desired = r.desired,
                                                                              .live = r.live,
                                                                              .plan = r.plan,
                                                                              .now = now });
}

static void put_grants(struct ts_buf *out, const struct ts_plan *plan, const struct ts_grant_changes *g,
                       char sign, enum ts_reason reason)
{
        for (size_t i = 0; i < g->n; i++) {
                ts_buf_printf(out, " %c%s/%s", sign, ts_plan_role_name(plan, g->items[i].role),
                              ts_plan_division_name(plan, g->items[i].division));
                if (g->items[i].reason != reason)
                        ts_buf_printf(out, "(%s)", ts_reason_to_string(g->items[i].reason));
        }
}

static void put_change(struct ts_buf *out, const struct ts_plan *plan, const struct ts_change *c)
{
        ts_buf_printf(out, "%s %s %.16s", ts_result_to_string(ts_change_result(c)),
                      ts_action_to_string(c->action), (const char *) c->trust_id.bytes);
        if (c->kind != TS_KIND_TRUST && c->subject_name)
                ts_buf_printf(out, " %.*s", (int) strcspn(c->subject_name, "@"), c->subject_name);
        if (c->changes_expires)
                ts_buf_puts(out, " expires");
        for (size_t i = 0; i < c->n_pairing_users; i++)
                ts_buf_printf(out, " %.16s", (const char *) c->pairing_users[i].bytes);
        if (!ts_id_is_nil(&c->pairing_id))
                ts_buf_printf(out, " by %.16s", (const char *) c->pairing_id.bytes);
        put_grants(out, plan, &c->add, '+', c->reason);
        put_grants(out, plan, &c->remove, '-', c->reason);
        put_grants(out, plan, &c->held, '!', c->reason);
        ts_buf_printf(out, " %s\n", ts_reason_to_string(c->reason));
}

static void put_plan(struct ts_buf *out, const struct ts_plan *plan)
{
        for (size_t i = 0; i < plan->n_changes; i++)
                put_change(out, plan, &plan->changes[i]);
        for (size_t i = 0; i < plan->n_refusals; i++)
                ts_buf_printf(out, "refused %s %s %" PRId64 " of %" PRId64 "\n",
                              plan->refusals[i].trust ? plan->refusals[i].trust : "acme",
                              plan->refusals[i].limit, plan->refusals[i].value, plan->refusals[i].allowed);
        if (plan->refused)
                ts_buf_puts(out, "nothing is written\n");
        if (!plan->complete)
                ts_buf_puts(out, "incomplete\n");
}

/* --------------------------------------------------------------------------------------------- diff cases */

static const struct {
        const char *name, *declared, *live, *policy, *plan;
} diff_cases[] = {
        { "already in sync", "trust contoso\nuser jane Admin/Home", "trust contoso\nuser jane Admin/Home",
          NULL, "" },
        { "a new user", "trust contoso\nuser jane Admin/Home id", "trust contoso", NULL,
          "planned user.add contoso jane +Admin/Home config\n" },
        { "a user to remove", "trust contoso users", "trust contoso\nuser jane Admin/Home", NULL,
          "planned user.remove contoso jane config\n" },
        { "users left out are not managed", "trust contoso", "trust contoso\nuser jane Admin/Home", NULL,
          "" },
        { "a division more", "trust contoso\nuser jane Admin/Home Admin/Sales",
          "trust contoso\nuser jane Admin/Home", NULL,
          "planned user.update contoso jane +Admin/Sales config\n" },
        { "a division swapped", "trust contoso\nuser jane Admin/Sales", "trust contoso\nuser jane Admin/Home",
          NULL, "planned user.update contoso jane +Admin/Sales -Admin/Home config\n" },
        { "all swallows single divisions on the declared side",
          "trust contoso\nuser jane Admin/all Admin/Home", "trust contoso\nuser jane Admin/all", NULL, "" },
        { "all swallows single divisions on the live side", "trust contoso\nuser jane Admin/all",
          "trust contoso\nuser jane Admin/Home Admin/all", NULL, "" },
        { "from all to one division", "trust contoso\nuser jane Admin/Home",
          "trust contoso\nuser jane Admin/all", NULL,
          "planned user.update contoso jane +Admin/Home -Admin/all config\n" },
        { "grants not managed", "trust contoso\nuser jane -", "trust contoso\nuser jane Admin/all", NULL,
          "" },
        { "a member without grants", "trust contoso\nuser jane .", "trust contoso\nuser jane Admin/all", NULL,
          "planned user.update contoso jane -Admin/all config\n" },
        { "order: removals, reductions, additions",
          "trust contoso\nuser ann User/all id\nuser bob User/all\nuser cid Admin/all User/all",
          "trust contoso\nuser zed\nuser bob Admin/all\nuser cid User/all", NULL,
          "planned user.remove contoso zed config\nplanned user.update contoso bob +User/all -Admin/all "
          "config\n"
          "planned user.add contoso ann +User/all config\nplanned user.update contoso cid +Admin/all "
          "config\n" },
        { "nobody of a protected organization is removed", "trust contoso users clones",
          "trust contoso\nuser jane\nclone bob", "protect contoso",
          "held user.remove contoso jane config\nheld clone.remove contoso bob config\n" },
        { "nor is whoever may be protected", "trust contoso users clones",
          "trust contoso\nuser jane\nclone bob", "protect jane@x.example\nprotect ann@x.example",
          "held user.remove contoso jane config\nheld clone.remove contoso bob config\n" },
        { "a group without a name is nobody's", "trust contoso\ngroup g -",
          "trust contoso\ngroup a deleted nameless", NULL,
          "held group.remove contoso 61000000-0000-0000-0000-000000000000 config\n"
          "waiting group.add contoso g config\nincomplete\n" },
        { "an account that is in use", "trust contoso\nuser jane Admin/Home",
          "trust contoso\nuser jane Admin/Home active", NULL, "" },
        { "who is not in use, and holds something that sorts before what is declared",
          "trust contoso\nuser ann Supervisor/Home id", "trust contoso\nuser ann inactive Admin/Home", NULL,
          "planned user.update contoso ann +Supervisor/Home -Admin/Home config\n" },
        { "an end of somebody who is not known", "trust contoso\nuser jane - until=+1", "trust contoso", NULL,
          "waiting user.add contoso jane config\n" },
        { "a denied organization that is to go, and is disabled already", "trust contoso absent",
          "trust contoso disabled", "deny contoso\nat-once", "planned trust.delete contoso config\n" },
        { "unlisted: report", "trust contoso report users", "trust contoso\nuser jane Admin/Home", NULL,
          "skipped user.remove contoso jane config\n" },
        { "an unlisted trust is reported", "", "trust contoso\nuser jane", NULL,
          "skipped trust.delete contoso config\n" },
        { "an unlisted trust is disabled first", "", "trust contoso", "unlisted",
          "planned trust.disable contoso config\n" },
        { "customer care is never unlisted", "", "trust contoso care", "unlisted",
          "skipped trust.delete contoso config\n" },
        { "a trust that is not there waits with its users", "trust contoso\nuser jane Admin/Home id", "",
          NULL, "waiting trust.create contoso config\nwaiting user.add contoso jane +Admin/Home config\n" },
        { "absent and not there", "trust contoso absent", "", NULL, "" },
        { "absent is disabled first", "trust contoso absent", "trust contoso", NULL,
          "planned trust.disable contoso config\n" },
        { "absent, disabled, without a record: waits", "trust contoso absent", "trust contoso disabled", NULL,
          "waiting trust.delete contoso config\n" },
        { "absent, to be deleted at once", "trust contoso absent", "trust contoso", "at-once",
          "planned trust.delete contoso config\n" },
        { "enable comes last", "trust contoso enabled=yes\nuser jane Admin/Home id", "trust contoso disabled",
          NULL, "planned user.add contoso jane +Admin/Home config\nplanned trust.enable contoso config\n" },
        { "not opened while somebody protected is in it who should not be", "trust contoso enabled=yes users",
          "trust contoso disabled\nuser jane", "protect jane@x.example",
          "held user.remove contoso jane config\nheld trust.enable contoso config\n" },
        { "nor while somebody protected has more than declared",
          "trust contoso enabled=yes\nuser jane User/all", "trust contoso disabled\nuser jane Admin/Home",
          "protect jane@x.example",
          "planned user.update contoso jane +User/all !Admin/Home config\nheld trust.enable contoso "
          "config\n" },
        { "nor while an unlisted member may be a listed one", "trust contoso enabled=yes\nuser ann -",
          "trust contoso disabled\nuser bob", NULL,
          "held user.remove contoso bob config\nwaiting user.add contoso ann config\n"
          "held trust.enable contoso config\nincomplete\n" },
        { "nor while its members are not known", "trust contoso expires=+9 users",
          "trust contoso expires=+3 partial", NULL,
          "held trust.update contoso expires config\nincomplete\n" },
        { "nor while a member's grants are not known", "trust contoso enabled=yes\nuser jane Admin/Home",
          "trust contoso disabled\nuser jane ?", NULL, "held trust.enable contoso config\nincomplete\n" },
        { "but a member whose declaration is wrong stays as it is, whatever it holds",
          "trust contoso enabled=yes\nuser jane Nobody/Home", "trust contoso disabled\nuser jane ?", NULL,
          "failed user.update contoso jane config\nplanned trust.enable contoso config\n" },
        { "nor while somebody is to lose something, and observe holds it",
          "trust contoso observe enabled=yes\nuser jane .", "trust contoso disabled\nuser jane Admin/Home",
          NULL, "held user.update contoso jane -Admin/Home config\nheld trust.enable contoso config\n" },
        { "but whom only a report is about may stay", "trust contoso enabled=yes users report",
          "trust contoso disabled\nuser jane", NULL,
          "skipped user.remove contoso jane config\nplanned trust.enable contoso config\n" },
        { "disable comes first", "trust contoso enabled=no\nuser jane Admin/Home id", "trust contoso", NULL,
          "planned trust.disable contoso config\nplanned user.add contoso jane +Admin/Home config\n" },
        { "enabled left out is not managed", "trust contoso", "trust contoso disabled", NULL, "" },
        { "a longer expiry", "trust contoso expires=+9", "trust contoso expires=+3", NULL,
          "planned trust.update contoso expires config\n" },
        { "no expiry any more", "trust contoso expires=never", "trust contoso expires=+3", NULL,
          "planned trust.update contoso expires config\n" },
        { "a past expiry is not enabled", "trust contoso enabled=yes expires=-3",
          "trust contoso disabled expires=-3", NULL, "held trust.enable contoso config\n" },
        { "observe holds", "trust contoso observe\nuser jane Admin/Home id", "trust contoso\nuser bob", NULL,
          "held user.remove contoso bob config\nheld user.add contoso jane +Admin/Home config\n" },
        { "observe holds what would close a trust", "trust contoso absent observe", "trust contoso", NULL,
          "held trust.disable contoso config\n" },
        { "an unknown role touches only its user", "trust contoso\nuser ann Nobody/Home\nuser bob User/all",
          "trust contoso\nuser ann Admin/Home\nuser bob", NULL,
          "failed user.update contoso ann config\nplanned user.update contoso bob +User/all config\n" },
        { "an unknown division", "trust contoso\nuser ann Admin/Mars", "trust contoso\nuser ann", NULL,
          "failed user.update contoso ann config\n" },
        { "an unknown partner's e-mail waits", "trust contoso\nuser ann Admin/Home", "trust contoso", NULL,
          "waiting user.add contoso ann +Admin/Home config\n" },
        { "and nobody unlisted is removed meanwhile", "trust contoso\nuser ann Admin/Home",
          "trust contoso\nuser bob", NULL,
          "held user.remove contoso bob config\nwaiting user.add contoso ann +Admin/Home "
          "config\nincomplete\n" },
        { "two keys, one user: the one with an id decides",
          "trust contoso\nuser ann Admin/Home\nuser ann Admin/Home id", "trust contoso\nuser ann", NULL,
          "waiting user.add contoso ann +Admin/Home config\nplanned user.update contoso ann +Admin/Home "
          "config\n" },
        { "also when it is the second of three",
          "trust contoso\nuser ann -\nuser ann User/Home id\nuser ann -", "trust contoso\nuser ann", NULL,
          "waiting user.add contoso ann config\nwaiting user.add contoso ann config\n"
          "planned user.update contoso ann +User/Home config\n" },
        { "two keys with one id: neither decides",
          "trust contoso\nuser ann Admin/Home id\nuser ann User/Home id", "trust contoso\nuser ann", NULL,
          "failed user.update contoso ann config\nfailed user.update contoso ann config\n" },
        { "the account of a key is not in use: only it is held", "trust contoso\nuser ann Admin/Home",
          "trust contoso\nuser ann inactive\nuser eve", NULL,
          "planned user.remove contoso eve config\nwaiting user.update contoso ann drift\n" },
        { "a name that an account in use has, too", "trust contoso\nuser ann Admin/Home",
          "trust contoso\nuser ann2 inactive email=ann@x.example\nuser ann", NULL,
          "planned user.remove contoso ann config\nplanned user.update contoso ann +Admin/Home config\n" },
        { "an account without a name is nobody's", "trust contoso\nuser ann Admin/Home",
          "trust contoso\nuser ann inactive email=\ngroup g deleted", NULL,
          "held user.remove contoso ann config\nwaiting user.add contoso ann +Admin/Home "
          "config\nincomplete\n" },
        { "a group that was deleted", "trust contoso\ngroup g Admin/Home\ngroup h Admin/Home",
          "trust contoso\ngroup g deleted\ngroup k deleted", NULL,
          "held group.remove contoso k config\nwaiting group.update contoso g drift\n"
          "waiting group.add contoso h +Admin/Home config\nincomplete\n" },
        { "an id whose account is not in use", "trust contoso\nuser ann Admin/Home id",
          "trust contoso\nuser ann inactive Admin/Home", NULL, "waiting user.update contoso ann config\n" },
        { "it loses what it was not given", "trust contoso\nuser ann Admin/Home id",
          "trust contoso\nuser ann inactive Admin/Sales", NULL,
          "planned user.update contoso ann +Admin/Home -Admin/Sales config\n" },
        { "also when it was given more of the same", "trust contoso\nuser ann Admin/Home User/Home id",
          "trust contoso\nuser ann inactive Admin/Home Supervisor/Home", NULL,
          "planned user.update contoso ann +User/Home -Supervisor/Home config\n" },
        { "or its grants are not managed", "trust contoso\nuser ann - id",
          "trust contoso\nuser ann inactive Admin/Sales", NULL, "waiting user.update contoso ann config\n" },
        { "or not known", "trust contoso\nuser ann Admin/Home id", "trust contoso\nuser ann inactive ?", NULL,
          "waiting user.update contoso ann config\n" },
        { "an incomplete listing removes nobody", "trust contoso\nuser ann Admin/Home id",
          "trust contoso partial\nuser bob", NULL,
          "held user.remove contoso bob config\nplanned user.add contoso ann +Admin/Home "
          "config\nincomplete\n" },
        { "a list that may not be seen is said once, and not of each of its members",
          "trust contoso\nuser ann Admin/Home\nuser bob Admin/Home\nuser eve Admin/Home id",
          "trust contoso partial no-list", NULL,
          "planned user.add contoso eve +Admin/Home config\nincomplete\n" },
        { "our own people in a trustor are known without it", "trustor globex\nuser ann",
          "trustor globex partial no-list", NULL, "failed user.add globex ann config\nincomplete\n" },
        { "grants that are not known are left alone", "trust contoso\nuser ann Admin/Home",
          "trust contoso\nuser ann ?", NULL, "incomplete\n" },
        { "an incomplete list of trusts closes and creates none", "trust contoso\ntrust fabrikam absent",
          "partial\ntrust fabrikam", NULL,
          "held trust.create contoso config\nheld trust.disable fabrikam config\nincomplete\n" },
        { "clocks that differ: no expiry is acted on", "trust contoso expires=+9",
          "skew\ntrust contoso expires=+3", NULL, "held trust.update contoso expires config\n" },
        { "a protected user is not removed", "trust contoso users", "trust contoso\nuser jane Admin/Home",
          "protect jane@x.example", "held user.remove contoso jane config\n" },
        { "a protected user only gains", "trust contoso\nuser jane User/all",
          "trust contoso\nuser jane Admin/Home", "protect JANE@x.example",
          "planned user.update contoso jane +User/all !Admin/Home config\n" },
        { "a protected user that would only lose is held", "trust contoso\nuser jane .",
          "trust contoso\nuser jane Admin/Home", "protect jane@x.example",
          "held user.update contoso jane !Admin/Home config\n" },
        { "a trust with a protected member is protected", "trust contoso absent", "trust contoso\nuser jane",
          "protect jane@x.example", "held trust.disable contoso config\n" },
        { "a protected organization", "trust contoso enabled=no users", "trust contoso\nuser jane",
          "protect contoso", "held trust.disable contoso config\nheld user.remove contoso jane config\n" },
        { "a denied user leaves every trust", "trust contoso\nuser jane Admin/Home",
          "trust contoso\nuser jane Admin/Home\ntrust fabrikam\nuser jane", "deny jane@x.example",
          "planned user.remove contoso jane denied\nskipped trust.delete fabrikam config\n"
          "planned user.remove fabrikam jane denied\n" },
        { "a denied user is not added", "trust contoso\nuser jane Admin/Home id", "trust contoso",
          "deny jane@x.example", "" },
        { "a denied role is not granted", "trust contoso\nuser jane Admin/Home User/all id", "trust contoso",
          "deny-role Admin", "planned user.add contoso jane +User/all config\n" },
        { "a denied role is taken", "trust contoso\nuser jane Admin/Home User/all",
          "trust contoso\nuser jane Admin/Home User/all", "deny-role Admin",
          "planned user.update contoso jane -Admin/Home denied\n" },
        { "observe does not hold what is denied",
          "trust contoso observe\nuser jane Supervisor/all Admin/Home",
          "trust contoso\nuser jane Admin/Home User/all", "deny-role Admin",
          "planned user.update contoso jane -Admin/Home denied\n" },
        { "a denied organization is disabled and stays so", "trust contoso enabled=yes", "trust contoso",
          "deny contoso", "planned trust.disable contoso denied\n" },
        { "a denied organization is not enabled", "trust contoso enabled=yes", "trust contoso disabled",
          "deny contoso", "" },
        { "into a denied organization's trust nobody is added, and nothing",
          "trust contoso\nuser ann - id\nuser bob Admin/Home\nuser cid User/all",
          "trust contoso disabled\nuser bob\nuser cid User/all Admin/Home\nuser dan", "deny contoso",
          "planned user.remove contoso dan config\nplanned user.update contoso cid -Admin/Home config\n"
          "held user.add contoso ann config\nheld user.update contoso bob +Admin/Home config\n" },
        { "a denied organization that nobody declares", "", "trust contoso", "deny contoso",
          "planned trust.disable contoso denied\n" },
        { "a denied organization that has to go as well goes on", "", "trust contoso disabled",
          "unlisted\ndeny contoso", "waiting trust.delete contoso config\n" },
        { "a mistake in the declaration does not keep a denied role", "trust contoso\nuser ann Nobody/Home",
          "trust contoso\nuser ann Admin/Home User/all", "deny-role Admin",
          "planned user.update contoso ann -Admin/Home denied\n" },
        { "nor do two keys for one user", "trust contoso\nuser ann -\nuser ann Admin/Home id\nuser ann . id",
          "trust contoso\nuser ann Admin/Home", "deny-role Admin",
          "planned user.update contoso ann -Admin/Home denied\nwaiting user.add contoso ann config\n"
          "failed user.update contoso ann config\n" },
        { "where the first of them manages the grants", "trust contoso\nuser ann . id\nuser ann - id",
          "trust contoso\nuser ann Admin/Home", "deny-role Admin",
          "planned user.update contoso ann -Admin/Home denied\nfailed user.update contoso ann config\n" },
        { "a mistake and a denied role of somebody protected", "trust contoso\nuser jane Nobody/Home",
          "trust contoso\nuser jane Admin/Home", "deny-role Admin\nprotect jane@x.example",
          "held user.update contoso jane !Admin/Home denied\n" },
        { "a denied role, by its id", "trust contoso\nuser jane Admin/Home User/all",
          "trust contoso\nuser jane Admin/Home User/all", "deny-role 41646d69-6e00-0000-0000-000000000000",
          "planned user.update contoso jane -Admin/Home denied\n" },
        { "a denied user where trustees are not listed", "no-trustees", "trust contoso\nuser jane\nuser bob",
          "deny jane@x.example", "planned user.remove contoso jane denied\n" },
        { "a denied organization that may be customer care", "", "care-unknown\ntrust contoso",
          "unlisted\ndeny contoso", "planned trust.disable contoso denied\n" },
        { "a trustor that nobody declares any more", "trustor fabrikam", "trustor fabrikam\ntrustor contoso",
          "unlisted", "waiting trust.delete contoso config\n" },
        { "of trustors that are not listed only those whom deny names are withdrawn", "trust fabrikam",
          "trust fabrikam\ntrustor contoso\nuser jane", "unlisted\ndeny jane@x.example\ndeny contoso",
          "planned user.remove contoso jane denied\n" },
        { "a denied organization where trustees are not listed", "no-trustees",
          "trust contoso\ntrust fabrikam", "deny contoso", "planned trust.disable contoso denied\n" },
        { "a protected member may be among those who were not read", "trust contoso absent",
          "trust contoso partial\nuser bob", "protect jane@x.example",
          "held trust.disable contoso config\n" },
        { "an incomplete list of trustors asks for nothing", "trustor fabrikam request\nasks jane id",
          "partial", NULL, "held trust.create fabrikam config\nincomplete\n" },
        { "protection has no override", "trust contoso\nuser jane Admin/Home",
          "trust contoso\nuser jane Admin/Home", "protect jane@x.example\ndeny jane@x.example",
          "held user.remove contoso jane denied\n" },
        { "protection of an organization has no override", "trust contoso", "trust contoso",
          "protect contoso\ndeny contoso", "held trust.disable contoso denied\n" },
        { "nor has that of a member", "trust contoso", "trust contoso\nuser jane",
          "protect jane@x.example\ndeny contoso", "held trust.disable contoso denied\n" },
        { "somebody protected who is not in it protects no trust", "trust contoso absent",
          "trust contoso\nuser bob", "protect jane@x.example", "planned trust.disable contoso config\n" },
        { "nor do members that were not read where nobody is protected", "trust contoso absent",
          "trust contoso partial", NULL, "planned trust.disable contoso config\n" },
        { "protected, and not to be deleted yet anyway", "trust contoso absent", "trust contoso disabled",
          "protect contoso", "waiting trust.delete contoso config\n" },
        { "an incomplete list of trusts: what is denied is disabled", "", "partial\ntrust contoso",
          "deny contoso", "planned trust.disable contoso denied\nincomplete\n" },
        { "nobody of ours is added to a denied organization", "trustor contoso\nuser jane - id",
          "trustor contoso", "deny contoso", "held user.add contoso jane config\n" },
        { "and those who are in leave it one by one, protected ones stay", "trustor contoso",
          "trustor contoso\nuser jane\nuser joe\ngroup tier2", "deny contoso\nprotect joe@x.example",
          "planned user.remove contoso jane denied\nheld user.remove contoso joe denied\n"
          "planned group.remove contoso tier2 denied\n" },
        { "of a denied organization that is disabled users leave as well", "trust contoso",
          "trust contoso\nuser jane\nuser joe", "deny contoso\ndeny jane@x.example\ndeny joe@x.example",
          "planned trust.disable contoso denied\nplanned user.remove contoso jane denied\n"
          "planned user.remove contoso joe denied\n" },
        { "beside a trust that is not there", "trust contoso absent\ntrust fabrikam",
          "trust fabrikam\nuser jane", "deny jane@x.example", "planned user.remove fabrikam jane denied\n" },
        { "where trustees are not listed, and the other direction is denied", "no-trustees",
          "trust fabrikam\ntrustor contoso\nuser jane", "deny contoso",
          "planned user.remove contoso jane denied\n" },
        { "everybody who is asked for is denied", "trustor contoso request\nasks jane", "",
          "deny jane@x.example", "held pairing.create contoso config\n" },
        { "others are asked for", "trustor contoso request\nasks jane\nasks ann id", "",
          "deny jane@x.example", "waiting pairing.create contoso ann config\n" },
        { "no request to a denied organization", "trustor contoso request\nasks jane id", "", "deny contoso",
          "held pairing.create contoso jane config\n" },

        /* what closes, what opens */
        { "a shorter expiry comes first", "trust contoso expires=+3\nuser ann - id",
          "trust contoso expires=+9", NULL,
          "planned trust.update contoso expires config\nplanned user.add contoso ann config\n" },
        { "enabled for a shorter time: still last", "trust contoso enabled=yes expires=+3\nuser ann - id",
          "trust contoso disabled expires=+9", NULL,
          "planned user.add contoso ann config\nplanned trust.enable contoso expires config\n" },
        { "disabled and given another expiry", "trust contoso enabled=no expires=+9",
          "trust contoso expires=+3", NULL, "planned trust.disable contoso expires config\n" },
        { "clocks that differ: no shorter expiry either", "trust contoso expires=+3",
          "skew\ntrust contoso expires=+9", NULL, "held trust.update contoso expires config\n" },
        { "clocks that differ: nor any of what is off already", "trust contoso enabled=no expires=+9",
          "skew\ntrust contoso disabled expires=+3", NULL, "held trust.update contoso expires config\n" },
        { "expired at this moment is expired", "trust contoso enabled=yes expires=+0",
          "trust contoso disabled expires=+0", NULL, "held trust.enable contoso config\n" },
        { "it had expired, and is declared longer", "trust contoso expires=+9", "trust contoso expires=-1",
          NULL, "planned trust.update contoso expires config\n" },
        { "a protected trust lives no shorter", "trust contoso expires=+3", "trust contoso expires=+9",
          "protect contoso", "held trust.update contoso expires config\n" },
        { "but longer", "trust contoso expires=+9", "trust contoso expires=+3", "protect contoso",
          "planned trust.update contoso expires config\n" },
        { "observe holds what would open", "trust contoso observe enabled=yes", "trust contoso disabled",
          NULL, "held trust.enable contoso config\n" },
        { "observe asks nobody", "trust contoso observe pairing=auto partner\nuser bob - id", "", NULL,
          "held pairing.create contoso bob config\nheld trust.create contoso config\n"
          "held user.add contoso bob config\n" },
        { "it would have expired when it is created", "trust contoso pairing=p1 expires=+0\nuser jane - id",
          "pairing p1\nasks jane", NULL,
          "held trust.create contoso by p1 config\nwaiting user.add contoso jane config\n" },
        { "a group is a member to begin with", "trust contoso pairing=p1\ngroup tier2 - id", "pairing p1",
          NULL, "planned trust.create contoso by p1 config\nplanned group.add contoso tier2 config\n" },
        { "members that are not managed keep nothing closed", "trust contoso enabled=yes",
          "trust contoso disabled partial", NULL, "planned trust.enable contoso config\n" },
        { "of what is absent nobody is removed", "trust contoso absent users", "trust contoso\nuser jane",
          NULL, "planned trust.disable contoso config\n" },
        { "declared in one direction is not declared in the other", "trustor contoso\ntrust fabrikam",
          "trust contoso\ntrust fabrikam\ntrustor contoso", "unlisted",
          "planned trust.disable contoso config\n" },
        { "unlisted trustees are left alone where trustees are not listed", "no-trustees",
          "trust contoso\nuser jane", "unlisted\ndeny jane@x.example",
          "planned user.remove contoso jane denied\n" },
        { "a denied trustor is not left", "trustor fabrikam", "trustor contoso\ntrustor fabrikam",
          "deny contoso", "skipped trust.delete contoso config\n" },

        /* roles and people that only look alike */
        { "another role is denied", "trust contoso\nuser jane Nobody/Home",
          "trust contoso\nuser jane Admin/Home", "deny-role 41646d69-6e00-0000-0000-000000000001",
          "failed user.update contoso jane config\n" },
        { "a group is no user, by its id neither", "trust contoso groups", "trust contoso\ngroup tier2",
          "protect-user 74696572-3200-0000-0000-000000000000",
          "planned group.remove contoso tier2 config\n" },
        { "nor is it denied", "trust contoso\ngroup tier2 -", "trust contoso\ngroup tier2",
          "deny-user 74696572-3200-0000-0000-000000000000", "" },
        { "another id is denied", "trust contoso\nuser jane -", "trust contoso\nuser jane",
          "deny-user 6a616e65-0000-0000-0000-000000000001", "" },
        { "nor is whose id is not known denied by no id", "trust contoso\nuser ann -", "trust contoso",
          "deny-user 00000000-0000-0000-0000-000000000000", "waiting user.add contoso ann config\n" },
        { "a denied user, by id", "trust contoso\nuser jane -", "trust contoso\nuser jane",
          "deny-user 6a616e65-0000-0000-0000-000000000000", "planned user.remove contoso jane denied\n" },
        { "a protected user, by id", "trust contoso users", "trust contoso\nuser jane",
          "protect-user 6a616e65-0000-0000-0000-000000000000", "held user.remove contoso jane config\n" },
        { "one role is unknown, one denied, and one is as it should be",
          "trust contoso\nuser ann User/all Nobody/Home", "trust contoso\nuser ann Admin/Home User/all",
          "deny-role Admin", "planned user.update contoso ann -Admin/Home denied\n" },
        { "who is protected keeps a role in all divisions", "trust contoso\nuser jane Admin/Home",
          "trust contoso\nuser jane Admin/all", "protect jane@x.example",
          "held user.update contoso jane !Admin/all config\n" },
        { "who is protected is held where unlisted members are reported", "trust contoso report users",
          "trust contoso\nuser jane", "protect jane@x.example", "held user.remove contoso jane config\n" },

        /* groups and clones */
        { "a group gains", "trust contoso\ngroup tier2 Admin/Home User/all",
          "trust contoso\ngroup tier2 Admin/Home", NULL,
          "planned group.update contoso tier2 +User/all config\n" },
        { "a group is added by id, another goes", "trust contoso\ngroup tier2 Admin/Home id",
          "trust contoso\ngroup tier1 User/all", NULL,
          "planned group.remove contoso tier1 config\nplanned group.add contoso tier2 +Admin/Home config\n" },
        { "names of groups are compared exactly", "trust contoso\ngroup Tier2 -",
          "trust contoso\ngroup tier2", NULL,
          "held group.remove contoso tier2 config\nwaiting group.add contoso Tier2 config\nincomplete\n" },
        { "groups left out are not managed", "trust contoso users", "trust contoso\ngroup tier2", NULL, "" },
        { "a user's unknown key holds no group", "trust contoso groups\nuser ann -",
          "trust contoso\ngroup tier2", NULL,
          "planned group.remove contoso tier2 config\nwaiting user.add contoso ann config\n" },
        { "no group is protected by a user's name, none denied", "trust contoso groups",
          "trust contoso\ngroup jane@x.example", "protect jane@x.example",
          "planned group.remove contoso jane config\n" },
        { "clones go", "trust contoso clones users\nuser jane -",
          "trust contoso\nuser jane\nclone jane\nclone bob", NULL,
          "planned clone.remove contoso bob config\nplanned clone.remove contoso jane config\n" },
        { "a clone is known by its user's e-mail", "trust contoso\nuser jane -\nclone jane",
          "trust contoso\nuser jane\nclone jane", NULL, "" },
        { "a clone cannot be made from this side", "trust contoso\nuser jane -\nclone jane",
          "trust contoso\nuser jane", NULL, "waiting clone.add contoso jane config\n" },

        /* windows */
        { "before its window nobody is added", "trust contoso\nuser jane Admin/Home id from=+1",
          "trust contoso", NULL, "" },
        { "before its window a member goes", "trust contoso\nuser jane Admin/Home from=+1",
          "trust contoso\nuser jane", NULL, "planned user.remove contoso jane config\n" },
        { "before a window with an end as well", "trust contoso\nuser jane - from=+1 until=+2",
          "trust contoso\nuser jane", NULL, "planned user.remove contoso jane config\n" },
        { "inside its window it is declared", "trust contoso\nuser jane - id from=-1 until=+1",
          "trust contoso", NULL, "planned user.add contoso jane config\n" },
        { "at its end it goes", "trust contoso\nuser jane Admin/Home until=+0",
          "trust contoso\nuser jane Admin/Home", NULL, "planned user.remove contoso jane expired\n" },
        { "a group's window ends too", "trust contoso\ngroup tier2 - until=-1", "trust contoso\ngroup tier2",
          NULL, "planned group.remove contoso tier2 expired\n" },
        { "a key that is over and unknown holds nobody", "trust contoso\nuser ann - until=-1",
          "trust contoso\nuser bob", NULL, "planned user.remove contoso bob config\n" },
        { "an incomplete listing: nobody leaves by a window", "trust contoso\nuser jane - until=-1",
          "trust contoso partial\nuser jane", NULL, "held user.remove contoso jane expired\nincomplete\n" },
        { "clocks that differ: no window is acted on",
          "trust contoso\nuser jane - until=-1\nuser ann - id from=-1", "skew\ntrust contoso\nuser jane",
          NULL, "waiting user.add contoso ann config\n" },
        { "clocks that differ: nobody is given anything that only a window gives",
          "trust contoso\nuser jane Admin/Home until=-1\nuser ann Admin/Home User/all from=-1",
          "skew\ntrust contoso\nuser jane\nuser ann Admin/Home Supervisor/all", NULL,
          "waiting user.update contoso ann config\nwaiting user.update contoso jane config\n" },
        { "clocks that differ: what is denied goes all the same",
          "trust contoso\nuser jane Admin/Home User/all until=+1",
          "skew\ntrust contoso\nuser jane Admin/Home Supervisor/all", "deny-role Admin",
          "planned user.update contoso jane -Admin/Home denied\n" },
        { "clocks that differ: grants that are not known are left alone",
          "trust contoso\nuser jane Admin/Home until=+1", "skew\ntrust contoso\nuser jane ?", NULL,
          "incomplete\n" },
        { "clocks that differ: who has what is declared waits for nothing",
          "trust contoso\nuser jane Admin/Home until=+1", "skew\ntrust contoso\nuser jane Admin/Home", NULL,
          "" },
        { "who leaves by its own window waits for no other key",
          "trust contoso\nuser jane - until=-1\nuser ann -", "trust contoso\nuser jane\nuser bob", NULL,
          "held user.remove contoso bob config\nplanned user.remove contoso jane expired\n"
          "waiting user.add contoso ann config\nincomplete\n" },
        { "clocks that differ: who has no window does not wait", "trust contoso\nuser jane - id",
          "skew\ntrust contoso", NULL, "planned user.add contoso jane config\n" },
        { "clocks that differ: a trust without an end is created",
          "trust contoso pairing=p1 expires=never\nuser jane - id", "skew\npairing p1\nasks jane", NULL,
          "planned trust.create contoso by p1 config\nplanned user.add contoso jane config\n" },
        { "nobody is a member yet: no trust", "trust contoso pairing=p1\nuser jane - id from=+1",
          "pairing p1\nasks jane", NULL, "waiting trust.create contoso by p1 config\n" },
        { "the only member is denied: no trust", "trust contoso pairing=p1\nuser jane - id",
          "pairing p1\nasks jane", "deny jane@x.example", "waiting trust.create contoso by p1 config\n" },
        { "no request is made for who is denied, or not yet a member",
          "trust contoso pairing=auto partner\nuser ann - id from=+1\nuser bob - id\nuser jane - id", "",
          "deny jane@x.example",
          "planned pairing.create contoso bob config\nplanned trust.create contoso config\n"
          "planned user.add contoso bob config\nplanned trust.enable contoso config\n" },
        { "a request that was not found", "trust contoso pairing=p9\nuser jane - id", "", NULL,
          "failed trust.create contoso by p9 config\nwaiting user.add contoso jane config\n" },
        { "two keys for one user, one of them over", "trust contoso\nuser ann - until=-1\nuser ann - id",
          "trust contoso\nuser ann", NULL, "" },
        { "and the other way round", "trust contoso\nuser ann - id\nuser ann - until=-1",
          "trust contoso\nuser ann", NULL, "" },
        { "the one that decides is over", "trust contoso\nuser ann - id until=-1\nuser ann -",
          "trust contoso\nuser ann", NULL,
          "planned user.remove contoso ann expired\nwaiting user.add contoso ann config\n" },
        { "two ids for one user, one of them over", "trust contoso\nuser ann - id until=-1\nuser ann - id",
          "trust contoso\nuser ann", NULL,
          "failed user.update contoso ann config\nfailed user.update contoso ann config\n" },
        { "clocks that differ: what is to be disabled is, and its expiry is left",
          "trust contoso enabled=no expires=+9", "skew\ntrust contoso expires=+3", NULL,
          "planned trust.disable contoso config\n" },
        { "clocks that differ: nothing that ends is enabled", "trust contoso enabled=yes",
          "skew\ntrust contoso disabled expires=+3", NULL, "held trust.enable contoso config\n" },
        { "clocks that differ: what does not end is enabled", "trust contoso enabled=yes",
          "skew\ntrust contoso disabled", NULL, "planned trust.enable contoso config\n" },
        { "clocks that differ: nothing that ends is created",
          "trust contoso pairing=p1 expires=+3\nuser jane - id", "skew\npairing p1\nasks jane", NULL,
          "held trust.create contoso by p1 config\nwaiting user.add contoso jane config\n" },
        { "clocks that differ: nor without anybody who is a member for sure",
          "trust contoso pairing=p1\nuser jane - id until=+1", "skew\npairing p1\nasks jane", NULL,
          "waiting trust.create contoso by p1 config\nwaiting user.add contoso jane config\n" },
        { "a protected member stays after its window", "trust contoso\nuser jane - until=-1",
          "trust contoso\nuser jane", "protect jane@x.example", "held user.remove contoso jane expired\n" },

        /* trusts that are made */
        { "from a pairing request", "trust contoso pairing=p1\nuser jane Admin/Home\nuser bob User/all id",
          "pairing p1\nasks jane", NULL,
          "planned trust.create contoso by p1 config\nplanned user.add contoso bob +User/all config\n"
          "planned user.add contoso jane +Admin/Home config\n" },
        { "an e-mail that the request does not have waits",
          "trust contoso pairing=p1\nuser jane -\nuser ann -", "pairing p1\nasks jane", NULL,
          "planned trust.create contoso by p1 config\nwaiting user.add contoso ann config\n"
          "planned user.add contoso jane config\n" },
        { "not without a member", "trust contoso pairing=p1\nuser ann -", "pairing p1", NULL,
          "waiting trust.create contoso by p1 config\nwaiting user.add contoso ann config\n" },
        { "a request that was used", "trust contoso pairing=p1\nuser jane - id", "pairing p1 gone", NULL,
          "waiting trust.create contoso by p1 config\nwaiting user.add contoso jane config\n" },
        { "a request that cannot be read", "trust contoso pairing=p1\nuser jane - id", "pairing p1 unread",
          NULL, "failed trust.create contoso by p1 config\nwaiting user.add contoso jane config\n" },
        { "a request that nothing can be asked about is taken for good",
          "trust contoso pairing=p1\nuser jane - id\nuser ann -", "offline", NULL,
          "planned trust.create contoso by p1 config\nwaiting user.add contoso ann config\n"
          "planned user.add contoso jane config\n" },
        { "a request of somebody else lets nobody in", "trust contoso pairing=p1\nuser jane - id\nuser eve -",
          "pairing p1 of=evil\nasks eve", NULL,
          "failed trust.create contoso by p1 config\nwaiting user.add contoso eve config\n"
          "waiting user.add contoso jane config\n" },
        { "not past its expiry", "trust contoso pairing=p1 expires=-1\nuser jane - id", "pairing p1", NULL,
          "held trust.create contoso by p1 config\nwaiting user.add contoso jane config\n" },
        { "not of a denied organization", "trust contoso pairing=p1\nuser jane - id", "pairing p1",
          "deny contoso", "held trust.create contoso by p1 config\nwaiting user.add contoso jane config\n" },
        { "both sides at once", "trust contoso pairing=auto partner\nuser jane Admin/Home id", "", NULL,
          "planned pairing.create contoso jane config\nplanned trust.create contoso config\n"
          "planned user.add contoso jane +Admin/Home config\n" },
        { "both sides, without the partner's client", "trust contoso pairing=auto\nuser jane - id", "", NULL,
          "failed trust.create contoso config\nwaiting user.add contoso jane config\n" },
        { "observe makes no trust", "trust contoso pairing=p1 observe\nuser jane - id", "pairing p1", NULL,
          "held trust.create contoso by p1 config\nheld user.add contoso jane config\n" },

        /* whom we may enter */
        { "our people there", "trustor fabrikam\nuser jane - id\ngroup tier2 - id\nclone jane id",
          "trustor fabrikam\nuser bob\ngroup tier1\nclone bob", NULL,
          "planned user.remove fabrikam bob config\nplanned group.remove fabrikam tier1 config\n"
          "planned clone.remove fabrikam bob config\nplanned user.add fabrikam jane config\n"
          "planned group.add fabrikam tier2 config\nplanned clone.add fabrikam jane config\n" },
        { "somebody who is not ours", "trustor fabrikam\nuser ann -", "trustor fabrikam\nuser bob", NULL,
          "held user.remove fabrikam bob config\nfailed user.add fabrikam ann config\nincomplete\n" },
        { "leaving waits", "trustor fabrikam absent", "trustor fabrikam", NULL,
          "waiting trust.delete fabrikam config\n" },
        { "leaving at once", "trustor fabrikam absent", "trustor fabrikam", "at-once",
          "planned trust.delete fabrikam config\n" },
        { "a trustor that nobody declares", "trustor fabrikam", "trustor fabrikam\ntrustor initech", NULL,
          "skipped trust.delete initech config\n" },
        { "and is not managed", "trust contoso", "trust contoso\ntrustor initech", NULL, "" },
        { "one organization in both directions", "trust contoso users\ntrustor contoso users",
          "trust contoso\nuser ann\ntrustor contoso\nuser bob", NULL,
          "planned user.remove contoso ann config\nplanned user.remove contoso bob config\n" },
        { "a denied user leaves other organizations too", "trustor fabrikam", "trustor fabrikam\nuser jane",
          "deny jane@x.example", "planned user.remove fabrikam jane denied\n" },
        { "no request without a record", "trustor fabrikam request\nasks jane id", "", NULL,
          "waiting pairing.create fabrikam jane config\n" },
        { "a request names people who are not there", "trustor fabrikam request\nasks ann", "", NULL,
          "failed pairing.create fabrikam config\n" },
        { "no request, no trust", "trustor fabrikam users", "", NULL,
          "waiting trust.create fabrikam config\n" },

        /* customer care */
        { "customer care is let in", "care", "", NULL, "planned care.create  config\n" },
        { "not while it may be a denied organization", "care", "trust fabrikam",
          "deny contoso\ndeny fabrikam",
          "planned trust.disable fabrikam denied\nheld care.create  config\n" },
        { "which a trust that is there is not", "care", "trust contoso", "deny contoso",
          "planned trust.disable contoso denied\nplanned care.create  config\n" },
        { "another trust is not customer care", "care\ntrust contoso", "trust contoso", NULL,
          "planned care.create  config\n" },
        { "customer care alone cannot be seen", "care", "care-unknown", NULL,
          "held care.create  config\nincomplete\n" },
        { "customer care may be among the trusts that were not read", "care", "trusts-unknown", NULL,
          "held care.create  config\nincomplete\n" },
        { "whom we enter is no customer care", "care", "trustor vendor care", NULL,
          "planned care.create  config\n" },
        { "customer care is there", "care", "trust vendor care", NULL, "" },
        { "customer care is not to be there", "care absent", "trust vendor care\ntrust contoso", NULL,
          "skipped trust.delete contoso config\nplanned trust.disable vendor config\n" },
        { "customer care that cannot be seen", "care", "partial", NULL,
          "held care.create  config\nincomplete\n" },
        { "customer care is not to be there, where trustees are not listed", "no-trustees\ncare absent",
          "trust vendor care\ntrust contoso", NULL, "planned trust.disable vendor config\n" },
        { "a trust that may be customer care", "trust contoso", "care-unknown\ntrust contoso\ntrust vendor",
          "unlisted", "held trust.disable vendor config\nincomplete\n" },
        { "a trustor is not customer care", "trustor fabrikam",
          "care-unknown\ntrustor contoso\ntrustor fabrikam", "unlisted\nat-once",
          "planned trust.delete contoso config\n" },
        { "customer care that is known among others that are not", "care absent",
          "care-unknown\ntrust vendor care", NULL, "planned trust.disable vendor config\nincomplete\n" },
        { "a declared trust is not customer care", "trust contoso absent", "care-unknown\ntrust contoso",
          "unlisted", "planned trust.disable contoso config\n" },
};

START_TEST(test_diff)
{
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        run_plan(&r, diff_cases[_i].declared, diff_cases[_i].live, diff_cases[_i].policy, NULL);
        put_plan(&got, r.plan);
        ck_assert_msg(strcmp(ts_buf_text(&got), diff_cases[_i].plan) == 0, "%s:\nwanted\n%sgot\n%s",
                      diff_cases[_i].name, diff_cases[_i].plan, ts_buf_text(&got));
}
END_TEST

/* What a re-read is compared with, what is sent, and where a person looks. */
START_TEST(test_what_a_closing_change_carries)
{
        TS_CLEANUP(run_done) struct run open = { 0 }, off = { 0 };
        const struct ts_change *c;

        run_plan(&open, "trust fabrikam\ntrust contoso absent", "trust contoso expires=+3\ntrust fabrikam",
                 "protect jane@x.example", NULL);
        ck_assert_uint_eq(open.plan->n_changes, 1);
        c = &open.plan->changes[0];
        ck_assert_int_eq(c->action, TS_TRUST_DISABLE);
        ck_assert(c->before.enabled && c->before.expires == NOW + 3 * DAY);
        ck_assert(!c->after.enabled && c->after.expires == NOW + 3 * DAY);
        ck_assert(c->changes_enabled && !c->changes_expires);
        ck_assert(c->guards_members);
        ck_assert_str_eq(c->trust_name, "contoso");
        ck_assert_uint_eq(c->source.line, 2);

        run_plan(&off, "trust contoso absent", "trust contoso disabled", "at-once", NULL);
        c = &off.plan->changes[0];
        ck_assert_int_eq(c->action, TS_TRUST_DELETE);
        ck_assert(!c->before.enabled && c->before.expires == TS_TIME_NEVER);
        ck_assert(!c->changes_enabled);
        ck_assert(!c->guards_members);
}
END_TEST

START_TEST(test_what_a_new_trust_carries)
{
        static const struct ts_trust_attributes open = { true, TS_TIME_NEVER },
                                                off = { false, NOW + 9 * DAY };
        TS_CLEANUP(run_done) struct run r = { 0 }, care = { 0 };
        const struct ts_change *c;

        run_plan(&r,
                 "trust contoso pairing=p1\nuser jane - id\nuser ann User/all id\n"
                 "trust fabrikam pairing=p2 enabled=no expires=+9\nuser jane - id",
                 "pairing p1\npairing p2 of=fabrikam", NULL, NULL);
        ck_assert_uint_eq(r.plan->n_changes, 5);
        c = r.plan->changes;
        ck_assert(c[0].action == TS_TRUST_CREATE && c[3].action == TS_TRUST_CREATE);
        ck_assert(c[0].after.enabled == open.enabled && c[0].after.expires == open.expires);
        ck_assert(c[3].after.enabled == off.enabled && c[3].after.expires == off.expires);
        ck_assert(c[1].grants_managed && !c[2].grants_managed);

        run_plan(&care, "care", "", NULL, NULL);
        c = care.plan->changes;
        ck_assert(c->phase == TS_PHASE_ADD && c->auto_expire && !c->assign_default_role);
}
END_TEST

/* One request replaces all grants, so it has to name what is kept, too. */
START_TEST(test_what_somebody_protected_is_sent)
{
        TS_CLEANUP(run_done) struct run r = { 0 };
        const struct ts_change *c;

        run_plan(&r, "trust contoso\nuser jane User/all", "trust contoso\nuser jane Admin/Home",
                 "protect jane@x.example", NULL);
        c = &r.plan->changes[0];
        ck_assert_uint_eq(c->n_after, 2);
        ck_assert(c->grants_after[0].role == 0 && c->grants_after[0].division == 1);
        ck_assert(c->grants_after[1].role == 1 && c->grants_after[1].division == TS_DIVISION_ALL);
        ck_assert_int_eq(c->phase, TS_PHASE_ADD);
        ck_assert(c->grants_managed);
        ck_assert_uint_eq(c->n_removals, 0);
}
END_TEST

/* With a filter nothing else is planned, also of what nobody declares. */
START_TEST(test_filter_of_a_plan)
{
        static const char *const names[] = { "contoso" };
        static const struct ts_trust_filter filter = { names, 1 };
        TS_CLEANUP(run_done) struct run r = { 0 };
        static const struct ts_trust_filter nothing = { NULL, 0 };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = NULL, *all = NULL;

        run_plan(&r, "care", "trust contoso\ntrust fabrikam", "unlisted", NULL);
        ck_assert_uint_eq(r.plan->n_changes, 3);
        plan = ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                                .live = r.live,
                                                .desired = r.desired,
                                                .policy = &r.policy,
                                                .filter = &filter,
                                                .now = NOW });
        ck_assert_uint_eq(plan->n_changes, 0);

        /* a filter that names nothing is none */
        all = ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                               .live = r.live,
                                               .desired = r.desired,
                                               .policy = &r.policy,
                                               .filter = &nothing,
                                               .now = NOW });
        ck_assert_uint_eq(all->n_changes, 3);
}
END_TEST

/* ---------------------------------------------------------------------------------------- drift or config */

static const struct {
        const char *name, *before, *was, *after, *is, *plan;
} reason_cases[] = {
        { "somebody added a user by hand", "trust contoso\nuser ann User/all",
          "trust contoso\nuser ann User/all", "trust contoso\nuser ann User/all",
          "trust contoso\nuser ann User/all\nuser bob", "planned user.remove contoso bob drift\n" },
        { "we stopped declaring a user", "trust contoso\nuser ann User/all\nuser bob -",
          "trust contoso\nuser ann User/all\nuser bob", "trust contoso\nuser ann User/all",
          "trust contoso\nuser ann User/all\nuser bob", "planned user.remove contoso bob config\n" },
        { "somebody removed a user by hand", "trust contoso\nuser ann User/all id",
          "trust contoso\nuser ann User/all", "trust contoso\nuser ann User/all id", "trust contoso",
          "planned user.add contoso ann +User/all drift\n" },
        { "somebody took a grant", "trust contoso\nuser ann User/all Admin/Home",
          "trust contoso\nuser ann User/all Admin/Home", "trust contoso\nuser ann User/all Admin/Home",
          "trust contoso\nuser ann User/all", "planned user.update contoso ann +Admin/Home drift\n" },
        { "a grant of ours and one of somebody else", "trust contoso\nuser ann User/all",
          "trust contoso\nuser ann User/all", "trust contoso\nuser ann User/all Supervisor/all",
          "trust contoso\nuser ann User/all Admin/Home",
          "planned user.update contoso ann +Supervisor/all -Admin/Home(drift) config\n" },
        { "somebody disabled a trust", "trust contoso enabled=yes", "trust contoso",
          "trust contoso enabled=yes", "trust contoso disabled", "planned trust.enable contoso drift\n" },
        { "an expiry that is kept to the minute", "trust contoso expires=+3s20", "trust contoso expires=+3",
          "trust contoso expires=+3s20", "trust contoso expires=+3", "" },
        { "one that is rounded up", "trust contoso expires=+3s-20", "trust contoso expires=+3",
          "trust contoso expires=+3s-20", "trust contoso expires=+3", "" },
        { "another minute", "trust contoso expires=+3s-60", "trust contoso expires=+3s-60",
          "trust contoso expires=+3s-60", "trust contoso expires=+3",
          "planned trust.update contoso expires drift\n" },
        { "one that is no rounding", "trust contoso expires=+3", "trust contoso expires=+3",
          "trust contoso expires=+3", "trust contoso expires=+3s20",
          "planned trust.update contoso expires drift\n" },
        { "no end", "trust contoso expires=never", "trust contoso", "trust contoso expires=never",
          "trust contoso expires=+3", "planned trust.update contoso expires drift\n" },
        { "we changed the expiry", "trust contoso expires=+3", "trust contoso expires=+3",
          "trust contoso expires=+9", "trust contoso expires=+3",
          "planned trust.update contoso expires config\n" },
        { "a trust appeared", "trust contoso", "trust contoso", "trust contoso",
          "trust contoso\ntrust fabrikam", "skipped trust.delete fabrikam drift\n" },
        { "a trust is gone", "trust contoso", "trust contoso", "trust contoso", "",
          "held trust.create contoso drift\n" },
        { "a trust expired", "trust contoso expires=never", "trust contoso", "trust contoso expires=never",
          "trust contoso expires=-1", "held trust.update contoso expires drift\n" },
        { "and is wanted on", "trust contoso expires=-1", "trust contoso expires=-1",
          "trust contoso expires=+9", "trust contoso expires=-1",
          "planned trust.update contoso expires config\n" },
        { "a group was added by hand", "trust contoso\ngroup tier2 -", "trust contoso\ngroup tier2",
          "trust contoso\ngroup tier2 -", "trust contoso\ngroup tier2\ngroup eve",
          "planned group.remove contoso eve drift\n" },
        { "a user and a clone of one id", "trust contoso\nuser jane -\nclone jane",
          "trust contoso\nuser jane\nclone jane", "trust contoso clones\nuser jane -",
          "trust contoso\nuser jane\nclone jane", "planned clone.remove contoso jane config\n" },
        { "a member that left with its window is no drift when it comes back",
          "trust contoso\nuser jane - until=-1\nuser bob -", "trust contoso\nuser bob\nuser jane",
          "trust contoso\nuser jane - until=+1 id\nuser bob -", "trust contoso\nuser bob",
          "planned user.add contoso jane config\n" },
        { "a trust made from a request is gone", "trust contoso pairing=p1\nuser jane -",
          "pairing p1\nasks jane", "trust contoso pairing=p1\nuser jane -", "pairing p1\nasks jane",
          "held trust.create contoso by p1 drift\nwaiting user.add contoso jane drift\n" },
        { "and is declared with another request", "trust contoso pairing=p1\nuser jane -",
          "pairing p1\nasks jane", "trust contoso pairing=p2\nuser jane -", "pairing p2\nasks jane",
          "planned trust.create contoso by p2 config\nplanned user.add contoso jane drift\n" },
        { "we left a trustor, and are in again", "trustor fabrikam\nuser jane - id",
          "trustor fabrikam\nuser jane", "trustor fabrikam\nuser jane - id", "trustor fabrikam",
          "planned user.add fabrikam jane drift\n" },
        { "a trustor is gone", "trustor fabrikam request\nasks jane id", "trustor fabrikam",
          "trustor fabrikam request\nasks jane id", "", "held trust.create fabrikam drift\n" },
        { "a trustor is left after its time", "trustor fabrikam absent", "trustor fabrikam",
          "trustor fabrikam absent", "trustor fabrikam", "planned trust.delete fabrikam config\n" },
        { "customer care went", "care", "trust vendor care", "care", "", "held care.create  drift\n" },
        { "customer care was let in, and went", "care", "", "care", "", "held care.create  drift\n" },
        { "customer care is declared for the first time", "trust contoso", "trust contoso",
          "care\ntrust contoso", "trust contoso", "planned care.create  config\n" },
        { "what we disabled to delete it was enabled again", "trust contoso absent", "trust contoso",
          "trust contoso absent", "trust contoso", "planned trust.disable contoso drift\n" },
        { "what was declared is to go", "trust contoso", "trust contoso", "trust contoso absent",
          "trust contoso", "planned trust.disable contoso config\n" },
        { "a member that was not declared", "trust contoso", "trust contoso\nuser ann User/all",
          "trust contoso\nuser ann Admin/Home", "trust contoso\nuser ann User/all",
          "planned user.update contoso ann +Admin/Home -User/all config\n" },
        { "a trust that was not declared, and who is in it", "", "trust contoso disabled\nuser bob",
          "trust contoso enabled=yes users", "trust contoso disabled\nuser bob",
          "planned user.remove contoso bob config\nplanned trust.enable contoso config\n" },
        /* a key means whom it meant */
        { "an address that is somebody else's now: only those two wait", "trust contoso\nuser ann -",
          "trust contoso\nuser ann", "trust contoso\nuser ann -",
          "trust contoso\nuser bob email=ann@x.example\nuser ann email=old@x.example\nuser eve",
          "waiting user.remove contoso ann drift\nplanned user.remove contoso eve drift\n"
          "waiting user.update contoso ann drift\n" },
        { "and whom it meant left", "trust contoso\nuser ann Admin/Home",
          "trust contoso\nuser ann Admin/Home", "trust contoso\nuser ann Admin/Home",
          "trust contoso\nuser bob email=ann@x.example",
          "waiting user.remove contoso ann drift\nwaiting user.add contoso ann +Admin/Home drift\n" },
        { "an address that nobody has any more", "trust contoso\nuser ann -", "trust contoso\nuser ann",
          "trust contoso\nuser ann -", "trust contoso\nuser ann email=old@x.example\nuser eve",
          "planned user.remove contoso eve drift\nwaiting user.update contoso ann drift\n" },
        { "an account that has no name any more", "trust contoso\ngroup g -", "trust contoso\ngroup g",
          "trust contoso\ngroup g -", "trust contoso\ngroup g name=\ngroup k",
          "planned group.remove contoso k drift\nwaiting group.update contoso g drift\n" },
        { "an account that was deleted, and its address given away", "trust contoso\nuser ann -",
          "trust contoso\nuser ann", "trust contoso\nuser ann -",
          "trust contoso\nuser ann deleted\nuser bob email=ann@x.example\nuser eve",
          "waiting user.remove contoso ann drift\nplanned user.remove contoso eve drift\n"
          "waiting user.update contoso ann drift\n" },
        { "the end of a window is of whom the key meant", "trust contoso\nuser ann -",
          "trust contoso\nuser ann", "trust contoso\nuser ann - until=-1",
          "trust contoso\nuser bob email=ann@x.example\nuser ann email=old@x.example",
          "planned user.remove contoso ann drift\nplanned user.remove contoso old expired\n" },
        { "one of our own people has another address", "trustor fabrikam\nuser ann -",
          "trustor fabrikam\nuser ann", "trustor fabrikam\nuser ann -",
          "trustor fabrikam\nuser ann email=new@x.example\nuser eve",
          "planned user.remove fabrikam eve drift\nfailed user.update fabrikam ann drift\n" },
        { "an id is written: it decides", "trust contoso\nuser ann -", "trust contoso\nuser ann",
          "trust contoso\nuser ann - id",
          "trust contoso\nuser bob email=ann@x.example\nuser ann "
          "email=old@x.example",
          "planned user.remove contoso ann drift\n" },
        { "two keys, one user: the one on record decides", "trust contoso\nuser ann -",
          "trust contoso\nuser ann", "trust contoso\nuser ann -\nuser new@x.example User/Home",
          "trust contoso\nuser ann email=new@x.example",
          "waiting user.update contoso ann drift\nwaiting user.add contoso new +User/Home config\n" },
        { "and the other way round", "trust contoso\nuser ann -", "trust contoso\nuser ann",
          "trust contoso\nuser new@x.example User/Home\nuser ann -",
          "trust contoso\nuser ann email=new@x.example",
          "waiting user.update contoso ann drift\nwaiting user.add contoso new +User/Home config\n" },
        { "the other key was recorded for another one", "trust contoso\nuser ann -\nuser bob -",
          "trust contoso\nuser ann\nuser bob", "trust contoso\nuser ann - id\nuser bob -",
          "trust contoso\nuser ann email=bob@x.example\nuser bob email=old@x.example\nuser eve",
          "planned user.remove contoso eve drift\nwaiting user.update contoso bob drift\n" },
        { "the other key was recorded for the same one: nobody else is meant", "trust contoso\nuser ann -",
          "trust contoso\nuser ann", "trust contoso\nuser new@x.example - id=ann\nuser ann -",
          "trust contoso\nuser ann\nuser eve",
          "planned user.remove contoso eve drift\nwaiting user.add contoso ann config\n" },
        { "a group that has lost its name", "trust contoso\ngroup g -", "trust contoso\ngroup g",
          "trust contoso\ngroup g -", "trust contoso\ngroup g nameless\ngroup k deleted nameless",
          "planned group.remove contoso 6b000000-0000-0000-0000-000000000000 drift\n"
          "waiting group.update contoso g drift\n" },
        { "an e-mail in a trust that is gone", "trust contoso\nuser ann -", "trust contoso\nuser ann",
          "trust contoso\nuser ann -", "",
          "held trust.create contoso drift\nwaiting user.add contoso ann drift\n" },
        { "a key that is protected", "trust contoso\nuser ann -", "trust contoso\nuser ann",
          "trust contoso\nuser ann -", "trust contoso\nuser bob email=ann@x.example",
          "waiting user.remove contoso ann drift\nwaiting user.add contoso ann drift\n" },

        { "customer care came without being declared", "trust contoso", "trust contoso",
          "care absent\ntrust contoso", "trust contoso\ntrust vendor care",
          "planned trust.disable vendor drift\n" },
};

START_TEST(test_reasons)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *last_applied = update_last_applied(
                        reason_cases[_i].before, reason_cases[_i].was, NULL, NULL, TS_APPLIED, NOW - DAY);
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        run_plan(&r, reason_cases[_i].after, reason_cases[_i].is, NULL, last_applied);
        put_plan(&got, r.plan);
        ck_assert_msg(strcmp(ts_buf_text(&got), reason_cases[_i].plan) == 0, "%s:\nwanted\n%sgot\n%s",
                      reason_cases[_i].name, reason_cases[_i].plan, ts_buf_text(&got));
}
END_TEST

/* An end that was put on somebody who was in, and accepted, is a removal when it comes. */
START_TEST(test_accepted_end_counts)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *first =
                        update_last_applied("trust contoso\nuser ann - id", "trust contoso\nuser ann", NULL,
                                            NULL, TS_APPLIED, NOW - DAY);
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *second =
                        update_last_applied("trust contoso\nuser ann - id until=+1",
                                            "trust contoso\nuser ann", NULL, first, TS_APPLIED, NOW);
        TS_CLEANUP(run_done) struct run r = { 0 };

        run_plan(&r, "trust contoso\nuser ann - id until=+1", "now=+2\ntrust contoso\nuser ann", NULL,
                 second);
        ck_assert_uint_eq(r.plan->n_changes, 1);
        ck_assert(r.plan->changes[0].is_accepted);
        ck_assert_uint_eq(r.plan->changes[0].n_removals, 1);
}
END_TEST

/* The record of an older version has no ends: those to come were accepted before, as far as anybody knows; a
 * window that is over is a removal. */
START_TEST(test_record_without_ends)
{
        static const char *const declared =
                        "trust contoso\nuser ann - id until=+1\nuser bob - id until=-1\nuser cid - id";
        static const char *const live = "trust contoso\nuser ann\nuser bob\nuser cid";
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *last_applied =
                        update_last_applied("trust contoso\nuser ann - id\nuser bob - id\nuser cid - id",
                                            live, NULL, NULL, TS_APPLIED, NOW - DAY);
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *next = NULL;
        TS_CLEANUP(run_done) struct run r = { 0 }, known = { 0 };

        run_plan(&known, declared, live, NULL, last_applied);
        ck_assert_uint_eq(known.plan->n_ends, 1);
        ck_assert(known.plan->ends[0].is_new);
        last_applied->lacks_ends = true;
        run_plan(&r, declared, live, NULL, last_applied);
        ck_assert_uint_eq(r.plan->n_ends, 1);
        ck_assert(!r.plan->ends[0].is_new && !r.plan->ends[0].counts);
        ck_assert_uint_eq(r.plan->n_changes, 1);
        ck_assert_uint_eq(r.plan->changes[0].n_removals, 1);
        next = ts_last_applied_update(&(struct ts_last_applied_update_input){ .old = last_applied,
                                                                              .desired = r.desired,
                                                                              .live = r.live,
                                                                              .plan = r.plan,
                                                                              .now = NOW });
        ck_assert(!next->lacks_ends);
        ck_assert_uint_eq(next->n_ends, 1);
}
END_TEST

/* Its key finds the account that it meant, which is not in use. */
START_TEST(test_recorded_and_not_in_use)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *last_applied =
                        update_last_applied("trust contoso\nuser ann -", "trust contoso\nuser ann", NULL,
                                            NULL, TS_APPLIED, NOW - DAY);
        TS_CLEANUP(run_done) struct run r = { 0 };
        struct ts_id ann = id_of("ann");
        struct ts_desired_member *m;

        r.decl = decl_from(&r.arena, "trust contoso\nuser ann -");
        r.live = live_from("trust contoso\nuser ann inactive");
        r.desired = ts_resolve_members(r.decl, r.live, NULL);
        m = &r.desired->trusts[0].users.items[0];
        ts_resolve_found(&r.desired->trusts[0], m, &ann);
        ts_resolve_identity(r.desired, last_applied);
        ck_assert(ts_id_equal(&m->id, &ann) && ts_id_is_nil(&m->other));
        ck_assert_ptr_nonnull(m->live);
        ck_assert(m->moved);
        ck_assert_int_eq(m->problem, TS_WAITING);
        ck_assert_ptr_nonnull(strstr(m->note, "whose account is inactive: it is not written"));
}
END_TEST

/* The account that a key finds now is protected: it stays, and that is why. */
START_TEST(test_key_finds_somebody_protected)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *last_applied =
                        update_last_applied("trust contoso\nuser ann -", "trust contoso\nuser ann", NULL,
                                            NULL, TS_APPLIED, NOW - DAY);
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        run_plan(&r, "trust contoso\nuser ann -",
                 "trust contoso\nuser bob email=ann@x.example\nuser ann email=old@x.example",
                 "protect contoso", last_applied);
        put_plan(&got, r.plan);
        ck_assert_str_eq(ts_buf_text(&got), "held user.remove contoso ann drift\n"
                                            "waiting user.update contoso ann drift\n");
}
END_TEST

START_TEST(test_failed_change_keeps_its_reason)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *first =
                        update_last_applied("trust contoso\nuser ann -\nuser bob -",
                                            "trust contoso\nuser ann\nuser bob", NULL, NULL, TS_APPLIED, NOW);
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *second =
                        update_last_applied("trust contoso\nuser ann -", "trust contoso\nuser ann\nuser bob",
                                            NULL, first, TS_FAILED, NOW);
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        run_plan(&r, "trust contoso\nuser ann -", "trust contoso\nuser ann\nuser bob", NULL, second);
        put_plan(&got, r.plan);
        ck_assert_str_eq(ts_buf_text(&got), "planned user.remove contoso bob config\n");
}
END_TEST

/* One answer said that he was gone already, nothing was sent, and the next list shows him: his removal still
 * is what the declarations ask for. */
START_TEST(test_removal_that_was_not_sent)
{
        static const char *const declared = "trust contoso\nuser ann -\nuser bob - until=-1";
        static const char *const live = "trust contoso\nuser ann\nuser bob\nuser cid";
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *first =
                        update_last_applied("trust contoso\nuser ann -\nuser bob -\nuser cid -", live, NULL,
                                            NULL, TS_APPLIED, NOW - DAY);
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *second = NULL;
        TS_CLEANUP(run_done) struct run r = { 0 }, next = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        run_plan(&r, declared, live, NULL, first);
        ck_assert_uint_eq(r.plan->n_changes, 2);
        for (size_t i = 0; i < r.plan->n_changes; i++)
                r.plan->changes[i].decision = TS_APPLIED;
        second = ts_last_applied_update(&(struct ts_last_applied_update_input){
                        .old = first, .desired = r.desired, .live = r.live, .plan = r.plan, .now = NOW });
        run_plan(&next, "trust contoso\nuser ann -", live, NULL, second);
        put_plan(&got, next.plan);
        ck_assert_str_eq(ts_buf_text(&got), "planned user.remove contoso bob config\n"
                                            "planned user.remove contoso cid config\n");
}
END_TEST

/* What is remembered after up to three cycles, and then the plan. */
static const struct {
        const char *name;
        struct {
                const char *declared, *live, *policy;
        } cycles[3];
        const char *declared, *live, *plan;
} histories[] = {
        { "a window that ended and was made longer",
          { { "trust contoso\nuser jane -\nuser bob -", "trust contoso\nuser bob\nuser jane", NULL },
            { "trust contoso\nuser jane - until=-9\nuser bob -", "trust contoso\nuser bob\nuser jane", NULL },
            { "trust contoso\nuser jane - until=-9 id\nuser bob -", "trust contoso\nuser bob", NULL } },
          "trust contoso\nuser jane - until=+1 id\nuser bob -",
          "trust contoso\nuser bob",
          "planned user.add contoso jane config\n" },
        { "somebody was removed by hand, within the window",
          { { "trust contoso\nuser jane - until=+1", "trust contoso\nuser jane", NULL } },
          "trust contoso\nuser jane - until=+1 id",
          "trust contoso",
          "planned user.add contoso jane drift\n" },
        { "a window has ended, and is made longer before anything happened",
          { { "trust contoso\nuser jane -", "trust contoso\nuser jane", NULL },
            { "trust contoso observe\nuser jane - until=-9", "trust contoso\nuser jane", NULL } },
          "trust contoso\nuser jane - until=+1 id",
          "trust contoso",
          "planned user.add contoso jane drift\n" },
        { "a trust is gone, and stays so",
          { { "trust contoso\nuser jane - id", "trust contoso\nuser jane", NULL },
            { "trust contoso\nuser jane - id", "", NULL },
            { "trust contoso\nuser jane - id", "", NULL } },
          "trust contoso\nuser jane - id",
          "",
          "held trust.create contoso drift\nwaiting user.add contoso jane drift\n" },
        { "a trust that was declared absent is forgotten",
          { { "trust contoso", "trust contoso", NULL }, { "trust contoso absent", "", NULL } },
          "trust contoso",
          "",
          "waiting trust.create contoso config\n" },
        { "a trust that was deleted is forgotten",
          { { "trust contoso absent", "trust contoso disabled", "at-once" } },
          "trust contoso",
          "",
          "waiting trust.create contoso config\n" },
        { "a trust that was never there",
          { { "trust contoso", "", NULL } },
          "trust contoso",
          "",
          "waiting trust.create contoso config\n" },
        { "a trust is left out, and only reported",
          { { "trust contoso", "trust contoso", NULL }, { "", "trust contoso", NULL } },
          "",
          "trust contoso",
          "skipped trust.delete contoso config\n" },
        { "a trust that nobody declares was disabled",
          { { "trust fabrikam", "trust fabrikam", NULL },
            { "trust fabrikam", "trust contoso\ntrust fabrikam", "unlisted" } },
          "trust contoso",
          "trust contoso disabled\ntrust fabrikam",
          "planned trust.enable contoso config\nskipped trust.delete fabrikam config\n" },
        { "what was in the way is gone: it is ours, not drift",
          { { "trust contoso\nuser ann Nobody/Home\nuser eve -\nuser bob Admin/Home",
              "trust contoso\nuser ann\nuser bob ?", NULL } },
          "trust contoso\nuser ann Admin/Home\nuser eve - id\nuser bob Admin/Home",
          "trust contoso\nuser ann\nuser bob",
          "planned user.update contoso ann +Admin/Home config\n"
          "planned user.update contoso bob +Admin/Home config\nplanned user.add contoso eve config\n" },
        { "a member is taken out of the declarations while the list hides him: no drift",
          { { "trust contoso\nuser ann -\nuser bob -", "trust contoso\nuser ann\nuser bob", NULL },
            { "trust contoso\nuser ann -", "trust contoso partial\nuser ann", NULL } },
          "trust contoso\nuser ann -",
          "trust contoso\nuser ann\nuser bob",
          "planned user.remove contoso bob config\n" },
        { "all members are taken out while the list shows nobody",
          { { "trust contoso\nuser ann -\ngroup g -", "trust contoso\nuser ann\ngroup g", NULL },
            { "trust contoso users groups", "trust contoso partial", NULL } },
          "trust contoso users groups",
          "trust contoso\nuser ann\ngroup g",
          "planned user.remove contoso ann config\nplanned group.remove contoso g config\n" },
        { "a window ends while the list hides the member, and his entry goes",
          { { "trust contoso\nuser ann - id", "trust contoso\nuser ann", NULL },
            { "trust contoso\nuser ann - id until=-9", "trust contoso partial", NULL } },
          "trust contoso users",
          "trust contoso\nuser ann",
          "planned user.remove contoso ann config\n" },
        { "who left while the list was complete is a stranger when he is there again",
          { { "trust contoso\nuser ann -", "trust contoso\nuser ann", NULL },
            { "trust contoso users", "trust contoso", NULL } },
          "trust contoso users",
          "trust contoso\nuser ann",
          "planned user.remove contoso ann drift\n" },
        { "who is to go, and is shown by a list that is incomplete, is on record once",
          { { "trust contoso\nuser ann -\nuser bob -", "trust contoso\nuser ann\nuser bob", NULL },
            { "trust contoso\nuser ann -", "trust contoso partial\nuser ann\nuser bob", NULL } },
          "trust contoso\nuser ann -",
          "trust contoso\nuser ann\nuser bob",
          "planned user.remove contoso bob config\n" },
        { "a new declaration that cannot be carried out forgets nobody",
          { { "trust contoso\nuser ann -", "trust contoso\nuser ann", NULL },
            { "trust contoso\nuser ann Nobody/Home", "trust contoso\nuser ann", NULL } },
          "trust contoso\nuser ann - id",
          "trust contoso",
          "planned user.add contoso ann drift\n" },
        { "two entries for one id keep one record",
          { { "trust contoso\nuser ann -", "trust contoso\nuser ann", NULL },
            { "trust contoso\nuser a - id=ann\nuser b - id=ann", "trust contoso\nuser ann", NULL } },
          "trust contoso\nuser ann - id",
          "trust contoso",
          "planned user.add contoso ann drift\n" },
        { "two trusts are made: neither opens the other",
          { { "trust contoso pairing=p1\nuser jane -\ntrust fabrikam\nuser ann - id",
              "pairing p1\nasks jane\ntrust fabrikam", NULL } },
          "trust contoso pairing=p1\nuser jane -\ntrust fabrikam\nuser ann - id",
          "trust contoso disabled\nuser jane\ntrust fabrikam\nuser ann",
          "" },
        { "the first list was incomplete: who was there before he was declared is no drift",
          { { "trust contoso\nuser ann -", "trust contoso partial\nuser ann", NULL } },
          "trust contoso\nuser ann -",
          "trust contoso\nuser ann\nuser bob",
          "planned user.remove contoso bob config\n" },
        { "customer care went, and stays away",
          { { "care", "trust vendor care", NULL }, { "care", "", NULL }, { "care", "", NULL } },
          "care",
          "",
          "held care.create  drift\n" },
        { "grants were left out, and are declared now",
          { { "trust contoso\nuser ann -", "trust contoso\nuser ann User/all", NULL } },
          "trust contoso\nuser ann Admin/Home",
          "trust contoso\nuser ann User/all",
          "planned user.update contoso ann +Admin/Home -User/all config\n" },
        { "users were left out, and are declared now",
          { { "trust contoso", "trust contoso\nuser bob", NULL } },
          "trust contoso users",
          "trust contoso\nuser bob",
          "planned user.remove contoso bob config\n" },
        { "it was off, and is to go now: its time begins",
          { { "trust contoso enabled=no", "trust contoso disabled", NULL } },
          "trust contoso absent",
          "trust contoso disabled",
          "waiting trust.delete contoso config\n" },
        { "a trust that we made a request for is gone",
          { { "trust contoso pairing=auto partner\nuser jane -", "trust contoso\nuser jane", NULL } },
          "trust contoso pairing=auto partner\nuser jane - id",
          "",
          "held trust.create contoso drift\nwaiting user.add contoso jane drift\n" },
        { "somebody who was denied, and is not any more",
          { { "trust contoso\nuser jane - id", "trust contoso\nuser jane", NULL },
            { "trust contoso\nuser jane - id", "trust contoso\nuser jane", "deny jane@x.example" },
            { "trust contoso\nuser jane - id", "trust contoso", "deny jane@x.example" } },
          "trust contoso\nuser jane - id",
          "trust contoso",
          "planned user.add contoso jane config\n" },
        { "a window that ends while the clocks differ",
          { { "trust contoso\nuser jane -", "trust contoso\nuser jane", NULL },
            { "trust contoso\nuser jane - until=-9 id", "skew\ntrust contoso", NULL } },
          "trust contoso\nuser jane - id",
          "trust contoso",
          "planned user.add contoso jane drift\n" },
        { "two keys for one user keep one record",
          { { "trust contoso\nuser jane -", "trust contoso\nuser jane", NULL },
            { "trust contoso\nuser jane -\nuser jane - id", "trust contoso\nuser jane", NULL } },
          "trust contoso\nuser jane - id",
          "trust contoso",
          "planned user.add contoso jane drift\n" },
        { "a denied organization that nobody declares is remembered for nothing",
          { { "", "trust contoso", "deny contoso" }, { "", "trust contoso disabled", "deny contoso" } },
          "trust contoso absent",
          "trust contoso disabled",
          "waiting trust.delete contoso config\n" },
        { "it was put on again by us",
          { { "trust contoso absent", "trust contoso", NULL },
            { "trust contoso", "trust contoso disabled", NULL },
            { "trust contoso", "trust contoso disabled", NULL } },
          "trust contoso",
          "trust contoso disabled",
          "" },
        { "deny was lifted",
          { { "trust contoso enabled=yes", "trust contoso", NULL },
            { "trust contoso enabled=yes", "trust contoso", "deny contoso" },
            { "trust contoso enabled=yes", "trust contoso disabled", "deny contoso" } },
          "trust contoso enabled=yes",
          "trust contoso disabled",
          "planned trust.enable contoso config\n" },
        { "absent, present while it could not be enabled, absent again: its time begins anew",
          { { "trust contoso absent", "trust contoso", NULL },
            { "trust contoso expires=-1", "trust contoso disabled expires=-1", NULL },
            { "trust contoso absent", "trust contoso disabled expires=-1", NULL } },
          "trust contoso absent",
          "trust contoso disabled expires=-1",
          "waiting trust.delete contoso config\n" },
        { "absent, then off by a declaration, then left out: it stays off",
          { { "trust contoso absent", "trust contoso", NULL },
            { "trust contoso enabled=no", "trust contoso disabled", NULL } },
          "trust contoso",
          "trust contoso disabled",
          "" },
        { "its time runs from when we disabled it",
          { { "trust contoso absent", "trust contoso", NULL },
            { "trust contoso absent observe", "trust contoso disabled", NULL } },
          "trust contoso absent",
          "trust contoso disabled",
          "planned trust.delete contoso config\n" },
        { "or from when it was to go",
          { { "trust contoso enabled=no", "trust contoso disabled", NULL },
            { "trust contoso absent", "trust contoso disabled", NULL },
            { "trust contoso absent observe", "trust contoso disabled", NULL } },
          "trust contoso absent",
          "trust contoso disabled",
          "planned trust.delete contoso config\n" },
        { "we disabled it cycles ago, and it may stay",
          { { "trust contoso absent", "trust contoso", NULL },
            { "trust contoso absent observe", "trust contoso disabled", NULL } },
          "trust contoso",
          "trust contoso disabled",
          "planned trust.enable contoso config\n" },
        { "somebody else had disabled it, and it may stay",
          { { "trust contoso absent", "trust contoso disabled", NULL },
            { "trust contoso absent observe", "trust contoso disabled", NULL } },
          "trust contoso",
          "trust contoso disabled",
          "" },
        { "we were not to disable it, and somebody else did",
          { { "trust contoso absent observe", "trust contoso", NULL } },
          "trust contoso",
          "trust contoso disabled",
          "" },
        { "a window has ended, and somebody has gone by other hands",
          { { "trust contoso\nuser jane -", "trust contoso\nuser jane", NULL },
            { "trust contoso\nuser jane - until=-9 id", "trust contoso", NULL } },
          "trust contoso\nuser jane - until=+1 id",
          "trust contoso",
          "planned user.add contoso jane config\n" },
        { "it was off before it was to go: it stays off when it is declared again",
          { { "trust contoso enabled=no", "trust contoso disabled", NULL },
            { "trust contoso absent", "trust contoso disabled", NULL } },
          "trust contoso",
          "trust contoso disabled",
          "" },
        { "a trust that nobody declared was deleted, and is forgotten",
          { { "trust fabrikam", "trust contoso\ntrust fabrikam", "unlisted\nat-once" } },
          "trust contoso\ntrust fabrikam",
          "trust fabrikam",
          "waiting trust.create contoso config\n" },
        { "absent, then declared again, and somebody else has put it on",
          { { "trust contoso absent", "trust contoso", NULL } },
          "trust contoso",
          "trust contoso",
          "" },
        { "and it is off later: that was not us",
          { { "trust contoso absent", "trust contoso", NULL }, { "trust contoso", "trust contoso", NULL } },
          "trust contoso",
          "trust contoso disabled",
          "" },
        { "absent, gone, and made anew from another request: it is off, and that was not us",
          { { "trust contoso absent", "trust contoso", NULL },
            { "trust contoso pairing=p1\nuser jane -", "pairing p1\nasks jane", NULL } },
          "trust contoso pairing=p1\nuser jane -",
          "trust contoso disabled\nuser jane",
          "" },
        { "customer care was let go, and may come again",
          { { "care", "trust vendor care", NULL }, { "care absent", "trust vendor care", NULL } },
          "care",
          "",
          "planned care.create  config\n" },
        { "customer care among others, and it went",
          { { "care", "trust contoso\ntrust vendor care", NULL } },
          "care\ntrust contoso",
          "trust contoso",
          "held care.create  drift\n" },
        { "no time is recorded by a clock that is wrong",
          { { "trust contoso absent", "skew\ntrust contoso", NULL },
            { "trust contoso absent", "skew\ntrust contoso disabled", NULL } },
          "trust contoso absent",
          "trust contoso disabled",
          "waiting trust.delete contoso config\n" },
};

/* The cycles lie two days apart, so that whatever waits for a day has waited. */
START_TEST(test_history)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = NULL;
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        for (int i = 0; i < 3 && histories[_i].cycles[i].declared; i++) {
                bool is_last = i == 2 || !histories[_i].cycles[i + 1].declared;
                struct ts_last_applied *next = update_last_applied(
                                histories[_i].cycles[i].declared, histories[_i].cycles[i].live,
                                histories[_i].cycles[i].policy, last_applied, TS_APPLIED,
                                is_last ? NOW - 60 : NOW - (6 - 2 * i) * DAY);

                ts_last_applied_free(last_applied);
                last_applied = next;
        }
        run_plan(&r, histories[_i].declared, histories[_i].live, NULL, last_applied);
        put_plan(&got, r.plan);
        ck_assert_msg(strcmp(ts_buf_text(&got), histories[_i].plan) == 0, "%s:\nwanted\n%sgot\n%s",
                      histories[_i].name, histories[_i].plan, ts_buf_text(&got));
}
END_TEST

START_TEST(test_damaged_record_opens_nothing_that_had_expired)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(run_done) struct run damaged = { 0 }, live = { 0 }, fresh = { 0 };

        run_plan(&fresh, "trust contoso expires=+9", "trust contoso expires=-1", NULL, last_applied);
        ck_assert_int_eq(ts_change_result(&fresh.plan->changes[0]), TS_PLANNED);
        last_applied->status = TS_LAST_APPLIED_DAMAGED;
        run_plan(&damaged, "trust contoso expires=+9", "trust contoso expires=-1", NULL, last_applied);
        ck_assert_int_eq(ts_change_result(&damaged.plan->changes[0]), TS_HELD);
        run_plan(&live, "trust contoso expires=+9", "trust contoso expires=+3", NULL, last_applied);
        ck_assert_int_eq(ts_change_result(&live.plan->changes[0]), TS_PLANNED);
}
END_TEST

/* A request that is remembered, made @n times. */
static struct ts_last_applied *record_request(const char *declared, const char *id, unsigned n)
{
        struct ts_last_applied *m = NULL;

        for (unsigned i = 0; i < n; i++) {
                TS_CLEANUP(run_done) struct run r = { 0 };
                TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = m ? m : ts_last_applied_new();

                old->writable = true;
                run_plan(&r, declared, "", NULL, old);
                ck_assert_int_eq(r.plan->changes[0].action, TS_PAIRING_CREATE);
                r.plan->changes[0].decision = TS_APPLIED;
                outcome_of(r.plan, &r.plan->changes[0])->pairing_id =
                                id_of(i + 1 == n ? id : (i % 2 ? "odd" : "even"));
                outcome_of(r.plan, &r.plan->changes[0])->pairing_created = NOW;
                m = ts_last_applied_update(&(struct ts_last_applied_update_input){ .old = old,
                                                                                   .desired = r.desired,
                                                                                   .live = r.live,
                                                                                   .plan = r.plan,
                                                                                   .now = NOW });
        }
        return m;
}

static const struct {
        const char *name, *declared;
        unsigned n_made;
        const char *live, *plan;
} request_cases[] = {
        { "the first request", "trustor fabrikam request\nasks jane id", 0, "",
          "planned pairing.create fabrikam jane config\n" },
        { "it is open", "trustor fabrikam request\nasks jane id", 1, "pairing p1\nasks jane",
          "waiting pairing.create fabrikam jane by p1 config\n" },
        { "it is open, for two", "trustor fabrikam request\nasks jane id\nasks bob id", 1,
          "pairing p1\nasks bob\nasks jane", "waiting pairing.create fabrikam bob jane by p1 config\n" },
        { "it is open, for one too few", "trustor fabrikam request\nasks jane id\nasks bob id", 1,
          "pairing p1\nasks jane", "planned pairing.create fabrikam bob jane config\n" },
        { "it lapsed", "trustor fabrikam request\nasks jane id", 1, "pairing p1 gone",
          "planned pairing.create fabrikam jane config\n" },
        { "it is open and names others", "trustor fabrikam request\nasks jane id", 1, "pairing p1\nasks bob",
          "planned pairing.create fabrikam jane config\n" },
        { "it is open, for one too many", "trustor fabrikam request\nasks jane id", 1,
          "pairing p1\nasks bob\nasks jane", "planned pairing.create fabrikam jane config\n" },
        { "it is open, for another group", "trustor fabrikam request\nasks jane id\nasks-group tier2 id", 1,
          "pairing p1\nasks jane\nasks-group tier1", "planned pairing.create fabrikam jane config\n" },
        { "it is open, for the same group", "trustor fabrikam request\nasks jane id\nasks-group tier2 id", 1,
          "pairing p1\nasks jane\nasks-group tier2", "waiting pairing.create fabrikam jane by p1 config\n" },
        { "a group of that name is not there", "trustor fabrikam request\nasks jane id\nasks-group tier2", 0,
          "", "failed pairing.create fabrikam jane config\n" },
        { "observe", "trustor fabrikam observe request\nasks jane id", 0, "",
          "held pairing.create fabrikam jane config\n" },
        { "it cannot be read", "trustor fabrikam request\nasks jane id", 1, "pairing p1 unread",
          "failed pairing.create fabrikam jane config\n" },
        { "renewed for the fifth time", "trustor fabrikam request\nasks jane id", 5, "pairing p1 gone",
          "planned pairing.create fabrikam jane config\n" },
        { "and not a sixth time", "trustor fabrikam request\nasks jane id", 6, "pairing p1 gone",
          "waiting pairing.create fabrikam jane config\n" },
        { "killed between request and trust", "trust contoso pairing=auto partner\nuser jane - id", 1,
          "pairing p1\nasks jane",
          "planned trust.create contoso by p1 config\nplanned user.add contoso jane config\n" },
        { "killed, and the request cannot be read", "trust contoso pairing=auto partner\nuser jane - id", 1,
          "pairing p1 unread", "failed trust.create contoso config\nwaiting user.add contoso jane config\n" },
        { "killed, and the request lapsed", "trust contoso pairing=auto partner\nuser jane - id", 1,
          "pairing p1 gone",
          "planned pairing.create contoso jane config\nplanned trust.create contoso config\n"
          "planned user.add contoso jane config\n" },
};

START_TEST(test_requests)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *m =
                        record_request(request_cases[_i].declared, "p1", request_cases[_i].n_made);
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        if (!m) {
                m = ts_last_applied_new();
                m->writable = true;
        }
        run_plan(&r, request_cases[_i].declared, request_cases[_i].live, NULL, m);
        put_plan(&got, r.plan);
        ck_assert_msg(strcmp(ts_buf_text(&got), request_cases[_i].plan) == 0, "%s:\nwanted\n%sgot\n%s",
                      request_cases[_i].name, request_cases[_i].plan, ts_buf_text(&got));
}
END_TEST

/* What a person reads: the note of each change that has one. */
static const struct {
        const char *name, *declared;
        unsigned n_made; /* requests that are remembered */
        bool is_unwritable;
        const char *live;
} note_cases[] = {
        { "a request of somebody else", "trust contoso pairing=p1\nuser jane - id", 0, false,
          "pairing p1 of=evil" },
        { "and its name", "trust contoso pairing=p1\nuser jane - id", 0, false,
          "pairing p1 of=evil named=Evil" },
        { "a request that shows only online", "trust contoso pairing=p1\nuser jane - id", 0, false,
          "offline" },
        { "a request of ours does not have to be shown", "trust contoso pairing=auto partner\nuser jane - id",
          0, false, "offline" },
        { "until when a request is open", "trustor fabrikam request\nasks jane id", 1, false,
          "pairing p1\nasks jane" },
        { "nobody says until when", "trustor fabrikam request\nasks jane id", 1, false,
          "pairing p1 undated\nasks jane" },
        { "its id could not be kept", "trustor fabrikam request\nasks jane id", 0, true, "" },
        { "nor that of another one", "trustor fabrikam request\nasks jane id", 1, true, "pairing p1 gone" },
};

START_TEST(test_notes)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *m = record_request(note_cases[_i].declared, "p1", note_cases[_i].n_made);
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        if (!m)
                m = ts_last_applied_new();
        m->writable = !note_cases[_i].is_unwritable;
        run_plan(&r, note_cases[_i].declared, note_cases[_i].live, NULL, m);
        for (size_t i = 0; i < r.plan->n_changes; i++)
                if (r.plan->changes[i].note)
                        ts_buf_printf(&got, "%s: %s\n", ts_action_to_string(r.plan->changes[i].action),
                                      r.plan->changes[i].note);
        message_is(note_cases[_i].name, ts_buf_text(&got));
}
END_TEST

/* A request is counted once, also when it is on record before its cycle ends; one not made is none. */
START_TEST(test_request_on_record)
{
        static const char *const declared = "trust contoso pairing=auto partner\nuser jane - id";
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *failed = update_last_applied(declared, "", NULL, NULL, TS_FAILED, NOW);
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *made = record_request(declared, "p1", 1);
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *again =
                        update_last_applied(declared, "pairing p1\nasks jane", NULL, made, TS_FAILED, NOW);
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *once = NULL;
        TS_CLEANUP(run_done) struct run r = { 0 };

        ck_assert_uint_eq(failed->n_trusts, 0);

        ck_assert_uint_eq(again->n_trusts, 1); /* it stays known while the trust cannot be made */
        ck_assert_mem_eq(again->trusts[0].pairing.id.bytes, "p1", 3);
        ck_assert_uint_eq(again->trusts[0].pairing.n_created, 1);

        old->writable = true;
        run_plan(&r, declared, "", NULL, old);
        ck_assert_int_eq(r.plan->changes[0].action, TS_PAIRING_CREATE);
        r.plan->changes[0].decision = TS_APPLIED;
        outcome_of(r.plan, &r.plan->changes[0])->pairing_id = id_of("p1");
        ts_last_applied_update_pairing(old, &r.plan->changes[0]);
        ck_assert_int_eq(r.plan->changes[1].action, TS_TRUST_CREATE);
        r.plan->changes[1].decision = TS_FAILED;
        once = ts_last_applied_update(&(struct ts_last_applied_update_input){
                        .old = old, .desired = r.desired, .live = r.live, .plan = r.plan, .now = NOW });
        ck_assert_uint_eq(once->n_trusts, 1);
        ck_assert_mem_eq(once->trusts[0].pairing.id.bytes, "p1", 3);
        ck_assert_uint_eq(once->trusts[0].pairing.n_created, 1);
}
END_TEST

/* A request of ours that is not declared any more says nothing of the trust. */
START_TEST(test_request_that_is_not_declared)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *m = record_request("trustor fabrikam request\nasks jane id", "p1", 1);
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        run_plan(&r, "trustor fabrikam", "", NULL, m);
        put_plan(&got, r.plan);
        ck_assert_str_eq(ts_buf_text(&got), "waiting trust.create fabrikam config\n");
}
END_TEST

/* A removal that was tried and has failed is outstanding, also when a window asked for it. */
START_TEST(test_window_whose_end_failed)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *first =
                        update_last_applied("trust contoso\nuser jane -", "trust contoso\nuser jane", NULL,
                                            NULL, TS_APPLIED, NOW);
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *second =
                        update_last_applied("trust contoso\nuser jane - until=-1", "trust contoso\nuser jane",
                                            NULL, first, TS_FAILED, NOW);

        ck_assert_uint_eq(second->trusts[0].users.n, 1);
}
END_TEST

/* What somebody else has put on again is not what we put on. */
START_TEST(test_note_of_a_trust_that_is_on)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *m = update_last_applied("trust contoso absent", "trust contoso", NULL, NULL,
                                                        TS_APPLIED, NOW);
        TS_CLEANUP(run_done) struct run on = { 0 }, off = { 0 };

        run_plan(&on, "trust contoso expires=+9", "trust contoso expires=+3", NULL, m);
        ck_assert_int_eq(on.plan->changes[0].action, TS_TRUST_UPDATE);
        ck_assert_ptr_null(on.plan->changes[0].note);
        run_plan(&off, "trust contoso expires=+9", "trust contoso disabled expires=+3", NULL, m);
        ck_assert_int_eq(off.plan->changes[0].action, TS_TRUST_ENABLE);
        ck_assert_ptr_nonnull(off.plan->changes[0].note);
        message_is("a trust that is off", off.plan->changes[0].note);
}
END_TEST

/* A trust that nobody declares, and that is only reported, is remembered only when it once was declared. */
START_TEST(test_record_of_what_is_only_reported)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *never = update_last_applied("", "trust contoso", NULL, NULL, TS_APPLIED, NOW);
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *first =
                        update_last_applied("trust contoso", "trust contoso", NULL, NULL, TS_APPLIED, NOW);
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *once = update_last_applied("", "trust contoso", NULL, first, TS_APPLIED, NOW);

        ck_assert_uint_eq(never->n_trusts, 0);
        ck_assert_uint_eq(once->n_trusts, 1);
        ck_assert(once->trusts[0].declared);
        ck_assert_int_eq(once->trusts[0].disabled_at, 0);
}
END_TEST

/* A disabling that failed leaves no time behind, from which a deletion could be due. */
START_TEST(test_disabling_that_failed)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *m = update_last_applied("trust contoso absent", "trust contoso", NULL, NULL,
                                                        TS_FAILED, NOW);

        ck_assert_uint_eq(m->n_trusts, 1);
        ck_assert_int_eq(m->trusts[0].disabled_at, 0);
        ck_assert(!m->trusts[0].disabled_by_us);
}
END_TEST

/* A run that names no trust is about all of them. */
START_TEST(test_record_without_a_name)
{
        static const struct ts_trust_filter nothing = { NULL, 0 };
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *old =
                        update_last_applied("care\ntrust contoso", "trust contoso\ntrust vendor care", NULL,
                                            NULL, TS_APPLIED, NOW);
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *new = NULL;

        run_plan(&r, "", "", NULL, old);
        new = ts_last_applied_update(&(struct ts_last_applied_update_input){ .old = old,
                                                                             .desired = r.desired,
                                                                             .live = r.live,
                                                                             .plan = r.plan,
                                                                             .filter = &nothing,
                                                                             .now = NOW });
        ck_assert(old->care_declared && !new->care_declared);
        ck_assert_uint_eq(old->n_trusts, 1);
        ck_assert_uint_eq(new->n_trusts, 0);
}
END_TEST

/* Its options apply when it is created: another wish is only told. */
static const struct {
        const char *message, *declared, *live; /* the name of the message; NULL: none */
} care_cases[] = {
        { NULL, "care", "trust vendor care expires=+1" },
        { NULL, "care stays", "trust vendor care" },
        { NULL, "care absent", "trust vendor care default-role" },
        { "an end that there should be", "care", "trust vendor care" },
        { "an end that there should not be", "care stays", "trust vendor care expires=+1" },
        { "a default role that there should not be", "care", "trust vendor care default-role expires=+1" },
        { "a default role that there should be", "care default-role", "trust vendor care expires=+1" },
};

START_TEST(test_options_of_customer_care)
{
        TS_CLEANUP(run_done) struct run r = { 0 };

        run_plan(&r, care_cases[_i].declared, care_cases[_i].live, NULL, NULL);
        ck_assert_uint_eq(r.plan->n_messages, care_cases[_i].message != NULL);
        if (care_cases[_i].message)
                message_is(care_cases[_i].message, r.plan->messages[0].text);
}
END_TEST

static const struct {
        const char *name, *declared, *live;
        int64_t boundary; /* days from now; TS_TIME_NEVER: none */
} boundary_cases[] = {
        { "none", "trust contoso\nuser jane -", "trust contoso\nuser jane", TS_TIME_NEVER },
        { "the nearest one", "trust contoso\nuser jane - until=+3\nuser bob - id from=+2 until=+9",
          "trust contoso\nuser jane", 2 },
        { "not of whom nobody knows", "trust contoso\nuser jane - from=+1 until=+2", "trust contoso",
          TS_TIME_NEVER },
        { "nor the present", "trust contoso\nuser jane - id until=+0", "trust contoso", TS_TIME_NEVER },
        { "not one that is over", "trust contoso\nuser jane - id until=-3\ngroup tier2 - until=+4",
          "trust contoso\ngroup tier2", 4 },
};

static const struct {
        const char *name, *declared, *live;
        size_t n;
} alarm_cases[] = {
        { "nothing unasked", "trust contoso", "trust contoso", 0 },
        { "a default role", "trust contoso", "trust contoso default-role", 1 },
        { "full access as well", "trust contoso", "trust contoso default-role full-access", 2 },
        { "trusted user access", "trust contoso", "trust contoso trusted-user", 1 },
        { "a trustor's are its own", "trustor fabrikam", "trustor fabrikam default-role full-access", 0 },
        { "customer care may", "trust contoso", "trust contoso care default-role full-access trusted-user",
          0 },
        { "a trust that nobody declares is told otherwise", "", "trust contoso full-access", 0 },
};

START_TEST(test_alarms)
{
        TS_CLEANUP(run_done) struct run r = { 0 };
        size_t n = 0;

        run_plan(&r, alarm_cases[_i].declared, alarm_cases[_i].live, NULL, NULL);
        for (size_t i = 0; i < r.plan->n_messages; i++)
                n += strncmp(r.plan->messages[i].text, "ALARM", 5) == 0;
        ck_assert_msg(n == alarm_cases[_i].n, "%s: %zu", alarm_cases[_i].name, n);
}
END_TEST

static const struct {
        const char *name, *declared, *live;
        size_t n;
} window_cases[] = {
        { "over, and no member", "trust contoso\nuser jane - id until=-1", "trust contoso", 1 },
        { "over, and a member still", "trust contoso\nuser jane - until=-1", "trust contoso\nuser jane", 0 },
        { "not begun", "trust contoso\nuser jane - id from=+1 until=+2", "trust contoso", 0 },
        { "not begun, and without an end", "trust contoso\nuser jane - id from=+1", "trust contoso", 0 },
        { "over just now", "trust contoso\nuser jane - id until=+0", "trust contoso", 1 },
        { "clocks that differ", "trust contoso\nuser jane - id until=-1", "skew\ntrust contoso", 0 },
};

START_TEST(test_window_that_is_over)
{
        TS_CLEANUP(run_done) struct run r = { 0 };
        size_t n = 0;

        run_plan(&r, window_cases[_i].declared, window_cases[_i].live, NULL, NULL);
        for (size_t i = 0; i < r.plan->n_messages; i++)
                n += strstr(r.plan->messages[i].text, "jane") != NULL;
        if (n > 0)
                message_is(window_cases[_i].name, r.plan->messages[0].text);
        ck_assert_msg(n == window_cases[_i].n, "%s: %zu", window_cases[_i].name, n);
}
END_TEST

START_TEST(test_next_boundary)
{
        TS_CLEANUP(run_done) struct run r = { 0 };
        int64_t days = boundary_cases[_i].boundary;

        run_plan(&r, boundary_cases[_i].declared, boundary_cases[_i].live, NULL, NULL);
        ck_assert_msg(r.plan->next_boundary == (days == TS_TIME_NEVER ? days : NOW + days * DAY),
                      "%s: %" PRId64, boundary_cases[_i].name, r.plan->next_boundary);
}
END_TEST

START_TEST(test_deletion_waits_its_time)
{
        static const char *const absent = "trust contoso absent";
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *m =
                        update_last_applied(absent, "trust contoso", NULL, NULL, TS_APPLIED, NOW - DAY + 60);
        TS_CLEANUP(run_done)
        struct run unknown = { 0 }, early = { 0 }, due = { 0 }, skewed = { 0 }, unwritable = { 0 },
                   back = { 0 };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *fresh = ts_last_applied_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        fresh->writable = true;
        run_plan(&unknown, absent, "trust contoso disabled", NULL, fresh);
        put_plan(&got, unknown.plan);
        ck_assert_str_eq(ts_buf_text(&got), "waiting trust.delete contoso config\n");

        ts_buf_reset(&got);
        run_plan(&early, absent, "trust contoso disabled", NULL, m);
        put_plan(&got, early.plan);
        ck_assert_str_eq(ts_buf_text(&got), "waiting trust.delete contoso config\n");
        ck_assert_int_eq(early.plan->next_boundary, NOW + 60);

        m->trusts[0].disabled_at = NOW - DAY;
        ts_buf_reset(&got);
        run_plan(&due, absent, "trust contoso disabled", NULL, m);
        put_plan(&got, due.plan);
        ck_assert_str_eq(ts_buf_text(&got), "planned trust.delete contoso config\n");

        ts_buf_reset(&got);
        run_plan(&skewed, absent, "skew\ntrust contoso disabled", NULL, m);
        put_plan(&got, skewed.plan);
        ck_assert_str_eq(ts_buf_text(&got), "waiting trust.delete contoso config\n");

        m->writable = false; /* the time of another disabling could not be kept */
        ts_buf_reset(&got);
        run_plan(&unwritable, absent, "trust contoso disabled", NULL, m);
        put_plan(&got, unwritable.plan);
        ck_assert_str_eq(ts_buf_text(&got), "waiting trust.delete contoso config\n");

        ts_buf_reset(&got);
        run_plan(&back, "trust contoso", "trust contoso disabled", NULL, m);
        put_plan(&got, back.plan);
        ck_assert_str_eq(ts_buf_text(&got), "planned trust.enable contoso config\n");
}
END_TEST

/* ------------------------------------------------------------------------------------------------- limits */

static const struct {
        const char *name, *before, *was, *declared, *live, *policy;
        unsigned used, used_trusts; /* of the rolling day */
        const char *plan;
} limit_cases[] = {
        { "at the limit", NULL, NULL, "trust contoso users", "trust contoso\nuser ann\nuser bob",
          "limits 2 20 3 25", 0, 0,
          "planned user.remove contoso ann config\nplanned user.remove contoso bob config\n" },
        { "one over the limit of a cycle", NULL, NULL, "trust contoso users",
          "trust contoso\nuser ann\nuser bob", "limits 1 20 3 25", 0, 0,
          "planned user.remove contoso ann config\nplanned user.remove contoso bob config\n"
          "refused acme removals_per_cycle 2 of 1\n"
          "nothing is written\n" },
        { "grants count", NULL, NULL, "trust contoso\nuser ann .",
          "trust contoso\nuser ann Admin/Home User/all", "limits 1 20 3 25", 0, 0,
          "planned user.update contoso ann -Admin/Home -User/all config\nrefused acme removals_per_cycle 2 "
          "of 1\n"
          "nothing is written\n" },
        { "what goes with a removed member is not counted again", NULL, NULL, "trust contoso users",
          "trust contoso\nuser ann Admin/Home User/all Supervisor/all", "limits 1 20 3 25", 0, 0,
          "planned user.remove contoso ann config\n" },
        { "over the limit of the day", NULL, NULL, "trust contoso users", "trust contoso\nuser ann\nuser bob",
          "limits 10 5 3 25", 4, 0,
          "planned user.remove contoso ann config\nplanned user.remove contoso bob config\n"
          "refused acme removals_per_day 6 of 5\n"
          "nothing is written\n" },
        { "nothing to remove is never refused", NULL, NULL, "trust contoso\nuser ann User/all",
          "trust contoso\nuser ann", "limits 0 0 0 0", 9, 9,
          "planned user.update contoso ann +User/all config\n" },
        { "trusts a day", NULL, NULL, "trust contoso absent", "trust contoso", "limits 10 20 3 25", 3, 3,
          "planned trust.disable contoso config\nrefused acme trust_removals_per_day 4 of 3\n"
          "nothing is written\n" },
        { "a past expiry is the removal of a trust", NULL, NULL, "trust contoso expires=-1", "trust contoso",
          "limits 10 20 0 25", 0, 0,
          "planned trust.update contoso expires config\nrefused acme trust_removals_per_day 1 of 0\n"
          "nothing is written\n" },
        { "a trust that is off by its declaration", NULL, NULL, "trust contoso enabled=no", "trust contoso",
          "limits 10 20 0 25", 0, 0,
          "planned trust.disable contoso config\nrefused acme trust_removals_per_day 1 of 0\n"
          "nothing is written\n" },
        { "an expiry at this moment is one as well", NULL, NULL, "trust contoso expires=+0", "trust contoso",
          "limits 10 20 0 25", 0, 0,
          "planned trust.update contoso expires config\nrefused acme trust_removals_per_day 1 of 0\n"
          "nothing is written\n" },
        { "an expiry to come is one, of its day", NULL, NULL, "trust contoso expires=+3",
          "trust contoso expires=+9", "limits 0 9 9 99", 0, 0,
          "planned trust.update contoso expires config\nrefused acme removals_per_cycle 1 of 0\n"
          "nothing is written\n" },
        { "also where there was none", NULL, NULL, "trust contoso expires=+3", "trust contoso",
          "limits 9 9 0 99", 0, 0,
          "planned trust.update contoso expires config\nrefused acme trust_removals_per_day 1 of 0\n"
          "nothing is written\n" },
        { "removals of now are of another day", NULL, NULL, "trust contoso expires=+3\ntrust fabrikam users",
          "trust contoso expires=+9\ntrust fabrikam\nuser a", "limits 1 1 9 99", 0, 0,
          "planned trust.update contoso expires config\nplanned user.remove fabrikam a config\n" },
        { "or of the same", NULL, NULL, "trust contoso expires=+0s60\ntrust fabrikam users",
          "trust contoso expires=+9\ntrust fabrikam\nuser a", "limits 1 1 9 99", 0, 0,
          "planned trust.update contoso expires config\nplanned user.remove fabrikam a config\n"
          "refused acme removals_per_day 2 of 1\nnothing is written\n" },
        { "with what was removed today", NULL, NULL, "trust contoso expires=+0s60",
          "trust contoso expires=+9", "limits 1 1 9 99", 1, 0,
          "planned trust.update contoso expires config\nrefused acme removals_per_day 2 of 1\n"
          "nothing is written\n" },
        { "three ends on three days", NULL, NULL,
          "trust a expires=+1\ntrust b expires=+2\ntrust c expires=+3", "trust a\ntrust b\ntrust c",
          "limits 1 1 1 99", 0, 0,
          "planned trust.update a expires config\nplanned trust.update b expires config\n"
          "planned trust.update c expires config\n" },
        { "two on one", NULL, NULL, "trust a expires=+1\ntrust b expires=+2s-60\ntrust c expires=+3",
          "trust a\ntrust b\ntrust c", "limits 1 1 9 99", 0, 0,
          "planned trust.update a expires config\nplanned trust.update b expires config\n"
          "planned trust.update c expires config\nrefused acme removals_per_day 2 of 1\nnothing is "
          "written\n" },
        { "two in one cycle", NULL, NULL, "trust a expires=+1\ntrust b expires=+1s50", "trust a\ntrust b",
          "limits 1 9 9 99", 0, 0,
          "planned trust.update a expires config\nplanned trust.update b expires config\n"
          "refused acme removals_per_cycle 2 of 1\nnothing is written\n" },
        { "two in two", NULL, NULL, "trust a expires=+1\ntrust b expires=+1s70", "trust a\ntrust b",
          "limits 1 9 9 99", 0, 0,
          "planned trust.update a expires config\nplanned trust.update b expires config\n" },
        { "a window that is over is a removal, when it was put on somebody who was in",
          "trust contoso\nuser ann - id\nuser bob - id", "trust contoso\nuser ann\nuser bob",
          "trust contoso\nuser ann - id until=-1\nuser bob - id until=-1",
          "trust contoso\nuser ann\nuser bob", "limits 1 9 9 99", 0, 0,
          "planned user.remove contoso ann expired\nplanned user.remove contoso bob expired\n"
          "refused acme removals_per_cycle 2 of 1\nnothing is written\n" },
        { "one to come, too", "trust contoso\nuser ann - id\nuser bob - id",
          "trust contoso\nuser ann\nuser bob",
          "trust contoso\nuser ann - id until=+1\nuser bob - id until=+1",
          "trust contoso\nuser ann\nuser bob", "limits 1 9 9 99", 0, 0,
          "refused acme removals_per_cycle 2 of 1\nnothing is written\n" },
        { "a window with which they came is none",
          "trust contoso\nuser ann - id until=+1\nuser bob - id until=+1", "trust contoso",
          "trust contoso\nuser ann - id until=+1\nuser bob - id until=+1",
          "trust contoso\nuser ann\nuser bob", "limits 0 0 0 0", 0, 0, "" },
        { "nor is a longer one of theirs", "trust contoso\nuser ann - id until=+1", "trust contoso",
          "trust contoso\nuser ann - id until=+2", "trust contoso\nuser ann", "limits 0 0 0 0", 0, 0, "" },
        { "an end that was on record has come",
          "trust contoso\nuser ann - id until=+1\nuser bob - id until=+1", "trust contoso",
          "trust contoso\nuser ann - id until=+1\nuser bob - id until=+1s60",
          "now=+2\ntrust contoso\nuser ann\nuser bob", "limits 0 0 0 0", 0, 0,
          "planned user.remove contoso ann expired\nplanned user.remove contoso bob expired\n" },
        { "and one that was accepted counts for what else goes",
          "trust contoso\nuser ann - id\nuser bob - id", "trust contoso\nuser ann\nuser bob\nuser zed",
          "trust contoso\nuser ann - id until=+1", "now=+2\ntrust contoso\nuser ann\nuser bob",
          "limits 9 9 9 99", 0, 0,
          "planned user.remove contoso ann expired\nplanned user.remove contoso bob config\n" },
        { "an own end that is put into the past", "trust contoso\nuser ann - id until=+5", "trust contoso",
          "trust contoso\nuser ann - id until=-1", "trust contoso\nuser ann", "limits 0 0 0 0", 0, 0,
          "planned user.remove contoso ann expired\nrefused acme removals_per_cycle 1 of 0\n"
          "nothing is written\n" },
        { "ends of three trusts, each within its percentage",
          "trust a\nuser x - id\ntrust b\nuser y - id\ntrustor a\nuser z - id",
          "trust a\nuser x\ntrust b\nuser y\ntrustor a\nuser z",
          "trust a\nuser x - id until=+1\ntrust b\nuser y - id until=+1\ntrustor a\nuser z - id until=+1",
          "trust a\nuser x\ntrust b\nuser y\ntrustor a\nuser z", "limits 9 9 9 0", 0, 0, "" },
        { "an end beside another change of the other direction", "trust a\nuser x - id", "trust a\nuser x",
          "trust a\nuser x - id until=+1\ntrustor a\nuser z - id", "trust a\nuser x\ntrustor a",
          "limits 9 9 9 99", 0, 0, "planned user.add a z config\n" },
        { "drift where nobody was declared is measured against who is in", "trust t users", "trust t",
          "trust t users",
          "trust t\nuser a\nuser b\nuser c\nuser d\nuser e\nuser f\nuser g\nuser h\nuser i\nuser j",
          "limits 99 99 9 99", 0, 0,
          "held user.remove t a drift\nheld user.remove t b drift\nheld user.remove t c drift\n"
          "held user.remove t d drift\nheld user.remove t e drift\nheld user.remove t f drift\n"
          "held user.remove t g drift\nheld user.remove t h drift\nheld user.remove t i drift\n"
          "held user.remove t j drift\nrefused t removals_percent 100 of 99\n" },
        { "an end in a trust that is observed", "trust contoso\nuser ann - id", "trust contoso\nuser ann",
          "trust contoso observe\nuser ann - id until=+1\nuser bob - id until=+1", "trust contoso\nuser ann",
          "limits 0 0 0 0", 0, 0, "held user.add contoso bob config\n" },
        { "no end is looked at while the clocks differ", "trust contoso\nuser ann - id",
          "trust contoso\nuser ann", "trust contoso expires=+2\nuser ann - id until=+1",
          "skew\ntrust contoso expires=+2\nuser ann", "limits 0 0 0 0", 0, 0, "" },
        { "a trust's end that was accepted, moved later, is one again", "trust contoso expires=+3",
          "trust contoso", "trust contoso expires=+9", "trust contoso expires=+3", "limits 0 9 9 99", 0, 0,
          "planned trust.update contoso expires config\nrefused acme removals_per_cycle 1 of 0\n"
          "nothing is written\n" },
        { "one that is there, and counts with others", "trust contoso expires=+3\ntrust fabrikam users",
          "trust contoso\ntrust fabrikam", "trust contoso expires=+3\ntrust fabrikam expires=+3 users",
          "trust contoso expires=+3\ntrust fabrikam", "limits 9 1 9 99", 0, 0,
          "planned trust.update fabrikam expires config\nrefused acme removals_per_day 2 of 1\n"
          "nothing is written\n" },
        { "with a trust that ended today", "trust contoso expires=+1\ntrust fabrikam",
          "trust contoso\ntrust fabrikam", "trust contoso expires=+1\ntrust fabrikam expires=+1s120",
          "now=+1\ntrust contoso expires=+1\ntrust fabrikam", "limits 9 9 1 99", 0, 0,
          "planned trust.update fabrikam expires config\nrefused acme trust_removals_per_day 2 of 1\n"
          "nothing is written\n" },
        { "one that ended the day before is none", "trust contoso expires=+1\ntrust fabrikam",
          "trust contoso\ntrust fabrikam", "trust contoso expires=+1\ntrust fabrikam expires=+2s60",
          "now=+1\ntrust contoso expires=+1\ntrust fabrikam", "limits 9 9 1 99", 0, 0,
          "planned trust.update fabrikam expires config\n" },
        { "of one member's grants the declared ones go on", "trust contoso\nuser ann User/all",
          "trust contoso\nuser ann User/all", "trust contoso\nuser ann Supervisor/Home",
          "trust contoso\nuser ann Admin/Home User/all Admin/Sales", "limits 1 20 3 99", 0, 0,
          "planned user.update contoso ann +Supervisor/Home -User/all !Admin/Home(drift) !Admin/Sales(drift) "
          "config\n"
          "refused contoso removals_per_cycle 2 of 1\n" },
        { "also of one role in two divisions", "trust contoso\nuser ann User/Home",
          "trust contoso\nuser ann User/Home", "trust contoso\nuser ann Supervisor/Home",
          "trust contoso\nuser ann User/Home User/Sales User/Support", "limits 1 20 3 99", 0, 0,
          "planned user.update contoso ann +Supervisor/Home -User/Home !User/Sales(drift) "
          "!User/Support(drift) config\nrefused contoso removals_per_cycle 2 of 1\n" },
        { "what is added by drift waits with them", "trust contoso\nuser ann User/all Admin/Home",
          "trust contoso\nuser ann User/all Admin/Home",
          "trust contoso\nuser ann User/all Admin/Home Supervisor/Home",
          "trust contoso\nuser ann User/all Admin/Sales Admin/Support", "limits 1 20 3 99", 0, 0,
          "planned user.update contoso ann +Supervisor/Home !Admin/Sales(drift) !Admin/Support(drift) "
          "config\n"
          "refused contoso removals_per_cycle 2 of 1\n" },
        { "but a shorter one", "trust contoso\nuser ann - id until=+2", "trust contoso",
          "trust contoso\nuser ann - id until=+1", "trust contoso\nuser ann", "limits 0 0 0 0", 0, 0,
          "refused acme removals_per_cycle 1 of 0\nnothing is written\n" },
        { "percent of the members, by ends of one day",
          "trust t\nuser a - id\nuser b - id\nuser c - id\nuser d - id\nuser e - id\nuser f - id\nuser g - "
          "id\n"
          "user h - id\nuser i - id\nuser j - id",
          "trust t\nuser a\nuser b\nuser c\nuser d\nuser e\nuser f\nuser g\nuser h\nuser i\nuser j",
          "trust t\nuser a - id until=+1\nuser b - id until=+1s99\nuser c - id until=+1s999\nuser d - id\n"
          "user e - id until=+9\nuser f - id\nuser g - id\nuser h - id\nuser i - id\nuser j - id",
          "trust t\nuser a\nuser b\nuser c\nuser d\nuser e\nuser f\nuser g\nuser h\nuser i\nuser j",
          "limits 9 9 9 25", 0, 0, "refused t removals_percent 30 of 25\n" },
        { "nor is a longer one", NULL, NULL, "trust contoso expires=+9", "trust contoso expires=+3",
          "limits 0 0 0 0", 0, 0, "planned trust.update contoso expires config\n" },
        { "nor that of a trust that has expired", NULL, NULL, "trust contoso expires=-1",
          "trust contoso expires=+0", "limits 0 0 0 0", 0, 0,
          "planned trust.update contoso expires config\n" },
        { "percent of the members", NULL, NULL,
          "trust contoso\nuser a -\nuser b -\nuser c -\nuser d -\nuser e -\nuser f -\nuser g -",
          "trust contoso\nuser a\nuser b\nuser c\nuser d\nuser e\nuser f\nuser g\nuser h\nuser i\nuser j",
          "limits 10 20 3 25", 0, 0,
          "held user.remove contoso h config\nheld user.remove contoso i config\n"
          "held user.remove contoso j config\nrefused contoso removals_percent 30 of 25\n" },
        { "a percentage over the limit is shown as one", NULL, NULL,
          "trust contoso\nuser a -\nuser b -\nuser c -\nuser d -\nuser e -\nuser f -\nuser g -\nuser h -",
          "trust contoso\nuser a\nuser b\nuser c\nuser d\nuser e\nuser f\nuser g\nuser h\nuser i\nuser "
          "j\nuser k",
          "limits 10 20 3 27", 0, 0,
          "held user.remove contoso i config\nheld user.remove contoso j config\n"
          "held user.remove contoso k config\nrefused contoso removals_percent 28 of 27\n" },
        { "percent of fewer than ten members is not looked at", NULL, NULL, "trust contoso users",
          "trust contoso\nuser a\nuser b", "limits 10 20 3 25", 0, 0,
          "planned user.remove contoso a config\nplanned user.remove contoso b config\n" },
        { "too much drift holds only the trusts concerned", "trust contoso users\ntrust fabrikam\nuser zed -",
          "trust contoso\ntrust fabrikam\nuser zed", "trust contoso users\ntrust fabrikam users",
          "trust contoso\nuser a\nuser b\ntrust fabrikam\nuser zed", "limits 1 20 3 25", 0, 0,
          "held user.remove contoso a drift\nheld user.remove contoso b drift\n"
          "planned user.remove fabrikam zed config\nrefused contoso removals_per_cycle 2 of 1\n" },
        { "drift of a trustee holds no trustor of the same organization",
          "trust contoso users\ntrustor contoso\nuser zed - id", "trust contoso\ntrustor contoso\nuser zed",
          "trust contoso users\ntrustor contoso users",
          "trust contoso\nuser a\nuser b\ntrustor contoso\nuser zed", "limits 1 20 3 25", 0, 0,
          "held user.remove contoso a drift\nheld user.remove contoso b drift\n"
          "planned user.remove contoso zed config\nrefused contoso removals_per_cycle 2 of 1\n" },
        { "more than can be counted is over every limit", NULL, NULL, "trust contoso users",
          "trust contoso\nuser ann", "limits 10 4294967295 3 25", 4294967295, 0,
          "planned user.remove contoso ann config\n"
          "refused acme removals_per_day 4294967296 of 4294967295\n"
          "nothing is written\n" },
        { "at the limit of the day", NULL, NULL, "trust contoso users", "trust contoso\nuser ann",
          "limits 10 5 3 25", 4, 0, "planned user.remove contoso ann config\n" },
        { "at the limit of trusts a day", NULL, NULL, "trust contoso absent", "trust contoso",
          "limits 10 20 3 25", 2, 2, "planned trust.disable contoso config\n" },
        { "a member is no trust", NULL, NULL, "trust contoso users", "trust contoso\nuser ann",
          "limits 10 20 0 25", 0, 0, "planned user.remove contoso ann config\n" },
        { "nor is a trust counted that is denied", NULL, NULL, "trust contoso", "trust contoso",
          "limits 0 0 0 0\ndeny contoso", 9, 9, "planned trust.disable contoso denied\n" },
        { "at the limit in percent of the members", NULL, NULL,
          "trust contoso\nuser a -\nuser b -\nuser c -\nuser d -\nuser e -\nuser f -\nuser g -\nuser h -\n"
          "user i -",
          "trust contoso\nuser a\nuser b\nuser c\nuser d\nuser e\nuser f\nuser g\nuser h\nuser i\nuser j\n"
          "user k\nuser l",
          "limits 10 20 3 25", 0, 0,
          "planned user.remove contoso j config\nplanned user.remove contoso k config\n"
          "planned user.remove contoso l config\n" },
        { "who only loses grants is no member less, and groups are no users", NULL, NULL,
          "trust contoso groups\nuser a .\nuser b .\nuser c .\nuser d -\nuser e -\nuser f -\nuser g -\nuser "
          "h -\n"
          "user i -\nuser j -",
          "trust contoso\nuser a User/all\nuser b User/all\nuser c User/all\nuser d\nuser e\nuser f\nuser g\n"
          "user h\nuser i\nuser j\ngroup t1\ngroup t2\ngroup t3",
          "limits 10 20 3 25", 0, 0,
          "planned group.remove contoso t1 config\nplanned group.remove contoso t2 config\n"
          "planned group.remove contoso t3 config\nplanned user.update contoso a -User/all config\n"
          "planned user.update contoso b -User/all config\nplanned user.update contoso c -User/all "
          "config\n" },
        { "of one member's grants only those are drift that nobody declared",
          "trust contoso\nuser ann User/all", "trust contoso\nuser ann User/all", "trust contoso\nuser ann .",
          "trust contoso\nuser ann Admin/Home User/all", "limits 1 20 3 25", 0, 0,
          "planned user.update contoso ann -Admin/Home(drift) -User/all config\n" },
        { "and only they are held where they are too many", "trust contoso\nuser ann User/all",
          "trust contoso\nuser ann User/all", "trust contoso\nuser ann .",
          "trust contoso\nuser ann Admin/Home User/all", "limits 0 20 3 25", 0, 0,
          "planned user.update contoso ann -User/all !Admin/Home(drift) config\n"
          "refused contoso removals_per_cycle 1 of 0\nrefused acme removals_per_cycle 1 of 0\n"
          "nothing is written\n" },
        { "too many grants by drift hold their trust", "trust contoso\nuser ann .\ntrust fabrikam",
          "trust contoso\nuser ann\ntrust fabrikam", "trust contoso\nuser ann .\ntrust fabrikam users",
          "trust contoso\nuser ann Admin/Home User/all\ntrust fabrikam\nuser zed", "limits 1 20 3 25", 0, 0,
          "held user.update contoso ann -Admin/Home -User/all drift\n"
          "planned user.remove fabrikam zed config\nrefused contoso removals_per_cycle 2 of 1\n" },
        { "a denied role is free, the one beside it is not", NULL, NULL, "trust contoso\nuser ann .",
          "trust contoso\nuser ann Admin/Home User/all", "limits 1 20 3 25\ndeny-role Admin", 0, 0,
          "planned user.update contoso ann -Admin/Home(denied) -User/all config\n" },
        { "a trust that is not there yet has no members to lose", NULL, NULL,
          "trust contoso pairing=p1\nuser jane - id", "pairing p1\nasks jane", "limits 0 0 0 0", 0, 0,
          "planned trust.create contoso by p1 config\nplanned user.add contoso jane config\n" },
        { "denied removals are free", NULL, NULL, "trust contoso\nuser ann -", "trust contoso\nuser ann",
          "limits 0 0 0 0\ndeny ann@x.example", 0, 0, "planned user.remove contoso ann denied\n" },
};

START_TEST(test_limits)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *last_applied =
                        limit_cases[_i].before
                                        ? update_last_applied(limit_cases[_i].before, limit_cases[_i].was,
                                                              NULL, NULL, TS_APPLIED, NOW)
                                        : ts_last_applied_new();
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        ts_last_applied_add_removals(last_applied, NOW - 3600, 0, limit_cases[_i].used,
                                     limit_cases[_i].used_trusts);
        run_plan(&r, limit_cases[_i].declared, limit_cases[_i].live, limit_cases[_i].policy, last_applied);
        ts_limits_check(r.plan, r.live, &r.policy.limits, last_applied, r.now);
        put_plan(&got, r.plan);
        ck_assert_msg(strcmp(ts_buf_text(&got), limit_cases[_i].plan) == 0, "%s:\nwanted\n%sgot\n%s",
                      limit_cases[_i].name, limit_cases[_i].plan, ts_buf_text(&got));
}
END_TEST

static const struct {
        const char *name, *live, *policy, *limit;
} refusal_cases[] = {
        { "two of one", "trust contoso\nuser ann\nuser bob", "limits 1 20 3 25", "removals_per_cycle" },
        { "one of none", "trust contoso\nuser ann", "limits 0 20 3 25", "removals_per_cycle" },
        { "one of none a day", "trust contoso\nuser ann", "limits 9 0 3 25", "removals_per_day" },
};

START_TEST(test_refusal_is_english)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(run_done) struct run r = { 0 };

        run_plan(&r, "trust contoso users", refusal_cases[_i].live, refusal_cases[_i].policy, last_applied);
        ts_limits_check(r.plan, r.live, &r.policy.limits, last_applied, NOW);
        ck_assert_uint_eq(r.plan->n_refusals, 1);
        ck_assert_str_eq(r.plan->refusals[0].limit, refusal_cases[_i].limit);
        message_is(refusal_cases[_i].name, r.plan->refusals[0].message);
}
END_TEST

START_TEST(test_refused_plan_keeps_what_is_denied)
{
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(100000);

        run_plan(&r, "trust contoso users", "trust contoso\nuser ann\nuser bob",
                 "limits 0 0 0 0\ndeny ann@x.example", NULL);
        ts_limits_check(r.plan, r.live, &r.policy.limits, NULL, NOW);
        ts_limits_hold_refused(r.plan);
        put_plan(&got, r.plan);
        ck_assert_str_eq(ts_buf_text(&got),
                         "planned user.remove contoso ann denied\nheld user.remove contoso bob config\n"
                         "refused acme removals_per_cycle 1 of 0\nnothing is written\n");
}
END_TEST

START_TEST(test_damaged_record_refuses_removals)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(run_done) struct run r = { 0 }, adds = { 0 };

        last_applied->status = TS_LAST_APPLIED_DAMAGED;
        last_applied->path = "/state/x";
        run_plan(&r, "trust contoso users", "trust contoso\nuser ann", NULL, last_applied);
        ts_limits_check_record(r.plan, last_applied);
        ts_limits_check(r.plan, r.live, &r.policy.limits, last_applied, NOW);
        ck_assert(r.plan->refused);
        ck_assert_str_eq(r.plan->refusals[0].limit, "state");
        ck_assert_ptr_nonnull(strstr(r.plan->refusals[0].message, "/state/x"));

        run_plan(&adds, "trust contoso\nuser ann - id", "trust contoso", NULL, last_applied);
        ts_limits_check(adds.plan, adds.live, &adds.policy.limits, last_applied, NOW);
        ck_assert(!adds.plan->refused);
}
END_TEST

START_TEST(test_day_rolls)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        uint32_t n_trusts;

        ts_last_applied_add_removals(m, NOW - DAY - 1, 0, 5, 1);
        ts_last_applied_add_removals(m, NOW - DAY + 10, 0, 3, 1);
        ck_assert_uint_eq(ts_last_applied_removals_of_day(m, NOW, 0, &n_trusts), 3);
        ck_assert_uint_eq(n_trusts, 1);
        ck_assert_uint_eq(ts_last_applied_removals_of_day(m, NOW + 20, 0, &n_trusts), 0);
        ck_assert_uint_eq(ts_last_applied_removals_of_day(m, NOW - 10 * DAY, 0, &n_trusts), 8);

        ts_last_applied_add_removals(m, NOW, 0, UINT32_MAX, UINT32_MAX);
        ck_assert_uint_eq(ts_last_applied_removals_of_day(m, NOW, 0, &n_trusts),
                          UINT32_MAX); /* it does not wrap */
        ck_assert_uint_eq(n_trusts, UINT32_MAX);
}
END_TEST

/* An entry counts as long as either clock says so. */
static const struct {
        const char *name;
        int64_t made_skew;   /* the server's clock minus ours when it was made, at NOW by ours */
        int64_t after, skew; /* how much later by our clock, and what the server's says then */
        unsigned n;          /* what counts */
} clocks[] = {
        { "now", 0, 0, 0, 7 },
        { "to the last second", 0, DAY - 1, 0, 7 },
        { "and no longer", 0, DAY, 0, 0 },
        { "the server's clock runs a little ahead", 0, DAY - 1, 200, 7 },
        { "a little behind", 0, DAY + 199, -200, 7 },
        { "and no longer", 0, DAY + 200, -200, 0 },
        { "it says two days ahead", 0, 60, 2 * DAY, 7 },
        { "it says two days behind", 0, 60, -2 * DAY, 7 },
        { "behind, and the day is over by ours", 0, DAY + 60, -2 * DAY, 7 },
        { "both say that the day is over", 0, DAY + 60, 2 * DAY, 0 },
        { "it said two days behind", -2 * DAY, 60, 0, 7 },
        { "and a day later", -2 * DAY, DAY, 0, 0 },
        { "it said two days ahead", 2 * DAY, 60, 0, 7 },
        { "and does again", 2 * DAY, DAY, 2 * DAY, 7 },
        { "and still differs", 2 * DAY, 3 * DAY, 2 * DAY, 0 },
        { "it said a little ahead", 300, DAY + 299, 0, 7 },
        { "and no longer", 300, DAY + 300, 0, 0 },
};

START_TEST(test_day_by_two_clocks)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        int64_t then = NOW + clocks[_i].after;
        uint32_t n_trusts, n;

        ts_last_applied_add_removals(m, NOW, clocks[_i].made_skew, 7, 2);
        n = ts_last_applied_removals_of_day(m, then, clocks[_i].skew, &n_trusts);
        ck_assert_msg(n == clocks[_i].n, "%s: %u", clocks[_i].name, n);
        ck_assert_uint_eq(n_trusts, n > 0 ? 2 : 0);
        ts_last_applied_add_removals(m, then, clocks[_i].skew, 0, 0);
        n = ts_last_applied_removals_of_day(m, then, clocks[_i].skew, &n_trusts);
        ck_assert_msg(n == clocks[_i].n, "%s: %u afterwards", clocks[_i].name, n);
        ck_assert_uint_eq(m->n_removals, n > 0 ? 1 : 0);
}
END_TEST

/* One from the future ends a day after the clocks agree again, and is left alone until then. */
START_TEST(test_removals_from_the_future)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        uint32_t n_trusts;

        ts_last_applied_add_removals(m, NOW, 30 * DAY, 1, 0);
        ts_last_applied_add_removals(m, NOW, 300, 2, 0); /* within five minutes of now it is one of now */
        ck_assert_uint_eq(m->n_removals, 2);
        ck_assert_int_eq(m->removals[0].when, NOW + 300);
        ck_assert_int_eq(m->removals[1].when, NOW + 300);
        ts_last_applied_add_removals(m, NOW, 0, 0, 0);
        ck_assert_int_eq(m->removals[1].when, NOW + 300);

        ts_last_applied_add_removals(m, NOW, 30 * DAY, 4, 0);
        ts_last_applied_add_removals(m, NOW + 10, 301, 0, 0);
        ck_assert_int_eq(m->removals[2].when, NOW + 30 * DAY);
        ts_last_applied_add_removals(m, NOW + 20, -300, 0, 0);
        ck_assert_int_eq(m->removals[2].when, NOW + 20);
        ck_assert_uint_eq(ts_last_applied_removals_of_day(m, NOW + DAY + 19, 0, &n_trusts), 7);
        ck_assert_uint_eq(ts_last_applied_removals_of_day(m, NOW + DAY + 20, 0, &n_trusts), 3);
        ck_assert_uint_eq(ts_last_applied_removals_of_day(m, NOW + DAY + 300, 0, &n_trusts), 0);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- digest */

static struct ts_digest digest_of(const char *declared, const char *live)
{
        TS_CLEANUP(run_done) struct run r = { 0 };
        struct ts_sha256 *hash = ts_sha256_new();

        run_plan(&r, declared, live, NULL, NULL);
        ts_plan_digest(r.plan, hash);
        return ts_sha256_finish(hash);
}

START_TEST(test_digest)
{
        struct ts_digest a =
                        digest_of("trust contoso\nuser ann Admin/Home User/all", "trust contoso\nuser ann");
        struct ts_digest same =
                        digest_of("trust contoso\nuser ann User/all Admin/Home", "trust contoso\nuser ann");
        struct ts_digest other =
                        digest_of("trust contoso\nuser ann Admin/Sales User/all", "trust contoso\nuser ann");
        struct ts_digest held = digest_of("trust contoso observe\nuser ann Admin/Home User/all",
                                          "trust contoso\nuser ann");

        ck_assert_mem_eq(a.bytes, same.bytes, sizeof(a.bytes));
        ck_assert_mem_ne(a.bytes, other.bytes, sizeof(a.bytes));
        ck_assert_mem_ne(a.bytes, held.bytes, sizeof(a.bytes));
}
END_TEST

/* --------------------------------------------------------------------------------------------- properties */

/* A small generator, so that a failing seed can be run again. */
static uint64_t next_random(uint64_t *state)
{
        *state += 0x9e3779b97f4a7c15u;
        uint64_t z = *state;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
}

static void random_grants(struct ts_buf *out, uint64_t *seed, unsigned mask)
{
        for (unsigned r = 0; r < TS_N_ELEMENTS(role_names); r++)
                for (unsigned d = 0; d <= TS_N_ELEMENTS(division_names); d++)
                        if ((mask & 1u << (4 * r + d)) && next_random(seed) % 8 != 0)
                                ts_buf_printf(out, " %s/%s", role_names[r],
                                              d == 0 ? "all" : division_names[d - 1]);
}

/* Declared, and live: the declaration with mutations. */
static void random_world(uint64_t *seed, struct ts_buf *declared, struct ts_buf *live)
{
        unsigned n_trusts = 1 + (unsigned) (next_random(seed) % 3);

        for (unsigned t = 0; t < n_trusts; t++) {
                ts_buf_printf(declared, "trust t%u users enabled=%s\n", t,
                              next_random(seed) % 4 ? "yes" : "no");
                ts_buf_printf(live, "trust t%u %s\n", t, next_random(seed) % 4 ? "enabled" : "disabled");
                for (unsigned u = 0; u < 8; u++) {
                        unsigned mask = (unsigned) next_random(seed) & (unsigned) next_random(seed) & 0xfff;

                        if (next_random(seed) % 5 != 0) {
                                ts_buf_printf(declared, "user u%u id", u);
                                random_grants(declared, seed, mask);
                                ts_buf_puts(declared, "\n");
                        }
                        if (next_random(seed) % 5 != 0) {
                                ts_buf_printf(live, "user u%u", u);
                                random_grants(live, seed,
                                              next_random(seed) % 3 == 0 ? mask ^ 1u << next_random(seed) % 12
                                                                         : mask);
                                ts_buf_puts(live, "\n");
                        }
                }
        }
}

static bool has_grant(const struct ts_grant *grants, size_t n, const struct ts_grant *g)
{
        for (size_t i = 0; i < n; i++)
                if (grants[i].role == g->role &&
                    (grants[i].division == g->division || grants[i].division == TS_DIVISION_ALL))
                        return true;
        return false;
}

/* What a server does with one change. */
static void carry_out(struct ts_live *live, const struct ts_change *c)
{
        struct ts_trust *t = ts_live_find_trust(live, c->direction, &c->trust_id);
        struct ts_member *m = ts_members_find(&t->users, &c->subject_id);

        switch (c->action) {
        case TS_USER_ADD:
                ck_assert_ptr_null(m);
                t->users.items[t->users.n++] = (struct ts_member){
                        .kind = TS_KIND_USER,
                        .id = c->subject_id,
                        .email = c->subject_name,
                        .grants_coverage = TS_COVERAGE_COMPLETE,
                        .created = TS_TIME_UNSET,
                        .grants = c->grants_after,
                        .n_grants = (uint32_t) c->n_after,
                };
                qsort(t->users.items, t->users.n, sizeof(*t->users.items), by_id);
                break;
        case TS_USER_REMOVE:
                ck_assert_ptr_nonnull(m);
                *m = t->users.items[--t->users.n];
                qsort(t->users.items, t->users.n, sizeof(*t->users.items), by_id);
                break;
        case TS_USER_UPDATE:
                m->grants = c->grants_after;
                m->n_grants = (uint32_t) c->n_after;
                break;
        case TS_TRUST_ENABLE:
        case TS_TRUST_DISABLE:
                t->enabled = c->after.enabled;
                break;
        default:
                ck_abort_msg("unexpected action");
        }
}

/* While nobody may enter, or with every grant either live before or declared. */
static void check_prefix(const struct run *r, const struct ts_live *before, const struct ts_change *c,
                         uint64_t seed)
{
        const struct ts_trust *t = ts_live_find_trust(before, c->direction, &c->trust_id);
        const struct ts_member *had = ts_members_find(&t->users, &c->subject_id);
        const struct ts_desired_member *desired = NULL;

        for (size_t i = 0; i < r->desired->n_trusts; i++)
                for (size_t k = 0; k < r->desired->trusts[i].users.n; k++)
                        if (ts_id_equal(&r->desired->trusts[i].decl->id, &c->trust_id) &&
                            ts_id_equal(&r->desired->trusts[i].users.items[k].id, &c->subject_id))
                                desired = &r->desired->trusts[i].users.items[k];
        for (size_t i = 0; i < c->n_after; i++)
                ck_assert_msg((had && has_grant(had->grants, had->n_grants, &c->grants_after[i])) ||
                                              (desired && has_grant(desired->grants, desired->n_grants,
                                                                    &c->grants_after[i])),
                              "seed %" PRIu64 ": a grant that is neither live nor declared", seed);
}

START_TEST(test_plan_gives_the_declaration)
{
        for (uint64_t i = 0; i < 3000; i++) {
                uint64_t seed = i;
                TS_CLEANUP(ts_buf_done)
                struct ts_buf declared = TS_BUF_INIT(100000), live = TS_BUF_INIT(100000);
                TS_CLEANUP(run_done) struct run r = { 0 };
                TS_CLEANUP(ts_live_freep) struct ts_live *before = NULL;
                TS_CLEANUP(ts_desired_freep) struct ts_desired *again = NULL;
                TS_CLEANUP(ts_plan_freep) struct ts_plan *second = NULL;
                enum ts_phase phase = TS_PHASE_CLOSE;

                random_world(&seed, &declared, &live);
                run_plan(&r, ts_buf_text(&declared), ts_buf_text(&live), NULL, NULL);
                before = live_from(ts_buf_text(&live));
                for (size_t k = 0; k < r.plan->n_changes; k++) {
                        const struct ts_change *c = &r.plan->changes[k];

                        ck_assert_int_eq(ts_change_result(c), TS_PLANNED);
                        if (k > 0 && ts_id_equal(&c->trust_id, &r.plan->changes[k - 1].trust_id))
                                ck_assert_msg(c->phase >= phase, "seed %" PRIu64 ": out of order", i);
                        phase = c->phase;
                        check_prefix(&r, before, c, i);
                        carry_out(r.live, c);
                }

                again = ts_resolve_members(r.decl, r.live, NULL);
                ts_resolve_grants(again, r.live, &r.policy);
                second = ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                                          .live = r.live,
                                                          .desired = again,
                                                          .policy = &r.policy,
                                                          .now = NOW });
                ck_assert_msg(second->n_changes == 0, "seed %" PRIu64 ": %zu changes are left", i,
                              second->n_changes);
        }
}
END_TEST

/* Rows the other way round: the plan must not see the order of a listing. */
static void reverse_users(const struct ts_buf *in, struct ts_buf *out)
{
        const char *text = ts_buf_text(in);

        while (*text) {
                const char *trust_end = strchr(text, '\n') + 1, *next = strstr(trust_end, "trust "), *p;

                if (!next)
                        next = text + strlen(text);
                ts_buf_put(out, text, (size_t) (trust_end - text));
                for (p = next; p > trust_end;) {
                        const char *line = p - 1;

                        while (line > trust_end && line[-1] != '\n')
                                line--;
                        ts_buf_put(out, line, (size_t) (p - line));
                        p = line;
                }
                text = next;
        }
}

START_TEST(test_order_of_listings_cannot_be_seen)
{
        for (uint64_t i = 0; i < 1000; i++) {
                uint64_t seed = i;
                TS_CLEANUP(ts_buf_done)
                struct ts_buf declared = TS_BUF_INIT(100000), live = TS_BUF_INIT(100000);
                TS_CLEANUP(ts_buf_done)
                struct ts_buf declared2 = TS_BUF_INIT(100000), live2 = TS_BUF_INIT(100000);
                TS_CLEANUP(ts_buf_done) struct ts_buf a = TS_BUF_INIT(100000), b = TS_BUF_INIT(100000);
                TS_CLEANUP(run_done) struct run r = { 0 }, r2 = { 0 };

                random_world(&seed, &declared, &live);
                reverse_users(&declared, &declared2);
                reverse_users(&live, &live2);
                run_plan(&r, ts_buf_text(&declared), ts_buf_text(&live), NULL, NULL);
                run_plan(&r2, ts_buf_text(&declared2), ts_buf_text(&live2), NULL, NULL);
                put_plan(&a, r.plan);
                put_plan(&b, r2.plan);
                ck_assert_msg(strcmp(ts_buf_text(&a), ts_buf_text(&b)) == 0, "seed %" PRIu64 ":\n%s\nbut\n%s",
                              i, ts_buf_text(&a), ts_buf_text(&b));
        }
}
END_TEST

/* ------------------------------------------------------------------------------------------------- grants */

START_TEST(test_normalise)
{
        const struct ts_source s[] = { at(1), at(2), at(3), at(4), at(5) };
        struct ts_grant g[] = {
                { 1, 2, &s[0] }, { 0, 3, &s[1] }, { 1, 0, &s[2] }, { 0, 3, &s[3] }, { 1, 1, &s[4] }
        };

        ck_assert_uint_eq(ts_grants_normalise(g, TS_N_ELEMENTS(g)), 2);
        ck_assert_uint_eq(g[0].role, 0);
        ck_assert_uint_eq(g[0].division, 3);
        ck_assert_uint_eq(g[0].source->line, 2);
        ck_assert_uint_eq(g[1].role, 1);
        ck_assert_uint_eq(g[1].division, TS_DIVISION_ALL);
}
END_TEST

/* What `deny` takes away is carried out before a review: with it or without, a plan has the same digest. */
START_TEST(test_digest_without_denials)
{
        static const char *const policies[] = { NULL, "deny jane@x.example", "deny-role Admin" };
        struct ts_digest digests[3];

        for (size_t i = 0; i < 3; i++) {
                TS_CLEANUP(run_done) struct run r = { 0 };
                struct ts_sha256 *hash = ts_sha256_new();

                run_plan(&r, "trust contoso\nuser ann Admin/Home",
                         "trust contoso\nuser ann Admin/Home\nuser jane", NULL, NULL);
                run_done(&r);
                r = (struct run){ 0 };
                run_plan(&r, i == 2 ? "trust contoso\nuser ann Admin/Home" : "trust contoso",
                         "trust contoso\nuser ann Admin/Home\nuser jane", policies[i], NULL);
                ts_plan_digest(r.plan, hash);
                digests[i] = ts_sha256_finish(hash);
        }
        ck_assert_mem_eq(&digests[0], &digests[1], sizeof(digests[0]));
        ck_assert_mem_ne(&digests[0], &digests[2], sizeof(digests[0]));
}
END_TEST

/* The pass has been before: its changes stand among the others, with what came of them. */
START_TEST(test_denied_before)
{
        TS_CLEANUP(run_done) struct run r = { 0 };
        TS_CLEANUP(ts_deny_done) struct ts_deny deny = { 0 };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *denied = ts_plan_new(), *plan = NULL;

        run_plan(&r, "trust contoso\nuser ann - id", "trust contoso\nuser jane", "deny jane@x.example", NULL);
        ts_deny_begin(&deny, &r.policy, NULL, &r.live->organization_id, NOW);
        ts_deny_see_live(&deny, r.live);
        ts_deny_learn(&deny);
        ts_deny_plan(&deny, r.live, r.decl, NULL, denied);
        ck_assert_uint_eq(denied->n_changes, 1);
        denied->changes[0].n_removals = 1;
        outcome_of(denied, &denied->changes[0])->result = TS_APPLIED;
        outcome_of(denied, &denied->changes[0])->sent = _i > 0;
        plan = ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                                .live = r.live,
                                                .desired = r.desired,
                                                .policy = &r.policy,
                                                .now = NOW,
                                                .deny = &deny,
                                                .denied = denied });
        ck_assert_uint_eq(plan->n_changes, 2);
        ck_assert_int_eq(plan->changes[0].action, TS_USER_REMOVE);
        ck_assert_int_eq(ts_change_result(&plan->changes[0]), TS_APPLIED);
        ck_assert_uint_eq(plan->changes[0].n_removals, _i > 0 ? 0 : 1); /* what was sent is on record */
}
END_TEST

/* A trust that is created disabled, because an address is denied, is enabled: in the same cycle, or in the
 * next. */
START_TEST(test_created_disabled)
{
        static const char declared[] = "trust contoso pairing=p1\nuser ann - id",
                          policy[] = "deny joe@x.example";
        TS_CLEANUP(run_done)
        struct run r = { 0 }, failed = { 0 }, done = { 0 }, killed = { 0 }, off = { 0 }, held = { 0 },
                   open = { 0 };
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *before = ts_last_applied_new(), *after_failure = NULL, *after = NULL;

        before->writable = true;
        run_plan(&r, declared, "pairing p1 contoso\nasks ann", policy, before);
        ck_assert_uint_eq(r.plan->n_changes, 3);
        ck_assert_int_eq(r.plan->changes[0].action, TS_TRUST_CREATE);
        ck_assert(!r.plan->changes[0].after.enabled);
        ck_assert_int_eq(r.plan->changes[2].action, TS_TRUST_ENABLE);

        run_plan(&held, "trust contoso pairing=p1 observe\nuser ann - id", "pairing p1 contoso\nasks ann",
                 policy, before);
        ck_assert(!ts_last_applied_update_openings(before, held.plan));
        run_plan(&off, "trust contoso pairing=p1 enabled=no\nuser ann - id", "pairing p1 contoso\nasks ann",
                 policy, before);
        ck_assert(!ts_last_applied_update_openings(before, off.plan));
        run_plan(&open, declared, "pairing p1 contoso\nasks ann", NULL, before); /* nobody is denied */
        ck_assert(!ts_last_applied_update_openings(before, open.plan));
        ck_assert(ts_last_applied_update_openings(before, r.plan));
        ck_assert_uint_eq(before->n_trusts, 1);
        ck_assert(before->trusts[0].disabled_by_us);

        run_plan(&killed, declared, "trust contoso disabled\nuser ann", policy, before);
        ck_assert_uint_eq(killed.plan->n_changes, 1);
        ck_assert_int_eq(killed.plan->changes[0].action, TS_TRUST_ENABLE);

        r.plan->changes[0].decision = r.plan->changes[1].decision = TS_APPLIED;
        r.plan->changes[2].decision = TS_WAITING;
        after_failure = ts_last_applied_update(&(struct ts_last_applied_update_input){
                        .old = before, .desired = r.desired, .live = r.live, .plan = r.plan, .now = NOW });
        run_plan(&failed, declared, "trust contoso disabled\nuser ann", policy, after_failure);
        ck_assert_uint_eq(failed.plan->n_changes, 1);
        ck_assert_int_eq(failed.plan->changes[0].action, TS_TRUST_ENABLE);

        r.plan->changes[2].decision = TS_APPLIED;
        after = ts_last_applied_update(&(struct ts_last_applied_update_input){
                        .old = before, .desired = r.desired, .live = r.live, .plan = r.plan, .now = NOW });
        run_plan(&done, declared, "trust contoso disabled\nuser ann", policy, after);
        ck_assert_uint_eq(done.plan->n_changes,
                          0); /* somebody else has disabled it, and `enabled` is not managed */
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("trust");
        TCase *t = tcase_create("trust");

        tcase_set_timeout(t, 120);
        tcase_add_loop_test(t, test_diff, 0, TS_N_ELEMENTS(diff_cases));
        tcase_add_test(t, test_what_a_closing_change_carries);
        tcase_add_test(t, test_what_a_new_trust_carries);
        tcase_add_test(t, test_what_somebody_protected_is_sent);
        tcase_add_test(t, test_filter_of_a_plan);
        tcase_add_loop_test(t, test_reasons, 0, TS_N_ELEMENTS(reason_cases));
        tcase_add_test(t, test_accepted_end_counts);
        tcase_add_test(t, test_record_without_ends);
        tcase_add_test(t, test_recorded_and_not_in_use);
        tcase_add_test(t, test_key_finds_somebody_protected);
        tcase_add_test(t, test_failed_change_keeps_its_reason);
        tcase_add_test(t, test_removal_that_was_not_sent);
        tcase_add_loop_test(t, test_history, 0, TS_N_ELEMENTS(histories));
        tcase_add_test(t, test_damaged_record_opens_nothing_that_had_expired);
        tcase_add_test(t, test_deletion_waits_its_time);
        tcase_add_loop_test(t, test_requests, 0, TS_N_ELEMENTS(request_cases));
        tcase_add_loop_test(t, test_notes, 0, TS_N_ELEMENTS(note_cases));
        tcase_add_test(t, test_request_on_record);
        tcase_add_test(t, test_request_that_is_not_declared);
        tcase_add_test(t, test_window_whose_end_failed);
        tcase_add_test(t, test_note_of_a_trust_that_is_on);
        tcase_add_test(t, test_record_of_what_is_only_reported);
        tcase_add_test(t, test_disabling_that_failed);
        tcase_add_test(t, test_record_without_a_name);
        tcase_add_loop_test(t, test_options_of_customer_care, 0, TS_N_ELEMENTS(care_cases));
        tcase_add_loop_test(t, test_window_that_is_over, 0, TS_N_ELEMENTS(window_cases));
        tcase_add_loop_test(t, test_alarms, 0, TS_N_ELEMENTS(alarm_cases));
        tcase_add_loop_test(t, test_next_boundary, 0, TS_N_ELEMENTS(boundary_cases));
        tcase_add_loop_test(t, test_limits, 0, TS_N_ELEMENTS(limit_cases));
        tcase_add_loop_test(t, test_refusal_is_english, 0, TS_N_ELEMENTS(refusal_cases));
        tcase_add_test(t, test_refused_plan_keeps_what_is_denied);
        tcase_add_test(t, test_damaged_record_refuses_removals);
        tcase_add_test(t, test_day_rolls);
        tcase_add_loop_test(t, test_day_by_two_clocks, 0, TS_N_ELEMENTS(clocks));
        tcase_add_test(t, test_removals_from_the_future);
        tcase_add_test(t, test_digest);
        tcase_add_test(t, test_plan_gives_the_declaration);
        tcase_add_test(t, test_order_of_listings_cannot_be_seen);
        tcase_add_test(t, test_created_disabled);
        tcase_add_test(t, test_digest_without_denials);
        tcase_add_loop_test(t, test_denied_before, 0, 2);
        tcase_add_test(t, test_normalise);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
