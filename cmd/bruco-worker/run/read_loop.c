#include "bruco-worker/run/read_loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/control.h"
#include "bruco-worker/python/event_loop.h"
#include "bruco-worker/python/handler.h"
#include "bruco-worker/python/interpreter.h"
#include "bruco-worker/run/mode.h"
#include "bruco-worker/run/recycle.h"
#include "bruco-worker/run/result.h"

int emit_flush(struct loop *loop)
{
	if (output_flush(loop->output) == 0)
		return GO_ON;
	if (errno != EPIPE)
		log_error("cannot write the output: %s", strerror(errno));
	else if (!loop->worker->driven)
		return STATUS_UNREAD;
	else /* the driver says why the sink is gone */
		log_debug("peer gone: nobody reads the output any more");
	return STATUS_TEMPFAIL;
}

/* Passed on with these flags besides. */
static void pass_on(
	const uint8_t *frame, const struct frame_head *head, unsigned flags, struct buf *out)
{
	uint8_t *to;

	buf_append(out, frame, head->length);
	to = out->data + out->length - head->length;
	frame_patch(to, head->type, (uint16_t)(head->flags | flags), head->attempt, head->seq);
}

static void copy(struct loop *loop, const uint8_t *frame, const struct frame_head *head)
{
	struct page *page = loop->worker->page;

	pass_on(frame, head, FRAME_LAST, &loop->output->buf);
	page_count(page, COUNT_RECORDS_IN, 1);
	page_count(page, COUNT_BYTES_IN, head->length);
	page_count(page, COUNT_RECORDS_OUT, 1);
	page_count(page, COUNT_BYTES_OUT, head->length);
}

void emit_frame(
	struct loop *loop, const uint8_t *frame, const struct frame_head *head, struct buf *out)
{
	if (head->type == FRAME_TYPE_FAILED)
		pass_on(frame, head, FRAME_LAST, out);
	else if (head->type != FRAME_TYPE_END || !loop->worker->driven)
		pass_on(frame, head, 0, out);
}

int emit_scratch(const struct loop *loop, struct buf *out)
{
	const uint8_t *at = loop->scratch.data;
	const uint8_t *end = at + loop->scratch.length;
	struct frame_record record;
	struct frame_head head;
	const char *why;

	for (; at < end; at += head.length) {
		frame_head_read(at, (size_t)(end - at), UINT32_MAX, &head, &why);
		if (head.type != FRAME_TYPE_RECORD)
			continue;
		frame_record_read(at, &head, &record, &why);
		if (loop->codec->write(&record, out) < 0)
			return -1;
	}
	return 0;
}

int emit_result(struct loop *loop, struct event *event, PyObject *result, struct buf *out,
	const char **what)
{
	bool as_frames = loop->codec->write == NULL, raised = false;
	struct buf *to = as_frames ? out : &loop->scratch;
	size_t before = out->length;
	int outputs;

	if (result_is_failure(result)) {
		*what = "handler gave";
		return -1;
	}
	buf_reset(&loop->scratch);
	if (result_is_generator(result))
		outputs = result_generate(to, event, result, loop->cap, &raised);
	else
		outputs = result_append(to, event, result, loop->cap);
	*what = raised ? "handler raised" : "cannot use what the handler returned:";
	if (outputs < 0 || as_frames || emit_scratch(loop, out) == 0)
		return outputs;
	out->length = before;
	return -1;
}

int loop_bad_input(struct loop *loop, const char *why)
{
	int status = emit_flush(loop);

	if (status != GO_ON)
		return status;
	if (loop->worker->driven && loop->input.ended) {
		log_error("peer gone: the input ends inside a frame");
		return STATUS_TEMPFAIL;
	}
	log_error("%s %llu of the input: %s", loop->codec->unit,
		(unsigned long long)loop->input.position, why);
	return STATUS_DATA;
}

static int take_in(struct loop *loop, const uint8_t *frame, struct frame_record *record)
{
	int64_t now_ns = clock_coarse_ns();
	int status;

	if (output_due(loop->output, now_ns)) {
		status = emit_flush(loop);
		if (status != GO_ON)
			return status;
	}
	if (loop->output->buf.length == 0)
		loop->output->since_ns = now_ns;
	if (record->head.type == FRAME_TYPE_RECORD) {
		if (loop->handler == NULL)
			copy(loop, frame, &record->head);
		else if (loop->handler->takes_batches)
			return batch_take(loop, frame, record, now_ns);
		else
			return plain_run(loop, frame, record, now_ns);
		return GO_ON;
	}
	status = batch_run(loop);
	emit_frame(loop, frame, &record->head, &loop->output->buf);
	return status;
}

/* As poll(2); with async functions their event loop runs meanwhile. */
static int wait(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int ready;

	if (event_loop_exists())
		return event_loop_wait(fds, count, timeout_ms);
	interpreter_pause();
	ready = fd_poll(fds, count, timeout_ms);
	interpreter_resume();
	return ready;
}

/* Waits until there is something to read, a batch is due, or the driver says something. */
static int wait_for_input(struct loop *loop, bool *readable)
{
	struct pollfd fds[] = {
		{.fd = loop->input.fd, .events = POLLIN},
		{.fd = loop->worker->control, .events = POLLIN}, /* below 0 by hand: left out */
	};
	int ready = fd_poll(fds, 1, 0);

	*readable = ready > 0;
	if (ready > 0)
		return GO_ON;
	ready = emit_flush(loop);
	if (ready != GO_ON)
		return ready;
	ready = wait(fds, 2, batch_wait_ms());
	*readable = ready > 0 && fds[0].revents != 0;
	if (ready > 0 && fds[1].revents != 0 && control_read(loop->worker) == CONTROL_GONE &&
		!*readable) {
		log_error("the driver is gone");
		return STATUS_TEMPFAIL;
	}
	return interpreter_interrupted() ? STATUS_INTERRUPTED : GO_ON;
}

static int fill(struct loop *loop)
{
	bool readable;
	int status;

	if (batch_wait_ms() == 0 || (loop->worker->draining && batch_wait_ms() > 0))
		return batch_run(loop);
	status = wait_for_input(loop, &readable);
	if (status != GO_ON || !readable)
		return status;
	if (input_read(&loop->input) == 0 || errno == EINTR || errno == EAGAIN)
		return GO_ON;
	log_error("cannot read the input: %s", strerror(errno));
	status = emit_flush(loop);
	return status == GO_ON ? STATUS_TEMPFAIL : status;
}

/* In order: all that was taken is run, all that was given is written. */
static int end(struct loop *loop)
{
	int status = batch_run(loop);

	if (status == GO_ON)
		status = emit_flush(loop);
	return status == GO_ON ? STATUS_OK : status;
}

int read_loop_run(struct worker *worker, const struct handler *handler, overlapping_loop *overlap)
{
	static struct output output; /* its thread outlives this function, */
	static struct loop loop;     /* and so do tasks, which are cancelled at the end */
	struct frame_record record;
	const uint8_t *frame;
	const char *why;
	int status = GO_ON;

	loop = (struct loop){.worker = worker,
		.handler = handler,
		.codec = worker->codec,
		.output = &output,
		.cap = (uint32_t)worker->config.max_record_size};
	input_init(&loop.input, worker->in);
	output_init(&output, worker->out);
	if (handler != NULL && handler->is_async && !handler->takes_batches)
		status = overlap(&loop);
	while (status == GO_ON) {
		if (invoke_awaited()) { /* async after all, behind a decorator */
			status = overlap(&loop);
			break;
		}
		if (recycle_due(worker, batch_count())) {
			status = end(&loop);
			break;
		}
		switch (loop.codec->read(&loop.input, loop.cap, &frame, &record, &why)) {
		case FRAME_OK:
			status = take_in(&loop, frame, &record);
			break;
		case FRAME_BAD:
			status = batch_run(&loop);
			status = status == GO_ON ? loop_bad_input(&loop, why) : status;
			break;
		case FRAME_MORE:
			status = loop.input.ended ? end(&loop) : fill(&loop);
			break;
		}
	}
	buf_release(&loop.scratch);
	input_release(&loop.input);
	return status;
}
