/*
 * How often the driver may restart something, and which deaths do not count. Times are monotonic
 * milliseconds, given by the caller.
 */
#ifndef BRUCO_DRIVER_RESTARTS_H
#define BRUCO_DRIVER_RESTARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/page.h"

/* At most `most` restarts, of workers and of the whole pipeline together, within RESTART_WINDOW_MS;
 * deaths that an event accounts for need none. */
enum { RESTART_WINDOW_MS = 60000 };

struct restarts {
	uint32_t most;
	int64_t *times; /* within the window, oldest first */
	size_t count;
	size_t capacity;
};

void restarts_init(struct restarts *restarts, uint32_t most);
void restarts_release(struct restarts *restarts);

/* Whether one more restart is allowed. */
bool restarts_available(struct restarts *restarts, int64_t now_ms);

/* Counts one more restart; false when they are used up (then nothing is counted). */
bool restarts_take(struct restarts *restarts, int64_t now_ms);

/*
 * Whether an event accounts for a worker's death. The event was running, so the death costs it one
 * of its attempts, and the source gives it no more than `attempts`. A thousand events that each
 * kill their worker are therefore no reason to stop. But the page is only a claim, so accounted
 * deaths must move on: in a lane each is of a later event than the one before, or of a later
 * attempt. Events that were in flight together move on, too: each of them runs alone afterwards.
 * `last` is zero at each start of the pipeline.
 */
struct event_mark {
	uint64_t seq;
	uint32_t attempt;
	uint64_t together; /* up to which events have been in flight together in such a death */
};

bool restarts_accounts_for(
	struct event_mark *last, const struct page_snapshot *page, uint32_t attempts);

#endif
