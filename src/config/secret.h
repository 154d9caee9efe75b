/*
 * secret - where a client secret is
 *
 * Pure; what reads it is declared in config/settings.h.
 */
#ifndef TS_CONFIG_SECRET_H
#define TS_CONFIG_SECRET_H

#include <stdbool.h>

/* "credential:NAME" or "file:/absolute/path". When it is neither, it may be a secret: not to be shown. */
bool ts_secret_is_place(const char *spec);

#endif
