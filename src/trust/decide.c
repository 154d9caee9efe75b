#include "trust/decide.h"

#include <string.h>

#include "trust/contention.h"
#include "trust/ends.h"
#include "trust/limits.h"
#include "trust/propagation.h"

#define SEPARATORS " ,"

bool ts_review_next(const char **reviewed, const char **ret, size_t *ret_len)
{
        *ret = *reviewed + strspn(*reviewed, SEPARATORS);
        *ret_len = strcspn(*ret, SEPARATORS);
        *reviewed = *ret + *ret_len;
        return *ret_len > 0;
}

bool ts_review_has(const char *reviewed, const struct ts_digest *digest)
{
        struct ts_digest_text text = ts_digest_format(digest);
        const char *one;
        size_t len;

        while (ts_review_next(&reviewed, &one, &len))
                if (len == strlen(text.s) && memcmp(one, text.s, len) == 0)
                        return true;
        return false;
}

/* Of a reviewed trust what its digest covers; nothing else. */
static void hold_unreviewed(struct ts_plan *plan, const struct ts_decide_input *in)
{
        size_t k = 0, n_reviewed = 0;

        for (size_t i = 0; i < plan->n_trust_digests; i++)
                n_reviewed += ts_review_has(in->reviewed, &plan->trust_digests[i].digest);
        if (in->unmatched) {
                ts_plan_add_refusal(plan, NULL, "plan_digest", 0, 0, in->unmatched);
                plan->refused = plan->refused || n_reviewed == 0;
        }
        for (size_t i = 0; !plan->refused && i < plan->n_changes; i++) {
                const struct ts_trust_digest *t;

                while (k < plan->n_trust_digests && plan->trust_digests[k].end <= i)
                        k++;
                t = k < plan->n_trust_digests && plan->trust_digests[k].first <= i ? &plan->trust_digests[k]
                                                                                   : NULL;
                if (!t || !ts_change_is_reviewable(&plan->changes[i]) ||
                    !ts_review_has(in->reviewed, &t->digest))
                        ts_plan_hold(plan, &plan->changes[i],
                                     "it is not part of what was reviewed (--plan-digest)");
        }
}

/* A new end is in force when nothing keeps it back. */
static void decide_ends(struct ts_plan *plan, const struct ts_decide_input *in)
{
        if (plan->refused || in->paused)
                ts_ends_refuse(plan, TS_TRUSTEE, NULL);
        for (size_t i = 0; in->reviewed && !in->is_reviewed_whole && i < plan->n_ends; i++) {
                struct ts_end *e = &plan->ends[i];
                const struct ts_trust_digest *t = ts_plan_find_trust_digest(plan, e->direction, &e->trust_id);

                if (e->is_new && !(t && ts_review_has(in->reviewed, &t->digest)))
                        e->is_refused = true;
        }
        ts_ends_note(plan, in->now);
}

static void hold_for_pause(struct ts_plan *plan, const char *paused)
{
        for (size_t i = 0; paused && i < plan->n_changes; i++)
                ts_plan_hold(plan, &plan->changes[i], paused);
}

void ts_decide(struct ts_plan *plan, const struct ts_decide_input *in)
{
        ts_propagation_check(plan, in->live, in->last_applied, in->recorded_now);
        ts_contention_check(plan, in->last_applied, in->recorded_now);
        ts_limits_check_record(plan, in->last_applied);
        if (!in->reviewed)
                ts_limits_check(plan, in->live, in->limits, in->last_applied, in->now);
        else if (!in->is_reviewed_whole)
                hold_unreviewed(plan, in);
        hold_for_pause(plan, in->paused);
        decide_ends(plan, in);
        if (!in->is_dry)
                ts_limits_hold_refused(plan);
}
