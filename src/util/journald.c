#include "util/journald.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* the place that writes them all says nothing */
#include <systemd/sd-journal.h>

#include "util/arena.h"
#include "util/mem.h"

#define FIELDS_MAX 1024u /* of one entry; the journal's own limit */

bool ts_journald_is_ours(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static struct iovec field(struct ts_arena *arena, const char *name, const char *value)
{
        char *text = ts_arena_printf(arena, "%s=%s", name, value);

        return (struct iovec){ text, strlen(text) };
}

void ts_journald_sink(const struct ts_log_entry *e, void *userdata)
{
        struct ts_arena arena = TS_ARENA_INIT;
        size_t n_max = e->n_fields + 4, n = 0;
        struct iovec *iov = TS_ARENA_ARRAY(&arena, struct iovec, n_max);
        char priority[2] = { (char) ('0' + (e->priority & LOG_PRIMASK)), '\0' };

        (void) userdata;
        if (!e->message_id && !ts_log_enabled(e->priority)) {
                ts_arena_done(&arena);
                return;
        }
        iov[n++] = field(&arena, "MESSAGE", e->message);
        iov[n++] = field(&arena, "PRIORITY", priority);
        iov[n++] = field(&arena, "SYSLOG_IDENTIFIER", "trustsyncd");
        if (e->message_id)
                iov[n++] = field(&arena, "MESSAGE_ID", e->message_id);
        for (size_t i = 0; i < e->n_fields && n < FIELDS_MAX; i++)
                if (e->fields[i].value)
                        iov[n++] = field(&arena, e->fields[i].name, e->fields[i].value);
        (void) ts_check_memory(sd_journal_sendv(iov, (int) n)); /* one that is gone is systemd's business */
        ts_arena_done(&arena);
}
