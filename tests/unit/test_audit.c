/*
 * test_audit - what --audit asks, and what it makes of answers of any shape
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/audit.h"
#include "fake-api.h"
#include "genesys/audit.h"
#include "report/report.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

#define SINCE 1799000000 /* 2027-01-03T18:13:20Z */
#define UNTIL 1800000000
#define TRUST 1u
#define TRUSTOR 2u
#define ANN 0x10u
#define BOB 0x11u

#define AUDITS "POST /orgauthorization/trustees/audits?pageSize=100&pageNumber="
#define AUDITS_THERE "POST /orgauthorization/trustor/audits?pageSize=100&pageNumber="
#define ID(n) "00000000-0000-4000-8000-0000" n

static void unquote(char *s)
{
        for (; *s != '\0'; s++)
                if (*s == '"')
                        *s = '\'';
}

/* -------------------------------------------------------------------------------------- shapes of answers */

/* What page after page answers: { status, body }, the last one for ever; what is then in the array. */
static const struct {
        const char *name;
        struct {
                long status;
                const char *body;
        } pages[4];
        unsigned n_requests;
        int r;
        const char *answers;
} shape_cases[] = {
        { "nothing in it", { { 200, "{}" } }, 1, 0, "[{}]" },
        { "an empty list", { { 200, "{'entities':[]}" } }, 1, 0, "[{'entities':[]}]" },
        { "no body", { { 204, NULL } }, 1, 0, "[]" },
        { "a bare array, then an empty one", { { 200, "[1]" }, { 200, "[]" } }, 2, 0, "[[1]]" },
        { "null", { { 200, "null" } }, 1, 0, "[null]" },
        { "a text", { { 200, "'done'" } }, 1, 0, "['done']" },
        { "a number", { { 200, "12.5" } }, 1, 0, "[12.5]" },
        { "one page by its count",
          { { 200, "{'entities':[{'id':'a'}],'pageCount':1}" } },
          1,
          0,
          "[{'entities':[{'id':'a'}],'pageCount':1}]" },
        { "two pages by their count",
          { { 200, "{'results':[1],'pageCount':2}" }, { 200, "{'results':[2],'pageCount':2}" } },
          2,
          0,
          "[{'results':[1],'pageCount':2},{'results':[2],'pageCount':2}]" },
        { "three pages by their total",
          { { 200, "{'auditMessages':[1,2],'total':5}" },
            { 200, "{'auditMessages':[3,4],'total':5}" },
            { 200, "{'auditMessages':[5],'total':5}" } },
          3,
          0,
          "[{'auditMessages':[1,2],'total':5},{'auditMessages':[3,4],'total':5},{'auditMessages':[5],'total':"
          "5}]" },
        { "page after page without numbers",
          { { 200, "{'entities':[1]}" }, { 200, "{'entities':[2]}" }, { 200, "{'entities':[]}" } },
          3,
          0,
          "[{'entities':[1]},{'entities':[2]}]" },
        { "pageNumber is not heeded",
          { { 200, "{'entities':[{'at':1}]}" } },
          2,
          0,
          "[{'entities':[{'at':1}]}]" },
        { "a list by another name, beside a shorter one",
          { { 200, "{'facets':[],'log':[1]}" }, { 200, "{'facets':[],'log':[]}" } },
          2,
          0,
          "[{'facets':[],'log':[1]}]" },
        { "the list lies deeper: one page",
          { { 200, "{'data':{'entities':[[{'x':null}],true]}}" } },
          1,
          0,
          "[{'data':{'entities':[[{'x':null}],true]}}]" },
        { "numbers of the wrong type are no numbers",
          { { 200, "{'entities':[1],'pageCount':'many','total':{}}" }, { 200, "{'entities':[]}" } },
          2,
          0,
          "[{'entities':[1],'pageCount':'many','total':{}}]" },
        { "a list of the wrong type",
          { { 200, "{'entities':{'a':1},'pageCount':-3,'total':-1}" } },
          1,
          0,
          "[{'entities':{'a':1},'pageCount':-3,'total':-1}]" },
        { "fewer pages than it says",
          { { 200, "{'entities':[1],'pageCount':9}" }, { 200, "{'entities':[],'pageCount':9}" } },
          2,
          0,
          "[{'entities':[1],'pageCount':9}]" },
        { "text from outside",
          { { 200, "['\\u001b[31m\\u202e \\u00e9 \\\\']" }, { 200, "[]" } },
          2,
          0,
          "[['\\u001b[31m\\u202e \xc3\xa9 \\\\']]" },
        { "large and small numbers",
          { { 200, "{'a':9223372036854775807,'b':1e300,'c':0.1,'d':-0.5e-7}" } },
          1,
          0,
          "[{'a':9223372036854775807,'b':1e+300,'c':0.1,'d':-5e-08}]" },
        { "not allowed", { { 403, "{'code':'missing.permissions'}" } }, 1, -EPERM, "[]" },
        { "not there", { { 404, "{'code':'not.found'}" } }, 1, -ENOENT, "[]" },
        { "refused", { { 400, "{'code':'bad.request'}" } }, 1, -EINVAL, "[]" },
        { "page 2 is refused: page 1 stays",
          { { 200, "{'entities':[1],'pageCount':2}" }, { 400, "{}" } },
          2,
          -EINVAL,
          "[{'entities':[1],'pageCount':2}]" },
        { "the page behind the last one is refused",
          { { 200, "{'entities':[1]}" }, { 404, "{}" } },
          2,
          0,
          "[{'entities':[1]}]" },
        { "page 2 is not allowed",
          { { 200, "{'entities':[1]}" }, { 403, "{}" } },
          2,
          -EPERM,
          "[{'entities':[1]}]" },
        { "no JSON, for ever", { { 200, "<html>" } }, 6, -EBADMSG, "[]" },
};

static void script(struct fake_api *api, size_t i)
{
        char request[128];

        for (unsigned p = 1; p <= 300; p++) {
                size_t k = p - 1 < 4 ? p - 1 : 3;

                while (k > 0 && shape_cases[i].pages[k].status == 0)
                        k--;
                (void) snprintf(request, sizeof(request), AUDITS "%u", p);
                fake_api_answer(api, request, shape_cases[i].pages[k].status, shape_cases[i].pages[k].body);
        }
}

static int read_audit(struct fake_api *api, enum ts_direction direction, struct ts_buf *out,
                      struct ts_err *err)
{
        struct ts_id users[] = { fake_id(ANN), fake_id(BOB) };
        struct ts_audit_question q = { .direction = direction,
                                       .trust = fake_id(TRUST),
                                       .users = users,
                                       .n_users = 2,
                                       .since = SINCE,
                                       .until = UNTIL };
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, false);
        int r;

        ts_json_open_array(&w);
        r = ts_audit_read(fake_api_client(api), &q, &w, err);
        ts_json_close_array(&w);
        return r;
}

START_TEST(test_shape)
{
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_err err = { 0 };
        char *got;
        int r;

        script(api, (size_t) _i);
        r = read_audit(api, TS_TRUSTEE, &out, &err);
        got = ts_strdup(ts_buf_text(&out));
        unquote(got);
        ck_assert_msg(r == shape_cases[_i].r, "%s: %d, %s", shape_cases[_i].name, r, err.msg);
        ck_assert_msg((r < 0) == (err.cls != TS_ERR_NONE), "%s: %s", shape_cases[_i].name, err.msg);
        ck_assert_msg(strcmp(got, shape_cases[_i].answers) == 0, "%s: %s", shape_cases[_i].name, got);
        ck_assert_msg(fake_api_count(api) == shape_cases[_i].n_requests, "%s:\n%s", shape_cases[_i].name,
                      fake_api_log(api));
        free(got);
}
END_TEST

#define ONE "\"" ID("00000001") "\""
#define ANN_AND_BOB "\"" ID("00000010") "\",\"" ID("00000011") "\""
#define DATES "\"startDate\":\"2027-01-03T18:13:20.000Z\",\"endDate\":\"2027-01-15T08:00:00.000Z\""
#define USERS_AND_DATES "\"trusteeUserIds\":[" ANN_AND_BOB "]," DATES

START_TEST(test_question)
{
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_err err = { 0 };

        fake_api_answer(api, AUDITS "1", 200, "{}");
        fake_api_answer(api, AUDITS_THERE "1", 200, "{}");
        ck_assert_int_eq(read_audit(api, TS_TRUSTEE, &out, &err), 0);
        ts_buf_reset(&out);
        ck_assert_int_eq(read_audit(api, TS_TRUSTOR, &out, &err), 0);
        ck_assert_str_eq(fake_api_log(api),
                         AUDITS "1 {\"trusteeOrganizationIds\":[" ONE "]," USERS_AND_DATES "}\n" AUDITS_THERE
                                "1 {\"trustorOrganizationId\":" ONE "," USERS_AND_DATES "}\n");
}
END_TEST

/* Every page is another one, and there is always one more. */
static long endless(struct fake_api *api, const char *request, const char *sent, struct ts_buf *body)
{
        size_t n_bytes = *(const size_t *) fake_api_userdata(api);

        (void) sent;
        ts_buf_printf(body, "{\"entities\":[{\"id\":\"%s\"}],\"pageCount\":1000000000,\"more\":[", request);
        for (size_t i = 0; body->len < n_bytes; i++)
                ts_buf_printf(body, "%s\"%01000zu\"", i > 0 ? "," : "", i);
        ts_buf_puts(body, "]}");
        return 200;
}

static const struct {
        size_t n_bytes; /* of a page */
        size_t n_requests;
        const char *message;
} endless_cases[] = {
        { 0, TS_AUDIT_PAGES_MAX, "more than 200 pages" },
        { TS_HTTP_BODY_MAX_BYTES - 8192, 5, "more than 32 MiB" },
};

START_TEST(test_endless)
{
        size_t n_bytes = endless_cases[_i].n_bytes;
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(endless, &n_bytes);
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_err err = { 0 };

        ck_assert_int_eq(read_audit(api, TS_TRUSTEE, &out, &err), -EFBIG);
        ck_assert_msg(strstr(err.msg, endless_cases[_i].message) != NULL, "%s", err.msg);
        ck_assert_uint_eq(fake_api_count(api), endless_cases[_i].n_requests);
        ck_assert(!ts_buf_failed(&out));
}
END_TEST

START_TEST(test_deepest)
{
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        char text[2 * TS_JSON_MAX_DEPTH + 1] = "";
        struct ts_err err = { 0 };

        for (unsigned i = 0; i < TS_JSON_MAX_DEPTH; i++) {
                text[i] = '[';
                text[2 * TS_JSON_MAX_DEPTH - 1 - i] = ']';
        }
        fake_api_answer(api, AUDITS "1", 200, text);
        ck_assert_int_eq(read_audit(api, TS_TRUSTEE, &out, &err), 0);
        ck_assert_uint_eq(out.len, strlen(text) + 2);
}
END_TEST

START_TEST(test_too_many_users)
{
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&out, false);
        struct ts_audit_question q = { .trust = fake_id(TRUST), .n_users = 20000, .until = UNTIL };
        TS_CLEANUP(ts_freep) struct ts_id *users = ts_calloc(q.n_users, sizeof(*users));
        struct ts_err err = { 0 };

        for (unsigned i = 0; i < q.n_users; i++)
                users[i] = fake_id(i + 1);
        q.users = users;
        ts_json_open_array(&w);
        ck_assert_int_eq(ts_audit_read(fake_api_client(api), &q, &w, &err), -EFBIG);
        ck_assert_uint_eq(fake_api_count(api), 0);
}
END_TEST

/* ----------------------------------------------------------------------------------------------- document */

struct organization {
        struct ts_gather_options options;
        struct ts_trust_filter filter;
        struct ts_settings_organization settings;
        struct ts_decl_trust decl_trust;
        struct ts_decl_organization decl;
        struct ts_member members[3];
        struct ts_gathered gathered;
};

/* Trustees contoso (declared; Ann and Bob) and one that nobody declared and that has no users; a trustor
 * whose users could not be listed. */
static void organization_init(struct organization *o, struct fake_api *api)
{
        struct ts_live *live = ts_live_new();

        *o = (struct organization){
                .settings = { .alias = "acme" },
                .decl_trust = { .direction = TS_TRUSTEE, .alias = "contoso", .id = fake_id(TRUST) },
                .members = { { .kind = TS_KIND_USER, .id = fake_id(ANN), .email = "ann@contoso.example" },
                             { .kind = TS_KIND_USER, .id = fake_id(BOB) } },
        };
        o->options.filter = &o->filter;
        o->decl = (struct ts_decl_organization){ .alias = "acme", .trusts = &o->decl_trust, .n_trusts = 1 };
        live->organization_id = fake_id(FAKE_ORGANIZATION);
        live->trusts = TS_ARENA_ARRAY(&live->arena, struct ts_trust, 3);
        live->n_trusts = 3;
        live->trusts[0] =
                        (struct ts_trust){ .direction = TS_TRUSTEE, .id = fake_id(TRUST), .name = "Contoso" };
        live->trusts[0].users =
                        (struct ts_members){ .coverage = TS_COVERAGE_COMPLETE, .items = o->members, .n = 2 };
        live->trusts[1] = (struct ts_trust){ .direction = TS_TRUSTEE, .id = fake_id(7) };
        live->trusts[1].users.coverage = TS_COVERAGE_COMPLETE;
        live->trusts[2] = (struct ts_trust){ .direction = TS_TRUSTOR, .id = fake_id(TRUSTOR), .name = "Fab" };
        o->gathered = (struct ts_gathered){ .options = &o->options,
                                            .settings = &o->settings,
                                            .decl = &o->decl,
                                            .client = fake_api_client(api),
                                            .live = live };
        o->gathered.wanted = ts_resolve_members(&o->decl, live, NULL);
}

static void organization_done(struct organization *o)
{
        ts_wanted_free(o->gathered.wanted);
        ts_live_free(o->gathered.live);
}

/* A row: filters, the answer of both endpoints, what the document's one organization is like, compactly. */
#define CONTOSO "'direction':'trustee','trust':{'alias':'contoso','id':'" ID("00000001") "','name':'Contoso'}"
#define OTHER "'direction':'trustee','trust':{'alias':null,'id':'" ID("00000007") "','name':null}"
#define FAB "'direction':'trustor','trust':{'alias':null,'id':'" ID("00000002") "','name':'Fab'}"
#define ANN_TEXT "{'id':'" ID("00000010") "','email':'ann@contoso.example'}"
#define BOB_TEXT "{'id':'" ID("00000011") "','email':null}"
#define GOOD "'note':null,'error':null"

static const struct {
        const char *name;
        const char *trust, *user;
        const char *error; /* of the organization's view */
        long status, status_there;
        bool complete;
        const char *audits;
} document_cases[] = {
        { "all", NULL, NULL, NULL, 200, 200, true,
          "{" CONTOSO ",'users':[" ANN_TEXT "," BOB_TEXT "],'answers':[{'x':1}]," GOOD "},"
          "{" OTHER
          ",'users':[],'answers':[],'note':'it has no users of its own: who comes in through a group is "
          "asked about with --user and the id','error':null},"
          "{" FAB
          ",'users':[],'answers':[],'note':'its users could not be listed: name them with --user and the "
          "id','error':null}" },
        { "one trust by its alias", "contoso", NULL, NULL, 200, 200, true,
          "{" CONTOSO ",'users':[" ANN_TEXT "," BOB_TEXT "],'answers':[{'x':1}]," GOOD "}" },
        { "one user by the e-mail", NULL, "Ann@Contoso.example", NULL, 200, 200, true,
          "{" CONTOSO ",'users':[" ANN_TEXT "],'answers':[{'x':1}]," GOOD "}" },
        { "somebody who is no member (any more)", ID("00000002"), ID("00000099"), NULL, 200, 200, true,
          "{" FAB ",'users':[{'id':'" ID("00000099") "','email':null}],'answers':[{'y':2}]," GOOD "}" },
        { "a member by the id, once", "contoso", ID("00000011"), NULL, 200, 200, true,
          "{" CONTOSO ",'users':[" BOB_TEXT "],'answers':[{'x':1}]," GOOD "}" },
        { "a user whom nobody has", NULL, "eve@nowhere.example", NULL, 200, 200, true, "" },
        { "the view is incomplete", "contoso", NULL, "half of it", 200, 200, false,
          "{" CONTOSO ",'users':[" ANN_TEXT "," BOB_TEXT "],'answers':[{'x':1}]," GOOD "}" },
        { "one endpoint is not allowed: the other is asked all the same", NULL, ID("00000011"), NULL, 403,
          200, false,
          "{" CONTOSO ",'users':[" BOB_TEXT "],'answers':[],'note':null,'error':'acme: POST "
          "/api/v2/orgauthorization/trustees/audits: 403 missing.permissions, a role of the client needs the "
          "permission 'authorization:audit:view''},"
          "{" OTHER ",'users':[{'id':'" ID(
                          "00000011") "','email':null}],'answers':[],'note':null,'error':'acme: "
                                      "POST /api/v2/orgauthorization/trustees/audits: 403 "
                                      "missing.permissions, a role of the client needs "
                                      "the permission 'authorization:audit:view''},"
                                      "{" FAB ",'users':[{'id':'" ID(
                                                      "00000011") "','email':null}],'answers':[{'y':2}]," GOOD
                                                                  "}" },
};

/* The text without its white space between tokens. */
static char *compact(const struct ts_buf *text)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&out, false);
        const struct ts_json *json;
        struct ts_err err = { 0 };

        ck_assert_msg(ts_json_parse(ts_buf_text(text), text->len, &arena, &json, &err) == 0, "%s", err.msg);
        ts_json_put_value(&w, json);
        unquote(out.data);
        return out.data;
}

static void no_log(const struct ts_log_entry *entry, void *userdata)
{
        (void) entry;
        (void) userdata;
}

START_TEST(test_document)
{
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
        TS_CLEANUP(organization_done) struct organization o;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf wanted = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_audit_document d = { .out = &out,
                                       .users = &document_cases[_i].user,
                                       .n_users = document_cases[_i].user ? 1 : 0,
                                       .since = SINCE,
                                       .until = UNTIL };
        const char *missing = "{'code':'missing.permissions'}", *error = document_cases[_i].error;
        char *got;

        fake_api_answer(api, AUDITS "1", document_cases[_i].status,
                        document_cases[_i].status == 200 ? "{'x':1}" : missing);
        fake_api_answer(api, AUDITS_THERE "1", document_cases[_i].status_there,
                        document_cases[_i].status_there == 200 ? "{'y':2}" : missing);
        organization_init(&o, api);
        o.filter = (struct ts_trust_filter){ &document_cases[_i].trust, document_cases[_i].trust ? 1 : 0 };
        ts_log_set_sink(no_log, NULL);

        ts_audit_begin(&d);
        ts_audit_organization(&d, &o.gathered, error);
        ts_audit_end(&d);

        ts_buf_printf(&wanted,
                      "{'format_version':1,'since':'2027-01-03T18:13:20Z','until':'2027-01-15T08:00:00Z',"
                      "'organizations':[{'alias':'acme','id':'%s','error':%s%s%s,'audits':[%s]}],'complete':%"
                      "s}",
                      fake_id_text(FAKE_ORGANIZATION).s, error ? "'" : "", error ? error : "null",
                      error ? "'" : "", document_cases[_i].audits,
                      document_cases[_i].complete ? "true" : "false");
        got = compact(&out);
        ck_assert_msg(strcmp(got, ts_buf_text(&wanted)) == 0, "%s:\n%s\n%s", document_cases[_i].name, got,
                      ts_buf_text(&wanted));
        ck_assert_int_eq(d.complete, document_cases[_i].complete);
        free(got);
}
END_TEST

static Suite *suite(void)
{
        Suite *s = suite_create("audit");
        TCase *tc = tcase_create("audit");

        tcase_set_timeout(tc, 60);
        tcase_add_loop_test(tc, test_shape, 0, TS_N_ELEMENTS(shape_cases));
        tcase_add_test(tc, test_question);
        tcase_add_loop_test(tc, test_endless, 0, TS_N_ELEMENTS(endless_cases));
        tcase_add_test(tc, test_deepest);
        tcase_add_test(tc, test_too_many_users);
        tcase_add_loop_test(tc, test_document, 0, TS_N_ELEMENTS(document_cases));
        suite_add_tcase(s, tc);
        return s;
}

int main(void)
{
        SRunner *sr = srunner_create(suite());
        int n_failed;

        srunner_run_all(sr, CK_NORMAL);
        n_failed = srunner_ntests_failed(sr);
        srunner_free(sr);
        return n_failed == 0 ? 0 : 1;
}
