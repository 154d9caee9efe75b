/*
 * faultscript - what goes wrong, and when
 *
 * Pure. A script is a JSON array of rules; the first rule that fires for a request decides.
 *
 *   { "match": { "method": "GET", "path": "/api/v2/orgauthorization/trustees/<glob>", "query": "<glob>",
 *                "organization": "<name or id>" },              all optional; globs as fnmatch(3)
 *     "nth": 2 or [2, 5], "after": 3, "every": 4, "times": 1,   of the requests that match; default: each
 *     "for_ms": n,                                              not later than that after the first of them
 *     what happens, one or several of:
 *       "status": 503, "code": "...", "message": "...", "body": "raw text", "content_type": "text/html",
 *       "retry_after": "5",            any text: the header's value
 *       "reset_before", "reset_after", "close", "hang", "garbage", "empty_body", "expire_token",
 *       "duplicate_keys": true,
 *       "effect": true                 with status, close, hang: the request is carried out nevertheless
 *       "truncate": bytes, "delay_ms": n, "drip_ms": n, "huge_body": bytes, "deep_json": levels,
 *       "stale": versions,             the read sees the trusts as they were so many writes ago
 *       "slow_propagation_ms": n,      reads see the write only after that time
 *       "ignored": true,               the write is answered as always, and nothing changes
 *       "expires_step": seconds,       the expiry of a written trust is rounded down to a multiple of it
 *       "spoil": "name", "text": raw,  each member of the answer with that key gets the raw JSON text, like
 * \\ud83d, at the end of its string and in listings: "wrong_total": +-n, "page_count": n, "shift_page": +-n
 * (items that moved since page 1), "drop_page": true, "repeat_page": true (always page 1), "duplicate": true
 * (the last item of the page is its first once more), "swap_id": true (the first item has another's id),
 * "empty_list": true }
 */
#ifndef TS_SIMULATOR_FAULTSCRIPT_H
#define TS_SIMULATOR_FAULTSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/macros.h"

struct ts_fault {
        const char *method, *path, *query, *organization; /* NULL: any */
        int64_t *nth;
        size_t n_nth;
        int64_t after, every, times, for_ms;
        int64_t n_matched, n_fired;
        uint64_t first_usec; /* when the first request matched */

        const char *label; /* for the log: the keys of what happens */
        int64_t status;    /* 0: not this */
        const char *code, *message, *body, *content_type, *retry_after, *spoil, *text;
        bool reset_before, reset_after, close, hang, garbage, empty_body, expire_token, duplicate_keys,
                        effect, ignored;
        int64_t truncate; /* -1: not this */
        int64_t delay_ms, drip_ms, huge_body, deep_json, stale, slow_propagation_ms, expires_step;
        int64_t wrong_total, page_count /* -1: not this */, shift_page;
        bool drop_page, repeat_page, duplicate, swap_id, empty_list;
};

struct ts_fault_script {
        struct ts_arena arena;
        struct ts_fault *rules;
        size_t n_rules;
};

struct ts_json;

/* @err: TS_ERR_INPUT; names the rule and the key. */
int ts_fault_script_parse(const struct ts_json *rules, struct ts_fault_script **ret,
                          struct ts_err *err) TS_MUST_CHECK;
void ts_fault_script_free(struct ts_fault_script *s); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_fault_script, ts_fault_script_free)

struct ts_fault_request {
        const char *method, *path, *query;          /* query: "" when there is none */
        const char *organization_id, *organization; /* of the token; NULL: none */
        uint64_t now_usec;                          /* boottime */
};

/* Counts the request in all rules that match it; the first that fires, or NULL. */
const struct ts_fault *ts_fault_script_next(struct ts_fault_script *s, const struct ts_fault_request *req);

/* All counting begins anew. */
void ts_fault_script_reset(struct ts_fault_script *s);

/* True when the request is answered without being carried out. */
bool ts_fault_prevents(const struct ts_fault *f);

#endif
