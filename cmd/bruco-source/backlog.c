#include "bruco-source/backlog.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

void backlog_init(struct backlog *backlog, unsigned queue_count)
{
	*backlog = (struct backlog){.queue_count = queue_count};
}

void backlog_release(struct backlog *backlog)
{
	assert(backlog->count == 0);
	free(backlog->queues);
	*backlog = (struct backlog){0};
}

void backlog_add(
	struct backlog *backlog, unsigned queue, void *record, size_t bytes, uint64_t index)
{
	struct waiting *waiting = mem_alloc(sizeof *waiting);
	struct backlog_queue *to;

	assert(queue < backlog->queue_count);
	if (backlog->queues == NULL)
		backlog->queues = mem_array(backlog->queue_count, sizeof *backlog->queues);
	to = &backlog->queues[queue];
	*waiting = (struct waiting){
		.previous = to->last, .record = record, .bytes = bytes, .index = index};
	if (to->last == NULL)
		to->first = waiting;
	else
		to->last->next = waiting;
	to->last = waiting;
	to->count++;
	backlog->count++;
	backlog->bytes += bytes;
}

static void *remove_first(struct backlog *backlog, unsigned queue, struct waiting *waiting)
{
	struct backlog_queue *from = &backlog->queues[queue];
	void *record = waiting->record;

	if (waiting->previous == NULL)
		from->first = waiting->next;
	else
		waiting->previous->next = waiting->next;
	if (waiting->next == NULL)
		from->last = waiting->previous;
	else
		waiting->next->previous = waiting->previous;
	from->count--;
	backlog->count--;
	backlog->bytes -= waiting->bytes;
	free(waiting);
	return record;
}

void *backlog_pop(struct backlog *backlog, unsigned queue)
{
	return remove_first(backlog, queue, backlog->queues[queue].first);
}

/* The queue with the record that came first; there is one. */
static unsigned oldest(const struct backlog *backlog)
{
	unsigned best = 0;

	for (unsigned i = 0; i < backlog->queue_count; i++) {
		const struct waiting *first = backlog->queues[i].first;

		if (first != NULL && (backlog->queues[best].first == NULL ||
					     first->index < backlog->queues[best].first->index))
			best = i;
	}
	return best;
}

void backlog_spread(struct backlog *backlog, unsigned queue_count,
	unsigned (*queue_of)(const void *record, void *argument), void *argument)
{
	struct backlog next;

	backlog_init(&next, queue_count);
	while (backlog->count > 0) {
		unsigned queue = oldest(backlog);
		struct waiting first = *backlog->queues[queue].first;
		void *record = backlog_pop(backlog, queue);

		backlog_add(&next, queue_of(record, argument), record, first.bytes, first.index);
	}
	backlog_release(backlog);
	*backlog = next;
}

void *backlog_withdraw(struct backlog *backlog, struct tracker *tracker)
{
	if (backlog->count == 0)
		return NULL;
	for (unsigned i = 0; i < backlog->queue_count; i++) {
		struct waiting *last = backlog->queues[i].last;

		if (last != NULL && tracker_withdraw(tracker, last->index))
			return remove_first(backlog, i, last);
	}
	return NULL;
}
