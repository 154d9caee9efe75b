#include "daemon/announce.h"

#include <stdio.h>

#include "daemon/journal.h"
#include "report/events.h"

static void log_faults(const struct ts_fault_lines *f, const char *message_id, const char *what,
                       const char *outcome)
{
        for (size_t i = 0; i < f->n; i++)
                ts_journal_log(LOG_ERR, message_id, "TRUSTSYNC_RESULT", "refused", "%s not taken: %s; %s",
                               what, f->items[i], outcome);
        if (f->total > f->n)
                ts_journal_log(LOG_ERR, message_id, "TRUSTSYNC_RESULT", "refused",
                               "%s not taken: %zu more fault%s; trustsyncd --check prints them all", what,
                               f->total - f->n, TS_S(f->total - f->n));
}

/* What is held back without being faulty. */
static void log_held(const struct ts_active_config *s)
{
        for (size_t i = 0; i < s->n_not_in_force; i++) {
                const struct ts_not_in_force *n = &s->not_in_force[i];

                if (n->reason != TS_NOT_IN_FORCE_FAULTY)
                        ts_journal_log(LOG_WARNING, TS_EVENT_NOT_IN_FORCE, "TRUSTSYNC_RESULT", "held", "%s",
                                       n->text);
        }
}

void ts_announce_faults(const struct ts_active_config *s)
{
        const char *settings = s->settings ? "the old ones stay in force" : "there are none to go on with";
        char outcome[160];

        if (s->declarations)
                (void) snprintf(outcome, sizeof(outcome), "revision %.72s stays in force",
                                s->declarations->revision_text);
        else
                (void) snprintf(outcome, sizeof(outcome), "none are in force, and only deny acts");
        log_faults(&s->settings_faults, TS_EVENT_SETTINGS_FAULTY, "settings", settings);
        log_faults(&s->declarations_faults, TS_EVENT_DECLARATIONS_FAULTY, "declarations", outcome);
        log_held(s);
}

static void log_warnings(const struct ts_fault_lines *f)
{
        for (size_t i = 0; i < f->n; i++)
                ts_log(LOG_WARNING, "%s", f->items[i]);
}

void ts_announce_warnings(const struct ts_active_config *s, unsigned did)
{
        if (did & TS_ACTIVE_CONFIG_SETTINGS)
                log_warnings(&s->warnings[TS_PART_SETTINGS]);
        if (did & TS_ACTIVE_CONFIG_DECLARATIONS)
                log_warnings(&s->warnings[TS_PART_DECLARATIONS]);
}

void ts_announce_settings(const struct ts_settings *s)
{
        size_t n_enforced = 0;

        for (size_t i = 0; i < s->n_organizations; i++)
                n_enforced += s->organizations[i].mode == TS_MODE_ENFORCE;
        ts_journal_log(LOG_INFO, TS_EVENT_SETTINGS_TAKEN, NULL, NULL,
                       "settings in force: %s, %zu organization%s, %zu enforced, a cycle every %s", s->path,
                       s->n_organizations, TS_S(s->n_organizations), n_enforced,
                       ts_span_format(s->interval_usec).s);
}

void ts_announce_declarations(const struct ts_declarations *d, bool as_before)
{
        ts_journal_log(LOG_INFO, TS_EVENT_DECLARATIONS_TAKEN, "TRUSTSYNC_REVISION", d->revision,
                       "declarations in force: revision %s, %zu file%s, %zu organization%s%s",
                       d->revision_text, d->n_files, TS_S(d->n_files), d->n_organizations,
                       TS_S(d->n_organizations), as_before ? ", as before" : "");
}
