/*
 * client - asks the running daemon over D-Bus
 *
 * Blocks, as a command may. Every failure is said to a person, with what to do.
 */
#ifndef TS_CTL_CLIENT_H
#define TS_CTL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

struct ts_ctl;

int ts_ctl_connect(struct ts_ctl **ret, struct ts_err *err) TS_MUST_CHECK;
void ts_ctl_free(struct ts_ctl *c); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_ctl, ts_ctl_free)

/* JSON texts; the caller frees them. */
int ts_ctl_status(struct ts_ctl *c, char **ret, struct ts_err *err) TS_MUST_CHECK;
int ts_ctl_history(struct ts_ctl *c, uint32_t n, char **ret, struct ts_err *err) TS_MUST_CHECK;

int ts_ctl_pause(struct ts_ctl *c, uint64_t usec, const char *by, const char *reason, int64_t *ret_until,
                 struct ts_err *err) TS_MUST_CHECK;
int ts_ctl_resume(struct ts_ctl *c, const char *by, struct ts_err *err) TS_MUST_CHECK;

/* Starts a cycle and waits for its end. @digest "": none. @ret_outcome: its last line, the caller frees
 * it. */
int ts_ctl_sync(struct ts_ctl *c, const char *digest, int *ret_exit_status, char **ret_outcome,
                struct ts_err *err) TS_MUST_CHECK;

#endif
