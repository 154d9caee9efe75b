/*
 * fuzz - a target for libFuzzer
 *
 * FUZZ_TARGET in the environment names it, since libFuzzer has the command line.
 */
#include <stdio.h>
#include <stdlib.h>

#include "targets.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ts_fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        const char *name = getenv("FUZZ_TARGET");

        (void) argc;
        (void) argv;
        target = name ? ts_fuzz_find(name) : NULL;
        if (target)
                return 0;
        (void) fprintf(stderr, "fuzz: FUZZ_TARGET has to be one of:");
        for (size_t i = 0; i < ts_fuzz_n_targets; i++)
                (void) fprintf(stderr, " %s", ts_fuzz_targets[i].name);
        (void) fprintf(stderr, "\n");
        exit(64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        target->run((const char *) data, size);
        return 0;
}
