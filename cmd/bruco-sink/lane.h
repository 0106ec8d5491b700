/*
 * One lane of the sink: what is read from its worker's pipe, put to the kind, delivered; and the
 * change from a dead worker to its successor.
 */
#ifndef BRUCO_SINK_LANE_H
#define BRUCO_SINK_LANE_H

#include "bruco-sink/sink.h"

void lane_init(struct receive_lane *lane, uint32_t size_max, bool strict); /* maxRecordSize */
void lane_open(struct receive_lane *lane, int fd); /* takes fd over; makes it non-blocking */

/* Reads and puts, until the pipe is empty or the kind is full. False when the kind is full. */
bool lane_work(struct sink *sink, unsigned index);

/* Whether the next bytes of its pipe are wanted. */
bool lane_wants(const struct receive_lane *lane);

/* Remembers that the worker has died; lane_succeed goes on with it. */
void lane_succession(struct receive_lane *lane, const struct message *message, int write_fd, int read_fd);

/* When the old pipe holds nothing more: drops what is incomplete, tells the source where to resume,
 * and opens the new pipe. Deaths are applied one by one. */
void lane_succeed(struct sink *sink, unsigned index);

/* Nothing will be read from it any more. */
bool lane_ended(const struct receive_lane *lane);

#endif
