/*
 * JSON, and the readers of single answers
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "genesys/read.h"
#include "json/reader.h"
#include "json/writer.h"
#include "targets.h"
#include "util/escape.h"
#include "util/limits.h"

/* --------------------------------------------------------------------------------------------------- json */

static bool is_same(const struct ts_json *a, const struct ts_json *b)
{
        const struct ts_json *y;

        if (a->type == TS_JSON_REAL && b->type == TS_JSON_INT) /* 1.0 is written as 1 */
                return fabs(a->real - (double) b->integer) <= fabs(a->real) * 1e-14;
        if (a->type != b->type || a->n != b->n)
                return false;
        switch (a->type) {
        case TS_JSON_NULL:
                return true;
        case TS_JSON_BOOL:
                return a->boolean == b->boolean;
        case TS_JSON_INT:
                return a->integer == b->integer;
        case TS_JSON_REAL:
                return fabs(a->real - b->real) <= fabs(a->real) * 1e-14;
        case TS_JSON_STRING:
                return strcmp(a->string, b->string) == 0;
        case TS_JSON_ARRAY:
        case TS_JSON_OBJECT:
                break;
        }
        y = b->first;
        TS_JSON_FOREACH (x, a) {
                if (!y || (a->type == TS_JSON_OBJECT && strcmp(x->key, y->key) != 0) || !is_same(x, y))
                        return false;
                y = y->next;
        }
        return !y;
}

static void check_value(const struct ts_json *v, unsigned depth)
{
        uint32_t n = 0;

        must(depth <= TS_JSON_MAX_DEPTH + 1);
        if (v->type == TS_JSON_STRING)
                must(strlen(v->string) == v->n && ts_utf8_is_valid(v->string, v->n));
        if (v->type == TS_JSON_REAL)
                must(isfinite(v->real));
        if (v->type != TS_JSON_ARRAY && v->type != TS_JSON_OBJECT)
                return;
        TS_JSON_FOREACH (child, v) {
                must((child->key != NULL) == (v->type == TS_JSON_OBJECT));
                check_value(child, depth + 1);
                n++;
        }
        must(n == v->n);
}

void ts_fuzz_json(const char *data, size_t len)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT((size_t) 64 << 20);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&text, false);
        const struct ts_json *v = NULL, *again = NULL;
        struct ts_err err = { 0 };
        int r = ts_json_parse(data, len, &arena, &v, &err);

        must((r == 0) == (v != NULL));
        must(r == 0 || r == -EBADMSG || r == -EFBIG);
        ts_fuzz_check_error(r, &err);
        if (r < 0)
                return;
        check_value(v, 1);
        ts_json_put_value(&w, v);
        must(!ts_buf_failed(&text));
        must(ts_json_parse(text.data, text.len, &arena, &again, &err) == 0);
        must(is_same(v, again));
}

/* ------------------------------------------------------------------------------------------------ answers */

static void answer_trust(const struct ts_json *v, struct ts_live *live, enum ts_direction direction)
{
        struct ts_trust trust = { 0 };
        struct ts_err err = { 0 };
        int r = ts_read_trust(v, direction, &live->arena, &trust, &err);

        ts_fuzz_check_error(r, &err);
        must(r < 0 || !ts_id_is_nil(&trust.id));
}

/* 1: the object is there, and a text that decides what is meant cannot be used; the error says which. */
static void check_object(int r, const struct ts_err *err)
{
        must(r <= 1);
        if (r == 1)
                must(err->cls != TS_ERR_NONE && err->msg[0] != '\0');
        else
                ts_fuzz_check_error(r, err);
}

static void answer_pairing(const struct ts_json *v, struct ts_live *live)
{
        struct ts_pairing pairing = { 0 };
        struct ts_err err = { 0 };
        int r = ts_read_pairing(v, &live->arena, &pairing, &err);

        check_object(r, &err);
        must(r < 0 || !ts_id_is_nil(&pairing.id));
}

static void answer_member(const struct ts_json *v, struct ts_live *live, enum ts_kind kind)
{
        struct ts_member member = { 0 };
        struct ts_err err = { 0 };
        int r = ts_read_member(v, kind, &live->arena, &member, &err);

        check_object(r, &err);
        must(r < 0 || (!ts_id_is_nil(&member.id) && member.kind == kind));
}

/* Indices of the catalogue; sorted, each once. */
static void answer_subject(const struct ts_json *v, struct ts_live *live)
{
        static const struct ts_id who = { { 0x11, 0x11 } };
        struct ts_grant *grants = NULL;
        struct ts_err err = { 0 };
        size_t n = 0;
        int r = ts_read_subject(v, &who, live, &live->arena, &grants, &n, &err);

        ts_fuzz_check_error(r, &err);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                must(grants[i].role < live->catalog.n_roles);
                must(grants[i].division == TS_DIVISION_ALL || grants[i].division < live->catalog.n_divisions);
        }
}

static void answer_roles(const struct ts_json *v, struct ts_live *live)
{
        struct ts_err err = { 0 };
        uint32_t *roles = NULL;
        size_t n = 0;
        int r = ts_read_roles(v, live, &live->arena, &roles, &n, &err);

        ts_fuzz_check_error(r, &err);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                must(roles[i] < live->catalog.n_roles);
                must(i == 0 || roles[i - 1] < roles[i]);
        }
}

static void answer_division(const struct ts_json *v, struct ts_live *live)
{
        struct ts_err err = { 0 };
        uint32_t division = 0;
        int r = ts_read_division(v, live, &division, &err);

        ts_fuzz_check_error(r, &err);
        must(r < 0 || division == TS_DIVISION_ALL || division < live->catalog.n_divisions);
}

/* Every reader gets the same answer: none may take offence in what is meant for another. */
void ts_fuzz_answer(const char *data, size_t len)
{
        TS_CLEANUP(ts_live_freep) struct ts_live *live = ts_live_new();
        const struct ts_json *v;
        struct ts_err err = { 0 };

        if (ts_json_parse(data, len, &live->arena, &v, &err) < 0)
                return;
        answer_trust(v, live, TS_TRUSTEE);
        answer_trust(v, live, TS_TRUSTOR);
        answer_pairing(v, live);
        answer_member(v, live, TS_KIND_USER);
        answer_member(v, live, TS_KIND_GROUP);
        answer_member(v, live, TS_KIND_CLONE);
        answer_subject(v, live);
        answer_roles(v, live);
        answer_division(v, live);
}
