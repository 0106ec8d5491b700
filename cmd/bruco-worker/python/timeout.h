/*
 * The worker's half of processor.timeout: when the driver sends SIGALRM and an event has run for
 * too long, bruco.Timeout is raised in the handler.
 */
#ifndef BRUCO_WORKER_PYTHON_TIMEOUT_H
#define BRUCO_WORKER_PYTHON_TIMEOUT_H

#include <Python.h>

#include "bruco-worker/worker.h"

/* Once Python runs, before the handler is imported. 0, or -1 with an exception set. */
int timeout_prepare(const struct worker *worker);

/* The exception: a new bruco.Timeout, or NULL with an exception set. */
PyObject *timeout_new(void);

/* The Python-level handler of SIGALRM. */
PyObject *timeout_raise(PyObject *self, PyObject *arguments);

#endif
