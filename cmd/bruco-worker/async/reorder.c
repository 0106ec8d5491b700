#include "bruco-worker/async/reorder.h"

#include "base/mem.h"

enum {
	SPAN_FACTOR = 4,     /* places for each flight that may run */
	KEPT_MOST = 16 << 20 /* bytes of outputs that wait for earlier ones */
};

static struct {
	struct flight *flights;
	uint64_t span; /* a power of two */
	uint64_t first, next;
	size_t kept;
} ring;

void ring_init(unsigned limit)
{
	for (ring.span = 16; ring.span < (uint64_t)SPAN_FACTOR * limit;)
		ring.span *= 2;
	ring.flights = mem_array(ring.span, sizeof *ring.flights);
}

bool ring_has_room(void)
{
	return ring.next - ring.first < ring.span && ring.kept < KEPT_MOST;
}

bool ring_is_empty(void)
{
	return ring.first == ring.next;
}

uint64_t ring_next(void)
{
	return ring.next;
}

struct flight *ring_at(uint64_t number)
{
	return &ring.flights[number & (ring.span - 1)];
}

struct flight *ring_first(void)
{
	return ring_is_empty() ? NULL : ring_at(ring.first);
}

struct flight *ring_after(const struct flight *flight)
{
	return flight->number + 1 == ring.next ? NULL : ring_at(flight->number + 1);
}

struct flight *ring_push(uint64_t seq)
{
	struct flight *flight = ring_at(ring.next);
	struct buf out = flight->out; /* its memory is used again */

	*flight = (struct flight){.out = out, .number = ring.next++, .seq = seq};
	return flight;
}

void ring_pop(struct buf *out)
{
	struct flight *flight = ring_first();

	buf_append(out, flight->out.data, flight->out.length);
	ring.kept -= flight->out.length;
	buf_reset(&flight->out);
	Py_CLEAR(flight->event);
	ring.first++;
}

void ring_keeps(const struct flight *flight)
{
	ring.kept += flight->out.length;
}
