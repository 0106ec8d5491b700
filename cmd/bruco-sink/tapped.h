/*
 * What the sink's taps show.
 */
#ifndef BRUCO_SINK_TAPPED_H
#define BRUCO_SINK_TAPPED_H

#include "bruco-sink/sink.h"

/* An output that was put, with the topic that it goes to and the partition, if it is not the
 * producer's choice. */
void tap_output(struct sink *sink, const struct frame_record *record);

/* A record of this lane that has failed for good, as dead_letter_write makes it, whatever onFailure
 * says. */
void tap_failed(struct sink *sink, unsigned lane, const struct frame_record *record,
	const char *error, bool has_error);

#endif
