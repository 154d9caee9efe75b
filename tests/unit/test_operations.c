/*
 * test_operations - the table of what may be asked of the API, and its URLs
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/operations.h"
#include "suite.h"
#include "util/limits.h"

#define BASE "https://api.example"
#define A "aaaaaaaa-0000-4000-8000-00000000000a"
#define B "bbbbbbbb-0000-4000-8000-00000000000b"
#define T "/api/v2/orgauthorization/trustees"
#define R "/api/v2/orgauthorization/trustors"

enum mark {
        READS = 1, /* changes nothing */
        ONCE = 2,  /* not to be repeated when its answer was lost */
        PAGED = 4,
};

/* What the API's specification says. */
static const struct {
        enum ts_operation op;
        const char *request; /* without the query */
        const char *query;
        unsigned marks;
        const char *permission; /* in it; NULL: none needed */
} cases[] = {
        { TS_OP_TOKEN, "POST /oauth/token", "", READS, NULL },
        { TS_OP_GET_ORGANIZATION, "GET /api/v2/organizations/me", "", READS, NULL },
        { TS_OP_LIST_ROLES, "GET /api/v2/authorization/roles", "?userCount=false&pageSize=25&pageNumber=3",
          READS | PAGED, "authorization:role:view" },
        { TS_OP_LIST_DIVISIONS, "GET /api/v2/authorization/divisions", "?pageSize=25&pageNumber=3",
          READS | PAGED, NULL },
        { TS_OP_LIST_ROLE_SUBJECTS, "GET /api/v2/authorization/roles/" A "/subjectgrants",
          "?pageSize=25&pageNumber=3", READS | PAGED, "authorization:role:view" },
        { TS_OP_GET_SUBJECT, "GET /api/v2/authorization/subjects/" A, "?includeDuplicates=true", READS,
          "authorization:grant:view" },
        { TS_OP_GET_SUBJECT_MERGED, "GET /api/v2/authorization/subjects/" A, "?includeDuplicates=false",
          READS, "authorization:grant:view" },
        { TS_OP_SEARCH_USERS, "POST /api/v2/users/search", "", READS, "directory:user:view" },
        { TS_OP_SEARCH_GROUPS, "POST /api/v2/groups/search", "", READS, NULL },
        { TS_OP_LIST_GROUP_MEMBERS, "GET /api/v2/groups/" A "/members",
          "?expand=dateLastLogin&pageSize=25&pageNumber=3", READS | PAGED, "directory:user:view" },
        { TS_OP_LIST_USERS, "GET /api/v2/users", "?pageSize=25&pageNumber=3", READS | PAGED,
          "directory:user:view" },
        { TS_OP_LIST_GROUPS, "GET /api/v2/groups", "?pageSize=25&pageNumber=3", READS | PAGED, NULL },
        { TS_OP_LIST_TRUSTEES, "GET " T, "?pageSize=25&pageNumber=3", READS | PAGED,
          "authorization:orgTrustee:view" },
        { TS_OP_LIST_CARE, "GET " T "/care", "", READS, "authorization:orgTrustee:view" },
        { TS_OP_GET_CARE_DEFAULT, "GET " T "/default", "", READS, "authorization:orgTrustee:view" },
        { TS_OP_GET_TRUSTEE, "GET " T "/" A, "", READS, "authorization:orgTrustee:view" },
        { TS_OP_UPDATE_TRUSTEE, "PUT " T "/" A, "", 0, "authorization:orgTrustee:edit" },
        { TS_OP_DELETE_TRUSTEE, "DELETE " T "/" A, "", 0, "authorization:orgTrustee:delete" },
        { TS_OP_LIST_TRUSTEE_USERS, "GET " T "/" A "/users", "?pageSize=25&pageNumber=3", READS | PAGED,
          "authorization:orgTrusteeUser:view" },
        { TS_OP_ADD_TRUSTEE_USER, "POST " T "/" A "/users", "", ONCE, "authorization:orgTrusteeUser:add" },
        { TS_OP_GET_TRUSTEE_USER, "GET " T "/" A "/users/" B, "", READS,
          "authorization:orgTrusteeUser:view" },
        { TS_OP_REMOVE_TRUSTEE_USER, "DELETE " T "/" A "/users/" B, "", 0,
          "authorization:orgTrusteeUser:delete" },
        { TS_OP_GET_TRUSTEE_USER_ROLES, "GET " T "/" A "/users/" B "/roles", "", READS,
          "authorization:orgTrusteeUser:view" },
        { TS_OP_SET_TRUSTEE_USER_GRANTS, "PUT " T "/" A "/users/" B "/roledivisions", "", 0,
          "authorization:orgTrusteeUser:edit" },
        { TS_OP_CLEAR_TRUSTEE_USER_GRANTS, "DELETE " T "/" A "/users/" B "/roles", "", 0,
          "authorization:orgTrusteeUser:delete" },
        { TS_OP_SET_TRUSTEE_USER_ROLES, "PUT " T "/" A "/users/" B "/roles", "", 0,
          "authorization:orgTrusteeUser:edit" },
        { TS_OP_CREATE_TRUSTEE, "POST " T, "", ONCE, "authorization:orgTrustee:add" },
        { TS_OP_CREATE_CARE, "POST " T "/default", "?assignDefaultRole=false&autoExpire=false", ONCE,
          "authorization:orgTrustee:add" },
        { TS_OP_CREATE_CARE_DEFAULT_ROLE, "POST " T "/default", "?assignDefaultRole=true&autoExpire=false",
          ONCE, "authorization:orgTrustee:add" },
        { TS_OP_CREATE_CARE_EXPIRE, "POST " T "/default", "?assignDefaultRole=false&autoExpire=true", ONCE,
          "authorization:orgTrustee:add" },
        { TS_OP_CREATE_CARE_DEFAULT_ROLE_EXPIRE, "POST " T "/default",
          "?assignDefaultRole=true&autoExpire=true", ONCE, "authorization:orgTrustee:add" },
        { TS_OP_LIST_TRUSTEE_GROUPS, "GET " T "/" A "/groups", "?pageSize=25&pageNumber=3", READS | PAGED,
          "authorization:orgTrusteeGroup:view" },
        { TS_OP_ADD_TRUSTEE_GROUP, "POST " T "/" A "/groups", "", ONCE, "authorization:orgTrusteeGroup:add" },
        { TS_OP_GET_TRUSTEE_GROUP, "GET " T "/" A "/groups/" B, "", READS,
          "authorization:orgTrusteeGroup:view" },
        { TS_OP_REMOVE_TRUSTEE_GROUP, "DELETE " T "/" A "/groups/" B, "", 0,
          "authorization:orgTrusteeGroup:delete" },
        { TS_OP_GET_TRUSTEE_GROUP_ROLES, "GET " T "/" A "/groups/" B "/roles", "", READS,
          "authorization:orgTrusteeGroup:view" },
        { TS_OP_SET_TRUSTEE_GROUP_GRANTS, "PUT " T "/" A "/groups/" B "/roledivisions", "", 0,
          "authorization:orgTrusteeGroup:edit" },
        { TS_OP_CLEAR_TRUSTEE_GROUP_GRANTS, "DELETE " T "/" A "/groups/" B "/roles", "", 0,
          "authorization:orgTrusteeGroup:delete" },
        { TS_OP_SET_TRUSTEE_GROUP_ROLES, "PUT " T "/" A "/groups/" B "/roles", "", 0,
          "authorization:orgTrusteeGroup:edit" },
        { TS_OP_LIST_TRUSTEE_CLONES, "GET " T "/" A "/clonedusers", "", READS, "directory:user:view" },
        { TS_OP_REMOVE_TRUSTEE_CLONE, "DELETE " T "/" A "/clonedusers/" B, "", 0, "directory:user:delete" },
        { TS_OP_CREATE_PAIRING, "POST /api/v2/orgauthorization/pairings", "", ONCE,
          "authorization:orgTrustee:add" },
        { TS_OP_GET_PAIRING, "GET /api/v2/orgauthorization/pairings/" A, "", READS,
          "authorization:orgTrustor:view" },
        { TS_OP_LIST_TRUSTORS, "GET " R, "?pageSize=25&pageNumber=3", READS | PAGED,
          "authorization:orgTrustor:view" },
        { TS_OP_GET_TRUSTOR, "GET " R "/" A, "", READS, "authorization:orgTrustor:view" },
        { TS_OP_LEAVE_TRUSTOR, "DELETE " R "/" A, "", 0, "authorization:orgTrustor:delete" },
        { TS_OP_LIST_TRUSTOR_USERS, "GET " R "/" A "/users", "?pageSize=25&pageNumber=3", READS | PAGED,
          "authorization:orgTrusteeUser:view" },
        { TS_OP_GET_TRUSTOR_USER, "GET " R "/" A "/users/" B, "", READS,
          "authorization:orgTrusteeUser:view" },
        { TS_OP_ADD_TRUSTOR_USER, "PUT " R "/" A "/users/" B, "", 0, "authorization:orgTrusteeUser:add" },
        { TS_OP_REMOVE_TRUSTOR_USER, "DELETE " R "/" A "/users/" B, "", 0,
          "authorization:orgTrusteeUser:delete" },
        { TS_OP_LIST_TRUSTOR_GROUPS, "GET " R "/" A "/groups", "?pageSize=25&pageNumber=3", READS | PAGED,
          "authorization:orgTrusteeGroup:view" },
        { TS_OP_GET_TRUSTOR_GROUP, "GET " R "/" A "/groups/" B, "", READS,
          "authorization:orgTrusteeGroup:view" },
        { TS_OP_ADD_TRUSTOR_GROUP, "PUT " R "/" A "/groups/" B, "", 0, "authorization:orgTrusteeGroup:add" },
        { TS_OP_REMOVE_TRUSTOR_GROUP, "DELETE " R "/" A "/groups/" B, "", 0,
          "authorization:orgTrusteeGroup:delete" },
        { TS_OP_LIST_TRUSTOR_CLONES, "GET " R "/" A "/clonedusers", "", READS,
          "authorization:orgTrusteeUser:view" },
        { TS_OP_GET_TRUSTOR_CLONE, "GET " R "/" A "/clonedusers/" B, "", READS,
          "authorization:orgTrusteeUser:view" },
        { TS_OP_ADD_TRUSTOR_CLONE, "PUT " R "/" A "/clonedusers/" B, "", 0,
          "authorization:orgTrusteeUser:add" },
        { TS_OP_REMOVE_TRUSTOR_CLONE, "DELETE " R "/" A "/clonedusers/" B, "", 0,
          "authorization:orgTrusteeUser:delete" },
        { TS_OP_AUDIT_TRUSTEES, "POST " T "/audits", "?pageSize=25&pageNumber=3", READS | PAGED,
          "authorization:audit:view" },
        { TS_OP_AUDIT_TRUSTOR, "POST /api/v2/orgauthorization/trustor/audits", "?pageSize=25&pageNumber=3",
          READS | PAGED, "authorization:audit:view" },
        { TS_OP_CREATE_AUDIT_QUERY, "POST /api/v2/audits/query", "", READS, "audits:audit:view" },
        { TS_OP_GET_AUDIT_QUERY, "GET /api/v2/audits/query/" A, "", READS, "audits:audit:view" },
        { TS_OP_GET_AUDIT_RESULTS, "GET /api/v2/audits/query/" A "/results", "?pageSize=500&expand=user",
          READS, "audits:audit:view" },
};

static void ids_of(struct ts_id ids[2])
{
        ck_assert(ts_id_parse_string(A, &ids[0]));
        ck_assert(ts_id_parse_string(B, &ids[1]));
}

START_TEST(test_operation)
{
        const struct ts_operation_info *o = ts_operation_info(cases[_i].op);
        TS_CLEANUP(ts_buf_done) struct ts_buf url = TS_BUF_INIT(TS_URL_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_URL_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf expected = TS_BUF_INIT(TS_URL_MAX_BYTES);
        unsigned page_size = o->is_paged ? 25 : 0, page = o->is_paged ? 3 : 0;
        struct ts_id ids[2];

        ids_of(ids);
        ck_assert_int_eq(ts_operation_url(cases[_i].op, BASE, ids, o->n_ids, page_size, page, &url), 0);
        (void) ts_buf_printf(&expected, BASE "%s%s", strchr(cases[_i].request, ' ') + 1, cases[_i].query);
        ck_assert_str_eq(ts_buf_text(&url), ts_buf_text(&expected));
        ck_assert_ptr_null(strstr(strchr(ts_buf_text(&url), ':') + strlen("://"), "//"));
        ck_assert_ptr_null(strpbrk(ts_buf_text(&url), "{}"));

        ts_operation_describe(cases[_i].op, ids, o->n_ids, &text);
        ck_assert_str_eq(ts_buf_text(&text), cases[_i].request);

        ck_assert_int_eq(o->writes, !(cases[_i].marks & READS));
        ck_assert_int_eq(o->is_idempotent, !(cases[_i].marks & ONCE));
        ck_assert_int_eq(o->is_paged, !!(cases[_i].marks & PAGED));
        ck_assert_int_eq(!o->permission, !cases[_i].permission);
        if (o->permission)
                ck_assert_ptr_nonnull(strstr(o->permission, cases[_i].permission));
        /* what is written by anything but a POST may be repeated, and a GET never writes */
        ck_assert(o->is_idempotent || o->method == TS_POST);
        ck_assert(!o->writes || o->method != TS_GET);
}
END_TEST

START_TEST(test_every_operation_is_known_here)
{
        bool is_known[TS_OP_MAX_] = { false };

        for (size_t i = 0; i < TS_N_ELEMENTS(cases); i++) {
                ck_assert(!is_known[cases[i].op]);
                is_known[cases[i].op] = true;
        }
        for (int op = 0; op < TS_OP_MAX_; op++)
                ck_assert_msg(is_known[op], "operation %d", op);
}
END_TEST

/* Of every operation: no id missing, none too many, none nil, no page where there is none. */
START_TEST(test_no_url)
{
        enum ts_operation op = (enum ts_operation) _i;
        const struct ts_operation_info *o = ts_operation_info(op);
        TS_CLEANUP(ts_buf_done) struct ts_buf url = TS_BUF_INIT(TS_URL_MAX_BYTES);
        unsigned page = o->is_paged;
        struct ts_id ids[4] = { 0 };

        for (size_t n = 0; n < TS_N_ELEMENTS(ids); n++) {
                ids_of(ids);
                if (n != o->n_ids)
                        ck_assert_int_eq(ts_operation_url(op, BASE, ids, n, page, page, &url), -EINVAL);
        }
        for (size_t n = 0; n < o->n_ids; n++) {
                ids_of(ids);
                ids[n] = (struct ts_id){ { 0 } };
                ck_assert_int_eq(ts_operation_url(op, BASE, ids, o->n_ids, page, page, &url), -EINVAL);
        }
        ids_of(ids);
        ck_assert_int_eq(ts_operation_url(op, BASE, ids, o->n_ids, !page, page, &url), -EINVAL);
        ck_assert_int_eq(ts_operation_url(op, BASE, ids, o->n_ids, page, !page, &url), -EINVAL);
        ck_assert_int_eq(ts_operation_url(op, BASE "/", ids, o->n_ids, page, page, &url), -EINVAL);
        ck_assert_int_eq(ts_operation_url(op, "", ids, o->n_ids, page, page, &url), -EINVAL);
        ck_assert_uint_eq(url.len, 0);
        ck_assert_int_eq(ts_operation_url(TS_OP_MAX_, BASE, NULL, 0, 0, 0, &url), -EINVAL);
}
END_TEST

START_TEST(test_url_is_too_long)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf url = TS_BUF_INIT(100);
        struct ts_id ids[2];

        ids_of(ids);
        ck_assert_int_eq(ts_operation_url(TS_OP_GET_TRUSTEE_USER, BASE, ids, 2, 0, 0, &url), -EFBIG);
}
END_TEST

/* The operations on members stand where they belong: checked by their own addresses. */
static const struct {
        enum ts_member_verb verb;
        const char *trustee, *trustor; /* "M": the collection; NULL: there is none */
} verb_cases[] = {
        { TS_MEMBERS_LIST, "GET M", "GET M" },
        { TS_MEMBER_GET, "GET M/" B, "GET M/" B },
        { TS_MEMBER_ADD, "POST M", "PUT M/" B },
        { TS_MEMBER_REMOVE, "DELETE M/" B, "DELETE M/" B },
        { TS_MEMBER_GET_ROLES, "GET M/" B "/roles", NULL },
        { TS_MEMBER_SET_GRANTS, "PUT M/" B "/roledivisions", NULL },
        { TS_MEMBER_SET_ROLES, "PUT M/" B "/roles", NULL },
        { TS_MEMBER_CLEAR_GRANTS, "DELETE M/" B "/roles", NULL },
};

static bool has_operation(enum ts_direction direction, enum ts_collection collection, size_t i)
{
        bool is_clone_verb = verb_cases[i].verb == TS_MEMBERS_LIST || verb_cases[i].verb == TS_MEMBER_REMOVE;

        if (direction == TS_TRUSTEE && collection == TS_CLONES)
                return is_clone_verb;
        return direction == TS_TRUSTEE ? verb_cases[i].trustee : verb_cases[i].trustor;
}

START_TEST(test_members)
{
        static const char *const names[] = {
                [TS_USERS] = "users", [TS_GROUPS] = "groups", [TS_CLONES] = "clonedusers"
        };
        enum ts_direction direction = _i % 2 ? TS_TRUSTOR : TS_TRUSTEE;
        enum ts_collection collection = (enum ts_collection)(_i / 2);
        struct ts_id ids[2];

        ids_of(ids);
        for (size_t i = 0; i < TS_N_ELEMENTS(verb_cases); i++) {
                enum ts_operation op = ts_operation_of_members(direction, collection, verb_cases[i].verb);
                const char *pattern = direction == TS_TRUSTEE ? verb_cases[i].trustee : verb_cases[i].trustor;
                TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_URL_MAX_BYTES);
                TS_CLEANUP(ts_buf_done) struct ts_buf expected = TS_BUF_INIT(TS_URL_MAX_BYTES);
                const char *place;

                if (!has_operation(direction, collection, i)) {
                        ck_assert_int_eq(op, TS_OP_MAX_);
                        continue;
                }
                ck_assert_int_lt(op, TS_OP_MAX_);
                place = strchr(pattern, 'M');
                (void) ts_buf_printf(&expected, "%.*s%s/" A "/%s%s", (int) (place - pattern), pattern,
                                     direction == TS_TRUSTEE ? T : R, names[collection], place + 1);
                ts_operation_describe(op, ids, ts_operation_info(op)->n_ids, &text);
                ck_assert_str_eq(ts_buf_text(&text), ts_buf_text(&expected));
        }
}
END_TEST

START_TEST(test_create_care)
{
        bool role = _i & 1, expires = _i & 2;
        const char *query = ts_operation_info(ts_operation_create_care(role, expires))->query;

        ck_assert_ptr_nonnull(strstr(query, role ? "assignDefaultRole=true" : "assignDefaultRole=false"));
        ck_assert_ptr_nonnull(strstr(query, expires ? "autoExpire=true" : "autoExpire=false"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("operations");
        TCase *t = tcase_create("operations");

        tcase_add_loop_test(t, test_operation, 0, TS_N_ELEMENTS(cases));
        tcase_add_test(t, test_every_operation_is_known_here);
        tcase_add_loop_test(t, test_no_url, 0, TS_OP_MAX_);
        tcase_add_test(t, test_url_is_too_long);
        tcase_add_loop_test(t, test_members, 0, 2 * TS_COLLECTIONS);
        tcase_add_loop_test(t, test_create_care, 0, 4);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
