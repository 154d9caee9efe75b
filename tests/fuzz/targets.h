/*
 * targets - what is fuzzed: one function for each parser, which holds its contract
 *
 * A target gets any bytes, hands them to a parser, and ends the process (must()) when a promise is broken:
 * either a result or an error, an error that says something, and what is written from a result reads back
 * as the same.
 */
#ifndef TS_FUZZ_TARGETS_H
#define TS_FUZZ_TARGETS_H

#include <stddef.h>
#include <stdint.h>

#include "config/faults.h"
#include "util/err.h"

struct ts_fuzz_target {
        const char *name;
        void (*run)(const char *data, size_t len);
};

extern const struct ts_fuzz_target ts_fuzz_targets[];
extern const size_t ts_fuzz_n_targets;

const struct ts_fuzz_target *ts_fuzz_find(const char *name); /* NULL: there is none */

void ts_fuzz_yaml(const char *data, size_t len);
void ts_fuzz_settings(const char *data, size_t len);
void ts_fuzz_declarations(const char *data, size_t len);
void ts_fuzz_export(const char *data, size_t len);
void ts_fuzz_json(const char *data, size_t len);
void ts_fuzz_answer(const char *data, size_t len);
void ts_fuzz_organization(const char *data, size_t len);
void ts_fuzz_headers(const char *data, size_t len);
void ts_fuzz_state(const char *data, size_t len);
void ts_fuzz_history(const char *data, size_t len);
void ts_fuzz_text(const char *data, size_t len);

/* What is promised does not hold: says what, and ends the process so that a fuzzer sees it. */
_Noreturn void ts_fuzz_broken(const char *what, const char *function, int line);
#define must(condition) ((condition) ? (void) 0 : ts_fuzz_broken(#condition, __func__, __LINE__))

/* A failure has its code and says something on one line; a success says nothing. */
void ts_fuzz_check_error(int r, const struct ts_err *err);
/* The same of faults, and they can be printed. */
void ts_fuzz_check_faults(int r, struct ts_faults *faults);

/* A file that holds @data, until the next call; its path. */
const char *ts_fuzz_file(const char *data, size_t len);

#endif
