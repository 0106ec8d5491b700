#include "bruco-worker/run/retry.h"

#include <sys/random.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco-worker/control.h"
#include "bruco-worker/python/interpreter.h"
#include "bruco-worker/run/counters.h"
#include "bruco-worker/run/emit.h"

static uint32_t random_number(void)
{
	uint32_t number;

	if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
		return 0; /* too early after boot: pauses are not shortened then */
	return number;
}

enum verdict retry_conclude(
	struct loop *loop, struct attempt *attempt, enum attempt_end end, int64_t *pause_ms)
{
	const struct processor_config *processor = &loop->worker->config.processor;
	const struct failed_attempt failed = {.number = attempt->record->head.attempt,
		.is_final = attempt->failure.is_final,
		.interrupted = end == ATTEMPT_INTERRUPTED,
		.gives_frames = loop_gives_frames(loop)};
	enum verdict verdict = retry_verdict(processor, &failed);

	*pause_ms = -1;
	if (verdict == VERDICT_RETRY)
		*pause_ms = retry_pause_ms(processor, failed.number + 1U, random_number());
	else if (verdict != VERDICT_INTERRUPT)
		count_event_failed(loop->worker->page, attempt->record);
	failure_log(&attempt->failure, attempt->record, *pause_ms);
	if (verdict == VERDICT_HAND_ON)
		failure_append(&attempt->failure, attempt->frame, attempt->record, loop->cap,
			attempt->out);
	failure_release(&attempt->failure);
	return verdict;
}

/* ---- the pause */

/* Logs why the pause ends early, if it does. */
static enum next look_up(struct loop *loop, uint64_t seq, const struct pollfd *input)
{
	struct worker *worker = loop->worker;

	if (control_read(worker) == CONTROL_GONE) {
		log_error("the driver is gone");
		return loop_exit(loop, STATUS_TEMPFAIL);
	}
	if (worker->draining)
		log_info("stopping: record %llu is left for the next start",
			(unsigned long long)seq);
	else if (input->revents != 0)
		log_info("the input has ended: record %llu is not tried again here",
			(unsigned long long)seq);
	else
		return CONTINUE;
	return loop_exit(loop, STATUS_OK);
}

/*
 * The pause before another attempt. All outputs are written first. The pause ends early when the
 * driver says DRAIN, or when the input ends under the driver: the source remembers what is not
 * acknowledged. The input is not read meanwhile, only its hang-up is seen.
 */
static enum next back_off(struct loop *loop, uint64_t seq, int64_t pause_ms)
{
	struct pollfd fds[] = {
		{.fd = loop->worker->driven ? loop->input.fd : -1},
		{.fd = loop->worker->control, .events = POLLIN}, /* below 0 by hand: left out */
	};
	int64_t deadline = clock_ms() + pause_ms;
	enum next next = emit_flush(loop);
	int ready = -1;

	while (next == CONTINUE && ready != 0) {
		interpreter_pause();
		ready = fd_poll(fds, 2, clock_left(deadline, clock_ms()));
		interpreter_resume();
		if (interpreter_interrupted())
			return loop_exit(loop, STATUS_INTERRUPTED);
		if (ready >= 0)
			next = look_up(loop, seq, &fds[0]);
	}
	return next;
}

/* ---- all attempts at an event */

static enum next pause_before_next(struct loop *loop, struct attempt *attempt, int64_t pause_ms)
{
	struct frame_head *head = &attempt->record->head;

	head->attempt++;
	/* If the worker dies in the pause, its page says how many attempts have begun. */
	page_set_event(loop->worker->page, head->seq, head->attempt, 0);
	control_tell_attempt(loop->worker, head->seq, head->attempt, pause_ms);
	return back_off(loop, head->seq, pause_ms);
}

static enum next stop_after_failure(struct loop *loop, const struct frame_head *head)
{
	/* The page says that its attempts are used up. */
	page_set_event(loop->worker->page, head->seq, head->attempt + 1U, 0);
	return emit_flush(loop) == EXIT ? EXIT : loop_exit(loop, STATUS_FAILED);
}

/* *again: another attempt follows. */
static enum next follow_up(
	struct loop *loop, struct attempt *attempt, enum attempt_end end, bool *again)
{
	int64_t pause_ms;

	*again = false;
	switch (retry_conclude(loop, attempt, end, &pause_ms)) {
	case VERDICT_RETRY:
		if (pause_before_next(loop, attempt, pause_ms) == EXIT)
			return EXIT;
		*again = true;
		attempt->now_ns = clock_coarse_ns();
		loop->output->since_ns = attempt->now_ns; /* the buffer is empty since the pause */
		break;
	case VERDICT_STOP:
		return stop_after_failure(loop, &attempt->record->head);
	case VERDICT_INTERRUPT:
		return emit_flush(loop) == EXIT ? EXIT : loop_exit(loop, STATUS_INTERRUPTED);
	case VERDICT_HAND_ON:
	case VERDICT_DROP:
		break;
	}
	return CONTINUE;
}

enum next retry_run(struct loop *loop, attempt_function *make, struct attempt *attempt)
{
	bool again = true;
	enum next next = CONTINUE;

	while (again) {
		enum attempt_end end;

		if (attempt->record->head.attempt > 0)
			page_count(loop->worker->page, COUNT_RETRIED, 1);
		end = make(loop, attempt);
		if (end == ATTEMPT_DONE)
			return CONTINUE;
		next = follow_up(loop, attempt, end, &again);
	}
	return next;
}

enum next retry_after(
	struct loop *loop, attempt_function *make, struct attempt *attempt, enum attempt_end end)
{
	bool again;
	enum next next = follow_up(loop, attempt, end, &again);

	return again ? retry_run(loop, make, attempt) : next;
}
