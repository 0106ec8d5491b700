#include <Python.h>

#include "event.h"

#include <unistd.h>

#include "base/clock.h"
#include "context.h"
#include "event_object.h"
#include "forks.h"
#include "handler.h"
#include "result.h"

/* A forked child's way ends here; its exception is shown as Python shows one. */
static _Noreturn void end_child(PyObject *result)
{
	if (result == NULL && !PyErr_ExceptionMatches(PyExc_SystemExit)) {
		PyErr_Print();
		_exit(1);
	}
	_exit(0);
}

static void count_in(struct page *page, const struct frame_record *record)
{
	page_count(page, COUNT_RECORDS_IN, 1);
	page_count(page, COUNT_BYTES_IN, record->head.length);
}

static void count_done(
	struct page *page, const struct frame_record *record, int outputs, size_t bytes)
{
	count_in(page, record);
	if (outputs > 0) {
		page_count(page, COUNT_RECORDS_OUT, (uint64_t)outputs);
		page_count(page, COUNT_BYTES_OUT, bytes);
	} else {
		page_count(page, COUNT_FILTERED, 1);
	}
}

void event_count_failed(struct page *page, const struct frame_record *record)
{
	count_in(page, record);
	page_count(page, COUNT_FAILED, 1);
}

static void begin(struct page *page, const struct frame_record *record, int64_t now_ns)
{
	page_begin(page, record->head.seq, record->head.attempt, now_ns);
}

/* The buffer back from its thread. That may mean waiting for a slow reader of the output, which
 * is not the handler's fault. */
static void take_back(struct output *output, struct page *page, const struct frame_record *record)
{
	if (output_take_back(output))
		return;
	page_state(page, RUN_WRITING);
	output_wait_back(output);
	begin(page, record, clock_coarse_ns());
}

enum event_end event_run(const struct handler *handler, const struct worker *worker,
	const uint8_t *frame, const struct frame_record *record, int64_t now_ns,
	struct output *output, struct buf *out, struct failure *failure)
{
	PyObject *data = event_data(record);
	struct event event = {frame, record, data, NULL};
	PyObject *arguments[] = {NULL, handler->context, data};
	struct page *page = worker->page;
	size_t before;
	PyObject *result = NULL;
	enum event_end end = EVENT_DONE;
	int outputs = -1;

	context_now = &event;
	begin(page, record, now_ns);
	output_lend(output);
	if (data != NULL)
		result = PyObject_Vectorcall(
			handler->function, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
	if (forks_child)
		end_child(result);
	take_back(output, page, record);
	before = out->length;
	if (result == NULL) {
		end = worker->interactive && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)
			      ? EVENT_INTERRUPTED
			      : EVENT_FAILED;
		failure_take(failure, "handler raised");
	} else {
		outputs = result_append(
			out, frame, record, data, result, (uint32_t)worker->config.max_record_size);
		if (outputs < 0) {
			end = EVENT_FAILED;
			failure_take(failure, "cannot use what the handler returned:");
		}
		page_state(page, RUN_WRITING); /* until here the user's code may run */
		Py_DECREF(result);
	}
	Py_XDECREF(data);
	if (outputs >= 0)
		count_done(page, record, outputs, out->length - before);
	context_now = NULL;
	event_over(&event);
	page_state(page, RUN_IDLE);
	return end;
}
