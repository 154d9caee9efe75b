#include "report/words.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/escape.h"
#include "util/limits.h"
#include "util/map.h"
#include "util/revision.h"
#include "util/timefmt.h"

void ts_words_put_plain(struct ts_buf *out, const char *s)
{
        (void) ts_escape_text(out, s, strlen(s)); /* whether something was escaped does not matter */
}

void ts_words_put_name(struct ts_buf *out, const char *s)
{
        ts_escape_name(out, s);
}

const char *ts_words_message_prefix(enum ts_message_kind kind)
{
        static const char *const prefixes[TS_MESSAGE_KIND_MAX_] = {
                [TS_MESSAGE_WARNING] = "",
                [TS_MESSAGE_NOTE] = "",
                [TS_MESSAGE_UNREAD] = "incomplete: ",
                [TS_MESSAGE_UNMANAGED] = "no longer managed: ",
                [TS_MESSAGE_UNDECLARED] = "no longer declared: ",
                [TS_MESSAGE_ENDS] = "ends soon: ",
        };

        return prefixes[kind];
}

const char *ts_words_failure(const char *alias, const struct ts_err *err)
{
        size_t n = strlen(alias);

        return strncmp(err->msg, alias, n) == 0 && strncmp(err->msg + n, ": ", 2) == 0 ? err->msg + n + 2
                                                                                       : err->msg;
}

char ts_words_sign(const struct ts_change *c)
{
        static const char counts[] = {
                [TS_COUNT_ADD] = '+', [TS_COUNT_CHANGE] = '~', [TS_COUNT_REMOVE] = '-'
        };

        switch (ts_change_result(c)) {
        case TS_PLANNED:
        case TS_APPLIED:
                return counts[ts_action_count(c->action)];
        case TS_FAILED:
                return 'x';
        case TS_HELD:
                return '!';
        case TS_WAITING:
                return '?';
        case TS_SKIPPED:
                break;
        }
        return '.';
}

const char *ts_words_action(enum ts_action a)
{
        static const char *const words[TS_ACTION_MAX_] = {
                [TS_TRUST_CREATE] = "create",       [TS_TRUST_UPDATE] = "update",
                [TS_TRUST_ENABLE] = "enable",       [TS_TRUST_DISABLE] = "disable",
                [TS_TRUST_DELETE] = "delete",       [TS_USER_ADD] = "add user",
                [TS_USER_UPDATE] = "update user",   [TS_USER_REMOVE] = "remove user",
                [TS_GROUP_ADD] = "add group",       [TS_GROUP_UPDATE] = "update group",
                [TS_GROUP_REMOVE] = "remove group", [TS_CLONE_ADD] = "add clone",
                [TS_CLONE_REMOVE] = "remove clone", [TS_PAIRING_CREATE] = "create",
                [TS_CARE_CREATE] = "let in",
        };

        return words[a];
}

/* What is no name, but a word of ours. */
static const char *own_word(const struct ts_change *c)
{
        if (c->action == TS_CARE_CREATE)
                return "customer care";
        if (c->kind == TS_KIND_TRUST)
                return "trust";
        return c->kind == TS_KIND_PAIRING ? "pairing request" : NULL;
}

void ts_words_subject(struct ts_buf *out, ts_words_put put, const struct ts_change *c)
{
        const char *word = own_word(c);

        if (word)
                ts_buf_puts(out, word);
        else if (c->subject_name && c->subject_name[0] != '\0')
                put(out, c->subject_name);
        else /* an id of ours to show is set apart like a name, but never in quotes */
                (put == ts_words_put_name ? ts_words_put_plain : put)(out, ts_id_format(&c->subject_id).s);
}

const struct ts_id *ts_words_subject_id(const struct ts_change *c)
{
        return c->kind == TS_KIND_TRUST ? &c->trust_id : &c->subject_id;
}

void ts_words_grant(struct ts_buf *out, ts_words_put put, const struct ts_plan *plan,
                    const struct ts_grant_change *g)
{
        put(out, ts_plan_role_name(plan, g->role));
        if (g->division == TS_DIVISION_ALL) {
                ts_buf_puts(out, " in all divisions");
        } else {
                ts_buf_puts(out, " in ");
                put(out, ts_plan_division_name(plan, g->division));
        }
}

static void put_person(struct ts_buf *out, ts_words_put put, const struct ts_plan *plan,
                       const struct ts_change *c)
{
        put(out, c->by);
        ts_buf_puts(out, " (");
        if (ts_id_is_nil(&c->by_id))
                ts_buf_puts(out, "id not told, ");
        else
                ts_buf_printf(out, "id %s, ", ts_id_format(&c->by_id).s);
        if (ts_id_is_nil(&c->by_organization))
                ts_buf_puts(out, "organization not told");
        else if (ts_id_equal(&c->by_organization, &plan->organization_id))
                ts_buf_puts(out, "of our organization");
        else if (ts_id_equal(&c->by_organization, &c->trust_id))
                ts_buf_puts(out, "of the other organization");
        else
                ts_buf_printf(out, "of organization %s", ts_id_format(&c->by_organization).s);
        ts_buf_putc(out, ')');
}

void ts_words_cause(struct ts_buf *out, ts_words_put put, const struct ts_plan *plan,
                    const struct ts_change *c)
{
        ts_buf_puts(out, ts_reason_to_string(c->reason));
        if (c->by) {
                ts_buf_puts(out, ", by ");
                put_person(out, put, plan, c);
        }
        if (c->by_when != TS_TIME_UNSET)
                ts_buf_printf(out, ", %s", ts_time_format(c->by_when).s);
}

bool ts_words_source(struct ts_buf *out, ts_words_put put, const struct ts_source *s)
{
        char text[TS_YAML_SCALAR_MAX_BYTES + 16];

        if (!s->file)
                return false;
        if (s->line > 0)
                (void) snprintf(text, sizeof(text), "%s:%" PRIu32, s->file, s->line); /* paths are shorter */
        else
                (void) snprintf(text, sizeof(text), "%s", s->file);
        put(out, text);
        return true;
}

static void attribute(struct ts_words_attribute *ret, const char *name, const char *from, const char *to)
{
        (void) snprintf(ret->s, sizeof(ret->s), "%s: %s -> %s", name, from, to); /* at most 2 * 40 + 16 */
}

struct ts_decl_labels ts_words_labels(const struct ts_decl_labels *member, const struct ts_decl_labels *trust)
{
        static const struct ts_decl_labels none = { 0 };
        struct ts_decl_labels labels = member ? *member : none;

        if (!trust)
                trust = &none;
        if (!labels.owner)
                labels.owner = trust->owner;
        if (!labels.ticket)
                labels.ticket = trust->ticket;
        if (!labels.note)
                labels.note = trust->note;
        return labels;
}

size_t ts_words_attributes(const struct ts_change *c, struct ts_words_attribute ret[2])
{
        size_t n = 0;

        if (c->changes_expires)
                attribute(&ret[n++], "expires", ts_time_format(c->before.expires).s,
                          ts_time_format(c->after.expires).s);
        if (c->changes_enabled)
                attribute(&ret[n++], "enabled", c->before.enabled ? "true" : "false",
                          c->after.enabled ? "true" : "false");
        return n;
}

bool ts_words_is_late(const struct ts_change *c)
{
        return ts_change_result(c) == TS_WAITING || ts_change_result(c) == TS_SKIPPED;
}

bool ts_words_lacks_grants(const struct ts_change *c)
{
        return (c->action == TS_USER_ADD || c->action == TS_GROUP_ADD) && ts_change_result(c) != TS_FAILED &&
               c->add.n == 0;
}

const char *ts_words_result_prefix(enum ts_result result)
{
        switch (result) {
        case TS_FAILED:
                return "failed: ";
        case TS_HELD:
                return "held: ";
        case TS_WAITING:
                return "waiting: ";
        case TS_PLANNED:
        case TS_APPLIED:
        case TS_SKIPPED: /* its line begins with what it is */
                break;
        }
        return "";
}

void ts_words_counts(struct ts_buf *out, bool applied, const struct ts_plan_summary *s)
{
        ts_buf_printf(out,
                      applied ? "%zu added, %zu changed (+%zu -%zu grants), %zu removed, %zu held, %zu "
                                "waiting"
                              : "%zu to add, %zu to change (+%zu -%zu grants), %zu to remove, %zu held, %zu "
                                "waiting",
                      s->add, s->change, s->grants_add, s->grants_remove, s->remove, s->held, s->waiting);
        if (applied || s->organizations_failed > 0)
                ts_buf_printf(out, ", %zu failed", s->failed);
        if (s->organizations_failed > 0)
                ts_buf_printf(out, " (%zu organization%s)", s->organizations_failed,
                              TS_S(s->organizations_failed));
}

bool ts_words_no_plan(struct ts_buf *out, const struct ts_report *r)
{
        size_t n = ts_report_count_unplanned(r);

        for (size_t i = 0; i < r->n_organizations; i++)
                if (r->organizations[i].plan)
                        return false;
        if (n > 0)
                ts_buf_printf(out, "%zu organization%s could not be read", n, TS_S(n));
        else
                ts_buf_puts(out, "nothing could be planned");
        return true;
}

void ts_words_outcome(struct ts_buf *out, ts_words_put put, const struct ts_report *r)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf why = TS_BUF_INIT(TS_TEXT_MAX_BYTES);
        struct ts_plan_summary s = ts_report_summarise(r);
        struct ts_digest_text hash =
                        r->content_hash ? ts_digest_format(r->content_hash) : (struct ts_digest_text){ "" };
        uint64_t tenths = (r->duration_usec + TS_USEC_PER_SEC / 20) / (TS_USEC_PER_SEC / 10);

        if (!r->applied && ts_words_no_plan(&why, r)) {
                ts_buf_printf(out, "No plan: %s", ts_buf_text(&why));
        } else {
                ts_buf_puts(out, r->applied ? "Done: " : "Plan: ");
                ts_words_counts(out, r->applied, &s);
        }
        ts_buf_printf(out, ". %" PRIu64 " requests, %" PRIu64 ".%" PRIu64 " s, revision ", r->requests,
                      tenths / 10, tenths % 10);
        put(out, ts_revision_format(r->revision, r->content_hash ? hash.s : NULL).s);
        ts_buf_putc(out, '.');
}

bool ts_words_age(struct ts_buf *out, const struct ts_report *r)
{
        int64_t age = r->generated_at - r->live_at;

        if (r->live_at == 0)
                return false;
        ts_buf_printf(out, "Planned against the export of %s", ts_time_format(r->live_at).s);
        if (age > 0)
                ts_buf_printf(out, ", which is %s old", ts_span_format((uint64_t) age * TS_USEC_PER_SEC).s);
        ts_buf_puts(out, ": nothing was asked of the API.");
        return true;
}

const char *ts_words_nothing(const struct ts_report *r)
{
        struct ts_plan_summary s = ts_report_summarise(r);
        size_t n_not_planned = r->deny_only;

        for (size_t i = 0; i < r->n_organizations; i++)
                n_not_planned += !r->organizations[i].plan;
        if (s.add + s.change + s.remove + s.held + s.failed + ts_report_count_left(r) + r->writes +
                            ts_report_count_refusals(r) + n_not_planned >
            0)
                return NULL;
        if (r->n_not_in_force > 0)
                return "Nothing to change by what is in force.";
        return r->complete ? "No changes." : "Nothing to change in what could be read.";
}

static bool sentence(struct ts_buf *out, bool has_text, size_t n, const char *one, const char *many)
{
        if (n == 0)
                return has_text;
        ts_buf_printf(out, "%s%zu %s", has_text ? " " : "", n, n == 1 ? one : many);
        return true;
}

bool ts_words_remainder(struct ts_buf *out, const struct ts_report *r)
{
        struct ts_plan_summary s = ts_report_summarise(r);
        bool any = false;

        if (!r->applied)
                any = sentence(out, any, s.failed - s.organizations_failed, "change cannot be made.",
                               "changes cannot be made.");
        any = sentence(out, any, ts_report_count_left(r), "change was only planned.",
                       "changes were only planned.");
        any = sentence(out, any, s.skipped, "unlisted object is only reported.",
                       "unlisted objects are only reported.");
        return any;
}

static bool names_subject(const char *user, const struct ts_change *c)
{
        struct ts_id id;

        if (ts_equal_fold(user, c->subject_name))
                return true;
        return ts_id_parse_string(user, &id) && ts_id_equal(&id, &c->subject_id);
}

bool ts_words_is_shown(const struct ts_report *r, const struct ts_change *c)
{
        for (size_t i = 0; i < r->n_users; i++)
                if (c->kind != TS_KIND_TRUST && names_subject(r->users[i], c))
                        return true;
        return r->n_users == 0;
}

size_t ts_words_count_characters(const char *s, size_t len)
{
        size_t n = 0;

        for (size_t i = 0; i < len; i++)
                n += ((unsigned char) s[i] & 0xC0) != 0x80;
        return n;
}
