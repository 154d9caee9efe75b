#include "mutate.h"

#include <string.h>

#define CHANGES_MAX 3u
#define PIECE_MAX_BYTES 16u

static uint64_t chance(uint64_t *state)
{
        uint64_t x = *state += 0x9e3779b97f4a7c15u;

        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        return x ^ (x >> 31);
}

/* One change; it makes the text longer by at most PIECE_MAX_BYTES. */
static size_t mutate(char *data, size_t len, uint64_t *state)
{
        static const char special[] =
                        "\"'{}[]:,#&*!|>%@`-? \n\t\\0123456789\xff\x80\xc3\xa9\xef\xbb\xbf\x7f\x01";
        size_t at = len > 0 ? chance(state) % len : 0, n = len > 0 ? 1 + chance(state) % PIECE_MAX_BYTES : 0;

        n = n > len - at ? len - at : n;
        switch (len > 0 ? chance(state) % 6 : 0) {
        case 0:
                data[at] = special[chance(state) % (sizeof(special) - 1)];
                return len > 0 ? len : 1;
        case 1: /* less */
                memmove(data + at, data + at + n, len - at - n);
                return len - n;
        case 2: /* more of the same */
                memmove(data + at + n, data + at, len - at);
                return len + n;
        case 3: /* a piece from elsewhere */
                memmove(data + at, data + chance(state) % (len - n + 1), n);
                return len;
        case 4: /* one more character */
                memmove(data + at + 1, data + at, len - at);
                data[at] = special[chance(state) % (sizeof(special) - 1)];
                return len + 1;
        default:
                return at; /* cut off */
        }
}

size_t ts_mutate_room(size_t len)
{
        return len + (size_t) CHANGES_MAX * PIECE_MAX_BYTES + 1;
}

size_t ts_mutate(const char *text, size_t len, char *out, uint64_t *state)
{
        size_t changes = 1 + chance(state) % CHANGES_MAX;

        memcpy(out, text, len);
        for (size_t i = 0; i < changes; i++)
                len = mutate(out, len, state);
        return len;
}
