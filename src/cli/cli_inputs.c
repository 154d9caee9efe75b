#include "cli/cli_inputs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/schema.h"
#include "reconcile/cycle.h"
#include "cli/oneshot.h"
#include "cli/output.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

static int status_of_faults(const struct ts_faults *f)
{
        if (ts_faults_has(f, TS_FAULT_SETTINGS))
                return TS_EXIT_SETTINGS;
        if (ts_faults_has(f, TS_FAULT_DECLARATIONS))
                return TS_EXIT_DECLARATIONS;
        return ts_faults_has(f, TS_FAULT_REFUSAL) ? TS_EXIT_REFUSED : 0;
}

static void print_faults(const struct ts_options *o, struct ts_faults *f)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf out = TS_BUF_INIT(TS_REPORT_MAX_BYTES);

        if (f->n == 0)
                return;
        ts_faults_print(f, ts_output_wants_color(o, STDERR_FILENO), &out);
        (void) ts_output_write_all(STDERR_FILENO, ts_buf_text(&out), out.len); /* nowhere else to say it */
}

/* No link among the declarations leads there. */
static struct ts_config_places places_of_run(void)
{
        return (struct ts_config_places){ getenv("CREDENTIALS_DIRECTORY"), ts_oneshot_state_path() };
}

/* ---------------------------------------------------------------------------------------------- selection */

bool ts_cli_inputs_is_selected(const struct ts_cli_inputs *in, const char *alias)
{
        const struct ts_texts_option *chosen = &in->options->organizations;

        return ts_settings_is_chosen(chosen->items, chosen->n, alias);
}

static bool has_alias(const struct ts_declarations *d, const char *name, struct ts_nearest *nearest)
{
        for (size_t k = 0; d && k < d->n_organizations; k++)
                for (size_t t = 0; t < d->organizations[k].n_trusts; t++) {
                        if (strcmp(d->organizations[k].trusts[t].alias, name) == 0)
                                return true;
                        ts_nearest_try(nearest, d->organizations[k].trusts[t].alias);
                }
        return false;
}

static bool check_trust(const struct ts_cli_inputs *in, const char *name)
{
        struct ts_nearest nearest = { .word = name };
        struct ts_id id;
        char hint[160];

        if (ts_id_parse_string(name, &id) || has_alias(in->declarations, name, &nearest) ||
            has_alias(in->base, name, &nearest))
                return true;
        ts_log(LOG_ERR, "--trust %s: no declaration has a trust of that name; %s", name,
               nearest.best ? ts_nearest_hint(&nearest, hint)
                            : "one that is not declared is chosen by its id");
        return false;
}

/* An alias that nothing has is a mistake of the command line, not an empty selection. */
static int check_selection(const struct ts_cli_inputs *in)
{
        const struct ts_options *o = in->options;
        struct ts_err err = { 0 };

        if (ts_settings_check_chosen(in->settings, o->organizations.items, o->organizations.n, &err) < 0) {
                ts_log(LOG_ERR, "%s", err.msg);
                return TS_EXIT_USAGE;
        }
        for (size_t i = 0; i < o->trust.n; i++)
                if (!check_trust(in, o->trust.items[i]))
                        return TS_EXIT_USAGE;
        return 0;
}

/* ------------------------------------------------------------------------------------------------ loading */

/* What the runs that only look can do without: they show what is live. */
static bool may_lack_declarations(const struct ts_options *o)
{
        return o->run == TS_RUN_EXPORT || o->run == TS_RUN_ACCESS_REPORT || o->run == TS_RUN_AUDIT;
}

/* With `--export > trusts.d/acme.yaml` the shell has emptied one of the files before we read them. */
static bool is_standard_output(const char *path)
{
        struct stat out, st;

        return fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(out.st_mode) && stat(path, &st) == 0 &&
               st.st_dev == out.st_dev && st.st_ino == out.st_ino;
}

/* All but the access report take over only what trusts are called: where there are no declarations yet, that
 * is nothing. */
static void print_unusable(const struct ts_options *o, const struct ts_faults *faults)
{
        bool is_report = o->run == TS_RUN_ACCESS_REPORT;
        const char *outcome = is_report ? "nothing is shown as declared"
                                        : "trusts are called after their organizations";
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_fault *f = faults->items, *end = f + faults->n;

        while (f < end && f->cls == TS_FAULT_WARNING)
                f++;
        if (f == end) /* it stands behind too many warnings */
                ts_log(LOG_NOTICE, "the declarations cannot be used, %s", outcome);
        else if (!is_report && is_standard_output(f->source.file))
                ts_log(LOG_NOTICE, "%s is where the export goes, and therefore empty now: %s", f->source.file,
                       outcome);
        else if (is_report || f->cls != TS_FAULT_REFUSAL)
                ts_log(LOG_NOTICE, "the declarations cannot be used, %s: %s", outcome,
                       ts_fault_line(&arena, f));
}

static int load_declarations(struct ts_cli_inputs *in, struct ts_faults *faults)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults unheeded = TS_FAULTS_INIT;
        const struct ts_options *o = in->options;
        const char *path = o->trusts ? o->trusts : in->settings->trusts;
        struct ts_config_places places = places_of_run();
        int r;

        if (!may_lack_declarations(o))
                return ts_declarations_load(path, in->settings, &places, faults, &in->declarations);
        r = ts_declarations_load(path, in->settings, &places, &unheeded, &in->declarations);
        if (r >= 0)
                return 0;
        print_unusable(o, &unheeded);
        in->declarations = ts_calloc(1, sizeof(*in->declarations));
        return 0;
}

/* The settings come from a file, or, for planning against an export, are the default ones. */
static int load_settings(struct ts_cli_inputs *in, struct ts_faults *faults)
{
        const struct ts_options *o = in->options;
        int r;

        if (o->live) {
                r = ts_exported_load(o->live, faults, &in->export, &in->exported);
                if (r < 0)
                        return r;
        }
        if (!o->live || o->config)
                return ts_settings_load(o->config ? o->config : TS_SETTINGS_PATH, faults, &in->settings);
        in->settings = ts_settings_default(in->export->organizations[0].alias, &in->exported.organization);
        return 0;
}

/* Faulty settings hide what is wrong with the declarations; a check tells that too, as far as it can
 * without them. */
static void find_more_faults(struct ts_cli_inputs *in, struct ts_faults *faults)
{
        struct ts_config_places places = places_of_run();
        int r = ts_declarations_load(in->options->trusts, NULL, &places, faults, &in->declarations);

        (void) r; /* the faults are what counts */
}

int ts_cli_inputs_load(const struct ts_options *o, struct ts_cli_inputs *in)
{
        struct ts_faults *faults = &in->faults;
        struct ts_config_places places = places_of_run();
        int r, status;

        *in = (struct ts_cli_inputs){ .options = o, .faults = TS_FAULTS_INIT };
        r = load_settings(in, faults);
        if (r >= 0)
                r = load_declarations(in, faults);
        else if (o->run == TS_RUN_CHECK && o->trusts)
                find_more_faults(in, faults);
        if (r >= 0 && o->base)
                r = ts_declarations_load(o->base, in->settings, &places, faults, &in->base);
        print_faults(o, faults);
        status = status_of_faults(faults);
        if (status == 0 && r < 0)
                status = TS_EXIT_FAILURE;
        return status != 0 ? status : check_selection(in);
}

void ts_cli_inputs_done(struct ts_cli_inputs *in)
{
        ts_faults_done(&in->faults);
        ts_declarations_free(in->export);
        ts_declarations_free(in->base);
        ts_declarations_free(in->declarations);
        ts_settings_free(in->settings);
        *in = (struct ts_cli_inputs){ 0 };
}
