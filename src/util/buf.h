/*
 * buf - bytes that grow up to a bound
 *
 * Every buffer has a maximum, set when it is initialised. Exceeding it puts the buffer into a failed state
 * that stays: it keeps what was put in before, ignores the rest, and ts_buf_failed() returns true. Always
 * NUL-terminated (data is "" when empty), and may hold NULs.
 */
#ifndef TS_UTIL_BUF_H
#define TS_UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "util/macros.h"

struct ts_buf {
        char *data; /* NULL until something is put in; read it with ts_buf_text() */
        size_t len, allocated, max;
        bool failed;
        bool secret; /* wiped when it is freed or moves */
};

#define TS_BUF_INIT(max_bytes) \
        { \
                .max = (max_bytes) \
        }
#define TS_BUF_SECRET_INIT(max_bytes) \
        { \
                .max = (max_bytes), .secret = true \
        }

/* 0, or -EFBIG past the maximum. A caller that writes a whole text may check ts_buf_failed() once at the end.
 */
int ts_buf_put(struct ts_buf *b, const void *data, size_t len);
int ts_buf_puts(struct ts_buf *b, const char *s);
int ts_buf_putc(struct ts_buf *b, char c);
int ts_buf_printf(struct ts_buf *b, const char *fmt, ...) TS_PRINTF(2, 3);

/* Reserves exactly @len more bytes, as far as the maximum allows; for callers that know the final size. */
void ts_buf_reserve(struct ts_buf *b, size_t len);

/* Appends everything up to the end of @fd. 0, -EFBIG past the maximum, or read()'s errno; then only a part
 * was appended. */
int ts_buf_read_fd(struct ts_buf *b, int fd) TS_MUST_CHECK;

static inline const char *ts_buf_text(const struct ts_buf *b)
{
        return b->data ? b->data : "";
}

static inline bool ts_buf_failed(const struct ts_buf *b)
{
        return b->failed;
}

void ts_buf_reset(struct ts_buf *b); /* empty again, memory kept */
void ts_buf_done(struct ts_buf *b);  /* leaves an empty buffer with the same maximum */

#endif
