/*
 * A partition of the input, for as long as the source lives: what of it is under way, and which
 * lane its records take. Kinds embed it in their own.
 */
#ifndef BRUCO_SOURCE_PARTITION_H
#define BRUCO_SOURCE_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "lane/attempts.h"
#include "lane/tracker.h"
#include "lane/window.h"

struct partition {
	char *topic; /* owned */
	uint32_t topic_length;
	int32_t id;
	unsigned lane;
	struct tracker tracker;
	struct attempts attempts; /* of the tracker's epoch */
	/* A record of the present epoch is done; NULL when only the frontier counts. */
	void (*done)(void *owner, int64_t offset);
	void *owner;
};

/* The partition of a record that is under way since its present assignment; NULL when it has been
 * assigned anew since, or not at all. */
static inline struct partition *current_partition(const struct window_tag *tag)
{
	struct partition *partition = tag->owner;
	bool same = partition->tracker.active && partition->tracker.epoch == tag->epoch;

	return same ? partition : NULL;
}

#endif
