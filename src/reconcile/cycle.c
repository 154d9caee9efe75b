#include "reconcile/cycle.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "genesys/apply.h"
#include "genesys/audit.h"
#include "genesys/client.h"
#include "reconcile/deny.h"
#include "reconcile/snapshot.h"
#include "reconcile/state_store.h"
#include "trust/contention.h"
#include "trust/decide.h"
#include "trust/diff.h"
#include "trust/limits.h"
#include "trust/propagation.h"
#include "trust/last_applied_update.h"
#include "trust/unmanaged.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

/* One organization's part of a cycle. */
struct ts_cycle_organization {
        const struct ts_settings_organization *settings;
        const struct ts_decl_organization *decl; /* NULL: no file names it, and it is left unchanged */
        bool unnamed;                            /* no file names it, which is refused */
        bool deny_only; /* decl is empty: only `deny` is carried out, and nothing is recorded */
        struct ts_policy policy;
        int lock;        /* during its turn; else TS_STATE_STORE_UNLOCKED */
        bool is_writing; /* ts_apply() is under way */
        struct ts_last_applied *last_applied;
        size_t n_entered, n_drift_entered; /* entries of this cycle's removals, made before the first write */
        struct ts_snapshot snapshot;       /* client, live, desired */
        struct ts_plan *plan;              /* NULL when it could not be planned; err says why */
        struct ts_outcomes outcomes;       /* of the plan, where it was carried out */
        struct ts_digest digest;           /* of the plan */
        struct ts_err err;                 /* cls TS_ERR_NONE: all went well */
};

struct ts_cycle {
        struct ts_arena arena;
        const struct ts_cycle_options *options;
        struct ts_snapshot_options snapshot_options;
        struct ts_client_statistics statistics;      /* of this cycle, all organizations */
        struct ts_cycle_organization *organizations; /* those of the settings that -o lets through */
        struct ts_organization_result *results;      /* of each, when its turn has ended */
        bool *has_result;
        size_t n_organizations;
        struct ts_refusal *refusals; /* offline: an organization that no file names */
        size_t n_refusals;
        struct ts_digest digest; /* of the plans before the limits: what --plan-digest takes */
        char id[17];             /* TRUSTSYNC_CYCLE */
        uint64_t began_boottime_usec;
        struct ts_report_organization *shown; /* of the results, for the report */
        struct ts_cycle_result result;
};

#define DENY_RETRIES 2u /* of what `deny` takes away and was dropped, or shows again */
#define VERIFY_USEC (30 * TS_USEC_PER_SEC)

/* -------------------------------------------------------------------------------------------------- begin */

static bool writes(const struct ts_cycle *c, const struct ts_cycle_organization *o)
{
        return c->options->mode == TS_CYCLE_APPLY ||
               (c->options->mode == TS_CYCLE_BY_MODE && o->settings->mode == TS_MODE_ENFORCE);
}

/* Is last_applied saved, so that drift can be recognised? Not by a run that must not leave traces. */
static bool saves_last_applied(const struct ts_cycle *c, const struct ts_cycle_organization *o)
{
        return c->options->mode != TS_CYCLE_PLAN && !o->deny_only && !ts_id_is_nil(&o->settings->id);
}

static void refuse_unnamed(struct ts_cycle *c, const char *alias)
{
        c->refusals[c->n_refusals++] = (struct ts_refusal){
                .trust = alias,
                .limit = "unnamed_organization",
                .message = ts_arena_printf(
                                &c->arena,
                                "no file of the declarations names the organization %s of the settings: a "
                                "checkout that failed is not a wish; declare it (`trustees: {}` for none), "
                                "or leave it out with -o",
                                alias),
        };
}

/* In the daemon, `deny` is enforced even for an organization without declarations. */
static void make_deny_only(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        struct ts_decl_organization *nothing = TS_ARENA_NEW(&c->arena, struct ts_decl_organization);

        nothing->alias = o->settings->alias;
        o->decl = nothing;
        o->deny_only = true;
        o->policy.remove_unlisted_trusts = false;
}

static void choose_declaration(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        if (!c->options->deny_only) {
                o->decl = ts_declarations_find(c->options->declarations, o->settings->alias);
                o->unnamed = !o->decl;
        }
        if (o->unnamed)
                refuse_unnamed(c, o->settings->alias);
        if (!o->decl && c->options->mode == TS_CYCLE_BY_MODE)
                make_deny_only(c, o);
}

static void select_organizations(struct ts_cycle *c)
{
        const struct ts_settings *s = c->options->settings;

        c->organizations = TS_ARENA_ARRAY(&c->arena, struct ts_cycle_organization, s->n_organizations);
        c->results = TS_ARENA_ARRAY(&c->arena, struct ts_organization_result, s->n_organizations);
        c->has_result = TS_ARENA_ARRAY(&c->arena, bool, s->n_organizations);
        c->shown = TS_ARENA_ARRAY(&c->arena, struct ts_report_organization, s->n_organizations);
        c->refusals = TS_ARENA_ARRAY(&c->arena, struct ts_refusal, s->n_organizations);
        for (size_t i = 0; i < s->n_organizations; i++) {
                const struct ts_settings_organization *settings = &s->organizations[i];
                struct ts_cycle_organization *o;

                if (!ts_settings_is_chosen(c->options->organizations, c->options->n_organizations,
                                           settings->alias))
                        continue;
                o = &c->organizations[c->n_organizations++];
                o->settings = settings;
                o->policy = settings->policy;
                o->lock = TS_STATE_STORE_UNLOCKED;
                choose_declaration(c, o);
        }
}

static void begin(struct ts_cycle *c)
{
        const struct ts_clock *clock = c->options->clock;

        c->began_boottime_usec = ts_clock_boottime(clock);
        (void) snprintf(c->id, sizeof(c->id), "%016" PRIx64, clock->random(clock->userdata));
        c->snapshot_options = (struct ts_snapshot_options){
                .settings = c->options->settings,
                .clients = c->options->clients,
                .filter = &c->options->filter,
        };
        select_organizations(c);
}

/* --------------------------------------------------------------------------------------------------- plan */

/* Our clock; stores the offset of the server's clock. Read each time, because a clock may be set while a plan
 * is carried out. */
static int64_t read_clocks(const struct ts_cycle *c, struct ts_cycle_organization *o)
{
        struct ts_snapshot *g = &o->snapshot;

        if (g->client)
                g->live->clock_skew_sec = ts_client_get_clock_skew(g->client);
        return ts_clock_realtime(c->options->clock);
}

/* Recorded times of writes and disabled trusts are in the server's time if our clock differs much: with a
 * wrong clock, deletions would come early. (Removals are counted by both clocks.) */
static int64_t time_of(const struct ts_cycle *c, struct ts_cycle_organization *o)
{
        int64_t now = read_clocks(c, o);

        return ts_diff_knows_time(o->snapshot.live) ? now : now + o->snapshot.live->clock_skew_sec;
}

/* Before the first request: are we allowed to write? */
static int prepare_writing(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        if (ts_id_is_nil(&o->settings->id)) {
                if (!writes(c, o))
                        return 0;
                return ts_err_set(&o->err, TS_ERR_SETTINGS, -EINVAL,
                                  "%s:%u: organization %s has no `id`, which is required to write: the token "
                                  "must belong to that organization",
                                  o->settings->source.file, (unsigned) o->settings->source.line,
                                  o->settings->alias);
        }
        o->lock = c->options->state->lock(c->options->state, &o->settings->id, o->settings->alias, &o->err);
        return o->lock;
}

/* Takes the lock if the organization may be written to, and loads last_applied. Return: true if it can be
 * planned. */
static bool open_organization(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        bool dry = c->options->mode == TS_CYCLE_PLAN;

        if (!o->decl || (!dry && prepare_writing(c, o) < 0))
                return false;
        o->last_applied = c->options->state->load(c->options->state, &o->settings->id);
        if (!dry && o->last_applied->status == TS_LAST_APPLIED_UNREADABLE)
                o->last_applied->status =
                                TS_LAST_APPLIED_DAMAGED; /* a writer needs the number of earlier removals */
        return true;
}

static int take_snapshot(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        const struct ts_decl_organization *live;

        if (!c->options->export)
                return ts_snapshot_take(&o->snapshot, &o->err);
        live = ts_declarations_find(c->options->export, o->settings->alias);
        if (!live)
                return ts_err_set(&o->err, TS_ERR_INPUT, -ENOENT,
                                  "the export is of another organization than %s: leave it out with -o",
                                  o->settings->alias);
        ts_snapshot_offline(&o->snapshot, live, c->options->exported);
        return 0;
}

/* The declarations before the change. */
static struct ts_desired *resolve_base(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        const struct ts_decl_organization *decl;
        struct ts_desired *desired;

        if (!c->options->base)
                return NULL;
        decl = ts_declarations_find(c->options->base, o->settings->alias);
        if (!decl)
                decl = TS_ARENA_NEW(&c->arena, struct ts_decl_organization);
        desired = ts_resolve_members(decl, o->snapshot.live, &c->options->filter);
        ts_offline_take_found(desired, o->snapshot.desired);
        ts_resolve_identity(desired, o->last_applied);
        ts_resolve_grants(desired, o->snapshot.live, &o->policy);
        if (o->snapshot.client)
                ts_deny_mark(&o->snapshot.deny, desired);
        return desired;
}

static struct ts_plan *diff(struct ts_cycle *c, struct ts_cycle_organization *o,
                            const struct ts_desired *desired, const struct ts_last_applied *last_applied)
{
        struct ts_diff_input in = {
                .organization = o->settings->alias,
                .live = o->snapshot.live,
                .desired = desired,
                .policy = &o->policy,
                .last_applied = last_applied,
                .filter = &c->options->filter,
                .now = ts_clock_realtime(c->options->clock),
                .deny = o->snapshot.client ? &o->snapshot.deny : NULL,
                .denied = o->snapshot.denied,
        };
        struct ts_plan *plan = ts_diff(&in);

        ts_unmanaged_note(plan, &in);
        return plan;
}

/* Plans the declarations before the change: changes that they would make anyway are drift. */
static struct ts_plan *diff_from_base(struct ts_cycle *c, struct ts_cycle_organization *o,
                                      const struct ts_desired *base)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *last_applied = ts_offline_last_applied(
                        base, o->snapshot.live, o->last_applied, ts_clock_realtime(c->options->clock));
        TS_CLEANUP(ts_plan_freep) struct ts_plan *before = diff(c, o, base, o->last_applied);
        struct ts_plan *plan = diff(c, o, o->snapshot.desired, last_applied);

        ts_offline_mark(plan, before);
        return plan;
}

/* Finds the author of drift where the listings do not show it. Optional: never makes a cycle fail. */
static void attribute_drift(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_snapshot *g = &o->snapshot;
        int64_t now = ts_clock_realtime(c->options->clock);
        struct ts_audit_entries entries = { 0 };
        struct ts_err err = { 0 };

        if (c->options->mode == TS_CYCLE_PLAN ||
            !ts_attribution_recall(o->plan, c->options->attribution, now))
                return; /* a dry run creates nothing, not even an audit query */
        if (ts_audit_query(g->client, c->options->clock, now + g->live->clock_skew_sec, &arena, &entries,
                           &err) < 0)
                ts_log(LOG_DEBUG, "%s: who made the drift is not known: %s", o->settings->alias, err.msg);
        ts_attribution_assign(o->plan, &entries, o->settings->client_id,
                              o->last_applied ? o->last_applied->saved : 0, c->options->attribution, now);
}

static struct ts_event_context event_context(const struct ts_cycle *c)
{
        const struct ts_declarations *d = c->options->declarations;

        return (struct ts_event_context){ .cycle = c->id,
                                          .revision = d ? d->revision_text : NULL,
                                          .content_hash = d ? &d->content_hash : NULL };
}

/* Callbacks of ts_apply(). */
struct apply_context {
        struct ts_cycle *cycle;
        struct ts_cycle_organization *organization;
        struct ts_err pairing_err;
};

/* What counts is on record before it is sent. */
static int reserve(struct ts_cycle *c, const struct ts_cycle_organization *o, struct ts_err *err)
{
        return c->options->state->reserve(c->options->state, &o->settings->id, o->last_applied, err);
}

static int save_denied(void *userdata, struct ts_err *err)
{
        struct apply_context *a = userdata;

        if (ts_last_applied_is_lost(a->organization->last_applied))
                return 0; /* nothing overwrites it, and `deny` does not depend on it */
        return reserve(a->cycle, a->organization, err);
}

static void on_denied(const struct ts_plan *plan, const struct ts_change *change, void *userdata)
{
        struct apply_context *a = userdata;
        struct ts_event_context ctx = event_context(a->cycle);

        ts_event_change(&ctx, plan, change);
}

/* `deny` comes first, and needs nothing of what follows. */
static int deny(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        struct apply_context apply_context = { .cycle = c, .organization = o };
        bool is_recorded = c->options->mode != TS_CYCLE_PLAN && !ts_id_is_nil(&o->settings->id);
        struct ts_deny_pass pass = {
                .snapshot = &o->snapshot,
                .last_applied = o->last_applied,
                .clock = c->options->clock,
                .writes = writes(c, o),
                .save = is_recorded ? save_denied : NULL,
                .on_change = on_denied,
                .userdata = &apply_context,
        };

        ts_snapshot_begin(&o->snapshot, ts_clock_realtime(c->options->clock));
        return ts_deny_run(&pass, &o->err);
}

static void take_notes(struct ts_cycle_organization *o)
{
        const struct ts_plan *notes = o->snapshot.notes;

        ts_plan_add_messages(o->plan, notes->messages, notes->n_messages);
        if (!notes->complete)
                o->plan->complete = false;
}

/* Messages about `deny` and `protect`; the changes are in the plan already. */
static void take_denied(const struct ts_cycle *c, struct ts_cycle_organization *o)
{
        const struct ts_plan *denied = o->snapshot.denied;

        if (!denied)
                return;
        ts_plan_add_messages(o->plan, denied->messages, denied->n_messages);
        for (size_t i = 0; i < denied->n_refusals; i++)
                ts_plan_add_refusal(o->plan, denied->refusals[i].trust, denied->refusals[i].limit,
                                    denied->refusals[i].value, denied->refusals[i].allowed,
                                    denied->refusals[i].message);
        ts_deny_report(&o->snapshot.deny, o->snapshot.live, o->decl, &c->options->filter, o->plan);
}

static void plan_denied_only(const struct ts_cycle *c, struct ts_cycle_organization *o)
{
        struct ts_snapshot *g = &o->snapshot;

        g->live->clock_skew_sec = ts_client_get_clock_skew(g->client);
        o->plan = TS_TAKE(g->denied);
        ts_deny_report(&g->deny, g->live, o->decl, &c->options->filter, o->plan);
        take_notes(o);
}

static void plan_organization(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        TS_CLEANUP(ts_desired_freep) struct ts_desired *base = NULL;
        struct ts_snapshot *g = &o->snapshot;

        *g = (struct ts_snapshot){
                .options = &c->snapshot_options,
                .settings = o->settings,
                .decl = o->decl,
                .base = c->options->base ? ts_declarations_find(c->options->base, o->settings->alias) : NULL,
                .policy = &o->policy,
                .last_applied = o->last_applied,
        };
        if (!c->options->export && deny(c, o) < 0)
                return;
        if (o->deny_only) {
                plan_denied_only(c, o);
                return;
        }
        if (take_snapshot(c, o) < 0)
                return;

        base = resolve_base(c, o);
        o->plan = base ? diff_from_base(c, o, base) : diff(c, o, g->desired, o->last_applied);
        take_denied(c, o);
        take_notes(o);
}

/* ------------------------------------------------------------------------------------------------- limits */

static void digest_plan(struct ts_cycle_organization *o)
{
        struct ts_sha256 *hash = ts_sha256_new();

        ts_plan_digest(o->plan, hash);
        o->digest = ts_sha256_finish(hash);
}

void ts_cycle_digest(struct ts_cycle *c)
{
        struct ts_sha256 *hash = ts_sha256_new();

        ts_sha256_put(hash, "trustsyncd-plan 2\n", strlen("trustsyncd-plan 2\n"));
        for (size_t i = 0; i < c->n_organizations; i++)
                if (c->organizations[i].plan)
                        ts_sha256_put(hash, &c->organizations[i].digest, sizeof(c->organizations[i].digest));
        c->digest = ts_sha256_finish(hash);
}

static const struct ts_cycle_organization *find_unplanned(const struct ts_cycle *c)
{
        for (size_t i = 0; i < c->n_organizations; i++)
                if (!c->organizations[i].plan)
                        return &c->organizations[i];
        return NULL;
}

/* A digest also differs when a plan is missing: then no new review is needed. */
static const char *why_digest_differs(const struct ts_cycle *c, struct ts_arena *arena, const char *reviewed)
{
        const struct ts_cycle_organization *unplanned = find_unplanned(c);
        struct ts_digest_text digest = ts_digest_format(&c->digest);

        if (!unplanned)
                return ts_arena_printf(arena,
                                       "the plan is no longer the reviewed one: its digest is %s, not %s; "
                                       "review it again",
                                       digest.s, reviewed);
        return ts_arena_printf(arena,
                               "the plan of organization %s could not be made (%s), and without it the "
                               "digest of all plans cannot be compared with %s: nothing is written; see to "
                               "that, then apply the reviewed plan again",
                               unplanned->settings->alias,
                               unplanned->err.cls != TS_ERR_NONE ? unplanned->err.msg
                                                                 : "no file of the declarations names it",
                               reviewed);
}

/* Does that digest cover anything of this run? */
static bool covers_something(const struct ts_cycle *c, const char *digest)
{
        if (ts_review_has(digest, &c->digest))
                return true;
        for (size_t i = 0; i < c->n_organizations; i++) {
                const struct ts_plan *plan = c->organizations[i].plan;

                for (size_t k = 0; plan && k < plan->n_trust_digests; k++)
                        if (ts_review_has(digest, &plan->trust_digests[k].digest))
                                return true;
        }
        return false;
}

/* The first of the digests given that covers nothing; NULL: there is none. In @arena. */
static const char *find_unmatched(const struct ts_cycle *c, struct ts_arena *arena)
{
        const char *given = c->options->plan_digest, *one;
        size_t len;

        while (given && ts_review_next(&given, &one, &len)) {
                const char *digest = ts_arena_printf(arena, "%.*s", (int) len, one);

                if (!covers_something(c, digest))
                        return digest;
        }
        return NULL;
}

static void decide(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        const char *unmatched = find_unmatched(c, &o->plan->arena), *given = c->options->plan_digest;

        ts_decide(o->plan,
                  &(struct ts_decide_input){
                                  .live = o->snapshot.live,
                                  .limits = &o->policy.limits,
                                  .last_applied = o->last_applied,
                                  .now = read_clocks(c, o),
                                  .recorded_now = time_of(c, o),
                                  .reviewed = given,
                                  .is_reviewed_whole = given && ts_review_has(given, &c->digest),
                                  .unmatched = unmatched ? why_digest_differs(c, &o->plan->arena, unmatched)
                                                         : NULL,
                                  .paused = c->options->paused,
                                  .is_dry = c->options->mode == TS_CYCLE_PLAN,
                  });
}

/* ------------------------------------------------------------------------------------------------- events */

/* Logs, before the first write, the findings and the changes that will not be made. */
static bool is_logged(const struct ts_cycle *c, const struct ts_cycle_organization *o,
                      const struct ts_change *change)
{
        switch (ts_change_result(change)) {
        case TS_HELD:
        case TS_WAITING:
        case TS_FAILED:
                return true;
        case TS_PLANNED:
                return !writes(c, o) || ts_change_is_drift(change); /* else it is logged when it is done */
        case TS_SKIPPED:
                return c->options->mode == TS_CYCLE_BY_MODE;
        case TS_APPLIED:
        default:
                return false;
        }
}

/* Entries that an organization's findings have made in this cycle. */
struct change_log {
        struct ts_event_context ctx;
        const struct ts_cycle_organization *organization;
        size_t n, n_left;
};

static bool has_room(struct change_log *t)
{
        if (t->n < TS_EVENT_FINDINGS_MAX) {
                t->n++;
                return true;
        }
        t->n_left++;
        return false;
}

static void log_changes(const struct ts_cycle *c, struct change_log *t, bool information)
{
        const struct ts_plan *plan = t->organization->plan;

        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *change = &plan->changes[i];

                if (ts_event_is_information(change) != information)
                        continue;
                if (ts_change_is_fight(change) && has_room(t))
                        ts_event_fight(&t->ctx, plan, change);
                if (is_logged(c, t->organization, change) && has_room(t))
                        ts_event_change(&t->ctx, plan, change);
        }
}

/* Findings that need attention come first, so that many waiting ones do not displace them. */
static void log_findings(struct ts_cycle *c, const struct ts_cycle_organization *o)
{
        struct change_log t = { .ctx = event_context(c), .organization = o };
        const struct ts_plan *plan = o->plan;

        for (size_t i = 0; i < plan->n_refusals; i++)
                if (has_room(&t))
                        ts_event_refusal(&t.ctx, plan, &plan->refusals[i]);
        for (size_t i = 0; i < plan->n_messages; i++)
                if (plan->messages[i].kind != TS_MESSAGE_NOTE && has_room(&t))
                        ts_event_message(&t.ctx, plan, &plan->messages[i]);
        log_changes(c, &t, false);
        log_changes(c, &t, true);
        if (t.n_left > 0)
                ts_event_more(&t.ctx, o->settings->alias, t.n_left);
}

/* -------------------------------------------------------------------------------------------------- apply */

/* A pairing request is recorded before its trust is created: if we are killed in between, it is used instead
 * of made again. */
static void record_pairing(struct apply_context *a, const struct ts_change *change)
{
        struct ts_cycle_organization *o = a->organization;

        if (change->action != TS_PAIRING_CREATE || ts_change_result(change) != TS_APPLIED)
                return;
        if (ts_last_applied_is_lost(o->last_applied))
                return; /* left for an administrator to examine */
        ts_last_applied_update_pairing(o->last_applied, change);
        if (reserve(a->cycle, o, &a->pairing_err) < 0)
                ts_log(LOG_ERR, "%s", a->pairing_err.msg);
}

static void on_change(const struct ts_plan *plan, const struct ts_change *change, void *userdata)
{
        struct apply_context *a = userdata;
        struct ts_event_context ctx = event_context(a->cycle);

        record_pairing(a, change);
        ts_event_change(&ctx, plan, change);
}

static struct ts_client *partner(const struct ts_id *organization, void *userdata)
{
        struct apply_context *a = userdata;

        return ts_snapshot_partner(&a->organization->snapshot, organization);
}

static size_t count_planned(const struct ts_plan *plan)
{
        size_t n = 0;

        for (size_t i = 0; i < plan->n_changes; i++)
                n += ts_change_is_planned(&plan->changes[i]);
        return n;
}

/* Changes already made by `deny` still have to be verified. */
static size_t count_denied(const struct ts_plan *plan)
{
        size_t n = 0;

        for (size_t i = 0; i < plan->n_changes; i++)
                n += plan->changes[i].reason == TS_REASON_DENIED &&
                     ts_change_result(&plan->changes[i]) != TS_HELD;
        return n;
}

static void add_to_record(const struct ts_cycle *c, struct ts_cycle_organization *o,
                          struct ts_last_applied *m, const struct ts_removals *r)
{
        int64_t now = read_clocks(c, o), skew = o->snapshot.live->clock_skew_sec;

        ts_last_applied_add_removals(m, now, skew, r->n, r->n_trusts);
        ts_last_applied_add_drift(m, now, skew, r->drift, r->n_drift);
}

/* The planned removals are recorded before the first one is sent, so that they count even if we are killed in
 * between. Return: 1: there are some; 0: none. */
static int enter_removals(struct ts_cycle *c, struct ts_cycle_organization *o, struct ts_err *err)
{
        TS_CLEANUP(ts_removals_done) struct ts_removals planned = ts_limits_count_planned(o->plan);
        int r;

        if (planned.n == 0 && planned.n_drift == 0)
                return 0;
        add_to_record(c, o, o->last_applied, &planned);
        o->n_entered = planned.n > 0;
        o->n_drift_entered = planned.n_drift;
        r = reserve(c, o, err);
        return r < 0 ? r : 1;
}

static int enter_openings(struct ts_cycle *c, struct ts_cycle_organization *o, struct ts_err *err)
{
        if (ts_last_applied_is_lost(o->last_applied) ||
            !ts_last_applied_update_openings(o->last_applied, o->plan))
                return 0;
        return reserve(c, o, err);
}

static int save_last_applied(struct ts_cycle *c, struct ts_cycle_organization *o, int64_t now, bool entered,
                             struct ts_err *err)
{
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *new = NULL;
        TS_CLEANUP(ts_removals_done) struct ts_removals sent = { 0 };

        if (ts_last_applied_is_lost(o->last_applied))
                return 0; /* left for an administrator to examine; until then removals are refused */
        sent = ts_limits_count_sent(o->plan);
        if (entered) {
                o->last_applied->n_removals -= o->n_entered; /* now it is known how many were sent */
                o->last_applied->n_drift -= o->n_drift_entered;
        }
        new = ts_last_applied_update(&(struct ts_last_applied_update_input){
                        .old = o->last_applied,
                        .desired = o->snapshot.desired,
                        .live = o->snapshot.live,
                        .plan = o->plan,
                        .filter = &c->options->filter,
                        .now = now,
        });
        add_to_record(c, o, new, &sent);
        ts_deny_record(&o->snapshot.deny, new);
        ts_propagation_record(new, o->last_applied, o->plan, o->snapshot.live,
                              o->plan->complete && c->options->filter.n == 0, now);
        ts_contention_record(new, o->last_applied, o->plan, now);
        return c->options->state->save(c->options->state, &o->settings->id, new, err);
}

static void apply_organization(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        struct apply_context apply_context = { .cycle = c, .organization = o };
        struct ts_apply_options options = {
                .subjects = o->snapshot.subjects,
                .clock = c->options->clock,
                .verify_usec = VERIFY_USEC,
                .n_deny_retries = DENY_RETRIES,
                .screen = &o->snapshot.screen,
                .on_change = on_change,
                .partner = partner,
                .userdata = &apply_context,
        };
        struct ts_err err = { 0 };
        int entered, r = 0;

        if (enter_openings(c, o, &o->err) < 0)
                return;
        entered = enter_removals(c, o, &o->err);
        if (entered < 0)
                return;

        if (count_planned(o->plan) + count_denied(o->plan) > 0) {
                ts_client_allow_writes(o->snapshot.client, true);
                o->is_writing = true;
                ts_outcomes_begin(&o->outcomes, o->plan);
                r = ts_apply(o->snapshot.client, o->plan, o->snapshot.live, &options, &o->outcomes, &o->err);
                o->is_writing = false;
                ts_client_allow_writes(o->snapshot.client, false);
        }
        if (saves_last_applied(c, o) && save_last_applied(c, o, time_of(c, o), entered > 0, &err) < 0 &&
            r >= 0)
                o->err = err;
}

static void write_organization(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        log_findings(c, o);
        if (writes(c, o))
                apply_organization(c, o);
        else if (saves_last_applied(c, o))
                (void) save_last_applied(c, o, time_of(c, o), false, &o->err);
}

static void log_failure(const struct ts_cycle *c, const struct ts_cycle_organization *o)
{
        struct ts_event_context ctx = event_context(c);

        if (o->err.cls != TS_ERR_NONE && o->err.code != -ECANCELED) /* a stop is no failure */
                ts_event_organization_failed(&ctx, o->settings->alias, &o->err);
}

/* -------------------------------------------------------------------------------------------------- cycle */

static struct ts_client_statistics statistics_of(const struct ts_cycle *c,
                                                 const struct ts_cycle_organization *o)
{
        return c->options->clients ? ts_clients_statistics(c->options->clients, o->settings)
                                   : (struct ts_client_statistics){ 0 };
}

/* Statistics of an organization's clients since @before. */
static void add_statistics(struct ts_cycle *c, const struct ts_cycle_organization *o,
                           const struct ts_client_statistics *before)
{
        struct ts_client_statistics now = statistics_of(c, o), *s = &c->statistics;

        s->requests += now.requests - before->requests;
        s->writes += now.writes - before->writes;
        s->retries += now.retries - before->retries;
        for (size_t i = 0; i < TS_N_ELEMENTS(s->by_class); i++)
                s->by_class[i] += now.by_class[i] - before->by_class[i];
}

static void plan_part(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        if (c->options->clients)
                ts_clients_begin(c->options->clients, o->settings);
        if (open_organization(c, o))
                plan_organization(c, o);
        if (o->plan)
                digest_plan(o);
        if (o->plan && o->last_applied &&
            (o->last_applied->status == TS_LAST_APPLIED_FRESH ||
             o->last_applied->status == TS_LAST_APPLIED_KNOWN))
                ts_plan_digest_trusts(o->plan); /* where reasons are known */
}

static void finish_part(struct ts_cycle *c, struct ts_cycle_organization *o)
{
        if (o->plan)
                decide(c, o);
        if (c->options->mode == TS_CYCLE_PLAN)
                return;
        if (o->plan) {
                attribute_drift(c, o);
                write_organization(c, o);
        }
        log_failure(c, o);
}

/* Another writer need not wait for the other organizations. */
static void close_organization(const struct ts_cycle *c, struct ts_cycle_organization *o)
{
        if (o->lock >= 0)
                c->options->state->unlock(c->options->state, o->lock);
        o->lock = TS_STATE_STORE_UNLOCKED;
}

static void conclude_turn(struct ts_cycle *c, size_t i)
{
        const struct ts_cycle_organization *o = &c->organizations[i];

        c->results[i] = ts_organization_result_make(&(struct ts_turn_facts){
                        .settings = o->settings,
                        .decl = o->decl,
                        .live = o->snapshot.live,
                        .plan = o->plan,
                        .denied = o->snapshot.denied,
                        .err = &o->err,
                        .how = o->snapshot.how,
                        .is_unnamed = o->unnamed,
                        .is_written = writes(c, o),
        });
        c->has_result[i] = true;
}

void ts_cycle_turn(struct ts_cycle *c, size_t i, enum ts_cycle_part part)
{
        struct ts_cycle_organization *o = &c->organizations[i];
        struct ts_client_statistics before = statistics_of(c, o);

        if (part != TS_CYCLE_FINISH_PART)
                plan_part(c, o);
        if (part != TS_CYCLE_PLAN_PART) {
                finish_part(c, o);
                close_organization(c, o);
        }
        add_statistics(c, o, &before);
        if (part != TS_CYCLE_PLAN_PART)
                conclude_turn(c, i);
}

void ts_cycle_skip_turn(struct ts_cycle *c, size_t i)
{
        struct ts_cycle_organization *o = &c->organizations[i];

        (void) ts_err_set(&o->err, TS_ERR_LOCAL, -ECANCELED, "%s: stopped before it began",
                          o->settings->alias);
        close_organization(c, o);
        conclude_turn(c, i);
}

static void whole_turn(size_t i, void *userdata)
{
        ts_cycle_turn(userdata, i, TS_CYCLE_WHOLE);
}

static void plan_turn(size_t i, void *userdata)
{
        ts_cycle_turn(userdata, i, TS_CYCLE_PLAN_PART);
}

static void finish_turn(size_t i, void *userdata)
{
        ts_cycle_turn(userdata, i, TS_CYCLE_FINISH_PART);
}

static void run_turns(struct ts_cycle *c, void (*turn)(size_t i, void *userdata))
{
        if (c->options->clients) {
                ts_clients_run(c->options->clients, c->n_organizations, turn, c);
                return;
        }
        for (size_t i = 0; i < c->n_organizations; i++)
                turn(i, c);
}

static void log_refusals(const struct ts_cycle *c)
{
        struct ts_event_context ctx = event_context(c);

        for (size_t i = 0; i < c->n_refusals && c->options->mode != TS_CYCLE_PLAN; i++)
                ts_event_refusal(&ctx, NULL, &c->refusals[i]);
}

struct ts_cycle *ts_cycle_begin(const struct ts_cycle_options *options)
{
        struct ts_cycle *c = ts_calloc(1, sizeof(*c));

        c->options = options;
        begin(c);
        log_refusals(c);
        return c;
}

/* An entry that matches nothing in any organization; known when this cycle has read all of them. */
static void report_unmatched(struct ts_cycle *c)
{
        size_t n = c->options->settings->n_organizations;
        TS_CLEANUP(ts_freep) const struct ts_deny **denies = ts_calloc(n, sizeof(*denies));
        TS_CLEANUP(ts_freep) const struct ts_decl_organization **decls = ts_calloc(n, sizeof(*decls));

        if (c->n_organizations != n || n == 0)
                return;
        for (size_t i = 0; i < n; i++) {
                denies[i] = &c->organizations[i].snapshot.deny;
                decls[i] = c->organizations[i].decl;
        }
        if (c->organizations[0].plan)
                ts_deny_report_unmatched(denies, decls, n, c->organizations[0].plan);
}

static bool any_writes(const struct ts_cycle *c)
{
        for (size_t i = 0; i < c->n_organizations; i++)
                if (writes(c, &c->organizations[i]))
                        return true;
        return false;
}

/* The header of a report: what is known while the cycle runs. */
static struct ts_report report_of(const struct ts_cycle *c)
{
        const struct ts_declarations *d = c->options->declarations;

        return (struct ts_report){
                .applied = any_writes(c),
                .live_at = c->options->exported ? c->options->exported->time : 0,
                .revision = d ? d->revision : NULL,
                .content_hash = d ? &d->content_hash : NULL,
                .digest = c->digest,
                .partial = c->options->is_partial,
                .requests = c->statistics.requests,
                .writes = c->statistics.writes,
                .deny_only = c->options->deny_only,
                .paused = c->options->paused,
                .describe_request = ts_apply_describe,
        };
}

struct ts_report ts_cycle_report_turn(const struct ts_cycle *c, size_t i)
{
        struct ts_report r = report_of(c);

        assert(c->has_result[i]);
        r.partial = true;
        r.complete = c->results[i].is_complete;
        r.organizations = &c->results[i].shown;
        r.n_organizations = 1;
        return r;
}

static struct ts_report report_of_all(const struct ts_cycle *c)
{
        const struct ts_clock *clock = c->options->clock;
        struct ts_report r = report_of(c);

        r.generated_at = ts_clock_realtime(clock);
        r.duration_usec = ts_clock_boottime(clock) - c->began_boottime_usec;
        r.organizations = c->shown;
        r.n_organizations = c->n_organizations;
        r.refusals = c->refusals;
        r.n_refusals = c->n_refusals;
        r.complete = true;
        for (size_t i = 0; i < c->n_organizations; i++) {
                c->shown[i] = c->results[i].shown;
                r.complete = r.complete && c->results[i].is_complete;
        }
        return r;
}

void ts_cycle_end(struct ts_cycle *c)
{
        report_unmatched(c);
        ts_cycle_digest(c);
        c->result = (struct ts_cycle_result){
                .statistics = c->statistics,
                .events = event_context(c),
                .report = report_of_all(c),
                .organizations = c->results,
                .n_organizations = c->n_organizations,
        };
        ts_cycle_result_conclude(&c->result);
}

/* Organizations do not wait for each other, unless one digest covers all plans. */
struct ts_cycle *ts_cycle_run(const struct ts_cycle_options *options)
{
        struct ts_cycle *c = ts_cycle_begin(options);

        if (options->plan_digest) {
                run_turns(c, plan_turn);
                ts_cycle_digest(c);
                run_turns(c, finish_turn);
        } else {
                run_turns(c, whole_turn);
        }
        ts_cycle_end(c);
        return c;
}

void ts_cycle_free(struct ts_cycle *c)
{
        if (!c)
                return;
        for (size_t i = 0; i < c->n_organizations; i++) {
                struct ts_cycle_organization *o = &c->organizations[i];

                ts_plan_free(o->plan);
                ts_outcomes_done(&o->outcomes);
                ts_last_applied_free(o->last_applied);
                ts_snapshot_done(&o->snapshot);
                close_organization(c, o);
        }
        ts_arena_done(&c->arena);
        free(c);
}

size_t ts_cycle_count(const struct ts_cycle *c)
{
        return c->n_organizations;
}

const struct ts_settings_organization *ts_cycle_get_settings(const struct ts_cycle *c, size_t i)
{
        return c->organizations[i].settings;
}

bool ts_cycle_is_writing(const struct ts_cycle *c, size_t i)
{
        return c->organizations[i].is_writing;
}

const struct ts_organization_result *ts_cycle_get_turn_result(const struct ts_cycle *c, size_t i)
{
        assert(c->has_result[i]);
        return &c->results[i];
}

const struct ts_cycle_result *ts_cycle_get_result(const struct ts_cycle *c)
{
        assert(c->result.events.cycle); /* after ts_cycle_end() */
        return &c->result;
}
