/*
 * The report for programs. Keys are only ever added, so that readers of format_version 1 keep working. Names
 * stand as they are, not cut; the writer sees to it that every string is one.
 */
#include <string.h>
#include "report/report.h"

#include "report/words.h"
#include "util/timefmt.h"

#define FORMAT_VERSION 1

/* A request line is a method and a path. */
#define REQUEST_MAX_BYTES 4096u

struct json {
        const struct ts_report *report;
        struct ts_json_writer writer;
        struct ts_buf request; /* reused for each change */
};

/* "sha256:…", or null */
static void add_digest(struct ts_json_writer *w, const char *key, const struct ts_digest *d)
{
        ts_json_add_string(w, key, d ? ts_digest_format(d).s : NULL);
}

void ts_report_add_time(struct ts_json_writer *w, const char *key, int64_t t)
{
        ts_json_add_string(w, key, t == TS_TIME_UNSET ? NULL : ts_time_format(t).s);
}

static void add_count(struct ts_json_writer *w, const char *key, size_t n)
{
        ts_json_add_int(w, key, (int64_t) n);
}

static void add_source(struct ts_json_writer *w, const struct ts_source *s)
{
        ts_json_key(w, "source");
        if (!s->file) {
                ts_json_put_null(w);
                return;
        }
        ts_json_open_object(w);
        ts_json_add_string(w, "file", s->file);
        ts_json_add_int(w, "line", s->line);
        ts_json_close_object(w);
}

void ts_report_add_summary(struct ts_json_writer *w, const struct ts_plan_summary *s)
{
        ts_json_key(w, "summary");
        ts_json_open_object(w);
        add_count(w, "add", s->add);
        add_count(w, "change", s->change);
        add_count(w, "remove", s->remove);
        add_count(w, "held", s->held);
        add_count(w, "waiting", s->waiting);
        add_count(w, "failed", s->failed);
        add_count(w, "skipped", s->skipped);
        add_count(w, "grants_add", s->grants_add);
        add_count(w, "grants_remove", s->grants_remove);
        if (s->organizations_failed > 0)
                add_count(w, "organizations_failed", s->organizations_failed);
        ts_json_close_object(w);
}

/* ----------------------------------------------------------------------------------------------- a change */

static void add_trust(struct ts_json_writer *w, const struct ts_change *c)
{
        ts_json_key(w, "trust");
        ts_json_open_object(w);
        ts_json_add_string(w, "alias", c->trust_alias);
        ts_json_add_id(w, "id", &c->trust_id);
        ts_json_add_string(w, "name", c->trust_name);
        ts_json_close_object(w);
}

static void add_subject(struct ts_json_writer *w, const struct ts_change *c)
{
        ts_json_key(w, "subject");
        ts_json_open_object(w);
        ts_json_add_string(w, "kind", ts_kind_to_string(c->kind));
        ts_json_add_id(w, "id", ts_words_subject_id(c));
        ts_json_add_string(w, "name", c->kind == TS_KIND_TRUST ? c->trust_name : c->subject_name);
        ts_json_close_object(w);
}

static void add_attributes(struct ts_json_writer *w, const struct ts_change *c)
{
        ts_json_key(w, "attributes");
        ts_json_open_object(w);
        if (c->changes_expires) {
                ts_json_key(w, "expires");
                ts_json_open_object(w);
                ts_report_add_time(w, "from", c->before.expires);
                ts_report_add_time(w, "to", c->after.expires);
                ts_json_close_object(w);
        }
        if (c->changes_enabled) {
                ts_json_key(w, "enabled");
                ts_json_open_object(w);
                ts_json_add_bool(w, "from", c->before.enabled);
                ts_json_add_bool(w, "to", c->after.enabled);
                ts_json_close_object(w);
        }
        ts_json_close_object(w);
}

static void put_grant(struct ts_json_writer *w, const struct ts_plan *plan, const struct ts_grant_change *g)
{
        ts_json_open_object(w);
        ts_json_add_string(w, "role", ts_plan_role_name(plan, g->role));
        ts_json_add_id(w, "role_id", &plan->catalog->roles[g->role].id);
        ts_json_add_string(w, "division", ts_plan_division_name(plan, g->division));
        if (g->division == TS_DIVISION_ALL)
                ts_json_add_string(w, "division_id",
                                   "*"); /* as the API has it; a division called "all" has an id */
        else
                ts_json_add_id(w, "division_id", &plan->catalog->divisions[g->division].id);
        ts_json_add_string(w, "reason", ts_reason_to_string(g->reason));
        add_source(w, &g->source);
        ts_json_close_object(w);
}

static void add_grant_list(struct ts_json_writer *w, const char *key, const struct ts_plan *plan,
                           const struct ts_grant_changes *grants)
{
        ts_json_key(w, key);
        ts_json_open_array(w);
        for (size_t i = 0; i < grants->n; i++)
                put_grant(w, plan, &grants->items[i]);
        ts_json_close_array(w);
}

static void add_grants(struct ts_json_writer *w, const struct ts_plan *plan, const struct ts_change *c)
{
        ts_json_key(w, "grants");
        ts_json_open_object(w);
        add_grant_list(w, "add", plan, &c->add);
        add_grant_list(w, "remove", plan, &c->remove);
        if (c->held.n > 0)
                add_grant_list(w, "held", plan, &c->held);
        ts_json_close_object(w);
}

static void add_request(struct json *j, const struct ts_change *c)
{
        ts_buf_reset(&j->request);
        if (j->report->describe_request)
                j->report->describe_request(c, &j->request);
        ts_json_add_string(&j->writer, "request", j->request.len > 0 ? ts_buf_text(&j->request) : NULL);
}

static void put_change(struct json *j, const struct ts_plan *plan, const struct ts_change *c)
{
        struct ts_json_writer *w = &j->writer;

        ts_json_open_object(w);
        ts_json_add_string(w, "action", ts_action_to_string(c->action));
        ts_json_add_string(w, "direction", ts_direction_to_string(c->direction));
        ts_json_add_string(w, "result", ts_result_to_string(ts_change_result(c)));
        add_trust(w, c);
        add_subject(w, c);
        add_attributes(w, c);
        add_grants(w, plan, c);
        ts_json_add_string(w, "reason", ts_reason_to_string(c->reason));
        add_source(w, &c->source);
        if (ts_change_note(c))
                ts_json_add_string(w, "note", ts_change_note(c));
        if (c->by) {
                ts_json_add_string(w, "by", c->by);
                ts_json_add_id(w, "by_id", &c->by_id);
                ts_json_add_id(w, "by_organization", &c->by_organization);
        }
        if (c->by_when != TS_TIME_UNSET)
                ts_report_add_time(w, "at", c->by_when);
        add_request(j, c);
        ts_json_close_object(w);
}

/* ---------------------------------------------------------------------------------------------- the whole */

/* Those that wait come behind all others. */
static void put_changes(struct json *j, const struct ts_plan *plan, bool waiting)
{
        for (size_t i = 0; plan && i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];

                if (ts_words_is_late(c) == waiting && ts_words_is_shown(j->report, c))
                        put_change(j, plan, c);
        }
}

/* What a review of one trust alone covers. */
static void add_trust_digests(struct ts_json_writer *w, const struct ts_plan *plan)
{
        ts_json_key(w, "trust_digests");
        ts_json_open_array(w);
        for (size_t i = 0; plan && i < plan->n_trust_digests; i++) {
                const struct ts_trust_digest *t = &plan->trust_digests[i];

                ts_json_open_object(w);
                ts_json_add_string(w, "trust", t->trust);
                ts_json_add_string(w, "direction", ts_direction_to_string(t->direction));
                ts_json_add_id(w, "id", &t->id);
                ts_json_add_int(w, "changes", (int64_t) t->n);
                add_digest(w, "digest", &t->digest);
                ts_json_close_object(w);
        }
        ts_json_close_array(w);
}

static void put_organization(struct json *j, const struct ts_report_organization *o)
{
        struct ts_json_writer *w = &j->writer;
        struct ts_plan_summary s = ts_report_summarise_organization(j->report, o);

        ts_json_open_object(w);
        ts_json_add_string(w, "alias", o->alias);
        ts_json_add_id(w, "id", &o->id);
        if (o->as_of > 0)
                ts_report_add_time(w, "as_of", o->as_of);
        if (o->err)
                ts_json_add_string(w, "error", o->err->msg);
        if (o->plan && o->plan->next_boundary != TS_TIME_NEVER)
                ts_report_add_time(w, "next_boundary", o->plan->next_boundary);
        ts_report_add_summary(w, &s);
        ts_json_key(w, "changes");
        ts_json_open_array(w);
        put_changes(j, o->plan, false);
        put_changes(j, o->plan, true);
        ts_json_close_array(w);
        add_trust_digests(w, o->plan);
        ts_json_close_object(w);
}

static void put_refusal(struct ts_json_writer *w, const char *organization, const char *trust,
                        const struct ts_refusal *r)
{
        ts_json_open_object(w);
        ts_json_add_string(w, "organization", organization);
        ts_json_add_string(w, "trust", trust);
        ts_json_add_string(w, "limit", r->limit);
        ts_json_add_int(w, "value", r->value);
        ts_json_add_int(w, "allowed", r->allowed);
        ts_json_add_string(w, "message", r->message);
        ts_json_close_object(w);
}

static void add_refusals(struct ts_json_writer *w, const struct ts_report *r)
{
        ts_json_key(w, "refusals");
        ts_json_open_array(w);
        for (size_t i = 0; i < r->n_refusals; i++)
                put_refusal(w, r->refusals[i].trust, NULL, &r->refusals[i]);
        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_report_organization *o = &r->organizations[i];

                for (size_t k = 0; o->plan && k < o->plan->n_refusals; k++)
                        put_refusal(w, o->alias, o->plan->refusals[k].trust, &o->plan->refusals[k]);
        }
        ts_json_close_array(w);
}

static void put_message(struct ts_json_writer *w, const char *organization, const struct ts_message *m)
{
        ts_json_open_object(w);
        ts_json_add_string(w, "organization", organization);
        ts_json_add_string(w, "trust", m->trust);
        ts_json_add_string(w, "kind", ts_message_kind_to_string(m->kind));
        if (m->n_members > 0)
                add_count(w, "members", m->n_members);
        add_source(w, &m->source);
        ts_json_add_string(w, "text", m->text);
        ts_json_close_object(w);
}

static void add_messages(struct ts_json_writer *w, const struct ts_report *r)
{
        ts_json_key(w, "messages");
        ts_json_open_array(w);
        for (size_t i = 0; i < r->n_messages; i++)
                put_message(w, NULL, &(struct ts_message){ .text = r->messages[i] });
        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_report_organization *o = &r->organizations[i];

                for (size_t k = 0; o->plan && k < o->plan->n_messages; k++)
                        put_message(w, o->alias, &o->plan->messages[k]);
        }
        ts_json_close_array(w);
}

static void add_users_filter(struct ts_json_writer *w, const struct ts_report *r)
{
        if (r->n_users == 0)
                return;
        ts_json_key(w, "users_filter");
        ts_json_open_array(w);
        for (size_t i = 0; i < r->n_users; i++)
                ts_json_put_string(w, r->users[i]);
        ts_json_close_array(w);
}

static void add_not_in_force(struct ts_json_writer *w, const struct ts_report *r)
{
        ts_json_key(w, "not_in_force");
        ts_json_open_array(w);
        for (size_t i = 0; i < r->n_not_in_force; i++)
                ts_json_put_string(w, r->not_in_force[i]);
        ts_json_close_array(w);
}

static void add_requests(struct ts_json_writer *w, const struct ts_report *r)
{
        ts_json_key(w, "requests");
        ts_json_open_object(w);
        ts_json_add_int(w, "total", (int64_t) r->requests);
        ts_json_add_int(w, "writes", (int64_t) r->writes);
        ts_json_close_object(w);
}

void ts_report_json_organization(const struct ts_report *r, size_t i, struct ts_buf *out)
{
        struct json j = { .report = r,
                          .writer = TS_JSON_WRITER_INIT(out, true),
                          .request = TS_BUF_INIT(REQUEST_MAX_BYTES) };

        put_organization(&j, &r->organizations[i]);
        ts_buf_done(&j.request);
}

/* Those of the cycle and those of earlier ones, by alias. */
static void put_organizations(struct json *j)
{
        const struct ts_report *r = j->report;
        size_t k = 0;

        for (size_t i = 0; i < r->n_organizations; i++) {
                for (; k < r->n_kept && strcmp(r->kept[k].alias, r->organizations[i].alias) < 0; k++)
                        ts_json_put_text(&j->writer, r->kept[k].json);
                put_organization(j, &r->organizations[i]);
        }
        for (; k < r->n_kept; k++)
                ts_json_put_text(&j->writer, r->kept[k].json);
}

void ts_report_json(const struct ts_report *r, struct ts_buf *out)
{
        struct json j = { .report = r,
                          .writer = TS_JSON_WRITER_INIT(out, true),
                          .request = TS_BUF_INIT(REQUEST_MAX_BYTES) };
        struct ts_plan_summary s = ts_report_summarise(r);
        struct ts_json_writer *w = &j.writer;

        ts_json_open_object(w);
        ts_json_add_int(w, "format_version", FORMAT_VERSION);
        ts_report_add_time(w, "generated_at", r->generated_at);
        if (r->live_at != 0)
                ts_report_add_time(w, "live_at", r->live_at);
        ts_json_add_string(w, "revision", r->revision);
        add_digest(w, "content_hash", r->content_hash);
        add_digest(w, "digest", ts_report_has_digest(r) ? &r->digest : NULL);
        ts_json_add_bool(w, "complete", r->complete);
        if (r->partial)
                ts_json_add_bool(w, "partial", true);
        if (r->paused)
                ts_json_add_string(w, "paused", r->paused);
        ts_report_add_summary(w, &s);
        add_requests(w, r);
        add_refusals(w, r);
        add_messages(w, r);
        add_not_in_force(w, r);
        add_users_filter(w, r);
        ts_json_key(w, "organizations");
        ts_json_open_array(w);
        put_organizations(&j);
        ts_json_close_array(w);
        ts_json_close_object(w);
        ts_buf_putc(out, '\n');
        ts_buf_done(&j.request);
}
