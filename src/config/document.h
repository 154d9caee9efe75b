/*
 * document - one file of declarations
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
 * @text:   outlives ts_loader_finish()
 * @limits: as in struct ts_yaml
 */
void ts_document_read(struct ts_loader *l, const char *path, const struct ts_buf *text,
                      const struct ts_yaml_limits *limits);

#endif
