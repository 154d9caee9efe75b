#include "genesys/listing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/mem.h"
#include "util/sorted.h"

/* Calls handed to the client at once. */
#define BATCH_MAX 1024u

#define ENTITIES_MAX ((size_t) TS_PAGES_MAX * TS_CLIENT_PAGE_SIZE)

void ts_listings_init(struct ts_listings *l, struct ts_client *client, struct ts_arena *arena, size_t n,
                      enum ts_operation op)
{
        *l = (struct ts_listings){ .client = client, .arena = arena, .n = n };
        l->items = ts_calloc(n, sizeof(*l->items));
        for (size_t i = 0; i < n; i++) {
                l->items[i].op = op;
                l->items[i].page_size = TS_CLIENT_PAGE_SIZE;
                l->items[i].next_page = 1;
        }
}

static void listing_forget_seen(struct ts_listing *li)
{
        free(li->seen);
        li->seen = NULL;
        li->n_seen = li->n_seen_allocated = 0;
}

void ts_listings_done(struct ts_listings *l)
{
        for (size_t i = 0; i < l->n; i++)
                listing_forget_seen(&l->items[i]);
        free(l->items);
        *l = (struct ts_listings){ 0 };
}

/* ------------------------------------------------------------------------------------------ what is wrong */

/* Ends this reading of the listing; the first reason counts. */
static void listing_spoil(struct ts_listings *l, struct ts_listing *li, const struct ts_err *err)
{
        if (!li->err)
                li->err = ts_arena_memdup(l->arena, err, sizeof(*err));
        li->n_pages = li->next_page - 1;
}

static void TS_PRINTF(3, 4) listing_flaw(struct ts_listings *l, struct ts_listing *li, const char *fmt, ...)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf request = TS_BUF_INIT(TS_URL_MAX_BYTES);
        struct ts_err err = { 0 };
        char why[256];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(why, sizeof(why), fmt, ap); /* a longer reason is cut */
        va_end(ap);

        ts_operation_describe(li->op, &li->id, ts_operation_info(li->op)->n_ids, &request);
        (void) ts_err_set(&err, TS_ERR_REMOTE, -EBADMSG, "%s: %s is not complete: %s",
                          ts_client_get_alias(l->client), ts_buf_text(&request), why);
        listing_spoil(l, li, &err);
}

/* ------------------------------------------------------------------------------------- ids that were seen */

static int id_compare_void(const void *a, const void *b)
{
        return ts_id_compare(a, b);
}

static bool seen_is_sorted(const struct ts_listing *li)
{
        for (size_t i = 1; i < li->n_seen; i++)
                if (ts_id_compare(&li->seen[i - 1], &li->seen[i]) >= 0)
                        return false;
        return true;
}

/* Without the second ones. */
static void seen_sort(struct ts_listing *li)
{
        if (!seen_is_sorted(li))
                li->n_seen = TS_SORT_UNIQUE(li->seen, li->n_seen, id_compare_void);
}

/* ----------------------------------------------------------------------------------------------- one page */

struct page {
        size_t n;            /* entities */
        bool has_page_count; /* a usable one */
        int64_t page_count;
};

static void take_entities(struct ts_listings *l, size_t i, const struct ts_json *entities, struct page *page)
{
        struct ts_listing *li = &l->items[i];
        struct ts_err err = { 0 }; /* of an entity that cannot be used; too large to be made for each */

        TS_JSON_FOREACH (entity, entities) {
                struct ts_id id;
                int r;

                page->n++;
                if (!ts_json_get_id(entity, "id", &id) || ts_id_is_nil(&id)) {
                        listing_flaw(l, li, "an entity has no valid 'id'");
                        continue;
                }
                if (li->n_seen >= ENTITIES_MAX) {
                        listing_flaw(l, li, "it has more than %zu entities", ENTITIES_MAX);
                        break;
                }
                TS_GROW(li->seen, li->n_seen_allocated, li->n_seen);
                li->seen[li->n_seen++] = id;
                r = l->on_entity(i, entity, l->userdata, &err);
                if (r < 0)
                        listing_flaw(l, li, "%s", err.msg);
                else if (r > 0 && li->n_faulty++ == 0)
                        li->first_faulty = ts_arena_memdup(l->arena, &err, sizeof(err));
        }
}

static void take_total(struct ts_listings *l, struct ts_listing *li, const struct ts_json *json,
                       unsigned number)
{
        int64_t total;

        if (!ts_json_get_int(json, "total", &total))
                return;
        if (number > 1 && li->has_total && total != li->total)
                listing_flaw(l, li, "it changed while it was being read");
        li->has_total = true;
        li->total = total;
}

/* From page 1: the number of pages to read; 0: it has to be found out page by page. */
static uint64_t count_pages(const struct ts_listing *li, const struct page *first)
{
        uint64_t needed = 0;

        if (first->n == 0)
                return 1;
        if (li->has_total)
                needed = li->total <= 0 ? 1 : ((uint64_t) li->total + first->n - 1) / first->n;
        if (!first->has_page_count)
                return needed;
        if (li->has_total && (uint64_t) first->page_count > needed + 1)
                return needed + 1;
        return (uint64_t) first->page_count;
}

static void take_first_page(struct ts_listings *l, struct ts_listing *li, const struct page *page)
{
        uint64_t n_pages = count_pages(li, page);

        li->has_first_page = true;
        if (n_pages > TS_PAGES_MAX) {
                listing_flaw(l, li, "it has more than %u pages", TS_PAGES_MAX);
                return;
        }
        if (li->n_pages == 0) /* not spoiled */
                li->n_pages = (unsigned) n_pages;
        li->is_ended = page->n == 0 || page->has_page_count;
        seen_sort(li);
}

/* Behind a page 1 that did not tell how many there are: the first page that is empty, or only repeats, is the
 * last one. */
static void take_unnumbered_page(struct ts_listings *l, struct ts_listing *li, unsigned number,
                                 const struct page *page, size_t n_before)
{
        seen_sort(li);
        if (li->n_seen == n_before) {
                li->is_ended = page->n == 0;
                li->n_pages = number;
        } else if (number == TS_PAGES_MAX) {
                listing_flaw(l, li, "it has more than %u pages", TS_PAGES_MAX);
        }
}

static void take_page(struct ts_listings *l, size_t i, unsigned number, const struct ts_json *json)
{
        struct ts_listing *li = &l->items[i];
        const struct ts_json *entities = json ? ts_json_get_array(json, "entities") : NULL;
        struct page page = { 0 };
        size_t n_before = li->n_seen;
        int64_t total;

        if (l->arena->n_bytes > TS_LIVE_MAX_BYTES) {
                li->is_final = true;
                listing_flaw(l, li, "what is kept of this organization's lists is over the limit of %u bytes",
                             TS_LIVE_MAX_BYTES);
                return;
        }
        if (entities) {
                take_entities(l, i, entities, &page);
        } else if (!json || !ts_json_get_int(json, "total", &total) || total != 0) {
                listing_flaw(l, li, "page %u has no 'entities'", number);
                return;
        }
        page.has_page_count = ts_json_get_int(json, "pageCount", &page.page_count) && page.page_count > 0;

        take_total(l, li, json, number);
        if (number == 1)
                take_first_page(l, li, &page);
        else if (li->n_pages == 0)
                take_unnumbered_page(l, li, number, &page, n_before);
        else
                li->is_ended = li->is_ended && page.n > 0;
        li->n_entities += page.n;
}

static void take_result(struct ts_listings *l, size_t i, unsigned number, const struct ts_call_result *result)
{
        struct ts_listing *li = &l->items[i];

        li->n_awaited--;
        switch (result->verdict) {
        case TS_VERDICT_OK:
                take_page(l, i, number, result->json);
                return;
        case TS_VERDICT_NOT_FOUND:
                li->is_gone = true;
                break;
        case TS_VERDICT_FORBIDDEN:
                li->is_denied = true;
                break;
        default:
                if (strcmp(result->code, "response.entity.too.large") == 0 || result->err.code == -EFBIG)
                        li->is_too_large = true;
        }
        /* What the client gave up after its retries, and what is refused from the start, does not get better
         * at once. */
        if (number == 1 || result->verdict == TS_VERDICT_FAILED)
                li->is_final = true;
        listing_spoil(l, li, &result->err);
}

/* -------------------------------------------------------------------------------------------- one listing */

static void listing_restart(struct ts_listings *l, size_t i)
{
        struct ts_listing *li = &l->items[i];

        li->next_page = 1;
        li->n_pages = 0;
        li->has_total = li->is_ended = li->is_too_large = li->is_gone = li->is_denied = false;
        li->is_final = false;
        li->err = NULL;
        li->n_seen = li->n_entities = li->n_faulty = 0;
        if (l->on_restart)
                l->on_restart(i, l->userdata);
}

static void check_proof(struct ts_listings *l, struct ts_listing *li)
{
        if (li->err)
                return;
        seen_sort(li);
        if (li->has_total && (int64_t) li->n_seen != li->total)
                listing_flaw(l, li, "its 'total' is %lld, and %zu came", (long long) li->total, li->n_seen);
        else if (!li->has_total && !li->is_ended)
                listing_flaw(l, li, "nothing proves that its last page was read");
        else if (!li->has_total && li->n_seen < li->n_entities)
                listing_flaw(l, li, "it has no 'total', and an id comes twice");
}

/* One sentence for all of its objects: there may be very many. */
static void note_faulty(struct ts_listings *l, struct ts_listing *li)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf request = TS_BUF_INIT(TS_URL_MAX_BYTES);

        if (li->n_faulty == 0)
                return;
        ts_operation_describe(li->op, &li->id, ts_operation_info(li->op)->n_ids, &request);
        if (li->n_faulty > 1)
                (void) ts_err_wrap(li->first_faulty, -EBADMSG,
                                   "%s: %s: %zu objects have such a fault, the first",
                                   ts_client_get_alias(l->client), ts_buf_text(&request), li->n_faulty);
        else
                (void) ts_err_wrap(li->first_faulty, -EBADMSG, "%s: %s", ts_client_get_alias(l->client),
                                   ts_buf_text(&request));
        li->object_err = li->first_faulty;
}

static bool is_read(const struct ts_listing *li)
{
        return li->n_pages > 0 && li->next_page > li->n_pages && li->n_awaited == 0;
}

/* All pages of this reading are there: was it the last one? */
static void listing_settle(struct ts_listings *l, size_t i)
{
        struct ts_listing *li = &l->items[i];

        if (li->coverage != TS_COVERAGE_NONE || !is_read(li))
                return;
        check_proof(l, li);
        if (li->err && li->is_too_large && li->page_size > 1) {
                li->page_size /= 2;
                listing_restart(l, i);
                return;
        }
        if (li->err && !li->is_final && !li->is_second) {
                li->is_second = true;
                listing_restart(l, i);
                return;
        }
        li->coverage = li->err ? TS_COVERAGE_PARTIAL : TS_COVERAGE_COMPLETE;
        note_faulty(l, li);
        listing_forget_seen(li);
        if (l->on_end)
                l->on_end(i, l->userdata);
}

static bool has_next(const struct ts_listing *li)
{
        if (li->coverage != TS_COVERAGE_NONE)
                return false;
        return li->n_pages > 0 ? li->next_page <= li->n_pages : li->n_awaited == 0;
}

/* --------------------------------------------------------------------------------------------- many calls */

struct batch {
        struct ts_listings *l;
        size_t n;
        struct ts_call calls[BATCH_MAX];
        size_t owners[BATCH_MAX]; /* listings */
};

static void batch_ask(struct batch *b, size_t i)
{
        struct ts_listing *li = &b->l->items[i];

        b->calls[b->n] = (struct ts_call){
                .op = li->op,
                .ids = { li->id },
                .page_size = li->page_size,
                .page = li->next_page++,
                .is_optional = b->l->is_tried_once,
        };
        b->owners[b->n++] = i;
        li->n_awaited++;
}

static void on_result(size_t i, const struct ts_call_result *result, void *userdata)
{
        struct batch *b = userdata;

        if (result->verdict == TS_VERDICT_STOPPED)
                return;
        take_result(b->l, b->owners[i], b->calls[i].page, result);
        listing_settle(b->l, b->owners[i]);
}

static int batch_run(struct batch *b, struct ts_err *err)
{
        struct ts_batch run = { .calls = b->calls, .n = b->n, .on_result = on_result, .userdata = b };

        b->l->n_requests += b->n;
        return ts_client_run(b->l->client, &run, err);
}

int ts_listings_probe(struct ts_listings *l, size_t max, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct batch *b = ts_calloc(1, sizeof(*b));

        b->l = l;
        while (l->n_probed < l->n && b->n < max && b->n < BATCH_MAX)
                batch_ask(b, l->n_probed++);
        return b->n > 0 ? batch_run(b, err) : 0;
}

int ts_listings_read(struct ts_listings *l, struct ts_err *err)
{
        TS_CLEANUP(ts_freep) struct batch *b = ts_calloc(1, sizeof(*b));
        int r;

        b->l = l;
        for (;;) {
                b->n = 0;
                for (size_t i = 0; i < l->n && b->n < BATCH_MAX; i++)
                        while (b->n < BATCH_MAX && has_next(&l->items[i]))
                                batch_ask(b, i);
                if (b->n == 0)
                        return 0;
                r = batch_run(b, err);
                if (r < 0)
                        return r;
        }
}

uint64_t ts_listings_count_left(const struct ts_listings *l)
{
        uint64_t n = 0;

        for (size_t i = 0; i < l->n; i++) {
                const struct ts_listing *li = &l->items[i];

                if (li->coverage != TS_COVERAGE_NONE)
                        continue;
                n += li->n_pages > 0 ? li->n_pages - li->next_page + 1 : 1;
        }
        return n;
}
