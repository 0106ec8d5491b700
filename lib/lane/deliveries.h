/*
 * The deliveries that the sink waits for in one lane: for each input that was read whole, how many of
 * its outputs are not delivered yet; and the highest sequence number up to which everything is
 * delivered or had no output, which may be acknowledged.
 */
#ifndef LANE_DELIVERIES_H
#define LANE_DELIVERIES_H

#include <stddef.h>
#include <stdint.h>

/* Where the record of an input came from. */
struct origin {
	const char *topic; /* NULL: unknown */
	int64_t offset;
	int32_t partition;
};

struct deliveries {
	struct delivery *ring; /* by sequence number */
	size_t capacity;       /* a power of two */
	uint64_t acked;        /* all up to it is delivered */
	uint64_t sealed;       /* up to it all outputs are under way or delivered */
	uint64_t last;         /* the newest input that was added */
};

/* Inputs up to seq were read whole; none of their outputs is under way yet. They hold the frontier
 * back until deliveries_seal says that all their outputs are. */
void deliveries_add(struct deliveries *deliveries, uint64_t seq);

/* Holds seq back until as many deliveries_done as deliveries_wait were called for it. seq must be
 * above acked and have been added. */
void deliveries_wait(struct deliveries *deliveries, uint64_t seq, uint32_t outputs);
void deliveries_done(struct deliveries *deliveries, uint64_t seq);

/* The origin of an input that has been added and is not acked; its topic's name is not copied. */
void deliveries_set_origin(struct deliveries *deliveries, uint64_t seq, struct origin origin);
struct origin deliveries_origin(struct deliveries *deliveries, uint64_t seq);

void deliveries_seal(struct deliveries *deliveries, uint64_t seq);

/* Moves the frontier as far as it goes and returns it. */
uint64_t deliveries_acked(struct deliveries *deliveries);

#endif
