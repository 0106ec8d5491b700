/*
 * A handler may fork. The child must not touch records: it loses the lanes, gets a page of its own
 * instead of the shared one, and ends where the user's code returns to the worker.
 */
#ifndef BRUCO_WORKER_PYTHON_FORK_GUARD_H
#define BRUCO_WORKER_PYTHON_FORK_GUARD_H

#include <Python.h>
#include <stdbool.h>

#include "bruco-worker/worker.h"

/* From now on each fork(2) of this process does that in the child. */
void fork_guard_install(struct worker *worker);

extern bool fork_guard_in_child; /* this process is such a child */

/* Ends such a child as Python would. `result` is what the user's code returned; if it is NULL, the
 * exception that is set is shown. */
_Noreturn void fork_guard_exit(PyObject *result);

#endif
