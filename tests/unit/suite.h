/*
 * suite - what the main functions of the unit tests share
 *
 * CK_VERBOSITY and CK_RUN_CASE are heeded.
 */
#ifndef TS_TESTS_SUITE_H
#define TS_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs @suite, and takes it. Returns what main returns. */
static inline int run_suite(Suite *suite)
{
        SRunner *runner = srunner_create(suite);
        int n_failed;

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
