/*
 * A small chart in characters: an area under a line, one column of dots a value.
 */
#ifndef BRUCO_TOP_CHART_H
#define BRUCO_TOP_CHART_H

#include <stddef.h>
#include <wchar.h>

enum chart_style {
	CHART_BRAILLE, /* a character is two values wide and four dots high */
	CHART_ASCII    /* one value, three levels: . : # */
};

/* How many values a chart has that is `width` characters wide. */
size_t chart_values(enum chart_style style, size_t width);

/* Draws chart_values(style, width) values into `cells`, `height` rows of `width`, the top row
 * first. `most` is the value at the upper edge. A value that is known shows one dot at least, NAN
 * none. */
void chart_draw(enum chart_style style, const double *values, double most, size_t width,
	size_t height, wchar_t *cells);

#endif
