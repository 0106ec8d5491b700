#include "bruco-source/backlog.h"

#include "unit.h"

static struct backlog backlog;
static struct tracker tracker;
static char records[10];

static void add(unsigned queue, int number)
{
	backlog_add(&backlog, queue, &records[number], 10, tracker_dispatch(&tracker, number));
}

static void expect(unsigned queue, int number)
{
	CHECK(backlog_first(&backlog, queue)->record == &records[number]);
	CHECK(backlog_pop(&backlog, queue) == &records[number]);
}

TEST(a_record_waits_for_those_of_its_own_lane_only)
{
	tracker_begin(&tracker);
	backlog_init(&backlog, 3);
	CHECK(backlog_first(&backlog, 2) == NULL);
	CHECK_INT(backlog_count(&backlog, 2), 0);
	add(0, 0);
	add(2, 1);
	add(0, 2);
	add(2, 3);
	CHECK_INT(backlog.count, 4);
	CHECK_INT(backlog.bytes, 40);
	CHECK_INT(backlog_count(&backlog, 2), 2);
	expect(2, 1);
	expect(2, 3);
	expect(0, 0);
	add(2, 4);
	expect(0, 2);
	expect(2, 4);
	CHECK(backlog_first(&backlog, 0) == NULL);
	CHECK_INT(backlog.count, 0);
	CHECK_INT(backlog.bytes, 0);
	backlog_release(&backlog);
}

TEST(what_was_overtaken_is_not_left_for_another_time)
{
	uint64_t index;

	tracker_begin(&tracker);
	backlog_init(&backlog, 2);
	add(0, 0);
	add(1, 1);
	index = tracker_dispatch(&tracker, 2); /* went into its lane */
	add(0, 3);
	add(1, 4);
	add(0, 5);
	CHECK(backlog_withdraw(&backlog, &tracker) == &records[5]);
	CHECK(backlog_withdraw(&backlog, &tracker) == &records[4]);
	CHECK(backlog_withdraw(&backlog, &tracker) == &records[3]);
	CHECK(backlog_withdraw(&backlog, &tracker) == NULL);
	CHECK_INT(backlog.count, 2);
	CHECK(tracker_done(&tracker, tracker.epoch, index));
	CHECK_INT(tracker_frontier(&tracker), -1);
	CHECK(backlog_withdraw(&backlog, &tracker) == NULL); /* done is as good as under way */
	CHECK(tracker_done(&tracker, tracker.epoch, 0));
	expect(0, 0);
	CHECK_INT(tracker_frontier(&tracker), 1);
	CHECK(tracker_done(&tracker, tracker.epoch, 1));
	expect(1, 1);
	CHECK_INT(tracker_frontier(&tracker), 3);
	CHECK(tracker_idle(&tracker));
	add(1, 6);
	CHECK(backlog_withdraw(&backlog, &tracker) == &records[6]);
	CHECK(tracker_idle(&tracker));
	CHECK_INT(tracker_frontier(&tracker), 3);
}

static unsigned only(const void *record, void *argument)
{
	(void)record;
	return *(const unsigned *)argument;
}

static unsigned by_number(const void *record, void *argument)
{
	(void)argument;
	return (unsigned)((const char *)record - records) % 2;
}

TEST(other_queues_keep_the_order_in_which_records_came)
{
	unsigned queue = 0;

	tracker_begin(&tracker);
	backlog_init(&backlog, 3);
	backlog_spread(&backlog, 2, only, &queue); /* nothing waits */
	backlog_spread(&backlog, 3, only, &queue);
	add(2, 0);
	add(0, 1);
	add(1, 2);
	add(0, 3);
	add(2, 4);
	backlog_spread(&backlog, 1, only, &queue);
	CHECK_INT(backlog.count, 5);
	CHECK_INT(backlog.bytes, 50);
	CHECK_INT(backlog_count(&backlog, 0), 5);
	expect(0, 0);
	backlog_spread(&backlog, 2, by_number, NULL);
	expect(0, 2);
	expect(0, 4);
	expect(1, 1);
	expect(1, 3);
	CHECK_INT(backlog.bytes, 0);
	backlog_release(&backlog);
}

UNIT_MAIN
