/*
 * The diagnostics of a configuration: errors, warnings and information, each with its place in the
 * file. They are collected in any order and written in the order of the file.
 */
#ifndef CONFIG_DIAGNOSTICS_H
#define CONFIG_DIAGNOSTICS_H

#include <stddef.h>

#include "base/buf.h"
#include "config/config.h"

struct diagnostic {
	struct config_place place; /* NO_PLACE: about the file as a whole, written last */
	size_t order;              /* counts up; decides between two of the same place */
	const char *prefix;        /* "warning: ", or "" */
	char *text;
};

struct diagnostics {
	struct diagnostic *items;
	size_t count;
	size_t errors;
};

/* The place of a diagnostic about the file as a whole. */
#define NO_PLACE ((struct config_place){0, 0, 0})

void diag_error(struct diagnostics *diagnostics, struct config_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void diag_warning(struct diagnostics *diagnostics, struct config_place place, const char *format,
	...) __attribute__((format(printf, 3, 4)));
void diag_info(struct diagnostics *diagnostics, struct config_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Appends "path:line:column: text" for each, in the order of the file, and then "--set key: text", with
 * control characters escaped. Empties *diagnostics. Returns the number of errors. */
size_t diag_write(
	struct diagnostics *diagnostics, const struct config *config, struct buf *out);

/* The place for a text: "12:5" in the same file, or "--set source.topics". */
enum { DIAG_AT_MAX = 128 };
void diag_at(char text[static DIAG_AT_MAX], const struct config *config, struct config_place place);

/* Appends the place with its file: "config.yaml:12:5", "config.yaml" without a place, or "--set source.topics". */
void diag_origin(struct buf *out, const struct config *config, struct config_place place);

#endif
