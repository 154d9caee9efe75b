/*
 * audit - what the API recorded: what trustee users did, and who changed what
 *
 * I/O through the client. The model of the answers to the first is not documented, so nothing is read out of
 * them but whether there is a next page; they are handed on as the JSON that they are.
 */
#ifndef TS_GENESYS_AUDIT_H
#define TS_GENESYS_AUDIT_H

#include "genesys/client.h"
#include "json/writer.h"
#include "trust/attribution.h"

struct ts_audit_question {
        enum ts_direction direction; /* TS_TRUSTEE: what its users did here; TS_TRUSTOR: ours there */
        struct ts_id trust;
        const struct ts_id *users;
        size_t n_users;
        int64_t since, until; /* seconds since 1970 */
};

/*
 * ts_audit_read - puts every answer, one a page, into the array that is open in @w
 *
 * Pages end with `pageCount`, else with `total`, else with a page that is refused, is empty, or begins like
 * the one before; without a list there is one page.
 *
 * Return: 0; -EFBIG: there is more than TS_AUDIT_PAGES_MAX pages or TS_AUDIT_MAX_BYTES of @w's buffer, or
 * more users than a request holds; else what went wrong. What arrived before stands in @w all the same.
 */
int ts_audit_read(struct ts_client *client, const struct ts_audit_question *q, struct ts_json_writer *w,
                  struct ts_err *err) TS_MUST_CHECK;

/*
 * ts_audit_query - the newest changes to trusts, people and roles: at most 500 of the last 30 days
 *
 * Three requests when the answer is ready at once, at most ten within some ten seconds; each is tried once,
 * and delays or stops nothing else.
 * @now:   the server's, in seconds since 1970
 * @ret:   in @arena; set on success only
 *
 * Return: 0; -EPERM, -ENOENT: the client may not, or there is no such audit; -ETIMEDOUT; else what went
 * wrong.
 */
int ts_audit_query(struct ts_client *client, const struct ts_clock *clock, int64_t now,
                   struct ts_arena *arena, struct ts_audit_entries *ret, struct ts_err *err) TS_MUST_CHECK;

#endif
