#include "bruco-worker/async/ready_queue.h"

enum { KEYS = 4096 }; /* two keys in one place wait for each other needlessly */

static struct {
	struct call *ready, **end;
	bool keeps_keys;
	struct call *newest[KEYS]; /* of the calls with that key that are not done */
} ready_queue;

void ready_queue_init(bool keeps_keys)
{
	ready_queue.end = &ready_queue.ready;
	ready_queue.keeps_keys = keeps_keys;
}

static struct call **newest_of(const struct frame_record *record)
{
	uint64_t mix = 0xcbf29ce484222325U; /* FNV-1a */

	if (!ready_queue.keeps_keys || record->key_length < 0)
		return NULL;
	for (int32_t i = 0; i < record->key_length; i++)
		mix = (mix ^ record->key[i]) * 0x100000001b3U;
	return &ready_queue.newest[(mix ^ mix >> 32) & (KEYS - 1)];
}

void ready_queue_add_again(struct call *call)
{
	call->state = CALL_READY;
	call->next_ready = NULL;
	*ready_queue.end = call;
	ready_queue.end = &call->next_ready;
}

void ready_queue_add(struct call *call, const struct frame_record *record)
{
	call->newest = newest_of(record);
	if (call->newest != NULL && *call->newest != NULL) {
		(*call->newest)->successor = call;
		call->state = CALL_HELD;
	} else {
		ready_queue_add_again(call);
	}
	if (call->newest != NULL)
		*call->newest = call;
}

void ready_queue_release(struct call *call)
{
	if (call->successor != NULL)
		ready_queue_add_again(call->successor);
	else if (call->newest != NULL)
		*call->newest = NULL;
}

bool ready_queue_is_empty(void)
{
	return ready_queue.ready == NULL;
}

struct call *ready_queue_pop(void)
{
	struct call *call = ready_queue.ready;

	ready_queue.ready = call->next_ready;
	if (ready_queue.ready == NULL)
		ready_queue.end = &ready_queue.ready;
	return call;
}

void ready_queue_drop_after(uint64_t number)
{
	while (ready_queue.ready != NULL && ready_queue.ready->number > number)
		ready_queue_pop();
}
