/*
 * One lane of the sink: reads its worker's pipe, checks the frames, puts the outputs to the kind.
 */
#ifndef BRUCO_SINK_LANE_H
#define BRUCO_SINK_LANE_H

#include "bruco-sink/sink.h"

void lane_init(struct receive_lane *lane, uint32_t size_max, bool strict); /* maxRecordSize */
void lane_open(struct receive_lane *lane, int fd); /* takes fd over; makes it non-blocking */

/* Reads and puts, until the pipe is empty or the kind is full. False when the kind is full. */
bool lane_work(struct sink *sink, unsigned index);

/* Puts what has been read whole. False when the kind is full. */
bool lane_put_inputs(struct sink *sink, unsigned index);

/* Whether the next bytes of its pipe are wanted. */
bool lane_wants(const struct receive_lane *lane);

/* Nothing will be read from it any more. */
bool lane_ended(const struct receive_lane *lane);

#endif
