/*
 * test_trust_exhaustive - what has to hold for every plan
 *
 * A world is what is declared and what is live, in bits. Small worlds are enumerated, large ones are made at
 * random: a declaration, and a live state that differs from it by a few mutations. Of each plan it is checked
 * that
 *   - carrying it out on the live state gives the declaration, on what is managed, and touches nothing else;
 *   - there is one change for each object that differs, and none for another;
 *   - a second plan, made from the result, writes nothing;
 *   - the order of listings and declarations cannot be seen in it;
 *   - after each of its steps, also when one of them failed, nobody holds or can use a grant that was neither
 *     there before nor is declared;
 *   - protection, the deny list and the limits are kept, and an incomplete view costs nobody anything;
 *   - what is remembered tells reasons, and never makes a removal.
 * A mistake here names the seed or the case, and prints the world and the plan.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "trust/diff.h"
#include "trust/limits.h"
#include "trust/last_applied_update.h"
#include "util/buf.h"
#include "util/mem.h"

#define NOW 1800000000
#define PAST (NOW - 86400)
#define SOON (NOW + 86400)
#define LATER (NOW + 2 * 86400)

enum {
        ROLES = 4,
        DIVISIONS = 4, /* the first one is "all" */
        GRANTS = ROLES * DIVISIONS,
        KINDS = 2, /* users and groups */
        MEMBERS = 24,
        TRUSTS = 6,
        CHANGES = 1024,
};

/* A set of grants: bit role * DIVISIONS + division. */
typedef uint32_t mask;

struct member {
        bool listed, grants_managed;
        mask want;
        bool live;
        mask have;
        bool is_unknown; /* the grants could not be read */
};

struct trust {
        bool declared, absent, observe, report;
        enum ts_tristate enabled;
        int64_t expires;
        bool managed[KINDS];
        bool live, live_enabled;
        int64_t live_expires;
        struct member members[KINDS][MEMBERS];
        size_t n[KINDS];
        bool is_partial[KINDS]; /* not everybody could be read */
};

struct world {
        struct trust trusts[TRUSTS];
        size_t n;
        bool is_partial;  /* not every trust could be read */
        bool is_shuffled; /* roles and divisions are listed, and members declared, in another order */
        struct ts_policy policy;
};

/* ----------------------------------------------------------------------------------------------- failures */

struct input;

static void put_members(struct ts_buf *out, const struct trust *t, int kind)
{
        for (size_t i = 0; i < t->n[kind]; i++) {
                const struct member *m = &t->members[kind][i];

                ts_buf_printf(out, "  %c%zu:", kind == 0 ? 'u' : 'g', i);
                if (m->listed && m->grants_managed)
                        ts_buf_printf(out, " want %04x", m->want);
                else if (m->listed)
                        ts_buf_puts(out, " listed");
                if (m->live)
                        ts_buf_printf(out, " have %04x", m->have);
                ts_buf_putc(out, '\n');
        }
}

static void put_world(struct ts_buf *out, const struct world *w)
{
        for (size_t i = 0; i < w->n; i++) {
                const struct trust *t = &w->trusts[i];

                ts_buf_printf(out, "trust %zu%s%s%s%s enabled=%d expires=%s%s%s", i,
                              t->declared ? "" : " undeclared", t->absent ? " absent" : "",
                              t->observe ? " observe" : "", t->report ? " report" : "", (int) t->enabled,
                              ts_time_format(t->expires).s, t->managed[0] ? " users" : "",
                              t->managed[1] ? " groups" : "");
                if (t->live)
                        ts_buf_printf(out, "; live %s expires=%s", t->live_enabled ? "enabled" : "disabled",
                                      ts_time_format(t->live_expires).s);
                ts_buf_putc(out, '\n');
                put_members(out, t, 0);
                put_members(out, t, 1);
        }
}

/* Told when something fails: the tests of check have no arguments. */
static const struct world *current;
static const struct input *current_input; /* NULL: none is planned */
static uint64_t current_seed;

static void put_plan(const struct input *in, struct ts_buf *out);

static void report_failure(const char *what)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(65536);

        put_world(&text, current);
        if (current_input)
                put_plan(current_input, &text);
        ck_abort_msg("case %" PRIu64 ": %s\n%s", current_seed, what, ts_buf_text(&text));
}

/* As ck_assert(), which is too slow for many million calls. */
#define REQUIRE(condition, what) \
        do { \
                if (!(condition)) \
                        report_failure(what); \
        } while (0)

/* ----------------------------------------------------------------------------------- worlds become inputs */

static struct ts_id id_of(unsigned kind, size_t n)
{
        struct ts_id id = { { 0 } };

        id.bytes[0] = (uint8_t) kind;
        id.bytes[15] = (uint8_t) (n + 1);
        return id;
}

static size_t number_of(const struct ts_id *id)
{
        return (size_t) id->bytes[15] - 1;
}

/* Where a role or division (not "all") stands in the listing. */
static uint32_t role_index(const struct world *w, unsigned role)
{
        return w->is_shuffled ? ROLES - 1 - role : role;
}

static uint32_t division_index(const struct world *w, unsigned division)
{
        return w->is_shuffled && division > 0 ? DIVISIONS - division : division;
}

struct input {
        const struct world *world;
        struct ts_arena arena;
        struct ts_live *live;
        struct ts_decl_organization decl;
        struct ts_desired *desired;
        struct ts_plan *plan;
};

static const char *const role_names[ROLES] = { "r0", "r1", "r2", "r3" };
static const char *const division_names[DIVISIONS] = { "all", "d1", "d2", "d3" };

static void list_catalog(struct input *in)
{
        struct ts_catalog *c = &in->live->catalog;

        for (unsigned i = 0; i < ROLES; i++) {
                unsigned r = in->world->is_shuffled ? ROLES - 1 - i : i;
                struct ts_id id = id_of(0x20, r);

                (void) ts_catalog_add_role(c, &id, role_names[r]);
        }
        for (unsigned i = 1; i < DIVISIONS; i++) {
                unsigned d = in->world->is_shuffled ? DIVISIONS - i : i;
                struct ts_id id = id_of(0x30, d);

                (void) ts_catalog_add_division(c, &id, division_names[d]);
        }
        c->complete = true;
}

static void list_members(struct input *in, const struct trust *t, int kind, struct ts_members *ret)
{
        ret->coverage = t->is_partial[kind] ? TS_COVERAGE_PARTIAL : TS_COVERAGE_COMPLETE;
        ret->items = TS_ARENA_ARRAY(&in->arena, struct ts_member, t->n[kind]);
        for (size_t i = 0; i < t->n[kind]; i++) {
                const struct member *m = &t->members[kind][i];
                struct ts_member *to = &ret->items[ret->n];

                if (!m->live)
                        continue;
                *to = (struct ts_member){ .kind = kind == 0 ? TS_KIND_USER : TS_KIND_GROUP,
                                          .id = id_of(0x40, i),
                                          .created = TS_TIME_UNSET,
                                          .grants_coverage = m->is_unknown ? TS_COVERAGE_PARTIAL
                                                                           : TS_COVERAGE_COMPLETE };
                to->grants = TS_ARENA_ARRAY(&in->arena, struct ts_grant, GRANTS);
                for (unsigned g = 0; g < GRANTS; g++)
                        if (m->have & 1u << g)
                                to->grants[to->n_grants++] =
                                                (struct ts_grant){ role_index(in->world, g / DIVISIONS),
                                                                   division_index(in->world, g % DIVISIONS),
                                                                   NULL };
                to->n_grants = (uint32_t) ts_grants_normalise(to->grants, to->n_grants);
                ret->n++;
        }
}

static void list_trusts(struct input *in)
{
        const struct world *w = in->world;

        in->live = ts_live_new();
        in->live->organization_id = id_of(0x10, 0);
        in->live->trustors_coverage = in->live->care_coverage = TS_COVERAGE_COMPLETE;
        in->live->trusts_coverage = w->is_partial ? TS_COVERAGE_PARTIAL : TS_COVERAGE_COMPLETE;
        list_catalog(in);
        in->live->trusts = TS_ARENA_ARRAY(&in->arena, struct ts_trust, w->n);
        for (size_t i = 0; i < w->n; i++) {
                const struct trust *t = &w->trusts[i];
                struct ts_trust *to = &in->live->trusts[in->live->n_trusts];

                if (!t->live)
                        continue;
                *to = (struct ts_trust){ .direction = TS_TRUSTEE,
                                         .id = id_of(0x50, i),
                                         .enabled = t->live_enabled,
                                         .expires = t->live_expires };
                list_members(in, t, 0, &to->users);
                list_members(in, t, 1, &to->groups);
                in->live->n_trusts++;
        }
}

static struct ts_source at(size_t line)
{
        return (struct ts_source){ "t.yaml", (uint32_t) line + 1, 1 };
}

static void declare_grants(struct input *in, struct ts_decl_member *m, mask want)
{
        m->roles.items = TS_ARENA_ARRAY(&in->arena, struct ts_decl_role, GRANTS);
        for (unsigned g = 0; g < GRANTS; g++) {
                struct ts_decl_role *r = &m->roles.items[m->roles.n];

                if (!(want & 1u << g))
                        continue;
                *r = (struct ts_decl_role){ .role = role_names[g / DIVISIONS], .source = m->source };
                r->all = g % DIVISIONS == 0;
                r->n_divisions = !r->all;
                r->divisions = TS_ARENA_NEW(&in->arena, struct ts_decl_text);
                r->divisions[0] = (struct ts_decl_text){ division_names[g % DIVISIONS], m->source };
                m->roles.n++;
        }
}

static void declare_members(struct input *in, const struct trust *t, int kind, struct ts_decl_members *ret)
{
        ret->managed = t->managed[kind];
        ret->source = at(1);
        ret->items = TS_ARENA_ARRAY(&in->arena, struct ts_decl_member, t->n[kind]);
        for (size_t i = 0; i < t->n[kind]; i++) {
                size_t k = in->world->is_shuffled ? t->n[kind] - 1 - i : i;
                const struct member *m = &t->members[kind][k];
                struct ts_decl_member *to = &ret->items[ret->n];

                if (!m->listed)
                        continue;
                *to = (struct ts_decl_member){ .kind = kind == 0 ? TS_KIND_USER : TS_KIND_GROUP,
                                               .id = id_of(0x40, k),
                                               .source = at(10 + k),
                                               .grants_managed = m->grants_managed,
                                               .from = TS_TIME_UNSET,
                                               .until = TS_TIME_UNSET };
                to->key = ts_arena_strdup(&in->arena, ts_id_format(&to->id).s);
                declare_grants(in, to, m->want);
                ret->n++;
        }
}

static void declare(struct input *in)
{
        struct ts_decl_organization *o = &in->decl;

        o->alias = "acme";
        o->trustees_managed = true;
        o->trusts = TS_ARENA_ARRAY(&in->arena, struct ts_decl_trust, in->world->n);
        for (size_t i = 0; i < in->world->n; i++) {
                const struct trust *t = &in->world->trusts[i];
                struct ts_decl_trust *to = &o->trusts[o->n_trusts];

                if (!t->declared)
                        continue;
                *to = (struct ts_decl_trust){ .direction = TS_TRUSTEE,
                                              .id = id_of(0x50, i),
                                              .absent = t->absent,
                                              .observe = t->observe,
                                              .report_unlisted = t->report,
                                              .enabled = t->enabled,
                                              .expires = t->expires };
                to->alias = ts_arena_printf(&in->arena, "t%zu", i);
                to->source = to->state_source = to->enabled_source = to->expires_source = at(0);
                declare_members(in, t, 0, &to->users);
                declare_members(in, t, 1, &to->groups);
                o->n_trusts++;
        }
}

static void make_plan(struct input *in, const struct world *w, const struct ts_last_applied *last_applied)
{
        *in = (struct input){ .world = w };
        list_trusts(in);
        declare(in);
        in->desired = ts_resolve_members(&in->decl, in->live, NULL);
        ts_resolve_grants(in->desired, in->live, &w->policy);
        in->plan = ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                                    .live = in->live,
                                                    .desired = in->desired,
                                                    .policy = &w->policy,
                                                    .last_applied = last_applied,
                                                    .now = NOW });
        current_input = in;
}

static void input_done(struct input *in)
{
        current_input = NULL;
        ts_plan_free(in->plan);
        ts_desired_free(in->desired);
        ts_live_free(in->live);
        ts_arena_done(&in->arena);
}

/* ----------------------------------------------------------------------------------------- the other view */

/* "all" swallows the single divisions of its role. */
static mask normal(mask m)
{
        for (unsigned r = 0; r < ROLES; r++)
                if (m & 1u << r * DIVISIONS)
                        m &= ~(((1u << DIVISIONS) - 2) << r * DIVISIONS);
        return m;
}

/* What can be done with it: "all" is every division. */
static mask reach(mask m)
{
        for (unsigned r = 0; r < ROLES; r++)
                if (m & 1u << r * DIVISIONS)
                        m |= ((1u << DIVISIONS) - 1) << r * DIVISIONS;
        return m;
}

static bool is_managed(const struct trust *t, int kind)
{
        return t->declared && !t->absent && t->managed[kind];
}

static bool is_open(const struct trust *t)
{
        return t->live && t->live_enabled && t->live_expires > NOW;
}

/* The attributes that are asked for; false when they would open a trust that is past its expiry. */
static bool desired_attributes(const struct trust *t, bool *ret_enabled, int64_t *ret_expires)
{
        bool enabled = t->enabled == TS_UNSET ? t->live_enabled : t->enabled == TS_YES;
        int64_t expires = t->expires == TS_TIME_UNSET ? t->live_expires : t->expires;
        bool opens = (enabled && !t->live_enabled) || expires > t->live_expires;

        *ret_enabled = enabled;
        *ret_expires = expires;
        return !opens || expires > NOW;
}

/* The live world that the declaration asks for: what every plan has to lead to. */
static void settle(struct world *w)
{
        for (size_t i = 0; i < w->n; i++) {
                struct trust *t = &w->trusts[i];
                int64_t expires;
                bool enabled;

                if (!t->declared || !t->live || t->observe)
                        continue;
                if (t->absent) {
                        t->live_enabled = false; /* and deleted a day later */
                        continue;
                }
                if (desired_attributes(t, &enabled, &expires)) {
                        t->live_enabled = enabled;
                        t->live_expires = expires;
                }
                for (int k = 0; k < KINDS; k++)
                        for (size_t m = 0; is_managed(t, k) && m < t->n[k]; m++) {
                                struct member *x = &t->members[k][m];

                                x->have = x->listed && x->grants_managed ? x->want : x->live ? x->have : 0;
                                x->live = x->listed || (x->live && t->report);
                        }
        }
}

/* How many objects differ between two live worlds. */
static size_t count_differences(const struct world *a, const struct world *b)
{
        size_t n = 0;

        for (size_t i = 0; i < a->n; i++) {
                const struct trust *x = &a->trusts[i], *y = &b->trusts[i];

                n += x->live != y->live || x->live_enabled != y->live_enabled ||
                     x->live_expires != y->live_expires;
                for (int k = 0; k < KINDS; k++)
                        for (size_t m = 0; m < x->n[k]; m++) {
                                const struct member *p = &x->members[k][m], *q = &y->members[k][m];

                                n += p->live != q->live || (p->live && normal(p->have) != normal(q->have));
                        }
        }
        return n;
}

static bool is_same(const struct world *a, const struct world *b)
{
        return count_differences(a, b) == 0;
}

/* ---------------------------------------------------------------------------------------- a server's view */

static mask mask_of(const struct input *in, const struct ts_grant *grants, size_t n)
{
        mask m = 0;

        for (size_t i = 0; i < n; i++) {
                size_t role = number_of(&in->live->catalog.roles[grants[i].role].id);
                size_t division = grants[i].division == TS_DIVISION_ALL
                                                  ? 0
                                                  : number_of(&in->live->catalog.divisions[grants[i].division]
                                                                               .id);

                m |= 1u << (role * DIVISIONS + division);
        }
        return m;
}

static mask mask_of_changes(const struct input *in, const struct ts_grant_changes *c)
{
        mask m = 0;

        for (size_t i = 0; i < c->n; i++) {
                struct ts_grant g = { .role = c->items[i].role, .division = c->items[i].division };
                mask bit = mask_of(in, &g, 1);

                REQUIRE(!(m & bit), "a grant twice in one change");
                m |= bit;
        }
        return m;
}

/* What a server does with one change. */
static void carry_out(const struct input *in, struct world *w, const struct ts_change *c)
{
        struct trust *t = &w->trusts[number_of(&c->trust_id)];
        struct member *m = &t->members[c->kind == TS_KIND_GROUP][number_of(&c->subject_id) % MEMBERS];

        switch (c->action) {
        case TS_USER_ADD:
        case TS_GROUP_ADD:
                REQUIRE(!m->live, "adds who is there");
                m->live = true;
                m->have = mask_of(in, c->grants_after, c->n_after);
                REQUIRE(mask_of_changes(in, &c->add) == m->have, "says other grants than it gives");
                break;
        case TS_USER_UPDATE:
        case TS_GROUP_UPDATE:
                REQUIRE(m->live, "updates who is not there");
                REQUIRE(mask_of(in, c->grants_before, c->n_before) == normal(m->have),
                        "is from another state");
                REQUIRE(((normal(m->have) | mask_of_changes(in, &c->add)) &
                         ~mask_of_changes(in, &c->remove)) == mask_of(in, c->grants_after, c->n_after) ||
                                        c->held.n > 0,
                        "says other grants than it gives");
                REQUIRE(!(mask_of_changes(in, &c->add) & mask_of_changes(in, &c->remove)),
                        "gives what it takes");
                m->have = mask_of(in, c->grants_after, c->n_after);
                break;
        case TS_USER_REMOVE:
        case TS_GROUP_REMOVE:
                REQUIRE(m->live, "removes who is not there");
                m->live = false;
                break;
        case TS_TRUST_UPDATE:
        case TS_TRUST_ENABLE:
        case TS_TRUST_DISABLE:
                REQUIRE(c->before.enabled == t->live_enabled && c->before.expires == t->live_expires,
                        "is from another state");
                REQUIRE(c->changes_enabled == (c->before.enabled != c->after.enabled), "changes_enabled");
                REQUIRE(c->changes_expires == (c->before.expires != c->after.expires), "changes_expires");
                t->live_enabled = c->after.enabled;
                t->live_expires = c->after.expires;
                break;
        case TS_TRUST_DELETE:
                t->live = false;
                break;
        default:
                report_failure("an action that nobody asked for");
        }
}

/* --------------------------------------------------------------------------------------------- properties */

/* Nothing that can be used, or is only held, and that was neither there at first nor will be in the end. */
static void require_no_more(const struct world *now, const struct world *first, const struct world *last,
                            bool can_use)
{
        for (size_t i = 0; i < now->n; i++) {
                const struct trust *t = &now->trusts[i], *a = &first->trusts[i], *z = &last->trusts[i];

                for (int k = 0; k < KINDS; k++)
                        for (size_t m = 0; m < t->n[k]; m++) {
                                const struct member *x = &t->members[k][m], *p = &a->members[k][m],
                                                    *q = &z->members[k][m];
                                mask was = p->live ? reach(p->have) : 0, will = q->live ? reach(q->have) : 0;
                                mask is = x->live ? reach(x->have) : 0;

                                REQUIRE(!(is & ~(was | will)),
                                        "somebody holds what was neither there nor declared");
                                if (!can_use || !is_open(t))
                                        continue;
                                was = is_open(a) ? was : 0;
                                will = is_open(z) ? will : 0;
                                REQUIRE(!(is & ~(was | will)),
                                        "somebody can use what was neither there nor declared");
                        }
        }
}

/* Each step of the plan, in order; @failing is not carried out, as if the server had refused it. */
static void walk(const struct input *in, const struct world *first, const struct world *last, size_t failing,
                 struct world *ret)
{
        bool may_open[TRUSTS], closing_failed = false;

        *ret = *first;
        for (size_t i = 0; i < TRUSTS; i++)
                may_open[i] = true;
        for (size_t i = 0; i < in->plan->n_changes; i++) {
                const struct ts_change *c = &in->plan->changes[i];
                size_t t = number_of(&c->trust_id);

                if (ts_change_result(c) != TS_PLANNED || (c->phase == TS_PHASE_OPEN && !may_open[t]))
                        continue;
                if (i ==
                    failing) { /* a removal that failed keeps the trust closed: that is the applier's part */
                        may_open[t] = may_open[t] && c->phase != TS_PHASE_REMOVE &&
                                      c->phase != TS_PHASE_REDUCE;
                        closing_failed = c->phase == TS_PHASE_CLOSE;
                        continue;
                }
                carry_out(in, ret, c);
                require_no_more(ret, first, last, !closing_failed);
        }
}

static void require_order(const struct ts_plan *plan)
{
        for (size_t i = 1; i < plan->n_changes; i++) {
                const struct ts_change *a = &plan->changes[i - 1], *b = &plan->changes[i];

                if (ts_id_equal(&a->trust_id, &b->trust_id))
                        REQUIRE(a->phase <= b->phase, "steps of a trust out of order");
        }
}

static size_t count_planned(const struct ts_plan *plan)
{
        size_t n = 0;

        for (size_t i = 0; i < plan->n_changes; i++)
                n += ts_change_is_planned(&plan->changes[i]);
        return n;
}

static void put_plan(const struct input *in, struct ts_buf *out)
{
        for (size_t i = 0; i < in->plan->n_changes; i++) {
                const struct ts_change *c = &in->plan->changes[i];

                ts_buf_printf(out, "%s %s %s %zu %zu %x %x %d %d %" PRId64,
                              ts_result_to_string(ts_change_result(c)), ts_action_to_string(c->action),
                              ts_reason_to_string(c->reason), number_of(&c->trust_id),
                              number_of(&c->subject_id), mask_of(in, c->grants_before, c->n_before),
                              mask_of(in, c->grants_after, c->n_after), (int) c->phase, c->after.enabled,
                              c->after.expires);
                for (size_t g = 0; g < c->add.n + c->remove.n; g++) {
                        const struct ts_grant_change *x =
                                        g < c->add.n ? &c->add.items[g] : &c->remove.items[g - c->add.n];

                        ts_buf_printf(out, " %s/%s", ts_plan_role_name(in->plan, x->role),
                                      ts_plan_division_name(in->plan, x->division));
                }
                ts_buf_putc(out, '\n');
        }
}

static struct ts_digest digest_of(const struct ts_plan *plan)
{
        struct ts_sha256 *h = ts_sha256_new();

        ts_plan_digest(plan, h);
        return ts_sha256_finish(h);
}

static void require_order_is_unseen(const struct input *in, const struct world *w,
                                    const struct ts_last_applied *last_applied)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf a = TS_BUF_INIT(1000000), b = TS_BUF_INIT(1000000);
        struct ts_digest x = digest_of(in->plan), y;
        struct world shuffled = *w;
        struct input other;

        shuffled.is_shuffled = true;
        make_plan(&other, &shuffled, last_applied);
        put_plan(in, &a);
        put_plan(&other, &b);
        REQUIRE(strcmp(ts_buf_text(&a), ts_buf_text(&b)) == 0, "the order of the listings can be seen");
        y = digest_of(other.plan);
        REQUIRE(memcmp(&x, &y, sizeof(x)) == 0, "the order of the listings can be seen in the digest");
        input_done(&other);
}

/* Everything that holds without protection and deny. */
static void check_world(const struct world *w, uint64_t seed, bool thoroughly)
{
        struct world last = *w, reached, broken;
        struct input in, again;

        current = w;
        current_seed = seed;
        settle(&last);
        make_plan(&in, w, NULL);
        REQUIRE(in.plan->complete, "the plan is not complete");
        require_order(in.plan);
        walk(&in, w, &last, SIZE_MAX, &reached);
        REQUIRE(is_same(&reached, &last), "the plan does not give the declaration");
        REQUIRE(count_planned(in.plan) == count_differences(w, &last),
                "more changes than differences, or fewer");

        make_plan(&again, &reached, NULL);
        REQUIRE(count_planned(again.plan) == 0, "a second plan writes");
        input_done(&again);
        if (thoroughly) {
                require_order_is_unseen(&in, w, NULL);
                for (size_t i = 0; i < in.plan->n_changes; i++)
                        walk(&in, w, &last, i, &broken);
        }
        input_done(&in);
}

/* ------------------------------------------------------------------------------------------- small worlds */

/* Two roles in "all" and one division: 16 sets, written with and without what "all" swallows. */
static mask small_mask(unsigned n)
{
        return (mask) ((n & 3) | (n & 12) << (DIVISIONS - 2));
}

enum {
        SMALL_LIVE = 17,     /* not a member, or one of 16 sets */
        SMALL_DECLARED = 18, /* not listed, grants not managed, or one of 16 sets */
        SMALL_USER = SMALL_LIVE * SMALL_DECLARED,
        LIVE_STATES = 2 * 4,
        DECLARED_STATES = 3 * 5 + 1, /* or absent */
        STATES = LIVE_STATES * DECLARED_STATES,
};

static void small_user(struct member *m, unsigned n)
{
        unsigned live = n % SMALL_LIVE, declared = n / SMALL_LIVE;

        *m = (struct member){ .live = live > 0, .listed = declared > 0, .grants_managed = declared > 1 };
        if (live > 0)
                m->have = small_mask(live - 1);
        if (declared > 1)
                m->want = small_mask(declared - 2);
}

static void small_state(struct trust *t, unsigned n)
{
        static const int64_t lives[] = { TS_TIME_NEVER, SOON, LATER, PAST };
        static const int64_t declareds[] = { TS_TIME_UNSET, TS_TIME_NEVER, SOON, LATER, PAST };
        unsigned live = n % LIVE_STATES, declared = n / LIVE_STATES;

        t->declared = t->live = true;
        t->live_enabled = live % 2 == 0;
        t->live_expires = lives[live / 2];
        t->absent = declared == DECLARED_STATES - 1;
        t->enabled = t->absent ? TS_UNSET : (enum ts_tristate)(declared % 3);
        t->expires = t->absent ? TS_TIME_UNSET : declareds[declared / 3];
}

static void small_world(struct world *w, unsigned state, unsigned first, unsigned second)
{
        struct trust *t = &w->trusts[0];

        *w = (struct world){ .n = 1 };
        w->policy = (struct ts_policy){ .limits = { 1000, 1000, 1000, 100, 25 },
                                        .delete_after_usec = TS_USEC_PER_DAY };
        small_state(t, state);
        t->managed[0] = true;
        t->n[0] = 2;
        small_user(&t->members[0][0], first);
        small_user(&t->members[0][1], second);
}

/* Two users, in all ways that they can be declared and live. */
START_TEST(test_all_users)
{
        struct world w;

        for (unsigned a = 0; a < SMALL_USER; a++)
                for (unsigned b = (unsigned) _i; b < SMALL_USER; b += 9) {
                        small_world(&w, 0, a, b);
                        check_world(&w, (uint64_t) a * SMALL_USER + b, (a + b) % 7 == 0);
                }
}
END_TEST

/* Enough of a user to tell any two of the ways in which steps can follow each other: gone, new, given to,
 * taken from, both. */
static const unsigned few_users[] = {
        0,                   /* nobody */
        3,                   /* live, not listed: has to go */
        5 * SMALL_LIVE,      /* listed, not live: comes */
        SMALL_LIVE + 4,      /* listed, grants not managed */
        5 * SMALL_LIVE + 4,  /* as declared */
        9 * SMALL_LIVE + 4,  /* given to */
        3 * SMALL_LIVE + 12, /* taken from */
        6 * SMALL_LIVE + 9,  /* both */
};

/* Every state of a trust with every declaration of it; users managed or not. */
START_TEST(test_all_states)
{
        struct world w;

        for (unsigned s = 0; s < STATES; s++)
                for (size_t a = 0; a < TS_N_ELEMENTS(few_users); a++)
                        for (size_t b = 0; b < TS_N_ELEMENTS(few_users); b++) {
                                small_world(&w, s, few_users[a], few_users[b]);
                                w.trusts[0].managed[0] = _i != 1;
                                w.trusts[0].observe = _i == 2;
                                w.trusts[0].report = _i == 3;
                                check_world(&w, s * 10000 + a * 100 + b, true);
                        }
}
END_TEST

/* Everything with everything, a sample: another one in each of the runs. */
START_TEST(test_all_with_all)
{
        const uint64_t n = (uint64_t) STATES * SMALL_USER * SMALL_USER, step = 1009;
        struct world w;

        for (uint64_t i = (uint64_t) _i; i < n; i += step) {
                small_world(&w, (unsigned) (i % STATES), (unsigned) (i / STATES % SMALL_USER),
                            (unsigned) (i / STATES / SMALL_USER));
                check_world(&w, i, false);
        }
}
END_TEST

/* A trust that is not there, one that nobody declares, with each policy for those. */
START_TEST(test_trusts_of_one_side)
{
        struct world w, reached;
        struct input in;

        for (unsigned s = 0; s < STATES; s++)
                for (int remove = 0; remove < 2; remove++) {
                        small_world(&w, s, few_users[1], few_users[6]);
                        current = &w;
                        current_seed = s;
                        w.policy.remove_unlisted_trusts = remove != 0;
                        w.trusts[0].live = _i == 0;
                        w.trusts[0].declared = _i != 0;
                        make_plan(&in, &w, NULL);
                        walk(&in, &w, &w, SIZE_MAX, &reached);
                        if (_i == 0 && remove && w.trusts[0].live_enabled) {
                                REQUIRE(count_planned(in.plan) == 1, "an unlisted trust is not disabled");
                                REQUIRE(in.plan->changes[0].action == TS_TRUST_DISABLE,
                                        "it is not disabled first");
                        } else {
                                REQUIRE(count_planned(in.plan) == 0,
                                        "something is written of one side alone");
                        }
                        input_done(&in);
                }
}
END_TEST

/* ------------------------------------------------------------------------------------------- large worlds */

/* A small generator, so that a seed that failed can be run again. */
static uint64_t next_random(uint64_t *state)
{
        uint64_t z;

        *state += 0x9e3779b97f4a7c15u;
        z = *state;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
}

static unsigned below(uint64_t *state, unsigned n)
{
        return (unsigned) (next_random(state) % n);
}

static mask random_grants(uint64_t *state)
{
        return (mask) (next_random(state) & next_random(state) & next_random(state) & ((1u << GRANTS) - 1));
}

static void random_declaration(struct world *w, uint64_t *state)
{
        *w = (struct world){ .n = 1 + below(state, TRUSTS) };
        w->policy = (struct ts_policy){ .limits = { 10000, 10000, 10000, 100, 25 },
                                        .delete_after_usec = TS_USEC_PER_DAY };
        for (size_t i = 0; i < w->n; i++) {
                struct trust *t = &w->trusts[i];

                small_state(t, below(state, STATES));
                t->absent = t->absent && below(state, 4) == 0;
                t->observe = below(state, 12) == 0;
                t->report = below(state, 12) == 0;
                for (int k = 0; k < KINDS; k++) {
                        t->managed[k] = below(state, 6) != 0;
                        t->n[k] = below(state, k == 0 ? MEMBERS : 4);
                        for (size_t m = 0; m < t->n[k]; m++)
                                t->members[k][m] = (struct member){ .listed = true,
                                                                    .grants_managed = below(state, 8) != 0,
                                                                    .want = random_grants(state) };
                }
        }
}

/* One of the ways in which somebody else's hands change a trust. */
static void mutate(struct trust *t, uint64_t *state)
{
        int k = (int) below(state, KINDS);
        struct member *m = t->n[k] > 0 ? &t->members[k][below(state, (unsigned) t->n[k])] : NULL;

        switch (below(state, 8)) {
        case 0:
                t->live_enabled = !t->live_enabled;
                break;
        case 1:
                t->live_expires = below(state, 2) ? SOON : LATER;
                break;
        default:
                if (!m)
                        break;
                if (below(state, 3) == 0) {
                        m->live = !m->live;
                        m->have = m->live ? random_grants(state) : 0;
                } else if (m->live) {
                        m->have ^= 1u << below(state, GRANTS);
                }
        }
}

/* The same for a declaration. */
static void edit(struct trust *t, uint64_t *state)
{
        int k = (int) below(state, KINDS);
        struct member *m = t->n[k] > 0 ? &t->members[k][below(state, (unsigned) t->n[k])] : NULL;

        switch (below(state, 8)) {
        case 0:
                t->enabled = (enum ts_tristate) below(state, 3);
                break;
        case 1:
                t->expires = below(state, 2) ? SOON : LATER;
                break;
        default:
                if (!m)
                        break;
                if (below(state, 3) == 0)
                        m->listed = !m->listed;
                else
                        m->want ^= 1u << below(state, GRANTS);
        }
}

/* Live is what was declared, and then some hands' work: two independent worlds have hardly anything in
 * common. */
static void random_world(struct world *w, uint64_t *state)
{
        random_declaration(w, state);
        settle(w);
        for (size_t i = 0; i < w->n; i++)
                for (unsigned n = below(state, 12); n > 0; n--)
                        mutate(&w->trusts[i], state);
}

START_TEST(test_large_worlds)
{
        for (uint64_t seed = 0; seed < 1500; seed++) {
                uint64_t state = seed;
                struct world w;

                random_world(&w, &state);
                check_world(&w, seed, seed % 8 == 0);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------------------- memory */

/* What is remembered after a cycle that changed everything it planned. */
static struct ts_last_applied *update_last_applied(struct world *w)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *fresh = ts_last_applied_new();
        struct ts_last_applied *last_applied;
        struct input in;

        fresh->writable = true;
        make_plan(&in, w, NULL);
        for (size_t i = 0; i < in.plan->n_changes; i++)
                if (ts_change_is_planned(&in.plan->changes[i])) {
                        carry_out(&in, w, &in.plan->changes[i]);
                        in.plan->changes[i].decision = TS_APPLIED;
                }
        last_applied = ts_last_applied_update(&(struct ts_last_applied_update_input){
                        .old = fresh, .desired = in.desired, .live = in.live, .plan = in.plan, .now = NOW });
        input_done(&in);
        return last_applied;
}

static void require_reasons(const struct ts_plan *plan, enum ts_reason reason, const char *what)
{
        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];

                if (!ts_change_is_planned(c)) /* held: what was never in force cannot have drifted */
                        continue;
                REQUIRE(c->reason == reason, what);
                for (size_t g = 0; g < c->add.n; g++)
                        REQUIRE(c->add.items[g].reason == reason, what);
                for (size_t g = 0; g < c->remove.n; g++)
                        REQUIRE(c->remove.items[g].reason == reason, what);
        }
}

static bool has_observed(const struct world *w)
{
        for (size_t i = 0; i < w->n; i++)
                if (w->trusts[i].observe || w->trusts[i].absent)
                        return true;
        return false;
}

/* After a cycle the difference is somebody else's when the declaration is the same, and ours when the live
 * state is. */
START_TEST(test_reasons)
{
        for (uint64_t seed = 0; seed < 1000; seed++) {
                uint64_t state = seed;
                struct world w, changed, edited;
                struct ts_last_applied *last_applied;
                struct input in;

                random_world(&w, &state);
                current = &w;
                current_seed = seed;
                if (has_observed(&w))
                        continue;
                for (size_t i = 0; i < w.n; i++) { /* what is past its expiry is held, and never in force */
                        if (w.trusts[i].expires == PAST)
                                w.trusts[i].expires = SOON;
                        if (w.trusts[i].live_expires == PAST)
                                w.trusts[i].live_expires = SOON;
                }
                last_applied = update_last_applied(&w);

                make_plan(&in, &w, last_applied);
                REQUIRE(count_planned(in.plan) == 0, "the second cycle writes");
                input_done(&in);

                changed = edited = w;
                for (size_t i = 0; i < w.n; i++) {
                        mutate(&changed.trusts[i], &state);
                        mutate(&changed.trusts[i], &state);
                        edit(&edited.trusts[i], &state);
                        edit(&edited.trusts[i], &state);
                }
                current = &changed;
                make_plan(&in, &changed, last_applied);
                require_reasons(in.plan, TS_REASON_DRIFT, "what others changed is not called drift");
                input_done(&in);
                current = &edited;
                make_plan(&in, &edited, last_applied);
                require_reasons(in.plan, TS_REASON_CONFIG, "what we changed is called drift");
                input_done(&in);
                ts_last_applied_free(last_applied);
        }
}
END_TEST

/* Losing the record, or having one of another world, never makes another removal, addition or grant: of
 * members. */
START_TEST(test_last_applied_never_decides)
{
        for (uint64_t seed = 0; seed < 1000; seed++) {
                uint64_t state = seed;
                struct world w, other;
                struct ts_last_applied *last_applied;
                struct input with, without;
                size_t n = 0;

                random_world(&other, &state);
                current = &other;
                current_seed = seed;
                last_applied = update_last_applied(&other);
                w = other;
                for (size_t i = 0; i < w.n; i++)
                        for (int n_edits = 0; n_edits < 4; n_edits++) {
                                mutate(&w.trusts[i], &state);
                                edit(&w.trusts[i], &state);
                        }
                current = &w;
                make_plan(&with, &w, last_applied);
                make_plan(&without, &w, NULL);
                REQUIRE(with.plan->n_changes == without.plan->n_changes, "the record makes a change");
                for (; n < with.plan->n_changes; n++) {
                        const struct ts_change *a = &with.plan->changes[n], *b = &without.plan->changes[n];

                        REQUIRE(a->action == b->action && ts_id_equal(&a->subject_id, &b->subject_id) &&
                                                ts_id_equal(&a->trust_id, &b->trust_id),
                                "the record makes another change");
                        if (a->kind != TS_KIND_TRUST)
                                REQUIRE(ts_change_result(a) == ts_change_result(b) &&
                                                        a->n_after == b->n_after,
                                        "the record decides");
                        else /* held where it must not open by itself; a deletion waits for its time */
                                REQUIRE(ts_change_result(a) == ts_change_result(b) ||
                                                        ts_change_result(a) == TS_HELD ||
                                                        ts_change_result(a) == TS_WAITING,
                                        "the record opens a trust");
                }
                input_done(&with);
                input_done(&without);
                ts_last_applied_free(last_applied);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------ protection and deny */

/* What is open may stay so: its closing is held. */
static void keep_open(struct world *w, const struct world *before)
{
        for (size_t i = 0; i < w->n; i++)
                if (is_open(&before->trusts[i])) {
                        w->trusts[i].live_enabled = true;
                        w->trusts[i].live_expires = before->trusts[i].live_expires;
                }
}

static const char *id_text(struct ts_arena *a, unsigned kind, size_t n)
{
        struct ts_id id = id_of(kind, n);

        return ts_arena_strdup(a, ts_id_format(&id).s);
}

static void require_protected(const struct world *w, const struct input *in, size_t protected)
{
        for (size_t i = 0; i < in->plan->n_changes; i++) {
                const struct ts_change *c = &in->plan->changes[i];
                const struct trust *t = &w->trusts[number_of(&c->trust_id)];
                bool has_protected = t->n[0] > protected && t->members[0][protected].live;
                bool is_protected = c->kind == TS_KIND_USER && number_of(&c->subject_id) == protected;

                if (!ts_change_is_planned(c))
                        continue;
                REQUIRE(!is_protected || c->action != TS_USER_REMOVE, "a protected user is removed");
                REQUIRE(!is_protected || c->remove.n == 0, "a protected user loses a grant");
                REQUIRE(!is_protected || c->action != TS_USER_UPDATE ||
                                        !(reach(mask_of(in, c->grants_before, c->n_before)) &
                                          ~reach(mask_of(in, c->grants_after, c->n_after))),
                        "a protected user can do less");
                REQUIRE(!has_protected || c->kind != TS_KIND_TRUST ||
                                        (c->after.enabled >= c->before.enabled &&
                                         c->after.expires >= c->before.expires &&
                                         c->action != TS_TRUST_DELETE),
                        "a trust with a protected member is closed");
        }
}

/* Not a step takes anything from who is protected, denied or not. */
START_TEST(test_protection)
{
        for (uint64_t seed = 0; seed < 1500; seed++) {
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                uint64_t state = seed;
                struct world w, reached, last;
                struct ts_decl_text user, role;
                struct ts_id trust;
                struct input in, again;
                size_t protected;

                random_world(&w, &state);
                current = &w;
                current_seed = seed;
                protected = below(&state, MEMBERS);
                user = (struct ts_decl_text){ id_text(&arena, 0x40, protected), at(0) };
                role = (struct ts_decl_text){ role_names[below(&state, ROLES)], at(0) };
                trust = id_of(0x50, below(&state, TRUSTS));
                w.policy.protect_users = (struct ts_texts){ &user, 1 };
                w.policy.remove_unlisted_trusts = below(&state, 2) == 0;
                w.trusts[0].declared = below(&state, 3) != 0;
                if (below(&state, 2) == 0) { /* everything is asked for that protection has to withstand */
                        w.policy.deny_users = w.policy.protect_users;
                        w.policy.deny_roles = (struct ts_texts){ &role, 1 };
                        w.policy.deny_organizations = (struct ts_ids){ &trust, 1 };
                }
                make_plan(&in, &w, NULL);
                require_protected(&w, &in, protected);
                last = w;
                settle(&last);
                keep_open(&last, &w);
                walk(&in, &w, &last, SIZE_MAX, &reached);
                make_plan(&again, &reached, NULL);
                require_protected(&reached, &again, protected);
                REQUIRE(count_planned(again.plan) == 0, "a second plan writes");
                input_done(&in);
                input_done(&again);
        }
}
END_TEST

/* --------------------------------------------------------------------------------------------------- deny */

/* What the settings forbid is gone after one cycle, whatever is declared, and whatever the limits say. */
START_TEST(test_deny)
{
        for (uint64_t seed = 0; seed < 1500; seed++) {
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                uint64_t state = seed;
                struct world w, reached, last;
                struct ts_decl_text user, role;
                unsigned denied_role = below(&state, ROLES);
                size_t denied_user = below(&state, MEMBERS), denied_trust = below(&state, TRUSTS);
                struct ts_id trust = id_of(0x50, denied_trust);
                struct input in;

                random_world(&w, &state);
                current = &w;
                current_seed = seed;
                user = (struct ts_decl_text){ id_text(&arena, 0x40, denied_user), at(0) };
                role = (struct ts_decl_text){ role_names[denied_role], at(0) };
                w.policy.deny_users = (struct ts_texts){ &user, 1 };
                w.policy.deny_roles = (struct ts_texts){ &role, 1 };
                w.policy.deny_organizations = (struct ts_ids){ &trust, 1 };
                make_plan(&in, &w, NULL);
                if (_i == 1) {
                        w.policy.limits = (struct ts_limits){ 0, 0, 0, 0, 25 };
                        ts_limits_check(in.plan, in.live, &w.policy.limits, NULL, NOW);
                        ts_limits_refuse(in.plan, "plan_digest", "for a test");
                        ts_limits_hold_refused(in.plan);
                        for (size_t i = 0; i < in.plan->n_changes; i++)
                                REQUIRE(!ts_change_is_planned(&in.plan->changes[i]) ||
                                                        (in.plan->changes[i].reason == TS_REASON_DENIED &&
                                                         in.plan->changes[i].add.n == 0),
                                        "a refused plan does more than to deny");
                }
                last = w;
                settle(&last);
                walk(&in, &w, &last, SIZE_MAX, &reached);
                input_done(&in);
                for (size_t i = 0; i < w.n; i++) {
                        const struct trust *t = &reached.trusts[i];

                        REQUIRE(i != denied_trust || !t->live_enabled, "a denied organization may enter");
                        REQUIRE(denied_user >= t->n[0] || !t->members[0][denied_user].live,
                                "a denied user is still a member");
                        for (int k = 0; k < KINDS; k++)
                                for (size_t m = 0; is_managed(t, k) && m < t->n[k]; m++)
                                        REQUIRE(!t->members[k][m].live || !t->members[k][m].listed ||
                                                                !t->members[k][m].grants_managed ||
                                                                !(t->members[k][m].have >>
                                                                                  denied_role * DIVISIONS &
                                                                  ((1u << DIVISIONS) - 1)),
                                                "a denied role is still granted");
                }
        }
}
END_TEST

/* --------------------------------------------------------------------------------------- incomplete views */

/* What could not be read whole loses nobody, and opens nothing. */
START_TEST(test_incomplete_views)
{
        for (uint64_t seed = 0; seed < 1500; seed++) {
                uint64_t state = seed;
                struct world w, reached, last;
                struct input in;
                bool is_whole = true;

                random_world(&w, &state);
                current = &w;
                current_seed = seed;
                w.is_partial = below(&state, 4) == 0;
                is_whole = !w.is_partial;
                for (size_t i = 0; i < w.n; i++)
                        for (int k = 0; k < KINDS; k++) {
                                struct trust *t = &w.trusts[i];

                                t->is_partial[k] = below(&state, 4) == 0;
                                is_whole = is_whole && !(t->is_partial[k] && is_managed(t, k));
                                for (size_t m = 0; m < t->n[k]; m++)
                                        t->members[k][m].is_unknown = below(&state, 8) == 0;
                        }
                last = w;
                settle(&last);
                keep_open(&last, &w);
                make_plan(&in, &w, NULL);
                REQUIRE(is_whole || !in.plan->complete, "an incomplete view is called complete");
                for (size_t i = 0; i < in.plan->n_changes; i++) {
                        const struct ts_change *c = &in.plan->changes[i];
                        const struct trust *t = &w.trusts[number_of(&c->trust_id)];
                        int k = c->kind == TS_KIND_GROUP;

                        if (!ts_change_is_planned(c))
                                continue;
                        REQUIRE(c->kind != TS_KIND_TRUST || c->phase != TS_PHASE_CLOSE || !w.is_partial,
                                "a trust of an incomplete list is closed");
                        REQUIRE(c->phase != TS_PHASE_REMOVE || !t->is_partial[k],
                                "somebody of an incomplete list goes");
                        REQUIRE(c->phase != TS_PHASE_OPEN || !((t->is_partial[0] && t->managed[0]) ||
                                                               (t->is_partial[1] && t->managed[1])),
                                "a trust with an incomplete list is opened");
                        REQUIRE((c->action != TS_USER_UPDATE && c->action != TS_GROUP_UPDATE) ||
                                                !t->members[k][number_of(&c->subject_id)].is_unknown,
                                "grants are replaced that are not known");
                }
                walk(&in, &w, &last, SIZE_MAX, &reached);
                input_done(&in);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------------------- limits */

/* Counted as the rule has it, from the result: one for a trust closed, a member gone, a grant taken from who
 * stays. */
static uint32_t count_removals(const struct input *in, uint32_t *ret_trusts)
{
        uint32_t n = 0, n_trusts = 0;

        for (size_t i = 0; i < in->plan->n_changes; i++) {
                const struct ts_change *c = &in->plan->changes[i];
                bool closes = c->kind == TS_KIND_TRUST &&
                              (c->action == TS_TRUST_DELETE || (c->before.enabled && !c->after.enabled) ||
                               (c->before.expires > NOW && c->after.expires <= NOW));
                mask taken = mask_of(in, c->grants_before, c->n_before) &
                             ~mask_of(in, c->grants_after, c->n_after);

                if (!ts_change_is_planned(c))
                        continue;
                n_trusts += closes;
                n += closes || c->action == TS_USER_REMOVE || c->action == TS_GROUP_REMOVE;
                if (c->action == TS_USER_UPDATE || c->action == TS_GROUP_UPDATE)
                        n += (uint32_t) __builtin_popcount(taken);
        }
        *ret_trusts = n_trusts;
        return n;
}

static bool has_new_end(const struct ts_plan *plan)
{
        for (size_t i = 0; i < plan->n_ends; i++)
                if (plan->ends[i].is_new)
                        return true;
        return false;
}

static bool is_refused(struct world *w, const struct ts_last_applied *last_applied, struct ts_limits limits)
{
        struct input in;
        bool refused;

        make_plan(&in, w, last_applied);
        ts_limits_check(in.plan, in.live, &limits, last_applied, NOW);
        refused = in.plan->refused || in.plan->n_refusals > 0; /* or a trust of it */
        REQUIRE(refused == (in.plan->n_refusals > 0), "a refusal without a reason, or the other way round");
        input_done(&in);
        return refused;
}

START_TEST(test_limits)
{
        static const uint32_t many = 100000;

        for (uint64_t seed = 0; seed < 600; seed++) {
                TS_CLEANUP(ts_last_applied_freep)
                struct ts_last_applied *last_applied = ts_last_applied_new();
                uint64_t state = seed;
                uint32_t n, n_trusts, used = below(&state, 50), used_trusts = below(&state, 5);
                struct ts_removals counted;
                bool ahead;
                struct world w;
                struct input in;

                random_world(&w, &state);
                current = &w;
                current_seed = seed;
                ts_last_applied_add_removals(last_applied, NOW - 60, 0, used + used_trusts + 1, used_trusts);
                used += used_trusts + 1;
                make_plan(&in, &w, last_applied);
                n = count_removals(&in, &n_trusts);
                counted = ts_limits_count_planned(in.plan);
                REQUIRE(counted.n == n && counted.n_trusts == n_trusts, "removals are counted otherwise");
                ts_removals_done(&counted);
                ahead = has_new_end(in.plan);
                input_done(&in);
                if (ahead)
                        continue; /* they count in another day: tests/unit/test_limits */
                (void) ts_last_applied_removals_of_day(last_applied, NOW, 0, &used_trusts);

                for (uint32_t d = 0; d < 3; d++) { /* one below, at the limit, one above */
                        struct ts_limits cycle = { n + d - 1, many, many, 100, 25 };
                        struct ts_limits day = { many, used + n + d - 1, many, 100, 25 };
                        struct ts_limits trusts = { many, many, used_trusts + n_trusts + d - 1, 100, 25 };

                        if (n > 0)
                                REQUIRE(is_refused(&w, last_applied, cycle) == (d == 0),
                                        "removals_per_cycle");
                        if (n > 0)
                                REQUIRE(is_refused(&w, last_applied, day) == (d == 0), "removals_per_day");
                        if (n_trusts > 0)
                                REQUIRE(is_refused(&w, last_applied, trusts) == (d == 0),
                                        "trust_removals_per_day");
                }
                if (n == 0)
                        REQUIRE(!is_refused(&w, last_applied, (struct ts_limits){ 0, 0, 0, 0, 0 }),
                                "nothing to remove");
        }
}
END_TEST

/* The percentage: of members, from ten on; at the limit, and one member more. */
START_TEST(test_percent_of_members)
{
        for (unsigned n = 1; n <= MEMBERS; n++)
                for (unsigned gone = 1; gone <= n; gone++)
                        for (unsigned percent = 0; percent <= 100; percent++) {
                                struct world w;
                                struct trust *t = &w.trusts[0];
                                bool refused;

                                small_world(&w, 0, 0, 0);
                                current = &w;
                                current_seed = n * 100 + gone;
                                t->n[0] = n;
                                for (unsigned i = 0; i < n; i++)
                                        t->members[0][i] =
                                                        (struct member){ .live = true, .listed = i >= gone };
                                refused = is_refused(&w, NULL,
                                                     (struct ts_limits){ 1000, 1000, 1000, percent, 25 });
                                REQUIRE(refused == (n >= 10 && gone * 100 > percent * n), "removals_percent");
                        }
}
END_TEST

/* Too much drift in a trust holds what is drift in it, and nothing else. */
START_TEST(test_drift_holds_its_trusts)
{
        unsigned n_seen = 0;

        for (uint64_t seed = 0; seed < 1000; seed++) {
                uint64_t state = seed;
                uint32_t n, n_trusts, most = 0;
                struct ts_last_applied *last_applied;
                struct world w;
                struct input in;
                uint32_t loses[TRUSTS] = { 0 };

                random_declaration(&w, &state);
                settle(&w);
                current = &w;
                current_seed = seed;
                last_applied = update_last_applied(&w);
                for (size_t i = 0; i < w.n; i++)
                        for (unsigned k = below(&state, 2) * 10; k > 0; k--)
                                mutate(&w.trusts[i], &state);
                make_plan(&in, &w, last_applied);
                n = count_removals(&in, &n_trusts);
                for (size_t i = 0; i < in.plan->n_changes; i++) {
                        const struct ts_change *c = &in.plan->changes[i];

                        if (!ts_change_is_planned(c) || c->n_removals == 0)
                                continue;
                        loses[number_of(&c->trust_id)] += c->falls_at > 0 ? 0 : c->n_removals;
                        if (loses[number_of(&c->trust_id)] > most)
                                most = loses[number_of(&c->trust_id)];
                        if (c->reason != TS_REASON_DRIFT)
                                n = 0; /* what was never in force: not the case that is meant */
                }
                if (n > 0 && most > 0) {
                        n_seen++;
                        ts_limits_check(in.plan, in.live,
                                        &(struct ts_limits){ most - 1, 100000, 100000, 100, 25 },
                                        last_applied, NOW);
                        REQUIRE(!in.plan->refused, "drift refuses the organization");
                        REQUIRE(in.plan->n_refusals > 0, "too much drift is not told");
                        for (size_t i = 0; i < in.plan->n_changes; i++) {
                                const struct ts_change *c = &in.plan->changes[i];

                                REQUIRE(!ts_change_is_planned(c) || c->reason != TS_REASON_DRIFT ||
                                                        loses[number_of(&c->trust_id)] < most,
                                        "a trust with too much drift is changed");
                                REQUIRE(ts_change_result(c) != TS_HELD || c->kind == TS_KIND_TRUST ||
                                                        c->note == NULL ||
                                                        loses[number_of(&c->trust_id)] == most ||
                                                        w.trusts[number_of(&c->trust_id)].observe,
                                        "another trust is held");
                        }
                }
                input_done(&in);
                ts_last_applied_free(last_applied);
        }
        ck_assert_uint_gt(n_seen, 200);
}
END_TEST

static void add_tests(TCase *t)
{
        tcase_add_loop_test(t, test_all_users, 0, 9);
        tcase_add_loop_test(t, test_all_states, 0, 4);
        tcase_add_loop_test(t, test_all_with_all, 0, 2);
        tcase_add_loop_test(t, test_trusts_of_one_side, 0, 2);
        tcase_add_test(t, test_large_worlds);
        tcase_add_test(t, test_reasons);
        tcase_add_test(t, test_last_applied_never_decides);
        tcase_add_test(t, test_protection);
        tcase_add_loop_test(t, test_deny, 0, 2);
        tcase_add_test(t, test_incomplete_views);
        tcase_add_test(t, test_limits);
        tcase_add_test(t, test_percent_of_members);
        tcase_add_test(t, test_drift_holds_its_trusts);
}

int main(void)
{
        Suite *suite = suite_create("trust-exhaustive");
        TCase *t = tcase_create("trust-exhaustive");

        tcase_set_timeout(t, 600); /* under a sanitizer or valgrind on a slow machine */
        add_tests(t);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
