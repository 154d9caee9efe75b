/*
 * test_simulator_more - both sides of a trust: pairings, creation, groups, clones, trustors, care, audits
 *
 * JSON is written with ' for ".
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask-simulator.h"
#include "json/reader.h"
#include "suite.h"
#include "util/limits.h"
#include "util/mem.h"

#define ACME "10000000-0000-4000-8000-000000000001"
#define CONTOSO "20000000-0000-4000-8000-000000000002"
#define FABRIKAM "20000000-0000-4000-8000-000000000003"
#define CARE "20000000-0000-4000-8000-000000000004"
#define CARE_TOO "20000000-0000-4000-8000-000000000005"
#define NOBODY "99999999-0000-4000-8000-000000000009"
#define ANN "a0000000-0000-4000-8000-000000000011"
#define JANE "a0000000-0000-4000-8000-000000000001"
#define JOE "a0000000-0000-4000-8000-000000000002"
#define KIM "a0000000-0000-4000-8000-000000000003"
#define LEO "a0000000-0000-4000-8000-000000000004"
#define FAY "a0000000-0000-4000-8000-000000000005"
#define TIER2 "b0000000-0000-4000-8000-000000000001"
#define NIGHT "b0000000-0000-4000-8000-000000000002"
#define STAFF "b0000000-0000-4000-8000-000000000003"
#define FIELD "b0000000-0000-4000-8000-000000000004"
#define OPEN "c0000000-0000-4000-8000-000000000001"
#define USED "c0000000-0000-4000-8000-000000000002"
#define OLD "c0000000-0000-4000-8000-000000000003"
#define SELF "c0000000-0000-4000-8000-000000000004"
#define TWICE "c0000000-0000-4000-8000-000000000005"
#define ADMIN "d0000000-0000-4000-8000-000000000001"
#define AGENT "d0000000-0000-4000-8000-000000000002"
#define HOME "e0000000-0000-4000-8000-000000000001"
#define SALES "e0000000-0000-4000-8000-000000000002"

#define API "/api/v2/orgauthorization"
#define TRUSTEES API "/trustees"
#define TRUSTORS API "/trustors"
#define PAIRINGS API "/pairings"
#define AUDITS "/api/v2/audits/query"
#define TRUST TRUSTEES "/" CONTOSO
#define USERS TRUST "/users"
#define GROUPS TRUST "/groups"
#define CLONES TRUST "/clonedusers"
#define TRUSTOR TRUSTORS "/" ACME

#define GRANT(role, division) "{'roleId':'" role "','divisionId':'" division "'}"
#define GRANTS(list) "{'grants':[" list "]}"
#define MEMBER(id, grants) "{'id':'" id "','roleDivisions':" GRANTS(grants) "}"
#define CREATE(pairing, users, groups) \
        "{'pairingId':'" pairing "','enabled':true,'users':[" users "],'groups':[" groups "]}"

/* Everybody's secret is "s". */
#define AS_ACME "Basic YWNtZTpz"
#define AS_WEAK "Basic d2Vhazpz"        /* acme's, with the permissions of the test */
#define AS_CONTOSO "Basic Y29udG9zbzpz" /* manages members in its trustors */
#define AS_SHY "Basic c2h5OnM="         /* contoso's, an ordinary client */
#define AS_FABRIKAM "Basic ZmFicmlrYW06cw=="

/*
 * Acme trusts Contoso: Jane (Admin in Home, Agent everywhere), Joe (nothing), the group Tier2 (Agent in
 * Sales) with Jane and Leo in it; Jane has a clone. Kim and the group Night could come. Fabrikam asks for a
 * trust.
 */
static const char fixture_text[] =
                "{'limits':{%s},'care':['" CARE "',{'id':'" CARE_TOO
                "','name':'more care'}],'organizations':["
                "{'id':'" ACME "','name':'acme',"
                " 'clients':[{'id':'acme','secret':'s','trustor_members':true},"
                "            {'id':'weak','secret':'s','permissions':[%s]}],"
                " 'roles':[{'id':'" ADMIN "','name':'Admin'},{'id':'" AGENT "','name':'Agent'}],"
                " 'divisions':[{'id':'" HOME "','name':'Home'},{'id':'" SALES "','name':'Sales'}],"
                " 'users':[{'id':'" ANN "','email':'ann@acme.example','name':'Ann','grants':[['Admin','*']]},"
                "          {'email':'bob@acme.example','name':'Bob','state':'inactive'}],"
                " 'groups':[{'id':'" STAFF "','name':'Staff','grants':[['Admin','*'],['Agent','Sales']],"
                "            'members':['ann@acme.example']}],"
                " 'pairings':[{'id':'" SELF "','users':['ann@acme.example']}],"
                " 'trustees':[{'id':'" CONTOSO "','name':'contoso','created_by':'ann@acme.example',"
                "   'users':[{'id':'" JANE "','email':'jane@contoso.example','name':'Jane',"
                "             'created':'2026-12-24T08:00:00Z','created_by':'ann@acme.example',"
                "             'grants':[['Admin','Home'],['Agent','*']]},"
                "            {'id':'" JOE "','email':'joe@contoso.example','name':'Joe'}],"
                "   'groups':[{'name':'Tier2','created_by':'jane@contoso.example',"
                "              'grants':[['Agent','Sales']]}],"
                "   'clones':['jane@contoso.example']}],"
                " 'acts':[{'trust':'contoso','user':'jane@contoso.example','time':'2027-01-02T00:00:00Z',"
                "          'action':'Update','entity':'Queue'},"
                "         {'trust':'contoso','user':'joe@contoso.example','time':'2027-01-01T00:00:00Z',"
                "          'action':'Delete','entity':'Flow'}]},"
                "{'id':'" CONTOSO "','name':'contoso',"
                " 'clients':[{'id':'contoso','secret':'s','trustor_members':true},{'id':'shy','secret':'s'}],"
                " 'users':[{'id':'" JANE "','email':'jane@contoso.example','name':'Jane'},{'id':'" JOE
                "','email':'joe@contoso.example'},{'id':'" KIM "','email':'kim@contoso.example'},"
                "          {'id':'" LEO "','email':'leo@contoso.example'},"
                "          {'email':'gone@contoso.example','state':'deleted'}],"
                " 'groups':[{'id':'" TIER2 "','name':'Tier2','members':['" JANE "','leo@contoso.example']},"
                "           {'id':'" NIGHT "','name':'Night','members':['kim@contoso.example']}],"
                " 'pairings':[{'id':'" TWICE "','users':['kim@contoso.example']}]},"
                "{'id':'" FABRIKAM "','name':'fabrikam','clients':[{'id':'fabrikam','secret':'s'}],"
                " 'users':[{'id':'" FAY "','email':'fay@fabrikam.example','name':'Fay'}],"
                " 'groups':[{'id':'" FIELD "','name':'Field'}],"
                " 'pairings':[{'id':'" OPEN "','users':['fay@fabrikam.example'],'groups':['Field']},"
                "             {'id':'" USED "','users':['fay@fabrikam.example'],'used':true},"
                "             {'id':'" OLD "','users':['fay@fabrikam.example'],"
                "              'created':'2027-01-13T08:00:00Z'}]}]}";

static void start(struct setup *s, const char *limits, const char *permissions, const char *who)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_JSON_MAX_BYTES);

        ts_buf_printf(&text, fixture_text, limits, permissions);
        start_with(s, ts_buf_text(&text), 1);
        log_in_with(s, who);
}

static void ask_fine(struct setup *s, const char *method, const char *target, const char *body, int status)
{
        int got = ask(s, method, target, body);

        ck_assert_msg(got == status, "%s %s: wanted %d, got %d: %s", method, target, status, got,
                      answer_text(s));
}

/* ------------------------------------------------------------------------------------------------ answers */

#define JANE_ONLY "'total':1,"

static const struct {
        const char *name, *who, *method, *target, *body;
        int status;
        const char *part; /* of the answer */
} answer_cases[] = {
        /* trusts from both sides */
        { "who may enter", AS_ACME, "GET", TRUSTEES, NULL, 200, "'entities':[{'id':'" CONTOSO "'" },
        { "made by a person", AS_ACME, "GET", TRUST, NULL, 200, "'createdBy':{'id':'" ANN "','name':'Ann'" },
        { "whom we may enter", AS_SHY, "GET", TRUSTORS, NULL, 200,
          "'entities':[{'id':'" ACME "','enabled':true" },
        { "nobody lets us in", AS_ACME, "GET", TRUSTORS, NULL, 200, "'entities':[]" },
        { "pages of trustors", AS_SHY, "GET", TRUSTORS "?pageSize=1&pageNumber=2", NULL, 200,
          "'entities':[],'pageSize':1,'pageNumber':2,'total':1" },
        { "one trustor", AS_SHY, "GET", TRUSTOR, NULL, 200, "'authorization':{'permissions':[]}" },
        { "no trustor", AS_SHY, "GET", TRUSTORS "/" FABRIKAM, NULL, 404, "'not.found'" },
        { "no such organization", AS_SHY, "GET", TRUSTORS "/" NOBODY, NULL, 404, "'not.found'" },
        { "the trustor's trustee is no trustor", AS_ACME, "GET", TRUSTORS "/" CONTOSO, NULL, 404, "" },
        /* users and groups */
        { "when a user came, and by whom", AS_ACME, "GET", USERS "/" JANE, NULL, 200,
          "'trustUserDetails':{'dateCreated':'2026-12-24T08:00:00.000Z','createdBy':{'id':'" ANN "'" },
        { "nobody knows by whom", AS_ACME, "GET", USERS "/" JOE, NULL, 200,
          "'trustUserDetails':{'dateCreated':'2023-11-14T22:13:20.000Z'}" },
        { "groups", AS_ACME, "GET", GROUPS, NULL, 200,
          "'entities':[{'id':'" TIER2 "','name':'Tier2','description':'','memberCount':2" },
        { "pages of groups", AS_ACME, "GET", GROUPS "?pageSize=1&pageNumber=2", NULL, 200, "'entities':[]" },
        { "a group", AS_ACME, "GET", GROUPS "/" TIER2, NULL, 200,
          "'type':'official','rulesVisible':true,"
          "'visibility':'public'" },
        { "by whom a group came", AS_ACME, "GET", GROUPS "/" TIER2, NULL, 200, "'createdBy':{'id':'" JANE },
        { "a group is no user", AS_ACME, "GET", USERS "/" TIER2, NULL, 404, "'not.found'" },
        { "a user is no group", AS_ACME, "GET", GROUPS "/" JANE, NULL, 404, "'not.found'" },
        { "a group's roles", AS_ACME, "GET", GROUPS "/" TIER2 "/roles", NULL, 200,
          "{'roles':[{'id':'" AGENT "','name':'Agent'}]" },
        { "a group holds roles", AS_ACME, "GET", "/api/v2/authorization/roles/" AGENT "/subjectgrants", NULL,
          200,
          "{'id':'" TIER2 "','name':'Tier2','divisions':[{'id':'" SALES
          "','name':'Sales','selfUri':'/api/v2/authorization/divisions/" SALES
          "'}],'type':'PC_TRUSTEE_GROUP'" },
        /* from the other side */
        { "our users there", AS_CONTOSO, "GET", TRUSTOR "/users", NULL, 200, "'total':2," },
        { "our groups there", AS_CONTOSO, "GET", TRUSTOR "/groups", NULL, 200, JANE_ONLY },
        { "one of our users", AS_SHY, "GET", TRUSTOR "/users/" JANE, NULL, 200, "'id':'" JANE "'" },
        { "one of our groups", AS_SHY, "GET", TRUSTOR "/groups/" TIER2, NULL, 200, "'id':'" TIER2 "'" },
        { "not one of our users", AS_SHY, "GET", TRUSTOR "/users/" KIM, NULL, 404, "'not.found'" },
        { "a list of users", AS_SHY, "GET", TRUSTOR "/users", NULL, 403, "'missing.trustor.permissions'" },
        { "a list of groups", AS_SHY, "GET", TRUSTOR "/groups", NULL, 403, "'missing.trustor.permissions'" },
        { "a user that takes part", AS_SHY, "PUT", TRUSTOR "/users/" KIM, NULL, 403,
          "authorization:orgTrusteeUser:add" },
        { "a user that is withdrawn", AS_SHY, "DELETE", TRUSTOR "/users/" JANE, NULL, 403,
          "'missing.trustor.permissions'" },
        { "a group that takes part", AS_SHY, "PUT", TRUSTOR "/groups/" NIGHT, NULL, 403,
          "authorization:orgTrusteeGroup:add" },
        { "somebody else's user", AS_CONTOSO, "PUT", TRUSTOR "/users/" FAY, NULL, 404,
          "'trustee.user.not.found'" },
        { "somebody else's group", AS_CONTOSO, "PUT", TRUSTOR "/groups/" FIELD, NULL, 404, "'not.found'" },
        { "to withdraw nobody", AS_CONTOSO, "DELETE", TRUSTOR "/users/" KIM, NULL, 404, "'not.found'" },
        /* clones */
        { "clones", AS_ACME, "GET", CLONES, NULL, 200,
          "{'total':1,'entities':[{'id':'" JANE "','name':'Jane','trustor':{'id':'" ACME
          "','name':'acme'},'selfUri':'/api/v2/users/" JANE "'}],'selfUri':'" CLONES "'}" },
        { "our clones there", AS_CONTOSO, "GET", TRUSTOR "/clonedusers", NULL, 200, "{'total':1," },
        { "our clone there", AS_SHY, "GET", TRUSTOR "/clonedusers/" JANE, NULL, 200, "{'id':'" JANE "'" },
        { "not a clone", AS_SHY, "GET", TRUSTOR "/clonedusers/" JOE, NULL, 404, "'not.found'" },
        { "the list of clones", AS_SHY, "GET", TRUSTOR "/clonedusers", NULL, 403,
          "'missing.trustor.permissions'" },
        { "a clone that is made", AS_SHY, "PUT", TRUSTOR "/clonedusers/" JOE, NULL, 403,
          "'missing.trustor.permissions'" },
        { "a clone of who is no member", AS_CONTOSO, "PUT", TRUSTOR "/clonedusers/" KIM, NULL, 404, "" },
        { "a clone from the trustor's side", AS_ACME, "DELETE", CLONES "/" JOE, NULL, 404, "'not.found'" },
        /* pairing requests */
        { "a request, as its trustee", AS_FABRIKAM, "GET", PAIRINGS "/" OPEN, NULL, 200,
          "'trustee':{'id':'" FABRIKAM "','name':'fabrikam'" },
        { "a request, as a trustor", AS_ACME, "GET", PAIRINGS "/" OPEN, NULL, 200,
          "'users':[{'id':'" FAY "','name':'Fay','email':'fay@fabrikam.example'" },
        { "its groups", AS_ACME, "GET", PAIRINGS "/" OPEN, NULL, 200, "'groups':[{'id':'" FIELD "'" },
        { "a used request", AS_ACME, "GET", PAIRINGS "/" USED, NULL, 404, "'not.found'" },
        { "a lapsed request", AS_ACME, "GET", PAIRINGS "/" OLD, NULL, 404, "'not.found'" },
        { "no request", AS_ACME, "GET", PAIRINGS "/" NOBODY, NULL, 404, "'not.found'" },
        { "a request of somebody else's users", AS_FABRIKAM, "POST", PAIRINGS, "{'userIds':['" JANE "']}",
          404, "'not.found'" },
        { "a request of nobody", AS_FABRIKAM, "POST", PAIRINGS, "{'groupIds':['" NOBODY "']}", 404, "" },
        /* creation */
        { "a used request again", AS_ACME, "POST", TRUSTEES, CREATE(USED, MEMBER(FAY, ""), ""), 404,
          "'not.found'" },
        { "a lapsed request after all", AS_ACME, "POST", TRUSTEES, CREATE(OLD, MEMBER(FAY, ""), ""), 404,
          "'not.found'" },
        { "with itself", AS_ACME, "POST", TRUSTEES, CREATE(SELF, MEMBER(ANN, ""), ""), 400,
          "'self.trust.not.allowed'" },
        { "a second trust", AS_ACME, "POST", TRUSTEES, CREATE(TWICE, MEMBER(KIM, ""), ""), 409,
          "'request.conflict'" },
        { "with others' people", AS_ACME, "POST", TRUSTEES, CREATE(OPEN, MEMBER(JANE, ""), ""), 404,
          "'trustee.user.not.found'" },
        { "with others' groups", AS_ACME, "POST", TRUSTEES, CREATE(OPEN, "", MEMBER(NIGHT, "")), 404,
          "'not.found'" },
        { "with a role that is not there", AS_ACME, "POST", TRUSTEES,
          CREATE(OPEN, MEMBER(FAY, GRANT(NOBODY, "*")), ""), 400, "'invalid.value'" },
        /* groups that come */
        { "a group again", AS_ACME, "POST", GROUPS, MEMBER(TIER2, ""), 409, "'request.conflict'" },
        { "an unknown group", AS_ACME, "POST", GROUPS, MEMBER(FIELD, ""), 404, "'not.found'" },
        { "a user as a group", AS_ACME, "POST", GROUPS, MEMBER(KIM, ""), 404, "'not.found'" },
        { "roles of no group", AS_ACME, "PUT", GROUPS "/" NIGHT "/roles", "[]", 404, "'not.found'" },
        { "grants of no group", AS_ACME, "PUT", GROUPS "/" NIGHT "/roledivisions", GRANTS(""), 404, "" },
        /* customer care */
        { "the region's care", AS_ACME, "GET", TRUSTEES "/care", NULL, 200,
          "{'entities':[{'id':'" CARE "'},{'id':'" CARE_TOO "'}]}" },
        { "no care trust", AS_ACME, "GET", TRUSTEES "/default", NULL, 404, "'not.found'" },
        /* people and groups */
        { "active users", AS_CONTOSO, "GET", "/api/v2/users", NULL, 200, "'total':4," },
        { "inactive users", AS_ACME, "GET", "/api/v2/users?state=inactive", NULL, 200, "'name':'Bob'" },
        { "all users", AS_CONTOSO, "GET", "/api/v2/users?state=any&pageSize=2&pageNumber=3", NULL, 200,
          "gone@contoso.example" },
        { "users by id", AS_CONTOSO, "GET", "/api/v2/users?id=" KIM "&id=" FAY, NULL, 200, "'total':1," },
        { "groups of the directory", AS_CONTOSO, "GET", "/api/v2/groups?pageSize=1&pageNumber=2", NULL, 200,
          "'entities':[{'id':'" NIGHT "'" },
        { "a group by its name", AS_CONTOSO, "POST", "/api/v2/groups/search",
          "{'query':[{'type':'EXACT','fields':['name'],'values':['Night','Day']}]}", 200,
          "'results':[{'id':'" NIGHT "','name':'Night'" },
        { "no group of that name", AS_CONTOSO, "POST", "/api/v2/groups/search",
          "{'query':[{'type':'EXACT','fields':['name'],'value':'Day'}]}", 200, "'results':[],'total':0" },
        { "a search once more", AS_CONTOSO, "GET",
          "/api/v2/groups/search?q64=eyJxdWVyeSI6W3sidHlwZSI6IkVYQUNUIiwiZmllbGRzIjpbIm5hbWUiXSwidmFsdWUiOiJO"
          "aWdodCJ9XX0%3D",
          NULL, 200, "'results':[{'id':'" NIGHT "'" },
        { "all users, by a search once more", AS_CONTOSO, "GET", "/api/v2/users/search?q64=e30=", NULL, 200,
          "'total':4," },
        /* who holds what */
        { "what comes with a group", AS_ACME, "GET", "/api/v2/authorization/subjects/" LEO, NULL, 200,
          "'grants':[{'subjectId':'" TIER2 "','division':{'id':'" SALES "'" },
        { "what a group holds", AS_ACME, "GET", "/api/v2/authorization/subjects/" TIER2, NULL, 200,
          "{'id':'" TIER2 "','name':'Tier2','grants':[{'subjectId':'" TIER2 "'" },
        { "who is no member holds nothing", AS_ACME, "GET", "/api/v2/authorization/subjects/" KIM, NULL, 404,
          "'not.found'" },
        /* audits */
        { "what trustees did", AS_ACME, "POST", TRUSTEES "/audits",
          "{'trusteeOrganizationIds':['" CONTOSO "'],'trusteeUserIds':[]}", 200,
          "'timestamp':'2027-01-02T00:00:00.000Z','user':{'id':'" JANE "','name':'jane@contoso.example'}" },
        { "what one of them did", AS_ACME, "POST", TRUSTEES "/audits?pageSize=1&pageNumber=1",
          "{'trusteeOrganizationIds':['" CONTOSO "'],'trusteeUserIds':['" JOE "']}", 200, JANE_ONLY },
        { "what others did", AS_ACME, "POST", TRUSTEES "/audits",
          "{'trusteeOrganizationIds':['" FABRIKAM "'],'trusteeUserIds':[]}", 200, "'total':0," },
        { "what ours did there", AS_CONTOSO, "POST", API "/trustor/audits",
          "{'trustorOrganizationId':'" ACME "','trusteeUserIds':[],'startDate':'2027-01-02T00:00:00Z'}", 200,
          JANE_ONLY },
        { "the oldest first", AS_CONTOSO, "POST", API "/trustor/audits?pageSize=1&sortOrder=ascending",
          "{'trustorOrganizationId':'" ACME "','trusteeUserIds':[]}", 200, "'action':'Delete'" },
        { "what ours did where they may not be", AS_CONTOSO, "POST", API "/trustor/audits",
          "{'trustorOrganizationId':'" FABRIKAM "','trusteeUserIds':[]}", 404, "'not.found'" },
        { "what can be asked", AS_ACME, "GET", AUDITS "/servicemapping", NULL, 200,
          "{'services':[{'name':'PeoplePermissions','entities':[{'name':'OrganizationAuthorizationTrust'," },
        { "a query of nobody's", AS_ACME, "GET", AUDITS "/" NOBODY, NULL, 404, "'not.found'" },
        { "results of nobody's", AS_ACME, "GET", AUDITS "/" NOBODY "/results", NULL, 404, "'not.found'" },
};

START_TEST(test_answers)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf before, after;
        struct setup s;
        int status;

        start(&s, "", "", answer_cases[_i].who);
        get_state(&s, &before);
        status = ask(&s, answer_cases[_i].method, answer_cases[_i].target, answer_cases[_i].body);
        ck_assert_msg(status == answer_cases[_i].status && answer_has(&s, answer_cases[_i].part),
                      "%s: wanted %d %s\ngot %d %s", answer_cases[_i].name, answer_cases[_i].status,
                      answer_cases[_i].part, status, answer_text(&s));
        ck_assert_msg(ts_simulator_n_violations(s.sim) == 0, "%s: %s", answer_cases[_i].name,
                      first_violation(&s));
        get_state(&s, &after);
        ck_assert_str_eq(ts_buf_text(&before), ts_buf_text(&after));
        stop(&s);
}
END_TEST

/* An inherited grant that is held anyway shows only when duplicates are asked for. */
START_TEST(test_subjects)
{
        struct setup s;

        start(&s, "", "", AS_ACME);
        edit(&s, "{'organization':'acme','do':'add_grants','trust':'contoso','user':'" JANE
                 "','grants':[['Agent','Sales']]}");
        ask_fine(&s, "GET", "/api/v2/authorization/subjects/" JANE, NULL, 200);
        ck_assert_msg(!answer_has(&s, "'subjectId':'" TIER2 "'"), "%s", answer_text(&s));
        ask_fine(&s, "GET", "/api/v2/authorization/subjects/" JANE "?includeDuplicates=true", NULL, 200);
        ck_assert_msg(answer_has(&s, "'subjectId':'" TIER2 "'"), "%s", answer_text(&s));
        ck_assert_msg(answer_has(&s, "'subjectId':'" JANE "'"), "%s", answer_text(&s));

        ask_fine(&s, "GET", "/api/v2/authorization/subjects/" ANN, NULL, 200);
        ck_assert_msg(answer_has(&s, "'grants':[{'subjectId':'" ANN "','division':{'id':'*'"), "%s",
                      answer_text(&s));
        ck_assert_msg(answer_has(&s, "{'subjectId':'" STAFF "','division':{'id':'" SALES "'"), "%s",
                      answer_text(&s));
        ck_assert_msg(!answer_has(&s, "{'subjectId':'" STAFF "','division':{'id':'*'"), "%s",
                      answer_text(&s));
        stop(&s);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- writes */

#define TIER2_STATE(grants) \
        "'groups':[{'id':'" TIER2 "','name':'Tier2','state':'active','grants':[" grants "]}]"

static const struct {
        const char *name, *who, *method, *target, *body;
        int status;
        const char *part;                  /* of the answer */
        const char *state_has, *state_had; /* what is there then, and was before; NULL: whatever */
} write_cases[] = {
        { "a group comes", AS_ACME, "POST", GROUPS, MEMBER(NIGHT, GRANT(AGENT, "*")), 200, "'id':'" NIGHT "'",
          "{'id':'" NIGHT "','name':'Night','state':'active','grants':[['Agent','*']]}", NULL },
        { "a group goes", AS_ACME, "DELETE", GROUPS "/" TIER2, NULL, 204, "", NULL,
          TIER2_STATE("['Agent','Sales']") },
        { "a group's grants", AS_ACME, "PUT", GROUPS "/" TIER2 "/roledivisions",
          GRANTS(GRANT(ADMIN, HOME) "," GRANT(AGENT, HOME)), 200, "{'roles':[{'id':'" ADMIN "'",
          TIER2_STATE("['Admin','Home'],['Agent','Home']"), NULL },
        { "a group's roles, everywhere", AS_ACME, "PUT", GROUPS "/" TIER2 "/roles", "['" ADMIN "']", 200, "",
          TIER2_STATE("['Admin','*']"), NULL },
        { "a group without roles", AS_ACME, "DELETE", GROUPS "/" TIER2 "/roles", NULL, 204, "",
          TIER2_STATE(""), NULL },
        { "a user's roles, everywhere", AS_ACME, "PUT", USERS "/" JOE "/roles", "['" AGENT "']", 200, "",
          "{'id':'" JOE "','email':'joe@contoso.example','state':'active','grants':[['Agent','*']]}", NULL },
        { "a clone goes", AS_ACME, "DELETE", CLONES "/" JANE, NULL, 204, "", NULL, "'clones':[{'id':'" JANE },
        { "our clone goes", AS_CONTOSO, "DELETE", TRUSTOR "/clonedusers/" JANE, NULL, 204, "", NULL,
          "'clones':[{'id':'" JANE },
        { "a clone of a member", AS_CONTOSO, "PUT", TRUSTOR "/clonedusers/" JOE, NULL, 200, "{'id':'" JOE "'",
          "{'id':'" JOE "','email':'joe@contoso.example','state':'active'}]}", NULL },
        { "a clone of who is in a group", AS_CONTOSO, "PUT", TRUSTOR "/clonedusers/" LEO, NULL, 200,
          "{'id':'" LEO "'", "{'id':'" LEO "','email':'leo@contoso.example','state':'active'}]}", NULL },
        { "our user takes part", AS_CONTOSO, "PUT", TRUSTOR "/users/" KIM, NULL, 200, "'id':'" KIM "'",
          "{'id':'" KIM "','email':'kim@contoso.example','state':'active','grants':[]}", NULL },
        { "our user takes part already", AS_CONTOSO, "PUT", TRUSTOR "/users/" JANE, NULL, 200,
          "'dateCreated':'2026-12-24", "'grants':[['Admin','Home'],['Agent','*']]", NULL },
        { "our user is withdrawn", AS_CONTOSO, "DELETE", TRUSTOR "/users/" JANE, NULL, 204, "", NULL,
          "'grants':[['Admin','Home'],['Agent','*']]" },
        { "our group takes part", AS_CONTOSO, "PUT", TRUSTOR "/groups/" NIGHT, NULL, 200, "'id':'" NIGHT "'",
          "{'id':'" NIGHT "','name':'Night','state':'active','grants':[]}", NULL },
        { "our group is withdrawn", AS_CONTOSO, "DELETE", TRUSTOR "/groups/" TIER2, NULL, 204, "", NULL,
          TIER2_STATE("['Agent','Sales']") },
        { "we leave", AS_SHY, "DELETE", TRUSTOR, NULL, 204, "", NULL, "'trustees':[{'id':'" CONTOSO },
        { "a request", AS_SHY, "POST", PAIRINGS, "{'userIds':['" JOE "'],'groupIds':['" NIGHT "']}", 200,
          "'groups':[{'id':'" NIGHT "'",
          "{'state':'open','members':[{'id':'" JOE
          "','email':'joe@contoso.example','state':'active'},{'id':'" NIGHT "'",
          NULL },
        { "a trust, with all that belongs to it", AS_ACME, "POST", TRUSTEES,
          CREATE(OPEN, MEMBER(FAY, GRANT(ADMIN, HOME)), MEMBER(FIELD, GRANT(AGENT, "*"))), 200,
          "{'id':'" FABRIKAM "','enabled':true,'usesDefaultRole':false,'hasFullAccess':false",
          "'name':'fabrikam','enabled':true,'users':[{'id':'" FAY
          "','email':'fay@fabrikam.example','state':'active','grants':[['Admin','Home']]}],'groups':[{'id':"
          "'" FIELD "','name':'Field','state':'active','grants':[['Agent','*']]}]}",
          NULL },
        { "a trust of groups, disabled and with an end", AS_ACME, "POST", TRUSTEES,
          "{'pairingId':'" OPEN "','enabled':false,'groups':[{'id':'" FIELD "','roleIds':['" AGENT
          "']}],'dateExpired':'2028-01-01T00:00:00.000Z'}",
          200, "'dateExpired':'2028-01-01T00:00:00.000Z'",
          "'name':'fabrikam','enabled':false,'expires':'2028-01-01T00:00:00Z','users':[],'groups':[{'id':"
          "'" FIELD "','name':'Field','state':'active','grants':[['Agent','*']]}]}",
          NULL },
        { "a request is used up", AS_ACME, "POST", TRUSTEES, CREATE(OPEN, MEMBER(FAY, ""), ""), 200, "",
          "'pairings':[{'state':'used'", "'pairings':[{'state':'open','members':[{'id':'" FAY },
        { "care", AS_ACME, "POST", TRUSTEES "/default", NULL, 200, "'organization':{'id':'" CARE "'",
          "{'id':'" CARE "','name':'Customer Care','enabled':true,'users':[]}", NULL },
        { "care with a default role, for a time", AS_ACME, "POST",
          TRUSTEES "/default?assignDefaultRole=true&autoExpire=true", NULL, 200, "'usesDefaultRole':true",
          "'expires':'2027-02-14T08:01:40Z','uses_default_role':true", NULL },
        { "all care", AS_ACME, "POST", TRUSTEES "/care?assignFullAccess=true&allowTrustedUserAccess=true",
          NULL, 200, "'hasFullAccess':true,'isTrustedUser':true",
          "{'id':'" CARE_TOO "','name':'more care','enabled':true,'has_full_access':true,"
          "'is_trusted_user':true,'users':[]}",
          NULL },
};

START_TEST(test_writes)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf start_state, end_state;
        const char *has = write_cases[_i].state_has, *had = write_cases[_i].state_had;
        struct setup s;
        int status;

        start(&s, "", "", write_cases[_i].who);
        get_state(&s, &start_state);
        ck_assert_msg(!had || state_has(&s, had), "%s: %s", write_cases[_i].name, ts_buf_text(&start_state));
        status = ask(&s, write_cases[_i].method, write_cases[_i].target, write_cases[_i].body);
        ck_assert_msg(status == write_cases[_i].status && answer_has(&s, write_cases[_i].part),
                      "%s: wanted %d %s\ngot %d %s", write_cases[_i].name, write_cases[_i].status,
                      write_cases[_i].part, status, answer_text(&s));
        get_state(&s, &end_state);
        ck_assert_msg(!has || state_has(&s, has), "%s: wanted %s\ngot %s", write_cases[_i].name, has,
                      ts_buf_text(&end_state));
        ck_assert_msg(!had || !state_has(&s, had), "%s: %s", write_cases[_i].name, ts_buf_text(&end_state));
        ck_assert_msg(ts_simulator_n_violations(s.sim) == 0, "%s", first_violation(&s));

        ts_simulator_reset(s.sim);
        ts_buf_reset(&end_state);
        ts_simulator_state(s.sim, &end_state);
        ck_assert_str_eq(ts_buf_text(&start_state), ts_buf_text(&end_state));
        stop(&s);
}
END_TEST

/* ----------------------------------------------------------------------------------------------- refusals */

static const struct {
        const char *name, *method, *target, *body;
        int status;
        const char *code;
} refusal_cases[] = {
        { "a request for nobody", "POST", PAIRINGS, "{}", 400, "constraint.validation" },
        { "a request for empty lists", "POST", PAIRINGS, "{'userIds':[],'groupIds':[]}", 400,
          "constraint.validation" },
        { "a request by e-mail", "POST", PAIRINGS, "{'userIds':['ann@acme.example']}", 400, "invalid.value" },
        { "a request with numbers", "POST", PAIRINGS, "{'userIds':[1]}", 400, "invalid.value" },
        { "a request with more", "POST", PAIRINGS, "{'userIds':['" ANN "'],'trustorId':'x'}", 400,
          "invalid.property" },
        { "a trust without a request", "POST", TRUSTEES, "{'enabled':true,'users':[{'id':'" FAY "'}]}", 400,
          "pairing.id.required" },
        { "a trust that is neither", "POST", TRUSTEES, "{'pairingId':'" OPEN "','users':[]}", 400,
          "constraint.validation" },
        { "a trust of nobody", "POST", TRUSTEES, CREATE(OPEN, "", ""), 400,
          "trustee.user.or.group.required" },
        { "a trust by name", "POST", TRUSTEES, CREATE("fabrikam", "{'id':'" FAY "'}", ""), 400,
          "invalid.value" },
        { "a trust that ends some day", "POST", TRUSTEES,
          "{'pairingId':'" OPEN "','enabled':true,'users':[{'id':'" FAY "'}],'dateExpired':'soon'}", 400,
          "invalid.date" },
        { "a member twice", "POST", TRUSTEES, CREATE(OPEN, "{'id':'" FAY "'},{'id':'" FAY "'}", ""), 400,
          "constraint.validation" },
        { "a member without an id", "POST", TRUSTEES, CREATE(OPEN, "{}", ""), 400, "constraint.validation" },
        { "grants without a division", "POST", TRUSTEES,
          CREATE(OPEN, MEMBER(FAY, "{'roleId':'" ADMIN "'}"), ""), 400, "constraint.validation" },
        { "a body of care", "POST", TRUSTEES "/default", "{}", 400, "bad.request" },
        { "a flag of care that is none", "POST", TRUSTEES "/default?autoExpire=30", NULL, 400,
          "invalid.query.param.value" },
        { "full access by the old way", "POST", TRUSTEES "/default?assignFullAccess=true", NULL, 400,
          "invalid.query.param.value" },
        { "a page of clones", "GET", CLONES "?pageNumber=1", NULL, 400, "invalid.query.param.value" },
        { "a group with a description", "POST", GROUPS, "{'id':'" NIGHT "','description':''}", 400,
          "invalid.property" },
        { "a trustor that is changed", "PUT", TRUSTOR, "{'enabled':false}", 405, "method.not.allowed" },
        { "a body of who takes part", "PUT", TRUSTOR "/users/" ANN, "{}", 400, "bad.request" },
        { "an audit of no organizations", "POST", TRUSTEES "/audits", "{'trusteeUserIds':[]}", 400,
          "constraint.validation" },
        { "an audit of no users", "POST", API "/trustor/audits", "{'trustorOrganizationId':'" ACME "'}", 400,
          "constraint.validation" },
        { "an audit by name", "POST", API "/trustor/audits",
          "{'trustorOrganizationId':'acme','trusteeUserIds':[]}", 400, "invalid.value" },
        { "an audit since then", "POST", TRUSTEES "/audits",
          "{'trusteeOrganizationIds':[],'trusteeUserIds':[],'startDate':'then'}", 400, "invalid.date" },
        { "a query without a time", "POST", AUDITS, "{'serviceName':'PeoplePermissions'}", 400,
          "constraint.validation" },
        { "a query of a moment", "POST", AUDITS, "{'interval':'2027-01-01T00:00:00Z'}", 400, "invalid.date" },
        { "a query backwards", "POST", AUDITS, "{'interval':'2027-01-02T00:00:00Z/2027-01-01T00:00:00Z'}",
          400, "invalid.date" },
        { "a query of 31 days", "POST", AUDITS, "{'interval':'2027-01-01T00:00:00Z/2027-02-01T00:00:00Z'}",
          400, "constraint.validation" },
        { "a filter of no kind", "POST", AUDITS,
          "{'interval':'2027-01-01T00:00:00Z/"
          "2027-01-02T00:00:00Z','filters':[{'property':'Who','value':''}]}",
          400, "invalid.value" },
        { "an action of anything", "POST", AUDITS,
          "{'interval':'2027-01-01T00:00:00Z/2027-01-02T00:00:00Z','filters':[{'property':'Action','value':"
          "'Create'}]}",
          400, "constraint.validation" },
        { "an order of no kind", "POST", AUDITS,
          "{'interval':'2027-01-01T00:00:00Z/2027-01-02T00:00:00Z','sort':[{'name':'Timestamp','sortOrder':"
          "'up'}]}",
          400, "invalid.value" },
        { "a search of groups as one of users", "POST", "/api/v2/groups/search",
          "{'enforcePermissions':true}", 400, "invalid.property" },
        { "a search once more of nothing", "GET", "/api/v2/users/search", NULL, 400,
          "constraint.validation" },
        { "a search once more of nonsense", "GET", "/api/v2/users/search?q64=eyJ4", NULL, 400,
          "invalid.value" },
        { "the organization itself", "PUT", "/api/v2/organizations/me", "{'name':'x'}", 403,
          "not.authorized" },
};

START_TEST(test_refusals)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf before, after;
        struct setup s;
        int status;

        start(&s, "", "", AS_ACME);
        get_state(&s, &before);
        status = ask(&s, refusal_cases[_i].method, refusal_cases[_i].target, refusal_cases[_i].body);
        ck_assert_msg(status == refusal_cases[_i].status, "%s: %d %s", refusal_cases[_i].name, status,
                      answer_text(&s));
        ck_assert_str_eq(answer_get(&s, &arena, "code"), refusal_cases[_i].code);
        ck_assert_msg(ts_simulator_n_violations(s.sim) == 1, "%s is a violation", refusal_cases[_i].name);
        get_state(&s, &after);
        ck_assert_str_eq(ts_buf_text(&before), ts_buf_text(&after));
        stop(&s);
}
END_TEST

/* The bulk deletions work, and that is what makes them a violation. */
START_TEST(test_bulk)
{
        struct setup s;

        start(&s, "", "", AS_SHY);
        ask_fine(&s, "DELETE", TRUSTORS "?id=" ACME "&id=" NOBODY, NULL, 204);
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 1);
        ck_assert_msg(strstr(first_violation(&s), "bulk deletion"), "%s", first_violation(&s));
        ask_fine(&s, "GET", TRUSTORS, NULL, 200);
        ck_assert(answer_has(&s, "'entities':[]"));
        stop(&s);
}
END_TEST

/* -------------------------------------------------------------------------------------------- permissions */

#define P(name) "'authorization:" name "'"

static const struct {
        const char *permissions, *method, *target, *body;
        int status;
        const char *code;
} permission_cases[] = {
        { P("orgTrustor:view"), "POST", PAIRINGS, "{'userIds':['" ANN "']}", 403, "missing.permissions" },
        { P("orgTrustee:add"), "POST", PAIRINGS, "{'userIds':['" ANN "']}", 200, "" },
        { P("orgTrustor:view"), "GET", PAIRINGS "/" OPEN, NULL, 200, "" },
        { P("orgTrustee:view"), "GET", PAIRINGS "/" OPEN, NULL, 200, "" },
        { P("orgTrustee:add"), "GET", PAIRINGS "/" OPEN, NULL, 403, "missing.any.permissions" },
        { P("orgTrustee:add"), "POST", TRUSTEES, CREATE(OPEN, MEMBER(FAY, ""), ""), 403,
          "missing.permissions" },
        { P("orgTrustee:add") "," P("orgTrusteeUser:add"), "POST", TRUSTEES,
          CREATE(OPEN, MEMBER(FAY, ""), ""), 200, "" },
        { P("orgTrusteeUser:add"), "POST", TRUSTEES "/default", NULL, 403, "missing.permissions" },
        { P("orgTrustee:add") "," P("orgTrusteeUser:add"), "POST", TRUSTEES "/default", NULL, 200, "" },
        { P("orgTrustee:add") "," P("orgTrusteeUser:add"), "POST", TRUSTEES "/care", NULL, 200, "" },
        { P("orgTrusteeUser:*"), "GET", GROUPS, NULL, 403, "missing.permissions" },
        { P("orgTrusteeGroup:view"), "GET", GROUPS, NULL, 200, "" },
        { P("orgTrusteeGroup:view"), "POST", GROUPS, MEMBER(NIGHT, ""), 403, "missing.permissions" },
        { P("orgTrusteeGroup:add"), "POST", GROUPS, MEMBER(NIGHT, ""), 200, "" },
        { P("orgTrusteeGroup:edit"), "PUT", GROUPS "/" TIER2 "/roledivisions", GRANTS(""), 200, "" },
        { P("orgTrusteeGroup:edit"), "DELETE", GROUPS "/" TIER2 "/roles", NULL, 403, "missing.permissions" },
        { P("orgTrusteeGroup:delete"), "DELETE", GROUPS "/" TIER2, NULL, 204, "" },
        { P("*"), "GET", CLONES, NULL, 403, "missing.permissions" },
        { "'directory:user:view'", "GET", CLONES, NULL, 200, "" },
        { "'directory:user:view'", "DELETE", CLONES "/" JANE, NULL, 403, "missing.permissions" },
        { "'directory:user:delete'", "DELETE", CLONES "/" JANE, NULL, 204, "" },
        { P("orgTrustee:view"), "GET", TRUSTORS, NULL, 403, "missing.permissions" },
        { P("orgTrustor:view"), "GET", TRUSTORS, NULL, 200, "" },
        { P("orgTrustor:view"), "DELETE", TRUSTORS "/" CONTOSO, NULL, 403, "missing.permissions" },
        { P("orgTrustor:delete"), "DELETE", TRUSTORS "/" CONTOSO, NULL, 404, "not.found" },
        { P("orgTrustor:*"), "GET", TRUSTORS "/" CONTOSO "/users", NULL, 403, "missing.permissions" },
        { P("orgTrusteeUser:view"), "GET", TRUSTORS "/" CONTOSO "/users", NULL, 403,
          "missing.trustor.permissions" },
        { P("orgTrusteeUser:view"), "GET", TRUSTORS "/" CONTOSO "/users/" JANE, NULL, 404, "not.found" },
        { "", "GET", "/api/v2/users", NULL, 200, "" },
        { "", "GET", "/api/v2/groups", NULL, 200, "" },
        { "", "POST", "/api/v2/groups/search", "{}", 200, "" },
        { "'audits:audit:view'", "POST", TRUSTEES "/audits",
          "{'trusteeOrganizationIds':[],'trusteeUserIds':[]}", 403, "missing.permissions" },
        { P("audit:view"), "POST", TRUSTEES "/audits", "{'trusteeOrganizationIds':[],'trusteeUserIds':[]}",
          200, "" },
        { P("audit:view"), "GET", AUDITS "/servicemapping", NULL, 403, "missing.permissions" },
        { "'audits:audit:view'", "GET", AUDITS "/servicemapping", NULL, 200, "" },
};

START_TEST(test_permissions)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct setup s;
        int status;

        start(&s, "", permission_cases[_i].permissions, AS_WEAK);
        status = ask(&s, permission_cases[_i].method, permission_cases[_i].target, permission_cases[_i].body);
        ck_assert_msg(status == permission_cases[_i].status, "%s %s with [%s]: %d %s",
                      permission_cases[_i].method, permission_cases[_i].target,
                      permission_cases[_i].permissions, status, answer_text(&s));
        ck_assert_str_eq(status >= 400 ? answer_get(&s, &arena, "code") : "", permission_cases[_i].code);
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        stop(&s);
}
END_TEST

/* ---------------------------------------------------------------------------------------------- over time */

/* Asked for by the trustee, read by both, used by the trustor: one object, seen from both sides. */
START_TEST(test_handshake)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf path = TS_BUF_INIT(256), body = TS_BUF_INIT(1024);
        const char *id;
        struct setup s;

        start(&s, "", "", AS_FABRIKAM);
        ask_fine(&s, "POST", PAIRINGS, "{'userIds':['" FAY "']}", 200);
        id = answer_get(&s, &arena, "id");
        ts_buf_printf(&path, PAIRINGS "/%s", id);
        ask_fine(&s, "GET", ts_buf_text(&path), NULL, 200);

        log_in_with(&s, AS_ACME);
        ask_fine(&s, "GET", ts_buf_text(&path), NULL, 200);
        ts_buf_printf(&body, "{'pairingId':'%s','enabled':true,'users':[{'id':'" FAY "'}]}", id);
        ask_fine(&s, "POST", TRUSTEES, ts_buf_text(&body), 200);
        ask_fine(&s, "GET", ts_buf_text(&path), NULL, 404);
        ask_fine(&s, "POST", TRUSTEES, ts_buf_text(&body), 404);
        ask_fine(&s, "PUT", TRUSTEES "/" FABRIKAM, "{'enabled':false}", 200);

        log_in_with(&s, AS_FABRIKAM);
        ask_fine(&s, "GET", ts_buf_text(&path), NULL, 404);
        ask_fine(&s, "GET", TRUSTOR, NULL, 200);
        ck_assert_msg(answer_has(&s, "'enabled':false"), "%s", answer_text(&s));
        ask_fine(&s, "GET", TRUSTOR "/users/" FAY, NULL, 200);
        ask_fine(&s, "DELETE", TRUSTOR, NULL, 204);
        ask_fine(&s, "DELETE", TRUSTOR, NULL, 404);

        log_in_with(&s, AS_ACME);
        ask_fine(&s, "GET", TRUSTEES "/" FABRIKAM, NULL, 404);
        ck_assert_msg(ts_simulator_n_violations(s.sim) == 0, "%s", first_violation(&s));
        stop(&s);
}
END_TEST

START_TEST(test_pairing_lapses)
{
        struct setup s;

        start(&s, "'token_ttl':1000000", "", AS_ACME);
        ts_simulator_advance(s.sim, 48 * 3600 - 1);
        ask_fine(&s, "GET", PAIRINGS "/" OPEN, NULL, 200);
        ts_simulator_advance(s.sim, 1);
        ask_fine(&s, "GET", PAIRINGS "/" OPEN, NULL, 404);
        ask_fine(&s, "POST", TRUSTEES, CREATE(OPEN, MEMBER(FAY, ""), ""), 404);
        ck_assert(state_has(&s, "'pairings':[{'state':'lapsed'"));
        stop(&s);

        start(&s, "'pairing_ttl':60", "", AS_ACME);
        ts_simulator_advance(s.sim, 60);
        ask_fine(&s, "GET", PAIRINGS "/" OPEN, NULL, 404);
        stop(&s);
}
END_TEST

START_TEST(test_limits)
{
        struct setup s;

        start(&s, "'clones':2,'users_per_trust':2", "", AS_CONTOSO);
        ask_fine(&s, "PUT", TRUSTOR "/clonedusers/" JOE, NULL, 200);
        ask_fine(&s, "PUT", TRUSTOR "/clonedusers/" JOE, NULL, 200);
        ask_fine(&s, "PUT", TRUSTOR "/clonedusers/" LEO, NULL, 400);
        ck_assert_msg(answer_has(&s, "at most 2 cloned users"), "%s", answer_text(&s));
        ask_fine(&s, "PUT", TRUSTOR "/users/" KIM, NULL, 400);
        ck_assert_msg(answer_has(&s, "at most 2 users"), "%s", answer_text(&s));
        ask_fine(&s, "PUT", TRUSTOR "/groups/" NIGHT, NULL, 200);
        stop(&s);

        start(&s, "'users_per_trust':0", "", AS_ACME);
        ask_fine(&s, "POST", TRUSTEES, CREATE(OPEN, MEMBER(FAY, ""), ""), 400);
        ck_assert(state_has(&s, "'pairings':[{'state':'open'"));
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        stop(&s);
}
END_TEST

/* Found as the default one, not made twice, gone after its days where the platform lets trusts go. */
START_TEST(test_care)
{
        struct setup s;

        start(&s, "'expired_trusts':'gone','token_ttl':10000000", "", AS_ACME);
        ask_fine(&s, "POST", TRUSTEES "/default?autoExpire=true", NULL, 200);
        ask_fine(&s, "GET", TRUSTEES "/default", NULL, 200);
        ck_assert_msg(answer_has(&s, "'dateExpired':'2027-02-14T08:01:40.000Z'"), "%s", answer_text(&s));
        ask_fine(&s, "POST", TRUSTEES "/default", NULL, 409);
        ask_fine(&s, "POST", TRUSTEES "/care", NULL, 200);
        ck_assert_msg(answer_has(&s, "'total':2,"), "%s", answer_text(&s));
        ts_simulator_advance(s.sim, 30 * 86400);
        ask_fine(&s, "GET", TRUSTEES "/default", NULL, 404);
        ask_fine(&s, "GET", TRUSTEES, NULL, 200);
        ck_assert_msg(answer_has(&s, "'total':2,"), "%s", answer_text(&s)); /* contoso and the other care */
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        stop(&s);

        start_with(&s, "{'organizations':[{'name':'acme','clients':[{'id':'acme','secret':'s'}]}]}", 1);
        log_in_with(&s, AS_ACME);
        ask_fine(&s, "POST", TRUSTEES "/default", NULL, 404);
        stop(&s);
}
END_TEST

/* Listings of groups and of trustors can be damaged like all others; clones are no pages. */
START_TEST(test_faults)
{
        struct setup s;

        start(&s, "", "", AS_CONTOSO);
        set_faults(&s, "[{'match':{'path':'*/trustors'},'empty_list':true},"
                       "{'match':{'path':'*/groups'},'drop_page':true},"
                       "{'match':{'path':'*/clonedusers'},'wrong_total':1},"
                       "{'match':{'method':'PUT','path':'*/users/*'},'status':500,'effect':true}]");
        ask_fine(&s, "GET", TRUSTORS, NULL, 200);
        ck_assert_msg(answer_has(&s, "'entities':[],'pageSize':25,'pageNumber':1,'total':0"), "%s",
                      answer_text(&s));
        ask_fine(&s, "GET", TRUSTOR "/groups", NULL, 200);
        ck_assert_msg(answer_has(&s, "'entities':[],'pageSize':25,'pageNumber':1,'total':1"), "%s",
                      answer_text(&s));
        ask_fine(&s, "GET", TRUSTOR "/clonedusers", NULL, 200);
        ck_assert_msg(answer_has(&s, "{'total':2,'entities':[{'id':'" JANE "'"), "%s", answer_text(&s));
        ask_fine(&s, "PUT", TRUSTOR "/users/" KIM, NULL, 500);
        ck_assert(state_has(&s,
                            "{'id':'" KIM "','email':'kim@contoso.example','state':'active','grants':[]}"));
        set_faults(&s, "[{'stale':1}]");
        ask_fine(&s, "GET", TRUSTOR "/users/" KIM, NULL, 404);
        set_faults(&s, "[]");
        ask_fine(&s, "GET", TRUSTOR "/users/" KIM, NULL, 200);
        stop(&s);
}
END_TEST

/* ---------------------------------------------------------------------------------------------- the audit */

#define JANUARY "'interval':'2027-01-10T00:00:00Z/2027-02-01T00:00:00Z'"
#define FILTER(property, value) "{'property':'" property "','value':'" value "'}"

/* The query's results, as far as one page has them. */
static void query(struct setup *s, const char *request, const char *page)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf path = TS_BUF_INIT(256);

        ask_fine(s, "POST", AUDITS, request, 202);
        ck_assert_str_eq(answer_get(s, &arena, "state"), "Queued");
        ts_buf_printf(&path, AUDITS "/%s", answer_get(s, &arena, "id"));
        ask_fine(s, "GET", ts_buf_text(&path), NULL, 202);
        ck_assert_str_eq(answer_get(s, &arena, "state"), "Running");
        ask_fine(s, "GET", ts_buf_text(&path), NULL, 200);
        ck_assert_str_eq(answer_get(s, &arena, "state"), "Succeeded");
        ts_buf_printf(&path, "/results%s", page);
        ask_fine(s, "GET", ts_buf_text(&path), NULL, 200);
}

/* The actions of the answer, in its order: "Create Update". */
static char *actions(const struct setup *s)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
        const struct ts_json *v, *entities;
        struct ts_err err = { 0 };

        ck_assert_int_eq(ts_json_parse(answer_text(s), s->answer.body.len, &arena, &v, &err), 0);
        entities = ts_json_get_array(v, "entities");
        ck_assert_ptr_nonnull(entities);
        TS_JSON_FOREACH (e, entities)
                ts_buf_printf(&text, "%s%s %s", text.len > 0 ? ", " : "", ts_json_get_string(e, "action"),
                              ts_json_get_string(ts_json_get_object(e, "entity"), "name"));
        return ts_strdup(ts_buf_text(&text));
}

static const struct {
        const char *name, *request, *page, *actions;
} query_cases[] = {
        { "everything", "{" JANUARY "}", "",
          "Update contoso, Delete Joe, Create Night, Update Jane, Delete Tier2" },
        { "the newest first", "{" JANUARY ",'sort':[{'name':'Timestamp','sortOrder':'descending'}]}", "",
          "Delete Tier2, Update Jane, Create Night, Delete Joe, Update contoso" },
        { "the first page", "{" JANUARY "}", "?pageSize=2", "Update contoso, Delete Joe" },
        { "another page", "{" JANUARY "}", "?pageSize=2&cursor=2&expand=user", "Create Night, Update Jane" },
        { "the service", "{" JANUARY ",'serviceName':'PeoplePermissions'}", "?pageSize=1", "Update contoso" },
        { "another service", "{" JANUARY ",'serviceName':'Routing'}", "", "" },
        { "another time", "{'interval':'2027-01-10T00:00:00Z/2027-01-15T08:00:00Z'}", "", "" },
        { "by a client", "{" JANUARY ",'filters':[" FILTER("ClientId", "acme") "]}", "",
          "Update contoso, Delete Joe" },
        { "by a trustee's client", "{" JANUARY ",'filters':[" FILTER("TrusteeOrganizationId", CONTOSO) "]}",
          "", "Delete Tier2" },
        { "by a person", "{" JANUARY ",'filters':[" FILTER("UserId", ANN) "]}", "", "Create Night" },
        { "of a kind", "{" JANUARY ",'filters':[" FILTER("EntityType", "OrganizationAuthorizationTrust") "]}",
          "", "Update contoso" },
        { "of one",
          "{" JANUARY ",'filters':[" FILTER("EntityType", "OrganizationAuthorizationUserTrust") "," FILTER(
                          "EntityId", JOE) "," FILTER("Action", "Delete") "]}",
          "", "Delete Joe" },
};

START_TEST(test_audit_query)
{
        TS_CLEANUP(ts_freep) char *got = NULL;
        struct setup s;

        start(&s, "", "", AS_ACME);
        ask_fine(&s, "PUT", TRUST, "{'enabled':false,'dateExpired':'2028-01-01T00:00:00.000Z'}", 200);
        ask_fine(&s, "DELETE", USERS "/" JOE, NULL, 204);
        edit(&s, "[{'organization':'acme','do':'add_member','trust':'contoso','group':{'name':'Night'},"
                 "'by':'ann@acme.example'},"
                 "{'organization':'acme','do':'set_grants','trust':'contoso','user':'" JANE
                 "','grants':[['Admin','Home']]}]");
        log_in_with(&s, AS_CONTOSO);
        ask_fine(&s, "DELETE", TRUSTOR "/groups/" TIER2, NULL, 204);
        log_in_with(&s, AS_ACME);
        query(&s, query_cases[_i].request, query_cases[_i].page);
        got = actions(&s);
        ck_assert_msg(strcmp(got, query_cases[_i].actions) == 0, "%s: wanted %s\ngot %s",
                      query_cases[_i].name, query_cases[_i].actions, got);
        ck_assert_msg(ts_simulator_n_violations(s.sim) == 0, "%s", first_violation(&s));
        stop(&s);
}
END_TEST

/* Who it was, from where, and what was changed; nothing of it before it is done; not by others. */
START_TEST(test_audit_entry)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf path = TS_BUF_INIT(256);
        struct setup s;

        start(&s, "", "", AS_ACME);
        ask_fine(&s, "PUT", TRUST, "{'enabled':false}", 200);
        edit(&s, "{'organization':'acme','do':'set_grants','trust':'contoso','user':'" JANE
                 "','grants':[['Admin','Home']],'by':'ann@acme.example'}");
        ask_fine(&s, "POST", AUDITS, "{" JANUARY "}", 202);
        ts_buf_printf(&path, AUDITS "/%s/results", answer_get(&s, &arena, "id"));
        ask_fine(&s, "GET", ts_buf_text(&path), NULL, 404);
        ask_fine(&s, "GET", ts_arena_strndup(&arena, ts_buf_text(&path), path.len - 8), NULL, 202);
        ask_fine(&s, "GET", ts_buf_text(&path), NULL, 200);
        ck_assert_msg(answer_has(&s, "'userHomeOrgId':'" ACME "','client':{'id':'acme'},"
                                     "'remoteIp':['203.0.113.10'],'serviceName':'PeoplePermissions'"),
                      "%s", answer_text(&s));
        ck_assert_msg(answer_has(&s, "'propertyChanges':[{'property':'enabled','oldValues':['true'],"
                                     "'newValues':['false']}]"),
                      "%s", answer_text(&s));
        ck_assert_msg(answer_has(&s, "'user':{'id':'" ANN "','name':'Ann'},'remoteIp':['198.51.100.7']"),
                      "%s", answer_text(&s));
        ck_assert_msg(answer_has(&s, "{'property':'role','oldValues':['Agent'],'newValues':[]}"), "%s",
                      answer_text(&s));
        log_in_with(&s, AS_CONTOSO);
        ask_fine(&s, "GET", ts_buf_text(&path), NULL, 404);
        stop(&s);
}
END_TEST

/* ----------------------------------------------------------------------------------------- by other hands */

#define EDIT(what) "{'organization':'acme','trust':'contoso','do':" what "}"

static const struct {
        const char *edit, *state; /* what the state has then */
} edit_cases[] = {
        { EDIT("'add_member','group':{'name':'Night','grants':[['Admin','Sales']]}"),
          "{'id':'" NIGHT "','name':'Night','state':'active','grants':[['Admin','Sales']]}" },
        { EDIT("'add_grants','group':'Tier2','grants':[['Admin','Home']]"),
          TIER2_STATE("['Admin','Home'],['Agent','Sales']") },
        { EDIT("'remove_grants','group':'" TIER2 "','grants':[['Agent','Sales']]"), TIER2_STATE("") },
        { EDIT("'set_grants','group':'Tier2','grants':[['Agent','*']]"), TIER2_STATE("['Agent','*']") },
        { EDIT("'add_clone','user':'leo@contoso.example'"),
          "{'id':'" LEO "','email':'leo@contoso.example','state':'active'}]}]" },
        { "{'organization':'contoso','do':'add_group','group':{'name':'Day','members':['" KIM "']}}",
          "'name':'Day','state':'active'" },
        { "{'organization':'contoso','do':'add_pairing','pairing':{'id':'" NOBODY "','groups':['Night']}}",
          "{'state':'open','members':[{'id':'" NIGHT "','name':'Night','state':'active'}]}" },
        { "{'organization':'acme','do':'add_trust','trust':{'name':'fabrikam','groups':[{'name':'Field'}]}}",
          "'name':'fabrikam','enabled':true,'users':[],'groups':[{'id':'" FIELD "'" },
};

START_TEST(test_edits)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf before, after;
        struct setup s;

        start(&s, "", "", AS_ACME);
        get_state(&s, &before);
        ck_assert_msg(!state_has(&s, edit_cases[_i].state), "%s: %s", edit_cases[_i].edit,
                      ts_buf_text(&before));
        edit(&s, edit_cases[_i].edit);
        get_state(&s, &after);
        ck_assert_msg(state_has(&s, edit_cases[_i].state), "%s: wanted %s\ngot %s", edit_cases[_i].edit,
                      edit_cases[_i].state, ts_buf_text(&after));
        ck_assert_uint_eq(ts_simulator_n_violations(s.sim), 0);
        stop(&s);
}
END_TEST

START_TEST(test_edits_away)
{
        struct setup s;

        start(&s, "", "", AS_ACME);
        edit(&s, EDIT("'remove_member','group':'Tier2'"));
        edit(&s, EDIT("'remove_clone','user':'jane@contoso.example'"));
        ck_assert(!state_has(&s, "'clones'"));
        ask_fine(&s, "GET", GROUPS, NULL, 200);
        ck_assert(answer_has(&s, "'entities':[]"));
        stop(&s);
}
END_TEST

/* Who did it stands with what came, and when. */
START_TEST(test_edits_by)
{
        struct setup s;

        start(&s, "", "", AS_ACME);
        edit(&s, EDIT("'add_member','user':{'email':'kim@contoso.example'},'by':'ann@acme.example'"));
        edit(&s, "{'organization':'acme','do':'add_trust','trust':{'name':'fabrikam'},"
                 "'by':'joe@contoso.example'}");
        ask_fine(&s, "GET", USERS "/" KIM, NULL, 200);
        ck_assert_msg(answer_has(&s, "'trustUserDetails':{'dateCreated':'2027-01-15T08:01:40.000Z',"
                                     "'createdBy':{'id':'" ANN "'"),
                      "%s", answer_text(&s));
        ask_fine(&s, "GET", TRUSTEES "/" FABRIKAM, NULL, 200);
        ck_assert_msg(answer_has(&s, "'createdBy':{'id':'" JOE "'"), "%s", answer_text(&s));
        stop(&s);
}
END_TEST

static const struct {
        const char *edit, *error;
} bad_edit_cases[] = {
        { EDIT("'add_member'"), "must be an object" },
        { EDIT("'add_member','group':'Night'"), "must be an object: 'group'" },
        { EDIT("'add_member','group':{'name':'Tier2'}"), "a member already: 'Tier2'" },
        { EDIT("'add_member','group':{'name':'Night','members':['nobody']}"), "no such member of the group" },
        { EDIT("'remove_member','group':'Night'"), "no such member: 'Night'" },
        { EDIT("'add_clone','user':'fay@fabrikam.example'"), "no such user of the trustee" },
        { EDIT("'add_clone','user':'jane@contoso.example'"), "a clone already" },
        { EDIT("'remove_clone','user':'joe@contoso.example'"), "no such clone" },
        { EDIT("'remove_trust','by':'nobody'"), "no such user: 'nobody'" },
        { "{'organization':'contoso','do':'add_group','group':'x'}", "must be an object: 'group'" },
        { "{'organization':'contoso','do':'add_pairing'}", "must be an object: 'pairing'" },
        { "{'organization':'contoso','do':'add_pairing','pairing':{'id':'" OPEN "'}}", "is there twice" },
        { "{'organization':'contoso','do':'add_pairing','pairing':{'id':'" NOBODY "','users':['x']}}",
          "no such user or group to be paired: 'x'" },
};

START_TEST(test_bad_edits)
{
        struct ts_err err = { 0 };
        struct setup s;

        start(&s, "", "", AS_ACME);
        ck_assert_int_lt(try_edit(&s, bad_edit_cases[_i].edit, &err), 0);
        ck_assert_msg(strstr(err.msg, bad_edit_cases[_i].error), "%s: wanted %s\ngot %s",
                      bad_edit_cases[_i].edit, bad_edit_cases[_i].error, err.msg);
        stop(&s);
}
END_TEST

#define ORGANIZATION(rest) "{'organizations':[{'name':'a'," rest "},{'name':'b'}]}"

static const struct {
        const char *fixture, *error;
} bad_fixture_cases[] = {
        { "{'care':['x'],'organizations':[]}", "care: not an id: 'x'" },
        { ORGANIZATION("'groups':[{'name':'g','members':['x']}]"), "no such member of the group: 'x'" },
        { ORGANIZATION("'groups':[{'name':'g','state':'odd'}]"), "no such user state: 'odd'" },
        { ORGANIZATION("'pairings':[{'users':[]}]"), "neither id nor name: 'pairing'" },
        { ORGANIZATION("'pairings':[{'name':'p','users':['x']}]"), "to be paired: 'x'" },
        { ORGANIZATION("'pairings':[{'name':'p'},{'name':'p'}]"), "is there twice" },
        { ORGANIZATION("'pairings':[{'name':'p','created':'x'}]"), "not a time: 'x'" },
        { ORGANIZATION("'trustees':[{'name':'b','clones':['x']}]"), "no such user to be cloned: 'x'" },
        { ORGANIZATION("'trustees':[{'name':'b','created_by':'x'}]"), "no such user: 'x'" },
        { ORGANIZATION("'trustees':[{'name':'b','groups':[{'name':'g'},{'name':'g'}]}]"),
          "a member already: 'g'" },
        { ORGANIZATION("'acts':[{'trust':'b','user':'x'}]"), "an act needs" },
};

START_TEST(test_bad_fixtures)
{
        TS_CLEANUP(ts_freep) char *text = quoted(bad_fixture_cases[_i].fixture);
        struct ts_virtual_clock time;
        struct ts_simulator *sim = NULL;
        struct ts_err err = { 0 };
        struct ts_clock clock;

        ts_virtual_clock_init(&time, 1, STARTED);
        clock = ts_virtual_clock_get(&time, 0);
        ck_assert_int_lt(ts_simulator_new(text, strlen(text), &clock, &sim, &err), 0);
        ck_assert_msg(strstr(err.msg, bad_fixture_cases[_i].error), "%s: wanted %s\ngot %s",
                      bad_fixture_cases[_i].fixture, bad_fixture_cases[_i].error, err.msg);
        ck_assert_ptr_null(sim);
}
END_TEST

/* --------------------------------------------------------------------------------------------- invariants */

/* What acme declares of contoso, and what contoso declares of acme. */
#define ACME_SAYS(trusts) "{'organizations':[{'organization':'acme','trusts':[" trusts "]}]"
#define CONTOSO_SAYS(trustors) "{'organizations':[{'organization':'contoso','trustors':[" trustors "]}]"
#define OF_CONTOSO(rest) ACME_SAYS("{'name':'contoso'" rest "}") "}"
#define OF_ACME(rest) CONTOSO_SAYS("{'name':'acme'" rest "}") "}"
#define OF_FABRIKAM(rest) ACME_SAYS("{'name':'fabrikam'" rest "}")
#define FAY_IN(grants) "'users':[{'id':'" FAY "','grants':[" grants "]}]"
#define NEW(users, groups) "POST", TRUSTEES, CREATE(OPEN, users, groups)

static const struct {
        const char *invariants, *who, *method, *target, *body;
        const char *violation; /* NULL: none */
} invariant_cases[] = {
        /* groups */
        { OF_CONTOSO(",'groups':[{'name':'Night','grants':[['Agent','*']]}]"), AS_ACME, "POST", GROUPS,
          MEMBER(NIGHT, GRANT(AGENT, SALES)), NULL },
        { OF_CONTOSO(",'groups':[{'name':'Night','grants':[['Agent','Home']]}]"), AS_ACME, "POST", GROUPS,
          MEMBER(NIGHT, GRANT(AGENT, SALES)),
          "I1 acme, trust contoso: group Night: Agent in Sales was granted, was not live and is not "
          "declared" },
        { OF_CONTOSO(",'groups':[]"), AS_ACME, "POST", GROUPS, MEMBER(NIGHT, ""),
          "I1 acme, trust contoso: group Night was added, was not live and is not declared" },
        { OF_CONTOSO(",'groups':[]"), AS_ACME, "DELETE", GROUPS "/" TIER2, NULL, NULL },
        { OF_CONTOSO(",'users':[]"), AS_ACME, "DELETE", GROUPS "/" TIER2, NULL,
          "I2 acme, trust contoso: group Tier2 was removed, and the trust's groups are not declared" },
        { OF_CONTOSO(",'groups':['Tier2']"), AS_ACME, "DELETE", GROUPS "/" TIER2, NULL,
          "I2 acme, trust contoso: group Tier2 was removed and is declared" },
        { OF_CONTOSO(",'groups':['Tier2']"), AS_ACME, "DELETE", GROUPS "/" TIER2 "/roles", NULL,
          "I2 acme, trust contoso: group Tier2: Agent in Sales was taken away, and the group's grants are "
          "not "
          "declared" },
        { OF_CONTOSO(",'groups':[{'id':'" TIER2 "','grants':[]}]"), AS_ACME, "DELETE",
          GROUPS "/" TIER2 "/roles", NULL, NULL },
        { ACME_SAYS("{'name':'contoso','groups':[]}") ",'limits':{'removals':0}}", AS_ACME, "DELETE",
          GROUPS "/" TIER2, NULL, "I4 acme, trust contoso: this is removal 1, at most 0 are allowed" },
        { ACME_SAYS("{'name':'contoso','groups':[{'name':'Tier2','grants':[]}]}") ",'protected':{'"
                                                                                  "organizations':['contoso']"
                                                                                  "}}",
          AS_ACME, "DELETE", GROUPS "/" TIER2 "/roles", NULL,
          "I3 acme, trust contoso: group Tier2: Agent in Sales was taken away, and the group is protected" },
        /* clones */
        { OF_CONTOSO(",'clones':[]"), AS_ACME, "DELETE", CLONES "/" JANE, NULL, NULL },
        { OF_CONTOSO(""), AS_ACME, "DELETE", CLONES "/" JANE, NULL,
          "I2 acme, trust contoso: the clone of user jane@contoso.example was removed, and the trust's "
          "clones "
          "are not declared" },
        { OF_ACME(",'clones':['jane@contoso.example']"), AS_CONTOSO, "DELETE", TRUSTOR "/clonedusers/" JANE,
          NULL,
          "I2 contoso, trustor acme: the clone of user jane@contoso.example was removed and is declared" },
        { CONTOSO_SAYS("{'name':'acme','clones':[]}") ",'protected':{'users':['" JANE "']}}", AS_CONTOSO,
          "DELETE", TRUSTOR "/clonedusers/" JANE, NULL,
          "I3 contoso, trustor acme: the clone of user jane@contoso.example was removed and is protected" },
        { OF_ACME(",'clones':['joe@contoso.example']"), AS_CONTOSO, "PUT", TRUSTOR "/clonedusers/" JOE, NULL,
          NULL },
        { OF_ACME(",'clones':[]"), AS_CONTOSO, "PUT", TRUSTOR "/clonedusers/" JOE, NULL,
          "I1 contoso, trustor acme: user joe@contoso.example was cloned, and nothing says so" },
        { CONTOSO_SAYS("{'name':'acme','clones':['" JOE "']}") ",'denied':{'users':['" JOE "']}}", AS_CONTOSO,
          "PUT", TRUSTOR "/clonedusers/" JOE, NULL,
          "I1 contoso, trustor acme: user joe@contoso.example was cloned and is denied" },
        /* new trusts */
        { OF_FABRIKAM(",'create':true," FAY_IN("['Admin','Home']")) "}", AS_ACME,
          NEW(MEMBER(FAY, GRANT(ADMIN, HOME)), ""), NULL },
        { OF_FABRIKAM("," FAY_IN("['Admin','Home']")) "}", AS_ACME, NEW(MEMBER(FAY, GRANT(ADMIN, HOME)), ""),
          "I1 acme, trust fabrikam: it was created, and nothing says so" },
        { "{'organizations':[{'organization':'acme'}]}", AS_ACME, NEW(MEMBER(FAY, ""), ""),
          "I1 acme, trust fabrikam: it was created, and nothing says so" },
        { OF_FABRIKAM(",'create':true," FAY_IN("['Admin','Home'],['Agent','*']")) "}", AS_ACME,
          NEW(MEMBER(FAY, GRANT(ADMIN, HOME)), ""),
          "I1 acme, trust fabrikam: user fay@fabrikam.example: Agent in all divisions is declared, and did "
          "not "
          "come with the new trust" },
        { OF_FABRIKAM(",'create':true," FAY_IN("")) "}", AS_ACME, NEW(MEMBER(FAY, GRANT(ADMIN, HOME)), ""),
          "I1 acme, trust fabrikam: user fay@fabrikam.example: Admin in Home was granted" },
        { OF_FABRIKAM(",'create':true," FAY_IN("")) "}", AS_ACME, NEW(MEMBER(FAY, ""), MEMBER(FIELD, "")),
          "I1 acme, trust fabrikam: group Field was added" },
        { OF_FABRIKAM(",'create':true,'enabled':false," FAY_IN("")) "}", AS_ACME, NEW(MEMBER(FAY, ""), ""),
          "I1 acme, trust fabrikam: it was created enabled and is declared disabled" },
        { OF_FABRIKAM(",'create':true,'expires':'2028-01-01T00:00:00Z'," FAY_IN("")) "}", AS_ACME,
          NEW(MEMBER(FAY, ""), ""),
          "I1 acme, trust fabrikam: it was created with another expiry than the declared one" },
        { OF_FABRIKAM(",'create':true," FAY_IN("")) ",'denied':{'organizations':['fabrikam']}}", AS_ACME,
          NEW(MEMBER(FAY, ""), ""), "I1 acme, trust fabrikam: it was created and is denied" },
        { ACME_SAYS("{'id':'" CARE "','create':true}") "}", AS_ACME, "POST", TRUSTEES "/default", NULL,
          NULL },
        { ACME_SAYS("{'id':'" CARE "','create':true}") "}", AS_ACME, "POST",
          TRUSTEES "/default?assignDefaultRole=true", NULL,
          "I1 acme, trust Customer Care: it was created with a default role or full access" },
        { ACME_SAYS("{'id':'" CARE "','create':true,'default_role':true}") "}", AS_ACME, "POST",
          TRUSTEES "/default?assignDefaultRole=true", NULL, NULL },
        /* from the other side */
        { OF_ACME(",'users':['kim@contoso.example','" JANE "','" JOE "']"), AS_CONTOSO, "PUT",
          TRUSTOR "/users/" KIM, NULL, NULL },
        { OF_ACME(",'users':['" JANE "']"), AS_CONTOSO, "PUT", TRUSTOR "/users/" KIM, NULL,
          "I1 contoso, trustor acme: user kim@contoso.example was added, was not live and is not declared" },
        { OF_CONTOSO(",'users':['" KIM "']"), AS_CONTOSO, "PUT", TRUSTOR "/users/" KIM, NULL,
          "I5 contoso, trustor acme: the organization was written to and is not declared" },
        { OF_ACME(",'groups':['Night']"), AS_CONTOSO, "PUT", TRUSTOR "/groups/" NIGHT, NULL, NULL },
        { OF_ACME(",'groups':[]"), AS_CONTOSO, "DELETE", TRUSTOR "/groups/" TIER2, NULL, NULL },
        { OF_ACME(""), AS_CONTOSO, "DELETE", TRUSTOR "/groups/" TIER2, NULL,
          "I2 contoso, trustor acme: group Tier2 was removed, and the trust's groups are not declared" },
        { OF_ACME(",'users':['" JOE "']"), AS_CONTOSO, "DELETE", TRUSTOR "/users/" JANE, NULL, NULL },
        { OF_ACME(",'absent':true"), AS_CONTOSO, "DELETE", TRUSTOR, NULL, NULL },
        { OF_ACME(""), AS_CONTOSO, "DELETE", TRUSTOR, NULL,
          "I2 contoso, trustor acme: it was deleted and is not declared absent" },
        { CONTOSO_SAYS("{'name':'acme','absent':true}") ",'delete_after':86400}", AS_CONTOSO, "DELETE",
          TRUSTOR, NULL, NULL },
        { CONTOSO_SAYS("{'name':'acme','absent':true}") ",'protected':{'organizations':['" ACME "']}}",
          AS_CONTOSO, "DELETE", TRUSTOR, NULL, "I3 contoso, trustor acme: it was deleted and is protected" },
        /* requests */
        { OF_ACME(""), AS_CONTOSO, "POST", PAIRINGS, "{'userIds':['" KIM "']}", NULL },
        { OF_CONTOSO(""), AS_CONTOSO, "POST", PAIRINGS, "{'userIds':['" KIM "']}",
          "I5 contoso: a trust was asked for, and it is not declared" },
        { CONTOSO_SAYS("") ",'limits':{'pairings':0}}", AS_CONTOSO, "POST", PAIRINGS,
          "{'userIds':['" KIM "']}", "I4 contoso: this is pairing request 1, at most 0 are allowed" },
};

START_TEST(test_invariants)
{
        TS_CLEANUP(ts_freep) char *text = quoted(invariant_cases[_i].invariants);
        const char *expected = invariant_cases[_i].violation;
        struct ts_err err = { 0 };
        struct setup s;
        int status;

        start(&s, "", "", invariant_cases[_i].who);
        ck_assert_msg(ts_simulator_set_invariants(s.sim, text, strlen(text), &err) == 0, "%s: %s", text,
                      err.msg);
        status = ask(&s, invariant_cases[_i].method, invariant_cases[_i].target, invariant_cases[_i].body);
        ck_assert_msg(status / 100 == 2, "%d %s", status, answer_text(&s));
        if (expected)
                ck_assert_msg(strstr(first_violation(&s), expected), "%s: wanted %s\ngot %s", text, expected,
                              first_violation(&s));
        ck_assert_msg((ts_simulator_n_violations(s.sim) > 0) == (expected != NULL), "%s: %s", text,
                      first_violation(&s));
        stop(&s);
}
END_TEST

/* -------------------------------------------------------------------------------------------- all of them */

static Suite *simulator_more_suite(void)
{
        Suite *suite = suite_create("simulator_more");
        TCase *platform = tcase_create("platform"), *tools = tcase_create("tools");

        tcase_add_loop_test(platform, test_answers, 0, TS_N_ELEMENTS(answer_cases));
        tcase_add_test(platform, test_subjects);
        tcase_add_loop_test(platform, test_writes, 0, TS_N_ELEMENTS(write_cases));
        tcase_add_loop_test(platform, test_refusals, 0, TS_N_ELEMENTS(refusal_cases));
        tcase_add_test(platform, test_bulk);
        tcase_add_loop_test(platform, test_permissions, 0, TS_N_ELEMENTS(permission_cases));
        tcase_add_test(platform, test_handshake);
        tcase_add_test(platform, test_pairing_lapses);
        tcase_add_test(platform, test_limits);
        tcase_add_test(platform, test_care);
        tcase_add_test(platform, test_faults);
        tcase_add_loop_test(platform, test_audit_query, 0, TS_N_ELEMENTS(query_cases));
        tcase_add_test(platform, test_audit_entry);
        suite_add_tcase(suite, platform);

        tcase_add_loop_test(tools, test_edits, 0, TS_N_ELEMENTS(edit_cases));
        tcase_add_test(tools, test_edits_away);
        tcase_add_test(tools, test_edits_by);
        tcase_add_loop_test(tools, test_bad_edits, 0, TS_N_ELEMENTS(bad_edit_cases));
        tcase_add_loop_test(tools, test_bad_fixtures, 0, TS_N_ELEMENTS(bad_fixture_cases));
        tcase_add_loop_test(tools, test_invariants, 0, TS_N_ELEMENTS(invariant_cases));
        suite_add_tcase(suite, tools);
        return suite;
}

int main(void)
{
        return run_suite(simulator_more_suite());
}
