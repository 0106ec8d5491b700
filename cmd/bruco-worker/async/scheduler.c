#include <Python.h>

#include "bruco-worker/async/scheduler.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/async/ready_queue.h"
#include "bruco-worker/async/reorder.h"
#include "bruco-worker/async/running.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/run/recycle.h"

struct scheduler scheduler;

/* ---- the input's records become calls */

void call_make_event(struct call *call, const uint8_t *frame, const struct frame_record *record)
{
	PyObject *event = event_object_new(frame, record);

	if (event == NULL)
		die(STATUS_TEMPFAIL, "out of memory");
	Py_XSETREF(call->event, event);
}

/* What is done and first in the ring leaves. */
static void advance(void)
{
	struct output *output = scheduler.loop->output;
	struct call *call;

	while ((call = reorder_first()) != NULL && scheduler.status == GO_ON) {
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
		reorder_pop(&output->buf);
	}
}

static void add(const uint8_t *frame, struct frame_record *record)
{
	struct call *call = reorder_push(record->head.seq);

	call->attempt = record->head.attempt;
	call->alone = (record->head.flags & FRAME_ALONE) != 0;
	scheduler.alone += call->alone;
	scheduler.unfinished++;
	record->head.flags &= (uint16_t)~FRAME_ALONE;
	call_make_event(call, frame, record);
	ready_queue_add(call, record);
}

/* A frame that is not run keeps its place all the same. */
static void pass_on(const uint8_t *frame, const struct frame_head *head)
{
	struct call *call = reorder_push(head->seq);

	emit_frame(scheduler.loop, frame, head, &call->out);
	reorder_keep(call);
	call->state = CALL_DONE;
	advance();
}

/* When the worker is to make room for another, it takes in no more; what is in flight goes on. */
static bool is_recycled(void)
{
	if (scheduler.loop->worker->draining ||
		!recycle_due(scheduler.loop->worker, scheduler.unfinished))
		return false;
	scheduler.stopping = true;
	scheduler.stop_after = reorder_next_number();
	return true;
}

/* The input's next frame becomes a call, unless it has to wait. */
static bool take_in(void)
{
	const uint8_t *frame;
	struct frame_record *record;

	if (!reorder_has_room() || scheduler.alone > 0 || is_recycled() ||
		!loop_io_peek(&frame, &record))
		return false;
	if (record->head.type != FRAME_TYPE_RECORD)
		pass_on(frame, &record->head);
	else if ((record->head.flags & FRAME_ALONE) != 0 && scheduler.unfinished > 0)
		return false;
	else
		add(frame, record);
	loop_io_take();
	return true;
}

/* ---- which calls run */

/* Whether one is ready, which may mean looking at the input. */
static bool find_ready(void)
{
	if (scheduler.stopping)
		ready_queue_drop_after(scheduler.stop_after);
	else
		while (ready_queue_is_empty() && take_in())
			;
	return !ready_queue_is_empty();
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
	call = ready_queue_pop();
	running_add(call, clock_coarse_ns());
	return call;
}

/* ---- their ends */

struct buf *scheduler_output(struct call *call)
{
	struct output *output = scheduler.loop->output;

	if (call != reorder_first())
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
	reorder_keep(call);
	ready_queue_release(call);
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
	if (scheduler.status != GO_ON)
		return;
	scheduler.status = status;
	scheduler.stopping = true;
	running_end();
	event_loop_must(event_loop_ask("stop", "()"));
}

void scheduler_continue(unsigned idle_tasks)
{
	if (scheduler.status != GO_ON)
		return;
	for (; idle_tasks > 0 && may_begin() &&
		running_count() + scheduler.idle_tasks < scheduler.limit && find_ready();
		idle_tasks--) {
		if (task_start() < 0)
			event_loop_must(NULL);
	}
	calls_stop_paused();
	if (scheduler.status != GO_ON)
		return;
	if (reorder_is_empty() && scheduler.stopping)
		scheduler_stop(STATUS_OK);
	else if (reorder_is_empty() && loop_io_at_end())
		scheduler_stop(loop_io_error() == NULL
				       ? STATUS_OK
				       : loop_bad_input(scheduler.loop, loop_io_error()));
	else
		loop_io_arm();
}

/* ---- */

static void start(struct loop *loop)
{
	struct worker *worker = loop->worker;
	const struct processor_config *processor = &worker->config.processor;

	scheduler =
		(struct scheduler){.loop = loop, .limit = processor->concurrency, .status = GO_ON};
	reorder_init(scheduler.limit);
	ready_queue_init(processor->ordering != ORDERING_NONE && scheduler.limit > 1);
	running_init(worker);
	event_loop_on_alarm(running_may_raise);
	if (event_loop_get() == NULL || task_prepare() < 0)
		event_loop_must(NULL);
	loop_io_open();
	scheduler_continue(1); /* there may be records already: see invoke_awaited */
}

/* The event loop runs until scheduler_stop; a handler may end it too, or raise SystemExit out of
 * it.
 */
static void run_event_loop(void)
{
	do { /* once at least: a stop that was asked for is still to be heard */
		PyObject *done = event_loop_ask("run_forever", "()");

		Py_XDECREF(done);
		if (done != NULL || scheduler.status != GO_ON) {
			PyErr_Clear();
		} else if (scheduler.loop->worker->interactive &&
			   PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
			PyErr_Clear();
			scheduler.status = STATUS_INTERRUPTED;
		} else {
			PyErr_Print();
			log_error("an exception ended the event loop");
			scheduler.status = STATUS_SOFTWARE;
		}
	} while (scheduler.status == GO_ON);
	running_end();
}

int scheduler_run(struct loop *loop)
{
	int status;

	start(loop);
	run_event_loop();
	loop_io_close();
	status = emit_flush(loop);
	return status == GO_ON ? scheduler.status : status;
}
