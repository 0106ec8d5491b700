/* What follows when an attempt fails: the pause and the next one, or the end of it. */
#include "bruco-worker/run/mode.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/control.h"
#include "bruco-worker/python/interpreter.h"

/* Logs why a pause ends early, if it does: then an exit status. */
static int look_up(struct loop *loop, uint64_t seq, const struct pollfd *input)
{
	struct worker *worker = loop->worker;

	if (control_read(worker) == CONTROL_GONE) {
		log_error("the driver is gone");
		return STATUS_TEMPFAIL;
	}
	if (worker->draining)
		log_info("stopping: record %llu is left for the next start",
			(unsigned long long)seq);
	else if (input->revents != 0)
		log_info("the input has ended: record %llu is not tried again here",
			(unsigned long long)seq);
	return worker->draining || input->revents != 0 ? STATUS_OK : GO_ON;
}

/*
 * The pause before another attempt. All outputs are written first. The pause ends early, with an
 * exit status, when the driver says DRAIN or the input ends under the driver: the source remembers
 * what is not acknowledged. The input is not read meanwhile, only its hang-up is seen.
 */
static int back_off(struct loop *loop, uint64_t seq, int64_t pause_ms)
{
	struct pollfd fds[] = {
		{.fd = loop->worker->driven ? loop->input.fd : -1},
		{.fd = loop->worker->control, .events = POLLIN}, /* below 0 by hand: left out */
	};
	int64_t deadline = clock_ms() + pause_ms;
	int status = emit_flush(loop), ready;

	while (status == GO_ON) {
		interpreter_pause();
		ready = fd_poll(fds, 2, clock_left(deadline, clock_ms()));
		interpreter_resume();
		if (interpreter_interrupted())
			return STATUS_INTERRUPTED;
		if (ready < 0)
			continue;
		status = look_up(loop, seq, &fds[0]);
		if (ready == 0)
			break;
	}
	return status;
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
	page_set_event(page, record->head.seq, record->head.attempt, 0);
	control_tell_attempt(loop->worker, record->head.seq, record->head.attempt, pause_ms);
	return back_off(loop, record->head.seq, pause_ms);
}

/* After the last attempt: GO_ON with the next event, unless onFailure is `stop`. */
static int give_up(struct loop *loop, const uint8_t *frame, const struct frame_record *record,
	const struct failure *failure, struct buf *out)
{
	const struct processor_config *processor = &loop->worker->config.processor;
	int status;

	failure_log(failure, record, -1);
	invoke_count_failed(loop->worker->page, record);
	if (processor->on_failure == FAILURE_STOP) {
		/* Who finds the page knows that its attempts are used up. */
		page_set_event(loop->worker->page, record->head.seq, record->head.attempt + 1U, 0);
		status = emit_flush(loop);
		return status == GO_ON ? STATUS_FAILED : status;
	}
	if (loop->codec->write == NULL) /* lines and JSON have no form for it */
		failure_append(failure, frame, record, loop->cap, out);
	return GO_ON;
}

static int interrupted(
	struct loop *loop, const struct frame_record *record, const struct failure *failure)
{
	int status;

	failure_log(failure, record, -1);
	status = emit_flush(loop);
	return status == GO_ON ? STATUS_INTERRUPTED : status;
}

/* After an attempt that ended so; whether there is to be another. */
static bool again(struct loop *loop, const uint8_t *frame, struct frame_record *record,
	enum attempt_end end, struct failure *failure, struct buf *out, int *status)
{
	bool last = failure_is_last(failure, &loop->worker->config.processor, record->head.attempt);

	if (end == ATTEMPT_INTERRUPTED)
		*status = interrupted(loop, record, failure);
	else if (last)
		*status = give_up(loop, frame, record, failure, out);
	else
		*status = retry(loop, record, failure);
	failure_release(failure);
	return !last && *status == GO_ON;
}

int retry_run(struct loop *loop, attempt_function *attempt, const uint8_t *frame,
	struct frame_record *record, int64_t now_ns, struct buf *out)
{
	int status;

	for (;;) {
		struct failure failure;
		enum attempt_end end;

		if (record->head.attempt > 0)
			page_count(loop->worker->page, COUNT_RETRIED, 1);
		end = attempt(loop, frame, record, now_ns, out, &failure);
		if (end == ATTEMPT_DONE)
			return GO_ON;
		if (!again(loop, frame, record, end, &failure, out, &status))
			return status;
		now_ns = clock_coarse_ns();
		loop->output->since_ns = now_ns; /* the pause has left the buffer empty */
	}
}

int retry_after(struct loop *loop, attempt_function *attempt, const uint8_t *frame,
	struct frame_record *record, enum attempt_end end, struct failure *failure, struct buf *out)
{
	int status;

	if (!again(loop, frame, record, end, failure, out, &status))
		return status;
	loop->output->since_ns = clock_coarse_ns();
	return retry_run(loop, attempt, frame, record, loop->output->since_ns, out);
}
