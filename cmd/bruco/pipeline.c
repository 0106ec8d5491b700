#include "bruco/pipeline.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/status.h"

enum { LAST_WORDS_MS = 1000 };

/* All stages in one row: source, sink, then the workers. */
static uint32_t stage_count(const struct pipeline *pipeline)
{
	return 2 + pipeline->lane_count;
}

static struct stage *stage_at(struct pipeline *pipeline, uint32_t index)
{
	if (index == 0)
		return &pipeline->source;
	return index == 1 ? &pipeline->sink : &pipeline->lanes[index - 2].stage;
}

/* ---- what stages send */

static bool all_ready(struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < stage_count(pipeline); i++)
		if (!stage_at(pipeline, i)->ready && (i < 2 || !pipeline->lanes[i - 2].gone))
			return false;
	return true;
}

static void ready(struct pipeline *pipeline, struct stage *stage, struct lane *lane)
{
	stage->ready = true;
	relay_log(&pipeline->relay, LEVEL_DEBUG, "%s is ready", stage->name);
	if (lane != NULL) {
		lane->failures = 0;
		pipeline->ever_ready = true;
		relay_let_go(&pipeline->relay);
	}
	if (all_ready(pipeline))
		pipeline_fire(pipeline, &(struct happening){.event = EVENT_READY});
}

static void broken(struct pipeline *pipeline, const struct message *message)
{
	struct lane *lane;

	if (message->lane >= pipeline->lane_count)
		return;
	lane = &pipeline->lanes[message->lane];
	if (lane->stage.pid == 0 || lane->life != message->life)
		return; /* that life is over already */
	relay_log(&pipeline->relay, LEVEL_WARNING,
		"worker %u wrote something that is no frame, killing it", message->lane);
	stage_kill(&lane->stage);
}

static void handle_message(struct pipeline *pipeline, struct stage *stage, struct lane *lane,
	const struct message *message)
{
	if (message->type == MESSAGE_READY && !stage->ready)
		ready(pipeline, stage, lane);
	else if (message->type == MESSAGE_CLOSING && stage == &pipeline->source)
		pipeline_fire(pipeline, &(struct happening){.event = EVENT_CLOSING});
	else if (message->type == MESSAGE_BROKEN && stage == &pipeline->sink)
		broken(pipeline, message);
}

/* Everything that is there now. At the end of file the socket is closed: the stage is ending. */
static void read_control(struct pipeline *pipeline, uint32_t index)
{
	struct stage *stage = stage_at(pipeline, index);
	struct lane *lane = index < 2 ? NULL : &pipeline->lanes[index - 2];
	struct message message;
	int fds[SOCK_FDS_MAX];
	size_t fd_count, ack_count;
	const struct ack *acks;

	while (stage->control >= 0) {
		int got = control_receive(stage->control, &message, fds, &fd_count, &acks,
			&ack_count);

		if (got < 0 && errno == EAGAIN)
			return;
		if (got == 0)
			fd_close(&stage->control);
		if (got <= 0)
			continue;
		while (fd_count > 0)
			close(fds[--fd_count]);
		handle_message(pipeline, stage, lane, &message);
	}
}

/* ---- how stages end */

static const char *meaning(enum stage_role role, int status)
{
	if (role == ROLE_WORKER && status == STATUS_SOFTWARE)
		return "an exception while the handler was starting";
	if (role == ROLE_WORKER && status == STATUS_CONFIG)
		return "the handler cannot be loaded";
	switch (status) {
	case STATUS_FAILED:
		return "a record failed";
	case STATUS_USAGE:
		return "usage";
	case STATUS_DATA:
		return "its input is not what it should be";
	case STATUS_UNAVAILABLE:
		return "something that it needs is not there";
	case STATUS_SOFTWARE:
		return "internal error";
	case STATUS_TEMPFAIL:
		return "a failure that may pass";
	case STATUS_REFUSED:
		return "the broker refuses us";
	case STATUS_CONFIG:
		return "configuration";
	default:
		return "unknown";
	}
}

/* "worker 1 was killed by signal 9 (SIGKILL)", "bruco-sink ended with status 77 (...)". */
static void describe(char text[TEXT_MAX], const char *name, enum stage_role role, int death)
{
	int status = WEXITSTATUS(death);

	if (WIFSIGNALED(death)) {
		const char *word = sigabbrev_np(WTERMSIG(death));

		snprintf(text, TEXT_MAX, "%s was killed by signal %d (SIG%s)", name,
			WTERMSIG(death), word == NULL ? "?" : word);
	} else if (status == STATUS_OK) {
		snprintf(text, TEXT_MAX, "%s ended before its work was done", name);
	} else {
		snprintf(text, TEXT_MAX, "%s ended with status %d (%s)", name, status,
			meaning(role, status));
	}
}

/* Whether there is no more work: everybody may end. */
static bool is_over(const struct pipeline *pipeline)
{
	return pipeline->state == STATE_ENDING || pipeline->state == STATE_CLOSING;
}

/* A worker sees its pipes end when source or sink die; that is not a death of its own. */
static bool ends_of_lanes_are_gone(const struct pipeline *pipeline)
{
	return pipeline->source.control < 0 || pipeline->sink.control < 0;
}

static void worker_ended(struct pipeline *pipeline, struct lane *lane, int death)
{
	struct happening happening = {.lane = lane, .status = WEXITSTATUS(death)};
	bool was_ready = lane->stage.ready, killed = lane->stage.killed;
	uint32_t number = (uint32_t)(lane - pipeline->lanes);
	bool final = WIFEXITED(death) && status_is_final(WEXITSTATUS(death));
	char name[32], text[TEXT_MAX], more[TEXT_MAX];

	lane->page = stage_reaped(&lane->stage, &pipeline->relay);
	lane->death = death;
	lane->life++;
	lane->failures = was_ready ? 0 : lane->failures + 1;
	snprintf(name, sizeof name, "worker %u", number);
	describe(text, name, ROLE_WORKER, death);
	happening.text = text;

	if (was_ready && WIFEXITED(death) && WEXITSTATUS(death) == STATUS_FAILED) {
		happening.event = EVENT_WORKER_LOST;
		snprintf(text, sizeof text, "the handler failed in worker %u", number);
		pipeline_fire(pipeline, &happening);
		return;
	}
	if (!pipeline->ever_ready && final && !killed) {
		happening.event = EVENT_FATAL;
		snprintf(more, sizeof more, "%s cannot start: %s", name,
			meaning(ROLE_WORKER, WEXITSTATUS(death)));
		happening.text = more;
		relay_hear_only(&pipeline->relay, (int)number);
		pipeline_fire(pipeline, &happening);
		return;
	}
	relay_show_held(&pipeline->relay); /* its last words before ours about it */
	if (is_over(pipeline)) {
		if (death != 0 && !killed && pipeline->sink.control >= 0)
			relay_log(&pipeline->relay, LEVEL_WARNING, "%s", text);
		pipeline_worker_died(pipeline, lane, text);
	} else if (pipeline->state == STATE_CUTTING || !ends_of_lanes_are_gone(pipeline)) {
		pipeline_worker_died(pipeline, lane, text);
	}
}

static void end_ended(struct pipeline *pipeline, struct stage *stage, int death)
{
	struct happening happening = {.event = EVENT_FATAL, .status = WEXITSTATUS(death)};
	char text[TEXT_MAX];

	stage_reaped(stage, &pipeline->relay);
	if (is_over(pipeline) && death == 0)
		return;
	describe(text, stage->name, stage->role, death);
	happening.text = text;
	if (pipeline->state == STATE_RESTARTING && !stage->killed)
		relay_log(&pipeline->relay, LEVEL_WARNING, "%s", text);
	if (WIFEXITED(death) && status_is_final(WEXITSTATUS(death)))
		pipeline_fire(pipeline, &happening);
	else
		pipeline_stage_died(pipeline, text);
}

/* Which stage has this pid; the number of stages: none. */
static uint32_t find_stage(struct pipeline *pipeline, pid_t pid)
{
	uint32_t index = 0;

	while (index < stage_count(pipeline) && stage_at(pipeline, index)->pid != pid)
		index++;
	return index;
}

/* Takes one dead child; orphans of handlers come to us as well and are just buried. */
static bool bury_one(struct pipeline *pipeline, int *deaths, bool *dead)
{
	siginfo_t info = {0};
	uint32_t index;
	int death;

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
		return false;
	index = find_stage(pipeline, info.si_pid);
	/* Before its pid is free again: what a worker's handler had started goes with it. */
	if (index >= 2 && index < stage_count(pipeline))
		kill(-info.si_pid, SIGKILL);
	if (waitpid(info.si_pid, &death, 0) == info.si_pid && index < stage_count(pipeline)) {
		deaths[index] = death;
		dead[index] = true;
	}
	return true;
}

static bool is_peer_gone(int death)
{
	return WIFEXITED(death) && WEXITSTATUS(death) == STATUS_TEMPFAIL;
}

static void reap(struct pipeline *pipeline)
{
	int *deaths = mem_array(stage_count(pipeline), sizeof *deaths);
	bool *dead = mem_array(stage_count(pipeline), sizeof *dead);

	while (bury_one(pipeline, deaths, dead))
		;
	/* What they said last decides what their deaths mean. */
	for (uint32_t i = 0; i < stage_count(pipeline); i++)
		read_control(pipeline, i);
	/* Causes before consequences: the stage that only says that its peer is gone comes second,
	 * workers, whose pipes end when source or sink die, last. */
	for (uint32_t i = 0; i < 2; i++)
		if (dead[i] && !is_peer_gone(deaths[i]))
			end_ended(pipeline, stage_at(pipeline, i), deaths[i]);
	for (uint32_t i = 0; i < 2; i++)
		if (dead[i] && is_peer_gone(deaths[i]))
			end_ended(pipeline, stage_at(pipeline, i), deaths[i]);
	for (uint32_t i = 2; i < stage_count(pipeline); i++)
		if (dead[i])
			worker_ended(pipeline, &pipeline->lanes[i - 2], deaths[i]);
	free(deaths);
	free(dead);
}

static bool nothing_runs(struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < stage_count(pipeline); i++)
		if (stage_at(pipeline, i)->pid != 0)
			return false;
	return true;
}

/* ---- signals and time */

static void take_signal(struct pipeline *pipeline, int number)
{
	struct happening happening = {
		.event = EVENT_SIGNAL, .status = STATUS_TEMPFAIL, .signal = number};
	char text[TEXT_MAX];

	if (number == SIGHUP && pipeline->signals > 0)
		return; /* the terminal went away while it stops already */
	if (pipeline->signals++ > 0)
		happening.event = EVENT_SECOND_SIGNAL;
	snprintf(text, sizeof text, "SIG%s", sigabbrev_np(number));
	if (happening.event == EVENT_SIGNAL &&
		(pipeline->state == STATE_RESTARTING || pipeline->state == STATE_WAITING))
		snprintf(text, sizeof text, "SIG%s before it was restarted: %.200s",
			sigabbrev_np(number), pipeline->last_death);
	happening.text = text;
	pipeline_fire(pipeline, &happening);
}

static void take_signals(struct pipeline *pipeline)
{
	bool children = false;
	int number;

	while ((number = signals_next(pipeline->signal_fd)) != 0)
		if (number == SIGCHLD)
			children = true;
		else
			take_signal(pipeline, number);
	if (children)
		reap(pipeline);
}

static bool lanes_may_start(const struct pipeline *pipeline)
{
	return pipeline->state == STATE_STARTING || pipeline->state == STATE_RUNNING ||
	       pipeline->state == STATE_DRAINING;
}

/* The deadline of the state. */
static void time_is_up(struct pipeline *pipeline)
{
	char text[TEXT_MAX], duration[32];

	pipeline->deadline = -1;
	for (uint32_t i = 0; i < stage_count(pipeline); i++)
		if (is_over(pipeline) && stage_at(pipeline, i)->pid != 0)
			relay_log(&pipeline->relay, LEVEL_WARNING,
				"%s has nothing left to do but does not end, killing it",
				stage_at(pipeline, i)->name);
	snprintf(text, sizeof text, "the shutdown timeout of %s passed with work left",
		pipeline_duration(pipeline->config->shutdown_timeout_ms, duration));
	pipeline_fire(pipeline, &(struct happening){.event = EVENT_TIMEOUT,
					.status = STATUS_TEMPFAIL, .text = text});
}

static void tick(struct pipeline *pipeline)
{
	int64_t now = clock_ms();

	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		struct lane *lane = &pipeline->lanes[i];

		if (lane->start_at >= 0 && now >= lane->start_at && lanes_may_start(pipeline))
			pipeline_start_lane(pipeline, lane);
	}
	for (uint32_t i = 0; i < stage_count(pipeline); i++)
		for (int j = 0; j < STAGE_STREAMS; j++)
			stream_tick(&stage_at(pipeline, i)->streams[j], &pipeline->relay, now);
	relay_tick(&pipeline->relay, now);
	if (pipeline->deadline >= 0 && now >= pipeline->deadline)
		time_is_up(pipeline);
	if (nothing_runs(pipeline))
		pipeline_fire(pipeline, &(struct happening){.event = EVENT_REAPED});
}

static void sooner(int64_t *deadline, int64_t other)
{
	if (other >= 0 && (*deadline < 0 || other < *deadline))
		*deadline = other;
}

static int next_tick(struct pipeline *pipeline)
{
	int64_t deadline = pipeline->deadline;

	if (lanes_may_start(pipeline))
		for (uint32_t i = 0; i < pipeline->lane_count; i++)
			sooner(&deadline, pipeline->lanes[i].start_at);
	for (uint32_t i = 0; i < stage_count(pipeline); i++)
		for (int j = 0; j < STAGE_STREAMS; j++)
			sooner(&deadline, stream_deadline(&stage_at(pipeline, i)->streams[j]));
	sooner(&deadline, relay_deadline(&pipeline->relay));
	return clock_left(deadline, clock_ms());
}

/* ---- the loop */

enum { POLL_SIGNALS, POLL_OUTLET, POLL_STAGES };

static void wait_and_serve(struct pipeline *pipeline, struct pollfd *polls)
{
	nfds_t count = POLL_STAGES;
	struct pollfd *at;

	polls[POLL_SIGNALS] = (struct pollfd){.fd = pipeline->signal_fd, .events = POLLIN};
	polls[POLL_OUTLET] = outlet_poll(&pipeline->relay.outlet);
	for (uint32_t i = 0; i < stage_count(pipeline); i++) {
		const struct stage *stage = stage_at(pipeline, i);

		for (int j = 0; j < STAGE_STREAMS; j++)
			polls[count++] = (struct pollfd){.fd = stage->streams[j].fd, .events = POLLIN};
		polls[count++] = (struct pollfd){.fd = stage->control,
			.events = (short)(POLLIN | (stage->outbox_count > 0 ? POLLOUT : 0))};
	}
	if (poll(polls, count, next_tick(pipeline)) < 0)
		return;

	if (polls[POLL_OUTLET].revents != 0)
		outlet_write(&pipeline->relay.outlet);
	at = &polls[POLL_STAGES];
	for (uint32_t i = 0; i < stage_count(pipeline); i++) {
		struct stage *stage = stage_at(pipeline, i);

		for (int j = 0; j < STAGE_STREAMS; j++, at++)
			if (at->revents != 0)
				stream_read(&stage->streams[j], &pipeline->relay);
		if (at->revents & POLLOUT)
			stage_flush(stage);
		if (at->revents & ~POLLOUT)
			read_control(pipeline, i);
		at++;
	}
	if (polls[POLL_SIGNALS].revents != 0)
		take_signals(pipeline);
}

static void pipeline_init(struct pipeline *pipeline, const struct config *config, const char *venv,
	bool stop_at_end, int signal_fd)
{
	*pipeline = (struct pipeline){.config = config, .signal_fd = signal_fd, .deadline = -1,
		.running_since = -1, .lane_count = config->processor.workers};
	launch_init(&pipeline->launch, config, venv, stop_at_end);
	relay_init(&pipeline->relay, STDERR_FILENO);
	relay_hold(&pipeline->relay);
	restarts_init(&pipeline->restarts, config->max_restarts);
	stage_init(&pipeline->source, ROLE_SOURCE, 0);
	stage_init(&pipeline->sink, ROLE_SINK, 0);
	pipeline->lanes = mem_array(pipeline->lane_count, sizeof *pipeline->lanes);
	for (uint32_t i = 0; i < pipeline->lane_count; i++) {
		stage_init(&pipeline->lanes[i].stage, ROLE_WORKER, i);
		pipeline->lanes[i].start_at = -1;
	}
	/* What a handler started and left behind is ours to bury. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void pipeline_release(struct pipeline *pipeline)
{
	relay_let_go(&pipeline->relay);
	outlet_flush(&pipeline->relay.outlet, LAST_WORDS_MS);
	relay_release(&pipeline->relay);
	for (uint32_t i = 0; i < stage_count(pipeline); i++)
		stage_release(stage_at(pipeline, i));
	free(pipeline->lanes);
	restarts_release(&pipeline->restarts);
	launch_release(&pipeline->launch);
}

int pipeline_run(const struct config *config, const char *venv, bool stop_at_end, int signal_fd,
	int *signal_number)
{
	struct pipeline pipeline;
	struct pollfd *polls;

	pipeline_init(&pipeline, config, venv, stop_at_end, signal_fd);
	polls = mem_array(POLL_STAGES + (size_t)stage_count(&pipeline) * (STAGE_STREAMS + 1),
		sizeof *polls);
	/* Nothing runs yet and the wait is over: the table's own way to begin. */
	pipeline.state = STATE_WAITING;
	pipeline_fire(&pipeline, &(struct happening){.event = EVENT_TIMEOUT});
	while (pipeline.state != STATE_DONE) {
		wait_and_serve(&pipeline, polls);
		tick(&pipeline);
	}

	relay_let_go(&pipeline.relay);
	if (pipeline.signal != 0 || pipeline.status != 0)
		relay_log(&pipeline.relay, LEVEL_ERROR, "%s", pipeline.reason);
	else
		relay_log(&pipeline.relay, LEVEL_INFO, "done");
	*signal_number = pipeline.signal;
	free(polls);
	pipeline_release(&pipeline);
	return pipeline.signal != 0 ? 0 : pipeline.status;
}
