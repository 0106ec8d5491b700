#include "bruco-worker/async/ready_queue.h"

#include "base/hash.h"

void ready_queue_init(struct ready_queue *queue, bool keeps_keys)
{
	*queue = (struct ready_queue){.keeps_keys = keeps_keys};
	queue->end = &queue->ready;
}

static struct call **newest_of(struct ready_queue *queue, const struct frame_record *record)
{
	uint64_t hash;

	if (!queue->keeps_keys || record->key_length < 0)
		return NULL;
	hash = hash_more(HASH_START, record->key, (size_t)record->key_length);
	return &queue->newest[(hash ^ hash >> 32) & (READY_QUEUE_KEYS - 1)];
}

void ready_queue_add_again(struct ready_queue *queue, struct call *call)
{
	call->state = CALL_READY;
	call->next_ready = NULL;
	*queue->end = call;
	queue->end = &call->next_ready;
}

void ready_queue_add(
	struct ready_queue *queue, struct call *call, const struct frame_record *record)
{
	call->newest = newest_of(queue, record);
	if (call->newest != NULL && *call->newest != NULL) {
		(*call->newest)->successor = call;
		call->state = CALL_HELD;
	} else {
		ready_queue_add_again(queue, call);
	}
	if (call->newest != NULL)
		*call->newest = call;
}

void ready_queue_release(struct ready_queue *queue, struct call *call)
{
	if (call->successor != NULL)
		ready_queue_add_again(queue, call->successor);
	else if (call->newest != NULL)
		*call->newest = NULL;
}

bool ready_queue_is_empty(const struct ready_queue *queue)
{
	return queue->ready == NULL;
}

struct call *ready_queue_pop(struct ready_queue *queue)
{
	struct call *call = queue->ready;

	queue->ready = call->next_ready;
	if (queue->ready == NULL)
		queue->end = &queue->ready;
	return call;
}

void ready_queue_drop_after(struct ready_queue *queue, uint64_t number)
{
	while (queue->ready != NULL && queue->ready->number > number)
		ready_queue_pop(queue);
}
