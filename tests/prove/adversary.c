/*
 * adversary - those who are inside: a partner, a committer, whoever stands on the gateway
 *
 * They act between any two requests (the partner), between cycles (the committer), on answers (the gateway),
 * while a ledger watches who is in and what is taken away. The first trust's partner does nothing: its
 * declarations change within the limits all the time, and whatever the others do, it is as declared after
 * each cycle.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger.h"
#include "prove.h"

#define TEXT_MAX_BYTES ((size_t) 1024 * 1024)
#define TRUSTS 4u
#define PEOPLE 14u
#define DECLARED_AT_FIRST 6u
#define GROUPS 2u
#define ROLES 4u
#define CYCLES 7u
#define REMOVALS_PER_CYCLE 6
#define REMOVALS_PER_DAY 9
#define TRUST_REMOVALS_PER_DAY 2

#define HOST_ID "ee000000-0000-4000-8000-000000000001"
#define DEAD_URL "http://127.0.0.1:2"
#define PAIRINGS 4 /* more are asked for only by who forgets that he did */

/* Denied by e-mail, by id; protected by e-mail. */
#define DENIED_TRUST 1u
#define DENIED_USER 7u
#define DENIED_ID_TRUST 2u
#define DENIED_ID_USER 8u
#define PROTECTED_TRUST 3u
#define PROTECTED_USER 5u

enum key {
        KEY_EMAIL_AND_ID,
        KEY_ID,
        KEY_EMAIL,
        KEY_MAX_,
};

struct person {
        bool declared;
        enum key key;
        unsigned roles; /* bits */
        int64_t until;  /* 0: none */
};

struct partner {
        struct person people[PEOPLE];
        bool in_file, users_managed, absent;
        int enabled;     /* -1: left out */
        int64_t expires; /* -1: left out, 0: never */
};

/* How nothing comes from the second organization. */
enum death {
        DEATH_NONE, /* there is none */
        DEATH_REFUSED,
        DEATH_BLACK_HOLE,
        DEATH_SILENT,
        DEATH_REVOKED,
        DEATH_MAX_,
};

struct inside {
        struct prove *prove;
        struct harness harness;
        struct ledger ledger;
        struct partner partners[TRUSTS];
        uint64_t seed, random;
        unsigned partner_percent; /* per request */
        bool has_committer, has_gateway;
        bool deny_hindered, hindered; /* by the gateway, in this cycle */
        bool hides_members;           /* and then nobody can know who is protected */
        enum death death;             /* of the second organization */
        bool asks;                    /* for a trust, at somebody who never grants one */
        unsigned n_addresses;         /* that were invented */
};

/* ------------------------------------------------------------------------------------------------- names */

struct name {
        char s[64];
};

static struct name trust_id(unsigned t)
{
        struct name n;

        (void) snprintf(n.s, sizeof(n.s), "aa%06x-0000-4000-8000-000000000001", t);
        return n;
}

static struct name user_id(unsigned t, unsigned u)
{
        struct name n;

        (void) snprintf(n.s, sizeof(n.s), "bb%06x-0000-4000-8000-%012x", t, u);
        return n;
}

static struct name group_id(unsigned t, unsigned g)
{
        struct name n;

        (void) snprintf(n.s, sizeof(n.s), "cc%06x-0000-4000-8000-%012x", t, g);
        return n;
}

static struct name email(unsigned t, unsigned u)
{
        struct name n;

        (void) snprintf(n.s, sizeof(n.s), "user%u@partner%u.example", u, t);
        return n;
}

static unsigned below(struct inside *in, unsigned n)
{
        return (unsigned) (scenario_random(&in->random) % n);
}

static bool chance(struct inside *in, unsigned percent)
{
        return scenario_chance(&in->random, percent);
}

static int64_t now_of(struct inside *in)
{
        return in->harness.server_clock.realtime(in->harness.server_clock.userdata);
}

/* -------------------------------------------------------------------------------------------------- texts */

static void put_grants(struct ts_buf *out, unsigned roles)
{
        bool first = true;

        ts_buf_puts(out, "\"grants\":[");
        for (unsigned r = 0; r < ROLES; r++) {
                if (!(roles & 1u << r))
                        continue;
                ts_buf_printf(out, "%s[\"Role %u\",\"*\"]", first ? "" : ",", r);
                first = false;
        }
        ts_buf_puts(out, "]");
}

static void put_fixture(struct ts_buf *out, const struct inside *in)
{
        ts_buf_puts(out, "{\"limits\":{\"users_per_trust\":1000,\"clones\":100},\"organizations\":[{\"id\":"
                         "\"" PROVE_ORGANIZATION_ID
                         "\",\"name\":\"Acme\",\"clients\":[{\"id\":\"prove\",\"secret\":\"no-secret\"}],"
                         "\"users\":[{\"email\":\"ann@acme.example\",\"name\":\"Ann\"}],\"divisions\":["
                         "\"Home\"],\"roles\":[\"Role 0\",\"Role 1\",\"Role 2\",\"Role 3\"],"
                         "\"trustees\":[");
        for (unsigned t = 0; t < TRUSTS; t++) {
                bool first = true;

                ts_buf_printf(out, "%s{\"id\":\"%s\",\"name\":\"Partner %u\",\"users\":[", t > 0 ? "," : "",
                              trust_id(t).s, t);
                for (unsigned u = 0; u < PEOPLE; u++) {
                        bool is_denied = t == DENIED_TRUST && u == DENIED_USER;

                        if (!in->partners[t].people[u].declared && !is_denied)
                                continue;
                        ts_buf_printf(out, "%s{\"id\":\"%s\",\"email\":\"%s\",", first ? "" : ",",
                                      user_id(t, u).s, email(t, u).s);
                        put_grants(out, in->partners[t].people[u].roles);
                        ts_buf_puts(out, "}");
                        first = false;
                }
                ts_buf_puts(out, "]}");
        }
        ts_buf_puts(out, "]}");
        for (unsigned t = 0; t < TRUSTS; t++) {
                ts_buf_printf(out, ",{\"id\":\"%s\",\"name\":\"Partner %u\",\"users\":[", trust_id(t).s, t);
                for (unsigned u = 0; u < PEOPLE; u++)
                        ts_buf_printf(out, "%s{\"id\":\"%s\",\"email\":\"%s\",\"name\":\"User %u\"}",
                                      u > 0 ? "," : "", user_id(t, u).s, email(t, u).s, u);
                ts_buf_puts(out, "],\"groups\":[");
                for (unsigned g = 0; g < GROUPS; g++)
                        ts_buf_printf(out, "%s{\"id\":\"%s\",\"name\":\"Group %u\"}", g > 0 ? "," : "",
                                      group_id(t, g).s, g);
                ts_buf_puts(out, "]}");
        }
        ts_buf_puts(out, ",{\"id\":\"" HOST_ID "\",\"name\":\"Host\"}]}");
}

static void put_person_yaml(struct ts_buf *out, unsigned t, unsigned u, const struct person *p)
{
        ts_buf_printf(out, "      \"%s\":\n", p->key == KEY_ID ? user_id(t, u).s : email(t, u).s);
        if (p->key == KEY_EMAIL_AND_ID)
                ts_buf_printf(out, "        id: \"%s\"\n", user_id(t, u).s);
        if (p->until > 0)
                ts_buf_printf(out, "        until: %s\n", ts_time_format(p->until).s);
        ts_buf_puts(out, p->roles == 0 ? "        roles: {}\n" : "        roles:\n");
        for (unsigned r = 0; r < ROLES; r++)
                if (p->roles & 1u << r)
                        ts_buf_printf(out, "          \"Role %u\": all\n", r);
}

static void put_declarations(struct ts_buf *out, const struct inside *in)
{
        ts_buf_puts(out, "version: 1\norganization: acme\ntrustees:\n");
        for (unsigned t = 0; t < TRUSTS; t++) {
                const struct partner *p = &in->partners[t];
                unsigned n = 0;

                if (!p->in_file)
                        continue;
                ts_buf_printf(out, "  partner%u:\n    id: \"%s\"\n", t, trust_id(t).s);
                if (p->absent) {
                        ts_buf_puts(out, "    state: absent\n");
                        continue;
                }
                if (p->enabled >= 0)
                        ts_buf_printf(out, "    enabled: %s\n", p->enabled ? "true" : "false");
                if (p->expires >= 0)
                        ts_buf_printf(out, "    expires: %s\n",
                                      ts_time_format(p->expires == 0 ? TS_TIME_NEVER : p->expires).s);
                ts_buf_puts(out, "    groups: {}\n    clones: []\n");
                for (unsigned u = 0; u < PEOPLE; u++)
                        n += p->people[u].declared;
                if (p->users_managed)
                        ts_buf_puts(out, n > 0 ? "    users:\n" : "    users: {}\n");
                for (unsigned u = 0; p->users_managed && u < PEOPLE; u++)
                        if (p->people[u].declared)
                                put_person_yaml(out, t, u, &p->people[u]);
        }
        if (in->asks)
                ts_buf_puts(out, "trustors:\n  host:\n    id: \"" HOST_ID
                                 "\"\n    request:\n      users: [ann@acme.example]\n");
}

static void put_settings(struct ts_buf *out, const struct inside *in)
{
        ts_buf_puts(out, "version: 1\norganizations:\n  acme:\n    api_url: http://127.0.0.1:1\n"
                         "    login_url: http://127.0.0.1:1\n    id: \"" PROVE_ORGANIZATION_ID
                         "\"\n    client_id: prove\n    client_secret: credential:acme\n    mode: enforce\n");
        if (in->death != DEATH_NONE)
                ts_buf_puts(out, "  globex:\n    api_url: " DEAD_URL "\n    login_url: " DEAD_URL
                                 "\n    id: \"ac3e0000-0000-4000-8000-000000000002\"\n    client_id: nobody\n"
                                 "    client_secret: credential:acme\n    mode: enforce\n");
        ts_buf_printf(out,
                      "limits:\n  removals_per_cycle: %d\n  removals_per_day: %d\n"
                      "  trust_removals_per_day: %d\n  removals_percent: 100\n  users_per_trust: 1000\n"
                      "protect:\n  users: [\"%s\"]\ndeny:\n  users: [\"%s\", \"%s\"]\n"
                      "http:\n  requests_per_minute: 100000\n",
                      REMOVALS_PER_CYCLE, REMOVALS_PER_DAY, TRUST_REMOVALS_PER_DAY,
                      email(PROTECTED_TRUST, PROTECTED_USER).s, email(DENIED_TRUST, DENIED_USER).s,
                      user_id(DENIED_ID_TRUST, DENIED_ID_USER).s);
}

static void put_trust_invariants(struct ts_buf *out, unsigned t, const struct partner *p, int64_t now)
{
        bool first = true;

        ts_buf_printf(out, "{\"id\":\"%s\",\"absent\":%s", trust_id(t).s, p->absent ? "true" : "false");
        if (p->enabled >= 0)
                ts_buf_printf(out, ",\"enabled\":%s", p->enabled ? "true" : "false");
        if (p->expires >= 0)
                ts_buf_printf(out, ",\"expires\":\"%s\"",
                              ts_time_format(p->expires == 0 ? TS_TIME_NEVER : p->expires).s);
        ts_buf_puts(out, ",\"groups\":[],\"clones\":[]");
        if (p->users_managed) {
                ts_buf_puts(out, ",\"users\":[");
                for (unsigned u = 0; u < PEOPLE; u++) {
                        if (!p->people[u].declared || (p->people[u].until > 0 && p->people[u].until <= now))
                                continue;
                        ts_buf_printf(out, "%s{\"id\":\"%s\",", first ? "" : ",", user_id(t, u).s);
                        put_grants(out, p->people[u].roles);
                        ts_buf_puts(out, "}");
                        first = false;
                }
                ts_buf_puts(out, "]");
        }
        ts_buf_puts(out, "}");
}

static void put_invariants(struct ts_buf *out, const struct inside *in, int64_t now)
{
        /* where the list of members lies, nobody can know that somebody protected is in */
        struct name is_protected = in->hides_members ? trust_id(PROTECTED_TRUST)
                                                     : user_id(PROTECTED_TRUST, PROTECTED_USER);
        bool first = true;

        ts_buf_puts(out, "{\"organizations\":[{\"organization\":\"Acme\",\"trusts\":[");
        for (unsigned t = 0; t < TRUSTS; t++) {
                if (!in->partners[t].in_file)
                        continue;
                if (!first)
                        ts_buf_puts(out, ",");
                put_trust_invariants(out, t, &in->partners[t], now);
                first = false;
        }
        ts_buf_printf(out,
                      "],\"trustors\":[{\"id\":\"" HOST_ID
                      "\",\"users\":[\"ann@acme.example\"]}]}],\"limits\":{\"pairings\":%d},\"protected\":{"
                      "\"users\":[\"%s\"]},\"denied\":{\"users\":[\"%s\",\"%s\"",
                      PAIRINGS, is_protected.s, user_id(DENIED_ID_TRUST, DENIED_ID_USER).s,
                      email(DENIED_TRUST, DENIED_USER).s);
        /* whoever had the denied address once; nobody of them is ever declared */
        for (unsigned u = DECLARED_AT_FIRST; u < PEOPLE; u++)
                ts_buf_printf(out, ",\"%s\"", user_id(DENIED_TRUST, u).s);
        ts_buf_puts(out, "]},\"delete_after\":86400,\"expires_step\":60}");
}

static void write_declarations(struct inside *in, struct scenario *s, int64_t now)
{
        ts_buf_reset(&s->declarations);
        ts_buf_reset(&s->invariants);
        put_declarations(&s->declarations, in);
        put_invariants(&s->invariants, in, now);
}

/* ----------------------------------------------------------------------------------- what the ledger asks */

static bool find_place(const struct inside *in, const struct ts_world_party *party, size_t slot,
                       unsigned *ret_t, unsigned *ret_u)
{
        for (unsigned t = 0; t < TRUSTS; t++) {
                struct ts_id id;

                if (!ts_id_parse_string(trust_id(t).s, &id) ||
                    !ts_id_equal(&id, &in->ledger.org->slots[slot].trustee->id))
                        continue;
                *ret_t = t;
                *ret_u = PEOPLE;
                for (unsigned u = 0; party->kind == TS_WORLD_USER && u < PEOPLE; u++)
                        if (ts_id_parse_string(user_id(t, u).s, &id) && ts_id_equal(&id, &party->id))
                                *ret_u = u;
                return true;
        }
        return false;
}

static struct ledger_wish wish_of(size_t slot, enum ledger_kind kind, const struct ts_world_party *party,
                                  unsigned *ret_roles, void *userdata)
{
        struct inside *in = userdata;
        struct ledger_wish w = { 0 };
        const struct person *person;
        const struct partner *p;
        unsigned t, u;

        if (!find_place(in, party, slot, &t, &u))
                return w;
        p = &in->partners[t];
        w.managed = p->in_file && !p->absent && (kind != LEDGER_USER || p->users_managed);
        if (u == PEOPLE)
                return w;
        w.denied = (t == DENIED_TRUST && u == DENIED_USER) || (t == DENIED_ID_TRUST && u == DENIED_ID_USER);
        w.is_protected = t == PROTECTED_TRUST && u == PROTECTED_USER;
        if (kind == LEDGER_CLONE)
                return w;
        person = &p->people[u];
        w.until = person->until;
        w.declared = w.managed && person->declared && (w.until == 0 || w.until > now_of(in));
        if (ret_roles && w.declared)
                *ret_roles = person->roles;
        return w;
}

/* -------------------------------------------------------------------------------------------- the partner */

static bool edit(struct inside *in, const struct ts_buf *text)
{
        bool done = harness_edit(&in->harness, ts_buf_text(text), text->len);

        in->prove->n_edits += done;
        ledger_scan(&in->ledger, LEDGER_OTHER, now_of(in));
        return done;
}

static void do_to_member(struct inside *in, unsigned t, const char *what, const char *kind, const char *id)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);

        ts_buf_printf(&text, "{\"organization\":\"Acme\",\"trust\":\"%s\",\"do\":\"%s\",\"%s\":\"%s\"}",
                      trust_id(t).s, what, kind, id);
        (void) edit(in, &text);
}

static void join(struct inside *in, unsigned t, unsigned u)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);

        ts_buf_printf(&text,
                      "{\"organization\":\"Acme\",\"trust\":\"%s\",\"do\":\"add_member\",\"user\":{\"id\":"
                      "\"%s\",",
                      trust_id(t).s, user_id(t, u).s);
        put_grants(&text, below(in, 1u << ROLES));
        ts_buf_puts(&text, "}}");
        (void) edit(in, &text);
}

static void rename_user(struct inside *in, unsigned t, unsigned u, const char *address)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);

        ts_buf_printf(&text,
                      "{\"organization\":\"Partner "
                      "%u\",\"do\":\"set_user\",\"user\":\"%s\",\"email\":\"%s\"}",
                      t, user_id(t, u).s, address);
        (void) edit(in, &text);
}

static const char *address_of(struct inside *in, unsigned t, unsigned u)
{
        struct ts_id id;
        const struct ts_world_party *p;

        if (!ts_id_parse_string(user_id(t, u).s, &id))
                return "";
        p = ts_world_find_party(in->ledger.world, TS_WORLD_USER, &id);
        return p && p->email ? p->email : "";
}

/* Nobody who is declared is given the denied address: that would be a way to have him thrown out. */
static void swap_addresses(struct inside *in, unsigned t, unsigned a, unsigned b)
{
        struct name first, second;

        if (t == DENIED_TRUST && (a < DECLARED_AT_FIRST || b < DECLARED_AT_FIRST) !=
                                                 (a < DECLARED_AT_FIRST && b < DECLARED_AT_FIRST))
                return;
        (void) snprintf(first.s, sizeof(first.s), "%s", address_of(in, t, a));
        (void) snprintf(second.s, sizeof(second.s), "%s", address_of(in, t, b));
        rename_user(in, t, a, second.s);
        rename_user(in, t, b, first.s);
}

static void set_state(struct inside *in, unsigned t, unsigned u, const char *state)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);

        ts_buf_printf(&text,
                      "{\"organization\":\"Partner "
                      "%u\",\"do\":\"set_user\",\"user\":\"%s\",\"state\":\"%s\"}",
                      t, user_id(t, u).s, state);
        (void) edit(in, &text);
}

static void join_group(struct inside *in, unsigned t)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);

        ts_buf_printf(&text,
                      "{\"organization\":\"Acme\",\"trust\":\"%s\",\"do\":\"add_member\",\"group\":{\"id\":"
                      "\"%s\",\"grants\":[]}}",
                      trust_id(t).s, group_id(t, below(in, GROUPS)).s);
        (void) edit(in, &text);
}

/* One move of one partner, but for the first one. */
static void partner_acts(struct inside *in)
{
        unsigned t = 1 + below(in, TRUSTS - 1), u = below(in, PEOPLE), v = below(in, PEOPLE);
        struct name fresh;

        if (chance(in, 30)) { /* those that matter most */
                t = chance(in, 50) ? DENIED_TRUST : DENIED_ID_TRUST;
                u = t == DENIED_TRUST ? DENIED_USER : DENIED_ID_USER;
        }
        switch (below(in, 10)) {
        case 0:
        case 1:
                join(in, t, u);
                break;
        case 2:
                do_to_member(in, t, "remove_member", "user", user_id(t, u).s);
                break;
        case 3:
                do_to_member(in, t, "remove_member", "user", user_id(t, u).s);
                join(in, t, u);
                break;
        case 4:
                (void) snprintf(fresh.s, sizeof(fresh.s), "new%u@partner%u.example", in->n_addresses++, t);
                rename_user(in, t, u, fresh.s);
                break;
        case 5:
                swap_addresses(in, t, u, v);
                break;
        case 6:
                set_state(in, t, u, chance(in, 50) ? "active" : chance(in, 50) ? "inactive" : "deleted");
                break;
        case 7:
                do_to_member(in, t, "add_clone", "user", user_id(t, u).s);
                break;
        case 8:
                join_group(in, t);
                break;
        default:
                for (unsigned n = 0; n < 4; n++)
                        join(in, t, below(in, PEOPLE));
        }
}

static void be_dead(const struct inside *in, struct ts_sim_exchange *e)
{
        static const enum ts_sim_action actions[DEATH_MAX_] = {
                [DEATH_REFUSED] = TS_SIM_REFUSE,
                [DEATH_BLACK_HOLE] = TS_SIM_REFUSE,
                [DEATH_SILENT] = TS_SIM_LOSE_BEFORE,
                [DEATH_REVOKED] = TS_SIM_PASS, /* and the simulator knows no such client */
        };

        e->action = actions[in->death];
        if (in->death == DEATH_BLACK_HOLE || in->death == DEATH_SILENT)
                e->answer_delay_usec = e->request->timeout_usec;
}

static void on_request(struct harness *h, struct ts_sim_exchange *e, void *userdata)
{
        struct inside *in = userdata;

        if (strncmp(e->request->url, DEAD_URL "/", strlen(DEAD_URL "/")) == 0)
                be_dead(in, e);
        ledger_scan(&in->ledger, LEDGER_CLIENT, now_of(in));
        if (h->faults && chance(in, in->partner_percent))
                partner_acts(in);
}

/* ------------------------------------------------------------------------------------------ the committer */

/* The first partner's: one person more or less. */
static void commit_reviewed(struct inside *in)
{
        struct person *p = &in->partners[0].people[below(in, PEOPLE)];

        p->declared = !p->declared;
        p->key = KEY_ID;
        p->until = 0;
        p->roles = 1 + below(in, (1u << ROLES) - 1);
}

static void commit_on_person(struct inside *in, unsigned t)
{
        struct person *p = &in->partners[t].people[below(in, DECLARED_AT_FIRST)];
        int64_t now = now_of(in);

        switch (below(in, 4)) {
        case 0:
                p->declared = !p->declared;
                p->key = p->declared ? KEY_ID : p->key;
                break;
        case 1:
                p->roles = below(in, 1u << ROLES);
                break;
        case 2:
                p->until = chance(in, 50) ? 0 : now - 1000;
                break;
        default:
                p->until = now + 600;
        }
}

/* What goes out of the declarations is written by ids when it comes back: what its e-mails meant is
 * forgotten, and they may be somebody else's by then. */
static void take_out(struct partner *p, bool *what)
{
        *what = !*what;
        for (unsigned u = 0; u < PEOPLE; u++)
                if (p->people[u].key == KEY_EMAIL)
                        p->people[u].key = KEY_ID;
}

static void commit_wildly(struct inside *in)
{
        unsigned t = 1 + below(in, TRUSTS - 1);
        struct partner *p = &in->partners[t];
        int64_t now = now_of(in);

        switch (below(in, 12)) {
        case 0:
                for (unsigned u = 0; u < DECLARED_AT_FIRST; u++)
                        p->people[u].until = now - 1000;
                break;
        case 1:
                for (unsigned u = 0; u < DECLARED_AT_FIRST; u++)
                        p->people[u].until = now + 600;
                break;
        case 2:
                p->expires = chance(in, 50) ? now - 1000 : now + 8;
                break;
        case 3:
                p->expires = chance(in, 50) ? 0 : now + 86400 * 30;
                break;
        case 4:
                take_out(p, &p->users_managed);
                break;
        case 5:
                take_out(p, &p->in_file);
                break;
        case 6:
                p->enabled = (int) below(in, 3) - 1;
                break;
        case 7:
                take_out(p, &p->absent);
                break;
        case 8: /* all ends in a few seconds */
                for (unsigned i = 1; i < TRUSTS; i++)
                        in->partners[i].expires = now + 8;
                break;
        default:
                commit_on_person(in, t);
        }
}

static void commit(struct inside *in)
{
        if (chance(in, 80))
                commit_reviewed(in);
        for (unsigned n = below(in, 3); in->has_committer && n > 0; n--)
                commit_wildly(in);
        write_declarations(in, &in->harness.scenario, now_of(in));
        harness_declare(&in->harness);
        ledger_redeclare(&in->ledger);
}

/* -------------------------------------------------------------------------------------------- the gateway */

#define MATCH(method, path, what) \
        "[{\"match\":{\"method\":\"" method "\",\"path\":\"/api/v2/" path "\"}," what "}]"

static const struct {
        const char *script;
        bool spares_deny; /* what `deny` needs is answered as it is */
} gateways[] = {
        { MATCH("GET", "authorization/roles/*/subjectgrants", "\"status\":500"), true },
        { MATCH("GET", "authorization/roles/*/subjectgrants", "\"status\":403"), true },
        { MATCH("GET", "authorization/roles/*/subjectgrants", "\"wrong_total\":1"), true },
        { MATCH("GET", "authorization/roles/*/subjectgrants", "\"empty_list\":true"), true },
        { MATCH("GET", "authorization/subjects/*", "\"status\":500"), true },
        { MATCH("GET", "authorization/roles", "\"status\":500"), true },
        { MATCH("GET", "authorization/divisions", "\"status\":503"), true },
        { MATCH("GET", "authorization/divisions", "\"wrong_total\":-1"), true },
        { MATCH("GET", "orgauthorization/trustees/*/groups", "\"status\":500"), true },
        { MATCH("GET", "orgauthorization/trustees/*/users/*/roles", "\"status\":500"), true },
        { MATCH("GET", "orgauthorization/trustees/*/users", "\"spoil\":\"name\",\"text\":\"\\\\ud83d\""),
          true },
        { MATCH("GET", "orgauthorization/trustees/*/users", "\"spoil\":\"name\",\"text\":\"\\\\u0000\""),
          true },
        { MATCH("GET", "orgauthorization/trustees/*/users", "\"wrong_total\":1"), true },
        { MATCH("GET", "orgauthorization/trustees/*/users", "\"empty_list\":true"), false },
        { MATCH("GET", "orgauthorization/trustees/*/users", "\"swap_id\":true"), false },
        { MATCH("GET", "orgauthorization/trustees/*/users/*", "\"status\":404,\"for_ms\":3000"), false },
        { MATCH("GET", "orgauthorization/trustees", "\"wrong_total\":1"), true },
        { MATCH("DELETE", "orgauthorization/*", "\"ignored\":true"), false },
        { MATCH("PUT", "orgauthorization/*", "\"ignored\":true"), true },
        { MATCH("POST", "orgauthorization/*", "\"ignored\":true"), true },
        { MATCH("PUT", "orgauthorization/*", "\"expires_step\":60"), true },
        { MATCH("PUT", "orgauthorization/trustees/*/users/*", "\"status\":500"), true },
        { MATCH("PUT", "orgauthorization/trustees/*/users/*", "\"status\":404"), true },
        { MATCH("GET", "orgauthorization/trustees/*", "\"stale\":4"), false },
};

static void choose_gateway(struct inside *in)
{
        size_t i = below(in, TS_N_ELEMENTS(gateways));
        struct ts_err err = { 0 };

        if (in->hindered && chance(in, 50))
                return; /* the one before stays */
        if (ts_simulator_set_faults(in->harness.sim, gateways[i].script, strlen(gateways[i].script), &err) <
            0)
                prove_fail(in->prove, in->seed, err.msg);
        in->hindered = true;
        in->deny_hindered = !gateways[i].spares_deny;
        in->hides_members = strstr(gateways[i].script, "empty_list") || strstr(gateways[i].script, "swap_id");
        if (in->prove->is_verbose)
                fprintf(stderr, "prove: gateway: %s\n", gateways[i].script);
}

/* ----------------------------------------------------------------------------------------------- judging */

static _Noreturn void fail_of(struct inside *in, const char *what, const struct ledger_entry *e)
{
        const char *note = "nothing was planned";
        char text[512];

        for (size_t i = 0; i < in->harness.n_changes; i++)
                if (ts_id_equal(&in->harness.changes[i].subject, &e->party->id))
                        note = in->harness.changes[i].note[0] ? in->harness.changes[i].note
                                                              : "planned, without a note";
        (void) snprintf(text, sizeof(text), "%s: %s %s of trust %zu, in since cycle %u, now %u (%s)", what,
                        e->kind == LEDGER_CLONE ? "the clone of" : "", ts_id_format(&e->party->id).s, e->slot,
                        e->since, in->ledger.cycle, note);
        prove_fail(in->prove, in->seed, text);
}

/* A limit keeps the drift of this trust back: as it should be. */
static bool is_over_limit(const struct inside *in, size_t slot)
{
        for (size_t i = 0; i < in->harness.n_changes; i++)
                if (in->harness.changes[i].result == TS_HELD &&
                    strstr(in->harness.changes[i].note, "limit") &&
                    ts_id_equal(&in->harness.changes[i].trust, &in->ledger.org->slots[slot].trustee->id))
                        return true;
        return false;
}

/* Something of the plan concerns him: it is known, and told. */
static bool is_explained(const struct inside *in, const struct ledger_entry *e)
{
        for (size_t i = 0; i < in->harness.n_changes; i++) {
                const struct harness_change *c = &in->harness.changes[i];

                if (c->result != TS_APPLIED && ts_id_equal(&c->subject, &e->party->id))
                        return true;
        }
        return false;
}

/* Of @slot, or of all (SIZE_MAX): nothing is otherwise than declared. */
static void check_declared(struct inside *in, size_t slot, bool may_be_explained, const char *what)
{
        for (size_t i = 0; i < in->ledger.n_entries; i++) {
                const struct ledger_entry *e = &in->ledger.entries[i];
                const char *how = ledger_differs(&in->ledger, e);

                if (how && (slot == SIZE_MAX || e->slot == slot) &&
                    !(may_be_explained && is_explained(in, e)))
                        fail_of(in, ts_arena_printf(&in->prove->arena, "%s (%s)", what, how), e);
        }
}

static const char *note_on(const struct inside *in, const struct ledger_entry *e)
{
        for (size_t i = 0; i < in->harness.n_changes; i++)
                if (in->harness.changes[i].result != TS_APPLIED &&
                    ts_id_equal(&in->harness.changes[i].subject, &e->party->id))
                        return in->harness.changes[i].note;
        return "";
}

/* May somebody undeclared stay for the time being? Over a limit; a clone of nobody knows whom, which may be
 * that of somebody protected; whoever took the address that is a key. */
static bool may_stay(const struct inside *in, const struct ledger_entry *e)
{
        return is_over_limit(in, e->slot) || (e->kind == LEDGER_CLONE && is_explained(in, e)) ||
               strstr(note_on(in, e), "neither is written");
}

static void check_cycle(struct inside *in, const struct outcome *o)
{
        const struct ledger_entry *e;

        if (in->ledger.broken[0])
                prove_fail(in->prove, in->seed, in->ledger.broken);
        if (in->death != DEATH_NONE && o->status == 0)
                prove_fail(in->prove, in->seed, "an organization is dead, and nothing says so");
        e = in->deny_hindered ? NULL : ledger_find_overdue(&in->ledger, true);
        if (e)
                fail_of(in, "somebody denied was in for longer than a cycle", e);
        if (in->hindered || o->refused)
                return;
        e = ledger_find_overdue(&in->ledger, false);
        if (e && !may_stay(in, e))
                fail_of(in, "somebody undeclared was in for longer than two cycles", e);
        check_declared(in, 0, in->has_gateway, "a partner kept another one's change back");
}

static struct outcome one_cycle(struct inside *in)
{
        struct outcome o;

        /* what ended since is not declared any more */
        write_declarations(in, &in->harness.scenario, now_of(in));
        harness_declare(&in->harness);
        o = prove_cycle(in->prove, &in->harness, 0, in->seed);
        ledger_scan(&in->ledger, LEDGER_CLIENT, now_of(in));
        check_cycle(in, &o);
        ledger_end_cycle(&in->ledger, in->deny_hindered, in->hindered || o.refused);
        return o;
}

/* A record that cannot be read, or that a newer version wrote: it stays as it is, and nothing that it counts
 * is done. */
static void cycle_without_record(struct inside *in)
{
        static const char *const records[] = { "", "trustsyncd-state 2\nrubbish\n", "trustsyncd-state 99\n" };
        const char *text = records[below(in, TS_N_ELEMENTS(records))];
        uint64_t n_removals = in->ledger.n_removals;
        bool deny_hindered = in->deny_hindered, hindered = in->hindered;

        harness_damage_record(&in->harness, text, strlen(text));
        in->deny_hindered = in->hindered = true;
        (void) one_cycle(in);
        if (!harness_record_is(&in->harness, text, strlen(text)))
                prove_fail(in->prove, in->seed, "a record that could not be read was overwritten");
        if (in->ledger.n_removals != n_removals)
                prove_fail(in->prove, in->seed, "without the day's record something was removed");
        harness_damage_record(&in->harness, NULL, 0);
        in->deny_hindered = deny_hindered;
        in->hindered = hindered;
        in->prove->n_damaged++;
}

static void let_time_pass(struct inside *in, uint64_t seconds)
{
        struct ts_virtual_clock *clock = &in->harness.clock;

        ts_virtual_clock_advance_to(clock, clock->boottime_usec + seconds * TS_USEC_PER_SEC);
        ledger_scan(&in->ledger, LEDGER_OTHER, now_of(in));
}

/* ---------------------------------------------------------------------------------------------- a harness */

static void invent(struct inside *in)
{
        for (unsigned t = 0; t < TRUSTS; t++) {
                struct partner *p = &in->partners[t];

                *p = (struct partner){ .in_file = true, .users_managed = true, .enabled = -1, .expires = -1 };
                for (unsigned u = 0; u < DECLARED_AT_FIRST; u++)
                        p->people[u] = (struct person){ .declared = true,
                                                        .key = below(in, KEY_MAX_),
                                                        .roles = below(in, 1u << ROLES) };
        }
}

static void open_harness(struct inside *in)
{
        struct scenario s = { .fixture = TS_BUF_INIT(TEXT_MAX_BYTES),
                              .declarations = TS_BUF_INIT(TEXT_MAX_BYTES),
                              .settings = TS_BUF_INIT(TEXT_MAX_BYTES),
                              .invariants = TS_BUF_INIT(TEXT_MAX_BYTES) };

        put_fixture(&s.fixture, in);
        put_settings(&s.settings, in);
        if (in->death != DEATH_NONE)
                s.globex = "version: 1\norganization: globex\ntrustees: {}\n";
        write_declarations(in, &s, PROVE_STARTED);
        harness_open(&in->harness, HARNESS_ALONE, &s, in->seed);
        in->harness.before = on_request;
        in->harness.userdata = in;
        in->harness.watches = true;
        ledger_init(&in->ledger, in->harness.sim, "Acme", wish_of, in, now_of(in));
        in->ledger.max_removals = REMOVALS_PER_DAY;
        in->ledger.max_trust_removals = TRUST_REMOVALS_PER_DAY;
}

/* All is as declared and nobody touches it: it is said, and nothing else is said while it is not. */
static void check_green(struct inside *in)
{
        struct outcome o = { 0 };

        in->harness.faults = in->hindered = in->deny_hindered = in->hides_members = false;
        if (ts_simulator_set_faults(in->harness.sim, "[]", 2, &(struct ts_err){ 0 }) < 0)
                prove_fail(in->prove, in->seed, "no faults are a fault");
        for (unsigned n = 0; n < 3; n++) {
                let_time_pass(in, 900);
                o = one_cycle(in);
        }
        if (o.status != 0)
                return;
        in->prove->n_converged++;
        check_declared(in, SIZE_MAX, true, "all is well, it says, and somebody is not as declared");
}

static void run_inside(struct prove *p, uint64_t seed)
{
        struct inside in = { .prove = p, .seed = seed, .random = seed ^ 0xadd1c7 };

        invent(&in);
        in.partner_percent = seed % 4 == 3 ? 0 : 2 + below(&in, 40);
        in.has_committer = seed % 4 == 1 || seed % 4 == 3;
        in.has_gateway = seed % 4 == 2 || seed % 12 == 3;
        in.death = chance(&in, 70) ? DEATH_NONE : below(&in, DEATH_MAX_);
        in.asks = chance(&in, 50);
        open_harness(&in);
        in.harness.faults = false;
        (void) one_cycle(&in);
        for (unsigned n = 0; n < CYCLES; n++) {
                let_time_pass(&in, chance(&in, 50) ? 0 : 3600 + below(&in, 30000));
                commit(&in);
                if (chance(&in, 50))
                        let_time_pass(&in, 700);
                if (in.has_gateway)
                        choose_gateway(&in);
                in.harness.faults = true;
                if (chance(&in, 8))
                        cycle_without_record(&in);
                (void) one_cycle(&in);
        }
        check_green(&in);
        ledger_done(&in.ledger);
        harness_done(&in.harness);
}

void suite_adversaries(struct prove *p)
{
        for (uint64_t i = 0; i < p->n_runs; i++)
                run_inside(p, p->seed + i);
        printf("adversaries: %" PRIu64 " worlds, %" PRIu64 " cycles with a damaged record\n", p->n_runs,
               p->n_damaged);
}
