#include "report/html.h"

#include <string.h>

#include "report/html-page.h"
#include "report/words.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/macros.h"
#include "util/sha256.h"
#include "util/sorted.h"

/* -------------------------------------------------------------------------------------------------- texts */

static void put_escaped(struct ts_buf *out, const char *s, size_t len)
{
        for (size_t i = 0; i < len; i++)
                switch (s[i]) {
                case '&':
                        ts_buf_puts(out, "&amp;");
                        break;
                case '<':
                        ts_buf_puts(out, "&lt;");
                        break;
                case '>':
                        ts_buf_puts(out, "&gt;");
                        break;
                case '"':
                        ts_buf_puts(out, "&quot;");
                        break;
                case '\'':
                        ts_buf_puts(out, "&#39;");
                        break;
                default:
                        ts_buf_putc(out, s[i]);
                }
}

void ts_html_put(struct ts_buf *out, const char *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_TEXT_MAX_BYTES + 8);

        (void) ts_escape_text(&text, s, strlen(s));
        put_escaped(out, ts_buf_text(&text), text.len);
}

void ts_html_put_name(struct ts_buf *out, const char *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_TEXT_MAX_BYTES + 8);

        bool is_ascii = ts_is_ascii(s, strlen(s));

        ts_words_put_name(&text, s);
        ts_buf_puts(out, is_ascii ? "" : "<bdi dir=\"ltr\">");
        put_escaped(out, ts_buf_text(&text), text.len);
        ts_buf_puts(out, is_ascii ? "" : "</bdi>");
}

/* --------------------------------------------------------------------------------------------------- page */

/* "sha256-" and the digest of @text in base64, as a policy names what it allows. */
static void put_digest(struct ts_buf *out, const char *text)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        struct ts_digest d = ts_sha256_of(text, strlen(text));

        ts_buf_puts(out, "'sha256-");
        for (size_t i = 0; i < sizeof(d.bytes); i += 3) {
                bool is_last = i + 3 > sizeof(d.bytes); /* two bytes are left of 32 */
                unsigned group = (unsigned) d.bytes[i] << 16 | (unsigned) d.bytes[i + 1] << 8;

                if (!is_last)
                        group |= d.bytes[i + 2];
                for (unsigned k = 0; k < (is_last ? 3 : 4); k++)
                        ts_buf_putc(out, letters[group >> (18 - 6 * k) & 63]);
        }
        ts_buf_puts(out, "='");
}

void ts_html_begin(struct ts_buf *out, const char *title)
{
        ts_buf_puts(out,
                    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src ");
        put_digest(out, ts_html_page_style);
        ts_buf_puts(out, "; script-src ");
        put_digest(out, ts_html_page_script);
        ts_buf_puts(out, "; base-uri 'none'; form-action 'none'\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                         "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
        ts_html_put(out, title);
        ts_buf_printf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<h1>", ts_html_page_style);
        ts_html_put(out, title);
        ts_buf_puts(out, "</h1>\n");
}

void ts_html_end(struct ts_buf *out)
{
        ts_buf_printf(out, "</main>\n<script>%s</script>\n</body>\n</html>\n", ts_html_page_script);
}

/* -------------------------------------------------------------------------------------------------- table */

/* Without scripts nothing could be searched: what asks for it is shown by the script. */
static void put_controls(struct ts_buf *out, const struct ts_html_filter *filters, size_t n)
{
        ts_buf_puts(out, "<div class=\"controls\" id=\"controls\" hidden>\n"
                         "<label for=\"search\">Search</label> <input type=\"search\" id=\"search\">\n");
        for (size_t i = 0; i < n; i++)
                ts_buf_printf(out, "<label><input type=\"checkbox\" value=\"%s\"> %s</label>\n",
                              filters[i].class, filters[i].label);
        ts_buf_puts(out, "<span id=\"count\" role=\"status\"></span>\n</div>\n");
}

void ts_html_rows_begin(struct ts_buf *out, const char *kind, const char *caption, const char *const *titles,
                        size_t n_titles, const struct ts_html_filter *filters, size_t n_filters)
{
        put_controls(out, filters, n_filters);
        ts_buf_printf(out,
                      "<div class=\"scroll\" role=\"region\" aria-label=\"%s\" tabindex=\"0\">\n"
                      "<table class=\"big %s\" id=\"rows\">\n<caption>%s</caption>\n<thead><tr>",
                      caption, kind, caption);
        for (size_t i = 0; i < n_titles; i++)
                ts_buf_printf(out, "<th scope=\"col\">%s</th>", titles[i]);
        ts_buf_puts(out, "</tr></thead>\n<tbody>\n");
}

void ts_html_rows_end(struct ts_buf *out)
{
        ts_buf_puts(out, "</tbody>\n</table>\n</div>\n");
}

/* ------------------------------------------------------------------------------------------------ picture */

#define SHOWN_MAX 16u /* more edges around one point cannot be told apart */
#define LABEL_MAX 26u /* characters beside a point */
#define WIDTH_MAX 9u  /* of an edge */
#define RADIUS 170u   /* from the organization to a partner */

static size_t rank(const struct ts_html_partner *p)
{
        return (p->n_privileged > 0 ? 2u : 0u) + (p->alias ? 0u : 1u);
}

/* What needs a look comes first. */
static int compare_partners(const void *a, const void *b)
{
        const struct ts_html_partner *x = a, *y = b;
        int r = strcmp(x->organization, y->organization);

        if (r != 0)
                return r;
        if (rank(x) != rank(y))
                return rank(x) > rank(y) ? -1 : 1;
        if (x->n != y->n)
                return x->n > y->n ? -1 : 1;
        r = strcmp(x->alias ? x->alias : "", y->alias ? y->alias : "");
        if (r == 0)
                r = ts_id_compare(&x->id, &y->id);
        return r != 0 ? r : (int) x->direction - (int) y->direction;
}

/* An undeclared one is called by its id: its own name may be one of our aliases. */
static void put_partner(struct ts_buf *out, const struct ts_html_partner *p)
{
        if (p->alias) {
                ts_html_put(out, p->alias);
                return;
        }
        ts_buf_printf(out, "undeclared:%s", ts_id_format(&p->id).s);
        if (!p->name)
                return;
        ts_buf_putc(out, ' ');
        ts_html_put_name(out, p->name);
}

static void put_label(struct ts_buf *out, const struct ts_html_partner *p)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_TEXT_MAX_BYTES + 64);
        const char *s;
        size_t end = 0, n = 0;
        uint32_t c;

        if (p->alias)
                (void) ts_escape_text(&text, p->alias, strlen(p->alias));
        else if (p->name)
                ts_words_put_name(&text, p->name);
        else
                ts_buf_puts(&text, ts_id_format(&p->id).s);
        s = ts_buf_text(&text);
        for (; n < LABEL_MAX && end < text.len; n++)
                end += ts_utf8_decode(s + end, text.len - end, &c); /* well-formed since it is escaped */
        put_escaped(out, s, end);
        ts_buf_puts(out, end < text.len ? "\xe2\x80\xa6" : "");
}

/* Grows with the logarithm: one member is thin, a thousand is thick and no beam. */
static unsigned edge_width(size_t n)
{
        unsigned width = 1;

        for (; n > 1 && width < WIDTH_MAX; n /= 2)
                width++;
        return width;
}

/* @angle: in degrees, clockwise from the right. Rotated there and back, nothing has to be computed. */
static void put_edge(struct ts_buf *out, const struct ts_html_partner *p, unsigned angle)
{
        const char *kind = p->n_privileged > 0 ? "p" : "";
        bool is_middle = (angle > 75 && angle < 105) || (angle > 255 && angle < 285);
        bool is_left = angle > 90 && angle < 270;
        int x = is_middle ? 0 : is_left ? -12 : 12, y = is_middle ? (angle < 180 ? 22 : -26) : -2;

        ts_buf_puts(out, "<g><title>");
        put_partner(out, p);
        ts_buf_printf(out,
                      "</title><g transform=\"rotate(%u)\"><line class=\"e e%s%s\" x1=\"48\" y1=\"0\" "
                      "x2=\"%u\" "
                      "y2=\"0\" stroke-width=\"%u\"/>",
                      angle, kind, p->alias ? "" : " eu", RADIUS, edge_width(p->n));
        ts_buf_printf(out,
                      p->direction == TS_TRUSTEE ? "<polygon class=\"h h%s\" points=\"48,0 66,-9 66,9\"/>"
                                                 : "<polygon class=\"h h%s\" points=\"168,0 150,-9 150,9\"/>",
                      kind);
        ts_buf_printf(out,
                      "<g transform=\"translate(%u) rotate(-%u)\"><circle class=\"hub\" r=\"7\"/>"
                      "<text class=\"%s\" x=\"%d\" y=\"%d\">",
                      RADIUS, angle,
                      is_middle ? "m"
                      : is_left ? "l"
                                : "r",
                      x, y);
        put_label(out, p);
        ts_buf_printf(out, "<tspan x=\"%d\" dy=\"14\">%zu%s%s</tspan></text></g></g></g>\n", x, p->n,
                      p->n_privileged > 0 ? ", privileged" : "", p->alias ? "" : ", not declared");
}

static void put_picture(struct ts_buf *out, const struct ts_html_partner *partners, size_t n, size_t index,
                        const char *unit)
{
        size_t n_shown = n < SHOWN_MAX ? n : SHOWN_MAX;

        ts_buf_printf(out,
                      "<figure>\n<svg viewBox=\"-440 -225 880 450\" role=\"img\" "
                      "aria-labelledby=\"t%zu d%zu\">\n<title id=\"t%zu\">Who may enter whom: ",
                      index, index, index);
        ts_html_put(out, partners->organization);
        ts_buf_printf(out,
                      "</title>\n<desc id=\"d%zu\">%zu partner%s around the organization; the table below "
                      "says "
                      "the same.</desc>\n",
                      index, n_shown, TS_S(n_shown));
        for (size_t i = 0; i < n_shown; i++)
                put_edge(out, &partners[i], (unsigned) (360 * i / n_shown));
        ts_buf_puts(out, "<circle class=\"hub\" r=\"46\"/><text class=\"hub-name\" y=\"5\">");
        ts_html_put(out, partners->organization);
        ts_buf_puts(out, "</text>\n</svg>\n</figure>\n");
        if (n_shown < n)
                ts_buf_printf(out,
                              "<p class=\"facts\">The picture shows %zu of %zu partners: those with a "
                              "privileged "
                              "role, undeclared, or with the most %ss first.</p>\n",
                              n_shown, n, unit);
}

static void put_partner_row(struct ts_buf *out, const struct ts_html_partner *p)
{
        ts_buf_puts(out, "<tr><th scope=\"row\">");
        put_partner(out, p);
        ts_buf_puts(out, "</th><td>");
        ts_buf_puts(out, p->direction == TS_TRUSTEE ? "enters " : "is entered by ");
        ts_html_put(out, p->organization);
        ts_buf_printf(out,
                      "</td><td>%s</td><td class=\"n\">%zu</td><td class=\"n\">%zu</td><td>%s</td></tr>\n",
                      p->state, p->n, p->n_privileged,
                      p->alias ? "declared" : "<span class=\"b u\">not declared</span>");
}

void ts_html_partners(struct ts_buf *out, struct ts_html_partner *partners, size_t n, const char *heading,
                      const char *unit)
{
        TS_SORT(partners, n, compare_partners);
        ts_buf_printf(out,
                      "<h2>%s</h2>\n<p class=\"facts\">Arrows point to the organization that is entered. "
                      "Wider: more "
                      "%ss. Red: a privileged role. Broken: not declared.</p>\n",
                      heading, unit);
        for (size_t first = 0, end, index = 0; first < n; first = end, index++) {
                for (end = first + 1; end < n;)
                        if (strcmp(partners[end].organization, partners[first].organization) == 0)
                                end++;
                        else
                                break;
                put_picture(out, &partners[first], end - first, index, unit);
        }
        ts_buf_printf(out,
                      "<div class=\"scroll\" role=\"region\" aria-label=\"Partners\" "
                      "tabindex=\"0\">\n<table>\n"
                      "<caption>Partners</caption>\n<thead><tr><th scope=\"col\">partner</th><th "
                      "scope=\"col\">direction</th><th scope=\"col\">state</th><th scope=\"col\">%ss</th><th "
                      "scope=\"col\">privileged</th><th scope=\"col\">declared</th></tr></thead>\n<tbody>\n",
                      unit);
        for (size_t i = 0; i < n; i++)
                put_partner_row(out, &partners[i]);
        ts_buf_puts(out, "</tbody>\n</table>\n</div>\n");
}
