#include "genesys/budget.h"

#include <stdlib.h>

#include "util/timefmt.h"
#include "util/mem.h"

#define URGENT_PART 10u
#define WINDOW_USEC (60 * TS_USEC_PER_SEC)

/* The platform's minute begins at a time of its own, and an answer takes time: requests of ours are counted
 * this far back, and this many more are no sign of another program. */
#define OWN_WINDOW_USEC (75 * TS_USEC_PER_SEC)
#define OTHERS_MIN 5

void ts_budget_init(struct ts_budget *b, unsigned requests_per_minute)
{
        *b = (struct ts_budget){ .n = requests_per_minute, .max = requests_per_minute };
        b->sent_usec = ts_calloc(b->n, sizeof(*b->sent_usec));
}

void ts_budget_done(struct ts_budget *b)
{
        free(b->sent_usec);
        b->sent_usec = NULL;
}

void ts_budget_set(struct ts_budget *b, unsigned requests_per_minute)
{
        b->max = requests_per_minute < 1 ? 1 : requests_per_minute;
        if (b->max > b->n)
                b->max = b->n;
}

void ts_budget_set_urgent(struct ts_budget *b, bool has_urgent, bool is_urgent)
{
        b->has_urgent = has_urgent;
        b->is_urgent = is_urgent;
}

uint64_t ts_budget_when(const struct ts_budget *b)
{
        size_t max = b->allowed > 0 && b->allowed < b->max ? b->allowed : b->max;

        if (b->has_urgent && !b->is_urgent && max > 1)
                max -= max / URGENT_PART > 0 ? max / URGENT_PART : 1;
        if (b->n == 0 || b->n_sent < max)
                return 0;
        return b->sent_usec[(b->next + b->n - max) % b->n] + WINDOW_USEC + 1;
}

void ts_budget_take(struct ts_budget *b, uint64_t now_usec)
{
        b->n_sent++;
        if (b->n == 0)
                return;
        b->sent_usec[b->next] = now_usec;
        b->next = (b->next + 1) % b->n;
}

/* Those that the ring still has: the budget never allows more within a minute. */
static int64_t count_own(const struct ts_budget *b, uint64_t now_usec)
{
        int64_t n = 0;

        for (size_t i = 0; i < b->n; i++)
                n += b->sent_usec[i] > 0 && now_usec - b->sent_usec[i] < OWN_WINDOW_USEC;
        return n;
}

void ts_budget_note(struct ts_budget *b, int64_t allowed, int64_t counted, uint64_t now_usec)
{
        int64_t ours;

        if (b->n == 0)
                return;
        if (allowed > 0)
                b->allowed = allowed < (int64_t) b->n ? (size_t) allowed : 0;
        if (counted < OTHERS_MIN)
                return;
        ours = count_own(b, now_usec);
        if (counted - ours < OTHERS_MIN || counted - ours <= b->others_counted - b->others_ours)
                return;
        b->others_counted = counted;
        b->others_ours = ours;
}

bool ts_budget_get_others(const struct ts_budget *b, int64_t *ret_counted, int64_t *ret_ours)
{
        *ret_counted = b->others_counted;
        *ret_ours = b->others_ours;
        return b->others_counted > 0;
}

void ts_budget_forget_others(struct ts_budget *b)
{
        b->others_counted = b->others_ours = 0;
}
