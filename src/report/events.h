/*
 * events - journal entries: a structured entry for each change, refusal, finding and cycle end
 *
 * Composes entries and hands them to ts_log_entry() (util/log.h). One MESSAGE_ID per kind of event: the
 * message catalogue explains each of them. Every value is escaped. Entries never contain secrets or request
 * bodies.
 */
#ifndef TS_REPORT_EVENTS_H
#define TS_REPORT_EVENTS_H

#include "report/report.h"

#define TS_EVENT_CHANGE "6f0f5a9d3c1e4b7a9a5d1c2e8b7f4a10"        /* a change was carried out */
#define TS_EVENT_CHANGE_FAILED "0b8d5e7c9f2a4c36b1e0d4a7c5f39e21" /* a change could not be carried out */
#define TS_EVENT_PLANNED "2f6c1b8e4d0a47f3b5917e8ca0d35264"       /* a change would be carried out */
#define TS_EVENT_HELD "c2a7e41f5d8b4960a3f7b9e1d06c8532"          /* a change is held back */
#define TS_EVENT_WAITING "5e19c8b0a7d34f62b48d6f13e2a9c743"       /* a change waits */
#define TS_EVENT_UNLISTED "7a40d9e3b6154c8f92e0a1f7c83b5d69"      /* live, not declared, and left as it is */
#define TS_EVENT_DRIFT "91d4b6e2f0a845c79e3c7a5b8d1f2654"         /* the live state was changed by others */
#define TS_EVENT_REFUSED \
        "a83f1d7b6c0e4952bd91e4c8f7205a65" /* a limit or digest refused an organization or trust */
/* A cycle ended: the first of these that applies. */
#define TS_EVENT_CYCLE_REFUSED "7886c22cbeb24bb0b921df548cdd96ab"   /* something was refused */
#define TS_EVENT_CYCLE_FAILED "2caa71142a714be38daf2c1a8d8bbdc7"    /* something failed or was not read */
#define TS_EVENT_CYCLE_DENY_ONLY "4c033646edf34d56ac29fc011f5e1eaf" /* no declarations were in force */
#define TS_EVENT_CYCLE_PAUSED "8c597978161746a39942149496b3fc76"    /* somebody paused the daemon */
#define TS_EVENT_CYCLE_END "3d7e9c15b2f84a06a1c5d8e6f4b09776"       /* nothing of these */
/* It was cut short, or could not begin. */
#define TS_EVENT_CYCLE_STOPPED "82020b490b01468b80d08106e40cc434"
#define TS_EVENT_ORGANIZATION_FAILED \
        "e5b20f8c4a6d4173965fa9c1d3e7b887" /* an organization could not be read or written */

#define TS_EVENT_WARNING "2d4de7b5a47246bdb3d2d4a273fea235"      /* a warning of the report */
#define TS_EVENT_UNREAD "32eb8a3e8a0c46f69e61b0a4e7e29d1b"       /* something could not be read */
#define TS_EVENT_UNMANAGED "6fa34767dd3c4b3d92c0cdb636c38b47"    /* something is no longer managed */
#define TS_EVENT_ENDS "2806dc1b30b4485da494bec8956d28f4"         /* access ends within a day */
#define TS_EVENT_NOT_IN_FORCE "0c18deeed8af471d8cedc0ac9fc3178f" /* what is on disk is not in force */
#define TS_EVENT_MORE "32facd0f5b6d4d229b15aaaf03b4132d"         /* entries that were not written */

/* Events of the daemon itself (logged through daemon/journal.h). */
#define TS_EVENT_STARTED "adf8efcda7f1400f806aa6b9bbdfa638"             /* the daemon runs */
#define TS_EVENT_STOPPED "8377d74ff533493c9f0f4e1228a90dc0"             /* the daemon ends */
#define TS_EVENT_DECLARATIONS_TAKEN "946ed1a047e54793b96cbc8df9f85bd1"  /* other declarations are in force */
#define TS_EVENT_DECLARATIONS_FAULTY "81369b63de75485cb3de4c304e258bab" /* declarations are not taken */
#define TS_EVENT_SETTINGS_TAKEN "0e209a9b8fdc42c8bc4e4116e987b330"      /* other settings are in force */
#define TS_EVENT_SETTINGS_FAULTY "42f95ffb2e0b4fdd804e221849d59e0a"     /* settings are not taken */
#define TS_EVENT_PAUSED "c835065b24184fa289dcd6435292cdc9"              /* somebody paused the daemon */
#define TS_EVENT_RESUMED "0c9d96b42c2d48009ade41ab0a890909"             /* a pause is over */
#define TS_EVENT_FIGHT "93870a84b6f04de49f1c9ae97fdfd087" /* an object is corrected again and again */
#define TS_EVENT_OVER "f47ae4843e27400296a537946e0ed546"  /* a condition logged before has ended */

struct ts_event_context {
        const char *cycle;                    /* TRUSTSYNC_CYCLE: an id of the cycle */
        const char *revision;                 /* TRUSTSYNC_REVISION */
        const struct ts_digest *content_hash; /* TRUSTSYNC_CONTENT_HASH; NULL */
};

/*
 * By its result: applied NOTICE; failed ERR; held WARNING; waiting and skipped INFO. Still planned: a
 * finding, WARNING for drift or when its window has ended (overdue), else INFO.
 */
void ts_event_change(const struct ts_event_context *ctx, const struct ts_plan *plan,
                     const struct ts_change *c);
/* An object that others change again and again. WARNING. */
void ts_event_fight(const struct ts_event_context *ctx, const struct ts_plan *plan,
                    const struct ts_change *c);
/* @plan NULL: a refusal of no organization's plan; then @r->trust is the organization. ERR. */
void ts_event_refusal(const struct ts_event_context *ctx, const struct ts_plan *plan,
                      const struct ts_refusal *r);
void ts_event_organization_failed(const struct ts_event_context *ctx, const char *organization,
                                  const struct ts_err *err);
/* A message of the plan by its kind: WARNING; access that ends INFO; a note makes no entry. */
void ts_event_message(const struct ts_event_context *ctx, const struct ts_plan *plan,
                      const struct ts_message *m);
/* @n findings of the organization make no entry in this cycle. WARNING. */
void ts_event_more(const struct ts_event_context *ctx, const char *organization, size_t n);
/* The last line of the report. WARNING when something failed or was refused, else INFO. */
void ts_event_cycle_end(const struct ts_event_context *ctx, const struct ts_report *r);

/* What is found of an organization in one cycle makes at most so many entries (changes that are carried out
 * always make theirs): journald drops a service's entries beyond 10,000 in 30 s, whatever they say. */
#define TS_EVENT_FINDINGS_MAX 500u

/* Would this change make an entry that is no more than information? */
bool ts_event_is_information(const struct ts_change *c);

/*
 * One change as a sentence, escaped: "user.update jane.doe@contoso.example in contoso: +Admin in Home,
 * -Supervisor in Sales; applied (config, trusts.d/contoso.yaml:14)".
 */
void ts_event_describe(const struct ts_plan *plan, const struct ts_change *c, struct ts_buf *out);

#endif
