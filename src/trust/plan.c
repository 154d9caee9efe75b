#include "trust/plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/limits.h"
#include "util/mem.h"

/* A digest line holds every grant of one member twice. */
#define LINE_MAX_BYTES ((size_t) 16 * 1024 * 1024)

static const struct {
        const char *name;
        enum ts_count count;
} actions[TS_ACTION_MAX_] = {
        [TS_TRUST_CREATE] = { "trust.create", TS_COUNT_ADD },
        [TS_TRUST_UPDATE] = { "trust.update", TS_COUNT_CHANGE },
        [TS_TRUST_ENABLE] = { "trust.enable", TS_COUNT_ADD },
        [TS_TRUST_DISABLE] = { "trust.disable", TS_COUNT_REMOVE },
        [TS_TRUST_DELETE] = { "trust.delete", TS_COUNT_REMOVE },
        [TS_USER_ADD] = { "user.add", TS_COUNT_ADD },
        [TS_USER_UPDATE] = { "user.update", TS_COUNT_CHANGE },
        [TS_USER_REMOVE] = { "user.remove", TS_COUNT_REMOVE },
        [TS_GROUP_ADD] = { "group.add", TS_COUNT_ADD },
        [TS_GROUP_UPDATE] = { "group.update", TS_COUNT_CHANGE },
        [TS_GROUP_REMOVE] = { "group.remove", TS_COUNT_REMOVE },
        [TS_CLONE_ADD] = { "clone.add", TS_COUNT_ADD },
        [TS_CLONE_REMOVE] = { "clone.remove", TS_COUNT_REMOVE },
        [TS_PAIRING_CREATE] = { "pairing.create", TS_COUNT_ADD },
        [TS_CARE_CREATE] = { "care.create", TS_COUNT_ADD },
};

const char *ts_action_to_string(enum ts_action a)
{
        return actions[a].name;
}

enum ts_count ts_action_count(enum ts_action a)
{
        return actions[a].count;
}

const char *ts_result_to_string(enum ts_result r)
{
        static const char *const names[] = {
                [TS_PLANNED] = "planned", [TS_APPLIED] = "applied", [TS_FAILED] = "failed",
                [TS_HELD] = "held",       [TS_WAITING] = "waiting", [TS_SKIPPED] = "skipped",
        };

        return names[r];
}

const char *ts_reason_to_string(enum ts_reason r)
{
        static const char *const names[] = {
                [TS_REASON_CONFIG] = "config",
                [TS_REASON_DRIFT] = "drift",
                [TS_REASON_EXPIRED] = "expired",
                [TS_REASON_DENIED] = "denied",
        };

        return names[r];
}

const char *ts_message_kind_to_string(enum ts_message_kind k)
{
        static const char *const names[TS_MESSAGE_KIND_MAX_] = {
                [TS_MESSAGE_WARNING] = "warning",       [TS_MESSAGE_NOTE] = "note",
                [TS_MESSAGE_UNREAD] = "unread",         [TS_MESSAGE_UNMANAGED] = "unmanaged",
                [TS_MESSAGE_UNDECLARED] = "undeclared", [TS_MESSAGE_ENDS] = "ends",
        };

        return names[k];
}

struct ts_plan *ts_plan_new(void)
{
        struct ts_plan *plan = ts_calloc(1, sizeof(*plan));

        plan->complete = true;
        plan->next_boundary = TS_TIME_NEVER;
        return plan;
}

void ts_plan_free(struct ts_plan *plan)
{
        if (!plan)
                return;
        free(plan->changes);
        free(plan->refusals);
        free(plan->messages);
        free(plan->trust_digests);
        free(plan->ends);
        ts_arena_done(&plan->arena);
        free(plan);
}

struct ts_change *ts_plan_add_change(struct ts_plan *plan)
{
        struct ts_change *c;

        TS_GROW(plan->changes, plan->n_changes_allocated, plan->n_changes);
        c = &plan->changes[plan->n_changes++];
        *c = (struct ts_change){ .by_when = TS_TIME_UNSET };
        return c;
}

struct ts_end *ts_plan_add_end(struct ts_plan *plan)
{
        struct ts_end *e;

        TS_GROW(plan->ends, plan->n_ends_allocated, plan->n_ends);
        e = &plan->ends[plan->n_ends++];
        *e = (struct ts_end){ .before = TS_TIME_NEVER };
        return e;
}

void ts_plan_add_refusal(struct ts_plan *plan, const char *trust, const char *limit, int64_t value,
                         int64_t allowed, const char *message)
{
        TS_GROW(plan->refusals, plan->n_refusals_allocated, plan->n_refusals);
        plan->refusals[plan->n_refusals++] = (struct ts_refusal){
                .trust = ts_arena_strdup(&plan->arena, trust),
                .limit = limit,
                .value = value,
                .allowed = allowed,
                .message = ts_arena_strdup(&plan->arena, message),
        };
}

struct ts_message ts_message_make(struct ts_arena *arena, const char *trust, const struct ts_source *source,
                                  const char *fmt, va_list ap)
{
        char text[TS_TEXT_MAX_BYTES];

        (void) vsnprintf(text, sizeof(text), fmt, ap); /* longer ones are cut */
        return (struct ts_message){
                .trust = ts_arena_strdup(arena, trust),
                .source = source ? *source : (struct ts_source){ 0 },
                .text = ts_arena_strdup(arena, text),
        };
}

void ts_plan_add_message(struct ts_plan *plan, const char *trust, const struct ts_source *source,
                         const char *fmt, ...)
{
        va_list ap;

        TS_GROW(plan->messages, plan->n_messages_allocated, plan->n_messages);
        va_start(ap, fmt);
        plan->messages[plan->n_messages++] = ts_message_make(&plan->arena, trust, source, fmt, ap);
        va_end(ap);
}

void ts_plan_add_finding(struct ts_plan *plan, enum ts_message_kind kind, const char *trust,
                         const struct ts_source *source, size_t n_members, const char *fmt, ...)
{
        struct ts_message *m;
        va_list ap;

        TS_GROW(plan->messages, plan->n_messages_allocated, plan->n_messages);
        m = &plan->messages[plan->n_messages++];
        va_start(ap, fmt);
        *m = ts_message_make(&plan->arena, trust, source, fmt, ap);
        va_end(ap);
        m->kind = kind;
        m->n_members = n_members;
}

void ts_plan_add_messages(struct ts_plan *plan, const struct ts_message *messages, size_t n)
{
        for (size_t i = 0; i < n; i++)
                ts_plan_add_finding(plan, messages[i].kind, messages[i].trust, &messages[i].source,
                                    messages[i].n_members, "%s", messages[i].text);
}

void ts_change_blame(struct ts_change *c, const struct ts_person *person, int64_t when)
{
        static const struct ts_person nobody = { 0 };

        if (!person)
                person = &nobody;
        c->by = person->name;
        c->by_id = person->id;
        c->by_organization = person->organization;
        c->by_when = when;
}

bool ts_change_is_denial(const struct ts_change *c)
{
        return c->reason == TS_REASON_DENIED && c->phase <= TS_PHASE_REMOVE;
}

const struct ts_outcome *ts_change_outcome(const struct ts_change *c)
{
        static const struct ts_outcome nothing = { .pairing_created = TS_TIME_UNSET };

        return c->outcome ? c->outcome : &nothing;
}

enum ts_result ts_change_result(const struct ts_change *c)
{
        enum ts_result result = ts_change_outcome(c)->result;

        return result != TS_PLANNED ? result : c->decision;
}

const char *ts_change_note(const struct ts_change *c)
{
        const char *note = ts_change_outcome(c)->note;

        return note ? note : c->note;
}

void ts_outcomes_begin(struct ts_outcomes *outcomes, struct ts_plan *plan)
{
        outcomes->items = TS_ARENA_ARRAY(&outcomes->arena, struct ts_outcome, plan->n_changes);
        outcomes->n = plan->n_changes;
        for (size_t i = 0; i < plan->n_changes; i++) {
                outcomes->items[i] = *ts_change_outcome(&plan->changes[i]);
                plan->changes[i].outcome = &outcomes->items[i];
        }
}

void ts_outcomes_done(struct ts_outcomes *outcomes)
{
        ts_arena_done(&outcomes->arena);
        *outcomes = (struct ts_outcomes){ 0 };
}

bool ts_change_is_planned(const struct ts_change *c)
{
        return ts_change_result(c) == TS_PLANNED;
}

/* Of an update, only what `deny` takes. */
static bool change_keep_denied(struct ts_plan *plan, struct ts_change *c)
{
        size_t n_denied = 0, n_after = 0;

        for (size_t i = 0; i < c->remove.n; i++)
                if (c->remove.items[i].reason == TS_REASON_DENIED)
                        c->remove.items[n_denied++] = c->remove.items[i];
        if (n_denied == 0)
                return false;

        c->remove.n = n_denied;
        c->add.n = 0;
        c->grants_after = TS_ARENA_ARRAY(&plan->arena, struct ts_grant, c->n_before);
        for (size_t i = 0; i < c->n_before; i++) {
                bool denied = false;

                for (size_t k = 0; k < n_denied; k++)
                        denied = denied || (c->remove.items[k].role == c->grants_before[i].role &&
                                            c->remove.items[k].division == c->grants_before[i].division);
                if (!denied)
                        c->grants_after[n_after++] = c->grants_before[i];
        }
        c->n_after = n_after;
        c->n_removals = 0;
        c->reason = TS_REASON_DENIED;
        c->phase = TS_PHASE_REDUCE;
        return true;
}

void ts_change_end(struct ts_change *c, enum ts_result result, const char *note)
{
        c->decision = result;
        c->note = note;
}

void ts_change_count_removal(struct ts_change *c)
{
        c->counts_as_removal = true;
        c->n_removals = c->reason == TS_REASON_DENIED || c->reason == TS_REASON_EXPIRED ? 0 : 1;
}

void ts_plan_hold(struct ts_plan *plan, struct ts_change *c, const char *note)
{
        if (!ts_change_is_planned(c) || c->reason == TS_REASON_DENIED || change_keep_denied(plan, c))
                return;
        ts_change_end(c, TS_HELD, ts_arena_strdup(&plan->arena, note));
}

static size_t split_drift(struct ts_grant_changes *from, struct ts_grant_changes *drift)
{
        size_t n = 0;

        for (size_t i = 0; i < from->n; i++)
                if (from->items[i].reason != TS_REASON_DRIFT)
                        from->items[n++] = from->items[i];
                else if (drift)
                        drift->items[drift->n++] = from->items[i];
        from->n = n;
        return n;
}

static bool takes(const struct ts_grant_changes *g, const struct ts_grant *grant)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->items[i].role == grant->role && g->items[i].division == grant->division)
                        return true;
        return false;
}

static bool has_other_than_drift(const struct ts_change *c)
{
        for (size_t i = 0; i < c->add.n; i++)
                if (c->add.items[i].reason != TS_REASON_DRIFT)
                        return true;
        for (size_t i = 0; i < c->remove.n; i++)
                if (c->remove.items[i].reason != TS_REASON_DRIFT)
                        return true;
        return false;
}

void ts_plan_hold_drift(struct ts_plan *plan, struct ts_change *c, const char *note)
{
        struct ts_grant *after;
        size_t n = 0;

        if (ts_action_count(c->action) != TS_COUNT_CHANGE || !has_other_than_drift(c)) {
                ts_plan_hold(plan, c, note);
                return;
        }
        c->held.items = TS_ARENA_ARRAY(&plan->arena, struct ts_grant_change, c->remove.n);
        (void) split_drift(&c->remove, &c->held);
        (void) split_drift(&c->add, NULL);
        after = TS_ARENA_ARRAY(&plan->arena, struct ts_grant, c->n_before + c->add.n);
        for (size_t i = 0; i < c->n_before; i++)
                if (!takes(&c->remove, &c->grants_before[i]))
                        after[n++] = c->grants_before[i];
        for (size_t i = 0; i < c->add.n; i++)
                after[n++] = (struct ts_grant){ c->add.items[i].role, c->add.items[i].division, NULL };
        c->grants_after = after;
        c->n_after = ts_grants_normalise(after, n);
        c->note = ts_arena_strdup(&plan->arena, note);
        c->n_removals = 0;
        for (size_t i = 0; i < c->remove.n; i++)
                c->n_removals += c->remove.items[i].reason != TS_REASON_DENIED;
}

struct ts_plan_summary ts_plan_summarise(const struct ts_plan *plan)
{
        struct ts_plan_summary s = { 0 };

        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];

                switch (ts_change_result(c)) {
                case TS_PLANNED:
                case TS_APPLIED:
                        switch (ts_action_count(c->action)) {
                        case TS_COUNT_ADD:
                                s.add++;
                                break;
                        case TS_COUNT_CHANGE:
                                s.change++;
                                s.grants_add += c->add.n;
                                s.grants_remove += c->remove.n;
                                break;
                        case TS_COUNT_REMOVE:
                                s.remove++;
                                break;
                        }
                        break;
                case TS_FAILED:
                        s.failed++;
                        break;
                case TS_HELD:
                        s.held++;
                        break;
                case TS_WAITING:
                        s.waiting++;
                        break;
                case TS_SKIPPED:
                default:
                        s.skipped++;
                        break;
                }
        }
        return s;
}

const char *ts_plan_role_name(const struct ts_plan *plan, uint32_t role)
{
        return plan->catalog->roles[role].name;
}

const char *ts_plan_division_name(const struct ts_plan *plan, uint32_t division)
{
        return plan->catalog->divisions[division].name;
}

static bool grants_drifted(const struct ts_grant_changes *grants)
{
        for (size_t i = 0; i < grants->n; i++)
                if (grants->items[i].reason == TS_REASON_DRIFT)
                        return true;
        return false;
}

bool ts_change_is_drift(const struct ts_change *c)
{
        return c->reason == TS_REASON_DRIFT || grants_drifted(&c->add) || grants_drifted(&c->remove);
}

/* ------------------------------------------------------------------------------------------------- digest */

static void put_id(struct ts_buf *line, const struct ts_id *id)
{
        if (ts_id_is_nil(id))
                ts_buf_puts(line, " -");
        else
                ts_buf_printf(line, " %s", ts_id_format(id).s);
}

struct grant_text {
        char s[2 * TS_ID_TEXT_LEN + 2];
};

static int grant_text_compare(const void *a, const void *b)
{
        return strcmp(((const struct grant_text *) a)->s, ((const struct grant_text *) b)->s);
}

/* Indices depend on the order of the listing, so grants are sorted by their ids' text. */
static void put_grants(struct ts_buf *line, const struct ts_plan *plan, const struct ts_grant *grants,
                       size_t n)
{
        TS_CLEANUP(ts_freep) struct grant_text *texts = ts_calloc(n, sizeof(*texts));

        for (size_t i = 0; i < n; i++) {
                const struct ts_named *role = &plan->catalog->roles[grants[i].role];
                const struct ts_named *division = &plan->catalog->divisions[grants[i].division];
                struct ts_id_text role_id = ts_id_format(&role->id),
                                  division_id = ts_id_format(&division->id);

                (void) snprintf(texts[i].s, sizeof(texts[i].s), "%s/%s", role_id.s,
                                grants[i].division == TS_DIVISION_ALL ? "*" : division_id.s);
        }
        qsort(texts, n, sizeof(*texts), grant_text_compare);

        ts_buf_putc(line, ' ');
        for (size_t i = 0; i < n; i++)
                ts_buf_printf(line, "%s%s", i > 0 ? "," : "", texts[i].s);
        if (n == 0)
                ts_buf_puts(line, "none");
}

/* Sorted by the diff. */
static void put_ids(struct ts_buf *line, const struct ts_id *ids, size_t n)
{
        ts_buf_putc(line, ' ');
        for (size_t i = 0; i < n; i++)
                ts_buf_printf(line, "%s%s", i > 0 ? "," : "", ts_id_format(&ids[i]).s);
        if (n == 0)
                ts_buf_puts(line, "none");
}

static void put_attributes(struct ts_buf *line, const struct ts_trust_attributes *a)
{
        ts_buf_printf(line, " enabled=%s,expires=%s", a->enabled ? "true" : "false",
                      ts_time_format(a->expires).s);
}

static void put_before_after(struct ts_buf *line, const struct ts_plan *plan, const struct ts_change *c)
{
        switch (c->action) {
        case TS_TRUST_CREATE: /* who comes in with it is in the request */
                ts_buf_puts(line, " -");
                put_attributes(line, &c->after);
                ts_buf_puts(line, ",pairing=");
                ts_buf_puts(line, ts_id_is_nil(&c->pairing_id) ? "-" : ts_id_format(&c->pairing_id).s);
                break;
        case TS_TRUST_UPDATE:
        case TS_TRUST_ENABLE:
        case TS_TRUST_DISABLE:
                put_attributes(line, &c->before);
                put_attributes(line, &c->after);
                break;
        case TS_TRUST_DELETE:
                put_attributes(line, &c->before);
                ts_buf_puts(line, " -");
                break;
        case TS_USER_REMOVE:
        case TS_GROUP_REMOVE:
        case TS_CLONE_REMOVE:
                ts_buf_puts(line, " member -");
                break;
        case TS_USER_ADD:
        case TS_GROUP_ADD:
                ts_buf_puts(line, " -");
                if (c->grants_managed)
                        put_grants(line, plan, c->grants_after, c->n_after);
                else
                        ts_buf_puts(line, " unmanaged");
                break;
        case TS_USER_UPDATE:
        case TS_GROUP_UPDATE:
                put_grants(line, plan, c->grants_before, c->n_before);
                put_grants(line, plan, c->grants_after, c->n_after);
                break;
        case TS_CLONE_ADD:
                ts_buf_puts(line, " - member");
                break;
        case TS_PAIRING_CREATE:
                ts_buf_puts(line, " -");
                put_ids(line, c->pairing_users, c->n_pairing_users);
                put_ids(line, c->pairing_groups, c->n_pairing_groups);
                break;
        case TS_CARE_CREATE:
        default:
                assert(c->action == TS_CARE_CREATE);
                ts_buf_printf(line, " - assign_default_role=%s,auto_expire=%s",
                              c->assign_default_role ? "true" : "false", c->auto_expire ? "true" : "false");
                break;
        }
}

static void put_change(struct ts_buf *line, const struct ts_plan *plan, const struct ts_change *c)
{
        ts_buf_printf(line, "%s %s", ts_action_to_string(c->action), ts_direction_to_string(c->direction));
        put_id(line, &plan->organization_id);
        put_id(line, &c->trust_id);
        put_id(line, &c->subject_id);
        put_before_after(line, plan, c);
        ts_buf_putc(line, '\n');
}

/* A member's new end: no request writes it, and it takes access away all the same. A trust's is a change. */
static bool put_end(struct ts_buf *line, const struct ts_plan *plan, const struct ts_end *e)
{
        if (!e->is_new || e->kind == TS_KIND_TRUST)
                return false;
        ts_buf_reset(line);
        ts_buf_printf(line, "%s.end %s", ts_kind_to_string(e->kind), ts_direction_to_string(e->direction));
        put_id(line, &plan->organization_id);
        put_id(line, &e->trust_id);
        put_id(line, &e->subject);
        ts_buf_printf(line, " until=%s", ts_time_format(e->before).s);
        ts_buf_printf(line, " until=%s\n", ts_time_format(e->when).s);
        return true;
}

void ts_plan_digest(const struct ts_plan *plan, struct ts_sha256 *hash)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(LINE_MAX_BYTES);

        for (size_t i = 0; i < plan->n_changes; i++) {
                if (!ts_change_is_planned(&plan->changes[i]) || ts_change_is_denial(&plan->changes[i]))
                        continue;
                ts_buf_reset(&line);
                put_change(&line, plan, &plan->changes[i]);
                ts_sha256_put(hash, line.data, line.len);
        }
        for (size_t i = 0; i < plan->n_ends; i++)
                if (put_end(&line, plan, &plan->ends[i]))
                        ts_sha256_put(hash, line.data, line.len);
}

bool ts_change_is_reviewable(const struct ts_change *c)
{
        return c->reason == TS_REASON_CONFIG || c->reason == TS_REASON_EXPIRED;
}

bool ts_change_is_same_trust(const struct ts_change *a, const struct ts_change *b)
{
        return ts_id_equal(&a->trust_id, &b->trust_id) && a->direction == b->direction;
}

size_t ts_plan_trust_end(const struct ts_plan *plan, size_t first)
{
        size_t i = first;

        while (i < plan->n_changes && ts_change_is_same_trust(&plan->changes[i], &plan->changes[first]))
                i++;
        return i;
}

/* @t: its trust and its changes are known. */
static void digest_trust(struct ts_plan *plan, struct ts_trust_digest t)
{
        static const char header[] = "trustsyncd-plan-trust 1\n";
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(LINE_MAX_BYTES);
        struct ts_sha256 *hash = ts_sha256_new();

        ts_sha256_put(hash, header, strlen(header));
        for (size_t i = t.first; i < t.end; i++) {
                if (!ts_change_is_planned(&plan->changes[i]) || !ts_change_is_reviewable(&plan->changes[i]))
                        continue;
                ts_buf_reset(&line);
                put_change(&line, plan, &plan->changes[i]);
                ts_sha256_put(hash, line.data, line.len);
                t.n++;
        }
        for (size_t i = 0; i < plan->n_ends; i++) {
                const struct ts_end *e = &plan->ends[i];

                if (e->direction != t.direction || !ts_id_equal(&e->trust_id, &t.id) ||
                    !put_end(&line, plan, e))
                        continue;
                ts_sha256_put(hash, line.data, line.len);
                t.n++;
        }
        t.digest = ts_sha256_finish(hash);
        if (t.n == 0)
                return;
        TS_GROW(plan->trust_digests, plan->n_trust_digests_allocated, plan->n_trust_digests);
        plan->trust_digests[plan->n_trust_digests++] = t;
}

const struct ts_trust_digest *ts_plan_find_trust_digest(const struct ts_plan *plan,
                                                        enum ts_direction direction,
                                                        const struct ts_id *trust)
{
        for (size_t i = 0; i < plan->n_trust_digests; i++)
                if (plan->trust_digests[i].direction == direction &&
                    ts_id_equal(&plan->trust_digests[i].id, trust))
                        return &plan->trust_digests[i];
        return NULL;
}

void ts_plan_digest_trusts(struct ts_plan *plan)
{
        for (size_t first = 0, end; first < plan->n_changes; first = end) {
                const struct ts_change *c = &plan->changes[first];

                end = ts_plan_trust_end(plan, first);
                digest_trust(plan, (struct ts_trust_digest){ .trust = c->trust_alias,
                                                             .direction = c->direction,
                                                             .id = c->trust_id,
                                                             .first = first,
                                                             .end = end });
        }
        for (size_t i = 0; i < plan->n_ends; i++) { /* of trusts in which nothing else changes */
                const struct ts_end *e = &plan->ends[i];

                if (e->is_new && !ts_plan_find_trust_digest(plan, e->direction, &e->trust_id))
                        digest_trust(plan, (struct ts_trust_digest){ .trust = e->trust,
                                                                     .direction = e->direction,
                                                                     .id = e->trust_id,
                                                                     .first = plan->n_changes,
                                                                     .end = plan->n_changes });
        }
}

struct ts_digest ts_plan_digest_change(const struct ts_plan *plan, const struct ts_change *c)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(LINE_MAX_BYTES);

        put_change(&line, plan, c);
        return ts_sha256_of(ts_buf_text(&line), line.len);
}

/* The first 64 bits of a digest. */
uint64_t ts_digest_shorten(const struct ts_digest *d)
{
        uint64_t key = 0;

        for (size_t i = 0; i < 8; i++)
                key = key << 8 | d->bytes[i];
        return key;
}

uint64_t ts_change_object_key(const struct ts_change *c)
{
        uint8_t bytes[2 + 2 * sizeof(struct ts_id)];
        struct ts_digest d;

        bytes[0] = (uint8_t) c->direction;
        bytes[1] = (uint8_t) c->kind;
        memcpy(bytes + 2, c->trust_id.bytes, sizeof(c->trust_id.bytes));
        memcpy(bytes + 2 + sizeof(struct ts_id), c->subject_id.bytes, sizeof(c->subject_id.bytes));
        d = ts_sha256_of(bytes, sizeof(bytes));
        return ts_digest_shorten(&d);
}
