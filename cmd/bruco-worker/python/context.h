/*
 * The context that handlers get: one bruco.Context for as long as the worker lives. And the current
 * event, which is context.event and which log lines are about.
 *
 * When events run one after the other, run/invoke.c points context_now at the event, and back at
 * NULL. When calls overlap each one has its own event: after context_use_variable, context.event is
 * the value of the context variable bruco._context.variable in the calling task (an
 * event_object_new, set in the call's own context), and context_now stays NULL. In a batch neither
 * is set, and context.event is None.
 */
#ifndef BRUCO_WORKER_PYTHON_CONTEXT_H
#define BRUCO_WORKER_PYTHON_CONTEXT_H

#include <Python.h>

#include "bruco-worker/python/event_type.h"

/* A new reference, or NULL with an exception set. The package keeps it, too, until Python ends. */
PyObject *context_new(PyObject *logger, const char *worker_name);

extern struct event *context_now; /* NULL: none */

/* From now on the context variable has the event. 0, or -1 with an exception set. */
int context_use_variable(void);

/* The current event, for the property Context.event; both arguments are ignored. A new reference to
 * a bruco.Event or None; NULL with an exception set. */
PyObject *context_event(PyObject *module, PyObject *context);

/* The current event's record, for log lines; NULL: none. Valid while the event runs. */
const struct frame_record *context_record(void);

#endif
