/*
 * output - what a one-shot run prints: to standard output, and to files whose suffix tells the format
 */
#ifndef TS_CLI_OUTPUT_H
#define TS_CLI_OUTPUT_H

#include "cli/options.h"

/* Writes the text in a format; colours for a terminal only. Look at ts_buf_failed() is done by the caller of
 * it. */
typedef void (*ts_output_render)(enum ts_format format, bool color, struct ts_buf *out, const void *userdata);

/* Is the terminal one that knows no escape sequences (TERM)? */
bool ts_output_is_plain(void);

/* Should escape sequences go to this descriptor? */
bool ts_output_wants_color(const struct ts_options *o, int fd);

/* All of @text, whatever the kernel takes at once. 0 or negative errno. */
int ts_output_write_all(int fd, const char *text, size_t len);

/* Can standard output and each --output be written, as far as can be known before? Writes nothing and keeps
 * no file. What cannot is logged. 0, or the last failure's negative errno. */
int ts_output_probe(const struct ts_options *o) TS_MUST_CHECK;

/* To standard output, as it is. What fails is logged. */
int ts_output_print(const struct ts_buf *text) TS_MUST_CHECK;

/* To each --output alone. What fails is logged. 0, or the last failure's negative errno. */
int ts_output_write_files(const struct ts_options *o, ts_output_render render,
                          const void *userdata) TS_MUST_CHECK;

/* To standard output in --format, and to each --output. What fails is logged. 0, or the last failure's
 * negative errno. */
int ts_output_write(const struct ts_options *o, ts_output_render render, const void *userdata) TS_MUST_CHECK;

#endif
