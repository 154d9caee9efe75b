/*
 * accepted - what the strict YAML reader makes of texts, for another parser to be held against
 *
 * accepted [--mutants N] FILE...: for each file, and N texts made from it, that are accepted without a fault,
 * a line of JSON: {"text": ..., "value": ...}. All scalars are strings; what is not written is null.
 * accepted --json FILE...: "accepted" or "refused" for each file, which the JSON reader gets.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/reader.h"
#include "json/writer.h"
#include "mutate.h"
#include "util/file.h"
#include "util/mem.h"
#include "yaml-json.h"

#define INPUT_MAX_BYTES ((size_t) 256 * 1024)
#define OUTPUT_MAX_BYTES ((size_t) 16 * 1024 * 1024)

/* Appends the JSON of an accepted text. */
static bool accept_text(const char *data, size_t len, struct ts_buf *json)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(len + 1);
        struct ts_yaml y = { .file = "text", .cls = TS_FAULT_DECLARATIONS, .faults = &faults };
        bool accepted;

        (void) ts_buf_put(&text, data, len);
        y.text = ts_buf_text(&text);
        y.len = len;
        accepted = ts_yaml_parse(&y) == 0 && faults.n == 0 && y.root;
        if (accepted)
                ts_yaml_put_json(y.root, json);
        ts_yaml_done(&y);
        return accepted;
}

static void print_if_accepted(const char *data, size_t len)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf value = TS_BUF_INIT(OUTPUT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done)
        struct ts_buf text = TS_BUF_INIT(OUTPUT_MAX_BYTES), line = TS_BUF_INIT(OUTPUT_MAX_BYTES);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&line, false);

        if (!accept_text(data, len, &value))
                return;
        (void) ts_buf_put(&text, data, len);
        ts_json_put_string(&w, ts_buf_text(&text));
        printf("{\"text\":%s,\"value\":%s}\n", ts_buf_text(&line), ts_buf_text(&value));
}

static int read_file(const char *path, struct ts_buf *text)
{
        int r = ts_file_read(AT_FDCWD, path, text, NULL);

        if (r < 0)
                (void) fprintf(stderr, "accepted: %s: %s\n", path, strerror(-r));
        return r;
}

static void print_mutants(const struct ts_buf *text, unsigned long n)
{
        char *data = ts_malloc(ts_mutate_room(text->len));
        uint64_t state = text->len;

        for (unsigned long i = 0; i < n; i++)
                print_if_accepted(data, ts_mutate(ts_buf_text(text), text->len, data, &state));
        free(data);
}

static int print_json(const char *path)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(INPUT_MAX_BYTES);
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *value;
        struct ts_err err = { 0 };
        int r = read_file(path, &text);

        if (r < 0)
                return r;
        r = ts_json_parse(ts_buf_text(&text), text.len, &arena, &value, &err);
        printf("%s %s\n", r == 0 ? "accepted" : "refused", path);
        return 0;
}

static int print_all(const char *path, unsigned long n_mutants)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(INPUT_MAX_BYTES);
        int r = read_file(path, &text);

        if (r < 0)
                return r;
        print_if_accepted(ts_buf_text(&text), text.len);
        print_mutants(&text, n_mutants);
        return 0;
}

int main(int argc, char *argv[])
{
        bool as_json = argc > 1 && strcmp(argv[1], "--json") == 0;
        bool mutates = argc > 2 && strcmp(argv[1], "--mutants") == 0;
        unsigned long n = mutates ? strtoul(argv[2], NULL, 10) : 0;
        int status = 0;

        for (int i = as_json ? 2 : mutates ? 3 : 1; i < argc; i++)
                if ((as_json ? print_json(argv[i]) : print_all(argv[i], n)) < 0)
                        status = 1;
        return status;
}
