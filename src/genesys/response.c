#include "genesys/response.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "util/escape.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

#define CREDENTIAL_MIN_BYTES 8u   /* what is shorter stands in many a text */
#define CREDENTIAL_PART_BYTES 12u /* of one: more than chance repeats */
#define TEXT_MAX_BYTES 160u       /* of a message of the API, inside one of ours */
#define SECONDS_MAX 86400

static const struct ts_operation_info *info_of(const struct ts_sent *x)
{
        return ts_operation_info(x->call->op);
}

static bool is_token(const struct ts_sent *x)
{
        return x->call->op == TS_OP_TOKEN;
}

/* ----------------------------------------------------------------------------------------------- messages */

static void describe(const struct ts_sent *x, struct ts_buf *out)
{
        const struct ts_call *call = x->call;

        ts_operation_describe(call->op, call->ids, info_of(x)->n_ids, out);
}

void ts_response_fail(const struct ts_sent *x, enum ts_err_class cls, int code, const char *detail)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf request = TS_BUF_INIT(TS_URL_MAX_BYTES);
        struct ts_call_result *result = x->result;

        describe(x, &request);
        (void) ts_err_set(&result->err, cls, code, "%s: %s: %s", x->alias, ts_buf_text(&request), detail);
        result->err.http_status = result->status;
}

static void put_text(struct ts_buf *out, const char *before, const char *text)
{
        if (!text || text[0] == '\0')
                return;
        (void) ts_buf_puts(out, before);
        (void) ts_escape_text_max(out, text, strlen(text), TEXT_MAX_BYTES);
}

/* A part of @secret that no text has by chance stands in @text. */
static bool repeats(const char *text, const char *secret, size_t len)
{
        size_t n = len < CREDENTIAL_PART_BYTES ? len : CREDENTIAL_PART_BYTES;

        for (size_t i = 0; len >= CREDENTIAL_MIN_BYTES && i + n <= len; i++)
                if (memmem(text, strlen(text), secret + i, n))
                        return true;
        return false;
}

/* The same of the secret within "Basic ...". */
static bool repeats_secret(const struct ts_sent *x, const char *encoded, const char *text)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf pair = TS_BUF_SECRET_INIT(2 * TS_TOKEN_MAX_BYTES);
        size_t id_len = strlen(x->client_id) + 1;
        unsigned char block[3];

        for (; strlen(encoded) >= 4; encoded += 4) {
                (void) EVP_DecodeBlock(block, (const unsigned char *) encoded, 4);
                (void) ts_buf_put(&pair, block, sizeof(block));
        }
        ts_wipe(block, sizeof(block));
        while (pair.len > 0 && pair.data[pair.len - 1] == '\0')
                pair.len--; /* padding */
        return pair.len > id_len && repeats(text, pair.data + id_len, pair.len - id_len);
}

/* Text of an answer that may be shown: not what repeats the credentials that were sent. */
static const char *harmless(const struct ts_sent *x, const char *text)
{
        const char *value = strchr(x->authorization, ' ');

        if (!text || !value)
                return text;
        if (x->redactor && ts_redactor_finds(x->redactor, text, strlen(text)))
                return TS_REDACTED;
        if (repeats(text, value + 1, strlen(value + 1)) ||
            (is_token(x) && repeats_secret(x, value + 1, text)))
                return TS_REDACTED;
        return text;
}

/* What the API says went wrong. Its errors have a message, those of the token endpoint a description. */
static const char *message_in(const struct ts_sent *x)
{
        static const char *const keys[] = { "message", "error_description", "description" };

        for (size_t i = 0; i < TS_N_ELEMENTS(keys); i++) {
                const char *text = ts_json_get_string(x->result->json, keys[i]);

                if (text)
                        return harmless(x, text);
        }
        return NULL;
}

bool ts_response_lacks_permission(const struct ts_call_result *result)
{
        return strcmp(result->code, "missing.permissions") == 0 ||
               strcmp(result->code, "missing.any.permissions") == 0;
}

/* What a 403 is about, where its code says so. */
static void put_meaning(const struct ts_sent *x, struct ts_buf *out)
{
        const char *permission = info_of(x)->permission, *code = x->result->code;

        if (ts_response_lacks_permission(x->result) && permission)
                (void) ts_buf_printf(out, ", a role of the client needs the permission '%s'", permission);
        else if (strstr(code, "division"))
                (void) ts_buf_puts(out, ", the client's roles are not granted in a division that this needs: "
                                        "grant them to the client in all divisions");
        else if (strstr(code, "policy"))
                (void) ts_buf_puts(out, ", an access policy of the organization refuses it to this client");
        else if (strstr(code, "trustor"))
                (void) ts_buf_puts(out, ", the permission is looked for in the trustor organization, where "
                                        "an OAuth client of ours may have none");
}

/* The status with everything that helps to find out why. */
static void fail_with_status(const struct ts_sent *x, enum ts_err_class cls, int code, const char *hint)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf detail = TS_BUF_INIT(2048);
        const struct ts_call_result *result = x->result;

        (void) ts_buf_printf(&detail, "%ld", result->status);
        put_text(&detail, " ", result->code);
        if (result->status == 403)
                put_meaning(x, &detail);
        if (result->is_html)
                (void) ts_buf_puts(&detail, ": the answer is an HTML page, not one of the API");
        put_text(&detail, ": ", message_in(x));
        put_text(&detail, "; ", hint);
        put_text(&detail, " (correlation id ", result->correlation);
        if (result->correlation[0] != '\0')
                (void) ts_buf_putc(&detail, ')');
        ts_response_fail(x, cls, code, ts_buf_text(&detail));
}

static void copy_escaped(char *out, size_t size, const char *s)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(size - 1);

        if (!s)
                return;
        (void) ts_escape_text_max(&text, s, strlen(s), size - 1);
        memcpy(out, ts_buf_text(&text), text.len + 1);
}

/* ----------------------------------------------------------------------------------------------- verdicts */

#define RETRY ((struct ts_disposition){ .verdict = TS_VERDICT_FAILED, .is_retried = true })
#define OUTAGE \
        ((struct ts_disposition){ .verdict = TS_VERDICT_FAILED, .is_retried = true, .is_outage = true })
#define END(v) ((struct ts_disposition){ .verdict = (v) })
#define END_CLIENT ((struct ts_disposition){ .verdict = TS_VERDICT_STOPPED, .ends_client = true })

/* The call may have had its effect: one that is not idempotent is not tried again, and its sender has to
 * look. */
static struct ts_disposition or_unknown(const struct ts_sent *x, struct ts_disposition j)
{
        if (!info_of(x)->is_idempotent)
                j = END(TS_VERDICT_UNKNOWN);
        j.may_have_effect = true;
        return j;
}

static struct ts_disposition classify_failure(const struct ts_sent *x, const struct ts_answer *a)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf detail = TS_BUF_INIT(1024);
        struct ts_disposition j = OUTAGE;

        put_text(&detail, "no answer: ", a->error);
        if (a->effect == TS_EFFECT_POSSIBLE && info_of(x)->writes)
                (void) ts_buf_puts(&detail, " (it may have had its effect)");
        ts_response_fail(x, a->is_fatal ? TS_ERR_REMOTE : TS_ERR_TRANSIENT, a->r, ts_buf_text(&detail));
        if (a->is_fatal) {
                j.is_retried = false;
                j.is_outage = a->r != -EFBIG;
        }
        return a->effect == TS_EFFECT_POSSIBLE ? or_unknown(x, j) : j;
}

/* 2xx, but with a body that cannot be used: cut off, a portal's page, over a limit. */
static struct ts_disposition classify_broken(const struct ts_sent *x, const struct ts_err *why)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf detail = TS_BUF_INIT(1024);

        (void) ts_buf_printf(&detail, "%ld with an answer that cannot be used: %s", x->result->status,
                             x->result->is_html ? "it is an HTML page, not one of the API" : why->msg);
        ts_response_fail(x, TS_ERR_REMOTE, why->code, ts_buf_text(&detail));
        return or_unknown(x, why->code == -EFBIG ? END(TS_VERDICT_FAILED) : RETRY);
}

static struct ts_disposition classify_success(const struct ts_sent *x, const struct ts_answer *a,
                                              const struct ts_err *parse_err)
{
        struct ts_err empty = { .code = -EBADMSG, .msg = "it is empty" };

        if (a->body.len == 0 && a->status != 204 && !info_of(x)->writes)
                return classify_broken(x, &empty);
        if (a->body.len > 0 && !x->result->json)
                return classify_broken(x, parse_err);
        return END(TS_VERDICT_OK);
}

static bool is_address_refused(const struct ts_sent *x)
{
        return strcmp(x->result->code, "ip.not.authorized") == 0;
}

/* Both the client and the organization can be bound to addresses; a new token does not help. */
static struct ts_disposition classify_address(const struct ts_sent *x, int family)
{
#define SEE_LISTS "see the allowed addresses of the OAuth client and of the organization"
        const char *hint = family == AF_INET6 ? "this host's IPv6 address is not allowed: " SEE_LISTS
                                                " (whose list takes IPv4 only)"
                           : family == AF_INET ? "this host's IPv4 address is not allowed: " SEE_LISTS
                                               : "the address that the platform sees (a proxy's?) is not "
                                                 "allowed: " SEE_LISTS;
#undef SEE_LISTS

        fail_with_status(x, TS_ERR_AUTH, -EACCES, hint);
        return END_CLIENT;
}

static struct ts_disposition classify_unauthorized(const struct ts_sent *x)
{
        if (!x->has_new_token) {
                fail_with_status(x, TS_ERR_AUTH, -EACCES, NULL);
                return (struct ts_disposition){ .verdict = TS_VERDICT_STOPPED, .needs_new_token = true };
        }
        fail_with_status(x, TS_ERR_AUTH, -EACCES, "also with a new token");
        return END_CLIENT;
}

/* The token endpoint: too many requests look like a bad one; anything else that it refuses stays refused. */
static struct ts_disposition classify_token(const struct ts_sent *x)
{
        static const char too_many[] = "rate limit exceeded";
        const char *message = message_in(x);

        if (message && strncmp(message, too_many, strlen(too_many)) == 0) {
                fail_with_status(x, TS_ERR_TRANSIENT, -EAGAIN, NULL);
                return RETRY;
        }
        fail_with_status(x, TS_ERR_AUTH, -EACCES,
                         "check client_id, client_secret and the region of the organization in the settings; "
                         "under systemd a secret at credential: is read when the service starts, one at "
                         "file: for every token");
        return END_CLIENT;
}

/* Somebody else was faster: 409, or what some services of the platform answer instead. */
static bool is_conflict(const struct ts_sent *x)
{
        const char *message = message_in(x);

        return x->result->status == 409 || (x->result->status == 400 && message &&
                                            strcasestr(message, "does not match the current version"));
}

static struct ts_disposition classify_refusal(const struct ts_sent *x)
{
        switch (x->result->status) {
        case 401:
                return classify_unauthorized(x);
        case 403:
                fail_with_status(x, TS_ERR_REMOTE, -EPERM, NULL);
                return END(TS_VERDICT_FORBIDDEN);
        case 404:
        case 410:
                fail_with_status(x, TS_ERR_REMOTE, -ENOENT, NULL);
                return END(TS_VERDICT_NOT_FOUND);
        default:
                x->result->is_conflict = is_conflict(x);
                fail_with_status(x, TS_ERR_REMOTE, x->result->is_conflict ? -EEXIST : -EINVAL, NULL);
                return END(TS_VERDICT_REJECTED);
        }
}

/* "The request in [42] seconds", as the message of a 429 says it; -1: it does not. */
static int64_t seconds_in_message(const char *message)
{
        const char *p = message ? strchr(message, '[') : NULL;
        int64_t n = 0;
        size_t digits = p ? strspn(p + 1, "0123456789") : 0;

        if (digits == 0 || p[1 + digits] != ']')
                return -1;
        for (size_t i = 1; i <= digits && n <= SECONDS_MAX; i++)
                n = n * 10 + (p[i] - '0');
        return n;
}

static struct ts_disposition classify_status(const struct ts_sent *x, const struct ts_answer *a,
                                             const struct ts_err *parse_err)
{
        long status = a->status;

        if (status >= 200 && status < 300)
                return classify_success(x, a, parse_err);
        if (status == 429) {
                fail_with_status(x, TS_ERR_TRANSIENT, -EAGAIN, NULL);
                return RETRY; /* refused before it could have an effect */
        }
        if (status == 501) {
                fail_with_status(x, TS_ERR_REMOTE, -EOPNOTSUPP, NULL);
                return END(TS_VERDICT_FAILED);
        }
        if (status == 408 || (status >= 500 && status < 600)) {
                fail_with_status(x, TS_ERR_TRANSIENT, -EREMOTEIO, NULL);
                return or_unknown(x, status == 408 ? RETRY : OUTAGE);
        }
        if (status >= 400 && status < 500 && is_address_refused(x))
                return classify_address(x, a->family);
        if (status >= 400 && status < 500)
                return is_token(x) ? classify_token(x) : classify_refusal(x);
        fail_with_status(x, TS_ERR_REMOTE, -EBADMSG,
                         status >= 300 && status < 400 ? "redirects are never followed"
                                                       : "no such status is known");
        return or_unknown(x, END(TS_VERDICT_FAILED));
}

/* The token endpoint has an `error`, and a `code` where the platform in front of it refuses. */
static const char *code_in(const struct ts_sent *x)
{
        const char *code = ts_json_get_string(x->result->json, "code");

        return code || !is_token(x) ? code : ts_json_get_string(x->result->json, "error");
}

/* By how it begins: what a server says of its type is often wrong. */
static bool is_html(const struct ts_buf *body)
{
        static const char *const beginnings[] = { "<!doctype html", "<html", "<head", "<body" };
        const char *text = ts_buf_text(body);
        size_t skip = strspn(text, " \t\r\n");

        for (size_t i = 0; i < TS_N_ELEMENTS(beginnings); i++)
                if (strncasecmp(text + skip, beginnings[i], strlen(beginnings[i])) == 0)
                        return true;
        return false;
}

struct ts_disposition ts_response_classify(const struct ts_sent *x, const struct ts_answer *a,
                                           struct ts_arena *arena)
{
        struct ts_call_result *result = x->result;
        struct ts_err parse_err = { 0 };
        struct ts_disposition j;

        result->status = a->r < 0 ? 0 : a->status;
        result->json = NULL;
        result->code[0] = '\0';
        result->correlation[0] = '\0';
        result->is_conflict = result->is_html = false;
        copy_escaped(result->correlation, sizeof(result->correlation), harmless(x, a->correlation));
        if (a->r < 0)
                return classify_failure(x, a);

        if (a->body.len > 0 && ts_json_parse(a->body.data, a->body.len, arena, &result->json, &parse_err) < 0)
                result->json = NULL; /* an error may come with a page instead of JSON */
        result->is_html = !result->json && is_html(&a->body);
        if (x->redactor && result->json)
                ts_redactor_hide(x->redactor, (struct ts_json *) (uintptr_t) result->json); /* our own */
        if (a->status >= 300) {
                copy_escaped(result->code, sizeof(result->code), harmless(x, code_in(x)));
                if (result->correlation[0] == '\0')
                        copy_escaped(result->correlation, sizeof(result->correlation),
                                     harmless(x, ts_json_get_string(result->json, "contextId")));
        }
        j = classify_status(x, a, &parse_err);
        j.wait_sec = a->retry_after_sec;
        if (j.wait_sec <= 0 && a->status == 429)
                j.wait_sec = seconds_in_message(message_in(x));
        if (j.wait_sec <= 0 && a->status == 429 && a->ratelimit_reset_sec > 0)
                j.wait_sec = a->ratelimit_reset_sec + 1;
        return j;
}

void ts_response_log(const struct ts_sent *x, const struct ts_answer *a)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(4096);

        describe(x, &text);
        if (a->r < 0)
                put_text(&text, ": ", a->error);
        else
                (void) ts_buf_printf(&text, ": %ld, %zu bytes", a->status, a->body.len);
        put_text(&text, ", correlation id ", harmless(x, a->correlation));
        ts_log(LOG_DEBUG, "%s: %s", x->alias, ts_buf_text(&text));
}
