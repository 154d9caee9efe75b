#include "genesys/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "genesys/listing.h"
#include "json/writer.h"
#include "util/limits.h"
#include "util/mem.h"

#define SEARCH_KEYS 50u
#define SEARCH_PAGE_SIZE 100u
#define SEARCH_PAGES_MAX 20u

struct search {
        enum ts_kind kind;
        const char *const *keys; /* e-mails, or names of groups */
        size_t n;                /* at most SEARCH_KEYS */
        struct ts_id *ids;
        bool ambiguous[SEARCH_KEYS];
        int64_t n_pages;
        struct ts_err err;
};

static void put_search(struct ts_buf *body, const struct search *s, unsigned page)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(body, false);

        ts_json_open_object(&w);
        ts_json_key(&w, "query");
        ts_json_open_array(&w);
        ts_json_open_object(&w);
        ts_json_add_string(&w, "type", "EXACT");
        ts_json_key(&w, "fields");
        ts_json_open_array(&w);
        ts_json_put_string(&w, s->kind == TS_KIND_GROUP ? "name" : "email");
        ts_json_close_array(&w);
        ts_json_key(&w, "values");
        ts_json_open_array(&w);
        for (size_t i = 0; i < s->n; i++)
                ts_json_put_string(&w, s->keys[i]);
        ts_json_close_array(&w);
        ts_json_close_object(&w);
        ts_json_close_array(&w);
        ts_json_add_int(&w, "pageSize", SEARCH_PAGE_SIZE);
        ts_json_add_int(&w, "pageNumber", page);
        ts_json_close_object(&w);
}

/* The index finds more than was asked for; who counts is called exactly that and is active. */
static void search_take(struct search *s, const struct ts_json *found)
{
        bool is_group = s->kind == TS_KIND_GROUP;
        const char *key = ts_json_get_intact_string(found, is_group ? "name" : "email");
        const char *state = ts_json_get_string(found, "state");
        struct ts_id id;

        if (!key || !state || strcmp(state, "active") != 0 || !ts_json_get_id(found, "id", &id))
                return;
        for (size_t i = 0; i < s->n; i++) {
                if (!(is_group ? strcmp(key, s->keys[i]) == 0 : ts_equal_fold(key, s->keys[i])))
                        continue;
                if (!ts_id_is_nil(&s->ids[i]) && !ts_id_equal(&s->ids[i], &id))
                        s->ambiguous[i] = true;
                s->ids[i] = id;
        }
}

static void on_search(size_t i, const struct ts_call_result *result, void *userdata)
{
        struct search *s = userdata;
        const struct ts_json *results;
        int64_t total;

        (void) i;
        s->n_pages = 1;
        if (result->verdict == TS_VERDICT_NOT_FOUND)
                return; /* nobody */
        if (result->verdict != TS_VERDICT_OK) {
                s->err = result->err;
                if (result->verdict == TS_VERDICT_FORBIDDEN)
                        s->err.code = -EACCES;
                return;
        }
        results = ts_json_get_array(result->json, "results");
        if (!results && ts_json_get_int(result->json, "total", &total) && total == 0)
                return; /* nobody */
        if (!results || !ts_json_get_int(result->json, "pageCount", &s->n_pages)) {
                (void) ts_err_set(&s->err, TS_ERR_REMOTE, -EBADMSG, "the search for %ss has no usable '%s'",
                                  ts_kind_to_string(s->kind), results ? "pageCount" : "results");
                return;
        }
        TS_JSON_FOREACH (found, results)
                search_take(s, found);
}

static int search_page(struct ts_client *client, struct search *s, unsigned page, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf body = TS_BUF_INIT(TS_HTTP_REQUEST_MAX_BYTES);
        struct ts_call call = { .op = s->kind == TS_KIND_GROUP ? TS_OP_SEARCH_GROUPS : TS_OP_SEARCH_USERS };
        struct ts_call_result result = { .verdict = TS_VERDICT_STOPPED };
        struct ts_batch batch = {
                .calls = &call, .n = 1, .results = &result, .on_result = on_search, .userdata = s
        };
        int r;

        put_search(&body, s, page);
        call.body = ts_buf_text(&body);
        call.body_len = body.len;
        r = ts_client_run(client, &batch, err);
        if (r < 0)
                return r;
        if (s->err.cls == TS_ERR_NONE)
                return 0;
        *err = s->err;
        return err->code;
}

int ts_read_search(struct ts_client *client, enum ts_kind kind, const char *const *keys, size_t n,
                   struct ts_id *ret, struct ts_err *err)
{
        memset(ret, 0, n * sizeof(*ret));
        for (size_t first = 0; first < n; first += SEARCH_KEYS) {
                struct search s = { .kind = kind, .keys = keys + first, .ids = ret + first, .n_pages = 1 };

                s.n = n - first < SEARCH_KEYS ? n - first : SEARCH_KEYS;
                for (unsigned page = 1; page <= s.n_pages && page <= SEARCH_PAGES_MAX; page++) {
                        int r = search_page(client, &s, page, err);

                        if (r < 0)
                                return r;
                }
                for (size_t i = 0; i < s.n; i++)
                        if (s.ambiguous[i])
                                ret[first + i] = (struct ts_id){ 0 };
        }
        return 0;
}

/* ---------------------------------------------------------------------------------------------- everybody */

struct directory {
        struct ts_live *live;
        enum ts_kind kind;
        struct ts_member *items;
        size_t n, n_allocated;
};

static int directory_on_entity(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err)
{
        struct directory *d = userdata;
        int r;

        (void) i;
        TS_GROW(d->items, d->n_allocated, d->n);
        r = ts_read_member(entity, d->kind, &d->live->arena, &d->items[d->n], err);
        d->n += r >= 0;
        return r;
}

static void directory_on_restart(size_t i, void *userdata)
{
        (void) i;
        ((struct directory *) userdata)->n = 0;
}

static void take_directory(struct directory *d, bool only_active, struct ts_members *ret)
{
        *ret = (struct ts_members){ .coverage = TS_COVERAGE_COMPLETE };
        ret->items = TS_ARENA_ARRAY(&d->live->arena, struct ts_member, d->n);
        for (size_t i = 0; i < d->n; i++)
                if (!only_active || !d->items[i].state || strcmp(d->items[i].state, "active") == 0)
                        ret->items[ret->n++] = d->items[i];
        ret->n = ts_members_sort(ret->items, ret->n);
}

/* @id: in the operation's path; nil: it has none */
static int read_directory(struct directory *d, struct ts_client *client, enum ts_operation op,
                          const struct ts_id *id, struct ts_members *ret, struct ts_err *err)
{
        TS_CLEANUP(ts_listings_done) struct ts_listings l;
        int r;

        ts_listings_init(&l, client, &d->live->arena, 1, op);
        l.items[0].id = *id;
        l.on_entity = directory_on_entity;
        l.on_restart = directory_on_restart;
        l.userdata = d;
        r = ts_listings_read(&l, err);
        if (r >= 0 && l.items[0].coverage != TS_COVERAGE_COMPLETE) {
                *err = *l.items[0].err;
                r = -ENODATA;
        }
        if (r >= 0)
                take_directory(d, op != TS_OP_LIST_GROUP_MEMBERS, ret);
        free(d->items);
        return r;
}

int ts_read_directory(struct ts_client *client, struct ts_live *live, enum ts_kind kind,
                      struct ts_members *ret, struct ts_err *err)
{
        struct directory d = { .live = live, .kind = kind };

        return read_directory(&d, client, kind == TS_KIND_GROUP ? TS_OP_LIST_GROUPS : TS_OP_LIST_USERS,
                              &(struct ts_id){ { 0 } }, ret, err);
}

int ts_read_group_members(struct ts_client *client, struct ts_live *live, const struct ts_id *group,
                          struct ts_members *ret, struct ts_err *err)
{
        struct directory d = { .live = live, .kind = TS_KIND_USER };

        return read_directory(&d, client, TS_OP_LIST_GROUP_MEMBERS, group, ret, err);
}
