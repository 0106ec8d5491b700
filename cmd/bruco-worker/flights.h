/*
 * async def handle_event: calls in flight on the worker's event loop.
 *
 * A flight is one event from its reading until its outputs have left. The ring holds them in the
 * order of the input, in which outputs leave; a flight that is done early keeps its outputs till
 * then. Which flights may run is decided here; runner.c runs them.
 */
#ifndef WORKER_FLIGHTS_H
#define WORKER_FLIGHTS_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "failure.h"

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
	PyObject *context;   /* of context variables */
	PyObject *awaiting;  /* the handler's coroutine */
	PyObject *task;      /* the one that awaits it; NULL until it has waited */
	struct buf out;      /* what it gave, while earlier ones are in flight */
	struct flight *next; /* in the queue of those that are ready */
	struct flight *heir; /* held until this one is done */
	struct flight **key; /* where the newest flight with its key stands; NULL: no matter */
	struct flight *older, *newer; /* among those that run, by since_ns */
	int status;                   /* of FLIGHT_LEFT: with which to end */
};

/* ---- for runner.c */

/* The next flight to run, which is running from now on; NULL: none may, for now. */
struct flight *flights_take(void);

/* Where its outputs go: straight out, or aside. */
struct buf *flights_out(struct flight *flight);

/* Its attempt has ended with outputs, or with *failure (then released). */
void flights_done(struct flight *flight);
void flights_failed(struct flight *flight, bool interrupted, struct failure *failure);

/* When a runner goes: others are started for what waits, at most so many; with nothing left to do
 * the output is written. */
void flights_settle(unsigned runners);

struct loop *flights_loop(void);
void flights_runner(int more);         /* so many tasks more, or less, are without a flight */
extern struct flight *flights_current; /* whose code runs right now */

/* ---- for timeout.c: whether the code that runs right now is of an event whose time is up */
bool flights_may_raise(void);
bool flights_fly(void); /* whether anything of this is in use */

/* ---- runner.c */

int runner_prepare(void); /* 0, or -1 with an exception set */

/* Creates a task that takes flights, one after the other, until one has to wait: then it is that
 * one's own. 0, or -1 with an exception set. */
int runner_start(PyObject *event_loop);

#endif
