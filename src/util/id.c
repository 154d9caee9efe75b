#include "util/id.h"

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

static bool is_dash_position(size_t i)
{
        return i == 8 || i == 13 || i == 18 || i == 23;
}

bool ts_id_parse(const char *s, size_t len, struct ts_id *ret)
{
        struct ts_id id = { { 0 } };
        size_t i, n = 0;

        if (len != TS_ID_TEXT_LEN)
                return false;
        for (i = 0; i < len; i++) {
                int v;

                if (is_dash_position(i)) {
                        if (s[i] != '-')
                                return false;
                        continue;
                }
                v = hex_value(s[i]);
                if (v < 0)
                        return false;
                id.bytes[n / 2] = (uint8_t) (id.bytes[n / 2] << 4 | v);
                n++;
        }
        *ret = id;
        return true;
}

bool ts_id_parse_string(const char *s, struct ts_id *ret)
{
        return s && ts_id_parse(s, strlen(s), ret);
}

struct ts_id_text ts_id_format(const struct ts_id *id)
{
        static const char digits[] = "0123456789abcdef";
        struct ts_id_text t;
        size_t i, n = 0;

        for (i = 0; i < TS_ID_TEXT_LEN; i++) {
                if (is_dash_position(i)) {
                        t.s[i] = '-';
                        continue;
                }
                t.s[i] = digits[n % 2 == 0 ? id->bytes[n / 2] >> 4 : id->bytes[n / 2] & 15];
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
