#include "cli/inventory.h"

#include <stdlib.h>

#include "util/log.h"
#include "util/mem.h"

void ts_inventory_done(struct ts_inventory *inv)
{
        for (size_t i = 0; i < inv->n; i++)
                ts_gathered_done(&inv->items[i]);
        free(inv->items);
        free(inv->errs);
        ts_arena_done(&inv->arena);
}

static void gather(size_t i, void *userdata)
{
        struct ts_inventory *inv = userdata;

        if (ts_gather(&inv->items[i], &inv->errs[i]) < 0 || !inv->items[i].notes->complete)
                inv->complete = false;
}

void ts_inventory_take(const struct ts_inputs *in, struct ts_clients *clients, enum ts_gather_scope scope,
                       struct ts_inventory *inv)
{
        const struct ts_settings *settings = in->settings;

        *inv = (struct ts_inventory){ .filter = { in->options->trust.items, in->options->trust.n } };
        inv->gather = (struct ts_gather_options){
                .settings = settings,
                .clients = clients,
                .filter = &inv->filter,
                .scope = scope,
        };
        inv->complete = true;
        inv->nothing = TS_ARENA_NEW(&inv->arena, struct ts_decl_organization);
        inv->items = ts_calloc(settings->n_organizations, sizeof(*inv->items));
        inv->errs = ts_calloc(settings->n_organizations, sizeof(*inv->errs));
        for (size_t i = 0; i < settings->n_organizations; i++) {
                const struct ts_settings_organization *so = &settings->organizations[i];
                struct ts_gathered *g = &inv->items[inv->n];
                const struct ts_decl_organization *decl;

                if (!ts_inputs_is_selected(in, so->alias))
                        continue;
                decl = ts_declarations_find(in->declarations, so->alias);
                g->options = &inv->gather;
                g->settings = so;
                g->decl = decl ? decl : inv->nothing;
                g->policy = &so->policy;
                inv->n++;
        }
        ts_clients_run(clients, inv->n, gather, inv);
        ts_log_progress("%s", "");
}

const char *ts_inventory_error(struct ts_inventory *inv, size_t i)
{
        const struct ts_gathered *g = &inv->items[i];
        const char *text = NULL;

        if (inv->errs[i].cls != TS_ERR_NONE)
                return inv->errs[i].msg;
        for (size_t k = 0; !g->notes->complete && k < g->notes->n_messages; k++)
                text = text ? ts_arena_printf(&inv->arena, "%s; %s", text, g->notes->messages[k].text)
                            : g->notes->messages[k].text;
        return text;
}
