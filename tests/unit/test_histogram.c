#include "stats/histogram.h"

#include "unit.h"

static struct histogram histogram;

static struct histogram_sum sum_up(void)
{
	struct histogram_sum sum = {0};

	histogram_sum_add(&sum, &histogram);
	return sum;
}

TEST(a_time_is_in_the_first_class_whose_bound_it_does_not_pass)
{
	struct histogram_sum sum;

	for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
		int64_t bound_ns = histogram_bounds_us[i] * INT64_C(1000);

		histogram_add(&histogram, bound_ns);
		histogram_add(&histogram, bound_ns + 1000);
	}
	sum = sum_up();
	CHECK_INT(sum.classes[0], 1);
	for (int i = 1; i < HISTOGRAM_BOUNDS; i++)
		CHECK_INT(sum.classes[i], 2);
	CHECK_INT(sum.classes[HISTOGRAM_BOUNDS], 1);
	CHECK_INT(histogram_sum_count(&sum), 2 * HISTOGRAM_BOUNDS);
}

TEST(the_bounds_ascend_from_10_us_to_a_minute)
{
	CHECK_INT(histogram_bounds_us[0], 10);
	CHECK_INT(histogram_bounds_us[HISTOGRAM_BOUNDS - 1], 60000000);
	for (int i = 1; i < HISTOGRAM_BOUNDS; i++)
		CHECK(histogram_bounds_us[i] > histogram_bounds_us[i - 1]);
}

TEST(no_time_and_a_clock_that_ran_back_are_0)
{
	struct histogram_sum sum;

	histogram_add(&histogram, 0);
	histogram_add(&histogram, -5);
	histogram_add(&histogram, INT64_MIN);
	sum = sum_up();
	CHECK_INT(sum.classes[0], 3);
	CHECK_INT(sum.sum_us, 0);
}

TEST(several_are_summed)
{
	struct histogram_sum sum = {0};

	histogram_add(&histogram, 1500000);
	histogram_sum_add(&sum, &histogram);
	histogram_sum_add(&sum, &histogram);
	CHECK_INT(histogram_sum_count(&sum), 2);
	CHECK_INT(sum.sum_us, 3000);
}

TEST(a_share_is_the_bound_of_its_class)
{
	struct histogram_sum sum = {0};

	CHECK_INT(histogram_sum_share_us(&sum, 0.5), 0); /* there is none */
	for (int i = 0; i < 99; i++)
		histogram_add(&histogram, 5000); /* 5 us */
	histogram_add(&histogram, INT64_C(3600000000000));
	sum = sum_up();
	CHECK_INT(histogram_sum_share_us(&sum, 0.5), 10);
	CHECK_INT(histogram_sum_share_us(&sum, 0.99), 10);
	CHECK_INT(histogram_sum_share_us(&sum, 1), 60000000); /* above the last bound */
}

UNIT_MAIN
