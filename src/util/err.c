#include "util/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>

#include "util/escape.h"

/* A message that was cut may end within a character: takes the rest of that one away. */
static void trim(struct ts_err *err)
{
        size_t len = strlen(err->msg), i = len;
        uint32_t c;

        if (len < sizeof(err->msg) - 1)
                return;
        while (i > 0 && len - i < 4 && ((unsigned char) err->msg[i - 1] & 0xc0) == 0x80)
                i--;
        if (i > 0 && (unsigned char) err->msg[i - 1] >= 0xc0 &&
            ts_utf8_decode(err->msg + i - 1, len - i + 1, &c) == 0)
                err->msg[i - 1] = '\0';
}

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
        trim(err);
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
        if (n >= 0 && (size_t) n < sizeof(err->msg)) {
                size_t room = sizeof(err->msg) - (size_t) n;

                (void) snprintf(err->msg + n, room, ": %.*s", (int) room, inner);
        }
        trim(err);
        return r;
}
