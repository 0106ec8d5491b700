/*
 * async def handle_event: calls in flight on the worker's event loop.
 *
 *      scheduler.c  which flights run, and when all is done
 *      call_end.c   what follows the end of an attempt
 *      loop_io.c    input, output and the driver
 *      task.c       the tasks that run them
 *      reorder.c    their order; ready_queue.c, those that wait to run; running.c, those that run
 *
 * All of it runs in the event loop, on one thread: functions of these files that the loop calls
 * back end with flights_settle.
 */
#ifndef BRUCO_WORKER_ASYNC_SCHEDULER_H
#define BRUCO_WORKER_ASYNC_SCHEDULER_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "bruco-worker/async/call.h"
#include "bruco-worker/run/failure.h"
#include "bruco-worker/run/mode.h"

/* What all of them share. */
struct flights {
	struct loop *loop;   /* NULL: this is not in use */
	unsigned limit;      /* of flights that run */
	unsigned unfinished; /* not done */
	unsigned alone;      /* unfinished, and alone */
	unsigned paused;
	unsigned runners; /* tasks without a flight */
	bool leaving;     /* nothing more is taken in, */
	uint64_t left;    /* and flights from this number on are not run */
	int status;       /* GO_ON, or with which to end */
};
extern struct flights flights;

/* ---- scheduler.c */

/* The next flight to run, which is running from now on; NULL: none may, for now. */
struct flight *flights_take(void);

/* Where its outputs go: straight out, or aside. */
struct buf *flights_out(struct flight *flight);

/* Nothing more comes of it than what it gave: what waited for that may go on. */
void flights_finish(struct flight *flight);

/* Ends the worker, with this status, when all before this flight is out. */
void flights_leave(struct flight *flight, int status);

/* Ends the worker as soon as what is in the output is written. */
void flights_stop(int status);

/* Sees to it that all goes on: starts runners for what is ready, at most so many, reads and writes
 * what is due, and ends the event loop when there is nothing left to do. */
void flights_settle(unsigned runners);

/* ---- call_end.c */

/* The attempt has ended with outputs, which are in flights_out. */
void flights_done(struct flight *flight);

/* It has ended with *failure, which is released here. */
void flights_failed(struct flight *flight, bool interrupted, struct failure *failure);

/* When the worker is to end soon: what waits for another attempt, and all behind it, is left for
 * its successor. */
void flights_leave_paused(void);

/* The event, new for each attempt: handlers own its data. */
void flights_make_event(
	struct flight *flight, const uint8_t *frame, const struct frame_record *record);

/* ---- loop_io.c */

/* Around the event loop's life. */
void doors_open(void);
void doors_close(void);

/* What the input's buffer holds; false: no whole record, or what is there can't be read. */
bool doors_peek(const uint8_t **frame, struct frame_record **record);
void doors_took(void); /* what was peeked at: the next is another */

bool doors_see_end(void);      /* all of the input has been taken */
const char *doors_bad(void);   /* why it can't be read any further, or NULL */
bool doors_draining(void);     /* the driver has said that the worker is to stop */
bool doors_may_begin(void);    /* the output is not stuck */
void doors_write_if_due(void); /* by size and age */

/* Has the event loop read the input when there is no whole record, and write the output soon. */
void doors_settle(void);

/* ---- task.c */

int runner_prepare(void); /* 0, or -1 with an exception set */

/* Creates a task that takes flights, one after the other, until one has to wait: then it is that
 * one's own. 0, or -1 with an exception set. */
int runner_start(void);

#endif
