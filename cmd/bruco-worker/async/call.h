/*
 * A call: one event of an async handle_event, from when it is read until its outputs have left.
 */
#ifndef BRUCO_WORKER_ASYNC_CALL_H
#define BRUCO_WORKER_ASYNC_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct _object PyObject; /* as in Python.h, which unit tests do without */

enum call_state {
	CALL_HELD,  /* waits for an earlier one with the same key */
	CALL_READY, /* may run */
	CALL_RUNNING,
	CALL_PAUSED, /* before its next attempt */
	CALL_DONE,   /* its outputs are complete */
	CALL_STOPS   /* the worker ends with `status` once all earlier calls have left */
};

struct call {
	enum call_state state;
	uint64_t number; /* of all calls of this worker, in the order of the input */
	uint64_t seq;
	uint16_t attempt;
	bool alone;          /* nothing else may be in flight */
	bool cancelled;      /* its time was up, and its task has been told */
	int64_t since_ns;    /* when its attempt began */
	PyObject *event;     /* the bruco.Event, new for each attempt; NULL: a frame passed on */
	PyObject *variables; /* its context of context variables */
	PyObject *awaiting;  /* the handler's coroutine */
	PyObject *task;      /* awaits that coroutine; NULL until the call has waited once */
	struct buf out;      /* its outputs, while earlier calls are in flight */
	int status;          /* of CALL_STOPS */

	struct call *next_ready;    /* ready_queue.c */
	struct call *successor;     /* ready_queue.c: held until this one is done */
	struct call **newest;       /* ready_queue.c: the newest call with this key; NULL: none */
	struct call *older, *newer; /* running.c */
};

#endif
