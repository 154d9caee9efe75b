/*
 * The headers of an answer: Retry-After, Date, the correlation id
 *
 * What reads them is not for others to call: the transport's source is part of this file, and takes the
 * place of the one in the library.
 */
#include "genesys/transport-curl.c"

#include "targets.h"

static size_t feed(struct slot *s, const char *data, size_t len)
{
        char *line = ts_malloc(len); /* its own memory: a sanitizer sees what is read behind it */
        size_t n;

        memcpy(line, data, len);
        n = on_header(line, 1, len, s);
        free(line);
        return n;
}

static void check_answer(const struct ts_answer *a)
{
        must(a->retry_after_sec >= -1);
        must(memchr(a->correlation, '\0', sizeof(a->correlation)));
        must(!strchr(a->correlation, '\n'));
        must(a->date == TS_TIME_UNSET || (a->date >= 0 && a->date <= INT64_C(253402300799)));
}

void ts_fuzz_headers(const char *data, size_t len)
{
        struct transport_curl owner = { .n_slots = 1 };
        struct slot s = { .owner = &owner };
        size_t fed = 0;

        forget_headers(&s.answer);
        while (fed < len) {
                const char *newline = memchr(data + fed, '\n', len - fed);
                size_t n = newline ? (size_t) (newline - data) - fed + 1 : len - fed;
                size_t r = feed(&s, data + fed, n);

                check_answer(&s.answer);
                fed += n;
                must(r == n || (r == 0 && s.overflow == OVERFLOW_HEADERS));
                must((fed > TS_HTTP_HEADERS_MAX_BYTES) == (s.overflow == OVERFLOW_HEADERS));
                if (r == 0)
                        return;
        }
}
