#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "event.h"
#include "exception.h"
#include "format.h"
#include "input.h"
#include "interpreter.h"
#include "output.h"

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

static enum event_end run(
	struct loop *loop, const uint8_t *frame, const struct frame_record *record, int64_t now_ns)
{
	struct buf *out = &loop->output->buf;
	enum event_end end;

	if (loop->format->give == NULL)
		return event_run(
			loop->handler, loop->worker, frame, record, now_ns, loop->output, out);
	buf_reset(&loop->frames);
	end = event_run(loop->handler, loop->worker, frame, record, now_ns, loop->output,
		&loop->frames);
	if (end == EVENT_DONE && give(loop, out) < 0) {
		exception_log_event(record, "cannot write the output:");
		end = EVENT_FAILED;
	}
	return end;
}

static int event_failed(struct loop *loop, enum event_end end)
{
	int status = flush(loop);

	if (status != GO_ON)
		return status;
	return end == EVENT_INTERRUPTED ? STATUS_INTERRUPTED : STATUS_FAILED;
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

static int take_in(struct loop *loop, const uint8_t *frame, const struct frame_record *record)
{
	int64_t now_ns = clock_coarse_ns();
	enum event_end end;

	if (output_due(loop->output, now_ns)) {
		int status = flush(loop);

		if (status != GO_ON)
			return status;
	}
	if (loop->output->buf.length == 0)
		loop->output->since_ns = now_ns;
	switch (record->head.type) {
	case FRAME_TYPE_RECORD:
		if (loop->handler == NULL) {
			copy(loop, frame, &record->head);
			break;
		}
		end = run(loop, frame, record, now_ns);
		if (end != EVENT_DONE)
			return event_failed(loop, end);
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
		switch (loop.format->take(&loop.input, loop.cap, &frame, &record, &why)) {
		case FRAME_OK:
			status = take_in(&loop, frame, &record);
			break;
		case FRAME_BAD:
			status = bad_input(&loop, why);
			break;
		case FRAME_MORE:
			if (loop.input.ended) {
				status = flush(&loop);
				status = status == GO_ON ? STATUS_OK : status;
			} else {
				status = fill(&loop);
			}
			break;
		}
	}
	buf_release(&loop.frames);
	input_release(&loop.input);
	return status;
}
