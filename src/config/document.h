/*
 * document - reads one file of declarations
 *
 * Only for src/config/. Finds the organization that the file is about and has its sections read into the
 * loader. Every fault is reported.
 */
#ifndef TS_CONFIG_DOCUMENT_H
#define TS_CONFIG_DOCUMENT_H

#include "config/loader.h"

/*
 * ts_document_read - adds what @text says to @l
 * @path:   as it is shown; outlives the declarations
 * @outside: as in struct ts_yaml
 * @text:   outlives ts_loader_finish() when a line of it may still be shown (struct ts_loader)
 * @limits: as in struct ts_yaml
 */
void ts_document_read(struct ts_loader *l, const char *path, bool outside, const struct ts_buf *text,
                      const struct ts_yaml_limits *limits);

#endif
