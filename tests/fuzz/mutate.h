/*
 * mutate - another text made from one, from a seed
 */
#ifndef TS_FUZZ_MUTATE_H
#define TS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* The room that ts_mutate() needs for a text of @len bytes. */
size_t ts_mutate_room(size_t len);

/* Writes @text with one to three changes to @out; returns its length. *@state goes on from call to call. */
size_t ts_mutate(const char *text, size_t len, char *out, uint64_t *state);

#endif
