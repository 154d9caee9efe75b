/* ends, and the limits on them and on drift: what counts for whom, and when */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"
#include "suite.h"
#include "trust/decide.h"
#include "trust/ends.h"
#include "trust/limits.h"
#include "trust/last_applied_update.h"
#include "util/buf.h"
#include "util/macros.h"

#define NOW 1800000000 /* 2027-01-15T08:00:00Z */
#define DAY 86400

struct world {
        struct ts_live *live;
        struct ts_last_applied *last_applied;
        struct ts_plan *plan;
        struct ts_limits limits;
        struct ts_decl_organization decl;
        struct ts_desired *desired;
};

static void world_init(struct world *w)
{
        *w = (struct world){ .live = ts_live_new(),
                             .last_applied = ts_last_applied_new(),
                             .plan = ts_plan_new() };
        w->limits = (struct ts_limits){ 10, 20, 3, 25, 25 };
        w->plan->organization = "acme";
        w->plan->catalog = &w->live->catalog;
        w->desired = ts_resolve_members(&w->decl, w->live, NULL);
        w->last_applied->status = TS_LAST_APPLIED_KNOWN;
        w->last_applied->path = "/state/x";
        w->last_applied->ends = TS_ARENA_ARRAY(&w->last_applied->arena, struct ts_last_applied_end, 20);
}

static void world_done(struct world *w)
{
        ts_plan_free(w->plan);
        ts_last_applied_free(w->last_applied);
        ts_desired_free(w->desired);
        ts_live_free(w->live);
}

static struct ts_id id_of(unsigned n)
{
        struct ts_id id = { { 0 } };

        id.bytes[15] = (uint8_t) n;
        return id;
}

static struct ts_change *add_change(struct world *w, unsigned trust, enum ts_action action,
                                    enum ts_reason reason)
{
        struct ts_change *c = ts_plan_add_change(w->plan);

        c->action = action;
        c->reason = reason;
        c->kind = action == TS_TRUST_DISABLE ? TS_KIND_TRUST : TS_KIND_USER;
        c->trust_alias = trust == 1 ? "contoso" : "fabrikam";
        c->trust_id = id_of(trust);
        c->subject_id = c->kind == TS_KIND_TRUST ? id_of(0) : id_of((unsigned) w->plan->n_changes);
        ts_change_count_removal(c);
        return c;
}

static struct ts_end *add_end(struct world *w, unsigned trust, enum ts_kind kind, unsigned subject,
                              int64_t after)
{
        struct ts_end *e = ts_plan_add_end(w->plan);

        e->trust = trust == 1 ? "contoso" : "fabrikam";
        e->trust_id = id_of(trust);
        e->kind = kind;
        e->subject = id_of(subject);
        e->when = NOW + after;
        e->is_new = e->counts = true;
        return e;
}

static void record_end(struct world *w, unsigned trust, enum ts_kind kind, unsigned subject, int64_t when,
                       bool counts)
{
        w->last_applied->ends[w->last_applied->n_ends++] =
                        (struct ts_last_applied_end){ NOW + when, TS_TRUSTEE,   kind,
                                                      counts,     id_of(trust), id_of(subject) };
}

static void check(struct world *w)
{
        ts_limits_check(w->plan, w->live, &w->limits, w->last_applied, NOW);
}

static void require_refusal(const struct world *w, const char *trust, const char *limit)
{
        ck_assert_uint_eq(w->plan->n_refusals, 1);
        ck_assert_str_eq(w->plan->refusals[0].limit, limit);
        if (trust)
                ck_assert_str_eq(w->plan->refusals[0].trust, trust);
        else
                ck_assert_ptr_null(w->plan->refusals[0].trust);
}

/* -------------------------------------------------------------------------------------------- what is new */

static const struct {
        const char *name;
        bool recorded, counts, exists;
        int64_t old, new;
        bool is_new, is_counted;
} compared[] = {
        { "who comes with it", false, false, false, 0, 5, false, false },
        { "who was in without it", false, false, true, 0, 5, true, true },
        { "as it was", true, false, true, 5, 5, false, false },
        { "as it was accepted", true, true, true, 5, 5, false, true },
        { "a longer one of its own", true, false, true, 5, 9, false, false },
        { "another day for one that was accepted", true, true, true, 5, 9, true, true },
        { "a shorter one", true, false, true, 5, 4, true, true },
};

START_TEST(test_compare)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_end e = { .trust_id = id_of(1), .kind = TS_KIND_USER, .subject = id_of(7) };

        world_init(&w);
        record_end(&w, 1, TS_KIND_USER, 6, 1, false);
        if (compared[_i].recorded)
                record_end(&w, 1, TS_KIND_USER, 7, compared[_i].old, compared[_i].counts);
        record_end(&w, 1, TS_KIND_GROUP, 7, 1, false);
        record_end(&w, 2, TS_KIND_USER, 7, 1, false);
        e.when = NOW + compared[_i].new;
        ts_ends_compare(&e, w.last_applied, compared[_i].exists);
        ck_assert_msg(e.is_new == compared[_i].is_new && e.counts == compared[_i].is_counted, "%s",
                      compared[_i].name);
        ck_assert_int_eq(e.before, compared[_i].recorded ? NOW + compared[_i].old : TS_TIME_NEVER);
        ck_assert_ptr_null(ts_ends_find(w.last_applied, TS_TRUSTOR, &e.trust_id, e.kind, &e.subject));
        ck_assert_ptr_null(ts_ends_find(NULL, TS_TRUSTEE, &e.trust_id, e.kind, &e.subject));
}
END_TEST

START_TEST(test_refuse)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_id contoso = id_of(1);

        world_init(&w);
        (void) add_end(&w, 1, TS_KIND_USER, 1, 5);
        add_end(&w, 1, TS_KIND_USER, 2, 5)->is_new = false;
        (void) add_end(&w, 2, TS_KIND_USER, 1, 5);
        add_end(&w, 1, TS_KIND_USER, 1, 5)->direction = TS_TRUSTOR;
        ts_ends_refuse(w.plan, TS_TRUSTEE, &contoso);
        ck_assert(w.plan->ends[0].is_refused && !w.plan->ends[1].is_refused && !w.plan->ends[2].is_refused &&
                  !w.plan->ends[3].is_refused);
        ts_ends_refuse(w.plan, TS_TRUSTEE, NULL);
        ck_assert(!w.plan->ends[1].is_refused && w.plan->ends[2].is_refused && w.plan->ends[3].is_refused);
}
END_TEST

START_TEST(test_note)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf notes = TS_BUF_INIT(4096);
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        (void) add_end(&w, 1, TS_KIND_USER, 9, 60 * (int64_t) DAY);
        add_end(&w, 1, TS_KIND_USER, 4, 5 * (int64_t) DAY)->direction = TS_TRUSTOR;
        (void) add_end(&w, 2, TS_KIND_USER, 1, 5 * (int64_t) DAY);
        (void) add_end(&w, 1, TS_KIND_TRUST, 0, 5 * (int64_t) DAY);
        (void) add_end(&w, 1, TS_KIND_GROUP, 5, DAY + 3);
        add_end(&w, 1, TS_KIND_USER, 4, DAY + 2)->is_refused = true;
        (void) add_end(&w, 1, TS_KIND_USER, 3, DAY + 1);
        (void) add_end(&w, 1, TS_KIND_USER, 2, DAY);
        (void) add_end(&w, 1, TS_KIND_USER, 1, 60);
        ts_ends_note(w.plan, NOW);
        ck_assert_uint_eq(w.plan->n_messages, 8);
        for (size_t i = 0; i < w.plan->n_messages; i++)
                ts_buf_printf(&notes, "%s\n", w.plan->messages[i].text);
        message_is("ends of many days", ts_buf_text(&notes));
}
END_TEST

/* ------------------------------------------------------------------------------------------------- limits */

/* An end that was accepted comes, whatever else is planned; what else is planned counts with it. */
START_TEST(test_accepted)
{
        TS_CLEANUP(world_done) struct world alone, more;
        struct ts_removals r;

        world_init(&alone);
        alone.limits.removals_per_cycle = alone.limits.removals_per_day = 1;
        for (int i = 0; i < 2; i++) {
                struct ts_change *c = add_change(&alone, 1, TS_USER_REMOVE, TS_REASON_EXPIRED);

                c->n_removals = 1;
                c->is_accepted = true;
        }
        check(&alone);
        ck_assert_uint_eq(alone.plan->n_refusals, 0);
        r = ts_limits_count_planned(alone.plan);
        ck_assert_uint_eq(r.n, 2);
        ts_removals_done(&r);

        world_init(&more);
        more.limits.removals_per_cycle = 1;
        add_change(&more, 1, TS_USER_REMOVE, TS_REASON_EXPIRED)->n_removals = 1;
        more.plan->changes[0].is_accepted = true;
        (void) add_change(&more, 2, TS_USER_REMOVE, TS_REASON_CONFIG);
        check(&more);
        require_refusal(&more, NULL, "removals_per_cycle");
}
END_TEST

/* Removals of now and ends that were accepted share the day that they fall into; alone, such an end is
 * nothing to refuse. */
static const struct {
        const char *name;
        bool removes, is_new, is_readable, refused;
        int64_t after;
} shared[] = {
        { "an accepted end alone", false, false, true, false, 60 },
        { "a removal on the day of an accepted end", true, false, true, true, 60 },
        { "and a day earlier", true, false, true, false, DAY },
        { "a removal on the day of a new end", true, true, true, true, 60 },
        { "and a day earlier", true, true, true, false, DAY },
        { "without the record of the day", true, true, false, true, 60 },
};

START_TEST(test_shared_day)
{
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        w.limits.removals_per_day = 1;
        if (!shared[_i].is_readable)
                w.last_applied->status = TS_LAST_APPLIED_UNREADABLE;
        if (shared[_i].removes)
                (void) add_change(&w, 1, TS_USER_REMOVE, TS_REASON_CONFIG);
        add_end(&w, 2, TS_KIND_USER, 1, shared[_i].after)->is_new = shared[_i].is_new;
        check(&w);
        ck_assert_msg(w.plan->refused == shared[_i].refused, "%s", shared[_i].name);
        if (shared[_i].refused)
                require_refusal(&w, NULL, "removals_per_day");
}
END_TEST

/* A percentage of the members is of the ends of one day. */
START_TEST(test_percent_of_a_day)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_member members[10] = { 0 };
        struct ts_trust trust = { .id = id_of(1), .users = { .items = members, .n = 10 } };

        world_init(&w);
        w.limits.removals_percent = 10;
        w.live->trusts = &trust;
        w.live->n_trusts = 1;
        (void) add_end(&w, 1, TS_KIND_USER, 1, 60);
        add_end(&w, 1, TS_KIND_USER, 2, _i == 0 ? 60 + DAY : 59 + DAY)->is_new = false;
        check(&w);
        if (_i == 0)
                ck_assert_uint_eq(w.plan->n_refusals, 0);
        else
                require_refusal(&w, "contoso", "removals_percent");
}
END_TEST

/* A trust that ended by itself, as we had told the platform, was a removal of its day. */
static const struct {
        int64_t ended;
        enum ts_kind kind;
        bool counts, refused;
} ended[] = {
        { -60, TS_KIND_TRUST, true, true },       { -DAY, TS_KIND_TRUST, true, false },
        { 60 + DAY, TS_KIND_TRUST, true, false }, { -60, TS_KIND_TRUST, false, false },
        { -60, TS_KIND_USER, true, false },
};

START_TEST(test_ended)
{
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        w.limits.trust_removals_per_day = 1;
        record_end(&w, 3, ended[_i].kind, 0, ended[_i].ended, ended[_i].counts);
        (void) add_change(&w, 1, TS_TRUST_DISABLE, TS_REASON_CONFIG);
        check(&w);
        ck_assert(w.plan->refused == ended[_i].refused);
}
END_TEST

/* What others added counts for its trust alone, and holds what is drift in it. */
START_TEST(test_drift)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_last_applied_drift of_day = { .n = 3, .trust = id_of(1) },
                                     others = { .n = 9, .trust = id_of(2) };

        world_init(&w);
        w.limits.removals_per_day = 4;
        ts_last_applied_add_drift(w.last_applied, NOW - 60, 0, &of_day, 1);
        others.direction = TS_TRUSTOR;
        ts_last_applied_add_drift(w.last_applied, NOW - 60, 0, &others, 1);
        (void) add_change(&w, 1, TS_USER_REMOVE, TS_REASON_DRIFT);
        (void) add_change(&w, 1, TS_USER_REMOVE, TS_REASON_DRIFT);
        (void) add_change(&w, 1, TS_USER_REMOVE, TS_REASON_CONFIG);
        (void) add_change(&w, 1, TS_USER_ADD, TS_REASON_DRIFT);
        (void) add_change(&w, 2, TS_USER_REMOVE, TS_REASON_DRIFT);
        check(&w);
        require_refusal(&w, "contoso", "removals_per_day");
        ck_assert(!w.plan->refused);
        ck_assert_int_eq(ts_change_result(&w.plan->changes[0]), TS_HELD);
        ck_assert_int_eq(ts_change_result(&w.plan->changes[1]), TS_HELD);
        ck_assert_int_eq(ts_change_result(&w.plan->changes[2]), TS_PLANNED);
        ck_assert_int_eq(ts_change_result(&w.plan->changes[3]), TS_HELD);
        ck_assert_int_eq(ts_change_result(&w.plan->changes[4]), TS_PLANNED);
}
END_TEST

/* Trusts that were opened again are closed within the limit of all of them. */
START_TEST(test_drift_of_trusts)
{
        for (int i = 0; i < 4; i++) {
                TS_CLEANUP(world_done) struct world w;
                struct ts_last_applied_drift of_day = { .n = 1, .n_trusts = 1, .trust = id_of(9) };

                world_init(&w);
                w.limits.trust_removals_per_day = i == 1 ? 9 : 2;
                w.live->n_trusts = 0;
                if (i > 0)
                        ts_last_applied_add_drift(w.last_applied, NOW - 60, 0, &of_day, 1);
                if (i == 2)
                        w.last_applied->status = TS_LAST_APPLIED_UNREADABLE;
                (void) add_change(&w, 1, TS_TRUST_DISABLE, TS_REASON_DRIFT);
                (void) add_change(&w, 2, TS_TRUST_DISABLE, TS_REASON_DRIFT);
                (void) add_change(&w, 4, TS_USER_REMOVE, TS_REASON_DRIFT);
                check(&w);
                ck_assert_uint_eq(w.plan->n_refusals, i == 3 ? 2 : 0);
                ck_assert_int_eq(ts_change_result(&w.plan->changes[0]), i == 3 ? TS_HELD : TS_PLANNED);
                ck_assert_int_eq(ts_change_result(&w.plan->changes[2]), TS_PLANNED);
        }
}
END_TEST

/* With a record that is lost, an end is refused like a removal. */
START_TEST(test_lost_record)
{
        TS_CLEANUP(world_done) struct world w;

        world_init(&w);
        w.last_applied->status = TS_LAST_APPLIED_DAMAGED;
        add_end(&w, 1, TS_KIND_USER, 1, 5)->is_new = false;
        ts_limits_check_record(w.plan, NULL);
        ts_limits_check_record(w.plan, w.last_applied);
        ck_assert(!w.plan->refused);
        (void) add_end(&w, 1, TS_KIND_USER, 2, 5);
        (void) add_end(&w, 1, TS_KIND_USER, 3, 5);
        ts_limits_check_record(w.plan, w.last_applied);
        ck_assert(w.plan->refused);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- digest */

START_TEST(test_digest)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_sha256 *h;
        struct ts_digest none, some;

        world_init(&w);
        add_end(&w, 1, TS_KIND_USER, 1, 5)->is_new = false;
        (void) add_end(&w, 1, TS_KIND_TRUST, 0, 5); /* a change writes it */
        h = ts_sha256_new();
        ts_plan_digest(w.plan, h);
        none = ts_sha256_finish(h);
        ts_plan_digest_trusts(w.plan);
        ck_assert_uint_eq(w.plan->n_trust_digests, 0);
        (void) add_end(&w, 2, TS_KIND_USER, 1, 5);
        (void) add_end(&w, 2, TS_KIND_USER, 2, 5);
        add_end(&w, 2, TS_KIND_USER, 2, 5)->direction = TS_TRUSTOR;
        h = ts_sha256_new();
        ts_plan_digest(w.plan, h);
        some = ts_sha256_finish(h);
        ck_assert_mem_ne(&none, &some, sizeof(none));
        ts_plan_digest_trusts(w.plan);
        ck_assert_uint_eq(w.plan->n_trust_digests, 2);
        ck_assert_uint_eq(w.plan->trust_digests[0].n, 2);
}
END_TEST

/* What a review covers comes into force, and nothing else that is new. */
START_TEST(test_review)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_digest_text digest;
        struct ts_decide_input in;

        world_init(&w);
        (void) add_end(&w, 1, TS_KIND_USER, 1, 5);
        (void) add_end(&w, 2, TS_KIND_USER, 1, 5);
        add_end(&w, 2, TS_KIND_USER, 2, 5)->is_new = false;
        add_end(&w, 3, TS_KIND_TRUST, 0, 5)->counts = false;
        ts_plan_digest_trusts(w.plan);
        digest = ts_digest_format(&w.plan->trust_digests[1].digest);
        in = (struct ts_decide_input){ .live = w.live,
                                       .limits = &w.limits,
                                       .last_applied = w.last_applied,
                                       .now = NOW,
                                       .recorded_now = NOW,
                                       .reviewed = digest.s };
        ts_decide(w.plan, &in);
        for (size_t i = 0; i < w.plan->n_ends; i++) {
                const struct ts_end *e = &w.plan->ends[i];

                ck_assert(e->is_refused == (e->is_new && e->trust_id.bytes[15] != 2));
        }
        in.paused = "paused";
        ts_decide(w.plan, &in);
        ck_assert(w.plan->ends[1].is_refused);
}
END_TEST

/* --------------------------------------------------------------------------------------------- the record */

static struct ts_last_applied *update_input_of(struct world *w, const struct ts_trust_filter *filter)
{
        return ts_last_applied_update(&(struct ts_last_applied_update_input){ .old = w->last_applied,
                                                                              .desired = w->desired,
                                                                              .live = w->live,
                                                                              .plan = w->plan,
                                                                              .filter = filter,
                                                                              .now = NOW });
}

static struct ts_last_applied *update_last_applied(struct world *w)
{
        return update_input_of(w, NULL);
}

static const struct ts_last_applied_end *find_user_end(const struct ts_last_applied *m, uint8_t user)
{
        return ts_ends_find(m, TS_TRUSTEE, &(struct ts_id){ { [15] = 1 } }, TS_KIND_USER,
                            &(struct ts_id){ { [15] = user } });
}

START_TEST(test_record)
{
        static const char *const fabrikam[] = { "fabrikam" };
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *new = NULL;
        struct ts_change *c;

        world_init(&w);
        record_end(&w, 1, TS_KIND_TRUST, 0, -60, true);  /* counts for a day */
        record_end(&w, 1, TS_KIND_USER, 1, 50, false);   /* a new one is refused: this one stays */
        record_end(&w, 1, TS_KIND_USER, 2, -50, true);   /* its removal is planned, and not made */
        record_end(&w, 1, TS_KIND_USER, 3, -50, true);   /* its removal was made */
        record_end(&w, 1, TS_KIND_USER, 4, 50, true);    /* is not declared any more */
        record_end(&w, 1, TS_KIND_USER, 5, -50, true);   /* its removal was found made */
        record_end(&w, 2, TS_KIND_TRUST, 0, -DAY, true); /* is forgotten */
        record_end(&w, 3, TS_KIND_TRUST, 0, 99, true);   /* is not declared any more */
        c = add_change(&w, 1, TS_USER_REMOVE, TS_REASON_EXPIRED);
        c->subject_id = id_of(2);
        c->decision = TS_HELD;
        c = add_change(&w, 1, TS_USER_REMOVE, TS_REASON_EXPIRED);
        c->subject_id = id_of(3);
        c->decision = TS_APPLIED;
        outcome_of(w.plan, c)->sent = true;
        c = add_change(&w, 1, TS_USER_REMOVE, TS_REASON_EXPIRED);
        c->subject_id = id_of(5);
        c->decision = TS_APPLIED;
        c = add_change(&w, 4, TS_TRUST_DISABLE, TS_REASON_CONFIG);
        c->action = TS_TRUST_UPDATE;
        c->decision = TS_FAILED;
        c = add_change(&w, 5, TS_TRUST_DISABLE, TS_REASON_CONFIG);
        c->action = TS_TRUST_UPDATE;
        c->decision = TS_APPLIED;
        add_end(&w, 1, TS_KIND_USER, 1, 9)->is_refused = true;
        add_end(&w, 1, TS_KIND_USER, 9, 9)->is_refused = true; /* nothing was in force */
        (void) add_end(&w, 1, TS_KIND_USER, 8, 9);
        (void) add_end(&w, 1, TS_KIND_USER, 8, 9);  /* under two keys */
        (void) add_end(&w, 4, TS_KIND_TRUST, 0, 9); /* was not written */
        (void) add_end(&w, 5, TS_KIND_TRUST, 0, 9);
        add_end(&w, 6, TS_KIND_TRUST, 0, 9)->is_new = false; /* is there */
        new = update_last_applied(&w);
        ck_assert_uint_eq(new->n_ends, 7);
        ck_assert_int_eq(find_user_end(new, 1)->when, NOW + 50);
        ck_assert_ptr_nonnull(find_user_end(new, 2));
        ck_assert_ptr_nonnull(find_user_end(new, 8));
        ts_last_applied_free(new);

        w.plan->complete = false; /* not everything was looked at: nothing is forgotten */
        new = update_last_applied(&w);
        ck_assert_uint_eq(new->n_ends, 11);
        ts_last_applied_free(new);
        w.plan->complete = true;
        new = update_input_of(&w, &(struct ts_trust_filter){ fabrikam, 1 });
        ck_assert_uint_eq(new->n_ends, 11);
        ts_last_applied_free(new);
        new = update_input_of(&w, &(struct ts_trust_filter){ NULL, 0 }); /* no filter */
        ck_assert_uint_eq(new->n_ends, 7);
        ts_last_applied_free(new);
        w.live->clock_skew_sec = 3600;
        new = update_last_applied(&w);
        ck_assert_uint_eq(new->n_ends, 11);
}
END_TEST

/* The write of an end was sent, and does not show: it may come into force all the same. */
static const struct {
        const char *name;
        enum ts_result result;
        bool sent;
        int64_t before; /* on record; 0: nothing */
        int64_t when;   /* then; 0: nothing */
} unsure[] = {
        { "it does not show yet", TS_WAITING, true, 0, 9 },
        { "it was answered with an error", TS_FAILED, true, 0, 9 },
        { "it was not sent", TS_FAILED, false, 0, 0 },
        { "it was not sent, and another one is in force", TS_WAITING, false, 50, 50 },
        { "another one, which is later, was in force", TS_WAITING, true, 50, 9 },
        { "another one, which is earlier, may still be", TS_WAITING, true, 4, 4 },
        { "it shows", TS_APPLIED, true, 4, 9 },
};

START_TEST(test_unsure_end)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *new = NULL;
        struct ts_change *c;

        world_init(&w);
        if (unsure[_i].before)
                record_end(&w, 1, TS_KIND_TRUST, 0, unsure[_i].before, true);
        (void) add_end(&w, 1, TS_KIND_TRUST, 0, 9);
        c = add_change(&w, 1, TS_TRUST_DISABLE, TS_REASON_CONFIG);
        c->action = TS_TRUST_UPDATE;
        c->decision = unsure[_i].result;
        outcome_of(w.plan, c)->sent = unsure[_i].sent;
        new = update_last_applied(&w);
        ck_assert_msg(new->n_ends == (unsure[_i].when != 0), "%s", unsure[_i].name);
        ck_assert_msg(new->n_ends == 0 || new->ends[0].when == NOW + unsure[_i].when, "%s", unsure[_i].name);
}
END_TEST

/* A trust has one end on record: that it had ended before stays a removal of its day. */
static const struct {
        const char *name;
        enum ts_kind kind;
        int64_t ended, next; /* 0: no further end is declared */
        bool counts, is_forgotten;
        size_t n_removals;
} closed[] = {
        { "it was given another end", TS_KIND_TRUST, -60, 9, true, false, 1 },
        { "it goes on without an end", TS_KIND_TRUST, -60, 0, true, false, 0 }, /* its end is on record */
        { "nothing has changed", TS_KIND_TRUST, -60, -60, true, false, 0 },
        { "the end was forgotten", TS_KIND_TRUST, -DAY, 0, true, true, 1 }, /* which the next entry drops */
        { "it has not ended yet", TS_KIND_TRUST, 60, 9, true, false, 0 },
        { "it ends now", TS_KIND_TRUST, 0, 9, true, false, 1 },
        { "it was let in with its end", TS_KIND_TRUST, -60, 9, false, false, 0 },
        { "a member", TS_KIND_USER, -60, 9, true, false, 0 },
};

START_TEST(test_closed_before)
{
        TS_CLEANUP(world_done) struct world w;
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *new = NULL;

        world_init(&w);
        ts_last_applied_add_removals(w.last_applied, NOW - 9, 0, 2, 1);
        record_end(&w, 1, closed[_i].kind, 0, closed[_i].ended, closed[_i].counts);
        if (closed[_i].next)
                add_end(&w, 1, closed[_i].kind, 0, closed[_i].next)->is_new = false;
        new = update_last_applied(&w);
        ck_assert_msg(new->n_removals == 1 + closed[_i].n_removals, "%s", closed[_i].name);
        ck_assert_msg(new->n_ends == !closed[_i].is_forgotten, "%s", closed[_i].name);
        ck_assert_uint_eq(new->removals[0].n, 2);
        if (new->n_removals == 1)
                return;
        ck_assert_int_eq(new->removals[1].when, NOW + closed[_i].ended);
        ck_assert_uint_eq(new->removals[1].n, 1);
        ck_assert_uint_eq(new->removals[1].n_trusts, 1);
}
END_TEST

/* As ts_last_applied_add_removals(): by both clocks, for a day, and never more than can be counted. */
START_TEST(test_drift_of_day)
{
        TS_CLEANUP(world_done) struct world w;
        struct ts_id trust = id_of(1), other = id_of(2);
        struct ts_last_applied_drift much = { .n = UINT32_MAX, .n_trusts = UINT32_MAX, .trust = id_of(1) };

        world_init(&w);
        ts_last_applied_add_drift(w.last_applied, NOW, 0, &much, 1);
        ck_assert_uint_eq(ts_last_applied_drift_of_day(w.last_applied, TS_TRUSTEE, &trust, NOW, 0),
                          UINT32_MAX);
        ck_assert_uint_eq(ts_last_applied_drift_of_day(w.last_applied, TS_TRUSTEE, &other, NOW, 0), 0);
        ck_assert_uint_eq(ts_last_applied_drift_of_day(w.last_applied, TS_TRUSTOR, &trust, NOW, 0), 0);
        ck_assert_uint_eq(ts_last_applied_drift_of_day(w.last_applied, TS_TRUSTEE, &trust, NOW + DAY, 0), 0);
        ck_assert_uint_eq(ts_last_applied_drift_of_day(w.last_applied, TS_TRUSTEE, &trust, NOW + DAY, -60),
                          UINT32_MAX);
        ck_assert_uint_eq(ts_last_applied_drift_trusts_of_day(w.last_applied, NOW, 0), UINT32_MAX);
        ck_assert_uint_eq(ts_last_applied_drift_trusts_of_day(w.last_applied, NOW + DAY, 0), 0);
        ts_last_applied_add_drift(w.last_applied, NOW + 1, 0, &much, 1);
        ck_assert_uint_eq(ts_last_applied_drift_of_day(w.last_applied, TS_TRUSTEE, &trust, NOW, 0),
                          UINT32_MAX);
        ck_assert_uint_eq(ts_last_applied_drift_trusts_of_day(w.last_applied, NOW, 0), UINT32_MAX);
        ts_last_applied_add_drift(w.last_applied, NOW + 1, 3600, &much,
                                  1); /* the clocks differ: nothing is settled */
        ts_last_applied_add_drift(w.last_applied, NOW + 1, -3600, &much, 1);
        ck_assert_uint_eq(w.last_applied->n_drift, 4);
        ts_last_applied_add_drift(w.last_applied, NOW + 2 * DAY, 0, &much, 0);
        ck_assert_uint_eq(w.last_applied->n_drift, 0);
}
END_TEST

int main(void)
{
        Suite *s = suite_create("ends");
        TCase *tc = tcase_create("ends");

        tcase_add_loop_test(tc, test_compare, 0, (int) TS_N_ELEMENTS(compared));
        tcase_add_test(tc, test_refuse);
        tcase_add_test(tc, test_note);
        tcase_add_test(tc, test_accepted);
        tcase_add_loop_test(tc, test_shared_day, 0, (int) TS_N_ELEMENTS(shared));
        tcase_add_loop_test(tc, test_percent_of_a_day, 0, 2);
        tcase_add_loop_test(tc, test_ended, 0, (int) TS_N_ELEMENTS(ended));
        tcase_add_test(tc, test_drift);
        tcase_add_test(tc, test_drift_of_trusts);
        tcase_add_test(tc, test_lost_record);
        tcase_add_test(tc, test_digest);
        tcase_add_test(tc, test_review);
        tcase_add_test(tc, test_record);
        tcase_add_loop_test(tc, test_unsure_end, 0, (int) TS_N_ELEMENTS(unsure));
        tcase_add_loop_test(tc, test_closed_before, 0, (int) TS_N_ELEMENTS(closed));
        tcase_add_test(tc, test_drift_of_day);
        suite_add_tcase(s, tc);
        return run_suite(s);
}
