/*
 * cli_inputs - input files of a one-shot run: settings, declarations, --base, --live
 *
 * Loads all of them before the first request to the API, and prints all faults, not only the first.
 */
#ifndef TS_CLI_CLI_INPUTS_H
#define TS_CLI_CLI_INPUTS_H

#include "config/declarations.h"
#include "config/exported.h"
#include "config/settings.h"
#include "cli/options.h"

struct ts_cli_inputs {
        const struct ts_options *options;     /* borrowed */
        struct ts_settings *settings;         /* of a file; with --live and no --config the default ones */
        struct ts_declarations *declarations; /* empty when a read-only run found no valid ones */
        struct ts_declarations *base;         /* --base; NULL */
        struct ts_declarations *export;       /* --live; NULL */
        struct ts_exported exported;          /* of the export */
        struct ts_faults faults;              /* of all of them, sorted */
};

/* Return: 0; else the exit status, and what is wrong was printed. ts_cli_inputs_done() in both cases. */
int ts_cli_inputs_load(const struct ts_options *o, struct ts_cli_inputs *in) TS_MUST_CHECK;
void ts_cli_inputs_done(struct ts_cli_inputs *in);

/* Does --organization, if it was given, choose this one of the settings? */
bool ts_cli_inputs_is_selected(const struct ts_cli_inputs *in, const char *alias);

#endif
