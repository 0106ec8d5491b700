/* The seconds behind the charts of bruco top. */
#include "bruco/top/history.h"

#include <math.h>

#include "unit.h"

static struct history history;

static void note(int64_t now_ms, double rate)
{
	const double values[HISTORY_SERIES] = {rate, 7, NAN};

	history_note(&history, now_ms, values);
}

static double column(int64_t now_ms, int span_s, size_t count, size_t which)
{
	double columns[HISTORY_SECONDS];

	history_columns(&history, HISTORY_RATE, now_ms, span_s, columns, count);
	return columns[which];
}

TEST(before_the_first_note_nothing_is_known)
{
	double columns[60];

	history_init(&history);
	CHECK_INT(history_columns(&history, HISTORY_RATE, 5000, 60, columns, 60), 0);
	for (int i = 0; i < 60; i++)
		CHECK(isnan(columns[i]));
	CHECK_INT(history_span(&history, 5000), 60);
}

TEST(each_second_has_its_column_the_last_at_the_right)
{
	history_init(&history);
	for (int second = 100; second < 160; second++)
		note(second * 1000, second);
	for (size_t i = 0; i < 60; i++)
		CHECK_INT(column(159999, 60, 60, i), 100 + i);
	CHECK(isnan(column(160000, 60, 60, 59))); /* this second has not been noted yet */
	CHECK_INT(column(160000, 60, 60, 58), 159);
}

TEST(a_value_holds_since_the_one_before)
{
	history_init(&history);
	note(100000, 1);
	note(105000, 9);
	CHECK_INT(column(105000, 60, 60, 54), 1);
	for (size_t i = 55; i < 60; i++)
		CHECK_INT(column(105000, 60, 60, i), 9);
	CHECK(isnan(column(105000, 60, 60, 53)));
}

TEST(of_a_gap_nothing_is_known)
{
	history_init(&history);
	note(100000, 1);
	history_gap(&history, 103000);
	note(104000, 9);
	CHECK_INT(column(104000, 60, 60, 55), 1);
	for (size_t i = 56; i < 59; i++)
		CHECK(isnan(column(104000, 60, 60, i)));
	CHECK_INT(column(104000, 60, 60, 59), 9);
}

TEST(several_notes_of_a_second_and_several_seconds_of_a_column_have_their_mean)
{
	double columns[30];

	history_init(&history);
	note(100000, 2);
	note(100300, 4);
	note(100900, 6);
	CHECK_INT(column(100999, 60, 60, 59), 4);
	note(101000, 8);
	CHECK_INT(column(101999, 60, 30, 29), 6); /* of the seconds, not of the four notes */
	CHECK_INT(history_columns(&history, HISTORY_RATE, 101999, 60, columns, 30), 6);
	CHECK_INT(column(101999, 60, 120, 119), 8); /* more columns than seconds */
	CHECK_INT(column(101999, 60, 120, 118), 8);
	CHECK_INT(column(101999, 60, 120, 117), 4);
}

TEST(what_is_not_known_of_one_series_is_known_of_another)
{
	double columns[60];

	history_init(&history);
	note(100000, 2);
	CHECK_INT(history_columns(&history, HISTORY_LAG, 100000, 60, columns, 60), 7);
	CHECK_INT(history_columns(&history, HISTORY_HANDLER, 100000, 60, columns, 60), 0);
	CHECK(isnan(columns[59]));
}

TEST(after_ten_minutes_a_second_is_forgotten)
{
	double columns[HISTORY_SECONDS];

	history_init(&history);
	note(0, 1000);
	for (int second = 1; second < 1000; second++)
		note(second * 1000, second % 10);
	CHECK_INT(history_columns(&history, HISTORY_RATE, 999000, HISTORY_SECONDS, columns,
			  HISTORY_SECONDS),
		9);
	CHECK_INT(columns[0], 0); /* second 400 */
	CHECK_INT(columns[599], 9);
	history_gap(&history, 5000000);
	CHECK_INT(history_columns(&history, HISTORY_RATE, 5000000, HISTORY_SECONDS, columns,
			  HISTORY_SECONDS),
		0);
}

TEST(the_span_grows_with_what_is_there)
{
	history_init(&history);
	note(100000, 1);
	CHECK_INT(history_span(&history, 159000), 60);
	CHECK_INT(history_span(&history, 160000), 120);
	CHECK_INT(history_span(&history, 219000), 120);
	CHECK_INT(history_span(&history, 220000), 300);
	CHECK_INT(history_span(&history, 400000), 600);
	CHECK_INT(history_span(&history, 9000000), 600);
}

UNIT_MAIN
