/*
 * err - why an operation failed, and who can fix it
 *
 * A plain value on the caller's stack; needs no free. A function returns a negative errno on failure; struct
 * ts_err holds the reason. It is not written on success. One fresh { 0 } per operation.
 */
#ifndef TS_UTIL_ERR_H
#define TS_UTIL_ERR_H

#include "util/macros.h"

enum ts_err_class {
        TS_ERR_NONE,
        TS_ERR_INPUT,     /* our declarations: keep the last good ones, wait for an edit (exit 65) */
        TS_ERR_SETTINGS,  /* our settings (exit 78) */
        TS_ERR_AUTH,      /* credentials refused or of another organization: stop writing, retry slowly */
        TS_ERR_TRANSIENT, /* network, timeout, 429, 5xx: back off and retry */
        TS_ERR_REMOTE, /* the API refused, or its response was invalid: report it, continue with the others */
        TS_ERR_LOCAL,  /* this host: a file, the state directory, another instance */
        TS_ERR_INTERNAL, /* our own mistake: fail the cycle */
};

struct ts_err {
        enum ts_err_class cls;
        int code;      /* negative errno; the value the failing function returned */
        unsigned line; /* 1-based position in the input; 0: does not apply */
        unsigned column;
        long http_status; /* 0: does not apply */
        char msg[640];    /* one line: what was attempted, on what, why not, what to do; never a secret */
};

/* Fills @err (may be NULL), sets errno to -@code first, so that %m fits, and returns @code (negative). */
int ts_err_set(struct ts_err *err, enum ts_err_class cls, int code, const char *fmt, ...) TS_PRINTF(4, 5);

/* Puts "context: " in front of the message of a failed call and returns @r. */
int ts_err_wrap(struct ts_err *err, int r, const char *fmt, ...) TS_PRINTF(3, 4);

#endif
