#include "lane/tracker.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 256 };

static const int64_t done_bit = INT64_MIN;

void tracker_begin(struct tracker *tracker)
{
	tracker_end(tracker);
	tracker->active = true;
}

void tracker_end(struct tracker *tracker)
{
	tracker->epoch++;
	tracker->first = tracker->next = 0;
	tracker->frontier = -1;
	tracker->active = false;
}

static void grow(struct tracker *tracker)
{
	size_t capacity = tracker->capacity == 0 ? FIRST_CAPACITY : tracker->capacity * 2;
	int64_t *offsets = mem_array(capacity, sizeof *offsets);

	for (uint64_t i = tracker->first; i < tracker->next; i++)
		offsets[i & (capacity - 1)] = tracker->offsets[i & (tracker->capacity - 1)];
	free(tracker->offsets);
	tracker->offsets = offsets;
	tracker->capacity = capacity;
}

uint64_t tracker_dispatch(struct tracker *tracker, int64_t offset)
{
	assert(tracker->active && offset >= 0);
	if (tracker->next - tracker->first == tracker->capacity)
		grow(tracker);
	tracker->offsets[tracker->next & (tracker->capacity - 1)] = offset;
	return tracker->next++;
}

void tracker_pass(struct tracker *tracker, int64_t position)
{
	int64_t *newest;

	if (!tracker->active || position <= 0)
		return;
	if (tracker_idle(tracker)) {
		if (position > tracker->frontier)
			tracker->frontier = position;
		return;
	}
	newest = &tracker->offsets[(tracker->next - 1) & (tracker->capacity - 1)];
	if (position <= tracker_behind(*newest & ~done_bit))
		return;
	if ((*newest & done_bit) != 0)
		*newest = (position - 1) | done_bit;
	else
		tracker_done(tracker, tracker->epoch, tracker_dispatch(tracker, position - 1));
}

bool tracker_withdraw(struct tracker *tracker, uint64_t index)
{
	if (index + 1 != tracker->next || index < tracker->first)
		return false;
	tracker->next--;
	return true;
}

bool tracker_done(struct tracker *tracker, uint32_t epoch, uint64_t index)
{
	size_t mask = tracker->capacity - 1;

	if (epoch != tracker->epoch || !tracker->active)
		return false;
	assert(index >= tracker->first && index < tracker->next);
	tracker->offsets[index & mask] |= done_bit;
	while (tracker->first < tracker->next &&
		(tracker->offsets[tracker->first & mask] & done_bit) != 0) {
		tracker->frontier = tracker_behind(tracker_offset(tracker, tracker->first));
		tracker->first++;
	}
	return true;
}
