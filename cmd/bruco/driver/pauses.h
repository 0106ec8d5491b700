/*
 * What the user has paused, as the driver keeps it: the source gets all of it at each change, and so does
 * each new source. Whoever asked for a change hears when the source obeys.
 */
#ifndef BRUCO_DRIVER_PAUSES_H
#define BRUCO_DRIVER_PAUSES_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco/monitor/console.h"
#include "control/pauses.h"
#include "stats/board.h"

struct pause_request {
	uint64_t client; /* of the console; 0: the place is free */
	uint64_t number; /* of the change that it waits for */
	char topic[BOARD_TOPIC]; /* of that change; "": all */
	int32_t partition;       /* -1: all */
};

struct driver_pauses {
	struct pauses pauses;
	uint64_t number; /* of the last change */
	struct pause_request requests[CONSOLE_CLIENTS];
};

#endif
