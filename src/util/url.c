#include "util/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool is_port(const char *s, size_t len)
{
        unsigned n = 0;

        for (size_t i = 0; i < len; i++) {
                if (s[i] < '0' || s[i] > '9' || n > 65535)
                        return false;
                n = n * 10 + (unsigned) (s[i] - '0');
        }
        return len > 0 && n > 0 && n <= 65535;
}

static bool is_ipv4(const char *s, size_t len, struct in_addr *ret)
{
        char text[INET_ADDRSTRLEN];

        if (len >= sizeof(text))
                return false;
        memcpy(text, s, len);
        text[len] = '\0';
        return inet_pton(AF_INET, text, ret) == 1;
}

/* Does a name end in a number, decimal or not? Some take it for an address then. */
static bool ends_in_number(const char *s, size_t len)
{
        size_t start;

        if (len > 0 && s[len - 1] == '.')
                len--;
        for (start = len; start > 0 && s[start - 1] != '.';)
                start--;
        if (len - start > 1 && strncasecmp(s + start, "0x", 2) == 0)
                return strspn(s + start + 2, "0123456789abcdefABCDEF") >= len - start - 2;
        return len > start && strspn(s + start, "0123456789") >= len - start;
}

static bool is_host_name(const char *s, size_t len)
{
        struct in_addr address;

        for (size_t i = 0; i < len; i++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", s[i]))
                        return false;
        if (len == 0 || s[0] == '.' || s[0] == '-')
                return false;
        return !ends_in_number(s, len) || is_ipv4(s, len, &address);
}

static bool is_ipv6(const char *s, size_t len, struct in6_addr *ret)
{
        char text[INET6_ADDRSTRLEN];

        if (len < 3 || len - 2 >= sizeof(text) || s[0] != '[' || s[len - 1] != ']')
                return false;
        memcpy(text, s + 1, len - 2);
        text[len - 2] = '\0';
        return inet_pton(AF_INET6, text, ret) == 1;
}

bool ts_url_parse(const char *text, struct ts_url *ret)
{
        const char *s = strstr(text, "://"), *end, *host_end;
        struct in6_addr address;

        if (!s || s == text || strcspn(text, ":/?#") != (size_t) (s - text))
                return false;
        *ret = (struct ts_url){ .scheme = text, .scheme_len = (size_t) (s - text) };
        s += 3;
        end = s + strcspn(s, "/?#");
        host_end = s[0] == '[' ? s + strcspn(s, "]") : s + strcspn(s, ":/?#");
        if (s[0] == '[' && *host_end == ']')
                host_end++;
        if (host_end > end)
                return false;
        ret->host = s;
        ret->host_len = (size_t) (host_end - s);
        ret->rest = end;
        if (!is_host_name(s, ret->host_len) && !is_ipv6(s, ret->host_len, &address))
                return false;
        return host_end == end || (*host_end == ':' && is_port(host_end + 1, (size_t) (end - host_end) - 1));
}

bool ts_url_has_scheme(const struct ts_url *url, const char *scheme)
{
        return url->scheme_len == strlen(scheme) && memcmp(url->scheme, scheme, url->scheme_len) == 0;
}

bool ts_url_is_loopback(const struct ts_url *url)
{
        static const char name[] = "localhost";
        struct in6_addr v6;
        struct in_addr v4;

        if (is_ipv6(url->host, url->host_len, &v6))
                return IN6_IS_ADDR_LOOPBACK(&v6);
        if (url->host_len == strlen(name) && strncasecmp(url->host, name, url->host_len) == 0)
                return true;
        return is_ipv4(url->host, url->host_len, &v4) && ntohl(v4.s_addr) >> 24 == 127;
}
