/*
 * check - what --check found, as text or JSON
 *
 * Settings and declarations are loaded by cli/cli_inputs.h, which has printed every fault to stderr already.
 */
#ifndef TS_CLI_CHECK_H
#define TS_CLI_CHECK_H

#include "cli/cli_inputs.h"

/*
 * ts_check_run - adds what only all files together show, and writes the result
 * @in:     loaded, or as far as that was possible
 * @status: of loading; 0: everything was good
 *
 * Text that says what is wrong stands on stderr already: it goes to --output only.
 * Return: the exit status.
 */
int ts_check_run(struct ts_cli_inputs *in, int status);

#endif
