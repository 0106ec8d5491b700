#include "lane/tracker.h"

#include <stdlib.h>

#include "unit.h"

static struct tracker tracker;

TEST(frontier_is_contiguous_and_skips_gaps)
{
	uint64_t a, b, c;

	tracker_begin(&tracker);
	CHECK_INT(tracker_frontier(&tracker), -1);
	a = tracker_dispatch(&tracker, 10);
	b = tracker_dispatch(&tracker, 15); /* 11 to 14 were compacted away */
	c = tracker_dispatch(&tracker, 16);
	CHECK(tracker_done(&tracker, tracker.epoch, c));
	CHECK_INT(tracker_frontier(&tracker), -1);
	CHECK(tracker_done(&tracker, tracker.epoch, a));
	CHECK_INT(tracker_frontier(&tracker), 11);
	CHECK(tracker_done(&tracker, tracker.epoch, b));
	CHECK_INT(tracker_frontier(&tracker), 17);
	CHECK(tracker_idle(&tracker));
}

TEST(nothing_stands_behind_the_last_offset)
{
	uint64_t index;

	tracker_begin(&tracker);
	index = tracker_dispatch(&tracker, INT64_MAX - 1);
	CHECK(tracker_done(&tracker, tracker.epoch, index));
	CHECK_INT(tracker_frontier(&tracker), INT64_MAX);
	index = tracker_dispatch(&tracker, INT64_MAX);
	CHECK(tracker_done(&tracker, tracker.epoch, index));
	CHECK_INT(tracker_frontier(&tracker), INT64_MAX);
	tracker_pass(&tracker, INT64_MAX);
	CHECK_INT(tracker_frontier(&tracker), INT64_MAX);
	CHECK(tracker_idle(&tracker));
}

TEST(what_has_no_record_is_passed_when_all_before_it_is_done)
{
	uint64_t a, b;

	tracker_begin(&tracker);
	tracker_pass(&tracker, 0);
	CHECK_INT(tracker_frontier(&tracker), -1);
	tracker_pass(&tracker, 7); /* nothing but control records so far */
	CHECK_INT(tracker_frontier(&tracker), 7);
	tracker_pass(&tracker, 6);
	CHECK_INT(tracker_frontier(&tracker), 7);
	a = tracker_dispatch(&tracker, 9);
	tracker_pass(&tracker, 10); /* right behind it: it says nothing new */
	CHECK_INT((int64_t)(tracker.next - tracker.first), 1);
	tracker_pass(&tracker, 12);
	tracker_pass(&tracker, 14);
	CHECK_INT((int64_t)(tracker.next - tracker.first), 2); /* however often it is said */
	b = tracker_dispatch(&tracker, 20);
	tracker_pass(&tracker, 23);
	CHECK(!tracker_idle(&tracker));
	CHECK_INT(tracker_frontier(&tracker), 7);
	tracker_done(&tracker, tracker.epoch, b);
	CHECK_INT(tracker_frontier(&tracker), 7);
	tracker_done(&tracker, tracker.epoch, a);
	CHECK_INT(tracker_frontier(&tracker), 23);
	CHECK(tracker_idle(&tracker));
	tracker_end(&tracker);
	tracker_pass(&tracker, 30); /* no assignment */
	CHECK_INT(tracker_frontier(&tracker), -1);
}

TEST(what_is_passed_behind_a_done_record_waits_for_those_before_it)
{
	uint64_t a, b;

	tracker_begin(&tracker);
	a = tracker_dispatch(&tracker, 3);
	b = tracker_dispatch(&tracker, 4);
	tracker_done(&tracker, tracker.epoch, b);
	tracker_pass(&tracker, 8);
	CHECK_INT((int64_t)(tracker.next - tracker.first), 2);
	CHECK_INT(tracker_frontier(&tracker), -1);
	tracker_done(&tracker, tracker.epoch, a);
	CHECK_INT(tracker_frontier(&tracker), 8);
}

TEST(an_earlier_assignment_changes_nothing)
{
	uint32_t before;
	uint64_t index;

	tracker_begin(&tracker);
	before = tracker.epoch;
	index = tracker_dispatch(&tracker, 5);
	tracker_end(&tracker);
	CHECK(!tracker_done(&tracker, before, index));
	CHECK_INT(tracker_frontier(&tracker), -1);
	tracker_begin(&tracker);
	tracker_dispatch(&tracker, 3);
	CHECK(!tracker_done(&tracker, before, index));
	CHECK_INT(tracker_frontier(&tracker), -1);
}

TEST(random_order_ends_at_the_last)
{
	enum { COUNT = 5000 };
	static uint64_t indexes[COUNT];
	static bool done[COUNT];

	srand(3);
	tracker_begin(&tracker);
	for (int i = 0; i < COUNT; i++)
		indexes[i] = tracker_dispatch(&tracker, i * 2);
	for (int i = COUNT - 1; i > 0; i--) {
		int j = rand() % (i + 1);
		uint64_t swap = indexes[i];

		indexes[i] = indexes[j];
		indexes[j] = swap;
	}
	for (int i = 0, frontier = 0; i < COUNT; i++) {
		tracker_done(&tracker, tracker.epoch, indexes[i]);
		done[indexes[i]] = true;
		while (frontier < COUNT && done[frontier])
			frontier++;
		CHECK_INT(tracker_frontier(&tracker), frontier == 0 ? -1 : (frontier - 1) * 2 + 1);
	}
}

TEST(span_is_bounded)
{
	tracker_begin(&tracker);
	for (int64_t i = 0; i < TRACKER_SPAN_MAX; i++) {
		CHECK(!tracker_full(&tracker));
		tracker_dispatch(&tracker, i);
	}
	CHECK(tracker_full(&tracker));
	tracker_done(&tracker, tracker.epoch, 1);
	CHECK(tracker_full(&tracker));
	tracker_done(&tracker, tracker.epoch, 0);
	CHECK(!tracker_full(&tracker));
}

TEST(only_the_newest_is_taken_back)
{
	uint64_t a, b;

	tracker_begin(&tracker);
	a = tracker_dispatch(&tracker, 1);
	b = tracker_dispatch(&tracker, 2);
	CHECK(!tracker_withdraw(&tracker, a));
	CHECK(tracker_withdraw(&tracker, b));
	CHECK(!tracker_withdraw(&tracker, b));
	CHECK(tracker_done(&tracker, tracker.epoch, a));
	CHECK_INT(tracker_frontier(&tracker), 2);
	CHECK(!tracker_withdraw(&tracker, a));
	CHECK_INT(tracker_dispatch(&tracker, 2), b);
}

TEST(what_waits_may_be_beyond_the_span)
{
	tracker_begin(&tracker);
	for (int64_t i = 0; i <= TRACKER_SPAN_MAX; i++)
		tracker_dispatch(&tracker, i);
	CHECK(!tracker_beyond(&tracker, TRACKER_SPAN_MAX - 1));
	CHECK(tracker_beyond(&tracker, TRACKER_SPAN_MAX));
	tracker_done(&tracker, tracker.epoch, 0);
	CHECK(!tracker_beyond(&tracker, TRACKER_SPAN_MAX));
}

UNIT_MAIN
