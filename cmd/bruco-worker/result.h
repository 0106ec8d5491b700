/*
 * What a handler returned, as bytes. The rules of bruco-worker(1), in this one place.
 */
#ifndef WORKER_RESULT_H
#define WORKER_RESULT_H

#include <Python.h>

#include "base/buf.h"
#include "frame/frame.h"

int result_prepare(void); /* once Python runs; 0, or -1 with an exception set */

/*
 * Appends the frames that `result` makes of the event `record`, encoded at `frame`; the last one
 * is flagged so. `data` is what the handler was given: returned as it came it stays null. No frame
 * will be larger than cap. The number of outputs, or -1 with an exception set and nothing
 * appended.
 */
int result_append(struct buf *out, const uint8_t *frame, const struct frame_record *record,
	PyObject *data, PyObject *result, uint32_t cap);

#endif
