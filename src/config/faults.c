#include "config/faults.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/escape.h"
#include "util/mem.h"

/* A source line is shown around its column, so that a fault far to the right can be seen too. */
#define SHOWN_BEFORE 80u
#define SHOWN_AFTER 60u

#define MESSAGE_MAX_BYTES 1024u

static bool is_continuation(char c)
{
        return ((unsigned char) c & 0xc0) == 0x80;
}

static bool is_end(char c)
{
        return c == '\0' || c == '\n';
}

/* Moves over @n characters, or to the end of the line. */
static const char *skip_characters(const char *s, size_t n)
{
        for (; n > 0 && !is_end(*s); n--) {
                s++;
                while (is_continuation(*s))
                        s++;
        }
        return s;
}

static uint32_t count_characters(const char *s, size_t len)
{
        uint32_t n = 0;
        size_t i;

        for (i = 0; i < len; i++)
                n += !is_continuation(s[i]);
        return n;
}

/* The part of the source line around the fault, escaped: what precedes the caret may grow by that. */
static void set_line(struct ts_fault *fault, struct ts_arena *arena, const char *line)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(16384);
        size_t before = fault->source.column > 0 ? fault->source.column - 1 : 0;
        size_t skipped = before > SHOWN_BEFORE ? before - SHOWN_BEFORE : 0;
        const char *start, *at, *end;

        start = skip_characters(line, skipped);
        at = skip_characters(start, before - skipped);
        end = skip_characters(at, SHOWN_AFTER);

        if (skipped > 0)
                (void) ts_buf_puts(&out, "…");
        (void) ts_escape_text(&out, start, (size_t) (at - start));
        fault->caret = count_characters(ts_buf_text(&out), out.len);
        (void) ts_escape_text(&out, at, (size_t) (end - at));
        if (!is_end(*end))
                (void) ts_buf_puts(&out, "…");
        fault->line = ts_arena_strdup(arena, ts_buf_text(&out));
}

/* "http://user:password@proxy": what stands between "://" and the last '@' is not shown, wherever it comes
 * from. */
static void hide_password(char *text)
{
        static const char hidden[] = "...";
        char *start = strstr(text, "://"), *at = strrchr(text, '@');

        if (!start || !at || at < start)
                return;
        start += 3;
        if ((size_t) (at - start) < strlen(hidden)) {
                memset(start, '.', (size_t) (at - start));
                return;
        }
        memcpy(start, hidden, strlen(hidden));
        memmove(start + strlen(hidden), at, strlen(at) + 1);
}

/* A URL with a user in the line; its '@' may stand on the next one. */
static bool shows_password(const char *line)
{
        const char *end = line, *p;

        while (!is_end(*end))
                end++;
        for (p = line; (p = strstr(p, "://")) && p < end; p += 3) {
                const char *colon = p + 3 + strcspn(p + 3, ":/ \n");

                if (memchr(p, '@', (size_t) (end - p)))
                        return true;
                if (*colon == ':' && (colon[1] < '0' || colon[1] > '9') && p[3] != '[')
                        return true;
        }
        return false;
}

void ts_faults_addv(struct ts_faults *f, enum ts_fault_class cls, const struct ts_source *source,
                    const char *line, const char *hint, const char *fmt, va_list ap)
{
        char message[MESSAGE_MAX_BYTES];
        struct ts_fault *fault;

        assert(cls < TS_FAULT_MAX_);

        f->n_of[cls]++;
        if (cls != TS_FAULT_WARNING)
                f->n_errors++;
        if (ts_faults_are_full(f)) {
                f->n_left_out++;
                return;
        }

        TS_GROW(f->items, f->n_allocated, f->n);
        fault = &f->items[f->n];
        *fault = (struct ts_fault){ .cls = cls, .source = *source, .order = (uint32_t) f->n };
        f->n++;

        (void) vsnprintf(message, sizeof(message), fmt, ap); /* a longer one is cut */
        hide_password(message);
        if (source->file) {
                char *file = ts_arena_strdup(&f->arena, source->file);

                hide_password(file); /* a path of the settings may be anything */
                fault->source.file = file;
        }
        fault->message = ts_escape_arena(&f->arena, ts_arena_strdup(&f->arena, message));
        if (hint) {
                char *copy = ts_arena_strdup(&f->arena, hint);

                hide_password(copy);
                fault->hint = ts_escape_arena(&f->arena, copy);
        }
        if (line && source->line > 0 && !shows_password(line))
                set_line(fault, &f->arena, line);
}

void ts_faults_add(struct ts_faults *f, enum ts_fault_class cls, const struct ts_source *source,
                   const char *line, const char *hint, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        ts_faults_addv(f, cls, source, line, hint, fmt, ap);
        va_end(ap);
}

static int compare_numbers(uint32_t a, uint32_t b)
{
        return (a > b) - (a < b);
}

static int compare_faults(const void *pa, const void *pb)
{
        const struct ts_fault *a = pa, *b = pb;
        int r;

        r = strcmp(a->source.file ? a->source.file : "", b->source.file ? b->source.file : "");
        if (r == 0)
                r = compare_numbers(a->source.line, b->source.line);
        if (r == 0)
                r = compare_numbers(a->source.column, b->source.column);
        return r != 0 ? r : compare_numbers(a->order, b->order);
}

static void print_place(const struct ts_source *source, struct ts_buf *out)
{
        (void) ts_escape_text(out, source->file, strlen(source->file));
        if (source->line > 0)
                (void) ts_buf_printf(out, ":%u:%u", source->line, source->column);
        (void) ts_buf_puts(out, ": ");
}

static void print_fault(const struct ts_fault *fault, bool color, struct ts_buf *out)
{
        bool warning = fault->cls == TS_FAULT_WARNING;
        const char *on = !color ? "" : warning ? "\033[1;33m" : "\033[1;31m", *off = color ? "\033[0m" : "";

        if (fault->source.file)
                print_place(&fault->source, out);
        (void) ts_buf_printf(out, "%s%s:%s %s\n", on, warning ? "warning" : "error", off, fault->message);
        if (fault->line)
                (void) ts_buf_printf(out, "%6u | %s\n       | %*s%s^%s\n", fault->source.line, fault->line,
                                     (int) fault->caret, "", on, off);
        if (fault->hint)
                (void) ts_buf_printf(out, "       hint: %s\n", fault->hint);
}

const char *ts_fault_line(struct ts_arena *a, const struct ts_fault *f)
{
        const char *place = "";

        if (f->source.file && f->source.line > 0)
                place = ts_arena_printf(a, "%s:%u:%u: ", f->source.file, (unsigned) f->source.line,
                                        (unsigned) f->source.column);
        else if (f->source.file)
                place = ts_arena_printf(a, "%s: ", f->source.file);
        return ts_arena_printf(a, "%s%s%s%s", place, f->message, f->hint ? "; " : "", f->hint ? f->hint : "");
}

void ts_faults_print(struct ts_faults *f, bool color, struct ts_buf *out)
{
        size_t i;

        if (f->n > 0)
                qsort(f->items, f->n, sizeof(*f->items), compare_faults);
        for (i = 0; i < f->n; i++)
                print_fault(&f->items[i], color, out);
        if (f->n_left_out > 0)
                (void) ts_buf_printf(out, "%zu more fault%s not shown\n", f->n_left_out,
                                     f->n_left_out == 1 ? " is" : "s are");
}

bool ts_faults_are_full(const struct ts_faults *f)
{
        return f->n >= TS_FAULTS_MAX;
}

bool ts_faults_has(const struct ts_faults *f, enum ts_fault_class cls)
{
        return f->n_of[cls] > 0;
}

void ts_faults_done(struct ts_faults *f)
{
        if (!f)
                return;
        free(f->items);
        ts_arena_done(&f->arena);
        *f = (struct ts_faults) TS_FAULTS_INIT;
}
