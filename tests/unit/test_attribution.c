/*
 * test_attribution - which entry of an audit belongs to which drift
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "trust/attribution.h"
#include "util/buf.h"
#include "util/mem.h"

#define NOW 1800000000
#define CONTOSO 1u
#define FABRIKAM 2u
#define JANE 11u
#define JOE 12u
#define EVE 13u

#define USER_TRUST "OrganizationAuthorizationUserTrust"
#define TRUST "OrganizationAuthorizationTrust"

static struct ts_id id_of(unsigned n)
{
        struct ts_id id = { { 0 } };

        id.bytes[15] = (uint8_t) n;
        return id;
}

/* An entry: who, what, about whom, when (seconds before NOW). */
struct entry {
        const char *by, *client, *action, *type;
        unsigned entity, mentioned[3];
        int64_t ago;
        bool failed;
};

/* A change of JANE in CONTOSO, unless it says otherwise. */
struct change {
        enum ts_action action;
        enum ts_kind kind;
        enum ts_direction direction;
        enum ts_reason reason;
        bool grant_drifts; /* only one of its grants is drift */
        const char *by;    /* known already */
        bool is_unresolved, is_skipped;
};

#define REMOVED \
        { \
                TS_USER_ADD, TS_KIND_USER, TS_TRUSTEE, TS_REASON_DRIFT, false, NULL, false \
        }
#define ADDED \
        { \
                TS_USER_REMOVE, TS_KIND_USER, TS_TRUSTEE, TS_REASON_DRIFT, false, NULL, false \
        }
#define CHANGED \
        { \
                TS_USER_UPDATE, TS_KIND_USER, TS_TRUSTEE, TS_REASON_DRIFT, false, NULL, false \
        }
#define DISABLED \
        { \
                TS_TRUST_ENABLE, TS_KIND_TRUST, TS_TRUSTEE, TS_REASON_DRIFT, false, NULL, false \
        }

static const struct {
        const char *name;
        struct change change;
        struct entry entries[3];
        const char *told; /* "-", or who and how long ago */
} cases[] = {
        { "no entry", REMOVED, { { 0 } }, "-" },
        { "removed from the trust",
          REMOVED,
          { { "eve@acme.example", "x", "Delete", USER_TRUST, JANE, { CONTOSO }, 60, false } },
          "eve@acme.example 60" },
        { "the trust is the entity, the user is mentioned",
          REMOVED,
          { { "eve", NULL, "Remove", USER_TRUST, CONTOSO, { JANE }, 60, false } },
          "eve 60" },
        { "no type, no action, no client",
          REMOVED,
          { { "eve", NULL, NULL, NULL, JANE, { 0 }, 60, false } },
          "eve 60" },
        { "no time", REMOVED, { { "eve", NULL, NULL, NULL, JANE, { 0 }, -1, false } }, "eve unset" },
        { "about somebody else",
          REMOVED,
          { { "eve", NULL, "Delete", USER_TRUST, JOE, { CONTOSO }, 60, false } },
          "-" },
        { "it did not succeed",
          REMOVED,
          { { "eve", NULL, "Delete", USER_TRUST, JANE, { 0 }, 60, true } },
          "-" },
        { "nobody is said to have done it",
          REMOVED,
          { { NULL, "x", "Delete", NULL, JANE, { 0 }, 60, false } },
          "-" },
        { "the newest of several, in any order",
          REMOVED,
          { { "old", NULL, "Delete", NULL, JANE, { 0 }, 300, false },
            { "eve", NULL, "Delete", NULL, JANE, { 0 }, 60, false },
            { "older", NULL, "Delete", NULL, JANE, { 0 }, 900, false } },
          "eve 60" },
        { "an addition has not removed her",
          REMOVED,
          { { "ann", NULL, "MemberAdd", NULL, JANE, { 0 }, 10, false },
            { "eve", NULL, "MemberRemove", NULL, JANE, { 0 }, 60, false } },
          "eve 60" },
        { "nor has a creation", REMOVED, { { "ann", NULL, "create", NULL, JANE, { 0 }, 10, false } }, "-" },
        { "a removal has not added her",
          ADDED,
          { { "ann", NULL, "Delete", NULL, JANE, { 0 }, 10, false },
            { "eve", NULL, "AddPairingRole", NULL, JANE, { 0 }, 60, false } },
          "eve 60" },
        { "her grants were changed, one way or the other",
          CHANGED,
          { { "ann", NULL, "MemberRemove", "Role", 77, { JANE }, 10, false },
            { "eve", NULL, "MemberAdd", "Role", 77, { JANE }, 60, false } },
          "ann 10" },
        { "known already",
          { .action = TS_USER_REMOVE, .kind = TS_KIND_USER, .reason = TS_REASON_DRIFT, .by = "joe" },
          { { "eve", NULL, NULL, NULL, JANE, { 0 }, 60, false } },
          "joe unset" },
        { "not drift",
          { .action = TS_USER_ADD, .kind = TS_KIND_USER, .reason = TS_REASON_CONFIG },
          { { "eve", NULL, NULL, NULL, JANE, { 0 }, 60, false } },
          "-" },
        { "only reported",
          { .action = TS_USER_REMOVE, .kind = TS_KIND_USER, .reason = TS_REASON_DRIFT, .is_skipped = true },
          { { "eve", NULL, NULL, NULL, JANE, { 0 }, 60, false } },
          "-" },
        { "a part of it is drift",
          { .action = TS_USER_UPDATE,
            .kind = TS_KIND_USER,
            .reason = TS_REASON_CONFIG,
            .grant_drifts = true },
          { { "eve", NULL, NULL, NULL, JANE, { 0 }, 60, false } },
          "eve 60" },
        { "whose id is not known",
          { .action = TS_USER_ADD, .kind = TS_KIND_USER, .reason = TS_REASON_DRIFT, .is_unresolved = true },
          { { "eve", NULL, NULL, NULL, 0, { JANE }, 60, false } },
          "-" },
        { "a group",
          { .action = TS_GROUP_ADD, .kind = TS_KIND_GROUP, .reason = TS_REASON_DRIFT },
          { { "eve", NULL, "Delete", "OrganizationAuthorizationGroupTrust", JANE, { 0 }, 60, false } },
          "eve 60" },
        { "ours in a trustor: the trust has to be named",
          { .action = TS_USER_ADD, .kind = TS_KIND_USER, .direction = TS_TRUSTOR, .reason = TS_REASON_DRIFT },
          { { "ann", NULL, "Delete", USER_TRUST, JANE, { FABRIKAM }, 10, false },
            { "eve", NULL, "Delete", USER_TRUST, JANE, { CONTOSO }, 60, false } },
          "eve 60" },

        { "the trust was disabled",
          DISABLED,
          { { "eve", NULL, "Update", TRUST, CONTOSO, { 0 }, 60, false } },
          "eve 60" },
        { "the trust is only mentioned",
          DISABLED,
          { { "eve", NULL, "Update", TRUST, 77, { CONTOSO }, 60, false } },
          "eve 60" },
        { "a type in any case",
          DISABLED,
          { { "eve", NULL, "UPDATE", "organizationauthorizationtrust", CONTOSO, { 0 }, 60, false } },
          "eve 60" },
        { "the trust by its id, without a type",
          DISABLED,
          { { "eve", NULL, "Update", NULL, CONTOSO, { 0 }, 60, false } },
          "eve 60" },
        { "a member of the trust is not the trust",
          DISABLED,
          { { "ann", NULL, "Update", USER_TRUST, CONTOSO, { JANE }, 10, false },
            { "joe", NULL, "Update", "OrganizationAuthorizationGroupTrust", CONTOSO, { 0 }, 10, false },
            { "jim", NULL, "Update", "Role", 77, { CONTOSO }, 10, false } },
          "-" },
        { "another trust", DISABLED, { { "eve", NULL, "Update", TRUST, FABRIKAM, { 0 }, 60, false } }, "-" },

        { "by ourselves: older than our record",
          REMOVED,
          { { "bot", "OURS", "Delete", NULL, JANE, { 0 }, 1000, false } },
          "-" },
        { "by ourselves: as old as the clocks may differ",
          REMOVED,
          { { "bot", "ours", "Delete", NULL, JANE, { 0 }, 700, false } },
          "-" },
        { "by ourselves after our record: another writer",
          REMOVED,
          { { "bot", "ours", "Delete", NULL, JANE, { 0 }, 699, false },
            { "eve", NULL, "Delete", NULL, JANE, { 0 }, 1200, false } },
          "- contoso: " },
        { "by ourselves, and nobody says when",
          REMOVED,
          { { "bot", "ours", "Delete", NULL, JANE, { 0 }, -1, false } },
          "-" },
        { "a request is about its trust",
          { .action = TS_PAIRING_CREATE, .kind = TS_KIND_PAIRING, .reason = TS_REASON_DRIFT },
          { { "ann", NULL, "Delete", USER_TRUST, JANE, { CONTOSO }, 10, false },
            { "eve", NULL, "Delete", TRUST, CONTOSO, { 0 }, 60, false } },
          "eve 60" },
        { "another writer and a request",
          { .action = TS_PAIRING_CREATE, .kind = TS_KIND_PAIRING, .reason = TS_REASON_DRIFT },
          { { NULL, "ours", "Delete", TRUST, CONTOSO, { 0 }, 0, false } },
          "- contoso: " },
        { "another writer has disabled the trust",
          DISABLED,
          { { NULL, "ours", "Update", TRUST, CONTOSO, { 0 }, 0, false } },
          "- contoso: " },
        { "other hands after us",
          REMOVED,
          { { "bot", "ours", NULL, NULL, JANE, { 0 }, 600, false },
            { "eve", "x", NULL, NULL, JANE, { 0 }, 60, false } },
          "eve 60" },
};

#define SAVED (NOW - 1000) /* our record */

static struct ts_plan *plan_of(const struct change *row)
{
        static struct ts_grant_change drifted = { .reason = TS_REASON_DRIFT };
        struct ts_plan *plan = ts_plan_new();
        struct ts_change *c = ts_plan_add_change(plan);
        bool is_trust = row->kind == TS_KIND_TRUST || row->kind == TS_KIND_PAIRING;

        c->action = row->action;
        c->kind = row->kind;
        c->direction = row->direction;
        c->reason = row->reason;
        c->decision = row->is_skipped ? TS_SKIPPED : TS_PLANNED;
        c->trust_alias = "contoso";
        c->trust_id = id_of(CONTOSO);
        c->by = row->by;
        c->by_when = TS_TIME_UNSET;
        if (!is_trust && !row->is_unresolved)
                c->subject_id = id_of(JANE);
        c->subject_name = is_trust ? NULL : "jane";
        if (row->grant_drifts)
                c->add = (struct ts_grant_changes){ &drifted, 1 };
        return plan;
}

static size_t entries_of(const struct entry *rows, struct ts_audit_entry *entries, struct ts_id ids[][4])
{
        size_t n = 0;

        for (; n < 3 && (rows[n].entity > 0 || rows[n].mentioned[0] > 0); n++) {
                const struct entry *e = &rows[n];

                entries[n] = (struct ts_audit_entry){ .by = { e->by, id_of(EVE), id_of(FABRIKAM) },
                                                      .client = e->client,
                                                      .action = e->action,
                                                      .entity_type = e->type,
                                                      .failed = e->failed,
                                                      .when = e->ago < 0 ? TS_TIME_UNSET : NOW - e->ago,
                                                      .mentioned = { ids[n], 0 } };
                if (e->entity > 0)
                        entries[n].entity = ids[n][entries[n].mentioned.n++] = id_of(e->entity);
                for (size_t i = 0; i < 3 && e->mentioned[i] > 0; i++)
                        ids[n][entries[n].mentioned.n++] = id_of(e->mentioned[i]);
        }
        return n;
}

static void put_told(const struct ts_plan *plan, struct ts_buf *out)
{
        const struct ts_change *c = &plan->changes[0];

        ts_buf_puts(out, c->by ? c->by : "-");
        if (c->by && strcmp(c->by, "joe") != 0) { /* joe was known before; else ids come with the name */
                ck_assert_uint_eq(c->by_id.bytes[15], EVE);
                ck_assert_uint_eq(c->by_organization.bytes[15], FABRIKAM);
        }
        if (c->by && c->by_when == TS_TIME_UNSET)
                ts_buf_puts(out, " unset");
        else if (c->by)
                ts_buf_printf(out, " %lld", (long long) (NOW - c->by_when));
        for (size_t i = 0; i < plan->n_messages; i++)
                ts_buf_printf(out, " %s: ", plan->messages[i].trust);
}

START_TEST(test_assign)
{
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&cases[_i].change);
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(4096);
        struct ts_audit_entry items[3];
        struct ts_id ids[3][4];
        struct ts_audit_entries entries = { items, entries_of(cases[_i].entries, items, ids) };
        const struct change *change = &cases[_i].change;
        bool is_sought = (change->reason == TS_REASON_DRIFT || change->grant_drifts) && !change->by &&
                         !change->is_skipped;

        ck_assert_int_eq(ts_attribution_recall(plan, NULL, NOW), is_sought);
        ts_attribution_assign(plan, &entries, "ours", SAVED, NULL, NOW);
        put_told(plan, &got);
        if (plan->n_messages > 0)
                message_is(cases[_i].name, plan->messages[0].text);
        ck_assert_msg(strcmp(ts_buf_text(&got), cases[_i].told) == 0, "%s:\n%s\n%s", cases[_i].name,
                      ts_buf_text(&got), cases[_i].told);
}
END_TEST

/* Without a record nothing can be said of our own client. */
START_TEST(test_no_record)
{
        static const struct change change = REMOVED;
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&change);
        struct ts_id jane = id_of(JANE);
        struct ts_audit_entry entry = {
                .client = "ours", .entity = jane, .when = NOW, .mentioned = { &jane, 1 }
        };
        struct ts_audit_entries entries = { &entry, 1 };

        ts_attribution_assign(plan, &entries, "ours", 0, NULL, NOW);
        ck_assert_uint_eq(plan->n_messages, 0);
        ck_assert(!plan->changes[0].by);
}
END_TEST

/* A second writer is told once. */
START_TEST(test_second_writer_of_many)
{
        static const struct change change = REMOVED;
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&change);
        struct ts_id jane = id_of(JANE);
        struct ts_audit_entry entry = {
                .client = "ours", .entity = jane, .when = NOW, .mentioned = { &jane, 1 }
        };
        struct ts_audit_entries entries = { &entry, 1 };

        for (unsigned i = 0; i < 2; i++) {
                struct ts_change *c = ts_plan_add_change(plan);

                *c = plan->changes[0];
        }
        ts_attribution_assign(plan, &entries, "ours", SAVED, NULL, NOW);
        ck_assert_uint_eq(plan->n_messages, 1);
        message_is("three changes", plan->messages[0].text);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- memory */

/* One cycle later: is it asked about, and what is in the plan? */
static void ck_recalled(const struct change *change, const struct ts_attribution_cache *m, int64_t now,
                        bool is_asked, const char *told)
{
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(change);
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(4096);

        ck_assert_int_eq(ts_attribution_recall(plan, m, now), is_asked);
        put_told(plan, &got);
        ck_assert_str_eq(ts_buf_text(&got), told);
}

static void assign(const struct change *change, const struct entry *row, struct ts_attribution_cache *m,
                   int64_t now)
{
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(change);
        struct ts_audit_entry items[3];
        struct ts_id ids[3][4];
        struct entry rows[3] = { *row };
        struct ts_audit_entries entries = { items, entries_of(rows, items, ids) };

        ts_attribution_assign(plan, &entries, "ours", SAVED, m, now);
}

START_TEST(test_cache)
{
        static const struct change removed = REMOVED, added = ADDED;
        static const struct entry nobody = { 0 }, eve = { .by = "eve", .entity = JANE, .ago = 60 };
        TS_CLEANUP(ts_attribution_cache_done) struct ts_attribution_cache m = { 0 };

        ck_recalled(&removed, &m, NOW, true, "-");
        assign(&removed, &nobody, &m, NOW);
        ck_recalled(&removed, &m, NOW, false, "-");
        ck_recalled(&removed, &m, NOW + TS_ATTRIBUTION_AGAIN_SEC - 1, false, "-");
        ck_recalled(&removed, &m, NOW + TS_ATTRIBUTION_AGAIN_SEC, true, "-");
        ck_recalled(&added, &m, NOW, true, "-"); /* another change */

        assign(&removed, &eve, &m, NOW);
        ck_assert_uint_eq(m.n, 1);
        ck_recalled(&removed, &m, NOW + TS_ATTRIBUTION_AGAIN_SEC, false, "eve 60");
        ck_recalled(&removed, &m, NOW + TS_ATTRIBUTION_KNOWN_SEC - 1, false, "eve 60");
        ck_recalled(&removed, &m, NOW + TS_ATTRIBUTION_KNOWN_SEC, true, "-");
}
END_TEST

START_TEST(test_cache_is_bounded)
{
        static const struct change removed = REMOVED;
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(&removed);
        TS_CLEANUP(ts_attribution_cache_done) struct ts_attribution_cache m = { 0 };
        struct ts_audit_entries none = { 0 };

        for (unsigned i = 0; i < 2 * TS_ATTRIBUTION_KNOWN_MAX; i++) {
                struct ts_change *c = ts_plan_add_change(plan);

                *c = plan->changes[0];
                c->subject_id.bytes[0] = (uint8_t) (i >> 8);
                c->subject_id.bytes[1] = (uint8_t) i;
        }
        ts_attribution_assign(plan, &none, "ours", SAVED, &m, NOW);
        ck_assert_uint_eq(m.n, TS_ATTRIBUTION_KNOWN_MAX);
        ck_assert(ts_attribution_recall(plan, &m, NOW)); /* the oldest were forgotten */
}
END_TEST

static Suite *suite(void)
{
        Suite *s = suite_create("attribution");
        TCase *tc = tcase_create("who");

        tcase_add_loop_test(tc, test_assign, 0, TS_N_ELEMENTS(cases));
        tcase_add_test(tc, test_no_record);
        tcase_add_test(tc, test_second_writer_of_many);
        tcase_add_test(tc, test_cache);
        tcase_add_test(tc, test_cache_is_bounded);
        suite_add_tcase(s, tc);
        return s;
}

int main(void)
{
        return run_suite(suite());
}
