/*
 * budget - how many requests may be sent within a minute, and when the next one
 *
 * Pure. At most `requests_per_minute` within any 60 s, fewer where the platform allows fewer; a tenth of them
 * is kept for urgent requests while there may be such. Cost: eight bytes for each request of a minute.
 */
#ifndef TS_GENESYS_BUDGET_H
#define TS_GENESYS_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_budget {
        uint64_t *sent_usec; /* ring: when the last n requests were sent */
        size_t n, next;      /* n: 0: no limit */
        size_t max;          /* of the n may be within a minute */
        size_t allowed;      /* by the platform; 0: not fewer than ours */
        uint64_t n_sent;     /* in all */
        bool has_urgent, is_urgent;
        int64_t others_counted, others_ours; /* see ts_budget_get_others() */
};

void ts_budget_init(struct ts_budget *b, unsigned requests_per_minute); /* 0: no limit */
void ts_budget_done(struct ts_budget *b);

/* From now on; at least one, at most what it was made with. */
void ts_budget_set(struct ts_budget *b, unsigned requests_per_minute);

/* @has_urgent: a tenth, but at least one, is kept for requests that are sent while @is_urgent. */
void ts_budget_set_urgent(struct ts_budget *b, bool has_urgent, bool is_urgent);

/* The earliest time for one more request; 0: any. */
uint64_t ts_budget_when(const struct ts_budget *b);
void ts_budget_take(struct ts_budget *b, uint64_t now_usec);

/* What an answer says of the platform's minute: how many requests it @allowed and @counted; not positive: it
 * does not. */
void ts_budget_note(struct ts_budget *b, int64_t allowed, int64_t counted, uint64_t now_usec);

/* Since ts_budget_forget_others(): the most requests that the platform counted within one of its minutes
 * beyond our own, and ours then. Return: there were more than ours. */
bool ts_budget_get_others(const struct ts_budget *b, int64_t *ret_counted, int64_t *ret_ours);
void ts_budget_forget_others(struct ts_budget *b);

#endif
