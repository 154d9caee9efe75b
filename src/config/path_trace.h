/*
 * path_trace - the directory entries that determine where a path leads
 *
 * Reads symbolic links. Each link on the way to the end of a path is a name in a directory; whoever replaces
 * it makes the path lead somewhere else. Limit: 40 links, as the kernel.
 */
#ifndef TS_CONFIG_PATH_TRACE_H
#define TS_CONFIG_PATH_TRACE_H

/*
 * ts_path_trace - calls @on_name for each symbolic link on the way and for the last name
 * @path:    absolute, or relative to the working directory
 * @on_name: @directory is absolute and without links; @name is in it. Both are borrowed for the call. When a
 * name is not there, it is the last one that is reported.
 */
void ts_path_trace(const char *path, void (*on_name)(const char *directory, const char *name, void *userdata),
                   void *userdata);

#endif
