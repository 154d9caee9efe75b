#include "daemon/active_config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_files.h"
#include "config/path_trace.h"
#include "config/work_tree.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/timefmt.h"

static void lines_done(struct ts_fault_lines *l)
{
        ts_arena_done(&l->arena);
        *l = (struct ts_fault_lines){ .n = 0 };
}

void ts_active_config_done(struct ts_active_config *s)
{
        for (enum ts_active_config_part p = 0; p < TS_PART_MAX_; p++) {
                lines_done(&s->warnings[p]);
                free(s->seen[p].lock);
        }
        lines_done(&s->settings_faults);
        lines_done(&s->declarations_faults);
        ts_declarations_free(s->declarations);
        ts_settings_free(s->settings);
        ts_buf_done(&s->settings_text);
        free(s->trusts);
        ts_arena_done(&s->not_in_force_arena);
        *s = (struct ts_active_config){ .config = NULL };
}

/* ------------------------------------------------------------------------------------------------- faults */

static void keep_lines(struct ts_fault_lines *l, const struct ts_faults *faults, bool warnings)
{
        lines_done(l);
        if (warnings && !ts_faults_has(faults, TS_FAULT_WARNING))
                return;
        l->items = TS_ARENA_ARRAY(&l->arena, const char *, TS_FAULT_LINES_MAX);
        for (size_t i = 0; i < faults->n; i++) {
                if ((faults->items[i].cls == TS_FAULT_WARNING) != warnings)
                        continue;
                if (l->n < TS_FAULT_LINES_MAX)
                        l->items[l->n++] = ts_fault_line(&l->arena, &faults->items[i]);
                l->total++;
        }
        if (l->n == 0 && !warnings) { /* it failed without saying why: that must not look like success */
                l->items[l->n++] = "cannot be read";
                l->total = 1;
        }
}

/* ------------------------------------------------------------------------------------------- not in force */

const char *ts_not_in_force_reason_to_string(enum ts_not_in_force_reason r)
{
        static const char *const words[] = {
                [TS_NOT_IN_FORCE_FAULTY] = "faulty",
                [TS_NOT_IN_FORCE_LOCKED] = "locked",
                [TS_NOT_IN_FORCE_UNSETTLED] = "unsettled",
        };

        return words[r];
}

static const char *const part_names[] = {
        [TS_PART_SETTINGS] = "settings",
        [TS_PART_DECLARATIONS] = "declarations",
};

/* Why what is on disk is not in force. */
static const char *text_of(struct ts_arena *a, const struct ts_active_config_seen *seen,
                           const struct ts_fault_lines *faults, enum ts_active_config_part part)
{
        const char *deny =
                        part == TS_PART_SETTINGS ? "; of the settings only additions to deny are taken" : "";

        if (!seen->held)
                return faults->total > 1 ? ts_arena_printf(a, "%s (and %zu more)", faults->items[0],
                                                           faults->total - 1)
                                         : faults->items[0];
        if (seen->held_reason == TS_NOT_IN_FORCE_UNSETTLED)
                return "two reads in a row differ: somebody is writing there";
        return ts_arena_printf(
                        a,
                        "%s is there since %s: a git command runs, or was killed; when none runs, remove the "
                        "file%s",
                        seen->lock, ts_time_format(seen->lock_since).s, deny);
}

static void note_part(struct ts_active_config *s, const struct ts_active_config *old,
                      enum ts_active_config_part part)
{
        const struct ts_fault_lines *faults =
                        part == TS_PART_SETTINGS ? &s->settings_faults : &s->declarations_faults;
        const struct ts_active_config_seen *seen = &s->seen[part];
        struct ts_not_in_force *n = &s->not_in_force[s->n_not_in_force];
        const char *path = part == TS_PART_SETTINGS || !s->trusts ? s->config : s->trusts;
        struct ts_arena *a = &s->not_in_force_arena;

        if (!seen->held && faults->n == 0)
                return;
        s->n_not_in_force++;
        *n = (struct ts_not_in_force){
                .what = part_names[part],
                .reason = seen->held ? seen->held_reason : TS_NOT_IN_FORCE_FAULTY,
                .since = s->host.now(s->host.userdata),
                .path = ts_arena_strdup(a, seen->held && seen->lock ? seen->lock : path),
        };
        for (size_t i = 0; i < old->n_not_in_force; i++)
                if (strcmp(old->not_in_force[i].what, n->what) == 0)
                        n->since = old->not_in_force[i].since;
        n->text = ts_arena_printf(a, "%s on disk are not in force since %s: %s", n->what,
                                  ts_time_format(n->since).s, text_of(a, seen, faults, part));
}

static void note_not_in_force(struct ts_active_config *s)
{
        struct ts_active_config old = { .n_not_in_force = s->n_not_in_force };

        memcpy(old.not_in_force, s->not_in_force, sizeof(old.not_in_force));
        s->n_not_in_force = 0;
        ts_arena_done(&s->not_in_force_arena);
        s->unwatched = NULL;
        for (enum ts_active_config_part p = 0; p < TS_PART_MAX_; p++) {
                note_part(s, &old, p);
                if (s->seen[p].unwatched.cls != TS_ERR_NONE && !s->unwatched)
                        s->unwatched = s->seen[p].unwatched.msg;
        }
}

static void hold(struct ts_active_config_seen *seen, const char *lock, int64_t lock_since)
{
        free(seen->lock);
        seen->lock = lock ? ts_strdup(lock) : NULL;
        seen->lock_since = lock_since;
        seen->held = true;
        seen->held_reason = lock ? TS_NOT_IN_FORCE_LOCKED : TS_NOT_IN_FORCE_UNSETTLED;
}

static void note_parsed(struct ts_active_config_seen *seen, const struct ts_digest *fingerprint)
{
        seen->fingerprint = *fingerprint;
        seen->has_fingerprint = true;
        seen->held = false;
}

static bool is_equal(const struct ts_digest *a, const struct ts_digest *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool is_seen(const struct ts_active_config_seen *seen, const struct ts_digest *fingerprint)
{
        return seen->has_fingerprint && is_equal(&seen->fingerprint, fingerprint);
}

/* A lock that is older than any checkout is not waited for. */
static bool is_stale(const struct ts_active_config *s, int64_t lock_since)
{
        return s->host.now(s->host.userdata) - lock_since > TS_LOCK_STALE_SEC;
}

/* One part while its names are found. */
struct watching {
        const struct ts_active_config *s;
        enum ts_active_config_part part;
};

static void on_name(const char *directory, const char *name, void *userdata)
{
        const struct watching *w = userdata;

        w->s->host.watch_add(w->part, directory, name, w->s->host.userdata);
}

static void end_watching(struct ts_active_config *s, enum ts_active_config_part part)
{
        struct ts_err err = { 0 };

        (void) s->host.watch_end(part, &err, s->host.userdata); /* @err says the same */
        s->seen[part].unwatched = err;
}

/* ----------------------------------------------------------------------------------------------- settings */

/* The bytes of the settings, and what they are known by: also when they cannot be read. */
static struct ts_digest read_settings(const struct ts_active_config *s, struct ts_faults *faults,
                                      struct ts_buf *text)
{
        struct ts_sha256 *hash = ts_sha256_new();
        int r = ts_settings_read(s->config, faults, text);

        ts_sha256_put(hash, &r, sizeof(r));
        ts_sha256_put(hash, ts_buf_text(text), text->len);
        return ts_sha256_finish(hash);
}

static struct ts_digest fingerprint_settings(struct ts_active_config *s, struct ts_arena *arena,
                                             struct ts_work_tree *tree)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_YAML_MAX_BYTES);
        struct watching w = { s, TS_PART_SETTINGS };
        struct ts_digest fingerprint;

        s->host.watch_begin(TS_PART_SETTINGS, s->host.userdata);
        ts_path_trace(s->config, on_name, &w);
        ts_work_tree_find_file(s->config, arena, tree);
        if (ts_work_tree_is_locked(tree, NULL))
                ts_path_trace(tree->lock, on_name, &w);
        fingerprint = read_settings(s, &faults, &text);
        end_watching(s, TS_PART_SETTINGS);
        return fingerprint;
}

/* Takes only the additions to `deny` from settings that may be incomplete. Borrowers of those in force are
 * not affected. */
static unsigned take_deny(struct ts_active_config *s, const struct ts_settings *settings)
{
        TS_CLEANUP(ts_faults_done) struct ts_faults unheeded = TS_FAULTS_INIT;
        TS_CLEANUP(ts_settings_freep) struct ts_settings *more = NULL;

        s->seen[TS_PART_SETTINGS].partial = true;
        if (ts_settings_parse(s->config, &s->settings_text, &unheeded, &more) < 0)
                return 0;                               /* cannot be: it was good before */
        (void) ts_settings_add_deny(more, s->settings); /* what an earlier look added */
        if (!ts_settings_add_deny(more, settings))
                return 0;
        ts_settings_free(s->settings);
        s->settings = TS_TAKE(more);
        s->n_taken++;
        return TS_ACTIVE_CONFIG_SETTINGS | TS_ACTIVE_CONFIG_DENY;
}

static unsigned take_settings(struct ts_active_config *s, struct ts_settings **settings, struct ts_buf *text,
                              bool is_other)
{
        struct ts_active_config_seen *seen = &s->seen[TS_PART_SETTINGS];
        unsigned did = s->settings_faults.n > 0 || is_other ? TS_ACTIVE_CONFIG_SETTINGS : 0;

        ts_settings_free(s->settings);
        s->settings = TS_TAKE(*settings);
        ts_buf_done(&s->settings_text);
        s->settings_text = *text;
        *text = (struct ts_buf) TS_BUF_INIT(TS_YAML_MAX_BYTES);
        s->n_taken++;
        seen->partial = false;
        lines_done(&s->settings_faults);
        return did;
}

static unsigned parse_settings(struct ts_active_config *s, struct ts_buf *text, struct ts_faults *faults,
                               const struct ts_digest *fingerprint, const char *lock, int64_t lock_since)
{
        struct ts_active_config_seen *seen = &s->seen[TS_PART_SETTINGS];
        TS_CLEANUP(ts_settings_freep) struct ts_settings *settings = NULL;
        bool is_other = !is_seen(seen, fingerprint) || seen->partial;
        unsigned did;

        if (faults->n_errors == 0 && ts_settings_parse(s->config, text, faults, &settings) < 0)
                settings = NULL;
        note_parsed(seen, fingerprint);
        if (!settings) {
                keep_lines(&s->settings_faults, faults, false);
                return TS_ACTIVE_CONFIG_SETTINGS_FAULTY;
        }
        if (lock && s->settings && is_other) {
                did = take_deny(s, settings);
                hold(seen, lock, lock_since);
                return did | TS_ACTIVE_CONFIG_UNSETTLED;
        }
        did = take_settings(s, &settings, text, is_other);
        keep_lines(&s->warnings[TS_PART_SETTINGS], faults, true);
        return did;
}

/* Is there a reason to wait for the end of a git command before the first settings are taken? */
static bool waits_for_lock(const struct ts_active_config *s, bool locked, int64_t since, unsigned i)
{
        return locked && !s->settings && !is_stale(s, since) && i + 1 < TS_SETTLE_TRIES;
}

static unsigned refresh_settings(struct ts_active_config *s, bool force)
{
        struct ts_active_config_seen *seen = &s->seen[TS_PART_SETTINGS];

        for (unsigned i = 0; i < TS_SETTLE_TRIES; i++) {
                TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
                TS_CLEANUP(ts_buf_done) struct ts_buf text = TS_BUF_INIT(TS_YAML_MAX_BYTES);
                TS_CLEANUP(ts_arena_done) struct ts_arena arena = TS_ARENA_INIT;
                struct ts_digest before, after;
                struct ts_work_tree tree;
                int64_t since = 0;
                bool locked;

                before = fingerprint_settings(s, &arena, &tree);
                locked = ts_work_tree_is_locked(&tree, &since);
                if (!force && is_seen(seen, &before) && (!seen->partial || locked)) {
                        seen->held = seen->partial;
                        return seen->partial ? TS_ACTIVE_CONFIG_UNSETTLED : 0;
                }
                if (!s->host.wait(TS_SETTLE_USEC, s->host.userdata))
                        return TS_ACTIVE_CONFIG_UNSETTLED;
                after = read_settings(s, &faults, &text);
                locked = ts_work_tree_is_locked(&tree, &since);
                if (is_equal(&before, &after) && !waits_for_lock(s, locked, since, i))
                        return parse_settings(s, &text, &faults, &after, locked ? tree.lock : NULL, since);
        }
        hold(seen, NULL, 0);
        return TS_ACTIVE_CONFIG_UNSETTLED;
}

/* ------------------------------------------------------------------------------------------- declarations */

static void set_trusts(struct ts_active_config *s)
{
        const char *path = s->trusts_option ? s->trusts_option : s->settings->trusts;

        if (s->trusts && strcmp(s->trusts, path) == 0)
                return;
        free(s->trusts);
        s->trusts = ts_strdup(path);
        s->seen[TS_PART_DECLARATIONS].has_fingerprint = false;
}

/* The caller ends @files. */
static void check_declarations(struct ts_active_config *s, struct ts_faults *faults,
                               struct ts_config_files *files)
{
        struct watching w = { s, TS_PART_DECLARATIONS };
        int r;

        *files = (struct ts_config_files){
                .path = s->trusts,
                .places = &s->places,
                .settings = s->settings,
                .faults = faults,
                .on_watch = on_name,
                .userdata = &w,
        };
        s->host.watch_begin(TS_PART_DECLARATIONS, s->host.userdata);
        r = ts_config_files_read(files);
        (void) r; /* what is faulty is part of the fingerprint */
        end_watching(s, TS_PART_DECLARATIONS);
}

static bool is_other(const struct ts_declarations *a, const struct ts_declarations *b)
{
        return !a || !is_equal(&a->content_hash, &b->content_hash) || strcmp(a->revision, b->revision) != 0;
}

static unsigned take_declarations(struct ts_active_config *s, struct ts_declarations **declarations,
                                  const struct ts_faults *faults, const struct ts_digest *fingerprint)
{
        struct ts_active_config_seen *seen = &s->seen[TS_PART_DECLARATIONS];
        unsigned did = 0;

        note_parsed(seen, fingerprint);
        s->declarations_of = s->n_taken;
        if (!*declarations) {
                keep_lines(&s->declarations_faults, faults, false);
                return TS_ACTIVE_CONFIG_DECLARATIONS_FAULTY;
        }
        if (s->declarations_faults.n > 0 || is_other(s->declarations, *declarations))
                did = TS_ACTIVE_CONFIG_DECLARATIONS;
        ts_declarations_free(s->declarations);
        s->declarations = TS_TAKE(*declarations);
        lines_done(&s->declarations_faults);
        keep_lines(&s->warnings[TS_PART_DECLARATIONS], faults, true);
        return did;
}

/* One try. Return: the flags, or negative: try again. */
static int try_declarations(struct ts_active_config *s, bool force, unsigned *tries)
{
        struct ts_active_config_seen *seen = &s->seen[TS_PART_DECLARATIONS];
        TS_CLEANUP(ts_faults_done) struct ts_faults unheeded = TS_FAULTS_INIT;
        TS_CLEANUP(ts_faults_done) struct ts_faults faults = TS_FAULTS_INIT;
        TS_CLEANUP(ts_config_files_done) struct ts_config_files files = { .n = 0 };
        TS_CLEANUP(ts_declarations_freep) struct ts_declarations *declarations = NULL;
        struct ts_digest after;
        int64_t since = 0;

        check_declarations(s, &unheeded, &files);
        if (is_seen(seen, &files.fingerprint)) {
                seen->held = false;
                if (!force && s->declarations_of == s->n_taken)
                        return 0;
        } else if (ts_work_tree_is_locked(&files.work_tree, &since)) {
                hold(seen, files.work_tree.lock, since);
                if (is_stale(s, since))
                        *tries = 0;
                return *tries > 0 && s->host.wait(TS_SETTLE_USEC, s->host.userdata)
                                       ? -1
                                       : TS_ACTIVE_CONFIG_UNSETTLED;
        }
        if (!s->host.wait(TS_SETTLE_USEC, s->host.userdata))
                return TS_ACTIVE_CONFIG_UNSETTLED;
        if (ts_declarations_load_fingerprint(s->trusts, s->settings, &s->places, &faults, &after,
                                             &declarations) < 0)
                declarations = NULL;
        if (is_equal(&files.fingerprint, &after) &&
            (is_seen(seen, &after) || !ts_work_tree_is_locked(&files.work_tree, NULL)))
                return (int) take_declarations(s, &declarations, &faults, &after);
        hold(seen, NULL, 0);
        return -1;
}

static unsigned refresh_declarations(struct ts_active_config *s, bool force, unsigned tries)
{
        set_trusts(s);
        while (tries > 0) {
                int did;

                tries--;
                did = try_declarations(s, force, &tries);
                if (did >= 0)
                        return (unsigned) did;
        }
        return TS_ACTIVE_CONFIG_UNSETTLED;
}

unsigned ts_active_config_refresh(struct ts_active_config *s, bool force)
{
        unsigned did = refresh_settings(s, force), tries = TS_SETTLE_TRIES;

        if (did & TS_ACTIVE_CONFIG_SETTINGS)
                tries = TS_SETTLE_TRIES_SOON;
        if (s->settings)
                did |= refresh_declarations(s, force, tries);
        note_not_in_force(s);
        return did;
}
