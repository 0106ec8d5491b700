#include "bruco-worker/async/scheduler.h"

#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/async/ready_queue.h"
#include "bruco-worker/async/reorder.h"
#include "bruco-worker/async/running.h"
#include "bruco-worker/control.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/event_type.h"

/* ---- another attempt, after a pause in which others go on */

static PyObject *on_pause_over(PyObject *self, PyObject *number)
{
	struct call *call = reorder_at(PyLong_AsUnsignedLongLong(number));
	struct event event;
	struct frame_record record;

	(void)self;
	if (call->state != CALL_PAUSED || scheduler.status != GO_ON)
		Py_RETURN_NONE; /* it is left */
	event = event_of_object(call->event);
	record = *event.record;
	record.head.attempt = call->attempt;
	call_make_event(call, event.frame, &record);
	scheduler.paused--;
	ready_queue_add_again(call);
	scheduler_continue(1);
	Py_RETURN_NONE;
}

static void pause_call(struct call *call)
{
	static PyMethodDef method = {"on_pause_over", on_pause_over, METH_O, NULL};
	struct worker *worker = scheduler.loop->worker;
	int64_t pause_ms = failure_pause_ms(&worker->config.processor, call->attempt + 1U);

	call->state = CALL_PAUSED;
	call->attempt++;
	scheduler.paused++;
	running_show();
	control_tell_attempt(worker, call->seq, call->attempt, pause_ms);
	if (running_count() == 0) /* who finds the page then knows how often it was begun */
		page_set_event(worker->page, call->seq, call->attempt, 0);
	event_loop_must(event_loop_ask("call_later", "(dNK)", (double)pause_ms / 1000,
		PyCFunction_New(&method, NULL), (unsigned long long)call->number));
}

/* Why no attempt is to follow a pause; NULL: one is. */
static const char *no_retry_reason(void)
{
	if (scheduler.loop->worker->draining)
		return "stopping";
	return scheduler.loop->worker->driven && scheduler.loop->input.ended ? "the input has ended"
									     : NULL;
}

void calls_stop_paused(void)
{
	const char *why = no_retry_reason();

	if (why == NULL || scheduler.paused == 0)
		return;
	for (struct call *call = reorder_first(); call != NULL; call = reorder_after(call)) {
		if (call->state != CALL_PAUSED)
			continue;
		log_info("%s: record %llu is not tried again here", why,
			(unsigned long long)call->seq);
		scheduler.paused--;
		scheduler_stop_after(call, STATUS_OK);
	}
}

/* ---- the end of an attempt */

static void end(struct call *call)
{
	running_remove(call);
	Py_CLEAR(call->awaiting);
	Py_CLEAR(call->task);
}

void call_done(struct call *call)
{
	end(call);
	scheduler_finish(call);
}

static void give_up(struct call *call, const struct event *event, struct failure *failure)
{
	struct loop *loop = scheduler.loop;

	invoke_count_failed(loop->worker->page, event->record);
	if (loop->worker->config.processor.on_failure == FAILURE_STOP) {
		running_show();
		scheduler_stop_after(call, STATUS_FAILED);
		return;
	}
	if (loop->codec->write == NULL) /* lines and JSON have no form for it */
		failure_append(
			failure, event->frame, event->record, loop->cap, scheduler_output(call));
	scheduler_finish(call);
}

void call_failed(struct call *call, bool interrupted, struct failure *failure)
{
	const struct processor_config *processor = &scheduler.loop->worker->config.processor;
	struct event event = event_of_object(call->event);
	bool last = interrupted || failure_is_last(failure, processor, call->attempt);

	end(call);
	failure_log(
		failure, event.record, last ? -1 : failure_pause_ms(processor, call->attempt + 1U));
	if (interrupted)
		scheduler_stop(STATUS_INTERRUPTED);
	else if (last)
		give_up(call, &event, failure);
	else
		pause_call(call);
	failure_release(failure);
	calls_stop_paused();
}
