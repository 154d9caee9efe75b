/*
 * id - the API's ids: UUIDs, 16 bytes
 *
 * Compared as bytes, so upper and lower case are the same id.
 */
#ifndef TS_UTIL_ID_H
#define TS_UTIL_ID_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ts_id {
        uint8_t bytes[16];
};

#define TS_ID_TEXT_LEN 36
struct ts_id_text { /* lower case, 8-4-4-4-12, NUL-terminated */
        char s[TS_ID_TEXT_LEN + 1];
};

/* Accepts 8-4-4-4-12 hexadecimal digits and nothing else. */
bool ts_id_parse(const char *s, size_t len, struct ts_id *ret);
bool ts_id_parse_string(const char *s, struct ts_id *ret); /* NULL is no id */

struct ts_id_text ts_id_format(const struct ts_id *id);

/* As memcmp() orders the bytes. */
static inline int ts_id_compare(const struct ts_id *a, const struct ts_id *b)
{
        uint64_t x[2], y[2];

        memcpy(x, a->bytes, sizeof(x));
        memcpy(y, b->bytes, sizeof(y));
        if (x[0] != y[0])
                return be64toh(x[0]) < be64toh(y[0]) ? -1 : 1;
        if (x[1] != y[1])
                return be64toh(x[1]) < be64toh(y[1]) ? -1 : 1;
        return 0;
}

static inline bool ts_id_equal(const struct ts_id *a, const struct ts_id *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The nil id means "none" in our structures; no object of the API has it. */
bool ts_id_is_nil(const struct ts_id *id);

#endif
