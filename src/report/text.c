/*
 * The report as text for people: what is refused or failed first, then one line a change, grouped by
 * organization and trust, then the digest and one fixed last line.
 */
#include "report/report.h"

#include <string.h>

#include "report/words.h"

/* Columns are aligned up to this width; a longer name pushes its own line only. */
#define SUBJECT_MAX_WIDTH 44u
#define GRANT_MAX_WIDTH 60u
#define ACTION_WIDTH 12u /* "remove group" */

/* One escaped text while it is measured. */
#define SCRATCH_MAX_BYTES (64u * 1024u)

enum style {
        STYLE_PLAIN,
        STYLE_BOLD,
        STYLE_DIM,
        STYLE_RED,
        STYLE_GREEN,
        STYLE_YELLOW,
        STYLE_MAGENTA,
        STYLE_CYAN,
};

struct text {
        const struct ts_report *report;
        bool color;
        bool late; /* what waits or is only reported is shown: behind everything else */
        struct ts_buf *out;
        struct ts_buf scratch;
};

static void style(struct text *t, enum style s)
{
        static const char *const codes[] = {
                [STYLE_PLAIN] = "\033[0m",    [STYLE_BOLD] = "\033[1m",   [STYLE_DIM] = "\033[2m",
                [STYLE_RED] = "\033[31m",     [STYLE_GREEN] = "\033[32m", [STYLE_YELLOW] = "\033[33m",
                [STYLE_MAGENTA] = "\033[35m", [STYLE_CYAN] = "\033[36m",
        };

        if (t->color)
                ts_buf_puts(t->out, codes[s]);
}

static void put_styled(struct text *t, enum style s, const char *text)
{
        style(t, s);
        ts_words_put_plain(t->out, text);
        style(t, STYLE_PLAIN);
}

static enum style sign_style(char sign)
{
        switch (sign) {
        case '+':
                return STYLE_GREEN;
        case '~':
                return STYLE_YELLOW;
        case '!':
                return STYLE_MAGENTA;
        case '?':
                return STYLE_CYAN;
        case '-':
        case 'x':
                return STYLE_RED;
        default:
                return STYLE_DIM;
        }
}

static void put_spaces(struct text *t, size_t n)
{
        for (; n > 0; n--)
                ts_buf_putc(t->out, ' ');
}

static size_t scratch_width(const struct text *t)
{
        return ts_words_count_characters(ts_buf_text(&t->scratch), t->scratch.len);
}

/* Takes over what stands in the scratch buffer, filled up to @width characters. */
static void put_scratch(struct text *t, size_t width)
{
        size_t n = scratch_width(t);

        ts_buf_put(t->out, ts_buf_text(&t->scratch), t->scratch.len);
        put_spaces(t, n < width ? width - n : 0);
        ts_buf_reset(&t->scratch);
}

static size_t larger(size_t a, size_t b, size_t max)
{
        if (b > max)
                b = max;
        return a > b ? a : b;
}

/* ----------------------------------------------------------------------------------------------- a change */

static size_t grants_width(struct text *t, const struct ts_plan *plan, const struct ts_grant_changes *grants,
                           size_t width)
{
        for (size_t i = 0; i < grants->n; i++) {
                ts_words_grant(&t->scratch, ts_words_put_plain, plan, &grants->items[i]);
                width = larger(width, scratch_width(t), GRANT_MAX_WIDTH);
                ts_buf_reset(&t->scratch);
        }
        return width;
}

static void put_source(struct text *t, const struct ts_source *s)
{
        if (!s->file)
                return;
        style(t, STYLE_DIM);
        ts_buf_puts(t->out, "  (");
        (void) ts_words_source(t->out, ts_words_put_plain, s);
        ts_buf_putc(t->out, ')');
        style(t, STYLE_PLAIN);
}

/* "+ Admin in Home   drift  (contoso.yaml:17)": the reason only where it is not that of the whole change. */
static void put_grants(struct text *t, const struct ts_plan *plan, const struct ts_change *c, char sign,
                       const struct ts_grant_changes *grants, size_t width)
{
        for (size_t i = 0; i < grants->n; i++) {
                const struct ts_grant_change *g = &grants->items[i];
                bool has_reason = g->reason != c->reason && sign != '!',
                     has_more = has_reason || g->source.file;

                ts_buf_puts(t->out, "        ");
                style(t, sign_style(sign));
                ts_buf_printf(t->out, "%c ", sign);
                ts_words_grant(&t->scratch, ts_words_put_plain, plan, g);
                put_scratch(t, has_more || sign == '!' ? width : 0);
                style(t, STYLE_PLAIN);
                if (sign == '!')
                        ts_buf_puts(t->out, "  kept");
                if (has_reason)
                        ts_buf_printf(t->out, "  %s", ts_reason_to_string(g->reason));
                put_source(t, &g->source);
                ts_buf_putc(t->out, '\n');
        }
}

static void put_details(struct text *t, const struct ts_plan *plan, const struct ts_change *c)
{
        struct ts_words_attribute attributes[2];
        size_t n = ts_words_attributes(c, attributes), width = 0;

        for (size_t i = 0; i < n; i++)
                ts_buf_printf(t->out, "        %s\n", attributes[i].s);

        width = grants_width(t, plan, &c->add, width);
        width = grants_width(t, plan, &c->remove, width);
        width = grants_width(t, plan, &c->held, width);
        put_grants(t, plan, c, '+', &c->add, width);
        put_grants(t, plan, c, '-', &c->remove, width);
        put_grants(t, plan, c, '!', &c->held, width);

        if (ts_words_lacks_grants(c))
                ts_buf_printf(t->out, "        %s\n",
                              c->grants_managed ? "without grants" : "grants are not managed");
        if (t->report->verbose && t->report->describe_request) {
                ts_buf_puts(t->out, "        ");
                style(t, STYLE_DIM);
                t->report->describe_request(c, t->out);
                style(t, STYLE_PLAIN);
                ts_buf_putc(t->out, '\n');
        }
}

static void put_id(struct text *t, const struct ts_id *id)
{
        ts_buf_puts(t->out, "  ");
        put_styled(t, STYLE_DIM, ts_id_is_nil(id) ? "id not known" : ts_id_format(id).s);
}

static void put_note(struct text *t, const struct ts_change *c)
{
        if (!ts_change_note(c))
                return;
        ts_buf_printf(t->out, "  %s", ts_words_result_prefix(ts_change_result(c)));
        ts_words_put_plain(t->out, ts_change_note(c));
}

static void put_change(struct text *t, const struct ts_plan *plan, const struct ts_change *c, size_t width)
{
        char sign = ts_words_sign(c);

        ts_buf_puts(t->out, "    ");
        style(t, sign_style(sign));
        ts_buf_printf(t->out, "%c ", sign);
        ts_words_subject(&t->scratch, ts_words_put_name, c);
        put_scratch(t, width);
        ts_buf_puts(&t->scratch, ts_words_action(c->action));
        ts_buf_puts(t->out, "  ");
        put_scratch(t, ACTION_WIDTH);
        style(t, STYLE_PLAIN);

        ts_buf_puts(t->out, "  ");
        ts_words_cause(t->out, ts_words_put_name, plan, c);
        put_source(t, &c->source);
        put_id(t, ts_words_subject_id(c));
        put_note(t, c);
        ts_buf_putc(t->out, '\n');
        put_details(t, plan, c);
}

/* Nothing happens to it, so it gets no sign; who it is must be seen all the same. */
static void put_skipped(struct text *t, const struct ts_change *c)
{
        style(t, STYLE_DIM);
        ts_buf_printf(t->out, "      unlisted, only reported: %s ", ts_kind_to_string(c->kind));
        if (c->kind != TS_KIND_TRUST)
                ts_words_subject(t->out, ts_words_put_name, c);
        else if (c->trust_name)
                ts_words_put_name(t->out, c->trust_name);
        else
                ts_words_put_plain(t->out, c->trust_alias);
        ts_buf_printf(t->out, "  %s", ts_id_format(ts_words_subject_id(c)).s);
        put_note(t, c);
        style(t, STYLE_PLAIN);
        ts_buf_putc(t->out, '\n');
}

/* ------------------------------------------------------------------------------------------------- trusts */

static bool is_shown(const struct text *t, const struct ts_change *c)
{
        return ts_words_is_late(c) == t->late && ts_words_is_shown(t->report, c);
}

static size_t subjects_width(struct text *t, const struct ts_plan *plan, size_t first, size_t end)
{
        size_t width = 0;

        for (size_t i = first; i < end; i++) {
                const struct ts_change *c = &plan->changes[i];

                if (ts_change_result(c) == TS_SKIPPED || !is_shown(t, c))
                        continue;
                ts_words_subject(&t->scratch, ts_words_put_name, c);
                width = larger(width, scratch_width(t), SUBJECT_MAX_WIDTH);
                ts_buf_reset(&t->scratch);
        }
        return width;
}

/* Trustee contoso, "Contoso Ltd" (0b6f4c1e-...) */
static void put_trust_head(struct text *t, const struct ts_change *c)
{
        ts_buf_puts(t->out, "\n  ");
        ts_buf_puts(t->out, ts_direction_to_string(c->direction));
        ts_buf_putc(t->out, ' ');
        put_styled(t, STYLE_BOLD, c->trust_alias);
        if (c->trust_name) {
                ts_buf_putc(t->out, ' ');
                ts_words_put_name(t->out, c->trust_name);
        }
        put_id(t, &c->trust_id);
        ts_buf_putc(t->out, '\n');
}

static void put_trust(struct text *t, const struct ts_plan *plan, size_t first, size_t end)
{
        size_t width = subjects_width(t, plan, first, end);
        bool has_head = false;

        for (size_t i = first; i < end; i++) {
                const struct ts_change *c = &plan->changes[i];

                if (!is_shown(t, c))
                        continue;
                if (!has_head)
                        put_trust_head(t, c);
                has_head = true;
                if (ts_change_result(c) == TS_SKIPPED)
                        put_skipped(t, c);
                else
                        put_change(t, plan, c, width);
        }
}

static void put_message(struct text *t, const char *organization, const struct ts_message *m)
{
        const char *prefix = ts_words_message_prefix(m->kind);

        style(t, STYLE_YELLOW);
        ts_buf_puts(t->out, prefix[0] != '\0' ? prefix : m->kind == TS_MESSAGE_NOTE ? "note: " : "warning: ");
        style(t, STYLE_PLAIN);
        if (organization) {
                ts_words_put_plain(t->out, organization);
                if (m->trust) {
                        ts_buf_putc(t->out, '/');
                        ts_words_put_plain(t->out, m->trust);
                }
                ts_buf_puts(t->out, ": ");
        }
        ts_words_put_plain(t->out, m->text);
        put_source(t, &m->source);
        ts_buf_putc(t->out, '\n');
}

/* ------------------------------------------------------------------------------------------ organizations */

static bool has_shown(struct text *t, const struct ts_plan *plan, bool late)
{
        t->late = late;
        for (size_t i = 0; plan && i < plan->n_changes; i++)
                if (is_shown(t, &plan->changes[i]))
                        return true;
        return false;
}

static void put_trusts(struct text *t, const struct ts_plan *plan)
{
        for (size_t first = 0, end; first < plan->n_changes; first = end) {
                end = ts_plan_trust_end(plan, first);
                put_trust(t, plan, first, end);
        }
}

static void put_organization_head(struct text *t, const struct ts_report_organization *o)
{
        ts_buf_puts(t->out, t->out->len > 0 ? "\norganization " : "organization ");
        put_styled(t, STYLE_BOLD, o->alias);
        put_id(t, &o->id);
}

static void put_organization(struct text *t, const struct ts_report_organization *o)
{
        bool has_late = has_shown(t, o->plan, true), has_changes = has_shown(t, o->plan, false),
             has_how = t->report->verbose && o->how;

        if (!o->plan || (!has_changes && !has_how && (has_late || t->report->n_organizations == 1)))
                return;
        put_organization_head(t, o);
        ts_buf_puts(t->out, has_changes || has_late  ? "\n"
                            : t->report->n_users > 0 ? ": nothing of these users\n"
                                                     : ": no changes\n");
        if (has_how) {
                ts_buf_puts(t->out, "  read: ");
                ts_words_put_plain(t->out, o->how);
                ts_buf_putc(t->out, '\n');
        }
        put_trusts(t, o->plan);
}

static void put_late(struct text *t, const struct ts_report_organization *o)
{
        if (!has_shown(t, o->plan, true))
                return;
        put_organization_head(t, o);
        ts_buf_puts(t->out, ": waiting, or only reported\n");
        put_trusts(t, o->plan);
}

/* "REFUSED acme/contoso: 12 removals ..." */
static void put_alarm(struct text *t, const char *word, const char *organization, const char *trust,
                      const char *text)
{
        put_styled(t, STYLE_RED, word);
        ts_buf_putc(t->out, ' ');
        put_styled(t, STYLE_BOLD, organization);
        if (trust) {
                ts_buf_putc(t->out, '/');
                put_styled(t, STYLE_BOLD, trust);
        }
        ts_buf_puts(t->out, ": ");
        ts_words_put_plain(t->out, text);
        ts_buf_putc(t->out, '\n');
}

/* What a change of the declarations leaves to itself. */
static void put_unmanaged(struct text *t, const struct ts_report_organization *o)
{
        for (size_t k = 0; o->plan && k < o->plan->n_messages; k++) {
                const struct ts_message *m = &o->plan->messages[k];

                if (m->kind == TS_MESSAGE_UNMANAGED || m->kind == TS_MESSAGE_UNDECLARED)
                        put_alarm(t,
                                  m->kind == TS_MESSAGE_UNMANAGED ? "NO LONGER MANAGED"
                                                                  : "NO LONGER DECLARED",
                                  o->alias, m->trust, m->text);
        }
}

static void put_alarms(struct text *t)
{
        const struct ts_report *r = t->report;

        for (size_t i = 0; i < r->n_not_in_force; i++) {
                put_styled(t, STYLE_RED, "NOT IN FORCE");
                ts_buf_puts(t->out, ": ");
                ts_words_put_plain(t->out, r->not_in_force[i]);
                ts_buf_putc(t->out, '\n');
        }
        for (size_t i = 0; i < r->n_organizations; i++)
                put_unmanaged(t, &r->organizations[i]);
        for (size_t i = 0; i < r->n_refusals; i++)
                put_alarm(t, "REFUSED", r->refusals[i].trust ? r->refusals[i].trust : "all organizations",
                          NULL, r->refusals[i].message);
        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_report_organization *o = &r->organizations[i];

                for (size_t k = 0; o->plan && k < o->plan->n_refusals; k++)
                        put_alarm(t, "REFUSED", o->alias, o->plan->refusals[k].trust,
                                  o->plan->refusals[k].message);
                if (o->err)
                        put_alarm(t, "FAILED", o->alias, NULL, ts_words_failure(o->alias, o->err));
        }
        if (!r->complete)
                ts_buf_puts(t->out, "INCOMPLETE: not everything could be read or resolved; what that leaves "
                                    "open is not removed.\n");
}

/* The order of the kinds; those that are missing stand with the alarms. */
static const enum ts_message_kind message_kinds[] = { TS_MESSAGE_UNREAD, TS_MESSAGE_ENDS, TS_MESSAGE_WARNING,
                                                      TS_MESSAGE_NOTE };

static void put_messages_of(struct text *t, enum ts_message_kind kind)
{
        const struct ts_report *r = t->report;

        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_report_organization *o = &r->organizations[i];

                for (size_t k = 0; o->plan && k < o->plan->n_messages; k++)
                        if (o->plan->messages[k].kind == kind)
                                put_message(t, o->alias, &o->plan->messages[k]);
        }
}

static void put_messages(struct text *t)
{
        const struct ts_report *r = t->report;

        for (size_t i = 0; i < r->n_messages; i++)
                put_message(t, NULL, &(struct ts_message){ .text = r->messages[i] });
        for (size_t k = 0; k < TS_N_ELEMENTS(message_kinds); k++)
                put_messages_of(t, message_kinds[k]);
}

static void put_filter(struct text *t)
{
        const struct ts_report *r = t->report;

        if (r->n_users == 0)
                return;
        ts_buf_puts(t->out, "Only changes of");
        for (size_t i = 0; i < r->n_users; i++) {
                ts_buf_puts(t->out, i == 0 ? " " : ", ");
                ts_words_put_plain(t->out, r->users[i]);
        }
        ts_buf_puts(t->out, " are shown; the counts are of everything.\n");
}

/* A review of one trust alone: nothing that another partner does changes it. */
static void put_trust_digests(struct text *t)
{
        for (size_t i = 0; i < t->report->n_organizations; i++) {
                const struct ts_report_organization *o = &t->report->organizations[i];

                for (size_t k = 0; o->plan && k < o->plan->n_trust_digests; k++) {
                        const struct ts_trust_digest *d = &o->plan->trust_digests[k];

                        ts_buf_puts(t->out, "Digest of ");
                        ts_words_put_plain(t->out, o->alias);
                        ts_buf_putc(t->out, '/');
                        ts_words_put_plain(t->out, d->trust);
                        ts_buf_printf(t->out, " (%zu %s): %s\n", d->n, d->n == 1 ? "change" : "changes",
                                      ts_digest_format(&d->digest).s);
                }
        }
}

void ts_report_text(const struct ts_report *r, bool color, struct ts_buf *out)
{
        struct text t = {
                .report = r, .color = color, .out = out, .scratch = TS_BUF_INIT(SCRATCH_MAX_BYTES)
        };
        const char *nothing = ts_words_nothing(r);

        if (ts_words_age(out, r))
                ts_buf_putc(out, '\n');
        if (nothing)
                ts_buf_printf(out, "%s\n", nothing);
        put_alarms(&t);
        put_messages(&t);
        put_filter(&t);
        for (size_t i = 0; i < r->n_organizations; i++)
                put_organization(&t, &r->organizations[i]);
        for (size_t i = 0; i < r->n_organizations; i++)
                put_late(&t, &r->organizations[i]);

        ts_buf_putc(out, '\n');
        if (ts_words_remainder(out, r))
                ts_buf_putc(out, '\n');
        if (ts_report_has_digest(r))
                ts_buf_printf(out, "Plan digest: %s\n", ts_digest_format(&r->digest).s);
        put_trust_digests(&t);
        ts_words_outcome(out, ts_words_put_plain, r);
        ts_buf_putc(out, '\n');
        ts_buf_done(&t.scratch);
}
