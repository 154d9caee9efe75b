/*
 * html - a self-contained page: nothing is loaded from elsewhere, and it is readable without scripts
 *
 * Pure. Its one style and its one script are allowed by their digests (Content-Security-Policy), and nothing
 * else is; text from outside is escaped as in util/escape.h and then for HTML. Check ts_buf_failed() once.
 */
#ifndef TS_REPORT_HTML_H
#define TS_REPORT_HTML_H

#include "trust/model.h"
#include "util/buf.h"

/* From the doctype to the heading; @title is ours. ts_html_end() closes it. */
void ts_html_begin(struct ts_buf *out, const char *title);
void ts_html_end(struct ts_buf *out);

/* Texts; each may be a ts_words_put. A name is one that somebody else chose: it does not speak as the
 * program, and does not change the direction of what stands around it. */
void ts_html_put(struct ts_buf *out, const char *s);
void ts_html_put_name(struct ts_buf *out, const char *s);

/* The table that can be searched and sorted; @kind: its class, which has the widths of its columns. @filters:
 * words of the class of rows, each with a box that leaves only those; what it is called stands behind it.
 * Between the two the caller writes rows. */
struct ts_html_filter {
        const char *class, *label;
};
void ts_html_rows_begin(struct ts_buf *out, const char *kind, const char *caption, const char *const *titles,
                        size_t n_titles, const struct ts_html_filter *filters, size_t n_filters);
void ts_html_rows_end(struct ts_buf *out);

/* Who may enter whom. */
struct ts_html_partner {
        const char *organization; /* alias */
        const char *alias;        /* NULL: undeclared */
        const char *name;         /* the partner's own; NULL: not known */
        struct ts_id id;
        enum ts_direction direction;
        const char *state; /* "enabled", ...; "": not told */
        size_t n;          /* how many: the weight of its edge */
        size_t n_privileged;
};

/* A picture for each organization, and a table that says the same. @unit: what is counted, "member"; partners
 * of one organization stand together. They are put in the order of their weight. */
void ts_html_partners(struct ts_buf *out, struct ts_html_partner *partners, size_t n, const char *heading,
                      const char *unit);

#endif
