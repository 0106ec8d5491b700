#include "bruco/top/chart.h"

#include <math.h>
#include <stdbool.h>

/* How high a value is, of so many levels. */
static size_t level_of(double value, double most, size_t levels)
{
	double share = most > 0 ? value / most : 0;

	if (isnan(value))
		return 0;
	if (share < 0)
		share = 0;
	if (share > 1)
		share = 1;
	return 1 + (size_t)lround(share * (double)(levels - 1));
}

/* How many of this row's levels are filled; row 0 is at the bottom. */
static size_t filled(size_t level, size_t row, size_t levels_of_row)
{
	size_t below = row * levels_of_row;

	if (level <= below)
		return 0;
	return level - below < levels_of_row ? level - below : levels_of_row;
}

/* Of a character of U+2800, whose bits are dots: a column of four, filled from the bottom. */
static wchar_t braille_column(size_t dots, bool right)
{
	static const wchar_t left_dots[] = {0, 0x40, 0x44, 0x46, 0x47};
	static const wchar_t right_dots[] = {0, 0x80, 0xa0, 0xb0, 0xb8};

	return right ? right_dots[dots] : left_dots[dots];
}

static wchar_t braille_cell(
	const double *values, double most, size_t column, size_t row, size_t height)
{
	wchar_t dots = 0;

	for (size_t i = 0; i < 2; i++)
		dots |= braille_column(
			filled(level_of(values[2 * column + i], most, 4 * height), row, 4), i == 1);
	return dots == 0 ? L' ' : 0x2800 + dots;
}

static wchar_t ascii_cell(
	const double *values, double most, size_t column, size_t row, size_t height)
{
	return L" .:#"[filled(level_of(values[column], most, 3 * height), row, 3)];
}

size_t chart_values(enum chart_style style, size_t width)
{
	return style == CHART_BRAILLE ? 2 * width : width;
}

void chart_draw(enum chart_style style, const double *values, double most, size_t width,
	size_t height, wchar_t *cells)
{
	for (size_t row = 0; row < height; row++)
		for (size_t column = 0; column < width; column++)
			cells[(height - 1 - row) * width + column] =
				style == CHART_BRAILLE
					? braille_cell(values, most, column, row, height)
					: ascii_cell(values, most, column, row, height);
}
