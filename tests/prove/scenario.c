#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/macros.h"
#include "util/timefmt.h"

#define TEXT_MAX_BYTES ((size_t) 64 * 1024 * 1024)
#define TRUSTS_MAX 200u
#define USERS_MAX 25u
#define GROUPS_MAX 4u
#define GRANTS_MAX 4u

/* Names that readers of YAML and of prefixes get wrong. */
static const char *const role_names[] = { "Admin",          "Admin - Restricted", "null",
                                          "O'Brien's role", "Billing: Viewer",    "007" };
static const char *const division_names[] = { "Home", "Sales", "yes", "Support #1" };

struct grant {
        unsigned role, division; /* division TS_N_ELEMENTS(division_names): all */
};

enum window {
        WINDOW_NONE,
        WINDOW_OPEN,
        WINDOW_OVER,    /* it is not declared any more */
        WINDOW_TO_COME, /* it is not declared yet */
        WINDOW_MAX_,
};

/* A user, or a group. */
struct user {
        bool live, declared, by_email, with_id, grants_managed;
        enum window window;
        struct grant grants[2][GRANTS_MAX]; /* live, declared */
        unsigned n_grants[2];
};

enum side {
        LIVE,
        DECLARED,
};

struct trust {
        bool live, declared, absent, report_unlisted, users_managed;
        bool enabled;             /* live */
        int enabled_declared;     /* -1: left out */
        int64_t expires;          /* live; 0: never */
        int64_t expires_declared; /* -1: left out, 0: never */
        bool has_pairing;         /* when it is not live: the partner has asked */
        struct user users[USERS_MAX], groups[GROUPS_MAX];
        unsigned n_users, n_groups;
};

struct world {
        struct trust trusts[TRUSTS_MAX];
        unsigned n_trusts;
};

uint64_t scenario_random(uint64_t *state)
{
        uint64_t z = *state += 0x9e3779b97f4a7c15u;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

static unsigned below(uint64_t *state, unsigned n)
{
        return (unsigned) (scenario_random(state) % n);
}

bool scenario_chance(uint64_t *state, unsigned percent)
{
        return below(state, 100) < percent;
}

/* ---------------------------------------------------------------------------------------------- inventing */

static struct grant invent_grant(uint64_t *r)
{
        return (struct grant){ below(r, TS_N_ELEMENTS(role_names)),
                               below(r, TS_N_ELEMENTS(division_names) + 1) };
}

static void mutate_grants(uint64_t *r, struct user *u)
{
        unsigned n = u->n_grants[DECLARED];

        switch (below(r, 3)) {
        case 0:
                if (n < GRANTS_MAX)
                        u->grants[LIVE][u->n_grants[LIVE]++] = invent_grant(r);
                break;
        case 1:
                if (n > 0)
                        u->n_grants[LIVE]--;
                break;
        default:
                if (n > 0)
                        u->grants[LIVE][0].division = below(r, TS_N_ELEMENTS(division_names) + 1);
        }
}

static void invent_user(uint64_t *r, const struct scenario_options *o, struct user *u)
{
        u->declared = scenario_chance(r, 80);
        u->live = u->declared;
        u->by_email = scenario_chance(r, 70);
        u->with_id = !u->by_email || scenario_chance(r, 80);
        u->grants_managed = scenario_chance(r, 90);
        u->window = scenario_chance(r, 15) ? below(r, WINDOW_MAX_) : WINDOW_NONE;
        u->n_grants[DECLARED] = below(r, GRANTS_MAX);
        for (unsigned i = 0; i < u->n_grants[DECLARED]; i++)
                u->grants[DECLARED][i] = invent_grant(r);
        memcpy(u->grants[LIVE], u->grants[DECLARED], sizeof(u->grants[LIVE]));
        u->n_grants[LIVE] = u->n_grants[DECLARED];
        if (scenario_chance(r, o->drift_percent))
                u->live = !u->live;
        if (scenario_chance(r, o->drift_percent))
                mutate_grants(r, u);
}

static int64_t invent_expiry(uint64_t *r)
{
        return scenario_chance(r, 50) ? 0 : PROVE_STARTED + 86400 * (int64_t) (30 + below(r, 300));
}

static void invent_trust(uint64_t *r, const struct scenario_options *o, struct trust *t)
{
        t->live = scenario_chance(r, 92);
        t->declared = scenario_chance(r, 85);
        t->absent = scenario_chance(r, 8);
        t->report_unlisted = scenario_chance(r, 10);
        t->users_managed = scenario_chance(r, 90);
        t->enabled = scenario_chance(r, 85);
        t->enabled_declared = scenario_chance(r, 30) ? -1 : (int) t->enabled;
        t->expires = invent_expiry(r);
        t->expires_declared = scenario_chance(r, 30) ? -1 : t->expires;
        if (t->enabled_declared >= 0 && scenario_chance(r, o->drift_percent))
                t->enabled_declared = !t->enabled_declared;
        if (t->expires_declared >= 0 && scenario_chance(r, o->drift_percent))
                t->expires_declared = invent_expiry(r);
        t->n_users = below(r, (o->max_users < USERS_MAX ? o->max_users : USERS_MAX) + 1);
        for (unsigned i = 0; i < t->n_users; i++)
                invent_user(r, o, &t->users[i]);
        t->n_groups = scenario_chance(r, 60) ? 0 : below(r, GROUPS_MAX + 1);
        for (unsigned i = 0; i < t->n_groups; i++)
                invent_user(r, o, &t->groups[i]);
        t->has_pairing = scenario_chance(r, 40);
}

/* ------------------------------------------------------------------------------------------------ writing */

struct id {
        char s[40];
};

static struct id trust_id(unsigned t)
{
        struct id id;

        (void) snprintf(id.s, sizeof(id.s), "aa%06x-0000-4000-8000-000000000001", t & 0xffffffu);
        return id;
}

static struct id user_id(unsigned t, unsigned u)
{
        struct id id;

        (void) snprintf(id.s, sizeof(id.s), "bb%06x-0000-4000-8000-%012x", t & 0xffffffu, u & 0xffffffu);
        return id;
}

static struct id group_id(unsigned t, unsigned g)
{
        struct id id;

        (void) snprintf(id.s, sizeof(id.s), "cc%06x-0000-4000-8000-%012x", t & 0xffffffu, g & 0xffffffu);
        return id;
}

static struct id pairing_id(unsigned t)
{
        struct id id;

        (void) snprintf(id.s, sizeof(id.s), "dd%06x-0000-4000-8000-000000000001", t & 0xffffffu);
        return id;
}

static struct id group_name(unsigned t, unsigned g)
{
        struct id name;

        (void) snprintf(name.s, sizeof(name.s), "Tier %u of %u", g % 1000, t % 1000);
        return name;
}

static struct id email(unsigned t, unsigned u)
{
        struct id e;

        (void) snprintf(e.s, sizeof(e.s), "user%u@partner%u.example", u % 1000, t % 1000);
        return e;
}

static const char *division_of(const struct grant *g)
{
        return g->division < TS_N_ELEMENTS(division_names) ? division_names[g->division] : "*";
}

static void put_grants_json(struct ts_buf *out, const struct user *u, enum side side)
{
        ts_buf_puts(out, "\"grants\":[");
        for (unsigned i = 0; i < u->n_grants[side]; i++)
                ts_buf_printf(out, "%s[\"%s\",\"%s\"]", i > 0 ? "," : "", role_names[u->grants[side][i].role],
                              division_of(&u->grants[side][i]));
        ts_buf_puts(out, "]");
}

static void put_names(struct ts_buf *out, const char *key, const char *const *names, size_t n)
{
        ts_buf_printf(out, "\"%s\":[", key);
        for (size_t i = 0; i < n; i++)
                ts_buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", names[i]);
        ts_buf_puts(out, "],");
}

static void put_expiry_json(struct ts_buf *out, int64_t expires)
{
        ts_buf_printf(out, ",\"expires\":\"%s\"", ts_time_format(expires == 0 ? TS_TIME_NEVER : expires).s);
}

/* The partner's request to be let in: everybody is in it. */
static void put_pairing(struct ts_buf *out, unsigned t, const struct trust *trust)
{
        if (trust->live || !trust->has_pairing || trust->n_users + trust->n_groups == 0)
                return;
        ts_buf_printf(out, ",\"pairings\":[{\"id\":\"%s\",\"users\":[", pairing_id(t).s);
        for (unsigned u = 0; u < trust->n_users; u++)
                ts_buf_printf(out, "%s\"%s\"", u > 0 ? "," : "", user_id(t, u).s);
        ts_buf_puts(out, "],\"groups\":[");
        for (unsigned g = 0; g < trust->n_groups; g++)
                ts_buf_printf(out, "%s\"%s\"", g > 0 ? "," : "", group_id(t, g).s);
        ts_buf_puts(out, "]}]");
}

/* Everybody is in the partner's directory: who is declared and not live can be added. */
static void put_directories(struct ts_buf *out, const struct world *w)
{
        for (unsigned t = 0; t < w->n_trusts; t++) {
                ts_buf_printf(out, ",{\"id\":\"%s\",\"name\":\"Partner %u\",\"users\":[", trust_id(t).s, t);
                for (unsigned u = 0; u < w->trusts[t].n_users; u++)
                        ts_buf_printf(out, "%s{\"id\":\"%s\",\"email\":\"%s\",\"name\":\"User %u\"}",
                                      u > 0 ? "," : "", user_id(t, u).s, email(t, u).s, u);
                ts_buf_puts(out, "],\"groups\":[");
                for (unsigned g = 0; g < w->trusts[t].n_groups; g++)
                        ts_buf_printf(out, "%s{\"id\":\"%s\",\"name\":\"%s\"}", g > 0 ? "," : "",
                                      group_id(t, g).s, group_name(t, g).s);
                ts_buf_puts(out, "]");
                put_pairing(out, t, &w->trusts[t]);
                ts_buf_puts(out, "}");
        }
}

static void put_live_members(struct ts_buf *out, unsigned t, const struct trust *trust)
{
        bool first = true;

        ts_buf_puts(out, ",\"users\":[");
        for (unsigned u = 0; u < trust->n_users; u++) {
                if (!trust->users[u].live)
                        continue;
                ts_buf_printf(out, "%s{\"id\":\"%s\",\"email\":\"%s\",", first ? "" : ",", user_id(t, u).s,
                              email(t, u).s);
                put_grants_json(out, &trust->users[u], LIVE);
                ts_buf_puts(out, "}");
                first = false;
        }
        ts_buf_puts(out, "],\"groups\":[");
        first = true;
        for (unsigned g = 0; g < trust->n_groups; g++) {
                if (!trust->groups[g].live)
                        continue;
                ts_buf_printf(out, "%s{\"id\":\"%s\",\"name\":\"%s\",", first ? "" : ",", group_id(t, g).s,
                              group_name(t, g).s);
                put_grants_json(out, &trust->groups[g], LIVE);
                ts_buf_puts(out, "}");
                first = false;
        }
        ts_buf_puts(out, "]");
}

static void put_fixture(struct ts_buf *out, const struct world *w)
{
        bool first = true;

        ts_buf_puts(out, "{\"limits\":{\"users_per_trust\":1000},\"organizations\":[{\"id\":"
                         "\"" PROVE_ORGANIZATION_ID
                         "\",\"name\":\"Acme\",\"clients\":[{\"id\":\"prove\",\"secret\":\"no-secret\"}],");
        put_names(out, "roles", role_names, TS_N_ELEMENTS(role_names));
        put_names(out, "divisions", division_names, TS_N_ELEMENTS(division_names));
        ts_buf_puts(out, "\"trustees\":[");
        for (unsigned t = 0; t < w->n_trusts; t++) {
                const struct trust *trust = &w->trusts[t];

                if (!trust->live)
                        continue;
                ts_buf_printf(out, "%s{\"id\":\"%s\",\"name\":\"Partner %u\",\"enabled\":%s",
                              first ? "" : ",", trust_id(t).s, t, trust->enabled ? "true" : "false");
                put_expiry_json(out, trust->expires);
                put_live_members(out, t, trust);
                ts_buf_puts(out, "}");
                first = false;
        }
        ts_buf_puts(out, "]}");
        put_directories(out, w);
        ts_buf_puts(out, "]}");
}

static void put_roles_yaml(struct ts_buf *out, const struct user *u)
{
        ts_buf_puts(out, u->n_grants[DECLARED] == 0 ? "        roles: {}\n" : "        roles:\n");
        for (unsigned role = 0; role < TS_N_ELEMENTS(role_names); role++) {
                bool first = true, all = false;

                for (unsigned g = 0; g < u->n_grants[DECLARED]; g++)
                        all = all || (u->grants[DECLARED][g].role == role &&
                                      u->grants[DECLARED][g].division == TS_N_ELEMENTS(division_names));
                for (unsigned d = 0; d < TS_N_ELEMENTS(division_names) && !all; d++)
                        for (unsigned g = 0; g < u->n_grants[DECLARED]; g++) {
                                if (u->grants[DECLARED][g].role != role ||
                                    u->grants[DECLARED][g].division != d)
                                        continue;
                                if (first)
                                        ts_buf_printf(out, "          \"%s\": [", role_names[role]);
                                ts_buf_printf(out, "%s\"%s\"", first ? "" : ", ", division_names[d]);
                                first = false;
                                break;
                        }
                if (all)
                        ts_buf_printf(out, "          \"%s\": all\n", role_names[role]);
                else if (!first)
                        ts_buf_puts(out, "]\n");
        }
}

static void put_window_yaml(struct ts_buf *out, const struct user *u)
{
        static const char *const lines[WINDOW_MAX_] = {
                [WINDOW_NONE] = "",
                [WINDOW_OPEN] = "        from: 2020-01-01T00:00:00Z\n        until: 2040-01-01T00:00:00Z\n",
                [WINDOW_OVER] = "        until: 2020-01-01T00:00:00Z\n",
                [WINDOW_TO_COME] = "        from: 2040-01-01T00:00:00Z\n",
        };

        ts_buf_puts(out, lines[u->window]);
}

static void put_member_yaml(struct ts_buf *out, const char *name, const char *id, const struct user *u)
{
        bool needs_id = !u->grants_managed && (!u->by_email || !u->with_id) && u->window == WINDOW_NONE;

        ts_buf_printf(out, "      \"%s\":\n", u->by_email ? name : id);
        if ((u->by_email && u->with_id) || needs_id)
                ts_buf_printf(out, "        id: \"%s\"\n", id);
        put_window_yaml(out, u);
        if (u->grants_managed)
                put_roles_yaml(out, u);
}

static void put_trust_yaml(struct ts_buf *out, unsigned t, const struct trust *trust)
{
        unsigned n = 0;

        ts_buf_printf(out, "  partner%u:\n    id: \"%s\"\n", t, trust_id(t).s);
        if (trust->absent) {
                ts_buf_puts(out, "    state: absent\n");
                return;
        }
        if (trust->enabled_declared >= 0)
                ts_buf_printf(out, "    enabled: %s\n", trust->enabled_declared ? "true" : "false");
        if (trust->expires_declared >= 0)
                ts_buf_printf(out, "    expires: %s\n",
                              ts_time_format(trust->expires_declared == 0 ? TS_TIME_NEVER
                                                                          : trust->expires_declared)
                                              .s);
        if (trust->report_unlisted)
                ts_buf_puts(out, "    unlisted: report\n");
        if (trust->has_pairing)
                ts_buf_printf(out, "    pairing: \"%s\"\n", pairing_id(t).s);
        if (!trust->users_managed)
                return;
        for (unsigned u = 0; u < trust->n_users; u++)
                n += trust->users[u].declared;
        ts_buf_puts(out, n == 0 ? "    users: {}\n" : "    users:\n");
        for (unsigned u = 0; u < trust->n_users; u++)
                if (trust->users[u].declared)
                        put_member_yaml(out, email(t, u).s, user_id(t, u).s, &trust->users[u]);
        n = 0;
        for (unsigned g = 0; g < trust->n_groups; g++)
                n += trust->groups[g].declared;
        ts_buf_puts(out, n == 0 ? "    groups: {}\n" : "    groups:\n");
        for (unsigned g = 0; g < trust->n_groups; g++)
                if (trust->groups[g].declared)
                        put_member_yaml(out, group_name(t, g).s, group_id(t, g).s, &trust->groups[g]);
}

static void put_declarations(struct ts_buf *out, const struct world *w)
{
        unsigned n = 0;

        for (unsigned t = 0; t < w->n_trusts; t++)
                n += w->trusts[t].declared;
        ts_buf_puts(out, "version: 1\norganization: acme\n");
        ts_buf_puts(out, n == 0 ? "trustees: {}\n" : "trustees:\n");
        for (unsigned t = 0; t < w->n_trusts; t++)
                if (w->trusts[t].declared)
                        put_trust_yaml(out, t, &w->trusts[t]);
}

static void put_members_invariants(struct ts_buf *out, const char *key, const struct user *users, unsigned n,
                                   unsigned t, struct id (*id_of)(unsigned, unsigned))
{
        bool first = true;

        ts_buf_printf(out, ",\"%s\":[", key);
        for (unsigned u = 0; u < n; u++) {
                if (!users[u].declared || users[u].window == WINDOW_OVER || users[u].window == WINDOW_TO_COME)
                        continue;
                ts_buf_printf(out, "%s{\"id\":\"%s\"", first ? "" : ",", id_of(t, u).s);
                if (users[u].grants_managed) {
                        ts_buf_puts(out, ",");
                        put_grants_json(out, &users[u], DECLARED);
                }
                ts_buf_puts(out, "}");
                first = false;
        }
        ts_buf_puts(out, "]");
}

static void put_trust_invariants(struct ts_buf *out, unsigned t, const struct trust *trust)
{
        ts_buf_printf(out, "{\"id\":\"%s\",\"absent\":%s", trust_id(t).s, trust->absent ? "true" : "false");
        if (!trust->absent) {
                ts_buf_printf(out, ",\"create\":%s", trust->has_pairing ? "true" : "false");
                if (trust->enabled_declared >= 0)
                        ts_buf_printf(out, ",\"enabled\":%s", trust->enabled_declared ? "true" : "false");
                if (trust->expires_declared >= 0)
                        put_expiry_json(out, trust->expires_declared);
                if (trust->users_managed) {
                        put_members_invariants(out, "users", trust->users, trust->n_users, t, user_id);
                        put_members_invariants(out, "groups", trust->groups, trust->n_groups, t, group_id);
                }
        }
        ts_buf_puts(out, "}");
}

/* Who is protected and denied: to the settings and to the invariants alike. */
struct policy {
        bool protect_user, protect_organization, deny_user, deny_organization, deny_role;
        unsigned trusts[4], user;
        bool has_drift;
        unsigned per_cycle, per_day, trusts_per_day, percent;
        bool at_once;
};

static struct policy invent_policy(uint64_t *r, const struct scenario_options *o, const struct world *w)
{
        struct policy p = {
                .per_cycle = 100000, .per_day = 100000, .trusts_per_day = 100000, .percent = 100
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(p.trusts); i++)
                p.trusts[i] = below(r, w->n_trusts > 0 ? w->n_trusts : 1);
        p.user = below(r, o->max_users + 1);
        p.at_once = scenario_chance(r, 30);
        p.has_drift = o->other_hands;
        if (o->wide_limits)
                return p;
        p.protect_user = scenario_chance(r, 25);
        p.protect_organization = scenario_chance(r, 15);
        p.deny_user = scenario_chance(r, 15);
        p.deny_organization = scenario_chance(r, 10);
        p.deny_role = scenario_chance(r, 15);
        if (scenario_chance(r, 40))
                p.per_cycle = below(r, 12);
        if (scenario_chance(r, 30))
                p.per_day = below(r, 20);
        if (scenario_chance(r, 30))
                p.trusts_per_day = below(r, 3);
        if (scenario_chance(r, 30))
                p.percent = below(r, 60);
        return p;
}

static void put_settings(struct ts_buf *out, const struct policy *p, bool removes_unlisted)
{
        ts_buf_puts(out, "version: 1\norganizations:\n  acme:\n    api_url: http://127.0.0.1:1\n    "
                         "login_url: http://127.0.0.1:1\n"
                         "    id: \"" PROVE_ORGANIZATION_ID
                         "\"\n    client_id: prove\n    client_secret: credential:acme\n"
                         "    mode: enforce\n");
        ts_buf_printf(out, "unlisted_trusts: %s\ndelete_after: %s\n", removes_unlisted ? "remove" : "report",
                      p->at_once ? "\"0\"" : "1h");
        ts_buf_printf(out,
                      "limits:\n  removals_per_cycle: %u\n  removals_per_day: %u\n  trust_removals_per_day: "
                      "%u\n"
                      "  removals_percent: %u\n  users_per_trust: 1000\nprotect:\n",
                      p->per_cycle, p->per_day, p->trusts_per_day, p->percent);
        if (p->protect_organization)
                ts_buf_printf(out, "  organizations: [\"%s\"]\n", trust_id(p->trusts[0]).s);
        else
                ts_buf_puts(out, "  organizations: []\n");
        if (p->protect_user)
                ts_buf_printf(out, "  users: [\"%s\"]\n", email(p->trusts[1], p->user).s);
        ts_buf_puts(out, "deny:\n");
        if (p->deny_organization)
                ts_buf_printf(out, "  organizations: [\"%s\"]\n", trust_id(p->trusts[2]).s);
        else
                ts_buf_puts(out, "  organizations: []\n");
        if (p->deny_user)
                ts_buf_printf(out, "  users: [\"%s\"]\n", user_id(p->trusts[3], p->user).s);
        if (p->deny_role)
                ts_buf_printf(out, "  roles: [\"%s\"]\n", role_names[1]);
        ts_buf_puts(out, "http:\n  requests_per_minute: 100000\n");
}

/* Somebody's window is over: such removals count for no limit. */
static bool has_windows(const struct world *w)
{
        for (unsigned t = 0; t < w->n_trusts; t++) {
                for (unsigned u = 0; u < w->trusts[t].n_users; u++)
                        if (w->trusts[t].users[u].window != WINDOW_NONE)
                                return true;
                for (unsigned g = 0; g < w->trusts[t].n_groups; g++)
                        if (w->trusts[t].groups[g].window != WINDOW_NONE)
                                return true;
        }
        return false;
}

static void put_list(struct ts_buf *out, const char *key, const char *value, bool last)
{
        ts_buf_printf(out, "\"%s\":[", key);
        if (value)
                ts_buf_printf(out, "\"%s\"", value);
        ts_buf_puts(out, last ? "]" : "],");
}

static void put_invariants(struct ts_buf *out, const struct world *w, const struct policy *p,
                           bool removes_unlisted)
{
        bool first = true, is_protected;

        ts_buf_printf(out, "{\"organizations\":[{\"organization\":\"Acme\",\"unlisted\":\"%s\",\"trusts\":[",
                      removes_unlisted ? "remove" : "report");
        for (unsigned t = 0; t < w->n_trusts; t++) {
                if (!w->trusts[t].declared)
                        continue;
                if (!first)
                        ts_buf_puts(out, ",");
                put_trust_invariants(out, t, &w->trusts[t]);
                first = false;
        }
        ts_buf_puts(out, "]}],\"protected\":{");
        put_list(out, "organizations", p->protect_organization ? trust_id(p->trusts[0]).s : NULL, false);
        /* an entry by id wins over one by e-mail: who has both is denied */
        is_protected = p->protect_user && !(p->deny_user && p->trusts[1] == p->trusts[3]);
        put_list(out, "users", is_protected ? email(p->trusts[1], p->user).s : NULL, true);
        ts_buf_puts(out, "},\"denied\":{");
        put_list(out, "organizations", p->deny_organization ? trust_id(p->trusts[2]).s : NULL, false);
        put_list(out, "users", p->deny_user ? user_id(p->trusts[3], p->user).s : NULL, false);
        put_list(out, "roles", p->deny_role ? role_names[1] : NULL, true);
        ts_buf_puts(out, "}");
        /* neither what is denied counts, nor drift, nor whose window is over: then the limits do not bound
         * the removals */
        if (!p->deny_organization && !p->deny_user && !p->deny_role && !p->has_drift && !has_windows(w))
                ts_buf_printf(out, ",\"limits\":{\"removals\":%u,\"trust_removals\":%u}", p->per_day,
                              p->trusts_per_day);
        if (!p->at_once)
                ts_buf_puts(out, ",\"delete_after\":3600");
        ts_buf_puts(out, "}");
}

void scenario_init(struct scenario *s, const struct scenario_options *o)
{
        static const size_t max_bytes = TEXT_MAX_BYTES;
        uint64_t r = o->seed;
        unsigned max = o->max_trusts < TRUSTS_MAX ? o->max_trusts : TRUSTS_MAX;
        struct world w = { .n_trusts = o->is_exact ? max : below(&r, max + 1) };
        struct policy p;

        *s = (struct scenario){ .fixture = TS_BUF_INIT(max_bytes),
                                .declarations = TS_BUF_INIT(max_bytes),
                                .settings = TS_BUF_INIT(max_bytes),
                                .invariants = TS_BUF_INIT(max_bytes) };
        for (unsigned t = 0; t < w.n_trusts; t++) {
                invent_trust(&r, o, &w.trusts[t]);
                s->n_trusts += w.trusts[t].live;
        }
        p = invent_policy(&r, o, &w);
        s->removes_unlisted = scenario_chance(&r, 30);
        s->has_policy = p.protect_user || p.protect_organization || p.deny_user || p.deny_organization ||
                        p.deny_role;
        put_fixture(&s->fixture, &w);
        put_declarations(&s->declarations, &w);
        put_settings(&s->settings, &p, s->removes_unlisted);
        put_invariants(&s->invariants, &w, &p, s->removes_unlisted);
}

void scenario_done(struct scenario *s)
{
        ts_buf_done(&s->fixture);
        ts_buf_done(&s->declarations);
        ts_buf_done(&s->settings);
        ts_buf_done(&s->invariants);
}

void scenario_edit(uint64_t *random, const struct scenario *s, struct ts_buf *out)
{
        unsigned t = below(random, s->n_trusts + 1), u = below(random, 8);
        struct grant g = invent_grant(random);

        ts_buf_printf(out, "{\"organization\":\"Acme\",\"trust\":\"%s\",", trust_id(t).s);
        switch (below(random, 5)) {
        case 0:
                ts_buf_printf(out, "\"do\":\"add_grants\",\"user\":\"%s\",\"grants\":[[\"%s\",\"%s\"]]}",
                              user_id(t, u).s, role_names[g.role], division_of(&g));
                break;
        case 1:
                ts_buf_printf(out, "\"do\":\"set_grants\",\"user\":\"%s\",\"grants\":[]}", user_id(t, u).s);
                break;
        case 2:
                ts_buf_printf(out, "\"do\":\"remove_member\",\"user\":\"%s\"}", user_id(t, u).s);
                break;
        case 3:
                ts_buf_printf(out,
                              "\"do\":\"add_member\",\"user\":{\"email\":\"hand%u@partner%u.example\","
                              "\"grants\":[[\"%s\",\"*\"]]}}",
                              u, t, role_names[g.role]);
                break;
        default:
                ts_buf_printf(out, "\"do\":\"set_trust\",\"enabled\":%s}",
                              scenario_chance(random, 50) ? "true" : "false");
        }
}
