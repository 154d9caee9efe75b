/*
 * watch - tells when files may have changed
 *
 * inotify on an event loop. It watches each path's own name, every symlink on the way to it (a swap of any of
 * them is seen), and, when it is a directory, everything visible below it. What it says is "look again": it
 * may say so for nothing, and when the kernel has no watch left it says nothing at all: the interval is there
 * for that. Limits: TS_WATCHES_MAX directories.
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
 * ts_watch_set - watches these paths and nothing else; to be called before each look, so that no change falls
 * between
 *
 * Return: 0; negative when something cannot be watched (-ENOSPC: the kernel's limit, -E2BIG: ours): what can
 * be is watched. A path that is not there is no failure: its coming is seen.
 */
int ts_watch_set(struct ts_watch *w, const char *const *paths, size_t n, struct ts_err *err) TS_MUST_CHECK;

#endif
