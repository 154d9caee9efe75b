/*
 * The report as a comment on a pull request: GitHub and GitLab refuse longer ones, so it is written in the
 * order of importance (refusals, failures, removals, ...) and what does not fit is counted; additions come
 * last. Every text from outside stands in a code span, where neither mark-up nor an @mention means anything.
 */
#include "report/report.h"

#include <string.h>

#include "report/words.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/timefmt.h"

/* A name is cut after this many bytes, a sentence later: a partner must not fill the comment with one
 * name. */
#define NAME_MAX_BYTES 160u
#define SENTENCE_MAX_BYTES 640u

/* Grants listed of one change. */
#define GRANTS_MAX 24u

/* Kept free for each section that is still to come: its heading and its line of what was left out. */
#define SECTION_RESERVE_CHARACTERS 160u

/* A thousand refusals are one reason: the changes they are about need room too. */
#define NOT_FOR_ALARMS_CHARACTERS (TS_REPORT_MARKDOWN_MAX_CHARACTERS / 3 * 2)

/* Subjects of --user that are named. */
#define USERS_MAX 10u

/* Anything here is smaller: TS_REPORT_MARKDOWN_MAX_CHARACTERS of four bytes, and a row. */
#define PIECE_MAX_BYTES (1024u * 1024u)

struct markdown {
        const struct ts_report *report;
        struct ts_buf *out;
        struct ts_buf piece; /* a heading or a row, until it is known to fit */
        size_t used;         /* characters in @out */
        size_t reserved;     /* characters kept for what has to come */
};

/* --------------------------------------------------------------------------------------------------- room */

static bool piece_fits(const struct markdown *m)
{
        size_t n = ts_words_count_characters(ts_buf_text(&m->piece), m->piece.len);

        return m->used + n + m->reserved <= TS_REPORT_MARKDOWN_MAX_CHARACTERS;
}

/* Moves the piece to the output. */
static void piece_flush(struct markdown *m)
{
        ts_buf_put(m->out, ts_buf_text(&m->piece), m->piece.len);
        m->used += ts_words_count_characters(ts_buf_text(&m->piece), m->piece.len);
        ts_buf_reset(&m->piece);
}

/* A code span of at most @max bytes of text. */
static void put_cut(struct ts_buf *out, const char *s, size_t max)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(max);

        (void) ts_escape_text_max(&text, s, strlen(s), max); /* to escape it once more changes nothing */
        ts_escape_markdown(out, ts_buf_text(&text));
}

static void put_name(struct ts_buf *out, const char *s)
{
        put_cut(out, s, NAME_MAX_BYTES);
}

static void put_sentence(struct ts_buf *out, const char *s)
{
        put_cut(out, s, SENTENCE_MAX_BYTES);
}

/* --------------------------------------------------------------------------------------------------- rows */

static void put_owner(struct ts_buf *out, const char *organization, const char *trust)
{
        put_name(out, organization);
        if (trust) {
                ts_buf_puts(out, " / ");
                put_name(out, trust);
        }
}

/* A grant of a role set stands in another file, maybe at the same line. */
static bool is_elsewhere(const struct ts_source *grant, const struct ts_source *member)
{
        return grant->file &&
               (grant->line != member->line || !member->file || strcmp(grant->file, member->file) != 0);
}

static void put_grants(struct ts_buf *out, const struct ts_plan *plan, const struct ts_change *c,
                       const char *word, const struct ts_grant_changes *grants)
{
        size_t n = grants->n < GRANTS_MAX ? grants->n : GRANTS_MAX, n_left = grants->n - n;

        for (size_t i = 0; i < n; i++) {
                const struct ts_grant_change *g = &grants->items[i];

                ts_buf_printf(out, "<br>%s ", word);
                ts_words_grant(out, put_name, plan, g);
                if (g->reason != c->reason)
                        ts_buf_printf(out, " (%s)", ts_reason_to_string(g->reason));
                if (is_elsewhere(&g->source, &c->source)) {
                        ts_buf_putc(out, ' ');
                        (void) ts_words_source(out, put_name, &g->source);
                }
        }
        if (n_left > 0)
                ts_buf_printf(out, "<br>%s … and %zu more grant%s", word, n_left, TS_S(n_left));
}

static void put_what(struct ts_buf *out, const struct ts_plan *plan, const struct ts_change *c)
{
        struct ts_words_attribute attributes[2];
        size_t n = ts_words_attributes(c, attributes);

        ts_buf_puts(out, ts_words_action(c->action));
        for (size_t i = 0; i < n; i++) {
                ts_buf_puts(out, "<br>");
                ts_escape_markdown(out, attributes[i].s);
        }
        put_grants(out, plan, c, "**+**", &c->add);
        put_grants(out, plan, c, "**−**", &c->remove);
        put_grants(out, plan, c, "**kept**", &c->held);
        if (ts_words_lacks_grants(c))
                ts_buf_puts(out, c->grants_managed ? "<br>without grants" : "<br>grants are not managed");
        if (c->note) {
                ts_buf_printf(out, "<br>%s", ts_words_result_prefix(c->result));
                put_sentence(out, c->note);
        }
}

static void put_who(struct ts_buf *out, const struct ts_change *c)
{
        const struct ts_id *id = ts_words_subject_id(c);

        if (c->kind != TS_KIND_TRUST)
                ts_words_subject(out, put_name, c);
        else if (c->trust_name)
                put_name(out, c->trust_name);
        else
                ts_buf_puts(out, "the trust");
        ts_buf_puts(out, "<br>");
        if (ts_id_is_nil(id))
                ts_buf_puts(out, "id not known");
        else
                ts_escape_markdown(out, ts_id_format(id).s);
}

/* | `acme` / `contoso` | `jo@…`<br>`9d1c…` | add user<br>+ `Admin` in `Home` | config | `x.yaml:1` | */
static void put_row(struct ts_buf *out, const struct ts_plan *plan, const struct ts_change *c)
{
        ts_buf_puts(out, "| ");
        put_owner(out, plan->organization, c->trust_alias);
        ts_buf_puts(out, " | ");
        put_who(out, c);
        ts_buf_puts(out, " | ");
        put_what(out, plan, c);
        ts_buf_puts(out, " | ");
        ts_words_cause(out, put_name, plan, c);
        ts_buf_puts(out, " | ");
        (void) ts_words_source(out, put_name, &c->source);
        ts_buf_puts(out, " |\n");
}

/* ----------------------------------------------------------------------------------------------- sections */

enum section {
        SECTION_REMOVALS,
        SECTION_CHANGES,
        SECTION_ADDITIONS,
        SECTION_FAILED,
        SECTION_HELD,
        SECTION_WARNINGS,
        SECTION_WAITING,
        SECTION_SKIPPED,
        SECTION_MAX_,
};

static const struct {
        const char *title, *one, *many; /* "Removals (3)", "… and 2 more removals" */
} sections[SECTION_MAX_] = {
        [SECTION_REMOVALS] = { "Removals", "removal", "removals" },
        [SECTION_FAILED] = { "Failed", "failed change", "failed changes" },
        [SECTION_HELD] = { "Held", "held change", "held changes" },
        [SECTION_WAITING] = { "Waiting", "waiting change", "waiting changes" },
        [SECTION_CHANGES] = { "Changes", "change", "changes" },
        [SECTION_SKIPPED] = { "Unlisted, only reported", "unlisted object", "unlisted objects" },
        [SECTION_WARNINGS] = { "Warnings", "warning", "warnings" },
        [SECTION_ADDITIONS] = { "Additions", "addition", "additions" },
};

static enum section section_of(const struct ts_change *c)
{
        static const enum section counts[] = {
                [TS_COUNT_ADD] = SECTION_ADDITIONS,
                [TS_COUNT_CHANGE] = SECTION_CHANGES,
                [TS_COUNT_REMOVE] = SECTION_REMOVALS,
        };

        switch (c->result) {
        case TS_PLANNED:
        case TS_APPLIED:
                break;
        case TS_FAILED:
                return SECTION_FAILED;
        case TS_HELD:
                return SECTION_HELD;
        case TS_WAITING:
                return SECTION_WAITING;
        case TS_SKIPPED:
                return SECTION_SKIPPED;
        }
        return counts[ts_action_count(c->action)];
}

static bool is_in(const struct markdown *m, enum section s, const struct ts_change *c)
{
        return section_of(c) == s && ts_words_is_shown(m->report, c);
}

static size_t count_section(const struct markdown *m, enum section s)
{
        size_t n = 0;

        for (size_t i = 0; i < m->report->n_organizations; i++) {
                const struct ts_plan *plan = m->report->organizations[i].plan;

                for (size_t k = 0; plan && k < plan->n_changes; k++)
                        n += is_in(m, s, &plan->changes[k]);
        }
        return n;
}

static void put_heading(struct markdown *m, enum section s, size_t n)
{
        ts_buf_printf(&m->piece, "\n#### %s (%zu)\n\n", sections[s].title, n);
        piece_flush(m);
}

static void put_more(struct markdown *m, enum section s, size_t n)
{
        if (n == 0)
                return;
        ts_buf_printf(&m->piece, "\n… and %zu more %s\n", n, n == 1 ? sections[s].one : sections[s].many);
        piece_flush(m);
}

/* Returns how many rows found room. */
static size_t put_rows(struct markdown *m, enum section s)
{
        size_t n = 0;

        for (size_t i = 0; i < m->report->n_organizations; i++) {
                const struct ts_plan *plan = m->report->organizations[i].plan;

                for (size_t k = 0; plan && k < plan->n_changes; k++) {
                        if (!is_in(m, s, &plan->changes[k]))
                                continue;
                        if (n == 0)
                                ts_buf_puts(&m->piece,
                                            "| Trust | Who | What | Why | Where |\n|---|---|---|---|---|\n");
                        put_row(&m->piece, plan, &plan->changes[k]);
                        if (!piece_fits(m)) {
                                ts_buf_reset(&m->piece);
                                return n;
                        }
                        piece_flush(m);
                        n++;
                }
        }
        return n;
}

static void put_change_section(struct markdown *m, enum section s)
{
        size_t n = count_section(m, s);

        if (n == 0)
                return;
        put_heading(m, s, n);
        put_more(m, s, n - put_rows(m, s));
}

/* --------------------------------------------------------------------------------------- alarms, warnings */

/* "- **Refused** `acme`: `12 removals ...`": a line when there is room for it. */
static bool put_bullet(struct markdown *m, const char *word, const char *organization, const char *trust,
                       const char *text)
{
        ts_buf_puts(&m->piece, "- ");
        if (word)
                ts_buf_printf(&m->piece, "**%s** ", word);
        if (organization) {
                put_owner(&m->piece, organization, trust);
                ts_buf_puts(&m->piece, ": ");
        }
        put_sentence(&m->piece, text);
        ts_buf_putc(&m->piece, '\n');
        if (!piece_fits(m)) {
                ts_buf_reset(&m->piece);
                return false;
        }
        piece_flush(m);
        return true;
}

/* What stands in front of a message; those of an alarm stand with the alarms. */
static const char *const message_words[TS_MESSAGE_KIND_MAX_] = {
        [TS_MESSAGE_UNREAD] = "Incomplete",
        [TS_MESSAGE_UNMANAGED] = "No longer managed",
        [TS_MESSAGE_UNDECLARED] = "No longer declared",
        [TS_MESSAGE_ENDS] = "Ends soon",
};

static bool is_alarm(enum ts_message_kind kind)
{
        return kind == TS_MESSAGE_UNMANAGED || kind == TS_MESSAGE_UNDECLARED;
}

/* Returns how many of that kind found no room. */
static size_t put_messages(struct markdown *m, enum ts_message_kind kind)
{
        size_t n_left = 0;

        for (size_t i = 0; i < m->report->n_organizations; i++) {
                const struct ts_report_organization *o = &m->report->organizations[i];

                for (size_t k = 0; o->plan && k < o->plan->n_messages; k++)
                        if (o->plan->messages[k].kind == kind)
                                n_left += !put_bullet(m, message_words[kind], o->alias,
                                                      o->plan->messages[k].trust, o->plan->messages[k].text);
        }
        return n_left;
}

static void put_alarms(struct markdown *m)
{
        const struct ts_report *r = m->report;
        size_t n_left = 0;

        m->reserved += NOT_FOR_ALARMS_CHARACTERS;
        for (size_t i = 0; i < r->n_not_in_force; i++)
                n_left += !put_bullet(m, "Not in force", NULL, NULL, r->not_in_force[i]);
        n_left += put_messages(m, TS_MESSAGE_UNMANAGED);
        n_left += put_messages(m, TS_MESSAGE_UNDECLARED);
        for (size_t i = 0; i < r->n_refusals; i++)
                n_left += !put_bullet(m, "Refused", r->refusals[i].trust, NULL, r->refusals[i].message);
        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_report_organization *o = &r->organizations[i];

                if (o->err)
                        n_left += !put_bullet(m, "Failed", o->alias, NULL,
                                              ts_words_failure(o->alias, o->err));
                for (size_t k = 0; o->plan && k < o->plan->n_refusals; k++)
                        n_left += !put_bullet(m, "Refused", o->alias, o->plan->refusals[k].trust,
                                              o->plan->refusals[k].message);
        }
        m->reserved -= NOT_FOR_ALARMS_CHARACTERS;
        if (n_left > 0)
                ts_buf_printf(&m->piece, "- … and %zu more of these\n", n_left);
        if (!r->complete)
                ts_buf_puts(&m->piece,
                            "- **Incomplete**: not everything could be read or resolved; what that leaves "
                            "open is not removed.\n");
        piece_flush(m);
}

static size_t count_warnings(const struct ts_report *r)
{
        size_t n = r->n_messages;

        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_plan *plan = r->organizations[i].plan;

                for (size_t k = 0; plan && k < plan->n_messages; k++)
                        n += !is_alarm(plan->messages[k].kind);
        }
        return n;
}

static void put_warnings(struct markdown *m)
{
        static const enum ts_message_kind kinds[] = { TS_MESSAGE_UNREAD, TS_MESSAGE_ENDS, TS_MESSAGE_WARNING,
                                                      TS_MESSAGE_NOTE };
        const struct ts_report *r = m->report;
        size_t n = count_warnings(r), n_left = 0;

        if (n == 0)
                return;
        put_heading(m, SECTION_WARNINGS, n);
        for (size_t i = 0; i < r->n_messages; i++)
                n_left += !put_bullet(m, NULL, NULL, NULL, r->messages[i]);
        for (size_t k = 0; k < TS_N_ELEMENTS(kinds); k++)
                n_left += put_messages(m, kinds[k]);
        put_more(m, SECTION_WARNINGS, n_left);
}

/* ---------------------------------------------------------------------------------------------- the whole */

static void put_filter(struct markdown *m)
{
        const struct ts_report *r = m->report;

        if (r->n_users == 0)
                return;
        ts_buf_puts(&m->piece, "Only changes of ");
        for (size_t i = 0; i < r->n_users && i < USERS_MAX; i++) {
                ts_buf_puts(&m->piece, i == 0 ? "" : ", ");
                put_name(&m->piece, r->users[i]);
        }
        if (r->n_users > USERS_MAX)
                ts_buf_printf(&m->piece, " and %zu more", r->n_users - USERS_MAX);
        ts_buf_puts(&m->piece, " are shown; the counts are of everything.\n\n");
}

static void put_head(struct markdown *m)
{
        const struct ts_report *r = m->report;
        const char *nothing = ts_words_nothing(r);
        TS_CLEANUP(ts_buf_done) struct ts_buf why = TS_BUF_INIT(TS_TEXT_MAX_BYTES);
        struct ts_plan_summary s = ts_report_summarise(r);

        ts_buf_puts(&m->piece, "### Trusted access: ");
        if (nothing)
                ts_buf_puts(&m->piece, nothing);
        else if (!r->applied && ts_words_no_plan(&why, r))
                ts_buf_printf(&m->piece, "no plan, %s", ts_buf_text(&why));
        else
                ts_words_counts(&m->piece, r->applied, &s);
        ts_buf_puts(&m->piece, "\n\n");
        if (ts_words_age(&m->piece, r))
                ts_buf_puts(&m->piece, "\n\n");
        if (ts_words_remainder(&m->piece, r))
                ts_buf_puts(&m->piece, "\n\n");
        put_filter(m);
        piece_flush(m);
}

static void compose_foot(const struct ts_report *r, struct ts_buf *out)
{
        ts_buf_putc(out, '\n');
        if (ts_report_has_digest(r)) {
                ts_buf_puts(out, "Plan digest: ");
                ts_escape_markdown(out, ts_digest_format(&r->digest).s);
                ts_buf_puts(out, "\n\n");
        }
        ts_words_outcome(out, put_name, r);
        ts_buf_putc(out, '\n');
}

void ts_report_markdown(const struct ts_report *r, struct ts_buf *out)
{
        struct markdown m = { .report = r, .out = out, .piece = TS_BUF_INIT(PIECE_MAX_BYTES) };
        TS_CLEANUP(ts_buf_done) struct ts_buf foot = TS_BUF_INIT(PIECE_MAX_BYTES);

        compose_foot(r, &foot);
        m.reserved = ts_words_count_characters(ts_buf_text(&foot), foot.len) +
                     (SECTION_MAX_ + 2) * SECTION_RESERVE_CHARACTERS;
        put_head(&m);
        put_alarms(&m);
        for (enum section s = 0; s < SECTION_MAX_; s++) {
                m.reserved -= SECTION_RESERVE_CHARACTERS;
                if (s == SECTION_WARNINGS)
                        put_warnings(&m);
                else
                        put_change_section(&m, s);
        }
        ts_buf_put(out, ts_buf_text(&foot), foot.len);
        ts_buf_done(&m.piece);
}
