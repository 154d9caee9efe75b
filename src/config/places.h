/*
 * places - directories that must not hold declarations, or that the systemd unit hides
 *
 * I/O: stat() and realpath() of local paths.
 */
#ifndef TS_CONFIG_PLACES_H
#define TS_CONFIG_PLACES_H

#include <stdbool.h>

#include "config/settings.h"

/* Directories that no link among the declarations may lead into; NULL: none. */
struct ts_config_places {
        const char *credentials, *state;
};

/* The same, resolved for a number of questions. */
struct ts_places {
        struct ts_arena arena;
        const char *directories[4]; /* absolute, without links */
        size_t n;
        struct ts_place_file *files; /* of secrets, sorted */
        size_t n_files;
};

/* @places, @settings (whose file: secrets count): NULL: none. */
void ts_places_init(struct ts_places *p, const struct ts_config_places *places,
                    const struct ts_settings *settings);
void ts_places_done(struct ts_places *p);

/* @real is in the credentials or state directory, or holds one of them. */
bool ts_places_holds(const struct ts_places *p, const char *real);

/* Why no link may lead to @real (absolute, without links); NULL: it may. @outside: it is not below the
 * directory of the declarations, so that the kernel's file systems are refused too. */
const char *ts_places_refuse(const struct ts_places *p, const char *real, bool outside);

/* @path is @directory or below it; both absolute and without links. */
bool ts_places_is_within(const char *path, const char *directory);

/* What to do about a path that cannot be read because ProtectHome= of the unit hides it; NULL: that is not
 * why. */
const char *ts_places_home_hint(const char *path);

#endif
