/*
 * What leaves the worker: results as outputs, frames that are passed on, and the end of an input
 * that can't be read.
 */
#ifndef BRUCO_WORKER_RUN_EMIT_H
#define BRUCO_WORKER_RUN_EMIT_H

#include <Python.h>

#include "bruco-worker/python/event_type.h"
#include "bruco-worker/run/loop.h"

/* Writes all that is in the output buffer. */
enum next emit_flush(struct loop *loop);

/* Appends a frame as it came, such as a failed event's, which is not run, if its kind leaves the worker. */
void emit_frame(
	struct loop *loop, const uint8_t *frame, const struct frame_head *head, struct buf *out);

/* Appends loop->scratch, one event's outputs, in the form that leaves. */
void emit_scratch(const struct loop *loop, struct buf *out);

/* Appends what `result` makes of an event, in the form that leaves; a generator is run. Returns the
 * number of outputs; or -1 with an exception set, nothing appended, and in *what how the log line
 * about it begins. */
int emit_result(struct loop *loop, struct event *event, PyObject *result, struct buf *out,
	const char **what);

/* After codec->read has returned FRAME_BAD: writes what is in the output buffer, then logs `why`.
 * Always EXIT. */
enum next emit_bad_input(struct loop *loop, const char *why);

#endif
