/*
 * The source's lanes: records go into their windows and from there into the workers' pipes;
 * acknowledgements take them out again and tell the partitions' trackers. A lane changes its
 * descriptor and rewinds on RESUME, and on nothing else. Over how many lanes records are spread, and by
 * which ordering, changes only while no record is in any of them.
 */
#ifndef BRUCO_SOURCE_LANES_H
#define BRUCO_SOURCE_LANES_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bruco-source/blame.h"
#include "bruco-source/partition.h"
#include "config/config.h"
#include "control/messages.h"
#include "frame/frame.h"
#include "lane/given.h"
#include "lane/pace.h"
#include "lane/window.h"
#include "stats/page.h"
#include "tap/taps.h"

enum lane_state {
	LANE_WAITING, /* no descriptor: its worker has not come yet */
	LANE_OPEN,
	LANE_DOWN, /* its reader is gone (EPIPE); RESUME will come */
	LANE_GONE  /* it has no successor: nothing more is written, acknowledgements end at resume_seq */
};

struct send_lane {
	struct window window;
	struct pace pace;
	uint64_t read_seq; /* all up to it is out of the worker's hands */
	uint64_t limit;    /* of records in the worker's hands */
	enum lane_state state;
	int fd;
	uint32_t life;       /* of its worker */
	bool liar;           /* that worker has answered what was not written to it */
	uint64_t told;       /* the newest acknowledgement; it counts when its record is written */
	uint64_t resume_seq; /* of LANE_GONE: the last input that the sink has read whole */
	uint64_t timed_seq;  /* the record of which the way is timed; 0: none is */
	int64_t timed_ns;    /* when it was dispatched */
};

/* Over which lanes records are spread: the first `count`. */
struct spread {
	unsigned count;
	enum ordering ordering;
};

struct lanes {
	struct send_lane *items; /* room for LIMIT_LANES */
	unsigned made;           /* how many there are; those from `count` on get no records */
	unsigned count;
	enum ordering ordering;
	bool closing;       /* all are full, until `next` has taken effect */
	struct spread next;
	size_t window_size; /* bytes, of each */
	int64_t window_time_ms; /* 0: only bytes limit a lane */
	uint32_t depth;         /* events that are in the hands of a worker at once; 0: not known */
	bool acknowledged; /* by the sink; false: a record counts as done when it is written */
	bool resumable;    /* a dead reader gets a successor: there is a driver */
	uint32_t size_max; /* maxRecordSize */
	struct page *page;
	struct given *given; /* for the sink; NULL: there is none that asks */
	struct blame blame;
	uint64_t in_flight; /* records in all windows */
	int64_t turn_ms;    /* clock_ms of this turn of the loop, for the age of records */
	struct taps taps;   /* on what goes into the lanes */
	uint64_t aside;     /* records that were taken over and wait for a lane, kept by the kind */
};

enum dispatch_result { DISPATCH_OK, DISPATCH_FULL, DISPATCH_FAILED };

void lanes_init(
	struct lanes *lanes, unsigned count, const struct config *config, struct page *page);
void lanes_open(
	struct lanes *lanes, unsigned lane, int fd); /* takes fd over; makes it non-blocking */

/* Takes no record any more until all that is in the lanes is done; then, at lanes_spread_begins, records go
 * by the new spread. One that is what there is already ends a change that has not taken effect. */
void lanes_spread(struct lanes *lanes, struct spread next);
static inline struct spread lanes_spread_now(const struct lanes *lanes)
{
	return (struct spread){.count = lanes->count, .ordering = lanes->ordering};
}
/* Whether the change takes effect now: what waits for a lane must be given another one. */
bool lanes_spread_begins(struct lanes *lanes);

/* The lane of a record by the ordering, LANE_ANY with ordering none; `own` is its partition's. */
enum { LANE_ANY = 1 << 16 };
unsigned lanes_choose(const struct lanes *lanes, unsigned own, const struct frame_record *record);

/* A record on its way into a lane. `record` needs neither type, flags, attempt nor sequence number;
 * its offset is the one tracked. It is within the limits. */
struct passage {
	struct partition *partition;
	unsigned lane; /* or LANE_ANY */
	struct frame_record *record;
	bool waited;    /* its partition's tracker knows it already, by `index` */
	uint64_t index;
	bool at_once; /* it must be run before a stop or a revocation: no rate limit holds it back */
	bool failed; /* before any worker could see it: passed on, not run */
};

/* Encodes a record into its lane, and tells its partition's tracker if that has not been done.
 * DISPATCH_FULL: the lane's window or the partition's span is full, nothing was done. */
enum dispatch_result lanes_dispatch(struct lanes *lanes, const struct passage *passage);

/* Whether a lane, or with LANE_ANY any, has drained enough to go on after DISPATCH_FULL (hysteresis:
 * half its window), and the same for a partition's span. */
bool lanes_relaxed(const struct lanes *lanes, unsigned lane);
bool lanes_span_relaxed(const struct partition *partition);

/* Milliseconds until the slowest lane has nothing to do; an estimate. */
int64_t lanes_time_left(const struct lanes *lanes, int64_t now);

/* Milliseconds that a lane (LANE_ANY: the fastest) needs for what it has and `more` records;
 * an estimate, 0 when it is too early to tell. */
int64_t lanes_estimate(const struct lanes *lanes, unsigned lane, uint64_t more, int64_t now);

/* Writes what is due to every lane that takes it. False: a reader is gone that nobody replaces. */
bool lanes_write(struct lanes *lanes);
size_t lanes_poll(const struct lanes *lanes, struct pollfd *fds); /* fills up to count entries */

/* The workers work on so many events at once: no lane gets fewer than twice as many. Until this is
 * called, bytes alone limit a lane. */
void lanes_set_depth(struct lanes *lanes, uint32_t depth);

/* From now on struct blame has these. */
void lanes_set_policy(struct lanes *lanes, uint32_t attempts, bool anew);

/* From now on bytes alone limit a lane, whatever the workers' depth is. */
void lanes_forget_time(struct lanes *lanes);

/* The sink has read the outputs of all up to `read`. A lane or number that cannot be true is ignored. */
void lanes_note_read(struct lanes *lanes, unsigned lane, uint64_t read);

/* The sink has taken nothing for a while, whatever the workers have done: they are not slow. */
void lanes_excuse(struct lanes *lanes);

/* False when the acknowledgement cannot be true (unknown lane, not written). */
bool lanes_acknowledge(struct lanes *lanes, unsigned lane, uint64_t seq);

/* Whether a worker has answered what was not written to it: not all that is acknowledged is done. */
bool lanes_owe(const struct lanes *lanes);

/* The partition of a record that is under way, and its offset; NULL: there is no such record, or its
 * partition has been assigned anew since. */
struct partition *lanes_find(const struct lanes *lanes, unsigned lane, uint64_t seq, int64_t *offset);

/* blame_attempt for an event of this lane; of a lane that there is not nothing is believed. */
void lanes_attempt(struct lanes *lanes, unsigned lane, uint64_t seq, uint32_t attempts);

/* The lane's worker is dead: its events are blamed, and what it has not passed on is sent again to
 * its successor, whose pipe is `fd`; -1: it has none. False when the message cannot be true. */
bool lanes_resume(struct lanes *lanes, const struct message *message, int fd);

/* Whether nothing more is to come: no record waits for a lane, and each window is empty, or its
 * lane gone and acknowledged to resume_seq. */
bool lanes_drained(const struct lanes *lanes);
void lanes_close(struct lanes *lanes, bool with_end_frame);

/* Shows all lanes as they are now. */
void lanes_show(const struct lanes *lanes, struct board *board, int64_t now);

#endif
