#include "trust/privileged.h"

bool ts_privileged_names(const struct ts_texts *texts, const struct ts_named *role)
{
        for (size_t i = 0; i < texts->n; i++) {
                const char *text = texts->items[i].text;
                struct ts_id id;

                if (ts_id_parse_string(text, &id) ? ts_id_equal(&id, &role->id)
                                                  : ts_equal_fold(text, role->name))
                        return true;
        }
        return false;
}
