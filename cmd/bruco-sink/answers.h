/*
 * What the source is told of a record besides that it is done: outputs of kind reply, and failures. Only
 * when the source has asked; see ANSWERS in control/messages.h.
 */
#ifndef BRUCO_SINK_ANSWERS_H
#define BRUCO_SINK_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "bruco-sink/sink.h"

/* Takes the descriptor of the source's pipe. */
void answers_open(struct sink *sink, int fd);

/* Whether there is a source that wants them. */
bool answers_wanted(struct sink *sink);

/* One output of the lane's input, without topic and key. */
void answers_output(struct sink *sink, unsigned lane, const struct frame_record *record);

/* The lane's input of this number has failed; 0: of an unknown one, of which nothing is told. */
void answers_failed(struct sink *sink, unsigned lane, uint64_t seq);

/* Writes out what was told; before anything of it is acknowledged. */
void answers_flush(struct sink *sink);

#endif
