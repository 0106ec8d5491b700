#include "lane/rate.h"

#include "unit.h"

static struct rate rate;

/* How many pass from `from` to `to` when somebody looks every `step` milliseconds. */
static int64_t pass(int64_t from, int64_t to, int64_t step)
{
	int64_t count = 0;

	for (int64_t now = from; now < to; now += step)
		while (rate_allows(&rate, now)) {
			rate_take(&rate);
			count++;
		}
	return count;
}

static void check_minute(int64_t per_hour, int64_t step)
{
	int64_t want = per_hour / 60, got;

	rate_init(&rate, per_hour, 0, 0);
	pass(0, 1000, step);
	got = pass(1000, 61000, step);
	if (got < want * 98 / 100 || got > want * 102 / 100 + 1)
		unit_fail(__FILE__, __LINE__, "%lld in a minute, not %lld", (long long)got,
			(long long)want);
}

TEST(a_minute_lets_pass_what_it_should_within_two_percent)
{
	check_minute(100 * 3600, 1);
	check_minute(100 * 3600, 20);
	check_minute(7 * 3600, 20);
	check_minute(INT64_C(1000000) * 3600, 5);
	check_minute(6000 * 60, 13);
}

TEST(without_a_limit_all_passes_at_once)
{
	rate_init(&rate, 0, 0, 0);
	for (int i = 0; i < 1000; i++) {
		CHECK(rate_allows(&rate, 0));
		rate_take(&rate);
	}
	CHECK_INT(rate_wait(&rate, 0), 0);
}

TEST(one_an_hour)
{
	rate_init(&rate, 1, 0, 0);
	CHECK(rate_allows(&rate, 0));
	rate_take(&rate);
	CHECK(!rate_allows(&rate, 3599999));
	CHECK_INT(rate_wait(&rate, 3599999), 1);
	CHECK(rate_allows(&rate, 3600000));
}

TEST(a_burst_is_what_was_not_used_and_no_more)
{
	rate_init(&rate, 100 * 3600, 50, 0);
	CHECK_INT(pass(0, 1, 1), 1); /* none was saved yet */
	CHECK_INT(pass(100000, 100001, 1), 50);
	CHECK_INT(pass(100001, 100101, 1), 10);
	rate_init(&rate, 100 * 3600, 0, 0); /* a tenth of a second's worth */
	CHECK_INT(pass(100000, 100001, 1), 10);
}

TEST(the_wait_is_exact_and_never_none)
{
	rate_init(&rate, 3600, 1, 5000);
	rate_take(&rate);
	CHECK_INT(rate_wait(&rate, 5000), 1000);
	CHECK_INT(rate_wait(&rate, 5999), 1);
	CHECK(!rate_allows(&rate, 5999));
	CHECK(rate_allows(&rate, 6000));
}

TEST(a_clock_that_stands_or_runs_back_and_ages_without_a_look)
{
	rate_init(&rate, INT64_C(1000000) * 3600, 0, 1000);
	CHECK(rate_allows(&rate, 0));
	rate_take(&rate);
	CHECK(!rate_allows(&rate, 0));
	CHECK(rate_allows(&rate, INT64_MAX / 2));
	CHECK_INT(pass(INT64_MAX / 2, INT64_MAX / 2 + 1, 1), 100000);
}

UNIT_MAIN
