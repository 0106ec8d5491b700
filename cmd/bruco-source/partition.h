/*
 * A partition of the input, for as long as the source lives: what of it is under way, and which
 * lane its records take. Kinds embed it in their own.
 */
#ifndef BRUCO_SOURCE_PARTITION_H
#define BRUCO_SOURCE_PARTITION_H

#include <stdint.h>

#include "lane/attempts.h"
#include "lane/tracker.h"

struct partition {
	char *topic; /* owned */
	uint32_t topic_length;
	int32_t id;
	unsigned lane;
	struct tracker tracker;
	struct attempts attempts; /* of the tracker's epoch */
};

#endif
