/*
 * config_files - finds, watches, reads and fingerprints the files of settings and declarations by one set of
 * rules
 *
 * I/O: reads directories and files; local ones, so it is short. The fingerprint covers exactly the bytes that
 * are returned. Rules:
 *
 * - Of a directory: every *.yaml below it, in sorted order. Hidden entries are left out. What looks like a
 * declaration and would not be read (*.yml, *.YAML, a link to nowhere, a FIFO x.yaml) is a fault: leaving it
 * out silently would take access away. A lost+found that cannot be read is left out with a warning.
 * - Links are followed after everything that is no link was found, each directory once. A link to a directory
 * that was read already is a fault. What is reached through a link that leads out of the directory is
 * `outside`: nothing of its text is shown in a message, and from there links are followed only inside that
 * other directory.
 * - Links are refused into the places of secrets (struct ts_config_places, the file: secrets of the
 * settings), into .git, and out of the directory into /dev, /proc, /sys and the like.
 * - A directory that .gitmodules calls a submodule, and that is missing or empty, looks like a failed
 * checkout, as does a path without any *.yaml: both are a fault of class refusal. Another empty directory of
 * a git work tree is a warning.
 *
 * Limits: TS_YAML_MAX_FILES and the limits behind it in util/limits.h. Cost: n log n.
 */
#ifndef TS_CONFIG_CONFIG_FILES_H
#define TS_CONFIG_CONFIG_FILES_H

#include "config/faults.h"
#include "config/places.h"
#include "config/settings.h"
#include "config/work_tree.h"
#include "util/sha256.h"

struct ts_config_file {
        const char *path;     /* as it is shown */
        const char *relative; /* below the directory; of a single file its name */
        const char *real;     /* absolute, without links */
        bool outside;         /* reached through a link out of the directory */
};

struct ts_config_files {
        /* From the caller, borrowed. */
        const char *path;                      /* a file or a directory */
        const struct ts_config_places *places; /* NULL: none */
        const struct ts_settings *settings;    /* whose file: secrets no link may lead to; NULL */
        struct ts_faults *faults;              /* gets what is wrong with names and files */
        /* A name that decides what is read; NULL: every visible one of @directory. Called before it is read.
         */
        void (*on_watch)(const char *directory, const char *name, void *userdata);
        /* The @i-th of f->n files, in order; @text may be taken over. */
        void (*on_file)(const struct ts_config_files *f, size_t i, struct ts_buf *text, void *userdata);
        void *userdata;

        /* Results. */
        struct ts_arena arena;
        struct ts_config_file *items; /* sorted by relative path */
        size_t n, n_allocated;
        struct ts_digest fingerprint;  /* over everything that was found and read, faults and revision too */
        struct ts_digest content_hash; /* over the files that could be read: relative path, length, bytes */
        struct ts_work_tree work_tree; /* that the path lies in */
        const char *commit;            /* of it; NULL */
        const char *revision;          /* REVISION, else the commit, else the first digits of content_hash */
};

/*
 * ts_config_files_read - sets the results
 *
 * Return: 0; -EINVAL: faults were reported, what could be found was read; -ENOENT: a failed checkout (one or
 * more faults of class refusal).
 */
int ts_config_files_read(struct ts_config_files *f) TS_MUST_CHECK;
void ts_config_files_done(struct ts_config_files *f);

#endif
