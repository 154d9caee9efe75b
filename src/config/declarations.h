/*
 * declarations - loads the YAML files of trusts.d
 *
 * Reads files only. Strict YAML (config/yaml.h). Every fault of every file is reported. The result
 * (trust/model.h, ts_declarations) is checked as far as that is possible offline: no object twice, role sets
 * exist, at most `users_per_trust` users.
 */
#ifndef TS_CONFIG_DECLARATIONS_H
#define TS_CONFIG_DECLARATIONS_H

#include "config/faults.h"
#include "config/places.h"
#include "config/settings.h"
#include "trust/model.h"

/*
 * ts_declarations_load - a file, or every *.yaml below a directory in sorted order, by the rules of
 * config_files.h
 * @path:     file or directory
 * @settings: to know the organizations and limits; NULL: any organization is accepted and default limits hold
 * @places:   directories no link may lead into; NULL: none
 *
 * Return: 0 and *@ret; -EINVAL when @faults got at least one; -ENOENT: a failed checkout (class
 * TS_FAULT_REFUSAL).
 */
int ts_declarations_load(const char *path, const struct ts_settings *settings,
                         const struct ts_config_places *places, struct ts_faults *faults,
                         struct ts_declarations **ret) TS_MUST_CHECK;

/* The same; *@ret_fingerprint is that of struct ts_config_files, whether or not it succeeds. */
int ts_declarations_load_fingerprint(const char *path, const struct ts_settings *settings,
                                     const struct ts_config_places *places, struct ts_faults *faults,
                                     struct ts_digest *ret_fingerprint,
                                     struct ts_declarations **ret) TS_MUST_CHECK;

#endif
