#include <Python.h>

#include "bruco-worker/run/invoke.h"

#include "base/clock.h"
#include "bruco-worker/python/awaitable.h"
#include "bruco-worker/python/context.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/python/fork_guard.h"
#include "bruco-worker/python/handler.h"
#include "bruco-worker/run/result.h"

enum { GENERATED_KEPT = 1 << 20 }; /* room for a generator's outputs from one event to the next */

static const char unusable[] = "cannot use what the handler returned:";

static bool awaited;

bool invoke_awaited(void)
{
	return awaited;
}

static void count_in(struct page *page, const struct frame_record *record)
{
	page_count(page, COUNT_RECORDS_IN, 1);
	page_count(page, COUNT_BYTES_IN, record->head.length);
}

void invoke_count_done(
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

void invoke_count_failed(struct page *page, const struct frame_record *record)
{
	count_in(page, record);
	page_count(page, COUNT_FAILED, 1);
}

void invoke_take_back_output(struct output *output, struct page *page)
{
	enum run_state state;

	if (output_take_back(output))
		return;
	state = (enum run_state)atomic_load_explicit(&page->state, memory_order_relaxed);
	page_set_state(page, RUN_WRITING);
	output_wait_back(output);
	atomic_store_explicit(&page->since_ns, clock_coarse_ns(), memory_order_relaxed);
	page_set_state(page, state);
}

/* The handler's part: its call, and a generator's run, whose outputs are put into `generated`. A
 * new reference to what it returned, or NULL with an exception set. */
static PyObject *call(const struct handler *handler, struct event *event,
	const struct config *config, struct buf *generated, int *outputs, const char **what)
{
	uint32_t cap = (uint32_t)config->max_record_size;
	PyObject *arguments[] = {NULL, handler->context, event->data};
	PyObject *result = NULL;
	bool raised = false;

	*what = "handler raised";
	if (event->data != NULL)
		result = PyObject_Vectorcall(
			handler->function, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
	if (result != NULL && is_awaitable(result)) {
		awaited = true;
		result = event_loop_run(result, config->processor.timeout_ms);
	}
	if (fork_guard_in_child)
		fork_guard_exit(result);
	if (result == NULL)
		return NULL;
	*what = unusable;
	if (result_is_failure(result)) {
		*what = "handler gave";
		Py_CLEAR(result);
	} else if (result_is_generator(result)) {
		*outputs = result_generate(generated, event, result, cap, &raised);
		if (raised)
			*what = "handler raised";
		if (*outputs < 0)
			Py_CLEAR(result);
	}
	return result;
}

enum attempt_end invoke_event(const struct handler *handler, const struct worker *worker,
	const uint8_t *frame, const struct frame_record *record, int64_t now_ns,
	struct output *output, struct buf *out, struct failure *failure)
{
	static struct buf generated;
	struct event event = {frame, record, event_data(record), NULL};
	struct page *page = worker->page;
	uint32_t cap = (uint32_t)worker->config.max_record_size;
	const char *what;
	size_t before;
	PyObject *result;
	enum attempt_end end = ATTEMPT_DONE;
	int outputs = -1;

	context_now = &event;
	page_begin_event(page, record->head.seq, record->head.attempt, now_ns);
	output_lend(output);
	result = call(handler, &event, &worker->config, &generated, &outputs, &what);
	invoke_take_back_output(output, page);
	before = out->length;
	if (outputs >= 0)
		buf_append(out, generated.data, generated.length);
	else if (result != NULL)
		outputs = result_append(out, &event, result, cap);
	if (outputs < 0) {
		end = result == NULL && worker->interactive &&
				      PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)
			      ? ATTEMPT_INTERRUPTED
			      : ATTEMPT_FAILED;
		failure_take(failure, what);
	}
	page_set_state(page, RUN_WRITING); /* until here the user's code may run */
	Py_XDECREF(result);
	Py_XDECREF(event.data);
	if (outputs >= 0)
		invoke_count_done(page, record, outputs, out->length - before);
	context_now = NULL;
	event_over(&event);
	if (generated.capacity > GENERATED_KEPT)
		buf_release(&generated);
	buf_reset(&generated);
	page_set_state(page, RUN_IDLE);
	return end;
}
