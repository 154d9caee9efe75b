#include "paging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Links lead to a host that is nowhere: whoever follows one gets nothing. */
#define PAGING_LINK_HOST "https://links-are-not-followed.invalid"

struct paging {
        int64_t size, number, total, count; /* count: pages */
};

static int64_t paging_number(const struct ts_sim_call *c, const char *name, int64_t preset)
{
        const char *text = ts_sim_param(c, name);

        return text ? strtoll(text, NULL, 10) : preset; /* checked against the route's parameters before */
}

static void paging_put_link(struct ts_sim_call *c, const char *key, const struct paging *p, int64_t number)
{
        char link[512];

        (void) snprintf(link, sizeof(link), PAGING_LINK_HOST "%s?pageSize=%lld&pageNumber=%lld", c->path,
                        (long long) p->size, (long long) number);
        ts_json_add_string(&c->w, key, link);
}

static void paging_put_envelope(struct ts_sim_call *c, const struct paging *p)
{
        ts_json_add_int(&c->w, "pageSize", p->size);
        ts_json_add_int(&c->w, "pageNumber", p->number);
        ts_json_add_int(&c->w, "total", p->total);
        paging_put_link(c, "firstUri", p, 1);
        paging_put_link(c, "selfUri", p, p->number);
        if (p->number < p->count)
                paging_put_link(c, "nextUri", p, p->number + 1);
        if (p->number > 1)
                paging_put_link(c, "previousUri", p, p->number - 1);
        paging_put_link(c, "lastUri", p, p->count > 0 ? p->count : 1);
        ts_json_add_int(&c->w, "pageCount", p->count);
}

/* An id nobody has, in the place of the first entity's. */
static const struct ts_id paging_fake_id = { { 0xfa, 0x4e, 0xfa, 0x4e, 0xfa, 0x4e, 0x4f, 0xa4, 0x8f, 0xa4,
                                               0xfa, 0x4e, 0xfa, 0x4e, 0xfa, 0x4e } };

static void paging_put_entities(struct ts_sim_call *c, const struct paging *p, ts_sim_emit emit,
                                const void *userdata)
{
        const struct ts_fault *f = c->fault;
        int64_t number = f && f->repeat_page ? 1 : p->number;
        int64_t first = (number - 1) * p->size, end = first + p->size, shift = 0;

        if (f && number > 1)
                shift = f->shift_page; /* page 1 was read before the items moved */
        for (int64_t i = first; i < end; i++) {
                int64_t k = i + shift;

                if (f && f->duplicate && (i == end - 1 || i == p->total - 1))
                        k = first;
                if (i >= p->total || k < 0 || k >= p->total)
                        continue;
                emit(c, (size_t) k, f && f->swap_id && i == first ? &paging_fake_id : NULL, userdata);
        }
}

void ts_sim_list(struct ts_sim_call *c, size_t total, ts_sim_emit emit, const void *userdata)
{
        const struct ts_fault *f = c->fault;
        struct paging p = {
                .size = paging_number(c, "pageSize", 25),
                .number = paging_number(c, "pageNumber", 1),
                .total = f && f->empty_list ? 0 : (int64_t) total,
        };
        struct ts_json_writer *w = ts_sim_ok(c);

        if (p.size > c->sim->limits.page_size)
                p.size = c->sim->limits.page_size;
        p.count = (p.total + p.size - 1) / p.size;

        ts_json_open_object(w);
        ts_json_key(w, "entities");
        ts_json_open_array(w);
        if (!(f && f->drop_page))
                paging_put_entities(c, &p, emit, userdata);
        ts_json_close_array(w);
        if (f) {
                p.total += f->wrong_total;
                p.count = f->page_count >= 0 ? f->page_count : p.count;
        }
        paging_put_envelope(c, &p);
        ts_json_close_object(w);
}
