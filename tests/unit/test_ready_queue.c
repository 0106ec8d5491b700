/* Which calls may run: all but those behind an earlier one with the same key. */
#include <string.h>

#include "bruco-worker/async/ready_queue.h"
#include "unit.h"

static struct ready_queue queue;
static struct call calls[8];

static struct call *add(int number, const char *key)
{
	struct frame_record record = {.key = (const uint8_t *)key,
		.key_length = key == NULL ? FRAME_NULL : (int32_t)strlen(key)};

	calls[number].number = (uint64_t)number;
	ready_queue_add(&queue, &calls[number], &record);
	return &calls[number];
}

static long long pop(void)
{
	return ready_queue_is_empty(&queue) ? -1 : (long long)ready_queue_pop(&queue)->number;
}

TEST(calls_run_in_the_order_in_which_they_became_ready)
{
	ready_queue_init(&queue, true);
	add(1, "a");
	add(2, "b");
	add(3, "c");
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 2);
	add(4, "d");
	CHECK_INT(pop(), 3);
	CHECK_INT(pop(), 4);
	CHECK_INT(pop(), -1);
}

TEST(a_key_waits_for_its_earlier_call)
{
	struct call *first, *second, *third;

	ready_queue_init(&queue, true);
	first = add(1, "a");
	second = add(2, "a");
	third = add(3, "a");
	add(4, "b");
	CHECK_INT(first->state, CALL_READY);
	CHECK_INT(second->state, CALL_HELD);
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 4);
	CHECK_INT(pop(), -1);
	ready_queue_release(&queue, first);
	CHECK_INT(second->state, CALL_READY);
	CHECK_INT(third->state, CALL_HELD);
	CHECK_INT(pop(), 2);
	CHECK_INT(pop(), -1);
	ready_queue_release(&queue, second);
	CHECK_INT(pop(), 3);
	ready_queue_release(&queue, third);
	CHECK_INT(add(5, "a")->state, CALL_READY);
}

TEST(another_attempt_goes_before_the_next_call_of_its_key)
{
	struct call *first;

	ready_queue_init(&queue, true);
	first = add(1, "a");
	add(2, "a");
	CHECK_INT(pop(), 1);
	ready_queue_add_again(&queue, first);
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), -1);
	ready_queue_release(&queue, first);
	CHECK_INT(pop(), 2);
}

TEST(events_without_a_key_wait_for_nobody_and_an_empty_key_is_one)
{
	ready_queue_init(&queue, true);
	CHECK_INT(add(1, NULL)->state, CALL_READY);
	CHECK_INT(add(2, NULL)->state, CALL_READY);
	CHECK_INT(add(3, "")->state, CALL_READY);
	CHECK_INT(add(4, "")->state, CALL_HELD);
}

TEST(without_ordering_a_key_waits_for_nobody)
{
	ready_queue_init(&queue, false);
	CHECK_INT(add(1, "a")->state, CALL_READY);
	CHECK_INT(add(2, "a")->state, CALL_READY);
}

TEST(later_ones_are_dropped_and_earlier_ones_are_not)
{
	ready_queue_init(&queue, true);
	add(5, "a");
	add(6, "b");
	ready_queue_drop_after(&queue, 5);
	CHECK_INT(pop(), 5);
	ready_queue_drop_after(&queue, 5);
	CHECK_INT(pop(), -1);
	add(7, "c");
	CHECK_INT(pop(), 7);
}

UNIT_MAIN
