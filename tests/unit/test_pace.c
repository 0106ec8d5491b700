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

TEST(what_was_before_a_pause_says_nothing)
{
	pace_begin(&pace, 0, 0);
	pace_note(&pace, 600, 3);
	pace_begin(&pace, 100000, 3); /* nothing to do for a long time, then a lot */
	CHECK_INT(pace_estimate(&pace, 100050, 3, 20000), 0);
	pace_note(&pace, 100150, 5000);
	CHECK(pace_estimate(&pace, 100150, 5000, 20000) < 700);
}

UNIT_MAIN
