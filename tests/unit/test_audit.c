/*
 * test_audit - what --audit asks, and what it makes of answers of any shape
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"
#include "fake-api.h"
#include "genesys/audit.h"
#include "report/report.h"
#include "suite.h"
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
        struct ts_snapshot_options options;
        struct ts_trust_filter filter;
        struct ts_settings_organization settings;
        struct ts_decl_trust decl_trust;
        struct ts_decl_organization decl;
        struct ts_member members[3];
        struct ts_snapshot snapshot;
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
        o->snapshot = (struct ts_snapshot){ .options = &o->options,
                                            .settings = &o->settings,
                                            .decl = &o->decl,
                                            .client = fake_api_client(api),
                                            .live = live };
        o->snapshot.desired = ts_resolve_members(&o->decl, live, NULL);
}

static void organization_done(struct organization *o)
{
        ts_desired_free(o->snapshot.desired);
        ts_live_free(o->snapshot.live);
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
        TS_CLEANUP(ts_buf_done) struct ts_buf desired = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
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
        ts_audit_organization(&d, &o.snapshot, error);
        ts_audit_end(&d);

        ts_buf_printf(&desired,
                      "{'format_version':1,'since':'2027-01-03T18:13:20Z','until':'2027-01-15T08:00:00Z',"
                      "'organizations':[{'alias':'acme','id':'%s','error':%s%s%s,'audits':[%s]}],'complete':%"
                      "s}",
                      fake_id_text(FAKE_ORGANIZATION).s, error ? "'" : "", error ? error : "null",
                      error ? "'" : "", document_cases[_i].audits,
                      document_cases[_i].complete ? "true" : "false");
        got = compact(&out);
        ck_assert_msg(strcmp(got, ts_buf_text(&desired)) == 0, "%s:\n%s\n%s", document_cases[_i].name, got,
                      ts_buf_text(&desired));
        ck_assert_int_eq(d.complete, document_cases[_i].complete);
        free(got);
}
END_TEST

/* --------------------------------------------------------------------------------------- who changed what */

#define QUERY "POST /audits/query"
#define STATE "GET /audits/query/" ID("000000aa")
#define RESULTS STATE "/results?pageSize=500&expand=user"
#define QUERY_IS(state) "{'id':'" ID("000000aa") "','state':'" state "'}"

#define FIRST "00000000-0000-4000-8000-000000000001"
#define SECOND "00000000-0000-4000-8000-000000000002"
#define THREE "00000000-0000-4000-8000-000000000003"
#define FOUR "00000000-0000-4000-8000-000000000004"

static const char odd_entries[] =
                "{'entities':[null,1,'x',[],{},"
                "{'user':'eve','client':[],'eventDate':7,'entity':{'id':'no'},'context':[[['" FIRST "']],5]},"
                "{'user':{'id':'','name':'Eve'},'status':'failure','eventDate':'soon','entity':'" SECOND "'},"
                "{'client':{'id':'c'},'message':{'message':'x " FIRST "/" SECOND "'}},"
                "{'user':{'id':'u'},'propertyChanges':[{'oldValues':['[" THREE "]'],'newValues':[]}],"
                "'entityChanges':[{'entityId':'" THREE "'},{'entityId':'" FOUR "'}]}]}";

/* What the query, its states, and its results answer; a row's states end with the first that is NULL. */
static const struct {
        const char *name;
        long status;
        const char *query, *states[3];
        long results_status;
        const char *results;
        int r;
        unsigned n_requests;
        unsigned n_msec; /* waited */
        const char *entries;
} query_cases[] = {
        { "ready at once", 200, QUERY_IS("Succeeded"), { NULL }, 200, "{'entities':[]}", 0, 2, 0, "" },
        { "accepted, queued, running, done",
          202,
          QUERY_IS("Queued"),
          { QUERY_IS("Queued"), QUERY_IS("Running"), QUERY_IS("Succeeded") },
          200,
          "{'entities':[{'eventDate':'2027-01-15T07:00:00.123Z','user':{'id':'x','name':'Eve','email':'eve@"
          "acme.example'},"
          "'client':{'id':'c'},'action':'Delete','entityType':'T','status':'SUCCESS','entity':{'id':'" ID(
                          "00000010") "'},'context':{'trust':'" ID("00000001") "'}}]}",
          0,
          5,
          1750,
          "eve@acme.example c Delete T ok 2027-01-15T07:00:00Z 10: 10 1\n" },
        { "for ever running",
          202,
          QUERY_IS("Running"),
          { QUERY_IS("Running") },
          200,
          "{}",
          -ETIMEDOUT,
          8,
          9750,
          "" },
        { "failed", 202, QUERY_IS("Queued"), { QUERY_IS("Failed") }, 200, "{}", -EREMOTEIO, 2, 250, "" },
        { "cancelled", 200, QUERY_IS("Cancelled"), { NULL }, 200, "{}", -EREMOTEIO, 1, 0, "" },
        { "a state that is new", 200, QUERY_IS("Pondering"), { NULL }, 200, "{}", -EREMOTEIO, 1, 0, "" },
        { "no state", 200, "{'id':'" ID("000000aa") "'}", { NULL }, 200, "{}", -EREMOTEIO, 1, 0, "" },
        { "no id", 200, "{'state':'Succeeded'}", { NULL }, 200, "{}", -EBADMSG, 1, 0, "" },
        { "an id that is none",
          200,
          "{'id':'../trustees','state':'Succeeded'}",
          { NULL },
          200,
          "{}",
          -EBADMSG,
          1,
          0,
          "" },
        { "an array", 200, "[]", { NULL }, 200, "{}", -EBADMSG, 1, 0, "" },
        { "not allowed", 403, "{}", { NULL }, 200, "{}", -EPERM, 1, 0, "" },
        { "not there", 404, "{}", { NULL }, 200, "{}", -ENOENT, 1, 0, "" },
        { "no such service", 400, "{}", { NULL }, 200, "{}", -EINVAL, 1, 0, "" },
        { "too many requests: once is enough", 429, "{}", { NULL }, 200, "{}", -EAGAIN, 1, 0, "" },
        { "an outage: once is enough", 503, "{}", { NULL }, 200, "{}", -EREMOTEIO, 1, 0, "" },
        { "the answer is lost: once is enough", 0, NULL, { NULL }, 200, "{}", -ECONNRESET, 1, 0, "" },
        { "a 401 of this endpoint alone", 401, "{}", { NULL }, 200, "{}", -EACCES, 1, 0, "" },
        { "no results", 200, QUERY_IS("succeeded"), { NULL }, 404, "{}", -ENOENT, 2, 0, "" },
        { "results without a list",
          200,
          QUERY_IS("Succeeded"),
          { NULL },
          200,
          "{'entities':3}",
          0,
          2,
          0,
          "" },
        { "entries of any shape",
          200,
          QUERY_IS("Succeeded"),
          { NULL },
          200,
          odd_entries,
          0,
          2,
          0,
          "- - - - ok unset 0:\n"
          "- - - - ok unset 0:\n"
          "- - - - ok unset 0:\n"
          "- - - - ok unset 0:\n"
          "- - - - ok unset 0:\n"
          "- - - - ok unset 0: 1\n"
          "Eve - - - failed unset 0: 2\n"
          "OAuth client c c - - ok unset 0: 1 2\n"
          "u - - - ok unset 0: 3 4\n" },
};

static unsigned number_of(const struct ts_id *id)
{
        return fake_id_number(ts_id_format(id).s);
}

static const char *or_dash(const char *s)
{
        return s ? s : "-";
}

static void put_entries(const struct ts_audit_entries *entries, struct ts_buf *out)
{
        for (size_t i = 0; i < entries->n; i++) {
                const struct ts_audit_entry *e = &entries->items[i];

                ts_buf_printf(out, "%s %s %s %s %s %s %x:", or_dash(e->by.name), or_dash(e->client),
                              or_dash(e->action), or_dash(e->entity_type), e->failed ? "failed" : "ok",
                              ts_time_format(e->when).s, number_of(&e->entity));
                for (size_t k = 0; k < e->mentioned.n; k++)
                        ts_buf_printf(out, " %x", number_of(&e->mentioned.items[k]));
                ts_buf_putc(out, '\n');
        }
}

/* The fake API's, which the client waits on. */
static uint64_t boottime(void *userdata)
{
        return fake_api_waited_usec(userdata);
}

START_TEST(test_query)
{
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(65536);
        struct ts_clock clock = { .boottime_usec = boottime, .userdata = api };
        struct ts_audit_entries entries = { 0 };
        struct ts_err err = { 0 };
        int r;

        fake_api_answer(api, QUERY, query_cases[_i].status, query_cases[_i].query);
        for (size_t i = 0; i < 3 && query_cases[_i].states[i]; i++)
                fake_api_answer(api, STATE, 200, query_cases[_i].states[i]);
        fake_api_answer(api, RESULTS, query_cases[_i].results_status, query_cases[_i].results);

        r = ts_audit_query(fake_api_client(api), &clock, UNTIL, &arena, &entries, &err);
        put_entries(&entries, &got);
        ck_assert_msg(r == query_cases[_i].r, "%s: %d, %s", query_cases[_i].name, r, err.msg);
        ck_assert_msg(strcmp(ts_buf_text(&got), query_cases[_i].entries) == 0, "%s:\n%s",
                      query_cases[_i].name, ts_buf_text(&got));
        ck_assert_msg(fake_api_count(api) == query_cases[_i].n_requests, "%s:\n%s", query_cases[_i].name,
                      fake_api_log(api));
        ck_assert_uint_eq(fake_api_waited_usec(api), query_cases[_i].n_msec * TS_USEC_PER_MSEC);
        ck_assert_msg(strncmp(fake_api_log(api),
                              QUERY " {\"interval\":\"2026-12-16T08:00:00Z/2027-01-15T08:00:00Z\","
                                    "\"serviceName\":\"PeoplePermissions\","
                                    "\"sort\":[{\"name\":\"Timestamp\",\"sortOrder\":\"descending\"}]}\n",
                              160) == 0,
                      "%s", fake_api_log(api));
}
END_TEST

/* Whatever became of the query, the client goes on as if it had not been. */
START_TEST(test_query_harms_nobody)
{
        static const long statuses[] = { 0, 401, 403, 404, 429, 500, 503 };
        struct ts_call call = { .op = TS_OP_LIST_DIVISIONS, .page_size = 100, .page = 1 };
        struct ts_call_result result;
        struct ts_batch batch = { .calls = &call, .n = 1, .results = &result };

        for (size_t i = 0; i < TS_N_ELEMENTS(statuses); i++) {
                TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                struct ts_clock clock = { .boottime_usec = boottime, .userdata = api };
                struct ts_audit_entries entries;
                struct ts_err err = { 0 };

                fake_api_answer(api, QUERY, statuses[i], "{}");
                fake_api_answer(api, "GET /authorization/divisions?pageSize=100&pageNumber=1", 200, "{}");
                for (unsigned k = 0; k < 5; k++)
                        ck_assert_int_lt(ts_audit_query(fake_api_client(api), &clock, UNTIL, &arena, &entries,
                                                        &err),
                                         0);
                ck_assert_int_eq(ts_client_run(fake_api_client(api), &batch, &err), 0);
                ck_assert_int_eq(result.verdict, TS_VERDICT_OK);
                ck_assert_uint_eq(fake_api_waited_usec(api), 0);
                ck_assert_uint_eq(fake_api_count(api), 6);
        }
}
END_TEST

/* As many entries as are looked through, and as many ids in one. */
START_TEST(test_query_is_bounded)
{
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf results = TS_BUF_INIT(TS_JSON_MAX_BYTES);
        struct ts_clock clock = { .boottime_usec = boottime, .userdata = api };
        struct ts_audit_entries entries;
        struct ts_err err = { 0 };

        ts_buf_puts(&results, "{\"entities\":[{\"context\":[");
        for (unsigned i = 1; i <= 1000; i++)
                ts_buf_printf(&results, "%s\"%s\"", i > 1 ? "," : "", fake_id_text(i).s);
        ts_buf_puts(&results, "]}");
        for (unsigned i = 1; i < 2000; i++)
                ts_buf_puts(&results, ",{}");
        ts_buf_puts(&results, "]}");
        fake_api_answer(api, QUERY, 200, QUERY_IS("Succeeded"));
        fake_api_answer(api, RESULTS, 200, ts_buf_text(&results));
        ck_assert_int_eq(ts_audit_query(fake_api_client(api), &clock, UNTIL, &arena, &entries, &err), 0);
        ck_assert_uint_eq(entries.n, TS_AUDIT_ENTRIES_MAX);
        ck_assert_uint_eq(entries.items[0].mentioned.n, 64);
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
        tcase_add_loop_test(tc, test_query, 0, TS_N_ELEMENTS(query_cases));
        tcase_add_test(tc, test_query_harms_nobody);
        tcase_add_test(tc, test_query_is_bounded);
        suite_add_tcase(s, tc);
        return s;
}

int main(void)
{
        return run_suite(suite());
}
