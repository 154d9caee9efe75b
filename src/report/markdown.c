/*
 * The report as a comment on a pull request: GitHub and GitLab refuse longer ones, so it is written in the
 * order of importance (refusals, failures, removals, ...) and what does not fit is counted; additions come
 * last. Every text from outside stands in a code span, where neither mark-up nor an @mention means anything.
 */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "report/words.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/timefmt.h"

/* A name is cut after this many bytes, a sentence later: a partner must not fill the comment with one
 * name. */
#define NAME_MAX_BYTES 160u
#define SENTENCE_MAX_BYTES 640u

/* Grants listed of one change; further ones by role. */
#define GRANTS_MAX 24u
#define SHORT_ROLES_MAX 300u

/* Kept free for the short form of added grants whose changes find no room: names are cut there after so many
 * bytes, and so many members are named of each. */
#define SHORT_CHARACTERS 16000u
#define SHORT_NAME_MAX_BYTES 64u
#define SHORT_MEMBERS_MAX 6u

/* Kept free for each section that is still to come: its heading and its line of what was left out. */
#define SECTION_RESERVE_CHARACTERS 160u

/* A thousand refusals are one reason: the changes they are about need room too. */
#define NOT_FOR_ALARMS_CHARACTERS (TS_REPORT_MARKDOWN_MAX_CHARACTERS / 3 * 2)

/* Subjects of --user that are named. */
#define TRUST_DIGESTS_MAX 20u
#define USERS_MAX 10u

/* Anything here is smaller: TS_REPORT_MARKDOWN_MAX_CHARACTERS of four bytes, and a row. */
#define PIECE_MAX_BYTES (1024u * 1024u)

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

struct markdown {
        const struct ts_report *report;
        struct ts_buf *out;
        struct ts_buf piece;          /* a heading or a row, until it is known to fit */
        size_t used;                  /* characters in @out */
        size_t reserved;              /* characters kept for what has to come */
        size_t n_shown[SECTION_MAX_]; /* rows that found room */
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

static void put_short(struct ts_buf *out, const char *s)
{
        put_cut(out, s, SHORT_NAME_MAX_BYTES);
}

/* From the @first on, which are sorted by role: each role stands there, however many there are. */
static void put_grants_by_role(struct ts_buf *out, const struct ts_plan *plan, const char *word,
                               const struct ts_grant_changes *grants, size_t first)
{
        size_t n_roles = 0, end;

        for (; first < grants->n && n_roles < SHORT_ROLES_MAX; first = end, n_roles++) {
                for (end = first + 1;
                     end < grants->n && grants->items[end].role == grants->items[first].role;)
                        end++;
                ts_buf_printf(out, "<br>%s ", word);
                if (end == first + 1)
                        ts_words_grant(out, put_short, plan, &grants->items[first]);
                else
                        put_short(out, ts_plan_role_name(plan, grants->items[first].role));
                if (end > first + 1)
                        ts_buf_printf(out, " in %zu more divisions", end - first);
        }
        if (first < grants->n)
                ts_buf_printf(out, "<br>%s … and %zu more grant%s", word, grants->n - first,
                              TS_S(grants->n - first));
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
                put_grants_by_role(out, plan, word, grants, n);
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
        if (ts_change_note(c)) {
                ts_buf_printf(out, "<br>%s", ts_words_result_prefix(ts_change_result(c)));
                put_sentence(out, ts_change_note(c));
        }
}

static void put_actor(struct ts_buf *out, const struct ts_change *c)
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
        put_actor(out, c);
        ts_buf_puts(out, " | ");
        put_what(out, plan, c);
        ts_buf_puts(out, " | ");
        ts_words_cause(out, put_name, plan, c);
        ts_buf_puts(out, " | ");
        (void) ts_words_source(out, put_name, &c->source);
        ts_buf_puts(out, " |\n");
}

/* ----------------------------------------------------------------------------------------------- sections */

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

        switch (ts_change_result(c)) {
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

static size_t row_width(struct markdown *m, const struct ts_plan *plan, const struct ts_change *c)
{
        size_t n;

        put_row(&m->piece, plan, c);
        n = ts_words_count_characters(ts_buf_text(&m->piece), m->piece.len);
        ts_buf_reset(&m->piece);
        return n;
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
        m->n_shown[s] = put_rows(m, s);
        put_more(m, s, n - m->n_shown[s]);
}

/* --------------------------------------------------------------------------------- added grants in short */

/* A grant that a change adds for which there was no room. */
struct added {
        const char *organization, *trust, *role, *division, *member;
};

struct added_list {
        struct added *items;
        size_t n, n_allocated;
};

static bool is_planned_section(enum section s)
{
        return s == SECTION_REMOVALS || s == SECTION_CHANGES || s == SECTION_ADDITIONS;
}

/* Would all that is planned find room? */
static bool planned_fits(struct markdown *m)
{
        size_t n = m->used + m->reserved;

        for (size_t i = 0; i < m->report->n_organizations; i++) {
                const struct ts_plan *plan = m->report->organizations[i].plan;

                for (size_t k = 0; plan && k < plan->n_changes; k++) {
                        const struct ts_change *c = &plan->changes[k];

                        if (!is_planned_section(section_of(c)) || !ts_words_is_shown(m->report, c))
                                continue;
                        n += row_width(m, plan, c);
                        if (n > TS_REPORT_MARKDOWN_MAX_CHARACTERS)
                                return false;
                }
        }
        return true;
}

static void list_grants(struct added_list *list, const struct ts_plan *plan, const struct ts_change *c)
{
        for (size_t i = 0; i < c->add.n; i++) {
                const struct ts_grant_change *g = &c->add.items[i];

                TS_GROW(list->items, list->n_allocated, list->n);
                list->items[list->n++] = (struct added){
                        .organization = plan->organization,
                        .trust = c->trust_alias,
                        .role = ts_plan_role_name(plan, g->role),
                        .division = g->division == TS_DIVISION_ALL ? NULL
                                                                   : ts_plan_division_name(plan, g->division),
                        .member = c->subject_name ? c->subject_name : "",
                };
        }
}

static void list_left_out(const struct markdown *m, struct added_list *list)
{
        size_t n[SECTION_MAX_] = { 0 };

        for (size_t i = 0; i < m->report->n_organizations; i++) {
                const struct ts_plan *plan = m->report->organizations[i].plan;

                for (size_t k = 0; plan && k < plan->n_changes; k++) {
                        const struct ts_change *c = &plan->changes[k];
                        enum section s = section_of(c);

                        if (is_planned_section(s) && ts_words_is_shown(m->report, c) &&
                            n[s]++ >= m->n_shown[s])
                                list_grants(list, plan, c);
                }
        }
}

static int compare_grants(const struct added *a, const struct added *b)
{
        int r = strcmp(a->organization, b->organization);

        if (r == 0)
                r = strcmp(a->role, b->role);
        if (r == 0 && (!a->division || !b->division))
                r = (a->division != NULL) - (b->division != NULL);
        else if (r == 0)
                r = strcmp(a->division, b->division);
        return r;
}

static int compare_added(const void *pa, const void *pb)
{
        const struct added *a = pa, *b = pb;
        int r = compare_grants(a, b);

        if (r == 0)
                r = strcmp(a->trust, b->trust);
        return r != 0 ? r : strcmp(a->member, b->member);
}

static void put_added_head(struct ts_buf *out, const struct added *a)
{
        ts_buf_puts(out, "- ");
        put_short(out, a->organization);
        ts_buf_puts(out, ": **+** ");
        put_short(out, a->role);
        if (a->division) {
                ts_buf_puts(out, " in ");
                put_short(out, a->division);
        } else {
                ts_buf_puts(out, " in all divisions");
        }
}

/* One line a grant and trust, with the first members; or, where that is too much, one a grant. */
static void put_added(struct ts_buf *out, const struct added *items, size_t n, bool by_trust)
{
        size_t n_trusts = 1;

        put_added_head(out, items);
        for (size_t i = 1; i < n; i++)
                n_trusts += strcmp(items[i].trust, items[i - 1].trust) != 0;
        if (!by_trust) {
                ts_buf_printf(out, ": %zu member%s of %zu trust%s\n", n, TS_S(n), n_trusts, TS_S(n_trusts));
                return;
        }
        ts_buf_puts(out, " in the trust ");
        put_short(out, items->trust);
        for (size_t i = 0; i < n && i < SHORT_MEMBERS_MAX; i++) {
                ts_buf_puts(out, i == 0 ? ": " : ", ");
                put_short(out, items[i].member);
        }
        if (n > SHORT_MEMBERS_MAX)
                ts_buf_printf(out, " and %zu more", n - SHORT_MEMBERS_MAX);
        ts_buf_putc(out, '\n');
}

/* Returns how many grants found room. */
static size_t put_added_list(struct ts_buf *out, const struct added_list *list, bool by_trust)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(PIECE_MAX_BYTES);
        size_t first = 0, end, used = 0;

        for (; first < list->n; first = end) {
                for (end = first + 1; end < list->n; end++)
                        if (compare_grants(&list->items[end], &list->items[first]) != 0 ||
                            (by_trust && strcmp(list->items[end].trust, list->items[first].trust) != 0))
                                break;
                ts_buf_reset(&line);
                put_added(&line, &list->items[first], end - first, by_trust);
                used += ts_words_count_characters(ts_buf_text(&line), line.len);
                if (used > SHORT_CHARACTERS - SECTION_RESERVE_CHARACTERS)
                        break;
                ts_buf_put(out, ts_buf_text(&line), line.len);
        }
        return first;
}

/* Nobody is let in unseen: each added grant stands there at least in short. */
static void put_left_out(struct markdown *m)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(PIECE_MAX_BYTES);
        struct added_list list = { 0 };
        size_t n;

        list_left_out(m, &list);
        if (list.n > 0) {
                qsort(list.items, list.n, sizeof(*list.items), compare_added);
                n = put_added_list(&text, &list, true);
                if (n < list.n) {
                        ts_buf_reset(&text);
                        n = put_added_list(&text, &list, false);
                }
                ts_buf_printf(&m->piece, "\n#### Added grants of those left out (%zu)\n\n%s", list.n,
                              ts_buf_text(&text));
                if (n < list.n)
                        ts_buf_printf(&m->piece, "\n… and %zu more grants\n", list.n - n);
                piece_flush(m);
        }
        free(list.items);
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

static void put_trust_digests(const struct ts_report *r, struct ts_buf *out)
{
        size_t n = 0;

        for (size_t i = 0; i < r->n_organizations; i++) {
                const struct ts_report_organization *o = &r->organizations[i];

                for (size_t k = 0; o->plan && k < o->plan->n_trust_digests; k++) {
                        if (n++ >= TRUST_DIGESTS_MAX)
                                continue;
                        ts_buf_puts(out, "Digest of ");
                        put_name(out, o->alias);
                        ts_buf_puts(out, " / ");
                        put_name(out, o->plan->trust_digests[k].trust);
                        ts_buf_puts(out, ": ");
                        ts_escape_markdown(out, ts_digest_format(&o->plan->trust_digests[k].digest).s);
                        ts_buf_puts(out, "\n\n");
                }
        }
        if (n > TRUST_DIGESTS_MAX)
                ts_buf_printf(out, "%zu more trusts have digests of their own.\n\n", n - TRUST_DIGESTS_MAX);
}

static void compose_foot(const struct ts_report *r, struct ts_buf *out)
{
        ts_buf_putc(out, '\n');
        if (ts_report_has_digest(r)) {
                ts_buf_puts(out, "Plan digest: ");
                ts_escape_markdown(out, ts_digest_format(&r->digest).s);
                ts_buf_puts(out, "\n\n");
        }
        put_trust_digests(r, out);
        ts_words_outcome(out, put_name, r);
        ts_buf_putc(out, '\n');
}

void ts_report_markdown(const struct ts_report *r, struct ts_buf *out)
{
        struct markdown m = { .report = r, .out = out, .piece = TS_BUF_INIT(PIECE_MAX_BYTES) };
        TS_CLEANUP(ts_buf_done) struct ts_buf foot = TS_BUF_INIT(PIECE_MAX_BYTES);
        size_t keep; /* for the grants of what finds no room */

        compose_foot(r, &foot);
        m.reserved = ts_words_count_characters(ts_buf_text(&foot), foot.len) +
                     (SECTION_MAX_ + 2) * SECTION_RESERVE_CHARACTERS;
        put_head(&m);
        put_alarms(&m);
        keep = planned_fits(&m) ? 0 : SHORT_CHARACTERS;
        m.reserved += keep;
        for (enum section s = 0; s < SECTION_MAX_; s++) {
                m.reserved -= SECTION_RESERVE_CHARACTERS;
                if (s == SECTION_WARNINGS)
                        put_warnings(&m);
                else
                        put_change_section(&m, s);
                if (s == SECTION_ADDITIONS && keep > 0) {
                        m.reserved -= keep;
                        put_left_out(&m);
                }
        }
        ts_buf_put(out, ts_buf_text(&foot), foot.len);
        ts_buf_done(&m.piece);
}
