#include "util/sha256.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "util/mem.h"

struct ts_sha256 {
        EVP_MD_CTX *ctx;
};

/* Fails only when libcrypto is broken or its configuration forbids SHA-256: nothing can be done without
 * it. */
static void require(int ok)
{
        if (ok == 1)
                return;
        (void) fputs("trustsyncd: libcrypto cannot compute SHA-256\n", stderr);
        abort();
}

struct ts_sha256 *ts_sha256_new(void)
{
        struct ts_sha256 *h = ts_malloc(sizeof(*h));

        h->ctx = EVP_MD_CTX_new();
        if (!h->ctx)
                ts_out_of_memory();
        require(EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
        return h;
}

void ts_sha256_put(struct ts_sha256 *h, const void *data, size_t len)
{
        require(EVP_DigestUpdate(h->ctx, data, len));
}

struct ts_digest ts_sha256_finish(struct ts_sha256 *h)
{
        struct ts_digest d = { { 0 } };
        unsigned n = 0;

        require(EVP_DigestFinal_ex(h->ctx, d.bytes, &n));
        assert(n == sizeof(d.bytes));
        EVP_MD_CTX_free(h->ctx);
        free(h);
        return d;
}

struct ts_digest ts_sha256_of(const void *data, size_t len)
{
        struct ts_sha256 *h = ts_sha256_new();

        ts_sha256_put(h, data, len);
        return ts_sha256_finish(h);
}

struct ts_digest_text ts_digest_format(const struct ts_digest *d)
{
        static const char prefix[] = "sha256:", digits[] = "0123456789abcdef";
        struct ts_digest_text t;
        char *p = t.s;
        size_t i;

        memcpy(p, prefix, sizeof(prefix) - 1);
        p += sizeof(prefix) - 1;
        for (i = 0; i < sizeof(d->bytes); i++) {
                *p++ = digits[d->bytes[i] >> 4];
                *p++ = digits[d->bytes[i] & 15];
        }
        *p = '\0';
        return t;
}
