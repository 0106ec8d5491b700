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
#include "bruco-worker/python/interpreter.h"
#include "bruco-worker/run/emit.h"
#include "bruco-worker/run/mode.h"
#include "bruco-worker/run/recycle.h"

static enum next copy_record(
	struct loop *loop, const uint8_t *frame, struct frame_record *record, int64_t now_ns)
{
	struct page *page = loop->worker->page;
	const struct frame_head *head = &record->head;

	(void)now_ns;
	emit_frame(loop, frame, head, &loop->output->buf);
	page_count(page, COUNT_RECORDS_IN, 1);
	page_count(page, COUNT_BYTES_IN, head->length);
	page_count(page, COUNT_RECORDS_OUT, 1);
	page_count(page, COUNT_BYTES_OUT, head->length);
	return CONTINUE;
}

const struct mode mode_copy = {.take = copy_record};

static enum next take_frame(struct loop *loop, const uint8_t *frame, struct frame_record *record)
{
	int64_t now_ns = clock_coarse_ns();
	enum next next;

	if (output_due(loop->output, now_ns) && emit_flush(loop) == EXIT)
		return EXIT;
	if (loop->output->buf.length == 0)
		loop->output->since_ns = now_ns;
	if (record->head.type == FRAME_TYPE_RECORD)
		return loop->mode->take(loop, frame, record, now_ns);
	next = mode_flush(loop);
	emit_frame(loop, frame, &record->head, &loop->output->buf);
	return next;
}

/* As poll(2); the event loop, if there is one, runs meanwhile. */
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
static enum next wait_for_input(struct loop *loop, bool *readable)
{
	struct pollfd fds[] = {
		{.fd = loop->input.fd, .events = POLLIN},
		{.fd = loop->worker->control, .events = POLLIN}, /* below 0 by hand: left out */
	};
	int ready = fd_poll(fds, 1, 0);

	*readable = ready > 0;
	if (*readable)
		return CONTINUE;
	if (emit_flush(loop) == EXIT)
		return EXIT;
	ready = wait(fds, 2, mode_wait_ms(loop));
	*readable = ready > 0 && fds[0].revents != 0;
	if (ready > 0 && fds[1].revents != 0 && control_read(loop->worker) == CONTROL_GONE &&
		!*readable) {
		log_error("the driver is gone");
		return loop_exit(loop, STATUS_TEMPFAIL);
	}
	return interpreter_interrupted() ? loop_exit(loop, STATUS_INTERRUPTED) : CONTINUE;
}

/* The buffer holds no whole record: reads more, or runs what is held when that is due. A worker
 * that drains holds nothing back. */
static enum next fill(struct loop *loop)
{
	int wait_ms = mode_wait_ms(loop);
	bool readable;

	if (wait_ms == 0 || (loop->worker->draining && wait_ms > 0))
		return mode_flush(loop);
	if (wait_for_input(loop, &readable) == EXIT)
		return EXIT;
	if (!readable || input_read(&loop->input) == 0 || errno == EINTR || errno == EAGAIN)
		return CONTINUE;
	log_error("cannot read the input: %s", strerror(errno));
	return emit_flush(loop) == EXIT ? EXIT : loop_exit(loop, STATUS_TEMPFAIL);
}

/* All that was taken in is run, all outputs are written. */
static enum next finish(struct loop *loop)
{
	if (mode_flush(loop) == EXIT || emit_flush(loop) == EXIT)
		return EXIT;
	return loop_exit(loop, STATUS_OK);
}

static enum next step(struct loop *loop, overlapping_loop *overlap)
{
	struct frame_record record;
	const uint8_t *frame;
	const char *why;

	if (loop->awaited)
		return overlap(loop);
	if (recycle_due(loop->worker, mode_held(loop)))
		return finish(loop);
	switch (loop->codec->read(&loop->input, loop->cap, &frame, &record, &why)) {
	case FRAME_OK:
		return take_frame(loop, frame, &record);
	case FRAME_BAD:
		return mode_flush(loop) == EXIT ? EXIT : emit_bad_input(loop, why);
	case FRAME_MORE:
		break;
	}
	return loop->input.ended ? finish(loop) : fill(loop);
}

int read_loop_run(struct worker *worker, const struct handler *handler, overlapping_loop *overlap)
{
	static struct output output; /* its thread outlives this function, */
	static struct loop loop;     /* and so do tasks, which are cancelled at the end */
	enum next next = CONTINUE;

	loop = (struct loop){.worker = worker,
		.handler = handler,
		.mode = mode_of(handler),
		.codec = worker->codec,
		.output = &output,
		.cap = (uint32_t)worker->config.max_record_size};
	input_init(&loop.input, worker->in);
	output_init(&output, worker->out);
	if (handler != NULL && handler->is_async && handler->kind->may_overlap)
		next = overlap(&loop);
	while (next == CONTINUE)
		next = step(&loop, overlap);
	buf_release(&loop.scratch);
	input_release(&loop.input);
	return loop.status;
}
