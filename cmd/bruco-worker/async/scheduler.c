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

struct flights flights;

/* ---- the input's records become flights */

void flights_make_event(
	struct flight *flight, const uint8_t *frame, const struct frame_record *record)
{
	PyObject *event = event_object_new(frame, record);

	if (event == NULL)
		die(STATUS_TEMPFAIL, "out of memory");
	Py_XSETREF(flight->event, event);
}

/* What is done and first in the ring leaves. */
static void advance(void)
{
	struct output *output = flights.loop->output;
	struct flight *flight;

	while ((flight = ring_first()) != NULL && flights.status == GO_ON) {
		if (flight->state == FLIGHT_LEFT) {
			flights_stop(flight->status);
			if (flight->status == STATUS_FAILED) /* its attempts are used up */
				page_set_event(flights.loop->worker->page, flight->seq,
					flight->attempt + 1U, 0);
		}
		if (flight->state != FLIGHT_DONE)
			return;
		if (output->buf.length == 0)
			output->since_ns = clock_coarse_ns();
		ring_pop(&output->buf);
	}
}

static void add(const uint8_t *frame, struct frame_record *record)
{
	struct flight *flight = ring_push(record->head.seq);

	flight->attempt = record->head.attempt;
	flight->alone = (record->head.flags & FRAME_ALONE) != 0;
	flights.alone += flight->alone;
	flights.unfinished++;
	record->head.flags &= (uint16_t)~FRAME_ALONE;
	flights_make_event(flight, frame, record);
	queue_add(flight, record);
}

/* A frame that is not run keeps its place all the same. */
static void pass_on(const uint8_t *frame, const struct frame_head *head)
{
	struct flight *flight = ring_push(head->seq);

	loop_pass_on(flights.loop, frame, head, &flight->out);
	ring_keeps(flight);
	flight->state = FLIGHT_DONE;
	advance();
}

/* When the worker is to make room for another, it takes in no more; what is in flight goes on. */
static bool makes_room(void)
{
	if (doors_draining() || !recycle_due(flights.loop->worker, flights.unfinished))
		return false;
	flights.leaving = true;
	flights.left = ring_next();
	return true;
}

/* The input's next frame becomes a flight, unless it has to wait. */
static bool take_in(void)
{
	const uint8_t *frame;
	struct frame_record *record;

	if (!ring_has_room() || flights.alone > 0 || makes_room() || !doors_peek(&frame, &record))
		return false;
	if (record->head.type != FRAME_TYPE_RECORD)
		pass_on(frame, &record->head);
	else if ((record->head.flags & FRAME_ALONE) != 0 && flights.unfinished > 0)
		return false;
	else
		add(frame, record);
	doors_took();
	return true;
}

/* ---- which flights run */

/* Whether one is ready, which may mean looking at the input. */
static bool find_ready(void)
{
	if (flights.leaving)
		queue_drop_after(flights.left);
	else
		while (queue_is_empty() && take_in())
			;
	return !queue_is_empty();
}

static bool may_begin(void)
{
	return doors_may_begin() && running_count() < flights.limit;
}

struct flight *flights_take(void)
{
	struct flight *flight;

	doors_write_if_due();
	if (!may_begin() || !find_ready())
		return NULL;
	flight = queue_take();
	running_add(flight, clock_coarse_ns());
	return flight;
}

/* ---- their ends */

struct buf *flights_out(struct flight *flight)
{
	struct output *output = flights.loop->output;

	if (flight != ring_first())
		return &flight->out;
	if (output->buf.length == 0)
		output->since_ns = clock_coarse_ns();
	return &output->buf;
}

void flights_finish(struct flight *flight)
{
	flight->state = FLIGHT_DONE;
	flights.unfinished--;
	flights.alone -= flight->alone;
	ring_keeps(flight);
	queue_done(flight);
	advance();
	running_show();
}

void flights_leave(struct flight *flight, int status)
{
	flight->state = FLIGHT_LEFT;
	flight->status = status;
	if (!flights.leaving || flight->number < flights.left)
		flights.left = flight->number;
	flights.leaving = true;
	advance();
}

void flights_stop(int status)
{
	if (flights.status != GO_ON)
		return;
	flights.status = status;
	flights.leaving = true;
	running_end();
	async_must(async_ask("stop", "()"));
}

void flights_settle(unsigned runners)
{
	if (flights.status != GO_ON)
		return;
	for (; runners > 0 && may_begin() && running_count() + flights.runners < flights.limit &&
		find_ready();
		runners--) {
		if (runner_start() < 0)
			async_must(NULL);
	}
	if (ring_is_empty() && flights.leaving)
		flights_stop(STATUS_OK);
	else if (ring_is_empty() && doors_see_end())
		flights_stop(doors_bad() == NULL ? STATUS_OK
						 : loop_bad_input(flights.loop, doors_bad()));
	else
		doors_settle();
}

/* ---- */

static void open_room(struct loop *loop)
{
	struct worker *worker = loop->worker;
	const struct processor_config *processor = &worker->config.processor;

	flights = (struct flights){.loop = loop, .limit = processor->concurrency, .status = GO_ON};
	ring_init(flights.limit);
	queue_init(processor->ordering != ORDERING_NONE && flights.limit > 1);
	running_init(worker);
	if (async_loop() == NULL || runner_prepare() < 0)
		async_must(NULL);
	doors_open();
	flights_settle(1); /* there may be records already: see event_awaited */
}

/* The event loop runs until flights_stop; a handler may end it too, or raise SystemExit out of it.
 */
static void fly(void)
{
	do { /* once at least: a stop that was asked for is still to be heard */
		PyObject *done = async_ask("run_forever", "()");

		Py_XDECREF(done);
		if (done != NULL || flights.status != GO_ON) {
			PyErr_Clear();
		} else if (flights.loop->worker->interactive &&
			   PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
			PyErr_Clear();
			flights.status = STATUS_INTERRUPTED;
		} else {
			PyErr_Print();
			log_error("an exception ended the event loop");
			flights.status = STATUS_SOFTWARE;
		}
	} while (flights.status == GO_ON);
	running_end();
}

int flights_run(struct loop *loop)
{
	int status;

	open_room(loop);
	fly();
	doors_close();
	status = loop_flush(loop);
	return status == GO_ON ? flights.status : status;
}
