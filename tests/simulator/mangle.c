#include "mangle.h"

#include <stdio.h>
#include <string.h>

struct mangle_status {
        int status;
        const char *code, *message;
};

/* What the platform's own answers look like. */
static const struct mangle_status statuses[] = {
        { 400, "bad.request", "The request could not be understood by the server due to malformed syntax." },
        { 401, "bad.credentials", "Invalid login credentials." },
        { 403, "missing.permissions",
          "Unable to perform the requested action. You are missing a permission." },
        { 404, "not.found", "The requested resource was not found." },
        { 408, "client.timeout", "The client did not produce a request within the server timeout limit." },
        { 409, "request.conflict", "The request conflicts with the current state of the resource." },
        { 413, "request.entity.too.large", "The request is over the size limit." },
        { 429, "too.many.requests", "Rate limit exceeded the maximum." },
        { 500, "internal.server.error", "The server encountered an unexpected condition." },
        { 503, "service.unavailable", "Service Unavailable - The server is currently unavailable." },
        { 504, "request.timeout", "The request timed out." },
};

static void mangle_status(struct ts_sim_call *c)
{
        struct mangle_status s = { (int) c->fault->status, "unknown", "Something is wrong." };

        if (s.status == 204) {
                ts_sim_no_content(c);
                return;
        }
        for (size_t i = 0; i < TS_N_ELEMENTS(statuses); i++)
                if (statuses[i].status == s.status)
                        s = statuses[i];
        ts_sim_fail(c, s.status, c->fault->code ? c->fault->code : s.code, "%s",
                    c->fault->message ? c->fault->message : s.message);
        c->resp->status = s.status;
}

static void mangle_put_repeated(struct ts_buf *body, char ch, int64_t n)
{
        char piece[4096];

        memset(piece, ch, sizeof(piece));
        for (; n > 0; n -= (int64_t) sizeof(piece))
                ts_buf_put(body, piece, n < (int64_t) sizeof(piece) ? (size_t) n : sizeof(piece));
}

static void mangle_huge(struct ts_buf *body, int64_t n_bytes)
{
        ts_buf_reset(body);
        ts_buf_puts(body, "{\"padding\":\"");
        mangle_put_repeated(body, 'x', n_bytes - (int64_t) body->len - 2);
        ts_buf_puts(body, "\"}");
}

static void mangle_deep(struct ts_buf *body, int64_t n_levels)
{
        ts_buf_reset(body);
        ts_buf_puts(body, "{\"entities\":");
        mangle_put_repeated(body, '[', n_levels);
        mangle_put_repeated(body, ']', n_levels);
        ts_buf_putc(body, '}');
}

/* {"entities": [...]} becomes {"entities":null,"entities": [...]}: who takes the first one sees nothing. */
static void mangle_duplicate_keys(struct ts_sim_call *c)
{
        struct ts_buf *body = &c->resp->body;
        const char *text = ts_buf_text(body), *colon = strchr(text, ':');
        const char *whole;
        size_t len = body->len;

        if (text[0] != '{' || !colon)
                return;
        whole = ts_arena_memdup(&c->arena, text, len);
        len--;
        ts_buf_reset(body);
        ts_buf_printf(body, "{%.*s:null,", (int) (colon - text - 1), whole + 1);
        ts_buf_put(body, whole + 1, len);
}

/* "key":"value" becomes "key":"value" + text, wherever it stands. */
static void mangle_spoil(struct ts_sim_call *c)
{
        const char *key = ts_arena_printf(&c->arena, "\"%s\":\"", c->fault->spoil);
        struct ts_buf *body = &c->resp->body;
        const char *whole = ts_arena_strndup(&c->arena, ts_buf_text(body), body->len), *at = whole, *found;

        ts_buf_reset(body);
        while ((found = strstr(at, key))) {
                const char *end = found + strlen(key);

                while (*end && *end != '"')
                        end += *end == '\\' && end[1] ? 2 : 1;
                ts_buf_put(body, at, (size_t) (end - at));
                ts_buf_puts(body, c->fault->text ? c->fault->text : "");
                at = end;
        }
        ts_buf_puts(body, at);
}

/* Cut off in the middle of a string, with bytes that are no UTF-8. */
static void mangle_garbage(struct ts_buf *body)
{
        ts_buf_reset(body);
        ts_buf_puts(body, "{\"entities\":[{\"id\":\"\xff\xfe\xc0\x80\x1b[31m");
}

static void mangle_body(struct ts_sim_call *c)
{
        const struct ts_fault *f = c->fault;
        struct ts_buf *body = &c->resp->body;

        if (f->spoil)
                mangle_spoil(c);
        if (f->duplicate_keys)
                mangle_duplicate_keys(c);
        if (f->garbage)
                mangle_garbage(body);
        if (f->huge_body > 0)
                mangle_huge(body, f->huge_body);
        if (f->deep_json > 0)
                mangle_deep(body, f->deep_json);
        if (f->body || f->empty_body)
                ts_buf_reset(body);
        if (f->body)
                ts_buf_puts(body, f->body);
        if (!c->resp->content_type && body->len > 0)
                c->resp->content_type = "application/json";
        if (f->content_type)
                c->resp->content_type = f->content_type;
}

static enum ts_sim_fate mangle_fate(const struct ts_fault *f)
{
        if (f->reset_before || f->reset_after)
                return TS_SIM_RESET;
        if (f->close)
                return TS_SIM_CLOSE;
        return f->hang ? TS_SIM_HANG : TS_SIM_ANSWER;
}

void ts_sim_mangle(struct ts_sim_call *c)
{
        const struct ts_fault *f = c->fault;
        struct ts_sim_response *resp = c->resp;

        if (f->status > 0)
                mangle_status(c);
        mangle_body(c);
        resp->fate = mangle_fate(f);
        if (f->retry_after)
                (void) snprintf(resp->retry_after, sizeof(resp->retry_after), "%s", f->retry_after);
        if (f->truncate >= 0)
                resp->truncate_at = (size_t) f->truncate;
        if (f->delay_ms > 0)
                resp->delay_usec = (uint64_t) f->delay_ms * TS_USEC_PER_MSEC;
        if (f->drip_ms > 0)
                resp->drip_usec = (uint64_t) f->drip_ms * TS_USEC_PER_MSEC;
}
