#include "bruco/testing/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/status.h"
#include "bruco/driver/watchdog_signals.h"
#include "control/death_text.h"
#include "frame/cursor.h"
#include "frame/limits.h"

enum { PIPE_BYTES = 1 << 20, READ_BYTES = 256 << 10 };

/* One worker's life, and what is done. */
struct run {
	struct replay *replay;
	const struct capture *capture;
	struct relay *relay;
	struct outcomes *outcomes;
	struct process process;
	struct watch watch;
	uint32_t life;
	int in, out;        /* our ends of the worker's input and output */
	size_t written;     /* bytes of capture->frames */
	uint64_t begun;     /* records of which at least a part is written */
	uint64_t done;      /* records whose outputs are all there */
	bool one_at_a_time; /* since a worker died */
	bool timed_out;     /* this worker was killed for an event that ran too long */
	struct buf input;   /* the beginning of a frame that the worker has not written whole */
	int status;         /* not STATUS_OK: why it can't go on */
};

void replay_init(struct replay *replay, struct config *config, const char *venv, int signal_fd)
{
	config->processor.retry_attempts = 1;
	config->processor.on_failure = FAILURE_SKIP; /* failed events come out as frames */
	config->processor.workers = 1;
	config->processor.max_events =
		0; /* no output may depend on which events a worker has run before */
	config->processor.max_memory = 0;
	*replay = (struct replay){.config = config, .signal_fd = signal_fd};
	launch_init(&replay->launch, config, venv, false);
	/* What a handler started and left behind becomes our child, to be reaped here. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void replay_release(struct replay *replay)
{
	launch_release(&replay->launch);
}

/* ---- what comes out */

static int take_frame(struct run *run, const struct frame_record *record)
{
	const struct frame_head *head = &record->head;

	if (head->seq <= run->done || head->seq > run->begun)
		return -1;
	if (head->type == FRAME_TYPE_RECORD)
		outcomes_add(run->outcomes, head->seq, record);
	else if (head->type == FRAME_TYPE_FAILED)
		outcomes_add_failed_frame(run->outcomes, head->seq, record);
	if ((head->flags & FRAME_LAST) != 0)
		run->done = head->seq;
	return 0;
}

static void take_frames(struct run *run)
{
	uint32_t cap = limits_frame((uint32_t)run->replay->config->max_record_size);
	struct frame_cursor cursor = frame_cursor(run->input.data, run->input.length, cap);
	enum frame_result result;

	while ((result = frame_next(&cursor)) == FRAME_OK)
		if (take_frame(run, &cursor.record) < 0) {
			result = FRAME_BAD;
			break;
		}
	if (result == FRAME_BAD) {
		relay_log(run->relay, LEVEL_ERROR,
			"the worker's output does not match its input, killing it");
		process_kill(&run->process);
		fd_close(&run->out);
	}
	buf_drop(&run->input, (size_t)(cursor.next - run->input.data));
}

/* All that is there now. */
static void read_output(struct run *run)
{
	ssize_t got = 1;

	while (run->out >= 0 && got > 0) {
		buf_reserve(&run->input, READ_BYTES);
		got = read(run->out, run->input.data + run->input.length, READ_BYTES);
		if (got > 0) {
			run->input.length += (size_t)got;
			take_frames(run);
		} else if (got == 0) {
			fd_close(&run->out);
		}
	}
}

/* ---- what goes in */

/* Up to which byte frames may be written now. */
static size_t allowed(const struct run *run)
{
	size_t next = run->one_at_a_time ? run->done + 1 : run->capture->count;

	return run->capture->starts[next < run->capture->count ? next : run->capture->count];
}

static void write_input(struct run *run)
{
	const size_t *starts = run->capture->starts;
	size_t end = allowed(run);

	while (run->in >= 0 && run->written < end) {
		ssize_t put = write(
			run->in, run->capture->frames.data + run->written, end - run->written);

		if (put < 0 && errno != EINTR) {
			if (errno != EAGAIN) /* the worker's death shows why */
				fd_close(&run->in);
			break;
		}
		run->written += put > 0 ? (size_t)put : 0;
	}
	while (run->begun < run->capture->count && starts[run->begun] < run->written)
		run->begun++;
	if (run->written == starts[run->capture->count])
		fd_close(&run->in);
}

/* ---- the worker */

static int start_worker(struct run *run)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	int error;

	run->timed_out = false;
	process_init(&run->process, ROLE_WORKER, 0);
	if (fd_pipe(in, PIPE_BYTES) == 0 && fd_pipe(out, PIPE_BYTES) == 0) {
		fd_nonblocking(in[1], true);
		fd_nonblocking(out[0], true);
		run->in = in[1];
		run->out = out[0];
		if (process_start(&run->process, &run->replay->launch, 0, run->life++,
			    (int[]){in[0], out[1]}, 2) == 0)
			return STATUS_OK;
		in[0] = in[1] = -1;
	}
	error = errno;
	relay_log(run->relay, LEVEL_ERROR, "cannot start the worker: %s", strerror(error));
	process_release(&run->process);
	fd_close(&in[0]);
	fd_close(&in[1]);
	fd_close(&run->in);
	fd_close(&run->out);
	return status_of_error(error) == STATUS_TEMPFAIL ? STATUS_TEMPFAIL : STATUS_UNAVAILABLE;
}

/* The next worker begins behind record `done`. */
static void go_back(struct run *run, uint64_t done)
{
	run->done = run->begun = done;
	run->written = run->capture->starts[done];
	buf_reset(&run->input);
	outcomes_keep(run->outcomes, done);
}

static int judge_death(struct run *run, int death, bool was_ready)
{
	bool all_done = run->done == run->capture->count;
	char *text = death_text(death, run->timed_out);
	int status = STATUS_OK;

	if (run->replay->signal_number != 0) {
		status = STATUS_TEMPFAIL;
	} else if (!was_ready) { /* the worker has logged why, unless a signal killed it */
		status = WIFEXITED(death) && death != 0 ? WEXITSTATUS(death) : STATUS_SOFTWARE;
		if (!WIFEXITED(death) || death == 0)
			relay_log(
				run->relay, LEVEL_ERROR, "%s", "the worker died while it started");
	} else if (all_done) {
		if (death != 0)
			relay_log(run->relay, LEVEL_WARNING, "the worker failed at its end");
	} else if (run->begun == run->done + 1) {
		relay_log(run->relay, LEVEL_ERROR, "%s (record %" PRIu64 ")", text, run->begun);
		outcomes_keep(run->outcomes, run->done);
		outcomes_add_failed(run->outcomes, run->begun, text, strlen(text));
		go_back(run, run->begun);
	} else if (run->begun == run->done) {
		relay_log(run->relay, LEVEL_ERROR, "the worker ended without an event to run");
		status = STATUS_SOFTWARE;
	} else if (!run->one_at_a_time) {
		relay_log(run->relay, LEVEL_WARNING,
			"the worker died, running the events again one at a time");
		go_back(run, 0);
	}
	run->one_at_a_time = true;
	free(text);
	return status;
}

/* Judges the end of the worker and starts the next one if records are left; the exit status. */
static int after_end(struct run *run, int death)
{
	bool was_ready = run->process.ready;
	int status;

	kill(-run->process.pid, SIGKILL); /* what its handler left running */
	read_output(run);
	process_reaped(&run->process, run->relay);
	process_release(&run->process);
	fd_close(&run->in);
	fd_close(&run->out);
	status = judge_death(run, death, was_ready);
	if (status == STATUS_OK && run->done < run->capture->count)
		status = start_worker(run);
	return status;
}

static void take_run_signals(struct run *run)
{
	int number, death;
	pid_t pid;

	while ((number = signals_next(run->replay->signal_fd)) != 0) {
		if (number == SIGCHLD)
			continue;
		run->replay->signal_number = number;
		process_kill(&run->process);
	}
	while ((pid = waitpid(-1, &death, WNOHANG)) > 0)
		if (pid == run->process.pid)
			run->status = after_end(run, death);
}

static void watch_worker(struct run *run, int64_t now_ms)
{
	struct watch_claim claim;
	enum watch_order order;

	if (run->process.pid == 0 || !run->process.ready || now_ms < run->watch.due_ms)
		return;
	claim = watch_read(run->process.page);
	order = watch_look(&run->watch, &claim, run->replay->config->processor.timeout_ms, now_ms);
	if (order == WATCH_LONG)
		relay_log(run->relay, LEVEL_WARNING,
			"record %" PRIu64 " has been running for %" PRId64 "s",
			run->watch.event.seq, (run->watch.given_ms - run->watch.begun_ms) / 1000);
	if (watchdog_signal(&run->process, order))
		run->timed_out = true;
}

static void read_control(struct run *run)
{
	struct message message;
	int fds[SOCK_FDS_MAX];
	size_t fd_count, ack_count;
	const struct ack *acks;

	if (message_receive(run->process.control, &message, fds, &fd_count, &acks, &ack_count) <=
		0) {
		fd_close(&run->process.control);
		return;
	}
	if (message.type != MESSAGE_READY)
		return;
	run->process.ready = true;
	watch_begin(&run->watch, clock_ms());
}

/* ---- the loop */

enum {
	POLL_SIGNALS,
	POLL_WRITER,
	POLL_CONTROL,
	POLL_INPUT,
	POLL_OUTPUT,
	POLL_STREAMS,
	POLLS = POLL_STREAMS + PROCESS_OUTPUTS
};

/* Leaves a worker behind that was killed and does not die. */
static void abandon_worker(struct run *run)
{
	relay_log(run->relay, LEVEL_ERROR,
		"the worker (process %d) was killed and does not end, leaving it",
		(int)run->process.pid);
	process_reaped(&run->process, run->relay);
	process_release(&run->process);
	fd_close(&run->in);
	fd_close(&run->out);
	run->status = STATUS_TEMPFAIL;
}

static void run_tick(struct run *run, int64_t now_ms)
{
	int64_t kill_deadline = process_kill_deadline(&run->process);

	if (kill_deadline >= 0 && now_ms >= kill_deadline) {
		abandon_worker(run);
		return;
	}
	watch_worker(run, now_ms);
	for (int i = 0; i < PROCESS_OUTPUTS; i++)
		stage_output_tick(&run->process.outputs[i], run->relay, now_ms);
}

static int run_next_tick(const struct run *run)
{
	int64_t deadline = run->process.ready ? run->watch.due_ms : -1;
	int64_t killed = process_kill_deadline(&run->process);

	if (killed >= 0 && (deadline < 0 || killed < deadline))
		deadline = killed;
	for (int i = 0; i < PROCESS_OUTPUTS; i++) {
		int64_t other = stage_output_deadline(&run->process.outputs[i]);

		if (other >= 0 && (deadline < 0 || other < deadline))
			deadline = other;
	}
	return clock_left(deadline, clock_ms());
}

static void run_wait(struct run *run)
{
	struct process *process = &run->process;
	bool writes = process->ready && run->written < allowed(run);
	struct pollfd polls[POLLS] = {
		[POLL_SIGNALS] = {.fd = run->replay->signal_fd, .events = POLLIN},
		[POLL_WRITER] = log_writer_poll(&run->relay->writer),
		[POLL_CONTROL] = {.fd = process->control, .events = POLLIN},
		[POLL_INPUT] = {.fd = writes ? run->in : -1, .events = POLLOUT},
		[POLL_OUTPUT] = {.fd = run->out, .events = POLLIN},
	};

	for (int i = 0; i < PROCESS_OUTPUTS; i++)
		polls[POLL_STREAMS + i] =
			(struct pollfd){.fd = process->outputs[i].fd, .events = POLLIN};
	if (fd_poll(polls, POLLS, run_next_tick(run)) < 0)
		return;
	if (polls[POLL_WRITER].revents != 0)
		log_writer_write(&run->relay->writer);
	for (int i = 0; i < PROCESS_OUTPUTS; i++)
		if (polls[POLL_STREAMS + i].revents != 0)
			stage_output_read(&process->outputs[i], run->relay);
	if (polls[POLL_CONTROL].revents != 0)
		read_control(run);
	if (polls[POLL_OUTPUT].revents != 0)
		read_output(run);
	if (process->ready)
		write_input(run);
	if (polls[POLL_SIGNALS].revents !=
		0) /* last, because it may start another worker in the same place */
		take_run_signals(run);
}

int replay_run(struct replay *replay, const struct capture *capture, struct relay *relay,
	struct outcomes *outcomes)
{
	struct run run = {.replay = replay,
		.capture = capture,
		.relay = relay,
		.outcomes = outcomes,
		.in = -1,
		.out = -1};

	outcomes_reset(outcomes);
	run.status = start_worker(&run);
	while (run.status == STATUS_OK && run.process.pid != 0) {
		run_wait(&run);
		run_tick(&run, clock_ms());
	}
	buf_release(&run.input);
	return run.status;
}
