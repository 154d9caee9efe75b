/*
 * url - the beginning of a URL: scheme, host, port
 *
 * Pure. What is accepted reads the same to everybody: no user name, no IPv4 address other than four decimal
 * numbers (libcurl would take 127.1 and 0x7f000001 for addresses too).
 */
#ifndef TS_UTIL_URL_H
#define TS_UTIL_URL_H

#include <stdbool.h>
#include <stddef.h>

struct ts_url { /* points into the text */
        const char *scheme;
        size_t scheme_len;
        const char *host; /* with the brackets of an IPv6 address */
        size_t host_len;
        const char *rest; /* "", or from the '/', '?' or '#' on; not checked */
};

/* SCHEME://HOST[:PORT][REST]; false when it is something else. */
bool ts_url_parse(const char *text, struct ts_url *ret);

/* Lower case, as written. */
bool ts_url_has_scheme(const struct ts_url *url, const char *scheme);

/* localhost in any case, 127.0.0.0/8, [::1] however it is written: where http:// is allowed. */
bool ts_url_is_loopback(const struct ts_url *url);

#endif
