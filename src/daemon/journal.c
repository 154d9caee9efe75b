#include "daemon/journal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/events.h"
#include "util/buf.h"
#include "util/journald.h"
#include "util/limits.h"
#include "util/map.h"
#include "util/mem.h"

#define AGAIN_SEC (24 * 60 * 60)
#define FAILURE_AGAIN_SEC (60 * 60)
#define LOGGED_MAX_BYTES 512u

/* Findings: what holds for a while. Everything else happens once. */
static const char *const findings[] = {
        TS_EVENT_CHANGE_FAILED,
        TS_EVENT_PLANNED,
        TS_EVENT_HELD,
        TS_EVENT_WAITING,
        TS_EVENT_UNLISTED,
        TS_EVENT_DRIFT,
        TS_EVENT_REFUSED,
        TS_EVENT_ORGANIZATION_FAILED,
        TS_EVENT_FIGHT,
        TS_EVENT_WARNING,
        TS_EVENT_UNREAD,
        TS_EVENT_UNMANAGED,
        TS_EVENT_ENDS,
        TS_EVENT_NOT_IN_FORCE,
        TS_EVENT_MORE,
        TS_EVENT_DECLARATIONS_FAULTY,
        TS_EVENT_SETTINGS_FAULTY,
};

/* Fields that differ in each cycle, and say nothing new. */
static const char *const passing_fields[] = { "TRUSTSYNC_CYCLE", "TRUSTSYNC_CORRELATION_ID",
                                              "TRUSTSYNC_REQUESTS" };

struct finding {
        struct ts_digest key;
        int64_t first, logged;
        uint32_t n_total; /* cycles it was found in */
        bool found;       /* in this cycle */
        bool is_failure;
        char *organization; /* whose; NULL: of none */
        char *message;      /* of a failure or refusal, to say when it is over; NULL */
};

struct ts_journal {
        const struct ts_clock *clock;
        ts_log_sink inner;
        void *userdata;
        struct finding *items;
        size_t n, n_allocated;
        struct ts_map index; /* key -> index; keys are borrowed from @keys */
        struct ts_arena keys;
};

static void stderr_sink(const struct ts_log_entry *e, void *userdata)
{
        (void) userdata;
        if (ts_log_enabled(e->priority))
                ts_log_stderr(e);
}

/* ----------------------------------------------------------------------------------------------- findings */

static bool is_one_of(const char *text, const char *const *texts, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(text, texts[i]) == 0)
                        return true;
        return false;
}

/* Failures, whose reasons come with what differs each time. */
static bool is_failure(const char *message_id)
{
        return strcmp(message_id, TS_EVENT_ORGANIZATION_FAILED) == 0 ||
               strcmp(message_id, TS_EVENT_CHANGE_FAILED) == 0;
}

static bool is_word(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '_';
}

/* What makes a finding the same one again: its message without the correlation id, which may be any text.
 * With
 * @has_passing_words (a failure) also without words that have a digit (milliseconds, ports, ids of requests):
 * whom it is about is in the fields. */
static void hash_essence(struct ts_sha256 *hash, const char *text, bool has_passing_words)
{
        static const char correlation[] = "(correlation id ";
        size_t len;

        for (; *text; text += len) {
                if (strncmp(text, correlation, strlen(correlation)) == 0) {
                        len = strcspn(text, ")");
                        continue;
                }
                for (len = 0; is_word(text[len]); len++)
                        ;
                if (len == 0)
                        ts_sha256_put(hash, text, len = 1);
                else if (!has_passing_words || strcspn(text, "0123456789") >= len)
                        ts_sha256_put(hash, text, len);
        }
}

static struct ts_digest key_of(const struct ts_log_entry *e)
{
        struct ts_sha256 *hash = ts_sha256_new();

        ts_sha256_put(hash, e->message_id, strlen(e->message_id) + 1);
        hash_essence(hash, e->message, is_failure(e->message_id));
        for (size_t i = 0; i < e->n_fields; i++) {
                const struct ts_log_field *f = &e->fields[i];

                if (!f->value || is_one_of(f->name, passing_fields, TS_N_ELEMENTS(passing_fields)))
                        continue;
                ts_sha256_put(hash, f->name, strlen(f->name) + 1);
                ts_sha256_put(hash, f->value, strlen(f->value) + 1);
        }
        return ts_sha256_finish(hash);
}

static const char *organization_of(const struct ts_log_entry *e)
{
        for (size_t i = 0; i < e->n_fields; i++)
                if (strcmp(e->fields[i].name, "TRUSTSYNC_ORGANIZATION") == 0)
                        return e->fields[i].value;
        return NULL;
}

static bool is_of(const struct finding *f, const char *organization)
{
        if (!f->organization || !organization)
                return f->organization == organization;
        return strcmp(f->organization, organization) == 0;
}

static struct finding *find(struct ts_journal *j, const struct ts_digest *key)
{
        uint32_t i = ts_map_get(&j->index, key->bytes, sizeof(key->bytes));

        return i == TS_MAP_NONE ? NULL : &j->items[i];
}

static void keep_finding(struct ts_journal *j, const struct ts_log_entry *e, const struct ts_digest *key,
                         int64_t now)
{
        const char *organization = organization_of(e);
        struct ts_digest *kept;

        if (j->n >= TS_REPEATED_MAX)
                return;
        TS_GROW(j->items, j->n_allocated, j->n);
        j->items[j->n] = (struct finding){
                .key = *key,
                .first = now,
                .logged = now,
                .n_total = 1,
                .found = true,
                .is_failure = is_failure(e->message_id),
                .organization = organization ? ts_strdup(organization) : NULL,
        };
        if (e->priority <= LOG_ERR)
                j->items[j->n].message = ts_strndup(e->message, LOGGED_MAX_BYTES);
        kept = ts_arena_memdup(&j->keys, key, sizeof(*key));
        ts_map_add(&j->index, kept->bytes, sizeof(kept->bytes), (uint32_t) j->n);
        j->n++;
}

/* Says a finding of old once more, with how often it was found. */
static void log_again(const struct ts_journal *j, const struct ts_log_entry *e, const struct finding *f)
{
        TS_CLEANUP(ts_freep) struct ts_log_field *fields = ts_calloc(e->n_fields + 1, sizeof(*fields));
        TS_CLEANUP(ts_buf_done) struct ts_buf message = TS_BUF_INIT(1024 * 1024);
        struct ts_log_entry again = *e;
        char count[16];

        if (e->n_fields > 0)
                memcpy(fields, e->fields, e->n_fields * sizeof(*fields));
        (void) snprintf(count, sizeof(count), "%" PRIu32, f->n_total);
        fields[e->n_fields] = (struct ts_log_field){ "TRUSTSYNC_REPEATED", count };
        ts_buf_printf(&message, "%s (found in %s cycles since %s)", e->message, count,
                      ts_time_format(f->first).s);
        again.message = ts_buf_text(&message);
        again.fields = fields;
        again.n_fields = e->n_fields + 1;
        j->inner(&again, j->userdata);
}

static void on_entry(const struct ts_log_entry *e, void *userdata)
{
        struct ts_journal *j = userdata;
        int64_t now = ts_clock_realtime(j->clock);
        struct finding *f;
        struct ts_digest key;

        if (!e->message_id || !is_one_of(e->message_id, findings, TS_N_ELEMENTS(findings))) {
                j->inner(e, j->userdata);
                return;
        }
        key = key_of(e);
        f = find(j, &key);
        if (!f) {
                keep_finding(j, e, &key, now);
                j->inner(e, j->userdata);
                return;
        }
        if (!f->found)
                f->n_total++;
        f->found = true;
        if (now - f->logged < (f->is_failure ? FAILURE_AGAIN_SEC : AGAIN_SEC) && now >= f->logged)
                return;
        log_again(j, e, f);
        f->logged = now;
}

struct ts_journal *ts_journal_new(const struct ts_clock *clock, ts_log_sink inner, void *inner_userdata)
{
        struct ts_journal *j = ts_calloc(1, sizeof(*j));

        j->clock = clock;
        j->inner = inner ? inner : ts_journald_is_ours() ? ts_journald_sink : stderr_sink;
        j->userdata = inner_userdata;
        ts_log_set_sink(on_entry, j);
        return j;
}

static void finding_done(struct finding *f)
{
        free(f->message);
        free(f->organization);
        f->message = f->organization = NULL;
}

void ts_journal_free(struct ts_journal *j)
{
        if (!j)
                return;
        ts_log_set_sink(NULL, NULL);
        for (size_t i = 0; i < j->n; i++)
                finding_done(&j->items[i]);
        free(j->items);
        ts_map_done(&j->index);
        ts_arena_done(&j->keys);
        free(j);
}

void ts_journal_begin(struct ts_journal *j, const char *organization)
{
        for (size_t i = 0; i < j->n; i++)
                if (is_of(&j->items[i], organization))
                        j->items[i].found = false;
}

static bool is_over(const struct finding *f, const char *organization)
{
        return !f->found && is_of(f, organization);
}

static bool is_any_over(const struct ts_journal *j, const char *organization)
{
        for (size_t i = 0; i < j->n; i++)
                if (is_over(&j->items[i], organization))
                        return true;
        return false;
}

static void log_over(const struct finding *f)
{
        char count[16];

        (void) snprintf(count, sizeof(count), "%" PRIu32, f->n_total);
        ts_journal_log(LOG_INFO, TS_EVENT_OVER, "TRUSTSYNC_REPEATED", count, "over, since %s in %s %s: %s",
                       ts_time_format(f->first).s, count, f->n_total == 1 ? "cycle" : "cycles", f->message);
}

void ts_journal_end(struct ts_journal *j, const char *organization, bool complete)
{
        size_t kept = 0;

        if (!complete || !is_any_over(j, organization))
                return;
        ts_map_done(&j->index);
        ts_arena_done(&j->keys);
        for (size_t i = 0; i < j->n; i++) {
                struct finding *f = &j->items[i];
                struct ts_digest *key;

                if (is_over(f, organization)) {
                        if (f->message)
                                log_over(f);
                        finding_done(f);
                        continue;
                }
                key = ts_arena_memdup(&j->keys, &f->key, sizeof(f->key));
                ts_map_add(&j->index, key->bytes, sizeof(key->bytes), (uint32_t) kept);
                j->items[kept++] = *f;
        }
        j->n = kept;
}

void ts_journal_log(int priority, const char *message_id, const char *name, const char *value,
                    const char *fmt, ...)
{
        TS_CLEANUP(ts_freep) char *message = NULL;
        struct ts_log_field f = { name, value };
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&message, fmt, ap);
        va_end(ap);
        if (n < 0)
                ts_out_of_memory();
        ts_log_entry(&(struct ts_log_entry){
                        .priority = priority,
                        .message_id = message_id,
                        .message = message,
                        .fields = &f,
                        .n_fields = name ? 1 : 0,
        });
}
