/*
 * yaml-json - what the YAML reader understood, as JSON: all scalars are strings, no value is null
 */
#ifndef TS_FUZZ_YAML_JSON_H
#define TS_FUZZ_YAML_JSON_H

#include "config/yaml.h"

void ts_yaml_put_json(const struct ts_yaml_node *node, struct ts_buf *out);

#endif
