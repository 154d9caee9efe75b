/*
 * folder_walk - finds the files of struct ts_config_files
 *
 * Only for src/config/config_files.c, where the rules are.
 */
#ifndef TS_CONFIG_FOLDER_WALK_H
#define TS_CONFIG_FOLDER_WALK_H

#include "config/config_files.h"
#include "config/places.h"

/* Fills f->items; reports faults of names, links, directories, submodules. @places: resolved. */
void ts_folder_walk(struct ts_config_files *f, const struct ts_places *places);

#endif
