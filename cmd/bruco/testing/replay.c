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
#include "bruco/driver/watchdog.h"
#include "control/death_text.h"
#include "frame/limits.h"

enum { PIPE_BYTES = 1 << 20, READ_BYTES = 256 << 10 };

/* One worker's life, and what is done. */
struct run {
	struct trial *trial;
	const struct recording *recording;
	struct relay *relay;
	struct outcomes *outcomes;
	struct stage stage;
	struct watch watch;
	uint32_t life;
	int in, out;        /* the worker's input and output, our ends */
	size_t written;     /* bytes of recording->frames */
	uint64_t begun;     /* records of which at least a part is written */
	uint64_t done;      /* records whose outputs are all there */
	bool one_at_a_time; /* since a worker died */
	bool timed_out;     /* this worker is killed for it */
	struct buf input;   /* of ours: what came out and is no whole frame yet */
	int status;         /* why it can't go on */
};

void trial_init(struct trial *trial, struct config *config, const char *venv, int signal_fd)
{
	config->processor.retry_attempts = 1;
	config->processor.on_failure = FAILURE_SKIP; /* failed events come out as frames */
	config->processor.workers = 1;
	config->processor.max_events = 0; /* nothing is to depend on where a worker begins */
	config->processor.max_memory = 0;
	*trial = (struct trial){.config = config, .signal_fd = signal_fd};
	launch_init(&trial->launch, config, venv, false);
	/* What a handler started and left behind is ours to bury. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void trial_release(struct trial *trial)
{
	launch_release(&trial->launch);
}

/* ---- what comes out */

static int take_frame(struct run *run, const uint8_t *frame, const struct frame_head *head)
{
	struct frame_record record;
	const char *why;

	if (head->seq <= run->done || head->seq > run->begun)
		return -1;
	if (head->type == FRAME_TYPE_RECORD || head->type == FRAME_TYPE_FAILED) {
		if (frame_record_read(frame, head, &record, &why) != FRAME_OK)
			return -1;
		if (head->type == FRAME_TYPE_RECORD)
			outcomes_add(run->outcomes, head->seq, &record);
		else
			outcomes_add_failed_frame(run->outcomes, head->seq, &record);
	}
	if ((head->flags & FRAME_LAST) != 0)
		run->done = head->seq;
	return 0;
}

static void take_frames(struct run *run)
{
	uint32_t cap = limits_frame((uint32_t)run->trial->config->max_record_size);
	size_t taken = 0;

	for (;;) {
		const uint8_t *at = run->input.data + taken;
		size_t left = run->input.length - taken;
		struct frame_head head;
		const char *why;
		enum frame_result result = frame_head_read(at, left, cap, &head, &why);

		if (result == FRAME_MORE || (result == FRAME_OK && head.length > left))
			break;
		if (result == FRAME_BAD || take_frame(run, at, &head) < 0) {
			relay_log(run->relay, LEVEL_ERROR,
				"the worker sent what is no answer to its input, killing it");
			stage_kill(&run->stage);
			fd_close(&run->out);
			break;
		}
		taken += head.length;
	}
	buf_drop(&run->input, taken);
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

/* The first byte that may not be written yet. */
static size_t allowed(const struct run *run)
{
	size_t next = run->one_at_a_time ? run->done + 1 : run->recording->count;

	return run->recording->starts[next < run->recording->count ? next : run->recording->count];
}

static void write_input(struct run *run)
{
	const size_t *starts = run->recording->starts;
	size_t end = allowed(run);

	while (run->in >= 0 && run->written < end) {
		ssize_t put = write(
			run->in, run->recording->frames.data + run->written, end - run->written);

		if (put < 0 && errno != EINTR) {
			if (errno != EAGAIN) /* its death will tell */
				fd_close(&run->in);
			break;
		}
		run->written += put > 0 ? (size_t)put : 0;
	}
	while (run->begun < run->recording->count && starts[run->begun] < run->written)
		run->begun++;
	if (run->written == starts[run->recording->count])
		fd_close(&run->in);
}

/* ---- the worker */

static int start(struct run *run)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	int error;

	run->timed_out = false;
	stage_init(&run->stage, ROLE_WORKER, 0);
	if (fd_pipe(in, PIPE_BYTES) == 0 && fd_pipe(out, PIPE_BYTES) == 0) {
		fd_nonblocking(in[1], true);
		fd_nonblocking(out[0], true);
		run->in = in[1];
		run->out = out[0];
		if (stage_start(&run->stage, &run->trial->launch, 0, run->life++,
			    (int[]){in[0], out[1]}, 2) == 0)
			return STATUS_OK;
		in[0] = in[1] = -1;
	}
	error = errno;
	relay_log(run->relay, LEVEL_ERROR, "cannot start the worker: %s", strerror(error));
	stage_release(&run->stage);
	fd_close(&in[0]);
	fd_close(&in[1]);
	fd_close(&run->in);
	fd_close(&run->out);
	return status_of_error(error) == STATUS_TEMPFAIL ? STATUS_TEMPFAIL : STATUS_UNAVAILABLE;
}

/* Everything from the next record on goes into a new worker. */
static void go_back(struct run *run, uint64_t done)
{
	run->done = run->begun = done;
	run->written = run->recording->starts[done];
	buf_reset(&run->input);
	outcomes_keep(run->outcomes, done);
}

static int judge_death(struct run *run, int death, bool was_ready)
{
	bool all_done = run->done == run->recording->count;
	char *text = death_text(death, run->timed_out);
	int status = STATUS_OK;

	if (run->trial->signal_number != 0) {
		status = STATUS_TEMPFAIL;
	} else if (!was_ready) { /* it has said why, unless a signal killed it */
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

/* The worker has ended: what next? */
static int bury(struct run *run, int death)
{
	bool was_ready = run->stage.ready;
	int status;

	kill(-run->stage.pid, SIGKILL); /* what its handler left running */
	read_output(run);
	stage_reaped(&run->stage, run->relay);
	stage_release(&run->stage);
	fd_close(&run->in);
	fd_close(&run->out);
	status = judge_death(run, death, was_ready);
	if (status == STATUS_OK && run->done < run->recording->count)
		status = start(run);
	return status;
}

static void take_signals(struct run *run)
{
	int number, death;
	pid_t pid;

	while ((number = signals_next(run->trial->signal_fd)) != 0) {
		if (number == SIGCHLD)
			continue;
		run->trial->signal_number = number;
		stage_kill(&run->stage);
	}
	while ((pid = waitpid(-1, &death, WNOHANG)) > 0)
		if (pid == run->stage.pid)
			run->status = bury(run, death);
}

static void obey(struct run *run, enum watch_order order)
{
	switch (order) {
	case WATCH_NOTHING:
		break;
	case WATCH_LONG:
		relay_log(run->relay, LEVEL_WARNING,
			"record %" PRIu64 " has been running for %" PRId64 "s",
			run->watch.event.seq, (run->watch.given_ms - run->watch.begun_ms) / 1000);
		break;
	case WATCH_TIMEOUT:
	case WATCH_ALARM:
		kill(run->stage.pid, SIGALRM);
		break;
	case WATCH_DUMP:
		kill(run->stage.pid, SIGUSR2);
		break;
	case WATCH_KILL:
		stage_kill(&run->stage);
		run->timed_out = run->stage.killed;
		break;
	}
}

static void watch_worker(struct run *run, int64_t now_ms)
{
	struct watch_claim claim;

	if (run->stage.pid == 0 || !run->stage.ready || now_ms < run->watch.due_ms)
		return;
	claim = watch_read(run->stage.page);
	obey(run,
		watch_look(&run->watch, &claim, run->trial->config->processor.timeout_ms, now_ms));
}

static void read_control(struct run *run)
{
	struct message message;
	int fds[SOCK_FDS_MAX];
	size_t fd_count, ack_count;
	const struct ack *acks;

	if (control_receive(run->stage.control, &message, fds, &fd_count, &acks, &ack_count) <= 0) {
		fd_close(&run->stage.control);
		return;
	}
	if (message.type != MESSAGE_READY)
		return;
	run->stage.ready = true;
	watch_begin(&run->watch, clock_ms());
}

/* ---- the loop */

enum {
	POLL_SIGNALS,
	POLL_OUTLET,
	POLL_CONTROL,
	POLL_INPUT,
	POLL_OUTPUT,
	POLL_STREAMS,
	POLLS = POLL_STREAMS + STAGE_STREAMS
};

/* It was killed and does not die. */
static void abandon(struct run *run)
{
	relay_log(run->relay, LEVEL_ERROR,
		"the worker (process %d) was killed and does not end, leaving it",
		(int)run->stage.pid);
	stage_reaped(&run->stage, run->relay);
	stage_release(&run->stage);
	fd_close(&run->in);
	fd_close(&run->out);
	run->status = STATUS_TEMPFAIL;
}

static void tick(struct run *run, int64_t now_ms)
{
	int64_t kill_deadline = stage_kill_deadline(&run->stage);

	if (kill_deadline >= 0 && now_ms >= kill_deadline) {
		abandon(run);
		return;
	}
	watch_worker(run, now_ms);
	for (int i = 0; i < STAGE_STREAMS; i++)
		stream_tick(&run->stage.streams[i], run->relay, now_ms);
}

static int next_tick(const struct run *run)
{
	int64_t deadline = run->stage.ready ? run->watch.due_ms : -1;
	int64_t killed = stage_kill_deadline(&run->stage);

	if (killed >= 0 && (deadline < 0 || killed < deadline))
		deadline = killed;
	for (int i = 0; i < STAGE_STREAMS; i++) {
		int64_t other = stream_deadline(&run->stage.streams[i]);

		if (other >= 0 && (deadline < 0 || other < deadline))
			deadline = other;
	}
	return clock_left(deadline, clock_ms());
}

static void wait_and_serve(struct run *run)
{
	struct stage *stage = &run->stage;
	bool writes = stage->ready && run->written < allowed(run);
	struct pollfd polls[POLLS] = {
		[POLL_SIGNALS] = {.fd = run->trial->signal_fd, .events = POLLIN},
		[POLL_OUTLET] = outlet_poll(&run->relay->outlet),
		[POLL_CONTROL] = {.fd = stage->control, .events = POLLIN},
		[POLL_INPUT] = {.fd = writes ? run->in : -1, .events = POLLOUT},
		[POLL_OUTPUT] = {.fd = run->out, .events = POLLIN},
	};

	for (int i = 0; i < STAGE_STREAMS; i++)
		polls[POLL_STREAMS + i] =
			(struct pollfd){.fd = stage->streams[i].fd, .events = POLLIN};
	if (fd_poll(polls, POLLS, next_tick(run)) < 0)
		return;
	if (polls[POLL_OUTLET].revents != 0)
		outlet_write(&run->relay->outlet);
	for (int i = 0; i < STAGE_STREAMS; i++)
		if (polls[POLL_STREAMS + i].revents != 0)
			stream_read(&stage->streams[i], run->relay);
	if (polls[POLL_CONTROL].revents != 0)
		read_control(run);
	if (polls[POLL_OUTPUT].revents != 0)
		read_output(run);
	if (stage->ready)
		write_input(run);
	if (polls[POLL_SIGNALS].revents != 0) /* last: it may put another worker here */
		take_signals(run);
}

int trial_run(struct trial *trial, const struct recording *recording, struct relay *relay,
	struct outcomes *outcomes)
{
	struct run run = {.trial = trial,
		.recording = recording,
		.relay = relay,
		.outcomes = outcomes,
		.in = -1,
		.out = -1};

	outcomes_reset(outcomes);
	run.status = start(&run);
	while (run.status == STATUS_OK && run.stage.pid != 0) {
		wait_and_serve(&run);
		tick(&run, clock_ms());
	}
	buf_release(&run.input);
	return run.status;
}
