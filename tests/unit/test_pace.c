#include "lane/pace.h"

#include "unit.h"

static struct pace pace;

TEST(a_steady_worker_is_told_by_what_it_did)
{
	uint64_t done = 0;

	pace_begin(&pace, 1000, done);
	for (int64_t now = 1010; now <= 5000; now += 10) /* 5,000 a second */
		pace_note(&pace, now, done += 50);
	CHECK(pace_estimate(&pace, 5000, done, 10000) > 1900);
	CHECK(pace_estimate(&pace, 5000, done, 10000) < 2100);
	for (int64_t now = 5010; now <= 7000; now += 10) /* then ten times as many */
		pace_note(&pace, now, done += 500);
	CHECK(pace_estimate(&pace, 7000, done, 10000) > 190);
	CHECK(pace_estimate(&pace, 7000, done, 10000) < 210);
}

TEST(one_that_stands_still_needs_long)
{
	uint64_t done = 0;

	pace_begin(&pace, 0, done);
	CHECK_INT(pace_estimate(&pace, 50, done, 1000000), 0); /* too early to tell */
	CHECK_INT(pace_estimate(&pace, 200, done, 100), 20000);
	for (int64_t now = 300; now <= 5000; now += 100)
		pace_note(&pace, now, done += 1000);
	CHECK(pace_estimate(&pace, 5000, done, 100) < 50);
	CHECK(pace_estimate(&pace, 5300, done, 1) > 2000); /* the next one takes 40 s */
	CHECK(pace_estimate(&pace, 45000, done, 1) > 40000);
}

TEST(a_second_of_work_is_what_was_done_in_the_last_one)
{
	uint64_t done = 0;

	pace_begin(&pace, 0, 0);
	CHECK_INT(pace_second(&pace, 10, 0), 0);
	for (int64_t now = 50; now <= 3000; now += 50) /* an event takes 50 ms */
		pace_note(&pace, now, ++done);
	CHECK_INT(pace_second(&pace, 3000, done), 20);
	for (int64_t now = 3001; now <= 3400; now++) /* then 1 ms */
		pace_note(&pace, now, ++done);
	CHECK(pace_second(&pace, 3400, done) >= 400);
	for (int64_t now = 4400; now <= 9400; now += 1000) /* then a second */
		pace_note(&pace, now, ++done);
	CHECK_INT(pace_second(&pace, 9400, done), 1);
	CHECK_INT(pace_second(&pace, 19400, done), 0); /* it is stuck */
}

TEST(time_without_work_does_not_count)
{
	pace_begin(&pace, 0, 0);
	for (int64_t now = 1; now <= 2000; now++)
		pace_note(&pace, now, (uint64_t)now);
	pace_idle(&pace, 2000);
	pace_begin(&pace, 60000, 2000);
	CHECK(pace_second(&pace, 60000, 2000) >= 950 && pace_second(&pace, 60000, 2000) <= 1050);
}

TEST(a_new_lane_grows_from_turn_to_turn)
{
	uint64_t done = 0, limit = 2;
	int turns = 0;

	pace_begin(&pace, 0, 0);
	for (int64_t now = 5; limit < 100000; now += 5, turns++) { /* each turn takes 5 ms */
		pace_note(&pace, now, done += limit);
		limit = pace_second(&pace, now, done);
		CHECK(turns < 20);
	}
}

TEST(what_was_before_a_pause_says_nothing)
{
	pace_begin(&pace, 0, 0);
	pace_note(&pace, 600, 3);
	pace_idle(&pace, 600);
	pace_begin(&pace, 100000, 3); /* nothing to do for a long time, then a lot */
	CHECK_INT(pace_estimate(&pace, 100050, 3, 20000), 0);
	pace_note(&pace, 100150, 5000);
	CHECK(pace_estimate(&pace, 100150, 5000, 20000) < 700);
}

TEST(who_was_kept_waiting_by_the_sink_did_not_stand_still)
{
	pace_begin(&pace, 0, 0);
	for (uint64_t i = 1; i <= 20; i++)
		pace_note(&pace, (int64_t)i * 50, i * 1000);
	CHECK(pace_estimate(&pace, 1300, 20000, 100) >= 2000);
	pace_excuse(&pace, 1300);
	CHECK(pace_estimate(&pace, 1300, 20000, 100) < 20);
}

UNIT_MAIN
