#include "targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/escape.h"

const struct ts_fuzz_target ts_fuzz_targets[] = {
        { "yaml", ts_fuzz_yaml },
        { "settings", ts_fuzz_settings },
        { "declarations", ts_fuzz_declarations },
        { "export", ts_fuzz_export },
        { "json", ts_fuzz_json },
        { "answer", ts_fuzz_answer },
        { "headers", ts_fuzz_headers },
        { "state", ts_fuzz_state },
        { "organization", ts_fuzz_organization },
        { "record", ts_fuzz_history },
        { "text", ts_fuzz_text },
};
const size_t ts_fuzz_n_targets = TS_N_ELEMENTS(ts_fuzz_targets);

const struct ts_fuzz_target *ts_fuzz_find(const char *name)
{
        for (size_t i = 0; i < ts_fuzz_n_targets; i++)
                if (strcmp(ts_fuzz_targets[i].name, name) == 0)
                        return &ts_fuzz_targets[i];
        return NULL;
}

void ts_fuzz_broken(const char *what, const char *function, int line)
{
        (void) fprintf(stderr, "%s:%d: does not hold: %s\n", function, line, what);
        abort();
}

static bool is_showable(const char *text)
{
        return text[0] != '\0' && !strchr(text, '\n') && ts_utf8_is_valid(text, strlen(text));
}

void ts_fuzz_check_error(int r, const struct ts_err *err)
{
        must(r <= 0 || err->cls == TS_ERR_NONE);
        if (r >= 0)
                return;
        must(err->cls != TS_ERR_NONE);
        must(err->code == r);
        must(is_showable(err->msg));
}

void ts_fuzz_check_faults(int r, struct ts_faults *faults)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT((size_t) 8 * 1024 * 1024);

        must((r < 0) == (faults->n_errors > 0));
        for (size_t i = 0; i < faults->n; i++) {
                must(faults->items[i].cls < TS_FAULT_MAX_);
                must(faults->items[i].source.file);
                must(is_showable(faults->items[i].message));
        }
        ts_faults_print(faults, false, &out);
        must(!ts_buf_failed(&out));
        must((out.len > 0) == (faults->n > 0));
        must(ts_utf8_is_valid(ts_buf_text(&out), out.len));
        for (const char *p = ts_buf_text(&out); *p; p++)
                must(*p == '\n' || !ts_text_has_forbidden(p, 1, NULL) || (*p & 0x80));
}

const char *ts_fuzz_file(const char *data, size_t len)
{
        static char path[64];
        static int fd = -1;

        if (fd < 0)
                fd = memfd_create("input", MFD_CLOEXEC);
        must(fd >= 0);
        must(ftruncate(fd, 0) == 0);
        must(pwrite(fd, data, len, 0) == (ssize_t) len);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return path;
}
