#include "daemon/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <systemd/sd-event.h>

#include "config.h"
#include "daemon/announce.h"
#include "daemon/bus.h"
#include "reconcile/cycle.h"
#include "daemon/journal.h"
#include "daemon/notify.h"
#include "daemon/publish.h"
#include "daemon/history.h"
#include "reconcile/schedule.h"
#include "daemon/runner.h"
#include "daemon/active_config.h"
#include "daemon/status.h"
#include "daemon/watch.h"
#include "report/events.h"
#include "util/err.h"
#include "util/file.h"
#include "util/limits.h"
#include "util/mem.h"

/* time() may be a tick behind the clock of the timers: timers for a point in the past are set a little later.
 */
#define BOUNDARY_SLACK_USEC (100 * TS_USEC_PER_MSEC)

/* Cycles with equal results are logged once an hour. */
#define END_AGAIN_SEC (60 * 60)

/* Interval of polling while files are not in force or cannot be watched: the event that resolves it may not
 * be watched (removal of a .git/index.lock). */
#define RECHECK_USEC (20 * TS_USEC_PER_SEC)

/* Interval between attempts to reconnect to the bus. */
#define BUS_WAIT_MIN_USEC (1 * TS_USEC_PER_SEC)
#define BUS_WAIT_MAX_USEC (5 * TS_USEC_PER_MINUTE)

/* Flags set by the handlers: reasons for a cycle, the most specific one first. */
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
        sd_event_source *timer, *boundary, *again, *bus_timer;
        uint64_t timer_usec;    /* what @timer is set to; UINT64_MAX: it is not */
        int64_t boundary_at;    /* what @boundary is set to; TS_TIME_NEVER: it is not */
        uint64_t bus_wait_usec; /* until the next try to reach the bus that went away */
        struct ts_journal *journal;
        struct ts_watch *watch[TS_PART_MAX_];
        struct ts_bus *bus;
        struct ts_active_config active_config;
        struct ts_runner *runner;
        struct ts_state_directory state;
        struct ts_history *history;
        struct ts_status status;
        struct ts_publish publish;
        struct ts_settings *settings; /* those that the runner uses; NULL: none yet */
        unsigned triggers;            /* BIT(TRIGGER_...): pending */
        unsigned reasons;             /* of the next cycle */
        bool stop;                    /* end the daemon */
        bool failed;                  /* and it is a failure */
        uint64_t promised; /* the number of the next cycle that a sync or reload asks for; 0: none does */
        /* Of the next cycle, several between spaces; "": none. */
        char sync_digest[TS_PLAN_DIGESTS_MAX_BYTES];
        struct ts_buf paused;             /* why nothing is written */
        bool reloading;                   /* systemd was notified, and waits for the end */
        bool bus_failed;                  /* said once */
        bool watch_failed;                /* said once */
        struct ts_history_cycle last_end; /* the last one that was logged */
};

static int64_t now_of(const struct loop *l)
{
        return ts_clock_realtime(l->options->clock);
}

static void ask(struct loop *l, enum trigger trigger)
{
        l->triggers |= BIT(trigger);
}

static const char *trigger_name(unsigned triggers)
{
        for (enum trigger t = 0; t < TRIGGER_MAX_; t++)
                if (triggers & BIT(t))
                        return trigger_names[t];
        return "none";
}

/* ------------------------------------------------------------------------------------------ notifications */

static void emit_status(struct loop *l)
{
        TS_CLEANUP(ts_buf_done) struct ts_buf line = TS_BUF_INIT(4 * TS_TEXT_MAX_BYTES);

        ts_status_line(&l->status, now_of(l), &line);
        if (l->reloading && !(l->triggers & BIT(TRIGGER_RELOAD))) {
                ts_notify_ready(ts_buf_text(&line));
                l->reloading = false;
        } else {
                ts_notify_status(ts_buf_text(&line));
        }
        ts_bus_emit_status(l->bus);
}

static void save_history(struct loop *l)
{
        struct ts_err err = { 0 };

        if (ts_history_save(&l->state, l->history, &err) < 0)
                ts_log(LOG_ERR, "%s", err.msg);
}

/* ----------------------------------------------------------------------------------------------- handlers */

static int on_end_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        ts_notify_stopping("Stopping after the request in flight");
        ts_log(LOG_INFO, "%s: stopping after the request in flight", strsignal((int) si->ssi_signo));
        l->stop = true;
        return 0;
}

/* Notifies systemd at once of the start of a reload; the files are read from the main loop. */
static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) si;
        ts_notify_reloading("Reading settings and declarations");
        l->reloading = true;
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

/* Something is due: the main loop determines what. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) usec;
        l->timer_usec = UINT64_MAX;
        return 0;
}

static int on_boundary(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) usec;
        l->boundary_at = TS_TIME_NEVER;
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

        ts_history_json(l->history, n, out);
}

/* A running cycle has read its input already: the request is served by another cycle, whose number is fixed
 * now. */
static uint64_t next_number(struct loop *l)
{
        if (l->promised == 0)
                l->promised = ++l->status.n_begun;
        return l->promised;
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

/* Nothing is written while a pause is active. */
static void pause_runner(struct loop *l)
{
        const struct ts_pause *p = &l->history->pause;

        ts_buf_reset(&l->paused);
        if (ts_pause_is_active(p, now_of(l)))
                ts_buf_printf(&l->paused, "paused by %s until %s: %s", p->by, ts_pause_end(p).s, p->reason);
        ts_runner_pause(l->runner, l->paused.len > 0 ? ts_buf_text(&l->paused) : NULL);
}

static int host_pause(uint64_t usec, const char *by, const char *reason, int64_t *ret_until,
                      struct ts_err *err, void *userdata)
{
        struct loop *l = userdata;
        struct ts_pause *p = &l->history->pause;
        int r;

        r = ts_pause_begin(p, now_of(l), usec, by, reason, err);
        if (r < 0)
                return r;
        l->status.pause = *p;
        save_history(l);
        ts_journal_log(LOG_NOTICE, TS_EVENT_PAUSED, "TRUSTSYNC_PAUSED_BY", p->by, "paused by %s until %s: %s",
                       p->by, ts_time_format(p->until).s, p->reason);
        ask(l, TRIGGER_PAUSE);
        pause_runner(l); /* running turns stop writing too */
        *ret_until = p->until;
        emit_status(l);
        return 0;
}

static void end_pause(struct loop *l, const char *how)
{
        ts_journal_log(LOG_NOTICE, TS_EVENT_RESUMED, "TRUSTSYNC_PAUSED_BY", l->history->pause.by, "%s", how);
        l->history->pause = (struct ts_pause){ 0 };
        l->status.pause = l->history->pause;
        save_history(l);
        pause_runner(l);
}

static int host_resume(const char *by, struct ts_err *err, void *userdata)
{
        TS_CLEANUP(ts_freep) char *how = NULL;
        struct loop *l = userdata;
        char name[TS_HISTORY_WORD_BYTES];

        (void) err;
        if (l->history->pause.until == 0)
                return 0;
        ts_history_put_word(name, sizeof(name), by);
        if (asprintf(&how, "resumed by %s", name) < 0)
                ts_out_of_memory();
        end_pause(l, how);
        ask(l, TRIGGER_RESUME);
        emit_status(l);
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

/* A daemon without a timer would never wake: exiting, so that systemd restarts it, is better. */
static void fail(struct loop *l, const char *what, int r)
{
        ts_log(LOG_CRIT, "%s: %s", what, strerror(-r));
        l->stop = l->failed = true;
}

static void work(struct loop *l);

/* For active_config: waits while serving the event loop. */
static bool wait_usec(uint64_t usec, void *userdata)
{
        struct loop *l = userdata;
        sd_event_source *source = NULL;
        bool over = false;
        int r;

        r = sd_event_add_time_relative(l->event, &source, CLOCK_BOOTTIME, usec, 1, on_wait_over, &over);
        if (ts_check_memory(r) < 0)
                fail(l, "cannot set a timer", r);
        while (!over && !l->stop)
                work(l);
        sd_event_source_disable_unref(source);
        return !l->stop;
}

/* For active_config: watches the files that are read. */
static void watch_begin(enum ts_active_config_part part, void *userdata)
{
        const struct loop *l = userdata;

        ts_watch_begin(l->watch[part]);
}

static void watch_add(enum ts_active_config_part part, const char *directory, const char *name,
                      void *userdata)
{
        const struct loop *l = userdata;

        ts_watch_add(l->watch[part], directory, name);
}

static int watch_end(enum ts_active_config_part part, struct ts_err *err, void *userdata)
{
        const struct loop *l = userdata;

        return ts_watch_end(l->watch[part], err);
}

/* --------------------------------------------------------------------------------------- settings and git */

static void take_declarations(struct loop *l)
{
        const struct ts_declarations *d = l->active_config.declarations;
        struct ts_history_declarations *known = &l->history->declarations;
        bool as_before = known->since > 0 && memcmp(&known->hash, &d->content_hash, sizeof(known->hash)) == 0;

        ts_announce_declarations(d, as_before);
        if (!as_before)
                known->since = now_of(l);
        known->hash = d->content_hash;
        ts_history_put_word(known->revision, sizeof(known->revision), d->revision);
        save_history(l);
}

static void note_unwatched(struct loop *l)
{
        bool failed = l->active_config.unwatched != NULL;

        if (failed && !l->watch_failed)
                ts_log(LOG_WARNING, "%s", l->active_config.unwatched);
        l->watch_failed = failed;
}

/* Return: the flags of ts_active_config_refresh(). */
static unsigned refresh(struct loop *l, bool force)
{
        unsigned did;

        ts_journal_begin(l->journal, NULL);
        did = ts_active_config_refresh(&l->active_config, force);
        if ((did & TS_ACTIVE_CONFIG_SETTINGS) && !(did & TS_ACTIVE_CONFIG_DENY))
                ts_announce_settings(l->active_config.settings);
        if (did & TS_ACTIVE_CONFIG_DECLARATIONS)
                take_declarations(l);
        ts_announce_warnings(&l->active_config, did);
        ts_announce_faults(&l->active_config);
        ts_journal_end(l->journal, NULL, true);
        ts_status_note_active_config(&l->status, &l->active_config);
        if (!l->stop)
                note_unwatched(l);
        return did;
}

/* -------------------------------------------------------------------------------------------------- cycle */

/* A cycle that ends like the previous one and wrote nothing is logged only once an hour. */
static void emit_end(struct loop *l, const struct ts_cycle_result *result)
{
        const struct ts_history_cycle *now = &l->status.last;
        const struct ts_plan_summary *a = &now->summary, *b = &l->last_end.summary;
        bool is_news = l->last_end.last == 0 || now->writes > 0 ||
                       now->exit_status != l->last_end.exit_status ||
                       strcmp(now->revision, l->last_end.revision) != 0 ||
                       now->last - l->last_end.last >= END_AGAIN_SEC || now->last < l->last_end.last ||
                       strcmp(now->trigger, "timer") != 0 || a->add != b->add || a->change != b->change ||
                       a->remove != b->remove || a->held != b->held || a->waiting != b->waiting ||
                       a->failed != b->failed;

        if (!is_news)
                return;
        ts_cycle_result_log(result);
        l->last_end = *now;
}

/* A client that requested a cycle gets an error if files on disk are not in force, however the cycle ended.
 * Organizations that were not part of it count too. */
static int exit_status_of(const struct loop *l)
{
        return ts_status_exit_status(&l->status);
}

static void on_turn_begin(const char *alias, void *userdata)
{
        struct loop *l = userdata;

        ts_journal_begin(l->journal, alias);
}

static void on_turn(const struct ts_organization_result *result, const struct ts_report *report,
                    void *userdata)
{
        struct loop *l = userdata;

        ts_status_note_turn(&l->status, result);
        ts_publish_turn(&l->publish, result, report, now_of(l));
        ts_journal_end(l->journal, result->alias,
                       result->is_complete && result->exit_status != TS_EXIT_FAILURE &&
                                       result->exit_status != TS_EXIT_BUSY);
}

static void note_schedule(struct loop *l)
{
        ts_status_note_schedule(&l->status, ts_runner_get_schedule(l->runner), now_of(l),
                                ts_clock_boottime(l->options->clock));
}

/* The cycle was not completed: clients that wait for it are notified, and nothing is recorded. */
static void abandon_cycle(struct loop *l, uint64_t number, const char *why)
{
        ts_journal_log(LOG_INFO, TS_EVENT_CYCLE_STOPPED, "TRUSTSYNC_RESULT", "stopped", "%s", why);
        l->status.n_ended++;
        ts_bus_emit_cycle(l->bus, number, TS_EXIT_FAILURE, why);
}

static void on_end(const struct ts_cycle_result *result, uint64_t number, const char *trigger, bool is_cut,
                   void *userdata)
{
        struct loop *l = userdata;
        int exit_status;

        note_schedule(l);
        l->status.n_running--;
        if (is_cut) {
                abandon_cycle(l, number, "the cycle was cut short; the next one finishes its work");
                return;
        }
        exit_status = exit_status_of(l);
        ts_status_note_cycle(&l->status, result, number, trigger, exit_status);
        ts_history_add_cycle(l->history, &l->status.last);
        save_history(l);
        emit_end(l, result);
        ts_publish_cycle(&l->publish, result, &l->status, now_of(l));
        ts_bus_emit_cycle(l->bus, number, exit_status, l->status.outcome);
        emit_status(l);
        (void) malloc_trim(0); /* return the memory of the cycle to the system */
}

/* ----------------------------------------------------------------------------------------- between cycles */

/* Counts during suspend, and does not jump. */
static void arm(struct loop *l, sd_event_source **source, uint64_t usec, sd_event_time_handler_t handler)
{
        int r;

        *source = sd_event_source_disable_unref(*source);
        r = sd_event_add_time_relative(l->event, source, CLOCK_BOOTTIME, usec, 0, handler, l);
        if (ts_check_memory(r) < 0)
                fail(l, "cannot set a timer", r);
}

/* One timer, set to the earliest event. What is due but cannot begin yet waits for the end of a turn instead.
 */
static void arm_timer(struct loop *l)
{
        uint64_t now = ts_clock_boottime(l->options->clock), next = ts_runner_next_usec(l->runner);

        if (next <= now)
                next = UINT64_MAX;
        if (next == l->timer_usec)
                return;
        l->timer_usec = next;
        if (next == UINT64_MAX)
                l->timer = sd_event_source_disable_unref(l->timer);
        else
                arm(l, &l->timer, next - now, on_timer);
}

/* A wall-clock timer: the kernel also fires it when the clock is set past its time. */
static void arm_boundary(struct loop *l)
{
        int64_t at = ts_schedule_next_boundary(ts_runner_get_schedule(l->runner));
        int r;

        if (l->history->pause.until > 0 && l->history->pause.until < at)
                at = l->history->pause.until;
        if (at == l->boundary_at)
                return;
        l->boundary = sd_event_source_disable_unref(l->boundary);
        l->boundary_at = at;
        if (at == TS_TIME_NEVER)
                return;
        r = sd_event_add_time(l->event, &l->boundary, CLOCK_REALTIME,
                              (uint64_t) at * TS_USEC_PER_SEC + BOUNDARY_SLACK_USEC, 0, on_boundary, l);
        if (ts_check_memory(r) < 0)
                fail(l, "cannot set the timer of the next window", r);
}

/* A reviewed plan is requested once, and carried out by a cycle that runs alone. */
static const char *next_digest(struct loop *l)
{
        if (l->sync_digest[0] != '\0')
                ts_runner_signal_next_cycle(l->runner);
        return l->sync_digest;
}

static void begin_due(struct loop *l)
{
        bool is_asked = (l->reasons & (BIT(TRIGGER_SYNC) | BIT(TRIGGER_RELOAD))) || l->sync_digest[0] != '\0';
        uint64_t number = is_asked && l->promised > 0 ? l->promised : l->status.n_begun + 1;
        struct ts_err err = { 0 };
        const char *reason;
        int r;

        if (ts_runner_pass_boundaries(l->runner))
                l->reasons |= BIT(TRIGGER_BOUNDARY);
        reason = trigger_name(l->reasons ? l->reasons : BIT(TRIGGER_TIMER));
        r = ts_runner_begin(l->runner, number, reason, next_digest(l), &err);
        if (r == 0)
                return;
        l->reasons = 0;
        l->sync_digest[0] = '\0';
        if (number == l->promised)
                l->promised = 0;
        else
                l->status.n_begun = number;
        if (r > 0) {
                l->status.n_running++;
                emit_status(l);
                return;
        }
        ts_log(LOG_ERR, "%s", err.msg);
        abandon_cycle(l, number, "the cycle could not begin");
}

/* One step of everything except triggers: begins cycles, serves running ones, waits for an event. */
static void work(struct loop *l)
{
        int r = 0;

        if (l->stop)
                ts_runner_stop(l->runner);
        begin_due(l);
        note_schedule(l);
        arm_timer(l);
        arm_boundary(l);
        if (!ts_runner_is_idle(l->runner))
                ts_runner_step(l->runner);
        else if (!l->stop)
                r = sd_event_run(l->event, UINT64_MAX);
        if (ts_check_memory(r) < 0)
                fail(l, "the event loop failed", r);
}

static void expire_pause(struct loop *l)
{
        struct ts_pause *p = &l->history->pause;

        if (p->until > 0 && !ts_pause_is_active(p, now_of(l))) {
                end_pause(l, "the pause is over");
                ts_runner_ask_all(l->runner);
                l->reasons |= BIT(TRIGGER_BOUNDARY);
        }
}

static int on_bus_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct loop *l = userdata;

        (void) source;
        (void) usec;
        l->bus_timer = sd_event_source_disable_unref(l->bus_timer);
        return 0;
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
                l->bus_wait_usec = BUS_WAIT_MIN_USEC;
        } else if (!l->bus_failed) {
                l->bus_failed = true;
                ts_log(LOG_INFO, "%s", err.msg);
        }
}

/* Reconnects to a bus that went away, with increasing intervals. */
static void keep_bus(struct loop *l)
{
        if (l->bus_wait_usec == 0 || l->bus_timer || ts_bus_is_connected(l->bus))
                return;
        connect_bus(l);
        if (ts_bus_is_connected(l->bus))
                return;
        arm(l, &l->bus_timer, l->bus_wait_usec, on_bus_timer);
        if (l->bus_wait_usec < BUS_WAIT_MAX_USEC)
                l->bus_wait_usec *= 2;
}

/* Which organizations it concerns. A reload of unchanged files requests a cycle over everything. */
static void take_triggers(struct loop *l, unsigned triggers, unsigned did)
{
        const unsigned for_all = BIT(TRIGGER_SYNC) | BIT(TRIGGER_START) | BIT(TRIGGER_PAUSE) |
                                 BIT(TRIGGER_RESUME) | BIT(TRIGGER_SIGNAL);
        bool is_new = did & (TS_ACTIVE_CONFIG_SETTINGS | TS_ACTIVE_CONFIG_DECLARATIONS),
             is_reload = triggers & BIT(TRIGGER_RELOAD);

        if (is_new) {
                if (!l->settings || (did & TS_ACTIVE_CONFIG_SETTINGS)) {
                        ts_settings_free(l->settings);
                        l->settings = ts_settings_ref(l->active_config.settings);
                }
                ts_runner_set(l->runner, l->settings, l->active_config.declarations,
                              did & TS_ACTIVE_CONFIG_SETTINGS);
        }
        if (is_reload)
                ts_runner_cut(l->runner);
        if ((triggers & for_all) || (is_reload && !is_new))
                ts_runner_ask_all(l->runner);
        else if (is_reload)
                ts_runner_ask_failed(l->runner);
        if (is_new || triggers != BIT(TRIGGER_FILES))
                l->reasons |= triggers;
        ts_runner_signal_next_cycle(l->runner);
}

/* Handles all triggers. */
static void turn(struct loop *l)
{
        unsigned triggers = l->triggers, did;

        l->triggers = 0;
        connect_bus(l);
        did = refresh(l, triggers & BIT(TRIGGER_RELOAD));
        if (l->stop)
                return;
        if (l->active_config.n_not_in_force > 0 || l->active_config.unwatched)
                arm(l, &l->again, RECHECK_USEC, on_again);
        if (!(did & TS_ACTIVE_CONFIG_UNSETTLED))
                l->triggers &= ~BIT(TRIGGER_FILES); /* those changes have just been read */
        take_triggers(l, triggers, did);
        emit_status(l);
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

        if (ts_settings_check_chosen(l->active_config.settings, l->options->organizations,
                                     l->options->n_organizations, &err) >= 0)
                return 0;
        ts_log(LOG_ERR, "%s", err.msg);
        return TS_EXIT_USAGE;
}

/* Are the files faulty, or could they not be opened for lack of descriptors? */
static bool has_descriptors(void)
{
        TS_CLEANUP(ts_closep) int fd = open("/", O_PATH | O_CLOEXEC);

        return fd >= 0;
}

/* Return: an exit status; 0: settings are in force, declarations perhaps. */
static int begin(struct loop *l)
{
        struct ts_err err = { 0 };

        ts_state_directory_open(&l->state, l->options->state_path, true);
        if (ts_history_load(&l->state, l->history, now_of(l), &err) < 0) {
                ts_log(LOG_WARNING, "%s", err.msg);
                if (!has_descriptors()) { /* it may be as good as ever */
                        fail(l, "cannot begin", -EMFILE);
                        return 0;
                }
        }
        l->status.pause = l->history->pause;
        pause_runner(l);
        ts_publish_init(&l->publish, l->options->runtime_path, now_of(l));
        while (!l->active_config.settings && !l->stop) {
                unsigned did = refresh(l, false);

                if (l->active_config.settings_faults.n > 0 && !has_descriptors())
                        fail(l, "cannot read the settings", -EMFILE);
                else if (l->active_config.settings_faults.n > 0)
                        return TS_EXIT_SETTINGS;
                if (!l->stop && l->active_config.settings)
                        take_triggers(l, 0, did | TS_ACTIVE_CONFIG_SETTINGS);
        }
        return l->stop ? 0 : check_organizations(l);
}

static int run(struct loop *l)
{
        int status = begin(l);

        if (status != 0)
                return status;
        connect_bus(l);
        ts_journal_log(LOG_INFO, TS_EVENT_STARTED, NULL, NULL, "trustsyncd %s started", PACKAGE_VERSION);
        l->reloading = true; /* READY=1 with the first status */
        emit_status(l);
        l->reasons |= BIT(TRIGGER_START);
        while (!l->stop || !ts_runner_is_idle(l->runner)) {
                expire_pause(l);
                keep_bus(l);
                if (l->triggers && !l->stop)
                        turn(l);
                work(l);
        }
        return 0;
}

static void done(struct loop *l)
{
        ts_bus_free(l->bus);
        for (size_t i = 0; i < TS_PART_MAX_; i++)
                ts_watch_free(l->watch[i]);
        ts_runner_free(l->runner);
        ts_settings_free(l->settings);
        ts_active_config_done(&l->active_config);
        ts_history_free(l->history);
        ts_status_done(&l->status);
        ts_publish_done(&l->publish);
        ts_buf_done(&l->paused);
        ts_state_directory_close(&l->state);
        sd_event_source_disable_unref(l->timer);
        sd_event_source_disable_unref(l->boundary);
        sd_event_source_disable_unref(l->again);
        sd_event_source_disable_unref(l->bus_timer);
        sd_event_unref(l->event);
}

/* As many descriptors as the bounds of util/limits.h need, where we may have them. The unit says so, too:
 * there the system call is not allowed. */
static void raise_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= TS_DESCRIPTORS_MAX)
                return;
        limit.rlim_cur = limit.rlim_max < TS_DESCRIPTORS_MAX ? limit.rlim_max : TS_DESCRIPTORS_MAX;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

static struct ts_runner *new_runner(struct loop *l)
{
        const struct ts_daemon_options *o = l->options;

        return ts_runner_new(&(struct ts_runner_options){
                        .event = l->event,
                        .clock = o->clock,
                        .credentials_directory = o->credentials_directory,
                        .state_path = o->state_path,
                        .organizations = o->organizations,
                        .n_organizations = o->n_organizations,
                        .host = { on_turn_begin, on_turn, on_end },
                        .userdata = l,
        });
}

int ts_daemon_run(const struct ts_daemon_options *options)
{
        struct loop l = {
                .options = options,
                .timer_usec = UINT64_MAX,
                .boundary_at = TS_TIME_NEVER,
                .paused = TS_BUF_INIT(2 * TS_TEXT_MAX_BYTES),
        };
        TS_CLEANUP(ts_journal_freep) struct ts_journal *journal = ts_journal_new(options->clock, NULL, NULL);
        int status = TS_EXIT_FAILURE;

        l.journal = journal;
        l.history = ts_history_new();
        l.active_config = (struct ts_active_config){
                .config = options->config,
                .trusts_option = options->trusts,
                .places = { options->credentials_directory, options->state_path },
                .host = { watch_begin, watch_add, watch_end, wait_usec, host_now, &l },
        };
        raise_descriptors();
        if (set_up(&l) >= 0) {
                for (size_t i = 0; i < TS_PART_MAX_; i++)
                        l.watch[i] = ts_watch_new(l.event, on_files_changed, &l);
                l.runner = new_runner(&l);
                status = run(&l);
                status = status == 0 && l.failed ? TS_EXIT_FAILURE : status;
        }
        ts_journal_log(LOG_INFO, TS_EVENT_STOPPED, NULL, NULL, "trustsyncd ended with status %d", status);
        done(&l);
        return status;
}
