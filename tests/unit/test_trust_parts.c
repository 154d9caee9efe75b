/*
 * test_trust_parts - the parts of the domain by themselves: catalogue, scope, resolution, digest, counts,
 * limits, record
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "trust/diff.h"
#include "trust/limits.h"
#include "trust/privileged.h"
#include "trust/last_applied_update.h"
#include "trust/unmanaged.h"
#include "util/buf.h"
#include "util/mem.h"

#define NOW 1800000000
#define ID(kind, n) "000000" kind "-0000-0000-0000-00000000000" n

static struct ts_id id_of(const char *text)
{
        struct ts_id id = { { 0 } };

        ck_assert_msg(ts_id_parse_string(text, &id), "%s is no id", text);
        return id;
}

static struct ts_source at(unsigned line)
{
        return (struct ts_source){ "t.yaml", line, 1 };
}

/* ---------------------------------------------------------------------------------------------- catalogue */

START_TEST(test_catalog)
{
        TS_CLEANUP(ts_catalog_done) struct ts_catalog c;
        struct ts_id admin = id_of(ID("20", "1")), other = id_of(ID("20", "2")), home = id_of(ID("30", "1"));

        ts_catalog_init(&c);
        ck_assert_uint_eq(c.n_divisions, 1);
        ck_assert_str_eq(c.divisions[TS_DIVISION_ALL].name, "all");
        ck_assert_uint_eq(ts_catalog_add_role(&c, &admin, "Admin"), 0);
        ck_assert_uint_eq(ts_catalog_add_role(&c, &other, NULL), 1);
        ck_assert_uint_eq(ts_catalog_add_role(&c, &admin, "renamed"), 0); /* the first name counts */
        ck_assert_str_eq(c.roles[0].name, "Admin");
        ck_assert_str_eq(c.roles[1].name, ID("20", "2")); /* what has no name is shown by its id */
        ck_assert_uint_eq(ts_catalog_add_division(&c, &home, "Home"), 1);
        for (unsigned i = 0; i < 1000; i++) {
                struct ts_id id = { { 0x77, (uint8_t) (i >> 8), (uint8_t) i } };

                ck_assert_uint_eq(ts_catalog_add_role(&c, &id, NULL), i + 2);
        }
        ck_assert_uint_eq(ts_map_get_id(&c.role_ids, &other), 1); /* the table has moved, the keys have not */
}
END_TEST

static const struct {
        const char *text, *role;
        bool is_named;
} privileged_cases[] = {
        { "Admin", "Admin", true },
        { "Admin", "ADMIN", true },
        { "Admin", "Admin ", false },
        { "Admin", "Master Admin", false },
        { "Admin", ID("20", "1"), false },
        { ID("20", "1"), "whatever it is called", true },
        { ID("20", "2"), "Admin", false },
        { ID("20", "2"), ID("20", "2"), false }, /* a role that is called like the id of another one */
};

START_TEST(test_privileged)
{
        struct ts_decl_text items[] = { { .text = "some other role" },
                                        { .text = privileged_cases[_i].text } };
        struct ts_texts texts = { items, TS_N_ELEMENTS(items) };
        struct ts_named role = { id_of(ID("20", "1")), privileged_cases[_i].role };

        ck_assert_msg(ts_privileged_names(&texts, &role) == privileged_cases[_i].is_named, "'%s' and '%s'",
                      privileged_cases[_i].text, privileged_cases[_i].role);
}
END_TEST

/* All of them, in an order of chance: more than are sorted by hand. */
START_TEST(test_normalise_many)
{
        struct ts_grant g[200];
        uint32_t x = 1;
        size_t n;

        for (size_t i = 0; i < TS_N_ELEMENTS(g); i++) {
                x = x * 1103515245 + 12345;
                g[i] = (struct ts_grant){ x >> 16 & 7, 1 + (x >> 20 & 7), NULL };
        }
        g[100].role = 3;
        g[100].division = TS_DIVISION_ALL;
        n = ts_grants_normalise(g, TS_N_ELEMENTS(g));
        ck_assert_uint_le(n, 7 * 8 + 1);
        for (size_t i = 1; i < n; i++) {
                ck_assert_int_lt(ts_grant_compare(&g[i - 1], &g[i]), 0);
                ck_assert(g[i].role != 3 || g[i].division == TS_DIVISION_ALL);
        }
        ck_assert_uint_eq(ts_grants_normalise(g, 0), 0);
}
END_TEST

/* In order, each id once: the first of two counts, as everywhere. */
START_TEST(test_sort)
{
        struct ts_trust trusts[] = { { .direction = TS_TRUSTOR, .id = id_of(ID("50", "1")) },
                                     { .id = id_of(ID("50", "2")) },
                                     { .id = id_of(ID("50", "1")), .name = "first" },
                                     { .id = id_of(ID("50", "1")), .name = "again" },
                                     { .direction = TS_TRUSTOR, .id = id_of(ID("50", "1")) } };
        struct ts_member members[] = { { .id = id_of(ID("40", "2")) },
                                       { .id = id_of(ID("40", "2")) },
                                       { .id = id_of(ID("40", "1")) } };

        ck_assert_uint_eq(ts_trusts_sort(trusts, TS_N_ELEMENTS(trusts)), 3);
        ck_assert_str_eq(ts_id_format(&trusts[0].id).s, ID("50", "1"));
        ck_assert_str_eq(ts_id_format(&trusts[1].id).s, ID("50", "2"));
        ck_assert_int_eq(trusts[1].direction, TS_TRUSTEE);
        ck_assert_int_eq(trusts[2].direction, TS_TRUSTOR);
        ck_assert_uint_eq(ts_members_sort(members, TS_N_ELEMENTS(members)), 2);
        ck_assert_str_eq(ts_id_format(&members[0].id).s, ID("40", "1"));
        ck_assert_str_eq(ts_id_format(&members[1].id).s, ID("40", "2"));
        ck_assert_uint_eq(ts_members_sort(members, 0), 0);
}
END_TEST

/* Of one grant, or of the whole. */
static const struct {
        enum ts_reason reason, added, removed;
        bool is_drift;
} drifts[] = {
        { TS_REASON_CONFIG, TS_REASON_CONFIG, TS_REASON_DENIED, false },
        { TS_REASON_DRIFT, TS_REASON_CONFIG, TS_REASON_CONFIG, true },
        { TS_REASON_CONFIG, TS_REASON_DRIFT, TS_REASON_CONFIG, true },
        { TS_REASON_CONFIG, TS_REASON_CONFIG, TS_REASON_DRIFT, true },
        { TS_REASON_EXPIRED, TS_REASON_CONFIG, TS_REASON_CONFIG, false },
};

START_TEST(test_is_drift)
{
        struct ts_grant_change added[] = { { .reason = TS_REASON_CONFIG }, { .reason = drifts[_i].added } };
        struct ts_grant_change removed[] = { { .reason = drifts[_i].removed } };
        struct ts_change c = { .reason = drifts[_i].reason, .add = { added, 2 }, .remove = { removed, 1 } };

        ck_assert(ts_change_is_drift(&c) == drifts[_i].is_drift);
}
END_TEST

START_TEST(test_words_of_the_domain)
{
        ck_assert_str_eq(ts_direction_to_string(TS_TRUSTEE), "trustee");
        ck_assert_str_eq(ts_direction_to_string(TS_TRUSTOR), "trustor");
        ck_assert_str_eq(ts_kind_to_string(TS_KIND_TRUST), "trust");
        ck_assert_str_eq(ts_kind_to_string(TS_KIND_PAIRING), "pairing");
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) /* the key of the YAML is the plural */
                ck_assert_msg(strncmp(ts_collection_to_string(c), ts_kind_to_string(ts_collection_kind(c)),
                                      strlen(ts_kind_to_string(ts_collection_kind(c)))) == 0,
                              "%s", ts_collection_to_string(c));
}
END_TEST

START_TEST(test_member_label)
{
        struct ts_member m = { .id = id_of(ID("40", "1")), .email = "jane@x.example", .name = "Jane" };
        struct ts_id_text buf;

        ck_assert_str_eq(ts_member_label(&m, &buf), "jane@x.example");
        m.email = "";
        ck_assert_str_eq(ts_member_label(&m, &buf), "Jane");
        m.email = NULL;
        m.name = "";
        ck_assert_str_eq(ts_member_label(&m, &buf), ID("40", "1"));
        m.name = NULL;
        ck_assert_str_eq(ts_member_label(&m, &buf), ID("40", "1"));
}
END_TEST

START_TEST(test_declarations)
{
        struct ts_declarations *d = ts_calloc(1, sizeof(*d));

        d->organizations = TS_ARENA_ARRAY(&d->arena, struct ts_decl_organization, 2);
        d->organizations[0].alias = "acme";
        d->organizations[1].alias = "globex";
        d->n_organizations = 2;
        ck_assert_ptr_eq(ts_declarations_find(d, "globex"), &d->organizations[1]);
        ck_assert_ptr_null(ts_declarations_find(d, "acm"));
        ck_assert_ptr_eq(ts_declarations_ref(d), d);
        ts_declarations_free(d); /* one holder is left */
        ck_assert_ptr_nonnull(ts_declarations_find(d, "acme"));
        ts_declarations_free(d);
        ts_declarations_free(NULL);
        ts_live_free(NULL);
        ts_plan_free(NULL);
        ts_desired_free(NULL);
        ts_last_applied_free(NULL);
}
END_TEST

static const struct {
        int64_t from, until;
        bool outside;
} windows[] = {
        { TS_TIME_UNSET, TS_TIME_UNSET, false },
        { NOW, TS_TIME_UNSET, false },
        { NOW + 1, TS_TIME_UNSET, true },
        { TS_TIME_UNSET, NOW, true },
        { TS_TIME_UNSET, NOW + 1, false },
        { NOW, NOW + 1, false },
        { NOW - 2, NOW - 1, true },
        { NOW + 1, NOW + 2, true },
};

START_TEST(test_window)
{
        struct ts_decl_member m = { .from = windows[_i].from, .until = windows[_i].until };

        ck_assert(ts_decl_member_is_outside(&m, NOW) == windows[_i].outside);
}
END_TEST

/* -------------------------------------------------------------------------------------------------- scope */

static const char *const by_alias[] = { "none", "contoso" };
static const char *const by_id[] = { ID("50", "1") };
static const char *const another[] = { "fabrikam", ID("50", "2") };

static const struct {
        const char *name;
        const char *const *items;
        size_t n;
        const char *alias;
        bool has;
} filters[] = {
        { "no filter", NULL, 0, "contoso", true },
        { "by alias", by_alias, 2, "contoso", true },
        { "by id", by_id, 1, "contoso", true },
        { "by id, undeclared", by_id, 1, NULL, true },
        { "another", another, 2, "contoso", false },
        { "undeclared, by a name", by_alias, 2, NULL, false },
        { "half a name", by_alias, 2, "contos", false },
};

START_TEST(test_filter)
{
        struct ts_trust_filter f = { filters[_i].items, filters[_i].n };
        struct ts_id id = id_of(ID("50", "1"));

        ck_assert_msg(ts_trust_filter_has(&f, filters[_i].alias, &id) == filters[_i].has, "%s",
                      filters[_i].name);
        ck_assert(ts_trust_filter_has(NULL, filters[_i].alias, &id));
}
END_TEST

static const struct {
        const char *name, *user; /* NULL: nobody is named */
        bool chosen;
} chosen_cases[] = {
        { "nobody named", NULL, true },
        { "by e-mail", "jane@contoso.example", true },
        { "in another case", "Jane@Contoso.EXAMPLE", true },
        { "by id", ID("50", "1"), true },
        { "another id", ID("50", "2"), false },
        { "half an e-mail", "jane", false },
};

START_TEST(test_member_is_chosen)
{
        const char *users[] = { "nobody@contoso.example", chosen_cases[_i].user };
        struct ts_member m = { .id = id_of(ID("50", "1")), .email = "jane@contoso.example" };
        size_t n = chosen_cases[_i].user ? 2 : 0;

        ck_assert_msg(ts_member_is_chosen(users, n, &m) == chosen_cases[_i].chosen, "%s",
                      chosen_cases[_i].name);
        m.email = NULL; /* not known */
        ck_assert_int_eq(ts_member_is_chosen(users, n, &m),
                         chosen_cases[_i].chosen && !strchr(n > 0 ? users[1] : "", '@'));
}
END_TEST

/* Which lists of a live trust have to be read. The policy: p protected user, u denied user, o denied
 * organization, r unlisted trusts are removed; declared: a absent, n disabled, e expires, f never expires,
 * U users, G groups, C a clone, D no clone. */
static const struct {
        const char *policy, *declared; /* NULL: not declared */
        bool users, groups, clones;
} scopes[] = {
        { "", NULL, false, false, false },   { "", "", false, false, false },
        { "", "U", true, false, false },     { "", "G", false, true, false },
        { "", "C", true, false, true },      { "", "UGC", true, true, true },
        { "", "aUGC", false, false, false }, { "u", NULL, true, false, true },
        { "u", "", true, false, true },      { "u", "a", true, false, true },
        { "p", NULL, false, false, false },  { "p", "", false, false, false },
        { "p", "a", true, false, false },    { "p", "n", true, false, false },
        { "p", "e", true, false, false },    { "p", "f", false, false, false },
        { "pr", NULL, true, false, false },  { "r", NULL, false, false, false },
        { "pr", "", false, false, false },   { "po", NULL, true, false, false },
        { "", "D", false, false, true },     { "p", "D", true, false, true },
        { "po", "", true, false, false },    { "o", NULL, false, false, false },
};

static bool has_letter(const char *letters, char c)
{
        return strchr(letters, c) != NULL;
}

START_TEST(test_scope)
{
        const char *policy = scopes[_i].policy, *declared = scopes[_i].declared ? scopes[_i].declared : "";
        struct ts_trust trust = { .direction = TS_TRUSTEE, .id = id_of(ID("50", "1")) };
        struct ts_decl_text user = { "jane@x.example", { 0 } };
        struct ts_decl_trust t = { .alias = "contoso", .id = trust.id, .absent = has_letter(declared, 'a') };
        struct ts_policy p = { .remove_unlisted_trusts = has_letter(policy, 'r') };
        struct ts_trust_filter other = { another, 1 };
        const struct ts_decl_trust *decl = scopes[_i].declared ? &t : NULL;

        t.enabled = has_letter(declared, 'n') ? TS_NO : TS_UNSET;
        t.expires = has_letter(declared, 'e')   ? NOW
                    : has_letter(declared, 'f') ? TS_TIME_NEVER
                                                : TS_TIME_UNSET;
        t.users.managed = has_letter(declared, 'U');
        t.groups.managed = has_letter(declared, 'G');
        t.clones.managed = has_letter(declared, 'C') || has_letter(declared, 'D');
        t.clones.n = has_letter(declared, 'C');
        if (has_letter(policy, 'p'))
                p.protect_users = (struct ts_texts){ &user, 1 };
        if (has_letter(policy, 'u'))
                p.deny_users = (struct ts_texts){ &user, 1 };
        if (has_letter(policy, 'o'))
                p.deny_organizations = (struct ts_ids){ &trust.id, 1 };
        ck_assert_msg(ts_diff_wants(decl, &p, NULL, &trust, TS_USERS) == scopes[_i].users, "%s/%s", policy,
                      declared);
        ck_assert(ts_diff_wants(decl, &p, NULL, &trust, TS_GROUPS) == scopes[_i].groups);
        ck_assert(ts_diff_wants(decl, &p, NULL, &trust, TS_CLONES) == scopes[_i].clones);
        ck_assert(!ts_diff_wants(decl, &p, &other, &trust, TS_USERS));
}
END_TEST

START_TEST(test_scope_of_trustors)
{
        struct ts_trust trust = { .direction = TS_TRUSTOR, .id = id_of(ID("50", "1")) };
        struct ts_decl_text user = { "jane@x.example", { 0 } };
        struct ts_policy p = { .deny_users = { &user, 1 } };

        /* `deny` is about our own people in somebody else's organization too */
        ck_assert(ts_diff_wants(NULL, &p, NULL, &trust, TS_USERS));
        ck_assert(ts_diff_wants(NULL, &p, NULL, &trust, TS_CLONES));
        ck_assert(!ts_diff_wants(NULL, &p, NULL, &trust, TS_GROUPS));
        p = (struct ts_policy){ .deny_organizations = { &trust.id, 1 } };
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                ck_assert(ts_diff_wants(NULL, &p, NULL, &trust, c));
}
END_TEST

START_TEST(test_scope_of_customer_care)
{
        struct ts_decl_organization decl = { .alias = "acme" };
        struct ts_policy p = { .remove_unlisted_trusts = false };

        ck_assert(!ts_diff_wants_care(&decl, &p));
        p.remove_unlisted_trusts = true;
        ck_assert(ts_diff_wants_care(&decl, &p));
        p.remove_unlisted_trusts = false;
        decl.care.source = at(1);
        ck_assert(ts_diff_wants_care(&decl, &p));
}
END_TEST

/* --------------------------------------------------------------------------------------------- resolution */

/* One trust, two live users and a group; what is declared comes from each test. */
struct world {
        struct ts_live *live;
        struct ts_decl_organization decl;
        struct ts_decl_trust trust;
        struct ts_decl_member users[4], groups[2];
        struct ts_decl_role roles[4];
        struct ts_decl_text divisions[4];
        struct ts_decl_role_set sets[2];
        const struct ts_decl_role_set *set_list[2];
        struct ts_member live_users[3], live_groups[1];
        struct ts_trust live_trust;
        struct ts_policy policy;
        struct ts_desired *desired;
};

static void world_init(struct world *w)
{
        struct ts_id role = id_of(ID("20", "1")), same = id_of(ID("20", "2")), home = id_of(ID("30", "1")),
                     twin = id_of(ID("30", "2")), user = id_of(ID("20", "3"));

        *w = (struct world){ .live = ts_live_new() };
        (void) ts_catalog_add_role(&w->live->catalog, &role, "Admin");
        (void) ts_catalog_add_role(&w->live->catalog, &same, "Admin");
        (void) ts_catalog_add_role(&w->live->catalog, &user, "User");
        (void) ts_catalog_add_division(&w->live->catalog, &home, "Home");
        (void) ts_catalog_add_division(&w->live->catalog, &twin, "Home");
        w->live->catalog.complete = true;
        w->live->trusts_coverage = TS_COVERAGE_COMPLETE;
        w->live_users[0] = (struct ts_member){ .kind = TS_KIND_USER,
                                               .id = id_of(ID("40", "1")),
                                               .email = "Jane@x.example" };
        w->live_users[1] = (struct ts_member){ .kind = TS_KIND_USER,
                                               .id = id_of(ID("40", "2")),
                                               .email = "bob@x.example" };
        w->live_users[2] = (struct ts_member){ .kind = TS_KIND_USER,
                                               .id = id_of(ID("40", "3")),
                                               .email = "BOB@x.example" };
        w->live_groups[0] = (struct ts_member){ .kind = TS_KIND_GROUP,
                                                .id = id_of(ID("41", "1")),
                                                .name = "Tier 2" };
        w->live_trust = (struct ts_trust){ .id = id_of(ID("50", "1")),
                                           .enabled = true,
                                           .expires = TS_TIME_NEVER };
        w->live_trust.users = (struct ts_members){ .coverage = TS_COVERAGE_COMPLETE,
                                                   .items = w->live_users,
                                                   .n = 3 };
        w->live_trust.groups = (struct ts_members){ .coverage = TS_COVERAGE_COMPLETE,
                                                    .items = w->live_groups,
                                                    .n = 1 };
        w->live->trusts = &w->live_trust;
        w->live->n_trusts = 1;
        w->trust = (struct ts_decl_trust){
                .alias = "contoso", .id = w->live_trust.id, .source = at(1), .expires = TS_TIME_UNSET
        };
        w->trust.users = (struct ts_decl_members){ .managed = true, .source = at(2), .items = w->users };
        w->trust.groups = (struct ts_decl_members){ .managed = true, .source = at(3), .items = w->groups };
        w->decl = (struct ts_decl_organization){ .alias = "acme", .trusts = &w->trust, .n_trusts = 1 };
}

static void world_done(struct world *w)
{
        ts_desired_free(w->desired);
        ts_live_free(w->live);
}

static struct ts_decl_member *declare(struct world *w, enum ts_collection c, const char *key)
{
        struct ts_decl_members *to = &w->trust.collections[c];
        struct ts_decl_member *m = &to->items[to->n++];

        *m = (struct ts_decl_member){ .kind = ts_collection_kind(c),
                                      .key = key,
                                      .source = at(10 + (unsigned) to->n) };
        m->from = m->until = TS_TIME_UNSET;
        (void) ts_id_parse_string(key, &m->id); /* a key that is an id decides by itself */
        return m;
}

static void resolve(struct world *w)
{
        w->desired = ts_resolve_members(&w->decl, w->live, NULL);
        ts_resolve_grants(w->desired, w->live, &w->policy);
}

static const struct {
        const char *name, *key;
        enum ts_collection collection;
        const char *id; /* NULL: unresolved */
        enum ts_result problem;
        bool live;
} keys[] = {
        { "an e-mail in another case", "jane@X.example", TS_USERS, ID("40", "1"), TS_PLANNED, true },
        { "an e-mail of two", "bob@x.example", TS_USERS, NULL, TS_FAILED, false },
        { "an e-mail of nobody", "eve@x.example", TS_USERS, NULL, TS_WAITING, false },
        { "an id", ID("40", "2"), TS_USERS, ID("40", "2"), TS_PLANNED, true },
        { "an id of nobody", ID("40", "9"), TS_USERS, ID("40", "9"), TS_PLANNED, false },
        { "a group", "Tier 2", TS_GROUPS, ID("41", "1"), TS_PLANNED, true },
        { "a group in another case is another", "tier 2", TS_GROUPS, NULL, TS_WAITING, false },
        { "a user's e-mail is no group", "jane@x.example", TS_GROUPS, NULL, TS_WAITING, false },
};

START_TEST(test_resolve_key)
{
        TS_CLEANUP(world_done) struct world w;
        const struct ts_desired_member *m;

        world_init(&w);
        (void) declare(&w, keys[_i].collection, keys[_i].key);
        resolve(&w);
        m = &w.desired->trusts[0].collections[keys[_i].collection].items[0];
        ck_assert_msg(ts_id_is_nil(&m->id) == (keys[_i].id == NULL), "%s", keys[_i].name);
        if (keys[_i].id)
                ck_assert_str_eq(ts_id_format(&m->id).s, keys[_i].id);
        ck_assert_msg(m->problem == keys[_i].problem, "%s", keys[_i].name);
        ck_assert((m->note != NULL) == (m->problem != TS_PLANNED));
        ck_assert_msg((m->live != NULL) == keys[_i].live, "%s", keys[_i].name);
        ck_assert_uint_eq(w.desired->n_messages, 0);
}
END_TEST

/* A live member without an e-mail is found by no key, the empty one neither; its id is enough. */
START_TEST(test_member_without_a_name)
{
        for (int i = 0; i < 2; i++) {
                TS_CLEANUP(world_done) struct world w;

                world_init(&w);
                w.live_users[0].email = i == 0 ? NULL : "";
                (void) declare(&w, TS_USERS, "");
                (void) declare(&w, TS_USERS, ID("40", "1"));
                resolve(&w);
                ck_assert(ts_id_is_nil(&w.desired->trusts[0].users.items[0].id));
                ck_assert_ptr_eq(w.desired->trusts[0].users.items[1].live, &w.live_users[0]);
        }
}
END_TEST

START_TEST(test_id_decides_over_the_name)
{
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        declare(&w, TS_USERS, "old@x.example")->id = id_of(ID("40", "1"));
        declare(&w, TS_USERS, "BOB@X.example")->id = id_of(ID("40", "2"));
        declare(&w, TS_GROUPS, "Tier 1")->id = id_of(ID("41", "1"));
        resolve(&w);
        ck_assert_ptr_eq(w.desired->trusts[0].users.items[0].live, &w.live_users[0]);
        ck_assert_ptr_eq(w.desired->trusts[0].groups.items[0].live, &w.live_groups[0]);
        ck_assert_uint_eq(w.desired->n_messages, 2);
        message_is("a user", w.desired->messages[0].text);
        message_is("a group", w.desired->messages[1].text);
}
END_TEST

static const struct {
        const char *name, *role, *division; /* division NULL: all */
        enum ts_result problem;
} role_names[] = {
        { "by name", "User", NULL, TS_PLANNED },
        { "by id", ID("20", "2"), NULL, TS_PLANNED },
        { "a division by id", "User", ID("30", "2"), TS_PLANNED },
        { "an unknown name", "Nobody", NULL, TS_FAILED },
        { "an unknown id", ID("20", "9"), NULL, TS_FAILED },
        { "a name in another case", "user", NULL, TS_FAILED },
        { "a name of two", "Admin", NULL, TS_FAILED },
        { "a division's name of two", "User", "Home", TS_FAILED },
        { "an unknown division", "User", "Mars", TS_FAILED },
        { "the word all is no division", "User", "all", TS_FAILED },
};

static void grant(struct world *w, struct ts_decl_member *m, const char *role, const char *division)
{
        w->divisions[0] = (struct ts_decl_text){ division, at(31) };
        w->roles[0] = (struct ts_decl_role){ role, at(30), w->divisions, division != NULL, division == NULL };
        m->grants_managed = true;
        m->roles = (struct ts_decl_roles){ w->roles, 1 };
}

START_TEST(test_resolve_names)
{
        for (int in_set = 0; in_set < 2; in_set++) {
                TS_CLEANUP(world_done) struct world w;
                struct ts_decl_member *m;
                const struct ts_desired_member *got;
                char text[64];

                world_init(&w);
                m = declare(&w, TS_USERS, ID("40", "1"));
                grant(&w, m, role_names[_i].role, role_names[_i].division);
                if (in_set) {
                        w.sets[0] = (struct ts_decl_role_set){ "tier1", at(29), m->roles };
                        w.set_list[0] = &w.sets[0];
                        m->roles = (struct ts_decl_roles){ NULL, 0 };
                        m->role_sets = w.set_list;
                        m->n_role_sets = 1;
                }
                resolve(&w);
                got = &w.desired->trusts[0].users.items[0];
                ck_assert_msg(got->problem == role_names[_i].problem, "%s: %s", role_names[_i].name,
                              got->note);
                ck_assert_uint_eq(got->n_grants, got->problem == TS_PLANNED);
                (void) snprintf(text, sizeof(text), "%s%s", role_names[_i].name,
                                in_set ? ", in a role set" : "");
                if (got->problem == TS_FAILED)
                        message_is(text, got->note);
        }
}
END_TEST

/* Who could be either of two gets nothing: not even a look at the roles. */
START_TEST(test_grants_of_nobody_in_particular)
{
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        grant(&w, declare(&w, TS_USERS, "bob@x.example"), "Nobody", NULL);
        resolve(&w);
        ck_assert_int_eq(w.desired->trusts[0].users.items[0].problem, TS_FAILED);
        ck_assert_uint_eq(w.desired->trusts[0].users.items[0].n_grants, 0);
        message_is("two of one name", w.desired->trusts[0].users.items[0].note);
}
END_TEST

START_TEST(test_name_missing_from_an_incomplete_list)
{
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        w.live->catalog.complete = false;
        grant(&w, declare(&w, TS_USERS, ID("40", "1")), "Nobody", NULL);
        resolve(&w);
        message_is("a role", w.desired->trusts[0].users.items[0].note);
}
END_TEST

/* The member's own line is named where a set asks for the same; what the sets ask for besides is added. */
START_TEST(test_role_sets)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_decl_role set_roles[2];
        struct ts_decl_member *m;
        const struct ts_desired_member *got;

        world_init(&w);
        m = declare(&w, TS_USERS, ID("40", "1"));
        grant(&w, m, "User", NULL);
        set_roles[0] = (struct ts_decl_role){ "User", at(50), NULL, 0, true };
        set_roles[1] = (struct ts_decl_role){ ID("20", "1"), at(51), NULL, 0, true };
        w.sets[0] = (struct ts_decl_role_set){ "one", at(49), { &set_roles[0], 1 } };
        w.sets[1] = (struct ts_decl_role_set){ "two", at(49), { &set_roles[1], 1 } };
        w.set_list[0] = &w.sets[0];
        w.set_list[1] = &w.sets[1];
        m->role_sets = w.set_list;
        m->n_role_sets = 2;
        resolve(&w);
        got = &w.desired->trusts[0].users.items[0];
        ck_assert_uint_eq(got->n_grants, 2);
        ck_assert_uint_eq(got->grants[0].role, 0);
        ck_assert_uint_eq(got->grants[0].source->line, 51);
        ck_assert_uint_eq(got->grants[1].role, 2);
        ck_assert_uint_eq(got->grants[1].source->line, 30);
}
END_TEST

START_TEST(test_denied_roles)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_decl_text denied[] = { { "Admin", at(1) }, { ID("20", "3"), at(2) } };

        world_init(&w);
        w.policy.deny_roles = (struct ts_texts){ denied, 2 };
        grant(&w, declare(&w, TS_USERS, ID("40", "1")), ID("20", "2"),
              NULL); /* one of the two of that name */
        declare(&w, TS_USERS, ID("40", "2"))->grants_managed = true;
        w.users[1].roles = w.users[0].roles;
        resolve(&w);
        ck_assert_uint_eq(w.desired->trusts[0].users.items[0].n_grants, 0);
        ck_assert_int_eq(w.desired->trusts[0].users.items[0].problem, TS_PLANNED);
        ck_assert_uint_eq(w.desired->n_messages, 1); /* said once a trust, not once a member */
        ts_desired_free(w.desired);
        w.roles[0].role = "User";
        resolve(&w);
        ck_assert_uint_eq(w.desired->trusts[0].users.items[0].n_grants, 0);
}
END_TEST

START_TEST(test_found_by_a_search)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_decl_member asked = { .kind = TS_KIND_GROUP, .key = "Tier 9", .source = at(9) };
        struct ts_id id = id_of(ID("40", "9")), group = id_of(ID("41", "1"));
        struct ts_desired_member *found[4];
        struct ts_desired_trust *t;

        world_init(&w);
        asked.from = asked.until = TS_TIME_UNSET;
        (void) declare(&w, TS_USERS, "jane@x.example");
        (void) declare(&w, TS_USERS, "new@x.example");
        (void) declare(&w, TS_GROUPS, "Tier 3");
        w.desired = ts_resolve_members(&w.decl, w.live, NULL);
        t = &w.desired->trusts[0];
        ck_assert_uint_eq(ts_resolve_unresolved(t, TS_KIND_USER, NULL), 1);
        ck_assert_uint_eq(ts_resolve_unresolved(t, TS_KIND_USER, found), 1);
        ck_assert_ptr_eq(found[0], &t->users.items[1]);
        ck_assert_uint_eq(ts_resolve_unresolved(t, TS_KIND_GROUP, found), 1);
        ts_resolve_found(t, &t->users.items[1], &id);
        ts_resolve_found(t, found[0], &group);
        ck_assert_int_eq(t->users.items[1].problem, TS_PLANNED);
        ck_assert_ptr_null(t->users.items[1].note);
        ck_assert_ptr_null(t->users.items[1].live);
        ck_assert_ptr_eq(t->groups.items[0].live, &w.live_groups[0]);
        ck_assert_uint_eq(ts_resolve_unresolved(t, TS_KIND_USER, NULL), 0);
        ts_desired_free(w.desired);

        /* of a request that we make: whom it is about has to be found as well, and nobody is a member yet */
        w.live->n_trusts = 0;
        w.trust.direction = TS_TRUSTOR;
        w.trust.request.source = at(8);
        w.trust.request.groups = (struct ts_decl_members){ .managed = true, .items = &asked, .n = 1 };
        w.desired = ts_resolve_members(&w.decl, w.live, NULL);
        t = &w.desired->trusts[0];
        ck_assert_uint_eq(ts_resolve_unresolved(t, TS_KIND_GROUP, found), 2);
        ck_assert_ptr_eq(found[1], &t->request_groups.items[0]);
        ck_assert_int_eq(found[1]->problem, TS_FAILED); /* it is of our own organization, and not there */
        ts_resolve_found(t, found[1], &group);
        ck_assert_ptr_null(found[1]->live);
}
END_TEST

/* A clone is looked for among the clones: it has the id of its user. */
START_TEST(test_clone_found_by_a_search)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_member clone = { .kind = TS_KIND_CLONE, .id = id_of(ID("40", "1")) };
        struct ts_desired_member *found[1];

        world_init(&w);
        w.live_trust.clones =
                        (struct ts_members){ .coverage = TS_COVERAGE_COMPLETE, .items = &clone, .n = 1 };
        w.trust.clones = (struct ts_decl_members){ .managed = true, .items = w.users };
        w.trust.users.managed = false;
        (void) declare(&w, TS_CLONES, "new@x.example");
        w.desired = ts_resolve_members(&w.decl, w.live, NULL);
        ck_assert_uint_eq(ts_resolve_unresolved(&w.desired->trusts[0], TS_KIND_USER, found), 1);
        ts_resolve_found(&w.desired->trusts[0], found[0], &clone.id);
        ck_assert_ptr_eq(found[0]->live, &clone);
}
END_TEST

START_TEST(test_resolve_only_what_is_asked_for)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_trust_filter other = { another, 1 }, same = { by_alias, 2 };

        world_init(&w);
        w.desired = ts_resolve_members(&w.decl, w.live, &other);
        ck_assert_uint_eq(w.desired->n_trusts, 0);
        ts_desired_free(w.desired);
        w.desired = ts_resolve_members(&w.decl, w.live, &same);
        ck_assert_uint_eq(w.desired->n_trusts, 1);
}
END_TEST

START_TEST(test_needed_grants)
{
        struct ts_decl_member decl = { .grants_managed = true };
        struct ts_member live = { .kind = TS_KIND_USER };
        struct ts_desired_member m = { .decl = &decl, .live = &live };

        ck_assert(ts_desired_member_needs_grants(&m));
        m.problem = TS_FAILED; /* what is denied is taken all the same */
        ck_assert(ts_desired_member_needs_grants(&m));
        m.denied = true;
        ck_assert(!ts_desired_member_needs_grants(&m));
        m.denied = false;
        m.live = NULL;
        ck_assert(!ts_desired_member_needs_grants(&m));
        m.live = &live;
        decl.grants_managed = false;
        ck_assert(!ts_desired_member_needs_grants(&m));
}
END_TEST

/* `deny` names somebody by the e-mail that the declaration does not have any more, or not yet. */
START_TEST(test_denied_by_another_name)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_decl_text denied = { "JANE@x.example", at(1) };

        world_init(&w);
        w.policy.deny_users = (struct ts_texts){ &denied, 1 };
        declare(&w, TS_USERS, "old@x.example")->id = id_of(ID("40", "1"));
        declare(&w, TS_USERS, "other@x.example")->id = id_of(ID("40", "2"));
        resolve(&w);
        ck_assert(w.desired->trusts[0].users.items[0].denied);
        ck_assert(!w.desired->trusts[0].users.items[1].denied);
}
END_TEST

/* Which requests have to be asked for: the declared, or the remembered one, of a trust that is not there. */
START_TEST(test_pairings_to_ask_for)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        struct ts_outcome outcome = { .pairing_id = id_of(ID("60", "2")) };
        struct ts_change made = { .trust_id = id_of(ID("50", "1")), .outcome = &outcome };
        struct ts_trust_filter other = { another, 1 };
        struct ts_ids ids;

        world_init(&w);
        w.trust.pairing = (struct ts_decl_pairing){ at(5), false, id_of(ID("60", "1")) };
        ts_resolve_pairings(&w.decl, w.live, NULL, NULL, &arena, &ids);
        ck_assert_uint_eq(ids.n, 0); /* the trust is there */
        w.live->n_trusts = 0;
        ts_resolve_pairings(&w.decl, w.live, NULL, NULL, &arena, &ids);
        ck_assert_uint_eq(ids.n, 1);
        ck_assert_str_eq(ts_id_format(&ids.items[0]).s, ID("60", "1"));
        ts_resolve_pairings(&w.decl, w.live, NULL, &other, &arena, &ids);
        ck_assert_uint_eq(ids.n, 0);
        w.trust.absent = true;
        ts_resolve_pairings(&w.decl, w.live, NULL, NULL, &arena, &ids);
        ck_assert_uint_eq(ids.n, 0);

        w.trust.absent = false;
        w.trust.pairing.automatic = true;
        ts_last_applied_update_pairing(m, &made);
        ts_resolve_pairings(&w.decl, w.live, m, NULL, &arena, &ids);
        ck_assert_uint_eq(ids.n, 1);
        ck_assert_str_eq(ts_id_format(&ids.items[0]).s, ID("60", "2"));
        w.trust.pairing = (struct ts_decl_pairing){ .automatic = false };
        ts_resolve_pairings(&w.decl, w.live, m, NULL, &arena, &ids);
        ck_assert_uint_eq(ids.n, 0); /* nothing asks for it any more */
        w.trust.request.source = at(6);
        ts_resolve_pairings(&w.decl, w.live, m, NULL, &arena, &ids);
        ck_assert_uint_eq(ids.n, 1);

        outcome.pairing_id = (struct ts_id){ { 0 } }; /* the trust is remembered, and no request */
        ts_last_applied_update_pairing(m, &made);
        ts_resolve_pairings(&w.decl, w.live, m, NULL, &arena, &ids);
        ck_assert_uint_eq(ids.n, 0);
}
END_TEST

/* Two trusts that name one request: it is asked for once. */
START_TEST(test_pairing_of_two)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_decl_trust trusts[2];
        struct ts_ids ids;

        world_init(&w);
        w.live->n_trusts = 0;
        w.trust.pairing = (struct ts_decl_pairing){ at(5), false, id_of(ID("60", "1")) };
        trusts[0] = trusts[1] = w.trust;
        trusts[1].id = id_of(ID("50", "2"));
        w.decl.trusts = trusts;
        w.decl.n_trusts = 2;
        ts_resolve_pairings(&w.decl, w.live, NULL, NULL, &arena, &ids);
        ck_assert_uint_eq(ids.n, 1);
        trusts[1].pairing.id = id_of(ID("60", "2"));
        ts_resolve_pairings(&w.decl, w.live, NULL, NULL, &arena, &ids);
        ck_assert_uint_eq(ids.n, 2);
}
END_TEST

/* Roles and divisions of one name are told by their ids, whatever the order of the lists. */
START_TEST(test_order_of_grants)
{
        static const char *const order[] = { ID("20", "1") "/" ID("30", "1"), ID("20", "1") "/" ID("30", "2"),
                                             ID("20", "2") "/" ID("30", "1"),
                                             ID("20", "2") "/" ID("30", "2") };
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = NULL;
        struct ts_decl_text homes[] = { { ID("30", "2"), at(31) }, { ID("30", "1"), at(32) } };
        struct ts_decl_member *m;

        world_init(&w);
        w.live_trust.users.n = 1;
        w.live_users[0].grants_coverage = TS_COVERAGE_COMPLETE;
        w.trust.groups.managed = false;
        m = declare(&w, TS_USERS, ID("40", "1"));
        m->grants_managed = true;
        w.roles[0] = (struct ts_decl_role){ ID("20", "2"), at(30), homes, 2, false };
        w.roles[1] = (struct ts_decl_role){ ID("20", "1"), at(30), homes, 2, false };
        m->roles = (struct ts_decl_roles){ w.roles, 2 };
        resolve(&w);
        plan = ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                                .live = w.live,
                                                .desired = w.desired,
                                                .policy = &w.policy,
                                                .now = NOW });
        ck_assert_uint_eq(plan->n_changes, 1);
        ck_assert_uint_eq(plan->changes[0].add.n, 4);
        for (size_t i = 0; i < 4; i++) {
                const struct ts_grant_change *g = &plan->changes[0].add.items[i];
                struct ts_id_text role = ts_id_format(&w.live->catalog.roles[g->role].id);
                struct ts_id_text division = ts_id_format(&w.live->catalog.divisions[g->division].id);

                ck_assert_int_eq(strncmp(order[i], role.s, TS_ID_TEXT_LEN), 0);
                ck_assert_str_eq(order[i] + TS_ID_TEXT_LEN + 1, division.s);
        }
}
END_TEST

static struct ts_plan *plan_world(struct world *w, const struct ts_last_applied *last_applied)
{
        w->trust.users.managed = w->trust.groups.managed = false;
        resolve(w);
        return ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                                .live = w->live,
                                                .desired = w->desired,
                                                .policy = &w->policy,
                                                .last_applied = last_applied,
                                                .now = NOW });
}

static const struct {
        int64_t skew;
        const char *message; /* its name; NULL: none */
} skews[] = {
        { 0, NULL },
        { TS_CLOCK_SKEW_MAX_SEC, NULL },
        { -TS_CLOCK_SKEW_MAX_SEC, NULL },
        { TS_CLOCK_SKEW_MAX_SEC + 1, "ahead" },
        { -TS_CLOCK_SKEW_MAX_SEC - 1, "behind" },
};

START_TEST(test_clock_skew)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = NULL;

        world_init(&w);
        w.live->clock_skew_sec = skews[_i].skew;
        ck_assert(ts_diff_knows_time(w.live) == (skews[_i].message == NULL));
        plan = plan_world(&w, NULL);
        ck_assert_uint_eq(plan->n_messages, skews[_i].message != NULL);
        if (skews[_i].message)
                message_is(skews[_i].message, plan->messages[0].text);
}
END_TEST

/* p trusts, o trustors, c catalogue incomplete; m trustors are managed, u the record is somebody else's. */
static const struct {
        const char *what;
        bool complete, knows_drift;
} views[] = {
        { "", true, true },    { "p", false, true }, { "o", true, true },
        { "om", false, true }, { "c", false, true }, { "u", true, false },
};

START_TEST(test_completeness)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = NULL;

        world_init(&w);
        w.live->trustors_coverage =
                        has_letter(views[_i].what, 'o') ? TS_COVERAGE_PARTIAL : TS_COVERAGE_COMPLETE;
        if (has_letter(views[_i].what, 'p'))
                w.live->trusts_coverage = TS_COVERAGE_PARTIAL;
        if (has_letter(views[_i].what, 'c'))
                w.live->catalog.complete = false;
        if (has_letter(views[_i].what, 'u'))
                last_applied->status = TS_LAST_APPLIED_UNREADABLE;
        w.decl.trustors_managed = has_letter(views[_i].what, 'm');
        plan = plan_world(&w, last_applied);
        ck_assert_msg(plan->complete == views[_i].complete, "%s", views[_i].what);
        ck_assert_msg(plan->all_drift_known == views[_i].knows_drift, "%s", views[_i].what);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- digest */

struct digest_world {
        struct ts_catalog catalog;
        struct ts_plan *plan;
        struct ts_change *change;
        struct ts_grant before[2], after[2];
        struct ts_id people[2];
};

static void digest_init(struct digest_world *w, enum ts_action action)
{
        struct ts_id admin = id_of(ID("20", "2")), user = id_of(ID("20", "1")), home = id_of(ID("30", "1"));

        *w = (struct digest_world){ .plan = ts_plan_new() };
        ts_catalog_init(&w->catalog);
        (void) ts_catalog_add_role(&w->catalog, &admin, "Admin");
        (void) ts_catalog_add_role(&w->catalog, &user, "User");
        (void) ts_catalog_add_division(&w->catalog, &home, "Home");
        w->plan->catalog = &w->catalog;
        w->plan->organization_id = id_of(ID("10", "1"));
        w->change = ts_plan_add_change(w->plan);
        w->change->action = action;
        w->change->trust_id = id_of(ID("50", "1"));
        w->before[0] = (struct ts_grant){ 0, 1, NULL };
        w->after[0] = (struct ts_grant){ 0, 1, NULL };
        w->after[1] = (struct ts_grant){ 1, TS_DIVISION_ALL, NULL };
        w->change->grants_before = w->before;
        w->change->grants_after = w->after;
        w->change->n_before = 1;
        w->change->n_after = 2;
        w->change->before = (struct ts_trust_attributes){ true, TS_TIME_NEVER };
        w->change->after = (struct ts_trust_attributes){ false, NOW };
        w->people[0] = id_of(ID("40", "1"));
        w->people[1] = id_of(ID("40", "2"));
        w->change->pairing_users = w->people;
        w->change->n_pairing_users = 2;
}

static void digest_done(struct digest_world *w)
{
        ts_plan_free(w->plan);
        ts_catalog_done(&w->catalog);
}

/* Who comes in with a trust is in the request that it is made from. */
START_TEST(test_digest_of_a_request)
{
        TS_CLEANUP(digest_done) struct digest_world one, two;
        struct ts_digest a, b;

        digest_init(&one, TS_TRUST_CREATE);
        digest_init(&two, TS_TRUST_CREATE);
        one.change->pairing_id = id_of(ID("60", "1"));
        two.change->pairing_id = id_of(ID("60", "2"));
        a = ts_plan_digest_change(one.plan, one.change);
        b = ts_plan_digest_change(two.plan, two.change);
        ck_assert_mem_ne(&a, &b, sizeof(a));
}
END_TEST

/* The lines as they are documented; "T" stands for direction, organization and trust. */
static const struct {
        enum ts_action action;
        bool managed, has_subject;
        const char *line;
} digest_lines[] = {
        { TS_TRUST_UPDATE, false, false,
          "trust.update T - enabled=true,expires=never enabled=false,expires=2027-01-15T08:00:00Z" },
        { TS_TRUST_ENABLE, false, false,
          "trust.enable T - enabled=true,expires=never enabled=false,expires=2027-01-15T08:00:00Z" },
        { TS_TRUST_DISABLE, false, false,
          "trust.disable T - enabled=true,expires=never enabled=false,expires=2027-01-15T08:00:00Z" },
        { TS_TRUST_DELETE, false, false, "trust.delete T - enabled=true,expires=never -" },
        { TS_TRUST_CREATE, false, false,
          "trust.create T - - enabled=false,expires=2027-01-15T08:00:00Z,pairing=-" },
        { TS_USER_REMOVE, false, true, "user.remove T " ID("40", "7") " member -" },
        { TS_GROUP_REMOVE, false, true, "group.remove T " ID("40", "7") " member -" },
        { TS_CLONE_REMOVE, false, true, "clone.remove T " ID("40", "7") " member -" },
        { TS_CLONE_ADD, false, true, "clone.add T " ID("40", "7") " - member" },
        { TS_USER_ADD, false, true, "user.add T " ID("40", "7") " - unmanaged" },
        { TS_USER_ADD, true, false, "user.add T - - " ID("20", "1") "/*," ID("20", "2") "/" ID("30", "1") },
        { TS_GROUP_ADD, true, true,
          "group.add T " ID("40", "7") " - " ID("20", "1") "/*," ID("20", "2") "/" ID("30", "1") },
        { TS_USER_UPDATE, true, true,
          "user.update T " ID("40", "7") " " ID("20", "2") "/" ID("30", "1") " " ID("20", "1") "/*," ID(
                          "20", "2") "/" ID("30", "1") },
        { TS_GROUP_UPDATE, true, true,
          "group.update T " ID("40", "7") " " ID("20", "2") "/" ID("30", "1") " " ID("20", "1") "/*," ID(
                          "20", "2") "/" ID("30", "1") },
        { TS_PAIRING_CREATE, false, false, "pairing.create T - - " ID("40", "1") "," ID("40", "2") " none" },
        { TS_CARE_CREATE, false, false, "care.create T - - assign_default_role=false,auto_expire=false" },
};

START_TEST(test_digest_line)
{
        TS_CLEANUP(digest_done) struct digest_world w;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
        const char *line = digest_lines[_i].line, *trust = strstr(line, " T ");
        struct ts_sha256 *h = ts_sha256_new();
        struct ts_digest got, one, desired;

        digest_init(&w, digest_lines[_i].action);
        w.change->grants_managed = digest_lines[_i].managed;
        if (digest_lines[_i].has_subject)
                w.change->subject_id = id_of(ID("40", "7"));
        ts_buf_printf(&text, "%.*s trustee " ID("10", "1") " " ID("50", "1") "%s\n", (int) (trust - line),
                      line, trust + 2);
        desired = ts_sha256_of(text.data, text.len);
        one = ts_plan_digest_change(w.plan, w.change);
        ts_plan_digest(w.plan, h);
        got = ts_sha256_finish(h);
        ck_assert_msg(memcmp(&got, &desired, sizeof(got)) == 0, "not the digest of: %s", ts_buf_text(&text));
        ck_assert_mem_eq(&one, &desired, sizeof(one));
}
END_TEST

START_TEST(test_every_action_has_its_line)
{
        for (enum ts_action a = 0; a < TS_ACTION_MAX_; a++) {
                size_t n = 0;

                for (size_t i = 0; i < TS_N_ELEMENTS(digest_lines); i++)
                        n += digest_lines[i].action == a;
                ck_assert_msg(n > 0, "%s", ts_action_to_string(a));
        }
}
END_TEST

START_TEST(test_digest_of_customer_care)
{
        TS_CLEANUP(digest_done) struct digest_world w;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
        bool role = _i & 1, expires = _i & 2;
        struct ts_digest got, desired;

        digest_init(&w, TS_CARE_CREATE);
        w.change->trust_id = (struct ts_id){ { 0 } };
        w.change->assign_default_role = role;
        w.change->auto_expire = expires;
        ts_buf_printf(&text,
                      "care.create trustee " ID("10", "1") " - - - assign_default_role=%s,auto_expire=%s\n",
                      role ? "true" : "false", expires ? "true" : "false");
        desired = ts_sha256_of(text.data, text.len);
        got = ts_plan_digest_change(w.plan, w.change);
        ck_assert_mem_eq(&got, &desired, sizeof(got));
}
END_TEST

/* No name, reason, source, note or count, and nothing that is not written. */
START_TEST(test_digest_leaves_out)
{
        TS_CLEANUP(digest_done) struct digest_world w;
        struct ts_sha256 *h = ts_sha256_new(), *k;
        struct ts_digest first, again;
        struct ts_change *held;

        digest_init(&w, TS_USER_UPDATE);
        ts_plan_digest(w.plan, h);
        first = ts_sha256_finish(h);
        w.change->reason = TS_REASON_DRIFT;
        w.change->note = "note";
        w.change->trust_alias = "contoso";
        w.change->subject_name = "jane";
        w.change->source = at(5);
        w.change->n_removals = 3;
        w.plan->refused = true;
        held = ts_plan_add_change(w.plan);
        held->decision = TS_HELD;
        held->action = TS_USER_REMOVE;
        k = ts_sha256_new();
        ts_plan_digest(w.plan, k);
        again = ts_sha256_finish(k);
        ck_assert_mem_eq(&first, &again, sizeof(first));
}
END_TEST

START_TEST(test_no_grants_in_a_digest)
{
        TS_CLEANUP(digest_done) struct digest_world w;
        static const char line[] = "user.update trustee " ID("10", "1") " " ID("50", "1") " - none none\n";
        struct ts_digest desired = ts_sha256_of(line, sizeof(line) - 1), got;

        digest_init(&w, TS_USER_UPDATE);
        w.change->n_before = w.change->n_after = 0;
        got = ts_plan_digest_change(w.plan, w.change);
        ck_assert_mem_eq(&got, &desired, sizeof(got));
}
END_TEST

/* ------------------------------------------------------------------------------------------------- counts */

static const struct {
        enum ts_action action;
        const char *word;
        enum ts_count count;
} actions[] = {
        { TS_TRUST_CREATE, "trust.create", TS_COUNT_ADD },
        { TS_TRUST_UPDATE, "trust.update", TS_COUNT_CHANGE },
        { TS_TRUST_ENABLE, "trust.enable", TS_COUNT_ADD },
        { TS_TRUST_DISABLE, "trust.disable", TS_COUNT_REMOVE },
        { TS_TRUST_DELETE, "trust.delete", TS_COUNT_REMOVE },
        { TS_USER_ADD, "user.add", TS_COUNT_ADD },
        { TS_USER_UPDATE, "user.update", TS_COUNT_CHANGE },
        { TS_USER_REMOVE, "user.remove", TS_COUNT_REMOVE },
        { TS_GROUP_ADD, "group.add", TS_COUNT_ADD },
        { TS_GROUP_UPDATE, "group.update", TS_COUNT_CHANGE },
        { TS_GROUP_REMOVE, "group.remove", TS_COUNT_REMOVE },
        { TS_CLONE_ADD, "clone.add", TS_COUNT_ADD },
        { TS_CLONE_REMOVE, "clone.remove", TS_COUNT_REMOVE },
        { TS_PAIRING_CREATE, "pairing.create", TS_COUNT_ADD },
        { TS_CARE_CREATE, "care.create", TS_COUNT_ADD },
};

/* Every action under every result: once, and under the one that is not planned or applied. */
START_TEST(test_counts)
{
        static const char *const results[] = { "planned", "applied", "failed", "held", "waiting", "skipped" };

        ck_assert_uint_eq(TS_N_ELEMENTS(actions), TS_ACTION_MAX_);
        for (enum ts_result r = TS_PLANNED; r <= TS_SKIPPED; r++)
                for (size_t i = 0; i < TS_N_ELEMENTS(actions); i++) {
                        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
                        struct ts_change *c = ts_plan_add_change(plan);
                        enum ts_count count = actions[i].count;
                        bool done = r <= TS_APPLIED, changes = done && count == TS_COUNT_CHANGE;
                        struct ts_plan_summary s;

                        c->action = actions[i].action;
                        c->decision = r;
                        c->add.n = 3;
                        c->remove.n = 2;
                        s = ts_plan_summarise(plan);
                        ck_assert_str_eq(ts_action_to_string(c->action), actions[i].word);
                        ck_assert_str_eq(ts_result_to_string(r), results[r]);
                        ck_assert_uint_eq(s.add, done && count == TS_COUNT_ADD);
                        ck_assert_uint_eq(s.change, changes);
                        ck_assert_uint_eq(s.remove, done && count == TS_COUNT_REMOVE);
                        ck_assert_uint_eq(s.grants_add, changes ? 3 : 0);
                        ck_assert_uint_eq(s.grants_remove, changes ? 2 : 0);
                        ck_assert_uint_eq(s.failed, r == TS_FAILED);
                        ck_assert_uint_eq(s.held, r == TS_HELD);
                        ck_assert_uint_eq(s.waiting, r == TS_WAITING);
                        ck_assert_uint_eq(s.skipped, r == TS_SKIPPED);
                }
}
END_TEST

/* Of an update that takes denied grants among others, those alone stay; it adds nothing, and counts for no
 * limit. */
START_TEST(test_hold_keeps_what_is_denied)
{
        TS_CLEANUP(digest_done) struct digest_world w;
        struct ts_grant_change removed[] = { { 0, 1, TS_REASON_CONFIG, at(1) },
                                             { 1, TS_DIVISION_ALL, TS_REASON_DENIED, at(2) } };
        struct ts_grant before[] = { { 0, 1, NULL }, { 1, TS_DIVISION_ALL, NULL } };

        digest_init(&w, TS_USER_UPDATE);
        w.change->remove = (struct ts_grant_changes){ removed, 2 };
        w.change->add.n = 1;
        w.change->grants_before = before;
        w.change->n_before = 2;
        w.change->n_removals = 1;
        ts_plan_hold(w.plan, w.change, "refused");
        ck_assert_int_eq(ts_change_result(w.change), TS_PLANNED);
        ck_assert_int_eq(w.change->reason, TS_REASON_DENIED);
        ck_assert_int_eq(w.change->phase, TS_PHASE_REDUCE);
        ck_assert_uint_eq(w.change->add.n, 0);
        ck_assert_uint_eq(w.change->remove.n, 1);
        ck_assert_uint_eq(w.change->remove.items[0].role, 1);
        ck_assert_uint_eq(w.change->n_removals, 0);
        ck_assert_uint_eq(w.change->n_after, 1);
        ck_assert_uint_eq(w.change->grants_after[0].role, 0);
        ts_plan_hold(w.plan, w.change, "again");
        ck_assert_int_eq(ts_change_result(w.change), TS_PLANNED);
        w.change->reason = TS_REASON_CONFIG;
        removed[0].reason = removed[1].reason = TS_REASON_CONFIG;
        ts_plan_hold(w.plan, w.change, "nothing is denied");
        ck_assert_int_eq(ts_change_result(w.change), TS_HELD);
        ck_assert_str_eq(w.change->note, "nothing is denied");
        ts_plan_hold(w.plan, w.change, "held already");
        ck_assert_str_eq(w.change->note, "nothing is denied");
}
END_TEST

/* What stays of a member's grants when two denied ones go: everything else. */
START_TEST(test_hold_keeps_the_rest)
{
        TS_CLEANUP(digest_done) struct digest_world w;
        struct ts_grant_change removed[] = { { 1, 1, TS_REASON_DENIED, at(1) },
                                             { 0, 2, TS_REASON_CONFIG, at(1) },
                                             { 1, 2, TS_REASON_DENIED, at(2) } };
        struct ts_grant before[] = {
                { 0, 1, NULL }, { 0, 2, NULL }, { 1, 1, NULL }, { 1, 2, NULL }, { 1, 3, NULL }
        };
        static const struct ts_grant rest[] = { { 0, 1, NULL }, { 0, 2, NULL }, { 1, 3, NULL } };

        digest_init(&w, TS_USER_UPDATE);
        w.change->remove = (struct ts_grant_changes){ removed, 3 };
        w.change->grants_before = before;
        w.change->n_before = TS_N_ELEMENTS(before);
        ts_plan_hold(w.plan, w.change, "refused");
        ck_assert_int_eq(ts_change_result(w.change), TS_PLANNED);
        ck_assert_uint_eq(w.change->remove.n, 2);
        ck_assert_uint_eq(w.change->n_after, TS_N_ELEMENTS(rest));
        for (size_t i = 0; i < TS_N_ELEMENTS(rest); i++)
                ck_assert_int_eq(ts_grant_compare(&w.change->grants_after[i], &rest[i]), 0);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- limits */

struct many {
        struct ts_live *live;
        struct ts_trust trusts[40];
        struct ts_member members[40];
        struct ts_plan *plan;
};

static void many_init(struct many *m, size_t n_trusts, size_t n_members)
{
        *m = (struct many){ .live = ts_live_new(), .plan = ts_plan_new() };
        for (size_t i = 0; i < n_trusts; i++)
                m->trusts[i] = (struct ts_trust){ .id = { { 0x50, (uint8_t) i } }, .enabled = true };
        for (size_t i = 0; i < n_members; i++)
                m->members[i] = (struct ts_member){ .id = { { 0x40, (uint8_t) i } } };
        m->trusts[0].users = (struct ts_members){ .items = m->members, .n = n_members };
        m->live->trusts = m->trusts;
        m->live->n_trusts = n_trusts;
}

static void many_done(struct many *m)
{
        ts_plan_free(m->plan);
        ts_live_free(m->live);
}

static void plan_removal(struct many *m, enum ts_action action, size_t trust, enum ts_reason reason)
{
        struct ts_change *c = ts_plan_add_change(m->plan);

        c->action = action;
        c->kind = action == TS_USER_REMOVE ? TS_KIND_USER : TS_KIND_TRUST;
        c->reason = reason;
        c->trust_id = m->trusts[trust].id;
        c->trust_alias = "contoso";
        c->counts_as_removal = true;
        c->n_removals = 1;
}

/* A percentage of the trusts, from ten on: at the limit, and one more. */
START_TEST(test_percent_of_trusts)
{
        for (size_t n = 1; n <= 40; n++)
                for (size_t gone = 1; gone <= n; gone++)
                        for (uint32_t percent = 0; percent <= 100; percent += 5) {
                                TS_CLEANUP(many_done) struct many m;
                                struct ts_limits limits = { 1000, 1000, 1000, percent, 25 };

                                many_init(&m, n, 0);
                                for (size_t i = 0; i < gone; i++)
                                        plan_removal(&m, TS_TRUST_DISABLE, i, TS_REASON_CONFIG);
                                ts_limits_check(m.plan, m.live, &limits, NULL, NOW);
                                if (m.plan->refused != (n >= 10 && gone * 100 > percent * n))
                                        ck_abort_msg("%zu of %zu with %u %%", gone, n, percent);
                                if (m.plan->refused &&
                                    (m.plan->refusals[0].value <= percent ||
                                     strcmp(m.plan->refusals[0].limit, "removals_percent") != 0))
                                        ck_abort_msg("%zu of %zu with %u %% is not told", gone, n, percent);
                        }
}
END_TEST

/* When drift alone takes too many members of one trust, only that trust is held. */
START_TEST(test_percent_of_members_by_drift)
{
        TS_CLEANUP(many_done) struct many m;
        struct ts_limits limits = { 1000, 1000, 1000, 25, 25 };

        many_init(&m, 3, 20);
        for (int i = 0; i < 6; i++)
                plan_removal(&m, TS_USER_REMOVE, 0, TS_REASON_DRIFT);
        plan_removal(&m, TS_USER_REMOVE, 1, TS_REASON_CONFIG);
        ts_limits_check(m.plan, m.live, &limits, NULL, NOW);
        ck_assert(!m.plan->refused);
        ck_assert_uint_eq(m.plan->n_refusals, 1);
        ck_assert_str_eq(m.plan->refusals[0].trust, "contoso");
        ck_assert_int_eq(m.plan->refusals[0].value, 30);
        for (size_t i = 0; i < 6; i++)
                ck_assert_int_eq(ts_change_result(&m.plan->changes[i]), TS_HELD);
        ck_assert_int_eq(ts_change_result(&m.plan->changes[6]), TS_PLANNED);
}
END_TEST

START_TEST(test_records_that_cannot_be_read)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        struct ts_limits limits = { 1, 0, 0, 100, 25 };

        last_applied->path = "/state/x";
        for (enum ts_last_applied_status s = TS_LAST_APPLIED_FRESH; s <= TS_LAST_APPLIED_NEWER; s++) {
                TS_CLEANUP(many_done) struct many m;
                bool checks_the_day = s != TS_LAST_APPLIED_UNREADABLE;

                many_init(&m, 1, 0);
                plan_removal(&m, TS_USER_REMOVE, 0, TS_REASON_CONFIG);
                last_applied->status = s;
                ts_limits_check_record(m.plan, last_applied);
                ts_limits_check(m.plan, m.live, &limits, last_applied, NOW);
                ck_assert(m.plan->refused == checks_the_day);
                if (s >= TS_LAST_APPLIED_UNREADABLE) {
                        ck_assert_uint_eq(m.plan->n_messages, 1);
                        ck_assert_ptr_nonnull(strstr(m.plan->messages[0].text, "/state/x"));
                }
                if (s >= TS_LAST_APPLIED_DAMAGED)
                        ck_assert_str_eq(m.plan->refusals[0].limit, "state");
        }
}
END_TEST

/* What goes into the record of the day: what is going to be written, trusts among it. */
START_TEST(test_removals_for_the_record)
{
        TS_CLEANUP(many_done) struct many m;
        TS_CLEANUP(ts_removals_done) struct ts_removals r = { 0 };

        many_init(&m, 2, 0);
        plan_removal(&m, TS_USER_REMOVE, 0, TS_REASON_CONFIG);
        plan_removal(&m, TS_TRUST_DISABLE, 1, TS_REASON_DRIFT);
        plan_removal(&m, TS_USER_REMOVE, 0, TS_REASON_DRIFT);
        plan_removal(&m, TS_TRUST_DISABLE, 0, TS_REASON_CONFIG);
        m.plan->changes[3].decision = TS_HELD;
        m.plan->changes[3].falls_at = 0;
        r = ts_limits_count_planned(m.plan);
        ck_assert_uint_eq(r.n, 1);
        ck_assert_uint_eq(r.n_trusts, 0);
        ck_assert_uint_eq(r.n_drift, 2); /* each trust by itself */
        ck_assert_uint_eq(r.drift[0].n + r.drift[1].n, 2);
        ck_assert_uint_eq(r.drift[0].n_trusts + r.drift[1].n_trusts, 1);

        ts_removals_done(&r);
        plan_removal(&m, TS_USER_REMOVE, 0, TS_REASON_DRIFT); /* of the same trust as the one before */
        plan_removal(&m, TS_USER_REMOVE, 0, TS_REASON_DRIFT);
        m.plan->changes[5].direction = TS_TRUSTOR;
        r = ts_limits_count_planned(m.plan);
        ck_assert_uint_eq(r.n_drift, 3);
        ck_assert_uint_eq(r.drift[1].n, 2);
        ck_assert_int_eq(r.drift[2].direction, TS_TRUSTOR);
}
END_TEST

START_TEST(test_what_is_said_of_a_record_that_cannot_be_read)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = ts_last_applied_new();
        TS_CLEANUP(many_done) struct many m;
        struct ts_limits limits = { 1, 1, 1, 100, 25 };

        last_applied->status = TS_LAST_APPLIED_UNREADABLE;
        last_applied->path = "/state/x";
        many_init(&m, 1, 0);
        ts_limits_check(m.plan, m.live, &limits, _i == 0 ? NULL : last_applied, NOW);
        ck_assert_uint_eq(m.plan->n_messages, 1);
        message_is(_i == 0 ? "no record" : "a record with a path", m.plan->messages[0].text);
}
END_TEST

START_TEST(test_nothing_is_held_without_a_refusal)
{
        TS_CLEANUP(many_done) struct many m;

        many_init(&m, 1, 0);
        plan_removal(&m, TS_USER_REMOVE, 0, TS_REASON_CONFIG);
        ts_limits_hold_refused(m.plan);
        ck_assert_int_eq(ts_change_result(&m.plan->changes[0]), TS_PLANNED);
        ts_limits_refuse(m.plan, "plan_digest", "another plan");
        ts_limits_hold_refused(m.plan);
        ck_assert_int_eq(ts_change_result(&m.plan->changes[0]), TS_HELD);
        ck_assert_str_eq(m.plan->refusals[0].message, "another plan");
}
END_TEST

/* ------------------------------------------------------------------------------------------------- record */

/* A trust that a run is not about keeps its record. */
/*
 * What was applied: "d" the trust was declared, "u" with its users (jane, Admin in all divisions; bob, User
 * in Home), "r" whose roles were managed, "g" with its groups (nobody), "x" until a time, "e" enabled; "o" it
 * is the trustor, "f" nothing was ever recorded, "z" there is no record. What is declared now: the same
 * letters, "a" it is absent; "l" it is not live, "p" what is not listed is removed, "t" only another trust is
 * looked at, "n" the admin role has no name. Before and now: "m" the record has modes, "v" it is observed,
 * "w" unlisted members are reported, "i" jane has an end, "k" and bob, who is declared, "y" she is not a
 * member.
 */
static const struct {
        const char *name, *before, *now, *said; /* "trust (members)" */
} unmanaged[] = {
        { "as before", "durgxe", "durgxe", "" },
        { "nothing was recorded", "f", "", "" },
        { "there is no record", "z", "", "" },
        { "a member that is new", "d", "du", "" },
        { "a trust", "dur", "", "fifty (2)" },
        { "what was told before", "d", "", "" },
        { "one with an end", "dx", "", "fifty (0)" },
        { "one that was enabled", "de", "", "fifty (0)" },
        { "nobody is in it", "dg", "", "fifty (0)" },
        { "a trustor", "dog", "d", "fifty (0)" },
        { "one that was remembered only", "u", "", "" },
        { "one that is gone", "du", "l", "" },
        { "one that is removed", "du", "p", "" },
        { "one that --trust leaves out", "du", "t", "" },
        { "a declared one that --trust leaves out", "du", "dt", "" },
        { "one that is to go", "dux", "da", "" },
        { "one that was not declared before", "", "du", "" },
        { "its users", "dur", "d", "contoso (2)" },
        { "users without grants to know of", "du", "d", "contoso (2)" },
        { "a role without a name", "dur", "dn", "contoso (2)" },
        { "its groups", "dug", "du", "contoso (0)" },
        { "roles", "dur", "du", "contoso (1)" },
        { "its end", "dx", "d", "contoso (0)" },
        { "whether it is enabled", "de", "d", "contoso (0)" },
        { "the end of a member", "dui", "du", "contoso (1)" },
        { "the ends of two members", "duik", "duk", "contoso (2)" },
        { "the end of a member, as before", "dui", "dui", "" },
        { "the end of somebody who is no member", "dui", "duy", "" },
        { "a mode that leaves it alone", "dum", "duv", "contoso (2)" },
        { "a mode that it had", "dumv", "duv", "" },
        { "unlisted members from now on", "dum", "duw", "contoso (2)" },
        { "unlisted members as before", "dumw", "duw", "" },
        { "modes that an older record lacks", "du", "duvw", "" },
};

static void record_users(struct ts_last_applied *m, struct world *w, struct ts_last_applied_trust *t,
                         bool grants_managed)
{
        const struct ts_grant admin = { 0, TS_DIVISION_ALL }, user = { 2, 1 };

        t->users.managed = true;
        t->users.items = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_member, 2);
        t->users.n = 2;
        for (size_t i = 0; i < 2; i++) {
                t->users.items[i].id = w->live_users[i].id;
                t->users.items[i].grants_managed = grants_managed;
                if (grants_managed)
                        ts_last_applied_set_grants(m, &t->users.items[i], &w->live->catalog,
                                                   i == 0 ? &admin : &user, 1);
        }
}

static bool has(const char *letters, char c)
{
        return strchr(letters, c) != NULL;
}

/* Jane alone is declared now; "k": and bob. */
static void declare_now(struct world *w, const char *now)
{
        w->trust.users.managed = has(now, 'u');
        w->trust.users.n = has(now, 'u');
        w->users[0] = (struct ts_decl_member){ .kind = TS_KIND_USER,
                                               .key = "jane@x.example",
                                               .id = w->live_users[0].id,
                                               .grants_managed = has(now, 'r'),
                                               .from = TS_TIME_UNSET,
                                               .until = has(now, 'i') ? NOW + 9 : TS_TIME_UNSET };
        w->users[1] = w->users[0];
        w->users[1].key = "bob@x.example";
        w->users[1].id = w->live_users[1].id;
        w->trust.users.n += has(now, 'k') ? 1 : 0;
        w->trust.observe = has(now, 'v');
        w->trust.report_unlisted = has(now, 'w');
        w->trust.groups.managed = has(now, 'g');
        w->trust.groups.n = 0;
        w->trust.absent = has(now, 'a');
        w->trust.expires = has(now, 'x') ? NOW : TS_TIME_UNSET;
        w->trust.enabled = has(now, 'e') ? TS_YES : TS_UNSET;
        w->decl.n_trusts = has(now, 'd');
        w->live->n_trusts = !has(now, 'l');
        w->policy.remove_unlisted_trusts = has(now, 'p');
        if (has(now, 'n'))
                w->live->catalog.roles[0].name = w->live->catalog.roles[1].name = NULL;
}

START_TEST(test_unmanaged)
{
        static const char *const other[] = { "fabrikam" };
        const char *before = unmanaged[_i].before, *now = unmanaged[_i].now;
        struct ts_trust_filter filter = { other, has(now, 't') };
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf said = TS_BUF_INIT(4096);
        struct ts_last_applied_trust t = { .declared = has(before, 'd'), .expires = TS_TIME_UNSET };
        struct ts_last_applied_end ends[2] = { { .when = NOW + 9, .kind = TS_KIND_USER } };
        struct ts_id_text id;

        world_init(&w);
        id = ts_id_format(&w.live_trust.id);
        t.id = w.live_trust.id;
        if (has(before, 'o'))
                t.direction = w.live_trust.direction = TS_TRUSTOR;
        if (has(before, 'u'))
                record_users(m, &w, &t, has(before, 'r'));
        t.groups.managed = has(before, 'g');
        t.expires = has(before, 'x') ? NOW : TS_TIME_UNSET;
        t.enabled = has(before, 'e') ? TS_YES : TS_UNSET;
        m->status = has(before, 'f') ? TS_LAST_APPLIED_FRESH : TS_LAST_APPLIED_KNOWN;
        m->trusts = &t;
        m->n_trusts = 1;
        declare_now(&w, now);
        t.modes_known = has(before, 'm');
        t.observe = has(before, 'v');
        t.report_unlisted = has(before, 'w');
        ends[0].trust = t.id;
        ends[0].subject = w.live_users[0].id;
        ends[1] = ends[0];
        ends[1].subject = w.live_users[1].id;
        m->ends = ends;
        m->n_ends = has(before, 'k') ? 2 : has(before, 'i');
        w.desired = ts_resolve_members(&w.decl, w.live, &filter);
        if (has(now, 'y'))
                w.desired->trusts[0].users.items[0].live = NULL;
        ts_unmanaged_note(plan, &(struct ts_diff_input){ .live = w.live,
                                                         .desired = w.desired,
                                                         .policy = &w.policy,
                                                         .last_applied = has(before, 'z') ? NULL : m,
                                                         .filter = &filter,
                                                         .now = NOW });
        for (size_t i = 0; i < plan->n_messages; i++) {
                const struct ts_message *x = &plan->messages[i];

                ck_assert_int_eq(x->kind,
                                 strcmp(x->trust, id.s) == 0 ? TS_MESSAGE_UNDECLARED : TS_MESSAGE_UNMANAGED);
                ts_buf_printf(&said, "%s (%zu)", strcmp(x->trust, id.s) == 0 ? "fifty" : x->trust,
                              x->n_members);
                message_is(unmanaged[_i].name, x->text);
        }
        ck_assert_msg(strcmp(ts_buf_text(&said), unmanaged[_i].said) == 0, "%s: %s", unmanaged[_i].name,
                      ts_buf_text(&said));
}
END_TEST

START_TEST(test_record_out_of_scope)
{
        static const char *const only[] = { ID("50", "1") };
        struct ts_trust_filter filter = { only, 1 };
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *new = NULL;
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = NULL;
        struct ts_last_applied_member member = { .id = id_of(ID("40", "5")) };
        struct ts_last_applied_trust trusts[] = { { .id = id_of(ID("50", "1")) },
                                                  { .id = id_of(ID("50", "2")), .declared = true },
                                                  { .direction = TS_TRUSTOR, .id = id_of(ID("50", "1")) } };

        world_init(&w);
        trusts[1].users = (struct ts_last_applied_members){ true, &member, 1 };
        *old = (struct ts_last_applied){
                .status = TS_LAST_APPLIED_KNOWN, .trusts = trusts, .n_trusts = 3, .care_declared = true
        };
        w.desired = ts_resolve_members(&w.decl, w.live, &filter);
        ts_resolve_grants(w.desired, w.live, &w.policy);
        plan = ts_diff(&(struct ts_diff_input){ .organization = "acme",
                                                .live = w.live,
                                                .desired = w.desired,
                                                .policy = &w.policy,
                                                .last_applied = old,
                                                .filter = &filter,
                                                .now = NOW });
        new = ts_last_applied_update(&(struct ts_last_applied_update_input){ .old = old,
                                                                             .desired = w.desired,
                                                                             .live = w.live,
                                                                             .plan = plan,
                                                                             .filter = &filter,
                                                                             .now = NOW });
        ck_assert(new->care_declared); /* it was not looked at */
        ck_assert_uint_eq(new->n_trusts, 2);
        ck_assert(new->trusts[0].declared);
        ck_assert_uint_eq(new->trusts[1].users.n, 1); /* copied, not borrowed */
        ck_assert_ptr_ne(new->trusts[1].users.items, &member);
        ck_assert(ts_id_equal(&new->trusts[1].users.items[0].id, &member.id));
}
END_TEST

/* What is out of scope is there: its record is neither lost nor doubled; without one none is made. */
START_TEST(test_record_of_a_live_trust_out_of_scope)
{
        static const char *const only[] = { ID("50", "1") };
        struct ts_trust_filter filter = { only, 1 };
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *old = ts_last_applied_new();
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *new = NULL;
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
        struct ts_last_applied_trust trust = { .id = id_of(ID("50", "2")),
                                               .declared = true,
                                               .disabled_at = NOW };
        struct ts_trust live[2];

        world_init(&w);
        live[0] = w.live_trust;
        live[1] = (struct ts_trust){ .id = trust.id };
        w.live->trusts = live;
        w.live->n_trusts = 2;
        *old = (struct ts_last_applied){ .status = _i == 0 ? TS_LAST_APPLIED_KNOWN : TS_LAST_APPLIED_DAMAGED,
                                         .trusts = &trust,
                                         .n_trusts = 1 };
        w.desired = ts_resolve_members(&w.decl, w.live, &filter);
        ts_resolve_grants(w.desired, w.live, &w.policy);
        new = ts_last_applied_update(&(struct ts_last_applied_update_input){ .old = old,
                                                                             .desired = w.desired,
                                                                             .live = w.live,
                                                                             .plan = plan,
                                                                             .filter = &filter,
                                                                             .now = NOW });
        ck_assert_uint_eq(new->n_trusts, _i == 0 ? 2 : 1);
        ck_assert(ts_id_equal(&new->trusts[0].id, &w.trust.id));
        if (_i == 0)
                ck_assert(new->trusts[1].declared &&new->trusts[1].disabled_at == NOW);
}
END_TEST

/* The decision holds until something came of a change; what came of it goes along when another plan takes the
 * change over, and the two plans then have outcomes of their own. */
START_TEST(test_outcomes)
{
        TS_CLEANUP(ts_plan_freep) struct ts_plan *first = ts_plan_new(), *second = ts_plan_new();
        TS_CLEANUP(ts_outcomes_done) struct ts_outcomes of_first = { 0 }, of_second = { 0 };
        struct ts_change *c = ts_plan_add_change(first), *copy;

        ts_change_end(c, TS_HELD, "held");
        ck_assert_int_eq(ts_change_result(c), TS_HELD);
        ck_assert_str_eq(ts_change_note(c), "held");
        ck_assert(!ts_change_outcome(c)->sent && ts_change_outcome(c)->pairing_created == TS_TIME_UNSET);

        ts_change_end(c, TS_PLANNED, "overdue");
        ts_outcomes_begin(&of_first, first);
        ck_assert(ts_change_is_planned(c));
        of_first.items[0].result = TS_WAITING;
        ck_assert_int_eq(ts_change_result(c), TS_WAITING);
        ck_assert_str_eq(ts_change_note(c), "overdue");
        of_first.items[0].note = "it does not show yet";
        ck_assert_str_eq(ts_change_note(c), "it does not show yet");
        ck_assert_int_eq(c->decision, TS_PLANNED);

        (void) ts_plan_add_change(second);
        copy = ts_plan_add_change(second);
        *copy = *c;
        ts_outcomes_begin(&of_second, second);
        ck_assert_uint_eq(of_second.n, 2);
        ck_assert(ts_change_is_planned(&second->changes[0]));
        ck_assert_str_eq(ts_change_note(&second->changes[1]), "it does not show yet");
        of_second.items[1].result = TS_APPLIED;
        ck_assert_int_eq(ts_change_result(&second->changes[1]), TS_APPLIED);
        ck_assert_int_eq(ts_change_result(&first->changes[0]), TS_WAITING);
}
END_TEST

START_TEST(test_record_of_a_request)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        const struct ts_outcome outcomes[] = { { .pairing_id = id_of(ID("60", "1")), .pairing_created = NOW },
                                               { .pairing_id = id_of(ID("60", "2")) } };
        struct ts_change first = { .trust_id = id_of(ID("50", "1")), .outcome = &outcomes[0] };
        struct ts_change second = { .trust_id = id_of(ID("50", "2")), .outcome = &outcomes[1] };

        ts_last_applied_update_pairing(m, &second);
        ts_last_applied_update_pairing(m, &first);
        ts_last_applied_update_pairing(m, &first);
        ck_assert_int_eq(m->status, TS_LAST_APPLIED_KNOWN);
        ck_assert_uint_eq(m->n_trusts, 2);
        ck_assert(ts_id_equal(&m->trusts[0].id, &first.trust_id)); /* in order */
        ck_assert_uint_eq(m->trusts[0].pairing.n_created, 2);
        ck_assert_int_eq(m->trusts[0].pairing.created, NOW);
        ck_assert(!m->trusts[0].declared);
}
END_TEST

START_TEST(test_record_look_ups)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        struct ts_last_applied_trust trusts[20] = { 0 };
        struct ts_last_applied_member members[20] = { 0 };
        uint64_t grants[20];
        uint32_t n_trusts;

        for (size_t i = 0; i < 20; i++) {
                trusts[i].direction = i < 10 ? TS_TRUSTEE : TS_TRUSTOR;
                trusts[i].id.bytes[15] = (uint8_t) (2 * (i % 10));
                members[i].id.bytes[15] = (uint8_t) (2 * i);
                grants[i] = 2 * i;
        }
        m->trusts = trusts;
        m->n_trusts = 20;
        trusts[3].groups = (struct ts_last_applied_members){ true, members, 20 };
        members[4].grants = grants;
        members[4].n_grants = 20;
        for (unsigned i = 0; i < 40; i++) {
                struct ts_id id = { { 0 } };
                const struct ts_last_applied_member *member;

                id.bytes[15] = (uint8_t) i;
                m->status = TS_LAST_APPLIED_KNOWN;
                member = ts_last_applied_find_member(&trusts[3], TS_GROUPS, &id);
                ck_assert((ts_last_applied_find_trust(m, TS_TRUSTEE, &id) != NULL) == (i % 2 == 0 && i < 20));
                ck_assert((ts_last_applied_find_trust(m, TS_TRUSTOR, &id) != NULL) == (i % 2 == 0 && i < 20));
                ck_assert((member != NULL) == (i % 2 == 0));
                ck_assert(ts_last_applied_has_grant(&members[4], i) == (i % 2 == 0));
                m->status = TS_LAST_APPLIED_DAMAGED;
                ck_assert_ptr_null(ts_last_applied_find_trust(m, TS_TRUSTEE, &id));
                ck_assert_ptr_null(ts_last_applied_find_trust(NULL, TS_TRUSTEE, &id));
                ck_assert_ptr_null(ts_last_applied_find_member(NULL, TS_USERS, &id));
        }
        ck_assert(!ts_last_applied_has_grant(NULL, 0));
        ck_assert_ptr_null(ts_last_applied_find_key(NULL, TS_USERS, "a"));
        ck_assert_uint_eq(ts_last_applied_removals_of_day(NULL, NOW, 0, &n_trusts), 0);
        ck_assert_uint_eq(n_trusts, 0);
}
END_TEST

/* E-mails in any ASCII case, names of groups exactly; of equal keys one stays. */
START_TEST(test_record_keys)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *m = ts_last_applied_new();
        static const char *const names[] = { "Zoe[1]@X", "zoe[1]@x", "ann@x", "b", "ann" };
        static const char *const none[] = { "", "a", "ann@", "ann@xy", "c", "zz", "zoe{1}@x" };
        struct ts_last_applied_trust t = { 0 };

        m->trusts = &t;
        m->n_trusts = 1;
        for (enum ts_collection c = TS_USERS; c <= TS_GROUPS; c++) {
                t.collections[c].keys = TS_ARENA_ARRAY(&m->arena, struct ts_last_applied_key, 5);
                for (uint8_t i = 0; i < 5; i++)
                        ts_last_applied_put_key(m, &t.collections[c], c, names[i], &(struct ts_id){ { i } });
        }
        ts_last_applied_sort(m);
        ck_assert_uint_eq(t.users.n_keys, 4);
        ck_assert_uint_eq(t.groups.n_keys, 5);
        for (uint8_t i = 0; i < 5; i++) {
                ck_assert_int_eq(ts_last_applied_find_key(&t, TS_USERS, names[i])->id.bytes[0],
                                 i == 1 ? 0 : i);
                ck_assert_int_eq(ts_last_applied_find_key(&t, TS_GROUPS, names[i])->id.bytes[0], i);
        }
        for (size_t i = 0; i < TS_N_ELEMENTS(none); i++)
                ck_assert_ptr_null(ts_last_applied_find_key(&t, TS_USERS, none[i]));
}
END_TEST

/* On disk: it must never change. */
START_TEST(test_grant_key_is_for_ever)
{
        TS_CLEANUP(digest_done) struct digest_world w;
        struct ts_grant g = { 0, 1, NULL }, all = { 0, TS_DIVISION_ALL, NULL };

        digest_init(&w, TS_USER_UPDATE);
        ck_assert_uint_eq(ts_last_applied_grant_key(&w.catalog, &g), UINT64_C(0xdb76e8570c453051));
        ck_assert_uint_eq(ts_last_applied_grant_key(&w.catalog, &all), UINT64_C(0x6191c5b38300aade));
}
END_TEST

static void add_tests(TCase *t)
{
        tcase_add_test(t, test_catalog);
        tcase_add_test(t, test_normalise_many);
        tcase_add_test(t, test_sort);
        tcase_add_loop_test(t, test_is_drift, 0, TS_N_ELEMENTS(drifts));
        tcase_add_test(t, test_words_of_the_domain);
        tcase_add_test(t, test_member_label);
        tcase_add_test(t, test_declarations);
        tcase_add_loop_test(t, test_privileged, 0, TS_N_ELEMENTS(privileged_cases));
        tcase_add_loop_test(t, test_window, 0, TS_N_ELEMENTS(windows));
        tcase_add_loop_test(t, test_filter, 0, TS_N_ELEMENTS(filters));
        tcase_add_loop_test(t, test_member_is_chosen, 0, TS_N_ELEMENTS(chosen_cases));
        tcase_add_loop_test(t, test_scope, 0, TS_N_ELEMENTS(scopes));
        tcase_add_test(t, test_scope_of_trustors);
        tcase_add_test(t, test_scope_of_customer_care);
        tcase_add_loop_test(t, test_resolve_key, 0, TS_N_ELEMENTS(keys));
        tcase_add_test(t, test_member_without_a_name);
        tcase_add_test(t, test_grants_of_nobody_in_particular);
        tcase_add_test(t, test_id_decides_over_the_name);
        tcase_add_loop_test(t, test_resolve_names, 0, TS_N_ELEMENTS(role_names));
        tcase_add_test(t, test_name_missing_from_an_incomplete_list);
        tcase_add_test(t, test_role_sets);
        tcase_add_test(t, test_denied_roles);
        tcase_add_test(t, test_found_by_a_search);
        tcase_add_test(t, test_clone_found_by_a_search);
        tcase_add_test(t, test_resolve_only_what_is_asked_for);
        tcase_add_test(t, test_needed_grants);
        tcase_add_test(t, test_pairings_to_ask_for);
        tcase_add_test(t, test_pairing_of_two);
        tcase_add_test(t, test_denied_by_another_name);
        tcase_add_test(t, test_order_of_grants);
        tcase_add_loop_test(t, test_clock_skew, 0, TS_N_ELEMENTS(skews));
        tcase_add_loop_test(t, test_completeness, 0, TS_N_ELEMENTS(views));
        tcase_add_loop_test(t, test_digest_line, 0, TS_N_ELEMENTS(digest_lines));
        tcase_add_test(t, test_digest_of_a_request);
        tcase_add_test(t, test_every_action_has_its_line);
        tcase_add_loop_test(t, test_digest_of_customer_care, 0, 4);
        tcase_add_test(t, test_digest_leaves_out);
        tcase_add_test(t, test_no_grants_in_a_digest);
        tcase_add_test(t, test_counts);
        tcase_add_test(t, test_hold_keeps_what_is_denied);
        tcase_add_test(t, test_hold_keeps_the_rest);
        tcase_add_test(t, test_percent_of_trusts);
        tcase_add_test(t, test_percent_of_members_by_drift);
        tcase_add_test(t, test_records_that_cannot_be_read);
        tcase_add_test(t, test_removals_for_the_record);
        tcase_add_loop_test(t, test_what_is_said_of_a_record_that_cannot_be_read, 0, 2);
        tcase_add_test(t, test_nothing_is_held_without_a_refusal);
        tcase_add_test(t, test_record_out_of_scope);
        tcase_add_loop_test(t, test_record_of_a_live_trust_out_of_scope, 0, 2);
        tcase_add_loop_test(t, test_unmanaged, 0, TS_N_ELEMENTS(unmanaged));
        tcase_add_test(t, test_outcomes);
        tcase_add_test(t, test_record_of_a_request);
        tcase_add_test(t, test_record_look_ups);
        tcase_add_test(t, test_record_keys);
        tcase_add_test(t, test_grant_key_is_for_ever);
}

int main(void)
{
        Suite *suite = suite_create("trust-parts");
        TCase *t = tcase_create("trust-parts");

        tcase_set_timeout(t, 120); /* under a sanitizer or valgrind on a slow machine */
        add_tests(t);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
