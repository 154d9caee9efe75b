/*
 * active_config - settings and declarations in force, compared with those on disk
 *
 * Settings and declarations are loaded separately, settings first, so that declarations that keep changing or
 * are too large block neither settings nor `deny`. Each is loaded only when two reads 250 ms apart are equal,
 * and the bytes of the second read are the ones parsed. Faulty files are rejected: what was in force stays in
 * force. The fingerprint of parsed files is kept, faulty or not, so that unchanged files are not parsed
 * again.
 *
 * A .git/index.lock means that a git command is running or was killed. While it exists, no changed
 * declarations are loaded, and of changed settings only additions to `deny`. At the start a lock does not
 * hold settings for longer than the tries below: there are none to go on with.
 */
#ifndef TS_DAEMON_ACTIVE_CONFIG_H
#define TS_DAEMON_ACTIVE_CONFIG_H

#include "config/declarations.h"
#include "config/places.h"
#include "config/settings.h"
#include "util/buf.h"
#include "util/sha256.h"

#define TS_SETTLE_USEC (250 * TS_USEC_PER_MSEC) /* between two reads */
#define TS_SETTLE_TRIES 40u                     /* then what is being written is left for later */
#define TS_SETTLE_TRIES_SOON 4u                 /* of declarations, when other settings wait for a cycle */
#define TS_LOCK_STALE_SEC 60                    /* a checkout does not take so long: it is not waited for */

enum ts_active_config_part {
        TS_PART_SETTINGS,
        TS_PART_DECLARATIONS,
        TS_PART_MAX_,
};

struct ts_active_config_host {
        /* The names that decide what is read of @part: begin, then each before it is looked at, then end,
         * which is negative with @err when not all can be watched. */
        void (*watch_begin)(enum ts_active_config_part part, void *userdata);
        void (*watch_add)(enum ts_active_config_part part, const char *directory, const char *name,
                          void *userdata);
        int (*watch_end)(enum ts_active_config_part part, struct ts_err *err, void *userdata);
        /* Lets @usec go by; false: give up. */
        bool (*wait)(uint64_t usec, void *userdata);
        int64_t (*now)(void *userdata); /* seconds since 1970 */
        void *userdata;
};

struct ts_fault_lines { /* "trusts.d/contoso.yaml:14:9: unknown key 'rolse'; did you mean 'roles'?" */
        struct ts_arena arena;
        const char **items;
        size_t n;     /* at most TS_FAULT_LINES_MAX */
        size_t total; /* faults there are */
};

#define TS_FAULT_LINES_MAX 20u

enum ts_not_in_force_reason {
        TS_NOT_IN_FORCE_FAULTY,    /* what is on disk is faulty, or looks like a failed checkout */
        TS_NOT_IN_FORCE_LOCKED,    /* a .git/index.lock: a git command runs, or was killed */
        TS_NOT_IN_FORCE_UNSETTLED, /* two reads differ: the files are being written */
        TS_NOT_IN_FORCE_REASON_MAX_,
};
const char *ts_not_in_force_reason_to_string(
                enum ts_not_in_force_reason r); /* "faulty", "locked", "unsettled" */

/* Settings or declarations on disk that differ from those in force. */
struct ts_not_in_force {
        const char *what; /* "settings" or "declarations" */
        enum ts_not_in_force_reason reason;
        int64_t since;    /* when a difference was seen first, seconds since 1970; kept until it has gone */
        const char *path; /* of the lock, else of the settings or declarations */
        const char *text; /* a sentence for people: "declarations not in force: /srv/x/.git/index.lock is
                             there since ...; ...". One line. */
};

#define TS_NOT_IN_FORCE_MAX 2u

/* A part, as of the last check. */
struct ts_active_config_seen {
        struct ts_digest fingerprint; /* of what was parsed last, good or faulty */
        bool has_fingerprint;
        bool partial;                            /* settings: only additions to `deny` were taken of that */
        struct ts_err unwatched;                 /* cls TS_ERR_NONE: all of it is watched */
        bool held;                               /* what is on disk differs, and was not parsed: */
        enum ts_not_in_force_reason held_reason; /* locked or unsettled */
        char *lock;                              /* path; NULL */
        int64_t lock_since;
};

struct ts_active_config {
        const char *config, *trusts_option; /* --config; --trusts, or NULL: as the settings say */
        struct ts_config_places places;     /* no link among the declarations may lead there */
        struct ts_active_config_host host;
        struct ts_settings *settings;         /* in force; NULL: not yet */
        struct ts_buf settings_text;          /* that they were parsed from */
        struct ts_declarations *declarations; /* in force; NULL: none are */
        struct ts_fault_lines settings_faults,
                        declarations_faults;          /* of what was parsed last; n == 0: it is good */
        struct ts_fault_lines warnings[TS_PART_MAX_]; /* of what is in force */
        char *trusts;                                 /* path of the declarations checked last; NULL */
        struct ts_active_config_seen seen[TS_PART_MAX_];
        uint64_t declarations_of; /* n_taken when declarations were parsed last */
        struct ts_not_in_force not_in_force[TS_NOT_IN_FORCE_MAX]; /* settings before declarations */
        size_t n_not_in_force;                                    /* 0: what is on disk is in force */
        struct ts_arena not_in_force_arena;
        const char *unwatched; /* a sentence: what inotify does not watch and why, so that it has to be polled
                                  (ts_active_config_refresh()); NULL: all is watched */
        uint64_t n_taken;      /* how often changed settings came into force, for borrowers to compare */
};

enum {                                     /* what ts_active_config_refresh() did */
       TS_ACTIVE_CONFIG_SETTINGS = 1 << 0, /* other settings are in force, or the same after faulty ones */
       TS_ACTIVE_CONFIG_DECLARATIONS = 1 << 1,        /* the same of declarations */
       TS_ACTIVE_CONFIG_SETTINGS_FAULTY = 1 << 2,     /* the settings on disk were read and are faulty */
       TS_ACTIVE_CONFIG_DECLARATIONS_FAULTY = 1 << 3, /* so were the declarations */
       TS_ACTIVE_CONFIG_UNSETTLED =
                       1 << 4, /* settings or declarations are being written, or locked: check again soon */
       TS_ACTIVE_CONFIG_DENY = 1 << 5, /* with SETTINGS: only additions to `deny` were taken */
};

/*
 * ts_active_config_refresh - loads what is on disk if it has changed
 * @force: also when it has not
 * Return: the flags of the above.
 */
unsigned ts_active_config_refresh(struct ts_active_config *s, bool force);

void ts_active_config_done(struct ts_active_config *s);

#endif
