/*
 * faults - what is wrong in the files, all of it
 *
 * Printed as
 *   trusts.d/contoso.yaml:14:9: error: unknown key 'rolse'
 *      14 |         rolse: {}
 *         |         ^
 *         hint: did you mean 'roles'?
 */
#ifndef TS_CONFIG_FAULTS_H
#define TS_CONFIG_FAULTS_H

#include "trust/model.h"
#include "util/buf.h"

enum ts_fault_class {
        TS_FAULT_SETTINGS,     /* exit 78 */
        TS_FAULT_DECLARATIONS, /* exit 65 */
        TS_FAULT_REFUSAL,      /* exit 3: no declarations where there have to be some */
        TS_FAULT_WARNING,      /* goes on */
};

struct ts_fault {
        enum ts_fault_class cls;
        struct ts_source source; /* line 0: the whole file */
        const char *message;     /* what is wrong */
        const char *hint;        /* what to write instead; NULL */
        const char *line;        /* the source line's text, escaped, cut; NULL */
};

struct ts_faults {
        struct ts_arena arena;
        struct ts_fault *items;
        size_t n, n_allocated, n_errors; /* n_errors: without warnings */
        size_t n_left_out;               /* over TS_FAULTS_MAX */
};

#define TS_FAULTS_MAX 200u
#define TS_FAULTS_INIT { .items = NULL }

void ts_faults_add(struct ts_faults *f, enum ts_fault_class cls, const struct ts_source *source, const char *line,
                   const char *hint, const char *fmt, ...) TS_PRINTF(6, 7);

/* Sorted by file, line, column. @color: ANSI colours. */
void ts_faults_print(struct ts_faults *f, bool color, struct ts_buf *out);
bool ts_faults_has(const struct ts_faults *f, enum ts_fault_class cls);
void ts_faults_done(struct ts_faults *f);

#endif
