/*
 * replay - the fuzz targets without a fuzzer: what was found once is tried again, and something around it
 *
 * replay TARGET [--mutants N] FILE...: each file goes through the target, then N inputs made from it with a
 * seed of its own: cut, doubled, bytes changed. Any compiler will do; the same files give the same inputs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "targets.h"
#include "util/file.h"
#include "util/mem.h"

#define INPUT_MAX_BYTES ((size_t) 2 * 1024 * 1024)
#define MUTANT_MAX_BYTES ((size_t) 16 * 1024) /* larger files are only replayed */

/* From memory that ends where the input does. */
static void run(const struct ts_fuzz_target *target, const char *data, size_t len)
{
        char *exact = ts_malloc(len);

        memcpy(exact, data, len);
        target->run(exact, len);
        free(exact);
}

static size_t run_mutants(const struct ts_fuzz_target *target, const struct ts_buf *text, unsigned long n)
{
        char *data = ts_malloc(ts_mutate_room(text->len));
        uint64_t state = text->len;

        for (unsigned long i = 0; i < n; i++)
                run(target, data, ts_mutate(ts_buf_text(text), text->len, data, &state));
        free(data);
        return n;
}

static int run_file(const struct ts_fuzz_target *target, const char *path, unsigned long n_mutants, size_t *n)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(INPUT_MAX_BYTES);
        int r = ts_file_read(AT_FDCWD, path, &text, NULL);

        if (r < 0) {
                (void) fprintf(stderr, "replay: %s: %s\n", path, strerror(-r));
                return r;
        }
        (void) fprintf(stderr, "%s\n", path); /* the last one is what breaks it */
        run(target, ts_buf_text(&text), text.len);
        *n += 1;
        if (text.len <= MUTANT_MAX_BYTES)
                *n += run_mutants(target, &text, n_mutants);
        return 0;
}

int main(int argc, char *argv[])
{
        const struct ts_fuzz_target *target = argc > 1 ? ts_fuzz_find(argv[1]) : NULL;
        unsigned long n_mutants = 0;
        int i = 2, status = 0;
        size_t n = 0;

        if (!target) {
                for (size_t k = 0; k < ts_fuzz_n_targets; k++)
                        printf("%s\n", ts_fuzz_targets[k].name);
                return argc > 1 ? 64 : 0;
        }
        if (argc > 3 && strcmp(argv[2], "--mutants") == 0) {
                n_mutants = strtoul(argv[3], NULL, 10);
                i = 4;
        }
        for (; i < argc; i++)
                status = run_file(target, argv[i], n_mutants, &n) < 0 ? 1 : status;
        printf("%s: %zu inputs\n", target->name, n);
        return n == 0 ? 1 : status;
}
