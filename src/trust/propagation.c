#include "trust/propagation.h"

#include "trust/diff.h"

#define SLACK_SEC 2 /* between the server's whole seconds and ours */

bool ts_change_only_gives(const struct ts_change *c)
{
        switch (ts_action_count(c->action)) {
        case TS_COUNT_ADD:
                return true;
        case TS_COUNT_CHANGE:
                return c->phase == TS_PHASE_ADD || c->phase == TS_PHASE_OPEN;
        case TS_COUNT_REMOVE:
        default:
                return false;
        }
}

int64_t ts_propagation_backoff(int64_t first, int64_t max, uint32_t n_doubled)
{
        int64_t wait = first;

        for (uint32_t i = 0; i < n_doubled && wait < max; i++)
                wait *= 2;
        return wait < max ? wait : max;
}

static uint64_t key_of_change(const struct ts_plan *plan, const struct ts_change *c)
{
        struct ts_digest d = ts_plan_digest_change(plan, c);

        return ts_digest_shorten(&d);
}

/* -------------------------------------------------------------------------------------------------- check */

static bool is_fresh(const struct ts_last_applied_write *w, int64_t now)
{
        return w->when <= now && now - w->when < TS_PROPAGATION_SEC;
}

/* The last write to this object. */
static const struct ts_last_applied_write *find_write(const struct ts_last_applied *m, uint64_t object)
{
        for (size_t i = m->n_writes; i > 0; i--)
                if (m->writes[i - 1].object == object)
                        return &m->writes[i - 1];
        return NULL;
}

static void undrift(struct ts_change *c)
{
        if (c->reason == TS_REASON_DRIFT)
                c->reason = TS_REASON_CONFIG;
        for (size_t i = 0; i < c->add.n; i++)
                if (c->add.items[i].reason == TS_REASON_DRIFT)
                        c->add.items[i].reason = TS_REASON_CONFIG;
        for (size_t i = 0; i < c->remove.n; i++)
                if (c->remove.items[i].reason == TS_REASON_DRIFT)
                        c->remove.items[i].reason = TS_REASON_CONFIG;
}

static const struct ts_member *find_member(const struct ts_live *live, const struct ts_change *c)
{
        const struct ts_trust *t = live ? ts_live_find_trust(live, c->direction, &c->trust_id) : NULL;

        for (enum ts_collection i = 0; t && i < TS_COLLECTIONS; i++)
                if (ts_collection_kind(i) == c->kind)
                        return ts_members_find(&t->collections[i], &c->subject_id);
        return NULL;
}

bool ts_member_is_newer(int64_t created, int64_t removed)
{
        return created != TS_TIME_UNSET && created >= removed - SLACK_SEC;
}

/* Is it a member since our removal, or was it seen gone? Then somebody let it in again. */
static bool was_put_back(const struct ts_live *live, const struct ts_change *c,
                         const struct ts_last_applied_write *w)
{
        const struct ts_member *m =
                        ts_action_count(c->action) == TS_COUNT_REMOVE ? find_member(live, c) : NULL;
        int64_t written;

        if (!m)
                return false;
        written = ts_diff_knows_time(live) ? w->when + live->clock_skew_sec : w->when; /* by the server */
        return w->was_seen || ts_member_is_newer(m->created, written);
}

static const char *field_of(const struct ts_change *c)
{
        if (c->changes_enabled && c->changes_expires)
                return "enabled and expires show";
        if (c->changes_enabled)
                return "enabled shows";
        if (c->changes_expires)
                return "expires shows";
        return ts_action_count(c->action) == TS_COUNT_CHANGE ? "its grants show" : "its membership shows";
}

static void fail_ignored(struct ts_plan *plan, struct ts_change *c, const struct ts_last_applied_write *w,
                         int64_t next)
{
        ts_change_end(c, TS_FAILED,
                      ts_arena_printf(&plan->arena,
                                      "%s was sent at %s and accepted, and has no effect: %s the old state; "
                                      "it "
                                      "is sent again "
                                      "after %s",
                                      ts_action_to_string(c->action), ts_time_format(w->when).s, field_of(c),
                                      ts_time_format(next).s));
}

/* The same change is due again. */
static void check_same(struct ts_plan *plan, const struct ts_live *live, struct ts_change *c,
                       const struct ts_last_applied_write *w, int64_t now)
{
        bool gives = ts_change_only_gives(c);
        int64_t next;

        if (was_put_back(live, c, w)) {
                c->note = ts_arena_printf(&plan->arena, "it was removed at %s, and let in again",
                                          ts_time_format(w->when).s);
                return;
        }
        if (is_fresh(w, now) && w->was_missing)
                return;
        if (is_fresh(w, now)) {
                ts_change_end(c, TS_WAITING,
                              ts_arena_printf(&plan->arena,
                                              "written at %s; the API still shows the old state, which it "
                                              "may do "
                                              "for five minutes",
                                              ts_time_format(w->when).s));
                return;
        }
        if (w->was_seen || w->when > now)
                return; /* it had its effect, and others undid it; or a clock was set back */
        c->n_unshown = w->n_unshown + 1;
        next = w->when + ts_propagation_backoff(TS_UNSHOWN_WAIT_SEC,
                                                gives ? TS_UNSHOWN_WAIT_MAX_SEC : TS_UNSHOWN_WAIT_SEC,
                                                w->n_unshown);
        if (now < next)
                fail_ignored(plan, c, w, next);
}

void ts_propagation_check(struct ts_plan *plan, const struct ts_live *live,
                          const struct ts_last_applied *last_applied, int64_t now)
{
        for (size_t i = 0; last_applied && last_applied->n_writes > 0 && i < plan->n_changes; i++) {
                struct ts_change *c = &plan->changes[i];
                const struct ts_last_applied_write *w;

                if (!ts_change_is_planned(c) || c->reason == TS_REASON_DENIED)
                        continue; /* what `deny` asks for waits for nothing */
                w = find_write(last_applied, ts_change_object_key(c));
                if (!w)
                        continue;
                if (is_fresh(w, now) && !w->drift && !was_put_back(live, c, w))
                        undrift(c);
                if (w->change == key_of_change(plan, c))
                        check_same(plan, live, c, w, now);
        }
}

/* -------------------------------------------------------------------------------------------- remembering */

bool ts_change_was_written(const struct ts_change *c)
{
        const struct ts_outcome *o = ts_change_outcome(c);
        enum ts_result result = ts_change_result(c);
        bool refused = o->http_status >= 400 && o->http_status < 500;

        if (c->action == TS_PAIRING_CREATE)
                return false; /* its own id tells whether it is there */
        return o->sent && (result == TS_APPLIED || o->is_unshown || (result == TS_WAITING && !refused));
}

/* What it needs (a role, a member) was not known to the platform, which may take as long as a write does. */
static bool was_missing(const struct ts_change *c)
{
        const struct ts_outcome *o = ts_change_outcome(c);

        return o->sent && ts_change_result(c) == TS_WAITING &&
               (o->http_status == 404 || o->http_status == 410);
}

/* An old write is of interest until it shows or is sent again, for a day. */
static bool is_kept(const struct ts_last_applied_write *w, const struct ts_change *c, bool sees_all,
                    int64_t now)
{
        bool is_of_day = w->when <= now && now - w->when < TS_LAST_APPLIED_DAY_SEC;

        if (!c)
                return !sees_all && is_of_day;
        return is_of_day && !ts_change_was_written(c) && !was_missing(c);
}

static struct ts_last_applied_write write_of(const struct ts_plan *plan, const struct ts_change *c,
                                             uint64_t object, const struct ts_last_applied *old,
                                             int64_t ahead, int64_t now)
{
        const struct ts_last_applied_write *before = find_write(old, object);
        const struct ts_outcome *o = ts_change_outcome(c);
        struct ts_last_applied_write w = {
                .when = o->sent_at > 0 ? o->sent_at + ahead : now,
                .object = object,
                .change = key_of_change(plan, c),
                .drift = ts_change_is_drift(c),
                .n_unshown = c->n_unshown,
                .was_seen = ts_change_result(c) == TS_APPLIED || o->was_gone,
                .was_missing = was_missing(c),
        };

        if (w.was_missing && before && before->was_missing && before->change == w.change &&
            is_fresh(before, now))
                w.when = before->when; /* since the first attempt */
        return w;
}

void ts_propagation_record(struct ts_last_applied *new, const struct ts_last_applied *old,
                           const struct ts_plan *plan, const struct ts_live *live, bool sees_all, int64_t now)
{
        TS_CLEANUP(ts_map_done) struct ts_map changes = TS_MAP_INIT;
        int64_t ahead = live && !ts_diff_knows_time(live) ? live->clock_skew_sec : 0;
        uint64_t *keys = TS_ARENA_ARRAY(&new->arena, uint64_t, plan->n_changes);

        new->writes = TS_ARENA_ARRAY(&new->arena, struct ts_last_applied_write,
                                     old->n_writes + plan->n_changes);
        for (size_t i = 0; i < plan->n_changes; i++) {
                keys[i] = ts_change_object_key(&plan->changes[i]);
                ts_map_add(&changes, &keys[i], sizeof(keys[i]), (uint32_t) i);
        }
        for (size_t i = 0; i < old->n_writes; i++) {
                const struct ts_last_applied_write *w = &old->writes[i];
                uint32_t k = ts_map_get(&changes, &w->object, sizeof(w->object));

                if (is_kept(w, k != TS_MAP_NONE ? &plan->changes[k] : NULL, sees_all, now))
                        new->writes[new->n_writes++] = *w;
        }
        for (size_t i = 0; i < plan->n_changes; i++)
                if (ts_change_was_written(&plan->changes[i]) || was_missing(&plan->changes[i]))
                        new->writes[new->n_writes++] =
                                        write_of(plan, &plan->changes[i], keys[i], old, ahead, now);
}
