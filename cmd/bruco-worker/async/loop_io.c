#include "bruco-worker/async/scheduler.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/async/running.h"
#include "bruco-worker/python/event_loop.h"
#include "control/messages.h"

static struct {
	/* the input's next record */
	bool peeked;
	const uint8_t *frame;
	struct frame_record record;
	const char *bad;

	bool starved; /* the buffer holds no whole record */
	bool reading; /* the event loop has been told to */
	bool always_readable;
	bool stuck;     /* the output's pipe is full */
	bool writing;   /* the event loop has been told to */
	uint64_t steps; /* running_steps() then */
	bool draining;
} doors;

/* ---- the input */

bool doors_peek(const uint8_t **frame, struct frame_record **record)
{
	struct loop *loop = flights.loop;

	if (!doors.peeked && !doors.starved && doors.bad == NULL) {
		switch (loop->format->take(
			&loop->input, loop->cap, &doors.frame, &doors.record, &doors.bad)) {
		case FRAME_OK:
			doors.peeked = true;
			doors.bad = NULL;
			break;
		case FRAME_MORE:
			doors.starved = true;
			doors.bad = NULL;
			break;
		case FRAME_BAD:
			break;
		}
	}
	*frame = doors.frame;
	*record = &doors.record;
	return doors.peeked;
}

void doors_took(void)
{
	doors.peeked = false;
}

bool doors_see_end(void)
{
	return !doors.peeked && (doors.bad != NULL || (doors.starved && flights.loop->input.ended));
}

const char *doors_bad(void)
{
	return doors.bad;
}

static PyObject *on_readable(PyObject *self, PyObject *none);

static PyObject *readable(void)
{
	static PyMethodDef method = {"on_readable", on_readable, METH_NOARGS, NULL};

	return PyCFunction_New(&method, NULL);
}

static void read_when_due(void)
{
	if (doors.reading || !doors.starved || flights.loop->input.ended || flights.leaving)
		return;
	if (!doors.always_readable) {
		PyObject *added =
			async_ask("add_reader", "(iN)", flights.loop->input.fd, readable());

		if (added == NULL && PyErr_ExceptionMatches(PyExc_PermissionError)) {
			PyErr_Clear();
			doors.always_readable = true; /* a file */
		} else {
			async_must(added);
		}
	}
	if (doors.always_readable)
		async_must(async_ask("call_soon", "(N)", readable()));
	doors.reading = true;
}

static void read_no_more(void)
{
	if (doors.reading && !doors.always_readable)
		async_must(async_ask("remove_reader", "(i)", flights.loop->input.fd));
	doors.reading = false;
}

static PyObject *on_readable(PyObject *self, PyObject *none)
{
	struct input *input = &flights.loop->input;

	(void)self;
	(void)none;
	if (!doors.starved || flights.leaving) { /* later */
		read_no_more();
		Py_RETURN_NONE;
	}
	if (doors.always_readable)
		doors.reading = false;
	if (input_read(input) < 0 && errno != EINTR && errno != EAGAIN) {
		log_error("cannot read the input: %s", strerror(errno));
		flights_stop(STATUS_TEMPFAIL);
		Py_RETURN_NONE;
	}
	doors.starved = false;
	if (input->ended) {
		read_no_more();
		flights_leave_paused();
	}
	flights_settle(1);
	Py_RETURN_NONE;
}

/* ---- the output */

static PyObject *on_writable(PyObject *self, PyObject *none);

static PyObject *writable(void)
{
	static PyMethodDef method = {"on_writable", on_writable, METH_NOARGS, NULL};

	return PyCFunction_New(&method, NULL);
}

/* What the pipe takes; the rest when it takes more. */
static void write_out(void)
{
	struct output *output = flights.loop->output;
	int status = loop_flush(flights.loop);
	bool stuck = status == GO_ON && output->buf.length > 0;

	if (status != GO_ON)
		flights_stop(status);
	if (stuck && !doors.stuck)
		async_must(async_ask("add_writer", "(iN)", output->fd, writable()));
	else if (!stuck && doors.stuck)
		async_must(async_ask("remove_writer", "(i)", output->fd));
	doors.stuck = stuck;
}

bool doors_may_begin(void)
{
	return !doors.stuck;
}

void doors_write_if_due(void)
{
	if (output_due(flights.loop->output, clock_coarse_ns()))
		write_out();
}

/* Written is what there is when a turn of the event loop has brought no more. */
static void write_when_due(void)
{
	if (doors.writing || doors.stuck || flights.loop->output->buf.length == 0)
		return;
	async_must(async_ask("call_soon", "(N)", writable()));
	doors.writing = true;
	doors.steps = running_steps();
}

static PyObject *on_writable(PyObject *self, PyObject *none)
{
	bool quiet = doors.steps == running_steps();

	(void)self;
	(void)none;
	doors.writing = false;
	if (flights.status != GO_ON)
		Py_RETURN_NONE; /* the event loop goes on for close_context */
	if (doors.stuck || quiet || output_due(flights.loop->output, clock_coarse_ns())) {
		write_out();
		if (!doors.stuck)
			flights_settle(1);
	} else {
		write_when_due();
	}
	Py_RETURN_NONE;
}

/* ---- the driver */

bool doors_draining(void)
{
	return doors.draining;
}

/* It says DRAIN, or is gone. */
static PyObject *on_control(PyObject *self, PyObject *none)
{
	struct message message;
	int fds[SOCK_FDS_MAX], got;
	const struct ack *acks;
	size_t fd_count, ack_count;

	(void)self;
	(void)none;
	got = control_receive(
		flights.loop->worker->control, &message, fds, &fd_count, &acks, &ack_count);
	if (got > 0 && message.type == MESSAGE_DRAIN) {
		doors.draining = true;
		flights_leave_paused();
		flights_settle(0);
	} else if (got == 0) {
		log_error("the driver is gone");
		flights_stop(STATUS_TEMPFAIL);
	}
	Py_RETURN_NONE;
}

/* ---- */

void doors_settle(void)
{
	read_when_due();
	write_when_due();
}

void doors_open(void)
{
	static PyMethodDef method = {"on_control", on_control, METH_NOARGS, NULL};
	const struct worker *worker = flights.loop->worker;

	if (worker->driven)
		fd_nonblocking(worker->out, true);
	if (worker->control >= 0)
		async_must(async_ask(
			"add_reader", "(iN)", worker->control, PyCFunction_New(&method, NULL)));
}

void doors_close(void)
{
	const struct worker *worker = flights.loop->worker;

	read_no_more();
	if (doors.stuck)
		async_must(async_ask("remove_writer", "(i)", worker->out));
	if (worker->control >= 0)
		async_must(async_ask("remove_reader", "(i)", worker->control));
	if (worker->driven)
		fd_nonblocking(worker->out, false);
}
