#include "daemon/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/state_file.h"
#include "report/report.h"
#include "util/escape.h"
#include "util/file.h"
#include "util/mem.h"

#define FORMAT "trustsyncd-daemon "
#define FIRST_LINE FORMAT "1"
#define FILE_NAME "daemon.state"

struct ts_history *ts_history_new(void)
{
        return ts_calloc(1, sizeof(struct ts_history));
}

void ts_history_free(struct ts_history *r)
{
        if (!r)
                return;
        free(r->cycles);
        free(r);
}

bool ts_pause_is_active(const struct ts_pause *p, int64_t now)
{
        return p->until > now;
}

struct ts_time_text ts_pause_end(const struct ts_pause *p)
{
        struct ts_time_text text = { "somebody resumes" };

        return p->until == TS_TIME_NEVER ? text : ts_time_format(p->until);
}

/* ------------------------------------------------------------------------------------------------ history */

static bool is_alike(const struct ts_history_cycle *a, const struct ts_history_cycle *b)
{
        const struct ts_plan_summary *x = &a->summary, *y = &b->summary;

        return a->writes == 0 && b->writes == 0 && a->exit_status == b->exit_status &&
               a->applied == b->applied && strcmp(a->revision, b->revision) == 0 && x->add == y->add &&
               x->change == y->change && x->remove == y->remove && x->held == y->held &&
               x->waiting == y->waiting && x->failed == y->failed && x->skipped == y->skipped &&
               x->grants_add == y->grants_add && x->grants_remove == y->grants_remove;
}

static struct ts_history_cycle *append(struct ts_history *r)
{
        if (r->n_cycles == TS_HISTORY_MAX) {
                memmove(r->cycles, r->cycles + 1, (TS_HISTORY_MAX - 1) * sizeof(*r->cycles));
                r->n_cycles--;
        }
        TS_GROW(r->cycles, r->n_allocated, r->n_cycles);
        return &r->cycles[r->n_cycles++];
}

void ts_history_add_cycle(struct ts_history *r, const struct ts_history_cycle *c)
{
        struct ts_history_cycle *last = r->n_cycles > 0 ? &r->cycles[r->n_cycles - 1] : NULL;
        struct ts_history_cycle new = *c;

        new.first = c->last;
        new.n = 1;
        if (last && is_alike(last, c)) {
                new.first = last->first;
                new.n = last->n + 1;
                *last = new;
                return;
        }
        *append(r) = new;
}

/* --------------------------------------------------------------------------------------------------- text */

static void put_text(char *ret, size_t size, const char *text, bool is_word)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf escaped = TS_BUF_INIT(2 * TS_TEXT_MAX_BYTES);
        size_t len;

        (void) ts_escape_text_max(&escaped, text, strlen(text), size - 1);
        len = escaped.len < size ? escaped.len : size - 1;
        memcpy(ret, ts_buf_text(&escaped), len);
        ret[len] = '\0';
        for (char *p = ret; is_word && *p; p++)
                if (*p == ' ')
                        *p = '_';
}

void ts_history_put_word(char *ret, size_t size, const char *text)
{
        put_text(ret, size, text[0] ? text : "-", true);
}

void ts_history_put_line(char *ret, size_t size, const char *text)
{
        put_text(ret, size, text, false);
}

int ts_pause_begin(struct ts_pause *p, int64_t now, uint64_t usec, const char *by, const char *reason,
                   struct ts_err *err)
{
        if (usec < TS_USEC_PER_SEC || usec > TS_PAUSE_MAX_DAYS * TS_USEC_PER_DAY)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "a pause lasts from one second to %u days",
                                  TS_PAUSE_MAX_DAYS);
        *p = (struct ts_pause){ .since = now, .until = now + (int64_t) (usec / TS_USEC_PER_SEC) };
        ts_history_put_word(p->by, sizeof(p->by), by);
        ts_history_put_line(p->reason, sizeof(p->reason), reason);
        return 0;
}

static void format_cycle(const struct ts_history_cycle *c, struct ts_buf *out)
{
        const struct ts_plan_summary *s = &c->summary;

        ts_buf_printf(out, "cycle %" PRId64 " %" PRId64 " %" PRIu32 " %s %s %s %d %d", c->first, c->last,
                      c->n, c->id, c->trigger, c->revision, c->exit_status, c->applied);
        ts_buf_printf(out, " %zu %zu %zu %zu %zu %zu %zu %zu %zu", s->add, s->change, s->remove, s->held,
                      s->waiting, s->failed, s->skipped, s->grants_add, s->grants_remove);
        ts_buf_printf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", c->requests, c->writes,
                      c->duration_usec);
}

void ts_history_format(const struct ts_history *r, struct ts_buf *out)
{
        ts_buf_puts(out, FIRST_LINE "\n");
        if (r->declarations.since > 0)
                ts_buf_printf(out, "declarations %" PRId64 " %s %s\n", r->declarations.since,
                              ts_digest_format(&r->declarations.hash).s, r->declarations.revision);
        if (r->pause.until > 0)
                ts_buf_printf(out, "pause %" PRId64 " %" PRId64 " %s %s\n", r->pause.since, r->pause.until,
                              r->pause.by, r->pause.reason);
        for (size_t i = 0; i < r->n_cycles; i++)
                format_cycle(&r->cycles[i], out);
        ts_state_file_seal(out);
}

/* A word that has to fit. */
static bool take_word(struct ts_state_file_line *l, char *ret, size_t size)
{
        const char *s;
        size_t len;

        if (!ts_state_file_word(l, &s, &len) || len >= size)
                return false;
        memcpy(ret, s, len);
        ret[len] = '\0';
        return true;
}

static bool take_number(struct ts_state_file_line *l, uint64_t *ret)
{
        int64_t v;

        if (!ts_state_file_int(l, &v) || v < 0)
                return false;
        *ret = (uint64_t) v;
        return true;
}

static bool take_size(struct ts_state_file_line *l, size_t *ret)
{
        uint64_t v;

        if (!take_number(l, &v) || v > SIZE_MAX)
                return false;
        *ret = (size_t) v;
        return true;
}

static bool parse_digest(struct ts_state_file_line *l, struct ts_digest *ret)
{
        struct ts_digest_text text;
        struct ts_state_file_line digits;
        uint64_t part;

        if (!take_word(l, text.s, sizeof(text.s)) || strncmp(text.s, "sha256:", 7) != 0 ||
            strlen(text.s) != 7 + 64)
                return false;
        for (size_t i = 0; i < 4; i++) {
                digits = (struct ts_state_file_line){ text.s + 7 + i * 16, text.s + 7 + (i + 1) * 16 };
                if (!ts_state_file_key(&digits, &part))
                        return false;
                for (size_t k = 0; k < 8; k++)
                        ret->bytes[i * 8 + k] = (uint8_t) (part >> (56 - 8 * k));
        }
        return true;
}

static bool parse_declarations(struct ts_history *r, struct ts_state_file_line *l)
{
        struct ts_history_declarations *d = &r->declarations;

        return ts_state_file_int(l, &d->since) && parse_digest(l, &d->hash) &&
               take_word(l, d->revision, sizeof(d->revision));
}

static bool parse_pause(struct ts_history *r, struct ts_state_file_line *l)
{
        struct ts_pause *p = &r->pause;
        size_t len;

        if (!ts_state_file_int(l, &p->since) || !ts_state_file_int(l, &p->until) ||
            !take_word(l, p->by, sizeof(p->by)))
                return false;
        len = (size_t) (l->end - l->next);
        if (len >= sizeof(p->reason))
                return false;
        memcpy(p->reason, l->next, len);
        p->reason[len] = '\0';
        l->next = l->end;
        return true;
}

static bool parse_summary(struct ts_state_file_line *l, struct ts_plan_summary *s)
{
        return take_size(l, &s->add) && take_size(l, &s->change) && take_size(l, &s->remove) &&
               take_size(l, &s->held) && take_size(l, &s->waiting) && take_size(l, &s->failed) &&
               take_size(l, &s->skipped) && take_size(l, &s->grants_add) && take_size(l, &s->grants_remove);
}

static bool parse_cycle(struct ts_history *r, struct ts_state_file_line *l)
{
        struct ts_history_cycle c = { 0 };
        int64_t exit_status;

        if (!ts_state_file_int(l, &c.first) || !ts_state_file_int(l, &c.last) ||
            !ts_state_file_count(l, &c.n) || !take_word(l, c.id, sizeof(c.id)) ||
            !take_word(l, c.trigger, sizeof(c.trigger)) || !take_word(l, c.revision, sizeof(c.revision)) ||
            !ts_state_file_int(l, &exit_status) || !ts_state_file_flag(l, &c.applied) ||
            !parse_summary(l, &c.summary) || !take_number(l, &c.requests) || !take_number(l, &c.writes) ||
            !take_number(l, &c.duration_usec) || exit_status < 0 || exit_status > 255)
                return false;
        c.exit_status = (int) exit_status;
        *append(r) = c;
        return true;
}

static bool parse_line(struct ts_history *r, struct ts_state_file_line *l)
{
        if (ts_state_file_is(l, "declarations"))
                return parse_declarations(r, l);
        if (ts_state_file_is(l, "pause"))
                return parse_pause(r, l);
        return ts_state_file_is(l, "cycle") && parse_cycle(r, l);
}

/* Is it of a version after this one? It may be sealed in another way. */
static bool is_newer(const char *text, size_t len)
{
        struct ts_state_file_line l = { text, text + len };
        const char *end = len > 0 ? memchr(text, '\n', len) : NULL;
        int64_t version;

        if (!end || len < strlen(FORMAT) || memcmp(text, FORMAT, strlen(FORMAT)) != 0)
                return false;
        l = (struct ts_state_file_line){ text + strlen(FORMAT), end };
        return ts_state_file_int(&l, &version) && l.next == l.end && version > 1;
}

int ts_history_parse(const char *text, size_t len, struct ts_history *r)
{
        struct ts_state_file_line lines, line;
        bool ok;

        if (is_newer(text, len))
                return -ENOTSUP;
        ok = ts_state_file_open(text, len, FIRST_LINE, &lines);
        while (ok && ts_state_file_next_line(&lines, &line))
                ok = parse_line(r, &line) && line.next == line.end;
        if (ok)
                return 0;
        free(r->cycles);
        *r = (struct ts_history){ 0 };
        return -EBADMSG;
}

/* --------------------------------------------------------------------------------------------------- file */

/* An unreadable file may contain a pause. The file is kept for an administrator to examine. */
static int pause_for_lost(const struct ts_state_directory *dir, struct ts_history *r, int64_t now, int why,
                          struct ts_err *err)
{
        struct ts_pause *p = &r->pause;
        TS_CLEANUP(ts_freep) char *reason = NULL;

        *p = (struct ts_pause){ .since = now, .until = TS_TIME_NEVER };
        r->is_newer = why == -ENOTSUP;
        if (asprintf(&reason, "%s %s, and may hold a pause; see to it, then: trustsyncctl resume", FILE_NAME,
                     why == -ENOTSUP   ? "is of a newer version"
                     : why == -EBADMSG ? "was damaged (kept as " FILE_NAME ".damaged)"
                                       : "cannot be read") < 0)
                ts_out_of_memory();
        ts_history_put_word(p->by, sizeof(p->by), "trustsyncd");
        ts_history_put_line(p->reason, sizeof(p->reason), reason);
        if (why == -EBADMSG)
                (void) renameat(dir->fd, FILE_NAME, dir->fd,
                                FILE_NAME ".damaged"); /* else it stays, and is told again */
        return ts_err_set(err, TS_ERR_LOCAL, why,
                          "cannot use %s/" FILE_NAME
                          ": %s; it may hold a pause, so nothing is written but what deny "
                          "asks until somebody resumes: %strustsyncctl resume",
                          dir->path,
                          why == -EBADMSG   ? "it is damaged"
                          : why == -ENOTSUP ? "it was written by a newer version of trustsyncd"
                                            : strerror(-why),
                          why == -ENOTSUP ? "install that version again, or move the file away and start "
                                            "again, "
                                            "then: "
                                          : "");
}

int ts_history_load(const struct ts_state_directory *dir, struct ts_history *r, int64_t now,
                    struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_HISTORY_MAX_BYTES);
        int k;

        k = ts_state_directory_check(dir, err);
        if (k < 0)
                return k;
        k = ts_file_read(dir->fd, FILE_NAME, &text, NULL);
        if (k == -ENOENT)
                return 0;
        if (k >= 0)
                k = ts_history_parse(ts_buf_text(&text), text.len, r);
        return k < 0 ? pause_for_lost(dir, r, now, k, err) : 0;
}

int ts_history_save(const struct ts_state_directory *dir, const struct ts_history *r, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_HISTORY_MAX_BYTES);

        if (r->is_newer)
                return 0; /* it stays as it is; this was said when it was read */
        ts_history_format(r, &text);
        return ts_state_directory_replace(dir, FILE_NAME, &text, err);
}

/* --------------------------------------------------------------------------------------------------- JSON */

static void put_cycle(struct ts_json_writer *w, const struct ts_history_cycle *c)
{
        ts_json_open_object(w);
        ts_json_add_string(w, "first", ts_time_format(c->first).s);
        ts_json_add_string(w, "last", ts_time_format(c->last).s);
        ts_json_add_int(w, "cycles", c->n);
        ts_json_add_string(w, "id", c->id);
        ts_json_add_string(w, "trigger", c->trigger);
        ts_json_add_string(w, "revision", c->revision);
        ts_json_add_int(w, "exit_status", c->exit_status);
        ts_json_add_bool(w, "applied", c->applied);
        ts_report_add_summary(w, &c->summary);
        ts_json_add_int(w, "requests", (int64_t) c->requests);
        ts_json_add_int(w, "writes", (int64_t) c->writes);
        ts_json_add_int(w, "duration_ms", (int64_t) (c->duration_usec / TS_USEC_PER_MSEC));
        ts_json_close_object(w);
}

void ts_history_json(const struct ts_history *r, size_t n, struct ts_buf *out)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, true);

        ts_json_open_object(&w);
        ts_json_add_int(&w, "format_version", 1);
        ts_json_key(&w, "cycles");
        ts_json_open_array(&w);
        for (size_t i = 0; i < r->n_cycles && i < n; i++)
                put_cycle(&w, &r->cycles[r->n_cycles - 1 - i]);
        ts_json_close_array(&w);
        ts_json_close_object(&w);
        ts_buf_putc(out, '\n');
}
