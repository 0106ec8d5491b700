#include <Python.h>

#include "flights.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "async.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "event_object.h"
#include "handler.h"
#include "interpreter.h"
#include "lane/control.h"
#include "recycle.h"
#include "rooms.h"

enum {
	KEYS = 4096,           /* buckets; two keys in one wait for each other needlessly */
	SPAN_FACTOR = 4,       /* flights in the ring for each that may run */
	ASIDE_MOST = 16 << 20, /* bytes of outputs that wait for earlier ones */
	NS_PER_MS = 1000000,
	AGAIN_NS = 1000000000 /* between two exceptions for the same lateness */
};

static struct {
	struct loop *loop;
	PyObject *event_loop;
	struct flight *ring;
	size_t span; /* a power of two */
	uint64_t first, next;
	struct flight *keys[KEYS]; /* the newest with that key that is not done */
	bool keeps_keys;
	struct flight *ready, **ready_end;
	struct flight *oldest, *newest; /* that run */
	uint64_t newest_seq;            /* of all that have begun */
	unsigned running, limit;
	unsigned unfinished, paused, alone;
	unsigned runners; /* tasks without a flight */
	size_t aside;     /* bytes of outputs in the ring */

	/* the input's next record, that could not be taken yet */
	bool pending;
	const uint8_t *frame;
	struct frame_record record;
	const char *bad; /* why the input can't be read any further */

	bool starved; /* the buffer holds no whole record */
	bool reading, writing, flushing;
	bool draining; /* the driver has said so */
	bool leaving;  /* nothing more is taken in */
	uint64_t left; /* the first flight that ends the worker */
	bool always_readable;
	PyObject *timer;
	int status; /* GO_ON, or with which to end */
} room;

struct flight *flights_current;

static void leave(struct flight *flight, int status);

void flights_runner(int more)
{
	room.runners += (unsigned)more;
}

struct loop *flights_loop(void)
{
	return room.loop;
}

bool flights_fly(void)
{
	return room.ring != NULL;
}

/* ---- the event loop; what it refuses can't be mended */

static PyObject *ask(const char *method, const char *format, ...)
{
	PyObject *function = PyObject_GetAttrString(room.event_loop, method);
	PyObject *arguments = NULL, *result = NULL;
	va_list list;

	va_start(list, format);
	if (function != NULL)
		arguments = Py_VaBuildValue(format, list);
	va_end(list);
	if (arguments != NULL)
		result = PyObject_CallObject(function, arguments);
	Py_XDECREF(arguments);
	Py_XDECREF(function);
	return result;
}

static void must(PyObject *result)
{
	if (result != NULL) {
		Py_DECREF(result);
		return;
	}
	PyErr_Print();
	die(STATUS_SOFTWARE, "the event loop refuses its service");
}

static PyObject *on_readable(PyObject *self, PyObject *none);
static PyObject *on_writable(PyObject *self, PyObject *none);
static PyObject *on_control(PyObject *self, PyObject *none);
static PyObject *on_time(PyObject *self, PyObject *none);
static PyObject *on_pause_over(PyObject *self, PyObject *number);

static PyMethodDef callbacks[] = {
	{"on_readable", on_readable, METH_NOARGS, NULL},
	{"on_writable", on_writable, METH_NOARGS, NULL},
	{"on_control", on_control, METH_NOARGS, NULL},
	{"on_time", on_time, METH_NOARGS, NULL},
	{"on_pause_over", on_pause_over, METH_O, NULL},
};

enum { READABLE, WRITABLE, CONTROL, TIME, PAUSE_OVER };

static PyObject *callback(int which)
{
	static PyObject *made[sizeof callbacks / sizeof callbacks[0]];

	if (made[which] == NULL)
		made[which] = PyCFunction_New(&callbacks[which], NULL);
	if (made[which] == NULL)
		must(NULL);
	return made[which];
}

/* The last step: what is in the output is written, then the event loop ends. */
static void stop(int status)
{
	if (room.status != GO_ON)
		return;
	room.status = status;
	room.leaving = true;
	page_state(room.loop->worker->page, RUN_IDLE);
	must(ask("stop", "()"));
}

/* ---- the shared page */

static void show(void)
{
	struct page *page = room.loop->worker->page;
	const struct flight *oldest = room.oldest;

	if (room.status != GO_ON || oldest == NULL) {
		page_state(page, RUN_IDLE);
		return;
	}
	page_claim(page, oldest->seq, oldest->attempt, oldest->since_ns);
	if (room.running == 1)
		page_state(page, RUN_RUNNING);
	else
		page_together(page, room.ring[room.first & (room.span - 1)].seq, room.newest_seq);
}

/* ---- time limits: one timer, for the attempt that has run for longest */

static int64_t timeout_ns(void)
{
	return room.loop->worker->config.processor.timeout_ms * NS_PER_MS;
}

static void set_timer(int64_t wait_ns)
{
	if (room.timer != NULL || timeout_ns() == 0)
		return;
	room.timer = ask("call_later", "(dO)", (double)wait_ns / 1e9, callback(TIME));
	if (room.timer == NULL)
		must(NULL);
}

static PyObject *on_time(PyObject *self, PyObject *none)
{
	int64_t now_ns = clock_ns();
	struct flight *flight = room.oldest;

	(void)self;
	(void)none;
	Py_CLEAR(room.timer);
	for (; flight != NULL && (flight->cancelled || now_ns - flight->since_ns >= timeout_ns());
		flight = flight->newer) {
		if (flight->cancelled || flight->task == NULL)
			continue;
		flight->cancelled = true;
		must(PyObject_CallMethod(flight->task, "cancel", NULL));
	}
	if (flight != NULL)
		set_timer(flight->since_ns + timeout_ns() - now_ns);
	Py_RETURN_NONE;
}

bool flights_may_raise(void)
{
	struct flight *flight = flights_current;
	int64_t now_ns = clock_ns();

	if (flight == NULL)
		return false;
	if (now_ns - flight->since_ns < timeout_ns()) {
		/* It is in the way of the one that the driver means: now it is the one. */
		page_claim(room.loop->worker->page, flight->seq, flight->attempt, flight->since_ns);
		return false;
	}
	/* One that was cancelled may be tidying up. */
	return !flight->cancelled || now_ns - flight->since_ns - timeout_ns() >= AGAIN_NS;
}

/* ---- which flights run */

static void push_ready(struct flight *flight)
{
	flight->state = FLIGHT_READY;
	flight->next = NULL;
	*room.ready_end = flight;
	room.ready_end = &flight->next;
}

static struct flight *pop_ready(void)
{
	struct flight *flight = room.ready;

	room.ready = flight->next;
	if (room.ready == NULL)
		room.ready_end = &room.ready;
	return flight;
}

static void begin(struct flight *flight, int64_t now_ns)
{
	flight->state = FLIGHT_RUNNING;
	flight->since_ns = now_ns;
	flight->cancelled = false;
	flight->older = room.newest;
	flight->newer = NULL;
	if (room.newest != NULL)
		room.newest->newer = flight;
	else
		room.oldest = flight;
	room.newest = flight;
	room.running++;
	if (flight->seq > room.newest_seq)
		room.newest_seq = flight->seq;
	if (flight->attempt > 0)
		page_count(room.loop->worker->page, COUNT_RETRIED, 1);
	show();
	set_timer(timeout_ns());
}

static void end(struct flight *flight)
{
	*(flight->older != NULL ? &flight->older->newer : &room.oldest) = flight->newer;
	*(flight->newer != NULL ? &flight->newer->older : &room.newest) = flight->older;
	room.running--;
	Py_CLEAR(flight->awaiting);
	Py_CLEAR(flight->task);
}

/* The event, new for each attempt: handlers own its data. */
static void make_event(
	struct flight *flight, const uint8_t *frame, const struct frame_record *record)
{
	PyObject *event = event_object_new(frame, record);

	if (event == NULL)
		die(STATUS_TEMPFAIL, "out of memory");
	Py_XSETREF(flight->event, event);
}

static struct flight **key_of(const struct frame_record *record)
{
	uint64_t mix = 0xcbf29ce484222325U;

	if (!room.keeps_keys || record->key_length < 0)
		return NULL;
	for (int32_t i = 0; i < record->key_length; i++)
		mix = (mix ^ record->key[i]) * 0x100000001b3U;
	return &room.keys[(mix ^ mix >> 32) & (KEYS - 1)];
}

static struct flight *add(void)
{
	struct flight *flight = &room.ring[room.next & (room.span - 1)];
	struct buf out = flight->out;

	*flight = (struct flight){.out = out, .number = room.next++, .seq = room.record.head.seq};
	buf_reset(&flight->out);
	room.pending = false;
	return flight;
}

/* A record becomes a flight, which is ready, or held back for its key. */
static void add_record(bool alone)
{
	struct frame_record *record = &room.record;
	struct flight *flight = add();

	record->head.flags &= (uint16_t)~FRAME_ALONE;
	flight->attempt = record->head.attempt;
	flight->alone = alone;
	room.alone += alone;
	room.unfinished++;
	make_event(flight, room.frame, record);
	flight->key = key_of(record);
	if (flight->key != NULL && *flight->key != NULL) {
		(*flight->key)->heir = flight;
		flight->state = FLIGHT_HELD;
	} else {
		push_ready(flight);
	}
	if (flight->key != NULL)
		*flight->key = flight;
}

static void release(struct flight *flight)
{
	buf_reset(&flight->out);
	Py_CLEAR(flight->event);
	room.first++;
}

/* What is done and first in the ring leaves. */
static void advance(void)
{
	struct buf *out = &room.loop->output->buf;

	while (room.first < room.next && room.status == GO_ON) {
		struct flight *flight = &room.ring[room.first & (room.span - 1)];

		if (flight->state == FLIGHT_LEFT)
			stop(flight->status);
		if (flight->state != FLIGHT_DONE)
			return;
		if (out->length == 0)
			room.loop->output->since_ns = clock_coarse_ns();
		room.aside -= flight->out.length;
		buf_append(out, flight->out.data, flight->out.length);
		release(flight);
	}
}

/* Whether room.record is the next record of the input. */
static bool peek(void)
{
	struct loop *loop = room.loop;
	const char *why;

	if (room.pending)
		return true;
	if (room.starved || room.bad != NULL)
		return false;
	switch (loop->format->take(&loop->input, loop->cap, &room.frame, &room.record, &why)) {
	case FRAME_OK:
		room.pending = true;
		return true;
	case FRAME_MORE:
		room.starved = true;
		return false;
	case FRAME_BAD:
		break;
	}
	room.bad = why;
	return false;
}

static void pass_on(void)
{
	struct flight *flight = add();

	loop_pass_on(room.loop, room.frame, &room.record.head, &flight->out);
	flight->state = FLIGHT_DONE;
	room.aside += flight->out.length;
	advance();
}

static bool has_room(void)
{
	return room.next - room.first < room.span && room.aside < ASIDE_MOST;
}

/* What is behind a flight that ends the worker is not run any more. */
static bool find_ready_before(uint64_t number)
{
	while (room.ready != NULL && room.ready->number > number)
		pop_ready();
	return room.ready != NULL;
}

/* Whether one is ready, which may mean looking at the input. */
static bool find_ready(void)
{
	if (room.leaving)
		return find_ready_before(room.left);
	while (room.ready == NULL && has_room() && room.alone == 0 && peek()) {
		bool alone = (room.record.head.flags & FRAME_ALONE) != 0;

		if (room.record.head.type != FRAME_TYPE_RECORD)
			pass_on();
		else if (alone && room.unfinished > 0)
			return false;
		else
			add_record(alone);
	}
	return room.ready != NULL;
}

static bool may_begin(void)
{
	return !room.writing && room.running < room.limit;
}

static void write_out(void);

struct flight *flights_take(void)
{
	struct output *output = room.loop->output;
	int64_t now_ns = clock_coarse_ns();
	struct flight *flight;

	if (output_due(output, now_ns))
		write_out();
	if (room.unfinished == 0 && !room.leaving && recycle_due(room.loop->worker)) {
		room.leaving = true;
		room.left = room.next;
		return NULL;
	}
	if (!may_begin() || !find_ready())
		return NULL;
	flight = pop_ready();
	begin(flight, now_ns);
	return flight;
}

/* ---- their ends */

struct buf *flights_out(struct flight *flight)
{
	struct output *output = room.loop->output;

	if (flight != &room.ring[room.first & (room.span - 1)])
		return &flight->out;
	if (output->buf.length == 0)
		output->since_ns = clock_coarse_ns();
	return &output->buf;
}

/* Nothing more comes of it: what waited for it may go on. */
static void finish(struct flight *flight)
{
	flight->state = FLIGHT_DONE;
	room.unfinished--;
	room.alone -= flight->alone;
	room.aside += flight->out.length;
	if (flight->heir != NULL)
		push_ready(flight->heir);
	else if (flight->key != NULL)
		*flight->key = NULL;
	advance();
	show();
}

void flights_done(struct flight *flight)
{
	end(flight);
	finish(flight);
}

/* Another attempt, after a pause in which others go on. */
static void pause_flight(struct flight *flight, const struct frame_record *record)
{
	const struct processor_config *processor = &room.loop->worker->config.processor;
	int64_t pause_ms = failure_pause_ms(processor, record->head.attempt + 1U);
	uint64_t number = (uint64_t)(flight - room.ring);

	flight->state = FLIGHT_PAUSED;
	flight->attempt++;
	room.paused++;
	show();
	if (room.running == 0) /* who finds the page then knows how often it was begun */
		page_claim(room.loop->worker->page, flight->seq, flight->attempt, 0);
	must(ask("call_later", "(dOK)", (double)pause_ms / 1000, callback(PAUSE_OVER),
		(unsigned long long)number));
}

static PyObject *on_pause_over(PyObject *self, PyObject *number)
{
	struct flight *flight = &room.ring[PyLong_AsUnsignedLongLong(number)];
	struct event event = event_of_object(flight->event);
	struct frame_record record = *event.record;

	(void)self;
	if (flight->state != FLIGHT_PAUSED)
		Py_RETURN_NONE; /* it was left */
	room.paused--;
	record.head.attempt = flight->attempt;
	make_event(flight, event.frame, &record);
	push_ready(flight);
	flights_settle(1);
	Py_RETURN_NONE;
}

/* Why no attempt is to follow a pause; NULL: one is. */
static const char *hurry(void)
{
	if (room.draining)
		return "stopping";
	return room.loop->worker->driven && room.loop->input.ended ? "the input has ended" : NULL;
}

/* What waits for another attempt, and all behind it, is left for the next start. */
static void leave_paused(void)
{
	const char *why = hurry();

	if (why == NULL || room.paused == 0)
		return;
	for (uint64_t i = room.first; i < room.next; i++) {
		struct flight *flight = &room.ring[i & (room.span - 1)];

		if (flight->state != FLIGHT_PAUSED)
			continue;
		log_info("%s: record %llu is not tried again here", why,
			(unsigned long long)flight->seq);
		leave(flight, STATUS_OK);
	}
}

/* The worker ends with this status when all before it is out. */
static void leave(struct flight *flight, int status)
{
	room.paused -= flight->state == FLIGHT_PAUSED;
	flight->state = FLIGHT_LEFT;
	flight->status = status;
	room.left = room.leaving && room.left < flight->number ? room.left : flight->number;
	room.leaving = true;
	advance();
}

static void give_up(struct flight *flight, const struct event *event, struct failure *failure)
{
	struct loop *loop = room.loop;

	event_count_failed(loop->worker->page, event->record);
	if (loop->worker->config.processor.on_failure == FAILURE_STOP) {
		show();
		leave(flight, STATUS_FAILED);
		return;
	}
	if (loop->format->give == NULL) /* lines and JSON have no form for it */
		failure_append(
			failure, event->frame, event->record, loop->cap, flights_out(flight));
	finish(flight);
}

void flights_failed(struct flight *flight, bool interrupted, struct failure *failure)
{
	const struct processor_config *processor = &room.loop->worker->config.processor;
	struct event event = event_of_object(flight->event);
	bool last = interrupted || flight->attempt + 1U >= processor->retry_attempts;

	end(flight);
	if (room.status != GO_ON) { /* cancelled at the end of the worker */
		flight->state = FLIGHT_LEFT;
		failure_release(failure);
		return;
	}
	failure_log(failure, event.record,
		last ? -1 : failure_pause_ms(processor, flight->attempt + 1U));
	if (interrupted)
		stop(STATUS_INTERRUPTED);
	else if (last)
		give_up(flight, &event, failure);
	else
		pause_flight(flight, event.record);
	failure_release(failure);
	leave_paused();
}

/* ---- input and output */

static void read_when_due(void)
{
	if (room.reading || !room.starved || room.loop->input.ended || room.leaving)
		return;
	if (!room.always_readable) {
		PyObject *added =
			ask("add_reader", "(iO)", room.loop->input.fd, callback(READABLE));

		if (added == NULL && PyErr_ExceptionMatches(PyExc_PermissionError)) {
			PyErr_Clear();
			room.always_readable = true; /* a file */
		} else {
			must(added);
		}
	}
	if (room.always_readable)
		must(ask("call_soon", "(O)", callback(READABLE)));
	room.reading = true;
}

static void read_no_more(void)
{
	if (room.reading && !room.always_readable)
		must(ask("remove_reader", "(i)", room.loop->input.fd));
	room.reading = false;
}

static PyObject *on_readable(PyObject *self, PyObject *none)
{
	struct input *input = &room.loop->input;

	(void)self;
	(void)none;
	if (!room.starved || room.leaving) { /* later */
		read_no_more();
		Py_RETURN_NONE;
	}
	if (room.always_readable)
		room.reading = false;
	if (input_read(input) < 0 && errno != EINTR && errno != EAGAIN) {
		log_error("cannot read the input: %s", strerror(errno));
		stop(STATUS_TEMPFAIL);
		Py_RETURN_NONE;
	}
	room.starved = false;
	if (input->ended) {
		read_no_more();
		leave_paused();
	}
	flights_settle(1);
	Py_RETURN_NONE;
}

/* What the pipe takes; the rest when it takes more, and until then nothing is begun. */
static void write_out(void)
{
	struct output *output = room.loop->output;
	int status = loop_flush(room.loop);
	bool rest = status == GO_ON && output->buf.length > 0;

	if (status != GO_ON)
		stop(status);
	if (rest && !room.writing)
		must(ask("add_writer", "(iO)", output->fd, callback(WRITABLE)));
	else if (!rest && room.writing)
		must(ask("remove_writer", "(i)", output->fd));
	room.writing = rest;
}

static PyObject *on_writable(PyObject *self, PyObject *none)
{
	(void)self;
	(void)none;
	room.flushing = false;
	write_out();
	if (!room.writing)
		flights_settle(1);
	Py_RETURN_NONE;
}

/* The driver says DRAIN, or is gone. */
static PyObject *on_control(PyObject *self, PyObject *none)
{
	struct worker *worker = room.loop->worker;
	struct message message;
	int fds[SOCK_FDS_MAX], got;
	const struct ack *acks;
	size_t fd_count, ack_count;

	(void)self;
	(void)none;
	got = control_receive(worker->control, &message, fds, &fd_count, &acks, &ack_count);
	if (got > 0 && message.type == MESSAGE_DRAIN) {
		room.draining = true;
		leave_paused();
		flights_settle(0);
	} else if (got == 0) {
		log_error("the driver is gone");
		stop(STATUS_TEMPFAIL);
	}
	Py_RETURN_NONE;
}

/* Whether all is done that there is to do. */
static bool is_over(void)
{
	if (room.first < room.next || room.pending)
		return false;
	if (room.leaving)
		return true;
	return room.bad != NULL || (room.starved && room.loop->input.ended);
}

void flights_settle(unsigned runners)
{
	if (room.status != GO_ON)
		return;
	for (; runners > 0 && may_begin() && room.running + room.runners < room.limit &&
		find_ready();
		runners--) {
		if (runner_start(room.event_loop) < 0)
			must(NULL);
	}
	if (is_over()) {
		stop(room.bad != NULL && !room.leaving ? loop_bad_input(room.loop, room.bad)
						       : STATUS_OK);
		return;
	}
	read_when_due();
	if (room.loop->output->buf.length > 0 && !room.flushing && !room.writing) {
		/* When all that is due now has run. */
		must(ask("call_soon", "(O)", callback(WRITABLE)));
		room.flushing = true;
	}
}

/* ---- */

static void open_room(struct loop *loop)
{
	struct worker *worker = loop->worker;

	room.loop = loop;
	room.limit = worker->config.processor.concurrency;
	room.keeps_keys = worker->config.processor.ordering != ORDERING_NONE && room.limit > 1;
	for (room.span = 16; room.span < (size_t)SPAN_FACTOR * room.limit;)
		room.span *= 2;
	room.ring = mem_array(room.span, sizeof *room.ring);
	room.ready_end = &room.ready;
	room.starved = true;
	room.status = GO_ON;
	if (worker->driven)
		fd_nonblocking(worker->out, true);
}

/* The event loop runs until stop(); a handler may end it too, or raise SystemExit out of it. */
static void fly(void)
{
	while (room.status == GO_ON) {
		PyObject *done = ask("run_forever", "()");

		Py_XDECREF(done);
		if (done != NULL || room.status != GO_ON) {
			PyErr_Clear();
		} else if (room.loop->worker->interactive &&
			   PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
			PyErr_Clear();
			room.status = STATUS_INTERRUPTED;
		} else {
			PyErr_Print();
			log_error("an exception ended the event loop");
			room.status = STATUS_SOFTWARE;
		}
	}
}

int flights_run(struct loop *loop)
{
	int status;

	open_room(loop);
	room.event_loop = async_loop();
	if (room.event_loop == NULL || runner_prepare() < 0)
		must(NULL);
	if (loop->worker->control >= 0)
		must(ask("add_reader", "(iO)", loop->worker->control, callback(CONTROL)));
	read_when_due();
	fly();
	read_no_more();
	if (loop->worker->control >= 0)
		must(ask("remove_reader", "(i)", loop->worker->control));
	if (loop->worker->driven)
		fd_nonblocking(loop->worker->out, false);
	page_state(loop->worker->page, RUN_IDLE);
	status = loop_flush(loop);
	return status == GO_ON ? room.status : status;
}
