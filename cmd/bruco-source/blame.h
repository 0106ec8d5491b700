/*
 * Counts attempts of the events that are under way in a worker: when it dies, by the page that it
 * leaves behind, and when it says that another attempt follows. Changes the frames in the window in
 * place, and the attempts of their partitions.
 */
#ifndef BRUCO_SOURCE_BLAME_H
#define BRUCO_SOURCE_BLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco-source/lanes.h"
#include "control/messages.h"
#include "lane/window.h"

/* The lane's worker is dead, as RESUME says. `last`: it gets no successor. Call before the window
 * rewinds. */
void blame_death(
	struct lanes *lanes, struct window *window, const struct message *resume, bool last);

/* An event has been begun so often by a worker that lives and is to try again. A claim of the
 * worker: it never makes the event failed. It counts for the record whatever has become of the
 * assignment that it came with. */
void blame_attempt(struct lanes *lanes, unsigned lane, uint64_t seq, uint32_t attempts);

#endif
