/*
 * Whom `deny` and `protect` name, what is remembered of it, and what has to go. Accounts are written as
 * "directory id address"; directory 0 is our own.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "trust/deny.h"
#include "util/buf.h"

#define NOW INT64_C(1800000000)
#define DAY TS_LAST_APPLIED_DAY_SEC

static struct ts_id id_of(unsigned n)
{
        struct ts_id id = { { 0x0d } };

        id.bytes[14] = (uint8_t) (n >> 8);
        id.bytes[15] = (uint8_t) n;
        return id;
}

static unsigned number_of(const struct ts_id *id)
{
        return (unsigned) id->bytes[14] << 8 | id->bytes[15];
}

static struct ts_source at(uint32_t line)
{
        return (struct ts_source){ "settings.yaml", line, 1 };
}

/* ---------------------------------------------------------------------------------------------- one world */

#define WORDS_MAX 8

struct words {
        char text[128];
        const char *words[WORDS_MAX];
        size_t n;
};

/* Cuts the next line, ended by ';', off @text. */
static bool next_line(const char **text, struct words *l)
{
        size_t len = strcspn(*text, ";");
        char *save = NULL;

        if (**text == '\0')
                return false;
        ck_assert_uint_lt(len, sizeof(l->text));
        memcpy(l->text, *text, len);
        l->text[len] = '\0';
        *text += len + ((*text)[len] == ';');
        l->n = 0;
        for (char *w = strtok_r(l->text, " ", &save); w; w = strtok_r(NULL, " ", &save))
                l->words[l->n++] = w;
        return l->n > 0;
}

static unsigned number(const char *word)
{
        return (unsigned) strtoul(word, NULL, 10);
}

struct world {
        struct ts_arena arena;
        struct ts_policy policy;
        struct ts_last_applied *last_applied;
        struct ts_live *live;
        struct ts_decl_organization decl;
        struct ts_deny deny;
};

static void add_text(struct world *w, struct ts_texts *t, const char *text)
{
        struct ts_id id = id_of(number(text + 1));

        if (!t->items)
                t->items = TS_ARENA_ARRAY(&w->arena, struct ts_decl_text, 16);
        ck_assert_uint_lt(t->n, 16);
        t->items[t->n] = (struct ts_decl_text){ ts_arena_strdup(&w->arena,
                                                                text[0] == '#' ? ts_id_format(&id).s : text),
                                                at((uint32_t) t->n + 10) };
        t->n++;
}

static void add_id(struct world *w, struct ts_ids *ids, const char *word)
{
        if (!ids->items)
                ids->items = TS_ARENA_ARRAY(&w->arena, struct ts_id, 16);
        ids->items[ids->n++] = id_of(number(word));
}

/* "deny joe@x; protect #7; deny-organization 1; protect-organization 1; deny-role Admin" */
static void add_entries(struct world *w, const char *text)
{
        struct ts_policy *p = &w->policy;
        struct words l;

        p->deny_source = at(9);
        p->limits = (struct ts_limits){ 10, 20, 3, 25, 25 };
        while (next_line(&text, &l)) {
                if (strcmp(l.words[0], "deny") == 0)
                        add_text(w, &p->deny_users, l.words[1]);
                else if (strcmp(l.words[0], "protect") == 0)
                        add_text(w, &p->protect_users, l.words[1]);
                else if (strcmp(l.words[0], "deny-organization") == 0)
                        add_id(w, &p->deny_organizations, l.words[1]);
                else if (strcmp(l.words[0], "protect-organization") == 0)
                        add_id(w, &p->protect_organizations, l.words[1]);
                else if (strcmp(l.words[0], "deny-role") == 0)
                        add_text(w, &p->deny_roles, l.words[1]);
                else if (strcmp(l.words[0], "per-cycle") == 0)
                        p->limits.removals_per_cycle = number(l.words[1]);
                else
                        ck_abort_msg("entries: %s", l.words[0]);
        }
}

/* "denied joe@x 1 4 -60 0": entry, directory, id, seconds ago, counts */
static void add_records(struct world *w, const char *text)
{
        struct ts_last_applied_accounts *lists[] = { &w->last_applied->denied, &w->last_applied->pinned };
        struct words l;

        for (size_t i = 0; i < 2; i++)
                lists[i]->items = TS_ARENA_ARRAY(&w->last_applied->arena, struct ts_last_applied_account, 16);
        while (next_line(&text, &l)) {
                struct ts_last_applied_accounts *a = lists[strcmp(l.words[0], "pinned") == 0];

                a->items[a->n++] = (struct ts_last_applied_account){
                        ts_last_applied_text_key(l.words[1]), id_of(number(l.words[2])),
                        id_of(number(l.words[3])), NOW + strtol(l.words[4], NULL, 10), number(l.words[5]) > 0
                };
        }
}

static void begin(struct world *w, const char *entries, const char *records)
{
        struct ts_id own = id_of(0);

        w->last_applied = ts_last_applied_new();
        w->live = ts_live_new();
        add_entries(w, entries);
        add_records(w, records);
        ts_deny_begin(&w->deny, &w->policy, w->last_applied, &own, NOW);
}

static void world_done(struct world *w)
{
        ts_deny_done(&w->deny);
        ts_last_applied_free(w->last_applied);
        ts_live_free(w->live);
        ts_arena_done(&w->arena);
}

/* "1 4 joe@x": seen; an address "-" is not shown. "learn" in between. */
static void see(struct world *w, const char *text)
{
        struct words l;

        while (next_line(&text, &l)) {
                struct ts_id organization = id_of(number(l.words[0])), id;

                if (strcmp(l.words[0], "learn") == 0) {
                        ts_deny_learn(&w->deny);
                        continue;
                }
                id = id_of(number(l.words[1]));
                ts_deny_see(&w->deny, &organization, &id, strcmp(l.words[2], "-") == 0 ? NULL : l.words[2]);
        }
        ts_deny_learn(&w->deny);
}

static void put_ruling(struct ts_buf *out, const struct ts_deny_ruling *r)
{
        ck_assert(r->is_protected == (r->why != NULL));
        ck_assert(r->is_denied == (r->source != NULL));
        ts_buf_printf(out, "%s%s%s%s;", r->is_denied ? "denied" : "", r->counts ? "+" : "",
                      r->is_protected ? "protected" : "",
                      r->why && strstr(r->why, "two accounts") ? "2" : "");
}

static void put_records(struct ts_buf *out, const char *word, const struct ts_last_applied_accounts *a)
{
        for (size_t i = 0; i < a->n; i++)
                ts_buf_printf(out, " %s %u/%u%s", word, number_of(&a->items[i].organization),
                              number_of(&a->items[i].id), a->items[i].counts ? "+" : "");
}

static const struct {
        const char *name, *entries, *records, *seen, *asked, *expected;
} accounts[] = {
        { "nobody is named", "", "", "1 4 joe@x", "1 4 joe@x", ";" },
        { "an id is denied everywhere", "deny #4", "", "", "1 4 -; 2 4 joe@x; 1 5 joe@x", "denied;denied;;" },
        { "no id is nobody's", "deny 00000000-0000-0000-0000-000000000000", "", "", "1 4 -", ";" },
        { "an address, in any case", "deny Joe@X", "", "1 4 jOE@x", "1 4 -; 1 5 -", "denied;; denied 1/4" },
        { "it stays denied with another address", "deny joe@x", "denied joe@x 1 4 -60 0", "1 4 new@x",
          "1 4 new@x", "denied; denied 1/4" },
        { "an id counts only where it was seen", "deny joe@x", "denied joe@x 1 4 -60 0", "", "2 4 new@x",
          "; denied 1/4" },
        { "seen twice is one account", "deny joe@x", "", "1 4 joe@x; 1 4 joe@x; learn; 1 4 joe@x", "1 4 -",
          "denied; denied 1/4" },
        { "and remembered under two entries", "deny joe@x; deny joe@y", "", "1 4 joe@x; 1 4 joe@y", "1 4 -",
          "denied; denied 1/4 denied 1/4" },
        { "forgotten with its entry", "deny ann@x", "denied joe@x 1 4 -60 0", "", "1 4 -", ";" },
        { "two accounts at once teach nothing, and count", "deny joe@x", "", "1 4 joe@x; 1 5 joe@x",
          "1 4 joe@x; 1 5 joe@x; 1 4 -", "denied+;denied+;;" },
        { "in two organizations they are two", "deny joe@x", "", "1 4 joe@x; 2 5 joe@x", "1 4 -; 2 5 -",
          "denied;denied; denied 1/4 denied 2/5" },
        { "the fourth within a day counts", "deny joe@x",
          "denied joe@x 1 1 -60 0; denied joe@x 1 2 -50 0; denied joe@x 1 3 -40 0", "1 4 joe@x",
          "1 4 -; 1 3 -", "denied+;denied; denied 1/1 denied 1/2 denied 1/3 denied 1/4+" },
        { "not when one of the three is older", "deny joe@x",
          "denied joe@x 1 1 -86400 0; denied joe@x 1 2 -50 0; denied joe@x 1 3 -40 0", "1 4 joe@x", "1 4 -",
          "denied; denied 1/1 denied 1/2 denied 1/3 denied 1/4" },
        { "nor those of another entry", "deny joe@x; deny ann@x",
          "denied ann@x 1 1 -60 0; denied joe@x 1 2 -50 0; denied joe@x 1 3 -40 0", "1 4 joe@x", "1 4 -",
          "denied; denied 1/1 denied 1/2 denied 1/3 denied 1/4" },
        { "a denied id is remembered as seen", "deny #4", "", "1 4 -; 1 4 -", "1 4 -", "denied; denied 1/4" },
        { "a protected id", "protect #4", "", "1 4 -", "1 4 -; 1 5 -", "protected;;" },
        { "a protected address is pinned", "protect vip@x", "", "1 4 vip@x",
          "1 4 new@x; 1 5 vip@x; 2 5 vip@x", "protected;;protected; pinned 1/4" },
        { "and stays with the first account", "protect vip@x", "pinned vip@x 1 4 -60 0", "1 5 vip@x",
          "1 4 -; 1 5 vip@x", "protected;; pinned 1/4" },
        { "two accounts before one is pinned are both kept", "protect vip@x", "", "1 4 vip@x; 1 5 vip@x",
          "1 4 vip@x; 1 5 vip@x; 1 6 vip@x", "protected2;protected2;protected2;" },
        { "two addresses pin one account", "protect vip@x; protect vip@y", "", "1 4 vip@x; 1 4 vip@y",
          "1 4 -", "protected; pinned 1/4 pinned 1/4" },
        { "both by id: protect wins", "deny #4; protect #4", "", "1 4 -", "1 4 -",
          "deniedprotected; denied 1/4" },
        { "both by address: protect wins", "deny joe@x; protect joe@x", "", "1 4 joe@x", "1 4 joe@x",
          "denied+protected; pinned 1/4" },
        { "also when deny had it before", "deny joe@x; protect joe@x", "denied joe@x 1 4 -60 0", "1 4 joe@x",
          "1 4 joe@x", "deniedprotected; denied 1/4 pinned 1/4" },
        { "a denied id has a protected address", "deny #4; protect vip@x", "", "1 4 vip@x", "1 4 vip@x",
          "denied; denied 1/4" },
        { "a protected id has a denied address", "deny joe@x; protect #4", "", "1 4 joe@x", "1 4 joe@x",
          "denied+protected;" },
        { "whom deny remembers is never pinned", "deny joe@x; protect vip@x", "denied joe@x 1 4 -60 0",
          "1 4 vip@x", "1 4 vip@x", "denied; denied 1/4" },
        { "of another organization he may be", "deny joe@x; protect vip@x",
          "denied joe@x 2 4 -60 0; denied joe@x 1 5 -60 0", "1 4 vip@x", "1 4 vip@x",
          "protected; denied 2/4 denied 1/5 pinned 1/4" },
        { "two have a protected address, and one is denied by id", "deny #4; protect vip@x", "",
          "1 4 vip@x; 1 5 vip@x", "1 4 vip@x; 1 5 vip@x", "denied;protected2; denied 1/4" },
        { "seen and not learned yet", "deny joe@x; protect vip@x", "", "", "1 4 vip@x; 1 5 joe@x",
          "protected;denied+;" },
};

START_TEST(test_accounts)
{
        TS_CLEANUP(world_done) struct world w = { 0 };
        TS_CLEANUP(ts_last_applied_freep) struct ts_last_applied *after = ts_last_applied_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(10000);
        const char *text = accounts[_i].asked;
        struct words l;

        begin(&w, accounts[_i].entries, accounts[_i].records);
        see(&w, accounts[_i].seen);
        while (next_line(&text, &l)) {
                struct ts_id organization = id_of(number(l.words[0])), id = id_of(number(l.words[1]));
                struct ts_deny_ruling r = ts_deny_rule(&w.deny, &organization, &id,
                                                       strcmp(l.words[2], "-") == 0 ? NULL : l.words[2]);

                put_ruling(&out, &r);
        }
        ts_deny_record(&w.deny, after);
        put_records(&out, "denied", &after->denied);
        put_records(&out, "pinned", &after->pinned);
        ck_assert_msg(strcmp(ts_buf_text(&out), accounts[_i].expected) == 0, "%s:\nwanted %s\ngot    %s",
                      accounts[_i].name, accounts[_i].expected, ts_buf_text(&out));
}
END_TEST

/* Is there something to write down? */
START_TEST(test_is_changed)
{
        static const struct {
                const char *entries, *records, *seen;
                bool is_changed;
        } cases[] = {
                { "deny joe@x", "", "1 5 ann@x", false },
                { "deny joe@x", "", "1 4 joe@x", true },
                { "deny joe@x", "denied joe@x 1 4 -60 0", "1 4 joe@x", false },
                { "deny ann@x", "denied joe@x 1 4 -60 0", "", true },
                { "deny #4", "", "1 4 -", true },
                { "protect vip@x", "", "1 4 vip@x", true },
                { "protect vip@x", "pinned vip@x 1 4 -60 0", "1 4 vip@x", false },
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(cases); i++) {
                TS_CLEANUP(world_done) struct world w = { 0 };

                begin(&w, cases[i].entries, cases[i].records);
                see(&w, cases[i].seen);
                ck_assert_msg(w.deny.is_changed == cases[i].is_changed, "%zu", i);
        }
}
END_TEST

START_TEST(test_without_a_record)
{
        struct ts_policy policy = { 0 };
        struct ts_id own = id_of(0);
        TS_CLEANUP(ts_deny_done) struct ts_deny d = { 0 };

        ts_deny_begin(&d, &policy, NULL, &own, NOW);
        ck_assert(!d.is_changed);
        ck_assert(!ts_deny_is_needed(&policy));
        ck_assert(!ts_deny_wants_trustors(&policy));
        ck_assert(!ts_deny_has_emails(&policy));
}
END_TEST

/* ------------------------------------------------------------------------------------- trusts and members */

/* "trust 1 on; user 4 joe@x; group 7; clone 4; trustor 2 on partial; pairing 3 open; asks 4 joe@x" */
static void add_live(struct world *w, const char *text)
{
        struct ts_live *live = w->live;
        struct ts_members *members = NULL;
        struct words l;

        live->trusts = TS_ARENA_ARRAY(&live->arena, struct ts_trust, 8);
        live->pairings = TS_ARENA_ARRAY(&live->arena, struct ts_pairing, 8);
        live->trusts_coverage = live->trustors_coverage = TS_COVERAGE_COMPLETE;
        live->catalog.complete = true;
        while (next_line(&text, &l)) {
                struct ts_trust *t = live->n_trusts > 0 ? &live->trusts[live->n_trusts - 1] : NULL;
                bool is_trustor = strcmp(l.words[0], "trustor") == 0;

                if (is_trustor || strcmp(l.words[0], "trust") == 0) {
                        t = &live->trusts[live->n_trusts++];
                        *t = (struct ts_trust){ .direction = is_trustor ? TS_TRUSTOR : TS_TRUSTEE,
                                                .id = id_of(number(l.words[1])),
                                                .enabled = strcmp(l.words[2], "on") == 0,
                                                .expires = TS_TIME_NEVER };
                        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++) {
                                t->collections[c].coverage =
                                                l.n > 3 ? TS_COVERAGE_PARTIAL : TS_COVERAGE_COMPLETE;
                                t->collections[c].items = TS_ARENA_ARRAY(&live->arena, struct ts_member, 16);
                        }
                        continue;
                }
                if (strcmp(l.words[0], "pairing") == 0) {
                        struct ts_pairing *p = &live->pairings[live->n_pairings++];

                        p->state = strcmp(l.words[2], "open") == 0 ? TS_PAIRING_OPEN : TS_PAIRING_GONE;
                        p->trustee = id_of(number(l.words[1]));
                        p->users.items = TS_ARENA_ARRAY(&live->arena, struct ts_member, 4);
                        continue;
                }
                if (strcmp(l.words[0], "unread") == 0) {
                        live->trusts_coverage = TS_COVERAGE_PARTIAL;
                        continue;
                }
                if (strcmp(l.words[0], "role") == 0) {
                        struct ts_id id = id_of(number(l.words[1]));

                        (void) ts_catalog_add_role(&live->catalog, &id,
                                                   ts_arena_strdup(&live->arena, l.words[2]));
                        continue;
                }
                members = strcmp(l.words[0], "asks") == 0    ? &live->pairings[live->n_pairings - 1].users
                          : strcmp(l.words[0], "group") == 0 ? &t->groups
                          : strcmp(l.words[0], "clone") == 0 ? &t->clones
                                                             : &t->users;
                members->items[members->n++] = (struct ts_member){
                        .kind = strcmp(l.words[0], "group") == 0   ? TS_KIND_GROUP
                                : strcmp(l.words[0], "clone") == 0 ? TS_KIND_CLONE
                                                                   : TS_KIND_USER,
                        .id = id_of(number(l.words[1])),
                        .email = l.n > 2 ? ts_arena_strdup(&live->arena, l.words[2]) : NULL,
                };
        }
}

static const struct {
        const char *name, *entries, *live, *plan;
        bool is_incomplete;
} plans[] = {
        { "nothing to do", "deny joe@x", "trust 1 on; user 5 ann@x; group 7", "", false },
        { "a user and the clone", "deny joe@x", "trust 1 on; user 4 joe@x; user 5 ann@x; clone 4; group 4",
          "planned user.remove 1/4@10; planned clone.remove 1/4@10; ", false },
        { "a clone that shows the address", "deny joe@x", "trust 1 on; clone 4 joe@x",
          "planned clone.remove 1/4@10; ", false },
        { "in every trust where the address is", "deny joe@x",
          "trust 1 on; user 4 joe@x; trust 2 off; user 6 joe@x",
          "planned user.remove 1/4@10; planned user.remove 2/6@10; ", false },
        { "our own people in another organization", "deny ann@own",
          "trustor 2 on; user 8 ann@own; user 9 bob@own", "planned user.remove 2/8@10; ", false },
        { "by what a pairing request shows", "deny joe@x", "trust 1 on; user 4; pairing 1 open; asks 4 joe@x",
          "planned user.remove 1/4@10; ", false },
        { "which is not open any more", "deny joe@x", "trust 1 on; user 4; pairing 1 gone; asks 4 joe@x", "",
          false },
        { "a denied organization", "deny-organization 1", "trust 1 on; user 4; trust 2 on",
          "planned trust.disable 1/-@9; ", false },
        { "that is off", "deny-organization 1", "trust 1 off; user 4", "", false },
        { "that is protected", "deny-organization 1; protect-organization 1", "trust 1 on",
          "held trust.disable 1/-@9; ", false },
        { "with a protected member", "deny-organization 1; protect vip@x",
          "trust 1 on; user 4 ann@x; user 5 vip@x", "held trust.disable 1/-@9; ", false },
        { "whose members are others", "deny-organization 1; protect vip@x", "trust 1 on; user 4 ann@x",
          "planned trust.disable 1/-@9; ", false },
        { "whose members are not known", "deny-organization 1; protect vip@x", "trust 1 on partial",
          "held trust.disable 1/-@9; ", false },
        { "which need not be known", "deny-organization 1", "trust 1 on partial",
          "planned trust.disable 1/-@9; ", false },
        { "our people leave a denied organization", "deny-organization 2; protect #9",
          "trustor 2 on; user 8; user 9; group 7; clone 8",
          "planned user.remove 2/8@9; held user.remove 2/9@9; planned group.remove 2/7@9; planned "
          "clone.remove 2/8@9; ",
          false },
        { "not one that is protected", "deny-organization 2; protect-organization 2", "trustor 2 on; user 8",
          "held user.remove 2/8@9; ", false },
        { "protect wins and is reported", "deny #4; protect #4", "trust 1 on; user 4",
          "held user.remove 1/4@10; ", false },
        { "two accounts at once", "deny joe@x", "trust 1 on; user 4 joe@x; user 5 joe@x",
          "planned user.remove 1/4+@10; planned user.remove 1/5+@10; ! ", true },
        { "over a limit what counts is held, the rest goes on",
          "per-cycle 1; deny joe@x; deny #6; deny #7; protect #7",
          "trust 1 on; user 7; user 4 joe@x; user 5 joe@x; user 6",
          "held user.remove 1/7@12; held user.remove 1/4+@10; held user.remove 1/5+@10; planned user.remove "
          "1/6@11; "
          "refused removals_per_cycle; ! ",
          true },
        { "an address that was taken over", "protect vip@x; deny #9",
          "trust 1 on; user 4 vip@x; trust 2 on; user 4 vip@x", "", false },
        { "two accounts with a protected address", "protect vip@x", "trust 1 on; user 4 vip@x; user 5 vip@x",
          "! ", false },
};

static void put_plan(struct ts_buf *out, const struct ts_plan *plan)
{
        for (size_t i = 0; i < plan->n_changes; i++) {
                const struct ts_change *c = &plan->changes[i];
                char subject[8] = "-";

                if (c->kind != TS_KIND_TRUST)
                        (void) snprintf(subject, sizeof(subject), "%u", number_of(&c->subject_id));
                ck_assert_int_eq(c->reason, TS_REASON_DENIED);
                ck_assert(ts_change_result(c) != TS_HELD || c->note);
                ts_buf_printf(out, "%s %s %u/%s%s@%u; ", ts_result_to_string(ts_change_result(c)),
                              ts_action_to_string(c->action), number_of(&c->trust_id), subject,
                              c->n_removals > 0 ? "+" : "", (unsigned) c->source.line);
        }
        for (size_t i = 0; i < plan->n_refusals; i++)
                ts_buf_printf(out, "refused %s; ", plan->refusals[i].limit);
        for (size_t i = 0; i < plan->n_messages; i++)
                ts_buf_puts(out, "! ");
}

START_TEST(test_plans)
{
        TS_CLEANUP(world_done) struct world w = { 0 };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(10000), messages = TS_BUF_INIT(10000);

        begin(&w, plans[_i].entries, "");
        add_live(&w, plans[_i].live);
        for (int i = 0; i < 2; i++) { /* the second time adds nothing */
                ts_deny_see_live(&w.deny, w.live);
                ts_deny_learn(&w.deny);
                ts_deny_plan(&w.deny, w.live, NULL, NULL, plan);
        }
        ts_deny_check_limits(plan, w.live, &w.policy.limits, w.last_applied, NOW);
        ts_deny_report(&w.deny, w.live, NULL, NULL, plan);
        ck_assert(!plan->refused);
        put_plan(&out, plan);
        for (size_t i = 0; i < plan->n_messages; i++)
                ts_buf_printf(&messages, "%s\n", plan->messages[i].text);
        if (plan->n_messages > 0)
                message_is(plans[_i].name, ts_buf_text(&messages));
        ck_assert_msg(strcmp(ts_buf_text(&out), plans[_i].plan) == 0, "%s:\nwanted %s\ngot    %s",
                      plans[_i].name, plans[_i].plan, ts_buf_text(&out));
        ck_assert_msg(plan->complete == !plans[_i].is_incomplete, "%s", plans[_i].name);
}
END_TEST

/* The declaration's name, what is out of scope, and whom the reports are about. */
START_TEST(test_names_and_scope)
{
        static const char *const other[] = { "fabrikam" };
        struct ts_decl_trust trusts[] = { { .direction = TS_TRUSTOR, .alias = "no", .id = id_of(1) },
                                          { .alias = "other", .id = id_of(9) },
                                          { .alias = "contoso", .id = id_of(1) } };
        struct ts_trust_filter filter = { other, 1 };
        TS_CLEANUP(world_done) struct world w = { 0 };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new(), *none = ts_plan_new();

        begin(&w, "deny #4; protect vip@x", "pinned vip@x 1 6 -60 0");
        add_live(&w, "trust 1 on; user 4; user 5 vip@x; user 6 new@x; trustor 2 on; user 4; trustor 1 on");
        w.decl = (struct ts_decl_organization){ .trusts = trusts, .n_trusts = 3 };
        ts_deny_see_live(&w.deny, w.live);
        ts_deny_learn(&w.deny);
        ts_deny_plan(&w.deny, w.live, &w.decl, &filter, none);
        ts_deny_report(&w.deny, w.live, &w.decl, &filter, none);
        ck_assert_uint_eq(none->n_changes + none->n_messages, 0);
        ts_deny_plan(&w.deny, w.live, &w.decl, NULL, plan);
        ts_deny_report(&w.deny, w.live, &w.decl, NULL, plan);
        ck_assert_uint_eq(plan->n_changes, 2);
        ck_assert_str_eq(plan->changes[0].trust_alias, "contoso");
        ck_assert_str_eq(plan->changes[1].trust_alias, ts_id_format(&w.live->trusts[1].id).s);
        ck_assert_ptr_null(ts_deny_find(plan, &w.live->trusts[2], TS_KIND_USER, NULL));
        ck_assert_uint_eq(plan->n_messages, 1); /* vip@x is on another account than the pinned one */
        message_is("not the account that is pinned", plan->messages[0].text);
        ck_assert_uint_eq(plan->messages[0].source.line, 10);
        ck_assert_ptr_nonnull(ts_deny_find(plan, &w.live->trusts[0], TS_KIND_USER, NULL));
        ck_assert_ptr_null(ts_deny_find(plan, &w.live->trusts[0], TS_KIND_USER,
                                        &w.live->trusts[0].users.items[1].id));
        plan->changes[0].reason = TS_REASON_DRIFT;
        ck_assert_ptr_null(ts_deny_find(plan, &w.live->trusts[0], TS_KIND_USER, NULL));
}
END_TEST

/* Somebody whom only a declaration names: the line is that of `deny`. */
START_TEST(test_remove_by_key)
{
        TS_CLEANUP(world_done) struct world w = { 0 };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();

        begin(&w, "deny joe@x", "");
        add_live(&w, "trust 1 on; user 4 ann@x");
        ts_deny_remove(&w.deny, &w.live->trusts[0], "contoso", TS_USERS, &w.live->trusts[0].users.items[0],
                       plan);
        ck_assert_uint_eq(plan->n_changes, 1);
        ck_assert_uint_eq(plan->changes[0].source.line, 9);
}
END_TEST

/* A member's ruling: nobody of a group; a clone by its user; one of whom nothing is known. */
START_TEST(test_members)
{
        static const struct {
                const char *entries, *live;
                bool is_clone, is_denied, is_protected;
        } cases[] = {
                { "deny #4; protect #4", "trust 1 on; group 4", false, false, false },
                { "protect vip@x", "trust 1 on; user 4 vip@x; clone 4", true, false, true },
                { "protect vip@x", "trust 1 on; user 4 ann@x; clone 4", true, false, false },
                { "protect vip@x", "trust 1 on; user 4; clone 4 vip@x", true, false, true },
                { "protect vip@x", "trust 1 on; user 5 ann@x; clone 4", true, false, true }, /* unknown */
                { "protect vip@x", "trust 1 on; clone 4; trust 2 on; user 6 vip@x", true, false, false },
                { "protect #9; protect vip@x; protect joe@x",
                  "trust 1 on; user 7 joe@x; user 8 joe@x; clone 4; "
                  "trust 2 on; user 6 vip@x",
                  true, false, true },
                { "protect #9", "trust 1 on; clone 4", true, false, false },
                { "protect vip@x", "trust 1 on; clone 4 ann@x", true, false, false },
                { "protect #4", "trust 1 on; clone 4", true, false, true },
                { "deny #4; protect vip@x", "trust 1 on; clone 4", true, true, false },
                { "deny joe@x", "trust 1 on; clone 4", true, false, false },
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(cases); i++) {
                TS_CLEANUP(world_done) struct world w = { 0 };
                struct ts_deny_ruling r;
                struct ts_trust *t;

                begin(&w, cases[i].entries, "");
                add_live(&w, cases[i].live);
                ts_deny_see_live(&w.deny, w.live);
                ts_deny_learn(&w.deny);
                t = &w.live->trusts[0];
                r = ts_deny_rule_member(&w.deny, t,
                                        cases[i].is_clone ? &t->clones.items[0] : &t->groups.items[0]);
                ck_assert_msg(r.is_denied == cases[i].is_denied, "%zu denied", i);
                ck_assert_msg(r.is_protected == cases[i].is_protected, "%zu protected", i);
        }
}
END_TEST

/* Which lists have to be read: u users, g groups, c clones. */
START_TEST(test_wants)
{
        static const struct {
                const char *entries, *trustee, *trustor;
        } cases[] = {
                { "", "", "" },
                { "deny joe@x", "uc", "uc" },
                { "deny-organization 2", "", "" },
                { "deny-organization 1", "", "ugc" },
                { "deny-organization 1; protect #4", "u", "ugc" },
                { "deny-organization 1; deny joe@x", "uc", "ugc" },
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(cases); i++) {
                for (enum ts_direction d = TS_TRUSTEE; d <= TS_TRUSTOR; d++) {
                        TS_CLEANUP(world_done) struct world w = { 0 };
                        struct ts_trust t = { .direction = d, .id = id_of(1) };
                        const char *expected = d == TS_TRUSTEE ? cases[i].trustee : cases[i].trustor;

                        begin(&w, cases[i].entries, "");
                        for (enum ts_collection c = 0; c < TS_COLLECTIONS; c++)
                                ck_assert_msg(ts_deny_wants(&w.policy, &t, c) ==
                                                              (strchr(expected, "ugc"[c]) != NULL),
                                              "%zu %u %u", i, (unsigned) d, (unsigned) c);
                }
        }
}
END_TEST

START_TEST(test_has_emails)
{
        TS_CLEANUP(world_done) struct world w = { 0 }, v = { 0 };

        begin(&w, "deny #4", "");
        ck_assert(!ts_deny_has_emails(&w.policy));
        begin(&v, "deny #4; deny joe@x", "");
        ck_assert(ts_deny_has_emails(&v.policy));
}
END_TEST

/* Declared members that resolve to somebody denied, also in a request of ours; groups are not people. */
START_TEST(test_mark)
{
        struct ts_decl_member decls[] = { { .kind = TS_KIND_USER, .key = "ann@x" },
                                          { .kind = TS_KIND_USER, .key = "joe@x" },
                                          { .kind = TS_KIND_USER, .key = "renamed@x" },
                                          { .kind = TS_KIND_GROUP, .key = "joe@x" },
                                          { .kind = TS_KIND_USER, .key = "bob@own" } };
        struct ts_member live = { .email = "joe@x" }, silent = { .email = NULL };
        struct ts_desired_member users[] = { { .decl = &decls[0], .live = &silent },
                                             { .decl = &decls[1] },
                                             { .decl = &decls[2], .live = &live },
                                             { .decl = &decls[3] } };
        struct ts_desired_member asked[] = { { .decl = &decls[4], .id = id_of(8) } };
        struct ts_decl_trust trusts[] = { { .direction = TS_TRUSTEE, .id = id_of(1) },
                                          { .direction = TS_TRUSTOR, .id = id_of(2) } };
        struct ts_desired_trust desired_trusts[] = {
                { .decl = &trusts[0], .users = { .items = users, .n = 4 } },
                { .decl = &trusts[1], .request_users = { .items = asked, .n = 1 } }
        };
        struct ts_desired expected = { .trusts = desired_trusts, .n_trusts = 2 };
        TS_CLEANUP(world_done) struct world w = { 0 };

        begin(&w, "deny joe@x; deny #8", "");
        ts_deny_mark(&w.deny, &expected);
        ck_assert(!users[0].denied);
        ck_assert(users[1].denied);
        ck_assert(users[2].denied);
        ck_assert(!users[3].denied);
        ck_assert(asked[0].denied);
}
END_TEST

/* ----------------------------------------------------------------------------- entries that match nothing */

static struct ts_decl_role declared_roles[] = { { .role = "Admin" } };
static struct ts_decl_role_set declared_sets[] = { { .name = "a", .roles = { declared_roles, 1 } } };
static struct ts_decl_member declared_users[] = { { .kind = TS_KIND_USER, .key = "jane@x" },
                                                  { .kind = TS_KIND_USER, .key = "ann@x" },
                                                  { .kind = TS_KIND_GROUP, .key = "jnae@x" } };
static struct ts_decl_member asked_users[] = { { .kind = TS_KIND_USER, .key = "bob@own" } };

static void declare(struct world *w)
{
        static struct ts_decl_trust trusts[2];

        declared_users[0].roles = (struct ts_decl_roles){ declared_roles, 1 };
        declared_users[1].id = id_of(5);
        trusts[0] = (struct ts_decl_trust){ .alias = "contoso", .id = id_of(1) };
        trusts[0].users = (struct ts_decl_members){ .managed = true, .items = declared_users, .n = 3 };
        trusts[1] = (struct ts_decl_trust){ .direction = TS_TRUSTOR, .alias = "globex", .id = id_of(2) };
        trusts[1].request.users = (struct ts_decl_members){ .managed = true, .items = asked_users, .n = 1 };
        w->decl = (struct ts_decl_organization){
                .role_sets = declared_sets, .n_role_sets = 1, .trusts = trusts, .n_trusts = 2
        };
}

static const struct {
        const char *name, *entries, *live, *messages;
} unmatched[] = {
        { "a declared key", "deny jane@x; protect ann@x; deny #5", "trust 1 on", "" },
        { "somebody live", "deny joe@x; protect #7", "trust 1 on; user 4 joe@x; user 7", "" },
        { "one of our own people who is asked for", "deny bob@own", "trust 1 on", "" },
        { "a misspelt address", "deny jnae@x", "trust 1 on", "10 deny.users jane@x\n" },
        { "a protected one", "protect jan@x", "trust 1 on", "10 protect.users jane@x\n" },
        { "never a live name", "deny leo@y", "trust 1 on; user 4 lea@y", "10 deny.users\n" },
        { "an id", "deny #6", "trust 1 on", "10 deny.users 0d000000-0000-0000-0000-000000000005\n" },
        { "roles by name and id", "deny-role Admin; deny-role #3; deny-role admin; deny-role #4",
          "trust 1 on; role 3 Admin", "12 deny.roles Admin\n13 deny.roles\n" },
        { "organizations that are live or declared",
          "deny-organization 3; deny-organization 2; protect-organization 1", "trust 3 on; trust 4 on", "" },
        { "and others", "deny-organization 4; protect-organization 9", "trust 3 on",
          "9 deny.organizations 0d000000-0000-0000-0000-000000000001\n"
          "0 protect.organizations 0d000000-0000-0000-0000-000000000001\n" },
        { "not when a list was not read", "deny nobody@z", "trust 1 on partial", "" },
        { "but the lists of others do not matter", "deny nobody@z", "trust 1 on; trustor 2 on partial",
          "10 deny.users\n" },
        { "nor when not all trusts are known", "deny nobody@z", "trust 1 on; unread", "" },
};

START_TEST(test_unmatched)
{
        TS_CLEANUP(world_done) struct world w = { 0 }, v = { 0 };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(10000);
        const struct ts_deny *denies[] = { &w.deny, &v.deny };
        const struct ts_decl_organization *decls[] = { &w.decl, NULL };

        begin(&w, unmatched[_i].entries, "");
        add_live(&w, unmatched[_i].live);
        declare(&w);
        begin(&v, unmatched[_i].entries, "");
        add_live(&v, "");
        ts_deny_see_live(&w.deny, w.live);
        ts_deny_match(&w.deny, w.live, &w.decl, NULL);
        ts_deny_match(&v.deny, v.live, NULL, &(struct ts_trust_filter){ 0 });
        ts_deny_report_unmatched(denies, decls, 2, plan);
        for (size_t i = 0; i < plan->n_messages; i++) {
                const char *text = plan->messages[i].text, *hint = strstr(text, "did you mean '");

                ts_buf_printf(&out, "%u %.*s", (unsigned) plan->messages[i].source.line,
                              (int) strcspn(text, " "), text);
                if (hint)
                        ts_buf_printf(&out, " %.*s", (int) strcspn(hint + 14, "'"), hint + 14);
                ts_buf_putc(&out, '\n');
        }
        ck_assert_msg(strcmp(ts_buf_text(&out), unmatched[_i].messages) == 0, "%s:\nwanted\n%sgot\n%s",
                      unmatched[_i].name, unmatched[_i].messages, ts_buf_text(&out));
}
END_TEST

START_TEST(test_unmatched_in_part)
{
        static const char *const one[] = { "contoso" };
        TS_CLEANUP(world_done) struct world w = { 0 };
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = ts_plan_new();
        const struct ts_deny *denies[] = { &w.deny };
        const struct ts_decl_organization *decls[] = { NULL };

        begin(&w, "deny nobody@z", "");
        add_live(&w, "trust 1 on");
        ts_deny_match(&w.deny, w.live, NULL, &(struct ts_trust_filter){ one, 1 });
        ts_deny_report_unmatched(denies, decls, 1, plan);
        ts_deny_report_unmatched(NULL, NULL, 0, plan);
        w.live->catalog.complete = false;
        ts_deny_match(&w.deny, w.live, NULL, NULL);
        ts_deny_report_unmatched(denies, decls, 1, plan);
        ck_assert_uint_eq(plan->n_messages, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("deny");
        TCase *t = tcase_create("deny");

        tcase_add_loop_test(t, test_accounts, 0, TS_N_ELEMENTS(accounts));
        tcase_add_test(t, test_is_changed);
        tcase_add_test(t, test_without_a_record);
        tcase_add_loop_test(t, test_plans, 0, TS_N_ELEMENTS(plans));
        tcase_add_test(t, test_names_and_scope);
        tcase_add_test(t, test_remove_by_key);
        tcase_add_test(t, test_members);
        tcase_add_test(t, test_wants);
        tcase_add_test(t, test_has_emails);
        tcase_add_test(t, test_mark);
        tcase_add_loop_test(t, test_unmatched, 0, TS_N_ELEMENTS(unmatched));
        tcase_add_test(t, test_unmatched_in_part);
        suite_add_tcase(suite, t);
        return run_suite(suite);
}
