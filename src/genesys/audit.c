#include "genesys/audit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "trust/resolve.h"
#include "util/limits.h"
#include "util/map.h"

/* ------------------------------------------------------------------------------------- what was done here */

/* Where one reading is. */
struct pages {
        unsigned page;          /* the one asked for */
        int64_t n;              /* how many there are; 0: not known */
        struct ts_buf previous; /* how the last one began */
};

#define BEGINNING_MAX_BYTES (64u * 1024u)

static void pages_done(struct pages *p)
{
        ts_buf_done(&p->previous);
}

static void put_question(const struct ts_audit_question *q, struct ts_buf *out)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, false);

        ts_json_open_object(&w);
        if (q->direction == TS_TRUSTEE) {
                ts_json_key(&w, "trusteeOrganizationIds");
                ts_json_open_array(&w);
                ts_json_put_id(&w, &q->trust);
                ts_json_close_array(&w);
        } else {
                ts_json_add_id(&w, "trustorOrganizationId", &q->trust);
        }
        ts_json_key(&w, "trusteeUserIds");
        ts_json_open_array(&w);
        for (size_t i = 0; i < q->n_users; i++)
                ts_json_put_id(&w, &q->users[i]);
        ts_json_close_array(&w);
        ts_json_add_string(&w, "startDate", ts_time_format_api(q->since).s);
        ts_json_add_string(&w, "endDate", ts_time_format_api(q->until).s);
        ts_json_close_object(&w);
}

/* The list of an answer: by the names that lists have in this API, else its longest array. NULL: none. */
static const struct ts_json *find_list(const struct ts_json *answer)
{
        static const char *const names[] = { "entities", "results", "auditMessages" };
        const struct ts_json *longest = NULL;

        if (!answer || answer->type == TS_JSON_ARRAY)
                return answer;
        for (size_t i = 0; i < TS_N_ELEMENTS(names); i++)
                if (ts_json_get_array(answer, names[i]))
                        return ts_json_get_array(answer, names[i]);
        if (answer->type != TS_JSON_OBJECT)
                return NULL;
        TS_JSON_FOREACH (child, answer)
                if (child->type == TS_JSON_ARRAY && (!longest || child->n > longest->n))
                        longest = child;
        return longest;
}

static int64_t count_pages(const struct ts_json *answer, const struct ts_json *list)
{
        int64_t n;

        if (ts_json_get_int(answer, "pageCount", &n) && n > 0)
                return n;
        if (list && list->n > 0 && ts_json_get_int(answer, "total", &n) && n > 0)
                return (n - 1) / list->n + 1;
        return 0;
}

/* Does this page begin like the one before? Then the server does not heed the number of the page. */
static bool is_repeated(struct pages *p, const struct ts_json *list)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf beginning = TS_BUF_INIT(BEGINNING_MAX_BYTES);
        struct ts_json_writer w = TS_JSON_WRITER_INIT(&beginning, false);
        bool is_same;

        if (list && list->n > 0)
                ts_json_put_value(&w, list->first);
        is_same = beginning.len > 0 && beginning.len == p->previous.len &&
                  memcmp(beginning.data, p->previous.data, beginning.len) == 0;
        ts_buf_reset(&p->previous);
        (void) ts_buf_put(&p->previous, ts_buf_text(&beginning), beginning.len); /* it holds as much */
        return is_same;
}

/* Takes what arrived; true: there may be more. */
static bool take_page(struct pages *p, const struct ts_json *answer, struct ts_json_writer *w)
{
        const struct ts_json *list = find_list(answer);

        if (!answer || is_repeated(p, list))
                return false;
        if (p->page > 1 && list && list->n == 0)
                return false;
        ts_json_put_value(w, answer);
        if (p->page == 1)
                p->n = count_pages(answer, list);
        if (p->n > 0)
                return p->page < p->n;
        return list && list->n > 0;
}

static int check_bounds(const struct pages *p, const struct ts_json_writer *w, struct ts_err *err)
{
        if (w->out->len > TS_AUDIT_MAX_BYTES)
                return ts_err_set(err, TS_ERR_REMOTE, -EFBIG,
                                  "cut: there is more than %u MiB; ask with --since, --trust or --user for "
                                  "less",
                                  TS_AUDIT_MAX_BYTES / 1024 / 1024);
        if (p->page > TS_AUDIT_PAGES_MAX)
                return ts_err_set(err, TS_ERR_REMOTE, -EFBIG,
                                  "cut: there are more than %u pages; ask with --since or --user for less",
                                  TS_AUDIT_PAGES_MAX);
        return 0;
}

/* Nothing said that this page is there, and the server says that it is not. */
static bool is_past_the_end(const struct pages *p, enum ts_verdict verdict)
{
        return p->page > 1 && p->n == 0 &&
               (verdict == TS_VERDICT_NOT_FOUND || verdict == TS_VERDICT_REJECTED);
}

static int ask_page(struct ts_client *client, struct pages *p, const struct ts_call *call,
                    struct ts_json_writer *w, bool *ret_more, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_call_result result = { 0 };
        struct ts_batch batch = { .calls = call, .n = 1, .results = &result, .arena = &arena };
        int r;

        *ret_more = false;
        r = ts_client_run(client, &batch, err);
        if (r < 0)
                return r;
        if (is_past_the_end(p, result.verdict))
                return 0;
        if (result.verdict != TS_VERDICT_OK) {
                *err = result.err;
                return err->code;
        }
        *ret_more = take_page(p, result.json, w);
        return 0;
}

int ts_audit_read(struct ts_client *client, const struct ts_audit_question *q, struct ts_json_writer *w,
                  struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf body = TS_BUF_INIT(TS_HTTP_REQUEST_MAX_BYTES);
        TS_CLEANUP(pages_done) struct pages p = { .page = 1, .previous = TS_BUF_INIT(BEGINNING_MAX_BYTES) };
        struct ts_call call = { .op = q->direction == TS_TRUSTEE ? TS_OP_AUDIT_TRUSTEES : TS_OP_AUDIT_TRUSTOR,
                                .page_size = TS_CLIENT_PAGE_SIZE };
        bool more = true;
        int r = 0;

        put_question(q, &body);
        if (ts_buf_failed(&body))
                return ts_err_set(err, TS_ERR_REMOTE, -EFBIG,
                                  "%zu users are more than a request holds; choose with --user", q->n_users);
        call.body = ts_buf_text(&body);
        call.body_len = body.len;
        for (; r >= 0 && more; p.page++) {
                r = check_bounds(&p, w, err);
                if (r < 0)
                        break;
                call.page = p.page;
                r = ask_page(client, &p, &call, w, &more, err);
        }
        return r;
}

/* --------------------------------------------------------------------------------------- who changed what */

#define SERVICE "PeoplePermissions"             /* trusts, their members, roles and who holds them */
#define QUERY_SEC ((int64_t) 30 * 24 * 60 * 60) /* the most that one query may reach back */
#define QUERY_USEC (10 * TS_USEC_PER_SEC)
#define MENTIONED_MAX 64u /* ids in one entry */

static const uint64_t waits_usec[] = {
        250 * TS_USEC_PER_MSEC, 500 * TS_USEC_PER_MSEC, 1 * TS_USEC_PER_SEC, 2 * TS_USEC_PER_SEC,
        2 * TS_USEC_PER_SEC,    2 * TS_USEC_PER_SEC,    2 * TS_USEC_PER_SEC,
};

static void put_query(int64_t now, struct ts_buf *out)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, false);
        char interval[2 * sizeof(struct ts_time_text)];

        (void) snprintf(interval, sizeof(interval), "%s/%s", ts_time_format(now - QUERY_SEC).s,
                        ts_time_format(now).s); /* it has room for two */
        ts_json_open_object(&w);
        ts_json_add_string(&w, "interval", interval);
        ts_json_add_string(&w, "serviceName", SERVICE);
        ts_json_key(&w, "sort");
        ts_json_open_array(&w);
        ts_json_open_object(&w);
        ts_json_add_string(&w, "name", "Timestamp");
        ts_json_add_string(&w, "sortOrder", "descending");
        ts_json_close_object(&w);
        ts_json_close_array(&w);
        ts_json_close_object(&w);
}

static int ask(struct ts_client *client, const struct ts_call *call, struct ts_arena *arena,
               const struct ts_json **ret, struct ts_err *err)
{
        struct ts_call_result result = { 0 };
        struct ts_batch batch = { .calls = call, .n = 1, .results = &result, .arena = arena };
        int r = ts_client_run(client, &batch, err);

        if (r < 0)
                return r;
        if (result.verdict != TS_VERDICT_OK) {
                *err = result.err;
                return err->code;
        }
        *ret = result.json;
        return 0;
}

static int begin_query(struct ts_client *client, int64_t now, struct ts_arena *arena,
                       const struct ts_json **ret, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf body = TS_BUF_INIT(1024);
        struct ts_call call = { .op = TS_OP_CREATE_AUDIT_QUERY, .is_optional = true };

        put_query(now, &body);
        call.body = ts_buf_text(&body);
        call.body_len = body.len;
        return ask(client, &call, arena, ret, err);
}

static bool has_state(const struct ts_json *query, const char *state)
{
        return ts_equal_fold(ts_json_get_string(query, "state"), state);
}

/* Waits until the query @id has its results; @query is the newest that is known of it. */
static int await_query(struct ts_client *client, const struct ts_clock *clock, const struct ts_id *id,
                       const struct ts_json *query, struct ts_arena *arena, struct ts_err *err)
{
        struct ts_call call = { .op = TS_OP_GET_AUDIT_QUERY, .ids = { *id }, .is_optional = true };
        uint64_t deadline = ts_clock_boottime(clock) + QUERY_USEC;
        int r;

        for (size_t i = 0; !has_state(query, "Succeeded"); i++) {
                if (!has_state(query, "Queued") && !has_state(query, "Running"))
                        return ts_err_set(err, TS_ERR_REMOTE, -EREMOTEIO, "the audit query came to nothing");
                if (i == TS_N_ELEMENTS(waits_usec) || ts_clock_boottime(clock) >= deadline)
                        return ts_err_set(err, TS_ERR_TRANSIENT, -ETIMEDOUT,
                                          "the audit query takes too long");
                r = ts_client_wait(client, waits_usec[i], err);
                if (r >= 0)
                        r = ask(client, &call, arena, &query, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The ids that a text holds, wherever: "id", "user:id", "[id/id]". */
static void find_ids(const char *s, size_t len, struct ts_ids *ids)
{
        struct ts_id id;

        for (size_t i = 0; i + TS_ID_TEXT_LEN <= len && ids->n < MENTIONED_MAX; i++) {
                if (!ts_id_parse(s + i, TS_ID_TEXT_LEN, &id))
                        continue;
                if (!ts_ids_have(ids, &id))
                        ids->items[ids->n++] = id;
                i += TS_ID_TEXT_LEN - 1;
        }
}

static void find_mentioned(const struct ts_json *value, struct ts_ids *ids)
{
        if (!value)
                return;
        if (value->type == TS_JSON_STRING)
                find_ids(value->string, value->n, ids);
        if (value->type == TS_JSON_ARRAY || value->type == TS_JSON_OBJECT)
                TS_JSON_FOREACH (child, value)
                        find_mentioned(child, ids);
}

static const char *name_of(const struct ts_json *entry, const struct ts_json *user, struct ts_arena *arena)
{
        static const char *const keys[] = { "email", "name", "id" };
        const char *client = ts_json_get_string(ts_json_get_object(entry, "client"), "id");

        for (size_t i = 0; i < TS_N_ELEMENTS(keys); i++) {
                const char *text = ts_json_get_string(user, keys[i]);

                if (text && text[0] != '\0')
                        return ts_arena_strdup(arena, text);
        }
        return client && client[0] != '\0' ? ts_arena_printf(arena, "OAuth client %s", client) : NULL;
}

static struct ts_person actor_of(const struct ts_json *entry, struct ts_arena *arena)
{
        const struct ts_json *user = ts_json_get_object(entry, "user");
        struct ts_person p = { .name = name_of(entry, user, arena) };

        if (!ts_json_get_id(user, "id", &p.id))
                p.id = (struct ts_id){ 0 };
        if (!ts_json_get_id(entry, "userHomeOrgId", &p.organization))
                p.organization = (struct ts_id){ 0 };
        return p;
}

static int64_t when(const struct ts_json *entry)
{
        const char *text = ts_json_get_string(entry, "eventDate");
        int64_t t;

        return text && ts_time_parse(text, strlen(text), &t) == 0 ? t : TS_TIME_UNSET;
}

static void take_entry(const struct ts_json *json, struct ts_arena *arena, struct ts_audit_entry *ret)
{
        static const char *const about[] = { "entity", "context", "propertyChanges", "entityChanges",
                                             "message" };
        const struct ts_json *entity = ts_json_get_object(json, "entity");

        *ret = (struct ts_audit_entry){
                .by = actor_of(json, arena),
                .client = ts_arena_strdup(arena,
                                          ts_json_get_string(ts_json_get_object(json, "client"), "id")),
                .action = ts_arena_strdup(arena, ts_json_get_string(json, "action")),
                .entity_type = ts_arena_strdup(arena, ts_json_get_string(json, "entityType")),
                .failed = ts_equal_fold(ts_json_get_string(json, "status"), "FAILURE"),
                .when = when(json),
                .mentioned = { TS_ARENA_ARRAY(arena, struct ts_id, MENTIONED_MAX), 0 },
        };
        if (!ts_json_get_id(entity, "id", &ret->entity))
                ret->entity = (struct ts_id){ 0 };
        for (size_t i = 0; i < TS_N_ELEMENTS(about); i++)
                find_mentioned(ts_json_get(json, about[i]), &ret->mentioned);
}

static int read_results(struct ts_client *client, const struct ts_id *id, struct ts_arena *arena,
                        struct ts_audit_entries *ret, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena scratch = TS_ARENA_INIT;
        struct ts_call call = { .op = TS_OP_GET_AUDIT_RESULTS, .ids = { *id }, .is_optional = true };
        const struct ts_json *answer = NULL, *list;
        int r;

        r = ask(client, &call, &scratch, &answer, err);
        if (r < 0)
                return r;
        list = ts_json_get_array(answer, "entities");
        *ret = (struct ts_audit_entries){ .items = TS_ARENA_ARRAY(arena, struct ts_audit_entry,
                                                                  list ? TS_AUDIT_ENTRIES_MAX : 0) };
        for (const struct ts_json *entry = list ? list->first : NULL; entry; entry = entry->next)
                if (ret->n < TS_AUDIT_ENTRIES_MAX)
                        take_entry(entry, arena, &ret->items[ret->n++]);
        return 0;
}

int ts_audit_query(struct ts_client *client, const struct ts_clock *clock, int64_t now,
                   struct ts_arena *arena, struct ts_audit_entries *ret, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena scratch = TS_ARENA_INIT;
        const struct ts_json *query = NULL;
        struct ts_id id;
        int r;

        r = begin_query(client, now, &scratch, &query, err);
        if (r < 0)
                return r;
        if (!ts_json_get_id(query, "id", &id))
                return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "the audit query has no usable 'id'");
        r = await_query(client, clock, &id, query, &scratch, err);
        return r < 0 ? r : read_results(client, &id, arena, ret, err);
}
