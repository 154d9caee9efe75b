/*
 * response - classifies the response to a call, or its absence
 *
 * Pure: takes status, body and headers, and returns a verdict and a message for people. Messages and the JSON
 * of the response never contain parts of the credentials that were sent.
 */
#ifndef TS_GENESYS_RESPONSE_H
#define TS_GENESYS_RESPONSE_H

#include "genesys/request_queue.h"
#include "genesys/redact.h"

/* A call that was sent. Borrowed. */
struct ts_sent {
        const char *alias, *client_id; /* the client's */
        const struct ts_call *call;
        const char *authorization;          /* that it was sent with; secret; "": none */
        const struct ts_redactor *redactor; /* of the token that it was sent with; NULL: none */
        bool has_new_token;                 /* a 401 was answered with a new one: another 401 is the end */
        struct ts_call_result *result;
};

struct ts_disposition {
        enum ts_verdict verdict; /* when it is not tried again */
        bool is_retried;
        bool may_have_effect;
        bool is_outage;       /* 5xx, no connection: counts towards giving up altogether */
        bool needs_new_token; /* 401 */
        bool ends_client;     /* the result's error is the client's */
        int64_t wait_sec;     /* the server asks for, as sent; not positive: it does not */
};

/* Sets everything in the result except its verdict and number of attempts; its JSON is in @arena. */
struct ts_disposition ts_response_classify(const struct ts_sent *sent, const struct ts_answer *answer,
                                           struct ts_arena *arena);

/* Of a 403: does its code say that a permission is missing? There are other reasons. */
bool ts_response_lacks_permission(const struct ts_call_result *result);

/* "acme: GET /api/v2/...: @detail" as the result's error. */
void ts_response_fail(const struct ts_sent *sent, enum ts_err_class cls, int code, const char *detail);

/* At LOG_DEBUG: what was asked, and what came. */
void ts_response_log(const struct ts_sent *sent, const struct ts_answer *answer);

#endif
