#include "util/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ts_err_set(struct ts_err *err, enum ts_err_class cls, int code, const char *fmt, ...)
{
        va_list ap;

        assert(code < 0);
        assert(cls != TS_ERR_NONE);
        if (!err)
                return code;

        err->cls = cls;
        err->code = code;
        errno = -code;
        va_start(ap, fmt);
        (void) vsnprintf(err->msg, sizeof(err->msg), fmt, ap); /* a longer message is cut */
        va_end(ap);
        return code;
}

int ts_err_wrap(struct ts_err *err, int r, const char *fmt, ...)
{
        char inner[sizeof(err->msg)];
        va_list ap;
        int n;

        assert(r < 0);
        if (!err)
                return r;

        memcpy(inner, err->msg, sizeof(inner));
        va_start(ap, fmt);
        n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t) n < sizeof(err->msg))
                (void) snprintf(err->msg + n, sizeof(err->msg) - (size_t) n, ": %s", inner);
        return r;
}
