/* The charts of bruco top. */
#include "bruco/top/chart.h"

#include <math.h>
#include <string.h>

#include "unit.h"

static wchar_t cells[64];

static void draw(
	enum chart_style style, const double *values, double most, size_t width, size_t height)
{
	memset(cells, 0, sizeof cells);
	chart_draw(style, values, most, width, height, cells);
}

TEST(in_braille_two_values_make_a_character_filled_from_below)
{
	const double values[] = {0, 1, 2, 3};

	CHECK_INT(chart_values(CHART_BRAILLE, 2), 4);
	draw(CHART_BRAILLE, values, 3, 2, 1);
	CHECK_INT(cells[0], L'⣠'); /* one dot of the left column, two of the right one */
	CHECK_INT(cells[1], L'⣾'); /* three and four */
	CHECK_INT(cells[2], 0);
}

TEST(rows_are_filled_from_below_the_top_one_is_first)
{
	const double values[] = {7, 7, 0, 4};

	draw(CHART_BRAILLE, values, 7, 2, 2);
	CHECK_INT(cells[0], L'⣿');
	CHECK_INT(cells[1], L'⢀'); /* level 5: one dot of the upper row */
	CHECK_INT(cells[2], L'⣿');
	CHECK_INT(cells[3], L'⣸');
}

TEST(nothing_is_shown_of_what_is_not_known_and_a_dot_of_zero)
{
	const double values[] = {NAN, NAN, 0, NAN};

	draw(CHART_BRAILLE, values, 10, 2, 1);
	CHECK_INT(cells[0], L' ');
	CHECK_INT(cells[1], L'⡀');
	draw(CHART_BRAILLE, values, 0, 2, 1); /* all that is known is zero */
	CHECK_INT(cells[1], L'⡀');
}

TEST(values_outside_stay_within_the_chart)
{
	const double values[] = {100, -5};

	draw(CHART_BRAILLE, values, 10, 1, 1);
	CHECK_INT(cells[0], L'⣇');
}

TEST(in_ascii_a_value_has_three_levels_a_row)
{
	const double values[] = {NAN, 0, 1, 2, 3, 4, 5};
	static const wchar_t upper[] = L"    .:#", lower[] = L" .:####";

	CHECK_INT(chart_values(CHART_ASCII, 7), 7);
	draw(CHART_ASCII, values, 5, 7, 2);
	CHECK_BYTES(cells, 7 * sizeof *cells, upper, 7 * sizeof *upper);
	CHECK_BYTES(cells + 7, 7 * sizeof *cells, lower, 7 * sizeof *lower);
}

UNIT_MAIN
