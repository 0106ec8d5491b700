/* The records of an exec sink: what is written, what is acknowledged, and what a new program is given. */

#include "bruco-sink/kinds/exec_queue.h"

#include <stdlib.h>

#include "unit.h"

static unsigned random_below(unsigned limit)
{
	static unsigned long long state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state >> 33) % limit;
}

static void add(struct exec_queue *queue, uint64_t ticket, size_t length)
{
	for (size_t i = 0; i < length; i++)
		buf_byte(&queue->bytes, (uint8_t)ticket);
	exec_queue_add(queue, ticket);
}

static void release(struct exec_queue *queue)
{
	buf_release(&queue->bytes);
	free(queue->records);
}

TEST(a_record_counts_when_it_is_written_whole)
{
	struct exec_queue queue = {0};

	CHECK_INT(exec_queue_unwritten(&queue, 0), 0);
	CHECK_INT(exec_queue_whole(&queue), 0);
	add(&queue, 1, 10);
	add(&queue, 2, 5);
	CHECK_INT(exec_queue_unwritten(&queue, 1), 10);
	CHECK_INT(exec_queue_unwritten(&queue, 2), 15);
	queue.written = 9;
	CHECK_INT(exec_queue_whole(&queue), 0);
	queue.written = 14;
	CHECK_INT(exec_queue_whole(&queue), 1);
	CHECK_INT(exec_queue_unwritten(&queue, 1), 0);
	CHECK_INT(exec_queue_take(&queue), 1);
	CHECK_INT(exec_queue_whole(&queue), 0);
	exec_queue_rewind(&queue); /* the second one comes whole to the next program */
	CHECK_INT(exec_queue_unwritten(&queue, 1), 5);
	CHECK_INT(queue.bytes.data[queue.written], 2);
	release(&queue);
}

/* Whatever is forgotten of what is done, the bytes at `written` are those of the record that is next. */
TEST(records_keep_their_bytes_while_others_go)
{
	struct exec_queue queue = {0};
	uint64_t added = 0, taken = 0;

	for (int round = 0; round < 3000; round++) {
		size_t whole, length = 1 + random_below(4000);

		add(&queue, ++added, length);
		if (random_below(3) != 0)
			queue.written = queue.bytes.length - random_below((unsigned)length);
		if (random_below(50) == 0)
			exec_queue_rewind(&queue);
		whole = exec_queue_whole(&queue);
		for (size_t n = whole == 0 ? 0 : random_below((unsigned)whole); n > 0; n--) {
			CHECK_INT(exec_queue_take(&queue), ++taken);
			CHECK(queue.written >= queue.acknowledged);
		}
		CHECK_INT(exec_queue_count(&queue), added - taken);
		if (added > taken)
			CHECK_INT(queue.bytes.data[queue.acknowledged], (uint8_t)(taken + 1));
		CHECK_INT(queue.records[queue.last - 1].end, queue.bytes.length);
	}
	while (taken < added) {
		queue.written = queue.bytes.length;
		CHECK_INT(exec_queue_take(&queue), ++taken);
	}
	CHECK_INT(queue.bytes.length, 0);
	CHECK_INT(queue.written, 0);
	release(&queue);
}

UNIT_MAIN
