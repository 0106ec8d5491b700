/*
 * The records of one partition that wait for their lanes, one queue a lane: a record waits for those
 * before it in its own lane and for no others. The partition's tracker knows them already. Knows
 * neither lanes nor Kafka; records are opaque.
 */
#ifndef BRUCO_SOURCE_BACKLOG_H
#define BRUCO_SOURCE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lane/tracker.h"

struct waiting {
	struct waiting *next, *previous;
	void *record;
	size_t bytes;   /* of memory that the record takes */
	uint64_t index; /* in the tracker */
};

struct backlog_queue {
	struct waiting *first, *last;
	size_t count;
};

struct backlog {
	struct backlog_queue *queues; /* NULL before the first record */
	unsigned queue_count;
	size_t count, bytes; /* of all queues */
};

/* How many queues there are; before the first record. */
void backlog_init(struct backlog *backlog, unsigned queue_count);
void backlog_release(struct backlog *backlog); /* empty ones only */

void backlog_add(
	struct backlog *backlog, unsigned queue, void *record, size_t bytes, uint64_t index);
static inline struct waiting *backlog_first(const struct backlog *backlog, unsigned queue)
{
	return backlog->queues == NULL ? NULL : backlog->queues[queue].first;
}
static inline size_t backlog_count(const struct backlog *backlog, unsigned queue)
{
	return backlog->queues == NULL ? 0 : backlog->queues[queue].count;
}

/* Takes the first one out of a queue that is not empty, and returns its record. */
void *backlog_pop(struct backlog *backlog, unsigned queue);

/* Gives all that wait other queues, so many, in the order in which they came. `queue_of` is asked for each. */
void backlog_spread(struct backlog *backlog, unsigned queue_count,
	unsigned (*queue_of)(const void *record, void *argument), void *argument);

/* Takes one out that came after all that were ever dispatched, and takes it back in the tracker:
 * nothing later is done or under way, so that it may be left for another time. NULL when there is
 * none: what still waits then has been overtaken by others of the partition, and must be run before
 * its frontier can be where it would be without a stop. */
void *backlog_withdraw(struct backlog *backlog, struct tracker *tracker);

#endif
