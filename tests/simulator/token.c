#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define TOKEN_TTL_MIN_SEC 1

bool ts_sim_token_is_request(const struct ts_sim_call *c)
{
        return strcmp(c->path, "/oauth/token") == 0;
}

/* True while fewer than @limit were counted in the running minute; else the seconds until it ends. */
static bool token_count(struct ts_sim_window *window, uint64_t now, int64_t limit, uint64_t *ret_wait_sec)
{
        if (window->n == 0 || now - window->start_usec >= TS_USEC_PER_MINUTE)
                *window = (struct ts_sim_window){ .start_usec = now };
        *ret_wait_sec = (TS_USEC_PER_MINUTE - (now - window->start_usec) + TS_USEC_PER_SEC - 1) /
                        TS_USEC_PER_SEC;
        window->n++;
        return limit <= 0 || window->n <= limit;
}

/* ---------------------------------------------------------------------------------------------- the token */

static int token_base64_digit(char ch)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *p = ch ? strchr(digits, ch) : NULL;

        return p ? (int) (p - digits) : -1;
}

char *ts_sim_base64_decode(struct ts_arena *arena, const char *s)
{
        char *text = ts_arena_strdup(arena, s), *out = text;
        unsigned bits = 0, n = 0;

        for (; token_base64_digit(*s) >= 0; s++) {
                bits = bits << 6 | (unsigned) token_base64_digit(*s);
                n += 6;
                if (n >= 8) {
                        n -= 8;
                        *out++ = (char) (bits >> n & 0xff);
                }
        }
        *out = '\0';
        return text;
}

/* Token errors are not the API's ErrorBody. */
static void token_fail(struct ts_sim_call *c, int status, const char *error, const char *description)
{
        struct ts_json_writer *w = ts_sim_ok(c);

        c->resp->status = status;
        ts_json_open_object(w);
        ts_json_add_string(w, "error", error);
        ts_json_add_string(w, "description", description);
        ts_json_add_string(w, "error_description", description);
        ts_json_close_object(w);
}

/* Client and secret; the secret is the part after the first colon. */
static bool token_credentials(struct ts_sim_call *c, char **ret_id, char **ret_secret)
{
        const char *header = c->req->authorization;
        char *colon;

        if (!header || strncasecmp(header, "Basic ", 6) != 0)
                return false;
        *ret_id = ts_sim_base64_decode(&c->arena, header + 6);
        colon = strchr(*ret_id, ':');
        if (!colon)
                return false;
        *colon = '\0';
        *ret_secret = colon + 1;
        return true;
}

static bool token_well_formed(struct ts_sim_call *c)
{
        static const char form[] = "application/x-www-form-urlencoded";
        static const char grant[] = "grant_type=client_credentials";

        if (strcmp(c->req->method, "POST") != 0 || !c->req->content_type ||
            strncasecmp(c->req->content_type, form, strlen(form)) != 0) {
                token_fail(c, 400, "invalid_request", "a form is expected");
                return false;
        }
        if (c->req->body_len != strlen(grant) || memcmp(c->req->body, grant, strlen(grant)) != 0) {
                token_fail(c, 400, "unsupported_grant_type", "grant_type must be client_credentials");
                return false;
        }
        return true;
}

static struct ts_sim_token *token_new(struct ts_sim_call *c, struct ts_world_client *client, int64_t ttl)
{
        struct ts_simulator *sim = c->sim;
        uint64_t random[3];
        struct ts_sim_token *token;

        for (size_t i = 0; i < TS_N_ELEMENTS(random); i++)
                random[i] = sim->clock->random(sim->clock->userdata);
        TS_GROW(sim->tokens, sim->a_tokens, sim->n_tokens);
        token = &sim->tokens[sim->n_tokens++];
        *token = (struct ts_sim_token){
                .client = client,
                .expires_usec = ts_sim_boottime(sim) + (uint64_t) ttl * TS_USEC_PER_SEC,
        };
        (void) snprintf(token->text, sizeof(token->text), "%016llx-%016llx-%08llx",
                        (unsigned long long) random[0], (unsigned long long) random[1],
                        (unsigned long long) (random[2] & 0xffffffff));
        return token;
}

static void token_grant(struct ts_sim_call *c)
{
        int64_t ttl = c->client->token_ttl_sec > 0 ? c->client->token_ttl_sec : c->sim->limits.token_ttl_sec;
        struct ts_sim_token *token;
        struct ts_json_writer *w;

        if (ttl < TOKEN_TTL_MIN_SEC)
                ttl = TOKEN_TTL_MIN_SEC;
        token = token_new(c, c->client, ttl);
        w = ts_sim_ok(c);
        ts_json_open_object(w);
        ts_json_add_string(w, "access_token", token->text);
        ts_json_add_string(w, "token_type", "bearer");
        ts_json_add_int(w, "expires_in", ttl);
        ts_json_close_object(w);
}

void ts_sim_token_issue(struct ts_sim_call *c)
{
        char *id, *secret;
        uint64_t wait;

        if (!token_count(&c->sim->token_window, ts_sim_boottime(c->sim),
                         c->sim->limits.token_requests_per_minute, &wait)) {
                token_fail(c, 400, "invalid_request", "rate limit exceeded; too many token requests");
                return;
        }
        if (!token_well_formed(c))
                return;
        if (!token_credentials(c, &id, &secret)) {
                token_fail(c, 401, "invalid_client", "client credentials are missing");
                return;
        }
        c->client = ts_world_find_client(c->sim->world, id, strlen(id));
        if (!c->client) {
                token_fail(c, 400, "invalid_client", "client not found");
                return;
        }
        c->org = c->client->org;
        if (strcmp(c->client->secret, secret) != 0)
                token_fail(c, 401, "invalid_client", "authentication failed");
        else
                token_grant(c);
}

/* ---------------------------------------------------------------------------------------- using the token */

static struct ts_sim_token *token_lookup(const struct ts_sim_call *c)
{
        const char *header = c->req->authorization;

        if (!header || strncasecmp(header, "Bearer ", 7) != 0)
                return NULL;
        for (size_t i = c->sim->n_tokens; i-- > 0;) /* the newest is the likeliest */
                if (strcmp(c->sim->tokens[i].text, header + 7) == 0)
                        return &c->sim->tokens[i];
        return NULL;
}

bool ts_sim_token_find(struct ts_sim_call *c)
{
        const struct ts_sim_token *token = token_lookup(c);

        if (!token)
                return false;
        c->client = token->client;
        c->org = token->client->org;
        return ts_sim_boottime(c->sim) < token->expires_usec;
}

void ts_sim_token_refuse(struct ts_sim_call *c)
{
        if (!c->req->authorization)
                ts_sim_fail(c, 401, "authentication.required",
                            "No authentication bearer token specified in authorization header.");
        else
                ts_sim_fail(c, 401, "bad.credentials", "Invalid login credentials.");
}

void ts_sim_token_expire(struct ts_sim_call *c)
{
        struct ts_sim_token *token = token_lookup(c);

        if (token)
                token->expires_usec = 0;
}

bool ts_sim_token_permits_rate(struct ts_sim_call *c)
{
        uint64_t wait;

        if (token_count(&token_lookup(c)->window, ts_sim_boottime(c->sim), c->sim->limits.requests_per_minute,
                        &wait))
                return true;
        ts_sim_fail(c, 429, "too.many.requests.retry.after",
                    "Rate limit exceeded the maximum. Retry the request in [%llu] seconds",
                    (unsigned long long) wait);
        (void) snprintf(c->resp->retry_after, sizeof(c->resp->retry_after), "%llu",
                        (unsigned long long) wait);
        return false;
}
