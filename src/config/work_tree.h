/*
 * work_tree - the git work tree that files lie in: its commit, its lock, its submodules
 *
 * Reads files; git is not run. A commit can contain symbolic links: no file of git is read through one, and
 * values from git are shown only if they consist of safe characters.
 */
#ifndef TS_CONFIG_WORK_TREE_H
#define TS_CONFIG_WORK_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"

struct ts_work_tree {
        const char *top;  /* absolute, without links; NULL: there is none */
        const char *git;  /* .git, or the directory that a file .git names; absolute; NULL: not known */
        const char *lock; /* where git locks the index; NULL: not known */
};

/* @folder: absolute, without links. The nearest directory with a .git counts. Strings are in @arena. */
void ts_work_tree_find(const char *folder, struct ts_arena *arena, struct ts_work_tree *ret);

/* The same of the directory that the file @path is in, its links followed. */
void ts_work_tree_find_file(const char *path, struct ts_arena *arena, struct ts_work_tree *ret);

/* A git command is under way, or was killed. *@ret_since: when the lock was made, seconds since 1970 (may be
 * NULL). */
bool ts_work_tree_is_locked(const struct ts_work_tree *w, int64_t *ret_since);

/* The commit that is checked out: 40 or 64 hexadecimal digits in @arena; NULL: unknown. */
const char *ts_work_tree_commit(const struct ts_work_tree *w, struct ts_arena *arena);

/*
 * ts_work_tree_submodules - the paths of the submodules that @top/.gitmodules names
 * @on_path: @path is relative to @top, without ".."; borrowed for the call
 *
 * Limit: TS_CONFIG_SUBMODULES_MAX; a file that cannot be read names none.
 */
void ts_work_tree_submodules(const char *top, void (*on_path)(const char *path, void *userdata),
                             void *userdata);

#endif
