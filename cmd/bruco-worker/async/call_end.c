#include "bruco-worker/async/call_end.h"

#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/async/ready_queue.h"
#include "bruco-worker/async/reorder.h"
#include "bruco-worker/async/running.h"
#include "bruco-worker/async/scheduler.h"
#include "bruco-worker/control.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/run/retry.h"

/* ---- another attempt, after a pause in which other calls go on */

static PyObject *on_pause_over(PyObject *self, PyObject *number)
{
	struct call *call = reorder_at(&scheduler.reorder, PyLong_AsUnsignedLongLong(number));
	struct event event;
	struct frame_record record;

	(void)self;
	if (call->state != CALL_PAUSED || scheduler.over)
		Py_RETURN_NONE; /* the worker stops before it */
	event = event_of_object(call->event);
	record = *event.record;
	record.head.attempt = call->attempt;
	scheduler_make_event(call, event.frame, &record);
	scheduler.paused--;
	ready_queue_add_again(&scheduler.queue, call);
	scheduler_continue(1);
	Py_RETURN_NONE;
}

static void pause_call(struct call *call, int64_t pause_ms)
{
	static PyMethodDef method = {"on_pause_over", on_pause_over, METH_O, NULL};
	struct worker *worker = scheduler.loop->worker;

	call->state = CALL_PAUSED;
	call->attempt++;
	scheduler.paused++;
	running_show();
	control_tell_attempt(worker, call->seq, call->attempt, pause_ms);
	if (running_count() == 0) /* if the worker dies in the pause, its page says how often the
				     event was begun */
		page_set_event(worker->page, call->seq, call->attempt, 0);
	event_loop_must(event_loop_ask("call_later", "(dNK)", (double)pause_ms / 1000,
		PyCFunction_New(&method, NULL), (unsigned long long)call->number));
}

/* Why no attempt follows after a pause any more; NULL: one does. */
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
	for (struct call *call = reorder_first(&scheduler.reorder); call != NULL;
		call = reorder_after(&scheduler.reorder, call)) {
		if (call->state != CALL_PAUSED)
			continue;
		log_info("%s: record %llu is not tried again here", why,
			(unsigned long long)call->seq);
		scheduler.paused--;
		scheduler_stop_after(call, STATUS_OK);
	}
}

/* ---- the end of an attempt */

static void end_attempt(struct call *call)
{
	running_remove(call);
	Py_CLEAR(call->awaiting);
	Py_CLEAR(call->task);
}

void call_done(struct call *call)
{
	end_attempt(call);
	scheduler_finish(call);
}

void call_failed(struct call *call, enum attempt_end how, const struct failure *failure)
{
	struct event event = event_of_object(call->event);
	struct frame_record record = *event.record;
	struct attempt attempt = {.frame = event.frame,
		.record = &record,
		.out = scheduler_output(call),
		.failure = *failure};
	int64_t pause_ms;

	end_attempt(call);
	switch (retry_conclude(scheduler.loop, &attempt, how, &pause_ms)) {
	case VERDICT_RETRY:
		pause_call(call, pause_ms);
		break;
	case VERDICT_HAND_ON:
	case VERDICT_DROP:
		scheduler_finish(call);
		break;
	case VERDICT_STOP:
		running_show();
		scheduler_stop_after(call, STATUS_FAILED);
		break;
	case VERDICT_INTERRUPT:
		scheduler_stop(STATUS_INTERRUPTED);
		break;
	}
	calls_stop_paused();
}
