/*
 * The records of an exec sink that are not acknowledged, in their order, and how far they are written to its
 * program: acknowledged <= written <= queued. No process here.
 */
#ifndef BRUCO_SINK_KINDS_EXEC_QUEUE_H
#define BRUCO_SINK_KINDS_EXEC_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct exec_record {
	uint64_t ticket;
	size_t end; /* in `bytes` */
};

struct exec_queue {
	struct buf bytes;
	size_t acknowledged, written; /* of `bytes` */
	struct exec_record *records;
	size_t first, last, capacity; /* those from first to before last are not acknowledged */
};

static inline size_t exec_queue_count(const struct exec_queue *queue)
{
	return queue->last - queue->first;
}

/* Bytes of the first `count` records that are not written. */
size_t exec_queue_unwritten(const struct exec_queue *queue, size_t count);

/* What was appended to `bytes` since the last call is a record. */
void exec_queue_add(struct exec_queue *queue, uint64_t ticket);

/* How many are written whole. */
size_t exec_queue_whole(const struct exec_queue *queue);

/* Takes the first one out; its ticket. */
uint64_t exec_queue_take(struct exec_queue *queue);

/* Nothing of what is not acknowledged is written. */
static inline void exec_queue_rewind(struct exec_queue *queue)
{
	queue->written = queue->acknowledged;
}

#endif
