/*
 * test_simulator - the simulated platform refuses what it has to, and each of its faults and invariants works
 *
 * A test that asks a broken simulator proves nothing: here the simulator itself is asked. JSON is written
 * with ' for ".
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask-simulator.h"
#include "json/reader.h"
#include "simulator/generate.h"
#include "simulator/simulator.h"
#include "simulator/transport-sim.h"
#include "simulator/virtual-clock.h"
#include "suite.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define ACME "10000000-0000-4000-8000-000000000001"
#define CONTOSO "20000000-0000-4000-8000-000000000002"
#define FABRIKAM "20000000-0000-4000-8000-000000000003"
#define NOBODY "99999999-0000-4000-8000-000000000009"
#define JANE "a0000000-0000-4000-8000-000000000001"
#define JOE "a0000000-0000-4000-8000-000000000002"
#define KIM "a0000000-0000-4000-8000-000000000003"
#define LEO "a0000000-0000-4000-8000-000000000004"
#define ADMIN "d0000000-0000-4000-8000-000000000001"
#define AGENT "d0000000-0000-4000-8000-000000000002"
#define HOME "e0000000-0000-4000-8000-000000000001"
#define SALES "e0000000-0000-4000-8000-000000000002"

#define ME "/api/v2/organizations/me"
#define AUTHORIZATION "/api/v2/authorization"
#define TRUSTEES "/api/v2/orgauthorization/trustees"
#define TRUST TRUSTEES "/" CONTOSO
#define USERS TRUST "/users"
#define ROLES AUTHORIZATION "/roles"

#define GRANT(role, division) "{'roleId':'" role "','divisionId':'" division "'}"
#define GRANTS(list) "{'grants':[" list "]}"

/* Contoso: Jane (Admin in Home, Agent everywhere) and Joe (nothing) are members, Kim and Leo could be. */
static const char fixture_text[] =
                "{'limits':{%s},'care':['" FABRIKAM "'],'organizations':["
                "{'id':'" ACME "','name':'acme','default_care':'" FABRIKAM "',"
                " 'clients':[{'id':'client','secret':'pass:word'},{'id':'weak','secret':'s','permissions':[%"
                "s]}],"
                " 'roles':[{'id':'" ADMIN "','name':'Admin'},{'id':'" AGENT
                "','name':'Agent'},'Third','Fourth','Fifth'],"
                " 'divisions':[{'id':'" HOME "','name':'Home'},{'id':'" SALES "','name':'Sales'}],"
                " 'users':[{'email':'ann@acme.example','name':'Ann','grants':[['Admin','*']]},"
                "          {'email':'bob@acme.example','name':'Bob','state':'inactive'}],"
                " 'groups':[{'name':'Staff','grants':[['Agent','Sales']]}],"
                " 'trustees':[{'id':'" CONTOSO "','name':'contoso','users':["
                "   {'id':'" JANE "','email':'jane@contoso.example','name':'Jane',"
                "    'grants':[['Admin','Home'],['Agent','*']]},"
                "   {'id':'" JOE "','email':'joe@contoso.example','name':'Joe'}]},"
                "  {'id':'" FABRIKAM
                "','name':'fabrikam','enabled':false,'expires':'2030-01-01T00:00:00Z'}]},"
                "{'id':'" CONTOSO "','name':'contoso','clients':[{'id':'theirs','secret':'t'}],"
                " 'users':[{'id':'" JANE "','email':'jane@contoso.example'},{'id':'" KIM
                "','email':'kim@contoso.example'},"
                "          {'id':'" LEO "','email':'leo@contoso.example','state':'deleted'}]}]}";

#define BASIC_CLIENT "Basic Y2xpZW50OnBhc3M6d29yZA=="
#define BASIC_WEAK "Basic d2Vhazpz"

static void start_seeded(struct setup *s, const char *limits, const char *permissions, uint64_t seed)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_JSON_MAX_BYTES);

        ts_buf_printf(&text, fixture_text, limits, permissions);
        start_with(s, ts_buf_text(&text), seed);
}

static void start(struct setup *s)
{
        start_seeded(s, "", "", 1);
}

static void start_logged_in(struct setup *s)
{
        start(s);
        log_in_with(s, BASIC_CLIENT);
}

/* ----------------------------------------------------------------------------------------------- fixtures */

static const struct {
        const char *name, *fixture, *error;
} fixture_cases[] = {
        { "no organizations", "{}", "needs a list of: 'organizations'" },
        { "not JSON", "{", "no valid JSON" },
        { "neither id nor name", "{'organizations':[{}]}", "neither id nor name: 'organization'" },
        { "not an id", "{'organizations':[{'id':'x'}]}", "not an id: 'x'" },
        { "twice", "{'organizations':[{'name':'a'},{'name':'a'}]}", "there twice: 'a'" },
        { "a role twice", "{'organizations':[{'name':'a','roles':['r','r']}]}", "there twice: 'r'" },
        { "a division twice", "{'organizations':[{'name':'a','divisions':['r','r']}]}", "there twice: 'r'" },
        { "a role without a name", "{'organizations':[{'name':'a','roles':[{}]}]}",
          "without a name: 'role'" },
        { "roles that are no list", "{'organizations':[{'name':'a','roles':{}}]}",
          "must be a list: 'roles'" },
        { "an unknown role", "{'organizations':[{'name':'a','users':[{'email':'e','grants':[['r','*']]}]}]}",
          "no such role: 'r'" },
        { "an unknown division",
          "{'organizations':[{'name':'a','roles':['r'],'users':[{'email':'e','grants':[['r','d']]}]}]}",
          "no such division: 'd'" },
        { "half a grant", "{'organizations':[{'name':'a','groups':[{'name':'g','grants':[['r']]}]}]}",
          "a grant is [role, division]" },
        { "grants that are no list", "{'organizations':[{'name':'a','groups':[{'name':'g','grants':{}}]}]}",
          "grants are a list" },
        { "a client without a secret", "{'organizations':[{'name':'a','clients':[{'id':'c'}]}]}",
          "an id and a secret: 'c'" },
        { "a client twice",
          "{'organizations':[{'name':'a','clients':[{'id':'c','secret':'s'},{'id':'c','secret':'s'}]}]}",
          "there twice: 'c'" },
        { "a user in no state", "{'organizations':[{'name':'a','users':[{'email':'e','state':'odd'}]}]}",
          "no such user state: 'odd'" },
        { "trust in itself", "{'organizations':[{'name':'a','trustees':[{'name':'a'}]}]}",
          "does not trust itself" },
        { "a trust twice", "{'organizations':[{'name':'a','trustees':[{'name':'b'},{'name':'b'}]}]}",
          "there twice: 'b'" },
        { "no time", "{'organizations':[{'name':'a','trustees':[{'name':'b','expires':'soon'}]}]}",
          "not a time: 'soon'" },
        { "no page", "{'limits':{'page_size':0},'organizations':[]}", "at least 1: 'page_size'" },
        { "care that is no id", "{'care':['x'],'organizations':[]}", "care: not an id: 'x'" },
        { "a bad fault", "{'organizations':[],'faults':[{'explode':true}]}",
          "rule 1: there is no fault 'explode'" },
        { "a bad invariant", "{'organizations':[],'invariants':{'organizations':[{'organization':'x'}]}}",
          "no such organization: 'x'" },
        { "nothing to generate", "{'generate':{'trusts':0,'users':1}}", "trusts is 0, not within 1 to" },
};

START_TEST(test_fixture_faults)
{
        TS_CLEANUP(ts_freep) char *text = quoted(fixture_cases[_i].fixture);
        struct ts_simulator *sim = NULL;
        struct ts_err err = { 0 };
        int r;

        r = ts_simulator_new(text, strlen(text), &ts_clock_system, &sim, &err);
        ck_assert_msg(r < 0 && !sim, "%s: accepted", fixture_cases[_i].name);
        ck_assert_msg(strstr(err.msg, fixture_cases[_i].error), "%s: wanted '%s' in '%s'",
                      fixture_cases[_i].name, fixture_cases[_i].error, err.msg);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- tokens */

static const struct {
        const char *name, *authorization, *content_type, *method, *body;
        int status;
        const char *error;
} token_cases[] = {
        { "as it should be", BASIC_CLIENT, FORM, "POST", "grant_type=client_credentials", 200, "" },
        { "a wrong secret", "Basic Y2xpZW50OndyaW5n", FORM, "POST", "grant_type=client_credentials", 401,
          "invalid_client" },
        { "an unknown client", "Basic bm9ib2R5Ong=", FORM, "POST", "grant_type=client_credentials", 400,
          "invalid_client" },
        { "no colon", "Basic Y2xpZW50", FORM, "POST", "grant_type=client_credentials", 401,
          "invalid_client" },
        { "no credentials", NULL, FORM, "POST", "grant_type=client_credentials", 401, "invalid_client" },
        { "another kind of credentials", "Bearer x", FORM, "POST", "grant_type=client_credentials", 401,
          "invalid_client" },
        { "another grant", BASIC_CLIENT, FORM, "POST", "grant_type=password", 400, "unsupported_grant_type" },
        { "JSON", BASIC_CLIENT, "application/json", "POST", "{}", 400, "invalid_request" },
        { "no content type", BASIC_CLIENT, NULL, "POST", "grant_type=client_credentials", 400,
          "invalid_request" },
        { "by GET", BASIC_CLIENT, NULL, "GET", NULL, 400, "invalid_request" },
};

START_TEST(test_token_requests)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct setup s;
        int status;

        start(&s);
        status = ask_as(&s, token_cases[_i].authorization, token_cases[_i].content_type,
                        token_cases[_i].method, "/oauth/token", token_cases[_i].body);
        ck_assert_msg(status == token_cases[_i].status, "%s: %d", token_cases[_i].name, status);
        ck_assert_str_eq(answer_get(&s, &arena, "error"), token_cases[_i].error);
        stop(&s);
}
END_TEST

static const struct {
        const char *name, *authorization, *code;
} bearer_cases[] = {
        { "none", NULL, "authentication.required" },
        { "an unknown one", "Bearer nobody-gave-me-this", "bad.credentials" },
        { "of another kind", BASIC_CLIENT, "bad.credentials" },
};

START_TEST(test_bad_tokens)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct setup s;

        start(&s);
        ck_assert_int_eq(ask_as(&s, bearer_cases[_i].authorization, NULL, "GET", ME, NULL), 401);
        ck_assert_str_eq(answer_get(&s, &arena, "code"), bearer_cases[_i].code);
        stop(&s);
}
END_TEST

START_TEST(test_token_life)
{
        struct setup s;

        start_seeded(&s, "'token_ttl':600", "", 1);
        log_in_with(&s, BASIC_CLIENT);
        ts_simulator_advance(s.sim, 599);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        ts_simulator_advance(s.sim, 1);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 401);
        log_in_with(&s, BASIC_CLIENT);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        stop(&s);
}
END_TEST

START_TEST(test_token_tells_the_organization)
{
        struct setup s;

        start_logged_in(&s);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        ck_assert(answer_has(&s, "'id':'" ACME "'"));
        log_in_with(&s, "Basic dGhlaXJzOnQ=");
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        ck_assert(answer_has(&s, "'id':'" CONTOSO "'"));
        ck_assert_int_eq(ask(&s, "GET", TRUST, NULL), 404);
        stop(&s);
}
END_TEST

START_TEST(test_rate_limits)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct setup s;

        start_seeded(&s, "'requests_per_minute':3,'token_requests_per_minute':2", "", 1);
        log_in_with(&s, BASIC_CLIENT);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        ts_simulator_advance(s.sim, 18);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 429);
        ck_assert_str_eq(s.answer.retry_after, "42");
        ck_assert_str_eq(answer_get(&s, &arena, "code"), "too.many.requests.retry.after");
        ck_assert(answer_has(&s, "Retry the request in [42] seconds"));

        log_in_with(&s, BASIC_CLIENT); /* a bucket for each token */
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        ck_assert_int_eq(ask_for_token(&s, BASIC_CLIENT), 400);
        ck_assert(answer_has(&s, "'error_description':'rate limit exceeded;"));
        ts_simulator_advance(s.sim, 42);
        ck_assert_int_eq(ask_for_token(&s, BASIC_CLIENT), 200);
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        stop(&s);
}
END_TEST

/* -------------------------------------------------------------------------------------------- permissions */

#define VIEW "'authorization:orgTrustee:view'"
#define USER_VIEW "'authorization:orgTrusteeUser:view'"
#define USER_EDIT "'authorization:orgTrusteeUser:edit'"

static const struct {
        const char *permissions, *method, *target, *body;
        int status;
        const char *code;
} permission_cases[] = {
        { "", "GET", ME, NULL, 200, "" },
        { "", "GET", AUTHORIZATION "/divisions", NULL, 200, "" },
        { "", "GET", AUTHORIZATION "/divisions/home", NULL, 200, "" },
        { "", "GET", ROLES, NULL, 403, "missing.permissions" },
        { "'authorization:role:view'", "GET", ROLES, NULL, 200, "" },
        { "'authorization:role:view'", "GET", ROLES "/" ADMIN "/subjectgrants", NULL, 200, "" },
        { "'authorization:role:view'", "GET", AUTHORIZATION "/subjects/" JANE, NULL, 403,
          "missing.permissions" },
        { "'authorization:grant:view'", "GET", AUTHORIZATION "/subjects/" JANE, NULL, 200, "" },
        { "'directory:*'", "POST", "/api/v2/users/search", "{}", 200, "" },
        { "'authorization:*'", "POST", "/api/v2/users/search", "{}", 403, "missing.permissions" },
        { "", "GET", TRUSTEES "/care", NULL, 403, "missing.any.permissions" },
        { VIEW, "GET", TRUSTEES "/care", NULL, 200, "" },
        { USER_VIEW, "GET", TRUSTEES "/care", NULL, 200, "" },
        { USER_VIEW, "GET", TRUSTEES "/default", NULL, 200, "" },
        { USER_VIEW, "GET", TRUSTEES, NULL, 403, "missing.permissions" },
        { VIEW, "GET", TRUSTEES, NULL, 200, "" },
        { VIEW, "GET", TRUST, NULL, 200, "" },
        { VIEW, "GET", USERS, NULL, 403, "missing.permissions" },
        { USER_VIEW, "GET", USERS, NULL, 200, "" },
        { USER_VIEW, "GET", USERS "/" JANE, NULL, 200, "" },
        { USER_VIEW, "GET", USERS "/" JANE "/roles", NULL, 200, "" },
        { VIEW, "PUT", TRUST, "{'enabled':true}", 403, "missing.permissions" },
        { "'authorization:orgTrustee:edit'", "PUT", TRUST, "{'enabled':true}", 200, "" },
        { "'authorization:orgTrustee:edit'", "DELETE", TRUST, NULL, 403, "missing.permissions" },
        { "'authorization:orgTrustee:delete'", "DELETE", TRUST, NULL, 204, "" },
        { USER_EDIT, "POST", USERS, "{'id':'" KIM "'}", 403, "missing.permissions" },
        { "'authorization:orgTrusteeUser:add'", "POST", USERS, "{'id':'" KIM "'}", 200, "" },
        { USER_VIEW, "PUT", USERS "/" JANE "/roledivisions", GRANTS(""), 403, "missing.permissions" },
        { USER_EDIT, "PUT", USERS "/" JANE "/roledivisions", GRANTS(""), 200, "" },
        { USER_EDIT, "PUT", USERS "/" JANE "/roles", "[]", 200, "" },
        { USER_EDIT, "DELETE", USERS "/" JANE "/roles", NULL, 403, "missing.permissions" },
        { "'authorization:orgTrusteeUser:delete'", "DELETE", USERS "/" JANE "/roles", NULL, 204, "" },
        { "'authorization:orgTrusteeUser:delete'", "DELETE", USERS "/" JANE, NULL, 204, "" },
};

START_TEST(test_permissions)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct setup s;
        int status;

        start_seeded(&s, "", permission_cases[_i].permissions, 1);
        log_in_with(&s, BASIC_WEAK);
        status = ask(&s, permission_cases[_i].method, permission_cases[_i].target, permission_cases[_i].body);
        ck_assert_msg(status == permission_cases[_i].status, "%s %s with [%s]: %d %s",
                      permission_cases[_i].method, permission_cases[_i].target,
                      permission_cases[_i].permissions, status, answer_text(&s));
        ck_assert_str_eq(status == 403 ? answer_get(&s, &arena, "code") : "", permission_cases[_i].code);
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        stop(&s);
}
END_TEST

/* --------------------------------------------------------------------------------------------- validation */

#define SEARCH "/api/v2/users/search"

static const struct {
        const char *name, *method, *target, *body;
        int status;
        const char *code;
} refusal_cases[] = {
        { "no such path", "GET", "/api/v2/nothing", NULL, 404, "not.found" },
        { "a slash too many", "GET", TRUST "/", NULL, 404, "not.found" },
        { "no such method", "PATCH", ME, NULL, 405, "method.not.allowed" },
        { "an empty id", "DELETE", TRUSTEES "/", NULL, 400, "invalid.value" },
        { "an empty user", "DELETE", USERS "/", NULL, 400, "invalid.value" },
        { "no id", "GET", TRUSTEES "/contoso", NULL, 400, "invalid.value" },
        { "an unknown parameter", "GET", TRUSTEES "?page=1", NULL, 400, "invalid.query.param.value" },
        { "page 0", "GET", TRUSTEES "?pageNumber=0", NULL, 400, "invalid.query.param.value" },
        { "a page that is no number", "GET", TRUSTEES "?pageNumber=one", NULL, 400,
          "invalid.query.param.value" },
        { "pages of size -1", "GET", TRUSTEES "?pageSize=-1", NULL, 400, "invalid.query.param.value" },
        { "a parameter twice", "GET", TRUSTEES "?pageSize=1&pageSize=2", NULL, 400,
          "invalid.query.param.value" },
        { "no boolean", "GET", ROLES "?userCount=no", NULL, 400, "invalid.query.param.value" },
        { "a query where there is none", "GET", ME "?expand=all", NULL, 400, "invalid.query.param.value" },
        { "a body where there is none", "DELETE", TRUST, "{}", 400, "bad.request" },
        { "no body", "PUT", TRUST, "", 400, "bad.request" },
        { "a list for an object", "PUT", TRUST, "[]", 400, "bad.request" },
        { "not JSON", "PUT", TRUST, "enabled", 400, "bad.request" },
        { "a property too many", "PUT", TRUST, "{'enabled':true,'usesDefaultRole':false}", 400,
          "invalid.property" },
        { "a property missing", "PUT", TRUST, "{'dateExpired':'2030-01-01T00:00:00.000Z'}", 400,
          "constraint.validation" },
        { "a required null", "PUT", TRUST, "{'enabled':null}", 400, "invalid.value" },
        { "an optional null", "PUT", TRUST, "{'enabled':true,'dateExpired':null}", 400, "invalid.value" },
        { "a wrong type", "PUT", TRUST, "{'enabled':'yes'}", 400, "invalid.value" },
        { "no date", "PUT", TRUST, "{'enabled':true,'dateExpired':'soon'}", 400, "invalid.date" },
        { "a member without an id", "POST", USERS, "{'roleIds':[]}", 400, "constraint.validation" },
        { "a member that is no id", "POST", USERS, "{'id':'kim@contoso.example'}", 400, "invalid.value" },
        { "a member with an e-mail", "POST", USERS, "{'id':'" KIM "','email':'k'}", 400, "invalid.property" },
        { "grants in a list", "POST", USERS, "{'id':'" KIM "','roleDivisions':[]}", 400, "invalid.value" },
        { "grants without grants", "PUT", USERS "/" JANE "/roledivisions", "{}", 400,
          "constraint.validation" },
        { "half a grant", "PUT", USERS "/" JANE "/roledivisions", GRANTS("{'roleId':'" ADMIN "'}"), 400,
          "constraint.validation" },
        { "a role by its name", "PUT", USERS "/" JANE "/roledivisions", GRANTS(GRANT("Admin", "*")), 400,
          "invalid.value" },
        { "a division by its name", "PUT", USERS "/" JANE "/roledivisions", GRANTS(GRANT(ADMIN, "Home")), 400,
          "invalid.value" },
        { "roles in an object", "PUT", USERS "/" JANE "/roles", "{}", 400, "bad.request" },
        { "roles that are numbers", "PUT", USERS "/" JANE "/roles", "[1]", 400, "invalid.value" },
        { "a search of nothing known", "POST", SEARCH, "{'filter':[]}", 400, "invalid.property" },
        { "a criterion without a type", "POST", SEARCH, "{'query':[{'value':'x'}]}", 400,
          "constraint.validation" },
        { "a type of no kind", "POST", SEARCH, "{'query':[{'type':'ODD'}]}", 400, "invalid.value" },
        { "an operator of no kind", "POST", SEARCH, "{'query':[{'type':'EXACT','operator':'XOR'}]}", 400,
          "invalid.value" },
        { "an order of no kind", "POST", SEARCH, "{'sortOrder':'UP'}", 400, "invalid.value" },
        { "fields that are numbers", "POST", SEARCH, "{'query':[{'type':'EXACT','fields':[1]}]}", 400,
          "invalid.value" },
        { "page 0 of a search", "POST", SEARCH, "{'pageNumber':0}", 400, "invalid.value" },
};

START_TEST(test_refusals)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf before, after;
        struct setup s;
        int status;

        start_logged_in(&s);
        get_state(&s, &before);
        status = ask(&s, refusal_cases[_i].method, refusal_cases[_i].target, refusal_cases[_i].body);
        ck_assert_msg(status == refusal_cases[_i].status, "%s: %d %s", refusal_cases[_i].name, status,
                      answer_text(&s));
        ck_assert_str_eq(answer_get(&s, &arena, "code"), refusal_cases[_i].code);
        ck_assert_str_eq(answer_get(&s, &arena, "contextId"), s.answer.correlation.s);
        ck_assert_msg(ts_simulator_n_violations(s.sim) == 1, "%s is a violation", refusal_cases[_i].name);
        get_state(&s, &after);
        ck_assert_str_eq(ts_buf_text(&before), ts_buf_text(&after));
        stop(&s);
}
END_TEST

static const struct {
        const char *name, *limits, *method, *target, *body;
        int status;
        const char *code;
} answer_cases[] = {
        /* What a careful client may meet: no violations. */
        { "a trust that is not there", "", "GET", TRUSTEES "/" NOBODY, NULL, 404, "not.found" },
        { "its users", "", "GET", TRUSTEES "/" NOBODY "/users", NULL, 404, "not.found" },
        { "a member that is not there", "", "GET", USERS "/" NOBODY, NULL, 404, "not.found" },
        { "its removal", "", "DELETE", USERS "/" NOBODY, NULL, 404, "not.found" },
        { "a role that is not there", "", "GET", ROLES "/" NOBODY "/subjectgrants", NULL, 404, "not.found" },
        { "a subject that is not there", "", "GET", AUTHORIZATION "/subjects/" NOBODY, NULL, 404,
          "not.found" },
        { "a grant of a role that is gone", "", "PUT", USERS "/" JANE "/roledivisions",
          GRANTS(GRANT(NOBODY, "*")), 400, "invalid.value" },
        { "the same as 404", "'unknown_grant_status':404", "PUT", USERS "/" JANE "/roles", "['" NOBODY "']",
          404, "not.found" },
        { "a grant in a division that is gone", "", "PUT", USERS "/" JANE "/roledivisions",
          GRANTS(GRANT(ADMIN, NOBODY)), 400, "invalid.value" },
        { "a member of somebody else", "", "POST", USERS, "{'id':'" NOBODY "'}", 404,
          "trustee.user.not.found" },
        { "a leaver", "", "POST", USERS, "{'id':'" LEO "'}", 404, "trustee.user.not.found" },
        { "a member again", "", "POST", USERS, "{'id':'" JANE "'}", 409, "request.conflict" },
        { "a member again, replaced", "'add_existing':'overwrite'", "POST", USERS, "{'id':'" JANE "'}", 200,
          "" },
        { "one too many", "'users_per_trust':2", "POST", USERS, "{'id':'" KIM "'}", 400,
          "constraint.validation" },
        { "the last one", "'users_per_trust':3", "POST", USERS, "{'id':'" KIM "'}", 200, "" },
        { "no grants to drop", "", "DELETE", USERS "/" JOE "/roles", NULL, 204, "" },
        { "no grants to drop, told", "'delete_empty_grants_status':404", "DELETE", USERS "/" JOE "/roles",
          NULL, 404, "not.found" },
        { "a search without a hit", "", "POST", SEARCH,
          "{'query':[{'type':'EXACT','fields':['email'],'value':'nobody@acme.example'}]}", 200, "" },
        { "a search without a hit, as 404", "'search_empty_status':404", "POST", SEARCH,
          "{'query':[{'type':'EXACT','fields':['email'],'value':'nobody@acme.example'}]}", 404,
          "resource.not.found" },
        { "an expired trust", "", "GET", TRUSTEES "/" FABRIKAM, NULL, 200, "" },
};

START_TEST(test_answers)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct setup s;
        int status;

        start_seeded(&s, answer_cases[_i].limits, "", 1);
        log_in_with(&s, BASIC_CLIENT);
        status = ask(&s, answer_cases[_i].method, answer_cases[_i].target, answer_cases[_i].body);
        ck_assert_msg(status == answer_cases[_i].status, "%s: %d %s", answer_cases[_i].name, status,
                      answer_text(&s));
        ck_assert_str_eq(status >= 400 ? answer_get(&s, &arena, "code") : "", answer_cases[_i].code);
        ck_assert_msg(ts_simulator_n_violations(s.sim) == 0, "%s: %s", answer_cases[_i].name,
                      first_violation(&s));
        stop(&s);
}
END_TEST

START_TEST(test_expired_trusts)
{
        struct setup s;

        start_seeded(&s, "'expired_trusts':'gone'", "", 1);
        ts_simulator_advance(s.sim, 4 * 365 * 86400u);
        log_in_with(&s, BASIC_CLIENT);
        ck_assert_int_eq(ask(&s, "GET", TRUSTEES "/" FABRIKAM, NULL), 404);
        ck_assert_int_eq(ask(&s, "GET", TRUSTEES "/default", NULL), 404);
        ck_assert_int_eq(ask(&s, "GET", TRUSTEES, NULL), 200);
        ck_assert(answer_has(&s, "'total':1,"));
        stop(&s);
}
END_TEST

START_TEST(test_content_type)
{
        struct setup s;

        start_logged_in(&s);
        ck_assert_int_eq(ask_as(&s, s.authorization, "text/plain", "PUT", TRUST, "{'enabled':true}"), 415);
        ck_assert_int_eq(ask_as(&s, s.authorization, NULL, "PUT", TRUST, "{'enabled':true}"), 415);
        ck_assert_int_eq(ask_as(&s, s.authorization, "Application/JSON; charset=UTF-8", "PUT", TRUST,
                                "{'enabled':true}"),
                         200);
        stop(&s);
}
END_TEST

START_TEST(test_request_size)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf body = TS_BUF_INIT(TS_JSON_MAX_BYTES);
        struct setup s;

        ts_buf_puts(&body, "{'enabled':true");
        while (body.len < TS_HTTP_REQUEST_MAX_BYTES)
                ts_buf_puts(&body, "        ");
        ts_buf_puts(&body, "}");
        start_logged_in(&s);
        ck_assert_int_eq(ask(&s, "PUT", TRUST, ts_buf_text(&body)), 413);
        stop(&s);
}
END_TEST

START_TEST(test_read_only)
{
        struct setup s;

        start_logged_in(&s);
        ts_simulator_set_read_only(s.sim, true);
        ck_assert_int_eq(ask(&s, "GET", TRUST, NULL), 200);
        ck_assert_int_eq(ask(&s, "POST", SEARCH, "{}"), 200);
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        ck_assert_int_eq(ask(&s, "DELETE", TRUST, NULL), 403);
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 1);
        ck_assert_int_eq(ask(&s, "GET", TRUST, NULL), 200);
        stop(&s);
}
END_TEST

/* The bulk deletion is one segment away from a single one: it exists, and nobody may call it. */
START_TEST(test_bulk_deletion_is_a_violation)
{
        struct setup s;

        start_logged_in(&s);
        ck_assert_int_eq(ask(&s, "DELETE", TRUSTEES "?id=" CONTOSO "&id=" NOBODY "&id=x", NULL), 204);
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 1);
        ck_assert_ptr_nonnull(strstr(first_violation(&s), "bulk deletion"));
        ck_assert_int_eq(ask(&s, "GET", TRUST, NULL), 404);
        stop(&s);
}
END_TEST

/* ------------------------------------------------------------------------------------------- what is told */

START_TEST(test_members_and_grants)
{
        struct setup s;

        start_logged_in(&s);
        ck_assert_int_eq(ask(&s, "POST", USERS,
                             "{'id':'" KIM
                             "','roleDivisions':" GRANTS(GRANT(ADMIN, SALES)) ",'roleIds':['" AGENT "']}"),
                         200);
        ck_assert(answer_has(&s, "'email':'kim@contoso.example'"));
        ck_assert(answer_has(&s, "'trustUserDetails':{'dateCreated':'2027-01-15T08:01:40.000Z'}"));
        ck_assert(state_has(&s, "'" KIM "','email':'kim@contoso.example','state':'active',"
                                "'grants':[['Admin','Sales'],['Agent','*']]"));
        ck_assert_int_eq(ask(&s, "PUT", USERS "/" KIM "/roledivisions",
                             GRANTS(GRANT(AGENT, HOME) "," GRANT(ADMIN, "*") "," GRANT(AGENT, HOME))),
                         200);
        ck_assert(answer_has(&s, "{'roles':[{'id':'" ADMIN "','name':'Admin'},{'id':'" AGENT
                                 "','name':'Agent'}],"));
        ck_assert(!answer_has(&s, "division"));
        ck_assert(state_has(&s, "'grants':[['Admin','*'],['Agent','Home']]"));
        ck_assert_int_eq(ask(&s, "PUT", USERS "/" KIM "/roles", "['" ADMIN "']"), 200);
        ck_assert(state_has(&s, "'state':'active','grants':[['Admin','*']]}"));
        ck_assert_int_eq(ask(&s, "DELETE", USERS "/" KIM "/roles", NULL), 204);
        ck_assert_uint_eq(s.answer.body.len, 0);
        ck_assert_int_eq(ask(&s, "GET", USERS "/" KIM "/roles", NULL), 200);
        ck_assert(answer_has(&s, "{'roles':[],"));
        ck_assert_int_eq(ask(&s, "DELETE", USERS "/" KIM, NULL), 204);
        ck_assert_int_eq(ask(&s, "DELETE", USERS "/" KIM, NULL), 404);
        stop(&s);
}
END_TEST

START_TEST(test_trust_updates)
{
        struct setup s;

        start_logged_in(&s);
        ck_assert_int_eq(ask(&s, "PUT", TRUST, "{'enabled':false,'dateExpired':'2031-02-03T04:05:06.789Z'}"),
                         200);
        ck_assert(answer_has(&s, "'enabled':false"));
        ck_assert(answer_has(&s, "'dateExpired':'2031-02-03T04:05:06.000Z'"));
        ck_assert_int_eq(ask(&s, "PUT", TRUST, "{'enabled':true}"), 200);
        ck_assert_msg(!answer_has(&s, "dateExpired"), "a date that is left out is cleared");
        ck_assert_int_eq(ask(&s, "DELETE", TRUST, NULL), 204);
        ck_assert_int_eq(ask(&s, "GET", TRUST, NULL), 404);
        ck_assert_int_eq(ask(&s, "PUT", TRUST, "{'enabled':true}"), 404);
        stop(&s);
}
END_TEST

START_TEST(test_who_holds_a_role)
{
        struct setup s;

        start_logged_in(&s);
        ck_assert_int_eq(ask(&s, "GET", ROLES "/" ADMIN "/subjectgrants?pageSize=100", NULL), 200);
        ck_assert(answer_has(&s, "'name':'Ann','divisions':[{'id':'*','name':'*'"));
        ck_assert(answer_has(&s, "'type':'PC_USER'"));
        ck_assert(answer_has(&s,
                             "{'id':'" JANE "','name':'Jane','divisions':[{'id':'" HOME "','name':'Home'"));
        ck_assert(answer_has(&s, "'type':'PC_TRUSTEE_USER'"));
        ck_assert(answer_has(&s, "'total':2,"));
        ck_assert_int_eq(ask(&s, "GET", ROLES "/" AGENT "/subjectgrants", NULL), 200);
        ck_assert(answer_has(&s, "'type':'PC_GROUP'"));

        ck_assert_int_eq(ask(&s, "PUT", USERS "/" JOE "/roledivisions", GRANTS(GRANT(ADMIN, SALES))), 200);
        ck_assert_int_eq(ask(&s, "GET", ROLES "/" ADMIN "/subjectgrants", NULL), 200);
        ck_assert_msg(answer_has(&s, "'total':3,"), "the index follows the writes");
        stop(&s);
}
END_TEST

START_TEST(test_subjects)
{
        struct setup s;

        start_logged_in(&s);
        ck_assert_int_eq(ask(&s, "GET", AUTHORIZATION "/subjects/" JANE "?includeDuplicates=true", NULL),
                         200);
        ck_assert(answer_has(&s, "{'subjectId':'" JANE "','division':{'id':'" HOME "'"));
        ck_assert(answer_has(&s, "'division':{'id':'*'"));
        edit(&s, "{'organization':'acme','do':'remove_role','role':'Admin'}");
        ck_assert_int_eq(ask(&s, "GET", AUTHORIZATION "/subjects/" JANE, NULL), 200);
        ck_assert_msg(!answer_has(&s, HOME), "grants of a role that is gone are not seen");
        ck_assert_int_eq(ask(&s, "DELETE", USERS "/" JANE, NULL), 204);
        ck_assert_int_eq(ask(&s, "GET", AUTHORIZATION "/subjects/" JANE, NULL), 404);
        stop(&s);
}
END_TEST

static const struct {
        const char *name, *query, *hits; /* e-mails in the answer, each once */
} search_cases[] = {
        { "all", "{}", "ann bob" },
        { "one e-mail", "{'query':[{'type':'EXACT','fields':['email'],'value':'ANN@acme.example'}]}", "ann" },
        { "several values",
          "{'query':[{'type':'EXACT','fields':['email'],'values':['ann@acme.example','x']}]}", "ann" },
        { "either",
          "{'query':[{'type':'EXACT','fields':['name'],'value':'Ann','operator':'OR'},"
          "{'type':'EXACT','fields':['name'],'value':'Bob','operator':'OR'}]}",
          "ann bob" },
        { "both",
          "{'query':[{'type':'CONTAINS','fields':['email'],'value':'acme'},"
          "{'type':'EXACT','fields':['state'],'value':'active','operator':'AND'}]}",
          "ann" },
        { "not", "{'query':[{'type':'EXACT','fields':['state'],'value':'active','operator':'NOT'}]}", "bob" },
        { "a group",
          "{'query':[{'type':'EXACT','group':[{'type':'STARTS_WITH','fields':['name'],'value':'b'}]}]}",
          "bob" },
        { "everything", "{'query':[{'type':'MATCH_ALL'}]}", "ann bob" },
        { "the second page", "{'pageSize':1,'pageNumber':2}", "bob" },
};

START_TEST(test_search)
{
        static const char *const people[] = { "ann", "bob" };
        struct setup s;

        start_logged_in(&s);
        ck_assert_int_eq(ask(&s, "POST", SEARCH, search_cases[_i].query), 200);
        for (size_t i = 0; i < TS_N_ELEMENTS(people); i++) {
                char email[64];

                (void) snprintf(email, sizeof(email), "'email':'%s@acme.example'", people[i]);
                ck_assert_msg(answer_has(&s, email) == (strstr(search_cases[_i].hits, people[i]) != NULL),
                              "%s: %s in %s", search_cases[_i].name, people[i], answer_text(&s));
        }
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        stop(&s);
}
END_TEST

START_TEST(test_search_bounds)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf query = TS_BUF_INIT(TS_JSON_MAX_BYTES);
        struct setup s;

        start_logged_in(&s);
        ts_buf_puts(&query, "{'query':[{'type':'EXACT','fields':['email'],'values':['x'");
        for (int i = 0; i < 100; i++)
                ts_buf_puts(&query, ",'x'");
        ts_buf_puts(&query, "]}]}");
        ck_assert_int_eq(ask(&s, "POST", SEARCH, ts_buf_text(&query)), 400);
        ck_assert(answer_has(&s, "search.criteria.values.exceed.limit"));

        ts_buf_reset(&query);
        ts_buf_puts(&query, "{'query':[{'type':'MATCH_ALL'}");
        for (int i = 0; i < 25; i++)
                ts_buf_puts(&query, ",{'type':'MATCH_ALL'}");
        ts_buf_puts(&query, "]}");
        ck_assert_int_eq(ask(&s, "POST", SEARCH, ts_buf_text(&query)), 400);
        ck_assert(answer_has(&s, "too.many.search.criteria"));
        stop(&s);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- paging */

/* "Admin Agent | total 5, page 1 of 3 of 2, next": what a page of the roles says. */
static void describe_page(const struct setup *s, struct ts_buf *out)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        int64_t total = -1, number = -1, count = -1, size = -1;
        const struct ts_json *v, *entities;
        struct ts_err err = { 0 };

        ck_assert_msg(ts_json_parse(answer_text(s), s->answer.body.len, &arena, &v, &err) == 0, "%s",
                      err.msg);
        entities = ts_json_get_array(v, "entities");
        ck_assert_ptr_nonnull(entities);
        TS_JSON_FOREACH (e, entities)
                ts_buf_printf(out, "%s%s ", ts_json_get_string(e, "name"),
                              ts_json_get_string(e, "id")[0] == 'f' ? "!" : "");
        (void) ts_json_get_int(v, "total", &total);
        (void) ts_json_get_int(v, "pageNumber", &number);
        (void) ts_json_get_int(v, "pageCount", &count);
        (void) ts_json_get_int(v, "pageSize", &size);
        ts_buf_printf(out, "| total %lld, page %lld of %lld of %lld", (long long) total, (long long) number,
                      (long long) count, (long long) size);
        if (ts_json_get_string(v, "nextUri"))
                ts_buf_puts(out, ", next");
        if (ts_json_get_string(v, "previousUri"))
                ts_buf_puts(out, ", previous");
}

static const struct {
        const char *name, *fault, *query, *page;
} paging_cases[] = {
        { "the preset", "[]", "", "Admin Agent Third | total 5, page 1 of 2 of 3, next" },
        { "the first", "[]", "?pageSize=2&pageNumber=1", "Admin Agent | total 5, page 1 of 3 of 2, next" },
        { "the second", "[]", "?pageSize=2&pageNumber=2",
          "Third Fourth | total 5, page 2 of 3 of 2, next, previous" },
        { "the last", "[]", "?pageSize=2&pageNumber=3", "Fifth | total 5, page 3 of 3 of 2, previous" },
        { "behind the last", "[]", "?pageSize=2&pageNumber=4", "| total 5, page 4 of 3 of 2, previous" },
        { "clamped", "[]", "?pageSize=100&pageNumber=2",
          "Fourth Fifth | total 5, page 2 of 2 of 3, previous" },
        { "by name", "[]", "?name=our", "Fourth | total 1, page 1 of 1 of 3" },
        { "by id", "[]", "?id=" ADMIN "&id=" NOBODY, "Admin | total 1, page 1 of 1 of 3" },
        { "total too high", "[{'wrong_total':2}]", "?pageSize=2",
          "Admin Agent | total 7, page 1 of 3 of 2, next" },
        { "total too low", "[{'wrong_total':-1}]", "?pageSize=2",
          "Admin Agent | total 4, page 1 of 3 of 2, next" },
        { "pages miscounted", "[{'page_count':1}]", "?pageSize=2",
          "Admin Agent | total 5, page 1 of 1 of 2" },
        { "no pages", "[{'page_count':0}]", "?pageSize=2", "Admin Agent | total 5, page 1 of 0 of 2" },
        { "one has gone since page 1", "[{'shift_page':1}]", "?pageSize=2&pageNumber=2",
          "Fourth Fifth | total 5, page 2 of 3 of 2, next, previous" },
        { "one has come since page 1", "[{'shift_page':-1}]", "?pageSize=2&pageNumber=2",
          "Agent Third | total 5, page 2 of 3 of 2, next, previous" },
        { "page 1 does not shift", "[{'shift_page':1}]", "?pageSize=2",
          "Admin Agent | total 5, page 1 of 3 of 2, next" },
        { "a page dropped", "[{'drop_page':true}]", "?pageSize=2", "| total 5, page 1 of 3 of 2, next" },
        { "a page again", "[{'repeat_page':true}]", "?pageSize=2&pageNumber=2",
          "Admin Agent | total 5, page 2 of 3 of 2, next, previous" },
        { "one twice", "[{'duplicate':true}]", "?pageSize=2",
          "Admin Admin | total 5, page 1 of 3 of 2, next" },
        { "one twice on the last", "[{'duplicate':true}]", "?pageSize=3&pageNumber=2",
          "Fourth Fourth | total 5, page 2 of 2 of 3, previous" },
        { "another's id", "[{'swap_id':true}]", "?pageSize=2",
          "Admin! Agent | total 5, page 1 of 3 of 2, next" },
        { "nothing", "[{'empty_list':true}]", "?pageSize=2", "| total 0, page 1 of 0 of 2" },
};

START_TEST(test_paging)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf page = TS_BUF_INIT(4096);
        TS_CLEANUP(ts_buf_done) struct ts_buf target = TS_BUF_INIT(4096);
        struct setup s;

        start_seeded(&s, "'page_size':3", "", 1);
        log_in_with(&s, BASIC_CLIENT);
        set_faults(&s, paging_cases[_i].fault);
        ts_buf_printf(&target, "%s%s", ROLES, paging_cases[_i].query);
        ck_assert_int_eq(ask(&s, "GET", ts_buf_text(&target), NULL), 200);
        describe_page(&s, &page);
        ck_assert_msg(strcmp(ts_buf_text(&page), paging_cases[_i].page) == 0, "%s: wanted\n%s\ngot\n%s",
                      paging_cases[_i].name, paging_cases[_i].page, ts_buf_text(&page));
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        stop(&s);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- faults */

static const struct {
        const char *name, *script;
        enum ts_sim_fate fate;
        int status;
        bool has_effect;
        const char *content_type, *body; /* NULL: none; "": whatever */
} fault_cases[] = {
        { "none", "[]", TS_SIM_ANSWER, 200, true, "application/json", "'enabled':false" },
        { "of a status", "[{'status':503}]", TS_SIM_ANSWER, 503, false, "application/json",
          "'service.unavailable'" },
        { "with effect", "[{'status':500,'effect':true}]", TS_SIM_ANSWER, 500, true, "application/json",
          "'internal.server.error'" },
        { "that claims success", "[{'status':204}]", TS_SIM_ANSWER, 204, false, NULL, "" },
        { "of a strange status", "[{'status':418}]", TS_SIM_ANSWER, 418, false, "application/json",
          "'unknown'" },
        { "with words", "[{'status':403,'code':'authz.policy.denied','message':'not you'}]", TS_SIM_ANSWER,
          403, false, "application/json", "'message':'not you','code':'authz.policy.denied'" },
        { "of a portal", "[{'status':502,'body':'<html>','content_type':'text/html'}]", TS_SIM_ANSWER, 502,
          false, "text/html", "<html>" },
        { "before", "[{'reset_before':true}]", TS_SIM_RESET, 0, false, NULL, "" },
        { "after", "[{'reset_after':true}]", TS_SIM_RESET, 200, true, "application/json", "" },
        { "at the end", "[{'close':true}]", TS_SIM_CLOSE, 0, false, NULL, "" },
        { "at the end, with effect", "[{'close':true,'effect':true}]", TS_SIM_CLOSE, 200, true,
          "application/json", "" },
        { "without an end", "[{'hang':true}]", TS_SIM_HANG, 0, false, NULL, "" },
        { "without an end, with effect", "[{'hang':true,'effect':true}]", TS_SIM_HANG, 200, true,
          "application/json", "" },
        { "garbage", "[{'garbage':true}]", TS_SIM_ANSWER, 200, true, "application/json",
          "{'entities':[{'id':'\xff" },
        { "empty", "[{'empty_body':true}]", TS_SIM_ANSWER, 200, true, "application/json", "" },
        { "raw", "[{'body':'[]'}]", TS_SIM_ANSWER, 200, true, "application/json", "[]" },
        { "of a type", "[{'content_type':'text/plain'}]", TS_SIM_ANSWER, 200, true, "text/plain",
          "'enabled':false" },
        { "twice the same key", "[{'duplicate_keys':true}]", TS_SIM_ANSWER, 200, true, "application/json",
          "{'id':null,'id':'" CONTOSO "'," },
        { "deep", "[{'deep_json':40}]", TS_SIM_ANSWER, 200, true, "application/json",
          "{'entities':[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}" },
        { "ignored", "[{'ignored':true}]", TS_SIM_ANSWER, 200, false, "application/json", "'enabled':false" },
        { "spoiled", "[{'spoil':'name','text':'\\\\ud83d'}]", TS_SIM_ANSWER, 200, true, "application/json",
          "'name':'contoso\\ud83d'" },
        { "expired token", "[{'expire_token':true}]", TS_SIM_ANSWER, 401, false, "application/json",
          "'bad.credentials'" },
};

START_TEST(test_faults)
{
        struct setup s;

        start_logged_in(&s);
        set_faults(&s, fault_cases[_i].script);
        (void) ask(&s, "PUT", TRUST, "{'enabled':false}");
        ck_assert_msg(s.answer.fate == fault_cases[_i].fate, "%s: fate %u", fault_cases[_i].name,
                      s.answer.fate);
        ck_assert_msg(s.answer.status == fault_cases[_i].status, "%s: %d", fault_cases[_i].name,
                      s.answer.status);
        ck_assert_msg(answer_has(&s, fault_cases[_i].body), "%s: %s", fault_cases[_i].name, answer_text(&s));
        ck_assert_str_eq(s.answer.content_type ? s.answer.content_type : "(none)",
                         fault_cases[_i].content_type ? fault_cases[_i].content_type : "(none)");
        ck_assert_msg(state_has(&s, "'name':'contoso','enabled':false") == fault_cases[_i].has_effect,
                      "%s: effect", fault_cases[_i].name);
        stop(&s);
}
END_TEST

START_TEST(test_faults_of_the_wire)
{
        struct setup s;

        start_logged_in(&s);
        set_faults(&s, "[{'retry_after':'Wed, 21 Oct 2099','truncate':7,'delay_ms':30,'drip_ms':2}]");
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        ck_assert_str_eq(s.answer.retry_after, "Wed, 21 Oct 2099");
        ck_assert_uint_eq(s.answer.truncate_at, 7);
        ck_assert_uint_eq(s.answer.delay_usec, 30000);
        ck_assert_uint_eq(s.answer.drip_usec, 2000);
        ck_assert_uint_gt(s.answer.body.len, 7);
        set_faults(&s, "[{'huge_body':9000000}]");
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        ck_assert_uint_eq(s.answer.body.len, 9000000);
        ck_assert_uint_eq(s.answer.truncate_at, SIZE_MAX);
        stop(&s);
}
END_TEST

/* Each write that a fault can make nothing of; what is answered is what would be. */
static const struct {
        const char *method, *target, *body;
        int status;
} ignored_cases[] = {
        { "PUT", TRUST, "{'enabled':false,'dateExpired':'2040-01-01T00:00:00Z'}", 200 },
        { "DELETE", TRUST, NULL, 204 },
        { "DELETE", USERS "/" JANE, NULL, 204 },
        { "PUT", USERS "/" JANE "/roledivisions", "{'grants':[]}", 200 },
        { "DELETE", USERS "/" JANE "/roles", NULL, 204 },
};

START_TEST(test_an_ignored_write_changes_nothing)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf before = TS_BUF_INIT(1024 * 1024);
        TS_CLEANUP(ts_buf_done) struct ts_buf after = TS_BUF_INIT(1024 * 1024);
        struct setup s;

        start_logged_in(&s);
        ts_simulator_state(s.sim, &before);
        set_faults(&s, "[{'ignored':true}]");
        ck_assert_int_eq(ask(&s, ignored_cases[_i].method, ignored_cases[_i].target, ignored_cases[_i].body),
                         ignored_cases[_i].status);
        ts_simulator_state(s.sim, &after);
        ck_assert_str_eq(ts_buf_text(&before), ts_buf_text(&after));
        set_faults(&s, "[]");
        ck_assert_int_eq(ask(&s, ignored_cases[_i].method, ignored_cases[_i].target, ignored_cases[_i].body),
                         ignored_cases[_i].status);
        ts_buf_reset(&after);
        ts_simulator_state(s.sim, &after);
        ck_assert_str_ne(ts_buf_text(&before), ts_buf_text(&after));
        stop(&s);
}
END_TEST

START_TEST(test_a_rounded_expiry)
{
        struct setup s;

        start_logged_in(&s);
        set_faults(&s, "[{'expires_step':60}]");
        ck_assert_int_eq(ask(&s, "PUT", TRUST, "{'enabled':true,'dateExpired':'2040-01-01T10:20:59Z'}"), 200);
        ck_assert(answer_has(&s, "2040-01-01T10:20:00"));
        ck_assert_int_eq(ask(&s, "PUT", TRUST, "{'enabled':true,'dateExpired':'2040-01-01T10:20:00Z'}"), 200);
        ck_assert(answer_has(&s, "2040-01-01T10:20:00"));
        stop(&s);
}
END_TEST

START_TEST(test_an_expired_token_stays_expired)
{
        struct setup s;

        start_logged_in(&s);
        set_faults(&s, "[{'expire_token':true,'times':1}]");
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 401);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 401);
        log_in_with(&s, BASIC_CLIENT);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        stop(&s);
}
END_TEST

static const struct {
        const char *name, *when, *fired; /* of eight requests, which ones */
} when_cases[] = {
        { "always", "", "xxxxxxxx" },
        { "the second", "'nth':2,", ".x......" },
        { "two of them", "'nth':[1,4],", "x..x...." },
        { "from the fourth", "'after':3,", "...xxxxx" },
        { "every third", "'every':3,", "..x..x.." },
        { "every third after two", "'after':2,'every':3,", "....x..x" },
        { "twice", "'times':2,", "xx......" },
        { "for no longer than a second", "'for_ms':1000,", "xx......" },
        { "every second, twice", "'every':2,'times':2,", ".x.x...." },
        { "of a path", "'match':{'path':'/api/v2/organ*'},", "xxxxxxxx" },
        { "of another path", "'match':{'path':'/api/v2/users*'},", "........" },
        { "of a method", "'match':{'method':'GET'},", "xxxxxxxx" },
        { "of another method", "'match':{'method':'PUT'},", "........" },
        { "of no query", "'match':{'query':''},", "xxxxxxxx" },
        { "of a query", "'match':{'query':'*page*'},", "........" },
        { "of an organization", "'match':{'organization':'acme'},", "xxxxxxxx" },
        { "of an organization by id", "'match':{'organization':'" ACME "'},", "xxxxxxxx" },
        { "of another organization", "'match':{'organization':'contoso'},", "........" },
};

START_TEST(test_when_faults_fire)
{
        struct setup s;
        char script[256], fired[9] = "";

        start_logged_in(&s);
        (void) snprintf(script, sizeof(script), "[{%s'status':500}]", when_cases[_i].when);
        set_faults(&s, script);
        for (int i = 0; i < 8; i++) {
                fired[i] = ask(&s, "GET", ME, NULL) == 500 ? 'x' : '.';
                ts_simulator_advance(s.sim, 1);
        }
        ck_assert_msg(strcmp(fired, when_cases[_i].fired) == 0, "%s: wanted %s got %s", when_cases[_i].name,
                      when_cases[_i].fired, fired);
        stop(&s);
}
END_TEST

START_TEST(test_the_first_rule_decides_and_all_count)
{
        struct setup s;

        start_logged_in(&s);
        set_faults(&s, "[{'nth':1,'status':500},{'nth':[1,2],'status':501},{'nth':3,'status':502}]");
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 500);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 501);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 502);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(ts_simulator_log(s.sim)), "\"fault\":\"status\""));
        stop(&s);
}
END_TEST

static const struct {
        const char *script, *error;
} bad_script_cases[] = {
        { "{}", "a list of rules" },
        { "[[]]", "rule 1: a rule is an object" },
        { "[{'status':500},{}]", "rule 2: it does not say what happens" },
        { "[{'status':'500'}]", "rule 1: 'status' is of the wrong type" },
        { "[{'hang':1}]", "rule 1: 'hang' is of the wrong type" },
        { "[{'body':1}]", "rule 1: 'body' is of the wrong type" },
        { "[{'nth':'1','hang':true}]", "'nth' is a number or a list" },
        { "[{'nth':['1'],'hang':true}]", "'nth' is a number or a list" },
        { "[{'match':[],'hang':true}]", "'match' is an object" },
        { "[{'match':{'host':'x'},'hang':true}]", "nothing is matched by 'host'" },
        { "[{'match':{'path':1},'hang':true}]", "'path' is of the wrong type" },
        { "[", "no valid JSON" },
};

START_TEST(test_bad_scripts)
{
        TS_CLEANUP(ts_freep) char *text = quoted(bad_script_cases[_i].script);
        struct ts_err err = { 0 };
        struct setup s;

        start_logged_in(&s);
        set_faults(&s, "[{'status':500}]");
        ck_assert_int_lt(ts_simulator_set_faults(s.sim, text, strlen(text), &err), 0);
        ck_assert_msg(strstr(err.msg, bad_script_cases[_i].error), "wanted '%s' in '%s'",
                      bad_script_cases[_i].error, err.msg);
        ck_assert_msg(ask(&s, "GET", ME, NULL) == 500, "the script in force stays");
        stop(&s);
}
END_TEST

START_TEST(test_stale_reads)
{
        struct setup s;

        start_logged_in(&s);
        ck_assert_int_eq(ask(&s, "PUT", TRUST, "{'enabled':false}"), 200);
        ck_assert_int_eq(ask(&s, "DELETE", USERS "/" JANE, NULL), 204);
        set_faults(&s, "[{'nth':1,'stale':1},{'nth':2,'stale':2},{'nth':3,'stale':9}]");
        ck_assert_int_eq(ask(&s, "GET", USERS "/" JANE, NULL), 200);
        ck_assert_int_eq(ask(&s, "GET", TRUST, NULL), 200);
        ck_assert(answer_has(&s, "'enabled':true"));
        ck_assert_int_eq(ask(&s, "GET", ROLES "/" ADMIN "/subjectgrants", NULL), 200);
        ck_assert(answer_has(&s, JANE));
        ck_assert_int_eq(ask(&s, "GET", USERS "/" JANE, NULL), 404);
        ck_assert_int_eq(ask(&s, "GET", ROLES "/" ADMIN "/subjectgrants", NULL), 200);
        ck_assert(!answer_has(&s, JANE));
        ck_assert_int_eq(ask(&s, "GET", TRUST, NULL), 200);
        ck_assert(answer_has(&s, "'enabled':false"));
        stop(&s);
}
END_TEST

START_TEST(test_slow_propagation)
{
        struct setup s;

        start_logged_in(&s);
        set_faults(&s, "[{'match':{'method':'PUT'},'slow_propagation_ms':5000}]");
        ck_assert_int_eq(ask(&s, "PUT", TRUST, "{'enabled':false}"), 200);
        ck_assert_msg(answer_has(&s, "'enabled':false"), "the write's own answer");
        ck_assert_int_eq(ask(&s, "GET", TRUST, NULL), 200);
        ck_assert(answer_has(&s, "'enabled':true"));
        ck_assert_int_eq(ask(&s, "DELETE", USERS "/" JANE, NULL), 204);
        ck_assert_msg(state_has(&s, "'enabled':false"), "the state is the present");
        ts_simulator_advance(s.sim, 5);
        ck_assert_int_eq(ask(&s, "GET", TRUST, NULL), 200);
        ck_assert(answer_has(&s, "'enabled':false"));
        ck_assert_int_eq(ask(&s, "GET", USERS "/" JANE, NULL), 404);
        stop(&s);
}
END_TEST

/* --------------------------------------------------------------------------------------------- invariants */

/* Jane with Admin in Home, Kim with Agent in Sales; nothing of the trust itself. */
#define DECLARED(more) \
        "{'organizations':[{'organization':'acme','trusts':[{'name':'contoso'" more ",'users':[" \
        "{'email':'JANE@contoso.example','grants':[['Admin','Home']]}," \
        "{'id':'" KIM "','grants':[['Agent','Sales']]}]}]}]"
#define PUT_JANE "PUT " USERS "/" JANE "/roledivisions "
#define PUT_JOE "PUT " USERS "/" JOE "/roledivisions "

static const struct {
        const char *name, *invariants, *edits, *requests[3];
        const char *violation; /* of the last request; "none" */
} invariant_cases[] = {
        /* What a declaration asks for. */
        { "a reduction to what is declared",
          DECLARED("") "}",
          NULL,
          { PUT_JANE GRANTS(GRANT(ADMIN, HOME)) },
          "none" },
        { "an addition that is declared",
          DECLARED("") "}",
          NULL,
          { "POST " USERS " {'id':'" KIM "','roleDivisions':" GRANTS(GRANT(AGENT, SALES)) "}" },
          "none" },
        { "a removal of who is not listed", DECLARED("") "}", NULL, { "DELETE " USERS "/" JOE }, "none" },
        { "no change at all",
          DECLARED("") "}",
          NULL,
          { PUT_JANE GRANTS(GRANT(ADMIN, HOME) "," GRANT(AGENT, "*")) },
          "none" },
        { "a division that all swallow",
          "{'organizations':[{'organization':'acme','trusts':[{'id':'" CONTOSO "','users':"
          "[{'id':'" JANE "','grants':[['Agent','*'],['Admin','*']]}]}]}]}",
          NULL,
          { PUT_JANE GRANTS(GRANT(ADMIN, "*") "," GRANT(AGENT, "*")),
            PUT_JANE GRANTS(GRANT(ADMIN, "*") "," GRANT(AGENT, "*") "," GRANT(ADMIN, HOME)) },
          "none" },
        { "disabling what is declared disabled",
          DECLARED(",'enabled':false") "}",
          NULL,
          { "PUT " TRUST " {'enabled':false}" },
          "none" },
        { "an expiry that is declared",
          DECLARED(",'expires':'2030-01-01T00:00:00Z'") "}",
          NULL,
          { "PUT " TRUST " {'enabled':true,'dateExpired':'2030-01-01T00:00:00.000Z'}" },
          "none" },
        { "an expiry that the platform rounds",
          DECLARED(",'expires':'2030-01-01T00:00:59Z'") ",'expires_step':60}",
          NULL,
          { "PUT " TRUST " {'enabled':true,'dateExpired':'2030-01-01T00:00:00.000Z'}" },
          "none" },
        { "disabling, then opening again what is present",
          DECLARED(",'absent':true") "}",
          NULL,
          { "PUT " TRUST " {'enabled':false}" },
          "none" },
        { "deleting what is absent, in time",
          DECLARED(",'absent':true") ",'delete_after':60}",
          NULL,
          { "PUT " TRUST " {'enabled':false}", "wait 60", "DELETE " TRUST },
          "none" },
        { "disabling an unlisted trust",
          "{'organizations':[{'organization':'acme','unlisted':'remove'}]}",
          NULL,
          { "PUT " TRUST " {'enabled':false}" },
          "none" },
        { "a denied user goes from an unmanaged trust",
          "{'organizations':[{'organization':'acme'}],'denied':{'users':['jane@contoso.example']}}",
          NULL,
          { "DELETE " USERS "/" JANE },
          "none" },
        { "a denied organization is disabled",
          "{'organizations':[{'organization':'acme'}],'denied':{'organizations':['contoso']},"
          "'limits':{'removals':0,'trust_removals':0}}",
          NULL,
          { "PUT " TRUST " {'enabled':false}" },
          "none" },
        { "a denied role goes",
          DECLARED("") ",'denied':{'roles':['Admin']},'limits':{'removals':0}}",
          NULL,
          { PUT_JANE GRANTS(GRANT(AGENT, "*")) },
          "none" },
        { "grants that are not managed stay",
          "{'organizations':[{'organization':'acme','trusts':[{'name':'contoso','users':[{'id':'" JANE
          "'},{'id':'" KIM "'}]}]}]}",
          NULL,
          { "POST " USERS " {'id':'" KIM "'}" },
          "none" },
        { "a grant of a role that is gone goes",
          "{'organizations':[{'organization':'acme','trusts':[{'name':'contoso','users':[{'id':'" JANE
          "','grants':[['Admin','Home']]}]}]}],'limits':{'removals':0}}",
          "[{'organization':'acme','do':'remove_role','role':'Agent'}]",
          { PUT_JANE GRANTS(GRANT(ADMIN, HOME)) },
          "none" },

        { "I1: a grant",
          DECLARED("") "}",
          NULL,
          { PUT_JANE GRANTS(GRANT(ADMIN, SALES) "," GRANT(ADMIN, HOME) "," GRANT(AGENT, "*")) },
          "I1 acme, trust contoso: user jane@contoso.example: Admin in Sales was granted, was not live" },
        { "I1: a grant in all divisions",
          DECLARED("") "}",
          NULL,
          { PUT_JANE GRANTS(GRANT(ADMIN, "*") "," GRANT(AGENT, "*")) },
          "I1 acme, trust contoso: user jane@contoso.example: Admin in all divisions was granted, was not "
          "live" },
        { "I1: a member",
          DECLARED("") "}",
          "[{'organization':'contoso','do':'add_user','user':{'id':'" NOBODY
          "','email':'max@contoso.example'}}]",
          { "POST " USERS " {'id':'" NOBODY "'}" },
          "I1 acme, trust contoso: user max@contoso.example was added, was not live and is not declared" },
        { "I1: a new member's grants",
          DECLARED("") "}",
          NULL,
          { "POST " USERS " {'id':'" KIM "','roleIds':['" AGENT "']}" },
          "I1 acme, trust contoso: user kim@contoso.example: Agent in all divisions was granted" },
        { "I1: a denied role",
          DECLARED("") ",'denied':{'roles':['" AGENT "']}}",
          NULL,
          { "POST " USERS " {'id':'" KIM "','roleDivisions':" GRANTS(GRANT(AGENT, SALES)) "}" },
          "I1 acme, trust contoso: user kim@contoso.example: Agent in Sales was granted and is denied" },
        { "I1: a denied user",
          DECLARED("") ",'denied':{'users':['" KIM "']}}",
          NULL,
          { "POST " USERS " {'id':'" KIM "','roleDivisions':" GRANTS(GRANT(AGENT, SALES)) "}" },
          "I1 acme, trust contoso: user kim@contoso.example was added and is denied" },
        { "I1: a denied organization",
          DECLARED(",'enabled':true") ",'denied':{'organizations':['" CONTOSO "']}}",
          "[{'organization':'acme','do':'set_trust','trust':'contoso','enabled':false}]",
          { "PUT " TRUST " {'enabled':true}" },
          "I1 acme, trust contoso: it was enabled and is denied" },
        { "I1: opening what others closed",
          DECLARED("") "}",
          "[{'organization':'acme','do':'set_trust','trust':'contoso','enabled':false}]",
          { "PUT " TRUST " {'enabled':true}" },
          "I1 acme, trust contoso: it was enabled, and nothing says so" },
        { "I1: opening what is absent",
          DECLARED(",'absent':true") "}",
          NULL,
          { "PUT " TRUST " {'enabled':false}", "PUT " TRUST " {'enabled':true}" },
          "I1 acme, trust contoso: it was enabled, and nothing says so" },
        { "I1: a longer life",
          DECLARED("") "}",
          "[{'organization':'acme','do':'set_trust','trust':'contoso','expires':'2030-01-01T00:00:00Z'}]",
          { "PUT " TRUST " {'enabled':true}" },
          "I1 acme, trust contoso: its expiry was moved from 2030-01-01T00:00:00Z to never, and nothing says "
          "so" },

        { "I2: a grant that was taken by others",
          DECLARED("") "}",
          "[{'organization':'acme','do':'remove_grants','trust':'contoso','user':'" JANE
          "','grants':[['Agent','*']]}]",
          { PUT_JANE GRANTS(GRANT(ADMIN, HOME) "," GRANT(AGENT, "*")) },
          "I2 acme, trust contoso: user jane@contoso.example: Agent in all divisions was granted again" },
        { "I2: a member that was removed",
          DECLARED("") "}",
          "[{'organization':'acme','do':'remove_member','trust':'contoso','user':'" JOE "'}]",
          { "POST " USERS " {'id':'" JOE "'}" },
          "I2 acme, trust contoso: user joe@contoso.example was added again and is not declared" },
        { "I2: a member that came by an edit",
          DECLARED("") "}",
          "[{'organization':'contoso','do':'add_user','user':{'id':'" NOBODY
          "','email':'max@contoso.example'}},"
          "{'organization':'acme','do':'add_member','trust':'contoso','user':{'email':'max@contoso.example'}}"
          ","
          "{'organization':'acme','do':'remove_member','trust':'contoso','user':'max@contoso.example'}]",
          { "POST " USERS " {'id':'" NOBODY "'}" },
          "I2 acme, trust contoso: user max@contoso.example was added again and is not declared" },
        { "I2: a declared grant",
          DECLARED("") "}",
          NULL,
          { PUT_JANE GRANTS(GRANT(AGENT, "*")) },
          "I2 acme, trust contoso: user jane@contoso.example: Admin in Home was taken away and is declared" },
        { "I2: a declared member",
          DECLARED("") "}",
          NULL,
          { "DELETE " USERS "/" JANE },
          "I2 acme, trust contoso: user jane@contoso.example was removed and is declared" },
        { "I2: grants that are not managed",
          "{'organizations':[{'organization':'acme','trusts':[{'name':'contoso','users':[{'id':'" JANE
          "'}]}]}]}",
          NULL,
          { "DELETE " USERS "/" JANE "/roles" },
          "I2 acme, trust contoso: user jane@contoso.example: Admin in Home was taken away, and the user's "
          "grants" },
        { "I2: users that are not managed",
          "{'organizations':[{'organization':'acme','trusts':[{'name':'contoso'}]}]}",
          NULL,
          { "DELETE " USERS "/" JOE },
          "I2 acme, trust contoso: user joe@contoso.example was removed, and the trust's users are not "
          "declared" },
        { "I2: a trust that is not declared",
          "{'organizations':[{'organization':'acme'}]}",
          NULL,
          { "PUT " TRUST " {'enabled':false}" },
          "I2 acme, trust contoso: it was disabled, and nothing says so" },
        { "I2: a trust that stays",
          DECLARED("") "}",
          NULL,
          { "DELETE " TRUST },
          "I2 acme, trust contoso: it was deleted and is not declared absent" },
        { "I2: a shorter life",
          DECLARED("") "}",
          NULL,
          { "PUT " TRUST " {'enabled':true,'dateExpired':'2030-01-01T00:00:00Z'}" },
          "I2 acme, trust contoso: its expiry was moved from never to 2030-01-01T00:00:00Z, and nothing says "
          "so" },

        { "I3: a protected user",
          DECLARED("") ",'protected':{'users':['joe@contoso.example']}}",
          NULL,
          { "DELETE " USERS "/" JOE },
          "I3 acme, trust contoso: user joe@contoso.example was removed and is protected" },
        { "I3: a protected user's grant",
          DECLARED("") ",'protected':{'users':['" JANE "']}}",
          NULL,
          { PUT_JANE GRANTS(GRANT(ADMIN, HOME)) },
          "I3 acme, trust contoso: user jane@contoso.example: Agent in all divisions was taken away, and the "
          "user is" },
        { "I3: a protected user's trust",
          DECLARED(",'enabled':false") ",'protected':{'users':['" JOE "']}}",
          NULL,
          { "PUT " TRUST " {'enabled':false}" },
          "I3 acme, trust contoso: it was disabled and is protected" },
        { "I3: a protected organization",
          DECLARED(",'absent':true") ",'protected':{'organizations':['" CONTOSO "']}}",
          NULL,
          { "DELETE " TRUST },
          "I3 acme, trust contoso: it was deleted and is protected" },
        { "I3: its members",
          DECLARED("") ",'protected':{'organizations':['contoso']}}",
          NULL,
          { "DELETE " USERS "/" JOE },
          "I3 acme, trust contoso: user joe@contoso.example was removed and is protected" },
        { "I3: its life",
          DECLARED(",'expires':'2030-01-01T00:00:00Z'") ",'protected':{'organizations':['contoso']}}",
          NULL,
          { "PUT " TRUST " {'enabled':true,'dateExpired':'2030-01-01T00:00:00Z'}" },
          "I3 acme, trust contoso: its expiry was moved from never to 2030-01-01T00:00:00Z, and it is "
          "protected" },

        { "I4: removals",
          DECLARED("") ",'limits':{'removals':1}}",
          NULL,
          { "DELETE " USERS "/" JOE, PUT_JANE GRANTS(GRANT(ADMIN, HOME)) },
          "I4 acme, trust contoso: this is removal 2, at most 1 are allowed" },
        { "I4: trusts",
          DECLARED(",'absent':true") ",'limits':{'trust_removals':1}}",
          NULL,
          { "PUT " TRUST " {'enabled':false}", "DELETE " TRUST },
          "I4 acme, trust contoso: this is trust removal 2, at most 1 are allowed" },
        { "I4: an end in the past",
          DECLARED(",'expires':'2020-01-01T00:00:00Z'") ",'limits':{'trust_removals':0}}",
          NULL,
          { "PUT " TRUST " {'enabled':true,'dateExpired':'2020-01-01T00:00:00Z'}" },
          "I4 acme, trust contoso: this is trust removal 1, at most 0 are allowed" },
        { "I4: a deletion too early",
          DECLARED(",'absent':true") ",'delete_after':61}",
          NULL,
          { "PUT " TRUST " {'enabled':false}", "wait 60", "DELETE " TRUST },
          "I4 acme, trust contoso: it was deleted 60 s after it was disabled, 61 s are asked for" },
        { "I4: a deletion without disabling",
          DECLARED(",'absent':true") ",'delete_after':61}",
          NULL,
          { "DELETE " TRUST },
          "I4 acme, trust contoso: it was deleted 0 s after it was disabled, 61 s are asked for" },

        { "I5: the wrong organization",
          "{'organizations':[{'organization':'contoso'}]}",
          NULL,
          { "DELETE " USERS "/" JOE },
          "I5 acme, trust contoso: the organization was written to and is not declared" },
};

static void set_invariants(struct setup *s, const char *invariants)
{
        TS_CLEANUP(ts_freep) char *text = quoted(invariants);
        struct ts_err err = { 0 };

        ck_assert_msg(ts_simulator_set_invariants(s->sim, text, strlen(text), &err) == 0, "%s", err.msg);
}

/* "PUT /path {...}", or "wait 60". */
static void run_request(struct setup *s, const char *request)
{
        char method[8], target[256];
        size_t n = strcspn(request, " "), len = strcspn(request + n + 1, " ");
        const char *body = request[n + 1 + len] ? request + n + 1 + len + 1 : NULL;

        (void) snprintf(method, sizeof(method), "%.*s", (int) n, request);
        (void) snprintf(target, sizeof(target), "%.*s", (int) len, request + n + 1);
        if (strcmp(method, "wait") == 0)
                ts_simulator_advance(s->sim, strtoull(target, NULL, 10));
        else
                ck_assert_msg(ask(s, method, target, body) < 300, "%s: %s", request, answer_text(s));
}

START_TEST(test_invariants)
{
        const char *expected = invariant_cases[_i].violation;
        struct setup s;
        const char *found;

        start_logged_in(&s);
        set_invariants(&s, invariant_cases[_i].invariants);
        if (invariant_cases[_i].edits)
                edit(&s, invariant_cases[_i].edits);
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        for (size_t i = 0; i < TS_N_ELEMENTS(invariant_cases[_i].requests); i++)
                if (invariant_cases[_i].requests[i])
                        run_request(&s, invariant_cases[_i].requests[i]);
        found = first_violation(&s);
        if (strcmp(expected, "none") == 0)
                ck_assert_msg(strcmp(found, "none") == 0, "%s: %s", invariant_cases[_i].name, found);
        else
                ck_assert_msg(strstr(found, expected), "%s: wanted '%s' in '%s'", invariant_cases[_i].name,
                              expected, found);
        stop(&s);
}
END_TEST

/* Every rule stands in the table with a violation of it. */
START_TEST(test_every_rule_is_violated_once)
{
        static const char *const rules[] = { "I1 ", "I2 ", "I3 ", "I4 ", "I5 " };

        for (size_t r = 0; r < TS_N_ELEMENTS(rules); r++) {
                size_t n = 0;

                for (size_t i = 0; i < TS_N_ELEMENTS(invariant_cases); i++)
                        n += strncmp(invariant_cases[i].violation, rules[r], 3) == 0;
                ck_assert_msg(n > 0, "no case violates %s", rules[r]);
        }
}
END_TEST

START_TEST(test_a_trust_is_opened_by_who_closed_it)
{
        struct setup s;

        start_logged_in(&s);
        set_invariants(&s, DECLARED(",'absent':true") "}");
        run_request(&s, "PUT " TRUST " {'enabled':false}");
        set_invariants(&s, DECLARED("") "}");
        run_request(&s, "PUT " TRUST " {'enabled':true}");
        ck_assert_str_eq(first_violation(&s), "none");
        stop(&s);
}
END_TEST

START_TEST(test_without_invariants_nothing_is_checked)
{
        struct setup s;

        start_logged_in(&s);
        run_request(&s, "DELETE " TRUST);
        ck_assert_str_eq(first_violation(&s), "none");
        stop(&s);
}
END_TEST

static const struct {
        const char *invariants, *error;
} bad_invariant_cases[] = {
        { "{'organizations':[{'organization':'nowhere'}]}", "no such organization: 'nowhere'" },
        { "{'organizations':[{'organization':'acme','trusts':[{'name':'nobody'}]}]}",
          "organization 'acme': no such trustee organization: 'nobody'" },
        { "{'organizations':[{'organization':'acme','trusts':[{'name':'contoso'},{'id':'" CONTOSO "'}]}]}",
          "there twice: '" CONTOSO "'" },
        { "{'organizations':[{'organization':'acme','trusts':[{'name':'contoso','users':[{}]}]}]}",
          "a member needs an id, an email or a name" },
        { "{'organizations':[{'organization':'acme','trusts':[{'name':'contoso','users':[{'email':'x',"
          "'grants':[['Nothing','*']]}]}]}]}",
          "no such role: 'Nothing'" },
        { "{'organizations':[{'organization':'acme','trusts':[{'name':'contoso','expires':'x'}]}]}",
          "not a time: 'x'" },
        { "nothing", "no valid JSON" },
};

START_TEST(test_bad_invariants)
{
        TS_CLEANUP(ts_freep) char *text = quoted(bad_invariant_cases[_i].invariants);
        struct ts_err err = { 0 };
        struct setup s;

        start(&s);
        ck_assert_int_lt(ts_simulator_set_invariants(s.sim, text, strlen(text), &err), 0);
        ck_assert_msg(strstr(err.msg, bad_invariant_cases[_i].error), "wanted '%s' in '%s'",
                      bad_invariant_cases[_i].error, err.msg);
        stop(&s);
}
END_TEST

/* -------------------------------------------------------------------------------------------- other hands */

#define EDIT(what) "{'organization':'acme','do':" what "}"
#define EDIT_TRUST(what) EDIT(what ",'trust':'contoso'")

static const struct {
        const char *name, *edit, *state; /* what the state has then */
} edit_cases[] = {
        { "add_member",
          EDIT_TRUST("'add_member','user':{'email':'kim@contoso.example','grants':[['Agent','Sales']]}"),
          "'" KIM "','email':'kim@contoso.example','state':'active','grants':[['Agent','Sales']]}" },
        { "add_member who is new",
          EDIT_TRUST("'add_member','user':{'id':'" NOBODY "','email':'x@contoso.example'}"),
          "'" NOBODY "','email':'x@contoso.example','state':'active','grants':[]}" },
        { "remove_member", EDIT_TRUST("'remove_member','user':'" JANE "'"),
          "'enabled':true,'users':[{'id':'" JOE "'" },
        { "set_grants", EDIT_TRUST("'set_grants','user':'Joe@contoso.example','grants':[['Admin','*']]"),
          "'joe@contoso.example','state':'active','grants':[['Admin','*']]" },
        { "add_grants",
          EDIT_TRUST("'add_grants','user':'" JANE "','grants':[['Agent','Home'],['Agent','*']]"),
          "'grants':[['Admin','Home'],['Agent','Home'],['Agent','*']]" },
        { "remove_grants",
          EDIT_TRUST("'remove_grants','user':'" JANE "','grants':[['Agent','*'],['Agent','Home']]"),
          "'state':'active','grants':[['Admin','Home']]}" },
        { "set_trust", EDIT_TRUST("'set_trust','enabled':false,'expires':'2033-01-01T00:00:00Z'"),
          "'name':'contoso','enabled':false,'expires':'2033-01-01T00:00:00Z'" },
        { "set_trust, by id and without an end",
          EDIT("'set_trust','trust':'" FABRIKAM "','enabled':true,'expires':'never'"),
          "'name':'fabrikam','enabled':true,'users'" },
        { "add_trust",
          EDIT("'add_trust','trust':{'id':'" NOBODY "','name':'new','users':[{'email':'n@new.example'}]}"),
          "'trustees':[{'id':'20000000-0000-4000-8000-000000000002'" },
        { "remove_trust", EDIT_TRUST("'remove_trust'"), "'trustees':[{'id':'" FABRIKAM "'" },
        { "add_role", EDIT("'add_role','role':{'id':'" NOBODY "','name':'Sixth'}"),
          "{'id':'" NOBODY "','name':'Sixth'}" },
        { "remove_role", EDIT("'remove_role','role':'Admin'"), "'roles':[{'id':'" AGENT "','name':'Agent'}" },
        { "rename_role", EDIT("'rename_role','role':'Admin','to':'Boss'"),
          "'grants':[['Boss','Home'],['Agent','*']]" },
        { "a role that comes back",
          "[" EDIT("'remove_role','role':'Admin'") "," EDIT("'add_role','role':{'id':'" ADMIN
                                                            "','name':'Chief'}") "]",
          "'grants':[['Chief','Home'],['Agent','*']]" },
        { "add_user", EDIT("'add_user','user':{'id':'" NOBODY "','email':'z@acme.example'}"),
          "'email':'z@acme.example'" },
        { "set_user",
          "{'organization':'contoso','do':'set_user','user':'jane@contoso.example','state':'inactive',"
          "'email':'jane.doe@contoso.example'}",
          "'email':'jane.doe@contoso.example','state':'inactive','grants'" },
};

START_TEST(test_edits)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf state;
        struct setup s;

        start_logged_in(&s);
        set_invariants(&s, "{'organizations':[]}");
        ck_assert_msg(!state_has(&s, edit_cases[_i].state) || strcmp(edit_cases[_i].name, "add_trust") == 0,
                      "%s: so it was before", edit_cases[_i].name);
        edit(&s, edit_cases[_i].edit);
        get_state(&s, &state);
        ck_assert_msg(state_has(&s, edit_cases[_i].state), "%s: wanted %s in\n%s", edit_cases[_i].name,
                      edit_cases[_i].state, ts_buf_text(&state));
        ck_assert_msg(ts_simulator_n_violations(s.sim) == 0, "an edit is no violation");
        stop(&s);
}
END_TEST

static const struct {
        const char *edit, *error;
} bad_edit_cases[] = {
        { "{}", "no such organization: ''" },
        { EDIT("'explode'"), "nothing is done by: 'explode'" },
        { EDIT("'set_trust','trust':'nobody'"), "no such trust: 'nobody'" },
        { EDIT("'set_trust'"), "no such trust: ''" },
        { EDIT_TRUST("'set_trust','expires':'x'"), "not a time: 'x'" },
        { EDIT_TRUST("'add_member'"), "add_member: must be an object: 'user'" },
        { EDIT_TRUST("'add_member','user':{'id':'" JANE "'}"), "a member already" },
        { EDIT_TRUST("'add_member','user':{'id':'" KIM "','grants':[['x','*']]}"), "no such role: 'x'" },
        { EDIT_TRUST("'remove_member','user':'nobody'"), "no such member: 'nobody'" },
        { EDIT_TRUST("'set_grants','user':'" JANE "','grants':[['Admin','x']]"), "no such division: 'x'" },
        { EDIT("'add_trust'"), "add_trust: must be an object: 'trust'" },
        { EDIT("'add_trust','trust':{}"), "neither id nor name" },
        { EDIT("'add_role'"), "add_role: is missing: 'role'" },
        { EDIT("'add_role','role':'Third'"), "there twice: 'Third'" },
        { EDIT("'remove_role','role':'x'"), "no such role: 'x'" },
        { EDIT("'rename_role','role':'Admin'"), "rename_role: is missing: 'to'" },
        { EDIT("'add_user'"), "add_user: must be an object: 'user'" },
        { EDIT("'set_user','user':'jane@contoso.example'"), "no such user of the organization" },
        { EDIT("'set_user','user':'ann@acme.example','state':'x'"), "no such user state: 'x'" },
        { "[", "no valid JSON" },
};

START_TEST(test_bad_edits)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf before, after;
        struct ts_err err = { 0 };
        struct setup s;

        start_logged_in(&s);
        get_state(&s, &before);
        ck_assert_int_lt(try_edit(&s, bad_edit_cases[_i].edit, &err), 0);
        ck_assert_msg(strstr(err.msg, bad_edit_cases[_i].error), "wanted '%s' in '%s'",
                      bad_edit_cases[_i].error, err.msg);
        get_state(&s, &after);
        ck_assert_str_eq(ts_buf_text(&before), ts_buf_text(&after));
        stop(&s);
}
END_TEST

/* What an edit brings is dated now, as in the admin screen. */
START_TEST(test_edits_are_dated)
{
        struct setup s;

        start_logged_in(&s);
        edit(&s, EDIT("'add_trust','trust':{'id':'" NOBODY "','name':'new'}"));
        ck_assert_int_eq(ask(&s, "GET", TRUSTEES "/" NOBODY, NULL), 200);
        ck_assert(answer_has(&s, "'dateCreated':'2027-01-15T08:01:40.000Z'"));
        edit(&s, EDIT_TRUST("'add_member','user':{'id':'" KIM "'}"));
        ck_assert_int_eq(ask(&s, "GET", USERS "/" KIM, NULL), 200);
        ck_assert(answer_has(&s, "'dateCreated':'2027-01-15T08:01:40.000Z'"));
        stop(&s);
}
END_TEST

START_TEST(test_reset)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf before, after;
        struct setup s;

        start_logged_in(&s);
        get_state(&s, &before);
        for (size_t i = 0; i < TS_N_ELEMENTS(edit_cases); i++) {
                struct ts_err err = { 0 };

                (void) try_edit(&s, edit_cases[i].edit, &err); /* some refer to what others took away */
        }
        ck_assert_int_eq(ask(&s, "DELETE", TRUSTEES "/", NULL), 400);
        set_faults(&s, "[{'match':{'path':'/api/*'},'nth':1,'status':503}]");
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 503);
        ck_assert_int_eq(ask(&s, "GET", ME, NULL), 200);
        ts_simulator_advance(s.sim, 1000);
        ts_simulator_reset(s.sim);
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        ck_assert_uint_eq(ts_simulator_n_requests(s.sim), 0);
        ck_assert_uint_eq(ts_simulator_log(s.sim)->len, 0);
        ck_assert_msg(ask(&s, "GET", ME, NULL) == 503, "faults are counted anew");
        ck_assert_msg(ask(&s, "GET", ME, NULL) == 401, "tokens are forgotten");
        log_in_with(&s, BASIC_CLIENT);
        ck_assert_int_eq(ask(&s, "GET", ROLES "?pageSize=100", NULL), 200);
        ck_assert(answer_has(&s, "'total':5,"));
        get_state(&s, &after);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&after), "\"name\":\"Admin\""));
        ck_assert_msg(!state_has(&s, "Boss") && !state_has(&s, "jane.doe"), "%s", ts_buf_text(&after));
        ck_assert_int_eq(ask(&s, "GET", USERS "/" JANE "/roles", NULL), 200);
        ck_assert(answer_has(&s, "'" ADMIN "','name':'Admin'"));
        stop(&s);
}
END_TEST

static const struct {
        const char *method, *target, *body;
        int status;
        const char *answer;
} control_cases[] = {
        { "GET", "/__sim/requests", NULL, 200, "{'requests':1}" },
        { "GET", "/__sim/violations", NULL, 200, "{'violations':[]}" },
        { "GET", "/__sim/state", NULL, 200, "{'organizations':[{'id':'" ACME "'" },
        { "GET", "/__sim/log", NULL, 200,
          "'path':'/oauth/token','status':200,'writes':false,'effect':false}\n" },
        { "POST", "/__sim/faults", "[{'status':500}]", 200, "done" },
        { "POST", "/__sim/faults", "[{'explode':true}]", 400, "there is no fault 'explode'" },
        { "POST", "/__sim/invariants", "{}", 200, "done" },
        { "POST", "/__sim/invariants", "{", 400, "no valid JSON" },
        { "POST", "/__sim/edit", EDIT_TRUST("'remove_trust'"), 200, "{'message':'done','requests':1}" },
        { "POST", "/__sim/edit", EDIT("'explode'"), 400, "nothing is done by" },
        { "POST", "/__sim/time", "{'advance':5}", 200, "done" },
        { "POST", "/__sim/time", "{'advance':-5}", 400, "time only goes forward" },
        { "POST", "/__sim/time", "5", 400, "time only goes forward" },
        { "POST", "/__sim/time", "", 400, "no valid JSON" },
        { "POST", "/__sim/reset", NULL, 200, "done" },
        { "GET", "/__sim/faults", NULL, 404, "no such control" },
        { "POST", "/__sim/", NULL, 404, "no such control" },
};

START_TEST(test_control)
{
        struct setup s;
        int status;

        start_logged_in(&s);
        status = ask_as(&s, NULL, NULL, control_cases[_i].method, control_cases[_i].target,
                        control_cases[_i].body);
        ck_assert_msg(status == control_cases[_i].status, "%s: %d", control_cases[_i].target, status);
        ck_assert_msg(strstr(answer_text(&s), control_cases[_i].answer) ||
                                      answer_has(&s, control_cases[_i].answer),
                      "%s: %s", control_cases[_i].target, answer_text(&s));
        ck_assert_msg(ts_simulator_n_requests(s.sim) <= 1, "controls do not count");
        stop(&s);
}
END_TEST

/* ------------------------------------------------------------------------------------------------ the log */

struct heard {
        struct ts_buf log;
        size_t n_violations;
};

static void heard_on_log(const char *line, size_t len, void *userdata)
{
        struct heard *h = userdata;

        ts_buf_put(&h->log, line, len);
}

static void heard_on_violation(const char *text, void *userdata)
{
        struct heard *h = userdata;

        ck_assert_ptr_nonnull(strstr(text, "request 3: "));
        h->n_violations++;
}

START_TEST(test_log)
{
        struct heard heard = { .log = TS_BUF_INIT(65536) };
        const struct ts_sim_listener listener = { heard_on_log, heard_on_violation, &heard };
        const char *last;
        struct setup s;

        start(&s);
        ts_simulator_set_listener(s.sim, &listener);
        log_in_with(&s, BASIC_CLIENT);
        (void) ask(&s, "GET", ROLES "?pageSize=1", NULL);
        (void) ask(&s, "PUT", TRUST, "{'enabled':");
        ck_assert_str_eq(ts_buf_text(ts_simulator_log(s.sim)), ts_buf_text(&heard.log));
        ck_assert_uint_eq(heard.n_violations, 1);
        ck_assert_msg(!strstr(ts_buf_text(&heard.log), "pass:word") &&
                                      !strstr(ts_buf_text(&heard.log), "grant_type"),
                      "no secrets in %s", ts_buf_text(&heard.log));
        ck_assert_ptr_nonnull(strstr(
                        ts_buf_text(&heard.log),
                        "\"organization\":\"acme\",\"client\":\"client\",\"method\":\"GET\",\"path\":\"" ROLES
                        "\",\"query\":\"pageSize=1\",\"status\":200,\"writes\":false,\"effect\":false}\n"));
        ck_assert_ptr_nonnull(
                        strstr(ts_buf_text(&heard.log), "\"body\":\"{\\\"enabled\\\":\",\"status\":400,"));
        (void) ask(&s, "PUT", TRUST, "{'enabled':false}");
        last = strstr(ts_buf_text(&heard.log), "{\"n\":4,");
        ck_assert_ptr_nonnull(last);
        ck_assert_ptr_nonnull(strstr(
                        last,
                        "\"body\":{\"enabled\":false},\"status\":200,\"writes\":true,\"effect\":true}"));

        ts_buf_reset(&heard.log);
        ts_simulator_keep_log(s.sim, false);
        (void) ask(&s, "GET", ME, NULL);
        ck_assert_uint_gt(heard.log.len, 0);
        ck_assert_ptr_null(strstr(ts_buf_text(ts_simulator_log(s.sim)), ME));
        ts_buf_done(&heard.log);
        stop(&s);
}
END_TEST

static void run_script(struct setup *s, uint64_t seed, struct ts_buf *out)
{
        start_seeded(s, "", "", seed);
        log_in_with(s, BASIC_CLIENT);
        (void) ask(s, "PUT", TRUST, "{'enabled':false}");
        ts_buf_printf(out, "%s %s %s", s->authorization, s->answer.correlation.s, answer_text(s));
        (void) ask(s, "DELETE", USERS "/" JANE, NULL);
        (void) ask(s, "GET", "/api/v2/nothing", NULL);
        ts_buf_puts(out, ts_buf_text(ts_simulator_log(s->sim)));
        ts_simulator_state(s->sim, out);
        stop(s);
}

START_TEST(test_determinism)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf a = TS_BUF_INIT(1u << 20), b = TS_BUF_INIT(1u << 20);
        TS_CLEANUP(ts_buf_done) struct ts_buf c = TS_BUF_INIT(1u << 20);
        struct setup s;

        run_script(&s, 7, &a);
        run_script(&s, 7, &b);
        run_script(&s, 8, &c);
        ck_assert_str_eq(ts_buf_text(&a), ts_buf_text(&b));
        ck_assert_str_ne(ts_buf_text(&a), ts_buf_text(&c));
}
END_TEST

/* ------------------------------------------------------------------------------------------ the transport */

#define HOST "https://api.example.invalid"
#define MSEC TS_USEC_PER_MSEC

struct wired {
        struct setup s;
        struct ts_sim_network *net;
        struct ts_transport *t;
        /* what the hooks do */
        size_t act_at; /* 0: never */
        enum ts_sim_action action;
        uint64_t answer_delay_usec;
        const char *edit_before, *edit_after;
        size_t n_before, n_after;
        size_t transport_of_last;
};

static void wired_on_before(struct ts_sim_exchange *x, void *userdata)
{
        struct wired *w = userdata;

        w->n_before++;
        w->transport_of_last = x->transport;
        ck_assert_ptr_null(x->response);
        if (x->n != w->act_at)
                return;
        x->action = w->action;
        x->answer_delay_usec = w->answer_delay_usec;
        if (w->edit_before)
                edit(&w->s, w->edit_before);
}

static void wired_on_after(struct ts_sim_exchange *x, void *userdata)
{
        struct wired *w = userdata;

        w->n_after++;
        ck_assert_ptr_nonnull(x->response);
        if (x->n == w->act_at && w->edit_after)
                edit(&w->s, w->edit_after);
}

static void wire_up(struct wired *w, uint64_t latency_usec, uint64_t jitter_usec)
{
        *w = (struct wired){ 0 };
        start_logged_in(&w->s);
        w->net = ts_sim_network_new(&(const struct ts_sim_network_options){
                        .sim = w->s.sim,
                        .clock = &w->s.time,
                        .latency_usec = latency_usec,
                        .jitter_usec = jitter_usec,
                        .on_before = wired_on_before,
                        .on_after = wired_on_after,
                        .userdata = w,
        });
        w->t = ts_transport_sim_new(w->net);
}

static void unwire(struct wired *w)
{
        w->t->free(w->t);
        ts_sim_network_free(w->net);
        stop(&w->s);
}

struct result {
        const struct wired *w;
        bool done;
        struct ts_answer answer;
        uint64_t at_usec;
        unsigned order; /* 1, 2, ... */
};

static unsigned n_results;

static void result_on_done(struct ts_answer *answer, void *userdata)
{
        struct result *r = userdata;

        ck_assert_msg(!r->done, "on_done comes once");
        r->done = true;
        r->answer = *answer;
        r->answer.body = (struct ts_buf){ 0 };
        r->at_usec = r->w->s.time.boottime_usec;
        r->order = ++n_results;
}

static void start_request(struct wired *w, struct ts_transport *t, enum ts_method method, const char *url,
                          const char *body, struct result *r)
{
        const struct ts_request req = {
                .method = method,
                .url = url,
                .authorization = w->s.authorization,
                .content_type = body ? "application/json" : NULL,
                .body = body,
                .body_len = body ? strlen(body) : 0,
                .timeout_usec = 30 * TS_USEC_PER_SEC,
        };

        *r = (struct result){ .w = w };
        t->start(t, &req, result_on_done, r);
        ck_assert_msg(!r->done, "never from inside start()");
}

static int pump(struct ts_transport *t, uint64_t deadline)
{
        struct ts_err err = { 0 };

        return t->pump(t, deadline, &err);
}

#define DISABLE "{\"enabled\":false}"

static const struct {
        const char *name, *fault;
        enum ts_sim_action action;
        int r;
        enum ts_effect effect;
        bool is_fatal;
        long status;
        bool had_effect; /* in truth */
        uint64_t msec;   /* until it is known */
} exchange_cases[] = {
        { "answered", "[]", TS_SIM_PASS, 0, TS_EFFECT_ANSWERED, false, 200, true, 20 },
        { "refused by the network", "[]", TS_SIM_REFUSE, -ECONNREFUSED, TS_EFFECT_NONE, false, 0, false, 20 },
        { "refused for its certificate", "[]", TS_SIM_REFUSE_TLS, -EPROTO, TS_EFFECT_NONE, true, 0, false,
          20 },
        { "lost on its way there", "[]", TS_SIM_LOSE_BEFORE, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0, false,
          20 },
        { "lost on its way back", "[]", TS_SIM_LOSE_AFTER, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0, true,
          20 },
        { "reset before", "[{'reset_before':true}]", TS_SIM_PASS, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0,
          false, 20 },
        { "reset after", "[{'reset_after':true}]", TS_SIM_PASS, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0,
          true, 20 },
        { "closed", "[{'close':true}]", TS_SIM_PASS, -ECONNRESET, TS_EFFECT_POSSIBLE, false, 0, false, 20 },
        { "cut", "[{'truncate':10}]", TS_SIM_PASS, -EIO, TS_EFFECT_POSSIBLE, false, 0, true, 20 },
        { "hanging", "[{'hang':true}]", TS_SIM_PASS, -ETIMEDOUT, TS_EFFECT_POSSIBLE, false, 0, false, 30000 },
        { "hanging with effect", "[{'hang':true,'effect':true}]", TS_SIM_PASS, -ETIMEDOUT, TS_EFFECT_POSSIBLE,
          false, 0, true, 30000 },
        { "slow", "[{'delay_ms':29980}]", TS_SIM_PASS, 0, TS_EFFECT_ANSWERED, false, 200, true, 30000 },
        { "too slow", "[{'delay_ms':29981}]", TS_SIM_PASS, -ETIMEDOUT, TS_EFFECT_POSSIBLE, false, 0, true,
          30000 },
        { "dripping", "[{'body':'1234567890','drip_ms':100}]", TS_SIM_PASS, 0, TS_EFFECT_ANSWERED, false, 200,
          true, 1020 },
        { "dripping on and on", "[{'drip_ms':100}]", TS_SIM_PASS, -ETIMEDOUT, TS_EFFECT_POSSIBLE, false, 0,
          true, 30000 },
        { "too large", "[{'huge_body':8388609}]", TS_SIM_PASS, -EFBIG, TS_EFFECT_POSSIBLE, true, 0, true,
          20 },
        { "large", "[{'huge_body':8388608}]", TS_SIM_PASS, 0, TS_EFFECT_ANSWERED, false, 200, true, 20 },
        { "a server error", "[{'status':503}]", TS_SIM_PASS, 0, TS_EFFECT_ANSWERED, false, 503, false, 20 },
};

START_TEST(test_exchanges)
{
        struct result r;
        uint64_t started;
        struct wired w;

        wire_up(&w, 20 * MSEC, 0);
        set_faults(&w.s, exchange_cases[_i].fault);
        w.act_at = 1;
        w.action = exchange_cases[_i].action;
        started = w.s.time.boottime_usec;
        start_request(&w, w.t, TS_PUT, HOST TRUST, DISABLE, &r);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
        ck_assert_msg(r.done, "%s", exchange_cases[_i].name);
        ck_assert_msg(r.answer.r == exchange_cases[_i].r, "%s: %d", exchange_cases[_i].name, r.answer.r);
        ck_assert_int_eq(r.answer.effect, exchange_cases[_i].effect);
        ck_assert_int_eq(r.answer.is_fatal, exchange_cases[_i].is_fatal);
        ck_assert_int_eq(r.answer.status, exchange_cases[_i].status);
        ck_assert_int_eq(state_has(&w.s, "'name':'contoso','enabled':false"), exchange_cases[_i].had_effect);
        ck_assert_uint_eq(r.at_usec - started, exchange_cases[_i].msec * MSEC);
        ck_assert_msg((r.answer.r < 0) == (r.answer.error[0] != '\0'), "what is wrong is said");
        ck_assert_uint_eq(ts_sim_network_n_requests(w.net), 1);
        unwire(&w);
}
END_TEST

static const struct {
        const char *header;
        int64_t seconds;
} retry_after_cases[] = {
        { "5", 5 },
        { "0", 0 },
        { "-5", -1 },
        { "1e3", -1 },
        { "soon", -1 },
        { "99999999999999999999", -1 },
        { "Wed, 21 Oct 2099 07:28:00 GMT", -1 },
};

START_TEST(test_answer_headers)
{
        struct result r;
        char script[128];
        struct wired w;

        wire_up(&w, 0, 0);
        (void) snprintf(script, sizeof(script), "[{'status':429,'retry_after':'%s'}]",
                        retry_after_cases[_i].header);
        set_faults(&w.s, script);
        start_request(&w, w.t, TS_GET, HOST ME, NULL, &r);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
        ck_assert_int_eq(r.answer.status, 429);
        ck_assert_int_eq(r.answer.retry_after_sec, retry_after_cases[_i].seconds);
        ck_assert_int_eq(r.answer.date, STARTED + 100);
        ck_assert_uint_eq(strlen(r.answer.correlation), TS_ID_TEXT_LEN);
        unwire(&w);
}
END_TEST

START_TEST(test_pump_deadlines)
{
        uint64_t started;
        struct result r;
        struct wired w;

        wire_up(&w, 20 * MSEC, 0);
        started = w.s.time.boottime_usec;
        ck_assert_int_eq(pump(w.t, started + 7), 0);
        ck_assert_uint_eq(w.s.time.boottime_usec, started + 7);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), -EDEADLK);
        start_request(&w, w.t, TS_GET, HOST ME, NULL, &r);
        ck_assert_int_eq(pump(w.t, started + 7 + 19 * MSEC), 0);
        ck_assert_msg(!r.done && w.n_after == 1, "it has arrived, its answer has not");
        ck_assert_int_eq(pump(w.t, started + 7 + 20 * MSEC), 0);
        ck_assert(r.done);
        ck_assert_int_eq(pump(w.t, started), 0);
        ck_assert_msg(w.s.time.boottime_usec == started + 7 + 20 * MSEC, "time does not go back");
        unwire(&w);
}
END_TEST

START_TEST(test_answers_overtake_each_other)
{
        struct result r[8];
        bool in_order = true;
        struct wired w;

        wire_up(&w, 10 * MSEC, 50 * MSEC);
        n_results = 0;
        for (size_t i = 0; i < TS_N_ELEMENTS(r); i++)
                start_request(&w, w.t, TS_GET, HOST ME, NULL, &r[i]);
        for (size_t i = 0; i < TS_N_ELEMENTS(r); i++)
                ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
        for (size_t i = 0; i < TS_N_ELEMENTS(r); i++) {
                ck_assert(r[i].done);
                in_order = in_order && r[i].order == i + 1;
        }
        ck_assert_msg(!in_order, "eight answers with jitter came in order");
        unwire(&w);
}
END_TEST

START_TEST(test_without_jitter_answers_keep_their_order)
{
        struct result r[20];
        struct wired w;

        wire_up(&w, 10 * MSEC, 0);
        n_results = 0;
        for (size_t i = 0; i < TS_N_ELEMENTS(r); i++)
                start_request(&w, w.t, TS_GET, HOST ME, NULL, &r[i]);
        for (size_t i = 0; i < TS_N_ELEMENTS(r); i++) {
                ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
                ck_assert_msg(r[i].done && r[i].order == i + 1, "one answer a pump");
        }
        unwire(&w);
}
END_TEST

START_TEST(test_hooks_edit_between_requests)
{
        struct result r;
        struct wired w;

        wire_up(&w, 10 * MSEC, 0);
        w.act_at = 1;
        w.answer_delay_usec = 5 * MSEC;
        w.edit_before = EDIT_TRUST("'remove_member','user':'" JANE "'");
        w.edit_after = EDIT_TRUST("'add_member','user':{'id':'" JANE "'}");
        start_request(&w, w.t, TS_GET, HOST USERS "/" JANE, NULL, &r);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
        ck_assert_int_eq(r.answer.status, 404);
        ck_assert_uint_eq(r.at_usec, 100 * TS_USEC_PER_SEC + 15 * MSEC);
        start_request(&w, w.t, TS_GET, HOST USERS "/" JANE, NULL, &r);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
        ck_assert_int_eq(r.answer.status, 200);
        unwire(&w);
}
END_TEST

START_TEST(test_kill)
{
        bool with_effect = _i == 1;
        struct result first, second, third;
        struct wired w;

        wire_up(&w, 10 * MSEC, 0);
        w.act_at = 2;
        w.action = with_effect ? TS_SIM_KILL_AFTER : TS_SIM_KILL_BEFORE;
        start_request(&w, w.t, TS_GET, HOST ME, NULL, &first);
        start_request(&w, w.t, TS_PUT, HOST TRUST, DISABLE, &second);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), -ESHUTDOWN);
        ck_assert(ts_transport_sim_is_killed(w.t));
        ck_assert_msg(!first.done && !second.done, "the dead hear of nothing");
        ck_assert_int_eq(state_has(&w.s, "'name':'contoso','enabled':false"), with_effect);
        start_request(&w, w.t, TS_DELETE, HOST TRUST, NULL, &third);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), -ESHUTDOWN);
        ck_assert_int_eq(pump(w.t, 1), -ESHUTDOWN);
        ck_assert_uint_eq(ts_sim_network_n_requests(w.net), 2);
        w.t->free(w.t);

        /* The next process finds what was left. */
        w.t = ts_transport_sim_new(w.net);
        start_request(&w, w.t, TS_GET, HOST TRUST, NULL, &third);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
        ck_assert_int_eq(third.answer.status, 200);
        ck_assert_uint_eq(w.transport_of_last, 1);
        unwire(&w);
}
END_TEST

START_TEST(test_cancel)
{
        struct result r;
        struct wired w;

        wire_up(&w, 10 * MSEC, 0);
        start_request(&w, w.t, TS_PUT, HOST TRUST, DISABLE, &r);
        w.t->cancel_all(w.t);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), -EDEADLK);
        ck_assert(!r.done && w.n_before == 0);
        start_request(&w, w.t, TS_GET, HOST ME, NULL, &r);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
        ck_assert(r.done);
        unwire(&w);
}
END_TEST

/* Two daemons: who pumps sees the other's requests arrive in the order of time, and leaves it its answers. */
START_TEST(test_two_transports)
{
        struct ts_transport *other;
        struct result ours, theirs;
        struct wired w;

        wire_up(&w, 10 * MSEC, 0);
        other = ts_transport_sim_new(w.net);
        start_request(&w, other, TS_PUT, HOST TRUST, DISABLE, &theirs);
        start_request(&w, w.t, TS_GET, HOST TRUST, NULL, &ours);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
        ck_assert(ours.done && !theirs.done);
        ck_assert_uint_eq(w.n_after, 2);
        ck_assert_msg(state_has(&w.s, "'name':'contoso','enabled':false"), "theirs was first");
        ts_transport_sim_kill(w.t);
        ck_assert_int_eq(pump(w.t, UINT64_MAX), -ESHUTDOWN);
        ck_assert_int_eq(pump(other, UINT64_MAX), 0);
        ck_assert(theirs.done);
        ck_assert_int_eq(theirs.answer.status, 200);
        other->free(other);
        unwire(&w);
}
END_TEST

static void run_wired(uint64_t jitter, struct ts_buf *out)
{
        struct result r[8];
        struct wired w;

        wire_up(&w, 3 * MSEC, jitter);
        n_results = 0;
        for (size_t i = 0; i < TS_N_ELEMENTS(r); i++)
                start_request(&w, w.t, i % 2 ? TS_GET : TS_PUT, HOST TRUST, i % 2 ? NULL : DISABLE, &r[i]);
        while (n_results < TS_N_ELEMENTS(r))
                ck_assert_int_eq(pump(w.t, UINT64_MAX), 0);
        for (size_t i = 0; i < TS_N_ELEMENTS(r); i++)
                ts_buf_printf(out, "%u at %llu: %s\n", r[i].order, (unsigned long long) r[i].at_usec,
                              r[i].answer.correlation);
        ts_buf_puts(out, ts_buf_text(ts_simulator_log(w.s.sim)));
        unwire(&w);
}

START_TEST(test_equal_seeds_give_equal_runs)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf a = TS_BUF_INIT(1u << 20), b = TS_BUF_INIT(1u << 20);

        run_wired(40 * MSEC, &a);
        run_wired(40 * MSEC, &b);
        ck_assert_str_eq(ts_buf_text(&a), ts_buf_text(&b));
}
END_TEST

START_TEST(test_virtual_clock)
{
        struct ts_virtual_clock a, b;
        struct ts_clock client;

        ts_virtual_clock_init(&a, 5, STARTED);
        ts_virtual_clock_init(&b, 5, STARTED);
        for (int i = 0; i < 10; i++)
                (void) ts_virtual_clock_random(&b, 0);
        client = ts_virtual_clock_get(&a, 2);
        ck_assert_msg(ts_virtual_clock_random(&b, 2) == client.random(client.userdata),
                      "one side's draws do not change the other's");
        ck_assert_uint_ne(ts_virtual_clock_random(&a, 1), ts_virtual_clock_random(&a, 3));
        ck_assert_int_eq(ts_clock_realtime(&client), STARTED + 100);
        ts_virtual_clock_advance_to(&a, ts_clock_boottime(&client) + TS_USEC_PER_MINUTE);
        ts_virtual_clock_advance_to(&a, 1);
        ck_assert_int_eq(ts_clock_realtime(&client), STARTED + 160);
        a.streams[2].skew_sec = -1000;
        ck_assert_int_eq(ts_clock_realtime(&client), STARTED - 840);
}
END_TEST

/* --------------------------------------------------------------------------------------- generated worlds */

static void generate(struct setup *s, const char *numbers, struct ts_buf *state)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
        TS_CLEANUP(ts_freep) char *fixture = NULL;
        struct ts_err err = { 0 };
        int r;

        *s = (struct setup){ 0 };
        ts_virtual_clock_init(&s->time, 1, STARTED);
        s->clock = ts_virtual_clock_get(&s->time, 0);
        ts_buf_printf(&text, "{'generate':{%s}}", numbers);
        fixture = quoted(ts_buf_text(&text));
        r = ts_simulator_new(fixture, strlen(fixture), &s->clock, &s->sim, &err);
        ck_assert_msg(r == 0, "%s", err.msg);
        if (state)
                get_state(s, state);
}

START_TEST(test_generate_is_deterministic)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf a, b, c;
        struct setup s;

        generate(&s, "'trusts':5,'users':4,'drift_percent':30", &a);
        stop(&s);
        generate(&s, "'trusts':5,'users':4,'drift_percent':30", &b);
        stop(&s);
        generate(&s, "'trusts':5,'users':4,'drift_percent':30,'seed':2", &c);
        stop(&s);
        ck_assert_str_eq(ts_buf_text(&a), ts_buf_text(&b));
        ck_assert_str_ne(ts_buf_text(&a), ts_buf_text(&c));
}
END_TEST

static size_t count(const char *text, const char *part)
{
        size_t n = 0;

        for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
                n++;
        return n;
}

START_TEST(test_generate_as_many_as_asked_for)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf state, drifted;
        struct setup s;

        generate(&s, "'trusts':7,'users':3,'roles_per_user':2", &state);
        stop(&s);
        ck_assert_uint_eq(count(ts_buf_text(&state), "\"enabled\":true"), 7);
        ck_assert_uint_eq(count(ts_buf_text(&state), "\"grants\":["), 21);
        ck_assert_uint_eq(count(ts_buf_text(&state), "stranger-"), 0);
        generate(&s, "'trusts':20,'users':20,'roles_per_user':2,'drift_percent':50", &drifted);
        stop(&s);
        ck_assert_uint_gt(count(ts_buf_text(&drifted), "stranger-"), 0);
        ck_assert_uint_lt(count(ts_buf_text(&drifted), "\"grants\":["), 400);
}
END_TEST

/* The declarations in one piece, and in several. */
START_TEST(test_generate_declarations)
{
        const struct ts_generate g = { .trusts = 9, .users = 5, .roles_per_user = 3, .seed = 1 };
        TS_CLEANUP(ts_buf_done) struct ts_buf whole = TS_BUF_INIT(1u << 20), parts = TS_BUF_INIT(1u << 20);
        size_t n_files = 0;

        ck_assert_int_eq(ts_generate_declarations(&g, 0, 1u << 20, &whole), 9);
        ck_assert_uint_eq(count(ts_buf_text(&whole), "@partner-"), 45);
        for (int64_t first = 0; first < g.trusts; n_files++) {
                TS_CLEANUP(ts_buf_done) struct ts_buf file = TS_BUF_INIT(1u << 20);

                first = ts_generate_declarations(&g, first, 2000, &file);
                ck_assert_uint_eq(count(ts_buf_text(&file), "version: 1\norganization: bench\n"), 1);
                ts_buf_puts(&parts, strstr(ts_buf_text(&file), "  partner-"));
        }
        ck_assert_uint_gt(n_files, 1);
        ck_assert_str_eq(strstr(ts_buf_text(&whole), "  partner-"), ts_buf_text(&parts));
}
END_TEST

/* What is generated is declared: a client may close the drift, and nothing else. */
START_TEST(test_generate_invariants)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf state;
        const char *trust, *user;
        struct setup s;
        char target[256];

        generate(&s, "'trusts':3,'users':8,'drift_percent':60", &state);
        log_in_with(&s,
                    "Basic YmU5YzAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAyOmdlbmVyYXRlZC1hbmQtbm8tc2VjcmV0");
        user = strstr(ts_buf_text(&state), "\"grants\":[");
        user = strstr(user, "stranger-");
        ck_assert_ptr_nonnull(user);
        user -= strlen("\",\"email\":\"") + TS_ID_TEXT_LEN;
        for (trust = user; strncmp(trust, ",\"enabled\"", 10) != 0; trust--)
                ;
        for (; strncmp(trust, "{\"id\":\"", 7) != 0; trust--)
                ;
        user = strstr(trust, "stranger-") - strlen("\",\"email\":\"") - TS_ID_TEXT_LEN;
        (void) snprintf(target, sizeof(target), "%s/%.36s/users/%.36s", TRUSTEES, trust + 7, user);
        ck_assert_int_eq(ask(&s, "DELETE", target, NULL), 204);
        ck_assert_str_eq(first_violation(&s), "none");
        (void) snprintf(target, sizeof(target), "%s/%.36s", TRUSTEES, trust + 7);
        ck_assert_int_eq(ask(&s, "DELETE", target, NULL), 204);
        ck_assert_ptr_nonnull(strstr(first_violation(&s), "I2 bench, trust partner-"));
        ck_assert_str_eq(answer_get(&s, &arena, "id"), "");
        stop(&s);
}
END_TEST

/* ---------------------------------------------------------------------------------------------------- all */

#define ADD(t, test) tcase_add_test(t, test)
#define ADD_LOOP(t, test, cases) tcase_add_loop_test(t, test, 0, TS_N_ELEMENTS(cases))

static void add_platform_tests(TCase *t)
{
        ADD_LOOP(t, test_fixture_faults, fixture_cases);
        ADD_LOOP(t, test_token_requests, token_cases);
        ADD_LOOP(t, test_bad_tokens, bearer_cases);
        ADD(t, test_token_life);
        ADD(t, test_token_tells_the_organization);
        ADD(t, test_rate_limits);
        ADD_LOOP(t, test_permissions, permission_cases);
        ADD_LOOP(t, test_refusals, refusal_cases);
        ADD_LOOP(t, test_answers, answer_cases);
        ADD(t, test_expired_trusts);
        ADD(t, test_content_type);
        ADD(t, test_request_size);
        ADD(t, test_read_only);
        ADD(t, test_bulk_deletion_is_a_violation);
        ADD(t, test_members_and_grants);
        ADD(t, test_trust_updates);
        ADD(t, test_who_holds_a_role);
        ADD(t, test_subjects);
        ADD_LOOP(t, test_search, search_cases);
        ADD(t, test_search_bounds);
        ADD_LOOP(t, test_paging, paging_cases);
}

static void add_test_tools(TCase *t)
{
        ADD_LOOP(t, test_faults, fault_cases);
        ADD_LOOP(t, test_an_ignored_write_changes_nothing, ignored_cases);
        ADD(t, test_a_rounded_expiry);
        ADD(t, test_faults_of_the_wire);
        ADD(t, test_an_expired_token_stays_expired);
        ADD_LOOP(t, test_when_faults_fire, when_cases);
        ADD(t, test_the_first_rule_decides_and_all_count);
        ADD_LOOP(t, test_bad_scripts, bad_script_cases);
        ADD(t, test_stale_reads);
        ADD(t, test_slow_propagation);
        ADD_LOOP(t, test_invariants, invariant_cases);
        ADD(t, test_every_rule_is_violated_once);
        ADD(t, test_a_trust_is_opened_by_who_closed_it);
        ADD(t, test_without_invariants_nothing_is_checked);
        ADD_LOOP(t, test_bad_invariants, bad_invariant_cases);
        ADD_LOOP(t, test_edits, edit_cases);
        ADD_LOOP(t, test_bad_edits, bad_edit_cases);
        ADD(t, test_edits_are_dated);
        ADD(t, test_reset);
        ADD_LOOP(t, test_control, control_cases);
        ADD(t, test_log);
        ADD(t, test_determinism);
}

static void add_transport_tests(TCase *t)
{
        ADD_LOOP(t, test_exchanges, exchange_cases);
        ADD_LOOP(t, test_answer_headers, retry_after_cases);
        ADD(t, test_pump_deadlines);
        ADD(t, test_answers_overtake_each_other);
        ADD(t, test_without_jitter_answers_keep_their_order);
        ADD(t, test_hooks_edit_between_requests);
        tcase_add_loop_test(t, test_kill, 0, 2);
        ADD(t, test_cancel);
        ADD(t, test_two_transports);
        ADD(t, test_equal_seeds_give_equal_runs);
        ADD(t, test_virtual_clock);
}

static void add_generator_tests(TCase *t)
{
        ADD(t, test_generate_is_deterministic);
        ADD(t, test_generate_as_many_as_asked_for);
        ADD(t, test_generate_declarations);
        ADD(t, test_generate_invariants);
}

int main(void)
{
        static const struct {
                const char *name;
                void (*add)(TCase *t);
        } parts[] = {
                { "platform", add_platform_tests },
                { "tools", add_test_tools },
                { "transport", add_transport_tests },
                { "generator", add_generator_tests },
        };
        Suite *suite = suite_create("simulator");

        for (size_t i = 0; i < TS_N_ELEMENTS(parts); i++) {
                TCase *t = tcase_create(parts[i].name);

                tcase_set_timeout(t, 120); /* under a sanitizer or valgrind on a slow machine */
                parts[i].add(t);
                suite_add_tcase(suite, t);
        }
        return run_suite(suite);
}
