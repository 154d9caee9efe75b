#include "report/access.h"

#include <stdio.h>
#include <string.h>

#include "json/writer.h"
#include "report/access-rows.h"
#include "report/words.h"
#include "trust/privileged.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/nearest.h"

#define FORMAT_VERSION 1
#define WIDTH_MAX 40u /* of a column: one long name must not move all others out of sight */
#define MARKDOWN_ERRORS_MAX 20u

/* -------------------------------------------------------------------------------- what all formats say */

static bool has_errors(const struct ts_access *a)
{
        for (size_t i = 0; i < a->n_organizations; i++)
                if (a->organizations[i].error)
                        return true;
        return false;
}

static void put_errors(const struct ts_access *a, const char *before, size_t max, ts_words_put put,
                       struct ts_buf *out)
{
        size_t n = 0;

        for (size_t i = 0; i < a->n_organizations; i++) {
                if (!a->organizations[i].error)
                        continue;
                ts_buf_puts(out, before);
                if (n++ == max) {
                        ts_buf_puts(out, "and more organizations\n");
                        break;
                }
                put(out, a->organizations[i].alias);
                ts_buf_puts(out, ": ");
                put(out, a->organizations[i].error);
                ts_buf_putc(out, '\n');
        }
}

/* A filtered report must say so. */
bool ts_access_put_questions(const struct ts_access *a, ts_words_put put, struct ts_buf *out)
{
        const char *before = "Only ";

        for (size_t i = 0; i < a->roles.n; i++, before = " or ") {
                ts_buf_printf(out, "%s%s", before, i == 0 ? "the role " : "");
                put(out, a->roles.items[i].text);
        }
        before = a->roles.n > 0 ? ", only " : before;
        if (a->only_privileged) {
                ts_buf_printf(out, "%sprivileged roles", before);
                before = ", only ";
        }
        if (a->only_undeclared) {
                ts_buf_printf(out, "%swhat is not declared", before);
                before = ", only ";
        }
        if (a->expires_before != TS_TIME_UNSET) {
                ts_buf_printf(out, "%swhat ends by %s", before, ts_time_format(a->expires_before).s);
                before = ", only ";
        }
        return before[0] == ',';
}

void ts_access_put_counts(const struct ts_access_rows *r, struct ts_buf *out)
{
        ts_buf_printf(out, "%zu row%s, %zu privileged, %zu not declared", r->n, TS_S(r->n), r->n_privileged,
                      r->n_undeclared);
        if (r->n_unknown > 0)
                ts_buf_printf(out, "; the roles of %zu more member%s are not known", r->n_unknown,
                              TS_S(r->n_unknown));
}

/* A cell for people: nothing in it speaks as the program, and whom a name stands for is told by ids. */
void ts_access_put_cell(const struct ts_access_row *row, enum ts_access_column c, ts_words_put plain,
                        ts_words_put name, struct ts_buf *out)
{
        struct ts_access_cell value;

        ts_access_cell(row, c, &value);
        if (value.text[0] == '\0')
                return;
        (value.is_name ? name : plain)(out, value.text);
        if (c == TS_ACCESS_TRUST && !row->decl && row->trust->name) {
                ts_buf_putc(out, ' ');
                name(out, row->trust->name);
        }
        if (c != TS_ACCESS_BY)
                return;
        ts_access_cell(row, TS_ACCESS_BY_ID, &value);
        ts_buf_printf(out, " (id %s", value.text[0] != '\0' ? value.text : "not told");
        ts_access_cell(row, TS_ACCESS_BY_ORGANIZATION, &value);
        ts_buf_printf(out, ", organization %s)", value.text[0] != '\0' ? value.text : "not told");
}

/* --------------------------------------------------------------------------------------------------- text */

enum text_column { TEXT_USER, TEXT_ROLE, TEXT_DIVISION, TEXT_UNTIL, TEXT_DECLARED, TEXT_COLUMNS };

static bool has_another_name(const struct ts_access_row *row)
{
        struct ts_access_cell name;

        ts_access_cell(row, TS_ACCESS_NAME, &name);
        return row->person && strcmp(row->person, name.text) != 0;
}

static void put_text_via(const struct ts_access_row *row, struct ts_buf *out)
{
        if (!row->via)
                return;
        ts_buf_puts(out, " in group ");
        ts_access_put_cell(row, TS_ACCESS_VIA, ts_words_put_plain, ts_words_put_name, out);
}

/* The other side of what the heading says: who it is, or where. */
static void put_text_user(const struct ts_access_row *row, struct ts_buf *out)
{
        if (row->in->by_user) {
                ts_access_put_cell(row, TS_ACCESS_ORGANIZATION, ts_words_put_plain, ts_words_put_name, out);
                ts_buf_puts(out, row->trust->direction == TS_TRUSTEE ? ", from " : ", to ");
                ts_access_put_cell(row, TS_ACCESS_TRUST, ts_words_put_plain, ts_words_put_name, out);
                put_text_via(row, out);
                if (!has_another_name(row))
                        return;
                ts_buf_puts(out, " as ");
                ts_access_put_cell(row, TS_ACCESS_NAME, ts_words_put_plain, ts_words_put_name, out);
                return;
        }
        if (row->member && row->member->kind != TS_KIND_USER)
                ts_buf_printf(out, "%s ", ts_kind_to_string(row->member->kind));
        ts_access_put_cell(row, TS_ACCESS_NAME, ts_words_put_plain, ts_words_put_name, out);
        put_text_via(row, out);
}

static void put_text_cell(const struct ts_access_row *row, enum text_column c, struct ts_buf *out)
{
        static const enum ts_access_column columns[TEXT_COLUMNS] = {
                [TEXT_ROLE] = TS_ACCESS_ROLE,
                [TEXT_DIVISION] = TS_ACCESS_DIVISION,
                [TEXT_UNTIL] = TS_ACCESS_UNTIL,
                [TEXT_DECLARED] = TS_ACCESS_DECLARED,
        };

        if (c == TEXT_USER)
                put_text_user(row, out);
        else if (c != TEXT_UNTIL || row->until != TS_TIME_NEVER)
                ts_access_put_cell(row, columns[c], ts_words_put_plain, ts_words_put_name, out);
}

static const char *const text_titles[TEXT_COLUMNS] = { "", "role", "division", "until", "declared" };

static void put_text_line(const struct ts_access_row *row, const size_t *widths, struct ts_buf *out)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf cell = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        size_t n_blanks = 0;

        ts_buf_puts(out, row && row->is_privileged ? "  ! " : "    ");
        for (enum text_column c = 0; c < TEXT_COLUMNS; c++) {
                size_t width;

                if (widths[c] == 0)
                        continue;
                ts_buf_reset(&cell);
                if (row)
                        put_text_cell(row, c, &cell);
                else
                        ts_buf_puts(&cell, text_titles[c]);
                width = ts_words_count_characters(ts_buf_text(&cell), cell.len);
                for (; width > 0 && n_blanks > 0; n_blanks--)
                        ts_buf_putc(out, ' ');
                (void) ts_buf_put(out, ts_buf_text(&cell), cell.len);
                n_blanks += 2 + (width < widths[c] ? widths[c] - width : 0);
        }
        ts_buf_putc(out, '\n');
}

/* A column in which nothing stands has no width. */
static void measure(const struct ts_access_rows *r, size_t *widths)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf cell = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        for (enum text_column c = 0; c < TEXT_COLUMNS; c++) {
                widths[c] = 0;
                for (size_t i = 0; i < r->n; i++) {
                        size_t width;

                        ts_buf_reset(&cell);
                        put_text_cell(&r->items[i], c, &cell);
                        width = ts_words_count_characters(ts_buf_text(&cell), cell.len);
                        width = width < WIDTH_MAX ? width : WIDTH_MAX;
                        widths[c] = width > widths[c] ? width : widths[c];
                }
                if (widths[c] > 0 && widths[c] < strlen(text_titles[c]))
                        widths[c] = strlen(text_titles[c]);
        }
}

static void put_text_heading(const struct ts_access_row *row, struct ts_buf *out)
{
        if (row->in->by_user) {
                if (row->member && row->member->kind != TS_KIND_USER)
                        ts_buf_printf(out, "%s ", ts_kind_to_string(row->member->kind));
                if (row->person)
                        ts_words_put_name(out, row->person);
                else
                        ts_access_put_cell(row, TS_ACCESS_NAME, ts_words_put_plain, ts_words_put_name, out);
                if (row->member)
                        ts_buf_printf(out, " (%s)", ts_id_format(&row->member->id).s);
        } else {
                ts_access_put_cell(row, TS_ACCESS_ORGANIZATION, ts_words_put_plain, ts_words_put_name, out);
                ts_buf_printf(out, ", %s ", ts_direction_to_string(row->trust->direction));
                ts_access_put_cell(row, TS_ACCESS_TRUST, ts_words_put_plain, ts_words_put_name, out);
                if (strcmp(ts_access_state(row), "enabled") != 0)
                        ts_buf_printf(out, " (%s)", ts_access_state(row));
        }
        ts_buf_putc(out, '\n');
}

/* With -v, once a member: who it is, and who let it in. */
static void put_text_details(const struct ts_access_row *row, struct ts_buf *out)
{
        struct ts_access_cell login;

        ts_access_cell(row, TS_ACCESS_LAST_LOGIN, &login);
        if (row->member)
                ts_buf_printf(out, "        id %s%s%s\n", ts_id_format(&row->member->id).s,
                              login.text[0] != '\0' ? ", last login " : "", login.text);
        if (ts_access_since(row) == TS_TIME_UNSET && !ts_access_by(row))
                return;
        ts_buf_puts(out, "        since ");
        if (ts_access_since(row) == TS_TIME_UNSET)
                ts_buf_puts(out, "a time that is not known");
        ts_access_put_cell(row, TS_ACCESS_SINCE, ts_words_put_plain, ts_words_put_name, out);
        if (ts_access_by(row)) {
                ts_buf_puts(out, " by ");
                ts_access_put_cell(row, TS_ACCESS_BY, ts_words_put_plain, ts_words_put_name, out);
        }
        ts_buf_putc(out, '\n');
}

/* Once a member: whom to ask about it. */
static void put_text_labels(const struct ts_access_row *row, struct ts_buf *out)
{
        static const enum ts_access_column columns[] = { TS_ACCESS_OWNER, TS_ACCESS_TICKET, TS_ACCESS_NOTE };
        const char *before = "        ";

        for (size_t i = 0; i < TS_N_ELEMENTS(columns); i++) {
                struct ts_access_cell cell;

                ts_access_cell(row, columns[i], &cell);
                if (cell.text[0] == '\0')
                        continue;
                ts_buf_printf(out, "%s%s: ", before, ts_access_title(columns[i]));
                ts_words_put_plain(out, cell.text);
                before = "; ";
        }
        ts_buf_puts(out, before[0] == ';' ? "\n" : "");
}

static void write_text(const struct ts_access_rows *r, struct ts_buf *out)
{
        size_t widths[TEXT_COLUMNS];

        measure(r, widths);
        if (r->in->live_at > 0)
                ts_buf_printf(out, "As of %s: an export, not the state of now.\n",
                              ts_time_format(r->in->live_at).s);
        put_errors(r->in, "INCOMPLETE: ", SIZE_MAX, ts_words_put_plain, out);
        if (ts_access_put_questions(r->in, ts_words_put_plain, out))
                ts_buf_puts(out, ".\n");
        if (r->n > 0)
                put_text_line(NULL, widths, out);
        for (size_t i = 0; i < r->n; i++) {
                const struct ts_access_row *row = &r->items[i];

                if (ts_access_row_begins(r, i))
                        put_text_heading(row, out);
                put_text_line(row, widths, out);
                if (i + 1 < r->n && !ts_access_row_begins(r, i + 1) && row->member == row[1].member)
                        continue;
                put_text_labels(row, out);
                if (r->in->verbose)
                        put_text_details(row, out);
        }
        ts_buf_puts(out, "Access: ");
        ts_access_put_counts(r, out);
        ts_buf_puts(out, ".\n");
}

static void write_csv(const struct ts_access_rows *r, struct ts_buf *out)
{
        for (enum ts_access_column c = 0; c < TS_ACCESS_COLUMNS; c++)
                ts_buf_printf(out, "%s%s", c > 0 ? "," : "", ts_access_title(c));
        ts_buf_puts(out, "\r\n");
        for (size_t i = 0; i < r->n; i++) {
                for (enum ts_access_column c = 0; c < TS_ACCESS_COLUMNS; c++) {
                        struct ts_access_cell value;

                        ts_access_cell(&r->items[i], c, &value);
                        if (c > 0)
                                ts_buf_putc(out, ',');
                        ts_escape_csv(out, value.text);
                }
                ts_buf_puts(out, "\r\n");
        }
}

/* ----------------------------------------------------------------------------------------------- markdown */

static void put_markdown_row(const struct ts_access_row *row, struct ts_buf *out)
{
        for (enum ts_access_column c = 0; c < TS_ACCESS_COLUMNS_SHOWN; c++) {
                ts_buf_puts(out, c == TS_ACCESS_ROLE && row->is_privileged ? "| **!** " : "| ");
                ts_access_put_cell(row, c, ts_escape_markdown, ts_escape_markdown, out);
                if (c == TS_ACCESS_NAME && row->via) {
                        ts_buf_puts(out, " in group ");
                        ts_access_put_cell(row, TS_ACCESS_VIA, ts_escape_markdown, ts_escape_markdown, out);
                }
                ts_buf_putc(out, ' ');
        }
        ts_buf_puts(out, "|\n");
}

static void put_markdown_titles(struct ts_buf *out)
{
        ts_buf_putc(out, '\n'); /* else it would go on with what stands above */
        for (enum ts_access_column c = 0; c < TS_ACCESS_COLUMNS_SHOWN; c++)
                ts_buf_printf(out, "| %s ", ts_access_title(c));
        ts_buf_puts(out, "|\n");
        for (enum ts_access_column c = 0; c < TS_ACCESS_COLUMNS_SHOWN; c++)
                ts_buf_puts(out, "| --- ");
        ts_buf_puts(out, "|\n");
}

static void put_markdown_questions(const struct ts_access *a, struct ts_buf *out)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf questions = TS_BUF_INIT(TS_TEXT_MAX_BYTES);

        if (ts_access_put_questions(a, ts_escape_markdown, &questions))
                ts_buf_printf(out, "\n%s.\n", ts_buf_text(&questions));
}

/* As many rows as a comment holds; how many are left out is said. */
static void write_markdown(const struct ts_access_rows *r, struct ts_buf *out)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        size_t n_characters, n = 0;

        ts_buf_puts(out, "### Access: ");
        ts_access_put_counts(r, out);
        ts_buf_putc(out, '\n');
        if (r->in->live_at > 0)
                ts_buf_printf(out, "\nAs of %s: an export, not the state of now.\n",
                              ts_time_format(r->in->live_at).s);
        put_markdown_questions(r->in, out);
        if (has_errors(r->in))
                ts_buf_putc(out, '\n');
        put_errors(r->in, "- **Incomplete:** ", MARKDOWN_ERRORS_MAX, ts_escape_markdown, out);
        if (r->n > 0)
                put_markdown_titles(out);
        n_characters = ts_words_count_characters(ts_buf_text(out), out->len) + 80; /* the last line */
        for (; n < r->n; n++) {
                ts_buf_reset(&line);
                put_markdown_row(&r->items[n], &line);
                n_characters += ts_words_count_characters(ts_buf_text(&line), line.len);
                if (n_characters > TS_REPORT_MARKDOWN_MAX_CHARACTERS)
                        break;
                (void) ts_buf_put(out, ts_buf_text(&line), line.len);
        }
        if (n < r->n)
                ts_buf_printf(out, "\n%zu more row%s left out: see the CSV or JSON report.\n", r->n - n,
                              r->n - n == 1 ? " is" : "s are");
}

/* --------------------------------------------------------------------------------------------------- JSON */

static void add_named(struct ts_json_writer *w, const char *key, const char *id_key, const struct ts_named *n,
                      bool is_all)
{
        ts_json_add_string(w, key, n ? n->name : NULL);
        if (is_all)
                ts_json_add_string(w, id_key, "*");
        else
                ts_json_add_id(w, id_key, n ? &n->id : &(struct ts_id){ { 0 } });
}

static void put_json_via(struct ts_json_writer *w, const struct ts_access_row *r)
{
        ts_json_key(w, "via");
        if (!r->via) {
                ts_json_put_null(w);
                return;
        }
        ts_json_open_object(w);
        ts_json_add_string(w, "kind", ts_kind_to_string(r->via->kind));
        ts_json_add_id(w, "id", &r->via->id);
        ts_json_add_string(w, "name", r->via->name);
        ts_json_close_object(w);
}

static void put_json_row(struct ts_json_writer *w, const struct ts_access_row *r)
{
        const struct ts_catalog *catalog = &r->organization->live->catalog;
        struct ts_decl_labels labels = ts_access_labels(r);

        ts_json_open_object(w);
        ts_json_add_string(w, "organization", r->organization->alias);
        ts_json_add_id(w, "organization_id", &r->organization->live->organization_id);
        ts_json_add_string(w, "direction", ts_direction_to_string(r->trust->direction));
        ts_json_key(w, "trust");
        ts_json_open_object(w);
        ts_json_add_string(w, "alias", r->decl ? r->decl->alias : NULL);
        ts_json_add_id(w, "id", &r->trust->id);
        ts_json_add_string(w, "name", r->trust->name);
        ts_json_add_bool(w, "enabled", r->trust->enabled);
        ts_json_add_string(w, "state", ts_access_state(r));
        ts_report_add_time(w, "expires", r->trust->expires);
        ts_json_close_object(w);
        ts_json_key(w, "subject");
        ts_json_open_object(w);
        ts_json_add_string(w, "kind", ts_kind_to_string(ts_access_kind(r)));
        ts_json_add_id(w, "id", r->member ? &r->member->id : &r->trust->id);
        ts_json_add_string(w, "email", r->member ? r->member->email : NULL);
        ts_json_add_string(w, "name", r->member ? r->member->name : r->trust->name);
        ts_json_close_object(w);
        put_json_via(w, r);
        ts_report_add_time(w, "last_login",
                           r->member && r->member->last_login != 0 ? r->member->last_login : TS_TIME_UNSET);
        add_named(w, "role", "role_id", r->grant ? &catalog->roles[r->grant->role] : NULL, false);
        add_named(w, "division", "division_id", r->grant ? &catalog->divisions[r->grant->division] : NULL,
                  r->grant && r->grant->division == TS_DIVISION_ALL);
        ts_json_add_bool(w, "privileged", r->is_privileged);
        ts_json_add_bool(w, "roles_known", !r->is_role_unknown);
        ts_json_add_string(w, "owner", labels.owner);
        ts_json_add_string(w, "ticket", labels.ticket);
        ts_json_add_string(w, "note", labels.note);
        ts_report_add_time(w, "since", ts_access_since(r));
        ts_json_add_string(w, "by", ts_access_by(r) ? ts_access_by(r)->name : NULL);
        if (ts_access_by(r)) {
                ts_json_add_id(w, "by_id", &ts_access_by(r)->id);
                ts_json_add_id(w, "by_organization", &ts_access_by(r)->organization);
        }
        ts_report_add_time(w, "until", r->until);
        ts_json_key(w, "declared");
        if (r->declared) {
                ts_json_open_object(w);
                ts_json_add_string(w, "file", r->declared->file);
                ts_json_add_int(w, "line", r->declared->line);
                ts_json_add_string(w, "revision", r->in->revision);
                ts_json_add_bool(w, "in_window", !r->is_outside);
                ts_json_close_object(w);
        } else {
                ts_json_put_null(w);
        }
        ts_json_close_object(w);
}

static void put_json_questions(struct ts_json_writer *w, const struct ts_access *a)
{
        ts_json_key(w, "only");
        ts_json_open_object(w);
        ts_json_key(w, "roles");
        ts_json_open_array(w);
        for (size_t i = 0; i < a->roles.n; i++)
                ts_json_put_string(w, a->roles.items[i].text);
        ts_json_close_array(w);
        ts_json_add_bool(w, "privileged", a->only_privileged);
        ts_json_add_bool(w, "undeclared", a->only_undeclared);
        ts_report_add_time(w, "expires_before", a->expires_before);
        ts_json_close_object(w);
}

static void write_json(const struct ts_access_rows *r, struct ts_buf *out)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, true);
        const struct ts_access *a = r->in;

        ts_json_open_object(&w);
        ts_json_add_int(&w, "format_version", FORMAT_VERSION);
        ts_json_add_string(&w, "generated_at", ts_time_format(a->generated_at).s);
        ts_json_add_string(&w, "revision", a->revision);
        ts_report_add_time(&w, "live_at", a->live_at > 0 ? a->live_at : TS_TIME_UNSET);
        put_json_questions(&w, a);
        ts_json_add_int(&w, "privileged", (int64_t) r->n_privileged);
        ts_json_add_int(&w, "not_declared", (int64_t) r->n_undeclared);
        ts_json_add_int(&w, "roles_not_known", (int64_t) r->n_unknown);
        ts_json_key(&w, "errors");
        ts_json_open_array(&w);
        for (size_t i = 0; i < a->n_organizations; i++) {
                if (!a->organizations[i].error)
                        continue;
                ts_json_open_object(&w);
                ts_json_add_string(&w, "organization", a->organizations[i].alias);
                ts_json_add_string(&w, "error", a->organizations[i].error);
                ts_json_close_object(&w);
        }
        ts_json_close_array(&w);
        ts_json_key(&w, "access");
        ts_json_open_array(&w);
        for (size_t i = 0; i < r->n; i++)
                put_json_row(&w, &r->items[i]);
        ts_json_close_array(&w);
        ts_json_close_object(&w);
        ts_buf_putc(out, '\n');
}

/* ------------------------------------------------------------------------------------------------- access */

void ts_access_write(const struct ts_access *a, enum ts_format format, struct ts_buf *out)
{
        TS_CLEANUP(ts_access_rows_done) struct ts_access_rows r;

        ts_access_rows_collect(&r, a);
        switch (format) {
        case TS_FORMAT_JSON:
                write_json(&r, out);
                break;
        case TS_FORMAT_MARKDOWN:
                write_markdown(&r, out);
                break;
        case TS_FORMAT_CSV:
                write_csv(&r, out);
                break;
        case TS_FORMAT_HTML:
                ts_access_html(&r, out);
                break;
        default:
                write_text(&r, out);
        }
}

/* Is it in the catalogue, or may it be because that is not complete? */
static bool may_have_role(const struct ts_access_organization *o, const struct ts_texts *role,
                          struct ts_nearest *nearest)
{
        if (!o->live || !o->live->catalog.complete)
                return true;
        for (size_t i = 0; i < o->live->catalog.n_roles; i++) {
                if (ts_privileged_names(role, &o->live->catalog.roles[i]))
                        return true;
                ts_nearest_try(nearest, o->live->catalog.roles[i].name);
        }
        return false;
}

const char *ts_access_find_unknown_role(const struct ts_access *a, char hint[static 160])
{
        hint[0] = '\0';
        for (size_t i = 0; i < a->roles.n; i++) {
                struct ts_texts role = { &a->roles.items[i], 1 };
                struct ts_nearest nearest = { .word = role.items[0].text };
                size_t k = 0;

                while (k < a->n_organizations && !may_have_role(&a->organizations[k], &role, &nearest))
                        k++;
                if (k < a->n_organizations)
                        continue;
                if (nearest.best)
                        (void) ts_nearest_hint(&nearest, hint);
                return role.items[0].text;
        }
        return NULL;
}
