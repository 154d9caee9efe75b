/*
 * listing - reads paged listings of the API completely, and proves that they are complete
 *
 * I/O through the client only. Many listings at once: page 1 of a listing tells how many pages it has, then
 * its other pages are asked for in parallel. Entities are passed to the caller one by one; only their ids are
 * kept, until a listing is finished.
 *
 * How many pages: `pageCount`, but never more than one page behind what `total` and the entities of page 1
 * make needed; without it, as many as `total` needs; without both, page after page until one is empty or
 * brings nothing new. A page shorter than requested does not end a listing: servers lower the page size
 * silently. At most TS_PAGES_MAX pages and as many entities as these hold; and nothing more is taken once the
 * arena has TS_LIVE_MAX_BYTES, which bounds what is kept of all listings of an organization.
 *
 * Proof: every page arrived, every entity was usable, and `total` is the same on all pages and equals the
 * number of distinct ids. Without `total`: all of `pageCount` pages had entities and no id came twice, or an
 * empty page followed the last one. A listing without its proof is read once more from page 1, then its
 * coverage is TS_COVERAGE_PARTIAL. A 400 `response.entity.too.large` halves the page size and begins anew. A
 * page 1 that is refused ends the listing at once, and so does a page that the client gave up.
 */
#ifndef TS_GENESYS_LISTING_H
#define TS_GENESYS_LISTING_H

#include "genesys/client.h"
#include "trust/model.h"

struct ts_listing {
        enum ts_operation op;
        struct ts_id id; /* in its path; nil: the path has none */

        /* What came of it. */
        enum ts_coverage coverage; /* TS_COVERAGE_NONE: not at its end yet */
        bool has_first_page;
        bool is_gone, is_denied;  /* a page was answered with 404, 403 */
        const struct ts_err *err; /* why it is not complete (in ts_listings.arena) */
        /* What is wrong with some of its objects, which still count as present (same arena); NULL: nothing.
         */
        const struct ts_err *object_err;

        /* The reader's own: the reading that is going on. */
        unsigned page_size, next_page, n_pages, n_awaited; /* n_pages 0: not known (yet) */
        bool is_second;                                    /* read once more */
        bool is_too_large, is_final;
        bool has_total, is_ended; /* is_ended: pageCount or an empty page says so */
        int64_t total;
        size_t n_faulty;             /* objects */
        struct ts_err *first_faulty; /* of them */
        struct ts_id *seen;          /* in the order of their arrival until the proof sorts them */
        size_t n_seen, n_seen_allocated, n_entities;
};

struct ts_listings {
        struct ts_client *client;
        struct ts_arena *arena; /* for errors; the one in which the caller keeps what it takes */
        struct ts_listing *items;
        size_t n;
        /* One entity; duplicates are handed over as well. It is valid during the call only. A negative return
         * says that it cannot be used: the listing is then not complete. A positive one: it is there, with a
         * field that cannot be used; the listing may be complete all the same. @err says why. */
        int (*on_entity)(size_t i, const struct ts_json *entity, void *userdata, struct ts_err *err);
        void (*on_restart)(size_t i,
                           void *userdata);       /* discard the entities of listing @i; NULL: not needed */
        void (*on_end)(size_t i, void *userdata); /* called when its coverage is known; NULL: not needed */
        void *userdata;
        bool is_tried_once; /* each request is made once, and delays no other one */

        size_t n_probed;     /* listings whose page 1 ts_listings_probe() has read */
        uint64_t n_requests; /* calls made (retries of the client are not counted) */
};

/* Gives @l its @n listings of one operation (zeroed; the caller fills in ids). ts_listings_done() frees
 * them. */
void ts_listings_init(struct ts_listings *l, struct ts_client *client, struct ts_arena *arena, size_t n,
                      enum ts_operation op);
void ts_listings_done(struct ts_listings *l);

/* Reads page 1 of the next @max listings that were not probed yet. 0; negative when the client cannot send
 * any more. */
int ts_listings_probe(struct ts_listings *l, size_t max, struct ts_err *err) TS_MUST_CHECK;

/* Reads all remaining pages. 0 when the coverage of every listing is known, whatever it is; negative as
 * above. */
int ts_listings_read(struct ts_listings *l, struct ts_err *err) TS_MUST_CHECK;

/* The least number of requests that ts_listings_read() would make. */
uint64_t ts_listings_count_left(const struct ts_listings *l);

#endif
