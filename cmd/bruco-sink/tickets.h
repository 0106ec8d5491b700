/*
 * Tickets: what a kind gets with each record that is put to it, and gives back with the delivery
 * report.
 */
#ifndef BRUCO_SINK_TICKETS_H
#define BRUCO_SINK_TICKETS_H

#include "bruco-sink/sink.h"

/* A ticket is the lane, the number of the input, and which of its outputs it is: tickets of one lane
 * are in the order in which the outputs were put. Of the number the lower half is enough, since it
 * is above what the lane has acknowledged. */
enum { TICKET_LANE_SHIFT = 56, TICKET_NUMBER_SHIFT = 24 };

static inline uint64_t ticket_make(unsigned lane, uint64_t number, uint32_t output)
{
	return (uint64_t)lane << TICKET_LANE_SHIFT |
	       (number & UINT32_MAX) << TICKET_NUMBER_SHIFT |
	       (output & ((1U << TICKET_NUMBER_SHIFT) - 1));
}

static inline unsigned ticket_lane(uint64_t ticket)
{
	return (unsigned)(ticket >> TICKET_LANE_SHIFT);
}

static inline uint32_t ticket_output(uint64_t ticket)
{
	return (uint32_t)ticket & ((1U << TICKET_NUMBER_SHIFT) - 1);
}

static inline uint64_t ticket_number(const struct sink *sink, uint64_t ticket)
{
	uint64_t acked = sink->lanes[ticket_lane(ticket)].deliveries.acked;

	return acked + (uint32_t)((ticket >> TICKET_NUMBER_SHIFT) - acked);
}

/* The ticket of the next output of the lane's open input. Notes where the input came from, in case
 * that the output is refused. */
uint64_t ticket_new(struct sink *sink, unsigned lane, const struct frame_record *record);

/* Where the input of that output came from; topic NULL: it is not known. */
struct origin ticket_origin(struct sink *sink, uint64_t ticket);

/* The output is delivered. */
void ticket_delivered(struct sink *sink, uint64_t ticket);

/* The output is done without having been delivered: it was skipped, or its dead letter is put. */
void ticket_settled(struct sink *sink, uint64_t ticket);

#endif
