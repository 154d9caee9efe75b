/*
 * Exports: what is live, written as declarations, read again, and planned against.
 *
 * Live states are made from a seed. A world has its people, organizations, roles and divisions; a variant of
 * it is a state in which most things are as in all other variants, so that two of them differ in a few
 * places, as a live state and its declarations do. Names are hostile where the test is about that.
 */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/declarations.h"
#include "config/exported.h"
#include "report/export.h"
#include "report/report.h"
#include "suite.h"
#include "trust/diff.h"
#include "trust/offline.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/mem.h"

#define NOW INT64_C(1790000000)
#define N_ROLES 7u
#define N_DIVISIONS 6u
#define N_TRUSTEES 6u
#define N_TRUSTORS 4u
#define N_PEOPLE 9u /* of each kind, in each organization */

/* ------------------------------------------------------------------------------------------------- chance */

struct world {
        uint64_t seed;
        uint64_t variant;
        unsigned unlike; /* percent of the choices that are the variant's own */
        bool hostile;    /* names that are hard to write; listings that were not read to their end */
};

static uint64_t mix(uint64_t a, uint64_t b)
{
        uint64_t x = a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2));

        x ^= x >> 30;
        x *= 0xbf58476d1ce4e5b9u;
        x ^= x >> 27;
        x *= 0x94d049bb133111ebu;
        return x ^ (x >> 31);
}

static uint64_t fixed(const struct world *w, const char *what, uint64_t a, uint64_t b)
{
        uint64_t x = mix(w->seed, 1);

        for (; *what; what++)
                x = mix(x, (uint64_t) (unsigned char) *what);
        return mix(mix(x, a), b);
}

/* The same in all variants, nearly always. */
static uint64_t choice(const struct world *w, const char *what, uint64_t a, uint64_t b)
{
        uint64_t own = mix(fixed(w, what, a, b), w->variant + 1000);

        return own % 100 < w->unlike ? mix(own, 7) : fixed(w, what, a, b);
}

static bool chance(const struct world *w, const char *what, uint64_t a, uint64_t b, unsigned percent)
{
        return choice(w, what, a, b) % 100 < percent;
}

static struct ts_id id_of(const struct world *w, const char *what, uint64_t a, uint64_t b)
{
        uint64_t high = fixed(w, what, a, b), low = mix(high, 3);
        struct ts_id id;

        memcpy(id.bytes, &high, 8);
        memcpy(id.bytes + 8, &low, 8);
        id.bytes[0] |= 1;
        return id;
}

/* -------------------------------------------------------------------------------------------------- names */

static const char *const hostile_names[] = {
        "null",
        "yes",
        "007",
        "O'Brien's role",
        "Billing: Viewer",
        "Billing: Viewer",
        "all",
        "All",
        "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        "two\nlines",
        "a\ttab",
        "right \xe2\x80\xae to left",
        "zero\xe2\x80\x8bwidth",
        "not a character \xef\xbf\xbe",
        "broken \xff\xfe",
        "",
        " ",
        " in front",
        "behind ",
        "# no comment",
        "- no list",
        "{no: map}",
        "[no list]",
        "\"quoted\" \\ and back",
        "%no directive",
        "!no tag",
        "&no anchor",
        "*no alias",
        "key: value # and more",
        "M\xc3\xbcnchen \xe2\x9c\x93",
        "0x1F",
        "2027-06-30",
        "~",
        "-",
        "<4>kernel",
        "never",
        "1e3",
        NULL,
};

static const char *const plain_names[] = {
        "Admin",
        "Supervisor",
        "Communicate - User",
        "Tier 2 Support",
        "Home",
        "Sales",
        "Support",
        "Quality: Viewer",
        "Sales",
        "yes",
        "007",
        "all",
        "O'Brien's",
        "Billing",
        "Reports",
        "Night Shift",
        " in front",
        "behind ",
};

static const char *name_of(const struct world *w, const char *what, uint64_t a, uint64_t b)
{
        uint64_t x = fixed(w, what, a, b);

        if (w->hostile && x % 2 == 0)
                return hostile_names[(x / 2) % TS_N_ELEMENTS(hostile_names)];
        return plain_names[(x / 2) % TS_N_ELEMENTS(plain_names)];
}

/* Two may have the same address but for its letters, or none, or what is none. */
static const char *email_of(const struct world *w, struct ts_arena *arena, uint64_t organization,
                            uint64_t person)
{
        uint64_t x = fixed(w, "email", organization, person);

        switch (x % 12) {
        case 0:
                return NULL;
        case 1:
                return "same@partner.example";
        case 2:
                return "SAME@Partner.example";
        case 3:
                return w->hostile ? name_of(w, "no email", organization, person) : "jane";
        default:
                return ts_arena_printf(arena, "%s%u@partner%u.example", x % 3 == 0 ? "Null" : "o'jane+",
                                       (unsigned) person, (unsigned) organization);
        }
}

/* -------------------------------------------------------------------------------------------- live states */

static int member_compare(const void *a, const void *b)
{
        return ts_id_compare(&((const struct ts_member *) a)->id, &((const struct ts_member *) b)->id);
}

static int trust_compare(const void *a, const void *b)
{
        const struct ts_trust *x = a, *y = b;

        if (x->direction != y->direction)
                return x->direction < y->direction ? -1 : 1;
        return ts_id_compare(&x->id, &y->id);
}

/* Most members hold one of three sets of grants, some what nobody else holds. */
static void make_grants(const struct world *w, struct ts_live *live, uint64_t trust, uint64_t person,
                        struct ts_member *m)
{
        uint64_t profile = choice(w, "profile", trust, person) % 5;
        uint64_t whose = profile < 3 ? profile : 100 + person;
        size_t n = fixed(w, "grants", whose, 0) % 5;

        m->grants_coverage = w->hostile && chance(w, "no grants", trust, person, 4) ? TS_COVERAGE_PARTIAL
                                                                                    : TS_COVERAGE_COMPLETE;
        m->grants = TS_ARENA_ARRAY(&live->arena, struct ts_grant, n);
        for (size_t i = 0; i < n; i++)
                m->grants[i] = (struct ts_grant){
                        .role = (uint32_t) (choice(w, "role", whose, i) % N_ROLES),
                        .division = (uint32_t) (choice(w, "division", whose, i) % (N_DIVISIONS + 1)),
                };
        m->n_grants = (uint32_t) ts_grants_normalise(m->grants, n);
}

static struct ts_member make_person(const struct world *w, struct ts_arena *arena, enum ts_kind kind,
                                    uint64_t organization, uint64_t person)
{
        struct ts_member m = { .kind = kind, .created = TS_TIME_UNSET };

        if (kind == TS_KIND_GROUP) {
                m.id = id_of(w, "group", organization, person);
                m.name = name_of(w, "group name", organization, person);
        } else {
                m.id = id_of(w, "user", organization, person);
                m.email = email_of(w, arena, organization, person);
                m.name = name_of(w, "user name", organization, person);
        }
        return m;
}

static enum ts_coverage make_coverage(const struct world *w, const char *what, uint64_t a, uint64_t b)
{
        if (!w->hostile || chance(w, what, a, b, 90))
                return TS_COVERAGE_COMPLETE;
        return chance(w, "not at all", a, b, 50) ? TS_COVERAGE_NONE : TS_COVERAGE_PARTIAL;
}

/* @directory: whose people they are. */
static void make_members(const struct world *w, struct ts_live *live, uint64_t trust, uint64_t directory,
                         enum ts_collection c, bool has_grants, struct ts_members *ret)
{
        static const unsigned percent[TS_COLLECTIONS] = { 55, 35, 20 };
        uint64_t key = trust * TS_COLLECTIONS + c;

        ret->coverage = make_coverage(w, "coverage", key, 0);
        ret->items = TS_ARENA_ARRAY(&live->arena, struct ts_member, N_PEOPLE);
        for (uint64_t i = 0; i < N_PEOPLE && (c != TS_CLONES || ret->n < TS_CLONES_MAX); i++) {
                if (!chance(w, "member", key, i, percent[c]))
                        continue;
                ret->items[ret->n] = make_person(w, &live->arena, ts_collection_kind(c), directory, i);
                if (has_grants && c != TS_CLONES)
                        make_grants(w, live, trust, i, &ret->items[ret->n]);
                ret->n++;
        }
        qsort(ret->items, ret->n, sizeof(*ret->items), member_compare);
}

#define OURSELVES 99u

static void make_trust(const struct world *w, struct ts_live *live, enum ts_direction d,
                       uint64_t organization)
{
        uint64_t key = organization * 2 + (d == TS_TRUSTOR);
        struct ts_trust *t = &live->trusts[live->n_trusts++];

        *t = (struct ts_trust){
                .direction = d,
                .id = id_of(w, "organization", organization, 0),
                .name = name_of(w, "organization name", organization, 0),
                .enabled = chance(w, "enabled", key, 0, 75),
                .customer_care = d == TS_TRUSTEE && organization == 0 && fixed(w, "care", 0, 0) % 2 == 0,
                .expires = TS_TIME_NEVER,
                .created = NOW - 1000,
        };
        if (chance(w, "expires", key, 0, 30))
                t->expires = NOW - 500000 + (int64_t) (choice(w, "when", key, 0) % 1000000);
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                make_members(w, live, key, d == TS_TRUSTEE ? organization : OURSELVES, c,
                             d == TS_TRUSTEE && !t->customer_care, &t->collections[c]);
}

static void make_catalog(const struct world *w, struct ts_live *live)
{
        for (uint64_t i = 0; i < N_ROLES; i++) {
                struct ts_id id = id_of(w, "role", i, 0);

                (void) ts_catalog_add_role(&live->catalog, &id, name_of(w, "role name", i, 0));
        }
        for (uint64_t i = 0; i < N_DIVISIONS; i++) {
                struct ts_id id = id_of(w, "division", i, 0);

                (void) ts_catalog_add_division(&live->catalog, &id, name_of(w, "division name", i, 0));
        }
        live->catalog.complete = !w->hostile || chance(w, "catalog", 0, 0, 85);
}

static struct ts_live *make_live(const struct world *w)
{
        struct ts_live *live = ts_live_new();

        live->organization_id = id_of(w, "ours", 0, 0);
        live->organization_name = name_of(w, "our name", 0, 0);
        make_catalog(w, live);
        live->trusts_coverage = make_coverage(w, "trustees", 0, 0);
        live->trustors_coverage = make_coverage(w, "trustors", 0, 0);
        live->care_coverage = make_coverage(w, "care known", 0, 0);
        live->trusts = TS_ARENA_ARRAY(&live->arena, struct ts_trust, N_TRUSTEES + N_TRUSTORS);
        for (uint64_t i = 0; i < N_TRUSTEES; i++)
                if (chance(w, "trustee", i, 0, 60))
                        make_trust(w, live, TS_TRUSTEE, i);
        for (uint64_t i = 0; i < N_TRUSTORS; i++)
                if (chance(w, "trustor", i, 0, 60))
                        make_trust(w, live, TS_TRUSTOR, i + 3); /* some are trustees too */
        qsort(live->trusts, live->n_trusts, sizeof(*live->trusts), trust_compare);
        return live;
}

/* Everybody in our own organization. */
static struct ts_members make_people(const struct world *w, struct ts_arena *arena, enum ts_kind kind)
{
        struct ts_members m = { .coverage = TS_COVERAGE_COMPLETE,
                                .items = TS_ARENA_ARRAY(arena, struct ts_member, N_PEOPLE) };

        for (uint64_t i = 0; i < N_PEOPLE; i++)
                m.items[m.n++] = make_person(w, arena, kind, OURSELVES, i);
        return m;
}

/* ----------------------------------------------------------------------------------------- there and back */

static char directory[64];

static void setup(void)
{
        (void) snprintf(directory, sizeof(directory), "/tmp/test_export.XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
        static const char *const names[] = { "live.yaml", "base.yaml", "new.yaml" };
        char path[128];

        for (size_t i = 0; i < TS_N_ELEMENTS(names); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
                (void) unlink(path);
        }
        ck_assert_int_eq(rmdir(directory), 0);
}

static char *export_of(const struct world *w, const struct ts_live *live, bool with_people)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_members users = make_people(w, &arena, TS_KIND_USER);
        struct ts_members groups = make_people(w, &arena, TS_KIND_GROUP);
        struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_export e = {
                .organization = "acme",
                .live = live,
                .users = with_people ? &users : NULL,
                .groups = with_people ? &groups : NULL,
                .now = NOW,
        };

        ts_export_write(&e, &out);
        ck_assert(!ts_buf_failed(&out));
        return out.data;
}

static void write_file(const char *name, const char *text, char path[static 128])
{
        FILE *f;

        (void) snprintf(path, 128, "%s/%s", directory, name);
        f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
}

static void assert_no_faults(const struct world *w, struct ts_faults *faults, const char *text)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(1u << 20);

        if (faults->n == 0)
                return;
        ts_faults_print(faults, false, &out);
        (void) fprintf(stderr, "%s\n", text);
        ck_abort_msg("seed %" PRIu64 ": %.3000s", w->seed, ts_buf_text(&out));
}

static struct ts_declarations *load(const struct world *w, const char *name, const char *text)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        struct ts_declarations *d = NULL;
        char path[128];
        int r;

        write_file(name, text, path);
        r = ts_declarations_load(path, NULL, NULL, &faults, &d);
        assert_no_faults(w, &faults, text);
        ck_assert_int_eq(r, 0);
        return d;
}

static struct ts_declarations *load_export(const struct world *w, const char *text, struct ts_exported *x)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        struct ts_declarations *d = NULL;
        char path[128];
        int r;

        write_file("live.yaml", text, path);
        r = ts_exported_load(path, &faults, &d, x);
        assert_no_faults(w, &faults, text);
        ck_assert_int_eq(r, 0);
        return d;
}

/* ------------------------------------------------------------------------------------------ plans as text */

static void print_source(struct ts_buf *out, const struct ts_source *s)
{
        if (s->file)
                (void) ts_buf_printf(out, " (%u)", s->line);
}

static void print_grants(struct ts_buf *out, const struct ts_plan *plan, char sign,
                         const struct ts_grant_changes *g)
{
        for (size_t i = 0; i < g->n; i++) {
                (void) ts_buf_printf(out, "    %c %s/%s %s", sign, ts_plan_role_name(plan, g->items[i].role),
                                     ts_plan_division_name(plan, g->items[i].division),
                                     ts_reason_to_string(g->items[i].reason));
                print_source(out, &g->items[i].source);
                (void) ts_buf_putc(out, '\n');
        }
}

static void print_change(struct ts_buf *out, const struct ts_plan *plan, const struct ts_change *c)
{
        (void) ts_buf_printf(out, "%s %s %s %s of %s %s, %s: %s", ts_result_to_string(ts_change_result(c)),
                             ts_action_to_string(c->action), ts_reason_to_string(c->reason),
                             ts_direction_to_string(c->direction), c->trust_alias,
                             ts_id_format(&c->trust_id).s, c->trust_name ? c->trust_name : "(no name)",
                             ts_id_format(&c->subject_id).s);
        (void) ts_buf_printf(out, " %s", c->subject_name ? c->subject_name : "(no name)");
        print_source(out, &c->source);
        if (c->kind == TS_KIND_TRUST)
                (void) ts_buf_printf(out, " %d %s -> %d %s", c->before.enabled,
                                     ts_time_format(c->before.expires).s, c->after.enabled,
                                     ts_time_format(c->after.expires).s);
        (void) ts_buf_printf(out, " [%s]\n", c->note ? c->note : "");
        print_grants(out, plan, '+', &c->add);
        print_grants(out, plan, '-', &c->remove);
        print_grants(out, plan, '!', &c->held);
}

static char *plan_text(const struct ts_plan *plan)
{
        struct ts_buf out = TS_BUF_INIT(1u << 24);

        for (size_t i = 0; i < plan->n_changes; i++)
                print_change(&out, plan, &plan->changes[i]);
        for (size_t i = 0; i < plan->n_messages; i++)
                (void) ts_buf_printf(&out, "message: %s\n", plan->messages[i].text);
        (void) ts_buf_printf(&out, "%s\n", plan->complete ? "complete" : "incomplete");
        return out.data;
}

/* Declarations against a live state. Both outlive it. */
struct planned {
        struct ts_desired *desired;
        struct ts_plan *plan;
};

static void planned_done(struct planned *p)
{
        ts_plan_free(p->plan);
        ts_desired_free(p->desired);
}

static struct planned plan_of(const struct ts_declarations *d, const struct ts_live *live,
                              const struct ts_policy *policy, const struct ts_last_applied *last_applied)
{
        struct planned p = { .desired = ts_resolve_members(&d->organizations[0], live, NULL) };
        struct ts_diff_input in = {
                .organization = "acme",
                .live = live,
                .desired = p.desired,
                .policy = policy,
                .last_applied = last_applied,
                .now = NOW,
        };

        ts_resolve_grants(p.desired, live, policy);
        p.plan = ts_diff(&in);
        return p;
}

/* ----------------------------------------------------------------------------------------- states as text */

/* What an export can hold of a text. */
static const char *writable(const char *s)
{
        size_t len = s ? strlen(s) : 0;

        if (len == 0 || ts_text_has_forbidden(s, len, NULL) || strchr(s, '\n') || strchr(s, '\t'))
                return "-";
        return s;
}

static void print_member(struct ts_buf *out, const struct ts_catalog *catalog, const struct ts_member *m)
{
        bool has_email = strcmp(writable(m->email), "-") != 0;

        (void) ts_buf_printf(out, "    %s %s %s %s", ts_kind_to_string(m->kind), ts_id_format(&m->id).s,
                             writable(m->email), has_email ? "" : writable(m->name));
        if (m->grants_coverage == TS_COVERAGE_COMPLETE)
                (void) ts_buf_puts(out, " holds");
        for (uint32_t i = 0; m->grants_coverage == TS_COVERAGE_COMPLETE && i < m->n_grants; i++)
                (void) ts_buf_printf(out, " %.8s/%.8s", ts_id_format(&catalog->roles[m->grants[i].role].id).s,
                                     ts_id_format(&catalog->divisions[m->grants[i].division].id).s);
        (void) ts_buf_putc(out, '\n');
}

static void print_trust(struct ts_buf *out, const struct ts_live *live, const struct ts_trust *t)
{
        (void) ts_buf_printf(out, "%s %s %s %d %s%s\n", ts_direction_to_string(t->direction),
                             ts_id_format(&t->id).s, writable(t->name), t->enabled,
                             ts_time_format(t->expires).s, t->customer_care ? " care" : "");
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                const struct ts_members *m = &t->collections[c];
                bool known = m->coverage == TS_COVERAGE_COMPLETE;

                (void) ts_buf_printf(out, "  %s %s\n", ts_collection_to_string(c), known ? "" : "unknown");
                for (size_t i = 0; known && i < m->n; i++)
                        print_member(out, &live->catalog, &m->items[i]);
        }
}

static void print_named(struct ts_buf *out, const char *what, const struct ts_named *items, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct ts_id_text text = ts_id_format(&items[i].id);
                const char *name = writable(items[i].name);

                (void) ts_buf_printf(out, "%s %s %s\n", what, text.s, strcmp(name, "-") == 0 ? text.s : name);
        }
}

/* As far as a plan can see. */
static char *live_text(const struct ts_live *live)
{
        struct ts_buf out = TS_BUF_INIT(1u << 24);
        const struct ts_catalog *c = &live->catalog;

        (void) ts_buf_printf(&out, "%s, %d %d %d %d\n", ts_id_format(&live->organization_id).s,
                             live->trusts_coverage == TS_COVERAGE_COMPLETE,
                             live->trustors_coverage == TS_COVERAGE_COMPLETE,
                             live->care_coverage == TS_COVERAGE_COMPLETE, c->complete);
        print_named(&out, "role", c->roles, c->n_roles);
        print_named(&out, "division", c->divisions + 1, c->n_divisions - 1);
        for (size_t i = 0; i < live->n_trusts; i++)
                if (live->trusts[i].customer_care ||
                    ts_live_coverage(live, live->trusts[i].direction) == TS_COVERAGE_COMPLETE)
                        print_trust(&out, live, &live->trusts[i]);
        return out.data;
}

/* The first line in which they differ; libcheck takes no long messages, so the whole goes to stderr. */
static void assert_same(const struct world *w, const char *what, const char *expected, const char *got,
                        const char *text)
{
        size_t same = 0, line = 0;

        if (strcmp(expected, got) == 0)
                return;
        for (size_t i = 0; expected[i] == got[i]; i++)
                if (expected[i] == '\n') {
                        same = i + 1;
                        line++;
                }
        (void) fprintf(stderr, "%s\nwanted\n%s\ngot\n%s\n", text, expected, got);
        ck_abort_msg("seed %" PRIu64 ": %s: line %zu, wanted\n%.*s\ngot\n%.*s", w->seed, what, line + 1,
                     (int) (strchrnul(expected + same, '\n') - expected - (long) same), expected + same,
                     (int) (strchrnul(got + same, '\n') - got - (long) same), got + same);
}

/* --------------------------------------------------------------------------------------------- round trip */

static const struct ts_policy lenient = { .delete_after_usec = TS_USEC_PER_DAY };
static const struct ts_policy strict = {
        .delete_after_usec = TS_USEC_PER_DAY,
        .remove_unlisted_trusts = true,
};

/* Nothing is planned, held, failed, waiting, or worth a message. */
static void assert_empty(const struct world *w, const struct ts_declarations *d, const struct ts_live *live,
                         const char *text)
{
        const struct ts_policy *policies[] = { &lenient, &strict };

        for (size_t i = 0; i < TS_N_ELEMENTS(policies); i++) {
                TS_CLEANUP(planned_done) struct planned p = plan_of(d, live, policies[i], NULL);
                TS_CLEANUP(ts_freep) char *got = plan_text(p.plan);

                assert_same(w, "an empty plan", p.plan->complete ? "complete\n" : "incomplete\n", got, text);
        }
}

START_TEST(test_round_trip)
{
        struct world w = { .seed = (uint64_t) _i, .hostile = _i % 4 != 0 };
        TS_CLEANUP(ts_live_freep) struct ts_live *live = make_live(&w), *offline = NULL;
        TS_CLEANUP(ts_freep)
        char *text = export_of(&w, live, _i % 2 == 0), *again = export_of(&w, live, _i % 2 == 0);
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *declared = NULL, *exported = NULL;
        TS_CLEANUP(ts_freep) char *before = live_text(live), *after = NULL;
        struct ts_exported x;

        assert_same(&w, "equal states give equal bytes", text, again, "");
        declared = load(&w, "new.yaml", text);
        assert_empty(&w, declared, live, text);

        exported = load_export(&w, text, &x);
        ck_assert_int_eq(x.time, NOW);
        ck_assert(x.has_users == (_i % 2 == 0) && x.has_groups == x.has_users);
        offline = ts_offline_live(&exported->organizations[0], &x);
        after = live_text(offline);
        assert_same(&w, "the live state", before, after, text);
        assert_empty(&w, declared, offline, text);
}
END_TEST

/* -------------------------------------------------------------------------------- a plan with and without */

static bool begins_with(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* A member gets a window, which is open or not. */
static void put_window(const struct world *w, uint64_t line, struct ts_buf *out)
{
        int64_t when = NOW + (chance(w, "past", line, 0, 50) ? -9 : 9);

        if (chance(w, "window", line, 0, 20))
                (void) ts_buf_printf(out, "        %s: %s\n",
                                     chance(w, "from", line, 0, 50) ? "from" : "until",
                                     ts_time_format(when).s);
}

static void put_wishes(const struct world *w, uint64_t line, struct ts_buf *out)
{
        if (chance(w, "absent", line, 0, 5))
                (void) ts_buf_puts(out, "    state: absent\n");
        if (chance(w, "observe", line, 0, 5))
                (void) ts_buf_puts(out, "    mode: observe\n");
        if (chance(w, "unlisted", line, 0, 10))
                (void) ts_buf_puts(out, "    unlisted: report\n");
}

/* What people do to an export before it is their declaration. */
static char *edited(const struct world *w, const char *text)
{
        struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        uint64_t line = 0;

        for (const char *end; *text && !begins_with(text, "exported:"); text = end, line++) {
                bool is_member = begins_with(text, "        id: ");

                end = strchrnul(text, '\n');
                end += *end != '\0';
                if (is_member && chance(w, "drop id", line, 0, 40))
                        continue;
                if (begins_with(text, "  state: present") && chance(w, "no care", 0, 0, 40))
                        (void) ts_buf_puts(&out, "  state: absent\n");
                else
                        (void) ts_buf_put(&out, text, (size_t) (end - text));
                if (is_member)
                        put_window(w, line, &out);
                else if (begins_with(text, "    id: "))
                        put_wishes(w, line, &out);
        }
        return out.data;
}

static struct ts_declarations *declarations_of(const struct world *w, const char *name)
{
        TS_CLEANUP(ts_live_freep) struct ts_live *made = make_live(w);
        TS_CLEANUP(ts_freep) char *text = export_of(w, made, false), *declared = edited(w, text);

        return load(w, name, declared);
}

/* People are protected and denied by their e-mails, roles by their names. */
static struct ts_policy make_policy(const struct world *w, struct ts_arena *arena)
{
        struct ts_policy p = strict;
        struct ts_decl_text *texts = TS_ARENA_ARRAY(arena, struct ts_decl_text, 3);

        p.deny_source.file = "settings.yaml";
        for (uint64_t i = 0; i < 3; i++)
                texts[i].text = email_of(w, arena, i, i + 1);
        texts[2].text = name_of(w, "role name", 0, 0);
        if (texts[0].text && chance(w, "protect", 0, 0, 40))
                p.protect_users = (struct ts_texts){ texts, 1 };
        if (texts[1].text && chance(w, "deny", 0, 0, 40))
                p.deny_users = (struct ts_texts){ texts + 1, 1 };
        if (chance(w, "deny role", 0, 0, 30))
                p.deny_roles = (struct ts_texts){ texts + 2, 1 };
        p.remove_unlisted_trusts = chance(w, "remove trusts", 0, 0, 50);
        return p;
}

START_TEST(test_same_plan_offline)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct world w = { .seed = (uint64_t) _i, .unlike = (unsigned) _i % 30 }, changed = w;
        TS_CLEANUP(ts_live_freep) struct ts_live *live = make_live(&w), *offline = NULL;
        TS_CLEANUP(ts_freep)
        char *text = export_of(&w, live, true), *online_plan = NULL, *offline_plan = NULL;
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *exported = NULL, *d = NULL;
        struct ts_policy policy = make_policy(&w, &arena);
        struct ts_exported x;

        changed.variant = 1;
        d = declarations_of(&changed, "new.yaml");
        exported = load_export(&w, text, &x);
        offline = ts_offline_live(&exported->organizations[0], &x);
        {
                TS_CLEANUP(planned_done) struct planned a = plan_of(d, live, &policy, NULL);
                TS_CLEANUP(planned_done) struct planned b = plan_of(d, offline, &policy, NULL);

                online_plan = plan_text(a.plan);
                offline_plan = plan_text(b.plan);
                assert_same(&w, "the plan", online_plan, offline_plan, text);
        }
}
END_TEST

/* Our own people: exactly one, whatever the letters of an address. */
START_TEST(test_find_own_people)
{
        static struct ts_named users[] = {
                { { { 1 } }, "jane@acme.example" },
                { { { 2 } }, "Joe@acme.example" },
                { { { 3 } }, "joe@acme.example" },
                { { { 4 } }, NULL },
        };
        static struct ts_named groups[] = { { { { 5 } }, "Tier 2" },
                                            { { { 6 } }, "tier 2" },
                                            { { { 7 } }, NULL } };
        struct ts_exported x = { .users = users, .n_users = 4, .groups = groups, .n_groups = 3 };
        static const struct {
                enum ts_kind kind;
                const char *key;
                uint8_t found; /* 0: nobody */
        } cases[] = {
                { TS_KIND_USER, "jane@acme.example", 1 },
                { TS_KIND_CLONE, "JANE@acme.example", 1 },
                { TS_KIND_USER, "joe@acme.example", 0 },
                { TS_KIND_USER, "nobody@acme.example", 0 },
                { TS_KIND_USER, "Tier 2", 0 },
                { TS_KIND_GROUP, "Tier 2", 5 },
                { TS_KIND_GROUP, "tier 2", 6 },
                { TS_KIND_GROUP, "TIER 2", 0 },
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(cases); i++) {
                struct ts_id id = ts_offline_find(&x, cases[i].kind, cases[i].key);

                ck_assert_msg(id.bytes[0] == cases[i].found, "%s: %u", cases[i].key, id.bytes[0]);
        }
}
END_TEST

/* A partner's user that a search found for the newer declarations is no other one for the earlier ones. */
START_TEST(test_take_found)
{
        static const char text[] = "version: 1\norganization: acme\ntrustees:\n  contoso:\n"
                                   "    id: 0b6f4c1e-0000-4000-8000-000000000003\n    users:\n";
        struct world w = { .seed = 1 };
        TS_CLEANUP(ts_live_freep) struct ts_live *live = ts_live_new();
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *before = NULL, *after = NULL;
        TS_CLEANUP(ts_desired_freep) struct ts_desired *base = NULL, *newer = NULL;
        struct ts_id id = { { 7 } };
        char file[512];

        (void) snprintf(file, sizeof(file), "%s      a@b.c: {}\n      old@b.c: {}\n", text);
        before = load(&w, "base.yaml", file);
        (void) snprintf(file, sizeof(file), "%s      new@b.c: {}\n      a@b.c: {}\n", text);
        after = load(&w, "new.yaml", file);
        base = ts_resolve_members(&before->organizations[0], live, NULL);
        newer = ts_resolve_members(&after->organizations[0], live, NULL);
        newer->trusts[0].holds_partner = true;
        newer->trusts[0].partner_note = "observed";
        ts_resolve_found(&newer->trusts[0], &newer->trusts[0].users.items[1], &id);

        ts_offline_take_found(base, newer);
        ck_assert(base->trusts[0].holds_partner);
        ck_assert_str_eq(base->trusts[0].partner_note, "observed");
        ck_assert(ts_id_equal(&base->trusts[0].users.items[0].id, &id));
        ck_assert_int_eq(base->trusts[0].users.items[0].problem, TS_PLANNED);
        ck_assert(ts_id_is_nil(&base->trusts[0].users.items[1].id));
        ck_assert_int_eq(base->trusts[0].users.items[1].problem, TS_WAITING);
}
END_TEST

/* ------------------------------------------------------------------------------------------ what is drift */

/* An attribute may be changed together with another one. */
static bool changes_attributes(const struct ts_change *c)
{
        return c->changes_enabled || c->changes_expires;
}

static const struct ts_change *find_change(const struct ts_plan *plan, const struct ts_change *c)
{
        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *x = &plan->changes[i];

                if ((x->action == c->action || (changes_attributes(x) && changes_attributes(c))) &&
                    x->kind == c->kind && x->direction == c->direction &&
                    ts_id_equal(&x->trust_id, &c->trust_id) && ts_id_equal(&x->subject_id, &c->subject_id))
                        return x;
        }
        return NULL;
}

static bool has_grant(const struct ts_grant_changes *g, const struct ts_grant_change *grant)
{
        for (size_t i = 0; g && i < g->n; i++)
                if (g->items[i].role == grant->role && g->items[i].division == grant->division)
                        return true;
        return false;
}

static bool grants_are_told_apart(const struct ts_grant_changes *g, const struct ts_grant_changes *base)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->items[i].reason !=
                    (has_grant(base, &g->items[i]) ? TS_REASON_DRIFT : TS_REASON_CONFIG))
                        return false;
        return true;
}

/* Would the earlier declarations have made it too? */
static bool is_told_apart(const struct ts_change *c, const struct ts_change *base)
{
        bool same = base != NULL;

        if (c->reason == TS_REASON_EXPIRED)
                return true;
        if (c->action == TS_USER_UPDATE || c->action == TS_GROUP_UPDATE)
                return grants_are_told_apart(&c->add, base ? &base->add : NULL) &&
                       grants_are_told_apart(&c->remove, base ? &base->remove : NULL);
        if (c->changes_enabled)
                same = same && base->changes_enabled && base->after.enabled == c->after.enabled;
        if (c->changes_expires)
                same = same && base->changes_expires && base->after.expires == c->after.expires;
        return c->reason == (same ? TS_REASON_DRIFT : TS_REASON_CONFIG);
}

START_TEST(test_drift_by_base)
{
        struct world w = { .seed = (uint64_t) _i, .unlike = 15 }, earlier = w, later = w;
        TS_CLEANUP(ts_live_freep) struct ts_live *live = make_live(&w);
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *base = NULL, *new = NULL;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *last_applied = NULL;

        earlier.variant = 1;
        later.variant = _i % 3 == 0 ? 1 : 2; /* a third of them changes nothing */
        base = declarations_of(&earlier, "base.yaml");
        new = declarations_of(&later, "new.yaml");
        {
                TS_CLEANUP(planned_done) struct planned a = plan_of(base, live, &strict, NULL);
                TS_CLEANUP(planned_done) struct planned b = { 0 };
                TS_CLEANUP(ts_freep) char *before = plan_text(a.plan), *after = NULL;

                last_applied = ts_offline_last_applied(a.desired, live, NULL, NOW);
                b = plan_of(new, live, &strict, last_applied);
                ts_offline_mark(b.plan, a.plan);
                after = plan_text(b.plan);
                for (size_t i = 0; i < b.plan->n_changes; i++) {
                        const struct ts_change *c = &b.plan->changes[i];

                        if (ts_change_result(c) != TS_PLANNED || is_told_apart(c, find_change(a.plan, c)))
                                continue;
                        (void) fprintf(stderr, "before\n%s\nafter\n%s", before, after);
                        ck_abort_msg("seed %" PRIu64 ": %s of %s: %s", w.seed, ts_action_to_string(c->action),
                                     ts_id_format(&c->subject_id).s, ts_reason_to_string(c->reason));
                }
        }
}
END_TEST

/* -------------------------------------------------------------------------------------------------- suite */

int main(void)
{
        Suite *s = suite_create("export");
        TCase *tc = tcase_create("export");

        tcase_add_checked_fixture(tc, setup, teardown);
        tcase_add_loop_test(tc, test_round_trip, 0, 200);
        tcase_add_loop_test(tc, test_same_plan_offline, 0, 200);
        tcase_add_test(tc, test_find_own_people);
        tcase_add_test(tc, test_take_found);
        tcase_add_loop_test(tc, test_drift_by_base, 0, 200);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
