/*
 * Plans carried out against a small API with a state, which fails, changes hands and is slow as a case says.
 *
 * Everything is text. Names: t1 a trustee, o1 a trustor, u1 a user, g1 a group, c1 a clone; r1d2 role 1 in
 * division 2, r1* in all. A state is "t1 on u1=r1d1,r2* u2=; t2 off". A request is "PUT
 * T/t1/users/u1/roledivisions", with T, R, S and P for trustees, trustors, subjects and pairings.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake-api.h"
#include "genesys/apply.h"
#include "suite.h"
#include "util/limits.h"
#include "util/mem.h"

#define N_ROLES 6u
#define N_DIVISIONS 4u
#define EXPIRY "2027-06-30T00:00:00.000Z"

/* -------------------------------------------------------------------------------------------------- names */

static const struct {
        char letter;
        unsigned base;
} families[] = { { 'r', 0x100 }, { 'd', 0x200 }, { 't', 0x300 }, { 'u', 0x400 },
                 { 'o', 0x500 }, { 'g', 0x600 }, { 'c', 0x700 }, { 'p', 0x800 } };

static unsigned number_of(const char *name)
{
        for (size_t i = 0; i < TS_N_ELEMENTS(families); i++)
                if (families[i].letter == name[0])
                        return families[i].base + (unsigned) (name[1] - '0');
        ck_abort_msg("no such name: %s", name);
        return 0;
}

static struct ts_id id_of(const char *name)
{
        return fake_id(number_of(name));
}

static void put_name(unsigned number, struct ts_buf *out)
{
        for (size_t i = 0; i < TS_N_ELEMENTS(families); i++)
                if (number >= families[i].base && number < families[i].base + 10) {
                        ts_buf_printf(out, "%c%u", families[i].letter, number - families[i].base);
                        return;
                }
        ts_buf_printf(out, "%x", number);
}

/* "GET /orgauthorization/trustees/0000.../users" becomes "GET T/t1/users". */
static void put_short(const char *s, struct ts_buf *out)
{
        static const struct {
                const char *from, *to;
        } words[] = { { "/orgauthorization/trustees", "T" },
                      { "/orgauthorization/trustors", "R" },
                      { "/orgauthorization/pairings", "P" },
                      { "/authorization/subjects", "S" },
                      { "?includeDuplicates=true", "" } };

        while (*s != '\0') {
                unsigned number = strlen(s) >= TS_ID_TEXT_LEN ? fake_id_number(s) : 0;
                size_t i = 0;

                if (number > 0) {
                        put_name(number, out);
                        s += TS_ID_TEXT_LEN;
                        continue;
                }
                while (i < TS_N_ELEMENTS(words) && strncmp(s, words[i].from, strlen(words[i].from)) != 0)
                        i++;
                if (i < TS_N_ELEMENTS(words)) {
                        ts_buf_puts(out, words[i].to);
                        s += strlen(words[i].from);
                } else {
                        ts_buf_putc(out, *s++);
                }
        }
}

/* -------------------------------------------------------------------------------------------------- state */

struct member {
        char name[3];
        bool is_new, is_another; /* "u1+": added again since, with another address; "u1~": its answer is of
                                    another id */
        struct ts_grant grants[8];
        size_t n_grants;
};

struct trust {
        char name[3];
        bool is_enabled, expires, has_default_role;
        bool keeps_expiry; /* where a body leaves it out; null takes it away */
        struct member members[12];
        size_t n_members;
};

struct state {
        struct trust trusts[4];
        size_t n_trusts;
        bool has_care;
};

static size_t parse_grants(const char *s, struct ts_grant *grants)
{
        size_t n = 0;

        while (*s == 'r') {
                grants[n].role = (uint32_t) (s[1] - '0');
                grants[n].division = s[2] == '*' ? TS_DIVISION_ALL : (uint32_t) (s[3] - '0');
                s += s[2] == '*' ? 3 : 4;
                n++;
                if (*s == ',')
                        s++;
        }
        return ts_grants_normalise(grants, n);
}

static void parse_member(struct trust *t, const char *word)
{
        struct member *m = &t->members[t->n_members++];
        const char *equals = strchr(word, '=');

        memcpy(m->name, word, 2);
        m->is_new = word[2] == '+';
        m->is_another = word[2] == '~';
        m->n_grants = equals ? parse_grants(equals + 1, m->grants) : 0;
}

static struct state parse_state(const char *text)
{
        TS_CLEANUP(ts_freep) char *copy = ts_strdup(text);
        struct state s = { 0 };
        struct trust *t = NULL;
        char *save;

        for (char *word = strtok_r(copy, " ;", &save); word; word = strtok_r(NULL, " ;", &save)) {
                if (word[0] == 't' || (word[0] == 'o' && word[1] >= '0' && word[1] <= '9')) {
                        t = &s.trusts[s.n_trusts++];
                        memcpy(t->name, word, 2);
                } else if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0) {
                        t->is_enabled = word[1] == 'n';
                } else if (strcmp(word, "expires") == 0) {
                        t->expires = true;
                } else if (strcmp(word, "keeps") == 0) {
                        t->keeps_expiry = true;
                } else if (strcmp(word, "default") == 0) {
                        t->has_default_role = true;
                } else if (strcmp(word, "care") == 0) {
                        s.has_care = true;
                } else {
                        parse_member(t, word);
                }
        }
        return s;
}

static struct trust *find_trust(struct state *s, const char *name)
{
        for (size_t i = 0; i < s->n_trusts; i++)
                if (strncmp(s->trusts[i].name, name, 2) == 0)
                        return &s->trusts[i];
        return NULL;
}

static struct member *find_member(struct trust *t, const char *name)
{
        for (size_t i = 0; t && i < t->n_members; i++)
                if (strncmp(t->members[i].name, name, 2) == 0)
                        return &t->members[i];
        return NULL;
}

static int64_t created_of(const struct member *m)
{
        return m->is_new ? 1700000000 : 1600000000;
}

static struct ts_live *live_of(struct state *s)
{
        struct ts_live *live = ts_live_new();

        for (unsigned i = 0; i < N_ROLES; i++) {
                struct ts_id id = fake_id(0x100 + i);

                (void) ts_catalog_add_role(&live->catalog, &id, "role");
        }
        for (unsigned i = 1; i < N_DIVISIONS; i++) {
                struct ts_id id = fake_id(0x200 + i);

                (void) ts_catalog_add_division(&live->catalog, &id, "division");
        }
        live->trusts = TS_ARENA_ARRAY(&live->arena, struct ts_trust, s->n_trusts);
        live->n_trusts = s->n_trusts;
        for (size_t i = 0; i < s->n_trusts; i++) {
                struct trust *t = &s->trusts[i];
                struct ts_trust *to = &live->trusts[i];

                *to = (struct ts_trust){ .direction = t->name[0] == 'o' ? TS_TRUSTOR : TS_TRUSTEE,
                                         .id = id_of(t->name),
                                         .enabled = t->is_enabled,
                                         .uses_default_role = t->has_default_role,
                                         .expires = TS_TIME_NEVER };
                if (t->expires)
                        ck_assert_int_eq(ts_time_parse(EXPIRY, strlen(EXPIRY), &to->expires), 0);
                for (size_t k = 0; k < t->n_members; k++) {
                        struct member *m = &t->members[k];
                        struct ts_members *list = &to->collections[m->name[0] == 'g'   ? TS_GROUPS
                                                                   : m->name[0] == 'c' ? TS_CLONES
                                                                                       : TS_USERS];

                        if (!list->items)
                                list->items = TS_ARENA_ARRAY(&live->arena, struct ts_member, t->n_members);
                        list->items[list->n++] = (struct ts_member){
                                .kind = m->name[0] == 'g'   ? TS_KIND_GROUP
                                        : m->name[0] == 'c' ? TS_KIND_CLONE
                                                            : TS_KIND_USER,
                                .id = id_of(m->name),
                                .email = m->name[0] == 'u' ? "U@x.example" : NULL,
                                .created = m->name[0] == 'c' ? TS_TIME_UNSET : created_of(m),
                        };
                }
        }
        return live;
}

/* --------------------------------------------------------------------------------------------------- plan */

static struct ts_change *plan_line(struct ts_plan *plan, char *line)
{
        static const struct {
                const char *word;
                enum ts_action action[3]; /* of users (and trusts), groups, clones */
                enum ts_phase phase;
        } words[] = {
                { "remove", { TS_USER_REMOVE, TS_GROUP_REMOVE, TS_CLONE_REMOVE }, TS_PHASE_REMOVE },
                { "update", { TS_USER_UPDATE, TS_GROUP_UPDATE, TS_ACTION_MAX_ }, TS_PHASE_REDUCE },
                { "extend", { TS_USER_UPDATE, TS_GROUP_UPDATE, TS_ACTION_MAX_ }, TS_PHASE_ADD },
                { "add", { TS_USER_ADD, TS_GROUP_ADD, TS_CLONE_ADD }, TS_PHASE_ADD },
                { "disable", { TS_TRUST_DISABLE }, TS_PHASE_CLOSE },
                { "shorten", { TS_TRUST_UPDATE }, TS_PHASE_CLOSE },
                { "lengthen", { TS_TRUST_UPDATE }, TS_PHASE_OPEN },
                { "enable", { TS_TRUST_ENABLE }, TS_PHASE_OPEN },
                { "delete", { TS_TRUST_DELETE }, TS_PHASE_REMOVE },
                { "pair", { TS_PAIRING_CREATE }, TS_PHASE_ADD },
                { "create", { TS_TRUST_CREATE }, TS_PHASE_ADD },
                { "care", { TS_CARE_CREATE }, TS_PHASE_ADD },
        };
        struct ts_change *c = ts_plan_add_change(plan);
        char word[16] = "", trust[16] = "", subject[16] = "", before[64] = "", after[64] = "";
        char *arrow = strchr(line, '>');
        size_t i = 0;

        if (arrow) {
                (void) sscanf(arrow + 1, "%63s", after);
                *arrow = '\0';
        }
        (void) sscanf(line, "%15s %15s %15s %63s", word, trust, subject, before);
        while (strcmp(words[i].word, word) != 0)
                ck_assert_msg(++i < TS_N_ELEMENTS(words), "no such change: %s", word);
        c->action = words[i].action[subject[0] == 'g' ? 1 : subject[0] == 'c' ? 2 : 0];
        c->phase = words[i].phase;
        c->direction = trust[0] == 'o' ? TS_TRUSTOR : TS_TRUSTEE;
        c->trust_alias = ts_arena_strdup(&plan->arena, trust);
        if (trust[0] != '\0')
                c->trust_id = id_of(trust);
        c->kind = subject[0] == 'u'   ? TS_KIND_USER
                  : subject[0] == 'g' ? TS_KIND_GROUP
                  : subject[0] == 'c' ? TS_KIND_CLONE
                                      : TS_KIND_TRUST;
        if (c->action == TS_PAIRING_CREATE)
                c->kind = TS_KIND_PAIRING;
        if (c->kind != TS_KIND_TRUST && c->kind != TS_KIND_PAIRING) {
                c->subject_id = id_of(subject);
                c->subject_name = ts_arena_strdup(&plan->arena, subject);
        }
        c->grants_managed = arrow;
        c->grants_before = TS_ARENA_ARRAY(&plan->arena, struct ts_grant, 8);
        c->grants_after = TS_ARENA_ARRAY(&plan->arena, struct ts_grant, 8);
        c->n_before = parse_grants(before, c->grants_before);
        c->n_after = parse_grants(after, c->grants_after);
        return c;
}

static void plan_attributes(struct ts_change *c, const struct ts_live *live)
{
        const struct ts_trust *t = ts_live_find_trust(live, c->direction, &c->trust_id);

        if (t)
                c->before = c->after = (struct ts_trust_attributes){ t->enabled, t->expires };
        else
                c->after = (struct ts_trust_attributes){ true, TS_TIME_NEVER };
        if (c->action == TS_TRUST_ENABLE || c->action == TS_TRUST_DISABLE)
                c->after.enabled = c->action == TS_TRUST_ENABLE;
        if (c->action == TS_TRUST_DELETE)
                c->after.enabled = false;
        if (c->action == TS_TRUST_UPDATE && c->phase == TS_PHASE_CLOSE)
                ck_assert_int_eq(ts_time_parse(EXPIRY, strlen(EXPIRY), &c->after.expires), 0);
        if (c->action == TS_TRUST_UPDATE && c->phase == TS_PHASE_OPEN)
                c->after.expires = TS_TIME_NEVER;
}

/* "remove t1 u1; update t1 u2 r1d1,r2* > r1d1; HELD remove t1 u3; SAFE disable t1", where its members are
 * looked at */
static struct ts_plan *plan_of(const char *text, const struct ts_live *live)
{
        TS_CLEANUP(ts_freep) char *copy = ts_strdup(text);
        struct ts_plan *plan = ts_plan_new();
        struct ts_id user = id_of("u1");
        char *save;

        plan->organization = "acme";
        plan->organization_id = fake_id(FAKE_ORGANIZATION);
        plan->catalog = &live->catalog;
        for (char *line = strtok_r(copy, ";", &save); line; line = strtok_r(NULL, ";", &save)) {
                bool held, skipped, safe;
                struct ts_change *c;

                line += strspn(line, " ");
                held = strncmp(line, "HELD ", 5) == 0;
                skipped = strncmp(line, "SKIP ", 5) == 0;
                safe = strncmp(line, "SAFE ", 5) == 0;
                c = plan_line(plan, line + (held || skipped || safe ? 5 : 0));
                plan_attributes(c, live);
                c->guards_members = safe;
                c->decision = held ? TS_HELD : skipped ? TS_SKIPPED : TS_PLANNED;
                if (c->action == TS_PAIRING_CREATE) {
                        c->pairing_users = ts_arena_memdup(&plan->arena, &user, sizeof(user));
                        c->n_pairing_users = 1;
                }
        }
        return plan;
}

/* ---------------------------------------------------------------------------------------------------- API */

struct fault {
        char request[96], code[64];
        long status;  /* 0: the answer is lost */
        unsigned nth; /* 0: each time */
        bool is_from; /* the nth, and each time after it */
        bool has_effect;
        unsigned n_seen;
};

struct server {
        struct state state, shown; /* `shown` until visible_usec */
        uint64_t delay_usec, visible_usec;
        const char *blind; /* what authorization/subjects says of everybody, as grants; NULL: the truth */
        struct fault faults[6];
        size_t n_faults;
        struct fake_api *api;
};

static void put_division_id(uint32_t division, struct ts_buf *out)
{
        ts_buf_puts(out, division == TS_DIVISION_ALL ? "*" : fake_id_text(0x200 + division).s);
}

static void put_subject(const char *name, const struct ts_grant *grants, size_t n, struct ts_buf *out)
{
        ts_buf_printf(out, "{\"id\":\"%s\",\"grants\":[", fake_id_text(number_of(name)).s);
        for (size_t i = 0; i < n; i++) {
                ts_buf_printf(out, "%s{\"subjectId\":\"%s\",\"role\":{\"id\":\"%s\"},\"division\":{\"id\":\"",
                              i > 0 ? "," : "", fake_id_text(number_of(name)).s,
                              fake_id_text(0x100 + grants[i].role).s);
                put_division_id(grants[i].division, out);
                ts_buf_puts(out, "\"}}");
        }
        ts_buf_puts(out, "]}");
}

static void put_roles(const struct member *m, struct ts_buf *out)
{
        ts_buf_puts(out, "{\"roles\":[");
        for (size_t i = 0; i < m->n_grants; i++)
                ts_buf_printf(out, "%s{\"id\":\"%s\"}", i > 0 ? "," : "",
                              fake_id_text(0x100 + m->grants[i].role).s);
        ts_buf_puts(out, "]}");
}

static void put_trust(const struct trust *t, struct ts_buf *out)
{
        ts_buf_printf(out, "{\"id\":\"%s\",\"enabled\":%s,\"usesDefaultRole\":%s%s}",
                      fake_id_text(number_of(t->name)).s, t->is_enabled ? "true" : "false",
                      t->has_default_role ? "true" : "false",
                      t->expires ? ",\"dateExpired\":\"" EXPIRY "\"" : "");
}

static void put_member(const struct member *m, struct ts_buf *out)
{
        const char *created = m->is_new ? "2027-01-15T08:00:00Z" : "2020-09-13T12:26:40Z";

        ts_buf_printf(out, "{\"id\":\"%s\",\"name\":\"%s\"",
                      fake_id_text(number_of(m->name) + (m->is_another ? 9 : 0)).s, m->name);
        if (m->name[0] == 'u')
                ts_buf_printf(out, ",\"email\":\"%s\",\"trustUserDetails\":{\"dateCreated\":\"%s\"}",
                              m->is_new ? "other@x.example" : "u@x.example", created);
        else if (m->name[0] == 'g')
                ts_buf_printf(out, ",\"dateCreated\":\"%s\"", created);
        ts_buf_putc(out, '}');
}

/* What is sent of grants, back to a list. */
static size_t take_grants(const struct ts_json *list, struct ts_grant *grants)
{
        size_t n = 0;

        for (const struct ts_json *v = list ? list->first : NULL; v; v = v->next) {
                const char *division = ts_json_get_string(v, "divisionId");

                grants[n].role = fake_id_number(ts_json_get_string(v, "roleId")) - 0x100;
                grants[n++].division = strcmp(division, "*") == 0 ? TS_DIVISION_ALL
                                                                  : fake_id_number(division) - 0x200;
        }
        return ts_grants_normalise(grants, n);
}

/* In all divisions. */
static size_t take_roles(const struct ts_json *list, struct ts_grant *grants)
{
        size_t n = 0;

        TS_JSON_FOREACH (v, list)
                grants[n++] = (struct ts_grant){ .role = (uint32_t) (fake_id_number(v->string) - 0x100),
                                                 .division = TS_DIVISION_ALL };
        return n;
}

static void take_member(struct trust *t, const struct ts_json *json)
{
        struct member *m = &t->members[t->n_members++];
        TS_CLEANUP(ts_buf_done) struct ts_buf name = TS_BUF_INIT(16);

        *m = (struct member){ 0 };
        put_name(fake_id_number(ts_json_get_string(json, "id")), &name);
        memcpy(m->name, ts_buf_text(&name), 2);
        if (ts_json_get_array(json, "roleIds"))
                m->n_grants = take_roles(ts_json_get_array(json, "roleIds"), m->grants);
        else
                m->n_grants = take_grants(
                                ts_json_get_array(ts_json_get_object(json, "roleDivisions"), "grants"),
                                m->grants);
}

static void remove_member(struct trust *t, struct member *m)
{
        size_t i = (size_t) (m - t->members);

        memmove(m, m + 1, (--t->n_members - i) * sizeof(*m));
}

static long change_member(struct trust *t, const char *method, const char *name, const char *rest,
                          const struct ts_json *json)
{
        struct member *m = find_member(t, name);

        if (strcmp(method, "PUT") == 0 && rest[0] == '\0') { /* to a trustor */
                if (!m)
                        memcpy(t->members[t->n_members++].name, name, 2);
                return 200;
        }
        if (!m)
                return 404;
        if (strcmp(rest, "/roledivisions") == 0)
                m->n_grants = take_grants(ts_json_get_array(json, "grants"), m->grants);
        else if (strcmp(rest, "/roles") == 0)
                m->n_grants = strcmp(method, "PUT") == 0 ? take_roles(json, m->grants) : 0;
        else
                remove_member(t, m);
        return strcmp(method, "DELETE") == 0 ? 204 : 200;
}

/* A null is something, too. */
static bool has_key(const struct ts_json *json, const char *key)
{
        TS_JSON_FOREACH (member, json)
                if (strcmp(member->key, key) == 0)
                        return true;
        return false;
}

static void take_trust(struct state *s, const char *name, const struct ts_json *json)
{
        struct trust *t = find_trust(s, name);
        const struct ts_json *users, *groups;

        if (!t) {
                t = &s->trusts[s->n_trusts++];
                *t = (struct trust){ 0 };
                memcpy(t->name, name, 2);
        }
        (void) ts_json_get_bool(json, "enabled", &t->is_enabled);
        if (!t->keeps_expiry || has_key(json, "dateExpired"))
                t->expires = ts_json_get_string(json, "dateExpired");
        users = ts_json_get_array(json, "users");
        groups = ts_json_get_array(json, "groups");
        for (const struct ts_json *v = users ? users->first : NULL; v; v = v->next)
                take_member(t, v);
        for (const struct ts_json *v = groups ? groups->first : NULL; v; v = v->next)
                take_member(t, v);
}

/* A write, in the short form of its request. */
static long write_state(struct server *s, const char *request, const struct ts_json *json, struct ts_buf *out)
{
        char method[8] = "", side = 0, trust[8] = "", collection[16] = "", name[8] = "", rest[32] = "";
        int n = sscanf(request, "%7s %c/%7[^/]/%15[^/]/%7[^/]%31s", method, &side, trust, collection, name,
                       rest);
        struct trust *t = n >= 3 ? find_trust(&s->state, trust) : NULL;

        if (strcmp(request, "POST P") == 0) {
                ts_buf_printf(out,
                              "{\"id\":\"%s\",\"dateCreated\":\"2026-11-01T00:00:00Z\",\"trustee\":{\"id\":"
                              "\"%s\"}}",
                              fake_id_text(0x801).s, fake_id_text(FAKE_ORGANIZATION).s);
                return 200;
        }
        if (strcmp(request, "POST T") == 0) {
                take_trust(&s->state, "t1", json);
                return 200;
        }
        if (strncmp(request, "POST T/default?", 15) == 0) {
                s->state.has_care = true;
                return 200;
        }
        if (!t)
                return 404;
        if (n == 3 && strcmp(method, "PUT") == 0) {
                take_trust(&s->state, trust, json);
                put_trust(t, out);
        } else if (n == 3) {
                *t = s->state.trusts[--s->state.n_trusts];
                return 204;
        } else if (n == 4) {
                struct ts_buf added = TS_BUF_INIT(16);

                put_name(fake_id_number(ts_json_get_string(json, "id")), &added);
                if (find_member(t, ts_buf_text(&added))) {
                        ts_buf_done(&added);
                        return 409;
                }
                ts_buf_done(&added);
                take_member(t, json);
        } else {
                return change_member(t, method, name, rest, json);
        }
        return 200;
}

/* Somebody who is in the state twice is shown twice, and counted once. */
static long read_members(struct trust *t, const char *collection, struct ts_buf *out)
{
        size_t n = 0, n_different = 0;

        ts_buf_puts(out, "{\"entities\":[");
        for (size_t i = 0; i < t->n_members; i++) {
                if (t->members[i].name[0] != collection[0])
                        continue;
                if (n++ > 0)
                        ts_buf_putc(out, ',');
                n_different += find_member(t, t->members[i].name) == &t->members[i];
                put_member(&t->members[i], out);
        }
        ts_buf_printf(out, "],\"total\":%zu}", n_different);
        return 200;
}

static long read_state(struct server *s, const char *request, struct ts_buf *out)
{
        struct state *state = fake_api_waited_usec(s->api) < s->visible_usec ? &s->shown : &s->state;
        char trust[8] = "", collection[16] = "", name[8] = "", rest[32] = "";
        struct ts_grant grants[8];
        struct member *m = NULL;
        struct trust *t;
        int n;

        if (sscanf(request, "GET S/%7s", name) == 1) {
                for (size_t i = 0; i < state->n_trusts && !m; i++)
                        m = find_member(&state->trusts[i], name);
                if (s->blind)
                        put_subject(name, grants, parse_grants(s->blind, grants), out);
                else if (m)
                        put_subject(name, m->grants, m->n_grants, out);
                return s->blind || m ? 200 : 404;
        }
        if (strcmp(request, "GET T/default") == 0) {
                if (state->has_care)
                        ts_buf_printf(out, "{\"id\":\"%s\",\"enabled\":true}", fake_id_text(0x309).s);
                return state->has_care ? 200 : 404;
        }
        n = sscanf(request, "GET %*c/%7[^/]/%15[^/]/%7[^/]%31s", trust, collection, name, rest);
        t = find_trust(state, trust);
        m = find_member(t, name);
        if (!t || (n >= 3 && !m))
                return 404;
        if (n == 1)
                put_trust(t, out);
        else if (n == 2)
                return read_members(t, collection, out);
        else if (n == 3)
                put_member(m, out);
        else
                put_roles(m, out);
        return 200;
}

static struct fault *find_fault(struct server *s, const char *request)
{
        struct fault *found = NULL;

        for (size_t i = 0; i < s->n_faults; i++) {
                struct fault *f = &s->faults[i];

                if (strcmp(f->request, request) != 0)
                        continue;
                f->n_seen++;
                if (!found && (f->nth == 0 || f->nth == f->n_seen || (f->is_from && f->nth < f->n_seen)))
                        found = f;
        }
        return found;
}

static long answer(struct fake_api *api, const char *request, const char *sent, struct ts_buf *out)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct server *s = fake_api_userdata(api);
        bool is_read = strncmp(request, "GET ", 4) == 0;
        const struct ts_json *json = NULL;
        struct fault *f;
        long status = 0;

        put_short(request, &text);
        f = find_fault(s, ts_buf_text(&text));
        if (sent[0] != '\0')
                ck_assert_int_eq(ts_json_parse(sent, strlen(sent), &arena, &json, NULL), 0);
        if (!f || f->has_effect) {
                if (!is_read && s->delay_usec > 0) {
                        s->shown = s->state;
                        s->visible_usec = fake_api_waited_usec(api) + s->delay_usec;
                }
                status = is_read ? read_state(s, ts_buf_text(&text), out)
                                 : write_state(s, ts_buf_text(&text), json, out);
        }
        if (!f)
                return status;
        ts_buf_reset(out);
        if (f->code[0] != '\0')
                ts_buf_printf(out, "{\"code\":\"%s\",\"message\":\"no\"}", f->code);
        return f->status;
}

/* "REQUEST=STATUS", with "!" behind it when it has its effect nevertheless, "@2" for the second time only,
 * "@2+" from the second time on, ":code". */
static void parse_faults(struct server *s, const char *text)
{
        TS_CLEANUP(ts_freep) char *copy = ts_strdup(text ? text : "");
        char *save;

        for (char *line = strtok_r(copy, ";", &save); line; line = strtok_r(NULL, ";", &save)) {
                struct fault *f = &s->faults[s->n_faults++];
                char *end;

                line += strspn(line, " ");
                ck_assert_int_eq(sscanf(line, "%95[^=]", f->request), 1);
                f->status = strtol(line + strlen(f->request) + 1, &end, 10);
                for (; *end != '\0'; end++) {
                        if (*end == '!')
                                f->has_effect = true;
                        if (*end == '@')
                                f->nth = (unsigned) (end[1] - '0');
                        if (*end == '+')
                                f->is_from = true;
                        if (*end == ':')
                                (void) snprintf(f->code, sizeof(f->code), "%s", end + 1);
                }
        }
}

/* -------------------------------------------------------------------------------------------------- cases */

#define PROVEN TS_SUBJECT_READS_PROVEN
#define UNKNOWN TS_SUBJECT_READS_UNKNOWN
#define UNUSABLE TS_SUBJECT_READS_UNUSABLE

#define MEMBERS_OF_T1 "GET T/t1/users?pageSize=100&pageNumber=1|"

static const struct {
        const char *name;
        const char *live; /* as it was read */
        const char *now;  /* as it is when the plan is carried out; NULL: the same */
        const char *plan;
        enum ts_subject_reads subjects;
        const char *faults;
        const char *log;     /* NULL: it does not matter */
        const char *results; /* one letter a change: Applied Failed Waiting Held Planned Skipped */
        const char *code;    /* in some note; NULL: it does not matter */
} cases[] = {
        /* members go */
        { "a member is removed", "t1 on u1=r1d1", NULL, "remove t1 u1", PROVEN, NULL,
          "GET T/t1/users/u1|DELETE T/t1/users/u1|GET T/t1/users/u1|", "A", NULL },
        { "it is gone already", "t1 on u1=r1d1", "t1 on", "remove t1 u1", PROVEN, NULL,
          "GET T/t1/users/u1|GET T/t1/users/u1|", "A", NULL },
        { "one answer says that it is gone", "t1 on u1=r1d1", NULL, "remove t1 u1", PROVEN,
          "GET T/t1/users/u1=404@1", "GET T/t1/users/u1|GET T/t1/users/u1|", "W", NULL },
        { "and nobody can look again", "t1 on u1=r1d1", "t1 on", "remove t1 u1", PROVEN,
          "GET T/t1/users/u1=403@2+", NULL, "W", NULL },
        { "or not at once", "t1 on u1=r1d1", "t1 on", "remove t1 u1", PROVEN, "GET T/t1/users/u1=503@2", NULL,
          "A", NULL },
        { "one answer says that a trust is gone", "t1 off", NULL, "delete t1", PROVEN, "GET T/t1=404@1",
          "GET T/t1|GET T/t1|", "W", NULL },
        { "its trust is gone", "t1 on u1=r1d1", "t2 on", "remove t1 u1", PROVEN, NULL,
          "GET T/t1/users/u1|GET T/t1/users/u1|", "A", NULL },
        { "it was added again, with another address", "t1 on u1=r1d1", "t1 on u1+=r1d1", "remove t1 u1",
          PROVEN, NULL, "GET T/t1/users/u1|DELETE T/t1/users/u1|GET T/t1/users/u1|", "A", NULL },
        { "the answer is of somebody else", "t1 on u1=r1d1", "t1 on u1~=r1d1", "remove t1 u1", PROVEN, NULL,
          "GET T/t1/users/u1|", "W", NULL },
        { "its removal finds nothing", "t1 on u1=r1d1", NULL, "remove t1 u1", PROVEN,
          "DELETE T/t1/users/u1=404!", NULL, "A", NULL },
        { "one removal is refused", "t1 on u1= u2=", NULL, "remove t1 u1; remove t1 u2", PROVEN,
          "DELETE T/t1/users/u1=400:invalid.value",
          "GET T/t1/users/u1|GET T/t1/users/u2|DELETE T/t1/users/u1|DELETE T/t1/users/u2|GET T/t1/users/u2|",
          "FA", "invalid.value" },
        { "what is held is not sent along", "t1 on u1= u2=", NULL, "HELD remove t1 u1; remove t1 u2", PROVEN,
          NULL, "GET T/t1/users/u2|DELETE T/t1/users/u2|GET T/t1/users/u2|", "HA", NULL },
        { "its removal cannot be seen", "t1 on u1=", NULL, "remove t1 u1", PROVEN, "GET T/t1/users/u1=403@2+",
          NULL, "W", NULL },
        { "removals are not permitted", "t1 on u1= u2=", NULL, "remove t1 u1; remove t1 u2", PROVEN,
          "DELETE T/t1/users/u1=403:missing.permissions; DELETE "
          "T/t1/users/u2=403:missing.any.permissions",
          NULL, "FF", NULL },
        { "a missing permission is named", "t1 on u1=", NULL, "remove t1 u1", PROVEN,
          "DELETE T/t1/users/u1=403:missing.permissions", NULL, "F", NULL },
        { "it may not be read", "t1 on u1=", NULL, "remove t1 u1", PROVEN, "GET T/t1/users/u1=403",
          "GET T/t1/users/u1|", "F", NULL },
        { "its removal fails for ever", "t1 on u1=", NULL, "remove t1 u1", PROVEN, "DELETE T/t1/users/u1=503",
          NULL, "F", "503" },
        { "its removal has no effect", "t1 on u1=", NULL, "remove t1 u1", PROVEN, "DELETE T/t1/users/u1=204",
          NULL, "W", NULL },
        { "a group is removed", "t1 on g1=r1d1", NULL, "remove t1 g1", PROVEN, NULL,
          "GET T/t1/groups/g1|DELETE T/t1/groups/g1|GET T/t1/groups/g1|", "A", NULL },
        { "a clone is removed", "t1 on c1 c2", NULL, "remove t1 c1", PROVEN, NULL,
          "GET T/t1/clonedusers|DELETE T/t1/clonedusers/c1|GET T/t1/clonedusers|", "A", NULL },
        { "a clone is gone already", "t1 on c1 c2", "t1 on c2", "remove t1 c1", PROVEN, NULL,
          "GET T/t1/clonedusers|GET T/t1/clonedusers|", "A", NULL },
        { "a clone's trust is gone", "t1 on c1", "t2 on", "remove t1 c1", PROVEN, NULL,
          "GET T/t1/clonedusers|GET T/t1/clonedusers|", "A", NULL },
        { "a clone's removal has no effect", "t1 on c1 c2", NULL, "remove t1 c1", PROVEN,
          "DELETE T/t1/clonedusers/c1=204", NULL, "W", NULL },
        { "a clone cannot be made from our side", "t1 on", NULL, "add t1 c1", PROVEN, NULL, "", "F", NULL },

        /* grants */
        { "grants are replaced", "t1 on u1=r1d1,r2*", NULL, "update t1 u1 r1d1,r2* > r1d1", PROVEN, NULL,
          "GET S/u1|PUT T/t1/users/u1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}|GET S/u1|",
          "A", NULL },
        { "who holds nothing cannot be read again", "t1 on u1=", NULL, "update t1 u1 > r1d1", PROVEN,
          "GET T/t1/users/u1/roles=403", "GET T/t1/users/u1/roles|", "F", NULL },
        { "all divisions", "t1 on u1=r1d1", NULL, "update t1 u1 r1d1 > r2*", PROVEN, NULL,
          "GET S/u1|PUT T/t1/users/u1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r2\",\"divisionId\":\"*\"}]}|GET S/u1|",
          "A", NULL },
        { "all grants are taken", "t1 on u1=r1d1", NULL, "update t1 u1 r1d1 >", PROVEN, NULL,
          "GET S/u1|DELETE T/t1/users/u1/roles|GET T/t1/users/u1/roles|", "A", NULL },
        { "all grants are taken and were not there", "t1 on u1=r1d1", NULL, "update t1 u1 r1d1 >", PROVEN,
          "DELETE T/t1/users/u1/roles=404!", NULL, "A", NULL },
        { "the first grants of a member", "t1 on u1=", NULL, "extend t1 u1 > r1d1", PROVEN, NULL,
          "GET T/t1/users/u1/roles|PUT T/t1/users/u1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}"
          "|GET S/u1|",
          "A", NULL },
        { "it was given a role meanwhile", "t1 on u1=", "t1 on u1=r3*", "extend t1 u1 > r1d1", PROVEN, NULL,
          "GET T/t1/users/u1/roles|", "W", NULL },
        { "grants were changed meanwhile", "t1 on u1=r1d1,r2*", "t1 on u1=r1d2,r2*",
          "update t1 u1 r1d1,r2* > r1d1", PROVEN, NULL, "GET S/u1|", "W", NULL },
        { "grants are as they should be", "t1 on u1=r1d1,r2*", "t1 on u1=r1d1",
          "update t1 u1 r1d1,r2* > r1d1", PROVEN, NULL, "GET S/u1|", "A", NULL },
        { "its member has left", "t1 on u1=r1d1,r2*", "t1 on", "update t1 u1 r1d1,r2* > r1d1", PROVEN, NULL,
          "GET S/u1|", "W", NULL },
        { "its member has left, the answer says why", "t1 on u1=r1d1,r2*", "t1 on",
          "update t1 u1 r1d1,r2* > r1d1", PROVEN, "GET S/u1=404:not.found", "GET S/u1|", "W", NULL },
        { "its member has left, and was to hold nothing", "t1 on u1=r1d1", "t1 on", "update t1 u1 r1d1 >",
          PROVEN, NULL, "GET S/u1|", "A", NULL },
        { "its member held nothing and has left", "t1 on u1=", "t1 on", "extend t1 u1 > r1d1", PROVEN, NULL,
          "GET T/t1/users/u1/roles|", "W", NULL },
        { "grants that say nothing", "t1 on u1=r1d1", NULL, "update t1 u1 r1d1 >", PROVEN, "GET S/u1=200:x",
          "GET S/u1|", "F", NULL },
        { "grants of a group", "t1 on g1=r1d1,r2*", NULL, "update t1 g1 r1d1,r2* > r1d1", UNUSABLE, NULL,
          "GET T/t1/groups/g1/roles|PUT T/t1/groups/g1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}"
          "|GET T/t1/groups/g1/roles|",
          "A", NULL },
        { "by roles only", "t1 on u1=r1d1,r2*", NULL, "update t1 u1 r1d1,r2* > r1d1", UNUSABLE, NULL,
          "GET T/t1/users/u1/roles|PUT T/t1/users/u1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}"
          "|GET T/t1/users/u1/roles|",
          "A", NULL },
        { "by roles only, without effect", "t1 on u1=r1d1,r2*", NULL, "update t1 u1 r1d1,r2* > r1d1",
          UNUSABLE, "PUT T/t1/users/u1/roledivisions=200", NULL, "W", NULL },
        { "without effect", "t1 on u1=r1d1,r2*", NULL, "update t1 u1 r1d1,r2* > r1d1", PROVEN,
          "PUT T/t1/users/u1/roledivisions=200", NULL, "W", NULL },
        { "by roles only, changed meanwhile", "t1 on u1=r1d1,r2*", "t1 on u1=r1d1,r3*",
          "update t1 u1 r1d1,r2* > r1d1", UNUSABLE, NULL, "GET T/t1/users/u1/roles|", "W", NULL },
        { "by roles only, divisions cannot be told", "t1 on u1=r1d1,r2*", "t1 on u1=r1*",
          "update t1 u1 r1d1,r2* > r1*", UNUSABLE, NULL, "GET T/t1/users/u1/roles|", "W", NULL },
        { "by roles only, its member has left", "t1 on u1=r1d1", "t1 on", "update t1 u1 r1d1 > r2d1",
          UNUSABLE, NULL, "GET T/t1/users/u1/roles|", "W", NULL },
        { "subjects prove themselves by the way", "t1 on u1=r1d1,r2* u2=r1*,r3*", NULL,
          "update t1 u1 r1d1,r2* > r1d1; update t1 u2 r1*,r3* > r1*", UNKNOWN, NULL,
          "GET S/u1|PUT T/t1/users/u1/roledivisions {\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}|"
          "GET S/u2|PUT T/t1/users/u2/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"*\"}]}|GET S/u1|GET S/u2|",
          "AA", NULL },
        { "subjects prove themselves against the plan", "t1 on u1=r1d1,r2*", "t1 on u1=r1d1,r4*",
          "update t1 u1 r1d1,r2* > r1d1", UNKNOWN, NULL, "GET S/u1|GET T/t1/users/u1/roles|", "W", NULL },
        { "subjects say something else, and the roles cannot be read", "t1 on u1=r1d1,r2*",
          "t1 on u1=r1d1,r4*", "update t1 u1 r1d1,r2* > r1d1", UNKNOWN, "GET T/t1/users/u1/roles=403",
          "GET S/u1|GET T/t1/users/u1/roles|", "F", NULL },
        { "neither can the subjects, and the roles tell", "t1 on u1=r1d1,r2*", NULL,
          "update t1 u1 r1d1,r2* > r1d1", UNKNOWN, "GET S/u1=403",
          "GET S/u1|GET T/t1/users/u1/roles|PUT T/t1/users/u1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}|GET T/t1/users/u1/roles|",
          "A", NULL },
        { "and are believed from then on", "t1 on u1=r1d1,r2* u2=r1*,r3*", "t1 on u1=r1d1,r4* u2=r1*,r3*",
          "update t1 u1 r1d1,r2* > r1d1; update t1 u2 r1*,r3* > r1*", UNKNOWN, NULL,
          "GET S/u1|GET T/t1/users/u1/roles|GET S/u2|PUT T/t1/users/u2/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"*\"}]}|GET S/u2|",
          "WA", NULL },
        { "nothing on both sides proves nothing", "t1 on u1=r1d1 u2=r1*,r3*", "t1 on u1= u2=r1*,r3*",
          "update t1 u1 r1d1 > r2d1; update t1 u2 r1*,r3* > r1*", UNKNOWN, NULL,
          "GET S/u1|GET T/t1/users/u1/roles|GET T/t1/users/u2/roles|PUT T/t1/users/u2/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"*\"}]}|GET T/t1/users/u2/roles|",
          "WA", NULL },
        { "a write is refused for a role that is gone", "t1 on u1=r1d1,r2*", NULL,
          "update t1 u1 r1d1,r2* > r1d1", PROVEN, "PUT T/t1/users/u1/roledivisions=400:invalid.value", NULL,
          "F", "invalid.value" },
        { "the authorization service is late", "t1 on u1=r1d1,r2*", NULL, "update t1 u1 r1d1,r2* > r1d1",
          PROVEN, "PUT T/t1/users/u1/roledivisions=404@1;PUT T/t1/users/u1/roledivisions=404@2", NULL, "A",
          NULL },
        { "the authorization service never hears of it", "t1 on u1=r1d1,r2*", NULL,
          "update t1 u1 r1d1,r2* > r1d1", PROVEN, "PUT T/t1/users/u1/roledivisions=404", NULL, "W", NULL },

        /* the platform takes no `*` */
        { "a set in all divisions goes as roles", "t1 on u1=r1d1", NULL, "update t1 u1 r1d1 > r1*,r2*",
          PROVEN, "PUT T/t1/users/u1/roledivisions=400:invalid.value",
          "GET S/u1|PUT T/t1/users/u1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"*\"},{\"roleId\":\"r2\",\"divisionId\":\"*\"}]}|"
          "PUT T/t1/users/u1/roles [\"r1\",\"r2\"]|GET S/u1|",
          "A", NULL },
        { "the next one of a group too, at once", "t1 on u1=r1d1 g1=r1d1", NULL,
          "update t1 u1 r1d1 > r2*; update t1 g1 r1d1 > r2*", UNKNOWN,
          "PUT T/t1/users/u1/roledivisions=400:invalid.value", NULL, "AA", NULL },
        { "a mixed set is not written", "t1 on u1=r1d1", NULL, "update t1 u1 r1d1 > r1d1,r2*", PROVEN,
          "PUT T/t1/users/u1/roledivisions=400:invalid.value",
          "GET S/u1|PUT T/t1/users/u1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"},{\"roleId\":\"r2\",\"divisionId\":\"*\"}]}"
          "|",
          "F", NULL },
        { "a set in single divisions is not tried as roles", "t1 on u1=r1d1", NULL,
          "update t1 u1 r1d1 > r2d1", PROVEN, "PUT T/t1/users/u1/roledivisions=400:invalid.value",
          "GET S/u1|PUT T/t1/users/u1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r2\",\"divisionId\":\"d1\"}]}|",
          "F", "invalid.value" },
        { "roles are refused as well", "t1 on u1=r1d1", NULL, "update t1 u1 r1d1 > r2*", PROVEN,
          "PUT T/t1/users/u1/roledivisions=400:invalid.value; PUT T/t1/users/u1/roles=400:no.such.role", NULL,
          "F", "no.such.role" },
        { "a member that is added", "t1 on", NULL, "add t1 u1 > r1*", PROVEN,
          "POST T/t1/users=400:invalid.value@1",
          "POST T/t1/users "
          "{\"id\":\"u1\",\"roleDivisions\":{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"*\"}]"
          "}}|POST T/t1/users {\"id\":\"u1\",\"roleIds\":[\"r1\"]}|GET S/u1|",
          "A", NULL },
        { "a role that is seconds old", "t1 on", NULL, "add t1 u1 > r1d1", PROVEN,
          "POST T/t1/users=404:not.found@1; POST T/t1/users=404:not.found@2", NULL, "A", NULL },

        /* members come */
        { "a member is added", "t1 on", NULL, "add t1 u1 > r1d1,r2*", PROVEN, NULL,
          "POST T/t1/users "
          "{\"id\":\"u1\",\"roleDivisions\":{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"},"
          "{\"roleId\":\"r2\",\"divisionId\":\"*\"}]}}|GET S/u1|",
          "A", NULL },
        { "a member is added, by roles", "t1 on", NULL, "add t1 u1 > r1d1", UNKNOWN, NULL,
          "POST T/t1/users "
          "{\"id\":\"u1\",\"roleDivisions\":{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}}"
          "|GET T/t1/users/u1/roles|",
          "A", NULL },
        { "a member without grants", "t1 on", NULL, "add t1 u1 >", PROVEN, NULL,
          "POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1/roles|", "A", NULL },
        { "a member whose grants are not managed", "t1 on", NULL, "add t1 u1", PROVEN, NULL,
          "POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1|", "A", NULL },
        { "a group is added", "t1 on", NULL, "add t1 g1 > r1d1", UNKNOWN, NULL,
          "POST T/t1/groups "
          "{\"id\":\"g1\",\"roleDivisions\":{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}}"
          "|GET T/t1/groups/g1/roles|",
          "A", NULL },
        { "the answer is lost", "t1 on", NULL, "add t1 u1 > r1d1", PROVEN, "POST T/t1/users=0!",
          "POST T/t1/users "
          "{\"id\":\"u1\",\"roleDivisions\":{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}}"
          "|GET T/t1/users/u1|GET S/u1|",
          "A", NULL },
        { "the answer is lost, and it had no effect", "t1 on", NULL, "add t1 u1 >", PROVEN,
          "POST T/t1/users=0@1",
          "POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1|POST T/t1/users {\"id\":\"u1\"}|GET "
          "T/t1/users/u1/roles|",
          "A", NULL },
        { "the answer is lost twice", "t1 on", NULL, "add t1 u1 >", PROVEN,
          "POST T/t1/users=0@1; POST T/t1/users=0@2",
          "POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1|POST T/t1/users {\"id\":\"u1\"}|GET "
          "T/t1/users/u1|POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1/roles|",
          "A", NULL },
        { "the answer is always lost", "t1 on", NULL, "add t1 u1 >", PROVEN, "POST T/t1/users=0",
          "POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1|POST T/t1/users {\"id\":\"u1\"}|GET "
          "T/t1/users/u1|POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1|POST T/t1/users "
          "{\"id\":\"u1\"}|GET T/t1/users/u1|",
          "F", NULL },
        { "the answer is lost, and it shows late", "t1 on", NULL, "add t1 u1 > r1d1", PROVEN,
          "POST T/t1/users=0!@1; GET T/t1/users/u1=404@1", NULL, "A", NULL },
        { "the answer is lost, and nobody may look", "t1 on", NULL, "add t1 u1 >", PROVEN,
          "POST T/t1/users=0; GET T/t1/users/u1=403", "POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1|",
          "F", NULL },
        { "the answer is lost, and the repetition is refused", "t1 on", NULL, "add t1 u1 >", PROVEN,
          "POST T/t1/users=0@1; POST T/t1/users=400:invalid.value@2",
          "POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1|POST T/t1/users {\"id\":\"u1\"}|", "F", NULL },
        { "the answer is a 500, and it had its effect", "t1 on", NULL, "add t1 u1 >", PROVEN,
          "POST T/t1/users=500!",
          "POST T/t1/users {\"id\":\"u1\"}|GET T/t1/users/u1|GET T/t1/users/u1/roles|", "A", NULL },
        { "it is there already", "t1 on", "t1 on u1=r3*", "add t1 u1 > r1d1", PROVEN, NULL, NULL, "W", NULL },
        { "the partner does not know it", "t1 on", NULL, "add t1 u1 > r1d1", PROVEN,
          "POST T/t1/users=404:trustee.user.not.found", NULL, "W", NULL },
        { "the trust is gone", "t1 on", "t2 on", "add t1 u1 >", PROVEN, NULL,
          "POST T/t1/users {\"id\":\"u1\"}|POST T/t1/users {\"id\":\"u1\"}|POST T/t1/users {\"id\":\"u1\"}|"
          "POST T/t1/users {\"id\":\"u1\"}|",
          "W", "404" },
        { "a role is gone", "t1 on", NULL, "add t1 u1 > r1d1", PROVEN, "POST T/t1/users=400:invalid.value",
          NULL, "F", "invalid.value" },

        /* trusts */
        { "a trust is disabled", "t1 on", NULL, "disable t1", PROVEN, NULL,
          "GET T/t1|PUT T/t1 {\"enabled\":false}|GET T/t1|", "A", NULL },
        { "its expiry is sent again", "t1 on expires", NULL, "disable t1", PROVEN, NULL,
          "GET T/t1|PUT T/t1 {\"enabled\":false,\"dateExpired\":\"2027-06-30T00:00:00.000Z\"}|GET T/t1|", "A",
          NULL },
        { "a trust gets an expiry", "t1 off", NULL, "shorten t1", PROVEN, NULL,
          "GET T/t1|PUT T/t1 {\"enabled\":false,\"dateExpired\":\"2027-06-30T00:00:00.000Z\"}|GET T/t1|", "A",
          NULL },
        { "an expiry goes", "t1 on expires", NULL, "lengthen t1", PROVEN, NULL,
          "GET T/t1|PUT T/t1 {\"enabled\":true}|GET T/t1|", "A", NULL },
        { "an expiry that is left out stays: then it is null", "t1 on expires keeps", NULL, "lengthen t1",
          PROVEN, NULL,
          "GET T/t1|PUT T/t1 {\"enabled\":true}|PUT T/t1 {\"enabled\":true,\"dateExpired\":null}|GET T/t1|",
          "A", NULL },
        { "somebody set an expiry meanwhile", "t1 off", "t1 off expires", "enable t1", PROVEN, NULL,
          "GET T/t1|", "W", NULL },
        { "a trust is gone once it was changed", "t1 on", NULL, "disable t1", PROVEN, "GET T/t1=404@2+", NULL,
          "F", NULL },
        { "it is disabled already", "t1 on", "t1 off", "disable t1", PROVEN, NULL, "GET T/t1|", "A", NULL },
        { "its members are looked at where some are protected", "t1 on u1= u2=", NULL, "SAFE disable t1",
          PROVEN, NULL, "GET T/t1|" MEMBERS_OF_T1 "PUT T/t1 {\"enabled\":false}|GET T/t1|", "A", NULL },
        { "a page that shifted shows one of them twice",
          "t1 on u1= u2=", "t1 on u1= u2= u1=", "SAFE disable t1", PROVEN, NULL,
          "GET T/t1|" MEMBERS_OF_T1 "PUT T/t1 {\"enabled\":false}|GET T/t1|", "A", NULL },
        { "one of them is there twice, another one is gone", "t1 on u1= u2=", "t1 on u1= u1=",
          "SAFE disable t1", PROVEN, NULL, "GET T/t1|" MEMBERS_OF_T1, "W", NULL },
        { "somebody came in since", "t1 on u1=", "t1 on u1= u2=", "SAFE disable t1", PROVEN, NULL,
          "GET T/t1|" MEMBERS_OF_T1, "W", NULL },
        { "their list is empty", "t1 on u1=", "t1 on", "SAFE disable t1", PROVEN, NULL,
          "GET T/t1|" MEMBERS_OF_T1, "W", NULL },
        { "it is gone", "t1 on", "t2 on", "disable t1", PROVEN, NULL, "GET T/t1|", "W", NULL },
        { "a trust is deleted", "t1 off", NULL, "delete t1", PROVEN, NULL, "GET T/t1|DELETE T/t1|GET T/t1|",
          "A", NULL },
        { "a trust was enabled before its deletion", "t1 off", "t1 on", "delete t1", PROVEN, NULL,
          "GET T/t1|", "W", NULL },
        { "a trust was disabled before its deletion", "t1 on", "t1 off", "delete t1", PROVEN, NULL,
          "GET T/t1|", "W", NULL },
        { "it was deleted already", "t1 off", "t2 on", "delete t1", PROVEN, NULL, "GET T/t1|GET T/t1|", "A",
          NULL },
        { "a default role comes unasked", "t1 off", NULL, "enable t1", PROVEN, "PUT T/t1=200",
          "GET T/t1|PUT T/t1 {\"enabled\":true}|GET T/t1|", "F", "ALARM" },
        { "a default role was there before", "t1 off default", NULL, "enable t1", PROVEN, NULL, NULL, "A",
          NULL },

        /* order */
        { "what closes comes first, what opens last, over all trusts",
          "t1 off u1=r1d1,r2* u2=; t2 on u3=", NULL,
          "remove t1 u2; update t1 u1 r1d1,r2* > r1d1; add t1 u4 >; enable t1; disable t2; remove t2 u3",
          UNUSABLE, NULL,
          "GET T/t2|PUT T/t2 {\"enabled\":false}|"
          "GET T/t1/users/u2|GET T/t2/users/u3|DELETE T/t1/users/u2|DELETE T/t2/users/u3|"
          "GET T/t1/users/u1/roles|PUT T/t1/users/u1/roledivisions "
          "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}|"
          "POST T/t1/users {\"id\":\"u4\"}|"
          "GET T/t1|PUT T/t1 {\"enabled\":true}|"
          "GET T/t1/users/u2|GET T/t1/users/u1/roles|GET T/t1/users/u4/roles|GET T/t1|GET T/t2|GET "
          "T/t2/users/u3|",
          "AAAAAA", NULL },
        { "a trust is not opened when a removal failed", "t1 off u1=; t2 off", NULL,
          "remove t1 u1; enable t1; enable t2", PROVEN, "DELETE T/t1/users/u1=400", NULL, "FWA", NULL },
        { "a trust is not opened when a reduction was dropped", "t1 off u1=r1d1,r2*", "t1 off u1=r1d1,r3*",
          "update t1 u1 r1d1,r2* > r1d1; enable t1", PROVEN, NULL, "GET S/u1|", "WW", NULL },
        { "a trust is not opened when a removal is held", "t1 off u1=", NULL, "HELD remove t1 u1; enable t1",
          PROVEN, NULL, "", "HW", NULL },
        { "unlisted members that are only reported open nothing and close nothing", "t1 off u1=", NULL,
          "SKIP remove t1 u1; enable t1", PROVEN, NULL, NULL, "SA", NULL },
        { "an addition that failed does not keep it closed", "t1 off", NULL, "add t1 u1 >; enable t1", PROVEN,
          "POST T/t1/users=400", NULL, "FA", NULL },

        /* trustors, pairing requests, creations */
        { "one of our users takes part", "o1 on", NULL, "add o1 u1", UNKNOWN, NULL,
          "PUT R/o1/users/u1|GET R/o1/users/u1|", "A", NULL },
        { "our clone", "o1 on", NULL, "add o1 c1", UNKNOWN, NULL,
          "PUT R/o1/clonedusers/c1|GET R/o1/clonedusers/c1|", "A", NULL },
        { "one of our users takes part no more", "o1 on u1", NULL, "remove o1 u1", UNKNOWN, NULL,
          "GET R/o1/users/u1|DELETE R/o1/users/u1|GET R/o1/users/u1|", "A", NULL },
        { "a trustor is left", "o1 on", NULL, "delete o1", UNKNOWN, NULL, "GET R/o1|DELETE R/o1|GET R/o1|",
          "A", NULL },
        { "we ask to come in", "", NULL, "pair o1", UNKNOWN, NULL,
          "POST P {\"userIds\":[\"u1\"],\"groupIds\":[]}|", "A", NULL },
        { "what is held asks for nothing", "", NULL, "HELD pair o1", UNKNOWN, NULL, "", "H", NULL },
        { "we may not ask", "", NULL, "pair o1", UNKNOWN, "POST P=400:invalid.value", NULL, "F",
          "invalid.value" },
        { "a lost request is not asked for again", "", NULL, "pair o1", UNKNOWN, "POST P=0!",
          "POST P {\"userIds\":[\"u1\"],\"groupIds\":[]}|", "F", NULL },
        { "a request of the wrong organization", "", NULL, "pair t1; create t1; add t1 u1 > r1d1", UNKNOWN,
          NULL, "POST P {\"userIds\":[\"u1\"],\"groupIds\":[]}|", "FWW", NULL },
        { "customer care", "", NULL, "care", UNKNOWN, NULL,
          "POST T/default?assignDefaultRole=false&autoExpire=false|GET T/default|", "A", NULL },
        { "customer care, and the answer is lost", "", NULL, "care", UNKNOWN,
          "POST T/default?assignDefaultRole=false&autoExpire=false=0!", NULL, "A", NULL },
};

struct run {
        struct server server;
        struct ts_live *live;
        struct ts_plan *plan;
        struct ts_outcomes outcomes;
        struct ts_buf heard; /* on_change */
        unsigned n_deny_retries;
        struct ts_err err;
        int r;
};

static void on_change(const struct ts_plan *plan, const struct ts_change *c, void *userdata)
{
        struct run *run = userdata;

        (void) plan;
        ts_buf_putc(&run->heard, "PAFHWS"[ts_change_result(c)]);
}

static struct ts_client *partner(const struct ts_id *organization, void *userdata)
{
        struct run *run = userdata;

        (void) organization;
        return fake_api_client(run->server.api);
}

static void run_init(struct run *run, const char *live, const char *now, const char *plan, const char *faults)
{
        struct state s = parse_state(live);

        *run = (struct run){ .heard = TS_BUF_INIT(4096) };
        run->live = live_of(&s);
        run->plan = plan_of(plan, run->live);
        ts_outcomes_begin(&run->outcomes, run->plan);
        run->server.state = parse_state(now ? now : live);
        run->server.api = fake_api_new(answer, &run->server);
        parse_faults(&run->server, faults);
}

static void run_apply(struct run *run, enum ts_subject_reads subjects)
{
        struct ts_apply_options options = { .subjects = subjects,
                                            .clock = fake_api_clock(run->server.api),
                                            .verify_usec = 30 * TS_USEC_PER_SEC,
                                            .n_deny_retries = run->n_deny_retries,
                                            .on_change = on_change,
                                            .partner = partner,
                                            .userdata = run };

        run->r = ts_apply(fake_api_client(run->server.api), run->plan, run->live, &options, &run->outcomes,
                          &run->err);
}

static void run_done(struct run *run)
{
        ts_plan_free(run->plan);
        ts_outcomes_done(&run->outcomes);
        ts_live_free(run->live);
        fake_api_free(run->server.api);
        ts_buf_done(&run->heard);
}

static void put_log(const struct run *run, struct ts_buf *out)
{
        put_short(fake_api_log(run->server.api), out);
        for (size_t i = 0; i < out->len; i++)
                if (out->data[i] == '\n')
                        out->data[i] = '|';
}

static void check_results(const struct run *run, const char *name, const char *results)
{
        for (size_t i = 0; i < run->plan->n_changes; i++) {
                const struct ts_change *c = &run->plan->changes[i];

                ck_assert_msg("PAFHWS"[ts_change_result(c)] == results[i], "%s: change %zu is %s: %s\n%s",
                              name, i, ts_result_to_string(ts_change_result(c)),
                              ts_change_note(c) ? ts_change_note(c) : "", fake_api_log(run->server.api));
        }
        ck_assert_uint_eq(strlen(results), run->plan->n_changes);
}

/* The notes are what the fixture has; some note has the @code. */
#define notes_are(run, name, code) check_notes(__func__, run, name, code)

static void check_notes(const char *test, const struct run *run, const char *name, const char *code)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf notes = TS_BUF_INIT(64 * 1024);

        for (size_t i = 0; i < run->plan->n_changes; i++)
                if (ts_change_note(&run->plan->changes[i]))
                        ts_buf_printf(&notes, "%s: %s\n", ts_action_to_string(run->plan->changes[i].action),
                                      ts_change_note(&run->plan->changes[i]));
        ck_assert_msg(!code || strstr(ts_buf_text(&notes), code), "%s: no note has '%s':\n%s", name, code,
                      ts_buf_text(&notes));
        if (notes.len > 0)
                suite_message(test, name, ts_buf_text(&notes));
}

START_TEST(test_apply)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf log = TS_BUF_INIT(64 * 1024);
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, cases[_i].live, cases[_i].now, cases[_i].plan, cases[_i].faults);
        if (cases[_i].code && strcmp(cases[_i].code, "ALARM") == 0) {
                run.server.faults[0].has_effect = true;
                run.server.state.trusts[0].has_default_role = false;
                fake_api_answer(run.server.api,
                                "GET /orgauthorization/trustees/00000000-0000-4000-8000-000000000301", 200,
                                "{'id':'00000000-0000-4000-8000-000000000301','enabled':false}");
                fake_api_answer(run.server.api,
                                "GET /orgauthorization/trustees/00000000-0000-4000-8000-000000000301", 200,
                                "{'id':'00000000-0000-4000-8000-000000000301','enabled':true,'"
                                "usesDefaultRole':true}");
        }
        run_apply(&run, cases[_i].subjects);
        ck_assert_msg(run.r == 0, "%s: %d %s", cases[_i].name, run.r, run.err.msg);
        check_results(&run, cases[_i].name, cases[_i].results);
        notes_are(&run, cases[_i].name, cases[_i].code);
        put_log(&run, &log);
        if (cases[_i].log)
                ck_assert_msg(strcmp(ts_buf_text(&log), cases[_i].log) == 0, "%s:\nasked  %s\nwanted %s",
                              cases[_i].name, ts_buf_text(&log), cases[_i].log);
}
END_TEST

/* What authorization/subjects says is not what the trust knows: the roles decide, and it is not asked
 * again. */
START_TEST(test_blind_subjects)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf log = TS_BUF_INIT(64 * 1024);
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 on u1=r1d1,r2* u2=r1d1,r2* u3=", NULL,
                 "remove t1 u3; update t1 u1 r1d1,r2* > r1d1; update t1 u2 r1d1,r2* > r1d1", NULL);
        run.server.blind = "";
        run_apply(&run, TS_SUBJECT_READS_UNKNOWN);
        check_results(&run, "blind", "AAA");
        put_log(&run, &log);
        ck_assert_str_eq(ts_buf_text(&log),
                         "GET T/t1/users/u3|DELETE T/t1/users/u3|GET S/u1|GET T/t1/users/u1/roles|"
                         "PUT T/t1/users/u1/roledivisions "
                         "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}|"
                         "GET T/t1/users/u2/roles|"
                         "PUT T/t1/users/u2/roledivisions "
                         "{\"grants\":[{\"roleId\":\"r1\",\"divisionId\":\"d1\"}]}|"
                         "GET T/t1/users/u3|GET T/t1/users/u1/roles|GET T/t1/users/u2/roles|");
}
END_TEST

static const struct {
        const char *name, *live, *plan;
        unsigned delay_sec;
        const char *results, *heard;
        unsigned waited_sec;
} slow_cases[] = {
        { "a removal shows after 5 s", "t1 on u1=", "remove t1 u1", 5, "A", "A", 7 },
        { "a removal shows after 29 s", "t1 on u1=", "remove t1 u1", 29, "A", "A", 30 },
        { "a removal shows after a minute", "t1 on u1=", "remove t1 u1", 60, "W", "AW", 30 },
        { "grants show after a minute", "t1 on u1=r1*", "update t1 u1 r1* > r2*", 60, "W", "AW", 30 },
        { "an addition shows after a minute", "t1 on", "add t1 u1 > r1*", 60, "W", "AW", 30 },
        { "a trust shows after a minute", "t1 on", "disable t1", 60, "W", "AW", 30 },
        { "a deletion shows after a minute", "t1 off", "delete t1", 60, "W", "AW", 30 },
};

START_TEST(test_slow)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, slow_cases[_i].live, NULL, slow_cases[_i].plan, NULL);
        run.server.delay_usec = slow_cases[_i].delay_sec * TS_USEC_PER_SEC;
        run_apply(&run, TS_SUBJECT_READS_PROVEN);
        ck_assert_int_eq(run.r, 0);
        check_results(&run, slow_cases[_i].name, slow_cases[_i].results);
        ck_assert_msg(strcmp(ts_buf_text(&run.heard), slow_cases[_i].heard) == 0, "%s: heard %s",
                      slow_cases[_i].name, ts_buf_text(&run.heard));
        ck_assert_msg(fake_api_waited_usec(run.server.api) == slow_cases[_i].waited_sec * TS_USEC_PER_SEC,
                      "%s: waited %llu us", slow_cases[_i].name,
                      (unsigned long long) fake_api_waited_usec(run.server.api));
}
END_TEST

/* What cannot be read back is tried as long as there is time, and no longer; it is no reason to do anything
 * worse. */
static const struct {
        const char *name, *live, *plan, *faults, *results;
        unsigned waited_sec;
} unread_cases[] = {
        { "once", "t1 on u1=", "remove t1 u1", "GET T/t1/users/u1=503@2", "A", 1 },
        { "a token that was revoked, says one answer", "t1 on u1=", "remove t1 u1", "GET T/t1/users/u1=401@2",
          "A", 1 },
        { "408", "t1 on u1=", "remove t1 u1", "GET T/t1/users/u1=408@2+", "W", 30 },
        { "429", "t1 on u1=", "remove t1 u1", "GET T/t1/users/u1=429@2+", "W", 30 },
        { "503", "t1 on u1=", "remove t1 u1", "GET T/t1/users/u1=503@2+", "W", 30 },
        { "401", "t1 on u1=", "remove t1 u1", "GET T/t1/users/u1=401@2+", "W", 30 },
        { "no answer", "t1 on u1=", "remove t1 u1", "GET T/t1/users/u1=0@2+", "W", 30 },
        { "a trust", "t1 on", "disable t1", "GET T/t1=408@2+", "W", 30 },
        { "several", "t1 on u1= u2= u3= u4=", "remove t1 u1; remove t1 u2; remove t1 u3; remove t1 u4",
          "GET T/t1/users/u1=503@2+; GET T/t1/users/u2=503@2+; GET T/t1/users/u3=503@2+", "WWWA", 30 },
};

START_TEST(test_cannot_be_read_back)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, unread_cases[_i].live, NULL, unread_cases[_i].plan, unread_cases[_i].faults);
        run_apply(&run, TS_SUBJECT_READS_PROVEN);
        ck_assert_int_eq(run.r, 0);
        check_results(&run, unread_cases[_i].name, unread_cases[_i].results);
        ck_assert(unread_cases[_i].results[0] != 'W' || ts_change_note(&run.plan->changes[0]));
        notes_are(&run, unread_cases[_i].name, NULL);
        ck_assert_msg(fake_api_waited_usec(run.server.api) == unread_cases[_i].waited_sec * TS_USEC_PER_SEC,
                      "%s: waited %llu us", unread_cases[_i].name,
                      (unsigned long long) fake_api_waited_usec(run.server.api));
}
END_TEST

/* Somebody else writes right after us. */
START_TEST(test_shows_otherwise)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 on u1=r1d1,r2*", NULL, "update t1 u1 r1d1,r2* > r1d1", NULL);
        fake_api_answer(run.server.api,
                        "PUT /orgauthorization/trustees/00000000-0000-4000-8000-000000000301/users/"
                        "00000000-0000-4000-8000-000000000401/roledivisions",
                        200, "{}");
        fake_api_answer(run.server.api,
                        "GET /authorization/subjects/00000000-0000-4000-8000-000000000401"
                        "?includeDuplicates=true",
                        200,
                        "{'id':'00000000-0000-4000-8000-000000000401','grants':["
                        "{'subjectId':'00000000-0000-4000-8000-000000000401',"
                        "'role':{'id':'00000000-0000-4000-8000-000000000101'},"
                        "'division':{'id':'00000000-0000-4000-8000-000000000201'}},"
                        "{'subjectId':'00000000-0000-4000-8000-000000000401',"
                        "'role':{'id':'00000000-0000-4000-8000-000000000102'},'division':{'id':'*'}}]}");
        fake_api_answer(run.server.api,
                        "GET /authorization/subjects/00000000-0000-4000-8000-000000000401"
                        "?includeDuplicates=true",
                        200,
                        "{'id':'00000000-0000-4000-8000-000000000401','grants':["
                        "{'subjectId':'00000000-0000-4000-8000-000000000401',"
                        "'role':{'id':'00000000-0000-4000-8000-000000000105'},'division':{'id':'*'}}]}");
        run_apply(&run, TS_SUBJECT_READS_PROVEN);
        check_results(&run, "otherwise", "F");
        notes_are(&run, "otherwise", NULL);
        ck_assert_str_eq(ts_buf_text(&run.heard), "AF");
}
END_TEST

/* What is read between plan and write, and after it, when it is not what the small API would say. A trust is
 * disabled, a member removed. */
#define T1 "00000000-0000-4000-8000-000000000301"
#define U1 "00000000-0000-4000-8000-000000000401"
#define G1 "00000000-0000-4000-8000-000000000601"
#define C1 "00000000-0000-4000-8000-000000000701"

static const struct {
        const char *name, *plan;
        const char *before, *after; /* answers; after NULL: nothing is written */
        const char *result, *code;
} answer_cases[] = {
        { "the same trust", "disable t1",
          "{'id':'" T1 "','enabled':true,'dateCreated':'2026-01-01T00:00:00Z'}",
          "{'id':'" T1 "','enabled':false}", "A", NULL },
        { "a trust that was made anew", "disable t1",
          "{'id':'" T1 "','enabled':true,'dateCreated':'2026-02-01T00:00:00Z'}", NULL, "W", NULL },
        { "another trust", "disable t1", "{'id':'" U1 "','enabled':true}", NULL, "W", NULL },
        { "no trust", "disable t1", "{'enabled':true}", NULL, "F", NULL },
        { "another trust afterwards", "disable t1", "{'id':'" T1 "','enabled':true}",
          "{'id':'" U1 "','enabled':false}", "F", NULL },
        { "neither as before nor as wanted", "disable t1", "{'id':'" T1 "','enabled':true}",
          "{'id':'" T1 "','enabled':true,'dateExpired':'2027-06-30T00:00:00Z'}", "F", NULL },
        { "full access comes unasked", "disable t1", "{'id':'" T1 "','enabled':true}",
          "{'id':'" T1 "','enabled':false,'hasFullAccess':true}", "F", "ALARM" },
        { "trusted user access comes unasked", "disable t1", "{'id':'" T1 "','enabled':true}",
          "{'id':'" T1 "','enabled':false,'isTrustedUser':true}", "F", "ALARM" },
        { "a default role comes unasked", "disable t1", "{'id':'" T1 "','enabled':true}",
          "{'id':'" T1 "','enabled':false,'usesDefaultRole':true}", "F", "ALARM" },
        { "another member", "remove t1 u1", "{'id':'" T1 "','name':'u'}", NULL, "W", NULL },
        { "a member without an address", "remove t1 u1",
          "{'id':'" U1 "','name':'u','trustUserDetails':{'dateCreated':'2020-09-13T12:26:40Z'}}", "", "A",
          NULL },
        { "no list of clones", "remove t1 c1", "{}", NULL, "F", NULL },
};

START_TEST(test_answers)
{
        bool is_trust = answer_cases[_i].plan[0] == 'd', is_written = answer_cases[_i].after;
        const char *request = is_trust ? "GET /orgauthorization/trustees/" T1
                              : strchr(answer_cases[_i].plan, 'c')
                                              ? "GET /orgauthorization/trustees/" T1 "/clonedusers"
                                              : "GET /orgauthorization/trustees/" T1 "/users/" U1;
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 on u1= c1", NULL, answer_cases[_i].plan, NULL);
        ck_assert_int_eq(ts_time_parse("2026-01-01T00:00:00Z", 20, &run.live->trusts[0].created), 0);
        fake_api_answer(run.server.api, request, 200, answer_cases[_i].before);
        if (is_written)
                fake_api_answer(run.server.api, request, is_trust ? 200 : 404, answer_cases[_i].after);
        run_apply(&run, PROVEN);
        check_results(&run, answer_cases[_i].name, answer_cases[_i].result);
        notes_are(&run, answer_cases[_i].name, answer_cases[_i].code);
        ck_assert_msg(ts_change_outcome(&run.plan->changes[0])->sent == is_written, "%s",
                      answer_cases[_i].name);
}
END_TEST

/* What shows after a removal: a membership that began after it was not left by it, and nobody waits for that
 * one to go. The removal is sent at 1800000000 = 2027-01-15T08:00:00Z by our clock. */
static const struct {
        const char *name, *plan, *shown;
        int64_t skew_sec; /* of the server's clock */
        bool is_denied;
        unsigned n_retries;
        const char *heard;
        unsigned waited_sec, n_deletes;
} shown_cases[] = {
        { "a member since the removal", "remove t1 u1",
          "{'id':'" U1 "','trustUserDetails':{'dateCreated':'2027-01-15T08:00:00Z'}}", 0, false, 2, "AW", 0,
          1 },
        { "within the server's second", "remove t1 u1",
          "{'id':'" U1 "','trustUserDetails':{'dateCreated':'2027-01-15T07:59:58Z'}}", 0, false, 0, "AW", 0,
          1 },
        { "a member from before", "remove t1 u1",
          "{'id':'" U1 "','trustUserDetails':{'dateCreated':'2027-01-15T07:59:57Z'}}", 0, false, 2, "AW", 30,
          1 },
        { "a server whose clock is a minute ahead", "remove t1 u1",
          "{'id':'" U1 "','trustUserDetails':{'dateCreated':'2027-01-15T08:00:57Z'}}", 60, false, 0, "AW", 30,
          1 },
        { "a member without a date", "remove t1 u1", "{'id':'" U1 "'}", 0, false, 0, "AW", 30, 1 },
        { "a group", "remove t1 g1", "{'id':'" G1 "','dateCreated':'2027-01-15T08:00:00Z'}", 0, false, 0,
          "AW", 0, 1 },
        { "a clone has no date", "remove t1 c1", "{'entities':[{'id':'" C1 "'}]}", 0, false, 0, "AW", 30, 1 },
        { "a denied member", "remove t1 u1",
          "{'id':'" U1 "','trustUserDetails':{'dateCreated':'2027-01-15T08:00:00Z'}}", 0, true, 2, "AWAWAW",
          0, 3 },
        { "a denied member without a date", "remove t1 u1", "{'id':'" U1 "'}", 0, true, 2, "AWAWAW", 30, 3 },
        { "a denied member, and no retry", "remove t1 u1", "{'id':'" U1 "'}", 0, true, 0, "AW", 30, 1 },
        { "a denied clone", "remove t1 c1", "{'entities':[{'id':'" C1 "'}]}", 0, true, 1, "AWAW", 30, 2 },
        { "nobody", "remove t1 c1", "{'entities':[]}", 0, true, 2, "A", 0, 1 },
};

static unsigned count_deletes(const struct run *run)
{
        unsigned n = 0;

        for (const char *p = fake_api_log(run->server.api); (p = strstr(p, "DELETE ")); p++)
                n++;
        return n;
}

static const char *presence_request(const struct ts_change *c)
{
        return c->kind == TS_KIND_CLONE   ? "GET /orgauthorization/trustees/" T1 "/clonedusers"
               : c->kind == TS_KIND_GROUP ? "GET /orgauthorization/trustees/" T1 "/groups/" G1
                                          : "GET /orgauthorization/trustees/" T1 "/users/" U1;
}

START_TEST(test_shown_after_a_removal)
{
        TS_CLEANUP(run_done) struct run run;
        const char *request;

        run_init(&run, "t1 on u1= g1= c1", NULL, shown_cases[_i].plan, NULL);
        run.live->clock_skew_sec = shown_cases[_i].skew_sec;
        run.n_deny_retries = shown_cases[_i].n_retries;
        if (shown_cases[_i].is_denied)
                run.plan->changes[0].reason = TS_REASON_DENIED;
        request = presence_request(&run.plan->changes[0]);
        fake_api_answer(run.server.api, request, 200,
                        run.plan->changes[0].kind == TS_KIND_CLONE ? "{'entities':[{'id':'" C1 "'}]}"
                                                                   : shown_cases[_i].shown);
        fake_api_answer(run.server.api, request, 200, shown_cases[_i].shown);
        run_apply(&run, PROVEN);
        ck_assert_int_eq(run.r, 0);
        ck_assert_msg(strcmp(ts_buf_text(&run.heard), shown_cases[_i].heard) == 0, "%s: heard %s",
                      shown_cases[_i].name, ts_buf_text(&run.heard));
        notes_are(&run, shown_cases[_i].name, NULL);
        ck_assert_msg(count_deletes(&run) == shown_cases[_i].n_deletes, "%s:\n%s", shown_cases[_i].name,
                      fake_api_log(run.server.api));
        ck_assert_msg(fake_api_waited_usec(run.server.api) == shown_cases[_i].waited_sec * TS_USEC_PER_SEC,
                      "%s: waited %llu us", shown_cases[_i].name,
                      (unsigned long long) fake_api_waited_usec(run.server.api));
}
END_TEST

/* Of a denied clone only that it was seen gone tells that it was let in again: its second removal is not
 * sent, because it is gone, and then it is there again. */
START_TEST(test_seen_gone)
{
        static const char there[] = "{'entities':[{'id':'" C1 "'}]}", gone[] = "{'entities':[]}";
        static const char *const lists[] = { there, there, there, gone, there };
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 on c1", NULL, "remove t1 c1", NULL);
        run.n_deny_retries = 1;
        run.plan->changes[0].reason = TS_REASON_DENIED;
        for (size_t i = 0; i < TS_N_ELEMENTS(lists); i++)
                fake_api_answer(run.server.api, presence_request(&run.plan->changes[0]), 200, lists[i]);
        run_apply(&run, PROVEN);
        check_results(&run, "seen gone", "W");
        notes_are(&run, "seen gone", NULL);
        ck_assert_uint_eq(count_deletes(&run), 1);
        ck_assert_uint_eq(fake_api_waited_usec(run.server.api), TS_USEC_PER_SEC);
        ck_assert_str_eq(ts_buf_text(&run.heard), "AWAW");
}
END_TEST

/* What failed for a time is carried out again before anything is waited for; what was refused is not. */
static const struct {
        const char *name, *faults, *heard;
} again_cases[] = {
        { "it fails for a time", "DELETE T/t1/users/u1=503; DELETE T/t1/users/u2=204", "FAFFW" },
        { "it is refused", "DELETE T/t1/users/u1=400; DELETE T/t1/users/u2=204", "FAW" },
};

START_TEST(test_carried_out_again)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 on u1= u2=", NULL, "remove t1 u1; remove t1 u2", again_cases[_i].faults);
        run.n_deny_retries = 2;
        run.plan->changes[0].reason = TS_REASON_DENIED;
        run_apply(&run, PROVEN);
        check_results(&run, again_cases[_i].name, "FW");
        ck_assert_msg(strcmp(ts_buf_text(&run.heard), again_cases[_i].heard) == 0, "%s: heard %s",
                      again_cases[_i].name, ts_buf_text(&run.heard));
}
END_TEST

/* Full access that was there before is no alarm; what customer care may have depends on what was asked
 * for. */
static const struct {
        const char *name;
        bool is_care, has_full_access, assigns_default_role;
        const char *answer, *result;
} alarm_cases[] = {
        { "full access as before", false, true, false, "{'id':'" T1 "','enabled':false,'hasFullAccess':true}",
          "A" },
        { "a default role beside it", false, true, false,
          "{'id':'" T1 "','enabled':false,'hasFullAccess':true,'usesDefaultRole':true}", "F" },
        { "customer care", true, false, false, "{'id':'" T1 "','enabled':true}", "A" },
        { "customer care with trusted user access", true, false, true,
          "{'id':'" T1 "','enabled':true,'isTrustedUser':true}", "F" },
        { "customer care with full access", true, false, true,
          "{'id':'" T1 "','enabled':true,'hasFullAccess':true}", "F" },
        { "customer care with a default role", true, false, false,
          "{'id':'" T1 "','enabled':true,'usesDefaultRole':true}", "F" },
        { "customer care with a default role that was asked for", true, false, true,
          "{'id':'" T1 "','enabled':true,'usesDefaultRole':true}", "A" },
};

START_TEST(test_alarms)
{
        bool is_care = alarm_cases[_i].is_care;
        const char *request = is_care ? "GET /orgauthorization/trustees/default"
                                      : "GET /orgauthorization/trustees/" T1;
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, is_care ? "" : "t1 on", NULL, is_care ? "care" : "disable t1", NULL);
        run.plan->changes[0].assign_default_role = alarm_cases[_i].assigns_default_role;
        if (!is_care) {
                run.live->trusts[0].has_full_access = alarm_cases[_i].has_full_access;
                fake_api_answer(run.server.api, request, 200, "{'id':'" T1 "','enabled':true}");
        }
        fake_api_answer(run.server.api, request, 200, alarm_cases[_i].answer);
        if (is_care)
                fake_api_answer(run.server.api,
                                alarm_cases[_i].assigns_default_role
                                                ? "POST /orgauthorization/trustees/default"
                                                  "?assignDefaultRole=true&autoExpire=false"
                                                : "POST /orgauthorization/trustees/default"
                                                  "?assignDefaultRole=false&autoExpire=false",
                                200, "{}");
        run_apply(&run, PROVEN);
        check_results(&run, alarm_cases[_i].name, alarm_cases[_i].result);
        if (alarm_cases[_i].result[0] == 'F')
                notes_are(&run, alarm_cases[_i].name, "ALARM");
}
END_TEST

/* Nobody protected was in the trust when it was planned: before it is closed its members are listed anew. */
static const struct {
        const char *name, *now;
        bool is_unreadable;
        const char *result;
} guard_cases[] = {
        { "the same members", "t1 on u1= u2=", false, "A" },
        { "somebody more", "t1 on u1= u2= u3=", false, "W" },
        { "somebody else", "t1 on u1= u3=", false, "W" },
        { "one less", "t1 on u1=", false, "W" },
        { "a list that cannot be read", "t1 on u1= u2=", true, "F" },
};

START_TEST(test_members_of_a_trust_that_is_closed)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 on u1= u2=", guard_cases[_i].now, "disable t1", NULL);
        if (guard_cases[_i].is_unreadable)
                fake_api_answer(run.server.api,
                                "GET /orgauthorization/trustees/" T1 "/users?pageSize=100&pageNumber=1", 403,
                                "{}");
        run.plan->changes[0].guards_members = true;
        run_apply(&run, PROVEN);
        check_results(&run, guard_cases[_i].name, guard_cases[_i].result);
        ck_assert_int_eq(ts_change_outcome(&run.plan->changes[0])->sent, guard_cases[_i].result[0] == 'A');
}
END_TEST

/* A trust with its first members is one request, and three changes. */
START_TEST(test_create)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf log = TS_BUF_INIT(64 * 1024);
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t2 on", NULL,
                 "create t1; add t1 u1 > r1d1; HELD add t1 u3 >; add t1 g1 > r2*; add t2 u2 >", NULL);
        run.plan->changes[0].pairing_id = id_of("p1");
        run.plan->changes[0].after.expires = TS_TIME_NEVER;
        run_apply(&run, TS_SUBJECT_READS_UNKNOWN);
        ck_assert_int_eq(run.r, 0);
        check_results(&run, "create", "AAHAA");
        put_log(&run, &log);
        ck_assert_str_eq(
                        ts_buf_text(&log),
                        "POST T {\"pairingId\":\"p1\",\"enabled\":true,"
                        "\"users\":[{\"id\":\"u1\",\"roleDivisions\":{\"grants\":[{\"roleId\":\"r1\","
                        "\"divisionId\":\"d1\"}]}}],"
                        "\"groups\":[{\"id\":\"g1\",\"roleDivisions\":{\"grants\":[{\"roleId\":\"r2\","
                        "\"divisionId\":\"*\"}]}}]}|"
                        "POST T/t2/users {\"id\":\"u2\"}|"
                        "GET T/t1|GET T/t1/users/u1/roles|GET T/t1/groups/g1/roles|GET T/t2/users/u2/roles|");
        ck_assert(ts_change_outcome(&run.plan->changes[1])->sent &&
                  !ts_change_outcome(&run.plan->changes[2])->sent &&
                  ts_change_outcome(&run.plan->changes[3])->sent);
}
END_TEST

START_TEST(test_create_fails)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "", NULL, "create t1; add t1 u1 > r1d1", "POST T=400:pairing.id.required");
        run.plan->changes[0].pairing_id = id_of("p1");
        run_apply(&run, TS_SUBJECT_READS_UNKNOWN);
        check_results(&run, "create", "FW");
        notes_are(&run, "create", "pairing.id.required");
        ck_assert_uint_eq(fake_api_count(run.server.api), 1);
}
END_TEST

/* Where the platform takes no `*`: roles alone for those who have them in all divisions throughout. */
static const struct {
        const char *plan, *results, *code;
        size_t n_posts;
} create_all_cases[] = {
        { "create t1; add t1 u1 > r1*; add t1 u2 > r1d1", "AAA", NULL, 2 },
        { "create t1; add t1 u1 > r1*; add t1 u2 > r1d1,r2*", "FWW", NULL, 1 },
        { "create t1; add t1 u2 > r1d1", "FW", "invalid.value", 1 },
};

START_TEST(test_create_without_all)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf log = TS_BUF_INIT(64 * 1024);
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "", NULL, create_all_cases[_i].plan, "POST T=400:invalid.value@1");
        run.plan->changes[0].pairing_id = id_of("p1");
        run.plan->changes[0].after = (struct ts_trust_attributes){ true, TS_TIME_NEVER };
        run_apply(&run, TS_SUBJECT_READS_UNKNOWN);
        check_results(&run, create_all_cases[_i].plan, create_all_cases[_i].results);
        notes_are(&run, create_all_cases[_i].plan, create_all_cases[_i].code);
        put_log(&run, &log);
        ck_assert_msg((strstr(ts_buf_text(&log), "\"roleIds\":[\"r1\"]") != NULL) ==
                                      (create_all_cases[_i].n_posts == 2),
                      "%s", ts_buf_text(&log));
}
END_TEST

START_TEST(test_create_answer_lost)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "", NULL, "create t1; add t1 u1 > r1d1", "POST T=0!");
        run.plan->changes[0].pairing_id = id_of("p1");
        run_apply(&run, TS_SUBJECT_READS_UNKNOWN);
        check_results(&run, "create", "AA");
        ck_assert_uint_eq(fake_api_count(run.server.api), 1 + 1 + 2);
}
END_TEST

/* The request is ours, and so its id and age are put down. */
START_TEST(test_pairing_outcome)
{
        TS_CLEANUP(run_done) struct run run;
        struct ts_id id = id_of("p1");

        run_init(&run, "", NULL, "pair o1", NULL);
        run_apply(&run, TS_SUBJECT_READS_UNKNOWN);
        check_results(&run, "pair", "A");
        ck_assert(ts_id_equal(&ts_change_outcome(&run.plan->changes[0])->pairing_id, &id));
        ck_assert_str_eq(ts_time_format(ts_change_outcome(&run.plan->changes[0])->pairing_created).s,
                         "2026-11-01T00:00:00Z");
}
END_TEST

/* A request that the partner makes for us, and the trust made from it. */
static const struct {
        const char *name, *answer, *results;
} pairing_cases[] = {
        { "a request", "{'id':'00000000-0000-4000-8000-000000000801','trustee':{'id':'" T1 "'}}", "AAA" },
        { "a request without an id", "{'trustee':{'id':'" T1 "'}}", "FWW" },
        { "a request of nobody", "{'id':'00000000-0000-4000-8000-000000000801'}", "FWW" },
};

START_TEST(test_pairing_by_the_partner)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf log = TS_BUF_INIT(64 * 1024);
        TS_CLEANUP(run_done) struct run run, theirs;
        struct ts_apply_options options = { .on_change = on_change, .partner = partner, .userdata = &theirs };

        run_init(&theirs, "", NULL, "", NULL);
        fake_api_answer(theirs.server.api, "POST /orgauthorization/pairings", 200, pairing_cases[_i].answer);
        run_init(&run, "", NULL, "pair t1; create t1; add t1 u1 >", NULL);
        options.clock = fake_api_clock(run.server.api);
        ck_assert_int_eq(ts_apply(fake_api_client(run.server.api), run.plan, run.live, &options,
                                  &run.outcomes, &run.err),
                         0);
        check_results(&run, pairing_cases[_i].name, pairing_cases[_i].results);
        put_log(&run, &log);
        ck_assert(ts_change_outcome(&run.plan->changes[0])->sent);
        if (pairing_cases[_i].results[0] == 'A')
                ck_assert(ts_change_outcome(&run.plan->changes[0])->pairing_created == TS_TIME_UNSET);
        ck_assert_int_eq(strstr(ts_buf_text(&log), "POST T {\"pairingId\":\"p1\",") != NULL,
                         pairing_cases[_i].results[0] == 'A');
}
END_TEST

/* The partner's client is not ours: what it cannot do is one change that failed. */
START_TEST(test_client_of_the_partner_dies)
{
        TS_CLEANUP(run_done) struct run run, theirs;
        struct ts_apply_options options = { .on_change = on_change, .partner = partner, .userdata = &theirs };

        run_init(&theirs, "", NULL, "", "POST P=401");
        ts_client_allow_writes(fake_api_client(theirs.server.api), false);
        run_init(&run, "t2 on u1=", NULL, "pair t1; create t1; add t2 u2 >", NULL);
        options.clock = fake_api_clock(run.server.api);
        ck_assert_int_eq(ts_apply(fake_api_client(run.server.api), run.plan, run.live, &options,
                                  &run.outcomes, &run.err),
                         0);
        check_results(&run, "partner", "FWA");
        ck_assert(!ts_change_outcome(&run.plan->changes[0])->sent);
}
END_TEST

/* It may write for that one request. */
START_TEST(test_partner_writes_once)
{
        TS_CLEANUP(run_done) struct run run, theirs;
        struct ts_apply_options options = { .on_change = on_change, .partner = partner, .userdata = &theirs };

        run_init(&theirs, "t2 on u1=", NULL, "remove t2 u1", NULL);
        ts_client_allow_writes(fake_api_client(theirs.server.api), false);
        fake_api_answer(theirs.server.api, "POST /orgauthorization/pairings", 200,
                        "{'id':'00000000-0000-4000-8000-000000000801','trustee':{'id':'" T1 "'}}");
        run_init(&run, "", NULL, "pair t1; create t1; add t1 u1 >", NULL);
        options.clock = fake_api_clock(run.server.api);
        ck_assert_int_eq(ts_apply(fake_api_client(run.server.api), run.plan, run.live, &options,
                                  &run.outcomes, &run.err),
                         0);
        check_results(&run, "partner", "AAA");
        ck_assert_uint_eq(fake_api_count(theirs.server.api), 1);
        run_apply(&theirs, UNKNOWN);
        ck_assert_int_eq(theirs.r, -EROFS);
        check_results(&theirs, "partner", "F");
}
END_TEST

START_TEST(test_we_may_not_ask)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t2 on u1=", NULL, "pair o1; add t2 u2 >", NULL);
        ts_client_allow_writes(fake_api_client(run.server.api), false);
        run_apply(&run, UNKNOWN);
        ck_assert_int_eq(run.r, -EROFS);
        check_results(&run, "ask", "FF");
        ck_assert_uint_eq(fake_api_count(run.server.api), 0);
}
END_TEST

START_TEST(test_no_partner)
{
        struct ts_apply_options options = { .on_change = on_change };
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "", NULL, "pair t1", NULL);
        options.userdata = &run;
        options.clock = fake_api_clock(run.server.api);
        ck_assert_int_eq(ts_apply(fake_api_client(run.server.api), run.plan, run.live, &options,
                                  &run.outcomes, &run.err),
                         0);
        check_results(&run, "pair", "F");
        notes_are(&run, "pair", NULL);
        ck_assert_uint_eq(fake_api_count(run.server.api), 0);
}
END_TEST

/* Stopped after any number of requests: what was not sent stays planned, nothing is written any more. */
START_TEST(test_stop)
{
        static const char plan[] =
                        "remove t1 u1; remove t1 u2; update t1 u3 r1* > r2*; add t1 u4 >; enable t1";
        TS_CLEANUP(run_done) struct run run;
        size_t n_writes = 0;

        run_init(&run, "t1 off u1= u2= u3=r1*", NULL, plan, NULL);
        fake_api_stop_after(run.server.api, (size_t) _i + 1);
        run_apply(&run, TS_SUBJECT_READS_PROVEN);
        for (const char *line = fake_api_log(run.server.api); line && *line != '\0';
             line = strchr(line, '\n'), line += !!line)
                n_writes += strncmp(line, "GET ", 4) != 0;
        for (size_t i = 0; i < run.plan->n_changes; i++) {
                const struct ts_change *c = &run.plan->changes[i];

                ck_assert_msg(ts_change_result(c) == (ts_change_outcome(c)->sent ? TS_APPLIED : TS_PLANNED),
                              "stopped after %d: change %zu is %s", _i + 1, i,
                              ts_result_to_string(ts_change_result(c)));
                n_writes -= ts_change_outcome(c)->sent;
        }
        ck_assert_uint_eq(n_writes, 0); /* one for each that was sent */
        ck_assert_int_eq(run.r, ts_change_outcome(&run.plan->changes[4])->sent ? 0 : -ECANCELED);
}
END_TEST

START_TEST(test_client_dies)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 off u1= u2=", NULL, "remove t1 u1; add t1 u3 >; enable t1", "POST T/t1/users=401");
        run_apply(&run, TS_SUBJECT_READS_PROVEN);
        ck_assert_int_eq(run.r, -EACCES);
        check_results(&run, "dies", "AFF");
        notes_are(&run, "dies", NULL);
        ck_assert(!ts_change_outcome(&run.plan->changes[2])->sent);
}
END_TEST

/* What was sent is not planned any more, though nobody can tell what it did. */
START_TEST(test_client_dies_over_a_lost_answer)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 off", NULL, "add t1 u3 >; enable t1", "POST T/t1/users=0; GET T/t1/users/u3=401");
        run_apply(&run, PROVEN);
        ck_assert_int_eq(run.r, -EACCES);
        check_results(&run, "dies", "FF");
        notes_are(&run, "dies", NULL);
        ck_assert(ts_change_outcome(&run.plan->changes[0])->sent &&
                  !ts_change_outcome(&run.plan->changes[1])->sent);
}
END_TEST

/* Each repetition waits twice as long. */
START_TEST(test_late_authorization)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 on u1=r1d1,r2*", NULL, "update t1 u1 r1d1,r2* > r1d1",
                 "PUT T/t1/users/u1/roledivisions=404");
        run_apply(&run, PROVEN);
        check_results(&run, "late", "W");
        ck_assert_uint_eq(fake_api_count(run.server.api), 1 + 4);
        ck_assert_uint_eq(fake_api_waited_usec(run.server.api), (1 + 2 + 4) * TS_USEC_PER_SEC);
}
END_TEST

START_TEST(test_may_not_write)
{
        TS_CLEANUP(run_done) struct run run;

        run_init(&run, "t1 on u1=", NULL, "remove t1 u1", NULL);
        ts_client_allow_writes(fake_api_client(run.server.api), false);
        run_apply(&run, TS_SUBJECT_READS_PROVEN);
        ck_assert_int_eq(run.r, -EROFS);
        check_results(&run, "may not write", "F");
        ck_assert_ptr_null(strstr(fake_api_log(run.server.api), "DELETE"));
}
END_TEST

/* At most three requests a change, in any number of changes. */
START_TEST(test_count)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf plan = TS_BUF_INIT(64 * 1024);
        TS_CLEANUP(ts_buf_done) struct ts_buf live = TS_BUF_INIT(64 * 1024);
        TS_CLEANUP(run_done) struct run run;

        ts_buf_puts(&live, "t1 off");
        for (unsigned i = 0; i < 5; i++) {
                ts_buf_printf(&live, " u%u=r1*,r2d1", i);
                ts_buf_printf(&plan, "remove t1 u%u;", i);
        }
        for (unsigned i = 5; i < 10; i++) {
                ts_buf_printf(&live, " u%u=r1*,r2d1", i);
                ts_buf_printf(&plan, "update t1 u%u r1*,r2d1 > r1d1;", i);
        }
        ts_buf_puts(&plan, "add t1 g1 > r1*; add t1 g2 > r1*; enable t1");
        run_init(&run, ts_buf_text(&live), NULL, ts_buf_text(&plan), NULL);
        run_apply(&run, TS_SUBJECT_READS_PROVEN);
        check_results(&run, "count", "AAAAAAAAAAAAA");
        ck_assert_uint_eq(fake_api_count(run.server.api), 5 * 3 + 5 * 3 + 2 * 2 + 3);
}
END_TEST

static const struct {
        const char *plan, *request;
} describe_cases[] = {
        { "disable t1", "PUT /api/v2T/t1" },
        { "delete t1", "DELETE /api/v2T/t1" },
        { "delete o1", "DELETE /api/v2R/o1" },
        { "add t1 u1 > r1*", "POST /api/v2T/t1/users" },
        { "add o1 u1", "PUT /api/v2R/o1/users/u1" },
        { "add t1 c1", "" },
        { "remove t1 u1", "DELETE /api/v2T/t1/users/u1" },
        { "update t1 u1 r1* > r2*", "PUT /api/v2T/t1/users/u1/roledivisions" },
        { "update t1 g1 r1* >", "DELETE /api/v2T/t1/groups/g1/roles" },
        { "pair t1", "POST /api/v2P" },
        { "create t1", "POST /api/v2T" },
        { "create o1", "" },
        { "care", "POST /api/v2T/default" },
};

START_TEST(test_describe)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(4096);
        struct state none = { 0 };
        TS_CLEANUP(ts_live_freep) struct ts_live *live = live_of(&none);
        TS_CLEANUP(ts_plan_freep) struct ts_plan *plan = plan_of(describe_cases[_i].plan, live);

        ts_apply_describe(&plan->changes[0], &text);
        put_short(ts_buf_text(&text), &out);
        ck_assert_str_eq(ts_buf_text(&out), describe_cases[_i].request);
}
END_TEST

static Suite *suite(void)
{
        Suite *s = suite_create("apply");
        TCase *tc = tcase_create("apply");

        tcase_set_timeout(tc, 60);
        tcase_add_loop_test(tc, test_apply, 0, TS_N_ELEMENTS(cases));
        tcase_add_test(tc, test_blind_subjects);
        tcase_add_loop_test(tc, test_slow, 0, TS_N_ELEMENTS(slow_cases));
        tcase_add_loop_test(tc, test_cannot_be_read_back, 0, TS_N_ELEMENTS(unread_cases));
        tcase_add_test(tc, test_shows_otherwise);
        tcase_add_loop_test(tc, test_answers, 0, TS_N_ELEMENTS(answer_cases));
        tcase_add_loop_test(tc, test_shown_after_a_removal, 0, TS_N_ELEMENTS(shown_cases));
        tcase_add_test(tc, test_seen_gone);
        tcase_add_loop_test(tc, test_carried_out_again, 0, TS_N_ELEMENTS(again_cases));
        tcase_add_loop_test(tc, test_alarms, 0, TS_N_ELEMENTS(alarm_cases));
        tcase_add_loop_test(tc, test_members_of_a_trust_that_is_closed, 0, TS_N_ELEMENTS(guard_cases));
        tcase_add_test(tc, test_create);
        tcase_add_test(tc, test_create_fails);
        tcase_add_loop_test(tc, test_create_without_all, 0, TS_N_ELEMENTS(create_all_cases));
        tcase_add_test(tc, test_create_answer_lost);
        tcase_add_test(tc, test_pairing_outcome);
        tcase_add_loop_test(tc, test_pairing_by_the_partner, 0, TS_N_ELEMENTS(pairing_cases));
        tcase_add_test(tc, test_client_of_the_partner_dies);
        tcase_add_test(tc, test_partner_writes_once);
        tcase_add_test(tc, test_we_may_not_ask);
        tcase_add_test(tc, test_no_partner);
        tcase_add_loop_test(tc, test_stop, 0, 14);
        tcase_add_test(tc, test_client_dies);
        tcase_add_test(tc, test_client_dies_over_a_lost_answer);
        tcase_add_test(tc, test_late_authorization);
        tcase_add_test(tc, test_may_not_write);
        tcase_add_test(tc, test_count);
        tcase_add_loop_test(tc, test_describe, 0, TS_N_ELEMENTS(describe_cases));
        suite_add_tcase(s, tc);
        return s;
}

int main(void)
{
        return run_suite(suite());
}
