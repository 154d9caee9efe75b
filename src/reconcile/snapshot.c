#include "reconcile/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/deny.h"
#include "util/escape.h"
#include "util/limits.h"
#include "util/mem.h"

/* ------------------------------------------------------------------------------------------------ clients */

static const struct ts_settings_organization *find_settings(const struct ts_settings *s,
                                                            const struct ts_id *id)
{
        for (size_t i = 0; i < s->n_organizations && !ts_id_is_nil(id); i++)
                if (ts_id_equal(&s->organizations[i].id, id))
                        return &s->organizations[i];
        return NULL;
}

struct ts_client *ts_snapshot_partner(const struct ts_snapshot *g, const struct ts_id *organization)
{
        const struct ts_settings_organization *s = find_settings(g->options->settings, organization);

        return s ? ts_clients_partner(g->options->clients, g->settings, s) : NULL;
}

/* ------------------------------------------------------------------------------------------------ reading */

struct reading {
        struct ts_snapshot *g;
        struct ts_map declared[2]; /* by direction: trust id -> index in the declaration */
        struct ts_map base[2];     /* the same of the declarations before the change */
};

static const struct ts_decl_trust *declaration_of(const struct reading *r, const struct ts_trust *t)
{
        uint32_t i = ts_map_get_id(&r->declared[t->direction], &t->id);

        return i == TS_MAP_NONE ? NULL : &r->g->decl->trusts[i];
}

/* Who keeps what, when a change takes it out of management. */
static bool base_wants(const struct reading *r, const struct ts_trust *trust, enum ts_collection collection)
{
        uint32_t i = ts_map_get_id(&r->base[trust->direction], &trust->id);

        return i != TS_MAP_NONE &&
               ts_diff_wants(&r->g->base->trusts[i], r->g->policy, r->g->options->filter, trust, collection);
}

static bool wants(const struct ts_trust *trust, enum ts_collection collection, void *userdata)
{
        const struct reading *r = userdata;
        const struct ts_decl_trust *decl = declaration_of(r, trust);

        if (r->g->options->scope == TS_SNAPSHOT_USERS && collection != TS_USERS)
                return false;
        if (r->g->options->scope != TS_SNAPSHOT_MANAGED)
                return ts_trust_filter_has(r->g->options->filter, decl ? decl->alias : NULL, &trust->id);
        return ts_diff_wants(decl, r->g->policy, r->g->options->filter, trust, collection) ||
               base_wants(r, trust, collection);
}

static void note(struct ts_snapshot *g, const char *trust, const struct ts_source *source,
                 const struct ts_err *err)
{
        ts_plan_add_finding(g->notes, TS_MESSAGE_UNREAD, trust, source, 0, "%s", err->msg);
}

static void on_warning(const struct ts_trust *trust, const struct ts_err *err, void *userdata)
{
        const struct reading *r = userdata;
        const struct ts_decl_trust *decl = trust ? declaration_of(r, trust) : NULL;
        struct ts_id_text id = { "" };

        if (trust)
                id = ts_id_format(&trust->id);
        r->g->notes->complete = false;
        note(r->g, decl ? decl->alias : trust ? id.s : NULL, NULL, err);
}

int ts_snapshot_connect(struct ts_snapshot *g, struct ts_err *err)
{
        int k = 0;

        if (!ts_id_is_nil(&g->live->organization_id))
                return 0;
        k = ts_client_connect(g->client, &g->live->organization_id, &g->live->organization_name, err);
        if (k < 0)
                return k;
        g->live->organization_name = ts_arena_strdup(&g->live->arena, g->live->organization_name);
        g->deny.own = g->denied->organization_id = g->live->organization_id;
        return 0;
}

static bool has_trusts(const struct ts_live *live, enum ts_direction d)
{
        for (size_t i = 0; i < live->n_trusts; i++)
                if (live->trusts[i].direction == d)
                        return true;
        return false;
}

/* A trust that was declared and live; NULL: none is on record. */
static const struct ts_last_applied_trust *find_expected_trust(const struct ts_last_applied *m,
                                                               enum ts_direction d)
{
        for (size_t i = 0; m && m->status == TS_LAST_APPLIED_KNOWN && i < m->n_trusts; i++)
                if (m->trusts[i].direction == d && m->trusts[i].declared)
                        return &m->trusts[i];
        return NULL;
}

/* An empty list of trusts that a single read contradicts is incomplete: it may lack a denied organization. */
static int check_empty_trusts(struct reading *r, enum ts_direction d, struct ts_err *err)
{
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        struct ts_live *live = r->g->live;
        enum ts_coverage *coverage = d == TS_TRUSTEE ? &live->trusts_coverage : &live->trustors_coverage;
        const struct ts_last_applied_trust *expected = find_expected_trust(r->g->last_applied, d);
        struct ts_call call = { .op = d == TS_TRUSTEE ? TS_OP_GET_TRUSTEE : TS_OP_GET_TRUSTOR };
        struct ts_call_result result = { .verdict = TS_VERDICT_STOPPED };
        struct ts_batch batch = { .calls = &call, .n = 1, .results = &result, .arena = &arena };
        struct ts_err why = { 0 };
        int k;

        if (*coverage != TS_COVERAGE_COMPLETE || has_trusts(live, d) || !expected)
                return 0;
        call.ids[0] = expected->id;
        k = ts_client_run(r->g->client, &batch, err);
        if (k < 0 || result.verdict != TS_VERDICT_OK)
                return k;
        *coverage = TS_COVERAGE_PARTIAL;
        (void) ts_err_set(&why, TS_ERR_REMOTE, -EBADMSG,
                          "the list of %ss is empty, and a single read finds %s in it: the list is not "
                          "believed; does the client have the permission to see it?",
                          ts_direction_to_string(d), ts_id_format(&expected->id).s);
        on_warning(NULL, &why, r);
        return 0;
}

static int read_organization(struct reading *r, struct ts_err *err)
{
        struct ts_snapshot *g = r->g;
        enum ts_snapshot_scope scope = g->options->scope;
        struct ts_read_scope read_scope = {
                .wants = wants,
                .wants_trustors = scope != TS_SNAPSHOT_MANAGED || g->decl->trustors_managed,
                .wants_care = scope == TS_SNAPSHOT_EVERYTHING ||
                              (scope == TS_SNAPSHOT_MANAGED && ts_diff_wants_care(g->decl, g->policy)),
                .userdata = r,
        };
        struct ts_ids pairings;
        int k;

        k = ts_snapshot_connect(g, err);
        if (k < 0)
                return k;
        k = ts_read_organization(g->client, &read_scope, g->live, on_warning, r, err);
        for (enum ts_direction d = TS_TRUSTEE; k >= 0 && d <= TS_TRUSTOR; d++)
                k = check_empty_trusts(r, d, err);
        if (k < 0 || scope == TS_SNAPSHOT_USERS)
                return k;
        ts_resolve_pairings(g->decl, g->live, g->last_applied, g->options->filter, &g->arena, &pairings);
        return ts_read_pairings(g->client, g->live, &pairings, on_warning, r, err);
}

/* ---------------------------------------------------------------------------------------------- searching */

/* Why a partner's member is waited for, where its directory is open to us. */
static void note_unfound(struct ts_snapshot *g, struct ts_desired_member *m, enum ts_kind kind,
                         bool was_searched)
{
        static const char *const unfound[] = {
                [TS_KIND_USER] = "not the e-mail of exactly one active user of the partner's organization: "
                                 "correct it, or add `id:`",
                [TS_KIND_GROUP] = "not the name of exactly one active group of the partner's organization: "
                                  "correct it, or add `id:`",
        };

        if (m->problem == TS_WAITING)
                m->note = ts_arena_printf(&g->arena, "%s is not a member of this trust, and %s", m->decl->key,
                                          was_searched ? unfound[kind]
                                                       : "the partner's organization could not be searched");
}

/* They stay unresolved, as without a client; but that is the fault of the run, not of the declaration. */
static void search_failed(struct ts_snapshot *g, const struct ts_desired_trust *t, const struct ts_err *err)
{
        if (g->options->scope == TS_SNAPSHOT_MANAGED)
                g->notes->complete = false;
        note(g, t->decl->alias, &t->decl->source, err);
}

/* E-mails of `deny` are looked up in directories that are searched anyway, and once in our own if we are
 * trustee. 0: not now. */
static size_t count_denied(struct ts_snapshot *g, const struct ts_desired_trust *t, enum ts_kind kind,
                           size_t n)
{
        bool is_own = t->decl->direction == TS_TRUSTOR && !g->has_searched_own;

        if (kind != TS_KIND_USER || !ts_deny_has_emails(g->policy) || (n == 0 && !is_own))
                return 0;
        g->has_searched_own = g->has_searched_own || is_own;
        return g->policy->deny_users.n;
}

/* Keys without an id are looked up in the trustee's directory, if we have a client for it. */
static void search_kind(struct ts_snapshot *g, struct ts_desired_trust *t, struct ts_client *client,
                        enum ts_kind kind)
{
        size_t n = ts_resolve_unresolved(t, kind, NULL), n_denied = count_denied(g, t, kind, n), n_keys = n;
        TS_CLEANUP(ts_freep) struct ts_desired_member **members = NULL;
        TS_CLEANUP(ts_freep) const char **keys = NULL;
        TS_CLEANUP(ts_freep) struct ts_id *ids = NULL;
        struct ts_err err = { 0 };
        bool is_searched;

        if (n + n_denied == 0)
                return;
        members = ts_calloc(n, sizeof(*members));
        keys = ts_calloc(n + n_denied, sizeof(*keys));
        ids = ts_calloc(n + n_denied, sizeof(*ids));
        (void) ts_resolve_unresolved(t, kind, members); /* as many as before */
        for (size_t i = 0; i < n; i++)
                keys[i] = members[i]->decl->key;

        for (size_t i = 0; n_denied > 0 && i < g->policy->deny_users.n; i++)
                if (!ts_id_parse_string(g->policy->deny_users.items[i].text, &ids[0]))
                        keys[n_keys++] = g->policy->deny_users.items[i].text;
        ids[0] = (struct ts_id){ { 0 } };
        is_searched = ts_read_search(client, kind, keys, n_keys, ids, &err) >= 0;
        if (!is_searched)
                search_failed(g, t, &err);
        for (size_t i = 0; is_searched && kind == TS_KIND_USER && i < n_keys; i++)
                if (!ts_id_is_nil(&ids[i]))
                        ts_deny_see(&g->deny, ts_deny_directory(&g->deny, t->decl->direction, &t->decl->id),
                                    &ids[i], keys[i]);
        for (size_t i = 0; i < n; i++) {
                if (is_searched && !ts_id_is_nil(&ids[i]))
                        ts_resolve_found(t, members[i], &ids[i]);
                else
                        note_unfound(g, members[i], kind, is_searched);
        }
}

/* Members of a trustor are our own users; those of a trustee are looked up if we have a client for it. */
static void search(struct ts_snapshot *g, struct ts_desired_trust *t)
{
        bool is_trustee = t->decl->direction == TS_TRUSTEE;
        const struct ts_settings_organization *partner =
                        is_trustee ? find_settings(g->options->settings, &t->decl->id) : NULL;
        struct ts_client *client = g->client;

        if (is_trustee && !partner)
                return;
        if (partner) {
                t->holds_partner = true;
                if (partner->mode == TS_MODE_OBSERVE && g->settings->mode == TS_MODE_ENFORCE)
                        t->partner_note = ts_arena_printf(&g->arena,
                                                          "the partner's organization %s is in mode observe",
                                                          partner->alias);
        }
        if (ts_resolve_unresolved(t, TS_KIND_USER, NULL) + ts_resolve_unresolved(t, TS_KIND_GROUP, NULL) ==
                            0 &&
            (partner || g->has_searched_own || !ts_deny_has_emails(g->policy)))
                return;
        if (partner)
                client = ts_clients_partner(g->options->clients, g->settings, partner);
        search_kind(g, t, client, TS_KIND_USER);
        search_kind(g, t, client, TS_KIND_GROUP);
}

/* ---------------------------------------------------------------------------- lists that are denied to us */

static int ask_one_by_one(struct reading *r, struct ts_desired_trust *t, enum ts_collection c,
                          struct ts_err *err)
{
        struct ts_snapshot *g = r->g;
        struct ts_desired_members *desired = &t->collections[c];
        struct ts_ids ids = { TS_ARENA_ARRAY(&g->arena, struct ts_id, desired->n), 0 };
        int k;

        for (size_t i = 0; i < desired->n; i++)
                if (!ts_id_is_nil(&desired->items[i].id) && !ts_ids_have(&ids, &desired->items[i].id))
                        ids.items[ids.n++] = desired->items[i].id;
        k = ts_read_presence(g->client, g->live, t->live, c, &ids, on_warning, r, err);
        if (k < 0)
                return k;
        for (size_t i = 0; i < desired->n; i++) /* a problem that it has stays */
                if (!ts_id_is_nil(&desired->items[i].id))
                        desired->items[i].live =
                                        ts_members_find(&t->live->collections[c], &desired->items[i].id);
        return 0;
}

static int read_denied(struct reading *r, struct ts_desired_trust *t, struct ts_err *err)
{
        int k = 0;

        if (!t->live || t->decl->direction != TS_TRUSTOR)
                return 0;
        for (enum ts_collection c = 0; k >= 0 && c < TS_COLLECTIONS; c++)
                if (t->live->collections[c].is_denied)
                        k = ask_one_by_one(r, t, c, err);
        return k;
}

/* ----------------------------------------------------------------------------------- lists that are empty */

/* Who should be in it: declared, else as it was last applied. */
static bool find_expected(const struct ts_snapshot *g, const struct ts_desired_trust *t, enum ts_collection c,
                          struct ts_id *ret)
{
        const struct ts_last_applied_trust *last_applied =
                        g->last_applied ? ts_last_applied_find_trust(g->last_applied, t->decl->direction,
                                                                     &t->decl->id)
                                        : NULL;
        const struct ts_desired_members *desired = &t->collections[c];

        for (size_t i = 0; i < desired->n; i++)
                if (!ts_id_is_nil(&desired->items[i].id)) {
                        *ret = desired->items[i].id;
                        return true;
                }
        if (!last_applied || last_applied->collections[c].n == 0)
                return false;
        *ret = last_applied->collections[c].items[0].id;
        return true;
}

/* A client without permissions may get an empty list instead of a refusal: a single read shows which. */
static int check_empty(struct reading *r, struct ts_desired_trust *t, enum ts_collection c,
                       struct ts_err *err)
{
        struct ts_snapshot *g = r->g;
        struct ts_members *members = &t->live->collections[c];
        struct ts_id expected;
        struct ts_ids one = { &expected, 1 };
        struct ts_err why = { 0 };
        int k;

        if (members->coverage != TS_COVERAGE_COMPLETE || members->n > 0 ||
            (c == TS_CLONES && t->decl->direction == TS_TRUSTEE) || !find_expected(g, t, c, &expected))
                return 0;
        k = ts_read_presence(g->client, g->live, t->live, c, &one, on_warning, r, err);
        if (k < 0 || members->n == 0)
                return k;
        members->coverage = TS_COVERAGE_PARTIAL;
        (void) ts_err_set(&why, TS_ERR_REMOTE, -EBADMSG,
                          "the list of its %s is empty, and a single read finds %s in it: the list is not "
                          "believed; does the client have the permission to see it?",
                          ts_collection_to_string(c), ts_id_format(&expected).s);
        on_warning(t->live, &why, r);
        return ask_one_by_one(r, t, c, err);
}

static int check_empty_lists(struct reading *r, struct ts_desired_trust *t, struct ts_err *err)
{
        int k = 0;

        for (enum ts_collection c = 0; t->live && k >= 0 && c < TS_COLLECTIONS; c++)
                k = check_empty(r, t, c, err);
        return k;
}

/* ------------------------------------------------------------------------------------------------- grants */

struct targets {
        struct ts_read_target *items;
        size_t n, n_allocated;
};

static void targets_add(struct targets *t, struct ts_trust *trust, struct ts_member *member)
{
        TS_GROW(t->items, t->n_allocated, t->n);
        t->items[t->n++] = (struct ts_read_target){ trust, member };
}

static void find_all_targets(const struct ts_snapshot *g, struct targets *t)
{
        for (size_t i = 0; i < g->live->n_trusts; i++) {
                struct ts_trust *trust = &g->live->trusts[i];

                for (enum ts_collection c = TS_USERS; c <= TS_GROUPS && trust->direction == TS_TRUSTEE; c++)
                        for (size_t k = 0; k < trust->collections[c].n; k++)
                                targets_add(t, trust, &trust->collections[c].items[k]);
        }
}

static void find_desired_targets(const struct ts_snapshot *g, struct targets *t)
{
        for (size_t i = 0; i < g->desired->n_trusts; i++) {
                struct ts_desired_trust *w = &g->desired->trusts[i];

                for (enum ts_collection c = TS_USERS; c <= TS_GROUPS && w->decl->direction == TS_TRUSTEE; c++)
                        for (size_t k = 0; k < w->collections[c].n; k++)
                                if (ts_desired_member_needs_grants(&w->collections[c].items[k]))
                                        targets_add(t, w->live, w->collections[c].items[k].live);
        }
}

/* Members of one trust that are named where their grants could not be read. */
#define NAMED_MAX 20u

/* Members whose grants are unknown: one finding for each trust. */
static void note_uncertain(struct reading *r, const struct targets *t, size_t first, size_t end)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf names = TS_BUF_INIT(TS_TEXT_MAX_BYTES);
        const struct ts_decl_trust *decl = declaration_of(r, t->items[first].trust);
        struct ts_id_text id = ts_id_format(&t->items[first].trust->id), label;
        size_t n = 0;

        for (size_t i = first; i < end; i++) {
                const struct ts_member *m = t->items[i].member;

                if (m->grants_coverage == TS_COVERAGE_COMPLETE || n++ >= NAMED_MAX)
                        continue;
                ts_buf_puts(&names, n == 1 ? "" : ", ");
                ts_escape_name(&names, ts_member_label(m, &label));
        }
        if (n > 0)
                ts_plan_add_finding(r->g->notes, TS_MESSAGE_UNREAD, decl ? decl->alias : id.s, NULL, n,
                                    "the grants of %zu member%s are not known completely, and what they hold "
                                    "beyond their declarations stays: %s%s",
                                    n, TS_S(n), ts_buf_text(&names), n > NAMED_MAX ? ", ..." : "");
}

static void note_all_uncertain(struct reading *r, const struct targets *t)
{
        for (size_t first = 0, end; first < t->n; first = end) {
                for (end = first + 1; end < t->n && t->items[end].trust == t->items[first].trust;)
                        end++;
                note_uncertain(r, t, first, end);
        }
}

static int read_grants(struct reading *r, struct ts_err *err)
{
        struct ts_snapshot *g = r->g;
        struct targets t = { 0 };
        int k;

        if (g->options->scope == TS_SNAPSHOT_EVERYTHING)
                find_all_targets(g, &t);
        else
                find_desired_targets(g, &t);
        k = ts_read_grants(g->client, g->live, t.items, t.n, &g->subjects, &g->how, on_warning, r, err);
        if (k >= 0)
                note_all_uncertain(r, &t);
        if (g->live->grants_note)
                ts_plan_add_message(g->notes, NULL, NULL, "%s", g->live->grants_note);
        free(t.items);
        return k;
}

/* ------------------------------------------------------------------------------------------------- gather */

/* Our pace cannot keep to the platform's limit when it is shared. */
static void note_others(struct ts_snapshot *g)
{
        int64_t counted, ours;

        if (ts_client_get_others(g->client, &counted, &ours))
                ts_plan_add_message(
                                g->notes, NULL, NULL,
                                "the platform counted %lld requests of this OAuth client within a minute, "
                                "of which this run made %lld: another program uses the client, or an "
                                "earlier run just ended; give each program a client of its own",
                                (long long) counted, (long long) ours);
}

/* What the first pass could not see: addresses in pairing requests, directories and groups. */
static int learn_denied(struct ts_snapshot *g, struct ts_err *err)
{
        int k;

        ts_deny_see_live(&g->deny, g->live);
        ts_deny_learn(&g->deny);
        k = ts_deny_read_groups(g, err);
        ts_deny_plan(&g->deny, g->live, g->decl, g->options->filter, g->denied);
        ts_deny_match(&g->deny, g->live, g->decl, g->options->filter);
        return k;
}

static int take_snapshot(struct reading *r, struct ts_err *err)
{
        struct ts_snapshot *g = r->g;
        int k;

        k = read_organization(r, err);
        if (k < 0)
                return k;
        g->desired = ts_resolve_members(g->decl, g->live, g->options->filter);
        for (size_t i = 0; i < g->desired->n_trusts; i++)
                search(g, &g->desired->trusts[i]);
        ts_resolve_identity(g->desired, g->last_applied);
        for (size_t i = 0; i < g->desired->n_trusts; i++) {
                k = read_denied(r, &g->desired->trusts[i], err);
                if (k >= 0)
                        k = check_empty_lists(r, &g->desired->trusts[i], err);
                if (k < 0)
                        return k;
        }
        if (g->options->scope == TS_SNAPSHOT_MANAGED) {
                k = learn_denied(g, err);
                if (k < 0)
                        return k;
        }
        ts_resolve_grants(g->desired, g->live, g->policy);
        ts_deny_mark(&g->deny, g->desired);
        k = g->options->scope == TS_SNAPSHOT_USERS ? 0 : read_grants(r, err);
        g->live->clock_skew_sec = ts_client_get_clock_skew(g->client);
        note_others(g);
        return k;
}

static const struct ts_source *find_denial(const struct ts_change *c, const struct ts_id *id,
                                           const char *email, void *userdata)
{
        struct ts_deny *d = userdata;
        const struct ts_id *organization = ts_deny_directory(d, c->direction, &c->trust_id);
        struct ts_deny_ruling r;

        ts_deny_see(d, organization, id, email);
        ts_deny_learn(d);
        r = ts_deny_rule(d, organization, id, email);
        return r.is_denied && !r.is_protected ? r.source : NULL;
}

static bool is_protected(const struct ts_change *c, const struct ts_id *id, const char *email, void *userdata)
{
        const struct ts_deny *d = userdata;

        return ts_deny_rule(d, ts_deny_directory(d, c->direction, &c->trust_id), id, email).is_protected;
}

void ts_snapshot_begin(struct ts_snapshot *g, int64_t now)
{
        g->client = ts_clients_get(g->options->clients, g->settings);
        g->live = ts_live_new();
        g->notes = ts_plan_new();
        g->denied = ts_plan_new();
        g->denied->organization = g->settings->alias;
        g->denied->organization_id = g->settings->id;
        g->denied->catalog = &g->live->catalog;
        g->denied->all_drift_known =
                        !g->last_applied || g->last_applied->status != TS_LAST_APPLIED_UNREADABLE;
        ts_deny_begin(&g->deny, g->policy, g->last_applied, &g->settings->id, now);
        g->screen = (struct ts_apply_screen){
                .has_emails = ts_deny_has_emails(g->policy),
                .find_denial = find_denial,
                .is_protected = is_protected,
                .userdata = &g->deny,
        };
}

const char *ts_snapshot_alias(const struct ts_snapshot *g, const struct ts_trust *t)
{
        for (size_t i = 0; i < g->decl->n_trusts; i++)
                if (g->decl->trusts[i].direction == t->direction &&
                    ts_id_equal(&g->decl->trusts[i].id, &t->id))
                        return g->decl->trusts[i].alias;
        return NULL;
}

int ts_snapshot_take(struct ts_snapshot *g, struct ts_err *err)
{
        struct reading r = { .g = g };
        int k;

        if (!g->live)
                ts_snapshot_begin(g, 0);
        ts_diff_index(g->decl, TS_TRUSTEE, &r.declared[TS_TRUSTEE]);
        ts_diff_index(g->decl, TS_TRUSTOR, &r.declared[TS_TRUSTOR]);
        if (g->base) {
                ts_diff_index(g->base, TS_TRUSTEE, &r.base[TS_TRUSTEE]);
                ts_diff_index(g->base, TS_TRUSTOR, &r.base[TS_TRUSTOR]);
        }
        k = take_snapshot(&r, err);
        ts_map_done(&r.declared[TS_TRUSTEE]);
        ts_map_done(&r.declared[TS_TRUSTOR]);
        ts_map_done(&r.base[TS_TRUSTEE]);
        ts_map_done(&r.base[TS_TRUSTOR]);
        return k;
}

/* Keys of our own people, by the names in the export; a partner's are known only where they are members. */
static void find_own_people(const struct ts_exported *exported, struct ts_desired_trust *t, enum ts_kind kind)
{
        size_t n = ts_resolve_unresolved(t, kind, NULL);
        TS_CLEANUP(ts_freep) struct ts_desired_member **members = ts_calloc(n, sizeof(*members));

        (void) ts_resolve_unresolved(t, kind, members); /* as many as before */
        for (size_t i = 0; i < n; i++) {
                struct ts_id id = ts_offline_find(exported, kind, members[i]->decl->key);

                if (!ts_id_is_nil(&id))
                        ts_resolve_found(t, members[i], &id);
        }
}

void ts_snapshot_offline(struct ts_snapshot *g, const struct ts_decl_organization *live,
                         const struct ts_exported *exported)
{
        g->notes = ts_plan_new();
        g->live = ts_offline_live(live, exported);
        g->desired = ts_resolve_members(g->decl, g->live, g->options->filter);
        for (size_t i = 0; i < g->desired->n_trusts; i++) {
                struct ts_desired_trust *t = &g->desired->trusts[i];

                /* Only settings say for which partners there are clients. */
                t->holds_partner =
                                !g->settings->client_id || find_settings(g->options->settings, &t->decl->id);
                if (t->decl->direction != TS_TRUSTOR)
                        continue;
                find_own_people(exported, t, TS_KIND_USER);
                find_own_people(exported, t, TS_KIND_GROUP);
        }
        ts_resolve_identity(g->desired, g->last_applied);
        ts_resolve_grants(g->desired, g->live, g->policy);
}

void ts_snapshot_done(struct ts_snapshot *g)
{
        ts_deny_done(&g->deny);
        ts_plan_free(g->denied);
        ts_outcomes_done(&g->denied_outcomes);
        ts_plan_free(g->notes);
        ts_desired_free(g->desired);
        ts_live_free(g->live);
        ts_arena_done(&g->arena);
        *g = (struct ts_snapshot){ 0 };
}
