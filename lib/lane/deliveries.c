#include "lane/deliveries.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 1024 };

void deliveries_release(struct deliveries *deliveries)
{
	free(deliveries->waiting);
	*deliveries = (struct deliveries){0};
}

static void grow(struct deliveries *deliveries, uint64_t span)
{
	size_t capacity = deliveries->capacity == 0 ? FIRST_CAPACITY : deliveries->capacity;
	uint32_t *waiting;

	while (capacity < span)
		capacity *= 2;
	waiting = mem_array(capacity, sizeof *waiting);
	for (uint64_t seq = deliveries->acked + 1; seq <= deliveries->last; seq++)
		waiting[seq & (capacity - 1)] =
			deliveries->waiting[seq & (deliveries->capacity - 1)];
	free(deliveries->waiting);
	deliveries->waiting = waiting;
	deliveries->capacity = capacity;
}

void deliveries_add(struct deliveries *deliveries, uint64_t seq)
{
	assert(seq > deliveries->last);
	if (seq - deliveries->acked > deliveries->capacity)
		grow(deliveries, seq - deliveries->acked);
	while (deliveries->last < seq)
		deliveries->waiting[++deliveries->last & (deliveries->capacity - 1)] = 0;
}

static uint32_t *slot(struct deliveries *deliveries, uint64_t seq)
{
	assert(seq > deliveries->acked && seq <= deliveries->last);
	return &deliveries->waiting[seq & (deliveries->capacity - 1)];
}

void deliveries_wait(struct deliveries *deliveries, uint64_t seq, uint32_t outputs)
{
	*slot(deliveries, seq) += outputs;
}

void deliveries_done(struct deliveries *deliveries, uint64_t seq)
{
	uint32_t *waiting = slot(deliveries, seq);

	assert(*waiting > 0);
	(*waiting)--;
}

void deliveries_seal(struct deliveries *deliveries, uint64_t seq)
{
	if (seq > deliveries->sealed)
		deliveries->sealed = seq;
}

uint64_t deliveries_acked(struct deliveries *deliveries)
{
	while (deliveries->acked < deliveries->sealed &&
		deliveries->waiting[(deliveries->acked + 1) & (deliveries->capacity - 1)] == 0)
		deliveries->acked++;
	return deliveries->acked;
}
