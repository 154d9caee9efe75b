#include "config/yaml.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <yaml.h>

#include "config/places.h"
#include "util/escape.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/map.h"
#include "util/mem.h"

/* ------------------------------------------------------------------------------------------------- faults */

/* In the settings a line about a secret, or the next one, is not repeated in a message. */
static bool line_may_hold_secret(const char *line)
{
        static const char *const words[] = { "secret", "password", "token", "credential" };
        size_t len = strcspn(line, "\n"), i, w;

        for (w = 0; w < TS_N_ELEMENTS(words); w++)
                for (i = 0; i + strlen(words[w]) <= len; i++)
                        if (strncasecmp(line + i, words[w], strlen(words[w])) == 0)
                                return true;
        return false;
}

/* "proxy: user:password@host", as it must not be written. */
static bool line_may_hold_proxy_password(const char *line)
{
        size_t len = strcspn(line, "\n"), i;

        if (!memchr(line, '@', len))
                return false;
        for (i = 0; i + 5 <= len; i++)
                if (strncasecmp(line + i, "proxy", 5) == 0)
                        return true;
        return false;
}

/* Is the line above @line, blank ones and comments left out, about a secret? */
static bool follows_secret(const char *text, const char *line)
{
        while (line > text) {
                const char *p = line - 1;

                while (p > text && p[-1] != '\n')
                        p--;
                line = p;
                p += strspn(p, " ");
                if (*p != '\n' && *p != '#')
                        return line_may_hold_secret(line);
        }
        return false;
}

/* The next line; NULL: there is none. Not by strchr(): one that checks its string measures all of the rest,
 * for each line. */
static const char *next_line(const char *p)
{
        while (*p != '\n' && *p != '\0')
                p++;
        return *p == '\n' ? p + 1 : NULL;
}

const char *ts_yaml_find_line(const char *text, uint32_t line)
{
        for (; text && line > 1; line--)
                text = next_line(text);
        return text;
}

static const char *shown_line(const struct ts_yaml *y, uint32_t line)
{
        const char *s;

        if (line == 0 || y->outside || ts_faults_are_full(y->faults))
                return NULL;
        s = ts_yaml_find_line(y->text, line);
        if (!s || y->cls != TS_FAULT_SETTINGS)
                return s;
        return line_may_hold_secret(s) || line_may_hold_proxy_password(s) || follows_secret(y->text, s) ? NULL
                                                                                                        : s;
}

struct ts_source ts_yaml_source(const struct ts_yaml *y, const struct ts_yaml_node *node)
{
        return (struct ts_source){ .file = y->file, .line = node->line, .column = node->column };
}

/* Not even a key of it is named. */
static void fault_foreign(const struct ts_yaml *y, const struct ts_source *source)
{
        ts_faults_add(y->faults, y->cls, source, NULL,
                      "remove the symbolic link, or correct the file it leads to",
                      "this is no file of declarations; nothing of it is shown, as a link out of the "
                      "directory "
                      "leads to it");
}

void ts_yaml_fault(const struct ts_yaml *y, const struct ts_yaml_node *node, const char *hint,
                   const char *fmt, ...)
{
        struct ts_source source = ts_yaml_source(y, node);
        va_list ap;

        if (y->outside && !y->is_ours) {
                fault_foreign(y, &source);
                return;
        }
        va_start(ap, fmt);
        ts_faults_addv(y->faults, y->cls, &source, shown_line(y, node->line), hint, fmt, ap);
        va_end(ap);
}

void ts_yaml_fault_hidden(const struct ts_yaml *y, const struct ts_yaml_node *node, const char *hint,
                          const char *fmt, ...)
{
        struct ts_source source = ts_yaml_source(y, node);
        va_list ap;

        va_start(ap, fmt);
        ts_faults_addv(y->faults, y->cls, &source, NULL, hint, fmt, ap);
        va_end(ap);
}

static struct ts_yaml_node node_at(size_t line, size_t column)
{
        return (struct ts_yaml_node){ .line = (uint32_t) line + 1, .column = (uint32_t) column + 1 };
}

static struct ts_yaml_node node_at_mark(const yaml_mark_t *mark)
{
        return node_at(mark->line, mark->column);
}

/* Line and column of a byte, for what is found before libyaml counts them. */
static struct ts_yaml_node node_at_byte(const struct ts_yaml *y, size_t offset)
{
        size_t line = 0, column = 0, i;

        for (i = 0; i < offset && i < y->len; i++) {
                if (y->text[i] == '\n') {
                        line++;
                        column = 0;
                } else if (((unsigned char) y->text[i] & 0xc0) != 0x80) {
                        column++;
                }
        }
        return node_at(line, column);
}

/* ------------------------------------------------------------------------------ before libyaml: the bytes */

static int fault_at_byte(const struct ts_yaml *y, size_t offset, const char *message, const char *hint)
{
        struct ts_yaml_node at = node_at_byte(y, offset);

        ts_yaml_fault(y, &at, hint, "%s", message);
        return -EINVAL;
}

static int check_encoding(const struct ts_yaml *y)
{
        const char *nul;
        size_t i;

        if (y->len >= 2 && (memcmp(y->text, "\xff\xfe", 2) == 0 || memcmp(y->text, "\xfe\xff", 2) == 0))
                return fault_at_byte(y, 0, "the file is UTF-16, not UTF-8", "save it as UTF-8");
        if (y->len >= 3 && memcmp(y->text, "\xef\xbb\xbf", 3) == 0)
                return fault_at_byte(y, 0, "the file begins with a byte order mark",
                                     "save it as UTF-8 without a byte order mark (BOM)");
        nul = memchr(y->text, '\0', y->len);
        if (nul)
                return fault_at_byte(y, (size_t) (nul - y->text), "the file holds a NUL byte",
                                     "save it as UTF-8 text");
        i = ts_utf8_valid_prefix(y->text, y->len);
        if (i < y->len)
                return fault_at_byte(y, i, "this is not valid UTF-8", "save the file as UTF-8");
        return 0;
}

/* The common case: needs no further checks. */
static bool is_plain_ascii(char c)
{
        return (c >= ' ' && c <= '~') || c == '\n' || c == '\t';
}

/* In comments too: what the reviewer sees has to be what is there. It is UTF-8 by now. */
static int check_characters(const struct ts_yaml *y)
{
        const char *cr = memchr(y->text, '\r', y->len);
        size_t i, n;
        uint32_t c;
        int r = 0;

        if (cr)
                return fault_at_byte(y, (size_t) (cr - y->text), "a carriage return",
                                     "the file has Windows line ends; save it with Unix ones");
        for (i = 0; !ts_faults_are_full(y->faults); i += n) {
                while (i < y->len && is_plain_ascii(y->text[i]))
                        i++;
                if (i == y->len)
                        break;
                n = ts_utf8_decode(y->text + i, y->len - i, &c);
                if (ts_char_is_forbidden(c))
                        r = fault_at_byte(y, i, "a control character, or one that cannot be seen",
                                          "remove it");
        }
        return r;
}

/* libyaml takes seconds over many directives, in one call, so they are found here. */
static int check_directives(const struct ts_yaml *y)
{
        for (const char *p = y->text; p; p = next_line(p))
                if (*p == '%')
                        return fault_at_byte(y, (size_t) (p - y->text), "directives are not allowed",
                                             "remove the line that begins with '%'");
        return 0;
}

/* "<<<<<<< HEAD": what git writes around two versions of the same lines. */
static bool is_conflict_marker(const char *line)
{
        return strchr("<|=>", line[0]) && strspn(line, (char[]){ line[0], '\0' }) == 7 &&
               strchr(" \n", line[7]); /* or the text's end */
}

/* A merge conflict is reported once, at its first marker; otherwise each of its lines would produce faults.
 */
static int check_conflicts(const struct ts_yaml *y)
{
        bool is_open = false;
        int r = 0;

        for (const char *p = y->text; p && *p != '\0' && !ts_faults_are_full(y->faults); p = next_line(p)) {
                if (!is_conflict_marker(p))
                        continue;
                if (!is_open || *p == '<')
                        r = fault_at_byte(y, (size_t) (p - y->text), "an unresolved merge conflict",
                                          "git left two versions here: keep what is right, and "
                                          "remove the lines <<<<<<<, ======= and >>>>>>>");
                is_open = *p == '<' || (is_open && *p != '>');
        }
        return r;
}

/* --------------------------------------------------------------------------------------------- the reader */

struct reader {
        struct ts_yaml *y;
        yaml_parser_t parser;
        yaml_event_t event; /* the current one */
        const struct ts_yaml_limits *limits;
        size_t n_nodes;
        bool is_ascii; /* the whole text */

        /* the position so far; libyaml counts characters, we need bytes too */
        size_t byte, character, line, column;
        bool line_is_blank; /* so far */
        size_t tab_line;    /* 1 + the last line with a reported tab */

        unsigned flow_depth; /* open [ and { */
        long flow_indent;    /* column of the block around the outermost of them; -1: none */
};

static void reader_done(struct reader *r)
{
        yaml_event_delete(&r->event);
        yaml_parser_delete(&r->parser);
}

static void fault_here(struct reader *r, const char *hint, const char *message)
{
        struct ts_yaml_node at = node_at(r->line, r->column);

        ts_yaml_fault(r->y, &at, hint, "%s", message);
}

static void advance(struct reader *r)
{
        const char *s = r->y->text;

        if (s[r->byte] == '\n') {
                r->line++;
                r->column = 0;
                r->line_is_blank = true;
        } else {
                r->column++;
        }
        r->byte++;
        while (r->byte < r->y->len && ((unsigned char) s[r->byte] & 0xc0) == 0x80)
                r->byte++;
        r->character++;
}

/* Over a scalar, whose inside libyaml has read. */
static void skip_to(struct reader *r, const yaml_mark_t *mark)
{
        if (r->is_ascii && mark->index > r->character && mark->index <= r->y->len) {
                r->byte = r->character = mark->index; /* a byte each, and libyaml has counted the lines */
                r->line = mark->line;
                r->column = mark->column;
        }
        while (r->byte < r->y->len && r->character < mark->index)
                advance(r);
        r->line_is_blank = false;
}

/* libyaml lets the lines of a [ or { go back to the left; other readers do not. A closing bracket may stand
 * below the key, as many people write it. */
static void check_flow_indent(struct reader *r, bool closing)
{
        if (!r->line_is_blank || r->flow_depth == 0)
                return;
        if ((long) r->column > r->flow_indent || (closing && (long) r->column == r->flow_indent))
                return;
        fault_here(r, "inside [ ] and { } indent the lines more than the key before them",
                   "this line is not indented enough");
}

static void check_comment(struct reader *r)
{
        const char *s = r->y->text;

        if (r->byte > 0 && s[r->byte - 1] != ' ' && s[r->byte - 1] != '\n' && s[r->byte - 1] != '\t')
                fault_here(r, "put a space before '#', or quote the text",
                           "a comment needs a space before it");
        while (r->byte < r->y->len && s[r->byte] != '\n')
                advance(r);
}

static bool is_document_end(const struct reader *r)
{
        return r->column <= 2 && r->line_is_blank == (r->column == 0) &&
               strncmp(r->y->text + r->byte - r->column, "...", 3) == 0;
}

/* One character between two scalars: libyaml accepts more here than YAML does. */
static void check_gap_character(struct reader *r)
{
        char c = r->y->text[r->byte];

        if (c == '\t') {
                if (r->tab_line != r->line + 1)
                        fault_here(r, "use spaces", "a tab");
                r->tab_line = r->line + 1;
        } else if (c == '?') {
                fault_here(r, "write `key: value`", "'?' is not allowed here");
        } else if (!strchr("-:,[]{}", c) && !(c == '.' && is_document_end(r))) {
                fault_here(r, NULL, "this character is not allowed here");
        }
}

static void check_gap(struct reader *r, size_t end, bool closing)
{
        while (r->byte < r->y->len && r->character < end) {
                char c = r->y->text[r->byte];

                if (c == '#') {
                        check_comment(r);
                        continue;
                }
                if (c != ' ' && c != '\n') {
                        check_flow_indent(r, false);
                        check_gap_character(r);
                        r->line_is_blank = false;
                }
                advance(r);
        }
        check_flow_indent(r, closing);
        if (r->flow_depth > 0)
                r->line_is_blank = false;
}

/* --------------------------------------------------------------------------- what libyaml complains about */

static const struct {
        const char *problem; /* libyaml's words */
        bool where_it_began; /* the place of the context says more */
        const char *message, *hint;
} problems[] = {
        { "mapping values are not allowed in this context", false, "a ':' that cannot stand here",
          "quote text that holds ': '; or check the indentation" },
        { "could not find expected ':'", true, "a key without a ':'", "write `key: value`" },
        { "did not find expected key", false, "this does not fit the lines above",
          "check the indentation and the quotes" },
        { "did not find expected '-' indicator", false, "this does not fit the list above",
          "begin each entry with '- ' in the same column" },
        { "block sequence entries are not allowed in this context", false, "a list cannot begin here",
          "write the first '- ' on a line of its own, below its key" },
        { "did not find expected ',' or ']'", false, "a ',' or ']' is missing before this", NULL },
        { "did not find expected ',' or '}'", false, "a ',' or '}' is missing before this", NULL },
        { "found unexpected end of stream", true, "a quote that is not closed", "close it in the same line" },
        { "found unknown escape character", false, "an unknown escape",
          "inside double quotes write a backslash twice, or use single quotes" },
        { "did not find expected <document start>", false, "something follows the end of the document",
          "check the indentation" },
        { "did not find expected node content", false, "a value is missing before this",
          "quote text that begins with this character" },
        { "found unexpected ':'", false, "a ':' that cannot stand here", "quote text that holds ':'" },
        { "found a tab character where an indentation space is expected", false, "a tab", "use spaces" },
        { "found a tab character that violates indentation", false, "a tab", "use spaces" },
        { "found undefined tag handle", false, "tags are not allowed", "quote text that begins with '!'" },
        { "did not find expected alphabetic or numeric character", true,
          "anchors and aliases are not allowed", "quote text that begins with '&' or '*'" },
};

static int fault_unknown_problem(struct reader *r)
{
        const yaml_parser_t *p = &r->parser;
        struct ts_yaml_node at = node_at_mark(&p->problem_mark);
        const char *line = ts_yaml_find_line(r->y->text, at.line);

        if (p->problem && strcmp(p->problem, "found character that cannot start any token") == 0 && line) {
                size_t i = strnlen(line, p->problem_mark.column);

                if (line[i] == '\t')
                        ts_yaml_fault(r->y, &at, "use spaces", "a tab");
                else
                        ts_yaml_fault(r->y, &at, "quote it", "text cannot begin with this character");
                return -EINVAL;
        }
        ts_yaml_fault(r->y, &at, NULL, "%s", p->problem ? p->problem : "this cannot be read");
        return -EINVAL;
}

static int fault_from_libyaml(struct reader *r)
{
        const yaml_parser_t *p = &r->parser;
        struct ts_yaml_node at;
        size_t i;

        if (p->error == YAML_MEMORY_ERROR)
                ts_out_of_memory();
        if (p->error == YAML_READER_ERROR)
                return fault_at_byte(r->y, p->problem_offset, "a character that YAML does not allow",
                                     "remove it");

        for (i = 0; i < TS_N_ELEMENTS(problems); i++) {
                if (!p->problem || strcmp(p->problem, problems[i].problem) != 0)
                        continue;
                at = node_at_mark(problems[i].where_it_began && p->context ? &p->context_mark
                                                                           : &p->problem_mark);
                ts_yaml_fault(r->y, &at, problems[i].hint, "%s", problems[i].message);
                return -EINVAL;
        }
        return fault_unknown_problem(r);
}

static bool event_is_end(const yaml_event_t *e)
{
        return e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT;
}

static int next_event(struct reader *r)
{
        yaml_event_delete(&r->event);
        if (!yaml_parser_parse(&r->parser, &r->event))
                return fault_from_libyaml(r);
        check_gap(r, r->event.start_mark.index, event_is_end(&r->event));
        return 0;
}

/* ----------------------------------------------------------------------------------------------- the tree */

static struct ts_yaml_node *new_node(struct reader *r, enum ts_yaml_kind kind, size_t text_len)
{
        struct ts_yaml_node *node = ts_arena_alloc(&r->y->arena, sizeof(*node) + text_len);

        *node = node_at_mark(&r->event.start_mark);
        node->kind = (uint8_t) kind;
        return node;
}

/* Text sits right behind its node: one piece of memory for both. */
static void set_text(struct ts_yaml_node *node, const void *text, size_t len)
{
        char *p = (char *) (node + 1);

        memcpy(p, text, len);
        node->text = p;
        node->n = (uint32_t) len;
}

/* The whole file was checked before, except for tabs and the characters that escapes produce. */
static bool has_control(const yaml_event_t *e)
{
        const char *s = (const char *) e->data.scalar.value;
        size_t len = e->data.scalar.length;

        if (e->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE && ts_text_has_forbidden(s, len, NULL))
                return true;
        return memchr(s, '\t', len) || memchr(s, '\n', len);
}

/* What is wrong with a scalar as it is written; NULL: nothing. */
static const char *scalar_problem(const yaml_event_t *e, const char **ret_hint)
{
        const char *s = (const char *) e->data.scalar.value;
        size_t len = e->data.scalar.length;
        bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

        *ret_hint = NULL;
        if (e->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
            e->data.scalar.style == YAML_FOLDED_SCALAR_STYLE) {
                *ret_hint = "write it on one line, in quotes where needed";
                return "block text ('|' and '>') is not allowed";
        }
        if (len > TS_YAML_SCALAR_MAX_BYTES)
                return "this text is longer than 4096 bytes";
        if (e->start_mark.line != e->end_mark.line) {
                *ret_hint = "write it on one line; or check the indentation of the next line";
                return "text over several lines is not allowed";
        }
        if (has_control(e))
                return "this text holds a control character, or one that cannot be seen";
        if (plain && len == 1 && strchr("-?:", s[0])) {
                *ret_hint = "put it in quotes";
                return "this character alone is not text";
        }
        return NULL;
}

static int read_scalar(struct reader *r, struct ts_yaml_node **ret)
{
        const yaml_event_t *e = &r->event;
        bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        size_t len = e->data.scalar.length;
        const char *problem, *hint;
        struct ts_yaml_node *node;

        problem = scalar_problem(e, &hint);
        if (problem) {
                node = new_node(r, TS_YAML_FAULTY, 0);
                ts_yaml_fault(r->y, node, hint, "%s", problem);
        } else if (plain && len == 0) {
                node = new_node(r, TS_YAML_NOTHING, 0);
        } else {
                node = new_node(r, TS_YAML_TEXT, len + 1);
                node->plain = plain;
                set_text(node, e->data.scalar.value, len);
        }
        skip_to(r, &e->end_mark);
        *ret = node;
        return 0;
}

static int read_node(struct reader *r, long indent, unsigned depth, struct ts_yaml_node **ret);

/* Before the entries of a list or map: @indent becomes the column that its entries stand in. */
static int enter(struct reader *r, bool flow, unsigned depth, long *indent)
{
        struct ts_yaml_node at = node_at_mark(&r->event.start_mark);

        if (depth >= TS_YAML_MAX_DEPTH) {
                ts_yaml_fault(r->y, &at, NULL, "more than %u levels of nesting", TS_YAML_MAX_DEPTH);
                return -EINVAL;
        }
        if (!flow) {
                *indent = (long) r->event.start_mark.column;
        } else if (r->flow_depth++ == 0) {
                r->flow_indent = *indent;
        }
        return 0;
}

static int read_list(struct reader *r, long indent, unsigned depth, struct ts_yaml_node **ret)
{
        bool flow = r->event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
        struct ts_yaml_node *list = new_node(r, TS_YAML_LIST, 0), **end = &list->items;
        int k;

        k = enter(r, flow, depth, &indent);
        if (k < 0)
                return k;
        for (;;) {
                k = next_event(r);
                if (k < 0)
                        return k;
                if (r->event.type == YAML_SEQUENCE_END_EVENT)
                        break;
                k = read_node(r, indent, depth + 1, end);
                if (k < 0)
                        return k;
                end = &(*end)->next;
                list->n++;
        }
        r->flow_depth -= flow;
        *ret = list;
        return 0;
}

static void check_key(struct reader *r, struct ts_yaml_node *key)
{
        if (key->kind == TS_YAML_TEXT && key->plain && strcmp(key->text, "<<") == 0)
                ts_yaml_fault(r->y, key, "write the keys out", "merge keys are not allowed");
        else if (key->kind == TS_YAML_MAP || key->kind == TS_YAML_LIST)
                ts_yaml_fault(r->y, key, "a key is text", "a %s cannot be a key",
                              key->kind == TS_YAML_MAP ? "map" : "list");
        else if (key->kind == TS_YAML_NOTHING || (key->kind == TS_YAML_TEXT && key->n == 0))
                ts_yaml_fault(r->y, key, NULL, "an empty key");
        else
                return;
        key->kind = TS_YAML_FAULTY;
}

/* Small maps are searched, larger ones get a table. */
#define SEARCHED_ENTRIES 8u

static const struct ts_yaml_node *find_key(const struct reader *r, const struct ts_yaml_node *map,
                                           struct ts_map *seen, const struct ts_yaml_node *key)
{
        const struct ts_yaml_node *e;
        uint32_t i = 0;

        if (map->n >= SEARCHED_ENTRIES) {
                if (seen->n == 0)
                        for (e = map->items; e; e = e->next)
                                if (e->key->kind == TS_YAML_TEXT)
                                        (void) ts_map_add(seen, e->key->text, e->key->n, i++);
                if (ts_map_add(seen, key->text, key->n, map->n) == map->n)
                        return NULL;
                if (ts_faults_are_full(r->y->faults))
                        return key; /* nobody will read where the first one is */
        }
        for (e = map->items; e; e = e->next)
                if (e->key->kind == TS_YAML_TEXT && strcmp(e->key->text, key->text) == 0)
                        return e->key;
        return NULL;
}

/* An entry whose key is there already is left out of the tree. */
static bool add_entry(struct reader *r, struct ts_yaml_node *map, struct ts_map *seen,
                      struct ts_yaml_node ***end, struct ts_yaml_node *key, struct ts_yaml_node *value)
{
        const struct ts_yaml_node *first = NULL;

        if (key->kind == TS_YAML_TEXT)
                first = find_key(r, map, seen, key);
        if (first) {
                ts_yaml_fault(r->y, key, NULL, "the key '%s' is there twice: also in line %u", key->text,
                              first->line);
                return false;
        }
        value->key = key;
        **end = value;
        *end = &value->next;
        map->n++;
        return true;
}

static int read_map(struct reader *r, long indent, unsigned depth, struct ts_yaml_node **ret)
{
        bool flow = r->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
        struct ts_yaml_node *map = new_node(r, TS_YAML_MAP, 0), **end = &map->items, *key, *value;
        TS_CLEANUP(ts_map_done) struct ts_map seen = TS_MAP_INIT;
        int k;

        k = enter(r, flow, depth, &indent);
        if (k < 0)
                return k;
        for (;;) {
                k = next_event(r);
                if (k < 0)
                        return k;
                if (r->event.type == YAML_MAPPING_END_EVENT)
                        break;
                k = read_node(r, indent, depth + 1, &key);
                if (k < 0)
                        return k;
                check_key(r, key);
                k = next_event(r);
                if (k < 0)
                        return k;
                k = read_node(r, indent, depth + 1, &value);
                if (k < 0)
                        return k;
                (void) add_entry(r, map, &seen, &end, key, value);
        }
        r->flow_depth -= flow;
        *ret = map;
        return 0;
}

/* Anchors and tags are reported; the nodes that carry them are ignored. */
static bool has_property(struct reader *r)
{
        const yaml_event_t *e = &r->event;
        struct ts_yaml_node at = node_at_mark(&e->start_mark);
        const yaml_char_t *anchor = NULL, *tag = NULL;

        if (e->type == YAML_SCALAR_EVENT) {
                anchor = e->data.scalar.anchor;
                tag = e->data.scalar.tag;
        } else if (e->type == YAML_SEQUENCE_START_EVENT) {
                anchor = e->data.sequence_start.anchor;
                tag = e->data.sequence_start.tag;
        } else if (e->type == YAML_MAPPING_START_EVENT) {
                anchor = e->data.mapping_start.anchor;
                tag = e->data.mapping_start.tag;
        }
        if (anchor)
                ts_yaml_fault(r->y, &at, "quote text that begins with '&'", "anchors are not allowed");
        if (tag)
                ts_yaml_fault(r->y, &at, "quote text that begins with '!'", "tags are not allowed");
        if (anchor || tag)
                skip_to(r, &e->end_mark);
        return anchor || tag;
}

static int read_alias(struct reader *r, struct ts_yaml_node **ret)
{
        *ret = new_node(r, TS_YAML_FAULTY, 0);
        ts_yaml_fault(r->y, *ret, "write it out; quote text that begins with '*'", "aliases are not allowed");
        skip_to(r, &r->event.end_mark);
        return 0;
}

static int read_node(struct reader *r, long indent, unsigned depth, struct ts_yaml_node **ret)
{
        bool property;
        int k;

        if (++r->n_nodes > r->limits->values) {
                struct ts_yaml_node at = node_at_mark(&r->event.start_mark);

                ts_yaml_fault(r->y, &at, r->limits->hint, "more than %zu values in one file",
                              r->limits->values);
                return -EINVAL;
        }

        property = has_property(r);
        if (r->event.type == YAML_ALIAS_EVENT)
                k = read_alias(r, ret);
        else if (r->event.type == YAML_SEQUENCE_START_EVENT)
                k = read_list(r, indent, depth, ret);
        else if (r->event.type == YAML_MAPPING_START_EVENT)
                k = read_map(r, indent, depth, ret);
        else
                k = read_scalar(r, ret);
        if (k >= 0 && property)
                (*ret)->kind = TS_YAML_FAULTY;
        return k;
}

static int read_document(struct reader *r)
{
        struct ts_yaml *y = r->y;
        struct ts_yaml_node at;
        int k;

        k = next_event(r); /* the stream's start */
        if (k < 0)
                return k;
        k = next_event(r);
        if (k < 0)
                return k;
        if (r->event.type == YAML_STREAM_END_EVENT) {
                at = (struct ts_yaml_node){ .line = 0 };
                ts_yaml_fault(y, &at, "begin it with `version: 1`", "the file is empty");
                return -EINVAL;
        }
        k = next_event(r);
        if (k < 0)
                return k;
        k = read_node(r, -1, 0, &y->root);
        if (k < 0)
                return k;
        k = next_event(r); /* the document's end */
        if (k < 0)
                return k;
        k = next_event(r);
        if (k < 0)
                return k;
        if (r->event.type == YAML_STREAM_END_EVENT)
                return 0;
        at = node_at_mark(&r->event.start_mark);
        ts_yaml_fault(y, &at, "use one file for each", "a second document");
        return -EINVAL;
}

static const struct ts_yaml_limits *limits_of(const struct ts_yaml_limits *limits)
{
        static const struct ts_yaml_limits usual = { TS_YAML_MAX_BYTES, TS_YAML_MAX_NODES,
                                                     "use several files" };

        return limits ? limits : &usual;
}

static const char *format_too_large(const struct ts_yaml_limits *limits, char buf[static 64])
{
        (void) snprintf(buf, 64, "the file is larger than %zu MiB", limits->bytes >> 20);
        return buf;
}

int ts_yaml_parse(struct ts_yaml *y)
{
        TS_CLEANUP(reader_done)
        struct reader r = {
                .y = y,
                .limits = limits_of(y->limits),
                .is_ascii = ts_is_ascii(y->text, y->len),
                .line_is_blank = true,
                .flow_indent = -1,
        };
        char size[64];
        int k;

        assert(y->file);
        assert(y->faults);

        if (y->len > r.limits->bytes)
                return fault_at_byte(y, 0, format_too_large(r.limits, size), r.limits->hint);
        k = check_encoding(y);
        if (k < 0)
                return k;
        k = check_characters(y);
        if (k < 0)
                return k;
        k = check_directives(y);
        if (k < 0)
                return k;
        k = check_conflicts(y);
        if (k < 0)
                return k;

        if (!yaml_parser_initialize(&r.parser))
                ts_out_of_memory();
        yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.parser, (const unsigned char *) y->text, y->len);
        k = read_document(&r);
        if (k < 0)
                y->root = NULL;
        return k;
}

void ts_yaml_done(struct ts_yaml *y)
{
        if (!y)
                return;
        ts_arena_done(&y->arena);
        y->root = NULL;
}

int ts_yaml_read_file(const char *path, const struct ts_yaml_limits *limits, enum ts_fault_class cls,
                      struct ts_faults *faults, struct ts_buf *text)
{
        const char *which = cls == TS_FAULT_SETTINGS
                                            ? "the settings are one file: say which with --config FILE"
                                            : NULL;
        const char *home = ts_places_home_hint(path);
        struct ts_source source = { .file = path };
        char size[64];
        int r;

        limits = limits_of(limits);

        r = ts_file_read(AT_FDCWD, path, text, NULL);
        if (r == -EFBIG)
                ts_faults_add(faults, cls, &source, NULL, limits->hint, "%s", format_too_large(limits, size));
        else if (r == -EINVAL)
                ts_faults_add(faults, cls, &source, NULL, which, "this is not a regular file");
        else if (r < 0)
                ts_faults_add(faults, cls, &source, NULL,
                              home           ? home
                              : r == -ENOENT ? which
                                             : NULL,
                              "cannot read it: %s", strerror(-r));
        return r;
}
