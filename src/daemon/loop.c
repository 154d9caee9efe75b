#include "daemon/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-event.h>

#include "config.h"
#include "daemon/announce.h"
#include "daemon/bus.h"
#include "reconcile/cycle.h"
#include "daemon/journal.h"
#include "daemon/notify.h"
#include "daemon/publish.h"
#include "daemon/record.h"
#include "reconcile/schedule.h"
#include "daemon/session.h"
#include "daemon/sources.h"
#include "daemon/status.h"
#include "daemon/watch.h"
#include "report/events.h"
#include "util/err.h"
#include "util/mem.h"

/* time() may be a tick behind the clock that timers go by: a point that has to be past is asked for a
 * bit later. */
#define BOUNDARY_SLACK_USEC (100 * TS_USEC_PER_MSEC)

/* Cycles that end alike are told once an hour. */
#define END_AGAIN_SEC (60 * 60)

/* Somebody was still writing, and what ends it may be where nothing is watched (a .git/index.lock goes):
 * look again so soon. */
#define UNSETTLED_USEC (20 * TS_USEC_PER_SEC)

/* What the handlers ask of the loop: reasons for a cycle, the most telling one first. */
enum trigger {
        TRIGGER_SYNC,
        TRIGGER_RELOAD, /* read settings and declarations again, changed or not */
        TRIGGER_START,
        TRIGGER_PAUSE,
        TRIGGER_RESUME,
        TRIGGER_SIGNAL,
        TRIGGER_FILES, /* a reason only when there is something new in them */
        TRIGGER_BOUNDARY,
        TRIGGER_TIMER,
        TRIGGER_MAX_,
};

static const char *const trigger_names[] = {
        [TRIGGER_SYNC] = "sync",   [TRIGGER_RELOAD] = "reload",     [TRIGGER_START] = "start",
        [TRIGGER_PAUSE] = "pause", [TRIGGER_RESUME] = "resume",     [TRIGGER_SIGNAL] = "signal",
        [TRIGGER_FILES] = "files", [TRIGGER_BOUNDARY] = "boundary", [TRIGGER_TIMER] = "timer",
};

#define BIT(trigger) (1u << (trigger))

struct loop {
        const struct ts_daemon_options *options;
        sd_event *event;
        sd_event_source *timer, *boundary, *again, *overdue;
        struct ts_journal *journal;
        struct ts_watch *watch[TS_PART_MAX_];
        struct ts_bus *bus;
        struct ts_sources sources;
        struct ts_clients *clients; /* of the settings in force; NULL: not needed yet */
        uint64_t clients_of;        /* sources.n_taken when they were made */
        struct ts_state_directory state;
        struct ts_record *record;
        struct ts_status status;
        struct ts_publish publish;
        struct ts_who_memory who;
        unsigned triggers;                      /* BIT(TRIGGER_...) */
        bool due;                               /* the next cycle is: one that only fails does not hold it */
        bool stop;                              /* end the daemon */
        bool interrupt;                         /* end the cycle that runs after its request in flight */
        char sync_digest[TS_RECORD_WORD_BYTES]; /* of the next cycle; "": none */
        bool reloading;                         /* systemd was told, and waits for the end */
        bool bus_failed;                        /* said once */
        bool watch_failed;                      /* said once */
        struct ts_record_cycle told;            /* the last end that was told */
        int64_t next_boundary;                  /* of the last plans; TS_TIME_NEVER: none */
};

static int64_t now_of(const struct loop *l)
{
        return ts_clock_realtime(l->options->clock);
}

static void ask(struct loop *l, enum trigger trigger)
{
        l->triggers |= BIT(trigger);
        l->due = true;
}

static const char *trigger_name(unsigned triggers)
{
        for (enum trigger t = 0; t < TRIGGER_MAX_; t++)
                if (triggers & BIT(t))
                        return trigger_names[t];
        return "none";
}

/* ------------------------------------------------------------------------------------------------ telling */

static void tell_status(struct loop *l)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(4 * TS_TEXT_MAX_BYTES);

        ts_status_line(&l->status, now_of(l), &line);
        if (l->reloading && !(l->triggers & BIT(TRIGGER_RELOAD))) {
                ts_notify_ready(ts_buf_text(&line));
                l->reloading = false;
        } else {
                ts_notify_status(ts_buf_text(&line));
        }
        ts_bus_tell_status(l->bus);
}

static void save_record(struct loop *l)
{
        struct ts_err err = { 0 };

        if (ts_record_save(&l->state, l->record, &err) < 0)
                ts_log(LOG_ERR, "%s", err.msg);
}

/* ----------------------------------------------------------------------------------------------- handlers */

static int on_end_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        ts_notify_stopping("Stopping after the request in flight");
        ts_log(LOG_INFO, "%s: stopping after the request in flight", strsignal((int) si->ssi_signo));
        l->stop = l->interrupt = true;
        return 0;
}

/* The reload itself waits for the end of the cycle, which is cut short; systemd is told at once that it
 * has begun. */
static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) si;
        ts_notify_reloading("Reading settings and declarations");
        l->reloading = true;
        l->interrupt = true;
        ask(l, TRIGGER_RELOAD);
        return 0;
}

static int on_cycle_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) si;
        ask(l, TRIGGER_SIGNAL);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) usec;
        ask(l, TRIGGER_TIMER);
        return 0;
}

static int on_boundary(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) usec;
        ask(l, TRIGGER_BOUNDARY);
        return 0;
}

/* A cycle has lasted as long as the interval. */
static int on_overdue(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) usec;
        l->due = true;
        return 0;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) usec;
        ask(l, TRIGGER_FILES);
        return 0;
}

static void on_files_changed(void *userdata)
{
        struct loop *l = userdata;

        ask(l, TRIGGER_FILES);
}

/* --------------------------------------------------------------------------------------- asked over D-Bus */

static const struct ts_status *host_status(void *userdata)
{
        const struct loop *l = userdata;

        return &l->status;
}

static int64_t host_now(void *userdata)
{
        return now_of(userdata);
}

static void host_history(size_t n, struct ts_buf *out, void *userdata)
{
        const struct loop *l = userdata;

        ts_record_history_json(l->record, n, out);
}

/* A cycle that runs has read already: what is asked for now is done by the one after it. */
static uint64_t next_number(const struct loop *l)
{
        return l->status.n_begun + 1;
}

static int host_sync(const char *digest, uint64_t *ret_number, struct ts_err *err, void *userdata)
{
        struct loop *l = userdata;

        if (digest[0] != '\0') {
                if (l->sync_digest[0] != '\0' && strcmp(l->sync_digest, digest) != 0)
                        return ts_err_set(
                                        err, TS_ERR_LOCAL, -EBUSY,
                                        "another plan (%s) is about to be carried out; try again when it is",
                                        l->sync_digest);
                if (strlen(digest) >= sizeof(l->sync_digest))
                        return ts_err_set(err, TS_ERR_INPUT, -EINVAL, "that is no digest of a plan");
                (void) snprintf(l->sync_digest, sizeof(l->sync_digest), "%s", digest);
        }
        ask(l, TRIGGER_SYNC);
        *ret_number = next_number(l);
        return 0;
}

static uint64_t host_reload(void *userdata)
{
        struct loop *l = userdata;

        (void) on_reload_signal(NULL, NULL, l);
        return next_number(l);
}

static int host_pause(uint64_t usec, const char *by, const char *reason, int64_t *ret_until,
                      struct ts_err *err, void *userdata)
{
        struct loop *l = userdata;
        struct ts_pause *p = &l->record->pause;
        int r;

        r = ts_pause_begin(p, now_of(l), usec, by, reason, err);
        if (r < 0)
                return r;
        l->status.pause = *p;
        save_record(l);
        ts_journal_say(LOG_NOTICE, TS_EVENT_PAUSED, "TRUSTSYNC_PAUSED_BY", p->by, "paused by %s until %s: %s",
                       p->by, ts_time_format(p->until).s, p->reason);
        ask(l, TRIGGER_PAUSE);
        l->interrupt = true; /* what is under way stops writing too */
        *ret_until = p->until;
        tell_status(l);
        return 0;
}

static void end_pause(struct loop *l, const char *how)
{
        ts_journal_say(LOG_NOTICE, TS_EVENT_RESUMED, "TRUSTSYNC_PAUSED_BY", l->record->pause.by, "%s", how);
        l->record->pause = (struct ts_pause){ 0 };
        l->status.pause = l->record->pause;
        save_record(l);
}

static int host_resume(const char *by, struct ts_err *err, void *userdata)
{
        TS_CLEANUP(ts_freep) char *how = NULL;
        struct loop *l = userdata;
        char name[TS_RECORD_WORD_BYTES];

        (void) err;
        if (l->record->pause.until == 0)
                return 0;
        ts_record_put_word(name, sizeof(name), by);
        if (asprintf(&how, "resumed by %s", name) < 0)
                ts_out_of_memory();
        end_pause(l, how);
        ask(l, TRIGGER_RESUME);
        tell_status(l);
        return 0;
}

static const struct ts_bus_host bus_host = {
        host_status, host_now, host_history, host_sync, host_reload, host_pause, host_resume,
};

/* ------------------------------------------------------------------------------------------------ waiting */

static int on_wait_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        bool *over = userdata;

        (void) source;
        (void) usec;
        *over = true;
        return 0;
}

static int serve(struct loop *l)
{
        int r = sd_event_run(l->event, UINT64_MAX);

        if (ts_check_memory(r) < 0)
                ts_log(LOG_CRIT, "the event loop failed: %s", strerror(-r));
        return r;
}

/* For the sources: lets time go by, with the loop being served. */
static bool wait_usec(uint64_t usec, void *userdata)
{
        struct loop *l = userdata;
        sd_event_source *source = NULL;
        bool over = false;
        int r;

        r = sd_event_add_time_relative(l->event, &source, CLOCK_BOOTTIME, usec, 1, on_wait_over, &over);
        while (r >= 0 && !over && !l->stop)
                r = serve(l);
        sd_event_source_disable_unref(source);
        return r >= 0 && !l->stop;
}

/* For the sources: what is looked at is watched. */
static void watch_begin(enum ts_sources_part part, void *userdata)
{
        const struct loop *l = userdata;

        ts_watch_begin(l->watch[part]);
}

static void watch_add(enum ts_sources_part part, const char *directory, const char *name, void *userdata)
{
        const struct loop *l = userdata;

        ts_watch_add(l->watch[part], directory, name);
}

static int watch_end(enum ts_sources_part part, struct ts_err *err, void *userdata)
{
        const struct loop *l = userdata;

        return ts_watch_end(l->watch[part], err);
}

/* --------------------------------------------------------------------------------------- settings and git */

static void take_declarations(struct loop *l)
{
        const struct ts_declarations *d = l->sources.declarations;
        struct ts_record_declarations *known = &l->record->declarations;
        bool as_before = known->since > 0 && memcmp(&known->hash, &d->content_hash, sizeof(known->hash)) == 0;

        ts_announce_declarations(d, as_before);
        if (!as_before)
                known->since = now_of(l);
        known->hash = d->content_hash;
        ts_record_put_word(known->revision, sizeof(known->revision), d->revision);
        save_record(l);
}

static void note_unwatched(struct loop *l)
{
        bool failed = l->sources.unwatched != NULL;

        if (failed && !l->watch_failed)
                ts_log(LOG_WARNING, "%s", l->sources.unwatched);
        l->watch_failed = failed;
}

/* Return: the flags of ts_sources_refresh(). */
static unsigned refresh(struct loop *l, bool force)
{
        unsigned did = ts_sources_refresh(&l->sources, force);

        if ((did & TS_SOURCES_SETTINGS) && !(did & TS_SOURCES_DENY))
                ts_announce_settings(l->sources.settings);
        if (did & TS_SOURCES_DECLARATIONS)
                take_declarations(l);
        ts_announce_warnings(&l->sources, did);
        ts_announce_faults(&l->sources);
        ts_status_note_sources(&l->status, &l->sources);
        if (!l->stop)
                note_unwatched(l);
        return did;
}

/* -------------------------------------------------------------------------------------------------- cycle */

static enum ts_outcome outcome_of(const struct ts_cycle *c, int exit_status)
{
        for (size_t i = 0; i < c->n_organizations; i++)
                if (c->organizations[i].err.cls == TS_ERR_AUTH)
                        return TS_OUTCOME_DENIED;
        return exit_status == TS_EXIT_FAILURE || exit_status == TS_EXIT_BUSY ? TS_OUTCOME_FAILED
                                                                             : TS_OUTCOME_GOOD;
}

/* One that ends as the one before, and wrote nothing, is no news for an hour. */
static void tell_end(struct loop *l, struct ts_cycle *c)
{
        const struct ts_record_cycle *now = &l->status.last;
        const struct ts_plan_summary *a = &now->summary, *b = &l->told.summary;
        bool is_news = l->status.n_ended == 1 || now->writes > 0 || now->exit_status != l->told.exit_status ||
                       strcmp(now->revision, l->told.revision) != 0 ||
                       now->last - l->told.last >= END_AGAIN_SEC || now->last < l->told.last ||
                       strcmp(now->trigger, "timer") != 0 || a->add != b->add || a->change != b->change ||
                       a->remove != b->remove || a->held != b->held || a->waiting != b->waiting ||
                       a->failed != b->failed;

        if (!is_news)
                return;
        ts_cycle_tell_end(c);
        l->told = *now;
}

static void find_boundary(struct loop *l, const struct ts_cycle *c)
{
        l->next_boundary = TS_TIME_NEVER;
        for (size_t i = 0; i < c->n_organizations; i++) {
                const struct ts_plan *plan = c->organizations[i].plan;

                if (plan && plan->next_boundary > now_of(l) && plan->next_boundary < l->next_boundary)
                        l->next_boundary = plan->next_boundary;
        }
}

/* They keep their tokens from cycle to cycle, as long as the settings are the same. */
static struct ts_clients *clients_of(struct loop *l, struct ts_transport *transport)
{
        struct ts_clients_options options = {
                .settings = l->sources.settings,
                .clock = l->options->clock,
                .credentials_directory = l->options->credentials_directory,
                .stop = &l->interrupt,
                .due = &l->due,
        };

        if (l->clients && l->clients_of == l->sources.n_taken) {
                ts_clients_use(l->clients, transport);
                return l->clients;
        }
        ts_clients_free(TS_TAKE(l->clients));
        l->clients = ts_clients_new(&options);
        l->clients_of = l->sources.n_taken;
        ts_clients_use(l->clients, transport);
        return l->clients;
}

/* The plan that somebody reviewed is asked for once. */
static void take_digest(struct loop *l, char digest[sizeof(l->sync_digest)])
{
        memcpy(digest, l->sync_digest, sizeof(l->sync_digest));
        l->sync_digest[0] = '\0';
}

/* Why nothing is to be written, in @out; NULL: it is. */
static const char *why_paused(const struct loop *l, struct ts_buf *out)
{
        const struct ts_pause *p = &l->record->pause;

        if (!ts_pause_is_active(p, now_of(l)))
                return NULL;
        ts_buf_printf(out, "paused by %s until %s: %s", p->by, ts_time_format(p->until).s, p->reason);
        return ts_buf_text(out);
}

static struct ts_cycle_options cycle_options(struct loop *l, struct ts_transport *transport,
                                             const char *digest, const char *paused)
{
        const struct ts_sources *s = &l->sources;

        return (struct ts_cycle_options){
                .settings = s->settings,
                .declarations = s->declarations,
                .clients = clients_of(l, transport),
                .clock = l->options->clock,
                .state_path = l->options->state_path,
                .mode = TS_CYCLE_BY_MODE,
                .deny_only = !s->declarations,
                .organizations = l->options->organizations,
                .n_organizations = l->options->n_organizations,
                .plan_digest = digest[0] != '\0' ? digest : NULL,
                .paused = paused,
                .who = &l->who,
        };
}

/* What is on disk is faulty: whoever asked for a cycle has to hear it, however the cycle with the old
 * files ended. */
static int exit_status_of(const struct loop *l, const struct ts_cycle *c)
{
        if (l->sources.settings_faults.n > 0)
                return TS_EXIT_SETTINGS;
        return l->sources.declarations_faults.n > 0 ? TS_EXIT_DECLARATIONS : ts_cycle_exit_status(c, false);
}

static enum ts_outcome end_cycle(struct loop *l, struct ts_cycle *c, const char *trigger)
{
        int exit_status = exit_status_of(l, c), own = ts_cycle_exit_status(c, false);

        ts_status_note_cycle(&l->status, c, trigger, exit_status);
        ts_record_add_cycle(l->record, &l->status.last);
        save_record(l);
        find_boundary(l, c);
        tell_end(l, c);
        ts_publish_cycle(&l->publish, c, &l->status, now_of(l));
        ts_journal_end(l->journal, l->status.complete && own != TS_EXIT_FAILURE && own != TS_EXIT_BUSY);
        ts_bus_tell_cycle(l->bus, l->status.n_ended, exit_status, l->status.outcome);
        return outcome_of(c, own);
}

/* It did not come to an end: whoever waits for it is told so, and nothing is noted. */
static void abandon_cycle(struct loop *l, const char *why)
{
        ts_journal_say(LOG_INFO, TS_EVENT_CYCLE_STOPPED, "TRUSTSYNC_RESULT", "stopped", "%s", why);
        l->status.n_ended++;
        ts_bus_tell_cycle(l->bus, l->status.n_ended, TS_EXIT_FAILURE, why);
}

/* Goes on in suspend, and does not jump. */
static void arm(struct loop *l, sd_event_source **source, uint64_t usec, sd_event_time_handler_t handler)
{
        int r;

        *source = sd_event_source_disable_unref(*source);
        r = sd_event_add_time_relative(l->event, source, CLOCK_BOOTTIME, usec, 0, handler, l);
        if (ts_check_memory(r) < 0) /* a daemon that never wakes is worse than one that is started anew */
                ts_log(LOG_CRIT, "cannot set a timer: %s", strerror(-r));
        l->stop = l->stop || r < 0;
}

/* Return: how it ended, for the next wait. */
static enum ts_outcome one_cycle(struct loop *l, const char *trigger)
{
        TS_CLEANUP(ts_transport_freep) struct ts_transport *transport = NULL;
        TS_CLEANUP(ts_cycle_freep) struct ts_cycle *cycle = NULL;
        TS_CLEANUP(ts_buf_done) struct ts_buf note = TS_BUF_INIT(2 * TS_TEXT_MAX_BYTES);
        char digest[sizeof(l->sync_digest)];
        struct ts_cycle_options options;
        struct ts_err err = { 0 };

        l->status.n_begun++;
        take_digest(l, digest);
        if (ts_session_new_transport(l->event, l->options->clock, l->sources.settings, &transport, &err) <
            0) {
                ts_log(LOG_ERR, "%s", err.msg);
                abandon_cycle(l, "the cycle could not begin");
                return TS_OUTCOME_FAILED;
        }
        options = cycle_options(l, transport, digest, why_paused(l, &note));
        l->status.running = true;
        tell_status(l);
        l->due = l->triggers != 0;
        arm(l, &l->overdue, l->sources.settings->interval_usec, on_overdue);
        cycle = ts_cycle_run(&options);
        l->overdue = sd_event_source_disable_unref(l->overdue);
        l->status.running = false;
        if (l->interrupt) {
                abandon_cycle(l, "the cycle was cut short; the next one finishes its work");
                return TS_OUTCOME_GOOD;
        }
        return end_cycle(l, cycle, trigger);
}

/* ----------------------------------------------------------------------------------------- between cycles */

static int64_t earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static void arm_timer(struct loop *l, uint64_t usec)
{
        arm(l, &l->timer, usec, on_timer);
        l->status.next = now_of(l) + (int64_t) (usec / TS_USEC_PER_SEC);
}

/* At a point of the calendar: the kernel fires it also when the clock is set past it. */
static void arm_boundary(struct loop *l)
{
        int64_t at = l->next_boundary;
        int r;

        l->boundary = sd_event_source_disable_unref(l->boundary);
        if (l->record->pause.until > 0)
                at = earlier(at, l->record->pause.until);
        if (at == TS_TIME_NEVER)
                return;
        r = sd_event_add_time(l->event, &l->boundary, CLOCK_REALTIME,
                              (uint64_t) at * TS_USEC_PER_SEC + BOUNDARY_SLACK_USEC, 0, on_boundary, l);
        if (r < 0)
                ts_log(LOG_ERR, "cannot set the timer of the next window: %s", strerror(-r));
        l->status.next = earlier(l->status.next, at);
}

static void plan_next(struct loop *l, enum ts_outcome outcome)
{
        const struct ts_settings *s = l->sources.settings;
        const struct ts_clock *clock = l->options->clock;

        l->status.n_failures = outcome == TS_OUTCOME_GOOD ? 0 : l->status.n_failures + 1;
        arm_timer(l, ts_schedule_wait(outcome, l->status.n_failures, s->interval_usec, s->jitter_usec,
                                      clock->random(clock->userdata)));
        arm_boundary(l);
}

static void expire_pause(struct loop *l)
{
        struct ts_pause *p = &l->record->pause;

        if (p->until > 0 && !ts_pause_is_active(p, now_of(l)))
                end_pause(l, "the pause is over");
}

static void connect_bus(struct loop *l)
{
        struct ts_err err = { 0 };

        if (ts_bus_is_connected(l->bus))
                return;
        ts_bus_free(l->bus);
        l->bus = NULL;
        if (ts_bus_new(l->event, &bus_host, l, &l->bus, &err) >= 0) {
                l->bus_failed = false;
        } else if (!l->bus_failed) {
                l->bus_failed = true;
                ts_log(LOG_INFO, "%s", err.msg);
        }
}

/* Nothing but inotify woke us, and nothing new is in force. */
static bool is_idle(unsigned triggers, unsigned did)
{
        return triggers == BIT(TRIGGER_FILES) && !(did & (TS_SOURCES_SETTINGS | TS_SOURCES_DECLARATIONS));
}

/* One turn of the daemon: everything that the triggers ask for. */
static void turn(struct loop *l)
{
        unsigned triggers = l->triggers, did;

        l->triggers = 0;
        l->interrupt = l->stop;
        connect_bus(l);
        ts_journal_begin(l->journal);
        expire_pause(l);
        did = refresh(l, triggers & BIT(TRIGGER_RELOAD));
        if (l->stop)
                return;
        if ((did & TS_SOURCES_UNSETTLED) || l->sources.unwatched)
                arm(l, &l->again, UNSETTLED_USEC, on_again);
        else
                l->triggers &= ~BIT(TRIGGER_FILES); /* those changes have just been looked at */
        if (!is_idle(triggers, did)) {
                plan_next(l, one_cycle(l, trigger_name(triggers)));
                (void) malloc_trim(0); /* a cycle's memory is the system's until the next one */
        }
        tell_status(l);
}

/* ---------------------------------------------------------------------------------------------- beginning */

static int add_signals(struct loop *l)
{
        static const struct {
                int signal;
                sd_event_signal_handler_t handler;
        } signals[] = {
                { SIGTERM, on_end_signal },
                { SIGINT, on_end_signal },
                { SIGHUP, on_reload_signal },
                { SIGUSR1, on_cycle_signal },
        };

        for (size_t i = 0; i < TS_N_ELEMENTS(signals); i++) {
                int r = sd_event_add_signal(l->event, NULL, signals[i].signal | SD_EVENT_SIGNAL_PROCMASK,
                                            signals[i].handler, l);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_up(struct loop *l)
{
        int r;

        r = sd_event_new(&l->event);
        if (r >= 0)
                r = add_signals(l);
        if (r >= 0)
                r = sd_event_set_watchdog(l->event,
                                          true); /* fed by the loop's own turns: a loop that hangs is not */
        if (ts_check_memory(r) < 0)
                ts_log(LOG_CRIT, "cannot set up the event loop: %s", strerror(-r));
        return r;
}

static int check_organizations(const struct loop *l)
{
        struct ts_err err = { 0 };

        if (ts_settings_check_chosen(l->sources.settings, l->options->organizations,
                                     l->options->n_organizations, &err) >= 0)
                return 0;
        ts_log(LOG_ERR, "%s", err.msg);
        return TS_EXIT_USAGE;
}

/* Return: an exit status; 0: settings are in force, declarations perhaps. */
static int begin(struct loop *l)
{
        struct ts_err err = { 0 };

        ts_state_directory_open(&l->state, l->options->state_path, true);
        if (ts_record_load(&l->state, l->record, &err) < 0)
                ts_log(LOG_WARNING, "%s", err.msg);
        l->status.pause = l->record->pause;
        ts_publish_init(&l->publish, l->options->runtime_path, now_of(l));
        while (!l->sources.settings && !l->stop) {
                (void) refresh(l, false);
                if (l->sources.settings_faults.n > 0)
                        return TS_EXIT_SETTINGS;
        }
        return l->stop ? 0 : check_organizations(l);
}

static int run(struct loop *l)
{
        int status = begin(l);

        if (status != 0)
                return status;
        connect_bus(l);
        ts_journal_say(LOG_INFO, TS_EVENT_STARTED, NULL, NULL, "trustsyncd %s started", PACKAGE_VERSION);
        l->reloading = true; /* READY=1 with the first status */
        tell_status(l);
        ask(l, TRIGGER_START);
        for (;;) {
                while (!l->stop && !l->triggers)
                        if (serve(l) < 0)
                                return TS_EXIT_FAILURE;
                if (l->stop)
                        return 0;
                turn(l);
        }
}

static void done(struct loop *l)
{
        ts_bus_free(l->bus);
        for (size_t i = 0; i < TS_PART_MAX_; i++)
                ts_watch_free(l->watch[i]);
        ts_clients_free(l->clients);
        ts_sources_done(&l->sources);
        ts_record_free(l->record);
        ts_status_done(&l->status);
        ts_publish_done(&l->publish);
        ts_who_memory_done(&l->who);
        ts_state_directory_close(&l->state);
        sd_event_source_disable_unref(l->timer);
        sd_event_source_disable_unref(l->boundary);
        sd_event_source_disable_unref(l->again);
        sd_event_source_disable_unref(l->overdue);
        sd_event_unref(l->event);
}

int ts_daemon_run(const struct ts_daemon_options *options)
{
        struct loop l = { .options = options, .next_boundary = TS_TIME_NEVER };
        TS_CLEANUP(ts_journal_freep) struct ts_journal *journal = ts_journal_new(options->clock, NULL, NULL);
        int status = TS_EXIT_FAILURE;

        l.journal = journal;
        l.record = ts_record_new();
        l.sources = (struct ts_sources){
                .config = options->config,
                .trusts_option = options->trusts,
                .places = { options->credentials_directory, options->state_path },
                .host = { watch_begin, watch_add, watch_end, wait_usec, host_now, &l },
        };
        if (set_up(&l) >= 0) {
                for (size_t i = 0; i < TS_PART_MAX_; i++)
                        l.watch[i] = ts_watch_new(l.event, on_files_changed, &l);
                status = run(&l);
        }
        ts_journal_say(LOG_INFO, TS_EVENT_STOPPED, NULL, NULL, "trustsyncd ended with status %d", status);
        done(&l);
        return status;
}
