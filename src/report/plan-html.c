#include <stdlib.h>
#include <string.h>

#include "report/html.h"
#include "report/report.h"
#include "report/words.h"
#include "trust/privileged.h"
#include "util/limits.h"
#include "util/macros.h"
#include "util/mem.h"

/* ------------------------------------------------------------------------------------------------ notices */

static void put_notice(struct ts_buf *out, bool is_alarm, const char *word, const char *organization,
                       const char *trust, const char *text)
{
        ts_buf_puts(out, is_alarm ? "<li class=\"a\">" : "<li>");
        if (word)
                ts_buf_printf(out, "<strong>%s.</strong> ", word);
        if (organization)
                ts_html_put(out, organization);
        if (trust) {
                ts_buf_puts(out, organization ? " / " : "");
                ts_html_put(out, trust);
        }
        ts_buf_puts(out, organization || trust ? ": " : "");
        ts_html_put(out, text);
        ts_buf_puts(out, "</li>\n");
}

static const struct {
        enum ts_message_kind kind;
        const char *word;
        bool is_alarm;
} message_kinds[] = {
        { TS_MESSAGE_UNMANAGED, "No longer managed", true },
        { TS_MESSAGE_UNDECLARED, "No longer declared", true },
        { TS_MESSAGE_UNREAD, "Incomplete", true },
        { TS_MESSAGE_ENDS, "Ends soon", false },
        { TS_MESSAGE_WARNING, NULL, false },
        { TS_MESSAGE_NOTE, NULL, false },
};

static void put_messages(const struct ts_report *r, size_t kind, struct ts_buf *out)
{
        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_report_organization *o = &r->organizations[i];

                for (size_t k = 0; o->plan && k < o->plan->n_messages; k++)
                        if (o->plan->messages[k].kind == message_kinds[kind].kind)
                                put_notice(out, message_kinds[kind].is_alarm, message_kinds[kind].word,
                                           o->alias, o->plan->messages[k].trust, o->plan->messages[k].text);
        }
}

static void put_refusals(const struct ts_report *r, struct ts_buf *out)
{
        for (size_t i = 0; i < r->n_refusals; i++)
                put_notice(out, true, "Refused", NULL, r->refusals[i].trust, r->refusals[i].message);
        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_report_organization *o = &r->organizations[i];

                if (o->err)
                        put_notice(out, true, "Failed", o->alias, NULL, ts_words_failure(o->alias, o->err));
                for (size_t k = 0; o->plan && k < o->plan->n_refusals; k++)
                        put_notice(out, true, "Refused", o->alias, o->plan->refusals[k].trust,
                                   o->plan->refusals[k].message);
        }
}

/* What has to be decided on comes first. */
static void put_notices(const struct ts_report *r, struct ts_buf *out)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf items = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        put_refusals(r, &items);
        for (size_t i = 0; i < r->n_not_in_force; i++)
                put_notice(&items, true, "Not in force", NULL, NULL, r->not_in_force[i]);
        if (!r->complete)
                put_notice(&items, true, "Incomplete", NULL, NULL,
                           "not everything could be read or resolved; what that leaves open is not removed");
        for (size_t k = 0; k < TS_N_ELEMENTS(message_kinds); k++)
                put_messages(r, k, &items);
        for (size_t i = 0; i < r->n_messages; i++)
                put_notice(&items, false, NULL, NULL, NULL, r->messages[i]);
        if (r->n_users > 0)
                put_notice(&items, false, NULL, NULL, NULL,
                           "Only changes of the users that were asked for are shown; the counts are of "
                           "everything");
        if (items.len > 0)
                ts_buf_printf(out, "<ul class=\"notices\">\n%s</ul>\n", ts_buf_text(&items));
}

static void put_facts(const struct ts_report *r, struct ts_buf *out)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf why = TS_BUF_INIT(TS_TEXT_MAX_BYTES);
        const char *nothing = ts_words_nothing(r);

        if (nothing)
                ts_buf_printf(out, "<p><strong>%s</strong></p>\n", nothing);
        else if (!r->applied && ts_words_no_plan(&why, r))
                ts_buf_printf(out, "<p><strong>No plan: %s.</strong></p>\n", ts_buf_text(&why));
        ts_buf_puts(out, "<p class=\"facts\">");
        ts_words_outcome(out, ts_html_put, r);
        ts_buf_puts(out, "</p>\n");
        if (ts_report_has_digest(r))
                ts_buf_printf(out, "<p class=\"facts\">Plan digest: <code>%s</code></p>\n",
                              ts_digest_format(&r->digest).s);
}

/* --------------------------------------------------------------------------------------------------- rows */

static bool has_privileged(const struct ts_report *r, const struct ts_plan *plan,
                           const struct ts_grant_changes *grants)
{
        for (size_t i = 0; plan->catalog && i < grants->n; i++)
                if (ts_privileged_names(&r->privileged, &plan->catalog->roles[grants->items[i].role]))
                        return true;
        return false;
}

/* A grant that is given, taken or kept, or held by who is removed. */
static bool is_privileged(const struct ts_report *r, const struct ts_plan *plan, const struct ts_change *c)
{
        if (has_privileged(r, plan, &c->add) || has_privileged(r, plan, &c->remove) ||
            has_privileged(r, plan, &c->held))
                return true;
        if (ts_action_count(c->action) != TS_COUNT_REMOVE)
                return false;
        for (size_t i = 0; plan->catalog && i < c->n_before; i++)
                if (ts_privileged_names(&r->privileged, &plan->catalog->roles[c->grants_before[i].role]))
                        return true;
        return false;
}

static void put_grants(const struct ts_plan *plan, const char *sign, const struct ts_grant_changes *grants,
                       struct ts_buf *out)
{
        for (size_t i = 0; i < grants->n; i++) {
                ts_buf_printf(out, "<br>%s ", sign);
                ts_words_grant(out, ts_html_put, plan, &grants->items[i]);
        }
}

static void put_what(const struct ts_plan *plan, const struct ts_change *c, bool privileged,
                     struct ts_buf *out)
{
        struct ts_words_attribute attributes[2];
        size_t n = ts_words_attributes(c, attributes);

        ts_buf_printf(out, "<td>%s", ts_words_action(c->action));
        if (privileged)
                ts_buf_puts(out, " <span class=\"b p\">privileged</span>");
        for (size_t i = 0; i < n; i++) {
                ts_buf_puts(out, "<br>");
                ts_html_put(out, attributes[i].s);
        }
        put_grants(plan, "+", &c->add, out);
        put_grants(plan, "\xe2\x88\x92", &c->remove, out);
        put_grants(plan, "kept", &c->held, out);
        ts_buf_puts(out, "</td><td>");
        ts_buf_puts(out, ts_result_to_string(ts_change_result(c)));
        if (ts_change_note(c)) {
                ts_buf_puts(out, ": ");
                ts_html_put(out, ts_change_note(c));
        }
        ts_buf_puts(out, "</td>");
}

static void put_subject(const struct ts_change *c, struct ts_buf *out)
{
        const struct ts_id *id = ts_words_subject_id(c);

        ts_buf_puts(out, "<td>");
        if (c->kind != TS_KIND_TRUST)
                ts_words_subject(out, ts_html_put_name, c);
        else
                ts_buf_puts(out, "the trust");
        if (!ts_id_is_nil(id))
                ts_buf_printf(out, "<br><span class=\"s\">%s</span>", ts_id_format(id).s);
        ts_buf_puts(out, "</td>");
}

static void put_row(const struct ts_plan *plan, const struct ts_change *c, bool privileged,
                    struct ts_buf *out)
{
        ts_buf_printf(out, "<tr class=\"%s%s\"><td>", privileged ? "p- " : "",
                      ts_action_count(c->action) == TS_COUNT_REMOVE ? "r-" : "");
        ts_html_put(out, plan->organization);
        ts_buf_puts(out, "</td><td>");
        ts_html_put(out, c->trust_alias);
        if (c->trust_name) {
                ts_buf_putc(out, ' ');
                ts_html_put_name(out, c->trust_name);
        }
        ts_buf_puts(out, "</td>");
        put_subject(c, out);
        put_what(plan, c, privileged, out);
        ts_buf_puts(out, "<td>");
        ts_words_cause(out, ts_html_put_name, plan, c);
        ts_buf_puts(out, "</td><td>");
        (void) ts_words_source(out, ts_html_put, &c->source);
        ts_buf_puts(out, "</td></tr>\n");
}

/* @privileged: those whose row it is; they come first. */
static void put_rows_that(const struct ts_report *r, bool privileged, struct ts_buf *out)
{
        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_plan *plan = r->organizations[i].plan;

                for (size_t k = 0; plan && k < plan->n_changes; k++)
                        if (ts_words_is_shown(r, &plan->changes[k]) &&
                            is_privileged(r, plan, &plan->changes[k]) == privileged)
                                put_row(plan, &plan->changes[k], privileged, out);
        }
}

static void put_rows(const struct ts_report *r, struct ts_buf *out)
{
        static const char *const titles[] = {
                "organization", "trust", "who", "what", "result", "why", "where"
        };
        static const struct ts_html_filter filters[] = { { "p-", "privileged" }, { "r-", "removals" } };

        ts_buf_puts(out, "<h2>Every change</h2>\n");
        ts_html_rows_begin(out, "plan", "Every change", titles, TS_N_ELEMENTS(titles), filters,
                           TS_N_ELEMENTS(filters));
        put_rows_that(r, true, out);
        put_rows_that(r, false, out);
        ts_html_rows_end(out);
}

/* ------------------------------------------------------------------------------------------------ picture */

/* Changes of one trust stand together: an edge for each trust that has some. */
static size_t list_partners(const struct ts_report *r, const struct ts_plan *plan,
                            struct ts_html_partner *partners)
{
        size_t n = 0;

        for (size_t first = 0, end; first < plan->n_changes; first = end) {
                const struct ts_change *c = &plan->changes[first];
                struct ts_id id;

                end = ts_plan_trust_end(plan, first);
                partners[n] = (struct ts_html_partner){
                        .organization = plan->organization,
                        .alias = ts_id_parse_string(c->trust_alias, &id) ? NULL : c->trust_alias,
                        .name = c->trust_name,
                        .id = c->trust_id,
                        .direction = c->direction,
                        .state = "",
                        .n = end - first,
                };
                for (size_t i = first; i < end; i++)
                        partners[n].n_privileged += is_privileged(r, plan, &plan->changes[i]);
                n++;
        }
        return n;
}

static void put_partners(const struct ts_report *r, struct ts_buf *out)
{
        TS_CLEANUP(ts_freep) struct ts_html_partner *partners = NULL;
        size_t n = 0;

        for (size_t i = 0; i < r->n_organizations; i++)
                n += r->organizations[i].plan ? r->organizations[i].plan->n_changes : 0;
        partners = ts_calloc(n, sizeof(*partners));
        n = 0;
        for (size_t i = 0; i < r->n_organizations; i++)
                if (r->organizations[i].plan)
                        n += list_partners(r, r->organizations[i].plan, &partners[n]);
        if (n > 0)
                ts_html_partners(out, partners, n, "Where changes are", "change");
}

void ts_report_html(const struct ts_report *r, struct ts_buf *out)
{
        ts_html_begin(out, r->applied ? "Trusted access: what was done" : "Trusted access: plan");
        put_facts(r, out);
        put_notices(r, out);
        put_partners(r, out);
        put_rows(r, out);
        ts_html_end(out);
}
