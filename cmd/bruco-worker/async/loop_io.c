#include "bruco-worker/async/loop_io.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/async/running.h"
#include "bruco-worker/async/scheduler.h"
#include "bruco-worker/control.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/run/emit.h"

static struct {
	/* the next record of the input */
	bool peeked;
	const uint8_t *frame;
	struct frame_record record;
	const char *bad;

	bool starved;         /* the input buffer holds no whole record */
	bool reading;         /* the event loop waits for input */
	bool always_readable; /* a file: the event loop can't wait for it */
	bool stuck;           /* the output's pipe is full, the event loop waits for it */
	bool writing;         /* on_writable has been scheduled, */
	uint64_t steps;       /* when running_steps() was this */
} loop_io;

/* ---- the input */

bool loop_io_peek(const uint8_t **frame, struct frame_record **record)
{
	struct loop *loop = scheduler.loop;

	if (!loop_io.peeked && !loop_io.starved && loop_io.bad == NULL) {
		switch (loop->codec->read(
			&loop->input, loop->cap, &loop_io.frame, &loop_io.record, &loop_io.bad)) {
		case FRAME_OK:
			loop_io.peeked = true;
			loop_io.bad = NULL;
			break;
		case FRAME_MORE:
			loop_io.starved = true;
			loop_io.bad = NULL;
			break;
		case FRAME_BAD:
			break;
		}
	}
	*frame = loop_io.frame;
	*record = &loop_io.record;
	return loop_io.peeked;
}

void loop_io_take(void)
{
	loop_io.peeked = false;
}

bool loop_io_at_end(void)
{
	return !loop_io.peeked &&
	       (loop_io.bad != NULL || (loop_io.starved && scheduler.loop->input.ended));
}

const char *loop_io_error(void)
{
	return loop_io.bad;
}

static PyObject *on_readable(PyObject *self, PyObject *none);

static PyObject *readable(void)
{
	static PyMethodDef method = {"on_readable", on_readable, METH_NOARGS, NULL};

	return PyCFunction_New(&method, NULL);
}

static void read_when_due(void)
{
	if (loop_io.reading || !loop_io.starved || scheduler.loop->input.ended ||
		scheduler.stopping)
		return;
	if (!loop_io.always_readable) {
		PyObject *added =
			event_loop_ask("add_reader", "(iN)", scheduler.loop->input.fd, readable());

		if (added == NULL && PyErr_ExceptionMatches(PyExc_PermissionError)) {
			PyErr_Clear();
			loop_io.always_readable = true; /* a file */
		} else {
			event_loop_must(added);
		}
	}
	if (loop_io.always_readable)
		event_loop_must(event_loop_ask("call_soon", "(N)", readable()));
	loop_io.reading = true;
}

static void read_no_more(void)
{
	if (loop_io.reading && !loop_io.always_readable)
		event_loop_must(event_loop_ask("remove_reader", "(i)", scheduler.loop->input.fd));
	loop_io.reading = false;
}

static PyObject *on_readable(PyObject *self, PyObject *none)
{
	struct input *input = &scheduler.loop->input;

	(void)self;
	(void)none;
	if (!loop_io.starved || scheduler.stopping) { /* later */
		read_no_more();
		Py_RETURN_NONE;
	}
	if (loop_io.always_readable)
		loop_io.reading = false;
	if (input_read(input) < 0 && errno != EINTR && errno != EAGAIN) {
		log_error("cannot read the input: %s", strerror(errno));
		scheduler_stop(STATUS_TEMPFAIL);
		Py_RETURN_NONE;
	}
	loop_io.starved = false;
	if (input->ended)
		read_no_more();
	scheduler_continue(1);
	Py_RETURN_NONE;
}

/* ---- the output */

static PyObject *on_writable(PyObject *self, PyObject *none);

static PyObject *writable(void)
{
	static PyMethodDef method = {"on_writable", on_writable, METH_NOARGS, NULL};

	return PyCFunction_New(&method, NULL);
}

/* Writes what the pipe takes now; the event loop has the rest written when it takes more. */
static void write_output(void)
{
	struct output *output = scheduler.loop->output;
	bool failed = emit_flush(scheduler.loop) == EXIT;
	bool stuck = !failed && output->buf.length > 0;

	if (failed)
		scheduler_stop(scheduler.loop->status);
	if (stuck && !loop_io.stuck)
		event_loop_must(event_loop_ask("add_writer", "(iN)", output->fd, writable()));
	else if (!stuck && loop_io.stuck)
		event_loop_must(event_loop_ask("remove_writer", "(i)", output->fd));
	loop_io.stuck = stuck;
}

bool loop_io_can_write(void)
{
	return !loop_io.stuck;
}

void loop_io_write_if_due(void)
{
	if (output_due(scheduler.loop->output, clock_coarse_ns()))
		write_output();
}

/* Has the output written when a turn of the event loop has added nothing to it. */
static void write_when_due(void)
{
	if (loop_io.writing || loop_io.stuck || scheduler.loop->output->buf.length == 0)
		return;
	event_loop_must(event_loop_ask("call_soon", "(N)", writable()));
	loop_io.writing = true;
	loop_io.steps = running_steps();
}

static PyObject *on_writable(PyObject *self, PyObject *none)
{
	bool quiet = loop_io.steps == running_steps();

	(void)self;
	(void)none;
	loop_io.writing = false;
	if (scheduler.over)
		Py_RETURN_NONE; /* the event loop goes on for close_context */
	if (loop_io.stuck || quiet || output_due(scheduler.loop->output, clock_coarse_ns())) {
		write_output();
		if (!loop_io.stuck)
			scheduler_continue(1);
	} else {
		write_when_due();
	}
	Py_RETURN_NONE;
}

/* ---- the driver */

static PyObject *on_control(PyObject *self, PyObject *none)
{
	(void)self;
	(void)none;
	if (control_read(scheduler.loop->worker) == CONTROL_GONE) {
		log_error("the driver is gone");
		scheduler_stop(STATUS_TEMPFAIL);
	}
	scheduler_recycles(); /* if it is to retire: there may be no input that asks */
	scheduler_continue(0);
	Py_RETURN_NONE;
}

/* ---- */

void loop_io_arm(void)
{
	read_when_due();
	write_when_due();
}

void loop_io_open(void)
{
	static PyMethodDef method = {"on_control", on_control, METH_NOARGS, NULL};
	const struct worker *worker = scheduler.loop->worker;

	if (worker->driven)
		fd_nonblocking(worker->out, true);
	if (worker->control >= 0)
		event_loop_must(event_loop_ask(
			"add_reader", "(iN)", worker->control, PyCFunction_New(&method, NULL)));
}

void loop_io_close(void)
{
	const struct worker *worker = scheduler.loop->worker;

	read_no_more();
	if (loop_io.stuck)
		event_loop_must(event_loop_ask("remove_writer", "(i)", worker->out));
	if (worker->control >= 0)
		event_loop_must(event_loop_ask("remove_reader", "(i)", worker->control));
	if (worker->driven)
		fd_nonblocking(worker->out, false);
}
