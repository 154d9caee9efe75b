#include "faultscript.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "json/reader.h"
#include "util/mem.h"
#include "util/timefmt.h"

enum faultscript_kind {
        FAULT_TEXT,
        FAULT_FLAG,
        FAULT_NUMBER,
};

#define FIELD(name, kind) \
        { \
#name, kind, offsetof(struct ts_fault, name) \
        }

static const struct faultscript_field {
        const char *name;
        enum faultscript_kind kind;
        size_t offset;
} when_fields[] = {
        FIELD(after, FAULT_NUMBER),
        FIELD(every, FAULT_NUMBER),
        FIELD(times, FAULT_NUMBER),
        FIELD(for_ms, FAULT_NUMBER),
}, match_fields[] = {
        FIELD(method, FAULT_TEXT),
        FIELD(path, FAULT_TEXT),
        FIELD(query, FAULT_TEXT),
        FIELD(organization, FAULT_TEXT),
}, what_fields[] = {
        FIELD(status, FAULT_NUMBER),
        FIELD(code, FAULT_TEXT),
        FIELD(message, FAULT_TEXT),
        FIELD(body, FAULT_TEXT),
        FIELD(content_type, FAULT_TEXT),
        FIELD(retry_after, FAULT_TEXT),
        FIELD(reset_before, FAULT_FLAG),
        FIELD(reset_after, FAULT_FLAG),
        FIELD(close, FAULT_FLAG),
        FIELD(hang, FAULT_FLAG),
        FIELD(garbage, FAULT_FLAG),
        FIELD(empty_body, FAULT_FLAG),
        FIELD(expire_token, FAULT_FLAG),
        FIELD(duplicate_keys, FAULT_FLAG),
        FIELD(effect, FAULT_FLAG),
        FIELD(ignored, FAULT_FLAG),
        FIELD(expires_step, FAULT_NUMBER),
        FIELD(spoil, FAULT_TEXT),
        FIELD(text, FAULT_TEXT),
        FIELD(truncate, FAULT_NUMBER),
        FIELD(delay_ms, FAULT_NUMBER),
        FIELD(drip_ms, FAULT_NUMBER),
        FIELD(huge_body, FAULT_NUMBER),
        FIELD(deep_json, FAULT_NUMBER),
        FIELD(stale, FAULT_NUMBER),
        FIELD(slow_propagation_ms, FAULT_NUMBER),
        FIELD(wrong_total, FAULT_NUMBER),
        FIELD(page_count, FAULT_NUMBER),
        FIELD(shift_page, FAULT_NUMBER),
        FIELD(drop_page, FAULT_FLAG),
        FIELD(repeat_page, FAULT_FLAG),
        FIELD(duplicate, FAULT_FLAG),
        FIELD(swap_id, FAULT_FLAG),
        FIELD(empty_list, FAULT_FLAG),
};

/* ------------------------------------------------------------------------------------------------ reading */

static const struct faultscript_field *faultscript_find(const struct faultscript_field *fields, size_t n,
                                                        const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(fields[i].name, name) == 0)
                        return &fields[i];
        return NULL;
}

static int faultscript_set(struct ts_fault_script *s, struct ts_fault *f,
                           const struct faultscript_field *field, const struct ts_json *v, struct ts_err *err)
{
        static const enum ts_json_type types[] = { TS_JSON_STRING, TS_JSON_BOOL, TS_JSON_INT };
        void *place = (char *) f + field->offset;

        if (v->type != types[field->kind])
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "'%s' is of the wrong type", field->name);
        switch (field->kind) {
        case FAULT_TEXT:
                *(const char **) place = ts_arena_strdup(&s->arena, v->string);
                break;
        case FAULT_FLAG:
                *(bool *) place = v->boolean;
                break;
        case FAULT_NUMBER:
                *(int64_t *) place = v->integer;
                break;
        }
        return 0;
}

static int faultscript_read_match(struct ts_fault_script *s, struct ts_fault *f, const struct ts_json *v,
                                  struct ts_err *err)
{
        if (v->type != TS_JSON_OBJECT)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "'match' is an object");
        TS_JSON_FOREACH (child, v) {
                const struct faultscript_field *field =
                                faultscript_find(match_fields, TS_N_ELEMENTS(match_fields), child->key);
                int r;

                if (!field)
                        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "nothing is matched by '%s'",
                                          child->key);
                r = faultscript_set(s, f, field, child, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int faultscript_read_nth(struct ts_fault_script *s, struct ts_fault *f, const struct ts_json *v,
                                struct ts_err *err)
{
        bool is_list = v->type == TS_JSON_ARRAY;

        f->nth = TS_ARENA_ARRAY(&s->arena, int64_t, is_list ? v->n : 1);
        for (const struct ts_json *n = is_list ? v->first : v; n; n = is_list ? n->next : NULL) {
                if (n->type != TS_JSON_INT)
                        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "'nth' is a number or a list of them");
                f->nth[f->n_nth++] = n->integer;
        }
        return 0;
}

static int faultscript_read_key(struct ts_fault_script *s, struct ts_fault *f, const struct ts_json *v,
                                struct ts_err *err)
{
        const struct faultscript_field *field;

        if (strcmp(v->key, "match") == 0)
                return faultscript_read_match(s, f, v, err);
        if (strcmp(v->key, "nth") == 0)
                return faultscript_read_nth(s, f, v, err);
        field = faultscript_find(when_fields, TS_N_ELEMENTS(when_fields), v->key);
        if (field)
                return faultscript_set(s, f, field, v, err);
        field = faultscript_find(what_fields, TS_N_ELEMENTS(what_fields), v->key);
        if (!field)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "there is no fault '%s'", v->key);
        f->label = f->label ? ts_arena_printf(&s->arena, "%s %s", f->label, field->name) : field->name;
        return faultscript_set(s, f, field, v, err);
}

static int faultscript_read_rule(struct ts_fault_script *s, struct ts_fault *f, const struct ts_json *v,
                                 struct ts_err *err)
{
        int r;

        if (v->type != TS_JSON_OBJECT)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "a rule is an object");
        *f = (struct ts_fault){ .truncate = -1, .page_count = -1 };
        TS_JSON_FOREACH (child, v) {
                r = faultscript_read_key(s, f, child, err);
                if (r < 0)
                        return r;
        }
        if (!f->label)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "it does not say what happens");
        return 0;
}

int ts_fault_script_parse(const struct ts_json *rules, struct ts_fault_script **ret, struct ts_err *err)
{
        TS_CLEANUP(ts_fault_script_freep) struct ts_fault_script *s = NULL;
        int r;

        if (rules->type != TS_JSON_ARRAY)
                return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "a fault script is a list of rules");
        s = ts_calloc(1, sizeof(*s));
        s->rules = TS_ARENA_ARRAY(&s->arena, struct ts_fault, rules->n);
        TS_JSON_FOREACH (rule, rules) {
                r = faultscript_read_rule(s, &s->rules[s->n_rules++], rule, err);
                if (r < 0)
                        return ts_err_wrap(err, r, "rule %zu", s->n_rules);
        }
        *ret = TS_TAKE(s);
        return 0;
}

void ts_fault_script_free(struct ts_fault_script *s)
{
        if (!s)
                return;
        ts_arena_done(&s->arena);
        free(s);
}

/* ------------------------------------------------------------------------------------------------- firing */

static bool faultscript_glob(const char *pattern, const char *text)
{
        return !pattern || (text && fnmatch(pattern, text, 0) == 0);
}

static bool faultscript_matches(const struct ts_fault *f, const struct ts_fault_request *req)
{
        return (!f->method || strcmp(f->method, req->method) == 0) && faultscript_glob(f->path, req->path) &&
               faultscript_glob(f->query, req->query) &&
               (!f->organization ||
                (req->organization_id && strcmp(f->organization, req->organization_id) == 0) ||
                (req->organization && strcmp(f->organization, req->organization) == 0));
}

/* @f->n_matched counts this request already. */
static bool faultscript_fires(const struct ts_fault *f, uint64_t now_usec)
{
        bool in_time = f->for_ms <= 0 || now_usec - f->first_usec <= (uint64_t) f->for_ms * TS_USEC_PER_MSEC;
        bool is_nth = f->n_nth == 0;

        for (size_t i = 0; i < f->n_nth; i++)
                is_nth = is_nth || f->nth[i] == f->n_matched;
        return in_time && is_nth && f->n_matched > f->after &&
               (f->every <= 0 || (f->n_matched - f->after) % f->every == 0) &&
               (f->times <= 0 || f->n_fired < f->times);
}

const struct ts_fault *ts_fault_script_next(struct ts_fault_script *s, const struct ts_fault_request *req)
{
        const struct ts_fault *first = NULL;

        for (size_t i = 0; i < s->n_rules; i++) {
                struct ts_fault *f = &s->rules[i];

                if (!faultscript_matches(f, req))
                        continue;
                if (f->n_matched++ == 0)
                        f->first_usec = req->now_usec;
                if (first || !faultscript_fires(f, req->now_usec))
                        continue;
                f->n_fired++;
                first = f;
        }
        return first;
}

void ts_fault_script_reset(struct ts_fault_script *s)
{
        for (size_t i = 0; i < s->n_rules; i++)
                s->rules[i].n_matched = s->rules[i].n_fired = 0;
}

bool ts_fault_prevents(const struct ts_fault *f)
{
        return f->reset_before || (!f->effect && (f->status > 0 || f->close || f->hang));
}
