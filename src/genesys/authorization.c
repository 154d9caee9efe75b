#include "genesys/authorization.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "util/escape.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/timefmt.h"

#define TOKEN_BODY "grant_type=client_credentials"
#define TOKEN_LIFE_DEFAULT_SEC 300 /* the shortest that the platform lets a client be set to */
#define TOKEN_LIFE_MAX_SEC 172800  /* and the longest */
#define TOKEN_RENEW_MIN_USEC (5 * TS_USEC_PER_SEC)
#define TOKEN_RENEW_AGAIN_USEC \
        (60 * TS_USEC_PER_SEC) /* after a renewal that failed while the old token is good */

/* A token that is not used yet. */
struct new_token {
        struct ts_buf header; /* secret */
        uint64_t renew_usec, expires_usec;
};

static void new_token_done(struct new_token *t)
{
        ts_buf_done(&t->header); /* wiped */
}

void ts_authorization_init(struct ts_authorization *a, const struct ts_authorization_options *options,
                           struct ts_request_queue *queue, const struct ts_clock *clock)
{
        *a = (struct ts_authorization){
                .options = *options,
                .queue = queue,
                .clock = clock,
                .token.header = TS_BUF_SECRET_INIT(TS_TOKEN_MAX_BYTES),
        };
}

void ts_authorization_done(struct ts_authorization *a)
{
        ts_buf_done(&a->token.header); /* wiped */
        free(a->organization_name);
        a->organization_name = NULL;
}

static uint64_t now_usec(const struct ts_authorization *a)
{
        return ts_clock_boottime(a->clock);
}

/* -------------------------------------------------------------------------------------- the token request */

/* "Basic ..." of the client, from the secret as it is now. */
static int put_basic(struct ts_buf *out, const void *userdata, struct ts_err *err)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf secret = TS_BUF_SECRET_INIT(TS_SECRET_MAX_BYTES);
        TS_CLEANUP(ts_buf_done) struct ts_buf pair = TS_BUF_SECRET_INIT(2 * TS_SECRET_MAX_BYTES);
        const struct ts_authorization_options *o = userdata;
        unsigned char block[4 + 1];
        int r;

        r = o->read_secret(&secret, o->secret_userdata, err);
        if (r < 0)
                return ts_err_wrap(err, r, "%s", o->alias);

        (void) ts_buf_printf(&pair, "%s:", o->client_id);
        (void) ts_buf_put(&pair, ts_buf_text(&secret), secret.len);
        (void) ts_buf_puts(out, "Basic ");
        for (size_t i = 0; i < pair.len; i += 3) {
                size_t n = pair.len - i < 3 ? pair.len - i : 3;

                (void) EVP_EncodeBlock(block, (const unsigned char *) pair.data + i, (int) n);
                (void) ts_buf_put(out, block, 4);
        }
        ts_wipe(block, sizeof(block));
        if (ts_buf_failed(&pair) || ts_buf_failed(out))
                return ts_err_set(err, TS_ERR_SETTINGS, -EFBIG,
                                  "%s: client_id and client_secret are too long", o->alias);
        return 0;
}

/* It goes into a header: nothing but printable characters, and some of them. */
static bool is_token_text(const char *s)
{
        size_t n = 0;

        if (!s)
                return false;
        while (s[n] > 0x20 && s[n] < 0x7f)
                n++;
        return n > 0 && s[n] == '\0' && n < TS_TOKEN_MAX_BYTES / 2;
}

static int take_token(const struct ts_authorization *a, const struct ts_json *json, uint64_t asked_usec,
                      struct new_token *ret, struct ts_err *err)
{
        const char *text = ts_json_get_string(json, "access_token");
        uint64_t life_usec, renew_usec;
        int64_t life_sec;

        if (!is_token_text(text))
                return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG,
                                  "%s: the answer to the token request has no usable token",
                                  a->options.alias);
        (void) ts_buf_printf(&ret->header, "Bearer %s", text);

        if (!ts_json_get_int(json, "expires_in", &life_sec) || life_sec <= 0)
                life_sec = TOKEN_LIFE_DEFAULT_SEC;
        if (life_sec > TOKEN_LIFE_MAX_SEC)
                life_sec = TOKEN_LIFE_MAX_SEC;
        life_usec = (uint64_t) life_sec * TS_USEC_PER_SEC;
        renew_usec = life_usec / 1000 *
                     (600 + ts_clock_random_below(a->clock, 134)); /* two thirds, 10 % more or less */
        if (renew_usec < TOKEN_RENEW_MIN_USEC)
                renew_usec = TOKEN_RENEW_MIN_USEC;
        ret->expires_usec = asked_usec + life_usec;
        ret->renew_usec = asked_usec + renew_usec;
        return 0;
}

static int fetch_token(struct ts_authorization *a, struct new_token *ret, struct ts_err *err)
{
        static const struct ts_call call = { .op = TS_OP_TOKEN,
                                             .body = TOKEN_BODY,
                                             .body_len = sizeof(TOKEN_BODY) - 1 };
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        uint64_t asked_usec = now_usec(a);
        const struct ts_json *json;
        const char *text;
        int r;

        r = ts_request_queue_run_first(a->queue, &call, put_basic, &a->options, &arena, &json, err);
        if (r < 0)
                return r;
        r = take_token(a, json, asked_usec, ret, err);
        text = ts_json_get_string(json, "access_token");
        if (text)
                ts_wipe((char *) (uintptr_t) text, strlen(text)); /* in our own arena */
        return r;
}

/* ------------------------------------------------------------------------------------------- whose it is */

static int put_header(struct ts_buf *out, const void *userdata, struct ts_err *err)
{
        const struct new_token *t = userdata;

        (void) err;
        (void) ts_buf_put(out, ts_buf_text(&t->header), t->header.len); /* both have the same maximum */
        return 0;
}

/* No request but this one is sent with a token until it is known whose it is. */
static int check_organization(struct ts_authorization *a, const struct new_token *token, struct ts_err *err)
{
        static const struct ts_call call = { .op = TS_OP_GET_ORGANIZATION };
        TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
        const struct ts_id *expected = &a->options.organization_id;
        const struct ts_json *json;
        struct ts_id id;
        const char *name;
        int r;

        r = ts_request_queue_run_first(a->queue, &call, put_header, token, &arena, &json, err);
        if (r < 0)
                return r;
        if (!ts_json_get_id(json, "id", &id))
                return ts_err_set(err, TS_ERR_REMOTE, -EBADMSG, "%s: organizations/me answers without an id",
                                  a->options.alias);
        name = ts_escape_arena(&arena, ts_json_get_string(json, "name"));
        if (!ts_id_is_nil(expected) && !ts_id_equal(expected, &id)) {
                r = ts_err_set(err, TS_ERR_AUTH, -EACCES,
                               "%s: the credentials are those of organization %s ('%.80s'), the settings say "
                               "%s: nothing is sent; check client_id and id of this organization in the "
                               "settings",
                               a->options.alias, ts_id_format(&id).s, name, ts_id_format(expected).s);
                ts_request_queue_end(a->queue, err);
                return r;
        }
        a->organization = id;
        free(a->organization_name);
        a->organization_name = ts_strdup(name);
        return 0;
}

/* -------------------------------------------------------------------------------------------------- token */

static bool has_token(const struct ts_authorization *a)
{
        return a->token.header.len > 0 && !a->token.is_refused && now_usec(a) < a->expires_usec;
}

static int renew(struct ts_authorization *a, struct ts_err *err)
{
        TS_CLEANUP(new_token_done)
        struct new_token new = { .header = TS_BUF_SECRET_INIT(TS_TOKEN_MAX_BYTES) };
        int r;

        r = fetch_token(a, &new, err);
        if (r >= 0)
                r = check_organization(a, &new, err);
        if (r < 0)
                return r;
        ts_buf_done(&a->token.header); /* wiped */
        a->token = (struct ts_token){ .header = new.header, .number = a->token.number + 1 };
        new.header = (struct ts_buf) TS_BUF_SECRET_INIT(TS_TOKEN_MAX_BYTES);
        a->renew_usec = new.renew_usec;
        a->expires_usec = new.expires_usec;
        return 0;
}

int ts_authorization_ensure(struct ts_authorization *a, struct ts_err *err)
{
        int r;

        if (has_token(a) && now_usec(a) < a->renew_usec)
                return 0;
        r = renew(a, err);
        if (r >= 0 || ts_request_queue_is_ended(a->queue))
                return r;
        if (err->cls == TS_ERR_TRANSIENT && has_token(a)) {
                a->renew_usec = now_usec(a) + TOKEN_RENEW_AGAIN_USEC;
                return 0;
        }
        if (err->code != -ECANCELED)
                ts_request_queue_end(a->queue, err); /* further calls of this cycle get the same error */
        return r;
}
