/* Outputs of calls that end in any order leave in the order of the input. */
#include "base/mem.h"
#include "bruco-worker/async/reorder.h"
#include "unit.h"

static struct reorder reorder;
static struct buf out;

static struct call *push(uint64_t seq)
{
	CHECK(reorder_has_room(&reorder));
	return reorder_push(&reorder, seq);
}

static void give(struct call *call, const char *text, size_t length)
{
	buf_append(&call->out, text, length);
	reorder_keep(&reorder, call);
}

TEST(outputs_leave_in_the_order_of_the_input)
{
	struct call *first, *second, *third;

	reorder_init(&reorder, 4);
	first = push(11);
	second = push(12);
	third = push(15);
	give(third, "ccc", 3);
	give(first, "a", 1);
	give(second, "bb", 2);
	for (int i = 0; i < 3; i++)
		reorder_pop(&reorder, &out);
	CHECK_BYTES(out.data, out.length, "abbccc", 6);
	CHECK(reorder_is_empty(&reorder));
}

TEST(calls_are_found_by_number_and_in_their_order)
{
	struct call *first, *second;

	reorder_init(&reorder, 4);
	CHECK(reorder_first(&reorder) == NULL);
	CHECK_INT(reorder_next_number(&reorder), 0);
	first = push(7);
	second = push(9);
	CHECK_INT(second->number, 1);
	CHECK_INT(second->seq, 9);
	CHECK(reorder_at(&reorder, 1) == second);
	CHECK(reorder_first(&reorder) == first);
	CHECK(reorder_after(&reorder, first) == second);
	CHECK(reorder_after(&reorder, second) == NULL);
	reorder_pop(&reorder, &out);
	CHECK(reorder_first(&reorder) == second);
	CHECK_INT(reorder_next_number(&reorder), 2);
}

TEST(four_times_as_many_calls_as_may_run_have_room)
{
	reorder_init(&reorder, 8);
	for (int i = 0; i < 32; i++)
		push((uint64_t)i);
	CHECK(!reorder_has_room(&reorder));
	reorder_pop(&reorder, &out);
	push(32);
	CHECK(!reorder_has_room(&reorder));
}

TEST(kept_bytes_are_bounded_until_they_leave)
{
	struct call *call;

	reorder_init(&reorder, 8);
	push(1);
	call = push(2);
	buf_reserve(&call->out, REORDER_KEPT_MAX);
	call->out.length = REORDER_KEPT_MAX - 1;
	reorder_keep(&reorder, call);
	CHECK(reorder_has_room(&reorder));
	give(push(3), "x", 1);
	CHECK(!reorder_has_room(&reorder));
	reorder_pop(&reorder, &out);
	CHECK(!reorder_has_room(&reorder));
	reorder_pop(&reorder, &out);
	CHECK(reorder_has_room(&reorder));
}

TEST(a_place_is_used_again_with_nothing_of_the_call_before)
{
	struct call *call;

	reorder_init(&reorder, 1);
	for (uint64_t number = 0; number < 1000; number++) {
		call = push(number * 2);
		CHECK_INT(call->number, number);
		CHECK_INT(call->seq, number * 2);
		CHECK_INT(call->attempt, 0);
		CHECK_INT(call->out.length, 0);
		CHECK(call->successor == NULL);
		call->attempt = 7;
		call->successor = call;
		give(call, "x", 1);
		reorder_pop(&reorder, &out);
	}
	CHECK_INT(out.length, 1000);
	CHECK_INT(reorder.kept, 0);
	reorder_release(&reorder);
}

UNIT_MAIN
