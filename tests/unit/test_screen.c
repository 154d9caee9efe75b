/*
 * screen: is whoever turns out to be denied taken back at once, and a new trust opened only when nobody in it
 * is?
 *
 * Trust 1, user 2; eve@x.example is denied.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "fake-api.h"
#include "genesys/apply.h"
#include "suite.h"
#include "util/limits.h"
#include "util/macros.h"

#define TRUST "/orgauthorization/trustees/00000000-0000-4000-8000-000000000001"
#define USERS TRUST "/users"
#define USER USERS "/00000000-0000-4000-8000-000000000002"
#define USER_ID "'id':'00000000-0000-4000-8000-000000000002'"
#define LIST "GET " USERS "?pageSize=100&pageNumber=1"
#define EVE ",'email':'eve@x.example'"
#define ANN ",'email':'ann@x.example'"

struct world {
        struct fake_api *api;
        struct ts_live *live;
        struct ts_plan *plan;
        struct ts_outcomes outcomes;
        struct ts_apply_screen screen;
        struct ts_buf heard; /* of removals by `deny` */
        struct ts_err err;
};

static const struct ts_source denial = { "settings.yaml", 7, 1 };

static const struct ts_source *find_denial(const struct ts_change *c, const struct ts_id *id,
                                           const char *email, void *userdata)
{
        (void) c;
        (void) id;
        (void) userdata;
        return strcmp(email, "eve@x.example") == 0 ? &denial : NULL;
}

static bool is_protected(const struct ts_change *c, const struct ts_id *id, const char *email, void *userdata)
{
        (void) c;
        (void) id;
        (void) userdata;
        return email && strcmp(email, "pat@x.example") == 0;
}

static void on_change(const struct ts_plan *plan, const struct ts_change *c, void *userdata)
{
        struct world *w = userdata;

        (void) plan;
        if (c->reason == TS_REASON_DENIED && ts_change_result(c) == TS_APPLIED)
                ts_buf_printf(&w->heard, "%s %s (%s:%u)\n", ts_action_to_string(c->action), c->subject_name,
                              c->source.file, (unsigned) c->source.line);
}

static struct ts_change *add(struct world *w, enum ts_action action, enum ts_phase phase)
{
        struct ts_change *c = ts_plan_add_change(w->plan);

        c->action = action;
        c->phase = phase;
        c->trust_alias = "contoso";
        c->trust_id = fake_id(1);
        c->before.expires = c->after.expires = TS_TIME_NEVER;
        if (ts_action_count(action) == TS_COUNT_ADD && phase == TS_PHASE_ADD && action != TS_TRUST_CREATE) {
                c->kind = action == TS_GROUP_ADD ? TS_KIND_GROUP : TS_KIND_USER;
                c->subject_id = fake_id(2);
                c->subject_name = "00000000-0000-4000-8000-000000000002";
        }
        return c;
}

static void world_init(struct world *w)
{
        *w = (struct world){
                .api = fake_api_new(NULL, NULL),
                .live = ts_live_new(),
                .plan = ts_plan_new(),
                .screen = { .has_emails = true, .find_denial = find_denial, .is_protected = is_protected },
                .heard = TS_BUF_INIT(4096)
        };
        w->plan->organization = "acme";
        w->plan->catalog = &w->live->catalog;
}

static void world_done(struct world *w)
{
        ts_plan_free(w->plan);
        ts_outcomes_done(&w->outcomes);
        ts_live_free(w->live);
        fake_api_free(w->api);
        ts_buf_done(&w->heard);
}

static void apply(struct world *w)
{
        struct ts_apply_options options = { .clock = fake_api_clock(w->api),
                                            .is_unverified = true,
                                            .screen = &w->screen,
                                            .on_change = on_change,
                                            .userdata = w };

        ts_outcomes_begin(&w->outcomes, w->plan);
        ck_assert_int_eq(ts_apply(fake_api_client(w->api), w->plan, w->live, &options, &w->outcomes, &w->err),
                         0);
}

static void require(const struct world *w, const char *name, const struct ts_change *c, enum ts_result result,
                    const char *note)
{
        const char *said = ts_change_note(c);

        ck_assert_msg(ts_change_result(c) == result, "%s: %s: %s\n%s", name,
                      ts_result_to_string(ts_change_result(c)), said, fake_api_log(w->api));
        ck_assert_msg(note ? said && strstr(said, note) : !said, "%s: %s", name, said);
}

static bool was_asked(const struct world *w, const char *request)
{
        return strstr(fake_api_log(w->api), request) != NULL;
}

/* -------------------------------------------------------------------------------------- somebody is added */

static const struct {
        const char *name;
        enum ts_action action;
        const char *answer, *shown; /* of the write; of the member, when it is looked at */
        long removed;               /* the answer to the removal; 0: nobody is removed */
        bool is_screened, has_no_emails;
        enum ts_result result;
        const char *note;
} additions[] = {
        { "the answer shows a denied address", TS_USER_ADD, "{" USER_ID EVE "}", NULL, 204, false, false,
          TS_HELD, "it was added and taken back at once" },
        { "or that of somebody else", TS_USER_ADD, "{" USER_ID ANN "}", NULL, 0, false, false, TS_APPLIED,
          NULL },
        { "it shows none, the member does", TS_USER_ADD, "{" USER_ID "}", "{" USER_ID EVE "}", 204, true,
          false, TS_HELD, "(settings.yaml:7)" },
        { "it shows none, and the member is somebody else", TS_USER_ADD, "{" USER_ID "}", "{" USER_ID ANN "}",
          0, true, false, TS_APPLIED, NULL },
        { "neither shows one", TS_USER_ADD, "{" USER_ID "}", "{" USER_ID "}", 0, true, false, TS_APPLIED,
          NULL },
        { "the member cannot be read", TS_USER_ADD, "{" USER_ID "}", NULL, 0, true, false, TS_APPLIED, NULL },
        { "the removal is refused", TS_USER_ADD, "{" USER_ID EVE "}", NULL, 403, false, false, TS_FAILED,
          "it could not be taken back" },
        { "it has gone meanwhile", TS_USER_ADD, "{" USER_ID EVE "}", NULL, 404, false, false, TS_HELD,
          "taken back at once" },
        { "a group has no address", TS_GROUP_ADD, "{" USER_ID EVE "}", NULL, 0, false, false, TS_APPLIED,
          NULL },
        { "nobody is denied by an address", TS_USER_ADD, "{" USER_ID "}", NULL, 0, false, true, TS_APPLIED,
          NULL },
};

START_TEST(test_addition)
{
        const char *users = additions[_i].action == TS_GROUP_ADD ? "POST " TRUST "/groups" : "POST " USERS;
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        (void) add(&w, additions[_i].action, TS_PHASE_ADD);
        w.screen.has_emails = !additions[_i].has_no_emails;
        fake_api_answer(w.api, users, 200, additions[_i].answer);
        if (additions[_i].shown)
                fake_api_answer(w.api, "GET " USER, 200, additions[_i].shown);
        if (additions[_i].removed > 0)
                fake_api_answer(w.api, "DELETE " USER, additions[_i].removed, NULL);
        apply(&w);
        require(&w, additions[_i].name, &w.plan->changes[0], additions[_i].result, additions[_i].note);
        ck_assert_msg(was_asked(&w, "DELETE " USER) == (additions[_i].removed > 0), "%s", additions[_i].name);
        ck_assert_msg(was_asked(&w, "GET " USER) == additions[_i].is_screened, "%s", additions[_i].name);
        ck_assert_str_eq(ts_buf_text(&w.heard),
                         additions[_i].result != TS_HELD ? ""
                                                         : "user.remove 00000000-0000-4000-8000-000000000002 "
                                                           "(settings.yaml:7)\n");
}
END_TEST

/* ------------------------------------------------------------------------------------- a trust is created */

#define PAGE(members) "{'entities':[" members "],'pageNumber':1,'pageSize':100,'pageCount':1,'total':1}"

static const struct {
        const char *name;
        long created;
        const char *members; /* NULL: they cannot be read */
        long removed;
        enum ts_result result;
        const char *note;
} creations[] = {
        { "nobody in it is denied", 200, PAGE("{" USER_ID ANN "}"), 0, TS_APPLIED, NULL },
        { "nobody in it has an address", 200, PAGE("{" USER_ID "}"), 0, TS_APPLIED, NULL },
        { "somebody denied is taken out first", 200, PAGE("{" USER_ID EVE "}"), 204, TS_APPLIED, NULL },
        { "he cannot be taken out", 200, PAGE("{" USER_ID EVE "}"), 403, TS_WAITING, "403" },
        { "its members cannot be read", 200, NULL, 0, TS_WAITING, "its members could not be read" },
        { "it could not be created", 400, PAGE("{" USER_ID "}"), 0, TS_WAITING, "could not be created" },
};

START_TEST(test_creation)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_change *open;
        bool opens;

        world_init(&w);
        add(&w, TS_TRUST_CREATE, TS_PHASE_ADD)->pairing_id = fake_id(3);
        (void) add(&w, TS_USER_ADD, TS_PHASE_ADD);
        open = add(&w, TS_TRUST_ENABLE, TS_PHASE_OPEN);
        open->after.enabled = open->changes_enabled = true;
        fake_api_answer(w.api, "POST /orgauthorization/trustees", creations[_i].created, "{}");
        fake_api_answer(w.api, LIST, creations[_i].members ? 200 : 403,
                        creations[_i].members ? creations[_i].members : "{}");
        if (creations[_i].removed > 0)
                fake_api_answer(w.api, "DELETE " USER, creations[_i].removed, NULL);
        fake_api_answer(w.api, "GET " TRUST, 200,
                        "{'id':'00000000-0000-4000-8000-000000000001','enabled':false,'organization':{'id':"
                        "'00000000-0000-4000-8000-000000000001'}}");
        fake_api_answer(w.api, "PUT " TRUST, 200, "{}");
        apply(&w);
        require(&w, creations[_i].name, &w.plan->changes[2], creations[_i].result, creations[_i].note);
        opens = creations[_i].result == TS_APPLIED;
        ck_assert_msg(was_asked(&w, "PUT " TRUST) == opens, "%s", creations[_i].name);
        ck_assert_msg(was_asked(&w, "DELETE " USER) == (creations[_i].removed > 0), "%s", creations[_i].name);
        ck_assert_str_eq(ts_buf_text(&w.heard),
                         creations[_i].removed == 204 ? "user.remove eve@x.example (settings.yaml:7)\n" : "");
}
END_TEST

/* ------------------------------------------------------------------ the members of a trust that is closed */

static const struct {
        const char *name, *members;
        bool is_denial;
        enum ts_result result;
        const char *note;
} closings[] = {
        { "the same member", PAGE("{" USER_ID ANN "}"), false, TS_APPLIED, NULL },
        { "he has the protected address now, and `deny` closes it",
          PAGE("{" USER_ID ",'email':'pat@x.example'}"), true, TS_HELD, "protected" },
        { "a stranger joins, and `deny` closes it",
          PAGE("{'id':'00000000-0000-4000-8000-000000000009'" ANN "}"), true, TS_APPLIED, NULL },
        { "a stranger joins", PAGE("{'id':'00000000-0000-4000-8000-000000000009'" ANN "}"), false, TS_WAITING,
          "changed by somebody else" },
        { "the list lies, and `deny` closes it", "{'entities':[],'pageCount':1,'total':7}", true, TS_APPLIED,
          NULL },
        { "the list lies", "{'entities':[],'pageCount':1,'total':7}", false, TS_FAILED, "could not be read" },
};

START_TEST(test_closing)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_member member = { .id = fake_id(2) };
        struct ts_trust trust = { .id = fake_id(1), .enabled = true, .expires = TS_TIME_NEVER };
        struct ts_change *c;

        world_init(&w);
        trust.created = TS_TIME_UNSET;
        trust.users = (struct ts_members){ .coverage = TS_COVERAGE_COMPLETE, .items = &member, .n = 1 };
        w.live->trusts = &trust;
        w.live->n_trusts = 1;
        c = add(&w, TS_TRUST_DISABLE, TS_PHASE_CLOSE);
        c->kind = TS_KIND_TRUST;
        c->reason = closings[_i].is_denial ? TS_REASON_DENIED : TS_REASON_CONFIG;
        c->before.enabled = c->changes_enabled = c->guards_members = true;
        fake_api_answer(w.api, LIST, 200, closings[_i].members);
        fake_api_answer(w.api, "GET " TRUST, 200,
                        "{'id':'00000000-0000-4000-8000-000000000001','enabled':true,'organization':{'id':"
                        "'00000000-0000-4000-8000-000000000001'}}");
        fake_api_answer(w.api, "PUT " TRUST, 200, "{}");
        apply(&w);
        require(&w, closings[_i].name, c, closings[_i].result, closings[_i].note);
        ck_assert_msg(was_asked(&w, "PUT " TRUST) == (closings[_i].result == TS_APPLIED), "%s",
                      closings[_i].name);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("screen");
        TCase *tc = tcase_create("screen");

        tcase_add_loop_test(tc, test_addition, 0, (int) TS_N_ELEMENTS(additions));
        tcase_add_loop_test(tc, test_creation, 0, (int) TS_N_ELEMENTS(creations));
        tcase_add_loop_test(tc, test_closing, 0, (int) TS_N_ELEMENTS(closings));
        suite_add_tcase(s, tc);
        return run_suite(s);
}
