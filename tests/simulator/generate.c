#include "generate.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"

#define GENERATE_ROLES 40u
#define GENERATE_DIVISIONS 12u
#define GENERATE_EMPLOYEES 60u
#define GENERATE_TRUSTS_MAX 100000
#define GENERATE_USERS_MAX 1000
#define GENERATE_CREATED 1735689600 /* 2025-01-01 */

/* What is drawn for; a stream of chance each. */
enum generate_draw {
        DRAW_TRUST_ID,
        DRAW_USER_ID,
        DRAW_STRANGER_ID,
        DRAW_ROLE,
        DRAW_DIVISION,
        DRAW_DRIFT,
};

/* Chance without a state: the same for the same place, wherever it is asked for. */
static uint64_t generate_draw(const struct ts_generate *g, enum generate_draw what, int64_t a, int64_t b,
                              uint64_t c)
{
        uint64_t z = (uint64_t) g->seed;
        const uint64_t parts[] = { (uint64_t) what, (uint64_t) a, (uint64_t) b, c };

        for (size_t i = 0; i < TS_N_ELEMENTS(parts); i++) {
                z += parts[i] + 0x9e3779b97f4a7c15u;
                z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
                z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
                z ^= z >> 31;
        }
        return z;
}

static struct ts_id generate_id(const struct ts_generate *g, enum generate_draw what, int64_t trust,
                                int64_t user)
{
        struct ts_id id;

        for (uint64_t i = 0; i < 2; i++) {
                uint64_t z = generate_draw(g, what, trust, user, i);

                memcpy(id.bytes + 8 * i, &z, sizeof(z));
        }
        id.bytes[6] = (uint8_t) ((id.bytes[6] & 0x0f) | 0x40); /* the shape of a random UUID */
        id.bytes[8] = (uint8_t) ((id.bytes[8] & 0x3f) | 0x80);
        return id;
}

struct generate_name {
        char s[80];
};

static struct generate_name generate_trust_name(int64_t trust)
{
        struct generate_name name;

        (void) snprintf(name.s, sizeof(name.s), "partner-%05lld", (long long) trust + 1);
        return name;
}

static struct generate_name generate_email(const char *who, int64_t trust, int64_t user)
{
        struct generate_name name;

        (void) snprintf(name.s, sizeof(name.s), "%s-%03lld@partner-%05lld.example", who, (long long) user + 1,
                        (long long) trust + 1);
        return name;
}

static struct generate_name generate_role_name(uint32_t role)
{
        struct generate_name name;

        (void) snprintf(name.s, sizeof(name.s), "Role %02u", role + 1);
        return name;
}

static struct generate_name generate_division_name(uint32_t division)
{
        struct generate_name name;

        if (division == 0)
                return (struct generate_name){ "Home" };
        (void) snprintf(name.s, sizeof(name.s), "Division %u", division);
        return name;
}

/* -------------------------------------------------------------------------------------- what a user holds */

/* Room for the grants of one user, and for one that it has too many. */
struct generate_grants {
        struct ts_world_grant items[2 * GENERATE_ROLES + 1];
        struct ts_world_grants list;
};

static void generate_add(struct generate_grants *grants, uint32_t role, uint32_t division)
{
        grants->list.items = grants->items;
        assert(grants->list.n < TS_N_ELEMENTS(grants->items));
        grants->items[grants->list.n++] = (struct ts_world_grant){ role, division };
}

/* Half of the roles are held in all divisions, most of the others in one, some in two. */
static void generate_declared(const struct ts_generate *g, int64_t trust, int64_t user,
                              struct generate_grants *ret)
{
        uint32_t first = (uint32_t) (generate_draw(g, DRAW_ROLE, trust, user, 0) % GENERATE_ROLES);

        ret->list.n = 0;
        for (uint32_t i = 0; i < (uint32_t) g->roles_per_user; i++) {
                uint64_t chance = generate_draw(g, DRAW_DIVISION, trust, user, i);
                uint32_t role = (first + i * 7) %
                                GENERATE_ROLES; /* 7 and 40 have no common factor: no role twice */
                uint32_t division = (uint32_t) (chance / 100 % GENERATE_DIVISIONS);

                generate_add(ret, role, chance % 100 < 50 ? TS_WORLD_ALL : division);
                if (chance % 100 >= 90)
                        generate_add(ret, role, (division + 1) % GENERATE_DIVISIONS);
        }
        ts_world_grants_normalise(&ret->list);
}

enum generate_drift {
        DRIFT_MISSING,
        DRIFT_STRANGER, /* instead of it */
        DRIFT_GRANT_MORE,
        DRIFT_GRANT_LESS,
        DRIFT_DIVISION,
        DRIFT_MAX_,
        DRIFT_NONE = DRIFT_MAX_,
};

static enum generate_drift generate_drift(const struct ts_generate *g, int64_t trust, int64_t user)
{
        uint64_t chance = generate_draw(g, DRAW_DRIFT, trust, user, 0);

        if (chance % 100 >= (uint64_t) g->drift_percent)
                return DRIFT_NONE;
        return (enum generate_drift)(chance / 100 % DRIFT_MAX_);
}

/* A role that is not declared for the user: between the ones that are taken in steps of seven. */
static void generate_disturb(const struct ts_generate *g, int64_t trust, int64_t user,
                             enum generate_drift drift, struct generate_grants *grants)
{
        struct ts_world_grant *first = grants->items;
        uint32_t role = (uint32_t) (generate_draw(g, DRAW_ROLE, trust, user, 0) % GENERATE_ROLES);

        if (drift == DRIFT_GRANT_MORE)
                generate_add(grants, (role + (uint32_t) g->roles_per_user * 7) % GENERATE_ROLES, 0);
        else if (drift == DRIFT_GRANT_LESS)
                grants->list.n--;
        else if (drift == DRIFT_DIVISION)
                first->division = first->division == TS_WORLD_ALL ? 0 : TS_WORLD_ALL;
        ts_world_grants_normalise(&grants->list);
}

/* ---------------------------------------------------------------------------------------------- the world */

static void generate_member(const struct ts_generate *g, struct ts_world *w, struct ts_world_trust *t,
                            int64_t trust, int64_t user)
{
        struct generate_grants grants = { 0 };
        enum generate_drift drift = generate_drift(g, trust, user);
        const char *who = drift == DRIFT_STRANGER ? "stranger" : "user";
        struct ts_id id = generate_id(g, DRAW_USER_ID, trust, user);
        struct generate_name email = generate_email(who, trust, user);

        (void) ts_world_add_user(w, t->trustee, &id, generate_email("user", trust, user).s,
                                 generate_email("user", trust, user).s);
        if (drift == DRIFT_MISSING)
                return;
        if (drift == DRIFT_STRANGER)
                id = generate_id(g, DRAW_STRANGER_ID, trust, user);
        generate_declared(g, trust, user, &grants);
        generate_disturb(g, trust, user, drift, &grants);
        (void) ts_world_trust_add(t, ts_world_add_user(w, t->trustee, &id, email.s, email.s), &grants.list);
}

static void generate_trust(const struct ts_generate *g, struct ts_world *w, struct ts_world_org *org,
                           int64_t trust)
{
        struct ts_id id = generate_id(g, DRAW_TRUST_ID, trust, 0);
        struct ts_world_org *trustee = ts_world_add_org(w, &id, generate_trust_name(trust).s);
        struct ts_world_trust *t = ts_world_trust_new(trustee);
        size_t slot = ts_world_slot(w, org, trustee);

        t->created = GENERATE_CREATED;
        for (int64_t user = 0; user < g->users; user++)
                generate_member(g, w, t, trust, user);
        org->slots[slot].now = t;
}

static void generate_catalogue(struct ts_world *w, struct ts_world_org *org)
{
        for (uint32_t i = 0; i < GENERATE_ROLES; i++) {
                struct generate_name name = generate_role_name(i);
                struct ts_id id = ts_world_derive_id("role", org->name, name.s);

                (void) ts_world_add_role(w, org, &id, name.s);
        }
        for (uint32_t i = 0; i < GENERATE_DIVISIONS; i++) {
                struct generate_name name = generate_division_name(i);
                struct ts_id id = ts_world_derive_id("division", org->name, name.s);

                (void) ts_world_add_division(w, org, &id, name.s, i == 0);
        }
}

/* The organization's own people hold roles as well. */
static void generate_employees(struct ts_world *w, struct ts_world_org *org)
{
        for (uint32_t i = 0; i < GENERATE_EMPLOYEES; i++) {
                struct ts_world_grant grant = { i % GENERATE_ROLES, TS_WORLD_ALL };
                struct ts_id id;
                char email[64];

                (void) snprintf(email, sizeof(email), "employee-%02u@bench.example", i + 1);
                id = ts_world_derive_id("user", org->name, email);
                (void) ts_world_add_user(w, org, &id, email, email);
                ts_world_add_subject(w, org, &id, email, "PC_USER", &(struct ts_world_grants){ &grant, 1 });
        }
}

static struct ts_id generate_fixed_id(const char *text)
{
        struct ts_id id = { { 0 } };
        bool ok = ts_id_parse_string(text, &id);

        assert(ok);
        (void) ok;
        return id;
}

void ts_generate_world(const struct ts_generate *g, struct ts_world *w)
{
        struct ts_id id = generate_fixed_id(TS_GENERATE_ORGANIZATION_ID);
        struct ts_world_org *org = ts_world_add_org(w, &id, TS_GENERATE_ORGANIZATION);

        (void) ts_world_add_client(w, org, TS_GENERATE_CLIENT_ID, TS_GENERATE_CLIENT_SECRET);
        generate_catalogue(w, org);
        generate_employees(w, org);
        for (int64_t i = 0; i < g->trusts; i++)
                generate_trust(g, w, org, i);
}

/* --------------------------------------------------------------------------------------------- invariants */

static void generate_invariant_trust(const struct ts_generate *g, struct ts_world_org *org, int64_t trust,
                                     struct ts_invariants *inv)
{
        struct generate_grants grants = { 0 };
        struct ts_inv_member *users = TS_ARENA_ARRAY(&inv->arena, struct ts_inv_member, (size_t) g->users);

        for (int64_t i = 0; i < g->users; i++) {
                generate_declared(g, trust, i, &grants);
                users[i] = (struct ts_inv_member){
                        .id = generate_id(g, DRAW_USER_ID, trust, i),
                        .grants_managed = true,
                        .grants = { ts_arena_memdup(&inv->arena, grants.items,
                                                    grants.list.n * sizeof(grants.items[0])),
                                    grants.list.n },
                };
        }
        (void) ts_invariants_add_trust(
                        inv, &(const struct ts_inv_trust){
                                             .org = org,
                                             .id = generate_id(g, DRAW_TRUST_ID, trust, 0),
                                             .expires = TS_TIME_UNSET,
                                             .members[TS_WORLD_USER] = { true, users, (size_t) g->users },
                             });
}

void ts_generate_invariants(const struct ts_generate *g, const struct ts_world *w, struct ts_invariants *inv)
{
        struct ts_id id = generate_fixed_id(TS_GENERATE_ORGANIZATION_ID);
        struct ts_world_org *org = ts_world_find_org(w, &id);

        ts_invariants_init(inv, 1);
        inv->orgs[inv->n_orgs++] = (struct ts_inv_org){ .org = org };
        for (int64_t i = 0; i < g->trusts; i++)
                generate_invariant_trust(g, org, i, inv);
}

/* ------------------------------------------------------------------------------------------- declarations */

static void generate_yaml_roles(const struct ts_world_grants *grants, struct ts_buf *out)
{
        for (size_t i = 0, k; i < grants->n; i = k) {
                ts_buf_printf(out, "          %s: ", generate_role_name(grants->items[i].role).s);
                k = i + 1;
                if (grants->items[i].division == TS_WORLD_ALL) {
                        ts_buf_puts(out, "all\n");
                        continue;
                }
                ts_buf_printf(out, "[%s", generate_division_name(grants->items[i].division).s);
                for (; k < grants->n && grants->items[k].role == grants->items[i].role; k++)
                        ts_buf_printf(out, ", %s", generate_division_name(grants->items[k].division).s);
                ts_buf_puts(out, "]\n");
        }
}

static void generate_yaml_trust(const struct ts_generate *g, int64_t trust, struct ts_buf *out)
{
        struct ts_id id = generate_id(g, DRAW_TRUST_ID, trust, 0);
        struct generate_grants grants = { 0 };

        ts_buf_printf(out, "  %s:\n    id: %s\n    users:\n", generate_trust_name(trust).s,
                      ts_id_format(&id).s);
        for (int64_t i = 0; i < g->users; i++) {
                id = generate_id(g, DRAW_USER_ID, trust, i);
                ts_buf_printf(out, "      %s:\n        id: %s\n        roles:\n",
                              generate_email("user", trust, i).s, ts_id_format(&id).s);
                generate_declared(g, trust, i, &grants);
                generate_yaml_roles(&grants.list, out);
        }
}

int64_t ts_generate_declarations(const struct ts_generate *g, int64_t first, size_t max_bytes,
                                 struct ts_buf *out)
{
        int64_t next = first;

        ts_buf_printf(out, "version: 1\norganization: %s\n\ntrustees:\n", TS_GENERATE_ORGANIZATION);
        while (next < g->trusts) {
                TS_CLEANUP(ts_buf_done) struct ts_buf trust = TS_BUF_INIT(TS_SIM_BODY_MAX_BYTES);

                generate_yaml_trust(g, next, &trust);
                if (next > first && out->len + trust.len > max_bytes)
                        break;
                ts_buf_put(out, trust.data, trust.len);
                next++;
        }
        return next;
}

/* -------------------------------------------------------------------------------------------- the numbers */

int ts_generate_check(const struct ts_generate *g, struct ts_err *err)
{
        const struct {
                const char *name;
                int64_t value, least, most;
        } bounds[] = {
                { "trusts", g->trusts, 1, GENERATE_TRUSTS_MAX },
                { "users", g->users, 1, GENERATE_USERS_MAX },
                { "roles_per_user", g->roles_per_user, 1, GENERATE_ROLES - 1 },
                { "seed", g->seed, 0, INT64_MAX },
                { "drift_percent", g->drift_percent, 0, 100 },
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(bounds); i++)
                if (bounds[i].value < bounds[i].least || bounds[i].value > bounds[i].most)
                        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "%s is %lld, not within %lld to %lld",
                                          bounds[i].name, (long long) bounds[i].value,
                                          (long long) bounds[i].least, (long long) bounds[i].most);
        return 0;
}

int ts_generate_read(const struct ts_json *v, struct ts_generate *ret, struct ts_err *err)
{
        *ret = (struct ts_generate){ .roles_per_user = 3, .seed = 1 };
        (void) ts_json_get_int(v, "trusts", &ret->trusts);
        (void) ts_json_get_int(v, "users", &ret->users);
        (void) ts_json_get_int(v, "roles_per_user", &ret->roles_per_user);
        (void) ts_json_get_int(v, "seed", &ret->seed);
        (void) ts_json_get_int(v, "drift_percent", &ret->drift_percent);
        return ts_generate_check(ret, err);
}

void ts_generate_fixture(const struct ts_generate *g, struct ts_buf *out)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, true);

        ts_json_open_object(&w);
        ts_json_key(&w, "limits");
        ts_json_open_object(&w);
        ts_json_add_int(&w, "users_per_trust", g->users > 25 ? g->users : 25);
        ts_json_close_object(&w);
        ts_json_key(&w, "generate");
        ts_json_open_object(&w);
        ts_json_add_int(&w, "trusts", g->trusts);
        ts_json_add_int(&w, "users", g->users);
        ts_json_add_int(&w, "roles_per_user", g->roles_per_user);
        ts_json_add_int(&w, "seed", g->seed);
        ts_json_add_int(&w, "drift_percent", g->drift_percent);
        ts_json_close_object(&w);
        ts_json_close_object(&w);
        ts_buf_putc(out, '\n');
}
