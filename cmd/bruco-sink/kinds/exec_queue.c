#include "bruco-sink/kinds/exec_queue.h"

#include <string.h>

#include "base/mem.h"

enum { COMPACT_AT = 1 << 20 };

size_t exec_queue_unwritten(const struct exec_queue *queue, size_t count)
{
	size_t end = count == 0 ? queue->acknowledged : queue->records[queue->first + count - 1].end;

	return end > queue->written ? end - queue->written : 0;
}

void exec_queue_add(struct exec_queue *queue, uint64_t ticket)
{
	if (queue->last == queue->capacity) {
		queue->capacity = queue->capacity * 2 + 64;
		queue->records = mem_grow(queue->records, queue->capacity, sizeof *queue->records);
	}
	queue->records[queue->last++] = (struct exec_record){ticket, queue->bytes.length};
}

size_t exec_queue_whole(const struct exec_queue *queue)
{
	size_t low = queue->first, high = queue->last;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (queue->records[middle].end <= queue->written)
			low = middle + 1;
		else
			high = middle;
	}
	return low - queue->first;
}

/* What is done goes when all is, or when it is more than what is left. */
static void compact(struct exec_queue *queue)
{
	size_t gone = queue->acknowledged, count = exec_queue_count(queue);

	if (count > 0 && (gone < COMPACT_AT || gone < queue->bytes.length / 2))
		return;
	buf_drop(&queue->bytes, gone);
	queue->written -= gone;
	queue->acknowledged = 0;
	if (count > 0)
		memmove(queue->records, queue->records + queue->first, count * sizeof *queue->records);
	queue->first = 0;
	queue->last = count;
	for (size_t i = 0; i < count; i++)
		queue->records[i].end -= gone;
}

uint64_t exec_queue_take(struct exec_queue *queue)
{
	struct exec_record record = queue->records[queue->first++];

	queue->acknowledged = record.end;
	compact(queue);
	return record.ticket;
}
