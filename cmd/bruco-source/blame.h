/*
 * Counts attempts of the events that are under way in a worker: when it dies, by the page that it
 * leaves behind, and when it says that another attempt follows. Changes the frames in the window in
 * place, and the attempts of their partitions.
 */
#ifndef BRUCO_SOURCE_BLAME_H
#define BRUCO_SOURCE_BLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "control/messages.h"
#include "frame/frame.h"
#include "lane/window.h"

struct blame {
	uint32_t attempts; /* after so many a record is failed: processor.retry.attempts */
	bool anew;         /* one that failed in an earlier run is tried anew: onFailure stop */
	uint64_t count;    /* grows with each record whose attempts a dead worker counted */
};

/* What a record becomes after so many attempts. */
static inline uint8_t blame_type(const struct blame *blame, uint16_t attempts)
{
	return attempts >= blame->attempts ? FRAME_TYPE_FAILED : FRAME_TYPE_RECORD;
}

/* The worker of this window is dead, as RESUME says. `last`: it gets no successor. Call before the
 * window rewinds. */
void blame_death(
	struct blame *blame, struct window *window, const struct message *resume, bool last);

/* An event has been begun so often by a worker that lives and is to try again. A claim of the
 * worker: it never makes the event failed. It counts for the record whatever has become of the
 * assignment that it came with. */
void blame_attempt(
	const struct blame *blame, struct window *window, uint64_t seq, uint32_t attempts);

#endif
