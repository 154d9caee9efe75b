/*
 * options - the command line
 *
 * Pure but for what it prints through the caller. Strings are borrowed from argv.
 */
#ifndef TS_CLI_OPTIONS_H
#define TS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "report/report.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/limits.h"
#include "util/timefmt.h"

enum ts_run {
        TS_RUN_DAEMON,
        TS_RUN_DRY_RUN,
        TS_RUN_ONCE,
        TS_RUN_CHECK,
        TS_RUN_EXPORT,
        TS_RUN_ACCESS_REPORT,
        TS_RUN_AUDIT,
        TS_RUN_HELP,
        TS_RUN_VERSION,
};

enum ts_color {
        TS_COLOR_AUTO,
        TS_COLOR_ALWAYS,
        TS_COLOR_NEVER,
};

#define TS_AUDIT_SINCE_USEC (7 * TS_USEC_PER_DAY) /* --audit without --since */

struct ts_texts_option { /* a repeatable option's values */
        const char **items;
        size_t n, n_allocated;
};

struct ts_options {
        enum ts_run run;
        const char *config; /* --config; NULL: the default */
        const char *trusts; /* --trusts; NULL: as the settings say */
        const char *live;   /* --live: an export to plan against; NULL: the API */
        const char *base;   /* --base: the declarations before a change; NULL */
        int64_t since;      /* --since as a time; TS_TIME_UNSET: as a span */
        uint64_t since_usec;
        struct ts_texts_option organizations, trust, users, outputs;
        struct ts_texts_option roles; /* --role */
        uint64_t expires_within_usec; /* --expires-within; 0: not given */
        enum ts_format format;
        enum ts_color color;
        bool has_format, has_since; /* --format, --since were given */
        bool privileged, undeclared;
        bool by_user;      /* --by user */
        bool has_question; /* one of the options that only the access report has */
        bool detailed_exitcode;
        char plan_digests[TS_PLAN_DIGESTS_MAX_BYTES]; /* "sha256:..." between spaces; "": none */
        bool verbose, quiet;
};

/* Return: 0; -EINVAL: @err says what is wrong with the command line. */
int ts_options_parse(int argc, char *argv[], struct ts_options *ret, struct ts_err *err) TS_MUST_CHECK;
void ts_options_done(struct ts_options *o);

void ts_options_help(struct ts_buf *out);

#endif
