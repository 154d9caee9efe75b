/*
 * apply - carries out a plan and verifies that it took effect
 *
 * What `deny` takes away and was dropped by an earlier call is carried out again first, and again, as often
 * as the options say, when the verification shows it: all of that shares the time for the verification.
 *
 * An added account whose address, as shown by the response, is denied is removed again at once. A trust that
 * is created disabled is enabled only after its members were screened in the same way. What `deny` takes away
 * is dropped only when it is gone, or protected.
 *
 * Phase by phase over all trusts (trust/plan.h), in chunks: a fresh read of every object that loses
 * something, then the writes of those that are as the plan saw them. One bad object does not stop the others.
 * The plan stays as it is; what came of each change is its outcome (trust/plan.h). A change whose object
 * is no longer what the plan was made from is dropped (TS_WAITING: the next cycle decides). Opening a trust
 * (TS_PHASE_OPEN) waits for every removal and reduction of it to be applied.
 */
#ifndef TS_GENESYS_APPLY_H
#define TS_GENESYS_APPLY_H

#include "genesys/client.h"
#include "genesys/read.h"
#include "trust/plan.h"

/* Accounts whose addresses only answers show: what `deny` says of them. */
struct ts_apply_screen {
        bool has_emails; /* `deny` contains addresses: every added account is screened */
        /* The line of the settings that denies the account of @c's members; NULL: none does. */
        const struct ts_source *(*find_denial)(const struct ts_change *c, const struct ts_id *id,
                                               const char *email, void *userdata);
        bool (*is_protected)(const struct ts_change *c, const struct ts_id *id, const char *email,
                             void *userdata);
        void *userdata;
};

struct ts_apply_options {
        enum ts_subject_reads subjects; /* as ts_read_grants found it */
        const struct ts_clock *clock;
        uint64_t verify_usec;    /* how long to wait for writes to show, in all: 30 s */
        unsigned n_deny_retries; /* how often what `deny` takes away is taken again when it was dropped or
                                    shows */
        bool is_unverified;      /* the verification comes with a later plan that has these changes too */
        const struct ts_apply_screen *screen; /* NULL: nobody is denied or protected by an address */
        /* Called for each change as soon as its outcome is known, and once more if the verification changes
         * it. */
        void (*on_change)(const struct ts_plan *plan, const struct ts_change *change, void *userdata);
        /* The client of a partner's organization: it makes the pairing request of `pairing: auto`, for which
         * it is allowed to write. NULL, or a NULL answer: there is none. */
        struct ts_client *(*partner)(const struct ts_id *organization, void *userdata);
        void *userdata;
};

/* @outcomes: those of @plan, after ts_outcomes_begin(); they are filled here and nowhere else.
 *
 * Return: 0 when every planned change has an outcome; negative (-EACCES, -ECANCELED, ...) when the client
 * could do nothing more: what was not carried out is TS_FAILED with the reason, or stays TS_PLANNED when stop
 * was asked for. */
int ts_apply(struct ts_client *client, const struct ts_plan *plan, struct ts_live *live,
             const struct ts_apply_options *options, struct ts_outcomes *outcomes,
             struct ts_err *err) TS_MUST_CHECK;

/* "PUT /api/v2/orgauthorization/trustees/…": the request that a change is, for reports. */
void ts_apply_describe(const struct ts_change *change, struct ts_buf *out);

#endif
