#include "daemon/sources.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/tree.h"
#include "util/mem.h"

static void lines_done(struct ts_fault_lines *l)
{
        ts_arena_done(&l->arena);
        *l = (struct ts_fault_lines){ .n = 0 };
}

void ts_sources_done(struct ts_sources *s)
{
        ts_declarations_free(s->declarations);
        ts_settings_free(s->settings);
        lines_done(&s->settings_faults);
        lines_done(&s->declarations_faults);
        free(s->trusts);
        ts_arena_done(&s->not_in_force_arena);
        *s = (struct ts_sources){ .config = NULL };
}

/* ------------------------------------------------------------------------------------------------- faults */

static bool is_of(const struct ts_fault *f, bool settings)
{
        return settings ? f->cls == TS_FAULT_SETTINGS
                        : f->cls == TS_FAULT_DECLARATIONS || f->cls == TS_FAULT_REFUSAL;
}

static void keep_lines(struct ts_fault_lines *l, const struct ts_faults *faults, bool settings,
                       const char *otherwise)
{
        lines_done(l);
        l->items = TS_ARENA_ARRAY(&l->arena, const char *, TS_FAULT_LINES_MAX);
        for (size_t i = 0; i < faults->n; i++) {
                if (!is_of(&faults->items[i], settings))
                        continue;
                if (l->n < TS_FAULT_LINES_MAX)
                        l->items[l->n++] = ts_fault_line(&l->arena, &faults->items[i]);
                l->total++;
        }
        if (l->n == 0) { /* it failed without saying why: that must not look like success */
                l->items[l->n++] = ts_arena_strdup(&l->arena, otherwise);
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

/* One entry while the list is made again. */
static void add_not_in_force(struct ts_sources *s, const struct ts_sources *old, const char *what,
                             enum ts_not_in_force_reason reason, const char *path, const char *text)
{
        struct ts_not_in_force *n = &s->not_in_force[s->n_not_in_force++];

        *n = (struct ts_not_in_force){
                .what = what,
                .reason = reason,
                .since = s->host.now(s->host.userdata),
                .path = ts_arena_strdup(&s->not_in_force_arena, path),
                .text = ts_arena_printf(&s->not_in_force_arena, "%s not in force: %s", what, text),
        };
        for (size_t i = 0; i < old->n_not_in_force; i++)
                if (strcmp(old->not_in_force[i].what, what) == 0)
                        n->since = old->not_in_force[i].since;
}

static void note_not_in_force(struct ts_sources *s, unsigned did)
{
        struct ts_sources old = { .n_not_in_force = s->n_not_in_force };
        const char *trusts = s->trusts ? s->trusts : s->config;

        memcpy(old.not_in_force, s->not_in_force, sizeof(old.not_in_force));
        s->n_not_in_force = 0;
        ts_arena_done(&s->not_in_force_arena);
        if (s->settings_faults.n > 0)
                add_not_in_force(s, &old, "settings", TS_NOT_IN_FORCE_FAULTY, s->config,
                                 s->settings_faults.items[0]);
        if (s->declarations_faults.n > 0)
                add_not_in_force(s, &old, "declarations", TS_NOT_IN_FORCE_FAULTY, trusts,
                                 s->declarations_faults.items[0]);
        else if (did & TS_SOURCES_UNSETTLED)
                add_not_in_force(s, &old, "declarations", TS_NOT_IN_FORCE_UNSETTLED, trusts,
                                 "the files are being written, or a .git/index.lock is there");
}

/* ------------------------------------------------------------------------------------------------ looking */

static void set_trusts(struct ts_sources *s, const char *path)
{
        if (s->trusts && strcmp(s->trusts, path) == 0)
                return;
        free(s->trusts);
        s->trusts = ts_strdup(path);
}

static struct ts_digest look(const struct ts_sources *s)
{
        struct ts_sha256 *hash = ts_sha256_new();
        struct ts_digest d = ts_tree_look(s->config);

        ts_sha256_put(hash, d.bytes, sizeof(d.bytes));
        if (s->trusts) {
                d = ts_tree_look(s->trusts);
                ts_sha256_put(hash, s->trusts, strlen(s->trusts) + 1);
                ts_sha256_put(hash, d.bytes, sizeof(d.bytes));
        }
        return ts_sha256_finish(hash);
}

static bool is_equal(const struct ts_digest *a, const struct ts_digest *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void tell_paths(const struct ts_sources *s)
{
        const char *paths[] = { s->config, s->trusts };

        s->host.on_look(paths, s->trusts ? 2 : 1, s->host.userdata);
}

static bool is_locked(const struct ts_sources *s)
{
        return ts_tree_is_locked(s->config) || (s->trusts && ts_tree_is_locked(s->trusts));
}

/* ------------------------------------------------------------------------------------------------ loading */

/* What was loaded, before it is known to be whole. */
struct loaded {
        struct ts_settings *settings; /* NULL: faulty */
        struct ts_declarations *declarations;
        struct ts_faults faults;
};

static void loaded_done(struct loaded *l)
{
        ts_settings_free(l->settings);
        ts_declarations_free(l->declarations);
        ts_faults_done(&l->faults);
}

/* With faulty settings the declarations are still read, by the settings in force. */
static void load(struct ts_sources *s, struct loaded *l)
{
        const struct ts_settings *settings;

        if (ts_settings_load(s->config, &l->faults, &l->settings) < 0)
                l->settings = NULL;
        settings = l->settings ? l->settings : s->settings;
        if (!settings)
                return;
        set_trusts(s, s->trusts_option ? s->trusts_option : settings->trusts);
        if (ts_declarations_load(s->trusts, settings, &l->faults, &l->declarations) < 0)
                l->declarations = NULL;
}

static bool is_other(const struct ts_declarations *a, const struct ts_declarations *b)
{
        return !a || !is_equal(&a->content_hash, &b->content_hash) || strcmp(a->revision, b->revision) != 0;
}

static unsigned take(struct ts_sources *s, struct loaded *l, bool is_other_config)
{
        unsigned did = 0;

        if (l->settings) {
                if (s->settings_faults.n > 0 || is_other_config)
                        did |= TS_SOURCES_SETTINGS;
                ts_settings_free(s->settings);
                s->settings = TS_TAKE(l->settings);
                s->n_taken++;
                lines_done(&s->settings_faults);
        } else {
                keep_lines(&s->settings_faults, &l->faults, true, "cannot be read");
                did |= TS_SOURCES_SETTINGS_FAULTY;
                if (!s->settings)
                        return did;
        }
        if (l->declarations) {
                if (s->declarations_faults.n > 0 || is_other(s->declarations, l->declarations))
                        did |= TS_SOURCES_DECLARATIONS;
                ts_declarations_free(s->declarations);
                s->declarations = TS_TAKE(l->declarations);
                lines_done(&s->declarations_faults);
        } else {
                keep_lines(&s->declarations_faults, &l->faults, false, "cannot be read");
                did |= TS_SOURCES_DECLARATIONS_FAULTY;
        }
        return did;
}

static unsigned refresh(struct ts_sources *s, bool force)
{
        for (unsigned i = 0; i < TS_SETTLE_TRIES; i++) {
                TS_CLEANUP(loaded_done) struct loaded l = { .settings = NULL };
                struct ts_digest before, after, config;
                bool is_other_config;

                tell_paths(s);
                before = look(s);
                if (!force && s->has_seen && is_equal(&before, &s->seen))
                        return 0;
                if (!s->host.wait(TS_SETTLE_USEC, s->host.userdata))
                        return TS_SOURCES_UNSETTLED;
                after = look(s);
                if (!is_equal(&before, &after) || is_locked(s))
                        continue;
                load(s, &l);
                after = look(s); /* differs, too, when the settings name another path */
                if (!is_equal(&before, &after))
                        continue;
                config = ts_tree_look(s->config);
                is_other_config = !s->has_seen || !is_equal(&config, &s->seen_config);
                s->seen = after;
                s->seen_config = config;
                s->has_seen = true;
                return take(s, &l, is_other_config);
        }
        return TS_SOURCES_UNSETTLED;
}

unsigned ts_sources_refresh(struct ts_sources *s, bool force)
{
        unsigned did = refresh(s, force);

        note_not_in_force(s, did);
        return did;
}
