/*
 * async def handle_event: calls in flight on the worker's event loop.
 *
 *      scheduler.c  which calls run, and when all is done
 *      call_end.c   what follows the end of an attempt
 *      loop_io.c    input, output and the driver
 *      task.c       the tasks that run them
 *      reorder.c    their order; ready_queue.c, those that wait to run; running.c, those that run
 *
 * All of it runs in the event loop, on one thread: functions of these files that the loop calls
 * back end with scheduler_continue.
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
#include "bruco-worker/run/attempt.h"
#include "bruco-worker/run/loop.h"

/* What all of them share. */
struct scheduler {
	struct loop *loop; /* NULL: this is not in use */
	struct reorder reorder;
	struct ready_queue queue;
	unsigned limit;      /* of calls that run */
	unsigned unfinished; /* not done */
	unsigned alone;      /* unfinished, and alone */
	unsigned paused;
	unsigned idle_tasks; /* tasks without a call */
	bool stopping;       /* nothing more is taken in, */
	uint64_t stop_after; /* and calls from this number on are not run */
	bool over;           /* the event loop has been stopped, */
	int status;          /* and the worker ends with this */
};
extern struct scheduler scheduler;

/* ---- scheduler.c */

/* Takes the place of read_loop.c until the input ends. Always EXIT. */
enum next scheduler_run(struct loop *loop);

/* The next call to run, which is running from now on; NULL: none may, for now. */
struct call *scheduler_next(void);

/* Where its outputs go: straight out, or aside. */
struct buf *scheduler_output(struct call *call);

/* Nothing more comes of it than what it gave: what waited for that may go on. */
void scheduler_finish(struct call *call);

/* Ends the worker, with this status, when all before this call is out. */
void scheduler_stop_after(struct call *call, int status);

/* Ends the worker as soon as what is in the output is written. */
void scheduler_stop(int status);

/* Sees to it that all goes on: starts idle_tasks for what is ready, at most so many, reads and
 * writes what is due, and ends the event loop when there is nothing left to do. */
void scheduler_continue(unsigned idle_tasks);

/* ---- call_end.c */

/* The attempt has ended with outputs, which are in scheduler_output. */
void call_done(struct call *call);

/* It has ended with *failure, which is released here. */
void call_failed(struct call *call, enum attempt_end end, const struct failure *failure);

/* When the worker is to end soon: what waits for another attempt, and all behind it, is left for
 * its successor. */
void calls_stop_paused(void);

/* The event, new for each attempt: handlers own its data. */
void call_make_event(struct call *call, const uint8_t *frame, const struct frame_record *record);

/* ---- loop_io.c */

/* Around the event loop's life. */
void loop_io_open(void);
void loop_io_close(void);

/* What the input's buffer holds; false: no whole record, or what is there can't be read. */
bool loop_io_peek(const uint8_t **frame, struct frame_record **record);
void loop_io_take(void); /* what was peeked at: the next is another */

bool loop_io_at_end(void);       /* all of the input has been taken */
const char *loop_io_error(void); /* why it can't be read any further, or NULL */
bool loop_io_can_write(void);    /* the output is not stuck */
void loop_io_write_if_due(void); /* by size and age */

/* Has the event loop read the input when there is no whole record, and write the output soon. */
void loop_io_arm(void);

/* ---- task.c */

int task_prepare(void); /* 0, or -1 with an exception set */

/* Creates a task that takes calls, one after the other, until one has to wait: then it is that
 * one's own. 0, or -1 with an exception set. */
int task_start(void);

#endif
