#include <Python.h>

#include "event.h"

#include <unistd.h>

#include "base/clock.h"
#include "exception.h"
#include "forks.h"
#include "handler.h"
#include "package.h"
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

static void count(struct page *page, const struct frame_record *record, int outputs, size_t bytes)
{
	page_count(page, COUNT_RECORDS_IN, 1);
	page_count(page, COUNT_BYTES_IN, record->head.length);
	if (outputs > 0) {
		page_count(page, COUNT_RECORDS_OUT, (uint64_t)outputs);
		page_count(page, COUNT_BYTES_OUT, bytes);
	} else {
		page_count(page, outputs == 0 ? COUNT_FILTERED : COUNT_FAILED, 1);
	}
}

enum event_end event_run(const struct handler *handler, const struct worker *worker,
	const uint8_t *frame, const struct frame_record *record, int64_t now_ns,
	struct output *output, struct buf *out)
{
	Py_ssize_t length = record->value_length > 0 ? record->value_length : 0;
	PyObject *data = PyByteArray_FromStringAndSize((const char *)record->value, length);
	PyObject *arguments[] = {NULL, handler->context, data};
	size_t before;
	PyObject *result = NULL;
	enum event_end end = EVENT_DONE;
	int outputs = -1;

	package_record = record;
	page_begin(worker->page, record->head.seq, record->head.attempt, now_ns);
	output_lend(output);
	if (data != NULL)
		result = PyObject_Vectorcall(
			handler->function, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
	if (forks_child)
		end_child(result);
	if (output_return(output))
		page_begin(worker->page, record->head.seq, record->head.attempt, clock_coarse_ns());
	before = out->length;
	if (result == NULL) {
		end = worker->interactive && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)
			      ? EVENT_INTERRUPTED
			      : EVENT_FAILED;
		exception_log_event(record, "handler raised");
	} else {
		outputs = result_append(
			out, frame, record, data, result, (uint32_t)worker->config.max_record_size);
		page_state(worker->page, RUN_WRITING); /* until here the user's code may run */
		if (outputs < 0) {
			end = EVENT_FAILED;
			exception_log_event(record, "cannot use what the handler returned:");
		}
		Py_DECREF(result);
	}
	Py_XDECREF(data);
	count(worker->page, record, outputs, out->length - before);
	package_record = NULL;
	page_state(worker->page, RUN_IDLE);
	return end;
}
