/*
 * How the last workers of a lane died, to name it when the event that ran comes as failed.
 */
#ifndef BRUCO_SINK_DEATHS_H
#define BRUCO_SINK_DEATHS_H

#include "bruco-sink/sink.h"

/* The lane's worker is dead, as LANE says. */
void deaths_note(struct receive_lane *lane, const struct message *message);

/* How the worker died that ran this event, as a text that the caller frees. */
char *deaths_text(const struct receive_lane *lane, uint64_t seq);

#endif
