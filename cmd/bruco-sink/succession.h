/*
 * From a lane's dead worker to its successor.
 */
#ifndef BRUCO_SINK_SUCCESSION_H
#define BRUCO_SINK_SUCCESSION_H

#include "bruco-sink/sink.h"

/* The lane's worker is dead, as LANE says, and its successor's pipes are these; -1: it has none.
 * Takes the descriptors over. */
void succession_add(
	struct receive_lane *lane, const struct message *message, int write_fd, int read_fd);

/* When the old pipe holds nothing more: drops what is incomplete, tells the source where to resume,
 * and opens the new pipe. Deaths are applied one by one. */
void succession_work(struct sink *sink, unsigned index);

#endif
