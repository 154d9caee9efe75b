/*
 * secret - locations of client secrets
 *
 * Pure; what reads it is declared in config/settings.h.
 */
#ifndef TS_CONFIG_SECRET_H
#define TS_CONFIG_SECRET_H

#include <stdbool.h>

/* "credential:NAME" or "file:/absolute/path". Anything else may be the secret itself, and must not be shown.
 */
bool ts_secret_is_place(const char *spec);

#endif
