#include "bruco-worker/async/ready_queue.h"

enum { KEYS = 4096 }; /* two keys in one place wait for each other needlessly */

static struct {
	struct flight *ready, **end;
	bool keeps_keys;
	struct flight *newest[KEYS]; /* of the flights with that key that are not done */
} queue;

void queue_init(bool keeps_keys)
{
	queue.end = &queue.ready;
	queue.keeps_keys = keeps_keys;
}

static struct flight **newest_of(const struct frame_record *record)
{
	uint64_t mix = 0xcbf29ce484222325U; /* FNV-1a */

	if (!queue.keeps_keys || record->key_length < 0)
		return NULL;
	for (int32_t i = 0; i < record->key_length; i++)
		mix = (mix ^ record->key[i]) * 0x100000001b3U;
	return &queue.newest[(mix ^ mix >> 32) & (KEYS - 1)];
}

void queue_add_again(struct flight *flight)
{
	flight->state = FLIGHT_READY;
	flight->next_ready = NULL;
	*queue.end = flight;
	queue.end = &flight->next_ready;
}

void queue_add(struct flight *flight, const struct frame_record *record)
{
	flight->newest = newest_of(record);
	if (flight->newest != NULL && *flight->newest != NULL) {
		(*flight->newest)->heir = flight;
		flight->state = FLIGHT_HELD;
	} else {
		queue_add_again(flight);
	}
	if (flight->newest != NULL)
		*flight->newest = flight;
}

void queue_done(struct flight *flight)
{
	if (flight->heir != NULL)
		queue_add_again(flight->heir);
	else if (flight->newest != NULL)
		*flight->newest = NULL;
}

bool queue_is_empty(void)
{
	return queue.ready == NULL;
}

struct flight *queue_take(void)
{
	struct flight *flight = queue.ready;

	queue.ready = flight->next_ready;
	if (queue.ready == NULL)
		queue.end = &queue.ready;
	return flight;
}

void queue_drop_after(uint64_t number)
{
	while (queue.ready != NULL && queue.ready->number > number)
		queue_take();
}
