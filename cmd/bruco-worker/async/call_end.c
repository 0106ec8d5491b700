#include "bruco-worker/async/scheduler.h"

#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/async/ready_queue.h"
#include "bruco-worker/async/reorder.h"
#include "bruco-worker/async/running.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/event_type.h"

/* ---- another attempt, after a pause in which others go on */

static PyObject *on_pause_over(PyObject *self, PyObject *number)
{
	struct flight *flight = ring_at(PyLong_AsUnsignedLongLong(number));
	struct event event;
	struct frame_record record;

	(void)self;
	if (flight->state != FLIGHT_PAUSED || flights.status != GO_ON)
		Py_RETURN_NONE; /* it is left */
	event = event_of_object(flight->event);
	record = *event.record;
	record.head.attempt = flight->attempt;
	flights_make_event(flight, event.frame, &record);
	flights.paused--;
	queue_add_again(flight);
	flights_settle(1);
	Py_RETURN_NONE;
}

static void pause_flight(struct flight *flight)
{
	static PyMethodDef method = {"on_pause_over", on_pause_over, METH_O, NULL};
	struct worker *worker = flights.loop->worker;
	int64_t pause_ms = failure_pause_ms(&worker->config.processor, flight->attempt + 1U);

	flight->state = FLIGHT_PAUSED;
	flight->attempt++;
	flights.paused++;
	running_show();
	retry_tell(worker, flight->seq, flight->attempt, pause_ms);
	if (running_count() == 0) /* who finds the page then knows how often it was begun */
		page_set_event(worker->page, flight->seq, flight->attempt, 0);
	async_must(async_ask("call_later", "(dNK)", (double)pause_ms / 1000,
		PyCFunction_New(&method, NULL), (unsigned long long)flight->number));
}

/* Why no attempt is to follow a pause; NULL: one is. */
static const char *hurry(void)
{
	if (doors_draining())
		return "stopping";
	return flights.loop->worker->driven && flights.loop->input.ended ? "the input has ended"
									 : NULL;
}

void flights_leave_paused(void)
{
	const char *why = hurry();

	if (why == NULL || flights.paused == 0)
		return;
	for (struct flight *flight = ring_first(); flight != NULL; flight = ring_after(flight)) {
		if (flight->state != FLIGHT_PAUSED)
			continue;
		log_info("%s: record %llu is not tried again here", why,
			(unsigned long long)flight->seq);
		flights.paused--;
		flights_leave(flight, STATUS_OK);
	}
}

/* ---- the end of an attempt */

static void end(struct flight *flight)
{
	running_remove(flight);
	Py_CLEAR(flight->awaiting);
	Py_CLEAR(flight->task);
}

void flights_done(struct flight *flight)
{
	end(flight);
	flights_finish(flight);
}

static void give_up(struct flight *flight, const struct event *event, struct failure *failure)
{
	struct loop *loop = flights.loop;

	event_count_failed(loop->worker->page, event->record);
	if (loop->worker->config.processor.on_failure == FAILURE_STOP) {
		running_show();
		flights_leave(flight, STATUS_FAILED);
		return;
	}
	if (loop->format->give == NULL) /* lines and JSON have no form for it */
		failure_append(
			failure, event->frame, event->record, loop->cap, flights_out(flight));
	flights_finish(flight);
}

void flights_failed(struct flight *flight, bool interrupted, struct failure *failure)
{
	const struct processor_config *processor = &flights.loop->worker->config.processor;
	struct event event = event_of_object(flight->event);
	bool last = interrupted || failure_is_last(failure, processor, flight->attempt);

	end(flight);
	failure_log(failure, event.record,
		last ? -1 : failure_pause_ms(processor, flight->attempt + 1U));
	if (interrupted)
		flights_stop(STATUS_INTERRUPTED);
	else if (last)
		give_up(flight, &event, failure);
	else
		pause_flight(flight);
	failure_release(failure);
	flights_leave_paused();
}
