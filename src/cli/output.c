#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/log.h"

#define STANDARD_OUTPUT "standard output"

int ts_output_write_all(int fd, const char *text, size_t len)
{
        while (len > 0) {
                ssize_t n = write(fd, text, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                text += n;
                len -= (size_t) n;
        }
        return 0;
}

/* A terminal that knows no escape sequences says so by TERM, a person by NO_COLOR (no-color.org). */
static bool is_set(const char *name)
{
        const char *value = getenv(name);

        return value && value[0] != '\0';
}

bool ts_output_is_plain(void)
{
        const char *term = getenv("TERM");

        return term && strcmp(term, "dumb") == 0;
}

bool ts_output_wants_color(const struct ts_options *o, int fd)
{
        if (o->color != TS_COLOR_AUTO)
                return o->color == TS_COLOR_ALWAYS;
        return isatty(fd) && !is_set("NO_COLOR") && !ts_output_is_plain();
}

/* -------------------------------------------------------------------------------------------------- probe */

static int complain(const char *name, int r)
{
        ts_log(LOG_ERR, "cannot write the report to %s: %s", name, strerror(-r));
        return r;
}

/* A new file is gone again: the run may yet end without a report. */
static int probe_new_file(const char *path)
{
        TS_CLEANUP(ts_closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0644);
        int r;

        if (fd < 0)
                return -errno;
        r = ts_file_probe_fd(fd);
        return unlink(path) < 0 ? -errno : r;
}

static int probe_file(const char *path)
{
        TS_CLEANUP(ts_closep) int fd = -EBADF;
        struct stat st;

        if (stat(path, &st) < 0)
                return errno == ENOENT ? probe_new_file(path) : -errno;
        if (S_ISFIFO(st.st_mode)) /* to open it waits for a reader, and to close it ends what that one reads
                                   */
                return access(path, W_OK) < 0 ? -errno : 0;
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : ts_file_probe_fd(fd);
}

int ts_output_probe(const struct ts_options *o)
{
        int worst = ts_file_probe_fd(STDOUT_FILENO);

        if (worst < 0)
                (void) complain(STANDARD_OUTPUT, worst);
        for (size_t i = 0; i < o->outputs.n; i++) {
                int r = probe_file(o->outputs.items[i]);

                if (r < 0)
                        worst = complain(o->outputs.items[i], r);
        }
        return worst;
}

/* -------------------------------------------------------------------------------------------------- write */

static int write_to(int fd, const char *name, enum ts_format format, bool color, ts_output_render render,
                    const void *userdata)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        int r;

        render(format, color, &out, userdata);
        r = ts_buf_failed(&out) ? -EFBIG : ts_output_write_all(fd, ts_buf_text(&out), out.len);
        return r < 0 ? complain(name, r) : 0;
}

static int write_file(const char *path, ts_output_render render, const void *userdata)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644), r;

        if (fd < 0)
                return complain(path, -errno);
        r = write_to(fd, path, ts_format_from_suffix(path), false, render, userdata);
        if (close(fd) < 0 && r >= 0) /* where a quota or a server is asked last */
                r = complain(path, -errno);
        return r;
}

int ts_output_write_files(const struct ts_options *o, ts_output_render render, const void *userdata)
{
        int worst = 0;

        for (size_t i = 0; i < o->outputs.n; i++) {
                int r = write_file(o->outputs.items[i], render, userdata);

                worst = r < 0 ? r : worst;
        }
        return worst;
}

int ts_output_write(const struct ts_options *o, ts_output_render render, const void *userdata)
{
        int r = write_to(STDOUT_FILENO, STANDARD_OUTPUT, o->format, ts_output_wants_color(o, STDOUT_FILENO),
                         render, userdata),
            files = ts_output_write_files(o, render, userdata);

        return files < 0 ? files : r;
}

int ts_output_print(const struct ts_buf *text)
{
        int r = ts_output_write_all(STDOUT_FILENO, ts_buf_text(text), text->len);

        if (r < 0)
                ts_log(LOG_ERR, "cannot write to standard output: %s", strerror(-r));
        return r;
}
