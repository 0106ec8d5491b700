/*
 * When the events of a batch are complete: by their number, their bytes or their age. Pure: the
 * caller keeps the events, and says what time it is.
 */
#ifndef BRUCO_WORKER_RUN_COLLECTION_H
#define BRUCO_WORKER_RUN_COLLECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct collection_limits {
	unsigned events; /* from 1 */
	size_t bytes;
	int64_t wait_ms; /* for more, from the first one on */
};

/* All zero: empty. */
struct collection {
	unsigned events;
	size_t bytes;
	int64_t deadline_ms; /* set by the first event */
};

/* Adds an event of so many bytes. Returns whether the collection is complete now. */
bool collection_add(struct collection *collection, const struct collection_limits *limits,
	size_t bytes, int64_t now_ms);

/* Milliseconds until the collection is complete by its age, 0: now; -1: it is empty. */
int collection_wait_ms(const struct collection *collection, int64_t now_ms);

#endif
