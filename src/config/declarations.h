/*
 * declarations - the YAML files of trusts.d: what git says
 *
 * Reads files only. Strict YAML (config/yaml.h). Every fault of every file is reported. The result
 * (trust/model.h, ts_declarations) is checked as far as that is possible offline: no object twice, role sets
 * exist, at most `users_per_trust` users.
 */
#ifndef TS_CONFIG_DECLARATIONS_H
#define TS_CONFIG_DECLARATIONS_H

#include "config/faults.h"
#include "config/settings.h"
#include "trust/model.h"

/*
 * ts_declarations_load - a file, or every *.yaml below a directory in sorted order
 * @path:     file or directory; hidden files and directories are left out, *.yml is a fault
 * @settings: to know the organizations and limits; NULL: any organization is accepted and default limits hold
 *
 * Return: 0 and *@ret; -EINVAL when @faults got at least one; -ENOENT: @path is not there or holds no *.yaml
 * (one fault of class TS_FAULT_REFUSAL: a failed checkout is not a wish).
 */
int ts_declarations_load(const char *path, const struct ts_settings *settings, struct ts_faults *faults,
                         struct ts_declarations **ret) TS_MUST_CHECK;

/* "1a2b3c4…" in @arena: REVISION file among the declarations or beside their
 * directory, else the commit of the git work tree they lie in (packed refs, worktrees and detached heads too;
 * files only, git is not run), else the first 12 digits of @content_hash. */
const char *ts_declarations_revision(const char *path, const struct ts_digest *content_hash,
                                     struct ts_arena *arena);

#endif
