/*
 * redact - removes copies of our bearer token from the texts of a response
 *
 * Pure. A gateway may answer with the token of the request in place of a name, and names go to reports, to
 * the journal and to the state. Looked for are parts of the token of TS_REDACT_PART_BYTES, as it is, in any
 * case, backwards, in hexadecimal, in base64 and percent-encoded. What has one is replaced as a whole by
 * TS_REDACTED and marked as altered, so that it decides nothing. An id in its own field stays. Cost: linear.
 */
#ifndef TS_GENESYS_REDACT_H
#define TS_GENESYS_REDACT_H

#include "json/reader.h"
#include "util/buf.h"

#define TS_REDACT_MIN_BYTES 8u   /* a shorter token stands in many a text */
#define TS_REDACT_PART_BYTES 12u /* of it: more than chance repeats */
#define TS_REDACTED "(not shown: it repeats the credentials)"

struct ts_redactor;

/* @token: copied, and wiped by ts_redactor_free(). */
struct ts_redactor *ts_redactor_new(const char *token, size_t len) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_redactor_free(struct ts_redactor *r); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_redactor, ts_redactor_free)

bool ts_redactor_finds(const struct ts_redactor *r, const char *text, size_t len);

/* Every string and key below @json. */
void ts_redactor_hide(const struct ts_redactor *r, struct ts_json *json);

#endif
