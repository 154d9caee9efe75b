#include "report/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/words.h"
#include "util/arena.h"
#include "util/escape.h"
#include "util/log.h"
#include "util/mem.h"

/* A sentence with this many grants is still read; the fields hold more of them. */
#define SENTENCE_GRANTS_MAX 40u

/* The journal refuses an entry of more than 1,024 fields; each grant takes two. */
#define FIELD_GRANTS_MAX 400u

#define SENTENCE_MAX_BYTES ((size_t) 512 * 1024)

/* ----------------------------------------------------------------------------------------------- sentence */

static void put_separator(struct ts_buf *out, bool *has_items)
{
        ts_buf_puts(out, *has_items ? ", " : ": ");
        *has_items = true;
}

static void put_grants(struct ts_buf *out, const struct ts_plan *plan, const struct ts_change *c,
                       const char *sign, const struct ts_grant_changes *grants, bool *has_items)
{
        size_t n = grants->n < SENTENCE_GRANTS_MAX ? grants->n : SENTENCE_GRANTS_MAX;

        for (size_t i = 0; i < n; i++) {
                const struct ts_grant_change *g = &grants->items[i];

                put_separator(out, has_items);
                ts_buf_puts(out, sign);
                ts_words_grant(out, ts_words_put_plain, plan, g);
                if (g->reason != c->reason)
                        ts_buf_printf(out, " (%s)", ts_reason_to_string(g->reason));
        }
        if (n < grants->n) {
                put_separator(out, has_items);
                ts_buf_printf(out, "%s%zu more grant%s", sign, grants->n - n, TS_S(grants->n - n));
        }
}

static void put_subject(struct ts_buf *out, const struct ts_change *c)
{
        if (c->kind != TS_KIND_TRUST) {
                ts_words_subject(out, ts_words_put_name, c);
                ts_buf_puts(out, " in ");
        }
        ts_words_put_plain(out, c->trust_alias);
}

void ts_event_describe(const struct ts_plan *plan, const struct ts_change *c, struct ts_buf *out)
{
        struct ts_words_attribute attributes[2];
        size_t n = ts_words_attributes(c, attributes);
        bool has_items = false;

        ts_buf_printf(out, "%s ", ts_action_to_string(c->action));
        put_subject(out, c);
        for (size_t i = 0; i < n; i++) {
                put_separator(out, &has_items);
                ts_buf_puts(out, attributes[i].s);
        }
        put_grants(out, plan, c, "+", &c->add, &has_items);
        put_grants(out, plan, c, "-", &c->remove, &has_items);
        put_grants(out, plan, c, "kept ", &c->held, &has_items);

        ts_buf_printf(out, "; %s", ts_result_to_string(ts_change_result(c)));
        if (ts_change_note(c)) {
                ts_buf_puts(out, ": ");
                ts_words_put_plain(out, ts_change_note(c));
        }
        ts_buf_puts(out, " (");
        ts_words_cause(out, ts_words_put_name, plan, c);
        if (c->source.file) {
                ts_buf_puts(out, ", ");
                (void) ts_words_source(out, ts_words_put_plain, &c->source);
        }
        ts_buf_putc(out, ')');
}

/* ------------------------------------------------------------------------------------------------ entries */

struct entry {
        struct ts_arena arena; /* the values */
        struct ts_log_field *fields;
        size_t n, n_allocated;
};

static void entry_done(struct entry *e)
{
        free(e->fields);
        ts_arena_done(&e->arena);
}

/* A value that is missing makes no field. */
static void entry_add(struct entry *e, const char *name, const char *value)
{
        if (!value || value[0] == '\0')
                return;
        TS_GROW(e->fields, e->n_allocated, e->n);
        e->fields[e->n++] = (struct ts_log_field){ .name = name, .value = ts_escape_arena(&e->arena, value) };
}

static void entry_add_id(struct entry *e, const char *name, const struct ts_id *id)
{
        if (!ts_id_is_nil(id))
                entry_add(e, name, ts_arena_strdup(&e->arena, ts_id_format(id).s));
}

static void entry_add_number(struct entry *e, const char *name, uint64_t n)
{
        entry_add(e, name, ts_arena_printf(&e->arena, "%" PRIu64, n));
}

static void entry_add_context(struct entry *e, const struct ts_event_context *ctx, const char *organization)
{
        entry_add(e, "TRUSTSYNC_CYCLE", ctx->cycle);
        entry_add(e, "TRUSTSYNC_REVISION", ctx->revision);
        if (ctx->content_hash)
                entry_add(e, "TRUSTSYNC_CONTENT_HASH",
                          ts_arena_strdup(&e->arena, ts_digest_format(ctx->content_hash).s));
        entry_add(e, "TRUSTSYNC_ORGANIZATION", organization);
}

static void entry_add_source(struct entry *e, const struct ts_source *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(SENTENCE_MAX_BYTES);

        if (ts_words_source(&text, ts_words_put_plain, s))
                entry_add(e, "TRUSTSYNC_SOURCE", ts_arena_strdup(&e->arena, ts_buf_text(&text)));
}

static void entry_add_grants(struct entry *e, const struct ts_plan *plan,
                             const struct ts_grant_changes *grants, size_t *room)
{
        for (size_t i = 0; i<grants->n && * room> 0; i++, --*room) {
                entry_add(e, "TRUSTSYNC_ROLE", ts_plan_role_name(plan, grants->items[i].role));
                entry_add(e, "TRUSTSYNC_DIVISION", ts_plan_division_name(plan, grants->items[i].division));
        }
}

static void entry_log(const struct entry *e, int priority, const char *message_id, const char *message)
{
        ts_log_entry(&(struct ts_log_entry){
                        .priority = priority,
                        .message_id = message_id,
                        .message = message,
                        .fields = e->fields,
                        .n_fields = e->n,
        });
}

/* ------------------------------------------------------------------------------------------------ changes */

struct kind {
        int priority;
        const char *message_id;
};

static struct kind kind_of(const struct ts_change *c)
{
        static const struct kind kinds[] = {
                [TS_PLANNED] = { LOG_INFO, TS_EVENT_PLANNED },
                [TS_APPLIED] = { LOG_NOTICE, TS_EVENT_CHANGE },
                [TS_FAILED] = { LOG_ERR, TS_EVENT_CHANGE_FAILED },
                [TS_HELD] = { LOG_WARNING, TS_EVENT_HELD },
                [TS_WAITING] = { LOG_INFO, TS_EVENT_WAITING },
                [TS_SKIPPED] = { LOG_INFO, TS_EVENT_UNLISTED },
        };

        if (ts_change_result(c) == TS_PLANNED && ts_change_is_drift(c))
                return (struct kind){ LOG_WARNING, TS_EVENT_DRIFT };
        if (ts_change_result(c) == TS_PLANNED && c->reason == TS_REASON_EXPIRED) /* overdue */
                return (struct kind){ LOG_WARNING, TS_EVENT_PLANNED };
        return kinds[ts_change_result(c)];
}

bool ts_event_is_information(const struct ts_change *c)
{
        return kind_of(c).priority > LOG_NOTICE;
}

static void entry_add_change(struct entry *e, const struct ts_plan *plan, const struct ts_change *c)
{
        size_t room = FIELD_GRANTS_MAX;
        struct ts_decl_labels labels;

        entry_add(e, "TRUSTSYNC_ACTION", ts_action_to_string(c->action));
        entry_add(e, "TRUSTSYNC_DIRECTION", ts_direction_to_string(c->direction));
        entry_add(e, "TRUSTSYNC_TRUST", c->trust_alias);
        entry_add_id(e, "TRUSTSYNC_TRUST_ID", &c->trust_id);
        if (c->kind != TS_KIND_TRUST) {
                entry_add(e, "TRUSTSYNC_SUBJECT", c->subject_name);
                entry_add_id(e, "TRUSTSYNC_SUBJECT_ID", &c->subject_id);
        }
        entry_add_grants(e, plan, &c->add, &room);
        entry_add_grants(e, plan, &c->remove, &room);
        entry_add_grants(e, plan, &c->held, &room);
        entry_add(e, "TRUSTSYNC_REASON", ts_reason_to_string(c->reason));
        entry_add(e, "TRUSTSYNC_RESULT", ts_result_to_string(ts_change_result(c)));
        entry_add_source(e, &c->source);
        labels = ts_words_labels(c->labels, c->trust_labels);
        entry_add(e, "TRUSTSYNC_OWNER", labels.owner);
        entry_add(e, "TRUSTSYNC_TICKET", labels.ticket);
        entry_add(e, "TRUSTSYNC_NOTE", labels.note);
        entry_add(e, "TRUSTSYNC_BY", c->by);
        entry_add_id(e, "TRUSTSYNC_BY_ID", &c->by_id);
        entry_add_id(e, "TRUSTSYNC_BY_ORGANIZATION_ID", &c->by_organization);
        entry_add(e, "TRUSTSYNC_CORRELATION_ID", ts_change_outcome(c)->correlation);
        if (ts_change_outcome(c)->http_status > 0)
                entry_add_number(e, "TRUSTSYNC_HTTP_STATUS", (uint64_t) ts_change_outcome(c)->http_status);
}

void ts_event_change(const struct ts_event_context *ctx, const struct ts_plan *plan,
                     const struct ts_change *c)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf message = TS_BUF_INIT(SENTENCE_MAX_BYTES);
        TS_CLEANUP(entry_done) struct entry e = { 0 };
        struct kind kind = kind_of(c);

        entry_add_context(&e, ctx, plan->organization);
        entry_add_change(&e, plan, c);
        ts_event_describe(plan, c, &message);
        entry_log(&e, kind.priority, kind.message_id, ts_buf_text(&message));
}

void ts_event_fight(const struct ts_event_context *ctx, const struct ts_plan *plan, const struct ts_change *c)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf message = TS_BUF_INIT(SENTENCE_MAX_BYTES);
        TS_CLEANUP(entry_done) struct entry e = { 0 };

        entry_add_context(&e, ctx, plan->organization);
        entry_add_change(&e, plan, c);
        entry_add_number(&e, "TRUSTSYNC_CORRECTED", c->n_corrected);
        ts_buf_printf(&message,
                      "put back %u times within a day and changed again: ", (unsigned) c->n_corrected);
        ts_event_describe(plan, c, &message);
        entry_log(&e, LOG_WARNING, TS_EVENT_FIGHT, ts_buf_text(&message));
}

/* ---------------------------------------------------------------------------------------- everything else */

void ts_event_refusal(const struct ts_event_context *ctx, const struct ts_plan *plan,
                      const struct ts_refusal *r)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf message = TS_BUF_INIT(SENTENCE_MAX_BYTES);
        TS_CLEANUP(entry_done) struct entry e = { 0 };
        const char *organization = plan ? plan->organization : r->trust, *trust = plan ? r->trust : NULL;

        entry_add_context(&e, ctx, organization);
        entry_add(&e, "TRUSTSYNC_TRUST", trust);
        entry_add(&e, "TRUSTSYNC_RESULT", "refused");
        ts_buf_puts(&message, "refused");
        if (organization) {
                ts_buf_putc(&message, ' ');
                ts_words_put_plain(&message, organization);
        }
        if (trust) {
                ts_buf_putc(&message, '/');
                ts_words_put_plain(&message, trust);
        }
        ts_buf_puts(&message, ": ");
        ts_words_put_plain(&message, r->message);
        entry_log(&e, LOG_ERR, TS_EVENT_REFUSED, ts_buf_text(&message));
}

void ts_event_organization_failed(const struct ts_event_context *ctx, const char *organization,
                                  const struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf message = TS_BUF_INIT(SENTENCE_MAX_BYTES);
        TS_CLEANUP(entry_done) struct entry e = { 0 };

        entry_add_context(&e, ctx, organization);
        entry_add(&e, "TRUSTSYNC_RESULT", "failed");
        if (err->http_status > 0)
                entry_add_number(&e, "TRUSTSYNC_HTTP_STATUS", (uint64_t) err->http_status);
        ts_buf_puts(&message, "organization ");
        ts_words_put_plain(&message, organization);
        ts_buf_puts(&message, " failed: ");
        ts_words_put_plain(&message, ts_words_failure(organization, err));
        entry_log(&e, LOG_ERR, TS_EVENT_ORGANIZATION_FAILED, ts_buf_text(&message));
}

void ts_event_message(const struct ts_event_context *ctx, const struct ts_plan *plan,
                      const struct ts_message *m)
{
        static const struct kind kinds[TS_MESSAGE_KIND_MAX_] = {
                [TS_MESSAGE_WARNING] = { LOG_WARNING, TS_EVENT_WARNING },
                [TS_MESSAGE_UNREAD] = { LOG_WARNING, TS_EVENT_UNREAD },
                [TS_MESSAGE_UNMANAGED] = { LOG_WARNING, TS_EVENT_UNMANAGED },
                [TS_MESSAGE_UNDECLARED] = { LOG_WARNING, TS_EVENT_UNMANAGED },
                [TS_MESSAGE_ENDS] = { LOG_INFO, TS_EVENT_ENDS },
        };
        TS_CLEANUP(ts_buf_done) struct ts_buf message = TS_BUF_INIT(SENTENCE_MAX_BYTES);
        TS_CLEANUP(entry_done) struct entry e = { 0 };

        if (m->kind == TS_MESSAGE_NOTE)
                return;
        entry_add_context(&e, ctx, plan->organization);
        entry_add(&e, "TRUSTSYNC_TRUST", m->trust);
        if (m->n_members > 0)
                entry_add_number(&e, "TRUSTSYNC_MEMBERS", m->n_members);
        entry_add_source(&e, &m->source);
        ts_words_put_plain(&message, plan->organization);
        if (m->trust) {
                ts_buf_putc(&message, '/');
                ts_words_put_plain(&message, m->trust);
        }
        ts_buf_puts(&message, ": ");
        ts_buf_puts(&message, ts_words_message_prefix(m->kind));
        ts_words_put_plain(&message, m->text);
        entry_log(&e, kinds[m->kind].priority, kinds[m->kind].message_id, ts_buf_text(&message));
}

void ts_event_more(const struct ts_event_context *ctx, const char *organization, size_t n)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf message = TS_BUF_INIT(SENTENCE_MAX_BYTES);
        TS_CLEANUP(entry_done) struct entry e = { 0 };

        entry_add_context(&e, ctx, organization);
        ts_words_put_plain(&message, organization);
        ts_buf_printf(&message, ": %zu more finding%s make%s no entry; 'trustsyncctl plan' has all of them",
                      n, TS_S(n), n == 1 ? "s" : "");
        entry_log(&e, LOG_WARNING, TS_EVENT_MORE, ts_buf_text(&message));
}

struct end {
        int priority;
        const char *message_id, *result;
};

static struct end end_of(const struct ts_report *r)
{
        if (ts_report_count_refusals(r) > 0)
                return (struct end){ LOG_WARNING, TS_EVENT_CYCLE_REFUSED, "refused" };
        if (ts_report_has_failed(r))
                return (struct end){ LOG_WARNING, TS_EVENT_CYCLE_FAILED, "failed" };
        if (r->deny_only)
                return (struct end){ LOG_WARNING, TS_EVENT_CYCLE_DENY_ONLY, "deny-only" };
        if (r->paused)
                return (struct end){ LOG_INFO, TS_EVENT_CYCLE_PAUSED, "paused" };
        return (struct end){ LOG_INFO, TS_EVENT_CYCLE_END, "converged" };
}

void ts_event_cycle_end(const struct ts_event_context *ctx, const struct ts_report *r)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf message = TS_BUF_INIT(SENTENCE_MAX_BYTES);
        TS_CLEANUP(entry_done) struct entry e = { 0 };
        struct end end = end_of(r);

        entry_add_context(&e, ctx, NULL);
        entry_add(&e, "TRUSTSYNC_RESULT", end.result);
        entry_add_number(&e, "TRUSTSYNC_REQUESTS", r->requests);
        ts_words_outcome(&message, ts_words_put_plain, r);
        entry_log(&e, end.priority, end.message_id, ts_buf_text(&message));
}
