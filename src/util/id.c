#include "util/id.h"

/* What a hexadecimal digit is worth, with IS_DIGIT; 0 for any other character. */
#define IS_DIGIT 0x10
static const uint8_t digits[256] = {
        ['0'] = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,         0x16, 0x17, 0x18, 0x19, ['A'] = 0x1a,
        0x1b,         0x1c, 0x1d, 0x1e, 0x1f, ['a'] = 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
};

static bool is_dash_position(size_t i)
{
        return i == 8 || i == 13 || i == 18 || i == 23;
}

bool ts_id_parse(const char *s, size_t len, struct ts_id *ret)
{
        /* where the two digits of each byte stand */
        static const uint8_t places[] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34 };
        unsigned all = IS_DIGIT;
        struct ts_id id;

        if (len != TS_ID_TEXT_LEN || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-')
                return false;
        for (size_t i = 0; i < sizeof(id.bytes); i++) {
                unsigned high = digits[(unsigned char) s[places[i]]];
                unsigned low = digits[(unsigned char) s[places[i] + 1]];

                all &= high & low;
                id.bytes[i] = (uint8_t) (high << 4 | (low & 0xf));
        }
        if (all != IS_DIGIT)
                return false;
        *ret = id;
        return true;
}

bool ts_id_parse_string(const char *s, struct ts_id *ret)
{
        return s && ts_id_parse(s, strlen(s), ret);
}

struct ts_id_text ts_id_format(const struct ts_id *id)
{
        static const char text[] = "0123456789abcdef";
        struct ts_id_text t;
        size_t i, n = 0;

        for (i = 0; i < TS_ID_TEXT_LEN; i++) {
                if (is_dash_position(i)) {
                        t.s[i] = '-';
                        continue;
                }
                t.s[i] = text[n % 2 == 0 ? id->bytes[n / 2] >> 4 : id->bytes[n / 2] & 15];
                n++;
        }
        t.s[TS_ID_TEXT_LEN] = '\0';
        return t;
}

bool ts_id_is_nil(const struct ts_id *id)
{
        static const struct ts_id nil = { { 0 } };

        return ts_id_equal(id, &nil);
}
