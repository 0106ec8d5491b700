/*
 * What loading a configuration has to say: mistakes, warnings, information, each with its place,
 * collected in any order and written in the order of the file.
 */
#ifndef CONFIG_DIAGNOSTICS_H
#define CONFIG_DIAGNOSTICS_H

#include <stddef.h>

#include "base/buf.h"
#include "config/config.h"

struct note {
	struct config_place place; /* line 0: about the file as a whole, written last */
	size_t order;              /* which came first */
	char *text;
};

struct notes {
	struct note *items;
	size_t count;
	size_t mistakes;
};

/* A place that is the whole file. */
#define NO_PLACE ((struct config_place){0, 0})

void notes_mistake(struct notes *notes, struct config_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void notes_warning(struct notes *notes, struct config_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void notes_info(struct notes *notes, struct config_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Appends "path:line:column: text" for each, control characters escaped, and empties the notes.
 * Returns how many were mistakes. */
size_t notes_write(struct notes *notes, const char *path, struct buf *out);

#endif
