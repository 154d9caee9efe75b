/*
 * schema - bodies checked field by field, as the specification lists them
 */
#ifndef TS_SIMULATOR_SCHEMA_H
#define TS_SIMULATOR_SCHEMA_H

#include "internal.h"

struct ts_sim_field {
        const char *name;
        enum ts_json_type type;
        bool required;
};

/*
 * An object with these fields and no others (null is none of their types). False: answered already with a 400
 * that names @what and the field.
 */
bool ts_sim_check_object(struct ts_sim_call *c, const struct ts_json *v, const char *what,
                         const struct ts_sim_field *fields, size_t n_fields);

/* A list of strings. False: answered already. */
bool ts_sim_check_strings(struct ts_sim_call *c, const struct ts_json *list, const char *what);

/* A string member that is one of @words (with a space between two), or is left out. False: answered
 * already. */
bool ts_sim_one_of(struct ts_sim_call *c, const struct ts_json *v, const char *key, const char *words);

/* A string that is an id. False: answered already. */
bool ts_sim_check_id(struct ts_sim_call *c, const struct ts_json *v, const char *what, struct ts_id *ret);

#endif
