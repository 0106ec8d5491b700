/* What follows when an attempt fails: the pause and the next one, or the end of it. */
#include "bruco-worker/run/mode.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/python/interpreter.h"
#include "control/messages.h"

enum { TELL_MS = 100 }; /* shorter pauses are not worth a message each */

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
	int status = emit_flush(loop), ready;

	if (status != GO_ON)
		return status;
	do {
		interpreter_pause();
		ready = fd_poll(fds, 2, clock_left(deadline, clock_ms()));
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

void retry_tell(const struct worker *worker, uint64_t seq, uint32_t attempts, int64_t pause_ms)
{
	static int64_t told_ns;
	struct message message = {
		.type = MESSAGE_ATTEMPT, .seq = seq, .page = {.attempt = attempts}};
	int64_t now_ns = clock_coarse_ns();

	if (worker->control < 0 || (pause_ms < TELL_MS && now_ns - told_ns < TELL_MS * 1000000))
		return;
	told_ns = now_ns;
	message_send(worker->control, &message, NULL, 0); /* without room it is not told */
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
	retry_tell(loop->worker, record->head.seq, record->head.attempt, pause_ms);
	return back_off(loop, record, pause_ms);
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
