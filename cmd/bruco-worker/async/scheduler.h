/*
 * async def handle_event: calls in flight on the worker's event loop.
 *
 *      scheduler.c    which calls run, and when all is done
 *      call_end.c     what follows the end of an attempt
 *      loop_io.c      input, output and the driver
 *      task.c         the tasks that run the calls
 *      reorder.c      all calls, in the order of the input
 *      ready_queue.c  those that wait to run
 *      running.c      those that run
 *
 * All of this happens in the event loop, on one thread. Functions that the loop calls back end with
 * scheduler_continue. What the files share is in static storage: asyncio's callbacks get no pointer
 * of ours.
 */
#ifndef BRUCO_WORKER_ASYNC_SCHEDULER_H
#define BRUCO_WORKER_ASYNC_SCHEDULER_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "bruco-worker/async/call.h"
#include "bruco-worker/async/ready_queue.h"
#include "bruco-worker/async/reorder.h"
#include "bruco-worker/run/loop.h"

/* What these files share. */
struct scheduler {
	struct loop *loop;
	struct reorder reorder;
	struct ready_queue queue;
	unsigned limit;      /* of calls that run at the same time */
	unsigned unfinished; /* not done */
	unsigned alone;      /* calls that are unfinished and flagged alone: 0 or 1 */
	unsigned paused;
	unsigned idle_tasks; /* tasks without a call */
	bool stopping;       /* nothing more is taken in, */
	uint64_t stop_after; /* and calls from this number on are not run */
	bool over;           /* the event loop has been stopped, */
	int status;          /* and the worker ends with this */
};
extern struct scheduler scheduler;

/* Takes the place of read_loop.c until the input ends. Always EXIT. */
enum next scheduler_run(struct loop *loop);

/* The next call to run, which counts as running from now on; NULL: none may run now. */
struct call *scheduler_next(void);

/* Makes the call's event from the record encoded at `frame`: new for each attempt, since handlers
 * own its data. */
void scheduler_make_event(
	struct call *call, const uint8_t *frame, const struct frame_record *record);

/* Where the call's outputs go: straight into the output buffer, or into call->out until all earlier
 * calls have left. */
struct buf *scheduler_output(struct call *call);

/* The call is done: its outputs are complete, and what waited for it may go on. */
void scheduler_finish(struct call *call);

/* Ends the worker with this status once all earlier calls have left. */
void scheduler_stop_after(struct call *call, int status);

/* Ends the worker with this status as soon as the output buffer is written. */
void scheduler_stop(int status);

/* Whether the worker is recycled from now on: it takes in no more, and the calls in flight go on. */
bool scheduler_recycles(void);

/* Keeps everything going: starts at most `tasks` tasks for calls that are ready, has input and
 * output read and written when they are due, and stops the event loop when there is nothing left to
 * do. */
void scheduler_continue(unsigned tasks);

#endif
