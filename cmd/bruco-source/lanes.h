/*
 * The source's lanes: records go into their windows and from there into the workers' pipes;
 * acknowledgements take them out again and tell the partitions' trackers. Exactly the rules of S in
 * bruco-internals(7): a lane changes its descriptor and rewinds on RESUME and on nothing else.
 */
#ifndef BRUCO_SOURCE_LANES_H
#define BRUCO_SOURCE_LANES_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "frame/frame.h"
#include "lane/control.h"
#include "lane/window.h"
#include "partition.h"
#include "stats/page.h"

enum lane_state {
	LANE_WAITING, /* no descriptor: its worker has not come yet */
	LANE_OPEN,
	LANE_DOWN, /* its reader is gone (EPIPE); RESUME will come */
	LANE_GONE  /* it has no successor: nothing more is written, acknowledgements end at r */
};

struct lane {
	struct window window;
	enum lane_state state;
	int fd;
	uint64_t r; /* of LANE_GONE */
};

struct lanes {
	struct lane *items;
	unsigned count;
	enum ordering ordering;
	bool acknowledged; /* by the sink; false: a record counts as done when it is written */
	bool resumable;    /* a dead reader gets a successor: there is a driver */
	uint32_t size_max; /* maxRecordSize */
	struct page *page;
	uint32_t attempts;  /* after so many a record is failed: processor.retry.attempts */
	bool anew;          /* one that failed in an earlier run is tried anew: onFailure stop */
	uint64_t in_flight; /* records in all windows */
	uint64_t blamed;    /* grows with each record whose attempts a dead worker counted */
};

enum take_result { TAKE_OK, TAKE_FULL, TAKE_FAILED };

void lanes_init(
	struct lanes *lanes, unsigned count, const struct config *config, struct page *page);
void lanes_open(
	struct lanes *lanes, unsigned lane, int fd); /* takes fd over; makes it non-blocking */

/* The lane of a record by the ordering; `own` is its partition's. */
unsigned lanes_choose(const struct lanes *lanes, unsigned own, const struct frame_record *record);

/* Encodes a record into its lane and counts it as dispatched in its partition. `record` needs
 * neither type, flags, attempt nor sequence number; its offset is the one tracked. It is within the
 * limits. TAKE_FULL: the lane's window or the partition's span is full, nothing was done. */
enum take_result lanes_take(struct lanes *lanes, struct partition *partition, unsigned lane,
	struct frame_record *record);

/* The same for one that failed before any worker could see it: passed on, not run. */
enum take_result lanes_take_failed(struct lanes *lanes, struct partition *partition, unsigned lane,
	struct frame_record *record);

/* Whether a lane has drained enough to go on after TAKE_FULL (hysteresis: half its window). */
bool lanes_relaxed(const struct lanes *lanes, unsigned lane, const struct partition *partition);

/* Writes what is due to every lane that takes it. False: a reader is gone that nobody replaces. */
bool lanes_write(struct lanes *lanes);
size_t lanes_poll(const struct lanes *lanes, struct pollfd *fds); /* fills up to count entries */

/* False when the acknowledgement cannot be true (unknown lane, not written). */
bool lanes_acknowledge(struct lanes *lanes, unsigned lane, uint64_t seq);
bool lanes_resume(struct lanes *lanes, const struct message *message, int fd);

/* Whether nothing more is to come: each window is empty, or its lane gone and acknowledged to r. */
bool lanes_drained(const struct lanes *lanes);
void lanes_close(struct lanes *lanes, bool with_end_frame);

#endif
