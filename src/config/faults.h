/*
 * faults - collects all faults found in the files
 *
 * Printed as
 *   trusts.d/contoso.yaml:14:9: error: unknown key 'rolse'
 *      14 |         rolse: {}
 *         |         ^
 *         hint: did you mean 'roles'?
 */
#ifndef TS_CONFIG_FAULTS_H
#define TS_CONFIG_FAULTS_H

#include <stdarg.h>

#include "trust/model.h"
#include "util/buf.h"

enum ts_fault_class {
        TS_FAULT_SETTINGS,     /* exit 78 */
        TS_FAULT_DECLARATIONS, /* exit 65 */
        TS_FAULT_REFUSAL,      /* exit 3: no declarations where there have to be some */
        TS_FAULT_WARNING,      /* goes on */
        TS_FAULT_MAX_,
};

struct ts_fault {
        enum ts_fault_class cls;
        struct ts_source source; /* line 0: the whole file */
        const char *message;     /* what is wrong; escaped */
        const char *hint;        /* what to write instead; escaped; NULL */
        const char *line;        /* what is around the place in the source line; escaped; NULL */
        uint32_t caret;          /* characters of @line before the place */
        uint32_t order;          /* in which it was added */
};

struct ts_faults {
        struct ts_arena arena;
        struct ts_fault *items;
        size_t n, n_allocated;
        size_t n_errors;            /* without warnings, with those left out */
        size_t n_left_out;          /* over TS_FAULTS_MAX */
        size_t n_of[TS_FAULT_MAX_]; /* each class, with those left out */
};

#define TS_FAULTS_MAX 200u
#define TS_FAULTS_INIT \
        { \
                .items = NULL \
        }

/*
 * ts_faults_add - one more fault
 * @source: copied, with its file name
 * @line:   where the source line begins: read up to its newline or NUL, escaped, cut around the column; NULL
 * @hint:   copied; NULL
 *
 * Past TS_FAULTS_MAX it is only counted.
 */
void ts_faults_add(struct ts_faults *f, enum ts_fault_class cls, const struct ts_source *source,
                   const char *line, const char *hint, const char *fmt, ...) TS_PRINTF(6, 7);
void ts_faults_addv(struct ts_faults *f, enum ts_fault_class cls, const struct ts_source *source,
                    const char *line, const char *hint, const char *fmt, va_list ap) TS_PRINTF(6, 0);

/* "trusts.d/contoso.yaml:14:9: unknown key 'rolse'; did you mean 'roles'?" */
const char *ts_fault_line(struct ts_arena *a, const struct ts_fault *f) __attribute__((returns_nonnull));

/* Sorted by file, line, column. @color: ANSI colours. */
void ts_faults_print(struct ts_faults *f, bool color, struct ts_buf *out);
/* True when further faults are only counted, so that no hint has to be searched. */
bool ts_faults_are_full(const struct ts_faults *f);
bool ts_faults_has(const struct ts_faults *f, enum ts_fault_class cls);
void ts_faults_done(struct ts_faults *f);

#endif
