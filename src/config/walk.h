/*
 * walk - which files the declarations are
 *
 * Reads directories. Hidden entries are left out; symbolic links are followed, also out of the directory
 * (that is how configuration is mounted into containers), but not round in a circle. What looks like a
 * declaration and would not be read (*.yml, *.YAML, a link to nowhere) is a fault: leaving it out silently
 * would take access away.
 */
#ifndef TS_CONFIG_WALK_H
#define TS_CONFIG_WALK_H

#include "config/faults.h"

struct ts_walk_file {
        const char *path;     /* as it is opened and shown */
        const char *relative; /* below the directory; of a single file its name */
};

struct ts_walk {
        struct ts_walk_file *items; /* sorted by relative path */
        size_t n, n_allocated;
};

/*
 * ts_walk_find - @path itself when it is a file, else every *.yaml below it
 * @arena: gets the paths
 *
 * Return: 0; -EINVAL: faults were reported (class declarations), @ret holds what could be found; -ENOENT:
 * @path is not there or holds no *.yaml (one fault of class refusal).
 */
int ts_walk_find(const char *path, struct ts_faults *faults, struct ts_arena *arena,
                 struct ts_walk *ret) TS_MUST_CHECK;
void ts_walk_done(struct ts_walk *w);

#endif
