#include <Python.h>

#include "bruco-worker/async/scheduler.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/async/call_end.h"
#include "bruco-worker/async/loop_io.h"
#include "bruco-worker/async/ready_queue.h"
#include "bruco-worker/async/reorder.h"
#include "bruco-worker/async/running.h"
#include "bruco-worker/async/task.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/run/emit.h"
#include "bruco-worker/run/recycle.h"

struct scheduler scheduler;

/* ---- the input's records become calls */

void scheduler_make_event(
	struct call *call, const uint8_t *frame, const struct frame_record *record)
{
	PyObject *event = event_object_new(frame, record);

	if (event == NULL)
		die(STATUS_TEMPFAIL, "out of memory");
	Py_XSETREF(call->event, event);
}

/* Lets those calls leave that are done, from the first one on. */
static void advance(void)
{
	struct output *output = scheduler.loop->output;
	struct call *call;

	while ((call = reorder_first(&scheduler.reorder)) != NULL && !scheduler.over) {
		if (call->state == CALL_STOPS) {
			scheduler_stop(call->status);
			if (call->status == STATUS_FAILED) /* its attempts are used up */
				page_set_event(scheduler.loop->worker->page, call->seq,
					call->attempt + 1U, 0);
		}
		if (call->state != CALL_DONE)
			return;
		if (output->buf.length == 0)
			output->since_ns = clock_coarse_ns();
		Py_CLEAR(call->event);
		reorder_pop(&scheduler.reorder, &output->buf);
	}
}

static void add_call(const uint8_t *frame, struct frame_record *record)
{
	struct call *call = reorder_push(&scheduler.reorder, record->head.seq);

	call->attempt = record->head.attempt;
	call->alone = (record->head.flags & FRAME_ALONE) != 0;
	scheduler.alone += call->alone;
	scheduler.unfinished++;
	record->head.flags &= (uint16_t)~FRAME_ALONE;
	scheduler_make_event(call, frame, record);
	ready_queue_add(&scheduler.queue, call, record);
}

/* A frame that is not run keeps its place among the calls. */
static void add_passed_on(const uint8_t *frame, const struct frame_head *head)
{
	struct call *call = reorder_push(&scheduler.reorder, head->seq);

	emit_frame(scheduler.loop, frame, head, &call->out);
	reorder_keep(&scheduler.reorder, call);
	call->state = CALL_DONE;
	advance();
}

bool scheduler_recycles(void)
{
	if (scheduler.stopping || scheduler.loop->worker->draining ||
		!recycle_due(scheduler.loop->worker, scheduler.unfinished))
		return false;
	scheduler.stopping = true;
	scheduler.stop_after = reorder_next_number(&scheduler.reorder);
	return true;
}

/* The input's next frame becomes a call, unless it has to wait. */
static bool take_in_next(void)
{
	const uint8_t *frame;
	struct frame_record *record;

	if (!reorder_has_room(&scheduler.reorder) || scheduler.alone > 0 || scheduler_recycles() ||
		!loop_io_peek(&frame, &record))
		return false;
	if (record->head.type != FRAME_TYPE_RECORD)
		add_passed_on(frame, &record->head);
	else if ((record->head.flags & FRAME_ALONE) != 0 && scheduler.unfinished > 0)
		return false;
	else
		add_call(frame, record);
	loop_io_take();
	return true;
}

/* ---- which calls run */

/* Whether a call is ready; takes in records until one is. */
static bool find_ready(void)
{
	if (scheduler.stopping)
		ready_queue_drop_after(&scheduler.queue, scheduler.stop_after);
	else
		while (ready_queue_is_empty(&scheduler.queue) && take_in_next())
			;
	return !ready_queue_is_empty(&scheduler.queue);
}

static bool may_begin(void)
{
	return loop_io_can_write() && running_count() < scheduler.limit;
}

struct call *scheduler_next(void)
{
	struct call *call;

	loop_io_write_if_due();
	if (!may_begin() || !find_ready())
		return NULL;
	call = ready_queue_pop(&scheduler.queue);
	running_add(call, clock_coarse_ns());
	return call;
}

/* ---- how calls end */

struct buf *scheduler_output(struct call *call)
{
	struct output *output = scheduler.loop->output;

	if (call != reorder_first(&scheduler.reorder))
		return &call->out;
	if (output->buf.length == 0)
		output->since_ns = clock_coarse_ns();
	return &output->buf;
}

void scheduler_finish(struct call *call)
{
	call->state = CALL_DONE;
	scheduler.unfinished--;
	scheduler.alone -= call->alone;
	reorder_keep(&scheduler.reorder, call);
	ready_queue_release(&scheduler.queue, call);
	advance();
	running_show();
}

void scheduler_stop_after(struct call *call, int status)
{
	call->state = CALL_STOPS;
	call->status = status;
	if (!scheduler.stopping || call->number < scheduler.stop_after)
		scheduler.stop_after = call->number;
	scheduler.stopping = true;
	advance();
}

void scheduler_stop(int status)
{
	if (scheduler.over)
		return;
	scheduler.over = true;
	scheduler.status = status;
	scheduler.stopping = true;
	running_end();
	event_loop_must(event_loop_ask("stop", "()"));
}

/* All of the input has been taken in, and all outputs have been given. */
static void stop_at_end(void)
{
	const char *why = loop_io_error();

	if (why == NULL)
		scheduler_stop(STATUS_OK);
	else if (emit_bad_input(scheduler.loop, why) == EXIT)
		scheduler_stop(scheduler.loop->status);
}

void scheduler_continue(unsigned tasks)
{
	if (scheduler.over)
		return;
	for (; tasks > 0 && may_begin() &&
		running_count() + scheduler.idle_tasks < scheduler.limit && find_ready();
		tasks--) {
		if (task_start() < 0)
			event_loop_must(NULL);
	}
	calls_stop_paused();
	if (scheduler.over)
		return;
	if (reorder_is_empty(&scheduler.reorder) && scheduler.stopping)
		scheduler_stop(STATUS_OK);
	else if (reorder_is_empty(&scheduler.reorder) && loop_io_at_end())
		stop_at_end();
	else
		loop_io_arm();
}

/* ---- the whole */

static void start_scheduler(struct loop *loop)
{
	struct worker *worker = loop->worker;
	const struct processor_config *processor = &worker->config.processor;

	scheduler = (struct scheduler){.loop = loop, .limit = processor->concurrency};
	reorder_init(&scheduler.reorder, scheduler.limit);
	ready_queue_init(
		&scheduler.queue, processor->ordering != ORDERING_NONE && scheduler.limit > 1);
	running_init(worker, &scheduler.reorder);
	event_loop_on_alarm(running_may_raise);
	if (event_loop_get() == NULL || task_prepare() < 0)
		event_loop_must(NULL);
	loop_io_open();
	scheduler_continue(1); /* there may be records already: see loop->awaited */
}

/* The event loop runs until scheduler_stop; a handler may end it too, or raise SystemExit out of
 * it.
 */
static void run_event_loop(void)
{
	do { /* once at least: scheduler_stop before it takes effect only here */
		PyObject *done = event_loop_ask("run_forever", "()");

		Py_XDECREF(done);
		if (done != NULL || scheduler.over) {
			PyErr_Clear();
		} else if (scheduler.loop->worker->interactive &&
			   PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
			PyErr_Clear();
			scheduler.over = true;
			scheduler.status = STATUS_INTERRUPTED;
		} else {
			PyErr_Print();
			log_error("an exception ended the event loop");
			scheduler.over = true;
			scheduler.status = STATUS_SOFTWARE;
		}
	} while (!scheduler.over);
	running_end();
}

enum next scheduler_run(struct loop *loop)
{
	start_scheduler(loop);
	run_event_loop();
	loop_io_close();
	return emit_flush(loop) == EXIT ? EXIT : loop_exit(loop, scheduler.status);
}
