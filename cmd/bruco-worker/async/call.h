/* A flight: one event of an async handle_event, from its reading until its outputs have left. */
#ifndef BRUCO_WORKER_ASYNC_CALL_H
#define BRUCO_WORKER_ASYNC_CALL_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum flight_state {
	FLIGHT_HELD,  /* waits for an earlier one with the same key */
	FLIGHT_READY, /* may run */
	FLIGHT_RUNNING,
	FLIGHT_PAUSED, /* before its next attempt */
	FLIGHT_DONE,   /* its outputs are there */
	FLIGHT_LEFT    /* it ends the worker, when all before it have left */
};

struct flight {
	enum flight_state state;
	uint64_t number; /* of all flights of this life, in their order */
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
	int status;          /* of FLIGHT_LEFT: with which the worker is to end */

	struct flight *next_ready;    /* ready_queue.c */
	struct flight *heir;          /* ready_queue.c: held until this one is done */
	struct flight **newest;       /* ready_queue.c: of its key; NULL: no matter */
	struct flight *older, *newer; /* running.c */
};

#endif
