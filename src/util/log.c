#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/escape.h"

#define LINE_MAX_BYTES ((size_t) 8192)
#define CLEAR_LINE "\r\033[K"

static struct {
        ts_log_sink sink; /* NULL: stderr */
        void *userdata;
        int max_priority;
        bool progress, progress_shown;
} state = { .max_priority = LOG_INFO };

/* One write, so that lines of several processes do not mix. A stderr that is gone is nobody's business. */
static void to_stderr(const struct ts_buf *line)
{
        ssize_t r;

        r = write(STDERR_FILENO, ts_buf_text(line), line->len);
        (void) r;
}

void ts_log_stderr(const struct ts_log_entry *entry)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(4 * LINE_MAX_BYTES);

        if (state.progress_shown)
                (void) ts_buf_puts(&line, CLEAR_LINE);
        state.progress_shown = false;

        (void) ts_buf_puts(&line, "trustsyncd: ");
        (void) ts_escape_text_max(&line, entry->message, strlen(entry->message), LINE_MAX_BYTES);
        (void) ts_buf_putc(&line, '\n');
        to_stderr(&line);
}

void ts_log_set_sink(ts_log_sink sink, void *userdata)
{
        state.sink = sink;
        state.userdata = userdata;
}

void ts_log_set_level(int max_priority)
{
        state.max_priority = max_priority;
}

bool ts_log_enabled(int priority)
{
        return priority <= state.max_priority;
}

void ts_log_entry(const struct ts_log_entry *entry)
{
        bool is_evidence = state.sink && entry->message_id;
        int saved = errno;

        if (!is_evidence && !ts_log_enabled(entry->priority))
                return;
        if (state.sink)
                state.sink(entry, state.userdata);
        else
                ts_log_stderr(entry);
        errno = saved;
}

void ts_log(int priority, const char *fmt, ...)
{
        char message[LINE_MAX_BYTES];
        struct ts_log_entry entry = { .priority = priority, .message = message };
        va_list ap;

        if (!ts_log_enabled(priority))
                return;
        va_start(ap, fmt);
        (void) vsnprintf(message, sizeof(message), fmt, ap); /* a longer one is cut */
        va_end(ap);
        ts_log_entry(&entry);
}

static size_t terminal_columns(void)
{
        struct winsize size;

        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
                return 80;
        return size.ws_col;
}

void ts_log_progress(const char *fmt, ...)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(4 * LINE_MAX_BYTES);
        char text[512];
        va_list ap;

        if (!state.progress)
                return;
        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap); /* cut to the terminal's width anyway */
        va_end(ap);
        if (text[0] == '\0' && !state.progress_shown)
                return;

        /* a line that wraps could not be cleared again; bytes are at least as many as columns */
        (void) ts_buf_puts(&line, CLEAR_LINE);
        (void) ts_escape_text_max(&line, text, strlen(text), terminal_columns() - 1);
        to_stderr(&line);
        state.progress_shown = text[0] != '\0';
}

void ts_log_set_progress(bool on)
{
        if (!on)
                ts_log_progress("%s", "");
        state.progress = on;
}
