#include "cli/oneshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/audit.h"
#include "cli/check.h"
#include "reconcile/cycle.h"
#include "reconcile/state_directory.h"
#include "cli/cli_inputs.h"
#include "cli/snapshot_set.h"
#include "cli/output.h"
#include "cli/session.h"
#include "report/access.h"
#include "report/export.h"
#include "util/journald.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

struct oneshot {
        struct ts_cli_inputs in;
        struct ts_session session;
};

/* -------------------------------------------------------------------------------------------------- cycle */

const char *ts_oneshot_state_path(void)
{
        const char *path = getenv("STATE_DIRECTORY");

        return path && path[0] != '\0' ? path : TS_STATE_PATH;
}

static void render_report(enum ts_format format, bool color, struct ts_buf *out, const void *userdata)
{
        ts_report_write(userdata, format, color, out);
}

/* A plan that could not be printed is no success. */
static int print_report(const struct ts_options *o, struct ts_report *report, int status)
{
        report->verbose = o->verbose;
        report->users = o->users.items;
        report->n_users = o->users.n;
        if (ts_output_write(o, render_report, report) < 0)
                return ts_exit_status_worse(status, TS_EXIT_FAILURE);
        return status;
}

/* The report on a terminal already shows failures: they are not logged as well. */
static bool report_is_read(const struct ts_options *o)
{
        return o->format == TS_FORMAT_TEXT && isatty(STDOUT_FILENO);
}

/* Where the report goes into a file, a comment or a program, nobody would know why the run failed or was
 * refused. A run that applies has said it. */
static void print_troubles(const struct ts_options *o, const struct ts_cycle_result *cycle)
{
        const struct ts_event_context *ctx = &cycle->events;

        if (o->run != TS_RUN_DRY_RUN || report_is_read(o))
                return;
        for (size_t i = 0; i < cycle->report.n_refusals; i++)
                ts_event_refusal(ctx, NULL, &cycle->report.refusals[i]);
        for (size_t i = 0; i < cycle->n_organizations; i++) {
                const struct ts_organization_result *r = &cycle->organizations[i];

                for (size_t k = 0; r->plan && k < r->plan->n_refusals; k++)
                        ts_event_refusal(ctx, r->plan, &r->plan->refusals[k]);
                if (r->err && r->err->code != -ECANCELED)
                        ts_event_organization_failed(ctx, r->alias, r->err);
        }
}

static bool has_trust(const struct ts_organization_result *o, const struct ts_id *id)
{
        const struct ts_live *live = o->live;

        for (size_t i = 0; o->decl && i < o->decl->n_trusts; i++)
                if (ts_id_equal(&o->decl->trusts[i].id, id))
                        return true;
        for (size_t i = 0; live && i < live->n_trusts; i++)
                if (ts_id_equal(&live->trusts[i].id, id))
                        return true;
        return !o->is_complete; /* who knows */
}

/* An alias was looked up before; whether there is an id is known only now. */
static size_t note_unknown_trusts(const struct ts_options *o, const struct ts_cycle_result *cycle,
                                  struct ts_arena *arena, const char **messages)
{
        size_t n = 0;

        for (size_t i = 0; i < o->trust.n; i++) {
                struct ts_id id;
                size_t k = 0;

                if (!ts_id_parse_string(o->trust.items[i], &id))
                        continue;
                while (k < cycle->n_organizations && !has_trust(&cycle->organizations[k], &id))
                        k++;
                if (k == cycle->n_organizations)
                        messages[n++] = ts_arena_printf(
                                        arena, "--trust %s: no trust with this id is declared or live",
                                        o->trust.items[i]);
        }
        return n;
}

static int run_cycle(struct oneshot *s)
{
        const struct ts_options *o = s->in.options;
        TS_CLEANUP(ts_state_store_freep)
        struct ts_state_store *state =
                        ts_state_store_open_directory(ts_oneshot_state_path(), o->run == TS_RUN_ONCE);
        TS_CLEANUP(ts_cycle_freep) struct ts_cycle *cycle = NULL;
        struct ts_cycle_options options = {
                .settings = s->in.settings,
                .declarations = s->in.declarations,
                .base = s->in.base,
                .export = s->in.export,
                .exported = s->in.export ? &s->in.exported : NULL,
                .clients = s->session.clients,
                .clock = &ts_clock_system,
                .state = state,
                .mode = o->run == TS_RUN_ONCE ? TS_CYCLE_APPLY : TS_CYCLE_PLAN,
                .organizations = o->organizations.items,
                .n_organizations = o->organizations.n,
                .filter = { o->trust.items, o->trust.n },
                .plan_digest = o->plan_digests[0] != '\0' ? o->plan_digests : NULL,
        };
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_cycle_result *result;
        struct ts_report report;
        const char **messages;

        cycle = ts_cycle_run(&options);
        result = ts_cycle_get_result(cycle);
        ts_log_progress("%s", "");
        print_troubles(o, result);
        if (o->run == TS_RUN_ONCE && ts_journald_is_ours()) /* to a person the report says it */
                ts_cycle_result_log(result);
        report = result->report;
        messages = TS_ARENA_ARRAY(&arena, const char *, o->trust.n + 1);
        report.privileged = s->in.settings->organizations[0].policy.privileged_roles;
        report.messages = messages;
        report.n_messages = note_unknown_trusts(o, result, &arena, messages);
        if (s->in.export && !o->config)
                messages[report.n_messages++] = "no settings were given: the default limits hold, nothing is "
                                                "protected or denied";
        return print_report(o, &report,
                            o->detailed_exitcode ? result->detailed_exit_status : result->exit_status);
}

/* ------------------------------------------------------------------------------- export and access report */

static void render_access(enum ts_format format, bool color, struct ts_buf *out, const void *userdata)
{
        (void) color;
        ts_access_write(userdata, format, out);
}

static struct ts_texts texts_of(struct ts_arena *arena, const struct ts_texts_option *o)
{
        struct ts_texts texts = { TS_ARENA_ARRAY(arena, struct ts_decl_text, o->n), 0 };

        while (texts.n < o->n) {
                texts.items[texts.n].text = o->items[texts.n];
                texts.n++;
        }
        return texts;
}

/* Nothing at all would look like "nobody has it". */
static bool roles_are_known(const struct ts_access *access)
{
        char hint[160];
        const char *role = ts_access_find_unknown_role(access, hint);

        if (role)
                ts_log(LOG_ERR, "--role %s: no organization has a role of that name or id%s%s", role,
                       hint[0] != '\0' ? "; " : "", hint);
        return !role;
}

static void fill_access(struct oneshot *s, struct ts_snapshot_set *inv, struct ts_access *access)
{
        struct ts_access_organization *organizations =
                        TS_ARENA_ARRAY(&inv->arena, struct ts_access_organization, inv->n);
        const struct ts_options *o = s->in.options;

        for (size_t i = 0; i < inv->n; i++) {
                organizations[i] = (struct ts_access_organization){
                        .alias = inv->items[i].settings->alias,
                        .live = inv->errs[i].cls == TS_ERR_NONE ? inv->items[i].live : NULL,
                        .desired = inv->items[i].desired,
                        .error = ts_snapshot_set_error(inv, i),
                        .groups = inv->groups[i],
                        .n_groups = inv->n_groups[i],
                };
                if (organizations[i].error && !report_is_read(o)) /* CSV has no place for it */
                        ts_log(LOG_ERR, "%s", organizations[i].error);
        }
        *access = (struct ts_access){
                .organizations = organizations,
                .n_organizations = inv->n,
                .filter = &inv->filter,
                .users = o->users.items,
                .n_users = o->users.n,
                .roles = texts_of(&inv->arena, &o->roles),
                .privileged = s->in.settings->organizations[0].policy.privileged_roles,
                .only_privileged = o->privileged,
                .only_undeclared = o->undeclared,
                .expires_before = TS_TIME_UNSET,
                .by_user = o->by_user,
                .verbose = o->verbose,
                .generated_at = ts_clock_realtime(&ts_clock_system),
                .live_at = s->in.export ? s->in.exported.time : 0,
                .revision = s->in.declarations->revision,
        };
        if (o->expires_within_usec > 0)
                access->expires_before =
                                access->generated_at + (int64_t) (o->expires_within_usec / TS_USEC_PER_SEC);
}

static int run_access(struct oneshot *s)
{
        TS_CLEANUP(ts_snapshot_set_done) struct ts_snapshot_set inv = { 0 };
        struct ts_access access;

        ts_snapshot_set_take(&s->in, s->session.clients, TS_SNAPSHOT_EVERYTHING, &inv);
        fill_access(s, &inv, &access);
        if (!roles_are_known(&access))
                return TS_EXIT_USAGE;
        if (ts_output_write(s->in.options, render_access, &access) < 0 || !inv.complete)
                return TS_EXIT_FAILURE;
        return 0;
}

static void render_export(enum ts_format format, bool color, struct ts_buf *out, const void *userdata)
{
        (void) format;
        (void) color;
        ts_export_write(userdata, out);
}

/* The directory of our own organization is asked for only where keys of ours can mean somebody in it. */
static int read_own_people(struct ts_snapshot *g, struct ts_members *users, struct ts_members *groups)
{
        struct ts_err err = { 0 };
        int r;

        r = ts_read_directory(g->client, g->live, TS_KIND_USER, users, &err);
        if (r >= 0)
                r = ts_read_directory(g->client, g->live, TS_KIND_GROUP, groups, &err);
        if (r < 0)
                ts_log(LOG_WARNING, "the export has no names of our own users and groups: %s", err.msg);
        return r;
}

static bool has_trustors(const struct ts_snapshot *g)
{
        for (size_t i = 0; i < g->live->n_trusts; i++)
                if (g->live->trusts[i].direction == TS_TRUSTOR)
                        return true;
        return g->decl->trustors_managed;
}

static size_t count_selected(const struct ts_cli_inputs *in)
{
        size_t n = 0;

        for (size_t i = 0; i < in->settings->n_organizations; i++)
                n += ts_cli_inputs_is_selected(in, in->settings->organizations[i].alias);
        return n;
}

static int run_export(struct oneshot *s)
{
        TS_CLEANUP(ts_snapshot_set_done) struct ts_snapshot_set inv = { 0 };
        struct ts_members users = { 0 }, groups = { 0 };
        struct ts_export export;
        const char *error;
        size_t n;

        n = count_selected(&s->in);
        if (n != 1) {
                ts_log(LOG_ERR, "--export prints one organization, and these are %zu: choose one with -o", n);
                return TS_EXIT_USAGE;
        }
        ts_snapshot_set_take(&s->in, s->session.clients, TS_SNAPSHOT_EVERYTHING, &inv);
        error = ts_snapshot_set_error(&inv, 0);
        if (error)
                ts_log(LOG_ERR, "%s", error);
        if (inv.errs[0].cls != TS_ERR_NONE)
                return TS_EXIT_FAILURE;

        export = (struct ts_export){
                .organization = inv.items[0].settings->alias,
                .live = inv.items[0].live,
                .decl = inv.items[0].decl,
                .now = ts_clock_realtime(&ts_clock_system),
        };
        if (has_trustors(&inv.items[0]) && read_own_people(&inv.items[0], &users, &groups) >= 0) {
                export.users = &users;
                export.groups = &groups;
        }
        if (ts_output_write(s->in.options, render_export, &export) < 0 || !inv.complete)
                return TS_EXIT_FAILURE;
        return 0;
}

/* -------------------------------------------------------------------------------------------------- audit */

/* How far back, in seconds since 1970; what is to come cannot be asked for. */
static int choose_since(const struct ts_options *o, int64_t now, int64_t *ret)
{
        int64_t since = o->since;

        if (since == TS_TIME_UNSET)
                since = now - (int64_t) (o->since_usec / TS_USEC_PER_SEC);
        if (since < 0)
                since = 0;
        if (since >= now) {
                ts_log(LOG_ERR, "--since %s: that is not in the past", ts_time_format(since).s);
                return -EINVAL;
        }
        *ret = since;
        return 0;
}

static void render_audit(enum ts_format format, bool color, struct ts_buf *out, const void *userdata)
{
        const struct ts_buf *document = userdata;

        (void) format;
        (void) color;
        (void) ts_buf_put(out, ts_buf_text(document), document->len);
}

static int run_audit(struct oneshot *s)
{
        TS_CLEANUP(ts_snapshot_set_done) struct ts_snapshot_set inv = { 0 };
        TS_CLEANUP(ts_buf_done) struct ts_buf document = TS_BUF_INIT(TS_REPORT_MAX_BYTES);
        struct ts_audit_document audit = {
                .out = &document,
                .users = s->in.options->users.items,
                .n_users = s->in.options->users.n,
                .until = ts_clock_realtime(&ts_clock_system),
        };

        if (choose_since(s->in.options, audit.until, &audit.since) < 0)
                return TS_EXIT_USAGE;
        ts_snapshot_set_take(&s->in, s->session.clients, TS_SNAPSHOT_USERS, &inv);
        ts_audit_begin(&audit);
        for (size_t i = 0; i < inv.n; i++)
                ts_audit_organization(&audit, &inv.items[i], ts_snapshot_set_error(&inv, i));
        ts_audit_end(&audit);
        ts_log_progress("%s", "");
        if (ts_output_write(s->in.options, render_audit, &document) < 0 || !audit.complete)
                return TS_EXIT_FAILURE;
        return 0;
}

/* ---------------------------------------------------------------------------------------------------- run */

static int run(struct oneshot *s)
{
        struct ts_err err = { 0 };

        if (s->in.options->run == TS_RUN_ONCE && ts_output_probe(s->in.options) < 0)
                return TS_EXIT_FAILURE; /* nothing is changed without the evidence of it */
        if (s->in.options->live)
                return s->in.options->run == TS_RUN_ACCESS_REPORT ? run_access(s) : run_cycle(s);
        if (ts_session_open(&s->session, s->in.settings, getenv("CREDENTIALS_DIRECTORY"), &err) < 0) {
                ts_log(LOG_ERR, "%s", err.msg);
                return err.cls == TS_ERR_SETTINGS ? TS_EXIT_SETTINGS : TS_EXIT_FAILURE;
        }
        switch (s->in.options->run) {
        case TS_RUN_EXPORT:
                return run_export(s);
        case TS_RUN_ACCESS_REPORT:
                return run_access(s);
        case TS_RUN_AUDIT:
                return run_audit(s);
        default:
                return run_cycle(s);
        }
}

static void oneshot_done(struct oneshot *s)
{
        ts_session_close(&s->session);
        ts_cli_inputs_done(&s->in);
}

int ts_oneshot_run(const struct ts_options *o)
{
        TS_CLEANUP(oneshot_done) struct oneshot s = { 0 };
        int status = ts_cli_inputs_load(o, &s.in);

        if (o->run == TS_RUN_CHECK && status != TS_EXIT_USAGE)
                return ts_check_run(&s.in, status);
        return status != 0 ? status : run(&s);
}
