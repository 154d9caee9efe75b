/*
 * state_store - what has to survive the process: a record of each organization, and the right to be its one
 * writer
 *
 * An interface. The cycle knows this, and nothing of the back end: a directory of this host
 * (reconcile/state_directory.h) is the only one. A call may block for as long as a disk does.
 */
#ifndef TS_RECONCILE_STATE_STORE_H
#define TS_RECONCILE_STATE_STORE_H

#include "trust/last_applied.h"
#include "util/err.h"

#define TS_STATE_STORE_UNLOCKED (-EBADF)

struct ts_state_store {
        /*
         * What is on record of an organization. Always gives a value: FRESH when there is none, KNOWN,
         * UNREADABLE (it may not be read), DAMAGED, or NEWER. `writable` is true when it could be replaced.
         * The caller owns it, ts_last_applied_free().
         */
        struct ts_last_applied *(*load)(struct ts_state_store *store, const struct ts_id *organization);

        /* Those parts that differ from what is on record, all or none; nothing when none does. -EBADMSG: @m
         * is of a record that is damaged, or -ENOTSUP: newer; that is left for a person to look at. */
        int (*save)(struct ts_state_store *store, const struct ts_id *organization,
                    const struct ts_last_applied *m, struct ts_err *err);

        /* The same before the first write of what @m counts (removals, ends, openings): when it returns 0, no
         * crash and no other writer can make them uncounted. */
        int (*reserve)(struct ts_state_store *store, const struct ts_id *organization,
                       const struct ts_last_applied *m, struct ts_err *err);

        /* Makes us the one writer of an organization, until it is given back. Return: a token; -EBUSY when
         * another process is (@err says which); else what went wrong. */
        int (*lock)(struct ts_state_store *store, const struct ts_id *organization, const char *alias,
                    struct ts_err *err);
        void (*unlock)(struct ts_state_store *store, int lock); /* TS_STATE_STORE_UNLOCKED is fine */

        void (*free)(struct ts_state_store *store);
};

static inline void ts_state_store_free(struct ts_state_store *store) /* NULL is fine */
{
        if (store)
                store->free(store);
}
TS_DEFINE_CLEANUP(struct ts_state_store, ts_state_store_free)

#endif
