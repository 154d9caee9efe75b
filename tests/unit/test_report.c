/*
 * The report in its three formats, and the journal entries.
 *
 * Plans are built from rows of text and rendered; the whole output is compared with the files of
 * tests/fixtures/report/.
 */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/reader.h"
#include "report/events.h"
#include "report/report.h"
#include "report/words.h"
#include "outcome.h"
#include "suite.h"
#include "util/escape.h"
#include "util/log.h"
#include "util/mem.h"

#define ORGANIZATIONS_MAX 3

/* ---------------------------------------------------------------------------------------- plans from text */

/* One change. Left out: planned, because of config, not by anybody known, of contoso. */
struct row {
        const char *trust; /* alias */
        enum ts_action action;
        const char *subject; /* e-mail; NULL: the trust itself */
        enum ts_result result;
        enum ts_reason reason;
        unsigned line;          /* 0: nowhere written */
        const char *grants;     /* "+Admin/Home:17, -Supervisor/Sales:14:drift, !Admin/all" */
        const char *attributes; /* "expires=2026-12-31T00:00:00Z>never, enabled=false>true" */
        const char *note, *by, *when;
        bool unmanaged; /* the member's grants are not managed */
        bool unknown;   /* the subject's id is not known */
        bool by_trust;  /* by somebody of the other organization */
};

struct organization {
        const char *alias;
        const struct row *rows;
        size_t n_rows;
        const struct ts_refusal *refusals;
        size_t n_refusals;
        const struct ts_message *messages;
        size_t n_messages;
        const char *error, *how;
        bool unplanned;
};

/* A report and all that it borrows. */
struct fixture {
        struct ts_arena arena;
        struct ts_catalog catalog;
        struct ts_plan *plans[ORGANIZATIONS_MAX];
        struct ts_err errors[ORGANIZATIONS_MAX];
        struct ts_report_organization organizations[ORGANIZATIONS_MAX];
        struct ts_digest content_hash;
        struct ts_report report;
};

static struct ts_id id_of(unsigned kind, unsigned n)
{
        struct ts_id id = { .bytes = { 0 } };

        id.bytes[0] = (uint8_t) kind;
        id.bytes[6] = 0x40;
        id.bytes[8] = 0x80;
        id.bytes[14] = (uint8_t) (n >> 8);
        id.bytes[15] = (uint8_t) n;
        return id;
}

/* The same name is the same role, division or trust. */
static struct ts_id id_of_name(unsigned kind, const char *name)
{
        struct ts_digest d = ts_sha256_of(name, strlen(name));
        struct ts_id id = id_of(kind, 0);

        memcpy(id.bytes + 9, d.bytes, 7);
        return id;
}

static int64_t time_of(const char *s)
{
        int64_t t = 0;

        if (strcmp(s, "never") == 0)
                return TS_TIME_NEVER;
        ck_assert_msg(ts_time_parse(s, strlen(s), &t) == 0, "%s is no time", s);
        return t;
}

static struct ts_source source_of(struct fixture *f, const char *trust, unsigned line)
{
        if (line == 0)
                return (struct ts_source){ 0 };
        return (struct ts_source){ ts_arena_printf(&f->arena, "trusts.d/%s.yaml", trust), line, 3 };
}

/* "+Admin/Home:17:drift" */
static void parse_grant(struct fixture *f, const struct row *row, struct ts_change *c, char *text)
{
        char *role = strsep(&text, "/"), *division = strsep(&text, ":"), *line = strsep(&text, ":");
        struct ts_grant_changes *to = role[0] == '+' ? &c->add : role[0] == '-' ? &c->remove : &c->held;
        struct ts_id role_id, division_id;
        struct ts_grant_change g = { .reason = row->reason };

        role_id = id_of_name(0x20, role + 1);
        division_id = id_of_name(0x30, division);
        g.role = ts_catalog_add_role(&f->catalog, &role_id, ts_arena_strdup(&f->arena, role + 1));
        if (strcmp(division, "all") != 0)
                g.division = ts_catalog_add_division(&f->catalog, &division_id,
                                                     ts_arena_strdup(&f->arena, division));
        g.source = source_of(f, row->trust ? row->trust : "contoso",
                             line ? (unsigned) strtoul(line, NULL, 10) : row->line);
        for (enum ts_reason r = 0; text && r <= TS_REASON_DENIED; r++)
                if (strcmp(text, ts_reason_to_string(r)) == 0)
                        g.reason = r;
        to->items[to->n++] = g;
}

static void parse_grants(struct fixture *f, const struct row *row, struct ts_change *c)
{
        char *rest = ts_arena_strdup(&f->arena, row->grants), *item;
        struct ts_grant_changes *lists[] = { &c->add, &c->remove, &c->held };

        for (size_t i = 0; i < TS_N_ELEMENTS(lists); i++)
                lists[i]->items = TS_ARENA_ARRAY(&f->arena, struct ts_grant_change, 64);
        while ((item = strsep(&rest, ",")))
                parse_grant(f, row, c, item + strspn(item, " "));
}

static void parse_attributes(struct fixture *f, const struct row *row, struct ts_change *c)
{
        char *rest = ts_arena_strdup(&f->arena, row->attributes), *item;

        while ((item = strsep(&rest, ","))) {
                char *name = strsep(&item, "="), *from = strsep(&item, ">");

                name += strspn(name, " ");
                if (strcmp(name, "enabled") == 0) {
                        c->changes_enabled = true;
                        c->before.enabled = strcmp(from, "true") == 0;
                        c->after.enabled = !c->before.enabled;
                } else {
                        ck_assert_str_eq(name, "expires");
                        c->changes_expires = true;
                        c->before.expires = time_of(from);
                        c->after.expires = time_of(item);
                }
        }
}

static void add_row(struct fixture *f, struct ts_plan *plan, const struct row *row)
{
        struct ts_change *c = ts_plan_add_change(plan);
        const char *trust = row->trust ? row->trust : "contoso";

        c->action = row->action;
        c->decision = row->result;
        c->reason = row->reason;
        c->trust_alias = trust;
        c->trust_name = strcmp(trust, "contoso") == 0 ? "Contoso Ltd" : NULL;
        c->trust_id = id_of_name(0x0b, trust);
        c->kind = row->subject ? TS_KIND_USER : TS_KIND_TRUST;
        c->subject_name = row->subject;
        if (row->subject && !row->unknown)
                c->subject_id = id_of_name(0x9d, row->subject);
        c->source = source_of(f, trust, row->line);
        c->note = row->note;
        c->by = row->by;
        if (row->by) {
                c->by_id = id_of(0xad, 7);
                c->by_organization = row->by_trust ? c->trust_id : plan->organization_id;
        }
        if (row->when)
                c->by_when = time_of(row->when);
        c->grants_managed = !row->unmanaged;
        if (row->grants)
                parse_grants(f, row, c);
        if (row->attributes)
                parse_attributes(f, row, c);
}

static struct ts_plan *plan_from(struct fixture *f, const struct organization *o)
{
        struct ts_plan *plan = ts_plan_new();

        plan->organization = o->alias;
        plan->organization_id = id_of_name(0x1f, o->alias);
        plan->catalog = &f->catalog;
        for (size_t i = 0; i < o->n_rows; i++)
                add_row(f, plan, &o->rows[i]);
        for (size_t i = 0; i < o->n_refusals; i++)
                ts_plan_add_refusal(plan, o->refusals[i].trust, o->refusals[i].limit, o->refusals[i].value,
                                    o->refusals[i].allowed, o->refusals[i].message);
        for (size_t i = 0; i < o->n_messages; i++)
                ts_plan_add_finding(plan, o->messages[i].kind, o->messages[i].trust, &o->messages[i].source,
                                    o->messages[i].n_members, "%s", o->messages[i].text);
        return plan;
}

static void add_organization(struct fixture *f, const struct organization *o)
{
        size_t i = f->report.n_organizations++;

        ck_assert(i < ORGANIZATIONS_MAX);
        if (!o->unplanned)
                f->plans[i] = plan_from(f, o);
        if (o->error)
                (void) ts_err_set(&f->errors[i], TS_ERR_REMOTE, -EIO, "%s", o->error);
        f->organizations[i] = (struct ts_report_organization){
                .alias = o->alias,
                .id = id_of_name(0x1f, o->alias),
                .plan = f->plans[i],
                .err = o->error ? &f->errors[i] : NULL,
                .how = o->how,
        };
}

static void describe_request(const struct ts_change *c, struct ts_buf *out)
{
        ts_buf_printf(out, "PUT /api/v2/orgauthorization/trustees/%s", ts_id_format(&c->trust_id).s);
}

static void fixture_init(struct fixture *f, const struct organization *organizations, size_t n)
{
        *f = (struct fixture){ 0 };
        ts_catalog_init(&f->catalog);
        f->content_hash = ts_sha256_of("content", 7);
        f->report = (struct ts_report){
                .generated_at = 1795486422,
                .duration_usec = 1234567,
                .requests = 41,
                .revision = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
                .content_hash = &f->content_hash,
                .digest = ts_sha256_of("digest", 6),
                .complete = true,
                .organizations = f->organizations,
                .describe_request = describe_request,
        };
        for (size_t i = 0; i < n; i++)
                add_organization(f, &organizations[i]);
}

static void fixture_done(struct fixture *f)
{
        for (size_t i = 0; i < ORGANIZATIONS_MAX; i++)
                ts_plan_free(f->plans[i]);
        ts_catalog_done(&f->catalog);
        ts_arena_done(&f->arena);
}

/* ------------------------------------------------------------------------------------------- golden files */

static const struct row everything[] = {
        { .action = TS_TRUST_UPDATE, .line = 6, .attributes = "expires=2026-12-31T00:00:00Z>never" },
        { .action = TS_USER_REMOVE,
          .subject = "mallory@contoso.example",
          .reason = TS_REASON_DRIFT,
          .line = 9,
          .by = "admin@acme.example",
          .when = "2026-11-20T08:00:00Z" },
        { .action = TS_USER_REMOVE, .subject = "zoe@contoso.example", .line = 9 },
        { .action = TS_USER_REMOVE,
          .subject = "root@contoso.example",
          .result = TS_HELD,
          .line = 9,
          .note = "the member is protected by the settings: it is not removed" },
        { .action = TS_USER_REMOVE,
          .subject = "temp@contoso.example",
          .result = TS_SKIPPED,
          .line = 9,
          .note = "no declaration lists it (unlisted: report)" },
        { .action = TS_USER_UPDATE,
          .subject = "jane.doe@contoso.example",
          .line = 14,
          .grants = "+Admin/Home:17, +Communicate - User/all:18, -Supervisor/Sales:14:drift" },
        { .action = TS_USER_UPDATE,
          .subject = "chief@contoso.example",
          .line = 20,
          .note = "the member is protected by the settings: it only gains",
          .grants = "+Admin/Home:21, !Supervisor/Sales:20" },
        { .action = TS_USER_ADD,
          .subject = "li.wei@contoso.example",
          .line = 24,
          .grants = "+Communicate - User/all:26, +Supervisor/Sales:27, +Supervisor/Support:27" },
        { .action = TS_USER_ADD, .subject = "bare@contoso.example", .line = 30 },
        { .action = TS_USER_ADD, .subject = "free@contoso.example", .line = 31, .unmanaged = true },
        { .action = TS_USER_ADD,
          .subject = "new@contoso.example",
          .line = 33,
          .result = TS_WAITING,
          .unknown = true,
          .grants = "+Admin/Home:34",
          .note = "nobody of the partner is known by that e-mail; give its id" },
        { .action = TS_USER_UPDATE,
          .subject = "tom@contoso.example",
          .line = 36,
          .result = TS_FAILED,
          .note = "role 'Admn' (trusts.d/contoso.yaml:38) does not exist; this member stays as it is" },
        { .trust = "fabrikam",
          .action = TS_TRUST_DISABLE,
          .line = 4,
          .attributes = "enabled=true>false",
          .note = "it is deleted 1d later, which we cannot undo" },
        { .trust = "northwind",
          .action = TS_TRUST_ENABLE,
          .line = 5,
          .reason = TS_REASON_DRIFT,
          .attributes = "expires=2026-11-01T00:00:00Z>2027-06-30T00:00:00Z, enabled=false>true" },
        { .trust = "sus",
          .action = TS_USER_REMOVE,
          .subject = "eve@sus.example",
          .reason = TS_REASON_DENIED },
        { .trust = "0b6f4c1e-0000-4000-8000-00000000000a",
          .action = TS_TRUST_DELETE,
          .result = TS_SKIPPED,
          .note = "no declaration names it (unlisted_trusts: report)" },
};

static const struct row only_skipped[] = {
        { .action = TS_USER_REMOVE,
          .subject = "temp@contoso.example",
          .result = TS_SKIPPED,
          .line = 9,
          .note = "no declaration lists it (unlisted: report)" },
};

static const struct row only_held[] = {
        { .action = TS_USER_REMOVE,
          .subject = "root@contoso.example",
          .result = TS_HELD,
          .line = 9,
          .note = "the member is protected by the settings: it is not removed" },
};

static const struct row carried_out[] = {
        { .action = TS_USER_REMOVE, .subject = "mallory@contoso.example", .result = TS_APPLIED, .line = 9 },
        { .action = TS_USER_UPDATE,
          .subject = "jane.doe@contoso.example",
          .result = TS_APPLIED,
          .line = 14,
          .grants = "+Admin/Home:17, -Supervisor/Sales:14" },
        { .action = TS_USER_ADD,
          .subject = "li.wei@contoso.example",
          .result = TS_APPLIED,
          .line = 24,
          .grants = "+Supervisor/Sales:27" },
        { .action = TS_USER_ADD,
          .subject = "tom@contoso.example",
          .result = TS_FAILED,
          .line = 24,
          .grants = "+Supervisor/Sales:27",
          .note = "adding the user: 403 (missing.permission)" },
};

static const struct row left_over[] = {
        { .trust = "fabrikam",
          .action = TS_USER_ADD,
          .subject = "amy@fabrikam.example",
          .line = 8,
          .grants = "+Admin/all:9" },
        { .trust = "fabrikam",
          .action = TS_USER_UPDATE,
          .subject = "bob@fabrikam.example",
          .line = 10,
          .grants = "+Admin/all:11, -Admin/Home" },
};

static const struct ts_refusal over_limit[] = {
        { NULL, "removals_per_cycle", 12, 10,
          "12 removals in one cycle; 10 are allowed (limits.removals_per_cycle). Review the removals; if "
          "they are meant, "
          "apply exactly this plan with --plan-digest, or raise the limit in the settings" },
        { "contoso", "removals_percent", 40, 25,
          "40 percent of the members removed at once in contoso; 25 are allowed" },
};

static const struct ts_refusal unnamed[] = {
        { "umbrella", "unnamed_organization", 0, 0,
          "no file of the declarations names the organization umbrella" },
};

static const struct ts_message warnings[] = {
        { "contoso",
          { "trusts.d/contoso.yaml", 14, 7 },
          "jane.doe@contoso.example is jane@contoso.example now" },
        { NULL, { 0 }, "the state directory cannot be read: every reason is shown as config" },
};

static const struct ts_message findings[] = {
        { NULL, { 0 }, "the next window begins or ends at 2026-12-01T08:00:00Z", TS_MESSAGE_NOTE, 0 },
        { "contoso", { 0 }, "24 members lose their access at 2026-12-01T00:00:00Z", TS_MESSAGE_ENDS, 24 },
        { "contoso",
          { 0 },
          "the grants of 2 members are not certain: jane@contoso.example, joe@contoso.example",
          TS_MESSAGE_UNREAD,
          2 },
        { "contoso",
          { "trusts.d/contoso.yaml", 3, 3 },
          "users: 3 members keep their access (1 Admin)",
          TS_MESSAGE_UNMANAGED,
          3 },
        { "fabrikam", { 0 }, "4 members keep their access (1 Admin)", TS_MESSAGE_UNDECLARED, 4 },
};

#define ROWS(r) .rows = (r), .n_rows = TS_N_ELEMENTS(r)

static const struct organization acme_everything[] = {
        { "acme", ROWS(everything), .messages = warnings, .n_messages = TS_N_ELEMENTS(warnings),
          .how = "grants: 12 roles swept, because 40 members would be 41 requests" },
};
static const struct organization acme_in_sync[] = { { .alias = "acme" } };
static const struct organization acme_skipped[] = { { "acme", ROWS(only_skipped) } };
static const struct organization acme_held[] = { { "acme", ROWS(only_held) } };
static const struct organization acme_refused[] = {
        { "acme", ROWS(only_held), over_limit, TS_N_ELEMENTS(over_limit) },
};
static const struct organization several[] = {
        { "acme", ROWS(carried_out) },
        { "globex", .error = "globex: the token is of another organization: check client_id",
          .unplanned = true },
        { "initech", ROWS(left_over) },
};
static const struct organization acme_findings[] = {
        { "acme", .messages = findings, .n_messages = TS_N_ELEMENTS(findings) },
};
static const struct organization unread[] = {
        { "globex", .error = "globex: the token is of another organization: check client_id",
          .unplanned = true },
};
static const struct organization two_in_sync[] = { { .alias = "acme" }, { .alias = "globex" } };

static const char *const jane[] = { "Jane.Doe@contoso.example", "9d000000-0000-4000-8000-000000000000" };
static const char *const stuck[] = { "declarations changed at 18:41: trusts.d/.git/index.lock is there" };
static const char *const general[] = { "the declarations changed while they were read" };

static const struct golden {
        const char *name; /* of the file */
        const struct organization *organizations;
        size_t n_organizations;
        enum ts_format format;
        bool color, verbose, applied, incomplete, offline, filtered, unforced;
} goldens[] = {
        { "everything.txt", acme_everything, 1, TS_FORMAT_TEXT, .color = false },
        { "everything.ansi", acme_everything, 1, TS_FORMAT_TEXT, .color = true },
        { "everything-verbose.txt", acme_everything, 1, TS_FORMAT_TEXT, .verbose = true },
        { "everything.json", acme_everything, 1, TS_FORMAT_JSON, .color = false },
        { "everything.md", acme_everything, 1, TS_FORMAT_MARKDOWN, .color = false },
        { "in-sync.txt", acme_in_sync, 1, TS_FORMAT_TEXT, .color = false },
        { "in-sync.json", acme_in_sync, 1, TS_FORMAT_JSON, .color = false },
        { "in-sync.md", acme_in_sync, 1, TS_FORMAT_MARKDOWN, .color = false },
        { "in-sync-incomplete.txt", acme_in_sync, 1, TS_FORMAT_TEXT, .incomplete = true },
        { "in-sync-two.txt", two_in_sync, 2, TS_FORMAT_TEXT, .color = false },
        { "skipped.txt", acme_skipped, 1, TS_FORMAT_TEXT, .color = false },
        { "held.txt", acme_held, 1, TS_FORMAT_TEXT, .color = false },
        { "refused.txt", acme_refused, 1, TS_FORMAT_TEXT, .color = false },
        { "refused.json", acme_refused, 1, TS_FORMAT_JSON, .color = false },
        { "refused.md", acme_refused, 1, TS_FORMAT_MARKDOWN, .color = false },
        { "several.txt", several, 3, TS_FORMAT_TEXT, .applied = true, .incomplete = true, .offline = true },
        { "several.json", several, 3, TS_FORMAT_JSON, .applied = true, .incomplete = true, .offline = true },
        { "several.md", several, 3, TS_FORMAT_MARKDOWN, .applied = true, .incomplete = true,
          .offline = true },
        { "filtered.txt", acme_everything, 1, TS_FORMAT_TEXT, .filtered = true },
        { "filtered.json", acme_everything, 1, TS_FORMAT_JSON, .filtered = true },
        { "filtered.md", acme_everything, 1, TS_FORMAT_MARKDOWN, .filtered = true },
        { "findings.txt", acme_findings, 1, TS_FORMAT_TEXT, .unforced = true },
        { "findings.json", acme_findings, 1, TS_FORMAT_JSON, .unforced = true },
        { "findings.md", acme_findings, 1, TS_FORMAT_MARKDOWN, .unforced = true },
        { "unread.txt", unread, 1, TS_FORMAT_TEXT, .incomplete = true },
        { "unread.json", unread, 1, TS_FORMAT_JSON, .incomplete = true },
        { "unread.md", unread, 1, TS_FORMAT_MARKDOWN, .incomplete = true },
};

static void golden_init(const struct golden *g, struct fixture *f)
{
        fixture_init(f, g->organizations, g->n_organizations);
        f->report.verbose = g->verbose;
        f->report.applied = g->applied;
        f->report.writes = g->applied ? 6 : 0;
        f->report.complete = !g->incomplete;
        if (g->offline) {
                f->report.refusals = unnamed;
                f->report.n_refusals = TS_N_ELEMENTS(unnamed);
                f->report.messages = general;
                f->report.n_messages = TS_N_ELEMENTS(general);
        }
        if (g->unforced) {
                f->report.not_in_force = stuck;
                f->report.n_not_in_force = TS_N_ELEMENTS(stuck);
        }
        if (g->filtered) {
                f->report.users = jane;
                f->report.n_users = TS_N_ELEMENTS(jane);
        }
}

static void read_file(const char *path, struct ts_buf *out)
{
        FILE *file = fopen(path, "re");
        char chunk[4096];
        size_t n;

        ck_assert_msg(file, "%s: %s", path, strerror(errno));
        while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
                ts_buf_put(out, chunk, n);
        (void) fclose(file);
}

/* The lines from the first one that differs. */
static void ck_same_text(const char *what, const char *expected, const char *got)
{
        size_t line = 1, i = 0, start = 0;

        for (; expected[i] != '\0' && expected[i] == got[i]; i++)
                if (expected[i] == '\n') {
                        line++;
                        start = i + 1;
                }
        ck_assert_msg(expected[i] == got[i], "%s, line %zu:\n--- wanted\n%.600s\n--- got\n%.600s\n", what,
                      line, expected + start, got + start);
}

START_TEST(test_golden)
{
        const struct golden *g = &goldens[_i];
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        char file[128];

        golden_init(g, &f);
        ts_report_write(&f.report, g->format, g->color, &got);
        (void) snprintf(file, sizeof(file), "report/%s", g->name);
        fixture_is(file, ts_buf_text(&got));
}
END_TEST

START_TEST(test_same_input_same_bytes)
{
        const struct golden *g = &goldens[_i];
        TS_CLEANUP(fixture_done) struct fixture a, b;
        TS_CLEANUP(ts_buf_done) struct ts_buf first = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf second = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        golden_init(g, &a);
        golden_init(g, &b);
        ts_report_write(&a.report, g->format, g->color, &first);
        ts_report_write(&b.report, g->format, g->color, &second);
        ck_same_text(g->name, ts_buf_text(&first), ts_buf_text(&second));
}
END_TEST

/* Takes escape sequences out. */
static void without_color(const char *s, struct ts_buf *out)
{
        while (*s != '\0') {
                if (*s != '\033') {
                        ts_buf_putc(out, *s++);
                        continue;
                }
                s += strcspn(s, "m");
                s += *s == 'm';
        }
}

START_TEST(test_color_changes_no_word)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf plain = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf colored = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf stripped = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        fixture_init(&f, acme_everything, 1);
        ts_report_text(&f.report, false, &plain);
        ts_report_text(&f.report, true, &colored);
        without_color(ts_buf_text(&colored), &stripped);
        ck_assert(colored.len > plain.len);
        ck_assert(!strchr(ts_buf_text(&plain), '\033'));
        ck_same_text("without colour", ts_buf_text(&plain), ts_buf_text(&stripped));
}
END_TEST

/* -------------------------------------------------------------------------------------------------- lines */

static const struct {
        const char *name;
        const struct organization *organizations;
        size_t n;
        bool applied;
        const char *first, *last;
} outcomes[] = {
        { "a plan with everything", acme_everything, 1, false, "warning: acme/contoso",
          "Plan: 4 to add, 3 to change (+3 -1 grants), 4 to remove, 1 held, 1 waiting. 41 requests, 1.2 s, "
          "revision 1a2b3c4+sha256:ed7002b439e9.\n" },
        { "nothing", acme_in_sync, 1, false, "No changes.\n",
          "Plan: 0 to add, 0 to change (+0 -0 grants), 0 to remove, 0 held, 0 waiting. 41 requests, 1.2 s, "
          "revision 1a2b3c4+sha256:ed7002b439e9.\n" },
        { "nothing, applied", acme_in_sync, 1, true, "No changes.\n",
          "Done: 0 added, 0 changed (+0 -0 grants), 0 removed, 0 held, 0 waiting, 0 failed. 41 requests, 1.2 "
          "s, revision 1a2b3c4+sha256:ed7002b439e9.\n" },
        { "only what is reported", acme_skipped, 1, false, "No changes.\n",
          "Plan: 0 to add, 0 to change (+0 -0 grants), 0 to remove, 0 held, 0 waiting. 41 requests, 1.2 s, "
          "revision 1a2b3c4+sha256:ed7002b439e9.\n" },
        { "only what is held", acme_held, 1, false, "organization acme",
          "Plan: 0 to add, 0 to change (+0 -0 grants), 0 to remove, 1 held, 0 waiting. 41 requests, 1.2 s, "
          "revision 1a2b3c4+sha256:ed7002b439e9.\n" },
        { "refused", acme_refused, 1, false, "REFUSED acme: 12 removals",
          "Plan: 0 to add, 0 to change (+0 -0 grants), 0 to remove, 1 held, 0 waiting. 41 requests, 1.2 s, "
          "revision 1a2b3c4+sha256:ed7002b439e9.\n" },
        { "one failed, one only observes", several, 3, true, "FAILED globex: the token",
          "Done: 1 added, 1 changed (+1 -1 grants), 1 removed, 0 held, 0 waiting, 2 failed (1 organization). "
          "41 requests, 1.2 s, revision 1a2b3c4+sha256:ed7002b439e9.\n" },
        { "the same, planned", several, 3, false, "FAILED globex: the token",
          "Plan: 2 to add, 2 to change (+2 -2 grants), 1 to remove, 0 held, 0 waiting, 2 failed (1 "
          "organization). 41 requests, 1.2 s, "
          "revision 1a2b3c4+sha256:ed7002b439e9.\n" },
        { "nothing could be read", unread, 1, false, "FAILED globex: the token",
          "No plan: 1 organization could not be read. 41 requests, 1.2 s, revision "
          "1a2b3c4+sha256:ed7002b439e9.\n" },
        { "nothing could be read, applied", unread, 1, true, "FAILED globex: the token",
          "Done: 0 added, 0 changed (+0 -0 grants), 0 removed, 0 held, 0 waiting, 1 failed (1 organization). "
          "41 requests, 1.2 s, revision 1a2b3c4+sha256:ed7002b439e9.\n" },
};

START_TEST(test_first_and_last_line)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        const char *text, *last;

        fixture_init(&f, outcomes[_i].organizations, outcomes[_i].n);
        f.report.applied = outcomes[_i].applied;
        ts_report_text(&f.report, false, &out);
        text = ts_buf_text(&out);
        ck_assert_msg(strncmp(text, outcomes[_i].first, strlen(outcomes[_i].first)) == 0,
                      "%s begins with %.80s", outcomes[_i].name, text);
        ck_assert_uint_gt(out.len, 1);
        last = memrchr(text, '\n', out.len - 1);
        ck_assert_str_eq(last + 1, outcomes[_i].last);
}
END_TEST

static const struct {
        const char *name, *revision, *expected;
        uint64_t usec;
} revisions[] = {
        { "a commit is cut as git does", "0123456789abcdef0123456789abcdef01234567",
          "0.0 s, revision 0123456+sha256:ed7002b439e9.", 49999 },
        { "a SHA-256 commit too", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
          "0.1 s, revision 0123456+sha256:ed7002b439e9.", 50000 },
        { "a REVISION file's line is not", "release 2026-11 \033[31m",
          "59.9 s, revision release 2026-11 \\x1b[31m.", 59949999 },
        { "nor the digits of the content", "0123456789ab", "61.0 s, revision 0123456789ab.", 60999999 },
        { "none", NULL, "3600.0 s, revision unknown.", 3600000000u },
};

START_TEST(test_revision_and_duration)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);

        fixture_init(&f, acme_in_sync, 1);
        f.report.revision = revisions[_i].revision;
        f.report.duration_usec = revisions[_i].usec;
        ts_words_outcome(&out, ts_words_put_plain, &f.report);
        ck_assert_str_eq(strstr(ts_buf_text(&out), "requests, ") + strlen("requests, "),
                         revisions[_i].expected);
}
END_TEST

START_TEST(test_summary_of_what_is_left)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        struct ts_plan_summary s;

        fixture_init(&f, several, 3);
        s = ts_report_summarise(&f.report);
        ck_assert_uint_eq(s.add, 2);
        ck_assert_uint_eq(s.grants_remove, 2);
        ck_assert_uint_eq(ts_report_count_left(&f.report), 0);

        f.report.applied = true;
        s = ts_report_summarise(&f.report);
        ck_assert_uint_eq(s.add, 1);
        ck_assert_uint_eq(s.change, 1);
        ck_assert_uint_eq(s.remove, 1);
        ck_assert_uint_eq(s.failed, 2); /* a change, and an organization */
        ck_assert_uint_eq(s.organizations_failed, 1);
        ck_assert_uint_eq(s.grants_add, 1);
        ck_assert_uint_eq(s.grants_remove, 1);
        ck_assert_uint_eq(ts_report_count_left(&f.report), 2);
}
END_TEST

static const struct {
        const char *text;
        enum ts_format from_string, from_suffix;
} formats[] = {
        { "text", TS_FORMAT_TEXT, TS_FORMAT_INVALID_ },
        { "json", TS_FORMAT_JSON, TS_FORMAT_INVALID_ },
        { "markdown", TS_FORMAT_MARKDOWN, TS_FORMAT_INVALID_ },
        { "csv", TS_FORMAT_CSV, TS_FORMAT_INVALID_ },
        { "JSON", TS_FORMAT_INVALID_, TS_FORMAT_INVALID_ },
        { "", TS_FORMAT_INVALID_, TS_FORMAT_INVALID_ },
        { "plan.txt", TS_FORMAT_INVALID_, TS_FORMAT_TEXT },
        { "plan.text", TS_FORMAT_INVALID_, TS_FORMAT_TEXT },
        { "a.md/plan.json", TS_FORMAT_INVALID_, TS_FORMAT_JSON },
        { "plan.md", TS_FORMAT_INVALID_, TS_FORMAT_MARKDOWN },
        { "plan.markdown", TS_FORMAT_INVALID_, TS_FORMAT_MARKDOWN },
        { "access.csv", TS_FORMAT_INVALID_, TS_FORMAT_CSV },
        { "plan.json.bak", TS_FORMAT_INVALID_, TS_FORMAT_INVALID_ },
        { ".json", TS_FORMAT_INVALID_, TS_FORMAT_INVALID_ },
        { "dir/.md", TS_FORMAT_INVALID_, TS_FORMAT_INVALID_ },
};

START_TEST(test_format_names)
{
        ck_assert_msg(ts_format_from_string(formats[_i].text) == formats[_i].from_string, "%s",
                      formats[_i].text);
        ck_assert_msg(ts_format_from_suffix(formats[_i].text) == formats[_i].from_suffix, "%s",
                      formats[_i].text);
}
END_TEST

/* --------------------------------------------------------------------------------------------------- JSON */

static const struct ts_json *parse_report(const struct ts_report *r, struct ts_arena *arena)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        const struct ts_json *json = NULL;
        struct ts_err err = { 0 };

        ts_report_json(r, &out);
        ck_assert(!ts_buf_failed(&out));
        ck_assert_msg(ts_json_parse(ts_buf_text(&out), out.len, arena, &json, &err) == 0, "%s", err.msg);
        return json;
}

/* "name,name,..." */
static void keys_of(const struct ts_json *object, struct ts_buf *out)
{
        ts_buf_reset(out);
        TS_JSON_FOREACH (child, object)
                ts_buf_printf(out, "%s%s", out->len > 0 ? "," : "", child->key);
}

static const struct ts_json *nth(const struct ts_json *array, size_t n)
{
        const struct ts_json *child = array->first;

        for (; n > 0 && child; n--)
                child = child->next;
        ck_assert(child);
        return child;
}

START_TEST(test_json_keys)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf keys = TS_BUF_INIT(4096);
        const struct ts_json *json, *organization, *change, *grant;

        fixture_init(&f, acme_everything, 1);
        json = parse_report(&f.report, &arena);
        keys_of(json, &keys);
        ck_assert_str_eq(ts_buf_text(&keys), "format_version,generated_at,revision,content_hash,digest,"
                                             "complete,summary,requests,refusals,"
                                             "messages,not_in_force,organizations");
        keys_of(ts_json_get(json, "summary"), &keys);
        ck_assert_str_eq(ts_buf_text(&keys),
                         "add,change,remove,held,waiting,failed,skipped,grants_add,grants_remove");
        organization = nth(ts_json_get(json, "organizations"), 0);
        keys_of(organization, &keys);
        ck_assert_str_eq(ts_buf_text(&keys), "alias,id,summary,changes,trust_digests");
        change = nth(ts_json_get(organization, "changes"), 4); /* jane */
        keys_of(change, &keys);
        ck_assert_str_eq(ts_buf_text(&keys),
                         "action,direction,result,trust,subject,attributes,grants,reason,source,request");
        grant = nth(ts_json_get(ts_json_get(change, "grants"), "add"), 0);
        keys_of(grant, &keys);
        ck_assert_str_eq(ts_buf_text(&keys), "role,role_id,division,division_id,reason,source");
}
END_TEST

/* Walks down "organizations.0.changes.5.subject.name"; NULL for null or nothing. */
static const struct ts_json *at_path(const struct ts_json *json, const char *path)
{
        char text[256], *rest = text, *step;

        (void) snprintf(text, sizeof(text), "%s", path);
        while (json && (step = strsep(&rest, "."))) {
                if (json->type == TS_JSON_ARRAY)
                        json = nth(json, strtoul(step, NULL, 10));
                else
                        json = ts_json_get(json, step);
        }
        return json;
}

#define CHANGE(n) "organizations.0.changes." #n "."

static const struct {
        const char *path, *expected; /* NULL: null or missing */
} values[] = {
        { "format_version", "1" },
        { "generated_at", "2026-11-24T02:13:42Z" },
        { "revision", "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d" },
        { "complete", "true" },
        { "summary.add", "4" },
        { "organizations.0.summary.skipped", "2" },
        { "requests.total", "41" },
        { "requests.writes", "0" },
        { "messages.0.organization", "acme" },
        { "messages.0.trust", "contoso" },
        { "messages.0.source.line", "14" },
        { "messages.1.trust", NULL },
        { "messages.1.source", NULL },
        { CHANGE(0) "action", "trust.update" },
        { CHANGE(0) "subject.kind", "trust" },
        { CHANGE(0) "trust.name", "Contoso Ltd" },
        { CHANGE(0) "attributes.expires.from", "2026-12-31T00:00:00Z" },
        { CHANGE(0) "attributes.expires.to", "never" },
        { CHANGE(0) "attributes.enabled", NULL },
        { CHANGE(1) "reason", "drift" },
        { CHANGE(1) "by", "admin@acme.example" },
        { CHANGE(1) "at", "2026-11-20T08:00:00Z" },
        { CHANGE(2) "by", NULL },
        { CHANGE(3) "result", "held" },
        { CHANGE(3) "note", "the member is protected by the settings: it is not removed" },
        { CHANGE(4) "subject.name", "jane.doe@contoso.example" },
        { CHANGE(4) "source.file", "trusts.d/contoso.yaml" },
        { CHANGE(4) "source.line", "14" },
        { CHANGE(4) "grants.add.1.division", "all" },
        { CHANGE(4) "grants.add.1.division_id", "*" },
        { CHANGE(4) "grants.add.0.source.line", "17" },
        { CHANGE(4) "grants.remove.0.role", "Supervisor" },
        { CHANGE(4) "grants.remove.0.reason", "drift" },
        { CHANGE(4) "grants.held", NULL },
        { CHANGE(5) "grants.held.0.role", "Supervisor" },
        { CHANGE(14) "subject.id", NULL },
        { CHANGE(11) "attributes.enabled.from", "false" },
        { CHANGE(11) "attributes.enabled.to", "true" },
        { CHANGE(12) "source", NULL },
        { CHANGE(12) "trust.name", NULL },
};

static void put_value(const struct ts_json *v, struct ts_buf *out)
{
        switch (v->type) {
        case TS_JSON_BOOL:
                ts_buf_puts(out, v->boolean ? "true" : "false");
                break;
        case TS_JSON_INT:
                ts_buf_printf(out, "%" PRId64, v->integer);
                break;
        case TS_JSON_STRING:
                ts_buf_puts(out, v->string);
                break;
        default:
                ts_buf_puts(out, "(no scalar)");
        }
}

START_TEST(test_json_values)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(4096);
        const struct ts_json *v;

        fixture_init(&f, acme_everything, 1);
        v = at_path(parse_report(&f.report, &arena), values[_i].path);
        if (!values[_i].expected) {
                ck_assert_msg(!v || v->type == TS_JSON_NULL, "%s is there", values[_i].path);
                return;
        }
        ck_assert_msg(v, "%s is missing", values[_i].path);
        put_value(v, &got);
        ck_assert_msg(strcmp(ts_buf_text(&got), values[_i].expected) == 0, "%s: wanted %s, got %s",
                      values[_i].path, values[_i].expected, ts_buf_text(&got));
}
END_TEST

START_TEST(test_json_of_failures)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_json *json;

        fixture_init(&f, several, 3);
        f.report.refusals = unnamed;
        f.report.n_refusals = 1;
        json = parse_report(&f.report, &arena);
        ck_assert_str_eq(at_path(json, "refusals.0.organization")->string, "umbrella");
        ck_assert_ptr_null(at_path(json, "refusals.0.trust"));
        ck_assert_ptr_null(at_path(json, "organizations.0.error"));
        ck_assert_str_eq(at_path(json, "organizations.1.error")->string, several[1].error);
        ck_assert_int_eq(at_path(json, "organizations.1.summary.add")->integer, 0);
        ck_assert_uint_eq(at_path(json, "organizations.1.changes")->n, 0);
}
END_TEST

/* ------------------------------------------------------------------------------------------ hostile texts */

static const struct {
        const char *name, *text;
} hostile[] = {
        { "an escape sequence", "\033[2J\033[31mroot\033[0m" },
        { "a window title", "\033]0;owned\007" },
        { "the C1 form", "a\xc2\x9b"
                         "31m" },
        { "a new line and a sign", "x\n    + root@acme.example  add user" },
        { "carriage return", "secret\rpublic" },
        { "bidi override", "a\xe2\x80\xae"
                           "b" },
        { "isolates", "\xe2\x81\xa6x\xe2\x81\xa9" },
        { "line separator", "a\xe2\x80\xa8"
                            "b" },
        { "zero width", "pay\xe2\x80\x8bpal\xef\xbb\xbf" },
        { "backticks", "`` ` ``` code" },
        { "a backtick at each end", "`x`" },
        { "only backticks", "````" },
        { "pipes", "a | b || c |" },
        { "backslash and pipe", "a\\|b\\\\|c\\" },
        { "a script", "<script>alert(1)</script><img src=x onerror=alert(1)>" },
        { "a comment and details", "<!-- <details>" },
        { "a mention", "@everyone @org/team #1 !2" },
        { "a link", "[click](https://evil.example) ![x](https://evil.example/x.png) https://evil.example" },
        { "emphasis", "**bold** __x__ ~~y~~" },
        { "a heading", "# Heading\n## Plan: 0 to add" },
        { "a formula", "=cmd()|' /C calc'!A0" },
        { "a priority", "<0>panic" },
        { "printf", "%s%n%d%%" },
        { "quotes", "\"'\\\"" },
        { "broken UTF-8", "a\xff\xfe\xc3" },
        { "overlong and surrogate", "\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80" },
        { "truncated at the end", "abc\xe2\x82" },
        { "a space", " " },
        { "nothing", "" },
        { "nul in YAML words", "null" },
        { "4 KiB", NULL }, /* made by hostile_text() */
        { "4 KiB of backticks", NULL },
        { "4 KiB of broken bytes", NULL },
        { "4 KiB of wide characters", NULL },
};

static const char *hostile_text(size_t i, struct ts_arena *arena)
{
        static const char *const fill[] = { "x", "`", "\xff", "\xe2\x82\xac" };
        char *text;

        if (hostile[i].text)
                return hostile[i].text;
        text = ts_arena_alloc(arena, 4100);
        i -= TS_N_ELEMENTS(hostile) - TS_N_ELEMENTS(fill);
        for (size_t n = 0; n < 4096; n += strlen(fill[i]))
                memcpy(text + n, fill[i], strlen(fill[i]));
        return text;
}

/* A row of each kind of change and result; for "s" stands a text that comes from outside. */
static const struct row hostile_rows[] = {
        { .trust = "t",
          .action = TS_TRUST_DISABLE,
          .line = 1,
          .attributes = "enabled=true>false",
          .note = "s" },
        { "t", TS_USER_REMOVE, "s", .line = 2, .reason = TS_REASON_DRIFT, .by = "s" },
        { "t", TS_USER_UPDATE, "s", .line = 2, .grants = "+r/d:3, -r/all, !r/d" },
        { "t", TS_USER_ADD, "s", .line = 2, .result = TS_HELD, .note = "s" },
        { "t", TS_USER_ADD, "s", .line = 2, .result = TS_FAILED, .note = "s" },
        { "t", TS_USER_ADD, "s", .line = 2, .result = TS_WAITING, .note = "s" },
        { "t", TS_USER_REMOVE, "s", .line = 2, .result = TS_SKIPPED, .note = "s" },
        { .trust = "t", .action = TS_TRUST_DELETE, .result = TS_SKIPPED, .note = "s" },
        { "t", TS_USER_ADD, "s", .line = 2, .grants = "+r/d:3" },
};

/* Every text that can come from outside is @s. */
static void hostile_init(struct fixture *f, const char *s)
{
        struct ts_refusal refusal = { s, "removals_per_cycle", 1, 0, s };
        struct ts_message message = { s, { s, 3, 1 }, s };
        struct row rows[TS_N_ELEMENTS(hostile_rows)];
        struct organization o = {
                s, ROWS(rows), &refusal, 1, &message, 1, .error = s, .how = s,
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(rows); i++) {
                rows[i] = hostile_rows[i];
                rows[i].subject = rows[i].subject ? s : NULL;
                rows[i].note = rows[i].note ? s : NULL;
                rows[i].by = rows[i].by ? s : NULL;
        }
        fixture_init(f, &o, 1);
        for (size_t i = 0; i < f->catalog.n_roles; i++)
                f->catalog.roles[i].name = s;
        for (size_t i = 1; i < f->catalog.n_divisions; i++)
                f->catalog.divisions[i].name = s;
        for (size_t i = 0; i < f->plans[0]->n_changes; i++) {
                struct ts_change *c = &f->plans[0]->changes[i];

                c->trust_alias = s;
                c->trust_name = s;
                /* all rows have a subject of their own, whatever it is called */
                c->subject_id = c->kind == TS_KIND_TRUST ? (struct ts_id){ 0 } : id_of(0x9d, (unsigned) i);
                if (c->source.file)
                        c->source.file = s;
                for (size_t k = 0; k < c->add.n; k++)
                        c->add.items[k].source.file = s;
        }
        f->report.revision = s;
        f->report.verbose = true;
}

static size_t count_lines(const char *s)
{
        size_t n = 0;

        for (; *s != '\0'; s++)
                n += *s == '\n';
        return n;
}

static void ck_no_forbidden(const char *what, const struct ts_buf *text)
{
        size_t offset = 0;

        ck_assert_msg(ts_utf8_is_valid(ts_buf_text(text), text->len), "%s: broken UTF-8", what);
        ck_assert_msg(!ts_text_has_forbidden(ts_buf_text(text), text->len, &offset), "%s: at %.40s", what,
                      ts_buf_text(text) + offset);
        ck_assert_msg(!strchr(ts_buf_text(text), '\t'), "%s: a tab", what);
}

START_TEST(test_hostile_text)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(fixture_done) struct fixture bad, good;
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf benign = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        hostile_init(&bad, hostile_text((size_t) _i, &arena));
        hostile_init(&good, "benign");
        ts_report_text(&bad.report, false, &got);
        ts_report_text(&good.report, false, &benign);
        ck_no_forbidden(hostile[_i].name, &got);
        ck_assert_msg(count_lines(ts_buf_text(&got)) == count_lines(ts_buf_text(&benign)),
                      "%s adds lines:\n%.3000s", hostile[_i].name, ts_buf_text(&got));
}
END_TEST

/* Writes "`" for each code span, as a reader of Markdown sees them; and refuses a pipe that would end a
 * table's cell. */
static void without_code_spans(const char *name, const char *s, struct ts_buf *out)
{
        while (*s != '\0') {
                size_t fence = strspn(s, "`"), run;
                const char *end;

                if (fence == 0) {
                        ts_buf_putc(out, *s++);
                        continue;
                }
                for (end = s + fence; (run = strspn(end, "`")) != fence; end += run > 0 ? run : 1) {
                        ck_assert_msg(*end != '\0' && *end != '\n',
                                      "%s: a code span that does not end: %.80s", name, s);
                        ck_assert_msg(*end != '|' || (end[-1] == '\\' && end[-2] != '\\'),
                                      "%s: a bare pipe: %.80s", name, s);
                }
                ts_buf_putc(out, '`');
                s = end + fence;
        }
}

START_TEST(test_hostile_markdown)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(fixture_done) struct fixture bad, good;
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf benign = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf frame = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf benign_frame = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        hostile_init(&bad, hostile_text((size_t) _i, &arena));
        hostile_init(&good, "benign");
        ts_report_markdown(&bad.report, &got);
        ts_report_markdown(&good.report, &benign);
        ck_no_forbidden(hostile[_i].name, &got);
        without_code_spans(hostile[_i].name, ts_buf_text(&got), &frame);
        without_code_spans("benign", ts_buf_text(&benign), &benign_frame);
        ck_same_text(hostile[_i].name, ts_buf_text(&benign_frame), ts_buf_text(&frame));
}
END_TEST

/* The elements of a page, without what isolates the direction of a name; and how many scripts it has. */
static void tags_of(const char *page, struct ts_buf *out)
{
        const char *end = strstr(page, "<script>"), *s = strstr(page, "</style>");

        ck_assert_ptr_nonnull(end);
        ck_assert_ptr_null(strstr(end + 1, "<script"));
        for (; s && s < end; s = strchr(s + 1, '<')) {
                size_t len = strcspn(s, ">") + 1;

                if (strncmp(s, "<bdi", 4) != 0 && strncmp(s, "</bdi", 5) != 0)
                        (void) ts_buf_put(out, s, len);
        }
}

START_TEST(test_hostile_html)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(fixture_done) struct fixture bad, good;
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf benign = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf tags = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf benign_tags = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        hostile_init(&bad, hostile_text((size_t) _i, &arena));
        hostile_init(&good, "benign");
        ts_report_html(&bad.report, &got);
        ts_report_html(&good.report, &benign);
        ck_no_forbidden(hostile[_i].name, &got);
        tags_of(ts_buf_text(&got), &tags);
        tags_of(ts_buf_text(&benign), &benign_tags);
        ck_same_text(hostile[_i].name, ts_buf_text(&benign_tags), ts_buf_text(&tags));
}
END_TEST

/* Whose row it is: gives, takes or keeps a privileged role, or loses all where one was held. */
START_TEST(test_privileged_rows_come_first)
{
        static const struct row rows[] = {
                { .action = TS_USER_ADD, .subject = "ann@contoso.example", .grants = "+Agent/Home:3" },
                { .action = TS_USER_UPDATE, .subject = "bob@contoso.example", .grants = "-Admin/Home:4" },
        };
        static struct ts_decl_text admin[] = { { .text = "Admin" } };
        struct organization o = { "acme", ROWS(rows) };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf page = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        const char *ann, *bob;

        fixture_init(&f, &o, 1);
        f.report.privileged = (struct ts_texts){ admin, 1 };
        ts_report_html(&f.report, &page);
        ann = strstr(ts_buf_text(&page), "ann@contoso.example");
        bob = strstr(ts_buf_text(&page), "bob@contoso.example");
        ck_assert(ann && bob && bob < ann);
        ck_assert_ptr_nonnull(strstr(bob, "<span class=\"b p\">privileged</span>"));
        ck_assert_ptr_null(strstr(ann, "<span class=\"b p\">privileged</span>"));
}
END_TEST

START_TEST(test_hostile_json)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        const char *s = hostile_text((size_t) _i, &arena), *name;

        hostile_init(&f, s);
        ts_report_json(&f.report, &got);
        ck_no_forbidden(hostile[_i].name, &got);
        name = at_path(parse_report(&f.report, &arena), "organizations.0.changes.1.subject.name")->string;
        if (ts_utf8_is_valid(s, strlen(s)))
                ck_assert_str_eq(name, s); /* programs get the name as it is, whole */
}
END_TEST

/* ---------------------------------------------------------------------------------------- Markdown's room */

static struct ts_change *add_many(struct ts_plan *plan, enum ts_action action, const char *name, size_t n)
{
        struct ts_change *c = NULL;

        for (size_t i = 0; i < n; i++) {
                c = ts_plan_add_change(plan);
                c->action = action;
                c->kind = TS_KIND_USER;
                c->trust_alias = "contoso";
                c->trust_id = id_of(0x0b, 1);
                c->subject_name = name;
                c->subject_id = id_of(0x9d, (unsigned) i);
                c->source = (struct ts_source){ "trusts.d/contoso.yaml", (uint32_t) i + 1, 1 };
        }
        return c;
}

static size_t count_of(const char *text, const char *word)
{
        size_t n = 0;

        for (; (text = strstr(text, word)); text += strlen(word))
                n++;
        return n;
}

static const struct {
        const char *name;
        size_t n_removals, n_changes, n_additions, n_refusals;
        bool removals_whole; /* none of them is cut */
} sizes[] = {
        { "many additions", 100, 20, 5000, 1, true },
        { "many changes", 50, 5000, 500, 1, true },
        { "many removals", 5000, 50, 50, 1, false },
        { "many refusals", 40, 50, 50, 5000, true },
        { "a few", 3, 3, 3, 1, true },
};

START_TEST(test_markdown_is_cut)
{
        static const char name[] = "\xe2\x82\xac`|` someone with a name of some length <b>@contoso.example";
        struct organization o = { .alias = "acme" };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        size_t n_shown, n_more = 0, n = sizes[_i].n_removals + sizes[_i].n_changes + sizes[_i].n_additions;
        const char *text;

        fixture_init(&f, &o, 1);
        add_many(f.plans[0], TS_USER_REMOVE, name, sizes[_i].n_removals);
        add_many(f.plans[0], TS_USER_UPDATE, name, sizes[_i].n_changes);
        add_many(f.plans[0], TS_USER_ADD, name, sizes[_i].n_additions);
        for (size_t i = 0; i < sizes[_i].n_refusals; i++)
                ts_plan_add_refusal(f.plans[0], "contoso", "removals_percent", 40, 25,
                                    "too much of it at once");
        ts_report_markdown(&f.report, &out);
        text = ts_buf_text(&out);

        ck_assert_uint_le(ts_words_count_characters(text, out.len), TS_REPORT_MARKDOWN_MAX_CHARACTERS);
        for (const char *more = text; (more = strstr(more, "\n… and ")); more++)
                n_more += strtoul(more + strlen("\n… and "), NULL, 10);
        n_shown = count_of(text, "| remove user") + count_of(text, "| update user") +
                  count_of(text, "| add user");
        ck_assert_msg(n_shown + n_more == n, "%s: %zu shown, %zu counted, of %zu", sizes[_i].name, n_shown,
                      n_more, n);
        ck_assert_msg((count_of(text, "| remove user") == sizes[_i].n_removals) == sizes[_i].removals_whole,
                      "%s", sizes[_i].name);
        ck_assert(count_of(text, "| remove user") > 0);
        ck_assert_msg(strstr(text, "Plan digest: `sha256:"), "%s: no digest", sizes[_i].name);
        ck_assert_msg(strstr(text, "\nPlan: "), "%s: no last line", sizes[_i].name);
}
END_TEST

START_TEST(test_a_member_with_a_thousand_grants)
{
        struct organization o = { .alias = "acme" };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_change *c;

        fixture_init(&f, &o, 1);
        c = add_many(f.plans[0], TS_USER_ADD, "jane", 1);
        c->add.items = TS_ARENA_ARRAY(&f.arena, struct ts_grant_change, 1000);
        for (; c->add.n < 1000; c->add.n++) {
                struct ts_id id = id_of(0x20, (unsigned) c->add.n);

                c->add.items[c->add.n].role = ts_catalog_add_role(&f.catalog, &id, "Some role of ours");
        }
        ts_report_markdown(&f.report, &out);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), "… and 676 more grants"));
        ts_buf_reset(&out);
        ts_event_describe(f.plans[0], c, &out);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), ", +960 more grants; planned (config"));
        ts_buf_reset(&out);
        c->add.n = 41;
        ts_event_describe(f.plans[0], c, &out);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), ", +1 more grant; planned (config"));
        ts_buf_reset(&out);
        c->add.n = 25;
        ts_report_markdown(&f.report, &out);
        ck_assert_uint_eq(count_of(ts_buf_text(&out), "`Some role of ours` in all divisions"), 25);
        ts_buf_reset(&out);
        c->add.n = 1000;
        ts_report_text(&f.report, false, &out);
        ck_assert_uint_eq(count_of(ts_buf_text(&out), "+ Some role of ours in all divisions"), 1000);
}
END_TEST

static void give(struct fixture *f, struct ts_change *c, const char *role, const char *division)
{
        struct ts_id role_id = id_of_name(0x20, role);
        struct ts_grant_change *g = TS_ARENA_NEW(&f->arena, struct ts_grant_change);

        g->role = ts_catalog_add_role(&f->catalog, &role_id, role);
        if (division) {
                struct ts_id id = id_of_name(0x30, division);

                g->division = ts_catalog_add_division(&f->catalog, &id, division);
        }
        c->add = (struct ts_grant_changes){ g, 1 };
}

/* However many others come in, and however many wait, a grant is not hidden among them. */
static const struct {
        const char *name;
        size_t n_trusts, n_members; /* of each */
        enum ts_action action;      /* of the one that gets Admin */
        const char *expected;
} crowds[] = {
        { "one trust", 1, 3000, TS_USER_ADD,
          "- `acme`: **+** `Admin` in all divisions in the trust `t0`: `mallory@contoso.example`\n" },
        { "an update, beside removals", 1, 3000, TS_USER_UPDATE,
          "- `acme`: **+** `Admin` in all divisions in the trust `t0`: `mallory@contoso.example`\n" },
        { "many trusts", 800, 3, TS_USER_ADD,
          "- `acme`: **+** `Admin` in all divisions: 1 member of 1 trust\n" },
};

START_TEST(test_no_grant_is_hidden)
{
        static const char name[] = "somebody with a name that takes up a lot of room in here@contoso.example";
        struct organization o = { .alias = "acme" };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_change *c;

        fixture_init(&f, &o, 1);
        for (size_t t = 0; t < crowds[_i].n_trusts; t++)
                for (size_t i = 0; i < crowds[_i].n_members; i++) {
                        c = add_many(f.plans[0], i % 2 ? TS_USER_ADD : TS_USER_REMOVE, name, 1);
                        c->trust_alias = ts_arena_printf(&f.arena, "t%zu", t);
                        if (i % 2)
                                give(&f, c, "User", "Home");
                        if (i % 3 == 2)
                                ts_change_end(c, TS_WAITING, "nobody is known by that name");
                }
        c = add_many(f.plans[0], crowds[_i].action, "mallory@contoso.example", 1);
        c->trust_alias = "t0";
        give(&f, c, "Admin", NULL);
        ts_report_markdown(&f.report, &out);
        ck_assert_uint_le(ts_words_count_characters(ts_buf_text(&out), out.len),
                          TS_REPORT_MARKDOWN_MAX_CHARACTERS);
        ck_assert_msg(strstr(ts_buf_text(&out), crowds[_i].expected), "%s", crowds[_i].name);
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out), "#### Added grants of those left out ("));
}
END_TEST

/* A role set may stand at the same line of another file: then that file has to be named. */
START_TEST(test_source_of_a_role_set)
{
        static const struct row rows[] = {
                { .action = TS_USER_UPDATE, .subject = "jane", .line = 14, .grants = "+Admin/Home:14" },
        };
        struct organization o = { .alias = "acme", ROWS(rows) };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        fixture_init(&f, &o, 1);
        f.plans[0]->changes[0].add.items[0].source.file = "trusts.d/roles.yaml";
        for (enum ts_format format = TS_FORMAT_TEXT; format <= TS_FORMAT_MARKDOWN; format++) {
                ts_buf_reset(&out);
                ts_report_write(&f.report, format, false, &out);
                ck_assert_msg(strstr(ts_buf_text(&out), "trusts.d/roles.yaml"), "%s", ts_buf_text(&out));
        }
}
END_TEST

START_TEST(test_many_changes)
{
        struct organization o = { .alias = "acme" };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        fixture_init(&f, &o, 1);
        add_many(f.plans[0], TS_USER_ADD, "jane.doe@contoso.example", 100000);
        ts_report_write(&f.report, (enum ts_format) _i, false, &out);
        ck_assert(!ts_buf_failed(&out));
        ck_assert_ptr_nonnull(strstr(ts_buf_text(&out),
                                     _i == TS_FORMAT_JSON ? "\"add\": 100000" : "100000 to add"));
}
END_TEST

START_TEST(test_buffer_that_is_too_small)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(100);

        fixture_init(&f, acme_everything, 1);
        ts_report_write(&f.report, (enum ts_format) _i, true, &out);
        ck_assert(ts_buf_failed(&out));
        ck_assert_uint_le(out.len, 100);
}
END_TEST

/* ------------------------------------------------------------------------------------------------ journal */

struct journal {
        struct ts_buf text; /* "priority id message\nNAME=value\n..." */
        size_t n;
};

static void on_entry(const struct ts_log_entry *entry, void *userdata)
{
        struct journal *j = userdata;

        j->n++;
        ts_buf_printf(&j->text, "%d %s %s\n", entry->priority, entry->message_id ? entry->message_id : "-",
                      entry->message);
        for (size_t i = 0; i < entry->n_fields; i++)
                ts_buf_printf(&j->text, "%s=%s\n", entry->fields[i].name, entry->fields[i].value);
}

static void journal_init(struct journal *j)
{
        *j = (struct journal){ .text = TS_BUF_INIT(4 * 1024 * 1024) };
        ts_log_set_sink(on_entry, j);
}

static void journal_done(struct journal *j)
{
        ts_log_set_sink(NULL, NULL);
        ts_buf_done(&j->text);
}

static const struct {
        const char *name;
        struct row row;
} sentences[] = {
        { "roles given and taken",
          { .action = TS_USER_UPDATE,
            .subject = "jane.doe@contoso.example",
            .result = TS_APPLIED,
            .line = 14,
            .grants = "+Admin/Home:17, -Supervisor/Sales:14" } },
        { "a reason of its own",
          { .action = TS_USER_UPDATE,
            .subject = "jane@contoso.example",
            .line = 14,
            .grants = "-Admin/all:14:denied" } },
        { "somebody else did it",
          { .action = TS_USER_REMOVE,
            .subject = "eve@contoso.example",
            .result = TS_APPLIED,
            .reason = TS_REASON_DRIFT,
            .line = 9,
            .by = "admin@acme.example",
            .when = "2026-11-20T08:00:00Z" } },
        { "a trust's dates",
          { .action = TS_TRUST_UPDATE,
            .line = 6,
            .attributes = "expires=2026-12-31T00:00:00Z>never, enabled=false>true" } },
        { "held, with the reason",
          { .action = TS_USER_UPDATE,
            .subject = "root@contoso.example",
            .result = TS_HELD,
            .line = 9,
            .grants = "!Admin/Home",
            .note = "it is protected" } },
        { "nowhere written, without a name",
          { .action = TS_USER_REMOVE, .subject = "", .reason = TS_REASON_DENIED } },
};

START_TEST(test_sentence)
{
        struct organization o = { "acme", .rows = &sentences[_i].row, .n_rows = 1 };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(65536);

        fixture_init(&f, &o, 1);
        ts_event_describe(f.plans[0], &f.plans[0]->changes[0], &out);
        message_is(sentences[_i].name, ts_buf_text(&out));
}
END_TEST

static const struct ts_event_context context = { "c0ffee", "1a2b3c4" };

static const struct {
        const char *name, *by;
        bool has_id;
        const char *organization; /* "acme", "contoso", "other"; NULL: not told */
} persons[] = {
        { "ours", "ann@acme.example", true, "acme" },
        { "one of the partner's who is called as one of ours", "ann@acme.example", true, "contoso" },
        { "of somebody else", "ann@acme.example", true, "other" },
        { "only an id", "ann@acme.example", true, NULL },
        { "no id", "Ann", false, NULL },
        { "a name that speaks", "us (of our organization), \"2026\"\nDone: 0 failed", false, NULL },
        { "a letter that is not seen", "ann\u3164@acme.example", false, NULL },
};

START_TEST(test_person)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        struct ts_plan plan = { .organization_id = id_of_name(0x1f, "acme") };
        struct ts_change c = { .reason = TS_REASON_DRIFT, .by_when = TS_TIME_UNSET };
        const char *organization = persons[_i].organization;

        c.trust_id = id_of_name(0x1f, "contoso");
        c.by = persons[_i].by;
        if (persons[_i].has_id)
                c.by_id = id_of(0xad, 1);
        if (organization)
                c.by_organization = id_of_name(0x1f, organization);
        ts_words_cause(&out, ts_words_put_name, &plan, &c);
        ck_assert_msg(strncmp(ts_buf_text(&out), "drift, by ", 10) == 0, "%s", ts_buf_text(&out));
        message_is(persons[_i].name, ts_buf_text(&out));
}
END_TEST

/* Subjects that are called as the program calls things. */
START_TEST(test_names_do_not_speak)
{
        static const char *const names[] = { "trust", "pairing request", "REFUSED acme", "a  remove user",
                                             "9d000000-0000-4000-8000-000000000001" };

        for (size_t i = 0; i < TS_N_ELEMENTS(names); i++) {
                TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
                struct ts_change c = { .kind = TS_KIND_GROUP, .subject_name = names[i] };
                char expected[64];

                (void) snprintf(expected, sizeof(expected), "\"%s\"", names[i]);
                ts_words_subject(&out, ts_words_put_name, &c);
                ck_assert_str_eq(ts_buf_text(&out), expected);
        }
}
END_TEST

/* The @entries have these priorities, ids and fields; their sentences are what the fixture has. */
#define entries_are(name, fields, entries) check_entries(__func__, name, fields, entries)

static void check_entries(const char *test, const char *name, const char *fields, struct ts_buf *entries)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf got = TS_BUF_INIT(65536), sentences_got = TS_BUF_INIT(65536);

        for (const char *line = ts_buf_text(entries), *next; *line != '\0'; line = next) {
                size_t n = strcspn(line, "\n"), head = strlen("3 " TS_EVENT_CHANGE);

                next = line + n + (line[n] == '\n');
                if (strncmp(line, "TRUSTSYNC_", 10) == 0)
                        head = n;
                else
                        ts_buf_printf(&sentences_got, "%.*s\n", (int) (n - head - 1), line + head + 1);
                ts_buf_printf(&got, "%.*s\n", (int) head, line);
        }
        ck_same_text(name, fields, ts_buf_text(&got));
        suite_message(test, name, ts_buf_text(&sentences_got));
}

START_TEST(test_entry_of_a_change)
{
        static const struct row rows[] = {
                { .action = TS_USER_UPDATE,
                  .subject = "jane@contoso.example",
                  .result = TS_FAILED,
                  .line = 14,
                  .grants = "+Admin/Home:17, -Admin/all:14",
                  .note = "403: no permission" },
        };
        struct organization o = { "acme", ROWS(rows) };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(journal_done) struct journal j;

        fixture_init(&f, &o, 1);
        outcome_of(f.plans[0], &f.plans[0]->changes[0])->http_status = 403;
        outcome_of(f.plans[0], &f.plans[0]->changes[0])->correlation = "abc\ndef";
        f.plans[0]->changes[0].labels = &(struct ts_decl_labels){ .ticket = "SEC-7", .note = "a\nb" };
        f.plans[0]->changes[0].trust_labels =
                        &(struct ts_decl_labels){ .owner = "sales", .ticket = "SEC-1", .note = "c" };
        journal_init(&j);
        ts_event_change(&context, f.plans[0], &f.plans[0]->changes[0]);
        entries_are("entry",
                    "3 " TS_EVENT_CHANGE_FAILED "\n"
                    "TRUSTSYNC_CYCLE=c0ffee\n"
                    "TRUSTSYNC_REVISION=1a2b3c4\n"
                    "TRUSTSYNC_ORGANIZATION=acme\n"
                    "TRUSTSYNC_ACTION=user.update\n"
                    "TRUSTSYNC_DIRECTION=trustee\n"
                    "TRUSTSYNC_TRUST=contoso\n"
                    "TRUSTSYNC_TRUST_ID=0b000000-0000-4000-8011-f0b04eda61ba\n"
                    "TRUSTSYNC_SUBJECT=jane@contoso.example\n"
                    "TRUSTSYNC_SUBJECT_ID=9d000000-0000-4000-8059-e585fe09957d\n"
                    "TRUSTSYNC_ROLE=Admin\n"
                    "TRUSTSYNC_DIVISION=Home\n"
                    "TRUSTSYNC_ROLE=Admin\n"
                    "TRUSTSYNC_DIVISION=all\n"
                    "TRUSTSYNC_REASON=config\n"
                    "TRUSTSYNC_RESULT=failed\n"
                    "TRUSTSYNC_SOURCE=trusts.d/contoso.yaml:14\n"
                    "TRUSTSYNC_OWNER=sales\n"
                    "TRUSTSYNC_TICKET=SEC-7\n"
                    "TRUSTSYNC_NOTE=a\\x0ab\n"
                    "TRUSTSYNC_CORRELATION_ID=abc\\x0adef\n"
                    "TRUSTSYNC_HTTP_STATUS=403\n",
                    &j.text);
}
END_TEST

static const struct {
        const char *name;
        struct row row;
        int priority;
        const char *message_id;
} kinds[] = {
        { "done", { .result = TS_APPLIED }, LOG_NOTICE, TS_EVENT_CHANGE },
        { "drift put back",
          { .result = TS_APPLIED, .reason = TS_REASON_DRIFT },
          LOG_NOTICE,
          TS_EVENT_CHANGE },
        { "failed", { .result = TS_FAILED }, LOG_ERR, TS_EVENT_CHANGE_FAILED },
        { "held", { .result = TS_HELD }, LOG_WARNING, TS_EVENT_HELD },
        { "waiting", { .result = TS_WAITING }, LOG_INFO, TS_EVENT_WAITING },
        { "unlisted", { .result = TS_SKIPPED }, LOG_INFO, TS_EVENT_UNLISTED },
        { "only planned", { .result = TS_PLANNED }, LOG_INFO, TS_EVENT_PLANNED },
        { "overdue", { .reason = TS_REASON_EXPIRED }, LOG_WARNING, TS_EVENT_PLANNED },
        { "drift found", { .reason = TS_REASON_DRIFT }, LOG_WARNING, TS_EVENT_DRIFT },
        { "drift among the grants",
          { .grants = "+Admin/Home:1, -Admin/all:2:drift" },
          LOG_WARNING,
          TS_EVENT_DRIFT },
};

START_TEST(test_kind_of_event)
{
        struct row row = kinds[_i].row;
        struct organization o = { "acme", .rows = &row, .n_rows = 1 };
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(journal_done) struct journal j;
        char expected[64];

        row.action = TS_USER_UPDATE;
        row.subject = "jane@contoso.example";
        fixture_init(&f, &o, 1);
        journal_init(&j);
        ts_event_change(&context, f.plans[0], &f.plans[0]->changes[0]);
        (void) snprintf(expected, sizeof(expected), "%d %s ", kinds[_i].priority, kinds[_i].message_id);
        ck_assert_msg(strncmp(ts_buf_text(&j.text), expected, strlen(expected)) == 0, "%s: %.60s",
                      kinds[_i].name, ts_buf_text(&j.text));
}
END_TEST

START_TEST(test_other_entries)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(journal_done) struct journal j;
        struct ts_err err = { .cls = TS_ERR_AUTH, .http_status = 401, .msg = "the secret is wrong" };

        fixture_init(&f, acme_refused, 1);
        journal_init(&j);
        ts_event_refusal(&context, f.plans[0], &f.plans[0]->refusals[1]);
        ts_event_refusal(&context, NULL, &unnamed[0]);
        ts_event_organization_failed(&context, "acme", &err);
        ts_event_cycle_end(&context, &f.report);
        entries_are("entries",
                    "3 " TS_EVENT_REFUSED "\n"
                    "TRUSTSYNC_CYCLE=c0ffee\n"
                    "TRUSTSYNC_REVISION=1a2b3c4\n"
                    "TRUSTSYNC_ORGANIZATION=acme\n"
                    "TRUSTSYNC_TRUST=contoso\n"
                    "TRUSTSYNC_RESULT=refused\n"
                    "3 " TS_EVENT_REFUSED "\n"
                    "TRUSTSYNC_CYCLE=c0ffee\n"
                    "TRUSTSYNC_REVISION=1a2b3c4\n"
                    "TRUSTSYNC_ORGANIZATION=umbrella\n"
                    "TRUSTSYNC_RESULT=refused\n"
                    "3 " TS_EVENT_ORGANIZATION_FAILED "\n"
                    "TRUSTSYNC_CYCLE=c0ffee\n"
                    "TRUSTSYNC_REVISION=1a2b3c4\n"
                    "TRUSTSYNC_ORGANIZATION=acme\n"
                    "TRUSTSYNC_RESULT=failed\n"
                    "TRUSTSYNC_HTTP_STATUS=401\n"
                    "4 " TS_EVENT_CYCLE_REFUSED "\n"
                    "TRUSTSYNC_CYCLE=c0ffee\n"
                    "TRUSTSYNC_REVISION=1a2b3c4\n"
                    "TRUSTSYNC_RESULT=refused\n"
                    "TRUSTSYNC_REQUESTS=41\n",
                    &j.text);
}
END_TEST

static const struct {
        const char *name;
        const struct organization *organization;
        bool refused, incomplete, deny_only, paused;
        const char *expected;
} ends[] = {
        { "all is well", acme_in_sync, .expected = "6 " TS_EVENT_CYCLE_END " converged" },
        { "paused", acme_held, .paused = true, .expected = "6 " TS_EVENT_CYCLE_PAUSED " paused" },
        { "nothing in force", acme_in_sync, .deny_only = true,
          .expected = "4 " TS_EVENT_CYCLE_DENY_ONLY " deny-only" },
        { "paused, nothing in force", acme_in_sync, .deny_only = true, .paused = true,
          .expected = "4 " TS_EVENT_CYCLE_DENY_ONLY " deny-only" },
        { "an organization failed", unread, .paused = true,
          .expected = "4 " TS_EVENT_CYCLE_FAILED " failed" },
        { "a change failed", acme_everything, .expected = "4 " TS_EVENT_CYCLE_FAILED " failed" },
        { "something was not read", acme_in_sync, .incomplete = true,
          .expected = "4 " TS_EVENT_CYCLE_FAILED " failed" },
        { "a plan was refused", acme_refused, .incomplete = true,
          .expected = "4 " TS_EVENT_CYCLE_REFUSED " refused" },
        { "nothing was planned, as no file names it", unread, .refused = true,
          .expected = "4 " TS_EVENT_CYCLE_REFUSED " refused" },
};

START_TEST(test_end_of_cycle)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(journal_done) struct journal j;
        char got[128];
        const char *result;

        fixture_init(&f, ends[_i].organization, 1);
        journal_init(&j);
        f.report.deny_only = ends[_i].deny_only;
        f.report.paused = ends[_i].paused ? "paused by ann" : NULL;
        f.report.refusals = unnamed;
        f.report.n_refusals = ends[_i].refused;
        if (f.plans[0])
                f.plans[0]->complete = !ends[_i].incomplete;
        ts_event_cycle_end(&context, &f.report);
        result = strstr(ts_buf_text(&j.text), "TRUSTSYNC_RESULT=");
        ck_assert(result);
        result = strchr(result, '=') + 1;
        (void) snprintf(got, sizeof(got), "%.34s %.*s", ts_buf_text(&j.text), (int) strcspn(result, "\n"),
                        result);
        ck_assert_msg(strcmp(got, ends[_i].expected) == 0, "%s: wanted %s, got %s", ends[_i].name,
                      ends[_i].expected, got);
}
END_TEST

START_TEST(test_messages)
{
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(journal_done) struct journal j;

        fixture_init(&f, acme_findings, 1);
        journal_init(&j);
        for (size_t i = 0; i < f.plans[0]->n_messages; i++)
                ts_event_message(&(struct ts_event_context){ 0 }, f.plans[0], &f.plans[0]->messages[i]);
        f.plans[0]->messages[0].kind = TS_MESSAGE_WARNING;
        ts_event_message(&(struct ts_event_context){ 0 }, f.plans[0], &f.plans[0]->messages[0]);
        ts_event_more(&(struct ts_event_context){ 0 }, "acme", 1);
        entries_are("entries",
                    "6 " TS_EVENT_ENDS "\n"
                    "TRUSTSYNC_ORGANIZATION=acme\n"
                    "TRUSTSYNC_TRUST=contoso\n"
                    "TRUSTSYNC_MEMBERS=24\n"
                    "4 " TS_EVENT_UNREAD "\n"
                    "TRUSTSYNC_ORGANIZATION=acme\n"
                    "TRUSTSYNC_TRUST=contoso\n"
                    "TRUSTSYNC_MEMBERS=2\n"
                    "4 " TS_EVENT_UNMANAGED "\n"
                    "TRUSTSYNC_ORGANIZATION=acme\n"
                    "TRUSTSYNC_TRUST=contoso\n"
                    "TRUSTSYNC_MEMBERS=3\n"
                    "TRUSTSYNC_SOURCE=trusts.d/contoso.yaml:3\n"
                    "4 " TS_EVENT_UNMANAGED "\n"
                    "TRUSTSYNC_ORGANIZATION=acme\n"
                    "TRUSTSYNC_TRUST=fabrikam\n"
                    "TRUSTSYNC_MEMBERS=4\n"
                    "4 " TS_EVENT_WARNING "\n"
                    "TRUSTSYNC_ORGANIZATION=acme\n"
                    "4 " TS_EVENT_MORE "\n"
                    "TRUSTSYNC_ORGANIZATION=acme\n",
                    &j.text);
}
END_TEST

/* ---------------------------------------------------------------------------------------------- catalogue */

/* What daemon/journal.h says: the one field of it, if any. */
static const struct {
        const char *message_id, *field;
} of_daemon[] = {
        { TS_EVENT_CYCLE_STOPPED, "TRUSTSYNC_RESULT" },
        { TS_EVENT_NOT_IN_FORCE, "TRUSTSYNC_RESULT" },
        { TS_EVENT_STARTED, NULL },
        { TS_EVENT_STOPPED, NULL },
        { TS_EVENT_DECLARATIONS_TAKEN, "TRUSTSYNC_REVISION" },
        { TS_EVENT_DECLARATIONS_FAULTY, "TRUSTSYNC_RESULT" },
        { TS_EVENT_SETTINGS_TAKEN, NULL },
        { TS_EVENT_SETTINGS_FAULTY, "TRUSTSYNC_RESULT" },
        { TS_EVENT_PAUSED, "TRUSTSYNC_PAUSED_BY" },
        { TS_EVENT_RESUMED, NULL },
        { TS_EVENT_OVER, "TRUSTSYNC_REPEATED" },
};

/* Of each kind of entry the one with the fewest fields. */
static void write_bare_entries(struct fixture *f)
{
        static const enum ts_result results[] = { TS_PLANNED, TS_APPLIED, TS_FAILED,
                                                  TS_HELD,    TS_WAITING, TS_SKIPPED };
        const struct ts_event_context bare = { .cycle = "c0ffee" };
        const struct ts_err err = { .cls = TS_ERR_AUTH, .msg = "the secret is wrong" };
        struct ts_change *c = &f->plans[0]->changes[0];
        struct ts_report report = { 0 };

        for (size_t i = 0; i < TS_N_ELEMENTS(results); i++) {
                c->decision = results[i];
                ts_event_change(&bare, f->plans[0], c);
        }
        c->decision = TS_PLANNED;
        c->reason = TS_REASON_DRIFT;
        ts_event_change(&bare, f->plans[0], c);
        c->n_corrected = 3;
        ts_event_fight(&bare, f->plans[0], c);
        ts_event_refusal(&bare, NULL, &(struct ts_refusal){ .limit = "state", .message = "no" });
        ts_event_organization_failed(&bare, "acme", &err);
        for (enum ts_message_kind k = 0; k < TS_MESSAGE_KIND_MAX_; k++)
                ts_event_message(&bare, f->plans[0], &(struct ts_message){ .text = "text", .kind = k });
        ts_event_more(&bare, "acme", 2);
        ts_event_cycle_end(&bare, &report);
        report.paused = "paused";
        ts_event_cycle_end(&bare, &report);
        report.deny_only = true;
        ts_event_cycle_end(&bare, &report);
        report.organizations = &(struct ts_report_organization){ .alias = "acme", .err = &err };
        report.n_organizations = 1;
        ts_event_cycle_end(&bare, &report);
        report.n_refusals = 1;
        ts_event_cycle_end(&bare, &report);
}

/* The lines of one entry: behind its first line, up to the next entry's. */
static bool entry_has_field(const char *entry, const char *name, size_t len)
{
        for (const char *line = strchr(entry, '\n'); line && strncmp(line + 1, "TRUSTSYNC_", 10) == 0;
             line = strchr(line + 1, '\n'))
                if (strncmp(line + 1, name, len) == 0 && line[1 + len] == '=')
                        return true;
        return false;
}

static void check_text(const char *id, const char *text, const char *entry)
{
        const char *at = text, *end;

        while ((at = strstr(at, "@TRUSTSYNC_"))) {
                end = strchr(at + 1, '@');
                ck_assert_ptr_nonnull(end);
                ck_assert_msg(entry_has_field(entry, at + 1, (size_t) (end - at - 1)),
                              "the text of %s shows %.*s, and an entry has no such field", id,
                              (int) (end - at + 1), at);
                at = end + 1;
        }
}

/* journalctl -x shows the name of a field where an entry has none. */
START_TEST(test_catalogue)
{
        const struct row row = { .action = TS_TRUST_DISABLE };
        const struct organization o = { "acme", .rows = &row, .n_rows = 1 };
        TS_CLEANUP(ts_buf_done) struct ts_buf catalogue = TS_BUF_INIT(1024 * 1024);
        TS_CLEANUP(fixture_done) struct fixture f;
        TS_CLEANUP(journal_done) struct journal j;
        const char *directory = getenv("srcdir");
        char path[4096], *text, *next;
        size_t n = 0;

        (void) snprintf(path, sizeof(path), "%s/systemd/trustsyncd.catalog", directory ? directory : ".");
        read_file(path, &catalogue);
        fixture_init(&f, &o, 1);
        journal_init(&j);
        write_bare_entries(&f);
        for (size_t i = 0; i < TS_N_ELEMENTS(of_daemon); i++)
                ts_buf_printf(&j.text, "6 %s text\n%s%s", of_daemon[i].message_id,
                              of_daemon[i].field ? of_daemon[i].field : "", of_daemon[i].field ? "=x\n" : "");

        text = strstr(ts_arena_strdup(&f.arena, ts_buf_text(&catalogue)), "\n-- ");
        for (; text; text = next, n++) {
                char id[33] = "", *entry;

                memcpy(id, text + 4, 32);
                next = strstr(text + 4, "\n-- ");
                if (next)
                        *next = '\0';
                entry = strstr(ts_arena_strdup(&f.arena, ts_buf_text(&j.text)), id);
                ck_assert_msg(entry, "no entry of this test has the id %s", id);
                check_text(id, text + 36, entry);
        }
        ck_assert_uint_ge(n, 30);
}
END_TEST

START_TEST(test_hostile_journal)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        TS_CLEANUP(fixture_done) struct fixture bad, good;
        TS_CLEANUP(journal_done) struct journal j, benign;
        struct fixture *const both[] = { &good, &bad };
        struct journal *const journals[] = { &benign, &j };
        const char *s = hostile_text((size_t) _i, &arena);

        hostile_init(&good, "benign");
        hostile_init(&bad, s);
        journal_init(&benign);
        journal_init(&j);
        for (size_t i = 0; i < TS_N_ELEMENTS(both); i++) {
                const struct ts_plan *plan = both[i]->plans[0];

                ts_log_set_sink(on_entry, journals[i]);
                for (size_t k = 0; k < plan->n_changes; k++)
                        ts_event_change(&context, plan, &plan->changes[k]);
                ts_event_refusal(&context, plan, &plan->refusals[0]);
                ts_event_organization_failed(&context, plan->organization, &both[i]->errors[0]);
                ts_event_cycle_end(&context, &both[i]->report);
        }
        ck_no_forbidden(hostile[_i].name, &j.text);
        ck_assert_uint_eq(j.n, 12);
        if (s[0] != '\0') /* an empty value makes no field */
                ck_assert_uint_eq(count_lines(ts_buf_text(&j.text)), count_lines(ts_buf_text(&benign.text)));
}
END_TEST

static void add_tests(TCase *tc)
{
        tcase_add_loop_test(tc, test_golden, 0, TS_N_ELEMENTS(goldens));
        tcase_add_loop_test(tc, test_same_input_same_bytes, 0, TS_N_ELEMENTS(goldens));
        tcase_add_test(tc, test_color_changes_no_word);
        tcase_add_loop_test(tc, test_first_and_last_line, 0, TS_N_ELEMENTS(outcomes));
        tcase_add_loop_test(tc, test_revision_and_duration, 0, TS_N_ELEMENTS(revisions));
        tcase_add_test(tc, test_summary_of_what_is_left);
        tcase_add_loop_test(tc, test_format_names, 0, TS_N_ELEMENTS(formats));
        tcase_add_test(tc, test_json_keys);
        tcase_add_loop_test(tc, test_json_values, 0, TS_N_ELEMENTS(values));
        tcase_add_test(tc, test_json_of_failures);
        tcase_add_loop_test(tc, test_hostile_text, 0, TS_N_ELEMENTS(hostile));
        tcase_add_loop_test(tc, test_hostile_markdown, 0, TS_N_ELEMENTS(hostile));
        tcase_add_loop_test(tc, test_hostile_html, 0, TS_N_ELEMENTS(hostile));
        tcase_add_loop_test(tc, test_hostile_json, 0, TS_N_ELEMENTS(hostile));
        tcase_add_test(tc, test_privileged_rows_come_first);
        tcase_add_loop_test(tc, test_hostile_journal, 0, TS_N_ELEMENTS(hostile));
        tcase_add_loop_test(tc, test_markdown_is_cut, 0, TS_N_ELEMENTS(sizes));
        tcase_add_test(tc, test_a_member_with_a_thousand_grants);
        tcase_add_loop_test(tc, test_no_grant_is_hidden, 0, TS_N_ELEMENTS(crowds));
        tcase_add_test(tc, test_source_of_a_role_set);
        tcase_add_loop_test(tc, test_many_changes, 0, TS_FORMAT_CSV);
        tcase_add_loop_test(tc, test_buffer_that_is_too_small, 0, TS_FORMAT_CSV);
        tcase_add_loop_test(tc, test_sentence, 0, TS_N_ELEMENTS(sentences));
        tcase_add_loop_test(tc, test_person, 0, TS_N_ELEMENTS(persons));
        tcase_add_test(tc, test_names_do_not_speak);
        tcase_add_test(tc, test_entry_of_a_change);
        tcase_add_loop_test(tc, test_kind_of_event, 0, TS_N_ELEMENTS(kinds));
        tcase_add_test(tc, test_other_entries);
        tcase_add_loop_test(tc, test_end_of_cycle, 0, TS_N_ELEMENTS(ends));
        tcase_add_test(tc, test_messages);
        tcase_add_test(tc, test_catalogue);
}

int main(void)
{
        Suite *suite = suite_create("report");
        TCase *tc = tcase_create("report");

        tcase_set_timeout(tc, 60); /* under a sanitizer or valgrind on a slow machine */
        add_tests(tc);
        suite_add_tcase(suite, tc);
        return run_suite(suite);
}
