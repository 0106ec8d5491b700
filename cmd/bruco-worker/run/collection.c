#include "bruco-worker/run/collection.h"

#include "base/clock.h"

bool collection_add(struct collection *collection, const struct collection_limits *limits,
	size_t bytes, int64_t now_ms)
{
	if (collection->events == 0)
		collection->deadline_ms = now_ms + limits->wait_ms;
	collection->events++;
	collection->bytes += bytes;
	return collection->events >= limits->events || collection->bytes >= limits->bytes;
}

int collection_wait_ms(const struct collection *collection, int64_t now_ms)
{
	return collection->events == 0 ? -1 : clock_left(collection->deadline_ms, now_ms);
}
