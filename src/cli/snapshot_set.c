#include "cli/snapshot_set.h"

#include <errno.h>
#include <stdlib.h>

#include "util/log.h"
#include "util/mem.h"

void ts_snapshot_set_done(struct ts_snapshot_set *inv)
{
        for (size_t i = 0; i < inv->n; i++)
                ts_snapshot_done(&inv->items[i]);
        free(inv->items);
        free(inv->errs);
        free(inv->groups);
        free(inv->n_groups);
        ts_arena_done(&inv->arena);
}

static void take_offline(struct ts_snapshot_set *inv, size_t i)
{
        struct ts_snapshot *g = &inv->items[i];
        const struct ts_decl_organization *live = ts_declarations_find(inv->export, g->settings->alias);

        if (live) {
                ts_snapshot_offline(g, live, inv->exported);
                return;
        }
        (void) ts_err_set(&inv->errs[i], TS_ERR_INPUT, -ENOENT,
                          "the export is of another organization than %s: leave it out with -o",
                          g->settings->alias);
        inv->complete = false;
}

/* A group is of the organization whose people enter: the trustee's, or our own. */
static void read_group(struct ts_snapshot_set *inv, size_t i, const struct ts_trust *t,
                       const struct ts_member *group)
{
        struct ts_snapshot *g = &inv->items[i];
        struct ts_client *client = t->direction == TS_TRUSTOR ? g->client : ts_snapshot_partner(g, &t->id);
        struct ts_access_group *found = &inv->groups[i][inv->n_groups[i]];
        struct ts_err err = { 0 };

        if (!client)
                return;
        *found = (struct ts_access_group){ .group = group };
        if (ts_read_group_members(client, g->live, &group->id, &found->people, &err) >= 0) {
                inv->n_groups[i]++;
                return;
        }
        g->notes->complete = inv->complete = false;
        ts_plan_add_finding(g->notes, TS_MESSAGE_UNREAD, NULL, NULL, 0, "the people of the group %s: %s",
                            ts_id_format(&group->id).s, err.msg);
}

static void read_groups(struct ts_snapshot_set *inv, size_t i)
{
        const struct ts_live *live = inv->items[i].live;
        size_t n = 0, n_read = 0;

        for (size_t k = 0; k < live->n_trusts; k++)
                n += live->trusts[k].groups.n;
        inv->groups[i] = TS_ARENA_ARRAY(&inv->arena, struct ts_access_group, n);
        for (size_t k = 0; k < live->n_trusts; k++)
                for (size_t m = 0; m < live->trusts[k].groups.n && n_read < TS_ACCESS_GROUPS_MAX;
                     m++, n_read++)
                        read_group(inv, i, &live->trusts[k], &live->trusts[k].groups.items[m]);
        if (n > TS_ACCESS_GROUPS_MAX) {
                inv->items[i].notes->complete = inv->complete = false;
                ts_plan_add_finding(inv->items[i].notes, TS_MESSAGE_UNREAD, NULL, NULL, 0,
                                    "there are %zu groups, and the people of %u were asked for", n,
                                    TS_ACCESS_GROUPS_MAX);
        }
}

static void take_snapshot(size_t i, void *userdata)
{
        struct ts_snapshot_set *inv = userdata;
        int r = ts_snapshot_take(&inv->items[i], &inv->errs[i]);

        if (r >= 0 && inv->wants_people)
                read_groups(inv, i);
        if (r < 0 || !inv->items[i].notes->complete)
                inv->complete = false;
}

/* An export is of one organization: the others were not asked for, unless by name. */
static bool is_not_exported(const struct ts_cli_inputs *in, const char *alias)
{
        return in->export && in->options->organizations.n == 0 && !ts_declarations_find(in->export, alias);
}

void ts_snapshot_set_take(const struct ts_cli_inputs *in, struct ts_clients *clients,
                          enum ts_snapshot_scope scope, struct ts_snapshot_set *inv)
{
        const struct ts_settings *settings = in->settings;

        *inv = (struct ts_snapshot_set){ .filter = { in->options->trust.items, in->options->trust.n },
                                         .export = in->export,
                                         .exported = &in->exported };
        inv->snapshot_options = (struct ts_snapshot_options){
                .settings = settings,
                .clients = clients,
                .filter = &inv->filter,
                .scope = scope,
        };
        inv->complete = true;
        inv->nothing = TS_ARENA_NEW(&inv->arena, struct ts_decl_organization);
        inv->items = ts_calloc(settings->n_organizations, sizeof(*inv->items));
        inv->groups = ts_calloc(settings->n_organizations, sizeof(*inv->groups));
        inv->n_groups = ts_calloc(settings->n_organizations, sizeof(*inv->n_groups));
        inv->wants_people = in->options->run == TS_RUN_ACCESS_REPORT;
        inv->errs = ts_calloc(settings->n_organizations, sizeof(*inv->errs));
        for (size_t i = 0; i < settings->n_organizations; i++) {
                const struct ts_settings_organization *so = &settings->organizations[i];
                struct ts_snapshot *g = &inv->items[inv->n];
                const struct ts_decl_organization *decl;

                if (!ts_cli_inputs_is_selected(in, so->alias) || is_not_exported(in, so->alias))
                        continue;
                decl = ts_declarations_find(in->declarations, so->alias);
                g->options = &inv->snapshot_options;
                g->settings = so;
                g->decl = decl ? decl : inv->nothing;
                g->policy = &so->policy;
                inv->n++;
        }
        for (size_t i = 0; in->export && i < inv->n; i++)
                take_offline(inv, i);
        if (!in->export)
                ts_clients_run(clients, inv->n, take_snapshot, inv);
        ts_log_progress("%s", "");
}

const char *ts_snapshot_set_error(struct ts_snapshot_set *inv, size_t i)
{
        const struct ts_snapshot *g = &inv->items[i];
        const char *text = NULL;

        if (inv->errs[i].cls != TS_ERR_NONE)
                return inv->errs[i].msg;
        for (size_t k = 0; !g->notes->complete && k < g->notes->n_messages; k++)
                text = text ? ts_arena_printf(&inv->arena, "%s; %s", text, g->notes->messages[k].text)
                            : g->notes->messages[k].text;
        return text;
}
