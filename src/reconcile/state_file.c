#include "reconcile/state_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/sha256.h"

bool ts_state_file_word(struct ts_state_file_line *l, const char **ret, size_t *ret_len)
{
        const char *p = l->next, *space;

        if (!p || p >= l->end)
                return false;
        space = memchr(p, ' ', (size_t) (l->end - p));
        *ret = p;
        *ret_len = (size_t) ((space ? space : l->end) - p);
        l->next = space ? space + 1 : l->end;
        return true;
}

bool ts_state_file_is(struct ts_state_file_line *l, const char *text)
{
        struct ts_state_file_line ahead = *l;
        const char *s;
        size_t len;

        if (!ts_state_file_word(&ahead, &s, &len) || len != strlen(text) || memcmp(s, text, len) != 0)
                return false;
        *l = ahead;
        return true;
}

bool ts_state_file_int(struct ts_state_file_line *l, int64_t *ret)
{
        struct ts_state_file_line ahead = *l;
        const char *s;
        char text[32], *end;
        long long v;
        size_t len;

        if (!ts_state_file_word(&ahead, &s, &len) || len == 0 || len >= sizeof(text))
                return false;
        memcpy(text, s, len);
        text[len] = '\0';
        errno = 0;
        v = strtoll(text, &end, 10);
        if (errno != 0 || *end != '\0')
                return false;
        *ret = v;
        *l = ahead;
        return true;
}

bool ts_state_file_count(struct ts_state_file_line *l, uint32_t *ret)
{
        struct ts_state_file_line ahead = *l;
        int64_t v;

        if (!ts_state_file_int(&ahead, &v) || v < 0 || v > UINT32_MAX)
                return false;
        *ret = (uint32_t) v;
        *l = ahead;
        return true;
}

bool ts_state_file_flag(struct ts_state_file_line *l, bool *ret)
{
        struct ts_state_file_line ahead = *l;
        int64_t v;

        if (!ts_state_file_int(&ahead, &v) || v < 0 || v > 1)
                return false;
        *ret = v == 1;
        *l = ahead;
        return true;
}

bool ts_state_file_id(struct ts_state_file_line *l, struct ts_id *ret)
{
        struct ts_state_file_line ahead = *l;
        const char *s;
        size_t len;

        if (!ts_state_file_word(&ahead, &s, &len) || !ts_id_parse(s, len, ret))
                return false;
        *l = ahead;
        return true;
}

bool ts_state_file_key(struct ts_state_file_line *l, uint64_t *ret)
{
        struct ts_state_file_line ahead = *l;
        const char *s;
        uint64_t v = 0;
        size_t len;

        if (!ts_state_file_word(&ahead, &s, &len) || len != 16)
                return false;
        for (size_t i = 0; i < len; i++) {
                char c = s[i];

                if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
                        return false;
                v = v << 4 | (uint64_t) (c <= '9' ? c - '0' : c - 'a' + 10);
        }
        *ret = v;
        *l = ahead;
        return true;
}

void ts_state_file_seal(struct ts_buf *out)
{
        struct ts_digest digest = ts_sha256_of(ts_buf_text(out), out->len);

        ts_buf_printf(out, "%s\n", ts_digest_format(&digest).s);
}

/* The length of the text that the digest in the last line is of; 0 when there is no such line, or it is not
 * right. */
static size_t digested_length(const char *text, size_t len)
{
        const size_t last = sizeof(((struct ts_digest_text *) NULL)->s); /* with a newline for the NUL */
        struct ts_digest digest;

        if (len <= last || text[len - 1] != '\n' || text[len - last - 1] != '\n')
                return 0;
        digest = ts_sha256_of(text, len - last);
        return memcmp(text + len - last, ts_digest_format(&digest).s, last - 1) == 0 ? len - last : 0;
}

bool ts_state_file_open(const char *text, size_t len, const char *first, struct ts_state_file_line *ret)
{
        size_t n = digested_length(text, len), n_first = strlen(first);

        *ret = (struct ts_state_file_line){ NULL, NULL };
        if (n <= n_first || memcmp(text, first, n_first) != 0 || text[n_first] != '\n')
                return false;
        *ret = (struct ts_state_file_line){ text + n_first + 1, text + n };
        return true;
}

bool ts_state_file_next_line(struct ts_state_file_line *text, struct ts_state_file_line *ret)
{
        const char *newline;

        if (!text->next || text->next >= text->end)
                return false;
        newline = memchr(text->next, '\n', (size_t) (text->end - text->next));
        if (!newline) /* cannot be: what a digest is of ends in a newline */
                return false;
        *ret = (struct ts_state_file_line){ text->next, newline };
        text->next = newline + 1;
        return true;
}
