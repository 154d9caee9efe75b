#include "yaml-json.h"

#include "json/writer.h"

static void put_node(struct ts_json_writer *w, const struct ts_yaml_node *node)
{
        if (node->kind == TS_YAML_TEXT) {
                ts_json_put_string(w, node->text);
        } else if (node->kind == TS_YAML_MAP) {
                ts_json_open_object(w);
                for (const struct ts_yaml_node *item = node->items; item; item = item->next) {
                        ts_json_key(w, item->key->text);
                        put_node(w, item);
                }
                ts_json_close_object(w);
        } else if (node->kind == TS_YAML_LIST) {
                ts_json_open_array(w);
                for (const struct ts_yaml_node *item = node->items; item; item = item->next)
                        put_node(w, item);
                ts_json_close_array(w);
        } else {
                ts_json_put_null(w);
        }
}

void ts_yaml_put_json(const struct ts_yaml_node *node, struct ts_buf *out)
{
        struct ts_json_writer w = TS_JSON_WRITER_INIT(out, false);

        put_node(&w, node);
}
