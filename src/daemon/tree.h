/*
 * tree - has what lies on disk changed, and is somebody still writing it?
 *
 * I/O: reads files; local ones, so it is short. Two looks that are equal, some time apart and around a load,
 * prove that what was loaded is one version and not half of two.
 */
#ifndef TS_DAEMON_TREE_H
#define TS_DAEMON_TREE_H

#include <stdbool.h>

#include "util/sha256.h"

/*
 * ts_tree_look - a digest over a file, or over a directory's visible *.yaml and *.yml files, names and bytes,
 * its REVISION and its commit
 *
 * Never fails: what cannot be read is part of what was seen.
 */
struct ts_digest ts_tree_look(const char *path);

/* A git checkout is under way: there is an index.lock for the work tree that @path lies in. */
bool ts_tree_is_locked(const char *path);

#endif
