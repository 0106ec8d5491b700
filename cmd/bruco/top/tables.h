/*
 * The tables of stages, workers and partitions, and the help, as lines of text.
 */
#ifndef BRUCO_TOP_TABLES_H
#define BRUCO_TOP_TABLES_H

#include <stddef.h>

#include "bruco/top/screen.h"
#include "bruco/top/view.h"

enum { TABLES_LINE = 512 };

/* How many lines there are. */
size_t tables_count(const struct view *view);

/* The first line of the table behind this line; 0 when there is none. */
size_t tables_next(const struct view *view, size_t line);

/* Writes a line for a screen that is `width` columns wide, which may be longer than that. */
enum screen_look tables_line(
	const struct view *view, size_t line, int width, char text[TABLES_LINE]);

#endif
