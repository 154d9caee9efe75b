/*
 * history - what the daemon records about itself: the pause, the last good declarations, past cycles
 *
 * A value, and one file of the state directory (format: reconcile/state_file.h). Bounded: TS_HISTORY_MAX rows
 * of history; cycles in a row that ended alike and changed nothing share one. If it is lost, the history is
 * lost, and the daemon is paused until an administrator resumes it, because a pause may have been lost too.
 */
#ifndef TS_DAEMON_HISTORY_H
#define TS_DAEMON_HISTORY_H

#include "reconcile/state_directory.h"
#include "trust/plan.h"
#include "util/limits.h"
#include "util/sha256.h"

#define TS_HISTORY_WORD_BYTES 72 /* an alias, a revision, a user name: cut to this */

struct ts_pause {
        int64_t since, until; /* until 0: not paused; TS_TIME_NEVER: until somebody resumes */
        char by[TS_HISTORY_WORD_BYTES];
        char reason[TS_PAUSE_REASON_MAX_BYTES + 1];
};

struct ts_history_declarations {
        int64_t since; /* in force since; 0: none ever were */
        struct ts_digest hash;
        char revision[TS_HISTORY_WORD_BYTES];
};

struct ts_history_cycle {
        int64_t first, last; /* when the first and the last of them ended */
        uint32_t n;          /* cycles in a row that ended alike */
        char id[17];         /* of the last one, TRUSTSYNC_CYCLE */
        char trigger[16];    /* of the last one */
        char revision[TS_HISTORY_WORD_BYTES];
        int exit_status;
        bool applied; /* at least one organization was written to, or might have been */
        struct ts_plan_summary summary;
        uint64_t requests, writes, duration_usec; /* of the last one */
};

struct ts_history {
        struct ts_pause pause;
        struct ts_history_declarations declarations;
        bool is_newer;                   /* the file is of a version after this one, and is not replaced */
        struct ts_history_cycle *cycles; /* oldest first */
        size_t n_cycles, n_allocated;
};

struct ts_history *ts_history_new(void) TS_MUST_CHECK __attribute__((returns_nonnull));
void ts_history_free(struct ts_history *r); /* NULL is fine */
TS_DEFINE_CLEANUP(struct ts_history, ts_history_free)

/* Return: 0; -EINVAL: no such time: @err says which there are. */
int ts_pause_begin(struct ts_pause *p, int64_t now, uint64_t usec, const char *by, const char *reason,
                   struct ts_err *err) TS_MUST_CHECK;
bool ts_pause_is_active(const struct ts_pause *p, int64_t now);
struct ts_time_text ts_pause_end(const struct ts_pause *p); /* for people */

/* Adds @c to the history, or to its last row. first and n are filled in here. */
void ts_history_add_cycle(struct ts_history *r, const struct ts_history_cycle *c);

/* Makes a text one word (spaces become '_') or one line that fits; control and other unfit characters are
 * escaped. */
void ts_history_put_word(char *ret, size_t size, const char *text);
void ts_history_put_line(char *ret, size_t size, const char *text);

void ts_history_format(const struct ts_history *r, struct ts_buf *out);
/* Return: 0; -EBADMSG: damaged, -ENOTSUP: of a newer version, @r is then as new. */
int ts_history_parse(const char *text, size_t len, struct ts_history *r) TS_MUST_CHECK;

/* Return: 0, also when there is no file yet; negative: it cannot be read: @r is then as new, but for a pause
 * from
 * @now on that only a person ends. A damaged file is kept beside it. */
int ts_history_load(const struct ts_state_directory *dir, struct ts_history *r, int64_t now,
                    struct ts_err *err) TS_MUST_CHECK;
int ts_history_save(const struct ts_state_directory *dir, const struct ts_history *r,
                    struct ts_err *err) TS_MUST_CHECK;

/* The last @n rows, newest first, as {"format_version": 1, "cycles": [...]}. */
void ts_history_json(const struct ts_history *r, size_t n, struct ts_buf *out);

#endif
