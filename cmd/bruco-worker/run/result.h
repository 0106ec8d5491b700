/*
 * What a handler returned, as frames. The rules are those of bruco.encoding, in Python; known here
 * are only None, bytes, bytearray and str, and how a generator is run to its end.
 */
#ifndef BRUCO_WORKER_RUN_RESULT_H
#define BRUCO_WORKER_RUN_RESULT_H

#include <Python.h>

#include <stdbool.h>

#include "base/buf.h"
#include "bruco-worker/python/event_type.h"

int result_prepare(void); /* once Python runs; 0, or -1 with an exception set */

/*
 * Appends the frames that `result` makes of the event; the last one is flagged so. The event's
 * `data` returned as it came stays null. No frame will be larger than cap. The number of outputs,
 * or -1 with an exception set and nothing appended. A generator has no such form.
 */
int result_append(struct buf *out, struct event *event, PyObject *result, uint32_t cap);

/* Whether a result is a bruco.Failed: then the exception that it stands for is set. */
bool result_is_failure(PyObject *result);

/* Whether the handler is a generator function: what it does is still to be done. */
static inline int result_is_generator(PyObject *result)
{
	return PyGen_CheckExact(result);
}

/*
 * Runs a generator to its end and appends its outputs: the same. *raised: the exception is its own,
 * and not about an output of it. For while the user's code may run: it is the user's code.
 * Does not return in the child of a generator that forks.
 */
int result_generate(
	struct buf *out, struct event *event, PyObject *generator, uint32_t cap, bool *raised);

#endif
