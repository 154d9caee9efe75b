#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"
#include "util/log.h"

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

bool ts_output_wants_color(const struct ts_options *o, int fd)
{
        if (o->color != TS_COLOR_AUTO)
                return o->color == TS_COLOR_ALWAYS;
        return isatty(fd) && !getenv("NO_COLOR");
}

static int write_to(int fd, const char *name, enum ts_format format, bool color, ts_output_render render,
                    const void *userdata)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        int r;

        render(format, color, &out, userdata);
        r = fd < 0 ? fd : ts_buf_failed(&out) ? -EFBIG : ts_output_write_all(fd, ts_buf_text(&out), out.len);
        if (r < 0)
                ts_log(LOG_ERR, "cannot write the report to %s: %s", name, strerror(-r));
        return r;
}

int ts_output_write(const struct ts_options *o, ts_output_render render, const void *userdata)
{
        int worst = write_to(STDOUT_FILENO, "standard output", o->format,
                             ts_output_wants_color(o, STDOUT_FILENO), render, userdata);

        for (size_t i = 0; i < o->outputs.n; i++) {
                const char *path = o->outputs.items[i];
                TS_CLEANUP(ts_closep)
                int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
                int r = write_to(fd < 0 ? -errno : fd, path, ts_format_from_suffix(path), false, render,
                                 userdata);

                worst = r < 0 ? r : worst;
        }
        return worst;
}
