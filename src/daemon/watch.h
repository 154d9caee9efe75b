/*
 * watch - calls back when files may have changed
 *
 * inotify on an event loop, for the names that config/config_files.h finds. A callback is only a hint to
 * check the files, and may be spurious. What cannot be watched (the kernel's limit, ours, a network file
 * system) has to be polled. Limits: TS_WATCHES_MAX directories, TS_WATCHED_NAMES_MAX names.
 */
#ifndef TS_DAEMON_WATCH_H
#define TS_DAEMON_WATCH_H

#include <systemd/sd-event.h>

#include "util/err.h"

struct ts_watch;

/* @on_change: called from the loop, at most once for all events that wait together. @loop is referenced. */
struct ts_watch *ts_watch_new(sd_event *loop, void (*on_change)(void *userdata), void *userdata) TS_MUST_CHECK
                __attribute__((returns_nonnull));
void ts_watch_free(struct ts_watch *w); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_watch, ts_watch_free)

/*
 * ts_watch_begin, ts_watch_add, ts_watch_end - watch these names and nothing else
 *
 * Each name is added before it is read, so that no change in between is missed. @directory: absolute, without
 * links;
 * @name: NULL: every visible one. A directory that is not there is no failure.
 *
 * ts_watch_end() returns 0; negative when something cannot be watched: what can be is watched, and @err says
 * what is not and why.
 */
void ts_watch_begin(struct ts_watch *w);
void ts_watch_add(struct ts_watch *w, const char *directory, const char *name);
int ts_watch_end(struct ts_watch *w, struct ts_err *err) TS_MUST_CHECK;

#endif
