#include "genesys/audit.h"

#include <errno.h>
#include <string.h>

#include "util/limits.h"

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
        return p->page > 1 && p->n == 0 && (verdict == TS_VERDICT_GONE || verdict == TS_VERDICT_REJECTED);
}

static int ask_page(struct ts_client *client, struct pages *p, const struct ts_call *call,
                    struct ts_json_writer *w, bool *ret_more, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_call_result result;
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
