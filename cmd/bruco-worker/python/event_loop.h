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

/* The loop (borrowed), made now if need be; NULL with an exception set. */
PyObject *event_loop_get(void);

bool event_loop_exists(void); /* whether there is one */

/* Runs the loop until the awaitable (which it takes over) is done, at most timeout_ms, 0: for ever.
 * Its result, or NULL with an exception set. */
PyObject *event_loop_run(PyObject *awaitable, int64_t timeout_ms);

/* As poll(2) for reading from an input and, if count is 2, from a control socket; the loop runs
 * meanwhile. A hang-up counts as readable. */
int event_loop_wait(struct pollfd *fds, nfds_t count, int timeout_ms);

/* Calls one of the loop's methods, with arguments as of Py_BuildValue, a tuple. Its result, or NULL
 * with an exception set. */
PyObject *event_loop_ask(const char *method, const char *format, ...);

/* For what can't be mended: takes such a result, and ends the program if it is NULL. */
void event_loop_must(PyObject *result);

/* From now on event_loop_may_raise asks this function: for who runs several calls on the loop and
 * knows which one is executing. */
void event_loop_on_alarm(bool (*may_raise)(void));

/* In a signal's handler: whether an exception may be raised for an event whose time is up, that is,
 * whether its code is executing and not the loop's own. */
bool event_loop_may_raise(void);

/* Cancels what still runs, lets it end, and closes the loop. */
void event_loop_close(void);

#endif
