/*
 * privileged - which roles count as privileged
 *
 * Pure. `privileged_roles` of the settings names them, by name or id. Names are compared in any ASCII case: a
 * role marked needlessly is harmless, an unmarked one would be overlooked.
 */
#ifndef TS_TRUST_PRIVILEGED_H
#define TS_TRUST_PRIVILEGED_H

#include "trust/model.h"

/* Does @texts (names or ids) name this role? */
bool ts_privileged_names(const struct ts_texts *texts, const struct ts_named *role);

#endif
