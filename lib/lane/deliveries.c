#include "lane/deliveries.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 1024 };

struct delivery {
	struct origin origin;
	uint32_t waiting; /* outputs under way */
};

static void grow(struct deliveries *deliveries, uint64_t span)
{
	size_t capacity = deliveries->capacity == 0 ? FIRST_CAPACITY : deliveries->capacity;
	struct delivery *ring;

	while (capacity < span)
		capacity *= 2;
	ring = mem_array(capacity, sizeof *ring);
	for (uint64_t seq = deliveries->acked + 1; seq <= deliveries->last; seq++)
		ring[seq & (capacity - 1)] = deliveries->ring[seq & (deliveries->capacity - 1)];
	free(deliveries->ring);
	deliveries->ring = ring;
	deliveries->capacity = capacity;
}

void deliveries_add(struct deliveries *deliveries, uint64_t seq)
{
	assert(seq > deliveries->last);
	if (seq - deliveries->acked > deliveries->capacity)
		grow(deliveries, seq - deliveries->acked);
	while (deliveries->last < seq)
		deliveries->ring[++deliveries->last & (deliveries->capacity - 1)] =
			(struct delivery){0};
}

static struct delivery *slot(struct deliveries *deliveries, uint64_t seq)
{
	assert(seq > deliveries->acked && seq <= deliveries->last);
	return &deliveries->ring[seq & (deliveries->capacity - 1)];
}

void deliveries_wait(struct deliveries *deliveries, uint64_t seq, uint32_t outputs)
{
	slot(deliveries, seq)->waiting += outputs;
}

void deliveries_done(struct deliveries *deliveries, uint64_t seq)
{
	struct delivery *delivery = slot(deliveries, seq);

	assert(delivery->waiting > 0);
	delivery->waiting--;
}

void deliveries_set_origin(struct deliveries *deliveries, uint64_t seq, struct origin origin)
{
	slot(deliveries, seq)->origin = origin;
}

struct origin deliveries_origin(struct deliveries *deliveries, uint64_t seq)
{
	return slot(deliveries, seq)->origin;
}

void deliveries_seal(struct deliveries *deliveries, uint64_t seq)
{
	if (seq > deliveries->sealed)
		deliveries->sealed = seq;
}

uint64_t deliveries_acked(struct deliveries *deliveries)
{
	while (deliveries->acked < deliveries->sealed &&
		deliveries->ring[(deliveries->acked + 1) & (deliveries->capacity - 1)].waiting == 0)
		deliveries->acked++;
	return deliveries->acked;
}
