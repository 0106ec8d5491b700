/*
 * What a handler returned, as frames. bruco.encoding, in Python, has the rules. The C code knows
 * None, bytes, bytearray and str itself, and runs generators; it calls bruco.encoding for
 * everything else.
 */
#ifndef BRUCO_WORKER_RUN_RESULT_H
#define BRUCO_WORKER_RUN_RESULT_H

#include <Python.h>

#include <stdbool.h>

#include "base/buf.h"
#include "bruco-worker/python/event_type.h"

int result_prepare(void); /* once Python runs; 0, or -1 with an exception set */

/*
 * Appends the frames that `result` makes of the event, the last one flagged FRAME_LAST; not for a
 * generator. When the handler returns the `data` of a null value unchanged, the output is null,
 * too. No frame is larger than cap. Returns the number of outputs, or -1 with an exception set and
 * nothing appended.
 */
int result_append(struct buf *out, struct event *event, PyObject *result, uint32_t cap);

/* Whether the result is a bruco.Failed: then the exception that it holds is set. */
bool result_is_failure(PyObject *result);

/* Whether the result is a generator, whose body has not run yet. */
static inline int result_is_generator(PyObject *result)
{
	return PyGen_CheckExact(result);
}

/*
 * Runs a generator to its end and appends its outputs, else as result_append. *raised: the
 * generator itself raised, rather than one of its outputs being unusable. Call it where user code
 * may run: it runs the handler's body. Does not return in the child of a generator that forks.
 */
int result_generate(
	struct buf *out, struct event *event, PyObject *generator, uint32_t cap, bool *raised);

#endif
