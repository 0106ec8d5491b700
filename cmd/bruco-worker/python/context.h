/*
 * The context that handlers get, an object of bruco.Context: one a worker, for as long as the
 * worker lives. And which event is at hand: what context.event is, and what log lines are about.
 *
 * In the plain path one event at a time is at hand: invoke_event points context_now at it and back
 * at NULL. With async def handle_event each running call has its own: context_use_variable once,
 * and from then on context.event is what the context variable bruco._context.variable has in the
 * calling task (an event_object_new, set in the call's own context), and context_now stays NULL. In
 * a batch neither is set, and context.event is None.
 */
#ifndef BRUCO_WORKER_PYTHON_CONTEXT_H
#define BRUCO_WORKER_PYTHON_CONTEXT_H

#include <Python.h>

#include "bruco-worker/python/event_type.h"

/* A new reference, or NULL with an exception set. The package keeps it, too, until Python ends. */
PyObject *context_new(PyObject *logger, const char *worker_name);

extern struct event *context_now; /* NULL: none */

/* Async: from now on the event is the context variable's. 0, or -1 with an exception set. */
int context_use_variable(void);

/* The event at hand, for the property Context.event, whose argument is ignored: a new reference to
 * a bruco.Event or None; NULL with an exception set. */
PyObject *context_event(PyObject *module, PyObject *context);

/* The record at hand, for log lines; NULL: none. Valid while its event runs. */
const struct frame_record *context_record(void);

#endif
