/*
 * journal - log sink of the daemon, which suppresses repeated messages
 *
 * Installs itself as the sink of util/log.h: entries go to systemd's journal with their fields, or to stderr.
 * A finding (a refusal, something held, waiting, drifted, failed or faulty) that was logged in the previous
 * cycle is not logged again. It is counted, and logged with that count once a day (a failure: once an hour).
 * The end of a failure or refusal is logged too. Limits: TS_REPEATED_MAX findings are tracked; further ones
 * are logged each time.
 */
#ifndef TS_DAEMON_JOURNAL_H
#define TS_DAEMON_JOURNAL_H

#include <stdbool.h>

#include "util/clock.h"
#include "util/log.h"

struct ts_journal;

/* @inner: gets what is to be said; NULL: the journal when it is ours, else stderr. Installs itself. @clock
 * outlives it. */
struct ts_journal *ts_journal_new(const struct ts_clock *clock, ts_log_sink inner,
                                  void *inner_userdata) TS_MUST_CHECK __attribute__((returns_nonnull));
void ts_journal_free(struct ts_journal *j); /* stderr again; NULL is fine */
TS_DEFINE_CLEANUP(struct ts_journal, ts_journal_free)

/* A turn of @organization; NULL: of what belongs to none (settings, declarations). Findings not logged
 * between the two calls have ended. @complete: false: not everything was read, so no finding has ended. */
void ts_journal_begin(struct ts_journal *j, const char *organization);
void ts_journal_end(struct ts_journal *j, const char *organization, bool complete);

/* A message with an id and one field (may be NULL). */
void ts_journal_log(int priority, const char *message_id, const char *name, const char *value,
                    const char *fmt, ...) TS_PRINTF(5, 6);

#endif
