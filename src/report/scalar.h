/*
 * scalar - writes texts as YAML scalars that read back unchanged
 *
 * Pure. Plain where every YAML parser reads text, in double quotes elsewhere.
 */
#ifndef TS_REPORT_SCALAR_H
#define TS_REPORT_SCALAR_H

#include "util/buf.h"
#include "util/id.h"

/* @s: ts_scalar_is_text(). */
void ts_scalar_put(struct ts_buf *out, const char *s);
void ts_scalar_put_id(struct ts_buf *out, const struct ts_id *id);

/* Does some reader of YAML, or of declarations, take it for something of its own ("no", "all")? */
bool ts_scalar_is_word(const char *s);

/* Can it be written and read back? What is hostile to the eye stands in comments only, escaped. NULL: no. */
bool ts_scalar_is_text(const char *s);

/* Can it be written so that its reader sees what it is, and be read as the name it is? */
bool ts_scalar_is_name(const char *s);

/* Can it be written as a user's key? */
bool ts_scalar_is_email(const char *s);

#endif
