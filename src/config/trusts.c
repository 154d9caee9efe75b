#include "config/trusts.h"

#include <stdio.h>
#include <string.h>

#include "config/loader.h"
#include "config/members.h"
#include "util/mem.h"

#define USERS_PER_TRUST_DEFAULT 25u

static const char *const states[] = { "present", "absent", NULL };

static void read_state(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        struct ts_decl_trust *t = target;

        (void) key;
        t->absent = ts_schema_get_word(y, value, states) == 1;
        t->state_source = ts_yaml_source(y, value->key);
}

static void read_mode(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        static const char *const words[] = { "observe", NULL };
        struct ts_decl_trust *t = target;

        (void) key;
        if (value->kind == TS_YAML_TEXT && strcmp(value->text, "enforce") == 0)
                ts_yaml_fault(y, value,
                              "leave 'mode' out: whether changes are applied is a matter of the settings",
                              "a declaration can only say 'observe'");
        else
                t->observe = ts_schema_get_word(y, value, words) == 0;
}

static void read_enabled(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        struct ts_decl_trust *t = target;
        bool enabled;

        (void) key;
        if (!ts_schema_get_bool(y, value, &enabled))
                return;
        t->enabled = enabled ? TS_YES : TS_NO;
        t->enabled_source = ts_yaml_source(y, value->key);
}

static void read_expires(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        struct ts_decl_trust *t = target;

        (void) key;
        if (ts_schema_get_expiry(y, value, &t->expires))
                t->expires_source = ts_yaml_source(y, value->key);
}

static void read_unlisted(struct ts_yaml *y, const struct ts_yaml_node *value,
                          const struct ts_schema_key *key, void *target)
{
        static const char *const words[] = { "remove", "report", NULL };

        (void) key;
        *(bool *) target = ts_schema_get_word(y, value, words) == 1;
}

static void read_pairing(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        static const char hint[] =
                        "the id that the partner was told, or `auto` to make the request ourselves";
        struct ts_decl_pairing *p = target;

        (void) key;
        if (!ts_schema_is_text(y, value, "the id of a request or `auto`", hint))
                return;
        p->automatic = strcmp(value->text, "auto") == 0;
        if (!p->automatic && !ts_id_parse_string(value->text, &p->id))
                ts_yaml_fault(y, value, hint, "'pairing' has to be the id of a request or `auto`, not '%s'",
                              value->text);
        else if (p->automatic || ts_schema_get_id(y, value, &p->id))
                p->source = ts_yaml_source(y, value->key);
}

#define HOW_TO_ID "the id of the other organization, as in id: 1f2e3d4c-0000-4000-8000-000000000001"

static const struct ts_schema_key trustee_keys[] = {
        { .name = "id",
          .read = ts_schema_read_id,
          .offset = offsetof(struct ts_decl_trust, id),
          .required = true,
          .hint = HOW_TO_ID },
        { .name = "state", .read = read_state },
        { .name = "mode", .read = read_mode },
        { .name = "enabled", .read = read_enabled },
        { .name = "expires", .read = read_expires },
        { .name = "pairing", .read = read_pairing, .offset = offsetof(struct ts_decl_trust, pairing) },
        { .name = "unlisted",
          .read = read_unlisted,
          .offset = offsetof(struct ts_decl_trust, report_unlisted) },
        { .name = "users", .read = ts_members_read_users, .offset = offsetof(struct ts_decl_trust, users) },
        { .name = "groups",
          .read = ts_members_read_groups,
          .offset = offsetof(struct ts_decl_trust, groups) },
        { .name = "clones",
          .read = ts_members_list_clones,
          .offset = offsetof(struct ts_decl_trust, clones),
          .hint = "write a list: a clone has the roles that its user has" },
        { .name = "request",
          .hint = "the trustee makes the request: it is for `trustors`; here write its id under 'pairing'" },
        TS_LABEL_KEYS(struct ts_decl_trust),
};

#define ROLES_ARE_THEIRS "write a list: which roles they get there is up to the trustor"
#define TRUST_IS_THEIRS "only the trustor can say that: remove the key"

static const struct ts_schema_key request_keys[] = {
        { .name = "users",
          .read = ts_members_list_users,
          .offset = offsetof(struct ts_decl_request, users),
          .hint = ROLES_ARE_THEIRS },
        { .name = "groups",
          .read = ts_members_list_groups,
          .offset = offsetof(struct ts_decl_request, groups),
          .hint = ROLES_ARE_THEIRS },
};

static void read_request(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        static const char hint[] = "list at least one under 'users' or 'groups'";
        struct ts_decl_request *r = target;
        size_t n_errors = y->faults->n_errors;

        (void) key;
        if (!ts_schema_is_map(y, value, hint))
                return;
        ts_schema_read(y, value, request_keys, TS_N_ELEMENTS(request_keys), r);
        r->source = ts_yaml_source(y, value->key);
        if (r->users.n + r->groups.n == 0 && y->faults->n_errors == n_errors)
                ts_yaml_fault(y, value->key, hint, "a pairing request needs somebody who wants to come in");
}

static const struct ts_schema_key trustor_keys[] = {
        { .name = "id",
          .read = ts_schema_read_id,
          .offset = offsetof(struct ts_decl_trust, id),
          .required = true,
          .hint = HOW_TO_ID },
        { .name = "state", .read = read_state },
        { .name = "mode", .read = read_mode },
        { .name = "enabled", .hint = TRUST_IS_THEIRS },
        { .name = "expires", .hint = TRUST_IS_THEIRS },
        { .name = "pairing",
          .hint = "that is for `trustees`; here we are the ones who ask: write 'request'" },
        { .name = "request", .read = read_request, .offset = offsetof(struct ts_decl_trust, request) },
        { .name = "unlisted",
          .read = read_unlisted,
          .offset = offsetof(struct ts_decl_trust, report_unlisted) },
        { .name = "users",
          .read = ts_members_list_users,
          .offset = offsetof(struct ts_decl_trust, users),
          .hint = ROLES_ARE_THEIRS },
        { .name = "groups",
          .read = ts_members_list_groups,
          .offset = offsetof(struct ts_decl_trust, groups),
          .hint = ROLES_ARE_THEIRS },
        { .name = "clones",
          .read = ts_members_list_clones,
          .offset = offsetof(struct ts_decl_trust, clones),
          .hint = ROLES_ARE_THEIRS },
        { .name = "roles", .hint = TRUST_IS_THEIRS },
        { .name = "role_sets", .hint = TRUST_IS_THEIRS },
        TS_LABEL_KEYS(struct ts_decl_trust),
};

/* ---------------------------------------------------------------------------------------------- the whole */

static const struct ts_yaml_node *node_of(const struct ts_yaml_node *trust, const char *key)
{
        const struct ts_yaml_node *value = ts_schema_find(trust, key);

        return value ? value : trust->key;
}

/* " until 2026-12-24T18:00:00Z": when there are so many. Nothing when there always are. */
static const char *format_moment(int64_t from, int64_t until, char buf[static 64])
{
        buf[0] = '\0';
        if (from != TS_TIME_UNSET)
                (void) snprintf(buf, 64, " at %s", ts_time_format(from).s);
        else if (until != TS_TIME_UNSET)
                (void) snprintf(buf, 64, " until %s", ts_time_format(until).s);
        return buf;
}

static void check_number_of_users(struct ts_yaml *y, const struct ts_yaml_node *value,
                                  const struct ts_decl_trust *t)
{
        const struct ts_settings_organization *s = ts_loader_organization(y)->settings;
        size_t allowed = s ? s->policy.limits.users_per_trust : USERS_PER_TRUST_DEFAULT, n;
        int64_t from, until;
        char moment[64];

        if (t->users.n <= allowed)
                return;
        n = ts_members_peak(&t->users, &from, &until);
        if (n > allowed)
                ts_yaml_fault(y, node_of(value, "users")->key,
                              from == TS_TIME_UNSET && until != TS_TIME_UNSET
                                              ? "remove the users whose window is over; it is the platform's "
                                                "own "
                                                "limit"
                                              : "it is the platform's own limit; raise it in the settings "
                                                "only when yours is higher",
                              "%zu users in the trust '%s'%s, and %zu %s allowed (users_per_trust)", n,
                              t->alias, format_moment(from, until, moment), allowed,
                              allowed == 1 ? "is" : "are");
}

static void check_number_of_clones(struct ts_yaml *y, const struct ts_yaml_node *value,
                                   const struct ts_decl_trust *t)
{
        if (t->clones.n > TS_CLONES_MAX)
                ts_yaml_fault(y, node_of(value, "clones")->key, NULL,
                              "%zu clones in the trust '%s', and the platform allows %u", t->clones.n,
                              t->alias, TS_CLONES_MAX);
}

/* Checks that need only the trust itself. */
static void check_trust(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_decl_trust *t)
{
        const struct ts_loader_organization *o = ts_loader_organization(y);
        struct ts_id id;

        if (!ts_id_is_nil(&t->id) && ts_id_parse_string(t->alias, &id) && !ts_id_equal(&id, &t->id))
                ts_yaml_fault(y, value->key, "give it a name of your own",
                              "'%s' is another id than the trust's", t->alias);
        if (!ts_id_is_nil(&t->id) && o->settings && ts_id_equal(&t->id, &o->settings->id))
                ts_yaml_fault(y, node_of(value, "id"), NULL,
                              "this is the id of '%s' itself: no organization trusts itself", o->alias);
        if (t->absent || ts_loader_of(y)->read_exported)
                return; /* nobody will come in, and what is live is no wish */
        check_number_of_users(y, value, t);
        check_number_of_clones(y, value, t);
}

/* A request makes one trust. */
static void check_pairing(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_decl_trust *t,
                          uint32_t index)
{
        struct ts_loader_organization *o = ts_loader_organization(y);
        const struct ts_id *id;
        uint32_t first;

        if (ts_id_is_nil(&t->pairing.id))
                return;
        id = ts_arena_memdup(ts_loader_arena(y), &t->pairing.id, sizeof(*id));
        first = ts_map_add_id(&o->pairings, id, index);
        if (first != index)
                ts_loader_fault_twice(y, node_of(value, "pairing"), &o->trusts[first].pairing.source,
                                      "the pairing request", ts_id_format(id).s);
}

/* The alias is what people call it, the id is what it is: in one direction neither may stand for two. */
static bool is_second_trust(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_decl_trust *t)
{
        struct ts_loader_organization *o = ts_loader_organization(y);
        uint32_t index = (uint32_t) o->n_trusts, first;

        first = ts_map_add(&o->trust_aliases[t->direction], t->alias, strlen(t->alias), index);
        if (first != index) {
                ts_loader_fault_twice(y, value->key, &o->trusts[first].source, "the trust", t->alias);
                return true;
        }
        if (ts_id_is_nil(&t->id))
                return false;
        first = ts_map_add_id(&o->trust_ids[t->direction],
                              ts_arena_memdup(ts_loader_arena(y), &t->id, sizeof(t->id)), index);
        if (first == index)
                return false;
        ts_loader_fault_twice(y, node_of(value, "id"), &o->trusts[first].source, "the organization",
                              ts_id_format(&t->id).s);
        return true;
}

static void read_trust(struct ts_yaml *y, const struct ts_yaml_node *value, enum ts_direction direction)
{
        const char *alias = value->key->kind == TS_YAML_TEXT ? ts_schema_get_text(y, value->key) : NULL;
        const struct ts_schema_key *keys = direction == TS_TRUSTEE ? trustee_keys : trustor_keys;
        size_t n_keys = direction == TS_TRUSTEE ? TS_N_ELEMENTS(trustee_keys) : TS_N_ELEMENTS(trustor_keys);
        struct ts_loader_organization *o = ts_loader_organization(y);
        struct ts_decl_trust t;

        if (!alias || !ts_loader_count(y, value->key, TS_COUNTED_OBJECTS, 1))
                return;
        if (value->kind != TS_YAML_MAP && ts_schema_has(keys, n_keys, alias)) {
                ts_yaml_fault(y, value->key, "indent it more than the name of its trust",
                              "'%s' is a key of a trust, and stands where trusts are named", alias);
                return;
        }
        t = (struct ts_decl_trust){
                .direction = direction,
                .alias = ts_arena_strdup(ts_loader_arena(y), alias),
                .source = ts_yaml_source(y, value->key),
                .expires = TS_TIME_UNSET,
        };
        ts_schema_read(y, value, keys, n_keys, &t);
        check_trust(y, value, &t);
        TS_GROW(o->trusts, o->n_trusts_allocated, o->n_trusts);
        o->trusts[o->n_trusts] =
                        t; /* in place for the maps to find, also when it turns out to be a second one */
        if (is_second_trust(y, value, &t))
                return;
        check_pairing(y, value, &t, (uint32_t) o->n_trusts);
        o->n_trusts++;
}

static void read_trusts(struct ts_yaml *y, const struct ts_yaml_node *value, enum ts_direction direction)
{
        struct ts_source *source = &ts_loader_organization(y)->list_sources[direction];
        const struct ts_yaml_node *e;

        if (!ts_schema_is_map(y, value, "name each trust on a line below it, indented more; {} for none"))
                return;
        if (!source->file)
                *source = ts_yaml_source(y, value->key);
        for (e = value->items; e; e = e->next)
                read_trust(y, e, direction);
}

void ts_trusts_read_trustees(struct ts_yaml *y, const struct ts_yaml_node *value,
                             const struct ts_schema_key *key, void *target)
{
        (void) key;
        (void) target;
        read_trusts(y, value, TS_TRUSTEE);
}

void ts_trusts_read_trustors(struct ts_yaml *y, const struct ts_yaml_node *value,
                             const struct ts_schema_key *key, void *target)
{
        (void) key;
        (void) target;
        read_trusts(y, value, TS_TRUSTOR);
}

/* ------------------------------------------------------------------------------------------ customer care */

static void read_care_state(struct ts_yaml *y, const struct ts_yaml_node *value,
                            const struct ts_schema_key *key, void *target)
{
        (void) key;
        *(bool *) target = ts_schema_get_word(y, value, states) == 1;
}

/* Who lets the vendor in says so: `state` has no default. */
static const struct ts_schema_key care_keys[] = {
        { .name = "state",
          .read = read_care_state,
          .offset = offsetof(struct ts_decl_care, absent),
          .required = true },
        { .name = "assign_default_role",
          .read = ts_schema_read_bool,
          .offset = offsetof(struct ts_decl_care, assign_default_role) },
        { .name = "auto_expire",
          .read = ts_schema_read_bool,
          .offset = offsetof(struct ts_decl_care, auto_expire) },
};

void ts_trusts_read_care(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                         void *target)
{
        struct ts_decl_care care = { .source = ts_yaml_source(y, value->key), .auto_expire = true };
        struct ts_loader_organization *o = ts_loader_organization(y);

        (void) target;
        ts_schema_read(y, value, care_keys, TS_N_ELEMENTS(care_keys), &care);
        if (o->care.source.file)
                ts_loader_fault_twice(y, value->key, &o->care.source, "the section", key->name);
        else
                o->care = care;
}
