#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "event.h"
#include "failure.h"
#include "format.h"
#include "input.h"
#include "interpreter.h"
#include "output.h"
#include "recycle.h"

enum { GO_ON = -1 }; /* not an exit status */

struct loop {
	struct worker *worker;
	const struct handler *handler;
	const struct format *format;
	uint32_t cap;
	struct input input;
	struct output *output;
	struct buf frames; /* one event's, when they don't leave as frames */
};

static int flush(struct loop *loop)
{
	if (output_flush(loop->output) == 0)
		return GO_ON;
	if (errno == EPIPE)
		log_error("peer gone: nobody reads the output any more");
	else
		log_error("cannot write the output: %s", strerror(errno));
	return STATUS_TEMPFAIL;
}

/* A frame that is not run: passed on with these flags besides. */
static void pass_on(
	struct loop *loop, const uint8_t *frame, const struct frame_head *head, unsigned flags)
{
	struct buf *out = &loop->output->buf;
	uint8_t *to;

	buf_append(out, frame, head->length);
	to = out->data + out->length - head->length;
	frame_patch(to, head->type, (uint16_t)(head->flags | flags), head->attempt, head->seq);
}

static void copy(struct loop *loop, const uint8_t *frame, const struct frame_head *head)
{
	struct page *page = loop->worker->page;

	pass_on(loop, frame, head, FRAME_LAST);
	page_count(page, COUNT_RECORDS_IN, 1);
	page_count(page, COUNT_BYTES_IN, head->length);
	page_count(page, COUNT_RECORDS_OUT, 1);
	page_count(page, COUNT_BYTES_OUT, head->length);
}

/* One event's outputs, which were encoded here a moment ago, in the format that leaves. */
static int give(const struct loop *loop, struct buf *out)
{
	const uint8_t *at = loop->frames.data;
	const uint8_t *end = at + loop->frames.length;
	struct frame_record record;
	struct frame_head head;
	const char *why;

	for (; at < end; at += head.length) {
		frame_head_read(at, (size_t)(end - at), UINT32_MAX, &head, &why);
		if (head.type != FRAME_TYPE_RECORD)
			continue;
		frame_record_read(at, &head, &record, &why);
		if (loop->format->give(&record, out) < 0)
			return -1;
	}
	return 0;
}

static enum event_end attempt(struct loop *loop, const uint8_t *frame,
	const struct frame_record *record, int64_t now_ns, struct failure *failure)
{
	struct buf *out = &loop->output->buf;
	size_t before = out->length;
	enum event_end end;

	if (loop->format->give == NULL)
		return event_run(loop->handler, loop->worker, frame, record, now_ns, loop->output,
			out, failure);
	buf_reset(&loop->frames);
	end = event_run(loop->handler, loop->worker, frame, record, now_ns, loop->output,
		&loop->frames, failure);
	if (end == EVENT_DONE && give(loop, out) < 0) {
		out->length = before;
		failure_take(failure, "cannot write the output:");
		end = EVENT_FAILED;
	}
	return end;
}

/*
 * The pause before an attempt. Nothing is left unwritten during it. The end of the input ends it
 * where the source remembers what is not acknowledged, and so does the driver's: then an exit
 * status. The input is not read meanwhile, only its hang-up is seen.
 */
static int back_off(struct loop *loop, const struct frame_record *record, int64_t pause_ms)
{
	struct worker *worker = loop->worker;
	struct pollfd fds[] = {
		{.fd = worker->driven ? loop->input.fd : -1},
		{.fd = worker->control, .events = POLLIN}, /* below 0 by hand: left out */
	};
	int64_t deadline = clock_ms() + pause_ms;
	int status = flush(loop), ready;

	if (status != GO_ON)
		return status;
	do {
		interpreter_pause();
		ready = poll(fds, 2, clock_left(deadline, clock_ms()));
		interpreter_resume();
		if (interpreter_interrupted())
			return STATUS_INTERRUPTED;
	} while (ready < 0);
	if (fds[1].revents & ~POLLIN) {
		log_error("the driver is gone");
		return STATUS_TEMPFAIL;
	}
	/* All that the driver ever says to a worker is DRAIN. */
	if (fds[1].revents != 0) {
		log_info("stopping: record %llu is left for the next start",
			(unsigned long long)record->head.seq);
		return STATUS_OK;
	}
	if (fds[0].revents != 0) {
		log_info("the input has ended: record %llu is not tried again here",
			(unsigned long long)record->head.seq);
		return STATUS_OK;
	}
	return GO_ON;
}

/* After an attempt that failed: GO_ON for the next, with its number in the record. */
static int retry(struct loop *loop, struct frame_record *record, const struct failure *failure)
{
	struct page *page = loop->worker->page;
	const struct processor_config *processor = &loop->worker->config.processor;
	int64_t pause_ms = failure_pause_ms(processor, record->head.attempt + 1U);

	failure_log(failure, record, pause_ms);
	record->head.attempt++;
	/* Who finds the page of a worker that died in the pause knows how often it was begun. */
	atomic_store_explicit(&page->attempt, record->head.attempt, memory_order_relaxed);
	return back_off(loop, record, pause_ms);
}

/* After the last attempt: GO_ON with the next event, unless onFailure is `stop`. */
static int give_up(struct loop *loop, const uint8_t *frame, const struct frame_record *record,
	const struct failure *failure)
{
	const struct processor_config *processor = &loop->worker->config.processor;
	int status;

	failure_log(failure, record, -1);
	event_count_failed(loop->worker->page, record);
	if (processor->on_failure == FAILURE_STOP) {
		status = flush(loop);
		return status == GO_ON ? STATUS_FAILED : status;
	}
	if (loop->format->give == NULL) /* lines and JSON have no form for it */
		failure_append(failure, frame, record, loop->cap, &loop->output->buf);
	return GO_ON;
}

static int interrupted(
	struct loop *loop, const struct frame_record *record, const struct failure *failure)
{
	int status;

	failure_log(failure, record, -1);
	status = flush(loop);
	return status == GO_ON ? STATUS_INTERRUPTED : status;
}

/* All attempts at an event. */
static int run(struct loop *loop, const uint8_t *frame, struct frame_record *record, int64_t now_ns)
{
	struct worker *worker = loop->worker;
	struct failure failure;
	enum event_end end;
	bool last;
	int status;

	for (;;) {
		if (record->head.attempt > 0)
			page_count(worker->page, COUNT_RETRIED, 1);
		end = attempt(loop, frame, record, now_ns, &failure);
		if (end == EVENT_DONE)
			return GO_ON;
		last = end == EVENT_INTERRUPTED ||
		       record->head.attempt + 1U >= worker->config.processor.retry_attempts;
		if (end == EVENT_INTERRUPTED)
			status = interrupted(loop, record, &failure);
		else if (last)
			status = give_up(loop, frame, record, &failure);
		else
			status = retry(loop, record, &failure);
		failure_release(&failure);
		if (last || status != GO_ON)
			return status;
		now_ns = clock_coarse_ns();
		loop->output->since_ns = now_ns; /* the pause has left the buffer empty */
	}
}

static int bad_input(struct loop *loop, const char *why)
{
	int status = flush(loop);

	if (status != GO_ON)
		return status;
	if (loop->worker->driven && loop->input.ended) {
		log_error("peer gone: the input ends inside a frame");
		return STATUS_TEMPFAIL;
	}
	log_error("%s %llu of the input: %s", loop->format->unit,
		(unsigned long long)loop->input.position, why);
	return STATUS_DATA;
}

static int take_in(struct loop *loop, const uint8_t *frame, struct frame_record *record)
{
	int64_t now_ns = clock_coarse_ns();

	if (output_due(loop->output, now_ns)) {
		int status = flush(loop);

		if (status != GO_ON)
			return status;
	}
	if (loop->output->buf.length == 0)
		loop->output->since_ns = now_ns;
	switch (record->head.type) {
	case FRAME_TYPE_RECORD:
		if (loop->handler != NULL)
			return run(loop, frame, record, now_ns);
		copy(loop, frame, &record->head);
		break;
	case FRAME_TYPE_FAILED:
		pass_on(loop, frame, &record->head, FRAME_LAST);
		break;
	case FRAME_TYPE_END:
		if (loop->worker->driven)
			break;
		/* fall through */
	default:
		pass_on(loop, frame, &record->head, 0);
	}
	return GO_ON;
}

/* Waits until there is something to read, or the driver is gone. */
static int wait_for_input(struct loop *loop)
{
	struct pollfd fds[] = {
		{.fd = loop->input.fd, .events = POLLIN},
		{.fd = loop->worker->control}, /* below 0 by hand: left out */
	};
	int ready = poll(fds, 1, 0);

	if (ready > 0)
		return GO_ON;
	ready = flush(loop);
	if (ready != GO_ON)
		return ready;
	interpreter_pause();
	ready = poll(fds, 2, -1);
	interpreter_resume();
	if (ready > 0 && fds[0].revents == 0) {
		log_error("the driver is gone");
		return STATUS_TEMPFAIL;
	}
	return GO_ON;
}

static int fill(struct loop *loop)
{
	int status = wait_for_input(loop);

	if (status != GO_ON)
		return status;
	if (interpreter_interrupted())
		return STATUS_INTERRUPTED;
	if (input_read(&loop->input) == 0 || errno == EINTR || errno == EAGAIN)
		return GO_ON;
	log_error("cannot read the input: %s", strerror(errno));
	status = flush(loop);
	return status == GO_ON ? STATUS_TEMPFAIL : status;
}

/* In order: all that was given is written. */
static int end(struct loop *loop)
{
	int status = flush(loop);

	return status == GO_ON ? STATUS_OK : status;
}

int loop_run(struct worker *worker, const struct handler *handler)
{
	static struct output output; /* its thread outlives this function */
	struct loop loop = {.worker = worker,
		.handler = handler,
		.format = worker->format,
		.output = &output,
		.cap = (uint32_t)worker->config.max_record_size};
	struct frame_record record;
	const uint8_t *frame;
	const char *why;
	int status = GO_ON;

	input_init(&loop.input, worker->in);
	output_init(&output, worker->out);
	while (status == GO_ON) {
		if (recycle_due(worker)) {
			status = end(&loop);
			break;
		}
		switch (loop.format->take(&loop.input, loop.cap, &frame, &record, &why)) {
		case FRAME_OK:
			status = take_in(&loop, frame, &record);
			break;
		case FRAME_BAD:
			status = bad_input(&loop, why);
			break;
		case FRAME_MORE:
			status = loop.input.ended ? end(&loop) : fill(&loop);
			break;
		}
	}
	buf_release(&loop.frames);
	input_release(&loop.input);
	return status;
}
