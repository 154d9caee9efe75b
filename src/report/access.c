#include "report/access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/writer.h"
#include "report/words.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/sorted.h"

#define FORMAT_VERSION 1
#define WIDTH_MAX 60u /* of a column: one long name must not move all others out of sight */
#define MARKDOWN_ERRORS_MAX 20u

struct row {
        const struct ts_access_organization *organization;
        int64_t generated_at;
        const struct ts_trust *trust;
        const struct ts_decl_trust *decl;      /* NULL: the trust is not declared */
        const struct ts_member *member;        /* NULL: everybody there, whoever is a member */
        const struct ts_wanted_member *wanted; /* NULL: the member is not declared */
        const struct ts_grant *grant;          /* NULL: none, or they cannot be seen */
        const struct ts_source *declared;      /* NULL: not declared */
        bool is_outside;                       /* declared, but not for now: its window is over or to come */
        int64_t until;                         /* TS_TIME_NEVER: no end */
};

struct rows {
        const struct ts_access *in;
        struct row *items;
        size_t n, n_allocated;
};

/* --------------------------------------------------------------------------------------------- collecting */

/* The declared grant that gives this one: the same, or the role in all divisions. */
static const struct ts_source *find_declared_grant(const struct ts_wanted_member *w, const struct ts_grant *g)
{
        for (size_t i = 0; w && i < w->n_grants; i++)
                if (w->grants[i].role == g->role &&
                    (w->grants[i].division == g->division || w->grants[i].division == TS_DIVISION_ALL))
                        return w->grants[i].source;
        return NULL;
}

static struct row *rows_add(struct rows *r, const struct row *like)
{
        TS_GROW(r->items, r->n_allocated, r->n);
        r->items[r->n] = *like;
        return &r->items[r->n++];
}

static void add_member(struct rows *r, const struct row *like, const struct ts_member *m,
                       const struct ts_wanted_member *w)
{
        struct row row = *like;

        if (!ts_member_is_chosen(r->in->users, r->in->n_users, m))
                return;
        row.member = m;
        row.wanted = w;
        if (w && w->decl->until != TS_TIME_UNSET && w->decl->until < row.until)
                row.until = w->decl->until;
        row.declared = w ? &w->decl->source : NULL;
        row.is_outside = w && ts_decl_member_is_outside(w->decl, r->in->generated_at);
        if (m->n_grants == 0)
                (void) rows_add(r, &row);
        for (uint32_t i = 0; i < m->n_grants; i++) {
                struct row *grant = rows_add(r, &row);

                grant->grant = &m->grants[i];
                if (w && w->decl->grants_managed)
                        grant->declared = find_declared_grant(w, &m->grants[i]);
        }
}

/* The trust itself gives access, as that with the vendor's support may. */
static bool opens_to_all(const struct ts_trust *t)
{
        return t->direction == TS_TRUSTEE &&
               (t->has_full_access || t->uses_default_role || t->is_trusted_user);
}

static void add_trust(struct rows *r, const struct ts_access_organization *o, const struct ts_trust *t,
                      const struct ts_wanted_trust *w)
{
        struct row like = { .organization = o,
                            .generated_at = r->in->generated_at,
                            .trust = t,
                            .decl = w ? w->decl : NULL,
                            .until = t->expires };

        if (like.until == TS_TIME_UNSET)
                like.until = TS_TIME_NEVER;
        if (opens_to_all(t) && r->in->n_users == 0)
                rows_add(r, &like)->declared = w ? &w->decl->source : NULL;
        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                TS_CLEANUP(ts_map_done) struct ts_map wanted = TS_MAP_INIT;
                const struct ts_wanted_members *m = w ? &w->collections[c] : NULL;

                for (size_t i = 0; m && i < m->n; i++)
                        if (!ts_id_is_nil(&m->items[i].id))
                                ts_map_add_id(&wanted, &m->items[i].id, (uint32_t) i);
                for (size_t i = 0; i < t->collections[c].n; i++) {
                        uint32_t k = ts_map_get_id(&wanted, &t->collections[c].items[i].id);

                        add_member(r, &like, &t->collections[c].items[i],
                                   m && k != TS_MAP_NONE ? &m->items[k] : NULL);
                }
        }
}

static const struct ts_wanted_trust *find_wanted(const struct ts_wanted *w, const struct ts_trust *t)
{
        for (size_t i = 0; w && i < w->n_trusts; i++)
                if (w->trusts[i].live == t)
                        return &w->trusts[i];
        return NULL;
}

static void add_organization(struct rows *r, const struct ts_access_organization *o)
{
        for (size_t i = 0; o->live && i < o->live->n_trusts; i++) {
                const struct ts_trust *t = &o->live->trusts[i];
                const struct ts_wanted_trust *w = find_wanted(o->wanted, t);

                if (ts_trust_filter_has(r->in->filter, w ? w->decl->alias : NULL, &t->id))
                        add_trust(r, o, t, w);
        }
}

/* ------------------------------------------------------------------------------------------------ columns */

static const char *role_of(const struct row *r)
{
        if (r->grant)
                return r->organization->live->catalog.roles[r->grant->role].name;
        return NULL;
}

static const char *division_of(const struct row *r)
{
        return r->grant ? r->organization->live->catalog.divisions[r->grant->division].name : NULL;
}

/* Why there is no role to show. */
static const char *role_text(const struct row *r)
{
        if (!r->member)
                return r->trust->has_full_access     ? "(full access)"
                       : r->trust->uses_default_role ? "(the default role)"
                                                     : "(trusted user access)";
        if (r->grant)
                return role_of(r);
        if (r->member->kind == TS_KIND_CLONE)
                return "(a clone)";
        if (r->trust->direction == TS_TRUSTOR)
                return "(seen only there)";
        return r->member->grants_coverage == TS_COVERAGE_COMPLETE ? "(none)" : "(not known)";
}

static enum ts_kind kind_of(const struct row *r)
{
        return r->member ? r->member->kind : TS_KIND_TRUST;
}

/* Of a member, or of the trust where that is what gives access. */
static int64_t since_of(const struct row *r)
{
        return r->member ? r->member->created : r->trust->created;
}

static const struct ts_person *by_of(const struct row *r)
{
        return r->member ? r->member->created_by : r->trust->created_by;
}

static int row_compare(const void *a, const void *b)
{
        const struct row *x = a, *y = b;
        struct ts_id_text tx, ty;
        int r;

        if (x->organization != y->organization)
                return x->organization < y->organization ? -1 : 1;
        if (x->trust != y->trust)
                return x->trust < y->trust ? -1 : 1;
        if (kind_of(x) != kind_of(y) || !x->member || !y->member)
                return kind_of(x) < kind_of(y) ? -1 : kind_of(x) > kind_of(y);
        r = strcmp(ts_member_label(x->member, &tx), ts_member_label(y->member, &ty));
        if (r == 0)
                r = ts_id_compare(&x->member->id, &y->member->id);
        if (r == 0)
                r = strcmp(role_text(x), role_text(y));
        if (r == 0)
                r = strcmp(division_of(x) ? division_of(x) : "", division_of(y) ? division_of(y) : "");
        return r;
}

enum column {
        COLUMN_ORGANIZATION,
        COLUMN_DIRECTION,
        COLUMN_TRUST,
        COLUMN_TRUST_STATE,
        COLUMN_KIND,
        COLUMN_NAME,
        COLUMN_ROLE,
        COLUMN_DIVISION,
        COLUMN_SINCE,
        COLUMN_BY,
        COLUMN_UNTIL,
        COLUMN_DECLARED,
        COLUMNS_SHOWN, /* to people */
        /* Of CSV alone: names are their owners' choice, the ids say who it is. */
        COLUMN_TRUST_ID = COLUMNS_SHOWN,
        COLUMN_ID,
        COLUMN_BY_ID,
        COLUMN_BY_ORGANIZATION,
        COLUMNS,
};

static const char *const titles[COLUMNS] = {
        "organization", "direction", "trust", "state",    "kind",     "name", "role",  "division",
        "since",        "by",        "until", "declared", "trust_id", "id",   "by_id", "by_organization",
};

struct cell {
        char buf[TS_YAML_SCALAR_MAX_BYTES + 64]; /* a path with its line is the longest */
        const char *text;                        /* in @buf or elsewhere; never NULL */
        bool is_name;                            /* that somebody else chose */
};

static void cell_copy(struct cell *c, const char *text)
{
        (void) snprintf(c->buf, sizeof(c->buf), "%s", text); /* what is copied is short */
        c->text = c->buf;
}

static void cell_time(struct cell *c, int64_t t)
{
        if (t != TS_TIME_UNSET)
                cell_copy(c, ts_time_format(t).s);
}

static void cell_trust(struct cell *c, const struct row *r)
{
        if (r->decl)
                c->text = r->decl->alias;
        else /* its own name may be one of our aliases */
                (void) snprintf(c->buf, sizeof(c->buf), "undeclared:%s", ts_id_format(&r->trust->id).s);
        if (!r->decl)
                c->text = c->buf;
}

static void cell_id(struct cell *c, const struct ts_id *id)
{
        if (!ts_id_is_nil(id))
                cell_copy(c, ts_id_format(id).s);
}

static const char *state_of(const struct row *r)
{
        if (!r->trust->enabled)
                return "disabled";
        if (r->trust->expires != TS_TIME_UNSET && r->trust->expires <= r->generated_at)
                return "expired";
        return "enabled";
}

static void cell_name(struct cell *c, const struct row *r)
{
        struct ts_id_text id;

        c->text = r->member ? ts_member_label(r->member, &id) : "(everybody there)";
        c->is_name = r->member && c->text != id.s;
        if (c->text == id.s)
                cell_copy(c, id.s);
}

static void cell_declared(struct cell *c, const struct row *r)
{
        c->text = "not declared";
        if (!r->declared)
                return;
        (void) snprintf(c->buf, sizeof(c->buf), "%s:%" PRIu32 "%s", r->declared->file, r->declared->line,
                        r->is_outside ? ", not for now" : ""); /* paths are shorter */
        c->text = c->buf;
}

static void cell_of(const struct row *r, enum column column, struct cell *c)
{
        static const struct ts_person nobody = { .name = "" };
        const struct ts_person *by = by_of(r) ? by_of(r) : &nobody;

        c->text = "";
        c->is_name = false;
        switch (column) {
        case COLUMN_ORGANIZATION:
                c->text = r->organization->alias;
                break;
        case COLUMN_DIRECTION:
                c->text = ts_direction_to_string(r->trust->direction);
                break;
        case COLUMN_TRUST:
                cell_trust(c, r);
                break;
        case COLUMN_TRUST_STATE:
                c->text = state_of(r);
                break;
        case COLUMN_KIND:
                c->text = ts_kind_to_string(kind_of(r));
                break;
        case COLUMN_NAME:
                cell_name(c, r);
                break;
        case COLUMN_ROLE:
                c->text = role_text(r);
                break;
        case COLUMN_DIVISION:
                c->text = division_of(r) ? division_of(r) : "";
                break;
        case COLUMN_SINCE:
                cell_time(c, since_of(r));
                break;
        case COLUMN_BY:
                c->text = by->name;
                c->is_name = by_of(r) != NULL;
                break;
        case COLUMN_UNTIL:
                cell_time(c, r->until);
                break;
        case COLUMN_DECLARED:
                cell_declared(c, r);
                break;
        case COLUMN_TRUST_ID:
                cell_id(c, &r->trust->id);
                break;
        case COLUMN_ID:
                if (r->member)
                        cell_id(c, &r->member->id);
                break;
        case COLUMN_BY_ID:
                cell_id(c, &by->id);
                break;
        case COLUMN_BY_ORGANIZATION:
                cell_id(c, &by->organization);
                break;
        case COLUMNS:
                break;
        }
}

static size_t count_undeclared(const struct rows *r)
{
        size_t n = 0;

        for (size_t i = 0; i < r->n; i++)
                n += !r->items[i].declared || r->items[i].is_outside;
        return n;
}

/* --------------------------------------------------------------------------------------------------- text */

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

/* A cell for people: nothing in it speaks as the program, and whom a name stands for is told by ids. */
static void put_cell(const struct row *row, enum column c, ts_words_put plain, ts_words_put name,
                     struct ts_buf *out)
{
        struct cell value;

        cell_of(row, c, &value);
        if (value.text[0] == '\0')
                return;
        (value.is_name ? name : plain)(out, value.text);
        if (c == COLUMN_TRUST && !row->decl && row->trust->name) {
                ts_buf_putc(out, ' ');
                name(out, row->trust->name);
        }
        if (c != COLUMN_BY)
                return;
        cell_of(row, COLUMN_BY_ID, &value);
        ts_buf_printf(out, " (id %s", value.text[0] != '\0' ? value.text : "not told");
        cell_of(row, COLUMN_BY_ORGANIZATION, &value);
        ts_buf_printf(out, ", organization %s)", value.text[0] != '\0' ? value.text : "not told");
}

static void put_text_line(const struct row *row, const size_t *widths, struct ts_buf *out)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf cell = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        for (enum column c = 0; c < COLUMNS_SHOWN; c++) {
                size_t width;

                ts_buf_reset(&cell);
                if (row)
                        put_cell(row, c, ts_words_put_plain, ts_words_put_name, &cell);
                else
                        ts_buf_puts(&cell, titles[c]);
                (void) ts_buf_put(out, ts_buf_text(&cell), cell.len);
                width = ts_words_count_characters(ts_buf_text(&cell), cell.len);
                if (c + 1 == COLUMNS_SHOWN)
                        break;
                ts_buf_puts(out, "  ");
                for (size_t i = width; i < widths[c]; i++)
                        ts_buf_putc(out, ' ');
        }
        ts_buf_putc(out, '\n');
}

static void measure(const struct rows *r, size_t *widths)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf cell = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        for (enum column c = 0; c < COLUMNS_SHOWN; c++) {
                widths[c] = strlen(titles[c]);
                for (size_t i = 0; i < r->n; i++) {
                        size_t width;

                        ts_buf_reset(&cell);
                        put_cell(&r->items[i], c, ts_words_put_plain, ts_words_put_name, &cell);
                        width = ts_words_count_characters(ts_buf_text(&cell), cell.len);
                        if (width > widths[c])
                                widths[c] = width < WIDTH_MAX ? width : WIDTH_MAX;
                }
        }
}

static void write_text(const struct rows *r, struct ts_buf *out)
{
        size_t widths[COLUMNS];

        measure(r, widths);
        if (r->n > 0)
                put_text_line(NULL, widths, out);
        for (size_t i = 0; i < r->n; i++)
                put_text_line(&r->items[i], widths, out);
        put_errors(r->in, "INCOMPLETE: ", SIZE_MAX, ts_words_put_plain, out);
        ts_buf_printf(out, "Access: %zu row%s, %zu not declared.\n", r->n, TS_S(r->n), count_undeclared(r));
}

static void write_csv(const struct rows *r, struct ts_buf *out)
{
        for (enum column c = 0; c < COLUMNS; c++)
                ts_buf_printf(out, "%s%s", c > 0 ? "," : "", titles[c]);
        ts_buf_puts(out, "\r\n");
        for (size_t i = 0; i < r->n; i++) {
                for (enum column c = 0; c < COLUMNS; c++) {
                        struct cell value;

                        cell_of(&r->items[i], c, &value);
                        if (c > 0)
                                ts_buf_putc(out, ',');
                        ts_escape_csv(out, value.text);
                }
                ts_buf_puts(out, "\r\n");
        }
}

/* ----------------------------------------------------------------------------------------------- markdown */

static void put_markdown_row(const struct row *row, struct ts_buf *out)
{
        for (enum column c = 0; c < COLUMNS_SHOWN; c++) {
                ts_buf_puts(out, "| ");
                put_cell(row, c, ts_escape_markdown, ts_escape_markdown, out);
                ts_buf_putc(out, ' ');
        }
        ts_buf_puts(out, "|\n");
}

static void put_markdown_titles(struct ts_buf *out)
{
        ts_buf_putc(out, '\n'); /* else it would go on with what stands above */
        for (enum column c = 0; c < COLUMNS_SHOWN; c++)
                ts_buf_printf(out, "| %s ", titles[c]);
        ts_buf_puts(out, "|\n");
        for (enum column c = 0; c < COLUMNS_SHOWN; c++)
                ts_buf_puts(out, "| --- ");
        ts_buf_puts(out, "|\n");
}

/* As many rows as a comment holds; how many are left out is said. */
static void write_markdown(const struct rows *r, struct ts_buf *out)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        size_t n_characters, n = 0;

        ts_buf_printf(out, "### Access: %zu row%s, %zu not declared\n", r->n, TS_S(r->n),
                      count_undeclared(r));
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

static void put_json_row(struct ts_json_writer *w, const struct row *r)
{
        const struct ts_catalog *catalog = &r->organization->live->catalog;

        ts_json_open_object(w);
        ts_json_add_string(w, "organization", r->organization->alias);
        ts_json_add_string(w, "direction", ts_direction_to_string(r->trust->direction));
        ts_json_key(w, "trust");
        ts_json_open_object(w);
        ts_json_add_string(w, "alias", r->decl ? r->decl->alias : NULL);
        ts_json_add_id(w, "id", &r->trust->id);
        ts_json_add_string(w, "name", r->trust->name);
        ts_json_add_bool(w, "enabled", r->trust->enabled);
        ts_json_add_string(w, "state", state_of(r));
        ts_report_add_time(w, "expires", r->trust->expires);
        ts_json_close_object(w);
        ts_json_key(w, "subject");
        ts_json_open_object(w);
        ts_json_add_string(w, "kind", ts_kind_to_string(kind_of(r)));
        ts_json_add_id(w, "id", r->member ? &r->member->id : &r->trust->id);
        ts_json_add_string(w, "email", r->member ? r->member->email : NULL);
        ts_json_add_string(w, "name", r->member ? r->member->name : r->trust->name);
        ts_json_close_object(w);
        add_named(w, "role", "role_id", r->grant ? &catalog->roles[r->grant->role] : NULL, false);
        add_named(w, "division", "division_id", r->grant ? &catalog->divisions[r->grant->division] : NULL,
                  r->grant && r->grant->division == TS_DIVISION_ALL);
        ts_report_add_time(w, "since", since_of(r));
        ts_json_add_string(w, "by", by_of(r) ? by_of(r)->name : NULL);
        if (by_of(r)) {
                ts_json_add_id(w, "by_id", &by_of(r)->id);
                ts_json_add_id(w, "by_organization", &by_of(r)->organization);
        }
        ts_report_add_time(w, "until", r->until);
        ts_json_key(w, "declared");
        if (r->declared) {
                ts_json_open_object(w);
                ts_json_add_string(w, "file", r->declared->file);
                ts_json_add_int(w, "line", r->declared->line);
                ts_json_add_bool(w, "in_window", !r->is_outside);
                ts_json_close_object(w);
        } else {
                ts_json_put_null(w);
        }
        ts_json_close_object(w);
}

static void write_json(const struct rows *r, struct ts_buf *out)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, true);
        const struct ts_access *a = r->in;

        ts_json_open_object(&w);
        ts_json_add_int(&w, "format_version", FORMAT_VERSION);
        ts_json_add_string(&w, "generated_at", ts_time_format(a->generated_at).s);
        ts_json_add_string(&w, "revision", a->revision);
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
        struct rows r = { .in = a };

        for (size_t i = 0; i < a->n_organizations; i++)
                add_organization(&r, &a->organizations[i]);
        TS_SORT(r.items, r.n, row_compare);
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
        default:
                write_text(&r, out);
        }
        free(r.items);
}
