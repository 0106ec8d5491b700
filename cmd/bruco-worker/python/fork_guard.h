/*
 * A handler may fork. The child must not touch the records: it gets neither the lanes nor the
 * shared page, and where it comes back into our loop it ends.
 */
#ifndef BRUCO_WORKER_PYTHON_FORK_GUARD_H
#define BRUCO_WORKER_PYTHON_FORK_GUARD_H

#include <Python.h>
#include <stdbool.h>

#include "bruco-worker/worker.h"

/* From now on every fork(2) of this process closes the worker's descriptors in the child and gives
 * it a page of its own instead of the shared one. */
void fork_guard_install(struct worker *worker);

extern bool fork_guard_in_child; /* this process is such a child */

/* The way out of one: ends it as Python ends. `result` is what the user's code returned, or NULL:
 * its exception, if one is set, is shown. */
_Noreturn void fork_guard_exit(PyObject *result);

#endif
