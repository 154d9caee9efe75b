#include "schema.h"

#include <string.h>

static const char *schema_type_name(enum ts_json_type type)
{
        static const char *const names[] = { "null",     "a boolean", "an integer", "a number",
                                             "a string", "a list",    "an object" };

        return names[type];
}

static const struct ts_sim_field *schema_find(const struct ts_sim_field *fields, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(fields[i].name, name) == 0)
                        return &fields[i];
        return NULL;
}

static bool schema_check_field(struct ts_sim_call *c, const struct ts_json *v, const char *what,
                               const struct ts_sim_field *field)
{
        if (!field) {
                ts_sim_invalid(c, 400, "invalid.property", "%s has no property '%s'.", what, v->key);
                return false;
        }
        if (v->type != field->type) {
                ts_sim_invalid(c, 400, "invalid.value", "%s: '%s' must be %s.", what, v->key,
                               schema_type_name(field->type));
                return false;
        }
        return true;
}

bool ts_sim_check_object(struct ts_sim_call *c, const struct ts_json *v, const char *what,
                         const struct ts_sim_field *fields, size_t n_fields)
{
        if (!v || v->type != TS_JSON_OBJECT) {
                ts_sim_invalid(c, 400, "bad.request", "%s must be an object.", what);
                return false;
        }
        TS_JSON_FOREACH (child, v)
                if (!schema_check_field(c, child, what, schema_find(fields, n_fields, child->key)))
                        return false;
        for (size_t i = 0; i < n_fields; i++)
                if (fields[i].required && !ts_json_get(v, fields[i].name)) {
                        ts_sim_invalid(c, 400, "constraint.validation", "%s: '%s' is required.", what,
                                       fields[i].name);
                        return false;
                }
        return true;
}

bool ts_sim_check_strings(struct ts_sim_call *c, const struct ts_json *list, const char *what)
{
        if (!list || list->type != TS_JSON_ARRAY) {
                ts_sim_invalid(c, 400, "bad.request", "%s must be a list.", what);
                return false;
        }
        TS_JSON_FOREACH (child, list)
                if (child->type != TS_JSON_STRING) {
                        ts_sim_invalid(c, 400, "invalid.value", "%s must hold strings.", what);
                        return false;
                }
        return true;
}

bool ts_sim_check_id(struct ts_sim_call *c, const struct ts_json *v, const char *what, struct ts_id *ret)
{
        if (v && v->type == TS_JSON_STRING && ts_id_parse(v->string, v->n, ret) && !ts_id_is_nil(ret))
                return true;
        ts_sim_invalid(c, 400, "invalid.value", "%s is not an id.", what);
        return false;
}

bool ts_sim_one_of(struct ts_sim_call *c, const struct ts_json *v, const char *key, const char *words)
{
        const char *text = ts_json_get_string(v, key);
        size_t len = text ? strlen(text) : 0;

        if (!text)
                return true;
        for (const char *p = words; *p; p += strcspn(p, " "), p += *p == ' ')
                if (strcspn(p, " ") == len && memcmp(p, text, len) == 0)
                        return true;
        ts_sim_invalid(c, 400, "invalid.value", "'%s' is not a valid %s.", text, key);
        return false;
}
