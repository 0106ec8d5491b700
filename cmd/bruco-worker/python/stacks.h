/*
 * What `bruco stack` shows of a worker. The driver sends SIGNAL_STACKS with the number of its request.
 * The handler in C has faulthandler write the stacks of all threads into the driver's file, which needs
 * nothing of the interpreter, so that it works while C code runs that holds the GIL. Then it has Python
 * write what the async tasks wait for, at the next bytecode of the main thread. The page says which
 * request has been answered how far.
 */
#ifndef BRUCO_WORKER_PYTHON_STACKS_H
#define BRUCO_WORKER_PYTHON_STACKS_H

#include <Python.h>

#include "bruco-worker/worker.h"

/* Once Python runs, under the driver; by hand nothing happens. 0, or -1 with an exception set. */
int stacks_prepare(const struct worker *worker);

/* stacks_shown(): the tasks are written. */
PyObject *stacks_shown(PyObject *self, PyObject *none);

#endif
