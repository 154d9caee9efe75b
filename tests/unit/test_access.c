/*
 * test_access - who may enter whom, in all four formats
 *
 * The formats are compared with the files of tests/fixtures/report/access.*.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/reader.h"
#include "report/access-rows.h"
#include "report/words.h"
#include "suite.h"
#include "util/escape.h"
#include "util/file.h"
#include "util/mem.h"

#define NOW 1800000000 /* 2027-01-15T08:00:00Z */
#define DAY (24 * 60 * 60)

static struct ts_id id_of(unsigned n)
{
        struct ts_id id = { { 0 } };

        id.bytes[6] = 0x40;
        id.bytes[8] = 0x80;
        id.bytes[14] = (uint8_t) (n >> 8);
        id.bytes[15] = (uint8_t) n;
        return id;
}

/* ---------------------------------------------------------------------------------------------- from rows */

/* A member and the grants it has: "Role/Division", or "Role/all"; '+' in front: declared. */
struct member_row {
        enum ts_collection collection;
        unsigned id;
        const char *email, *name, *by;
        unsigned line;       /* of its declaration; 0: not declared */
        int64_t from, until; /* of its window, against NOW; 0: open */
        bool unmanaged;      /* its grants */
        bool unseen;         /* its grants */
        const char *grants[4];
};

struct trust_row {
        enum ts_direction direction;
        unsigned id;
        const char *alias; /* NULL: not declared */
        const char *name;
        bool is_disabled, has_full_access, uses_default_role;
        int64_t expires; /* against NOW; 0: never */
        const struct member_row *members;
        size_t n_members;
};

struct fixture {
        struct ts_live *live;
        struct ts_desired desired;
        struct ts_access_organization organizations[2];
        struct ts_access access;
};

static struct ts_grant grant_of(struct fixture *f, const char *text)
{
        char *copy = ts_arena_strdup(&f->desired.arena, text + (text[0] == '+')),
             *division = strchr(copy, '/');
        struct ts_grant g = { 0 };
        struct ts_digest d;
        struct ts_id id;

        *division++ = '\0';
        d = ts_sha256_of(copy, strlen(copy));
        memcpy(id.bytes, d.bytes, sizeof(id.bytes));
        g.role = ts_catalog_add_role(&f->live->catalog, &id, copy);
        if (strcmp(division, "all") == 0)
                return g;
        d = ts_sha256_of(division, strlen(division));
        memcpy(id.bytes, d.bytes, sizeof(id.bytes));
        g.division = ts_catalog_add_division(&f->live->catalog, &id, division);
        return g;
}

static struct ts_source source_of(const char *alias, unsigned line)
{
        return (struct ts_source){ strcmp(alias, "contoso") == 0 ? "trusts.d/contoso.yaml"
                                                                 : "trusts.d/others.yaml",
                                   line, 3 };
}

static void add_desired(struct fixture *f, const struct member_row *row, const char *alias,
                        struct ts_desired_members *desired, struct ts_member *live)
{
        struct ts_decl_member *decl = TS_ARENA_NEW(&f->desired.arena, struct ts_decl_member);
        struct ts_desired_member *w = &desired->items[desired->n++];

        *decl = (struct ts_decl_member){ .kind = live->kind,
                                         .key = row->email,
                                         .source = source_of(alias, row->line),
                                         .grants_managed = !row->unmanaged,
                                         .from = row->from ? NOW + row->from : TS_TIME_UNSET,
                                         .until = row->until ? NOW + row->until : TS_TIME_UNSET };
        *w = (struct ts_desired_member){ .decl = decl, .id = live->id, .live = live };
        w->grants = TS_ARENA_ARRAY(&f->desired.arena, struct ts_grant, TS_N_ELEMENTS(row->grants));
        for (size_t i = 0; i < TS_N_ELEMENTS(row->grants) && row->grants[i]; i++) {
                struct ts_source *source;

                if (row->grants[i][0] != '+')
                        continue;
                w->grants[w->n_grants] = grant_of(f, row->grants[i]);
                source = TS_ARENA_NEW(&f->desired.arena, struct ts_source);
                *source = source_of(alias, row->line + 2 + (unsigned) i);
                w->grants[w->n_grants++].source = source;
        }
}

/* Who has a name has an id; where Eve is from is known. */
static const struct ts_person *person(struct fixture *f, const char *name)
{
        struct ts_person *p = TS_ARENA_NEW(&f->live->arena, struct ts_person);

        p->name = name;
        p->id = id_of(0xe0);
        if (strcmp(name, "Eve") == 0)
                p->organization = id_of(0xe1);
        return p;
}

static void add_member(struct fixture *f, const struct member_row *row, struct ts_trust *trust,
                       const char *alias, struct ts_desired_trust *w)
{
        struct ts_members *members = &trust->collections[row->collection];
        struct ts_member *m = &members->items[members->n++];

        *m = (struct ts_member){ .kind = ts_collection_kind(row->collection),
                                 .id = id_of(row->id),
                                 .email = row->email,
                                 .name = row->name,
                                 .created = row->by ? NOW - 100 * DAY : TS_TIME_UNSET,
                                 .created_by = row->by ? person(f, row->by) : NULL,
                                 .grants_coverage = row->unseen ? TS_COVERAGE_NONE : TS_COVERAGE_COMPLETE };
        m->grants = TS_ARENA_ARRAY(&f->live->arena, struct ts_grant, TS_N_ELEMENTS(row->grants));
        for (size_t i = 0; i < TS_N_ELEMENTS(row->grants) && row->grants[i]; i++)
                m->grants[m->n_grants++] = grant_of(f, row->grants[i]);
        if (row->line > 0)
                add_desired(f, row, alias, &w->collections[row->collection], m);
}

static void add_trust(struct fixture *f, const struct trust_row *row)
{
        struct ts_trust *t = &f->live->trusts[f->live->n_trusts++];
        struct ts_desired_trust *w = &f->desired.trusts[f->desired.n_trusts];
        struct ts_decl_trust *decl = TS_ARENA_NEW(&f->desired.arena, struct ts_decl_trust);

        *t = (struct ts_trust){ .direction = row->direction,
                                .id = id_of(row->id),
                                .name = row->name,
                                .enabled = !row->is_disabled,
                                .has_full_access = row->has_full_access,
                                .uses_default_role = row->uses_default_role,
                                .expires = row->expires ? NOW + row->expires : TS_TIME_NEVER,
                                .created = NOW - 200 * DAY,
                                .created_by = person(f, "Eve") };
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                t->collections[c].items = TS_ARENA_ARRAY(&f->live->arena, struct ts_member, row->n_members);
                w->collections[c].items =
                                TS_ARENA_ARRAY(&f->desired.arena, struct ts_desired_member, row->n_members);
        }
        if (row->alias) {
                *decl = (struct ts_decl_trust){ .direction = row->direction,
                                                .alias = row->alias,
                                                .id = t->id,
                                                .source = source_of(row->alias, 4) };
                w->decl = decl;
                w->live = t;
                f->desired.n_trusts++;
        }
        for (size_t i = 0; i < row->n_members; i++)
                add_member(f, &row->members[i], t, row->alias, w);
}

static struct ts_decl_text admin[] = { { .text = "admin" } };

static void fixture_init(struct fixture *f, const struct trust_row *rows, size_t n)
{
        *f = (struct fixture){ .live = ts_live_new() };
        f->live->organization_id = id_of(1);
        f->live->trusts = TS_ARENA_ARRAY(&f->live->arena, struct ts_trust, n);
        f->desired.trusts = TS_ARENA_ARRAY(&f->desired.arena, struct ts_desired_trust, n);
        for (size_t i = 0; i < n; i++)
                add_trust(f, &rows[i]);
        f->organizations[0] = (struct ts_access_organization){ .alias = "acme",
                                                               .live = f->live,
                                                               .desired = &f->desired };
        f->access = (struct ts_access){ .organizations = f->organizations,
                                        .n_organizations = 1,
                                        .privileged = { admin, TS_N_ELEMENTS(admin) },
                                        .expires_before = TS_TIME_UNSET,
                                        .generated_at = NOW,
                                        .revision = "1a2b3c4" };
}

static void fixture_done(struct fixture *f)
{
        ts_live_free(f->live);
        ts_arena_done(&f->desired.arena);
}

/* ------------------------------------------------------------------------------------------------ formats */

static const struct member_row contoso[] = {
        { .id = 0x11,
          .email = "jane@contoso.example",
          .name = "Jane",
          .by = "ann@acme.example",
          .line = 14,
          .grants = { "+Admin/Home", "+Supervisor/all", "Auditor/Sales" } },
        { .id = 0x12, .email = "joe@contoso.example", .by = "Eve" },
        { .id = 0x13,
          .email = "tom@contoso.example",
          .line = 20,
          .from = -DAY,
          .until = DAY,
          .grants = { "+Agent/Sales" } },
        { .id = 0x14,
          .email = "zoe@contoso.example",
          .line = 30,
          .until = -DAY,
          .grants = { "+Agent/Sales" } },
        { .id = 0x15, .email = "amy@contoso.example", .line = 40, .from = DAY, .grants = { "+Agent/Sales" } },
        { .id = 0x16,
          .email = "free@contoso.example",
          .line = 50,
          .unmanaged = true,
          .grants = { "Admin/all" } }, /* whatever it holds is as declared */
        { .id = 0x17 },                /* of whom nothing is known but the id */
        { .collection = TS_GROUPS, .id = 0x21, .name = "Tier 2", .line = 60, .unseen = true },
        { .collection = TS_CLONES, .id = 0x31, .email = "jane@contoso.example" },
};

/* Names that mean something to a terminal, a spreadsheet, Markdown. */
static const struct member_row hostile[] = {
        { .id = 0x41, .email = "=HYPERLINK(\"http://evil.example\",\"x\")", .grants = { "Admin/Home" } },
        { .id = 0x42,
          .email = "a\033[2Jb\xe2\x80\xae"
                   "c\n| d",
          .by = "@eve",
          .grants = { "+`x`|y\\|/-1+2" } },
        { .id = 0x43, .email = "<script>alert(1)</script>" },
};

static const struct member_row alice[] = { { .id = 0x51, .email = "alice@acme.example", .line = 9 } };

static const struct trust_row trusts[] = {
        { TS_TRUSTEE, 2, "contoso", "Contoso", .members = contoso, .n_members = TS_N_ELEMENTS(contoso) },
        { TS_TRUSTEE, 3, NULL, NULL, .is_disabled = true, .expires = 30 * DAY, .members = hostile,
          .n_members = 1 },
        { TS_TRUSTEE, 4, NULL, "+Hostile | Ltd", .expires = -DAY, .members = hostile,
          .n_members = TS_N_ELEMENTS(hostile) },
        { TS_TRUSTEE, 5, NULL, "Vendor", .has_full_access = true, .uses_default_role = true },
        { TS_TRUSTEE, 6, "helper", "Helper", .uses_default_role = true, .expires = DAY },
        { TS_TRUSTEE, 7, "nobody", "Nobody", .members = NULL },
        { TS_TRUSTOR, 8, "fabrikam", "Fabrikam", .uses_default_role = true, .members = alice,
          .n_members = 1 },
};

static const struct {
        const char *name;
        enum ts_format format;
        bool is_incomplete;
} goldens[] = {
        { "access.txt", TS_FORMAT_TEXT, false },           { "access.json", TS_FORMAT_JSON, true },
        { "access.md", TS_FORMAT_MARKDOWN, true },         { "access.csv", TS_FORMAT_CSV, false },
        { "access-incomplete.txt", TS_FORMAT_TEXT, true },
};

START_TEST(test_golden)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        char file[128];

        fixture_init(&f, trusts, TS_N_ELEMENTS(trusts));
        if (goldens[_i].is_incomplete) {
                f.organizations[1] = (struct ts_access_organization){
                        .alias = "beta", .error = "GET /api/v2/orgauthorization/trustees: 403\n`x`"
                };
                f.access.n_organizations = 2;
        }
        ts_access_write(&f.access, goldens[_i].format, &got);
        (void) snprintf(file, sizeof(file), "report/%s", goldens[_i].name);
        fixture_is(file, ts_buf_text(&got));
}
END_TEST

static size_t count_lines(const char *s, const char *beginning)
{
        size_t n = 0;

        for (; s; s = strchr(s, '\n')) {
                s += *s == '\n';
                n += strncmp(s, beginning, strlen(beginning)) == 0;
        }
        return n;
}

static const enum ts_format formats[] = { TS_FORMAT_TEXT, TS_FORMAT_JSON, TS_FORMAT_MARKDOWN, TS_FORMAT_CSV };

/* Whatever the names, every format is what it is meant to be. */
START_TEST(test_nothing_gets_through)
{
        TS_CLEANUP(fixture_done) struct fixture f;

        fixture_init(&f, trusts, TS_N_ELEMENTS(trusts));
        for (size_t i = 0; i < TS_N_ELEMENTS(formats); i++) {
                TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                const struct ts_json *json;
                struct ts_err err = { 0 };

                ts_access_write(&f.access, formats[i], &out);
                for (char *p = out.data; formats[i] == TS_FORMAT_CSV && (p = strchr(p, '\r')); p++)
                        *p = ' '; /* a row's end */
                ck_assert(!ts_text_has_forbidden(out.data, out.len, NULL));
                if (formats[i] == TS_FORMAT_JSON)
                        ck_assert_int_eq(ts_json_parse(out.data, out.len, &arena, &json, &err), 0);
                if (formats[i] != TS_FORMAT_CSV)
                        continue;
                for (const char *p = out.data; *p != '\0'; p++)
                        if (*p == ',' || *p == '\n')
                                ck_assert_msg(!strchr("=+-@", p[1 + (p[1] == '"')]) || p[1] == '\0', "%.40s",
                                              p);
        }
}
END_TEST

static size_t count_texts(const char *s, const char *text)
{
        size_t n = 0;

        while ((s = strstr(s, text)) != NULL) {
                n++;
                s += strlen(text);
        }
        return n;
}

/* No name becomes mark-up; tests/browser looks at the page itself. */
START_TEST(test_page)
{
        static const struct {
                const char *text;
                size_t n;
        } texts[] = {
                { "<script", 1 },
                { "<style", 1 },
                { "<!DOCTYPE html>", 1 },
                { "&lt;script&gt;alert(1)&lt;/script&gt;", 1 },
                { "a\\x1b[2Jb\\xe2\\x80\\xaec\\x0a| d", 1 },
                { "=HYPERLINK(\\x22http://evil.example\\x22,\\x22x\\x22)", 2 },
                { "<tr class=\"", 18 },
                { "<span class=\"b p\">privileged</span>", 5 },
                { "<line class=\"e ep", 4 }, /* contoso, the vendor, and the two where the hostile ones are */
                { "<line class=\"e ep eu", 3 },
                { "<line class=\"e e\"", 2 },
                { "<strong>Incomplete.</strong> beta: no &lt;b&gt;", 1 },
        };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        fixture_init(&f, trusts, TS_N_ELEMENTS(trusts));
        f.organizations[1] = (struct ts_access_organization){ .alias = "beta", .error = "no <b>" };
        f.access.n_organizations = 2;
        ts_access_write(&f.access, TS_FORMAT_HTML, &out);
        ck_assert(!ts_text_has_forbidden(out.data, out.len, NULL));
        for (size_t i = 0; i < TS_N_ELEMENTS(texts); i++)
                ck_assert_msg(count_texts(ts_buf_text(&out), texts[i].text) == texts[i].n, "%s: %zu times",
                              texts[i].text, count_texts(ts_buf_text(&out), texts[i].text));
}
END_TEST

START_TEST(test_empty)
{
        static const char *const desired[] = {
                "Access: 0 rows, 0 privileged, 0 not declared.\n",
                "{\n  \"format_version\": 1,\n  \"generated_at\": \"2027-01-15T08:00:00Z\",\n  \"revision\": "
                "null,\n  \"live_at\": null,\n"
                "  \"only\": {\n    \"roles\": [],\n    \"privileged\": false,\n    \"undeclared\": false,\n"
                "    \"expires_before\": null\n  },\n"
                "  \"privileged\": 0,\n  \"not_declared\": 0,\n  \"roles_not_known\": 0,\n"
                "  \"errors\": [],\n  \"access\": []\n}\n",
                "### Access: 0 rows, 0 privileged, 0 not declared\n",
                "organization,direction,trust,state,kind,name,role,division,since,by,until,declared,"
                "trust_id,id,by_id,by_organization,organization_id,trust_name,role_id,division_id,privileged,"
                "via,via_id,last_login,file,line,owner,ticket,note,revision,generated_at\r\n",
        };
        struct ts_access access = { .generated_at = NOW, .expires_before = TS_TIME_UNSET };

        for (size_t i = 0; i < TS_N_ELEMENTS(formats); i++) {
                TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

                ts_access_write(&access, formats[i], &out);
                ck_assert_str_eq(ts_buf_text(&out), desired[i]);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------------------ filters */

static const struct {
        const char *name, *trust, *user, *role;
        bool privileged, undeclared;
        int64_t expires_within;
        const char *counts; /* rows, of these privileged, not declared; members whose roles are not known */
} filter_cases[] = {
        { .name = "all", .counts = "18 5 11 0" },
        { .name = "a trust by its alias", .trust = "fabrikam", .counts = "1 0 0 0" },
        { .name = "a trust by its id", .trust = "00000000-0000-4000-8000-000000000003", .counts = "1 1 1 0" },
        { .name = "a trust by its name, which is not asked for", .trust = "Vendor", .counts = "0 0 0 0" },
        { .name = "a user by the e-mail, in any case", .user = "JANE@contoso.example", .counts = "4 1 2 0" },
        { .name = "a user by the id", .user = "00000000-0000-4000-8000-000000000014", .counts = "1 0 1 0" },
        { .name = "a group by the id", .user = "00000000-0000-4000-8000-000000000021", .counts = "1 0 0 0" },
        { .name = "a group by its name, which is not asked for", .user = "Tier 2", .counts = "0 0 0 0" },
        { .name = "trust and user", .trust = "contoso", .user = "alice@acme.example", .counts = "0 0 0 0" },

        /* the group, the clone, who is in another organization, and whoever comes in by a default role */
        { .name = "a role", .role = "Supervisor", .counts = "1 0 0 4" },
        { .name = "a role in any case", .role = "agent", .counts = "3 0 2 4" },
        { .name = "a role that nobody has", .role = "Nobody's", .counts = "0 0 0 4" },
        { .name = "privileged, full access among them", .privileged = true, .counts = "5 5 3 4" },
        { .name = "not declared", .undeclared = true, .counts = "11 3 11 0" },
        { .name = "privileged and not declared",
          .privileged = true,
          .undeclared = true,
          .counts = "3 3 3 1" },
        { .name = "ends within an hour, or has ended", .expires_within = 3600, .counts = "4 1 4 0" },
        { .name = "ends within a day", .expires_within = DAY, .counts = "6 1 4 0" },
        { .name = "ends within 30 days", .expires_within = 30 * DAY, .counts = "7 2 5 0" },
        { .name = "a role that ends", .role = "Agent", .expires_within = DAY, .counts = "2 0 1 1" },
};

static void ask(struct fixture *f, size_t i, struct ts_trust_filter *filter, struct ts_decl_text *role)
{
        fixture_init(f, trusts, TS_N_ELEMENTS(trusts));
        *filter = (struct ts_trust_filter){ &filter_cases[i].trust, filter_cases[i].trust ? 1 : 0 };
        *role = (struct ts_decl_text){ .text = filter_cases[i].role };
        f->access.filter = filter;
        f->access.users = &filter_cases[i].user;
        f->access.n_users = filter_cases[i].user ? 1 : 0;
        f->access.roles = (struct ts_texts){ role, filter_cases[i].role ? 1 : 0 };
        f->access.only_privileged = filter_cases[i].privileged;
        f->access.only_undeclared = filter_cases[i].undeclared;
        if (filter_cases[i].expires_within > 0)
                f->access.expires_before = NOW + filter_cases[i].expires_within;
}

START_TEST(test_filter)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_access_rows_done) struct ts_access_rows rows = { 0 };
        struct ts_trust_filter filter;
        struct ts_decl_text role;
        char got[80];

        ask(&f, (size_t) _i, &filter, &role);
        ts_access_rows_collect(&rows, &f.access);
        (void) snprintf(got, sizeof(got), "%zu %zu %zu %zu", rows.n, rows.n_privileged, rows.n_undeclared,
                        rows.n_unknown);
        ck_assert_msg(strcmp(got, filter_cases[_i].counts) == 0, "%s: %s, not %s", filter_cases[_i].name, got,
                      filter_cases[_i].counts);
}
END_TEST

/* What a member's declaration leaves out, its trust says; none of it speaks as the program. */
START_TEST(test_labels)
{
        static const char *const said[] = {
                "        owner: sales; ticket: SEC-7\\x0aACCESS: all; note: =1+1\n",
                "\"owner\": \"sales\",\n      \"ticket\": \"SEC-7\\nACCESS: all\",\n      \"note\": "
                "\"=1+1\",\n",
                "",
                ",sales,SEC-7\\x0aACCESS: all,'=1+1,1a2b3c4,",
        };
        struct member_row row = { .id = 1, .email = "b@x.example", .line = 7 };
        struct trust_row trust = { TS_TRUSTEE, 2, "x", "X", .members = &row, .n_members = 1 };
        struct ts_decl_labels own = { .ticket = "SEC-7\nACCESS: all" };
        struct ts_decl_labels common = { .owner = "sales", .ticket = "SEC-1", .note = "=1+1" };
        TS_CLEANUP(fixture_done) struct fixture f;

        fixture_init(&f, &trust, 1);
        ((struct ts_decl_member *) (uintptr_t) f.desired.trusts[0].users.items[0].decl)->labels = &own;
        ((struct ts_decl_trust *) (uintptr_t) f.desired.trusts[0].decl)->labels = &common;
        for (size_t i = 0; i < TS_N_ELEMENTS(said); i++) {
                TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

                ts_access_write(&f.access, formats[i], &out);
                ck_assert_msg(strstr(ts_buf_text(&out), said[i]) != NULL, "%s", ts_buf_text(&out));
        }
}
END_TEST

/* A part is not taken for the whole. */
START_TEST(test_questions_are_said)
{
        static const char *const said[] = {
                "Only the role Agent, only privileged roles, only what is not declared, only what ends by "
                "2027-01-16T08:00:00Z.\nAccess: 0 rows, 0 privileged, 0 not declared.\n",
                "\"only\": {\n    \"roles\": [\n      \"Agent\"\n    ],\n    \"privileged\": true,\n    "
                "\"undeclared\": true,\n    \"expires_before\": \"2027-01-16T08:00:00Z\"\n  },\n  "
                "\"privileged\": 0,\n  \"not_declared\": 0,\n  \"roles_not_known\": 0,\n",
                "\nOnly the role `Agent`, only privileged roles, only what is not declared, only what ends "
                "by "
                "2027-01-16T08:00:00Z.\n",
        };
        TS_CLEANUP(fixture_done) struct fixture f;
        struct ts_decl_text role = { .text = "Agent" };

        fixture_init(&f, trusts, TS_N_ELEMENTS(trusts));
        f.access.roles = (struct ts_texts){ &role, 1 };
        f.access.only_privileged = f.access.only_undeclared = true;
        f.access.expires_before = NOW + DAY;
        for (size_t i = 0; i < TS_N_ELEMENTS(said); i++) {
                TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

                ts_access_write(&f.access, formats[i], &out);
                ck_assert_msg(strstr(ts_buf_text(&out), said[i]) != NULL, "%s", ts_buf_text(&out));
        }
}
END_TEST

/* What could not be seen is no proof that nobody is called that. */
static const struct {
        const char *role, *unknown, *hint;
        bool is_incomplete;
} role_cases[] = {
        { "Agent", NULL, "", false },
        { "agent", NULL, "", false },
        { "Agnet", "Agnet", "did you mean 'Agent'?", false },
        { "something else entirely", "something else entirely", "", false },
        { "Agnet", NULL, "", true },
};

START_TEST(test_unknown_role)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        struct ts_decl_text role = { .text = role_cases[_i].role };
        const char *got;
        char hint[160];

        fixture_init(&f, trusts, TS_N_ELEMENTS(trusts));
        f.live->catalog.complete = !role_cases[_i].is_incomplete;
        f.access.roles = (struct ts_texts){ &role, 1 };
        got = ts_access_find_unknown_role(&f.access, hint);
        ck_assert_pstr_eq(got, role_cases[_i].unknown);
        ck_assert_str_eq(hint, role_cases[_i].hint);
        f.organizations[1] =
                        (struct ts_access_organization){ .alias = "beta", .error = "it could not be read" };
        f.access.n_organizations = 2;
        ck_assert_ptr_null(ts_access_find_unknown_role(&f.access, hint));
}
END_TEST

/* What a group has, its people have; who is in it and a member as well has both. */
START_TEST(test_people_of_a_group)
{
        struct member_row rows[] = {
                { .id = 1, .email = "zoe@x.example", .by = "Eve", .grants = { "Agent/Sales" } },
                { .collection = TS_GROUPS,
                  .id = 9,
                  .name = "Tier 2",
                  .line = 7,
                  .by = "Ann",
                  .grants = { "+Admin/all" } }
        };
        struct trust_row trust = { TS_TRUSTEE, 2, "x", "X", .members = rows, .n_members = 2 };
        struct ts_member people[] = {
                { .kind = TS_KIND_USER, .id = id_of(1), .email = "zoe@x.example", .created = NOW },
                { .kind = TS_KIND_USER, .id = id_of(3), .email = "bob@x.example", .last_login = NOW - DAY },
        };
        struct ts_access_group group = { .people = { .items = people, .n = TS_N_ELEMENTS(people) } };
        const char *zoe = "zoe@x.example";
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        fixture_init(&f, &trust, 1);
        group.group = &f.live->trusts[0].groups.items[0];
        f.organizations[0].groups = &group;
        f.organizations[0].n_groups = 1;
        ts_access_write(&f.access, TS_FORMAT_TEXT, &out);
        ck_assert_str_eq(ts_buf_text(&out),
                         "                                     role   division  declared\n"
                         "acme, trustee x\n"
                         "  ! group \"Tier 2\"                   Admin  all       trusts.d/others.yaml:9\n"
                         "  ! bob@x.example in group \"Tier 2\"  Admin  all       trusts.d/others.yaml:9\n"
                         "    zoe@x.example                    Agent  Sales     not declared\n"
                         "  ! zoe@x.example in group \"Tier 2\"  Admin  all       trusts.d/others.yaml:9\n"
                         "Access: 4 rows, 3 privileged, 1 not declared.\n");
        f.access.users = &zoe;
        f.access.n_users = 1;
        ts_buf_reset(&out);
        ts_access_write(&f.access, TS_FORMAT_CSV, &out);
        ck_assert_uint_eq(count_lines(ts_buf_text(&out), "acme,"), 2);
        f.access.n_users = 0;
        f.access.verbose = true;
        ts_buf_reset(&out);
        ts_access_write(&f.access, TS_FORMAT_TEXT, &out);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out),
                                     "0003, last login 2027-01-14T08:00:00Z\n        since "
                                     "2026-10-07T08:00:00Z by \"Ann\""));
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), "0001, last login not known\n"));
}
END_TEST

/* One person over all trusts: the id is who it is, whatever it is called there. */
START_TEST(test_by_user)
{
        struct member_row here[] = { { .id = 1, .email = "zoe@x.example", .grants = { "Admin/all" } },
                                     { .id = 2, .email = "bob@x.example" },
                                     { .id = 3 } };
        struct member_row there[] = { { .id = 1, .email = "anna@x.example", .grants = { "Agent/Sales" } } };
        struct trust_row rows[] = {
                { TS_TRUSTEE, 0x72, NULL, "X", .has_full_access = true, .members = here, .n_members = 3 },
                { TS_TRUSTEE, 0x73, "y", "Y", .members = there, .n_members = 1 },
        };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        fixture_init(&f, rows, TS_N_ELEMENTS(rows));
        f.access.by_user = true;
        ts_access_write(&f.access, TS_FORMAT_TEXT, &out);
        ck_assert_str_eq(ts_buf_text(&out),
                         "                                              role           division  declared\n"
                         "(everybody there)\n"
                         "  ! acme, from undeclared:00000000-0000-4000-8000-000000000072 \"X\"  (full "
                         "access)            not declared\n"
                         "00000000-0000-4000-8000-000000000003 (00000000-0000-4000-8000-000000000003)\n"
                         "    acme, from undeclared:00000000-0000-4000-8000-000000000072 \"X\"  (none)       "
                         "            not declared\n"
                         "anna@x.example (00000000-0000-4000-8000-000000000001)\n"
                         "  ! acme, from undeclared:00000000-0000-4000-8000-000000000072 \"X\" as "
                         "zoe@x.example  Admin          all       not declared\n"
                         "    acme, from y                              Agent          Sales     not "
                         "declared\n"
                         "bob@x.example (00000000-0000-4000-8000-000000000002)\n"
                         "    acme, from undeclared:00000000-0000-4000-8000-000000000072 \"X\"  (none)       "
                         "            not declared\n"
                         "Access: 5 rows, 2 privileged, 5 not declared.\n");
}
END_TEST

/* ------------------------------------------------------------------------------------------------- bounds */

/* A comment holds so many characters: rows are cut, and counted. */
START_TEST(test_markdown_is_cut)
{
        static struct member_row many[2000];
        struct trust_row trust = {
                TS_TRUSTEE, 2, NULL, "Many", .members = many, .n_members = TS_N_ELEMENTS(many)
        };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_access_organization organizations[40];
        const char *left;
        size_t n_shown;

        for (unsigned i = 0; i < TS_N_ELEMENTS(many); i++)
                many[i] = (struct member_row){ .id = i + 1, .email = "\xc3\xa9@x.example" };
        fixture_init(&f, &trust, 1);
        for (size_t i = 0; i < TS_N_ELEMENTS(organizations); i++)
                organizations[i] = (struct ts_access_organization){ .alias = "x", .error = "no" };
        organizations[0] = f.organizations[0];
        f.access.organizations = organizations;
        f.access.n_organizations = TS_N_ELEMENTS(organizations);
        ts_access_write(&f.access, TS_FORMAT_MARKDOWN, &out);

        ck_assert_uint_le(ts_words_count_characters(ts_buf_text(&out), out.len),
                          TS_REPORT_MARKDOWN_MAX_CHARACTERS);
        ck_assert_uint_gt(ts_words_count_characters(ts_buf_text(&out), out.len),
                          TS_REPORT_MARKDOWN_MAX_CHARACTERS - 300);
        ck_assert_uint_eq(count_lines(ts_buf_text(&out), "- **Incomplete:** `x`: `no`"), 20);
        ck_assert_uint_eq(count_lines(ts_buf_text(&out), "- **Incomplete:** and more organizations"), 1);
        n_shown = count_lines(ts_buf_text(&out), "| `acme`");
        left = strstr(ts_buf_text(&out), " more rows are left out");
        ck_assert_ptr_nonnull(left);
        while (left[-1] != '\n')
                left--;
        ck_assert_uint_eq(n_shown + strtoul(left, NULL, 10), TS_N_ELEMENTS(many));
}
END_TEST

/* One long name does not move the columns of all others out of sight. */
START_TEST(test_long_name)
{
        static char name[500];
        struct member_row rows[] = { { .id = 1, .email = name }, { .id = 2, .email = "b@x.example" } };
        struct trust_row trust = { TS_TRUSTEE, 2, NULL, "X", .members = rows, .n_members = 2 };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        const char *line;

        memset(name, 'a', sizeof(name) - 1);
        fixture_init(&f, &trust, 1);
        ts_access_write(&f.access, TS_FORMAT_TEXT, &out);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), name));
        line = strstr(ts_buf_text(&out), "b@x.example");
        ck_assert_ptr_nonnull(line);
        ck_assert_uint_lt(strcspn(line, "\n"), 140);
}
END_TEST

/* A path of any length is shown with its line. */
START_TEST(test_long_path)
{
        static char path[3000];
        struct member_row row = { .id = 1, .email = "b@x.example", .line = 7 };
        struct trust_row trust = { TS_TRUSTEE, 2, "x", "X", .members = &row, .n_members = 1 };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        const struct ts_json *json, *declared;
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_err err = { 0 };

        memset(path, 'p', sizeof(path) - 1);
        fixture_init(&f, &trust, 1);
        ((struct ts_decl_member *) (uintptr_t) f.desired.trusts[0].users.items[0].decl)->source.file = path;
        ts_access_write(&f.access, TS_FORMAT_JSON, &out);
        ck_assert_int_eq(ts_json_parse(out.data, out.len, &arena, &json, &err), 0);
        declared = ts_json_get_object(ts_json_get_array(json, "access")->first, "declared");
        ck_assert_str_eq(ts_json_get_string(declared, "file"), path);
        ts_buf_reset(&out);
        ts_access_write(&f.access, TS_FORMAT_CSV, &out);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), "ppp"));
}
END_TEST

/* The order of the listings cannot be seen. */
START_TEST(test_order)
{
        struct member_row there[] = {
                { .id = 1, .email = "a@x.example", .grants = { "B/all", "A/Z", "A/Y" } },
                { .id = 3, .email = "b@x.example" },
                { .id = 2, .email = "b@x.example" },
                { .collection = TS_GROUPS, .id = 4, .name = "a" }
        };
        struct member_row back[] = { there[3], there[2], there[1], there[0] };
        struct trust_row one = { TS_TRUSTEE, 2, NULL, "X", .members = there, .n_members = 4 };
        struct trust_row other = { TS_TRUSTEE, 2, NULL, "X", .members = back, .n_members = 4 };
        const char *const grants[] = { "A/Y", "A/Z", "B/all" };
        TS_CLEANUP(fixture_done) struct fixture f, g;
        TS_CLEANUP(ts_buf_done) struct ts_buf first = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf second = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        memcpy(back[3].grants, grants, sizeof(grants));
        fixture_init(&f, &one, 1);
        fixture_init(&g, &other, 1);
        ts_access_write(&f.access, TS_FORMAT_CSV, &first);
        ts_access_write(&g.access, TS_FORMAT_CSV, &second);
        ck_assert_str_eq(ts_buf_text(&first), ts_buf_text(&second));
}
END_TEST

static Suite *suite(void)
{
        Suite *s = suite_create("access");
        TCase *tc = tcase_create("access");

        tcase_add_loop_test(tc, test_golden, 0, TS_N_ELEMENTS(goldens));
        tcase_add_test(tc, test_nothing_gets_through);
        tcase_add_test(tc, test_page);
        tcase_add_test(tc, test_empty);
        tcase_add_loop_test(tc, test_filter, 0, TS_N_ELEMENTS(filter_cases));
        tcase_add_test(tc, test_questions_are_said);
        tcase_add_test(tc, test_labels);
        tcase_add_loop_test(tc, test_unknown_role, 0, TS_N_ELEMENTS(role_cases));
        tcase_add_test(tc, test_by_user);
        tcase_add_test(tc, test_people_of_a_group);
        tcase_add_test(tc, test_markdown_is_cut);
        tcase_add_test(tc, test_long_name);
        tcase_add_test(tc, test_long_path);
        tcase_add_test(tc, test_order);
        suite_add_tcase(s, tc);
        return s;
}

int main(void)
{
        return run_suite(suite());
}
