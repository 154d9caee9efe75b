/*
 * test_offline - an export as live state, and as if earlier declarations had been in force
 *
 * What a round trip through the export's text gives is tests/unit/test_export.c; here are the parts, from
 * values.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "trust/diff.h"
#include "trust/ends.h"
#include "trust/offline.h"
#include "util/buf.h"
#include "util/mem.h"

#define NOW 1800000000
#define DAY 86400

/* An id that is the name itself. */
static struct ts_id id_of(const char *name)
{
        struct ts_id id = { { 0 } };

        memcpy(id.bytes, name, strnlen(name, sizeof(id.bytes)));
        return id;
}

static struct ts_source at(unsigned line)
{
        return (struct ts_source){ "t.yaml", line, 1 };
}

/* ------------------------------------------------------------------------------------------------- worlds */

/* Declarations of up to three trusts, and an export. Trusts are called a, b, c; roles Admin, User. */
struct world {
        struct ts_arena arena;
        struct ts_decl_organization decl;
        struct ts_decl_trust trusts[3];
        struct ts_decl_role admin;
        struct ts_exported exported;
        struct ts_named roles[2], divisions[1];
        struct ts_exported_trust exported_trusts[3];
        struct ts_exported_member members[3];
        struct ts_live *live;
        struct ts_desired *desired;
        struct ts_policy policy;
};

static void world_init(struct world *w)
{
        *w = (struct world){ .admin = { "Admin", at(9), NULL, 0, true } };
        w->decl = (struct ts_decl_organization){ .alias = "acme", .trusts = w->trusts };
        w->roles[0] = (struct ts_named){ id_of("Admin"), "Admin" };
        w->roles[1] = (struct ts_named){ id_of("User"), "User" };
        w->divisions[0] = (struct ts_named){ id_of("Home"), "Home" };
        w->exported = (struct ts_exported){ .organization = id_of("acme"),
                                            .roles = w->roles,
                                            .n_roles = 2,
                                            .divisions = w->divisions,
                                            .n_divisions = 1,
                                            .trusts = w->exported_trusts,
                                            .members = w->members };
}

static void world_done(struct world *w)
{
        ts_desired_free(w->desired);
        ts_live_free(w->live);
        ts_arena_done(&w->arena);
}

static struct ts_decl_trust *declare_trust(struct world *w, enum ts_direction d, const char *name)
{
        struct ts_decl_trust *t = &w->trusts[w->decl.n_trusts++];

        *t = (struct ts_decl_trust){
                .direction = d, .alias = name, .id = id_of(name), .source = at(1), .expires = TS_TIME_UNSET
        };
        return t;
}

/* @id: NULL: known by its key alone. */
static struct ts_decl_member *declare(struct world *w, struct ts_decl_trust *t, enum ts_collection c,
                                      const char *key, const char *id)
{
        struct ts_decl_members *to = &t->collections[c];
        struct ts_decl_member *m;

        if (!to->managed)
                to->items = TS_ARENA_ARRAY(&w->arena, struct ts_decl_member, 8);
        to->managed = true;
        m = &to->items[to->n++];
        *m = (struct ts_decl_member){ .kind = ts_collection_kind(c), .key = key, .source = at(2) };
        m->from = m->until = TS_TIME_UNSET;
        if (id)
                m->id = id_of(id);
        return m;
}

static void grant_admin(struct world *w, struct ts_decl_member *m)
{
        m->grants_managed = true;
        m->roles = (struct ts_decl_roles){ &w->admin, 1 };
}

static struct ts_exported_trust *export_trust(struct world *w, enum ts_direction d, const char *name)
{
        struct ts_exported_trust *t = &w->exported_trusts[w->exported.n_trusts++];

        *t = (struct ts_exported_trust){
                .direction = d, .id = id_of(name), .name = name, .enabled = true, .expires = TS_TIME_NEVER
        };
        return t;
}

static const struct ts_trust *make_live(struct world *w)
{
        w->live = ts_offline_live(&w->decl, &w->exported);
        return w->live->trusts;
}

static void resolve(struct world *w)
{
        w->desired = ts_resolve_members(&w->decl, w->live, NULL);
        ts_resolve_grants(w->desired, w->live, &w->policy);
}

/* --------------------------------------------------------------------------------------------------- live */

/* What a trust is: of a trustee by its declaration, of a trustor by what the export says besides. */
static const struct {
        const char *name;
        enum ts_direction direction;
        enum ts_tristate enabled;
        int64_t expires;
        bool is_exported, exported_enabled;
        int64_t exported_expires;
        bool live_enabled;
        int64_t live_expires;
} attributes[] = {
        { "a trustee", TS_TRUSTEE, TS_YES, NOW, true, false, NOW + DAY, true, NOW },
        { "one that is off", TS_TRUSTEE, TS_NO, TS_TIME_NEVER, true, true, NOW, false, TS_TIME_NEVER },
        { "it says nothing", TS_TRUSTEE, TS_UNSET, TS_TIME_UNSET, true, false, NOW, true, TS_TIME_NEVER },
        { "a trustor", TS_TRUSTOR, TS_UNSET, TS_TIME_UNSET, true, false, NOW, false, NOW },
        { "one that is on", TS_TRUSTOR, TS_NO, NOW, true, true, TS_TIME_NEVER, true, TS_TIME_NEVER },
        { "a trustee that the export does not know", TS_TRUSTEE, TS_NO, NOW, false, true, 0, false, NOW },
        { "a trustor that it does not know", TS_TRUSTOR, TS_UNSET, TS_TIME_UNSET, false, false, 0, true,
          TS_TIME_NEVER },
        { "and that is declared off", TS_TRUSTOR, TS_NO, NOW, false, true, 0, false, NOW },
};

START_TEST(test_attributes)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_decl_trust *t;
        const struct ts_trust *live;

        world_init(&w);
        t = declare_trust(&w, attributes[_i].direction, "a");
        t->enabled = attributes[_i].enabled;
        t->expires = attributes[_i].expires;
        if (attributes[_i].is_exported) {
                struct ts_exported_trust *x = export_trust(&w, attributes[_i].direction, "a");

                x->enabled = attributes[_i].exported_enabled;
                x->expires = attributes[_i].exported_expires;
        }
        live = make_live(&w);
        ck_assert_uint_eq(w.live->n_trusts, 1);
        ck_assert_msg(live->enabled == attributes[_i].live_enabled, "%s", attributes[_i].name);
        ck_assert_msg(live->expires == attributes[_i].live_expires, "%s", attributes[_i].name);
        ck_assert_msg((live->name != NULL) == attributes[_i].is_exported, "%s", attributes[_i].name);
        ck_assert_int_eq(live->created, TS_TIME_UNSET);
}
END_TEST

/* The same id in the other direction is another trust. */
START_TEST(test_directions)
{
        TS_CLEANUP(world_done) struct world w;
        const struct ts_trust *live;

        world_init(&w);
        declare_trust(&w, TS_TRUSTEE, "a")->enabled = TS_YES;
        (void) declare_trust(&w, TS_TRUSTOR, "a");
        export_trust(&w, TS_TRUSTEE, "a")->name = "Alpha";
        export_trust(&w, TS_TRUSTOR, "a")->enabled = false;
        live = make_live(&w);
        ck_assert_uint_eq(w.live->n_trusts, 2);
        ck_assert(live[0].direction == TS_TRUSTEE && live[0].enabled);
        ck_assert_str_eq(live[0].name, "Alpha");
        ck_assert(live[1].direction == TS_TRUSTOR && !live[1].enabled);
        ck_assert_str_eq(live[1].name, "a");
}
END_TEST

/* What the export knows completely, and what it does not. */
START_TEST(test_coverage)
{
        for (unsigned i = 0; i < 16; i++) {
                TS_CLEANUP(world_done) struct world w;

                world_init(&w);
                w.decl.trustees_managed = i & 1;
                w.decl.trustors_managed = i & 2;
                w.exported.care_known = i & 4;
                w.exported.names_complete = i & 8;
                (void) make_live(&w);
                ck_assert_int_eq(w.live->trusts_coverage, i & 1 ? TS_COVERAGE_COMPLETE : TS_COVERAGE_NONE);
                ck_assert_int_eq(w.live->trustors_coverage, i & 2 ? TS_COVERAGE_COMPLETE : TS_COVERAGE_NONE);
                ck_assert_int_eq(w.live->care_coverage, i & 4 ? TS_COVERAGE_COMPLETE : TS_COVERAGE_NONE);
                ck_assert(w.live->catalog.complete == !!(i & 8));
                ck_assert(w.live->is_offline);
        }
}
END_TEST

/* A member is what its key and the export's list of ids tell. */
START_TEST(test_members)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_decl_trust *t;
        const struct ts_trust *live;
        const struct ts_member *jane, *bob;

        world_init(&w);
        t = declare_trust(&w, TS_TRUSTEE, "a");
        grant_admin(&w, declare(&w, t, TS_USERS, "jane@x.example", "jane"));
        (void) declare(&w, t, TS_USERS, "626f6200-0000-0000-0000-000000000000", "bob");
        (void) declare(&w, t, TS_GROUPS, "Tier 2", "tier2");
        w.members[w.exported.n_members++] =
                        (struct ts_exported_member){ id_of("bob"), "bob@x.example", "Bob" };
        live = make_live(&w);

        ck_assert_int_eq(live->users.coverage, TS_COVERAGE_COMPLETE);
        ck_assert_uint_eq(live->users.n, 2);
        bob = ts_members_find(&live->users, &w.members[0].id);
        jane = ts_members_find(&live->users, &t->users.items[0].id);
        ck_assert_str_eq(jane->email, "jane@x.example");
        ck_assert_ptr_null(jane->name);
        ck_assert_int_eq(jane->grants_coverage, TS_COVERAGE_COMPLETE);
        ck_assert_uint_eq(jane->n_grants, 1);
        ck_assert_uint_eq(jane->grants[0].division, TS_DIVISION_ALL);
        ck_assert_ptr_null(jane->grants[0].source); /* it is live, and nobody asks for it */
        ck_assert_str_eq(bob->email, "bob@x.example");
        ck_assert_str_eq(bob->name, "Bob");
        ck_assert_int_eq(bob->grants_coverage, TS_COVERAGE_NONE); /* the export does not manage them */
        ck_assert_str_eq(live->groups.items[0].name, "Tier 2");
        ck_assert_ptr_null(live->groups.items[0].email);
        ck_assert_int_eq(live->clones.coverage, TS_COVERAGE_NONE);
}
END_TEST

/* An export that somebody has edited: who has no id may be anybody, and a role that is not there says nothing
 * of what is held. */
START_TEST(test_edited_export)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_decl_trust *t;
        const struct ts_trust *live;
        struct ts_decl_role nobody = { "Nobody", at(9), NULL, 0, true };

        world_init(&w);
        t = declare_trust(&w, TS_TRUSTEE, "a");
        declare(&w, t, TS_USERS, "jane@x.example", "jane")->grants_managed = true;
        t->users.items[0].roles = (struct ts_decl_roles){ &nobody, 1 };
        (void) declare(&w, t, TS_USERS, "bob@x.example", NULL);
        live = make_live(&w);
        ck_assert_int_eq(live->users.coverage, TS_COVERAGE_PARTIAL);
        ck_assert_uint_eq(live->users.n, 1);
        ck_assert_str_eq(live->users.items[0].email, "jane@x.example");
        ck_assert_int_eq(live->users.items[0].grants_coverage, TS_COVERAGE_NONE);
}
END_TEST

/* Its members are in the export itself; what it leaves out is not known. */
START_TEST(test_customer_care)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_id ids[] = { id_of("joe"), id_of("ann") };
        struct ts_exported_trust *x;
        const struct ts_trust *live;

        world_init(&w);
        (void) declare_trust(&w, TS_TRUSTEE, "b");
        (void) export_trust(&w, TS_TRUSTEE, "b");
        x = export_trust(&w, TS_TRUSTEE, "a");
        x->customer_care = true;
        x->enabled = false;
        x->expires = NOW;
        x->users = (struct ts_exported_ids){ true, ids, 2 };
        x->groups = (struct ts_exported_ids){ true, NULL, 0 };
        w.members[w.exported.n_members++] = (struct ts_exported_member){ ids[1], "ann@x.example", NULL };
        live = make_live(&w);

        ck_assert_uint_eq(w.live->n_trusts, 2);
        ck_assert(live[0].customer_care && !live[0].enabled && live[0].expires == NOW);
        ck_assert(!live[1].customer_care);
        ck_assert_uint_eq(live[0].users.n, 2);
        ck_assert_str_eq(live[0].users.items[0].email, "ann@x.example"); /* in order, as from the API */
        ck_assert_ptr_null(live[0].users.items[1].email);
        ck_assert_int_eq(live[0].users.coverage, TS_COVERAGE_COMPLETE);
        ck_assert_int_eq(live[0].groups.coverage, TS_COVERAGE_COMPLETE);
        ck_assert_int_eq(live[0].clones.coverage, TS_COVERAGE_NONE);
        ck_assert_ptr_eq(ts_live_find_care(w.live), live);
}
END_TEST

static const struct {
        enum ts_kind kind;
        const char *key, *id; /* NULL: nobody, or more than one */
} finds[] = {
        { TS_KIND_USER, "JANE@x.example", "jane" }, { TS_KIND_USER, "bob@x.example", NULL },
        { TS_KIND_USER, "eve@x.example", NULL },    { TS_KIND_USER, "Tier 2", NULL },
        { TS_KIND_GROUP, "Tier 2", "tier2" },       { TS_KIND_GROUP, "tier 2", NULL },
        { TS_KIND_GROUP, "Tier 1", NULL },          { TS_KIND_CLONE, "jane@x.example", "jane" },
};

START_TEST(test_find)
{
        struct ts_named users[] = { { id_of("jane"), "jane@x.example" },
                                    { id_of("none"), NULL },
                                    { id_of("bob"), "bob@x.example" },
                                    { id_of("bob2"), "Bob@x.example" } };
        struct ts_named groups[] = { { id_of("none"), NULL },
                                     { id_of("tier2"), "Tier 2" },
                                     { id_of("tier1"), "Tier 1" },
                                     { id_of("tier1a"), "Tier 1" } };
        struct ts_exported x = { .users = users, .n_users = 4, .groups = groups, .n_groups = 4 };
        struct ts_id expected = id_of(finds[_i].id ? finds[_i].id : ""), got;

        got = ts_offline_find(&x, finds[_i].kind, finds[_i].key);
        ck_assert_msg(ts_id_equal(&got, &expected), "%s", finds[_i].key);
}
END_TEST

/* ------------------------------------------------------------------------------------------- found before */

/* What a search found goes to the same key of the same trust, and to nobody else. */
START_TEST(test_take_found)
{
        TS_CLEANUP(world_done) struct world base, newer;
        struct ts_id id = id_of("jane"), group = id_of("tier2");

        world_init(&base);
        (void) declare(&base, declare_trust(&base, TS_TRUSTEE, "b"), TS_USERS, "jane@x.example", NULL);
        (void) declare(&base, &base.trusts[0], TS_USERS, "bob@x.example", NULL);
        (void) declare(&base, &base.trusts[0], TS_USERS, "ann@x.example", "ann");
        (void) declare(&base, declare_trust(&base, TS_TRUSTOR, "b"), TS_USERS, "jane@x.example", NULL);
        (void) declare(&base, declare_trust(&base, TS_TRUSTEE, "c"), TS_USERS, "jane@x.example", NULL);
        base.live = ts_live_new();
        base.desired = ts_resolve_members(&base.decl, base.live, NULL);

        world_init(&newer);
        (void) declare(&newer, declare_trust(&newer, TS_TRUSTEE, "a"), TS_USERS, "jane@x.example", "other");
        (void) declare(&newer, declare_trust(&newer, TS_TRUSTEE, "b"), TS_GROUPS, "Tier 2", NULL);
        (void) declare(&newer, &newer.trusts[1], TS_USERS, "bob@x.example", NULL); /* not found either */
        (void) declare(&newer, &newer.trusts[1], TS_USERS, "jane@x.example", NULL);
        (void) declare(&newer, &newer.trusts[1], TS_USERS, "ann@x.example", "another");
        newer.live = ts_live_new();
        newer.desired = ts_resolve_members(&newer.decl, newer.live, NULL);
        newer.desired->trusts[1].holds_partner = true;
        newer.desired->trusts[1].partner_note = "not now";
        ts_resolve_found(&newer.desired->trusts[1], &newer.desired->trusts[1].users.items[1], &id);
        ts_resolve_found(&newer.desired->trusts[1], &newer.desired->trusts[1].groups.items[0], &group);

        ts_offline_take_found(base.desired, newer.desired);
        ck_assert(base.desired->trusts[0].holds_partner);
        ck_assert_str_eq(base.desired->trusts[0].partner_note, "not now");
        ck_assert(ts_id_equal(&base.desired->trusts[0].users.items[0].id, &id));
        ck_assert_int_eq(base.desired->trusts[0].users.items[0].problem, TS_PLANNED);
        ck_assert(ts_id_is_nil(&base.desired->trusts[0].users.items[1].id));
        id = id_of("ann");
        ck_assert(ts_id_equal(&base.desired->trusts[0].users.items[2].id, &id)); /* its own id counts */
        for (size_t i = 1; i < 3; i++) { /* the other direction, and a trust that the newer do not have */
                ck_assert(ts_id_is_nil(&base.desired->trusts[i].users.items[0].id));
                ck_assert(!base.desired->trusts[i].holds_partner);
                ck_assert_ptr_null(base.desired->trusts[i].partner_note);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------------------- memory */

/* Who counts as having been in force: jane, unless something keeps her from being a member. */
static const struct {
        const char *name;
        const char *id;
        bool is_denied, is_wrong, is_over, is_skewed, was_applied;
} last_applied_members[] = {
        { .name = "a member", .id = "jane", .was_applied = true },
        { .name = "nobody is known by that key", .id = NULL },
        { .name = "denied", .id = "jane", .is_denied = true },
        { .name = "with a role that is not there", .id = "jane", .is_wrong = true },
        { .name = "her window is over", .id = "jane", .is_over = true },
        { .name = "by a clock that is off",
          .id = "jane",
          .is_over = true,
          .is_skewed = true,
          .was_applied = true },
};

START_TEST(test_last_applied_of_members)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = NULL;
        struct ts_decl_text jane = { "jane@x.example", at(1) };
        struct ts_decl_role nobody = { "Nobody", at(9), NULL, 0, true };
        struct ts_decl_trust *t;
        struct ts_decl_member *decl;
        struct ts_trust live = { .id = id_of("a"), .enabled = true };
        struct ts_id id = id_of("Admin");

        world_init(&w);
        t = declare_trust(&w, TS_TRUSTEE, "a");
        decl = declare(&w, t, TS_USERS, "jane@x.example", last_applied_members[_i].id);
        grant_admin(&w, decl);
        if (last_applied_members[_i].is_wrong)
                decl->roles.items = &nobody;
        if (last_applied_members[_i].is_over)
                decl->until = NOW;
        if (last_applied_members[_i].is_denied)
                w.policy.deny_users = (struct ts_texts){ &jane, 1 };
        w.live = ts_live_new();
        (void) ts_catalog_add_role(&w.live->catalog, &id, "Admin");
        w.live->trusts = &live;
        w.live->n_trusts = 1;
        if (last_applied_members[_i].is_skewed)
                w.live->clock_skew_sec = TS_CLOCK_SKEW_MAX_SEC + 1;
        resolve(&w);
        m = ts_offline_last_applied(w.desired, w.live, NULL, NOW);

        ck_assert_int_eq(m->status, TS_LAST_APPLIED_KNOWN);
        ck_assert(!m->writable);
        ck_assert_ptr_null(m->path);
        ck_assert_uint_eq(m->n_trusts, 1);
        ck_assert(m->trusts[0].declared);
        ck_assert(m->trusts[0].users.managed && !m->trusts[0].groups.managed);
        ck_assert_msg(m->trusts[0].users.n == last_applied_members[_i].was_applied, "%s",
                      last_applied_members[_i].name);
        if (last_applied_members[_i].was_applied) {
                const struct ts_last_applied_member *member = &m->trusts[0].users.items[0];
                struct ts_grant admin = { 0, TS_DIVISION_ALL, NULL };

                ck_assert(member->grants_managed);
                ck_assert(ts_last_applied_has_grant(member,
                                                    ts_last_applied_grant_key(&w.live->catalog, &admin)));
        }
}
END_TEST

/* What no declaration says is taken from the real record, also of a trust that only it knows. */
START_TEST(test_last_applied_of_the_real_record)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = NULL;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *real = ts_last_applied_new();
        struct ts_last_applied_trust trusts[] = {
                { .id = id_of("a"), .declared = true, .disabled_at = 5, .pairing = { .n_created = 7 } },
                { .id = id_of("x"), .declared = true, .enabled = TS_YES, .disabled_at = 6, .expires = NOW },
                { .direction = TS_TRUSTOR, .id = id_of("a"), .disabled_at = 8, .disabled_by_us = true },
        };
        struct ts_trust live = { .id = id_of("a") };

        world_init(&w);
        declare_trust(&w, TS_TRUSTEE, "a")->enabled = TS_NO;
        declare_trust(&w, TS_TRUSTEE, "b")->expires = NOW;
        w.live = ts_live_new();
        w.live->trusts = &live;
        w.live->n_trusts = 1;
        resolve(&w);
        *real = (struct ts_last_applied){ .status = TS_LAST_APPLIED_KNOWN,
                                          .writable = true,
                                          .path = "/state/x",
                                          .trusts = trusts,
                                          .n_trusts = 3 };
        m = ts_offline_last_applied(w.desired, w.live, real, NOW);

        ck_assert(m->writable);
        ck_assert_str_eq(m->path, "/state/x");
        ck_assert_uint_eq(m->n_trusts, 4); /* in order: a, b, x, and a in the other direction */
        ck_assert(m->trusts[0].declared && m->trusts[0].enabled == TS_NO);
        ck_assert_int_eq(m->trusts[0].disabled_at, 5);
        ck_assert_uint_eq(m->trusts[0].pairing.n_created, 7);
        ck_assert(!m->trusts[1].declared); /* it is not there */
        ck_assert_int_eq(m->trusts[1].expires, NOW);
        ck_assert_int_eq(m->trusts[1].disabled_at, 0);
        ck_assert(!m->trusts[2].declared && m->trusts[2].enabled == TS_UNSET);
        ck_assert_int_eq(m->trusts[2].expires, TS_TIME_UNSET);
        ck_assert_int_eq(m->trusts[2].disabled_at, 6);
        ck_assert_int_eq(m->trusts[3].direction, TS_TRUSTOR);
        ck_assert(m->trusts[3].disabled_at == 8 && m->trusts[3].disabled_by_us);
}
END_TEST

/* Whose `until` is in force: that of members; whether it counts is on record. */
static const struct {
        const char *key, *id;
        int64_t until;
        bool is_recorded, counts, is_known; /* @is_known: afterwards */
} ends[] = {
        { "ann@x.example", "ann", NOW + 9, true, true, true },
        { "bob@x.example", "bob", NOW + 9, true, false, true },
        { "cid@x.example", "cid", NOW + 9, false, false, true },
        { "dan@x.example", "dan", TS_TIME_UNSET, true, true, false },
        { "eve@x.example", "eve", NOW + 9, true, true, false }, /* is no member */
        { "fay@x.example", "fay", NOW + 9, true, true, false }, /* two keys mean her */
        { "gus@x.example", "fay", NOW + 8, true, true, false },
};

START_TEST(test_memory_of_ends)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = NULL;
        struct ts_member members[] = { { .id = id_of("ann") },
                                       { .id = id_of("bob") },
                                       { .id = id_of("cid") },
                                       { .id = id_of("dan") },
                                       { .id = id_of("fay") } };
        struct ts_trust live = { .id = id_of("a"), .users = { .items = members, .n = 5 } };
        struct ts_last_applied_end recorded[TS_N_ELEMENTS(ends)];
        struct ts_last_applied real = { .status = TS_LAST_APPLIED_KNOWN,
                                        .path = "/state/x",
                                        .ends = recorded };
        struct ts_decl_trust *t;
        size_t n = 0;

        world_init(&w);
        t = declare_trust(&w, TS_TRUSTEE, "a");
        for (size_t i = 0; i < TS_N_ELEMENTS(ends); i++) {
                declare(&w, t, TS_USERS, ends[i].key, ends[i].id)->until = ends[i].until;
                if (ends[i].is_recorded)
                        recorded[real.n_ends++] =
                                        (struct ts_last_applied_end){ .when = NOW + 9,
                                                                      .kind = TS_KIND_USER,
                                                                      .counts = ends[i].counts,
                                                                      .trust = live.id,
                                                                      .subject = id_of(ends[i].id) };
        }
        w.live = ts_live_new();
        w.live->trusts = &live;
        w.live->n_trusts = 1;
        w.desired = ts_resolve_members(&w.decl, w.live, NULL);
        ts_resolve_identity(w.desired, NULL);
        ts_resolve_grants(w.desired, w.live, &w.policy);
        m = ts_offline_last_applied(w.desired, w.live, _i == 0 ? &real : NULL, NOW);
        for (size_t i = 0; i < TS_N_ELEMENTS(ends); i++) {
                struct ts_id id = id_of(ends[i].id);
                const struct ts_last_applied_end *e =
                                ts_ends_find(m, TS_TRUSTEE, &live.id, TS_KIND_USER, &id);

                n += ends[i].is_known;
                ck_assert_msg((e != NULL) == ends[i].is_known, "%s", ends[i].key);
                ck_assert_msg(!e || (e->when == ends[i].until && e->counts == (ends[i].counts && _i == 0)),
                              "%s", ends[i].key);
        }
        ck_assert_uint_eq(m->n_ends, n);
}
END_TEST

/* A record that cannot be read gives nothing but its place. */
START_TEST(test_last_applied_of_a_damaged_record)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = NULL;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *real = ts_last_applied_new();
        struct ts_last_applied_trust trusts[] = { { .id = id_of("a"), .disabled_at = 5 } };

        world_init(&w);
        (void) declare_trust(&w, TS_TRUSTEE, "b");
        w.live = ts_live_new();
        resolve(&w);
        *real = (struct ts_last_applied){
                .status = TS_LAST_APPLIED_DAMAGED, .path = "/state/x", .trusts = trusts, .n_trusts = 1
        };
        m = ts_offline_last_applied(w.desired, w.live, real, NOW);
        ck_assert_uint_eq(m->n_trusts, 1);
        ck_assert(ts_id_equal(&m->trusts[0].id, &w.trusts[0].id));
        ck_assert(!m->writable);
        ck_assert_str_eq(m->path, "/state/x");
}
END_TEST

/* An absent trust was never in force; it is only known. */
START_TEST(test_last_applied_of_an_absent_trust)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = NULL;
        struct ts_trust live = { .id = id_of("a") };

        world_init(&w);
        declare_trust(&w, TS_TRUSTEE, "a")->absent = true;
        (void) declare(&w, &w.trusts[0], TS_USERS, "jane@x.example", "jane");
        w.live = ts_live_new();
        w.live->trusts = &live;
        w.live->n_trusts = 1;
        resolve(&w);
        m = ts_offline_last_applied(w.desired, w.live, NULL, NOW);
        ck_assert_uint_eq(m->n_trusts, 1);
        ck_assert(!m->trusts[0].declared && !m->trusts[0].users.managed);
}
END_TEST

static const struct {
        const char *name;
        bool is_declared, is_absent, is_care;
        enum ts_direction direction;
        bool care_declared;
} cares[] = {
        { "declared, and there", true, false, true, TS_TRUSTEE, true },
        { "not declared", false, false, true, TS_TRUSTEE, false },
        { "not to be there", true, true, true, TS_TRUSTEE, false },
        { "another trust", true, false, false, TS_TRUSTEE, false },
        { "whom we enter is no customer care", true, false, true, TS_TRUSTOR, false },
};

START_TEST(test_last_applied_of_customer_care)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = NULL;
        struct ts_trust live = { .id = id_of("v"), .direction = cares[_i].direction };

        world_init(&w);
        if (cares[_i].is_declared)
                w.decl.care.source = at(3);
        w.decl.care.absent = cares[_i].is_absent;
        live.customer_care = cares[_i].is_care;
        w.live = ts_live_new();
        w.live->trusts = &live;
        w.live->n_trusts = 1;
        resolve(&w);
        m = ts_offline_last_applied(w.desired, w.live, NULL, NOW);
        ck_assert_msg(m->care_declared == cares[_i].care_declared, "%s", cares[_i].name);
}
END_TEST

/* --------------------------------------------------------------------------------------------------- mark */

static const struct {
        const char *name;
        enum ts_reason reason;
        bool is_same;
        enum ts_result result, base_result;
        bool is_planned_in_base;
        enum ts_reason expected;
} marks[] = {
        { "the same", TS_REASON_CONFIG, true, TS_PLANNED, TS_PLANNED, true, TS_REASON_DRIFT },
        { "it was held", TS_REASON_CONFIG, true, TS_PLANNED, TS_HELD, true, TS_REASON_CONFIG },
        { "held before and now", TS_REASON_CONFIG, true, TS_HELD, TS_HELD, true, TS_REASON_DRIFT },
        { "another change", TS_REASON_CONFIG, false, TS_PLANNED, TS_PLANNED, true, TS_REASON_CONFIG },
        { "denied before and now", TS_REASON_DENIED, true, TS_PLANNED, TS_PLANNED, true, TS_REASON_DENIED },
        { "nothing was to be done", TS_REASON_CONFIG, true, TS_PLANNED, TS_PLANNED, false, TS_REASON_CONFIG },
};

START_TEST(test_mark)
{
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *base = ts_plan_new();
        struct ts_change *c = ts_plan_add_change(plan);

        c->action = TS_TRUST_DELETE;
        c->trust_id = id_of("a");
        c->reason = marks[_i].reason;
        c->decision = marks[_i].result;
        if (marks[_i].is_planned_in_base) {
                struct ts_change *before = ts_plan_add_change(base);

                *before = *c;
                before->reason = TS_REASON_CONFIG;
                before->decision = marks[_i].base_result;
                if (!marks[_i].is_same)
                        before->trust_id = id_of("b");
        }
        ts_offline_mark(plan, base);
        ck_assert_msg(c->reason == marks[_i].expected, "%s", marks[_i].name);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("offline");
        TCase *t = tcase_create("offline");

        tcase_add_loop_test(t, test_attributes, 0, TS_N_ELEMENTS(attributes));
        tcase_add_test(t, test_directions);
        tcase_add_test(t, test_coverage);
        tcase_add_test(t, test_members);
        tcase_add_test(t, test_edited_export);
        tcase_add_test(t, test_customer_care);
        tcase_add_loop_test(t, test_find, 0, TS_N_ELEMENTS(finds));
        tcase_add_test(t, test_take_found);
        tcase_add_loop_test(t, test_last_applied_of_members, 0, TS_N_ELEMENTS(last_applied_members));
        tcase_add_test(t, test_last_applied_of_the_real_record);
        tcase_add_loop_test(t, test_memory_of_ends, 0, 2);
        tcase_add_test(t, test_last_applied_of_a_damaged_record);
        tcase_add_test(t, test_last_applied_of_an_absent_trust);
        tcase_add_loop_test(t, test_last_applied_of_customer_care, 0, TS_N_ELEMENTS(cares));
        tcase_add_loop_test(t, test_mark, 0, TS_N_ELEMENTS(marks));
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
