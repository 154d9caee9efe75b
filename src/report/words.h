/*
 * words - wording shared by the report formats and the journal
 *
 * Pure. The texts from outside go through a `put` of the caller, which escapes or quotes them: plain for text
 * and journal, a code span for Markdown.
 */
#ifndef TS_REPORT_WORDS_H
#define TS_REPORT_WORDS_H

#include "report/report.h"

typedef void (*ts_words_put)(struct ts_buf *out, const char *s);

void ts_words_put_plain(struct ts_buf *out, const char *s);

/* Names chosen by others are shown as they are if they are e-mail addresses, else in quotes, so that they
 * cannot imitate our messages. */
void ts_words_put_name(struct ts_buf *out, const char *s);

/* What stands before a message of that kind: "incomplete: "; "" for a warning. */
const char *ts_words_message_prefix(enum ts_message_kind kind);

/* What went wrong in an organization, where its alias stands in front already. */
const char *ts_words_failure(const char *alias, const struct ts_err *err);

/* '+', '~' or '-' by what it counts as; '!' held, '?' waiting, 'x' failed, '.' skipped. */
char ts_words_sign(const struct ts_change *c);

/* What happens: "add user", "disable". The trust's own actions go without the noun. */
const char *ts_words_action(enum ts_action a);

/* "jane.doe@contoso.example"; "trust" for the trust itself; the id's text where there is no name. @put: of a
 * name. */
void ts_words_subject(struct ts_buf *out, ts_words_put put, const struct ts_change *c);

/* The id of the subject, which is the trust's for the trust itself; nil: not known. */
const struct ts_id *ts_words_subject_id(const struct ts_change *c);

/* "Admin in Home", "Admin in all divisions". */
void ts_words_grant(struct ts_buf *out, ts_words_put put, const struct ts_plan *plan,
                    const struct ts_grant_change *g);

/* "drift, by eve@contoso.example (id 9d1c…, of contoso), 2026-11-20T08:00:00Z": the name is of her own
 * choice, the ids say who she is. @put: of a name. */
void ts_words_cause(struct ts_buf *out, ts_words_put put, const struct ts_plan *plan,
                    const struct ts_change *c);

/* "trusts.d/contoso.yaml:14" as one text; false and nothing when it is nowhere written. */
bool ts_words_source(struct ts_buf *out, ts_words_put put, const struct ts_source *s);

/* What a member's declaration leaves out, that of its trust says. NULL: none. */
struct ts_decl_labels ts_words_labels(const struct ts_decl_labels *member,
                                      const struct ts_decl_labels *trust);

/* The attributes that change, as "expires: 2026-12-31T00:00:00Z -> never". Returns how many (at most 2). */
struct ts_words_attribute {
        char s[112];
};
size_t ts_words_attributes(const struct ts_change *c, struct ts_words_attribute ret[2]);

/* Is it shown behind all that is planned, done, failed or held? */
bool ts_words_is_late(const struct ts_change *c);

/* A member that comes in without a grant to show: none is declared, or they are not managed. */
bool ts_words_lacks_grants(const struct ts_change *c);

/* What the note of a result begins with: "held: "; "" for planned and applied. */
const char *ts_words_result_prefix(enum ts_result result);

/* "3 to add, 1 to change (+4 -2 grants), 2 to remove, 1 held, 0 waiting", or what was done, with failures.
 * Organizations that failed are counted in both. */
void ts_words_counts(struct ts_buf *out, bool applied, const struct ts_plan_summary *s);

/* "1 organization could not be read": why nothing at all was planned. False, and nothing: something was. */
bool ts_words_no_plan(struct ts_buf *out, const struct ts_report *r);

/* The last line of a report, without its newline: "Plan: <counts>. 41 requests, 1.2 s, revision 1a2b3c4." */
void ts_words_outcome(struct ts_buf *out, ts_words_put put, const struct ts_report *r);

/* The first line of a plan against an export: when that was. False, and nothing, for a live state that was
 * read from the API. */
bool ts_words_age(struct ts_buf *out, const struct ts_report *r);

/* The first line when nothing is to be done, else NULL. "No changes." only where nothing is planned, held,
 * failed or refused, nothing was sent, everything was read, and what is on disk is in force. */
const char *ts_words_nothing(const struct ts_report *r);

/* What the counts of the last line leave out, one sentence, without its newline; false: nothing. */
bool ts_words_remainder(struct ts_buf *out, const struct ts_report *r);

/* Is it shown, as far as --user goes? */
bool ts_words_is_shown(const struct ts_report *r, const struct ts_change *c);

/* Characters (code points) of valid UTF-8. */
size_t ts_words_count_characters(const char *s, size_t len);

#endif
