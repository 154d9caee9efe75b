#include "util/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/mem.h"

#define READ_BYTES ((size_t) 64 * 1024)

/* Gives it @n bytes of memory, which are enough for what it holds. */
static void buf_resize(struct ts_buf *b, size_t n)
{
        char *p;

        if (!b->secret) {
                b->data = ts_realloc(b->data, n);
        } else {
                p = ts_malloc(n);
                if (b->len > 0)
                        memcpy(p, b->data, b->len);
                ts_wipe(b->data, b->allocated);
                free(b->data);
                b->data = p;
        }
        b->allocated = n;
        b->data[b->len] = '\0';
}

/* Room for @len more bytes and the NUL. The caller has checked the maximum. */
static void buf_grow(struct ts_buf *b, size_t len)
{
        size_t want = b->len + len + 1, n = b->allocated > 0 ? b->allocated : 64;

        if (want <= b->allocated)
                return;
        while (n < want)
                n *= 2;
        buf_resize(b, n);
}

void ts_buf_reserve(struct ts_buf *b, size_t len)
{
        if (!b->failed && len <= b->max - b->len && b->len + len + 1 > b->allocated)
                buf_resize(b, b->len + len + 1);
}

static int buf_fail(struct ts_buf *b)
{
        b->failed = true;
        return -EFBIG;
}

int ts_buf_put(struct ts_buf *b, const void *data, size_t len)
{
        assert(b->max < SIZE_MAX / 4);

        if (b->failed || len > b->max - b->len)
                return buf_fail(b);
        buf_grow(b, len);
        if (len > 0)
                memcpy(b->data + b->len, data, len);
        b->len += len;
        b->data[b->len] = '\0';
        return 0;
}

int ts_buf_puts(struct ts_buf *b, const char *s)
{
        return ts_buf_put(b, s, strlen(s));
}

int ts_buf_putc(struct ts_buf *b, char c)
{
        return ts_buf_put(b, &c, 1);
}

int ts_buf_printf(struct ts_buf *b, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        assert(n >= 0);
        assert(b->max < SIZE_MAX / 4);

        if (b->failed || (size_t) n > b->max - b->len)
                return buf_fail(b);
        buf_grow(b, (size_t) n);
        va_start(ap, fmt);
        (void) vsnprintf(b->data + b->len, (size_t) n + 1, fmt, ap); /* measured above */
        va_end(ap);
        b->len += (size_t) n;
        return 0;
}

int ts_buf_read_fd(struct ts_buf *b, int fd)
{
        assert(b->max < SIZE_MAX / 4);

        if (b->failed)
                return -EFBIG;
        for (;;) {
                size_t room;
                ssize_t n;

                /* one byte more than allowed is asked for, so that too much is seen */
                room = b->max - b->len + 1;
                if (room > READ_BYTES)
                        room = READ_BYTES;
                if (b->len + 1 < b->allocated && b->allocated - b->len - 1 < room)
                        room = b->allocated - b->len - 1;
                buf_grow(b, room);
                n = read(fd, b->data + b->len, room);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                if ((size_t) n > b->max - b->len) {
                        b->data[b->len] = '\0';
                        return buf_fail(b);
                }
                b->len += (size_t) n;
                b->data[b->len] = '\0';
        }
}

void ts_buf_reset(struct ts_buf *b)
{
        if (b->secret)
                ts_wipe(b->data, b->allocated);
        b->len = 0;
        b->failed = false;
        if (b->data)
                b->data[0] = '\0';
}

void ts_buf_done(struct ts_buf *b)
{
        if (!b)
                return;
        if (b->secret)
                ts_wipe(b->data, b->allocated);
        free(b->data);
        b->data = NULL;
        b->len = b->allocated = 0;
        b->failed = false;
}
