#include "report/scalar.h"

#include <string.h>
#include <strings.h>

#include "util/escape.h"
#include "util/limits.h"

bool ts_scalar_is_word(const char *s)
{
        static const char *const words[] = { "yes",  "no", "on", "off", "true", "false",
                                             "null", "y",  "n",  "all", "never" };

        for (size_t i = 0; i < TS_N_ELEMENTS(words); i++)
                if (strcasecmp(s, words[i]) == 0)
                        return true;
        return false;
}

static bool is_plain(const char *s)
{
        size_t len = strlen(s);

        if (len == 0 || !((s[0] >= 'A' && s[0] <= 'Z') || (s[0] >= 'a' && s[0] <= 'z')) || s[len - 1] == ' ')
                return false;
        for (size_t i = 0; i < len; i++) {
                char c = s[i];
                bool alnum = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

                if (!alnum && !strchr(" _-.@+'", c))
                        return false;
        }
        return !ts_scalar_is_word(s);
}

void ts_scalar_put(struct ts_buf *out, const char *s)
{
        if (is_plain(s)) {
                ts_buf_puts(out, s);
                return;
        }
        ts_buf_putc(out, '"');
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        ts_buf_putc(out, '\\');
                ts_buf_putc(out, *s);
        }
        ts_buf_putc(out, '"');
}

void ts_scalar_put_id(struct ts_buf *out, const struct ts_id *id)
{
        ts_buf_printf(out, "\"%s\"", ts_id_format(id).s);
}

bool ts_scalar_is_text(const char *s)
{
        size_t len = s ? strlen(s) : 0;

        return len > 0 && len <= TS_YAML_SCALAR_MAX_BYTES && !ts_text_has_forbidden(s, len, NULL) &&
               !strchr(s, '\n') && !strchr(s, '\t');
}

bool ts_scalar_is_name(const char *s)
{
        struct ts_id id;

        return ts_scalar_is_text(s) && strcmp(s, "*") != 0 && strlen(s) < TS_TEXT_MAX_BYTES && s[0] != ' ' &&
               s[strlen(s) - 1] != ' ' && !ts_id_parse_string(s, &id);
}

bool ts_scalar_is_email(const char *s)
{
        const char *at = s ? strchr(s, '@') : NULL;

        if (!at || strlen(s) > TS_TEXT_MAX_BYTES || at == s || at[1] == '\0' || strchr(at + 1, '@'))
                return false;
        for (; *s; s++)
                if (*s <= ' ' || *s > '~' || strchr("*?", *s)) /* declarations take those for wildcards */
                        return false;
        return true;
}
