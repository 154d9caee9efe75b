#include "config/settings.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/schema.h"
#include "config/secret.h"
#include "config/yaml.h"
#include "util/limits.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/url.h"
#include "util/sorted.h"

#define TRUSTS_DEFAULT "trusts.d"
#define COUNT_MAX 1000000u
#define URL_HINT "write it as in https://api.mypurecloud.de"

struct loader {
        struct ts_settings settings;
        struct ts_policy policy; /* of all organizations, unless they have their own */
        enum ts_mode mode;
        const struct ts_yaml_node *organizations;
};

static struct loader *loader_of(const struct ts_yaml *y)
{
        return y->userdata;
}

static struct ts_arena *arena_of(const struct ts_yaml *y)
{
        return &loader_of(y)->settings.arena;
}

const char *ts_mode_to_string(enum ts_mode m)
{
        return m == TS_MODE_ENFORCE ? "enforce" : "observe";
}

/* ----------------------------------------------------------------------------------------- common readers */

#define HOW_TO_LIST "write each on a line below it, behind '- '; [] for none"

static void read_text(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        const char *text = ts_schema_get_text(y, value);

        (void) key;
        if (text)
                *(const char **) target = ts_arena_strdup(arena_of(y), text);
}

static void read_mode(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        static const char *const words[] = { "observe", "enforce", NULL };
        int i = ts_schema_get_word(y, value, words);

        (void) key;
        if (i >= 0)
                *(enum ts_mode *) target = i == 1 ? TS_MODE_ENFORCE : TS_MODE_OBSERVE;
}

/* @path as it is written in the settings: relative to the folder that they are in. */
static const char *join_folder(struct ts_settings *s, const char *path)
{
        const char *slash = strrchr(s->path, '/');

        if (path[0] == '/' || !slash)
                return ts_arena_strdup(&s->arena, path);
        return ts_arena_printf(&s->arena, "%.*s%s", (int) (slash - s->path) + 1, s->path, path);
}

static void read_path(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        const char *text = ts_schema_get_text(y, value);

        (void) key;
        if (text)
                *(const char **) target = join_folder(&loader_of(y)->settings, text);
}

static void read_ids(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                     void *target)
{
        const struct ts_yaml_node *e;
        struct ts_ids *ids = target;

        (void) key;
        if (!ts_schema_is_list(y, value, "a list of ids", HOW_TO_LIST))
                return;
        ids->items = TS_ARENA_ARRAY(arena_of(y), struct ts_id, value->n);
        ids->n = 0;
        for (e = value->items; e; e = e->next)
                if (ts_schema_get_id(y, e, &ids->items[ids->n]))
                        ids->n++;
}

static void add_text(struct ts_yaml *y, const struct ts_yaml_node *node, const char *text,
                     struct ts_texts *texts)
{
        texts->items[texts->n++] = (struct ts_decl_text){
                .text = ts_arena_strdup(arena_of(y), text),
                .source = ts_yaml_source(y, node),
        };
}

static bool open_texts(struct ts_yaml *y, const struct ts_yaml_node *value, const char *what,
                       struct ts_texts *texts)
{
        if (!ts_schema_is_list(y, value, what, HOW_TO_LIST))
                return false;
        texts->items = TS_ARENA_ARRAY(arena_of(y), struct ts_decl_text, value->n);
        texts->n = 0;
        return true;
}

static void read_users(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        struct ts_texts *texts = target;

        (void) key;
        if (!open_texts(y, value, "a list of e-mail addresses or ids", texts))
                return;
        for (const struct ts_yaml_node *e = value->items; e; e = e->next) {
                const char *text = ts_schema_get_text(y, e);
                struct ts_id id;

                if (text && ts_schema_fault_wildcard(y, e, text))
                        continue;
                if (text && (ts_schema_is_email(text) || ts_id_parse_string(text, &id)))
                        add_text(y, e, text, texts);
                else if (text)
                        ts_yaml_fault(y, e, NULL, "'%s' is neither an e-mail address nor an id", text);
        }
}

static void read_roles(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        struct ts_texts *texts = target;

        (void) key;
        if (!open_texts(y, value, "a list of roles (names or ids)", texts))
                return;
        for (const struct ts_yaml_node *e = value->items; e; e = e->next) {
                const char *text = ts_schema_get_text(y, e);

                if (text)
                        add_text(y, e, text, texts);
        }
}

/* ---------------------------------------------------------------------------------------------- addresses */

/* "api." and "login." in front of the domain are the hosts. */
static const struct {
        const char *name; /* what the hosting company calls it */
        const char *domain;
} regions[] = {
        { "us-east-1", "mypurecloud.com" },       { "us-east-2", "use2.us-gov-pure.cloud" },
        { "us-west-2", "usw2.pure.cloud" },       { "ca-central-1", "cac1.pure.cloud" },
        { "sa-east-1", "sae1.pure.cloud" },       { "mx-central-1", "mxc1.pure.cloud" },
        { "eu-west-1", "mypurecloud.ie" },        { "eu-west-2", "euw2.pure.cloud" },
        { "eu-central-1", "mypurecloud.de" },     { "eu-central-2", "euc2.pure.cloud" },
        { "ap-south-1", "aps1.pure.cloud" },      { "ap-northeast-1", "mypurecloud.jp" },
        { "ap-northeast-2", "apne2.pure.cloud" }, { "ap-northeast-3", "apne3.pure.cloud" },
        { "ap-southeast-1", "apse1.pure.cloud" }, { "ap-southeast-2", "mypurecloud.com.au" },
        { "me-central-1", "mec1.pure.cloud" },    { "eusc-de-east-1", "edee1.eusc-pure.cloud" },
};

static void fault_unknown_region(struct ts_yaml *y, const struct ts_yaml_node *value)
{
        struct ts_nearest nearest = { .word = value->text };
        const char *hint;
        char buf[160];
        size_t i;

        for (i = 0; i < TS_N_ELEMENTS(regions); i++)
                ts_nearest_try(&nearest, regions[i].domain);
        for (i = 0; i < TS_N_ELEMENTS(regions); i++)
                if (strcasecmp(value->text, regions[i].name) == 0)
                        nearest.best = regions[i].domain;
        hint = ts_nearest_hint(&nearest, buf);
        ts_yaml_fault(y, value,
                      hint ? hint
                           : "a region is a domain like mypurecloud.de; for a new one give api_url and "
                             "login_url",
                      "'%s' is not a region that this program knows", value->text);
}

static void read_region(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                        void *target)
{
        const char *text = ts_schema_get_text(y, value);
        struct ts_settings_organization *o = target;
        size_t i;

        (void) key;
        if (!text)
                return;
        for (i = 0; i < TS_N_ELEMENTS(regions); i++) {
                if (strcmp(text, regions[i].domain) != 0)
                        continue;
                o->api_url = ts_arena_printf(arena_of(y), "https://api.%s", text);
                o->login_url = ts_arena_printf(arena_of(y), "https://login.%s", text);
                return;
        }
        fault_unknown_region(y, value);
}

/* What stands after the host has no more than a path. */
static bool is_plain_path(const char *s)
{
        for (; *s; s++)
                if (*s <= ' ' || *s > '~' || strchr("\"<>\\^`{|}?#@", *s))
                        return false;
        return true;
}

/* A URL with a password in it: nothing of it is shown. */
static bool refuse_user_in_url(struct ts_yaml *y, const struct ts_yaml_node *value, const char *text)
{
        char label[64];

        if (!strchr(text, '@'))
                return false;
        ts_yaml_fault_hidden(
                        y, value,
                        value->key && value->key->kind == TS_YAML_TEXT &&
                                                        strcmp(value->key->text, "proxy") == 0
                                        ? "leave out what is before the '@'; `proxy_credential:` says where "
                                          "USER:PASSWORD is"
                                        : "leave out what is before the '@'",
                        "%s holds a user name or a password", ts_schema_label(value, label));
        return true;
}

static void read_url(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                     void *target)
{
        const char *text = ts_schema_get_text(y, value);
        struct ts_url url;
        size_t len;

        if (!text || refuse_user_in_url(y, value, text))
                return;
        if (strlen(text) > TS_URL_MAX_BYTES / 4 || !ts_url_parse(text, &url) || !is_plain_path(url.rest) ||
            (!ts_url_has_scheme(&url, "https") && !ts_url_has_scheme(&url, "http"))) {
                ts_yaml_fault(y, value, URL_HINT, "'%s' has to be https://HOST, not '%s'", key->name, text);
                return;
        }
        if (ts_url_has_scheme(&url, "http") && !ts_url_is_loopback(&url)) {
                ts_yaml_fault(y, value, "write https://", "http:// is allowed to a loopback address only");
                return;
        }
        for (len = strlen(text); text[len - 1] == '/';)
                len--;
        *(const char **) target = ts_arena_strndup(arena_of(y), text, len);
}

static void read_proxy(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       void *target)
{
        static const char *const schemes[] = { "http", "https", "socks5", "socks5h" };
        static const char hint[] = "write it as in http://proxy.example:3128, or \"\" for none";
        const char *text;
        struct ts_url url;
        size_t i;

        (void) key;
        if (value->kind == TS_YAML_TEXT && value->n == 0) {
                *(const char **) target = NULL;
                return;
        }
        text = ts_schema_is_text(y, value, "the address of a proxy", hint) ? ts_schema_get_text(y, value)
                                                                           : NULL;
        if (!text || refuse_user_in_url(y, value, text))
                return;
        for (i = 0; i < TS_N_ELEMENTS(schemes); i++) {
                if (!ts_url_parse(text, &url) || !ts_url_has_scheme(&url, schemes[i]) ||
                    url.rest[strspn(url.rest, "/")] != '\0')
                        continue;
                *(const char **) target = ts_arena_strdup(arena_of(y), text);
                return;
        }
        ts_yaml_fault(y, value, hint, "'%s' is not the address of a proxy", text);
}

/* What stands here instead of a place may be the secret itself: no message shows it. */
static void read_place(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                       const char **target)
{
        if (value->kind == TS_YAML_TEXT && ts_secret_is_place(value->text)) {
                *target = ts_arena_strdup(arena_of(y), value->text);
                return;
        }
        ts_yaml_fault_hidden(y, value->kind == TS_YAML_NOTHING ? value->key : value,
                             "a secret that was written here has to be replaced",
                             "'%s' says where the secret is, not the secret: credential:NAME or "
                             "file:/absolute/path",
                             key->name);
}

static void read_proxy_credential(struct ts_yaml *y, const struct ts_yaml_node *value,
                                  const struct ts_schema_key *key, void *target)
{
        read_place(y, value, key, target);
}

/* ------------------------------------------------------------------------------------------- the sections */

#define KEY(key_name, reader, type, member) \
        { \
                .name = (key_name), .read = (reader), .offset = offsetof(type, member) \
        }
#define RANGE_KEY(key_name, reader, type, member, lowest, highest, otherwise) \
        { \
                .name = (key_name), .read = (reader), .offset = offsetof(type, member), .min = (lowest), \
                .max = (highest), .initial = (otherwise) \
        }
#define MAP_KEY(key_name, table, type, member) \
        { \
                .name = (key_name), .read = ts_schema_read_map, .offset = offsetof(type, member), \
                .keys = (table), .n_keys = TS_N_ELEMENTS(table) \
        }
/* Lowest, highest, default. */
#define COUNT(type, member, lowest, highest, otherwise) \
        RANGE_KEY(#member, ts_schema_read_count, type, member, lowest, highest, otherwise)
#define SPAN(key_name, type, member, lowest, highest, otherwise) \
        RANGE_KEY(key_name, ts_schema_read_span, type, member, lowest, highest, otherwise)

static const struct ts_schema_key limits_keys[] = {
        COUNT(struct ts_limits, removals_per_cycle, 0, COUNT_MAX, 10),
        COUNT(struct ts_limits, removals_per_day, 0, COUNT_MAX, 20),
        COUNT(struct ts_limits, trust_removals_per_day, 0, COUNT_MAX, 3),
        COUNT(struct ts_limits, removals_percent, 0, 100, 25),
        COUNT(struct ts_limits, users_per_trust, 1, 1000, 25),
};

static const struct ts_schema_key reconcile_keys[] = {
        KEY("mode", read_mode, struct loader, mode),
        SPAN("interval", struct loader, settings.interval_usec, TS_USEC_PER_SEC, 7 * TS_USEC_PER_DAY,
             5 * TS_USEC_PER_MINUTE),
        SPAN("jitter", struct loader, settings.jitter_usec, 0, TS_USEC_PER_DAY, 30 * TS_USEC_PER_SEC),
};

static const struct ts_schema_key protect_keys[] = {
        KEY("organizations", read_ids, struct ts_policy, protect_organizations),
        KEY("users", read_users, struct ts_policy, protect_users),
};

static const struct ts_schema_key deny_keys[] = {
        KEY("organizations", read_ids, struct ts_policy, deny_organizations),
        KEY("users", read_users, struct ts_policy, deny_users),
        KEY("roles", read_roles, struct ts_policy, deny_roles),
};

static const struct ts_schema_key http_keys[] = {
        COUNT(struct ts_settings, concurrency, 1, 64, 8),
        COUNT(struct ts_settings, requests_per_minute, 1, COUNT_MAX, 240),
        SPAN("timeout", struct ts_settings, timeout_usec, 100 * TS_USEC_PER_MSEC, 10 * TS_USEC_PER_MINUTE,
             30 * TS_USEC_PER_SEC),
        KEY("ca_file", read_path, struct ts_settings, ca_file),
        KEY("proxy", read_proxy, struct ts_settings, proxy),
        { .name = "proxy_credential",
          .read = read_proxy_credential,
          .offset = offsetof(struct ts_settings, proxy_credential),
          .secret = true },
};

static void read_deny(struct ts_yaml *y, const struct ts_yaml_node *value, const struct ts_schema_key *key,
                      void *target)
{
        struct ts_policy *policy = target;

        (void) key;
        policy->deny_source = ts_yaml_source(y, value->key);
        ts_schema_read(y, value, deny_keys, TS_N_ELEMENTS(deny_keys), policy);
}

static void read_unlisted(struct ts_yaml *y, const struct ts_yaml_node *value,
                          const struct ts_schema_key *key, void *target)
{
        static const char *const words[] = { "report", "remove", NULL };
        struct ts_policy *policy = target;
        int i = ts_schema_get_word(y, value, words);

        (void) key;
        if (i < 0)
                return;
        policy->remove_unlisted_trusts = i == 1;
        policy->unlisted_source = ts_yaml_source(y, value->key);
}

static void read_organizations_later(struct ts_yaml *y, const struct ts_yaml_node *value,
                                     const struct ts_schema_key *key, void *target)
{
        (void) y;
        (void) key;
        *(const struct ts_yaml_node **) target = value;
}

/* What an organization says itself overrides what stands outside of it, wherever that is: it is read last. */
static const struct ts_schema_key root_keys[] = {
        { .name = "version", .read = ts_schema_read_nothing },
        { .name = "organizations",
          .read = read_organizations_later,
          .offset = offsetof(struct loader, organizations),
          .required = true },
        KEY("trusts", read_path, struct loader, settings.trusts),
        { .name = "reconcile",
          .read = ts_schema_read_map,
          .keys = reconcile_keys,
          .n_keys = TS_N_ELEMENTS(reconcile_keys) }, /* offsets from the loader itself */
        KEY("unlisted_trusts", read_unlisted, struct loader, policy),
        SPAN("delete_after", struct loader, policy.delete_after_usec, 0, 365 * TS_USEC_PER_DAY,
             24 * TS_USEC_PER_HOUR),
        MAP_KEY("limits", limits_keys, struct loader, policy.limits),
        MAP_KEY("protect", protect_keys, struct loader, policy),
        KEY("deny", read_deny, struct loader, policy),
        KEY("privileged_roles", read_roles, struct loader, policy.privileged_roles),
        MAP_KEY("http", http_keys, struct loader, settings),
};

/* ------------------------------------------------------------------------------------------ organizations */

static void read_client_secret(struct ts_yaml *y, const struct ts_yaml_node *value,
                               const struct ts_schema_key *key, void *target)
{
        struct ts_settings_organization *o = target;

        read_place(y, value, key, &o->client_secret);
        if (o->client_secret)
                o->client_secret_source = ts_yaml_source(y, value);
}

static const struct ts_schema_key organization_keys[] = {
        { .name = "region", .read = read_region },
        KEY("api_url", read_url, struct ts_settings_organization, api_url),
        KEY("login_url", read_url, struct ts_settings_organization, login_url),
        KEY("id", ts_schema_read_id, struct ts_settings_organization, id),
        { .name = "client_id",
          .read = read_text,
          .offset = offsetof(struct ts_settings_organization, client_id),
          .required = true,
          .hint = "the id of the OAuth client (grant type client credentials)" },
        { .name = "client_secret",
          .read = read_client_secret,
          .required = true,
          .secret = true,
          .hint = "where the secret is: credential:NAME or file:/absolute/path" },
        KEY("mode", read_mode, struct ts_settings_organization, mode),
        MAP_KEY("limits", limits_keys, struct ts_settings_organization, policy.limits),
};

static void check_address(struct ts_yaml *y, const struct ts_yaml_node *e)
{
        const struct ts_yaml_node *region, *api_url, *login_url, *url;
        char label[64];

        if (e->kind != TS_YAML_MAP)
                return;
        region = ts_schema_find(e, "region");
        api_url = ts_schema_find(e, "api_url");
        login_url = ts_schema_find(e, "login_url");
        url = api_url ? api_url : login_url;
        if (region && url)
                ts_yaml_fault(y, url->key, "leave one of them out", "'region' already says what '%s' is",
                              url->key->text);
        else if (!region && !url)
                ts_yaml_fault(y, e->key, "for example `region: mypurecloud.de`; or api_url and login_url",
                              "%s has no 'region'", ts_schema_label(e, label));
        else if (!region && (!api_url || !login_url))
                ts_yaml_fault(y, url->key, NULL, "'%s' needs '%s' beside it", url->key->text,
                              api_url ? "login_url" : "api_url");
}

static void read_organization(struct ts_yaml *y, const struct ts_yaml_node *e)
{
        struct loader *l = loader_of(y);
        struct ts_settings_organization *o;
        const char *alias;

        alias = e->key->kind == TS_YAML_TEXT ? ts_schema_get_text(y, e->key) : NULL;
        if (!alias || e->kind == TS_YAML_FAULTY)
                return;
        o = &l->settings.organizations[l->settings.n_organizations++];
        *o = (struct ts_settings_organization){
                .alias = ts_arena_strdup(arena_of(y), alias),
                .source = ts_yaml_source(y, e->key),
                .mode = l->mode,
                .policy = l->policy,
        };
        ts_schema_read(y, e, organization_keys, TS_N_ELEMENTS(organization_keys), o);
        check_address(y, e);
}

static int compare_organizations(const void *a, const void *b)
{
        return strcmp(((const struct ts_settings_organization *) a)->alias,
                      ((const struct ts_settings_organization *) b)->alias);
}

/* Two clients of one organization would undo each other's work. */
static void check_ids_differ(struct ts_yaml *y)
{
        const struct ts_settings *s = &loader_of(y)->settings;
        TS_CLEANUP(ts_map_done) struct ts_map seen = TS_MAP_INIT;

        for (size_t i = 0; i < s->n_organizations; i++) {
                const struct ts_settings_organization *b = &s->organizations[i], *a;
                struct ts_yaml_node at = { .line = b->source.line, .column = b->source.column };

                if (ts_id_is_nil(&b->id))
                        continue;
                a = &s->organizations[ts_map_add_id(&seen, &b->id, (uint32_t) i)];
                if (a != b)
                        ts_yaml_fault(y, &at, NULL,
                                      "'%s' and '%s' (line %u) are one organization: the same id", b->alias,
                                      a->alias, a->source.line);
        }
}

static void read_organizations(struct ts_yaml *y)
{
        struct loader *l = loader_of(y);
        const struct ts_yaml_node *e, *map = l->organizations;

        if (!map || !ts_schema_is_map(y, map, "name each on a line below it, indented more"))
                return;
        if (map->n == 0)
                ts_yaml_fault(y, map, NULL, "at least one organization is needed");
        l->settings.organizations = TS_ARENA_ARRAY(arena_of(y), struct ts_settings_organization, map->n);
        for (e = map->items; e; e = e->next)
                read_organization(y, e);
        check_ids_differ(y);
        TS_SORT(l->settings.organizations, l->settings.n_organizations, compare_organizations);
}

/* ----------------------------------------------------------------------------------------------- the file */

static void warn_denied_and_protected(struct ts_yaml *y, const struct ts_source *source, const char *what)
{
        const char *line = source->line > 0 ? ts_yaml_find_line(y->text, source->line) : NULL;

        ts_faults_add(y->faults, TS_FAULT_WARNING, source, line,
                      "take it out of 'protect' for 'deny' to work",
                      "%s is protected as well: it keeps what it has", what);
}

static void check_deny(struct ts_yaml *y)
{
        const struct ts_policy *p = &loader_of(y)->policy;
        TS_CLEANUP(ts_map_done) struct ts_map organizations = TS_MAP_INIT;
        TS_CLEANUP(ts_map_done) struct ts_map users = TS_MAP_FOLD_INIT;

        for (size_t i = 0; i < p->protect_organizations.n; i++)
                (void) ts_map_add_id(&organizations, &p->protect_organizations.items[i], 0);
        for (size_t i = 0; i < p->protect_users.n; i++)
                (void) ts_map_add(&users, p->protect_users.items[i].text,
                                  strlen(p->protect_users.items[i].text), 0);
        for (size_t i = 0; i < p->deny_organizations.n; i++)
                if (ts_map_get_id(&organizations, &p->deny_organizations.items[i]) != TS_MAP_NONE)
                        warn_denied_and_protected(y, &p->deny_source,
                                                  ts_id_format(&p->deny_organizations.items[i]).s);
        for (size_t i = 0; i < p->deny_users.n; i++)
                if (ts_map_get(&users, p->deny_users.items[i].text, strlen(p->deny_users.items[i].text)) !=
                    TS_MAP_NONE)
                        warn_denied_and_protected(y, &p->deny_users.items[i].source,
                                                  p->deny_users.items[i].text);
}

/* The roles that hold every permission on the platform. */
static const char *const privileged_roles[] = { "Admin", "Master Admin" };

static void set_defaults(struct loader *l, const char *path)
{
        struct ts_texts *privileged = &l->policy.privileged_roles;
        struct ts_settings *s = &l->settings;

        s->path = ts_arena_strdup(&s->arena, path);
        s->trusts = join_folder(s, TRUSTS_DEFAULT);
        ts_schema_set_initial(root_keys, TS_N_ELEMENTS(root_keys), l);
        l->mode = TS_MODE_OBSERVE;
        privileged->items = TS_ARENA_ARRAY(&s->arena, struct ts_decl_text, TS_N_ELEMENTS(privileged_roles));
        while (privileged->n < TS_N_ELEMENTS(privileged_roles)) {
                privileged->items[privileged->n].text = privileged_roles[privileged->n];
                privileged->n++;
        }
}

static void read_settings(struct loader *l, const char *path, const struct ts_buf *text,
                          struct ts_faults *faults)
{
        TS_CLEANUP(ts_yaml_done)
        struct ts_yaml y = {
                .cls = TS_FAULT_SETTINGS,
                .faults = faults,
                .text = ts_buf_text(text),
                .len = text->len,
                .userdata = l,
        };

        set_defaults(l, path);
        y.file = l->settings.path;
        if (ts_yaml_parse(&y) < 0 || !ts_schema_root(&y))
                return;
        ts_schema_read(&y, y.root, root_keys, TS_N_ELEMENTS(root_keys), l);
        read_organizations(&y);
        check_deny(&y);
}

int ts_settings_read(const char *path, struct ts_faults *faults, struct ts_buf *text)
{
        return ts_yaml_read_file(path, NULL, TS_FAULT_SETTINGS, faults, text);
}

int ts_settings_parse(const char *path, const struct ts_buf *text, struct ts_faults *faults,
                      struct ts_settings **ret)
{
        size_t n_before = faults->n_errors;
        struct loader l = { 0 };

        *ret = NULL;
        read_settings(&l, path, text, faults);
        if (faults->n_errors > n_before) {
                ts_arena_done(&l.settings.arena);
                return -EINVAL;
        }
        *ret = ts_calloc(1, sizeof(**ret));
        **ret = l.settings;
        return 0;
}

int ts_settings_load(const char *path, struct ts_faults *faults, struct ts_settings **ret)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_YAML_MAX_BYTES);

        assert(path);
        assert(ret);

        *ret = NULL;
        if (ts_settings_read(path, faults, &text) < 0)
                return -EINVAL;
        return ts_settings_parse(path, &text, faults, ret);
}

/* -------------------------------------------------------------------------------------- additions to deny */

static bool add_ids(struct ts_arena *arena, struct ts_ids *to, const struct ts_ids *from)
{
        struct ts_id *items = TS_ARENA_ARRAY(arena, struct ts_id, to->n + from->n);
        TS_CLEANUP(ts_map_done) struct ts_map seen = TS_MAP_INIT;
        size_t n = 0;

        for (size_t i = 0; i < to->n; i++) {
                (void) ts_map_add_id(&seen, &to->items[i], 0);
                items[n++] = to->items[i];
        }
        for (size_t i = 0; i < from->n; i++)
                if (ts_map_add_id(&seen, &from->items[i], 1) == 1)
                        items[n++] = from->items[i];
        if (n == to->n)
                return false;
        to->items = items;
        to->n = n;
        return true;
}

static bool add_texts(struct ts_settings *s, struct ts_texts *to, const struct ts_texts *from, bool fold)
{
        struct ts_decl_text *items = TS_ARENA_ARRAY(&s->arena, struct ts_decl_text, to->n + from->n);
        TS_CLEANUP(ts_map_done) struct ts_map seen = { .fold_ascii = fold };
        size_t n = 0;

        for (size_t i = 0; i < to->n; i++) {
                (void) ts_map_add(&seen, to->items[i].text, strlen(to->items[i].text), 0);
                items[n++] = to->items[i];
        }
        for (size_t i = 0; i < from->n; i++) {
                if (ts_map_add(&seen, from->items[i].text, strlen(from->items[i].text), 1) != 1)
                        continue;
                items[n] = from->items[i];
                items[n].text = ts_arena_strdup(&s->arena, from->items[i].text);
                items[n++].source.file = s->path;
        }
        if (n == to->n)
                return false;
        to->items = items;
        to->n = n;
        return true;
}

/* All organizations have the same `deny`. */
bool ts_settings_add_deny(struct ts_settings *s, const struct ts_settings *from)
{
        const struct ts_policy *more = &from->organizations[0].policy;
        struct ts_policy *p = &s->organizations[0].policy;
        bool added = add_ids(&s->arena, &p->deny_organizations, &more->deny_organizations);

        added = add_texts(s, &p->deny_users, &more->deny_users, true) || added;
        added = add_texts(s, &p->deny_roles, &more->deny_roles, false) || added;
        if (added && !p->deny_source.file)
                p->deny_source = (struct ts_source){ s->path, more->deny_source.line,
                                                     more->deny_source.column };
        for (size_t i = 1; i < s->n_organizations; i++) {
                struct ts_policy *other = &s->organizations[i].policy;

                other->deny_organizations = p->deny_organizations;
                other->deny_users = p->deny_users;
                other->deny_roles = p->deny_roles;
                other->deny_source = p->deny_source;
        }
        return added;
}

struct ts_settings *ts_settings_default(const char *alias, const struct ts_id *id)
{
        struct loader l = { 0 };
        struct ts_settings *s = ts_calloc(1, sizeof(*s));

        set_defaults(&l, "the default settings");
        *s = l.settings;
        s->organizations = TS_ARENA_NEW(&s->arena, struct ts_settings_organization);
        s->organizations[s->n_organizations++] = (struct ts_settings_organization){
                .alias = ts_arena_strdup(&s->arena, alias),
                .id = *id,
                .mode = l.mode,
                .policy = l.policy,
        };
        return s;
}

struct ts_settings *ts_settings_ref(struct ts_settings *settings)
{
        settings->n_others++;
        return settings;
}

void ts_settings_free(struct ts_settings *settings)
{
        if (!settings)
                return;
        if (settings->n_others > 0) {
                settings->n_others--;
                return;
        }
        ts_arena_done(&settings->arena);
        free(settings);
}

const struct ts_settings_organization *ts_settings_find(const struct ts_settings *s, const char *alias)
{
        size_t i;

        for (i = 0; i < s->n_organizations; i++)
                if (strcmp(s->organizations[i].alias, alias) == 0)
                        return &s->organizations[i];
        return NULL;
}

bool ts_settings_is_chosen(const char *const *chosen, size_t n, const char *alias)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(chosen[i], alias) == 0)
                        return true;
        return n == 0;
}

int ts_settings_check_chosen(const struct ts_settings *s, const char *const *chosen, size_t n,
                             struct ts_err *err)
{
        struct ts_nearest nearest = { 0 };
        size_t i = 0;
        char hint[160];

        while (i < n && ts_settings_find(s, chosen[i]))
                i++;
        if (i == n)
                return 0;
        nearest.word = chosen[i];
        for (size_t k = 0; k < s->n_organizations; k++)
                ts_nearest_try(&nearest, s->organizations[k].alias);
        return ts_err_set(err, TS_ERR_INPUT, -ENOENT,
                          "--organization %s: %s defines no such organization%s%s", chosen[i], s->path,
                          nearest.best ? "; " : "", nearest.best ? ts_nearest_hint(&nearest, hint) : "");
}
