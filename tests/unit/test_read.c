/* Listings, the live state and grants against a small API that can be made to err. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake-api.h"
#include "genesys/read.h"
#include "suite.h"
#include "util/limits.h"
#include "util/mem.h"

/* ----------------------------------------------------------------------------------- a small organization */

#define ROLE 0x100000u
#define DIVISION 0x200000u
#define TRUST 0x300000u
#define USER 0x400000u
#define EMPLOYEE 0x900000u
#define STRANGER 0xb00000u

enum flaw {
        FLAW_NONE,
        FLAW_EMPTY,     /* the page has no entities */
        FLAW_REPEAT,    /* the page is page 1 once more */
        FLAW_SHIFT,     /* items moved forward by one since page 1 was read */
        FLAW_DUPLICATE, /* the last item of the page is its first once more */
        FLAW_NO_ID,     /* the first item has no id */
        FLAW_NO_FIELDS, /* the first item has an id, and a field that cannot be read */
        FLAW_TOTAL,     /* `total` is wrong by n */
        FLAW_NO_TOTAL,
        FLAW_NO_COUNT,
        FLAW_NO_NUMBERS, /* neither total nor pageCount */
        FLAW_HUGE,       /* `total` and `pageCount` go beyond all bounds */
        FLAW_COUNT,      /* `pageCount` is n */
        FLAW_ALL_GONE,   /* a list of nothing, in itself correct */
        FLAW_STATUS,
        FLAW_TOO_LARGE,
        FLAW_GARBAGE,
        FLAW_NULL, /* the body is null */
};

enum subject_kind { /* what authorization/subjects says of members */
                    SUBJECTS_GOOD,
                    SUBJECTS_BLIND,   /* 200, and no grants */
                    SUBJECTS_MISSING, /* 404 */
                    SUBJECTS_WRONG,   /* roles that the member has not */
                    SUBJECTS_DENIED,
                    SUBJECTS_OF_GROUPS,  /* also what is inherited */
                    SUBJECTS_LATE_404,   /* all but the first one are 404 */
                    SUBJECTS_OF_ANOTHER, /* somebody else's answer */
};

struct world {
        unsigned n_roles, n_divisions, n_trusts, n_users /* of a trust */, n_employees,
                        n_grants /* of a member */;
        unsigned page_cap; /* 0: 100 */
        enum subject_kind subjects;
        bool care_denied;

        const char *where; /* in the path of what is flawed */
        enum flaw flaw;
        unsigned page, times; /* 0: all pages; for ever */
        int n;
        unsigned n_flawed;
};

struct list {
        const struct world *world;
        unsigned n, owner;
        void (*put)(const struct list *l, unsigned i, struct ts_buf *out);
};

/* The k-th grant of member @m. */
static unsigned role_of(const struct world *w, unsigned m, unsigned k)
{
        return (m + k) % w->n_roles;
}

static unsigned division_of(const struct world *w, unsigned m, unsigned k)
{
        return (m + k) % (w->n_divisions + 1); /* 0: all */
}

static void put_division(unsigned d, struct ts_buf *out)
{
        if (d == 0)
                ts_buf_puts(out, "{\"id\":\"*\",\"name\":\"*\"}");
        else
                ts_buf_printf(out, "{\"id\":\"%s\",\"name\":\"division %u\"}", fake_id_text(DIVISION + d).s,
                              d);
}

static void put_role_item(const struct list *l, unsigned i, struct ts_buf *out)
{
        (void) l;
        ts_buf_printf(out, "{\"id\":\"%s\",\"name\":\"role %u\"}", fake_id_text(ROLE + i).s, i);
}

static void put_division_item(const struct list *l, unsigned i, struct ts_buf *out)
{
        (void) l;
        put_division(i + 1, out);
}

static void put_trust_item(const struct list *l, unsigned i, struct ts_buf *out)
{
        (void) l;
        ts_buf_printf(out, "{\"id\":\"%s\",\"enabled\":true,\"organization\":{\"name\":\"trust %u\"}}",
                      fake_id_text(TRUST + i).s, i);
}

static void put_user_item(const struct list *l, unsigned i, struct ts_buf *out)
{
        unsigned m = l->owner * l->world->n_users + i;

        ts_buf_printf(out,
                      "{\"id\":\"%s\",\"name\":\"User "
                      "%u\",\"email\":\"user%u@partner.example\",\"state\":\"active\","
                      "\"trustUserDetails\":{\"dateCreated\":\"2026-01-02T03:04:05.678Z\",\"createdBy\":{"
                      "\"name\":\"Eve\"}}}",
                      fake_id_text(USER + m).s, m, m);
}

static unsigned count_members(const struct world *w)
{
        return w->n_trusts * w->n_users;
}

/* Members come first in a role, then the organization's own people, all of whom have role 0. */
static unsigned count_holders(const struct world *w, unsigned role)
{
        unsigned n = role == 0 ? w->n_employees : 0;

        for (unsigned k = 0; k < w->n_grants && w->n_grants <= w->n_roles; k++) {
                unsigned first = (role + w->n_roles - k) %
                                 w->n_roles; /* the first member whose k-th grant it is */

                if (first < count_members(w))
                        n += (count_members(w) - 1 - first) / w->n_roles + 1;
        }
        return n;
}

static void put_holder_item(const struct list *l, unsigned i, struct ts_buf *out)
{
        const struct world *w = l->world;

        for (unsigned k = 0; k < w->n_grants; k++) {
                unsigned first = (l->owner + w->n_roles - k) % w->n_roles, n = 0;

                if (first < count_members(w))
                        n = (count_members(w) - 1 - first) / w->n_roles + 1;
                if (i >= n) {
                        i -= n;
                        continue;
                }
                ts_buf_printf(out, "{\"id\":\"%s\",\"type\":\"PC_TRUSTEE_USER\",\"divisions\":[",
                              fake_id_text(USER + first + i * w->n_roles).s);
                put_division(division_of(w, first + i * w->n_roles, k), out);
                ts_buf_puts(out, "]}");
                return;
        }
        ts_buf_printf(out, "{\"id\":\"%s\",\"type\":\"PC_USER\",\"divisions\":[{\"id\":\"*\"}]}",
                      fake_id_text(EMPLOYEE + i).s);
}

/* ------------------------------------------------------------------------------------------------- paging */

static enum flaw flaw_of(struct world *w, const char *request, unsigned page)
{
        if (w->flaw == FLAW_NONE || !strstr(request, w->where) || (w->page > 0 && page != w->page) ||
            (w->times > 0 && w->n_flawed == w->times))
                return FLAW_NONE;
        w->n_flawed++;
        return w->flaw;
}

static void put_entities(const struct list *l, unsigned first, unsigned end, enum flaw flaw,
                         struct ts_buf *out)
{
        for (unsigned i = first; i < end; i++) {
                unsigned k = flaw == FLAW_DUPLICATE && i == end - 1 ? first : i;

                if (i > first)
                        ts_buf_putc(out, ',');
                if (flaw == FLAW_NO_ID && i == first)
                        ts_buf_puts(out, "{\"name\":\"nobody\"}");
                else if (flaw == FLAW_NO_FIELDS && i == first)
                        ts_buf_printf(out, "{\"id\":\"%s\",\"enabled\":\"perhaps\"}",
                                      fake_id_text(0x900000 + i).s);
                else
                        l->put(l, k, out);
        }
}

static long may_not(struct ts_buf *out)
{
        ts_buf_puts(out, "{\"code\":\"missing.permissions\"}");
        return 403;
}

static long put_page(struct world *w, const struct list *l, const char *request, struct ts_buf *out)
{
        unsigned cap = w->page_cap > 0 ? w->page_cap : 100, size = 0, page = 0, first, end;
        enum flaw flaw;

        ck_assert_int_eq(sscanf(strstr(request, "pageSize="), "pageSize=%u&pageNumber=%u", &size, &page), 2);
        size = size < cap ? size : cap;
        flaw = flaw_of(w, request, page);
        if (flaw == FLAW_STATUS)
                return w->n == 403 ? may_not(out) : w->n;
        if (flaw == FLAW_TOO_LARGE) {
                ts_buf_puts(out, "{\"code\":\"response.entity.too.large\",\"status\":400}");
                return 400;
        }
        if (flaw == FLAW_GARBAGE) {
                ts_buf_puts(out, "<html>");
                return 200;
        }
        if (flaw == FLAW_NULL) {
                ts_buf_puts(out, "null");
                return 200;
        }

        first = (flaw == FLAW_REPEAT ? 0 : page - 1) * size + (flaw == FLAW_SHIFT ? 1 : 0);
        end = first + size < l->n ? first + size : l->n;
        first = first < l->n ? first : l->n;
        ts_buf_puts(out, "{\"entities\":[");
        if (flaw != FLAW_EMPTY && flaw != FLAW_ALL_GONE)
                put_entities(l, first, end, flaw, out);
        ts_buf_printf(out, "],\"pageSize\":%u,\"pageNumber\":%u", size, page);
        if (flaw != FLAW_NO_TOTAL && flaw != FLAW_NO_NUMBERS)
                ts_buf_printf(out, ",\"total\":%d",
                              flaw == FLAW_ALL_GONE ? 0
                              : flaw == FLAW_HUGE   ? 100250
                                                    : (int) l->n + (flaw == FLAW_TOTAL ? w->n : 0));
        if (flaw == FLAW_COUNT || flaw == FLAW_HUGE)
                ts_buf_printf(out, ",\"pageCount\":%d", flaw == FLAW_HUGE ? 1003 : w->n);
        else if (flaw != FLAW_NO_COUNT && flaw != FLAW_NO_NUMBERS)
                ts_buf_printf(out, ",\"pageCount\":%u", flaw == FLAW_ALL_GONE ? 0 : (l->n + size - 1) / size);
        ts_buf_puts(out, "}");
        return 200;
}

/* ----------------------------------------------------------------------------------------------- subjects */

static void put_grant(unsigned subject, unsigned role, unsigned division, bool first, struct ts_buf *out)
{
        ts_buf_printf(out,
                      "%s{\"subjectId\":\"%s\",\"role\":{\"id\":\"%s\",\"name\":\"role %u\"},\"division\":",
                      first ? "" : ",", fake_id_text(subject).s, fake_id_text(ROLE + role).s, role);
        put_division(division, out);
        ts_buf_putc(out, '}');
}

static long put_subject(const struct world *w, unsigned m, struct ts_buf *out)
{
        unsigned shown = w->subjects == SUBJECTS_OF_ANOTHER ? m + 1 : m;

        if (w->subjects == SUBJECTS_DENIED)
                return may_not(out);
        if (w->subjects == SUBJECTS_MISSING || (w->subjects == SUBJECTS_LATE_404 && m > 0))
                return 404;
        ts_buf_printf(out, "{\"id\":\"%s\",\"grants\":[", fake_id_text(USER + shown).s);
        for (unsigned k = 0; k < w->n_grants && w->subjects != SUBJECTS_BLIND; k++)
                put_grant(USER + shown, role_of(w, m, k) + (w->subjects == SUBJECTS_WRONG),
                          division_of(w, m, k), k == 0, out);
        if (w->subjects == SUBJECTS_OF_GROUPS)
                put_grant(STRANGER, 5, 0, w->n_grants == 0, out);
        ts_buf_puts(out, "]}");
        return 200;
}

static long put_roles(const struct world *w, unsigned m, struct ts_buf *out)
{
        ts_buf_puts(out, "{\"roles\":[");
        for (unsigned k = 0; k < w->n_grants; k++)
                ts_buf_printf(out, "%s{\"id\":\"%s\",\"name\":\"r\"}", k > 0 ? "," : "",
                              fake_id_text(ROLE + role_of(w, m, k)).s);
        ts_buf_puts(out, "],\"unusedRoles\":[],\"permissions\":[\"a:b:c\"]}");
        return 200;
}

static long answer(struct fake_api *api, const char *request, const char *sent, struct ts_buf *out)
{
        struct world *w = fake_api_userdata(api);
        struct list l = { .world = w };
        char a[64] = "", b[64] = "", rest[64] = "";

        (void) sent;
        if (strstr(request, "/trustees/care") || strstr(request, "/trustees/default")) {
                if (w->care_denied)
                        return may_not(out);
                if (strstr(request, "/default"))
                        return 404;
                ts_buf_printf(out, "{\"entities\":[{\"id\":\"%s\"},{\"id\":\"%s\"}]}",
                              fake_id_text(STRANGER).s, fake_id_text(TRUST + 1).s);
                return 200;
        }
        if (sscanf(request, "GET /authorization/subjects/%36[^?]", a) == 1)
                return put_subject(w, fake_id_number(a) - USER, out);
        if (sscanf(request, "GET /orgauthorization/trustees/%36[^/]/users/%36[^/]/roles%1s", a, b, rest) == 2)
                return put_roles(w, fake_id_number(b) - USER, out);

        if (sscanf(request, "GET /authorization/roles/%36[^/]/subjectgrants%1s", a, rest) == 2) {
                l.owner = fake_id_number(a) - ROLE;
                l.n = count_holders(w, l.owner);
                l.put = put_holder_item;
        } else if (sscanf(request, "GET /orgauthorization/trustees/%36[^/]/users%1s", a, rest) == 2) {
                l.owner = fake_id_number(a) - TRUST;
                l.n = w->n_users;
                l.put = put_user_item;
        } else if (strstr(request, "GET /authorization/roles?userCount=false&") == request) {
                l.n = w->n_roles;
                l.put = put_role_item;
        } else if (strstr(request, "GET /authorization/divisions?") == request) {
                l.n = w->n_divisions;
                l.put = put_division_item;
        } else if (strstr(request, "GET /orgauthorization/trustees?") == request) {
                l.n = w->n_trusts;
                l.put = put_trust_item;
        } else {
                return 404;
        }
        return put_page(w, &l, request, out);
}

/* ------------------------------------------------------------------------------------------------ reading */

struct reading {
        struct world world;
        struct fake_api *api;
        struct ts_live *live;
        struct ts_buf warnings;
        size_t n_warnings;
        enum ts_subject_reads subjects;
        const char *how;
        struct ts_err err;
        bool wants_nobody;
};

static bool wants_users(const struct ts_trust *trust, enum ts_collection collection, void *userdata)
{
        (void) trust;
        return collection == TS_USERS && !((struct reading *) userdata)->wants_nobody;
}

static void on_warning(const struct ts_trust *trust, const struct ts_err *err, void *userdata)
{
        struct reading *r = userdata;

        r->n_warnings++;
        ts_buf_printf(&r->warnings, "%s%s\n", trust ? "trust: " : "", err->msg);
}

static void reading_init(struct reading *r, const struct world *w)
{
        *r = (struct reading){ .world = *w, .warnings = TS_BUF_INIT(1024 * 1024) };
        r->api = fake_api_new(answer, &r->world);
        r->live = ts_live_new();
}

static void reading_done(struct reading *r)
{
        ts_live_free(r->live);
        fake_api_free(r->api);
        ts_buf_done(&r->warnings);
}

static int read_organization(struct reading *r, bool wants_care)
{
        struct ts_read_scope scope = { .wants = wants_users, .wants_care = wants_care, .userdata = r };

        return ts_read_organization(fake_api_client(r->api), &scope, r->live, on_warning, r, &r->err);
}

static int read_grants(struct reading *r)
{
        TS_CLEANUP(ts_freep)
        struct ts_read_target *targets = ts_calloc(count_members(&r->world), sizeof(*targets));
        size_t n = 0;

        for (size_t i = 0; i < r->live->n_trusts; i++)
                for (size_t k = 0; k < r->live->trusts[i].users.n; k++)
                        targets[n++] = (struct ts_read_target){ &r->live->trusts[i],
                                                                &r->live->trusts[i].users.items[k] };
        fake_api_forget_log(r->api);
        return ts_read_grants(fake_api_client(r->api), r->live, targets, n, &r->subjects, &r->how, on_warning,
                              r, &r->err);
}

/* ----------------------------------------------------------------------------------------------- listings */

static const struct {
        const char *name;
        enum flaw flaw;
        unsigned page, times;
        int n;
        unsigned page_cap;
        enum ts_coverage coverage;
        size_t n_users;
        unsigned n_requests; /* for the users alone; 3 when all is well */
} listing_cases[] = {
        { "all is well", FLAW_NONE, 0, 0, 0, 0, TS_COVERAGE_COMPLETE, 250, 3 },
        { "the server caps pages silently", FLAW_NONE, 0, 0, 0, 40, TS_COVERAGE_COMPLETE, 250, 7 },
        { "page 2 is missing once", FLAW_EMPTY, 2, 1, 0, 0, TS_COVERAGE_COMPLETE, 250, 6 },
        { "page 2 is missing", FLAW_EMPTY, 2, 0, 0, 0, TS_COVERAGE_PARTIAL, 150, 6 },
        { "the last page is missing", FLAW_EMPTY, 3, 0, 0, 0, TS_COVERAGE_PARTIAL, 200, 6 },
        { "page 1 is missing", FLAW_EMPTY, 1, 0, 0, 0, TS_COVERAGE_PARTIAL, 0, 2 },
        { "every page is page 1", FLAW_REPEAT, 0, 0, 0, 0, TS_COVERAGE_PARTIAL, 100, 6 },
        { "page 3 is page 1 once", FLAW_REPEAT, 3, 1, 0, 0, TS_COVERAGE_COMPLETE, 250, 6 },
        { "items move while page 2 is read", FLAW_SHIFT, 2, 0, 0, 0, TS_COVERAGE_PARTIAL, 249, 6 },
        { "an id comes twice on page 2", FLAW_DUPLICATE, 2, 0, 0, 0, TS_COVERAGE_PARTIAL, 249, 6 },
        { "an id is missing on page 3", FLAW_NO_ID, 3, 0, 0, 0, TS_COVERAGE_PARTIAL, 249, 6 },
        { "total is one more", FLAW_TOTAL, 0, 0, 1, 0, TS_COVERAGE_PARTIAL, 250, 6 },
        { "total is one less", FLAW_TOTAL, 0, 0, -1, 0, TS_COVERAGE_PARTIAL, 250, 6 },
        { "total is a page less", FLAW_TOTAL, 0, 0, -100, 0, TS_COVERAGE_PARTIAL, 250, 6 },
        { "total is nothing", FLAW_TOTAL, 0, 0, -250, 0, TS_COVERAGE_PARTIAL, 200, 4 },
        { "total is negative", FLAW_TOTAL, 0, 0, -300, 0, TS_COVERAGE_PARTIAL, 200, 4 },
        { "total changes on page 3 once", FLAW_TOTAL, 3, 1, 1, 0, TS_COVERAGE_COMPLETE, 250, 6 },
        { "there is no total", FLAW_NO_TOTAL, 0, 0, 0, 0, TS_COVERAGE_COMPLETE, 250, 3 },
        { "there is no pageCount", FLAW_NO_COUNT, 0, 0, 0, 0, TS_COVERAGE_COMPLETE, 250, 3 },
        { "there is neither", FLAW_NO_NUMBERS, 0, 0, 0, 0, TS_COVERAGE_COMPLETE, 250, 4 },
        { "pageCount is too small", FLAW_COUNT, 0, 0, 1, 0, TS_COVERAGE_PARTIAL, 100, 2 },
        { "pageCount is too large", FLAW_COUNT, 0, 0, 900, 0, TS_COVERAGE_COMPLETE, 250, 4 },
        { "pageCount is nothing", FLAW_COUNT, 0, 0, 0, 0, TS_COVERAGE_COMPLETE, 250, 3 },
        { "total is far too large", FLAW_TOTAL, 0, 0, 100000, 0, TS_COVERAGE_PARTIAL, 250, 6 },
        { "there are more pages than are read", FLAW_HUGE, 0, 0, 0, 0, TS_COVERAGE_PARTIAL, 100, 2 },
        { "page 2 is too large once", FLAW_TOO_LARGE, 2, 1, 0, 0, TS_COVERAGE_COMPLETE, 250, 3 + 5 },
        { "page 1 is always too large", FLAW_TOO_LARGE, 1, 0, 0, 0, TS_COVERAGE_PARTIAL, 0, 7 },
        { "page 1 is refused", FLAW_STATUS, 1, 0, 400, 0, TS_COVERAGE_PARTIAL, 0, 1 },
        { "page 2 is refused once", FLAW_STATUS, 2, 1, 400, 0, TS_COVERAGE_COMPLETE, 250, 6 },
        { "the trust is gone", FLAW_STATUS, 1, 0, 404, 0, TS_COVERAGE_PARTIAL, 0, 1 },
        { "users may not be read", FLAW_STATUS, 1, 0, 403, 0, TS_COVERAGE_PARTIAL, 0, 1 },
        { "page 2 fails once", FLAW_STATUS, 2, 1, 503, 0, TS_COVERAGE_COMPLETE, 250, 4 },
        { "page 2 fails for ever", FLAW_STATUS, 2, 0, 503, 0, TS_COVERAGE_PARTIAL, 150, 2 + 6 },
        { "page 2 is garbage once", FLAW_GARBAGE, 2, 1, 0, 0, TS_COVERAGE_COMPLETE, 250, 4 },
        { "page 2 is null", FLAW_NULL, 2, 0, 0, 0, TS_COVERAGE_PARTIAL, 150, 6 },
        { "page 1 is null", FLAW_NULL, 1, 0, 0, 0, TS_COVERAGE_PARTIAL, 0, 2 },
};

START_TEST(test_listing)
{
        struct world w = {
                .n_roles = 3,
                .n_divisions = 2,
                .n_trusts = 1,
                .n_users = 250,
                .where = "/users?",
                .flaw = listing_cases[_i].flaw,
                .page = listing_cases[_i].page,
                .times = listing_cases[_i].times,
                .n = listing_cases[_i].n,
                .page_cap = listing_cases[_i].page_cap,
        };
        TS_CLEANUP(reading_done) struct reading r;
        const struct ts_members *users;

        reading_init(&r, &w);
        ck_assert_msg(read_organization(&r, false) == 0, "%s: %s", listing_cases[_i].name, r.err.msg);
        users = &r.live->trusts[0].users;
        ck_assert_msg(users->coverage == listing_cases[_i].coverage, "%s: coverage %d: %s",
                      listing_cases[_i].name, (int) users->coverage, ts_buf_text(&r.warnings));
        ck_assert_msg(users->n == listing_cases[_i].n_users, "%s: %zu users", listing_cases[_i].name,
                      users->n);
        ck_assert_msg(fake_api_count(r.api) == listing_cases[_i].n_requests + 3, "%s: %zu requests:\n%s",
                      listing_cases[_i].name, fake_api_count(r.api), fake_api_log(r.api));
        ck_assert_msg((r.n_warnings > 0) == (users->coverage != TS_COVERAGE_COMPLETE), "%s: %s",
                      listing_cases[_i].name, ts_buf_text(&r.warnings));
        for (size_t i = 1; i < users->n; i++)
                ck_assert_msg(ts_id_compare(&users->items[i - 1].id, &users->items[i].id) < 0,
                              "%s: not sorted", listing_cases[_i].name);
}
END_TEST

START_TEST(test_listing_repeats_itself_without_numbers)
{
        struct world w = {
                .n_roles = 1, .n_divisions = 1, .n_trusts = 1, .n_users = 250, .where = "/users?"
        };
        TS_CLEANUP(reading_done) struct reading r;
        struct ts_buf page = TS_BUF_INIT(1024 * 1024);
        struct list l = { .world = &w, .put = put_user_item };

        ts_buf_puts(&page, "{\"entities\":[");
        put_entities(&l, 0, 100, FLAW_NONE, &page);
        ts_buf_puts(&page, "]}");
        reading_init(&r, &w);
        for (unsigned i = 1; i <= 3; i++) {
                char request[256];

                (void) snprintf(request, sizeof(request),
                                "GET /orgauthorization/trustees/%s/users?pageSize=100&pageNumber=%u",
                                fake_id_text(TRUST).s, i);
                fake_api_answer(r.api, request, 200, ts_buf_text(&page));
        }
        ts_buf_done(&page);
        ck_assert_int_eq(read_organization(&r, false), 0);
        ck_assert_int_eq(r.live->trusts[0].users.coverage, TS_COVERAGE_PARTIAL);
        ck_assert_uint_eq(fake_api_count(r.api), 3 + 4); /* page 2 repeats page 1: twice */
        message_is("page 1 again and again", ts_buf_text(&r.warnings));
}
END_TEST

/* Pages as they come, first those of the first reading: users, and "total=" or "pageCount=". 0 is no id. */
static const struct {
        const char *name;
        const char *pages[4];
        unsigned numbers[4]; /* of the pages */
        enum ts_coverage coverage;
        size_t n_users;
} page_cases[] = {
        { "nobody, and no numbers", { "" }, { 1 }, TS_COVERAGE_COMPLETE, 0 },
        { "a page that was announced is empty",
          { "1 2 pageCount=2", "pageCount=2" },
          { 1, 2 },
          TS_COVERAGE_PARTIAL,
          2 },
        { "without a total no id may come twice",
          { "1 2 pageCount=2", "2 3 pageCount=2" },
          { 1, 2 },
          TS_COVERAGE_PARTIAL,
          3 },
        { "nor on one page", { "1 2 2 pageCount=1" }, { 1 }, TS_COVERAGE_PARTIAL, 2 },
        { "with a total it may", { "1 2 2 total=2" }, { 1 }, TS_COVERAGE_COMPLETE, 2 },
        { "it shrank, and what came is what is left",
          { "1 2 total=4 pageCount=2", "3 total=3 pageCount=2" },
          { 1, 2 },
          TS_COVERAGE_PARTIAL,
          3 },
        { "only the last page tells the total",
          { "1 2 pageCount=2", "3 total=3 pageCount=2" },
          { 1, 2 },
          TS_COVERAGE_COMPLETE,
          3 },
        { "nobody has no id", { "1 0 total=2" }, { 1 }, TS_COVERAGE_PARTIAL, 1 },
        { "what the first reading brought is forgotten",
          { "1 2 9 total=4", "1 2 3 total=3" },
          { 1, 1 },
          TS_COVERAGE_COMPLETE,
          3 },
        { "so is its total",
          { "1 2 total=3 pageCount=1", "1 2 pageCount=1" },
          { 1, 1 },
          TS_COVERAGE_COMPLETE,
          2 },
};

static void put_user_page(const char *text, struct ts_buf *out)
{
        const char *separator = "";

        ts_buf_puts(out, "{\"entities\":[");
        for (; *text >= '0' && *text <= '9'; text += 1 + (text[1] == ' '), separator = ",") {
                ts_buf_printf(out, "%s{\"id\":\"%s\",\"name\":\"u\"}", separator,
                              *text == '0' ? "00000000-0000-0000-0000-000000000000"
                                           : fake_id_text(USER + (unsigned) (*text - '0')).s);
        }
        ts_buf_putc(out, ']');
        for (; *text != '\0'; text += strcspn(text, " "), text += *text == ' ')
                ts_buf_printf(out, ",\"%.*s\":%ld", (int) strcspn(text, "="), text,
                              strtol(strchr(text, '=') + 1, NULL, 10));
        ts_buf_putc(out, '}');
}

START_TEST(test_pages)
{
        struct world w = { .n_roles = 1, .n_divisions = 1, .n_trusts = 1, .n_users = 9 };
        TS_CLEANUP(reading_done) struct reading r;
        const struct ts_members *users;

        reading_init(&r, &w);
        for (size_t i = 0; i < TS_N_ELEMENTS(page_cases[0].pages) && page_cases[_i].pages[i]; i++) {
                TS_CLEANUP(ts_buf_done) struct ts_buf page = TS_BUF_INIT(4096);
                char request[256];

                (void) snprintf(request, sizeof(request),
                                "GET /orgauthorization/trustees/%s/users?pageSize=100&pageNumber=%u",
                                fake_id_text(TRUST).s, page_cases[_i].numbers[i]);
                put_user_page(page_cases[_i].pages[i], &page);
                fake_api_answer(r.api, request, 200, ts_buf_text(&page));
        }
        ck_assert_msg(read_organization(&r, false) == 0, "%s: %s", page_cases[_i].name, r.err.msg);
        users = &r.live->trusts[0].users;
        ck_assert_msg(users->coverage == page_cases[_i].coverage, "%s: coverage %d: %s", page_cases[_i].name,
                      (int) users->coverage, ts_buf_text(&r.warnings));
        ck_assert_msg(users->n == page_cases[_i].n_users, "%s: %zu users", page_cases[_i].name, users->n);
        ck_assert_msg((r.n_warnings == 0) == (users->coverage == TS_COVERAGE_COMPLETE), "%s: %s",
                      page_cases[_i].name, ts_buf_text(&r.warnings));
        if (r.n_warnings > 0)
                message_is(page_cases[_i].name, ts_buf_text(&r.warnings));
}
END_TEST

/* What the client cannot go on from is no list that is merely incomplete. */
START_TEST(test_client_dies)
{
        struct world w = { .n_roles = 1,
                           .n_divisions = 1,
                           .n_trusts = 1,
                           .n_users = 250,
                           .where = "/users?",
                           .flaw = FLAW_STATUS,
                           .page = 2,
                           .n = 401 };
        TS_CLEANUP(reading_done) struct reading r;

        reading_init(&r, &w);
        ck_assert_int_lt(read_organization(&r, false), 0);
        ck_assert_int_ne(r.live->trusts_coverage == TS_COVERAGE_COMPLETE && r.live->n_trusts == 1 &&
                                         r.live->trusts[0].users.coverage == TS_COVERAGE_COMPLETE,
                         true);
}
END_TEST

START_TEST(test_listing_order_of_answers)
{
        struct world w = { .n_roles = 230, .n_divisions = 130, .n_trusts = 7, .n_users = 250, .n_grants = 2 };
        TS_CLEANUP(reading_done) struct reading oldest, newest;

        reading_init(&oldest, &w);
        reading_init(&newest, &w);
        fake_api_set_newest_first(newest.api, true);
        ck_assert_int_eq(read_organization(&oldest, false), 0);
        ck_assert_int_eq(read_organization(&newest, false), 0);

        ck_assert_uint_eq(oldest.live->catalog.n_roles, newest.live->catalog.n_roles);
        for (size_t i = 0; i < oldest.live->catalog.n_roles; i++)
                ck_assert_str_eq(oldest.live->catalog.roles[i].name, newest.live->catalog.roles[i].name);
        ck_assert_uint_eq(newest.live->n_trusts, 7);
        for (size_t i = 0; i < 7; i++) {
                ck_assert_uint_eq(newest.live->trusts[i].users.n, 250);
                ck_assert_int_eq(newest.live->trusts[i].users.coverage, TS_COVERAGE_COMPLETE);
                ck_assert(memcmp(&newest.live->trusts[i].users.items[249].id,
                                 &oldest.live->trusts[i].users.items[249].id, sizeof(struct ts_id)) == 0);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------------- organization */

START_TEST(test_organization)
{
        struct world w = { .n_roles = 2, .n_divisions = 1, .n_trusts = 2, .n_users = 1 };
        TS_CLEANUP(reading_done) struct reading r;
        const struct ts_trust *t;

        reading_init(&r, &w);
        fake_api_answer(r.api, "GET /orgauthorization/trustees?pageSize=100&pageNumber=1", 200,
                        "{'entities':["
                        "{'id':'00000000-0000-4000-8000-000000300001','enabled':false,'usesDefaultRole':true,"
                        "'dateExpired':'2027-06-30T00:00:00.000Z','dateCreated':'2026-01-01T00:00:00Z',"
                        "'createdBy':{'id':'00000000-0000-4000-8000-000000000009',"
                        "'organization':{'id':'00000000-0000-4000-8000-000000000008'},"
                        "'email':'ann@acme.example'}"
                        ","
                        "'organization':{'thirdPartyOrgName':'Contoso'}},"
                        "{'id':'00000000-0000-4000-8000-000000300000','enabled':true,'hasFullAccess':true,"
                        "'dateExpired':null,'organization':{'name':'Fabrikam'}}],'total':2,'pageCount':1}");
        ck_assert_msg(read_organization(&r, true) == 0, "%s", r.err.msg);
        ck_assert_uint_eq(r.live->n_trusts, 2);

        t = &r.live->trusts[0]; /* by id */
        ck_assert_str_eq(t->name, "Fabrikam");
        ck_assert(t->enabled && t->has_full_access && !t->uses_default_role && !t->customer_care);
        ck_assert_int_eq(t->expires, TS_TIME_NEVER);
        ck_assert_ptr_null(t->created_by);
        t = &r.live->trusts[1];
        ck_assert_str_eq(t->name, "Contoso");
        ck_assert(!t->enabled && !t->has_full_access && t->uses_default_role && t->customer_care);
        ck_assert_str_eq(ts_time_format(t->expires).s, "2027-06-30T00:00:00Z");
        ck_assert_str_eq(t->created_by->name, "ann@acme.example");
        ck_assert_str_eq(ts_id_format(&t->created_by->id).s, "00000000-0000-4000-8000-000000000009");
        ck_assert_str_eq(ts_id_format(&t->created_by->organization).s,
                         "00000000-0000-4000-8000-000000000008");
        ck_assert_str_eq(t->users.items[0].email, "user1@partner.example");
        ck_assert_str_eq(t->users.items[0].created_by->name, "Eve");
        ck_assert(ts_id_is_nil(&t->users.items[0].created_by->id));
        ck_assert(ts_id_is_nil(&t->users.items[0].created_by->organization));
        ck_assert_str_eq(ts_time_format(t->users.items[0].created).s, "2026-01-02T03:04:05Z");
        ck_assert_int_eq(t->users.items[0].grants_coverage, TS_COVERAGE_NONE);

        ck_assert_uint_eq(r.live->catalog.n_roles, 2);
        ck_assert_uint_eq(r.live->catalog.n_divisions, 2); /* with "all" */
        ck_assert(r.live->catalog.complete);
        ck_assert_int_eq(r.live->trusts_coverage, TS_COVERAGE_COMPLETE);
        ck_assert_int_eq(r.live->care_coverage, TS_COVERAGE_COMPLETE);
        ck_assert_uint_eq(r.n_warnings, 0);
        ck_assert_uint_eq(fake_api_count(r.api), 3 + 2 + 2);
}
END_TEST

static const struct {
        const char *name, *where;
        enum flaw flaw;
        int n;
        bool ok;
        const char *word; /* in the error, or in the warning; NULL: none */
} refusal_cases[] = {
        { "roles may not be read", "/authorization/roles?", FLAW_STATUS, 403, false,
          "authorization:role:view" },
        { "trusts may not be read", "/orgauthorization/trustees?", FLAW_STATUS, 403, false,
          "authorization:orgTrustee:view" },
        { "no list of divisions", "/authorization/divisions?", FLAW_STATUS, 400, false, "divisions" },
        { "half a list of roles", "/authorization/roles?", FLAW_TOTAL, 1, true, NULL },
        { "half a list of divisions", "/authorization/divisions?", FLAW_TOTAL, 1, true, NULL },
        { "half a list of trusts", "/orgauthorization/trustees?", FLAW_TOTAL, 1, true, NULL },
        { "a trust without an id", "/orgauthorization/trustees?", FLAW_NO_ID, 0, true, NULL },
        { "a trust with a field that cannot be read", "/orgauthorization/trustees?", FLAW_NO_FIELDS, 0, true,
          NULL },
        { "users may not be read", "/users?", FLAW_STATUS, 403, true, NULL },
        { "trusts are gone", "/users?", FLAW_STATUS, 404, true, NULL },
};

/* What could not be read is not there, and nothing in its place. */
static void check_first_is_left_out(const struct ts_live *live)
{
        ck_assert_uint_eq(live->n_trusts, 1);
        ck_assert_int_eq(live->trusts[0].direction, TS_TRUSTEE);
        ck_assert_str_eq(live->trusts[0].name, "trust 1");
        ck_assert_uint_eq(live->trusts[0].users.n, 3);
}

START_TEST(test_organization_incomplete)
{
        struct world w = { .n_roles = 3, .n_divisions = 3, .n_trusts = 2, .n_users = 3 };
        TS_CLEANUP(reading_done) struct reading r;
        const char *said;
        int k;

        w.where = refusal_cases[_i].where;
        w.flaw = refusal_cases[_i].flaw;
        w.n = refusal_cases[_i].n;
        reading_init(&r, &w);
        k = read_organization(&r, false);
        ck_assert_msg((k == 0) == refusal_cases[_i].ok, "%s: %d: %s", refusal_cases[_i].name, k, r.err.msg);
        said = k == 0 ? ts_buf_text(&r.warnings) : r.err.msg;
        ck_assert_msg(!refusal_cases[_i].word || strstr(said, refusal_cases[_i].word), "%s: %s",
                      refusal_cases[_i].name, said);
        message_is(refusal_cases[_i].name, said);
        if (k < 0)
                ck_assert_int_eq(r.err.code, k);
        if (strstr(w.where, "roles") || strstr(w.where, "divisions"))
                ck_assert_msg(!r.live->catalog.complete, "%s", refusal_cases[_i].name);
        if (k == 0 && strstr(w.where, "trustees?"))
                ck_assert_msg(r.live->trusts_coverage == TS_COVERAGE_PARTIAL, "%s", refusal_cases[_i].name);
        if (w.flaw == FLAW_NO_FIELDS)
                check_first_is_left_out(r.live);
}
END_TEST

START_TEST(test_care_denied)
{
        struct world w = { .n_roles = 1, .n_divisions = 1, .n_trusts = 2, .n_users = 1, .care_denied = true };
        TS_CLEANUP(reading_done) struct reading r;

        reading_init(&r, &w);
        ck_assert_int_eq(read_organization(&r, true), 0);
        ck_assert_int_eq(r.live->care_coverage, TS_COVERAGE_PARTIAL);
        message_is("not permitted", ts_buf_text(&r.warnings));
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&r.warnings), "authorization:orgTrustee:view"));
}
END_TEST

/* The trust is marked by whichever answer tells of it; what tells nothing leaves the other trusts in
 * doubt. */
#define CARE_ID "'id':'00000000-0000-4000-8000-000000300001'"
static const struct {
        const char *name, *list;
        long status; /* of the default trust */
        const char *preset;
        bool is_known, is_marked;
} care_cases[] = {
        { "nobody, both ways", "{'entities':[]}", 404, "{}", true, false },
        { "the list has it", "{'entities':[{" CARE_ID "}]}", 404, "{}", true, true },
        { "only the default trust tells", "{'entities':[]}", 200, "{" CARE_ID "}", true, true },
        { "a list without entities", "{}", 404, "{}", false, false },
        { "entities that are no list", "{'entities':{" CARE_ID "}}", 404, "{}", false, false },
        { "entities that are null", "{'entities':null}", 404, "{}", false, false },
        { "no object at all", "null", 404, "{}", false, false },
        { "an entity that is text", "{'entities':['00000000-0000-4000-8000-000000300001']}", 404, "{}", false,
          false },
        { "an entity without an id", "{'entities':[{'id':null},{" CARE_ID "}]}", 404, "{}", false, true },
        { "an entity with the id of nobody", "{'entities':[{'id':'00000000-0000-0000-0000-000000000000'}]}",
          404, "{}", false, false },
        { "a default trust without an id", "{'entities':[]}", 200, "{'enabled':true}", false, false },
        { "a default trust that is a list", "{'entities':[]}", 200, "[{" CARE_ID "}]", false, false },
};

START_TEST(test_care)
{
        struct world w = { .n_roles = 1, .n_divisions = 1, .n_trusts = 2, .n_users = 1 };
        TS_CLEANUP(reading_done) struct reading r;
        const char *name = care_cases[_i].name;

        reading_init(&r, &w);
        fake_api_answer(r.api, "GET /orgauthorization/trustees/care", 200, care_cases[_i].list);
        fake_api_answer(r.api, "GET /orgauthorization/trustees/default", care_cases[_i].status,
                        care_cases[_i].preset);
        ck_assert_msg(read_organization(&r, true) == 0, "%s: %s", name, r.err.msg);
        ck_assert_msg((r.live->care_coverage == TS_COVERAGE_COMPLETE) == care_cases[_i].is_known, "%s", name);
        ck_assert_msg(r.live->trusts[1].customer_care == care_cases[_i].is_marked, "%s", name);
        ck_assert_msg(r.n_warnings == !care_cases[_i].is_known, "%s: %s", name, ts_buf_text(&r.warnings));
        if (r.n_warnings > 0)
                message_is(name, ts_buf_text(&r.warnings));
}
END_TEST

START_TEST(test_nobody_desired)
{
        struct world w = { .n_roles = 1, .n_divisions = 1, .n_trusts = 5, .n_users = 3 };
        TS_CLEANUP(reading_done) struct reading r;

        reading_init(&r, &w);
        r.wants_nobody = true;
        ck_assert_int_eq(read_organization(&r, false), 0);
        ck_assert_uint_eq(fake_api_count(r.api), 3);
        ck_assert_int_eq(r.live->trusts[0].users.coverage, TS_COVERAGE_NONE);
        ck_assert_int_eq(r.live->care_coverage, TS_COVERAGE_NONE);
        ck_assert_int_eq(read_grants(&r), 0);
        ck_assert_str_eq(r.how, "no grants had to be read");
        ck_assert_uint_eq(fake_api_count(r.api), 0);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- grants */

static void check_member_grants(const struct reading *r, const struct ts_member *m)
{
        const struct world *w = &r->world;
        struct ts_id_text text = ts_id_format(&m->id);
        unsigned number = fake_id_number(text.s) - USER;

        ck_assert_msg(m->n_grants == w->n_grants, "user %u: %u grants", number, m->n_grants);
        for (uint32_t i = 0; i < m->n_grants; i++) {
                const struct ts_grant *g = &m->grants[i];
                bool found = false;

                for (unsigned k = 0; k < w->n_grants; k++) {
                        struct ts_id role = fake_id(ROLE + role_of(w, number, k)), division = { { 0 } };

                        if (division_of(w, number, k) > 0)
                                division = fake_id(DIVISION + division_of(w, number, k));
                        found = found ||
                                (ts_id_equal(&r->live->catalog.roles[g->role].id, &role) &&
                                 ts_id_equal(&r->live->catalog.divisions[g->division].id, &division));
                }
                ck_assert_msg(found, "user %u: grant %u is not its own", number, i);
                ck_assert(i == 0 || ts_grant_compare(&m->grants[i - 1], g) < 0);
        }
}

static void check_grants(const struct reading *r, enum ts_coverage coverage)
{
        for (size_t i = 0; i < r->live->n_trusts; i++)
                for (size_t k = 0; k < r->live->trusts[i].users.n; k++) {
                        const struct ts_member *m = &r->live->trusts[i].users.items[k];

                        ck_assert_int_eq(m->grants_coverage, coverage);
                        if (coverage == TS_COVERAGE_COMPLETE)
                                check_member_grants(r, m);
                }
}

static const struct {
        const char *name;
        unsigned n_roles, n_trusts, n_users, n_employees, n_grants;
        enum subject_kind kind;
        unsigned n_requests;
        enum ts_subject_reads subjects;
        const char *how; /* in it */
} grants_cases[] = {
        { "few members", 10, 1, 3, 0, 2, SUBJECTS_GOOD, 3 + 1, TS_SUBJECT_READS_PROVEN,
          "the grants of 3 members were read by member, which the roles of one of them confirmed: there are "
          "more roles" },
        { "one member", 10, 1, 1, 0, 2, SUBJECTS_GOOD, 1 + 1, TS_SUBJECT_READS_PROVEN,
          "the grants of 1 member were read by member, which its roles confirmed: there are more roles" },
        { "one member less than roles", 10, 1, 9, 900, 2, SUBJECTS_GOOD, 9 + 1, TS_SUBJECT_READS_PROVEN,
          "by member" },
        { "as many members as roles", 10, 1, 10, 0, 2, SUBJECTS_GOOD, 10, TS_SUBJECT_READS_UNKNOWN,
          "by role, in 10 pages of 10 roles: that costs no more" },
        { "many members", 10, 100, 25, 1000, 3, SUBJECTS_GOOD, 10 * 8 + 10, TS_SUBJECT_READS_UNKNOWN,
          "by role" },
        { "more employees than members", 5, 2, 10, 5000, 1, SUBJECTS_GOOD, 5 + 20 + 1,
          TS_SUBJECT_READS_PROVEN, "the roles have more pages than there are members" },
        { "it stops to look at roles early", 18, 2, 15, 5000, 1, SUBJECTS_GOOD, 16 + 30 + 1,
          TS_SUBJECT_READS_PROVEN, "the roles have more pages" },
        { "grants of groups are not the member's", 10, 1, 3, 0, 2, SUBJECTS_OF_GROUPS, 3 + 1,
          TS_SUBJECT_READS_PROVEN, "by member" },
        { "nobody has a role", 10, 1, 20, 0, 0, SUBJECTS_BLIND, 10, TS_SUBJECT_READS_UNKNOWN, "by role" },
        { "nobody of few has a role", 10, 1, 3, 0, 0, SUBJECTS_GOOD, 3 + 3, TS_SUBJECT_READS_UNKNOWN,
          "none of whom has a role" },
        { "nobody of few is a subject", 10, 1, 3, 0, 0, SUBJECTS_MISSING, 3 + 3, TS_SUBJECT_READS_UNKNOWN,
          "none of whom has a role" },
        { "subjects do not know members' grants", 10, 1, 3, 0, 2, SUBJECTS_BLIND, 3 + 3 + 10,
          TS_SUBJECT_READS_UNUSABLE, "does not know the roles that members of trusts hold" },
        { "subjects do not know members", 10, 1, 3, 0, 2, SUBJECTS_MISSING, 3 + 3 + 10,
          TS_SUBJECT_READS_UNUSABLE, "by role" },
        { "subjects know other roles", 10, 1, 3, 0, 2, SUBJECTS_WRONG, 3 + 1 + 10, TS_SUBJECT_READS_UNUSABLE,
          "by role" },
        { "subjects may not be read", 10, 1, 3, 0, 2, SUBJECTS_DENIED, 3 + 10, TS_SUBJECT_READS_UNUSABLE,
          "403 of authorization/subjects" },
        { "subjects are mixed up", 10, 1, 3, 0, 2, SUBJECTS_OF_ANOTHER, 3 + 10, TS_SUBJECT_READS_UNUSABLE,
          "no usable answer" },
        { "only the first chunk is in vain", 30, 1, 25, 0, 2, SUBJECTS_BLIND, 8 + 8 + 30,
          TS_SUBJECT_READS_UNUSABLE, "by role" },
};

START_TEST(test_grants)
{
        struct world w = {
                .n_roles = grants_cases[_i].n_roles,
                .n_divisions = 3,
                .n_trusts = grants_cases[_i].n_trusts,
                .n_users = grants_cases[_i].n_users,
                .n_employees = grants_cases[_i].n_employees,
                .n_grants = grants_cases[_i].n_grants,
                .subjects = grants_cases[_i].kind,
        };
        TS_CLEANUP(reading_done) struct reading r;

        reading_init(&r, &w);
        ck_assert_int_eq(read_organization(&r, false), 0);
        ck_assert_msg(read_grants(&r) == 0, "%s: %s", grants_cases[_i].name, r.err.msg);
        ck_assert_msg(fake_api_count(r.api) == grants_cases[_i].n_requests, "%s: %zu requests:\n%s",
                      grants_cases[_i].name, fake_api_count(r.api), fake_api_log(r.api));
        ck_assert_msg(r.subjects == grants_cases[_i].subjects, "%s: %d", grants_cases[_i].name,
                      (int) r.subjects);
        ck_assert_msg(strstr(r.how, grants_cases[_i].how) != NULL, "%s: %s", grants_cases[_i].name, r.how);
        ck_assert_msg(r.n_warnings == 0, "%s: %s", grants_cases[_i].name, ts_buf_text(&r.warnings));
        check_grants(&r, TS_COVERAGE_COMPLETE);
}
END_TEST

/* A member whose subject is 404 after the proof: no roles, no grants; roles, no certainty. */
START_TEST(test_grants_missing_subject)
{
        struct world w = { .n_roles = 30,
                           .n_divisions = 1,
                           .n_trusts = 1,
                           .n_users = 3,
                           .n_grants = 1,
                           .subjects = SUBJECTS_LATE_404 };
        TS_CLEANUP(reading_done) struct reading r;
        char request[256];

        reading_init(&r, &w);
        (void) snprintf(request, sizeof(request), "GET /orgauthorization/trustees/%s/users/%s/roles",
                        fake_id_text(TRUST).s, fake_id_text(USER + 2).s);
        fake_api_answer(r.api, request, 200, "{'roles':[]}");
        ck_assert_int_eq(read_organization(&r, false), 0);
        ck_assert_int_eq(read_grants(&r), 0);
        ck_assert_int_eq(r.subjects, TS_SUBJECT_READS_PROVEN);
        ck_assert_uint_eq(fake_api_count(r.api), 3 + 1 + 2);
        ck_assert_int_eq(r.live->trusts[0].users.items[0].grants_coverage, TS_COVERAGE_COMPLETE);
        ck_assert_int_ne(r.live->trusts[0].users.items[1].grants_coverage, TS_COVERAGE_COMPLETE);
        ck_assert_int_eq(r.live->trusts[0].users.items[2].grants_coverage, TS_COVERAGE_COMPLETE);
        ck_assert_uint_eq(r.n_warnings, 1);
        message_is("a role", ts_buf_text(&r.warnings));
}
END_TEST

static const struct {
        const char *name, *where;
        enum flaw flaw;
        unsigned times;
        int n;
        enum subject_kind subjects;
        enum ts_coverage coverage;
        unsigned n_requests;
} sweep_cases[] = {
        { "a page is missing", "/subjectgrants?", FLAW_EMPTY, 0, 0, SUBJECTS_DENIED, TS_COVERAGE_PARTIAL,
          4 + 8 },
        { "a page is missing, and members are read", "/subjectgrants?", FLAW_EMPTY, 0, 0, SUBJECTS_GOOD,
          TS_COVERAGE_COMPLETE, 4 + 9 + 1 },
        { "a page is missing once", "/subjectgrants?", FLAW_EMPTY, 1, 0, SUBJECTS_GOOD, TS_COVERAGE_COMPLETE,
          3 },
        { "a role is gone", "000000100001/subjectgrants?", FLAW_STATUS, 0, 404, SUBJECTS_BLIND,
          TS_COVERAGE_PARTIAL, 2 + 8 + 8 },
        { "a role is gone, and members are read", "000000100001/subjectgrants?", FLAW_STATUS, 0, 404,
          SUBJECTS_GOOD, TS_COVERAGE_COMPLETE, 2 + 9 + 1 },
        { "may not", "/subjectgrants?", FLAW_STATUS, 0, 403, SUBJECTS_DENIED, TS_COVERAGE_PARTIAL, 2 + 8 },
        { "the list of roles is not whole", "/authorization/roles?", FLAW_TOTAL, 0, 1, SUBJECTS_GOOD,
          TS_COVERAGE_PARTIAL, 0 },
};

START_TEST(test_sweep_incomplete)
{
        struct world w = { .n_roles = 2, .n_divisions = 1, .n_trusts = 1, .n_users = 9, .n_grants = 1 };
        TS_CLEANUP(reading_done) struct reading r;

        w.where = sweep_cases[_i].where;
        w.flaw = sweep_cases[_i].flaw;
        w.times = sweep_cases[_i].times;
        w.n = sweep_cases[_i].n;
        w.subjects = sweep_cases[_i].subjects;
        reading_init(&r, &w);
        ck_assert_int_eq(read_organization(&r, false), 0);
        ck_assert_int_eq(read_grants(&r), 0);
        ck_assert_msg(fake_api_count(r.api) == sweep_cases[_i].n_requests, "%s: %zu requests:\n%s",
                      sweep_cases[_i].name, fake_api_count(r.api), fake_api_log(r.api));
        ck_assert_msg((r.n_warnings == 0) == (sweep_cases[_i].coverage == TS_COVERAGE_COMPLETE), "%s: %s",
                      sweep_cases[_i].name, ts_buf_text(&r.warnings));
        if (r.n_warnings > 0)
                message_is(sweep_cases[_i].name, ts_buf_text(&r.warnings));
        if (strstr(w.where, "000000100001")) /* what the other role showed is there in any case */
                ck_assert_uint_gt(r.live->trusts[0].users.items[0].n_grants, 0);
        check_grants(&r, sweep_cases[_i].coverage);
}
END_TEST

/* One subject that the platform cannot answer for: without duplicates and compared with its roles, or by
 * role. */
static const struct {
        const char *name, *merged; /* NULL: that fails as well */
        unsigned n_roles;
        enum ts_coverage coverage;
        unsigned n_requests; /* without those that were tried in vain six times */
} failed_cases[] = {
        { "it is whole without duplicates",
          "{'id':'00000000-0000-4000-8000-000000400001','grants':[{'subjectId':'00000000-0000-4000-8000-"
          "000000400001','role':{'id':'ROLE'},'division':{'id':'00000000-0000-4000-8000-000000200001'}}]}",
          10, TS_COVERAGE_COMPLETE, 2 + 1 + 6 + 1 + 1 },
        { "its grants may be merged into those of a group",
          "{'id':'00000000-0000-4000-8000-000000400001','grants':[{'subjectId':'00000000-0000-4000-8000-"
          "0000004000ff','role':{'id':'ROLE'},'division':{'id':'00000000-0000-4000-8000-000000200001'}}]}",
          10, TS_COVERAGE_COMPLETE, 2 + 1 + 6 + 1 + 10 },
        { "it has not the roles that the trust knows",
          "{'id':'00000000-0000-4000-8000-000000400001','grants':[]}", 10, TS_COVERAGE_COMPLETE,
          2 + 1 + 6 + 1 + 1 + 10 },
        { "not even that is answered", NULL, 10, TS_COVERAGE_COMPLETE, 2 + 1 + 6 + 6 + 10 },
};

START_TEST(test_failed_subject)
{
        struct world w = { .n_roles = failed_cases[_i].n_roles,
                           .n_divisions = 1,
                           .n_trusts = 1,
                           .n_users = 3,
                           .n_grants = 1 };
        const char *merged = failed_cases[_i].merged;
        TS_CLEANUP(reading_done) struct reading r;
        char request[256], json[512];

        reading_init(&r, &w);
        (void) snprintf(request, sizeof(request), "GET /authorization/subjects/%s?includeDuplicates=true",
                        fake_id_text(USER + 1).s);
        fake_api_answer(r.api, request, 500, NULL);
        (void) snprintf(request, sizeof(request), "GET /authorization/subjects/%s?includeDuplicates=false",
                        fake_id_text(USER + 1).s);
        (void) snprintf(json, sizeof(json), "%s", merged ? merged : "");
        if (strstr(json, "ROLE'")) {
                char *place = strstr(json, "ROLE'"), rest[256];

                (void) snprintf(rest, sizeof(rest), "%s", place + strlen("ROLE"));
                (void) snprintf(place, sizeof(json) - (size_t) (place - json), "%s%s",
                                fake_id_text(ROLE + role_of(&w, 1, 0)).s, rest);
        }
        fake_api_answer(r.api, request, merged ? 200 : 500, merged ? json : NULL);
        ck_assert_int_eq(read_organization(&r, false), 0);
        ck_assert_int_eq(read_grants(&r), 0);
        ck_assert_msg(fake_api_count(r.api) == failed_cases[_i].n_requests, "%s: %zu requests:\n%s",
                      failed_cases[_i].name, fake_api_count(r.api), fake_api_log(r.api));
        ck_assert_msg(r.n_warnings == 0, "%s: %s", failed_cases[_i].name, ts_buf_text(&r.warnings));
        check_grants(&r, failed_cases[_i].coverage);
}
END_TEST

#define SUBJECTGRANTS "GET /authorization/roles/%s/subjectgrants?pageSize=100&pageNumber=1"

/* Who was a holder in a reading that was not whole is none because of it. */
START_TEST(test_sweep_begins_anew)
{
        struct world w = { .n_roles = 2, .n_divisions = 1, .n_trusts = 1, .n_users = 9, .n_grants = 1 };
        TS_CLEANUP(ts_buf_done) struct ts_buf whole = TS_BUF_INIT(65536), flawed = TS_BUF_INIT(65536);
        TS_CLEANUP(reading_done) struct reading r;
        char request[256];

        reading_init(&r, &w);
        ck_assert_int_eq(read_organization(&r, false), 0);
        (void) snprintf(request, sizeof(request), SUBJECTGRANTS, fake_id_text(ROLE + 1).s);
        ck_assert_int_eq(answer(r.api, request, "", &whole), 200);
        r.world.n_roles = 1; /* all of them hold the first role: said of the second one */
        (void) snprintf(request, sizeof(request), SUBJECTGRANTS, fake_id_text(ROLE).s);
        ck_assert_int_eq(answer(r.api, request, "", &flawed), 200);
        r.world.n_roles = 2;
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&flawed), "\"total\":9"));
        *(strstr(flawed.data, "\"total\":9") + strlen("\"total\":")) = '8';
        (void) snprintf(request, sizeof(request), SUBJECTGRANTS, fake_id_text(ROLE + 1).s);
        fake_api_answer(r.api, request, 200, ts_buf_text(&flawed));
        fake_api_answer(r.api, request, 200, ts_buf_text(&whole));
        ck_assert_int_eq(read_grants(&r), 0);
        ck_assert_uint_eq(fake_api_count(r.api), 3);
        check_grants(&r, TS_COVERAGE_COMPLETE);
}
END_TEST

/* Roles and divisions that the lists did not have are in the catalogue afterwards, with their names. */
START_TEST(test_unknown_role)
{
        struct world w = { .n_roles = 3, .n_divisions = 1, .n_trusts = 1, .n_users = 1 };
        TS_CLEANUP(reading_done) struct reading r;
        const struct ts_member *m;
        char request[256];

        reading_init(&r, &w);
        (void) snprintf(request, sizeof(request), "GET /authorization/subjects/%s?includeDuplicates=true",
                        fake_id_text(USER).s);
        fake_api_answer(r.api, request, 200,
                        "{'id':'00000000-0000-4000-8000-000000400000','grants':[{'subjectId':"
                        "'00000000-0000-4000-8000-000000400000','role':{'id':'00000000-0000-4000-8000-"
                        "0000000000f1',"
                        "'name':'new role'},'division':{'id':'00000000-0000-4000-8000-0000000000f2'}}]}");
        (void) snprintf(request, sizeof(request), "GET /orgauthorization/trustees/%s/users/%s/roles",
                        fake_id_text(TRUST).s, fake_id_text(USER).s);
        fake_api_answer(r.api, request, 200, "{'roles':[{'id':'00000000-0000-4000-8000-0000000000f1'}]}");
        ck_assert_int_eq(read_organization(&r, false), 0);
        ck_assert_int_eq(read_grants(&r), 0);
        m = &r.live->trusts[0].users.items[0];
        ck_assert_uint_eq(m->n_grants, 1);
        ck_assert_str_eq(r.live->catalog.roles[m->grants[0].role].name, "new role");
        ck_assert_str_eq(r.live->catalog.divisions[m->grants[0].division].name,
                         "00000000-0000-4000-8000-0000000000f2");
}
END_TEST

/* A group's grants are confirmed by the group's roles. */
START_TEST(test_grants_of_group)
{
        struct world w = { .n_roles = 3, .n_divisions = 1, .n_trusts = 1, .n_users = 1 };
        TS_CLEANUP(reading_done) struct reading r;
        struct ts_member group = { .kind = TS_KIND_GROUP, .id = fake_id(0x77) };
        struct ts_read_target target;

        reading_init(&r, &w);
        fake_api_answer(r.api,
                        "GET "
                        "/authorization/subjects/00000000-0000-4000-8000-000000000077?includeDuplicates=true",
                        200,
                        "{'id':'00000000-0000-4000-8000-000000000077','grants':[{'subjectId':"
                        "'00000000-0000-4000-8000-000000000077','role':{'id':'00000000-0000-4000-8000-"
                        "000000100001'},"
                        "'division':{'id':'*'}}]}");
        fake_api_answer(r.api,
                        "GET /orgauthorization/trustees/00000000-0000-4000-8000-000000300000/groups/"
                        "00000000-0000-4000-8000-000000000077/roles",
                        200, "{'roles':[{'id':'00000000-0000-4000-8000-000000100001'}]}");
        ck_assert_int_eq(read_organization(&r, false), 0);
        target = (struct ts_read_target){ &r.live->trusts[0], &group };
        fake_api_forget_log(r.api);
        ck_assert_int_eq(ts_read_grants(fake_api_client(r.api), r.live, &target, 1, &r.subjects, &r.how,
                                        on_warning, &r, &r.err),
                         0);
        ck_assert_int_eq(r.subjects, TS_SUBJECT_READS_PROVEN);
        ck_assert_uint_eq(fake_api_count(r.api), 2);
        ck_assert_uint_eq(group.n_grants, 1);
        ck_assert_int_eq(group.grants_coverage, TS_COVERAGE_COMPLETE);
}
END_TEST

/* ---------------------------------------------------------------------------------------- the whole count */

static unsigned pages(unsigned n)
{
        return n == 0 ? 1 : (n + 99) / 100;
}

static const struct world count_cases[] = {
        { .n_roles = 10, .n_divisions = 3, .n_trusts = 0, .n_users = 0 },
        { .n_roles = 230, .n_divisions = 150, .n_trusts = 120, .n_users = 1, .n_grants = 1 },
        { .n_roles = 60, .n_divisions = 3, .n_trusts = 40, .n_users = 25, .n_employees = 700, .n_grants = 3 },
        { .n_roles = 60,
          .n_divisions = 3,
          .n_trusts = 1,
          .n_users = 25,
          .n_employees = 70000,
          .n_grants = 3 },
        { .n_roles = 12, .n_divisions = 1, .n_trusts = 2, .n_users = 250, .n_employees = 5, .n_grants = 2 },
};

START_TEST(test_count)
{
        const struct world *w = &count_cases[_i];
        unsigned expected, sweep = 0, by_member = count_members(w) == 0 ? 0 : count_members(w) + 1;
        TS_CLEANUP(reading_done) struct reading r;
        size_t n;

        for (unsigned i = 0; i < w->n_roles; i++)
                sweep += pages(count_holders(w, i));
        expected = pages(w->n_roles) + pages(w->n_divisions) + pages(w->n_trusts) +
                   w->n_trusts * pages(w->n_users) + (sweep < by_member ? sweep : by_member);

        reading_init(&r, w);
        ck_assert_int_eq(read_organization(&r, false), 0);
        n = fake_api_count(r.api);
        ck_assert_int_eq(read_grants(&r), 0);
        ck_assert_msg(n + fake_api_count(r.api) == expected, "case %d: %zu requests, not %u", _i,
                      n + fake_api_count(r.api), expected);
        check_grants(&r, TS_COVERAGE_COMPLETE);
}
END_TEST

/* ------------------------------------------------------------------------------------------------ answers */

static const struct {
        const char *name, *json, *field; /* field NULL: it can be used */
} trust_cases[] = {
        { "everything that is required", "{\"id\":\"00000000-0000-4000-8000-000000000001\",\"enabled\":true}",
          NULL },
        { "no id", "{\"enabled\":true}", "id" },
        { "an id that is none", "{\"id\":\"default\",\"enabled\":true}", "id" },
        { "no enabled", "{\"id\":\"00000000-0000-4000-8000-000000000001\"}", "enabled" },
        { "enabled is a text", "{\"id\":\"00000000-0000-4000-8000-000000000001\",\"enabled\":\"true\"}",
          "enabled" },
        { "an expiry that cannot be read",
          "{\"id\":\"00000000-0000-4000-8000-000000000001\",\"enabled\":true,\"dateExpired\":\"soon\"}",
          "dateExpired" },
        { "an expiry that is a number",
          "{\"id\":\"00000000-0000-4000-8000-000000000001\",\"enabled\":true,\"dateExpired\":1}",
          "dateExpired" },
        { "a list", "[]", "id" },
};

START_TEST(test_trust)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *json;
        struct ts_err err = { 0 };
        struct ts_trust t;
        int r;

        ck_assert_int_eq(ts_json_parse(trust_cases[_i].json, strlen(trust_cases[_i].json), &arena, &json,
                                       &err),
                         0);
        r = ts_read_trust(json, TS_TRUSTEE, &arena, &t, &err);
        if (!trust_cases[_i].field) {
                ck_assert_int_eq(r, 0);
                return;
        }
        ck_assert_msg(r == -EBADMSG, "%s: %d", trust_cases[_i].name, r);
        ck_assert_msg(strstr(err.msg, trust_cases[_i].field), "%s: %s", trust_cases[_i].name, err.msg);
        message_is(trust_cases[_i].name, err.msg);
}
END_TEST

#define MEMBER_ID "\"id\":\"00000000-0000-4000-8000-000000000001\""
#define LETTERS_64 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"
#define LETTERS_256 LETTERS_64 LETTERS_64 LETTERS_64 LETTERS_64

/* What decides nothing is mended or cut; an e-mail and the name of a group are used whole, or not at all. */
static const struct {
        const char *name;
        enum ts_kind kind;
        const char *json;
        int r;
        const char *email, *shown;
} member_cases[] = {
        { "a user", TS_KIND_USER, "{" MEMBER_ID ",\"name\":\"Ann\",\"email\":\"a@x.example\"}", 0,
          "a@x.example", "Ann" },
        { "half a surrogate pair in its name", TS_KIND_USER,
          "{" MEMBER_ID ",\"name\":\"Ann \\ud83d\",\"email\":\"a@x.example\"}", 0, "a@x.example",
          "Ann \xef\xbf\xbd" },
        { "a name of 256 bytes", TS_KIND_USER, "{" MEMBER_ID ",\"name\":\"" LETTERS_256 "\"}", 0, NULL,
          LETTERS_256 },
        { "a longer name", TS_KIND_USER, "{" MEMBER_ID ",\"name\":\"" LETTERS_256 "z\"}", 0, NULL,
          LETTERS_64 LETTERS_64 LETTERS_64 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi"
                                           "\xe2\x80\xa6" },
        { "a longer name of other letters", TS_KIND_CLONE,
          "{" MEMBER_ID ",\"name\":\"" LETTERS_64 LETTERS_64 LETTERS_64
          "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh\xc3\xa4\xc3\xa4\xc3\xa4\"}",
          0, NULL,
          LETTERS_64 LETTERS_64 LETTERS_64 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh"
                                           "\xe2\x80\xa6" },
        { "an e-mail with U+0000", TS_KIND_USER, "{" MEMBER_ID ",\"email\":\"a@x.example\\u0000\"}", 1, NULL,
          NULL },
        { "an e-mail of a clone that is no UTF-8", TS_KIND_CLONE, "{" MEMBER_ID ",\"email\":\"\xff@x\"}", 1,
          NULL, NULL },
        { "an e-mail that is too long", TS_KIND_USER, "{" MEMBER_ID ",\"email\":\"" LETTERS_256 "z\"}", 1,
          NULL, NULL },
        { "a group's name that is no text", TS_KIND_GROUP, "{" MEMBER_ID ",\"name\":\"T\\udc00\"}", 1, NULL,
          NULL },
        { "everything but its id", TS_KIND_USER,
          "{" MEMBER_ID ",\"name\":1,\"email\":[],\"state\":{},\"trustUserDetails\":\"\\u0000\"}", 0, NULL,
          NULL },
        { "its id", TS_KIND_USER, "{\"id\":\"00000000-0000-4000-8000-00000000000\\ud83d\"}", -EBADMSG, NULL,
          NULL },
};

START_TEST(test_member)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const char *text = member_cases[_i].json;
        const struct ts_json *json;
        struct ts_err err = { 0 };
        struct ts_member m = { 0 };
        int r;

        ck_assert_int_eq(ts_json_parse(text, strlen(text), &arena, &json, &err), 0);
        r = ts_read_member(json, member_cases[_i].kind, &arena, &m, &err);
        ck_assert_msg(r == member_cases[_i].r, "%s: %d", member_cases[_i].name, r);
        if (r != 0)
                message_is(member_cases[_i].name, err.msg);
        ck_assert_msg((err.cls == TS_ERR_NONE) == (r == 0), "%s: %s", member_cases[_i].name, err.msg);
        ck_assert_pstr_eq(m.email, member_cases[_i].email);
        ck_assert_pstr_eq(m.name, member_cases[_i].shown);
}
END_TEST

/* One object with a text that cannot be used: said once, and the list is whole. */
static const struct {
        const char *name, *request, *json;
} faulty_cases[] = {
        { "a role", "GET /authorization/roles?userCount=false&pageSize=100&pageNumber=1",
          "{'entities':[{'id':'00000000-0000-4000-8000-000000100000','name':'role\\ud83d'},"
          "{'id':'00000000-0000-4000-8000-000000100001','name':'role 1'}],'total':2,'pageCount':1}" },
        { "two divisions", "GET /authorization/divisions?pageSize=100&pageNumber=1",
          "{'entities':[{'id':'00000000-0000-4000-8000-000000200000','name':'\\u0000'},"
          "{'id':'00000000-0000-4000-8000-000000200001','name':'\\u0000'}],'total':2,'pageCount':1}" },
        { "a user",
          "GET "
          "/orgauthorization/trustees/00000000-0000-4000-8000-000000300000/users?pageSize=100&pageNumber=1",
          "{'entities':[{'id':'00000000-0000-4000-8000-000000400000','email':'\\ud83d'},"
          "{'id':'00000000-0000-4000-8000-000000400001','name':'\\ud83d'}],'total':2,'pageCount':1}" },
};

START_TEST(test_faulty_object)
{
        struct world w = { .n_roles = 2, .n_divisions = 2, .n_trusts = 1, .n_users = 2 };
        TS_CLEANUP(reading_done) struct reading r;

        reading_init(&r, &w);
        fake_api_answer(r.api, faulty_cases[_i].request, 200, faulty_cases[_i].json);
        ck_assert_int_eq(read_organization(&r, false), 0);
        ck_assert_uint_eq(r.n_warnings, 1);
        message_is(faulty_cases[_i].name, ts_buf_text(&r.warnings));
        ck_assert(r.live->catalog.complete);
        ck_assert_uint_eq(r.live->catalog.n_roles, 2);
        ck_assert_int_eq(r.live->trusts[0].users.coverage, TS_COVERAGE_COMPLETE);
        ck_assert_uint_eq(r.live->trusts[0].users.n, 2);
        ck_assert_uint_eq(fake_api_count(r.api), 4);
}
END_TEST

/* Names are cut, and there is an end to all of them together. */
START_TEST(test_memory_of_lists)
{
        struct world w = { .n_roles = 2, .n_divisions = 2, .n_trusts = 2, .n_users = 150 };
        TS_CLEANUP(reading_done) struct reading r;

        reading_init(&r, &w);
        ck_assert_ptr_nonnull(ts_arena_alloc(&r.live->arena, TS_LIVE_MAX_BYTES + 1));
        ck_assert_int_lt(read_organization(&r, false), 0);
        message_is("too much", r.err.msg);
        ck_assert_uint_le(fake_api_count(r.api), 3);
}
END_TEST

/* ------------------------------------------------------------------------------------------------- search */

static const struct {
        const char *name;
        long status;
        const char *json;
        const char *found; /* for ann and bob: the last digits of the ids, - for nobody; or a word of the
                              error */
} search_cases[] = {
        { "nobody", 200, "{'results':[],'pageCount':0,'total':0}", "- -" },
        { "nobody, as an error", 404, "{'code':'resource.not.found'}", "- -" },
        { "both, in any case", 200,
          "{'results':[{'id':'00000000-0000-4000-8000-000000000001','email':'ANN@x.example','state':'active'}"
          ","
          "{'id':'00000000-0000-4000-8000-000000000002','email':'bob@x.example','state':'active'}],'"
          "pageCount':1}",
          "1 2" },
        { "two with one address", 200,
          "{'results':[{'id':'00000000-0000-4000-8000-000000000001','email':'ann@x.example','state':'active'}"
          ","
          "{'id':'00000000-0000-4000-8000-000000000002','email':'ann@x.example','state':'active'}],'"
          "pageCount':1}",
          "- -" },
        { "one left, one came", 200,
          "{'results':[{'id':'00000000-0000-4000-8000-000000000001','email':'ann@x.example','state':'"
          "inactive'},"
          "{'id':'00000000-0000-4000-8000-000000000002','email':'ann@x.example','state':'active'}],'"
          "pageCount':1}",
          "2 -" },
        { "somebody else", 200,
          "{'results':[{'id':'00000000-0000-4000-8000-000000000001','email':'joann@x.example','state':'"
          "active'}],"
          "'pageCount':1}",
          "- -" },
        { "nobody, without a list", 200, "{'total':0,'pageNumber':1}", "- -" },
        { "somebody, without a list", 200, "{'total':1}", "" },
        { "an address that is no text", 200,
          "{'results':[{'id':'00000000-0000-4000-8000-000000000001','email':'ann@x.example\\ud83d','state':'"
          "active'}],"
          "'pageCount':1}",
          "- -" },
        { "may not", 403, "{'code':'missing.permissions'}", "directory:user:view" },
        { "no results", 200, "{'pageCount':1}", "" },
        { "no page count", 200, "{'results':[]}", "" },
};

START_TEST(test_search)
{
        static const char *const emails[] = { "ann@x.example", "bob@x.example" };
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
        struct ts_err err = { 0 };
        struct ts_id ids[2];
        char found[256];
        int r;

        fake_api_answer(api, "POST /users/search", search_cases[_i].status, search_cases[_i].json);
        r = ts_read_search(fake_api_client(api), TS_KIND_USER, emails, 2, ids, &err);
        if (r < 0) {
                ck_assert_msg(strstr(err.msg, search_cases[_i].found) != NULL, "%s: %s",
                              search_cases[_i].name, err.msg);
                message_is(search_cases[_i].name, err.msg);
                ck_assert_msg((r == -EACCES) == (search_cases[_i].status == 403), "%s: %d",
                              search_cases[_i].name, r);
                return;
        }
        found[0] = '\0';
        for (size_t i = 0; i < 2; i++) {
                struct ts_id_text text = ts_id_format(&ids[i]);

                (void) snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s",
                                i > 0 ? " " : "", ts_id_is_nil(&ids[i]) ? "-" : text.s + 35);
        }
        ck_assert_msg(strcmp(found, search_cases[_i].found) == 0, "%s: %s", search_cases[_i].name, found);
        ck_assert_str_eq(fake_api_log(api),
                         "POST /users/search "
                         "{\"query\":[{\"type\":\"EXACT\",\"fields\":[\"email\"],\"values\":"
                         "[\"ann@x.example\",\"bob@x.example\"]}],\"pageSize\":100,\"pageNumber\":1}\n");
}
END_TEST

START_TEST(test_search_in_batches)
{
        TS_CLEANUP(fake_api_freep) struct fake_api *api = fake_api_new(NULL, NULL);
        char texts[120][32];
        const char *emails[120];
        struct ts_id ids[120];
        struct ts_err err = { 0 };

        for (size_t i = 0; i < 120; i++) {
                (void) snprintf(texts[i], sizeof(texts[i]), "u%zu@x.example", i);
                emails[i] = texts[i];
        }
        fake_api_answer(api, "POST /users/search", 200, "{'results':[],'pageCount':1}");
        fake_api_answer(api, "POST /users/search", 200, "{'results':[],'pageCount':2}");
        fake_api_answer(api, "POST /users/search", 200,
                        "{'results':[{'id':'00000000-0000-4000-8000-000000000001','email':'u60@x.example',"
                        "'state':'active'}],'pageCount':2}");
        fake_api_answer(api, "POST /users/search", 200, "{'results':[],'pageCount':1}");
        ck_assert_int_eq(ts_read_search(fake_api_client(api), TS_KIND_USER, emails, 120, ids, &err), 0);
        ck_assert_uint_eq(fake_api_count(api), 4);
        for (size_t i = 0; i < 120; i++)
                ck_assert_msg(ts_id_is_nil(&ids[i]) == (i != 60), "%zu", i);
}
END_TEST

static Suite *suite(void)
{
        Suite *s = suite_create("read");
        TCase *tc = tcase_create("read");

        tcase_set_timeout(tc, 60);
        tcase_add_loop_test(tc, test_listing, 0, TS_N_ELEMENTS(listing_cases));
        tcase_add_loop_test(tc, test_pages, 0, TS_N_ELEMENTS(page_cases));
        tcase_add_test(tc, test_client_dies);
        tcase_add_test(tc, test_listing_repeats_itself_without_numbers);
        tcase_add_test(tc, test_listing_order_of_answers);
        tcase_add_test(tc, test_organization);
        tcase_add_loop_test(tc, test_organization_incomplete, 0, TS_N_ELEMENTS(refusal_cases));
        tcase_add_test(tc, test_care_denied);
        tcase_add_loop_test(tc, test_care, 0, TS_N_ELEMENTS(care_cases));
        tcase_add_test(tc, test_nobody_desired);
        tcase_add_loop_test(tc, test_grants, 0, TS_N_ELEMENTS(grants_cases));
        tcase_add_test(tc, test_grants_missing_subject);
        tcase_add_loop_test(tc, test_failed_subject, 0, TS_N_ELEMENTS(failed_cases));
        tcase_add_loop_test(tc, test_sweep_incomplete, 0, TS_N_ELEMENTS(sweep_cases));
        tcase_add_test(tc, test_sweep_begins_anew);
        tcase_add_test(tc, test_unknown_role);
        tcase_add_test(tc, test_grants_of_group);
        tcase_add_loop_test(tc, test_count, 0, TS_N_ELEMENTS(count_cases));
        tcase_add_loop_test(tc, test_trust, 0, TS_N_ELEMENTS(trust_cases));
        tcase_add_loop_test(tc, test_member, 0, TS_N_ELEMENTS(member_cases));
        tcase_add_test(tc, test_memory_of_lists);
        tcase_add_loop_test(tc, test_faulty_object, 0, TS_N_ELEMENTS(faulty_cases));
        tcase_add_loop_test(tc, test_search, 0, TS_N_ELEMENTS(search_cases));
        tcase_add_test(tc, test_search_in_batches);
        suite_add_tcase(s, tc);
        return s;
}

int main(void)
{
        return run_suite(suite());
}
