/*
 * sha256 - digests, by libcrypto
 */
#ifndef TS_UTIL_SHA256_H
#define TS_UTIL_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "util/macros.h"

struct ts_digest {
        uint8_t bytes[32];
};

struct ts_digest_text { /* "sha256:" and 64 lower-case digits */
        char s[7 + 64 + 1];
};

struct ts_sha256; /* running */

struct ts_sha256 *ts_sha256_new(void) TS_MUST_CHECK __attribute__((returns_nonnull));
void ts_sha256_put(struct ts_sha256 *h, const void *data, size_t len);
struct ts_digest ts_sha256_finish(struct ts_sha256 *h); /* frees @h */

struct ts_digest ts_sha256_of(const void *data, size_t len);
struct ts_digest_text ts_digest_format(const struct ts_digest *d);

#endif
