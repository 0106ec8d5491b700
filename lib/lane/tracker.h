/*
 * The offsets that one assignment of one partition has under way, in the order of the input, which of
 * them are done, and the contiguous frontier: the offset that may be committed. Offsets have gaps
 * (compaction, transaction markers), so the frontier is the last contiguous done one plus 1, never
 * arithmetic on the others; or a place at which the input is known to have nothing more before it.
 *
 * A record is told here when the source takes it over, in the order of the input, even if it has to
 * wait for its lane while later ones go to others: told only then, the frontier would pass it.
 *
 * An assignment has an epoch; what is reported done with another epoch's number changes nothing.
 */
#ifndef LANE_TRACKER_H
#define LANE_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACKER_SPAN_MAX = 1 << 18 }; /* records between the frontier and one that goes to a lane */

struct tracker {
	int64_t *offsets; /* ring: taken over, not below the frontier; done ones have the top bit
			     set */
	size_t capacity;  /* a power of two */
	uint64_t first;   /* index of the frontier's record */
	uint64_t next;    /* index of the next record */
	int64_t frontier; /* -1: nothing was done yet in this epoch */
	uint32_t epoch;
	bool active; /* there is an assignment */
};

/* The offset behind one; of the last that there is, that one itself. */
static inline int64_t tracker_behind(int64_t offset)
{
	return offset == INT64_MAX ? offset : offset + 1;
}

/* A new assignment begins, or the present one ends: the epoch grows, what is under way is
 * forgotten. */
void tracker_begin(struct tracker *tracker);
void tracker_end(struct tracker *tracker);

static inline bool tracker_full(const struct tracker *tracker)
{
	return tracker->next - tracker->first >= TRACKER_SPAN_MAX;
}
static inline bool tracker_idle(const struct tracker *tracker)
{
	return tracker->first == tracker->next;
}

/* Whether a record that was taken over is still too far from the frontier for a lane. */
static inline bool tracker_beyond(const struct tracker *tracker, uint64_t index)
{
	return index - tracker->first >= TRACKER_SPAN_MAX;
}

uint64_t tracker_dispatch(struct tracker *tracker, int64_t offset); /* returns its index */

/* Nothing below `position` is still to come: what is not dispatched has no record (control records
 * of transactions, aborted or compacted ones). The frontier may go so far when all that was
 * dispatched is done. */
void tracker_pass(struct tracker *tracker, int64_t position);

/* Takes back the newest record, which is in no lane. False: `index` is not the newest. */
bool tracker_withdraw(struct tracker *tracker, uint64_t index);

/* False when the epoch is not the present one. */
bool tracker_done(struct tracker *tracker, uint32_t epoch, uint64_t index);

/* The offset of a record that is dispatched in the present epoch and above the frontier. */
static inline int64_t tracker_offset(const struct tracker *tracker, uint64_t index)
{
	return tracker->offsets[index & (tracker->capacity - 1)] & INT64_MAX;
}

/* The offset to commit, or -1 when there is nothing to commit in this epoch. */
static inline int64_t tracker_frontier(const struct tracker *tracker)
{
	return tracker->active ? tracker->frontier : -1;
}

#endif
