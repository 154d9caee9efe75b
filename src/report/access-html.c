#include <stdlib.h>
#include <string.h>

#include "report/access-rows.h"
#include "report/html.h"
#include "report/words.h"
#include "util/mem.h"

/* ----------------------------------------------------------------------------------------------- partners */

/* Also one who is a member itself and in a group as well. */
static bool is_same_member(const struct ts_access_row *a, const struct ts_access_row *b)
{
        return a->member && b->member ? ts_id_equal(&a->member->id, &b->member->id) : a->member == b->member;
}

/* How many members of each trust are in the rows; those of one member stand together in every order. */
static void count_members(const struct ts_access_rows *r, const struct ts_access_organization *o,
                          struct ts_html_partner *partners)
{
        bool was_privileged = false; /* the member, in an earlier row */

        for (size_t i = 0; i < r->n; i++) {
                const struct ts_access_row *row = &r->items[i];
                bool is_first = i == 0 || row->trust != row[-1].trust || !is_same_member(row, row - 1);
                struct ts_html_partner *p;

                if (row->organization != o)
                        continue;
                p = &partners[row->trust - o->live->trusts];
                was_privileged = was_privileged && !is_first;
                p->n += is_first;
                p->n_privileged += row->is_privileged && !was_privileged;
                was_privileged = was_privileged || row->is_privileged;
                p->organization = o->alias;
                p->alias = row->decl ? row->decl->alias : NULL;
                p->name = row->trust->name;
                p->id = row->trust->id;
                p->direction = row->trust->direction;
                p->state = ts_access_state(row);
        }
}

/* A trust of which the report has no row is not in the picture either. */
static size_t drop_empty(struct ts_html_partner *partners, size_t n)
{
        size_t k = 0;

        for (size_t i = 0; i < n; i++)
                if (partners[i].n > 0)
                        partners[k++] = partners[i];
        return k;
}

static void put_partners(const struct ts_access_rows *r, struct ts_buf *out)
{
        TS_CLEANUP(ts_freep) struct ts_html_partner *partners = NULL;
        size_t n = 0;

        for (size_t i = 0; i < r->in->n_organizations; i++)
                n += r->in->organizations[i].live ? r->in->organizations[i].live->n_trusts : 0;
        partners = ts_calloc(n, sizeof(*partners));
        n = 0;
        for (size_t i = 0; i < r->in->n_organizations; i++) {
                const struct ts_access_organization *o = &r->in->organizations[i];

                if (!o->live)
                        continue;
                count_members(r, o, &partners[n]);
                n += o->live->n_trusts;
        }
        n = drop_empty(partners, n);
        if (n > 0)
                ts_html_partners(out, partners, n, "Who may enter whom", "member");
}

/* --------------------------------------------------------------------------------------------------- rows */

static void put_side(const struct ts_access_row *row, enum ts_direction enters, struct ts_buf *out)
{
        ts_buf_puts(out, "<td>");
        if (row->trust->direction != enters)
                ts_access_put_cell(row, TS_ACCESS_ORGANIZATION, ts_html_put, ts_html_put_name, out);
        else
                ts_access_put_cell(row, TS_ACCESS_TRUST, ts_html_put, ts_html_put_name, out);
        if (row->trust->direction == enters && strcmp(ts_access_state(row), "enabled") != 0)
                ts_buf_printf(out, " <span class=\"s\">(%s)</span>", ts_access_state(row));
        ts_buf_puts(out, "</td>");
}

static void put_person(const struct ts_access_row *row, struct ts_buf *out)
{
        ts_buf_puts(out, "<td>");
        if (row->member && row->member->kind != TS_KIND_USER)
                ts_buf_printf(out, "<span class=\"s\">%s</span> ", ts_kind_to_string(row->member->kind));
        ts_access_put_cell(row, TS_ACCESS_NAME, ts_html_put, ts_html_put_name, out);
        if (row->via) {
                ts_buf_puts(out, "<br><span class=\"s\">in group</span> ");
                ts_access_put_cell(row, TS_ACCESS_VIA, ts_html_put, ts_html_put_name, out);
        }
        if (row->member && row->member->last_login != 0)
                ts_buf_printf(out, "<br><span class=\"s\">last login</span> %s",
                              ts_time_format(row->member->last_login).s);
        ts_buf_puts(out, "</td>");
}

static void put_role(const struct ts_access_row *row, struct ts_buf *out)
{
        ts_buf_puts(out, "<td>");
        ts_access_put_cell(row, TS_ACCESS_ROLE, ts_html_put, ts_html_put_name, out);
        ts_buf_puts(out,
                    row->is_privileged ? " <span class=\"b p\">privileged</span></td><td>" : "</td><td>");
        ts_access_put_cell(row, TS_ACCESS_DIVISION, ts_html_put, ts_html_put_name, out);
        ts_buf_puts(out, "</td><td>");
        ts_access_put_cell(row, TS_ACCESS_UNTIL, ts_html_put, ts_html_put_name, out);
        ts_buf_puts(out, "</td>");
}

static void put_label(const struct ts_access_row *row, enum ts_access_column c, struct ts_buf *out)
{
        struct ts_access_cell cell;

        ts_access_cell(row, c, &cell);
        if (cell.text[0] == '\0')
                return;
        ts_buf_printf(out, "<br><span class=\"s\">%s:</span> ", ts_access_title(c));
        ts_html_put(out, cell.text);
}

static void put_declared(const struct ts_access_row *row, struct ts_buf *out)
{
        ts_buf_puts(out, row->declared && !row->is_outside ? "<td>" : "<td><span class=\"b u\">");
        ts_access_put_cell(row, TS_ACCESS_DECLARED, ts_html_put, ts_html_put_name, out);
        ts_buf_puts(out, row->declared && !row->is_outside ? "" : "</span>");
        put_label(row, TS_ACCESS_OWNER, out);
        put_label(row, TS_ACCESS_TICKET, out);
        put_label(row, TS_ACCESS_NOTE, out);
        ts_buf_puts(out, "</td><td>");
        ts_access_put_cell(row, TS_ACCESS_SINCE, ts_html_put, ts_html_put_name, out);
        if (ts_access_by(row)) {
                ts_buf_puts(out, " by ");
                ts_access_put_cell(row, TS_ACCESS_BY, ts_html_put, ts_html_put_name, out);
        }
        ts_buf_puts(out, "</td>");
}

static void put_rows(const struct ts_access_rows *r, struct ts_buf *out)
{
        static const char *const titles[] = { "from",     "into",  "who",      "role",
                                              "division", "until", "declared", "since, by" };
        static const struct ts_html_filter filters[] = { { "p-", "privileged" }, { "u-", "not declared" } };

        ts_buf_puts(out, "<h2>Every access</h2>\n");
        ts_html_rows_begin(out, "access", "Every access", titles, TS_N_ELEMENTS(titles), filters,
                           TS_N_ELEMENTS(filters));
        for (size_t i = 0; i < r->n; i++) {
                const struct ts_access_row *row = &r->items[i];

                ts_buf_printf(out, "<tr class=\"%s%s\">", row->is_privileged ? "p- " : "",
                              row->declared && !row->is_outside ? "" : "u-");
                put_side(row, TS_TRUSTEE, out);
                put_side(row, TS_TRUSTOR, out);
                put_person(row, out);
                put_role(row, out);
                put_declared(row, out);
                ts_buf_puts(out, "</tr>\n");
        }
        ts_html_rows_end(out);
}

/* -------------------------------------------------------------------------------------------------- whole */

static void put_facts(const struct ts_access_rows *r, struct ts_buf *out)
{
        ts_buf_puts(out, "<p class=\"facts\">");
        ts_access_put_counts(r, out);
        ts_buf_printf(out, ". %s", ts_time_format(r->in->generated_at).s);
        if (r->in->revision) {
                ts_buf_puts(out, ", declarations of revision ");
                ts_html_put(out, r->in->revision);
        }
        ts_buf_puts(out, ".</p>\n");
}

static void put_notices(const struct ts_access *a, struct ts_buf *out)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf questions = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        ts_buf_puts(out, "<ul class=\"notices\">\n");
        for (size_t i = 0; i < a->n_organizations; i++) {
                if (!a->organizations[i].error)
                        continue;
                ts_buf_puts(out, "<li class=\"a\"><strong>Incomplete.</strong> ");
                ts_html_put(out, a->organizations[i].alias);
                ts_buf_puts(out, ": ");
                ts_html_put(out, a->organizations[i].error);
                ts_buf_puts(out, "</li>\n");
        }
        if (a->live_at > 0)
                ts_buf_printf(out, "<li>As of %s: an export, not the state of now.</li>\n",
                              ts_time_format(a->live_at).s);
        if (ts_access_put_questions(a, ts_html_put, &questions))
                ts_buf_printf(out, "<li>%s.</li>\n", ts_buf_text(&questions));
        ts_buf_puts(out, "</ul>\n");
}

static bool has_notices(const struct ts_access *a)
{
        for (size_t i = 0; i < a->n_organizations; i++)
                if (a->organizations[i].error)
                        return true;
        return a->live_at > 0 || a->roles.n > 0 || a->only_privileged || a->only_undeclared ||
               a->expires_before != TS_TIME_UNSET;
}

void ts_access_html(const struct ts_access_rows *r, struct ts_buf *out)
{
        ts_html_begin(out, "Access report");
        put_facts(r, out);
        if (has_notices(r->in))
                put_notices(r->in, out);
        put_partners(r, out);
        put_rows(r, out);
        ts_html_end(out);
}
