/* A call: one event of an async handle_event, from its reading until its outputs have left. */
#ifndef BRUCO_WORKER_ASYNC_CALL_H
#define BRUCO_WORKER_ASYNC_CALL_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum call_state {
	CALL_HELD,  /* waits for an earlier one with the same key */
	CALL_READY, /* may run */
	CALL_RUNNING,
	CALL_PAUSED, /* before its next attempt */
	CALL_DONE,   /* its outputs are there */
	CALL_STOPS   /* it ends the worker, when all before it have left */
};

struct call {
	enum call_state state;
	uint64_t number; /* of all calls of this worker, in their order */
	uint64_t seq;
	uint16_t attempt;
	bool alone;          /* nothing else may be in flight */
	bool cancelled;      /* its time was up, and its task has been told */
	int64_t since_ns;    /* when its attempt began */
	PyObject *event;     /* the bruco.Event, new for each attempt; NULL: a frame passed on */
	PyObject *variables; /* its context of context variables */
	PyObject *awaiting;  /* the handler's coroutine */
	PyObject *task;      /* the one that awaits it; NULL until it has waited */
	struct buf out;      /* what it gave, while earlier ones are in flight */
	int status;          /* of CALL_STOPS: with which the worker is to end */

	struct call *next_ready;    /* ready_queue.c */
	struct call *successor;     /* ready_queue.c: held until this one is done */
	struct call **newest;       /* ready_queue.c: of its key; NULL: no matter */
	struct call *older, *newer; /* running.c */
};

#endif
