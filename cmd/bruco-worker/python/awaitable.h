/*
 * Which functions are async, and which results have to be awaited. Nothing here imports asyncio:
 * that costs half of a worker's start and 8 MB, and most handlers do without.
 */
#ifndef BRUCO_WORKER_PYTHON_AWAITABLE_H
#define BRUCO_WORKER_PYTHON_AWAITABLE_H

#include <Python.h>

#include <stdbool.h>

/* Whether the result of each call of this function has to be awaited: 1 or 0, or -1 with an
 * exception set. */
int is_async_function(PyObject *function);

/* Whether a function that is not async may wrap one that is, as a decorator does. No exception. */
bool may_wrap_async_function(PyObject *function);

/* Whether event_loop_run can wait for this result: an awaitable or an async generator. */
bool is_awaitable(PyObject *result);

#endif
