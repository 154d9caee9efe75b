/*
 * The records of the state directory, and small texts
 *
 * A record is sealed with a digest, which no fuzzer finds: the bytes are parsed as they are, and sealed.
 */
#include <errno.h>
#include <string.h>

#include "reconcile/state_file.h"
#include "daemon/history.h"
#include "reconcile/state_directory.h"
#include "reconcile/state_record.h"
#include "targets.h"
#include "util/escape.h"
#include "util/id.h"
#include "util/limits.h"
#include "util/timefmt.h"

/* -------------------------------------------------------------------------------------------------- state */

/* What is read is written, read again, and written as the same; what is damaged leaves nothing behind. */
static void state_parse(const char *text, size_t len)
{
        TS_CLEANUP(ts_last_applied_freep)
        struct ts_last_applied *m = ts_last_applied_new(), *second = ts_last_applied_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf again = TS_BUF_INIT(TS_STATE_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf third = TS_BUF_INIT(TS_STATE_MAX_BYTES);
        int r = ts_state_record_parse(text, len, m);

        must(r == 0 || r == -EBADMSG || r == -ENOTSUP);
        if (r < 0) {
                must(m->n_trusts + m->n_removals + m->n_writes + m->n_corrections == 0 && !m->care_declared);
                return;
        }
        ts_state_record_format(m, &again);
        must(ts_state_record_parse(again.data, again.len, second) == 0);
        ts_state_record_format(second, &third);
        must(again.len == third.len && memcmp(again.data, third.data, again.len) == 0);
}

static void history_parse(const char *text, size_t len)
{
        TS_CLEANUP(ts_history_freep) struct ts_history *r = ts_history_new();
        TS_CLEANUP(ts_history_freep) struct ts_history *second = ts_history_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf again = TS_BUF_INIT((size_t) 4 * TS_HISTORY_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf third = TS_BUF_INIT((size_t) 4 * TS_HISTORY_MAX_BYTES);
        int k = ts_history_parse(text, len, r);

        must(k == 0 || k == -EBADMSG);
        must(r->n_cycles <= TS_HISTORY_MAX);
        if (k < 0) {
                must(r->n_cycles == 0 && r->pause.until == 0 && r->declarations.since == 0);
                return;
        }
        ts_history_format(r, &again);
        must(ts_history_parse(again.data, again.len, second) == 0);
        ts_history_format(second, &third);
        must(again.len == third.len && memcmp(again.data, third.data, again.len) == 0);
}

static void sealed(const char *data, size_t len, void (*parse)(const char *text, size_t len))
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(len + 256);

        parse(data, len);
        (void) ts_buf_put(&text, data, len);
        ts_state_file_seal(&text);
        parse(ts_buf_text(&text), text.len);
}

void ts_fuzz_state(const char *data, size_t len)
{
        sealed(data, len, state_parse);
}

void ts_fuzz_history(const char *data, size_t len)
{
        sealed(data, len, history_parse);
}

/* --------------------------------------------------------------------------------------------------- text */

static void text_times(const char *s, size_t len)
{
        uint64_t span = 0;
        int64_t t = 0, again = 0;

        if (ts_time_parse(s, len, &t) == 0) {
                struct ts_time_text text = ts_time_format(t), api = ts_time_format_api(t);

                must(ts_time_parse(text.s, strlen(text.s), &again) == 0 && again == t);
                must(ts_time_parse(api.s, strlen(api.s), &again) == 0 && again == t);
        }
        if (ts_span_parse(s, len, &span) == 0) {
                must(span <= 36525 * TS_USEC_PER_DAY);
                must(strlen(ts_span_format(span).s) > 0);
        }
}

static void text_id(const char *s, size_t len)
{
        struct ts_id id, again;

        if (!ts_id_parse(s, len, &id))
                return;
        must(len == TS_ID_TEXT_LEN);
        must(ts_id_parse_string(ts_id_format(&id).s, &again) && ts_id_equal(&id, &again));
}

static void text_escape(const char *s, size_t len)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT((size_t) 8 * TS_TEXT_MAX_BYTES);
        bool changed = ts_escape_text(&out, s, len);

        must(!ts_buf_failed(&out));
        must(out.len <= TS_TEXT_MAX_BYTES);
        must(!ts_text_has_forbidden(ts_buf_text(&out), out.len, NULL));
        must(!memchr(ts_buf_text(&out), '\n', out.len) && !memchr(ts_buf_text(&out), '\t', out.len));
        must(changed || (out.len == len && memcmp(ts_buf_text(&out), s, len) == 0));
        must(ts_utf8_is_valid(s, len) == (ts_utf8_valid_prefix(s, len) == len));
}

static void text_outputs(const char *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf markdown = TS_BUF_INIT((size_t) 64 * TS_TEXT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf csv = TS_BUF_INIT((size_t) 64 * TS_TEXT_MAX_BYTES);
        int64_t t;

        ts_escape_markdown(&markdown, s);
        ts_escape_csv(&csv, s);
        must(markdown.len > 0 && !ts_text_has_forbidden(markdown.data, markdown.len, NULL));
        must(!strchr(ts_buf_text(&markdown), '\n') && !strchr(ts_buf_text(&csv), '\n'));
        must(csv.len == 0 || !strchr("=+-@\t\r\n", csv.data[csv.data[0] == '"']));
        must(!ts_time_parse_http(s, &t) || t >= 0);
}

void ts_fuzz_text(const char *data, size_t len)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(len + 1);

        (void) ts_buf_put(&text, data, len);
        text_times(data, len);
        text_id(data, len);
        text_escape(data, len);
        text_outputs(ts_buf_text(&text));
}
