/*
 * Text that somebody else wrote, on its way to a terminal or into a log. Whatever a terminal might obey,
 * or a reader be deceived by, is shown as an escape: control characters, those behind ASCII too, the ends
 * of lines and paragraphs, changes of direction, and bytes that are no UTF-8.
 */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { PRINTABLE_ESCAPE = 16 };

enum printable_form {
	PRINTABLE_TEXT, /* \n \t \r \x1b \u202e, and \xff for a byte that is no UTF-8 */
	PRINTABLE_LINES, /* the same, but the ends of lines and tabs stay */
	PRINTABLE_JSON  /* within a string of JSON: \n \" \\ \u001b \u202e, and \\xff */
};

/* How many bytes at `at`, of which there are `left`, at least one, may be shown as they are: 0, or up to
 * the first that may not. */
size_t printable_run(enum printable_form form, const void *at, size_t left);

/* Writes the escape of the character at `at`, which printable_run stopped at, and returns how many bytes
 * it stands for. */
size_t printable_escape(
	enum printable_form form, const void *at, size_t left, char escape[PRINTABLE_ESCAPE]);

/* Appends all of it, escaped. */
void printable_append(enum printable_form form, struct buf *out, const void *text, size_t length);

#endif
