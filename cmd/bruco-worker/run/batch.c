/*
 * handle_batch: several events in one call, one result for each.
 *
 * When a call raises, no event has used an attempt: the events run again, each as a batch of one,
 * so that only the culprit uses up its attempts. A bruco.Failed among the results counts as that
 * event's first attempt. One mark ends all outputs of a batch, so that the sink takes a batch whole
 * or not at all.
 */
#include <Python.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/python/awaitable.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/python/fork_guard.h"
#include "bruco-worker/python/import.h"
#include "bruco-worker/run/collection.h"
#include "bruco-worker/run/counters.h"
#include "bruco-worker/run/emit.h"
#include "bruco-worker/run/invoke.h"
#include "bruco-worker/run/mode.h"
#include "bruco-worker/run/retry.h"
#include "frame/limits.h"

static struct {
	PyObject *events; /* list of bruco.Event, or NULL */
	struct collection collection;
	struct buf out; /* outputs, until those of all events are there */
} batch;

static PyObject *of_batch; /* bruco.encoding.of_batch */

static struct event event_at(Py_ssize_t index)
{
	return event_of_object(PyList_GET_ITEM(batch.events, index));
}

/* ---- the call */

static void show_batch(struct page *page, PyObject *events)
{
	Py_ssize_t count = PyList_GET_SIZE(events);
	const struct frame_record *first = event_of_object(PyList_GET_ITEM(events, 0)).record;
	const struct frame_record *last =
		event_of_object(PyList_GET_ITEM(events, count - 1)).record;

	page_set_event(page, first->head.seq, first->head.attempt, clock_coarse_ns());
	if (count > 1)
		page_together(page, first->head.seq, last->head.seq);
	else
		page_set_state(page, RUN_RUNNING);
}

static enum attempt_end take_raised(
	const struct loop *loop, const char *what, struct failure *failure)
{
	bool interrupted =
		loop->worker->interactive && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);

	failure_take(failure, what);
	return interrupted ? ATTEMPT_INTERRUPTED : ATTEMPT_FAILED;
}

/* One call. *results: a list with one result for each event. */
static enum attempt_end call_with_batch(
	struct loop *loop, PyObject *events, PyObject **results, struct failure *failure)
{
	const struct handler *handler = loop->handler;
	PyObject *given = PyList_GetSlice(
		events, 0, PyList_GET_SIZE(events)); /* a list that is the handler's own */
	PyObject *arguments[] = {NULL, handler->context, given};
	PyObject *returned = NULL;
	int64_t begun_ns = clock_ns();

	show_batch(loop->worker->page, events);
	output_lend(loop->output);
	if (given != NULL)
		returned = PyObject_Vectorcall(
			handler->function, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
	if (returned != NULL && is_awaitable(returned))
		returned = event_loop_run(returned, loop->worker->config.processor.timeout_ms);
	if (fork_guard_in_child)
		fork_guard_exit(returned);
	count_sample_end(loop->worker->page, begun_ns);
	invoke_take_back_output(loop->output, loop->worker->page);
	Py_XDECREF(given);
	if (returned == NULL)
		return take_raised(loop, "handler raised", failure);
	*results = PyObject_CallFunction(of_batch, "Nn", returned, PyList_GET_SIZE(events));
	return *results == NULL
		       ? take_raised(loop, "cannot use what the handler returned:", failure)
		       : ATTEMPT_DONE;
}

/* ---- one event's result */

static enum attempt_end append_result(
	struct loop *loop, struct attempt *attempt, struct event *event, PyObject *result)
{
	size_t before = attempt->out->length;
	const char *what;
	int outputs = emit_result(loop, event, result, attempt->out, &what);

	if (outputs < 0) {
		failure_take(&attempt->failure, what);
		return ATTEMPT_FAILED;
	}
	count_event_done(loop->worker->page, event->record, outputs, attempt->out->length - before);
	return ATTEMPT_DONE;
}

/* An attempt at one event, as a batch of one. */
static enum attempt_end attempt_alone(struct loop *loop, struct attempt *attempt)
{
	PyObject *events = PyList_New(1);
	PyObject *object =
		events == NULL ? NULL : event_object_new(attempt->frame, attempt->record);
	PyObject *results = NULL;
	enum attempt_end end;

	if (object == NULL) {
		Py_XDECREF(events);
		return take_raised(loop, "cannot make the event:", &attempt->failure);
	}
	PyList_SET_ITEM(events, 0, object);
	end = call_with_batch(loop, events, &results, &attempt->failure);
	if (end == ATTEMPT_DONE) {
		struct event event = event_of_object(object);

		end = append_result(loop, attempt, &event, PyList_GET_ITEM(results, 0));
		Py_DECREF(results);
	}
	page_set_state(loop->worker->page, RUN_IDLE);
	Py_DECREF(events);
	return end;
}

/* ---- the outputs */

/* Removes what ends a single event's outputs, a flag or an empty frame: in a batch only the mark
 * ends them. */
static void leave_open(struct buf *out, size_t from)
{
	while (from < out->length) {
		struct frame_head head;
		const char *why;

		frame_head_read(out->data + from, out->length - from, UINT32_MAX, &head, &why);
		if (head.type == FRAME_TYPE_EMPTY)
			out->length = from; /* it is the last */
		else if ((head.flags & FRAME_LAST) != 0)
			frame_patch(out->data + from, head.type,
				(uint16_t)(head.flags & ~(unsigned)FRAME_LAST), head.attempt,
				head.seq);
		from += head.length;
	}
}

/* ---- the batch */

/* All that follows for one event. results NULL: it is run alone. */
static enum next finish_event(struct loop *loop, Py_ssize_t index, PyObject *results)
{
	struct event event = event_at(index);
	struct frame_record record = *event.record;
	struct attempt attempt = {.frame = event.frame,
		.record = &record,
		.now_ns = clock_coarse_ns(),
		.out = &batch.out};
	enum attempt_end end;

	if (results == NULL)
		return retry_run(loop, attempt_alone, &attempt);
	end = append_result(loop, &attempt, &event, PyList_GET_ITEM(results, index));
	if (end == ATTEMPT_DONE)
		return CONTINUE;
	page_set_state(loop->worker->page, RUN_IDLE);
	return retry_after(loop, attempt_alone, &attempt, end);
}

/* Hands over what batch.out holds. */
static void hand_over(struct loop *loop, uint64_t first, uint64_t last, bool marked)
{
	struct buf *out = &loop->output->buf;

	if (out->length == 0)
		loop->output->since_ns = clock_coarse_ns();
	buf_append(out, batch.out.data, batch.out.length);
	buf_reset(&batch.out);
	if (marked) {
		buf_reserve(out, FRAME_HEADER + 8);
		out->length += frame_empty_write(out->data + out->length, last, first);
	}
}

/* All that follows for all events; results NULL: each is run alone. What precedes an event that
 * ends the worker is written all the same. */
static enum next finish_events(struct loop *loop, PyObject *results)
{
	Py_ssize_t count = PyList_GET_SIZE(batch.events);
	bool marked = count > 1 && loop_gives_frames(loop);
	uint64_t first = event_at(0).record->head.seq, seq = first;

	for (Py_ssize_t i = 0; i < count; i++) {
		size_t before = batch.out.length;

		if (finish_event(loop, i, results) == EXIT) {
			if (i > 0)
				hand_over(loop, first, seq, marked && first <= seq);
			emit_flush(loop); /* if it fails, the worker's status is that failure's */
			return EXIT;
		}
		seq = event_at(i).record->head.seq;
		if (marked)
			leave_open(&batch.out, before);
		if (batch.out.length > LIMIT_BATCH_OUTPUT || i == count - 1) {
			hand_over(loop, first, seq, marked);
			first = seq + 1;
		}
	}
	return CONTINUE;
}

/* The call for all of them has failed. */
static enum next run_alone(struct loop *loop, enum attempt_end end, struct failure *failure)
{
	struct log_about about = {.error = failure->exception.name,
		.traceback = failure->is_final ? NULL : failure->exception.traceback};

	log_about(LEVEL_WARNING, &about, "%s %s (a batch of %zd events, %s)", failure->what,
		failure->exception.summary, PyList_GET_SIZE(batch.events),
		end == ATTEMPT_INTERRUPTED ? "interrupted" : "which run one at a time now");
	failure_release(failure);
	page_set_state(loop->worker->page, RUN_IDLE);
	if (end == ATTEMPT_FAILED)
		return finish_events(loop, NULL);
	return emit_flush(loop) == EXIT ? EXIT : loop_exit(loop, STATUS_INTERRUPTED);
}

static enum next run_batch(struct loop *loop)
{
	PyObject *results = NULL;
	struct failure failure;
	enum attempt_end end;
	enum next next;

	if (batch.events == NULL)
		return CONTINUE;
	if (batch.collection.events == 1) { /* it is alone anyway */
		next = finish_events(loop, NULL);
	} else {
		end = call_with_batch(loop, batch.events, &results, &failure);
		next = end == ATTEMPT_DONE ? finish_events(loop, results)
					   : run_alone(loop, end, &failure);
	}
	Py_XDECREF(results);
	Py_CLEAR(batch.events);
	batch.collection = (struct collection){0};
	page_set_state(loop->worker->page, RUN_IDLE);
	return next;
}

static enum next take_into_batch(
	struct loop *loop, const uint8_t *frame, struct frame_record *record, int64_t now_ns)
{
	const struct processor_config *processor = &loop->worker->config.processor;
	const struct collection_limits limits = {
		processor->batch_size, LIMIT_BATCH_INPUT, processor->batch_wait_ms};
	bool alone = (record->head.flags & FRAME_ALONE) != 0, complete;
	PyObject *event;

	(void)now_ns;
	if (alone && run_batch(loop) == EXIT)
		return EXIT;
	if (batch.events == NULL)
		batch.events = PyList_New(0);
	event = event_object_new(frame, record);
	if (batch.events == NULL || event == NULL || PyList_Append(batch.events, event) < 0)
		die(STATUS_TEMPFAIL, "out of memory");
	Py_DECREF(event);
	complete = collection_add(&batch.collection, &limits, record->head.length, clock_ms());
	return alone || complete ? run_batch(loop) : CONTINUE;
}

static unsigned events_held(void)
{
	return batch.collection.events;
}

static int ms_until_due(void)
{
	return collection_wait_ms(&batch.collection, clock_ms());
}

static int prepare_batches(void)
{
	of_batch = import_attribute("bruco.encoding", "of_batch");
	return of_batch == NULL ? -1 : 0;
}

const struct mode mode_batch = {.function = {.name = "handle_batch", .arguments = "context events"},
	.prepare = prepare_batches,
	.take = take_into_batch,
	.flush = run_batch,
	.held = events_held,
	.wait_ms = ms_until_due};
