/*
 * The last step of a reload, when the new configuration has another number of workers, or another ordering.
 * Workers that are new start first. Then the source is told over how many lanes to spread the records: it
 * takes none until all that is under way is done, so that none overtakes another, and goes on with the new
 * spread. At last those that have no work any more end. No worker starts or ends without that, and the
 * consumer group sees nothing of it.
 */
#ifndef BRUCO_DRIVER_SPREAD_H
#define BRUCO_DRIVER_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "control/messages.h"

struct driver;
struct worker_slot;

enum spread_step {
	SPREAD_NONE,
	SPREAD_STARTS, /* the additional workers */
	SPREAD_WAITS,  /* for the source */
	SPREAD_ENDS    /* the surplus workers */
};

struct driver_spread {
	enum spread_step step;
	uint32_t workers; /* as many as there are to be */
	enum ordering ordering;
	uint32_t workers_before;
	enum ordering ordering_before;
	bool undone;         /* it took too long: back to what was before */
	uint64_t asked;      /* the number of the request to the source */
	int64_t deadline_ms; /* of this step; -1: it has none */
};

/* Whether the driver's configuration says something else than what runs. */
bool driver_spread_differs(const struct driver *driver);

/* Begins, from the driver's configuration. */
void driver_spread_begin(struct driver *driver);

/* Does what is next, if it is time. True: all is done, or has been undone. */
bool driver_spread_step(struct driver *driver);
int64_t driver_spread_deadline(const struct driver *driver);

/* The source has answered. */
void driver_spread_told(struct driver *driver, const struct message *message);

/* All starts anew, with what the configuration says. */
void driver_spread_settle(struct driver *driver);

#endif
