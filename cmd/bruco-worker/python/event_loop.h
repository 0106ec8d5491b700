/*
 * The event loop of a worker that has async functions: one, made when the first of them is there,
 * and closed at the end. It runs while something of the handler is awaited and while the worker
 * waits for input, so that background tasks go on.
 */
#ifndef BRUCO_WORKER_PYTHON_EVENT_LOOP_H
#define BRUCO_WORKER_PYTHON_EVENT_LOOP_H

#include <Python.h>

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether a call of this function is to be awaited; -1 with an exception set. */
int async_is_function(PyObject *function);

/* Whether a function that is not async may be a wrapper of one. */
bool async_may_be_behind(PyObject *function);

/* Whether this is a result that async_run takes. */
bool async_is_awaitable(PyObject *result);

/* The loop (borrowed), made now if need be; NULL with an exception set. */
PyObject *async_loop(void);

bool async_runs(void); /* whether there is one */

/* Runs the loop until the awaitable (which it takes over) is done, at most timeout_ms, 0: for ever.
 * Its result, or NULL with an exception set. */
PyObject *async_run(PyObject *awaitable, int64_t timeout_ms);

/* As poll(2) for an input and a socket whose hang-up counts, running the loop meanwhile. */
int async_wait(struct pollfd *fds, nfds_t count, int timeout_ms);

/* Calls one of the loop's methods, with arguments as of Py_BuildValue, a tuple. Its result, or NULL
 * with an exception set. */
PyObject *async_ask(const char *method, const char *format, ...);

/* For what can't be mended: takes such a result, and ends the program if it is NULL. */
void async_must(PyObject *result);

/* In a signal's handler: whether an exception may be raised for an event whose time is up, that is,
 * whether its code runs and not the loop's own. */
bool async_may_raise(void);

/* Cancels what still runs, lets it end, and closes the loop. */
void async_close(void);

#endif
