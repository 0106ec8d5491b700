#include <Python.h>

#include "bruco-worker/run/invoke.h"

#include "base/clock.h"
#include "bruco-worker/python/awaitable.h"
#include "bruco-worker/python/context.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/event_type.h"
#include "bruco-worker/python/fork_guard.h"
#include "bruco-worker/run/counters.h"
#include "bruco-worker/run/emit.h"
#include "bruco-worker/run/mode.h"
#include "bruco-worker/run/result.h"
#include "bruco-worker/run/retry.h"

enum { GENERATED_KEPT = 1 << 20 }; /* capacity that loop->generated keeps between events */

/* ---- for every mode */

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

/* ---- handle_event */

/* What the handler has given, before it becomes outputs. */
struct returned {
	PyObject *result; /* NULL: an exception is set */
	int outputs;      /* of a generator, in loop->generated; below 0: it is none */
	const char *what; /* how the log line begins if it can't be used */
};

/* The user's code: the call, and a generator's run. */
static void call_handler(struct loop *loop, struct event *event, struct returned *returned)
{
	PyObject *arguments[] = {NULL, loop->handler->context, event->data};
	PyObject *result = NULL;
	bool raised = false;

	*returned = (struct returned){.outputs = -1, .what = "handler raised"};
	if (event->data != NULL)
		result = PyObject_Vectorcall(loop->handler->function, arguments + 1,
			2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
	if (result != NULL && is_awaitable(result)) {
		loop->awaited = true;
		result = event_loop_run(result, loop->worker->config.processor.timeout_ms);
	}
	if (fork_guard_in_child)
		fork_guard_exit(result);
	if (result == NULL)
		return;
	returned->what = "cannot use what the handler returned:";
	if (result_is_failure(result)) {
		returned->what = "handler gave";
		Py_CLEAR(result);
	} else if (result_is_generator(result)) {
		returned->outputs =
			result_generate(&loop->generated, event, result, loop->cap, &raised);
		if (raised)
			returned->what = "handler raised";
		if (returned->outputs < 0)
			Py_CLEAR(result);
	}
	returned->result = result;
}

/* The number of outputs that were appended to `out`; -1: none, an exception is set. */
static int append_outputs(
	struct loop *loop, struct event *event, const struct returned *returned, struct buf *out)
{
	if (returned->outputs >= 0)
		buf_append(out, loop->generated.data, loop->generated.length);
	else if (returned->result != NULL)
		return result_append(out, event, returned->result, loop->cap);
	return returned->outputs;
}

static enum attempt_end note_exception(
	struct loop *loop, struct attempt *attempt, const struct returned *returned)
{
	bool interrupted = returned->result == NULL && loop->worker->interactive &&
			   PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);

	failure_take(&attempt->failure, returned->what);
	return interrupted ? ATTEMPT_INTERRUPTED : ATTEMPT_FAILED;
}

/* Appends the outputs to `out` as frames. The output buffer is lent to its thread while the handler
 * runs. Does not return in the child of a handler that forks. */
static enum attempt_end attempt_frames(struct loop *loop, struct attempt *attempt, struct buf *out)
{
	const struct frame_record *record = attempt->record;
	struct event event = {attempt->frame, record, event_data(record), NULL};
	struct page *page = loop->worker->page;
	struct returned returned;
	enum attempt_end end = ATTEMPT_DONE;
	int64_t begun_ns;
	size_t before;
	int outputs;

	context_now = &event;
	page_begin_event(page, record->head.seq, record->head.attempt, attempt->now_ns);
	output_lend(loop->output);
	begun_ns = count_sample_begin(page);
	call_handler(loop, &event, &returned);
	count_sample_end(page, begun_ns);
	invoke_take_back_output(loop->output, page);
	before = out->length;
	outputs = append_outputs(loop, &event, &returned, out);
	if (outputs < 0)
		end = note_exception(loop, attempt, &returned);
	page_set_state(page, RUN_WRITING); /* until here the user's code may run */
	Py_XDECREF(returned.result);
	Py_XDECREF(event.data);
	if (outputs >= 0)
		count_event_done(page, record, outputs, out->length - before);
	context_now = NULL;
	event_over(&event);
	if (loop->generated.capacity > GENERATED_KEPT)
		buf_release(&loop->generated);
	buf_reset(&loop->generated);
	page_set_state(page, RUN_IDLE);
	return end;
}

static enum attempt_end attempt_event(struct loop *loop, struct attempt *attempt)
{
	enum attempt_end end;

	if (loop_gives_frames(loop))
		return attempt_frames(loop, attempt, attempt->out);
	buf_reset(&loop->scratch);
	end = attempt_frames(loop, attempt, &loop->scratch);
	if (end == ATTEMPT_DONE)
		emit_scratch(loop, attempt->out);
	return end;
}

static enum next take_event(
	struct loop *loop, const uint8_t *frame, struct frame_record *record, int64_t now_ns)
{
	struct attempt attempt = {
		.frame = frame, .record = record, .now_ns = now_ns, .out = &loop->output->buf};

	return retry_run(loop, attempt_event, &attempt);
}

const struct mode mode_event = {
	.function = {.name = "handle_event", .arguments = "context data", .may_overlap = true},
	.take = take_event};
