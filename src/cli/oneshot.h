/*
 * oneshot - one-shot runs: check, dry run, once, export, access report, audit
 */
#ifndef TS_CLI_ONESHOT_H
#define TS_CLI_ONESHOT_H

#include "cli/options.h"

/* Carries out o->run, which is none of daemon, help and version. Return: the exit status; what went wrong was
 * printed. */
int ts_oneshot_run(const struct ts_options *o) TS_MUST_CHECK;

/* $STATE_DIRECTORY, else the default. */
const char *ts_oneshot_state_path(void);

#endif
