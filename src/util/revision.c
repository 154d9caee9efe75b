#include "util/revision.h"

#include <stdio.h>
#include <string.h>

#define COMMIT_DIGITS_SHOWN 7
#define HASH_BYTES_SHOWN (7 + 12) /* with "sha256:" */

struct ts_revision_text ts_revision_format(const char *revision, const char *content_hash)
{
        struct ts_revision_text r;
        size_t len;

        if (!revision)
                revision = "unknown";
        len = strspn(revision, "0123456789abcdef");
        if ((len != 40 && len != 64) || revision[len] != '\0')
                (void) snprintf(r.s, sizeof(r.s), "%s", revision); /* a longer one is cut */
        else if (content_hash)
                (void) snprintf(r.s, sizeof(r.s), "%.*s+%.*s", COMMIT_DIGITS_SHOWN, revision,
                                HASH_BYTES_SHOWN, content_hash);
        else
                (void) snprintf(r.s, sizeof(r.s), "%.*s", COMMIT_DIGITS_SHOWN, revision);
        return r;
}
